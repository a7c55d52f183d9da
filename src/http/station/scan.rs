//! What was scanned or laid on a reader: which page may act on it, and what it leads to.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::place::Place;
use crate::device::discover::{Family, Found};
use crate::device::scanner::{Content, Label, Range, Unreadable, read};
use crate::http::codes::Typed;
use crate::http::error::ApiError;
use crate::http::extract::{PageForm, Path};
use crate::http::page::station::{BoxLabel, ScannerLine, Scans};
use crate::http::page::{Choice, Notice, Tone};
use crate::http::permission::Permission;
use crate::http::words;
use crate::jobs::scanners::{NotTaken, Said, Scanned, Source};
use crate::model::{Token, TokenSerial, User};
use crate::words::Words;

/// Matches that a list shows.
pub(super) const MATCHES: usize = 20;
/// Tokens of a box that are counted.
const MOST_IN_BOX: usize = 10_000;
/// Numbers of a label that are looked up.
const MOST_ON_LABEL: usize = 128;

/// The scanners of this machine for a page; `here`: its browser runs on this machine, too.
pub(super) fn scans(place: &Place, here: bool) -> Option<Scans> {
    place.actor.role.is_none_or(|role| Permission::Scan.allows(role)).then_some(())?;
    let (_, scanners) = place.state.jobs.scanners()?.now();
    // One who stands here takes what there is; of several scanners somebody chooses.
    let default = if here && scanners.len() < 2 { "all" } else { "" };
    let said = |id| Words::ENGLISH.text(id);
    let choice = |value: String, label| Choice { selected: value == default, value, label };
    let mut choices = vec![
        choice(String::new(), said("scan-from-nothing")),
        choice("all".to_owned(), said("scan-from-all")),
    ];
    for scanner in &scanners {
        let name = ("name", scanner.name.as_str().into());
        choices.push(choice(format!("scanner:{}", scanner.name), Words::ENGLISH.with("scan-from", &[name])));
    }
    choices.push(choice("reader".to_owned(), said("scan-from-readers")));
    let line = |scanner: &crate::jobs::scanners::ScannerNow| {
        let named = |id| Words::ENGLISH.with(id, &[("name", scanner.name.as_str().into())]);
        ScannerLine {
            name: scanner.name.clone(),
            is_connected: scanner.is_connected,
            connected: named("scan-connected"),
            absent: named("scan-absent"),
            trouble: scanner.trouble.as_deref().map(words::sentence).unwrap_or_default(),
        }
    };
    Some(Scans { default, lines: scanners.iter().map(line).collect(), choices })
}

/// A page asks for a scan, to act on it: 204 for the first, 409 for all others.
pub(super) async fn take(
    place: Place,
    Path(n): Path<String>,
    form: Result<PageForm<Typed>, ApiError>,
) -> Result<Response, ApiError> {
    form?;
    let refused = |status, code, message: &str| Err(ApiError::new(status, code, message));
    let unknown = || refused(StatusCode::NOT_FOUND, "not_found", "there is no scan of this number");
    let (Some(scanners), Ok(n)) = (place.state.jobs.scanners(), n.parse()) else { return unknown() };
    // What lies on readers is for whom the whole inventory is.
    let is_of_reader = scanners.get(n).is_some_and(|scanned| matches!(scanned.source, Source::Reader(_)));
    if is_of_reader {
        place.state.service.sees_readers(&place.actor)?;
    }
    match scanners.take(n) {
        Ok(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(NotTaken::Unknown) => unknown(),
        Err(NotTaken::Taken) => {
            refused(StatusCode::CONFLICT, "scan_taken", "another page has acted on this scan")
        }
        Err(NotTaken::Old) => {
            refused(StatusCode::CONFLICT, "scan_old", "this scan lies too far back: scan it again")
        }
    }
}

/// The scan that a page filled its field with: a number alone proves nothing, so the text must be the same.
pub(super) fn scanned(place: &Place, typed: &Typed) -> Option<Scanned> {
    let n = typed.text("scan").parse().ok()?;
    let scanned = place.state.jobs.scanners()?.get(n)?;
    let same = scanned.text().is_some_and(|text| flat(text) == flat(typed.text("find")));
    same.then_some(scanned)
}

/// A text as a field of one line gives it back.
fn flat(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\n' | '\r')).collect()
}

/// What a text leads to.
pub(super) enum Answer {
    /// People and tokens that fit.
    Found(Vec<User>, Vec<Token>),
    /// The label of a box.
    Box(BoxLabel),
    /// Nothing here fits; in words what it is.
    Nothing(String),
    /// A device that belongs to no token.
    UnknownChip(Notice),
    /// It is not looked up, and not shown again.
    Refused(String),
}

async fn search(place: &Place, text: &str) -> Result<(Vec<User>, Vec<Token>), ApiError> {
    let (actor, text) = (place.actor.clone(), text.to_owned());
    place.state.blocking(move |service| service.search(&actor, &text, MATCHES)).await
}

/// Looks up what was typed or scanned. People mean what they type to be completed; what a machine read is the whole number, so
/// a token that merely begins or ends with it is another one.
pub(super) async fn look_up(
    place: &Place,
    text: &str,
    scanned: Option<&Scanned>,
) -> Result<Answer, ApiError> {
    let source = match scanned.map(|scanned| &scanned.said) {
        // Lines of a list were lost in the field.
        Some(Said::Text(whole)) => whole.as_str(),
        _ => text,
    };
    let reading = match read(source) {
        Err(secret @ Unreadable::Secret) => return Ok(Answer::Refused(words::sentence(&secret.to_string()))),
        reading => reading,
    };
    if scanned.is_none() {
        let (people, tokens) = search(place, text).await?;
        if !(people.is_empty() && tokens.is_empty()) {
            return Ok(Answer::Found(people, tokens));
        }
    }
    let nothing = || Answer::Nothing(Words::ENGLISH.text("station-find-nothing"));
    match reading.map(|reading| reading.content) {
        Ok(Content::Serial(serial) | Content::Label(Label { serial: Some(serial), .. })) => {
            let (people, tokens) = search(place, &serial).await?;
            let Some(scanned) = scanned else { return Ok(found(people, tokens).unwrap_or_else(nothing)) };
            let tokens = tokens.into_iter().filter(|token| is_of(token, &serial)).collect();
            let people = match scanned.source {
                Source::Scanner(_) => {
                    people.into_iter().filter(|user| user.login.as_str() == serial).collect()
                }
                Source::Reader(_) => Vec::new(),
            };
            Ok(found(people, tokens).unwrap_or_else(|| match (&scanned.said, &scanned.source) {
                (Said::Chip { found, .. }, Source::Reader(reader)) => {
                    unknown_chip(place, found, &serial, reader)
                }
                _ => Answer::Nothing(Words::ENGLISH.with("scan-no-token", &[("serial", serial.into())])),
            }))
        }
        Ok(Content::Label(label)) => Ok(Answer::Nothing(label_words(&label))),
        Ok(Content::Range(range)) => {
            // A number with a dash in it looks like one.
            let whole = source.trim();
            let (_, tokens) = search(place, whole).await?;
            let tokens: Vec<Token> = tokens.into_iter().filter(|token| is_of(token, whole)).collect();
            match found(Vec::new(), tokens) {
                Some(answer) => Ok(answer),
                None => in_range(place, &range).await,
            }
        }
        Ok(Content::List(serials)) => on_label(place, serials).await,
        Ok(Content::Text(again)) => {
            let (mut people, mut tokens) = search(place, &again).await?;
            if scanned.is_some() {
                people.retain(|user| user.login.as_str() == again);
                tokens.retain(|token| is_of(token, &again));
            }
            Ok(found(people, tokens).unwrap_or_else(nothing))
        }
        Err(Unreadable::Empty) => Ok(nothing()),
        Err(unreadable) => Ok(Answer::Nothing(words::sentence(&unreadable.to_string()))),
    }
}

fn found(people: Vec<User>, tokens: Vec<Token>) -> Option<Answer> {
    (!(people.is_empty() && tokens.is_empty())).then_some(Answer::Found(people, tokens))
}

/// Whether a token has this number, as its only or as one of several credentials of a device.
fn is_of(token: &Token, serial: &str) -> bool {
    let wanted = TokenSerial::normal_form(serial);
    token.serial.normal().strip_prefix(&wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// A label without a serial number.
fn label_words(label: &Label) -> String {
    let article = ("article", label.gtin.clone().unwrap_or_default().into());
    let batch = ("batch", label.batch.clone().unwrap_or_default().into());
    match (&label.gtin, &label.batch) {
        (Some(_), Some(_)) => Words::ENGLISH.with("scan-no-serial-batch", &[article, batch]),
        (Some(_), None) => Words::ENGLISH.with("scan-no-serial-article", &[article]),
        _ => Words::ENGLISH.text("scan-no-serial"),
    }
}

/// A device that belongs to no token: what it is, and what can be done.
fn unknown_chip(place: &Place, found: &Found, serial: &str, reader: &str) -> Answer {
    let what = match place.state.profiles.model_of(found) {
        Some(model) => model.full_name(),
        None if found.family == Family::Tag => Words::ENGLISH.text("tray-tag"),
        None => Words::ENGLISH.text("tray-unknown"),
    };
    let variables = [("what", what.into()), ("serial", serial.into()), ("reader", reader.into())];
    Answer::UnknownChip(Notice::tell(Tone::Attention, Words::ENGLISH, "scan-unknown-chip", &variables))
}

/// The tokens between the two numbers of a box. What is not here is not counted: not each number need exist.
async fn in_range(place: &Place, range: &Range) -> Result<Answer, ApiError> {
    let (actor, asked) = (place.actor.clone(), range.clone());
    let within = place.state.blocking(move |service| {
        service.tokens_in_range(&actor, &asked.stem(), &|serial| asked.holds(serial), MOST_IN_BOX)
    });
    let (tokens, is_cut) = within.await?;
    let ends = [("first", range.first().into()), ("last", range.last().into())];
    if tokens.is_empty() {
        return Ok(Answer::Nothing(Words::ENGLISH.with("scan-box-empty", &ends)));
    }
    let [count, shown] = words::plural(u64::try_from(tokens.len()).unwrap_or(u64::MAX));
    let mut notes = Vec::new();
    if is_cut {
        notes.push(Words::ENGLISH.text("scan-box-cut"));
    }
    Ok(Answer::Box(boxed(Words::ENGLISH.with("scan-box", &ends), &[count, shown], notes, &tokens)))
}

/// The tokens that a label names one by one.
async fn on_label(place: &Place, mut serials: Vec<String>) -> Result<Answer, ApiError> {
    let all = serials.len();
    serials.truncate(MOST_ON_LABEL);
    let actor = place.actor.clone();
    let read = place.state.blocking(move |service| {
        let (mut here, mut missing) = (Vec::new(), Vec::new());
        for serial in serials {
            let (_, tokens) = service.search(&actor, &serial, MATCHES)?;
            let mut own = tokens.into_iter().filter(|token| is_of(token, &serial)).peekable();
            if own.peek().is_none() {
                missing.push(serial);
            } else {
                here.extend(own);
            }
        }
        Ok((here, missing))
    });
    let (tokens, mut missing) = read.await?;
    let [count, shown] = words::plural(u64::try_from(tokens.len()).unwrap_or(u64::MAX));
    let mut notes = Vec::new();
    if !missing.is_empty() {
        let left = missing.len().saturating_sub(MATCHES);
        missing.truncate(MATCHES);
        if left > 0 {
            missing
                .push(Words::ENGLISH.with("scan-and-more", &words::plural(u64::try_from(left).unwrap_or(0))));
        }
        notes.push(Words::ENGLISH.with("scan-not-here", &[("serials", missing.join(", ").into())]));
    }
    let all = words::count(u64::try_from(all).unwrap_or(u64::MAX));
    let title = Words::ENGLISH.with("scan-list", &[("count", all.into())]);
    Ok(Answer::Box(boxed(title, &[count, shown], notes, &tokens)))
}

fn boxed(
    title: String,
    count: &[(&'static str, crate::words::Value<'static>); 2],
    mut notes: Vec<String>,
    tokens: &[Token],
) -> BoxLabel {
    let left = tokens.len().saturating_sub(MATCHES);
    if left > 0 {
        notes.push(
            Words::ENGLISH.with("scan-first-shown", &words::plural(u64::try_from(MATCHES).unwrap_or(0))),
        );
    }
    BoxLabel {
        title,
        count: words::count(u64::try_from(tokens.len()).unwrap_or(u64::MAX)),
        here: Words::ENGLISH.with("scan-here", count),
        notes,
        rows: tokens.iter().take(MATCHES).map(super::find::token_row).collect(),
    }
}
