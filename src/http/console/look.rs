//! A resource's tab *Look*: shown name, colour, logo and whom to ask.

use axum::extract::{Multipart, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{Asked, missing, resource, resource_of, typed};
use crate::clock::UnixTime;
use crate::http::auth::{Acting, Caller};
use crate::http::error::ApiError;
use crate::http::extract::{ApiQuery, Path, check_form_token};
use crate::http::page::console::look as view;
use crate::http::page::console::resource::Resource as Tabs;
use crate::http::page::{Field, segment};
use crate::http::state::AppState;
use crate::http::{api, frame, part, portal};
use crate::model::{Accent, Actor, Logo};
use crate::service::LookPatch;

/// What the form sends.
#[derive(Debug, Default)]
struct Sent {
    shown_name: String,
    accent: String,
    help_text: String,
    logo: Vec<u8>,
    no_logo: bool,
    preview: bool,
}

fn broken() -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, "form_invalid", "the form did not arrive whole: send it again")
}

/// Reads the parts of the form. The token comes first: nothing is read for a foreign form.
async fn parts(mut body: Multipart, expected: &str) -> Result<Sent, ApiError> {
    let mut sent = Sent::default();
    let mut trusted = false;
    while let Some(mut field) = body.next_field().await.map_err(|_| broken())? {
        let name = field.name().unwrap_or_default().to_owned();
        // One byte more than allowed: the model says how large a file is too large.
        let value = part::read(&mut field, 256 << 10).await.map_err(|fault| match fault {
            part::PartFault::TooLarge => {
                ApiError::field("logo", "logo_invalid", "a logo has at most 64 KiB: make the picture smaller")
            }
            part::PartFault::Broken(_) => broken(),
        })?;
        let text = || String::from_utf8_lossy(&value).trim().to_owned();
        if !trusted {
            let token = if name == "form_token" { text() } else { String::new() };
            check_form_token(&token, expected)?;
            trusted = true;
            continue;
        }
        match name.as_str() {
            "shown_name" => sent.shown_name = text(),
            "accent" => sent.accent = text(),
            "help_text" => sent.help_text = text(),
            "logo" => sent.logo = value.to_vec(),
            "no_logo" => sent.no_logo = text() == "true",
            "mode" => sent.preview = text() == "preview",
            _ => {}
        }
    }
    check_form_token(if trusted { expected } else { "" }, expected)?;
    Ok(sent)
}

fn address(name: &str, accent: Accent) -> String {
    let hex = accent.colour().to_string();
    format!("/admin/resources/{}/look.css?accent={}", segment(name), hex.trim_start_matches('#'))
}

async fn page(
    state: &AppState,
    caller: &Caller,
    actor: &Actor,
    name: &str,
    done: Option<&str>,
    tried: Option<(&Sent, Option<&ApiError>)>,
) -> Result<view::LookPage, ApiError> {
    let found = resource::find(state, actor, name).await?;
    let (asker, wanted) = (actor.clone(), found.name.clone());
    let (look, help_text) = state.blocking(move |service| service.look(&asker, &wanted)).await?;
    let counts = resource::tab_counts(state, actor, &found.name).await?;
    let name = found.name.as_str().to_owned();
    let version = look.changed_at.map_or(0, UnixTime::millis);
    let kept = look.accent;
    let mut page = view::LookPage {
        page: frame::with_done(frame::page(state, caller, &name, "resources"), done),
        tabs: Tabs::tabs(&name, "look", counts.each_ref().map(String::as_str)),
        shown_name: Field::of(look.shown_name.as_deref().unwrap_or_default()),
        accent: Field::of(&kept.map(|accent| accent.colour().to_string()).unwrap_or_default()),
        logo: Field::default(),
        help_text: Field::of(&help_text),
        preview_colours: kept.map(|accent| address(&name, accent)),
        preview_logo: look.logo.map(|_| format!("/admin/resources/{}/logo?v={version}", segment(&name))),
        preview_name: look.shown_name.unwrap_or_else(|| name.clone()),
        is_trial: false,
        name,
    };
    if let Some((sent, error)) = tried {
        let of = |field: &'static str, value: &str| match error {
            Some(error) => typed(error, field, value),
            None => Field::of(value),
        };
        page.shown_name = of("shown_name", &sent.shown_name);
        page.accent = of("accent", &sent.accent);
        page.help_text = of("help_text", &sent.help_text);
        page.logo = of("logo", "");
        if !sent.shown_name.is_empty() {
            page.preview_name.clone_from(&sent.shown_name);
        }
        page.preview_colours =
            api::read_accent(&sent.accent).ok().flatten().map(|accent| address(&page.name, accent));
        page.is_trial = true;
        if let Some(error) = error
            && [&page.shown_name, &page.accent, &page.help_text, &page.logo].iter().all(|f| f.error.is_none())
        {
            page.help_text.error = Some(crate::http::words::sentence(&error.message));
        }
    }
    Ok(page)
}

/// The form and the preview of what is kept.
pub(super) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(name): Path<String>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let page = page(&state, &caller, &actor, &name, asked.done.as_deref(), None).await?;
    Ok(frame::html(StatusCode::OK, &page))
}

fn patch(sent: &Sent) -> Result<LookPatch, ApiError> {
    let logo: Option<Option<Logo>> = match (&sent.logo, sent.no_logo) {
        (file, _) if !file.is_empty() => Some(Some(api::read_logo(file.clone())?)),
        (_, true) => Some(None),
        _ => None,
    };
    Ok(LookPatch {
        shown_name: Some(sent.shown_name.clone()),
        accent: Some(api::read_accent(&sent.accent)?),
        logo,
        help_text: Some(sent.help_text.clone()),
    })
}

/// Saves it, or shows what the colour would look like.
pub(super) async fn save(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(name): Path<String>,
    body: Multipart,
) -> Result<Response, ApiError> {
    let wanted = resource_of(&name)?;
    let sent = parts(body, &caller.form_token).await?;
    let read = patch(&sent);
    let refused = match (read, sent.preview) {
        (Ok(_), true) => None,
        (Ok(patch), false) => {
            let actor = actor.clone();
            match state.blocking(move |service| service.set_look(&actor, &wanted, patch)).await {
                Ok(()) => {
                    let path = format!("/admin/resources/{}/look", segment(&name));
                    return Ok(frame::done(&path, "portal-changed"));
                }
                Err(error) if matches!(error.status.as_u16(), 409 | 422) => Some(error),
                Err(error) => return Err(error),
            }
        }
        (Err(error), _) => Some(error),
    };
    let status = if refused.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = page(&state, &caller, &actor, &name, None, Some((&sent, refused.as_ref()))).await?;
    Ok(frame::html(status, &page))
}

/// A colour to try.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tried {
    accent: String,
}

/// The colours of the preview: of any colour that may be chosen, so that it can be looked at first.
pub(super) async fn stylesheet(ApiQuery(tried): ApiQuery<Tried>) -> Result<Response, ApiError> {
    let accent = match tried.accent.as_str() {
        "" => None,
        hex => api::read_accent(&format!("#{hex}"))?,
    };
    let text = accent.map(|accent| portal::colours(".look-preview", accent)).unwrap_or_default();
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// The logo that is kept, also while the portal is closed.
pub(super) async fn logo(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(name): Path<String>,
) -> Result<Response, ApiError> {
    let name = resource_of(&name)?;
    let (look, _) = state.blocking(move |service| service.look(&actor, &name)).await?;
    look.logo.map(portal::picture).ok_or_else(|| missing("logo"))
}
