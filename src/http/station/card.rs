//! A reader, a device of a run and a run, as the tray shows them.

use super::place::Place;
use crate::clock::UnixTime;
use crate::device::discover::{Family, Found, Holding};
use crate::http::custody::custody_badge;
use crate::http::error::ApiError;
use crate::http::page::tray::{Deed, DeedForm, DrawerForm, ItemRow, ReaderCard, RunRow};
use crate::http::page::{Badge, Choice, Code, Tone, segment};
use crate::http::words;
use crate::jobs::programming::Phase;
use crate::jobs::station::{End, ReaderNow};
use crate::model::{ProgrammingRun, RunItem, RunItemId, RunItemState, TokenSerial};
use crate::words::Words;

fn say(id: &str) -> String {
    Words::ENGLISH.text(id)
}

fn deed(value: &'static str, icon: &'static str) -> Deed {
    Deed { value, label: say(&format!("tray-deed-{value}")), icon, is_danger: value == "quarantine" }
}

/// How an item stands: colour and icon, and the word of the card's look.
fn state_of(state: RunItemState) -> (Tone, &'static str) {
    match state {
        RunItemState::Programmed | RunItemState::Undone => (Tone::Good, "done"),
        RunItemState::CodeWanted => (Tone::Attention, "wanted"),
        RunItemState::Writing => (Tone::Neutral, "working"),
        RunItemState::InDoubt => (Tone::Attention, "failed"),
        RunItemState::Untouched | RunItemState::Quarantined => (Tone::Bad, "failed"),
    }
}

fn item_badge(item: &RunItem) -> Badge {
    Badge::new(state_of(item.state).0, &say(&format!("tray-state-{}", item.state.name())))
}

/// What can be done about an item.
fn form(item: &RunItem, undo: bool, code: Option<&(RunItemId, Code)>) -> Option<DeedForm> {
    let deeds = match item.state {
        RunItemState::CodeWanted => {
            vec![deed("code", "check"), deed("again", "pencil"), deed("quarantine", "archive")]
        }
        RunItemState::InDoubt => {
            vec![deed("read", "search"), deed("again", "pencil"), deed("quarantine", "archive")]
        }
        RunItemState::Quarantined => vec![deed("again", "pencil")],
        RunItemState::Programmed if undo => vec![deed("take_back", "undo-2")],
        _ => return None,
    };
    let code = (item.state == RunItemState::CodeWanted).then(|| match code {
        Some((of, code)) if *of == item.id => Some(code.clone()),
        _ => Code::fields(Words::ENGLISH, 1).pop(),
    });
    Some(DeedForm {
        address: format!("/station/runs/{}/items/{}", item.id.run.0, item.id.n),
        device: item.device.clone(),
        code: code.flatten(),
        has_focus: false,
        deeds,
    })
}

/// The page of an item's token, once there is one.
fn token_page(item: &RunItem) -> Option<String> {
    let is_there = item.state == RunItemState::Programmed;
    is_there.then(|| format!("/station/token/{}", segment(item.serial.display())))
}

/// A device of a run in a list.
pub(super) fn item_row(item: &RunItem, now: UnixTime, undo: bool) -> ItemRow {
    ItemRow {
        badge: item_badge(item),
        serial: item.serial.display().to_owned(),
        token: token_page(item),
        detail: words::sentence(&item.detail),
        when: words::moment(item.changed_at, now),
        form: form(item, undo, None),
    }
}

/// A run in a line.
pub(super) fn run_row(run: &ProgrammingRun) -> RunRow {
    let slot = run.application.slot().map(|slot| format!(" {slot}")).unwrap_or_default();
    let place = run.application.name().replace('_', " ");
    let tone = if run.is_open() { Tone::Neutral } else { Tone::Good };
    RunRow {
        id: run.id.0,
        what: format!("{} {}, {place}{slot}", run.manufacturer, run.model).trim().to_owned(),
        batch: run.batch_name.as_str().to_owned(),
        programmed: words::count(run.programmed.into()),
        count: words::count(run.count.into()),
        badge: Badge::new(tone, &say(&format!("tray-state-{}", run.state_name()))),
    }
}

/// Which device it is, in words.
fn what(found: &Found) -> String {
    let name = match found.family {
        Family::YubiKey => "YubiKey".to_owned(),
        Family::Token2SingleProfile => found
            .holdings
            .iter()
            .find_map(|holding| match holding {
                Holding::SingleProfile { model: Some(model) } => Some(format!("Token2 {}", model.name)),
                _ => None,
            })
            .unwrap_or_else(|| "Token2".to_owned()),
        Family::ProtectimusSlim => "Protectimus SLIM NFC".to_owned(),
        Family::Tag => say("tray-tag"),
        Family::Unknown => say("tray-unknown"),
    };
    match found.firmware {
        Some(version) => {
            let version = version.to_string();
            let variables = [("what", name.into()), ("version", version.into())];
            Words::ENGLISH.with("tray-firmware", &variables)
        }
        None => name,
    }
}

/// What is on it, and what people have to know of it.
fn remarks(found: &Found, now: UnixTime) -> Vec<String> {
    let mut all = Vec::new();
    for holding in &found.holdings {
        match holding {
            Holding::Oath { credentials: Some(list), .. } => {
                let count = words::count(u64::try_from(list.len()).unwrap_or_default());
                all.push(Words::ENGLISH.with("tray-oath", &[("count", count.into())]));
            }
            Holding::Oath { credentials: None, .. } => all.push(say("tray-oath-locked")),
            Holding::Slots(status) => {
                use crate::device::applet::otp::Slot;
                let used =
                    |slot| say(if status.is_configured(slot) { "tray-slot-used" } else { "tray-slot-free" });
                let variables = [("first", used(Slot::One).into()), ("second", used(Slot::Two).into())];
                all.push(Words::ENGLISH.with("tray-slots", &variables));
            }
            Holding::SingleProfile { .. } => {}
        }
    }
    if let Some(clock) = found.clock {
        let shown = words::clock(clock.secs_since(now));
        all.push(Words::ENGLISH.with("tray-clock", &[("clock", shown.into())]));
    }
    all.extend(found.remarks.iter().map(|remark| words::sentence(&remark.to_string())));
    all
}

const fn phase_icon(phase: Phase) -> &'static str {
    match phase {
        Phase::Reading => "search",
        Phase::Writing => "pencil",
        Phase::Checking => "shield-check",
        Phase::Touch => "hand-helping",
    }
}

/// The token of a device, when it is one here, and whose it is.
async fn whose(place: &Place, serial: &str) -> Result<(Option<String>, String), ApiError> {
    let Ok(asked) = TokenSerial::parse(serial) else { return Ok((None, say("tray-not-ours"))) };
    let actor = place.actor.clone();
    match place.state.blocking(move |service| service.token(&actor, &asked)).await {
        Ok(view) => {
            let place_word = custody_badge(view.token.custody.name()).text.to_lowercase();
            let (id, user) = match view.user {
                Some(user) => ("tray-in-store-with", user),
                None => ("tray-in-store", String::new()),
            };
            let variables = [("place", place_word.into()), ("user", user.into())];
            let href = format!("/station/token/{}", segment(view.token.serial.display()));
            Ok((Some(href), Words::ENGLISH.with(id, &variables)))
        }
        Err(error) if error.status == axum::http::StatusCode::NOT_FOUND => Ok((None, say("tray-not-ours"))),
        Err(error) => Err(error),
    }
}

/// One reader; `code`: a field that was typed wrong.
pub(super) async fn reader_card(
    place: &Place,
    reader: &ReaderNow,
    code: Option<&(RunItemId, Code)>,
) -> Result<ReaderCard, ApiError> {
    let now = place.state.service.now();
    let (state, badge, detail) = match (&reader.phase, &reader.end) {
        _ if !reader.is_occupied && reader.phase.is_none() => {
            ("empty", Badge::with_icon(Tone::Neutral, "circle", &say("tray-state-empty")), String::new())
        }
        (Some(phase), _) => {
            let word = say(&format!("tray-state-{}", phase.name()));
            ("working", Badge::with_icon(Tone::Neutral, phase_icon(*phase), &word), String::new())
        }
        (None, Some(End::Item(item))) => {
            (state_of(item.state).1, item_badge(item), words::sentence(&item.detail))
        }
        (None, Some(end @ End::Refused { detail, .. })) => {
            let (state, tone, word) = if end.is_good() {
                ("done", Tone::Good, "tray-state-programmed")
            } else {
                ("failed", Tone::Bad, "tray-state-refused")
            };
            (state, Badge::new(tone, &say(word)), words::sentence(detail))
        }
        (None, None) => {
            ("idle", Badge::with_icon(Tone::Neutral, "info", &say("tray-state-idle")), String::new())
        }
    };
    let found = reader.found.as_deref().filter(|_| reader.is_occupied);
    let serial = found.and_then(|found| found.serial.clone()).unwrap_or_default();
    let (token, whose) = match &reader.end {
        // What the run says of it is enough.
        Some(End::Item(item)) => (token_page(item), String::new()),
        _ if serial.is_empty() => (None, String::new()),
        _ => whose(place, &serial).await?,
    };
    let form = match &reader.end {
        Some(End::Item(item)) if reader.phase.is_none() && reader.is_occupied => form(item, false, code),
        _ => None,
    };
    let drawer = place.state.jobs.station().and_then(|station| station.drawer()).map(|drawer| {
        let all = drawer.list().into_iter().enumerate();
        let choice = |(at, boxed): (usize, crate::jobs::station::BoxedDevice)| Choice {
            value: at.to_string(),
            selected: boxed.reader.as_deref() == Some(reader.name.as_str()),
            label: boxed.label,
        };
        DrawerForm { address: "/station/rehearsal".to_owned(), devices: all.map(choice).collect() }
    });
    Ok(ReaderCard {
        name: reader.name.clone(),
        state,
        badge,
        what: found.map(what).unwrap_or_default(),
        remarks: found.map(|found| remarks(found, now)).unwrap_or_default(),
        serial,
        token,
        whose,
        detail,
        form,
        drawer,
    })
}
