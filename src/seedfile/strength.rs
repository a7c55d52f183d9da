//! Which secrets are too weak to be imported.

use super::problem::ProblemCode;
use super::record::Weakness;

/// Below this a secret is refused whatever is allowed: 80 bits.
pub(super) const LEAST_BYTES: usize = 10;
/// Below this it needs [`Weakness::ShortSecret`]: 112 bits.
const SHORT_BYTES: usize = 14;
/// Below this a secret of hexadecimal digits that is used as text is refused whatever is allowed: what the classic
/// mOTP apps make.
const LEAST_TEXT_BITS: usize = 64;
/// Below this it is noted: 128 bits, RFC 4226 §4 R6.
pub(super) const GOOD_BYTES: usize = 16;
/// The longest secret that is read.
pub(super) const MOST_BYTES: usize = 128;

/// Why a secret is refused.
pub(super) struct Refusal {
    pub(super) code: ProblemCode,
    pub(super) what: String,
}

/// The weaknesses of a secret, all of them allowed, or why it is refused.
pub(super) fn check(secret: &[u8], allow: &[Weakness]) -> Result<Vec<Weakness>, Refusal> {
    let bits = secret.len() * 8;
    if secret.is_empty() {
        let what = "there is no secret. Ask the vendor for this token again.".to_owned();
        return Err(Refusal { code: ProblemCode::SecretMissing, what });
    }
    if secret.len() < LEAST_BYTES {
        let what = format!(
            "the secret has {bits} bits, at least 80 are needed. Such a token can be guessed; ask the vendor for another."
        );
        return Err(Refusal { code: ProblemCode::SecretTooShort, what });
    }
    if secret.len() > MOST_BYTES {
        let what = format!(
            "the secret has {bits} bits, at most 1024 are read. Ask the vendor whether the columns are in order."
        );
        return Err(Refusal { code: ProblemCode::SecretTooLong, what });
    }
    let mut found = Vec::new();
    if secret.len() < SHORT_BYTES {
        if !allow.contains(&Weakness::ShortSecret) {
            let what = format!(
                "the secret has {bits} bits, 112 are expected. Ask the vendor for longer secrets, or allow short_secret."
            );
            return Err(Refusal { code: ProblemCode::SecretTooShort, what });
        }
        found.push(Weakness::ShortSecret);
    }
    if is_known(secret) {
        if !allow.contains(&Weakness::TestSecret) {
            return Err(published());
        }
        found.push(Weakness::TestSecret);
    }
    Ok(found)
}

/// The same for a secret that is used as text (mOTP). One of hexadecimal digits has four bits in each; the classic
/// apps make sixteen of them, which are 64 bits: that is refused unless it is allowed by name.
pub(super) fn check_text(secret: &[u8], allow: &[Weakness]) -> Result<Vec<Weakness>, Refusal> {
    if secret.is_empty() || !secret.iter().all(u8::is_ascii_hexdigit) {
        return check(secret, allow);
    }
    let bits = secret.len() * 4;
    if bits < LEAST_TEXT_BITS {
        let what = format!(
            "the secret has {bits} bits, at least {LEAST_TEXT_BITS} are needed. Such a token can be guessed; set the app up anew."
        );
        return Err(Refusal { code: ProblemCode::SecretTooShort, what });
    }
    if bits >= 8 * SHORT_BYTES {
        return check(secret, allow);
    }
    if !allow.contains(&Weakness::ShortSecret) {
        let what = format!(
            "the secret has {bits} bits, 112 are expected. Set the app up with a secret of 32 hexadecimal digits, or allow short_secret."
        );
        return Err(Refusal { code: ProblemCode::SecretTooShort, what });
    }
    let mut found = vec![Weakness::ShortSecret];
    if is_known(secret) {
        if !allow.contains(&Weakness::TestSecret) {
            return Err(published());
        }
        found.push(Weakness::TestSecret);
    }
    Ok(found)
}

fn published() -> Refusal {
    let what = "the secret is a published test secret or has all bytes alike, so anybody can compute the codes. Ask the vendor for another token, or allow test_secret for a trial.".to_owned();
    Refusal { code: ProblemCode::SecretWeak, what }
}

/// True for secrets that everybody knows: those of RFC 4226, 6238 and 6287 at any length, equal bytes,
/// counting bytes, and the one of the `otpauth` documentation.
fn is_known(secret: &[u8]) -> bool {
    let repeats = |pattern: &[u8]| secret.iter().zip(pattern.iter().cycle()).all(|(a, b)| a == b);
    let step = |by: u8| secret.windows(2).all(|pair| pair[0].wrapping_add(by) == pair[1]);
    step(0)
        || step(1)
        || step(0xff)
        || step(0x11)
        || repeats(b"1234567890")
        || repeats(b"0123456789")
        || repeats(&[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef])
        || repeats(&[0x12, 0x34, 0x56, 0x78, 0x90])
        || repeats(&[0xde, 0xad, 0xbe, 0xef])
        || repeats(b"Hello!\xde\xad\xbe\xef")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(secret: &[u8], allow: &[Weakness]) -> Option<ProblemCode> {
        check(secret, allow).err().map(|r| r.code)
    }

    #[test]
    fn lengths() {
        let varied: Vec<u8> = (0u8..=200).map(|i| i.wrapping_mul(37) ^ 0x5a).collect();
        let all = Weakness::ALL;
        assert_eq!(code(&[], &all), Some(ProblemCode::SecretMissing));
        assert_eq!(code(&[0], &all), Some(ProblemCode::SecretTooShort));
        assert_eq!(code(&varied[..9], &all), Some(ProblemCode::SecretTooShort));
        assert_eq!(code(&varied[..10], &[]), Some(ProblemCode::SecretTooShort));
        assert_eq!(code(&varied[..13], &all), None);
        assert_eq!(code(&varied[..14], &[]), None);
        assert_eq!(code(&varied[..128], &[]), None);
        assert_eq!(code(&varied[..129], &all), Some(ProblemCode::SecretTooLong));
    }

    #[test]
    fn texts_of_hexadecimal_digits_have_half_their_length() {
        let code = |text: &str, allow: &[Weakness]| check_text(text.as_bytes(), allow).err().map(|r| r.code);
        let all = Weakness::ALL;
        assert_eq!(code("", &all), Some(ProblemCode::SecretMissing));
        assert_eq!(code("e3152afee62599c", &all), Some(ProblemCode::SecretTooShort));
        assert_eq!(code("e3152afee62599c8", &[]), Some(ProblemCode::SecretTooShort));
        assert_eq!(code("e3152afee62599c8", &all), None);
        assert_eq!(code("e3152afee62599c8e3152afee62", &[]), Some(ProblemCode::SecretTooShort));
        assert_eq!(code("e3152afee62599c8e3152afee625", &[]), None);
        assert_eq!(code("1234567890123456", &[Weakness::ShortSecret]), Some(ProblemCode::SecretWeak));
        assert_eq!(code("not hexadecimal", &[]), None);
    }

    #[test]
    fn known_secrets() {
        for secret in [
            &b"12345678901234567890"[..],
            b"12345678901234567890123456789012",
            b"1234567890123456789012345678901234567890123456789012345678901234",
            &[0; 20],
            &[0xff; 16],
            b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14",
        ] {
            assert_eq!(code(secret, &[]), Some(ProblemCode::SecretWeak));
            let allowed = check(secret, &[Weakness::TestSecret]).map_err(|r| r.code);
            assert_eq!(allowed, Ok(vec![Weakness::TestSecret]));
        }
    }
}
