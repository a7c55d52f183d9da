//! The readings of answers that a token with a keypad gave.

use super::others::other_token;
use super::readings::orders;
use super::{Case, Cause, Finding, MOST_RESPONSES, Told, shares};
use crate::model::Actor;
use crate::oath::{OcraGenerator, OcraPosition, OcraWindow, ResponseMatch, find_responses};
use crate::seedfile::other_readings;
use crate::service::challenge::Answered;
use crate::service::code::Examined;
use crate::service::search_gate::Admitted;
use crate::service::sequence::carried;
use crate::service::{Service, ServiceError};

/// Tokens beside the one that was named that are tried.
const BESIDE: usize = 20;
/// A clock is looked at to either side for so long, a counter so far ahead, when there is room for it.
const HOUR_SECS: u64 = 3_600;
const COUNTERS: u64 = 50;

/// One way to read the answers.
struct Reading {
    cause: Cause,
    asked: Vec<OcraGenerator>,
    /// Whose floor and clock say where to look.
    of: Option<Examined>,
}

impl Service {
    /// Tries the other readings of answers.
    pub(super) fn diagnose_answers(
        &self,
        actor: &Actor,
        case: &Case<'_>,
        answered: &Answered,
        most: u64,
    ) -> Result<Told, ServiceError> {
        let mut told = Told::default();
        let examined = case.examined;
        let Some(digits) = examined.seed.spec.digits() else { return Ok(told) };
        if answered.texts.len() != case.otps.len() || case.otps.iter().any(|otp| otp.value(digits).is_none())
        {
            return Ok(told);
        }
        let budget = carried(examined, digits.into(), case.otps.len(), 1).min(MOST_RESPONSES).min(most);
        let admitted = self.admit_diagnosis(case, budget)?;
        let mut readings = Vec::new();
        for order in orders(answered.texts.len()) {
            let texts: Vec<String> = order.iter().map(|at| answered.texts[*at].clone()).collect();
            let answered = Answered { texts, ..answered.clone() };
            if let Some(asked) = self.responders(examined, &answered)? {
                readings.push(Reading { cause: Cause::Order, asked, of: None });
            }
        }
        for (reading, secret) in other_readings(&self.seed(examined)?) {
            if let Some(asked) = self.responders_by(examined, &secret, answered)? {
                readings.push(Reading { cause: Cause::Secret(reading), asked, of: None });
            }
        }
        let suite = examined.seed.spec.suite();
        let is_alike =
            |other: &Examined| other.seed.spec.suite() == suite && other.require_known_pin().is_ok();
        for other in self.beside(actor, examined, BESIDE, is_alike)? {
            if let Some(asked) = self.responders(&other, answered)? {
                readings.push(Reading { cause: other_token(&other.token), asked, of: Some(other) });
            }
        }
        let windows: Vec<OcraWindow> =
            readings.iter().map(|reading| reading.window(case, u64::MAX)).collect();
        let wishes: Vec<u64> = windows.iter().map(|window| positions(examined, window)).collect();
        for (reading, part) in readings.iter().zip(shares(&wishes, budget)) {
            if part > 0 {
                reading.search(case, part, &admitted, &mut told);
            }
        }
        Ok(told)
    }
}

fn positions(examined: &Examined, window: &OcraWindow) -> u64 {
    let suite = examined.seed.spec.suite();
    let has_counter = suite.is_some_and(crate::oath::OcraSuite::has_counter);
    u64::try_from(window.positions(has_counter, examined.period().is_some())).unwrap_or(u64::MAX)
}

impl Reading {
    /// What is looked at, of at most so many positions.
    fn window(&self, case: &Case<'_>, part: u64) -> OcraWindow {
        let examined = self.of.as_ref().unwrap_or(case.examined);
        let steps = examined.period().map_or(0, |period| HOUR_SECS / period.get().unsigned_abs());
        let mut counters = COUNTERS;
        let mut window = examined.response_window(counters, steps, steps, case.now);
        let mut side = steps;
        while positions(examined, &window) > part && (side > 1 || counters > 1) {
            (side, counters) = (side.div_ceil(2), counters.div_ceil(2));
            window = examined.response_window(counters, side, side, case.now);
        }
        window
    }

    fn search(&self, case: &Case<'_>, part: u64, admitted: &Admitted<'_>, told: &mut Told) {
        let window = self.window(case, part);
        let found = admitted.slice(|| find_responses(&self.asked, case.otps, &window, OcraPosition::START));
        let Ok(search) = found else { return };
        told.evaluated = told.evaluated.saturating_add(search.evaluated);
        let examined = self.of.as_ref().unwrap_or(case.examined);
        if let ResponseMatch::One { first, last } = search.found {
            let clock = examined.seed.spec.clock();
            let seconds = clock.map(|(period, epoch)| case.seconds(last.step, period, epoch));
            let counter = examined.seed.spec.has_counter().then_some(first.counter.0);
            told.findings.push(Finding { cause: self.cause.clone(), seconds, counter });
        }
    }
}
