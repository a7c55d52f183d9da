//! People who cannot sign in any more and ask for access.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, Changing, List, PageQuery, time};
use crate::http::auth::Acting;
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, ApiQuery, ApiResult, Path};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::model::{Claim, Factors, UserIssueId};
use crate::service::{IssueVerdict, UserIssueView};

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/user-issues", Permission::Read),
    Rule::new("POST", "/api/v1/user-issues/{id}/verify", Permission::DecideIssues),
    Rule::new("POST", "/api/v1/user-issues/{id}/link", Permission::DecideIssues),
    Rule::new("DELETE", "/api/v1/user-issues/{id}", Permission::DecideIssues),
];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(verify))
        .routes(routes!(link))
        .routes(routes!(delete))
}

/// What is said of each factor: lost, proved, unproved, or absent.
#[derive(Serialize, ToSchema)]
struct Authenticators {
    token: &'static str,
    password: &'static str,
    email: &'static str,
}

impl Authenticators {
    const fn of(claims: Factors<Claim>) -> Self {
        Self { token: claims.token.name(), password: claims.password.name(), email: claims.email.name() }
    }
}

/// An operator's word.
#[derive(Serialize, ToSchema)]
struct ApprovalDto {
    by: String,
    at: String,
    note: String,
}

/// Another request of the same user.
#[derive(Serialize, ToSchema)]
struct OtherIssue {
    id: u64,
    reference: String,
    state: &'static str,
    opened_at: String,
}

/// A request to restore access; never the new password.
#[derive(Serialize, ToSchema)]
#[schema(as = UserIssue)]
struct UserIssueDto {
    id: u64,
    /// The number that the requester sees.
    reference: String,
    login: String,
    resource: String,
    /// open, approved, `deleted_by_operator`, `deleted_by_sign_in`, `closed_with_another`, expired or cancelled.
    state: &'static str,
    opened_at: String,
    ended_at: Option<String>,
    /// Network address of the requester.
    address: String,
    browser: String,
    authenticators: Authenticators,
    /// Serial number of the token said to be lost.
    token: Option<String>,
    /// Contact data on record.
    email: Option<String>,
    phone: Option<String>,
    new_email: Option<String>,
    /// Nothing was proved: two operators verify it, and it takes effect after a wait.
    needs_two_operators: bool,
    /// What was proved has changed since then: it can only be deleted.
    proof_outdated: bool,
    /// Requests that proved nothing and gave way to this one, one after the other.
    displaced: u32,
    approvals: Vec<ApprovalDto>,
    /// After two approvals.
    takes_effect_at: Option<String>,
    /// Until when the link to the new address works that was not opened yet.
    link_works_until: Option<String>,
    others: Vec<OtherIssue>,
}

impl UserIssueDto {
    fn of(view: UserIssueView) -> Self {
        let UserIssueView { issue, user, resource, token, earlier, is_outdated, .. } = view;
        Self {
            id: issue.id.0,
            reference: issue.reference.to_string(),
            login: user.login.as_str().to_owned(),
            resource,
            state: issue.state.name(),
            opened_at: time(issue.opened_at),
            ended_at: issue.state.ended_at().map(time),
            authenticators: Authenticators::of(issue.claims),
            token: token.map(|(serial, _)| serial.display().to_owned()),
            email: user.email.map(|email| email.as_str().to_owned()),
            phone: user.phone.map(|phone| phone.as_str().to_owned()),
            needs_two_operators: issue.needs_two(),
            proof_outdated: is_outdated,
            displaced: issue.displaced,
            takes_effect_at: issue.effect_at.map(time),
            link_works_until: issue.proves_email.map(|link| time(link.expires_at)),
            new_email: issue.new_email.map(|email| email.as_str().to_owned()),
            address: issue.address,
            browser: issue.browser,
            approvals: issue
                .approvals
                .into_iter()
                .map(|word| ApprovalDto { by: word.by, at: time(word.at), note: word.note })
                .collect(),
            others: earlier
                .into_iter()
                .map(|other| OtherIssue {
                    id: other.id.0,
                    reference: other.reference.to_string(),
                    state: other.state.name(),
                    opened_at: time(other.opened_at),
                })
                .collect(),
        }
    }
}

/// Open ones first, the oldest before the others; then those that have ended, the newest before the others.
#[utoipa::path(get, path = "/api/v1/user-issues", tag = "users", params(PageQuery),
    responses((status = 200, body = List<UserIssueDto>)))]
async fn list(
    State(state): State<AppState>,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<PageQuery>,
) -> ApiResult<List<UserIssueDto>> {
    let page = asked.page()?;
    let found = state.blocking(move |service| service.user_issues(&actor, page)).await?;
    Ok(Json(List::of(found, UserIssueDto::of)))
}

/// Which request the person named, and how they were identified.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VerifyBody {
    /// The number that the requester saw, as they tell it.
    reference: String,
    /// How identity was established.
    note: String,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
struct Verdict {
    /// approved, `first_of_two` or waits.
    result: &'static str,
    /// When it takes effect, if it waits.
    takes_effect_at: Option<String>,
}

#[utoipa::path(post, path = "/api/v1/user-issues/{id}/verify", tag = "users", request_body = VerifyBody,
    responses((status = 200, body = Verdict)))]
async fn verify(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(id): Path<String>,
    ApiJson(body): ApiJson<VerifyBody>,
) -> ApiResult<Verdict> {
    let id = UserIssueId(common::number(&id, "user issue")?);
    let verdict = state
        .blocking(move |service| service.verify_user_issue(&actor, id, &body.reference, &body.note))
        .await?;
    let takes_effect_at = match verdict {
        IssueVerdict::Waits { until } => Some(time(until)),
        IssueVerdict::Approved | IssueVerdict::FirstOfTwo => None,
    };
    Ok(Json(Verdict { result: verdict.name(), takes_effect_at }))
}

/// A link that was mailed.
#[derive(Serialize, ToSchema)]
struct MailedAgain {
    /// Until when it works.
    works_until: String,
}

/// Mails the link to the new address again; the one before becomes useless.
#[utoipa::path(post, path = "/api/v1/user-issues/{id}/link", tag = "users",
    responses((status = 200, body = MailedAgain)))]
async fn link(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(id): Path<String>,
) -> ApiResult<MailedAgain> {
    let id = UserIssueId(common::number(&id, "user issue")?);
    let until = state.blocking(move |service| service.mail_issue_link(&actor, id)).await?;
    Ok(Json(MailedAgain { works_until: time(until) }))
}

#[utoipa::path(delete, path = "/api/v1/user-issues/{id}", tag = "users", responses((status = 204)))]
async fn delete(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let id = UserIssueId(common::number(&id, "user issue")?);
    state.blocking(move |service| service.delete_user_issue(&actor, id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
