//! What users are told of codes that did not bring their token back: what to do, never what was found out.
//!
//! On the page that synchronises alone: there the person is signed in, and the token is theirs. A confirmation answers
//! in one way for every serial number (law 6), and whatever it said of codes would be said of tokens that are there only.

use super::readings::looks_like_pin;
use super::{Case, Cause, is_length, unsearched};
use crate::model::Visit;
use crate::oath::Otp;
use crate::service::code::Examined;
use crate::service::pair::pair_of;
use crate::service::portal::signed_in;
use crate::service::resync::{SequenceOutcome, SequenceResult};
use crate::service::{PortalSession, Service, ServiceError};

/// Most codes that are computed for one, some milliseconds of a core; the tokens beside it are read besides. People can
/// ask for it as often as they may fail.
const MOST_HMACS: u64 = 200_000;

/// What the owner of a token can do about codes that did not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Type them in the order in which they are shown.
    Order,
    /// Type codes that follow each other.
    LeftOut,
    /// Type the codes without the PIN.
    Pin,
    /// Compare the serial number: the codes are from another token.
    OtherToken,
    /// Nothing: it takes an operator.
    Helpdesk,
}

impl From<&Cause> for Advice {
    fn from(cause: &Cause) -> Self {
        match cause {
            Cause::Order => Self::Order,
            Cause::LeftOut => Self::LeftOut,
            Cause::Pin { .. } => Self::Pin,
            Cause::OtherToken { .. } => Self::OtherToken,
            // What it shows was spent long ago: it began anew, and waiting brings no code that counts.
            Cause::CounterBehind { .. } | Cause::Drift | Cause::Parameters { .. } | Cause::Secret(_) => {
                Self::Helpdesk
            }
        }
    }
}

fn are_of_one_length(otps: &[Otp]) -> bool {
    (6..=8).any(|digits| otps.iter().all(|otp| otp.len() == digits))
}

/// What came of codes that should bring a user's token back.
#[derive(Clone, Copy, Debug)]
pub struct Advised {
    /// What came of the search.
    pub outcome: SequenceOutcome,
    /// What to do; `None`: the outcome says it.
    pub advice: Option<Advice>,
}

impl Service {
    /// *Token Synchronization*, and what to do if the codes do not fit. A diagnosis follows a counted attempt only; a
    /// PIN beside the codes and codes of another length are told by that, without looking at the token's secret.
    pub fn portal_synchronize_advised(
        &self,
        portal: &PortalSession,
        otps: &[Otp],
        visit: &Visit,
    ) -> Result<Advised, ServiceError> {
        let user = signed_in(portal)?.id;
        let (pair, now) = self.store.read(|view| {
            let pair = pair_of(view, user, &portal.resource)?;
            let examined = pair.map(|(_, token)| Examined::read(view, token, Some(portal.resource.id)));
            Ok::<_, ServiceError>((examined.transpose()?, self.trusted_now(view)?))
        })?;
        // Before they are spent.
        let answered = match &pair {
            Some(examined) if examined.seed.spec.suite().is_some() => {
                self.answered_here(portal, examined, otps.len(), now)?
            }
            _ => None,
        };
        let outcome = self.portal_synchronize(portal, otps, visit);
        let Some(examined) = &pair else { return outcome.map(|outcome| Advised { outcome, advice: None }) };
        let case = Case { examined, otps, now };
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(error) => {
                let stated = examined.seed.spec.digits().filter(|_| is_length(&error));
                let advice = match stated {
                    Some(digits) if looks_like_pin(&case, digits) => Advice::Pin,
                    // All of one length that codes have: the display is right, and what is stated of it is not.
                    Some(_) if are_of_one_length(otps) => Advice::Helpdesk,
                    _ => return Err(error),
                };
                let outcome = unsearched(SequenceResult::NotFound, otps.len());
                return Ok(Advised { outcome, advice: Some(advice) });
            }
        };
        let is_counted = match outcome.result {
            SequenceResult::NotFound => true,
            SequenceResult::MoreOtpsNeeded => outcome.evaluated > 0,
            _ => false,
        };
        let diagnosis = is_counted
            .then(|| self.diagnose_read(&portal.actor(visit), &case, answered.as_ref(), MOST_HMACS))
            .flatten();
        let cause = diagnosis.as_ref().and_then(|diagnosis| diagnosis.findings.first());
        Ok(Advised { outcome, advice: cause.map(|finding| Advice::from(&finding.cause)) })
    }
}
