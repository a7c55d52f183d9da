//! Importing users from a list: upload, plan, commit.
//!
//! The plan lies in the page: the file's text comes back with the commit, and the counts that were seen
//! with it. A plan that came out otherwise meanwhile is shown again instead of being done.

use axum::extract::multipart::{self, MultipartError};
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::auth::{Acting, Caller};
use crate::http::error::ApiError;
use crate::http::extract::check_form_token;
use crate::http::page::console::user_import as view;
use crate::http::page::{Badge, Choice, Notice, Pager, Tone};
use crate::http::part::{self, PartFault};
use crate::http::state::AppState;
use crate::http::{UPLOAD_BYTES, frame, words};
use crate::service::{
    OnConflict, UserImportCounts, UserImportLine, UserImportRequest, UserImportView, UserVerdict,
};
use crate::words::Words;

/// The parts of the form.
#[derive(Default)]
struct Sent {
    file_name: String,
    /// The file, or its text as the page of the plan sends it.
    list: Vec<u8>,
    fill: bool,
    /// `all`, `only_good`, `fill`; empty for a file.
    mode: String,
    seen: Option<UserImportCounts>,
}

fn page(state: &AppState, caller: &Caller, sent: &Sent, stage: view::UserStage) -> view::UserImport {
    view::UserImport {
        page: frame::page(state, caller, &Words::ENGLISH.text("users-import"), "users"),
        file_name: sent.file_name.clone(),
        problem: None,
        conflicts: view::UserImport::conflicts(conflict_name(sent.fill)),
        example: view::EXAMPLE,
        stage,
    }
}

const fn conflict_name(fill: bool) -> &'static str {
    if fill { "fill" } else { "fail" }
}

/// The form for a list.
pub(super) async fn new(State(state): State<AppState>, caller: Caller) -> Result<Response, ApiError> {
    Ok(frame::html(StatusCode::OK, &page(&state, &caller, &Sent::default(), view::UserStage::File)))
}

fn too_large() -> ApiError {
    let message = "the file is larger than 64 MiB: split it and import the parts";
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
}

fn broken(error: &MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    ApiError::new(StatusCode::BAD_REQUEST, "form_invalid", "the file did not arrive whole: send it again")
}

async fn bytes(field: &mut multipart::Field<'_>) -> Result<Vec<u8>, ApiError> {
    let read = part::read(field, UPLOAD_BYTES).await.map_err(|fault| match fault {
        PartFault::TooLarge => too_large(),
        PartFault::Broken(error) => broken(&error),
    });
    Ok(std::mem::take(&mut *read?))
}

fn counts(text: &str) -> Option<UserImportCounts> {
    let numbers: Vec<u64> = text.split(',').map(|n| n.parse().ok()).collect::<Option<_>>()?;
    let [new, identical, filled, conflicts, rejected] = numbers.try_into().ok()?;
    Some(UserImportCounts { new, identical, filled, conflicts, rejected })
}

fn told(counts: UserImportCounts) -> String {
    let UserImportCounts { new, identical, filled, conflicts, rejected } = counts;
    format!("{new},{identical},{filled},{conflicts},{rejected}")
}

/// Reads the parts of the form. The token comes first: nothing is read for a foreign form.
async fn parts(mut body: Multipart, expected: &str) -> Result<Sent, ApiError> {
    let mut sent = Sent::default();
    let mut trusted = false;
    while let Some(mut part) = body.next_field().await.map_err(|e| broken(&e))? {
        let name = part.name().unwrap_or_default().to_owned();
        let file_name = part.file_name().map(|name| name.chars().take(200).collect::<String>());
        let value = bytes(&mut part).await?;
        let text = || String::from_utf8_lossy(&value).trim().to_owned();
        if !trusted {
            let token = if name == "form_token" { text() } else { String::new() };
            check_form_token(&token, expected)?;
            trusted = true;
            continue;
        }
        match name.as_str() {
            "file" => (sent.file_name, sent.list) = (file_name.unwrap_or_default(), value),
            "list" => sent.list = value,
            "file_name" => sent.file_name = text().chars().take(200).collect(),
            "on_conflict" => sent.fill = text() == "fill",
            "mode" => sent.mode = text(),
            "seen" => sent.seen = counts(&text()),
            _ => {}
        }
    }
    check_form_token(if trusted { expected } else { "" }, expected)?;
    if sent.list.is_empty() && sent.file_name.is_empty() {
        return Err(ApiError::field("file", "file_missing", "choose the list of users"));
    }
    if !sent.mode.is_empty() && sent.seen.is_none() {
        return Err(ApiError::field("seen", "form_invalid", "the plan did not come back whole"));
    }
    Ok(sent)
}

fn line(line: &UserImportLine) -> view::UserPlanLine {
    let (tone, icon, id) = match line.verdict {
        UserVerdict::New => (Tone::Good, "plus", "users-import-new"),
        UserVerdict::Filled => (Tone::Good, "pencil", "users-import-filled"),
        UserVerdict::Identical => (Tone::Neutral, "check", "users-import-identical"),
        UserVerdict::Conflict => (Tone::Attention, "triangle-alert", "users-import-conflict"),
        UserVerdict::Rejected => (Tone::Bad, "x", "users-import-rejected"),
    };
    view::UserPlanLine {
        line: line.line.to_string(),
        column: if line.column == 0 { String::new() } else { line.column.to_string() },
        login: line.login.clone(),
        verdict: Badge::with_icon(tone, icon, &Words::ENGLISH.text(id)),
        reason: words::sentence(&line.detail),
    }
}

/// A message that chooses its words by a number and shows it.
fn counted(id: &str, variable: &'static str, number: u64) -> String {
    Words::ENGLISH.with(id, &[(variable, number.into()), ("shown", words::count(number).into())])
}

fn ways(counts: UserImportCounts, fill: bool) -> Vec<Choice> {
    let way = |value: &str, label: String| Choice { value: value.to_owned(), label, selected: false };
    let mut ways = Vec::new();
    let good = counts.new + counts.filled;
    if good > 0 {
        ways.push(if counts.conflicts + counts.rejected == 0 {
            let users = words::counted(good, "user").into();
            way("all", Words::ENGLISH.with("users-import-way-all", &[("users", users)]))
        } else {
            way("only_good", counted("users-import-way-good", "good", good))
        });
    }
    if counts.conflicts > 0 && !fill {
        ways.push(way("fill", Words::ENGLISH.text("users-import-way-fill")));
    }
    ways
}

fn plan(found: &UserImportView, sent: &Sent, list: String) -> view::UserPlan {
    let counts = found.counts;
    let all = [
        (counts.new, Tone::Good, "plus", "users-import-count-new"),
        (counts.filled, Tone::Good, "pencil", "users-import-count-filled"),
        (counts.identical, Tone::Neutral, "check", "users-import-count-identical"),
        (counts.conflicts, Tone::Attention, "triangle-alert", "users-import-count-conflicts"),
        (counts.rejected, Tone::Bad, "x", "users-import-count-rejected"),
    ];
    let badges: Vec<_> = all
        .into_iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, tone, icon, id)| {
            let count = [("count", words::count(number).into())];
            Badge::with_icon(tone, icon, &Words::ENGLISH.with(id, &count))
        })
        .collect();
    let said: Vec<_> = badges.iter().map(|badge| badge.text.as_str()).collect();
    let all_here = counts.identical == counts.total();
    let sentence = if all_here { "users-import-plan.nothing" } else { "users-import-plan" };
    let more = counts.total() - counts.new > found.lines.len() as u64;
    view::UserPlan {
        sentence: Words::ENGLISH.with(sentence, &[("counts", said.join(", ").into())]),
        counts: badges,
        lines: found.lines.iter().map(line).collect(),
        pager: Pager {
            words: if more { Words::ENGLISH.text("users-import-lines.more") } else { String::new() },
            ..Pager::default()
        },
        ways: ways(counts, sent.fill),
        on_conflict: conflict_name(sent.fill),
        seen: told(counts),
        list,
    }
}

fn done(counts: UserImportCounts) -> Notice {
    let title = counted("users-import-done", "new", counts.new);
    let mut text = Vec::new();
    if counts.filled > 0 {
        let users = words::counted(counts.filled, "user").into();
        text.push(Words::ENGLISH.with("users-import-done-filled", &[("users", users)]));
    }
    let left = counts.conflicts + counts.rejected;
    if left > 0 {
        text.push(counted("users-import-done-left", "left", left));
    }
    Notice::new(Tone::Good, &title, &text.join(" "))
}

/// Takes a list and shows its plan, or carries out the plan that was seen.
pub(super) async fn upload(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    body: Multipart,
) -> Result<Response, ApiError> {
    let (mut sent, read) = match parts(body, &caller.form_token).await {
        Ok(mut sent) => {
            let commit = match sent.mode.as_str() {
                "" => false,
                "fill" => {
                    sent.fill = true;
                    false
                }
                "all" | "only_good" => true,
                _ => return Err(ApiError::field("mode", "mode_unknown", "choose how to import")),
            };
            let request = UserImportRequest {
                bytes: std::mem::take(&mut sent.list),
                commit,
                only_good: sent.mode == "only_good",
                on_conflict: if sent.fill { OnConflict::Fill } else { OnConflict::Fail },
                expected: sent.seen,
            };
            let read = state
                .blocking(move |service| {
                    let view = service.import_users(&actor, &request)?;
                    Ok((service.user_list_text(&request.bytes)?, view, commit))
                })
                .await;
            (sent, read)
        }
        Err(error) => (Sent::default(), Err(error)),
    };
    match read {
        Ok((_, found, _)) if found.committed => {
            let stage = view::UserStage::Done(done(found.counts));
            Ok(frame::html(StatusCode::OK, &page(&state, &caller, &sent, stage)))
        }
        Ok((list, found, commit)) => {
            let stage = view::UserStage::Plan(plan(&found, &sent, list));
            let mut shown = page(&state, &caller, &sent, stage);
            if commit {
                shown.problem = Some(Notice::say(Tone::Attention, Words::ENGLISH, "users-import-changed"));
            }
            let status = if commit { StatusCode::CONFLICT } else { StatusCode::OK };
            Ok(frame::html(status, &shown))
        }
        Err(error) if matches!(error.status.as_u16(), 409 | 422) => {
            sent.file_name.clear();
            let problem = [("problem", words::sentence(&error.message).into())];
            let mut shown = page(&state, &caller, &sent, view::UserStage::File);
            shown.problem =
                Some(Notice::tell(Tone::Attention, Words::ENGLISH, "users-import-not-read", &problem));
            Ok(frame::html(StatusCode::UNPROCESSABLE_ENTITY, &shown))
        }
        Err(error) => Err(error),
    }
}
