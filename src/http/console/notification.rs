//! *Notifications*: what operators hear of, and how.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Asked, Fields, chosen, missing, typed};
use crate::clock::UnixTime;
use crate::http::auth::{Acting, Caller};
use crate::http::error::ApiError;
use crate::http::extract::{ApiQuery, PageForm, Path};
use crate::http::page::console::notification as view;
use crate::http::page::{Badge, Field, Notice, Tone};
use crate::http::state::AppState;
use crate::http::{frame, words};
use crate::model::{NewsKind, Role, SubscriptionId};
use crate::service::{MailMode, NewSubscription, SubscriptionView};

fn row(one: &SubscriptionView, now: UnixTime) -> view::NotificationRow {
    let event = match &one.stock {
        Some((_, name, few)) => {
            format!("{}: fewer than {} of {name}", one.kind.words(), words::count(u64::from(*few)))
        }
        None => one.kind.words().to_owned(),
    };
    let state = match &one.last {
        _ if one.is_paused => Badge::new(Tone::Attention, "Paused"),
        None => Badge::new(Tone::Neutral, "Nothing sent yet"),
        Some(last) if last.given_up => Badge::new(Tone::Bad, "Given up"),
        Some(last) if last.problem.is_some() => Badge::new(Tone::Attention, "Tried again later"),
        Some(_) => Badge::new(Tone::Good, "Delivered"),
    };
    let mut notes = Vec::new();
    if one.is_paused {
        notes.push("Nothing is sent: the operator is disabled, or is no admin any more.".to_owned());
    }
    if let Some((count, until)) = one.left_out {
        notes.push(format!(
            "{} more left out of a full hour; a summary is sent {}.",
            words::count(u64::from(count)),
            words::moment(until, now).words
        ));
    }
    view::NotificationRow {
        notes: notes.join(" "),
        id: one.id.0,
        operator: one.operator.clone(),
        event,
        channel: if one.channel == "mail" { "Mail" } else { "Webhook" },
        to: one.to.clone(),
        state,
        when: one.last.as_ref().map(|last| words::moment(last.at, now)),
        problem: one.last.as_ref().and_then(|last| last.problem.clone()).unwrap_or_default(),
    }
}

async fn page(
    state: &AppState,
    caller: &Caller,
    done: Option<&str>,
    created: Option<view::NewSecret>,
    refused: Option<(&ApiError, &Fields)>,
) -> Result<view::Notifications, ApiError> {
    let actor = caller.actor.clone().ok_or_else(ApiError::unauthorized)?;
    let (role, is_person) = (actor.role, actor.operator().is_some());
    let found = state.blocking(move |service| service.notifications(&actor)).await?;
    let now = state.service.now();
    let field = |name| refused.map_or("", |(_, fields)| fields.get(name));
    let events: Vec<_> = NewsKind::OFFERED
        .iter()
        .filter(|kind| role.is_some_and(|role| kind.is_for(role)))
        .map(|kind| (kind.name(), kind.words()))
        .collect();
    let channels: &[(&str, &str)] = if role == Some(Role::Admin) {
        &[("mail", "Mail"), ("webhook", "Webhook")]
    } else {
        &[("mail", "Mail")]
    };
    let mail_off = (state.service.mail_mode() == MailMode::None).then(|| {
        let text = "Mails do not leave. An admin sets one in mintmark.toml (smtp); a webhook needs none.";
        Notice::new(Tone::Attention, "No mail server is set up.", text)
    });
    let of = |name: &'static str| match refused {
        Some((error, fields)) => typed(error, name, fields.get(name)),
        None => Field::default(),
    };
    let mut page = view::Notifications {
        page: frame::with_done(frame::page(state, caller, "Notifications", "notifications"), done),
        rows: found.iter().map(|one| row(one, now)).collect(),
        shows_operator: found.iter().any(|one| !one.is_own),
        may_add: is_person,
        created,
        mail_off,
        events: chosen(&events, field("event")),
        channels: chosen(channels, field("channel")),
        to: of("to"),
        problem: None,
        resource: of("resource"),
        batch: of("batch"),
        fewer_than: of("fewer_than"),
    };
    let placed = [&page.to, &page.resource, &page.batch, &page.fewer_than].iter().any(|f| f.error.is_some());
    if let Some((error, _)) = refused.filter(|_| !placed) {
        page.problem = Some(Notice::new(Tone::Bad, "Nothing was added.", &words::sentence(&error.message)));
    }
    Ok(page)
}

/// The notifications.
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    Ok(frame::html(StatusCode::OK, &page(&state, &caller, asked.done.as_deref(), None, None).await?))
}

fn read(fields: &Fields) -> Result<NewSubscription, ApiError> {
    let some = |name| Some(fields.get(name)).filter(|text| !text.is_empty());
    let few = some("fewer_than").map(str::parse::<u32>).transpose();
    let few = few.map_err(|_| ApiError::field("fewer_than", "stock_range", "type a number"))?;
    crate::http::api::read_notification(
        fields.get("event"),
        fields.get("channel"),
        fields.get("to"),
        (some("resource"), some("batch")),
        few,
    )
}

/// Adds one; the secret of a webhook is shown, this once.
#[expect(clippy::disallowed_methods, reason = "the one showing of a new secret")]
pub(super) async fn add(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let added = match read(&fields) {
        Ok(new) => state.blocking(move |service| service.subscribe(&actor, new)).await,
        Err(error) => Err(error),
    };
    match added {
        Ok(made) => match made.secret {
            None => Ok(frame::done("/admin/notifications", "notification-added")),
            Some(secret) => {
                let secret = String::from_utf8_lossy(secret.expose()).into_owned();
                let created = view::NewSecret { to: made.view.to, secret };
                Ok(frame::html(StatusCode::OK, &page(&state, &caller, None, Some(created), None).await?))
            }
        },
        Err(error) if matches!(error.status.as_u16(), 403 | 404 | 409 | 422) => {
            let page = page(&state, &caller, None, None, Some((&error, &fields))).await?;
            Ok(frame::html(StatusCode::UNPROCESSABLE_ENTITY, &page))
        }
        Err(error) => Err(error),
    }
}

fn number(text: &str) -> Result<SubscriptionId, ApiError> {
    text.parse().map(SubscriptionId).map_err(|_| missing("notification"))
}

/// Ends one.
pub(super) async fn remove(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(id): Path<String>,
    PageForm(_): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let id = number(&id)?;
    state.blocking(move |service| service.unsubscribe(&actor, id)).await?;
    Ok(frame::done("/admin/notifications", "notification-removed"))
}

/// Sends a trial of one.
pub(super) async fn trial(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(id): Path<String>,
    PageForm(_): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let id = number(&id)?;
    match state.blocking(move |service| service.try_notification(&actor, id)).await {
        Ok(()) => Ok(frame::done("/admin/notifications", "notification-tried")),
        Err(error) if error.code == "trial_waits" => {
            Ok(frame::done("/admin/notifications", "notification-waits"))
        }
        Err(error) => Err(error),
    }
}
