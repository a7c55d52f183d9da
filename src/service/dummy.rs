//! The work of a check and of a confirmation where there is no token to do it for, so that the time tells nothing
//! of serial numbers and people (law 6).

use std::sync::atomic::AtomicBool;

use crate::model::Resource;
use crate::oath::{
    CodeSequence, CodeShape, Digits, Generator, HashAlg, Kernel, MovingFactor, OcraGenerator, OcraInputs,
    OcraPosition, OcraSuite, OcraWindow, Otp, PeriodSecs, Question, Window, find_in_window, find_responses,
};
use crate::secret::Seed;

use super::code::{REPLAY_COUNTERS, check_steps};
use super::confirm::windows;
use super::yubico::open_nothing;
use super::{Service, ServiceError, motp};

/// What one code costs in nanoseconds of a core, by the kernel that computes it here. Only the ratios count.
pub(super) fn code_cost(hash: HashAlg) -> u64 {
    match (Kernel::best(hash), hash) {
        (Kernel::Avx512, HashAlg::Sha1) => 8,
        (Kernel::Avx512, HashAlg::Sha256) => 18,
        (Kernel::Avx512, HashAlg::Sha512) => 50,
        (Kernel::Sha, HashAlg::Sha1) => 25,
        (Kernel::Sha, HashAlg::Sha256) => 34,
        (Kernel::Avx2, HashAlg::Sha1) => 19,
        (Kernel::Avx2, HashAlg::Sha256) => 52,
        (Kernel::Avx2, HashAlg::Sha512) => 132,
        (Kernel::Plain, HashAlg::Sha1) => 35,
        (Kernel::Plain, HashAlg::Sha256) => 56,
        (Kernel::Plain | Kernel::Sha, HashAlg::Sha512) => 330,
    }
}

/// The same of one response, which is computed without lanes: three to eight times a code. Behind a counter all of the
/// message is hashed again at each position, before a clock none of it.
pub(super) fn response_cost(suite: &OcraSuite) -> u64 {
    match (suite.hash(), suite.has_counter() && suite.time_step_secs().is_none()) {
        (HashAlg::Sha1, false) => 90,
        (HashAlg::Sha1, true) => 135,
        (HashAlg::Sha256, false) => 105,
        (HashAlg::Sha256, true) => 180,
        (HashAlg::Sha512, false) => DUMMY_RESPONSE,
        (HashAlg::Sha512, true) => DEAREST_RESPONSE,
    }
}

/// What no response costs more than.
const DEAREST_RESPONSE: u64 = 550;
/// The suite whose responses are computed where there is no token: those of the widest search cost as much.
const DUMMY_SUITE: &str = "OCRA-1:HOTP-SHA512-6:QN08-T1M";
/// What they cost.
const DUMMY_RESPONSE: u64 = 380;

/// What the dearest confirmation on a resource costs, where so many challenges are answered; without challenges tokens
/// with a keypad are not looked at.
fn dearest(resource: &Resource, challenges: usize) -> u64 {
    let (secs, counters) = windows(resource);
    // Steps of ten seconds, to both sides.
    let motp = (u64::from(secs) / 5 + 1) * motp::NANOS;
    let steps = most_responses(resource);
    let counters = steps.min(u64::from(counters) + 1 + REPLAY_COUNTERS);
    let each = (steps * DUMMY_RESPONSE).max(counters * DEAREST_RESPONSE);
    (dearest_positions(resource) * code_cost(HashAlg::Sha512)).max(motp).max(each * challenges as u64)
}

/// Positions of a token with a keypad that are tried at most: half of those of codes, which is a day to either side at
/// the usual step of a minute. All are paid for where there is no token.
pub(super) fn most_responses(resource: &Resource) -> u64 {
    dearest_positions(resource) / 2
}

/// Start positions of the dearest search on a resource.
pub(super) fn dearest_positions(resource: &Resource) -> u64 {
    let (secs, counters) = windows(resource);
    (u64::from(secs) / 15 + 1).max(u64::from(counters) + 1) + CodeSequence::MAX_LEN as u64
}

impl Service {
    /// The work of an ordinary check without a token, and of comparing a PIN if one was typed.
    pub(super) fn dummy_check(&self, otp: &Otp) -> Result<(), ServiceError> {
        self.dummy_pin(otp)?;
        if let Some(code) = otp.yubico() {
            open_nothing(code);
            return Ok(());
        }
        if let Some(code) = otp.motp().filter(|_| otp.shape() == CodeShape::Hex) {
            motp::look_for_nothing(&code);
            return Ok(());
        }
        // That of the usual step. Shorter ones take some microseconds more, as counters do; a durable change follows.
        let steps = check_steps(PeriodSecs::DEFAULT);
        let generator = Generator::new(&Seed::new(vec![0x5a; 20]), HashAlg::Sha1);
        std::hint::black_box(find_in_window(
            &generator,
            Digits::SIX,
            otp,
            MovingFactor(50_000_000),
            steps,
            steps,
            MovingFactor(0),
        ));
        Ok(())
    }

    /// Computes what the dearest confirmation on this resource costs and this one did not, in a place for searches as all
    /// of them, so that time tells nothing: not whether the serial is known, not the token's hash, not whether it has a
    /// keypad or was used before. `spent`: what this one cost, as [`code_cost`] and [`response_cost`] say; `challenges`:
    /// how many were answered.
    pub(super) fn dummy_search(
        &self,
        resource: &Resource,
        spent: u64,
        challenges: usize,
    ) -> Result<(), ServiceError> {
        let left = dearest(resource, challenges).saturating_sub(spent);
        if challenges > 0 {
            return self.dummy_responses(left);
        }
        let dearest = HashAlg::Sha512;
        let rest = (left / code_cost(dearest)).saturating_sub(1);
        let generator = Generator::new(&Seed::new(vec![0x5a; 20]), dearest);
        let starts = Window::around(MovingFactor(50_000_000), 0, rest);
        let dummy = [Otp::from_value(1, Digits::SIX), Otp::from_value(2, Digits::SIX)];
        let codes = CodeSequence::new(Digits::SIX, &dummy)?;
        let admitted = self.searches.admit(self.clock.as_ref(), None, u128::from(rest))?;
        std::hint::black_box(admitted.find(&generator, &codes, starts));
        Ok(())
    }

    /// The same by the function that looks for answers: on each machine it costs what theirs cost.
    fn dummy_responses(&self, left: u64) -> Result<(), ServiceError> {
        let suite = OcraSuite::parse(DUMMY_SUITE).ok();
        let asked = suite.as_ref().and_then(|suite| {
            let question = Question::new(suite, "12345678").ok()?;
            let seed = Seed::new(vec![0x5a; 20]);
            let asked = OcraGenerator::new(&seed, suite, &question, &OcraInputs::default()).ok()?;
            Some(([asked], left / DUMMY_RESPONSE))
        });
        let Some((asked, rest)) = asked else { return Ok(()) };
        let counters = Window::around(MovingFactor(0), 0, 0);
        let steps = Window::around(MovingFactor(50_000_000), 0, rest.saturating_sub(1));
        let window = OcraWindow { counters, steps, gap: 0 };
        let admitted = self.searches.admit(self.clock.as_ref(), None, u128::from(rest))?;
        let dummy = [Otp::from_value(1, Digits::SIX)];
        let piece = |piece| {
            let found = admitted.slice(|| find_responses(&asked, &dummy, &piece, OcraPosition::START));
            u64::from(found.is_ok())
        };
        let never = AtomicBool::new(false);
        std::hint::black_box(admitted.parts(window.pieces(false, true), &never, piece, |a, b| a + b));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dummy_suite_is_one_and_none_is_dearer_than_the_dearest() {
        let suite = OcraSuite::parse(DUMMY_SUITE).expect("a suite");
        assert!(Question::new(&suite, "12345678").is_ok());
        assert_eq!(response_cost(&suite), DUMMY_RESPONSE);
        for hash in ["SHA1", "SHA256", "SHA512"] {
            for inputs in ["QN08", "C-QN08", "QN08-T1M", "C-QN08-T1M"] {
                let suite = OcraSuite::parse(&format!("OCRA-1:HOTP-{hash}-6:{inputs}")).expect("a suite");
                let cost = response_cost(&suite);
                assert!(cost <= DEAREST_RESPONSE && cost > code_cost(suite.hash()), "{hash} {inputs}");
            }
        }
    }
}
