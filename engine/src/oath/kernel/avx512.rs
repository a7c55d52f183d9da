//! Vectors of sixteen lanes of 32 bits, eight of 64: AVX-512 F and BW.

use std::arch::asm;
use std::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_add_epi64, _mm512_and_si512, _mm512_cmple_epu32_mask,
    _mm512_cmple_epu64_mask, _mm512_loadu_si512, _mm512_mask_blend_epi32, _mm512_mask_blend_epi64,
    _mm512_mullo_epi32, _mm512_or_si512, _mm512_rol_epi32, _mm512_ror_epi32, _mm512_ror_epi64,
    _mm512_rorv_epi32, _mm512_set1_epi32, _mm512_set1_epi64, _mm512_slli_epi32, _mm512_slli_epi64,
    _mm512_sllv_epi32, _mm512_sllv_epi64, _mm512_srli_epi32, _mm512_srli_epi64, _mm512_srlv_epi32,
    _mm512_srlv_epi64, _mm512_storeu_si512, _mm512_sub_epi32, _mm512_sub_epi64, _mm512_ternarylogic_epi32,
    _mm512_test_epi32_mask, _mm512_test_epi64_mask, _mm512_xor_si512,
};

use super::keys::Lanes;
use super::rounds::{
    K1, K256, K512, VECTORS, each, groups, halves, lane_schedule, numbers32, numbers64, padded32, padded64,
    sha1_function, sha1_lanes, sha1_step, sha1_steps, sha2_lanes, sha2_step, sha2_steps, vectors,
};
use super::wanted::{Masks, Wanted};

type One = __m512i;
type V = [One; VECTORS];

/// What both widths share. Truth tables of the three functions of FIPS 180-4 §4.1.
macro_rules! logic {
    ($features:literal, $word:ty) => {
        #[inline]
        #[target_feature(enable = $features)]
        fn xor(a: V, b: V) -> V {
            each!(a, b => _mm512_xor_si512(a, b))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn choose(a: V, b: V, c: V) -> V {
            each!(a, b, c => _mm512_ternarylogic_epi32::<0xca>(a, b, c))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn parity(a: V, b: V, c: V) -> V {
            each!(a, b, c => _mm512_ternarylogic_epi32::<0x96>(a, b, c))
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn majority(a: V, b: V, c: V) -> V {
            each!(a, b, c => _mm512_ternarylogic_epi32::<0xe8>(a, b, c))
        }

        /// Nothing, at this place in the order of instructions: the compiler would compute one vector after the other,
        /// which needs fewer registers and waits for every step.
        #[inline]
        #[target_feature(enable = $features)]
        fn in_turn(lanes: V) -> V {
            each!(lanes => {
                let mut same = lanes;
                // SAFETY: no instruction, and the register is given back as it was.
                unsafe { asm!("/* {} */", inout(zmm_reg) same, options(nomem, nostack, preserves_flags)) }
                same
            })
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn load(words: &[$word; LANES]) -> V {
            let mut all = [one(0); VECTORS];
            for (vector, words) in all.iter_mut().zip(words.as_chunks::<{ LANES / VECTORS }>().0) {
                // SAFETY: 64 bytes are there to be read, and this load asks for no alignment.
                *vector = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
            }
            all
        }
    };
}

/// 32 bits: SHA-1 and SHA-256.
pub(super) mod narrow {
    use super::{
        _mm512_add_epi32, _mm512_and_si512, _mm512_cmple_epu32_mask, _mm512_loadu_si512,
        _mm512_mask_blend_epi32, _mm512_mullo_epi32, _mm512_or_si512, _mm512_rol_epi32, _mm512_ror_epi32,
        _mm512_rorv_epi32, _mm512_set1_epi32, _mm512_slli_epi32, _mm512_sllv_epi32, _mm512_srli_epi32,
        _mm512_srlv_epi32, _mm512_storeu_si512, _mm512_sub_epi32, _mm512_ternarylogic_epi32,
        _mm512_test_epi32_mask, _mm512_xor_si512, K1, K256, Lanes, Masks, One, V, VECTORS, Wanted, asm, each,
        groups, halves, lane_schedule, numbers32, padded32, sha1_function, sha1_lanes, sha1_step, sha1_steps,
        sha2_lanes, sha2_step, sha2_steps, vectors,
    };

    pub(in super::super) const LANES: usize = 16 * VECTORS;

    logic!("avx512f,avx512bw", u32);
    vectors!("avx512f,avx512bw", u32);

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn store(words: &mut [u32; LANES], lanes: V) {
        for (words, lanes) in words.as_chunks_mut::<{ LANES / VECTORS }>().0.iter_mut().zip(lanes) {
            // SAFETY: there is room for 64 bytes, and this store asks for no alignment.
            unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), lanes) }
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn one(word: u32) -> One {
        _mm512_set1_epi32(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn add(a: V, b: V) -> V {
        each!(a, b => _mm512_add_epi32(a, b))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn rotate_left<const N: i32>(a: V) -> V {
        each!(a => _mm512_rol_epi32::<N>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn rotate_right<const N: i32>(a: V) -> V {
        each!(a => _mm512_ror_epi32::<N>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn shift_right<const N: u32>(a: V) -> V {
        each!(a => _mm512_srli_epi32::<N>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn large0(a: V) -> V {
        parity(rotate_right::<2>(a), rotate_right::<13>(a), rotate_right::<22>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn large1(a: V) -> V {
        parity(rotate_right::<6>(a), rotate_right::<11>(a), rotate_right::<25>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn small0(a: V) -> V {
        xor(xor(rotate_right::<7>(a), rotate_right::<18>(a)), shift_right::<3>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn small1(a: V) -> V {
        xor(xor(rotate_right::<17>(a), rotate_right::<19>(a)), shift_right::<10>(a))
    }

    /// High and low words of the counters from `first` on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn factors(first: u64) -> [V; 2] {
        static LANE: [u32; LANES] = numbers32();
        let [high, low] = halves(first);
        [splat(high), add(splat(low), load(&LANE))]
    }

    /// Dynamic truncation (RFC 4226 §5.3) of the hashes whose first five words and last word these are, and the
    /// lanes whose number has a wanted rest. Of one vector, whose first lane is `lane`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn found_in(head: &[One; 5], last: One, wanted: &Wanted, masks: &mut Masks, lane: usize) -> u32 {
        // Offset = 4 · word + byte.
        let odd = _mm512_test_epi32_mask(last, one(4));
        let second = _mm512_test_epi32_mask(last, one(8));
        let word = |n: usize| {
            let low = _mm512_mask_blend_epi32(odd, head[n], head[n + 1]);
            let high = _mm512_mask_blend_epi32(odd, head[n + 2], head[n + 3]);
            _mm512_mask_blend_epi32(second, low, high)
        };
        let bits = _mm512_slli_epi32::<3>(_mm512_and_si512(last, one(3)));
        let before = _mm512_sllv_epi32(word(0), bits);
        let after = _mm512_srlv_epi32(word(1), _mm512_sub_epi32(one(32), bits));
        let truncated = _mm512_and_si512(_mm512_or_si512(before, after), one(0x7fff_ffff));
        let product = _mm512_mullo_epi32(truncated, one(wanted.inverse));
        let mut any = 0;
        for (test, mask) in wanted.tests().iter().zip(masks) {
            let quotient = _mm512_rorv_epi32(_mm512_sub_epi32(product, one(test.product)), one(wanted.turn));
            let found = u32::from(_mm512_cmple_epu32_mask(quotient, one(test.limit))) << lane;
            *mask |= found;
            any |= found;
        }
        any
    }

    sha1_lanes!("avx512f,avx512bw", 0 5 10 15);
    sha2_lanes!("avx512f,avx512bw", u32, 64, K256, padded32, sha256_counters, sha256_keys);
}

/// 64 bits: SHA-512.
pub(super) mod wide {
    use super::{
        _mm512_add_epi64, _mm512_and_si512, _mm512_cmple_epu64_mask, _mm512_loadu_si512,
        _mm512_mask_blend_epi64, _mm512_mullo_epi32, _mm512_or_si512, _mm512_ror_epi64, _mm512_rorv_epi32,
        _mm512_set1_epi64, _mm512_slli_epi64, _mm512_sllv_epi64, _mm512_srli_epi64, _mm512_srlv_epi64,
        _mm512_sub_epi32, _mm512_sub_epi64, _mm512_ternarylogic_epi32, _mm512_test_epi64_mask,
        _mm512_xor_si512, K512, Lanes, Masks, One, V, VECTORS, Wanted, asm, each, numbers64, padded64,
        sha2_lanes, sha2_step, sha2_steps, vectors,
    };

    pub(in super::super) const LANES: usize = 8 * VECTORS;

    logic!("avx512f,avx512bw", u64);
    vectors!("avx512f,avx512bw", u64);

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn one(word: u64) -> One {
        _mm512_set1_epi64(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn add(a: V, b: V) -> V {
        each!(a, b => _mm512_add_epi64(a, b))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn rotate_right<const N: i32>(a: V) -> V {
        each!(a => _mm512_ror_epi64::<N>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn shift_right<const N: u32>(a: V) -> V {
        each!(a => _mm512_srli_epi64::<N>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn large0(a: V) -> V {
        parity(rotate_right::<28>(a), rotate_right::<34>(a), rotate_right::<39>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn large1(a: V) -> V {
        parity(rotate_right::<14>(a), rotate_right::<18>(a), rotate_right::<41>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn small0(a: V) -> V {
        xor(xor(rotate_right::<1>(a), rotate_right::<8>(a)), shift_right::<7>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn small1(a: V) -> V {
        xor(xor(rotate_right::<19>(a), rotate_right::<61>(a)), shift_right::<6>(a))
    }

    /// The counters from `first` on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn factors(first: u64) -> [V; 1] {
        static LANE: [u64; LANES] = numbers64();
        [add(splat(first), load(&LANE))]
    }

    /// As in 32 bits; the first three words hold all that truncation can reach.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn found_in(head: &[One; 5], last: One, wanted: &Wanted, masks: &mut Masks, lane: usize) -> u32 {
        // Offset = 8 · word + byte.
        let second = _mm512_test_epi64_mask(last, one(8));
        let word = |n: usize| _mm512_mask_blend_epi64(second, head[n], head[n + 1]);
        let bits = _mm512_slli_epi64::<3>(_mm512_and_si512(last, one(7)));
        let before = _mm512_sllv_epi64(word(0), bits);
        let after = _mm512_srlv_epi64(word(1), _mm512_sub_epi64(one(64), bits));
        let bytes = _mm512_srli_epi64::<32>(_mm512_or_si512(before, after));
        let truncated = _mm512_and_si512(bytes, one(0x7fff_ffff));
        let product = _mm512_mullo_epi32(truncated, one(u64::from(wanted.inverse)));
        let mut any = 0;
        for (test, mask) in wanted.tests().iter().zip(masks) {
            let difference = _mm512_sub_epi32(product, one(u64::from(test.product)));
            let quotient = _mm512_rorv_epi32(difference, one(u64::from(wanted.turn)));
            let found = u32::from(_mm512_cmple_epu64_mask(quotient, one(u64::from(test.limit)))) << lane;
            *mask |= found;
            any |= found;
        }
        any
    }

    sha2_lanes!("avx512f,avx512bw", u64, 80, K512, padded64, sha512_counters, sha512_keys);
}
