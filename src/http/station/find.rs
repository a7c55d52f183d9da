//! Finding people and tokens.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::desk::desk;
use super::place::{Place, serial_of};
use super::recent::recent;
use crate::http::codes::ask_at_desk;
use crate::http::drift;
use crate::http::error::ApiError;
use crate::http::extract::{PageForm, Path};
use crate::http::frame::html;
use crate::http::page::station::{Desk, Holder, Home, Person, Recent, Token};
use crate::http::page::{ActionRow, Badge, Code, Field, Notice, Tone, segment};
use crate::model::{Login, Token as TokenRecord, TokenSerial, User};
use crate::service::{TokenView, UserView};
use crate::words::Words;

/// Matches that a list shows.
const MATCHES: usize = 20;

#[derive(Deserialize)]
pub(super) struct FindForm {
    #[serde(default)]
    find: String,
}

/// The station's start, with what came of the last step.
pub(super) async fn home_page(
    place: &Place,
    status: StatusCode,
    find: Field,
    banner: Option<Notice>,
    matches: Vec<ActionRow>,
) -> Result<Response, ApiError> {
    let recent = recent(place).await?;
    let page = place.page(&Words::ENGLISH.text("station-title"));
    Ok(html(status, &Home { page, find, banner, matches, recent }))
}

/// The page of a token; `adjust` says what the last step changes on its card.
pub(super) async fn token_page(
    place: &Place,
    status: StatusCode,
    seen: &Seen,
    banner: Option<Notice>,
    adjust: impl FnOnce(&mut Desk),
) -> Result<Response, ApiError> {
    let serial = seen.token.token.serial.display();
    let now = place.state.service.now();
    let mut card = desk(&seen.token, seen.person.as_ref(), 0, now, place.actor.role);
    card.clock = drift::chart(&seen.token, now, &format!("{}clock", card.prefix));
    card.clock_remarks = drift::remarks(&seen.token, now);
    adjust(&mut card);
    card.codes = Code::shaped(std::mem::take(&mut card.codes), seen.token.spec.shape());
    ask_at_desk(&place.state, &place.actor, &seen.token, &mut card.codes).await?;
    let holder = seen.token.user.as_ref().map(|login| Holder {
        login: login.clone(),
        name: seen.person.as_ref().map_or_else(|| login.clone(), |person| person.user.display_name()),
    });
    let page = Token {
        page: place.page(&Words::ENGLISH.with("station-token-title", &[("serial", serial.into())])),
        find: Field::default(),
        banner,
        holder,
        desk: card,
        recent: seen.recent.clone(),
    };
    Ok(html(status, &page))
}

/// A token and the person it is with, as far as this actor may see them.
pub(super) struct Seen {
    pub(super) token: TokenView,
    pub(super) person: Option<UserView>,
    /// The last answers that were given before.
    recent: Vec<Recent>,
}

/// Reads a token and its person.
pub(super) async fn seen(place: &Place, serial: &TokenSerial) -> Result<Seen, ApiError> {
    let (actor, serial) = (place.actor.clone(), serial.clone());
    let recent = recent(place).await?;
    let read = place.state.blocking(move |service| {
        let token = service.token(&actor, &serial)?;
        let login = token.user.as_deref().and_then(|login| Login::parse(login).ok());
        // A person outside the actor's scope stays a login.
        let person = login.and_then(|login| service.user(&actor, &login).ok());
        Ok(Seen { token, person, recent })
    });
    read.await
}

/// The start.
pub(super) async fn start(place: Place) -> Response {
    let result = home_page(&place, StatusCode::OK, Field::default(), None, Vec::new()).await;
    place.answer(result)
}

fn person_row(user: &User) -> ActionRow {
    let login = user.login.as_str();
    ActionRow {
        href: format!("/station/person/{}", segment(login)),
        icon: "user",
        title: user.display_name(),
        line: login.to_owned(),
    }
}

fn token_row(token: &TokenRecord) -> ActionRow {
    let serial = token.serial.display();
    let model = format!("{} {}", token.manufacturer, token.model);
    ActionRow {
        href: format!("/station/token/{}", segment(serial)),
        icon: "key-round",
        title: serial.to_owned(),
        line: if model.trim().is_empty() {
            Words::ENGLISH.text("station-token")
        } else {
            model.trim().to_owned()
        },
    }
}

/// An exact serial leads to the token, an exact login to the person, several matches to a list.
pub(super) async fn find(place: Place, form: Result<PageForm<FindForm>, ApiError>) -> Response {
    let result = async {
        let PageForm(FindForm { find: typed }) = form?;
        let typed = typed.trim().to_owned();
        if typed.is_empty() {
            let field = Field::wrong("", &Words::ENGLISH.text("station-find-empty"));
            return home_page(&place, StatusCode::UNPROCESSABLE_ENTITY, field, None, Vec::new()).await;
        }
        let (actor, text) = (place.actor.clone(), typed.clone());
        let found = place.state.blocking(move |service| service.search(&actor, &text, MATCHES));
        let (people, tokens) = found.await?;
        match (people.as_slice(), tokens.as_slice()) {
            ([], []) => {
                let field = Field::wrong(&typed, &Words::ENGLISH.text("station-find-nothing"));
                home_page(&place, StatusCode::NOT_FOUND, field, None, Vec::new()).await
            }
            ([person], []) => Ok(Place::go_to_person(person.login.as_str())),
            ([], [token]) => Ok(Place::go_to_token(token.serial.display())),
            _ => {
                let rows = people.iter().map(person_row).chain(tokens.iter().map(token_row));
                let rows = rows.take(MATCHES).collect();
                home_page(&place, StatusCode::OK, Field::of(&typed), None, rows).await
            }
        }
    };
    let result = result.await;
    place.answer(result)
}

/// A person and their tokens.
pub(super) async fn person(place: Place, Path(login): Path<String>) -> Response {
    let result = async {
        let missing = || ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is nobody of this login");
        let login = Login::parse(&login).map_err(|_| missing())?;
        let actor = place.actor.clone();
        let read = place.state.blocking(move |service| {
            let person = service.user(&actor, &login)?;
            let tokens = service.tokens_of_user(&actor, &login)?;
            Ok((person, tokens))
        });
        let (person, tokens) = read.await?;
        let now = place.state.service.now();
        let mut cards = Vec::with_capacity(tokens.len());
        for (at, token) in tokens.iter().enumerate() {
            let mut card = desk(token, Some(&person), at, now, place.actor.role);
            ask_at_desk(&place.state, &place.actor, token, &mut card.codes).await?;
            cards.push(card);
        }
        let mut places: Vec<&str> = person.assignments.iter().map(|(name, _, _)| name.as_str()).collect();
        places.extend(person.user.phone.as_ref().map(crate::model::PhoneNumber::as_str));
        let state = person.blocked.first().map(|(method, _)| {
            let method = ("method", (*method).into());
            Badge::with_icon(Tone::Bad, "lock", &Words::ENGLISH.with("station-blocked-way", &[method]))
        });
        let page = Person {
            page: place.page(&person.user.display_name()),
            find: Field::default(),
            banner: None,
            login: person.user.login.as_str().to_owned(),
            name: person.user.display_name(),
            words: places.join(", "),
            state,
            tokens: cards,
            recent: recent(&place).await?,
        };
        Ok(html(StatusCode::OK, &page))
    };
    let result = result.await;
    place.answer(result)
}

/// One token.
pub(super) async fn token(place: Place, Path(serial): Path<String>) -> Response {
    let result = async {
        let serial = serial_of(&serial)?;
        let seen = seen(&place, &serial).await?;
        token_page(&place, StatusCode::OK, &seen, None, |_| {}).await
    };
    let result = result.await;
    place.answer(result)
}
