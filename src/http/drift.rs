//! What operators read and see of clocks: a sentence, the picture of one, the histograms of all.

use super::page::chart::{Chart, Plane, Shape, bars, round_up};
use super::words;
use crate::clock::UnixTime;
use crate::oath::drift::{Cause, Observation, Sureness, cause};
use crate::service::{Bar, ClockView, TokenView, WARNED_DAYS};
use crate::words::Words;

const DAY_SECS: i64 = 86_400;
/// A forecast is drawn no further than this.
const DRAWN_SECS: i64 = 3 * 366 * DAY_SECS;

/// "March 2029".
pub(super) fn month(at: UnixTime) -> String {
    let at = at.to_utc();
    let (month, year) = (u8::from(at.month()), at.year().to_string());
    Words::ENGLISH.with("drift-month", &[("month", month.into()), ("year", year.into())])
}

/// Where the token's clock is expected now; `None`: nothing was learned of it.
pub(super) fn expected(token: &TokenView, now: UnixTime) -> Option<i64> {
    let drift = token.state.drift?;
    Some(token.clock.as_ref().map_or(drift.seconds, |clock| clock.expected_secs(now)))
}

fn clock_at(token: &TokenView, now: UnixTime) -> Option<String> {
    expected(token, now).map(words::clock)
}

/// "12 s slow", for tables; empty when nothing was learned of it.
pub(super) fn clock_of(token: &TokenView, now: UnixTime) -> String {
    clock_at(token, now).unwrap_or_default()
}

/// "12 s slow, fine until about March 2029"; `None`: nothing was learned of it.
pub(super) fn clock_words(token: &TokenView, now: UnixTime) -> Option<String> {
    let clock = clock_at(token, now)?;
    let Some(leaving) = token.clock.as_ref().and_then(|known| known.leaving(now)) else {
        return Some(clock);
    };
    let clock = ("clock", clock.into());
    Some(match leaving.at {
        None => Words::ENGLISH.with("drift-fine-long", &[clock]),
        Some(at) if at <= now => Words::ENGLISH.with("drift-out", &[clock]),
        Some(at) => {
            let soon = at <= now.plus_secs(WARNED_DAYS * DAY_SECS);
            let id = if soon { "drift-fails" } else { "drift-fine-until" };
            Words::ENGLISH.with(id, &[clock, ("month", month(at).into())])
        }
    })
}

/// "+4.2 ± 0.7 ppm: 2 min 12 s a year".
fn rate_words(clock: &ClockView) -> String {
    let Some(rate) = clock.line.known_rate_ppm() else {
        return Words::ENGLISH.text("drift-seen-no-rate");
    };
    let a_year = words::clock(whole(rate * 31.5576));
    let error = format!("{:.1}", clock.line.rate_ppm().1);
    let facts = [("rate", ppm(rate).into()), ("error", error.into()), ("year", a_year.into())];
    Words::ENGLISH.with("drift-seen-rate", &facts)
}

/// "+4.2", with a true minus.
fn ppm(rate: f64) -> String {
    format!("{rate:+.1}").replace('-', "\u{2212}")
}

/// The rate of a clock for a table; empty when it is not known.
pub(super) fn rate_cell(clock: &ClockView) -> String {
    clock.line.known_rate_ppm().map(|rate| format!("{} ppm", ppm(rate))).unwrap_or_default()
}

/// When the clock will leave its window, by the error of its rate: "Between March and June 2029".
fn between_words(clock: &ClockView, now: UnixTime) -> Option<String> {
    let leaving = clock.leaving(now)?;
    leaving.at?;
    let from = ("from", month(leaving.earliest).into());
    Some(match leaving.latest {
        Some(latest) => Words::ENGLISH.with("drift-between", &[from, ("to", month(latest).into())]),
        None => Words::ENGLISH.with("drift-after", &[from]),
    })
}

fn row(seen: &Observation, now: UnixTime) -> Vec<String> {
    let offset = offset_label(float(seen.offset_secs), false);
    let (offset, by) = match seen.sure {
        Sureness::Step => (offset, "drift-key-step"),
        Sureness::AtLeast => {
            (Words::ENGLISH.with("drift-at-least", &[("offset", offset.into())]), "drift-key-login")
        }
    };
    vec![words::moment(seen.at, now).words, offset, Words::ENGLISH.text(by)]
}

/// The history of a clock with its line, the window of checks and the forecast.
pub(super) fn chart(token: &TokenView, now: UnixTime, id: &str) -> Option<Chart> {
    let clock = token.clock.as_ref()?;
    let (first, last) = (clock.history.observations.first()?.at, clock.history.observations.last()?.at);
    let rated = clock.line.known_rate_ppm().is_some();
    let ahead = (now.secs_since(first) / 3).clamp(30 * DAY_SECS, DRAWN_SECS);
    let leaves = clock.leaving(now).and_then(|leaving| leaving.at);
    let ahead = leaves.map_or(ahead, |at| (at.secs_since(now) + 30 * DAY_SECS).clamp(ahead, DRAWN_SECS));
    let end = now.plus_secs(ahead).max(last);
    let secs = |at: UnixTime| float(at.secs_since(first));
    // Where checks look: on the line as long as it may be followed, or where the offset was learned last.
    let learned = expected(token, now).unwrap_or(0);
    let center = |at: UnixTime| {
        if !rated {
            float(learned)
        } else if at <= last {
            clock.line.offset_at(at)
        } else {
            float(clock.line.predict(at))
        }
    };
    let (line_from, line_to) = clock.line.observed();
    let horizon = line_to.plus_secs(line_to.secs_since(line_from)).min(end);
    let window = float(clock.window_secs);
    let corners: Vec<UnixTime> = [first, line_to, horizon, end].into_iter().filter(|at| *at <= end).collect();
    let upper = corners.iter().map(|at| (secs(*at), center(*at) + window));
    let lower = corners.iter().rev().map(|at| (secs(*at), center(*at) - window));
    let band: Vec<_> = upper.chain(lower).collect();
    let period = clock.history.period;
    let seen = clock.history.observations.iter();
    let dots: Vec<(f64, f64, Sureness)> =
        seen.map(|it| (secs(it.at), it.likely_secs(period), it.sure)).collect();
    let all = || band.iter().map(|it| it.1).chain(dots.iter().map(|it| it.1));
    let (least, most) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
    let room = (most - least) / 10.0;
    let (least, most) = (least - room, most + room);
    // Zero is in the picture, unless the clock is so far off that the window would become a line.
    let is_near = least.abs().min(most.abs()) <= 10.0 * (most - least);
    let (least, most) = if is_near { (least.min(0.0), most.max(0.0)) } else { (least, most) };
    let unit = round_up((most - least) / 5.0);
    let (bottom, top) = ((least / unit).floor(), (most / unit).ceil().max((least / unit).floor() + 1.0));
    // A little room before the first dot.
    let total = secs(end).max(1.0);
    let plane = Plane { x: (total / -40.0, total), y: (bottom * unit, top * unit) };
    let ticks: Vec<f64> = std::iter::successors(Some(top), |at| (*at > bottom).then_some(at - 1.0))
        .map(|at| at * unit)
        .collect();
    let grid = ticks.iter().map(|at| plane.line(&[plane.left(*at), (total, *at)])).collect();
    let dots_of = |sure: Sureness| -> String {
        dots.iter().filter(|it| it.2 == sure).map(|(x, y, _)| plane.dot(*x, *y)).collect()
    };
    let mut shapes = vec![
        Shape { kind: "grid", path: grid },
        Shape { kind: "band", path: format!("{}z", plane.line(&band)) },
        Shape {
            kind: "zero",
            path: if is_near { plane.line(&[plane.left(0.0), (total, 0.0)]) } else { String::new() },
        },
        Shape { kind: "now", path: plane.line(&[(secs(now), plane.y.0), (secs(now), plane.y.1)]) },
    ];
    let mut keys = vec![("band", "drift-key-window"), ("now", "drift-key-now")];
    if rated {
        let on = |at: UnixTime| (secs(at), clock.line.offset_at(at));
        shapes.push(Shape { kind: "line", path: plane.line(&[on(line_from), on(line_to)]) });
        shapes.push(Shape { kind: "forecast", path: plane.line(&[on(line_to), on(end)]) });
        keys.extend([("line", "drift-key-line"), ("forecast", "drift-key-forecast")]);
    }
    for (sure, kind, id) in
        [(Sureness::AtLeast, "small-dot", "drift-key-login"), (Sureness::Step, "dot", "drift-key-step")]
    {
        if dots.iter().any(|it| it.2 == sure) {
            shapes.push(Shape { kind, path: dots_of(sure) });
            keys.push((kind, id));
        }
    }
    let middle = first.plus_secs(end.secs_since(first) / 2);
    let words = clock_words(token, now).unwrap_or_else(|| rate_words(clock));
    let about = [("words", words.into()), ("from", month(first).into()), ("to", month(end).into())];
    Some(Chart {
        id: id.to_owned(),
        label: Words::ENGLISH.with("drift-chart", &about),
        y: ticks.into_iter().map(|at| offset_label(at, is_near)).collect(),
        x: [first, middle, end].map(|at| words::day(at, now)).to_vec(),
        shapes,
        keys: keys.into_iter().map(|(kind, id)| (kind, Words::ENGLISH.text(id))).collect(),
        table: Words::ENGLISH.text("drift-table"),
        heads: ["drift-seen", "drift-offset", "drift-by"].map(|id| Words::ENGLISH.text(id)).to_vec(),
        rows: clock.history.observations.iter().rev().map(|seen| row(seen, now)).collect(),
    })
}

/// Sentences below the picture: the rate and its error, and what that means for the forecast.
pub(super) fn remarks(token: &TokenView, now: UnixTime) -> Vec<String> {
    let Some(clock) = &token.clock else { return Vec::new() };
    let between = between_words(clock, now).map(|text| format!("{text}."));
    std::iter::once(format!("{}.", rate_words(clock).trim_end_matches('.'))).chain(between).collect()
}

/// "2 min fast" in the few signs that fit beside a picture: "+2 min"; far from zero in seconds.
fn offset_label(secs: f64, is_near: bool) -> String {
    let secs = whole(secs);
    let off = secs.unsigned_abs();
    let text = if is_near { words::duration(off) } else { format!("{} s", words::count(off)) };
    match secs {
        0 => "0".to_owned(),
        ..0 => format!("\u{2212}{text}"),
        _ => format!("+{text}"),
    }
}

/// A histogram of the fleet.
pub(super) fn histogram(
    id: &str,
    label: &'static str,
    counted: &[Bar],
    bound: impl Fn(i64) -> String,
) -> Chart {
    let name = |bar: &Bar| match *bar {
        (i64::MIN, to, _) => Words::ENGLISH.with("drift-below", &[("to", bound(to).into())]),
        (from, i64::MAX, _) => Words::ENGLISH.with("drift-above", &[("from", bound(from).into())]),
        (from, to, _) => {
            Words::ENGLISH.with("drift-from-to", &[("from", bound(from).into()), ("to", bound(to).into())])
        }
    };
    let counts: Vec<u64> = counted.iter().map(|bar| bar.2).collect();
    let most = counts.iter().copied().max().unwrap_or(0);
    let ends = [counted.first(), counted.last()].map(|bar| bar.map(name).unwrap_or_default());
    let [left, right] = ends;
    let label = Words::ENGLISH.text(label);
    Chart {
        id: id.to_owned(),
        y: vec![words::count(most), "0".to_owned()],
        x: vec![left, "0".to_owned(), right],
        shapes: vec![Shape { kind: "bar", path: bars(&counts) }],
        keys: Vec::new(),
        table: Words::ENGLISH.text("drift-table"),
        heads: vec![label.clone(), Words::ENGLISH.text("drift-tokens")],
        rows: counted.iter().map(|bar| vec![name(bar), words::count(bar.2)]).collect(),
        label,
    }
}

/// "30 s slow", for the bounds of bars.
pub(super) fn offset_bound(secs: i64) -> String {
    if secs == 0 { "0".to_owned() } else { words::clock(secs) }
}

/// "+4 ppm", for the bounds of bars.
pub(super) fn rate_bound(rate: i64) -> String {
    format!("{rate:+} ppm").replace('-', "\u{2212}").replace("+0", "0")
}

/// Why a clock is off by so much, as a sentence; `None`: it just ran so.
pub(super) fn cause_words(token: &TokenView, seconds: Option<i64>) -> Option<String> {
    let crate::model::OtpSpec::Totp { period, .. } = token.spec else { return None };
    Some(match cause(seconds?, period)? {
        Cause::TimeZone { half_hours } => {
            let minutes = i32::from(half_hours) * 30;
            let sign = if minutes < 0 { '\u{2212}' } else { '+' };
            let zone = format!("UTC{sign}{}:{:02}", minutes.abs() / 60, minutes.abs() % 60);
            Words::ENGLISH.with("station-cause-zone", &[("zone", zone.into())])
        }
        Cause::Days(days) => {
            Words::ENGLISH.with("station-cause-days", &[("days", days.unsigned_abs().into())])
        }
        Cause::Epoch2000 => Words::ENGLISH.text("station-cause-epoch"),
    })
}

#[expect(clippy::cast_precision_loss, reason = "seconds of our time are exact in a float")]
const fn float(value: i64) -> f64 {
    value as f64
}

#[expect(clippy::cast_possible_truncation, reason = "seconds of our time")]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short() {
        let near = [-120.0, 0.0, 30.0].map(|secs| offset_label(secs, true));
        assert_eq!(near, ["\u{2212}2 min", "0", "+30 s"]);
        assert_eq!(offset_label(-7_230.0, false), "\u{2212}7,230 s");
        assert_eq!([-4, 0, 15].map(rate_bound), ["\u{2212}4 ppm", "0 ppm", "+15 ppm"]);
        let at = UnixTime::parse_rfc3339("2029-03-17T00:00:00Z").expect("a moment");
        assert_eq!(month(at), "March 2029");
    }

    #[test]
    fn a_histogram_names_its_ends() {
        let counted = [(i64::MIN, -15, 1), (-15, 15, 40), (15, i64::MAX, 0)];
        let chart = histogram("offsets", "drift-offsets-of", &counted, offset_bound);
        assert_eq!(chart.x, ["15 s slow and more", "0", "15 s fast and more"]);
        assert_eq!(chart.rows[1], ["15 s slow to 15 s fast", "40"]);
    }
}
