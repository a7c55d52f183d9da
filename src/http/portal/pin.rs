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
use crate::http::words;
use crate::model::{PinPlacement, PortalAction};
use crate::secret::Pin;
use crate::service::{PortalHome, PortalSession};

fn pin_page(place: &Place, chosen: &str, pin: Field, again: Field) -> Response {
    let rules = place.resource.portal.as_ref();
    let most = rules.map_or(4, |portal| portal.pin_length);
    let digits = if most == 4 { "Four".to_owned() } else { format!("4 to {most}") };
    let wrong = pin.error.is_some() || again.error.is_some();
    let page = PinPage {
        page: place.inside("PIN Setup"),
        portal: place.portal(),
        length: format!("{digits} digits, not all alike and not in a row."),
        pin,
        again,
        placements: Choice::list(&[("after", "After the code"), ("before", "Before the code")], chosen),
        fixed: match rules.and_then(|portal| portal.pin_placement) {
            None => String::new(),
            Some(PinPlacement::After) => "You type it after the code.".to_owned(),
            Some(PinPlacement::Before) => "You type it before the code.".to_owned(),
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
            let next = match pin.placement {
                PinPlacement::After => "When a code is asked for, type the code and right after it the PIN.",
                PinPlacement::Before => "When a code is asked for, type the PIN and right after it the code.",
            };
            return Ok(done_page(
                &place,
                &home,
                "Your token has a PIN now",
                "The PIN is set.",
                next.to_owned(),
            ));
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
            let error = Field::wrong("", "The two differ. Type the same PIN twice.");
            return Ok(pin_page(&place, &chosen, Field::default(), error));
        }
        let placement = PinPlacement::from_name(&chosen).unwrap_or(PinPlacement::After);
        let visit = place.visit();
        let set = place
            .state
            .blocking(move |service| service.portal_set_pin(&session, &pin, placement, &visit))
            .await;
        match set {
            Ok(()) => Ok(place.go("tokens/pin?done")),
            Err(error) if error.field == Some("pin") => {
                let field = Field::wrong("", &words::sentence(&error.message));
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
            let next = "When a code is asked for, type the code alone.".to_owned();
            return Ok(done_page(&place, &home, "Your token has no PIN any more", "The PIN is gone.", next));
        }
        let home =
            if home.actions.contains(&PortalAction::RemovePin) { home } else { return Err(not_offered()) };
        if let Some(elsewhere) = place.prove_first(&session, &prove::REMOVE_PIN).await? {
            return Ok(elsewhere);
        }
        let serial = home.token.as_ref().map_or("", |token| token.token.serial.display());
        let page = Sure {
            page: place.inside("Remove PIN"),
            portal: place.portal(),
            heading: "Remove the PIN?".to_owned(),
            text: format!(
                "From then on the code of token {serial} alone is enough, for whoever has the token."
            ),
            action: place.path("tokens/pin/remove"),
            button: "Remove the PIN".to_owned(),
            icon: "lock",
            keep: "Keep it".to_owned(),
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
        if place.query == "done" && home.token.is_none() {
            let next = format!(
                "{} no longer asks for its codes. You stay the only one who can register it again.",
                place.resource.name
            );
            return Ok(done_page(&place, &home, "Your token was given back", "It is done.", next));
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
            page: place.inside("Unassign Token"),
            portal: place.portal(),
            heading: format!("Give back token {serial}?"),
            text: format!(
                "{} no longer asks for its codes. You stay the only one who can register it again.",
                place.resource.name
            ),
            action: place.path("tokens/unassign"),
            button: "Give it back".to_owned(),
            icon: "undo-2",
            keep: "Keep it".to_owned(),
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
