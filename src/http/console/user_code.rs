//! Emergency codes on the page of a user.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::{Fields, login_of, user};
use crate::clock::UnixTime;
use crate::http::auth::{Acting, Caller};
use crate::http::error::ApiError;
use crate::http::extract::{PageForm, Path};
use crate::http::page::console::user::{Emergency, IssuedCode};
use crate::http::page::{Choice, Field, segment};
use crate::http::state::AppState;
use crate::http::{frame, words};
use crate::model::AssignmentKind;
use crate::service::{EMERGENCY_HOURS, EmergencyRequest, UserView};
use crate::words::Words;

/// How long a code may hold.
fn holds(chosen: &str) -> Vec<Choice> {
    let all = [
        ("1", "user-code-1-hour"),
        ("8", "user-code-8-hours"),
        ("24", "user-code-24-hours"),
        ("72", "user-code-3-days"),
        ("168", "user-code-7-days"),
    ];
    Choice::say(Words::ENGLISH, &all, chosen)
}

/// How often it may work.
fn works(chosen: &str) -> Vec<Choice> {
    Choice::say(Words::ENGLISH, &[("once", "user-code-once"), ("many", "user-code-many")], chosen)
}

/// What the page says and offers; nothing for a user who is asked for no token.
pub(super) fn section(user: &UserView, now: UnixTime) -> Option<Emergency> {
    let has_token = user.assignments.iter().any(|(_, kind, _)| *kind == AssignmentKind::TokenWithUser);
    let present = user.emergency.as_ref().map(|code| {
        let id = if code.once { "user-code-present-once" } else { "user-code-present-many" };
        let until = words::moment(code.until, now).words;
        Words::ENGLISH.with(id, &[("moment", until.into()), ("operator", code.by.as_str().into())])
    });
    (has_token || present.is_some()).then(|| Emergency {
        present,
        issued: None,
        note: Field::default(),
        hours: holds(&EMERGENCY_HOURS.to_string()),
        uses: works("once"),
        lost: false,
        problem: None,
    })
}

/// Issues a code and shows it, this once.
pub(super) async fn issue(
    State(state): State<AppState>,
    caller: Caller,
    Acting(actor): Acting,
    Path(login): Path<String>,
    PageForm(fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let login = login_of(&login)?;
    let (note, hours) =
        (fields.get("note").to_owned(), fields.get("hours").parse().unwrap_or(EMERGENCY_HOURS));
    let (once, token_lost) = (fields.get("uses") != "many", fields.is_true("lost"));
    let (acting, target) = (actor.clone(), login.clone());
    let issued = state.blocking(move |service| {
        let request = EmergencyRequest { note: &note, hours, once, token_lost };
        service.issue_emergency_code(&acting, &target, &request)
    });
    let issued = issued.await;
    let mut page = user::shown(&state, &caller, actor, &login, None, None).await?;
    let Some(emergency) = &mut page.emergency else {
        // Somebody took the last token off meanwhile, or there never was one: the page says no more than that.
        issued?;
        return Ok(frame::html(StatusCode::OK, &page));
    };
    let status = match issued {
        Ok(issued) => {
            let until = words::moment(issued.until, state.service.now()).words;
            emergency.issued = Some(IssuedCode { code: issued.code.as_str().to_owned(), until });
            StatusCode::OK
        }
        Err(error) if matches!(error.status, StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT) => {
            let problem = words::sentence(&error.message);
            emergency.hours = holds(fields.get("hours"));
            emergency.uses = works(fields.get("uses"));
            emergency.lost = token_lost;
            if error.field == Some("note") {
                emergency.note = Field::wrong(fields.get("note"), &problem);
            } else {
                emergency.note = Field::of(fields.get("note"));
                emergency.problem = Some(problem);
            }
            error.status
        }
        Err(error) => return Err(error),
    };
    Ok(frame::html(status, &page))
}

/// Takes a code back.
pub(super) async fn revoke(
    State(state): State<AppState>,
    Acting(actor): Acting,
    Path(login): Path<String>,
    PageForm(_): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let login = login_of(&login)?;
    let path = format!("/admin/users/{}", segment(login.as_str()));
    state.blocking(move |service| service.revoke_emergency_code(&actor, &login)).await?;
    Ok(frame::done(&path, "code-revoked"))
}
