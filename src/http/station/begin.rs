//! All readers, and the form that begins a programming run.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::card::{item_row, place_words, reader_card, run_row};
use super::place::Place;
use super::tray::readers;
use crate::http::codes::Typed;
use crate::http::devices::{require_readers, working_station};
use crate::http::error::ApiError;
use crate::http::extract::PageForm;
use crate::http::frame::html;
use crate::http::page::tray::{CodesChoice, Devices, ReaderChoice};
use crate::http::page::{Choice, Field, Notice, Tone};
use crate::http::run_settings::{self, RunBody, SettingsBody};
use crate::http::words;
use crate::jobs::station::ReaderNow;
use crate::model::{Application, OtpSpec, ProgrammingRun, RunId};
use crate::service::NewRun;
use crate::store::Page as Part;
use crate::words::Words;

/// Runs that the page lists.
const RUNS: usize = 10;
/// Readers that the form to begin a run names.
const MOST_READERS: usize = 32;

/// What the form to begin a run holds.
pub(super) struct Begin {
    target: String,
    codes: String,
    batch: Field,
    count: Field,
    issuer: Field,
    touch: bool,
    protect: bool,
    replace: bool,
}

impl Default for Begin {
    fn default() -> Self {
        let empty = Field::default;
        Self {
            target: String::new(),
            codes: String::new(),
            batch: empty(),
            count: empty(),
            issuer: empty(),
            touch: false,
            protect: true,
            replace: false,
        }
    }
}

impl Begin {
    fn of(typed: &Typed) -> Self {
        Self {
            target: typed.text("target").to_owned(),
            codes: typed.text("codes").to_owned(),
            batch: Field::of(typed.text("batch")),
            count: Field::of(typed.text("count")),
            issuer: Field::of(typed.text("issuer")),
            touch: typed.text("touch") == "yes",
            protect: typed.text("protect") == "yes",
            replace: typed.text("replace") == "yes",
        }
    }
}

/// Models and what of them can be written, as the form names them, with what is computed there.
fn places(place: &Place) -> impl Iterator<Item = (String, String, Vec<OtpSpec>)> {
    let profiles = place.state.profiles.all();
    profiles.flat_map(|profile| {
        Application::ALL.into_iter().filter_map(|application| {
            let specs = profile.specs_of(application.into());
            let slot = application.slot().map(|slot| format!("/{slot}")).unwrap_or_default();
            let value = format!("{}/{}{slot}", profile.id, application.name());
            let label = format!("{}: {}", profile.full_name(), place_words(application));
            (!specs.is_empty()).then_some((value, label, specs))
        })
    })
}

fn targets(place: &Place, chosen: &str) -> Vec<Choice> {
    let choice = |(value, label, _): (String, String, _)| Choice { selected: value == chosen, value, label };
    places(place).map(choice).collect()
}

/// What tokens compute, as the form names it: kind, hash, digits, step.
pub(super) fn codes_of(spec: &OtpSpec) -> Option<(String, String)> {
    if let OtpSpec::YubicoOtp { .. } = spec {
        return Some((spec.kind().name().to_owned(), Words::ENGLISH.text("tray-codes-yubico")));
    }
    let (hash, digits) = (spec.hash()?, spec.digits()?.get());
    let mut variables = vec![("hash", words::hash_name(hash).into()), ("digits", digits.into())];
    Some(match spec {
        OtpSpec::Totp { period, .. } => {
            variables.push(("period", period.get().into()));
            let value = format!("totp/{}/{digits}/{}", hash.name(), period.get());
            (value, Words::ENGLISH.with("tray-codes-totp", &variables))
        }
        OtpSpec::Hotp { .. } => {
            (format!("hotp/{}/{digits}", hash.name()), Words::ENGLISH.with("tray-codes-hotp", &variables))
        }
        _ => return None,
    })
}

/// What can be computed anywhere, and where each of it can.
fn codes(place: &Place, chosen: &str) -> Vec<CodesChoice> {
    let mut all = BTreeMap::<_, Vec<String>>::new();
    for (target, _, specs) in places(place) {
        for choice in specs.iter().filter_map(codes_of) {
            all.entry(choice).or_default().push(target.clone());
        }
    }
    let choice = |((value, label), fits): ((String, String), Vec<String>)| CodesChoice {
        choice: Choice { selected: value == chosen, value, label },
        fits: fits.join(" "),
    };
    all.into_iter().map(choice).collect()
}

pub(super) async fn devices_page(
    place: &Place,
    status: StatusCode,
    notice: Option<Notice>,
    begin: Begin,
) -> Result<Response, ApiError> {
    let actor = place.actor.clone();
    let (doubt, runs) = place
        .state
        .blocking(move |service| {
            service.sees_readers(&actor)?;
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
        codes: codes(place, &begin.codes),
        batch: begin.batch,
        count: begin.count,
        issuer: begin.issuer,
        touch: begin.touch,
        protect: begin.protect,
        replace: begin.replace,
    };
    Ok(html(status, &page))
}

/// All readers.
pub(super) async fn devices(place: Place) -> Response {
    let result = devices_page(&place, StatusCode::OK, None, Begin::default()).await;
    place.answer(result)
}

/// Begins a run on all readers.
pub(super) async fn begin(place: Place, form: Result<PageForm<Typed>, ApiError>) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let begin = Begin::of(&typed);
        let mut new = match new_run(&place, &begin) {
            Ok(new) => new,
            Err(error) => return not_begun(&place, error, begin).await,
        };
        let (offered, mut chosen) = chosen(&typed);
        if !offered.is_empty() && chosen.is_empty() {
            let error = ApiError::field("readers", "no_reader_chosen", "choose a reader for this run");
            return not_begun(&place, error, begin).await;
        }
        // All that there are are also those that come later: a key in a USB port is a reader that comes with it.
        if readers(&place).0.iter().all(|reader| chosen.contains(&reader.name)) {
            chosen.clear();
        }
        new.readers.clone_from(&chosen);
        let free = working_station(&place.state).and_then(|station| {
            require_readers(&station, &chosen)?;
            station.require_free(None, &chosen)?;
            Ok(station)
        });
        let station = match free {
            Ok(station) => station,
            Err(error) => return not_begun(&place, error, begin).await,
        };
        let actor = place.actor.clone();
        match place.state.blocking(move |service| service.start_run(&actor, new)).await {
            Ok(run) => {
                station.attend(run.id, &chosen, &place.actor)?;
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

/// The form again, with what is wrong at its field.
async fn not_begun(place: &Place, error: ApiError, mut begin: Begin) -> Result<Response, ApiError> {
    let problem = words::sentence(&error.message);
    let mut notice = None;
    match (error.field, error.code) {
        (Some("batch"), _) | (_, "batch_exists") => begin.batch.error = Some(problem),
        (Some("count"), _) => begin.count.error = Some(problem),
        (Some("issuer"), _) | (_, "issuer_not_expected") => begin.issuer.error = Some(problem),
        // Also without a service that watches readers: what was typed stays.
        _ if error.status.is_client_error() || error.status == StatusCode::SERVICE_UNAVAILABLE => {
            notice = Some(Notice::new(Tone::Bad, &Words::ENGLISH.text("tray-not-begun"), &problem));
        }
        _ => return Err(error),
    }
    devices_page(place, error.status, notice, begin).await
}

fn new_run(place: &Place, begin: &Begin) -> Result<NewRun, ApiError> {
    let count = begin.count.value.parse().map_err(|_| {
        ApiError::field("count", "count_range", "type how many devices there are, as a number")
    })?;
    let mut target = begin.target.split('/').map(str::to_owned);
    let mut codes = begin.codes.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
    let profile = target.next().unwrap_or_default();
    let application = target.next().unwrap_or_default();
    let settings = SettingsBody {
        kind: codes.next(),
        hash: codes.next(),
        digits: codes.next().and_then(|digits| digits.parse().ok()),
        step: codes.next().and_then(|step| step.parse().ok()),
        issuer: Some(begin.issuer.value.clone()),
        // Where there is neither, the form leaves both open.
        touch: Some(begin.touch && application == Application::Oath.name()),
        protect: (!begin.protect).then_some(false),
        replace: Some(begin.replace),
    };
    let body = RunBody {
        profile,
        application,
        slot: target.next().and_then(|slot| slot.parse().ok()),
        batch: begin.batch.value.clone(),
        count,
        readers: Vec::new(),
        settings,
    };
    run_settings::read(&place.state.profiles, body)
}
