//! The readings of codes that one token's secret gives.

use super::{Case, Cause, Finding, Parameters, Told};
use crate::model::TokenKind;
use crate::oath::{
    Apart, CodeSequence, Digits, Generator, HashAlg, MovingFactor, Otp, PeriodSecs, SequenceMatch, Window,
    time_step,
};
use crate::seedfile::other_readings;
use crate::service::code::REPLAY_COUNTERS;
use crate::service::search_gate::Admitted;
use crate::service::{Service, ServiceError};

/// Looked at to either side, in each reading of a clock: a month.
const MONTH_SECS: u64 = 30 * 86_400;
/// Counters looked at in each reading of a token that counts.
const COUNTERS: u64 = 100_000;
/// Codes that may have been left out between two that were typed.
const LEFT_OUT: u64 = 3;
/// 2000-01-01, from which some tokens count their steps.
const EPOCH_2000: i64 = 946_684_800;
/// Step lengths that tokens have, the usual ones first.
const PERIODS: [u64; 10] = [30, 60, 15, 20, 10, 45, 90, 120, 180, 300];
/// The usual ones, which are tried together with another hash.
const USUAL_PERIODS: usize = 2;
/// Digits of a PIN that somebody could have typed beside a code.
const PIN_DIGITS: std::ops::RangeInclusive<usize> = 4..=10;

/// Codes as they were typed, read as bare codes.
pub(super) struct Typed {
    pub(super) digits: Digits,
    /// Bare codes of so many digits; empty when something stood beside them.
    pub(super) codes: Vec<Otp>,
    /// What stood beside them, and the codes without it.
    beside: Vec<(Cause, Vec<Otp>)>,
}

impl Typed {
    /// `None`: no number of digits explains them.
    pub(super) fn of(case: &Case<'_>, stated: Digits) -> Option<Self> {
        let otps = case.otps;
        let (least, most) = (otps.iter().map(Otp::len).min()?, otps.iter().map(Otp::len).max()?);
        if least == most && (6..=8).contains(&most) {
            let digits = Digits::new(u32::try_from(most).ok()?).ok()?;
            let codes = otps.iter().map(|otp| copied(otp, digits)).collect::<Option<Vec<_>>>()?;
            return Some(Self { digits, codes, beside: Vec::new() });
        }
        // Some with, some without, or all with the same beside them.
        let bare = usize::from(stated.get());
        let pin = most.checked_sub(bare).filter(|pin| PIN_DIGITS.contains(pin))?;
        if otps.iter().any(|otp| otp.len() != bare && otp.len() != most) {
            return None;
        }
        let mut beside = Vec::with_capacity(2);
        for before in [true, false] {
            if let Some(codes) = without(otps, bare, pin, before, stated) {
                beside.push((Cause::Pin { digits: pin, before }, codes));
            }
        }
        (!beside.is_empty()).then_some(Self { digits: stated, codes: Vec::new(), beside })
    }
}

/// True when something of the length of a PIN was typed beside each code, as far as lengths and digits tell.
pub(super) fn looks_like_pin(case: &Case<'_>, stated: Digits) -> bool {
    Typed::of(case, stated).is_some_and(|typed| !typed.beside.is_empty())
}

fn copied(otp: &Otp, digits: Digits) -> Option<Otp> {
    Some(Otp::from_value(otp.value(digits)?, digits))
}

/// The codes without what stands before or behind them, which must be the same beside each.
fn without(otps: &[Otp], bare: usize, pin: usize, before: bool, stated: Digits) -> Option<Vec<Otp>> {
    use subtle::ConstantTimeEq;
    let mut first: Option<Otp> = None;
    let mut codes = Vec::with_capacity(otps.len());
    for otp in otps {
        if otp.len() == bare {
            codes.push(copied(otp, stated)?);
            continue;
        }
        let (code, typed) =
            if before { otp.split_at(pin).map(|(pin, code)| (code, pin))? } else { otp.split_at(bare)? };
        if first.as_ref().is_some_and(|first| !bool::from(first.ct_eq(&typed))) {
            return None;
        }
        first = Some(typed);
        codes.push(code);
    }
    Some(codes)
}

/// Where the codes of a reading may lie.
#[derive(Clone, Copy)]
enum Place {
    /// Round the present step of such a clock.
    Clock { period: PeriodSecs, epoch_secs: i64 },
    /// From the next counter on.
    Ahead,
    /// Among these counters, the nearest to the first of them first.
    From(MovingFactor, MovingFactor),
    /// Among these counters, the nearest to the last of them first.
    UpTo(MovingFactor, MovingFactor),
}

/// One way to read the codes.
pub(super) struct Reading {
    cause: Cause,
    generator: Generator,
    codes: CodeSequence,
    place: Place,
}

impl Reading {
    /// Start positions that it would look at, each as often as the codes can lie from there.
    pub(super) fn wish(&self) -> u64 {
        let positions = match self.place {
            Place::Clock { period, .. } => 2 * MONTH_SECS / period.get().unsigned_abs() + 1,
            Place::Ahead => COUNTERS,
            Place::From(first, last) | Place::UpTo(first, last) => (last.0 - first.0).saturating_add(1),
        };
        positions.saturating_mul(self.ways())
    }

    fn ways(&self) -> u64 {
        u64::try_from(self.codes.ways()).unwrap_or(u64::MAX).max(1)
    }

    /// The part of its window that so many positions allow; `None`: none.
    fn window(&self, case: &Case<'_>, part: u64) -> Option<Window> {
        let positions = (part / self.ways()).checked_sub(1)?;
        let (examined, now) = (case.examined, case.now);
        Some(match self.place {
            Place::Clock { period, epoch_secs } => {
                let center = time_step(now, epoch_secs, examined.drift_at(now), period)?;
                let first = MovingFactor(center.0.saturating_sub(self.codes.len() as u64 - 1));
                Window::around(first, positions / 2, positions / 2)
            }
            Place::Ahead => Window::around(
                examined.state.floor,
                REPLAY_COUNTERS,
                positions.saturating_sub(REPLAY_COUNTERS),
            ),
            Place::From(first, last) => {
                Window::new(first, last.min(MovingFactor(first.0.saturating_add(positions))))?
            }
            Place::UpTo(first, last) => {
                Window::new(first.max(MovingFactor(last.0.saturating_sub(positions))), last)?
            }
        })
    }

    /// Looks at so many positions.
    pub(super) fn search(&self, case: &Case<'_>, part: u64, admitted: &Admitted<'_>, told: &mut Told) {
        let Some(window) = self.window(case, part) else { return };
        let starts = admitted.find(&self.generator, &self.codes, window);
        told.evaluated = told.evaluated.saturating_add(self.codes.evaluated(window));
        if let SequenceMatch::One { start, last } = starts.conclude(MovingFactor(0)) {
            if self.cause == Cause::LeftOut && last.0 - start.0 < self.codes.len() as u64 {
                // None was: they follow each other, which is another reading.
                return;
            }
            let (seconds, counter) = match self.place {
                Place::Clock { period, epoch_secs } => (Some(case.seconds(last, period, epoch_secs)), None),
                _ => (None, Some(start.0)),
            };
            told.findings.push(Finding { cause: self.cause.clone(), seconds, counter });
        }
    }
}

/// The orders in which so many codes may have been shown: all but the one in which they were typed; of more than
/// three only the reverse.
pub(super) fn orders(codes: usize) -> Vec<Vec<usize>> {
    match codes {
        3 => vec![vec![2, 1, 0], vec![1, 0, 2], vec![0, 2, 1], vec![1, 2, 0], vec![2, 0, 1]],
        codes => vec![(0..codes).rev().collect()],
    }
}

/// What differs from what is stated, with another hash or step or both, the usual mistakes first.
fn other_parameters(stated: Parameters, digits: Digits) -> Vec<Parameters> {
    let with = Parameters { digits, ..stated };
    let clock = |hash, secs, epoch_secs| {
        let period = PeriodSecs::new(secs).ok();
        Parameters { kind: TokenKind::Totp, hash, digits, period, epoch_secs }
    };
    let counting = |hash| Parameters { kind: TokenKind::Hotp, hash, digits, period: None, epoch_secs: 0 };
    let stated_secs = stated.period.map_or(PERIODS[0], |period| period.get().unsigned_abs());
    let hashes = [HashAlg::Sha1, HashAlg::Sha256, HashAlg::Sha512];
    let mut found = vec![with];
    if stated.kind == TokenKind::Totp {
        let others = PERIODS.into_iter().map(|secs| clock(stated.hash, secs, stated.epoch_secs));
        found.extend(others);
        found.extend(hashes.map(|hash| Parameters { hash, ..with }));
        found.extend(hashes.map(counting));
    } else {
        found.extend(hashes.map(|hash| Parameters { hash, ..with }));
    }
    for hash in hashes {
        found.extend(PERIODS[..USUAL_PERIODS].iter().map(|secs| clock(hash, *secs, 0)));
    }
    found.push(clock(stated.hash, stated_secs, EPOCH_2000));
    let mut once: Vec<Parameters> = Vec::with_capacity(found.len());
    for parameters in found {
        if parameters != stated && !once.contains(&parameters) {
            once.push(parameters);
        }
    }
    once
}

fn place_of(parameters: &Parameters, stated: &Parameters) -> Place {
    match parameters.period {
        Some(period) => Place::Clock { period, epoch_secs: parameters.epoch_secs },
        None if stated.kind == TokenKind::Hotp => Place::Ahead,
        None => Place::From(MovingFactor(0), MovingFactor(COUNTERS)),
    }
}

impl Service {
    /// All readings of what was typed, the likeliest first.
    pub(super) fn readings(
        &self,
        case: &Case<'_>,
        stated: Parameters,
        typed: &Typed,
    ) -> Result<Vec<Reading>, ServiceError> {
        let seed = self.seed(case.examined)?;
        let plain = place_of(&stated, &stated);
        let mut readings = Vec::new();
        let mut read = |cause, generator, codes: Option<CodeSequence>, place| {
            if let Some(codes) = codes {
                readings.push(Reading { cause, generator, codes, place });
            }
        };
        let keyed = || Generator::new(&seed, stated.hash);
        for (cause, codes) in &typed.beside {
            read(cause.clone(), keyed(), CodeSequence::new(typed.digits, codes).ok(), plain);
        }
        let codes = || CodeSequence::new(typed.digits, &typed.codes).ok();
        if typed.codes.is_empty() {
            return Ok(readings);
        }
        if typed.digits == stated.digits {
            read(Cause::Drift, keyed(), codes(), plain);
            for order in orders(typed.codes.len()) {
                let turned: Option<Vec<_>> =
                    order.iter().map(|at| copied(&typed.codes[*at], typed.digits)).collect();
                let turned = turned.and_then(|codes| CodeSequence::new(typed.digits, &codes).ok());
                read(Cause::Order, keyed(), turned, plain);
            }
            let apart = vec![Apart::left_out(LEFT_OUT); typed.codes.len() - 1];
            read(Cause::LeftOut, keyed(), codes().map(|codes| codes.spread(&apart)), plain);
            for place in behind(case, &stated) {
                let cause = Cause::CounterBehind { expected: case.examined.state.floor.0 };
                read(cause, keyed(), codes(), place);
            }
        }
        for shown in other_parameters(stated, typed.digits) {
            let generator = Generator::new(&seed, shown.hash);
            read(Cause::Parameters { stated, shown }, generator, codes(), place_of(&shown, &stated));
        }
        if typed.digits == stated.digits {
            for (reading, secret) in other_readings(&seed) {
                read(Cause::Secret(reading), Generator::new(&secret, stated.hash), codes(), plain);
            }
        }
        Ok(readings)
    }
}

/// The counters behind those that every search looks at, of an event token: from the first on, for a token that
/// began anew, and up to the used ones, for codes that were noted long ago.
fn behind(case: &Case<'_>, stated: &Parameters) -> Vec<Place> {
    let floor = case.examined.state.floor.0;
    let Some(last) = floor.checked_sub(REPLAY_COUNTERS + 1).filter(|_| stated.kind == TokenKind::Hotp) else {
        return Vec::new();
    };
    let middle = last / 2;
    let mut places = vec![Place::From(MovingFactor(0), MovingFactor(middle.min(COUNTERS)))];
    if middle < last {
        let first = (middle + 1).max(last.saturating_sub(COUNTERS));
        places.push(Place::UpTo(MovingFactor(first), MovingFactor(last)));
    }
    places
}
