//! The applications on a chip: bytes of commands and responses, and sessions that send them.
//!
//! Opening a session is selecting its application, or asking who is there where a token knows no applications. Nothing
//! here knows a reader.

pub mod identify;
pub mod management;
pub mod ndef;
pub mod oath;
pub mod otp;
pub mod piv;
pub mod slim;
pub(crate) mod tlv;
pub mod token2;
pub mod yubikey;
