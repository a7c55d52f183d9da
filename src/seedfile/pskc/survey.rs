//! First passes over a PSKC file: is it well-formed, what protects it, which devices have several keys.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

use super::key::{self, Algorithm};
use super::protection::{self, Protection, Value};
use super::xml::{Item, Node, Puller};
use crate::model::TokenSerial;
use crate::seedfile::problem::{FileError, Position, ProblemCode};

/// The first encrypted value of a file.
pub(super) struct FirstEncrypted {
    pub(super) at: Position,
    /// Its algorithm, empty when none is named.
    pub(super) uri: String,
}

/// What stands outside the packages, and what is said of all packages together.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) encryption_key: Option<Node>,
    pub(super) mac_method: Option<Node>,
    pub(super) encrypted: Option<FirstEncrypted>,
    pub(super) value_mac: Option<Position>,
    pub(super) signed: bool,
    encrypted_numbers: bool,
    hasher: RandomState,
    devices: HashMap<u64, u32>,
    /// Key ids of devices that have several keys, in order.
    slots: HashMap<u64, Vec<String>>,
}

/// The names of the numbers in `Data`.
const NUMBERS: [&str; 4] = ["Counter", "Time", "TimeInterval", "TimeDrift"];

type Tick<'t> = &'t mut dyn FnMut() -> Result<(), FileError>;

/// Calls `each` with every package and the bytes read, until it says `false`.
pub(super) fn packages(
    text: &str,
    mut each: impl FnMut(Node, usize) -> Result<bool, FileError>,
) -> Result<(), FileError> {
    let mut puller = Puller::new(text);
    puller.open()?;
    while let Item::Child { name, is_pskc, .. } = puller.child()? {
        if is_pskc && name == "KeyPackage" {
            let package = puller.tree()?;
            if !each(package, puller.done())? {
                break;
            }
        }
    }
    Ok(())
}

impl Survey {
    /// Reads the whole document once.
    pub(super) fn of(text: &str, tick: Tick<'_>) -> Result<Self, FileError> {
        let mut survey = Self::default();
        let mut puller = Puller::new(text);
        let root = puller.open()?;
        match root.attribute("Version") {
            Some("1" | "1.0") => {}
            found => {
                let what = if found.is_some() {
                    "only version 1.0 of PSKC (RFC 6030) can be read. Ask the vendor for that version."
                } else {
                    "the file does not say its version of PSKC. Ask the vendor for a file with Version=\"1.0\"."
                };
                return Err(FileError::at(root.at, ProblemCode::PskcVersion, what));
            }
        }
        let mut count = 0u64;
        while let Item::Child { name, is_pskc, at } = puller.child()? {
            match name.as_str() {
                "EncryptionKey" if is_pskc => survey.encryption_key = Some(puller.tree()?),
                "MACMethod" if is_pskc => survey.mac_method = Some(puller.tree()?),
                "Signature" => survey.signed = true,
                "Device" if is_pskc => {
                    let what = "this is a PSKC file of an early draft. Only PSKC 1.0 (RFC 6030) can be read; ask the vendor for that, or for a CSV file.";
                    return Err(FileError::at(at, ProblemCode::FormatUnsupported, what));
                }
                "KeyPackage" if is_pskc => {
                    survey.package(&puller.tree()?);
                    count += 1;
                    if count.is_multiple_of(4096) {
                        tick()?;
                    }
                }
                _ => {}
            }
        }
        if survey.devices.values().any(|count| *count > 1) {
            survey.number(text, tick)?;
        }
        survey.devices = HashMap::new();
        Ok(survey)
    }

    fn package(&mut self, package: &Node) {
        if let Some(device) = self.device(package) {
            *self.devices.entry(device).or_insert(0) += 1;
        }
        let Some(data) = package.child("Key").and_then(|key| key.child("Data")) else { return };
        for element in &data.children {
            if self.value_mac.is_none() {
                self.value_mac = element.find("ValueMAC").map(|mac| mac.at);
            }
            let Some(encrypted) = element.any_child("EncryptedValue") else { continue };
            self.encrypted_numbers |= NUMBERS.contains(&element.name.as_str());
            if self.encrypted.is_none() {
                let method = encrypted.any_child("EncryptionMethod");
                let uri = method.and_then(|m| m.attribute("Algorithm")).unwrap_or("").to_owned();
                self.encrypted = Some(FirstEncrypted { at: method.map_or(encrypted.at, |m| m.at), uri });
            }
        }
    }

    /// A number for the device of a package that holds an OATH key.
    fn device(&self, package: &Node) -> Option<u64> {
        let key = package.child("Key")?;
        if matches!(Algorithm::of(key), Algorithm::Pin | Algorithm::Unknown(_)) {
            return None;
        }
        let info = package.child("DeviceInfo")?;
        let serial = TokenSerial::normal_form(info.text_of("SerialNo"));
        if serial.is_empty() {
            None
        } else {
            Some(self.hasher.hash_one((info.text_of("Manufacturer"), serial)))
        }
    }

    /// Collects the key ids of devices with several keys.
    fn number(&mut self, text: &str, tick: Tick<'_>) -> Result<(), FileError> {
        let mut slots: HashMap<u64, Vec<String>> = HashMap::new();
        packages(text, |package, _| {
            if let Some(device) = self.device(&package)
                && self.devices.get(&device).is_some_and(|count| *count > 1)
            {
                let ids = slots.entry(device).or_default();
                ids.push(key::id(&package).to_owned());
                if ids.len() == 1 {
                    tick()?;
                }
            }
            Ok(true)
        })?;
        for ids in slots.values_mut() {
            ids.sort_by_cached_key(|id| (id.parse::<u64>().map_err(|_| ()), id.clone()));
            ids.dedup();
        }
        self.slots = slots;
        Ok(())
    }

    /// Which key of its device a package holds, counted from 1; `None` for the only one.
    pub(super) fn slot(&self, package: &Node) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let ids = self.slots.get(&self.device(package)?)?;
        let place = ids.iter().position(|id| id == key::id(package))?;
        if ids.len() > 1 { Some(place + 1) } else { None }
    }

    /// Finds out whether the key fits any value at all, and how encrypted numbers are written.
    pub(super) fn try_key(&self, text: &str, protection: &mut Protection) -> Result<(), FileError> {
        let (mut right, mut wrong, mut binary) = (false, false, false);
        packages(text, |package, _| {
            let data = package.child("Key").and_then(|key| key.child("Data"));
            for element in data.map_or(&[][..], |data| &data.children) {
                if element.any_child("EncryptedValue").is_none() {
                    continue;
                }
                match protection::value(element, Some(protection)) {
                    Ok(Some(Value::Opened { bytes, .. })) => {
                        right = true;
                        binary |= NUMBERS.contains(&element.name.as_str()) && !key::is_decimal(&bytes);
                    }
                    Err(placed) => wrong |= placed.fault.code == ProblemCode::PskcKeyOrMacWrong,
                    Ok(_) => {}
                }
            }
            Ok(!right || (self.encrypted_numbers && !binary))
        })?;
        if wrong && !right {
            return Err(FileError::WrongKey);
        }
        protection.binary_numbers = binary;
        Ok(())
    }
}
