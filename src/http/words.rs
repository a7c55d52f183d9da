//! What operators read of dates, durations, counts and clocks, in English. Moments are in UTC and say so; the
//! pages' script tells them in the reader's own time.

use super::page::Moment;
use crate::clock::UnixTime;
use crate::oath::HashAlg;
use crate::words::{Value, Words};

/// "3 May", with the year when it is not this one.
pub(super) fn day(at: UnixTime, now: UnixTime) -> String {
    Words::ENGLISH.day(at, now)
}

/// "today 14:05 UTC", "3 May 14:05 UTC", "3 May 2025"; with the exact moment beside it.
pub(super) fn moment(at: UnixTime, now: UnixTime) -> Moment {
    moment_in(Words::ENGLISH, at, now)
}

/// The same in a language.
pub(super) fn moment_in(words: Words, at: UnixTime, now: UnixTime) -> Moment {
    Moment { words: words.moment(at, now), exact: at.to_string() }
}

/// "12 s", "5 min 20 s", "3 h 10 min", "41 days 3 h".
pub(super) fn duration(secs: u64) -> String {
    Words::ENGLISH.duration(secs)
}

/// How a token's clock stands: "41 days 3 h slow", "12 s fast", "right".
pub(super) fn clock(secs: i64) -> String {
    Words::ENGLISH.clock(secs)
}

/// How far a code lies from where it was expected: by the clock, or in counters.
pub(super) fn distance(steps: i64, seconds: Option<i64>) -> String {
    match seconds {
        Some(seconds) => clock(seconds),
        None if steps == 0 => Words::ENGLISH.text("token-page-next-counter"),
        None => {
            let counters = count(steps.unsigned_abs());
            Words::ENGLISH.with("token-page-counters-ahead", &[("counters", counters.into())])
        }
    }
}

/// "1,240".
pub(super) fn count(number: u64) -> String {
    Words::ENGLISH.count(number)
}

/// What a text with a count takes: `count` chooses the plural, `shown` has its groups of digits.
pub(super) fn plural(number: u64) -> [(&'static str, Value<'static>); 2] {
    [("count", number.into()), ("shown", count(number).into())]
}

/// "1 token", "1,240 tokens", "2 batches".
pub(super) fn counted(number: u64, one: &str) -> String {
    let ending = if one.ends_with("ch") { "es" } else { "s" };
    if number == 1 { format!("1 {one}") } else { format!("{} {one}{ending}", count(number)) }
}

/// A hash as people write it.
pub(super) const fn hash_name(hash: HashAlg) -> &'static str {
    match hash {
        HashAlg::Sha1 => "SHA-1",
        HashAlg::Sha256 => "SHA-256",
        HashAlg::Sha512 => "SHA-512",
    }
}

/// What is wrong, by its code; operators read the message itself, which names more. Other languages say what
/// they have; a code that none of the portal's pages can meet falls back to English.
pub(super) fn problem(words: Words, code: &str, message: &str) -> String {
    let id = format!("problem-{}", code.replace('_', "-"));
    if words == Words::ENGLISH || !Words::has(&id) { sentence(message) } else { words.text(&id) }
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

    #[test]
    fn things_are_counted_and_distances_named() {
        assert_eq!(counted(1, "token"), "1 token");
        assert_eq!(counted(1_240, "token"), "1,240 tokens");
        assert_eq!(counted(2, "batch"), "2 batches");
        assert_eq!(distance(4, None), "4 counters ahead");
        assert_eq!(distance(-1, Some(-30)), "30 s slow");
    }

    #[test]
    fn messages_become_sentences() {
        assert_eq!(sentence("there is no token of this name"), "There is no token of this name.");
        assert_eq!(sentence(""), "");
    }
}
