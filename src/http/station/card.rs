//! A reader, a device of a run and a run, as the tray shows them.

use super::place::Place;
use crate::clock::UnixTime;
use crate::device::Profile;
use crate::device::discover::{Family, Found, Holding};
use crate::http::custody::custody_badge;
use crate::http::error::ApiError;
use crate::http::page::tray::{Deed, DeedForm, DrawerForm, ItemRow, ReaderCard, RunRow};
use crate::http::page::{Badge, Choice, Code, Tone, segment};
use crate::http::words;
use crate::jobs::programming::Phase;
use crate::jobs::station::{End, ReaderNow};
use crate::model::{Application, ProgrammingRun, RunItem, RunItemId, RunItemState, TokenSerial};
use crate::words::Words;

fn say(id: &str) -> String {
    Words::ENGLISH.text(id)
}

/// What can be done about a device.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Do {
    Code,
    Read,
    Again,
    Quarantine,
    TakeBack,
    Wipe,
    Destroyed,
}

fn deed(what: Do) -> Deed {
    let (value, label, icon) = match what {
        Do::Code => ("code", "tray-deed-code", "check"),
        Do::Read => ("read", "tray-deed-read", "search"),
        Do::Again => ("again", "tray-deed-again", "pencil"),
        Do::Quarantine => ("quarantine", "tray-deed-quarantine", "archive"),
        Do::TakeBack => ("take_back", "tray-deed-take-back", "undo-2"),
        Do::Wipe => ("take_back", "tray-deed-wipe", "trash-2"),
        Do::Destroyed => ("destroyed", "tray-deed-destroyed", "x"),
    };
    Deed { value, label: say(label), icon, is_danger: matches!(what, Do::Quarantine | Do::Destroyed) }
}

/// How an item stands: the look of its card, and colour, icon and word.
fn state_of(item: &RunItem) -> (&'static str, Badge) {
    let (tone, look, word) = match item.state {
        RunItemState::Undone if item.is_destroyed() => (Tone::Neutral, "idle", "tray-state-destroyed"),
        RunItemState::Programmed => (Tone::Good, "done", "tray-state-programmed"),
        RunItemState::Undone => (Tone::Neutral, "idle", "tray-state-undone"),
        RunItemState::CodeWanted => (Tone::Attention, "wanted", "tray-state-code-wanted"),
        RunItemState::Writing => (Tone::Neutral, "working", "tray-state-writing"),
        RunItemState::InDoubt => (Tone::Attention, "failed", "tray-state-in-doubt"),
        RunItemState::Untouched => (Tone::Bad, "failed", "tray-state-untouched"),
        RunItemState::Quarantined => (Tone::Bad, "failed", "tray-state-quarantined"),
        RunItemState::TakenBack => (Tone::Attention, "failed", "tray-state-taken-back"),
    };
    (look, Badge::new(tone, &say(word)))
}

/// Where what is done about an item is sent.
pub(super) fn item_address(id: RunItemId) -> String {
    format!("/station/runs/{}/items/{}", id.run.0, id.n)
}

/// What can be done about an item.
fn form(item: &RunItem, undo: bool, code: Option<&(RunItemId, Code)>) -> Option<DeedForm> {
    let deeds = match item.state {
        RunItemState::CodeWanted => vec![Do::Code, Do::Again, Do::Quarantine],
        RunItemState::InDoubt => vec![Do::Read, Do::Again, Do::Quarantine],
        RunItemState::Quarantined => vec![Do::Again, Do::Destroyed],
        RunItemState::Programmed if undo => vec![Do::TakeBack],
        RunItemState::TakenBack => vec![Do::Wipe, Do::Destroyed],
        _ => return None,
    };
    let deeds = deeds.into_iter().map(deed).collect();
    let code = (item.state == RunItemState::CodeWanted).then(|| match code {
        Some((of, code)) if *of == item.id => Some(code.clone()),
        _ => Code::fields(Words::ENGLISH, 1).pop(),
    });
    Some(DeedForm {
        address: item_address(item.id),
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
pub(super) fn item_row(
    item: &RunItem,
    now: UnixTime,
    undo: bool,
    code: Option<&(RunItemId, Code)>,
) -> ItemRow {
    ItemRow {
        badge: state_of(item).1,
        serial: item.serial.display().to_owned(),
        token: token_page(item),
        detail: words::sentence(&item.detail),
        when: words::moment(item.changed_at, now),
        form: form(item, undo, code),
    }
}

/// Where on a device.
pub(super) fn place_words(application: Application) -> String {
    match application {
        Application::Oath => say("tray-place-oath"),
        Application::Slot1 => say("tray-place-first"),
        Application::Slot2 => say("tray-place-second"),
        Application::SingleProfile => say("tray-place-profile"),
    }
}

/// A run in a line.
pub(super) fn run_row(run: &ProgrammingRun) -> RunRow {
    let (tone, word) =
        if run.is_open() { (Tone::Neutral, "tray-state-open") } else { (Tone::Good, "tray-state-ended") };
    RunRow {
        id: run.id.0,
        what: format!("{} {}, {}", run.manufacturer, run.model, place_words(run.application))
            .trim()
            .to_owned(),
        batch: run.batch_name.as_str().to_owned(),
        programmed: words::count(run.programmed.into()),
        count: words::count(run.count.into()),
        badge: Badge::new(tone, &say(word)),
    }
}

/// Which device it is, in words.
pub(super) fn what(model: Option<&Profile>, found: &Found) -> String {
    let name = match model {
        Some(model) => model.full_name(),
        None if found.family == Family::Tag => say("tray-tag"),
        None => say("tray-unknown"),
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
fn remarks(found: &Found, clock_offset_secs: Option<i64>) -> Vec<String> {
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
    if let Some(offset_secs) = clock_offset_secs {
        let shown = words::clock(offset_secs);
        all.push(Words::ENGLISH.with("tray-clock", &[("clock", shown.into())]));
    }
    all.extend(found.remarks.iter().map(|remark| words::sentence(&remark.to_string())));
    all
}

fn phase_badge(phase: Phase) -> Badge {
    let (icon, word) = match phase {
        Phase::Reading => ("search", "tray-state-reading"),
        Phase::Writing => ("pencil", "tray-state-writing"),
        Phase::Checking => ("shield-check", "tray-state-checking"),
        Phase::Touch => ("hand-helping", "tray-state-touch"),
    };
    Badge::with_icon(Tone::Neutral, icon, &say(word))
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

/// One reader; `open`: devices that somebody has to look at, `code`: a field that was typed wrong.
pub(super) async fn reader_card(
    place: &Place,
    reader: &ReaderNow,
    open: &[RunItem],
    code: Option<&(RunItemId, Code)>,
) -> Result<ReaderCard, ApiError> {
    let (state, badge, detail) = match (&reader.phase, &reader.end) {
        _ if !reader.is_occupied && reader.phase.is_none() => {
            ("empty", Badge::with_icon(Tone::Neutral, "circle", &say("tray-state-empty")), String::new())
        }
        (Some(phase), _) => ("working", phase_badge(*phase), String::new()),
        (None, Some(End::Item(item))) => {
            let (look, badge) = state_of(item);
            (look, badge, words::sentence(&item.detail))
        }
        (None, Some(End::ClockSet { offset_secs, usable_from })) => {
            let variables = [("clock", words::clock(*offset_secs).into())];
            let mut text = Words::ENGLISH.with("tray-clock-was", &variables);
            let wait = usable_from.secs_since(place.state.service.now());
            if let Some(wait) = u64::try_from(wait).ok().filter(|wait| *wait > 0) {
                let wait = words::duration(wait);
                text = format!("{text} {}", Words::ENGLISH.with("tray-clock-wait", &[("wait", wait.into())]));
            }
            ("done", Badge::new(Tone::Good, &say("tray-state-clock-set")), text)
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
    // Where nothing is to be done about what came of it, an earlier try may be open.
    let earlier = || open.iter().rfind(|item| item.device == serial);
    let own = match &reader.end {
        Some(End::Item(item)) => form(item, false, code),
        _ => None,
    };
    let form = own
        .or_else(|| earlier().and_then(|item| form(item, false, code)))
        .filter(|_| reader.phase.is_none() && reader.is_occupied);
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
        page: reader.is_occupied.then(|| super::device::address(&reader.name)),
        what: found.map(|found| what(place.state.profiles.model_of(found), found)).unwrap_or_default(),
        // What was there before it was written is no longer.
        remarks: found
            .filter(|_| !matches!(reader.end, Some(End::Item(_))))
            .map(|found| remarks(found, reader.clock_offset_secs))
            .unwrap_or_default(),
        serial,
        token,
        whose,
        detail,
        form,
        drawer,
    })
}
