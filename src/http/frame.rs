//! What all pages share: their frame, rendering, and problems as pages.

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::auth::Caller;
use super::error::{ApiError, ErrorMark};
use super::language;
use super::page::{Flash, Message, Notice, Page, SignedIn, Tone, asset};
use super::request_id::RequestId;
use super::state::AppState;
use super::words::problem;
use crate::words::Words;

/// The words of the banner of a store that is not a real one.
fn store_mark(state: &AppState, words: Words) -> Option<String> {
    let meta = state.service.meta();
    if meta.demo {
        Some(words.text("page-demonstration"))
    } else if meta.simulated {
        Some(words.text("page-rehearsal"))
    } else {
        None
    }
}

/// The frame of a page on which nobody is named.
pub fn nameless(state: &AppState, words: Words, caller: &Caller, title: &str, nav: &'static str) -> Page {
    Page {
        title: title.to_owned(),
        asset_version: asset::version().to_owned(),
        store_mark: store_mark(state, words),
        form_token: caller.form_token.clone(),
        nav,
        words,
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
    Page { signed_in, role, open_issues, ..nameless(state, Words::ENGLISH, caller, title, nav) }
}

/// What `?done=` may say, by the last words of these messages: never text from the address.
const DONE: &[&str] = &[
    "frame-done-import-dropped",
    "frame-done-import-undone",
    "frame-done-batch-assigned",
    "frame-done-batch-unassigned",
    "frame-done-token-enabled",
    "frame-done-token-disabled",
    "frame-done-custody",
    "frame-done-pin-removed",
    "frame-done-resource-added",
    "frame-done-assigned",
    "frame-done-unassigned",
    "frame-done-portal-on",
    "frame-done-portal-off",
    "frame-done-portal-changed",
    "frame-done-user-added",
    "frame-done-user-changed",
    "frame-done-user-unblocked",
    "frame-done-issue-approved",
    "frame-done-issue-link",
    "frame-done-issue-first",
    "frame-done-issue-waits",
    "frame-done-issue-deleted",
    "frame-done-code-revoked",
    "frame-done-operator-added",
    "frame-done-reminded",
    "frame-done-reminded-nobody",
    "frame-done-notification-added",
    "frame-done-notification-removed",
    "frame-done-notification-tried",
    "frame-done-notification-waits",
    "frame-done-key-revoked",
];

/// Puts the words for a finished step into the frame; an unknown word says nothing.
#[must_use]
pub fn with_done(mut page: Page, done: Option<&str>) -> Page {
    let known = DONE.iter().find(|id| id.strip_prefix("frame-done-") == done);
    page.flash = known.map(|id| Flash { kind: Tone::Good, text: page.say(id) });
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
    // Operators read English.
    let words = if path.starts_with("/selfservice/") {
        language::of_browser(request.headers())
    } else {
        Words::ENGLISH
    };
    let id = RequestId::of(&request);
    let response = next.run(request).await;
    let Some(mark) = response.extensions().get::<ErrorMark>().cloned().filter(|_| !for_programs) else {
        return response;
    };
    let status = response.status();
    // Whoever did something wrong is told what; an id helps where something went wrong here.
    let id = id.filter(|_| status.is_server_error());
    let mut page = message_page(&state, words, status, &mark, id.as_ref());
    let kept: [HeaderName; 2] = [header::RETRY_AFTER, header::SET_COOKIE];
    for name in kept {
        for value in response.headers().get_all(&name) {
            page.headers_mut().append(&name, value.clone());
        }
    }
    page
}

fn message_page(
    state: &AppState,
    words: Words,
    status: StatusCode,
    mark: &ErrorMark,
    id: Option<&RequestId>,
) -> Response {
    let title = words.text(match status {
        StatusCode::NOT_FOUND => "page-nothing-here",
        StatusCode::FORBIDDEN => "page-not-allowed",
        StatusCode::UNAUTHORIZED => "page-not-signed-in",
        StatusCode::TOO_MANY_REQUESTS => "page-not-now",
        status if status.is_server_error() => "page-did-not-work",
        _ => "page-nothing-changed",
    });
    let text = if status == StatusCode::UNAUTHORIZED {
        words.text("page-not-signed-in.text")
    } else {
        problem(words, mark.code, &mark.message)
    };
    let frame = Page {
        title: title.clone(),
        asset_version: asset::version().to_owned(),
        store_mark: store_mark(state, words),
        words,
        ..Page::default()
    };
    let message = Message {
        page: frame,
        notice: Notice::new(Tone::Neutral, &title, &text),
        back: Some("/".to_owned()),
        back_label: words.text("page-to-start"),
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
        assert!(DONE.iter().all(|id| Words::has(id)));
    }
}
