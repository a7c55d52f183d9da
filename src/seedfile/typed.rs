//! One secret as a person types it: base32, hexadecimal, or the whole text of a QR code.

use std::ops::ControlFlow;

use thiserror::Error;

use super::encoding::{self, SecretEncoding};
use super::problem::{Problem, ProblemCode};
use super::record::{SeedRecord, Sink};
use super::{ReadOptions, otpauth, strength};
use crate::model::{OtpSpec, TokenSerial};
use crate::secret::{Passphrase, Seed};

/// A secret that was typed, strong enough to be used.
#[derive(Debug)]
pub struct TypedSecret {
    /// The secret.
    pub seed: Seed,
    /// What it computes and its next counter, when a QR code's text was typed, which says so.
    pub spec: Option<(OtpSpec, u64)>,
}

/// Why a secret cannot be used. None of these holds a part of it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TypedSecretError {
    /// Nothing was typed.
    #[error("type the secret of the token, or the text of its QR code")]
    Missing,
    /// Neither base32 nor hexadecimal.
    #[error(
        "the secret must be base32 (letters and the digits 2 to 7) or hexadecimal (0 to 9, A to F); check each character"
    )]
    Unreadable,
    /// Too short.
    #[error(
        "the secret is too short: at least 112 bits are needed, such as 23 letters of base32. Such a token can be guessed; take another"
    )]
    TooShort,
    /// Too long.
    #[error("the secret is longer than any token's; check that nothing else was copied with it")]
    TooLong,
    /// Published.
    #[error(
        "everybody knows this secret: it is printed in manuals. Make a new one on the token, or take another"
    )]
    Published,
    /// The text of a QR code that cannot be read.
    #[error("the text of the QR code cannot be used: {what}")]
    Uri {
        /// What is wrong.
        what: String,
    },
}

/// Takes the one record of a text.
#[derive(Default)]
struct One {
    record: Option<SeedRecord>,
    problem: Option<Problem>,
}

impl Sink for One {
    fn record(&mut self, record: SeedRecord) -> ControlFlow<()> {
        self.record = Some(record);
        ControlFlow::Continue(())
    }

    fn problem(&mut self, problem: Problem) -> ControlFlow<()> {
        self.problem = Some(problem);
        ControlFlow::Continue(())
    }
}

/// Reads a secret and refuses weak ones, whatever an admin might allow in a file: this one is typed by
/// the person whom it is to protect. `serial` stands in where the text of a QR code names no account.
#[expect(clippy::disallowed_methods, reason = "the typed text is read here")]
pub fn typed_secret(typed: &Passphrase, serial: &TokenSerial) -> Result<TypedSecret, TypedSecretError> {
    let text = std::str::from_utf8(typed.expose()).map_err(|_| TypedSecretError::Unreadable)?.trim();
    if text.is_empty() {
        return Err(TypedSecretError::Missing);
    }
    if otpauth::has_scheme(text, otpauth::SCHEME) {
        return from_uri(text, serial);
    }
    // Hexadecimal digits that are letters of base32 by chance, all of them, are rarer than the contrary.
    let encoding = [SecretEncoding::Hex, SecretEncoding::Base32]
        .into_iter()
        .find(|encoding| encoding::fits(text, *encoding))
        .ok_or(TypedSecretError::Unreadable)?;
    let mut decoded = encoding::decode(text, encoding).map_err(|_| TypedSecretError::Unreadable)?;
    strength::check(&decoded.bytes, &[]).map_err(|refusal| weak(refusal.code))?;
    Ok(TypedSecret { seed: Seed::new(std::mem::take(&mut *decoded.bytes)), spec: None })
}

fn weak(code: ProblemCode) -> TypedSecretError {
    match code {
        ProblemCode::SecretMissing => TypedSecretError::Missing,
        ProblemCode::SecretTooLong => TypedSecretError::TooLong,
        ProblemCode::SecretWeak => TypedSecretError::Published,
        _ => TypedSecretError::TooShort,
    }
}

/// The account of a QR code's text is no serial number: the typed one takes its place.
fn from_uri(text: &str, serial: &TokenSerial) -> Result<TypedSecret, TypedSecretError> {
    let unusable = |what: &str| TypedSecretError::Uri { what: what.to_owned() };
    let uri = text.split_once('#').map_or(text, |(before, _)| before);
    let (path, query) = uri.split_once('?').ok_or_else(|| unusable("it holds no secret"))?;
    let mut whole = zeroize::Zeroizing::new(String::with_capacity(uri.len() + 256));
    whole.push_str(path);
    whole.push('?');
    let named = |pair: &&str| !pair.to_ascii_lowercase().starts_with("serial=");
    for pair in query.split('&').filter(named) {
        whole.push_str(pair);
        whole.push('&');
    }
    whole.push_str("serial=");
    let kept = percent_encoding::NON_ALPHANUMERIC;
    whole.extend(percent_encoding::utf8_percent_encode(serial.display(), kept));
    let mut one = One::default();
    let options = ReadOptions { format: Some("otpauth"), ..ReadOptions::default() };
    let read = super::read(whole.as_bytes(), &options, &mut one);
    if let Some(record) = one.record {
        let spec = Some((record.spec, record.counter));
        return Ok(TypedSecret { seed: record.seed, spec });
    }
    match (one.problem, read) {
        (Some(problem), _) => match problem.code {
            code @ (ProblemCode::SecretTooShort | ProblemCode::SecretTooLong | ProblemCode::SecretWeak) => {
                Err(weak(code))
            }
            ProblemCode::SecretMissing => Err(unusable("it holds no secret")),
            ProblemCode::KindUnknown => Err(unusable("it is for another kind of token")),
            _ => Err(unusable("a part of it is missing or changed; copy it once more")),
        },
        (None, _) => Err(unusable("a part of it is missing or changed; copy it once more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TokenKind;

    fn read(text: &str) -> Result<TypedSecret, TypedSecretError> {
        let serial = TokenSerial::parse("UN1").expect("a serial");
        typed_secret(&Passphrase::from_text(text.to_owned()), &serial)
    }

    /// P14: base32, hexadecimal and the text of a QR code.
    #[test]
    fn one_secret_in_three_spellings() {
        let bytes: Vec<u8> = (0..20u8).map(|n| n.wrapping_mul(37) ^ 0x5a).collect();
        let base32 = data_encoding::BASE32_NOPAD.encode(&bytes);
        let grouped: Vec<&str> =
            base32.as_bytes().chunks(4).map(|four| std::str::from_utf8(four).expect("ASCII")).collect();
        let uri = format!(
            "otpauth://totp/VPN:anna%40example.org?secret={base32}&issuer=VPN&digits=8&period=60#picture"
        );
        for text in
            [data_encoding::HEXUPPER.encode(&bytes), base32.to_lowercase(), grouped.join(" "), uri.clone()]
        {
            let typed = read(&text).expect(&text);
            assert!(typed.seed.ct_eq(&Seed::new(bytes.clone())), "{text}");
        }
        let (spec, counter) = read(&uri).expect("a URI").spec.expect("a URI says so");
        assert_eq!(
            (spec.kind(), spec.digits().map(crate::oath::Digits::get), counter),
            (TokenKind::Totp, Some(8), 0)
        );
        let (spec, counter) =
            read(&format!("otpauth://hotp/x?counter=7&secret={base32}")).expect("a URI").spec.expect("spec");
        assert_eq!((spec.kind(), counter), (TokenKind::Hotp, 7));
        let two = format!("otpauth://totp/VPN?serial=AB1&secret={base32}&serial=AB2");
        assert!(read(&two).is_ok(), "a serial in it counts for nothing");
    }

    /// P14: weak secrets are refused, whatever an import might allow.
    #[test]
    fn weak_secrets_are_refused() {
        let said = |text: &str| read(text).map(drop).expect_err(text);
        assert_eq!(said("  "), TypedSecretError::Missing);
        assert_eq!(said("not a secret!"), TypedSecretError::Unreadable);
        assert_eq!(said("00112233445566778899aabbcc"), TypedSecretError::TooShort);
        assert_eq!(said("3132333435363738393031323334353637383930"), TypedSecretError::Published);
        assert_eq!(said("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"), TypedSecretError::Published);
        assert_eq!(said(&"ab1c".repeat(70)), TypedSecretError::TooLong);
        assert!(matches!(said("otpauth://totp/VPN"), TypedSecretError::Uri { .. }));
        let short = said("otpauth://totp/VPN?secret=ONSWG4TFOQ");
        assert_eq!(short, TypedSecretError::TooShort);
        let yubikey = said("otpauth://yaotp/VPN?secret=ONSWG4TFORZWKY3SMV2HGZLD");
        assert!(matches!(yubikey, TypedSecretError::Uri { .. }));
    }
}
