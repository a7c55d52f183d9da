//! The ground floors of Mintmark: what holds secrets, what tells the time, and the arithmetic of OATH tokens.
//!
//! A crate of its own because it computes: it is optimised in every build, also where the rest is not.

pub mod clock;
pub mod oath;
pub mod secret;
