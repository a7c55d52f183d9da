//! The audit log, and small things about this installation: time, formats, the demonstration's mails.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, Changing, List, time};
use crate::http::auth::Acting;
use crate::http::extract::{ApiQuery, ApiResult};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::model::MailState;
use crate::seedfile::formats;
use crate::service::{AuditView, MailMode, OpenMail, Service, ServiceError};

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/audit", Permission::Audit),
    Rule::new("POST", "/api/v1/audit/verify", Permission::Audit),
    Rule::new("GET", "/api/v1/time", Permission::Read),
    Rule::new("POST", "/api/v1/time/accept", Permission::Administer),
    Rule::new("GET", "/api/v1/formats", Permission::Read),
    Rule::new("GET", "/api/v1/mails", Permission::Administer),
];

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(verify))
        .routes(routes!(clock))
        .routes(routes!(accept_clock))
        .routes(routes!(known_formats))
        .routes(routes!(mails))
}

/// What a record is about.
#[derive(Serialize, ToSchema)]
struct SubjectDto {
    kind: &'static str,
    name: String,
}

/// A record of the audit log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditRecord)]
pub(super) struct AuditDto {
    chain: u32,
    n: u64,
    at: String,
    actor: String,
    role: Option<&'static str>,
    address: Option<String>,
    /// As in the log lines of the request.
    request_id: Option<String>,
    action: &'static str,
    subjects: Vec<SubjectDto>,
    /// done or refused.
    result: &'static str,
    detail: BTreeMap<String, String>,
}

impl AuditDto {
    pub(super) fn of(view: AuditView) -> Self {
        Self {
            chain: view.chain,
            n: view.n,
            at: time(view.at),
            actor: view.actor,
            role: view.role,
            address: view.address,
            request_id: view.request_id,
            action: view.action,
            subjects: view.subjects.into_iter().map(|(kind, name)| SubjectDto { kind, name }).collect(),
            result: view.result.name(),
            detail: view.detail.into_iter().collect(),
        }
    }
}

/// Which records.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// About this only: `token:SERIAL`, `user:LOGIN`, `resource:NAME`, `batch:NAME`, `import:NUMBER`,
    /// `operator:LOGIN`.
    subject: Option<String>,
    limit: Option<u64>,
    cursor: Option<String>,
}

#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, body = List<AuditDto>)))]
async fn list(
    State(state): State<AppState>,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<AuditQuery>,
) -> ApiResult<List<AuditDto>> {
    let page = common::page(asked.limit, asked.cursor.as_deref())?;
    let found = state
        .blocking(move |service| {
            let subject = match &asked.subject {
                Some(text) => match service.subject_named(&actor, text)? {
                    Some(subject) => Some(subject),
                    None => return Ok(None),
                },
                None => None,
            };
            service.audit(&actor, subject, page).map(Some)
        })
        .await?;
    Ok(Json(found.map_or_else(|| List::whole(Vec::new()), |found| List::of(found, AuditDto::of))))
}

/// What verification found.
#[derive(Serialize, ToSchema)]
struct VerifyAnswer {
    /// intact, or the kind of the first fault: missing, changed, `out_of_place`, replaced, truncated, surplus.
    result: &'static str,
    /// Records looked at; with a fault, those before it.
    records: u64,
    /// Where the fault is.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
}

#[utoipa::path(post, path = "/api/v1/audit/verify", tag = "audit",
    responses((status = 200, body = VerifyAnswer)))]
async fn verify(State(state): State<AppState>, Changing(actor): Changing) -> ApiResult<VerifyAnswer> {
    let report = state.blocking(move |service| service.verify_audit(&actor)).await?;
    Ok(Json(VerifyAnswer {
        result: report.fault.map_or("intact", |(_, _, fault)| fault.name()),
        records: report.records,
        chain: report.fault.map(|(chain, ..)| chain),
        n: report.fault.map(|(_, n, _)| n),
    }))
}

/// The service's time.
#[derive(Serialize, ToSchema)]
struct TimeAnswer {
    now: String,
    unix_ms: i64,
    /// The newest record of the log, when the clock lies behind it: then codes are not looked at. Null: all
    /// is well.
    fault: Option<String>,
}

#[utoipa::path(get, path = "/api/v1/time", tag = "about", responses((status = 200, body = TimeAnswer)))]
async fn clock(State(state): State<AppState>) -> ApiResult<TimeAnswer> {
    let newest = state.blocking(Service::clock_fault).await?;
    let now = state.service.now();
    Ok(Json(TimeAnswer { now: time(now), unix_ms: now.millis(), fault: newest.map(time) }))
}

/// What came of accepting the clock.
#[derive(Serialize, ToSchema)]
struct AcceptAnswer {
    /// Codes are looked at again; false: a second operator must accept, too, within ten minutes.
    accepted: bool,
}

#[utoipa::path(post, path = "/api/v1/time/accept", tag = "about",
    responses((status = 200, body = AcceptAnswer)))]
async fn accept_clock(State(state): State<AppState>, Changing(actor): Changing) -> ApiResult<AcceptAnswer> {
    let accepted = state.blocking(move |service| service.accept_clock(&actor)).await?;
    Ok(Json(AcceptAnswer { accepted }))
}

/// A format of seed files.
#[derive(Serialize, ToSchema)]
#[schema(as = Format)]
struct FormatDto {
    name: &'static str,
    title: &'static str,
    extensions: &'static [&'static str],
    /// What is needed beside the file, in words.
    needs: &'static str,
}

#[utoipa::path(get, path = "/api/v1/formats", tag = "about",
    responses((status = 200, body = List<FormatDto>)))]
async fn known_formats() -> Json<List<FormatDto>> {
    let show = |info: &crate::seedfile::FormatInfo| FormatDto {
        name: info.name,
        title: info.title,
        extensions: info.extensions,
        needs: info.needs,
    };
    Json(List::whole(formats().iter().map(show).collect()))
}

/// A mail of the demonstration, which sends none.
#[derive(Serialize, ToSchema)]
#[schema(as = Mail)]
struct MailDto {
    id: u64,
    to: String,
    subject: String,
    text: String,
    /// waiting, sent or failed.
    state: &'static str,
    created_at: String,
}

impl MailDto {
    fn of(open: &OpenMail) -> Self {
        Self {
            id: open.mail.id.0,
            to: open.mail.to.as_str().to_owned(),
            subject: open.mail.subject.clone(),
            text: open.text.as_str().to_owned(),
            state: match open.mail.state {
                MailState::Waiting { .. } => "waiting",
                MailState::Sent { .. } => "sent",
                MailState::Failed { .. } => "failed",
            },
            created_at: time(open.mail.created_at),
        }
    }
}

#[utoipa::path(get, path = "/api/v1/mails", tag = "about",
    responses((status = 200, body = List<MailDto>)))]
async fn mails(State(state): State<AppState>, Acting(actor): Acting) -> ApiResult<List<MailDto>> {
    let open = state
        .blocking(move |service| match service.mail_mode() {
            MailMode::Outbox => service.outbox(&actor, 200),
            MailMode::None | MailMode::Smtp => Err(ServiceError::NotFound { what: "outbox" }),
        })
        .await?;
    Ok(Json(List::whole(open.iter().map(MailDto::of).collect())))
}
