//! A token at the desk, as its card shows it.

use crate::clock::UnixTime;
use crate::http::codes::ring_of;
use crate::http::page::station::{ConfirmPair, Desk};
use crate::http::page::{Badge, Choice, Code, Field, Tone};
use crate::http::permission::Permission;
use crate::http::words;
use crate::model::{AssignmentKind, Custody, OtpSpec, Role};
use crate::service::{TokenView, UserView};
use crate::words::Words;

/// The reason that a wide search starts with; the operator may write another.
pub(super) const REASON: &str = "Person at the desk, identified";

fn custody_badge(word: &str) -> Badge {
    match word {
        "in_stock" => Badge::with_icon(Tone::Neutral, "package", "In stock"),
        "assigned" => Badge::with_icon(Tone::Neutral, "network", "Assigned"),
        "handed_out" => Badge::with_icon(Tone::Neutral, "hand-helping", "Handed out"),
        "confirmed" => Badge::with_icon(Tone::Good, "badge-check", "Confirmed"),
        "returned" => Badge::with_icon(Tone::Neutral, "undo-2", "Returned"),
        "lost" => Badge::with_icon(Tone::Bad, "triangle-alert", "Lost"),
        _ => Badge::with_icon(Tone::Neutral, "archive", "Retired"),
    }
}

fn custody_label(word: &str) -> &'static str {
    match word {
        "in_stock" => "In stock",
        "returned" => "Returned",
        "lost" => "Lost",
        _ => "Retired",
    }
}

/// "With test since 3 May, confirmed on VPN. Last code accepted: yesterday 14:05. The clock is 12 s slow."
fn state_words(token: &TokenView, now: UnixTime) -> String {
    let since = |at| format!(" since {}", words::day(at, now));
    let (place, when) = match token.token.custody {
        Custody::InStock => ("Not handed out", String::new()),
        Custody::HandedOut { at } => ("Handed out", since(at)),
        Custody::Confirmed { at } => ("In use", since(at)),
        Custody::Returned { at } => ("Returned", since(at)),
        Custody::Lost { at } => ("Lost", since(at)),
        Custody::Retired { at } => ("Retired", since(at)),
    };
    let start = match &token.user {
        Some(user) => format!("With {user}{when}"),
        None => format!("{place}{when}"),
    };
    let named = |kind| {
        let names: Vec<&str> = token
            .assignments
            .iter()
            .filter(|(_, is, _)| (*is == AssignmentKind::TokenWithUser) == kind)
            .map(|(resource, _, _)| resource.as_str())
            .collect();
        names.join(", ")
    };
    let (confirmed, open) = (named(true), named(false));
    let standing = match (confirmed.is_empty(), open.is_empty()) {
        (true, true) => ", on no resource".to_owned(),
        (true, false) => format!(", not yet confirmed on {open}"),
        (false, true) => format!(", confirmed on {confirmed}"),
        (false, false) => format!(", confirmed on {confirmed}, not yet on {open}"),
    };
    let used = token.state.last_used.map_or_else(|| "never".to_owned(), |at| words::moment(at, now).words);
    let clock = match (token.state.drift, &token.spec) {
        (Some(drift), OtpSpec::Totp { .. }) => format!(" The clock is {}.", words::clock(drift.seconds)),
        _ => String::new(),
    };
    format!("{start}{standing}. Last code accepted: {used}.{clock}")
}

/// What the codes can confirm: the person's own place beside this token on one resource.
fn pair(token: &TokenView, person: Option<&UserView>) -> Option<ConfirmPair> {
    let person = person?;
    let waits = |resource: &str| {
        person
            .assignments
            .iter()
            .any(|(own, kind, _)| own == resource && *kind != AssignmentKind::TokenWithUser)
    };
    let (resource, _, _) = token
        .assignments
        .iter()
        .find(|(resource, kind, _)| *kind != AssignmentKind::TokenWithUser && waits(resource))?;
    Some(ConfirmPair { login: person.user.login.as_str().to_owned(), resource: resource.clone() })
}

/// The card of a token, with what this role may do. `at` counts the cards of a page from 0.
pub(super) fn desk(
    token: &TokenView,
    person: Option<&UserView>,
    at: usize,
    now: UnixTime,
    role: Option<Role>,
) -> Desk {
    let may_confirm = role.is_some_and(|role| Permission::Confirm.allows(role));
    let enabled = if token.token.disabled.is_none() {
        Badge::with_icon(Tone::Good, "power", "Enabled")
    } else {
        Badge::with_icon(Tone::Bad, "ban", "Disabled")
    };
    let moves: Vec<(&str, &str)> = token
        .token
        .custody
        .allowed()
        .iter()
        .filter(|word| !matches!(**word, "handed_out" | "confirmed"))
        .map(|word| (*word, custody_label(word)))
        .collect();
    let chosen = moves.first().map_or("", |(word, _)| *word);
    Desk {
        serial: token.token.serial.display().to_owned(),
        words: state_words(token, now),
        enabled,
        custody: custody_badge(token.custody),
        codes: Code::fields(Words::ENGLISH, 2),
        focus_codes: at == 0,
        primary: at == 0,
        prefix: format!("d{}-", at + 1),
        ring: ring_of(token, now),
        reason: Field::of(REASON),
        confirm: pair(token, person).filter(|_| may_confirm),
        handout: Field::of(token.user.as_deref().unwrap_or_default()),
        custody_choices: Choice::list(&moves, chosen),
    }
}
