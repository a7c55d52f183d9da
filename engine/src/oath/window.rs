//! One code against a window of positions: the ordinary check of HOTP (RFC 4226 §7.2, §7.4) and
//! TOTP (RFC 6238 §5.2).
//!
//! Counting the attempt and moving the floor belong to the caller.

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq, ConstantTimeGreater, ConstantTimeLess};

use super::{Digits, Generator, MovingFactor, Otp};

/// A run of positions, both ends included; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    first: MovingFactor,
    last: MovingFactor,
}

impl Window {
    /// From `first` to `last`, both included; `None` when `last` comes before `first`.
    pub fn new(first: MovingFactor, last: MovingFactor) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// `past` positions before `center`, `center` itself and `future` after it; cut off at 0 and at
    /// the largest counter.
    pub const fn around(center: MovingFactor, past: u64, future: u64) -> Self {
        Self {
            first: MovingFactor(center.0.saturating_sub(past)),
            last: MovingFactor(center.0.saturating_add(future)),
        }
    }

    /// The first position.
    pub const fn first(self) -> MovingFactor {
        self.first
    }

    /// The last position, which belongs to the window.
    pub const fn last(self) -> MovingFactor {
        self.last
    }

    /// Positions that are searched in one go: about two milliseconds of a core.
    pub const SLICE: u32 = 1 << 17;

    /// The window in order, cut into pieces of [`SLICE`](Self::SLICE) positions; the last may be shorter.
    pub fn slices(self) -> impl Iterator<Item = Self> {
        self.pieces(u64::from(Self::SLICE))
    }

    /// The window in order, cut into pieces of so many positions, at least one; the last may be shorter.
    pub fn pieces(self, positions: u64) -> impl Iterator<Item = Self> {
        let mut next = Some(self.first);
        std::iter::from_fn(move || {
            let first = next?;
            let last = first.0.saturating_add(positions.max(1) - 1).min(self.last.0);
            let last = MovingFactor(last);
            next = (last < self.last).then(|| last.next());
            Some(Self { first, last })
        })
    }

    /// Number of positions, 1 to 2^64.
    pub fn positions(self) -> u128 {
        u128::from(self.last.0 - self.first.0) + 1
    }
}

/// What [`find_in_window`] says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowMatch {
    /// The code of this position, which is not below the floor.
    Accepted(MovingFactor),
    /// The code of this position below the floor only: it was used or passed over before.
    Used(MovingFactor),
    /// No position of the window has this code.
    None,
}

/// Looks for `otp` among the positions from `past` before `center` to `future` after it (cut off at
/// 0 and the largest counter). `floor` is the lowest position that may still be accepted.
///
/// Every position is computed and compared in constant time, also after a match, so the time tells
/// nothing about the place of a match. Of several matches the nearest to the centre counts, of two
/// equally near the later one (its floor shuts out both). One code, `past + future + 1` HMACs.
///
/// - HOTP: `center` = `floor` = the next counter, `future` = look-ahead; a `past` above 0 only lets
///   a replayed code be told from a wrong one.
/// - TOTP: `center` = the token's present step ([`time_step`](super::time_step) with its offset).
///
/// An input with another number of digits than `digits` is `None` without any HMAC.
pub fn find_in_window(
    generator: &Generator,
    digits: Digits,
    otp: &Otp,
    center: MovingFactor,
    past: u64,
    future: u64,
    floor: MovingFactor,
) -> WindowMatch {
    let Some(wanted) = otp.value(digits) else { return WindowMatch::None };
    find_value(generator, digits.modulus(), wanted, center, Window::around(center, past, future), floor)
}

/// The best match so far on one side of the floor.
struct Nearest {
    found: Choice,
    position: u64,
    distance: u64,
}

impl Nearest {
    fn new() -> Self {
        Self { found: Choice::from(0), position: 0, distance: 0 }
    }

    fn offer(&mut self, hit: Choice, position: u64, distance: u64) {
        // Positions ascend, so an equal distance means the later one.
        let take = hit & (!self.found | !distance.ct_gt(&self.distance));
        self.position.conditional_assign(&position, take);
        self.distance.conditional_assign(&distance, take);
        self.found |= hit;
    }
}

fn find_value(
    generator: &Generator,
    modulus: u32,
    wanted: u32,
    center: MovingFactor,
    window: Window,
    floor: MovingFactor,
) -> WindowMatch {
    let mut fresh = Nearest::new();
    let mut used = Nearest::new();
    for position in window.first.0..=window.last.0 {
        let hit = (generator.truncated(MovingFactor(position)) % modulus).ct_eq(&wanted);
        let below = position.ct_lt(&floor.0);
        let distance = position.abs_diff(center.0);
        fresh.offer(hit & !below, position, distance);
        used.offer(hit & below, position, distance);
    }
    if bool::from(fresh.found) {
        WindowMatch::Accepted(MovingFactor(fresh.position))
    } else if bool::from(used.found) {
        WindowMatch::Used(MovingFactor(used.position))
    } else {
        WindowMatch::None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::oath::HashAlg;
    use crate::secret::Seed;

    fn generator() -> Generator {
        Generator::new(&Seed::new(b"12345678901234567890".to_vec()), HashAlg::Sha1)
    }

    fn check(code_of: u64, center: u64, past: u64, future: u64, floor: u64) -> WindowMatch {
        let generator = generator();
        let otp = generator.code(MovingFactor(code_of), Digits::EIGHT);
        let (center, floor) = (MovingFactor(center), MovingFactor(floor));
        find_in_window(&generator, Digits::EIGHT, &otp, center, past, future, floor)
    }

    #[test]
    fn both_ends_of_the_window_belong_to_it() {
        for (position, inside) in [(96, false), (97, true), (100, true), (105, true), (106, false)] {
            let expected =
                if inside { WindowMatch::Accepted(MovingFactor(position)) } else { WindowMatch::None };
            assert_eq!(check(position, 100, 3, 5, 0), expected, "position {position}");
        }
    }

    #[test]
    fn refuses_used_code_and_tells_it_from_a_wrong_one() {
        assert_eq!(check(99, 100, 3, 5, 100), WindowMatch::Used(MovingFactor(99)));
        assert_eq!(check(100, 100, 3, 5, 100), WindowMatch::Accepted(MovingFactor(100)));
        assert_eq!(check(100, 100, 3, 5, 101), WindowMatch::Used(MovingFactor(100)));
        assert_eq!(check(42, 100, 3, 5, 100), WindowMatch::None);
        assert_eq!(check(101, 100, 3, 5, u64::MAX), WindowMatch::Used(MovingFactor(101)));
    }

    #[test]
    fn window_is_cut_off_at_both_ends_of_the_counter() {
        assert_eq!(check(0, 2, 10, 1, 0), WindowMatch::Accepted(MovingFactor(0)));
        let max = u64::MAX;
        assert_eq!(check(max, max - 1, 1, 10, 0), WindowMatch::Accepted(MovingFactor(max)));
        assert_eq!(check(max - 2, max, 2, max, 0), WindowMatch::Accepted(MovingFactor(max - 2)));
        assert_eq!(Window::around(MovingFactor(5), max, max).positions(), 1 << 64);
    }

    #[test]
    fn counters_beyond_32_and_63_bits_are_found() {
        for position in [1 << 32, (1 << 32) - 1, (1 << 63) - 1, 1 << 63] {
            assert_eq!(check(position, position, 1, 1, 0), WindowMatch::Accepted(MovingFactor(position)));
        }
    }

    #[test]
    fn input_of_another_length_is_refused() {
        let generator = generator();
        for text in ["12345", "1234567", "123456789"] {
            let otp = Otp::parse(text).expect("only digits");
            let at = MovingFactor(0);
            let answer = find_in_window(&generator, Digits::SIX, &otp, at, 0, 1000, at);
            assert_eq!(answer, WindowMatch::None, "{text}");
        }
    }

    #[test]
    fn leading_zeros_and_blanks_are_no_obstacle() {
        // Counter 44 of the RFC seed gives 000152.
        let otp = Otp::parse("000 152").expect("six digits");
        let answer =
            find_in_window(&generator(), Digits::SIX, &otp, MovingFactor(40), 0, 10, MovingFactor(40));
        assert_eq!(answer, WindowMatch::Accepted(MovingFactor(44)));
    }

    #[test]
    fn window_without_positions_does_not_exist() {
        assert_eq!(Window::new(MovingFactor(2), MovingFactor(1)), None);
        assert_eq!(Window::new(MovingFactor(2), MovingFactor(2)).expect("one position").positions(), 1);
    }

    proptest! {
        /// With ten different codes nearly every window holds several matches.
        #[test]
        fn of_several_matches_the_nearest_counts(
            center in 0u64..60,
            past in 0u64..40,
            future in 0u64..40,
            floor in 0u64..80,
            wanted in 0u32..10,
        ) {
            let generator = generator();
            let window = Window::around(MovingFactor(center), past, future);
            let hits: Vec<u64> = (window.first.0..=window.last.0)
                .filter(|p| generator.truncated(MovingFactor(*p)) % 10 == wanted)
                .collect();
            let nearest = |side: &dyn Fn(u64) -> bool| {
                hits.iter().rev().copied().filter(|p| side(*p)).min_by_key(|p| p.abs_diff(center)).map(MovingFactor)
            };
            let expected = match (nearest(&|p| p >= floor), nearest(&|p| p < floor)) {
                (Some(at), _) => WindowMatch::Accepted(at),
                (None, Some(at)) => WindowMatch::Used(at),
                (None, None) => WindowMatch::None,
            };
            let found = find_value(&generator, 10, wanted, MovingFactor(center), window, MovingFactor(floor));
            prop_assert_eq!(found, expected);
        }
    }
}
