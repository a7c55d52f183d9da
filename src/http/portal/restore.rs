//! *Restore access*: a few pages of one question each, the same for every login that exists or not; and the
//! pages behind the links in mails.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::place::Place;
use super::profile::UNFIT;
use super::sign_in::{blocked, did_not_fit, with_wait};
use crate::http::codes::{Typed, code_problem};
use crate::http::error::ApiError;
use crate::http::extract::PageForm;
use crate::http::frame::html;
use crate::http::page::portal::Closed;
use crate::http::page::portal::restore::{LostBox, Restore, RestoreForm, RestoreLinkPage};
use crate::http::page::{Code, Field, Notice, Tone};
use crate::model::{EmailAddress, Factors, LoginStage, RestoreDraft};
use crate::oath::Otp;
use crate::service::{
    PortalSession, PortalState, RESTORE_PASSWORD_CHARS, RestoreLink, RestoreProof, RestoreResult,
    RestoreStep, RestoreTyped,
};
use crate::words::Words;

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
    let title = place.words.text(match step {
        RestoreForm::Sent { .. } => "restore-sent",
        _ => "restore-access",
    });
    let login = match (&session.stage, &session.user) {
        (LoginStage::LoginTyped { login, .. }, _) => login.as_str().to_owned(),
        (_, Some(user)) => user.login.as_str().to_owned(),
        (_, None) => String::new(),
    };
    let (back, back_words) = match session.state() {
        PortalState::LoginTyped | PortalState::CodeOwed => ("verify", "restore-to-sign-in"),
        PortalState::OtpOwed => ("otp", "restore-to-sign-in"),
        PortalState::Full => ("home", "page-to-home"),
    };
    let frame =
        if session.state() == PortalState::Full { place.inside(&title) } else { place.outside(&title) };
    Restore {
        page: frame,
        portal: place.portal(),
        login,
        offers_again: !matches!(step, RestoreForm::Lost { .. } | RestoreForm::Sent { .. }),
        step,
        empty: Field::default(),
        notice,
        back,
        back_words: place.words.text(back_words),
    }
}

fn proof_form(
    words: Words,
    lost: Factors<bool>,
    otp_error: Option<String>,
    error: Option<String>,
) -> RestoreForm {
    let label = words.text("otp-heading");
    // Nobody is known here yet, so no token says what its codes are made of: a keyboard of digits would shut some out.
    let otp = Code { name: "otp".into(), label, challenge: None, letters: true, error: otp_error };
    RestoreForm::Proof {
        password: !lost.password,
        code: !lost.email,
        otp: (!lost.token).then_some(otp),
        error,
    }
}

fn password_form(words: Words, new: Field, again: Field) -> RestoreForm {
    let hint = words.with("restore-password.hint", &[("least", RESTORE_PASSWORD_CHARS.into())]);
    RestoreForm::Password { new, hint, again }
}

/// What is asked for, in lines.
fn asks(words: Words, draft: &RestoreDraft) -> Vec<String> {
    let mut lines = Vec::new();
    if draft.lost.token {
        lines.push(words.text("restore-asks.token"));
    }
    if draft.lost.password {
        lines.push(words.text("restore-asks.password"));
    }
    if let Some(to) = &draft.new_email {
        lines.push(words.with("restore-asks.email", &[("to", to.as_str().into())]));
    }
    lines
}

/// What comes after sending, in lines: it follows from what was typed and from the portal's own settings.
fn next_steps(place: &Place, draft: &RestoreDraft) -> Vec<String> {
    let words = place.words;
    let rules = place.resource.portal.as_ref();
    let mut call = words.with("restore-next-call", &[("place", place.shown_name().into())]);
    if let Some(help) = place.portal().help {
        call = format!("{call} {help}");
    }
    let mut lines = vec![call, words.text("restore-next-identity")];
    let is_all_lost = draft.lost == Factors { token: true, password: true, email: true };
    if is_all_lost {
        lines.push(match rules.map_or(0, |portal| portal.restore_wait_hours) {
            0 => words.text("restore-next-two"),
            hours => {
                let wait = words.duration(u64::from(hours) * 3_600);
                words.with("restore-next-two-wait", &[("wait", wait.into())])
            }
        });
    }
    if draft.lost.email {
        lines.push(words.text("restore-next-link"));
    }
    lines.push(words.text("restore-next-sign-in"));
    lines.push(words.text("restore-next-found"));
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
        (RestoreStep::Proof, Some(draft)) => proof_form(place.words, draft.lost, None, None),
        (RestoreStep::Password, _) => password_form(place.words, Field::default(), Field::default()),
        (RestoreStep::Email, _) => RestoreForm::Email { address: Field::default() },
        (RestoreStep::Send, Some(draft)) => RestoreForm::Send { asks: asks(place.words, draft) },
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
    Ok(RestoreForm::Lost { boxes: LostBox::list(place.words, row(proved), row(ticked)), error })
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
            let step = lost_form(place, session, ticked, Some(place.problem(&error))).await?;
            Ok(html(UNFIT, &page(place, session, step, None)))
        }
        Err(error) => Err(error),
    }
}

async fn proof(place: &Place, session: &Arc<PortalSession>, typed: &Typed) -> Result<Response, ApiError> {
    let Some(lost) = session.restore.as_ref().map(|draft| draft.lost) else { return Ok(place.go("restore")) };
    let again = |otp_error, error, notice| {
        page(place, session, proof_form(place.words, lost, otp_error, error), notice)
    };
    let given =
        |name: &str, is_lost: bool| (!is_lost && !typed.text(name).is_empty()).then(|| typed.secret(name));
    let otp = match typed.text("otp") {
        text if text.is_empty() || lost.token => None,
        text => match Otp::parse_shaped(text, None) {
            Ok(otp) => Some(otp),
            Err(error) => return Ok(html(UNFIT, &again(Some(code_problem(place.words, error)), None, None))),
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
            let notice = did_not_fit(place.words, "restore-have.refused");
            Ok(html(UNFIT, &again(None, None, Some(notice))))
        }
        Ok(RestoreProof::Blocked { until }) => {
            let now = place.state.service.now();
            let page = again(None, None, Some(blocked(place.words, until, now)));
            Ok(with_wait(html(StatusCode::TOO_MANY_REQUESTS, &page), until, now))
        }
        Err(error) if error.field == Some("proof") => {
            Ok(html(UNFIT, &again(None, Some(place.words.text("restore-have.empty")), None)))
        }
        Err(error) => Err(error),
    }
}

async fn password(place: &Place, session: &Arc<PortalSession>, typed: &Typed) -> Result<Response, ApiError> {
    let (new, again) = (typed.secret("new"), typed.secret("again"));
    let wrong = |new: Option<String>, again: Option<String>| {
        let field = |error| Field { value: String::new(), error };
        let step = password_form(place.words, field(new), field(again));
        html(UNFIT, &page(place, session, step, None))
    };
    if new.is_empty() {
        return Ok(wrong(Some(place.words.text("restore-password.empty")), None));
    }
    if !new.ct_eq(&again) {
        return Ok(wrong(None, Some(place.words.text("restore-password.differ"))));
    }
    let (asked, chars) = (Arc::clone(session), new.chars());
    match place.state.blocking(move |service| service.portal_restore_password(&asked, &new)).await {
        Ok(()) => Ok(place.go("restore")),
        Err(error) if error.field == Some("password") => {
            Ok(wrong(Some(place.password_problem(&error, chars, RESTORE_PASSWORD_CHARS)), None))
        }
        Err(error) => Err(error),
    }
}

async fn email(place: &Place, session: &Arc<PortalSession>, typed: &Typed) -> Result<Response, ApiError> {
    let text = typed.text("email");
    let to = match EmailAddress::parse(text) {
        Ok(to) => to,
        Err(error) => {
            let address = Field::wrong(text, &place.name_problem(&error));
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
            let wait = [("wait", place.words.wait(until, now).into())];
            let notice = Notice::tell(Tone::Attention, place.words, "restore-enough", &wait);
            let page = present(place, session, Some(notice)).await?;
            Ok(with_wait(html(StatusCode::TOO_MANY_REQUESTS, &page), Some(until), now))
        }
    }
}

fn said(place: &Place, status: StatusCode, id: &str) -> Response {
    let notice = Notice::say(Tone::Neutral, place.words, id);
    let page = Closed {
        page: place.outside(&notice.title),
        portal: place.portal(),
        notice,
        again: Some(place.path("portal")),
    };
    html(status, &page)
}

/// The page of every link that does nothing, whatever the reason.
fn useless(place: &Place) -> Response {
    said(place, StatusCode::NOT_FOUND, "link-useless")
}

/// What a link in a mail would do.
pub(super) async fn link(place: Place) -> Response {
    let key = place.query.strip_prefix("k=").unwrap_or_default().to_owned();
    let (alias, asked) = (place.alias.clone(), key.clone());
    let result = place.state.blocking(move |service| service.restore_link(&alias, &asked)).await;
    let words = place.words;
    let (id, text, icon, kind) = match result {
        Ok(RestoreLink::Cancel { reference, opened_at, address }) => {
            let about = [
                ("when", place.moment(opened_at).words.into()),
                ("address", address.into()),
                ("reference", reference.to_string().into()),
            ];
            ("link-cancel", words.with("link-cancel.text", &about), "trash-2", "danger")
        }
        Ok(RestoreLink::Email { to }) => {
            let about = [("to", to.as_str().into()), ("place", place.shown_name().into())];
            ("link-email", words.with("link-email.text", &about), "check", "primary")
        }
        Err(error) if error.status == StatusCode::NOT_FOUND => return useless(&place),
        Err(error) => return place.answer(Err(error)),
    };
    let heading = words.text(id);
    let page = RestoreLinkPage {
        page: place.outside(&heading),
        portal: place.portal(),
        heading,
        text,
        key,
        button: words.text(&format!("{id}.button")),
        icon,
        kind,
        otherwise: words.text(&format!("{id}.otherwise")),
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
            Ok(RestoreLink::Cancel { .. }) => Ok(said(&place, StatusCode::OK, "link-cancelled")),
            Ok(RestoreLink::Email { .. }) => Ok(said(&place, StatusCode::OK, "link-email-changed")),
            Err(error) if error.status == StatusCode::NOT_FOUND => Ok(useless(&place)),
            Err(error) => Err(error),
        }
    };
    let result = result.await;
    place.answer(result)
}
