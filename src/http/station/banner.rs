//! What came of a step, in words that can be read from two metres.

use crate::clock::UnixTime;
use crate::http::page::{Notice, Tone};
use crate::http::{diagnosis, drift, words};
use crate::service::{CheckResult, ConfirmResult, Diagnosis, SequenceOutcome, SequenceResult, TokenView};
use crate::words::{Value, Words};

/// "Token 87-1234567 of test."
fn whose(token: &TokenView) -> String {
    let serial = ("serial", token.token.serial.display().into());
    match &token.user {
        Some(user) => Words::ENGLISH.with("station-whose-user", &[serial, ("user", user.as_str().into())]),
        None => Words::ENGLISH.with("station-whose", &[serial]),
    }
}

/// A message, and which token it is about.
fn notice(tone: Tone, id: &str, variables: &[(&'static str, Value<'_>)], token: &TokenView) -> Notice {
    let mut notice = Notice::tell(tone, Words::ENGLISH, id, variables);
    notice.text = format!("{} {}", notice.text, whose(token));
    notice
}

fn blocked(until: Option<UnixTime>, now: UnixTime, token: &TokenView) -> Notice {
    match until {
        Some(until) => {
            let wait = ("wait", Words::ENGLISH.wait(until, now).into());
            notice(Tone::Bad, "station-blocked-for", &[wait], token)
        }
        None => notice(Tone::Bad, "station-blocked", &[], token),
    }
}

/// Where a position lies: in time for clocks, in presses for counters.
fn distance(steps: i64, seconds: Option<i64>) -> (&'static str, Value<'static>) {
    let text = match seconds {
        Some(seconds) => Words::ENGLISH.with("station-clock-is", &[("clock", words::clock(seconds).into())]),
        None => Words::ENGLISH.with("station-counter-is", &[("presses", steps.into())]),
    };
    ("distance", text.into())
}

/// After a resync. `wide`: a reason was given, so the search went a year to either side.
pub(super) fn resync(
    outcome: SequenceOutcome,
    explained: Option<&Diagnosis>,
    wide: bool,
    now: UnixTime,
    token: &TokenView,
) -> Notice {
    let SequenceOutcome { result, clock_doubt, .. } = outcome;
    match result {
        SequenceResult::Ambiguous if outcome.stays_ambiguous() => {
            notice(Tone::Bad, "station-stays-ambiguous", &[], token)
        }
        SequenceResult::MoreOtpsNeeded if explained.is_some_and(|known| !known.findings.is_empty()) => {
            diagnosis::explain(notice(Tone::Bad, "station-one-more", &[], token), explained)
        }
        SequenceResult::Synchronized { steps: 0, .. } => notice(Tone::Good, "station-was-right", &[], token),
        SequenceResult::Synchronized { steps, seconds, .. } if clock_doubt => {
            Notice::tell(Tone::Attention, Words::ENGLISH, "station-in-doubt", &[distance(steps, seconds)])
        }
        SequenceResult::Synchronized { steps, seconds, .. } => {
            let mut found =
                Notice::tell(Tone::Good, Words::ENGLISH, "station-synchronised", &[distance(steps, seconds)]);
            let cause = drift::cause_words(token, seconds);
            let more = cause.into_iter().chain([whose(token)]);
            found.text = std::iter::once(found.text).chain(more).collect::<Vec<_>>().join(" ");
            found
        }
        SequenceResult::NotFound => {
            let counts =
                token.state.drift.is_none() && matches!(token.spec, crate::model::OtpSpec::Hotp { .. });
            let id = match (wide, counts) {
                (true, false) => "station-not-in-year",
                (true, true) => "station-not-in-million",
                (false, _) => "station-not-in-window",
            };
            diagnosis::explain(notice(Tone::Bad, id, &[], token), explained)
        }
        SequenceResult::MoreOtpsNeeded | SequenceResult::Ambiguous => {
            notice(Tone::Attention, "station-one-more", &[], token)
        }
        SequenceResult::Replayed => notice(Tone::Attention, "station-used-now", &[], token),
        SequenceResult::BehindFloor { usable_from: Some(at), steps, seconds } => {
            let from = ("from", words::moment(at, now).words.into());
            notice(Tone::Bad, "station-behind-until", &[distance(steps, seconds), from], token)
        }
        SequenceResult::BehindFloor { usable_from: None, steps, seconds } => {
            notice(Tone::Bad, "station-behind", &[distance(steps, seconds)], token)
        }
        SequenceResult::Blocked { until } => blocked(until, now, token),
    }
}

/// After the token of some codes was found.
pub(super) fn found(steps: i64, seconds: Option<i64>, token: &TokenView) -> Notice {
    notice(Tone::Good, "station-whose-found", &[distance(steps, seconds)], token)
}

/// After a check of one code.
pub(super) fn check(result: CheckResult, now: UnixTime, token: &TokenView) -> Notice {
    match result {
        CheckResult::Accepted { steps: 0, .. } => notice(Tone::Good, "station-accepted", &[], token),
        CheckResult::Accepted { steps, seconds } => {
            notice(Tone::Good, "station-accepted-off", &[distance(steps, seconds)], token)
        }
        CheckResult::Replayed { last_used: Some(at) } => {
            let when = ("when", words::moment(at, now).words.into());
            notice(Tone::Attention, "station-used-at", &[when], token)
        }
        CheckResult::Replayed { last_used: None } => {
            notice(Tone::Attention, "station-used-before", &[], token)
        }
        CheckResult::OutsideWindow { steps, seconds } => {
            notice(Tone::Attention, "station-too-far", &[distance(steps, seconds)], token)
        }
        CheckResult::Wrong => notice(Tone::Bad, "station-wrong", &[], token),
        CheckResult::Blocked { until } => blocked(until, now, token),
    }
}

/// After a confirmation.
pub(super) fn confirm(
    result: &ConfirmResult,
    explained: Option<&Diagnosis>,
    login: &str,
    now: UnixTime,
    token: &TokenView,
) -> Notice {
    match result {
        ConfirmResult::Confirmed { .. } => {
            notice(Tone::Good, "station-confirmed", &[("login", login.into())], token)
        }
        ConfirmResult::Refused { reason, .. } => {
            let refused = notice(Tone::Bad, "station-not-confirmed", &[("reason", (*reason).into())], token);
            diagnosis::explain(refused, explained)
        }
        ConfirmResult::MoreOtpsNeeded { otps_needed } => {
            notice(Tone::Attention, "station-more-codes", &[("codes", (*otps_needed).into())], token)
        }
        ConfirmResult::Blocked { until } => blocked(*until, now, token),
    }
}
