//! Durations, moments and clocks as people say them.

use crate::clock::UnixTime;
use crate::http::page::Moment;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "March", "April", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec"];
const DAY: u64 = 86_400;

/// "12 s", "5 min 20 s", "3 h 10 min", "41 days 3 h".
pub fn duration(secs: u64) -> String {
    let (large, large_word, small, small_word) = match secs {
        0..60 => return format!("{secs} s"),
        60..3_600 => (secs / 60, "min", secs % 60, "s"),
        3_600..DAY => (secs / 3_600, "h", secs % 3_600 / 60, "min"),
        _ => (secs / DAY, if secs / DAY == 1 { "day" } else { "days" }, secs % DAY / 3_600, "h"),
    };
    if small == 0 {
        format!("{large} {large_word}")
    } else {
        format!("{large} {large_word} {small} {small_word}")
    }
}

/// "41 days 3 h slow", "12 s fast", "right".
pub fn clock(seconds: i64) -> String {
    match seconds {
        0 => "right".into(),
        behind if behind < 0 => format!("{} slow", duration(behind.unsigned_abs())),
        ahead => format!("{} fast", duration(ahead.unsigned_abs())),
    }
}

/// "3 May", with the year when it is not this one.
pub fn day(at: UnixTime, now: UnixTime) -> String {
    let (at, now) = (at.to_utc(), now.to_utc());
    let month = MONTHS[usize::from(u8::from(at.month()) - 1)];
    if at.year() == now.year() {
        format!("{} {month}", at.day())
    } else {
        format!("{} {month} {}", at.day(), at.year())
    }
}

/// "just now", "today 14:05", "yesterday 14:05", "3 May 14:05".
pub fn moment(at: UnixTime, now: UnixTime) -> String {
    if (0..60).contains(&now.secs_since(at)) {
        return "just now".into();
    }
    let (then, present) = (at.to_utc(), now.to_utc());
    let days = (present.date() - then.date()).whole_days();
    let name = match days {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        -1 => "tomorrow".to_owned(),
        _ => day(at, now),
    };
    format!("{name} {:02}:{:02} UTC", then.hour(), then.minute())
}

/// A moment in words and exactly.
pub fn moment_of(at: UnixTime, now: UnixTime) -> Moment {
    Moment { words: moment(at, now), exact: at.to_string() }
}

/// When another try makes sense: "in 30 s"; `None`: after an operator opened it.
pub fn next_try(until: Option<UnixTime>, now: UnixTime) -> Option<String> {
    until.map(|until| {
        let secs = u64::try_from(until.secs_since(now)).unwrap_or(0).max(1);
        format!("in {}", duration(secs))
    })
}

/// A sentence from a message that begins small and ends without a stop.
pub fn sentence(message: &str) -> String {
    let mut chars = message.chars();
    let start: String = chars.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let stop = if message.ends_with(['.', ':']) { "" } else { "." };
    format!("{start}{}{stop}", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-05-03T12:00:00Z.
    const NOON: UnixTime = UnixTime::from_secs(1_777_809_600);

    #[test]
    fn durations_have_two_units_at_most() {
        let cases = [
            (0, "0 s"),
            (12, "12 s"),
            (320, "5 min 20 s"),
            (3_600, "1 h"),
            (11_400, "3 h 10 min"),
            (86_400, "1 day"),
            (41 * 86_400 + 3 * 3_600 + 59, "41 days 3 h"),
        ];
        for (secs, words) in cases {
            assert_eq!(duration(secs), words);
        }
        assert_eq!(
            (clock(-12), clock(12), clock(0)),
            ("12 s slow".into(), "12 s fast".into(), "right".into())
        );
    }

    #[test]
    fn moments_are_told_from_today() {
        let words = |secs| moment(NOON.plus_secs(secs), NOON);
        assert_eq!(words(-5), "just now");
        assert_eq!(words(-3_600), "today 11:00 UTC");
        assert_eq!(words(-86_400), "yesterday 12:00 UTC");
        assert_eq!(words(86_400), "tomorrow 12:00 UTC");
        assert_eq!(words(-10 * 86_400), "23 April 12:00 UTC");
        assert_eq!(day(NOON, NOON), "3 May");
        assert_eq!(day(NOON.plus_secs(-366 * 86_400), NOON), "2 May 2025");
    }
}
