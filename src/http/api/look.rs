//! How the portal of a resource looks.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, Changing};
use crate::http::auth::Acting;
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, ApiResult, Path};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::model::{Accent, Colour, Logo, Look};
use crate::service::LookPatch;

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/resources/{name}/look", Permission::Read),
    Rule::new("PATCH", "/api/v1/resources/{name}/look", Permission::Administer),
];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show, change))
}

/// How a portal looks.
#[derive(Serialize, ToSchema)]
#[schema(as = Look)]
struct LookDto {
    /// What its pages call the resource; null: by its name.
    shown_name: Option<String>,
    /// `#rrggbb`; null: the usual colour.
    accent: Option<String>,
    /// Content type of the logo; null: none.
    logo: Option<&'static str>,
    /// Whom users can ask.
    help_text: String,
}

impl LookDto {
    fn of((look, help_text): (Look, String)) -> Self {
        Self {
            shown_name: look.shown_name,
            accent: look.accent.map(|accent| accent.colour().to_string()),
            logo: look.logo.map(|logo| logo.kind.content_type()),
            help_text,
        }
    }
}

/// What to change; absent fields stay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LookBody {
    /// At most 60 characters; empty: by its name.
    shown_name: Option<String>,
    /// `#rrggbb`; empty: the usual colour.
    accent: Option<String>,
    /// A PNG, JPEG or WebP picture of at most 64 KiB in base64; empty: none.
    logo: Option<String>,
    /// Plain text of at most 500 characters.
    help_text: Option<String>,
}

/// Reads a colour; empty: the usual one. Console and REST say the same of what does not fit.
pub(in crate::http) fn accent(text: &str) -> Result<Option<Accent>, ApiError> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    let Some(colour) = Colour::parse(text) else {
        let detail = "a colour is written as #0b5f70: a number sign and six hex digits";
        return Err(ApiError::field("accent", "colour_invalid", detail));
    };
    let accent = Accent::new(colour).map_err(|measured| {
        let detail = format!(
            "text on this colour could not be read: its contrast is {measured:.1}:1, 4.5:1 is needed; take a darker one"
        );
        ApiError::field("accent", "contrast_low", detail)
    });
    accent.map(Some)
}

/// Takes the bytes of a file as a logo.
pub(in crate::http) fn logo(bytes: Vec<u8>) -> Result<Logo, ApiError> {
    Logo::new(bytes).map_err(|error| ApiError::field("logo", "logo_invalid", error.to_string()))
}

fn logo_of(text: &str) -> Result<Option<Logo>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    let bytes = data_encoding::BASE64.decode(text.as_bytes());
    let bytes = bytes.map_err(|_| ApiError::field("logo", "logo_invalid", "the logo is not in base64"))?;
    logo(bytes).map(Some)
}

#[utoipa::path(get, path = "/api/v1/resources/{name}/look", tag = "resources",
    responses((status = 200, body = LookDto)))]
async fn show(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(name): Path<String>,
) -> ApiResult<LookDto> {
    let name = common::resource("resource", &name)?;
    let found = state.blocking(move |service| service.look(&actor, &name)).await?;
    Ok(Json(LookDto::of(found)))
}

#[utoipa::path(patch, path = "/api/v1/resources/{name}/look", tag = "resources", request_body = LookBody,
    responses((status = 200, body = LookDto)))]
async fn change(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(name): Path<String>,
    ApiJson(body): ApiJson<LookBody>,
) -> Result<(StatusCode, Json<LookDto>), ApiError> {
    let name = common::resource("resource", &name)?;
    let patch = LookPatch {
        shown_name: body.shown_name,
        accent: body.accent.as_deref().map(accent).transpose()?,
        logo: body.logo.as_deref().map(logo_of).transpose()?,
        help_text: body.help_text,
    };
    let found = state
        .blocking(move |service| {
            service.set_look(&actor, &name, patch)?;
            service.look(&actor, &name)
        })
        .await?;
    Ok((StatusCode::OK, Json(LookDto::of(found))))
}
