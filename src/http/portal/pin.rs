//! The PIN beside the code, and giving a token back.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::actions::{done_page, not_offered, read_home};
use super::place::{Inside, Place, Sent};
use super::prove;
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::setup::{Pin as PinPage, Sure};
use crate::http::page::{Choice, Field};
use crate::model::{PinPlacement, PortalAction, SelfService};
use crate::secret::Pin;
use crate::service::{PortalHome, PortalSession};

/// Digits of the longest PIN that may be set.
fn most_digits(place: &Place) -> u8 {
    place.resource.portal.as_ref().map_or(*SelfService::PIN_LENGTHS.start(), |portal| portal.pin_length)
}

/// What is wrong with a PIN of so many digits.
fn pin_problem(place: &Place, error: &ApiError, typed: usize) -> String {
    let (words, typed) = (place.words, ("typed", typed.into()));
    match (error.code, most_digits(place)) {
        ("pin_length", 4) => words.with("problem-pin-length-four", &[typed]),
        ("pin_length", most) => words.with("problem-pin-length", &[typed, ("most", most.into())]),
        _ => place.problem(error),
    }
}

fn pin_page(place: &Place, chosen: &str, pin: Field, again: Field) -> Response {
    let (words, most) = (place.words, most_digits(place));
    let wrong = pin.error.is_some() || again.error.is_some();
    let page = PinPage {
        page: place.inside(&words.text("action-setup-pin")),
        portal: place.portal(),
        length: match most {
            4 => words.text("pin-length-four"),
            most => words.with("pin-length", &[("most", most.into())]),
        },
        pin,
        again,
        placements: Choice::list(
            &[("after", &words.text("pin-where.after")), ("before", &words.text("pin-where.before"))],
            chosen,
        ),
        fixed: match place.resource.portal.as_ref().and_then(|portal| portal.pin_placement) {
            None => String::new(),
            Some(PinPlacement::After) => words.text("pin-fixed.after"),
            Some(PinPlacement::Before) => words.text("pin-fixed.before"),
        },
    };
    html(if wrong { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK }, &page)
}

async fn home_for(
    place: &Place,
    session: &Arc<PortalSession>,
    action: PortalAction,
) -> Result<PortalHome, ApiError> {
    let home = read_home(place, session).await?;
    if home.actions.contains(&action) { Ok(home) } else { Err(not_offered()) }
}

/// *PIN Setup*, and `?done` after it.
pub(super) async fn form(Inside { place, session }: Inside) -> Response {
    let result = async {
        let home = read_home(&place, &session).await?;
        if let ("done", Some(token)) = (place.query.as_str(), &home.token)
            && let Some(pin) = &token.token.pin
        {
            let words = place.words;
            let next = match pin.placement {
                PinPlacement::After => words.text("pin-done.after"),
                PinPlacement::Before => words.text("pin-done.before"),
            };
            let (heading, text) = (words.text("pin-done"), words.text("pin-done.text"));
            return Ok(done_page(&place, &home, &heading, &text, next));
        }
        if !home.actions.contains(&PortalAction::SetupPin) {
            return Err(not_offered());
        }
        Ok(pin_page(&place, "after", Field::default(), Field::default()))
    };
    let result = result.await;
    place.answer(result)
}

/// *PIN Setup*, sent.
pub(super) async fn set(Sent { place, session, typed }: Sent) -> Response {
    let result = async {
        home_for(&place, &session, PortalAction::SetupPin).await?;
        let chosen = typed.text("placement").to_owned();
        let read = |name: &str| Pin::new(typed.text(name).as_bytes().to_vec());
        let (pin, again) = (read("pin"), read("again"));
        if !pin.ct_eq(&again) {
            let error = Field::wrong("", &place.words.text("pin-again.differ"));
            return Ok(pin_page(&place, &chosen, Field::default(), error));
        }
        let placement = PinPlacement::from_name(&chosen).unwrap_or(PinPlacement::After);
        let (visit, digits) = (place.visit(), typed.text("pin").len());
        let set = place
            .state
            .blocking(move |service| service.portal_set_pin(&session, &pin, placement, &visit))
            .await;
        match set {
            Ok(()) => Ok(place.go("tokens/pin?done")),
            Err(error) if error.field == Some("pin") => {
                let field = Field::wrong("", &pin_problem(&place, &error, digits));
                Ok(pin_page(&place, &chosen, field, Field::default()))
            }
            Err(error) => Err(error),
        }
    };
    let result = result.await;
    place.answer(result)
}

/// The question before a PIN goes, and `?done` after it.
pub(super) async fn remove_form(Inside { place, session }: Inside) -> Response {
    let result = async {
        let home = read_home(&place, &session).await?;
        if place.query == "done" && home.token.as_ref().is_some_and(|token| token.token.pin.is_none()) {
            let words = place.words;
            let (heading, text) = (words.text("pin-removed"), words.text("pin-removed.text"));
            return Ok(done_page(&place, &home, &heading, &text, words.text("pin-removed.next")));
        }
        let home =
            if home.actions.contains(&PortalAction::RemovePin) { home } else { return Err(not_offered()) };
        if let Some(elsewhere) = place.prove_first(&session, &prove::REMOVE_PIN).await? {
            return Ok(elsewhere);
        }
        let serial = home.token.as_ref().map_or("", |token| token.token.serial.display());
        let words = place.words;
        let page = Sure {
            page: place.inside(&words.text("action-remove-pin")),
            portal: place.portal(),
            heading: words.text("pin-remove"),
            text: words.with("pin-remove-text", &[("serial", serial.into())]),
            action: place.path("tokens/pin/remove"),
            button: words.text("pin-remove.button"),
            icon: "lock",
            keep: words.text("sure-keep"),
        };
        Ok(html(StatusCode::OK, &page))
    };
    let result = result.await;
    place.answer(result)
}

/// *Remove PIN*.
pub(super) async fn remove(Sent { place, session, typed }: Sent) -> Response {
    let result = async {
        home_for(&place, &session, PortalAction::RemovePin).await?;
        let visit = place.visit();
        place.state.blocking(move |service| service.portal_remove_pin(&session, &visit)).await?;
        Ok(place.go("tokens/pin/remove?done"))
    };
    let result = result.await;
    place.answer_or_prove(result, &prove::REMOVE_PIN, &typed).await
}

/// The question before a token is given back, and `?done` after it.
pub(super) async fn unassign_form(Inside { place, session }: Inside) -> Response {
    let result = async {
        let home = read_home(&place, &session).await?;
        let words = place.words;
        let means = words.with("unassign-means", &[("place", place.shown_name().into())]);
        if place.query == "done" && home.token.is_none() {
            let (heading, text) = (words.text("unassign-done"), words.text("unassign-done.text"));
            return Ok(done_page(&place, &home, &heading, &text, means));
        }
        let home = if home.actions.contains(&PortalAction::UnassignToken) {
            home
        } else {
            return Err(not_offered());
        };
        if let Some(elsewhere) = place.prove_first(&session, &prove::UNASSIGN).await? {
            return Ok(elsewhere);
        }
        let serial = home.token.as_ref().map_or("", |token| token.token.serial.display());
        let page = Sure {
            page: place.inside(&words.text("action-unassign-token")),
            portal: place.portal(),
            heading: words.with("unassign-sure", &[("serial", serial.into())]),
            text: means,
            action: place.path("tokens/unassign"),
            button: words.text("unassign-button"),
            icon: "undo-2",
            keep: words.text("sure-keep"),
        };
        Ok(html(StatusCode::OK, &page))
    };
    let result = result.await;
    place.answer(result)
}

/// *Unassign Token*.
pub(super) async fn unassign(Sent { place, session, typed }: Sent) -> Response {
    let result = async {
        home_for(&place, &session, PortalAction::UnassignToken).await?;
        let visit = place.visit();
        place.state.blocking(move |service| service.portal_unassign(&session, &visit)).await?;
        Ok(place.go("tokens/unassign?done"))
    };
    let result = result.await;
    place.answer_or_prove(result, &prove::UNASSIGN, &typed).await
}
