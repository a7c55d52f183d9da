//! Vectors of eight lanes of 32 bits, four of 64: AVX2.

use std::arch::asm;
use std::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_add_epi64, _mm256_and_si256, _mm256_blendv_pd, _mm256_blendv_ps,
    _mm256_castpd_si256, _mm256_castps_si256, _mm256_castsi256_pd, _mm256_castsi256_ps, _mm256_cmpeq_epi32,
    _mm256_loadu_si256, _mm256_min_epu32, _mm256_movemask_pd, _mm256_movemask_ps, _mm256_mullo_epi32,
    _mm256_or_si256, _mm256_set1_epi32, _mm256_set1_epi64x, _mm256_slli_epi32, _mm256_slli_epi64,
    _mm256_sllv_epi32, _mm256_sllv_epi64, _mm256_srli_epi32, _mm256_srli_epi64, _mm256_srlv_epi32,
    _mm256_srlv_epi64, _mm256_storeu_si256, _mm256_sub_epi32, _mm256_sub_epi64, _mm256_xor_si256,
};

use super::keys::Lanes;
use super::rounds::{
    K1, K256, K512, VECTORS, each, groups, halves, lane_schedule, numbers32, numbers64, padded32, padded64,
    sha1_function, sha1_lanes, sha1_step, sha1_steps, sha2_lanes, sha2_step, sha2_steps, vectors,
};
use super::wanted::{Masks, Wanted};

type One = __m256i;
type V = [One; VECTORS];

/// What both widths share: the three functions of FIPS 180-4 §4.1 in the fewest operations.
macro_rules! logic {
    ($word:ty) => {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn xor(a: V, b: V) -> V {
            each!(a, b => _mm256_xor_si256(a, b))
        }

        #[inline]
        #[target_feature(enable = "avx2")]
        fn and(a: V, b: V) -> V {
            each!(a, b => _mm256_and_si256(a, b))
        }

        #[inline]
        #[target_feature(enable = "avx2")]
        fn or(a: V, b: V) -> V {
            each!(a, b => _mm256_or_si256(a, b))
        }

        #[inline]
        #[target_feature(enable = "avx2")]
        fn choose(a: V, b: V, c: V) -> V {
            xor(c, and(a, xor(b, c)))
        }

        #[inline]
        #[target_feature(enable = "avx2")]
        fn parity(a: V, b: V, c: V) -> V {
            xor(xor(a, b), c)
        }

        // `a` ^ `b` is the next step's `b` ^ `c` in SHA-2, and computed once.
        #[inline]
        #[target_feature(enable = "avx2")]
        fn majority(a: V, b: V, c: V) -> V {
            xor(b, and(xor(a, b), xor(b, c)))
        }

        /// Nothing, at this place in the order of instructions: the compiler would compute one vector after the other,
        /// which needs fewer registers and waits for every step.
        #[inline]
        #[target_feature(enable = "avx2")]
        fn in_turn(lanes: V) -> V {
            each!(lanes => {
                let mut same = lanes;
                // SAFETY: no instruction, and the register is given back as it was.
                unsafe { asm!("/* {} */", inout(ymm_reg) same, options(nomem, nostack, preserves_flags)) }
                same
            })
        }

        #[inline]
        #[target_feature(enable = "avx2")]
        fn load(words: &[$word; LANES]) -> V {
            let mut all = [one(0); VECTORS];
            for (vector, words) in all.iter_mut().zip(words.as_chunks::<{ LANES / VECTORS }>().0) {
                // SAFETY: 32 bytes are there to be read, and this load asks for no alignment.
                *vector = unsafe { _mm256_loadu_si256(words.as_ptr().cast()) };
            }
            all
        }
    };
}

/// 32 bits: SHA-1 and SHA-256.
pub(super) mod narrow {
    use super::{
        _mm256_add_epi32, _mm256_and_si256, _mm256_blendv_ps, _mm256_castps_si256, _mm256_castsi256_ps,
        _mm256_cmpeq_epi32, _mm256_loadu_si256, _mm256_min_epu32, _mm256_movemask_ps, _mm256_mullo_epi32,
        _mm256_or_si256, _mm256_set1_epi32, _mm256_slli_epi32, _mm256_sllv_epi32, _mm256_srli_epi32,
        _mm256_srlv_epi32, _mm256_storeu_si256, _mm256_sub_epi32, _mm256_xor_si256, K1, K256, Lanes, Masks,
        One, V, VECTORS, Wanted, asm, each, groups, halves, lane_schedule, numbers32, padded32,
        sha1_function, sha1_lanes, sha1_step, sha1_steps, sha2_lanes, sha2_step, sha2_steps, vectors,
    };

    pub(in super::super) const LANES: usize = 8 * VECTORS;

    logic!(u32);
    vectors!("avx2", u32);

    #[inline]
    #[target_feature(enable = "avx2")]
    fn store(words: &mut [u32; LANES], lanes: V) {
        for (words, lanes) in words.as_chunks_mut::<{ LANES / VECTORS }>().0.iter_mut().zip(lanes) {
            // SAFETY: there is room for 32 bytes, and this store asks for no alignment.
            unsafe { _mm256_storeu_si256(words.as_mut_ptr().cast(), lanes) }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn one(word: u32) -> One {
        _mm256_set1_epi32(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(a: V, b: V) -> V {
        each!(a, b => _mm256_add_epi32(a, b))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn rotate_left<const N: i32>(a: V) -> V {
        let left = each!(a => _mm256_sllv_epi32(a, _mm256_set1_epi32(N)));
        or(left, each!(a => _mm256_srlv_epi32(a, _mm256_set1_epi32(32 - N))))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn rotate_right<const N: i32>(a: V) -> V {
        let left = each!(a => _mm256_sllv_epi32(a, _mm256_set1_epi32(32 - N)));
        or(left, each!(a => _mm256_srlv_epi32(a, _mm256_set1_epi32(N))))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn shift_right<const N: i32>(a: V) -> V {
        each!(a => _mm256_srli_epi32::<N>(a))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn large0(a: V) -> V {
        parity(rotate_right::<2>(a), rotate_right::<13>(a), rotate_right::<22>(a))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn large1(a: V) -> V {
        parity(rotate_right::<6>(a), rotate_right::<11>(a), rotate_right::<25>(a))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn small0(a: V) -> V {
        parity(rotate_right::<7>(a), rotate_right::<18>(a), shift_right::<3>(a))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn small1(a: V) -> V {
        parity(rotate_right::<17>(a), rotate_right::<19>(a), shift_right::<10>(a))
    }

    /// High and low words of the counters from `first` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn factors(first: u64) -> [V; 2] {
        static LANE: [u32; LANES] = numbers32();
        let [high, low] = halves(first);
        [splat(high), add(splat(low), load(&LANE))]
    }

    /// Dynamic truncation (RFC 4226 §5.3) of the hashes whose first five words and last word these are, and the
    /// lanes whose number has a wanted rest. Of one vector, whose first lane is `lane`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn found_in(head: &[One; 5], last: One, wanted: &Wanted, masks: &mut Masks, lane: usize) -> u32 {
        // Offset = 4 · word + byte. A blend looks at the sign alone.
        let odd = _mm256_castsi256_ps(_mm256_slli_epi32::<29>(last));
        let second = _mm256_castsi256_ps(_mm256_slli_epi32::<28>(last));
        let head = head.map(|word| _mm256_castsi256_ps(word));
        let word = |n: usize| {
            let low = _mm256_blendv_ps(head[n], head[n + 1], odd);
            let high = _mm256_blendv_ps(head[n + 2], head[n + 3], odd);
            _mm256_castps_si256(_mm256_blendv_ps(low, high, second))
        };
        let bits = _mm256_slli_epi32::<3>(_mm256_and_si256(last, one(3)));
        let before = _mm256_sllv_epi32(word(0), bits);
        let after = _mm256_srlv_epi32(word(1), _mm256_sub_epi32(one(32), bits));
        let truncated = _mm256_and_si256(_mm256_or_si256(before, after), one(0x7fff_ffff));
        let product = _mm256_mullo_epi32(truncated, one(wanted.inverse));
        let (right, left) = (one(wanted.turn), one(32 - wanted.turn));
        let mut any = 0;
        for (test, mask) in wanted.tests().iter().zip(masks) {
            let difference = _mm256_sub_epi32(product, one(test.product));
            let quotient =
                _mm256_or_si256(_mm256_srlv_epi32(difference, right), _mm256_sllv_epi32(difference, left));
            let fits = _mm256_cmpeq_epi32(_mm256_min_epu32(quotient, one(test.limit)), quotient);
            let found = _mm256_movemask_ps(_mm256_castsi256_ps(fits)).cast_unsigned() << lane;
            *mask |= found;
            any |= found;
        }
        any
    }

    sha1_lanes!("avx2", 0);
    sha2_lanes!("avx2", u32, 64, K256, padded32, sha256_counters, sha256_keys);
}

/// 64 bits: SHA-512.
pub(super) mod wide {
    use super::{
        _mm256_add_epi64, _mm256_and_si256, _mm256_blendv_pd, _mm256_castpd_si256, _mm256_castsi256_pd,
        _mm256_cmpeq_epi32, _mm256_loadu_si256, _mm256_min_epu32, _mm256_movemask_pd, _mm256_mullo_epi32,
        _mm256_or_si256, _mm256_set1_epi64x, _mm256_slli_epi64, _mm256_sllv_epi32, _mm256_sllv_epi64,
        _mm256_srli_epi64, _mm256_srlv_epi32, _mm256_srlv_epi64, _mm256_sub_epi32, _mm256_sub_epi64,
        _mm256_xor_si256, K512, Lanes, Masks, One, V, VECTORS, Wanted, asm, each, numbers64, padded64,
        sha2_lanes, sha2_step, sha2_steps, vectors,
    };

    pub(in super::super) const LANES: usize = 4 * VECTORS;

    logic!(u64);
    vectors!("avx2", u64);

    #[inline]
    #[target_feature(enable = "avx2")]
    fn one(word: u64) -> One {
        _mm256_set1_epi64x(word.cast_signed())
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add(a: V, b: V) -> V {
        each!(a, b => _mm256_add_epi64(a, b))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn rotate_right<const N: i64>(a: V) -> V {
        let left = each!(a => _mm256_sllv_epi64(a, _mm256_set1_epi64x(64 - N)));
        or(left, each!(a => _mm256_srlv_epi64(a, _mm256_set1_epi64x(N))))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn shift_right<const N: i32>(a: V) -> V {
        each!(a => _mm256_srli_epi64::<N>(a))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn large0(a: V) -> V {
        parity(rotate_right::<28>(a), rotate_right::<34>(a), rotate_right::<39>(a))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn large1(a: V) -> V {
        parity(rotate_right::<14>(a), rotate_right::<18>(a), rotate_right::<41>(a))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn small0(a: V) -> V {
        parity(rotate_right::<1>(a), rotate_right::<8>(a), shift_right::<7>(a))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn small1(a: V) -> V {
        parity(rotate_right::<19>(a), rotate_right::<61>(a), shift_right::<6>(a))
    }

    /// The counters from `first` on.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn factors(first: u64) -> [V; 1] {
        static LANE: [u64; LANES] = numbers64();
        [add(splat(first), load(&LANE))]
    }

    /// As in 32 bits; the first three words hold all that truncation can reach.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn found_in(head: &[One; 5], last: One, wanted: &Wanted, masks: &mut Masks, lane: usize) -> u32 {
        // Offset = 8 · word + byte. A blend looks at the sign alone.
        let second = _mm256_castsi256_pd(_mm256_slli_epi64::<60>(last));
        let head = head.map(|word| _mm256_castsi256_pd(word));
        let word = |n: usize| _mm256_castpd_si256(_mm256_blendv_pd(head[n], head[n + 1], second));
        let bits = _mm256_slli_epi64::<3>(_mm256_and_si256(last, one(7)));
        let before = _mm256_sllv_epi64(word(0), bits);
        let after = _mm256_srlv_epi64(word(1), _mm256_sub_epi64(one(64), bits));
        let truncated =
            _mm256_and_si256(_mm256_srli_epi64::<32>(_mm256_or_si256(before, after)), one(0x7fff_ffff));
        let product = _mm256_mullo_epi32(truncated, one(u64::from(wanted.inverse)));
        let (right, left) = (one(u64::from(wanted.turn)), one(u64::from(32 - wanted.turn)));
        let mut any = 0;
        for (test, mask) in wanted.tests().iter().zip(masks) {
            let difference = _mm256_sub_epi32(product, one(u64::from(test.product)));
            let quotient =
                _mm256_or_si256(_mm256_srlv_epi32(difference, right), _mm256_sllv_epi32(difference, left));
            let limit = one(u64::from(test.limit));
            let fits = _mm256_cmpeq_epi32(_mm256_min_epu32(quotient, limit), quotient);
            // The low half of a lane decides.
            let fits = _mm256_castsi256_pd(_mm256_slli_epi64::<32>(fits));
            let found = _mm256_movemask_pd(fits).cast_unsigned() << lane;
            *mask |= found;
            any |= found;
        }
        any
    }

    sha2_lanes!("avx2", u64, 80, K512, padded64, sha512_counters, sha512_keys);
}
