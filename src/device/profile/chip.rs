//! The table `[device]` of a model with a chip: how it is recognised and reached, what can be written to, what its
//! clock does, and what some versions do otherwise.

use std::fmt;

use mintmark_device::applet::yubikey::Version;
use mintmark_device::discover::Family;
use mintmark_device::program::Application;
use serde::Deserialize;

use super::{Profile, Wrong};
use crate::model::OtpSpec;
use crate::oath::{Digits, HashAlg, YubicoPublicId};

/// Which protocol a model speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChipFamily {
    /// Applications of Yubico.
    YubiKey,
    /// Token2's contactless tokens with one seed.
    Token2SingleProfile,
    /// Token2's tokens with a hundred seeds.
    Token2Molto2,
    /// Token2's FIDO keys with an OTP application.
    Token2PinPlus,
    /// Nitrokey Pro, Storage, Librem Key.
    NitrokeyPro,
    /// Nitrokey 3.
    Nitrokey3,
    /// Protectimus SLIM NFC.
    ProtectimusSlim,
    /// Its vendor has not published it.
    Unpublished,
}

impl ChipFamily {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::YubiKey,
        Self::Token2SingleProfile,
        Self::Token2Molto2,
        Self::Token2PinPlus,
        Self::NitrokeyPro,
        Self::Nitrokey3,
        Self::ProtectimusSlim,
        Self::Unpublished,
    ];

    /// The name in files and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::YubiKey => Family::YubiKey.name(),
            Self::Token2SingleProfile => Family::Token2SingleProfile.name(),
            Self::ProtectimusSlim => Family::ProtectimusSlim.name(),
            Self::Token2Molto2 => "token2_molto2",
            Self::Token2PinPlus => "token2_pin_plus",
            Self::NitrokeyPro => "nitrokey_pro",
            Self::Nitrokey3 => "nitrokey_3",
            Self::Unpublished => "unpublished",
        }
    }

    /// The family as tokens on a reader are told by; `None`: this version does not speak to it.
    pub const fn spoken(self) -> Option<Family> {
        match self {
            Self::YubiKey => Some(Family::YubiKey),
            Self::Token2SingleProfile => Some(Family::Token2SingleProfile),
            Self::ProtectimusSlim => Some(Family::ProtectimusSlim),
            _ => None,
        }
    }

    /// True when this version opens the HID node of such a device by itself, which needs a udev rule. What lies on a card
    /// reader, or is one, is reached through the card reader service.
    pub const fn is_opened_over_hid(self) -> bool {
        match self {
            // A YubiKey is written to over CCID: its HID interface is a keyboard, and whoever opens it reads along.
            Self::YubiKey
            | Self::Token2SingleProfile
            | Self::Token2Molto2
            | Self::Token2PinPlus
            | Self::NitrokeyPro
            | Self::Nitrokey3
            | Self::ProtectimusSlim
            | Self::Unpublished => false,
        }
    }

    /// What of a model of this family this version can write to.
    const fn applications(self) -> &'static [&'static str] {
        match self {
            Self::YubiKey => &["oath", "otp_slot"],
            Self::Token2SingleProfile => &["single_profile"],
            _ => &[],
        }
    }
}

/// How a model is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// A smart card reader, or a key that is one.
    Ccid,
    /// A contactless reader.
    Nfc,
    /// USB HID.
    Hid,
}

impl Wire {
    /// The name in files and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ccid => "ccid",
            Self::Nfc => "nfc",
            Self::Hid => "hid",
        }
    }
}

/// The clock of a model, and what setting it does to the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockWrite {
    /// It has none: it counts.
    None,
    /// It has none: who asks for a code sends the time.
    Host,
    /// The seed stays.
    Kept,
    /// The seed is erased.
    ClearsSeed,
}

impl ClockWrite {
    /// The name in files and in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Host => "host",
            Self::Kept => "kept",
            Self::ClearsSeed => "clears_seed",
        }
    }

    const fn is_own(self) -> bool {
        matches!(self, Self::Kept | Self::ClearsSeed)
    }
}

/// Vendor and product number of USB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsbId {
    /// Who made it.
    pub vendor: u16,
    /// What it is.
    pub product: u16,
}

impl UsbId {
    fn parse(text: &str) -> Option<Self> {
        let (vendor, product) = text.split_once(':')?;
        let number = |digits: &str| {
            let all = digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            u16::from_str_radix(digits, 16).ok().filter(|_| all)
        };
        Some(Self { vendor: number(vendor)?, product: number(product)? })
    }
}

impl fmt::Display for UsbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04X}:{:04X}", self.vendor, self.product)
    }
}

/// How a version stands to a bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bound {
    AtLeast(Version),
    AtMost(Version),
    Below(Version),
}

/// Versions of firmware, as `>=4.2.0, <=4.2.6`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    bounds: Vec<Bound>,
    text: String,
}

impl Versions {
    /// Reads bounds that all hold: `>=`, `<=` or `<` before three numbers, and commas between.
    pub fn parse(text: &str) -> Option<Self> {
        let bound = |part: &str| {
            let part = part.trim();
            if let Some(version) = part.strip_prefix(">=") {
                return version_of(version).map(Bound::AtLeast);
            }
            if let Some(version) = part.strip_prefix("<=") {
                return version_of(version).map(Bound::AtMost);
            }
            part.strip_prefix('<').and_then(version_of).map(Bound::Below)
        };
        let bounds = text.split(',').map(bound).collect::<Option<Vec<_>>>()?;
        Some(Self { bounds, text: text.trim().to_owned() })
    }

    /// True when this version is one of them.
    pub fn contain(&self, version: Version) -> bool {
        self.bounds.iter().all(|bound| match *bound {
            Bound::AtLeast(least) => version >= least,
            Bound::AtMost(most) => version <= most,
            Bound::Below(above) => version < above,
        })
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn version_of(text: &str) -> Option<Version> {
    let mut numbers = text.trim().split('.').map(|number| number.parse().ok());
    let version = Version::new(numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(version)
}

/// What some versions do otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quirk {
    /// Which.
    pub firmware: Versions,
    /// What, for people.
    pub what: String,
}

/// The chip of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChipProfile {
    /// Which protocol it speaks.
    pub family: ChipFamily,
    /// How its serial numbers begin, where that tells it from others of its family.
    pub serial_prefixes: Vec<String>,
    /// What it is on USB.
    pub usb: Vec<UsbId>,
    /// Bytes of its ATR, in hexadecimal digits: one of them is in it.
    pub atr: Vec<String>,
    /// What of it this version writes to, by the names of applications.
    pub applications: Vec<String>,
    /// How it is reached.
    pub wires: Vec<Wire>,
    /// So many numbered places for seeds.
    pub slots: Option<u16>,
    /// So many named places for seeds.
    pub capacity: Option<u16>,
    /// Its clock; `None`: not known.
    pub clock: Option<ClockWrite>,
    /// Who sets its clock has to show a key that not everybody knows.
    pub clock_needs_auth: bool,
    /// What some versions do otherwise.
    pub quirks: Vec<Quirk>,
}

impl ChipProfile {
    /// What a device with this firmware does otherwise.
    pub fn quirks_of(&self, firmware: Version) -> impl Iterator<Item = &Quirk> {
        self.quirks.iter().filter(move |quirk| quirk.firmware.contain(firmware))
    }

    /// True when this of it can be written to.
    pub fn has(&self, application: Application) -> bool {
        self.applications.iter().any(|name| name == application.name())
    }
}

impl Profile {
    /// What this of the model can compute: a slot counts and knows SHA-1, a credential counts as well as it follows the
    /// time. Nothing when the model has no such application.
    pub fn specs_of(&self, application: Application) -> Vec<OtpSpec> {
        if !self.chip.as_ref().is_some_and(|chip| chip.has(application)) {
            return Vec::new();
        }
        match application {
            Application::SingleProfile => self.specs.clone(),
            Application::Slot(_) => {
                let hash = HashAlg::Sha1;
                let mut specs =
                    [Digits::SIX, Digits::EIGHT].map(|digits| OtpSpec::Hotp { hash, digits }).to_vec();
                // The public id is made of the serial number.
                specs.push(OtpSpec::YubicoOtp { public_id: YubicoPublicId::NONE });
                specs
            }
            Application::Oath => {
                let mut specs = self.specs.clone();
                for spec in &self.specs {
                    if let (Some(hash), Some(digits)) = (spec.hash(), spec.digits()) {
                        let counting = OtpSpec::Hotp { hash, digits };
                        if !specs.contains(&counting) {
                            specs.push(counting);
                        }
                    }
                }
                specs
            }
        }
    }

    /// Lengths of seeds that this of the model takes.
    pub fn seed_bytes_of(&self, application: Application) -> std::ops::RangeInclusive<usize> {
        match application {
            // yubikey-personalization, ykcore/ykdef.h: sixteen bytes of key and four of the private id.
            Application::Slot(_) => 1..=20,
            Application::Oath | Application::SingleProfile => self.seed_bytes.clone(),
        }
    }
}

/// A quirk as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawQuirk {
    firmware: String,
    what: String,
}

/// The table as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    family: String,
    #[serde(default)]
    serial_prefix: Vec<String>,
    #[serde(default)]
    usb: Vec<String>,
    #[serde(default)]
    atr: Vec<String>,
    #[serde(default)]
    applications: Vec<String>,
    transport: Vec<Wire>,
    slots: Option<u16>,
    capacity: Option<u16>,
    clock: Option<ClockWrite>,
    #[serde(default)]
    clock_needs_auth: bool,
    #[serde(default)]
    quirks: Vec<RawQuirk>,
}

/// Most places for seeds that a file may name.
const MOST_PLACES: u16 = 1000;

impl Raw {
    pub(super) fn read(&self, wrong: &Wrong<'_>) -> Result<ChipProfile, super::ProfileError> {
        let family = ChipFamily::ALL.into_iter().find(|family| family.name() == self.family);
        let family = family.ok_or_else(|| {
            wrong(
                "device.family",
                "yubikey, token2_single_profile, token2_molto2, token2_pin_plus, nitrokey_pro, nitrokey_3, \
                 protectimus_slim or unpublished",
            )
        })?;
        let is_prefix = |text: &String| {
            (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        if !self.serial_prefix.iter().all(is_prefix) {
            return Err(wrong("device.serial_prefix", "1 to 32 letters and digits each"));
        }
        let single = family == ChipFamily::Token2SingleProfile;
        if single && self.serial_prefix.is_empty() {
            return Err(wrong(
                "device.serial_prefix",
                "needed: by it a token is told from those that a wrong key locks",
            ));
        }
        let usb = self.usb.iter().map(|text| UsbId::parse(text)).collect::<Option<Vec<_>>>();
        let usb = usb.ok_or_else(|| wrong("device.usb", "vendor and product as 1050:0407"))?;
        let is_hex = |text: &String| {
            text.len() >= 8 && data_encoding::HEXUPPER_PERMISSIVE.decode(text.as_bytes()).is_ok()
        };
        if !self.atr.iter().all(is_hex) {
            return Err(wrong("device.atr", "four bytes or more in hexadecimal digits"));
        }
        if !self.applications.iter().all(|name| family.applications().contains(&name.as_str())) {
            return Err(wrong(
                "device.applications",
                "oath and otp_slot for yubikey, single_profile for token2_single_profile, none for others",
            ));
        }
        if self.transport.is_empty() {
            return Err(wrong("device.transport", "at least one of ccid, nfc, hid"));
        }
        for (field, places) in [("device.slots", self.slots), ("device.capacity", self.capacity)] {
            if places.is_some_and(|places| !(1..=MOST_PLACES).contains(&places)) {
                return Err(wrong(field, "1 to 1000"));
            }
        }
        if single && !self.clock.is_some_and(ClockWrite::is_own) {
            return Err(wrong("device.clock", "kept or clears_seed for token2_single_profile"));
        }
        if self.clock_needs_auth && !self.clock.is_some_and(ClockWrite::is_own) {
            return Err(wrong("device.clock_needs_auth", "only with clock kept or clears_seed"));
        }
        Ok(ChipProfile {
            family,
            serial_prefixes: self.serial_prefix.clone(),
            usb,
            atr: self.atr.iter().map(|text| text.to_ascii_uppercase()).collect(),
            applications: self.applications.clone(),
            wires: self.transport.clone(),
            slots: self.slots,
            capacity: self.capacity,
            clock: self.clock,
            clock_needs_auth: self.clock_needs_auth,
            quirks: self.quirks.iter().map(|raw| raw.read(wrong)).collect::<Result<_, _>>()?,
        })
    }
}

impl RawQuirk {
    fn read(&self, wrong: &Wrong<'_>) -> Result<Quirk, super::ProfileError> {
        let firmware = Versions::parse(&self.firmware)
            .ok_or_else(|| wrong("device.quirks.firmware", "bounds as >=4.2.0, <=4.2.6 or <5.7.0"))?;
        if self.what.trim().is_empty() {
            return Err(wrong("device.quirks.what", "say what these versions do otherwise"));
        }
        Ok(Quirk { firmware, what: self.what.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::profile::{Catalogue, read};
    use mintmark_device::applet::otp::Slot;

    const MINI: &str = include_str!("../../../firmware-profiles/token2-miniotp-2.toml");
    const KEY: &str = include_str!("../../../firmware-profiles/yubico-yubikey.toml");

    #[test]
    fn what_is_wrong_with_a_chip_is_said_with_file_and_field() {
        let said = |good: &str, from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            read("x", &good.replace(from, to)).expect_err("refused").to_string()
        };
        let family = said(MINI, "\"token2_single_profile\"", "\"token2\"");
        assert!(family.starts_with("x.toml, device.family: yubikey, token2_single_profile, "), "{family}");
        let prefix = "x.toml, device.serial_prefix: ";
        assert!(said(MINI, "[\"8659600\"]", "[]").starts_with(&format!("{prefix}needed: ")));
        assert!(said(MINI, "[\"8659600\"]", "[\"8659 600\"]").starts_with(&format!("{prefix}1 to 32 ")));
        let applications = said(MINI, "[\"single_profile\"]", "[\"oath\"]");
        assert!(applications.starts_with("x.toml, device.applications: oath and otp_slot for yubikey"));
        let clock = "x.toml, device.clock: kept or clears_seed for token2_single_profile";
        assert_eq!(said(MINI, "clock = \"kept\"", "clock = \"host\""), clock);
        assert!(said(MINI, "clock = \"kept\"", "clock = \"lost\"").contains("clears_seed"));
        assert_eq!(
            said(KEY, "clock = \"host\"", "clock = \"host\"\nclock_needs_auth = true"),
            "x.toml, device.clock_needs_auth: only with clock kept or clears_seed"
        );
        assert_eq!(said(KEY, "1050:0407", "1050:407"), "x.toml, device.usb: vendor and product as 1050:0407");
        assert!(said(KEY, "597562694B6579", "59756").starts_with("x.toml, device.atr: four bytes"));
        assert_eq!(said(KEY, "slots = 2", "slots = 0"), "x.toml, device.slots: 1 to 1000");
        assert_eq!(said(KEY, "capacity = 64", "capacity = 1001"), "x.toml, device.capacity: 1 to 1000");
        assert!(said(KEY, "<4.3.1", "4.3").starts_with("x.toml, device.quirks.firmware: bounds as "));
        assert!(said(KEY, "[\"ccid\", \"nfc\"]", "[]").starts_with("x.toml, device.transport: at least one"));
        assert!(said(KEY, "slots = 2", "slots = 2\nled = true").contains("led"));
    }

    #[test]
    fn versions_have_bounds() {
        let between = Versions::parse(">=4.2.0, <=4.2.6").expect("bounds");
        for (version, inside) in
            [((4, 1, 9), false), ((4, 2, 0), true), ((4, 2, 6), true), ((4, 2, 7), false)]
        {
            assert_eq!(between.contain(Version::new(version.0, version.1, version.2)), inside);
        }
        assert!(!Versions::parse("<5.7.0").expect("a bound").contain(Version::new(5, 7, 0)));
        for wrong in ["", "5.7.0", ">5.7.0", ">=5.7", ">=5.7.0.1", ">=5.7.0,", ">=300.0.0"] {
            assert_eq!(Versions::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn quirks_are_those_of_the_firmware() {
        let built_in = Catalogue::built_in();
        let chip = built_in.get("yubico-yubikey").and_then(|profile| profile.chip.as_ref()).expect("a chip");
        let said = |major, minor, patch| {
            let quirks = chip.quirks_of(Version::new(major, minor, patch));
            quirks.map(|quirk| quirk.what.as_str()).collect::<Vec<_>>().join("; ")
        };
        assert!(said(4, 2, 3).contains("SHA-512") && said(4, 2, 3).contains("touch"));
        assert!(said(5, 7, 4).contains("NFC") && !said(5, 7, 4).contains("SHA-512"));
    }

    #[test]
    fn applications_compute_what_they_can() {
        let built_in = Catalogue::built_in();
        let key = built_in.get("yubico-yubikey").expect("listed");
        let slot = Application::Slot(Slot::Two);
        assert!(key.specs_of(slot).iter().all(|spec| matches!(
            spec,
            OtpSpec::Hotp { hash: HashAlg::Sha1, .. } | OtpSpec::YubicoOtp { .. }
        )));
        assert_eq!((key.specs_of(slot).len(), key.seed_bytes_of(slot)), (3, 1..=20));
        let oath = key.specs_of(Application::Oath);
        assert!(oath.contains(&OtpSpec::Hotp { hash: HashAlg::Sha256, digits: Digits::EIGHT }));
        assert_eq!(oath.len(), key.specs.len() + 6);
        assert!(key.specs_of(Application::SingleProfile).is_empty());
        let mini = built_in.get("token2-miniotp-2").expect("listed");
        assert_eq!(mini.specs_of(Application::SingleProfile), mini.specs);
        assert!(mini.specs_of(Application::Oath).is_empty());
    }
}
