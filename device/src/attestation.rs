//! Certificates of attestation: what a YubiKey states of a key that it generated, and who vouches for the YubiKey.
//!
//! A statement is a certificate that the device makes of a key in one of its slots, signed by a key of its own that the vendor
//! put there. The certificate of that key lies on the device, too; what is above it is here ([`Anchors`]).
//! Source: Yubico, PIV attestation (developers.yubico.com); RFC 5280.
//!
//! Nothing is sent here.

mod anchors;

use mintmark_engine::clock::UnixTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{Oid, asn1_rs::oid};
use x509_parser::prelude::{ASN1Time, FromDer};

use crate::applet::management::FormFactor;
use crate::applet::piv::PivSlot;
use crate::applet::yubikey::Version;

pub use anchors::{AnchorError, Anchors};

/// Certificates above that of the device; Yubico's newest chain has three.
const MOST_ABOVE: usize = 6;
/// Real certificates have less than 1 KiB.
const MOST_BYTES: usize = 8 << 10;

const FIRMWARE: Oid = oid!(1.3.6.1.4.1.41482.3.3);
const SERIAL: Oid = oid!(1.3.6.1.4.1.41482.3.7);
const POLICIES: Oid = oid!(1.3.6.1.4.1.41482.3.8);
const FORM: Oid = oid!(1.3.6.1.4.1.41482.3.9);
const ED25519: Oid = oid!(1.3.101.112);
const SHA1_WITH_RSA: Oid = oid!(1.2.840.113549.1.1.5);
const SHA1_WITH_ECDSA: Oid = oid!(1.2.840.10045.4.1);

/// Which certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// What the device states of a key.
    Statement,
    /// That of the key which signs statements.
    Device,
}

impl std::fmt::Display for Which {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Statement => "the statement",
            Self::Device => "the certificate of the device",
        })
    }
}

/// Why certificates prove nothing.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Flaw {
    /// It is no certificate, or one with an extension that says nothing.
    #[error("{0} is not readable: {1}")]
    Unreadable(Which, &'static str),
    /// The names are right and the signature is not.
    #[error("the signature of {0} is wrong: it was changed, or forged")]
    Signature(String),
    /// The statement names another issuer than the device.
    #[error("the statement is not by this device: it names the issuer {named}, the device is {device}")]
    OtherIssuer {
        /// In the statement.
        named: String,
        /// In the certificate of the device.
        device: String,
    },
    /// An issuer that may not issue.
    #[error("{0} signs certificates and may not")]
    NoAuthority(String),
    /// Nobody who is trusted here vouches for it.
    #[error(
        "nobody who is trusted here vouches for the device, the last issuer is {0}: it is forged, or its vendor's root \
         certificate is missing here"
    )]
    UnknownRoot(String),
}

/// What a device states of a key in one of its slots. Not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Of the device.
    pub serial: Option<u32>,
    /// Of the device.
    pub firmware: Option<Version>,
    /// Of the device.
    pub form: Option<FormFactor>,
    /// When the key asks for a PIN and for a touch, as in [`KeyMetadata`](crate::applet::piv::KeyMetadata).
    pub policies: Option<(u8, u8)>,
    /// The slot that its subject names.
    pub slot: Option<PivSlot>,
    /// The public key of an Ed25519 key.
    pub ed25519: Option<[u8; 32]>,
}

/// Who vouches for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voucher {
    /// Name of the root certificate.
    pub root: String,
    /// Certificates that do not hold at this time, by their names.
    pub outside_validity: Vec<String>,
}

/// Reads a statement.
pub fn read_statement(der: &[u8]) -> Result<Statement, Flaw> {
    let certificate = read(Which::Statement, der)?;
    let wrong = |what| Flaw::Unreadable(Which::Statement, what);
    let value = |wanted: &Oid| {
        let found = certificate.get_extension_unique(wanted);
        found.map(|found| found.map(|it| it.value)).map_err(|_| wrong("an extension is there twice"))
    };
    let firmware = match value(&FIRMWARE)? {
        Some([major, minor, patch]) => Some(Version::new(*major, *minor, *patch)),
        Some(_) => return Err(wrong("a version that has not three bytes")),
        None => None,
    };
    let serial = match value(&SERIAL)? {
        Some(integer) => {
            Some(read_integer(integer).ok_or(wrong("a serial number that is no number of four bytes"))?)
        }
        None => None,
    };
    let policies = match value(&POLICIES)? {
        Some([pin, touch]) => Some((*pin, *touch)),
        Some(_) => return Err(wrong("policies that have not two bytes")),
        None => None,
    };
    let form = match value(&FORM)? {
        // 0: not known, as old keys say.
        Some([form]) => Some(FormFactor::of_nibble(form & 0x0f)).filter(|form| *form != FormFactor::Other(0)),
        Some(_) => return Err(wrong("a form factor that has not one byte")),
        None => None,
    };
    let name = common_name(&certificate, true);
    let slot = name.rsplit(' ').next().and_then(PivSlot::parse);
    let key = certificate.public_key();
    let ed25519 = (key.algorithm.algorithm == ED25519).then(|| key.subject_public_key.data.as_ref());
    Ok(Statement {
        serial,
        firmware,
        form,
        policies,
        slot,
        ed25519: ed25519.and_then(|key| key.try_into().ok()),
    })
}

/// A DER INTEGER of at most 32 bits, not negative.
fn read_integer(der: &[u8]) -> Option<u32> {
    let [0x02, len, value @ ..] = der else { return None };
    let value = match value {
        [0, value @ ..] if value.len() == 4 => value,
        [first, ..] if *first < 0x80 => value,
        _ => return None,
    };
    let fits = usize::from(*len) == der.len() - 2 && value.len() <= 4;
    fits.then(|| value.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}

fn read(which: Which, der: &[u8]) -> Result<X509Certificate<'_>, Flaw> {
    if der.len() > MOST_BYTES {
        return Err(Flaw::Unreadable(which, "it is too long"));
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(Flaw::Unreadable(which, "something lies behind its end")),
        Err(_) => Err(Flaw::Unreadable(which, "it is no certificate")),
    }
}

/// The name of whom it is for, or of whom it is by, for people.
fn common_name(certificate: &X509Certificate<'_>, of_subject: bool) -> String {
    let name = if of_subject { certificate.subject() } else { certificate.issuer() };
    let common = name.iter_common_name().next().and_then(|name| name.as_str().ok());
    // What a hostile device calls itself is shown to people.
    let text: String =
        common.unwrap_or("without a name").chars().filter(|it| !it.is_control()).take(64).collect();
    text
}

/// Whether `issuer` is the issuer that `certificate` names, and signed it.
fn issued(certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> Link {
    if certificate.issuer().as_raw() != issuer.subject().as_raw() {
        return Link::OtherName;
    }
    let algorithm = &certificate.signature_algorithm.algorithm;
    let is_weak = *algorithm == SHA1_WITH_RSA || *algorithm == SHA1_WITH_ECDSA;
    if is_weak || certificate.verify_signature(Some(issuer.public_key())).is_err() {
        return Link::WrongSignature;
    }
    Link::Signed
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Link {
    OtherName,
    WrongSignature,
    Signed,
}

/// Whether it may sign certificates with so many below it that sign in turn: certificates that say nothing of it may, as
/// those of devices with firmware 4 do not.
fn may_issue(certificate: &X509Certificate<'_>, issuers_below: usize) -> bool {
    match certificate.basic_constraints() {
        Ok(Some(constraints)) => {
            let path = constraints.value.path_len_constraint;
            let is_short =
                path.is_none_or(|most| usize::try_from(most).is_ok_and(|most| issuers_below <= most));
            constraints.value.ca && is_short
        }
        Ok(None) => true,
        Err(_) => false,
    }
}

/// Who vouches for a device by the certificate of its attestation key, and for what the device states, when it did. That
/// certificates hold at this time is reported and not required: what counts is that the vendor made the device, and those
/// of devices end when they please (9999, or 2052) while the clock of a workstation may be wrong.
pub fn verify(
    anchors: &Anchors,
    statement: Option<&[u8]>,
    device: &[u8],
    now: UnixTime,
) -> Result<Voucher, Flaw> {
    let device = read(Which::Device, device)?;
    let at = ASN1Time::from_timestamp(now.secs()).ok();
    let mut outside = Vec::new();
    let mut note = |certificate: &X509Certificate<'_>| {
        if at.is_some_and(|at| !certificate.validity().is_valid_at(at)) {
            outside.push(common_name(certificate, true));
        }
    };
    if let Some(der) = statement {
        let statement = read(Which::Statement, der)?;
        match issued(&statement, &device) {
            Link::Signed if may_issue(&device, 0) => note(&statement),
            Link::Signed => return Err(Flaw::NoAuthority(common_name(&device, true))),
            Link::WrongSignature => return Err(Flaw::Signature(Which::Statement.to_string())),
            Link::OtherName => {
                let (named, device) = (common_name(&statement, false), common_name(&device, true));
                return Err(Flaw::OtherIssuer { named, device });
            }
        }
    }
    note(&device);
    let above = anchors.certificates();
    let mut current = device;
    for issuers_below in 1..=MOST_ABOVE {
        let links = above.iter().map(|issuer| (issuer, issued(&current, issuer)));
        let linked: Vec<_> = links.filter(|(_, link)| *link != Link::OtherName).collect();
        let Some((issuer, _)) = linked.iter().find(|(_, link)| *link == Link::Signed) else {
            return Err(if linked.is_empty() {
                Flaw::UnknownRoot(common_name(&current, false))
            } else {
                Flaw::Signature(common_name(&current, true))
            });
        };
        if !may_issue(issuer, issuers_below) {
            return Err(Flaw::NoAuthority(common_name(issuer, true)));
        }
        note(issuer);
        if issuer.subject().as_raw() == issuer.issuer().as_raw() {
            return Ok(Voucher { root: common_name(issuer, true), outside_validity: outside });
        }
        current = (*issuer).clone();
    }
    Err(Flaw::UnknownRoot(common_name(&current, false)))
}

#[cfg(test)]
mod tests;
