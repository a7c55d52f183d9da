//! Session data (RFC 6287 §5.1, S): what the program that asks says of its session, and the token takes into its answer.
//!
//! They come with the challenge and lie sealed beside it, so a challenge is good for the session that it was made for.
//! Only a program knows them: no page asks a token that takes them.

use crate::model::{ChallengeOwner, SealedSeed};
use crate::secret::SessionData;
use crate::service::code::Examined;
use crate::service::{Service, ServiceError};
use crate::vault::SealContext;

use super::Answered;

impl Examined {
    /// Refuses session data that its suite does not take, and a challenge without those that it takes.
    pub(in crate::service) fn require_session(
        &self,
        given: Option<&SessionData>,
    ) -> Result<(), ServiceError> {
        let invalid = |code, detail: String| ServiceError::invalid("session_data", code, detail);
        let spec = &self.seed.spec;
        match (spec.suite().zip(spec.session_padding()), given) {
            (None, None) => Ok(()),
            (None, Some(_)) => {
                let detail = "this token's suite takes no session data: leave them out";
                Err(invalid("session_data_not_expected", detail.to_owned()))
            }
            (Some(_), None) => {
                let detail = "this token's suite takes data of a session, which only the program knows that asks: it gives them as session_data with POST /api/v1/challenges or .../authenticate, or in a file that is named as --session-data-file with mintmark token challenge";
                Err(invalid("session_data_needed", detail.to_owned()))
            }
            (Some((suite, padding)), Some(data)) => padding
                .require(suite, data.len())
                .map_err(|error| invalid("session_data_length", format!("{error} (suite {suite})"))),
        }
    }
}

impl Service {
    /// Session data as they lie beside a challenge of this token; none where its suite takes none.
    pub(in crate::service) fn sealed_session(
        &self,
        examined: &Examined,
        data: Option<&SessionData>,
    ) -> Result<Option<SealedSeed>, ServiceError> {
        let Some(data) = data.filter(|_| examined.seed.spec.session_padding().is_some()) else {
            return Ok(None);
        };
        Ok(Some(self.sealer()?.seal(&data.keep(), SealContext::SessionData(examined.id()))?))
    }

    /// The session data that these challenges were made for, in their order; `None` when one was made for none.
    pub(super) fn sessions_of(&self, answered: &Answered) -> Result<Option<Vec<SessionData>>, ServiceError> {
        let ChallengeOwner::Token(token) = answered.owner else { return Ok(None) };
        let known = self.store.read(|view| view.challenges(answered.owner))?.unwrap_or_default();
        let mut sessions = Vec::with_capacity(answered.texts.len());
        for text in &answered.texts {
            let made = known.0.iter().find(|one| one.text == *text);
            let Some(sealed) = made.and_then(|one| one.session.as_ref()) else { return Ok(None) };
            let kept = self.opened(sealed, SealContext::SessionData(token))?;
            sessions.push(SessionData::from_kept(&kept));
        }
        Ok(Some(sessions))
    }

    /// True when a program answers from a session other than the one that it asked from.
    pub(in crate::service) fn is_of_other_session(
        &self,
        examined: &Examined,
        answered: &Answered,
        given: Option<&SessionData>,
    ) -> Result<bool, ServiceError> {
        let Some(given) = given.filter(|_| examined.seed.spec.session_padding().is_some()) else {
            return Ok(false);
        };
        let sessions = self.sessions_of(answered)?;
        Ok(!sessions.is_some_and(|sessions| sessions.iter().all(|data| data.ct_eq(given))))
    }
}
