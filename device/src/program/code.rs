//! Codes that a token shows after it was written to, and whether they are those of the seed.

use std::fmt;

use mintmark_engine::clock::UnixTime;
use mintmark_engine::oath::{Generator, MovingFactor, Otp, YubicoKey, time_step};
use subtle::ConstantTimeEq;

use super::{Moving, Order};
use crate::applet::otp::Slot;

/// So many codes may have been made before the one that is looked at: somebody touched the key, or a code was taken and
/// its answer got lost.
const LOOK_AHEAD: u64 = 10;

/// What came of asking for a code.
#[derive(Debug)]
pub enum Taken {
    /// The token computed it.
    Code(Code),
    /// It waits for a touch, and nobody touched it: ask again.
    Touch,
    /// A person reads it from the token and types it.
    ByHand(ByHand),
}

/// How a person gets at a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// A touch types it: a short one for slot 1, a long one for slot 2.
    TouchSlot(Slot),
    /// The button makes it show one.
    ReadDisplay,
}

impl fmt::Display for ByHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TouchSlot(Slot::One) => {
                "put the cursor into the field and touch the key briefly: it types a code"
            }
            Self::TouchSlot(Slot::Two) => {
                "put the cursor into the field and touch the key for three seconds: it types a code"
            }
            Self::ReadDisplay => "press the button of the token and type the code that it shows",
        })
    }
}

/// A code, and what it is a code of.
#[derive(Debug)]
pub struct Code {
    /// Wiped when dropped.
    pub otp: Otp,
    /// What [`verify`] has to know.
    pub of: CodeOf,
}

/// What a code is a code of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeOf {
    /// This step of time, which the token was asked for.
    Step(MovingFactor),
    /// This step by the clock of the token, or one of its neighbours: it was read and typed.
    AboutStep(MovingFactor),
    /// The next counter of the token, which has moved past it: this one, or one of the ten behind it. [`verify`] tells
    /// which it was. The server has to go on behind that.
    Counter(MovingFactor),
    /// The position that it says itself: Yubico OTP.
    Uses,
}

/// What the code is of that a person reads from the token at this time. `None`: the token cannot show one.
pub fn expected_code(order: &Order, at: UnixTime) -> Option<CodeOf> {
    match order.moving {
        Moving::Time(period) => time_step(at, 0, 0, period).map(CodeOf::AboutStep),
        Moving::Counter(_) => order.first_counter().map(CodeOf::Counter),
        Moving::Uses(_) => Some(CodeOf::Uses),
    }
}

/// Whether a code is one of the order's seed; gives the step, counter or position that it is of.
pub fn verify(order: &Order, otp: &Otp, of: CodeOf) -> Option<MovingFactor> {
    if let Moving::Uses(public_id) = &order.moving {
        let typed = otp.yubico().filter(|typed| typed.public_id() == public_id.as_bytes())?;
        return Some(YubicoKey::from_kept(&order.seed)?.open(typed)?.position());
    }
    let generator = Generator::new(&order.seed, order.hash);
    let candidates = match of {
        CodeOf::Step(step) => step.0..=step.0,
        CodeOf::AboutStep(step) => step.0.saturating_sub(1)..=step.0.saturating_add(1),
        CodeOf::Counter(first) => first.0..=first.0.saturating_add(LOOK_AHEAD),
        CodeOf::Uses => return None,
    };
    candidates.map(MovingFactor).find(|at| generator.code(*at, order.digits).ct_eq(otp).into())
}
