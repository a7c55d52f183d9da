//! Programming runs: begun, followed, ended, and what is done about single devices.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use serde::{Deserialize, Serialize};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::{self, Changing, Follower, List, PageQuery, Secret, time};
use crate::http::auth::Acting;
use crate::http::devices::{require_readers, working_station};
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, ApiQuery, ApiResult, Path};
use crate::http::permission::{Permission, Rule};
use crate::http::run_settings::{self, RunBody};
use crate::http::state::AppState;
use crate::model::{Actor, ProgrammingRun, RunId, RunItem, RunItemId, RunItemState};
use crate::oath::{Digits, HashAlg};
use crate::service::{ItemProof, ProofOutcome, ProvedBy, Redo, RunView, Service, ServiceError};
use crate::store::Page;

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/runs", Permission::Read),
    Rule::new("POST", "/api/v1/runs", Permission::Program),
    Rule::new("GET", "/api/v1/runs/{id}", Permission::Read),
    Rule::new("GET", "/api/v1/runs/{id}/events", Permission::Read),
    Rule::new("POST", "/api/v1/runs/{id}/end", Permission::Program),
    Rule::new("POST", "/api/v1/runs/{id}/readers", Permission::Program),
    Rule::new("POST", "/api/v1/runs/{id}/items/{n}/resolve", Permission::Program),
];

/// Devices that a run is shown with.
const SHOWN: usize = 50;
/// How often a stream looks at its run.
const LOOK: Duration = Duration::from_millis(250);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, start))
        .routes(routes!(show))
        .routes(routes!(events))
        .routes(routes!(end))
        .routes(routes!(readers))
        .routes(routes!(resolve))
}

/// One device of a run.
#[derive(Clone, Serialize, ToSchema)]
#[schema(as = RunItem)]
pub(super) struct ItemDto {
    run: u64,
    /// Its number in the run, from 1.
    n: u32,
    /// The serial number that the device gave.
    device: String,
    /// That of the token.
    serial: String,
    /// writing, `code_wanted`, programmed, untouched, `in_doubt`, quarantined, `taken_back` (it is wiped once it lies
    /// on a reader) or undone.
    pub(super) state: &'static str,
    /// Why, as a stable word; empty where the state says it all.
    pub(super) reason: String,
    /// What happened and what to do.
    pub(super) detail: String,
    reader: String,
    changed_at: String,
}

impl ItemDto {
    pub(super) fn of(item: RunItem) -> Self {
        Self {
            run: item.id.run.0,
            n: item.id.n,
            device: item.device,
            serial: item.serial.display().to_owned(),
            state: item.state.name(),
            reason: item.reason,
            detail: item.detail,
            reader: item.reader,
            changed_at: time(item.changed_at),
        }
    }
}

/// A programming run.
#[derive(Serialize, ToSchema)]
#[schema(as = Run)]
struct RunDto {
    id: u64,
    /// open or ended.
    state: &'static str,
    profile: String,
    /// Manufacturer and name.
    model: String,
    /// oath, `otp_slot` or `single_profile`.
    application: &'static str,
    slot: Option<u8>,
    /// totp, hotp or `yubico_otp`.
    kind: &'static str,
    hash: Option<&'static str>,
    digits: Option<u8>,
    /// Seconds; null: codes of a counter.
    step: Option<i64>,
    issuer: String,
    touch: bool,
    protect: bool,
    /// What lies in its place on a device, from elsewhere, is overwritten.
    replace: bool,
    /// Readers that it was begun on; none: all.
    readers: Vec<String>,
    batch: String,
    count: u32,
    programmed: u32,
    created_at: String,
    started_by: String,
    /// The newest 50 devices, newest first; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Vec<ItemDto>>,
    /// Devices that somebody has to look at, oldest first; not in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    unsettled: Option<Vec<ItemDto>>,
}

impl RunDto {
    fn of(run: ProgrammingRun) -> Self {
        let state = run.state_name();
        Self {
            id: run.id.0,
            state,
            model: format!("{} {}", run.manufacturer, run.model).trim().to_owned(),
            profile: run.profile,
            application: run.application.name(),
            slot: run.application.slot(),
            kind: run.spec.kind().name(),
            hash: run.spec.hash().map(HashAlg::name),
            digits: run.spec.digits().map(Digits::get),
            step: run.spec.clock().map(|(period, _)| period.get()),
            issuer: run.issuer,
            touch: run.touch,
            protect: run.protect,
            replace: run.replaces,
            readers: run.readers,
            batch: run.batch_name.as_str().to_owned(),
            count: run.count,
            programmed: run.programmed,
            created_at: time(run.created_at),
            started_by: run.actor.label(),
            items: None,
            unsettled: None,
        }
    }

    fn read(service: &Service, actor: &Actor, id: RunId) -> Result<Self, ServiceError> {
        let RunView { run, unsettled } = service.programming_run(actor, id)?;
        let items = service.run_items(actor, id, Page::first(SHOWN))?.items;
        let shown = |items: Vec<RunItem>| Some(items.into_iter().map(ItemDto::of).collect());
        Ok(Self { items: shown(items), unsettled: shown(unsettled), ..Self::of(run) })
    }

    /// Nothing moves here any more: whoever follows may go.
    fn is_over(&self) -> bool {
        let is_aside = |item: &ItemDto| item.state == RunItemState::Quarantined.name();
        self.state == "ended" && self.unsettled.as_ref().is_none_or(|items| items.iter().all(is_aside))
    }
}

fn run_id(text: &str) -> Result<RunId, ApiError> {
    common::number(text, "programming run").map(RunId)
}

async fn read(state: &AppState, actor: &Actor, id: RunId) -> Result<RunDto, ApiError> {
    let actor = actor.clone();
    state.blocking(move |service| RunDto::read(service, &actor, id)).await
}

#[utoipa::path(get, path = "/api/v1/runs", tag = "devices", params(PageQuery),
    responses((status = 200, body = List<RunDto>)))]
async fn list(
    State(state): State<AppState>,
    Acting(actor): Acting,
    ApiQuery(asked): ApiQuery<PageQuery>,
) -> ApiResult<List<RunDto>> {
    let page = asked.page()?;
    let found = state.blocking(move |service| service.programming_runs(&actor, page)).await?;
    Ok(Json(List::of(found, RunDto::of)))
}

#[utoipa::path(post, path = "/api/v1/runs", tag = "devices", request_body = RunBody,
    responses((status = 201, body = RunDto, description = "begun; what lies on its readers is programmed")))]
async fn start(
    State(state): State<AppState>,
    Changing(actor): Changing,
    ApiJson(body): ApiJson<RunBody>,
) -> Result<(StatusCode, Json<RunDto>), ApiError> {
    let new = run_settings::read(&state.profiles, body)?;
    state.service.sees_readers(&actor)?;
    let station = working_station(&state)?;
    require_readers(&station, &new.readers)?;
    let run = state
        .blocking(move |service| {
            station.require_free(None, &new.readers)?;
            let run = service.start_run(&actor, new)?;
            station.attend(run.id, &run.readers, &actor)?;
            RunDto::read(service, &actor, run.id)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(run)))
}

#[utoipa::path(get, path = "/api/v1/runs/{id}", tag = "devices", responses((status = 200, body = RunDto)))]
async fn show(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(id): Path<String>,
) -> ApiResult<RunDto> {
    Ok(Json(read(&state, &actor, run_id(&id)?).await?))
}

#[utoipa::path(get, path = "/api/v1/runs/{id}/events", tag = "devices",
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "an event `run` at once and after each change, then one `ended` when nothing of it is open; \
            data is the run")))]
async fn events(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(id): Path<String>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let id = run_id(&id)?;
    let mut run = read(&state, &actor, id).await?;
    let mut follower = Follower::new(&actor);
    let (sender, stream) = tokio::sync::mpsc::channel(4);
    tokio::spawn(async move {
        let mut told = String::new();
        loop {
            let is_over = run.is_over();
            let text = serde_json::to_string(&run).unwrap_or_default();
            if told != text || is_over {
                told.clone_from(&text);
                let name = if is_over { "ended" } else { "run" };
                if sender.send(Ok(Event::default().event(name).data(text))).await.is_err() {
                    return;
                }
            }
            if is_over || state.jobs.station().is_some_and(|station| station.is_stopped()) {
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
            run = now;
        }
    });
    Ok(Sse::new(ReceiverStream::new(stream)).keep_alive(KeepAlive::default()))
}

#[utoipa::path(post, path = "/api/v1/runs/{id}/end", tag = "devices",
    responses((status = 200, body = RunDto, description = "no more devices are taken; one on a reader is finished")))]
async fn end(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(id): Path<String>,
) -> ApiResult<RunDto> {
    let id = run_id(&id)?;
    let station = state.jobs.station().cloned();
    let ended = state.blocking(move |service| {
        service.end_run(&actor, id)?;
        if let Some(station) = station {
            station.leave(id);
        }
        RunDto::read(service, &actor, id)
    });
    Ok(Json(ended.await?))
}

/// Which readers are used for a run from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReadersBody {
    /// Their names; absent or empty: all.
    #[serde(default)]
    readers: Vec<String>,
}

#[utoipa::path(post, path = "/api/v1/runs/{id}/readers", tag = "devices", request_body = ReadersBody,
    responses((status = 200, body = RunDto)))]
async fn readers(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path(id): Path<String>,
    ApiJson(body): ApiJson<ReadersBody>,
) -> ApiResult<RunDto> {
    let id = run_id(&id)?;
    let station = working_station(&state)?;
    require_readers(&station, &body.readers)?;
    let attended = state.blocking(move |service| {
        if !service.programming_run(&actor, id)?.run.is_open() {
            let detail = "this run has ended: begin another one".to_owned();
            return Err(ServiceError::state("run_ended", detail));
        }
        station.attend(id, &body.readers, &actor)?;
        RunDto::read(service, &actor, id)
    });
    Ok(Json(attended.await?))
}

/// What is done about a device.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ResolveAction {
    /// See what the device on a reader holds.
    Read,
    /// Write another secret to it.
    Again,
    /// Set it aside.
    Quarantine,
    /// It was set aside, or was to be wiped, and is destroyed or will never be seen again: its secret is forgotten.
    Destroyed,
    /// A code that it shows or types proves it.
    Code,
    /// Take its token out of the store and destroy what was written.
    TakeBack,
}

/// What is done about a device.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ResolveBody {
    action: ResolveAction,
    /// With the action code.
    otp: Option<Secret>,
}

#[utoipa::path(post, path = "/api/v1/runs/{id}/items/{n}/resolve", tag = "devices", request_body = ResolveBody,
    responses((status = 200, body = ItemDto, description = "done; a wrong code leaves the item open"),
        (status = 202, body = ItemDto, description = "begun on the reader that the device lies on; \
            `take_back` of one that lies on none waits for it")))]
async fn resolve(
    State(state): State<AppState>,
    Changing(actor): Changing,
    Path((run, n)): Path<(String, String)>,
    ApiJson(body): ApiJson<ResolveBody>,
) -> Result<(StatusCode, Json<ItemDto>), ApiError> {
    let n = common::number(&n, "device in this run")?;
    let n = u32::try_from(n).map_err(|_| ServiceError::NotFound { what: "device in this run" })?;
    let id = RunItemId { run: run_id(&run)?, n };
    if body.otp.is_some() && body.action != ResolveAction::Code {
        return Err(ApiError::field("otp", "otp_not_expected", "a code goes with the action code alone"));
    }
    let redo = match body.action {
        ResolveAction::Quarantine => {
            return settled(&state, move |service| service.quarantine_item(&actor, id)).await;
        }
        ResolveAction::Destroyed => {
            return settled(&state, move |service| service.destroyed_item(&actor, id)).await;
        }
        ResolveAction::Code => {
            let otp = body.otp.ok_or_else(|| ApiError::field("otp", "missing_field", "type the code"))?;
            let proof = ItemProof { otp: otp.otp("otp")?, by: ProvedBy::Person };
            return settled(&state, move |service| {
                service.prove_item(&actor, id, &proof).map(|outcome| match outcome {
                    ProofOutcome::Programmed(item) | ProofOutcome::Wrong(item) => *item,
                })
            })
            .await;
        }
        ResolveAction::Read => Redo::Read,
        ResolveAction::Again => Redo::Again,
        ResolveAction::TakeBack => Redo::TakeBack,
    };
    // What there is not says more than which readers are not there.
    let asked = actor.clone();
    state.blocking(move |service| service.item_to_redo(&asked, id, redo)).await?;
    let station = working_station(&state)?;
    let item = state.blocking(move |_| station.redo(&actor, id, redo)).await?;
    Ok((StatusCode::ACCEPTED, Json(ItemDto::of(item))))
}

/// Settles an item without its device; readers show what became of it.
async fn settled(
    state: &AppState,
    settle: impl FnOnce(&Service) -> Result<RunItem, ServiceError> + Send + 'static,
) -> Result<(StatusCode, Json<ItemDto>), ApiError> {
    let station = state.jobs.station().cloned();
    let item = state.blocking(move |service| {
        let item = settle(service)?;
        if let Some(station) = station {
            station.settled(&item);
        }
        Ok(item)
    });
    Ok((StatusCode::OK, Json(ItemDto::of(item.await?))))
}
