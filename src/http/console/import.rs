//! Importing a seed file: upload, plan, commit.

use axum::extract::multipart::{self, MultipartError};
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use zeroize::Zeroizing;

use super::{Asked, Fields, missing, typed};
use crate::http::auth::{Acting, Caller};
use crate::http::error::ApiError;
use crate::http::extract::{ApiQuery, PageForm, Path, check_form_token};
use crate::http::page::console::import as view;
use crate::http::page::{Badge, Choice, Field, Notice, Page, Pager, Tone, segment};
use crate::http::part::{self, PartFault};
use crate::http::state::AppState;
use crate::http::{UPLOAD_BYTES, frame, words};
use crate::model::{Actor, BatchName, Import, ImportContent, ImportId, ImportLine, ImportState, Verdict};
use crate::secret::{Passphrase, Seed};
use crate::seedfile::{Weakness, formats};
use crate::service::{ImportRequest, ImportView};

/// Field, label and choices of something that a file may not say.
type Setting = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const SETTINGS: [Setting; 5] = [
    ("kind", "Kind", &[("totp", "TOTP"), ("hotp", "HOTP"), ("ocra", "OCRA")]),
    ("hash", "Hash", &[("sha1", "SHA-1"), ("sha256", "SHA-256"), ("sha512", "SHA-512")]),
    ("digits", "Digits", &[("6", "6"), ("7", "7"), ("8", "8")]),
    ("step", "Step", &[("30", "30 s"), ("60", "60 s")]),
    ("encoding", "Secrets are written in", &[("hex", "Hex"), ("base32", "Base32"), ("base64", "Base64")]),
];

const fn weakness_words(weakness: Weakness) -> &'static str {
    match weakness {
        Weakness::ShortSecret => "Secrets of 80 to 111 bits",
        Weakness::TestSecret => "Secrets known from examples",
        Weakness::NoMac => "Encrypted files without a check value",
    }
}

/// What was typed beside a file, but for secrets.
#[derive(Default)]
struct Given {
    batch: Field,
    format: String,
    set: Vec<(String, String)>,
    allow: Vec<String>,
}

fn form(page: Page, given: Given, problem: Option<Notice>) -> view::ImportNew {
    let set = SETTINGS.iter().map(|(name, label, values)| {
        let selected = given.set.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
        let mut pairs = vec![("", "As the file says")];
        pairs.extend_from_slice(values);
        view::SetField {
            name: format!("set.{name}"),
            label: (*label).to_owned(),
            choices: Choice::list(&pairs, selected),
            field: Field::default(),
        }
    });
    let allow = Weakness::ALL.map(|weakness| Choice {
        value: weakness.name().to_owned(),
        label: weakness_words(weakness).to_owned(),
        selected: given.allow.iter().any(|name| name == weakness.name()),
    });
    let mut known = vec![("", "Recognise it")];
    known.extend(formats().iter().map(|format| (format.name, format.title)));
    view::ImportNew {
        page,
        problem,
        passphrase_asked: false,
        passphrase: Field::default(),
        more_open: !given.set.is_empty() || !given.allow.is_empty() || !given.format.is_empty(),
        formats: Choice::list(&known, &given.format),
        set: set.collect(),
        allow: allow.into(),
        batch: given.batch,
    }
}

/// The form for a file.
pub(super) async fn new(State(state): State<AppState>, caller: Caller) -> Result<Response, ApiError> {
    let page = frame::page(&state, &caller, "Import", "batches");
    Ok(frame::html(StatusCode::OK, &form(page, Given::default(), None)))
}

fn too_large() -> ApiError {
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", "the file is larger than 64 MiB")
}

fn broken(error: &MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    ApiError::new(StatusCode::BAD_REQUEST, "form_invalid", "the file did not arrive whole: send it again")
}

async fn bytes(field: &mut multipart::Field<'_>, most: usize) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    part::read(field, most).await.map_err(|fault| match fault {
        PartFault::TooLarge => too_large(),
        PartFault::Broken(error) => broken(&error),
    })
}

/// Reads the parts of the form. The token comes first: nothing is read for a foreign form.
async fn parts(mut body: Multipart, expected: &str) -> Result<ImportRequest, ApiError> {
    let mut request = ImportRequest {
        file_name: String::new(),
        bytes: Seed::new(Vec::new()),
        format: None,
        batch: None,
        passphrase: None,
        key: None,
        set: Vec::new(),
        allow: Vec::new(),
        commit: false,
        only_good: false,
        replace: false,
    };
    let mut trusted = false;
    while let Some(mut part) = body.next_field().await.map_err(|e| broken(&e))? {
        let name = part.name().unwrap_or_default().to_owned();
        if !trusted {
            let sent =
                if name == "form_token" { part.text().await.map_err(|e| broken(&e))? } else { String::new() };
            check_form_token(&sent, expected)?;
            trusted = true;
            continue;
        }
        if name == "file" {
            request.file_name = part.file_name().unwrap_or_default().chars().take(255).collect();
            request.bytes = Seed::new(std::mem::take(&mut *bytes(&mut part, UPLOAD_BYTES).await?));
            continue;
        }
        let mut raw = bytes(&mut part, UPLOAD_BYTES).await?;
        let Ok(text) = std::str::from_utf8(&raw) else {
            let message = "a field is not UTF-8 text: send the form again";
            return Err(ApiError::new(StatusCode::BAD_REQUEST, "form_invalid", message));
        };
        if text.trim().is_empty() {
            continue;
        }
        match name.as_str() {
            "passphrase" => request.passphrase = Some(Passphrase::new(std::mem::take(&mut *raw))),
            "key" => request.key = Some(Passphrase::new(std::mem::take(&mut *raw))),
            "batch" => {
                let named = BatchName::parse(text);
                let named = named.map_err(|e| ApiError::field("batch", "name_invalid", e.to_string()))?;
                request.batch = Some(named);
            }
            "format" => request.format = Some(text.trim().to_owned()),
            other => {
                if let Some(field) = other.strip_prefix("set.") {
                    request.set.push((field.to_owned(), text.trim().to_owned()));
                } else if let Some(weakness) = other.strip_prefix("allow.") {
                    request.allow.push(weakness.to_owned());
                }
            }
        }
    }
    check_form_token(if trusted { expected } else { "" }, expected)?;
    if request.bytes.is_empty() {
        return Err(ApiError::field("file", "file_missing", "choose the file that came with the tokens"));
    }
    Ok(request)
}

/// Takes a file and hands it to the worker that reads it.
pub(super) async fn upload(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    body: Multipart,
) -> Result<Response, ApiError> {
    let mut given = Given::default();
    let begun = match parts(body, &caller.form_token).await {
        Ok(request) => {
            given.batch = Field::of(request.batch.as_ref().map_or("", BatchName::as_str));
            given.format = request.format.clone().unwrap_or_default();
            given.set.clone_from(&request.set);
            given.allow.clone_from(&request.allow);
            state.blocking(move |service| service.begin_import(&actor, request)).await
        }
        Err(error) => Err(error),
    };
    match begun {
        Ok(task) => {
            let to = format!("/admin/import/{}", task.import.0);
            if !state.jobs.submit_import(task) {
                let message = "the program is ending: try again in a minute";
                return Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "ending", message));
            }
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) if matches!(error.status.as_u16(), 409 | 422) => {
            let text = words::sentence(&error.message);
            let problem = if error.field == Some("batch") || error.code == "batch_exists" {
                given.batch = typed(&error, "batch", &given.batch.value);
                given.batch.error = Some(text.clone());
                None
            } else {
                Some(text)
            };
            let problem = problem.map(|text| {
                let text = format!("{text} Choose the file again. Nothing has been stored.");
                Notice::new(Tone::Attention, "The file was not read.", &text)
            });
            let page = frame::page(&state, &caller, "Import", "batches");
            Ok(frame::html(StatusCode::UNPROCESSABLE_ENTITY, &form(page, given, problem)))
        }
        Err(error) => Err(error),
    }
}

fn line(line: &ImportLine) -> view::PlanLine {
    let number = |n: u64| if n == 0 { String::new() } else { n.to_string() };
    let verdict = match line.verdict {
        Verdict::New => Badge::with_icon(Tone::Good, "plus", "New"),
        Verdict::Identical => Badge::with_icon(Tone::Neutral, "check", "Already here"),
        Verdict::Conflict => Badge::new(Tone::Attention, "Conflict"),
        Verdict::Rejected => Badge::with_icon(Tone::Bad, "x", "Rejected"),
    };
    view::PlanLine {
        line: number(line.line),
        column: number(line.column),
        serial: line.serial.clone(),
        verdict,
        reason: words::sentence(&line.detail),
    }
}

fn ways(import: &Import) -> Vec<Choice> {
    let counts = import.counts;
    let way = |value: &str, label: String| Choice { value: value.to_owned(), label, selected: false };
    let mut ways = Vec::new();
    let tokens = words::counted(counts.new, "token");
    if counts.new > 0 {
        if counts.rejected == 0 && counts.conflicts == 0 {
            ways.push(way("all", format!("Import {tokens}")));
        } else {
            let good = match counts.new {
                1 => "Import the good one".to_owned(),
                many => format!("Import the {} good ones", words::count(many)),
            };
            ways.push(way("only_good", good));
        }
    }
    if counts.conflicts > 0 {
        let label =
            format!("Give {} the file's secret", words::counted(counts.conflicts, "conflicting token"));
        ways.push(way("replace", label));
    }
    ways
}

/// ", 12 TOTP tokens of Example Tokens T-60 and 3 HOTP tokens".
fn contents(found: &[ImportContent]) -> String {
    let sort = |content: &ImportContent| {
        let tokens = words::counted(content.tokens, &format!("{} token", content.kind.name().to_uppercase()));
        if content.model.is_empty() { tokens } else { format!("{tokens} of {}", content.model) }
    };
    match found.split_last() {
        None => String::new(),
        Some((last, [])) => format!(", {}", sort(last)),
        Some((last, rest)) => {
            let rest: Vec<String> = rest.iter().map(sort).collect();
            format!(", {} and {}", rest.join(", "), sort(last))
        }
    }
}

fn plan(found: &ImportView, now: crate::clock::UnixTime) -> view::Plan {
    let (import, counts) = (&found.import, found.import.counts);
    let mut badges = vec![Badge::with_icon(Tone::Good, "plus", &format!("{} new", words::count(counts.new)))];
    let rest = [
        (counts.identical, Tone::Neutral, "check", "already here"),
        (counts.conflicts, Tone::Attention, "triangle-alert", "in conflict"),
        (counts.rejected, Tone::Bad, "x", "rejected"),
    ];
    for (number, tone, icon, what) in rest.into_iter().filter(|(number, ..)| *number > 0) {
        badges.push(Badge::with_icon(tone, icon, &format!("{} {what}", words::count(number))));
    }
    let told: Vec<_> = badges.iter().map(|badge| badge.text.as_str()).collect();
    let title =
        formats().iter().find(|f| f.name == import.format).map_or(import.format.as_str(), |f| f.title);
    let envelope = match import.envelope.as_str() {
        "" | "none" => String::new(),
        "pskc_passphrase" => ", opened with its passphrase".to_owned(),
        "pskc_key" => ", opened with its key".to_owned(),
        other => format!(", {}", other.replace('_', " ")),
    };
    let tokens = contents(&import.contents);
    let until = words::moment(import.created_at.plus_secs(Import::PLAN_SECS), now);
    let more = counts.total() - counts.new > found.lines.len() as u64;
    view::Plan {
        sentence: format!("{title}{envelope}{tokens}: {}.", told.join(", ")),
        assumptions: import
            .notes
            .iter()
            .map(|(code, sentence)| view::Assumption {
                term: words::sentence(&code.replace('_', " ")).trim_end_matches('.').to_owned(),
                value: sentence.clone(),
                mark: Badge::new(Tone::Attention, "Assumed"),
            })
            .collect(),
        lines: found.lines.iter().map(line).collect(),
        pager: Pager {
            words: if more { "The first 1,000 lines are shown.".to_owned() } else { String::new() },
            ..Pager::default()
        },
        ways: ways(import),
        expires: format!("The plan is kept until {}.", until.words),
        counts: badges,
    }
}

fn ended(found: &ImportView) -> Notice {
    let why = found.lines.iter().find(|line| line.line == 0 || line.serial.is_empty());
    match why.filter(|line| line.verdict == Verdict::Rejected) {
        Some(line) => Notice::new(Tone::Bad, "Nothing was imported.", &words::sentence(&line.detail)),
        None => Notice::new(Tone::Neutral, "This import was dropped.", "None of its tokens is here."),
    }
}

async fn stage(state: &AppState, actor: &Actor, found: &ImportView) -> Result<view::Stage, ApiError> {
    let import = &found.import;
    Ok(match import.state {
        ImportState::Parsing => {
            let (id, actor) = (import.job, actor.clone());
            let job = state.blocking(move |service| service.job(&actor, id)).await;
            let (done, total) = job.map_or((0, 0), |job| (job.done, job.total));
            view::Stage::Parsing(view::ReadingJob { id: id.0.to_string(), done, total })
        }
        ImportState::Planned => view::Stage::Planned(plan(found, state.service.now())),
        ImportState::Committed { .. } if import.counts.new + import.counts.conflicts == 0 => {
            let here = words::counted(import.counts.identical, "token");
            let verb = if import.counts.identical == 1 { "is" } else { "are" };
            let text = format!("{here} {verb} here already.");
            view::Stage::Ended(Notice::new(Tone::Neutral, "Nothing to import.", &text))
        }
        ImportState::Committed { .. } => {
            let name = import.batch_name.as_str();
            let tokens = words::counted(import.counts.new, "token");
            let verb = if import.counts.new == 1 { "is" } else { "are" };
            view::Stage::Committed(view::Imported {
                title: format!("{tokens} {verb} here."),
                text: format!("Batch {name}."),
                assign_href: format!("/admin/batches/{}", segment(name)),
                sample_href: format!("/admin/tokens?batch={}", segment(name)),
                slips_href: None,
                undo: found.can_undo,
            })
        }
        ImportState::Dropped { .. } => view::Stage::Ended(ended(found)),
    })
}

fn number(text: &str) -> Result<ImportId, ApiError> {
    text.parse().map(ImportId).map_err(|_| missing("import"))
}

/// One import, at whatever stage.
pub(super) async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(id): Path<String>,
    ApiQuery(asked): ApiQuery<Asked>,
) -> Result<Response, ApiError> {
    let id = number(&id)?;
    let acting = actor.clone();
    let found = state.blocking(move |service| service.import(&acting, id)).await?;
    let page = frame::page(&state, &caller, "Import", "batches");
    let import = view::Import {
        page: frame::with_done(page, asked.done.as_deref()),
        id: id.0.to_string(),
        file_name: found.import.file_name.clone(),
        stage: stage(&state, &actor, &found).await?,
    };
    Ok(frame::html(StatusCode::OK, &import))
}

/// Makes a plan real, in the way that the form names.
pub(super) async fn commit(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(id): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let id = number(&id)?;
    let (only_good, replace) = match fields.get("mode") {
        "all" => (false, false),
        "only_good" => (true, false),
        "replace" => (true, true),
        _ => return Err(ApiError::field("mode", "mode_unknown", "choose how to import")),
    };
    state.blocking(move |service| service.commit_import(&actor, id, Some(only_good), Some(replace))).await?;
    Ok(Redirect::to(&format!("/admin/import/{}", id.0)).into_response())
}

/// Drops a plan, or takes a committed import back.
pub(super) async fn discard(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(id): Path<String>,
    PageForm(_): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let id = number(&id)?;
    let undone = state
        .blocking(move |service| {
            let committed = service.import(&actor, id)?.import.state.is_committed();
            service.drop_import(&actor, id).map(|()| committed)
        })
        .await?;
    Ok(frame::done("/admin/batches", if undone { "import-undone" } else { "import-dropped" }))
}
