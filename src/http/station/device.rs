//! One device on a reader: what is this, what is on it, is it ours, whose is it, and is its clock right.

use axum::http::StatusCode;
use axum::response::Response;

use super::card::{reader_card, what};
use super::genuine;
use super::place::Place;
use super::tray::readers;
use crate::device::applet::management::{FormFactor, Interface, Series};
use crate::device::applet::ndef::Record;
use crate::device::applet::oath::Kind;
use crate::device::applet::otp::Slot;
use crate::device::discover::{Found, Holding, Over};
use crate::device::scanner::{self, Unreadable};
use crate::device::{ChipProfile, ClockWrite, Profile};
use crate::http::codes::Typed;
use crate::http::custody::custody_badge;
use crate::http::devices::working_station;
use crate::http::error::ApiError;
use crate::http::extract::{PageForm, Path};
use crate::http::frame::html;
use crate::http::page::device::{Device, DeviceClock, DeviceToken};
use crate::http::page::{Badge, Fact, Field, Notice, Tone, segment};
use crate::http::words;
use crate::jobs::station::ReaderNow;
use crate::model::{Application, Role};
use crate::service::{ClockHere, TokenView};
use crate::words::Words;

type Form = Result<PageForm<Typed>, ApiError>;

pub(super) fn say(id: &str) -> String {
    Words::ENGLISH.text(id)
}

pub(super) fn fact(term: &str, value: &str) -> Fact {
    Fact::new(&say(term), value)
}

/// Where the page of a reader is.
pub(super) fn address(reader: &str) -> String {
    format!("/station/devices/{}", segment(reader))
}

fn form_words(form: FormFactor) -> String {
    say(match form {
        FormFactor::KeychainA => "device-form-keychain-a",
        FormFactor::NanoA => "device-form-nano-a",
        FormFactor::KeychainC => "device-form-keychain-c",
        FormFactor::NanoC => "device-form-nano-c",
        FormFactor::Lightning => "device-form-lightning",
        FormFactor::BioA => "device-form-bio-a",
        FormFactor::BioC => "device-form-bio-c",
        FormFactor::Other(_) => "device-form-other",
    })
}

/// What is switched on; of keys that do not say, what is built in.
fn interface_words(interface: Interface) -> String {
    let on = interface.enabled.unwrap_or(interface.supported);
    let all: Vec<&str> = on.names().collect();
    if all.is_empty() { say("device-nothing-on") } else { all.join(", ") }
}

fn facts(found: &Found, model: Option<&Profile>) -> Vec<Fact> {
    let mut all = Vec::new();
    all.push(fact("device-model", &what(model, found)));
    if let Some(serial) = &found.serial {
        all.push(fact("device-serial", serial).copied());
    }
    let over = match found.over {
        Over::Contacts => "device-over-contacts",
        Over::Contactless => "device-over-nfc",
    };
    all.push(fact("device-over", &say(over)));
    if let Some(key) = &found.key {
        all.extend(key.form_factor.map(|form| fact("device-form", &form_words(form))));
        match key.series {
            Series::Standard => {}
            Series::Fips => all.push(fact("device-series", &say("device-series-fips"))),
            Series::SecurityKey => all.push(fact("device-series", &say("device-series-fido"))),
        }
        all.extend(key.usb.map(|it| fact("device-usb", &interface_words(it))));
        all.extend(key.nfc.map(|it| fact("device-nfc", &interface_words(it))));
        all.extend(key.part_number.as_ref().map(|number| fact("device-part", number)));
        if key.is_locked {
            all.push(fact("device-settings", &say("device-settings-locked")));
        }
    }
    if let Some(slim) = &found.slim {
        let (major, minor) = slim.software;
        let version = format!("{:x}, {major:x}.{minor:02x}", slim.hardware);
        all.push(fact("device-version", &version));
    }
    match &found.record {
        // A tag may hold a seed.
        Some(Record::Uri(text) | Record::Text(text)) if scanner::read(text) != Err(Unreadable::Secret) => {
            all.push(fact("device-tag-says", text));
        }
        _ => {}
    }
    if let Some(uid) = found.uid {
        let uid = uid.map(|byte| format!("{byte:02X}")).join(" ");
        all.push(fact("device-chip", &uid));
    }
    if let Some(clock) = model.and_then(|model| model.chip.as_ref()).and_then(clock_words) {
        all.push(fact("device-clock-write", &clock));
    }
    all
}

pub(super) fn clock_words(chip: &ChipProfile) -> Option<String> {
    let id = match chip.clock? {
        ClockWrite::None => "device-clock-none",
        ClockWrite::Host => "device-clock-host",
        ClockWrite::Kept if chip.clock_needs_auth => "device-clock-kept-key",
        ClockWrite::Kept => "device-clock-kept",
        ClockWrite::ClearsSeed => "device-clock-clears",
    };
    Some(say(id))
}

/// Where on a device, as a heading.
pub(super) fn place_term(application: Application) -> String {
    say(match application {
        Application::Oath => "device-place-oath",
        Application::Slot1 => "device-place-first",
        Application::Slot2 => "device-place-second",
        Application::SingleProfile => "device-place-profile",
    })
}

fn holds(found: &Found) -> Vec<Fact> {
    let mut all = Vec::new();
    for holding in &found.holdings {
        match holding {
            Holding::Oath { credentials: None, .. } => {
                all.push(Fact::new(&place_term(Application::Oath), &say("device-oath-locked")));
            }
            Holding::Oath { credentials: Some(list), .. } => {
                let count = words::count(u64::try_from(list.len()).unwrap_or_default());
                let count = Words::ENGLISH.with("device-oath-count", &[("count", count.into())]);
                all.push(Fact::new(&place_term(Application::Oath), &count));
                for credential in list {
                    let kind = match credential.kind {
                        Kind::Totp => "TOTP",
                        Kind::Hotp => "HOTP",
                    };
                    let hash = credential.hash.name().to_uppercase();
                    all.push(Fact::new(&format!("{kind}, {hash}"), &credential.id.to_string()));
                }
            }
            Holding::Slots(status) => {
                for (slot, place) in [(Slot::One, Application::Slot1), (Slot::Two, Application::Slot2)] {
                    let used =
                        if status.is_configured(slot) { "device-slot-used" } else { "device-slot-free" };
                    all.push(Fact::new(&place_term(place), &say(used)));
                }
            }
            Holding::SingleProfile { model } => {
                let id = if model.is_some() { "device-secret-unsaid" } else { "device-secret-unknown-model" };
                all.push(Fact::new(&place_term(Application::SingleProfile), &say(id)));
            }
        }
    }
    all
}

fn token_row(view: &TokenView) -> DeviceToken {
    let serial = view.token.serial.display().to_owned();
    let mut sentences = Vec::new();
    if let Some(user) = &view.user {
        sentences.push(Words::ENGLISH.with("device-with", &[("user", user.as_str().into())]));
    }
    for (resource, _, user) in &view.assignments {
        let resource = ("resource", resource.as_str().into());
        sentences.push(match user.as_deref().filter(|user| view.user.as_deref() != Some(user)) {
            Some(user) => Words::ENGLISH.with("device-on-for", &[resource, ("user", user.into())]),
            None => Words::ENGLISH.with("device-on", &[resource]),
        });
    }
    sentences.push(Words::ENGLISH.with("device-batch", &[("batch", view.batch.as_str().into())]));
    DeviceToken {
        href: format!("/station/token/{}", segment(&serial)),
        serial,
        custody: custody_badge(view.custody),
        whose: sentences.join(" "),
    }
}

/// What is to be said of a clock, and what can be done.
fn clock(
    place: &Place,
    serial: &str,
    reader: &ReaderNow,
    model: Option<&Profile>,
    offset_secs: i64,
    here: Option<ClockHere>,
) -> DeviceClock {
    let chip = model.and_then(|model| model.chip.as_ref());
    let mut clock = DeviceClock {
        device: serial.to_owned(),
        shown: words::clock(offset_secs),
        expected: String::new(),
        badge: Badge::with_icon(Tone::Neutral, "info", &say("device-clock-not-ours")),
        advice: say("device-clock-not-ours.text"),
        follow: None,
        set: None,
        reason: None,
    };
    let Some(here) = here else { return clock };
    clock.expected = words::clock(here.expected_secs);
    clock.follow = Some(format!("/station/token/{}", segment(serial)));
    let (tone, id) = match (here.is_followed, offset_secs.abs() <= RIGHT_SECS) {
        (true, true) => (Tone::Good, "device-clock-right"),
        (true, false) => (Tone::Good, "device-clock-followed"),
        (false, _) => (Tone::Attention, "device-clock-off"),
    };
    clock.badge = Badge::new(tone, &say(id));
    // Set, it shows what it shows now.
    if here.is_followed && offset_secs.abs() <= RIGHT_SECS {
        clock.advice = say("device-clock-right.text");
        clock.follow = None;
        return clock;
    }
    let needs_admin = here.is_bound && place.actor.role.is_some_and(|role| role != Role::Admin);
    clock.advice = match chip.and_then(|chip| chip.clock) {
        Some(ClockWrite::ClearsSeed) => say("device-clock-loses"),
        Some(ClockWrite::Kept) if needs_admin => say("device-clock-bound"),
        Some(ClockWrite::Kept) if chip.is_some_and(|chip| chip.applications.is_empty()) => {
            say("device-clock-unwritable")
        }
        Some(ClockWrite::Kept) => {
            clock.set = Some(format!("{}/clock", address(&reader.name)));
            clock.reason = here.is_bound.then(Field::default);
            say(if here.is_bound { "device-clock-choose-bound" } else { "device-clock-choose" })
        }
        _ => say("device-clock-unwritable"),
    };
    clock
}

/// A clock that is off by less is as right as it can be read.
const RIGHT_SECS: i64 = 2;

fn missing() -> ApiError {
    let text = "there is no such reader now: look at all of them";
    ApiError::new(StatusCode::NOT_FOUND, "not_found", text)
}

pub(super) async fn device_page(
    place: &Place,
    status: StatusCode,
    name: &str,
    notice: Option<Notice>,
    adjust: impl FnOnce(&mut Device),
) -> Result<Response, ApiError> {
    let (all, _) = readers(place);
    let reader = all.into_iter().find(|reader| reader.name == name).ok_or_else(missing)?;
    let found = reader.found.clone().filter(|_| reader.is_occupied);
    let serial = found.as_ref().and_then(|found| found.serial.clone()).unwrap_or_default();
    let (actor, asked, offset) = (place.actor.clone(), serial.clone(), reader.clock_offset_secs);
    let (doubt, tokens, here) = place
        .state
        .blocking(move |service| {
            service.sees_readers(&actor)?;
            let mut serials: Vec<_> =
                Application::ALL.iter().filter_map(|it| it.token_serial(&asked).ok()).collect();
            // Most have the number of their device.
            serials.sort_by(|one, other| one.normal().cmp(other.normal()));
            serials.dedup();
            let tokens: Vec<TokenView> =
                serials.iter().filter_map(|serial| service.token(&actor, serial).ok()).collect();
            let here = match offset {
                Some(offset) => service.clock_here(&actor, &asked, offset)?,
                None => None,
            };
            Ok((service.devices_in_doubt(&actor)?, tokens, here))
        })
        .await?;
    let mut card = reader_card(place, &reader, &doubt, None).await?;
    card.page = None;
    if let Some(drawer) = &mut card.drawer {
        drawer.address = format!("/station/rehearsal?reader={}", segment(name));
    }
    let model = found.as_deref().and_then(|found| place.state.profiles.model_of(found));
    // It says the same at greater length below.
    card.remarks =
        found.iter().flat_map(|found| &found.remarks).map(|it| words::sentence(&it.to_string())).collect();
    let quirks = found.as_deref().and_then(|found| {
        let (firmware, chip) = (found.firmware?, model?.chip.as_ref()?);
        Some(chip.quirks_of(firmware).map(|quirk| words::sentence(&quirk.what)).collect())
    });
    let mut page = Device {
        page: place.page(name),
        recent: Vec::new(),
        notice,
        address: address(name),
        trouble: String::new(),
        facts: found.as_deref().map(|found| facts(found, model)).unwrap_or_default(),
        quirks: quirks.unwrap_or_default(),
        holds: found.as_deref().map(holds).unwrap_or_default(),
        tokens: tokens.iter().map(token_row).collect(),
        clock: offset
            .filter(|_| found.is_some())
            .map(|offset| clock(place, &serial, &reader, model, offset, here)),
        genuine: found.as_deref().and_then(|found| genuine::form(name, found)),
        readers: vec![card],
    };
    adjust(&mut page);
    Ok(html(status, &page))
}

/// What came of a step of a rehearsal, on the page that it came from.
pub(super) async fn rehearsed(
    place: &Place,
    name: &str,
    notice: Option<Notice>,
) -> Result<Response, ApiError> {
    device_page(place, StatusCode::OK, name, notice, |_| {}).await
}

/// One device.
pub(super) async fn device(place: Place, Path(reader): Path<String>) -> Response {
    let result = device_page(&place, StatusCode::OK, &reader, None, |_| {}).await;
    place.answer(result)
}

/// Sets its clock.
pub(super) async fn set_clock(place: Place, Path(reader): Path<String>, form: Form) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let (reason, device) = (typed.text("reason").to_owned(), typed.text("device").to_owned());
        let (station, actor, name) = (working_station(&place.state)?, place.actor.clone(), reader.clone());
        let begun =
            place.state.blocking(move |_| station.set_clock(&name, Some(&device), &actor, &reason)).await;
        match begun {
            Ok(()) => {
                let notice = Notice::say(Tone::Neutral, Words::ENGLISH, "device-clock-under-way");
                device_page(&place, StatusCode::OK, &reader, Some(notice), |_| {}).await
            }
            Err(error) if error.status.is_client_error() && error.status != StatusCode::NOT_FOUND => {
                let text = words::sentence(&error.message);
                let typed = typed.text("reason").to_owned();
                let of_field = error.field == Some("reason");
                let notice = (!of_field).then(|| Notice::new(Tone::Bad, &say("station-refused"), &text));
                device_page(&place, error.status, &reader, notice, |page| {
                    if let Some(field) = page.clock.as_mut().and_then(|clock| clock.reason.as_mut()) {
                        *field = if of_field { Field::wrong(&typed, &text) } else { Field::of(&typed) };
                    }
                })
                .await
            }
            Err(error) => Err(error),
        }
    };
    let result = result.await;
    place.answer(result)
}
