//! From a range of positions, or a set of keys, to groups of lanes and back to hits.
//!
//! Every call of a function with a target feature stands here, behind the test that the processor has it.

use std::ops::Range;

use super::avx2::{narrow as narrow16, wide as wide8};
use super::avx512::{narrow as narrow32, wide as wide16};
use super::keys::Blocks;
use super::rounds::{halves, padded32, padded64, schedule1, schedule1_added, schedule256, schedule512};
use super::sha as sha4;
use super::wanted::{MOST, Masks, Wanted};
use super::{Kernel, Keyed};

/// Scans a range in lanes; false when this kernel, or the lanes' comparison, cannot.
pub(super) fn scan(
    kernel: Kernel,
    keyed: &Keyed,
    range: Range<u64>,
    wanted: &[u32],
    modulus: u32,
    hit: &mut dyn FnMut(u64, usize),
) -> bool {
    if kernel == Kernel::Plain || !kernel.is_available() {
        return false;
    }
    let Some(wanted) = Wanted::new(wanted, modulus) else { return false };
    macro_rules! groups {
        ($key:ident, $of:ident, $function:ident) => {
            counters::<{ $of::LANES }>(
                range,
                &wanted,
                |first, masks| {
                    // SAFETY: the kernel is available, so the processor has the function's features.
                    unsafe { $of::$function(&$key.inner, &$key.outer, first, &wanted, masks) }
                },
                hit,
            )
        };
    }
    // SHA-1's schedules are made for many groups at once.
    macro_rules! sha1_groups {
        ($key:ident, $of:ident) => {{
            const LANES: usize = $of::LANES;
            let mut table = [[0; LANES]; 80];
            let mut made = None;
            counters::<LANES>(
                range,
                &wanted,
                |first, masks| {
                    let group = first % (LANES * LANES) as u64;
                    let begin = first - group;
                    if made != Some(begin) {
                        // SAFETY: the kernel is available, so the processor has the function's features.
                        unsafe { $of::sha1_schedules(begin, &mut table) };
                        made = Some(begin);
                    }
                    let group = usize::try_from(group).unwrap_or(0) / LANES;
                    // SAFETY: as above.
                    unsafe { $of::sha1_counters(&$key.inner, &$key.outer, &table, group, &wanted, masks) }
                },
                hit,
            )
        }};
    }
    match (kernel, keyed) {
        (Kernel::Plain, _) | (Kernel::Sha, Keyed::Sha512(_)) => return false,
        (Kernel::Sha, Keyed::Sha1(key)) => {
            let mut shared = [[0; 4]; 20];
            let mut made = None;
            counters::<{ sha4::LANES }>(
                range,
                &wanted,
                |first, masks| {
                    let begin = first - first % sha4::SHARED as u64;
                    if made != Some(begin) {
                        shared = sha4::vectors1(&schedule1(with32(begin)));
                        made = Some(begin);
                    }
                    // SAFETY: the kernel is available, so the processor has the function's features.
                    unsafe { sha4::sha1_counters(&key.inner, &key.outer, &shared, first, &wanted, masks) }
                },
                hit,
            );
        }
        (Kernel::Sha, Keyed::Sha256(key)) => groups!(key, sha4, sha256_counters),
        (Kernel::Avx512, Keyed::Sha1(key)) => sha1_groups!(key, narrow32),
        (Kernel::Avx512, Keyed::Sha256(key)) => groups!(key, narrow32, sha256_counters),
        (Kernel::Avx512, Keyed::Sha512(key)) => groups!(key, wide16, sha512_counters),
        (Kernel::Avx2, Keyed::Sha1(key)) => sha1_groups!(key, narrow16),
        (Kernel::Avx2, Keyed::Sha256(key)) => groups!(key, narrow16, sha256_counters),
        (Kernel::Avx2, Keyed::Sha512(key)) => groups!(key, wide8, sha512_counters),
    }
    true
}

/// The block of a moving factor's two words.
fn with32(position: u64) -> [u32; 16] {
    let mut block = padded32(2);
    block[..2].copy_from_slice(&halves(position));
    block
}

/// Groups begin at multiples of the number of lanes; lanes outside the range are computed and left out.
fn counters<const LANES: usize>(
    range: Range<u64>,
    wanted: &Wanted,
    mut group: impl FnMut(u64, &mut Masks) -> u32,
    hit: &mut dyn FnMut(u64, usize),
) {
    if range.is_empty() {
        return;
    }
    let lanes = LANES as u64;
    let mut first = range.start - range.start % lanes;
    loop {
        let mut masks = [0; MOST];
        let any = group(first, &mut masks);
        if any != 0 {
            report::<LANES>(any, &masks, wanted, &mut |lane, index| {
                // The group of the largest counter has all of its lanes.
                let position = first + lane as u64;
                if range.contains(&position) {
                    hit(position, index);
                }
            });
        }
        match first.checked_add(lanes) {
            Some(next) if next < range.end => first = next,
            _ => return,
        }
    }
}

#[cold]
fn report<const LANES: usize>(any: u32, masks: &Masks, wanted: &Wanted, hit: &mut dyn FnMut(usize, usize)) {
    for lane in (0..LANES).filter(|lane| any >> lane & 1 == 1) {
        for index in (0..wanted.tests().len()).filter(|index| masks[*index] >> lane & 1 == 1) {
            hit(lane, index);
        }
    }
}

/// Tries one position with every key of a set; `hit` is told the key's place and which value it was. False
/// when this kernel, or the lanes' comparison, cannot.
pub(super) fn scan_keys(
    kernel: Kernel,
    blocks: &Blocks,
    range: Range<u64>,
    wanted: &[u32],
    modulus: u32,
    hit: &mut dyn FnMut(usize, u64, usize),
) -> bool {
    if kernel == Kernel::Plain || !kernel.is_available() {
        return false;
    }
    let Some(wanted) = Wanted::new(wanted, modulus) else { return false };
    macro_rules! groups {
        ($blocks:ident, $of:ident, $function:ident, $schedule:expr) => {
            for position in range {
                let schedule = $schedule(position);
                for (number, block) in $blocks.iter().enumerate() {
                    let mut masks = [0; MOST];
                    // SAFETY: the kernel is available, so the processor has the function's features.
                    let any = unsafe { $of::$function(block, &schedule, &wanted, &mut masks) };
                    if any != 0 {
                        report::<{ $of::LANES }>(any, &masks, &wanted, &mut |lane, index| {
                            hit(number * $of::LANES + lane, position, index);
                        });
                    }
                }
            }
        };
    }
    let with64 = |position| {
        let mut block = padded64(1);
        block[0] = position;
        block
    };
    match (kernel, blocks) {
        (Kernel::Avx512, Blocks::Sha1x32(b)) => {
            groups!(b, narrow32, sha1_keys, |at| schedule1_added(with32(at)));
        }
        (Kernel::Avx512, Blocks::Sha256x32(b)) => {
            groups!(b, narrow32, sha256_keys, |at| schedule256(with32(at)));
        }
        (Kernel::Avx512, Blocks::Sha512x16(b)) => {
            groups!(b, wide16, sha512_keys, |at| schedule512(with64(at)));
        }
        (Kernel::Avx2, Blocks::Sha1x16(b)) => {
            groups!(b, narrow16, sha1_keys, |at| schedule1_added(with32(at)));
        }
        (Kernel::Avx2, Blocks::Sha256x16(b)) => {
            groups!(b, narrow16, sha256_keys, |at| schedule256(with32(at)));
        }
        (Kernel::Avx2, Blocks::Sha512x8(b)) => {
            groups!(b, wide8, sha512_keys, |at| schedule512(with64(at)));
        }
        (Kernel::Sha, Blocks::Sha1x4(b)) => {
            groups!(b, sha4, sha1_keys, |at| sha4::vectors1(&schedule1(with32(at))));
        }
        (Kernel::Sha, Blocks::Sha256x4(b)) => {
            groups!(b, sha4, sha256_keys, |at| schedule256(with32(at)));
        }
        _ => return false,
    }
    true
}
