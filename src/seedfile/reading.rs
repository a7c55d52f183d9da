//! Other ways in which the text of a secret may have been meant.
//!
//! A token whose codes never fit often has the right secret in the wrong reading: the letters of the hexadecimal text
//! instead of the bytes that they spell, base32 that looked like base64. From the bytes that were taken over, the
//! text that the file held can be made again, and read as the token's maker may have read it.
#![expect(clippy::disallowed_methods, reason = "secrets are read again here")]

use data_encoding::{BASE32, BASE32_NOPAD, BASE64, BASE64_NOPAD, HEXLOWER, HEXUPPER};
use zeroize::Zeroizing;

use super::encoding::{SecretEncoding, decode, fits};
use super::strength::LEAST_BYTES;
use crate::secret::Seed;

/// How a secret was meant that was taken over in another way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SecretReading {
    /// Its text is the secret, letter by letter; it was decoded.
    Text(SecretEncoding),
    /// Its text is written in this encoding; the letters themselves were taken.
    Decoded(SecretEncoding),
    /// Its text is written in `meant` and was decoded as `taken`.
    Instead {
        /// As it was decoded.
        taken: SecretEncoding,
        /// As it must be decoded.
        meant: SecretEncoding,
    },
    /// Its bytes are in the reverse order.
    Reversed,
}

impl SecretReading {
    /// The word in JSON and in the log.
    pub fn name(self) -> String {
        match self {
            Self::Text(text) => format!("text_of_{}", text.name()),
            Self::Decoded(meant) => format!("{}_in_text", meant.name()),
            Self::Instead { taken, meant } => format!("{}_not_{}", meant.name(), taken.name()),
            Self::Reversed => "reversed".to_owned(),
        }
    }
}

/// The texts that give these bytes, as files write them.
fn texts(bytes: &[u8], encoding: SecretEncoding) -> Vec<Zeroizing<String>> {
    let written = match encoding {
        SecretEncoding::Hex => vec![HEXLOWER.encode(bytes), HEXUPPER.encode(bytes)],
        SecretEncoding::Base32 => {
            let text = Zeroizing::new(BASE32_NOPAD.encode(bytes));
            vec![text.to_ascii_lowercase(), BASE32.encode(bytes), text.to_string()]
        }
        SecretEncoding::Base64 => vec![BASE64.encode(bytes), BASE64_NOPAD.encode(bytes)],
    };
    written.into_iter().map(Zeroizing::new).collect()
}

/// All other readings of a secret, each once, the likeliest first.
pub fn other_readings(seed: &Seed) -> Vec<(SecretReading, Seed)> {
    let bytes = seed.expose();
    let mut found: Vec<(SecretReading, Seed)> = Vec::new();
    let mut add = |reading, secret: Seed| {
        let is_new = !secret.ct_eq(seed) && !found.iter().any(|(_, other)| other.ct_eq(&secret));
        if secret.len() >= LEAST_BYTES && is_new {
            found.push((reading, secret));
        }
    };
    let decoded = |text: &str, meant| decode(text, meant).ok().map(|read| Seed::new(read.bytes.to_vec()));
    for encoding in SecretEncoding::ALL {
        for text in texts(bytes, encoding) {
            add(SecretReading::Text(encoding), Seed::new(text.as_bytes().to_vec()));
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        for meant in SecretEncoding::ALL.into_iter().filter(|meant| fits(text, *meant)) {
            if let Some(secret) = decoded(text, meant) {
                add(SecretReading::Decoded(meant), secret);
            }
        }
    }
    for taken in SecretEncoding::ALL {
        for text in texts(bytes, taken) {
            for meant in SecretEncoding::ALL {
                if meant != taken
                    && fits(&text, meant)
                    && let Some(secret) = decoded(&text, meant)
                {
                    add(SecretReading::Instead { taken, meant }, secret);
                }
            }
        }
    }
    add(SecretReading::Reversed, Seed::new(bytes.iter().rev().copied().collect()));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a token holds whose file says `text`, and what it is called when `taken` was read instead.
    fn named(taken: &[u8], holds: &[u8]) -> Option<String> {
        let holds = Seed::new(holds.to_vec());
        let readings = other_readings(&Seed::new(taken.to_vec()));
        readings.into_iter().find(|(_, secret)| secret.ct_eq(&holds)).map(|(reading, _)| reading.name())
    }

    fn read(text: &str, encoding: SecretEncoding) -> Vec<u8> {
        decode(text, encoding).expect("fits").bytes.to_vec()
    }

    #[test]
    fn each_confusion_of_texts_is_undone() {
        use SecretEncoding::{Base32, Base64, Hex};
        let hex = "3132333435363738393a3b3c3d3e3f4041424344";
        let base32 = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        let base64 = "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=";
        for (text, taken) in [(hex, Hex), (base32, Base32), (base64, Base64)] {
            let bytes = read(text, taken);
            let as_text = format!("text_of_{}", taken.name());
            assert_eq!(named(&bytes, text.as_bytes()), Some(as_text), "{text}");
            assert_eq!(named(text.as_bytes(), &bytes), Some(format!("{}_in_text", taken.name())), "{text}");
        }
        let upper = hex.to_uppercase();
        assert_eq!(named(&read(hex, Hex), upper.as_bytes()), Some("text_of_hex".to_owned()));
        for (text, taken, meant) in [(hex, Base64, Hex), (&upper, Base64, Hex), (base32, Base64, Base32)] {
            let name = format!("{}_not_{}", meant.name(), taken.name());
            assert_eq!(named(&read(text, taken), &read(text, meant)), Some(name), "{text}");
        }
        // Letters that are hexadecimal and base32 at once, in a file of which nobody could tell.
        let both = "ABCDEFABCDEFABCDEFABCDEFABCDEF22";
        assert_eq!(named(&read(both, Hex), &read(both, Base32)), Some("base32_not_hex".to_owned()));
        assert_eq!(named(&read(both, Base32), &read(both, Hex)), Some("hex_not_base32".to_owned()));
        let bytes = read(hex, Hex);
        let turned: Vec<u8> = bytes.iter().rev().copied().collect();
        assert_eq!(named(&bytes, &turned), Some("reversed".to_owned()));
    }

    #[test]
    fn readings_differ_from_the_secret_and_from_each_other() {
        let seed = Seed::new((1u8..=20).collect());
        let readings = other_readings(&seed);
        assert!(readings.len() >= 8, "{}", readings.len());
        for (at, (_, one)) in readings.iter().enumerate() {
            assert!(!one.ct_eq(&seed));
            assert!(readings[..at].iter().all(|(_, other)| !other.ct_eq(one)));
        }
    }
}
