//! Colour and logo of a portal as files of their own: pages hold no style, and the rules against foreign
//! content need none to be allowed.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::clock::UnixTime;
use crate::http::error::ApiError;
use crate::http::page::portal::PortalLook;
use crate::http::state::AppState;
use crate::model::{Accent, Look, ResourceAlias, Shades};

/// Kept by browsers for good: another look has another address.
const KEPT: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Who opens the logo by itself gets a picture and nothing else.
const PICTURE_CSP: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox");

/// The rules that give a colour to what this selector names.
pub(in crate::http) fn colours(selector: &str, accent: Accent) -> String {
    let (light, dark) = (accent.light(), accent.dark());
    let rule = |name: &str, of: fn(&Shades) -> crate::model::Colour| {
        format!("  --{name}: light-dark({}, {});\n", of(&light), of(&dark))
    };
    format!(
        "{selector} {{\n{}{}{}{}}}\n",
        rule("accent", |shades| shades.accent),
        rule("accent-strong", |shades| shades.strong),
        rule("accent-tint", |shades| shades.tint),
        rule("on-accent", |shades| shades.on_accent),
    )
}

/// What the frame of a portal's pages shows of its look.
pub(super) fn of_frame(look: &Look) -> PortalLook {
    let version = look.changed_at.map_or(0, UnixTime::millis);
    PortalLook {
        colours: look.accent.map(|_| version.to_string()),
        logo: look.logo.as_ref().map(|_| version.to_string()),
    }
}

async fn found(state: &AppState, alias: &str) -> Result<Look, ApiError> {
    let missing = || ApiError::from(crate::service::ServiceError::NotFound { what: "portal" });
    let alias = ResourceAlias::parse(alias).map_err(|_| missing())?;
    state.blocking(move |service| service.portal_look(&alias)).await
}

/// The colours.
pub(super) async fn stylesheet(
    State(state): State<AppState>,
    Path(alias): Path<String>,
) -> Result<Response, ApiError> {
    let accent = found(&state, &alias).await?.accent;
    let text = accent.map(|accent| colours("body.portal", accent)).unwrap_or_default();
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, KEPT)], text).into_response())
}

/// The logo.
pub(super) async fn logo(
    State(state): State<AppState>,
    Path(alias): Path<String>,
) -> Result<Response, ApiError> {
    let Some(logo) = found(&state, &alias).await?.logo else {
        return Ok(StatusCode::NOT_FOUND.into_response());
    };
    Ok(picture(logo))
}

/// A logo as an answer.
pub(in crate::http) fn picture(logo: crate::model::Logo) -> Response {
    let kind = HeaderValue::from_static(logo.kind.content_type());
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, KEPT),
        (header::CONTENT_SECURITY_POLICY, PICTURE_CSP),
    ];
    (headers, logo.bytes).into_response()
}
