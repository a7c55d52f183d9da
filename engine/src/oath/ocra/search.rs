//! The search for the position of a token by its responses to known questions.
//!
//! As with codes, every start position is examined for **all** responses, and an answer is given only if
//! it is the only one. What moves depends on the suite:
//!
//! | Suite | Positions |
//! |---|---|
//! | counter | forward, one per response |
//! | time | to both sides; between two responses some steps may pass (`gap`) |
//! | both | the product of the two |
//! | neither | one: the responses are right or wrong |

use zeroize::Zeroizing;

use super::response::{OcraGenerator, TimeGenerator};
use crate::oath::{Digits, MovingFactor, Otp, SequenceError, Window};

/// Where an OCRA token stands. What its suite does not have is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OcraPosition {
    /// The counter of a response.
    pub counter: MovingFactor,
    /// The time step of a response, counted from 1970.
    pub step: MovingFactor,
}

impl OcraPosition {
    /// Nothing moves, or nothing has moved yet.
    pub const START: Self = Self { counter: MovingFactor(0), step: MovingFactor(0) };

    /// True when the response at this position may not be accepted any more.
    fn is_below(self, floor: Self) -> bool {
        self.counter < floor.counter || self.step < floor.step
    }
}

/// The start positions of a search.
#[derive(Clone, Copy, Debug)]
pub struct OcraWindow {
    /// Counters of the first response; not looked at without a counter in the suite.
    pub counters: Window,
    /// Steps of the first response; not looked at without a time in the suite.
    pub steps: Window,
    /// Steps that may pass between two responses.
    pub gap: u64,
}

impl OcraWindow {
    /// Number of start positions for a suite that has a counter, a time, or both: the product.
    pub fn positions(&self, has_counter: bool, has_time: bool) -> u128 {
        let counters = if has_counter { self.counters.positions() } else { 1 };
        let steps = if has_time { self.steps.positions() } else { 1 };
        counters.saturating_mul(steps)
    }
}

/// Where the responses were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMatch {
    /// Nowhere in the window.
    None,
    /// At exactly one start position, which is not below the floor.
    One {
        /// Position of the first response.
        first: OcraPosition,
        /// Position of the last one; of several the latest.
        last: OcraPosition,
    },
    /// At exactly one start position, and that lies below the floor.
    BehindFloor {
        /// Position of the first response.
        first: OcraPosition,
        /// Position of the last one.
        last: OcraPosition,
    },
    /// At more than one start position: nobody can tell which is the token's. Ask for one more response.
    Several,
}

/// Answer of [`find_responses`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseSearch {
    /// Where the responses were found.
    pub found: ResponseMatch,
    /// HMACs computed.
    pub evaluated: u64,
}

impl ResponseSearch {
    /// What two parts of a window that share no start position say together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let found = match (self.found, other.found) {
            (ResponseMatch::None, found) | (found, ResponseMatch::None) => found,
            _ => ResponseMatch::Several,
        };
        Self { found, evaluated: self.evaluated.saturating_add(other.evaluated) }
    }
}

impl OcraWindow {
    /// HMACs of a piece that is computed in one go: some milliseconds of a core.
    const PIECE: u128 = 1 << 13;

    /// The window in pieces along its steps, or its counters without a time.
    pub fn pieces(self, has_counter: bool, has_time: bool) -> impl Iterator<Item = Self> {
        let beside = if has_time && has_counter { self.counters.positions() } else { 1 };
        let each = u64::try_from(Self::PIECE / beside.max(1)).unwrap_or(u64::MAX).max(1);
        let along = match (has_counter, has_time) {
            (_, true) => self.steps,
            (true, false) => self.counters,
            (false, false) => Window::around(MovingFactor(0), 0, 0),
        };
        along.pieces(each).map(move |piece| match (has_counter, has_time) {
            (_, true) => Self { steps: piece, ..self },
            (true, false) => Self { counters: piece, ..self },
            (false, false) => self,
        })
    }
}

/// Looks for the responses of one token, the answer to the question of `asked[i]` being `responses[i]`.
/// They are given in the order in which the token computed them; `floor` is the lowest position that may
/// still be accepted, positions below it are searched too.
///
/// Every start position is computed, whatever is found.
///
/// # Errors
/// When there is no response or more than eight, not one for each question, or one with another number of
/// digits than the token shows. A suite of 0 digits shows nothing that a person could type.
pub fn find_responses(
    asked: &[OcraGenerator],
    responses: &[Otp],
    window: &OcraWindow,
    floor: OcraPosition,
) -> Result<ResponseSearch, SequenceError> {
    const MOST: usize = crate::oath::CodeSequence::MAX_LEN;
    let (Some(first), true) = (asked.first(), asked.len() == responses.len() && asked.len() <= MOST) else {
        return Err(SequenceError::Count(responses.len()));
    };
    let mut answers = Zeroizing::new([(0u32, 0u32); MOST]);
    for (index, (generator, response)) in asked.iter().zip(responses).enumerate() {
        let wrong = SequenceError::Length {
            number: index + 1,
            given: response.len(),
            expected: generator.digits().map_or(0, Digits::get),
        };
        let digits = generator.digits().ok_or(wrong)?;
        answers[index] = (digits.modulus(), response.value(digits).ok_or(wrong)?);
    }
    let once = Window::around(MovingFactor(0), 0, 0);
    let counters = if first.has_counter() { window.counters } else { once };
    let steps = if first.has_time() { window.steps } else { once };
    let mut walk = Walk { asked, answers: &answers[..asked.len()], gap: window.gap, evaluated: 0 };
    let mut found = ResponseMatch::None;
    for counter in counters.first().0..=counters.last().0 {
        let timed = first.at_counter(MovingFactor(counter));
        for step in steps.first().0..=steps.last().0 {
            let start = OcraPosition { counter: MovingFactor(counter), step: MovingFactor(step) };
            if !walk.fits(0, &timed, start.step) {
                continue;
            }
            let Some(last) = walk.rest(1, start) else { continue };
            found = match found {
                ResponseMatch::None if start.is_below(floor) => {
                    ResponseMatch::BehindFloor { first: start, last }
                }
                ResponseMatch::None => ResponseMatch::One { first: start, last },
                _ => ResponseMatch::Several,
            };
        }
    }
    Ok(ResponseSearch { found, evaluated: walk.evaluated })
}

struct Walk<'a> {
    asked: &'a [OcraGenerator],
    /// Modulus and value of each response.
    answers: &'a [(u32, u32)],
    gap: u64,
    evaluated: u64,
}

impl Walk<'_> {
    fn fits(&mut self, index: usize, timed: &TimeGenerator, step: MovingFactor) -> bool {
        self.evaluated = self.evaluated.saturating_add(1);
        let (modulus, value) = self.answers[index];
        timed.truncated(step) % modulus == value
    }

    /// Where the last response is, when those from `index` on follow the one at `before`.
    fn rest(&mut self, index: usize, before: OcraPosition) -> Option<OcraPosition> {
        let Some(generator) = self.asked.get(index) else { return Some(before) };
        let counter = if generator.has_counter() {
            MovingFactor(before.counter.0.checked_add(1)?)
        } else {
            before.counter
        };
        let timed = generator.at_counter(counter);
        let gap = if generator.has_time() { self.gap } else { 0 };
        let mut latest = None;
        for step in before.step.0..=before.step.0.saturating_add(gap) {
            let step = MovingFactor(step);
            if self.fits(index, &timed, step) {
                latest = self.rest(index + 1, OcraPosition { counter, step }).or(latest);
            }
        }
        latest
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oath::{OcraInputs, OcraSuite, Question};
    use crate::secret::Seed;

    const COUNTER: &str = "OCRA-1:HOTP-SHA1-6:C-QN08";
    const TIME: &str = "OCRA-1:HOTP-SHA256-8:QN08-T1M";
    const BOTH: &str = "OCRA-1:HOTP-SHA512-8:C-QN08-T30S";
    const NEITHER: &str = "OCRA-1:HOTP-SHA1-6:QN08";

    #[test]
    fn pieces_say_together_what_the_window_says() {
        for (suite, at) in [(TIME, 9_000), (TIME, 8_191), (COUNTER, 8_192)] {
            let asked = asked(suite, &["12345678", "87654321"]);
            let counts = suite == COUNTER;
            let position = |ahead: u64| OcraPosition {
                counter: MovingFactor(if counts { at + ahead } else { 0 }),
                step: MovingFactor(if counts { 0 } else { at }),
            };
            let shown = |index: usize| {
                let text = asked[index].response(position(index as u64)).to_string();
                Otp::parse(&text).expect("digits")
            };
            let responses = [shown(0), shown(1)];
            let span = Window::around(MovingFactor(0), 0, 10_000);
            let window = OcraWindow { counters: span, steps: span, gap: 0 };
            let pieces: Vec<_> = window.pieces(counts, !counts).collect();
            assert_eq!(pieces.len(), 2);
            let parts = pieces.iter().map(|piece| {
                find_responses(&asked, &responses, piece, OcraPosition::START).expect("two responses")
            });
            let together = parts.reduce(ResponseSearch::and).expect("two pieces");
            let whole =
                find_responses(&asked, &responses, &window, OcraPosition::START).expect("two responses");
            assert_eq!(together, whole);
            assert!(
                matches!(whole.found, ResponseMatch::One { first, .. } if first == position(0)),
                "{whole:?}"
            );
        }
    }

    fn asked(suite: &str, questions: &[&str]) -> Vec<OcraGenerator> {
        let suite = OcraSuite::parse(suite).expect("a suite");
        let seed = Seed::new(b"12345678901234567890".to_vec());
        let keyed = |text: &&str| {
            let question = Question::new(&suite, text).expect("a question");
            OcraGenerator::new(&seed, &suite, &question, &OcraInputs::default()).expect("nothing is missing")
        };
        questions.iter().map(keyed).collect()
    }

    fn at(counter: u64, step: u64) -> OcraPosition {
        OcraPosition { counter: MovingFactor(counter), step: MovingFactor(step) }
    }

    fn shown(asked: &[OcraGenerator], positions: &[(u64, u64)]) -> Vec<Otp> {
        let answer = |(generator, (counter, step)): (&OcraGenerator, &(u64, u64))| {
            Otp::parse(&generator.response(at(*counter, *step))).expect("digits")
        };
        asked.iter().zip(positions).map(answer).collect()
    }

    fn window(counters: (u64, u64), steps: (u64, u64), gap: u64) -> OcraWindow {
        let span = |(first, last)| Window::new(MovingFactor(first), MovingFactor(last)).expect("in order");
        OcraWindow { counters: span(counters), steps: span(steps), gap }
    }

    fn found(
        asked: &[OcraGenerator],
        responses: &[Otp],
        window: &OcraWindow,
        floor: OcraPosition,
    ) -> ResponseMatch {
        find_responses(asked, responses, window, floor).expect("a sequence").found
    }

    #[test]
    fn counter_is_found_forward_by_responses_in_a_row() {
        let asked = asked(COUNTER, &["12345678", "87654321"]);
        let window = window((100, 1_100), (0, 0), 0);
        for (start, inside) in [(99, false), (100, true), (777, true), (1_100, true), (1_101, false)] {
            let responses = shown(&asked, &[(start, 0), (start + 1, 0)]);
            let expected = ResponseMatch::One { first: at(start, 0), last: at(start + 1, 0) };
            let expected = if inside { expected } else { ResponseMatch::None };
            assert_eq!(found(&asked, &responses, &window, at(100, 0)), expected, "{start}");
        }
        // A computation between the two was lost.
        let skipped = shown(&asked, &[(500, 0), (502, 0)]);
        assert_eq!(found(&asked, &skipped, &window, at(100, 0)), ResponseMatch::None);
    }

    #[test]
    fn crossed_responses_and_responses_to_other_questions_fit_nowhere() {
        for (suite, positions) in [
            (COUNTER, [(500, 0), (501, 0)]),
            (TIME, [(0, 5_000), (0, 5_000)]),
            (BOTH, [(5, 50), (6, 51)]),
            (NEITHER, [(0, 0), (0, 0)]),
        ] {
            let asked_now = asked(suite, &["12345678", "87654321"]);
            let window = window((0, 600), (4_990, 5_010), 2);
            let window = if suite == BOTH {
                OcraWindow { steps: Window::around(MovingFactor(50), 10, 10), ..window }
            } else {
                window
            };
            let mut responses = shown(&asked_now, &positions);
            assert!(
                matches!(found(&asked_now, &responses, &window, at(0, 0)), ResponseMatch::One { .. }),
                "{suite}"
            );
            responses.reverse();
            assert_eq!(found(&asked_now, &responses, &window, at(0, 0)), ResponseMatch::None, "{suite}");
            let old = asked(suite, &["11112222", "33334444"]);
            let responses = shown(&old, &positions);
            assert_eq!(found(&asked_now, &responses, &window, at(0, 0)), ResponseMatch::None, "{suite}");
        }
    }

    #[test]
    fn time_is_found_to_both_sides_with_steps_between() {
        let asked = asked(TIME, &["12345678", "87654321", "11223344"]);
        let window = window((0, 0), (5_000 - 1_440, 5_000 + 1_440), 2);
        for start in [5_000 - 1_440, 4_321, 5_000, 5_001, 5_000 + 1_440] {
            for steps in [[0, 0, 0], [0, 1, 3], [0, 2, 4], [0, 0, 2]] {
                let positions = steps.map(|step| (0, start + step));
                let responses = shown(&asked, &positions);
                let expected = ResponseMatch::One { first: at(0, start), last: at(0, start + steps[2]) };
                assert_eq!(found(&asked, &responses, &window, at(0, 0)), expected, "{start} {steps:?}");
            }
            for refused in [[0, 3, 3], [0, 0, 3], [1, 0, 0]] {
                let responses = shown(&asked, &refused.map(|step| (0, start + step)));
                assert_eq!(
                    found(&asked, &responses, &window, at(0, 0)),
                    ResponseMatch::None,
                    "{start} {refused:?}"
                );
            }
        }
    }

    #[test]
    fn counter_and_time_are_searched_as_a_product() {
        let asked = asked(BOTH, &["12345678", "87654321"]);
        let window = window((10, 30), (100, 140), 1);
        assert_eq!(window.positions(true, true), 21 * 41);
        for (counter, step, inside) in [
            (10, 100, true),
            (30, 140, true),
            (22, 117, true),
            (31, 120, false),
            (20, 141, false),
            (9, 100, false),
        ] {
            let responses = shown(&asked, &[(counter, step), (counter + 1, step + 1)]);
            let expected = ResponseMatch::One { first: at(counter, step), last: at(counter + 1, step + 1) };
            let expected = if inside { expected } else { ResponseMatch::None };
            assert_eq!(found(&asked, &responses, &window, at(10, 0)), expected, "{counter} {step}");
        }
    }

    #[test]
    fn responses_below_the_floor_are_told_apart() {
        let asked_now = asked(COUNTER, &["12345678", "87654321"]);
        let responses = shown(&asked_now, &[(50, 0), (51, 0)]);
        let behind = ResponseMatch::BehindFloor { first: at(50, 0), last: at(51, 0) };
        assert_eq!(found(&asked_now, &responses, &window((40, 60), (0, 0), 0), at(51, 0)), behind);
        let asked_now = asked(TIME, &["12345678"]);
        let responses = shown(&asked_now, &[(0, 50)]);
        let behind = ResponseMatch::BehindFloor { first: at(0, 50), last: at(0, 50) };
        assert_eq!(found(&asked_now, &responses, &window((0, 0), (40, 60), 0), at(0, 51)), behind);
        // Two questions may be answered within one step.
        let one = ResponseMatch::One { first: at(0, 50), last: at(0, 50) };
        assert_eq!(found(&asked_now, &responses, &window((0, 0), (40, 60), 0), at(0, 50)), one);
    }

    #[test]
    fn what_does_not_move_is_compared() {
        let asked = asked(NEITHER, &["12345678", "87654321"]);
        let responses = shown(&asked, &[(0, 0), (0, 0)]);
        let search =
            find_responses(&asked, &responses, &window((0, 9), (0, 9), 3), at(0, 0)).expect("a sequence");
        assert_eq!(search.found, ResponseMatch::One { first: at(0, 0), last: at(0, 0) });
        assert_eq!(search.evaluated, 2);
    }

    /// Questions of four digits and toy windows: with two start positions that fit, none is chosen.
    #[test]
    fn of_several_start_positions_none_is_chosen() {
        let asked = asked("OCRA-1:HOTP-SHA1-4:C-QN08", &["12345678"]);
        let mut seen = std::collections::BTreeMap::new();
        let value = |counter| {
            shown(&asked, &[(counter, 0)])[0].value(Digits::of_suite(4).expect("four")).expect("four digits")
        };
        let twice = (0..10_000)
            .find_map(|counter| seen.insert(value(counter), counter).map(|first| (first, counter)));
        let (first, second) = twice.expect("ten thousand codes repeat themselves");
        let responses = shown(&asked, &[(first, 0)]);
        assert_eq!(
            found(&asked, &responses, &window((0, second), (0, 0), 0), at(0, 0)),
            ResponseMatch::Several
        );
        let one = ResponseMatch::One { first: at(first, 0), last: at(first, 0) };
        assert_eq!(found(&asked, &responses, &window((0, second - 1), (0, 0), 0), at(0, 0)), one);
        // On whichever side of the floor.
        assert_eq!(
            found(&asked, &responses, &window((0, second), (0, 0), 0), at(second, 0)),
            ResponseMatch::Several
        );
    }

    #[test]
    fn sequences_that_cannot_be_searched_are_refused() {
        let asked_now = asked(COUNTER, &["12345678", "87654321"]);
        let window = window((0, 0), (0, 0), 0);
        let search = |asked: &[OcraGenerator], texts: &[&str]| {
            let otps: Vec<Otp> = texts.iter().map(|text| Otp::parse(text).expect("digits")).collect();
            find_responses(asked, &otps, &window, OcraPosition::START).expect_err("refused")
        };
        assert_eq!(search(&[], &[]), SequenceError::Count(0));
        assert_eq!(search(&asked_now, &["123456"]), SequenceError::Count(1));
        let length = SequenceError::Length { number: 2, given: 7, expected: 6 };
        assert_eq!(search(&asked_now, &["123456", "1234567"]), length);
        let machines = asked("OCRA-1:HOTP-SHA1-0:QN08", &["12345678"]);
        assert_eq!(
            search(&machines, &["123456"]),
            SequenceError::Length { number: 1, given: 6, expected: 0 }
        );
    }

    #[test]
    fn last_counter_ends_the_sequence() {
        let asked = asked(COUNTER, &["12345678", "87654321"]);
        let responses = shown(&asked, &[(u64::MAX - 1, 0), (u64::MAX, 0)]);
        let window = window((u64::MAX - 3, u64::MAX), (0, 0), 0);
        let one = ResponseMatch::One { first: at(u64::MAX - 1, 0), last: at(u64::MAX, 0) };
        assert_eq!(found(&asked, &responses, &window, at(0, 0)), one);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        /// Any place in the window is found, whatever the steps between.
        #[test]
        fn planted_responses_are_found(
            counter in 0u64..12,
            step in 1_000u64..1_030,
            gaps in prop::collection::vec(0u64..=2, 2),
            suite in prop::sample::select(&[COUNTER, TIME, BOTH][..]),
        ) {
            let asked = asked(suite, &["12345678", "87654321", "55556666"]);
            let has_counter = suite != TIME;
            let has_time = suite != COUNTER;
            let counter = if has_counter { counter } else { 0 };
            let mut positions = vec![(counter, if has_time { step } else { 0 })];
            for gap in gaps {
                let (counter, step) = positions[positions.len() - 1];
                positions.push((counter + u64::from(has_counter), if has_time { step + gap } else { 0 }));
            }
            let responses = shown(&asked, &positions);
            let (first, last) = (positions[0], positions[2]);
            let expected = ResponseMatch::One { first: at(first.0, first.1), last: at(last.0, last.1) };
            let found = found(&asked, &responses, &window((0, 11), (1_000, 1_029), 2), at(0, 0));
            prop_assert_eq!(found, expected);
        }
    }
}
