//! mOTP: codes of an app into which a PIN is typed, six hexadecimal digits over time, secret and PIN.
//!
//! The PIN goes into the code: it is kept sealed beside the secret, and nothing is typed beside such a code. A step
//! lasts ten seconds, too short for people, so a check looks at three minutes to either side, as all products do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::UnixTime;
use crate::model::{Actor, OtpSpec};
use crate::oath::{
    CodeSequence, CodeSpace, HashAlg, MotpCode, MotpGenerator, MotpMatch, MotpStarts, MovingFactor, Otp,
    SequenceError, Window, WindowMatch,
};
use crate::secret::{Pin, Seed};
use crate::store::{Page, TokenFilter};
use crate::vault::SealContext;

use super::check::{Comparison, HINT_SECS};
use super::code::{Examined, check_steps};
use super::dummy::code_cost;
use super::identify::{Place as Looked, Told, Width, stopped};
use super::resync::WindowSteps;
use super::scope::seen_tokens;
use super::search_gate::{Admitted, Turn};
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

/// What so many codes weigh beside those of other tokens, in HMACs of SHA-1, which gate and limits count: an MD5 is
/// computed without lanes and costs several of them.
pub(super) fn weight(codes: u128) -> u128 {
    codes.saturating_mul(NANOS.into()) / u128::from(code_cost(HashAlg::Sha1))
}

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

    /// The tokens among those of a place whose app shows these codes, with the step of the last, all under one
    /// admission, until told to `stop`. One whose PIN is not known here cannot be found.
    pub(super) fn apps_that_show(
        &self,
        actor: &Actor,
        place: &Looked,
        otps: &[Otp],
        width: Width,
        admitted: &Admitted<'_>,
        stop: &AtomicBool,
    ) -> Result<Told, ServiceError> {
        let Some(codes) = otps.iter().map(Otp::motp).collect::<Option<Vec<MotpCode>>>() else {
            return Ok(Told::default());
        };
        let filter = place.filter();
        let (read, page) = (Vec::new().into_iter(), Page::first(PAGE));
        let apps = Apps { service: self, actor, filter, page, read, is_done: false, stop };
        let fault = Mutex::new(None);
        let apps = apps.map_while(|app| match app {
            Ok(app) => Some(app),
            Err(error) => {
                *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                None
            }
        });
        let pieces = apps.flat_map(|app| {
            let starts = start_window(&app.examined, width.of(&app.examined), codes.len(), place.now);
            let app = Arc::new(app);
            starts.pieces(SLICE).map(move |piece| (Arc::clone(&app), piece))
        });
        let work = |(app, piece): (Arc<App>, Window)| {
            let starts = admitted.slice(|| app.generator.find_starts(&codes, piece, GAP));
            let fits = starts != MotpStarts::default();
            Shown {
                starts: if fits { vec![(app, starts)] } else { Vec::new() },
                evaluated: u64::try_from(piece.positions()).unwrap_or(u64::MAX),
            }
        };
        let shown = admitted.parts(pieces, stop, work, Shown::and);
        if let Some(error) = fault.into_inner().unwrap_or_else(PoisonError::into_inner) {
            return Err(error);
        }
        let shown = shown.ok_or_else(stopped)?;
        Ok(Told { evaluated: shown.evaluated, matches: shown.conclude() })
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
        // In codes, as for all kinds of token: those of the portal are small and let in, whatever the kind.
        let turn = Some(Turn::Token(examined.id()));
        let admitted = self.searches.admit(self.clock.as_ref(), turn, u128::from(evaluated))?;
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

/// An app that is tried.
struct App {
    examined: Examined,
    generator: MotpGenerator,
}

/// Reads the apps of a place page by page and opens each when its turn comes, until told to stop.
struct Apps<'a> {
    service: &'a Service,
    actor: &'a Actor,
    filter: TokenFilter,
    page: Page,
    read: std::vec::IntoIter<Examined>,
    is_done: bool,
    stop: &'a AtomicBool,
}

impl Iterator for Apps<'_> {
    type Item = Result<App, ServiceError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // Most pages of a large store may hold no app at all.
            if self.stop.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(examined) = self.read.next() {
                let generator = self.service.motp(&examined);
                return Some(generator.map(|generator| App { examined, generator }));
            }
            if self.is_done {
                return None;
            }
            if let Err(error) = self.read_page() {
                return Some(Err(error));
            }
        }
    }
}

impl Apps<'_> {
    fn read_page(&mut self) -> Result<(), ServiceError> {
        let (apps, next) = self.service.store.read(|view| {
            let slice = seen_tokens(view, self.actor, self.filter.clone(), self.page)?;
            let mut apps = Vec::new();
            for token in slice.items {
                if view.seed(token.id)?.is_some_and(|seed| seed.spec == OtpSpec::Motp) {
                    apps.push(Examined::read(view, token, None)?);
                }
            }
            apps.retain(|examined| examined.pin_hash.is_some());
            Ok::<_, ServiceError>((apps, slice.next))
        })?;
        self.read = apps.into_iter();
        self.page.after = next;
        self.is_done = next.is_none();
        Ok(())
    }
}

/// Where apps showed the codes, piece by piece.
#[derive(Default)]
struct Shown {
    starts: Vec<(Arc<App>, MotpStarts)>,
    evaluated: u64,
}

impl Shown {
    fn and(mut self, other: Self) -> Self {
        self.starts.extend(other.starts);
        self.evaluated = self.evaluated.saturating_add(other.evaluated);
        self
    }

    /// The apps that show the codes in one way, over all of their pieces.
    fn conclude(mut self) -> Vec<(Examined, MovingFactor)> {
        self.starts.sort_by_key(|(app, _)| app.examined.id());
        let mut found = Vec::new();
        for pieces in self.starts.chunk_by(|(one, _), (other, _)| one.examined.id() == other.examined.id()) {
            let starts = pieces.iter().fold(MotpStarts::default(), |sum, (_, starts)| sum.and(*starts));
            let Some((app, _)) = pieces.first() else { continue };
            if let MotpMatch::One { last, .. } | MotpMatch::BehindFloor { last, .. } =
                starts.conclude(app.examined.state.floor)
            {
                found.push((app.examined.clone(), last));
            }
        }
        found
    }
}
