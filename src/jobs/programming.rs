//! One device on a reader, as a transaction (law 5): journal, write, read the serial number again, take a code, prove it,
//! and only then the next one.
//!
//! Joins `device`, which knows bytes, and `service`, which keeps the journal. Whatever happens in between, the journal
//! says what the device may hold.

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::device::applet::otp::Slot;
use crate::device::applet::otp::config::AccessCode;
use crate::device::applet::token2::{Models, Token2Error};
use crate::device::discover::{Found, Holding, Known, look};
use crate::device::program::{
    self, ClockOrder, CodeOf, Moving, OathTarget, OnDevice, Order, SlotTarget, Step, Taken, Target,
    Token2Target, Trouble, WriteError,
};
use crate::device::transport::Transport;
use crate::device::{Catalogue, Profile};
use crate::model::{Actor, Application, OtpSpec, RunId, RunItem, RunItemId};
use crate::oath::{Digits, HashAlg, MovingFactor};
use crate::secret::{Passphrase, Seed};
use crate::service::{
    ClearedClock, DeviceHere, ItemProof, JournalledItem, ProofOutcome, ProvedBy, Service, ServiceError,
    UNTIL_SET_SECS,
};

use super::Synchronised;

/// A device without a clock is asked for a step this long ago: the code that it shows now stays unspent.
const PROOF_AGE_SECS: i64 = 86_400;
/// Seconds after which the display of a programmable token goes off.
const DISPLAY_SECS: u32 = 30;

/// Where a clock was to be set.
pub(super) const NO_CLOCK: &str = "what lies there has no clock that is set here";

/// What somebody sees of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Which device it is, and what is on it.
    Reading,
    /// The device changes: leave it there.
    Writing,
    /// Whether it holds what was written.
    Checking,
    /// It waits for a touch.
    Touch,
}

impl Phase {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Writing => "writing",
            Self::Checking => "checking",
            Self::Touch => "touch",
        }
    }
}

impl From<Step> for Phase {
    fn from(step: Step) -> Self {
        match step {
            Step::Reading => Self::Reading,
            Step::Writing => Self::Writing,
            Step::Checking => Self::Checking,
        }
    }
}

/// Why a device was not taken: it is as it was, and there is nothing about it in the journal.
#[derive(Debug)]
pub struct Refusal {
    /// Stable word.
    pub code: &'static str,
    /// For whoever stands there: what is wrong and what to do.
    pub detail: String,
}

impl Refusal {
    fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        let code = match &error {
            ServiceError::State { code, .. }
            | ServiceError::Invalid { code, .. }
            | ServiceError::Forbidden { code, .. } => code,
            ServiceError::ClockFault { .. } => "clock_fault",
            _ => "unavailable",
        };
        Self::new(code, error.to_string())
    }
}

/// Works on one device after the other for somebody.
#[derive(Clone, Copy)]
pub struct Programmer<'a> {
    /// The journal.
    pub service: &'a Service,
    /// What clocks of devices are set to.
    pub clock: &'a dyn Clock,
    /// Token models.
    pub profiles: &'a Catalogue,
    /// Those of them with a display that may be written.
    pub models: &'a Models,
    /// Whether that clock is kept right.
    pub synchronised: fn() -> Synchronised,
    /// Who does it.
    pub actor: &'a Actor,
}

/// What opens a slot. Six zeros would be none.
fn access_code(key: &Seed) -> Option<AccessCode> {
    let mut code = Zeroizing::new([0; 6]);
    #[expect(clippy::disallowed_methods, reason = "the code goes to the device")]
    let bytes = key.expose().get(..6)?;
    code.copy_from_slice(bytes);
    AccessCode::new(code)
}

/// What locks the OATH application: text, since that is what its other programs derive a key from.
fn password(key: &Seed) -> Passphrase {
    #[expect(clippy::disallowed_methods, reason = "the password goes to the device")]
    let text = data_encoding::HEXLOWER.encode(key.expose());
    Passphrase::from_text(text)
}

/// An order for the device that an item is meant for.
fn order(item: JournalledItem, models: &Models) -> Result<Order, Refusal> {
    let JournalledItem { run, device, seed, counter, key, nonce, replaces, .. } = item;
    let (moving, hash, digits) = match run.spec_of(&device) {
        OtpSpec::Totp { hash, digits, period, epoch_secs: 0 } => (Moving::Time(period), hash, digits),
        OtpSpec::Hotp { hash, digits } => (Moving::Counter(counter), hash, digits),
        OtpSpec::YubicoOtp { public_id } => (Moving::Uses(public_id), HashAlg::Sha1, Digits::SIX),
        _ => return Err(Refusal::new("kind_not_supported", "this kind of token cannot be programmed")),
    };
    // It may be on the device, whatever is known of that: there is one for each, and a doubt may have come between. A run
    // that protects nothing takes it off.
    let kept = key.as_ref().map(|key| &key.key);
    let wanted = kept.filter(|_| run.protect);
    let slot = |slot| {
        Target::Slot(SlotTarget {
            slot,
            enter: true,
            current: kept.and_then(access_code),
            new: wanted.and_then(access_code),
        })
    };
    let target = match run.application {
        Application::Oath => Target::Oath(OathTarget {
            issuer: Some(run.issuer).filter(|issuer| !issuer.is_empty()),
            account: device.clone(),
            touch: run.touch,
            // Tried once: what the application has already need not be set again.
            current: kept.filter(|_| !run.protect).map(password),
            // Also where it is set: whoever reset the application unlocked it.
            new: wanted.map(password),
        }),
        Application::Slot1 => slot(Slot::One),
        Application::Slot2 => slot(Slot::Two),
        Application::SingleProfile => {
            Target::SingleProfile(Token2Target { models: models.clone(), display_secs: DISPLAY_SECS })
        }
    };
    Ok(Order { serial: device, seed, moving, hash, digits, replaces, nonce, target })
}

impl std::fmt::Debug for Programmer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Programmer")
    }
}

impl Programmer<'_> {
    /// What lies there, without changing it.
    pub fn look(&self, transport: &mut dyn Transport, atr: &[u8]) -> Result<Found, Refusal> {
        let known = Known { models: self.models.clone(), expects_token2: false };
        look(transport, atr, &known).map_err(|error| Refusal::new("unreadable", error.to_string()))
    }

    /// Whether the device may be written in this run at all, before anything is written down about it.
    fn fits(&self, item: JournalledItem, found: &Found) -> Result<(), Refusal> {
        let model = self.profiles.model_of(found);
        if model.is_none_or(|model| model.id != item.run.profile) {
            let lies = model.map_or_else(|| "another device".to_owned(), Profile::full_name);
            let wanted = format!("{} {}", item.run.manufacturer, item.run.model);
            let detail = format!(
                "this is {lies}, and this run writes {}: put it into a run of its own",
                wanted.trim()
            );
            return Err(Refusal::new("other_model", detail));
        }
        if item.run.application == Application::SingleProfile {
            self.require_synchronised()?;
        }
        let order = order(item, self.models)?;
        program::check(&order, found).map_err(|unfit| Refusal::new("unfit", unfit.to_string()))
    }

    /// All devices would be off by as much as this machine, and nobody would notice before it is set right.
    fn require_synchronised(&self) -> Result<(), Refusal> {
        if (self.synchronised)() != Synchronised::No {
            return Ok(());
        }
        let detail = "nothing keeps the clock of this machine right, and the clock of the device would be set by it: \
                      have it synchronised first (timedatectl set-ntp true)";
        Err(Refusal::new("clock_not_synchronised", detail))
    }

    /// Sets the clock of the token that lies there, and leaves its secret where it is. `offset_secs`: what the clock
    /// showed less the time of this machine; `reason`: why, of a token that somebody has.
    ///
    /// # Errors
    /// With `clock_unknown` when nobody knows whether it is set: then it is read once more when it is laid on. After all
    /// others it runs on as before.
    pub fn set_clock(
        &self,
        found: &Found,
        offset_secs: Option<i64>,
        reason: &str,
        transport: &mut dyn Transport,
        see: &mut dyn FnMut(Phase),
    ) -> Result<ClearedClock, Refusal> {
        let (Some(serial), Some(offset_secs)) = (found.serial.clone(), offset_secs) else {
            return Err(Refusal::new("no_clock", NO_CLOCK));
        };
        let model = found.holdings.iter().find_map(|holding| match holding {
            Holding::SingleProfile { model } => model.as_ref(),
            _ => None,
        });
        match model {
            Some(model) if model.keeps_seed => {}
            Some(model) => {
                let detail = format!(
                    "a {} loses its secret when its clock is set: write a fresh one in a run, which sets the clock, too",
                    model.name
                );
                return Err(Refusal::new("clock_clears_seed", detail));
            }
            None => return Err(Refusal::new("no_clock", NO_CLOCK)),
        }
        self.require_synchronised()?;
        let cleared = self.service.clear_clock(self.actor, &serial, offset_secs, reason)?;
        let ClearedClock { hash, digits, period, .. } = cleared;
        let target = Token2Target { models: self.models.clone(), display_secs: DISPLAY_SECS };
        let order = ClockOrder { serial, hash, digits, period, target };
        let begun = self.clock.monotonic();
        let set = program::set_clock(transport, &order, self.clock, &mut |step| see(step.into()));
        let lasted = self.clock.monotonic().saturating_sub(begun);
        // It showed more codes meanwhile than were thought of.
        let is_late = i64::try_from(lasted.as_secs()).is_ok_and(|secs| secs >= UNTIL_SET_SECS / 2);
        match set {
            Ok(_) if is_late => {
                Ok(self.service.clear_clock(self.actor, &order.serial, offset_secs, reason)?)
            }
            Ok(_) => Ok(cleared),
            Err(error @ WriteError::Unknown(_)) => Err(Refusal::new("clock_unknown", error.to_string())),
            Err(error) => {
                // Another try may lock it for ever.
                let is_refused = matches!(error.trouble(), Trouble::Token2(Token2Error::KeyRefused(_)));
                let code = if is_refused { RunItem::KEY_REFUSED } else { "clock_not_set" };
                self.service.clock_not_set(self.actor, &cleared, code, &error.to_string())?;
                Err(Refusal::new(code, error.to_string()))
            }
        }
    }

    /// Programs the device that lies on a reader. `instead_of`: an earlier try with it, which gets another secret.
    ///
    /// # Errors
    /// The device was not taken, and is as it was.
    pub fn program(
        &self,
        run: RunId,
        reader: &str,
        found: &Found,
        transport: &mut dyn Transport,
        instead_of: Option<RunItemId>,
        see: &mut dyn FnMut(Phase),
    ) -> Result<RunItem, Refusal> {
        let Some(device) = found.serial.clone() else {
            let why: Vec<String> = found.remarks.iter().map(ToString::to_string).collect();
            return Err(Refusal::new(
                "no_serial",
                if why.is_empty() {
                    "the device says no serial number, so what is written to it could not be found again"
                        .to_owned()
                } else {
                    why.join("; ")
                },
            ));
        };
        let here = DeviceHere { device, reader: reader.to_owned() };
        self.fits(self.service.planned_item(self.actor, run, &here, instead_of)?, found)?;
        let item = self.service.journal(self.actor, run, &here, instead_of)?;
        let id = item.id;
        let order = match order(item, self.models) {
            Ok(order) => order,
            Err(refusal) => return self.untouched(id, &refusal),
        };
        match program::write(transport, &order, self.clock, &mut |step| see(step.into())) {
            Ok(_) => {}
            // Another try may lock it for ever: somebody has to decide.
            Err(error) if matches!(error.trouble(), Trouble::Token2(Token2Error::KeyRefused(_))) => {
                return self.doubted(id, RunItem::KEY_REFUSED, &error.to_string());
            }
            Err(error @ (WriteError::NotStarted(_) | WriteError::Refused(_))) => {
                return self.untouched(id, &Refusal::new("not_written", error.to_string()));
            }
            Err(error @ WriteError::Unknown(_)) => return self.doubted(id, "no_answer", &error.to_string()),
        }
        see(Phase::Checking);
        self.prove(id, &order, None, transport, see)
    }

    /// After a doubt: what the device on the reader holds of an item.
    pub fn examine(
        &self,
        id: RunItemId,
        transport: &mut dyn Transport,
        see: &mut dyn FnMut(Phase),
    ) -> Result<RunItem, Refusal> {
        see(Phase::Reading);
        let order = order(self.service.journalled(self.actor, id)?, self.models)?;
        if order.wants_touch() {
            see(Phase::Touch);
        }
        match program::state_of(transport, &order, self.clock.now()) {
            Ok(OnDevice::Ours { next }) => self.prove(id, &order, next, transport, see),
            Ok(OnDevice::Nothing { is_locked: false }) => {
                self.untouched(id, &Refusal::new("nothing_there", "the device holds nothing of this run"))
            }
            Ok(OnDevice::Nothing { is_locked: true }) => {
                let detail = "the device holds no secret of this run; the password that it got locks it: write it once more, \
                              in a run without protection when it is to be open";
                self.untouched(id, &Refusal::new("nothing_there", detail))
            }
            Ok(OnDevice::NotOurs) => {
                self.untouched(id, &Refusal::new("other_secret", "the device holds another secret"))
            }
            Ok(OnDevice::CannotTell(next)) => match next {
                program::NextStep::TypeFromSlot(_) | program::NextStep::TypeFromDisplay => {
                    Ok(self.service.item_wants_code(self.actor, id, &next.to_string())?)
                }
                _ => self.doubted(id, "cannot_tell", &next.to_string()),
            },
            Err(trouble) => Err(Refusal::new("unreadable", trouble.to_string())),
        }
    }

    /// Destroys what an item wrote, on the device that lies there.
    pub fn wipe(&self, id: RunItemId, transport: &mut dyn Transport) -> Result<RunItem, Refusal> {
        let order = order(self.service.journalled(self.actor, id)?, self.models)?;
        let filler = self.service.filler()?;
        match program::erase(transport, &order, self.clock, &filler) {
            Ok(()) => Ok(self.service.wiped_item(self.actor, id)?),
            Err(error) => {
                let is_refused = matches!(error.trouble(), Trouble::Token2(Token2Error::KeyRefused(_)));
                let reason = if is_refused { RunItem::KEY_REFUSED } else { "not_wiped" };
                self.doubted(id, reason, &error.to_string())
            }
        }
    }

    /// Takes a code and has it proved, or says how a person gets at one. `from`: the counter that the device has reached,
    /// where it was asked before.
    fn prove(
        &self,
        id: RunItemId,
        order: &Order,
        from: Option<MovingFactor>,
        transport: &mut dyn Transport,
        see: &mut dyn FnMut(Phase),
    ) -> Result<RunItem, Refusal> {
        if order.wants_touch() {
            see(Phase::Touch);
        }
        let at = self.clock.now().plus_secs(-PROOF_AGE_SECS);
        match program::take_code(transport, order, at) {
            Ok(Taken::Code(code)) => {
                let step: Option<MovingFactor> = match code.of {
                    CodeOf::Step(step) => Some(step),
                    CodeOf::AboutStep(_) | CodeOf::Counter(_) | CodeOf::Uses => None,
                };
                let proof = ItemProof { otp: code.otp, by: ProvedBy::Device { step, from } };
                match self.service.prove_item(self.actor, id, &proof) {
                    Ok(ProofOutcome::Programmed(item) | ProofOutcome::Wrong(item)) => Ok(*item),
                    Err(error) => self.doubted(id, "not_proved", &error.to_string()),
                }
            }
            Ok(Taken::ByHand(how)) => Ok(self.service.item_written(self.actor, id, &how.to_string())?),
            Ok(Taken::Touch) => {
                let next = program::NextStep::Touch.to_string();
                self.doubted(id, "not_touched", &next)
            }
            Err(trouble) => self.doubted(id, "code_unread", &trouble.to_string()),
        }
    }

    fn untouched(&self, id: RunItemId, why: &Refusal) -> Result<RunItem, Refusal> {
        Ok(self.service.item_untouched(self.actor, id, why.code, &why.detail)?)
    }

    fn doubted(&self, id: RunItemId, reason: &str, detail: &str) -> Result<RunItem, Refusal> {
        Ok(self.service.item_in_doubt(self.actor, id, reason, detail)?)
    }
}
