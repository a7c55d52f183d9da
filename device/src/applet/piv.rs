//! The PIV application of a YubiKey, as far as it tells which key this is: version, serial number, what the key states of keys
//! that it generated itself, and one such key to prove that the statement is its own.
//!
//! Source: NIST SP 800-73-5 part 2 (GET DATA, GENERAL AUTHENTICATE, GENERATE ASYMMETRIC KEY PAIR); yubikey-manager 5.9,
//! `yubikit/piv.py` (everything that is Yubico's own: metadata, serial number, attestation, removal of keys).

mod cipher;
pub(crate) mod wire;

use std::fmt;

use zeroize::Zeroizing;

use super::yubikey::{Version, Way, YubiKeyError, require, select};
use crate::apdu::{self, Command, Response, Rest, Status};
use crate::transport::Transport;

pub(crate) use cipher::BlockCipher;
pub use cipher::{ManagementKey, ManagementKeyKind};
pub use wire::{KeyMetadata, Origin};

/// Application identifier, without the version behind it.
pub(crate) const AID: [u8; 5] = [0xa0, 0x00, 0x00, 0x03, 0x08];
/// Status words for a key or an object that is not there.
const REFERENCE_NOT_FOUND: Status = Status(0x6a88);
/// Data object of the attestation certificate.
const ATTESTATION_OBJECT: [u8; 3] = [0x5f, 0xff, 0x01];
/// Number of Ed25519 among the algorithms of keys.
pub(crate) const ED25519: u8 = 0xe0;
/// Reference of the management key.
pub(crate) const MANAGEMENT: u8 = 0x9b;

/// The first versions that know it.
pub(crate) const ATTESTS: Version = Version::new(4, 3, 0);
const SERIAL: Version = Version::new(5, 0, 0);
const METADATA: Version = Version::new(5, 3, 0);
pub(crate) const REMOVES: Version = Version::new(5, 7, 0);

/// Where a key lies: authentication (9a), signature (9c), key management (9d), card authentication (9e), and twenty places for
/// keys that were replaced (82 to 95).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PivSlot(u8);

impl PivSlot {
    /// The last of the places for replaced keys: what is least likely to be in use.
    pub const LAST: Self = Self(0x95);

    /// All of them, the four that have a purpose first.
    pub fn all() -> impl Iterator<Item = Self> {
        [0x9a, 0x9c, 0x9d, 0x9e].into_iter().chain(0x82..=0x95).map(Self)
    }

    /// From two hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let number = u8::from_str_radix(text, 16).ok().filter(|_| text.len() == 2)?;
        Self::all().find(|slot| slot.0 == number)
    }

    /// True for the twenty that have no purpose of their own.
    pub const fn is_for_replaced_keys(self) -> bool {
        matches!(self.0, 0x82..=0x95)
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for PivSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02x}", self.0)
    }
}

/// What can go wrong with PIV.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PivError {
    /// What can go wrong with every application.
    #[error(transparent)]
    Key(#[from] YubiKeyError),
    /// A key lies there, and none is overwritten.
    #[error("slot {0} holds a key, which is not overwritten: name another slot, 82 to 95")]
    SlotTaken(PivSlot),
    /// Slots with a purpose are not generated into.
    #[error("slot {0} has a purpose of its own: name one of 82 to 95")]
    SlotHasPurpose(PivSlot),
    /// The management key is not the one that keys are delivered with, or not the one that was given.
    #[error(
        "the key does not take this management key: give the one that was set when PIV was set up (there is no limit of \
         tries)"
    )]
    WrongManagementKey,
    /// Another length than its algorithm has.
    #[error("a management key of this kind ({kind}) has {} bytes, {given} were given", .kind.bytes())]
    ManagementKeyLength {
        /// What the key asks for.
        kind: ManagementKeyKind,
        /// How many bytes there were.
        given: usize,
    },
    /// It could not show that it knows the management key itself.
    #[error("the key took a management key that it does not know itself: it is no YubiKey")]
    NotMutual,
}

/// The open PIV application.
pub struct Piv<'a> {
    way: Way<'a>,
    version: Version,
}

impl<'a> Piv<'a> {
    /// Opens it and asks for its version, which is that of the firmware.
    pub fn select(transport: &'a mut dyn Transport) -> Result<Self, YubiKeyError> {
        select(transport, &Command::select(&AID), "PIV")?;
        let command = Command::new(0x00, 0xfd, 0x00, 0x00).expecting_data();
        let response = ok("GET VERSION", apdu::send(transport, &command, Rest::GetResponse)?)?;
        let version = wire::read_version(&response.data).map_err(|what| malformed("GET VERSION", what))?;
        Ok(Self { way: Way::new(transport, version), version })
    }

    /// Of the firmware.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The serial number; `None` before 5.0.0, which tells it elsewhere.
    pub fn serial(&mut self) -> Result<Option<u32>, YubiKeyError> {
        if require("", SERIAL, self.version).is_err() {
            return Ok(None);
        }
        let response = self.asked("GET SERIAL", Command::new(0x00, 0xf8, 0x00, 0x00))?;
        wire::read_serial(&response.data).map(Some).map_err(|what| malformed("GET SERIAL", what))
    }

    /// The certificate of the key that signs statements (DER); `None`: somebody removed it.
    pub fn attestation_certificate(&mut self) -> Result<Option<Vec<u8>>, YubiKeyError> {
        require("attestation", ATTESTS, self.version)?;
        let mut wanted = vec![0x5c, 3];
        wanted.extend(ATTESTATION_OBJECT);
        let response = self.send(Command::new(0x00, 0xcb, 0x3f, 0xff).with_data(&wanted))?;
        if response.status == Status::NOT_FOUND {
            return Ok(None);
        }
        let response = ok("GET DATA", response)?;
        let read = wire::read_certificate(&response.data);
        read.map(|der| Some(der.to_vec())).map_err(|what| malformed("GET DATA", what))
    }

    /// What the key states of the key in a slot: a certificate (DER) that it makes at that moment. `None`: no key is there, or
    /// one that it did not generate.
    pub fn attest(&mut self, slot: PivSlot) -> Result<Option<Vec<u8>>, YubiKeyError> {
        require("attestation", ATTESTS, self.version)?;
        let response = self.send(Command::new(0x00, 0xf9, slot.0, 0x00))?;
        match response.status {
            Status::OK => Ok(Some(response.data.to_vec())),
            Status::WRONG_DATA | Status::NOT_FOUND | REFERENCE_NOT_FOUND | Status::CONDITIONS => Ok(None),
            status => Err(YubiKeyError::Refused { command: "ATTEST", status }),
        }
    }

    /// What lies in a slot; `None`: nothing. Since 5.3.0.
    pub fn metadata(&mut self, slot: PivSlot) -> Result<Option<KeyMetadata>, YubiKeyError> {
        require("asking what lies in a slot", METADATA, self.version)?;
        let response = self.send(Command::new(0x00, 0xf7, 0x00, slot.0))?;
        if matches!(response.status, REFERENCE_NOT_FOUND | Status::NOT_FOUND) {
            return Ok(None);
        }
        let response = ok("GET METADATA", response)?;
        wire::read_metadata(&response.data).map(Some).map_err(|what| malformed("GET METADATA", what))
    }

    /// A slot with a key that the key states something of, and that statement. Since 5.3.0 it says where to ask; before
    /// that each slot is asked.
    pub fn any_statement(&mut self) -> Result<Option<(PivSlot, Vec<u8>)>, YubiKeyError> {
        for slot in PivSlot::all() {
            let is_asked = require("", METADATA, self.version).is_err()
                || self.metadata(slot)?.is_some_and(|there| there.origin == Origin::Generated);
            if is_asked && let Some(statement) = self.attest(slot)? {
                return Ok(Some((slot, statement)));
            }
        }
        Ok(None)
    }

    /// Shows that we know the management key, and lets the key show that it does (SP 800-73-5 part 2, §3.2.4 and appendix A.1).
    /// `challenge` is drawn for this call. Without a key that was given, the one that keys are delivered with.
    pub fn authenticate(
        &mut self,
        given: Option<&ManagementKey>,
        challenge: [u8; 16],
    ) -> Result<(), PivError> {
        const COMMAND: &str = "GENERAL AUTHENTICATE";
        let kind = self.management_key_kind()?;
        let factory = ManagementKey::factory();
        let cipher = given.unwrap_or(&factory).cipher(kind)?;
        let block = kind.block();
        let command = |data: &[u8]| Command::new(0x00, 0x87, kind.number(), MANAGEMENT).with_data(data);
        let response = ok(COMMAND, self.send(command(&[wire::DYNAMIC, 2, wire::WITNESS, 0]))?)?;
        let witness = wire::read_dynamic(wire::WITNESS, &response.data);
        let mut witness = Zeroizing::new(witness.map_err(|what| malformed(COMMAND, what))?.to_vec());
        if witness.len() != block {
            return Err(malformed(COMMAND, "a witness of another length than a block").into());
        }
        cipher.decrypt(&mut witness);
        let mut expected = challenge[..block].to_vec();
        let answered = wire::dynamic(&[(wire::WITNESS, &witness), (wire::CHALLENGE, &expected)]);
        let response = self.send(command(&answered))?;
        if response.status != Status::OK {
            return Err(PivError::WrongManagementKey);
        }
        cipher.encrypt(&mut expected);
        let shown = wire::read_dynamic(wire::RESPONSE, &response.data);
        if shown.map_err(|what| malformed(COMMAND, what))? == expected {
            Ok(())
        } else {
            Err(PivError::NotMutual)
        }
    }

    fn management_key_kind(&mut self) -> Result<ManagementKeyKind, YubiKeyError> {
        if require("", METADATA, self.version).is_err() {
            return Ok(ManagementKeyKind::Tdes);
        }
        let response = self.asked("GET METADATA", Command::new(0x00, 0xf7, 0x00, MANAGEMENT))?;
        wire::read_management_kind(&response.data).map_err(|what| malformed("GET METADATA", what))
    }

    /// Generates an Ed25519 key that asks for neither PIN nor touch, in a slot that is free, and returns its public key. Since
    /// 5.7.0, the first version that knows these keys and that can [remove](Self::remove) one again. The management key must
    /// have been shown.
    pub fn generate(&mut self, slot: PivSlot) -> Result<[u8; 32], PivError> {
        const COMMAND: &str = "GENERATE ASYMMETRIC KEY PAIR";
        require("a key that is generated as a proof and removed again", REMOVES, self.version)?;
        if !slot.is_for_replaced_keys() {
            return Err(PivError::SlotHasPurpose(slot));
        }
        if self.metadata(slot)?.is_some() {
            return Err(PivError::SlotTaken(slot));
        }
        let template = [0xac, 9, 0x80, 1, ED25519, 0xaa, 1, wire::NEVER, 0xab, 1, wire::NEVER];
        let response = ok(COMMAND, self.send(Command::new(0x00, 0x47, 0x00, slot.0).with_data(&template))?)?;
        wire::read_generated(&response.data).map_err(|what| malformed(COMMAND, what).into())
    }

    /// Signs with such a key.
    pub fn sign(&mut self, slot: PivSlot, message: &[u8; 32]) -> Result<Vec<u8>, YubiKeyError> {
        const COMMAND: &str = "GENERAL AUTHENTICATE";
        let data = wire::dynamic(&[(wire::RESPONSE, &[]), (wire::CHALLENGE, message)]);
        let response = self.asked(COMMAND, Command::new(0x00, 0x87, ED25519, slot.0).with_data(&data))?;
        let signature = wire::read_dynamic(wire::RESPONSE, &response.data);
        signature.map(<[u8]>::to_vec).map_err(|what| malformed(COMMAND, what))
    }

    /// Removes a key. Since 5.7.0; the management key must have been shown.
    pub fn remove(&mut self, slot: PivSlot) -> Result<(), YubiKeyError> {
        require("removing a key", REMOVES, self.version)?;
        self.asked("MOVE KEY", Command::new(0x00, 0xf6, 0xff, slot.0)).map(drop)
    }

    fn send(&mut self, command: Command) -> Result<Response, YubiKeyError> {
        Ok(apdu::send(&mut self.way, &command.in_widest_form(), Rest::GetResponse)?)
    }

    fn asked(&mut self, name: &'static str, command: Command) -> Result<Response, YubiKeyError> {
        ok(name, self.send(command)?)
    }
}

fn ok(command: &'static str, response: Response) -> Result<Response, YubiKeyError> {
    match response.status {
        Status::OK => Ok(response),
        status => Err(YubiKeyError::Refused { command, status }),
    }
}

const fn malformed(command: &'static str, what: &'static str) -> YubiKeyError {
    YubiKeyError::Malformed { command, what }
}

#[cfg(test)]
mod tests;
