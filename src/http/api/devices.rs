//! The readers of this machine and what lies on them, now and live.

use std::convert::Infallible;
use std::sync::Arc;
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

use super::common::{Changing, Follower, time};
use super::runs::ItemDto;
use crate::device::applet::otp::Slot;
use crate::device::discover::{Found, Holding};
use crate::http::auth::Acting;
use crate::http::devices::{NO_READERS, working_station};
use crate::http::error::ApiError;
use crate::http::extract::{ApiJson, ApiResult};
use crate::http::permission::{Permission, Rule};
use crate::http::state::AppState;
use crate::jobs::programming::Phase;
use crate::jobs::station::{End, ReaderNow};
use crate::model::Application;

pub(super) const RULES: &[Rule] = &[
    Rule::new("GET", "/api/v1/devices", Permission::Program),
    Rule::new("GET", "/api/v1/devices/events", Permission::Program),
    Rule::new("POST", "/api/v1/devices/clock", Permission::Program),
];

/// How often a stream looks whether something moved.
const LOOK: Duration = Duration::from_millis(200);

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(events)).routes(routes!(set_clock))
}

/// Why this process watches no readers, and what to do.
/// A place on a device that secrets can be written to.
#[derive(Serialize, ToSchema)]
struct ApplicationDto {
    /// oath, `otp_slot` or `single_profile`.
    application: &'static str,
    /// Of a slot.
    slot: Option<u8>,
    /// Something is there; null: the device does not say.
    is_set: Option<bool>,
    /// It opens for a key only; null: the device does not say.
    is_locked: Option<bool>,
    /// Of a token with a display: its model; null: unknown, and it is not written to.
    model: Option<String>,
}

fn applications(found: &Found) -> Vec<ApplicationDto> {
    let place = |place: Application, is_set, is_locked, model| ApplicationDto {
        application: place.name(),
        slot: place.slot(),
        is_set,
        is_locked,
        model,
    };
    let mut all = Vec::new();
    for holding in &found.holdings {
        match holding {
            Holding::Oath { credentials, .. } => {
                let is_set = credentials.as_ref().map(|there| !there.is_empty());
                all.push(place(Application::Oath, is_set, Some(credentials.is_none()), None));
            }
            Holding::Slots(status) => {
                for (slot, at) in [(Slot::One, Application::Slot1), (Slot::Two, Application::Slot2)] {
                    all.push(place(at, Some(status.is_configured(slot)), None, None));
                }
            }
            Holding::SingleProfile { model } => {
                let model = model.as_ref().map(|model| model.name.clone());
                all.push(place(Application::SingleProfile, None, None, model));
            }
        }
    }
    all
}

/// How it ended with what lies there.
#[derive(Serialize, ToSchema)]
struct EndDto {
    /// The state of the item, `clock_set`, or refused.
    result: &'static str,
    /// Stable word; empty where the result says it all.
    code: String,
    /// For whoever stands there.
    detail: String,
    /// The item as it was then.
    item: Option<ItemDto>,
}

impl EndDto {
    fn of(end: End) -> Self {
        match end {
            End::Item(item) => {
                let item = ItemDto::of(*item);
                let (code, detail) = (item.reason.clone(), item.detail.clone());
                Self { result: item.state, code, detail, item: Some(item) }
            }
            End::ClockSet { offset_secs, usable_from } => {
                let detail = format!(
                    "its clock was {offset_secs:+} s off and is right now; codes pass from {} on",
                    time(usable_from)
                );
                Self { result: "clock_set", code: String::new(), detail, item: None }
            }
            End::Refused { code, detail } => {
                Self { result: "refused", code: code.to_owned(), detail, item: None }
            }
        }
    }
}

/// A reader and what lies on it.
#[derive(Serialize, ToSchema)]
#[schema(as = Device)]
struct DeviceDto {
    /// As the system calls it.
    reader: String,
    occupied: bool,
    /// What is done: reading, writing, checking or touch (it waits for one); null: it may be taken out.
    phase: Option<&'static str>,
    /// The run that is programmed here.
    run: Option<u64>,
    /// yubikey, `token2_single_profile`, `protectimus_slim`, tag or unknown.
    family: Option<&'static str>,
    /// As printed on it, when it says so.
    serial: Option<String>,
    firmware: Option<String>,
    /// contacts or contactless.
    over: Option<&'static str>,
    applications: Vec<ApplicationDto>,
    /// What its clock showed less the time of this machine, when it was read; null: it has none that can be read.
    clock_offset_seconds: Option<i64>,
    /// What people have to know of it.
    remarks: Vec<String>,
    end: Option<EndDto>,
    /// The work with it, the device's own time included.
    took_ms: Option<u64>,
}

impl DeviceDto {
    fn of(now: ReaderNow) -> Self {
        let found = now.found.as_deref();
        Self {
            reader: now.name,
            occupied: now.is_occupied,
            phase: now.phase.map(Phase::name),
            run: now.run.map(|run| run.0),
            family: found.map(|found| found.family.name()),
            serial: found.and_then(|found| found.serial.clone()),
            firmware: found.and_then(|found| found.firmware.as_ref().map(ToString::to_string)),
            over: found.map(|found| found.over.name()),
            applications: found.map(applications).unwrap_or_default(),
            clock_offset_seconds: now.clock_offset_secs,
            remarks: found.map(|it| it.remarks.iter().map(ToString::to_string).collect()).unwrap_or_default(),
            end: now.end.map(EndDto::of),
            took_ms: now.took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// All readers.
#[derive(Serialize, ToSchema)]
#[schema(as = Devices)]
struct DevicesDto {
    items: Vec<DeviceDto>,
    /// Why there are no readers, and what to do; null: they are watched.
    trouble: Option<String>,
}

impl DevicesDto {
    fn of(state: &AppState) -> Self {
        match state.jobs.station() {
            Some(station) => {
                let (_, readers, trouble) = station.now();
                Self { items: readers.into_iter().map(DeviceDto::of).collect(), trouble }
            }
            None => Self { items: Vec::new(), trouble: Some(NO_READERS.to_owned()) },
        }
    }
}

#[utoipa::path(get, path = "/api/v1/devices", tag = "devices", responses((status = 200, body = DevicesDto)))]
async fn list(State(state): State<AppState>, Acting(actor): Acting) -> ApiResult<DevicesDto> {
    state.service.sees_readers(&actor)?;
    Ok(Json(DevicesDto::of(&state)))
}

#[utoipa::path(get, path = "/api/v1/devices/events", tag = "devices",
    responses((status = 200, body = String, content_type = "text/event-stream",
        description = "an event `devices` at once and after each change; data is what /devices answers")))]
async fn events(
    State(state): State<AppState>,
    Acting(actor): Acting,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    state.service.sees_readers(&actor)?;
    let mut follower = Follower::new(&actor);
    let (sender, stream) = tokio::sync::mpsc::channel(4);
    tokio::spawn(async move {
        let mut told = None;
        loop {
            // Read before what is told, so that a change in between is told again and not lost.
            let version = state.jobs.station().map(|station| station.changed(u64::MAX, Duration::ZERO));
            if told != Some(version) {
                told = Some(version);
                let text = serde_json::to_string(&DevicesDto::of(&state)).unwrap_or_default();
                if sender.send(Ok(Event::default().event("devices").data(text))).await.is_err() {
                    return;
                }
            }
            if state.jobs.station().is_none_or(|station| station.is_stopped()) {
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

/// A clock to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SetClock)]
struct SetClockBody {
    /// The reader that the token lies on.
    reader: String,
    /// The token that was seen there: another one is refused. Absent: whatever lies there.
    device: Option<String>,
    /// Why: asked of a token that somebody has, and of an admin alone.
    reason: Option<String>,
}

#[utoipa::path(post, path = "/api/v1/devices/clock", tag = "devices", request_body = SetClockBody,
    responses((status = 202, body = DeviceDto,
        description = "begun; the reader's `end` says how it ended: `clock_set`, or refused. The secret stays, the drift is \
            nothing, and no code that the token showed before passes any more")))]
async fn set_clock(
    State(state): State<AppState>,
    Changing(actor): Changing,
    ApiJson(body): ApiJson<SetClockBody>,
) -> Result<(StatusCode, Json<DeviceDto>), ApiError> {
    let station = working_station(&state)?;
    let (watched, reader) = (Arc::clone(&station), body.reader.clone());
    let reason = body.reason.unwrap_or_default();
    state.blocking(move |_| station.set_clock(&body.reader, body.device.as_deref(), &actor, &reason)).await?;
    let (_, readers, _) = watched.now();
    let now = readers.into_iter().find(|now| now.name == reader).unwrap_or_default();
    Ok((StatusCode::ACCEPTED, Json(DeviceDto::of(now))))
}
