//! The root key: the one key that is not in the store.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use super::{KEY_BYTES, VaultError, random_bytes};
use crate::model::WrapMode;
use crate::secret::TransportKey;

/// The root key in file mode: 32 random bytes as hex, in a file that only its owner can read.
pub struct RootKey(TransportKey);

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey")
    }
}

impl RootKey {
    /// A new random key.
    pub fn generate() -> Result<Self, VaultError> {
        let raw = Zeroizing::new(random_bytes::<KEY_BYTES>()?);
        Ok(Self(TransportKey::new(raw.to_vec())))
    }

    /// How it wraps the store key.
    pub const fn mode(&self) -> WrapMode {
        WrapMode::RootFile
    }

    pub(super) fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// Writes the key to a new file of mode 0600; an existing file is never overwritten.
    pub fn write_new(&self, path: &Path) -> Result<(), VaultError> {
        let refuse = |e: io::Error| VaultError::RootKeyFile {
            reason: format!("{} cannot be written: {e}", path.display()),
        };
        let mut file =
            fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(refuse)?;
        let mut text = Zeroizing::new(vec![0; KEY_BYTES * 2]);
        data_encoding::HEXLOWER.encode_mut(self.expose(), &mut text);
        text.push(b'\n');
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(refuse)
    }

    /// Reads the key. A file that others can read is refused.
    pub fn read(path: &Path) -> Result<Self, VaultError> {
        let refuse = |reason: String| VaultError::RootKeyFile { reason };
        let shown = path.display();
        let about = fs::metadata(path).map_err(|e| refuse(format!("{shown} cannot be read: {e}")))?;
        if about.permissions().mode() & 0o077 != 0 {
            return Err(refuse(format!("{shown} can be read by others; run: chmod 600 {shown}")));
        }
        let text =
            Zeroizing::new(fs::read(path).map_err(|e| refuse(format!("{shown} cannot be read: {e}")))?);
        let mut raw = Zeroizing::new(vec![0; KEY_BYTES]);
        let hex = text.trim_ascii();
        if hex.len() != KEY_BYTES * 2 || data_encoding::HEXLOWER_PERMISSIVE.decode_mut(hex, &mut raw).is_err()
        {
            return Err(refuse(format!("{shown} does not hold 64 hex digits; restore it from its copy")));
        }
        Ok(Self(TransportKey::new(std::mem::take(&mut raw))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_round_trip_and_refusals() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("root.key");
        let key = RootKey::generate().expect("random");
        key.write_new(&path).expect("written");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        assert!(RootKey::read(&path).expect("readable").0.ct_eq(&key.0));
        assert!(key.write_new(&path).is_err(), "an existing key is never overwritten");

        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("mode set");
        assert!(matches!(RootKey::read(&path), Err(VaultError::RootKeyFile { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("mode set");
        fs::write(&path, "not a key").expect("written");
        assert!(RootKey::read(&path).is_err());
    }
}
