//! Comparing a response with the ordinary window of its token.

use crate::clock::UnixTime;
use crate::oath::{
    MovingFactor, OcraPosition, OcraSuite, OcraWindow, Otp, ResponseMatch, ResponseSearch, Window,
    find_responses,
};
use crate::service::check::{Comparison, HINT_COUNTERS, HINT_SECS};
use crate::service::code::{CHECK_COUNTERS, Examined, answer_window};
use crate::service::{Service, ServiceError};

use super::Answered;

impl Service {
    /// Looks for responses in a window. `None`: they cannot be this token's.
    fn search_responses(
        &self,
        examined: &Examined,
        answered: &Answered,
        otps: &[Otp],
        window: &OcraWindow,
    ) -> Result<Option<ResponseSearch>, ServiceError> {
        let Some(asked) = self.responders(examined, answered)? else { return Ok(None) };
        Ok(find_responses(&asked, otps, window, examined.response_floor()).ok())
    }

    /// Compares one bare response with the ordinary window.
    pub(in crate::service) fn compare_response(
        &self,
        examined: &Examined,
        answered: Option<&Answered>,
        otp: &Otp,
        now: UnixTime,
        hint: bool,
    ) -> Result<Comparison, ServiceError> {
        let Some(answered) = answered else { return Ok(Comparison::Wrong) };
        let has_counter = examined.seed.spec.suite().is_some_and(OcraSuite::has_counter);
        let counters = if has_counter { CHECK_COUNTERS } else { 1 };
        let (counters, steps) = answer_window(examined.digits()?, counters, examined.check_steps());
        let ordinary = examined.response_window(counters - 1, steps, steps, now);
        let otps = std::slice::from_ref(otp);
        let Some(search) = self.search_responses(examined, answered, otps, &ordinary)? else {
            return Ok(Comparison::Wrong);
        };
        Ok(match search.found {
            ResponseMatch::One { last, .. } => Comparison::Responds { last },
            ResponseMatch::BehindFloor { .. } => Comparison::Used,
            ResponseMatch::None if hint => match self.hinted_response(examined, answered, otps, now)? {
                Some(last) => Comparison::Outside(examined.told(last)),
                None => Comparison::Wrong,
            },
            ResponseMatch::Several => self.latest_response(examined, answered, otps, &ordinary)?,
            ResponseMatch::None => Comparison::Wrong,
        })
    }

    /// Of several places of the ordinary window that a response fits, by chance all but one: the latest, so that no other
    /// one counts afterwards. Those below the floor say nothing beside one above.
    fn latest_response(
        &self,
        examined: &Examined,
        answered: &Answered,
        otps: &[Otp],
        window: &OcraWindow,
    ) -> Result<Comparison, ServiceError> {
        let mut latest = None;
        for counter in window.counters.first().0..=window.counters.last().0 {
            for step in window.steps.first().0..=window.steps.last().0 {
                let one = OcraWindow {
                    counters: Window::around(MovingFactor(counter), 0, 0),
                    steps: Window::around(MovingFactor(step), 0, 0),
                    gap: 0,
                };
                let found = self.search_responses(examined, answered, otps, &one)?;
                if let Some(ResponseMatch::One { last, .. }) = found.map(|search| search.found) {
                    latest = Some(last);
                }
            }
        }
        Ok(latest.map_or(Comparison::Used, |last| Comparison::Responds { last }))
    }

    /// A place further away, of what moves in one way only.
    fn hinted_response(
        &self,
        examined: &Examined,
        answered: &Answered,
        otps: &[Otp],
        now: UnixTime,
    ) -> Result<Option<OcraPosition>, ServiceError> {
        let has_counter = examined.seed.spec.suite().is_some_and(OcraSuite::has_counter);
        let window = match examined.period() {
            Some(_) if has_counter => return Ok(None),
            Some(period) => {
                let steps = HINT_SECS / period.get().unsigned_abs();
                examined.response_window(0, steps, steps, now)
            }
            None => examined.response_window(HINT_COUNTERS, 0, 0, now),
        };
        let search = self.search_responses(examined, answered, otps, &window)?;
        Ok(search.and_then(|search| match search.found {
            ResponseMatch::One { last, .. } => Some(last),
            _ => None,
        }))
    }
}
