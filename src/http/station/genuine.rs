//! Whether the key on a reader is genuine.

use axum::http::StatusCode;
use axum::response::Response;

use super::device::{address, device_page};
use super::place::Place;
use crate::device::applet::management::Series;
use crate::device::applet::piv::PivSlot;
use crate::device::discover::{Family, Found};
use crate::device::genuine::{self, Finding, Verdict};
use crate::http::codes::Typed;
use crate::http::devices::{attest, generate_key};
use crate::http::error::ApiError;
use crate::http::extract::{PageForm, Path};
use crate::http::page::device::GenuineForm;
use crate::http::page::{Choice, Field, Notice, Tone};
use crate::http::words;
use crate::words::Words;

fn slots(chosen: &str) -> Vec<Choice> {
    let mut all: Vec<PivSlot> = PivSlot::all().filter(|slot| slot.is_for_replaced_keys()).collect();
    // The last is the one that is free most likely.
    all.reverse();
    let names = all.into_iter().map(|slot| slot.to_string());
    names.map(|name| Choice { selected: name == chosen, value: name.clone(), label: name }).collect()
}

/// How this device is asked; `None`: it cannot say.
pub(super) fn form(reader: &str, found: &Found) -> Option<GenuineForm> {
    let has_piv = found.key.as_ref().is_none_or(|key| key.series != Series::SecurityKey);
    // Where it does not tell its version, it is asked and says so itself.
    let states = found.firmware.is_none_or(genuine::can_state);
    (found.family == Family::YubiKey && has_piv && states).then(|| GenuineForm {
        to: format!("{}/attest", address(reader)),
        device: found.serial.clone().unwrap_or_default(),
        slots: if found.firmware.is_none_or(genuine::can_prove) { slots("") } else { Vec::new() },
        management_key: Field::default(),
        is_open: false,
    })
}

fn told(found: &Finding) -> Notice {
    let (tone, id) = match found.verdict {
        Verdict::ProvedNow => (Tone::Good, "device-genuine-proved"),
        Verdict::StatementOnly | Verdict::NoStatement | Verdict::NoCertificate | Verdict::UnknownRoot(_) => {
            (Tone::Attention, "device-genuine-not-proved")
        }
        Verdict::OtherKey(_) | Verdict::Forged(_) | Verdict::Copied | Verdict::Unreadable(_) => {
            (Tone::Bad, "device-genuine-false")
        }
    };
    let version = ("version", found.device.version.to_string().into());
    let mut says = match found.device.serial {
        Some(serial) => {
            Words::ENGLISH.with("device-genuine-says", &[("serial", serial.to_string().into()), version])
        }
        None => Words::ENGLISH.with("device-genuine-nameless", &[version]),
    };
    for remark in &found.remarks {
        says.push(' ');
        says.push_str(&words::sentence(&remark.to_string()));
    }
    let verdict = words::sentence(&found.verdict.to_string());
    Notice::tell(tone, Words::ENGLISH, id, &[("verdict", verdict.into()), ("says", says.into())])
}

async fn asked(place: &Place, reader: &str, typed: &Typed) -> Result<Finding, ApiError> {
    let generate = if typed.text("generate") == "yes" {
        let key = Some(typed.secret("management_key")).filter(|key| !key.is_empty());
        Some(generate_key(Some(typed.text("slot")).filter(|slot| !slot.is_empty()), key.as_ref())?)
    } else {
        None
    };
    // Another key may lie there than the one whose page this was: nothing is generated on it.
    let device = Some(typed.text("device").to_owned()).filter(|device| !device.is_empty());
    attest(&place.state, reader.to_owned(), device, generate, place.actor.clone()).await
}

/// Asks it.
pub(super) async fn ask(
    place: Place,
    Path(reader): Path<String>,
    form: Result<PageForm<Typed>, ApiError>,
) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        match asked(&place, &reader, &typed).await {
            Ok(found) => device_page(&place, StatusCode::OK, &reader, Some(told(&found)), |_| {}).await,
            // A reader that is not there has no page.
            Err(error) if error.code == "reader_unknown" => {
                device_page(&place, StatusCode::OK, &reader, None, |_| {}).await
            }
            Err(error)
                if error.status.is_client_error() || error.status == StatusCode::SERVICE_UNAVAILABLE =>
            {
                let text = words::sentence(&error.message);
                let of_key = error.code.contains("management_key");
                let notice =
                    (!of_key).then(|| Notice::new(Tone::Bad, &Words::ENGLISH.text("station-refused"), &text));
                device_page(&place, error.status, &reader, notice, |page| {
                    let Some(form) = &mut page.genuine else { return };
                    form.is_open = true;
                    for slot in &mut form.slots {
                        slot.selected = slot.value == typed.text("slot");
                    }
                    if of_key {
                        form.management_key = Field::wrong("", &text);
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
