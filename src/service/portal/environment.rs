//! *Manage User Environment* (P29): from where this user signs in, and what of it to trust or to forget.

use crate::clock::UnixTime;
use crate::model::{
    AuditAction, AuditResult, Difference, Environment, Environments, PortalAction, Subject, Visit,
};
use crate::service::notice::{Happened, Notice};
use crate::service::user::{name_field, shut_out};
use crate::service::{PortalSession, Service, ServiceError};
use crate::store::{AuditFilter, Change, Page};

use super::proof::{require_fresh, user_now};
use super::signed_in;

/// Sign-ins that the page lists.
const SIGN_INS: usize = 10;
/// Records of the user that are looked through for them.
const LOOKED_THROUGH: usize = 200;

/// An environment as its user sees it.
#[derive(Clone, Debug)]
pub struct EnvironmentView {
    /// What is known of it.
    pub environment: Environment,
    /// This session was opened from it.
    pub is_this: bool,
    /// How alike the present one is to it, 0 to 100.
    pub score: u32,
    /// In what the present one differs.
    pub differences: Vec<Difference>,
}

/// A sign-in, or a try.
#[derive(Clone, Debug)]
pub struct SignInView {
    /// When.
    pub at: UnixTime,
    /// From which network address.
    pub address: Option<String>,
    /// It was completed.
    pub is_done: bool,
}

/// What is done to an environment.
#[derive(Clone)]
enum Step {
    Name(String),
    Trust(bool),
    Forget,
}

impl Service {
    /// The user's environments, this one first, then the one seen last.
    pub fn portal_environments(&self, portal: &PortalSession) -> Result<Vec<EnvironmentView>, ServiceError> {
        self.require_action(portal, PortalAction::ManageEnvironment)?;
        let (user, resource) = (signed_in(portal)?.id, portal.resource.id);
        let known = self.store.read(|view| Ok::<_, ServiceError>(view.environments(user, resource)?))?;
        let known = known.unwrap_or_default();
        let this = known.known.iter().find(|one| portal.environment == Some(one.number));
        let likenesses = match this {
            Some(this) => known.each(&this.traits).into_iter().map(Some).collect(),
            None => vec![None; known.known.len()],
        };
        let mut rows: Vec<EnvironmentView> = known
            .known
            .iter()
            .zip(likenesses)
            .map(|(environment, likeness)| EnvironmentView {
                is_this: portal.environment == Some(environment.number),
                environment: environment.clone(),
                score: likeness.as_ref().map_or(0, |likeness| likeness.score),
                differences: likeness.map(|likeness| likeness.differences).unwrap_or_default(),
            })
            .collect();
        rows.sort_by_key(|row| (!row.is_this, std::cmp::Reverse(row.environment.last_seen)));
        Ok(rows)
    }

    /// The user's last sign-ins and tries, newest first, as far as the log shows them near its end.
    pub fn portal_sign_ins(&self, portal: &PortalSession) -> Result<Vec<SignInView>, ServiceError> {
        self.require_action(portal, PortalAction::ManageEnvironment)?;
        let filter = AuditFilter { subject: Some(Subject::User(signed_in(portal)?.id)) };
        let here = Subject::Resource(portal.resource.id);
        self.store.read(|view| {
            let records = view.audit(filter, Page::first(LOOKED_THROUGH))?.items;
            let shown = records.into_iter().map(|record| record.entry).filter(|entry| {
                let half =
                    entry.detail.iter().any(|(name, value)| name == "result" && value.ends_with("code_owed"));
                entry.action == AuditAction::SignIn && !half && entry.subjects.contains(&here)
            });
            let row = |entry: crate::model::AuditEntry| SignInView {
                at: entry.at,
                address: entry.actor.address,
                is_done: entry.result == AuditResult::Done,
            };
            Ok(shown.take(SIGN_INS).map(row).collect())
        })
    }

    /// Gives an environment a name of the user's own.
    pub fn portal_name_environment(
        &self,
        portal: &PortalSession,
        number: u32,
        name: &str,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        let name = name_field("name", name)?;
        self.change_environment(portal, number, Step::Name(name), visit)
    }

    /// Trusts an environment, which needs a fresh proof (P32), or no longer does.
    pub fn portal_trust_environment(
        &self,
        portal: &PortalSession,
        number: u32,
        trusted: bool,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        self.change_environment(portal, number, Step::Trust(trusted), visit)
    }

    /// Forgets an environment, which needs a fresh proof (P32): the next sign-in from there is as unusual as it
    /// was at first.
    pub fn portal_forget_environment(
        &self,
        portal: &PortalSession,
        number: u32,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        self.change_environment(portal, number, Step::Forget, visit)
    }

    fn change_environment(
        &self,
        portal: &PortalSession,
        number: u32,
        step: Step,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        self.require_action(portal, PortalAction::ManageEnvironment)?;
        let (portal, actor) = (portal.clone(), portal.actor(visit));
        let (post, now) = (self.post()?, self.clock.now());
        self.decide(move |view| {
            // Whoever forgets all of them makes the next sign-in a first one, which is never unusual.
            if matches!(step, Step::Trust(true) | Step::Forget) {
                require_fresh(view, &portal, now)?;
            }
            let user = user_now(view, &portal, now)?;
            let before = view.environments(user.id, portal.resource.id)?.unwrap_or_default();
            let mut after: Environments = before.clone();
            let missing = ServiceError::NotFound { what: "environment" };
            let at = after.known.iter().position(|one| one.number == number).ok_or(missing)?;
            let what = match &step {
                Step::Name(name) => {
                    after.known[at].name.clone_from(name);
                    "named"
                }
                Step::Trust(trusted) => {
                    after.known[at].trusted = *trusted;
                    if *trusted { "trusted" } else { "no longer trusted" }
                }
                Step::Forget => {
                    after.known.remove(at);
                    "forgotten"
                }
            };
            if after == before {
                return Ok(((), Vec::new()));
            }
            let detail = vec![("environment", number.to_string()), ("changed", what.to_owned())];
            let subject = vec![Subject::User(user.id), Subject::Resource(portal.resource.id)];
            let action = AuditAction::EnvironmentChanged;
            let entry = crate::service::audit_entry(now, &actor, action, subject, AuditResult::Done, detail);
            let mut changes = vec![Change::PutEnvironments(user.id, portal.resource.id, after), entry];
            let happened = match &step {
                Step::Trust(true) => Happened::EnvironmentTrusted,
                _ => Happened::EnvironmentChanged,
            };
            let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&portal.resource) };
            post.tell(view, &notice, now, &mut changes)?;
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(())
    }

    /// *Sign out everywhere*: ends all sessions of the user, this one too.
    pub fn portal_sign_out_everywhere(
        &self,
        portal: &PortalSession,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        let (portal, actor) = (portal.clone(), portal.actor(visit));
        let (post, now) = (self.post()?, self.clock.now());
        self.decide(move |view| {
            let user = user_now(view, &portal, now)?;
            let mut changes = shut_out(view, user.id)?;
            let detail = vec![("where", "everywhere".to_owned())];
            let (action, subject) = (AuditAction::SignOut, vec![Subject::User(user.id)]);
            changes.push(crate::service::audit_entry(
                now,
                &actor,
                action,
                subject,
                AuditResult::Done,
                detail,
            ));
            let happened = Happened::SignedOutEverywhere;
            let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&portal.resource) };
            post.tell(view, &notice, now, &mut changes)?;
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(())
    }
}
