//! Token models as data: one TOML file each. What is in a file is here and in [`chip`]; which files there are, in
//! [`catalogue`].

mod catalogue;
mod chip;

use serde::Deserialize;
use thiserror::Error;

pub use self::catalogue::{Catalogue, FOLDER, Listed, Origin};
pub use self::chip::{ChipFamily, ChipProfile, ClockWrite, Quirk, UsbId, Versions, Wire};
use crate::model::OtpSpec;
use crate::oath::{Digits, HashAlg, OcraSuite, PeriodSecs};

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

impl SeedOrigin {
    /// The words in files and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Vendor => "from the vendor",
            Self::User => "written by its user",
            Self::Here => "made here",
        }
    }
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Name of its file without the ending; stable.
    pub id: String,
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
    /// Its chip, when it has one that can be spoken to.
    pub chip: Option<ChipProfile>,
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
    #[error("{file}, line {line}: {what}")]
    Toml {
        /// Which file.
        file: String,
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
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
    /// It cannot be read.
    #[error("{file}: {what}")]
    Unreadable {
        /// Which file, or the folder.
        file: String,
        /// Why.
        what: String,
    },
    /// Two models would be one.
    #[error("{file}, {field}: {value} is that of {other} already")]
    Taken {
        /// Which file.
        file: String,
        /// Which field.
        field: &'static str,
        /// What both say.
        value: String,
        /// The model that said so first.
        other: String,
    },
}

impl ProfileError {
    /// The file, as it is named in its folder.
    pub fn file(&self) -> &str {
        match self {
            Self::Toml { file, .. }
            | Self::Field { file, .. }
            | Self::Unreadable { file, .. }
            | Self::Taken { file, .. } => file,
        }
    }

    /// The field, when it is one.
    pub const fn field(&self) -> Option<&'static str> {
        match self {
            Self::Field { field, .. } | Self::Taken { field, .. } => Some(field),
            Self::Toml { .. } | Self::Unreadable { .. } => None,
        }
    }
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
    device: Option<chip::Raw>,
}

/// Says of a field what fits.
type Wrong<'a> = dyn Fn(&'static str, &'static str) -> ProfileError + 'a;

/// Longest seed that is read anywhere, in bytes.
const MOST_SEED_BYTES: usize = 128;

fn read(id: &str, text: &str) -> Result<Profile, ProfileError> {
    let file = format!("{id}.toml");
    let raw: Raw = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        ProfileError::Toml { file: file.clone(), line, what: error.message().replace('\n', "; ") }
    })?;
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
    let chip = raw.device.as_ref().map(|raw| raw.read(&wrong)).transpose()?;
    Ok(Profile {
        id: id.to_owned(),
        name: raw.name,
        manufacturer: raw.manufacturer,
        picture: raw.picture,
        specs,
        seed_bytes: least..=most,
        seed_is: raw.seed_is,
        source: raw.source,
        chip,
    })
}

/// Every combination of what a file lists.
fn specs(raw: &Raw, wrong: &Wrong<'_>) -> Result<Vec<OtpSpec>, ProfileError> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_file_and_field() {
        let good = include_str!("../../firmware-profiles/feitian-c200.toml");
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
        assert!(unknown.starts_with("x.toml, line 11: unknown field `colour`"), "{unknown}");
    }

    #[test]
    fn the_first_combination_is_the_one_it_ships_with() {
        let built_in = Catalogue::built_in();
        let c200 = built_in.get("feitian-c200").expect("listed");
        let first = OtpSpec::Totp {
            hash: HashAlg::Sha1,
            digits: Digits::SIX,
            period: PeriodSecs::new(60).expect("a step"),
            epoch_secs: 0,
        };
        assert_eq!((c200.specs.first(), c200.specs.len()), (Some(&first), 2));
    }
}
