//! Orders for a token of Token2 with one seed.

use mintmark_engine::clock::{Clock, UnixTime};
use mintmark_engine::secret::Seed;

use super::ledger::{Gate, Ledger};
use super::order::{ClockOrder, Token2Target};
use super::{NextStep, OnDevice, Order, Step, Trouble, Unfit, Written, fit, same_token2};
use crate::applet::token2::{Cleared, Settings, Token2};
use crate::transport::Transport;

/// More than such a clock gains or loses in ten years, of a second a day: it was never set.
const NEVER_SET_SECS: i64 = 3660;

pub(super) fn write(
    gate: &mut Gate<'_>,
    order: &Order,
    target: &Token2Target,
    clock: &dyn Clock,
    step: &mut dyn FnMut(Step),
) -> Result<Written, Trouble> {
    let token = Token2::open(gate)?;
    fit::token2_says(order, target, token.info())?;
    let settings = order.settings(target)?;
    let mut open = token.authenticate(&target.models)?;
    step(Step::Writing);
    open.write_all(settings, &order.seed, clock)?;
    step(Step::Checking);
    let offset = open.read_back(clock)?;
    Ok(Written { clock_offset_secs: Some(offset) })
}

pub(super) fn set_clock(
    gate: &mut Gate<'_>,
    order: &ClockOrder,
    clock: &dyn Clock,
    step: &mut dyn FnMut(Step),
) -> Result<Written, Trouble> {
    let ClockOrder { serial, hash, digits, period, target } = order;
    let settings = Settings::new(*hash, *digits, *period, target.display_secs).map_err(Unfit::Token2)?;
    let token = Token2::open(gate)?;
    fit::same_serial(serial, Some(&token.info().serial))?;
    let mut open = token.authenticate(&target.models)?;
    step(Step::Writing);
    let offset = open.set_time(settings, Cleared::token(serial), clock)?;
    step(Step::Checking);
    Ok(Written { clock_offset_secs: Some(offset) })
}

/// Its clock is all that it tells.
pub(super) fn state_of(
    transport: &mut dyn Transport,
    order: &Order,
    now: UnixTime,
) -> Result<OnDevice, Trouble> {
    let token = same_token2(transport, order)?;
    let clock_offset_secs = token.info().clock.secs_since(now);
    Ok(OnDevice::CannotTell(if clock_offset_secs.abs() > NEVER_SET_SECS {
        NextStep::WriteAgain { clock_offset_secs }
    } else {
        NextStep::TypeFromDisplay
    }))
}

/// There is no command that empties it.
pub(super) fn erase(
    gate: &mut Gate<'_>,
    ledger: &Ledger,
    order: &Order,
    target: &Token2Target,
    clock: &dyn Clock,
    filler: &Seed,
) -> Result<(), Trouble> {
    let settings = order.settings(target)?;
    let mut open = same_token2(gate, order)?.authenticate(&target.models)?;
    ledger.begin();
    open.write_all(settings, filler, clock)?;
    open.read_back(clock)?;
    Ok(())
}
