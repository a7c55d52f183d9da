//! A token at the desk, as its card shows it.

use crate::clock::UnixTime;
use crate::http::codes::ring_of;
use crate::http::custody::custody_badge;
use crate::http::page::station::{ConfirmPair, Desk};
use crate::http::page::{Badge, Choice, Code, Field, Tone};
use crate::http::permission::Permission;
use crate::http::{drift, words};
use crate::model::{AssignmentKind, Custody, OtpSpec, Role};
use crate::service::{TokenView, UserView};
use crate::words::Words;

/// A place of custody inside a sentence.
pub(super) fn place_words(word: &str) -> String {
    custody_badge(word).text.to_lowercase()
}

/// "With test since 3 May, confirmed on VPN. Last code accepted: yesterday 14:05. The clock is 12 s slow."
fn state_words(token: &TokenView, now: UnixTime) -> String {
    let (place, since) = match token.token.custody {
        Custody::InStock => ("desk-in-stock", None),
        Custody::HandedOut { at } => ("desk-handed-out", Some(at)),
        Custody::Confirmed { at } => ("desk-in-use", Some(at)),
        Custody::Returned { at } => ("desk-returned", Some(at)),
        Custody::Lost { at } => ("desk-lost", Some(at)),
        Custody::Retired { at } => ("desk-retired", Some(at)),
    };
    let id = match (&token.user, since) {
        (Some(_), Some(_)) => "desk-with-since",
        (Some(_), None) => "desk-with",
        (None, _) => place,
    };
    let user = ("user", token.user.as_deref().unwrap_or_default().into());
    let day = ("day", since.map(|at| words::day(at, now)).unwrap_or_default().into());
    let place = Words::ENGLISH.with(id, &[user, day]);
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
    let id = match (confirmed.is_empty(), open.is_empty()) {
        (true, true) => "desk-nowhere",
        (true, false) => "desk-open",
        (false, true) => "desk-confirmed",
        (false, false) => "desk-confirmed-and-open",
    };
    let standing = Words::ENGLISH.with(id, &[("confirmed", confirmed.into()), ("open", open.into())]);
    let used = token
        .state
        .last_used
        .map_or_else(|| Words::ENGLISH.text("desk-never-used"), |at| words::moment(at, now).words);
    let variables = [("place", place.into()), ("standing", standing.into()), ("used", used.into())];
    let state = Words::ENGLISH.with("desk-state", &variables);
    match (drift::clock_words(token, now), &token.spec) {
        (Some(clock), OtpSpec::Totp { .. }) => {
            format!("{state} {}.", Words::ENGLISH.with("station-clock-is", &[("clock", clock.into())]))
        }
        _ => state,
    }
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
    let login = person.user.login.as_str();
    Some(ConfirmPair {
        login: login.to_owned(),
        resource: resource.clone(),
        words: Words::ENGLISH
            .with("desk-confirm", &[("login", login.into()), ("resource", resource.as_str().into())]),
    })
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
        Badge::with_icon(Tone::Good, "power", &Words::ENGLISH.text("tokens-enabled"))
    } else {
        Badge::with_icon(Tone::Bad, "ban", &Words::ENGLISH.text("tokens-disabled"))
    };
    let moves = token.token.custody.allowed().iter();
    let moves = moves.filter(|word| !matches!(**word, "handed_out" | "confirmed")).enumerate();
    let custody_choices = moves.map(|(at, word)| Choice {
        value: (*word).to_owned(),
        label: custody_badge(word).text,
        selected: at == 0,
    });
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
        // What a wide search starts with; the operator may write another.
        reason: Field::of(&Words::ENGLISH.text("desk-identified")),
        confirm: pair(token, person).filter(|_| may_confirm),
        hand_out_now: None,
        handout: Field::of(token.user.as_deref().unwrap_or_default()),
        custody_choices: custody_choices.collect(),
        clock: None,
        clock_remarks: Vec::new(),
    }
}
