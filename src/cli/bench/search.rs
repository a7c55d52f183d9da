//! Codes of one token, over a window as wide as a year to either side.

use std::ffi::{CString, c_char, c_int};
use std::hint::black_box;

use anyhow::Result;

use super::{Row, rate};
use crate::oath::{
    Digits, Generator, HashAlg, Kernel, KeySet, MovingFactor, OcraGenerator, OcraInputs, OcraPosition,
    OcraSuite, OcraWindow, Otp, Question, Window, find_responses,
};
use crate::secret::Seed;

/// A step of 2026.
const CENTER: u64 = 58_900_000;
/// No digits at all: a value that six digits cannot have would be left out of the comparison.
const SIX_DIGITS: u32 = 1_000_000;
/// Codes of a run of what computes one after another: enough to be measured.
const SLOW_WINDOW: u64 = 200_000;
/// Keys and positions of a run with many keys.
const KEYS: u32 = 512;

pub(super) fn rows(window: u64) -> Result<Vec<Row>> {
    let hertz = clock_rate();
    let mut rows = Vec::new();
    for alg in HashAlg::ALL {
        let seed = Seed::new((0..).take(alg.output_bytes()).collect());
        let generator = Generator::new(&seed, alg);
        let codes: Vec<u32> =
            (0..3).map(|i| generator.truncated(MovingFactor(CENTER + i)) % SIX_DIGITS).collect();
        for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_available()) {
            let range = CENTER..CENTER + window;
            let one = rate(|| {
                let mut hits = 0u64;
                black_box(&generator)
                    .scan_with(kernel, range.clone(), &codes, SIX_DIGITS, &mut |_, _| hits += 1);
                black_box(hits);
                window
            });
            let used = if kernel == Kernel::best(alg) { "used here" } else { "" };
            rows.push(Row {
                what: "search",
                hash: alg.name(),
                kernel: kernel.name(),
                m_per_s_core: one,
                bound: bound(kernel, alg).map(|cycles| one * 1e6 * cycles / hertz),
                note: used.to_owned(),
            });
            let set = many_keys(kernel, alg);
            let positions = (window / u64::from(KEYS)).max(1);
            let many = rate(|| {
                let mut hits = 0u64;
                let range = CENTER..CENTER + positions;
                black_box(&set).scan(range, &codes, SIX_DIGITS, &mut |_, _, _| hits += 1);
                black_box(hits);
                positions * u64::from(KEYS)
            });
            rows.push(Row {
                what: "many keys",
                hash: alg.name(),
                kernel: kernel.name(),
                m_per_s_core: many,
                bound: None,
                note: String::new(),
            });
        }
        rows.push(crates(alg, &codes));
        rows.extend(responses(alg)?);
    }
    rows.extend(liboath()?);
    Ok(rows)
}

fn many_keys(kernel: Kernel, alg: HashAlg) -> KeySet {
    let mut set = KeySet::for_kernel(kernel, alg);
    for number in 0..KEYS {
        // A set takes as many.
        let _ = set.push(Generator::new(&Seed::new(number.to_be_bytes().repeat(5)), alg));
    }
    set
}

/// Answers of a token with a keypad, over its steps and over its counters: behind a counter all of the message is hashed
/// again.
fn responses(alg: HashAlg) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (inputs, note) in [("QN08-T30S", "a clock"), ("C-QN08", "a counter")] {
        let suite = OcraSuite::parse(&format!("OCRA-1:HOTP-{}-6:{inputs}", alg.name().to_uppercase()))?;
        let question = Question::new(&suite, "12345678")?;
        let seed = Seed::new((0..).take(alg.output_bytes()).collect());
        let asked = [OcraGenerator::new(&seed, &suite, &question, &OcraInputs::default())?];
        let positions = Window::around(MovingFactor(CENTER), 0, SLOW_WINDOW - 1);
        let window = OcraWindow { counters: positions, steps: positions, gap: 0 };
        let wrong = [Otp::from_value(1, Digits::SIX)];
        let m_per_s_core = rate(|| {
            let found = find_responses(black_box(&asked), &wrong, &window, OcraPosition::START);
            found.map_or(0, |found| found.evaluated)
        });
        rows.push(Row {
            what: "responses",
            hash: alg.name(),
            kernel: "crates",
            m_per_s_core,
            bound: None,
            note: format!("OCRA, over {note}"),
        });
    }
    Ok(rows)
}

/// A keyed object of the crate `hmac` cloned for each code: what a program without kernels would do.
fn crates(alg: HashAlg, codes: &[u32]) -> Row {
    use hmac::{Hmac, KeyInit, Mac};
    let key: Vec<u8> = (0..).take(alg.output_bytes()).collect();
    macro_rules! measure {
        ($hash:ty) => {{
            let keyed = Hmac::<$hash>::new_from_slice(&key).map_err(|_| ());
            rate(|| {
                let mut hits = 0u64;
                if let Ok(keyed) = &keyed {
                    for at in CENTER..CENTER + SLOW_WINDOW {
                        let mut mac = keyed.clone();
                        mac.update(&at.to_be_bytes());
                        let bytes = mac.finalize().into_bytes();
                        let offset = usize::from(bytes[bytes.len() - 1] & 0xf);
                        let word =
                            bytes[offset..offset + 4].iter().fold(0, |sum, b| sum << 8 | u32::from(*b));
                        hits += u64::from(codes.contains(&((word & 0x7fff_ffff) % SIX_DIGITS)));
                    }
                }
                black_box(hits);
                SLOW_WINDOW
            })
        }};
    }
    let m_per_s_core = match alg {
        HashAlg::Sha1 => measure!(sha1::Sha1),
        HashAlg::Sha256 => measure!(sha2::Sha256),
        HashAlg::Sha512 => measure!(sha2::Sha512),
    };
    Row {
        what: "search",
        hash: alg.name(),
        kernel: "crates",
        m_per_s_core,
        bound: None,
        note: "the crate hmac, a keyed object cloned for each code".to_owned(),
    }
}

/// The system's liboath, when it is there: `oath_hotp_validate` over a window without the code.
#[expect(unsafe_code, reason = "calls a C library that is found at run time")]
fn liboath() -> Result<Option<Row>> {
    type Validate = unsafe extern "C" fn(*const c_char, usize, u64, usize, *const c_char) -> c_int;
    // SAFETY: loading liboath runs no code of its own.
    let Ok(library) = (unsafe { libloading::Library::new("liboath.so.0") }) else { return Ok(None) };
    // SAFETY: the signature is that of liboath's header, the same since version 1.
    let Ok(validate) = (unsafe { library.get::<Validate>(b"oath_hotp_validate\0") }) else { return Ok(None) };
    // No number has this code in the window: letters never match, and the library compares text.
    let code = CString::new("abcdef")?;
    let key = [7u8; 20];
    let window = usize::try_from(SLOW_WINDOW)?;
    let m_per_s_core = rate(|| {
        // SAFETY: the key has the length that is said, the code ends with a zero byte, both live.
        let found = unsafe { validate(key.as_ptr().cast(), key.len(), CENTER, window, code.as_ptr()) };
        black_box(found);
        SLOW_WINDOW
    });
    Ok(Some(Row {
        what: "search",
        hash: HashAlg::Sha1.name(),
        kernel: "liboath",
        m_per_s_core,
        bound: None,
        note: "oath_hotp_validate of the system's library".to_owned(),
    }))
}

/// Cycles of one code when no vector port ever waits: operations of a group of lanes by ports and lanes. Counted in the
/// compiled code: instructions that compute in vectors, those of a loop as often as it runs, with three codes looked for.
/// That turns go to half of the ports does not matter: they are fewer than half of the operations. The SHA instructions
/// have no such count.
fn bound(kernel: Kernel, alg: HashAlg) -> Option<f64> {
    let (operations, lanes) = match (kernel, alg) {
        (Kernel::Plain | Kernel::Sha, _) => return None,
        (Kernel::Avx512, HashAlg::Sha1) => (2_720.0, 32.0),
        (Kernel::Avx512, HashAlg::Sha256) => (6_550.0, 32.0),
        (Kernel::Avx512, HashAlg::Sha512) => (8_340.0, 16.0),
        (Kernel::Avx2, HashAlg::Sha1) => (5_020.0, 16.0),
        (Kernel::Avx2, HashAlg::Sha256) => (13_150.0, 16.0),
        (Kernel::Avx2, HashAlg::Sha512) => (16_240.0, 8.0),
    };
    let (of_256, of_512) = ports();
    Some(operations / if kernel == Kernel::Avx512 { of_512 } else { of_256 } / lanes)
}

/// Ports that compute in vectors of 256 and of 512 bits: with AMD four since Zen 3 (family 25), which Zen 5 (family 26)
/// has at 512 bits too, two until then; three and two with Intel.
#[cfg(target_arch = "x86_64")]
fn ports() -> (f64, f64) {
    use std::arch::x86_64::__cpuid;
    let amd = __cpuid(0).ebx == u32::from_le_bytes(*b"Auth");
    let version = __cpuid(1).eax;
    let family = (version >> 8 & 0xf) + (version >> 20 & 0xff);
    match (amd, family) {
        (true, 26..) => (4.0, 4.0),
        (true, 25) => (4.0, 2.0),
        _ => (3.0, 2.0),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn ports() -> (f64, f64) {
    (1.0, 1.0)
}

/// Cycles a second of this core while it works: a chain of operations that wait for each other, five cycles a
/// link on every processor of the last ten years (turn 1, xor 1, multiplication 3).
fn clock_rate() -> f64 {
    const LINKS: u64 = 20_000_000;
    let million_links = rate(|| {
        let mut value = black_box(1u64);
        for _ in 0..LINKS {
            value = (value.rotate_left(5) ^ 0x5bd1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
        black_box(value);
        LINKS
    });
    million_links * 1e6 * 5.0
}
