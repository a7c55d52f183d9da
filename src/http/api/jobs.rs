//! Long work: where it stands, and a stream that tells.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use serde::Serialize;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, Follower};
use super::imports::ImportDto;
use crate::http::auth::Acting;
use crate::http::error::ApiError;
use crate::http::extract::{ApiResult, Path};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::model::{Actor, JobId, JobKind, JobState};

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/jobs/{id}", Permission::Read),
    Rule::new("GET", "/api/v1/jobs/{id}/events", Permission::Read),
];

/// How often a stream looks at its job.
const LOOK: Duration = Duration::from_millis(250);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(events))
}

/// Why a job failed.
#[derive(Serialize, ToSchema)]
struct JobProblem {
    code: String,
    detail: String,
}

/// A job.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
struct JobDto {
    id: u64,
    kind: &'static str,
    /// queued, running, done or failed.
    state: &'static str,
    done: u64,
    /// 0: not known yet.
    total: u64,
    /// What it is about: the number of the import.
    import: u64,
    /// Of a job that is done.
    result: Option<ImportDto>,
    /// Of a job that failed.
    problem: Option<JobProblem>,
}

async fn read(state: &AppState, actor: &Actor, id: JobId) -> Result<JobDto, ApiError> {
    let actor = actor.clone();
    state
        .blocking(move |service| {
            let job = service.job(&actor, id)?;
            let JobKind::Import(import) = job.kind;
            let result = match job.state {
                JobState::Done => Some(ImportDto::of(service.import(&actor, import)?)),
                _ => None,
            };
            let (kind, word) = (job.kind.name(), job.state.name());
            let problem = match job.state {
                JobState::Failed { code, detail } => Some(JobProblem { code, detail }),
                _ => None,
            };
            Ok(JobDto {
                id: id.0,
                kind,
                state: word,
                done: job.done,
                total: job.total,
                import: import.0,
                result,
                problem,
            })
        })
        .await
}

#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "imports", responses((status = 200, body = JobDto)))]
async fn show(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(id): Path<String>,
) -> ApiResult<JobDto> {
    let id = JobId(common::number(&id, "job")?);
    Ok(Json(read(&state, &actor, id).await?))
}

#[utoipa::path(get, path = "/api/v1/jobs/{id}/events", tag = "imports",
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "events `job` while it runs, then one `done` or `failed`; data is the job")))]
async fn events(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let id = JobId(common::number(&id, "job")?);
    let mut job = read(&state, &actor, id).await?;
    let mut follower = Follower::new(&actor);
    let (sender, stream) = tokio::sync::mpsc::channel(4);
    tokio::spawn(async move {
        let mut told = None;
        loop {
            let ended = matches!(job.state, "done" | "failed");
            let mark = (job.state, job.done, job.total);
            if told != Some(mark) {
                told = Some(mark);
                let name = if ended { job.state } else { "job" };
                let text = serde_json::to_string(&job).unwrap_or_default();
                if sender.send(Ok(Event::default().event(name).data(text))).await.is_err() {
                    return;
                }
            }
            if ended {
                return;
            }
            tokio::select! {
                () = sender.closed() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if !follower.may_go_on(&state).await {
                return;
            }
            let Ok(now) = read(&state, &actor, id).await else { return };
            job = now;
        }
    });
    Ok(Sse::new(ReceiverStream::new(stream)).keep_alive(KeepAlive::default()))
}
