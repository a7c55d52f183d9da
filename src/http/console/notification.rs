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
use crate::words::Words;

const fn channel(is_mail: bool) -> &'static str {
    if is_mail { "notification-mail" } else { "notification-webhook" }
}

fn row(one: &SubscriptionView, now: UnixTime) -> view::NotificationRow {
    let event = match &one.stock {
        Some((_, name, few)) => {
            let few = words::count(u64::from(*few));
            let variables =
                [("event", one.kind.words().into()), ("few", few.into()), ("name", name.as_str().into())];
            Words::ENGLISH.with("notification-few", &variables)
        }
        None => one.kind.words().to_owned(),
    };
    let (tone, state) = match &one.last {
        _ if one.is_paused => (Tone::Attention, "notification-state-paused"),
        None => (Tone::Neutral, "notification-state-nothing"),
        Some(last) if last.given_up => (Tone::Bad, "notification-state-given-up"),
        Some(last) if last.problem.is_some() => (Tone::Attention, "notification-state-later"),
        Some(_) => (Tone::Good, "notification-state-delivered"),
    };
    let mut notes = Vec::new();
    if one.is_paused {
        notes.push(Words::ENGLISH.text("notification-state-paused.note"));
    }
    if let Some((count, until)) = one.left_out {
        let variables = [
            ("count", words::count(u64::from(count)).into()),
            ("when", words::moment(until, now).words.into()),
        ];
        notes.push(Words::ENGLISH.with("notification-left-out", &variables));
    }
    view::NotificationRow {
        notes: notes.join(" "),
        id: one.id.0,
        operator: one.operator.clone(),
        event,
        channel: Words::ENGLISH.text(channel(one.channel == "mail")),
        to: one.to.clone(),
        state: Badge::new(tone, &Words::ENGLISH.text(state)),
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
    let events: Vec<_> = NewsKind::ALL
        .iter()
        .filter(|kind| role.is_some_and(|role| kind.is_for(role)))
        .map(|kind| (kind.name(), kind.words()))
        .collect();
    let (mail, webhook) = (Words::ENGLISH.text(channel(true)), Words::ENGLISH.text(channel(false)));
    let mut channels = vec![("mail", mail.as_str())];
    if role == Some(Role::Admin) {
        channels.push(("webhook", &webhook));
    }
    let mail_off = (state.service.mail_mode() == MailMode::None)
        .then(|| Notice::say(Tone::Attention, Words::ENGLISH, "notification-no-mail"));
    let of = |name: &'static str| match refused {
        Some((error, fields)) => typed(error, name, fields.get(name)),
        None => Field::default(),
    };
    let title = Words::ENGLISH.text("notifications-title");
    let mut page = view::Notifications {
        page: frame::with_done(frame::page(state, caller, &title, "notifications"), done),
        rows: found.iter().map(|one| row(one, now)).collect(),
        shows_operator: found.iter().any(|one| !one.is_own),
        may_add: is_person,
        created,
        mail_off,
        events: chosen(&events, field("event")),
        channels: chosen(&channels, field("channel")),
        to: of("to"),
        problem: None,
        resource: of("resource"),
        batch: of("batch"),
        fewer_than: of("fewer_than"),
    };
    let placed = [&page.to, &page.resource, &page.batch, &page.fewer_than].iter().any(|f| f.error.is_some());
    if let Some((error, _)) = refused.filter(|_| !placed) {
        let title = Words::ENGLISH.text("notification-unchanged");
        page.problem = Some(Notice::new(Tone::Bad, &title, &words::sentence(&error.message)));
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
