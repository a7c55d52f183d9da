//! What the applications of a YubiKey have in common: versions, how they are opened, what a refusal says; and which
//! key it is.
//!
//! Source: yubikey-manager 5.9, `yubikit/core` and `yubikit/support.py`.

use std::fmt;

use super::management::{DeviceInfo, Management};
use super::otp::OtpSlots;
use crate::apdu::{self, Command, Response, Rest, Status};
use crate::transport::{Transport, TransportError};

/// Version of the firmware, or of an application where that has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// 3 is a NEO.
    pub major: u8,
    /// Behind the first point.
    pub minor: u8,
    /// Behind the second point.
    pub patch: u8,
}

impl Version {
    /// `major.minor.patch`.
    pub const fn new(major: u8, minor: u8, patch: u8) -> Self {
        Self { major, minor, patch }
    }

    /// From three bytes.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [major, minor, patch] => Some(Self::new(*major, *minor, *patch)),
            _ => None,
        }
    }

    /// The first `digits.digits.digits` of a text.
    pub(super) fn in_text(text: &[u8]) -> Option<Self> {
        let words = text.split(|byte| !byte.is_ascii_digit() && *byte != b'.');
        words.filter_map(|word| str::from_utf8(word).ok()).find_map(|word| {
            let mut numbers = word.split('.').map(|number| number.parse().ok());
            match (numbers.next(), numbers.next(), numbers.next()) {
                (Some(Some(major)), Some(Some(minor)), Some(Some(patch))) => {
                    Some(Self::new(major, minor, patch))
                }
                _ => None,
            }
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// What can go wrong with every application of a YubiKey.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum YubiKeyError {
    /// Nothing came back.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// SELECT found nothing.
    #[error(
        "the key has no {0} application, or it is switched off; a new key shows nothing to a contactless reader \
         before it was in a USB port for a few seconds"
    )]
    NoApplication(&'static str),
    /// The firmware is too old, and cannot be exchanged.
    #[error("{what} needs firmware {since}, this key has {version}; use a newer key")]
    TooOld {
        /// What was wanted.
        what: &'static str,
        /// The first version that can.
        since: Version,
        /// That of the key.
        version: Version,
    },
    /// A status word that has no meaning of its own.
    #[error("the key refused {command} ({status}); take it out, put it in again, and repeat")]
    Refused {
        /// The command in the words of its specification.
        command: &'static str,
        /// What it answered.
        status: Status,
    },
    /// An answer of another shape.
    #[error("the key answered {command} with what is none: {what}; it is no YubiKey, or one of a new kind")]
    Malformed {
        /// The command in the words of its specification.
        command: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// Opens an application and returns what it says of itself.
pub(super) fn select(
    transport: &mut dyn Transport,
    command: &Command,
    application: &'static str,
) -> Result<Response, YubiKeyError> {
    let response = apdu::send(transport, command, Rest::GetResponse)?;
    match response.status {
        Status::OK => Ok(response),
        Status::NOT_FOUND | Status(0x6999) | Status::NO_INSTRUCTION | Status::WRONG_PARAMETERS => {
            Err(YubiKeyError::NoApplication(application))
        }
        status => Err(YubiKeyError::Refused { command: "SELECT", status }),
    }
}

/// Refuses what this version cannot do. Keys in development say 0.0.1 and can do everything.
pub(super) fn require(what: &'static str, since: Version, version: Version) -> Result<(), YubiKeyError> {
    if version >= since || version.major == 0 {
        Ok(())
    } else {
        Err(YubiKeyError::TooOld { what, since, version })
    }
}

/// Which key this is: from the management application, or from the OTP application of keys before 4.1.0, which know
/// their serial number and version only.
///
/// Selects other applications: open what is to be used afterwards.
pub fn identify(transport: &mut dyn Transport) -> Result<DeviceInfo, YubiKeyError> {
    let managed = match Management::select(&mut *transport) {
        Ok(mut management) if management.describes_itself() => return management.read_config(),
        Ok(management) => Ok(management.version()),
        Err(absent @ YubiKeyError::NoApplication(_)) => Err(absent),
        Err(other) => return Err(other),
    };
    if matches!(managed, Ok(Version { major: 3, .. })) {
        // A NEO selects nothing else before it was told this, which it refuses.
        apdu::send(transport, &Command::new(0xa4, 0x04, 0x00, 0x08), Rest::GetResponse)?;
    }
    match (OtpSlots::select(&mut *transport), managed) {
        (Ok(mut slots), _) => {
            let version = slots.status().version;
            Ok(DeviceInfo::of_old_key(version, slots.serial()?))
        }
        (Err(YubiKeyError::NoApplication(_)), Ok(version)) => Ok(DeviceInfo::of_old_key(version, None)),
        (Err(YubiKeyError::NoApplication(_)), Err(absent)) => Err(absent),
        (Err(other), _) => Err(other),
    }
}
