//! Who is there, asked again before something that matters.
//!
//! What follows is one of a fixed list, never an address from outside. What was typed and is no secret goes
//! along: after the proof the browser sends the same form on to the action (307), now with a proof behind it.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::keypad;
use super::place::{Inside, Place, Sent};
use super::sign_in::{blocked, code_used, did_not_fit, next_code, with_wait};
use crate::clock::UnixTime;
use crate::http::codes::{Typed, code_problem, ring_of};
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::portal::profile::{Asked, Prove};
use crate::http::page::{Choice, Code, Field, Notice, Tone};
use crate::oath::{CodeShape, Otp};
use crate::service::{
    KeypadPage, PortalSession, PortalState, ProofAsked, ProofResult, ProvingToken, Service,
};
use crate::words::Words;

/// An action that asks for a proof.
#[derive(Debug)]
pub(super) struct Then {
    /// Its name in `?then=`.
    name: &'static str,
    /// Its page.
    page: &'static str,
    /// Where its form goes.
    form: &'static str,
    /// The message that says why the proof is asked for.
    why: &'static str,
    /// The fields of its form that go along; none when its form has nothing to keep. Never a secret or a code.
    pub(super) fields: &'static [&'static str],
}

/// *Change Login*.
pub(super) const LOGIN: Then =
    Then { name: "login", page: "login", form: "login", why: "prove-why.login", fields: &["login"] };

/// *Change Email Address*.
pub(super) const EMAIL: Then =
    Then { name: "email", page: "email", form: "email", why: "prove-why.email", fields: &["email"] };

/// *Change Email Address*, once the code came: a token came between.
pub(super) const EMAIL_CODE: Then = Then { name: "email-code", form: "email/code", fields: &[], ..EMAIL };

/// *Create Password*, beside a token.
pub(super) const FIRST_PASSWORD: Then = Then {
    name: "first-password",
    page: "password/new",
    form: "password/new",
    why: "prove-why.first-password",
    fields: &[],
};

/// *Change Password*, beside a token.
pub(super) const PASSWORD: Then =
    Then { name: "password", page: "password", form: "password", why: "prove-why.password", fields: &[] };

/// Trust in *Manage User Environment*.
pub(super) const TRUST: Then = Then {
    name: "environment",
    page: "environment",
    form: "environment/trust",
    why: "prove-why.trust",
    fields: &["number"],
};

/// Forgetting in *Manage User Environment*.
pub(super) const FORGET: Then = Then {
    name: "forget-environment",
    form: "environment",
    why: "prove-why.forget",
    fields: &["number", "step"],
    ..TRUST
};

/// *Existing Token Registration*, beside a token on another resource.
pub(super) const CONFIRM: Then = Then {
    name: "confirm",
    page: "tokens/confirm",
    form: "tokens/confirm",
    why: "prove-why.another-token",
    fields: &["serial", "keypad", "letters", "unread"],
};

/// What the forms that set up a token hold besides its secret and its codes.
const SETUP: &[&str] = &[
    "type", "serial", "model", "kind", "digits", "step", "counter", "hash", "name", "keypad", "letters",
    "unread",
];

/// *Register New Token*, beside a token on another resource.
pub(super) const REGISTER: Then =
    Then { name: "register", page: "tokens/register", form: "tokens/register", fields: SETUP, ..CONFIRM };

/// *Re-Assign Token*.
pub(super) const REASSIGN: Then = Then {
    name: "reassign",
    page: "tokens/reassign",
    form: "tokens/reassign",
    why: "prove-why.reassign",
    fields: SETUP,
};
/// *Unassign Token*.
pub(super) const UNASSIGN: Then = Then {
    name: "unassign",
    page: "tokens/unassign",
    form: "tokens/unassign",
    why: "prove-why.unassign",
    fields: &[],
};
/// *Remove PIN*.
pub(super) const REMOVE_PIN: Then = Then {
    name: "remove-pin",
    page: "tokens/pin/remove",
    form: "tokens/pin/remove",
    why: "prove-why.remove-pin",
    fields: &[],
};

/// All that may follow.
const FOLLOWING: &[&Then] = &[
    &LOGIN,
    &EMAIL,
    &EMAIL_CODE,
    &FIRST_PASSWORD,
    &PASSWORD,
    &TRUST,
    &FORGET,
    &CONFIRM,
    &REGISTER,
    &REASSIGN,
    &UNASSIGN,
    &REMOVE_PIN,
];

fn following(name: &str) -> Option<&'static Then> {
    FOLLOWING.iter().copied().find(|then| then.name == name)
}

/// Whether a form was sent on by the page of the proof: it has what was typed before, but no secret and no code.
pub(super) fn was_sent_on(typed: &Typed) -> bool {
    !typed.text("then").is_empty()
}

/// What is said above such a form.
pub(super) fn type_again(words: Words, id: &str) -> Notice {
    Notice::new(Tone::Neutral, &words.text(id), &words.text("type-again-rest"))
}

impl Then {
    fn kept(&self, typed: &Typed) -> Vec<(&'static str, String)> {
        let typed = self.fields.iter().map(|field| (*field, typed.text(field).to_owned()));
        typed.filter(|(_, text)| !text.is_empty()).collect()
    }
}

fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is no action of this name")
}

impl Place {
    /// A result as an answer; when a proof is needed first, the page that asks for it, which keeps what was
    /// typed into the action's fields.
    pub(super) async fn answer_or_prove(
        &self,
        result: Result<Response, ApiError>,
        then: &'static Then,
        typed: &Typed,
    ) -> Response {
        match result {
            Err(error) if error.code == "proof_needed" => {
                let page = match self.at(PortalState::Full) {
                    Ok(session) => asking(self, &session, then, then.kept(typed))
                        .await
                        .map(|page| html(StatusCode::OK, &page)),
                    Err(elsewhere) => Ok(elsewhere),
                };
                self.answer(page)
            }
            other => self.answer(other),
        }
    }

    /// The way to the proof, when an action's page is opened and the last one is too old.
    pub(super) async fn prove_first(
        &self,
        session: &Arc<PortalSession>,
        then: &'static Then,
    ) -> Result<Option<Response>, ApiError> {
        let asked = Arc::clone(session);
        match self.state.blocking(move |service| service.require_fresh(&asked)).await {
            Ok(()) => Ok(None),
            Err(error) if error.code == "proof_needed" => {
                Ok(Some(self.go(&format!("prove?then={}", then.name))))
            }
            Err(error) => Err(error),
        }
    }

    /// The same for actions that ask for nothing but the code of a token that is in use.
    pub(super) async fn prove_code_first(
        &self,
        session: &Arc<PortalSession>,
        then: &'static Then,
    ) -> Result<Option<Response>, ApiError> {
        let asked = Arc::clone(session);
        match self.state.blocking(move |service| service.portal_proof(&asked)).await? {
            ProofAsked::Code(_) => self.prove_first(session, then).await,
            _ => Ok(None),
        }
    }
}

/// The field for the code of one of these tokens.
fn code_of(words: Words, tokens: &[ProvingToken], now: UnixTime) -> Asked {
    let code =
        Code { name: "otp".into(), label: words.text("code"), challenge: None, letters: false, error: None };
    let letters = tokens.iter().any(|token| token.view.spec.shape() != Some(CodeShape::Digits));
    let code = Code { letters, ..code };
    match tokens {
        [only] => Asked::Code {
            code,
            ring: ring_of(&only.view, now),
            lead: match &only.elsewhere {
                Some(place) => words.with("prove-code-elsewhere", &[("place", place.as_str().into())]),
                None => words.text("prove-code"),
            },
            choices: Vec::new(),
        },
        several => {
            let choice = |(at, token): (usize, &ProvingToken)| {
                let place = token.elsewhere.as_ref().map(|place| format!(" ({place})")).unwrap_or_default();
                let (value, selected) = (token.handle.clone(), at == 0);
                Choice { label: format!("{}{place}", token.name), value, selected }
            };
            let choices = several.iter().enumerate().map(choice).collect();
            Asked::Code { code, ring: None, lead: words.text("prove-code.one-of-several"), choices }
        }
    }
}

/// What the codes of all of these tokens are made of; `None` when they differ.
fn shape_of(tokens: &[ProvingToken]) -> Option<CodeShape> {
    let shape = tokens.first()?.view.spec.shape();
    shape.filter(|_| tokens.iter().all(|token| token.view.spec.shape() == shape))
}

/// The page, before anything was typed into it.
async fn asking(
    place: &Place,
    session: &Arc<PortalSession>,
    then: &'static Then,
    kept: Vec<(&'static str, String)>,
) -> Result<Prove, ApiError> {
    Ok(asking_shaped(place, session, then, kept).await?.0)
}

/// The same, and what the codes that are asked for are made of, when that is known.
async fn asking_shaped(
    place: &Place,
    session: &Arc<PortalSession>,
    then: &'static Then,
    kept: Vec<(&'static str, String)>,
) -> Result<(Prove, Option<CodeShape>), ApiError> {
    let reading = Arc::clone(session);
    let asked = place.state.blocking(move |service| service.portal_proof(&reading)).await?;
    let now = place.state.service.now();
    let shape = match &asked {
        ProofAsked::Code(tokens) => shape_of(tokens),
        _ => None,
    };
    let asked = match asked {
        ProofAsked::Code(tokens) => code_of(place.words, &tokens, now),
        ProofAsked::Password => Asked::Password(Field::default()),
        ProofAsked::MailedCode { hint } => Asked::MailedCode { hint, code: None },
        ProofAsked::Nothing => Asked::Nothing,
    };
    let page = Prove {
        page: place.inside(&place.words.text("prove-heading")),
        portal: place.portal(),
        why: place.words.text(then.why),
        then: then.name,
        kept,
        asked,
        notice: None,
    };
    Ok((page, shape))
}

/// The page as it is sent. A token with a keypad is told what to answer: of several each beside its name.
async fn shown(
    place: &Place,
    session: &Arc<PortalSession>,
    status: StatusCode,
    mut page: Prove,
) -> Result<Response, ApiError> {
    if let Asked::Code { code, choices, .. } = &mut page.asked {
        if choices.is_empty() {
            let asked = keypad::asked(place, session, KeypadPage::Proof(None), vec![code.clone()]).await?;
            if let Some(asked) = asked.fields.into_iter().next() {
                *code = asked;
            }
            page.notice = asked.notice.or(page.notice);
        }
        for choice in choices {
            let (session, handle) = (Arc::clone(session), choice.value.clone());
            let ask = move |service: &Service| {
                service.portal_challenges(&session, KeypadPage::Proof(Some(&handle)), 1)
            };
            let (shown, notice) = keypad::said(place, place.state.blocking(ask).await)?;
            page.notice = notice.or(page.notice);
            if let Some(challenge) = shown.first() {
                let text = ("challenge", challenge.text.as_str().into());
                choice.label = place
                    .words
                    .with("prove-which-token.keypad", &[("token", choice.label.as_str().into()), text]);
            }
        }
    }
    Ok(html(status, &page))
}

/// The page.
pub(super) async fn ask(Inside { place, session }: Inside) -> Response {
    let then = place.query.strip_prefix("then=").and_then(following);
    let result = match then {
        Some(then) => match asking(&place, &session, then, Vec::new()).await {
            Ok(page) => shown(&place, &session, StatusCode::OK, page).await,
            Err(error) => Err(error),
        },
        None => Err(unknown()),
    };
    place.answer(result)
}

/// The page, sent.
pub(super) async fn prove(Sent { place, session, typed }: Sent) -> Response {
    let result = proved(&place, &session, &typed).await;
    place.answer(result)
}

async fn proved(place: &Place, session: &Arc<PortalSession>, typed: &Typed) -> Result<Response, ApiError> {
    let then = following(typed.text("then")).ok_or_else(unknown)?;
    let kept = then.kept(typed);
    let goes_on = !kept.is_empty();
    let (mut page, shape) = asking_shaped(place, session, then, kept).await?;
    let visit = place.visit();
    if !typed.text("mail").is_empty() {
        let asked = Arc::clone(session);
        let sent = place.state.blocking(move |service| service.mail_proof(&asked, &visit)).await?;
        if let Asked::MailedCode { code, hint } = &mut page.asked {
            *code = Some(Field::default());
            page.notice = Some(if sent {
                let title = place.words.with("prove-mail-sent", &[("hint", hint.as_str().into())]);
                Notice::new(Tone::Neutral, &title, "")
            } else {
                Notice::say(Tone::Attention, place.words, "prove-mails-enough")
            });
        }
        return shown(place, session, StatusCode::OK, page).await;
    }
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    let asked = Arc::clone(session);
    let secret = typed.secret("proof");
    let outcome = match &mut page.asked {
        Asked::Code { code, choices, .. } => match Otp::parse_shaped(typed.text("otp"), shape) {
            Ok(otp) => {
                let chosen = typed.text("token");
                for choice in choices.iter_mut() {
                    choice.selected = choice.value == chosen;
                }
                let handle = (!chosen.is_empty()).then(|| chosen.to_owned());
                let prove = move |service: &Service| {
                    service.portal_prove_code(&asked, handle.as_deref(), &otp, &visit)
                };
                place.state.blocking(prove).await?
            }
            Err(error) => {
                code.error = Some(code_problem(place.words, error));
                return shown(place, session, unfit, page).await;
            }
        },
        Asked::Password(field) if secret.is_empty() => {
            field.error = Some(place.words.text("your-password.empty"));
            return shown(place, session, unfit, page).await;
        }
        Asked::MailedCode { code, .. } if secret.is_empty() => {
            *code = Some(Field::wrong("", &place.words.text("mailed-code.empty")));
            return shown(place, session, unfit, page).await;
        }
        Asked::Nothing => return Ok(html(unfit, &page)),
        Asked::Password(_) | Asked::MailedCode { .. } => {
            let prove = move |service: &Service| service.portal_prove_secret(&asked, &secret, &visit);
            place.state.blocking(prove).await?
        }
    };
    if let Asked::MailedCode { code, .. } = &mut page.asked {
        *code = Some(Field::default());
    }
    let notice = match outcome {
        ProofResult::Passed { cookie } => {
            let onward = if goes_on {
                Redirect::temporary(&place.path(then.form))
            } else {
                Redirect::to(&place.path(then.page))
            };
            return Ok(place.with_cookie(onward.into_response(), Some(&cookie)));
        }
        ProofResult::AlreadyUsed => code_used(place.words, shape),
        ProofResult::Refused => did_not_fit(
            place.words,
            match page.asked {
                Asked::Code { .. } => next_code(shape),
                Asked::MailedCode { .. } => "did-not-fit.mailed-code",
                _ => "did-not-fit.password",
            },
        ),
        ProofResult::Blocked { until } => {
            let now = place.state.service.now();
            page.notice = Some(blocked(place.words, until, now));
            let page = shown(place, session, StatusCode::TOO_MANY_REQUESTS, page).await?;
            return Ok(with_wait(page, until, now));
        }
    };
    page.notice = Some(notice);
    shown(place, session, unfit, page).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Language;

    #[test]
    fn every_language_says_why_it_asks() {
        for language in Language::ALL {
            for then in FOLLOWING {
                let why = Words::of(language).text(then.why);
                assert!(why.len() > then.why.len() && !why.contains('{'), "{}: {why}", language.tag());
            }
        }
    }
}
