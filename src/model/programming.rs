//! Programming runs: fresh secrets written to devices one after another, each in the journal before the device.

use serde::{Deserialize, Serialize};

use super::{
    Actor, BatchId, BatchName, Fingerprint, NameError, OtpSpec, RunId, SealedSeed, SeedVersion, TokenId,
    TokenSerial,
};
use crate::clock::UnixTime;
use crate::oath::{MovingFactor, YubicoPublicId};

/// Where on a device a secret goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Application {
    /// A credential of a YubiKey's OATH application.
    Oath,
    /// The first slot of a YubiKey, which a short touch types.
    Slot1,
    /// The second slot of a YubiKey, which a long touch types.
    Slot2,
    /// The one profile of a programmable token with a display.
    SingleProfile,
}

impl Application {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Oath, Self::Slot1, Self::Slot2, Self::SingleProfile];

    /// The name in JSON; slots share one and are told apart by their number.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Oath => "oath",
            Self::Slot1 | Self::Slot2 => "otp_slot",
            Self::SingleProfile => "single_profile",
        }
    }

    /// The number of a slot.
    pub const fn slot(self) -> Option<u8> {
        match self {
            Self::Slot1 => Some(1),
            Self::Slot2 => Some(2),
            Self::Oath | Self::SingleProfile => None,
        }
    }

    /// Reads name and number; `None`: there is no such application.
    pub fn from_name(name: &str, slot: Option<u8>) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name && one.slot() == slot)
    }

    /// True when the device computes a code for whoever asks it; else a person reads or touches it.
    pub const fn answers_with_codes(self) -> bool {
        matches!(self, Self::Oath)
    }

    /// The serial number of the token: that of its device, for a slot with the slot's number behind a point.
    pub fn token_serial(self, device: &str) -> Result<TokenSerial, NameError> {
        match self.slot() {
            Some(slot) => TokenSerial::parse(&format!("{device}.{slot}")),
            None => TokenSerial::parse(device),
        }
    }
}

/// Whether more devices may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunState {
    /// Devices are taken.
    Open,
    /// No more.
    Ended {
        /// Since when.
        at: UnixTime,
    },
}

/// One programming run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgrammingRun {
    /// Number in the store.
    pub id: RunId,
    /// Whether it still takes devices.
    pub state: RunState,
    /// Which model is written, by the name of its profile.
    pub profile: String,
    /// Maker of that model, as text for people.
    pub manufacturer: String,
    /// Name of that model, as text for people.
    pub model: String,
    /// Where on the device.
    pub application: Application,
    /// What the tokens will compute; see [`ProgrammingRun::spec_of`].
    pub spec: OtpSpec,
    /// Length of a secret.
    pub seed_bytes: u16,
    /// What a credential is filed under, where the device has names.
    pub issuer: String,
    /// Codes want a touch.
    pub touch: bool,
    /// Each device gets a key that opens it for changes.
    pub protect: bool,
    /// The batch that its tokens come with.
    pub batch: BatchId,
    /// The name of that batch.
    pub batch_name: BatchName,
    /// So many tokens are wanted.
    pub count: u32,
    /// So many are in the store.
    pub programmed: u32,
    /// The number of the next item; items count from 1.
    pub next_item: u32,
    /// Who began it.
    pub actor: Actor,
    /// When.
    pub created_at: UnixTime,
    /// What lies in its place on a device, from elsewhere, is overwritten.
    pub replaces: bool,
    /// Readers that it was begun on; none: all, also those that come later.
    pub readers: Vec<String>,
}

impl ProgrammingRun {
    /// What the token of a device computes. A key with Yubico OTP types a public id of its own, made of its serial number
    /// and the slot; the run itself has none.
    pub fn spec_of(&self, device: &str) -> OtpSpec {
        match (&self.spec, self.application.slot(), device.parse()) {
            (OtpSpec::YubicoOtp { .. }, Some(slot), Ok(serial)) => {
                OtpSpec::YubicoOtp { public_id: YubicoPublicId::of_device(serial, slot.saturating_sub(1)) }
            }
            (spec, ..) => spec.clone(),
        }
    }

    /// True while it takes devices.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, RunState::Open) && self.programmed < self.count
    }

    /// The name in JSON.
    pub const fn state_name(&self) -> &'static str {
        match self.state {
            RunState::Open if self.programmed < self.count => "open",
            RunState::Open | RunState::Ended { .. } => "ended",
        }
    }
}

/// One device in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RunItemId {
    /// Which run.
    pub run: RunId,
    /// Its number there, from 1.
    pub n: u32,
}

/// What is known of one device of a run.
///
/// A secret lies sealed in the item from before the first byte until it is certain whether the device holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunItemState {
    /// In the journal; the device may or may not hold the secret. Only while a reader works on it.
    Writing,
    /// The device took the secret; the code that proves it is still to be read from its display or typed by it.
    CodeWanted,
    /// Proved by a code: the token is in the store.
    Programmed,
    /// Nothing was written; the secret is gone.
    Untouched,
    /// Nobody knows what the device holds.
    InDoubt,
    /// Set aside by an operator: whatever it holds, it is not used.
    Quarantined,
    /// The device was wiped of the secret, or given another one.
    Undone,
    /// Its token left the store; the device is wiped as soon as it lies on a reader.
    TakenBack,
}

impl RunItem {
    /// Why: a token refused the key; another try may lock it for ever, so none is made by itself.
    pub const KEY_REFUSED: &str = "key_refused";
    /// Why: the device is destroyed, or will never be seen again.
    pub const DESTROYED: &str = "destroyed";
    /// After so many wrong codes the device itself has to be read.
    pub const MOST_FAILURES: u32 = 5;

    /// True when the device is destroyed.
    pub fn is_destroyed(&self) -> bool {
        self.state == RunItemState::Undone && self.reason == Self::DESTROYED
    }

    /// True of two tries with one place on one device when this one began after the other.
    pub fn is_after(&self, other: &Self) -> bool {
        self.device == other.device
            && self.serial == other.serial
            && (self.created_at, self.id) > (other.created_at, other.id)
    }
}

impl RunItemState {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Writing => "writing",
            Self::CodeWanted => "code_wanted",
            Self::Programmed => "programmed",
            Self::Untouched => "untouched",
            Self::InDoubt => "in_doubt",
            Self::Quarantined => "quarantined",
            Self::Undone => "undone",
            Self::TakenBack => "taken_back",
        }
    }

    /// True while the item keeps the secret and the device may hold it: somebody has to look.
    pub const fn is_unsettled(self) -> bool {
        match self {
            Self::Writing | Self::CodeWanted | Self::InDoubt | Self::Quarantined | Self::TakenBack => true,
            Self::Programmed | Self::Untouched | Self::Undone => false,
        }
    }
}

/// The secret of an item while it is not certain whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSecret {
    /// The secret.
    pub sealed: SealedSeed,
    /// Its keyed hash.
    pub fingerprint: Fingerprint,
    /// The counter that the device begins with.
    pub counter: MovingFactor,
}

/// One device in a run, as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunItem {
    /// Its place.
    pub id: RunItemId,
    /// What is known.
    pub state: RunItemState,
    /// Why, as a stable word; empty where the state says it all.
    pub reason: String,
    /// The same for people: what happened and what to do.
    pub detail: String,
    /// The serial number that the device gave.
    pub device: String,
    /// That of the token.
    pub serial: TokenSerial,
    /// The reader that it lay on.
    pub reader: String,
    /// Codes that somebody typed and that did not fit.
    pub failures: u32,
    /// The secret, as long as the item has to keep it.
    pub secret: Option<RunSecret>,
    /// The token in the store; before it is programmed only where a token gets another secret.
    pub token: Option<TokenId>,
    /// The secret of that token which it is or will be.
    pub version: SeedVersion,
    /// Who put it there.
    pub actor: Actor,
    /// When it came into the journal.
    pub created_at: UnixTime,
    /// When the state last changed.
    pub changed_at: UnixTime,
}

/// What opens an application of one device, made here and known to nobody: sealed, used again when the device
/// comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKey {
    /// The key.
    pub sealed: SealedSeed,
    /// True once the device is known to have it; before that it may have it.
    pub is_set: bool,
    /// When it was made.
    pub created_at: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_slots_lead_back() {
        for one in Application::ALL {
            assert_eq!(Application::from_name(one.name(), one.slot()), Some(one));
        }
        assert_eq!(Application::from_name("otp_slot", None), None);
        assert_eq!(Application::from_name("oath", Some(1)), None);
        let serial = |one: Application| one.token_serial("1234").expect("a serial").normal().to_owned();
        assert_eq!((serial(Application::Oath), serial(Application::Slot2)), ("1234".into(), "1234.2".into()));
    }
}
