//! Sign-in and sign-out of operators.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::Fields;
use crate::http::auth::{Caller, Cookie};
use crate::http::error::ApiError;
use crate::http::extract::PageForm;
use crate::http::frame;
use crate::http::page::{Field, Notice, SignIn, Tone};
use crate::http::state::AppState;
use crate::model::{Login, Role};
use crate::secret::Passphrase;
use crate::words::Words;

fn home(role: Role) -> &'static str {
    match role {
        Role::Helpdesk | Role::Station => "/station",
        Role::Admin | Role::Auditor | Role::Verifier | Role::Provisioner => "/admin/batches",
    }
}

fn form(state: &AppState, caller: &Caller, login: &str, problem: Option<Notice>) -> SignIn {
    SignIn {
        page: frame::page(state, caller, &Words::ENGLISH.text("operator-sign-in"), ""),
        login: Field::of(login),
        password: Field::default(),
        problem,
    }
}

/// The sign-in page; who is signed in goes on to their place.
pub(super) async fn start(State(state): State<AppState>, caller: Caller) -> Result<Response, ApiError> {
    if let Some(role) = caller.actor.as_ref().and_then(|actor| actor.role) {
        return Ok(Redirect::to(home(role)).into_response());
    }
    Ok(frame::html(StatusCode::OK, &form(&state, &caller, "", None)))
}

/// Signs an operator in.
pub(super) async fn sign_in(
    State(state): State<AppState>,
    caller: Caller,
    PageForm(mut fields): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let typed = fields.get("login").to_owned();
    let password = Passphrase::from_text(fields.take("password"));
    let visit = caller.visit();
    let found = match Login::parse(&typed) {
        Ok(login) => state.blocking(move |service| service.operator_sign_in(&login, &password, &visit)).await,
        Err(_) => Ok(None),
    };
    let mut wait = None;
    let (status, problem) = match found {
        Ok(Some(cookie)) => {
            let secure = state.settings.secure;
            let set = [(header::SET_COOKIE, Cookie::Operator.write(Some(&cookie), secure))];
            return Ok((set, Redirect::to("/")).into_response());
        }
        Ok(None) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Notice::say(Tone::Bad, Words::ENGLISH, "operator-sign-in-wrong"),
        ),
        Err(error) if error.status == StatusCode::TOO_MANY_REQUESTS => {
            wait = error.retry_after_secs;
            (error.status, Notice::say(Tone::Attention, Words::ENGLISH, "operator-sign-in-wait"))
        }
        Err(error) => return Err(error),
    };
    let mut page = frame::html(status, &form(&state, &caller, &typed, Some(problem)));
    if let Some(secs) = wait {
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    Ok(page)
}

/// Ends the session.
pub(super) async fn sign_out(
    State(state): State<AppState>,
    headers: HeaderMap,
    PageForm(_): PageForm<Fields>,
) -> Result<Response, ApiError> {
    let secure = state.settings.secure;
    if let Some(cookie) = Cookie::Operator.read(&headers, secure) {
        state.blocking(move |service| service.sign_out(&cookie)).await?;
    }
    let clear = [(header::SET_COOKIE, Cookie::Operator.write(None, secure))];
    Ok((clear, Redirect::to("/")).into_response())
}
