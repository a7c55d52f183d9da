//! Dates, durations and counts as people say them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::page::Moment;
use crate::clock::UnixTime;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "March", "April", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec"];

fn exact(at: OffsetDateTime) -> String {
    at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default()
}

/// "today 14:05", "yesterday 14:05", "3 May 14:05", "3 May 2025"; all in UTC.
pub(super) fn moment(at: UnixTime, now: UnixTime) -> Moment {
    let (then, present) = (at.to_utc(), now.to_utc());
    let clock = format!("{:02}:{:02}", then.hour(), then.minute());
    let day = format!("{} {}", then.day(), MONTHS[usize::from(u8::from(then.month())) - 1]);
    let words = match (present.date() - then.date()).whole_days() {
        0 => format!("today {clock}"),
        1 => format!("yesterday {clock}"),
        -1 => format!("tomorrow {clock}"),
        _ if then.year() == present.year() => format!("{day} {clock}"),
        _ => format!("{day} {}", then.year()),
    };
    Moment { words, exact: exact(then) }
}

/// "12 s", "3 min", "3 h 20 min", "41 days 3 h".
pub(super) fn duration(secs: u64) -> String {
    let (days, hours, minutes) = (secs / 86_400, secs % 86_400 / 3_600, secs % 3_600 / 60);
    let with = |head: String, rest: u64, unit: &str| {
        if rest == 0 { head } else { format!("{head} {rest} {unit}") }
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{secs} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => with(format!("{hours} h"), minutes, "min"),
        (1, hours, _) => with("1 day".to_owned(), hours, "h"),
        (days, hours, _) => with(format!("{} days", count(days)), hours, "h"),
    }
}

/// How a token's clock stands: "12 s slow", "3 min fast", "on time".
pub(super) fn drift(secs: i64) -> String {
    match secs {
        0 => "on time".to_owned(),
        behind if behind < 0 => format!("{} slow", duration(behind.unsigned_abs())),
        ahead => format!("{} fast", duration(ahead.unsigned_abs())),
    }
}

/// How far a code lies from where it was expected: by the clock, or in counters.
pub(super) fn distance(steps: i64, seconds: Option<i64>) -> String {
    match seconds {
        Some(seconds) => drift(seconds),
        None if steps == 0 => "the next counter".to_owned(),
        None => format!("{} counters ahead", count(steps.unsigned_abs())),
    }
}

/// "1,240".
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// "1 token", "1,240 tokens".
pub(super) fn counted(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {one}s", count(number)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> UnixTime {
        UnixTime::parse_rfc3339(text).expect("a moment")
    }

    #[test]
    fn moments_are_told_from_today() {
        let now = at("2026-06-15T10:00:00Z");
        let words = |text| moment(at(text), now).words;
        assert_eq!(words("2026-06-15T09:05:00Z"), "today 09:05");
        assert_eq!(words("2026-06-14T23:59:00Z"), "yesterday 23:59");
        assert_eq!(words("2026-05-03T10:30:00Z"), "3 May 10:30");
        assert_eq!(words("2025-05-03T10:30:00Z"), "3 May 2025");
        assert_eq!(moment(at("2026-05-03T10:30:00.5Z"), now).exact, "2026-05-03T10:30:00Z");
    }

    #[test]
    fn durations_name_two_units_at_most() {
        assert_eq!(duration(12), "12 s");
        assert_eq!(duration(185), "3 min");
        assert_eq!(duration(12_000), "3 h 20 min");
        assert_eq!(duration(41 * 86_400 + 3 * 3_600 + 59), "41 days 3 h");
        assert_eq!(drift(-12), "12 s slow");
        assert_eq!(drift(200), "3 min fast");
        assert_eq!(distance(4, None), "4 counters ahead");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_240), "1,240");
        assert_eq!(count(12_345_678), "12,345,678");
        assert_eq!(counted(1, "token"), "1 token");
    }
}
