//! Whether an order fits a token: everything that can be known before anything is written.

use super::order::{OathTarget, SlotTarget, Token2Target};
use super::{Order, Target, Unfit};
use crate::applet::oath::{Abilities, Listed, OathError};
use crate::applet::otp::SlotStatus;
use crate::applet::token2::{Info, Token2Error};
use crate::applet::yubikey::Version;
use crate::discover::{Family, Found, Holding, Remark};

/// Refuses what the token that was found cannot hold, in words. What only the token itself knows (a wrong access code)
/// shows when it is written to.
pub fn check(order: &Order, found: &Found) -> Result<(), Unfit> {
    let not_there = || {
        let mut remarks = found.remarks.clone();
        // The other of its two applications is there, and this one may be over another interface.
        if found.family == Family::YubiKey && !found.holdings.is_empty() {
            remarks.push(Remark::SwitchedOff(found.over));
        }
        Unfit::NotThere { application: order.application(), remarks }
    };
    let holding = found.holdings.iter().find(|holding| {
        matches!(
            (holding, &order.target),
            (Holding::Oath { .. }, Target::Oath(_))
                | (Holding::Slots(_), Target::Slot(_))
                | (Holding::SingleProfile { .. }, Target::SingleProfile(_))
        )
    });
    // The wrong token is worth more words than what it lacks, and what it lacks more than that it says no number.
    if found.serial.is_some() {
        same(order, found.serial.as_deref())?;
    }
    let holding = holding.ok_or_else(not_there)?;
    same(order, found.serial.as_deref())?;
    match (holding, &order.target) {
        (Holding::Oath { version, credentials, .. }, Target::Oath(target)) => {
            if credentials.is_none() && target.current.is_none() && target.new.is_none() {
                return Err(Unfit::Oath(OathError::Locked));
            }
            let locks = credentials.is_some() && target.new.is_some();
            oath(order, target, *version, credentials.as_deref().unwrap_or_default(), locks)
        }
        (Holding::Slots(status), Target::Slot(target)) => slot(order, target, *status),
        (Holding::SingleProfile { .. }, Target::SingleProfile(target)) => {
            token2(order, target, &order.serial)
        }
        _ => Err(not_there()),
    }
}

/// The token of the order.
pub(super) fn same(order: &Order, serial: Option<&str>) -> Result<(), Unfit> {
    same_serial(&order.serial, serial)
}

/// The token with this serial number.
pub(super) fn same_serial(expected: &str, serial: Option<&str>) -> Result<(), Unfit> {
    let found = serial.ok_or(Unfit::NoSerial)?;
    if found == expected {
        return Ok(());
    }
    Err(Unfit::OtherDevice { expected: expected.to_owned(), found: found.to_owned() })
}

/// An OATH application of this version with these credentials; `locks`: nothing locks it, and the order would.
pub(super) fn oath(
    order: &Order,
    target: &OathTarget,
    version: Version,
    credentials: &[Listed],
    locks: bool,
) -> Result<(), Unfit> {
    let (id, _) = order.credential_id(target)?;
    order.credential(target, &id)?.fits(version).map_err(Unfit::Oath)?;
    let is_taken = credentials.iter().any(|listed| listed.id == id);
    if is_taken && !order.replaces {
        return Err(Unfit::NameTaken(id));
    }
    if locks && credentials.iter().any(|listed| listed.id != id) {
        return Err(Unfit::LocksOthers);
    }
    let all = credentials.iter().map(|listed| &listed.id);
    if !is_taken && !Abilities::of(version).room.holds(all.chain([&id])) {
        return Err(Unfit::Oath(OathError::Full));
    }
    Ok(())
}

/// Slots in this state.
pub(super) fn slot(order: &Order, target: &SlotTarget, status: SlotStatus) -> Result<(), Unfit> {
    let config = order.slot_config(target)?;
    config.fits(status.version).map_err(|error| Unfit::Slot(error.into()))?;
    if status.is_configured(target.slot) && !order.replaces {
        return Err(Unfit::SlotOccupied(target.slot));
    }
    Ok(())
}

/// A token of Token2 with this serial number.
pub(super) fn token2(order: &Order, target: &Token2Target, serial: &str) -> Result<(), Unfit> {
    order.settings(target)?;
    let model = target.models.of_serial(serial);
    model.map(drop).ok_or_else(|| Unfit::Token2(Token2Error::UnknownModel(serial.to_owned())))
}

/// The same, of what the token said.
pub(super) fn token2_says(order: &Order, target: &Token2Target, info: &Info) -> Result<(), Unfit> {
    same(order, Some(&info.serial))?;
    token2(order, target, &info.serial)
}
