//! Tokens: lists, single ones, where they are.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::audit::AuditDto;
use super::common::{self, Changing, List, PageQuery, Secret, time};
use crate::clock::UnixTime;
use crate::http::auth::Acting;
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, ApiQuery, ApiResult, Path};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::model::{Actor, BudgetState, DisabledBy, Role, TokenSerial};
use crate::oath::{HashAlg, SessionPadding};
use crate::service::{TokenPatch, TokenQuery, TokenView};

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/tokens", Permission::Read),
    Rule::new("GET", "/api/v1/tokens/{serial}", Permission::Read),
    Rule::new("PATCH", "/api/v1/tokens/{serial}", Permission::Disable),
    Rule::new("DELETE", "/api/v1/tokens/{serial}", Permission::Administer),
    Rule::new("GET", "/api/v1/tokens/{serial}/history", Permission::Read),
    Rule::new("POST", "/api/v1/tokens/{serial}/custody", Permission::Custody),
    Rule::new("POST", "/api/v1/tokens/{serial}/unblock", Permission::Unblock),
    Rule::new("POST", "/api/v1/tokens/{serial}/remove-pin", Permission::RemovePin),
    Rule::new("PUT", "/api/v1/tokens/{serial}/pin", Permission::Confirm),
];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show, change, delete))
        .routes(routes!(history))
        .routes(routes!(custody))
        .routes(routes!(unblock))
        .routes(routes!(remove_pin))
        .routes(routes!(set_pin))
}

/// How far the token's clock or counter is ahead.
#[derive(Serialize, ToSchema)]
struct DriftDto {
    /// In steps; null for event tokens.
    steps: Option<i64>,
    /// In seconds; positive: the token's clock is fast.
    seconds: i64,
    /// Since when this is known.
    learned_at: String,
}

/// Where a token stands.
#[derive(Serialize, ToSchema)]
struct PlaceDto {
    resource: String,
    kind: &'static str,
    user: Option<String>,
}

/// A token; never its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Token)]
pub(super) struct TokenDto {
    serial: String,
    kind: &'static str,
    origin: &'static str,
    hash: Option<&'static str>,
    digits: Option<u8>,
    /// Length of a time step in seconds.
    step: Option<i64>,
    /// The next counter, for event tokens. Of a key with Yubico OTP the lowest position that may still be accepted:
    /// its use counter times 256, and its session counter.
    counter: Option<u64>,
    /// The OCRA suite.
    suite: Option<String>,
    /// Where session data are filled up, of a token whose suite takes them: left, right, or exact, which fills nothing
    /// up.
    session_padding: Option<&'static str>,
    /// What a key with Yubico OTP types before each block, in modhex.
    public_id: Option<String>,
    enabled: bool,
    disabled_by: Option<&'static str>,
    custody: &'static str,
    batch: String,
    user: Option<String>,
    /// Who set it up in the portal.
    creator: Option<String>,
    /// Serial number of the token whose place it took.
    replaces: Option<String>,
    /// Serial number of the token that took its place.
    replaced_by: Option<String>,
    drift: Option<DriftDto>,
    /// Parts in a million that its clock gains; null while that is not known well enough.
    rate_ppm: Option<f64>,
    /// When its codes will no longer fit if it is not used before; null: not known, or not within ten years.
    leaves_window_at: Option<String>,
    pin: &'static str,
    assignments: Vec<PlaceDto>,
    /// A code of it was accepted here.
    used: bool,
    last_used: Option<String>,
    manufacturer: String,
    model: String,
    /// What its user calls it.
    name: String,
    note: String,
    /// Too many wrong codes: none is looked at now.
    blocked: bool,
    /// Until when; null with `blocked`: until an operator opens it.
    blocked_until: Option<String>,
    valid_from: Option<String>,
    valid_until: Option<String>,
    created_at: String,
}

impl TokenDto {
    pub(super) fn of(view: TokenView, now: UnixTime) -> Self {
        let TokenView {
            token, spec, state, clock, custody, batch, user, creator, replaces, replaced_by, ..
        } = view;
        let assignments = view.assignments;
        let step = spec.clock().map(|(period, _)| period.get());
        let (blocked, blocked_until) = match state.budget.state(now) {
            BudgetState::Open => (false, None),
            BudgetState::Wait { until } => (true, Some(time(until))),
            BudgetState::Locked => (true, None),
        };
        Self {
            kind: spec.kind().name(),
            origin: token.origin.name(),
            hash: spec.hash().map(HashAlg::name),
            digits: spec.digits().map(crate::oath::Digits::get),
            step,
            counter: (spec.has_counter() && !spec.is_mailed()).then_some(state.floor.0),
            suite: spec.suite().map(|suite| suite.as_str().to_owned()),
            session_padding: spec.session_padding().map(SessionPadding::name),
            public_id: spec.public_id().map(ToString::to_string),
            enabled: token.disabled.is_none(),
            disabled_by: token.disabled.map(DisabledBy::name),
            custody,
            batch,
            user,
            creator,
            replaces,
            replaced_by,
            drift: state.drift.map(|drift| DriftDto {
                steps: step.map(|step| nearest_step(drift.seconds, step)),
                seconds: drift.seconds,
                learned_at: time(drift.learned_at),
            }),
            rate_ppm: clock
                .as_ref()
                .and_then(|clock| clock.line.known_rate_ppm())
                .map(|rate| (rate * 100.0).round() / 100.0),
            leaves_window_at: clock.and_then(|clock| clock.leaving(now)?.at).map(time),
            pin: token.pin.as_ref().map_or("none", |pin| pin.placement.name()),
            assignments: assignments
                .into_iter()
                .map(|(resource, kind, user)| PlaceDto { resource, kind: kind.name(), user })
                .collect(),
            used: state.used,
            last_used: state.last_used.map(time),
            blocked,
            blocked_until,
            serial: token.serial.display().to_owned(),
            manufacturer: token.manufacturer,
            model: token.model,
            name: token.name,
            note: token.note,
            valid_from: token.valid_from.map(time),
            valid_until: token.valid_until.map(time),
            created_at: time(token.created_at),
        }
    }
}

/// Seconds in whole steps, to the nearest: a clock that is 29 s slow is one step of 30 s behind.
const fn nearest_step(seconds: i64, step: i64) -> i64 {
    let away = seconds.unsigned_abs().saturating_add(step.unsigned_abs() / 2) / step.unsigned_abs();
    if seconds < 0 { 0_i64.saturating_sub_unsigned(away) } else { 0_i64.saturating_add_unsigned(away) }
}

/// Which tokens.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TokensQuery {
    /// Serial begins or ends with this.
    q: Option<String>,
    batch: Option<String>,
    resource: Option<String>,
    user: Option<String>,
    custody: Option<String>,
    enabled: Option<bool>,
    /// On a resource and not confirmed.
    unconfirmed: Option<bool>,
    limit: Option<u64>,
    cursor: Option<String>,
}

#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", params(TokensQuery),
    responses((status = 200, body = List<TokenDto>)))]
async fn list(
    State(state): State<AppState>,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<TokensQuery>,
) -> ApiResult<List<TokenDto>> {
    let page = common::page(asked.limit, asked.cursor.as_deref())?;
    let query = TokenQuery {
        q: asked.q,
        batch: asked.batch.map(|name| common::batch("batch", &name)).transpose()?,
        resource: asked.resource.map(|name| common::resource("resource", &name)).transpose()?,
        user: asked.user.map(|login| common::login("user", &login)).transpose()?,
        custody: asked.custody,
        enabled: asked.enabled,
        unconfirmed: asked.unconfirmed,
    };
    let now = state.service.now();
    let found = state.blocking(move |service| service.tokens(&actor, &query, page)).await?;
    Ok(Json(List::of(found, |view| TokenDto::of(view, now))))
}

async fn shown(state: &AppState, actor: Actor, serial: TokenSerial) -> ApiResult<TokenDto> {
    let now = state.service.now();
    let view = state.blocking(move |service| service.token(&actor, &serial)).await?;
    Ok(Json(TokenDto::of(view, now)))
}

#[utoipa::path(get, path = "/api/v1/tokens/{serial}", tag = "tokens",
    responses((status = 200, body = TokenDto)))]
async fn show(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(serial): Path<String>,
) -> ApiResult<TokenDto> {
    shown(&state, actor, common::serial("serial", &serial)?).await
}

/// What changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TokenPatch)]
struct TokenChange {
    /// True needs the role admin.
    enabled: Option<bool>,
    note: Option<String>,
    /// Where session data are filled up, of a token whose suite takes them: left, right or exact. Needs the role admin.
    session_padding: Option<String>,
}

#[utoipa::path(patch, path = "/api/v1/tokens/{serial}", tag = "tokens", request_body = TokenChange,
    responses((status = 200, body = TokenDto)))]
async fn change(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(serial): Path<String>,
    ApiJson(patch): ApiJson<TokenChange>,
) -> ApiResult<TokenDto> {
    if patch.enabled == Some(true) && actor.role != Some(Role::Admin) {
        return Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "enabling_needs_admin",
            "only an admin enables a token again",
        ));
    }
    if patch.session_padding.is_some() && actor.role != Some(Role::Admin) {
        let detail = "only an admin says how session data of a token are filled up";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "padding_needs_admin", detail));
    }
    let serial = common::serial("serial", &serial)?;
    let (acting, target) = (actor.clone(), serial.clone());
    let TokenChange { enabled, note, session_padding } = patch;
    let padding = |text: String| {
        let unknown = "session_padding is left, right or exact";
        SessionPadding::from_name(text.trim())
            .ok_or_else(|| ApiError::field("session_padding", "session_padding_unknown", unknown))
    };
    let session_padding = session_padding.map(padding).transpose()?;
    let patch = TokenPatch { enabled, note, session_padding };
    state.blocking(move |service| service.edit_token(&acting, &target, &patch)).await?;
    shown(&state, actor, serial).await
}

#[utoipa::path(delete, path = "/api/v1/tokens/{serial}", tag = "tokens", responses((status = 204)))]
async fn delete(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(serial): Path<String>,
) -> Result<StatusCode, ApiError> {
    let serial = common::serial("serial", &serial)?;
    state.blocking(move |service| service.delete_token(&actor, &serial)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(get, path = "/api/v1/tokens/{serial}/history", tag = "tokens", params(PageQuery),
    responses((status = 200, body = List<AuditDto>)))]
async fn history(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(serial): Path<String>,
    ApiQuery(asked): ApiQuery<PageQuery>,
) -> ApiResult<List<AuditDto>> {
    let (serial, page) = (common::serial("serial", &serial)?, asked.page()?);
    let found = state.blocking(move |service| service.token_history(&actor, &serial, page)).await?;
    Ok(Json(List::of(found, AuditDto::of)))
}

/// Where the token goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CustodyBody {
    /// One of `in_stock`, `handed_out`, returned, lost, retired.
    to: String,
    /// Who receives it.
    user: Option<String>,
    #[serde(default)]
    note: String,
}

#[utoipa::path(post, path = "/api/v1/tokens/{serial}/custody", tag = "tokens", request_body = CustodyBody,
    responses((status = 200, body = TokenDto)))]
async fn custody(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(serial): Path<String>,
    ApiJson(body): ApiJson<CustodyBody>,
) -> ApiResult<TokenDto> {
    let serial = common::serial("serial", &serial)?;
    let user = body.user.map(|login| common::login("user", &login)).transpose()?;
    let (acting, target) = (actor.clone(), serial.clone());
    state
        .blocking(move |service| service.set_custody(&acting, &target, &body.to, user.as_ref(), &body.note))
        .await?;
    shown(&state, actor, serial).await
}

#[utoipa::path(post, path = "/api/v1/tokens/{serial}/unblock", tag = "tokens",
    responses((status = 200, body = TokenDto)))]
async fn unblock(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(serial): Path<String>,
) -> ApiResult<TokenDto> {
    let serial = common::serial("serial", &serial)?;
    let (acting, target) = (actor.clone(), serial.clone());
    state.blocking(move |service| service.unblock_token(&acting, &target)).await?;
    shown(&state, actor, serial).await
}

/// Who asked, and how that was made sure.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RemovePinBody {
    /// How it was established who the person is.
    note: String,
}

/// Removes a forgotten PIN; its user is told.
#[utoipa::path(post, path = "/api/v1/tokens/{serial}/remove-pin", tag = "tokens",
    request_body = RemovePinBody, responses((status = 200, body = TokenDto)))]
async fn remove_pin(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(serial): Path<String>,
    ApiJson(body): ApiJson<RemovePinBody>,
) -> ApiResult<TokenDto> {
    let serial = common::serial("serial", &serial)?;
    let (acting, target) = (actor.clone(), serial.clone());
    state.blocking(move |service| service.remove_pin(&acting, &target, &body.note)).await?;
    shown(&state, actor, serial).await
}

/// The PIN of a token with a keypad.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PinBody {
    #[schema(value_type = String)]
    pin: Secret,
}

/// Says which PIN goes into the responses of a token whose suite has P.
#[utoipa::path(put, path = "/api/v1/tokens/{serial}/pin", tag = "tokens", request_body = PinBody,
    responses((status = 204)))]
async fn set_pin(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(serial): Path<String>,
    ApiJson(body): ApiJson<PinBody>,
) -> Result<StatusCode, ApiError> {
    let (serial, pin) = (common::serial("serial", &serial)?, body.pin.pin());
    state.blocking(move |service| service.set_response_pin(&actor, &serial, &pin)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_the_nearest() {
        let steps = [0, 14, 15, 29, 31, -14, -15, -29, -31, -3_600].map(|secs| nearest_step(secs, 30));
        assert_eq!(steps, [0, 0, 1, 1, 1, 0, -1, -1, -1, -120]);
    }
}
