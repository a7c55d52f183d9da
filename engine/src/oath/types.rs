//! The quantities of the OATH standards.

use std::fmt;

use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{MotpCode, YubicoOtp, YubicoOtpError};

/// Hash function under the HMAC. RFC 4226 knows SHA-1 only; RFC 6238 §1.2 adds the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum HashAlg {
    /// HMAC-SHA-1, 20 bytes.
    Sha1,
    /// HMAC-SHA-256, 32 bytes.
    Sha256,
    /// HMAC-SHA-512, 64 bytes.
    Sha512,
}

impl HashAlg {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// The name in JSON and in the store's indexes: `sha1`, `sha256`, `sha512`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// Reads the spellings seen in seed files: `SHA1`, `sha-256`, `HmacSHA512`, `HMAC-SHA1` …
    pub fn from_name(text: &str) -> Option<Self> {
        let mut plain: String =
            text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect::<String>().to_ascii_lowercase();
        if let Some(rest) = plain.strip_prefix("hmac") {
            plain = rest.to_owned();
        }
        Self::ALL.into_iter().find(|alg| alg.name() == plain)
    }

    /// Length of the HMAC and of a seed as long as it, in bytes (RFC 6238 §5.1).
    pub const fn output_bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

/// A value that the standards or this product do not allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ValueError {
    /// HOTP and TOTP codes have 6, 7 or 8 digits.
    #[error("{0} digits are not supported, 6 to 8 are")]
    Digits(u32),
    /// Step lengths go from one second to one hour.
    #[error("a step of {0} s is not supported, 1 to 3600 s are")]
    Period(u64),
}

/// Number of digits of a code: 6 to 8 with HOTP and TOTP (RFC 4226 §5.3), 4 to 10 with OCRA (RFC 6287 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Digits(u8);

impl Digits {
    /// Six digits, what nearly all tokens show.
    pub const SIX: Self = Self(6);
    /// Eight digits.
    pub const EIGHT: Self = Self(8);

    /// Accepts 6, 7 and 8.
    pub fn new(digits: u32) -> Result<Self, ValueError> {
        match digits {
            6 => Ok(Self(6)),
            7 => Ok(Self(7)),
            8 => Ok(Self(8)),
            other => Err(ValueError::Digits(other)),
        }
    }

    /// What an OCRA suite may say: 4 to 10.
    pub const fn of_suite(digits: u8) -> Option<Self> {
        if digits >= 4 && digits <= 10 { Some(Self(digits)) } else { None }
    }

    /// The number itself.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// What the 31-bit number of a truncated HMAC is reduced by: 10^digits. With ten digits it is shorter
    /// than its code, and stays as it is.
    pub const fn modulus(self) -> u32 {
        match 10u32.checked_pow(self.0 as u32) {
            Some(modulus) => modulus,
            None => u32::MAX,
        }
    }
}

/// Length X of a time step in seconds: 1 to 3600 with TOTP (RFC 6238 §4.1), up to some days with OCRA
/// (RFC 6287 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PeriodSecs(u32);

impl PeriodSecs {
    /// 30 s, the default of the standard.
    pub const DEFAULT: Self = Self(30);

    /// Accepts 1 to 3600 s.
    pub fn new(secs: u64) -> Result<Self, ValueError> {
        match u32::try_from(secs) {
            Ok(short @ 1..=3600) => Ok(Self(short)),
            _ => Err(ValueError::Period(secs)),
        }
    }

    /// What a suite says, which is 1 at least.
    pub(super) const fn of_suite(secs: u32) -> Self {
        Self(secs)
    }

    /// The number of seconds.
    pub const fn get(self) -> i64 {
        self.0 as i64
    }
}

/// The counter C of HOTP or the step number T of TOTP (RFC 4226 §5.1, RFC 6238 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MovingFactor(pub u64);

impl MovingFactor {
    /// The one after this; stays at the largest value.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for MovingFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the codes of a token are made of. It decides how what was typed is read: a letter is no mistyped digit of
/// a token that shows hexadecimal ones, and is one of every other token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeShape {
    /// ASCII digits: HOTP, TOTP, OCRA, codes by mail.
    Digits,
    /// Six hexadecimal digits: mOTP.
    Hex,
    /// 32 letters of modhex behind the public id: Yubico OTP.
    Modhex,
}

/// What a person typed is not a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OtpError {
    /// Nothing but blanks.
    #[error("no code was typed")]
    Empty,
    /// A sign that is not an ASCII digit; `position` counts characters from 1.
    #[error("character {position} is not one of the digits 0 to 9")]
    NotADigit {
        /// Position of the character, counted from 1.
        position: usize,
    },
    /// Codes (with a PIN glued on) have 4 to 16 digits, emergency codes 20.
    #[error("{0} digits were typed, a code has 6 to 8")]
    Length(usize),
    /// Not what a token of this kind shows.
    #[error("a code of this token has six characters, 0 to 9 and a to f")]
    NotHex,
    /// Not what a key types.
    #[error(transparent)]
    NotModhex(YubicoOtpError),
}

/// A code as typed. Digits are the rule: 4 to 20 of ASCII (a PIN may be glued on). Tokens that show something else
/// have a [`CodeShape`] of their own, which is asked for by name. Never printed, wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Otp(Typed);

#[derive(Zeroize, ZeroizeOnDrop)]
enum Typed {
    Digits { digits: [u8; Otp::MAX_LEN], len: u8 },
    Hex(MotpCode),
    Modhex(YubicoOtp),
}

impl Otp {
    /// Longest input of digits: an emergency code. A code and its PIN have sixteen digits at most.
    pub const MAX_LEN: usize = 20;
    /// Shortest input: OCRA suites may truncate to four digits (RFC 6287 §6.2).
    pub const MIN_LEN: usize = 4;

    /// Reads typed digits. Blanks and dashes between them are dropped; digits of other scripts
    /// (full-width, Arabic-Indic …) are refused.
    pub fn parse(text: &str) -> Result<Self, OtpError> {
        let mut digits = [0; Self::MAX_LEN];
        let mut len = 0usize;
        for (index, c) in text.chars().enumerate() {
            match c {
                '0'..='9' => {
                    if let Some(place) = digits.get_mut(len) {
                        *place = c as u8;
                    }
                    len += 1;
                }
                ' ' | '-' | '\u{a0}' | '\t' | '\r' | '\n' => {}
                _ => {
                    digits.zeroize();
                    return Err(OtpError::NotADigit { position: index + 1 });
                }
            }
        }
        let made = match u8::try_from(len) {
            Ok(0) => Err(OtpError::Empty),
            Ok(short) if (Self::MIN_LEN..=Self::MAX_LEN).contains(&len) => {
                Ok(Self(Typed::Digits { digits, len: short }))
            }
            _ => Err(OtpError::Length(len)),
        };
        digits.zeroize();
        made
    }

    /// Reads what was typed as the code of a token whose codes are made like this; `None`: nobody knows yet which
    /// token it is of. Six hexadecimal digits without a letter are read as digits, and so is an emergency code.
    pub fn parse_shaped(text: &str, shape: Option<CodeShape>) -> Result<Self, OtpError> {
        let digits = Self::parse(text);
        let is_long = |digits: &Self| digits.len() == Self::MAX_LEN;
        match (shape, digits) {
            (Some(CodeShape::Digits), read) | (_, read @ Err(OtpError::Empty)) | (None, read @ Ok(_)) => read,
            (Some(_), Ok(digits)) if is_long(&digits) => Ok(digits),
            (Some(CodeShape::Hex), Ok(digits)) if digits.len() == MotpCode::LEN => Ok(digits),
            (Some(CodeShape::Hex), _) => {
                MotpCode::parse(text).map(|code| Self(Typed::Hex(code))).ok_or(OtpError::NotHex)
            }
            (Some(CodeShape::Modhex), _) => {
                YubicoOtp::parse(text).map(|code| Self(Typed::Modhex(code))).map_err(OtpError::NotModhex)
            }
            (None, no_digits) => {
                if let Some(code) = MotpCode::parse(text) {
                    return Ok(Self(Typed::Hex(code)));
                }
                match YubicoOtp::parse(text) {
                    Ok(code) => Ok(Self(Typed::Modhex(code))),
                    // As long as no digits ever are: a key typed it, on another layout perhaps.
                    Err(wrong @ YubicoOtpError::Letter { .. }) => Err(OtpError::NotModhex(wrong)),
                    Err(YubicoOtpError::Length(_) | YubicoOtpError::PublicId(_)) => no_digits,
                }
            }
        }
    }

    /// The code that `value` gives with `len` digits, padded with zeros on the left (RFC 4226 §5.3).
    pub fn from_value(value: u32, len: Digits) -> Self {
        let mut digits = [0; Self::MAX_LEN];
        let mut rest = value % len.modulus();
        for place in digits[..usize::from(len.get())].iter_mut().rev() {
            *place = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        Self(Typed::Digits { digits, len: len.get() })
    }

    /// What was typed. Digits may be those of an mOTP code without a letter.
    pub const fn shape(&self) -> CodeShape {
        match self.0 {
            Typed::Digits { .. } => CodeShape::Digits,
            Typed::Hex(_) => CodeShape::Hex,
            Typed::Modhex(_) => CodeShape::Modhex,
        }
    }

    /// Number of digits or letters typed.
    pub fn len(&self) -> usize {
        match &self.0 {
            Typed::Digits { len, .. } => usize::from(*len),
            Typed::Hex(_) => MotpCode::LEN,
            Typed::Modhex(code) => code.len(),
        }
    }

    /// Never true: an empty input is not an `Otp`.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// The numeric value when there are exactly `digits` digits, and nothing else.
    pub fn value(&self, digits: Digits) -> Option<u32> {
        let typed = self.expose_digits()?;
        if typed.len() != usize::from(digits.get()) {
            return None;
        }
        // Ten digits may be more than 32 bits hold; no code is that large.
        let fold = |sum: u32, d: &u8| sum.saturating_mul(10).saturating_add(u32::from(d - b'0'));
        Some(typed.iter().fold(0, fold))
    }

    /// The code as a token with mOTP shows it, when it can be one.
    pub fn motp(&self) -> Option<MotpCode> {
        match &self.0 {
            Typed::Digits { .. } => MotpCode::of_digits(self.expose_digits()?),
            Typed::Hex(code) => Some(code.copied()),
            Typed::Modhex(_) => None,
        }
    }

    /// The code as a key with Yubico OTP types it, when it is one.
    pub const fn yubico(&self) -> Option<&YubicoOtp> {
        match &self.0 {
            Typed::Modhex(code) => Some(code),
            Typed::Digits { .. } | Typed::Hex(_) => None,
        }
    }

    /// Cuts the input after `at` digits: the code before a PIN, or a PIN before the code.
    /// `None` when either part would be shorter than four digits, and of what is not digits.
    pub fn split_at(&self, at: usize) -> Option<(Self, Self)> {
        let typed = self.expose_digits()?;
        if at < Self::MIN_LEN || typed.len() < at + Self::MIN_LEN {
            return None;
        }
        let part = |bytes: &[u8]| {
            let mut digits = [0; Self::MAX_LEN];
            digits[..bytes.len()].copy_from_slice(bytes);
            Self(Typed::Digits { digits, len: u8::try_from(bytes.len()).unwrap_or(0) })
        };
        Some((part(&typed[..at]), part(&typed[at..])))
    }

    fn expose_digits(&self) -> Option<&[u8]> {
        match &self.0 {
            Typed::Digits { digits, len } => Some(&digits[..usize::from(*len)]),
            Typed::Hex(_) | Typed::Modhex(_) => None,
        }
    }

    /// The ASCII digits; none of what is not digits. Forbidden outside the modules that `clippy.toml` names.
    pub fn expose(&self) -> &[u8] {
        self.expose_digits().unwrap_or_default()
    }
}

impl ConstantTimeEq for Otp {
    fn ct_eq(&self, other: &Self) -> Choice {
        match (&self.0, &other.0) {
            (Typed::Digits { digits, len }, Typed::Digits { digits: others, len: other }) => {
                len.ct_eq(other) & digits.ct_eq(others)
            }
            (Typed::Hex(code), Typed::Hex(other)) => code.ct_eq(other),
            (Typed::Modhex(code), Typed::Modhex(other)) => code.ct_eq(other),
            _ => Choice::from(0),
        }
    }
}

impl fmt::Debug for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.shape() {
            CodeShape::Digits => write!(f, "Otp({} digits)", self.len()),
            CodeShape::Hex | CodeShape::Modhex => write!(f, "Otp({} letters)", self.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn otp_input_drops_blanks_and_dashes() {
        for text in ["123456", "123 456", " 12-34-56 ", "123\u{a0}456"] {
            let otp = Otp::parse(text).expect("six digits");
            assert_eq!(otp.value(Digits::SIX), Some(123_456));
        }
        let zeros = Otp::parse("000 042").expect("six digits");
        assert_eq!(zeros.value(Digits::SIX), Some(42));
        assert_eq!(zeros.value(Digits::EIGHT), None);
    }

    #[test]
    fn otp_input_refuses_what_is_not_a_code() {
        assert_eq!(Otp::parse("").expect_err("empty"), OtpError::Empty);
        assert_eq!(Otp::parse("123").expect_err("short"), OtpError::Length(3));
        assert_eq!(Otp::parse("123456789012345678901").expect_err("long"), OtpError::Length(21));
        assert_eq!(Otp::parse("12345６").expect_err("full-width"), OtpError::NotADigit { position: 6 });
        assert_eq!(Otp::parse("٣٣٣٣٣٣").expect_err("Arabic-Indic"), OtpError::NotADigit { position: 1 });
    }

    #[test]
    fn otp_from_value_keeps_leading_zeros() {
        let made = Otp::from_value(42, Digits::SIX);
        assert!(bool::from(made.ct_eq(&Otp::parse("000042").expect("six digits"))));
        assert_eq!(format!("{made:?}"), "Otp(6 digits)");
    }

    #[test]
    fn codes_of_suites_have_four_to_ten_digits() {
        assert_eq!((Digits::of_suite(3), Digits::of_suite(0), Digits::of_suite(11)), (None, None, None));
        for (count, text, value) in
            [(4, "0042", 42), (9, "999999999", 999_999_999), (10, "2147483647", 2_147_483_647)]
        {
            let digits = Digits::of_suite(count).expect("4 to 10");
            assert_eq!(Otp::parse(text).expect("digits").value(digits), Some(value));
            let made = Otp::from_value(value, digits);
            assert!(bool::from(made.ct_eq(&Otp::parse(text).expect("digits"))));
        }
        // More than any code is: it fits none, because a reduced number is smaller.
        let ten = Digits::of_suite(10).expect("ten");
        assert_eq!(Otp::parse("9999999999").expect("digits").value(ten), Some(u32::MAX));
        assert_eq!(ten.modulus(), u32::MAX);
    }

    #[test]
    fn letters_are_read_only_where_a_token_shows_them() {
        let hex = Otp::parse_shaped("48 8c-CF", Some(CodeShape::Hex)).expect("an mOTP code");
        assert_eq!((hex.shape(), hex.len(), hex.value(Digits::SIX)), (CodeShape::Hex, 6, None));
        assert!(hex.split_at(4).is_none() && hex.motp().is_some() && hex.yubico().is_none());
        let refused = |text, shape| Otp::parse_shaped(text, shape).expect_err("refused");
        let digits = Some(CodeShape::Digits);
        assert_eq!(refused("488ccf", digits), OtpError::NotADigit { position: 4 });
        assert_eq!(Otp::parse("488ccf").expect_err("no digits"), OtpError::NotADigit { position: 4 });
        assert_eq!(refused("488ccg", Some(CodeShape::Hex)), OtpError::NotHex);
        assert_eq!(refused("488ccg", None), OtpError::NotADigit { position: 4 });
        assert_eq!(refused(" ", Some(CodeShape::Hex)), OtpError::Empty);
        // All decimal by chance: nobody can tell, so both readings stay open.
        let plain = Otp::parse_shaped("123456", Some(CodeShape::Hex)).expect("six digits");
        assert_eq!((plain.shape(), plain.value(Digits::SIX)), (CodeShape::Digits, Some(123_456)));
        assert!(plain.motp().is_some() && Otp::parse("1234567").expect("seven").motp().is_none());
        assert_eq!(refused("1234567", Some(CodeShape::Hex)), OtpError::NotHex);
        for shape in [CodeShape::Hex, CodeShape::Modhex] {
            let emergency =
                Otp::parse_shaped("12345-67890-12345-67890", Some(shape)).expect("an emergency code");
            assert_eq!((emergency.shape(), emergency.len()), (CodeShape::Digits, 20));
        }
    }

    #[test]
    fn what_a_key_types_is_read_with_its_kind_or_by_its_length() {
        let text = "vvccllbbddeejbdhvrfdrlkujkkccubfftvnjfnfrnnu";
        for shape in [None, Some(CodeShape::Modhex)] {
            let otp = Otp::parse_shaped(text, shape).expect("a key's code");
            assert_eq!((otp.shape(), otp.len()), (CodeShape::Modhex, 44));
            assert!(otp.yubico().is_some() && otp.motp().is_none() && otp.value(Digits::SIX).is_none());
            assert_eq!(format!("{otp:?}"), "Otp(44 letters)");
            let again = Otp::parse_shaped(&text.to_uppercase(), None).expect("capitals");
            assert!(bool::from(otp.ct_eq(&again)));
        }
        let other = text.replace('v', "x");
        let wrong = OtpError::NotModhex(YubicoOtpError::Letter { position: 1 });
        assert_eq!(Otp::parse_shaped(&other, None).expect_err("another layout"), wrong);
        let short = OtpError::NotModhex(YubicoOtpError::Length(6));
        assert_eq!(Otp::parse_shaped("vvccll", Some(CodeShape::Modhex)).expect_err("short"), short);
        assert_eq!(Otp::parse_shaped(text, Some(CodeShape::Hex)).expect_err("long"), OtpError::NotHex);
    }

    #[test]
    fn otp_splits_a_glued_pin() {
        let typed = Otp::parse("1234561111").expect("ten digits");
        let (code, pin) = typed.split_at(6).expect("both parts are long enough");
        assert_eq!((code.value(Digits::SIX), pin.len()), (Some(123_456), 4));
        assert!(typed.split_at(7).is_none());
    }

    #[test]
    fn hash_names_of_the_wild_are_read() {
        for (text, alg) in [
            ("SHA1", HashAlg::Sha1),
            ("sha-256", HashAlg::Sha256),
            ("HmacSHA512", HashAlg::Sha512),
            ("HMAC-SHA1", HashAlg::Sha1),
        ] {
            assert_eq!(HashAlg::from_name(text), Some(alg));
        }
        assert_eq!(HashAlg::from_name("md5"), None);
        assert_eq!(HashAlg::from_name("something-sha256"), None);
    }
}
