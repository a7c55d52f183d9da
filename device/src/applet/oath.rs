//! YKOATH: credentials of HOTP and TOTP on a YubiKey.
//!
//! A key has no clock: who asks for a code sends the time step. The application tells no serial number; read it from
//! [`management`](super::management) on the same connection. Source: YKOATH protocol (developers.yubico.com),
//! yubikey-manager 5.9 `yubikit/oath.py`.

mod name;
pub(crate) mod wire;

use mintmark_engine::oath::{Digits, HashAlg, MovingFactor, Otp};
use mintmark_engine::secret::{Passphrase, Seed};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use self::name::{CredentialId, Name};
pub use self::wire::AccessKey;
use super::yubikey::{Version, Way, YubiKeyError, require, select};
use crate::apdu::{self, Command, Response, Rest, Status};
use crate::transport::{Transport, TransportError};

/// Application identifier.
pub(crate) const AID: [u8; 7] = [0xa0, 0x00, 0x00, 0x05, 0x27, 0x21, 0x01];
/// Something in the memory of the key did not work, or nobody touched it.
const GENERIC: Status = Status(0x6581);

/// By what the codes of a credential move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A counter on the key (RFC 4226).
    Hotp,
    /// The time, which the host sends (RFC 6238).
    Totp,
}

/// Where the codes of a new credential begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moving {
    /// HOTP, with the counter of the first code.
    Counter(u32),
    /// TOTP. The period stands in the [`Name`].
    Time,
}

impl Moving {
    /// HOTP or TOTP.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Counter(_) => Kind::Hotp,
            Self::Time => Kind::Totp,
        }
    }
}

/// What is written to a key.
#[derive(Debug)]
pub struct Credential<'a> {
    /// Its name; one of the same name is overwritten without a question.
    pub id: &'a CredentialId,
    /// HOTP with its counter, or TOTP.
    pub moving: Moving,
    /// SHA-512 since 4.3.1.
    pub hash: HashAlg,
    /// Six to eight.
    pub digits: Digits,
    /// Of any length but 0: longer ones than a block of the hash are hashed, as HMAC does.
    pub seed: &'a Seed,
    /// Each code waits for a touch. Since 4.2.4.
    pub touch: bool,
}

impl Credential<'_> {
    /// Whether an application of this version takes it.
    pub fn fits(&self, version: Version) -> Result<(), OathError> {
        if self.touch {
            require("a credential that waits for a touch", TOUCH_SINCE, version)?;
        }
        if self.hash == HashAlg::Sha512 {
            require("SHA-512", SHA512_SINCE, version)?;
        }
        if self.seed.is_empty() { Err(OathError::EmptySeed) } else { Ok(()) }
    }
}

/// What LIST says of a credential; it tells neither digits nor touch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its name.
    pub id: CredentialId,
    /// By what its codes move.
    pub kind: Kind,
    /// The hash under its HMAC.
    pub hash: HashAlg,
}

/// What CALCULATE ALL says of a credential.
#[derive(Debug)]
pub enum Calculated {
    /// The code of the step that was asked for. Where the period is another one, ask again with its own step.
    Code(Otp),
    /// HOTP: it is not asked for a code, as that would move its counter.
    Hotp(Digits),
    /// It waits for a touch, so it has to be asked by its name.
    Touch(Digits),
}

/// How much a key holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// As many credentials.
    Credentials(usize),
    /// As many bytes of names, each counted with nine more.
    NameBytes(usize),
}

impl Room {
    /// True when all of these fit.
    pub fn holds<'a>(self, ids: impl IntoIterator<Item = &'a CredentialId>) -> bool {
        let ids = ids.into_iter();
        match self {
            Self::Credentials(most) => ids.count() <= most,
            Self::NameBytes(most) => ids.map(|id| id.as_bytes().len() + 9).sum::<usize>() <= most,
        }
    }
}

/// What a version of the application can do. Firmware cannot be exchanged, so all of them are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Credentials that wait for a touch: since 4.2.4.
    pub touch: bool,
    /// SHA-512: since 4.3.1.
    pub sha512: bool,
    /// RENAME: since 5.3.1.
    pub rename: bool,
    /// 64 credentials since 5.7.0, 32 before; a NEO (whose application has versions of its own, 1.0) counts bytes.
    pub room: Room,
}

const TOUCH_SINCE: Version = Version::new(4, 2, 4);
const SHA512_SINCE: Version = Version::new(4, 3, 1);
const RENAME_SINCE: Version = Version::new(5, 3, 1);

impl Abilities {
    /// Of the version that [`YkOath::version`] tells.
    pub fn of(version: Version) -> Self {
        let can = |since| require("", since, version).is_ok();
        let room = if can(Version::new(5, 7, 0)) {
            Room::Credentials(64)
        } else if can(Version::new(4, 0, 0)) {
            Room::Credentials(32)
        } else {
            Room::NameBytes(2048)
        };
        Self { touch: can(TOUCH_SINCE), sha512: can(SHA512_SINCE), rename: can(RENAME_SINCE), room }
    }
}

/// What can go wrong with credentials.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OathError {
    /// What can go wrong with every application.
    #[error(transparent)]
    Key(#[from] YubiKeyError),
    /// 1 to 64 bytes fit.
    #[error("the name has {0} bytes with issuer and period, 1 to 64 fit; choose another one")]
    NameLength(usize),
    /// The colon ends the issuer.
    #[error("{0:?} cannot be an issuer: it must not be empty, and no colon may be in it")]
    Issuer(String),
    /// There is nothing to compute with.
    #[error("the seed is empty")]
    EmptySeed,
    /// An access key is set.
    #[error("a password locks the OATH application of this key; enter it first")]
    Locked,
    /// The key refused the response.
    #[error("the password of the OATH application is wrong; there is no limit of attempts")]
    WrongPassword,
    /// The response of the key is wrong.
    #[error("the key does not know the password that it asked for: it is not the key it says it is")]
    NotItself,
    /// There is nothing to unlock.
    #[error("no password locks the OATH application of this key")]
    NotLocked,
    /// There is no more room.
    #[error("the OATH application of this key is full; delete a credential, or take another key")]
    Full,
    /// No credential has this name.
    #[error("the key has no credential {0}")]
    NotFound(CredentialId),
    /// One is missing, or the other one is there.
    #[error("the key has no credential {old}, or has {new} already")]
    NotRenamed {
        /// Its name.
        old: CredentialId,
        /// What it was to become.
        new: CredentialId,
    },
    /// Nobody touched the key in about 15 seconds.
    #[error("the key was not touched; ask again, and touch it while it blinks")]
    NotTouched,
}

/// The open OATH application.
pub struct YkOath<'a> {
    way: Way<'a>,
    selected: wire::Selected,
}

impl<'a> YkOath<'a> {
    /// Opens it. Where a password is set it is locked after that.
    pub fn select(transport: &'a mut dyn Transport) -> Result<Self, OathError> {
        let response = select(transport, &Command::select(&AID), "OATH")?;
        let selected = wire::read_select(&response.data).map_err(malformed("SELECT"))?;
        Ok(Self { way: Way::new(transport, selected.version), selected })
    }

    /// Of the application; from 4.0 on also of the firmware.
    pub const fn version(&self) -> Version {
        self.selected.version
    }

    /// Random, and constant until RESET. It goes into access keys.
    pub fn salt(&self) -> &[u8] {
        &self.selected.salt
    }

    /// True while a password is missing.
    pub const fn is_locked(&self) -> bool {
        self.selected.challenge.is_some()
    }

    /// The access key of a password on this key.
    pub fn access_key(&self, password: &Passphrase) -> AccessKey {
        AccessKey::derive(password, &self.selected.salt)
    }

    /// VALIDATE, both ways: the key sees that we know its access key, and we that it does. `own` is random.
    pub fn validate(&mut self, key: &AccessKey, own: [u8; 8]) -> Result<(), OathError> {
        let (hash, challenge) = self.selected.challenge.as_ref().ok_or(OathError::NotLocked)?;
        let hash = *hash;
        let command = wire::validate(&key.response(hash, challenge), own);
        let response = self.send(&command)?;
        match response.status {
            Status::OK => {}
            Status::WRONG_DATA => return Err(OathError::WrongPassword),
            Status::INVALID => return Err(OathError::NotLocked),
            status => return Err(refused("VALIDATE", status)),
        }
        let proof = wire::read_validated(&response.data).map_err(malformed("VALIDATE"))?;
        if !bool::from(key.response(hash, &own).ct_eq(proof)) {
            return Err(OathError::NotItself);
        }
        self.selected.challenge = None;
        Ok(())
    }

    /// SET CODE: this access key from now on. `own` is random.
    pub fn set_code(&mut self, key: &AccessKey, own: [u8; 8]) -> Result<(), OathError> {
        self.done("SET CODE", &wire::set_code(key, own))?;
        if matches!(self.version().major, 1 | 2) {
            // The application of a NEO takes nothing more before the new key was shown.
            self.select_again()?;
            self.validate(key, own)?;
        }
        Ok(())
    }

    /// SET CODE without one: no access key from now on.
    pub fn clear_code(&mut self) -> Result<(), OathError> {
        self.done("SET CODE", &wire::clear_code())
    }

    /// PUT. Overwrites a credential of the same name.
    pub fn put(&mut self, credential: &Credential) -> Result<(), OathError> {
        credential.fits(self.version())?;
        self.done("PUT", &wire::put(credential))
    }

    /// DELETE.
    pub fn delete(&mut self, id: &CredentialId) -> Result<(), OathError> {
        self.of_name("DELETE", id, &wire::delete(id)).map(|_| ())
    }

    /// RENAME, since 5.3.1. The period of TOTP stands in the name: it changes with it.
    pub fn rename(&mut self, old: &CredentialId, new: &CredentialId) -> Result<(), OathError> {
        require("renaming a credential", RENAME_SINCE, self.version())?;
        let response = self.send(&wire::rename(old, new))?;
        match response.status {
            Status::INVALID => Err(OathError::NotRenamed { old: old.clone(), new: new.clone() }),
            status => accepted("RENAME", status),
        }
    }

    /// LIST.
    pub fn list(&mut self) -> Result<Vec<Listed>, OathError> {
        let response = self.send(&wire::list())?;
        accepted("LIST", response.status)?;
        wire::read_list(&response.data).map_err(malformed("LIST"))
    }

    /// CALCULATE: the code of a time step, which is the time by the period of this credential.
    pub fn totp(&mut self, id: &CredentialId, step: MovingFactor) -> Result<Otp, OathError> {
        let data = self.calculate(id, &step.0.to_be_bytes(), true)?;
        wire::read_calculated(&data).map_err(malformed("CALCULATE"))
    }

    /// CALCULATE: the next code of a counter, which has moved after that: tell the server.
    pub fn hotp(&mut self, id: &CredentialId) -> Result<Otp, OathError> {
        let data = self.calculate(id, &[], true)?;
        wire::read_calculated(&data).map_err(malformed("CALCULATE"))
    }

    /// CALCULATE in full: the HMAC of any challenge with the seed of a TOTP credential.
    pub fn hmac(&mut self, id: &CredentialId, challenge: &[u8]) -> Result<Zeroizing<Vec<u8>>, OathError> {
        let data = self.calculate(id, challenge, false)?;
        wire::read_hmac(&data).map_err(malformed("CALCULATE"))
    }

    /// CALCULATE ALL: every code of one time step, whatever the periods are.
    pub fn calculate_all(
        &mut self,
        step: MovingFactor,
    ) -> Result<Vec<(CredentialId, Calculated)>, OathError> {
        let response = self.send(&wire::calculate_all(step.0.to_be_bytes()))?;
        accepted("CALCULATE ALL", response.status)?;
        wire::read_calculated_all(&response.data).map_err(malformed("CALCULATE ALL"))
    }

    /// RESET: all credentials and the access key are gone. The key asks neither for a password nor for a touch; ask the
    /// operator.
    pub fn reset(&mut self) -> Result<(), OathError> {
        self.done("RESET", &wire::reset())?;
        self.select_again()
    }

    /// Opens it anew: where a password is set it is locked again, with a new challenge.
    pub fn select_again(&mut self) -> Result<(), OathError> {
        let command = Command::select(&AID).in_widest_form();
        let response = select(&mut self.way, &command, "OATH")?;
        self.selected = wire::read_select(&response.data).map_err(malformed("SELECT"))?;
        Ok(())
    }

    fn calculate(
        &mut self,
        id: &CredentialId,
        challenge: &[u8],
        truncated: bool,
    ) -> Result<Zeroizing<Vec<u8>>, OathError> {
        let is_locked = self.is_locked();
        match self.of_name("CALCULATE", id, &wire::calculate(id, challenge, truncated)) {
            // What a key says when nobody touches it is not documented.
            Err(OathError::Locked) if !is_locked => Err(OathError::NotTouched),
            Err(OathError::Key(
                YubiKeyError::Refused { status: Status::CONDITIONS | GENERIC, .. }
                | YubiKeyError::Transport(TransportError::Silent),
            )) => Err(OathError::NotTouched),
            other => other,
        }
    }

    fn of_name(
        &mut self,
        name: &'static str,
        id: &CredentialId,
        command: &Command,
    ) -> Result<Zeroizing<Vec<u8>>, OathError> {
        let response = self.send(command)?;
        match response.status {
            Status::INVALID => Err(OathError::NotFound(id.clone())),
            status => accepted(name, status).map(|()| response.data),
        }
    }

    fn done(&mut self, name: &'static str, command: &Command) -> Result<(), OathError> {
        accepted(name, self.send(command)?.status)
    }

    fn send(&mut self, command: &Command) -> Result<Response, YubiKeyError> {
        Ok(apdu::send(&mut self.way, command, Rest::SendRemaining)?)
    }
}

fn accepted(command: &'static str, status: Status) -> Result<(), OathError> {
    match status {
        Status::OK => Ok(()),
        Status::SECURITY => Err(OathError::Locked),
        Status::NO_SPACE => Err(OathError::Full),
        status => Err(refused(command, status)),
    }
}

fn refused(command: &'static str, status: Status) -> OathError {
    YubiKeyError::Refused { command, status }.into()
}

fn malformed(command: &'static str) -> impl Fn(wire::Wrong) -> OathError {
    move |what| YubiKeyError::Malformed { command, what }.into()
}

#[cfg(test)]
mod tests;
