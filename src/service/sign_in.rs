//! The portal's sign-in in three pages, equal for every login that exists or not.
//!
//! Page 1 takes a login, page 2 a password or a mailed code, page 3 (`second_factor`) the token's code. The
//! session changes its id when page 2 and when page 3 succeeds.

use crate::clock::UnixTime;
use crate::model::{
    Actor, ActorOrigin, AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, EmailAddress, Login,
    LoginStage, Resource, ResourceAlias, RestoreDraft, Scope, Session, SessionKind, Subject, User, UserId,
    Visit,
};
use crate::secret::{BearerToken, Passphrase};
use crate::store::{Change, Changes, View};
use crate::vault::{bearer_hash, bearer_token};

use super::authenticate::{hashed_key, is_on};
use super::code;
use super::environment::{Arrival, Asks};
use super::mailed_code::{FreshCode, Purpose, Recipient, fits};
use super::notice::Post;
use super::pair::pair_of;
use super::{Service, ServiceError};

/// Sessions that have proved nothing and live at the same time, of all portals together.
const MOST_UNPROVED: u64 = 20_000;
/// Of those that are too many, so many go with one that comes.
const DROPPED_AT_ONCE: usize = 8;
/// A portal session as pages need it.
#[derive(Clone, Debug)]
pub struct PortalSession {
    /// Hash of the cookie: its key in the store.
    pub key: [u8; 32],
    /// The portal's resource.
    pub resource: Resource,
    /// How far the sign-in has come.
    pub stage: LoginStage,
    /// The user, from the second page on.
    pub user: Option<User>,
    /// A new mail address that waits for its code.
    pub email_pending: Option<EmailAddress>,
    /// The number of the environment it was opened from.
    pub environment: Option<u32>,
    /// A request to restore access that is being made in it.
    pub restore: Option<Box<RestoreDraft>>,
    /// An emergency code opened it.
    pub emergency: bool,
}

impl PortalSession {
    /// Whoever is behind it, on a visit.
    pub fn actor(&self, visit: &Visit) -> Actor {
        let origin = match &self.user {
            Some(user) => ActorOrigin::User { id: user.id, login: user.login.clone() },
            None => ActorOrigin::Stranger,
        };
        visit.actor(origin, Scope::Resources(vec![self.resource.id]))
    }
}

/// What came of page 2.
#[derive(Debug)]
pub enum SecondPage {
    /// Right. The session's new id; `owes_code`: page 3 comes next.
    Passed {
        /// For the cookie.
        cookie: BearerToken,
        /// The user has a token here.
        owes_code: bool,
    },
    /// Right, but from an unusual environment: a mailed code is typed next. The session's new id. Whether a code
    /// waits tells [`Service::unusual_code`].
    CodeMailed {
        /// For the cookie.
        cookie: BearerToken,
    },
    /// Right, but from an unusual environment, and no code can be mailed that would be asked for.
    NoWayToAsk,
    /// Not right.
    Refused,
    /// Not looked at.
    Blocked {
        /// Until when; `None`: until an operator opens it.
        until: Option<UnixTime>,
    },
}

impl Service {
    /// The resource of an open portal.
    pub fn open_portal(&self, alias: &ResourceAlias) -> Result<Resource, ServiceError> {
        self.store.read(|view| {
            view.resource_by_alias(alias.as_str())?
                .filter(|resource| resource.open_portal().is_some())
                .ok_or(ServiceError::NotFound { what: "portal" })
        })
    }

    /// Page 1: a login was typed. Mails a code to a user who has an address and no password.
    pub fn portal_begin(
        &self,
        alias: &ResourceAlias,
        login: &Login,
        visit: &Visit,
    ) -> Result<BearerToken, ServiceError> {
        let cookie = bearer_token()?;
        let key = bearer_hash(&cookie);
        let (alias, login, visit, now) = (alias.clone(), login.clone(), visit.clone(), self.clock.now());
        let code = self.fresh_code(Purpose::SignIn, &visit, now)?;
        self.decide(move |view| {
            let resource = open_portal(view, &alias)?;
            let user = match view.user_by_login(&login.normal())? {
                Some(user) if is_on(view, &user, &resource)? => Some(user),
                _ => None,
            };
            let stage = LoginStage::LoginTyped { login: login.clone(), user: user.as_ref().map(|u| u.id) };
            let kind = SessionKind::Portal { resource: resource.id, stage };
            let session = Session::new(kind, visit.address.clone(), now);
            let mut changes = vec![Change::PutSession(key, session)];
            // Whoever floods this page pushes out the oldest, not the person who comes next: a refusal
            // would shut everybody out for ten minutes.
            let oldest = view.unproved_sessions_beyond(MOST_UNPROVED - 1, DROPPED_AT_ONCE)?;
            changes.extend(oldest.into_iter().map(Change::DeleteSession));
            if let Some(user) = user
                && user.password.is_none()
                && let Some(to) = user.email.clone()
                && let Some(mailed) =
                    code.mail(view, &Recipient { user: &user, resource: &resource, to }, &visit, now)?
            {
                changes.extend(mailed);
                changes.push(code.kept_for(user.id, resource.id, key, now));
            }
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(cookie)
    }

    /// The portal session of a cookie, if it is alive; notes that it was seen.
    pub fn portal_session(
        &self,
        alias: &ResourceAlias,
        cookie: &BearerToken,
    ) -> Result<Option<PortalSession>, ServiceError> {
        let key = bearer_hash(cookie);
        let now = self.clock.now();
        let found = self.store.read(|view| {
            let Some(session) = view.session(&key)?.filter(|s| s.is_alive(now)) else { return Ok(None) };
            let SessionKind::Portal { resource, stage } = &session.kind else { return Ok(None) };
            let resource = view
                .resource(*resource)?
                .filter(|r| r.open_portal().is_some_and(|portal| portal.alias == *alias));
            let Some(resource) = resource else { return Ok(None) };
            let user = match stage {
                LoginStage::LoginTyped { .. } => None,
                LoginStage::OtpOwed { user }
                | LoginStage::CodeOwed { user }
                | LoginStage::Full { user, .. } => view.user(*user)?,
            };
            let stage = stage.clone();
            let email_pending = session.email_change.as_ref().filter(|change| now < change.code.expires_at);
            let email_pending = email_pending.map(|change| change.to.clone());
            let Session { environment, emergency, .. } = session;
            let restore = session.restore.clone();
            Ok::<_, ServiceError>(Some((
                PortalSession { key, resource, stage, user, email_pending, environment, restore, emergency },
                session,
            )))
        })?;
        let Some((portal, session)) = found else { return Ok(None) };
        self.touch(key, &session, now)?;
        Ok(Some(portal))
    }

    /// Writes that a session was seen, at most once a minute.
    pub(super) fn touch(&self, key: [u8; 32], session: &Session, now: UnixTime) -> Result<(), ServiceError> {
        if now.secs_since(session.seen_at) < 60 {
            return Ok(());
        }
        self.decide(move |view| {
            // As it is now: another request may have moved it on meanwhile.
            let seen = view.session(&key)?.map(|still| Session { seen_at: now, ..still });
            Ok(((), seen.into_iter().map(|seen| Change::PutSession(key, seen)).collect()))
        })
    }

    /// Page 2: a password, or the code that was mailed. Failures are counted for the login and for the
    /// address; on page 3 they go to the token alone, which nobody reaches without a right first factor.
    pub fn portal_second(
        &self,
        portal: &PortalSession,
        typed: &Passphrase,
        visit: &Visit,
    ) -> Result<SecondPage, ServiceError> {
        let LoginStage::LoginTyped { login, user } = portal.stage.clone() else {
            return Err(ServiceError::state("sign_in_order", "start again with the login"));
        };
        let stored = match user {
            Some(user) => self.store.read(|view| Ok::<_, ServiceError>(view.user(user)?))?,
            None => None,
        };
        let password_right =
            self.verify_password(typed, stored.as_ref().and_then(|u| u.password.as_ref()))?;
        let typed_hash = self.code_hash_of(typed);
        let unknown = self.vault.keyed_hash("login", login.normal().as_bytes());
        let (old_key, resource_id) = (portal.key, portal.resource.id);
        let cookie = bearer_token()?;
        let new_key = bearer_hash(&cookie);
        let (visit, now) = (visit.clone(), self.clock.now());
        let visiting = visit.clone();
        let of_address = self.address_budget(&visit.address, now);
        let (post, code) = (self.post()?, self.fresh_code(Purpose::SignIn, &visit, now)?);
        let passed = self.decide(move |view| {
            let resource = view.resource(resource_id)?.ok_or(ServiceError::Stale)?;
            if view.session(&old_key)?.is_none() {
                return Err(ServiceError::state("sign_in_order", "start again with the login"));
            }
            let known = still_here(view, user, &resource)?;
            // The password that was compared must still be the one in force.
            let compared = stored.as_ref().and_then(|user| user.password.as_ref());
            let mailed = match &known {
                Some(user) if user.password.is_none() => view.mailed_code(user.id, resource.id)?,
                _ => None,
            };
            let by_mail = known.as_ref().is_some_and(|user| user.password.is_none() && user.email.is_some());
            let (key, budget) = second_counter(view, known.as_ref(), by_mail, &unknown, now)?;
            let mut subjects = vec![Subject::Resource(resource.id)];
            subjects.extend(known.as_ref().map(|user| Subject::User(user.id)));
            let audit = |result, word: &str| {
                let detail = vec![("page", "second".to_owned()), ("result", word.to_owned())];
                let (actor, action) = (visit.stranger(), AuditAction::SignIn);
                super::audit_entry(now, &actor, action, subjects.clone(), result, detail)
            };
            if let Some(until) = of_address.blocked(view)? {
                let entry = audit(AuditResult::Refused, "address_blocked");
                return Ok((Err(Stop::Blocked(Some(until))), vec![entry]));
            }
            if let Some(until) = code::blocked(&budget, now) {
                return Ok((Err(Stop::Blocked(until)), vec![audit(AuditResult::Refused, "blocked")]));
            }
            let mail_right = mailed.is_some_and(|code| fits(&code, &typed_hash, &old_key, now));
            let is_right = |user: &User| match &user.password {
                None => mail_right,
                in_force => password_right && in_force.as_ref() == compared,
            };
            let wrong = |word| -> Result<Changes, ServiceError> {
                let mut changes = vec![Change::PutBudget(key, budget.failed(now, resource.failure_limit))];
                changes.extend(of_address.failed(view)?);
                changes.push(audit(AuditResult::Refused, word));
                Ok(changes)
            };
            let Some(user) = known.as_ref().filter(|user| is_right(user)) else {
                return Ok((Err(Stop::Wrong), wrong("wrong")?));
            };
            let first = FirstFactor { user, resource: &resource, by_mail, visit: &visit, new_key, now };
            let (next, session, more) = match first.passed(view, &code, &post)? {
                Passed::On(next, session, more) => (next, session, more),
                Passed::AsWrong(told) => {
                    // As if the password were wrong, or whoever guesses would learn that it is right.
                    let mut changes = wrong("environment")?;
                    changes.extend(told);
                    return Ok((Err(Stop::Wrong), changes));
                }
                Passed::NoWayToAsk(told) => {
                    let mut changes = vec![Change::PutBudget(key, Budget::CLEAR)];
                    changes.extend(told);
                    changes.push(audit(AuditResult::Refused, "no_code_possible"));
                    return Ok((Err(Stop::NoWayToAsk), changes));
                }
            };
            let mut changes = vec![Change::PutBudget(key, Budget::CLEAR), Change::DeleteSession(old_key)];
            if by_mail {
                // Spent. One that another visit waits for beside the password is not touched.
                changes.push(Change::DeleteMailedCode(user.id, resource.id));
            }
            changes.extend(more);
            changes.push(Change::PutSession(new_key, *session));
            changes.push(audit(AuditResult::Done, next.word()));
            Ok((Ok(next), changes))
        })?;
        self.wake_mailer();
        if let (Ok(Next::Code), Some(user)) = (&passed, user) {
            self.mail_owed_code(portal, new_key, user, &visiting);
        }
        Ok(match passed {
            Ok(Next::MailedCode) => SecondPage::CodeMailed { cookie },
            Ok(next) => SecondPage::Passed { cookie, owes_code: next == Next::Code },
            Err(Stop::Wrong) => SecondPage::Refused,
            Err(Stop::NoWayToAsk) => SecondPage::NoWayToAsk,
            Err(Stop::Blocked(until)) => SecondPage::Blocked { until },
        })
    }

    /// Mails the code that page 3 asks for, when it is one of a mail token. Only now, and apart from the change that
    /// opened page 3: who did not come so far causes no mail, and page 3 says what was mailed and mails again.
    fn mail_owed_code(&self, portal: &PortalSession, key: [u8; 32], user: UserId, visit: &Visit) {
        let owed = PortalSession { key, stage: LoginStage::OtpOwed { user }, ..portal.clone() };
        if let Err(error) = self.mail_token_code(&owed, visit) {
            tracing::warn!(%error, "the code of a mail token was not mailed");
        }
    }

    /// Ends a session of either kind.
    pub fn sign_out(&self, cookie: &BearerToken) -> Result<(), ServiceError> {
        let key = bearer_hash(cookie);
        let now = self.clock.now();
        self.decide(move |view| {
            let Some(session) = view.session(&key)? else { return Ok(((), Vec::new())) };
            let subjects = match session.kind {
                SessionKind::Operator(id) => vec![Subject::Operator(id)],
                SessionKind::Portal {
                    stage:
                        LoginStage::Full { user, .. }
                        | LoginStage::OtpOwed { user }
                        | LoginStage::CodeOwed { user },
                    ..
                } => {
                    vec![Subject::User(user)]
                }
                SessionKind::Portal { .. } => Vec::new(),
            };
            let actor = Visit::from_address(&session.address).stranger();
            let entry =
                super::audit_entry(now, &actor, AuditAction::SignOut, subjects, AuditResult::Done, vec![]);
            Ok(((), vec![Change::DeleteSession(key), entry]))
        })
    }
}

fn open_portal(view: &dyn View, alias: &ResourceAlias) -> Result<Resource, ServiceError> {
    view.resource_by_alias(alias.as_str())?
        .filter(|resource| resource.open_portal().is_some())
        .ok_or(ServiceError::NotFound { what: "portal" })
}

/// The counter of page 2: of the user's password or mailed code, or of a login that nobody has.
fn second_counter(
    view: &dyn View,
    known: Option<&User>,
    by_mail: bool,
    unknown: &[u8; 32],
    now: UnixTime,
) -> Result<(BudgetKey, Budget), ServiceError> {
    let kind = if by_mail { BudgetKind::MailedCode } else { BudgetKind::Password };
    if let Some(user) = known {
        let key = BudgetKey::User(kind, user.id);
        return Ok((key, view.budget(key)?));
    }
    let key = hashed_key(kind, unknown);
    Ok((key, view.budget(key)?.within(now, 86_400)))
}

/// The user that page 1 found; one who was taken off the resource since then is like a login that
/// nobody has.
fn still_here(
    view: &dyn View,
    user: Option<UserId>,
    resource: &Resource,
) -> Result<Option<User>, ServiceError> {
    let Some(id) = user else { return Ok(None) };
    match view.user(id)? {
        Some(user) if is_on(view, &user, resource)? => Ok(Some(user)),
        _ => Ok(None),
    }
}

/// A password or mailed code that was right.
struct FirstFactor<'a> {
    user: &'a User,
    resource: &'a Resource,
    by_mail: bool,
    visit: &'a Visit,
    new_key: [u8; 32],
    now: UnixTime,
}

/// Why page 2 leads no further.
enum Stop {
    Wrong,
    NoWayToAsk,
    Blocked(Option<UnixTime>),
}

/// What a right first factor leads to, each with what goes with it.
enum Passed {
    /// What follows, and the session.
    On(Next, Box<Session>, Changes),
    /// Refused all the same, in the words of a wrong one.
    AsWrong(Changes),
    /// A code would be asked for that cannot be mailed.
    NoWayToAsk(Changes),
}

impl FirstFactor<'_> {
    fn passed(&self, view: &dyn View, code: &FreshCode, post: &Post) -> Result<Passed, ServiceError> {
        let Self { user, resource, visit, now, .. } = *self;
        let session = |stage| {
            let kind = SessionKind::Portal { resource: resource.id, stage };
            Session::new(kind, visit.address.clone(), now)
        };
        if pair_of(view, user.id, resource)?.is_some() {
            let owed = session(LoginStage::OtpOwed { user: user.id });
            return Ok(Passed::On(Next::Code, Box::new(owed), Vec::new()));
        }
        let mut arrival = Arrival::at(view, user, resource, visit, now)?;
        if arrival.is_refused() {
            return Ok(Passed::AsWrong(arrival.refused(view, post)?));
        }
        match arrival.asks(self.by_mail, code.can_be_mailed()) {
            Asks::Nothing => {}
            Asks::Code(to) => {
                // Asked for also when there were enough mails: else three tries would lead past it.
                let mailed = code.mail(view, &Recipient { user, resource, to }, visit, now)?;
                let kept = mailed.is_some().then(|| code.kept_for(user.id, resource.id, self.new_key, now));
                let changes = mailed.into_iter().flatten().chain(kept).collect();
                let owed = session(LoginStage::CodeOwed { user: user.id });
                return Ok(Passed::On(Next::MailedCode, Box::new(owed), changes));
            }
            Asks::Unanswerable => return Ok(Passed::NoWayToAsk(arrival.refused(view, post)?)),
        }
        let (environment, changes) = arrival.let_in(view, post, true)?;
        let full = session(LoginStage::Full { user: user.id, proved_at: now, proved_by: None });
        Ok(Passed::On(Next::Nothing, Box::new(Session { environment, ..full }), changes))
    }
}

/// What follows page 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Nothing,
    Code,
    MailedCode,
}

impl Next {
    const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "signed_in",
            Self::Code => "code_owed",
            Self::MailedCode => "mailed_code_owed",
        }
    }
}
