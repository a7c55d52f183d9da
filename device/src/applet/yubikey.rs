//! What the applications of a YubiKey have in common: versions, how they are opened, what a refusal says. It knows none
//! of them.
//!
//! Source: yubikey-manager 5.9, `yubikit/core`.

use std::fmt;

use zeroize::Zeroizing;

use crate::apdu::{self, Command, Response, Rest, Status};
use crate::transport::{Lengths, Transport, TransportError};

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
    pub(crate) fn in_text(text: &[u8]) -> Option<Self> {
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

/// True when a card says in its historical bytes that it is a YubiKey: all that have chip card applications do, a NEO as
/// `YubikeyNEO`.
pub fn is_named_in(atr: &[u8]) -> bool {
    atr.windows(7).any(|part| part.eq_ignore_ascii_case(b"YubiKey"))
}

/// The way to an open application, with what its version needs.
pub(super) struct Way<'a> {
    transport: &'a mut dyn Transport,
    version: Version,
    was_long: bool,
}

impl<'a> Way<'a> {
    pub(super) fn new(transport: &'a mut dyn Transport, version: Version) -> Self {
        Self { transport, version, was_long: false }
    }
}

impl Transport for Way<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        // Over USB, 4.2.0 to 4.2.6 lose a command that comes within two seconds of an answer of more than 54 bytes
        // (yubikey-manager, `yubikit/core/smartcard`, its touch workaround).
        let forgets = (Version::new(4, 2, 0)..=Version::new(4, 2, 6)).contains(&self.version);
        if forgets && self.was_long && self.lengths() == Lengths::Extended {
            self.transport.transmit(&[0; 5])?;
        }
        let response = self.transport.transmit(command)?;
        self.was_long = response.len() > 54 + 2;
        Ok(response)
    }

    /// Extended lengths get through since 4.0.
    fn lengths(&self) -> Lengths {
        match require("", Version::new(4, 0, 0), self.version) {
            Ok(()) => self.transport.lengths(),
            Err(_) => Lengths::Short,
        }
    }
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
pub(in crate::applet) fn require(
    what: &'static str,
    since: Version,
    version: Version,
) -> Result<(), YubiKeyError> {
    if version >= since || version.major == 0 {
        Ok(())
    } else {
        Err(YubiKeyError::TooOld { what, since, version })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::scripted::Scripted;

    #[test]
    fn versions_are_found_in_texts() {
        let found = |text: &str| Version::in_text(text.as_bytes());
        assert_eq!(found("Virtual mgr - FW version 5.7.4"), Some(Version::new(5, 7, 4)));
        assert_eq!(found("v4.3.7\u{90}\u{0}"), Some(Version::new(4, 3, 7)));
        assert_eq!(found("1.2 and 3.4.5.6"), Some(Version::new(3, 4, 5)));
        for none in ["", "5.7", "5..7", "300.1.1", "no version"] {
            assert_eq!(found(none), None, "{none}");
        }
    }

    #[test]
    fn keys_in_development_can_do_everything() {
        assert!(require("it", Version::new(5, 7, 0), Version::new(0, 0, 1)).is_ok());
        assert!(require("it", Version::new(5, 7, 0), Version::new(5, 7, 0)).is_ok());
        let refused = require("it", Version::new(5, 7, 0), Version::new(5, 6, 9)).expect_err("older");
        assert_eq!(refused.to_string(), "it needs firmware 5.7.0, this key has 5.6.9; use a newer key");
    }

    #[test]
    fn old_keys_get_short_commands() {
        for (major, apdu) in [(3, "000102030107"), (4, "0001020300000107")] {
            let mut card = Scripted::new(Lengths::Extended, &[(apdu, "9000")]);
            let command = Command::new(0x00, 0x01, 0x02, 0x03).with_data(&[7]).in_widest_form();
            let mut way = Way::new(&mut card, Version::new(major, 0, 0));
            apdu::send(&mut way, &command, Rest::GetResponse).expect("answered");
        }
    }

    #[test]
    fn a_command_after_a_long_answer_is_not_lost() {
        let long = format!("{}9000", "00".repeat(55));
        let list = Command::new(0x00, 0xa1, 0x00, 0x00).in_widest_form();
        let twice = [("00A10000", long.as_str()), ("00A10000", "9000")];
        let with_dummy = [twice[0], ("0000000000", "6E00"), twice[1]];
        for (version, lengths, script) in [
            (Version::new(4, 2, 6), Lengths::Extended, &with_dummy[..]),
            (Version::new(4, 2, 7), Lengths::Extended, &twice),
            (Version::new(4, 1, 9), Lengths::Extended, &twice),
            (Version::new(4, 2, 6), Lengths::Short, &[("00A1000000", &long), ("00A1000000", "9000")]),
        ] {
            let mut card = Scripted::new(lengths, script);
            let mut way = Way::new(&mut card, version);
            for _ in 0..2 {
                apdu::send(&mut way, &list, Rest::GetResponse).expect("answered");
            }
        }
    }
}
