//! Arriving from somewhere: what a sign-in from an unusual environment leads to (P29).
//!
//! A first sign-in is never unusual, nor is the next one after an operator unblocked the user or approved their request
//! to restore access.

use crate::clock::UnixTime;
use crate::model::{
    Actor, ActorOrigin, AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, EmailAddress,
    EnvironmentPolicy, Environments, Likeness, LoginStage, Resource, Scope, Session, SessionKind, Subject,
    Traits, User, UserIssue, Visit,
};
use crate::secret::Passphrase;
use crate::store::{Change, Changes, View};
use crate::vault::{bearer_hash, bearer_token};

use super::authenticate::is_on;
use super::mailed_code::{Purpose, Recipient, fits};
use super::notice::{Happened, Notice, Post};
use super::pair::pair_of;
use super::{PortalSession, SecondPage, Service, ServiceError, code};

/// What an unusual environment asks for beside the password.
pub(super) enum Asks {
    Nothing,
    /// A code that is mailed there.
    Code(EmailAddress),
    /// A code that cannot be mailed: nobody is let in by the password alone.
    Unanswerable,
}

/// A user who gave what a sign-in needs, and from where.
pub(super) struct Arrival<'a> {
    user: &'a User,
    resource: &'a Resource,
    visit: &'a Visit,
    now: UnixTime,
    known: Environments,
    traits: Traits,
    policy: EnvironmentPolicy,
    /// The likeness, when it is too small.
    unlike: Option<Likeness>,
    is_proved: bool,
}

/// Whether an operator has lately established who comes next: by the approval that says so, and only by that.
fn is_verified(
    view: &dyn View,
    known: &Environments,
    user: &User,
    now: UnixTime,
) -> Result<bool, ServiceError> {
    let issue = known.welcomed_by.map(|id| view.user_issue(id)).transpose()?.flatten();
    Ok(issue.is_some_and(|issue| {
        issue.user == user.id && issue.is_approved_within(UserIssue::WELCOMES_SECS, now)
    }))
}

impl<'a> Arrival<'a> {
    /// Looks at it.
    pub(super) fn at(
        view: &dyn View,
        user: &'a User,
        resource: &'a Resource,
        visit: &'a Visit,
        now: UnixTime,
    ) -> Result<Self, ServiceError> {
        let known = view.environments(user.id, resource.id)?.unwrap_or_default();
        let traits = Traits::read(&visit.says, &visit.address);
        let (policy, least) = resource.portal.as_ref().map_or((EnvironmentPolicy::Off, 0), |portal| {
            (portal.environment_policy, portal.environment_score)
        });
        let is_welcome = known.next_is_welcome || is_verified(view, &known, user, now)?;
        let unlike = known
            .likeness(&traits)
            .filter(|likeness| likeness.score < u32::from(least) && !is_welcome)
            .filter(|_| policy != EnvironmentPolicy::Off);
        Ok(Self { user, resource, visit, now, known, traits, policy, unlike, is_proved: false })
    }

    /// A second factor was right, too.
    pub(super) fn proved(self) -> Self {
        Self { is_proved: true, ..self }
    }

    /// Whether a code is asked for beside the password: not when a mailed code was the way in.
    pub(super) fn asks(&self, came_by_mail: bool, can_be_mailed: bool) -> Asks {
        if self.policy != EnvironmentPolicy::AskOtp || self.unlike.is_none() || came_by_mail {
            return Asks::Nothing;
        }
        match &self.user.email {
            Some(to) if can_be_mailed => Asks::Code(to.clone()),
            _ => Asks::Unanswerable,
        }
    }

    /// Not let in.
    pub(super) fn is_refused(&self) -> bool {
        self.policy == EnvironmentPolicy::Refuse && self.unlike.is_some()
    }

    /// What goes with being refused: the owner is told, the log knows.
    pub(super) fn refused(&self, view: &dyn View, post: &Post) -> Result<Changes, ServiceError> {
        let Some(likeness) = &self.unlike else { return Ok(Vec::new()) };
        self.told(view, post, Happened::UnlikeRefused(likeness), likeness, AuditResult::Refused)
    }

    /// What goes with being let in: the environment is noted, an unusual one is told. Gives its number.
    /// `full`: with all that the user has, which shows that nothing was lost.
    pub(super) fn let_in(
        &mut self,
        view: &dyn View,
        post: &Post,
        full: bool,
    ) -> Result<(Option<u32>, Changes), ServiceError> {
        let mut changes = Vec::new();
        if full {
            let actor = self.actor();
            changes = super::restore::deleted_by_sign_in(view, self.user, self.resource, &actor, self.now)?;
        }
        if !self.resource.keeps_environments() {
            return Ok((None, changes));
        }
        let is_told = self.policy == EnvironmentPolicy::Report || !self.is_proved;
        if let Some(likeness) = self.unlike.as_ref().filter(|_| is_told) {
            let happened = Happened::UnlikeSeen(likeness);
            changes.extend(self.told(view, post, happened, likeness, AuditResult::Done)?);
        }
        let number = self.known.seen(&self.traits, self.now);
        changes.push(Change::PutEnvironments(self.user.id, self.resource.id, self.known.clone()));
        Ok((Some(number), changes))
    }

    /// The user, as the one who acts.
    fn actor(&self) -> Actor {
        let origin = ActorOrigin::User { id: self.user.id, login: self.user.login.clone() };
        self.visit.actor(origin, Scope::Resources(vec![self.resource.id]))
    }

    fn told(
        &self,
        view: &dyn View,
        post: &Post,
        happened: Happened<'_>,
        likeness: &Likeness,
        result: AuditResult,
    ) -> Result<Changes, ServiceError> {
        let actor = self.actor();
        let detail = vec![
            ("score", likeness.score.to_string()),
            ("policy", self.policy.name().to_owned()),
            ("differences", likeness.differences.join("; ")),
        ];
        let subjects = vec![Subject::User(self.user.id), Subject::Resource(self.resource.id)];
        let stranger = self.visit.stranger();
        let action = AuditAction::EnvironmentUnlike;
        let mut changes = vec![super::audit_entry(self.now, &stranger, action, subjects, result, detail)];
        let notice = Notice { happened, user: self.user, actor: &actor, resource: Some(self.resource) };
        post.tell(view, &notice, self.now, &mut changes)?;
        Ok(changes)
    }
}

fn ended() -> ServiceError {
    ServiceError::state("sign_in_order", "start again with the login")
}

/// The user who owes a mailed code, as long as they stand where they did.
fn owing(view: &dyn View, portal: &PortalSession, now: UnixTime) -> Result<(User, Resource), ServiceError> {
    let session = view.session(&portal.key)?.filter(|session| session.is_alive(now)).ok_or_else(ended)?;
    let SessionKind::Portal { resource, stage: LoginStage::CodeOwed { user } } = session.kind else {
        return Err(ended());
    };
    let user = view.user(user)?.ok_or_else(ended)?;
    let resource = view.resource(resource)?.ok_or_else(ended)?;
    // Whoever got a token meanwhile signs in with it.
    let is_as_before = is_on(view, &user, &resource)? && pair_of(view, user.id, &resource)?.is_none();
    if is_as_before { Ok((user, resource)) } else { Err(ended()) }
}

impl Service {
    /// The mailed code that an unusual environment asks for beside the password.
    pub fn portal_unusual(
        &self,
        portal: &PortalSession,
        typed: &Passphrase,
        visit: &Visit,
    ) -> Result<SecondPage, ServiceError> {
        let cookie = bearer_token()?;
        let new_key = bearer_hash(&cookie);
        let (typed, now) = (self.code_hash_of(typed), self.clock.now());
        let of_address = self.address_budget(&visit.address, now);
        let (portal, visit, post) = (portal.clone(), visit.clone(), self.post()?);
        let passed = self.decide(move |view| {
            let (user, resource) = owing(view, &portal, now)?;
            let key = BudgetKey::User(BudgetKind::MailedCode, user.id);
            let budget = view.budget(key)?;
            let audit = |result, word: &str| {
                let detail = vec![("page", "unusual".to_owned()), ("result", word.to_owned())];
                let subjects = vec![Subject::User(user.id), Subject::Resource(resource.id)];
                super::audit_entry(now, &visit.stranger(), AuditAction::SignIn, subjects, result, detail)
            };
            let until = match of_address.blocked(view)? {
                Some(until) => Some(Some(until)),
                None => code::blocked(&budget, now),
            };
            if let Some(until) = until {
                return Ok((Err(Some(until)), vec![audit(AuditResult::Refused, "blocked")]));
            }
            let mut arrival = Arrival::at(view, &user, &resource, &visit, now)?.proved();
            let mailed = view.mailed_code(user.id, resource.id)?;
            let is_right = mailed.is_some_and(|mailed| fits(&mailed, &typed, &portal.key, now));
            if !is_right || arrival.is_refused() {
                let mut changes = vec![Change::PutBudget(key, budget.failed(now, resource.failure_limit))];
                changes.extend(of_address.failed(view)?);
                changes.push(audit(AuditResult::Refused, "wrong"));
                return Ok((Err(None), changes));
            }
            let (number, mut changes) = arrival.let_in(view, &post, true)?;
            let stage = LoginStage::Full { user: user.id, proved_at: now, proved_by: None };
            let kind = SessionKind::Portal { resource: resource.id, stage };
            let session = Session { environment: number, ..Session::new(kind, visit.address.clone(), now) };
            changes.extend([
                Change::PutBudget(key, Budget::CLEAR),
                Change::DeleteMailedCode(user.id, resource.id),
                Change::DeleteSession(portal.key),
                Change::PutSession(new_key, session),
                audit(AuditResult::Done, "signed_in"),
            ]);
            Ok((Ok(()), changes))
        })?;
        self.wake_mailer();
        Ok(match passed {
            Ok(()) => SecondPage::Passed { cookie, owes_code: false },
            Err(None) => SecondPage::Refused,
            Err(Some(until)) => SecondPage::Blocked { until },
        })
    }

    /// Until when the code holds that was mailed for it; `None`: none waits.
    pub fn unusual_code(&self, portal: &PortalSession) -> Result<Option<UnixTime>, ServiceError> {
        let now = self.clock.now();
        self.store.read(|view| {
            let (user, resource) = owing(view, portal, now)?;
            let mailed = view.mailed_code(user.id, resource.id)?;
            Ok(mailed
                .filter(|code| code.session == portal.key && now < code.expires_at)
                .map(|c| c.expires_at))
        })
    }

    /// Mails that code once more. False: there were enough mails lately.
    pub fn mail_unusual(&self, portal: &PortalSession, visit: &Visit) -> Result<bool, ServiceError> {
        let now = self.clock.now();
        let code = self.fresh_code(Purpose::SignIn, visit, now)?;
        let (portal, visit) = (portal.clone(), visit.clone());
        let sent = self.decide(move |view| {
            let (user, resource) = owing(view, &portal, now)?;
            let to = user.email.clone().ok_or_else(ended)?;
            let recipient = Recipient { user: &user, resource: &resource, to };
            let Some(mut changes) = code.mail(view, &recipient, &visit, now)? else {
                return Ok((false, Vec::new()));
            };
            changes.push(code.kept_for(user.id, resource.id, portal.key, now));
            Ok((true, changes))
        })?;
        self.wake_mailer();
        Ok(sent)
    }
}
