//! Keys that seal seeds: random, short-lived, counted.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ring::aead::{Aad, LessSafeKey, Nonce};

use super::{SealContext, VaultError};
use crate::model::{DataKeyId, SealedSeed};
use crate::secret::Seed;

/// The most values one key seals.
const MAX_SEALS: u64 = 1 << 20;

/// A key that seals values until it is used up or the process ends.
pub struct DataKey {
    id: DataKeyId,
    store_id: [u8; 16],
    key: Arc<LessSafeKey>,
    sealed: AtomicU64,
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DataKey({})", self.id.0)
    }
}

/// What is bound into a seal: store, table, record, version.
pub(super) fn associated_data(store_id: &[u8; 16], context: SealContext) -> Vec<u8> {
    let mut aad = store_id.to_vec();
    match context {
        SealContext::Seed(token, version) => {
            aad.extend_from_slice(b"seed");
            aad.extend_from_slice(&token.0.to_be_bytes());
            aad.extend_from_slice(&version.0.to_be_bytes());
        }
        SealContext::Mail(mail) => {
            aad.extend_from_slice(b"mail");
            aad.extend_from_slice(&mail.0.to_be_bytes());
        }
        SealContext::Draft(session) => {
            aad.extend_from_slice(b"draft");
            aad.extend_from_slice(&session);
        }
        SealContext::Webhook(subscription) => {
            aad.extend_from_slice(b"webhook");
            aad.extend_from_slice(&subscription.0.to_be_bytes());
        }
        SealContext::PinHash(token) => {
            aad.extend_from_slice(b"pin hash");
            aad.extend_from_slice(&token.0.to_be_bytes());
        }
        SealContext::SessionData(token) => {
            aad.extend_from_slice(b"session data");
            aad.extend_from_slice(&token.0.to_be_bytes());
        }
        SealContext::RunItem(item) => {
            aad.extend_from_slice(b"run item");
            aad.extend_from_slice(&item.run.0.to_be_bytes());
            aad.extend_from_slice(&item.n.to_be_bytes());
        }
        SealContext::DeviceKey(application, device) => {
            aad.extend_from_slice(b"device key");
            aad.extend_from_slice(application.name().as_bytes());
            aad.extend_from_slice(&[application.slot().unwrap_or_default()]);
            aad.extend_from_slice(&device);
        }
    }
    aad
}

impl DataKey {
    pub(super) const fn new(id: DataKeyId, store_id: [u8; 16], key: Arc<LessSafeKey>) -> Self {
        Self { id, store_id, key, sealed: AtomicU64::new(0) }
    }

    /// Its number in the store.
    pub const fn id(&self) -> DataKeyId {
        self.id
    }

    /// How many more values it seals.
    pub fn remaining(&self) -> u64 {
        MAX_SEALS.saturating_sub(self.sealed.load(Ordering::Relaxed))
    }

    /// Seals a secret for one place.
    ///
    /// # Errors
    /// `DataKeySpent` after 2^20 values: make another key.
    pub fn seal(&self, secret: &Seed, context: SealContext) -> Result<SealedSeed, VaultError> {
        let count = self.sealed.fetch_add(1, Ordering::Relaxed);
        if count >= MAX_SEALS {
            return Err(VaultError::DataKeySpent);
        }
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&count.to_be_bytes());
        let mut ciphertext = Vec::with_capacity(secret.len() + 16);
        ciphertext.extend_from_slice(secret.expose());
        let aad = associated_data(&self.store_id, context);
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(&aad), &mut ciphertext)
            .map_err(|_| VaultError::DataKeySpent)?;
        Ok(SealedSeed { data_key: self.id, nonce, ciphertext })
    }

    #[cfg(test)]
    pub(super) fn spend_all(&self) {
        self.sealed.store(MAX_SEALS, Ordering::Relaxed);
    }
}
