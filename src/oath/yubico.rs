//! Yubico OTP: an encrypted block with counters, typed by the key itself in modhex.
//!
//! There is nothing to search and nothing that drifts: the block says its position, which must rise. The last
//! accepted one is kept by the callers.

#![expect(clippy::disallowed_methods, reason = "the block is decrypted here")]

use std::fmt;

use aes::Aes128;
use aes::cipher::{BlockCipherDecrypt, KeyInit};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::MovingFactor;
use crate::secret::Seed;

/// Sixteen letters that lie at the same place of most keyboards stand for the hexadecimal digits.
const MODHEX: &[u8; 16] = b"cbdefghijklnrtuv";
const BLOCK_BYTES: usize = 16;
const MOST_PUBLIC_BYTES: usize = 16;
/// What the checksum of a whole block leaves.
const CRC_RESIDUE: u16 = 0xf0b8;

/// A text that no key has typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum YubicoOtpError {
    /// 32 letters of the block, up to 32 of the public id before them, two for each byte.
    #[error("{0} letters were typed, a code has 32 to 64, an even number")]
    Length(usize),
    /// A character that is not modhex, such as one of another keyboard layout.
    #[error("character {position} is not one that a key types: is the keyboard layout another one?")]
    Letter {
        /// Which, counted from 1.
        position: usize,
    },
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
            let nibble = MODHEX.iter().position(|letter| char::from(*letter) == c.to_ascii_lowercase());
            let nibble = nibble.and_then(|at| u8::try_from(at).ok());
            let nibble = nibble.ok_or(YubicoOtpError::Letter { position: index + 1 })?;
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

    /// Decrypts the block with the key's AES-128 key and checks it. `None`: another key's, a typing error, or
    /// another private id; a key of another length opens nothing.
    pub fn open(&self, key: &Seed, private_id: &[u8; 6]) -> Option<YubicoPlain> {
        let cipher = Aes128::new_from_slice(key.expose()).ok()?;
        let mut plain = Zeroizing::new(self.block);
        cipher.decrypt_block((&mut *plain).into());
        let is_whole = crc(&*plain).ct_eq(&CRC_RESIDUE);
        let is_its = plain[..6].ct_eq(private_id);
        let number = |low: usize| u16::from_le_bytes([plain[low], plain[low + 1]]);
        bool::from(is_whole & is_its).then(|| YubicoPlain {
            use_counter: number(6),
            timestamp: u32::from(plain[10]) << 16 | u32::from(number(8)),
            session_counter: plain[11],
        })
    }
}

impl fmt::Debug for YubicoOtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YubicoOtp")
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
        let text = include_str!("../../tests/data/vectors/yubico.json");
        serde_json::from_str::<Vectors>(text).expect("the vector file is well formed").rows
    }

    fn bytes(hex: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(hex.as_bytes()).expect("hexadecimal digits")
    }

    fn private_id(row: &Row) -> [u8; 6] {
        bytes(&row.private_id_hex).try_into().expect("six bytes")
    }

    #[test]
    fn all_vectors_say_their_counters() {
        let rows = rows();
        assert_eq!(rows.len(), 5);
        for row in rows {
            for text in [row.otp.clone(), row.otp.to_uppercase(), format!(" {}\n", row.otp)] {
                let otp = YubicoOtp::parse(&text).expect("a code");
                assert_eq!(otp.public_id(), bytes(&row.public_id_hex), "{}", row.source);
                let plain = otp.open(&Seed::new(bytes(&row.key_hex)), &private_id(&row)).expect("its key");
                let said = (plain.use_counter, plain.timestamp, plain.session_counter);
                assert_eq!(said, (row.use_counter, row.timestamp, row.session_counter), "{}", row.source);
            }
        }
    }

    #[test]
    fn another_key_private_id_or_letter_opens_nothing() {
        let row = &rows()[0];
        let otp = YubicoOtp::parse(&row.otp).expect("a code");
        let key = bytes(&row.key_hex);
        let mut other = key.clone();
        other[0] ^= 1;
        assert_eq!(otp.open(&Seed::new(other), &private_id(row)), None);
        assert_eq!(otp.open(&Seed::new(key[..15].to_vec()), &private_id(row)), None);
        assert_eq!(otp.open(&Seed::new(key.clone()), &[0; 6]), None);
        for at in row.otp.len() - 2 * BLOCK_BYTES..row.otp.len() {
            let letter = if row.otp.as_bytes()[at] == b'c' { "b" } else { "c" };
            let mut text = row.otp.clone();
            text.replace_range(at..=at, letter);
            let otp = YubicoOtp::parse(&text).expect("modhex");
            assert_eq!(otp.open(&Seed::new(key.clone()), &private_id(row)), None, "{at}");
        }
    }

    #[test]
    fn positions_rise_with_each_code() {
        let at = |use_counter, session_counter| {
            YubicoPlain { use_counter, timestamp: 0, session_counter }.position()
        };
        let order = [at(1, 0), at(1, 1), at(1, 255), at(2, 0), at(0x7fff, 255)];
        assert!(order.is_sorted_by(|a, b| a < b));
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
        assert_eq!(format!("{otp:?}"), "YubicoOtp");
    }
}
