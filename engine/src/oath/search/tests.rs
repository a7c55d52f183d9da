use proptest::prelude::*;

use super::*;
use crate::oath::HashAlg;
use crate::secret::Seed;

const NO_FLOOR: MovingFactor = MovingFactor(0);

fn generator() -> Generator {
    Generator::new(&Seed::new(b"12345678901234567890".to_vec()), HashAlg::Sha1)
}

fn window(first: u64, last: u64) -> Window {
    Window::new(MovingFactor(first), MovingFactor(last)).expect("first comes before last")
}

fn shown(generator: &Generator, positions: impl IntoIterator<Item = u64>) -> CodeSequence {
    let codes: Vec<Otp> =
        positions.into_iter().map(|p| generator.code(MovingFactor(p), Digits::EIGHT)).collect();
    CodeSequence::new(Digits::EIGHT, &codes).expect("two to eight codes")
}

/// Found at `start`, so many codes in a row.
fn one(start: u64, codes: u64) -> SequenceMatch {
    SequenceMatch::One { start: MovingFactor(start), last: MovingFactor(start + (codes - 1)) }
}

fn behind(start: u64, codes: u64) -> SequenceMatch {
    SequenceMatch::BehindFloor { start: MovingFactor(start), last: MovingFactor(start + (codes - 1)) }
}

/// The definition, without any cleverness.
fn all_starts(generator: &Generator, codes: &CodeSequence, starts: Window) -> Vec<u64> {
    (starts.first().0..=starts.last().0)
        .filter(|start| {
            codes.values[..codes.len].iter().zip(0u64..).all(|(want, i)| {
                start
                    .checked_add(i)
                    .is_some_and(|p| generator.truncated(MovingFactor(p)) % codes.modulus == *want)
            })
        })
        .collect()
}

fn expected(starts: &[u64], floor: u64, codes: u64) -> SequenceMatch {
    match *starts {
        [] => SequenceMatch::None,
        [start] if start < floor => behind(start, codes),
        [start] => one(start, codes),
        _ => SequenceMatch::Several,
    }
}

#[test]
fn start_window_ends_belong_to_it_and_the_sequence_may_reach_out() {
    let generator = generator();
    for codes in [2, 3, 8] {
        for (start, inside) in [(999, false), (1000, true), (1100, true), (1101, false)] {
            let sequence = shown(&generator, start..start + codes);
            let search = find_sequence(&generator, &sequence, window(1000, 1100), NO_FLOOR);
            assert_eq!(search.found, if inside { one(start, codes) } else { SequenceMatch::None });
            assert_eq!(search.evaluated, 101 + codes - 1);
        }
    }
}

#[test]
fn refuses_wrong_order_gap_and_half_a_sequence() {
    let generator = generator();
    for positions in [vec![51, 50], vec![50, 52], vec![50, 51, 53], vec![50, 50], vec![51, 50, 51]] {
        let sequence = shown(&generator, positions.clone());
        let search = find_sequence(&generator, &sequence, window(0, 200), NO_FLOOR);
        assert_eq!(search.found, SequenceMatch::None, "{positions:?}");
    }
}

#[test]
fn used_pair_is_behind_the_floor() {
    let generator = generator();
    let pair = shown(&generator, 50..52);
    let search = |floor| find_sequence(&generator, &pair, window(0, 200), MovingFactor(floor)).found;
    assert_eq!(search(50), one(50, 2));
    // The first code is used, the second is not: still behind.
    assert_eq!(search(51), behind(50, 2));
    assert_eq!(search(52), behind(50, 2));
    assert_eq!(search(u64::MAX), behind(50, 2));
}

#[test]
fn pair_found_twice_is_never_decided() {
    let generator = generator();
    let digit = |p| generator.truncated(MovingFactor(p)) % 10;
    let pair = CodeSequence::toy(10, &[digit(0), digit(1)]);
    let starts = all_starts(&generator, &pair, window(0, 1000));
    let [first, second, third, ..] = starts[..] else { panic!("one digit repeats often") };
    let search =
        |from, to, floor| find_sequence(&generator, &pair, window(from, to), MovingFactor(floor)).found;
    assert_eq!(search(first, second - 1, 0), one(first, 2));
    assert_eq!(search(first, second, 0), SequenceMatch::Several);
    // One below the floor and one above it.
    assert_eq!(search(first, second, second), SequenceMatch::Several);
    // Two below the floor.
    assert_eq!(search(first, second, third), SequenceMatch::Several);
    assert_eq!(search(first + 1, second, third), behind(second, 2));
    // One more code decides.
    let longer = CodeSequence::toy(10, &[2, 1, 0].map(|back| digit(second + 2 - back)));
    let longer_starts = all_starts(&generator, &longer, window(first, second));
    assert_eq!(
        find_sequence(&generator, &longer, window(first, second), NO_FLOOR).found,
        expected(&longer_starts, 0, 3)
    );
}

#[test]
fn slices_find_together_what_the_window_finds() {
    let generator = generator();
    let last = u64::from(Window::SLICE) * 3 + 7;
    let starts = window(7, last);
    assert_eq!(starts.slices().count(), 4);
    assert_eq!(starts.slices().map(Window::positions).sum::<u128>(), starts.positions());
    // At the seams, too: a sequence may begin in one slice and end in the next.
    for start in [7, 6 + u64::from(Window::SLICE), 7 + u64::from(Window::SLICE), last] {
        let codes = shown(&generator, start..start + 3);
        let found = starts
            .slices()
            .map(|slice| find_starts(&generator, &codes, slice))
            .fold(Starts::default(), Starts::and);
        assert_eq!(found.conclude(NO_FLOOR), one(start, 3));
        assert_eq!(found, find_starts(&generator, &codes, starts));
    }
    let toy = CodeSequence::toy(10, &[1, 2]);
    let found = starts.slices().map(|slice| find_starts(&generator, &toy, slice));
    assert_eq!(found.fold(Starts::default(), Starts::and), find_starts(&generator, &toy, starts));
    assert_eq!(window(u64::MAX - 3, u64::MAX).slices().count(), 1);
}

#[test]
fn equal_neighbours_are_found_and_their_run_is_ambiguous() {
    let generator = generator();
    let digit = |p| generator.truncated(MovingFactor(p)) % 10;
    let double = (0u64..1000).find(|p| digit(*p) == digit(p + 1) && digit(*p) != digit(p + 2)).expect("soon");
    let pair = CodeSequence::toy(10, &[digit(double), digit(double + 1)]);
    assert_eq!(find_sequence(&generator, &pair, window(double, double + 1), NO_FLOOR).found, one(double, 2));
    let run = (0u64..1000).find(|p| digit(*p) == digit(p + 1) && digit(*p) == digit(p + 2)).expect("soon");
    let pair = CodeSequence::toy(10, &[digit(run), digit(run)]);
    assert_eq!(find_sequence(&generator, &pair, window(run, run), NO_FLOOR).found, one(run, 2));
    assert_eq!(
        find_sequence(&generator, &pair, window(run, run + 1), NO_FLOOR).found,
        SequenceMatch::Several
    );
}

#[test]
fn ends_of_the_counter_are_safe() {
    let generator = generator();
    let max = u64::MAX;
    let search = |start, from, to| {
        find_sequence(&generator, &shown(&generator, start..=start + 1), window(from, to), NO_FLOOR)
    };
    assert_eq!(search(0, 0, 0), SequenceSearch { found: one(0, 2), evaluated: 2 });
    assert_eq!(search(max - 1, max - 10, max), SequenceSearch { found: one(max - 1, 2), evaluated: 11 });
    assert_eq!(search(max - 1, max - 1, max - 1), SequenceSearch { found: one(max - 1, 2), evaluated: 2 });
    assert_eq!(search(5, max, max), SequenceSearch { found: SequenceMatch::None, evaluated: 1 });
    assert_eq!(search(1 << 32, (1 << 32) - 50, (1 << 32) + 50).found, one(1 << 32, 2));
}

#[test]
fn codes_that_were_left_out_are_passed_over_when_it_is_said() {
    let generator = generator();
    let missed = || shown(&generator, [50, 52, 53]);
    let search = |codes: CodeSequence| find_sequence(&generator, &codes, window(0, 200), NO_FLOOR);
    assert_eq!(search(missed()).found, SequenceMatch::None);
    let codes = missed().spread(&[Apart::left_out(1), Apart::left_out(1)]);
    assert_eq!(codes.ways(), 4);
    let fits = SequenceMatch::One { start: MovingFactor(50), last: MovingFactor(53) };
    assert_eq!(search(codes), SequenceSearch { found: fits, evaluated: 205 });
    // The time between the codes says that one step was left out before the second, and none before the third.
    let two = Apart { least: 2, most: 2 };
    assert_eq!(search(missed().spread(&[two])).found, fits);
    assert_eq!(search(missed().spread(&[two, two])).found, SequenceMatch::None);
    // What is impossible is not believed.
    assert_eq!(missed().spread(&[Apart { least: 0, most: 0 }]).ways(), 1);
}

#[test]
fn sequences_of_wrong_size_or_length_are_refused() {
    let code = || Otp::parse("123456").expect("six digits");
    let refused = |codes: &[Otp]| CodeSequence::new(Digits::SIX, codes).expect_err("refused");
    assert_eq!(refused(&[]), SequenceError::Count(0));
    assert_eq!(refused(&[code()]), SequenceError::Count(1));
    assert_eq!(refused(&std::array::from_fn::<_, 9, _>(|_| code())), SequenceError::Count(9));
    let long = Otp::parse("1234567").expect("seven digits");
    assert_eq!(refused(&[code(), long]), SequenceError::Length { number: 2, given: 7, expected: 6 });
}

#[test]
fn debug_shows_no_code() {
    let pair = CodeSequence::toy(1_000_000, &[123_456, 654_321]);
    for shown in [format!("{pair:?}"), format!("{pair:#?}")] {
        assert_eq!(shown, "CodeSequence(2 codes)");
    }
}

proptest! {
    #[test]
    fn any_drift_planted_inside_the_window_is_found(
        seed in prop::collection::vec(any::<u8>(), 20),
        alg in prop::sample::select(&HashAlg::ALL[..]),
        center in 0u64..100_000_000,
        past in 0u64..500,
        future in 0u64..500,
        place in any::<prop::sample::Index>(),
        codes in 3u64..=5,
    ) {
        let generator = Generator::new(&Seed::new(seed), alg);
        let starts = Window::around(MovingFactor(center), past, future);
        let count = usize::try_from(starts.positions()).expect("small");
        let start = starts.first().0 + place.index(count) as u64;
        let sequence = shown(&generator, start..start + codes);
        prop_assert_eq!(find_sequence(&generator, &sequence, starts, NO_FLOOR).found, one(start, codes));
    }

    #[test]
    fn left_out_codes_agree_with_the_definition(
        first in prop_oneof![0u64..1000, u64::MAX - 300..=u64::MAX],
        len in 0u64..200,
        modulus in 2u32..12,
        codes in prop::collection::vec((0u32..12, 1u64..4, 0u64..4), 2..=4),
        slice in 1u64..80,
    ) {
        let generator = generator();
        let starts = window(first, first.saturating_add(len));
        let values: Vec<u32> = codes.iter().map(|(code, ..)| code % modulus).collect();
        let apart: Vec<Apart> =
            codes[1..].iter().map(|(_, least, more)| Apart { least: *least, most: least + more }).collect();
        let sequence = CodeSequence::toy(modulus, &values).spread(&apart);
        // Every way of every start position, one after another.
        let fits = |at: u64, want: u32| generator.truncated(MovingFactor(at)) % modulus == want;
        let mut ways: Vec<(u64, u64)> = (starts.first().0..=starts.last().0)
            .filter(|start| fits(*start, values[0]))
            .map(|start| (start, start))
            .collect();
        for (want, apart) in values[1..].iter().zip(&apart) {
            ways = ways
                .into_iter()
                .flat_map(|(start, at)| {
                    (apart.least..=apart.most).filter_map(move |by| Some((start, at.checked_add(by)?)))
                })
                .filter(|(_, at)| fits(*at, *want))
                .collect();
        }
        let expected = match ways[..] {
            [] => SequenceMatch::None,
            [(start, last)] => SequenceMatch::One { start: MovingFactor(start), last: MovingFactor(last) },
            _ => SequenceMatch::Several,
        };
        prop_assert_eq!(find_sequence(&generator, &sequence, starts, NO_FLOOR).found, expected);
        let pieces = starts.pieces(slice).map(|piece| find_starts(&generator, &sequence, piece));
        prop_assert_eq!(pieces.fold(Starts::default(), Starts::and).conclude(NO_FLOOR), expected);
    }

    #[test]
    fn agrees_with_the_definition_where_collisions_are_everywhere(
        first in prop_oneof![0u64..1000, u64::MAX - 300..=u64::MAX],
        len in 0u64..300,
        modulus in 2u32..6,
        codes in prop::collection::vec(0u32..6, 2..=8),
        floor_ahead in 0u64..300,
    ) {
        let generator = generator();
        let starts = window(first, first.saturating_add(len));
        let floor = first.saturating_add(floor_ahead);
        let codes: Vec<u32> = codes.iter().map(|c| c % modulus).collect();
        let sequence = CodeSequence::toy(modulus, &codes);
        let search = find_sequence(&generator, &sequence, starts, MovingFactor(floor));
        let hits = all_starts(&generator, &sequence, starts);
        prop_assert_eq!(search.found, expected(&hits, floor, codes.len() as u64));
    }
}
