//! Tokens with a keypad: what their owners type into them before the token answers.

use std::sync::Arc;

use super::place::Place;
use crate::http::error::ApiError;
use crate::http::page::Code;
use crate::service::{KeypadPage, PortalSession};

/// The fields of a page, each with what is typed into the token first. They stay as they are when the token
/// there has no keypad. To be called when the page is shown, after what was sent has been looked at.
pub(super) async fn asked(
    place: &Place,
    session: &Arc<PortalSession>,
    page: KeypadPage<'static>,
    mut fields: Vec<Code>,
) -> Result<Vec<Code>, ApiError> {
    let (session, count) = (Arc::clone(session), fields.len());
    let shown = place.state.blocking(move |service| service.portal_challenges(&session, page, count)).await?;
    let more = Code::fields(place.words, shown.len()).into_iter().skip(fields.len());
    fields.extend(more);
    for (field, challenge) in fields.iter_mut().zip(shown) {
        field.challenge = Some(challenge.text);
    }
    Ok(fields)
}
