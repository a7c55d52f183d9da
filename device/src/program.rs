//! One way to write a seed to a token, whatever its family: refuse before, write, read a code, look after a doubt,
//! destroy.
//!
//! What is written down before and after, in which order tokens come, and what becomes of one that is in doubt, is the
//! business of whoever calls this. It tells them the truth about a write that did not succeed ([`WriteError`]): a seed
//! that is on a token and in no store is lost, and one that is in the store and on no token is found out.
//!
//! The serial number is read before and after on the same connection, because tokens are exchanged quickly by hand.

mod code;
mod fit;
mod ledger;
mod oath;
mod order;
mod single_profile;
mod slot;
mod trouble;

use mintmark_engine::clock::{Clock, UnixTime};
use mintmark_engine::secret::Seed;

pub use self::code::{ByHand, Code, CodeOf, Taken, expected_code, verify};
pub use self::fit::check;
use self::ledger::{Gate, Ledger};
pub use self::order::{Application, ClockOrder, Moving, OathTarget, Order, SlotTarget, Target, Token2Target};
pub use self::trouble::{NextStep, OnDevice, Trouble, Unfit, WriteError};
use crate::applet::identify::identify;
use crate::applet::token2::Token2;
use crate::transport::Transport;

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Which token it is, and what is on it.
    Reading,
    /// From here on the token changes.
    Writing,
    /// Which token it was.
    Checking,
}

impl Step {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Writing => "writing",
            Self::Checking => "checking",
        }
    }
}

/// What a write has to say when it succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// What the token's clock showed afterwards less the time of this machine, in whole seconds; of tokens with a clock
    /// that can be read.
    pub clock_offset_secs: Option<i64>,
}

/// Writes an order to the token that lies there, if it is the one that the order is for. `clock` is what tokens with a
/// clock are set to.
///
/// After any error that is not [`WriteError::Unknown`] the token holds what it held before.
pub fn write(
    transport: &mut dyn Transport,
    order: &Order,
    clock: &dyn Clock,
    progress: &mut dyn FnMut(Step),
) -> Result<Written, WriteError> {
    journalled(transport, |gate, ledger| {
        let mut step = noted(ledger, progress);
        step(Step::Reading);
        let written = match &order.target {
            Target::Oath(target) => oath::write(gate, order, target, &mut step),
            Target::Slot(target) => slot::write(gate, ledger, order, target, &mut step),
            Target::SingleProfile(target) => {
                return single_profile::write(gate, order, target, clock, &mut step);
            }
        };
        written?;
        step(Step::Checking);
        same_key(gate, order)?;
        Ok(Written { clock_offset_secs: None })
    })
}

/// Sets the clock of a token to that of this machine, and leaves its seed where it is. Models that would lose it are
/// refused, and every token but the one of the order. Whoever calls this has seen to it that no code which the token
/// showed before is accepted afterwards.
///
/// After any error that is not [`WriteError::Unknown`] its clock runs on as before.
pub fn set_clock(
    transport: &mut dyn Transport,
    order: &ClockOrder,
    clock: &dyn Clock,
    progress: &mut dyn FnMut(Step),
) -> Result<Written, WriteError> {
    journalled(transport, |gate, ledger| {
        let mut step = noted(ledger, progress);
        step(Step::Reading);
        single_profile::set_clock(gate, order, clock, &mut step)
    })
}

/// Asks the token for a code of what was written, or says how a person gets one. A counter moves by that: see
/// [`CodeOf::Counter`].
///
/// Where the order asks for a touch, a key waits some 15 seconds for it: say so before.
pub fn take_code(transport: &mut dyn Transport, order: &Order, at: UnixTime) -> Result<Taken, Trouble> {
    match &order.target {
        Target::Oath(target) => oath::take_code(transport, order, target, at),
        Target::Slot(target) => Ok(Taken::ByHand(ByHand::TouchSlot(target.slot))),
        Target::SingleProfile(_) => Ok(Taken::ByHand(ByHand::ReadDisplay)),
    }
}

/// After a doubt: whether what the order wrote is on the token. The counter of an OATH credential with HOTP moves by two.
pub fn state_of(transport: &mut dyn Transport, order: &Order, now: UnixTime) -> Result<OnDevice, Trouble> {
    match &order.target {
        Target::Oath(target) => oath::state_of(transport, order, target),
        Target::Slot(target) => slot::state_of(transport, order, target),
        Target::SingleProfile(_) => single_profile::state_of(transport, order, now),
    }
}

/// Destroys what the order wrote: a credential of that name, what lies in that slot, the seed. `filler` is a random seed
/// that nobody keeps, for tokens that can only be overwritten.
///
/// Nothing being there is a success.
pub fn erase(
    transport: &mut dyn Transport,
    order: &Order,
    clock: &dyn Clock,
    filler: &Seed,
) -> Result<(), WriteError> {
    journalled(transport, |gate, ledger| {
        match &order.target {
            Target::Oath(target) => oath::erase(gate, ledger, order, target)?,
            Target::Slot(target) => slot::erase(gate, ledger, order, target)?,
            Target::SingleProfile(target) => {
                return single_profile::erase(gate, ledger, order, target, clock, filler);
            }
        }
        same_key(gate, order)
    })
}

/// Tells what is being done, and notes where the token begins to change.
fn noted<'a>(ledger: &'a Ledger, progress: &'a mut dyn FnMut(Step)) -> impl FnMut(Step) + 'a {
    move |step| {
        if step == Step::Writing {
            ledger.begin();
        }
        progress(step);
    }
}

/// Runs something that writes, and says of an error what it means for the token.
fn journalled<T>(
    transport: &mut dyn Transport,
    work: impl FnOnce(&mut Gate<'_>, &Ledger) -> Result<T, Trouble>,
) -> Result<T, WriteError> {
    let ledger = Ledger::default();
    work(&mut Gate::new(transport, &ledger), &ledger).map_err(|trouble| ledger.judge(trouble))
}

/// Reads which YubiKey lies there, and refuses every other one than that of the order.
fn same_key(transport: &mut dyn Transport, order: &Order) -> Result<(), Trouble> {
    let key = identify(transport)?;
    Ok(fit::same(order, key.serial.map(|serial| serial.to_string()).as_deref())?)
}

/// Reads which token of Token2 lies there, and refuses every other one than that of the order.
fn same_token2<'a>(transport: &'a mut dyn Transport, order: &Order) -> Result<Token2<'a>, Trouble> {
    let token = Token2::open(transport)?;
    fit::same(order, Some(&token.info().serial))?;
    Ok(token)
}

#[cfg(test)]
mod tests;
