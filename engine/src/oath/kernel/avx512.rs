//! Sixteen lanes of 32 bits, eight of 64: AVX-512 F and BW.

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
    K1, K256, K512, groups, halves, lane_schedule, padded32, padded64, sha1_lanes, sha1_step, sha1_steps,
    sha2_lanes, sha2_step, sha2_steps,
};
use super::wanted::{Masks, Wanted};

type V = __m512i;

/// What both widths share. Truth tables of the three functions of FIPS 180-4 §4.1.
macro_rules! logic {
    ($features:literal, $word:ty) => {
        #[inline]
        #[target_feature(enable = $features)]
        fn xor(a: V, b: V) -> V {
            _mm512_xor_si512(a, b)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn choose(a: V, b: V, c: V) -> V {
            _mm512_ternarylogic_epi32::<0xca>(a, b, c)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn parity(a: V, b: V, c: V) -> V {
            _mm512_ternarylogic_epi32::<0x96>(a, b, c)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn majority(a: V, b: V, c: V) -> V {
            _mm512_ternarylogic_epi32::<0xe8>(a, b, c)
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn load(words: &[$word; LANES]) -> V {
            // SAFETY: 64 bytes are there to be read, and this load asks for no alignment.
            unsafe { _mm512_loadu_si512(words.as_ptr().cast()) }
        }

        #[inline]
        #[target_feature(enable = $features)]
        fn load_all<const N: usize>(words: &[[$word; LANES]; N]) -> [V; N] {
            let mut all = [splat(0); N];
            for (place, words) in all.iter_mut().zip(words) {
                *place = load(words);
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
        _mm512_test_epi32_mask, _mm512_xor_si512, K1, K256, Lanes, Masks, V, Wanted, groups, halves,
        lane_schedule, padded32, sha1_lanes, sha1_step, sha1_steps, sha2_lanes, sha2_step, sha2_steps,
    };

    pub(in super::super) const LANES: usize = 16;

    logic!("avx512f,avx512bw", u32);

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn store(words: &mut [u32; LANES], lanes: V) {
        // SAFETY: there is room for 64 bytes, and this store asks for no alignment.
        unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), lanes) }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn splat(word: u32) -> V {
        _mm512_set1_epi32(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn add(a: V, b: V) -> V {
        _mm512_add_epi32(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn rotate_left<const N: i32>(a: V) -> V {
        _mm512_rol_epi32::<N>(a)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn large0(a: V) -> V {
        parity(_mm512_ror_epi32::<2>(a), _mm512_ror_epi32::<13>(a), _mm512_ror_epi32::<22>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn large1(a: V) -> V {
        parity(_mm512_ror_epi32::<6>(a), _mm512_ror_epi32::<11>(a), _mm512_ror_epi32::<25>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn small0(a: V) -> V {
        xor(xor(_mm512_ror_epi32::<7>(a), _mm512_ror_epi32::<18>(a)), _mm512_srli_epi32::<3>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn small1(a: V) -> V {
        xor(xor(_mm512_ror_epi32::<17>(a), _mm512_ror_epi32::<19>(a)), _mm512_srli_epi32::<10>(a))
    }

    /// High and low words of the counters from `first` on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn factors(first: u64) -> [V; 2] {
        static LANE: [u32; LANES] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let [high, low] = halves(first);
        [splat(high), add(splat(low), load(&LANE))]
    }

    /// Dynamic truncation (RFC 4226 §5.3) of the hashes whose first five words and last word these are, and the
    /// lanes whose number has a wanted rest.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn found(head: &[V; 5], last: V, wanted: &Wanted, masks: &mut Masks) -> u32 {
        // Offset = 4 · word + byte.
        let odd = _mm512_test_epi32_mask(last, splat(4));
        let second = _mm512_test_epi32_mask(last, splat(8));
        let word = |n: usize| {
            let low = _mm512_mask_blend_epi32(odd, head[n], head[n + 1]);
            let high = _mm512_mask_blend_epi32(odd, head[n + 2], head[n + 3]);
            _mm512_mask_blend_epi32(second, low, high)
        };
        let bits = _mm512_slli_epi32::<3>(_mm512_and_si512(last, splat(3)));
        let before = _mm512_sllv_epi32(word(0), bits);
        let after = _mm512_srlv_epi32(word(1), _mm512_sub_epi32(splat(32), bits));
        let truncated = _mm512_and_si512(_mm512_or_si512(before, after), splat(0x7fff_ffff));
        let product = _mm512_mullo_epi32(truncated, splat(wanted.inverse));
        let mut any = 0;
        for (test, mask) in wanted.tests().iter().zip(masks) {
            let quotient =
                _mm512_rorv_epi32(_mm512_sub_epi32(product, splat(test.product)), splat(wanted.turn));
            *mask = u32::from(_mm512_cmple_epu32_mask(quotient, splat(test.limit)));
            any |= *mask;
        }
        any
    }

    sha1_lanes!("avx512f,avx512bw");
    sha2_lanes!("avx512f,avx512bw", u32, 64, K256, padded32, sha256_counters, sha256_keys,);
}

/// 64 bits: SHA-512.
pub(super) mod wide {
    use super::{
        _mm512_add_epi64, _mm512_and_si512, _mm512_cmple_epu64_mask, _mm512_loadu_si512,
        _mm512_mask_blend_epi64, _mm512_mullo_epi32, _mm512_or_si512, _mm512_ror_epi64, _mm512_rorv_epi32,
        _mm512_set1_epi64, _mm512_slli_epi64, _mm512_sllv_epi64, _mm512_srli_epi64, _mm512_srlv_epi64,
        _mm512_sub_epi32, _mm512_sub_epi64, _mm512_ternarylogic_epi32, _mm512_test_epi64_mask,
        _mm512_xor_si512, K512, Lanes, Masks, V, Wanted, padded64, sha2_lanes, sha2_step, sha2_steps,
    };

    pub(in super::super) const LANES: usize = 8;

    logic!("avx512f,avx512bw", u64);

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn splat(word: u64) -> V {
        _mm512_set1_epi64(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn add(a: V, b: V) -> V {
        _mm512_add_epi64(a, b)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn large0(a: V) -> V {
        parity(_mm512_ror_epi64::<28>(a), _mm512_ror_epi64::<34>(a), _mm512_ror_epi64::<39>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn large1(a: V) -> V {
        parity(_mm512_ror_epi64::<14>(a), _mm512_ror_epi64::<18>(a), _mm512_ror_epi64::<41>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn small0(a: V) -> V {
        xor(xor(_mm512_ror_epi64::<1>(a), _mm512_ror_epi64::<8>(a)), _mm512_srli_epi64::<7>(a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn small1(a: V) -> V {
        xor(xor(_mm512_ror_epi64::<19>(a), _mm512_ror_epi64::<61>(a)), _mm512_srli_epi64::<6>(a))
    }

    /// The counters from `first` on.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn factors(first: u64) -> [V; 1] {
        static LANE: [u64; LANES] = [0, 1, 2, 3, 4, 5, 6, 7];
        [add(splat(first), load(&LANE))]
    }

    /// As in 32 bits; the first three words hold all that truncation can reach.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw")]
    fn found(head: &[V; 5], last: V, wanted: &Wanted, masks: &mut Masks) -> u32 {
        // Offset = 8 · word + byte.
        let second = _mm512_test_epi64_mask(last, splat(8));
        let word = |n: usize| _mm512_mask_blend_epi64(second, head[n], head[n + 1]);
        let bits = _mm512_slli_epi64::<3>(_mm512_and_si512(last, splat(7)));
        let before = _mm512_sllv_epi64(word(0), bits);
        let after = _mm512_srlv_epi64(word(1), _mm512_sub_epi64(splat(64), bits));
        let bytes = _mm512_srli_epi64::<32>(_mm512_or_si512(before, after));
        let truncated = _mm512_and_si512(bytes, splat(0x7fff_ffff));
        let product = _mm512_mullo_epi32(truncated, splat(u64::from(wanted.inverse)));
        let mut any = 0;
        for (test, mask) in wanted.tests().iter().zip(masks) {
            let difference = _mm512_sub_epi32(product, splat(u64::from(test.product)));
            let quotient = _mm512_rorv_epi32(difference, splat(u64::from(wanted.turn)));
            *mask = u32::from(_mm512_cmple_epu64_mask(quotient, splat(u64::from(test.limit))));
            any |= *mask;
        }
        any
    }

    sha2_lanes!("avx512f,avx512bw", u64, 80, K512, padded64, sha512_counters, sha512_keys, 64 72);
}
