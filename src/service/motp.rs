//! mOTP: codes of an app into which a PIN is typed, six hexadecimal digits over time, secret and PIN.
//!
//! The PIN goes into the code: it is kept sealed beside the secret, and nothing is typed beside such a code. A step
//! lasts ten seconds, too short for people, so a check looks at three minutes to either side, as all products do.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::UnixTime;
use crate::model::{Actor, OtpSpec};
use crate::oath::{
    CodeSequence, CodeSpace, MotpCode, MotpGenerator, MotpMatch, MotpStarts, MovingFactor, Otp,
    SequenceError, WindowMatch,
};
use crate::secret::{Pin, Seed};
use crate::store::{Page, TokenFilter};
use crate::vault::SealContext;

use super::check::{Comparison, HINT_SECS};
use super::code::{Examined, check_steps};
use super::identify::{Place as Looked, Width};
use super::resync::WindowSteps;
use super::scope::seen_tokens;
use super::search_gate::Turn;
use super::sequence::{Place, Searched, SequenceFound, start_window};
use super::{Service, ServiceError};

/// Steps to either side that an ordinary check looks at: three minutes.
const STEPS: u64 = 18;
/// Steps that may pass between two codes of a sequence: the PIN is typed anew for each, which takes two minutes at most.
pub(super) const GAP: u64 = 12;
/// Tokens that are read at once in a search for an app.
const PAGE: usize = 1_000;
/// Steps that are searched in one go: some milliseconds of a core.
const SLICE: u64 = 1 << 14;
/// What one code costs in nanoseconds of a core; beside it stand those of `dummy`.
pub(super) const NANOS: u64 = 155;

/// The work of a check where there is no such token.
pub(super) fn look_for_nothing(code: &MotpCode) {
    let app = MotpGenerator::new(&Seed::new(vec![b'5'; 16]), &Pin::new(vec![b'5'; 4]));
    std::hint::black_box(app.find_in_window(code, MovingFactor(180_000_000), STEPS, STEPS, MovingFactor(0)));
}

impl Examined {
    fn is_motp(&self) -> bool {
        matches!(self.seed.spec, OtpSpec::Motp)
    }

    /// Steps to either side that an ordinary check of a clock token looks at; without a clock none.
    pub(super) fn check_steps(&self) -> u64 {
        if self.is_motp() { STEPS } else { self.period().map_or(0, check_steps) }
    }

    /// Refuses a token whose PIN goes into its codes by itself and is not known here. One with a keypad is asked
    /// nothing then, which is refused where it is asked.
    pub(super) fn require_pin(&self) -> Result<(), ServiceError> {
        if self.is_motp() { self.require_inputs() } else { Ok(()) }
    }

    /// Refuses codes that cannot be a sequence of this token's; gives how many different ones it can show.
    pub(super) fn require_sequence(&self, otps: &[Otp]) -> Result<CodeSpace, ServiceError> {
        if !self.is_motp() {
            let digits = self.digits()?;
            CodeSequence::new(digits, otps)?;
            return Ok(digits.into());
        }
        if !(CodeSequence::MIN_LEN..=CodeSequence::MAX_LEN).contains(&otps.len()) {
            return Err(SequenceError::Count(otps.len()).into());
        }
        for otp in otps {
            self.require_shape(otp)?;
        }
        Ok(CodeSpace::MOTP)
    }
}

impl Service {
    /// Opens secret and PIN of an examined token.
    fn motp(&self, examined: &Examined) -> Result<MotpGenerator, ServiceError> {
        examined.require_inputs()?;
        let sealed = examined.pin_hash.as_ref().ok_or(ServiceError::Stale)?;
        let pin = self.opened(sealed, SealContext::PinHash(examined.id()))?;
        Ok(MotpGenerator::from_kept(&self.seed(examined)?, &pin))
    }

    /// Compares one code with the ordinary window; with `hint` one that does not fit is looked for within a day.
    pub(super) fn compare_motp(
        &self,
        examined: &Examined,
        otp: &Otp,
        now: UnixTime,
        hint: bool,
    ) -> Result<Comparison, ServiceError> {
        let app = self.motp(examined)?;
        let Some(code) = otp.motp() else {
            self.dummy_check(otp)?;
            return Ok(Comparison::Wrong);
        };
        let center = examined.center(now);
        let search = |steps, floor| app.find_in_window(&code, center, steps, steps, floor);
        Ok(match search(STEPS, examined.state.floor) {
            WindowMatch::Accepted(factor) => {
                let mut last = factor;
                while let WindowMatch::Accepted(again) = search(STEPS, last.next()) {
                    last = again;
                }
                Comparison::Fits { factor, last }
            }
            WindowMatch::Used(_) => Comparison::Used,
            WindowMatch::None if hint => {
                let steps = HINT_SECS / MotpGenerator::PERIOD.get().unsigned_abs();
                match search(steps, examined.state.floor) {
                    WindowMatch::Accepted(factor) => Comparison::Outside(factor),
                    WindowMatch::Used(_) => Comparison::Used,
                    WindowMatch::None => Comparison::Wrong,
                }
            }
            WindowMatch::None => Comparison::Wrong,
        })
    }

    /// The tokens among those of a place whose app shows these codes, with the step of the last; also how many codes
    /// were computed. One whose PIN is not known here cannot be found.
    pub(super) fn apps_that_show(
        &self,
        actor: &Actor,
        place: &Looked,
        otps: &[Otp],
        width: Width,
        stop: &AtomicBool,
    ) -> Result<(Vec<(Examined, MovingFactor)>, u64), ServiceError> {
        let filter = TokenFilter { batch: place.batch, resource: place.resource, ..TokenFilter::ALL };
        let (mut found, mut computed, mut after) = (Vec::new(), 0u64, None);
        loop {
            let page = Page { after, limit: PAGE };
            let (apps, next) = self.store.read(|view| {
                let slice = seen_tokens(view, actor, filter.clone(), page)?;
                let mut apps = Vec::new();
                for token in slice.items {
                    if view.seed(token.id)?.is_some_and(|seed| seed.spec == OtpSpec::Motp) {
                        apps.push(Examined::read(view, token, None)?);
                    }
                }
                Ok::<_, ServiceError>((apps, slice.next))
            })?;
            for examined in apps.into_iter().filter(|examined| examined.pin_hash.is_some()) {
                if stop.load(Ordering::Relaxed) {
                    return Err(ServiceError::state("stopped", "the search was stopped before its end"));
                }
                let searched = self.search_motp(&examined, otps, width.of(&examined), place.now)?;
                computed = computed.saturating_add(searched.evaluated);
                if let SequenceFound::One(Place::Codes { last, .. })
                | SequenceFound::BehindFloor(Place::Codes { last, .. }) = searched.found
                {
                    found.push((examined, last));
                }
            }
            after = next;
            if after.is_none() {
                return Ok((found, computed));
            }
        }
    }

    /// Searches for codes in order, with time between them.
    pub(super) fn search_motp(
        &self,
        examined: &Examined,
        otps: &[Otp],
        window: WindowSteps,
        now: UnixTime,
    ) -> Result<Searched, ServiceError> {
        let app = self.motp(examined)?;
        let codes: Option<Vec<MotpCode>> = otps.iter().map(Otp::motp).collect();
        let codes = codes.unwrap_or_default();
        let (starts, gap) = (start_window(examined, window, otps.len(), now), examined.response_gap());
        let between = gap.saturating_mul(codes.len().saturating_sub(1) as u64);
        let evaluated = window.positions().saturating_add(between);
        let began = self.clock.monotonic();
        let admitted = self.searches.admit(
            self.clock.as_ref(),
            Some(Turn::Token(examined.id())),
            u128::from(evaluated),
        )?;
        let piece = |piece| admitted.slice(|| app.find_starts(&codes, piece, gap));
        let never = AtomicBool::new(false);
        let found = admitted.parts(starts.pieces(SLICE), &never, piece, MotpStarts::and).unwrap_or_default();
        let elapsed = self.clock.monotonic().saturating_sub(began);
        let found = match found.conclude(examined.state.floor) {
            MotpMatch::None => SequenceFound::Nowhere,
            MotpMatch::One { first, last } => {
                SequenceFound::One(Place::Codes { start: first, last, codes: 1 })
            }
            MotpMatch::BehindFloor { first, last } => {
                SequenceFound::BehindFloor(Place::Codes { start: first, last, codes: 1 })
            }
            MotpMatch::Several => SequenceFound::Several,
        };
        let elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        Ok(Searched { found, codes: otps.len(), evaluated, elapsed_us })
    }
}
