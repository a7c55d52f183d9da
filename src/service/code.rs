//! The heart of every check: what a token may accept now, read in a snapshot, compared outside, decided
//! again inside the change.
//!
//! [`Examined`] is what was read. A comparison is computed from it outside the store. The deciding
//! closure reads it once more with [`Examined::unmoved`]; when anything moved, the answer is
//! [`ServiceError::Stale`] and [`Service::until_settled`] computes again.

use crate::clock::UnixTime;
use crate::model::{
    Batch, Budget, BudgetState, ClockHistory, Custody, Drift, OtpSpec, Resource, ResourceId, SealedSeed,
    SeedRow, Token, TokenId, TokenMailing, TokenState,
};
use crate::oath::{
    CodeShape, Digits, Generator, MovingFactor, OcraSuite, Otp, PeriodSecs, PinHash, time_step,
};
use crate::secret::Seed;
use crate::store::{Change, View};
use crate::vault::SealContext;

use super::{Service, ServiceError};

/// Seconds to either side, at least, that an ordinary check of a clock token looks at: people read and type.
const CHECK_SECS: u64 = 30;

/// Steps to either side that an ordinary check of such a clock looks at: one, and more of steps that are too short for
/// people.
pub(super) const fn check_steps(period: PeriodSecs) -> u64 {
    CHECK_SECS.div_ceil(period.get().unsigned_abs())
}

/// Counters that an ordinary check of an event token looks at.
pub(super) const CHECK_COUNTERS: u64 = 10;
/// Attempts at one token before it is blocked for a while, as they count in what may be guessed.
const ATTEMPTS_COUNTED: u64 = 10;
/// One in so many tokens may be guessed by these attempts.
const GUESSED_ONE_IN: u64 = 1_000;
/// Steps to either side and counters that are looked at however few digits there are.
const LEAST_STEPS: u64 = 1;
const LEAST_COUNTERS: u64 = 2;
/// A truncated HMAC has 31 bits: more than nine digits hold no more than that.
const MOST_DIGITS: u8 = 9;

/// Counters from the floor on, and steps to either side, in which an ordinary check looks for an answer of so many
/// digits: no more positions than leave ten blind attempts a chance of one in a thousand. Cut are the steps first, which a
/// person can wait for, then the counters. What people need stays in any case: a step that ends while they type, and an
/// answer that they did not send. So four digits are guessed by ten attempts six times in a thousand at most.
///
/// Suites have down to four digits, steps of a second, and counters beside them: 610 positions of four digits are 6 % a
/// guess. The codes of HOTP and TOTP have six digits at least and need no cut: ten counters are one in 10,000 for ten
/// attempts, three steps one in 33,000, and the 61 steps of a second one in 1,600.
pub(super) fn answer_window(digits: Digits, counters: u64, steps: u64) -> (u64, u64) {
    let answers = 10u64.pow(u32::from(digits.get().min(MOST_DIGITS)));
    let most = answers / GUESSED_ONE_IN / ATTEMPTS_COUNTED;
    let counters = counters.max(1);
    let steps = steps.min(((most / counters).saturating_sub(1) / 2).max(LEAST_STEPS));
    (counters.min((most / (2 * steps + 1)).max(LEAST_COUNTERS)), steps)
}

/// Counters below the floor that are looked at to tell a replay from a wrong code.
pub(super) const REPLAY_COUNTERS: u64 = 10;
/// How often a comparison is repeated when the record moved.
const ATTEMPTS: usize = 3;
/// How far the clock may lie behind the newest record of the log.
pub(super) const CLOCK_TOLERANCE_SECS: i64 = 5;
/// What a clock may gain or lose between two codes before learning stops believing it, per day.
pub(super) const DRIFT_SECS_PER_DAY: i64 = 2;

/// A token with its secret's record and its state, as one snapshot shows them.
#[derive(Clone, Debug)]
pub(super) struct Examined {
    pub(super) token: Token,
    pub(super) seed: SeedRow,
    pub(super) state: TokenState,
    /// What its clock was seen to show, of a clock token that was seen.
    pub(super) clock: Option<ClockHistory>,
    /// What was mailed last, of a mail token. Each mailing moves the floor, which tells that it is another one.
    pub(super) mailing: Option<TokenMailing>,
    /// The PIN that goes into its codes, sealed: as it is for mOTP, as the hash that a suite asks for.
    pub(super) pin_hash: Option<SealedSeed>,
    /// Where it stands: an assignment that comes or goes makes a comparison stale.
    pub(super) resources: Vec<ResourceId>,
    /// The resource that the request is about; without one the token's first.
    asked: Option<ResourceId>,
    /// Failures after which the token is blocked.
    pub(super) failure_limit: u32,
}

/// The PIN that goes into the codes of a token, as far as it is kept in a form that they take. A secret that was replaced
/// may have left one behind: as it was typed into an app it serves a keypad, too; a hash serves the same hash alone.
pub(super) fn kept_pin(
    view: &dyn View,
    token: TokenId,
    spec: &OtpSpec,
) -> Result<Option<SealedSeed>, ServiceError> {
    if !spec.takes_pin() {
        return Ok(None);
    }
    let kept = view.pin_hash(token)?;
    Ok(kept.filter(|sealed| match spec.suite().and_then(OcraSuite::pin_hash) {
        Some(alg) => PinHash::is_served_by(alg, sealed.secret_bytes()),
        // Apps had longer PINs once.
        None => !PinHash::may_be(sealed.secret_bytes()),
    }))
}

impl Examined {
    /// Reads a token for a request about this resource, whose limit and window hold then: they are those
    /// that a stranger meets there.
    pub(super) fn read(
        view: &dyn View,
        token: Token,
        asked: Option<ResourceId>,
    ) -> Result<Self, ServiceError> {
        let mut examined = Self::read_without_clock(view, token, asked)?;
        if examined.period().is_some() {
            examined.clock = view.clock_history(examined.seed.token, examined.seed.version)?;
        }
        Ok(examined)
    }

    fn read_without_clock(
        view: &dyn View,
        token: Token,
        asked: Option<ResourceId>,
    ) -> Result<Self, ServiceError> {
        let seed = view.seed(token.id)?.ok_or(ServiceError::NotFound { what: "token" })?;
        let mut state = view.state(&seed)?;
        if !state.used {
            // A secret that this store has held before takes its old floor, also one that rose, or was
            // buried, after the plan that brought this row was made.
            let old = super::token::old_floor(view, seed.fingerprint, &seed.spec)?;
            state.floor = old.map_or(state.floor, |old| old.max(state.floor));
        }
        let mailing = if seed.spec.is_mailed() { view.mailing(token.id)? } else { None };
        let pin_hash = kept_pin(view, token.id, &seed.spec)?;
        let resources = view.resources_of(&token)?;
        let mut failure_limit = Resource::DEFAULT_FAILURE_LIMIT;
        let asked = asked.or_else(|| resources.first().copied());
        if let Some(id) = asked
            && let Some(resource) = view.resource(id)?
        {
            failure_limit = resource.failure_limit;
        }
        Ok(Self { token, seed, state, clock: None, mailing, pin_hash, resources, asked, failure_limit })
    }

    /// A token that is not in the store yet, with its secret and the floor that this secret may have.
    pub(super) fn unborn(
        token: Token,
        seed: SeedRow,
        mailing: Option<TokenMailing>,
        failure_limit: u32,
    ) -> Self {
        let state = seed.initial;
        let (pin_hash, resources) = (None, Vec::new());
        Self { token, seed, state, clock: None, mailing, pin_hash, resources, asked: None, failure_limit }
    }

    /// The resource whose rules hold for this request.
    pub(super) fn resource(&self, view: &dyn View) -> Result<Option<Resource>, ServiceError> {
        Ok(self.asked.map(|id| view.resource(id)).transpose()?.flatten())
    }

    /// The same token now; `Stale` when something moved that a comparison rests on.
    pub(super) fn unmoved(&self, view: &dyn View) -> Result<Self, ServiceError> {
        let token = view.token(self.token.id)?.ok_or(ServiceError::Stale)?;
        let now = Self::read_without_clock(view, token, self.asked)?;
        let same = now.seed.version == self.seed.version
            && now.seed.spec == self.seed.spec
            && now.state.floor == self.state.floor
            && now.state.drift == self.state.drift
            && now.token.disabled == self.token.disabled
            && now.token.custody == self.token.custody
            && now.token.holder == self.token.holder
            && now.token.pin == self.token.pin
            && now.pin_hash == self.pin_hash
            && now.resources == self.resources;
        // What a clock was seen to show changes with the floor or the drift only, so it need not be read again.
        if same { Ok(Self { clock: self.clock.clone(), ..now }) } else { Err(ServiceError::Stale) }
    }

    /// Refuses a token that is disabled, lost, out of use for good, or out of its vendor's dates. One that
    /// came back is not refused here: operators try it and bring it back before it goes to stock.
    pub(super) fn require_usable(&self, now: UnixTime) -> Result<(), ServiceError> {
        match self.token.custody {
            Custody::Lost { .. } => {
                let detail = "the token is noted as lost; when it was found, note first that it is returned";
                return Err(ServiceError::state("out_of_custody", detail));
            }
            Custody::Retired { .. } => {
                let detail = "the token is retired: it is out of use for good";
                return Err(ServiceError::state("out_of_custody", detail));
            }
            _ => {}
        }
        if self.token.disabled.is_some() {
            return Err(ServiceError::state("token_disabled", "the token is disabled; enable it first"));
        }
        if self.token.valid_from.is_some_and(|from| now < from) {
            return Err(ServiceError::state("token_not_yet_valid", "the vendor's policy: not valid yet"));
        }
        Ok(())
    }

    /// Refuses a mail token, for what needs a display.
    pub(super) fn require_shown(&self) -> Result<(), ServiceError> {
        if !self.seed.spec.is_mailed() {
            return Ok(());
        }
        let detail = "codes of a mail token are mailed when it is asked for at sign-in: there is no display to check, confirm or synchronise";
        Err(ServiceError::state("codes_are_mailed", detail))
    }

    /// Refuses a token that shows codes by itself, for what is asked of keypads.
    pub(super) fn require_keypad(&self) -> Result<(), ServiceError> {
        if self.seed.spec.suite().is_some() {
            return Ok(());
        }
        let detail = "this token shows codes without a challenge: leave it out";
        Err(ServiceError::invalid("challenge", "challenge_not_expected", detail))
    }

    /// Refuses a token that answers challenges when there are none, or another number of them than of codes.
    pub(super) fn require_challenges(
        &self,
        field: &'static str,
        given: usize,
        codes: usize,
    ) -> Result<(), ServiceError> {
        match (self.seed.spec.suite(), given) {
            (None, 0) => Ok(()),
            (None, _) => {
                let detail = "this token shows codes without a challenge: leave it out";
                Err(ServiceError::invalid(field, "challenge_not_expected", detail))
            }
            (Some(_), 0) => {
                let detail =
                    "this token answers challenges: ask for one for each code, and give them with the codes";
                Err(ServiceError::state("challenge_needed", detail))
            }
            (Some(_), _) if given == codes => Ok(()),
            (Some(_), _) => {
                let detail =
                    format!("{given} challenges and {codes} codes were given: one for each is needed");
                Err(ServiceError::invalid(field, "challenges_count", detail))
            }
        }
    }

    pub(super) fn id(&self) -> TokenId {
        self.token.id
    }

    /// What its codes are made of, when its codes can be checked at all.
    pub(super) fn shape(&self) -> Result<CodeShape, ServiceError> {
        self.seed.spec.shape().ok_or_else(|| {
            let detail =
                "the responses of this token's suite (0 digits) are for machines: nobody can type them";
            ServiceError::state("kind_not_supported", detail)
        })
    }

    /// Digits of its codes, when they are made of digits and can be checked at all.
    pub(super) fn digits(&self) -> Result<Digits, ServiceError> {
        self.shape()?;
        self.seed.spec.digits().ok_or_else(Self::not_computed)
    }

    /// Refuses what cannot be a code of it, for operators: that is a slip, and no attempt.
    pub(super) fn require_shape(&self, otp: &Otp) -> Result<(), ServiceError> {
        let wrong = |code, detail: String| Err(ServiceError::invalid("otp", code, detail));
        match (self.shape()?, self.seed.spec.digits()) {
            (CodeShape::Modhex, _) if otp.yubico().is_none() => wrong(
                "otp_kind",
                "this key types its codes itself, 32 letters and more: put the cursor here and touch the key"
                    .to_owned(),
            ),
            (CodeShape::Hex, _) if otp.motp().is_none() => {
                wrong("otp_kind", "a code of this token has six characters, 0 to 9 and a to f".to_owned())
            }
            (CodeShape::Digits, Some(digits)) if otp.shape() != CodeShape::Digits => {
                wrong("otp_kind", format!("letters were typed, this token shows {} digits", digits.get()))
            }
            (CodeShape::Digits, Some(digits)) if otp.value(digits).is_none() && self.token.pin.is_none() => {
                let detail = format!("{} digits were typed, this token shows {}", otp.len(), digits.get());
                wrong("otp_length", detail)
            }
            _ => Ok(()),
        }
    }

    /// The step that the server's own clock shows for this token's step length; `None` for event tokens.
    pub(super) fn server_step(&self, now: UnixTime) -> Option<MovingFactor> {
        self.seed.spec.clock().and_then(|(period, epoch_secs)| time_step(now, epoch_secs, 0, period))
    }

    /// Where the next code is expected: the token's step now, or its next counter.
    pub(super) fn center(&self, now: UnixTime) -> MovingFactor {
        match self.seed.spec.clock() {
            Some((period, epoch_secs)) => {
                time_step(now, epoch_secs, self.drift_at(now), period).unwrap_or(MovingFactor(0))
            }
            None => self.state.floor,
        }
    }

    /// The offset of its clock that is expected at a moment: what was learned last, moved on by the rate.
    pub(super) fn drift_at(&self, now: UnixTime) -> i64 {
        super::drift::drift_at(&self.state, self.clock.as_ref(), now)
    }

    /// Length of a step; `None` for event tokens.
    pub(super) fn period(&self) -> Option<PeriodSecs> {
        self.seed.spec.clock().map(|(period, _)| period)
    }

    /// Distance of `factor` from what the server's clock says (clock tokens) or from the next counter
    /// (event tokens), in steps; and in seconds for clock tokens. Positive: the token is ahead.
    pub(super) fn offset(&self, factor: MovingFactor, now: UnixTime) -> (i64, Option<i64>) {
        if self.says_position() {
            // What lies between two codes of a key is how often it was used elsewhere.
            return (0, None);
        }
        let base = self.server_step(now).unwrap_or(self.state.floor);
        let steps = signed_distance(base, factor);
        (steps, self.period().map(|p| steps.saturating_mul(p.get())))
    }
}

/// `to` − `from`, cut off at the ends of `i64`.
pub(super) fn signed_distance(from: MovingFactor, to: MovingFactor) -> i64 {
    let wide = i128::from(to.0) - i128::from(from.0);
    i64::try_from(wide).unwrap_or(if wide < 0 { i64::MIN } else { i64::MAX })
}

/// The state after one more failure.
pub(super) fn failed(state: TokenState, now: UnixTime, limit: u32) -> TokenState {
    TokenState { budget: state.budget.failed(now, limit), ..state }
}

/// The state after `factor` was accepted: the floor moves past it, failures are forgotten.
pub(super) fn accepted(
    state: TokenState,
    factor: MovingFactor,
    now: UnixTime,
    drift: Option<Drift>,
) -> TokenState {
    accepted_to(state, factor.next(), now, drift)
}

/// The state after something was accepted that leaves this floor.
pub(super) fn accepted_to(
    state: TokenState,
    floor: MovingFactor,
    now: UnixTime,
    drift: Option<Drift>,
) -> TokenState {
    TokenState {
        floor: state.floor.max(floor),
        drift: drift.or(state.drift),
        used: true,
        last_used: Some(now),
        budget: Budget::CLEAR,
        wide_failures: 0,
        wide_operator: None,
    }
}

/// What one accepted code teaches about a clock. It is a lower bound only (the user may have typed
/// late), so the offset moves by no more than a clock can have moved since it was last seen, and by
/// at most one step.
pub(super) fn learned(
    state: &TokenState,
    center: MovingFactor,
    factor: MovingFactor,
    period: PeriodSecs,
    now: UnixTime,
) -> Option<Drift> {
    let steps = signed_distance(center, factor).signum();
    if steps == 0 {
        return None;
    }
    let most = most_learned(state, period, now);
    (most > 0).then(|| Drift { seconds: state.drift_secs().saturating_add(steps * most), learned_at: now })
}

/// By how many seconds one login may move what is known of a clock.
pub(super) fn most_learned(state: &TokenState, period: PeriodSecs, now: UnixTime) -> i64 {
    let seen = state.drift.map(|d| d.learned_at).max(state.last_used);
    seen.map_or(period.get(), |at| {
        let days = now.secs_since(at).max(0) / 86_400;
        days.saturating_mul(DRIFT_SECS_PER_DAY).min(period.get())
    })
}

/// The change that notes that a batch is in use, when it is the first: its import cannot be undone then.
pub(super) fn touch_batch(view: &dyn View, token: &Token) -> Result<Option<Change>, ServiceError> {
    let batch = view.batch(token.batch)?.filter(|batch| !batch.touched);
    Ok(batch.map(|batch| Change::PutBatch(Batch { touched: true, ..batch })))
}

/// Whether an attempt may be looked at, and until when not.
pub(super) fn blocked(budget: &Budget, now: UnixTime) -> Option<Option<UnixTime>> {
    match budget.state(now) {
        BudgetState::Open => None,
        BudgetState::Wait { until } => Some(Some(until)),
        BudgetState::Locked => Some(None),
    }
}

impl Service {
    /// Opens what was sealed.
    pub(super) fn opened(&self, sealed: &SealedSeed, context: SealContext) -> Result<Seed, ServiceError> {
        let wanted = sealed.data_key;
        let stored = if self.vault.knows_data_key(wanted) {
            None
        } else {
            self.store.read(|view| Ok::<_, ServiceError>(view.data_key(wanted)?))?
        };
        Ok(self.vault.open_seed(sealed, context, |_| stored)?)
    }

    /// Opens the secret of an examined token.
    pub(super) fn seed(&self, examined: &Examined) -> Result<Seed, ServiceError> {
        let context = SealContext::Seed(examined.seed.token, examined.seed.version);
        self.opened(&examined.seed.sealed, context)
    }

    /// Opens the secret of an examined token and keys the generator of its codes.
    pub(super) fn generator(&self, examined: &Examined) -> Result<Generator, ServiceError> {
        examined.require_challenges("challenges", 0, 1)?;
        let hash = examined.seed.spec.hash().ok_or_else(Examined::not_computed)?;
        Ok(Generator::new(&self.seed(examined)?, hash))
    }

    /// Runs `attempt` again while the record moves under it.
    pub(super) fn until_settled<T>(
        &self,
        mut attempt: impl FnMut() -> Result<T, ServiceError>,
    ) -> Result<T, ServiceError> {
        for _ in 1..ATTEMPTS {
            match attempt() {
                Err(ServiceError::Stale) => {}
                settled => return settled,
            }
        }
        attempt()
    }

    /// True when a test switched off the second reading of a check.
    pub(super) fn splits_check(&self) -> bool {
        #[cfg(feature = "test-switches")]
        return self.switches.split_check.load(std::sync::atomic::Ordering::SeqCst);
        #[cfg(not(feature = "test-switches"))]
        false
    }

    /// The present time, unless it contradicts the log by more than five seconds: then codes are not
    /// looked at, because a clock that was set back would reopen used ones.
    pub(super) fn trusted_now(&self, view: &dyn View) -> Result<UnixTime, ServiceError> {
        let now = self.clock.now();
        match crate::store::newest_audit_time(view)? {
            Some(newest) if newest > now.plus_secs(CLOCK_TOLERANCE_SECS) => {
                Err(ServiceError::ClockFault { now, newest })
            }
            _ => Ok(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn learning_follows_a_clock_no_faster_than_it_can_run() {
        let now = UnixTime::from_secs(1_800_000_000);
        let fresh = TokenState::fresh(MovingFactor(0));
        let learn = |state: &TokenState, step| {
            learned(state, MovingFactor(100), MovingFactor(step), PeriodSecs::DEFAULT, now).map(|d| d.seconds)
        };
        assert_eq!(learn(&fresh, 100), None);
        assert_eq!(learn(&fresh, 101), Some(30));
        assert_eq!(learn(&fresh, 99), Some(-30));
        let seen = TokenState { last_used: Some(now.plus_secs(-5 * 86_400)), ..fresh };
        assert_eq!(learn(&seen, 101), Some(10));
        let today = TokenState { last_used: Some(now.plus_secs(-60)), ..fresh };
        assert_eq!(learn(&today, 101), None);
    }

    #[test]
    fn short_steps_are_looked_at_for_as_long_as_people_take() {
        let steps = |secs| check_steps(PeriodSecs::new(secs).expect("a step"));
        assert_eq!([3_600, 60, 30, 29, 10, 5, 1].map(steps), [1, 1, 1, 2, 3, 6, 30]);
        let days = OcraSuite::parse("OCRA-1:HOTP-SHA1-6:QN08-T48H").expect("a suite").period();
        assert_eq!(days.map(check_steps), Some(1));
    }

    #[test]
    fn answers_of_few_digits_have_a_window_that_nobody_guesses_in() {
        let window = |digits, counters, steps| {
            answer_window(Digits::of_suite(digits).expect("4 to 10"), counters, steps)
        };
        assert_eq!([window(4, 10, 30), window(4, 10, 0), window(4, 1, 30)], [(2, 1), (2, 0), (1, 1)]);
        assert_eq!([window(5, 10, 1), window(5, 1, 30), window(5, 10, 0)], [(3, 1), (1, 4), (10, 0)]);
        assert_eq!([window(6, 10, 30), window(6, 10, 1), window(6, 1, 30)], [(10, 4), (10, 1), (1, 30)]);
        for digits in [7, 8, 9, 10] {
            assert_eq!(window(digits, 10, 30), (10, 30));
        }
        for digits in 4..=10 {
            for (counters, steps) in [(10, 30), (10, 6), (10, 1), (10, 0), (1, 30), (1, 6), (1, 1), (1, 0)] {
                let (counters, steps) = window(digits, counters, steps);
                let tried = counters * (2 * steps + 1);
                assert!(
                    tried <= 6 || tried * 10 * 1_000 <= 10u64.pow(u32::from(digits)),
                    "{digits}: {counters} {steps}"
                );
            }
        }
    }

    #[test]
    fn accepting_moves_the_floor_up_only() {
        let now = UnixTime::from_secs(1_800_000_000);
        let state = TokenState::fresh(MovingFactor(50));
        assert_eq!(accepted(state, MovingFactor(60), now, None).floor, MovingFactor(61));
        assert_eq!(accepted(state, MovingFactor(10), now, None).floor, MovingFactor(50));
    }
}
