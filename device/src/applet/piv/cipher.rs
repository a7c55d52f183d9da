//! The management key: 3DES or AES, one block at a time.

use std::fmt;

use aes::cipher::{Array, BlockCipherDecrypt, BlockCipherEncrypt, BlockSizeUser, KeyInit};
use zeroize::Zeroizing;

use super::PivError;

/// Keys are delivered with this one, whether it is used for 3DES (before 5.7.0) or for AES-192.
const FACTORY: [u8; 24] = [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8];

/// Its algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManagementKeyKind {
    /// 3DES with three keys.
    Tdes,
    /// AES-128.
    Aes128,
    /// AES-192.
    Aes192,
    /// AES-256.
    Aes256,
}

impl ManagementKeyKind {
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Tdes => 0x03,
            Self::Aes128 => 0x08,
            Self::Aes192 => 0x0a,
            Self::Aes256 => 0x0c,
        }
    }

    pub(crate) fn of_number(number: u8) -> Option<Self> {
        [Self::Tdes, Self::Aes128, Self::Aes192, Self::Aes256]
            .into_iter()
            .find(|kind| kind.number() == number)
    }

    /// Length of a key, in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Aes128 => 16,
            Self::Tdes | Self::Aes192 => 24,
            Self::Aes256 => 32,
        }
    }

    /// Length of a block, in bytes.
    pub(crate) const fn block(self) -> usize {
        match self {
            Self::Tdes => 8,
            _ => 16,
        }
    }
}

impl fmt::Display for ManagementKeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tdes => "3DES",
            Self::Aes128 => "AES-128",
            Self::Aes192 => "AES-192",
            Self::Aes256 => "AES-256",
        })
    }
}

/// Who knows it may generate and remove keys.
pub struct ManagementKey(Zeroizing<Vec<u8>>);

impl ManagementKey {
    /// From its bytes; that they are as many as its algorithm asks for is seen when it is used.
    pub const fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    pub(crate) fn factory() -> Self {
        Self(Zeroizing::new(FACTORY.to_vec()))
    }

    pub(crate) fn cipher(&self, kind: ManagementKeyKind) -> Result<BlockCipher, PivError> {
        let length = |_| PivError::ManagementKeyLength { kind, given: self.0.len() };
        Ok(match kind {
            ManagementKeyKind::Tdes => {
                BlockCipher::Tdes(Box::new(des::TdesEde3::new_from_slice(&self.0).map_err(length)?))
            }
            ManagementKeyKind::Aes128 => {
                BlockCipher::Aes128(Box::new(aes::Aes128::new_from_slice(&self.0).map_err(length)?))
            }
            ManagementKeyKind::Aes192 => {
                BlockCipher::Aes192(Box::new(aes::Aes192::new_from_slice(&self.0).map_err(length)?))
            }
            ManagementKeyKind::Aes256 => {
                BlockCipher::Aes256(Box::new(aes::Aes256::new_from_slice(&self.0).map_err(length)?))
            }
        })
    }
}

impl fmt::Debug for ManagementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManagementKey({} bytes)", self.0.len())
    }
}

/// One block in, one block out.
pub(crate) enum BlockCipher {
    Tdes(Box<des::TdesEde3>),
    Aes128(Box<aes::Aes128>),
    Aes192(Box<aes::Aes192>),
    Aes256(Box<aes::Aes256>),
}

impl BlockCipher {
    /// Encrypts in place what has the length of a block; other lengths are left as they are.
    pub(crate) fn encrypt(&self, block: &mut [u8]) {
        fn one<C: BlockCipherEncrypt>(cipher: &C, block: &mut [u8]) {
            if let Ok(block) = <&mut Array<u8, <C as BlockSizeUser>::BlockSize>>::try_from(block) {
                cipher.encrypt_block(block);
            }
        }
        match self {
            Self::Tdes(cipher) => one(&**cipher, block),
            Self::Aes128(cipher) => one(&**cipher, block),
            Self::Aes192(cipher) => one(&**cipher, block),
            Self::Aes256(cipher) => one(&**cipher, block),
        }
    }

    /// The way back.
    pub(crate) fn decrypt(&self, block: &mut [u8]) {
        fn one<C: BlockCipherDecrypt>(cipher: &C, block: &mut [u8]) {
            if let Ok(block) = <&mut Array<u8, <C as BlockSizeUser>::BlockSize>>::try_from(block) {
                cipher.decrypt_block(block);
            }
        }
        match self {
            Self::Tdes(cipher) => one(&**cipher, block),
            Self::Aes128(cipher) => one(&**cipher, block),
            Self::Aes192(cipher) => one(&**cipher, block),
            Self::Aes256(cipher) => one(&**cipher, block),
        }
    }
}
