//! Encrypted values: where the key comes from, and the check before the decryption (RFC 6030 §6).

use zeroize::Zeroizing;

use super::cipher::{AesCbc, HmacAlg};
use super::survey::Survey;
use super::xml::Node;
use crate::seedfile::encoding::{self, SecretEncoding};
use crate::seedfile::problem::{Fault, FileError, Position, ProblemCode};
use crate::seedfile::{ReadOptions, Weakness};

/// Rounds of PBKDF2 that are accepted. RFC 6030 figure 7 has 1000.
const ROUNDS: std::ops::RangeInclusive<u32> = 1_000..=10_000_000;
/// Longest label shown, in characters.
const MOST_LABEL: usize = 64;
/// Longest URI shown, in characters.
const MOST_URI: usize = 120;

/// What is wrong with one key, and in which line.
pub(super) struct Placed {
    pub(super) line: u64,
    pub(super) fault: Fault,
}

pub(super) fn placed(at: Position, code: ProblemCode, what: impl Into<String>) -> Placed {
    Placed { line: at.line, fault: Fault::new(code, at.column, what) }
}

/// A text of the file that may be shown: a key's name, an algorithm's URI.
pub(super) fn shown(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

pub(super) fn unknown_algorithm(at: Position, uri: &str) -> Placed {
    let uri = shown(uri, MOST_URI);
    let what = format!(
        "the algorithm {uri} is not supported. Ask the vendor for AES-CBC with an HMAC (the usual choice), or for HOTP, TOTP or OCRA keys."
    );
    placed(at, ProblemCode::PskcAlgorithmUnknown, what)
}

impl From<Placed> for FileError {
    fn from(placed: Placed) -> Self {
        let at = Position::new(placed.line, placed.fault.column);
        Self::at(at, placed.fault.code, &placed.fault.what)
    }
}

/// How the key of the file is found.
pub(super) enum KeySource<'a> {
    /// The file says nothing; a key may still be given.
    Unsaid,
    /// A key that both sides know, by its name.
    Named(String),
    /// PBKDF2 of a passphrase.
    Passphrase { label: String, method: &'a Node },
    /// Encrypted for a certificate.
    Certificate(Position),
}

impl<'a> KeySource<'a> {
    pub(super) fn of(survey: &'a Survey) -> Self {
        let Some(key) = &survey.encryption_key else { return Self::Unsaid };
        if let Some(derived) = key.find("DerivedKey") {
            let label = ["MasterKeyName", "CarriedKeyName"].iter().find_map(|name| derived.find(name));
            let label = label.or_else(|| key.any_child("KeyName"));
            let label = label.map_or_else(String::new, |node| shown(node.text(), MOST_LABEL));
            return Self::Passphrase { label, method: derived };
        }
        if let Some(certificate) = key.find("X509Data") {
            return Self::Certificate(certificate.at);
        }
        match key.find("KeyName") {
            Some(name) => Self::Named(shown(name.text(), MOST_LABEL)),
            None => Self::Unsaid,
        }
    }
}

/// The numbers of PBKDF2.
struct Kdf {
    salt: Zeroizing<Vec<u8>>,
    rounds: u32,
    len: usize,
    hmac: HmacAlg,
}

impl Kdf {
    fn of(derived: &Node) -> Result<Self, Placed> {
        let incomplete = |at: Position, what: &str| {
            let what = format!("{what}. The key cannot be derived; ask the vendor for a complete file.");
            placed(at, ProblemCode::PskcKdfIncomplete, what)
        };
        let Some(method) = derived.find("KeyDerivationMethod") else {
            return Err(incomplete(derived.at, "the key derivation names no method"));
        };
        let uri = method.attribute("Algorithm").unwrap_or("");
        if !uri.to_ascii_lowercase().ends_with("#pbkdf2") {
            return Err(unknown_algorithm(method.at, uri));
        }
        let Some(params) = method.find("PBKDF2-params") else {
            return Err(incomplete(method.at, "the key derivation has no PBKDF2-params"));
        };
        let part = |name: &'static str| {
            params
                .any_child(name)
                .ok_or_else(|| incomplete(params.at, &format!("the key derivation has no {name}")))
        };
        let salt = part("Salt")?;
        let specified = salt.any_child("Specified");
        let specified =
            specified.ok_or_else(|| incomplete(salt.at, "the salt of the key derivation is not given"))?;
        let salt = encoding::decode(specified.text(), SecretEncoding::Base64)
            .map_err(|_| incomplete(specified.at, "the salt of the key derivation is not base64"))?;
        let number = |node: &Node, name: &str| {
            node.text()
                .parse::<u32>()
                .map_err(|_| incomplete(node.at, &format!("{name} is not a whole number")))
        };
        let count = part("IterationCount")?;
        let rounds = number(count, "IterationCount")?;
        if !ROUNDS.contains(&rounds) {
            let what = format!(
                "the key derivation has {rounds} rounds; 1,000 to 10,000,000 are accepted, because fewer protect nothing and more block the server. Ask the vendor for a file with 100,000 rounds."
            );
            return Err(placed(count.at, ProblemCode::PskcKdfCost, what));
        }
        let length = part("KeyLength")?;
        let len = number(length, "KeyLength")? as usize;
        if !matches!(len, 16 | 24 | 32) {
            return Err(incomplete(
                length.at,
                &format!("KeyLength is {len}, and 16, 24 or 32 bytes are needed"),
            ));
        }
        let hmac = match params.any_child("PRF") {
            Some(prf) => match prf.attribute("Algorithm").unwrap_or("") {
                "" => HmacAlg::Sha1,
                uri => HmacAlg::from_uri(uri).ok_or_else(|| unknown_algorithm(prf.at, uri))?,
            },
            None => HmacAlg::Sha1,
        };
        Ok(Self { salt: salt.bytes, rounds, len, hmac })
    }
}

/// Cipher value and algorithm of an element that has them as children.
struct Sealed<'a> {
    cipher: AesCbc,
    value: &'a Node,
}

impl<'a> Sealed<'a> {
    fn of(node: &'a Node) -> Result<Self, Placed> {
        let method = node.any_child("EncryptionMethod");
        let uri = method.and_then(|m| m.attribute("Algorithm")).unwrap_or("");
        let at = method.map_or(node.at, |m| m.at);
        if uri.is_empty() {
            let what = "the encrypted value names no algorithm. Ask the vendor for a complete file.";
            return Err(placed(at, ProblemCode::PskcAlgorithmUnknown, what));
        }
        let cipher = AesCbc::from_uri(uri).ok_or_else(|| unknown_algorithm(at, uri))?;
        let value = node.find("CipherValue").ok_or_else(|| {
            let what = "the encrypted value is empty. Ask the vendor for a complete file.";
            placed(node.at, ProblemCode::SecretMissing, what)
        })?;
        Ok(Self { cipher, value })
    }

    fn bytes(&self) -> Result<Zeroizing<Vec<u8>>, Placed> {
        base64(self.value)
    }
}

pub(super) fn base64(node: &Node) -> Result<Zeroizing<Vec<u8>>, Placed> {
    encoding::decode(node.text(), SecretEncoding::Base64)
        .map(|decoded| decoded.bytes)
        .map_err(|fault| placed(node.at, fault.code, fault.what.replace("the secret", "the value")))
}

/// The error of a wrong key, a wrong check value and a wrong filler: all the same, so that nobody
/// learns from the difference.
pub(super) fn wrong_key(at: Position) -> Placed {
    let mut text = FileError::WrongKey.to_string();
    text.replace_range(..1, "w");
    placed(at, ProblemCode::PskcKeyOrMacWrong, text)
}

/// A value of the file in the clear.
pub(super) enum Value<'a> {
    /// As it stood there.
    Plain(&'a Node),
    /// Decrypted; `checked` when it had a check value that was right.
    Opened { bytes: Zeroizing<Vec<u8>>, at: Position, checked: bool },
}

/// Key and check method of a protected file.
pub(super) struct Protection {
    /// `pskc_key` or `pskc_passphrase`.
    pub(super) name: &'static str,
    key: Zeroizing<Vec<u8>>,
    mac: Option<(HmacAlg, Zeroizing<Vec<u8>>)>,
    /// Encrypted numbers of this file are bytes, not decimal digits.
    pub(super) binary_numbers: bool,
}

impl Protection {
    /// Makes the key ready. `None` for a file that encrypts nothing.
    pub(super) fn open(
        survey: &Survey,
        options: &ReadOptions<'_>,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<Self>, FileError> {
        let Some(first) = &survey.encrypted else { return Ok(None) };
        let source = KeySource::of(survey);
        if let KeySource::Certificate(at) = source {
            let what = "the secrets are encrypted for the private key of a certificate, which cannot be used yet. Ask the vendor for a passphrase or a transport key.";
            return Err(FileError::at(at, ProblemCode::PskcX509KeyNeeded, what));
        }
        let cipher = match first.uri.as_str() {
            "" => None,
            uri => Some(AesCbc::from_uri(uri).ok_or_else(|| unknown_algorithm(first.at, uri))?),
        };
        let hmac = Self::mac_method(survey, &options.allow)?;
        let (name, key) = match source {
            KeySource::Passphrase { label, method } => {
                let kdf = Kdf::of(method)?;
                if let Some(cipher) = cipher.filter(|c| c.key_bytes != kdf.len) {
                    let what = format!(
                        "a key of {} bytes is derived, and the cipher needs {}. Ask the vendor for a correct file.",
                        kdf.len, cipher.key_bytes
                    );
                    return Err(placed(method.at, ProblemCode::PskcKdfIncomplete, what).into());
                }
                let Some(passphrase) = options.passphrase else {
                    return Err(FileError::PassphraseNeeded { name: label });
                };
                let key = kdf.hmac.pbkdf2(passphrase.expose(), &kdf.salt, kdf.rounds, kdf.len, go_on);
                ("pskc_passphrase", key.ok_or(FileError::Cancelled)?)
            }
            KeySource::Named(name) => ("pskc_key", Self::given_key(options, name, cipher)?),
            _ => ("pskc_key", Self::given_key(options, String::new(), cipher)?),
        };
        let mac = match (hmac, &survey.mac_method) {
            (Some(hmac), Some(method)) => {
                let mac_key = match method.child("MACKey") {
                    Some(node) => {
                        let sealed = Sealed::of(node)?;
                        sealed.cipher.decrypt(&key, &sealed.bytes()?).ok_or(FileError::WrongKey)?
                    }
                    None => key.clone(),
                };
                Some((hmac, mac_key))
            }
            _ => None,
        };
        Ok(Some(Self { name, key, mac, binary_numbers: false }))
    }

    fn given_key(
        options: &ReadOptions<'_>,
        name: String,
        cipher: Option<AesCbc>,
    ) -> Result<Zeroizing<Vec<u8>>, FileError> {
        let Some(key) = options.key else { return Err(FileError::KeyNeeded { name }) };
        if let Some(cipher) = cipher.filter(|c| c.key_bytes != key.len()) {
            return Err(FileError::KeyLength { expected: cipher.key_bytes, found: key.len() });
        }
        Ok(Zeroizing::new(key.expose().to_vec()))
    }

    /// The check method; `None` when there is none and that was allowed.
    fn mac_method(survey: &Survey, allow: &[Weakness]) -> Result<Option<HmacAlg>, FileError> {
        let Some(method) = &survey.mac_method else {
            if let Some(at) = survey.value_mac {
                let what = "there are check values and no method to check them with. Ask the vendor for a complete file.";
                return Err(FileError::at(at, ProblemCode::PskcMacMethodMissing, what));
            }
            if !allow.contains(&Weakness::NoMac) {
                let what = "the secrets are encrypted without check values, so nobody can tell whether they were changed on the way. Ask the vendor for a file with a MAC, or allow no_mac.";
                return Err(FileError::at(Position::FILE, ProblemCode::PskcMacMethodMissing, what));
            }
            return Ok(None);
        };
        if let Some(reference) = method.child("MACKeyReference") {
            let what = "the key for the check values is not in the file. Ask the vendor for a file that contains it.";
            return Err(FileError::at(reference.at, ProblemCode::PskcKeyReference, what));
        }
        let uri = method.attribute("Algorithm").unwrap_or("");
        if uri.is_empty() {
            let what = "the method for the check values has no name. Ask the vendor for a complete file.";
            return Err(FileError::at(method.at, ProblemCode::PskcMacMethodMissing, what));
        }
        Ok(Some(HmacAlg::from_uri(uri).ok_or_else(|| unknown_algorithm(method.at, uri))?))
    }

    /// Checks, then decrypts.
    fn unseal(&self, element: &Node, encrypted: &Node) -> Result<(Zeroizing<Vec<u8>>, bool), Placed> {
        let sealed = Sealed::of(encrypted)?;
        let bytes = sealed.bytes()?;
        // Some files put the check value inside the encrypted one.
        let mac = element.child("ValueMAC").or_else(|| encrypted.any_child("ValueMAC"));
        let checked = match (&self.mac, mac) {
            (Some((hmac, key)), Some(mac)) => {
                if !hmac.verify(key, &bytes, &base64(mac)?) {
                    return Err(wrong_key(encrypted.at));
                }
                true
            }
            (Some(_), None) => {
                let what = "the encrypted value has no check value although the file announces them; it may have been exchanged. Ask the vendor for this token again.";
                return Err(placed(encrypted.at, ProblemCode::PskcMacMissing, what));
            }
            (None, _) => false,
        };
        if sealed.cipher.key_bytes != self.key.len() {
            let what = "this value uses a cipher with another key length than the rest of the file. Ask the vendor for a correct file.";
            return Err(placed(encrypted.at, ProblemCode::PskcAlgorithmUnknown, what));
        }
        let plain = sealed.cipher.decrypt(&self.key, &bytes).ok_or_else(|| wrong_key(encrypted.at))?;
        Ok((plain, checked))
    }
}

/// The value of an element such as `Secret` or `Counter`; `None` when it has none.
pub(super) fn value<'a>(
    element: &'a Node,
    protection: Option<&Protection>,
) -> Result<Option<Value<'a>>, Placed> {
    let plain = element.child("PlainValue");
    let Some(encrypted) = element.any_child("EncryptedValue") else {
        if let (Some(_), Some(mac)) = (plain, element.child("ValueMAC")) {
            let what = "there is a check value beside a value that is not encrypted; it cannot be checked. Ask the vendor for a correct file.";
            return Err(placed(mac.at, ProblemCode::PskcMacMethodMissing, what));
        }
        return Ok(plain.map(Value::Plain));
    };
    if let Some(plain) = plain {
        let what = "the value stands there twice, encrypted and not. Ask the vendor which one counts.";
        return Err(placed(plain.at, ProblemCode::ColumnExtra, what));
    }
    let Some(protection) = protection else {
        return Err(wrong_key(encrypted.at));
    };
    let (bytes, checked) = protection.unseal(element, encrypted)?;
    Ok(Some(Value::Opened { bytes, at: encrypted.at, checked }))
}
