//! Operators and API keys.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, Changing, List, PageQuery, Secret, time};
use crate::http::auth::Acting;
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, ApiQuery, ApiResult, Path};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::service::OperatorView;

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/operators", Permission::Read),
    Rule::new("POST", "/api/v1/operators", Permission::Administer),
    Rule::new("PUT", "/api/v1/operators/{login}/password", Permission::Administer),
    Rule::new("POST", "/api/v1/operators/{login}/unblock", Permission::Administer),
    Rule::new("GET", "/api/v1/apikeys", Permission::Read),
    Rule::new("POST", "/api/v1/apikeys", Permission::Administer),
    Rule::new("DELETE", "/api/v1/apikeys/{name}", Permission::Administer),
];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(set_password))
        .routes(routes!(unblock))
        .routes(routes!(list_keys, create_key))
        .routes(routes!(revoke))
}

/// An operator.
#[derive(Serialize, ToSchema)]
#[schema(as = Operator)]
struct OperatorDto {
    login: String,
    role: &'static str,
    /// Names of the resources they see; null: all.
    resources: Option<Vec<String>>,
    enabled: bool,
    created_at: String,
}

impl OperatorDto {
    fn of(view: OperatorView) -> Self {
        let OperatorView { name, role, resources, enabled, created_at } = view;
        Self { login: name, role: role.name(), resources, enabled, created_at: time(created_at) }
    }
}

#[utoipa::path(get, path = "/api/v1/operators", tag = "operators", params(PageQuery),
    responses((status = 200, body = List<OperatorDto>)))]
async fn list(
    State(state): State<AppState>,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<PageQuery>,
) -> ApiResult<List<OperatorDto>> {
    let page = asked.page()?;
    let found = state.blocking(move |service| service.operators(&actor, page)).await?;
    Ok(Json(List::of(found, OperatorDto::of)))
}

/// A new operator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OperatorBody {
    login: String,
    #[schema(value_type = String)]
    password: Secret,
    /// auditor, helpdesk, station or admin.
    role: String,
    /// Bound to these; absent: to all that the caller is bound to. An empty list is refused.
    resources: Option<Vec<String>>,
}

/// Who was made.
#[derive(Serialize, ToSchema)]
struct NewOperator {
    login: String,
    role: &'static str,
}

#[utoipa::path(post, path = "/api/v1/operators", tag = "operators", request_body = OperatorBody,
    responses((status = 201, body = NewOperator)))]
async fn create(
    State(state): State<AppState>,
    Changing(actor): Changing,
    ApiJson(body): ApiJson<OperatorBody>,
) -> Result<(StatusCode, Json<NewOperator>), ApiError> {
    let (login, role) = (common::login("login", &body.login)?, common::role(&body.role)?);
    let (password, resources) = (body.password.password(), common::resources(body.resources.as_deref())?);
    let answer = NewOperator { login: login.as_str().to_owned(), role: role.name() };
    state
        .blocking(move |service| service.add_operator(&actor, &login, &password, role, resources.as_deref()))
        .await?;
    Ok((StatusCode::CREATED, Json(answer)))
}

/// The new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordBody {
    #[schema(value_type = String)]
    password: Secret,
}

#[utoipa::path(put, path = "/api/v1/operators/{login}/password", tag = "operators",
    request_body = PasswordBody, responses((status = 204)))]
async fn set_password(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(login): Path<String>,
    ApiJson(body): ApiJson<PasswordBody>,
) -> Result<StatusCode, ApiError> {
    let (login, password) = (common::login("login", &login)?, body.password.password());
    state.blocking(move |service| service.set_operator_password(&actor, &login, &password)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/api/v1/operators/{login}/unblock", tag = "operators",
    responses((status = 204)))]
async fn unblock(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(login): Path<String>,
) -> Result<StatusCode, ApiError> {
    let login = common::login("login", &login)?;
    state.blocking(move |service| service.unblock_operator(&actor, &login)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An API key; never the key itself.
#[derive(Serialize, ToSchema)]
#[schema(as = ApiKey)]
struct KeyDto {
    name: String,
    role: &'static str,
    /// Names of the resources it sees; null: all.
    resources: Option<Vec<String>>,
    /// Not revoked.
    enabled: bool,
    created_at: String,
}

impl KeyDto {
    fn of(view: OperatorView) -> Self {
        let OperatorView { name, role, resources, enabled, created_at } = view;
        Self { name, role: role.name(), resources, enabled, created_at: time(created_at) }
    }
}

#[utoipa::path(get, path = "/api/v1/apikeys", tag = "operators", params(PageQuery),
    responses((status = 200, body = List<KeyDto>)))]
async fn list_keys(
    State(state): State<AppState>,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<PageQuery>,
) -> ApiResult<List<KeyDto>> {
    let page = asked.page()?;
    let found = state.blocking(move |service| service.api_keys(&actor, page)).await?;
    Ok(Json(List::of(found, KeyDto::of)))
}

/// A new key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyBody {
    name: String,
    role: String,
    /// Bound to these; absent: to all that the caller is bound to. An empty list is refused.
    resources: Option<Vec<String>>,
}

/// The key, shown this once.
#[derive(Serialize, ToSchema)]
struct NewKey {
    name: String,
    key: String,
}

#[utoipa::path(post, path = "/api/v1/apikeys", tag = "operators", request_body = KeyBody,
    responses((status = 201, body = NewKey)))]
#[expect(clippy::disallowed_methods, reason = "the one showing of a new key")]
async fn create_key(
    State(state): State<AppState>,
    Changing(actor): Changing,
    ApiJson(body): ApiJson<KeyBody>,
) -> Result<(StatusCode, Json<NewKey>), ApiError> {
    let (role, resources) = (common::role(&body.role)?, common::resources(body.resources.as_deref())?);
    let made = state
        .blocking(move |service| service.add_api_key(&actor, &body.name, role, resources.as_deref()))
        .await?;
    let key = String::from_utf8_lossy(made.key.expose()).into_owned();
    Ok((StatusCode::CREATED, Json(NewKey { name: made.name, key })))
}

#[utoipa::path(delete, path = "/api/v1/apikeys/{name}", tag = "operators", responses((status = 204)))]
async fn revoke(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    state.blocking(move |service| service.revoke_api_key(&actor, &name)).await?;
    Ok(StatusCode::NO_CONTENT)
}
