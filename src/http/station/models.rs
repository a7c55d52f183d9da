//! The token models that are known, and the files that are not used.

use axum::http::StatusCode;
use axum::response::Response;

use super::begin::codes_of;
use super::device::{clock_words, fact, place_term, say};
use super::place::Place;
use crate::device::{Listed, Origin, Wire};
use crate::http::frame::html;
use crate::http::page::models::{Model, Models};
use crate::http::page::{Badge, Tone};
use crate::http::words;
use crate::model::Application;
use crate::words::Words;

fn wire_words(wire: Wire) -> String {
    say(match wire {
        Wire::Ccid => "models-over-contacts",
        Wire::Nfc => "device-over-nfc",
        Wire::Hid => "models-over-hid",
    })
}

fn model(listed: &Listed) -> Model {
    let profile = &listed.profile;
    let computes = profile.specs.iter().filter_map(|spec| match spec.suite() {
        Some(suite) => Some(suite.as_str().to_owned()),
        None => codes_of(spec).map(|(_, label)| label),
    });
    let computes: Vec<String> = computes.collect();
    let places: Vec<String> = Application::ALL
        .into_iter()
        .filter(|application| !profile.specs_of((*application).into()).is_empty())
        .map(place_term)
        .collect();
    let range = &profile.seed_bytes;
    let bytes = [("least", words::count(small(*range.start()))), ("most", words::count(small(*range.end())))];
    let bytes = bytes.map(|(name, count)| (name, count.into()));
    let mut facts = vec![fact("models-computes", &computes.join("; ")), {
        let id = if range.start() == range.end() { "models-secret-exact" } else { "models-secret-range" };
        fact("models-secret", &Words::ENGLISH.with(id, &bytes))
    }];
    let chip = profile.chip.as_ref();
    let state = match chip {
        Some(_) if !places.is_empty() => (Tone::Good, "circle-check", "models-programmed"),
        Some(chip) if chip.family.spoken().is_some() => (Tone::Neutral, "search", "models-read"),
        Some(_) => (Tone::Neutral, "info", "models-not-spoken"),
        None => (Tone::Neutral, "circle", "models-no-chip"),
    };
    if let Some(chip) = chip {
        let wires: Vec<String> = chip.wires.iter().copied().map(wire_words).collect();
        facts.push(fact("models-over", &wires.join(", ")));
        if !places.is_empty() {
            facts.push(fact("models-written", &places.join(", ")));
        }
        let room = chip.slots.map(|slots| ("models-slots", slots));
        if let Some((id, room)) = room.or(chip.capacity.map(|room| ("models-room", room))) {
            facts.push(fact(id, &words::count(room.into())));
        }
        facts.extend(clock_words(chip).map(|clock| fact("device-clock-write", &clock)));
        let prefixes = chip.serial_prefixes.iter().map(|prefix| format!("{prefix}…"));
        let usb =
            chip.usb.iter().map(|id| Words::ENGLISH.with("models-usb", &[("id", id.to_string().into())]));
        let known: Vec<String> = prefixes.chain(usb).chain(chip.atr.iter().cloned()).collect();
        if !known.is_empty() {
            facts.push(fact("models-known-by", &known.join(", ")));
        }
    }
    facts.push(fact("models-source", &profile.source));
    let quirks = chip.map(|chip| chip.quirks.as_slice()).unwrap_or_default();
    let (tone, icon, id) = state;
    Model {
        file: format!("{}.toml", profile.id),
        name: profile.full_name(),
        badge: Badge::with_icon(tone, icon, &say(id)),
        is_own: listed.origin != Origin::BuiltIn,
        facts,
        quirks: quirks.iter().map(|quirk| format!("{}: {}", quirk.firmware, quirk.what)).collect(),
    }
}

fn small(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// All of them.
pub(super) async fn models(place: Place) -> Response {
    let profiles = &place.state.profiles;
    let page = Models {
        page: place.page(&say("models-title")),
        recent: Vec::new(),
        models: profiles.listed().iter().map(model).collect(),
        // They begin with the name of a file, which stays as it is.
        problems: profiles.problems().iter().map(ToString::to_string).collect(),
    };
    html(StatusCode::OK, &page)
}
