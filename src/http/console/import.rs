//! Importing a seed file: upload, plan, commit.

use axum::extract::multipart::{self, MultipartError};
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use zeroize::Zeroizing;

use super::token::padding_words;
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
use crate::oath::SessionPadding;
use crate::secret::{Passphrase, Seed};
use crate::seedfile::{Weakness, formats};
use crate::service::{ImportRequest, ImportView};
use crate::words::Words;

/// Field, label's message and choices of something that a file may not say.
type Setting = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const SETTINGS: [Setting; 5] = [
    ("kind", "import-kind", &[("totp", "TOTP"), ("hotp", "HOTP"), ("ocra", "OCRA")]),
    ("hash", "import-hash", &[("sha1", "SHA-1"), ("sha256", "SHA-256"), ("sha512", "SHA-512")]),
    ("digits", "import-digits", &[("6", "6"), ("7", "7"), ("8", "8")]),
    ("step", "import-step", &[("30", "30 s"), ("60", "60 s")]),
    ("encoding", "import-encoding", &[("hex", "Hex"), ("base32", "Base32"), ("base64", "Base64")]),
];

fn weakness_words(weakness: Weakness) -> String {
    Words::ENGLISH.text(match weakness {
        Weakness::ShortSecret => "import-allow-short",
        Weakness::TestSecret => "import-allow-test",
        Weakness::NoMac => "import-allow-unchecked",
    })
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
    let as_file_says = Words::ENGLISH.text("import-as-file-says");
    let chosen =
        |name: &str| given.set.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let set = SETTINGS.iter().map(|(name, label, values)| {
        let mut pairs = vec![("", as_file_says.as_str())];
        pairs.extend_from_slice(values);
        view::SetField {
            name: format!("set.{name}"),
            label: Words::ENGLISH.text(label),
            choices: Choice::list(&pairs, chosen(name)),
            field: Field::default(),
        }
    });
    // No file says it.
    let unsaid = Words::ENGLISH.text("import-session-padding.unsaid");
    let sides = SessionPadding::ALL.map(|padding| (padding.name(), padding_words(padding)));
    let mut pairs = vec![("", unsaid.as_str())];
    pairs.extend(sides.iter().map(|(name, label)| (*name, label.as_str())));
    let padding = view::SetField {
        name: "set.session_padding".to_owned(),
        label: Words::ENGLISH.text("import-session-padding"),
        choices: Choice::list(&pairs, chosen("session_padding")),
        field: Field::default(),
    };
    let allow = Weakness::ALL.map(|weakness| Choice {
        value: weakness.name().to_owned(),
        label: weakness_words(weakness),
        selected: given.allow.iter().any(|name| name == weakness.name()),
    });
    let recognise = Words::ENGLISH.text("import-recognise");
    let mut known = vec![("", recognise.as_str())];
    known.extend(formats().iter().map(|format| (format.name, format.title)));
    view::ImportNew {
        page,
        problem,
        passphrase_asked: false,
        passphrase: Field::default(),
        more_open: !given.set.is_empty() || !given.allow.is_empty() || !given.format.is_empty(),
        formats: Choice::list(&known, &given.format),
        set: set.chain([padding]).collect(),
        allow: allow.into(),
        batch: given.batch,
    }
}

fn frame_of(state: &AppState, caller: &Caller) -> Page {
    frame::page(state, caller, &Words::ENGLISH.text("import-title"), "batches")
}

/// The form for a file.
pub(super) async fn new(State(state): State<AppState>, caller: Caller) -> Result<Response, ApiError> {
    let page = frame_of(&state, &caller);
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
    let mut request = ImportRequest::new(String::new(), Seed::new(Vec::new()));
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
                let problem = ("problem", text.into());
                Notice::tell(Tone::Attention, Words::ENGLISH, "import-not-read", &[problem])
            });
            let page = frame_of(&state, &caller);
            Ok(frame::html(StatusCode::UNPROCESSABLE_ENTITY, &form(page, given, problem)))
        }
        Err(error) => Err(error),
    }
}

fn line(line: &ImportLine) -> view::PlanLine {
    let number = |n: u64| if n == 0 { String::new() } else { n.to_string() };
    let (tone, icon, word) = match line.verdict {
        Verdict::New => (Tone::Good, "plus", "import-new"),
        Verdict::Identical => (Tone::Neutral, "check", "import-identical"),
        Verdict::Conflict => (Tone::Attention, Tone::Attention.icon(), "import-conflict"),
        Verdict::Rejected => (Tone::Bad, "x", "import-rejected"),
    };
    view::PlanLine {
        line: number(line.line),
        column: number(line.column),
        serial: line.serial.clone(),
        verdict: Badge::with_icon(tone, icon, &Words::ENGLISH.text(word)),
        reason: words::sentence(&line.detail),
    }
}

fn ways(import: &Import) -> Vec<Choice> {
    let counts = import.counts;
    let way = |value: &str, id, tokens| Choice {
        value: value.to_owned(),
        label: Words::ENGLISH.with(id, &words::plural(tokens)),
        selected: false,
    };
    let mut ways = Vec::new();
    if counts.new > 0 {
        ways.push(if counts.rejected == 0 && counts.conflicts == 0 {
            way("all", "import-all", counts.new)
        } else {
            way("only_good", "import-good", counts.new)
        });
    }
    if counts.conflicts > 0 {
        ways.push(way("replace", "import-replace", counts.conflicts));
    }
    ways
}

/// "12 TOTP tokens of Example Tokens T-60 and 3 HOTP tokens"; nothing when the file holds none.
fn contents(found: &[ImportContent]) -> Option<String> {
    let sort = |content: &ImportContent| {
        let [count, shown] = words::plural(content.tokens);
        let kind = ("kind", content.kind.name().to_uppercase().into());
        let tokens = Words::ENGLISH.with("import-sort", &[count, shown, kind]);
        if content.model.is_empty() {
            return tokens;
        }
        let of_model = [("tokens", tokens.into()), ("model", content.model.as_str().into())];
        Words::ENGLISH.with("import-sort-of-model", &of_model)
    };
    let (last, others) = found.split_last()?;
    if others.is_empty() {
        return Some(sort(last));
    }
    let others = others.iter().map(sort).collect::<Vec<_>>().join(", ");
    Some(Words::ENGLISH.with("import-sorts", &[("others", others.into()), ("last", sort(last).into())]))
}

fn plan(found: &ImportView, now: crate::clock::UnixTime) -> view::Plan {
    let (import, counts) = (&found.import, found.import.counts);
    let badge = |(number, tone, icon, id): (u64, Tone, _, _)| {
        let count = ("count", words::count(number).into());
        Badge::with_icon(tone, icon, &Words::ENGLISH.with(id, &[count]))
    };
    let mut badges = vec![badge((counts.new, Tone::Good, "plus", "import-count-new"))];
    let rest = [
        (counts.identical, Tone::Neutral, "check", "import-count-identical"),
        (counts.conflicts, Tone::Attention, "triangle-alert", "import-count-conflicts"),
        (counts.rejected, Tone::Bad, "x", "import-count-rejected"),
    ];
    badges.extend(rest.into_iter().filter(|(number, ..)| *number > 0).map(badge));
    let told: Vec<_> = badges.iter().map(|badge| badge.text.as_str()).collect();
    let title =
        formats().iter().find(|f| f.name == import.format).map_or(import.format.as_str(), |f| f.title);
    let envelope = match import.envelope.as_str() {
        "" | "none" => None,
        "pskc_passphrase" => Some(Words::ENGLISH.text("import-by-passphrase")),
        "pskc_key" => Some(Words::ENGLISH.text("import-by-key")),
        other => Some(other.replace('_', " ")),
    };
    let parts = [Some(title.to_owned()), envelope, contents(&import.contents)];
    let file = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let until = words::moment(import.created_at.plus_secs(Import::PLAN_SECS), now);
    let more = counts.total() - counts.new > found.lines.len() as u64;
    view::Plan {
        sentence: Words::ENGLISH
            .with("import-plan", &[("file", file.into()), ("counts", told.join(", ").into())]),
        assumptions: import
            .notes
            .iter()
            .map(|(code, sentence)| view::Assumption {
                term: words::sentence(&code.replace('_', " ")).trim_end_matches('.').to_owned(),
                value: sentence.clone(),
                mark: Badge::new(Tone::Attention, &Words::ENGLISH.text("import-assumed")),
            })
            .collect(),
        lines: found.lines.iter().map(line).collect(),
        pager: Pager {
            words: if more { Words::ENGLISH.text("import-first-lines") } else { String::new() },
            ..Pager::default()
        },
        ways: ways(import),
        expires: Words::ENGLISH.with("import-kept-until", &[("until", until.words.into())]),
        counts: badges,
    }
}

fn ended(found: &ImportView) -> Notice {
    let why = found.lines.iter().find(|line| line.line == 0 || line.serial.is_empty());
    match why.filter(|line| line.verdict == Verdict::Rejected) {
        Some(line) => {
            Notice::new(Tone::Bad, &Words::ENGLISH.text("import-failed"), &words::sentence(&line.detail))
        }
        None => Notice::say(Tone::Neutral, Words::ENGLISH, "import-gone"),
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
            let here = words::plural(import.counts.identical);
            view::Stage::Ended(Notice::tell(Tone::Neutral, Words::ENGLISH, "import-nothing-new", &here))
        }
        ImportState::Committed { .. } => {
            let name = import.batch_name.as_str();
            view::Stage::Committed(view::Imported {
                title: Words::ENGLISH.with("import-done", &words::plural(import.counts.new)),
                text: Words::ENGLISH.with("import-done.text", &[("batch", name.into())]),
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
    let page = frame_of(&state, &caller);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TokenKind;

    #[test]
    fn what_a_file_holds_is_told_sort_by_sort() {
        let sort = |kind, model: &str, tokens| ImportContent { kind, model: model.to_owned(), tokens };
        let sorts = [
            sort(TokenKind::Totp, "Example T-60", 1_240),
            sort(TokenKind::Hotp, "", 1),
            sort(TokenKind::Ocra, "", 2),
        ];
        let told = |sorts: &[ImportContent]| contents(sorts).unwrap_or_default();
        assert_eq!(told(&[]), "");
        assert_eq!(told(&sorts[..1]), "1,240 TOTP tokens of Example T-60");
        assert_eq!(told(&sorts), "1,240 TOTP tokens of Example T-60, 1 HOTP token and 2 OCRA tokens");
    }
}
