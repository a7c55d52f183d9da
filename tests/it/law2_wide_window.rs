//! A token whose clock is off by anything up to a year, or ten, comes back with three codes, every one of
//! them, with six digits and eight and with each hash, and no wrong position is ever named. Beside it the rule of
//! taking the first position that fits the first code, which loses more than half of the tokens with six digits.
//! And the chance that is told of random codes is the one they have.
//!
//! `MINTMARK_LAW2_TOKENS` sets how many tokens are simulated (60; a release check takes 10,000), a twentieth of
//! them over ten years.

#![expect(clippy::print_stdout, reason = "both counts are the evidence")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use mintmark::clock::UnixTime;
use mintmark::oath::{
    CodeSequence, Digits, Generator, HashAlg, MovingFactor, PeriodSecs, SequenceMatch, Window, codes_needed,
    find_sequence, time_step,
};
use mintmark::secret::Seed;

const CODES: u64 = 3;
/// 365.25 days.
const YEAR_SECS: i64 = 31_557_600;
/// 2026-06-15T00:00:00Z, the server's time.
const NOW: UnixTime = UnixTime::from_secs(1_781_481_600);
const SIMULATION_SEED: u64 = 0x4d69_6e74_6d61_726b;

/// `SplitMix64`: the same tokens in every run and on any number of threads.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn for_token(number: u64) -> Self {
        Self(SIMULATION_SEED ^ number.wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

struct SimulatedToken {
    generator: Generator,
    digits: Digits,
    /// Where its clock stands: the true answer.
    step: MovingFactor,
}

impl SimulatedToken {
    fn new(number: u64, years: i64) -> Self {
        let mut random = Random::for_token(number);
        let alg = HashAlg::ALL[usize::try_from(number % 3).expect("small")];
        let digits = if (number / 3).is_multiple_of(2) { Digits::SIX } else { Digits::EIGHT };
        let seed: Vec<u8> =
            (0..8).flat_map(|_| random.next().to_be_bytes()).take(alg.output_bytes()).collect();
        let span = u64::try_from(2 * years * YEAR_SECS + 1).expect("positive");
        let drift_secs = i64::try_from(random.next() % span).expect("some years") - years * YEAR_SECS;
        let step = time_step(NOW, 0, drift_secs, PeriodSecs::DEFAULT).expect("after 1970");
        Self { generator: Generator::new(&Seed::new(seed), alg), digits, step }
    }

    fn shown(&self) -> CodeSequence {
        let codes: Vec<_> = (0..CODES)
            .map(|press| self.generator.code(MovingFactor(self.step.0 + press), self.digits))
            .collect();
        CodeSequence::new(self.digits, &codes).expect("three codes")
    }

    /// The first-match rule: the first position from the far past that fits code 1, and code 2 is
    /// compared only behind it. True when it ends at the token's position.
    fn is_found_by_first_match(&self, starts: Window) -> bool {
        let modulus = self.digits.modulus();
        let value = |p| self.generator.truncated(MovingFactor(p)) % modulus;
        let (one, two) = (value(self.step.0), value(self.step.0 + 1));
        let mut first = None;
        self.generator.scan(starts.first().0..starts.last().0, &[one], modulus, &mut |position, _| {
            first.get_or_insert(position);
        });
        first.is_some_and(|p| value(p + 1) == two && p == self.step.0)
    }
}

fn window(years: i64) -> Window {
    let center = time_step(NOW, 0, 0, PeriodSecs::DEFAULT).expect("after 1970");
    let steps = u64::try_from(years * YEAR_SECS / PeriodSecs::DEFAULT.get()).expect("positive");
    Window::around(center, steps, steps)
}

/// How many of the numbers 0 to `tokens` − 1 `is_right` says yes to; on all cores.
pub(crate) fn count(tokens: u64, is_right: impl Fn(u64) -> bool + Sync) -> u64 {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let next = AtomicU64::new(0);
    let right = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= tokens {
                        break;
                    }
                    if is_right(number) {
                        right.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    right.into_inner()
}

/// How many tokens are simulated.
pub(crate) fn tokens() -> u64 {
    match std::env::var("MINTMARK_LAW2_TOKENS") {
        Ok(text) => text.parse().expect("MINTMARK_LAW2_TOKENS is a number"),
        Err(_) => 60,
    }
}

/// Searches for the tokens with these codes; none may be missed, none found elsewhere.
fn find_all(tokens: u64, years: i64) {
    let starts = window(years);
    assert!(codes_needed(Digits::SIX, starts.positions()) <= 3);
    let wrong = AtomicU64::new(0);
    let found = count(tokens, |number| {
        let token = SimulatedToken::new(number, years);
        let search = find_sequence(&token.generator, &token.shown(), starts, MovingFactor(0));
        assert_eq!(u128::from(search.evaluated), starts.positions() + u128::from(CODES) - 1);
        match search.found {
            SequenceMatch::One { start, .. } if start == token.step => true,
            SequenceMatch::One { .. } => {
                wrong.fetch_add(1, Ordering::Relaxed);
                false
            }
            _ => false,
        }
    });
    let six = AtomicU64::new(0);
    let sample = tokens.min(100);
    let first_match = count(sample, |number| {
        let token = SimulatedToken::new(number, years);
        token.digits == Digits::SIX && {
            six.fetch_add(1, Ordering::Relaxed);
            token.is_found_by_first_match(starts)
        }
    });
    let six = six.into_inner();
    println!(
        "±{years} years, 30 s, 6 and 8 digits, three hashes: whole sequence {found} of {tokens} right, {} wrong; \
         first match {first_match} of {six} with 6 digits right (simulation seed {SIMULATION_SEED:#x})",
        wrong.load(Ordering::Relaxed),
    );
    assert_eq!((found, wrong.into_inner()), (tokens, 0));
    if six >= 25 {
        // Expected 42 % over a year, 5 % over ten: (1 − e^−λ) / λ with λ = 2.1 and 21 positions per code value.
        assert!(first_match * 100 < six * 70, "first match finds {first_match} of {six}");
    }
}

#[test]
fn law2_every_token_within_a_year_is_found_by_three_codes() {
    assert_eq!(window(1).positions(), 2_103_841);
    find_all(tokens(), 1);
}

#[test]
fn law2_every_token_within_ten_years_is_found_by_three_codes() {
    find_all(tokens() / 20, 10);
}

/// With few digits chance can be watched: random codes pass as often as they are said to.
#[test]
fn law2_random_codes_pass_as_often_as_the_formula_says() {
    const RUNS: u32 = 3_000;
    const POSITIONS: u64 = 1_000;
    for (digits, codes) in [(2u32, 2u16), (2, 3), (3, 2)] {
        let modulus = 10u32.pow(digits);
        let mut random = Random::for_token(u64::from(digits) << 8 | u64::from(codes));
        let mut passed = 0u32;
        for _ in 0..RUNS {
            let seed: Vec<u8> = (0..3).flat_map(|_| random.next().to_be_bytes()).collect();
            let generator = Generator::new(&Seed::new(seed), HashAlg::Sha1);
            let guess: Vec<u32> = (0..codes)
                .map(|_| u32::try_from(random.next() % u64::from(modulus)).expect("few digits"))
                .collect();
            let mut fits = false;
            generator.scan(0..POSITIONS, &guess[..1], modulus, &mut |position, _| {
                fits |= guess
                    .iter()
                    .zip(position..)
                    .all(|(code, at)| generator.truncated(MovingFactor(at)) % modulus == *code);
            });
            passed += u32::from(fits);
        }
        let single = f64::from(modulus).powi(-i32::from(codes));
        let expected = -(f64::from(u32::try_from(POSITIONS).expect("few")) * (-single).ln_1p()).exp_m1();
        let measured = f64::from(passed) / f64::from(RUNS);
        // Four standard deviations of a count.
        let margin = 4.0 * (expected * (1.0 - expected) / f64::from(RUNS)).sqrt();
        println!(
            "{digits} digits, {codes} codes, {POSITIONS} positions: {measured:.4}, formula {expected:.4}"
        );
        assert!((measured - expected).abs() <= margin, "{measured} beside {expected} ± {margin}");
    }
}
