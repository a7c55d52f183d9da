//! One OTP generator: what it computes, where it is, what it may still accept.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    BatchId, Budget, Fingerprint, ImportId, OperatorId, SealedSeed, SeedVersion, TokenId, TokenSerial, UserId,
};
use crate::clock::UnixTime;
use crate::oath::{
    CodeShape, CodeSpace, Digits, HashAlg, MotpGenerator, MovingFactor, OcraSuite, PeriodSecs,
    SessionPadding, YubicoPublicId,
};

/// What a token computes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OtpSpec {
    /// Event based, RFC 4226.
    Hotp {
        /// Hash under the HMAC.
        hash: HashAlg,
        /// Digits shown.
        digits: Digits,
    },
    /// Time based, RFC 6238.
    Totp {
        /// Hash under the HMAC.
        hash: HashAlg,
        /// Digits shown.
        digits: Digits,
        /// Length of a step.
        period: PeriodSecs,
        /// T0 in Unix seconds; 0 but for tokens that count from another epoch.
        epoch_secs: i64,
    },
    /// Challenge and response, RFC 6287.
    Ocra {
        /// The suite, byte for byte.
        suite: OcraSuite,
    },
    /// Codes by mail: event based, with a secret that nobody but this program has; what is mailed is a code of it.
    Mail {
        /// Hash under the HMAC.
        hash: HashAlg,
        /// Digits of a code.
        digits: Digits,
    },
    /// Typed by a key itself: an encrypted block with counters. Its secret is key and private id together.
    YubicoOtp {
        /// What it types before the block.
        public_id: YubicoPublicId,
    },
    /// mOTP: six hexadecimal digits over time, secret and PIN, in steps of ten seconds. The PIN is kept apart, sealed.
    Motp,
    /// Challenge and response with session data that are not filled up as usual; see [`OtpSpec::ocra`].
    OcraFilled {
        /// The suite, byte for byte; it takes session data.
        suite: OcraSuite,
        /// Where its session data are filled up; never [`SessionPadding::Left`], which is usual.
        padding: SessionPadding,
    },
}

/// The kind of a token, as JSON and filters name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TokenKind {
    /// RFC 6238.
    Totp,
    /// RFC 4226.
    Hotp,
    /// RFC 6287.
    Ocra,
    /// Codes by mail.
    Mail,
    /// Yubico OTP.
    YubicoOtp,
    /// mOTP.
    Motp,
}

impl TokenKind {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Hotp => "hotp",
            Self::Ocra => "ocra",
            Self::Mail => "mail",
            Self::YubicoOtp => "yubico_otp",
            Self::Motp => "motp",
        }
    }
}

impl OtpSpec {
    /// Challenge and response by this suite; where it takes session data, they are filled up on this side.
    pub fn ocra(suite: OcraSuite, padding: SessionPadding) -> Self {
        if padding == SessionPadding::Left || suite.session_bytes().is_none() {
            Self::Ocra { suite }
        } else {
            Self::OcraFilled { suite, padding }
        }
    }

    /// On which side session data are filled up; `None` for tokens that take none.
    pub fn session_padding(&self) -> Option<SessionPadding> {
        self.suite()?.session_bytes()?;
        Some(if let Self::OcraFilled { padding, .. } = self { *padding } else { SessionPadding::Left })
    }

    /// The same, with session data filled up as the other fills up its own; unchanged when one of them takes none.
    #[must_use]
    pub fn filled_up_as(&self, other: &Self) -> Self {
        match (self.suite(), other.session_padding()) {
            (Some(suite), Some(padding)) => Self::ocra(suite.clone(), padding),
            _ => self.clone(),
        }
    }

    /// The kind without its parameters.
    pub const fn kind(&self) -> TokenKind {
        match self {
            Self::Hotp { .. } => TokenKind::Hotp,
            Self::Totp { .. } => TokenKind::Totp,
            Self::Ocra { .. } | Self::OcraFilled { .. } => TokenKind::Ocra,
            Self::Mail { .. } => TokenKind::Mail,
            Self::YubicoOtp { .. } => TokenKind::YubicoOtp,
            Self::Motp => TokenKind::Motp,
        }
    }

    /// What its codes are made of; `None` when nobody could type them (an OCRA suite of 0 digits).
    pub const fn shape(&self) -> Option<CodeShape> {
        match self {
            Self::YubicoOtp { .. } => Some(CodeShape::Modhex),
            Self::Motp => Some(CodeShape::Hex),
            Self::Hotp { .. }
            | Self::Totp { .. }
            | Self::Ocra { .. }
            | Self::OcraFilled { .. }
            | Self::Mail { .. } => {
                if self.digits().is_some() {
                    Some(CodeShape::Digits)
                } else {
                    None
                }
            }
        }
    }

    /// Digits of a code; `None` when it is not made of digits, or is none that people could type.
    pub const fn digits(&self) -> Option<Digits> {
        match self {
            Self::Hotp { digits, .. } | Self::Totp { digits, .. } | Self::Mail { digits, .. } => {
                Some(*digits)
            }
            Self::Ocra { suite } | Self::OcraFilled { suite, .. } => suite.code_digits(),
            Self::YubicoOtp { .. } | Self::Motp => None,
        }
    }

    /// The hash under the HMAC, of codes that are computed by one.
    pub const fn hash(&self) -> Option<HashAlg> {
        match self {
            Self::Hotp { hash, .. } | Self::Totp { hash, .. } | Self::Mail { hash, .. } => Some(*hash),
            Self::Ocra { suite } | Self::OcraFilled { suite, .. } => Some(suite.hash()),
            Self::YubicoOtp { .. } | Self::Motp => None,
        }
    }

    /// The suite of a token that answers challenges.
    pub const fn suite(&self) -> Option<&OcraSuite> {
        match self {
            Self::Ocra { suite } | Self::OcraFilled { suite, .. } => Some(suite),
            Self::Hotp { .. }
            | Self::Totp { .. }
            | Self::Mail { .. }
            | Self::YubicoOtp { .. }
            | Self::Motp => None,
        }
    }

    /// Length of a step and the moment from which steps are counted; `None` for tokens without a clock.
    pub const fn clock(&self) -> Option<(PeriodSecs, i64)> {
        match self {
            Self::Totp { period, epoch_secs, .. } => Some((*period, *epoch_secs)),
            Self::Motp => Some((MotpGenerator::PERIOD, 0)),
            Self::Ocra { suite } | Self::OcraFilled { suite, .. } => match suite.period() {
                Some(period) => Some((period, 0)),
                None => None,
            },
            Self::Hotp { .. } | Self::Mail { .. } | Self::YubicoOtp { .. } => None,
        }
    }

    /// True when its floor is its next counter, and not a step.
    pub const fn has_counter(&self) -> bool {
        match self.suite() {
            Some(suite) => suite.has_counter(),
            None => self.clock().is_none(),
        }
    }

    /// How many different codes it can show at one position, of codes that are searched for.
    pub fn code_space(&self) -> Option<CodeSpace> {
        match self {
            Self::Motp => Some(CodeSpace::MOTP),
            _ => self.digits().map(CodeSpace::from),
        }
    }

    /// True when a PIN goes into the codes themselves: it is typed into the token, and nothing beside a code.
    pub const fn takes_pin(&self) -> bool {
        match self {
            Self::Motp => true,
            Self::Ocra { suite } | Self::OcraFilled { suite, .. } => suite.pin_hash().is_some(),
            Self::Hotp { .. } | Self::Totp { .. } | Self::Mail { .. } | Self::YubicoOtp { .. } => false,
        }
    }

    /// What such a key types before each block; `None` for all other tokens.
    pub const fn public_id(&self) -> Option<&YubicoPublicId> {
        match self {
            Self::YubicoOtp { public_id } => Some(public_id),
            _ => None,
        }
    }

    /// True for codes by mail.
    pub const fn is_mailed(&self) -> bool {
        matches!(self, Self::Mail { .. })
    }
}

/// How a token came into the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenOrigin {
    /// From a vendor's seed file.
    SeedFile,
    /// Written by a programming run.
    Programmed,
    /// Made by its user in the portal.
    Portal,
}

impl TokenOrigin {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SeedFile => "seed_file",
            Self::Programmed => "programmed",
            Self::Portal => "portal",
        }
    }
}

/// Why a token is disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DisabledBy {
    /// An operator switched it off: sign-in still asks for it and is refused.
    Operator,
    /// An approved user issue: it counts as none for sign-in.
    Issue,
    /// Another token took its place.
    Replaced,
}

impl DisabledBy {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operator => "operator",
            Self::Issue => "issue",
            Self::Replaced => "replaced",
        }
    }
}

/// Where a token is. *Assigned* is not here: it is *in stock* with an assignment, own or by batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Custody {
    /// In the cupboard.
    InStock,
    /// Given to somebody, by name or not.
    HandedOut {
        /// When.
        at: UnixTime,
    },
    /// Its user proved possession.
    Confirmed {
        /// When.
        at: UnixTime,
    },
    /// Came back, not yet fit for stock.
    Returned {
        /// When.
        at: UnixTime,
    },
    /// Reported lost.
    Lost {
        /// When.
        at: UnixTime,
    },
    /// Out of use for good.
    Retired {
        /// When.
        at: UnixTime,
    },
}

/// A token cannot go from one place to the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a token that is {from} cannot become {to}; it can become {allowed}")]
pub struct CustodyError {
    /// Where it is.
    pub from: &'static str,
    /// Where it should go.
    pub to: &'static str,
    /// Where it can go.
    pub allowed: &'static str,
}

impl Custody {
    /// The name in JSON (`assigned` is derived elsewhere).
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InStock => "in_stock",
            Self::HandedOut { .. } => "handed_out",
            Self::Confirmed { .. } => "confirmed",
            Self::Returned { .. } => "returned",
            Self::Lost { .. } => "lost",
            Self::Retired { .. } => "retired",
        }
    }

    /// A small number for the store's index by place.
    pub const fn index(&self) -> u8 {
        match self {
            Self::InStock => 0,
            Self::HandedOut { .. } => 1,
            Self::Confirmed { .. } => 2,
            Self::Returned { .. } => 3,
            Self::Lost { .. } => 4,
            Self::Retired { .. } => 5,
        }
    }

    /// The places that can follow this one, as names.
    pub const fn allowed(&self) -> &'static [&'static str] {
        match self {
            Self::InStock => &["handed_out", "confirmed", "lost", "retired"],
            Self::HandedOut { .. } => &["in_stock", "handed_out", "confirmed", "returned", "lost", "retired"],
            Self::Confirmed { .. } => &["returned", "lost", "retired"],
            Self::Returned { .. } => &["in_stock", "handed_out", "lost", "retired"],
            Self::Lost { .. } => &["returned", "retired"],
            Self::Retired { .. } => &[],
        }
    }

    /// The place after a move, when the move is legal.
    pub fn moved_to(self, to: Self) -> Result<Self, CustodyError> {
        if self.allowed().contains(&to.name()) {
            return Ok(to);
        }
        let allowed = match self {
            Self::InStock => "handed_out, confirmed, lost, retired",
            Self::HandedOut { .. } => "in_stock, handed_out, confirmed, returned, lost, retired",
            Self::Confirmed { .. } => "returned, lost, retired",
            Self::Returned { .. } => "in_stock, handed_out, lost, retired",
            Self::Lost { .. } => "returned, retired",
            Self::Retired { .. } => "nothing else",
        };
        Err(CustodyError { from: self.name(), to: to.name(), allowed })
    }
}

/// A token as the store knows it, without its secret and without what every check changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its number in the store.
    pub id: TokenId,
    /// Its serial number.
    pub serial: TokenSerial,
    /// The batch it came with.
    pub batch: BatchId,
    /// How it came.
    pub origin: TokenOrigin,
    /// Why it is disabled; `None`: it is enabled.
    pub disabled: Option<DisabledBy>,
    /// Where it is.
    pub custody: Custody,
    /// The person it was handed to by name or who confirmed it.
    pub holder: Option<UserId>,
    /// False as soon as the token has an assignment of its own or was taken off its batch's resource.
    pub follows_batch: bool,
    /// A PIN typed beside the code.
    pub pin: Option<PinRecord>,
    /// Who made it, as text for people.
    pub manufacturer: String,
    /// What model it is, as text for people.
    pub model: String,
    /// Operators' note.
    pub note: String,
    /// What its user calls it; empty when nobody named it.
    pub name: String,
    /// The user who set it up in the portal.
    pub creator: Option<UserId>,
    /// The token whose place it took.
    pub replaces: Option<TokenId>,
    /// The token that took its place.
    pub replaced_by: Option<TokenId>,
    /// Not to be used before this moment, by the vendor's policy.
    pub valid_from: Option<UnixTime>,
    /// Not to be used after this moment, by the vendor's policy.
    pub valid_until: Option<UnixTime>,
    /// When it came into the store.
    pub created_at: UnixTime,
}

/// One secret of a token. The version in force is the highest whose import stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeedRow {
    /// Whose it is.
    pub token: TokenId,
    /// Which of its secrets.
    pub version: SeedVersion,
    /// The import that brought it; invisible until that is committed.
    pub import: Option<ImportId>,
    /// What it computes.
    pub spec: OtpSpec,
    /// The secret.
    pub sealed: SealedSeed,
    /// Its keyed hash.
    pub fingerprint: Fingerprint,
    /// The floor and drift that the file stated.
    pub initial: TokenState,
}

/// Distance of a token's clock from the server's, as last learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// Token's clock minus server's clock, in seconds; positive: the token is fast.
    pub seconds: i64,
    /// When it was learned.
    pub learned_at: UnixTime,
}

/// What a check reads and changes: small, in a table of its own, in token order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenState {
    /// The lowest counter or step that may still be accepted. Never falls for one seed version.
    pub floor: MovingFactor,
    /// Learned drift; `None`: never learned.
    pub drift: Option<Drift>,
    /// True once any code was accepted.
    pub used: bool,
    /// When a code was last accepted.
    pub last_used: Option<UnixTime>,
    /// Failures of OTP, PIN and synchronisation together.
    pub budget: Budget,
    /// Failed sequence attempts beyond the portal's windows since the last success.
    pub wide_failures: u32,
    /// Operator of the last such attempt: only another one may unblock.
    pub wide_operator: Option<OperatorId>,
}

impl TokenState {
    /// A token that was never used and whose codes count from `floor`.
    pub const fn fresh(floor: MovingFactor) -> Self {
        Self {
            floor,
            drift: None,
            used: false,
            last_used: None,
            budget: Budget::CLEAR,
            wide_failures: 0,
            wide_operator: None,
        }
    }

    /// Learned drift in seconds, 0 when none was learned.
    pub fn drift_secs(&self) -> i64 {
        self.drift.map_or(0, |d| d.seconds)
    }
}

/// Where a PIN stands beside the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PinPlacement {
    /// PIN, then code.
    Before,
    /// Code, then PIN.
    After,
}

impl PinPlacement {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
        }
    }

    /// Reads the name.
    pub fn from_name(text: &str) -> Option<Self> {
        [Self::Before, Self::After].into_iter().find(|place| place.name() == text)
    }
}

/// A token's PIN: keyed hash under a store key, then Argon2id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinRecord {
    /// Before or after the code.
    pub placement: PinPlacement,
    /// Number of digits, 4 to 8.
    pub digits: u8,
    /// PHC string of Argon2id.
    pub phc: String,
}

/// The code of a mail token that was mailed last. Each mailing moves the floor to its counter, so the ones before
/// are void; a code that was accepted is below the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMailing {
    /// The counter of the code.
    pub counter: MovingFactor,
    /// Until when it is good.
    pub expires_at: UnixTime,
}

impl TokenMailing {
    /// True while its code can be accepted above this floor.
    pub fn is_open(&self, floor: MovingFactor, now: UnixTime) -> bool {
        self.counter >= floor && now < self.expires_at
    }
}

/// What stays of a deleted token, so that a later import cannot reopen its old codes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// Its serial number.
    pub serial: TokenSerial,
    /// Keyed hash of its secret.
    pub fingerprint: Fingerprint,
    /// What it computed: floors of different kinds do not compare.
    pub spec: OtpSpec,
    /// Its last floor.
    pub floor: MovingFactor,
    /// When it was deleted.
    pub deleted_at: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn custody_moves_only_along_the_chain() {
        let at = UnixTime::EPOCH;
        assert!(Custody::InStock.moved_to(Custody::HandedOut { at }).is_ok());
        assert!(Custody::HandedOut { at }.moved_to(Custody::Confirmed { at }).is_ok());
        assert!(Custody::Confirmed { at }.moved_to(Custody::Returned { at }).is_ok());
        assert!(Custody::Returned { at }.moved_to(Custody::InStock).is_ok());
        let refused =
            Custody::Confirmed { at }.moved_to(Custody::InStock).expect_err("must be returned first");
        assert_eq!((refused.from, refused.to), ("confirmed", "in_stock"));
        assert!(Custody::Retired { at }.moved_to(Custody::InStock).is_err());
    }

    #[test]
    fn allowed_places_and_error_text_agree() {
        let at = UnixTime::EPOCH;
        let all = [
            Custody::InStock,
            Custody::HandedOut { at },
            Custody::Confirmed { at },
            Custody::Returned { at },
            Custody::Lost { at },
            Custody::Retired { at },
        ];
        for from in all {
            for to in all {
                match from.moved_to(to) {
                    Ok(now) => assert!(from.allowed().contains(&now.name())),
                    Err(e) if from.allowed().is_empty() => assert_eq!(e.allowed, "nothing else"),
                    Err(e) => assert_eq!(e.allowed, from.allowed().join(", ")),
                }
            }
        }
    }
}
