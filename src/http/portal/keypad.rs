//! Tokens with a keypad: what their owners type into them before the token answers.

use std::sync::Arc;

use super::place::Place;
use crate::http::error::ApiError;
use crate::http::page::{Code, Notice, Tone};
use crate::service::{IssuedChallenge, KeypadPage, PortalSession};

/// The fields of a page, and why the token cannot be asked, if so.
pub(super) struct Asked {
    pub(super) fields: Vec<Code>,
    pub(super) notice: Option<Notice>,
}

/// The fields of a page, each with what is typed into the token first. They stay as they are when the token
/// there has no keypad. To be called when the page is shown, after what was sent has been looked at.
pub(super) async fn asked(
    place: &Place,
    session: &Arc<PortalSession>,
    page: KeypadPage<'static>,
    mut fields: Vec<Code>,
) -> Result<Asked, ApiError> {
    let (session, count) = (Arc::clone(session), fields.len());
    let shown = place.state.blocking(move |service| service.portal_challenges(&session, page, count)).await;
    let (shown, notice) = said(place, shown)?;
    let more = Code::fields(place.words, shown.len()).into_iter().skip(fields.len());
    fields.extend(more);
    for (field, challenge) in fields.iter_mut().zip(shown) {
        field.challenge = Some(challenge.text);
    }
    Ok(Asked { fields, notice })
}

/// What is asked; else what its owner is told of a token that nobody can ask.
pub(super) fn said(
    place: &Place,
    shown: Result<Vec<IssuedChallenge>, ApiError>,
) -> Result<(Vec<IssuedChallenge>, Option<Notice>), ApiError> {
    let error = match shown {
        Ok(shown) => return Ok((shown, None)),
        Err(error) => error,
    };
    let why = match error.code {
        "pin_not_known" => "keypad-silent.pin",
        "session_not_known" => "keypad-silent.session",
        "challenges_used_up" => "keypad-silent.used-up",
        _ => return Err(error),
    };
    let text = place.words.with(why, &[("whom", place.whom_to_ask().into())]);
    Ok((Vec::new(), Some(Notice::new(Tone::Attention, &place.words.text("keypad-silent"), &text))))
}
