//! Whether a YubiKey is one, and the one that it says it is.
//!
//! What a device shows may be a copy: a forged device can keep the certificates of a real one and show them for ever. So
//! there are two answers. A statement that was read says that a real device made it at some time. A key that was generated
//! just now, of which the device states that it did, and with which it signs what was drawn just now, says that the device
//! itself is here. (Generating alone would not: a copy can bring the public key of an old statement along.) No check of this
//! kind tells whether somebody passes everything on to a real device elsewhere.

use std::fmt;

use mintmark_engine::clock::UnixTime;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, UnparsedPublicKey};

use crate::applet::identify::identify;
use crate::applet::management::{DeviceInfo, FormFactor, Series};
use crate::applet::piv::{ATTESTS, ManagementKey, Piv, PivError, PivSlot, REMOVES};
use crate::applet::yubikey::{Version, YubiKeyError};
use crate::attestation::{Anchors, Flaw, Statement, read_statement, verify};
use crate::transport::{Transport, TransportError};

/// What is asked.
#[derive(Debug)]
pub struct Request<'a> {
    /// Who is trusted to vouch for devices.
    pub anchors: &'a Anchors,
    /// For the validity of certificates, which is reported only.
    pub now: UnixTime,
    /// Generate a key as a proof; `None`: only read.
    pub proof: Option<Proof<'a>>,
}

/// How a device proves that it is here.
#[derive(Debug)]
pub struct Proof<'a> {
    /// Where a key is generated, which must be free, and is again afterwards.
    pub slot: PivSlot,
    /// Who may; `None`: the one that keys are delivered with.
    pub management_key: Option<&'a ManagementKey>,
    /// Drawn for this request: 16 bytes that the device encrypts, 32 that it signs.
    pub fresh: Fresh,
}

/// What nobody can know before.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// For the management key.
    pub challenge: [u8; 16],
    /// For the key that is generated.
    pub message: [u8; 32],
}

impl Fresh {
    /// Draws it from the system; `None`: the system has no randomness.
    pub fn draw() -> Option<Self> {
        let random = SystemRandom::new();
        let mut fresh = Self { challenge: [0; 16], message: [0; 32] };
        random.fill(&mut fresh.challenge).and_then(|()| random.fill(&mut fresh.message)).ok()?;
        Some(fresh)
    }
}

/// True for keys that state what they are: firmware 4.3 and later.
pub fn can_state(firmware: Version) -> bool {
    firmware >= ATTESTS
}

/// True for keys that can generate a key as a proof and remove it again: firmware 5.7 and later.
pub fn can_prove(firmware: Version) -> bool {
    firmware >= REMOVES
}

/// What is known of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is a real one, the one that it says, and it is here.
    ProvedNow,
    /// A real device with this number stated it at some time; what lies here may show a copy.
    StatementOnly,
    /// A real device, by its certificate; it states nothing, as it generated no key.
    NoStatement,
    /// The certificate of the key that signs statements is not there any more.
    NoCertificate,
    /// Nobody who is trusted here vouches for it.
    UnknownRoot(Flaw),
    /// A real device stated it, and not the one that this one says it is.
    OtherKey(Contradiction),
    /// Certificates are forged or changed.
    Forged(Flaw),
    /// It shows what another device stated.
    Copied,
    /// What it shows is no certificate, or one that says nothing.
    Unreadable(Flaw),
}

impl Verdict {
    fn of(flaw: Flaw) -> Self {
        match flaw {
            Flaw::Unreadable(..) => Self::Unreadable(flaw),
            Flaw::UnknownRoot(_) => Self::UnknownRoot(flaw),
            Flaw::Signature(_) | Flaw::OtherIssuer { .. } | Flaw::NoAuthority(_) => Self::Forged(flaw),
        }
    }

    /// The name in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ProvedNow => "proved_now",
            Self::StatementOnly => "statement_only",
            Self::NoStatement => "no_statement",
            Self::NoCertificate => "no_certificate",
            Self::UnknownRoot(_) => "unknown_root",
            Self::OtherKey(_) => "other_key",
            Self::Forged(_) => "forged",
            Self::Copied => "copied",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProvedNow => f.write_str(
                "a genuine key, and the one that it says: it signed with a key that it generated just now",
            ),
            Self::StatementOnly => f.write_str(
                "a genuine key with this serial number stated this at some time; that it lies here is proved by a key \
                 that it generates now",
            ),
            Self::NoStatement => f.write_str(
                "its certificate is genuine, but it holds no key that it generated, so it states nothing of itself, and \
                 a certificate can be copied; let it generate a key as a proof",
            ),
            Self::NoCertificate => f.write_str(
                "its attestation certificate was removed: nothing can be proved with this key any more",
            ),
            Self::UnknownRoot(flaw) | Self::Forged(flaw) | Self::Unreadable(flaw) => flaw.fmt(f),
            Self::OtherKey(contradiction) => {
                write!(f, "not the key that it says it is: {contradiction}; do not hand it out")
            }
            Self::Copied => f.write_str(
                "it cannot use the key of which it states that it generated it: it shows what another key stated; do not \
                 hand it out",
            ),
        }
    }
}

/// In what a statement and the device that shows it differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// The device tells two numbers itself.
    TwoSerials(u32, u32),
    /// The statement is of another device.
    Serial {
        /// In the statement.
        stated: u32,
        /// What the device says.
        told: u32,
    },
    /// It names no device, so it may be of any.
    NoSerial,
    /// Of the firmware.
    Firmware {
        /// In the statement.
        stated: Version,
        /// What the device says.
        told: Version,
    },
    /// The shape.
    Form {
        /// In the statement.
        stated: FormFactor,
        /// What the device says.
        told: FormFactor,
    },
    /// It is about another slot than the one that was asked about.
    Slot {
        /// In the statement.
        stated: PivSlot,
        /// Asked about.
        asked: PivSlot,
    },
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoSerials(one, other) => write!(f, "it says that it is {one}, and that it is {other}"),
            Self::Serial { stated, told } => {
                write!(f, "the statement is by key {stated}, this one says that it is {told}")
            }
            Self::NoSerial => f.write_str("the statement names no serial number, so it may be by any key"),
            Self::Firmware { stated, told } => {
                write!(f, "the statement is by a key with firmware {stated}, this one says {told}")
            }
            Self::Form { stated, told } => {
                let (stated, told) = (stated.name(), told.name());
                write!(f, "the statement is by a key of the form {stated}, this one says {told}")
            }
            Self::Slot { stated, asked } => {
                write!(f, "it was asked about slot {asked}, and states something of slot {stated}")
            }
        }
    }
}

/// What people have to know beside the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// A certificate does not hold at this time.
    OutsideValidity(String),
    /// The key that was generated could not be removed again.
    KeyLeft(PivSlot),
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutsideValidity(name) => {
                write!(f, "the certificate of {name} does not hold at the time of this machine's clock")
            }
            Self::KeyLeft(slot) => write!(
                f,
                "the key that was generated in slot {slot} could not be removed: remove it with the vendor's tool"
            ),
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// In a word.
    pub verdict: Verdict,
    /// What the device says of itself.
    pub device: DeviceInfo,
    /// The slot whose statement was read.
    pub slot: Option<PivSlot>,
    /// The root certificate that vouches for it.
    pub root: Option<String>,
    /// What people have to know.
    pub remarks: Vec<Remark>,
}

/// Why nothing is known.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GenuineError {
    /// PIV said no.
    #[error(transparent)]
    Piv(#[from] PivError),
    /// It asks for a PIN whenever a key is used.
    #[error(
        "a FIPS key uses no key without its PIN, which is not asked for here: read what it states without letting it \
         generate a key"
    )]
    AsksForPin,
    /// It generated a key, and the rest failed.
    #[error(
        "{why}; the key that it generated in slot {slot} could not be removed: remove it with the vendor's tool, as it asks \
         for neither PIN nor touch"
    )]
    KeyLeft {
        /// Where.
        slot: PivSlot,
        /// What went wrong.
        why: YubiKeyError,
    },
}

impl GenuineError {
    /// When no bytes came back.
    pub const fn transport(&self) -> Option<&TransportError> {
        match self {
            Self::Piv(PivError::Key(YubiKeyError::Transport(error)))
            | Self::KeyLeft { why: YubiKeyError::Transport(error), .. } => Some(error),
            _ => None,
        }
    }

    /// The name in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::AsksForPin => "piv_pin_needed",
            Self::KeyLeft { .. } => "piv_key_left",
            Self::Piv(error) => match error {
                PivError::Key(YubiKeyError::NoApplication(_)) => "no_piv",
                PivError::Key(YubiKeyError::TooOld { .. }) => "firmware_too_old",
                PivError::Key(YubiKeyError::Transport(_)) => "unreadable",
                PivError::Key(YubiKeyError::Refused { .. } | YubiKeyError::Malformed { .. }) => "piv_refused",
                PivError::SlotTaken(_) => "piv_slot_taken",
                PivError::SlotHasPurpose(_) => "piv_slot_has_purpose",
                PivError::WrongManagementKey => "wrong_management_key",
                PivError::ManagementKeyLength { .. } => "management_key_length",
                PivError::NotMutual => "not_genuine",
            },
        }
    }
}

impl From<YubiKeyError> for GenuineError {
    fn from(error: YubiKeyError) -> Self {
        Self::Piv(error.into())
    }
}

/// Asks a device. Selects other applications: open what is to be used afterwards.
///
/// Only with [`Request::proof`] is something written: a key, into a slot that was free, which is removed again.
pub fn examine(transport: &mut dyn Transport, request: &Request<'_>) -> Result<Finding, GenuineError> {
    let device = identify(&mut *transport)?;
    let mut piv = Piv::select(transport)?;
    let mut finding =
        Finding { verdict: Verdict::NoCertificate, device, slot: None, root: None, remarks: Vec::new() };
    let other = piv.serial()?;
    if let (Some(told), Some(other)) = (finding.device.serial, other)
        && told != other
    {
        finding.verdict = Verdict::OtherKey(Contradiction::TwoSerials(told, other));
        return Ok(finding);
    }
    // Management may be told to keep it to itself.
    finding.device.serial = finding.device.serial.or(other);
    let device = &finding.device;
    let Some(certificate) = piv.attestation_certificate()? else { return Ok(finding) };
    // Who is forged already gets no key generated.
    match verify(request.anchors, None, &certificate, request.now) {
        Ok(voucher) => {
            finding.root = Some(voucher.root);
            finding.remarks.extend(voucher.outside_validity.into_iter().map(Remark::OutsideValidity));
        }
        Err(flaw) => {
            finding.verdict = Verdict::of(flaw);
            return Ok(finding);
        }
    }
    let (slot, statement, shown) = if let Some(proof) = &request.proof {
        if device.series == Series::Fips {
            return Err(GenuineError::AsksForPin);
        }
        let (statement, shown, left) = generated(&mut piv, proof)?;
        finding.remarks.extend(left.then_some(Remark::KeyLeft(proof.slot)));
        (proof.slot, statement, Some(shown))
    } else if let Some((slot, statement)) = piv.any_statement()? {
        (slot, statement, None)
    } else {
        finding.verdict = Verdict::NoStatement;
        return Ok(finding);
    };
    finding.slot = Some(slot);
    finding.verdict = match judge(request, &statement, &certificate, slot, device) {
        Err(verdict) => verdict,
        Ok(stated) => match (shown, &request.proof) {
            (Some(shown), Some(proof)) => prove(&stated, &shown, &proof.fresh.message),
            _ => Verdict::StatementOnly,
        },
    };
    Ok(finding)
}

/// What a device showed with a key that it generated.
struct Shown {
    public: [u8; 32],
    signature: Vec<u8>,
}

/// Lets a device generate a key, state that, and sign with it; removes the key again, whatever came of it. True: it could
/// not be removed.
fn generated(piv: &mut Piv<'_>, proof: &Proof<'_>) -> Result<(Vec<u8>, Shown, bool), GenuineError> {
    piv.authenticate(proof.management_key, proof.fresh.challenge)?;
    let public = match piv.generate(proof.slot) {
        Ok(public) => public,
        // Nothing was generated.
        Err(error @ PivError::SlotTaken(_)) => return Err(error.into()),
        Err(error) => {
            // It may have been, and the answer made no sense.
            let _ = piv.remove(proof.slot);
            return Err(error.into());
        }
    };
    let mut show = || {
        let nothing = YubiKeyError::Malformed {
            command: "ATTEST",
            what: "it states nothing of a key that it generated",
        };
        let statement = piv.attest(proof.slot)?.ok_or(nothing)?;
        let signature = piv.sign(proof.slot, &proof.fresh.message)?;
        Ok((statement, Shown { public, signature }))
    };
    let shown: Result<_, YubiKeyError> = show();
    let left = piv.remove(proof.slot).is_err();
    let (statement, shown) = match shown {
        Ok(shown) => shown,
        Err(why) if left => return Err(GenuineError::KeyLeft { slot: proof.slot, why }),
        Err(error) => return Err(error.into()),
    };
    Ok((statement, shown, left))
}

/// Whether the statement is by this device, and agrees with what it says of itself.
fn judge(
    request: &Request<'_>,
    statement: &[u8],
    certificate: &[u8],
    slot: PivSlot,
    device: &DeviceInfo,
) -> Result<Statement, Verdict> {
    verify(request.anchors, Some(statement), certificate, request.now).map_err(Verdict::of)?;
    let stated = read_statement(statement).map_err(Verdict::of)?;
    match contradiction(&stated, device, slot) {
        Some(contradiction) => Err(Verdict::OtherKey(contradiction)),
        None => Ok(stated),
    }
}

fn contradiction(stated: &Statement, device: &DeviceInfo, asked: PivSlot) -> Option<Contradiction> {
    let Some(serial) = stated.serial else { return Some(Contradiction::NoSerial) };
    if let Some(told) = device.serial
        && told != serial
    {
        return Some(Contradiction::Serial { stated: serial, told });
    }
    // Keys that are still developed say 0.0.1 in one of the two places.
    if let Some(firmware) = stated.firmware
        && firmware != device.version
        && firmware.major != 0
        && device.version.major != 0
    {
        return Some(Contradiction::Firmware { stated: firmware, told: device.version });
    }
    if let (Some(form), Some(told)) = (stated.form, device.form_factor)
        && form != told
        && told != FormFactor::Other(0)
    {
        return Some(Contradiction::Form { stated: form, told });
    }
    stated.slot.filter(|slot| *slot != asked).map(|stated| Contradiction::Slot { stated, asked })
}

fn prove(stated: &Statement, shown: &Shown, message: &[u8; 32]) -> Verdict {
    if stated.ed25519 != Some(shown.public) {
        return Verdict::Copied;
    }
    match UnparsedPublicKey::new(&ED25519, &shown.public).verify(message, &shown.signature) {
        Ok(()) => Verdict::ProvedNow,
        Err(_) => Verdict::Copied,
    }
}

#[cfg(test)]
mod tests;
