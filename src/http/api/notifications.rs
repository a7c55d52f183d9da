//! What operators hear of, and how.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, Changing, List, time};
use crate::http::auth::Acting;
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, ApiResult, Path};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::model::{NewsKind, SubscriptionId, WebhookUrl};
use crate::service::{
    NewChannel, NewStock, NewSubscription, StockPlaceName, Subscribed, SubscriptionView, Wanted,
};

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/notifications", Permission::Read),
    Rule::new("PUT", "/api/v1/notifications", Permission::Subscribe),
    Rule::new("POST", "/api/v1/notifications", Permission::Subscribe),
    Rule::new("DELETE", "/api/v1/notifications/{id}", Permission::Subscribe),
    Rule::new("POST", "/api/v1/notifications/{id}/trial", Permission::Subscribe),
];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, replace, add)).routes(routes!(remove)).routes(routes!(trial))
}

/// How the last delivery went.
#[derive(Serialize, ToSchema)]
struct Delivery {
    at: String,
    /// Null: it was taken.
    problem: Option<String>,
    /// It is not tried again.
    given_up: bool,
}

/// One notification.
#[derive(Serialize, ToSchema)]
#[schema(as = Notification)]
struct NotificationDto {
    id: String,
    operator: String,
    event: &'static str,
    /// mail or webhook.
    channel: &'static str,
    /// The mail address; of a webhook scheme and host.
    to: String,
    /// For `low_stock`: what is counted.
    resource: Option<String>,
    batch: Option<String>,
    fewer_than: Option<u32>,
    /// For what lasts: since when it is so.
    on_since: Option<String>,
    last: Option<Delivery>,
    /// Nothing is sent: its operator is disabled, or may not have it any more.
    paused: bool,
    /// News that was too much for the hour and is summed up after it.
    left_out: u32,
    created_at: String,
    /// What the requests of a new webhook are signed with; shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl NotificationDto {
    fn of(view: SubscriptionView) -> Self {
        let named =
            |word| view.stock.as_ref().filter(|(what, ..)| *what == word).map(|(_, name, _)| name.clone());
        Self {
            id: view.id.0.to_string(),
            event: view.kind.name(),
            channel: view.channel,
            resource: named("resource"),
            batch: named("batch"),
            fewer_than: view.stock.as_ref().map(|(_, _, few)| *few),
            operator: view.operator,
            to: view.to,
            on_since: view.on_since.map(time),
            last: view.last.map(|l| Delivery { at: time(l.at), problem: l.problem, given_up: l.given_up }),
            paused: view.is_paused,
            left_out: view.left_out.map_or(0, |(count, _)| count),
            created_at: time(view.created_at),
            secret: None,
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the one showing of a new secret")]
    fn made(made: Subscribed) -> Self {
        let secret = made.secret.map(|secret| String::from_utf8_lossy(secret.expose()).into_owned());
        Self { secret, ..Self::of(made.view) }
    }
}

/// What to hear of: `id` alone keeps one that is there; the other fields make a new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NotificationBody {
    id: Option<String>,
    /// `user_issue`, `locked_user`, `import_finished`, `low_stock`, `clock_fault`, `audit_failure` or
    /// `failed_confirmations`.
    event: Option<String>,
    /// mail or webhook.
    channel: Option<String>,
    /// A mail address, or the https address of a webhook (admins only).
    to: Option<String>,
    /// For `low_stock`: this resource or a batch.
    resource: Option<String>,
    batch: Option<String>,
    /// For `low_stock`: fewer tokens in the cupboard than this are few.
    fewer_than: Option<u32>,
}

/// Reads one; console and REST say the same of what does not fit.
pub(in crate::http) fn read(
    event: &str,
    channel: &str,
    to: &str,
    place: (Option<&str>, Option<&str>),
    fewer_than: Option<u32>,
) -> Result<NewSubscription, ApiError> {
    let kind = NewsKind::from_name(event).ok_or_else(|| {
        let known: Vec<_> = NewsKind::ALL.iter().map(|kind| kind.name()).collect();
        ApiError::field("event", "event_unknown", format!("an event is one of {}", known.join(", ")))
    })?;
    let channel = match channel {
        "mail" => NewChannel::Mail(common::email_in("to", to)?),
        "webhook" => NewChannel::Webhook(
            WebhookUrl::parse(to).map_err(|error| ApiError::field("to", "webhook_url", error.to_string()))?,
        ),
        _ => return Err(ApiError::field("channel", "channel_unknown", "a channel is mail or webhook")),
    };
    let place = match place {
        (Some(name), None) => Some(StockPlaceName::Resource(common::resource("resource", name)?)),
        (None, Some(name)) => Some(StockPlaceName::Batch(common::batch("batch", name)?)),
        (None, None) => None,
        (Some(_), Some(_)) => {
            return Err(ApiError::field("batch", "stock_place", "give a resource or a batch, not both"));
        }
    };
    let stock = match (place, fewer_than) {
        (Some(place), Some(fewer_than)) => Some(NewStock { place, fewer_than }),
        (None, None) => None,
        (Some(_), None) => {
            return Err(ApiError::field(
                "fewer_than",
                "stock_missing",
                "say fewer than how many tokens are few",
            ));
        }
        (None, Some(_)) => {
            return Err(ApiError::field("resource", "stock_place", "say of which resource or batch"));
        }
    };
    Ok(NewSubscription { kind, channel, stock })
}

impl NotificationBody {
    fn fresh(&self) -> Result<NewSubscription, ApiError> {
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        let place = (self.resource.as_deref(), self.batch.as_deref());
        read(&text(&self.event), &text(&self.channel), &text(&self.to), place, self.fewer_than)
    }

    fn wanted(&self) -> Result<Wanted, ApiError> {
        let Some(id) = &self.id else { return self.fresh().map(Wanted::New) };
        let rest = [&self.event, &self.channel, &self.to, &self.resource, &self.batch];
        if rest.iter().any(|field| field.is_some()) || self.fewer_than.is_some() {
            let detail =
                "an id keeps a notification as it is: leave the other fields out, or leave the id out";
            return Err(ApiError::field("id", "id_alone", detail));
        }
        Ok(Wanted::Kept(number(id)?))
    }
}

fn number(text: &str) -> Result<SubscriptionId, ApiError> {
    common::number(text, "notification").map(SubscriptionId)
}

#[utoipa::path(get, path = "/api/v1/notifications", tag = "notifications",
    responses((status = 200, body = List<NotificationDto>)))]
async fn list(State(state): State<AppState>, Acting(actor): Acting) -> ApiResult<List<NotificationDto>> {
    let found = state.blocking(move |service| service.notifications(&actor)).await?;
    Ok(Json(List::whole(found.into_iter().map(NotificationDto::of).collect())))
}

/// All that the caller wants to hear of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WholeBody {
    items: Vec<NotificationBody>,
}

#[utoipa::path(put, path = "/api/v1/notifications", tag = "notifications", request_body = WholeBody,
    responses((status = 200, body = List<NotificationDto>)))]
async fn replace(
    State(state): State<AppState>,
    Changing(actor): Changing,
    ApiJson(body): ApiJson<WholeBody>,
) -> ApiResult<List<NotificationDto>> {
    let wanted: Vec<_> = body.items.iter().map(NotificationBody::wanted).collect::<Result<_, _>>()?;
    let made = state.blocking(move |service| service.set_notifications(&actor, wanted)).await?;
    Ok(Json(List::whole(made.into_iter().map(NotificationDto::made).collect())))
}

#[utoipa::path(post, path = "/api/v1/notifications", tag = "notifications", request_body = NotificationBody,
    responses((status = 201, body = NotificationDto)))]
async fn add(
    State(state): State<AppState>,
    Changing(actor): Changing,
    ApiJson(body): ApiJson<NotificationBody>,
) -> Result<(StatusCode, Json<NotificationDto>), ApiError> {
    if body.id.is_some() {
        return Err(ApiError::field("id", "id_unexpected", "a new notification gets its id here"));
    }
    let new = body.fresh()?;
    let made = state.blocking(move |service| service.subscribe(&actor, new)).await?;
    Ok((StatusCode::CREATED, Json(NotificationDto::made(made))))
}

#[utoipa::path(delete, path = "/api/v1/notifications/{id}", tag = "notifications", responses((status = 204)))]
async fn remove(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = number(&id)?;
    state.blocking(move |service| service.unsubscribe(&actor, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/api/v1/notifications/{id}/trial", tag = "notifications",
    responses((status = 202, description = "It is in the outbox; `last` says how it went.")))]
async fn trial(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = number(&id)?;
    state.blocking(move |service| service.try_notification(&actor, id)).await?;
    Ok(StatusCode::ACCEPTED)
}
