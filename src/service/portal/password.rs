//! A first password (P23), another password (P24).

use crate::clock::UnixTime;
use crate::model::{AssignmentKind, AuditAction, PortalAction, User, Visit};
use crate::secret::Passphrase;
use crate::service::notice::{Happened, Notice};
use crate::service::user::{MIN_PASSWORD_CHARS, MIN_PASSWORD_CHARS_WITH_TOKEN, user_entry};
use crate::service::{PortalSession, Service, ServiceError};
use crate::store::Change;
use crate::vault::check_new_password;

use super::proof::{Weighed, end_others, require_fresh_code, user_now};
use super::signed_in;

/// What came of *Change Password*.
#[derive(Debug)]
pub enum PasswordResult {
    /// The new one is in force.
    Changed,
    /// The old one was not right.
    Refused,
    /// Not looked at.
    Blocked {
        /// Until when; `None`: until an operator opens it.
        until: Option<UnixTime>,
    },
}

impl Service {
    /// Characters that a new password of this user needs: fewer beside a token.
    pub fn portal_password_chars(&self, portal: &PortalSession) -> Result<usize, ServiceError> {
        let user = signed_in(portal)?.id;
        let places = self.store.read(|view| Ok::<_, ServiceError>(view.assignments_of_user(user)?))?;
        let paired = places.iter().any(|place| place.parties.kind() == AssignmentKind::TokenWithUser);
        Ok(if paired { MIN_PASSWORD_CHARS_WITH_TOKEN } else { MIN_PASSWORD_CHARS })
    }

    /// *Create Password*; beside a token, wherever it is, with a fresh code of it.
    pub fn portal_create_password(
        &self,
        portal: &PortalSession,
        new: &Passphrase,
        visit: &Visit,
    ) -> Result<(), ServiceError> {
        self.require_action(portal, PortalAction::CreatePassword)?;
        check_new_password(new, self.portal_password_chars(portal)?)?;
        let hash = self.hash_password(new)?;
        let (portal, actor) = (portal.clone(), portal.actor(visit));
        let (post, now) = (self.post()?, self.clock.now());
        self.decide(move |view| {
            require_fresh_code(view, &portal, None, now)?;
            let user = user_now(view, &portal, now)?;
            if user.password.is_some() {
                return Err(ServiceError::state("password_present", "there is a password by now"));
            }
            let mut changes = end_others(view, &portal, now)?;
            changes.push(Change::PutUser(User { password: Some(hash.clone()), ..user.clone() }));
            changes.push(user_entry(now, &actor, AuditAction::UserChanged, user.id, "password created"));
            let happened = Happened::PasswordCreated;
            let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&portal.resource) };
            post.tell(view, &notice, now, &mut changes)?;
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(())
    }

    /// *Change Password*. The old one is asked for, which is the proof that this change needs (P32); beside a
    /// token it is not enough, and a fresh code is needed, too.
    pub fn portal_change_password(
        &self,
        portal: &PortalSession,
        old: &Passphrase,
        new: &Passphrase,
        visit: &Visit,
    ) -> Result<PasswordResult, ServiceError> {
        self.require_action(portal, PortalAction::ChangePassword)?;
        check_new_password(new, self.portal_password_chars(portal)?)?;
        if old.ct_eq(new) {
            let detail = "this is what was typed as the old password: choose another";
            return Err(ServiceError::invalid("password", "password_same", detail));
        }
        let typed = self.typed_secret(portal, old, visit)?;
        let hash = self.hash_password(new)?;
        let (portal, actor) = (portal.clone(), portal.actor(visit));
        let (post, now) = (self.post()?, self.clock.now());
        let result = self.decide(move |view| {
            require_fresh_code(view, &portal, None, now)?;
            let user = user_now(view, &portal, now)?;
            let resource = view.resource(portal.resource.id)?.ok_or(ServiceError::Stale)?;
            if user.password.is_none() {
                return Err(ServiceError::state("password_gone", "there is no password any more"));
            }
            let mut changes = match typed.weigh(view, &portal, &user, &resource)? {
                Weighed::Right(changes) => changes,
                Weighed::Wrong(changes) => return Ok((PasswordResult::Refused, changes)),
                Weighed::Blocked(until, changes) => return Ok((PasswordResult::Blocked { until }, changes)),
            };
            changes.extend(end_others(view, &portal, now)?);
            changes.push(Change::PutUser(User { password: Some(hash.clone()), ..user.clone() }));
            changes.push(user_entry(now, &actor, AuditAction::UserChanged, user.id, "password"));
            let happened = Happened::PasswordChanged;
            let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&resource) };
            post.tell(view, &notice, now, &mut changes)?;
            Ok((PasswordResult::Changed, changes))
        })?;
        self.wake_mailer();
        Ok(result)
    }
}
