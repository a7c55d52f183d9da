//! What is known of a token's clock: a straight line through what was observed of it.
//!
//! RFC 6238 section 6 lets a server remember how far a clock is off and look there next time; with the moment
//! of each finding, a second one gives a *rate*, and the place to look can be predicted between uses. What
//! clocks do: a tuning-fork quartz of 32.768 kHz runs within ±20 ppm at 25 °C and up to 21 ppm slower in the
//! cold and the heat, and ages by a few ppm in its first year; makers of tokens state about 2 minutes a year
//! (4 ppm), some 1 s a day (11.6 ppm). What runs by more than [`MOST_PPM`] is no drift but a clock that was
//! set, so the line begins anew there.
//!
//! Codes show whole steps, so no observation is finer than a step. Consecutive codes give the step; one code
//! of a sign-in may have been typed late, so it gives a lower bound only and counts half as much.

use serde::{Deserialize, Serialize};

use super::PeriodSecs;
use crate::clock::UnixTime;

/// A clock that gains or loses more than this many parts in a million was set: 17 s a day.
pub const MOST_PPM: f64 = 200.0;
/// A rate is known well enough when it is good for half a step after so long.
const GOOD_FOR_SECS: f64 = 90.0 * 86_400.0;
/// No forecast reaches further: batteries last about as long.
const FARTHEST_SECS: f64 = 10.0 * 31_557_600.0;

/// How much an observation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Sureness {
    /// Consecutive codes showed the step, so the clock is within half a step of the offset.
    Step,
    /// One code was typed, perhaps late: the clock is at the offset or ahead of it.
    AtLeast,
}

/// What a token's clock was seen to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// When, by the server's clock.
    pub at: UnixTime,
    /// Token's clock minus server's clock in seconds: the middle of the step, or its beginning with
    /// [`Sureness::AtLeast`].
    pub offset_secs: i64,
    /// How much it says.
    pub sure: Sureness,
}

impl Observation {
    /// Where the clock was as the server saw it: the middle of the step that the code showed. A code that was
    /// typed late makes it seem slower than it is; as the next one is typed as late, that is where to look.
    pub fn likely_secs(&self, period: PeriodSecs) -> f64 {
        self.likely(float(period.get()))
    }

    fn likely(&self, period: f64) -> f64 {
        let offset = float(self.offset_secs);
        match self.sure {
            Sureness::Step => offset,
            Sureness::AtLeast => offset + period / 2.0,
        }
    }

    /// Its standard error: half a step, or a whole one where nobody knows how late it was typed.
    fn error(&self, period: f64) -> f64 {
        match self.sure {
            Sureness::Step => period / 2.0,
            Sureness::AtLeast => period,
        }
    }
}

/// The line through what was observed since the clock last jumped.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    period: f64,
    first: UnixTime,
    last: UnixTime,
    /// Where the weights balance: rate and offset are independent there.
    middle: UnixTime,
    offset: f64,
    offset_error: f64,
    rate_ppm: f64,
    rate_error_ppm: f64,
}

/// When a token's clock will have left the window in which its codes are looked for, if it is not used
/// before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaving {
    /// By the rate as it was found; `None`: not within ten years.
    pub at: Option<UnixTime>,
    /// If the rate is wrong by twice its standard error in the bad direction.
    pub earliest: UnixTime,
    /// If it is wrong in the good direction; `None`: not within ten years.
    pub latest: Option<UnixTime>,
}

/// Fits a line by weighted least squares to observations in the order of time: to the newest ones that no
/// jump parts from each other. `None` without any.
pub fn fit(observations: &[Observation], period: PeriodSecs) -> Option<Line> {
    let period = float(period.get());
    let rest = since_jump(observations, period);
    let (first, last) = (rest.first()?, rest.last()?);
    let secs = |it: &Observation| seconds_between(first.at, it.at);
    let weight = |it: &Observation| it.error(period).powi(-2);
    let all: f64 = rest.iter().map(weight).sum();
    let mean =
        |value: &dyn Fn(&Observation) -> f64| rest.iter().map(|it| weight(it) * value(it)).sum::<f64>() / all;
    let (time, offset) = (mean(&secs), mean(&|it| it.likely(period)));
    let spread: f64 = rest.iter().map(|it| weight(it) * (secs(it) - time).powi(2)).sum();
    let middle = first.at.plus_secs(whole(time));
    let mut line = Line {
        period,
        first: first.at,
        last: last.at,
        middle,
        offset,
        offset_error: all.sqrt().recip(),
        rate_ppm: 0.0,
        rate_error_ppm: f64::INFINITY,
    };
    if spread <= 0.0 {
        return Some(line);
    }
    let together = rest.iter().map(|it| weight(it) * (secs(it) - time) * (it.likely(period) - offset));
    let slope = together.sum::<f64>() / spread;
    // Where the points scatter by more than steps explain, the errors are larger than steps explain.
    let misses =
        rest.iter().map(|it| weight(it) * (it.likely(period) - offset - slope * (secs(it) - time)).powi(2));
    let free = rest.len().saturating_sub(2);
    let scatter = u32::try_from(free).ok().filter(|free| *free > 0);
    let scatter = scatter.map_or(1.0, |free| (misses.sum::<f64>() / f64::from(free)).sqrt().max(1.0));
    line.offset_error *= scatter;
    line.rate_ppm = slope * 1e6;
    line.rate_error_ppm = scatter * spread.sqrt().recip() * 1e6;
    Some(line)
}

/// The newest observations between which no clock jumped.
fn since_jump(observations: &[Observation], period: f64) -> &[Observation] {
    let jumped = |pair: &[Observation]| {
        let [before, after] = pair else { return false };
        let moved = (after.likely(period) - before.likely(period)).abs();
        let time = seconds_between(before.at, after.at).abs();
        // Codes that were typed as they changed are a step late, which is no jump.
        moved > time * MOST_PPM / 1e6 + before.error(period) + after.error(period) + period
    };
    let from = observations.windows(2).rposition(jumped).map_or(0, |at| at + 1);
    &observations[from..]
}

impl Line {
    /// Parts in a million that the clock gains, and the standard error of that; infinite with one observation.
    pub const fn rate_ppm(&self) -> (f64, f64) {
        (self.rate_ppm, self.rate_error_ppm)
    }

    /// The rate, when it is known well enough to be followed: it may be wrong by its standard error for 90
    /// days before that makes half a step.
    pub fn known_rate_ppm(&self) -> Option<f64> {
        let good = self.rate_error_ppm * GOOD_FOR_SECS / 1e6 <= self.period / 2.0;
        (good && self.rate_ppm.abs() <= MOST_PPM).then_some(self.rate_ppm)
    }

    /// The first and the last observation that it rests on.
    pub const fn observed(&self) -> (UnixTime, UnixTime) {
        (self.first, self.last)
    }

    /// The offset on the line, in seconds.
    pub fn offset_at(&self, at: UnixTime) -> f64 {
        self.offset + self.rate_ppm / 1e6 * seconds_between(self.middle, at)
    }

    /// The standard error of [`Line::offset_at`], in seconds.
    pub fn error_at(&self, at: UnixTime) -> f64 {
        let secs = seconds_between(self.middle, at).abs();
        // With one observation nothing is known of the rate, and at that moment it does not matter.
        let from_rate = if secs < 1.0 { 0.0 } else { self.rate_error_ppm / 1e6 * secs };
        self.offset_error.hypot(from_rate)
    }

    /// By how much the clock moves from one moment to a later one, as far as that is known: nothing without
    /// a known rate, and never for longer than was observed, so that a learned rate moves the place where
    /// codes are looked for by no more than the clock was seen to move.
    pub fn moved(&self, from: UnixTime, to: UnixTime) -> i64 {
        let Some(rate) = self.known_rate_ppm() else { return 0 };
        let secs = seconds_between(from, to).clamp(0.0, self.span());
        whole(rate / 1e6 * secs)
    }

    /// The centre of the next check: the offset that is expected at a moment.
    pub fn predict(&self, at: UnixTime) -> i64 {
        match self.known_rate_ppm() {
            Some(_) => whole(self.offset_at(self.last)).saturating_add(self.moved(self.last, at)),
            None => whole(self.offset),
        }
    }

    /// When the clock will be further than `window_secs` from the centre of checks, which follows the known
    /// rate for as long as it was observed and then stands still. `None`: the rate is not known well enough.
    pub fn leaves_window(&self, window_secs: i64, now: UnixTime) -> Option<Leaving> {
        let rate = self.known_rate_ppm()?.abs() / 1e6;
        let error = 2.0 * self.rate_error_ppm / 1e6;
        let (window, span) = (float(window_secs), self.span());
        // Seconds after the last observation until the clock is out when the rate is wrong by so much in the
        // direction of the clock: first the error alone counts, behind the end of the span the rate, too.
        let out_after = |wrong: f64| {
            if wrong > 0.0 && wrong * span >= window {
                return window / wrong;
            }
            span + (window - wrong * span) / (wrong + rate).max(f64::MIN_POSITIVE)
        };
        // Against its direction an error helps, as long as it does not lead out on the other side.
        let good = error.min(window / span.max(1.0));
        let date = |secs: f64| {
            let far = secs > FARTHEST_SECS + seconds_between(self.last, now).max(0.0);
            (!far).then(|| self.last.plus_secs(whole(secs)).max(now))
        };
        let at = date(out_after(0.0));
        Some(Leaving {
            at,
            earliest: date(out_after(error)).unwrap_or_else(|| now.plus_secs(whole(FARTHEST_SECS))),
            latest: at.filter(|_| rate > good).and_then(|_| date(out_after(-good))),
        })
    }

    fn span(&self) -> f64 {
        seconds_between(self.first, self.last).max(0.0)
    }
}

/// Why a clock is off by so much, where that is no chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It was set to local time: so many half hours from UTC.
    TimeZone {
        /// Positive: east of Greenwich.
        half_hours: i8,
    },
    /// It was set to the wrong day: so many days.
    Days(i64),
    /// It counts from 2000-01-01, or its file said so and it does not.
    Epoch2000,
}

/// Seconds from 1970-01-01 to 2000-01-01.
const EPOCH_2000_SECS: i64 = 946_684_800;
/// What a clock is off beside that: what the makers themselves call no fault.
const BESIDE_SECS: i64 = 180;
const DAY_SECS: i64 = 86_400;

/// Names the cause of an offset: a time zone (whole and half hours up to 14 from UTC, but no single half hour,
/// which is no zone and which a clock can lose in five years), one or more whole days, another epoch.
/// `None`: the clock just ran so.
pub fn cause(offset_secs: i64, period: PeriodSecs) -> Option<Cause> {
    let beside = BESIDE_SECS.saturating_add(period.get());
    let nearest = |unit: i64| {
        let count = offset_secs.saturating_add(offset_secs.signum().saturating_mul(unit / 2)) / unit;
        (offset_secs.saturating_sub(count.saturating_mul(unit)).abs() <= beside).then_some(count)
    };
    if offset_secs.unsigned_abs().abs_diff(EPOCH_2000_SECS.unsigned_abs()) <= DAY_SECS.unsigned_abs() {
        return Some(Cause::Epoch2000);
    }
    if let Some(half_hours) = nearest(1_800).filter(|count| (2..=28).contains(&count.abs())) {
        return i8::try_from(half_hours).ok().map(|half_hours| Cause::TimeZone { half_hours });
    }
    nearest(DAY_SECS).filter(|count| *count != 0).map(Cause::Days)
}

/// Seconds from one moment to another, exact for half a million years.
fn seconds_between(from: UnixTime, to: UnixTime) -> f64 {
    float(to.millis().saturating_sub(from.millis())) / 1_000.0
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, which no clock reaches")]
const fn float(value: i64) -> f64 {
    value as f64
}

#[expect(clippy::cast_possible_truncation, reason = "a float that is no i64 becomes the nearest one")]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

#[cfg(test)]
mod tests;
