//! The two links that mails about a request hold: one cancels it (P43), one proves the new address (P45).
//!
//! Opening such an address changes nothing, for mail programs look ahead; a button on its page does.

use data_encoding::BASE32_NOPAD;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::model::{
    AuditAction, AuditResult, EmailAddress, IssueReference, IssueState, MailedLink, ResourceAlias, User,
    UserIssue, UserIssueId, Visit,
};
use crate::secret::BearerToken;
use crate::service::authenticate::is_on;
use crate::service::notice::{Happened, Notice};
use crate::service::user::{shut_out, user_entry};
use crate::service::{Service, ServiceError};
use crate::store::{Change, View};
use crate::vault::bearer_hash;

use super::closed;

/// What a link does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreLink {
    /// Cancels a request.
    Cancel {
        /// Its number.
        reference: IssueReference,
        /// When it was made.
        opened_at: UnixTime,
        /// From which network address.
        address: String,
    },
    /// Makes an address the user's.
    Email {
        /// The address.
        to: EmailAddress,
    },
}

/// A link that does not work, whatever the reason.
fn useless() -> ServiceError {
    ServiceError::NotFound { what: "link" }
}

/// Whether this is the hash of what was mailed, in time.
pub(super) fn fits(link: &MailedLink, hash: &[u8; 32], now: UnixTime) -> bool {
    bool::from(link.hash.ct_eq(hash)) && now < link.expires_at
}

/// What is kept of a link to a new address: it holds only while the address is the one that was in force when it
/// was mailed, so that whoever sets another one ends it.
pub(super) fn link_hash(secret: &[u8], present: Option<&EmailAddress>) -> [u8; 32] {
    let present = present.map_or("", EmailAddress::as_str);
    bearer_hash(&BearerToken::new([secret, b"\n", present.as_bytes()].concat()))
}

/// The number and the secret in a link.
fn parts(key: &str) -> Result<(UserIssueId, &str), ServiceError> {
    let (number, secret) = key.trim().split_once('-').ok_or_else(useless)?;
    Ok((UserIssueId(number.parse().map_err(|_| useless())?), secret))
}

impl Service {
    /// The secret that cancels a request: it follows from what is known of it, so that each mail has the same
    /// and none is stored.
    pub(super) fn cancel_secret(&self, reference: IssueReference, opened_at: UnixTime) -> Zeroizing<String> {
        let known = format!("{reference} {}", opened_at.millis());
        let hash = Zeroizing::new(self.vault.keyed_hash("cancel restore", known.as_bytes()));
        Zeroizing::new(BASE32_NOPAD.encode(hash.as_slice()).to_ascii_lowercase())
    }

    fn is_cancel(&self, issue: &UserIssue, secret: &str) -> bool {
        let wanted = self.cancel_secret(issue.reference, issue.opened_at);
        issue.is_open() && issue.needs_two() && bool::from(wanted.as_bytes().ct_eq(secret.as_bytes()))
    }

    /// The issue of a link with what it does, as it is now.
    fn linked(
        &self,
        view: &dyn View,
        alias: &ResourceAlias,
        key: &str,
        now: UnixTime,
    ) -> Result<(UserIssue, RestoreLink), ServiceError> {
        let (id, secret) = parts(key)?;
        let issue = view.user_issue(id)?.ok_or_else(useless)?;
        let resource = view.resource(issue.resource)?.ok_or_else(useless)?;
        if resource.open_portal().is_none_or(|portal| portal.alias != *alias) {
            return Err(useless());
        }
        if self.is_cancel(&issue, secret) {
            let (reference, opened_at) = (issue.reference, issue.opened_at);
            let address = issue.address.clone();
            return Ok((issue, RestoreLink::Cancel { reference, opened_at, address }));
        }
        let user = view.user(issue.user)?.ok_or_else(useless)?;
        if !is_on(view, &user, &resource)? {
            return Err(useless());
        }
        let hash = link_hash(secret.as_bytes(), user.email.as_ref());
        match (&issue.proves_email, &issue.new_email) {
            (Some(link), Some(to)) if fits(link, &hash, now) => {
                let to = to.clone();
                Ok((issue, RestoreLink::Email { to }))
            }
            _ => Err(useless()),
        }
    }

    /// What a link would do; it is not used up by this.
    pub fn restore_link(&self, alias: &ResourceAlias, key: &str) -> Result<RestoreLink, ServiceError> {
        let now = self.clock.now();
        self.store.read(|view| Ok(self.linked(view, alias, key, now)?.1))
    }

    /// Does what a link is for. It works once.
    pub fn use_restore_link(
        &self,
        alias: &ResourceAlias,
        key: &str,
        visit: &Visit,
    ) -> Result<RestoreLink, ServiceError> {
        let now = self.clock.now();
        let (seen, link) = self.store.read(|view| self.linked(view, alias, key, now))?;
        let post = self.post()?;
        let (visit, used) = (visit.clone(), link.clone());
        self.decide(move |view| {
            // As it was looked at, or somebody was faster.
            let issue = view.user_issue(seen.id)?.filter(|issue| *issue == seen).ok_or_else(useless)?;
            let user = view.user(issue.user)?.ok_or_else(useless)?;
            let resource = view.resource(issue.resource)?.ok_or_else(useless)?;
            let actor = visit.stranger();
            let RestoreLink::Email { to } = &used else {
                let mut changes = Vec::from(closed(issue, IssueState::Cancelled { at: now }, &actor, now)?);
                let happened = Happened::RestoreCancelled;
                let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&resource) };
                post.tell(view, &notice, now, &mut changes)?;
                return Ok(((), changes));
            };
            let mut changes = shut_out(view, user.id)?;
            changes.push(Change::PutUser(User { email: Some(to.clone()), ..user.clone() }));
            changes.push(user_entry(now, &actor, AuditAction::UserChanged, user.id, "email"));
            changes.push(crate::service::audit_entry(
                now,
                &actor,
                AuditAction::UserIssueApproved,
                super::subjects(&issue),
                AuditResult::Done,
                vec![("reference", issue.reference.to_string()), ("what", "email proved".to_owned())],
            ));
            changes.push(Change::PutUserIssue(Box::new(UserIssue { proves_email: None, ..issue })));
            let happened = Happened::EmailChanged { from: user.email.as_ref(), to };
            let notice = Notice { happened, user: &user, actor: &actor, resource: Some(&resource) };
            post.tell(view, &notice, now, &mut changes)?;
            post.tell_at(view, &notice, to, now, &mut changes)?;
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(link)
    }
}
