//! What REST and the station share of work with devices: the readers, and how a key is asked whether it is genuine.

use std::sync::Arc;

use axum::http::StatusCode;
use data_encoding::HEXLOWER_PERMISSIVE;
use zeroize::Zeroizing;

use super::error::ApiError;
use super::state::AppState;
use crate::device::applet::piv::{ManagementKey, PivSlot};
use crate::device::genuine::Finding;
use crate::jobs::programming::Refusal;
use crate::jobs::station::{GenerateKey, Station};
use crate::model::Actor;
use crate::secret::Passphrase;
use crate::service::ServiceError;

/// Why there are no readers in this process.
pub(super) const NO_READERS: &str = "the readers belong to the running service: start it with mintmark serve";

/// The readers, for work with what lies on them.
pub(super) fn working_station(state: &AppState) -> Result<Arc<Station>, ApiError> {
    let unavailable = |code, detail: String| ApiError::new(StatusCode::SERVICE_UNAVAILABLE, code, detail);
    let Some(station) = state.jobs.station() else {
        return Err(unavailable("no_readers", NO_READERS.to_owned()));
    };
    match station.now().2 {
        Some(trouble) => Err(unavailable("no_reader_service", trouble)),
        None => Ok(Arc::clone(station)),
    }
}

/// Readers by their names: a wrong one would be waited at for ever.
pub(super) fn require_readers(station: &Station, names: &[String]) -> Result<(), ApiError> {
    let there: Vec<String> = station.now().1.into_iter().map(|reader| reader.name).collect();
    let Some(wrong) = names.iter().find(|name| !there.contains(name)) else { return Ok(()) };
    let known = if there.is_empty() { "there is none".to_owned() } else { there.join(", ") };
    let detail = format!("there is no reader {wrong}; the readers here: {known}");
    Err(ApiError::field("readers", "reader_unknown", detail))
}

/// Bytes that were given as hexadecimal text; `field` and `code` are what they and the complaint are called.
#[expect(clippy::disallowed_methods, reason = "what was given as text becomes a key or data here")]
pub(super) fn bytes(
    given: &Passphrase,
    field: &'static str,
    code: &'static str,
) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let read = HEXLOWER_PERMISSIVE.decode(given.expose()).map_err(|error| {
        let at = error.position + 1;
        let detail = format!("{field} is hexadecimal, two signs for each byte: it is wrong at sign {at}");
        ApiError::field(field, code, detail)
    });
    read.map(Zeroizing::new)
}

/// How a key shall prove itself: in which slot, without one the last; with which key, without one that of delivery.
pub(super) fn generate_key(
    slot: Option<&str>,
    management_key: Option<&Passphrase>,
) -> Result<GenerateKey, ApiError> {
    let slot = match slot {
        None => PivSlot::LAST,
        Some(text) => PivSlot::parse(text).filter(|slot| slot.is_for_replaced_keys()).ok_or_else(|| {
            ApiError::field("slot", "slot_unknown", "a slot is one of 82 to 95, in hexadecimal")
        })?,
    };
    let key =
        management_key.map(|key| bytes(key, "management_key", "management_key_malformed")).transpose()?;
    Ok(GenerateKey { slot, management_key: key.map(ManagementKey::new) })
}

/// Asks what lies on a reader whether it is genuine.
pub(super) async fn attest(
    state: &AppState,
    reader: String,
    device: Option<String>,
    generate: Option<GenerateKey>,
    actor: Actor,
) -> Result<Finding, ApiError> {
    let station = working_station(state)?;
    let asked = state.blocking(move |_| {
        let asked = station.attest(&reader, device.as_deref(), generate.as_ref(), &actor);
        asked.map_err(|Refusal { code, detail }| match code {
            "reader_unknown" => ServiceError::Invalid { field: "reader", code, detail },
            _ => ServiceError::state(code, detail),
        })
    });
    asked.await
}
