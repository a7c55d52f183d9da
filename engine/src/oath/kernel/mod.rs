//! Codes in bulk: the one place where HMACs of moving factors are computed.
//!
//! The HMAC state is computed once per seed: the compressed inner and outer key block (RFC 2104 §4).
//! A code then costs two compressions, because counter and inner hash each fit in one block.
//!
//! | file | what |
//! |---|---|
//! | `plain` | one code after another with the crates' compression functions: the reference |
//! | `rounds` | SHA-1 and SHA-2 in lanes of two vectors, written once |
//! | `avx512`, `avx2` | what the lanes of these processors can do |
//! | `sha` | the SHA instructions in four streams |
//! | `wanted` | the comparison inside the lanes |
//! | `keys` | many keys, one counter: whose codes are these |
//!
//! [`Kernel`] says which of them is used; all report the same hits in the same order.

#![expect(clippy::disallowed_methods, reason = "the seed is expanded into the HMAC state here")]

use std::fmt;
use std::ops::Range;

use super::{Digits, HashAlg, MovingFactor, Otp};
use crate::secret::Seed;

#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads into lanes")]
mod avx2;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads into lanes")]
mod avx512;
mod choice;
mod keys;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "calls what only some processors can do")]
mod lanes;
mod plain;
#[cfg(target_arch = "x86_64")]
mod rounds;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "loads and stores vectors")]
mod sha;
#[cfg(target_arch = "x86_64")]
mod wanted;

pub use choice::Kernel;
pub use keys::KeySet;
use plain::{KeyedSha1, KeyedSha256, KeyedSha512};

enum Keyed {
    Sha1(KeyedSha1),
    Sha256(KeyedSha256),
    Sha512(KeyedSha512),
}

/// Computes the codes of one seed. Holds the keyed HMAC state, which is as secret as the seed: never
/// printed, never cloned, wiped when dropped.
pub struct Generator(Keyed);

impl Generator {
    /// Expands a seed of any length; one longer than a block (64 bytes, SHA-512: 128) is hashed
    /// first (RFC 2104 §2). Two compressions, so make it once per request and not once per code.
    pub fn new(seed: &Seed, alg: HashAlg) -> Self {
        let key = seed.expose();
        Self(match alg {
            HashAlg::Sha1 => Keyed::Sha1(KeyedSha1::new(key)),
            HashAlg::Sha256 => Keyed::Sha256(KeyedSha256::new(key)),
            HashAlg::Sha512 => Keyed::Sha512(KeyedSha512::new(key)),
        })
    }

    /// The hash function under the HMAC.
    pub const fn alg(&self) -> HashAlg {
        match self.0 {
            Keyed::Sha1(_) => HashAlg::Sha1,
            Keyed::Sha256(_) => HashAlg::Sha256,
            Keyed::Sha512(_) => HashAlg::Sha512,
        }
    }

    /// The 31-bit number before the reduction to digits (RFC 4226 §5.3, `Snum`).
    pub fn truncated(&self, factor: MovingFactor) -> u32 {
        match &self.0 {
            Keyed::Sha1(keyed) => keyed.truncated(factor.0),
            Keyed::Sha256(keyed) => keyed.truncated(factor.0),
            Keyed::Sha512(keyed) => keyed.truncated(factor.0),
        }
    }

    /// The code that the token shows at `factor`.
    pub fn code(&self, factor: MovingFactor, digits: Digits) -> Otp {
        Otp::from_value(self.truncated(factor), digits)
    }

    /// Computes the code value (truncated number modulo `modulus`, not 0) of every position of
    /// `range`, each once, and reports those that equal a wanted value: position and index in `wanted`.
    ///
    /// Contract that every kernel keeps: positions come in ascending order, at one position the
    /// indices come in ascending order, and a value that is wanted twice is reported for both. The
    /// range is half-open, so the position `u64::MAX` is out of its reach: ask
    /// [`truncated`](Self::truncated).
    ///
    /// Takes the same time wherever the hits are, apart from the calls of `hit`.
    pub fn scan(&self, range: Range<u64>, wanted: &[u32], modulus: u32, hit: &mut dyn FnMut(u64, usize)) {
        self.scan_with(Kernel::best(self.alg()), range, wanted, modulus, hit);
    }

    /// The same by a kernel of one's choice; one that this processor cannot run gives way to
    /// [`Kernel::Plain`].
    pub fn scan_with(
        &self,
        kernel: Kernel,
        range: Range<u64>,
        wanted: &[u32],
        modulus: u32,
        hit: &mut dyn FnMut(u64, usize),
    ) {
        #[cfg(target_arch = "x86_64")]
        if lanes::scan(kernel, &self.0, range.clone(), wanted, modulus, hit) {
            return;
        }
        let _ = kernel;
        match &self.0 {
            Keyed::Sha1(keyed) => keyed.scan(range, wanted, modulus, hit),
            Keyed::Sha256(keyed) => keyed.scan(range, wanted, modulus, hit),
            Keyed::Sha512(keyed) => keyed.scan(range, wanted, modulus, hit),
        }
    }
}

impl fmt::Debug for Generator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Generator({})", self.alg().name())
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;

    use super::*;

    fn reference_hmac(key: &[u8], alg: HashAlg, factor: u64) -> Vec<u8> {
        macro_rules! compute {
            ($hash:ty) => {{
                let mut mac = Hmac::<$hash>::new_from_slice(key).expect("HMAC takes keys of any length");
                mac.update(&factor.to_be_bytes());
                mac.finalize().into_bytes().to_vec()
            }};
        }
        match alg {
            HashAlg::Sha1 => compute!(sha1::Sha1),
            HashAlg::Sha256 => compute!(sha2::Sha256),
            HashAlg::Sha512 => compute!(sha2::Sha512),
        }
    }

    fn reference(key: &[u8], alg: HashAlg, factor: u64) -> u32 {
        let bytes = reference_hmac(key, alg, factor);
        let at = usize::from(bytes[bytes.len() - 1] & 0xf);
        u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes")) & 0x7fff_ffff
    }

    fn any_alg() -> impl Strategy<Value = HashAlg> {
        prop::sample::select(&HashAlg::ALL[..])
    }

    proptest! {
        #[test]
        fn agrees_with_the_hmac_crate(
            key in prop::collection::vec(any::<u8>(), 0..200),
            alg in any_alg(),
            factor in any::<u64>(),
        ) {
            let generator = Generator::new(&Seed::new(key.clone()), alg);
            prop_assert_eq!(generator.truncated(MovingFactor(factor)), reference(&key, alg, factor));
        }

        #[test]
        fn every_kernel_reports_every_position_in_order(
            key in prop::collection::vec(any::<u8>(), 0..140),
            alg in any_alg(),
            kernel in prop::sample::select(&Kernel::ALL[..]),
            from in prop_oneof![
                any::<u64>(),
                0u64..40,
                (u64::from(u32::MAX) - 100)..(u64::from(u32::MAX) + 20),
                (u64::MAX - 220)..=u64::MAX,
            ],
            len in 0u64..200,
            // Small ones, so that much fits, and those of 4 to 9 digits.
            modulus in prop_oneof![1u32..12, (4u32..=9).prop_map(|digits| 10u32.pow(digits)), Just(u32::MAX)],
            wanted in prop::collection::vec(any::<u32>(), 0..=9),
            plant in any::<prop::sample::Index>(),
        ) {
            let generator = Generator::new(&Seed::new(key), alg);
            let to = from.saturating_add(len);
            let mut wanted: Vec<u32> = wanted.iter().map(|value| value % modulus).collect();
            if len > 0 && !wanted.is_empty() {
                // With many digits nothing fits by chance.
                let place = MovingFactor(from.saturating_add(plant.index(200) as u64 % len));
                let last = wanted.len() - 1;
                wanted[last] = generator.truncated(place) % modulus;
            }
            let mut expected = Vec::new();
            for position in from..to {
                let value = generator.truncated(MovingFactor(position)) % modulus;
                expected.extend((0..wanted.len()).filter(|i| wanted[*i] == value).map(|i| (position, i)));
            }
            let mut seen = Vec::new();
            generator.scan_with(kernel, from..to, &wanted, modulus, &mut |at, index| seen.push((at, index)));
            prop_assert_eq!(seen, expected);
        }
    }

    #[test]
    fn every_kernel_reads_the_truncation_at_each_of_its_offsets() {
        for alg in HashAlg::ALL {
            let generator = Generator::new(&Seed::new(b"12345678901234567890".to_vec()), alg);
            for kernel in Kernel::ALL {
                let mut seen = [false; 16];
                for at in 0..200u64 {
                    let hmac = reference_hmac(b"12345678901234567890", alg, at);
                    seen[usize::from(hmac[hmac.len() - 1] & 0xf)] = true;
                    let value = generator.truncated(MovingFactor(at));
                    let mut hits = Vec::new();
                    generator.scan_with(kernel, at..at + 1, &[value], u32::MAX, &mut |p, _| hits.push(p));
                    assert_eq!(hits, [at], "{} {}", kernel.name(), alg.name());
                }
                assert_eq!(seen, [true; 16]);
            }
        }
    }

    #[test]
    fn keys_around_the_block_length_agree_with_the_hmac_crate() {
        for alg in HashAlg::ALL {
            for len in [0, 1, 19, 20, 63, 64, 65, 127, 128, 129, 300] {
                let key = vec![0xa5; len];
                let generator = Generator::new(&Seed::new(key.clone()), alg);
                assert_eq!(generator.truncated(MovingFactor(5)), reference(&key, alg, 5), "{alg:?} {len}");
            }
        }
    }

    #[test]
    fn debug_shows_the_hash_only() {
        let generator = Generator::new(&Seed::new(b"12345678901234567890".to_vec()), HashAlg::Sha256);
        for shown in [format!("{generator:?}"), format!("{generator:#?}")] {
            assert_eq!(shown, "Generator(sha256)");
        }
    }
}
