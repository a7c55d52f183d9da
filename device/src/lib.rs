//! Tokens with a chip: how bytes reach them, what they mean, and tokens that are simulated.
//!
//! The direction is that of the protocol stack: [`transport`] knows bytes, [`apdu`] the framing of ISO 7816-4, an
//! applet builds commands and parses responses.

pub mod apdu;
pub mod applet;
#[cfg(test)]
mod exchanges;
pub mod simulated;
pub mod transport;
