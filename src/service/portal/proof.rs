//! A fresh proof of who is there (P32): before what matters most, a code of the user's token that is not
//! older than five minutes; without a token the password, or a mailed code for users who have none.
//!
//! A complete sign-in is such a proof at its moment. Beside a token only a code of that token is one: whoever
//! knew the password alone could take the token away.

use crate::clock::UnixTime;
use crate::model::{
    AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, LoginStage, PasswordHash, Resource, Session,
    SessionKind, Subject, TokenId, User, Visit,
};
use crate::oath::Otp;
use crate::secret::{BearerToken, Passphrase};
use crate::service::address::AddressBudget;
use crate::service::check::CheckResult;
use crate::service::code;
use crate::service::mailed_code::{Purpose, Recipient, fits};
use crate::service::pair::pair_of;
use crate::service::token::TokenView;
use crate::service::{MailMode, PortalSession, Service, ServiceError};
use crate::store::{Change, Changes, View};
use crate::vault::{bearer_hash, bearer_token};

use super::signed_in;

/// A proof is fresh for so long.
const FRESH_SECS: i64 = 300;

/// What proves who a user is, now.
#[derive(Clone, Debug)]
pub enum ProofAsked {
    /// A code of this token.
    Code(Box<TokenView>),
    /// The password.
    Password,
    /// A code that is mailed on demand. Where it goes, most of it hidden.
    MailedCode {
        /// `a…@example.org`.
        hint: String,
    },
    /// There is nothing to ask for.
    Nothing,
}

/// What came of a proof.
#[derive(Debug)]
pub enum ProofResult {
    /// Right. The session's new id.
    Passed {
        /// For the cookie.
        cookie: BearerToken,
    },
    /// The code is spent: wait for the next.
    AlreadyUsed,
    /// Not right.
    Refused,
    /// Not looked at.
    Blocked {
        /// Until when; `None`: until an operator opens it.
        until: Option<UnixTime>,
    },
}

fn ended() -> ServiceError {
    ServiceError::state("sign_in_order", "start again with the login")
}

/// The session as it is now, with its user.
pub(super) fn full(
    view: &dyn View,
    portal: &PortalSession,
    now: UnixTime,
) -> Result<(Session, User), ServiceError> {
    let session = view.session(&portal.key)?.filter(|session| session.is_alive(now)).ok_or_else(ended)?;
    match session.kind {
        SessionKind::Portal { stage: LoginStage::Full { user, .. }, .. } => {
            Ok((session, view.user(user)?.ok_or_else(ended)?))
        }
        _ => Err(ended()),
    }
}

/// Refuses with `proof_needed` when the last proof is too old, and with `sign_in_order` when the session has
/// ended. To be called inside the change that needs the proof.
pub(in crate::service) fn require_fresh(
    view: &dyn View,
    portal: &PortalSession,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let (session, user) = full(view, portal, now)?;
    let SessionKind::Portal { stage: LoginStage::Full { proved_at, proved_by, .. }, .. } = session.kind
    else {
        return Err(ended());
    };
    let token = pair_of(view, user.id, &portal.resource)?.map(|(_, token)| token.id);
    let age = now.secs_since(proved_at);
    if (token.is_none() || token == proved_by) && (-code::CLOCK_TOLERANCE_SECS..=FRESH_SECS).contains(&age) {
        return Ok(());
    }
    Err(ServiceError::state("proof_needed", "prove again who you are"))
}

/// As [`require_fresh`] for changes that ask for the password anyway: beside a token it is not enough.
pub(super) fn require_fresh_code(
    view: &dyn View,
    portal: &PortalSession,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let (_, user) = full(view, portal, now)?;
    if pair_of(view, user.id, &portal.resource)?.is_some() {
        require_fresh(view, portal, now)
    } else {
        Ok(())
    }
}

/// The user of a session that is complete, as they are now.
pub(super) fn user_now(view: &dyn View, portal: &PortalSession, now: UnixTime) -> Result<User, ServiceError> {
    Ok(full(view, portal, now)?.1)
}

/// The session under a new id, proved now by a code of this token or otherwise. It ends when the old one
/// would have.
pub(in crate::service) fn proved_session(
    view: &dyn View,
    old_key: [u8; 32],
    new_key: [u8; 32],
    proved_by: Option<TokenId>,
    now: UnixTime,
) -> Result<Changes, ServiceError> {
    let session = view.session(&old_key)?.filter(|session| session.is_alive(now)).ok_or_else(ended)?;
    let SessionKind::Portal { resource, stage: LoginStage::Full { user, .. } } = session.kind else {
        return Err(ended());
    };
    let kind = SessionKind::Portal { resource, stage: LoginStage::Full { user, proved_at: now, proved_by } };
    let proved = Session { kind, seen_at: now, ..session };
    Ok(vec![Change::DeleteSession(old_key), Change::PutSession(new_key, proved)])
}

/// Ends all sessions of the user but this one, and voids the codes that were mailed: for changes of what
/// people sign in with.
pub(super) fn end_others(
    view: &dyn View,
    portal: &PortalSession,
    now: UnixTime,
) -> Result<Changes, ServiceError> {
    let (session, user) = full(view, portal, now)?;
    let mut changes = crate::service::user::shut_out(view, user.id)?;
    changes.push(Change::PutSession(portal.key, session));
    Ok(changes)
}

/// What was typed as a proof, compared outside the store.
pub(super) struct TypedSecret {
    compared: Option<PasswordHash>,
    is_password: bool,
    code: [u8; 32],
    of_address: AddressBudget,
    visit: Visit,
    now: UnixTime,
}

/// What a typed proof is worth inside a change.
pub(super) enum Weighed {
    /// Right: what goes with it.
    Right(Changes),
    /// Wrong: what counts it.
    Wrong(Changes),
    /// Not looked at: what notes it.
    Blocked(Option<UnixTime>, Changes),
}

impl TypedSecret {
    /// Counts the attempt, then uses the comparison: password, or mailed code for users without one.
    pub(super) fn weigh(
        &self,
        view: &dyn View,
        portal: &PortalSession,
        user: &User,
        resource: &Resource,
    ) -> Result<Weighed, ServiceError> {
        let now = self.now;
        let kind = if user.password.is_some() { BudgetKind::Password } else { BudgetKind::MailedCode };
        let key = BudgetKey::User(kind, user.id);
        let budget = view.budget(key)?;
        let entry = |result, word: &str| {
            let detail = vec![("page", "prove".to_owned()), ("result", word.to_owned())];
            let subjects = vec![Subject::User(user.id), Subject::Resource(resource.id)];
            let actor = portal.actor(&self.visit);
            crate::service::audit_entry(now, &actor, AuditAction::Proved, subjects, result, detail)
        };
        if let Some(until) = self.of_address.blocked(view)? {
            return Ok(Weighed::Blocked(Some(until), vec![entry(AuditResult::Refused, "address_blocked")]));
        }
        if let Some(until) = code::blocked(&budget, now) {
            return Ok(Weighed::Blocked(until, vec![entry(AuditResult::Refused, "blocked")]));
        }
        let right = match &user.password {
            Some(_) => self.is_password && user.password == self.compared,
            None => view
                .mailed_code(user.id, resource.id)?
                .is_some_and(|mailed| fits(&mailed, &self.code, &portal.key, now)),
        };
        if right {
            return Ok(Weighed::Right(vec![
                Change::PutBudget(key, Budget::CLEAR),
                Change::DeleteMailedCode(user.id, resource.id),
                entry(AuditResult::Done, "accepted"),
            ]));
        }
        let mut changes = vec![Change::PutBudget(key, budget.failed(now, resource.failure_limit))];
        changes.extend(self.of_address.failed(view)?);
        changes.push(entry(AuditResult::Refused, "wrong"));
        Ok(Weighed::Wrong(changes))
    }
}

impl Service {
    /// Refuses with `proof_needed` when an action that matters must ask first who is there.
    pub fn require_fresh(&self, portal: &PortalSession) -> Result<(), ServiceError> {
        let now = self.clock.now();
        self.store.read(|view| require_fresh(view, portal, now))
    }

    /// What is asked for as a proof.
    pub fn portal_proof(&self, portal: &PortalSession) -> Result<ProofAsked, ServiceError> {
        let actor = portal.actor(&Visit::from_address(""));
        let (now, mail) = (self.clock.now(), self.mail);
        self.store.read(|view| {
            let user = user_now(view, portal, now)?;
            if let Some((_, token)) = pair_of(view, user.id, &portal.resource)? {
                return Ok(ProofAsked::Code(Box::new(TokenView::read(view, &actor, token)?)));
            }
            Ok(match (&user.password, &user.email) {
                (Some(_), _) => ProofAsked::Password,
                (None, Some(email)) if mail != MailMode::None => {
                    ProofAsked::MailedCode { hint: email.hint() }
                }
                (None, _) => ProofAsked::Nothing,
            })
        })
    }

    /// Compares a typed password, and hashes it as a mailed code, outside the store.
    pub(super) fn typed_secret(
        &self,
        portal: &PortalSession,
        typed: &Passphrase,
        visit: &Visit,
    ) -> Result<TypedSecret, ServiceError> {
        let now = self.clock.now();
        let stored = self.store.read(|view| user_now(view, portal, now))?;
        let is_password = self.verify_password(typed, stored.password.as_ref())?;
        Ok(TypedSecret {
            compared: stored.password,
            is_password,
            code: self.code_hash_of(typed),
            of_address: self.address_budget(&visit.address, now),
            visit: visit.clone(),
            now,
        })
    }

    /// Mails a code as a proof, for a user without token and password. False: none was sent, there were
    /// enough of them lately.
    pub fn mail_proof(&self, portal: &PortalSession, visit: &Visit) -> Result<bool, ServiceError> {
        let now = self.clock.now();
        let code = self.fresh_code(Purpose::Proof, visit, now)?;
        let (portal, visit) = (portal.clone(), visit.clone());
        let sent = self.decide(move |view| {
            let (user, resource) = (user_now(view, &portal, now)?, &portal.resource);
            let paired = pair_of(view, user.id, resource)?.is_some();
            let to = user.email.clone().filter(|_| user.password.is_none() && !paired);
            let Some(to) = to else {
                return Err(ServiceError::state("proof_kind", "something else is asked for now"));
            };
            let Some(mut changes) = code.mail(view, &Recipient { user: &user, resource, to }, &visit, now)?
            else {
                return Ok((false, Vec::new()));
            };
            changes.push(code.kept_for(user.id, resource.id, portal.key, now));
            Ok((true, changes))
        })?;
        self.wake_mailer();
        Ok(sent)
    }

    /// A proof by the token's code.
    pub fn portal_prove_code(
        &self,
        portal: &PortalSession,
        otp: &Otp,
        visit: &Visit,
    ) -> Result<ProofResult, ServiceError> {
        signed_in(portal)?;
        let cookie = bearer_token()?;
        let new_key = bearer_hash(&cookie);
        Ok(match self.code_of_pair(portal, otp, visit, new_key)? {
            CheckResult::Accepted { .. } => ProofResult::Passed { cookie },
            CheckResult::Replayed { .. } => ProofResult::AlreadyUsed,
            CheckResult::Wrong | CheckResult::OutsideWindow { .. } => ProofResult::Refused,
            CheckResult::Blocked { until } => ProofResult::Blocked { until },
        })
    }

    /// A proof by password or mailed code, for a user without a token.
    pub fn portal_prove_secret(
        &self,
        portal: &PortalSession,
        typed: &Passphrase,
        visit: &Visit,
    ) -> Result<ProofResult, ServiceError> {
        let cookie = bearer_token()?;
        let new_key = bearer_hash(&cookie);
        let typed = self.typed_secret(portal, typed, visit)?;
        let portal = portal.clone();
        let proved = self.decide(move |view| {
            let user = user_now(view, &portal, typed.now)?;
            let resource = view.resource(portal.resource.id)?.ok_or_else(ended)?;
            if pair_of(view, user.id, &resource)?.is_some() {
                return Err(ServiceError::state("proof_kind", "the code of the token is asked for now"));
            }
            Ok(match typed.weigh(view, &portal, &user, &resource)? {
                Weighed::Right(mut changes) => {
                    changes.extend(proved_session(view, portal.key, new_key, None, typed.now)?);
                    (Ok(()), changes)
                }
                Weighed::Wrong(changes) => (Err(ProofResult::Refused), changes),
                Weighed::Blocked(until, changes) => (Err(ProofResult::Blocked { until }), changes),
            })
        })?;
        Ok(match proved {
            Ok(()) => ProofResult::Passed { cookie },
            Err(other) => other,
        })
    }
}
