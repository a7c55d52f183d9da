//! The scanners of this machine, and what is scanned: by them, or by a device that is laid on a reader.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use serde::{Deserialize, Serialize};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::common::Follower;
use crate::http::auth::Acting;
use crate::http::error::ApiError;
use crate::http::extract::{ApiQuery, ApiResult};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::jobs::scanners::{Said, Scanned, ScannerNow, Source};
use crate::model::Actor;

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/scanners", Permission::Scan),
    Rule::new("GET", "/api/v1/scanners/events", Permission::Scan),
];

/// How often a stream looks whether something moved.
const LOOK: Duration = Duration::from_millis(100);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(events))
}

/// A scanner in serial mode.
#[derive(Serialize, ToSchema)]
#[schema(as = Scanner)]
struct ScannerDto {
    /// As the settings call it.
    name: String,
    /// Its port.
    path: String,
    connected: bool,
    /// Why it is not connected, and what to do.
    trouble: Option<String>,
}

impl ScannerDto {
    fn of(now: ScannerNow) -> Self {
        Self { name: now.name, path: now.path, connected: now.is_connected, trouble: now.trouble }
    }
}

/// What was scanned.
#[derive(Serialize, ToSchema)]
#[schema(as = Scan)]
struct ScanDto {
    /// Higher than that of the scan before.
    n: u64,
    /// scanner, or reader: a device was laid on it.
    source: &'static str,
    /// Of the scanner or the reader.
    name: String,
    /// The code as it was read, or the serial number of the device; null: refused.
    text: Option<String>,
    /// The serial numbers that it names one by one; a range names none.
    serials: Vec<String>,
    /// Why it was refused, and what to do.
    refused: Option<String>,
}

impl ScanDto {
    fn of(scanned: &Scanned) -> Self {
        Self {
            n: scanned.n,
            source: scanned.source.kind(),
            name: scanned.source.name().to_owned(),
            text: scanned.text().map(str::to_owned),
            serials: scanned.serials(),
            refused: match &scanned.said {
                Said::Refused(why) => Some(why.clone()),
                Said::Text(_) | Said::Chip { .. } => None,
            },
        }
    }
}

/// All scanners, and what was scanned since.
#[derive(Serialize, ToSchema)]
#[schema(as = Scanners)]
struct ScannersDto {
    items: Vec<ScannerDto>,
    /// Number of the newest scan; 0: there was none since the service started.
    last: u64,
    /// Scans behind `after`, oldest first, as far as they are still kept; empty without `after`.
    scans: Vec<ScanDto>,
    /// Why nobody listens to scanners, and what to do; null: somebody does.
    trouble: Option<String>,
}

/// What this actor is told: devices are there for the whole inventory, what a scanner reads is for whoever stands there.
fn scans(state: &AppState, actor: &Actor, after: u64) -> Vec<Scanned> {
    let sees_readers = state.service.sees_readers(actor).is_ok();
    let mut scans = state.jobs.scanners().map(|scanners| scanners.since(after)).unwrap_or_default();
    scans.retain(|scanned| sees_readers || matches!(scanned.source, Source::Scanner(_)));
    scans
}

impl ScannersDto {
    fn of(state: &AppState, actor: &Actor, after: Option<u64>) -> Self {
        let Some(scanners) = state.jobs.scanners() else {
            let trouble = "scanners belong to the running service: start it with mintmark serve";
            return Self { items: Vec::new(), last: 0, scans: Vec::new(), trouble: Some(trouble.to_owned()) };
        };
        // Read before the scans, so that one in between is told again and not lost.
        let last = scanners.last();
        let scans = after.map(|after| scans(state, actor, after)).unwrap_or_default();
        Self {
            items: scanners.now().1.into_iter().map(ScannerDto::of).collect(),
            last: scans.last().map_or(last, |scanned| scanned.n.max(last)),
            scans: scans.iter().map(ScanDto::of).collect(),
            trouble: None,
        }
    }
}

/// From where.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ScansQuery {
    /// Also what was scanned behind this number, which is the `last` of an earlier answer.
    after: Option<u64>,
}

#[utoipa::path(get, path = "/api/v1/scanners", tag = "devices", params(ScansQuery),
    responses((status = 200, body = ScannersDto)))]
async fn list(
    State(state): State<AppState>,
    Acting(actor): Acting,
    ApiQuery(query): ApiQuery<ScansQuery>,
) -> ApiResult<ScannersDto> {
    Ok(Json(ScannersDto::of(&state, &actor, query.after)))
}

#[utoipa::path(get, path = "/api/v1/scanners/events", tag = "devices",
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "an event `scanners` at once and whenever one comes or goes, data as of /scanners; an event `scan` for each \
            scan from now on, data as in `scans`")))]
async fn events(
    State(state): State<AppState>,
    Acting(actor): Acting,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let mut follower = Follower::new(&actor);
    let (sender, stream) = tokio::sync::mpsc::channel(4);
    tokio::spawn(async move {
        let (mut told, mut shown) = (None, None);
        let mut last = state.jobs.scanners().map_or(0, |scanners| scanners.last());
        loop {
            let version = state.jobs.scanners().map(|scanners| scanners.changed(u64::MAX, Duration::ZERO));
            if told != Some(version) {
                told = Some(version);
                let mut news = Vec::new();
                let now = state.jobs.scanners().map(|scanners| scanners.now().1);
                if shown.as_ref() != Some(&now) {
                    shown = Some(now);
                    let text =
                        serde_json::to_string(&ScannersDto::of(&state, &actor, None)).unwrap_or_default();
                    news.push(Event::default().event("scanners").data(text));
                }
                for scanned in scans(&state, &actor, last) {
                    last = scanned.n;
                    let text = serde_json::to_string(&ScanDto::of(&scanned)).unwrap_or_default();
                    news.push(Event::default().event("scan").data(text));
                }
                for event in news {
                    if sender.send(Ok(event)).await.is_err() {
                        return;
                    }
                }
            }
            if state.jobs.scanners().is_none_or(|scanners| scanners.is_stopped()) {
                return;
            }
            tokio::select! {
                () = sender.closed() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if !follower.may_go_on(&state).await {
                return;
            }
        }
    });
    Ok(Sse::new(ReceiverStream::new(stream)).keep_alive(KeepAlive::default()))
}
