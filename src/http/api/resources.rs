//! Resources, their portals, and who and what stands on them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, Changing, List, PageQuery, time};
use crate::http::auth::Acting;
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, ApiQuery, ApiResult, Path};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::model::{
    Actor, AssignmentId, AssignmentKind, EnvironmentPolicy, KeypadQuestion, PinPlacement, PortalAction,
    ResourceName, TokenType,
};
use crate::oath::{Digits, HashAlg};
use crate::service::{AssignRequest, AssignmentView, PortalSettings, ResourceView};

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/resources", Permission::Read),
    Rule::new("POST", "/api/v1/resources", Permission::Administer),
    Rule::new("GET", "/api/v1/resources/{name}", Permission::Read),
    Rule::new("PATCH", "/api/v1/resources/{name}", Permission::Administer),
    Rule::new("DELETE", "/api/v1/resources/{name}", Permission::Administer),
    Rule::new("PUT", "/api/v1/resources/{name}/selfservice", Permission::Administer),
    Rule::new("GET", "/api/v1/resources/{name}/assignments", Permission::Read),
    Rule::new("POST", "/api/v1/resources/{name}/assignments", Permission::AssignSingle),
    // Keys that provision put people on a resource; taking them away is for people at the desk.
    Rule::new("DELETE", "/api/v1/resources/{name}/assignments/{id}", Permission::Custody),
    Rule::new("DELETE", "/api/v1/resources/{name}/tokens/{serial}", Permission::Custody),
];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(set_portal))
        .routes(routes!(assignments, assign))
        .routes(routes!(unassign))
        .routes(routes!(unassign_token))
}

/// A resource and its portal.
#[derive(Serialize, ToSchema)]
#[schema(as = Resource)]
struct ResourceDto {
    name: String,
    failure_limit: u32,
    /// Codes that the confirmation page asks for.
    confirm_codes: usize,
    /// Last part of the portal's address; null: there is none.
    alias: Option<String>,
    /// The portal is open.
    enabled: bool,
    /// What users may do there, in the order of the page.
    actions: Vec<&'static str>,
    token_types: Vec<&'static str>,
    window_secs: Option<u32>,
    window_counters: Option<u32>,
    help_text: String,
    /// Most digits of a PIN.
    pin_length: Option<u8>,
    /// free, before or after.
    pin_placement: Option<&'static str>,
    /// Hash of the secrets that are made here for apps.
    software_hash: Option<&'static str>,
    /// Digits that new apps show.
    software_digits: Option<u8>,
    /// off, report, `ask_otp` or refuse.
    environment_policy: Option<&'static str>,
    /// The least likeness with a known environment that is usual.
    environment_score: Option<u8>,
    /// Hours until a request to restore access of somebody who could prove nothing takes effect, after two
    /// operators approved.
    restore_wait_hours: Option<u16>,
    /// What the portal asks a token with a keypad whose suite nobody knows yet: QN08, QA10, QH40 …
    keypad_question: String,
    created_at: String,
}

impl ResourceDto {
    fn of(view: ResourceView) -> Self {
        let ResourceView { resource, confirm_codes } = view;
        let portal = resource.portal.as_ref();
        Self {
            name: resource.name.as_str().to_owned(),
            failure_limit: resource.failure_limit,
            confirm_codes,
            alias: portal.map(|portal| portal.alias.as_str().to_owned()),
            enabled: portal.is_some_and(|portal| portal.enabled),
            actions: portal.map(|p| p.actions.iter().map(|a| a.name()).collect()).unwrap_or_default(),
            token_types: portal.map(|p| p.token_types.iter().map(|t| t.name()).collect()).unwrap_or_default(),
            window_secs: portal.map(|portal| portal.window_secs),
            window_counters: portal.map(|portal| portal.window_counters),
            help_text: portal.map(|portal| portal.help_text.clone()).unwrap_or_default(),
            pin_length: portal.map(|portal| portal.pin_length),
            pin_placement: portal.map(|p| p.pin_placement.map_or("free", PinPlacement::name)),
            software_hash: portal.map(|portal| portal.software_hash.name()),
            software_digits: portal.map(|portal| portal.software_digits.get()),
            environment_policy: portal.map(|portal| portal.environment_policy.name()),
            environment_score: portal.map(|portal| portal.environment_score),
            restore_wait_hours: portal.map(|portal| portal.restore_wait_hours),
            keypad_question: resource.keypad_question.to_string(),
            created_at: time(resource.created_at),
        }
    }
}

#[utoipa::path(get, path = "/api/v1/resources", tag = "resources", params(PageQuery),
    responses((status = 200, body = List<ResourceDto>)))]
async fn list(
    State(state): State<AppState>,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<PageQuery>,
) -> ApiResult<List<ResourceDto>> {
    let page = asked.page()?;
    let found = state.blocking(move |service| service.resources(&actor, page)).await?;
    Ok(Json(List::of(found, ResourceDto::of)))
}

async fn shown(state: &AppState, actor: Actor, name: ResourceName) -> ApiResult<ResourceDto> {
    let view = state.blocking(move |service| service.resource(&actor, &name)).await?;
    Ok(Json(ResourceDto::of(view)))
}

/// A new resource.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResourceBody {
    name: String,
}

#[utoipa::path(post, path = "/api/v1/resources", tag = "resources", request_body = ResourceBody,
    responses((status = 201, body = ResourceDto)))]
async fn create(
    State(state): State<AppState>,
    Changing(actor): Changing,
    ApiJson(body): ApiJson<ResourceBody>,
) -> Result<(StatusCode, Json<ResourceDto>), ApiError> {
    let name = common::resource("name", &body.name)?;
    let (acting, target) = (actor.clone(), name.clone());
    state.blocking(move |service| service.add_resource(&acting, &target)).await?;
    Ok((StatusCode::CREATED, shown(&state, actor, name).await?))
}

#[utoipa::path(get, path = "/api/v1/resources/{name}", tag = "resources",
    responses((status = 200, body = ResourceDto)))]
async fn show(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(name): Path<String>,
) -> ApiResult<ResourceDto> {
    shown(&state, actor, common::resource("resource", &name)?).await
}

/// What changes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResourcePatch {
    name: Option<String>,
    /// Failures after which a method is blocked, 3 to 10.
    failure_limit: Option<u32>,
}

#[utoipa::path(patch, path = "/api/v1/resources/{name}", tag = "resources", request_body = ResourcePatch,
    responses((status = 200, body = ResourceDto)))]
async fn change(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(name): Path<String>,
    ApiJson(patch): ApiJson<ResourcePatch>,
) -> ApiResult<ResourceDto> {
    let name = common::resource("resource", &name)?;
    let new_name = patch.name.map(|text| common::resource("name", &text)).transpose()?;
    let (acting, renamed) = (actor.clone(), new_name.clone().unwrap_or_else(|| name.clone()));
    state
        .blocking(move |service| {
            service.change_resource(&acting, &name, new_name.as_ref(), patch.failure_limit)
        })
        .await?;
    shown(&state, actor, renamed).await
}

#[utoipa::path(delete, path = "/api/v1/resources/{name}", tag = "resources", responses((status = 204)))]
async fn delete(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    let name = common::resource("resource", &name)?;
    state.blocking(move |service| service.delete_resource(&actor, &name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The portal; what is absent stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PortalBody {
    /// Small letters, digits and dashes. Needed the first time.
    alias: Option<String>,
    enabled: Option<bool>,
    /// Codes of actions in the order of the page.
    actions: Option<Vec<String>>,
    token_types: Option<Vec<String>>,
    failure_limit: Option<u32>,
    window_secs: Option<u32>,
    window_counters: Option<u32>,
    help_text: Option<String>,
    /// Most digits of a PIN, 4 to 8.
    pin_length: Option<u8>,
    /// Where PINs stand: free, before or after.
    pin_placement: Option<String>,
    /// Hash of the secrets that are made here for apps: sha1, sha256 or sha512.
    software_hash: Option<String>,
    /// Digits that new apps show: 6 to 8.
    software_digits: Option<u32>,
    /// off, report, `ask_otp` or refuse: what a sign-in from an unusual environment leads to.
    environment_policy: Option<String>,
    /// The least likeness with a known environment that is usual, 0 to 100.
    environment_score: Option<u8>,
    /// Hours until a request to restore access of somebody who could prove nothing takes effect, 0 to 336.
    restore_wait_hours: Option<u16>,
    /// What the portal asks a token with a keypad whose suite nobody knows yet: QN08, QA10, QH40 …
    keypad_question: Option<String>,
}

fn words<T>(
    field: &'static str,
    texts: Option<&[String]>,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Option<Vec<T>>, ApiError> {
    let unknown =
        || ApiError::field(field, "unknown_word", format!("{field}: one of the words is not known"));
    texts.map(|texts| texts.iter().map(|text| read(text).ok_or_else(unknown)).collect()).transpose()
}

#[utoipa::path(put, path = "/api/v1/resources/{name}/selfservice", tag = "resources",
    request_body = PortalBody, responses((status = 200, body = ResourceDto)))]
async fn set_portal(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(name): Path<String>,
    ApiJson(body): ApiJson<PortalBody>,
) -> ApiResult<ResourceDto> {
    let name = common::resource("resource", &name)?;
    let settings = PortalSettings {
        alias: body.alias.map(|text| common::alias(&text)).transpose()?,
        enabled: body.enabled,
        actions: words("actions", body.actions.as_deref(), PortalAction::from_name)?,
        token_types: words("token_types", body.token_types.as_deref(), TokenType::from_name)?,
        failure_limit: body.failure_limit,
        window_secs: body.window_secs,
        window_counters: body.window_counters,
        help_text: body.help_text,
        pin_length: body.pin_length,
        pin_placement: body
            .pin_placement
            .map(|text| match text.as_str() {
                "free" => Ok(None),
                other => PinPlacement::from_name(other).map(Some).ok_or_else(|| {
                    ApiError::field("pin_placement", "unknown_word", "pin_placement is free, before or after")
                }),
            })
            .transpose()?,
        software_hash: body
            .software_hash
            .map(|text| {
                let message = "software_hash is sha1, sha256 or sha512";
                HashAlg::from_name(&text)
                    .ok_or_else(|| ApiError::field("software_hash", "unknown_word", message))
            })
            .transpose()?,
        software_digits: body
            .software_digits
            .map(|digits| {
                Digits::new(digits)
                    .map_err(|error| ApiError::field("software_digits", "digits_range", error.to_string()))
            })
            .transpose()?,
        environment_policy: words(
            "environment_policy",
            body.environment_policy.as_slice().get(..),
            EnvironmentPolicy::from_name,
        )?
        .and_then(|mut list| list.pop()),
        environment_score: body.environment_score,
        restore_wait_hours: body.restore_wait_hours,
        keypad_question: body
            .keypad_question
            .map(|text| {
                let message = "keypad_question is Q, then N, A or H, then 04 to 64: QN08";
                KeypadQuestion::parse(&text)
                    .ok_or_else(|| ApiError::field("keypad_question", "keypad_question_unknown", message))
            })
            .transpose()?,
    };
    let (acting, target) = (actor.clone(), name.clone());
    state.blocking(move |service| service.set_portal(&acting, &target, &settings)).await?;
    shown(&state, actor, name).await
}

/// Who and what stands on a resource.
#[derive(Serialize, ToSchema)]
#[schema(as = Assignment)]
struct AssignmentDto {
    id: u64,
    /// user, token, `user_token` or `token_with_user`.
    kind: &'static str,
    user: Option<String>,
    token: Option<String>,
    created_at: String,
}

impl AssignmentDto {
    fn of(view: AssignmentView) -> Self {
        let AssignmentView { assignment, user, token } = view;
        let kind = assignment.parties.kind().name();
        Self { id: assignment.id.0, kind, user, token, created_at: time(assignment.created_at) }
    }
}

fn kind(text: &str) -> Result<AssignmentKind, ApiError> {
    AssignmentKind::from_name(text).ok_or_else(|| {
        let message = "a kind is one of user, token, user_token, token_with_user";
        ApiError::field("kind", "kind_unknown", message)
    })
}

/// Which assignments.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AssignmentsQuery {
    kind: Option<String>,
    limit: Option<u64>,
    cursor: Option<String>,
}

#[utoipa::path(get, path = "/api/v1/resources/{name}/assignments", tag = "resources",
    params(AssignmentsQuery), responses((status = 200, body = List<AssignmentDto>)))]
async fn assignments(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(name): Path<String>,
    ApiQuery(asked): ApiQuery<AssignmentsQuery>,
) -> ApiResult<List<AssignmentDto>> {
    let page = common::page(asked.limit, asked.cursor.as_deref())?;
    let name = common::resource("resource", &name)?;
    let kind = asked.kind.as_deref().map(kind).transpose()?;
    let found = state.blocking(move |service| service.assignments(&actor, &name, kind, page)).await?;
    Ok(Json(List::of(found, AssignmentDto::of)))
}

/// Who and what comes onto the resource.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AssignBody {
    /// user, token, `user_token` or `token_with_user`.
    kind: String,
    user: Option<String>,
    /// Its serial number.
    token: Option<String>,
}

/// The new assignment.
#[derive(Serialize, ToSchema)]
struct NewAssignment {
    id: u64,
}

#[utoipa::path(post, path = "/api/v1/resources/{name}/assignments", tag = "resources",
    request_body = AssignBody, responses((status = 201, body = NewAssignment)))]
async fn assign(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(name): Path<String>,
    ApiJson(body): ApiJson<AssignBody>,
) -> Result<(StatusCode, Json<NewAssignment>), ApiError> {
    let name = common::resource("resource", &name)?;
    let request = AssignRequest {
        kind: kind(&body.kind)?,
        user: body.user.map(|login| common::login("user", &login)).transpose()?,
        token: body.token.map(|serial| common::serial("token", &serial)).transpose()?,
    };
    let id = state.blocking(move |service| service.assign(&actor, &name, &request)).await?;
    Ok((StatusCode::CREATED, Json(NewAssignment { id: id.0 })))
}

#[utoipa::path(delete, path = "/api/v1/resources/{name}/assignments/{id}", tag = "resources",
    responses((status = 204)))]
async fn unassign(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path((name, id)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let name = common::resource("resource", &name)?;
    let id = AssignmentId(common::number(&id, "assignment")?);
    state.blocking(move |service| service.unassign(&actor, &name, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a token off a resource, also one that stands there with its batch.
#[utoipa::path(delete, path = "/api/v1/resources/{name}/tokens/{serial}", tag = "resources",
    responses((status = 204)))]
async fn unassign_token(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path((name, serial)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let name = common::resource("resource", &name)?;
    let serial = common::serial("token", &serial)?;
    state.blocking(move |service| service.unassign_token(&actor, &serial, Some(&name))).await?;
    Ok(StatusCode::NO_CONTENT)
}
