//! A keypad whose counter ran ahead, whose clock is off, or both, comes back with as many responses as its window
//! asks for. Responses to questions of yesterday, crossed ones, and those that brought it back a moment ago do not.
//!
//! `MINTMARK_LAW2_TOKENS` sets how many tokens are simulated (60; a release check takes 10,000).

#![expect(clippy::print_stdout, reason = "the counts are the evidence")]

use mintmark::oath::{
    Digits, HashAlg, MovingFactor, OcraGenerator, OcraInputs, OcraPosition, OcraSuite, OcraWindow, Otp,
    Question, ResponseMatch, Window, find_responses, responses_needed,
};
use mintmark::secret::Seed;

use crate::law2_wide_window::{Random, count, tokens};

/// 2026-06-15 in minutes.
const STEP: u64 = 29_691_360;

struct Keypad {
    suite: OcraSuite,
    seed: Seed,
    window: OcraWindow,
    /// Where it stands: the true answer.
    at: OcraPosition,
    random: Random,
}

impl Keypad {
    fn new(number: u64) -> Self {
        let mut random = Random::for_token(number);
        let alg = HashAlg::ALL[usize::try_from(number % 3).expect("small")];
        let digits = if (number / 3).is_multiple_of(2) { 6 } else { 8 };
        // Presses that nobody saw, and minutes to either side: three months of a clock, a week beside a counter.
        let (inputs, question, presses, minutes) = match number / 6 % 3 {
            0 => ("C-", "QN08", 10_000, 0),
            1 => ("", "QA08-T1M", 0, 64_800),
            _ => ("C-", "QH08-T1M", 12, 1_440),
        };
        let suite = format!("OCRA-1:HOTP-{}-{digits}:{inputs}{question}", alg.name().to_uppercase());
        let suite = OcraSuite::parse(&suite).expect("a suite");
        let seed: Vec<u8> =
            (0..8).flat_map(|_| random.next().to_be_bytes()).take(alg.output_bytes()).collect();
        let floor = random.next() >> 20;
        let window = OcraWindow {
            counters: Window::around(MovingFactor(floor), 0, presses),
            steps: Window::around(MovingFactor(STEP), minutes, minutes),
            gap: u64::from(minutes > 0),
        };
        let at = OcraPosition {
            counter: MovingFactor(floor + random.next() % (presses + 1)),
            step: MovingFactor(STEP - minutes + random.next() % (2 * minutes + 1)),
        };
        Self { suite, seed: Seed::new(seed), window, at, random }
    }

    /// As many random questions as the window asks for.
    fn questions(&mut self) -> Vec<OcraGenerator> {
        let (counts, timed) = (self.suite.has_counter(), self.suite.time_step_secs().is_some());
        let digits = Digits::new(u32::from(self.suite.digits())).expect("6 or 8");
        let needed = responses_needed(digits, self.window.positions(counts, timed), self.window.gap);
        let mut asked = Vec::new();
        while asked.len() < needed {
            let text = format!("{:08}", self.random.next() % 100_000_000);
            let question = Question::new(&self.suite, &text).expect("of the suite's format");
            let asked_now = OcraGenerator::new(&self.seed, &self.suite, &question, &OcraInputs::default());
            asked.push(asked_now.expect("nothing is missing"));
        }
        asked
    }

    /// What it answers, the next press some seconds after the one before.
    fn answers(&mut self, asked: &[OcraGenerator]) -> Vec<Otp> {
        let mut at = self.at;
        let mut all = Vec::new();
        for generator in asked {
            all.push(Otp::parse(&generator.response(at)).expect("digits"));
            at.counter = MovingFactor(at.counter.0 + 1);
            at.step = MovingFactor(at.step.0 + self.random.next() % (self.window.gap + 1));
        }
        all
    }

    fn found(&self, asked: &[OcraGenerator], answers: &[Otp], floor: OcraPosition) -> ResponseMatch {
        find_responses(asked, answers, &self.window, floor).expect("a sequence").found
    }

    /// The position that a search says, as far as the suite has it.
    fn is_mine(&self, first: OcraPosition) -> bool {
        (!self.suite.has_counter() || first.counter == self.at.counter)
            && (self.suite.time_step_secs().is_none() || first.step == self.at.step)
    }

    fn comes_back_by_its_own_answers_only(mut self) -> bool {
        let asked = self.questions();
        let answers = self.answers(&asked);
        let ResponseMatch::One { first, last } = self.found(&asked, &answers, OcraPosition::START) else {
            return false;
        };
        // Behind the last one: what was accepted is accepted no more.
        let counts = u64::from(self.suite.has_counter());
        let timed = u64::from(self.suite.time_step_secs().is_some());
        let behind = OcraPosition {
            counter: MovingFactor(last.counter.0 + counts),
            step: MovingFactor(last.step.0 + timed),
        };
        let again = self.found(&asked, &answers, behind);
        let others = self.questions();
        let yesterdays = self.found(&others, &answers, OcraPosition::START);
        let mut crossed = answers;
        crossed.reverse();
        let crossed = self.found(&asked, &crossed, OcraPosition::START);
        self.is_mine(first)
            && matches!(again, ResponseMatch::BehindFloor { .. })
            && crossed == ResponseMatch::None
            && yesterdays == ResponseMatch::None
    }
}

#[test]
fn law2_keypads_come_back_by_their_own_answers_only() {
    let tokens = tokens();
    let right = count(tokens, |number| Keypad::new(number).comes_back_by_its_own_answers_only());
    println!(
        "keypads with a counter, a clock and both, 6 and 8 digits, three hashes: {right} of {tokens} found where they \
         are, and none by crossed, earlier or repeated responses"
    );
    assert_eq!(right, tokens);
}
