//! The change that decides a confirmation: budgets, floor, drift, custody, pair, audit and notice at once.

use crate::clock::UnixTime;
use crate::model::{
    Actor, ActorOrigin, AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, Custody, Resource, Subject,
    TokenId, User, UserId,
};
use crate::service::challenge::{self, Answered, Spending};
use crate::service::code::{self, Examined};
use crate::service::notice::{Happened, Notice};
use crate::service::pair::{Pairing, require_place};
use crate::service::portal::{require_fresh, require_fresh_code};
use crate::service::resync::take_over;
use crate::service::sequence::Place;
use crate::service::{Service, ServiceError, audit_entry, drift};
use crate::store::{Change, Changes, View};

use super::{Asking, ConfirmResult, Proof, obstacle};

/// Failed confirmations of one user in a day.
const USER_FAILURES_A_DAY: u32 = 10;
/// Failed confirmations on one resource in an hour before operators are alerted and answers slow down.
const RESOURCE_FAILURES_AN_HOUR: u32 = 100;

/// Whether a user's failures of this day are used up.
pub(super) fn are_failures_spent(view: &dyn View, user: UserId, now: UnixTime) -> Result<bool, ServiceError> {
    Ok(is_spent(failures_today(view, user, now)?))
}

fn failures_today(view: &dyn View, user: UserId, now: UnixTime) -> Result<Budget, ServiceError> {
    Ok(view.budget(BudgetKey::User(BudgetKind::Confirmation, user))?.within(now, 86_400))
}

const fn is_spent(budget: Budget) -> bool {
    budget.failures >= USER_FAILURES_A_DAY
}

/// What was read and compared outside the store.
pub(super) struct Weighed {
    pub(super) now: UnixTime,
    pub(super) resource: Resource,
    pub(super) user: User,
    /// The token, if this user may have it.
    pub(super) eligible: Option<Examined>,
    pub(super) proof: Proof,
    pub(super) answered: Option<Answered>,
    /// One code was typed where more are needed, unless the token was handed to this user by name.
    pub(super) single: bool,
    pub(super) needed: usize,
    /// No serial number was typed: the token was looked for by its codes.
    pub(super) by_codes: bool,
}

/// Where there is no token that could have answered them, the challenges of the visit are spent as if there were.
fn spent_by_nobody(
    view: &dyn View,
    answered: Option<&Answered>,
    now: UnixTime,
) -> Result<Changes, ServiceError> {
    Ok(match answered.map(|answered| answered.spend(view, None, now)).transpose()? {
        Some(Spending::Open(changes) | Spending::Spent(changes)) => changes,
        Some(Spending::Unknown) | None => Vec::new(),
    })
}

impl Service {
    /// Decides from what was weighed, unless something of it moved.
    pub(super) fn settle_confirmation(
        &self,
        actor: &Actor,
        asking: Option<&Asking>,
        weighed: Weighed,
    ) -> Result<ConfirmResult, ServiceError> {
        let Weighed { now, resource, user, eligible, proof, answered, single, needed, by_codes } = weighed;
        let (post, asking) = (self.post()?, asking.cloned());
        let replaced = asking.as_ref().and_then(|asking| asking.replaces);
        let emergency = asking.as_ref().is_some_and(|asking| asking.portal.emergency);
        let (actor, split) = (actor.clone(), self.splits_check());
        self.decide(move |view| {
            if let Some(Asking { portal, replaces }) = &asking {
                match replaces {
                    Some(_) => require_fresh(view, portal, now)?,
                    None => require_fresh_code(view, portal, eligible.as_ref().map(Examined::id), now)?,
                }
            }
            let counted_user = matches!(actor.origin, ActorOrigin::User { .. }).then_some(user.id);
            let mut settling = Settling {
                now,
                resource: &resource,
                user: &user,
                counted_user,
                actor: &actor,
                replaced,
                by_codes,
            };
            if let Some(spent) = settling.spent(view, eligible.as_ref().map(Examined::id))? {
                return Ok(spent);
            }
            let Some(before) = &eligible else {
                let Proof::Wrong(reason) = proof else { return Err(ServiceError::Stale) };
                let (answer, mut changes) = settling.refuse(view, None, reason, single, needed)?;
                changes.extend(spent_by_nobody(view, answered.as_ref(), now)?);
                return Ok((answer, changes));
            };
            let fresh = if split { before.clone() } else { before.unmoved(view)? };
            if !split {
                require_place(view, &user, &resource, replaced, emergency)?;
                if obstacle(view, &fresh.token, &user, &resource)?.is_some() {
                    return Err(ServiceError::Stale);
                }
            }
            if let Some(until) = code::blocked(&fresh.state.budget, now) {
                let (answer, mut changes) = settling.token_blocked(view, until, &fresh, single, needed)?;
                changes.extend(spent_by_nobody(view, answered.as_ref(), now)?);
                return Ok((answer, changes));
            }
            let (proof, spending) = match challenge::spent(view, &fresh, answered.as_ref(), now)? {
                Spending::Open(changes) => (proof, changes),
                Spending::Spent(changes) => (Proof::Wrong("replayed"), changes),
                Spending::Unknown => (Proof::Wrong("challenge_unknown"), Vec::new()),
            };
            let (answer, mut changes) = match proof {
                Proof::Wrong(reason) => settling.refuse(view, Some(&fresh), reason, single, needed)?,
                Proof::Right(place) => {
                    let (answer, mut changes) = settling.accept(view, &fresh, place)?;
                    let notice = Notice {
                        happened: Happened::TokenConfirmed(&fresh.token.serial),
                        user: &user,
                        actor: &actor,
                        resource: Some(&resource),
                    };
                    post.tell(view, &notice, now, &mut changes)?;
                    (answer, changes)
                }
            };
            changes.extend(spending);
            Ok((answer, changes))
        })
    }
}

/// One confirmation inside its change.
struct Settling<'a> {
    now: UnixTime,
    resource: &'a Resource,
    user: &'a User,
    /// Whose daily count a failure goes to; operators at a desk have none.
    counted_user: Option<UserId>,
    actor: &'a Actor,
    /// The token whose places the confirmed one takes.
    replaced: Option<TokenId>,
    /// No serial number was typed.
    by_codes: bool,
}

impl Settling<'_> {
    fn audit(&self, token: Option<TokenId>, result: &ConfirmResult, reason: &str) -> Change {
        let mut subjects = vec![Subject::User(self.user.id), Subject::Resource(self.resource.id)];
        subjects.extend(token.map(Subject::Token));
        let done = matches!(result, ConfirmResult::Confirmed { .. });
        let mut detail = vec![("result", result.name().to_owned())];
        if !reason.is_empty() {
            detail.push(("reason", reason.to_owned()));
        }
        if self.by_codes {
            detail.push(("found_by", "codes".to_owned()));
        }
        audit_entry(
            self.now,
            self.actor,
            AuditAction::Confirmation,
            subjects,
            if done { AuditResult::Done } else { AuditResult::Refused },
            detail,
        )
    }

    fn pairing(&self) -> Pairing<'_> {
        Pairing {
            user: self.user,
            resource: self.resource,
            actor: self.actor,
            now: self.now,
            replaced: self.replaced,
        }
    }

    fn user_budget(&self, view: &dyn View) -> Result<Option<(BudgetKey, Budget)>, ServiceError> {
        let Some(user) = self.counted_user else { return Ok(None) };
        let key = BudgetKey::User(BudgetKind::Confirmation, user);
        Ok(Some((key, failures_today(view, user, self.now)?)))
    }

    /// The answer when the user's failures of this day are used up: the same for every serial.
    fn spent(
        &self,
        view: &dyn View,
        token: Option<TokenId>,
    ) -> Result<Option<(ConfirmResult, Changes)>, ServiceError> {
        let Some((_, budget)) = self.user_budget(view)? else { return Ok(None) };
        if !is_spent(budget) {
            return Ok(None);
        }
        let until = budget.since.map(|since| since.plus_secs(86_400));
        let answer = ConfirmResult::Blocked { until };
        let entry = self.audit(token, &answer, "user_budget");
        Ok(Some((answer, vec![entry])))
    }

    /// Operators hear that the token is blocked. To a user it is a refusal like any other, counted like
    /// any other: that a token of this serial is blocked would tell that it exists.
    fn token_blocked(
        &mut self,
        view: &dyn View,
        until: Option<UnixTime>,
        fresh: &Examined,
        single: bool,
        needed: usize,
    ) -> Result<(ConfirmResult, Changes), ServiceError> {
        if !self.actor.is_operator() {
            let (answer, mut changes) = self.refuse(view, None, "blocked", single, needed)?;
            changes.pop();
            changes.push(self.audit(Some(fresh.id()), &answer, "blocked"));
            return Ok((answer, changes));
        }
        let answer = ConfirmResult::Blocked { until };
        let entry = self.audit(Some(fresh.id()), &answer, "blocked");
        Ok((answer, vec![entry]))
    }

    fn refuse(
        &mut self,
        view: &dyn View,
        fresh: Option<&Examined>,
        reason: &'static str,
        single: bool,
        needed: usize,
    ) -> Result<(ConfirmResult, Changes), ServiceError> {
        let mut changes = Vec::new();
        if let Some((key, budget)) = self.user_budget(view)? {
            changes.push(Change::PutBudget(key, budget.failed(self.now, u32::MAX)));
        }
        let key = BudgetKey::Resource(BudgetKind::Confirmation, self.resource.id);
        let hourly = view.budget(key)?.within(self.now, 3_600).failed(self.now, u32::MAX);
        changes.push(Change::PutBudget(key, hourly));
        if hourly.failures == RESOURCE_FAILURES_AN_HOUR {
            changes.push(audit_entry(
                self.now,
                &Actor::SYSTEM,
                AuditAction::ConfirmationAlert,
                vec![Subject::Resource(self.resource.id)],
                AuditResult::Refused,
                vec![("failures", hourly.failures.to_string())],
            ));
        }
        // Right codes that were used before are no guesses: written down, not counted.
        if let Some(fresh) = fresh.filter(|_| !matches!(reason, "replayed" | "behind_floor")) {
            let state = code::failed(fresh.state, self.now, fresh.failure_limit);
            changes.push(Change::PutState(fresh.id(), fresh.seed.version, state));
        }
        let answer = if single {
            ConfirmResult::MoreOtpsNeeded { otps_needed: needed }
        } else {
            ConfirmResult::Refused { reason, slow: hourly.failures > RESOURCE_FAILURES_AN_HOUR }
        };
        changes.push(self.audit(fresh.map(Examined::id), &answer, reason));
        Ok((answer, changes))
    }

    fn accept(
        &mut self,
        view: &dyn View,
        fresh: &Examined,
        place: Place,
    ) -> Result<(ConfirmResult, Changes), ServiceError> {
        let mut changes = Vec::new();
        if let Some((key, _)) = self.user_budget(view)? {
            changes.push(Change::PutBudget(key, Budget::CLEAR));
        }
        let (state, steps, seconds, _) = take_over(fresh, place, self.now);
        changes.push(Change::PutState(fresh.id(), fresh.seed.version, state));
        drift::learn_sequence(view, fresh, place.codes(), self.now, &mut changes)?;
        changes.extend(code::touch_batch(view, &fresh.token)?);
        let mut token = fresh.token.clone();
        changes.extend(self.pairing().changes(view, &mut token)?);
        if token.holder != Some(self.user.id) {
            // What the last holder set is not this one's.
            (token.pin, token.name) = (None, String::new());
        }
        token.custody = match token.custody {
            confirmed @ Custody::Confirmed { .. } => confirmed,
            other => other.moved_to(Custody::Confirmed { at: self.now })?,
        };
        token.holder = Some(self.user.id);
        token.follows_batch = false;
        changes.push(Change::PutToken(token));
        let answer = ConfirmResult::Confirmed { steps, seconds };
        changes.push(self.audit(Some(fresh.id()), &answer, ""));
        Ok((answer, changes))
    }
}
