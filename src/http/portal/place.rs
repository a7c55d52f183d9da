//! The portal that a request means, and the session that it brings.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use crate::http::auth::{Caller, Cookie};
use crate::http::codes::Typed;
use crate::http::error::ApiError;
use crate::http::extract::PageForm;
use crate::http::frame::{html, nameless as frame};
use crate::http::page::portal::{Closed, Portal, PortalLook};
use crate::http::page::{Notice, Page, SignedIn, Tone};
use crate::http::state::AppState;
use crate::model::{BrowserSays, Look, Resource, ResourceAlias, Visit};
use crate::secret::BearerToken;
use crate::service::{PortalSession, PortalState};

/// An open portal, and whoever is at its door.
pub(super) struct Place {
    pub(super) state: AppState,
    pub(super) caller: Caller,
    pub(super) alias: ResourceAlias,
    pub(super) resource: Resource,
    /// How its pages look.
    pub(super) look: Look,
    /// The session of the cookie, if it is alive.
    pub(super) session: Option<Arc<PortalSession>>,
    /// The cookie was sent, and its session has ended.
    pub(super) ended: bool,
    pub(super) query: String,
}

impl FromRequestParts<AppState> for Place {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let caller = Caller::from_request_parts(parts, state).await.map_err(IntoResponse::into_response)?;
        let typed = Path::<String>::from_request_parts(parts, state).await.map(|Path(alias)| alias);
        let alias = typed.ok().and_then(|alias| ResourceAlias::parse(&alias).ok());
        let Some(alias) = alias else { return Err(closed(state, &caller)) };
        let cookie = Cookie::Portal.read(&parts.headers, state.settings.secure);
        let sent = cookie.is_some();
        let wanted = alias.clone();
        let found = state.blocking(move |service| {
            let resource = service.open_portal(&wanted)?;
            let session = match &cookie {
                Some(cookie) => service.portal_session(&wanted, cookie)?,
                None => None,
            };
            Ok((resource, service.portal_look(&wanted)?, session))
        });
        let (resource, look, session) = match found.await {
            Ok(found) => found,
            Err(error) if error.status == StatusCode::NOT_FOUND => return Err(closed(state, &caller)),
            Err(error) => return Err(said(state, &caller, &nameless(), &error)),
        };
        let ended = sent && session.is_none();
        let query = parts.uri.query().unwrap_or_default().to_owned();
        let session = session.map(Arc::new);
        Ok(Self { state: state.clone(), caller, alias, resource, look, session, ended, query })
    }
}

/// Somebody who is signed in, on one of their pages.
pub(super) struct Inside {
    pub(super) place: Place,
    pub(super) session: Arc<PortalSession>,
}

impl FromRequestParts<AppState> for Inside {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Response> {
        let place = Place::from_request_parts(parts, state).await?;
        let session = place.at(PortalState::Full)?;
        Ok(Self { place, session })
    }
}

/// The same, with the form that they sent.
pub(super) struct Sent {
    pub(super) place: Place,
    pub(super) session: Arc<PortalSession>,
    pub(super) typed: Typed,
}

impl FromRequest<AppState> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let Inside { place, session } = Inside::from_request_parts(&mut parts, state).await?;
        match PageForm::from_request(Request::from_parts(parts, body), state).await {
            Ok(PageForm(typed)) => Ok(Self { place, session, typed }),
            Err(error) => Err(place.answer(Err(error))),
        }
    }
}

/// What the frame says while no portal is known.
fn nameless() -> Portal {
    Portal { alias: String::new(), resource: "Self-service".into(), help: None, look: PortalLook::default() }
}

/// The answer for a portal that is closed, and for one that never was.
fn closed(state: &AppState, caller: &Caller) -> Response {
    let page = Closed {
        page: frame(state, caller, "Nothing here", ""),
        portal: nameless(),
        notice: Notice::new(
            Tone::Neutral,
            "There is no self-service at this address",
            "Check the address that you were given, letter by letter, or ask whoever gave it to you.",
        ),
        again: None,
    };
    html(StatusCode::NOT_FOUND, &page)
}

/// An error as a page.
fn said(state: &AppState, caller: &Caller, portal: &Portal, error: &ApiError) -> Response {
    let (title, text) = match error.status {
        StatusCode::NOT_FOUND => {
            ("That is not possible here", "It was switched off, or there is nothing left to do.".to_owned())
        }
        StatusCode::FORBIDDEN => {
            ("This page is too old", "Load the page again and repeat what you did.".to_owned())
        }
        StatusCode::TOO_MANY_REQUESTS => {
            ("Too many tries at the same time", "Wait a moment and try again.".to_owned())
        }
        StatusCode::CONFLICT => {
            ("Something changed meanwhile", "Go back to your page and look again.".to_owned())
        }
        StatusCode::UNPROCESSABLE_ENTITY => {
            ("The form did not arrive whole", "Load the page again and repeat what you did.".to_owned())
        }
        _ => ("This does not work right now", "It is not your fault. Try again in a few minutes.".to_owned()),
    };
    let again = (!portal.alias.is_empty()).then(|| format!("/selfservice/{}/portal", portal.alias));
    let page = Closed {
        page: frame(state, caller, title, ""),
        portal: portal.clone(),
        notice: Notice::new(Tone::Bad, title, &text),
        again,
    };
    let mut response = html(error.status, &page);
    if let Some(secs) = error.retry_after_secs {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    }
    response
}

impl Place {
    /// What people call the resource here.
    pub(super) fn shown_name(&self) -> &str {
        self.look.shown_name.as_deref().unwrap_or(self.resource.name.as_str())
    }

    /// The portal as its pages show it.
    pub(super) fn portal(&self) -> Portal {
        let help = self.resource.portal.as_ref().map(|portal| portal.help_text.trim()).unwrap_or_default();
        Portal {
            alias: self.alias.as_str().to_owned(),
            resource: self.shown_name().to_owned(),
            look: super::look::of_frame(&self.look),
            help: (!help.is_empty()).then(|| help.to_owned()),
        }
    }

    /// The frame before the sign-in is complete.
    pub(super) fn outside(&self, title: &str) -> Page {
        frame(&self.state, &self.caller, title, "")
    }

    /// The frame of somebody who is signed in.
    pub(super) fn inside(&self, title: &str) -> Page {
        let user = self.session.as_ref().and_then(|session| session.user.as_ref());
        let signed_in = user.map(|user| SignedIn {
            name: user.login.as_str().to_owned(),
            role: String::new(),
            form_token: self.caller.form_token.clone(),
        });
        Page { signed_in, ..frame(&self.state, &self.caller, title, "home") }
    }

    /// An address below this portal.
    pub(super) fn path(&self, page: &str) -> String {
        format!("/selfservice/{}/{page}", self.alias.as_str())
    }

    /// On to another page.
    pub(super) fn go(&self, page: &str) -> Response {
        Redirect::to(&self.path(page)).into_response()
    }

    /// On to another page with another session.
    pub(super) fn go_with(&self, page: &str, cookie: Option<&BearerToken>) -> Response {
        self.with_cookie(self.go(page), cookie)
    }

    /// The same answer, which gives the browser another session.
    pub(super) fn with_cookie(&self, mut response: Response, cookie: Option<&BearerToken>) -> Response {
        let header = Cookie::Portal.write(cookie, self.state.settings.secure);
        response.headers_mut().append(header::SET_COOKIE, header);
        response
    }

    /// From where the request came, for the audit log and for limits.
    pub(super) fn visit(&self) -> Visit {
        self.caller.visit()
    }

    /// The same, with what the page's script found out of the browser.
    pub(super) fn visit_of(&self, time_zone: &str, screen: &str) -> Visit {
        let visit = self.visit();
        let says = BrowserSays { time_zone: time_zone.to_owned(), screen: screen.to_owned(), ..visit.says };
        Visit { says, ..visit }
    }

    /// The session, if the sign-in stands at this page; else the way to the page where it stands.
    #[expect(clippy::result_large_err, reason = "the error is the answer that is sent")]
    pub(super) fn at(&self, wanted: PortalState) -> Result<Arc<PortalSession>, Response> {
        match &self.session {
            None => Err(self.go("portal")),
            Some(session) if session.state() == wanted => Ok(Arc::clone(session)),
            Some(session) => Err(self.go(match session.state() {
                PortalState::LoginTyped => "verify",
                PortalState::OtpOwed => "otp",
                PortalState::CodeOwed => "unusual",
                PortalState::Full => "home",
            })),
        }
    }

    /// A result as an answer: errors become pages.
    pub(super) fn answer(&self, result: Result<Response, ApiError>) -> Response {
        match result {
            Ok(response) => response,
            // Another window went on with this sign-in, or it ended.
            Err(error) if error.code == "sign_in_order" => self.go("portal"),
            Err(error) => said(&self.state, &self.caller, &self.portal(), &error),
        }
    }
}
