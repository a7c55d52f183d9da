//! Who is there, asked again before something that matters.
//!
//! What follows is one of a fixed list, never an address from outside. What was typed and is no secret goes
//! along: after the proof the browser sends the same form on to the action (307), now with a proof behind it.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::place::Place;
use super::sign_in::{blocked, with_wait};
use crate::http::codes::{Typed, code_problem, ring_of};
use crate::http::error::ApiError;
use crate::http::extract::PageForm;
use crate::http::frame::html;
use crate::http::page::portal::profile::{Asked, Prove};
use crate::http::page::{Code, Field, Notice, Tone};
use crate::oath::Otp;
use crate::service::{PortalSession, PortalState, ProofAsked, ProofResult};

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
    /// The field of its form that goes along; none when its form has nothing to keep.
    field: Option<&'static str>,
}

/// *Change Login*.
pub(super) const LOGIN: Then = Then {
    name: "login",
    page: "login",
    form: "login",
    why: "before your login is changed",
    field: Some("login"),
};

/// *Change Email Address*.
pub(super) const EMAIL: Then = Then {
    name: "email",
    page: "email",
    form: "email",
    why: "before your e-mail address is changed",
    field: Some("email"),
};

/// *Change Password*, beside a token.
pub(super) const PASSWORD: Then = Then {
    name: "password",
    page: "password",
    form: "password",
    why: "before your password is changed",
    field: None,
};

/// Trust in *Manage User Environment*.
pub(super) const TRUST: Then = Then {
    name: "environment",
    page: "environment",
    form: "environment/trust",
    why: "before an environment is trusted",
    field: Some("number"),
};

/// *Re-Assign Token*.
pub(super) const REASSIGN: Then = Then {
    name: "reassign",
    page: "tokens/reassign",
    form: "tokens/reassign",
    why: "before another token takes the place of yours",
    field: None,
};
/// *Unassign Token*.
pub(super) const UNASSIGN: Then = Then {
    name: "unassign",
    page: "tokens/unassign",
    form: "tokens/unassign",
    why: "before you give your token back",
    field: None,
};
/// *Remove PIN*.
pub(super) const REMOVE_PIN: Then = Then {
    name: "remove-pin",
    page: "tokens/pin/remove",
    form: "tokens/pin/remove",
    why: "before the PIN of your token goes",
    field: None,
};

/// All that may follow.
const FOLLOWING: &[&Then] = &[&LOGIN, &EMAIL, &PASSWORD, &TRUST, &REASSIGN, &UNASSIGN, &REMOVE_PIN];

fn following(name: &str) -> Option<&'static Then> {
    FOLLOWING.iter().copied().find(|then| then.name == name)
}

fn unknown() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is no action of this name")
}

impl Place {
    /// A result as an answer; when a proof is needed first, the page that asks for it, which keeps what was
    /// typed into the action's field.
    pub(super) async fn answer_or_prove(
        &self,
        result: Result<Response, ApiError>,
        then: &'static Then,
        typed: &str,
    ) -> Response {
        match result {
            Err(error) if error.code == "proof_needed" => {
                let page = match self.at(PortalState::Full) {
                    Ok(session) => {
                        asking(self, &session, then, typed).await.map(|page| html(StatusCode::OK, &page))
                    }
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
}

/// The page, before anything was typed into it.
async fn asking(
    place: &Place,
    session: &Arc<PortalSession>,
    then: &'static Then,
    typed: &str,
) -> Result<Prove, ApiError> {
    let reading = Arc::clone(session);
    let asked = place.state.blocking(move |service| service.portal_proof(&reading)).await?;
    let now = place.state.service.now();
    let asked = match asked {
        ProofAsked::Code(token) => {
            let code = Code { name: "otp".into(), label: "Code".into(), challenge: None, error: None };
            Asked::Code { code, ring: ring_of(&token, now) }
        }
        ProofAsked::Password => Asked::Password(Field::default()),
        ProofAsked::MailedCode { hint } => Asked::MailedCode { hint, code: None },
        ProofAsked::Nothing => Asked::Nothing,
    };
    let kept = then.field.filter(|_| !typed.is_empty()).map(|field| (field, typed.to_owned()));
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
pub(super) async fn ask(place: Place) -> Response {
    let session = match place.at(PortalState::Full) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let then = place.query.strip_prefix("then=").and_then(following);
    let result = match then {
        Some(then) => asking(&place, &session, then, "").await.map(|page| html(StatusCode::OK, &page)),
        None => Err(unknown()),
    };
    place.answer(result)
}

/// The page, sent.
pub(super) async fn prove(place: Place, form: Result<PageForm<Typed>, ApiError>) -> Response {
    let session = match place.at(PortalState::Full) {
        Ok(session) => session,
        Err(elsewhere) => return elsewhere,
    };
    let result = async {
        let PageForm(typed) = form?;
        proved(&place, &session, &typed).await
    };
    let result = result.await;
    place.answer(result)
}

async fn proved(place: &Place, session: &Arc<PortalSession>, typed: &Typed) -> Result<Response, ApiError> {
    let then = following(typed.text("then")).ok_or_else(unknown)?;
    let kept = then.field.map(|field| typed.text(field)).unwrap_or_default();
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
    let secret = typed.secret("secret");
    let outcome = match &mut page.asked {
        Asked::Code { code, .. } => match Otp::parse(typed.text("otp")) {
            Ok(otp) => {
                place.state.blocking(move |service| service.portal_prove_code(&asked, &otp, &visit)).await?
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
            let prove =
                move |service: &crate::service::Service| service.portal_prove_secret(&asked, &secret, &visit);
            place.state.blocking(prove).await?
        }
    };
    if let Asked::MailedCode { code, .. } = &mut page.asked {
        *code = Some(Field::default());
    }
    let (status, notice) = match outcome {
        ProofResult::Passed { cookie } => {
            let onward = if kept.is_empty() {
                Redirect::to(&place.path(then.page))
            } else {
                Redirect::temporary(&place.path(then.form))
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
