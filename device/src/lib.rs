//! Tokens with a chip: how bytes reach them, what they mean, and tokens that are simulated.
//!
//! The direction is that of the protocol stack: [`transport`] knows bytes, [`apdu`] the framing of ISO 7816-4, an
//! applet builds commands and parses responses. [`discover`] joins applets: what lies on a reader;
//! [`program`] what is written to it; [`genuine`] whether it is what it says, by its [`attestation`].

pub mod apdu;
pub mod applet;
pub mod attestation;
pub mod discover;
#[cfg(test)]
mod exchanges;
pub mod genuine;
#[doc(hidden)]
pub mod parsers;
pub mod program;
pub mod scanner;
pub mod simulated;
pub mod transport;
