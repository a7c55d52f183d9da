//! Ways to a token: bytes out, bytes in.

pub mod pcsc;
#[cfg(test)]
pub(crate) mod scripted;

use zeroize::Zeroizing;

/// A connection to one card, for as long as it lies there.
pub trait Transport {
    /// Sends one command APDU as it is and returns the response APDU, status word included.
    ///
    /// After [`TransportError::Lost`] and [`TransportError::Silent`] the card may have executed the command: only
    /// reading it again tells.
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError>;

    /// Which lengths get through.
    fn lengths(&self) -> Lengths;
}

/// Lengths of APDUs (ISO 7816-4 §5.1) that a reader and a card understand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lengths {
    /// Up to 255 bytes of data, longer commands in a chain: contactless readers, old cards.
    Short,
    /// Up to 65,535 bytes of data.
    Extended,
}

/// Why bytes did not come back.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TransportError {
    /// Nothing was there when the command was sent: it was not executed.
    #[error("no token lies on the reader; put it in, or lay it on again")]
    Absent,
    /// It went away while it worked. Whether it executed the command is not known.
    #[error("the token was taken away while it worked; put it back to see what is on it")]
    Lost,
    /// It is there and does not answer. Whether it executed the command is not known.
    #[error("the token does not answer; take it out and put it in again")]
    Silent,
    /// Another program holds it.
    #[error("another program uses the token; close it (gpg: gpgconf --kill scdaemon) and try again")]
    Busy,
    /// The system does not let this user at the readers.
    #[error("this user may not use the card readers; `mintmark doctor` says what is missing")]
    NoPermission,
    /// The service that has the readers is not there.
    #[error("the card reader service does not run; `mintmark doctor` says how to start it")]
    NoService,
    /// What came is no response APDU, or more than any token sends.
    #[error("the token answered with what is no answer: {0}")]
    Garbled(&'static str),
}

impl TransportError {
    /// True when the card may have executed the command although no answer came.
    pub const fn outcome_is_unknown(&self) -> bool {
        matches!(self, Self::Lost | Self::Silent | Self::Garbled(_))
    }
}
