//! Page 3 of the portal's sign-in: the code of the token, or consecutive ones of a token that drifted.

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, ChallengePurpose, LoginStage, PortalAction, Resource, ResourceId,
    Session, SessionKind, Subject, Token, TokenId, UserId, Visit,
};
use crate::oath::Otp;
use crate::secret::BearerToken;
use crate::store::{Change, Changes, View};
use crate::vault::{bearer_hash, bearer_token};

use super::challenge::Answered;
use super::check::{CheckResult, compare, settle_answered};
use super::code::Examined;
use super::environment::Arrival;
use super::notice::Post;
use super::pair::pair_of;
use super::pin::SequencePin;
use super::portal::{proved_session, proving};
use super::resync::{Sequence, SequenceOutcome, SequenceResult, portal_window};
use super::{PortalSession, Service, ServiceError, emergency};

/// What came of page 3.
#[derive(Debug)]
pub enum ThirdPage {
    /// Signed in. The session's new id.
    Passed {
        /// For the cookie.
        cookie: BearerToken,
    },
    /// The code is spent: wait for the next.
    AlreadyUsed,
    /// Not right. `can_synchronize`: the page offers it.
    Refused {
        /// `synchronize_token` is enabled here.
        can_synchronize: bool,
    },
    /// Not looked at.
    Blocked {
        /// Until when; `None`: until an operator opens it.
        until: Option<UnixTime>,
    },
}

impl Service {
    /// Page 3: the token's code.
    pub fn portal_third(
        &self,
        portal: &PortalSession,
        otp: &Otp,
        visit: &Visit,
    ) -> Result<ThirdPage, ServiceError> {
        let cookie = bearer_token()?;
        let new_key = bearer_hash(&cookie);
        let LoginStage::OtpOwed { .. } = portal.stage else {
            return Err(ServiceError::state("sign_in_order", "start again with the login"));
        };
        if emergency::is_one(otp) {
            return self.third_by_emergency(portal, otp, visit);
        }
        Ok(match self.code_of_token(portal, None, otp, visit, new_key)? {
            CheckResult::Accepted { .. } => ThirdPage::Passed { cookie },
            CheckResult::Replayed { .. } => ThirdPage::AlreadyUsed,
            CheckResult::Wrong | CheckResult::OutsideWindow { .. } => {
                let drifts = self.can_drift(portal)?;
                ThirdPage::Refused { can_synchronize: drifts && can_synchronize(&portal.resource) }
            }
            CheckResult::Blocked { until } => ThirdPage::Blocked { until },
        })
    }

    /// True when codes can bring the token of page 3 back: not where they are mailed, nor where each says its own
    /// position.
    fn can_drift(&self, portal: &PortalSession) -> Result<bool, ServiceError> {
        let (_, examined, _) = self.token_at_hand(portal, None)?;
        Ok(examined.require_shown().is_ok() && examined.require_drifting().is_ok())
    }

    /// The token that is asked for: at sign-in the one here, as a proof any of those that prove.
    pub(super) fn token_at_hand(
        &self,
        portal: &PortalSession,
        handle: Option<&str>,
    ) -> Result<(UserId, Examined, UnixTime), ServiceError> {
        let here = &portal.resource;
        self.store.read(|view| {
            let now = self.trusted_now(view)?;
            let (user, token, asked) = match portal.stage {
                LoginStage::OtpOwed { user } => {
                    let (_, token) = pair_of(view, user, here)?.ok_or(ServiceError::Stale)?;
                    (user, token, Some(here.id))
                }
                LoginStage::Full { user, .. } => {
                    let person = view.user(user)?.ok_or(ServiceError::Stale)?;
                    let tokens = proving(view, &person, portal)?;
                    let wanted =
                        |token: &Token| handle.is_none_or(|handle| self.proof_handle(token.id) == handle);
                    let found = tokens.into_iter().find(|(token, _)| wanted(token));
                    let (token, elsewhere) = found.ok_or_else(|| {
                        ServiceError::state("proof_kind", "something else is asked for now")
                    })?;
                    (user, token, Some(elsewhere.map_or(here.id, |place| place.id)))
                }
                _ => return Err(ServiceError::state("sign_in_order", "start again with the login")),
            };
            Ok((user, Examined::read(view, token, asked)?, now))
        })
    }

    /// The code of a token: it completes a sign-in, or is the fresh proof of a session that is complete.
    /// Accepting spends the code and gives the session a new id in one change.
    pub(super) fn code_of_token(
        &self,
        portal: &PortalSession,
        handle: Option<&str>,
        otp: &Otp,
        visit: &Visit,
        new_key: [u8; 32],
    ) -> Result<CheckResult, ServiceError> {
        self.until_settled(|| self.code_of_token_once(portal, handle, otp, visit, new_key))
    }

    fn code_of_token_once(
        &self,
        portal: &PortalSession,
        handle: Option<&str>,
        otp: &Otp,
        visit: &Visit,
        new_key: [u8; 32],
    ) -> Result<CheckResult, ServiceError> {
        let (user, examined, now) = self.token_at_hand(portal, handle)?;
        let actor = portal.actor(visit);
        let complete = matches!(portal.stage, LoginStage::Full { .. });
        let (action, page) =
            if complete { (AuditAction::Proved, "prove") } else { (AuditAction::SignIn, "third") };
        if let Err(unusable) = examined.require_usable(now).and_then(|()| examined.require_pin()) {
            // Disabled, noted as lost, or without its PIN: the pair still asks for this token, so nobody gets in.
            let ServiceError::State { code: why, .. } = unusable else { return Err(unusable) };
            self.dummy_check(otp)?;
            let subjects = vec![
                Subject::User(user),
                Subject::Token(examined.id()),
                Subject::Resource(portal.resource.id),
            ];
            return self.decide(move |_| {
                let detail = vec![("page", page.to_owned()), ("result", why.to_owned())];
                let entry =
                    super::audit_entry(now, &actor, action, subjects.clone(), AuditResult::Refused, detail);
                Ok((CheckResult::Wrong, vec![entry]))
            });
        }
        let asks = examined.seed.spec.suite().is_some();
        let answered = if asks { self.answered_here(portal, &examined, 1, now)? } else { None };
        if asks && (answered.is_none() || !examined.can_be_asked(now)) {
            return self.unasked(&examined, user, &actor, action, page, portal, now);
        }
        let comparison = compare(self, &examined, otp, answered.as_ref(), now, false)?;
        let (old_key, resource, post, visit) = (portal.key, portal.resource.id, self.post()?, visit.clone());
        let split = self.splits_check();
        self.decide(move |view| {
            let fresh = if split { examined.clone() } else { examined.unmoved(view)? };
            if view.session(&old_key)?.is_none() {
                return Err(ServiceError::state("sign_in_order", "start again with the login"));
            }
            let (result, mut changes) = settle_answered(view, &fresh, comparison, answered.as_ref(), now)?;
            let right = matches!(result, CheckResult::Accepted { .. });
            let (mut done, mut word) = (right, result.name());
            if right && complete {
                changes.extend(proved_session(view, old_key, new_key, Some(fresh.id()), now)?);
            } else if right {
                let (keys, token) = ((old_key, new_key), Some(fresh.id()));
                let full = FullSession { keys, user, resource, token, visit: &visit, now };
                let (opened, is_open) = full.open(view, &post)?;
                (done, word) = if is_open { (true, word) } else { (false, "environment") };
                changes.extend(opened);
            }
            let result = if right && !done { CheckResult::Wrong } else { result };
            changes.push(super::audit_entry(
                now,
                &actor,
                action,
                vec![Subject::User(user), Subject::Token(fresh.id()), Subject::Resource(resource)],
                if done { AuditResult::Done } else { AuditResult::Refused },
                vec![("page", page.to_owned()), ("result", word.to_owned())],
            ));
            Ok((result, changes))
        })
    }

    /// The open challenges of this visit that its token answers: at sign-in, or as a proof.
    pub(super) fn answered_here(
        &self,
        portal: &PortalSession,
        examined: &Examined,
        responses: usize,
        now: UnixTime,
    ) -> Result<Option<Answered>, ServiceError> {
        let purpose = match (&portal.stage, responses) {
            (LoginStage::Full { .. }, 1) => ChallengePurpose::Proof,
            (_, 1) => ChallengePurpose::SignIn,
            _ => ChallengePurpose::Synchronization,
        };
        let token = Some(examined.id());
        self.store.read(|view| Answered::of_session(view, portal.key, purpose, token, responses, now))
    }

    /// What was typed answers nothing: the challenge was answered before, has grown too old, or was never shown, because
    /// something that goes into the answer is not known here.
    #[expect(clippy::too_many_arguments, reason = "what an audit record says")]
    fn unasked(
        &self,
        examined: &Examined,
        user: UserId,
        actor: &Actor,
        action: AuditAction,
        page: &'static str,
        portal: &PortalSession,
        now: UnixTime,
    ) -> Result<CheckResult, ServiceError> {
        let subjects =
            vec![Subject::User(user), Subject::Token(examined.id()), Subject::Resource(portal.resource.id)];
        let (actor, last_used) = (actor.clone(), examined.state.last_used);
        let why = match examined.require_inputs() {
            Err(ServiceError::State { code, .. }) => code,
            _ => "no_challenge",
        };
        self.decide(move |_| {
            let detail = vec![("page", page.to_owned()), ("result", why.to_owned())];
            let result = AuditResult::Refused;
            let entry = super::audit_entry(now, &actor, action, subjects.clone(), result, detail);
            Ok((CheckResult::Replayed { last_used }, vec![entry]))
        })
    }

    /// Page 3 with consecutive codes: a drifted token must not lock its owner out. The codes are spent and
    /// the session opened in one change.
    pub fn portal_third_synchronize(
        &self,
        portal: &PortalSession,
        otps: &[Otp],
        visit: &Visit,
    ) -> Result<(SequenceOutcome, Option<BearerToken>), ServiceError> {
        if !can_synchronize(&portal.resource) {
            return Err(ServiceError::NotFound { what: "action" });
        }
        let cookie = bearer_token()?;
        let (old_key, new_key, resource) = (portal.key, bearer_hash(&cookie), portal.resource.id);
        if !matches!(portal.stage, LoginStage::OtpOwed { .. }) {
            return Err(ServiceError::state("sign_in_order", "start again with the login"));
        }
        let actor = portal.actor(visit);
        let mut proved = false;
        let outcome = self.until_settled(|| {
            let (user, examined, now) = self.token_at_hand(portal, None)?;
            examined.require_usable(now)?;
            examined.require_shown()?;
            examined.require_drifting()?;
            examined.require_pin()?;
            let window = self.store.read(|view| portal_window(view, &examined))?;
            let pin = self.sequence_pin(&examined, otps)?;
            proved = pin == SequencePin::Proved;
            let answered = match examined.seed.spec.suite() {
                Some(_) => self.answered_here(portal, &examined, otps.len(), now)?,
                None => None,
            };
            let asked = Sequence::in_portal(otps, window, answered, pin, now);
            let (acting, visiting, post) = (actor.clone(), visit.clone(), self.post()?);
            let subjects =
                vec![Subject::User(user), Subject::Token(examined.id()), Subject::Resource(resource)];
            let (told, token) = (self.tells_synchronized(portal, &examined, visit)?, examined.id());
            self.synchronize(&actor, &examined, &asked, move |view| {
                if view.session(&old_key)?.is_none() {
                    return Err(ServiceError::state("sign_in_order", "start again with the login"));
                }
                // Without the PIN the token is back, and the code with the PIN is still owed.
                let (mut changes, word, done) = if pin == SequencePin::Proved {
                    let keys = (old_key, new_key);
                    let full =
                        FullSession { keys, user, resource, token: Some(token), visit: &visiting, now };
                    let (changes, done) = full.open(view, &post)?;
                    (changes, if done { "synchronized" } else { "environment" }, done)
                } else {
                    (Vec::new(), "pin_owed", false)
                };
                told(view, &mut changes)?;
                let detail = vec![("page", "third".to_owned()), ("result", word.to_owned())];
                changes.push(super::audit_entry(
                    now,
                    &acting,
                    AuditAction::SignIn,
                    subjects.clone(),
                    if done { AuditResult::Done } else { AuditResult::Refused },
                    detail,
                ));
                Ok(changes)
            })
        })?;
        // From an unusual environment the token is brought back, but nobody is let in.
        let signed_in = proved
            && matches!(outcome.result, SequenceResult::Synchronized { .. })
            && self.store.read(|view| Ok::<_, ServiceError>(view.session(&new_key)?.is_some()))?;
        self.wake_mailer();
        Ok((outcome, signed_in.then_some(cookie)))
    }
}

fn can_synchronize(resource: &Resource) -> bool {
    resource.open_portal().is_some_and(|portal| portal.actions.contains(&PortalAction::SynchronizeToken))
}

/// A sign-in that is complete: its old and new key, and the token whose code completed it; without one it was an
/// emergency code.
pub(super) struct FullSession<'a> {
    pub(super) keys: ([u8; 32], [u8; 32]),
    pub(super) user: UserId,
    pub(super) resource: ResourceId,
    pub(super) token: Option<TokenId>,
    pub(super) visit: &'a Visit,
    pub(super) now: UnixTime,
}

impl FullSession<'_> {
    /// The changes that open it, and whether it may be: from an environment that is refused the old session stays
    /// where it is.
    pub(super) fn open(&self, view: &dyn View, post: &Post) -> Result<(Changes, bool), ServiceError> {
        let Self { keys: (old_key, new_key), visit, now, .. } = *self;
        let user = view.user(self.user)?.ok_or(ServiceError::Stale)?;
        let resource = view.resource(self.resource)?.ok_or(ServiceError::Stale)?;
        let mut arrival = Arrival::at(view, &user, &resource, visit, now)?.proved();
        if arrival.is_refused() {
            return Ok((arrival.refused(view, post)?, false));
        }
        let (environment, mut changes) = arrival.let_in(view, post, self.token.is_some())?;
        // An emergency code is no fresh proof: who comes by it is asked for one.
        let proved_at = if self.token.is_some() { now } else { UnixTime::EPOCH };
        let stage = LoginStage::Full { user: user.id, proved_at, proved_by: self.token };
        let kind = SessionKind::Portal { resource: resource.id, stage };
        let emergency = self.token.is_none();
        let session = Session { environment, emergency, ..Session::new(kind, visit.address.clone(), now) };
        changes.extend([Change::DeleteSession(old_key), Change::PutSession(new_key, session)]);
        Ok((changes, true))
    }
}
