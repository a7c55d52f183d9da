//! What users change of themselves: login, names, phone number.

use crate::model::{
    AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, Language, Login, PhoneNumber, PortalAction,
    Subject, User, Visit,
};
use crate::service::notice::{Happened, Notice};
use crate::service::user::{name_field, refuse_word_of_addresses, user_entry};
use crate::service::{PortalSession, Service, ServiceError};
use crate::store::Change;

use super::proof::{end_others, require_fresh, user_now};

/// Logins of others that a user may run into in a day: who asks for more wants to know which exist.
const TAKEN_LOGINS_A_DAY: u32 = 10;
/// Former logins of one user, all of which stay reserved: nobody may take names from others without end.
const MOST_OLD_LOGINS: usize = 5;

impl Service {
    /// *Change Login* (P27). The old login stays reserved for this user, who may return to it; whose a taken
    /// one is, is not told.
    pub fn portal_change_login(
        &self,
        portal: &PortalSession,
        login: &Login,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        self.require_action(portal, PortalAction::ChangeLogin)?;
        refuse_word_of_addresses(login)?;
        let (portal, login, actor) = (portal.clone(), login.clone(), portal.actor(visit));
        let (post, now) = (self.post()?, self.clock.now());
        let taken = self.decide(move |view| {
            require_fresh(view, &portal, now)?;
            let user = user_now(view, &portal, now)?;
            if user.login == login {
                return Ok((None, Vec::new()));
            }
            let is_same = user.login.normal() == login.normal();
            let is_own = is_same || user.old_logins.iter().any(|old| old.normal() == login.normal());
            if !is_own && view.is_login_reserved(&login.normal())? {
                let key = BudgetKey::User(BudgetKind::TakenLogin, user.id);
                let budget = view.budget(key)?.within(now, 86_400);
                if budget.failures >= TAKEN_LOGINS_A_DAY {
                    let until = budget.since.map(|since| since.plus_secs(86_400));
                    return Err(ServiceError::TooMany { until, now });
                }
                let counted = Budget { blocked_until: None, ..budget.failed(now, u32::MAX) };
                let detail = "this login is taken: choose another";
                let taken = ServiceError::invalid("login", "login_taken", detail);
                let entry = crate::service::audit_entry(
                    now,
                    &actor,
                    AuditAction::UserChanged,
                    vec![Subject::User(user.id)],
                    AuditResult::Refused,
                    vec![("reason", "login_taken".to_owned())],
                );
                return Ok((Some(taken), vec![Change::PutBudget(key, counted), entry]));
            }
            if !is_own && user.old_logins.len() >= MOST_OLD_LOGINS {
                let detail = "your login was changed often already: ask for help to change it again";
                return Err(ServiceError::invalid("login", "login_changes_spent", detail));
            }
            let mut changed = User { login: login.clone(), ..user.clone() };
            changed.old_logins.retain(|old| old.normal() != login.normal());
            if !is_same {
                changed.old_logins.push(user.login.clone());
            }
            let mut changes = end_others(view, &portal, now)?;
            changes.push(Change::PutUser(changed));
            let what = format!("login: {} → {login}", user.login);
            changes.push(user_entry(now, &actor, AuditAction::UserChanged, user.id, &what));
            let happened = Happened::LoginChanged { from: &user.login, to: &login };
            let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&portal.resource) };
            post.tell(view, &notice, now, &mut changes)?;
            Ok((None, changes))
        })?;
        self.wake_mailer();
        taken.map_or(Ok(()), Err)
    }

    /// *Change First Name and Last Name* (P28).
    pub fn portal_change_name(
        &self,
        portal: &PortalSession,
        first_name: &str,
        last_name: &str,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        self.require_action(portal, PortalAction::ChangeName)?;
        let first_name = name_field("first_name", first_name)?;
        let last_name = name_field("last_name", last_name)?;
        let happened = Some(Happened::NameChanged);
        self.change_self(portal, visit, "first_name,last_name", happened, move |user| User {
            first_name: first_name.clone(),
            last_name: last_name.clone(),
            ..user
        })
    }

    /// *Change Contact Phone Number* (P26); `None` removes it.
    pub fn portal_change_phone(
        &self,
        portal: &PortalSession,
        phone: Option<&PhoneNumber>,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        self.require_action(portal, PortalAction::ChangePhone)?;
        let (to, is_kept) = (phone.cloned(), phone.is_some());
        let happened = Some(Happened::PhoneChanged { is_kept });
        self.change_self(portal, visit, "phone", happened, move |user| User { phone: to.clone(), ..user })
    }

    /// The language of pages and mails that this person chose. Nobody is told of it.
    pub fn portal_set_language(
        &self,
        portal: &PortalSession,
        language: Language,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        let chosen = Some(language);
        self.change_self(portal, visit, "language", None, move |user| User { language: chosen, ..user })
    }

    /// A change of what is only on record, and no way in. Nothing is written or told when it stays the same.
    fn change_self(
        &self,
        portal: &PortalSession,
        visit: &Visit,
        what: &'static str,
        happened: Option<Happened<'static>>,
        change: impl Fn(User) -> User + Send + 'static,
    ) -> Result<(), ServiceError> {
        let (portal, actor) = (portal.clone(), portal.actor(visit));
        let (post, now) = (self.post()?, self.clock.now());
        self.decide(move |view| {
            let user = user_now(view, &portal, now)?;
            let changed = change(user.clone());
            if changed == user {
                return Ok(((), Vec::new()));
            }
            let entry = user_entry(now, &actor, AuditAction::UserChanged, user.id, what);
            let mut changes = vec![Change::PutUser(changed), entry];
            if let Some(happened) = happened.clone() {
                let notice =
                    Notice { happened, user: &user, actor: &actor, resource: Some(&portal.resource) };
                post.tell(view, &notice, now, &mut changes)?;
            }
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(())
    }
}
