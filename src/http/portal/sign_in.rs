//! Sign-in in three pages, the same for every login that exists or not.

use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Deserialize;

use super::keypad;
use super::place::Place;
use super::synchronize::{codes_problem, outcome_notice};
use crate::clock::UnixTime;
use crate::http::auth::Cookie;
use crate::http::codes::{Typed, code_problem, fields_with, repeated_at, ring_of};
use crate::http::error::ApiError;
use crate::http::extract::PageForm;
use crate::http::frame::html;
use crate::http::page::portal::{Login, MailedOtp, Otp as OtpPage, Unusual, Verify};
use crate::http::page::{Code, Field, Notice, Ring, Tone};
use crate::model;
use crate::oath::{CodeShape, Otp};
use crate::secret::{BearerToken, Passphrase};
use crate::service::{
    KeypadPage, MailTokenView, PortalSession, PortalState, SecondPage, SequenceOutcome, SequenceResult,
    ThirdPage,
};
use crate::words::Words;

type Form<T> = Result<PageForm<T>, ApiError>;

#[derive(Deserialize)]
pub(super) struct LoginForm {
    #[serde(default)]
    login: String,
}

#[derive(Deserialize)]
pub(super) struct SecretForm {
    #[serde(default)]
    secret: String,
    #[serde(default)]
    time_zone: String,
    #[serde(default)]
    screen: String,
}

#[derive(Deserialize)]
pub(super) struct NoFields {}

/// The short address leads to the first page.
pub(super) async fn start(place: Place) -> Response {
    place.go("portal")
}

fn login_page(place: &Place, status: StatusCode, login: Field, notice: Option<Notice>) -> Response {
    let title = place.words.with("sign-in-title", &[("place", place.shown_name().into())]);
    html(status, &Login { page: place.outside(&title), portal: place.portal(), login, notice })
}

/// Page 1.
pub(super) async fn login(place: Place) -> Response {
    let notice = if place.query == "signed-out" {
        Some(Notice::new(Tone::Good, &place.words.text("sign-in-left"), ""))
    } else if place.ended {
        Some(Notice::say(Tone::Neutral, place.words, "sign-in-ended"))
    } else {
        None
    };
    login_page(&place, StatusCode::OK, Field::default(), notice)
}

/// Page 1, sent: the answer does not depend on whether the login exists.
pub(super) async fn begin(place: Place, form: Form<LoginForm>) -> Response {
    let result = async {
        let PageForm(LoginForm { login: typed }) = form?;
        let login = match model::Login::parse(&typed) {
            Ok(login) => login,
            Err(error) => {
                let field = Field::wrong(&typed, &place.name_problem(&error));
                return Ok(login_page(&place, StatusCode::UNPROCESSABLE_ENTITY, field, None));
            }
        };
        let (alias, visit) = (place.alias.clone(), place.visit());
        let begun = place.state.blocking(move |service| service.portal_begin(&alias, &login, &visit));
        Ok(place.go_with("verify", Some(&begun.await?)))
    };
    let result = result.await;
    place.answer(result)
}

fn second_page(place: &Place, session: &PortalSession, status: StatusCode, problem: Problem) -> Response {
    let login = match &session.stage {
        model::LoginStage::LoginTyped { login, .. } => login.as_str().to_owned(),
        _ => String::new(),
    };
    let (secret, notice) = match problem {
        Problem::None => (Field::default(), None),
        Problem::Field(error) => (Field::wrong("", &error), None),
        Problem::Notice(notice) => (Field::default(), Some(notice)),
    };
    let page = place.outside(&place.words.text("verify-title"));
    html(status, &Verify { page, portal: place.portal(), login, secret, notice })
}

enum Problem {
    None,
    Field(String),
    Notice(Notice),
}

/// Too many tries, in words.
pub(super) fn blocked(words: Words, until: Option<UnixTime>, now: UnixTime) -> Notice {
    let text = match until {
        Some(until) => words.with("tries-next", &[("wait", words.wait(until, now).into())]),
        None => words.text("tries-ask"),
    };
    Notice::new(Tone::Bad, &words.text("tries-too-many"), &text)
}

/// What was typed does not fit; the second text says what to do.
pub(super) fn did_not_fit(words: Words, what_to_do: &str) -> Notice {
    Notice::new(Tone::Bad, &words.text("did-not-fit"), &words.text(what_to_do))
}

/// The code that was typed was spent before, in words.
pub(super) fn code_used(words: Words, shape: Option<CodeShape>) -> Notice {
    Notice::new(Tone::Attention, &words.text("code-used"), &words.text(next_code(shape)))
}

/// What to do about a code that is spent or did not fit.
pub(super) const fn next_code(shape: Option<CodeShape>) -> &'static str {
    match shape {
        Some(CodeShape::Modhex) => "did-not-fit.touch",
        _ => "did-not-fit.next-code",
    }
}

/// No further code is mailed, in words.
pub(super) fn enough_mails(words: Words) -> Notice {
    Notice::say(Tone::Attention, words, "mails-enough")
}

/// Says to programs, too, when the next try makes sense.
pub(super) fn with_wait(mut page: Response, until: Option<UnixTime>, now: UnixTime) -> Response {
    if let Some(secs) = until.and_then(|until| u64::try_from(until.secs_since(now)).ok()) {
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs.max(1)));
    }
    page
}

/// Page 2.
pub(super) async fn second(place: Place) -> Response {
    match place.at(PortalState::LoginTyped) {
        Ok(session) => second_page(&place, &session, StatusCode::OK, Problem::None),
        Err(elsewhere) => elsewhere,
    }
}

/// Page 2, sent.
pub(super) async fn verify(place: Place, form: Form<SecretForm>) -> Response {
    let session = match place.at(PortalState::LoginTyped) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = verified(&place, session, form).await;
    place.answer(result)
}

async fn verified(
    place: &Place,
    session: Arc<PortalSession>,
    form: Form<SecretForm>,
) -> Result<Response, ApiError> {
    let PageForm(SecretForm { secret, time_zone, screen }) = form?;
    if secret.trim().is_empty() {
        let problem = Problem::Field(place.words.text("verify-empty"));
        return Ok(second_page(place, &session, StatusCode::UNPROCESSABLE_ENTITY, problem));
    }
    let visit = place.visit_of(&time_zone, &screen);
    let (secret, asked) = (Passphrase::from_text(secret), Arc::clone(&session));
    let outcome = place.state.blocking(move |service| service.portal_second(&asked, &secret, &visit));
    Ok(match outcome.await? {
        SecondPage::Passed { cookie, owes_code } => {
            place.go_with(if owes_code { "otp" } else { "home" }, Some(&cookie))
        }
        SecondPage::CodeMailed { cookie } => place.go_with("unusual", Some(&cookie)),
        SecondPage::NoWayToAsk => {
            let whom = [("whom", place.whom_to_ask().into())];
            let notice = Notice::tell(Tone::Attention, place.words, "verify-no-way", &whom);
            second_page(place, &session, StatusCode::FORBIDDEN, Problem::Notice(notice))
        }
        SecondPage::Refused => {
            let notice = did_not_fit(place.words, "did-not-fit.secret");
            second_page(place, &session, StatusCode::UNPROCESSABLE_ENTITY, Problem::Notice(notice))
        }
        SecondPage::Blocked { until } => {
            let notice = blocked(place.words, until, place.state.service.now());
            let page = second_page(place, &session, StatusCode::TOO_MANY_REQUESTS, Problem::Notice(notice));
            with_wait(page, until, place.state.service.now())
        }
    })
}

/// What page 3 shows beside its frame.
#[derive(Default)]
struct Third {
    problem: Option<String>,
    synchronize: Vec<Code>,
    notice: Option<Notice>,
}

/// The token that owes a code.
struct Owed {
    ring: Option<Ring>,
    /// How many codes bring it back.
    count: usize,
    /// Its codes are mailed.
    mailed: Option<MailTokenView>,
    /// It has a keypad: each code answers a challenge.
    keypad: bool,
    /// What its codes are made of.
    shape: Option<CodeShape>,
}

impl Owed {
    /// The fields that bring the token back. What a keypad is asked says how many there are.
    fn fields(&self, words: Words) -> Vec<Code> {
        Code::shaped(Code::fields(words, if self.keypad { 1 } else { self.count }), self.shape)
    }

    /// What the page is called, and what is done there.
    const fn said(&self) -> (&'static str, &'static str) {
        match self.shape {
            _ if self.mailed.is_some() => ("mailed-code", ""),
            Some(CodeShape::Modhex) => ("otp-heading-key", "otp-heading-key.lead"),
            Some(CodeShape::Hex) => ("otp-heading", "otp-heading.lead-letters"),
            _ => ("otp-heading", "otp-heading.lead"),
        }
    }

    /// What to do after a code that was refused, where there is no other way.
    const fn again(&self) -> &'static str {
        match self.shape {
            Some(CodeShape::Modhex) => "otp-refused.touch",
            _ => "otp-refused.ask",
        }
    }
}

async fn owed(place: &Place, session: &Arc<PortalSession>) -> Result<Owed, ApiError> {
    let (session, visit) = (Arc::clone(session), place.visit());
    let read = place.state.blocking(move |service| {
        let actor = session.actor(&visit);
        let count = service.resource(&actor, &session.resource.name)?.confirm_codes;
        let tokens = match &session.user {
            Some(user) => service.tokens_of_user(&actor, &user.login)?,
            None => Vec::new(),
        };
        let here = |view: &&crate::service::TokenView| {
            view.assignments.iter().any(|(resource, kind, _)| {
                resource == session.resource.name.as_str() && *kind == model::AssignmentKind::TokenWithUser
            })
        };
        let token = tokens.iter().find(here);
        let ring = token.and_then(|token| ring_of(token, service.now()));
        let keypad = token.is_some_and(|token| token.spec.suite().is_some());
        let shape = token.and_then(|token| token.spec.shape());
        Ok(Owed { ring, count, mailed: service.mail_token(&session)?, keypad, shape })
    });
    read.await
}

async fn third_page(
    place: &Place,
    session: &Arc<PortalSession>,
    status: StatusCode,
    owed: &Owed,
    mut third: Third,
) -> Result<Response, ApiError> {
    let label = place.words.text("code");
    let code = Code { name: "otp".into(), label, challenge: None, letters: false, error: third.problem };
    let mut code = Code::shaped(vec![code], owed.shape).remove(0);
    if owed.keypad {
        let asked = keypad::asked(place, session, KeypadPage::SignIn, vec![code.clone()]).await?;
        code = asked.fields.into_iter().next().unwrap_or(code);
        if asked.notice.is_some() {
            // What cannot be asked cannot be brought back either; an emergency code still can be typed.
            third.synchronize.clear();
        }
        third.notice = asked.notice.or(third.notice);
        if !third.synchronize.is_empty() {
            let page = KeypadPage::Synchronization;
            let asked = keypad::asked(place, session, page, third.synchronize).await?;
            (third.synchronize, third.notice) = (asked.fields, asked.notice.or(third.notice));
        }
    }
    let (heading, lead) = owed.said();
    let title = place.words.text(heading);
    let page = OtpPage {
        page: place.outside(&title),
        portal: place.portal(),
        code,
        mailed: owed.mailed.as_ref().map(|mailed| MailedOtp {
            hint: mailed.hint.clone().unwrap_or_default(),
            waits: mailed.until.is_some(),
        }),
        synchronize: third.synchronize,
        ring: owed.ring.clone(),
        notice: third.notice,
        lead: if lead.is_empty() { String::new() } else { place.words.text(lead) },
        heading: title,
    };
    Ok(html(status, &page))
}

/// Page 3.
pub(super) async fn third(place: Place) -> Response {
    let session = match place.at(PortalState::OtpOwed) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = async {
        let owed = owed(&place, &session).await?;
        third_page(&place, &session, StatusCode::OK, &owed, Third::default()).await
    };
    let result = result.await;
    place.answer(result)
}

/// Page 3, sent: one code, or consecutive ones.
pub(super) async fn prove(place: Place, form: Form<Typed>) -> Response {
    let session = match place.at(PortalState::OtpOwed) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = async {
        let PageForm(typed) = form?;
        if !typed.text("mail").is_empty() {
            mailed_again(&place, session).await
        } else if typed.text("synchronize").is_empty() {
            proved(&place, session, &typed).await
        } else {
            brought_back(&place, session, &typed).await
        }
    };
    let result = result.await;
    place.answer(result)
}

/// Another code of a mail token.
async fn mailed_again(place: &Place, session: Arc<PortalSession>) -> Result<Response, ApiError> {
    let (asked, visit) = (Arc::clone(&session), place.visit());
    let sent = place.state.blocking(move |service| service.mail_token_code(&asked, &visit)).await?;
    let owed = owed(place, &session).await?;
    let notice = match &owed.mailed {
        // The page says it by itself.
        None | Some(MailTokenView { hint: None, .. }) => None,
        Some(_) if sent => Some(Notice::say(Tone::Neutral, place.words, "otp-mail-sent")),
        Some(_) => Some(enough_mails(place.words)),
    };
    third_page(place, &session, StatusCode::OK, &owed, Third { notice, ..Third::default() }).await
}

async fn proved(place: &Place, session: Arc<PortalSession>, typed: &Typed) -> Result<Response, ApiError> {
    let owed = owed(place, &session).await?;
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    let otp = match Otp::parse_shaped(typed.text("otp"), owed.shape) {
        Ok(otp) => otp,
        Err(error) => {
            let third = Third { problem: Some(code_problem(place.words, error)), ..Third::default() };
            return third_page(place, &session, unfit, &owed, third).await;
        }
    };
    let visit = place.visit_of(typed.text("time_zone"), typed.text("screen"));
    let asked = Arc::clone(&session);
    let outcome = place.state.blocking(move |service| service.portal_third(&asked, &otp, &visit));
    let refused = |what_to_do| {
        Some(Notice::new(Tone::Bad, &place.words.text("otp-refused"), &place.words.text(what_to_do)))
    };
    Ok(match outcome.await? {
        ThirdPage::Passed { cookie } => place.go_with("home", Some(&cookie)),
        ThirdPage::AlreadyUsed => {
            let notice = Some(match &owed.mailed {
                None if owed.keypad => Notice::say(Tone::Attention, place.words, "challenge-past"),
                None => code_used(place.words, owed.shape),
                Some(_) => Notice::say(Tone::Attention, place.words, "otp-past"),
            });
            third_page(place, &session, unfit, &owed, Third { notice, ..Third::default() }).await?
        }
        ThirdPage::Refused { .. } if owed.mailed.is_some() => {
            let notice = refused("did-not-fit.mailed-code");
            third_page(place, &session, unfit, &owed, Third { notice, ..Third::default() }).await?
        }
        ThirdPage::Refused { can_synchronize: true } => {
            let notice = refused("otp-refused.synchronize");
            let third = Third { synchronize: owed.fields(place.words), notice, problem: None };
            third_page(place, &session, unfit, &owed, third).await?
        }
        ThirdPage::Refused { can_synchronize: false } => {
            let notice = refused(owed.again());
            third_page(place, &session, unfit, &owed, Third { notice, ..Third::default() }).await?
        }
        ThirdPage::Blocked { until } => {
            let notice = Some(blocked(place.words, until, place.state.service.now()));
            let third = Third { notice, ..Third::default() };
            let page = third_page(place, &session, StatusCode::TOO_MANY_REQUESTS, &owed, third).await?;
            with_wait(page, until, place.state.service.now())
        }
    })
}

async fn brought_back(
    place: &Place,
    session: Arc<PortalSession>,
    typed: &Typed,
) -> Result<Response, ApiError> {
    let owed = owed(place, &session).await?;
    let count = owed.fields(place.words).len();
    let again = |synchronize, notice| {
        let unfit = StatusCode::UNPROCESSABLE_ENTITY;
        third_page(place, &session, unfit, &owed, Third { synchronize, notice, problem: None })
    };
    let codes = match typed.codes(place.words, count, owed.shape) {
        Ok(codes) => codes,
        Err(fields) => return again(fields, None).await,
    };
    let (given, repeated) = (codes.len(), repeated_at(&codes));
    let (asked, visit) =
        (Arc::clone(&session), place.visit_of(typed.text("time_zone"), typed.text("screen")));
    let outcome =
        place.state.blocking(move |service| service.portal_third_synchronize(&asked, &codes, &visit));
    match outcome.await {
        Ok((_, Some(cookie))) => Ok(place.go_with("home", Some(&cookie))),
        Ok((SequenceOutcome { result: SequenceResult::Synchronized { .. }, .. }, None)) => {
            // The PIN did not stand beside the codes, or the sign-in comes from an unusual environment: the
            // next code is told which.
            let notice = Some(Notice::say(Tone::Good, place.words, "otp-synchronized"));
            third_page(place, &session, StatusCode::OK, &owed, Third { notice, ..Third::default() }).await
        }
        Ok((outcome, None)) => {
            let notice = outcome_notice(place, &outcome);
            let fields = Code::fields(place.words, outcome.otps_needed.max(count));
            again(Code::shaped(fields, owed.shape), Some(notice)).await
        }
        Err(error) => match codes_problem(place.words, &error, given, repeated) {
            Some((fields, notice)) => again(fields, notice).await,
            None => Err(error),
        },
    }
}

/// The code that an unusual browser asks for beside the password.
pub(super) async fn unusual(place: Place) -> Response {
    let session = match place.at(PortalState::CodeOwed) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = unusual_page(&place, &session, StatusCode::OK, Field::default(), None).await;
    place.answer(result)
}

async fn unusual_page(
    place: &Place,
    session: &Arc<PortalSession>,
    status: StatusCode,
    code: Field,
    notice: Option<Notice>,
) -> Result<Response, ApiError> {
    let asked = Arc::clone(session);
    let waits = place.state.blocking(move |service| service.unusual_code(&asked)).await?.is_some();
    let page = place.outside(&place.words.text("unusual-heading"));
    Ok(html(status, &Unusual { page, portal: place.portal(), waits, code, notice }))
}

/// The same, sent; or another code asked for.
pub(super) async fn unusual_sent(place: Place, form: Form<Typed>) -> Response {
    let session = match place.at(PortalState::CodeOwed) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = async {
        let PageForm(typed) = form?;
        let visit = place.visit_of(typed.text("time_zone"), typed.text("screen"));
        if !typed.text("mail").is_empty() {
            let asked = Arc::clone(&session);
            let sent = place.state.blocking(move |service| service.mail_unusual(&asked, &visit)).await?;
            let notice = if sent {
                Notice::say(Tone::Neutral, place.words, "unusual-sent")
            } else {
                enough_mails(place.words)
            };
            return unusual_page(&place, &session, StatusCode::OK, Field::default(), Some(notice)).await;
        }
        let unfit = StatusCode::UNPROCESSABLE_ENTITY;
        if typed.text("code").is_empty() {
            let field = Field::wrong("", &place.words.text("mailed-code.empty"));
            return unusual_page(&place, &session, unfit, field, None).await;
        }
        let (code, asked) = (typed.secret("code"), Arc::clone(&session));
        let outcome = place.state.blocking(move |service| service.portal_unusual(&asked, &code, &visit));
        Ok(match outcome.await? {
            SecondPage::Passed { cookie, .. } | SecondPage::CodeMailed { cookie } => {
                place.go_with("home", Some(&cookie))
            }
            SecondPage::Refused | SecondPage::NoWayToAsk => {
                let notice = did_not_fit(place.words, "did-not-fit.mailed-code");
                unusual_page(&place, &session, unfit, Field::default(), Some(notice)).await?
            }
            SecondPage::Blocked { until } => {
                let now = place.state.service.now();
                let status = StatusCode::TOO_MANY_REQUESTS;
                let notice = Some(blocked(place.words, until, now));
                let page = unusual_page(&place, &session, status, Field::default(), notice).await?;
                with_wait(page, until, now)
            }
        })
    };
    let result = result.await;
    place.answer(result)
}

/// Fields that name the repeated code, or the one of a wrong length.
pub(super) fn misfit(words: Words, error: &ApiError, given: usize, repeated: usize) -> Option<Vec<Code>> {
    match error.code {
        "same_code_twice" => Some(fields_with(words, given, repeated, &words.text("code-same-twice"))),
        "otp_length" => Some(fields_with(words, given, 0, &words.text("code-all-digits"))),
        "otps_count" => Some(fields_with(words, given.max(2), 1, &words.text("code-next-too"))),
        _ => None,
    }
}

/// Ends the visit.
pub(super) async fn leave(place: Place, headers: axum::http::HeaderMap, form: Form<NoFields>) -> Response {
    let result = async {
        let PageForm(NoFields {}) = form?;
        let cookie: Option<BearerToken> = Cookie::Portal.read(&headers, place.state.settings.secure);
        if let Some(cookie) = cookie {
            place.state.blocking(move |service| service.sign_out(&cookie)).await?;
        }
        Ok(place.go_with("portal?signed-out", None))
    };
    let result = result.await;
    place.answer(result)
}
