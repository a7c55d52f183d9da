//! What is written to a slot: 52 bytes.
//!
//! | Offset | Bytes | |
//! |---|---|---|
//! | 0 | 16 | fixed part: public id, token identifier, keystrokes 1 to 16 |
//! | 16 | 6 | private id; HMAC and HOTP: bytes 16 to 19 of the seed, then the moving factor / 16 (big endian) |
//! | 22 | 16 | AES key; HMAC and HOTP: bytes 0 to 15 of the seed |
//! | 38 | 6 | access code that is asked for from now on |
//! | 44 | 1 | length of the fixed part |
//! | 45 | 3 | flags |
//! | 48 | 2 | 0 |
//! | 50 | 2 | CRC-16 of what is before, complemented, little endian |
//!
//! Source: yubikey-personalization, `ykcore/ykdef.h`.

#![expect(clippy::disallowed_methods, reason = "seeds go to the key here")]

use std::fmt;

use mintmark_engine::oath::{Digits, MovingFactor, YubicoPublicId};
use mintmark_engine::secret::Seed;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::OtpError;
use crate::applet::yubikey::{Version, YubiKeyError, require};

/// Length of a configuration.
pub(crate) const BYTES: usize = 52;
/// What the CRC of a whole configuration is.
pub(crate) const CRC_RESIDUE: u16 = 0xf0b8;

/// The serial number may be read through the OTP application.
pub(crate) const EXT_SERIAL: u8 = 0x04;
/// Slot 1 reacts at once while slot 2 is empty.
pub(crate) const EXT_FAST: u8 = 0x10;
/// The slot may be updated.
pub(crate) const EXT_UPDATE: u8 = 0x20;
/// Enter is typed behind the code.
pub(crate) const TKT_ENTER: u8 = 0x20;
/// HOTP, or with [`CFG_HMAC`] challenge-response.
pub(crate) const TKT_OATH: u8 = 0x40;
/// HOTP of eight digits; keystrokes of a static password.
pub(crate) const CFG_EIGHT: u8 = 0x02;
/// HMAC of challenges shorter than 64 bytes.
pub(crate) const CFG_SHORT_CHALLENGE: u8 = 0x04;
/// A challenge waits for a touch.
pub(crate) const CFG_BUTTON: u8 = 0x08;
/// The first byte of the token identifier is typed in modhex.
pub(crate) const CFG_MODHEX_ONE: u8 = 0x10;
/// The first two bytes are; with [`CFG_MODHEX_ONE`] all of them.
pub(crate) const CFG_MODHEX_TWO: u8 = 0x40;
/// Challenge-response by HMAC-SHA1.
pub(crate) const CFG_HMAC: u8 = 0x22;

/// CRC-16, start FFFF, reflected polynomial 8408, not complemented.
pub(crate) fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    })
}

/// Six bytes without which a slot cannot be changed. Who loses them cannot change it ever again.
pub struct AccessCode(Zeroizing<[u8; 6]>);

impl AccessCode {
    /// Any value but six zeros, which the key takes for none.
    pub fn new(code: Zeroizing<[u8; 6]>) -> Option<Self> {
        (*code != [0; 6]).then_some(Self(code))
    }

    pub(super) fn bytes(&self) -> &[u8; 6] {
        &self.0
    }
}

impl fmt::Debug for AccessCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessCode(6 bytes)")
    }
}

/// A counter that a slot can begin with: a multiple of 16, at most 1,048,560.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlotCounter(u16);

impl SlotCounter {
    /// The first one that is not lower; `None` beyond the last. The server has to begin where the slot does.
    pub fn at_or_after(counter: MovingFactor) -> Option<Self> {
        u16::try_from(counter.0.div_ceil(16)).ok().map(Self)
    }

    /// What the slot begins with.
    pub const fn moving_factor(self) -> MovingFactor {
        MovingFactor(self.0 as u64 * 16)
    }
}

/// What a key types before a code of HOTP: up to 32 characters, of which the first ones, or all, are modhex.
///
/// The OATH form has twelve: manufacturer, type, eight digits, such as `ubhe12345678`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIdentifier {
    bytes: Vec<u8>,
    flags: u8,
}

impl TokenIdentifier {
    /// Reads it as it is typed: an even number of characters. Where the first ones can be modhex and hexadecimal
    /// digits, the first four are modhex if possible, then the first two, then none.
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.as_bytes();
        if letters.is_empty() || letters.len() > 32 || !letters.len().is_multiple_of(2) {
            return None;
        }
        let readings =
            [(4, CFG_MODHEX_TWO), (2, CFG_MODHEX_ONE), (0, 0), (32, CFG_MODHEX_ONE | CFG_MODHEX_TWO)];
        readings.into_iter().find_map(|(modhex, flags)| {
            let nibble = |(at, letter): (usize, &u8)| {
                let alphabet = if at < modhex { b"cbdefghijklnrtuv" } else { b"0123456789abcdef" };
                let value = alphabet.iter().position(|known| *known == letter.to_ascii_lowercase())?;
                u8::try_from(value).ok()
            };
            let nibbles: Vec<u8> = letters.iter().enumerate().map(nibble).collect::<Option<_>>()?;
            Some(Self { bytes: nibbles.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect(), flags })
        })
    }
}

/// What a slot is to do. It holds a seed: never printed, wiped when dropped.
pub struct SlotConfig {
    name: &'static str,
    since: Version,
    bytes: Zeroizing<[u8; BYTES]>,
}

impl SlotConfig {
    /// HOTP with SHA-1 (RFC 4226), typed upon a touch, with Enter behind it or without. Six or eight digits, and a
    /// seed of up to 20 bytes (or of more than 64, which HMAC hashes).
    pub fn hotp(
        seed: &Seed,
        digits: Digits,
        counter: SlotCounter,
        identifier: Option<&TokenIdentifier>,
        enter: bool,
    ) -> Result<Self, OtpError> {
        let eight = match digits {
            Digits::SIX => 0,
            Digits::EIGHT => CFG_EIGHT,
            other => return Err(OtpError::Digits(other)),
        };
        let ticket = TKT_OATH | if enter { TKT_ENTER } else { 0 };
        let modhex = identifier.map_or(CFG_MODHEX_TWO, |identifier| identifier.flags);
        let mut config = Self::new("HOTP in a slot", Version::new(2, 2, 0));
        config.set_flags(EXT_SERIAL | EXT_FAST | EXT_UPDATE, ticket, eight | modhex);
        config.set_fixed(identifier.map_or(&[], |identifier| &identifier.bytes));
        config.set_seed(seed)?;
        config.bytes[20..22].copy_from_slice(&counter.0.to_be_bytes());
        Ok(config)
    }

    /// HMAC-SHA1 of challenges of 0 to 63 bytes, with a touch for each or without.
    pub fn hmac_sha1(seed: &Seed, touch: bool) -> Result<Self, OtpError> {
        let mut config = Self::new("challenge-response", Version::new(2, 2, 0));
        let button = if touch { CFG_BUTTON } else { 0 };
        config.set_flags(EXT_SERIAL | EXT_UPDATE, TKT_OATH, CFG_HMAC | CFG_SHORT_CHALLENGE | button);
        config.set_seed(seed)?;
        Ok(config)
    }

    /// Yubico OTP, with Enter behind it. The secret is the AES key (16 bytes) and the private id (6) behind it.
    pub fn yubico_otp(public_id: &YubicoPublicId, secret: &Seed) -> Result<Self, OtpError> {
        let (key, private_id) =
            secret.expose().split_at_checked(16).ok_or(OtpError::YubicoLength(secret.len()))?;
        let private_id: &[u8; 6] = private_id.try_into().map_err(|_| OtpError::YubicoLength(secret.len()))?;
        let mut config = Self::new("Yubico OTP", Version::new(1, 0, 0));
        config.set_flags(EXT_SERIAL | EXT_FAST | EXT_UPDATE, TKT_ENTER, 0);
        config.set_fixed(public_id.as_bytes());
        config.bytes[16..22].copy_from_slice(private_id);
        config.bytes[22..38].copy_from_slice(key);
        Ok(config)
    }

    /// A password that does not change, with Enter behind it: up to 38 scan codes of a USB keyboard, with bit 80 for
    /// shift.
    pub fn static_password(scan_codes: &Zeroizing<Vec<u8>>) -> Result<Self, OtpError> {
        let mut config = Self::new("a static password", Version::new(2, 2, 0));
        config.set_flags(EXT_SERIAL | EXT_FAST | EXT_UPDATE, TKT_ENTER, CFG_EIGHT);
        let place = config.bytes[..38].get_mut(..scan_codes.len());
        place.ok_or(OtpError::PasswordLength(scan_codes.len()))?.copy_from_slice(scan_codes);
        config.bytes[44] = 16;
        Ok(config)
    }

    /// What an update sends: the flags alone count.
    pub(super) fn update(enter: bool) -> Self {
        let mut config = Self::new("updating a slot", Version::new(2, 3, 0));
        config.set_flags(EXT_SERIAL | EXT_FAST | EXT_UPDATE, if enter { TKT_ENTER } else { 0 }, 0);
        config.bytes[44] = 16;
        config
    }

    /// Whether firmware of this version takes it.
    pub fn fits(&self, version: Version) -> Result<(), YubiKeyError> {
        require(self.name, self.since, version)
    }

    /// All bytes, with the access code that is asked for from now on, and the CRC.
    pub(super) fn encoded(&self, code: Option<&AccessCode>) -> Zeroizing<[u8; BYTES]> {
        let mut bytes = self.bytes.clone();
        if let Some(code) = code {
            bytes[38..44].copy_from_slice(code.bytes());
        }
        let sum = !crc(&bytes[..50]);
        bytes[50..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    fn new(name: &'static str, since: Version) -> Self {
        Self { name, since, bytes: Zeroizing::new([0; BYTES]) }
    }

    fn set_flags(&mut self, extended: u8, ticket: u8, config: u8) {
        self.bytes[45..48].copy_from_slice(&[extended, ticket, config]);
    }

    /// At most 16 bytes, as both callers' types have.
    fn set_fixed(&mut self, fixed: &[u8]) {
        let fixed = &fixed[..fixed.len().min(16)];
        self.bytes[..fixed.len()].copy_from_slice(fixed);
        let [.., len] = fixed.len().to_be_bytes();
        self.bytes[44] = len;
    }

    fn set_seed(&mut self, seed: &Seed) -> Result<(), OtpError> {
        let mut block = Zeroizing::new([0; 20]);
        match seed.len() {
            1..=20 => block[..seed.len()].copy_from_slice(seed.expose()),
            // What HMAC does itself with a key that is longer than a block of its hash (RFC 2104 §2).
            65.. => Sha1::new_with_prefix(seed.expose()).finalize_into((&mut *block).into()),
            other => return Err(OtpError::SeedLength(other)),
        }
        self.bytes[22..38].copy_from_slice(&block[..16]);
        self.bytes[16..20].copy_from_slice(&block[16..]);
        Ok(())
    }
}

impl fmt::Debug for SlotConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotConfig({})", self.name)
    }
}
