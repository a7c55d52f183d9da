//! A Protectimus SLIM NFC in an ACR122U: it describes itself, and does nothing else.

use super::Card;
use crate::applet::slim::{INFO, SlimInfo};

/// ISO 14443-4 without historical bytes, as a contactless reader puts it (PC/SC part 3 §3.1.3.2.3).
const ATR: &[u8] = &[0x3b, 0x80, 0x80, 0x01, 0x01];

/// The simulated token.
pub struct VirtualSlim {
    info: SlimInfo,
}

impl VirtualSlim {
    /// A token that says this.
    pub const fn new(info: SlimInfo) -> Self {
        Self { info }
    }

    /// The description; bytes whose meaning is not known are 0.
    fn description(&self) -> Vec<u8> {
        let SlimInfo { hardware, software: (major, minor), settable_clock, period_secs } = self.info;
        let step = if period_secs == 60 { 0x10 } else { 0 };
        let mut body = vec![0x10, 0, hardware, major, minor, 0, settable_clock.into(), 0, step, 0];
        body.push(body.iter().fold(0, |sum, byte| sum ^ byte));
        [&[0xaa, 11], &body[..]].concat()
    }
}

impl Card for VirtualSlim {
    fn atr(&self) -> &[u8] {
        ATR
    }

    fn power_on(&mut self) {}

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        Some(match command {
            [0xff, 0, 0, 0, length, 0xd4, 0x40, 1, payload @ ..]
                if usize::from(*length) == payload.len() + 3 =>
            {
                // An error of the PN532, a time that ran out, stands for a token that does not answer.
                let (error, answer) = if payload == INFO { (0, self.description()) } else { (1, Vec::new()) };
                [&[0xd5, 0x41, error], &answer[..], &[0x90, 0x00]].concat()
            }
            // What the reader does not know, it refuses; the token does not answer to commands.
            [0xff, ..] => vec![0x6a, 0x81],
            _ => vec![0x63, 0x00],
        })
    }
}
