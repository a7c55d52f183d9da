//! What the administrator gives beside the file.

use thiserror::Error;

use super::encoding::{self, SecretEncoding};
use super::record::Weakness;
use crate::model::TokenKind;
use crate::oath::{Digits, HashAlg, OcraSuite, PeriodSecs, SessionPadding};
use crate::secret::{Passphrase, TransportKey};

/// What may be given beside the file.
#[derive(Debug, Default)]
pub struct ReadOptions<'a> {
    /// The format's name; `None`: by content.
    pub format: Option<&'a str>,
    /// Passphrase of a protected file, without a line end behind it.
    pub passphrase: Option<&'a Passphrase>,
    /// Transport key of a protected file.
    pub key: Option<&'a TransportKey>,
    /// What holds where the file says nothing.
    pub set: Defaults,
    /// Weaknesses that are accepted.
    pub allow: Vec<Weakness>,
}

/// What holds where the file says nothing. What the file says always wins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Defaults {
    /// What the tokens compute.
    pub kind: Option<TokenKind>,
    /// Digits of a code.
    pub digits: Option<Digits>,
    /// Length of a time step.
    pub period: Option<PeriodSecs>,
    /// Hash under the HMAC.
    pub hash: Option<HashAlg>,
    /// How secrets are written.
    pub encoding: Option<SecretEncoding>,
    /// Next expected counter.
    pub counter: Option<u64>,
    /// The OCRA suite.
    pub suite: Option<OcraSuite>,
    /// On which side OCRA tokens fill up session data; no format says it.
    pub session_padding: Option<SessionPadding>,
}

/// A `--set FIELD=VALUE` that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SetError {
    /// No such field.
    #[error("There is no such field to set. Known are {}.", Defaults::FIELDS.join(", "))]
    Field,
    /// The value does not fit the field.
    #[error("The value for {field} does not fit: {expected}.")]
    Value {
        /// The field.
        field: &'static str,
        /// What fits, in words.
        expected: String,
    },
}

impl Defaults {
    /// The fields that [`Defaults::set`] knows.
    pub const FIELDS: [&'static str; 8] =
        ["kind", "digits", "period", "hash", "encoding", "counter", "suite", "session_padding"];

    /// Fills one field from text, as `--set FIELD=VALUE` and form fields `set.FIELD` do.
    /// `step` is another word for `period`, the value in seconds.
    pub fn set(&mut self, field: &str, value: &str) -> Result<(), SetError> {
        let value = value.trim();
        let wrong = |field, expected: &str| SetError::Value { field, expected: expected.to_owned() };
        match field.trim() {
            "kind" => {
                let kinds = [
                    TokenKind::Totp,
                    TokenKind::Hotp,
                    TokenKind::Ocra,
                    TokenKind::Motp,
                    TokenKind::YubicoOtp,
                ];
                let kind = kinds.into_iter().find(|k| value.eq_ignore_ascii_case(k.name()));
                let expected = "totp, hotp, ocra, motp or yubico_otp is expected";
                self.kind = Some(kind.ok_or_else(|| wrong("kind", expected))?);
            }
            "digits" => {
                let digits = value.parse().ok().and_then(|d| Digits::new(d).ok());
                self.digits = Some(digits.ok_or_else(|| wrong("digits", "6, 7 or 8 is expected"))?);
            }
            "period" | "step" => {
                let secs = value.strip_suffix('s').unwrap_or(value).trim_end();
                let period = secs.parse().ok().and_then(|s| PeriodSecs::new(s).ok());
                self.period = Some(period.ok_or_else(|| wrong("period", "1 to 3600 seconds are expected"))?);
            }
            "hash" => {
                let hash = HashAlg::from_name(value);
                self.hash = Some(hash.ok_or_else(|| wrong("hash", "sha1, sha256 or sha512 is expected"))?);
            }
            "encoding" => {
                let encoding = SecretEncoding::from_name(value);
                let encoding =
                    encoding.ok_or_else(|| wrong("encoding", "hex, base32 or base64 is expected"))?;
                self.encoding = Some(encoding);
            }
            "counter" => {
                let counter = value.parse().ok().filter(|c| i64::try_from(*c).is_ok());
                self.counter = Some(counter.ok_or_else(|| wrong("counter", "a whole number is expected"))?);
            }
            "suite" => {
                let suite = OcraSuite::parse(value).map_err(|e| wrong("suite", &e.to_string()))?;
                self.suite = Some(suite);
            }
            "session_padding" => {
                let padding = SessionPadding::from_name(value);
                let expected = "left, right or exact is expected";
                self.session_padding = Some(padding.ok_or_else(|| wrong("session_padding", expected))?);
            }
            _ => return Err(SetError::Field),
        }
        Ok(())
    }
}

/// A text that is no transport key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum KeyTextError {
    /// Neither hexadecimal nor base64.
    #[error("The key must be hexadecimal or base64 text. Check that it was copied completely.")]
    Encoding,
    /// Readable and of another length.
    #[error("The key has {found} bytes, {expected} are needed. Check that it was copied completely.")]
    Length {
        /// Bytes found.
        found: usize,
        /// Bytes needed, in words.
        expected: &'static str,
    },
}

/// Reads a transport key from text: hexadecimal, else base64. Blanks and dashes between hexadecimal
/// digits do not matter. With `expected_len` (16, 24 or 32 bytes) the reading of that length wins;
/// without, any of the three.
pub fn parse_transport_key(text: &str, expected_len: Option<usize>) -> Result<TransportKey, KeyTextError> {
    let fits = |len: usize| expected_len.map_or_else(|| matches!(len, 16 | 24 | 32), |want| want == len);
    let mut found = None;
    for encoding in [SecretEncoding::Hex, SecretEncoding::Base64] {
        if let Ok(mut decoded) = encoding::decode(text.trim(), encoding) {
            if fits(decoded.bytes.len()) {
                return Ok(TransportKey::new(std::mem::take(&mut *decoded.bytes)));
            }
            found = found.or(Some(decoded.bytes.len()));
        }
    }
    let expected = match expected_len {
        None => "16, 24 or 32",
        Some(16) => "16",
        Some(24) => "24",
        Some(32) => "32",
        Some(_) => "another number",
    };
    Err(found.map_or(KeyTextError::Encoding, |found| KeyTextError::Length { found, expected }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transport_keys_are_hex_or_base64() {
        let hex = parse_transport_key(" 0011 2233-4455 6677 8899 aabb ccdd eeff\n", None).expect("hex");
        let base64 = parse_transport_key("ABEiM0RVZneImaq7zN3u/w==", Some(16)).expect("base64");
        assert!(hex.ct_eq(&base64));
        assert_eq!(hex.len(), 16);
        let short = parse_transport_key("001122", None).expect_err("too short");
        assert_eq!(short, KeyTextError::Length { found: 3, expected: "16, 24 or 32" });
        assert_eq!(parse_transport_key("not a key!", None).expect_err("no key"), KeyTextError::Encoding);
    }

    #[test]
    fn fields_are_set_from_text() {
        let mut set = Defaults::default();
        for (field, value) in [
            ("kind", "TOTP"),
            ("digits", "8"),
            ("period", "60"),
            ("hash", "SHA-256"),
            ("encoding", "base32"),
            ("counter", "7"),
            ("suite", "OCRA-1:HOTP-SHA1-6:QN08"),
            ("session_padding", "right"),
        ] {
            set.set(field, value).expect(field);
        }
        assert_eq!((set.kind, set.counter), (Some(TokenKind::Totp), Some(7)));
        assert_eq!(set.session_padding, Some(SessionPadding::Right));
        assert!(matches!(set.set("session_padding", "both"), Err(SetError::Value { .. })));
        assert_eq!(set.set("colour", "red"), Err(SetError::Field));
        assert!(matches!(set.set("digits", "9"), Err(SetError::Value { field: "digits", .. })));
    }
}
