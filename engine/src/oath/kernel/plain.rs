//! One code after another by the compression functions of the crates `sha1` and `sha2`, which use the
//! processor's SHA instructions where there are any. The path of processors without wide lanes, and what the
//! others are compared with.

use std::ops::Range;

use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::oath::hotp::truncate;

/// Positions that [`Generator::scan`] carries through its stages together.
const GROUP: usize = 32;

/// Defines the keyed state of one hash function from its compression function, the size of its
/// block in bytes and its initial value (FIPS 180-4 §5.3). `$head` gives the first 20 bytes of a
/// hash as five words.
macro_rules! keyed {
    ($name:ident, $hash:ty, $compress:path, $word:ty, $words:literal, $block:literal, $iv:expr, $head:expr) => {
        #[derive(Zeroize, ZeroizeOnDrop)]
        pub(super) struct $name {
            pub(super) inner: [$word; $words],
            pub(super) outer: [$word; $words],
        }

        impl $name {
            const IV: [$word; $words] = $iv;
            const OUTPUT_BYTES: usize = size_of::<[$word; $words]>();
            // Templates of the two blocks: padding and length are the same for every code.
            const INNER_BLOCK: [u8; $block] = Self::padded(size_of::<u64>());
            const OUTER_BLOCK: [u8; $block] = Self::padded(Self::OUTPUT_BYTES);

            pub(super) fn new(key: &[u8]) -> Self {
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

            pub(super) fn truncated(&self, factor: u64) -> u32 {
                let mut block = Self::INNER_BLOCK;
                Self::set_counter(&mut block, factor);
                let inner = Self::compressed(self.inner, &block);
                let mut block = Self::OUTER_BLOCK;
                Self::set_hash(&mut block, &inner);
                Self::truncated_state(&Self::compressed(self.outer, &block))
            }

            pub(super) fn scan(
                &self,
                range: Range<u64>,
                wanted: &[u32],
                modulus: u32,
                hit: &mut dyn FnMut(u64, usize),
            ) {
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
