//! What people sign in with: their password, their mail address.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::place::{Inside, Place, Sent};
use super::profile::{UNFIT, opened};
use super::prove::{self, Then};
use super::sign_in::{blocked, with_wait};
use crate::http::codes::Typed;
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::portal::profile::{Email, Form as FormPage, FormField};
use crate::http::page::{Field, Notice, Tone};
use crate::model::{EmailAddress, PortalAction, User};
use crate::secret::Passphrase;
use crate::service::{EmailResult, EmailSent, PasswordResult, PortalSession};
use crate::words::Words;

/// What is wrong with the fields of a password form.
#[derive(Default)]
struct Wrong {
    old: Option<String>,
    new: Option<String>,
    again: Option<String>,
}

/// Characters that a new password needs.
async fn fewest_chars(place: &Place, session: &Arc<PortalSession>) -> Result<usize, ApiError> {
    let asked = Arc::clone(session);
    place.state.blocking(move |service| service.portal_password_chars(&asked)).await
}

fn password_page(place: &Place, least: usize, action: PortalAction, wrong: Wrong) -> FormPage {
    let words = place.words;
    let is_first = action == PortalAction::CreatePassword;
    let mut fields = Vec::new();
    if !is_first {
        fields.push(
            FormField::password("old", words.text("password-old"), "current-password", wrong.old)
                .with("required autofocus"),
        );
    }
    let hint = words.with("password-hint", &[("least", least.into())]);
    let new = words.text("restore-password.new");
    fields.push(FormField::password("new", new, "new-password", wrong.new).hinted(hint));
    let again = words.text("password-again");
    fields.push(FormField::password("again", again, "new-password", wrong.again));
    let (heading, lead, path, button) = if is_first {
        let (heading, lead) = (words.text("action-create-password"), words.text("password-create"));
        (heading, lead, "password/new", words.text("password-create.button"))
    } else {
        let (heading, lead) = (words.text("action-change-password"), words.text("password-change"));
        (heading, lead, "password", words.text("password-change.button"))
    };
    FormPage {
        page: place.inside(&heading),
        portal: place.portal(),
        heading,
        lead,
        warning: None,
        notice: None,
        action: place.path(path),
        fields,
        button,
        icon: "key-round",
    }
}

/// Beside a token its code comes first; without one the old password, if there is one, is the proof.
async fn password_shown(
    Inside { place, session }: Inside,
    action: PortalAction,
    then: &'static Then,
) -> Response {
    let result = async {
        opened(&place, &session, action, None).await?.ok();
        if let Some(elsewhere) = place.prove_code_first(&session, then).await? {
            return Ok(elsewhere);
        }
        let least = fewest_chars(&place, &session).await?;
        Ok(html(StatusCode::OK, &password_page(&place, least, action, Wrong::default())))
    };
    let result = result.await;
    place.answer(result)
}

/// The new password, typed twice; or what is wrong with it.
fn new_password(words: Words, typed: &Typed) -> Result<Passphrase, Wrong> {
    let (new, again) = (typed.secret("new"), typed.secret("again"));
    if new.is_empty() {
        return Err(Wrong { new: Some(words.text("restore-password.empty")), ..Wrong::default() });
    }
    if !new.ct_eq(&again) {
        return Err(Wrong { again: Some(words.text("password-again.differ")), ..Wrong::default() });
    }
    Ok(new)
}

/// *Create Password*.
pub(super) async fn first_password(inside: Inside) -> Response {
    password_shown(inside, PortalAction::CreatePassword, &prove::FIRST_PASSWORD).await
}

/// *Change Password*.
pub(super) async fn password(inside: Inside) -> Response {
    password_shown(inside, PortalAction::ChangePassword, &prove::PASSWORD).await
}

/// *Create Password*, sent.
pub(super) async fn first_password_sent(Sent { place, session, typed }: Sent) -> Response {
    let result = async {
        let least = fewest_chars(&place, &session).await?;
        let wrong = match new_password(place.words, &typed) {
            Ok(new) => {
                let (asked, visit, chars) = (Arc::clone(&session), place.visit(), new.chars());
                let created =
                    place.state.blocking(move |service| service.portal_create_password(&asked, &new, &visit));
                match created.await {
                    Ok(()) => return Ok(place.go("home?done=password-created")),
                    Err(error) if error.field == Some("password") => {
                        let problem = place.password_problem(&error, chars, least);
                        Wrong { new: Some(problem), ..Wrong::default() }
                    }
                    Err(error) => return Err(error),
                }
            }
            Err(wrong) => wrong,
        };
        Ok(html(UNFIT, &password_page(&place, least, PortalAction::CreatePassword, wrong)))
    };
    let result = result.await;
    place.answer_or_prove(result, &prove::FIRST_PASSWORD, &typed).await
}

/// *Change Password*, sent.
pub(super) async fn password_sent(Sent { place, session, typed }: Sent) -> Response {
    let result = change_password(&place, &session, &typed).await;
    place.answer_or_prove(result, &prove::PASSWORD, &typed).await
}

async fn change_password(
    place: &Place,
    session: &Arc<PortalSession>,
    typed: &Typed,
) -> Result<Response, ApiError> {
    let action = PortalAction::ChangePassword;
    let (words, old) = (place.words, typed.secret("old"));
    let least = fewest_chars(place, session).await?;
    let wrong = match new_password(words, typed) {
        _ if old.is_empty() => Wrong { old: Some(words.text("password-old.empty")), ..Wrong::default() },
        Err(wrong) => wrong,
        Ok(new) => {
            let (asked, visit, chars) = (Arc::clone(session), place.visit(), new.chars());
            let changed = place
                .state
                .blocking(move |service| service.portal_change_password(&asked, &old, &new, &visit));
            match changed.await {
                Ok(PasswordResult::Changed) => return Ok(place.go("home?done=password")),
                Ok(PasswordResult::Refused) => {
                    Wrong { old: Some(words.text("password-old.refused")), ..Wrong::default() }
                }
                Ok(PasswordResult::Blocked { until }) => {
                    let now = place.state.service.now();
                    let mut page = password_page(place, least, action, Wrong::default());
                    page.notice = Some(blocked(words, until, now));
                    return Ok(with_wait(html(StatusCode::TOO_MANY_REQUESTS, &page), until, now));
                }
                Err(error) if error.field == Some("password") => {
                    Wrong { new: Some(place.password_problem(&error, chars, least)), ..Wrong::default() }
                }
                Err(error) => return Err(error),
            }
        }
    };
    Ok(html(UNFIT, &password_page(place, least, action, wrong)))
}

fn email_page(place: &Place, session: &PortalSession, user: &User) -> Email {
    let pending = session.email_pending.as_ref().map(|to| (to.as_str().to_owned(), Field::default()));
    let address = pending.as_ref().map_or_else(Field::default, |(to, _)| Field::of(to));
    Email {
        page: place.inside(&place.words.text("action-change-email")),
        portal: place.portal(),
        present: user.email.as_ref().map(|email| email.as_str().to_owned()).unwrap_or_default(),
        pending,
        address,
        notice: None,
    }
}

/// *Change Email Address*.
pub(super) async fn email(Inside { place, session }: Inside) -> Response {
    // An address that waits for its code was proved to be wanted when it was typed.
    let then = session.email_pending.is_none().then_some(&prove::EMAIL);
    let result = opened(&place, &session, PortalAction::ChangeEmail, then).await.map(|user| match user {
        Ok(user) => html(StatusCode::OK, &email_page(&place, &session, &user)),
        Err(elsewhere) => elsewhere,
    });
    place.answer(result)
}

/// *Change Email Address*: the address was sent.
pub(super) async fn email_sent(Sent { place, session, typed }: Sent) -> Response {
    let result = change_email(&place, &session, typed.text("email")).await;
    place.answer_or_prove(result, &prove::EMAIL, &typed).await
}

async fn change_email(place: &Place, session: &Arc<PortalSession>, text: &str) -> Result<Response, ApiError> {
    let user = match opened(place, session, PortalAction::ChangeEmail, None).await? {
        Ok(user) => user,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let mut page = email_page(place, session, &user);
    let to = match EmailAddress::parse(text) {
        Ok(to) => to,
        Err(error) => {
            page.address = Field::wrong(text, &place.name_problem(&error));
            return Ok(html(UNFIT, &page));
        }
    };
    let (asked, visit) = (Arc::clone(session), place.visit());
    match place.state.blocking(move |service| service.portal_change_email(&asked, &to, &visit)).await {
        Ok(EmailSent::OnItsWay) => Ok(place.go("email")),
        Ok(EmailSent::Enough) => {
            page.address = Field::of(text);
            let (title, text) = (place.words.text("mails-enough"), place.words.text("email-enough"));
            page.notice = Some(Notice::new(Tone::Attention, &title, &text));
            Ok(html(StatusCode::TOO_MANY_REQUESTS, &page))
        }
        Err(error) if error.field == Some("email") => {
            page.address = Field::wrong(text, &place.problem(&error));
            Ok(html(UNFIT, &page))
        }
        Err(error) => Err(error),
    }
}

/// *Change Email Address*: the code was sent.
pub(super) async fn email_code(Sent { place, session, typed }: Sent) -> Response {
    let result = prove_email(&place, &session, &typed).await;
    place.answer_or_prove(result, &prove::EMAIL_CODE, &typed).await
}

async fn prove_email(
    place: &Place,
    session: &Arc<PortalSession>,
    typed: &Typed,
) -> Result<Response, ApiError> {
    let user = match opened(place, session, PortalAction::ChangeEmail, None).await? {
        Ok(user) => user,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let mut page = email_page(place, session, &user);
    let Some((_, code)) = &mut page.pending else {
        page.notice = Some(Notice::say(Tone::Attention, place.words, "email-code-old"));
        return Ok(html(UNFIT, &page));
    };
    if typed.text("code").is_empty() {
        code.error = Some(place.words.text("mailed-code.empty"));
        return Ok(html(UNFIT, &page));
    }
    let (asked, visit, typed) = (Arc::clone(session), place.visit(), typed.secret("code"));
    match place.state.blocking(move |service| service.portal_prove_email(&asked, &typed, &visit)).await? {
        EmailResult::Changed => Ok(place.go("home?done=email")),
        EmailResult::Refused => {
            let (title, text) = (place.words.text("otp-refused"), place.words.text("email-code-refused"));
            page.notice = Some(Notice::new(Tone::Bad, &title, &text));
            Ok(html(UNFIT, &page))
        }
        EmailResult::Blocked { until } => {
            let now = place.state.service.now();
            page.notice = Some(blocked(place.words, until, now));
            Ok(with_wait(html(StatusCode::TOO_MANY_REQUESTS, &page), until, now))
        }
    }
}
