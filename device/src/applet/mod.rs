//! What token families understand. Each file builds commands and parses responses without any I/O, and has a session
//! that sends them in the order that the device needs.

pub mod ndef;
pub mod slim;
pub mod token2;
