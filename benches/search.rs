//! How many HOTPs a core computes: the sequence search and the single code, per hash.
//!
//! `cargo bench --bench search`. Prints the median of several runs and the best one.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::hint::black_box;

use mintmark::clock::{Clock, SystemClock};
use mintmark::oath::{Generator, HashAlg, Kernel, KeySet, MovingFactor};
use mintmark::secret::Seed;

const RUNS: usize = 9;
/// A year to either side in steps of 30 s, round a step of 2026.
const CENTER: u64 = 58_900_000;
const YEAR: u64 = 1_051_920;

fn main() {
    println!("M HOTP/s on one core: median, best");
    for alg in HashAlg::ALL {
        let seed = Seed::new((0..).take(alg.output_bytes()).collect());
        let generator = Generator::new(&seed, alg);
        let planted = CENTER + YEAR / 3;
        let codes: Vec<u32> =
            (0..3).map(|i| generator.truncated(MovingFactor(planted + i)) % 1_000_000).collect();
        for kernel in Kernel::ALL {
            let one = rates(|| {
                let mut hits = 0;
                black_box(&generator).scan_with(
                    kernel,
                    CENTER..CENTER + YEAR,
                    &codes,
                    1_000_000,
                    &mut |_, _| hits += 1,
                );
                assert!(hits >= 3);
                YEAR
            });
            let mut set = KeySet::for_kernel(kernel, alg);
            for n in 0..512u32 {
                let _ = set.push(Generator::new(&Seed::new(n.to_be_bytes().repeat(5)), alg));
            }
            let many = rates(|| {
                let mut hits = 0;
                black_box(&set).scan(CENTER..CENTER + 2000, &codes, 1_000_000, &mut |_, _, _| hits += 1);
                black_box(hits);
                2000 * 512
            });
            println!(
                "{:<7} {:<7} one key {:>7.2} {:>7.2}   many keys {:>7.2} {:>7.2}",
                alg.name(),
                kernel.name(),
                one.0,
                one.1,
                many.0,
                many.1
            );
        }
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
