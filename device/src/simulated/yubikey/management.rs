//! The management application.

use zeroize::Zeroizing;

use super::Reach;
use crate::applet::management::Capabilities;
use crate::applet::tlv;
use crate::applet::yubikey::Version;
use crate::simulated::received::Answer;

/// Everything that a YubiKey 5 NFC has.
const ALL: Capabilities = Capabilities(0x033f);

/// What is switched on, and the lock.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Settings {
    usb: Capabilities,
    nfc: Capabilities,
    /// From the next start on.
    coming: (Capabilities, Capabilities),
    lock: Option<Zeroizing<[u8; 16]>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self { usb: ALL, nfc: ALL, coming: (ALL, ALL), lock: None }
    }
}

impl Settings {
    pub(super) const fn enabled(&self, reach: Reach) -> Capabilities {
        match reach {
            Reach::Usb => self.usb,
            Reach::Contactless => self.nfc,
        }
    }

    pub(super) fn restart(&mut self) {
        (self.usb, self.nfc) = self.coming;
    }

    pub(super) fn answer(&mut self, header: [u8; 3], data: &[u8], serial: u32, version: Version) -> Answer {
        match header {
            [0x1d, page, 0x00] if version >= Version::new(4, 1, 0) => {
                if page == 0 {
                    Ok(self.page(serial, version))
                } else {
                    Err(0x6b00)
                }
            }
            [0x1c, 0x00, 0x00] if version >= Version::new(5, 0, 0) => self.write(data),
            [0x1c | 0x1d, ..] if version.major == 5 => Err(0x6b00),
            _ => Err(0x6d00),
        }
    }

    fn page(&self, serial: u32, version: Version) -> Vec<u8> {
        let entries: [(u8, &[u8]); 17] = [
            (0x01, &ALL.0.to_be_bytes()),
            (0x02, &serial.to_be_bytes()),
            (0x03, &self.usb.0.to_be_bytes()),
            (0x04, &[0x03]),
            (0x05, &[version.major, version.minor, version.patch]),
            (0x06, &[0, 0]),
            (0x07, &[15]),
            (0x08, &[0]),
            (0x0d, &ALL.0.to_be_bytes()),
            (0x0e, &self.nfc.0.to_be_bytes()),
            (0x0a, &[u8::from(self.lock.is_some())]),
            (0x0f, &[0]),
            (0x14, &[0, 0]),
            (0x15, &[0, 0]),
            (0x16, &[0]),
            (0x17, &[0]),
            (0x18, &[0, 0]),
        ];
        let mut page = vec![0];
        for (tag, value) in entries {
            tlv::push(&mut page, tag, value);
        }
        page[0] = u8::try_from(page.len() - 1).expect("64 bytes");
        page
    }

    fn write(&mut self, data: &[u8]) -> Answer {
        let (len, mut rest) = data.split_first().ok_or(0x6700_u16)?;
        if usize::from(*len) != rest.len() {
            return Err(0x6700);
        }
        let mut next = self.clone();
        let (mut restarts, mut is_open) = (false, self.lock.is_none());
        while !rest.is_empty() {
            let (tag, value) = tlv::take(&mut rest).ok_or(0x6a80_u16)?;
            let bits = || Some(Capabilities(u16::from_be_bytes(value.try_into().ok()?)));
            match tag {
                0x0c => restarts = true,
                0x0b => is_open = self.lock.as_ref().is_none_or(|lock| lock.as_slice() == value),
                0x03 => next.coming.0 = bits().ok_or(0x6a80_u16)?,
                0x0e => next.coming.1 = bits().ok_or(0x6a80_u16)?,
                0x0a => {
                    let code: [u8; 16] = value.try_into().map_err(|_| 0x6a80_u16)?;
                    next.lock = (code != [0; 16]).then_some(Zeroizing::new(code));
                }
                _ => {}
            }
        }
        if !is_open {
            return Err(0x6982);
        }
        *self = next;
        if restarts {
            self.restart();
        }
        Ok(Vec::new())
    }
}
