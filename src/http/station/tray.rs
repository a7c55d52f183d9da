//! Readers and the tray: what lies there, programming runs, and what becomes of each device.

use std::sync::Arc;

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::card::{item_address, item_row, place_words, reader_card, run_row};
use super::device::rehearsed;
use super::place::Place;
use crate::http::codes::{Typed, code_problem};
use crate::http::error::ApiError;
use crate::http::extract::{PageForm, Path};
use crate::http::frame::html;
use crate::http::page::tray::{Devices, ReaderChoice, Tray};
use crate::http::page::{Choice, Code, Field, Notice, Tone};
use crate::http::words;
use crate::jobs::station::{ReaderNow, Station};
use crate::model::{Application, BatchName, ProgrammingRun, RunId, RunItem, RunItemId, RunItemState};
use crate::oath::Otp;
use crate::service::{ItemProof, NewRun, ProofOutcome, ProvedBy, Redo};
use crate::store::Page as Part;
use crate::words::Words;

type Form = Result<PageForm<Typed>, ApiError>;

/// Runs that the page lists.
const RUNS: usize = 10;
/// Devices of a run that are shown last.
const LAST: usize = 10;
/// Readers that the form to begin a run names.
const MOST_READERS: usize = 32;
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
        None => (Vec::new(), words::sentence("the service that watches readers does not run here")),
    }
}

pub(super) fn station(place: &Place) -> Result<&Arc<Station>, ApiError> {
    place.state.jobs.station().ok_or_else(|| {
        ApiError::new(
            StatusCode::CONFLICT,
            "no_station",
            "the service that watches readers does not run here",
        )
    })
}

/// What the form to begin a run holds.
struct Begin {
    target: String,
    batch: Field,
    count: Field,
    issuer: Field,
    touch: bool,
    protect: bool,
}

impl Default for Begin {
    fn default() -> Self {
        let empty = Field::default;
        Self {
            target: String::new(),
            batch: empty(),
            count: empty(),
            issuer: empty(),
            touch: false,
            protect: true,
        }
    }
}

/// Models and what of them can be written: the value names both.
fn targets(place: &Place, chosen: &str) -> Vec<Choice> {
    let mut all = Vec::new();
    for profile in place.state.profiles.all() {
        for application in Application::ALL {
            if profile.specs_of(application.into()).is_empty() {
                continue;
            }
            let slot = application.slot().map(|slot| format!("/{slot}")).unwrap_or_default();
            let value = format!("{}/{}{slot}", profile.id, application.name());
            let label = format!("{}: {}", profile.full_name(), place_words(application));
            all.push(Choice { selected: value == chosen, value, label });
        }
    }
    all
}

async fn devices_page(
    place: &Place,
    status: StatusCode,
    notice: Option<Notice>,
    begin: Begin,
) -> Result<Response, ApiError> {
    let actor = place.actor.clone();
    let (doubt, runs) = place
        .state
        .blocking(move |service| {
            Ok((
                service.devices_in_doubt(&actor)?,
                service.programming_runs(&actor, Part::first(RUNS))?.items,
            ))
        })
        .await?;
    let now = place.state.service.now();
    let (readers, trouble) = readers(place);
    let mut cards = Vec::with_capacity(readers.len());
    for reader in &readers {
        cards.push(reader_card(place, reader, &doubt, None).await?);
    }
    let page = Devices {
        page: place.page(&Words::ENGLISH.text("tray-title")),
        recent: Vec::new(),
        notice,
        readers: cards,
        trouble,
        doubt: doubt.iter().map(|item| item_row(item, now, false, None)).collect(),
        choices: choices(&readers, &runs),
        runs: runs.iter().map(run_row).collect(),
        targets: targets(place, &begin.target),
        batch: begin.batch,
        count: begin.count,
        issuer: begin.issuer,
        touch: begin.touch,
        protect: begin.protect,
    };
    Ok(html(status, &page))
}

/// All readers.
pub(super) async fn devices(place: Place) -> Response {
    let result = devices_page(&place, StatusCode::OK, None, Begin::default()).await;
    place.answer(result)
}

/// Begins a run on all readers.
pub(super) async fn begin(place: Place, form: Form) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let begin = Begin {
            target: typed.text("target").to_owned(),
            batch: Field::of(typed.text("batch")),
            count: Field::of(typed.text("count")),
            issuer: Field::of(typed.text("issuer")),
            touch: typed.text("touch") == "yes",
            protect: typed.text("protect") == "yes",
        };
        let new = match new_run(&place, &begin) {
            Ok(new) => new,
            Err(error) => return not_begun(&place, error, begin).await,
        };
        let (offered, mut chosen) = chosen(&typed);
        if !offered.is_empty() && chosen.is_empty() {
            let error = ApiError::field("readers", "no_reader_chosen", "choose a reader for this run");
            return not_begun(&place, error, begin).await;
        }
        // All of them are also those that come later: a key in a USB port is a reader that comes with it.
        if offered.iter().all(|name| chosen.contains(name)) {
            chosen.clear();
        }
        if let Err(error) = station(&place)?.require_free(None, &chosen) {
            return not_begun(&place, error.into(), begin).await;
        }
        let actor = place.actor.clone();
        match place.state.blocking(move |service| service.start_run(&actor, new)).await {
            Ok(run) => {
                station(&place)?.attend(run.id, &chosen, &place.actor)?;
                Ok(Redirect::to(&format!("/station/runs/{}", run.id.0)).into_response())
            }
            Err(error) => not_begun(&place, error, begin).await,
        }
    };
    let result = result.await;
    place.answer(result)
}

/// The readers that the form offered, and those that were ticked.
fn chosen(typed: &Typed) -> (Vec<String>, Vec<String>) {
    let texts = |kind: &str| {
        let names = (0..MOST_READERS).map(|at| typed.text(&format!("{kind}.{at}")));
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    (texts("offered"), texts("reader"))
}

/// The readers, for the form.
fn choices(readers: &[ReaderNow], runs: &[ProgrammingRun]) -> Vec<ReaderChoice> {
    // One that is over keeps no reader from another.
    let is_open = |id: &RunId| runs.iter().find(|run| run.id == *id).is_none_or(ProgrammingRun::is_open);
    let choice = |(at, reader): (usize, &ReaderNow)| {
        let name = ("reader", reader.name.as_str().into());
        let used = reader.run.filter(is_open);
        let label = match used {
            Some(run) => {
                let run = run.0.to_string();
                Words::ENGLISH.with("tray-used", &[name, ("run", run.into())])
            }
            None => Words::ENGLISH.with("tray-use", &[name]),
        };
        let is_taken = used.is_some();
        ReaderChoice { at, name: reader.name.clone(), label, checked: !is_taken, is_taken }
    };
    readers.iter().take(MOST_READERS).enumerate().map(choice).collect()
}

/// The readers that are free go on with a run.
pub(super) async fn go_on(place: Place, Path(run): Path<String>, form: Form) -> Response {
    let result = async {
        form?;
        let id = run_of(&run)?;
        let actor = place.actor.clone();
        let view = place.state.blocking(move |service| service.programming_run(&actor, id)).await?;
        if view.run.is_open() {
            station(&place)?.attend(id, &[], &place.actor)?;
        }
        Ok(Redirect::to(&format!("/station/runs/{}", id.0)).into_response())
    };
    let result = result.await;
    place.answer(result)
}

/// The form again, with what is wrong at its field.
async fn not_begun(place: &Place, error: ApiError, mut begin: Begin) -> Result<Response, ApiError> {
    let problem = words::sentence(&error.message);
    let mut notice = None;
    match (error.field, error.code) {
        (Some("batch"), _) | (_, "batch_exists") => begin.batch.error = Some(problem),
        (Some("count"), _) => begin.count.error = Some(problem),
        (Some("issuer"), _) => begin.issuer.error = Some(problem),
        _ if error.status.is_client_error() => {
            notice = Some(Notice::new(Tone::Bad, &Words::ENGLISH.text("tray-not-begun"), &problem));
        }
        _ => return Err(error),
    }
    devices_page(place, error.status, notice, begin).await
}

fn new_run(place: &Place, begin: &Begin) -> Result<NewRun, ApiError> {
    let batch = BatchName::parse(&begin.batch.value)
        .map_err(|error| ApiError::field("batch", "name_invalid", error.to_string()))?;
    let count = begin.count.value.parse().map_err(|_| {
        ApiError::field("count", "count_range", "type how many devices there are, as a number")
    })?;
    let mut parts = begin.target.split('/');
    let (profile, name) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let slot = parts.next().and_then(|slot| slot.parse().ok());
    let application = Application::from_name(name, slot);
    let profile = place.state.profiles.get(profile);
    let (Some(application), Some(profile)) = (application, profile) else {
        return Err(ApiError::field("target", "no_profile", "choose what is written"));
    };
    let specs = profile.specs_of(application.into());
    let Some(spec) = specs.first().cloned() else {
        return Err(ApiError::field(
            "target",
            "no_profile",
            "this model has no such place: choose what is written",
        ));
    };
    Ok(NewRun {
        profile: profile.id.clone(),
        manufacturer: profile.manufacturer.clone(),
        model: profile.name.clone(),
        seed_bytes: profile.seed_bytes_of(application.into()),
        specs,
        application,
        spec,
        batch,
        count,
        issuer: begin.issuer.value.clone(),
        touch: begin.touch && application == Application::Oath,
        protect: begin.protect && application != Application::SingleProfile,
    })
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
            "quarantine" => {
                let actor = place.actor.clone();
                let item = place.state.blocking(move |service| service.quarantine_item(&actor, id)).await?;
                station(&place)?.settled(&item);
                told(Tone::Neutral, "tray-set-aside", &item)
            }
            "read" => on_reader(&place, id, Redo::Read).await?,
            "again" => on_reader(&place, id, Redo::Again).await?,
            "take_back" => on_reader(&place, id, Redo::TakeBack).await?,
            _ => {
                return Err(ApiError::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "unknown_action",
                    "choose a button",
                ));
            }
        };
        tray_page(&place, StatusCode::OK, run, Some(said), None).await
    };
    let result = result.await;
    place.answer(result)
}

fn told(tone: Tone, id: &str, item: &RunItem) -> Notice {
    Notice::tell(tone, Words::ENGLISH, id, &[("device", item.device.as_str().into())])
}

/// A code that somebody read from a device, or that it typed.
async fn prove(place: &Place, id: RunItemId, typed: &Typed) -> Result<Response, ApiError> {
    let otp = match Otp::parse(typed.text("otp")) {
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
        Err(error) if error.status.is_client_error() && error.status != StatusCode::NOT_FOUND => {
            let title = Words::ENGLISH.text("station-refused");
            let notice = Notice::new(Tone::Bad, &title, &words::sentence(&error.message));
            return tray_page(place, error.status, id.run, Some(notice), None).await;
        }
        Err(error) => return Err(error),
    };
    if let Some(station) = place.state.jobs.station() {
        station.settled(&item);
    }
    tray_page(place, StatusCode::OK, id.run, Some(notice), None).await
}

/// What needs the device itself.
async fn on_reader(place: &Place, id: RunItemId, redo: Redo) -> Result<Notice, ApiError> {
    let (station, actor) = (Arc::clone(station(place)?), place.actor.clone());
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
        let station = station(&place)?;
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
