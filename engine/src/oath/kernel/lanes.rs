//! From a range of positions, or a set of keys, to groups of lanes and back to hits.
//!
//! Every call of a function with a target feature stands here, behind the test that the processor has it.

use std::ops::Range;

use super::keys::Blocks;
use super::rounds::{halves, padded32, padded64, schedule1, schedule256, schedule512};
use super::wanted::{MOST, Masks, Wanted};
use super::{Kernel, Keyed, avx2, avx512};

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
        ($key:ident, $of:ident :: $width:ident, $function:ident) => {
            counters::<{ $of::$width::LANES }>(
                range,
                &wanted,
                |first, masks| {
                    // SAFETY: the kernel is available, so the processor has the function's features.
                    unsafe { $of::$width::$function(&$key.inner, &$key.outer, first, &wanted, masks) }
                },
                hit,
            )
        };
    }
    // SHA-1's schedules are made for many groups at once.
    macro_rules! sha1_groups {
        ($key:ident, $of:ident) => {{
            const LANES: usize = $of::narrow::LANES;
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
                        unsafe { $of::narrow::sha1_schedules(begin, &mut table) };
                        made = Some(begin);
                    }
                    let group = usize::try_from(group).unwrap_or(0) / LANES;
                    // SAFETY: as above.
                    unsafe {
                        $of::narrow::sha1_counters(&$key.inner, &$key.outer, &table, group, &wanted, masks)
                    }
                },
                hit,
            )
        }};
    }
    match (kernel, keyed) {
        (Kernel::Plain, _) => return false,
        (Kernel::Avx512, Keyed::Sha1(key)) => sha1_groups!(key, avx512),
        (Kernel::Avx512, Keyed::Sha256(key)) => groups!(key, avx512::narrow, sha256_counters),
        (Kernel::Avx512, Keyed::Sha512(key)) => groups!(key, avx512::wide, sha512_counters),
        (Kernel::Avx2, Keyed::Sha1(key)) => sha1_groups!(key, avx2),
        (Kernel::Avx2, Keyed::Sha256(key)) => groups!(key, avx2::narrow, sha256_counters),
        (Kernel::Avx2, Keyed::Sha512(key)) => groups!(key, avx2::wide, sha512_counters),
    }
    true
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
        ($blocks:ident, $of:ident :: $width:ident, $function:ident, $schedule:expr) => {
            for position in range {
                let schedule = $schedule(position);
                for (number, block) in $blocks.iter().enumerate() {
                    let mut masks = [0; MOST];
                    // SAFETY: the kernel is available, so the processor has the function's features.
                    let any = unsafe { $of::$width::$function(block, &schedule, &wanted, &mut masks) };
                    if any != 0 {
                        report::<{ $of::$width::LANES }>(any, &masks, &wanted, &mut |lane, index| {
                            hit(number * $of::$width::LANES + lane, position, index);
                        });
                    }
                }
            }
        };
    }
    let with32 = |position| {
        let mut block = padded32(2);
        block[..2].copy_from_slice(&halves(position));
        block
    };
    let with64 = |position| {
        let mut block = padded64(1);
        block[0] = position;
        block
    };
    match (kernel, blocks) {
        (Kernel::Avx512, Blocks::Sha1x16(b)) => {
            groups!(b, avx512::narrow, sha1_keys, |at| schedule1(with32(at)));
        }
        (Kernel::Avx512, Blocks::Sha256x16(b)) => {
            groups!(b, avx512::narrow, sha256_keys, |at| schedule256(with32(at)));
        }
        (Kernel::Avx512, Blocks::Sha512x8(b)) => {
            groups!(b, avx512::wide, sha512_keys, |at| schedule512(with64(at)));
        }
        (Kernel::Avx2, Blocks::Sha1x8(b)) => {
            groups!(b, avx2::narrow, sha1_keys, |at| schedule1(with32(at)));
        }
        (Kernel::Avx2, Blocks::Sha256x8(b)) => {
            groups!(b, avx2::narrow, sha256_keys, |at| schedule256(with32(at)));
        }
        (Kernel::Avx2, Blocks::Sha512x4(b)) => {
            groups!(b, avx2::wide, sha512_keys, |at| schedule512(with64(at)));
        }
        _ => return false,
    }
    true
}
