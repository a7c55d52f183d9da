//! What can go wrong, what it means for the token, and what to do.

use std::fmt;

use mintmark_engine::oath::{HashAlg, MovingFactor};

use super::Application;
use crate::applet::oath::{CredentialId, OathError};
use crate::applet::otp::{OtpError, Slot};
use crate::applet::token2::Token2Error;
use crate::applet::yubikey::YubiKeyError;
use crate::discover::Remark;
use crate::transport::TransportError;

/// Why an order does not fit a token. Nothing is written.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unfit {
    /// Another token lies there.
    #[error("token {found} lies on the reader, and {expected} was to be written to; lay that one on")]
    OtherDevice {
        /// That of the order.
        expected: String,
        /// That of the token.
        found: String,
    },
    /// It cannot be known again.
    #[error(
        "the token says no serial number, so what is written to it could not be found again; use another one"
    )]
    NoSerial,
    /// It has no such application, or does not show it here.
    #[error("the token has no place for this ({}){}", application.name(), because(remarks))]
    NotThere {
        /// What was to be written to.
        application: Application,
        /// What is known of the token.
        remarks: Vec<Remark>,
    },
    /// Its codes move by something else.
    #[error("{} takes {fits} only", application.name())]
    Kind {
        /// What was to be written to.
        application: Application,
        /// What it takes.
        fits: &'static str,
    },
    /// Slots know SHA-1.
    #[error("a slot computes with sha1, not {}; write the seed to the OATH application of the key instead", .0.name())]
    Hash(HashAlg),
    /// The token cannot count from there.
    #[error("the token cannot begin at counter {0}; begin at a lower one")]
    Counter(MovingFactor),
    /// It would be overwritten.
    #[error("the key has a credential {0} already; delete it, choose another name, or let it be replaced")]
    NameTaken(CredentialId),
    /// Nobody would get at them any more.
    #[error(
        "the key holds credentials of others, which a password of its own would lock: empty it first, or write without one"
    )]
    LocksOthers,
    /// It would be overwritten.
    #[error("slot {0} of the key is in use; choose the other one, or let it be replaced")]
    SlotOccupied(Slot),
    /// The OATH application takes no such credential.
    #[error(transparent)]
    Oath(OathError),
    /// A slot holds no such thing.
    #[error(transparent)]
    Slot(OtpError),
    /// The token makes no such codes, or is not written to.
    #[error(transparent)]
    Token2(Token2Error),
}

fn because(remarks: &[Remark]) -> String {
    remarks.iter().flat_map(|remark| ["; ".to_owned(), remark.to_string()]).collect()
}

/// What went wrong.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Trouble {
    /// The order does not fit the token.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// A YubiKey did not do what it was asked for.
    #[error(transparent)]
    Key(#[from] YubiKeyError),
    /// Its OATH application did not.
    #[error(transparent)]
    Oath(#[from] OathError),
    /// Its slots did not.
    #[error(transparent)]
    Slot(#[from] OtpError),
    /// A token of Token2 did not.
    #[error(transparent)]
    Token2(#[from] Token2Error),
}

impl Trouble {
    /// What went wrong on the way to the token, when that is the cause.
    pub const fn transport(&self) -> Option<&TransportError> {
        match self {
            Self::Key(YubiKeyError::Transport(error))
            | Self::Oath(OathError::Key(YubiKeyError::Transport(error)))
            | Self::Slot(OtpError::Key(YubiKeyError::Transport(error)))
            | Self::Token2(Token2Error::Transport { source: error, .. }) => Some(error),
            _ => None,
        }
    }
}

/// A write that did not succeed, and what it means for the token.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WriteError {
    /// Not one command that changes the token left this machine.
    #[error("{0} (nothing was written)")]
    NotStarted(Trouble),
    /// The token answered to each that it did nothing.
    #[error("{0} (the token refused, and is as it was)")]
    Refused(Trouble),
    /// Everything else: an answer is missing, or a part was done.
    #[error("{0} (what the token holds now is not known: look at it again, or write it again)")]
    Unknown(Trouble),
}

impl WriteError {
    /// What went wrong.
    pub const fn trouble(&self) -> &Trouble {
        match self {
            Self::NotStarted(trouble) | Self::Refused(trouble) | Self::Unknown(trouble) => trouble,
        }
    }

    /// True when the token is in doubt.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }
}

/// What is on a token after a doubt.
#[derive(Debug, PartialEq, Eq)]
pub enum OnDevice {
    /// What the order wrote: its codes fit.
    Ours {
        /// The counter of its next code, of HOTP: the server has to go on there.
        next: Option<MovingFactor>,
    },
    /// Something else in its place.
    NotOurs,
    /// Nothing in its place.
    Nothing {
        /// A password of the order locks the application all the same.
        is_locked: bool,
    },
    /// The token alone does not tell.
    CannotTell(NextStep),
}

/// What tells, when the token alone does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NextStep {
    /// It answers when it is touched.
    Touch,
    /// It is locked, and by none of the passwords of the order.
    ResetOath,
    /// A touch types a code.
    TypeFromSlot(Slot),
    /// The display shows a code. The clock is right, so settings and time at least may have been written.
    TypeFromDisplay,
    /// Its clock is this many seconds off: it was not set.
    WriteAgain {
        /// What it shows less the time of this machine.
        clock_offset_secs: i64,
    },
}

impl fmt::Display for NextStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Touch => f.write_str("the key answers when it is touched: ask again, and touch it while it blinks"),
            Self::ResetOath => f.write_str(
                "a password that is not on record locks the OATH application: reset that application, which empties it, \
                 and write again; or put the key aside",
            ),
            Self::TypeFromSlot(slot) => write!(
                f,
                "put the cursor into the field and touch the key (slot {slot}), so that it types a code; or write it \
                 again"
            ),
            Self::TypeFromDisplay => {
                f.write_str("press the button of the token and type the code that it shows; or write it again")
            }
            Self::WriteAgain { clock_offset_secs } => write!(
                f,
                "the token's clock is {clock_offset_secs} s off, so it was not set, or has stopped since: write it again"
            ),
        }
    }
}
