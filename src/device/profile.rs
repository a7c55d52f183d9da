//! Token models as data: one TOML file each in `firmware-profiles/`, compiled in and read once.

use std::sync::OnceLock;

use serde::Deserialize;
use thiserror::Error;

use crate::model::OtpSpec;
use crate::oath::{Digits, HashAlg, OcraSuite, PeriodSecs};

macro_rules! files {
    ($($name:literal,)*) => {
        /// Name and text of every file.
        const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../firmware-profiles/", $name, ".toml"))),)*];
    };
}

files! {
    "authenticator-app",
    "feitian-c200",
    "nitrokey-3",
    "nitrokey-pro",
    "protectimus-flex",
    "protectimus-slim-nfc",
    "token2-c302",
    "token2-miniotp-2",
    "token2-miniotp-3",
    "token2-molto2",
    "token2-otpc-p1",
    "token2-pin-plus",
    "yubico-yubikey",
}

/// How a model is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfilePicture {
    /// A small case for the key ring.
    Fob,
    /// A card with a display.
    Card,
    /// A key for the USB port.
    Key,
    /// An app on a phone.
    Phone,
}

/// Where a model's seed comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SeedOrigin {
    /// In a seed file.
    #[serde(rename = "from the vendor")]
    Vendor,
    /// Whoever has the device writes it.
    #[serde(rename = "written by its user")]
    User,
    /// Made by this service.
    #[serde(rename = "made here")]
    Here,
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Name of its file without the ending; stable.
    pub id: &'static str,
    /// What is printed on the device or its box.
    pub name: String,
    /// Who makes it; empty where nobody in particular does.
    pub manufacturer: String,
    /// How it is drawn.
    pub picture: ProfilePicture,
    /// What it can compute; the first is what it ships with. Never empty.
    pub specs: Vec<OtpSpec>,
    /// The shortest and the longest seed that it takes, in bytes.
    pub seed_bytes: std::ops::RangeInclusive<usize>,
    /// Where its seed comes from.
    pub seed_is: SeedOrigin,
    /// Where the figures come from.
    pub source: String,
}

impl Profile {
    /// Manufacturer and name.
    pub fn full_name(&self) -> String {
        format!("{} {}", self.manufacturer, self.name).trim().to_owned()
    }
}

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProfileError {
    /// It is no TOML of the known fields.
    #[error("{file}: {what}")]
    Toml {
        /// Which file.
        file: String,
        /// What and where.
        what: String,
    },
    /// A field holds what it cannot.
    #[error("{file}, {field}: {expected}")]
    Field {
        /// Which file.
        file: String,
        /// Which field.
        field: &'static str,
        /// What fits, in words.
        expected: &'static str,
    },
}

/// The bounds of a seed in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBytes {
    least: usize,
    most: usize,
}

/// A file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    name: String,
    manufacturer: String,
    picture: ProfilePicture,
    kind: String,
    #[serde(default)]
    hash: Vec<String>,
    #[serde(default)]
    digits: Vec<u32>,
    #[serde(default)]
    step_secs: Vec<u64>,
    suite: Option<String>,
    seed_bytes: RawBytes,
    seed_is: SeedOrigin,
    source: String,
}

/// Longest seed that is read anywhere, in bytes.
const MOST_SEED_BYTES: usize = 128;

fn read(id: &'static str, text: &str) -> Result<Profile, ProfileError> {
    let file = format!("{id}.toml");
    let raw: Raw = toml::from_str(text)
        .map_err(|e| ProfileError::Toml { file: file.clone(), what: e.to_string().trim_end().to_owned() })?;
    let wrong = |field, expected| ProfileError::Field { file: file.clone(), field, expected };
    if raw.name.trim().is_empty() {
        return Err(wrong("name", "a name is needed"));
    }
    if raw.source.trim().is_empty() {
        return Err(wrong("source", "say where the figures come from"));
    }
    let RawBytes { least, most } = raw.seed_bytes;
    if least == 0 || least > most || most > MOST_SEED_BYTES {
        return Err(wrong("seed_bytes", "least and most are 1 to 128, in order"));
    }
    let specs = specs(&raw, &wrong)?;
    Ok(Profile {
        id,
        name: raw.name,
        manufacturer: raw.manufacturer,
        picture: raw.picture,
        specs,
        seed_bytes: least..=most,
        seed_is: raw.seed_is,
        source: raw.source,
    })
}

/// Every combination of what a file lists.
fn specs(
    raw: &Raw,
    wrong: &impl Fn(&'static str, &'static str) -> ProfileError,
) -> Result<Vec<OtpSpec>, ProfileError> {
    if raw.kind == "ocra" {
        let text = raw.suite.as_deref().ok_or_else(|| wrong("suite", "an OCRA model needs its suite"))?;
        let suite = OcraSuite::parse(text).map_err(|_| wrong("suite", "a suite of RFC 6287"))?;
        if !(raw.hash.is_empty() && raw.digits.is_empty() && raw.step_secs.is_empty()) {
            return Err(wrong("suite", "the suite says hash, digits and step: leave them out"));
        }
        return Ok(vec![OtpSpec::Ocra { suite }]);
    }
    if raw.suite.is_some() {
        return Err(wrong("suite", "only kind ocra has one"));
    }
    let hashes = raw
        .hash
        .iter()
        .map(|name| HashAlg::from_name(name).ok_or_else(|| wrong("hash", "sha1, sha256 or sha512")))
        .collect::<Result<Vec<_>, _>>()?;
    let digits = raw
        .digits
        .iter()
        .map(|d| Digits::new(*d).map_err(|_| wrong("digits", "6, 7 or 8")))
        .collect::<Result<Vec<_>, _>>()?;
    let periods = raw
        .step_secs
        .iter()
        .map(|s| PeriodSecs::new(*s).map_err(|_| wrong("step_secs", "1 to 3600")))
        .collect::<Result<Vec<_>, _>>()?;
    let mut found = Vec::new();
    for hash in hashes {
        for digits in &digits {
            match raw.kind.as_str() {
                "totp" => found.extend(periods.iter().map(|period| OtpSpec::Totp {
                    hash,
                    digits: *digits,
                    period: *period,
                    epoch_secs: 0,
                })),
                "hotp" if periods.is_empty() => found.push(OtpSpec::Hotp { hash, digits: *digits }),
                "hotp" => return Err(wrong("step_secs", "an event token has no step: leave it out")),
                _ => return Err(wrong("kind", "totp, hotp or ocra")),
            }
        }
    }
    if found.is_empty() {
        return Err(wrong("hash, digits, step_secs", "at least one of each is needed"));
    }
    Ok(found)
}

/// All models, in the order of their files' names. A file that cannot be used is left out; a test reads
/// them all, so none gets into a release.
pub fn profiles() -> &'static [Profile] {
    static READ: OnceLock<Vec<Profile>> = OnceLock::new();
    READ.get_or_init(|| FILES.iter().filter_map(|(id, text)| read(id, text).ok()).collect())
}

/// The model of this file.
pub fn profile(id: &str) -> Option<&'static Profile> {
    profiles().iter().find(|profile| profile.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_read() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-profiles");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder is there")
            .filter_map(|entry| entry.expect("an entry").file_name().to_str().map(str::to_owned))
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .collect();
        there.sort();
        let listed: Vec<&str> = FILES.iter().map(|(id, _)| *id).collect();
        assert_eq!(listed, there, "the list in this file and the folder");
        for (id, text) in FILES {
            let profile = read(id, text).expect("a profile");
            assert!(!profile.full_name().is_empty());
        }
        assert_eq!(profiles().len(), FILES.len());
        assert_eq!(profile("feitian-c200").map(Profile::full_name).as_deref(), Some("Feitian c200"));
    }

    #[test]
    fn what_is_wrong_is_said_with_file_and_field() {
        let good = FILES[1].1;
        let said = |text: &str| read("x", text).expect_err("refused").to_string();
        assert_eq!(said(&good.replace("sha1", "md5")), "x.toml, hash: sha1, sha256 or sha512");
        assert_eq!(said(&good.replace("[6]", "[5]")), "x.toml, digits: 6, 7 or 8");
        assert_eq!(said(&good.replace("[60, 30]", "[0]")), "x.toml, step_secs: 1 to 3600");
        assert_eq!(said(&good.replace("totp", "motp")), "x.toml, kind: totp, hotp or ocra");
        assert_eq!(
            said(&good.replace("least = 20", "least = 21")),
            "x.toml, seed_bytes: least and most are 1 to 128, in order"
        );
        let unknown = said(&format!("{good}colour = \"red\"\n"));
        assert!(unknown.starts_with("x.toml: ") && unknown.contains("colour"), "{unknown}");
    }

    #[test]
    fn the_first_combination_is_the_one_it_ships_with() {
        let c200 = profile("feitian-c200").expect("listed");
        let first = OtpSpec::Totp {
            hash: HashAlg::Sha1,
            digits: Digits::SIX,
            period: PeriodSecs::new(60).expect("a step"),
            epoch_secs: 0,
        };
        assert_eq!((c200.specs.first(), c200.specs.len()), (Some(&first), 2));
    }
}
