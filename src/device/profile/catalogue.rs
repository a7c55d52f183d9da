//! Which models there are: those that are compiled in, and those that somebody put into the data directory.

use std::ffi::OsStr;
use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use mintmark_device::applet::token2::{Model, Models};
use mintmark_device::attestation::Anchors;
use mintmark_device::discover::Found;

use super::{ChipFamily, ClockWrite, Profile, ProfileError, read};
use crate::device::roots;

/// The folder in the data directory.
pub const FOLDER: &str = "firmware-profiles";

/// The longest file that is read; real ones have some 2 KiB.
const MOST_BYTES: u64 = 64 << 10;
/// The longest name of a file without its ending.
const MOST_ID_BYTES: usize = 64;

macro_rules! files {
    ($($name:literal,)*) => {
        /// Name and text of every file.
        const FILES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../../firmware-profiles/", $name, ".toml"))),)*];
    };
}

files! {
    "authenticator-app",
    "feitian-c200",
    "nitrokey-3",
    "nitrokey-pro",
    "protectimus-flex",
    "protectimus-slim-nfc",
    "token2-c301",
    "token2-c302",
    "token2-miniotp-2",
    "token2-miniotp-3",
    "token2-molto2",
    "token2-otpc-p1",
    "token2-otpc-p2",
    "token2-pin-plus",
    "yubico-yubikey",
}

/// Where a model's file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the program.
    BuiltIn,
    /// In the data directory.
    DataDirectory,
}

impl Origin {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built_in",
            Self::DataDirectory => "data_directory",
        }
    }
}

/// A model and where its file is.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The model.
    pub profile: Profile,
    /// Where its file is.
    pub origin: Origin,
}

/// All models that can be used, in the order of their files' names, and what is wrong with the others.
#[derive(Clone, Debug)]
pub struct Catalogue {
    anchors: Anchors,
    root_problems: Vec<ProfileError>,
    listed: Vec<Listed>,
    problems: Vec<ProfileError>,
}

impl Catalogue {
    /// What is compiled in. A test reads every file, so none that cannot be used gets into a release.
    pub fn built_in() -> Self {
        let mut catalogue = Self {
            anchors: Anchors::vendor(),
            root_problems: Vec::new(),
            listed: Vec::with_capacity(FILES.len()),
            problems: Vec::new(),
        };
        for (id, text) in FILES {
            catalogue.take(read(id, text), Origin::BuiltIn);
        }
        catalogue
    }

    /// The same with the files in [`FOLDER`] of this data directory, when there is one. A file replaces the model that is
    /// compiled in under its name; one that cannot be used is among the [`problems`](Self::problems), and all others are
    /// as if it were not there.
    pub fn with_folder_of(data: &Path) -> Self {
        let mut catalogue = Self::built_in();
        (catalogue.anchors, catalogue.root_problems) = roots::read(data);
        let folder = data.join(FOLDER);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return catalogue,
            Err(error) => {
                catalogue.problems.push(unreadable(FOLDER, &error.to_string()));
                return catalogue;
            }
        };
        let is_toml = |path: &PathBuf| path.extension() == Some(OsStr::new("toml"));
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(is_toml).collect();
        paths.sort();
        for path in paths {
            catalogue.take(read_file(&path), Origin::DataDirectory);
        }
        catalogue.listed.sort_by(|one, other| one.profile.id.cmp(&other.profile.id));
        catalogue
    }

    /// All models.
    pub fn all(&self) -> impl Iterator<Item = &Profile> {
        self.listed.iter().map(|listed| &listed.profile)
    }

    /// All models, with where their files are.
    pub fn listed(&self) -> &[Listed] {
        &self.listed
    }

    /// The model of this file.
    pub fn get(&self, id: &str) -> Option<&Profile> {
        self.all().find(|profile| profile.id == id)
    }

    /// The model of what lies on a reader: of its family, and the one whose beginning of serial numbers fits best. A family
    /// whose models tell none has one for all.
    pub fn model_of(&self, found: &Found) -> Option<&Profile> {
        let fitting = self.all().filter_map(|profile| {
            let chip = profile.chip.as_ref().filter(|chip| chip.family.spoken() == Some(found.family))?;
            if chip.serial_prefixes.is_empty() {
                return Some((0, profile));
            }
            let serial = found.serial.as_deref()?;
            let fits = chip.serial_prefixes.iter().filter(|prefix| serial.starts_with(prefix.as_str()));
            fits.map(String::len).max().map(|length| (length, profile))
        });
        fitting.max_by_key(|(length, _)| *length).map(|(_, profile)| profile)
    }

    /// Who vouches for devices: their vendors, and whose certificates are in the data directory
    /// ([`ROOTS_FOLDER`](crate::device::ROOTS_FOLDER)).
    pub const fn anchors(&self) -> &Anchors {
        &self.anchors
    }

    /// What is wrong with files of certificates in the data directory.
    pub fn root_problems(&self) -> &[ProfileError] {
        &self.root_problems
    }

    /// What is wrong with files of the data directory that describe models.
    pub fn problems(&self) -> &[ProfileError] {
        &self.problems
    }

    /// What Token2's tokens may be written to, and which of them keep their seed when their clock is set.
    pub fn token2_models(&self) -> Models {
        Models::new(self.all().flat_map(|profile| {
            let chip = profile.chip.iter().filter(|chip| chip.family == ChipFamily::Token2SingleProfile);
            chip.flat_map(|chip| {
                chip.serial_prefixes.iter().map(|prefix| Model {
                    name: profile.name.clone(),
                    serial_prefix: prefix.clone(),
                    keeps_seed: chip.clock == Some(ClockWrite::Kept),
                })
            })
        }))
    }

    /// Takes a model in, in the place of the one with its name; or what is wrong with it.
    fn take(&mut self, made: Result<Profile, ProfileError>, origin: Origin) {
        let made = made.and_then(|profile| {
            self.listed.iter().try_for_each(|other| apart(&profile, &other.profile))?;
            Ok(profile)
        });
        match made {
            Ok(profile) => {
                self.listed.retain(|other| other.profile.id != profile.id);
                self.listed.push(Listed { profile, origin });
            }
            Err(problem) => self.problems.push(problem),
        }
    }
}

/// Refuses what would be two models for people, or for a token on a reader.
fn apart(new: &Profile, other: &Profile) -> Result<(), ProfileError> {
    if new.id == other.id {
        return Ok(());
    }
    let taken = |field, value: String| {
        Err(ProfileError::Taken { file: format!("{}.toml", new.id), field, value, other: other.id.clone() })
    };
    if new.full_name().eq_ignore_ascii_case(&other.full_name()) {
        return taken("name", new.full_name());
    }
    let (Some(chip), Some(others)) = (&new.chip, &other.chip) else { return Ok(()) };
    let both = chip.serial_prefixes.iter().find(|prefix| others.serial_prefixes.contains(prefix));
    match both.filter(|_| chip.family == others.family) {
        Some(prefix) => taken("device.serial_prefix", prefix.clone()),
        None => Ok(()),
    }
}

fn unreadable(file: &str, what: &str) -> ProfileError {
    ProfileError::Unreadable { file: file.to_owned(), what: what.to_owned() }
}

fn read_file(path: &Path) -> Result<Profile, ProfileError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let id = name.strip_suffix(".toml").unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if !(1..=MOST_ID_BYTES).contains(&id.len()) || !id.bytes().all(is_plain) {
        return Err(unreadable(&name, "a file is named by 1 to 64 small letters, digits and dashes"));
    }
    let mut text = String::new();
    let opened = fs::File::open(path).and_then(|file| {
        if !file.metadata()?.is_file() {
            return Err(std::io::Error::from(ErrorKind::InvalidInput));
        }
        file.take(MOST_BYTES + 1).read_to_string(&mut text)
    });
    match opened {
        Ok(_) if u64::try_from(text.len()).is_ok_and(|len| len <= MOST_BYTES) => read(id, &text),
        Ok(_) => Err(unreadable(&name, "longer than 64 KiB")),
        Err(error) if error.kind() == ErrorKind::InvalidInput => Err(unreadable(&name, "no file")),
        Err(error) => Err(unreadable(&name, &error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mintmark_device::applet::slim::SlimInfo;
    use mintmark_device::applet::yubikey::Version;
    use mintmark_device::discover::{Known, look};
    use mintmark_device::simulated::slim::VirtualSlim;
    use mintmark_device::simulated::token2::{self, VirtualToken2};
    use mintmark_device::simulated::yubikey::{Reach, VirtualYubiKey};
    use mintmark_device::simulated::{Card, Inserted};
    use mintmark_device::transport::Lengths;
    use mintmark_engine::clock::{ManualClock, UnixTime};

    use super::*;

    #[test]
    fn every_file_of_the_folder_is_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-profiles");
        let mut there: Vec<String> = fs::read_dir(folder)
            .expect("the folder is there")
            .filter_map(|entry| entry.expect("an entry").file_name().to_str().map(str::to_owned))
            .filter_map(|name| name.strip_suffix(".toml").map(str::to_owned))
            .collect();
        there.sort();
        let listed: Vec<&str> = FILES.iter().map(|(id, _)| *id).collect();
        assert_eq!(listed, there, "the list in this file and the folder");
        let built_in = Catalogue::built_in();
        assert_eq!(built_in.problems(), []);
        assert_eq!(built_in.all().count(), FILES.len());
        assert!(built_in.all().all(|profile| !profile.full_name().is_empty()));
        let c200 = built_in.get("feitian-c200").map(Profile::full_name);
        assert_eq!(c200.as_deref(), Some("Feitian c200"));
    }

    #[test]
    fn models_of_token2_are_those_that_their_vendor_publishes() {
        let (ours, published) = (Catalogue::built_in().token2_models(), token2::models());
        for prefix in ["8659600", "8659601", "8659609", "8659610", "8659612", "8659621", "8659622", "8659632"]
        {
            let serial = format!("{prefix}0000001");
            let keeps = |models: &Models| models.of_serial(&serial).map(|model| model.keeps_seed);
            assert!(keeps(&ours).is_some(), "{serial}");
            assert_eq!(keeps(&ours), keeps(&published), "{serial}");
        }
    }

    /// What is found of a simulated card.
    fn found(card: impl Card) -> Found {
        let atr = card.atr().to_vec();
        let known = Known { models: Catalogue::built_in().token2_models(), expects_token2: false };
        look(&mut Inserted::new(card, Lengths::Short), &atr, &known).expect("it can be looked at")
    }

    #[test]
    fn what_lies_on_a_reader_has_a_model() {
        let built_in = Catalogue::built_in();
        let id = |found: &Found| built_in.model_of(found).map(|profile| profile.id.clone());
        let key = VirtualYubiKey::new(12_345_678, Version::new(5, 7, 4), Reach::Contactless);
        assert_eq!(id(&found(key)).as_deref(), Some("yubico-yubikey"));
        let token = |serial: &str| VirtualToken2::new(serial, Arc::new(ManualClock::new(UnixTime::EPOCH)), 0);
        assert_eq!(id(&found(token("86596090000001"))).as_deref(), Some("token2-miniotp-3"));
        assert_eq!(id(&found(token("86596320000001"))).as_deref(), Some("token2-c302"));
        assert_eq!(id(&found(token("12345678000001"))), None);
        let info = SlimInfo { hardware: 0x70, software: (0x10, 1), settable_clock: true, period_secs: 30 };
        assert_eq!(id(&found(VirtualSlim::new(info))).as_deref(), Some("protectimus-slim-nfc"));
    }

    /// A data directory with these files.
    fn with(files: &[(&str, &str)]) -> (tempfile::TempDir, Catalogue) {
        let data = tempfile::tempdir().expect("a directory");
        let folder = data.path().join(FOLDER);
        fs::create_dir(&folder).expect("made");
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("written");
        }
        let catalogue = Catalogue::with_folder_of(data.path());
        (data, catalogue)
    }

    fn text(id: &str) -> &'static str {
        FILES.iter().find(|(name, _)| *name == id).expect("a file").1
    }

    #[test]
    fn files_of_the_data_directory_are_added_and_replace() {
        let new = text("token2-c302").replace("C302", "C309").replace("8659632", "8659699");
        let mine = text("feitian-c200").replace("[60, 30]", "[30]");
        let files = [("a-c309.toml", new.as_str()), ("feitian-c200.toml", &mine), ("README.md", "none")];
        let (_data, catalogue) = with(&files);
        assert_eq!(catalogue.problems(), []);
        assert_eq!(catalogue.all().count(), FILES.len() + 1);
        let origins: Vec<_> = catalogue
            .listed()
            .iter()
            .filter(|listed| listed.origin == Origin::DataDirectory)
            .map(|listed| listed.profile.id.as_str())
            .collect();
        assert_eq!(origins, ["a-c309", "feitian-c200"]);
        assert_eq!(catalogue.get("feitian-c200").map(|profile| profile.specs.len()), Some(1));
        let models = catalogue.token2_models();
        assert_eq!(models.of_serial("86596990000001").map(|model| model.name.as_str()), Some("C309"));
        assert_eq!(Catalogue::with_folder_of(Path::new("/nowhere/at/all")).all().count(), FILES.len());
    }

    #[test]
    fn bad_files_are_said_and_the_others_work() {
        let good = text("token2-c302").replace("C302", "C309").replace("8659632", "8659699");
        let long = format!("{good}#{}", "x".repeat(70_000));
        let files = [
            (
                "yubico-yubikey.toml",
                text("yubico-yubikey").replace("\"host\"", "\"kept\"").replace("[6, 8]", "[5]"),
            ),
            ("Big.toml", good.clone()),
            ("long.toml", long),
            ("none.toml", "name =".to_owned()),
            ("same-name.toml", text("token2-c302").replace("8659632", "8659698")),
            ("same-prefix.toml", text("token2-c302").replace("C302", "C308")),
            ("z-good.toml", good),
        ];
        let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let (data, catalogue) = with(&files);
        fs::create_dir(data.path().join(FOLDER).join("folder.toml")).expect("made");
        fs::write(data.path().join(FOLDER).join("latin.toml"), b"name = \"\xe9\"").expect("written");
        let said: Vec<_> = catalogue.problems().iter().map(ToString::to_string).collect();
        assert_eq!(said.len(), 6, "{said:#?}");
        assert_eq!(said[0], "Big.toml: a file is named by 1 to 64 small letters, digits and dashes");
        assert_eq!(said[1], "long.toml: longer than 64 KiB");
        assert!(said[2].starts_with("none.toml, line 1: "), "{}", said[2]);
        assert_eq!(said[3], "same-name.toml, name: Token2 C302 is that of token2-c302 already");
        assert_eq!(said[4], "same-prefix.toml, device.serial_prefix: 8659632 is that of token2-c302 already");
        assert_eq!(said[5], "yubico-yubikey.toml, digits: 6, 7 or 8");
        assert_eq!(catalogue.all().count(), FILES.len() + 1);
        let key = catalogue.listed().iter().find(|listed| listed.profile.id == "yubico-yubikey");
        assert_eq!(key.map(|key| key.origin), Some(Origin::BuiltIn), "what is compiled in stays");
        let again = Catalogue::with_folder_of(data.path());
        let said: Vec<_> = again.problems().iter().map(ToString::to_string).collect();
        assert!(said.contains(&"folder.toml: no file".to_owned()), "{said:#?}");
        assert!(said.iter().any(|said| said.starts_with("latin.toml: ")), "{said:#?}");
    }
}
