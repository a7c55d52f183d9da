//! Who stands at the station, and its answers.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::http::auth::{Acting, Caller};
use crate::http::error::ApiError;
use crate::http::frame::{self, html};
use crate::http::page::{Message, Notice, Page, Tone, segment};
use crate::http::state::AppState;
use crate::http::words;
use crate::model::{Actor, TokenSerial};
use crate::words::Words;

/// Somebody of the staff at a desk.
pub(super) struct Place {
    pub(super) state: AppState,
    caller: Caller,
    pub(super) actor: Actor,
}

impl FromRequestParts<AppState> for Place {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        let Acting(actor) =
            Acting::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        Ok(Self { state: state.clone(), caller, actor })
    }
}

impl Place {
    /// The frame of a page.
    pub(super) fn page(&self, title: &str) -> Page {
        // A proxy that keeps its people to itself says nothing of where they are.
        let here = self.caller.address.is_loopback() && !self.caller.behind_proxy;
        let scans = super::scan::scans(self, here).map(Box::new);
        Page { scans, ..frame::page(&self.state, &self.caller, title, "station") }
    }

    /// On to the page of a token.
    pub(super) fn go_to_token(serial: &str) -> Response {
        Redirect::to(&format!("/station/token/{}", segment(serial))).into_response()
    }

    /// On to the page of a token that is to be handed out to somebody.
    pub(super) fn go_to_hand_out(serial: &str, login: &str) -> Response {
        let address = format!("/station/token/{}?for={}", segment(serial), segment(login));
        Redirect::to(&address).into_response()
    }

    /// On to the page of a person.
    pub(super) fn go_to_person(login: &str) -> Response {
        Redirect::to(&format!("/station/person/{}", segment(login))).into_response()
    }

    /// A result as an answer: errors become pages.
    pub(super) fn answer(&self, result: Result<Response, ApiError>) -> Response {
        match result {
            Ok(response) => response,
            Err(error) => self.said(&error),
        }
    }

    fn said(&self, error: &ApiError) -> Response {
        let title = Words::ENGLISH.text(match error.status {
            StatusCode::NOT_FOUND => "station-no-such",
            StatusCode::FORBIDDEN => "station-refused",
            StatusCode::TOO_MANY_REQUESTS => "station-too-many",
            StatusCode::INTERNAL_SERVER_ERROR => "station-fault",
            _ => "station-not-now",
        });
        let page = Message {
            page: self.page(&title),
            notice: Notice::new(Tone::Bad, &title, &words::sentence(&error.message)),
            back: Some("/station".into()),
            back_label: Words::ENGLISH.text("station-back"),
            request_id: String::new(),
        };
        let mut response = html(error.status, &page);
        if let Some(secs) = error.retry_after_secs {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response
    }
}

/// The serial of an address.
pub(super) fn serial_of(text: &str) -> Result<TokenSerial, ApiError> {
    TokenSerial::parse(text)
        .map_err(|_| ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is no token of this serial"))
}
