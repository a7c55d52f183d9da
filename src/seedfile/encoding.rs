//! How secrets are written as text, and how to find out which way a whole column uses.

use zeroize::Zeroizing;

use super::problem::{FileError, ProblemCode};

/// How a secret is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretEncoding {
    /// Hexadecimal, in either case, perhaps in groups or behind `0x`.
    Hex,
    /// Base32 of RFC 4648 §6, in either case, perhaps in groups, padding optional.
    Base32,
    /// Base64 of RFC 4648 §4 and its URL-safe form, padding optional.
    Base64,
}

impl SecretEncoding {
    /// All of them, in the order in which they are tried.
    pub const ALL: [Self; 3] = [Self::Hex, Self::Base32, Self::Base64];

    /// The name, as in `--set encoding=…`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base32 => "base32",
            Self::Base64 => "base64",
        }
    }

    /// The encoding with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| name.eq_ignore_ascii_case(e.name()))
    }

    const fn bits(self) -> u32 {
        match self {
            Self::Hex => 4,
            Self::Base32 => 5,
            Self::Base64 => 6,
        }
    }

    const fn table(self) -> &'static [u8; 256] {
        match self {
            Self::Hex => &HEX,
            Self::Base32 => &BASE32,
            Self::Base64 => &BASE64,
        }
    }
}

/// A sign that may stand between the others and means nothing.
const SKIP: u8 = 0xfe;
/// The padding sign.
const PAD: u8 = 0xfd;
/// A sign that may not be there.
const BAD: u8 = 0xff;

const HEX: [u8; 256] = table(b"0123456789abcdef", b"0123456789ABCDEF", b" \t\r\n:-", false);
const BASE32: [u8; 256] =
    table(b"abcdefghijklmnopqrstuvwxyz234567", b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b" \t\r\n-", true);
const BASE64: [u8; 256] = table(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    b" \t\r\n",
    true,
);

const fn table(signs: &[u8], twins: &[u8], skipped: &[u8], padded: bool) -> [u8; 256] {
    let mut made = [BAD; 256];
    let mut i = 0;
    while i < skipped.len() {
        made[skipped[i] as usize] = SKIP;
        i += 1;
    }
    let mut value = 0u8;
    while (value as usize) < signs.len() {
        made[signs[value as usize] as usize] = value;
        made[twins[value as usize] as usize] = value;
        value += 1;
    }
    if padded {
        made[b'=' as usize] = PAD;
    }
    made
}

/// What a text is, seen through one alphabet.
#[derive(Clone, Copy, Debug)]
struct Scan {
    symbols: usize,
    pads: usize,
    /// First character that does not belong, counted in bytes from 0.
    bad: Option<usize>,
}

fn body(text: &str, encoding: SecretEncoding) -> &str {
    if encoding == SecretEncoding::Hex
        && let Some(rest) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))
    {
        return rest;
    }
    text
}

fn scan(text: &str, encoding: SecretEncoding) -> Scan {
    let table = encoding.table();
    let mut seen = Scan { symbols: 0, pads: 0, bad: None };
    for (index, byte) in text.bytes().enumerate() {
        match table[usize::from(byte)] {
            SKIP => {}
            PAD => seen.pads += 1,
            BAD => return Scan { bad: Some(index), ..seen },
            _ if seen.pads > 0 => return Scan { bad: Some(index), ..seen },
            _ => seen.symbols += 1,
        }
    }
    seen
}

/// True when `text` can be read this way.
pub(super) fn fits(text: &str, encoding: SecretEncoding) -> bool {
    let seen = scan(body(text, encoding), encoding);
    seen.bad.is_none() && seen.symbols > 0 && length_fits(seen, encoding)
}

fn length_fits(seen: Scan, encoding: SecretEncoding) -> bool {
    match encoding {
        SecretEncoding::Hex => seen.symbols.is_multiple_of(2),
        SecretEncoding::Base32 => {
            matches!(seen.symbols % 8, 0 | 2 | 4 | 5 | 7)
                && (seen.pads == 0 || (seen.symbols + seen.pads).is_multiple_of(8))
        }
        SecretEncoding::Base64 => {
            seen.symbols % 4 != 1 && (seen.pads == 0 || (seen.symbols + seen.pads).is_multiple_of(4))
        }
    }
}

/// A secret read from text.
pub(super) struct Decoded {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    /// The last sign has bits that no byte uses and that are not zero: cut off or mistyped.
    pub(super) loose_bits: bool,
}

/// Why a secret cannot be read.
#[derive(Debug)]
pub(super) struct SecretFault {
    pub(super) code: ProblemCode,
    /// Begins in small letters, ends with a full stop. Never holds a part of the text.
    pub(super) what: String,
}

/// Reads a secret.
pub(super) fn decode(text: &str, encoding: SecretEncoding) -> Result<Decoded, SecretFault> {
    let text = body(text, encoding);
    let seen = scan(text, encoding);
    if seen.bad.is_some() || seen.symbols == 0 || !length_fits(seen, encoding) {
        return Err(explain(text, encoding, seen));
    }
    let (bits, table) = (encoding.bits(), encoding.table());
    let mut bytes = Zeroizing::new(Vec::with_capacity(seen.symbols * bits as usize / 8));
    let (mut held, mut held_bits) = (0u32, 0u32);
    for byte in text.bytes() {
        let value = table[usize::from(byte)];
        if value >= PAD {
            continue;
        }
        held = (held << bits) | u32::from(value);
        held_bits += bits;
        if held_bits >= 8 {
            held_bits -= 8;
            bytes.push(u8::try_from(held >> held_bits & 0xff).unwrap_or(0));
        }
        held &= (1 << held_bits) - 1;
    }
    Ok(Decoded { bytes, loose_bits: held != 0 })
}

fn explain(text: &str, encoding: SecretEncoding, seen: Scan) -> SecretFault {
    let again = "Ask the vendor for this token again.";
    let fault = |code, what: String| SecretFault { code, what };
    let like = |other| match other {
        SecretEncoding::Base64 => looks_like_base64(text),
        _ => fits(text, other),
    };
    let looks = match SecretEncoding::ALL.into_iter().find(|other| *other != encoding && like(*other)) {
        Some(SecretEncoding::Hex) => " It looks like hexadecimal.",
        Some(SecretEncoding::Base32) => " It looks like base32.",
        Some(SecretEncoding::Base64) => " It looks like base64.",
        None => "",
    };
    if seen.symbols == 0 && seen.bad.is_none() {
        return fault(ProblemCode::SecretMissing, format!("there is no secret. {again}"));
    }
    if let Some(bad) = seen.bad {
        let place = text.char_indices().take_while(|(at, _)| *at <= bad).count();
        let confused = encoding == SecretEncoding::Base32
            && looks.is_empty()
            && matches!(text.as_bytes().get(bad), Some(b'0' | b'1' | b'8' | b'9'));
        let hint = if confused { " Base32 has no 0, 1, 8 and 9: was O, I, L or B meant?" } else { looks };
        return fault(
            ProblemCode::SecretEncoding,
            format!(
                "the secret must be {}, but character {place} of it does not fit.{hint} {again}",
                words(encoding)
            ),
        );
    }
    let count = seen.symbols;
    match encoding {
        SecretEncoding::Hex => fault(
            ProblemCode::SecretOddHex,
            format!("the secret has {count} hex digits, an even number is needed.{looks} {again}"),
        ),
        SecretEncoding::Base32 => fault(
            ProblemCode::SecretBase32Length,
            format!(
                "the secret has {count} base32 letters, a number that no secret gives; letters are missing.{looks} {again}"
            ),
        ),
        SecretEncoding::Base64 => fault(
            ProblemCode::SecretEncoding,
            format!(
                "the secret has {count} base64 letters, a number that no secret gives; letters are missing.{looks} {again}"
            ),
        ),
    }
}

/// The encoding's name in a sentence.
pub(super) const fn words(encoding: SecretEncoding) -> &'static str {
    match encoding {
        SecretEncoding::Hex => "hexadecimal",
        SecretEncoding::Base32 => "base32",
        SecretEncoding::Base64 => "base64",
    }
}

/// Base64 that cannot be damaged hex or base32: those keep to one case or to their letters.
fn looks_like_base64(text: &str) -> bool {
    let lower = text.bytes().any(|b| b.is_ascii_lowercase());
    let upper = text.bytes().any(|b| b.is_ascii_uppercase());
    let beyond_hex = text.bytes().any(|b| b.is_ascii_alphabetic() && !b.is_ascii_hexdigit());
    lower && upper && beyond_hex && text.len() >= 16 && fits(text, SecretEncoding::Base64)
}

/// Counts, over the secrets of a whole file, which encodings fit them.
#[derive(Debug, Default)]
pub(super) struct Vote {
    lines: u64,
    hex: u64,
    base32: u64,
    base64: u64,
    hex_and_base32: u64,
}

impl Vote {
    /// Looks at one secret. Texts that nothing fits do not vote.
    pub(super) fn add(&mut self, text: &str) {
        let hex = fits(text, SecretEncoding::Hex);
        let base32 = fits(text, SecretEncoding::Base32);
        let base64 = !hex && !base32 && looks_like_base64(text);
        self.lines += u64::from(hex || base32 || base64);
        self.hex += u64::from(hex);
        self.base32 += u64::from(base32);
        self.base64 += u64::from(base64);
        self.hex_and_base32 += u64::from(hex && base32);
    }

    /// The encoding of the column: the one that fits most lines, `usual` when none fits any.
    /// One or two secrets that fit both hex and base32 leave it open, and the administrator is asked:
    /// 32 letters are 16 bytes in one reading and 20 in the other.
    pub(super) fn decide(&self, usual: SecretEncoding) -> Result<SecretEncoding, FileError> {
        if self.lines == 0 {
            return Ok(usual);
        }
        if self.hex_and_base32 == self.lines && self.lines <= 2 {
            return Err(FileError::SettingNeeded {
                field: "encoding",
                code: ProblemCode::SecretEncoding,
                advice: "The secrets of this file can be read as hexadecimal and as base32, and so few lines do not tell which. Set encoding=hex or encoding=base32.",
            });
        }
        // By chance a hex secret of 16 bytes fits base32 once in 10,000, the other way round never.
        if self.hex >= self.base32 && self.hex >= self.base64 {
            Ok(SecretEncoding::Hex)
        } else if self.base32 >= self.base64 {
            Ok(SecretEncoding::Base32)
        } else {
            Ok(SecretEncoding::Base64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: [u8; 20] = [
        0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18, 0x29, 0x3a, 0x4b, 0x5c, 0x6d, 0x7e, 0x8f, 0x90, 0x01,
        0x12, 0x23, 0x34,
    ];

    #[test]
    fn three_spellings_of_one_secret() {
        for (text, encoding) in [
            ("a1b2c3d4e5f60718293a4b5c6d7e8f9001122334", SecretEncoding::Hex),
            ("0xA1B2C3D4 E5F60718-293A4B5C:6D7E8F90 01122334", SecretEncoding::Hex),
            ("UGZMHVHF6YDRQKJ2JNOG27UPSAAREIZU", SecretEncoding::Base32),
            ("ugzm hvhf 6ydr qkj2 jnog 27up saar eizu", SecretEncoding::Base32),
            ("obLD1OX2BxgpOktcbX6PkAESIzQ=", SecretEncoding::Base64),
            ("obLD1OX2BxgpOktcbX6PkAESIzQ", SecretEncoding::Base64),
        ] {
            let decoded = decode(text, encoding).expect("fits");
            assert!(*decoded.bytes == A, "{encoding:?}");
            assert!(!decoded.loose_bits);
            assert!(fits(text, encoding));
        }
    }

    #[test]
    fn says_what_is_wrong_and_what_it_looks_like() {
        let code = |text, encoding| decode(text, encoding).err().map(|f| (f.code, f.what));
        let (odd, text) = code("a1b2c", SecretEncoding::Hex).expect("odd");
        assert_eq!(odd, ProblemCode::SecretOddHex);
        assert!(text.contains("5 hex digits"), "{text}");
        let (other, text) = code("UGZMHVHF6YDRQKJ2JNOG27UPSAAREIZU", SecretEncoding::Hex).expect("base32");
        assert_eq!(other, ProblemCode::SecretEncoding);
        assert!(text.contains("looks like base32"), "{text}");
        let (_, text) = code("UGZMHVHF6YDRQKJ2JNOG27UPSAAREI1U", SecretEncoding::Base32).expect("digit one");
        assert!(text.contains("character 31"), "{text}");
        let (short, _) = code("UGZ", SecretEncoding::Base32).expect("three letters");
        assert_eq!(short, ProblemCode::SecretBase32Length);
        assert_eq!(code("", SecretEncoding::Hex).expect("empty").0, ProblemCode::SecretMissing);
    }

    #[test]
    fn loose_bits_are_seen() {
        assert!(decode("MZ", SecretEncoding::Base32).expect("one byte").loose_bits);
        assert!(!decode("MY", SecretEncoding::Base32).expect("one byte").loose_bits);
    }

    #[test]
    fn the_column_decides_not_the_line() {
        let both = "ABCDEFABCDEFABCDEFABCDEFABCDEF22";
        let mut vote = Vote::default();
        vote.add(both);
        assert!(vote.decide(SecretEncoding::Hex).is_err());
        vote.add("a1b2c3d4e5f60718293a4b5c6d7e8f9001122334");
        assert_eq!(vote.decide(SecretEncoding::Base32).expect("clear"), SecretEncoding::Hex);
        let mut vote = Vote::default();
        vote.add(both);
        vote.add("UGZMHVHF6YDRQKJ2JNOG27UPSAAREIZU");
        assert_eq!(vote.decide(SecretEncoding::Hex).expect("clear"), SecretEncoding::Base32);
        let mut damaged = Vote::default();
        damaged.add("a1b2c3d4e5f60718293a4b5c6d7e8f900112233");
        assert_eq!(damaged.decide(SecretEncoding::Hex).expect("usual"), SecretEncoding::Hex);
        damaged.add("obLD1OX2BxgpOktcbX6PkAESIzQ=");
        assert_eq!(damaged.decide(SecretEncoding::Hex).expect("clear"), SecretEncoding::Base64);
        assert_eq!(Vote::default().decide(SecretEncoding::Base32).expect("usual"), SecretEncoding::Base32);
    }
}
