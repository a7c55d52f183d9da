//! AES-CBC, HMAC and PBKDF2 as PSKC uses them (RFC 6030 §6), over the crates that compute them.

use aes::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::NoPadding};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Length of the blocks of AES and of its IV.
const BLOCK: usize = 16;
/// Rounds between two questions whether to go on; some 50 ms.
const ROUNDS_AT_A_TIME: u32 = 100_000;

/// The part of an algorithm's URI behind `#`, in small letters.
fn fragment(uri: &str) -> String {
    uri.rsplit('#').next().unwrap_or("").trim().to_ascii_lowercase()
}

/// AES in CBC mode, by the length of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AesCbc {
    pub(super) key_bytes: usize,
}

impl AesCbc {
    /// By URI, such as `http://www.w3.org/2001/04/xmlenc#aes128-cbc`.
    pub(super) fn from_uri(uri: &str) -> Option<Self> {
        let key_bytes = match fragment(uri).as_str() {
            "aes128-cbc" => 16,
            "aes192-cbc" => 24,
            "aes256-cbc" => 32,
            _ => return None,
        };
        Some(Self { key_bytes })
    }

    /// Decrypts IV and ciphertext. Of the filler only the last byte is fixed (XML Encryption 1.0
    /// §5.2). `None` for a wrong key and for damage alike.
    pub(super) fn decrypt(self, key: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        if sealed.len() < 2 * BLOCK || !sealed.len().is_multiple_of(BLOCK) || key.len() != self.key_bytes {
            return None;
        }
        let (iv, text) = sealed.split_at(BLOCK);
        let mut plain = Zeroizing::new(text.to_vec());
        match key.len() {
            16 => cbc::Decryptor::<aes::Aes128>::new_from_slices(key, iv)
                .ok()?
                .decrypt_padded::<NoPadding>(&mut plain)
                .ok()?,
            24 => cbc::Decryptor::<aes::Aes192>::new_from_slices(key, iv)
                .ok()?
                .decrypt_padded::<NoPadding>(&mut plain)
                .ok()?,
            _ => cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv)
                .ok()?
                .decrypt_padded::<NoPadding>(&mut plain)
                .ok()?,
        };
        let filler = usize::from(*plain.last()?);
        if !(1..=BLOCK).contains(&filler) {
            return None;
        }
        let kept = plain.len() - filler;
        plain[kept..].fill(0);
        plain.truncate(kept);
        Some(plain)
    }
}

/// HMAC, by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HmacAlg {
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

/// Computes with the hash that `$alg` names.
macro_rules! with_hmac {
    ($alg:expr, $mac:ident => $body:expr) => {
        match $alg {
            HmacAlg::Sha1 => {
                type $mac = Hmac<Sha1>;
                $body
            }
            HmacAlg::Sha224 => {
                type $mac = Hmac<Sha224>;
                $body
            }
            HmacAlg::Sha256 => {
                type $mac = Hmac<Sha256>;
                $body
            }
            HmacAlg::Sha384 => {
                type $mac = Hmac<Sha384>;
                $body
            }
            HmacAlg::Sha512 => {
                type $mac = Hmac<Sha512>;
                $body
            }
        }
    };
}

impl HmacAlg {
    /// By URI, such as `http://www.w3.org/2000/09/xmldsig#hmac-sha1`.
    pub(super) fn from_uri(uri: &str) -> Option<Self> {
        Some(match fragment(uri).as_str() {
            "hmac-sha1" => Self::Sha1,
            "hmac-sha224" => Self::Sha224,
            "hmac-sha256" => Self::Sha256,
            "hmac-sha384" => Self::Sha384,
            "hmac-sha512" => Self::Sha512,
            _ => return None,
        })
    }

    /// Compares in constant time. Shortened values do not fit.
    pub(super) fn verify(self, key: &[u8], data: &[u8], expected: &[u8]) -> bool {
        with_hmac!(self, M => {
            let Ok(mut mac) = <M as KeyInit>::new_from_slice(key) else { return false };
            mac.update(data);
            mac.finalize().into_bytes().as_slice().ct_eq(expected).into()
        })
    }

    /// PBKDF2 (RFC 8018 §5.2). `go_on` is asked now and then; `None` when it says no.
    pub(super) fn pbkdf2(
        self,
        passphrase: &[u8],
        salt: &[u8],
        rounds: u32,
        len: usize,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Option<Zeroizing<Vec<u8>>> {
        with_hmac!(self, M => derive::<M>(passphrase, salt, rounds, len, go_on))
    }
}

/// The `pbkdf2` crate cannot be stopped, and ten million rounds take seconds; so the loop is here and
/// a test compares it with the crate.
fn derive<M: Mac + KeyInit + Clone>(
    passphrase: &[u8],
    salt: &[u8],
    rounds: u32,
    len: usize,
    go_on: &mut dyn FnMut() -> bool,
) -> Option<Zeroizing<Vec<u8>>> {
    let keyed = <M as KeyInit>::new_from_slice(passphrase).ok()?;
    let mut key = Zeroizing::new(Vec::with_capacity(len));
    let mut block = 0u32;
    while key.len() < len {
        block += 1;
        let mut first = keyed.clone();
        first.update(salt);
        first.update(&block.to_be_bytes());
        let mut last = first.finalize().into_bytes();
        let mut sum = Zeroizing::new(last.to_vec());
        for round in 1..rounds {
            if round % ROUNDS_AT_A_TIME == 0 && !go_on() {
                return None;
            }
            let mut next = keyed.clone();
            next.update(&last);
            last = next.finalize().into_bytes();
            sum.iter_mut().zip(&last).for_each(|(s, l)| *s ^= l);
        }
        let take = (len - key.len()).min(sum.len());
        key.extend_from_slice(&sum[..take]);
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pbkdf2_agrees_with_the_crate_and_can_be_stopped() {
        for len in [16, 20, 32, 70] {
            let mut expected = vec![0; len];
            pbkdf2::pbkdf2_hmac::<Sha1>(b"correct horse", b"salt", 1000, &mut expected);
            let derived = HmacAlg::Sha1.pbkdf2(b"correct horse", b"salt", 1000, len, &mut || true);
            assert!(derived.is_some_and(|d| *d == expected));
            pbkdf2::pbkdf2_hmac::<Sha256>(b"correct horse", b"salt", 7, &mut expected);
            let derived = HmacAlg::Sha256.pbkdf2(b"correct horse", b"salt", 7, len, &mut || true);
            assert!(derived.is_some_and(|d| *d == expected));
        }
        assert!(HmacAlg::Sha1.pbkdf2(b"a", b"b", 10_000_000, 16, &mut || false).is_none());
    }

    #[test]
    fn figure_7_of_rfc_6030() {
        let salt = [0x12, 0x3e, 0xff, 0x3c, 0x4a, 0x72, 0x12, 0x9c];
        let key = HmacAlg::Sha1.pbkdf2(b"qwerty", &salt, 1000, 16, &mut || true).expect("not stopped");
        let expected = data_encoding::HEXLOWER.decode(b"651e63cd57008476af1ff6422cd02e41").expect("hex");
        assert!(*key == expected);
    }

    #[test]
    fn algorithms_by_uri() {
        let uri = "http://www.w3.org/2001/04/xmlenc#AES192-CBC";
        assert_eq!(AesCbc::from_uri(uri), Some(AesCbc { key_bytes: 24 }));
        assert_eq!(AesCbc::from_uri("http://www.w3.org/2001/04/xmlenc#kw-aes128"), None);
        assert_eq!(
            HmacAlg::from_uri("http://www.w3.org/2001/04/xmldsig-more#hmac-sha512"),
            Some(HmacAlg::Sha512)
        );
        assert_eq!(HmacAlg::from_uri("http://www.w3.org/2000/09/xmldsig#hmac-md5"), None);
    }
}
