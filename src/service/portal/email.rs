//! Another mail address (P25): a code that is mailed to it proves it; until then the old one stands.
//!
//! What waits for its code lies in the session that asked, so it ends with it and works nowhere else.

use crate::clock::UnixTime;
use crate::model::{
    AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, EmailAddress, EmailChange, PortalAction,
    Session, Subject, User, Visit,
};
use crate::secret::Passphrase;
use crate::service::code;
use crate::service::mailed_code::{Purpose, Recipient, fits_session};
use crate::service::notice::{Happened, Notice};
use crate::service::user::user_entry;
use crate::service::{PortalSession, Service, ServiceError};
use crate::store::Change;

use super::proof::{end_others, full, proved_by, require_fresh, require_token_proof};

/// Whether a code went out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailSent {
    /// It is on its way.
    OnItsWay,
    /// There were enough mails for this user, or from this address, in the last quarter of an hour.
    Enough,
}

/// What came of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmailResult {
    /// The new address is in force.
    Changed,
    /// The code was not right, or too old.
    Refused,
    /// Not looked at.
    Blocked {
        /// Until when; `None`: until an operator opens it.
        until: Option<UnixTime>,
    },
}

impl Service {
    /// *Change Email Address*, first half: mails a code to the new address. Whether somebody else has it is
    /// no matter, and not told.
    pub fn portal_change_email(
        &self,
        portal: &PortalSession,
        to: &EmailAddress,
        visit: &Visit,
    ) -> Result<EmailSent, ServiceError> {
        self.require_action(portal, PortalAction::ChangeEmail)?;
        let now = self.clock.now();
        let code = self.fresh_code(Purpose::NewAddress, visit, now)?;
        let (portal, to, visit) = (portal.clone(), to.clone(), visit.clone());
        let sent = self.decide(move |view| {
            require_fresh(view, &portal, now)?;
            let (session, user) = full(view, &portal, now)?;
            if user.email.as_ref() == Some(&to) {
                let detail = "this is your address already";
                return Err(ServiceError::invalid("email", "email_same", detail));
            }
            let recipient = Recipient { user: &user, resource: &portal.resource, to: to.clone() };
            let Some(mut changes) = code.mail(view, &recipient, &visit, now)? else {
                return Ok((EmailSent::Enough, Vec::new()));
            };
            let proved_by = proved_by(&session);
            let waiting = EmailChange { to: to.clone(), code: code.kept_in_session(now), proved_by };
            let session = Session { email_change: Some(waiting), ..session };
            changes.push(Change::PutSession(portal.key, session));
            Ok((EmailSent::OnItsWay, changes))
        })?;
        self.wake_mailer();
        Ok(sent)
    }

    /// *Change Email Address*, second half: the code came back. Both addresses are told; other sessions of
    /// the user end.
    pub fn portal_prove_email(
        &self,
        portal: &PortalSession,
        typed: &Passphrase,
        visit: &Visit,
    ) -> Result<EmailResult, ServiceError> {
        self.require_action(portal, PortalAction::ChangeEmail)?;
        let (hash, now) = (self.code_hash_of(typed), self.clock.now());
        let of_address = self.address_budget(&visit.address, now);
        let (portal, actor, post) = (portal.clone(), portal.actor(visit), self.post()?);
        let result = self.decide(move |view| {
            let (session, user) = full(view, &portal, now)?;
            let resource = view.resource(portal.resource.id)?.ok_or(ServiceError::Stale)?;
            let refused = |word: &str| {
                let detail = vec![("changed", "nothing".to_owned()), ("reason", word.to_owned())];
                let subject = vec![Subject::User(user.id)];
                let (action, result) = (AuditAction::UserChanged, AuditResult::Refused);
                crate::service::audit_entry(now, &actor, action, subject, result, detail)
            };
            // What proved the person when the address was typed is not enough once there is a token.
            let typed_by = session.email_change.as_ref().and_then(|change| change.proved_by);
            require_token_proof(view, &portal, typed_by, now)?;
            let key = BudgetKey::User(BudgetKind::SessionCode, user.id);
            let budget = view.budget(key)?;
            let blocked = match of_address.blocked(view)? {
                Some(until) => Some(Some(until)),
                None => code::blocked(&budget, now),
            };
            if let Some(until) = blocked {
                return Ok((EmailResult::Blocked { until }, vec![refused("blocked")]));
            }
            let fitting =
                session.email_change.clone().filter(|change| fits_session(&change.code, &hash, now));
            let Some(EmailChange { to, .. }) = fitting else {
                let mut changes = vec![Change::PutBudget(key, budget.failed(now, resource.failure_limit))];
                changes.extend(of_address.failed(view)?);
                changes.push(refused("wrong_code"));
                return Ok((EmailResult::Refused, changes));
            };
            let mut changes = end_others(view, &portal, now)?;
            changes.push(Change::PutSession(portal.key, Session { email_change: None, ..session }));
            changes.push(Change::PutBudget(key, Budget::CLEAR));
            changes.push(Change::PutUser(User { email: Some(to.clone()), ..user.clone() }));
            changes.push(user_entry(now, &actor, AuditAction::UserChanged, user.id, "email"));
            let happened = Happened::EmailChanged { from: user.email.as_ref(), to: &to };
            let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&resource) };
            post.tell(view, &notice, now, &mut changes)?;
            post.tell_at(view, &notice, &to, now, &mut changes)?;
            Ok((EmailResult::Changed, changes))
        })?;
        self.wake_mailer();
        Ok(result)
    }
}
