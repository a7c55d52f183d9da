//! Codes in bulk: the one place where HMACs of moving factors are computed.
//!
//! This is the seam for faster kernels. They replace the body of [`Generator::scan`] (many
//! positions of one seed) and keep its contract; everything above calls `scan` and notices
//! nothing. [`Generator::truncated`] stays as it is: the reference they are tested against.
//!
//! The HMAC state is computed once per seed: the compressed inner and outer key block (RFC 2104 §4).
//! A code then costs two compressions, because counter and inner hash each fit in one block.

#![expect(clippy::disallowed_methods, reason = "the seed is expanded into the HMAC state here")]

use std::fmt;
use std::ops::Range;

use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::hotp::truncate;
use super::{Digits, HashAlg, MovingFactor, Otp};
use crate::secret::Seed;

/// Positions that [`Generator::scan`] carries through its stages together.
const GROUP: usize = 32;

/// Defines the keyed state of one hash function from its compression function, the size of its
/// block in bytes and its initial value (FIPS 180-4 §5.3). `$head` gives the first 20 bytes of a
/// hash as five words.
macro_rules! keyed {
    ($name:ident, $hash:ty, $compress:path, $word:ty, $words:literal, $block:literal, $iv:expr, $head:expr) => {
        #[derive(Zeroize, ZeroizeOnDrop)]
        struct $name {
            inner: [$word; $words],
            outer: [$word; $words],
        }

        impl $name {
            const IV: [$word; $words] = $iv;
            const OUTPUT_BYTES: usize = size_of::<[$word; $words]>();
            // Templates of the two blocks: padding and length are the same for every code.
            const INNER_BLOCK: [u8; $block] = Self::padded(size_of::<u64>());
            const OUTER_BLOCK: [u8; $block] = Self::padded(Self::OUTPUT_BYTES);

            fn new(key: &[u8]) -> Self {
                let mut block = [0u8; $block];
                if key.len() > $block {
                    let mut short = <$hash>::digest(key);
                    block[..Self::OUTPUT_BYTES].copy_from_slice(&short);
                    short.as_mut_slice().zeroize();
                } else {
                    block[..key.len()].copy_from_slice(key);
                }
                let mut made = Self { inner: Self::IV, outer: Self::IV };
                for b in &mut block {
                    *b ^= 0x36;
                }
                $compress(&mut made.inner, std::slice::from_ref(&block));
                for b in &mut block {
                    *b ^= 0x36 ^ 0x5c;
                }
                $compress(&mut made.outer, std::slice::from_ref(&block));
                block.zeroize();
                made
            }

            /// Padding of a message of one key block and `len` bytes (FIPS 180-4 §5.1).
            const fn padded(len: usize) -> [u8; $block] {
                let mut block = [0; $block];
                block[len] = 0x80;
                let bits = (8 * ($block + len)).to_be_bytes();
                block[$block - 2] = bits[bits.len() - 2];
                block[$block - 1] = bits[bits.len() - 1];
                block
            }

            fn set_counter(block: &mut [u8; $block], factor: u64) {
                block[..size_of::<u64>()].copy_from_slice(&factor.to_be_bytes());
            }

            fn set_hash(block: &mut [u8; $block], state: &[$word; $words]) {
                for (place, word) in block.chunks_exact_mut(size_of::<$word>()).zip(state) {
                    place.copy_from_slice(&word.to_be_bytes());
                }
            }

            fn compressed(mut state: [$word; $words], block: &[u8; $block]) -> [$word; $words] {
                $compress(&mut state, std::slice::from_ref(block));
                state
            }

            fn truncated_state(state: &[$word; $words]) -> u32 {
                let [.., last] = state[$words - 1].to_be_bytes();
                let head: fn(&[$word; $words]) -> [u32; 5] = $head;
                truncate(head(state), last)
            }

            fn truncated(&self, factor: u64) -> u32 {
                let mut block = Self::INNER_BLOCK;
                Self::set_counter(&mut block, factor);
                let inner = Self::compressed(self.inner, &block);
                let mut block = Self::OUTER_BLOCK;
                Self::set_hash(&mut block, &inner);
                Self::truncated_state(&Self::compressed(self.outer, &block))
            }

            fn scan(&self, range: Range<u64>, wanted: &[u32], modulus: u32, hit: &mut dyn FnMut(u64, usize)) {
                let mut compare = |position, truncated: u32| {
                    let value = truncated % modulus;
                    for (index, want) in wanted.iter().enumerate() {
                        if *want == value {
                            hit(position, index);
                        }
                    }
                };
                // Stage by stage over a group: the compressions of one stage do not depend on each
                // other and read blocks that were stored long ago, so the processor overlaps them.
                let mut inner_blocks = [Self::INNER_BLOCK; GROUP];
                let mut outer_blocks = [Self::OUTER_BLOCK; GROUP];
                let mut position = range.start;
                while range.end.saturating_sub(position) >= GROUP as u64 {
                    for (block, factor) in inner_blocks.iter_mut().zip(position..) {
                        Self::set_counter(block, factor);
                    }
                    let inner: [_; GROUP] =
                        std::array::from_fn(|i| Self::compressed(self.inner, &inner_blocks[i]));
                    for (block, state) in outer_blocks.iter_mut().zip(&inner) {
                        Self::set_hash(block, state);
                    }
                    let outer: [_; GROUP] =
                        std::array::from_fn(|i| Self::compressed(self.outer, &outer_blocks[i]));
                    for (state, at) in outer.iter().zip(position..) {
                        compare(at, Self::truncated_state(state));
                    }
                    position += GROUP as u64;
                }
                for at in position..range.end {
                    compare(at, self.truncated(at));
                }
            }
        }
    };
}

keyed!(
    KeyedSha1,
    Sha1,
    sha1::block_api::compress,
    u32,
    5,
    64,
    [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0],
    |state| *state
);
keyed!(
    KeyedSha256,
    Sha256,
    sha2::block_api::compress256,
    u32,
    8,
    64,
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,],
    |state| [state[0], state[1], state[2], state[3], state[4]]
);
keyed!(
    KeyedSha512,
    Sha512,
    sha2::block_api::compress512,
    u64,
    8,
    128,
    [
        0x6a09_e667_f3bc_c908,
        0xbb67_ae85_84ca_a73b,
        0x3c6e_f372_fe94_f82b,
        0xa54f_f53a_5f1d_36f1,
        0x510e_527f_ade6_82d1,
        0x9b05_688c_2b3e_6c1f,
        0x1f83_d9ab_fb41_bd6b,
        0x5be0_cd19_137e_2179,
    ],
    |state| {
        let [a, b, c, ..] = state.map(halves);
        [a[0], a[1], b[0], b[1], c[0]]
    }
);

/// A word of SHA-512 as two words, the high one first.
#[inline]
fn halves(word: u64) -> [u32; 2] {
    let [high @ .., _, _, _, _] = word.to_be_bytes();
    let [_, _, _, _, low @ ..] = word.to_be_bytes();
    [u32::from_be_bytes(high), u32::from_be_bytes(low)]
}

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

    fn reference(key: &[u8], alg: HashAlg, factor: u64) -> u32 {
        macro_rules! compute {
            ($hash:ty) => {{
                let mut mac = Hmac::<$hash>::new_from_slice(key).expect("HMAC takes keys of any length");
                mac.update(&factor.to_be_bytes());
                mac.finalize().into_bytes().to_vec()
            }};
        }
        let bytes = match alg {
            HashAlg::Sha1 => compute!(Sha1),
            HashAlg::Sha256 => compute!(Sha256),
            HashAlg::Sha512 => compute!(Sha512),
        };
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
        fn scan_reports_every_position_in_order(
            alg in any_alg(),
            from in any::<u64>(),
            len in 0u64..200,
            wanted in prop::collection::vec(0u32..10, 0..4),
        ) {
            let generator = Generator::new(&Seed::new(vec![7; 20]), alg);
            let to = from.saturating_add(len);
            let mut expected = Vec::new();
            for position in from..to {
                let value = generator.truncated(MovingFactor(position)) % 10;
                expected.extend((0..wanted.len()).filter(|i| wanted[*i] == value).map(|i| (position, i)));
            }
            let mut seen = Vec::new();
            generator.scan(from..to, &wanted, 10, &mut |position, index| seen.push((position, index)));
            prop_assert_eq!(seen, expected);
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
