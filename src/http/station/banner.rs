//! What came of a step, in words that can be read from two metres.

use crate::clock::UnixTime;
use crate::http::page::{Notice, Tone};
use crate::http::words;
use crate::service::{CheckResult, ConfirmResult, SequenceResult, TokenView};

/// "Token 87-1234567 of test."
fn whose(token: &TokenView) -> String {
    let serial = token.token.serial.display();
    token
        .user
        .as_ref()
        .map_or_else(|| format!("Token {serial}."), |user| format!("Token {serial} of {user}."))
}

fn notice(tone: Tone, title: &str, text: &str, token: &TokenView) -> Notice {
    Notice::new(tone, title, format!("{text} {}", whose(token)).trim())
}

fn blocked(until: Option<UnixTime>, now: UnixTime, token: &TokenView) -> Notice {
    let text = words::next_try(until, now).map_or_else(
        || "Another operator must unblock this token first.".to_owned(),
        |wait| format!("The next try is possible {wait}."),
    );
    notice(Tone::Bad, "Too many tries", &text, token)
}

/// Where a position lies: in time for clocks, in presses for counters.
fn distance(steps: i64, seconds: Option<i64>) -> String {
    match seconds {
        Some(seconds) => format!("The clock is {}", words::clock(seconds)),
        None => format!("The counter is {steps} presses ahead"),
    }
}

/// After a resync. `wide`: a reason was given, so the search went a year to either side.
pub(super) fn resync(result: SequenceResult, wide: bool, now: UnixTime, token: &TokenView) -> Notice {
    match result {
        SequenceResult::Synchronized { steps, seconds, .. } => {
            let text = if steps == 0 {
                "It was right already.".to_owned()
            } else {
                format!("{}; corrected.", distance(steps, seconds))
            };
            notice(Tone::Good, "Synchronised", &text, token)
        }
        SequenceResult::NotFound => {
            let counts =
                token.state.drift.is_none() && matches!(token.spec, crate::model::OtpSpec::Hotp { .. });
            let text = match (wide, counts) {
                (true, false) => "No position within a year on either side fits these codes.",
                (true, true) => "No position within a million presses fits these codes.",
                (false, _) => {
                    "No position within the portal's window fits these codes. A reason allows a wider search."
                }
            };
            let text = format!("{text} Look at the number on the back: is it this token?");
            notice(Tone::Bad, "No position fits", &text, token)
        }
        SequenceResult::MoreOtpsNeeded | SequenceResult::Ambiguous => {
            let text = "These codes alone cannot tell the place. Type new ones, one after the other, and one more than before.";
            notice(Tone::Attention, "One more code", text, token)
        }
        SequenceResult::Replayed => {
            let text = "These codes were used just now. Wait for the next one.";
            notice(Tone::Attention, "Already used", text, token)
        }
        SequenceResult::BehindFloor { usable_from, steps, seconds } => {
            let from = usable_from.map_or_else(
                || "not before its counter passes it".to_owned(),
                |at| format!("usable from {}", words::moment(at, now).words),
            );
            let text = format!("{}. This token already used a later code: {from}.", distance(steps, seconds));
            notice(Tone::Bad, "Behind a code it already used", &text, token)
        }
        SequenceResult::Blocked { until } => blocked(until, now, token),
    }
}

/// After a check of one code.
pub(super) fn check(result: CheckResult, now: UnixTime, token: &TokenView) -> Notice {
    match result {
        CheckResult::Accepted { steps, seconds } => {
            let text = if steps == 0 {
                "The code fits, and it is used up now.".to_owned()
            } else {
                format!("The code fits, and it is used up now. {}.", distance(steps, seconds))
            };
            notice(Tone::Good, "Accepted", &text, token)
        }
        CheckResult::Replayed { last_used } => {
            let when = last_used
                .map(|at| format!(" The last code was accepted {}.", words::moment(at, now).words))
                .unwrap_or_default();
            let text = format!("Wait for the next code.{when}");
            notice(Tone::Attention, "Already used", &text, token)
        }
        CheckResult::OutsideWindow { steps, seconds } => {
            let text =
                format!("{}, if this code is its own. A resync brings it back.", distance(steps, seconds));
            notice(Tone::Attention, "Too far away", &text, token)
        }
        CheckResult::Wrong => {
            let text = "Look at the number on the back, and type the code that the token shows now.";
            notice(Tone::Bad, "Did not fit", text, token)
        }
        CheckResult::Blocked { until } => blocked(until, now, token),
    }
}

fn reason_words(reason: &str) -> &'static str {
    match reason {
        "other_resource" => "The token does not stand on this resource.",
        "token_disabled" => "The token is disabled: an admin must enable it first.",
        "held_by_other" => "Another person holds this token.",
        "out_of_custody" => "The token is noted as lost, returned or retired.",
        "already_confirmed" => "The token is confirmed here already.",
        "replayed" => "These codes were used already. Wait for the next one.",
        "behind_floor" => "These codes lie behind a code that was used already.",
        "ambiguous" => "The codes fit in more than one place: type one more.",
        "kind_not_supported" => "Codes of this kind of token cannot be checked yet.",
        "token_not_yet_valid" => "The vendor's dates do not allow this token yet.",
        "otp_length" => "Type all the digits that the token shows, and no more.",
        _ => "Check the number on the back; the codes must come one after the other.",
    }
}

/// After a confirmation.
pub(super) fn confirm(result: &ConfirmResult, login: &str, now: UnixTime, token: &TokenView) -> Notice {
    match result {
        ConfirmResult::Confirmed { .. } => {
            notice(Tone::Good, "Confirmed", &format!("The token belongs to {login} now."), token)
        }
        ConfirmResult::Refused { reason, .. } => {
            notice(Tone::Bad, "Not confirmed", reason_words(reason), token)
        }
        ConfirmResult::MoreOtpsNeeded { otps_needed } => {
            let text = format!("Type {otps_needed} codes, one after the other.");
            notice(Tone::Attention, "More codes", &text, token)
        }
        ConfirmResult::Blocked { until } => blocked(*until, now, token),
    }
}
