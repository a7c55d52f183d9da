//! Who is there, asked again before something that matters.
//!
//! What follows is one of a fixed list, never an address from outside. What was typed and is no secret goes
//! along: after the proof the browser sends the same form on to the action (307), now with a proof behind it.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::place::{Inside, Place, Sent};
use super::sign_in::{blocked, with_wait};
use crate::clock::UnixTime;
use crate::http::codes::{Typed, code_problem, ring_of};
use crate::http::error::ApiError;
use crate::http::frame::html;
use crate::http::page::portal::profile::{Asked, Prove};
use crate::http::page::{Choice, Code, Field, Notice, Tone};
use crate::oath::Otp;
use crate::service::{PortalSession, PortalState, ProofAsked, ProofResult, ProvingToken, Service};

/// An action that asks for a proof.
#[derive(Debug)]
pub(super) struct Then {
    /// Its name in `?then=`.
    name: &'static str,
    /// Its page.
    page: &'static str,
    /// Where its form goes.
    form: &'static str,
    /// Why the proof is asked for.
    why: &'static str,
    /// The fields of its form that go along; none when its form has nothing to keep. Never a secret or a code.
    fields: &'static [&'static str],
}

/// *Change Login*.
pub(super) const LOGIN: Then = Then {
    name: "login",
    page: "login",
    form: "login",
    why: "before your login is changed",
    fields: &["login"],
};

/// *Change Email Address*.
pub(super) const EMAIL: Then = Then {
    name: "email",
    page: "email",
    form: "email",
    why: "before your e-mail address is changed",
    fields: &["email"],
};

/// *Change Email Address*, once the code came: a token came between.
pub(super) const EMAIL_CODE: Then = Then { name: "email-code", form: "email/code", fields: &[], ..EMAIL };

/// *Create Password*, beside a token.
pub(super) const FIRST_PASSWORD: Then = Then {
    name: "first-password",
    page: "password/new",
    form: "password/new",
    why: "before you get a password",
    fields: &[],
};

/// *Change Password*, beside a token.
pub(super) const PASSWORD: Then = Then {
    name: "password",
    page: "password",
    form: "password",
    why: "before your password is changed",
    fields: &[],
};

/// Trust in *Manage User Environment*.
pub(super) const TRUST: Then = Then {
    name: "environment",
    page: "environment",
    form: "environment/trust",
    why: "before an environment is trusted",
    fields: &["number"],
};

/// Forgetting in *Manage User Environment*.
pub(super) const FORGET: Then = Then {
    name: "forget-environment",
    form: "environment",
    why: "before an environment is forgotten",
    fields: &["number", "step"],
    ..TRUST
};

/// *Existing Token Registration*, beside a token on another resource.
pub(super) const CONFIRM: Then = Then {
    name: "confirm",
    page: "tokens/confirm",
    form: "tokens/confirm",
    why: "before another token becomes yours",
    fields: &["serial"],
};

/// What the forms that set up a token hold besides its secret and its codes.
const SETUP: &[&str] = &["type", "serial", "model", "kind", "digits", "step", "counter", "hash", "name"];

/// *Register New Token*, beside a token on another resource.
pub(super) const REGISTER: Then =
    Then { name: "register", page: "tokens/register", form: "tokens/register", fields: SETUP, ..CONFIRM };

/// *Re-Assign Token*.
pub(super) const REASSIGN: Then = Then {
    name: "reassign",
    page: "tokens/reassign",
    form: "tokens/reassign",
    why: "before another token takes the place of yours",
    fields: SETUP,
};
/// *Unassign Token*.
pub(super) const UNASSIGN: Then = Then {
    name: "unassign",
    page: "tokens/unassign",
    form: "tokens/unassign",
    why: "before you give your token back",
    fields: &[],
};
/// *Remove PIN*.
pub(super) const REMOVE_PIN: Then = Then {
    name: "remove-pin",
    page: "tokens/pin/remove",
    form: "tokens/pin/remove",
    why: "before the PIN of your token goes",
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
pub(super) fn type_again(what: &str) -> Notice {
    Notice::new(Tone::Neutral, &format!("Type {what} once more."), "The rest is here still.")
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
fn code_of(tokens: &[ProvingToken], now: UnixTime) -> Asked {
    let code = Code { name: "otp".into(), label: "Code".into(), challenge: None, error: None };
    match tokens {
        [only] => Asked::Code {
            code,
            ring: ring_of(&only.view, now),
            of: match &only.elsewhere {
                Some(place) => format!("your token for {place}"),
                None => "your token".to_owned(),
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
            Asked::Code { code, ring: None, of: "one of your tokens".to_owned(), choices }
        }
    }
}

/// The page, before anything was typed into it.
async fn asking(
    place: &Place,
    session: &Arc<PortalSession>,
    then: &'static Then,
    kept: Vec<(&'static str, String)>,
) -> Result<Prove, ApiError> {
    let reading = Arc::clone(session);
    let asked = place.state.blocking(move |service| service.portal_proof(&reading)).await?;
    let now = place.state.service.now();
    let asked = match asked {
        ProofAsked::Code(tokens) => code_of(&tokens, now),
        ProofAsked::Password => Asked::Password(Field::default()),
        ProofAsked::MailedCode { hint } => Asked::MailedCode { hint, code: None },
        ProofAsked::Nothing => Asked::Nothing,
    };
    Ok(Prove {
        page: place.inside("Is it still you?"),
        portal: place.portal(),
        why: then.why,
        then: then.name,
        kept,
        asked,
        notice: None,
    })
}

/// The page.
pub(super) async fn ask(Inside { place, session }: Inside) -> Response {
    let then = place.query.strip_prefix("then=").and_then(following);
    let result = match then {
        Some(then) => {
            asking(&place, &session, then, Vec::new()).await.map(|page| html(StatusCode::OK, &page))
        }
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
    let mut page = asking(place, session, then, kept).await?;
    let visit = place.visit();
    if !typed.text("mail").is_empty() {
        let asked = Arc::clone(session);
        let sent = place.state.blocking(move |service| service.mail_proof(&asked, &visit)).await?;
        if let Asked::MailedCode { code, hint } = &mut page.asked {
            *code = Some(Field::default());
            page.notice = Some(if sent {
                Notice::new(Tone::Neutral, &format!("A code is on its way to {hint}."), "")
            } else {
                let text = "The last one still holds for ten minutes from when it was sent. Look among the unwanted mails, or try again in a quarter of an hour.";
                Notice::new(Tone::Attention, "There were three mails already.", text)
            });
        }
        return Ok(html(StatusCode::OK, &page));
    }
    let unfit = StatusCode::UNPROCESSABLE_ENTITY;
    let asked = Arc::clone(session);
    let secret = typed.secret("proof");
    let outcome = match &mut page.asked {
        Asked::Code { code, choices, .. } => match Otp::parse(typed.text("otp")) {
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
                code.error = Some(code_problem(error));
                return Ok(html(unfit, &page));
            }
        },
        Asked::Password(field) if secret.is_empty() => {
            field.error = Some("Type your password.".to_owned());
            return Ok(html(unfit, &page));
        }
        Asked::MailedCode { code, .. } if secret.is_empty() => {
            *code = Some(Field::wrong("", "Type the code that we mailed you."));
            return Ok(html(unfit, &page));
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
    let (status, notice) = match outcome {
        ProofResult::Passed { cookie } => {
            let onward = if goes_on {
                Redirect::temporary(&place.path(then.form))
            } else {
                Redirect::to(&place.path(then.page))
            };
            return Ok(place.with_cookie(onward.into_response(), Some(&cookie)));
        }
        ProofResult::AlreadyUsed => {
            let text = "Wait for the next one and type it.";
            (unfit, Notice::new(Tone::Attention, "This code was already used.", text))
        }
        ProofResult::Refused => {
            let text = match page.asked {
                Asked::Code { .. } => "Wait for the next one and type it.",
                Asked::MailedCode { .. } => "Only the newest code works, once and for ten minutes.",
                _ => "Check the keyboard and type it again.",
            };
            (unfit, Notice::new(Tone::Bad, "That did not fit.", text))
        }
        ProofResult::Blocked { until } => {
            let now = place.state.service.now();
            page.notice = Some(blocked(until, now));
            return Ok(with_wait(html(StatusCode::TOO_MANY_REQUESTS, &page), until, now));
        }
    };
    page.notice = Some(notice);
    Ok(html(status, &page))
}
