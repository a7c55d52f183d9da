//! What people change of themselves: login, name, phone number.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::place::Place;
use super::prove::{self, Then};
use crate::http::codes::Typed;
use crate::http::error::ApiError;
use crate::http::extract::PageForm;
use crate::http::frame::html;
use crate::http::page::portal::profile::{Form as FormPage, FormField};
use crate::http::page::{Field, Notice, Tone};
use crate::http::words;
use crate::model::{Login, PortalAction, User};
use crate::service::{PortalSession, PortalState};

type Form = Result<PageForm<Typed>, ApiError>;

/// The user, when the action shows for them; when it matters, with a fresh proof or the way to it.
async fn opened(
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
    let warning = Notice::new(
        Tone::Attention,
        "Others find you by your login.",
        &format!(
            "Besides {}, other services may know you by it and would not find you any more. Ask first if you are not sure.",
            place.resource.name
        ),
    );
    let page = FormPage {
        page: place.inside("Change Login"),
        portal: place.portal(),
        heading: "Change Login",
        lead: format!(
            "Your login is {}. After the change you sign in with the new one; nobody else gets the old one.",
            user.login
        ),
        warning: Some(warning),
        notice: None,
        action: place.path("login"),
        fields: vec![
            FormField::text("login", "New login", "username", field)
                .with("required autocapitalize=none spellcheck=false"),
        ],
        button: "Change login",
        icon: "pencil",
    };
    html(status, &page)
}

/// *Change Login*.
pub(super) async fn login(place: Place) -> Response {
    let session = match place.at(PortalState::Full) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = opened(&place, &session, PortalAction::ChangeLogin, Some(&prove::LOGIN)).await.map(|user| {
        user.map_or_else(
            |elsewhere| elsewhere,
            |user| login_page(&place, &user, StatusCode::OK, Field::default()),
        )
    });
    place.answer(result)
}

/// *Change Login*, sent.
pub(super) async fn login_sent(place: Place, form: Form) -> Response {
    let session = match place.at(PortalState::Full) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let typed = match form {
        Ok(PageForm(typed)) => typed,
        Err(error) => return place.answer(Err(error)),
    };
    let text = typed.text("login");
    let result = change_login(&place, session, text).await;
    place.answer_or_prove(result, &prove::LOGIN, text).await
}

async fn change_login(place: &Place, session: Arc<PortalSession>, text: &str) -> Result<Response, ApiError> {
    let user = match opened(place, &session, PortalAction::ChangeLogin, None).await? {
        Ok(user) => user,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    let login = match Login::parse(text) {
        Ok(login) => login,
        Err(error) => {
            let field = Field::wrong(text, &words::sentence(&error.to_string()));
            return Ok(login_page(place, &user, unfit, field));
        }
    };
    let visit = place.visit();
    match place.state.blocking(move |service| service.portal_change_login(&session, &login, &visit)).await {
        Ok(()) => Ok(place.go("home?done=login")),
        Err(error) if error.field == Some("login") => {
            let field = Field::wrong(text, &words::sentence(&error.message));
            Ok(login_page(place, &user, unfit, field))
        }
        Err(error) => Err(error),
    }
}
