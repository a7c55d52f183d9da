//! Consecutive codes bring a drifted token back.
//!
//! The number of codes follows from the window: a wide window never helps a guesser. The whole window
//! is examined for the whole sequence, and an answer is given only if it is the only one.

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, ChallengePurpose, Drift, OtpSpec, SelfService, Subject, TokenSerial,
    TokenState,
};
use crate::oath::drift::cause;
use crate::oath::{
    Apart, CodeSequence, CodeSpace, Otp, chance, codes_needed, response_tries, responses_needed, step_start,
};
use crate::store::{Change, Changes, View};

use super::challenge::{self, Answered, Spending};
use super::code::{self, Examined};
use super::pin::{SequencePin, without_pins};
use super::sequence::{Between, Place, Searched, SequenceFound, carried, counters_beside};
use super::token::scoped;
use super::{Service, ServiceError, drift};

/// Widest window to either side that is chosen by itself: one year.
const YEAR_SECS: u64 = 31_557_600;
/// Widest window ahead for event tokens that is chosen by itself.
const MOST_COUNTERS: u64 = 1_000_000;
/// Widest window that can be asked for, in start positions: ten years of 30 s to either side.
const MOST_POSITIONS: u64 = 21_100_000;
/// The same for responses of tokens with a keypad, each of which takes longer.
const MOST_RESPONSES: u64 = 4_000_000;
/// Failed attempts beyond the portal's window after which another operator must unblock.
const WIDE_ATTEMPTS: u32 = 10;
/// Steps within which codes that were used count as "just used", not as a clock that was set back.
const JUST_USED_STEPS: u64 = 3;

/// A window in steps or counters to either side of the expected position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowSteps {
    /// Steps before; event tokens have none.
    pub past: u64,
    /// Steps or counters after.
    pub future: u64,
}

impl WindowSteps {
    /// Start positions in it.
    pub const fn positions(self) -> u64 {
        self.past.saturating_add(self.future).saturating_add(1)
    }

    /// The part of it that this many start positions carry, kept in proportion.
    #[must_use]
    pub fn cut_to(self, positions: u64) -> Self {
        if self.positions() <= positions {
            return self;
        }
        if self.past == 0 {
            return Self { past: 0, future: positions.saturating_sub(1) };
        }
        let each = positions.saturating_sub(1) / 2;
        Self { past: self.past.min(each), future: self.future.min(each) }
    }

    /// `secs` to either side for a clock token, `counters` ahead for an event token.
    pub(super) fn for_token(spec: &OtpSpec, secs: u64, counters: u64) -> Self {
        // A clock is looked for to both sides, also beside a counter, which has a window of its own.
        if let Some((period, _)) = spec.clock() {
            let steps = secs / period.get().unsigned_abs();
            return Self { past: steps, future: steps };
        }
        // Each code of a key says its position.
        let is_looked_for = spec.has_counter() && spec.public_id().is_none();
        Self { past: 0, future: if is_looked_for { counters } else { 0 } }
    }
}

/// What came of a sequence of codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceResult {
    /// Found, learned, and the codes are spent.
    Synchronized {
        /// Distance from the server's clock or from the next counter, in steps; positive: ahead.
        steps: i64,
        /// The same in seconds, for clock tokens.
        seconds: Option<i64>,
        /// The next counter, for event tokens.
        counter: Option<u64>,
    },
    /// No position fits.
    NotFound,
    /// More than one position fits; one more code tells, where more can be given.
    Ambiguous,
    /// The window needs more codes than were given.
    MoreOtpsNeeded,
    /// The codes fit, but lie behind codes that were used already: the clock was set back.
    BehindFloor {
        /// When the token passes its last used code, for clock tokens.
        usable_from: Option<UnixTime>,
        /// Distance of its clock, as above.
        steps: i64,
        /// The same in seconds.
        seconds: Option<i64>,
    },
    /// The codes were used just now.
    Replayed,
    /// Not looked at.
    Blocked {
        /// Until when; `None`: until an operator opens it.
        until: Option<UnixTime>,
    },
}

impl SequenceResult {
    /// The word in JSON and in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Synchronized { .. } => "synchronized",
            Self::NotFound => "not_found",
            Self::Ambiguous => "ambiguous",
            Self::MoreOtpsNeeded => "more_otps_needed",
            Self::BehindFloor { .. } => "behind_floor",
            Self::Replayed => "replayed",
            Self::Blocked { .. } => "blocked",
        }
    }
}

/// A result and what it cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SequenceOutcome {
    /// What came of it.
    pub result: SequenceResult,
    /// Codes that the window needs.
    pub otps_needed: usize,
    /// The chance that random codes would have passed.
    pub chance: f64,
    /// Codes computed.
    pub evaluated: u64,
    /// Time of the search in microseconds.
    pub elapsed_us: u64,
    /// The codes fit, and nothing was learned of the token's clock: that of the server is in doubt.
    pub clock_doubt: bool,
    /// As many codes were given as are looked at: no further one is asked for.
    pub is_last: bool,
}

impl SequenceOutcome {
    /// More than one position fits, and no further code can tell.
    pub fn stays_ambiguous(&self) -> bool {
        self.is_last && self.result == SequenceResult::Ambiguous
    }
}

/// Codes of a token at the desk, and what is known of them.
#[derive(Clone, Copy, Debug)]
pub struct ResyncRequest<'a> {
    /// Which token.
    pub serial: &'a TokenSerial,
    /// The codes, in the order in which it showed them.
    pub otps: &'a [Otp],
    /// What a token with a keypad was asked, one for each code.
    pub challenges: &'a [String],
    /// How far to look; `None`: as far as the codes carry.
    pub window: Option<WindowSteps>,
    /// Why a wider window than the portal's is in order.
    pub reason: Option<&'a str>,
    /// What is known of codes between them.
    pub between: Between<'a>,
}

impl<'a> ResyncRequest<'a> {
    /// Codes that follow each other, of which nothing else is known.
    pub const fn new(serial: &'a TokenSerial, otps: &'a [Otp]) -> Self {
        let between = Between::Nothing;
        Self { serial, otps, challenges: &[], window: None, reason: None, between }
    }
}

/// How wide to look, and what that needs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) window: WindowSteps,
    pub(super) otps_needed: usize,
    /// What is tried: start positions, and the steps that may pass between responses.
    pub(super) tries: u128,
    /// Wider than the portal's window: counts towards the ten attempts.
    pub(super) wide: bool,
    /// One more code would allow a wider window.
    pub(super) more_would_widen: bool,
}

/// Codes that should bring a token back, and how widely to look for them.
#[derive(Clone)]
pub(super) struct Sequence<'a> {
    pub(super) otps: &'a [Otp],
    /// What is known of codes that were left out.
    pub(super) between: Between<'a>,
    /// The portal's window for this token.
    pub(super) portal: WindowSteps,
    /// The window that was asked for.
    pub(super) window: Option<WindowSteps>,
    /// Why a wider one than the portal's is in order.
    pub(super) reason: Option<&'a str>,
    /// The challenges that the codes answer, of a token with a keypad.
    pub(super) answered: Option<Answered>,
    /// The PIN beside the codes.
    pub(super) pin: SequencePin,
    pub(super) now: UnixTime,
}

impl<'a> Sequence<'a> {
    /// Codes that follow each other, looked for in the portal's window.
    pub(super) const fn in_portal(
        otps: &'a [Otp],
        portal: WindowSteps,
        answered: Option<Answered>,
        pin: SequencePin,
        now: UnixTime,
    ) -> Self {
        Self { otps, between: Between::Nothing, portal, window: None, reason: None, answered, pin, now }
    }
}

/// The state after an attempt that failed; `wide`: further away than the portal's window.
pub(super) fn failed_attempt(fresh: &Examined, actor: &Actor, wide: bool, now: UnixTime) -> TokenState {
    let mut state = code::failed(fresh.state, now, fresh.failure_limit);
    if wide {
        state.wide_failures = state.wide_failures.saturating_add(1);
        state.wide_operator = actor.operator();
    }
    state
}

/// Until when no attempt is looked at, if so.
pub(super) fn closed(state: &TokenState, wide: bool, now: UnixTime) -> Option<Option<UnixTime>> {
    let many = wide && state.wide_failures >= WIDE_ATTEMPTS;
    code::blocked(&state.budget, now).or(many.then_some(None))
}

/// Chooses the window: the one asked for, the widest that the codes carry when a reason is given, else
/// the portal's.
fn plan(
    examined: &Examined,
    sequence: &Sequence<'_>,
    apart: &[Apart],
    space: CodeSpace,
) -> Result<Plan, ServiceError> {
    let Sequence { portal, window: asked, reason, .. } = *sequence;
    let (spec, codes) = (&examined.seed.spec, apart.len() + 1);
    let (beside, gap) = (counters_beside(spec), examined.response_gap());
    let ways = Apart::all_ways(apart);
    let carried = carried(examined, space, codes, ways);
    let most_positions = if spec.suite().is_some() { MOST_RESPONSES / beside } else { MOST_POSITIONS };
    let (window, more_would_widen) = if let Some(asked) = asked {
        if asked.past > 0 && examined.period().is_none() {
            return Err(ServiceError::invalid(
                "window",
                "window_past",
                "an event token only moves forward: set past to 0",
            ));
        }
        if asked.positions() > most_positions {
            let detail = format!(
                "the window has {} positions, at most {most_positions} are searched",
                asked.positions()
            );
            return Err(ServiceError::invalid("window", "window_too_wide", detail));
        }
        (asked, false)
    } else {
        let most = match reason {
            Some(_) => WindowSteps::for_token(spec, YEAR_SECS, MOST_COUNTERS),
            None => portal,
        };
        let most = most.cut_to(most_positions);
        (most.cut_to(carried), most.positions() > carried && codes < CodeSequence::MAX_LEN)
    };
    let wide = window.past > portal.past || window.future > portal.future;
    if wide && reason.is_none() {
        return Err(ServiceError::invalid(
            "reason",
            "reason_required",
            "this window is wider than the portal's: say why the person at the desk is the right one",
        ));
    }
    let positions = u128::from(window.positions()) * u128::from(beside);
    let otps_needed = match (spec.suite(), gap) {
        (None, 0) => codes_needed(space, positions.saturating_mul(ways)),
        _ => responses_needed(space, positions, gap),
    };
    let tries = response_tries(positions, gap, codes).saturating_mul(ways);
    Ok(Plan { window, otps_needed, tries, wide, more_would_widen })
}

/// Refuses codes that were typed twice: the person did not wait for the next one.
pub(super) fn refuse_repeated(otps: &[Otp]) -> Result<(), ServiceError> {
    use subtle::ConstantTimeEq;
    let repeated = otps.windows(2).any(|pair| bool::from(pair[0].ct_eq(&pair[1])));
    if repeated {
        return Err(ServiceError::invalid(
            "otps",
            "same_code_twice",
            "two codes in a row are the same: wait until the display changes, or press once more",
        ));
    }
    Ok(())
}

impl Service {
    /// Brings a token back.
    pub fn resync(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        otps: &[Otp],
        window: Option<WindowSteps>,
        reason: Option<&str>,
    ) -> Result<SequenceOutcome, ServiceError> {
        self.resync_as(actor, &ResyncRequest { window, reason, ..ResyncRequest::new(serial, otps) })
    }

    /// As [`Service::resync`], with all that can be said of the codes.
    pub fn resync_as(
        &self,
        actor: &Actor,
        request: &ResyncRequest<'_>,
    ) -> Result<SequenceOutcome, ServiceError> {
        self.until_settled(|| self.resync_once(actor, request))
    }

    fn resync_once(
        &self,
        actor: &Actor,
        request: &ResyncRequest<'_>,
    ) -> Result<SequenceOutcome, ServiceError> {
        let ResyncRequest { serial, otps, challenges, window, between, .. } = *request;
        let reason = request.reason.map(str::trim).filter(|text| !text.is_empty());
        let (examined, portal, now) = self.store.read(|view| {
            let now = self.trusted_now(view)?;
            let token = scoped(view, actor, serial)?;
            let examined = Examined::read(view, token, None)?;
            let portal = portal_window(view, &examined)?;
            Ok::<_, ServiceError>((examined, portal, now))
        })?;
        examined.require_usable(now)?;
        examined.require_shown()?;
        examined.require_drifting()?;
        examined.require_challenges("challenges", challenges.len(), otps.len())?;
        let purpose = ChallengePurpose::Synchronization;
        let answered =
            (!challenges.is_empty()).then(|| Answered::of_token(examined.id(), purpose, challenges));
        self.require_asked(&examined, answered.as_ref(), now)?;
        let pin = SequencePin::Proved;
        let asked = Sequence { otps, between, portal, window, reason, answered, pin, now };
        self.synchronize(actor, &examined, &asked, |_| Ok(Vec::new()))
    }

    /// Plans, searches and settles for an examined token: the part that station, portal and sign-in
    /// share. What `success` adds happens in the same change as the codes are spent; if it refuses, they
    /// are not.
    pub(super) fn synchronize(
        &self,
        actor: &Actor,
        examined: &Examined,
        asked: &Sequence<'_>,
        mut success: impl FnMut(&dyn View) -> Result<Changes, ServiceError> + Send + 'static,
    ) -> Result<SequenceOutcome, ServiceError> {
        let Sequence { otps, between, reason, pin, now, .. } = *asked;
        let answered = asked.answered.clone();
        let bare = without_pins(examined, otps);
        let otps = bare.as_deref().unwrap_or(otps);
        let space = examined.require_sequence(otps)?;
        refuse_repeated(otps)?;
        let apart = between.apart(examined, otps.len())?;
        let plan = plan(examined, asked, &apart, space)?;
        let mut outcome = SequenceOutcome {
            result: SequenceResult::MoreOtpsNeeded,
            otps_needed: plan.otps_needed,
            chance: chance(space, otps.len(), plan.tries),
            evaluated: 0,
            elapsed_us: 0,
            clock_doubt: false,
            is_last: otps.len() >= CodeSequence::MAX_LEN,
        };
        if otps.len() < plan.otps_needed {
            return Ok(outcome);
        }
        if examined.seed.spec.suite().is_some() && answered.is_none() {
            // The page was left open for too long, or sent twice: there is nothing that these could answer.
            outcome.result = SequenceResult::Replayed;
            return Ok(outcome);
        }
        // A blocked token costs no search; that it is blocked is what the answer says, so the time may say it, too.
        let is_closed = closed(&examined.state, plan.wide, now).is_some();
        let searched = if is_closed {
            Searched { codes: otps.len(), ..Searched::NOTHING }
        } else {
            self.search_codes(examined, otps, &apart, answered.as_ref(), plan.window, now)?
        };
        (outcome.evaluated, outcome.elapsed_us) = (searched.evaluated, searched.elapsed_us);
        let (actor, examined) = (actor.clone(), examined.clone());
        let reason = reason.unwrap_or_default().to_owned();
        let (split, codes) = (self.splits_check(), searched.codes);
        (outcome.result, outcome.clock_doubt) = self.decide(move |view| {
            let fresh = if split { examined.clone() } else { examined.unmoved(view)? };
            if is_closed && closed(&fresh.state, plan.wide, now).is_none() {
                return Err(ServiceError::Stale);
            }
            let (searched, spending) = match challenge::spent(view, &fresh, answered.as_ref(), now)? {
                Spending::Open(changes) => (Some(searched), changes),
                Spending::Spent(changes) => (None, changes),
                Spending::Unknown => {
                    (Some(Searched { found: SequenceFound::Nowhere, ..searched }), Vec::new())
                }
            };
            let (result, mut changes) = match searched {
                Some(searched) => settle(&fresh, searched, plan, &actor, pin, now),
                // Not counted: what was answered before can never be accepted.
                None => (SequenceResult::Replayed, Vec::new()),
            };
            changes.extend(spending);
            let done = matches!(result, SequenceResult::Synchronized { .. });
            if done && !fresh.state.used {
                changes.extend(code::touch_batch(view, &fresh.token)?);
            }
            let in_a_row = searched.map_or(1, |searched| match searched.found {
                SequenceFound::One(place) => place.codes(),
                _ => 1,
            });
            let is_doubted = done && drift::learn_sequence(view, &fresh, in_a_row, now, &mut changes)?;
            let mut detail = vec![
                ("result", result.name().to_owned()),
                ("window", format!("-{} +{}", plan.window.past, plan.window.future)),
                ("codes", codes.to_string()),
            ];
            if let SequenceResult::Synchronized { steps, .. } = result {
                detail.push(("steps", steps.to_string()));
            }
            if let (SequenceResult::Synchronized { seconds: Some(secs), .. }, Some(period)) =
                (result, fresh.period())
                && let Some(cause) = cause(secs, period)
            {
                detail.push(("cause", drift::cause_name(cause)));
            }
            if is_doubted {
                detail.push(("learned", "nothing: the server's clock is in doubt".to_owned()));
            }
            if !reason.is_empty() {
                detail.push(("reason", reason.clone()));
            }
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::Resynced,
                vec![Subject::Token(fresh.id())],
                if done { AuditResult::Done } else { AuditResult::Refused },
                detail,
            ));
            if done {
                changes.extend(success(view)?);
            }
            Ok(((result, is_doubted), changes))
        })?;
        if matches!(outcome.result, SequenceResult::MoreOtpsNeeded | SequenceResult::Ambiguous)
            && !outcome.is_last
        {
            outcome.otps_needed = otps.len() + 1;
        }
        Ok(outcome)
    }
}

/// The responses that the portal's window of a token needs.
pub(super) fn portal_codes(view: &dyn View, examined: &Examined) -> Result<usize, ServiceError> {
    let (digits, window) = (examined.digits()?, portal_window(view, examined)?);
    let beside = counters_beside(&examined.seed.spec);
    let positions = u128::from(window.positions()) * u128::from(beside);
    Ok(responses_needed(digits, positions, examined.response_gap()).min(CodeSequence::MAX_LEN))
}

/// The portal's window for a token: that of the resource asked about, else the default.
pub(super) fn portal_window(view: &dyn View, examined: &Examined) -> Result<WindowSteps, ServiceError> {
    let (mut secs, mut counters) = (SelfService::DEFAULT_WINDOW_SECS, SelfService::DEFAULT_WINDOW_COUNTERS);
    if let Some(portal) = examined.resource(view)?.and_then(|resource| resource.portal) {
        (secs, counters) = (portal.window_secs, portal.window_counters);
    }
    Ok(WindowSteps::for_token(&examined.seed.spec, u64::from(secs), u64::from(counters)))
}

/// The state after a found sequence, and what it says of the clock.
pub(super) fn take_over(
    fresh: &Examined,
    place: Place,
    now: UnixTime,
) -> (TokenState, i64, Option<i64>, Option<u64>) {
    let (told, floor) = match place {
        Place::Codes { start, last, .. } => {
            (if fresh.period().is_some() { last } else { start }, last.next())
        }
        Place::Responses { first, last } => {
            let at = if fresh.period().is_some() { last } else { first };
            (fresh.told(at), fresh.floor_after(last))
        }
    };
    let (steps, seconds) = fresh.offset(told, now);
    let drift = seconds.map(|seconds| Drift { seconds, learned_at: now });
    let counter = fresh.seed.spec.has_counter().then_some(floor.0);
    (code::accepted_to(fresh.state, floor, now, drift), steps, seconds, counter)
}

fn settle(
    fresh: &Examined,
    searched: Searched,
    plan: Plan,
    actor: &Actor,
    pin: SequencePin,
    now: UnixTime,
) -> (SequenceResult, Vec<Change>) {
    if let Some(until) = closed(&fresh.state, plan.wide, now) {
        return (SequenceResult::Blocked { until }, Vec::new());
    }
    let put = |state| Change::PutState(fresh.id(), fresh.seed.version, state);
    let failure = |result| (result, vec![put(failed_attempt(fresh, actor, plan.wide, now))]);
    match searched.found {
        SequenceFound::One(place) => {
            let (mut state, steps, seconds, counter) = take_over(fresh, place, now);
            // Else whoever found the token could clear the way for guessing at its PIN.
            state.budget = match pin {
                SequencePin::Proved => state.budget,
                SequencePin::Bare => fresh.state.budget,
                SequencePin::Wrong => fresh.state.budget.failed(now, fresh.failure_limit),
            };
            (SequenceResult::Synchronized { steps, seconds, counter }, vec![put(state)])
        }
        SequenceFound::BehindFloor(place) => (behind_floor(fresh, place, now), Vec::new()),
        SequenceFound::Several => failure(SequenceResult::Ambiguous),
        SequenceFound::Nowhere if plan.more_would_widen => failure(SequenceResult::MoreOtpsNeeded),
        SequenceFound::Nowhere => failure(SequenceResult::NotFound),
    }
}

fn behind_floor(fresh: &Examined, place: Place, now: UnixTime) -> SequenceResult {
    let last = match place {
        Place::Codes { last, .. } => last,
        Place::Responses { last, .. } => fresh.told(last),
    };
    // A token that counts has no moment from which it is right again.
    let Some((period, epoch_secs)) = fresh.seed.spec.clock().filter(|_| !fresh.seed.spec.has_counter())
    else {
        return SequenceResult::Replayed;
    };
    if last.0.abs_diff(fresh.center(now).0) <= JUST_USED_STEPS.max(fresh.check_steps()) {
        return SequenceResult::Replayed;
    }
    let (steps, seconds) = fresh.offset(last, now);
    let usable_from = Some(step_start(fresh.state.floor, epoch_secs, seconds.unwrap_or(0), period));
    SequenceResult::BehindFloor { usable_from, steps, seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_cut_to_what_the_codes_carry() {
        let year = WindowSteps { past: 1_051_920, future: 1_051_920 };
        assert_eq!(year.cut_to(100_000), WindowSteps { past: 49_999, future: 49_999 });
        assert_eq!(year.cut_to(u64::MAX), year);
        let ahead = WindowSteps { past: 0, future: 1_000_000 };
        assert_eq!(ahead.cut_to(100_000), WindowSteps { past: 0, future: 99_999 });
    }

    #[test]
    fn codes_typed_twice_are_refused() {
        let otp = |text: &str| Otp::parse(text).expect("a code");
        assert!(refuse_repeated(&[otp("123456"), otp("123456")]).is_err());
        assert!(refuse_repeated(&[otp("123456"), otp("123457"), otp("123456")]).is_ok());
    }
}
