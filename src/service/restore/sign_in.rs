//! A full sign-in with the old data (P46): whoever asked in the owner's name is refuted, or the owner found
//! again what was lost.

use crate::clock::UnixTime;
use crate::model::{
    Actor, Claim, Factor, IssueReference, IssueState, PortalAction, Resource, User, UserIssue,
};
use crate::service::pair::pair_of;
use crate::service::{MailMode, PortalSession, Service, ServiceError};
use crate::store::{Changes, View};

use super::closed;

/// A request that a sign-in deleted, as the page after it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedIssue {
    /// Its number.
    pub reference: IssueReference,
    /// When it was made.
    pub opened_at: UnixTime,
    /// From which network address.
    pub address: String,
    /// In which browser, as far as it said.
    pub browser: String,
    /// The mail address was all that was lost: it is still to be changed.
    pub only_email: bool,
    /// *Change Email Address* is offered here.
    pub can_change_email: bool,
}

/// The changes that go with a complete sign-in: requests of this portal end, and those of others that call
/// lost what was just used.
pub(in crate::service) fn deleted_by_sign_in(
    view: &dyn View,
    user: &User,
    resource: &Resource,
    actor: &Actor,
    now: UnixTime,
) -> Result<Changes, ServiceError> {
    let mut changes = Vec::new();
    let open = super::open_of(view, user)?;
    if open.is_empty() {
        return Ok(changes);
    }
    let token = pair_of(view, user.id, resource)?.map(|(_, token)| token.id);
    for issue in open {
        let refuted = |factor: Factor| match factor {
            Factor::Token => token.is_some() && issue.token == token,
            Factor::Password => user.password.is_some(),
            Factor::Email => user.password.is_none(),
        };
        let lost = issue.claims.where_it(|claim| claim == Claim::Lost);
        if issue.resource == resource.id || lost.into_iter().any(refuted) {
            changes.extend(closed(issue, IssueState::DeletedBySignIn { at: now }, actor, now)?);
        }
    }
    Ok(changes)
}

impl Service {
    /// The requests that the sign-in deleted.
    pub fn portal_deleted_issues(&self, portal: &PortalSession) -> Result<Vec<DeletedIssue>, ServiceError> {
        let Some(user) = portal.user.as_ref() else { return Ok(Vec::new()) };
        let can_mail = self.mail != MailMode::None;
        self.store.read(|view| {
            let Some(session) = view.session(&portal.key)? else { return Ok(Vec::new()) };
            let by_this =
                |issue: &UserIssue| issue.state == IssueState::DeletedBySignIn { at: session.created_at };
            let issues = view.user_issues_of(user.id)?.into_iter().filter(by_this);
            let actions = portal.resource.portal.as_ref().map(|rules| rules.actions.as_slice());
            let offered = actions.unwrap_or_default().contains(&PortalAction::ChangeEmail);
            Ok(issues
                .map(|issue| DeletedIssue {
                    only_email: issue.claims.where_it(|claim| claim == Claim::Lost) == [Factor::Email],
                    can_change_email: offered && can_mail,
                    reference: issue.reference,
                    opened_at: issue.opened_at,
                    address: issue.address,
                    browser: issue.browser,
                })
                .collect())
        })
    }
}
