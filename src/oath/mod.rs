//! OATH arithmetic: HOTP (RFC 4226), TOTP (RFC 6238), the suite grammar of OCRA (RFC 6287) and the
//! search for the position of a sequence of codes.
//!
//! Pure functions: no I/O, no clock, no storage. What a token may accept (floors, budgets) is
//! decided by the callers.

mod ocra;
mod types;

pub use ocra::{OcraSuite, SuiteError};
pub use types::{Digits, HashAlg, MovingFactor, Otp, OtpError, PeriodSecs, ValueError};
