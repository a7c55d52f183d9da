//! Whose codes are these: a token without a legible serial number, found by what it shows.
//!
//! All tokens that the actor sees are tried over their windows; the secrets are opened in bulk, tried, and wiped.
//! Nothing is accepted and nothing moves, so it costs no attempt; who looked, and what was found, is on record.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, BatchId, BatchName, ResourceId, ResourceName, Scope, Subject,
    TokenSerial,
};
use crate::oath::{
    Candidates, CodeSequence, CodeShape, CodeSpace, Digits, Generator, HashAlg, KeySet, MovingFactor, Otp,
    SequenceError, Window, codes_needed, response_tries, responses_needed, widest_window,
};
use crate::store::{Page, TokenFilter, View};

use super::code::Examined;
use super::resync::{WindowSteps, refuse_repeated};
use super::scope::{count_seen, seen_tokens, sees_batch};
use super::search_gate::Admitted;
use super::yubico::are_typed_by_key;
use super::{Service, ServiceError, motp};

/// The window to either side of the expected position that is chosen by itself: one day.
const DAY_SECS: u64 = 86_400;
/// Start positions of that window with the steps that nearly all tokens have.
const DAY_POSITIONS: u64 = 2 * DAY_SECS / 30 + 1;
/// The same for apps.
const APP_DAY_POSITIONS: u64 = 2 * DAY_SECS / 10 + 1;
/// Counters ahead that are chosen by itself.
const COUNTERS: u64 = 1_000;
/// Start positions of a token below which a search finds only tokens that run like the server.
const LEAST_POSITIONS: u64 = 3;
/// Most codes that one search computes, in HMACs of SHA-1: a million tokens over a month to either side.
const MOST_HMACS: u128 = 200_000_000_000;
/// Tokens named when several fit.
const MOST_NAMED: usize = 20;

/// Codes of a token that nobody knows, and where to look for it.
#[derive(Debug)]
pub struct IdentifyRequest {
    /// Consecutive codes.
    pub otps: Vec<Otp>,
    /// Only among the tokens of this batch.
    pub batch: Option<BatchName>,
    /// Only among the tokens of this resource.
    pub resource: Option<ResourceName>,
    /// Steps or counters round the place where each token is expected. `None`: a day, or as much of it as the
    /// codes carry.
    pub window: Option<WindowSteps>,
}

/// A token that shows the codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifyMatch {
    /// Its serial number.
    pub serial: TokenSerial,
    /// Where it is, `assigned` left aside.
    pub custody: &'static str,
    /// Distance from the server's clock or from the next counter, in steps; positive: ahead.
    pub steps: i64,
    /// The same in seconds, for clock tokens.
    pub seconds: Option<i64>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentifyResult {
    /// One token shows these codes.
    Found,
    /// None does.
    NotFound,
    /// More than one does; one more code tells, where more can be given.
    Ambiguous,
    /// So many tokens over such a window need more codes than were given.
    MoreOtpsNeeded,
}

impl IdentifyResult {
    /// The word in JSON and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::NotFound => "not_found",
            Self::Ambiguous => "ambiguous",
            Self::MoreOtpsNeeded => "more_otps_needed",
        }
    }
}

/// A result and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentifyOutcome {
    /// What came of it.
    pub result: IdentifyResult,
    /// The tokens that fit, the first twenty.
    pub matches: Vec<IdentifyMatch>,
    /// Codes that this search needs.
    pub otps_needed: usize,
    /// Codes computed.
    pub evaluated: u64,
    /// Time of the search in microseconds, opening of the secrets included.
    pub elapsed_us: u64,
}

/// How far to look in each token.
#[derive(Clone, Copy)]
pub(super) struct Width {
    /// The window that was asked for.
    asked: Option<WindowSteps>,
    /// Start positions of one token that the codes carry.
    carried: u64,
}

impl Width {
    pub(super) fn of(self, examined: &Examined) -> WindowSteps {
        let spec = &examined.seed.spec;
        let asked = self.asked.map(|window| match examined.period() {
            Some(_) => window,
            None => WindowSteps { past: 0, ..window },
        });
        asked.unwrap_or_else(|| WindowSteps::for_token(spec, DAY_SECS, COUNTERS).cut_to(self.carried))
    }
}

/// A token to be tried.
pub(super) struct Tried {
    pub(super) examined: Examined,
    pub(super) generator: Generator,
    /// Where its codes may begin.
    pub(super) window: Window,
}

/// Tokens that were read together, of one hash function.
pub(super) struct Lot(pub(super) Vec<Tried>);

/// What a lot told.
#[derive(Default)]
pub(super) struct Told {
    /// Tokens, and where they show the codes.
    pub(super) matches: Vec<(Examined, MovingFactor)>,
    pub(super) evaluated: u64,
}

impl Told {
    fn and(mut self, other: Self) -> Self {
        self.matches.extend(other.matches);
        self.evaluated += other.evaluated;
        self
    }
}

/// Where to look.
pub(super) struct Place {
    pub(super) batch: Option<BatchId>,
    pub(super) resource: Option<ResourceId>,
    /// So many tokens are tried there at most.
    tokens: u64,
    pub(super) now: UnixTime,
}

impl Place {
    pub(super) fn filter(&self) -> TokenFilter {
        TokenFilter { batch: self.batch, resource: self.resource, ..TokenFilter::ALL }
    }
}

impl Service {
    /// Looks for the token that shows these codes, until told to `stop`. Consumes nothing.
    pub fn identify(
        &self,
        actor: &Actor,
        request: &IdentifyRequest,
        stop: &AtomicBool,
    ) -> Result<IdentifyOutcome, ServiceError> {
        if are_typed_by_key(&request.otps) {
            return self.identify_key(actor, request, stop);
        }
        if request.otps.iter().any(|otp| otp.shape() == CodeShape::Hex) {
            return self.identify_app(actor, request, stop);
        }
        let shown = request.otps.first().map(Otp::len).filter(|digits| (6..=8).contains(digits));
        let digits = shown.and_then(|digits| Digits::new(u32::try_from(digits).ok()?).ok());
        let Some(digits) = digits else {
            return Err(ServiceError::invalid(
                "otps",
                "otp_length",
                "codes of 6 to 8 digits can be looked for",
            ));
        };
        let codes = CodeSequence::new(digits, &request.otps)?;
        refuse_repeated(&request.otps)?;
        let work = request.window.map_or(0, WindowSteps::positions);
        let most = tokens_within(u128::from(work));
        let place = self.identify_place(actor, request, most.saturating_add(1))?;
        if place.tokens > most {
            return Err(too_wide(work, place.tokens));
        }
        let given = request.otps.len();
        let carried = widest_window(digits, given) / place.tokens.max(1);
        let positions = request.window.map_or(LEAST_POSITIONS, WindowSteps::positions);
        let otps_needed = codes_needed(digits, u128::from(positions) * u128::from(place.tokens.max(1)));
        let mut outcome = IdentifyOutcome {
            result: IdentifyResult::MoreOtpsNeeded,
            matches: Vec::new(),
            otps_needed,
            evaluated: 0,
            elapsed_us: 0,
        };
        if given < otps_needed {
            return Ok(outcome);
        }
        let began = self.clock.monotonic();
        let width = Width { asked: request.window, carried };
        let told = self.try_all(actor, &place, width, &codes, stop)?;
        let elapsed = self.clock.monotonic().saturating_sub(began);
        outcome.evaluated = told.evaluated;
        outcome.elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        outcome.result = match told.matches.len() {
            0 if request.window.is_none() && carried < DAY_POSITIONS && given < CodeSequence::MAX_LEN => {
                IdentifyResult::MoreOtpsNeeded
            }
            0 => IdentifyResult::NotFound,
            1 => IdentifyResult::Found,
            _ => IdentifyResult::Ambiguous,
        };
        if matches!(outcome.result, IdentifyResult::Ambiguous | IdentifyResult::MoreOtpsNeeded)
            && given < CodeSequence::MAX_LEN
        {
            outcome.otps_needed = given + 1;
        }
        let last = given as u64 - 1;
        outcome.matches = told
            .matches
            .iter()
            .take(MOST_NAMED)
            .map(|(examined, start)| {
                let shown = MovingFactor(start.0 + if examined.period().is_some() { last } else { 0 });
                let (steps, seconds) = examined.offset(shown, place.now);
                let token = &examined.token;
                IdentifyMatch { serial: token.serial.clone(), custody: token.custody.name(), steps, seconds }
            })
            .collect();
        self.note_identified(actor, &outcome, &told, place.now)?;
        Ok(outcome)
    }

    /// The same for codes that a key typed: one says whose it is, and there is no window.
    fn identify_key(
        &self,
        actor: &Actor,
        request: &IdentifyRequest,
        stop: &AtomicBool,
    ) -> Result<IdentifyOutcome, ServiceError> {
        if request.otps.len() > CodeSequence::MAX_LEN {
            let detail = format!("at most {} codes are looked for", CodeSequence::MAX_LEN);
            return Err(ServiceError::invalid("otps", "otps_count", detail));
        }
        refuse_repeated(&request.otps)?;
        // One code says its position: nothing follows from how many keys there are.
        let place = self.identify_place(actor, request, 0)?;
        let began = self.clock.monotonic();
        let (matches, evaluated) = self.keys_that_typed(actor, &place, &request.otps, stop)?;
        let elapsed = self.clock.monotonic().saturating_sub(began);
        let result = IdentifyResult::NotFound;
        let mut outcome =
            IdentifyOutcome { result, matches: Vec::new(), otps_needed: 1, evaluated, elapsed_us: 0 };
        outcome.elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        self.with_names(actor, &place, outcome, &Told { matches, evaluated })
    }

    /// The same for codes with letters, which are those of mOTP apps. Their PINs are typed between two codes, so time
    /// may pass, and each step of it counts as something that is tried.
    fn identify_app(
        &self,
        actor: &Actor,
        request: &IdentifyRequest,
        stop: &AtomicBool,
    ) -> Result<IdentifyOutcome, ServiceError> {
        let given = request.otps.len();
        if !(CodeSequence::MIN_LEN..=CodeSequence::MAX_LEN).contains(&given) {
            return Err(SequenceError::Count(given).into());
        }
        refuse_repeated(&request.otps)?;
        let work = request.window.map_or(LEAST_POSITIONS, WindowSteps::positions);
        let most = tokens_within(motp::weight(u128::from(work)));
        let place = self.identify_place(actor, request, most.saturating_add(1))?;
        if place.tokens > most {
            return Err(too_wide(work, place.tokens));
        }
        let tokens = u128::from(place.tokens.max(1));
        let mut outcome = IdentifyOutcome {
            result: IdentifyResult::MoreOtpsNeeded,
            matches: Vec::new(),
            otps_needed: responses_needed(CodeSpace::MOTP, u128::from(work) * tokens, motp::GAP),
            evaluated: 0,
            elapsed_us: 0,
        };
        if given < outcome.otps_needed {
            return Ok(outcome);
        }
        let tries = response_tries(tokens, motp::GAP, given);
        let carried = u128::from(widest_window(CodeSpace::MOTP, given)) / tries;
        let width = Width { asked: request.window, carried: u64::try_from(carried).unwrap_or(u64::MAX) };
        let positions = request.window.map_or(width.carried.min(APP_DAY_POSITIONS), WindowSteps::positions);
        let began = self.clock.monotonic();
        let weight = motp::weight(u128::from(positions) * tokens);
        let admitted = self.searches.admit(self.clock.as_ref(), None, weight)?;
        let told = self.apps_that_show(actor, &place, &request.otps, width, &admitted, stop)?;
        drop(admitted);
        let elapsed = self.clock.monotonic().saturating_sub(began);
        outcome.evaluated = told.evaluated;
        // As with digits: when the codes carried less than a day, one more may find what lies further away.
        let is_whole = request.window.is_some() || width.carried >= APP_DAY_POSITIONS;
        let is_last = given >= CodeSequence::MAX_LEN;
        if is_whole || is_last {
            outcome.result = IdentifyResult::NotFound;
        }
        let is_open = if told.matches.is_empty() { !is_whole } else { told.matches.len() > 1 };
        if is_open && !is_last {
            outcome.otps_needed = given + 1;
        }
        outcome.elapsed_us = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX);
        self.with_names(actor, &place, outcome, &told)
    }

    /// The outcome with the tokens that were found, on record.
    fn with_names(
        &self,
        actor: &Actor,
        place: &Place,
        mut outcome: IdentifyOutcome,
        told: &Told,
    ) -> Result<IdentifyOutcome, ServiceError> {
        outcome.result = match told.matches.len() {
            0 => outcome.result,
            1 => IdentifyResult::Found,
            _ => IdentifyResult::Ambiguous,
        };
        let named = |(examined, last): &(Examined, MovingFactor)| {
            let (steps, seconds) = examined.offset(*last, place.now);
            let token = &examined.token;
            IdentifyMatch { serial: token.serial.clone(), custody: token.custody.name(), steps, seconds }
        };
        outcome.matches = told.matches.iter().take(MOST_NAMED).map(named).collect();
        self.note_identified(actor, &outcome, told, place.now)?;
        Ok(outcome)
    }

    /// Where to look, and how many tokens are tried there, counted up to `most`.
    fn identify_place(
        &self,
        actor: &Actor,
        request: &IdentifyRequest,
        most: u64,
    ) -> Result<Place, ServiceError> {
        self.store.read(|view| {
            let now = self.trusted_now(view)?;
            let mut place = Place { batch: None, resource: None, tokens: 0, now };
            let mut there = None;
            if let Some(name) = &request.batch {
                let batch = view.batch_by_name(&name.normal())?;
                let seen = match batch {
                    Some(batch) if sees_batch(view, actor, &batch)? => Some(batch),
                    _ => None,
                };
                let batch = seen.ok_or(ServiceError::NotFound { what: "batch" })?;
                place.batch = Some(batch.id);
                there = Some(batch.tokens);
            }
            if let Some(name) = &request.resource {
                let resource = view.resource_by_name(&name.normal())?;
                let resource = resource
                    .filter(|resource| actor.scope.covers(resource.id))
                    .ok_or(ServiceError::NotFound { what: "resource" })?;
                place.resource = Some(resource.id);
            }
            // Of tokens that are not searched nothing may follow, neither how many codes are asked for nor a refusal.
            place.tokens = match there {
                _ if place.resource.is_some() || actor.scope != Scope::All => {
                    count_seen(view, actor, &place.filter(), most)?
                }
                Some(there) => there,
                None => all_tokens(view)?,
            };
            Ok(place)
        })
    }

    fn try_all(
        &self,
        actor: &Actor,
        place: &Place,
        width: Width,
        codes: &CodeSequence,
        stop: &AtomicBool,
    ) -> Result<Told, ServiceError> {
        let positions = width.asked.map_or(width.carried.min(DAY_POSITIONS), WindowSteps::positions);
        let work = u128::from(positions) * u128::from(place.tokens);
        let admitted = self.searches.admit(self.clock.as_ref(), None, work)?;
        let mut reader =
            Reader { service: self, actor, place, width, after: None, done: false, kept: Vec::new(), stop };
        try_lots(&admitted, std::iter::from_fn(|| reader.next_lot(codes).transpose()), codes, stop)
    }

    fn note_identified(
        &self,
        actor: &Actor,
        outcome: &IdentifyOutcome,
        told: &Told,
        now: UnixTime,
    ) -> Result<(), ServiceError> {
        let subjects = match &told.matches[..] {
            [(examined, _)] => vec![Subject::Token(examined.id())],
            _ => Vec::new(),
        };
        let detail =
            vec![("result", outcome.result.name().to_owned()), ("evaluated", outcome.evaluated.to_string())];
        let found = outcome.result == IdentifyResult::Found;
        let result = if found { AuditResult::Done } else { AuditResult::Refused };
        let entry = super::audit_entry(now, actor, AuditAction::Identified, subjects, result, detail);
        self.decide(move |_| Ok(((), vec![entry.clone()])))
    }
}

/// Tries all tokens of some lots, each in slices of its own, until told to `stop`. The first lot that cannot be read
/// ends it.
pub(super) fn try_lots(
    admitted: &Admitted<'_>,
    lots: impl Iterator<Item = Result<Lot, ServiceError>> + Send,
    codes: &CodeSequence,
    stop: &AtomicBool,
) -> Result<Told, ServiceError> {
    let fault = Mutex::new(None);
    let lots = lots.map_while(|lot| match lot {
        Ok(lot) => Some(lot),
        Err(error) => {
            *fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            None
        }
    });
    let told = admitted.parts(
        lots,
        stop,
        |Lot(tokens)| {
            let mut told = Told::default();
            let (examined, keys): (Vec<_>, Vec<_>) = tokens
                .into_iter()
                .enumerate()
                .map(|(name, tried)| (tried.examined, (name, tried.generator, tried.window)))
                .unzip();
            for group in Candidates::group(keys) {
                for slice in group.slices() {
                    if stop.load(Ordering::Relaxed) {
                        return told;
                    }
                    for (name, start) in admitted.slice(|| group.find(codes, slice)) {
                        told.matches.push((examined[name].clone(), start));
                    }
                    told.evaluated += group.evaluated(slice);
                }
            }
            told
        },
        Told::and,
    );
    if let Some(error) = fault.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    told.ok_or_else(stopped)
}

/// In how many tokens one search may do so much work in each.
fn tokens_within(work: u128) -> u64 {
    u64::try_from(MOST_HMACS / work.max(1)).unwrap_or(u64::MAX)
}

/// The refusal of a window that is too wide for so many tokens.
fn too_wide(positions: u64, tokens: u64) -> ServiceError {
    let detail = format!(
        "{positions} positions of {tokens} tokens or more would be tried: name a batch, or a smaller window"
    );
    ServiceError::invalid("window", "window_too_wide", detail)
}

/// What is said of a search that nobody waited for.
pub(super) fn stopped() -> ServiceError {
    ServiceError::state("stopped", "the search was stopped before its end")
}

/// How many tokens there are, deleted ones included: a search counts what it may have to try.
fn all_tokens(view: &dyn View) -> Result<u64, ServiceError> {
    let mut tokens = 0u64;
    let mut page = Page::first(1_000);
    loop {
        let batches = view.batches(page)?;
        tokens = batches.items.iter().fold(tokens, |sum, batch| sum.saturating_add(batch.tokens));
        page.after = batches.next;
        if batches.next.is_none() {
            return Ok(tokens);
        }
    }
}

/// Reads tokens page by page and hands them out by hash function.
struct Reader<'a> {
    service: &'a Service,
    actor: &'a Actor,
    place: &'a Place,
    width: Width,
    after: Option<u64>,
    done: bool,
    /// Read, and not enough for a lot yet.
    kept: Vec<(HashAlg, Vec<Tried>)>,
    stop: &'a AtomicBool,
}

impl Reader<'_> {
    fn next_lot(&mut self, codes: &CodeSequence) -> Result<Option<Lot>, ServiceError> {
        loop {
            let full = self.kept.iter().position(|(_, kept)| kept.len() >= KeySet::MOST);
            let ready = full.or_else(|| (self.done && !self.kept.is_empty()).then_some(0));
            if let Some(at) = ready {
                return Ok(Some(Lot(self.kept.swap_remove(at).1)));
            }
            // Most pages of a large store may hold no token of so many digits.
            if self.done || self.stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            self.read_page(codes)?;
        }
    }

    fn read_page(&mut self, codes: &CodeSequence) -> Result<(), ServiceError> {
        let filter = self.place.filter();
        let page = Page { after: self.after, limit: KeySet::MOST };
        let (read, next) = self.service.store.read(|view| {
            let slice = seen_tokens(view, self.actor, filter, page)?;
            let mut read = Vec::with_capacity(slice.items.len());
            for token in slice.items {
                let examined = Examined::read(view, token, None)?;
                let spec = &examined.seed.spec;
                let shows_codes = !spec.is_mailed() && spec.suite().is_none();
                if let Some(hash) = spec.hash()
                    && shows_codes
                    && spec.digits().is_some_and(|digits| codes.has_digits(digits))
                {
                    read.push((hash, examined));
                }
            }
            Ok::<_, ServiceError>((read, slice.next))
        })?;
        for (hash, examined) in read {
            let generator = self.service.generator(&examined)?;
            let steps = self.width.of(&examined);
            let window = super::sequence::start_window(&examined, steps, codes.len(), self.place.now);
            let tried = Tried { examined, generator, window };
            match self.kept.iter_mut().find(|(alg, _)| *alg == hash) {
                Some((_, kept)) => kept.push(tried),
                None => self.kept.push((hash, vec![tried])),
            }
        }
        self.after = next;
        self.done = next.is_none();
        Ok(())
    }
}
