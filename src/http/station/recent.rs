//! The last answers that somebody at the station got, with the way back where there is one.

use super::desk::place_words;
use super::place::Place;
use crate::http::error::ApiError;
use crate::http::page::station::Recent;
use crate::http::page::{Badge, Notice, Tone, segment};
use crate::http::words;
use crate::model::{AuditAction, Custody, Token};
use crate::oath::CodeSequence;
use crate::service::AuditView;
use crate::words::Words;

/// How many are shown.
const SHOWN: usize = 5;
/// What counts as an answer.
const ACTIONS: &[AuditAction] =
    &[AuditAction::OtpChecked, AuditAction::Resynced, AuditAction::Confirmation, AuditAction::CustodyChanged];

fn fact<'a>(record: &'a AuditView, name: &str) -> &'a str {
    record.detail.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

fn about<'a>(record: &'a AuditView, kind: &str) -> &'a str {
    record.subjects.iter().find(|(known, _)| *known == kind).map_or("", |(_, name)| name)
}

/// As many codes were looked at as can be.
fn was_last(record: &AuditView) -> bool {
    fact(record, "codes").parse::<usize>().is_ok_and(|codes| codes >= CodeSequence::MAX_LEN)
}

/// How it ended, and its message: in a word, and as the rest of a sentence that starts with the serial.
fn outcome(record: &AuditView, named: bool) -> (Tone, &'static str) {
    match (record.action, fact(record, "result")) {
        ("custody_changed", _) => match fact(record, "to") {
            "handed_out" if named => (Tone::Good, "station-recent-handed-out-to"),
            "handed_out" => (Tone::Good, "station-recent-handed-out"),
            "in_stock" => (Tone::Neutral, "station-recent-in-stock"),
            _ => (Tone::Neutral, "station-recent-noted"),
        },
        ("otp_checked", "accepted") => (Tone::Good, "station-recent-accepted"),
        ("confirmation", "confirmed") => (Tone::Good, "station-recent-confirmed"),
        ("resynced", "synchronized") => (Tone::Good, "station-recent-synchronised"),
        ("resynced", "ambiguous") if was_last(record) => (Tone::Bad, "station-recent-ambiguous"),
        (_, "more_otps_needed" | "ambiguous") => (Tone::Attention, "station-recent-one-more"),
        (_, "replayed") => (Tone::Attention, "station-recent-used"),
        (_, "outside_window") => (Tone::Attention, "station-recent-too-far"),
        (_, "behind_floor") => (Tone::Bad, "station-recent-behind"),
        (_, "blocked") => (Tone::Bad, "station-recent-blocked"),
        _ => (Tone::Bad, "station-recent-wrong"),
    }
}

fn told(record: &AuditView) -> Notice {
    let user = [fact(record, "user"), about(record, "user")].into_iter().find(|name| !name.is_empty());
    let (tone, id) = outcome(record, user.is_some());
    let place = place_words(fact(record, "to"));
    let variables = [("user", user.unwrap_or_default().into()), ("place", place.into())];
    Notice::tell(tone, Words::ENGLISH, id, &variables)
}

/// The last answers, newest first.
pub(super) async fn recent(place: &Place) -> Result<Vec<Recent>, ApiError> {
    let actor = place.actor.clone();
    let read = place.state.blocking(move |service| service.recent_work(&actor, ACTIONS, SHOWN));
    let now = place.state.service.now();
    let mut shown: Vec<Recent> = Vec::new();
    for (record, token) in read.await? {
        let told = told(&record);
        // Only what still stands can be taken back, and only once.
        let stands = |token: &Token| matches!(token.custody, Custody::HandedOut { at } if at == record.at);
        let undo = (fact(&record, "to") == "handed_out" && token.as_ref().is_some_and(stands))
            .then(|| format!("/station/tokens/{}/handout/undo", segment(about(&record, "token"))));
        shown.push(Recent {
            badge: Badge::new(told.tone, &told.title),
            serial: about(&record, "token").to_owned(),
            what: told.text,
            when: words::moment(record.at, now),
            undo,
        });
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::UnixTime;
    use crate::model::AuditResult;

    #[test]
    fn a_token_handed_out_to_nobody_by_name_is_told_without_one() {
        let handed_out = |user: &str| AuditView {
            chain: 0,
            n: 1,
            at: UnixTime::from_secs(1_767_225_600),
            actor: "ada".to_owned(),
            role: None,
            address: None,
            request_id: None,
            action: "custody_changed",
            subjects: Vec::new(),
            result: AuditResult::Done,
            detail: vec![("to".to_owned(), "handed_out".to_owned()), ("user".to_owned(), user.to_owned())],
        };
        assert_eq!(told(&handed_out("anna")).text, "handed out to anna.");
        assert_eq!(told(&handed_out("")).text, "handed out.");
    }
}
