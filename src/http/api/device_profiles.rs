//! Which token models are known.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::device::{Catalogue, ChipProfile, ClockWrite, Listed, ProfileError};
use crate::http::auth::Acting;
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::model::OtpSpec;
use crate::oath::Digits;

pub(super) const RULES: &[Rule] = &[Rule::new("GET", "/api/v1/devices/profiles", Permission::Read)];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What some versions of a model do otherwise.
#[derive(Serialize, ToSchema)]
struct DeviceQuirk {
    /// Bounds that all hold, as `>=4.2.0, <=4.2.6`.
    firmware: String,
    what: String,
}

/// The chip of a model.
#[derive(Serialize, ToSchema)]
struct DeviceChip {
    family: &'static str,
    /// This version of the program speaks to it.
    spoken: bool,
    serial_prefix: Vec<String>,
    /// Vendor and product, as `1050:0407`.
    usb: Vec<String>,
    /// Bytes of its ATR in hexadecimal digits.
    atr: Vec<String>,
    /// What is written to: `oath`, `otp_slot`, `single_profile`.
    applications: Vec<String>,
    /// `ccid`, `nfc`, `hid`.
    transport: Vec<&'static str>,
    /// Numbered places for seeds.
    slots: Option<u16>,
    /// Named places for seeds.
    capacity: Option<u16>,
    /// `none`, `host`, `kept` or `clears_seed`; null: not known.
    clock: Option<&'static str>,
    clock_needs_auth: bool,
    quirks: Vec<DeviceQuirk>,
}

impl DeviceChip {
    fn of(chip: &ChipProfile) -> Self {
        let quirks = chip.quirks.iter();
        Self {
            family: chip.family.name(),
            spoken: chip.family.spoken().is_some(),
            serial_prefix: chip.serial_prefixes.clone(),
            usb: chip.usb.iter().map(ToString::to_string).collect(),
            atr: chip.atr.clone(),
            applications: chip.applications.clone(),
            transport: chip.wires.iter().map(|wire| wire.name()).collect(),
            slots: chip.slots,
            capacity: chip.capacity,
            clock: chip.clock.map(ClockWrite::name),
            clock_needs_auth: chip.clock_needs_auth,
            quirks: quirks
                .map(|quirk| DeviceQuirk { firmware: quirk.firmware.to_string(), what: quirk.what.clone() })
                .collect(),
        }
    }
}

/// A token model.
#[derive(Serialize, ToSchema)]
struct DeviceProfile {
    id: String,
    manufacturer: String,
    name: String,
    /// What it can compute, as `totp sha1 6 30`; the first is what it ships with.
    computes: Vec<String>,
    least_seed_bytes: usize,
    most_seed_bytes: usize,
    /// `from the vendor`, `written by its user` or `made here`.
    seed_is: &'static str,
    /// Where the figures come from.
    source: String,
    /// `built_in` or `data_directory`.
    file: &'static str,
    /// Null: there is no chip to speak to.
    device: Option<DeviceChip>,
}

impl DeviceProfile {
    fn of(listed: &Listed) -> Self {
        let profile = &listed.profile;
        Self {
            id: profile.id.clone(),
            manufacturer: profile.manufacturer.clone(),
            name: profile.name.clone(),
            computes: profile.specs.iter().map(computed).collect(),
            least_seed_bytes: *profile.seed_bytes.start(),
            most_seed_bytes: *profile.seed_bytes.end(),
            seed_is: profile.seed_is.name(),
            source: profile.source.clone(),
            file: listed.origin.name(),
            device: profile.chip.as_ref().map(DeviceChip::of),
        }
    }
}

/// A file that is not used.
#[derive(Serialize, ToSchema)]
struct DeviceProfileProblem {
    file: String,
    /// Null: it is the file as a whole.
    field: Option<&'static str>,
    /// The whole sentence.
    problem: String,
}

impl DeviceProfileProblem {
    fn of(error: &ProfileError) -> Self {
        Self { file: error.file().to_owned(), field: error.field(), problem: error.to_string() }
    }
}

/// All models.
#[derive(Serialize, ToSchema)]
struct DeviceProfiles {
    items: Vec<DeviceProfile>,
    /// Files of the data directory that are not used.
    problems: Vec<DeviceProfileProblem>,
}

impl DeviceProfiles {
    fn of(catalogue: &Catalogue) -> Self {
        Self {
            items: catalogue.listed().iter().map(DeviceProfile::of).collect(),
            problems: catalogue.problems().iter().map(DeviceProfileProblem::of).collect(),
        }
    }
}

fn computed(spec: &OtpSpec) -> String {
    let hash = spec.hash().map_or("", |hash| hash.name());
    let digits = spec.digits().map_or(0, Digits::get);
    match spec {
        OtpSpec::Totp { period, .. } => format!("totp {hash} {digits} {}", period.get()),
        OtpSpec::Hotp { .. } => format!("hotp {hash} {digits}"),
        other => other.suite().map_or_else(String::new, |suite| suite.as_str().to_owned()),
    }
}

/// The token models that are known, those of the data directory among them.
#[utoipa::path(
    get, path = "/api/v1/devices/profiles", tag = "devices",
    responses((status = 200, body = DeviceProfiles))
)]
async fn list(_acting: Acting, State(state): State<AppState>) -> Json<DeviceProfiles> {
    Json(DeviceProfiles::of(&state.profiles))
}
