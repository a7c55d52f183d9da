//! Bytes of PIV: responses are read, nothing is sent.

use super::ManagementKeyKind;
use crate::applet::tlv;
use crate::applet::yubikey::Version;

/// What is wrong with a response.
type Wrong = &'static str;

/// Dynamic authentication template, and what lies in it (SP 800-73-5 part 2, table 7).
pub(crate) const DYNAMIC: u8 = 0x7c;
pub(crate) const WITNESS: u8 = 0x80;
pub(crate) const CHALLENGE: u8 = 0x81;
pub(crate) const RESPONSE: u8 = 0x82;
/// Policy of a key that asks for no PIN, or for no touch.
pub(crate) const NEVER: u8 = 0x01;

/// Where a key comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Made on the device.
    Generated,
    /// Brought from outside.
    Imported,
    /// Not one of these.
    Other(u8),
}

/// What a device says of a key in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyMetadata {
    /// Number of its algorithm.
    pub algorithm: u8,
    /// When a PIN is asked for: 1 never, 2 once, 3 always.
    pub pin_policy: u8,
    /// When a touch is asked for: 1 never, 2 always, 3 every 15 seconds.
    pub touch_policy: u8,
    /// Where it comes from.
    pub origin: Origin,
}

/// GET VERSION.
pub(crate) fn read_version(data: &[u8]) -> Result<Version, Wrong> {
    match data {
        [major, minor, patch] => Ok(Version::new(*major, *minor, *patch)),
        _ => Err("a version that has not three bytes"),
    }
}

/// GET SERIAL.
pub(crate) fn read_serial(data: &[u8]) -> Result<u32, Wrong> {
    data.try_into().map(u32::from_be_bytes).map_err(|_| "a serial number that has not four bytes")
}

/// The one entry with this tag that is all there is.
fn only(tag: u8, mut data: &[u8]) -> Result<&[u8], Wrong> {
    match tlv::take(&mut data) {
        Some((found, value)) if found == tag && data.is_empty() => Ok(value),
        Some((found, _)) if found == tag => Err("something lies behind the end"),
        Some(_) => Err("another entry than the one that was asked for"),
        None => Err("an entry that is cut off"),
    }
}

/// The certificate in a data object of GET DATA (SP 800-73-5 part 1, table 10 and following).
pub(crate) fn read_certificate(data: &[u8]) -> Result<&[u8], Wrong> {
    let mut rest = only(0x53, data)?;
    let mut certificate = None;
    while !rest.is_empty() {
        match tlv::take(&mut rest).ok_or("an entry that is cut off")? {
            (0x70, value) => certificate = Some(value),
            (0x71, [0]) => {}
            (0x71, _) => return Err("a certificate that is compressed, as those of attestation never are"),
            _ => {}
        }
    }
    certificate.ok_or("no certificate is in it")
}

/// GET METADATA of a key in a slot.
pub(crate) fn read_metadata(mut data: &[u8]) -> Result<KeyMetadata, Wrong> {
    let (mut algorithm, mut policies, mut origin) = (None, None, None);
    while !data.is_empty() {
        match tlv::take(&mut data).ok_or("an entry that is cut off")? {
            (0x01, [number]) => algorithm = Some(*number),
            (0x02, [pin, touch]) => policies = Some((*pin, *touch)),
            (0x03, [number]) => {
                origin = Some(match number {
                    1 => Origin::Generated,
                    2 => Origin::Imported,
                    other => Origin::Other(*other),
                });
            }
            _ => {}
        }
    }
    let ((pin_policy, touch_policy), Some(algorithm), Some(origin)) =
        (policies.ok_or("no policies are in it")?, algorithm, origin)
    else {
        return Err("no algorithm or no origin is in it");
    };
    Ok(KeyMetadata { algorithm, pin_policy, touch_policy, origin })
}

/// GET METADATA of the management key. A device that does not say it uses 3DES.
pub(crate) fn read_management_kind(mut data: &[u8]) -> Result<ManagementKeyKind, Wrong> {
    let mut kind = ManagementKeyKind::Tdes;
    while !data.is_empty() {
        if let (0x01, [number]) = tlv::take(&mut data).ok_or("an entry that is cut off")? {
            kind = ManagementKeyKind::of_number(*number).ok_or("a management key of an unknown kind")?;
        }
    }
    Ok(kind)
}

/// The public key of a new Ed25519 key.
pub(crate) fn read_generated(data: &[u8]) -> Result<[u8; 32], Wrong> {
    // The tag has two bytes, 7F 49.
    let [0x7f, behind @ ..] = data else { return Err("no public key is in it") };
    let key = only(0x86, only(0x49, behind)?)?;
    key.try_into().map_err(|_| "a public key that has not 32 bytes")
}

/// An entry of a dynamic authentication template.
pub(crate) fn read_dynamic(tag: u8, data: &[u8]) -> Result<&[u8], Wrong> {
    only(tag, only(DYNAMIC, data)?)
}

/// A dynamic authentication template of these entries.
pub(crate) fn dynamic(entries: &[(u8, &[u8])]) -> Vec<u8> {
    let mut inner = Vec::new();
    for (tag, value) in entries {
        tlv::push(&mut inner, *tag, value);
    }
    let mut outer = Vec::new();
    tlv::push(&mut outer, DYNAMIC, &inner);
    outer
}
