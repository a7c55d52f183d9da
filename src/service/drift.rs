//! What accepted codes teach of a token's clock, and when they are not believed.
//!
//! The offset that was learned last stands in the token's state; what the clock was seen to show lies in a
//! record beside it, from which the rate follows. Between uses the offset moves on by the rate. All of it
//! only says where codes are looked for: what may be accepted is the floor's business, and the offset is
//! added before the division into steps, so no prediction makes a used step acceptable again.

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, ClockHistory, ClockJump, Drift, OtpSpec, SeedRow, Subject, TokenState,
};
use crate::oath::drift::{Cause, Leaving, Line, Observation, Sureness};
use crate::oath::{MovingFactor, PeriodSecs};
use crate::store::{Change, Changes, View};

use super::ServiceError;
use super::code::{self, DRIFT_SECS_PER_DAY, Examined, signed_distance};

/// The offset that is expected at a moment.
pub(super) fn drift_at(state: &TokenState, clock: Option<&ClockHistory>, now: UnixTime) -> i64 {
    let Some(drift) = state.drift else { return 0 };
    let moved = clock.and_then(ClockHistory::line).map_or(0, |line| line.moved(drift.learned_at, now));
    drift.seconds.saturating_add(moved)
}

/// How far to either side of the expected offset a check looks, in seconds.
pub(super) fn window_secs(period: PeriodSecs) -> i64 {
    period.get().saturating_mul(i64::try_from(code::check_steps(period)).unwrap_or(i64::MAX))
}

/// A rate in whole parts in a million, rounded down.
#[expect(clippy::cast_possible_truncation, reason = "rates are at most some hundreds")]
pub(super) fn floor(rate_ppm: f64) -> i64 {
    rate_ppm.floor() as i64
}

/// What is known of a token's clock, for people.
#[derive(Clone, Debug)]
pub struct ClockView {
    /// What it was seen to show.
    pub history: ClockHistory,
    /// The line through it.
    pub line: Line,
    /// How far to either side of the expected offset a check looks.
    pub window_secs: i64,
    /// The offset that was learned last.
    drift: Option<Drift>,
}

impl ClockView {
    pub(super) fn read(
        view: &dyn View,
        seed: &SeedRow,
        state: &TokenState,
    ) -> Result<Option<Self>, ServiceError> {
        let OtpSpec::Totp { period, .. } = seed.spec else { return Ok(None) };
        let Some(history) = view.clock_history(seed.token, seed.version)? else { return Ok(None) };
        let Some(line) = history.line() else { return Ok(None) };
        Ok(Some(Self { history, line, window_secs: window_secs(period), drift: state.drift }))
    }

    /// Where a check looks at a moment: the offset that was learned last, moved on by the rate.
    pub fn expected_secs(&self, at: UnixTime) -> i64 {
        self.drift.map_or(0, |drift| drift.seconds.saturating_add(self.line.moved(drift.learned_at, at)))
    }

    /// When it will have left the window of checks, if it is not used before; `None`: its rate is not known.
    pub fn leaving(&self, now: UnixTime) -> Option<Leaving> {
        self.line.leaves_window(self.window_secs, now)
    }
}

/// The history that more is added to.
fn history(fresh: &Examined) -> Option<ClockHistory> {
    let period = fresh.period()?;
    Some(fresh.clock.clone().unwrap_or_else(|| ClockHistory::beginning(period, fresh.state.drift)))
}

/// What a code of this step, accepted now, says of the clock.
fn observation(fresh: &Examined, factor: MovingFactor, now: UnixTime, sure: Sureness) -> Option<Observation> {
    let OtpSpec::Totp { period, epoch_secs, .. } = fresh.seed.spec else { return None };
    let begins = i64::try_from(factor.0).ok()?.checked_mul(period.get())?.checked_add(epoch_secs)?;
    let bound = begins.saturating_sub(now.secs());
    let offset_secs = match sure {
        Sureness::Step => bound.saturating_add(period.get() / 2),
        Sureness::AtLeast => bound,
    };
    Some(Observation { at: now, offset_secs, sure })
}

fn known_rate(clock: Option<&ClockHistory>) -> Option<Line> {
    clock.and_then(ClockHistory::line).filter(|line| line.known_rate_ppm().is_some())
}

/// What one accepted code teaches: the drift after it, if that changes, and what is remembered of it.
///
/// Whether a rate is known or not, the offset moves from where it was expected by no more than a clock can
/// have moved since it was last seen, and by at most one step. With a known rate it moves to the line,
/// without one towards the code.
pub(super) fn learn_login(
    view: &dyn View,
    fresh: &Examined,
    factor: MovingFactor,
    now: UnixTime,
) -> Result<(Option<Drift>, Changes), ServiceError> {
    let (Some(period), Some(before)) = (fresh.period(), history(fresh)) else {
        return Ok((None, Vec::new()));
    };
    let moved = code::learned(&fresh.state, fresh.center(now), factor, period, now);
    if !matches!(fresh.seed.spec, OtpSpec::Totp { .. }) {
        let is_doubted = view.clock_jumps()?.is_doubted(now);
        return Ok((moved.filter(|_| !is_doubted), Vec::new()));
    }
    let seen = observation(fresh, factor, now, Sureness::AtLeast);
    let seen = seen.filter(|_| moved.is_some() || before.is_due(now));
    let Some(seen) = seen else { return Ok((None, Vec::new())) };
    if view.clock_jumps()?.is_doubted(now) {
        return Ok((None, Vec::new()));
    }
    let expected = fresh.drift_at(now);
    let had_rate = known_rate(fresh.clock.as_ref()).is_some();
    let after = before.with(seen);
    let seconds = if let Some(line) = known_rate(Some(&after)) {
        let most = code::most_learned(&fresh.state, period, now);
        Some(expected.saturating_add(line.predict(now).saturating_sub(expected).clamp(-most, most)))
    } else {
        let towards = moved.map(|drift| drift.seconds.saturating_sub(fresh.state.drift_secs()));
        // A rate that is given up leaves the offset where it had led to.
        towards.or(had_rate.then_some(0)).map(|towards| expected.saturating_add(towards))
    };
    let drift = seconds.map(|seconds| Drift { seconds, learned_at: now });
    Ok((drift, vec![Change::PutClockHistory(fresh.id(), fresh.seed.version, after)]))
}

/// Adds what a sequence taught to the changes that accept it. True: the server's clock is in doubt, so nothing
/// is learned; when that is because many tokens jumped together, what was learned of those that jumped before
/// it was clear is taken back.
pub(super) fn learn_sequence(
    view: &dyn View,
    fresh: &Examined,
    codes: usize,
    now: UnixTime,
    changes: &mut Changes,
) -> Result<bool, ServiceError> {
    let (Some(period), Some(before)) = (fresh.period(), history(fresh)) else { return Ok(false) };
    if !matches!(fresh.seed.spec, OtpSpec::Totp { .. }) {
        // The floor of what answers challenges is a counter, or the step itself, and an answer may be typed long
        // after it was computed: nothing to judge a clock by.
        return Ok(false);
    }
    let accepted = changes.iter_mut().find_map(|change| match change {
        Change::PutState(token, _, state) if *token == fresh.id() => Some(state),
        _ => None,
    });
    let Some(accepted) = accepted else { return Ok(false) };
    // What was accepted last lies just below the floor.
    let last = MovingFactor(accepted.floor.0.saturating_sub(1));
    let steps = signed_distance(fresh.center(now), last);
    let jump = ClockJump {
        token: fresh.id(),
        version: fresh.seed.version,
        at: now,
        seconds: steps.saturating_mul(period.get()),
        before: fresh.state.drift,
        learned: true,
    };
    let mut jumps = view.clock_jumps()?;
    let is_set = jumps.set_lately(now).is_some();
    let jumped = has_jumped(fresh, &jump, period.get(), now);
    if jumped {
        jumps = jumps.with(ClockJump { learned: !is_set, ..jump });
    }
    let together = jumps.together(now);
    let is_doubted = is_set || together.is_some();
    if is_doubted {
        accepted.drift = fresh.state.drift;
    }
    if let Some(median) = together {
        take_back(view, &mut jumps, median, fresh, now, changes)?;
    }
    if !is_doubted {
        let sure = if codes > 1 { Sureness::Step } else { Sureness::AtLeast };
        let after = observation(fresh, last, now, sure).map(|seen| before.with(seen));
        changes.extend(after.map(|after| Change::PutClockHistory(fresh.id(), fresh.seed.version, after)));
    }
    if jumped {
        changes.push(Change::PutClockJumps(jumps));
    }
    Ok(is_doubted)
}

/// Whether a clock that was seen before is further off than a clock can have run, and than a step: one step
/// is what two honest looks at the same clock can differ by.
fn has_jumped(fresh: &Examined, jump: &ClockJump, period: i64, now: UnixTime) -> bool {
    let Some(seen) = fresh.state.last_used else { return false };
    let days = now.secs_since(seen).max(0) / 86_400;
    let run = days.saturating_mul(DRIFT_SECS_PER_DAY).saturating_add(period);
    jump.seconds.abs() > run
}

/// Takes back what was learned of tokens that jumped with all others, unless it was learned anew since.
fn take_back(
    view: &dyn View,
    jumps: &mut crate::model::ClockJumps,
    median: i64,
    fresh: &Examined,
    now: UnixTime,
    changes: &mut Changes,
) -> Result<(), ServiceError> {
    let believed: Vec<ClockJump> = jumps.believed(now, median).copied().collect();
    let mut subjects = Vec::new();
    for jump in &believed {
        for known in jumps.jumps.iter_mut().filter(|known| known.token == jump.token) {
            known.learned = false;
        }
        if jump.token == fresh.id() {
            continue;
        }
        let Some(seed) = view.seed_version(jump.token, jump.version)? else { continue };
        let state = view.state(&seed)?;
        if state.drift.is_none_or(|drift| drift.learned_at != jump.at) {
            continue;
        }
        let (token, version) = (jump.token, jump.version);
        changes.push(Change::PutState(token, version, TokenState { drift: jump.before, ..state }));
        if let Some(history) = view.clock_history(token, version)? {
            changes.push(Change::PutClockHistory(token, version, history.without(jump.at)));
        }
        subjects.push(Subject::Token(token));
    }
    if !subjects.is_empty() {
        let detail = vec![("seconds", median.to_string()), ("tokens", subjects.len().to_string())];
        let action = AuditAction::ClockDoubted;
        changes.push(super::audit_entry(now, &Actor::SYSTEM, action, subjects, AuditResult::Done, detail));
    }
    Ok(())
}

/// A cause as the log names it.
pub(super) fn cause_name(cause: Cause) -> String {
    match cause {
        Cause::TimeZone { half_hours } => {
            let minutes = i32::from(half_hours) * 30;
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("time_zone {sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        }
        Cause::Days(days) => format!("days {days:+}"),
        Cause::Epoch2000 => "epoch_2000".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_have_names_in_the_log() {
        assert_eq!(cause_name(Cause::TimeZone { half_hours: -7 }), "time_zone -03:30");
        assert_eq!(cause_name(Cause::TimeZone { half_hours: 4 }), "time_zone +02:00");
        assert_eq!(cause_name(Cause::Days(-1)), "days -1");
        assert_eq!(cause_name(Cause::Epoch2000), "epoch_2000");
    }
}
