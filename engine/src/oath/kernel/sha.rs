//! The processor's SHA instructions in four streams: an instruction waits for the one before it, and meanwhile
//! those of the other streams run.
//!
//! Vectors hold four words of a message, with SHA-1 the first one highest. The states are split as the
//! instructions want them: SHA-1 in A to D and E, SHA-256 in A, B, E, F and C, D, G, H.

use std::arch::asm;
use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_blend_epi16, _mm_extract_epi32, _mm_loadu_si128,
    _mm_set_epi32, _mm_set1_epi64x, _mm_setr_epi8, _mm_sha1msg1_epu32, _mm_sha1msg2_epu32,
    _mm_sha1nexte_epu32, _mm_sha1rnds4_epu32, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32,
    _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_storeu_si128, _mm_unpackhi_epi64,
    _mm_xor_si128,
};

use super::keys::Lanes;
use super::rounds::{K256, halves, padded32, schedule1};
use super::wanted::{Masks, Wanted};

/// Codes that are computed at once.
pub(super) const LANES: usize = 4;
/// Counters whose schedules of SHA-1 differ by a table only.
pub(super) const SHARED: usize = 256;

type V = __m128i;
/// A vector of each stream.
type Streams = [V; LANES];
/// A schedule of SHA-1, four words in each vector, the first one highest.
pub(super) type Schedule1 = [[u32; 4]; 20];

/// The words of a schedule in their vectors.
pub(super) const fn vectors1(words: &[u32; 80]) -> Schedule1 {
    let mut vectors = [[0; 4]; 20];
    let mut at = 0;
    while at < 80 {
        vectors[at / 4][3 - at % 4] = words[at];
        at += 1;
    }
    vectors
}

/// What the number of a group, or of a stream, adds to the schedule of a first counter (see
/// [`schedule1`]: the schedule is linear).
const fn added<const N: usize>(distance: u32) -> [Schedule1; N] {
    let mut table = [[[0; 4]; 20]; N];
    let mut number = 0;
    let mut low = 0;
    while number < N {
        let mut block = [0; 16];
        block[1] = low;
        table[number] = vectors1(&schedule1(block));
        number += 1;
        low += distance;
    }
    table
}

#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn load(words: &[u32; 4]) -> V {
    // SAFETY: 16 bytes are there to be read, and this load asks for no alignment.
    unsafe { _mm_loadu_si128(words.as_ptr().cast()) }
}

/// Nothing, at this place in the order of instructions: the compiler would compute one stream after the other,
/// which needs fewer registers and waits for every step.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn in_turn(lanes: V) -> V {
    let mut same = lanes;
    // SAFETY: no instruction, and the register is given back as it was.
    unsafe { asm!("/* {} */", inout(xmm_reg) same, options(nomem, nostack, preserves_flags)) }
    same
}

/// The first word highest.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn vector(first: u32, second: u32, third: u32, fourth: u32) -> V {
    _mm_set_epi32(first.cast_signed(), second.cast_signed(), third.cast_signed(), fourth.cast_signed())
}

/// The bytes of a hash in their order, as many as truncation reads; the number at its offset (RFC 4226 §5.3)
/// and what it is compared with.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn compare(head: V, fifth: u32, last: u32, lane: usize, wanted: &Wanted, masks: &mut Masks) -> u32 {
    let mut bytes = [0; 20];
    // SAFETY: there is room for 16 bytes, and this store asks for no alignment.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), head) }
    bytes[16..].copy_from_slice(&fifth.to_be_bytes());
    let offset = (last & 15) as usize;
    let mut number = [0; 4];
    number.copy_from_slice(&bytes[offset..offset + 4]);
    let product = (u32::from_be_bytes(number) & 0x7fff_ffff).wrapping_mul(wanted.inverse);
    let mut any = 0;
    for (test, mask) in wanted.tests().iter().zip(masks) {
        let quotient = product.wrapping_sub(test.product).rotate_right(wanted.turn);
        let found = u32::from(quotient <= test.limit) << lane;
        *mask |= found;
        any |= found;
    }
    any
}

/// SHA-1's compression function; `word` gives four words of the schedule of a stream.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn sha1(abcd: &Streams, e: &Streams, mut word: impl FnMut(usize, usize) -> V) -> (Streams, Streams) {
    let (mut now, mut before) = (*abcd, *e);
    macro_rules! rounds {
        ($function:literal: $($four:literal)*) => {$(
            for stream in 0..LANES {
                let words = word($four, stream);
                // E of the first rounds is given, later it is A of four rounds before.
                let sum = if $four == 0 {
                    _mm_add_epi32(before[stream], words)
                } else {
                    _mm_sha1nexte_epu32(before[stream], words)
                };
                before[stream] = now[stream];
                now[stream] = in_turn(_mm_sha1rnds4_epu32::<$function>(now[stream], sum));
            }
        )*};
    }
    rounds!(0: 0 1 2 3 4);
    rounds!(1: 5 6 7 8 9);
    rounds!(2: 10 11 12 13 14);
    rounds!(3: 15 16 17 18 19);
    for stream in 0..LANES {
        now[stream] = _mm_add_epi32(now[stream], abcd[stream]);
        before[stream] = _mm_sha1nexte_epu32(before[stream], e[stream]);
    }
    (now, before)
}

/// The outer hash and the comparison. `abcd` and `e` are the state after the outer key block, `hash` and `fifth`
/// the inner hash: the first five words of the message.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn sha1_found(
    (abcd, e): (&Streams, &Streams),
    (hash, fifth): (Streams, Streams),
    wanted: &Wanted,
    masks: &mut Masks,
) -> u32 {
    const PADDED: [u32; 16] = padded32(5);
    let zero = vector(0, 0, 0, 0);
    let mut w = [hash, fifth, [zero; LANES], [vector(0, 0, 0, PADDED[15]); LANES]];
    for fifth in &mut w[1] {
        *fifth = _mm_xor_si128(*fifth, vector(0, PADDED[5], 0, 0));
    }
    let (head, last) = sha1(abcd, e, |four, stream| {
        if four >= 4 {
            let mixed = _mm_sha1msg1_epu32(w[four % 4][stream], w[(four + 1) % 4][stream]);
            let mixed = _mm_xor_si128(mixed, w[(four + 2) % 4][stream]);
            w[four % 4][stream] = _mm_sha1msg2_epu32(mixed, w[(four + 3) % 4][stream]);
        }
        w[four % 4][stream]
    });
    let order = _mm_setr_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    let mut any = 0;
    for stream in 0..LANES {
        let last = _mm_extract_epi32::<3>(last[stream]).cast_unsigned();
        any |= compare(_mm_shuffle_epi8(head[stream], order), last, last, stream, wanted, masks);
    }
    any
}

#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn state1(words: [u32; 5]) -> (V, V) {
    (vector(words[0], words[1], words[2], words[3]), vector(words[4], 0, 0, 0))
}

/// One key, four counters from `first`, a multiple of four. `shared` is the schedule of the multiple of [`SHARED`]
/// before it.
#[target_feature(enable = "sha,sse4.1")]
pub(super) fn sha1_counters(
    inner: &[u32; 5],
    outer: &[u32; 5],
    shared: &Schedule1,
    first: u64,
    wanted: &Wanted,
    masks: &mut Masks,
) -> u32 {
    static LANE: [Schedule1; LANES] = added(1);
    static GROUP: [Schedule1; SHARED / LANES] = added(4);
    let group = &GROUP[usize::try_from(first % SHARED as u64).unwrap_or(0) / LANES];
    let (abcd, e) = state1(*inner);
    let mut common = abcd;
    let hash = sha1(&[abcd; LANES], &[e; LANES], |four, stream| {
        if stream == 0 {
            common = _mm_xor_si128(load(&shared[four]), load(&group[four]));
        }
        _mm_xor_si128(common, load(&LANE[stream][four]))
    });
    let (abcd, e) = state1(*outer);
    sha1_found((&[abcd; LANES], &[e; LANES]), hash, wanted, masks)
}

/// Four keys, one counter, whose schedule this is.
#[target_feature(enable = "sha,sse4.1")]
pub(super) fn sha1_keys(
    keys: &Lanes<u32, 5, LANES>,
    shared: &Schedule1,
    wanted: &Wanted,
    masks: &mut Masks,
) -> u32 {
    let (inner, inner_e) = states1(&keys.inner);
    let hash = sha1(&inner, &inner_e, |four, _| load(&shared[four]));
    let (outer, outer_e) = states1(&keys.outer);
    sha1_found((&outer, &outer_e), hash, wanted, masks)
}

#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn states1(words: &[[u32; LANES]; 5]) -> (Streams, Streams) {
    let mut states = ([vector(0, 0, 0, 0); LANES], [vector(0, 0, 0, 0); LANES]);
    for stream in 0..LANES {
        (states.0[stream], states.1[stream]) = state1(words.map(|word| word[stream]));
    }
    states
}

/// SHA-256's compression function; `word` gives four words of the schedule of a stream, the constants added.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn sha256(abef: &Streams, cdgh: &Streams, mut word: impl FnMut(usize, usize) -> V) -> (Streams, Streams) {
    let (mut first, mut second) = (*abef, *cdgh);
    macro_rules! rounds {
        ($($four:literal)*) => {$(
            for stream in 0..LANES {
                let words = word($four, stream);
                second[stream] = _mm_sha256rnds2_epu32(second[stream], first[stream], words);
                let words = _mm_unpackhi_epi64(words, words);
                first[stream] = in_turn(_mm_sha256rnds2_epu32(first[stream], second[stream], words));
            }
        )*};
    }
    rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    for stream in 0..LANES {
        first[stream] = _mm_add_epi32(first[stream], abef[stream]);
        second[stream] = _mm_add_epi32(second[stream], cdgh[stream]);
    }
    (first, second)
}

/// The hash of a short message behind a key block. `w` is the message with its padding, the first word of each vector
/// lowest.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn sha256_message(abef: &Streams, cdgh: &Streams, mut w: [Streams; 4]) -> (Streams, Streams) {
    let constants = K256.as_chunks::<4>().0;
    sha256(abef, cdgh, |four, stream| {
        if four >= 4 {
            let mixed = _mm_sha256msg1_epu32(w[four % 4][stream], w[(four + 1) % 4][stream]);
            let middle = _mm_alignr_epi8::<4>(w[(four + 3) % 4][stream], w[(four + 2) % 4][stream]);
            let mixed = _mm_add_epi32(mixed, middle);
            w[four % 4][stream] = _mm_sha256msg2_epu32(mixed, w[(four + 3) % 4][stream]);
        }
        _mm_add_epi32(w[four % 4][stream], load(&constants[four]))
    })
}

/// The outer hash and the comparison.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn sha256_found(
    (abef, cdgh): (&Streams, &Streams),
    hash: (Streams, Streams),
    wanted: &Wanted,
    masks: &mut Masks,
) -> u32 {
    const PADDED: [u32; 16] = padded32(8);
    let (mut head, mut tail) = hash;
    for (head, tail) in head.iter_mut().zip(&mut tail) {
        (*head, *tail) = in_order(*head, *tail);
    }
    let w = [head, tail, [vector(0, 0, 0, PADDED[8]); LANES], [vector(PADDED[15], 0, 0, 0); LANES]];
    let (first, second) = sha256_message(abef, cdgh, w);
    let swapped = _mm_setr_epi8(3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12);
    let mut any = 0;
    for stream in 0..LANES {
        let (head, tail) = in_order(first[stream], second[stream]);
        let fifth = _mm_extract_epi32::<0>(tail).cast_unsigned();
        let last = _mm_extract_epi32::<3>(tail).cast_unsigned();
        any |= compare(_mm_shuffle_epi8(head, swapped), fifth, last, stream, wanted, masks);
    }
    any
}

/// A state as words A to D and E to H, the first ones lowest.
#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn in_order(abef: V, cdgh: V) -> (V, V) {
    let feba = _mm_shuffle_epi32::<0x1b>(abef);
    let dchg = _mm_shuffle_epi32::<0xb1>(cdgh);
    (_mm_blend_epi16::<0xf0>(feba, dchg), _mm_alignr_epi8::<8>(dchg, feba))
}

/// One key, four counters from `first`, a multiple of four.
#[target_feature(enable = "sha,sse4.1")]
pub(super) fn sha256_counters(
    inner: &[u32; 8],
    outer: &[u32; 8],
    first: u64,
    wanted: &Wanted,
    masks: &mut Masks,
) -> u32 {
    const PADDED: [u32; 16] = padded32(2);
    let [high, low] = halves(first);
    let counters = [low, low | 1, low | 2, low | 3].map(|low| [high, low, PADDED[2], 0]);
    let counters = [load(&counters[0]), load(&counters[1]), load(&counters[2]), load(&counters[3])];
    let zero = _mm_set1_epi64x(0);
    let w = [counters, [zero; LANES], [zero; LANES], [vector(PADDED[15], 0, 0, 0); LANES]];
    let (abef, cdgh) = state256(*inner);
    let hash = sha256_message(&[abef; LANES], &[cdgh; LANES], w);
    let (abef, cdgh) = state256(*outer);
    sha256_found((&[abef; LANES], &[cdgh; LANES]), hash, wanted, masks)
}

/// Four keys, one counter, whose schedule this is, the constants added.
#[target_feature(enable = "sha,sse4.1")]
pub(super) fn sha256_keys(
    keys: &Lanes<u32, 8, LANES>,
    shared: &[u32; 64],
    wanted: &Wanted,
    masks: &mut Masks,
) -> u32 {
    let shared = shared.as_chunks::<4>().0;
    let (abef, cdgh) = states256(&keys.inner);
    let hash = sha256(&abef, &cdgh, |four, _| load(&shared[four]));
    let (abef, cdgh) = states256(&keys.outer);
    sha256_found((&abef, &cdgh), hash, wanted, masks)
}

#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn state256(words: [u32; 8]) -> (V, V) {
    (vector(words[0], words[1], words[4], words[5]), vector(words[2], words[3], words[6], words[7]))
}

#[inline]
#[target_feature(enable = "sha,sse4.1")]
fn states256(words: &[[u32; LANES]; 8]) -> (Streams, Streams) {
    let mut states = ([vector(0, 0, 0, 0); LANES], [vector(0, 0, 0, 0); LANES]);
    for stream in 0..LANES {
        (states.0[stream], states.1[stream]) = state256(words.map(|word| word[stream]));
    }
    states
}
