//! Tokens that are simulated: they keep state, have clocks that drift, and fail when they are told to.

pub mod slim;
pub mod token2;
pub mod vpcd;

use zeroize::Zeroizing;

use crate::transport::{Lengths, Transport, TransportError};

/// A card as a reader sees it.
pub trait Card: Send {
    /// What it says when it gets power (ISO 7816-3 §8).
    fn atr(&self) -> &[u8];
    /// It gets power, or is reset: what lasts as long as the power is forgotten.
    fn power_on(&mut self);
    /// Answers one command APDU; `None` when it is gone.
    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>>;
}

/// What goes wrong with a simulated token. Nothing does by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// It is taken away once it has received so many bytes of commands; the last command is not executed.
    pub cut_after: Option<usize>,
    /// It is taken away after so many more answers: it executes the next command and does not answer it.
    pub unanswered_after: Option<usize>,
    /// It says another serial number than its own.
    pub wrong_serial: bool,
    /// It says that it has written, and has not.
    pub forgets: bool,
    /// Its responses never end: each part says that there is more (61xx).
    pub endless: bool,
}

/// A card in a reader that is no reader: bytes go straight to it.
pub struct Inserted<C> {
    /// The card.
    pub card: C,
    lengths: Lengths,
}

impl<C: Card> Inserted<C> {
    /// Gives the card power.
    pub fn new(mut card: C, lengths: Lengths) -> Self {
        card.power_on();
        Self { card, lengths }
    }
}

impl<C: Card> Transport for Inserted<C> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        self.card.transmit(command).map(Zeroizing::new).ok_or(TransportError::Lost)
    }

    fn lengths(&self) -> Lengths {
        self.lengths
    }
}
