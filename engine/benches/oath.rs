//! What the engine computes, alone and on one core: `cargo bench --bench oath`, or `-- search/sha1` for some of it.

use std::hint::black_box;

use criterion::{BenchmarkGroup, Criterion, Throughput, measurement::WallTime};
use mintmark_engine::clock::UnixTime;
use mintmark_engine::oath::drift::{Observation, Sureness, fit};
use mintmark_engine::oath::{
    CodeSequence, Digits, Generator, HashAlg, KeySet, MovingFactor, OcraGenerator, OcraInputs, OcraPosition,
    OcraSuite, OcraWindow, Otp, PeriodSecs, Question, Window, find_in_window, find_responses, find_sequence,
};
use mintmark_engine::secret::Seed;

/// Start positions of a search; a month to either side of a clock.
const POSITIONS: u64 = 172_801;
/// The same for responses.
const RESPONSES: u64 = 20_000;
/// Positions at which many keys are tried.
const SHARED: u64 = 64;
/// Somewhere among the steps of this century.
const CENTER: MovingFactor = MovingFactor(58_000_000);

fn seed(number: u8) -> Seed {
    Seed::new((0..20).map(|at: u8| at.wrapping_mul(7) ^ number).collect())
}

fn codes(count: u32) -> Vec<Otp> {
    (0..count).map(|n| Otp::from_value(271_828 + n, Digits::SIX)).collect()
}

fn per_hash(
    criterion: &mut Criterion,
    name: &str,
    codes: u64,
    mut bench: impl FnMut(&mut BenchmarkGroup<'_, WallTime>, HashAlg),
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(Throughput::Elements(codes));
    for alg in HashAlg::ALL {
        bench(&mut group, alg);
    }
    group.finish();
}

/// Three codes of one token, looked for in a wide window.
fn search(criterion: &mut Criterion) {
    let wanted = CodeSequence::new(Digits::SIX, &codes(3)).expect("three codes");
    let starts = Window::around(CENTER, POSITIONS / 2, POSITIONS / 2);
    per_hash(criterion, "search", wanted.evaluated(starts), |group, alg| {
        let generator = Generator::new(&seed(1), alg);
        group.bench_function(alg.name(), |bencher| {
            bencher.iter(|| find_sequence(black_box(&generator), &wanted, starts, MovingFactor(0)));
        });
    });
}

/// Many tokens, tried at the same positions.
fn keys(criterion: &mut Criterion) {
    let wanted = [271_828, 271_829, 271_830];
    per_hash(criterion, "keys", KeySet::MOST as u64 * SHARED, |group, alg| {
        let mut set = KeySet::new(alg);
        for number in (0..=u8::MAX).cycle().take(KeySet::MOST) {
            set.push(Generator::new(&seed(number), alg)).expect("room for it");
        }
        group.bench_function(alg.name(), |bencher| {
            bencher.iter(|| {
                let mut hits = 0u32;
                let range = CENTER.0..CENTER.0 + SHARED;
                set.scan(range, &wanted, Digits::SIX.modulus(), &mut |_, _, _| hits += 1);
                hits
            });
        });
    });
}

/// One code in the ordinary window, the secret keyed first: what a sign-in computes.
fn check(criterion: &mut Criterion) {
    let otp = Otp::from_value(271_828, Digits::SIX);
    for (name, past, future) in [("check/clock", 1, 1), ("check/counter", 20, 10)] {
        let seed = seed(1);
        criterion.bench_function(name, |bencher| {
            bencher.iter(|| {
                let generator = Generator::new(black_box(&seed), HashAlg::Sha1);
                find_in_window(&generator, Digits::SIX, &otp, CENTER, past, future, CENTER)
            });
        });
    }
}

/// Two answers of a token with a keypad, looked for over a clock and over a counter.
fn ocra(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("ocra");
    group.throughput(Throughput::Elements(RESPONSES));
    let around = |positions: u64| Window::around(CENTER, positions / 2, (positions - 1) / 2);
    for (name, suite, counters, steps) in [
        ("clock", "OCRA-1:HOTP-SHA1-6:QN08-T1M", 1, RESPONSES),
        ("counter", "OCRA-1:HOTP-SHA1-6:C-QN08", RESPONSES, 1),
    ] {
        let suite = OcraSuite::parse(suite).expect("a suite");
        let asked = ["12345678", "87654321"].map(|text| {
            let question = Question::new(&suite, text).expect("a question");
            OcraGenerator::new(&seed(1), &suite, &question, &OcraInputs::default()).expect("nothing missing")
        });
        let window = OcraWindow { counters: around(counters), steps: around(steps), gap: 2 };
        let responses = codes(2);
        group.bench_function(name, |bencher| {
            bencher.iter(|| find_responses(black_box(&asked), &responses, &window, OcraPosition::START));
        });
    }
    group.finish();
}

/// The line through all that is kept of a clock: sixteen observations.
fn drift(criterion: &mut Criterion) {
    let observations: Vec<Observation> = (0..16)
        .map(|week: i64| Observation {
            at: UnixTime::from_secs(1_760_000_000 + 604_800 * week),
            offset_secs: 30 + 7 * week,
            sure: if week % 4 == 0 { Sureness::Step } else { Sureness::AtLeast },
        })
        .collect();
    criterion.bench_function("drift/fit", |bencher| {
        bencher.iter(|| fit(black_box(&observations), PeriodSecs::DEFAULT));
    });
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    search(&mut criterion);
    keys(&mut criterion);
    check(&mut criterion);
    ocra(&mut criterion);
    drift(&mut criterion);
    criterion.final_summary();
}
