//! People who hold tokens.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, Changing, List, Secret, present, time};
use crate::http::auth::Acting;
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, ApiQuery, ApiResult, Path};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::model::{Actor, Language, Login};
use crate::service::{EMERGENCY_HOURS, EmergencyRequest, NewUser, OnConflict, UserPatch, UserView};

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/users", Permission::Read),
    Rule::new("POST", "/api/v1/users", Permission::CreateUser),
    Rule::new("GET", "/api/v1/users/{login}", Permission::Read),
    Rule::new("PATCH", "/api/v1/users/{login}", Permission::Administer),
    Rule::new("DELETE", "/api/v1/users/{login}", Permission::Administer),
    Rule::new("POST", "/api/v1/users/{login}/unblock", Permission::Unblock),
    Rule::new("POST", "/api/v1/users/{login}/emergency-code", Permission::EmergencyCode),
    Rule::new("DELETE", "/api/v1/users/{login}/emergency-code", Permission::EmergencyCode),
];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, change, delete))
        .routes(routes!(unblock))
        .routes(routes!(issue_emergency_code, revoke_emergency_code))
}

/// Where a user stands.
#[derive(Serialize, ToSchema)]
struct UserPlace {
    resource: String,
    kind: &'static str,
    token: Option<String>,
}

/// A way of proving that is blocked.
#[derive(Serialize, ToSchema)]
struct BlockedMethod {
    method: &'static str,
    /// Null: until an operator opens it.
    until: Option<String>,
}

/// The code that stands in for a token's; never the code itself.
#[derive(Serialize, ToSchema)]
struct EmergencyDto {
    until: String,
    /// It works once; else until its time.
    once: bool,
    issued_by: String,
}

/// A user; never the password.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
struct UserDto {
    login: String,
    email: Option<String>,
    phone: Option<String>,
    first_name: String,
    last_name: String,
    has_password: bool,
    /// Of their mails: `en`, `de`, `uk`, `fr` or `es`.
    language: Option<&'static str>,
    assignments: Vec<UserPlace>,
    blocked: Vec<BlockedMethod>,
    /// Null: none is in force.
    emergency_code: Option<EmergencyDto>,
    created_at: String,
}

impl UserDto {
    fn of(view: UserView) -> Self {
        let UserView { user, assignments, blocked, emergency } = view;
        Self {
            login: user.login.as_str().to_owned(),
            email: user.email.map(|email| email.as_str().to_owned()),
            phone: user.phone.map(|phone| phone.as_str().to_owned()),
            first_name: user.first_name,
            last_name: user.last_name,
            has_password: user.password.is_some(),
            language: user.language.map(Language::tag),
            assignments: assignments
                .into_iter()
                .map(|(resource, kind, token)| UserPlace { resource, kind: kind.name(), token })
                .collect(),
            blocked: blocked
                .into_iter()
                .map(|(method, until)| BlockedMethod { method, until: until.map(time) })
                .collect(),
            emergency_code: emergency.map(|code| EmergencyDto {
                until: time(code.until),
                once: code.once,
                issued_by: code.by,
            }),
            created_at: time(user.created_at),
        }
    }
}

/// Which users.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct UsersQuery {
    /// Login, last name or first name begins with this.
    q: Option<String>,
    resource: Option<String>,
    limit: Option<u64>,
    cursor: Option<String>,
}

#[utoipa::path(get, path = "/api/v1/users", tag = "users", params(UsersQuery),
    responses((status = 200, body = List<UserDto>)))]
async fn list(
    State(state): State<AppState>,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<UsersQuery>,
) -> ApiResult<List<UserDto>> {
    let page = common::page(asked.limit, asked.cursor.as_deref())?;
    let resource = asked.resource.map(|name| common::resource("resource", &name)).transpose()?;
    let found = state
        .blocking(move |service| service.users(&actor, asked.q.as_deref(), resource.as_ref(), page))
        .await?;
    Ok(Json(List::of(found, UserDto::of)))
}

/// When the login is there already.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Conflict {
    /// Refuse.
    #[default]
    Fail,
    /// Fill fields that are empty; overwrite nothing.
    Fill,
}

/// A new user.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserBody {
    login: String,
    email: Option<String>,
    phone: Option<String>,
    #[serde(default)]
    first_name: String,
    #[serde(default)]
    last_name: String,
    #[schema(value_type = Option<String>)]
    password: Option<Secret>,
    /// Of their mails: `en`, `de`, `uk`, `fr` or `es`.
    language: Option<String>,
    /// Resource to stand on.
    resource: Option<String>,
    #[serde(default)]
    on_conflict: Conflict,
}

#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = UserBody,
    responses((status = 201, body = CreatedUser), (status = 200, body = CreatedUser, description = "was there")))]
async fn create(
    State(state): State<AppState>,
    Changing(actor): Changing,
    ApiJson(body): ApiJson<UserBody>,
) -> Result<(StatusCode, Json<CreatedUser>), ApiError> {
    let login = common::login("login", &body.login)?;
    let new = NewUser {
        login: body.login,
        email: body.email.map(|text| common::email(&text)).transpose()?,
        phone: body.phone.map(|text| common::phone(&text)).transpose()?,
        first_name: body.first_name,
        last_name: body.last_name,
        password: body.password.map(Secret::password),
        language: body.language.map(|tag| common::language(&tag)).transpose()?,
        resource: body.resource.map(|name| common::resource("resource", &name)).transpose()?,
        on_conflict: match body.on_conflict {
            Conflict::Fail => OnConflict::Fail,
            Conflict::Fill => OnConflict::Fill,
        },
    };
    let created = state.blocking(move |service| service.add_user(&actor, new)).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(CreatedUser { login: login.as_str().to_owned(), created })))
}

/// What was done. It says nothing about a user who was there: the caller may not be allowed to see them.
#[derive(Serialize, ToSchema)]
struct CreatedUser {
    login: String,
    created: bool,
}

async fn shown(state: &AppState, actor: Actor, login: Login) -> ApiResult<UserDto> {
    let view = state.blocking(move |service| service.user(&actor, &login)).await?;
    Ok(Json(UserDto::of(view)))
}

#[utoipa::path(get, path = "/api/v1/users/{login}", tag = "users",
    responses((status = 200, body = UserDto)))]
async fn show(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(login): Path<String>,
) -> ApiResult<UserDto> {
    shown(&state, actor, common::login("login", &login)?).await
}

/// What changes; null empties a field.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserChange {
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    phone: Option<Option<String>>,
    first_name: Option<String>,
    last_name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    password: Option<Option<Secret>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    language: Option<Option<String>>,
}

#[utoipa::path(patch, path = "/api/v1/users/{login}", tag = "users", request_body = UserChange,
    responses((status = 200, body = UserDto)))]
async fn change(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(login): Path<String>,
    ApiJson(body): ApiJson<UserChange>,
) -> ApiResult<UserDto> {
    let login = common::login("login", &login)?;
    let patch = UserPatch {
        email: body.email.map(|email| email.map(|text| common::email(&text)).transpose()).transpose()?,
        phone: body.phone.map(|phone| phone.map(|text| common::phone(&text)).transpose()).transpose()?,
        first_name: body.first_name,
        last_name: body.last_name,
        password: body.password.map(|password| password.map(Secret::password)),
        language: body
            .language
            .map(|language| language.map(|tag| common::language(&tag)).transpose())
            .transpose()?,
    };
    let (acting, target) = (actor.clone(), login.clone());
    state.blocking(move |service| service.change_user(&acting, &target, patch)).await?;
    shown(&state, actor, login).await
}

#[utoipa::path(delete, path = "/api/v1/users/{login}", tag = "users", responses((status = 204)))]
async fn delete(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(login): Path<String>,
) -> Result<StatusCode, ApiError> {
    let login = common::login("login", &login)?;
    state.blocking(move |service| service.delete_user(&actor, &login)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[utoipa::path(post, path = "/api/v1/users/{login}/unblock", tag = "users",
    responses((status = 200, body = UserDto)))]
async fn unblock(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(login): Path<String>,
) -> ApiResult<UserDto> {
    let login = common::login("login", &login)?;
    let (acting, target) = (actor.clone(), login.clone());
    state.blocking(move |service| service.unblock_user(&acting, &target)).await?;
    shown(&state, actor, login).await
}

fn hours() -> u32 {
    EMERGENCY_HOURS
}

fn yes() -> bool {
    true
}

/// A code in the place of a token's, for somebody whose identity was established.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EmergencyBody {
    /// How it was established who asks.
    note: String,
    /// How long it holds, 1 to 168.
    #[serde(default = "hours")]
    hours: u32,
    /// It works once; else until its time.
    #[serde(default = "yes")]
    once: bool,
    /// The token is lost: it is switched off, and the user can set up or confirm another one.
    #[serde(default)]
    token_lost: bool,
}

/// The code, shown this once.
#[derive(Serialize, ToSchema)]
struct IssuedCode {
    code: String,
    until: String,
    once: bool,
}

#[utoipa::path(post, path = "/api/v1/users/{login}/emergency-code", tag = "users", request_body = EmergencyBody,
    responses((status = 201, body = IssuedCode)))]
async fn issue_emergency_code(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(login): Path<String>,
    ApiJson(body): ApiJson<EmergencyBody>,
) -> Result<(StatusCode, Json<IssuedCode>), ApiError> {
    let login = common::login("login", &login)?;
    let EmergencyBody { note, hours, once, token_lost } = body;
    let issued = state
        .blocking(move |service| {
            let request = EmergencyRequest { note: &note, hours, once, token_lost };
            service.issue_emergency_code(&actor, &login, &request)
        })
        .await?;
    let answer = IssuedCode { code: issued.code.as_str().to_owned(), until: time(issued.until), once };
    Ok((StatusCode::CREATED, Json(answer)))
}

#[utoipa::path(delete, path = "/api/v1/users/{login}/emergency-code", tag = "users",
    responses((status = 204)))]
async fn revoke_emergency_code(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(login): Path<String>,
) -> Result<StatusCode, ApiError> {
    let login = common::login("login", &login)?;
    state.blocking(move |service| service.revoke_emergency_code(&actor, &login)).await?;
    Ok(StatusCode::NO_CONTENT)
}
