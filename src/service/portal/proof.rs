//! A fresh proof of who is there (P32): before what matters most, a code of the user's token that is not
//! older than five minutes; without a token the password, or a mailed code for users who have none.
//!
//! A complete sign-in is such a proof at its moment. Beside a token only a code of that token is one: whoever
//! knew the password alone could take the token away. What belongs to the whole user opens doors elsewhere, too;
//! so who has no token here and has some on other resources shows a code of one of those.

use crate::clock::UnixTime;
use crate::model::{
    AssignmentKind, AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, Custody, LoginStage, OtpSpec,
    PasswordHash, Resource, ResourceName, Session, SessionKind, Subject, Token, TokenId, User, Visit,
};
use crate::oath::Otp;
use crate::secret::{BearerToken, Passphrase};
use crate::service::address::AddressBudget;
use crate::service::check::CheckResult;
use crate::service::code::{self, kept_pin};
use crate::service::mailed_code::{Purpose, Recipient, fits_session};
use crate::service::pair::counting_pair;
use crate::service::token::TokenView;
use crate::service::{MailMode, PortalSession, Service, ServiceError};
use crate::store::{Change, Changes, View};
use crate::vault::{bearer_hash, bearer_token};

use super::signed_in;

/// A proof is fresh for so long.
pub(in crate::service) const FRESH_SECS: i64 = 300;

/// A token of which a code proves who a user is.
#[derive(Clone, Debug)]
pub struct ProvingToken {
    /// The token.
    pub view: TokenView,
    /// What it is chosen by; it says nothing about the token.
    pub handle: String,
    /// Its serial number; of that only the end in a visit in which no token has proved anything, or a password would
    /// tell which tokens there are besides.
    pub name: String,
    /// The resource that asks for it at sign-in, when that is not this one; told as the serial number is.
    pub elsewhere: Option<ResourceName>,
}

/// What proves who a user is, now.
#[derive(Clone, Debug)]
pub enum ProofAsked {
    /// A code of one of these tokens; there is one at least.
    Code(Vec<ProvingToken>),
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

/// The end of a serial number, which its owner knows it by: three characters, and half of it at most.
fn serial_end(serial: &str) -> String {
    let count = serial.chars().count();
    let end: String = serial.chars().skip(count - (count / 2).min(3)).collect();
    format!("\u{2026}{end}")
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

/// A code that is mailed proves no more than the mail address does.
fn is_mailed(view: &dyn View, token: &Token) -> Result<bool, ServiceError> {
    Ok(view.seed(token.id)?.is_some_and(|seed| seed.spec.is_mailed()))
}

/// True when codes of it can be compared and prove something.
fn is_checked(view: &dyn View, token: &Token, spec: &OtpSpec) -> Result<bool, ServiceError> {
    let knows_pin = !spec.takes_pin() || kept_pin(view, token.id, spec)?.is_some();
    let knows_session = spec.suite().is_none_or(|suite| suite.session_bytes().is_none());
    Ok(knows_pin && knows_session && !spec.is_mailed() && spec.shape().is_some())
}

/// The tokens of which a code proves who this user is: the one here; without one those that are theirs on other
/// resources and can be asked for.
pub(in crate::service) fn proving(
    view: &dyn View,
    user: &User,
    portal: &PortalSession,
) -> Result<Vec<(Token, Option<Resource>)>, ServiceError> {
    let here = &portal.resource;
    if let Some((_, token)) = counting_pair(view, user.id, here, portal.emergency)?
        && !is_mailed(view, &token)?
    {
        return Ok(vec![(token, None)]);
    }
    let mut found: Vec<(Token, Option<Resource>)> = Vec::new();
    for place in view.assignments_of_user(user.id)? {
        if place.resource == here.id || place.parties.kind() != AssignmentKind::TokenWithUser {
            continue;
        }
        let Some(id) = place.parties.token() else { continue };
        let (Some(token), Some(seed)) = (view.token(id)?, view.seed(id)?) else { continue };
        let is_out = matches!(
            token.custody,
            Custody::Lost { .. } | Custody::Retired { .. } | Custody::Returned { .. }
        );
        // One that is switched off, away or of a kind that cannot be checked would shut its owner out.
        let is_asked = token.disabled.is_none() && !is_out && is_checked(view, &token, &seed.spec)?;
        if is_asked && found.iter().all(|(known, _)| known.id != id) {
            found.push((token, view.resource(place.resource)?));
        }
    }
    Ok(found)
}

fn needed() -> ServiceError {
    ServiceError::state("proof_needed", "prove again who you are")
}

/// The token whose code was the last proof of the visit.
pub(super) fn proved_by(session: &Session) -> Option<TokenId> {
    match session.kind {
        SessionKind::Portal { stage: LoginStage::Full { proved_by, .. }, .. } => proved_by,
        _ => None,
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
    let tokens = proving(view, &user, portal)?;
    let is_of_token = tokens.iter().any(|(token, _)| Some(token.id) == proved_by);
    let age = now.secs_since(proved_at);
    if (tokens.is_empty() || is_of_token) && (-code::CLOCK_TOLERANCE_SECS..=FRESH_SECS).contains(&age) {
        return Ok(());
    }
    Err(needed())
}

/// As [`require_fresh`], for changes that ask for the password anyway, or for codes of a token in the hand: beside
/// another token that is in use they are not enough.
pub(in crate::service) fn require_fresh_code(
    view: &dyn View,
    portal: &PortalSession,
    in_hand: Option<TokenId>,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let (_, user) = full(view, portal, now)?;
    let tokens = proving(view, &user, portal)?;
    let is_enough = tokens.is_empty() || tokens.iter().any(|(token, _)| Some(token.id) == in_hand);
    if is_enough { Ok(()) } else { require_fresh(view, portal, now) }
}

/// For the second half of a change, whose first half was proved by this token (`None`: as the session was last
/// proved): a fresh proof, unless that was of the kind that is asked for now.
pub(in crate::service) fn require_token_proof(
    view: &dyn View,
    portal: &PortalSession,
    proved_by: Option<TokenId>,
    now: UnixTime,
) -> Result<(), ServiceError> {
    let (session, user) = full(view, portal, now)?;
    let proved_by = proved_by.or_else(|| self::proved_by(&session));
    let tokens = proving(view, &user, portal)?;
    let holds = tokens.is_empty() || tokens.iter().any(|(token, _)| Some(token.id) == proved_by);
    if holds { Ok(()) } else { require_fresh(view, portal, now) }
}

/// The user of a session that is complete, as they are now.
pub(in crate::service) fn user_now(
    view: &dyn View,
    portal: &PortalSession,
    now: UnixTime,
) -> Result<User, ServiceError> {
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
    let proved = Session { kind, seen_at: now, proof_code: None, ..session };
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
    /// Counts the attempt, then uses the comparison: password, or the code of the visit for users without
    /// one. Passwords are counted with those of the sign-in, which are the same; codes apart from its codes, or
    /// whoever types somebody's login could shut them out of here.
    pub(super) fn weigh(
        &self,
        view: &dyn View,
        portal: &PortalSession,
        user: &User,
        resource: &Resource,
    ) -> Result<Weighed, ServiceError> {
        let now = self.now;
        let kind = if user.password.is_some() { BudgetKind::Password } else { BudgetKind::SessionCode };
        let key = BudgetKey::User(kind, user.id);
        let (session, _) = full(view, portal, now)?;
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
            None => session.proof_code.is_some_and(|mailed| fits_session(&mailed, &self.code, now)),
        };
        if right {
            return Ok(Weighed::Right(vec![
                Change::PutBudget(key, Budget::CLEAR),
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
            let (session, user) = full(view, portal, now)?;
            let tokens = proving(view, &user, portal)?;
            if !tokens.is_empty() {
                let told = proved_by(&session).is_some();
                let shown = |(token, place): (Token, Option<Resource>)| {
                    let (handle, serial) = (self.proof_handle(token.id), token.serial.display());
                    let name = if told { serial.to_owned() } else { serial_end(serial) };
                    let elsewhere = place.filter(|_| told).map(|place| place.name);
                    Ok(ProvingToken { view: TokenView::read(view, &actor, token)?, handle, name, elsewhere })
                };
                let tokens = tokens.into_iter().map(shown).collect::<Result<_, ServiceError>>()?;
                return Ok(ProofAsked::Code(tokens));
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
            let ((session, user), resource) = (full(view, &portal, now)?, &portal.resource);
            let has_token = !proving(view, &user, &portal)?.is_empty();
            let to = user.email.clone().filter(|_| user.password.is_none() && !has_token);
            let Some(to) = to else {
                return Err(ServiceError::state("proof_kind", "something else is asked for now"));
            };
            let Some(mut changes) = code.mail(view, &Recipient { user: &user, resource, to }, &visit, now)?
            else {
                return Ok((false, Vec::new()));
            };
            let session = Session { proof_code: Some(code.kept_in_session(now)), ..session };
            changes.push(Change::PutSession(portal.key, session));
            Ok((true, changes))
        })?;
        self.wake_mailer();
        Ok(sent)
    }

    /// What a token is chosen by when several can prove who somebody is.
    pub(in crate::service) fn proof_handle(&self, token: TokenId) -> String {
        let hash = self.vault.keyed_hash("token that proves", &token.0.to_be_bytes());
        data_encoding::HEXLOWER.encode(&hash[..8])
    }

    /// A proof by the code of a token; its handle says which, when there are several.
    pub fn portal_prove_code(
        &self,
        portal: &PortalSession,
        handle: Option<&str>,
        otp: &Otp,
        visit: &Visit,
    ) -> Result<ProofResult, ServiceError> {
        signed_in(portal)?;
        let cookie = bearer_token()?;
        let new_key = bearer_hash(&cookie);
        Ok(match self.code_of_token(portal, handle, otp, visit, new_key)? {
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
            if !proving(view, &user, &portal)?.is_empty() {
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
