//! How many HOTPs a core computes: the sequence search and the single code, per hash.
//!
//! `cargo bench --bench search`. Prints the median of several runs and the best one.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::hint::black_box;

use mintmark::clock::{Clock, SystemClock};
use mintmark::oath::{
    CodeSequence, Digits, Generator, HashAlg, MovingFactor, Otp, SequenceMatch, Window, find_sequence,
};
use mintmark::secret::Seed;

const RUNS: usize = 9;
/// A year to either side in steps of 30 s, round a step of 2026.
const CENTER: u64 = 58_900_000;
const YEAR: u64 = 1_051_920;

fn main() {
    println!(
        "{:<7} {:>16} {:>8} {:>16} {:>8}   M HOTP/s on one core",
        "", "search median", "best", "single median", "best"
    );
    for alg in HashAlg::ALL {
        let seed = Seed::new((0..).take(alg.output_bytes()).collect());
        let generator = Generator::new(&seed, alg);
        let starts = Window::around(MovingFactor(CENTER), YEAR, YEAR);
        let planted = MovingFactor(CENTER + YEAR / 3);
        let codes: Vec<Otp> =
            (0..3).map(|i| generator.code(MovingFactor(planted.0 + i), Digits::SIX)).collect();
        let codes = CodeSequence::new(Digits::SIX, &codes).expect("three codes of six digits");
        let search = rates(|| {
            let search = find_sequence(black_box(&generator), &codes, starts, MovingFactor(0));
            assert_eq!(search.found, SequenceMatch::One { start: planted });
            search.evaluated
        });
        let single = rates(|| {
            let sum = (CENTER..CENTER + YEAR)
                .fold(0, |sum, at| sum ^ black_box(&generator).truncated(MovingFactor(at)));
            black_box(sum);
            YEAR
        });
        println!(
            "{:<7} {:>16.2} {:>8.2} {:>16.2} {:>8.2}",
            alg.name(),
            search.0,
            search.1,
            single.0,
            single.1
        );
    }
}

/// Median and best of several runs, in million HOTPs per second; `run` returns how many it computed.
#[expect(clippy::cast_precision_loss, reason = "a rate is shown with three digits")]
fn rates(mut run: impl FnMut() -> u64) -> (f64, f64) {
    let clock = SystemClock::new();
    let mut rates: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = clock.monotonic();
            let computed = run();
            computed as f64 / clock.monotonic().saturating_sub(start).as_secs_f64() / 1e6
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    (rates[RUNS / 2], rates[RUNS - 1])
}
