//! Readers and the tray: what lies there, programming runs, and what becomes of each device.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::begin::{Begin, devices_page};
use super::card::{item_address, item_row, reader_card, run_row};
use super::device::rehearsed;
use super::place::Place;
use crate::http::codes::{Typed, code_problem};
use crate::http::devices::{NO_READERS, working_station};
use crate::http::error::ApiError;
use crate::http::extract::{PageForm, Path};
use crate::http::frame::html;
use crate::http::page::tray::Tray;
use crate::http::page::{Code, Notice, Tone};
use crate::http::words;
use crate::jobs::station::ReaderNow;
use crate::model::{Actor, ProgrammingRun, RunId, RunItem, RunItemId, RunItemState};
use crate::oath::Otp;
use crate::service::{ItemProof, ProofOutcome, ProvedBy, Redo, Service, ServiceError};
use crate::store::Page as Part;
use crate::words::Words;

type Form = Result<PageForm<Typed>, ApiError>;

/// Devices of a run that are shown last.
const LAST: usize = 10;
/// Devices that the pace is taken from.
const PACED: usize = 50;

fn missing(what: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", format!("there is no {what} of this number"))
}

fn run_of(text: &str) -> Result<RunId, ApiError> {
    text.parse().map(RunId).map_err(|_| missing("programming run"))
}

/// The readers as they are now, and why there are none.
pub(super) fn readers(place: &Place) -> (Vec<ReaderNow>, String) {
    match place.state.jobs.station() {
        Some(station) => {
            let (_, readers, trouble) = station.now();
            (readers, trouble.map(|text| words::sentence(&text)).unwrap_or_default())
        }
        None => (Vec::new(), words::sentence(NO_READERS)),
    }
}

/// Its readers go on with a run; where none of them is there, all that are free.
pub(super) async fn go_on(place: Place, Path(run): Path<String>, form: Form) -> Response {
    let result = async {
        form?;
        let id = run_of(&run)?;
        let actor = place.actor.clone();
        let view = place.state.blocking(move |service| service.programming_run(&actor, id)).await?;
        if view.run.is_open() {
            let station = working_station(&place.state)?;
            // Those that it was begun on, where they are there still: a reader that was exchanged has another name.
            let there = station.now().1;
            let is_there = |name: &String| there.iter().any(|reader| reader.name == *name);
            let its: Vec<String> = view.run.readers.iter().filter(|name| is_there(name)).cloned().collect();
            station.attend(id, &its, &place.actor)?;
        }
        Ok(Redirect::to(&format!("/station/runs/{}", id.0)).into_response())
    };
    let result = result.await;
    place.answer(result)
}

/// How fast devices come, and how long the rest takes.
fn pace(run: &ProgrammingRun, items: &[RunItem]) -> String {
    let done: Vec<_> = items.iter().filter(|item| item.state == RunItemState::Programmed).collect();
    let (Some(newest), Some(oldest)) = (done.first(), done.last()) else { return String::new() };
    let (Ok(millis), Ok(count)) =
        (u64::try_from(newest.changed_at.millis() - oldest.created_at.millis()), u64::try_from(done.len()))
    else {
        return String::new();
    };
    if count < 3 || millis == 0 || !run.is_open() {
        return String::new();
    }
    let rate = count.saturating_mul(60_000) / millis;
    let left = u64::from(run.count - run.programmed).saturating_mul(millis) / count / 1_000;
    let variables = [("rate", words::count(rate.max(1)).into()), ("left", words::duration(left).into())];
    Words::ENGLISH.with("tray-pace", &variables)
}

async fn tray_page(
    place: &Place,
    status: StatusCode,
    id: RunId,
    notice: Option<Notice>,
    code: Option<(RunItemId, Code)>,
) -> Result<Response, ApiError> {
    let actor = place.actor.clone();
    let (view, items) = place
        .state
        .blocking(move |service| {
            Ok((
                service.programming_run(&actor, id)?,
                service.run_items(&actor, id, Part::first(PACED))?.items,
            ))
        })
        .await?;
    let now = place.state.service.now();
    let (all, trouble) = readers(place);
    let here: Vec<_> = all.iter().filter(|reader| reader.run == Some(id) || !view.run.is_open()).collect();
    let mut cards = Vec::with_capacity(here.len());
    for reader in &here {
        let mut card = reader_card(place, reader, &view.unsettled, code.as_ref()).await?;
        if let Some(drawer) = &mut card.drawer {
            drawer.address = format!("/station/rehearsal?run={}", id.0);
        }
        cards.push(card);
    }
    // One field has the focus: the first that waits for a code.
    let waiting = cards.iter_mut().filter_map(|card| card.form.as_mut()).find(|form| form.code.is_some());
    if let Some(form) = waiting {
        form.has_focus = true;
    }
    let take_out = cards.iter().filter(|card| card.state == "done").count();
    let on_card: Vec<String> =
        cards.iter().filter_map(|card| card.form.as_ref().map(|form| form.address.clone())).collect();
    let is_shown =
        |item: &&RunItem| item.state != RunItemState::Writing && !on_card.contains(&item_address(item.id));
    let page = Tray {
        page: place.page(&words::sentence(&format!("run {}", id.0))),
        recent: Vec::new(),
        notice,
        run: run_row(&view.run),
        is_open: view.run.is_open(),
        done: view.run.programmed,
        total: view.run.count,
        pace: pace(&view.run, &items),
        take_out,
        readers: cards,
        trouble,
        doubt: view
            .unsettled
            .iter()
            .filter(is_shown)
            .map(|item| item_row(item, now, false, code.as_ref()))
            .collect(),
        last: items
            .iter()
            .filter(|item| !item.state.is_unsettled())
            .take(LAST)
            .map(|item| item_row(item, now, true, None))
            .collect(),
    };
    Ok(html(status, &page))
}

/// One run.
pub(super) async fn tray(place: Place, Path(run): Path<String>) -> Response {
    let result = async { tray_page(&place, StatusCode::OK, run_of(&run)?, None, None).await };
    let result = result.await;
    place.answer(result)
}

/// No more devices.
pub(super) async fn end(place: Place, Path(run): Path<String>, form: Form) -> Response {
    let result = async {
        form?;
        let id = run_of(&run)?;
        let actor = place.actor.clone();
        place.state.blocking(move |service| service.end_run(&actor, id)).await?;
        if let Some(station) = place.state.jobs.station() {
            station.leave(id);
        }
        Ok(Redirect::to(&format!("/station/runs/{}", id.0)).into_response())
    };
    let result = result.await;
    place.answer(result)
}

/// What becomes of one device.
pub(super) async fn item(place: Place, Path((run, n)): Path<(String, String)>, form: Form) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let run = run_of(&run)?;
        let id = RunItemId { run, n: n.parse().map_err(|_| missing("device"))? };
        let said = match typed.text("action") {
            "code" => return prove(&place, id, &typed).await,
            "quarantine" => settled(&place, id, "tray-set-aside", Service::quarantine_item).await,
            "destroyed" => settled(&place, id, "tray-destroyed", Service::destroyed_item).await,
            "read" => on_reader(&place, id, Redo::Read).await,
            "again" => on_reader(&place, id, Redo::Again).await,
            "take_back" => on_reader(&place, id, Redo::TakeBack).await,
            _ => {
                return Err(ApiError::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "unknown_action",
                    "choose a button",
                ));
            }
        };
        let (status, said) = match said {
            Ok(said) => (StatusCode::OK, said),
            Err(error) => not_now(error)?,
        };
        tray_page(&place, status, run, Some(said), None).await
    };
    let result = result.await;
    place.answer(result)
}

/// Whoever stands at the tray stays there: what was not possible may be a moment later.
fn not_now(error: ApiError) -> Result<(StatusCode, Notice), ApiError> {
    if !error.status.is_client_error() || error.status == StatusCode::NOT_FOUND {
        return Err(error);
    }
    let title = Words::ENGLISH.text("station-refused");
    Ok((error.status, Notice::new(Tone::Bad, &title, &words::sentence(&error.message))))
}

/// Decides about a device, whose reader need not wait any more.
async fn settled(
    place: &Place,
    id: RunItemId,
    words: &str,
    decide: impl FnOnce(&Service, &Actor, RunItemId) -> Result<RunItem, ServiceError> + Send + 'static,
) -> Result<Notice, ApiError> {
    let actor = place.actor.clone();
    let item = place.state.blocking(move |service| decide(service, &actor, id)).await?;
    show(place, &item);
    Ok(told(Tone::Neutral, words, &item))
}

/// Its reader need not wait any more.
fn show(place: &Place, item: &RunItem) {
    if let Some(station) = place.state.jobs.station() {
        station.settled(item);
    }
}

fn told(tone: Tone, id: &str, item: &RunItem) -> Notice {
    Notice::tell(tone, Words::ENGLISH, id, &[("device", item.device.as_str().into())])
}

/// A code that somebody read from a device, or that it typed.
async fn prove(place: &Place, id: RunItemId, typed: &Typed) -> Result<Response, ApiError> {
    let otp = match Otp::parse_shaped(typed.text("otp"), None) {
        Ok(otp) => otp,
        Err(error) => {
            let mut code = Code::fields(Words::ENGLISH, 1);
            let code =
                code.pop().map(|code| Code { error: Some(code_problem(Words::ENGLISH, error)), ..code });
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return tray_page(place, status, id.run, None, code.map(|code| (id, code))).await;
        }
    };
    let actor = place.actor.clone();
    let proof = ItemProof { otp, by: ProvedBy::Person };
    let outcome = place.state.blocking(move |service| service.prove_item(&actor, id, &proof)).await;
    let (notice, item) = match outcome {
        Ok(ProofOutcome::Programmed(item)) => (told(Tone::Good, "tray-done", &item), item),
        Ok(ProofOutcome::Wrong(item)) => (told(Tone::Bad, "tray-wrong-code", &item), item),
        Err(error) => {
            let (status, notice) = not_now(error)?;
            return tray_page(place, status, id.run, Some(notice), None).await;
        }
    };
    show(place, &item);
    tray_page(place, StatusCode::OK, id.run, Some(notice), None).await
}

/// What needs the device itself.
async fn on_reader(place: &Place, id: RunItemId, redo: Redo) -> Result<Notice, ApiError> {
    let (station, actor) = (working_station(&place.state)?, place.actor.clone());
    let item = place.state.blocking(move |_| station.redo(&actor, id, redo)).await?;
    Ok(match item.state {
        RunItemState::TakenBack => told(Tone::Attention, "tray-taken-back", &item),
        _ => told(Tone::Neutral, "tray-under-way", &item),
    })
}

/// Which page a step of a rehearsal came from.
#[derive(serde::Deserialize)]
pub(super) struct From {
    run: Option<u64>,
    reader: Option<String>,
}

/// What a hand does with a simulated device.
pub(super) async fn rehearse(place: Place, Query(from): Query<From>, form: Form) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let station = working_station(&place.state)?;
        let Some(drawer) = station.drawer() else {
            let text = "the devices of this machine are real: use your hands";
            return Err(ApiError::new(StatusCode::CONFLICT, "not_simulated", text));
        };
        let reader = typed.text("reader");
        let notice = match typed.text("action") {
            "put" => {
                let device = typed.text("device").parse().ok();
                if device.is_none() || !drawer.put(reader, device) {
                    return Err(missing("device"));
                }
                None
            }
            "take" => {
                if !drawer.put(reader, None) {
                    return Err(missing("reader"));
                }
                None
            }
            _ => Some(match drawer.touched(reader) {
                Some(code) => {
                    let variables = [("code", code.as_str().into()), ("reader", reader.into())];
                    Notice::tell(Tone::Neutral, Words::ENGLISH, "tray-shows", &variables)
                }
                None => Notice::say(Tone::Attention, Words::ENGLISH, "tray-shows-nothing"),
            }),
        };
        match (from.run, from.reader) {
            (Some(run), _) => tray_page(&place, StatusCode::OK, RunId(run), notice, None).await,
            (None, Some(reader)) => rehearsed(&place, &reader, notice).await,
            (None, None) => devices_page(&place, StatusCode::OK, notice, Begin::default()).await,
        }
    };
    let result = result.await;
    place.answer(result)
}
