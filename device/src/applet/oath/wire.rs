//! Bytes of YKOATH: commands are built, responses are read, nothing is sent.
//!
//! Source: YKOATH protocol (developers.yubico.com).

#![expect(clippy::disallowed_methods, reason = "seeds and passwords go to the key here")]

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use mintmark_engine::oath::{Digits, HashAlg, Otp};
use mintmark_engine::secret::{Passphrase, Seed};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use super::{Calculated, Credential, CredentialId, Kind, Listed, Moving};
use crate::apdu::Command;
use crate::applet::tlv;
use crate::applet::yubikey::Version;

pub(crate) const NAME: u8 = 0x71;
pub(crate) const NAME_LIST: u8 = 0x72;
pub(crate) const KEY: u8 = 0x73;
pub(crate) const CHALLENGE: u8 = 0x74;
pub(crate) const FULL: u8 = 0x75;
pub(crate) const TRUNCATED: u8 = 0x76;
pub(crate) const IS_HOTP: u8 = 0x77;
/// Has no length: the value is the next byte.
pub(crate) const PROPERTY: u8 = 0x78;
pub(crate) const VERSION: u8 = 0x79;
pub(crate) const MOVING_FACTOR: u8 = 0x7a;
pub(crate) const ALGORITHM: u8 = 0x7b;
pub(crate) const IS_TOUCH: u8 = 0x7c;

/// Each code waits for a touch.
pub(crate) const REQUIRE_TOUCH: u8 = 0x02;

/// Keys that are shorter are filled up with zeros, which HMAC does, too.
const LEAST_KEY_BYTES: usize = 14;
const ACCESS_KEY_BYTES: usize = 16;
const ROUNDS: u32 = 1000;

/// Number of a kind and a hash together.
pub(crate) const fn type_byte(kind: Kind, hash: HashAlg) -> u8 {
    let kind = match kind {
        Kind::Hotp => 0x10,
        Kind::Totp => 0x20,
    };
    kind | match hash {
        HashAlg::Sha1 => 1,
        HashAlg::Sha256 => 2,
        HashAlg::Sha512 => 3,
    }
}

/// What [`type_byte`] makes.
pub(crate) const fn of_type_byte(byte: u8) -> Option<(Kind, HashAlg)> {
    let kind = match byte & 0xf0 {
        0x10 => Kind::Hotp,
        0x20 => Kind::Totp,
        _ => return None,
    };
    match byte & 0x0f {
        1 => Some((kind, HashAlg::Sha1)),
        2 => Some((kind, HashAlg::Sha256)),
        3 => Some((kind, HashAlg::Sha512)),
        _ => None,
    }
}

/// HMAC of a message (RFC 2104).
pub(crate) fn mac(hash: HashAlg, key: &[u8], message: &[u8]) -> Zeroizing<Vec<u8>> {
    macro_rules! compute {
        ($hash:ty) => {{
            let mut mac = Hmac::<$hash>::new_from_slice(key).expect("HMAC takes keys of any length");
            mac.update(message);
            Zeroizing::new(mac.finalize().into_bytes().to_vec())
        }};
    }
    match hash {
        HashAlg::Sha1 => compute!(Sha1),
        HashAlg::Sha256 => compute!(Sha256),
        HashAlg::Sha512 => compute!(Sha512),
    }
}

/// A seed as the key takes it: hashed if it is longer than a block of the hash, filled up if it is short. Its codes
/// stay the same.
fn hmac_key(seed: &Seed, hash: HashAlg) -> Zeroizing<Vec<u8>> {
    let block = if hash == HashAlg::Sha512 { 128 } else { 64 };
    if seed.len() > block {
        return Zeroizing::new(match hash {
            HashAlg::Sha1 => Sha1::digest(seed.expose()).to_vec(),
            HashAlg::Sha256 => Sha256::digest(seed.expose()).to_vec(),
            HashAlg::Sha512 => Sha512::digest(seed.expose()).to_vec(),
        });
    }
    let mut key = Zeroizing::new(vec![0; seed.len().max(LEAST_KEY_BYTES)]);
    key[..seed.len()].copy_from_slice(seed.expose());
    key
}

/// What opens a locked application: derived from a password and the salt of this key.
pub struct AccessKey(Zeroizing<[u8; ACCESS_KEY_BYTES]>);

impl AccessKey {
    /// PBKDF2-HMAC-SHA1, 1000 rounds. The salt changes with RESET: keep passwords, not keys.
    pub(super) fn derive(password: &Passphrase, salt: &[u8]) -> Self {
        let mut key = Zeroizing::new([0; ACCESS_KEY_BYTES]);
        pbkdf2::pbkdf2_hmac::<Sha1>(password.expose(), salt, ROUNDS, &mut *key);
        Self(key)
    }

    /// One of these bytes.
    #[cfg(test)]
    pub(super) fn of_bytes(bytes: [u8; ACCESS_KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// What proves to know the key.
    pub(super) fn response(&self, hash: HashAlg, challenge: &[u8]) -> Zeroizing<Vec<u8>> {
        mac(hash, &*self.0, challenge)
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(16 bytes)")
    }
}

fn command(instruction: u8, p2: u8, data: &[u8]) -> Command {
    Command::new(0x00, instruction, 0x00, p2).with_data(data).in_widest_form()
}

fn named(id: &CredentialId) -> Vec<u8> {
    let mut data = Vec::new();
    tlv::push(&mut data, NAME, id.as_bytes());
    data
}

pub(super) fn put(credential: &Credential) -> Command {
    let Credential { id, moving, hash, digits, seed, touch } = credential;
    let key = hmac_key(seed, *hash);
    let mut data = Zeroizing::new(Vec::with_capacity(id.as_bytes().len() + key.len() + 16));
    tlv::push(&mut data, NAME, id.as_bytes());
    tlv::head(&mut data, KEY, key.len() + 2);
    data.extend([type_byte(moving.kind(), *hash), digits.get()]);
    data.extend_from_slice(&key);
    if *touch {
        data.extend([PROPERTY, REQUIRE_TOUCH]);
    }
    if let Moving::Counter(counter @ 1..) = moving {
        tlv::push(&mut data, MOVING_FACTOR, &counter.to_be_bytes());
    }
    Command::new(0x00, 0x01, 0x00, 0x00).with_secret(data).in_widest_form()
}

pub(super) fn delete(id: &CredentialId) -> Command {
    command(0x02, 0x00, &named(id))
}

pub(super) fn set_code(key: &AccessKey, challenge: [u8; 8]) -> Command {
    let mut data = Zeroizing::new(Vec::with_capacity(64));
    tlv::head(&mut data, KEY, ACCESS_KEY_BYTES + 1);
    data.push(type_byte(Kind::Totp, HashAlg::Sha1));
    data.extend_from_slice(&*key.0);
    tlv::push(&mut data, CHALLENGE, &challenge);
    tlv::push(&mut data, FULL, &key.response(HashAlg::Sha1, &challenge));
    Command::new(0x00, 0x03, 0x00, 0x00).with_secret(data).in_widest_form()
}

pub(super) fn clear_code() -> Command {
    command(0x03, 0x00, &[KEY, 0])
}

pub(super) fn reset() -> Command {
    Command::new(0x00, 0x04, 0xde, 0xad).in_widest_form()
}

pub(super) fn rename(old: &CredentialId, new: &CredentialId) -> Command {
    command(0x05, 0x00, &[named(old), named(new)].concat())
}

pub(super) fn list() -> Command {
    command(0xa1, 0x00, &[])
}

pub(super) fn calculate(id: &CredentialId, challenge: &[u8], truncated: bool) -> Command {
    let mut data = named(id);
    tlv::push(&mut data, CHALLENGE, challenge);
    command(0xa2, u8::from(truncated), &data)
}

pub(super) fn calculate_all(challenge: [u8; 8]) -> Command {
    let mut data = Vec::new();
    tlv::push(&mut data, CHALLENGE, &challenge);
    command(0xa4, 0x01, &data)
}

pub(super) fn validate(response: &[u8], challenge: [u8; 8]) -> Command {
    let mut data = Vec::new();
    tlv::push(&mut data, FULL, response);
    tlv::push(&mut data, CHALLENGE, &challenge);
    command(0xa3, 0x00, &data)
}

/// What SELECT says.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(super) version: Version,
    pub(super) salt: Vec<u8>,
    /// To be answered before anything else is; `None` when there is no access key.
    pub(super) challenge: Option<(HashAlg, Vec<u8>)>,
}

/// Why bytes are no response.
pub(super) type Wrong = &'static str;

const CUT: Wrong = "an entry is cut off";

pub(crate) fn read_select(mut rest: &[u8]) -> Result<Selected, Wrong> {
    let (mut version, mut salt, mut challenge, mut hash) = (None, None, None, HashAlg::Sha1);
    while !rest.is_empty() {
        match tlv::take(&mut rest).ok_or(CUT)? {
            (VERSION, value) => version = Version::from_bytes(value),
            (NAME, value) => salt = Some(value.to_vec()),
            (CHALLENGE, value) => challenge = Some(value.to_vec()),
            (ALGORITHM, value) => {
                hash = match value {
                    [1] => HashAlg::Sha1,
                    [2] => HashAlg::Sha256,
                    [3] => HashAlg::Sha512,
                    _ => return Err("its algorithm is not known"),
                }
            }
            _ => {}
        }
    }
    let version = version.ok_or("its version has not three bytes")?;
    let salt = salt.filter(|salt| !salt.is_empty()).ok_or("it has no salt")?;
    Ok(Selected { version, salt, challenge: challenge.map(|challenge| (hash, challenge)) })
}

pub(crate) fn read_list(mut rest: &[u8]) -> Result<Vec<Listed>, Wrong> {
    let mut listed = Vec::new();
    while !rest.is_empty() {
        let (NAME_LIST, [kind, id @ ..]) = tlv::take(&mut rest).ok_or(CUT)? else {
            return Err("an entry is no credential");
        };
        let (kind, hash) = of_type_byte(*kind).ok_or("a credential is of an unknown kind")?;
        listed.push(Listed { id: read_id(id)?, kind, hash });
    }
    Ok(listed)
}

fn read_id(id: &[u8]) -> Result<CredentialId, Wrong> {
    CredentialId::new(id.to_vec()).map_err(|_| "a name has not 1 to 64 bytes")
}

/// `76 05 <digits> <value>`: four bytes that are truncated already (RFC 4226 §5.3).
fn read_code(tag: u8, value: &[u8]) -> Result<Otp, Wrong> {
    match (tag, value) {
        (TRUNCATED, [digits, value @ ..]) => {
            let value = value.try_into().map_err(|_| "a code has not four bytes")?;
            Ok(Otp::from_value(u32::from_be_bytes(value) & 0x7fff_ffff, read_digits(*digits)?))
        }
        _ => Err("it is no code"),
    }
}

fn read_digits(digits: u8) -> Result<Digits, Wrong> {
    Digits::new(u32::from(digits)).map_err(|_| "a code has not 6 to 8 digits")
}

/// The only entry of a response.
fn only(mut rest: &[u8]) -> Result<(u8, &[u8]), Wrong> {
    let first = tlv::take(&mut rest).ok_or(CUT)?;
    if rest.is_empty() { Ok(first) } else { Err("something follows what was asked for") }
}

pub(crate) fn read_calculated(response: &[u8]) -> Result<Otp, Wrong> {
    let (tag, value) = only(response)?;
    read_code(tag, value)
}

pub(crate) fn read_hmac(response: &[u8]) -> Result<Zeroizing<Vec<u8>>, Wrong> {
    match only(response)? {
        (FULL, [_, mac @ ..]) => Ok(Zeroizing::new(mac.to_vec())),
        _ => Err("it is no HMAC"),
    }
}

pub(crate) fn read_validated(response: &[u8]) -> Result<&[u8], Wrong> {
    match only(response)? {
        (FULL, mac) => Ok(mac),
        _ => Err("it is no HMAC"),
    }
}

pub(crate) fn read_calculated_all(mut rest: &[u8]) -> Result<Vec<(CredentialId, Calculated)>, Wrong> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (NAME, id) = tlv::take(&mut rest).ok_or(CUT)? else {
            return Err("an entry is no name");
        };
        let calculated = match tlv::take(&mut rest).ok_or(CUT)? {
            (IS_HOTP, [digits]) => Calculated::Hotp(read_digits(*digits)?),
            (IS_TOUCH, [digits]) => Calculated::Touch(read_digits(*digits)?),
            (tag, value) => Calculated::Code(read_code(tag, value)?),
        };
        all.push((read_id(id)?, calculated));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seeds_keep_their_codes() {
        for (hash, block) in [(HashAlg::Sha1, 64), (HashAlg::Sha256, 64), (HashAlg::Sha512, 128)] {
            for len in [1, 13, 14, 15, block - 1, block, block + 1, 200] {
                let (seed, raw) = (Seed::new(vec![7; len]), vec![7; len]);
                let key = hmac_key(&seed, hash);
                let expected = if len > block { hash.output_bytes() } else { len.max(14) };
                assert_eq!(key.len(), expected, "{hash:?} {len}");
                assert_eq!(mac(hash, &key, b"message"), mac(hash, &raw, b"message"), "{hash:?} {len}");
            }
        }
    }

    #[test]
    fn kinds_and_hashes_share_a_byte() {
        let known: Vec<u8> = (0..=255).filter(|byte| of_type_byte(*byte).is_some()).collect();
        assert_eq!(known, [0x11, 0x12, 0x13, 0x21, 0x22, 0x23]);
        for byte in known {
            let (kind, hash) = of_type_byte(byte).expect("known");
            assert_eq!(type_byte(kind, hash), byte);
        }
    }

    #[test]
    fn responses_of_another_shape_are_refused() {
        assert_eq!(read_select(&[0x79, 2, 5, 7]).expect_err("short"), "its version has not three bytes");
        assert_eq!(read_select(&[0x79, 3, 5, 7, 4]).expect_err("short"), "it has no salt");
        assert_eq!(read_select(&[0x79, 3, 5]).expect_err("short"), CUT);
        let algorithm = [0x79, 3, 5, 7, 4, 0x71, 1, 1, 0x74, 1, 1, 0x7b, 1, 9];
        assert_eq!(read_select(&algorithm).expect_err("unknown"), "its algorithm is not known");
        for (byte, hash) in [(1, HashAlg::Sha1), (2, HashAlg::Sha256), (3, HashAlg::Sha512)] {
            let locked = read_select(&[&algorithm[..13], &[byte]].concat()).expect("locked");
            assert_eq!(locked.challenge, Some((hash, vec![1])));
        }
        assert_eq!(read_list(&[0x71, 1, 0x21]).expect_err("name"), "an entry is no credential");
        assert_eq!(read_list(&[0x72, 0]).expect_err("empty"), "an entry is no credential");
        assert_eq!(read_list(&[0x72, 1, 0x21]).expect_err("empty"), "a name has not 1 to 64 bytes");
        assert_eq!(read_list(&[0x72, 2, 0x31, 7]).expect_err("kind"), "a credential is of an unknown kind");
        assert_eq!(read_calculated(&[0x75, 1, 6]).expect_err("full"), "it is no code");
        assert_eq!(read_calculated(&[0x76, 4, 6, 0, 0, 0]).expect_err("short"), "a code has not four bytes");
        assert_eq!(
            read_calculated(&[0x76, 5, 9, 0, 0, 0, 0]).expect_err("nine"),
            "a code has not 6 to 8 digits"
        );
        let more = [0x76, 5, 6, 0, 0, 0, 0, 1];
        assert_eq!(read_calculated(&more).expect_err("more"), "something follows what was asked for");
        assert_eq!(read_hmac(&[0x75, 0]).expect_err("empty"), "it is no HMAC");
        assert_eq!(read_validated(&[0x76, 0]).expect_err("code"), "it is no HMAC");
        assert_eq!(read_calculated_all(&[0x72, 0]).expect_err("list"), "an entry is no name");
    }

    proptest! {
        #[test]
        fn any_response_is_read_or_refused(response in prop::collection::vec(any::<u8>(), 0..120)) {
            let _ = read_select(&response);
            let _ = read_list(&response);
            let _ = read_calculated(&response);
            let _ = read_hmac(&response);
            let _ = read_validated(&response);
            let _ = read_calculated_all(&response);
        }
    }
}
