//! Dates, durations, counts and clocks as people say them. Moments are in UTC and say so; the pages' script
//! tells them in the reader's own time.

use super::page::Moment;
use crate::clock::UnixTime;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "March", "April", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec"];
const DAY: u64 = 86_400;

/// "3 May", with the year when it is not this one.
pub(super) fn day(at: UnixTime, now: UnixTime) -> String {
    let (then, present) = (at.to_utc(), now.to_utc());
    let month = MONTHS[usize::from(u8::from(then.month())) - 1];
    if then.year() == present.year() {
        format!("{} {month}", then.day())
    } else {
        format!("{} {month} {}", then.day(), then.year())
    }
}

/// "today 14:05 UTC", "yesterday 14:05 UTC", "3 May 14:05 UTC", "3 May 2025"; with the exact moment beside it.
pub(super) fn moment(at: UnixTime, now: UnixTime) -> Moment {
    let (then, present) = (at.to_utc(), now.to_utc());
    let day = match (present.date() - then.date()).whole_days() {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        -1 => "tomorrow".to_owned(),
        _ => day(at, now),
    };
    let words = if (present.date() - then.date()).whole_days().abs() > 1 && then.year() != present.year() {
        day
    } else {
        format!("{day} {:02}:{:02} UTC", then.hour(), then.minute())
    };
    Moment { words, exact: at.to_string() }
}

/// When another try makes sense: "in 30 s"; `None`: after an operator opened it.
pub(super) fn next_try(until: Option<UnixTime>, now: UnixTime) -> Option<String> {
    until.map(|until| {
        let secs = u64::try_from(until.secs_since(now)).unwrap_or(0).max(1);
        format!("in {}", duration(secs))
    })
}

/// "12 s", "5 min 20 s", "3 h 10 min", "41 days 3 h".
pub(super) fn duration(secs: u64) -> String {
    let (large, large_word, small, small_word) = match secs {
        0..60 => return format!("{secs} s"),
        60..3_600 => (secs / 60, "min", secs % 60, "s"),
        3_600..DAY => (secs / 3_600, "h", secs % 3_600 / 60, "min"),
        _ => (secs / DAY, if secs / DAY == 1 { "day" } else { "days" }, secs % DAY / 3_600, "h"),
    };
    let large = count(large);
    if small == 0 {
        format!("{large} {large_word}")
    } else {
        format!("{large} {large_word} {small} {small_word}")
    }
}

/// How a token's clock stands: "41 days 3 h slow", "12 s fast", "right".
pub(super) fn clock(secs: i64) -> String {
    match secs {
        0 => "right".to_owned(),
        behind if behind < 0 => format!("{} slow", duration(behind.unsigned_abs())),
        ahead => format!("{} fast", duration(ahead.unsigned_abs())),
    }
}

/// How far a code lies from where it was expected: by the clock, or in counters.
pub(super) fn distance(steps: i64, seconds: Option<i64>) -> String {
    match seconds {
        Some(seconds) => clock(seconds),
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

/// "1 token", "1,240 tokens", "2 batches".
pub(super) fn counted(number: u64, one: &str) -> String {
    let ending = if one.ends_with("ch") { "es" } else { "s" };
    if number == 1 { format!("1 {one}") } else { format!("{} {one}{ending}", count(number)) }
}

/// A message of the service as a sentence: capital first, full stop last.
pub(super) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let Some(first) = letters.next() else { return String::new() };
    let stop = if message.ends_with(['.', '?', ':']) { "" } else { "." };
    format!("{}{}{stop}", first.to_uppercase(), letters.as_str())
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
        assert_eq!(words("2026-06-15T09:05:00Z"), "today 09:05 UTC");
        assert_eq!(words("2026-06-14T23:59:00Z"), "yesterday 23:59 UTC");
        assert_eq!(words("2026-06-16T10:00:00Z"), "tomorrow 10:00 UTC");
        assert_eq!(words("2026-05-03T10:30:00Z"), "3 May 10:30 UTC");
        assert_eq!(words("2025-05-03T10:30:00Z"), "3 May 2025");
        let new_year = at("2026-01-01T00:30:00Z");
        assert_eq!(moment(at("2025-12-31T23:30:00Z"), new_year).words, "yesterday 23:30 UTC");
        assert_eq!(day(at("2026-05-03T10:30:00Z"), now), "3 May");
        assert_eq!(day(at("2025-05-03T10:30:00Z"), now), "3 May 2025");
    }

    #[test]
    fn durations_name_two_units_at_most() {
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
        assert_eq!(clock(-12), "12 s slow");
        assert_eq!(clock(200), "3 min 20 s fast");
        assert_eq!(clock(0), "right");
        assert_eq!(distance(4, None), "4 counters ahead");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_240), "1,240");
        assert_eq!(count(12_345_678), "12,345,678");
        assert_eq!(counted(1, "token"), "1 token");
        assert_eq!(counted(2, "batch"), "2 batches");
    }

    #[test]
    fn messages_become_sentences() {
        assert_eq!(sentence("there is no token of this name"), "There is no token of this name.");
        assert_eq!(sentence(""), "");
    }
}
