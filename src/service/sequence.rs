//! The search for consecutive codes, or for the responses of a token with a keypad, outside the store.

use std::sync::atomic::AtomicBool;

use crate::clock::UnixTime;
use crate::model::OtpSpec;
use crate::oath::{
    Apart, CodeSequence, CodeSpace, Generator, MovingFactor, OcraPosition, Otp, ResponseMatch,
    ResponseSearch, SequenceMatch, Window, find_responses, response_tries, widest_window,
};

use super::challenge::Answered;
use super::code::{Examined, REPLAY_COUNTERS};
use super::resync::WindowSteps;
use super::search_gate::Turn;
use super::{Service, ServiceError};

/// Counters that are tried at each step of a token that has a counter and a clock: what is tried is the product.
const COUNTERS_BESIDE: u64 = 100;

/// Where a token was when it gave a sequence.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// So many codes, from the first to the last of them.
    Codes { start: MovingFactor, last: MovingFactor, codes: usize },
    /// Responses of a token with a keypad: the first and the last of them.
    Responses { first: OcraPosition, last: OcraPosition },
}

impl Place {
    /// Codes that were shown one after another. Where some were left out, or where an answer may be typed long after
    /// it was computed, they tell no more of a clock than a single code.
    pub(super) const fn codes(self) -> usize {
        match self {
            Self::Codes { start, last, codes } if last.0 - start.0 < codes as u64 => codes,
            Self::Codes { .. } | Self::Responses { .. } => 1,
        }
    }
}

/// Where a sequence was found.
#[derive(Clone, Copy, Debug)]
pub(super) enum SequenceFound {
    Nowhere,
    One(Place),
    BehindFloor(Place),
    Several,
}

impl SequenceFound {
    fn of_codes(found: SequenceMatch, codes: usize) -> Self {
        match found {
            SequenceMatch::None => Self::Nowhere,
            SequenceMatch::One { start, last } => Self::One(Place::Codes { start, last, codes }),
            SequenceMatch::BehindFloor { start, last } => {
                Self::BehindFloor(Place::Codes { start, last, codes })
            }
            SequenceMatch::Several => Self::Several,
        }
    }

    const fn of_responses(found: ResponseMatch) -> Self {
        match found {
            ResponseMatch::None => Self::Nowhere,
            ResponseMatch::One { first, last } => Self::One(Place::Responses { first, last }),
            ResponseMatch::BehindFloor { first, last } => Self::BehindFloor(Place::Responses { first, last }),
            ResponseMatch::Several => Self::Several,
        }
    }
}

/// What a search outside the store found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Searched {
    pub(super) found: SequenceFound,
    pub(super) codes: usize,
    pub(super) evaluated: u64,
    pub(super) elapsed_us: u64,
}

impl Searched {
    /// Of answers that cannot be this token's, and of codes that were not looked at.
    pub(super) const NOTHING: Self =
        Self { found: SequenceFound::Nowhere, codes: 0, evaluated: 0, elapsed_us: 0 };
}

/// What is known of codes that may lie between those that were typed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Between<'a> {
    /// None does: each is the next.
    #[default]
    Nothing,
    /// Up to so many do, from each code to the next.
    LeftOut(u64),
    /// From each code to the next so many seconds passed; of clock tokens.
    Seconds(&'a [u64]),
}

impl Between<'_> {
    /// Most codes left out that anybody can ask for.
    const MOST_LEFT_OUT: u64 = 10;

    /// How far apart so many codes of a token can lie.
    pub(super) fn apart(self, examined: &Examined, codes: usize) -> Result<Vec<Apart>, ServiceError> {
        let pairs = codes.saturating_sub(1);
        let shows_codes = matches!(examined.seed.spec, OtpSpec::Hotp { .. } | OtpSpec::Totp { .. });
        match self {
            Self::Nothing => Ok(vec![Apart::NEXT; pairs]),
            Self::LeftOut(_) if !shows_codes => {
                let detail =
                    "codes can be left out between those of event and clock tokens (HOTP, TOTP) only";
                Err(ServiceError::invalid("left_out", "left_out_of_kind", detail))
            }
            Self::LeftOut(most) if most > Self::MOST_LEFT_OUT => {
                let detail = format!("{most} codes left out are too many, at most {}", Self::MOST_LEFT_OUT);
                Err(ServiceError::invalid("left_out", "left_out_too_many", detail))
            }
            Self::LeftOut(most) => Ok(vec![Apart::left_out(most); pairs]),
            Self::Seconds(seconds) => {
                let Some(period) = examined.period().filter(|_| shows_codes) else {
                    let detail = "only tokens that show codes by a clock tell anything by the time between";
                    return Err(ServiceError::invalid("seconds_between", "seconds_without_clock", detail));
                };
                if seconds.len() != pairs {
                    let detail =
                        format!("{codes} codes have {pairs} times between them, not {}", seconds.len());
                    return Err(ServiceError::invalid("seconds_between", "seconds_count", detail));
                }
                let period = period.get().unsigned_abs();
                seconds.iter().map(|passed| passed_steps(*passed, period)).collect()
            }
        }
    }
}

/// The steps between two codes that were typed so many seconds after each other: the time that passed, give or take
/// a step. Somebody who reads them off a note types them faster than they came, so the next code is always among
/// them.
fn passed_steps(seconds: u64, period_secs: u64) -> Result<Apart, ServiceError> {
    let steps = seconds.saturating_add(period_secs / 2) / period_secs;
    if steps > Between::MOST_LEFT_OUT {
        let detail = "so much time passed between two codes: type new ones, one right after the other";
        return Err(ServiceError::invalid("seconds_between", "seconds_too_many", detail));
    }
    Ok(if steps < 2 { Apart::NEXT } else { Apart { least: 1, most: steps + 1 } })
}

/// The widest window, in start positions, that so many codes of a token carry, which can lie in so many `ways`.
pub(super) fn carried(examined: &Examined, space: CodeSpace, codes: usize, ways: u128) -> u64 {
    let beside = u128::from(counters_beside(&examined.seed.spec));
    let each = beside.saturating_mul(response_tries(1, examined.response_gap(), codes)).saturating_mul(ways);
    let positions = u128::from(widest_window(space, codes)) / each;
    u64::try_from(positions).unwrap_or(u64::MAX)
}

/// Counters that are tried at each step of a token that has both; 1 for all others.
pub(super) const fn counters_beside(spec: &OtpSpec) -> u64 {
    if spec.has_counter() && spec.clock().is_some() { COUNTERS_BESIDE } else { 1 }
}

/// Distance in time of the two windows' limits is judged in start positions round the place where the
/// first of `codes` codes is expected.
pub(super) fn start_window(examined: &Examined, window: WindowSteps, codes: usize, now: UnixTime) -> Window {
    let center = examined.center(now);
    match examined.period() {
        Some(_) => {
            let first = MovingFactor(center.0.saturating_sub(codes as u64 - 1));
            Window::around(first, window.past, window.future)
        }
        None => Window::around(center, REPLAY_COUNTERS, window.future),
    }
}

impl Service {
    /// Searches for a sequence of codes of one token.
    pub(super) fn search_codes(
        &self,
        examined: &Examined,
        otps: &[Otp],
        apart: &[Apart],
        answered: Option<&Answered>,
        window: WindowSteps,
        now: UnixTime,
    ) -> Result<Searched, ServiceError> {
        if examined.seed.spec.suite().is_some() {
            return self.search_answers(examined, answered, otps, window, now);
        }
        match examined.seed.spec {
            OtpSpec::YubicoOtp { .. } => return self.search_typed_by_key(examined, otps),
            OtpSpec::Motp => return self.search_motp(examined, otps, window, now),
            _ => {}
        }
        self.search_by(&self.generator(examined)?, examined, otps, apart, window, now)
    }

    /// The same with a generator that is keyed already.
    pub(super) fn search_by(
        &self,
        generator: &Generator,
        examined: &Examined,
        otps: &[Otp],
        apart: &[Apart],
        window: WindowSteps,
        now: UnixTime,
    ) -> Result<Searched, ServiceError> {
        let digits = examined.digits()?;
        let codes = CodeSequence::new(digits, otps)?.spread(apart);
        let starts = start_window(examined, window, otps.len(), now);
        let began = self.clock.monotonic();
        let evaluated = codes.evaluated(starts);
        let turn = Some(Turn::Token(examined.id()));
        let admitted = self.searches.admit(self.clock.as_ref(), turn, u128::from(evaluated))?;
        let found = admitted.find(generator, &codes, starts).conclude(examined.state.floor);
        let elapsed = self.clock.monotonic().saturating_sub(began);
        Ok(Searched {
            found: SequenceFound::of_codes(found, otps.len()),
            codes: otps.len(),
            evaluated,
            elapsed_us: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        })
    }

    /// Searches for the responses of a token with a keypad. Without challenges nothing fits.
    fn search_answers(
        &self,
        examined: &Examined,
        answered: Option<&Answered>,
        otps: &[Otp],
        window: WindowSteps,
        now: UnixTime,
    ) -> Result<Searched, ServiceError> {
        let spec = &examined.seed.spec;
        let (has_counter, has_time) = spec
            .suite()
            .map_or((false, false), |suite| (suite.has_counter(), suite.time_step_secs().is_some()));
        let counters = if spec.clock().is_some() { counters_beside(spec) - 1 } else { window.future };
        let window = examined.response_window(counters, window.past, window.future, now);
        let began = self.clock.monotonic();
        let searched = match answered {
            Some(answered) => {
                let work = window.positions(has_counter, has_time).saturating_mul(otps.len() as u128);
                let turn = Some(Turn::Token(examined.id()));
                let admitted = self.searches.admit(self.clock.as_ref(), turn, work)?;
                let Some(asked) = self.responders(examined, answered)? else {
                    return Ok(Searched { codes: otps.len(), ..Searched::NOTHING });
                };
                let floor = examined.sequence_floor(now);
                let piece = |piece| admitted.slice(|| find_responses(&asked, otps, &piece, floor).ok());
                let both = |one: Option<ResponseSearch>, other| match (one, other) {
                    (Some(one), Some(other)) => Some(one.and(other)),
                    (one, other) => one.or(other),
                };
                let never = AtomicBool::new(false);
                admitted.parts(window.pieces(has_counter, has_time), &never, piece, both).flatten()
            }
            None => None,
        };
        let elapsed = self.clock.monotonic().saturating_sub(began);
        let found = searched.map_or(ResponseMatch::None, |searched| searched.found);
        Ok(Searched {
            found: SequenceFound::of_responses(found),
            codes: otps.len(),
            evaluated: searched.map_or(0, |searched| searched.evaluated),
            elapsed_us: u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX),
        })
    }
}
