//! Tokens that are simulated: state and not a script, for tests from end to end and for trials without a token.
//!
//! They get bytes and answer bytes, and share no more with the drivers than numbers and ciphers that a specification gives.

mod received;
pub mod slim;
pub mod token2;
pub mod vendor;
pub mod vpcd;
pub mod yubikey;

use zeroize::Zeroizing;

use crate::transport::{Lengths, Transport, TransportError};

/// A card as a reader sees it.
pub trait Card: Send {
    /// What it says when it gets power (ISO 7816-3 §8, or built from its ATS by PC/SC part 3).
    fn atr(&self) -> &[u8];

    /// It gets power: whatever was selected or unlocked is forgotten.
    fn power_on(&mut self);

    /// Its answer to a command APDU, status word included; `None`: the card is gone.
    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>>;
}

/// What goes wrong with a simulated card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// It is torn out when it has got so many more bytes: the command they belong to is not executed. It is gone
    /// until it gets power again.
    pub cut_after: Option<usize>,
    /// So many more commands are answered; the next one is executed, and the card is torn out before it answers.
    pub unanswered_after: Option<usize>,
    /// So many more commands are answered; the next one is refused with this status word, and not executed.
    pub refused_after: Option<(usize, u16)>,
    /// Another serial number is told than the one it has.
    pub wrong_serial: bool,
    /// What is written is answered well and not kept.
    pub forgets: bool,
    /// Each answer promises another part.
    pub endless: bool,
}

impl Faults {
    /// Lets a command through to the card, or not, and its answer back, or not.
    fn pass(&mut self, command: &[u8]) -> Passage {
        if let Some(left) = &mut self.cut_after {
            let Some(rest) = left.checked_sub(command.len()) else {
                *left = 0;
                return Passage::Gone;
            };
            *left = rest;
        }
        if self.endless {
            return Passage::Endless;
        }
        match &mut self.refused_after {
            Some((0, status)) => {
                let status = *status;
                self.refused_after = None;
                return Passage::Refused(status);
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
        match &mut self.unanswered_after {
            Some(0) => {
                self.unanswered_after = None;
                self.cut_after = Some(0);
                Passage::Unanswered
            }
            Some(left) => {
                *left -= 1;
                Passage::Free
            }
            None => Passage::Free,
        }
    }

    /// What the card answers, given how it executes a command.
    pub(crate) fn answer(&mut self, command: &[u8], execute: impl FnOnce() -> Vec<u8>) -> Option<Vec<u8>> {
        match self.pass(command) {
            Passage::Free => Some(execute()),
            Passage::Unanswered => {
                execute();
                None
            }
            Passage::Refused(status) => Some(status.to_be_bytes().to_vec()),
            Passage::Endless => Some(vec![0x00, 0x61, 0x00]),
            Passage::Gone => None,
        }
    }

    /// Put in again: no longer gone.
    pub(crate) fn power_on(&mut self) {
        self.cut_after = self.cut_after.filter(|left| *left > 0);
    }
}

enum Passage {
    Free,
    Unanswered,
    Refused(u16),
    Endless,
    Gone,
}

/// A card that lies in a reader: the [`Transport`] of drivers that talk to it in the process.
pub struct Inserted<C> {
    /// What lies there.
    pub card: C,
    lengths: Lengths,
    is_gone: bool,
}

impl<C: Card> Inserted<C> {
    /// Puts a card in, through a reader that lets such lengths through.
    pub fn new(mut card: C, lengths: Lengths) -> Self {
        card.power_on();
        Self { card, lengths, is_gone: false }
    }

    /// Takes it out and puts it in again.
    pub fn put_back(&mut self) {
        self.card.power_on();
        self.is_gone = false;
    }
}

impl<C: Card> Transport for Inserted<C> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        if self.is_gone {
            return Err(TransportError::Absent);
        }
        let answer = self.card.transmit(command);
        self.is_gone = answer.is_none();
        answer.map(Zeroizing::new).ok_or(TransportError::Lost)
    }

    fn lengths(&self) -> Lengths {
        self.lengths
    }
}
