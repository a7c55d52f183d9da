//! The search for the position of several consecutive codes: resynchronisation, first confirmation,
//! diagnosis (RFC 4226 §7.4 and E.3, RFC 6238 §6).
//!
//! How wide a window a number of codes may carry is told by [`policy`](super::policy); attempts and
//! floors are kept by the callers.
//!
//! Every start position is examined for the **whole** sequence. A search that stops where the first
//! code fits and compares the others only there fails legitimate users: with six digits and two
//! years of steps the first fit is a chance hit more often than not.

use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Digits, Generator, MovingFactor, Otp, Window};

/// These codes are not a sequence that can be searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SequenceError {
    /// One code fits nearly everywhere in a wide window.
    #[error("{0} codes were given, {min} to {max} are needed", min = CodeSequence::MIN_LEN, max = CodeSequence::MAX_LEN)]
    Count(usize),
    /// The token shows another number of digits.
    #[error("code {number} has {given} digits, the token shows {expected}")]
    Length {
        /// Which code, counted from 1.
        number: usize,
        /// Digits typed.
        given: usize,
        /// Digits of the token.
        expected: u8,
    },
}

/// How many positions lie between one code and the next, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Apart {
    /// At least so many, never none.
    pub least: u64,
    /// At most so many.
    pub most: u64,
}

impl Apart {
    /// The next code, none left out.
    pub const NEXT: Self = Self { least: 1, most: 1 };

    /// Up to so many codes may have been left out.
    pub const fn left_out(most: u64) -> Self {
        Self { least: 1, most: most.saturating_add(1) }
    }

    /// In how many ways the next code can follow: what this multiplies the start positions by.
    pub const fn ways(self) -> u64 {
        self.most.saturating_sub(self.least).saturating_add(1)
    }
}

/// Two to eight codes that a token showed in this order, none left out unless it is said. Wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct CodeSequence {
    values: [u32; Self::MAX_LEN],
    len: usize,
    #[zeroize(skip)]
    modulus: u32,
    /// From the code before to each code; the first has none.
    #[zeroize(skip)]
    apart: [Apart; Self::MAX_LEN],
}

impl CodeSequence {
    /// Fewest codes: one alone proves nothing in a wide window.
    pub const MIN_LEN: usize = 2;
    /// Most codes that anybody would type.
    pub const MAX_LEN: usize = 8;

    /// Takes the codes in the order in which the token showed them. Equal neighbours are allowed: an
    /// event token shows them once in 10^digits times.
    pub fn new(digits: Digits, codes: &[Otp]) -> Result<Self, SequenceError> {
        if !(Self::MIN_LEN..=Self::MAX_LEN).contains(&codes.len()) {
            return Err(SequenceError::Count(codes.len()));
        }
        let (values, apart) = ([0; Self::MAX_LEN], [Apart::NEXT; Self::MAX_LEN]);
        let mut made = Self { values, len: codes.len(), modulus: digits.modulus(), apart };
        for (index, (place, code)) in made.values.iter_mut().zip(codes).enumerate() {
            *place = code.value(digits).ok_or(SequenceError::Length {
                number: index + 1,
                given: code.len(),
                expected: digits.get(),
            })?;
        }
        Ok(made)
    }

    /// The same codes, where so many positions may lie before the second, the third and so on. What is not said
    /// stays [`Apart::NEXT`].
    #[must_use]
    pub fn spread(mut self, apart: &[Apart]) -> Self {
        for (place, apart) in self.apart.iter_mut().skip(1).zip(apart) {
            let least = apart.least.max(1);
            *place = Apart { least, most: apart.most.max(least) };
        }
        self
    }

    /// In how many ways the codes can lie from one start position on.
    pub fn ways(&self) -> u128 {
        self.apart[1..self.len].iter().fold(1, |ways: u128, apart| ways.saturating_mul(apart.ways().into()))
    }

    /// How far behind its start position a sequence can end.
    fn reach(&self) -> u64 {
        self.apart[1..self.len].iter().fold(0, |reach: u64, apart| reach.saturating_add(apart.most))
    }

    /// Number of codes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Never true.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True when codes of a token with so many digits are compared.
    pub const fn has_digits(&self, digits: Digits) -> bool {
        self.modulus == digits.modulus()
    }

    pub(super) fn values(&self) -> &[u32] {
        &self.values[..self.len]
    }

    pub(super) const fn modulus(&self) -> u32 {
        self.modulus
    }

    /// HMACs that a search over these start positions costs: positions plus number of codes less one, plus those
    /// that may have been left out.
    pub fn evaluated(&self, starts: Window) -> u64 {
        let last = starts.last().0.saturating_add(self.reach());
        (last - starts.first().0).saturating_add(1)
    }

    /// Codes of a toy token, so small that collisions are everywhere.
    #[cfg(test)]
    fn toy(modulus: u32, codes: &[u32]) -> Self {
        let mut values = [0; Self::MAX_LEN];
        values[..codes.len()].copy_from_slice(codes);
        Self { values, len: codes.len(), modulus, apart: [Apart::NEXT; Self::MAX_LEN] }
    }
}

impl std::fmt::Debug for CodeSequence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CodeSequence({} codes)", self.len)
    }
}

/// Where the sequence was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SequenceMatch {
    /// Nowhere in the window.
    None,
    /// At exactly one start position, which is not below the floor. The token's next position comes after `last`.
    One {
        /// Position of the first code.
        start: MovingFactor,
        /// Position of the last code.
        last: MovingFactor,
    },
    /// At exactly one start position, and that lies below the floor: the codes are right, but some
    /// or all of them were used or passed over (a clock that was set back, or a replay).
    BehindFloor {
        /// Position of the first code.
        start: MovingFactor,
        /// Position of the last code.
        last: MovingFactor,
    },
    /// At more than one start position, or in more than one way from one, on whichever side of the floor: nobody can tell which is the
    /// token's, so none is chosen. Ask for one more code.
    Several,
}

/// Answer of [`find_sequence`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceSearch {
    /// Where the sequence was found.
    pub found: SequenceMatch,
    /// HMACs computed, see [`CodeSequence::evaluated`]. The same for every outcome.
    pub evaluated: u64,
}

/// Looks for `codes` at every start position of `starts`; `floor` is the lowest position that may
/// still be accepted, positions below it are searched too.
///
/// Each HMAC is computed once, memory is constant, and the whole window is examined whatever is
/// found. A match on each side of the floor counts as [`SequenceMatch::Several`]: the one below may
/// be the true one (a token whose clock was set back), and then the one above is a chance hit.
///
/// Codes behind the last counter value do not exist, so start positions from which the sequence
/// would run past it fit nothing.
///
/// A wide window can be cut into [slices](Window::slices), each searched with [`find_starts`] by
/// whoever has time for it, and their finds put together.
pub fn find_sequence(
    generator: &Generator,
    codes: &CodeSequence,
    starts: Window,
    floor: MovingFactor,
) -> SequenceSearch {
    let found = find_starts(generator, codes, starts).conclude(floor);
    SequenceSearch { found, evaluated: codes.evaluated(starts) }
}

/// Start positions that fitted, of a window or a part of one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Starts {
    /// The first of them, and where the sequence ends from there.
    first: Option<(MovingFactor, MovingFactor)>,
    count: u64,
}

impl Starts {
    /// Those of two parts that share no start position.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        Self { first, count: self.count.saturating_add(other.count) }
    }

    /// What they say of a token with this floor.
    pub fn conclude(self, floor: MovingFactor) -> SequenceMatch {
        match (self.first, self.count) {
            (None, _) => SequenceMatch::None,
            (Some((start, last)), 1) if start < floor => SequenceMatch::BehindFloor { start, last },
            (Some((start, last)), 1) => SequenceMatch::One { start, last },
            (Some(_), _) => SequenceMatch::Several,
        }
    }
}

/// The start positions of `starts` at which `codes` fit. Computes [`CodeSequence::evaluated`] HMACs.
pub fn find_starts(generator: &Generator, codes: &CodeSequence, starts: Window) -> Starts {
    let mut progress = Progress::new(codes, starts.last());
    let wanted = codes.values();
    let last = starts.last().0.saturating_add(codes.reach());
    // `scan` cannot reach the largest counter, so the last position is compared here.
    generator.scan(starts.first().0..last, wanted, codes.modulus, &mut |position, index| {
        progress.hit(position, index);
    });
    let value = generator.truncated(MovingFactor(last)) % codes.modulus;
    for (index, _) in wanted.iter().enumerate().filter(|(_, want)| **want == value) {
        progress.hit(last, index);
    }
    progress.found
}

/// One code of a sequence that fitted, with all before it.
#[derive(Clone, Copy)]
struct Reached {
    position: u64,
    /// Ways that lead here.
    ways: u64,
    /// Where the first of them begins.
    start: MovingFactor,
}

/// Follows the sequence through the ascending hits of a scan.
struct Progress<'c> {
    apart: &'c [Apart],
    /// No sequence begins behind it: the codes there belong to the next part of a window.
    last_start: MovingFactor,
    /// For each code but the last, the places that another code can still follow.
    reached: Vec<Vec<Reached>>,
    found: Starts,
}

impl<'c> Progress<'c> {
    fn new(codes: &'c CodeSequence, last_start: MovingFactor) -> Self {
        let apart = &codes.apart[..codes.len];
        let reached = vec![Vec::new(); codes.len.saturating_sub(1)];
        Self { apart, last_start, reached, found: Starts::default() }
    }

    fn hit(&mut self, position: u64, index: usize) {
        let here = match index.checked_sub(1) {
            None if position > self.last_start.0 => return,
            None => Reached { position, ways: 1, start: MovingFactor(position) },
            Some(before) => {
                let Apart { least, most } = self.apart[index];
                let places = &mut self.reached[before];
                // Positions come in ascending order: what is too far away now is so for ever.
                places.retain(|place| position - place.position <= most);
                let mut fits = places.iter().filter(|place| position - place.position >= least);
                let Some(first) = fits.next() else { return };
                let ways = fits.fold(first.ways, |ways, place| ways.saturating_add(place.ways));
                Reached { position, ways, start: first.start }
            }
        };
        if let Some(places) = self.reached.get_mut(index) {
            places.push(here);
            return;
        }
        self.found.count = self.found.count.saturating_add(here.ways);
        self.found.first.get_or_insert((here.start, MovingFactor(position)));
    }
}

#[cfg(test)]
mod tests {
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
        let double =
            (0u64..1000).find(|p| digit(*p) == digit(p + 1) && digit(*p) != digit(p + 2)).expect("soon");
        let pair = CodeSequence::toy(10, &[digit(double), digit(double + 1)]);
        assert_eq!(
            find_sequence(&generator, &pair, window(double, double + 1), NO_FLOOR).found,
            one(double, 2)
        );
        let run =
            (0u64..1000).find(|p| digit(*p) == digit(p + 1) && digit(*p) == digit(p + 2)).expect("soon");
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
        assert_eq!(
            search(max - 1, max - 1, max - 1),
            SequenceSearch { found: one(max - 1, 2), evaluated: 2 }
        );
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
}
