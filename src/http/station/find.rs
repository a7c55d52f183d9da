//! Finding people and tokens.

use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::desk::desk;
use super::place::{Place, serial_of};
use super::recent::recent;
use super::scan::{Answer, MATCHES, look_up, scanned};
use crate::http::codes::{Typed, ask_at_desk};
use crate::http::drift;
use crate::http::error::ApiError;
use crate::http::extract::{PageForm, Path};
use crate::http::frame::html;
use crate::http::page::station::{BoxLabel, Desk, Holder, Home, Person, Recent, Token};
use crate::http::page::{ActionRow, Badge, Code, Field, Notice, Tone, segment};
use crate::model::{Custody, Login, Token as TokenRecord, TokenSerial, User};
use crate::service::{TokenView, UserView};
use crate::words::Words;

/// The station's start, with what came of the last step.
pub(super) async fn home_page(
    place: &Place,
    status: StatusCode,
    find: Field,
    banner: Option<Notice>,
    matches: Vec<ActionRow>,
) -> Result<Response, ApiError> {
    home_with(place, status, find, banner, matches, None).await
}

async fn home_with(
    place: &Place,
    status: StatusCode,
    find: Field,
    banner: Option<Notice>,
    matches: Vec<ActionRow>,
    label: Option<BoxLabel>,
) -> Result<Response, ApiError> {
    let recent = recent(place).await?;
    let page = place.page(&Words::ENGLISH.text("station-title"));
    Ok(html(status, &Home { page, find, banner, matches, label, recent }))
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

pub(super) fn token_row(token: &TokenRecord) -> ActionRow {
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

/// An exact serial leads to the token, an exact login to the person, several matches to a list, the label of a box to its
/// tokens. From the page of a person a token is found to be handed out to them.
pub(super) async fn find(place: Place, form: Result<PageForm<Typed>, ApiError>) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let (text, hand_to) = (typed.text("find"), typed.text("for"));
        let unfit = |field| home_page(&place, StatusCode::UNPROCESSABLE_ENTITY, field, None, Vec::new());
        if text.is_empty() {
            return unfit(Field::wrong("", &Words::ENGLISH.text("station-find-empty"))).await;
        }
        let scanned = scanned(&place, &typed);
        let (people, tokens) = match look_up(&place, text, scanned.as_ref()).await? {
            Answer::Found(people, tokens) => (people, tokens),
            Answer::Box(label) => {
                return home_with(&place, StatusCode::OK, Field::default(), None, Vec::new(), Some(label))
                    .await;
            }
            Answer::Nothing(problem) => {
                let field = Field::wrong(text, &problem);
                return home_page(&place, StatusCode::NOT_FOUND, field, None, Vec::new()).await;
            }
            Answer::UnknownChip(notice) => {
                let status = StatusCode::NOT_FOUND;
                return home_page(&place, status, Field::default(), Some(notice), Vec::new()).await;
            }
            // What holds a secret is not shown again.
            Answer::Refused(problem) => return unfit(Field::wrong("", &problem)).await,
        };
        match (people.as_slice(), tokens.as_slice()) {
            ([person], []) => Ok(Place::go_to_person(person.login.as_str())),
            ([], [token]) if Login::parse(hand_to).is_ok() => {
                Ok(Place::go_to_hand_out(token.serial.display(), hand_to))
            }
            ([], [token]) => Ok(Place::go_to_token(token.serial.display())),
            _ => {
                let rows = people.iter().map(person_row).chain(tokens.iter().map(token_row));
                let rows = rows.take(MATCHES).collect();
                home_page(&place, StatusCode::OK, Field::of(text), None, rows).await
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

/// Whom a token is to be handed out to.
#[derive(Deserialize)]
pub(super) struct HandOut {
    r#for: Option<String>,
}

/// One token.
pub(super) async fn token(
    place: Place,
    Path(serial): Path<String>,
    Query(hand_out): Query<HandOut>,
) -> Response {
    let result = async {
        let serial = serial_of(&serial)?;
        let seen = seen(&place, &serial).await?;
        // Only somebody who is here gets it, and only one that nobody has.
        let lies = matches!(seen.token.token.custody, Custody::InStock | Custody::Returned { .. });
        let login = hand_out.r#for.and_then(|login| Login::parse(&login).ok()).filter(|_| lies);
        let person = match login {
            Some(login) => {
                let actor = place.actor.clone();
                let read = place.state.blocking(move |service| service.user(&actor, &login));
                read.await.ok().map(|person| person.user.login)
            }
            None => None,
        };
        token_page(&place, StatusCode::OK, &seen, None, |desk| {
            if let Some(login) = person {
                let name = ("login", login.as_str().into());
                desk.hand_out_now = Some(Words::ENGLISH.with("desk-hand-out-to-now", &[name]));
                desk.handout = Field::of(login.as_str());
                (desk.focus_codes, desk.primary) = (false, false);
            }
        })
        .await
    };
    let result = result.await;
    place.answer(result)
}
