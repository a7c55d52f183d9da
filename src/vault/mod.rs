//! Seals secrets for the store and opens them again; owns every key of the product.
//!
//! Root key (file) → store key → one key for each purpose, and data keys that are made afresh at each
//! start and for each import. A data key seals with a nonce counter that lives in memory only and is
//! never used for sealing after a restart, so no nonce can repeat, whatever is restored or cloned.
//! The module knows no store: wrapped keys are handed in and out.

#![expect(clippy::disallowed_methods, reason = "this module computes with seeds, passwords and keys")]

mod data_key;
mod password;
mod root;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hmac;
use ring::rand::{SecureRandom, SystemRandom};
use thiserror::Error;
use zeroize::Zeroizing;

use crate::model::{
    Application, DataKeyId, Fingerprint, MailId, RunItemId, SealedSeed, SeedVersion, SubscriptionId, TokenId,
    WrapMode, WrappedKey,
};
use crate::secret::{BearerToken, Seed};

pub use data_key::DataKey;
pub use password::{MOST_PASSWORD_CHARS, PasswordRule, check_new_password, hash_password, verify_password};
pub use root::RootKey;

const KEY_BYTES: usize = 32;

/// A key or a sealed value cannot be used.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The system gives no random bytes.
    #[error("the system's random generator does not answer")]
    NoRandomness,
    /// A wrapped key or sealed value does not open: wrong key, or changed bytes.
    #[error("the {what} does not open: wrong root key or damaged record")]
    DoesNotOpen {
        /// What should have been opened.
        what: &'static str,
    },
    /// The data key that a value was sealed under is not there.
    #[error("data key {} is missing", .0.0)]
    DataKeyMissing(DataKeyId),
    /// The data key has sealed as much as one key may.
    #[error("the data key is used up")]
    DataKeySpent,
    /// The root key file cannot be read or written.
    #[error("root key file: {reason}")]
    RootKeyFile {
        /// What is wrong and what to do.
        reason: String,
    },
    /// The stored password hash cannot be read.
    #[error("a stored password hash cannot be read")]
    PasswordHash,
    /// The way this key is wrapped is not supported here.
    #[error("the store key is wrapped in a way that this program does not support")]
    WrapMode,
}

/// What a sealed value belongs to; bound into the seal, so that it opens nowhere else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealContext {
    /// The secret of a token.
    Seed(TokenId, SeedVersion),
    /// The text of a mail.
    Mail(MailId),
    /// The secret of a token that a session is setting up.
    Draft([u8; 32]),
    /// What requests to a webhook are signed with.
    Webhook(SubscriptionId),
    /// The hash of a PIN that goes into a token's responses.
    PinHash(TokenId),
    /// Data of the session that a challenge of a token was made for.
    SessionData(TokenId),
    /// The secret of a device in a programming run, while it is not certain that the device holds it.
    RunItem(RunItemId),
    /// What opens an application of the device whose serial number has this SHA-256.
    DeviceKey(Application, [u8; 32]),
}

/// The keys of a store, as they lie in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKeys {
    /// The store key, under the root key.
    pub store: WrappedKey,
    /// The key of secrets' fingerprints, under the store key.
    pub fingerprint: WrappedKey,
    /// The key of the audit log's MAC, under the store key.
    pub audit: WrappedKey,
    /// The key of keyed hashes, under the store key.
    pub hash: WrappedKey,
}

/// An unsealed vault.
pub struct Vault {
    store_id: [u8; 16],
    store_key: LessSafeKey,
    fingerprint_key: hmac::Key,
    audit_key: hmac::Key,
    hash_key: hmac::Key,
    opened: RwLock<HashMap<DataKeyId, Arc<LessSafeKey>>>,
    random: SystemRandom,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault")
    }
}

/// `n` random bytes from the system.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], VaultError> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| VaultError::NoRandomness)?;
    Ok(bytes)
}

/// A random secret of so many bytes.
pub fn random_seed(bytes: usize) -> Result<Seed, VaultError> {
    Seed::from_fn(bytes, |all| SystemRandom::new().fill(all).map_err(|_| VaultError::NoRandomness))
}

/// A random value of 160 bits in base32 that works as a session id or API key.
pub fn bearer_token() -> Result<BearerToken, VaultError> {
    let raw = Zeroizing::new(random_bytes::<20>()?);
    let mut text = Zeroizing::new(vec![0; data_encoding::BASE32_NOPAD.encode_len(raw.len())]);
    data_encoding::BASE32_NOPAD.encode_mut(raw.as_slice(), &mut text);
    text.make_ascii_lowercase();
    Ok(BearerToken::new(std::mem::take(&mut text)))
}

/// SHA-256 of a bearer token: what is stored instead of it.
pub fn bearer_hash(token: &BearerToken) -> [u8; 32] {
    let digest = ring::digest::digest(&ring::digest::SHA256, token.expose());
    let mut out = [0; 32];
    out.copy_from_slice(digest.as_ref());
    out
}

fn aead_key(bytes: &[u8]) -> Result<LessSafeKey, VaultError> {
    UnboundKey::new(&AES_256_GCM, bytes)
        .map(LessSafeKey::new)
        .map_err(|_| VaultError::DoesNotOpen { what: "key" })
}

fn wrap(
    random: &SystemRandom,
    under: &LessSafeKey,
    mode: WrapMode,
    label: &[u8],
    key: &[u8],
) -> Result<WrappedKey, VaultError> {
    let mut nonce = [0; 12];
    random.fill(&mut nonce).map_err(|_| VaultError::NoRandomness)?;
    let mut ciphertext = key.to_vec();
    under
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(label), &mut ciphertext)
        .map_err(|_| VaultError::DoesNotOpen { what: "key" })?;
    Ok(WrappedKey { mode, nonce, ciphertext })
}

fn unwrap(
    under: &LessSafeKey,
    label: &[u8],
    wrapped: &WrappedKey,
    what: &'static str,
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let mut bytes = Zeroizing::new(wrapped.ciphertext.clone());
    let len = under
        .open_in_place(Nonce::assume_unique_for_key(wrapped.nonce), Aad::from(label), &mut bytes)
        .map_err(|_| VaultError::DoesNotOpen { what })?
        .len();
    bytes.truncate(len);
    Ok(bytes)
}

fn label(store_id: &[u8; 16], purpose: &str) -> Vec<u8> {
    let mut text = store_id.to_vec();
    text.extend_from_slice(purpose.as_bytes());
    text
}

impl Vault {
    /// Makes the keys of a new store. The wrapped ones go into the store with its first change.
    pub fn create(root: &RootKey, store_id: [u8; 16]) -> Result<(Self, WrappedKeys), VaultError> {
        let random = SystemRandom::new();
        let fresh = || -> Result<Zeroizing<[u8; KEY_BYTES]>, VaultError> {
            let mut key = Zeroizing::new([0; KEY_BYTES]);
            random.fill(key.as_mut()).map_err(|_| VaultError::NoRandomness)?;
            Ok(key)
        };
        let store = fresh()?;
        let store_key = aead_key(store.as_ref())?;
        let (fingerprint, audit, hash) = (fresh()?, fresh()?, fresh()?);
        let under_store = |purpose: &str, key: &[u8; KEY_BYTES]| {
            wrap(&random, &store_key, WrapMode::StoreKey, &label(&store_id, purpose), key)
        };
        let wrapped = WrappedKeys {
            store: wrap(
                &random,
                &aead_key(root.expose())?,
                root.mode(),
                &label(&store_id, "store"),
                store.as_ref(),
            )?,
            fingerprint: under_store("fingerprint", &fingerprint)?,
            audit: under_store("audit", &audit)?,
            hash: under_store("hash", &hash)?,
        };
        let vault = Self {
            store_id,
            store_key,
            fingerprint_key: hmac::Key::new(hmac::HMAC_SHA256, fingerprint.as_ref()),
            audit_key: hmac::Key::new(hmac::HMAC_SHA256, audit.as_ref()),
            hash_key: hmac::Key::new(hmac::HMAC_SHA256, hash.as_ref()),
            opened: RwLock::new(HashMap::new()),
            random,
        };
        Ok((vault, wrapped))
    }

    /// Opens the keys of a store with its root key.
    pub fn unseal(root: &RootKey, store_id: [u8; 16], wrapped: &WrappedKeys) -> Result<Self, VaultError> {
        if wrapped.store.mode != root.mode() {
            return Err(VaultError::WrapMode);
        }
        let store =
            unwrap(&aead_key(root.expose())?, &label(&store_id, "store"), &wrapped.store, "store key")?;
        let store_key = aead_key(&store)?;
        let open = |purpose: &'static str, key: &WrappedKey| {
            unwrap(&store_key, &label(&store_id, purpose), key, purpose)
                .map(|bytes| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
        };
        let (fingerprint_key, audit_key, hash_key) = (
            open("fingerprint", &wrapped.fingerprint)?,
            open("audit", &wrapped.audit)?,
            open("hash", &wrapped.hash)?,
        );
        Ok(Self {
            store_id,
            store_key,
            fingerprint_key,
            audit_key,
            hash_key,
            opened: RwLock::new(HashMap::new()),
            random: SystemRandom::new(),
        })
    }

    /// A fresh data key and its wrapped form, which must be stored before anything sealed under it is.
    pub fn new_data_key(&self, id: DataKeyId) -> Result<(DataKey, WrappedKey), VaultError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        self.random.fill(bytes.as_mut()).map_err(|_| VaultError::NoRandomness)?;
        let purpose = format!("data {}", id.0);
        let wrapped = wrap(
            &self.random,
            &self.store_key,
            WrapMode::StoreKey,
            &label(&self.store_id, &purpose),
            bytes.as_ref(),
        )?;
        let key = Arc::new(aead_key(bytes.as_ref())?);
        self.opened_mut().insert(id, Arc::clone(&key));
        Ok((DataKey::new(id, self.store_id, key), wrapped))
    }

    /// Opens a sealed seed. `data_key` is asked for the wrapped key when it was not opened before.
    pub fn open_seed(
        &self,
        sealed: &SealedSeed,
        context: SealContext,
        data_key: impl FnOnce(DataKeyId) -> Option<WrappedKey>,
    ) -> Result<Seed, VaultError> {
        let key = self.data_key(sealed.data_key, data_key)?;
        let aad = data_key::associated_data(&self.store_id, context);
        let mut bytes = Zeroizing::new(sealed.ciphertext.clone());
        let len = key
            .open_in_place(Nonce::assume_unique_for_key(sealed.nonce), Aad::from(&aad), &mut bytes)
            .map_err(|_| VaultError::DoesNotOpen { what: "sealed value" })?
            .len();
        bytes.truncate(len);
        Ok(Seed::new(std::mem::take(&mut bytes)))
    }

    /// Opens a sealed text; bytes that are not UTF-8 count as damage.
    pub fn open_text(
        &self,
        sealed: &SealedSeed,
        context: SealContext,
        data_key: impl FnOnce(DataKeyId) -> Option<WrappedKey>,
    ) -> Result<Zeroizing<String>, VaultError> {
        let bytes = self.open_seed(sealed, context, data_key)?;
        std::str::from_utf8(bytes.expose())
            .map(|text| Zeroizing::new(text.to_owned()))
            .map_err(|_| VaultError::DoesNotOpen { what: "sealed text" })
    }

    /// True when the data key was opened before, so that nobody needs to fetch it.
    pub fn knows_data_key(&self, id: DataKeyId) -> bool {
        self.opened.read().unwrap_or_else(std::sync::PoisonError::into_inner).contains_key(&id)
    }

    fn data_key(
        &self,
        id: DataKeyId,
        stored: impl FnOnce(DataKeyId) -> Option<WrappedKey>,
    ) -> Result<Arc<LessSafeKey>, VaultError> {
        let known =
            self.opened.read().unwrap_or_else(std::sync::PoisonError::into_inner).get(&id).map(Arc::clone);
        if let Some(key) = known {
            return Ok(key);
        }
        let wrapped = stored(id).ok_or(VaultError::DataKeyMissing(id))?;
        let purpose = format!("data {}", id.0);
        let bytes = unwrap(&self.store_key, &label(&self.store_id, &purpose), &wrapped, "data key")?;
        let key = Arc::new(aead_key(&bytes)?);
        self.opened_mut().insert(id, Arc::clone(&key));
        Ok(key)
    }

    fn opened_mut(&self) -> std::sync::RwLockWriteGuard<'_, HashMap<DataKeyId, Arc<LessSafeKey>>> {
        self.opened.write().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Keyed hash of a secret, for finding equal ones without opening anything.
    pub fn fingerprint(&self, seed: &Seed) -> Fingerprint {
        let tag = hmac::sign(&self.fingerprint_key, seed.expose());
        let mut out = [0; 16];
        out.copy_from_slice(&tag.as_ref()[..16]);
        Fingerprint(out)
    }

    /// MAC of an audit record.
    pub fn audit_mac(&self, bytes: &[u8]) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(hmac::sign(&self.audit_key, bytes).as_ref());
        out
    }

    /// Keyed hash of a value for one purpose: typed logins, mailed codes.
    pub fn keyed_hash(&self, purpose: &str, value: &[u8]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.hash_key);
        context.update(&[u8::try_from(purpose.len()).unwrap_or(u8::MAX)]);
        context.update(purpose.as_bytes());
        context.update(value);
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORE: [u8; 16] = [7; 16];

    fn seed() -> Seed {
        Seed::new(b"a test seed of 20 b.".to_vec())
    }

    #[test]
    fn a_sealed_seed_opens_only_where_it_belongs() {
        let root = RootKey::generate().expect("random");
        let (vault, wrapped) = Vault::create(&root, STORE).expect("keys");
        let (key, stored) = vault.new_data_key(DataKeyId(1)).expect("key");
        let context = SealContext::Seed(TokenId(5), SeedVersion::FIRST);
        let sealed = key.seal(&seed(), context).expect("fresh key");

        let later = Vault::unseal(&root, STORE, &wrapped).expect("right root key");
        let opened = later.open_seed(&sealed, context, |_| Some(stored.clone())).expect("right context");
        assert!(opened.ct_eq(&seed()));

        for wrong in [
            SealContext::Seed(TokenId(6), SeedVersion::FIRST),
            SealContext::Seed(TokenId(5), SeedVersion(2)),
            SealContext::Mail(MailId(5)),
        ] {
            assert!(later.open_seed(&sealed, wrong, |_| Some(stored.clone())).is_err());
        }
        let mut flipped = sealed.clone();
        flipped.ciphertext[0] ^= 1;
        assert!(later.open_seed(&flipped, context, |_| Some(stored.clone())).is_err());
    }

    #[test]
    fn another_root_key_or_store_does_not_unseal() {
        let root = RootKey::generate().expect("random");
        let (_, wrapped) = Vault::create(&root, STORE).expect("keys");
        assert!(Vault::unseal(&RootKey::generate().expect("random"), STORE, &wrapped).is_err());
        assert!(Vault::unseal(&root, [8; 16], &wrapped).is_err());
    }

    #[test]
    fn nonces_never_repeat_and_a_key_is_used_up() {
        let root = RootKey::generate().expect("random");
        let (vault, _) = Vault::create(&root, STORE).expect("keys");
        let (key, _) = vault.new_data_key(DataKeyId(1)).expect("key");
        let context = SealContext::Seed(TokenId(1), SeedVersion::FIRST);
        let first = key.seal(&seed(), context).expect("fresh key");
        let second = key.seal(&seed(), context).expect("fresh key");
        assert_ne!(first.nonce, second.nonce);
        key.spend_all();
        assert!(matches!(key.seal(&seed(), context), Err(VaultError::DataKeySpent)));
    }

    #[test]
    fn fingerprints_survive_a_restart_and_differ_by_store() {
        let root = RootKey::generate().expect("random");
        let (vault, wrapped) = Vault::create(&root, STORE).expect("keys");
        let later = Vault::unseal(&root, STORE, &wrapped).expect("right root key");
        assert_eq!(vault.fingerprint(&seed()), later.fingerprint(&seed()));
        let (other, _) = Vault::create(&root, [8; 16]).expect("keys");
        assert_ne!(vault.fingerprint(&seed()), other.fingerprint(&seed()));
    }
}
