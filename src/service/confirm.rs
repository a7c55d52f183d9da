//! A user proves possession of a token that a resource holds without a user.
//!
//! Serial numbers can be guessed, so an unknown serial, a token of another resource or person, a
//! disabled token and wrong codes get one answer after the same work; the reason goes to the log.

mod settle;
mod unread;

use crate::clock::UnixTime;
use crate::model::{
    Actor, ChallengeOwner, ChallengePurpose, Custody, Login, OtpSpec, Parties, Resource, ResourceName,
    SelfService, Token, TokenId, TokenSerial, User, UserId,
};
use crate::oath::{CodeSequence, Digits, Otp, codes_needed, responses_needed};
use crate::store::View;

use self::settle::Weighed;
use super::challenge::Answered;
use super::check::{Comparison, compare_bare};
use super::code::{CHECK_COUNTERS, Examined, REPLAY_COUNTERS};
use super::dummy::{code_cost, most_responses, response_cost};
use super::pair::require_place;
use super::pin::without_pins;
use super::portal::signed_in;
use super::resync::{WindowSteps, refuse_repeated};
use super::search_gate::Turn;
use super::sequence::{Place, SequenceFound, carried, counters_beside};
use super::yubico::are_typed_by_key;
use super::{PortalSession, Service, ServiceError, motp};

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

    /// What users are told: the real reason is in the log.
    pub(super) fn for_users(self) -> Self {
        match self {
            Self::Refused { slow, .. } => Self::Refused { reason: "refused", slow },
            told => told,
        }
    }
}

/// Codes that a resource's confirmation page asks for, whatever the token: six digits over its widest
/// window at the usual step.
pub(super) fn codes_for(resource: &Resource) -> usize {
    codes_needed(Digits::SIX, u128::from(positions(resource)))
}

/// Start positions of a resource's widest window at the usual step.
fn positions(resource: &Resource) -> u64 {
    let (secs, counters) = windows(resource);
    (2 * u64::from(secs) / 30 + 1).max(u64::from(counters) + 1)
}

/// Where the codes of a token are looked for, as far as so many start positions: round the place where it is, once
/// it was used; before that in all of the resource's window.
fn window_of(examined: &Examined, resource: &Resource, carried: u64) -> WindowSteps {
    if examined.state.used {
        let clock = examined.period().is_some();
        return WindowSteps {
            past: if clock { examined.check_steps() } else { 0 },
            future: if clock { examined.check_steps() } else { CHECK_COUNTERS },
        };
    }
    let (secs, counters) = windows(resource);
    WindowSteps::for_token(&examined.seed.spec, u64::from(secs), u64::from(counters)).cut_to(carried)
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
        // Who sends many forms at once has them looked at one after another, and is refused when too many wait: whether
        // the serial is known or not, which the turn of a token would tell.
        let turn =
            asking.map(|asking| signed_in(&asking.portal)).transpose()?.map(|user| Turn::User(user.id));
        let admitted = self.searches.admit(self.clock.as_ref(), turn, 0)?;
        let answer = self.until_settled(|| self.confirm_once(actor, request, challenges, asking))?;
        drop(admitted);
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
            self.require_asked(examined, answered.as_ref(), now)?;
        }
        // Two touches of a key are proof enough, also where it is not the one that was named: who asks sees the same.
        let needed = if are_typed_by_key(request.otps) { 2 } else { codes_for(&resource) };
        let single = request.otps.len() == 1;
        if !single && request.otps.len() < needed {
            return Ok(ConfirmResult::MoreOtpsNeeded { otps_needed: needed });
        }
        let eligible = examined.filter(|_| obstacle.is_none());
        let (proof, spent) = match &eligible {
            Some(examined) => {
                self.prove(examined, request.otps, answered.as_ref(), &resource, user.id, now)?
            }
            None => (Proof::Wrong(obstacle.unwrap_or("unknown_serial")), 0),
        };
        let challenges = answered.as_ref().map_or(0, |answered| answered.texts.len());
        self.dummy_search(&resource, spent, challenges)?;
        let weighed =
            Weighed { now, resource, user, eligible, proof, answered, single, needed, by_codes: false };
        self.settle_confirmation(actor, asking, weighed)
    }

    /// Whether the codes are this token's. One code is enough for a token that was handed to this user
    /// by name, in the ordinary window; else the sequence, in the wide window only while the token was
    /// never used. Also gives what that cost, in nanoseconds of a core.
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
            let Some(answered) = answered else { return Ok((Proof::Wrong("challenge_needed"), 0)) };
            // Only a program knows session data, and gives them when it asks this token: no page of a visit does.
            if suite.session_bytes().is_some() && matches!(answered.owner, ChallengeOwner::Session(_)) {
                return Ok((Proof::Wrong("session_not_known"), 0));
            }
        }
        if are_typed_by_key(otps) != examined.says_position() {
            return Ok((Proof::Wrong("otp_kind"), 0));
        }
        if examined.says_position() {
            if otps.len() == 1 && examined.token.holder != Some(user) {
                return Ok((Proof::Wrong("more_otps_needed"), 0));
            }
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
        let spec = &examined.seed.spec;
        // What is tried is the product of steps and counters, and no more than is paid for where there is no token.
        let beside = match counters_beside(spec) {
            1 => 1,
            counters => counters + REPLAY_COUNTERS,
        };
        let most = if spec.suite().is_some() { most_responses(resource) / beside } else { u64::MAX };
        let window = window_of(examined, resource, carried(examined, space, otps.len(), 1).min(most));
        if spec.suite().is_some() {
            // Suites may show four digits, which carry less than the six that the page counts on.
            let tried = u128::from(window.positions()) * u128::from(counters_beside(spec));
            if responses_needed(space, tried, examined.response_gap()) > otps.len() {
                return Ok((Proof::Wrong("more_otps_needed"), 0));
            }
        }
        let searched = self.search_codes(examined, otps, &[], answered, window, now)?;
        let each = match spec {
            OtpSpec::Ocra { suite } | OtpSpec::OcraFilled { suite, .. } => response_cost(suite),
            OtpSpec::Motp => motp::NANOS,
            _ => spec.hash().map_or(0, code_cost),
        };
        Ok((Proof::of(searched.found), searched.evaluated.saturating_mul(each)))
    }
}
