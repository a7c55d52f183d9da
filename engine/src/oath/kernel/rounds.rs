//! SHA-1 and SHA-2 (FIPS 180-4) in lanes, and HMACs of moving factors in them: written once, for whatever
//! lanes the module has that calls the macros.
//!
//! The names in the macros (`add`, `rotate`, `choose` …) are the functions of that module.

/// FIPS 180-4 §4.2.1.
pub(super) const K1: [u32; 4] = [0x5a82_7999, 0x6ed9_eba1, 0x8f1b_bcdc, 0xca62_c1d6];

/// FIPS 180-4 §4.2.2.
#[rustfmt::skip]
pub(super) const K256: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

/// FIPS 180-4 §4.2.3.
#[rustfmt::skip]
pub(super) const K512: [u64; 80] = [
    0x428a_2f98_d728_ae22, 0x7137_4491_23ef_65cd, 0xb5c0_fbcf_ec4d_3b2f, 0xe9b5_dba5_8189_dbbc,
    0x3956_c25b_f348_b538, 0x59f1_11f1_b605_d019, 0x923f_82a4_af19_4f9b, 0xab1c_5ed5_da6d_8118,
    0xd807_aa98_a303_0242, 0x1283_5b01_4570_6fbe, 0x2431_85be_4ee4_b28c, 0x550c_7dc3_d5ff_b4e2,
    0x72be_5d74_f27b_896f, 0x80de_b1fe_3b16_96b1, 0x9bdc_06a7_25c7_1235, 0xc19b_f174_cf69_2694,
    0xe49b_69c1_9ef1_4ad2, 0xefbe_4786_384f_25e3, 0x0fc1_9dc6_8b8c_d5b5, 0x240c_a1cc_77ac_9c65,
    0x2de9_2c6f_592b_0275, 0x4a74_84aa_6ea6_e483, 0x5cb0_a9dc_bd41_fbd4, 0x76f9_88da_8311_53b5,
    0x983e_5152_ee66_dfab, 0xa831_c66d_2db4_3210, 0xb003_27c8_98fb_213f, 0xbf59_7fc7_beef_0ee4,
    0xc6e0_0bf3_3da8_8fc2, 0xd5a7_9147_930a_a725, 0x06ca_6351_e003_826f, 0x1429_2967_0a0e_6e70,
    0x27b7_0a85_46d2_2ffc, 0x2e1b_2138_5c26_c926, 0x4d2c_6dfc_5ac4_2aed, 0x5338_0d13_9d95_b3df,
    0x650a_7354_8baf_63de, 0x766a_0abb_3c77_b2a8, 0x81c2_c92e_47ed_aee6, 0x9272_2c85_1482_353b,
    0xa2bf_e8a1_4cf1_0364, 0xa81a_664b_bc42_3001, 0xc24b_8b70_d0f8_9791, 0xc76c_51a3_0654_be30,
    0xd192_e819_d6ef_5218, 0xd699_0624_5565_a910, 0xf40e_3585_5771_202a, 0x106a_a070_32bb_d1b8,
    0x19a4_c116_b8d2_d0c8, 0x1e37_6c08_5141_ab53, 0x2748_774c_df8e_eb99, 0x34b0_bcb5_e19b_48a8,
    0x391c_0cb3_c5c9_5a63, 0x4ed8_aa4a_e341_8acb, 0x5b9c_ca4f_7763_e373, 0x682e_6ff3_d6b2_b8a3,
    0x748f_82ee_5def_b2fc, 0x78a5_636f_4317_2f60, 0x84c8_7814_a1f0_ab72, 0x8cc7_0208_1a64_39ec,
    0x90be_fffa_2363_1e28, 0xa450_6ceb_de82_bde9, 0xbef9_a3f7_b2c6_7915, 0xc671_78f2_e372_532b,
    0xca27_3ece_ea26_619c, 0xd186_b8c7_21c0_c207, 0xeada_7dd6_cde0_eb1e, 0xf57d_4f7f_ee6e_d178,
    0x06f0_67aa_7217_6fba, 0x0a63_7dc5_a2c8_98a6, 0x113f_9804_bef9_0dae, 0x1b71_0b35_131c_471b,
    0x28db_77f5_2304_7d84, 0x32ca_ab7b_40c7_2493, 0x3c9e_be0a_15c9_bebc, 0x431d_67c4_9c10_0d4c,
    0x4cc5_d4be_cb3e_42b6, 0x597f_299c_fc65_7e2a, 0x5fcb_6fab_3ad6_faec, 0x6c44_198c_4a47_5817,
];

/// The message schedule of SHA-1 (FIPS 180-4 §6.1.2). Linear over XOR: the schedule of `a` ^ `b` is that of `a`
/// ^ that of `b`, which is what lets lanes share most of it.
pub(super) const fn schedule1(block: [u32; 16]) -> [u32; 80] {
    let mut w = [0; 80];
    let mut t = 0;
    while t < 80 {
        w[t] = if t < 16 { block[t] } else { (w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1) };
        t += 1;
    }
    w
}

/// The same with the constants of the steps added.
pub(super) fn schedule1_added(block: [u32; 16]) -> [u32; 80] {
    let mut w = schedule1(block);
    for (words, k) in w.as_chunks_mut::<20>().0.iter_mut().zip(K1) {
        for word in words {
            *word = word.wrapping_add(k);
        }
    }
    w
}

/// What the lane's number in the low bits of the counter's low word adds to each word of SHA-1's schedule.
pub(super) const fn lane_schedule<const LANES: usize>() -> [[u32; LANES]; 80] {
    let mut table = [[0; LANES]; 80];
    let mut lane = 0;
    while lane < LANES {
        let mut block = [0; 16];
        #[expect(clippy::cast_possible_truncation, reason = "a lane's number is small")]
        {
            block[1] = lane as u32;
        }
        let words = schedule1(block);
        let mut t = 0;
        while t < 80 {
            table[t][lane] = words[t];
            t += 1;
        }
        lane += 1;
    }
    table
}

/// The low bits of the first counters of as many groups as there are lanes.
pub(super) const fn groups<const LANES: usize>() -> [u32; LANES] {
    let mut first = [0; LANES];
    let mut group = 1;
    while group < LANES {
        #[expect(clippy::cast_possible_truncation, reason = "at most thirty-two")]
        {
            first[group] = first[group - 1] + LANES as u32;
        }
        group += 1;
    }
    first
}

/// Message schedules of SHA-256 and SHA-512 (FIPS 180-4 §6.2.2 and §6.4.2) with the constants of the rounds added.
macro_rules! schedule2 {
    ($name:ident, $word:ty, $rounds:literal, $k:expr, $s0:expr, $s1:expr) => {
        pub(super) fn $name(block: [$word; 16]) -> [$word; $rounds] {
            let (s0, s1): ([u32; 3], [u32; 3]) = ($s0, $s1);
            let mut w: [$word; $rounds] = [0; $rounds];
            w[..16].copy_from_slice(&block);
            for t in 16..$rounds {
                let (a, b) = (w[t - 15], w[t - 2]);
                let small0 = a.rotate_right(s0[0]) ^ a.rotate_right(s0[1]) ^ (a >> s0[2]);
                let small1 = b.rotate_right(s1[0]) ^ b.rotate_right(s1[1]) ^ (b >> s1[2]);
                w[t] = w[t - 16].wrapping_add(small0).wrapping_add(w[t - 7]).wrapping_add(small1);
            }
            for (word, k) in w.iter_mut().zip($k) {
                *word = word.wrapping_add(k);
            }
            w
        }
    };
}

schedule2!(schedule256, u32, 64, K256, [7, 18, 3], [17, 19, 10]);
schedule2!(schedule512, u64, 80, K512, [1, 8, 7], [19, 61, 6]);

/// The block of a message of this many words behind a key block: padding and length (FIPS 180-4 §5.1).
macro_rules! padded {
    ($name:ident, $word:ty, $bits:literal) => {
        pub(super) const fn $name(words: usize) -> [$word; 16] {
            let mut block: [$word; 16] = [0; 16];
            block[words] = 1 << ($bits - 1);
            let mut before = 0;
            while before < 16 + words {
                block[15] += $bits;
                before += 1;
            }
            block
        }
    };
}

padded!(padded32, u32, 32);
padded!(padded64, u64, 64);

/// High and low word of a moving factor.
#[expect(clippy::cast_possible_truncation, reason = "the halves of a word")]
pub(super) const fn halves(factor: u64) -> [u32; 2] {
    [(factor >> 32) as u32, factor as u32]
}

/// The numbers of the lanes.
macro_rules! numbers {
    ($name:ident, $word:ty) => {
        pub(super) const fn $name<const LANES: usize>() -> [$word; LANES] {
            let mut numbers = [0; LANES];
            let mut lane = 1;
            while lane < LANES {
                numbers[lane] = numbers[lane - 1] + 1;
                lane += 1;
            }
            numbers
        }
    };
}

numbers!(numbers32, u32);
numbers!(numbers64, u64);

/// Vectors that are computed step by step in turn: an instruction waits for the one before it, and meanwhile
/// that of the other vector runs.
pub(super) const VECTORS: usize = 2;

/// What `$one` makes of each vector of these lanes.
macro_rules! each {
    ($first:ident $(, $lanes:ident)* => $one:expr) => {{
        let mut all = $first;
        for at in 0..VECTORS {
            let ($first, $($lanes),*) = ($first[at], $($lanes[at]),*);
            all[at] = $one;
        }
        all
    }};
}

/// What all lanes do in the same way: filling them, and reading them at the end.
macro_rules! vectors {
    ($features:literal, $word:ty) => {
        const _: () = assert!(LANES <= 32, "a mask has a bit for each lane");

        /// The same word in all lanes.
        #[inline]
        #[target_feature(enable = $features)]
        fn splat(word: $word) -> V {
            [one(word); VECTORS]
        }

        // Not by `map`, which has no target features: the compiler calls the closure for each word.
        #[inline]
        #[target_feature(enable = $features)]
        fn splat_all<const N: usize>(words: &[$word; N]) -> [V; N] {
            let mut all = [splat(0); N];
            for (place, word) in all.iter_mut().zip(words) {
                *place = splat(*word);
            }
            all
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

        /// The lanes whose hash, of which these are the first five words and the last one, makes a wanted number.
        #[inline]
        #[target_feature(enable = $features)]
        fn found(head: &[V; 5], last: V, wanted: &Wanted, masks: &mut Masks) -> u32 {
            let mut any = 0;
            for (at, last) in last.into_iter().enumerate() {
                let [a, b, c, d, e] = head;
                let head = [a[at], b[at], c[at], d[at], e[at]];
                any |= found_in(&head, last, wanted, masks, at * (LANES / VECTORS));
            }
            any
        }
    };
}

/// One of the 80 steps of SHA-1, and five of them: then the five variables are in their places again.
macro_rules! sha1_step {
    ($f:ident $k:ident $word:ident $t:expr, $a:ident $b:ident $c:ident $d:ident $e:ident) => {
        $e = in_turn(add(add(add($e, $word($t, K1[$k])), $f($b, $c, $d)), rotate_left::<5>($a)));
        $b = rotate_left::<30>($b);
    };
}
macro_rules! sha1_steps {
    ($f:ident $k:ident $word:ident [$($t:expr),*] $a:ident $b:ident $c:ident $d:ident $e:ident) => {
        $(
            sha1_step!($f $k $word $t, $a $b $c $d $e);
            sha1_step!($f $k $word $t + 1, $e $a $b $c $d);
            sha1_step!($f $k $word $t + 2, $d $e $a $b $c);
            sha1_step!($f $k $word $t + 3, $c $d $e $a $b);
            sha1_step!($f $k $word $t + 4, $b $c $d $e $a);
        )*
    };
}

/// One step of SHA-2, and eight of them.
macro_rules! sha2_step {
    ($k:ident $word:ident $t:expr, $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident) => {
        let first = add(add($h, $word($t, $k[$t])), add(large1($e), choose($e, $f, $g)));
        $d = in_turn(add($d, first));
        $h = in_turn(add(add(first, large0($a)), majority($a, $b, $c)));
    };
}
macro_rules! sha2_steps {
    ($k:ident $word:ident [$($t:expr),*] $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident) => {
        $(
            sha2_step!($k $word $t, $a $b $c $d $e $f $g $h);
            sha2_step!($k $word $t + 1, $h $a $b $c $d $e $f $g);
            sha2_step!($k $word $t + 2, $g $h $a $b $c $d $e $f);
            sha2_step!($k $word $t + 3, $f $g $h $a $b $c $d $e);
            sha2_step!($k $word $t + 4, $e $f $g $h $a $b $c $d);
            sha2_step!($k $word $t + 5, $d $e $f $g $h $a $b $c);
            sha2_step!($k $word $t + 6, $c $d $e $f $g $h $a $b);
            sha2_step!($k $word $t + 7, $b $c $d $e $f $g $h $a);
        )*
    };
}

/// SHA-1's compression function. `$five` says what stands behind each other in the compiled code: five steps from
/// each of these on, the rest is loops.
macro_rules! sha1_function {
    ($features:literal, $name:ident, $($five:literal)*) => {
        /// `word` gives word `t` of the schedule plus the step's constant.
        #[inline]
        #[target_feature(enable = $features)]
        fn $name(start: [V; 5], mut word: impl FnMut(usize, u32) -> V) -> [V; 5] {
            const A: usize = 0;
            const B: usize = 1;
            const C: usize = 2;
            const D: usize = 3;
            const ROUND: usize = 5 * [$($five),*].len();
            let [mut a, mut b, mut c, mut d, mut e] = start;
            sha1_steps!(choose A word [0, 5, 10, 15] a b c d e);
            for t in (20..40).step_by(ROUND) {
                sha1_steps!(parity B word [$(t + $five),*] a b c d e);
            }
            for t in (40..60).step_by(ROUND) {
                sha1_steps!(majority C word [$(t + $five),*] a b c d e);
            }
            for t in (60..80).step_by(ROUND) {
                sha1_steps!(parity D word [$(t + $five),*] a b c d e);
            }
            [add(a, start[0]), add(b, start[1]), add(c, start[2]), add(d, start[3]), add(e, start[4])]
        }
    };
}

/// HMAC-SHA-1 in the lanes of the module around it: `sha1_given` where the schedule is there, `sha1_mixing` where it is
/// made on the way. For that `$five` is `0 5 10 15` (no loops) where that is faster: words then need not be looked up
/// in memory, but all of the code must stay decoded in the processor, some 4,000 instructions.
macro_rules! sha1_lanes {
    ($features:literal, $($five:literal)*) => {
        sha1_function!($features, sha1_given, 0);
        sha1_function!($features, sha1_mixing, $($five)*);

        /// The outer hash, whose message differs in each lane.
        #[inline]
        #[target_feature(enable = $features)]
        fn sha1_outer(outer: [V; 5], inner: [V; 5]) -> [V; 5] {
            const PADDED: [u32; 16] = padded32(5);
            let mut w = splat_all(&PADDED);
            w[..5].copy_from_slice(&inner);
            sha1_mixing(outer, |t, k| {
                if t >= 16 {
                    w[t % 16] = sha1_mixed(&w, t);
                }
                add(w[t % 16], splat(k))
            })
        }

        /// What the groups of lanes from this counter on, as many as there are lanes, share of their schedules:
        /// the schedules of the groups' first counters. `first` is a multiple of the square of the lanes.
        #[target_feature(enable = $features)]
        pub(in super::super) fn sha1_schedules(first: u64, table: &mut [[u32; LANES]; 80]) {
            const PADDED: [u32; 16] = padded32(2);
            static GROUPS: [u32; LANES] = groups();
            let [high, low] = halves(first);
            let mut w = splat_all(&PADDED);
            w[0] = splat(high);
            w[1] = add(splat(low), load(&GROUPS));
            for (t, words) in table.iter_mut().enumerate() {
                if t >= 16 {
                    w[t % 16] = sha1_mixed(&w, t);
                }
                store(words, w[t % 16]);
            }
        }

        /// Word `t` of the schedule from the sixteen before it.
        #[inline]
        #[target_feature(enable = $features)]
        fn sha1_mixed(w: &[V; 16], t: usize) -> V {
            let mixed = xor(xor(w[(t + 13) % 16], w[(t + 8) % 16]), xor(w[(t + 2) % 16], w[t % 16]));
            rotate_left::<1>(mixed)
        }

        /// One key, one group of counters out of those of `table`.
        #[target_feature(enable = $features)]
        pub(in super::super) fn sha1_counters(
            inner: &[u32; 5],
            outer: &[u32; 5],
            table: &[[u32; LANES]; 80],
            group: usize,
            wanted: &Wanted,
            masks: &mut Masks,
        ) -> u32 {
            const PADDED: [u32; 16] = padded32(2);
            static LANE: [[u32; LANES]; 80] = lane_schedule();
            let group = group % LANES;
            let hash = sha1_given(splat_all(inner), |t, k| {
                if (2..16).contains(&t) {
                    // Nothing of these words comes from the counter.
                    return splat(PADDED[t].wrapping_add(k));
                }
                let shared = splat(table[t][group]);
                if t == 0 {
                    // Nothing of this word comes from the lane.
                    return add(shared, splat(k));
                }
                add(xor(load(&LANE[t]), shared), splat(k))
            });
            let hash = sha1_outer(splat_all(outer), hash);
            found(&hash, hash[4], wanted, masks)
        }

        /// As many keys as there are lanes, one counter, whose schedule this is, the constants added.
        #[target_feature(enable = $features)]
        pub(in super::super) fn sha1_keys(
            keys: &Lanes<u32, 5, LANES>,
            shared: &[u32; 80],
            wanted: &Wanted,
            masks: &mut Masks,
        ) -> u32 {
            let hash = sha1_given(load_all(&keys.inner), |t, _| splat(shared[t]));
            let hash = sha1_outer(load_all(&keys.outer), hash);
            found(&hash, hash[4], wanted, masks)
        }
    };
}

/// HMAC-SHA-256 or HMAC-SHA-512 in the lanes of the module around it.
macro_rules! sha2_lanes {
    ($features:literal, $word:ty, $rounds:literal, $k:ident, $padded:ident, $counters:ident, $keys:ident) => {
        /// The compression function; `word` gives word `t` of the schedule plus the step's constant.
        #[inline]
        #[target_feature(enable = $features)]
        fn sha2(start: [V; 8], mut word: impl FnMut(usize, $word) -> V) -> [V; 8] {
            let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = start;
            sha2_steps!($k word [0, 8] a b c d e f g h);
            // Eight steps to a turn, not sixteen: the compiler would see the words' places, hold the words in
            // registers, of which there are too few, and move them about.
            for t in (16..$rounds).step_by(8) {
                sha2_steps!($k word [t] a b c d e f g h);
            }
            [
                add(a, start[0]), add(b, start[1]), add(c, start[2]), add(d, start[3]),
                add(e, start[4]), add(f, start[5]), add(g, start[6]), add(h, start[7]),
            ]
        }

        /// The block that a short message of these words makes behind a key block.
        #[inline]
        #[target_feature(enable = $features)]
        fn block2<const WORDS: usize>(words: [V; WORDS]) -> [V; 16] {
            let mut w = splat_all(const { &$padded(WORDS) });
            w[..WORDS].copy_from_slice(&words);
            w
        }

        /// The hash of a block that differs in each lane. Never inlined, so that both hashes of an HMAC run the same
        /// loop: with two copies the speed depends on where they come to lie, by up to a third.
        #[inline(never)]
        #[target_feature(enable = $features)]
        fn sha2_block(start: &[V; 8], w: &mut [V; 16]) -> [V; 8] {
            sha2(*start, |t, k| {
                if t >= 16 {
                    let old = add(w[t % 16], w[(t + 9) % 16]);
                    w[t % 16] = add(add(old, small0(w[(t + 1) % 16])), small1(w[(t + 14) % 16]));
                }
                add(w[t % 16], splat(k))
            })
        }

        /// One key, as many counters as there are lanes, the first a multiple of that.
        #[target_feature(enable = $features)]
        pub(in super::super) fn $counters(
            inner: &[$word; 8],
            outer: &[$word; 8],
            first: u64,
            wanted: &Wanted,
            masks: &mut Masks,
        ) -> u32 {
            let hash = sha2_block(&splat_all(inner), &mut block2(factors(first)));
            let hash = sha2_block(&splat_all(outer), &mut block2(hash));
            found(&[hash[0], hash[1], hash[2], hash[3], hash[4]], hash[7], wanted, masks)
        }

        /// As many keys as there are lanes, one counter, whose schedule this is.
        #[target_feature(enable = $features)]
        pub(in super::super) fn $keys(
            keys: &Lanes<$word, 8, LANES>,
            shared: &[$word; $rounds],
            wanted: &Wanted,
            masks: &mut Masks,
        ) -> u32 {
            let hash = sha2(load_all(&keys.inner), |t, _| splat(shared[t]));
            let hash = sha2_block(&load_all(&keys.outer), &mut block2(hash));
            found(&[hash[0], hash[1], hash[2], hash[3], hash[4]], hash[7], wanted, masks)
        }
    };
}

pub(super) use {
    each, sha1_function, sha1_lanes, sha1_step, sha1_steps, sha2_lanes, sha2_step, sha2_steps, vectors,
};
