//! The management application of a YubiKey: serial number, firmware, form factor, which interfaces are switched on.
//!
//! Source: yubikey-manager 5.9, `yubikit/management.py`. Firmware 4.1.0 and later describe themselves; older keys say
//! their version only ([`identify`](super::identify::identify) asks them elsewhere).

use std::fmt;

use zeroize::Zeroizing;

use super::tlv;
use super::yubikey::{Version, Way, YubiKeyError, require, select};
use crate::apdu::{self, Command, Rest, Status};
use crate::transport::Transport;

/// Application identifier.
pub(crate) const AID: [u8; 8] = [0xa0, 0x00, 0x00, 0x05, 0x27, 0x47, 0x11, 0x17];
/// The first version that describes itself.
const SINCE: Version = Version::new(4, 1, 0);
const READ: &str = "READ CONFIG";
const WRITE: &str = "WRITE CONFIG";
/// Keys have two pages at most; a card that always promises another one would never end.
const MOST_PAGES: u8 = 16;

/// What a key can do over one transport, bit by bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Capabilities(pub u16);

impl Capabilities {
    /// Two slots: HOTP, challenge-response, Yubico OTP, static passwords.
    pub const OTP: Self = Self(0x0001);
    /// FIDO U2F.
    pub const U2F: Self = Self(0x0002);
    /// `OpenPGP`.
    pub const OPENPGP: Self = Self(0x0008);
    /// PIV.
    pub const PIV: Self = Self(0x0010);
    /// OATH credentials.
    pub const OATH: Self = Self(0x0020);
    /// `YubiHSM` Auth.
    pub const HSM_AUTH: Self = Self(0x0100);
    /// FIDO2.
    pub const FIDO2: Self = Self(0x0200);

    /// Each with its name, as vendors and standards write it.
    const NAMES: [(Self, &'static str); 7] = [
        (Self::OTP, "OTP"),
        (Self::OATH, "OATH"),
        (Self::PIV, "PIV"),
        (Self::OPENPGP, "OpenPGP"),
        (Self::FIDO2, "FIDO2"),
        (Self::U2F, "U2F"),
        (Self::HSM_AUTH, "YubiHSM Auth"),
    ];

    /// The names of these.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .filter(move |(capability, _)| self.contains(*capability))
            .map(|(_, name)| name)
    }

    /// True when all of `others` are among these.
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    fn parse(value: &[u8]) -> Option<Self> {
        match value {
            [low] => Some(Self(u16::from(*low))),
            [high, low] => Some(Self(u16::from_be_bytes([*high, *low]))),
            _ => None,
        }
    }
}

/// What is there, and what of it is switched on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Built in.
    pub supported: Capabilities,
    /// Switched on; not known of firmware 4 over USB, which reports it wrong.
    pub enabled: Option<Capabilities>,
}

/// The shape of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormFactor {
    /// Keychain, USB-A.
    KeychainA,
    /// Nano, USB-A.
    NanoA,
    /// Keychain, USB-C.
    KeychainC,
    /// Nano, USB-C.
    NanoC,
    /// USB-C and Lightning.
    Lightning,
    /// Fingerprint reader, USB-A.
    BioA,
    /// Fingerprint reader, USB-C.
    BioC,
    /// Not one of these; the low four bits of what the key said.
    Other(u8),
}

impl FormFactor {
    const fn of_nibble(nibble: u8) -> Self {
        match nibble {
            1 => Self::KeychainA,
            2 => Self::NanoA,
            3 => Self::KeychainC,
            4 => Self::NanoC,
            5 => Self::Lightning,
            6 => Self::BioA,
            7 => Self::BioC,
            other => Self::Other(other),
        }
    }
}

/// As which a key is sold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Series {
    /// Everything in it.
    Standard,
    /// Certified: settings can be limited by its rules.
    Fips,
    /// FIDO alone, nothing to write seeds to.
    SecurityKey,
}

impl Series {
    const fn of_form(form: u8) -> Self {
        match form & 0xc0 {
            0x00 => Self::Standard,
            0x80 => Self::Fips,
            _ => Self::SecurityKey,
        }
    }
}

/// What a key says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The number printed on it; Security Keys have none.
    pub serial: Option<u32>,
    /// Of the firmware.
    pub version: Version,
    /// Not known of keys before 4.1.0, as all that follows.
    pub form_factor: Option<FormFactor>,
    /// As which it is sold.
    pub series: Series,
    /// Over USB.
    pub usb: Option<Interface>,
    /// Contactless; `None` also when the key has no antenna.
    pub nfc: Option<Interface>,
    /// A lock code guards these settings.
    pub is_locked: bool,
    /// As it comes out of the box (firmware 5.7): contactless readers see nothing before the key was in a USB port.
    pub is_nfc_restricted: bool,
    /// The number of the article.
    pub part_number: Option<String>,
}

impl DeviceInfo {
    /// What is known of a key that does not describe itself.
    pub(super) const fn of_old_key(version: Version, serial: Option<u32>) -> Self {
        Self {
            serial,
            version,
            form_factor: None,
            series: Series::Standard,
            usb: None,
            nfc: None,
            is_locked: false,
            is_nfc_restricted: false,
            part_number: None,
        }
    }

    /// Takes in one page of READ CONFIG, its length byte included; returns the number of further pages.
    fn read_page(&mut self, page: &[u8]) -> Result<u8, &'static str> {
        let (&len, mut rest) = page.split_first().ok_or("an empty page")?;
        if usize::from(len) != rest.len() {
            return Err("a page of another length than it says");
        }
        let mut further = 0;
        let (mut nfc_supported, mut nfc_enabled) = (None, None);
        let (mut usb_supported, mut usb_enabled) = (None, None);
        while !rest.is_empty() {
            let (tag, value) = tlv::take(&mut rest).ok_or("an entry that is cut off")?;
            let capabilities = || Capabilities::parse(value).ok_or("capabilities of more than two bytes");
            match (tag, value) {
                (0x01, _) => usb_supported = Some(capabilities()?),
                (0x03, _) => usb_enabled = Some(capabilities()?),
                (0x0d, _) => nfc_supported = Some(capabilities()?),
                (0x0e, _) => nfc_enabled = Some(capabilities()?),
                (0x02, value) => {
                    let serial = value.try_into().map_err(|_| "a serial number that has not four bytes")?;
                    self.serial = Some(u32::from_be_bytes(serial)).filter(|serial| *serial != 0);
                }
                (0x04, [form]) => {
                    self.form_factor = Some(FormFactor::of_nibble(form & 0x0f));
                    self.series = Series::of_form(*form);
                }
                (0x05, value) => {
                    self.version = Version::from_bytes(value).ok_or("a version that has not three bytes")?;
                }
                (0x0a, value) => self.is_locked = value == [1],
                (0x10, [more]) => further = *more,
                (0x13, value) => self.part_number = String::from_utf8(value.to_vec()).ok(),
                (0x17, value) => self.is_nfc_restricted = value == [1],
                // Keys that are still developed say 0.0.1 in the usual place, and here what they will be.
                (0x19, mut qualifier) => {
                    while let Some((tag, value)) = tlv::take(&mut qualifier) {
                        if let (0x01, Some(version)) = (tag, Version::from_bytes(value)) {
                            self.version = version;
                        }
                    }
                }
                _ => {}
            }
        }
        if let Some(supported) = usb_supported {
            // 4.2.4 forgets some of what it has.
            let wrong = self.version == Version::new(4, 2, 4);
            let supported = if wrong { Capabilities(0x3f) } else { supported };
            let enabled = usb_enabled.filter(|_| self.version.major != 4);
            self.usb = Some(Interface { supported, enabled });
        }
        if let Some(supported) = nfc_supported {
            self.nfc = Some(Interface { supported, enabled: nfc_enabled });
        }
        Ok(further)
    }
}

/// Sixteen bytes that guard the settings. Who loses them cannot change the settings ever again.
pub struct LockCode(Zeroizing<[u8; 16]>);

impl LockCode {
    /// Any value but sixteen zeros, which the key takes for none.
    pub fn new(code: Zeroizing<[u8; 16]>) -> Option<Self> {
        (*code != [0; 16]).then_some(Self(code))
    }
}

impl fmt::Debug for LockCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LockCode(16 bytes)")
    }
}

/// What becomes of the lock code.
#[derive(Debug)]
pub enum Lock {
    /// This one from now on.
    Set(LockCode),
    /// None.
    Clear,
}

/// A change of the settings: what is `None` stays.
#[derive(Debug, Default)]
pub struct ConfigChange {
    /// Restart the key, so that USB shows what is new.
    pub reboot: bool,
    /// The lock code of now.
    pub unlock: Option<LockCode>,
    /// What is switched on over USB.
    pub usb: Option<Capabilities>,
    /// What is switched on over NFC.
    pub nfc: Option<Capabilities>,
    /// The lock code of then.
    pub lock: Option<Lock>,
}

impl ConfigChange {
    fn command(&self) -> Command {
        let mut tlvs = Zeroizing::new(Vec::with_capacity(64));
        if self.reboot {
            tlv::push(&mut tlvs, 0x0c, &[]);
        }
        if let Some(LockCode(code)) = &self.unlock {
            tlv::push(&mut tlvs, 0x0b, &**code);
        }
        for (tag, capabilities) in [(0x03, self.usb), (0x0e, self.nfc)] {
            if let Some(Capabilities(bits)) = capabilities {
                tlv::push(&mut tlvs, tag, &bits.to_be_bytes());
            }
        }
        match &self.lock {
            Some(Lock::Set(LockCode(code))) => tlv::push(&mut tlvs, 0x0a, &**code),
            Some(Lock::Clear) => tlv::push(&mut tlvs, 0x0a, &[0; 16]),
            None => {}
        }
        let mut data = Zeroizing::new(Vec::with_capacity(1 + tlvs.len()));
        let [.., len] = tlvs.len().to_be_bytes();
        data.push(len);
        data.extend_from_slice(&tlvs);
        Command::new(0x00, 0x1c, 0x00, 0x00).with_secret(data).in_widest_form()
    }
}

/// The open management application.
pub struct Management<'a> {
    way: Way<'a>,
    version: Version,
}

impl<'a> Management<'a> {
    /// Opens it.
    pub fn select(transport: &'a mut dyn Transport) -> Result<Self, YubiKeyError> {
        let response = select(transport, &Command::select(&AID), "management")?;
        let what = "no version is in it";
        let version =
            Version::in_text(&response.data).ok_or(YubiKeyError::Malformed { command: "SELECT", what })?;
        Ok(Self { way: Way::new(transport, version), version })
    }

    /// Of the firmware.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// True when [`read_config`](Self::read_config) is understood: since 4.1.0.
    pub fn describes_itself(&self) -> bool {
        require("", SINCE, self.version).is_ok()
    }

    /// READ CONFIG, all pages.
    pub fn read_config(&mut self) -> Result<DeviceInfo, YubiKeyError> {
        require("reading what a key is", SINCE, self.version)?;
        let malformed = |what| YubiKeyError::Malformed { command: READ, what };
        let mut device = DeviceInfo::of_old_key(self.version, None);
        let (mut page, mut last) = (0, 0);
        while page <= last {
            let command = Command::new(0x00, 0x1d, page, 0x00).in_widest_form();
            let response = apdu::send(&mut self.way, &command, Rest::GetResponse)?;
            if response.status != Status::OK {
                return Err(YubiKeyError::Refused { command: READ, status: response.status });
            }
            let further = device.read_page(&response.data).map_err(malformed)?;
            last = last.max(page.saturating_add(further));
            if last > MOST_PAGES {
                return Err(malformed("pages without end"));
            }
            page += 1;
        }
        Ok(device)
    }

    /// WRITE CONFIG, since 5.0.0. A key that is locked refuses it without its code.
    pub fn write_config(&mut self, change: &ConfigChange) -> Result<(), YubiKeyError> {
        require("changing what is switched on", Version::new(5, 0, 0), self.version)?;
        let response = apdu::send(&mut self.way, &change.command(), Rest::GetResponse)?;
        match response.status {
            Status::OK => Ok(()),
            status => Err(YubiKeyError::Refused { command: WRITE, status }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::applet::identify::identify;
    use crate::exchanges::{Exchanges, MANAGEMENT};
    use crate::transport::Lengths;
    use crate::transport::scripted::{Scripted, bytes, hex};

    const SELECT: &str = "00A4040008A000000527471117";

    fn code() -> LockCode {
        LockCode::new(Zeroizing::new(std::array::from_fn(|at| u8::try_from(at).expect("small"))))
            .expect("a code")
    }

    fn blank() -> DeviceInfo {
        DeviceInfo::of_old_key(Version::new(5, 0, 0), None)
    }

    #[test]
    fn sends_and_reads_what_was_recorded() {
        let recorded = Exchanges::read(include_str!("../../tests/exchanges/yubikey_management_ccid.json"));
        let mut card = recorded.card(Lengths::Extended, &MANAGEMENT);
        let mut management = Management::select(&mut card).expect("selected");
        assert_eq!(management.version(), Version::new(5, 7, 4));
        let device = management.read_config().expect("read");
        assert_eq!((device.serial, device.version), (Some(12_345_678), Version::new(5, 7, 4)));
        assert_eq!(device.form_factor, Some(FormFactor::KeychainC));
        let all = Capabilities(0x033f);
        assert_eq!(device.usb, Some(Interface { supported: all, enabled: Some(all) }));
        assert_eq!(device.nfc, device.usb);
        assert!(!device.is_locked && !device.is_nfc_restricted && device.series == Series::Standard);
        let nfc = Some(Capabilities::OATH);
        management
            .write_config(&ConfigChange { usb: Some(all), nfc, ..Default::default() })
            .expect("written");
        let lock = Some(Lock::Set(code()));
        management.write_config(&ConfigChange { lock, ..Default::default() }).expect("locked");
        assert!(management.read_config().expect("read").is_locked);
        let refused = management.write_config(&ConfigChange { reboot: true, ..Default::default() });
        assert_eq!(refused, Err(YubiKeyError::Refused { command: WRITE, status: Status::SECURITY }));
        let unlock = || Some(code());
        let reboot = ConfigChange { reboot: true, unlock: unlock(), ..Default::default() };
        management.write_config(&reboot).expect("rebooted");
        let clear = ConfigChange { unlock: unlock(), lock: Some(Lock::Clear), ..Default::default() };
        management.write_config(&clear).expect("unlocked");
    }

    /// A page of these entries as a response.
    fn page(entries: &str) -> String {
        format!("{:02X}{entries}9000", entries.len() / 2)
    }

    fn said(version: &str) -> String {
        hex(version.as_bytes()) + "9000"
    }

    #[test]
    fn pages_are_read_to_the_last_one() {
        let (first, second, third) = (page("0503050700100102"), page("020400000007"), page("170101"));
        let version = said("Version 5.7.0");
        let script = [(SELECT, &version), ("001D0000", &first), ("001D0100", &second), ("001D0200", &third)]
            .map(|(ask, answer)| (ask, answer.as_str()));
        let mut card = Scripted::new(Lengths::Extended, &script);
        let device = Management::select(&mut card).expect("selected").read_config().expect("read");
        assert_eq!((device.serial, device.is_nfc_restricted), (Some(7), true));
    }

    #[test]
    fn a_card_that_always_has_another_page_ends() {
        let more = page("100101");
        let asks: Vec<_> = (0..MOST_PAGES).map(|page| format!("001D{page:02X}00")).collect();
        let version = said("5.7.0");
        let mut script = vec![(SELECT, version.as_str())];
        script.extend(asks.iter().map(|ask| (ask.as_str(), more.as_str())));
        script.push(("001D1000", &more));
        let mut card = Scripted::new(Lengths::Extended, &script);
        let read = Management::select(&mut card).expect("selected").read_config();
        assert_eq!(read, Err(YubiKeyError::Malformed { command: READ, what: "pages without end" }));
    }

    #[test]
    fn quirks_of_old_and_new_firmware_are_known() {
        let read = |entries: &str| {
            let mut device = blank();
            let page = page(entries);
            device.read_page(&bytes(&page[..page.len() - 4])).map(|_| device)
        };
        let wrong = read("0503040204010103030101").expect("read");
        assert_eq!(wrong.usb, Some(Interface { supported: Capabilities(0x3f), enabled: None }));
        let developed = read("05030000011905010305080A").expect("read");
        assert_eq!(developed.version, Version::new(5, 8, 10));
        let security_key = read("020400000000040143").expect("read");
        assert_eq!((security_key.serial, security_key.series), (None, Series::SecurityKey));
        assert_eq!(read("040181").expect("read").series, Series::Fips);
        let restricted = read("0D02033F0E020000").expect("read").nfc.expect("an antenna");
        assert!(restricted.supported.contains(Capabilities::OATH));
        assert_eq!(restricted.enabled, Some(Capabilities(0)));
        assert_eq!(read("130830313233343536").expect_err("cut"), "an entry that is cut off");
        assert_eq!(read("0203000001").expect_err("short"), "a serial number that has not four bytes");
        assert_eq!(blank().read_page(&[]), Err("an empty page"));
        assert_eq!(blank().read_page(&[2, 0]), Err("a page of another length than it says"));
    }

    #[test]
    fn keys_without_a_description_say_serial_and_version_through_their_slots() {
        let neo = said("Virtual mgr - FW version 3.4.9");
        let otp = "00A4040007A0000005272001";
        let script = [(SELECT, neo.as_str()), ("A4040008", "6E00"), (otp, "0304090105009000")];
        let script = [&script[..], &[("0001100000", "0000002A9000")]].concat();
        let mut card = Scripted::new(Lengths::Short, &script);
        let device = identify(&mut card).expect("identified");
        assert_eq!((device.serial, device.version), (Some(42), Version::new(3, 4, 9)));
        assert_eq!((device.form_factor, device.usb, device.nfc), (None, None, None));
        let script = [(SELECT, "6A82"), (otp, "0402000000009000"), ("00011000", "9000")];
        let device = identify(&mut Scripted::new(Lengths::Extended, &script)).expect("identified");
        assert_eq!((device.serial, device.version), (None, Version::new(4, 2, 0)));
        let none = identify(&mut Scripted::new(Lengths::Extended, &[(SELECT, "6A82"), (otp, "6D00")]));
        assert_eq!(none, Err(YubiKeyError::NoApplication("management")));
        let script = [(SELECT, neo.as_str()), ("A4040008", "9000"), (otp, "6999")];
        assert_eq!(identify(&mut Scripted::new(Lengths::Extended, &script)).expect("known").serial, None);
    }

    #[test]
    fn old_firmware_is_told_before_anything_is_sent() {
        let (old, neo) = (said("4.3.7"), said("3.4.9"));
        let mut card = Scripted::new(Lengths::Extended, &[(SELECT, &old)]);
        let refused = Management::select(&mut card).expect("selected").write_config(&ConfigChange::default());
        let text = refused.expect_err("too old").to_string();
        assert_eq!(
            text,
            "changing what is switched on needs firmware 5.0.0, this key has 4.3.7; use a newer key"
        );
        let mut card = Scripted::new(Lengths::Short, &[(SELECT, &neo)]);
        let refused = Management::select(&mut card).expect("selected").read_config();
        assert!(matches!(refused, Err(YubiKeyError::TooOld { .. })));
        let mut card = Scripted::new(Lengths::Short, &[(SELECT, "4E6F9000")]);
        let refused = Management::select(&mut card).err();
        assert!(matches!(refused, Some(YubiKeyError::Malformed { command: "SELECT", .. })));
    }

    #[test]
    fn lock_codes_are_not_shown() {
        let change =
            ConfigChange { unlock: Some(code()), lock: Some(Lock::Set(code())), ..Default::default() };
        assert!(format!("{change:?}").contains("LockCode(16 bytes)"));
        assert!(!format!("{change:?}").contains("13"));
        assert_eq!(format!("{:?}", change.command()), "001C0000 (37 secret bytes)");
        assert!(LockCode::new(Zeroizing::new([0; 16])).is_none());
    }

    proptest! {
        #[test]
        fn any_page_is_read_or_refused(page in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = blank().read_page(&page);
            let whole = [&[u8::try_from(page.len()).expect("short")], page.as_slice()].concat();
            let _ = blank().read_page(&whole);
            let _ = Version::in_text(&page);
        }
    }
}
