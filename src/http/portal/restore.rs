//! *Restore access*: a few pages of one question each, the same for every login that exists or not; and the
//! pages behind the links in mails.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::place::Place;
use super::profile::UNFIT;
use super::sign_in::{blocked, with_wait};
use crate::http::codes::{Typed, code_problem};
use crate::http::error::ApiError;
use crate::http::extract::PageForm;
use crate::http::frame::html;
use crate::http::page::portal::Closed;
use crate::http::page::portal::restore::{LostBox, Restore, RestoreForm, RestoreLinkPage};
use crate::http::page::{Code, Field, Notice, Tone};
use crate::http::words;
use crate::model::{EmailAddress, Factors, LoginStage, RestoreDraft};
use crate::oath::Otp;
use crate::service::{
    PortalSession, PortalState, RestoreLink, RestoreProof, RestoreResult, RestoreStep, RestoreTyped,
};

/// What was sent, or why it cannot be read.
type Form = Result<PageForm<Typed>, ApiError>;

/// The session, when a request can be made in it; else the way to where it stands.
#[expect(clippy::result_large_err, reason = "the error is the answer that is sent")]
fn asking(place: &Place) -> Result<Arc<PortalSession>, Response> {
    let state = place.session.as_ref().map_or(PortalState::LoginTyped, |session| session.state());
    place.at(if state == PortalState::CodeOwed { PortalState::LoginTyped } else { state })
}

fn row(of: Factors<bool>) -> [bool; 3] {
    [of.token, of.password, of.email]
}

/// A page of the request.
fn page(place: &Place, session: &PortalSession, step: RestoreForm, notice: Option<Notice>) -> Restore {
    let title = match step {
        RestoreForm::Sent { .. } => "Your request has a number",
        _ => "Restore access",
    };
    let login = match (&session.stage, &session.user) {
        (LoginStage::LoginTyped { login, .. }, _) => login.as_str().to_owned(),
        (_, Some(user)) => user.login.as_str().to_owned(),
        (_, None) => String::new(),
    };
    let (back, back_words) = match session.state() {
        PortalState::LoginTyped | PortalState::CodeOwed => ("verify", "Back to the sign-in"),
        PortalState::OtpOwed => ("otp", "Back to the sign-in"),
        PortalState::Full => ("home", "Back to your page"),
    };
    let frame = if session.state() == PortalState::Full { place.inside(title) } else { place.outside(title) };
    Restore {
        page: frame,
        portal: place.portal(),
        login,
        offers_again: !matches!(step, RestoreForm::Lost { .. } | RestoreForm::Sent { .. }),
        step,
        empty: Field::default(),
        notice,
        back,
        back_words,
    }
}

fn proof_form(lost: Factors<bool>, otp_error: Option<String>, error: Option<String>) -> RestoreForm {
    let otp = Code {
        name: "otp".into(),
        label: "The code on your token".into(),
        challenge: None,
        error: otp_error,
    };
    RestoreForm::Proof {
        password: !lost.password,
        code: !lost.email,
        otp: (!lost.token).then_some(otp),
        error,
    }
}

/// What is asked for, in lines.
fn asks(draft: &RestoreDraft) -> Vec<String> {
    let mut lines = Vec::new();
    if draft.lost.token {
        lines.push(
            "If a token is yours, it is switched off; you sign in without it and set up another.".to_owned(),
        );
    }
    if draft.lost.password {
        lines.push("The password that you typed takes the place of the old one.".to_owned());
    }
    if let Some(to) = &draft.new_email {
        lines.push(format!("A link is mailed to {to}, which becomes your address when you open it."));
    }
    lines
}

/// What comes after sending, in lines: it follows from what was typed and from the portal's own settings.
fn next_steps(place: &Place, draft: &RestoreDraft) -> Vec<String> {
    let rules = place.resource.portal.as_ref();
    let help = rules.map(|portal| portal.help_text.trim()).unwrap_or_default();
    let help = if help.is_empty() {
        format!("Call or visit the people who look after {}, and read them the number.", place.shown_name())
    } else {
        format!(
            "Call or visit the people who look after {}, and read them the number. {help}",
            place.shown_name()
        )
    };
    let mut lines = vec![help, "They ask who you are, in their own way.".to_owned()];
    let is_all_lost = draft.lost == Factors { token: true, password: true, email: true };
    if is_all_lost {
        let hours = rules.map_or(0, |portal| portal.restore_wait_hours);
        let wait = match hours {
            0 => String::new(),
            hours => format!(", and it takes effect {} later", words::duration(u64::from(hours) * 3_600)),
        };
        lines.push(format!("You could prove nothing from here, so two of them must agree{wait}."));
    }
    if draft.lost.email {
        lines.push("Then open the link that comes to your new address: it works for one day.".to_owned());
    }
    lines.push("Then sign in with what you have now.".to_owned());
    lines.push(
        "Found again what was lost? Sign in as usual: that deletes the request. If nobody decides, it ends after 30 days."
            .to_owned(),
    );
    lines
}

/// The page at which the request stands.
async fn present(
    place: &Place,
    session: &Arc<PortalSession>,
    notice: Option<Notice>,
) -> Result<Restore, ApiError> {
    let draft = session.restore.as_deref();
    let step = match (RestoreStep::of(draft), draft) {
        (RestoreStep::Lost, _) | (_, None) => lost_form(place, session, Factors::default(), None).await?,
        (RestoreStep::Proof, Some(draft)) => proof_form(draft.lost, None, None),
        (RestoreStep::Password, _) => {
            RestoreForm::Password { new: Field::default(), again: Field::default() }
        }
        (RestoreStep::Email, _) => RestoreForm::Email { address: Field::default() },
        (RestoreStep::Send, Some(draft)) => RestoreForm::Send { asks: asks(draft) },
        (RestoreStep::Sent, Some(draft)) => RestoreForm::Sent {
            reference: draft.reference.map(|number| number.to_string()).unwrap_or_default(),
            steps: next_steps(place, draft),
        },
    };
    Ok(page(place, session, step, notice))
}

async fn lost_form(
    place: &Place,
    session: &Arc<PortalSession>,
    ticked: Factors<bool>,
    error: Option<String>,
) -> Result<RestoreForm, ApiError> {
    let asked = Arc::clone(session);
    let proved = place.state.blocking(move |service| service.portal_restore_proved(&asked)).await?;
    Ok(RestoreForm::Lost { boxes: LostBox::list(row(proved), row(ticked)), error })
}

/// *Restore access*, at the question that comes next.
pub(super) async fn show(place: Place) -> Response {
    let session = match asking(&place) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = present(&place, &session, None).await.map(|page| html(StatusCode::OK, &page));
    place.answer(result)
}

/// An answer to one of the questions.
pub(super) async fn send(place: Place, form: Form) -> Response {
    let session = match asking(&place) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = async {
        let PageForm(typed) = form?;
        match typed.text("step") {
            "lost" => lost(&place, &session, &typed).await,
            "proof" => proof(&place, &session, &typed).await,
            "password" => password(&place, &session, &typed).await,
            "email" => email(&place, &session, &typed).await,
            "send" => sent(&place, &session).await,
            "again" => {
                place.state.blocking(move |service| service.portal_restore_again(&session)).await?;
                Ok(place.go("restore"))
            }
            _ => Ok(place.go("restore")),
        }
    };
    let result = match result.await {
        // The browser went back, or another window went on.
        Err(error) if error.code == "restore_order" => Ok(place.go("restore")),
        other => other,
    };
    place.answer(result)
}

async fn lost(place: &Place, session: &Arc<PortalSession>, typed: &Typed) -> Result<Response, ApiError> {
    let is = |name: &str| !typed.text(name).is_empty();
    let ticked = Factors { token: is("token"), password: is("password"), email: is("email") };
    let (asked, visit) = (Arc::clone(session), place.visit());
    match place.state.blocking(move |service| service.portal_restore_lost(&asked, ticked, &visit)).await {
        Ok(()) => Ok(place.go("restore")),
        Err(error) if error.field == Some("lost") => {
            let step = lost_form(place, session, ticked, Some(words::sentence(&error.message))).await?;
            Ok(html(UNFIT, &page(place, session, step, None)))
        }
        Err(error) => Err(error),
    }
}

async fn proof(place: &Place, session: &Arc<PortalSession>, typed: &Typed) -> Result<Response, ApiError> {
    let Some(lost) = session.restore.as_ref().map(|draft| draft.lost) else { return Ok(place.go("restore")) };
    let again = |otp_error, error, notice| page(place, session, proof_form(lost, otp_error, error), notice);
    let given =
        |name: &str, is_lost: bool| (!is_lost && !typed.text(name).is_empty()).then(|| typed.secret(name));
    let otp = match typed.text("otp") {
        text if text.is_empty() || lost.token => None,
        text => match Otp::parse(text) {
            Ok(otp) => Some(otp),
            Err(error) => return Ok(html(UNFIT, &again(Some(code_problem(error)), None, None))),
        },
    };
    let proofs =
        RestoreTyped { password: given("password", lost.password), code: given("code", lost.email), otp };
    let visit = place.visit_of(typed.text("time_zone"), typed.text("screen"));
    let asked = Arc::clone(session);
    let outcome =
        place.state.blocking(move |service| service.portal_restore_prove(&asked, &proofs, &visit)).await;
    match outcome {
        Ok(RestoreProof::Passed) => Ok(place.go("restore")),
        Ok(RestoreProof::Refused) => {
            let text = "Type it again, or leave empty what you are not sure of. Of mailed codes only the newest \
                        fits, of a token the code that it shows now.";
            let notice = Notice::new(Tone::Bad, "That did not fit.", text);
            Ok(html(UNFIT, &again(None, None, Some(notice))))
        }
        Ok(RestoreProof::Blocked { until }) => {
            let now = place.state.service.now();
            let page = again(None, None, Some(blocked(until, now)));
            Ok(with_wait(html(StatusCode::TOO_MANY_REQUESTS, &page), until, now))
        }
        Err(error) if error.field == Some("proof") => {
            let text = "Type one of these. If none is within reach, start again and tick it, too.";
            Ok(html(UNFIT, &again(None, Some(text.to_owned()), None)))
        }
        Err(error) => Err(error),
    }
}

async fn password(place: &Place, session: &Arc<PortalSession>, typed: &Typed) -> Result<Response, ApiError> {
    let (new, again) = (typed.secret("new"), typed.secret("again"));
    let wrong = |new: Option<String>, again: Option<String>| {
        let field = |error| Field { value: String::new(), error };
        let step = RestoreForm::Password { new: field(new), again: field(again) };
        html(UNFIT, &page(place, session, step, None))
    };
    if new.is_empty() {
        return Ok(wrong(Some("Type the new password.".to_owned()), None));
    }
    if !new.ct_eq(&again) {
        return Ok(wrong(
            None,
            Some("The two are not the same: type the new password once more.".to_owned()),
        ));
    }
    let asked = Arc::clone(session);
    match place.state.blocking(move |service| service.portal_restore_password(&asked, &new)).await {
        Ok(()) => Ok(place.go("restore")),
        Err(error) if error.field == Some("password") => {
            Ok(wrong(Some(words::sentence(&error.message)), None))
        }
        Err(error) => Err(error),
    }
}

async fn email(place: &Place, session: &Arc<PortalSession>, typed: &Typed) -> Result<Response, ApiError> {
    let text = typed.text("email");
    let to = match EmailAddress::parse(text) {
        Ok(to) => to,
        Err(error) => {
            let address = Field::wrong(text, &words::sentence(&error.to_string()));
            return Ok(html(UNFIT, &page(place, session, RestoreForm::Email { address }, None)));
        }
    };
    let asked = Arc::clone(session);
    place.state.blocking(move |service| service.portal_restore_email(&asked, &to)).await?;
    Ok(place.go("restore"))
}

async fn sent(place: &Place, session: &Arc<PortalSession>) -> Result<Response, ApiError> {
    let (asked, visit) = (Arc::clone(session), place.visit());
    match place.state.blocking(move |service| service.portal_restore_send(&asked, &visit)).await? {
        RestoreResult::Sent(_) | RestoreResult::Outdated => Ok(place.go("restore")),
        RestoreResult::Blocked { until } => {
            let now = place.state.service.now();
            let wait = words::next_try(Some(until), now).unwrap_or_default();
            let text = format!("Many requests came from your network. The next is possible {wait}.");
            let notice = Notice::new(Tone::Attention, "There were enough requests for now.", &text);
            let page = present(place, session, Some(notice)).await?;
            Ok(with_wait(html(StatusCode::TOO_MANY_REQUESTS, &page), Some(until), now))
        }
    }
}

fn said(place: &Place, status: StatusCode, title: &str, text: &str) -> Response {
    let page = Closed {
        page: place.outside(title),
        portal: place.portal(),
        notice: Notice::new(Tone::Neutral, title, text),
        again: Some(place.path("portal")),
    };
    html(status, &page)
}

/// The page of every link that does nothing, whatever the reason.
fn useless(place: &Place) -> Response {
    let text = "It was used already, it is too old, or what it was for has ended.";
    said(place, StatusCode::NOT_FOUND, "This link does not work any more", text)
}

/// What a link in a mail would do.
pub(super) async fn link(place: Place) -> Response {
    let key = place.query.strip_prefix("k=").unwrap_or_default().to_owned();
    let (alias, asked) = (place.alias.clone(), key.clone());
    let result = place.state.blocking(move |service| service.restore_link(&alias, &asked)).await;
    let (heading, text, button, icon, kind, otherwise) = match result {
        Ok(RestoreLink::Cancel { reference, opened_at, address }) => (
            "A request for access",
            format!(
                "Somebody asked for access in your name {}, from the network address {address}. The request has the \
                 number {reference}.",
                words::moment(opened_at, place.state.service.now()).words,
            ),
            "Cancel the request",
            "trash-2",
            "danger",
            "If it was you, close this page: the request stays.",
        ),
        Ok(RestoreLink::Email { to }) => (
            "Your new e-mail address",
            format!("{to} becomes your e-mail address for {}. The old one is told.", place.shown_name()),
            "Use this address",
            "check",
            "primary",
            "If you did not ask for it, close this page: nothing changes.",
        ),
        Err(error) if error.status == StatusCode::NOT_FOUND => return useless(&place),
        Err(error) => return place.answer(Err(error)),
    };
    let page = RestoreLinkPage {
        page: place.outside(heading),
        portal: place.portal(),
        heading,
        text,
        key,
        button,
        icon,
        kind,
        otherwise,
    };
    html(StatusCode::OK, &page)
}

/// Does what the link is for.
pub(super) async fn link_used(place: Place, form: Form) -> Response {
    let result = async {
        let PageForm(typed) = form?;
        let (alias, key, visit) = (place.alias.clone(), typed.text("k").to_owned(), place.visit());
        let used = place.state.blocking(move |service| service.use_restore_link(&alias, &key, &visit)).await;
        match used {
            Ok(RestoreLink::Cancel { .. }) => {
                let text = "Nothing changes in your name. If it happens again, ask for help.";
                Ok(said(&place, StatusCode::OK, "The request is cancelled", text))
            }
            Ok(RestoreLink::Email { .. }) => {
                let text = "Codes and notices go there from now on. Both addresses are told.";
                Ok(said(&place, StatusCode::OK, "Your e-mail address is changed", text))
            }
            Err(error) if error.status == StatusCode::NOT_FOUND => Ok(useless(&place)),
            Err(error) => Err(error),
        }
    };
    let result = result.await;
    place.answer(result)
}
