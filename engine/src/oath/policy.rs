//! How many codes a window needs so that guessing stays hopeless.
//!
//! Rule: ten attempts together may succeed by chance once in a million, so n codes out of s different ones carry
//! W start positions when 10 · W · s^(−n) ≤ 10^−6. With d digits s is 10^d. W counts everything that is tried: positions,
//! times tokens when the token is looked for too, times readings in a diagnosis.

use super::Digits;

/// Attempts (10) divided by allowed chance (10^-6).
const MARGIN: u128 = 10_000_000;
/// Even a window of one position asks for two codes: one is an ordinary login.
const LEAST_CODES: usize = 2;
/// Nobody types more.
const MOST_CODES: usize = super::CodeSequence::MAX_LEN;
/// A truncated HMAC has 31 bits: more than nine digits hold no more than that.
const MOST_DIGITS: u8 = 9;

/// How many different codes a token can show at one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeSpace(u64);

impl CodeSpace {
    /// Six hexadecimal digits.
    pub const MOTP: Self = Self(1 << 24);
}

impl From<Digits> for CodeSpace {
    fn from(digits: Digits) -> Self {
        Self(10u64.pow(u32::from(digits.get().min(MOST_DIGITS))))
    }
}

/// The least number n ≥ 2 of codes with s^n ≥ `start_positions` · 10^7, where s is how many different ones there
/// are.
///
/// Six digits: 2 up to 100,000 positions, 3 up to 10^11.
pub fn codes_needed(space: impl Into<CodeSpace>, start_positions: u128) -> usize {
    let (space, mut codes) = (space.into(), LEAST_CODES);
    while widest(space, codes).is_some_and(|carried| carried < start_positions) {
        codes += 1;
    }
    codes
}

/// The same for responses of OCRA tokens and for codes of mOTP apps, where `positions` is the product of counters and steps and up to
/// `gap` steps may pass between two responses: each of those multiplies what is tried.
pub fn responses_needed(space: impl Into<CodeSpace>, positions: u128, gap: u64) -> usize {
    let space = space.into();
    let carries =
        |codes| widest(space, codes).is_none_or(|carried| carried >= response_tries(positions, gap, codes));
    // A gap may grow what is tried faster than a code of few digits carries it: then none is enough.
    (LEAST_CODES..usize::MAX).find(|codes| *codes > MOST_CODES || carries(*codes)).unwrap_or(usize::MAX)
}

/// Positions times the ways in which steps can have passed between `codes` responses:
/// `positions` · (`gap` + 1)^(`codes` − 1).
pub fn response_tries(positions: u128, gap: u64, codes: usize) -> u128 {
    let between = u32::try_from(codes.saturating_sub(1)).unwrap_or(u32::MAX);
    positions.saturating_mul((u128::from(gap) + 1).saturating_pow(between))
}

/// The most start positions that `codes` codes carry by the rule of [`codes_needed`]; 0 below two
/// codes, `u64::MAX` when they carry more than that.
pub fn widest_window(space: impl Into<CodeSpace>, codes: usize) -> u64 {
    if codes < LEAST_CODES {
        return 0;
    }
    widest(space.into(), codes).map_or(u64::MAX, |carried| u64::try_from(carried).unwrap_or(u64::MAX))
}

/// s^codes divided by 10^7, rounded down; `None` when it does not fit. `codes` is at least two.
fn widest(space: CodeSpace, codes: usize) -> Option<u128> {
    let space = u128::from(space.0);
    let but_one = space.checked_pow(u32::try_from(codes).ok()?.checked_sub(1)?)?;
    let whole = (but_one / MARGIN).checked_mul(space)?;
    whole.checked_add((but_one % MARGIN) * space / MARGIN)
}

/// The chance, 0 to 1, that `codes` random codes would have fitted at one of `positions` start
/// positions: 1 − (1 − s^(−codes))^positions, where s is how many different ones there are.
///
/// For one attempt; a few attempts multiply it. The slight bias of truncation (2.4 % per code with
/// eight digits, less with fewer) is left out.
#[expect(clippy::cast_precision_loss, reason = "a chance is shown with two digits")]
pub fn chance(space: impl Into<CodeSpace>, codes: usize, positions: u128) -> f64 {
    let codes = i32::try_from(codes).unwrap_or(i32::MAX);
    let single = (space.into().0 as f64).powi(codes.saturating_neg());
    if positions == 0 {
        return 0.0;
    }
    // The plain formula would lose all digits when `single` is below 1e-16.
    -(positions as f64 * (-single).ln_1p()).exp_m1()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digits(count: u32) -> Digits {
        Digits::new(count).expect("6 to 8")
    }

    #[test]
    fn codes_needed_at_the_decades_of_the_window() {
        let table = [(6, [2, 2, 2, 2, 3, 3]), (7, [2, 2, 2, 2, 2, 2]), (8, [2, 2, 2, 2, 2, 2])];
        for (count, row) in table {
            for (exponent, expected) in (2..).zip(row) {
                assert_eq!(
                    codes_needed(digits(count), 10u128.pow(exponent)),
                    expected,
                    "{count} 10^{exponent}"
                );
            }
        }
    }

    #[test]
    fn limits_are_exact() {
        assert_eq!(codes_needed(Digits::SIX, 0), 2);
        assert_eq!(codes_needed(Digits::SIX, 1), 2);
        assert_eq!(codes_needed(Digits::SIX, 100_000), 2);
        assert_eq!(codes_needed(Digits::SIX, 100_001), 3);
        assert_eq!(codes_needed(Digits::SIX, 10u128.pow(11)), 3);
        assert_eq!(codes_needed(Digits::SIX, 10u128.pow(11) + 1), 4);
        assert_eq!(codes_needed(digits(7), 10u128.pow(7) + 1), 3);
        // A year to either side in steps of 30 s.
        assert_eq!(codes_needed(Digits::SIX, 2_103_841), 3);
        assert_eq!(codes_needed(Digits::EIGHT, 2_103_841), 2);
        assert_eq!(codes_needed(Digits::SIX, u128::MAX), 8);
    }

    #[test]
    fn responses_pay_for_the_steps_that_may_pass_between() {
        // No gap: as codes.
        for positions in [1, 100_000, 100_001] {
            assert_eq!(responses_needed(Digits::SIX, positions, 0), codes_needed(Digits::SIX, positions));
        }
        assert_eq!(responses_needed(Digits::SIX, 50_000, 1), 2);
        assert_eq!(responses_needed(Digits::SIX, 50_001, 1), 3);
        assert_eq!(response_tries(1_000, 4, 3), 25_000);
        // Four digits carry 10 positions with two codes, 10^5 with three.
        let four = Digits::of_suite(4).expect("four");
        assert_eq!((responses_needed(four, 10, 0), responses_needed(four, 11, 0)), (2, 3));
        // Ten digits are 31 bits.
        let ten = Digits::of_suite(10).expect("ten");
        assert_eq!(responses_needed(ten, 10u128.pow(11) + 1, 0), 3);
        assert_eq!(responses_needed(four, u128::MAX, u64::MAX), 9);
    }

    /// 16^6 different codes: a digit and a quarter more than six decimal ones.
    #[test]
    fn hexadecimal_codes_carry_more() {
        assert_eq!(widest_window(CodeSpace::MOTP, 1), 0);
        assert_eq!(widest_window(CodeSpace::MOTP, 2), (1u64 << 48) / 10_000_000);
        assert_eq!(codes_needed(CodeSpace::MOTP, 28_147_497), 2);
        assert_eq!(codes_needed(CodeSpace::MOTP, 28_147_498), 3);
        // Two minutes of ten seconds between two codes: a good four months to either side.
        assert_eq!(responses_needed(CodeSpace::MOTP, 2_165_192, 12), 2);
        assert_eq!(responses_needed(CodeSpace::MOTP, 2_165_193, 12), 3);
        let one_of_all = chance(CodeSpace::MOTP, 1, 37);
        assert!((one_of_all / 2.2e-6 - 1.0).abs() < 0.01, "{one_of_all:e}");
    }

    #[test]
    fn widest_windows() {
        assert_eq!(widest_window(Digits::SIX, 0), 0);
        assert_eq!(widest_window(Digits::SIX, 1), 0);
        assert_eq!(widest_window(Digits::SIX, 2), 100_000);
        assert_eq!(widest_window(Digits::SIX, 3), 100_000_000_000);
        assert_eq!(widest_window(Digits::EIGHT, 2), 1_000_000_000);
        assert_eq!(widest_window(Digits::EIGHT, 8), u64::MAX);
        assert_eq!(widest_window(Digits::SIX, usize::MAX), u64::MAX);
    }

    #[test]
    fn chances_of_the_table() {
        let near = |made: f64, expected: f64| {
            assert!((made / expected - 1.0).abs() < 0.01, "{made:e}, expected {expected:e}");
        };
        near(chance(Digits::SIX, 1, 100_000), 9.516e-2);
        near(chance(Digits::SIX, 1, 1_000_000), 0.632);
        near(chance(Digits::SIX, 2, 1_000_000), 1e-6);
        near(chance(Digits::SIX, 3, 10_000_000), 1e-11);
        near(chance(Digits::EIGHT, 3, 100), 1e-22);
        near(chance(Digits::SIX, 1, 10_000_000), 1.0);
        assert!(chance(Digits::SIX, 2, 0).abs() < f64::MIN_POSITIVE);
        assert!(chance(Digits::SIX, usize::MAX, u128::MAX).abs() < f64::MIN_POSITIVE);
    }

    proptest! {
        #[test]
        fn needed_and_widest_agree(count in 6u32..=8, positions in 1u64..u64::MAX) {
            let needed = codes_needed(digits(count), u128::from(positions));
            prop_assert!(widest_window(digits(count), needed) >= positions);
            prop_assert!(needed == 2 || widest_window(digits(count), needed - 1) < positions);
            prop_assert!(10.0 * chance(digits(count), needed, u128::from(positions)) <= 1.000_001e-6);
        }
    }
}
