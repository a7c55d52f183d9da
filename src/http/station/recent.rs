//! The last answers that somebody at the station got, with the way back where there is one.

use super::place::Place;
use crate::http::error::ApiError;
use crate::http::page::station::Recent;
use crate::http::page::{Badge, Tone, segment};
use crate::http::words;
use crate::model::{AuditAction, Custody, Token};
use crate::service::AuditView;

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

/// How it ended, and the rest of a sentence that starts with the serial.
fn told(record: &AuditView) -> (Tone, &'static str, String) {
    let user = [fact(record, "user"), about(record, "user")].into_iter().find(|name| !name.is_empty());
    let of = |text: &str| user.map_or_else(|| text.to_owned(), |user| format!("{text} {user}"));
    let said = |tone, title, text: &str| (tone, title, format!("{text}."));
    match (record.action, fact(record, "result")) {
        ("custody_changed", _) => match fact(record, "to") {
            "handed_out" => said(Tone::Good, "Handed out", &of("handed out to")),
            "in_stock" => said(Tone::Neutral, "In stock", "taken back"),
            place => said(Tone::Neutral, "Noted", &format!("noted as {}", place.replace('_', " "))),
        },
        ("otp_checked", "accepted") => said(Tone::Good, "Accepted", "its code was right"),
        ("confirmation", "confirmed") => said(Tone::Good, "Confirmed", &of("confirmed for")),
        ("resynced", "synchronized") => said(Tone::Good, "Synchronised", "brought back"),
        (_, "more_otps_needed" | "ambiguous") => {
            said(Tone::Attention, "One more code", "one more code was asked for")
        }
        (_, "replayed") => said(Tone::Attention, "Already used", "its code was used before"),
        (_, "outside_window") => said(Tone::Attention, "Too far away", "its code lies too far away"),
        (_, "behind_floor") => said(Tone::Bad, "Behind", "its codes lie behind one that was used"),
        (_, "blocked") => said(Tone::Bad, "Too many tries", "tried too often"),
        _ => said(Tone::Bad, "Did not fit", "its codes did not fit"),
    }
}

/// The last answers, newest first.
pub(super) async fn recent(place: &Place) -> Result<Vec<Recent>, ApiError> {
    let actor = place.actor.clone();
    let read = place.state.blocking(move |service| service.recent_work(&actor, ACTIONS, SHOWN));
    let now = place.state.service.now();
    let mut shown: Vec<Recent> = Vec::new();
    for (record, token) in read.await? {
        let (tone, title, what) = told(&record);
        // Only what still stands can be taken back, and only once.
        let stands = |token: &Token| matches!(token.custody, Custody::HandedOut { at } if at == record.at);
        let undo = (fact(&record, "to") == "handed_out" && token.as_ref().is_some_and(stands))
            .then(|| format!("/station/tokens/{}/handout/undo", segment(about(&record, "token"))));
        shown.push(Recent {
            badge: Badge::new(tone, title),
            serial: about(&record, "token").to_owned(),
            what,
            when: words::moment(record.at, now),
            undo,
        });
    }
    Ok(shown)
}
