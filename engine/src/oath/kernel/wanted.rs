//! The wanted values, made ready for the comparison inside the lanes.

/// Most values that are compared inside the lanes: as many codes as a sequence has.
pub(super) const MOST: usize = 8;

/// Lanes of a group in which a value was found, one mask for each wanted value.
pub(super) type Masks = [u32; MOST];

/// One wanted value, see [`Wanted`].
#[derive(Clone, Copy, Default)]
pub(super) struct Test {
    /// `value` · `inverse`.
    pub(super) product: u32,
    /// The largest quotient of a truncated number that has this rest.
    pub(super) limit: u32,
}

/// Wanted values and their modulus, so that "truncated number = value modulo m" needs no division.
///
/// With m = 2^k · o, o odd: a number x below 2^32 is a multiple of m exactly when x · o^−1, turned right by k
/// bits, is at most (2^32 − 1) / m, and then that is the quotient (Granlund and Montgomery 1994, section 9).
/// Here x = truncated − value. The bound is that of 31 bits less the value, so a difference that went below
/// zero is never taken for a multiple.
pub(super) struct Wanted {
    /// o^−1 modulo 2^32.
    pub(super) inverse: u32,
    /// k.
    pub(super) turn: u32,
    tests: [Test; MOST],
    len: usize,
}

impl Wanted {
    /// `None` when there are too many, or one that no code has.
    pub(super) fn new(values: &[u32], modulus: u32) -> Option<Self> {
        const LARGEST: u32 = 0x7fff_ffff;
        let turn = modulus.trailing_zeros();
        let odd = modulus.checked_shr(turn)?;
        // Newton: each step doubles the number of right bits; the start has three.
        let inverse = (0..4).fold(odd, |x, _| x.wrapping_mul(2u32.wrapping_sub(odd.wrapping_mul(x))));
        let mut tests = [Test::default(); MOST];
        if values.len() > MOST {
            return None;
        }
        for (test, value) in tests.iter_mut().zip(values) {
            if *value >= modulus {
                return None;
            }
            let limit = LARGEST.checked_sub(*value)? / modulus;
            *test = Test { product: value.wrapping_mul(inverse), limit };
        }
        Some(Self { inverse, turn, tests, len: values.len() })
    }

    /// What to compare with, in the order of the values.
    pub(super) fn tests(&self) -> &[Test] {
        &self.tests[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fits(wanted: &Wanted, truncated: u32) -> bool {
        let test = wanted.tests()[0];
        let turned = truncated.wrapping_mul(wanted.inverse).wrapping_sub(test.product);
        turned.rotate_right(wanted.turn) <= test.limit
    }

    proptest! {
        #[test]
        fn the_test_is_the_rest_of_a_division(
            modulus in prop_oneof![1u32..=u32::MAX, Just(1_000_000), Just(10_000_000), Just(100_000_000)],
            truncated in 0u32..=0x7fff_ffff,
            other in 0u32..=0x7fff_ffff,
        ) {
            let rest = truncated % modulus;
            prop_assert!(fits(&Wanted::new(&[rest], modulus).expect("a rest"), truncated));
            let beside = other % modulus;
            let found = fits(&Wanted::new(&[beside], modulus).expect("a rest"), truncated);
            prop_assert_eq!(found, beside == rest);
        }
    }

    #[test]
    fn numbers_below_the_value_are_no_multiples() {
        // 2^32 is 967,296 more than a multiple of 10^6: the difference to a number that much smaller than the
        // value looks like a multiple.
        let wanted = Wanted::new(&[970_000], 1_000_000).expect("six digits");
        assert!((0..970_000).all(|truncated| !fits(&wanted, truncated)));
        assert!(fits(&wanted, 970_000));
        assert!(Wanted::new(&[10], 10).is_none());
        assert!(Wanted::new(&[0; 9], 10).is_none());
    }
}
