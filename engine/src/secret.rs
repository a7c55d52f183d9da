//! Types that hold secrets: wiped when dropped, never printed, never cloned.
//!
//! This module does not decide who may look: `clippy.toml` forbids `expose` outside the modules
//! that compute with secrets, and those lift the ban with a reason.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

macro_rules! secret_bytes {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Zeroize, ZeroizeOnDrop)]
        pub struct $name(Vec<u8>);

        impl $name {
            /// Takes the bytes over; the buffer is wiped when the value is dropped.
            pub fn new(bytes: Vec<u8>) -> Self {
                Self(bytes)
            }

            /// Makes a value of `len` bytes that `fill` writes in place, so that no copy stays on the stack.
            pub fn from_fn<E>(len: usize, fill: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
                let mut bytes = Zeroizing::new(vec![0; len]);
                fill(&mut bytes)?;
                Ok(Self(std::mem::take(&mut bytes)))
            }

            /// Length in bytes.
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// True when there is nothing inside.
            pub fn is_empty(&self) -> bool {
                self.0.is_empty()
            }

            /// The bytes themselves. Forbidden outside the modules that `clippy.toml` names.
            pub fn expose(&self) -> &[u8] {
                &self.0
            }

            /// Compares in constant time (lengths are not secret).
            pub fn ct_eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({} bytes)"), self.0.len())
            }
        }
    };
}

secret_bytes! {
    /// The shared secret K of an OTP token (RFC 4226 §5.1): raw bytes.
    Seed
}
secret_bytes! {
    /// A key that protects a seed file or a device channel on its way: raw bytes.
    TransportKey
}
secret_bytes! {
    /// A PIN that a user types beside the code: ASCII digits.
    Pin
}
secret_bytes! {
    /// Data of a session that go into the responses of an OCRA token (RFC 6287 §5.1, S): raw bytes.
    SessionData
}
secret_bytes! {
    /// A password or passphrase that a person typed: UTF-8.
    Passphrase
}
secret_bytes! {
    /// A random value whose possession is the permission: API key, session id, mailed link.
    BearerToken
}

impl Passphrase {
    /// Takes over a text that was typed or read from a form.
    pub fn from_text(text: String) -> Self {
        Self(text.into_bytes())
    }

    /// Number of characters (not bytes), for length rules. Text that is not UTF-8 counts bytes.
    pub fn chars(&self) -> usize {
        std::str::from_utf8(&self.0).map_or(self.0.len(), |s| s.chars().count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_type_and_length_only() {
        let seed = Seed::new(b"12345678901234567890".to_vec());
        for shown in [format!("{seed:?}"), format!("{seed:#?}")] {
            assert_eq!(shown, "Seed(20 bytes)");
        }
    }

    #[test]
    fn from_fn_hands_over_what_was_filled() {
        let seed = Seed::from_fn(4, |b| {
            b.copy_from_slice(&[1, 2, 3, 4]);
            Ok::<(), ()>(())
        })
        .expect("fill succeeds");
        assert!(seed.ct_eq(&Seed::new(vec![1, 2, 3, 4])));
        assert!(!seed.ct_eq(&Seed::new(vec![1, 2, 3, 5])));
        assert!(Seed::from_fn(4, |_| Err("no entropy")).is_err());
    }

    #[test]
    fn passphrase_length_counts_characters() {
        assert_eq!(Passphrase::from_text("пароль".into()).chars(), 6);
    }
}
