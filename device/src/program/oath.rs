//! Orders for the OATH application of a YubiKey.

use mintmark_engine::clock::UnixTime;
use mintmark_engine::oath::{Generator, MovingFactor, Otp, time_step};
use subtle::ConstantTimeEq;

use super::ledger::{Gate, Ledger};
use super::order::OathTarget;
use super::{Code, CodeOf, Moving, NextStep, OnDevice, Order, Step, Taken, Trouble, Unfit, fit, same_key};
use crate::applet::oath::{CredentialId, Kind, OathError, YkOath};
use crate::transport::Transport;

/// Which password opened the application.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Opened {
    /// None was needed.
    Unlocked,
    /// That of now.
    Current,
    /// That of then: the order was written before, as far as this.
    New,
}

/// Opens the application, with the password of now or, after a doubt, with that of then.
fn open<'a>(
    transport: &'a mut dyn Transport,
    order: &Order,
    target: &OathTarget,
) -> Result<(YkOath<'a>, Opened), Trouble> {
    let mut oath = YkOath::select(transport)?;
    if !oath.is_locked() {
        return Ok((oath, Opened::Unlocked));
    }
    let passwords = [(&target.current, Opened::Current), (&target.new, Opened::New)];
    let mut refused = OathError::Locked;
    for (password, opened) in passwords {
        let Some(password) = password else { continue };
        if refused == OathError::WrongPassword {
            oath.select_again()?;
        }
        let key = oath.access_key(password);
        match oath.validate(&key, order.nonce) {
            Ok(()) => return Ok((oath, opened)),
            Err(OathError::WrongPassword) => refused = OathError::WrongPassword,
            Err(other) => return Err(other.into()),
        }
    }
    Err(Unfit::Oath(refused).into())
}

/// The password first, so that no seed lies on a key that anybody can ask for codes, unless the order wants none.
pub(super) fn write(
    gate: &mut Gate<'_>,
    order: &Order,
    target: &OathTarget,
    step: &mut dyn FnMut(Step),
) -> Result<(), Trouble> {
    same_key(gate, order)?;
    let (id, _) = order.credential_id(target)?;
    let (mut oath, opened) = open(gate, order, target)?;
    let credentials = oath.list()?;
    let locks = opened == Opened::Unlocked && target.new.is_some();
    fit::oath(order, target, oath.version(), &credentials, locks)?;
    step(Step::Writing);
    match &target.new {
        Some(new) if opened != Opened::New => {
            let key = oath.access_key(new);
            oath.set_code(&key, order.nonce)?;
        }
        // Nobody but us knows the password: locked, the key would be of no use to whoever gets it.
        None if opened == Opened::Current => oath.clear_code()?,
        _ => {}
    }
    Ok(oath.put(&order.credential(target, &id)?)?)
}

pub(super) fn take_code(
    transport: &mut dyn Transport,
    order: &Order,
    target: &OathTarget,
    at: UnixTime,
) -> Result<Taken, Trouble> {
    same_key(transport, order)?;
    let (id, _) = order.credential_id(target)?;
    let (mut oath, _) = open(transport, order, target)?;
    let (taken, of) = match order.moving {
        Moving::Time(period) => {
            let step = time_step(at, 0, 0, period).unwrap_or(MovingFactor(0));
            (oath.totp(&id, step), CodeOf::Step(step))
        }
        Moving::Counter(counter) => (oath.hotp(&id), CodeOf::Counter(counter)),
        Moving::Uses(_) => return Err(order.no_credential().into()),
    };
    match taken {
        Ok(otp) => Ok(Taken::Code(Code { otp, of })),
        Err(OathError::NotTouched) => Ok(Taken::Touch),
        Err(other) => Err(other.into()),
    }
}

pub(super) fn state_of(
    transport: &mut dyn Transport,
    order: &Order,
    target: &OathTarget,
) -> Result<OnDevice, Trouble> {
    same_key(transport, order)?;
    let (id, kind) = order.credential_id(target)?;
    let (mut oath, opened) = match open(transport, order, target) {
        Ok(opened) => opened,
        Err(Trouble::Unfit(Unfit::Oath(OathError::Locked | OathError::WrongPassword))) => {
            return Ok(OnDevice::CannotTell(NextStep::ResetOath));
        }
        Err(other) => return Err(other),
    };
    let credentials = oath.list()?;
    let Some(listed) = credentials.iter().find(|listed| listed.id == id) else {
        return Ok(OnDevice::Nothing { is_locked: opened != Opened::Unlocked });
    };
    if (listed.kind, listed.hash) != (kind, order.hash) {
        return Ok(OnDevice::NotOurs);
    }
    match proof(&mut oath, order, &id, kind) {
        Ok(on_device) => Ok(on_device),
        Err(OathError::NotTouched) => Ok(OnDevice::CannotTell(NextStep::Touch)),
        Err(other) => Err(other.into()),
    }
}

/// How far a counter may have come while nobody wrote down what it gave.
const COUNTED_MEANWHILE: u64 = 200;

/// Asks for two codes that only our seed gives: of steps that nobody foresees, or the next ones of the counter.
fn proof(oath: &mut YkOath<'_>, order: &Order, id: &CredentialId, kind: Kind) -> Result<OnDevice, OathError> {
    let generator = Generator::new(&order.seed, order.hash);
    let is_of = |otp: &Otp, at| bool::from(generator.code(at, order.digits).ct_eq(otp));
    if let (Kind::Hotp, Some(first)) = (kind, order.first_counter()) {
        let (one, two) = (oath.hotp(id)?, oath.hotp(id)?);
        let mut counters = (first.0..=first.0.saturating_add(COUNTED_MEANWHILE)).map(MovingFactor);
        let at = counters.find(|at| is_of(&one, *at) && is_of(&two, at.next()));
        return Ok(at.map_or(OnDevice::NotOurs, |at| OnDevice::Ours { next: Some(at.next().next()) }));
    }
    let drawn = u64::from_be_bytes(order.nonce);
    for step in [drawn, !drawn].map(MovingFactor) {
        let otp = oath.totp(id, step)?;
        if !is_of(&otp, step) {
            return Ok(OnDevice::NotOurs);
        }
    }
    Ok(OnDevice::Ours { next: None })
}

pub(super) fn erase(
    gate: &mut Gate<'_>,
    ledger: &Ledger,
    order: &Order,
    target: &OathTarget,
) -> Result<(), Trouble> {
    same_key(gate, order)?;
    let (id, _) = order.credential_id(target)?;
    let (mut oath, opened) = open(gate, order, target)?;
    let credentials = oath.list()?;
    let is_there = credentials.iter().any(|listed| listed.id == id);
    // Nothing is left that the password protects, and nobody knows it.
    let unlocks = opened != Opened::Unlocked && credentials.iter().all(|listed| listed.id == id);
    if is_there || unlocks {
        ledger.begin();
    }
    if is_there {
        oath.delete(&id)?;
    }
    if unlocks {
        oath.clear_code()?;
    }
    Ok(())
}
