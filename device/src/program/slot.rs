//! Orders for a slot of a YubiKey.

use super::ledger::{Gate, Ledger};
use super::order::SlotTarget;
use super::{NextStep, OnDevice, Order, Step, Trouble, fit, same_key};
use crate::applet::otp::config::AccessCode;
use crate::applet::otp::{AccessCodes, OtpError, OtpSlots};
use crate::transport::Transport;

/// The access codes that may protect the slot now: that of now, after a doubt that of then, or none. Whether a slot that
/// none protects takes any is not published. There is no limit of attempts.
fn codes(target: &SlotTarget, is_configured: bool) -> Vec<Option<&AccessCode>> {
    let known = [&target.current, &target.new].into_iter().flatten().map(Some);
    known.filter(|_| is_configured).chain([None]).collect()
}

/// Does it with the first access code that the slot takes. A slot that did not move a bit in its status took none.
fn with_codes(
    slots: &mut OtpSlots<'_>,
    ledger: &Ledger,
    target: &SlotTarget,
    work: impl Fn(&mut OtpSlots<'_>, Option<&AccessCode>) -> Result<(), OtpError>,
) -> Result<(), Trouble> {
    let mut rejected = OtpError::Rejected(target.slot);
    for current in codes(target, slots.status().is_configured(target.slot)) {
        let (before, taken) = (slots.status(), ledger.has_taken());
        match work(slots, current) {
            Err(again @ OtpError::Rejected(_)) if slots.status() == before => {
                ledger.changed_nothing(taken);
                rejected = again;
            }
            other => return Ok(other?),
        }
    }
    Err(rejected.into())
}

pub(super) fn write(
    gate: &mut Gate<'_>,
    ledger: &Ledger,
    order: &Order,
    target: &SlotTarget,
    step: &mut dyn FnMut(Step),
) -> Result<(), Trouble> {
    same_key(gate, order)?;
    let mut slots = OtpSlots::select(gate)?;
    fit::slot(order, target, slots.status())?;
    let config = order.slot_config(target)?;
    step(Step::Writing);
    let new = target.new.as_ref();
    with_codes(&mut slots, ledger, target, |slots, current| {
        slots.write(target.slot, &config, AccessCodes { current, new })
    })
}

pub(super) fn state_of(
    transport: &mut dyn Transport,
    order: &Order,
    target: &SlotTarget,
) -> Result<OnDevice, Trouble> {
    same_key(transport, order)?;
    let slots = OtpSlots::select(transport)?;
    Ok(if slots.status().is_configured(target.slot) {
        OnDevice::CannotTell(NextStep::TypeFromSlot(target.slot))
    } else {
        OnDevice::Nothing { is_locked: false }
    })
}

pub(super) fn erase(
    gate: &mut Gate<'_>,
    ledger: &Ledger,
    order: &Order,
    target: &SlotTarget,
) -> Result<(), Trouble> {
    same_key(gate, order)?;
    let mut slots = OtpSlots::select(gate)?;
    if !slots.status().is_configured(target.slot) {
        return Ok(());
    }
    ledger.begin();
    with_codes(&mut slots, ledger, target, |slots, current| slots.delete(target.slot, current))
}
