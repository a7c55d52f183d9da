//! What is stored of keys and sealed secrets.

use serde::{Deserialize, Serialize};

use super::DataKeyId;

/// A seed as it lies in the store: AES-256-GCM under a data key, bound to store, token and seed version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSeed {
    /// The data key it is sealed under.
    pub data_key: DataKeyId,
    /// Nonce, 12 bytes, unique under the data key.
    pub nonce: [u8; 12],
    /// Ciphertext and tag (16 bytes longer than the seed).
    pub ciphertext: Vec<u8>,
}

impl SealedSeed {
    /// Bytes of the authentication tag.
    const TAG: usize = 16;

    /// Length of what is sealed.
    pub const fn secret_bytes(&self) -> usize {
        self.ciphertext.len().saturating_sub(Self::TAG)
    }
}

/// 16 bytes of a keyed hash of a secret: equal secrets are found without opening anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Fingerprint(pub [u8; 16]);

/// Where the key that wraps another comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WrapMode {
    /// The root key lies in a file beside the store.
    RootFile,
    /// Derived from a passphrase by Argon2id with this salt and cost (KiB, passes, lanes).
    Passphrase {
        /// 16 random bytes.
        salt: [u8; 16],
        /// Memory in KiB.
        memory_kib: u32,
        /// Passes over the memory.
        passes: u32,
        /// Parallel lanes.
        lanes: u32,
    },
    /// A systemd credential of this name.
    SystemdCredential(String),
    /// A key object in a PKCS#11 token.
    Pkcs11(String),
    /// The store key.
    StoreKey,
}

/// A key wrapped with AES-256-GCM under another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// What wraps it.
    pub mode: WrapMode,
    /// Random nonce, 12 bytes.
    pub nonce: [u8; 12],
    /// Ciphertext and tag.
    pub ciphertext: Vec<u8>,
}
