//! Whether what lies on a reader is genuine.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{Changing, Secret};
use crate::device::applet::management::FormFactor;
use crate::device::genuine::Finding;
use crate::http::devices::{self, generate_key};
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, ApiResult};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::jobs::station::GenerateKey;

pub(super) const RULES: &[Rule] = &[Rule::new("POST", "/api/v1/devices/attest", Permission::Program)];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(attest))
}

/// Which device, and how it shall prove itself.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Attest)]
struct AttestBody {
    /// Name of the reader that the key lies on.
    reader: String,
    /// The key that was seen there: another one is refused. Absent: whatever lies there.
    device: Option<String>,
    /// Let it generate a key in a free slot and sign with it, which is removed again: the only proof that the key itself is
    /// there (firmware 5.7 or later). Otherwise what it states is only read.
    #[serde(default)]
    generate: bool,
    /// The slot, 82 to 95; without it 95. Only with generate.
    slot: Option<String>,
    /// The management key of PIV in hexadecimal; without it the one that keys are delivered with. Only with generate.
    management_key: Option<Secret>,
}

impl AttestBody {
    fn generate(&self) -> Result<Option<GenerateKey>, ApiError> {
        if !self.generate {
            let unused = self.slot.as_ref().map(|_| "slot");
            return match unused.or(self.management_key.as_ref().map(|_| "management_key")) {
                None => Ok(None),
                Some(field) => {
                    let detail = format!("{field} is for generate: without it nothing is written");
                    Err(ApiError::field(field, "generate_needed", detail))
                }
            };
        }
        let key = self.management_key.as_ref().map(Secret::text);
        generate_key(self.slot.as_deref(), key).map(Some)
    }
}

/// What a device proved about itself.
#[derive(Serialize, ToSchema)]
#[schema(as = Attestation)]
struct AttestationDto {
    reader: String,
    /// `proved_now`: genuine, the one that it says, and here. `statement_only`: a genuine key with this number stated it at
    /// some time. `no_statement`: its certificate is genuine, and it states nothing. `no_certificate`, `unknown_root`: nothing
    /// can be said. `other_key`, `forged`, `copied`, unreadable: do not hand it out.
    verdict: &'static str,
    /// What that means and what to do.
    detail: String,
    /// What it says of itself; null: nothing.
    serial: Option<String>,
    /// Of its firmware.
    version: String,
    /// `usb_a_keychain`, `usb_a_nano`, `usb_c_keychain`, `usb_c_nano`, `usb_c_lightning`, `usb_a_bio`, `usb_c_bio` or other;
    /// null: it does not say.
    form: Option<&'static str>,
    /// The slot whose statement was read.
    slot: Option<String>,
    /// The root certificate that vouches for it.
    root: Option<String>,
    /// What people have to know beside that.
    remarks: Vec<String>,
}

impl AttestationDto {
    fn of(reader: String, found: &Finding) -> Self {
        Self {
            reader,
            verdict: found.verdict.name(),
            detail: found.verdict.to_string(),
            serial: found.device.serial.map(|serial| serial.to_string()),
            version: found.device.version.to_string(),
            form: found.device.form_factor.map(FormFactor::name),
            slot: found.slot.map(|slot| slot.to_string()),
            root: found.root.clone(),
            remarks: found.remarks.iter().map(ToString::to_string).collect(),
        }
    }
}

#[utoipa::path(post, path = "/api/v1/devices/attest", tag = "devices", request_body = AttestBody,
    responses((status = 200, body = AttestationDto)))]
async fn attest(
    State(state): State<AppState>,
    Changing(actor): Changing,
    ApiJson(body): ApiJson<AttestBody>,
) -> ApiResult<AttestationDto> {
    let generate = body.generate()?;
    let found = devices::attest(&state, body.reader.clone(), body.device, generate, actor).await?;
    Ok(Json(AttestationDto::of(body.reader, &found)))
}
