//! Yubico OTP: an encrypted block with counters, typed by the key itself in modhex.
//!
//! There is nothing to search and nothing that drifts: the block says its position, which must rise. The last
//! accepted one is kept by the callers.

#![expect(clippy::disallowed_methods, reason = "the block is decrypted here")]

use std::fmt;

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, BlockCipherEncrypt, KeyInit};
use serde::{Deserialize, Serialize};
use subtle::{Choice, ConstantTimeEq};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::MovingFactor;
use crate::secret::Seed;

/// Sixteen letters that lie at the same place of most keyboards stand for the hexadecimal digits.
const MODHEX: &[u8; 16] = b"cbdefghijklnrtuv";
const BLOCK_BYTES: usize = 16;
const MOST_PUBLIC_BYTES: usize = 16;
const KEY_BYTES: usize = 16;
const PRIVATE_ID_BYTES: usize = 6;
/// Where the use counter sticks.
const MOST_USES: u16 = 0x7fff;
/// What the checksum of a whole block leaves.
const CRC_RESIDUE: u16 = 0xf0b8;

/// A text that no key has typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum YubicoOtpError {
    /// 32 letters of the block, up to 32 of the public id before them, two for each byte.
    #[error("{0} letters were typed, a code has 32 to 64, an even number")]
    Length(usize),
    /// A public id has two letters for each of at most 16 bytes.
    #[error("the public id has {0} letters, an even number up to 32 is needed")]
    PublicId(usize),
    /// A character that is not modhex, such as one of another keyboard layout.
    #[error("character {position} is not one that a key types: is the keyboard layout another one?")]
    Letter {
        /// Which, counted from 1.
        position: usize,
    },
}

/// Value of a letter of modhex; capitals are taken.
fn nibble(letter: char) -> Option<u8> {
    let at = MODHEX.iter().position(|known| char::from(*known) == letter.to_ascii_lowercase())?;
    u8::try_from(at).ok()
}

fn push_modhex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push(char::from(MODHEX[usize::from(byte >> 4)]));
        text.push(char::from(MODHEX[usize::from(byte & 0xf)]));
    }
}

/// The public id of a key, 0 to 16 bytes: what it types before the encrypted block. It says which key it is, and is
/// no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct YubicoPublicId(Vec<u8>);

impl YubicoPublicId {
    /// None: such a key types the block alone.
    pub const NONE: Self = Self(Vec::new());

    /// Reads modhex, as the key types it and seed files write it.
    pub fn parse(text: &str) -> Result<Self, YubicoOtpError> {
        let letters = text.chars().count();
        if !letters.is_multiple_of(2) || letters > 2 * MOST_PUBLIC_BYTES {
            return Err(YubicoOtpError::PublicId(letters));
        }
        let mut bytes = vec![0; letters / 2];
        for (index, c) in text.chars().enumerate() {
            let nibble = nibble(c).ok_or(YubicoOtpError::Letter { position: index + 1 })?;
            bytes[index / 2] = bytes[index / 2] << 4 | nibble;
        }
        Ok(Self(bytes))
    }

    /// The one for what is written to a device of this serial number: FF, `place`, and the number in four bytes. With
    /// place 0 it is what Yubico's own tool makes of the number; FF (`vv`) is theirs for ids that they did not give out.
    pub fn of_device(serial: u32, place: u8) -> Self {
        let [a, b, c, d] = serial.to_be_bytes();
        Self(vec![0xff, place, a, b, c, d])
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// True when such a key types the block alone.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for YubicoPublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::with_capacity(2 * self.0.len());
        push_modhex(&mut text, &self.0);
        f.write_str(&text)
    }
}

/// A code as the key typed it. Never printed, wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct YubicoOtp {
    public_id: Vec<u8>,
    block: [u8; BLOCK_BYTES],
}

impl YubicoOtp {
    /// Reads typed text; capitals are taken.
    pub fn parse(text: &str) -> Result<Self, YubicoOtpError> {
        let text = text.trim();
        let letters = text.chars().count();
        if !letters.is_multiple_of(2)
            || !(2 * BLOCK_BYTES..=2 * (BLOCK_BYTES + MOST_PUBLIC_BYTES)).contains(&letters)
        {
            return Err(YubicoOtpError::Length(letters));
        }
        let mut bytes = Zeroizing::new([0u8; BLOCK_BYTES + MOST_PUBLIC_BYTES]);
        for (index, c) in text.chars().enumerate() {
            let nibble = nibble(c).ok_or(YubicoOtpError::Letter { position: index + 1 })?;
            bytes[index / 2] = bytes[index / 2] << 4 | nibble;
        }
        let public = letters / 2 - BLOCK_BYTES;
        let mut made = Self { public_id: bytes[..public].to_vec(), block: [0; BLOCK_BYTES] };
        made.block.copy_from_slice(&bytes[public..letters / 2]);
        Ok(made)
    }

    /// The public id, 0 to 16 bytes: it says which key, and is no secret.
    pub fn public_id(&self) -> &[u8] {
        &self.public_id
    }

    /// Letters that were typed.
    pub const fn len(&self) -> usize {
        2 * (self.public_id.len() + BLOCK_BYTES)
    }

    /// Never true: there is always a block.
    pub const fn is_empty(&self) -> bool {
        false
    }
}

impl ConstantTimeEq for YubicoOtp {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.public_id.ct_eq(&other.public_id) & self.block.ct_eq(&other.block)
    }
}

impl fmt::Debug for YubicoOtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YubicoOtp")
    }
}

/// The secret of a key: its AES-128 key, and the private id that each block must hold. Never printed, wiped when
/// dropped.
pub struct YubicoKey(Zeroizing<[u8; Self::BYTES]>);

impl YubicoKey {
    /// Bytes of both together, the key first: so they are kept as one secret.
    pub const BYTES: usize = KEY_BYTES + PRIVATE_ID_BYTES;

    /// Takes key and private id as they are kept; `None` when there are not as many bytes.
    pub fn from_kept(kept: &Seed) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        (kept.len() == Self::BYTES).then(|| {
            bytes.copy_from_slice(kept.expose());
            Self(bytes)
        })
    }

    fn cipher(&self) -> Aes128 {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        key.copy_from_slice(&self.0[..KEY_BYTES]);
        Aes128::new((&*key).into())
    }

    /// Decrypts the block of a code and checks it. `None`: another key's, a typing error, or another private id.
    pub fn open(&self, otp: &YubicoOtp) -> Option<YubicoPlain> {
        let mut plain = Zeroizing::new(otp.block);
        self.cipher().decrypt_block((&mut *plain).into());
        let is_whole = crc(&*plain).ct_eq(&CRC_RESIDUE);
        let is_its = plain[..PRIVATE_ID_BYTES].ct_eq(&self.0[KEY_BYTES..]);
        let number = |low: usize| u16::from_le_bytes([plain[low], plain[low + 1]]);
        bool::from(is_whole & is_its).then(|| YubicoPlain {
            use_counter: number(6),
            timestamp: u32::from(plain[10]) << 16 | u32::from(number(8)),
            session_counter: plain[11],
        })
    }

    /// What the key types at a position, for a stand-in; `noise` is the random number that goes into the block.
    pub fn typed(&self, public_id: &YubicoPublicId, at: &YubicoPlain, noise: u16) -> Zeroizing<String> {
        let mut block = Zeroizing::new([0; BLOCK_BYTES]);
        block[..PRIVATE_ID_BYTES].copy_from_slice(&self.0[KEY_BYTES..]);
        block[6..8].copy_from_slice(&at.use_counter.to_le_bytes());
        block[8..11].copy_from_slice(&at.timestamp.to_le_bytes()[..3]);
        block[11] = at.session_counter;
        block[12..14].copy_from_slice(&noise.to_le_bytes());
        let sum = !crc(&block[..14]);
        block[14..].copy_from_slice(&sum.to_le_bytes());
        self.cipher().encrypt_block((&mut *block).into());
        let mut text = Zeroizing::new(String::with_capacity(2 * (public_id.0.len() + BLOCK_BYTES)));
        push_modhex(&mut text, &public_id.0);
        push_modhex(&mut text, &*block);
        text
    }
}

impl fmt::Debug for YubicoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YubicoKey")
    }
}

/// What a block says of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct YubicoPlain {
    /// Rises with the first code after the key was plugged in; 15 bits, sticks at 0x7fff.
    pub use_counter: u16,
    /// Eighths of a second since a random start at power-up.
    pub timestamp: u32,
    /// Rises with each code, 0 after power-up; on overflow the use counter rises.
    pub session_counter: u8,
}

impl YubicoPlain {
    /// Both counters as one position: each code has a higher one than all before it, and one that is not above
    /// the last accepted is a replay.
    pub const fn position(&self) -> MovingFactor {
        MovingFactor((self.use_counter as u64) << 8 | self.session_counter as u64)
    }

    /// Both counters of a position, for a stand-in; `None` beyond the last one.
    pub fn at(position: MovingFactor, timestamp: u32) -> Option<Self> {
        let use_counter = u16::try_from(position.0 >> 8).ok().filter(|counter| *counter <= MOST_USES)?;
        let [session_counter, ..] = position.0.to_le_bytes();
        Some(Self { use_counter, timestamp, session_counter })
    }
}

/// CRC-16, start 0xffff, reflected polynomial 0x8408.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Vectors {
        rows: Vec<Row>,
    }

    #[derive(Deserialize)]
    struct Row {
        source: String,
        key_hex: String,
        otp: String,
        public_id_hex: String,
        private_id_hex: String,
        use_counter: u16,
        timestamp: u32,
        session_counter: u8,
    }

    fn rows() -> Vec<Row> {
        let text = include_str!("../../../tests/data/vectors/yubico.json");
        serde_json::from_str::<Vectors>(text).expect("the vector file is well formed").rows
    }

    fn bytes(hex: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal digits")
    }

    fn key_of(key: Vec<u8>, private_id: &[u8]) -> YubicoKey {
        let mut kept = key;
        kept.extend_from_slice(private_id);
        YubicoKey::from_kept(&Seed::new(kept)).expect("22 bytes")
    }

    fn key(row: &Row) -> YubicoKey {
        key_of(bytes(&row.key_hex), &bytes(&row.private_id_hex))
    }

    #[test]
    fn all_vectors_say_their_counters() {
        let rows = rows();
        assert_eq!(rows.len(), 5);
        for row in rows {
            for text in [row.otp.clone(), row.otp.to_uppercase(), format!(" {}\n", row.otp)] {
                let otp = YubicoOtp::parse(&text).expect("a code");
                assert_eq!(otp.public_id(), bytes(&row.public_id_hex), "{}", row.source);
                let plain = key(&row).open(&otp).expect("its key");
                let said = (plain.use_counter, plain.timestamp, plain.session_counter);
                assert_eq!(said, (row.use_counter, row.timestamp, row.session_counter), "{}", row.source);
            }
        }
    }

    #[test]
    fn another_key_private_id_or_letter_opens_nothing() {
        let row = &rows()[0];
        let otp = YubicoOtp::parse(&row.otp).expect("a code");
        let mut other = bytes(&row.key_hex);
        other[0] ^= 1;
        assert_eq!(key_of(other, &bytes(&row.private_id_hex)).open(&otp), None);
        assert_eq!(key_of(bytes(&row.key_hex), &[0; 6]).open(&otp), None);
        assert!(YubicoKey::from_kept(&Seed::new(bytes(&row.key_hex))).is_none());
        let key = key(row);
        for at in row.otp.len() - 2 * BLOCK_BYTES..row.otp.len() {
            let letter = if row.otp.as_bytes()[at] == b'c' { "b" } else { "c" };
            let mut text = row.otp.clone();
            text.replace_range(at..=at, letter);
            let otp = YubicoOtp::parse(&text).expect("modhex");
            assert_eq!(key.open(&otp), None, "{at}");
        }
    }

    #[test]
    fn positions_rise_with_each_code() {
        let at = |use_counter, session_counter| {
            YubicoPlain { use_counter, timestamp: 0, session_counter }.position()
        };
        let order = [at(1, 0), at(1, 1), at(1, 255), at(2, 0), at(0x7fff, 255)];
        assert!(order.is_sorted_by(|a, b| a < b));
        assert_eq!(YubicoPlain::at(at(5, 2), 7).map(|plain| plain.position()), Some(at(5, 2)));
        assert_eq!(YubicoPlain::at(at(0x7fff, 255).next(), 0), None);
    }

    #[test]
    fn a_stand_in_types_what_its_key_opens() {
        let row = &rows()[0];
        let (key, public_id) = (key(row), YubicoPublicId::parse("vvccllbbddee").expect("modhex"));
        let plain = YubicoPlain { use_counter: 5, timestamp: 0x0056_1234, session_counter: 2 };
        let text = key.typed(&public_id, &plain, 0x9fc8);
        assert!(text.starts_with("vvccllbbddee") && text.len() == 44);
        let otp = YubicoOtp::parse(&text).expect("a code");
        assert_eq!((otp.public_id(), key.open(&otp)), (public_id.as_bytes(), Some(plain)));
        assert_eq!(public_id.to_string(), "vvccllbbddee");
        assert_eq!(YubicoPublicId::parse("vvc"), Err(YubicoOtpError::PublicId(3)));
        assert_eq!(YubicoPublicId::parse("vvca"), Err(YubicoOtpError::Letter { position: 4 }));
        assert!(YubicoPublicId::parse("").is_ok_and(|none| none.is_empty()));
    }

    #[test]
    fn what_no_key_types_is_refused() {
        let refused = |text: &str| YubicoOtp::parse(text).expect_err("refused");
        assert_eq!(refused(""), YubicoOtpError::Length(0));
        assert_eq!(refused(&"c".repeat(31)), YubicoOtpError::Length(31));
        assert_eq!(refused(&"c".repeat(33)), YubicoOtpError::Length(33));
        assert_eq!(refused(&"c".repeat(66)), YubicoOtpError::Length(66));
        assert_eq!(refused(&format!("{}a", "c".repeat(31))), YubicoOtpError::Letter { position: 32 });
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,70}") {
            let _ = YubicoOtp::parse(&text);
        }
    }

    #[test]
    fn nothing_secret_is_printed() {
        let otp = YubicoOtp::parse(&rows()[0].otp).expect("a code");
        assert_eq!(format!("{otp:?} {:?}", key(&rows()[0])), "YubicoOtp YubicoKey");
    }
}
