//! A user proves possession of a token that a resource holds without a user.
//!
//! Serial numbers can be guessed, so an unknown serial, a token of another resource or person, a
//! disabled token and wrong codes get one answer after the same work; the reason goes to the log.

use crate::clock::UnixTime;
use crate::model::{
    Actor, ActorOrigin, AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, ChallengePurpose, Custody,
    Login, OtpSpec, Parties, Resource, ResourceName, SelfService, Subject, Token, TokenId, TokenSerial, User,
    UserId,
};
use crate::oath::{CodeSequence, Digits, HashAlg, Otp, codes_needed, responses_needed};
use crate::store::{Change, Changes, View};

use super::challenge::{self, Answered, Spending};
use super::check::{Comparison, compare_bare};
use super::code::{self, CHECK_COUNTERS, Examined};
use super::dummy::{RESPONSE_COST, dearest_motp_positions, dearest_positions, motp_cost};
use super::notice::{Happened, Notice};
use super::pair::{Pairing, require_place};
use super::pin::without_pins;
use super::portal::{require_fresh, require_fresh_code};
use super::resync::{WindowSteps, refuse_repeated, take_over};
use super::sequence::{Place, SequenceFound, carried, counters_beside};
use super::yubico::are_typed_by_key;
use super::{PortalSession, Service, ServiceError};

/// Failed confirmations of one user in a day.
const USER_FAILURES_A_DAY: u32 = 10;
/// Failed confirmations on one resource in an hour before operators are alerted and answers slow down.
const RESOURCE_FAILURES_AN_HOUR: u32 = 100;

/// Who wants to confirm what.
#[derive(Debug)]
pub struct ConfirmRequest<'a> {
    /// Where.
    pub resource: &'a ResourceName,
    /// Who.
    pub user: &'a Login,
    /// Which token.
    pub serial: &'a TokenSerial,
    /// Consecutive codes.
    pub otps: &'a [Otp],
}

/// A user who asks in the portal, and the token that the confirmed one takes the place of.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) portal: PortalSession,
    pub(super) replaces: Option<TokenId>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfirmResult {
    /// The pair stands; the codes are spent.
    Confirmed {
        /// Distance of the token, in steps; positive: ahead.
        steps: i64,
        /// The same in seconds, for clock tokens.
        seconds: Option<i64>,
    },
    /// Not confirmed.
    Refused {
        /// Why, as a stable word; for operators only.
        reason: &'static str,
        /// The resource sees many failures: answer slowly.
        slow: bool,
    },
    /// The window needs more codes.
    MoreOtpsNeeded {
        /// This many.
        otps_needed: usize,
    },
    /// Not looked at.
    Blocked {
        /// Until when; `None`: until an operator opens it.
        until: Option<UnixTime>,
    },
}

impl ConfirmResult {
    /// The word in JSON and in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Confirmed { .. } => "confirmed",
            Self::Refused { .. } => "refused",
            Self::MoreOtpsNeeded { .. } => "more_otps_needed",
            Self::Blocked { .. } => "blocked",
        }
    }
}

/// Codes that a resource's confirmation page asks for, whatever the token: six digits over its widest
/// window at the usual step.
pub(super) fn codes_for(resource: &Resource) -> usize {
    let (secs, counters) = windows(resource);
    let positions = (2 * u64::from(secs) / 30 + 1).max(u64::from(counters) + 1);
    codes_needed(Digits::SIX, u128::from(positions))
}

pub(super) fn windows(resource: &Resource) -> (u32, u32) {
    resource
        .portal
        .as_ref()
        .map_or((SelfService::DEFAULT_WINDOW_SECS, SelfService::DEFAULT_WINDOW_COUNTERS), |portal| {
            (portal.window_secs, portal.window_counters)
        })
}

/// Why this user cannot confirm this token, if so.
fn obstacle(
    view: &dyn View,
    token: &Token,
    user: &User,
    resource: &Resource,
) -> Result<Option<&'static str>, ServiceError> {
    if !view.resources_of(token)?.contains(&resource.id) {
        return Ok(Some("other_resource"));
    }
    if token.disabled.is_some() {
        return Ok(Some("token_disabled"));
    }
    if token.holder.is_some_and(|holder| holder != user.id) {
        return Ok(Some("held_by_other"));
    }
    if matches!(token.custody, Custody::Lost { .. } | Custody::Retired { .. } | Custody::Returned { .. }) {
        return Ok(Some("out_of_custody"));
    }
    for assignment in view.assignments_of_token(token.id)? {
        match assignment.parties {
            Parties::TokenWithUser(other, _) | Parties::UserToken(other, _) if other != user.id => {
                return Ok(Some("held_by_other"));
            }
            Parties::TokenWithUser(..) if assignment.resource == resource.id => {
                return Ok(Some("already_confirmed"));
            }
            _ => {}
        }
    }
    Ok(None)
}

/// The challenges that the codes answer, if any: those of the visit, which are the same for every serial, or those
/// that an operator names.
fn answered_by(
    view: &dyn View,
    request: &ConfirmRequest<'_>,
    challenges: &[String],
    asking: Option<&Asking>,
    examined: Option<&Examined>,
    now: UnixTime,
) -> Result<Option<Answered>, ServiceError> {
    let (purpose, count) = (ChallengePurpose::Confirmation, request.otps.len());
    match (asking, examined) {
        (Some(asking), _) => Answered::of_session(view, asking.portal.key, purpose, None, count, now),
        (None, Some(examined)) if !challenges.is_empty() => {
            Ok(Some(Answered::of_token(examined.id(), purpose, challenges)))
        }
        (None, _) => Ok(None),
    }
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

/// What the codes say, computed outside the store.
#[derive(Clone, Copy, Debug)]
enum Proof {
    Right(Place),
    Wrong(&'static str),
}

impl Proof {
    const fn of(found: SequenceFound) -> Self {
        match found {
            SequenceFound::One(place) => Self::Right(place),
            SequenceFound::BehindFloor(_) => Self::Wrong("behind_floor"),
            SequenceFound::Several => Self::Wrong("ambiguous"),
            SequenceFound::Nowhere => Self::Wrong("not_found"),
        }
    }
}

impl Service {
    /// Confirms a token for a user.
    pub fn confirm(
        &self,
        actor: &Actor,
        request: &ConfirmRequest<'_>,
    ) -> Result<ConfirmResult, ServiceError> {
        self.confirm_responses(actor, request, &[])
    }

    /// As [`Service::confirm`], with the challenges that the token with a keypad was asked, one for each code.
    pub fn confirm_responses(
        &self,
        actor: &Actor,
        request: &ConfirmRequest<'_>,
        challenges: &[String],
    ) -> Result<ConfirmResult, ServiceError> {
        self.confirm_asked_by(actor, request, challenges, None)
    }

    /// Confirms a token for a user; one who asks in the portal must be signed in still, with a fresh proof where a
    /// token is in use, and may have it take the places of another token in the same change.
    pub(super) fn confirm_asked_by(
        &self,
        actor: &Actor,
        request: &ConfirmRequest<'_>,
        challenges: &[String],
        asking: Option<&Asking>,
    ) -> Result<ConfirmResult, ServiceError> {
        refuse_repeated(request.otps)?;
        if request.otps.is_empty() || request.otps.len() > CodeSequence::MAX_LEN {
            let detail = format!(
                "{} codes were given, 1 to {} are possible",
                request.otps.len(),
                CodeSequence::MAX_LEN
            );
            return Err(ServiceError::invalid("otps", "otps_count", detail));
        }
        let answer = self.until_settled(|| self.confirm_once(actor, request, challenges, asking))?;
        if matches!(answer, ConfirmResult::Confirmed { .. }) {
            self.wake_mailer();
        }
        Ok(answer)
    }

    fn confirm_once(
        &self,
        actor: &Actor,
        request: &ConfirmRequest<'_>,
        challenges: &[String],
        asking: Option<&Asking>,
    ) -> Result<ConfirmResult, ServiceError> {
        struct Snapshot {
            now: UnixTime,
            resource: Resource,
            user: User,
            examined: Option<Examined>,
            obstacle: Option<&'static str>,
            answered: Option<Answered>,
        }
        let replaced = asking.and_then(|asking| asking.replaces);
        let emergency = asking.is_some_and(|asking| asking.portal.emergency);
        let snapshot = self.store.read(|view| {
            let now = self.trusted_now(view)?;
            let resource = self.resource_named(view, actor, request.resource)?;
            let user = super::user::visible_user(view, actor, request.user)?;
            require_place(view, &user, &resource, replaced, emergency)?;
            let token = view.token_by_serial(request.serial.normal())?;
            let obstacle = match &token {
                Some(token) => obstacle(view, token, &user, &resource)?,
                None => Some("unknown_serial"),
            };
            let examined = token.map(|token| Examined::read(view, token, Some(resource.id))).transpose()?;
            let answered = answered_by(view, request, challenges, asking, examined.as_ref(), now)?;
            Ok::<_, ServiceError>(Snapshot { now, resource, user, examined, obstacle, answered })
        })?;
        let Snapshot { now, resource, user, examined, obstacle, answered } = snapshot;
        if let Some(examined) = examined.as_ref().filter(|_| actor.is_operator()) {
            examined.require_shown()?;
            examined.require_challenges("challenges", challenges.len(), request.otps.len())?;
        }
        // What a key typed is proof enough, also where it is not of the token that was named: who asks sees the same.
        let by_key = are_typed_by_key(request.otps);
        let needed = if by_key { 1 } else { codes_for(&resource) };
        let single = request.otps.len() == 1 && !by_key;
        if !single && request.otps.len() < needed {
            return Ok(ConfirmResult::MoreOtpsNeeded { otps_needed: needed });
        }
        let eligible = examined.filter(|_| obstacle.is_none());
        let (proof, evaluated) = match &eligible {
            Some(examined) => {
                self.prove(examined, request.otps, answered.as_ref(), &resource, user.id, now)?
            }
            None => (Proof::Wrong(obstacle.unwrap_or("unknown_serial")), 0),
        };
        let hash = eligible.as_ref().and_then(|examined| examined.seed.spec.hash()).unwrap_or(HashAlg::Sha1);
        self.dummy_search(&resource, evaluated, hash)?;
        let (post, asking) = (self.post()?, asking.cloned());
        let (actor, split) = (actor.clone(), self.splits_check());
        self.decide(move |view| {
            if let Some(Asking { portal, replaces }) = &asking {
                match replaces {
                    Some(_) => require_fresh(view, portal, now)?,
                    None => require_fresh_code(view, portal, eligible.as_ref().map(Examined::id), now)?,
                }
            }
            let counted_user = matches!(actor.origin, ActorOrigin::User { .. }).then_some(user.id);
            let mut settling =
                Settling { now, resource: &resource, user: &user, counted_user, actor: &actor, replaced };
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
                if self::obstacle(view, &fresh.token, &user, &resource)?.is_some() {
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

    /// Whether the codes are this token's. One code is enough for a token that was handed to this user
    /// by name, in the ordinary window; else the sequence, in the wide window only while the token was
    /// never used. Also gives the number of codes that were computed for it.
    fn prove(
        &self,
        examined: &Examined,
        otps: &[Otp],
        answered: Option<&Answered>,
        resource: &Resource,
        user: UserId,
        now: UnixTime,
    ) -> Result<(Proof, u64), ServiceError> {
        if examined.shape().is_err() {
            return Ok((Proof::Wrong("kind_not_supported"), 0));
        }
        if examined.require_shown().is_err() {
            return Ok((Proof::Wrong("codes_are_mailed"), 0));
        }
        if examined.require_usable(now).is_err() {
            return Ok((Proof::Wrong("token_not_yet_valid"), 0));
        }
        if examined.seed.spec.takes_pin() && examined.pin_hash.is_none() {
            return Ok((Proof::Wrong("pin_not_known"), 0));
        }
        if let Some(suite) = examined.seed.spec.suite() {
            if answered.is_none() {
                return Ok((Proof::Wrong("challenge_needed"), 0));
            }
            if suite.session_bytes().is_some() {
                return Ok((Proof::Wrong("session_not_known"), 0));
            }
        }
        if are_typed_by_key(otps) != examined.says_position() {
            return Ok((Proof::Wrong("otp_kind"), 0));
        }
        if examined.says_position() {
            let found = self.search_typed_by_key(examined, otps)?.found;
            return Ok((Proof::of(found), 0));
        }
        let bare = without_pins(examined, otps);
        let otps = bare.as_deref().unwrap_or(otps);
        if let [otp] = otps {
            if examined.token.holder != Some(user) {
                return Ok((Proof::Wrong("more_otps_needed"), 0));
            }
            let proof = match compare_bare(self, examined, otp, answered, now, false)? {
                Comparison::Fits { last, .. } => Proof::Right(Place::Codes { start: last, last, codes: 1 }),
                Comparison::Responds { last } => Proof::Right(Place::Responses { first: last, last }),
                Comparison::Used => Proof::Wrong("replayed"),
                Comparison::FitsWithoutPin { .. } | Comparison::Outside(_) | Comparison::Wrong => {
                    Proof::Wrong("wrong")
                }
            };
            return Ok((proof, 0));
        }
        let Ok(space) = examined.require_sequence(otps) else {
            return Ok((Proof::Wrong("otp_length"), 0));
        };
        let (secs, counters) = windows(resource);
        let spec = &examined.seed.spec;
        let window = if examined.state.used {
            WindowSteps {
                past: if examined.period().is_some() { examined.check_steps() } else { 0 },
                future: if examined.period().is_some() { examined.check_steps() } else { CHECK_COUNTERS },
            }
        } else {
            WindowSteps::for_token(spec, u64::from(secs), u64::from(counters))
                .cut_to(carried(examined, space, otps.len(), 1))
                .cut_to(match spec {
                    OtpSpec::Ocra { .. } => dearest_positions(resource) / RESPONSE_COST,
                    OtpSpec::Motp => dearest_motp_positions(resource),
                    _ => u64::MAX,
                })
        };
        if spec.suite().is_some() {
            // Suites may show four digits, which carry less than the six that the page counts on.
            let tried = u128::from(window.positions()) * u128::from(counters_beside(spec));
            if responses_needed(space, tried, examined.response_gap()) > otps.len() {
                return Ok((Proof::Wrong("more_otps_needed"), 0));
            }
        }
        let searched = self.search_codes(examined, otps, &[], answered, window, now)?;
        let each = match spec {
            OtpSpec::Ocra { .. } => RESPONSE_COST,
            OtpSpec::Motp => motp_cost(),
            _ => 1,
        };
        Ok((Proof::of(searched.found), searched.evaluated.saturating_mul(each)))
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
        super::audit_entry(
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
        Ok(Some((key, view.budget(key)?.within(self.now, 86_400))))
    }

    /// The answer when the user's failures of this day are used up: the same for every serial.
    fn spent(
        &self,
        view: &dyn View,
        token: Option<TokenId>,
    ) -> Result<Option<(ConfirmResult, Changes)>, ServiceError> {
        let Some((_, budget)) = self.user_budget(view)? else { return Ok(None) };
        if budget.failures < USER_FAILURES_A_DAY {
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
            changes.push(super::audit_entry(
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
        super::drift::learn_sequence(view, fresh, place.codes(), self.now, &mut changes)?;
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
