//! What people change of themselves: login, name, phone number.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::place::{Inside, Place, Sent};
use super::prove::{self, Then};
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::portal::profile::{Form as FormPage, FormField};
use crate::http::page::{Field, Notice, Tone};
use crate::model::{Login, PhoneNumber, PortalAction, User};
use crate::service::PortalSession;

/// The answer to a form that cannot be taken.
pub(super) const UNFIT: StatusCode = StatusCode::UNPROCESSABLE_ENTITY;

/// The user, when the action shows for them; when it matters, with a fresh proof or the way to it.
pub(super) async fn opened(
    place: &Place,
    session: &Arc<PortalSession>,
    action: PortalAction,
    then: Option<&'static Then>,
) -> Result<Result<User, Response>, ApiError> {
    let home = super::actions::read_home(place, session).await?;
    if !home.actions.contains(&action) {
        return Err(super::actions::not_offered());
    }
    if let Some(then) = then
        && let Some(elsewhere) = place.prove_first(session, then).await?
    {
        return Ok(Err(elsewhere));
    }
    Ok(Ok(home.user))
}

fn login_page(place: &Place, user: &User, status: StatusCode, field: Field) -> Response {
    let words = place.words;
    let heading = words.text("action-change-login");
    let here = [("place", place.shown_name().into())];
    let page = FormPage {
        page: place.inside(&heading),
        portal: place.portal(),
        heading,
        lead: words.with("login-lead", &[("login", user.login.as_str().into())]),
        warning: Some(Notice::tell(Tone::Attention, words, "login-others", &here)),
        notice: None,
        action: place.path("login"),
        fields: vec![
            FormField::text("login", words.text("login-new"), "username", field)
                .with("required autocapitalize=none spellcheck=false"),
        ],
        button: words.text("login-button"),
        icon: "pencil",
    };
    html(status, &page)
}

/// *Change Login*.
pub(super) async fn login(Inside { place, session }: Inside) -> Response {
    let result = opened(&place, &session, PortalAction::ChangeLogin, Some(&prove::LOGIN)).await.map(|user| {
        user.map_or_else(
            |elsewhere| elsewhere,
            |user| login_page(&place, &user, StatusCode::OK, Field::default()),
        )
    });
    place.answer(result)
}

/// *Change Login*, sent.
pub(super) async fn login_sent(Sent { place, session, typed }: Sent) -> Response {
    let result = change_login(&place, session, typed.text("login")).await;
    place.answer_or_prove(result, &prove::LOGIN, &typed).await
}

async fn change_login(place: &Place, session: Arc<PortalSession>, text: &str) -> Result<Response, ApiError> {
    let user = match opened(place, &session, PortalAction::ChangeLogin, None).await? {
        Ok(user) => user,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let login = match Login::parse(text) {
        Ok(login) => login,
        Err(error) => {
            let field = Field::wrong(text, &place.name_problem(&error));
            return Ok(login_page(place, &user, UNFIT, field));
        }
    };
    let visit = place.visit();
    match place.state.blocking(move |service| service.portal_change_login(&session, &login, &visit)).await {
        Ok(()) => Ok(place.go("home?done=login")),
        Err(error) if error.field == Some("login") => {
            Ok(login_page(place, &user, UNFIT, Field::wrong(text, &place.problem(&error))))
        }
        Err(error) if error.status == StatusCode::TOO_MANY_REQUESTS => {
            let problem = place.words.text("login-spent");
            Ok(login_page(place, &user, StatusCode::TOO_MANY_REQUESTS, Field::wrong(text, &problem)))
        }
        Err(error) => Err(error),
    }
}

fn name_page(place: &Place, status: StatusCode, first: Field, last: Field) -> Response {
    let words = place.words;
    let heading = words.text("action-change-name");
    let page = FormPage {
        page: place.inside(&heading),
        portal: place.portal(),
        heading,
        lead: words.text("name-lead"),
        warning: None,
        notice: None,
        action: place.path("name"),
        fields: vec![
            FormField::text("first_name", words.text("name-first"), "given-name", first),
            FormField::text("last_name", words.text("name-last"), "family-name", last),
        ],
        button: words.text("name-button"),
        icon: "check",
    };
    html(status, &page)
}

/// *Change First Name and Last Name*.
pub(super) async fn name(Inside { place, session }: Inside) -> Response {
    let result = opened(&place, &session, PortalAction::ChangeName, None).await.map(|user| match user {
        Ok(user) => {
            name_page(&place, StatusCode::OK, Field::of(&user.first_name), Field::of(&user.last_name))
        }
        Err(elsewhere) => elsewhere,
    });
    place.answer(result)
}

/// *Change First Name and Last Name*, sent.
pub(super) async fn name_sent(Sent { place, session, typed }: Sent) -> Response {
    let result = async {
        let (first, last) = (typed.text("first_name").to_owned(), typed.text("last_name").to_owned());
        let (visit, names) = (place.visit(), (first.clone(), last.clone()));
        let changed = place
            .state
            .blocking(move |service| service.portal_change_name(&session, &names.0, &names.1, &visit));
        match changed.await {
            Ok(()) => Ok(place.go("home?done=name")),
            Err(error) if matches!(error.field, Some("first_name" | "last_name")) => {
                let problem = place.words.text("name-chars");
                let field = |name, text: &str| {
                    if error.field == Some(name) { Field::wrong(text, &problem) } else { Field::of(text) }
                };
                Ok(name_page(&place, UNFIT, field("first_name", &first), field("last_name", &last)))
            }
            Err(error) => Err(error),
        }
    };
    let result = result.await;
    place.answer(result)
}

fn phone_page(place: &Place, status: StatusCode, field: Field) -> Response {
    let words = place.words;
    let heading = words.text("action-change-phone");
    let page = FormPage {
        page: place.inside(&heading),
        portal: place.portal(),
        heading,
        lead: words.text("phone-lead"),
        warning: None,
        notice: None,
        action: place.path("phone"),
        fields: vec![
            FormField::text("phone", words.text("phone-number"), "tel", field)
                .hinted(words.text("phone-number.hint"))
                .with("inputmode=tel maxlength=40"),
        ],
        button: words.text("phone-button"),
        icon: "check",
    };
    html(status, &page)
}

/// *Change Contact Phone Number*.
pub(super) async fn phone(Inside { place, session }: Inside) -> Response {
    let result = opened(&place, &session, PortalAction::ChangePhone, None).await.map(|user| match user {
        Ok(user) => {
            let number = user.phone.as_ref().map_or("", |phone| phone.as_str());
            phone_page(&place, StatusCode::OK, Field::of(number))
        }
        Err(elsewhere) => elsewhere,
    });
    place.answer(result)
}

/// *Change Contact Phone Number*, sent.
pub(super) async fn phone_sent(Sent { place, session, typed }: Sent) -> Response {
    let result = async {
        let text = typed.text("phone");
        let phone = match (text, PhoneNumber::parse(text)) {
            ("", _) => None,
            (_, Ok(phone)) => Some(phone),
            (_, Err(error)) => {
                return Ok(phone_page(&place, UNFIT, Field::wrong(text, &place.name_problem(&error))));
            }
        };
        let visit = place.visit();
        place
            .state
            .blocking(move |service| service.portal_change_phone(&session, phone.as_ref(), &visit))
            .await?;
        Ok(place.go(if text.is_empty() { "home?done=phone-removed" } else { "home?done=phone" }))
    };
    let result = result.await;
    place.answer(result)
}
