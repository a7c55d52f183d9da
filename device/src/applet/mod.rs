//! The applications on a chip: bytes of commands and responses, and sessions that send them.
//!
//! Opening a session is selecting its application. Nothing here knows a reader.

pub mod management;
pub mod oath;
pub mod otp;
pub(crate) mod tlv;
pub mod yubikey;
