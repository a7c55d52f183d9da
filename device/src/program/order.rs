//! What is to be written, to which token.

use mintmark_engine::oath::{Digits, HashAlg, MovingFactor, PeriodSecs, YubicoPublicId};
use mintmark_engine::secret::{Passphrase, Seed};

use crate::applet::oath::{self, CredentialId, Kind, Name};
use crate::applet::otp::Slot;
use crate::applet::otp::config::{AccessCode, SlotConfig, SlotCounter};
use crate::applet::token2::{Models, Settings, Token2Error};

use super::Unfit;

/// What of a token is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Application {
    /// A credential of the OATH application.
    Oath,
    /// A slot of the OTP application, with HOTP or Yubico OTP.
    Slot(Slot),
    /// The one seed of a token of Token2.
    SingleProfile,
}

impl Application {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::Oath, Self::Slot(Slot::One), Self::Slot(Slot::Two), Self::SingleProfile];

    /// The name in JSON and in profiles; both slots share one and are told apart by their number.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oath => "oath",
            Self::Slot(_) => "otp_slot",
            Self::SingleProfile => "single_profile",
        }
    }

    /// The number of a slot: 1 or 2.
    pub const fn slot(self) -> Option<u8> {
        match self {
            Self::Slot(Slot::One) => Some(1),
            Self::Slot(Slot::Two) => Some(2),
            Self::Oath | Self::SingleProfile => None,
        }
    }

    /// Reads name and number; `None`: there is no such application.
    pub fn from_name(name: &str, slot: Option<u8>) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name && one.slot() == slot)
    }
}

/// By what the codes move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moving {
    /// A counter, and the one of the first code.
    Counter(MovingFactor),
    /// The time, in steps of this length.
    Time(PeriodSecs),
    /// How often the key was used: Yubico OTP, behind this public id. The seed is its AES key and the private id behind
    /// that; hash and digits say nothing.
    Uses(YubicoPublicId),
}

/// A credential of the OATH application.
#[derive(Debug)]
pub struct OathTarget {
    /// Who asks for the codes.
    pub issuer: Option<String>,
    /// Of whom.
    pub account: String,
    /// Each code waits for a touch.
    pub touch: bool,
    /// The password that locks the application now, if one does.
    pub current: Option<Passphrase>,
    /// The password that locks it from now on. `None`: it stays as it is. Made for this token alone.
    pub new: Option<Passphrase>,
}

/// A slot.
#[derive(Debug)]
pub struct SlotTarget {
    /// Which.
    pub slot: Slot,
    /// Enter is typed behind a code.
    pub enter: bool,
    /// The code that protects the slot now, if one does.
    pub current: Option<AccessCode>,
    /// The code that protects it from now on; `None` leaves it unprotected. Made for this token alone.
    pub new: Option<AccessCode>,
}

/// The one seed of a token of Token2.
#[derive(Debug)]
pub struct Token2Target {
    /// Models that may be written to.
    pub models: Models,
    /// After how many seconds the display goes off: 15, 30, 60 or 120.
    pub display_secs: u32,
}

/// The clock of a token of Token2 that is set without its seed. The token has no command that sets the one and leaves the
/// rest, so what it computes is said again, as it was.
#[derive(Debug)]
pub struct ClockOrder {
    /// The token that it is for, as printed on it.
    pub serial: String,
    /// Under the HMAC.
    pub hash: HashAlg,
    /// Length of its codes.
    pub digits: Digits,
    /// Of its steps.
    pub period: PeriodSecs,
    /// How it is written to.
    pub target: Token2Target,
}

/// What is written to, with what belongs to that alone.
#[derive(Debug)]
pub enum Target {
    /// [`Application::Oath`].
    Oath(OathTarget),
    /// [`Application::Slot`].
    Slot(SlotTarget),
    /// [`Application::SingleProfile`].
    SingleProfile(Token2Target),
}

/// What is to be written, to which token. It holds the seed and access secrets: wiped when dropped, not shown.
#[derive(Debug)]
pub struct Order {
    /// The token that it is for, as printed on it.
    pub serial: String,
    /// What is written.
    pub seed: Seed,
    /// By what its codes move.
    pub moving: Moving,
    /// Under the HMAC.
    pub hash: HashAlg,
    /// Length of its codes.
    pub digits: Digits,
    /// What is there may be overwritten: what lies in the slot, a credential of the same name. After a doubt, so that the
    /// same order can be written again.
    pub replaces: bool,
    /// Eight random bytes, drawn for this order: with them a key proves that it knows its password, and its seed.
    pub nonce: [u8; 8],
    /// Where it is written to.
    pub target: Target,
}

impl Order {
    /// What of the token is written to.
    pub const fn application(&self) -> Application {
        match &self.target {
            Target::Oath(_) => Application::Oath,
            Target::Slot(target) => Application::Slot(target.slot),
            Target::SingleProfile(_) => Application::SingleProfile,
        }
    }

    /// True when each code waits for a touch.
    pub const fn wants_touch(&self) -> bool {
        matches!(&self.target, Target::Oath(OathTarget { touch: true, .. }))
    }

    /// The counter of the first code, of HOTP: a slot begins at a multiple of 16, the first one that is not lower. The
    /// server has to begin where the token does. `None` when the token cannot count that far.
    pub fn first_counter(&self) -> Option<MovingFactor> {
        let Moving::Counter(counter) = self.moving else { return None };
        match self.target {
            Target::Oath(_) => u32::try_from(counter.0).ok().map(|_| counter),
            Target::Slot(_) => SlotCounter::at_or_after(counter).map(SlotCounter::moving_factor),
            Target::SingleProfile(_) => None,
        }
    }

    const fn takes(&self, fits: &'static str) -> Unfit {
        Unfit::Kind { application: self.application(), fits }
    }

    pub(super) const fn no_credential(&self) -> Unfit {
        self.takes("totp or hotp")
    }

    /// The name of the credential, and its kind.
    pub(super) fn credential_id(&self, target: &OathTarget) -> Result<(CredentialId, Kind), Unfit> {
        let (kind, period) = match self.moving {
            Moving::Counter(_) => (Kind::Hotp, PeriodSecs::DEFAULT),
            Moving::Time(period) => (Kind::Totp, period),
            Moving::Uses(_) => return Err(self.no_credential()),
        };
        let name = Name { issuer: target.issuer.clone(), account: target.account.clone(), period };
        Ok((name.encoded(kind).map_err(Unfit::Oath)?, kind))
    }

    /// The credential of this name.
    pub(super) fn credential<'a>(
        &'a self,
        target: &OathTarget,
        id: &'a CredentialId,
    ) -> Result<oath::Credential<'a>, Unfit> {
        let moving = match self.moving {
            Moving::Time(_) => oath::Moving::Time,
            Moving::Counter(counter) => {
                let counter = u32::try_from(counter.0).map_err(|_| Unfit::Counter(counter))?;
                oath::Moving::Counter(counter)
            }
            Moving::Uses(_) => return Err(self.no_credential()),
        };
        let Self { hash, digits, seed, .. } = self;
        Ok(oath::Credential { id, moving, hash: *hash, digits: *digits, seed, touch: target.touch })
    }

    /// What is written to the slot.
    pub(super) fn slot_config(&self, target: &SlotTarget) -> Result<SlotConfig, Unfit> {
        let counter = match &self.moving {
            Moving::Counter(counter) => *counter,
            Moving::Uses(public_id) => {
                return SlotConfig::yubico_otp(public_id, &self.seed).map_err(Unfit::Slot);
            }
            Moving::Time(_) => return Err(self.takes("hotp or yubico_otp")),
        };
        if self.hash != HashAlg::Sha1 {
            return Err(Unfit::Hash(self.hash));
        }
        let counter = SlotCounter::at_or_after(counter).ok_or(Unfit::Counter(counter))?;
        SlotConfig::hotp(&self.seed, self.digits, counter, None, target.enter).map_err(Unfit::Slot)
    }

    /// What the token of Token2 is set to beside its seed.
    pub(super) fn settings(&self, target: &Token2Target) -> Result<Settings, Unfit> {
        let Moving::Time(period) = self.moving else {
            return Err(self.takes("totp"));
        };
        if !(1..=63).contains(&self.seed.len()) {
            return Err(Unfit::Token2(Token2Error::SeedLength(self.seed.len())));
        }
        Settings::new(self.hash, self.digits, period, target.display_secs).map_err(Unfit::Token2)
    }
}
