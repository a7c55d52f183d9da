//! Dates, durations, counts and clocks as people say them. Moments are in UTC and say so; the pages' script
//! tells them in the reader's own time.

use crate::clock::UnixTime;
use crate::model::Language;

use super::Words;

const DAY: u64 = 86_400;

impl Words {
    /// "3 May", with the year when it is not this one.
    pub fn day(self, at: UnixTime, now: UnixTime) -> String {
        let (then, present) = (at.to_utc(), now.to_utc());
        let (day, month) = (("day", then.day().into()), ("month", u8::from(then.month()).into()));
        if then.year() == present.year() {
            self.with("time-day", &[day, month])
        } else {
            self.with("time-day-and-year", &[day, month, ("year", then.year().to_string().into())])
        }
    }

    /// "3 May 2026 14:05 UTC", for what is read on another day.
    pub fn date_and_time(self, at: UnixTime) -> String {
        let at = at.to_utc();
        let day = [
            ("day", at.day().into()),
            ("month", u8::from(at.month()).into()),
            ("year", at.year().to_string().into()),
        ];
        let time = format!("{:02}:{:02}", at.hour(), at.minute());
        self.with("time-at", &[("day", self.with("time-day-and-year", &day).into()), ("time", time.into())])
    }

    /// "today 14:05 UTC", "yesterday 14:05 UTC", "3 May 14:05 UTC", "3 May 2025".
    pub fn moment(self, at: UnixTime, now: UnixTime) -> String {
        let (then, present) = (at.to_utc(), now.to_utc());
        let days = (present.date() - then.date()).whole_days();
        if days.abs() > 1 && then.year() != present.year() {
            return self.day(at, now);
        }
        let time = ("time", format!("{:02}:{:02}", then.hour(), then.minute()).into());
        match days {
            0 => self.with("time-today", &[time]),
            1 => self.with("time-yesterday", &[time]),
            -1 => self.with("time-tomorrow", &[time]),
            _ => self.with("time-at", &[("day", self.day(at, now).into()), time]),
        }
    }

    /// "12 s", "5 min 20 s", "3 h 10 min", "41 days 3 h".
    pub fn duration(self, secs: u64) -> String {
        let (of_large, of_both, large, small) = match secs {
            0..60 => return self.with("time-secs", &[("secs", secs.into())]),
            60..3_600 => ("time-mins", "time-mins-secs", secs / 60, secs % 60),
            3_600..DAY => ("time-hours", "time-hours-mins", secs / 3_600, secs % 3_600 / 60),
            _ => ("time-days", "time-days-hours", secs / DAY, secs % DAY / 3_600),
        };
        // The number chooses the plural, its groups of digits are shown.
        let mut variables = vec![("large", large.into()), ("shown", self.count(large).into())];
        if small == 0 {
            return self.with(of_large, &variables);
        }
        variables.push(("small", small.into()));
        self.with(of_both, &variables)
    }

    /// How long until then, a second at least.
    pub fn wait(self, until: UnixTime, now: UnixTime) -> String {
        self.duration(u64::try_from(until.secs_since(now)).unwrap_or(0).max(1))
    }

    /// How a token's clock stands: "41 days 3 h slow", "12 s fast", "right".
    pub fn clock(self, secs: i64) -> String {
        let off = ("duration", self.duration(secs.unsigned_abs()).into());
        match secs {
            0 => self.text("time-clock-right"),
            ..0 => self.with("time-clock-slow", &[off]),
            _ => self.with("time-clock-fast", &[off]),
        }
    }

    /// "1,240", with the language's groups of digits (Unicode CLDR 48; Spanish groups from five digits on).
    pub fn count(self, number: u64) -> String {
        let (separator, least) = match self.language() {
            Language::English => (',', 4),
            Language::German => ('.', 4),
            Language::Ukrainian => ('\u{a0}', 4),
            Language::French => ('\u{202f}', 4),
            Language::Spanish => ('.', 5),
        };
        let digits = number.to_string();
        if digits.len() < least {
            return digits;
        }
        let mut grouped = String::with_capacity(digits.len() * 2);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push(separator);
            }
            grouped.push(digit);
        }
        grouped
    }
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
        let words = |text| Words::ENGLISH.moment(at(text), now);
        assert_eq!(words("2026-06-15T09:05:00Z"), "today 09:05 UTC");
        assert_eq!(words("2026-06-14T23:59:00Z"), "yesterday 23:59 UTC");
        assert_eq!(words("2026-06-16T10:00:00Z"), "tomorrow 10:00 UTC");
        assert_eq!(words("2026-05-03T10:30:00Z"), "3 May 10:30 UTC");
        assert_eq!(words("2025-05-03T10:30:00Z"), "3 May 2025");
        let new_year = at("2026-01-01T00:30:00Z");
        assert_eq!(Words::ENGLISH.moment(at("2025-12-31T23:30:00Z"), new_year), "yesterday 23:30 UTC");
    }

    #[test]
    fn days_are_written_as_in_the_language() {
        let (now, then) = (at("2026-06-15T10:00:00Z"), at("2025-05-01T10:30:00Z"));
        let cases = [
            (Language::English, "1 May 2025"),
            (Language::German, "1. Mai 2025"),
            (Language::Ukrainian, "1 травня 2025 р."),
            (Language::French, "1er mai 2025"),
            (Language::Spanish, "1 de mayo de 2025"),
        ];
        for (language, words) in cases {
            assert_eq!(Words::of(language).day(then, now), words);
        }
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
            assert_eq!(Words::ENGLISH.duration(secs), words);
        }
        assert_eq!(Words::ENGLISH.clock(-12), "12 s slow");
        assert_eq!(Words::ENGLISH.clock(200), "3 min 20 s fast");
        assert_eq!(Words::ENGLISH.clock(0), "right");
    }

    #[test]
    fn counts_are_grouped_as_in_the_language() {
        let count = |language, number| Words::of(language).count(number);
        assert_eq!(count(Language::English, 0), "0");
        assert_eq!(count(Language::English, 999), "999");
        assert_eq!(count(Language::English, 12_345_678), "12,345,678");
        assert_eq!(count(Language::German, 1_240), "1.240");
        assert_eq!(count(Language::Ukrainian, 1_240), "1\u{a0}240");
        assert_eq!(count(Language::French, 1_240), "1\u{202f}240");
        assert_eq!(count(Language::Spanish, 1_240), "1240");
        assert_eq!(count(Language::Spanish, 12_400), "12.400");
    }
}
