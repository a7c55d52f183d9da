//! What all pages share: their frame, rendering, and problems as pages.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::auth::Caller;
use super::error::{ApiError, ErrorMark};
use super::page::{Flash, Message, Notice, Page, SignedIn, Tone, asset};
use super::request_id::RequestId;
use super::state::AppState;
use super::words;

/// The words of the banner of a store that is not a real one.
fn store_mark(state: &AppState) -> Option<String> {
    let meta = state.service.meta();
    if meta.demo {
        Some("Demonstration: the tokens and people in this store are invented.".to_owned())
    } else if meta.simulated {
        Some("Rehearsal: readers and tokens of this store are simulated.".to_owned())
    } else {
        None
    }
}

/// The frame of a page on which nobody is named.
pub fn nameless(state: &AppState, caller: &Caller, title: &str, nav: &'static str) -> Page {
    Page {
        title: title.to_owned(),
        asset_version: asset::version().to_owned(),
        store_mark: store_mark(state),
        form_token: caller.form_token.clone(),
        nav,
        ..Page::default()
    }
}

/// User issues that the corner counts one by one.
const MOST_COUNTED: usize = 99;

/// The frame of a page for operators.
pub fn page(state: &AppState, caller: &Caller, title: &str, nav: &'static str) -> Page {
    let signed_in = caller.actor.as_ref().map(|actor| SignedIn {
        name: caller.operator.as_ref().map_or_else(|| actor.label(), |o| o.login.as_str().to_owned()),
        role: actor.role.map_or("", crate::model::Role::name).to_owned(),
        form_token: caller.form_token.clone(),
    });
    let role = caller.actor.as_ref().and_then(|actor| actor.role);
    // A few records: handing this to another thread would take longer than the look.
    let count = |actor| state.service.open_user_issues(actor, MOST_COUNTED).unwrap_or_default();
    let open_issues = caller.actor.as_ref().map_or(0, count);
    Page { signed_in, role, open_issues, ..nameless(state, caller, title, nav) }
}

/// What `?done=` may say: a word of this table, never text from the address.
const DONE: &[(&str, &str)] = &[
    ("import-dropped", "The plan was dropped. Nothing was stored."),
    ("import-undone", "The import was taken back."),
    ("batch-assigned", "The tokens stand on the resource now."),
    ("batch-unassigned", "The tokens were taken back."),
    ("token-enabled", "The token is enabled."),
    ("token-disabled", "The token is disabled. Its codes stopped working."),
    ("custody", "Noted."),
    ("pin-removed", "The PIN is gone. The code alone is enough now; the user was told."),
    ("resource-added", "The resource is there."),
    ("assigned", "Assigned."),
    ("unassigned", "The assignment was taken away."),
    ("portal-on", "Self-Service is on."),
    ("portal-off", "Self-Service is off. Everybody there was signed out."),
    ("portal-changed", "Saved."),
    ("user-added", "The user is there."),
    ("user-changed", "Saved."),
    ("user-unblocked", "The user is unblocked."),
    ("issue-approved", "Approved. The user can sign in with what is in force now."),
    ("issue-link", "A new link is on its way to the new address. It works for one day."),
    ("issue-first", "Noted. Another operator must verify this request, too."),
    ("issue-waits", "Noted. The request takes effect after its wait; whoever reads the old e-mail was told."),
    ("issue-deleted", "The request is deleted."),
    ("code-revoked", "The emergency code works no longer."),
    ("operator-added", "The operator can sign in now."),
    ("reminded", "Reminders are on their way."),
    (
        "reminded-nobody",
        "Nobody was reminded: all were within a day, have confirmed, or have no mail address.",
    ),
    ("notification-added", "You will hear of it."),
    ("notification-removed", "Removed. Nothing more is sent for it."),
    ("notification-tried", "The trial is on its way. Load the page again to see how it went."),
    ("notification-waits", "One trial a minute. Wait a moment, then try again."),
    ("key-revoked", "The key was revoked. It stopped working."),
];

/// Puts the words for a finished step into the frame; an unknown word says nothing.
#[must_use]
pub fn with_done(mut page: Page, done: Option<&str>) -> Page {
    let known = done.and_then(|word| DONE.iter().find(|(name, _)| *name == word));
    page.flash = known.map(|(_, text)| Flash { kind: Tone::Good, text: (*text).to_owned() });
    page
}

/// Leads on after a finished step.
pub fn done(path: &str, word: &'static str) -> Response {
    Redirect::to(&format!("{path}?done={word}")).into_response()
}

/// A page as an answer.
pub fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            ApiError::unexpected().into_response()
        }
    }
}

/// Turns problem documents into pages, wherever people look at them.
pub async fn problems_as_pages(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let for_programs = ["/api/", "/assets/", "/healthz", "/readyz"].iter().any(|at| path.starts_with(at));
    let id = RequestId::of(&request);
    let response = next.run(request).await;
    let Some(mark) = response.extensions().get::<ErrorMark>().cloned().filter(|_| !for_programs) else {
        return response;
    };
    let status = response.status();
    // Whoever did something wrong is told what; an id helps where something went wrong here.
    let id = id.filter(|_| status.is_server_error());
    let mut page = message_page(&state, status, &mark, id.as_ref());
    let kept: [HeaderName; 2] = [header::RETRY_AFTER, header::SET_COOKIE];
    for name in kept {
        for value in response.headers().get_all(&name) {
            page.headers_mut().append(&name, value.clone());
        }
    }
    page
}

fn message_page(state: &AppState, status: StatusCode, mark: &ErrorMark, id: Option<&RequestId>) -> Response {
    let (title, text) = match status {
        StatusCode::NOT_FOUND => ("There is nothing here", words::sentence(&mark.message)),
        StatusCode::FORBIDDEN => ("This is not allowed", words::sentence(&mark.message)),
        StatusCode::UNAUTHORIZED => ("You are not signed in", "Sign in and try again.".to_owned()),
        StatusCode::TOO_MANY_REQUESTS => ("Not now", words::sentence(&mark.message)),
        status if status.is_server_error() => ("This did not work", words::sentence(&mark.message)),
        _ => ("Nothing was changed", words::sentence(&mark.message)),
    };
    let frame = Page {
        title: title.to_owned(),
        asset_version: asset::version().to_owned(),
        store_mark: store_mark(state),
        ..Page::default()
    };
    let message = Message {
        page: frame,
        notice: Notice::new(Tone::Neutral, title, &text),
        back: Some("/".to_owned()),
        back_label: "To the start".to_owned(),
        request_id: id.map(ToString::to_string).unwrap_or_default(),
    };
    html(status, &message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_of_the_table_are_said() {
        let said = |word| with_done(Page::default(), Some(word)).flash.map(|flash| flash.text);
        assert_eq!(said("custody").as_deref(), Some("Noted."));
        assert_eq!(said("<b>anything</b>"), None);
    }
}
