//! Which YubiKey this is.
//!
//! Source: yubikey-manager 5.9, `yubikit/support.py`.

use super::management::{DeviceInfo, Management};
use super::otp::OtpSlots;
use super::yubikey::{Version, YubiKeyError};
use crate::apdu::{self, Command, Rest};
use crate::transport::Transport;

/// Asks a key: from the management application, or from the OTP application of keys before 4.1.0, which know
/// their serial number and version only.
///
/// Selects other applications: open what is to be used afterwards.
pub fn identify(transport: &mut dyn Transport) -> Result<DeviceInfo, YubiKeyError> {
    let managed = match Management::select(&mut *transport) {
        Ok(mut management) if management.describes_itself() => return management.read_config(),
        Ok(management) => Ok(management.version()),
        Err(absent @ YubiKeyError::NoApplication(_)) => Err(absent),
        Err(other) => return Err(other),
    };
    if matches!(managed, Ok(Version { major: 3, .. })) {
        // A NEO selects nothing else before it was told this, which it refuses.
        apdu::send(transport, &Command::new(0xa4, 0x04, 0x00, 0x08), Rest::GetResponse)?;
    }
    match (OtpSlots::select(&mut *transport), managed) {
        (Ok(mut slots), _) => {
            let version = slots.status().version;
            Ok(DeviceInfo::of_old_key(version, slots.serial()?))
        }
        (Err(YubiKeyError::NoApplication(_)), Ok(version)) => Ok(DeviceInfo::of_old_key(version, None)),
        (Err(YubiKeyError::NoApplication(_)), Err(absent)) => Err(absent),
        (Err(other), _) => Err(other),
    }
}
