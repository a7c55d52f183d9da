//! What becomes of a request that was sent: an issue for which there is room, or nothing.

use crate::clock::UnixTime;
use crate::model::{
    Claim, Factors, IssueReference, IssueState, RestoreDraft, User, UserIssue, Visit, network_of,
};
use crate::service::ServiceError;
use crate::service::pair::pair_of;
use crate::store::{Change, Changes, View};

use super::machine::{FactorState, claims, judge};
use super::request::Asking;
use super::{MOST_OPEN, browser, closed, on_record, open_of};

/// A request on its way to become an issue.
pub(super) struct Opening<'a> {
    pub(super) asking: &'a Asking,
    pub(super) draft: &'a RestoreDraft,
    pub(super) reference: IssueReference,
    pub(super) visit: &'a Visit,
    pub(super) now: UnixTime,
}

impl<'a> Opening<'a> {
    /// The user, the issue and what makes room for it; or why nothing is kept.
    pub(super) fn kept(
        &self,
        view: &dyn View,
    ) -> Result<Result<(&'a User, UserIssue, Changes), &'static str>, ServiceError> {
        let Some(user) = &self.asking.user else { return Ok(Err("unknown_login")) };
        let token = pair_of(view, user.id, &self.asking.resource)?.map(|(_, token)| token);
        let has = on_record(user, token.as_ref());
        let states = has.map(|factor, has| FactorState::of(has, self.draft.lost.of(factor)));
        let judged = judge(states);
        let proved = self.draft.proved.map(|_, mark| mark.is_some());
        if !judged.is_kept(proved) {
            return Ok(Err(if judged.may_request { "nothing_proved" } else { "nothing_lost" }));
        }
        let claims = claims(states, proved);
        let Some((displaced, changes)) = self.room(view, user, claims)? else {
            return Ok(Err("enough_open"));
        };
        let lost = states.map(|_, state| state == FactorState::Lost);
        let issue = UserIssue {
            id: view.next_user_issue()?,
            reference: self.reference,
            user: user.id,
            resource: self.asking.resource.id,
            claims,
            token: token.filter(|_| lost.token).map(|token| token.id),
            new_password: self.draft.new_password.clone().filter(|_| lost.password),
            new_email: self.draft.new_email.clone().filter(|_| lost.email),
            opened_at: self.now,
            address: self.visit.address.clone(),
            browser: browser(self.visit),
            state: IssueState::Open,
            approvals: Vec::new(),
            effect_at: None,
            proves_email: None,
            marks: self.asking.marks(view)?,
            displaced,
        };
        Ok(Ok((user, issue, changes)))
    }

    /// Makes room for a request with these claims: how many gave way to it one after the other, and the changes;
    /// `None`: there is none. Requests that proved nothing have places of their own: they never push out one that
    /// proved something, and are never kept out by those.
    fn room(
        &self,
        view: &dyn View,
        user: &User,
        claims: Factors<Claim>,
    ) -> Result<Option<(u32, Changes)>, ServiceError> {
        let proofs = |claims: &Factors<Claim>| claims.where_it(|claim| claim == Claim::Proved).len();
        let is_proved = proofs(&claims) > 0;
        let open = open_of(view, user)?;
        let beside: Vec<_> = open.into_iter().filter(|issue| issue.needs_two() != is_proved).collect();
        if beside.len() < MOST_OPEN {
            return Ok(Some((0, Vec::new())));
        }
        // Nobody takes the place of one of which an operator has established whose it is.
        let open = beside.into_iter().filter(|issue| issue.approvals.is_empty());
        let (stranger, state) = (self.visit.stranger(), IssueState::ClosedWithAnother { at: self.now });
        if is_proved {
            // Whoever proved more is heard; else nobody could be, once a stranger had asked often enough.
            let weakest = open.min_by_key(|issue| (proofs(&issue.claims), issue.id));
            let Some(weakest) = weakest.filter(|weakest| proofs(&weakest.claims) < proofs(&claims)) else {
                return Ok(None);
            };
            return Ok(Some((0, Vec::from(closed(weakest, state, &stranger, self.now)?))));
        }
        // Anybody can ask like this, so whoever comes last is heard, or three of a stranger's would shut the owner
        // out. What comes from the same network gives way first: from one network nobody pushes out others.
        let here = network_of(&self.visit.address);
        let Some(oldest) = open.min_by_key(|issue| (network_of(&issue.address) != here, issue.id)) else {
            return Ok(None);
        };
        let (id, displaced) = (oldest.id, oldest.displaced.saturating_add(1));
        // Its record would be kept for a year, and there is no end of them.
        let [_, entry] = closed(oldest, state, &stranger, self.now)?;
        Ok(Some((displaced, vec![Change::DeleteUserIssue(id), entry])))
    }
}
