//! Every parser of what a device answers, as a function of bytes: what the targets in `fuzz/` and `tests/hostile.rs` feed.
//!
//! No use for anything else. Each returns whatever the bytes are; a panic, and memory or time without bound, are faults.

use std::sync::LazyLock;

use mintmark_engine::clock::UnixTime;
use zeroize::Zeroizing;

use crate::apdu::{self, Command, Rest};
use crate::applet::management::DeviceInfo;
use crate::applet::oath::{CredentialId, Kind, Name, wire as oath_wire};
use crate::applet::otp::SlotStatus;
use crate::applet::piv::{PivSlot, wire as piv_wire};
use crate::applet::yubikey::Version;
use crate::applet::{ndef as ndef_applet, slim as slim_applet, tlv as tlv_reader, token2 as token2_applet};
use crate::attestation::{Anchors, read_statement, verify};
use crate::discover::{self, Known};
use crate::genuine::{self, Fresh, Proof, Request};
use crate::transport::pcsc::{is_contactless, lengths_of};
use crate::transport::{Lengths, Transport, TransportError};

/// It looks at bytes, and has nothing to say of them.
pub type Parser = fn(&[u8]);

/// All of them, by the names of their fuzz targets.
pub const ALL: [(&str, Parser); 14] = [
    ("apdu", apdu),
    ("atr", atr),
    ("tlv", tlv),
    ("management", management),
    ("oath", oath),
    ("otp", otp),
    ("token2", token2),
    ("slim", slim),
    ("ndef", ndef),
    ("piv", piv),
    ("attestation", attestation),
    ("pem", pem),
    ("look", look),
    ("genuine", genuine),
];

static VENDOR: LazyLock<Anchors> = LazyLock::new(Anchors::vendor);
/// 2026.
const NOW: UnixTime = UnixTime::from_secs(1_780_000_000);

/// A card that answers what is in the bytes, one answer after another; then again from the first, or it is gone.
struct Answers {
    all: Vec<Vec<u8>>,
    next: usize,
    repeats: bool,
    lengths: Lengths,
}

impl Answers {
    /// A byte of options; then each answer behind its length in two bytes.
    fn of(bytes: &[u8]) -> Self {
        let (options, mut rest) = bytes.split_first().map_or((0, bytes), |(options, rest)| (*options, rest));
        let mut all = Vec::new();
        while let [high, low, behind @ ..] = rest {
            let len = usize::from(u16::from_be_bytes([*high, *low])).min(behind.len());
            let (answer, behind) = behind.split_at(len);
            all.push(answer.to_vec());
            rest = behind;
        }
        let lengths = if options & 2 == 0 { Lengths::Short } else { Lengths::Extended };
        Self { all, next: 0, repeats: options & 1 != 0, lengths }
    }
}

impl Transport for Answers {
    fn transmit(&mut self, _: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        if self.next == self.all.len() && self.repeats {
            self.next = 0;
        }
        let answer = self.all.get(self.next).ok_or(TransportError::Lost)?;
        self.next += 1;
        Ok(Zeroizing::new(answer.clone()))
    }

    fn lengths(&self) -> Lengths {
        self.lengths
    }
}

/// Parts of a response put together.
pub fn apdu(bytes: &[u8]) {
    for rest in [Rest::GetResponse, Rest::SendRemaining] {
        let command = Command::new(0x00, 0xa1, 0x00, 0x00).with_data(&[7; 300]).in_widest_form();
        let _ = apdu::send(&mut Answers::of(bytes), &command, rest);
    }
}

/// What a card says when it gets power.
pub fn atr(bytes: &[u8]) {
    let _ = (lengths_of(bytes), is_contactless(bytes));
}

/// Entries one behind another.
pub fn tlv(mut bytes: &[u8]) {
    while tlv_reader::take(&mut bytes).is_some() {}
}

/// The management application of a YubiKey.
pub fn management(bytes: &[u8]) {
    let _ = Version::in_text(bytes);
    let _ = DeviceInfo::of_old_key(Version::new(5, 0, 0), None).read_page(bytes);
}

/// Its OATH application.
pub fn oath(bytes: &[u8]) {
    let _ = oath_wire::read_select(bytes);
    let _ = oath_wire::read_list(bytes);
    let _ = oath_wire::read_calculated(bytes);
    let _ = oath_wire::read_calculated_all(bytes);
    let _ = oath_wire::read_hmac(bytes);
    let _ = oath_wire::read_validated(bytes);
    if let Ok(id) = CredentialId::new(bytes.to_vec()) {
        let _ = (Name::read(&id, Kind::Totp), Name::read(&id, Kind::Hotp), id.to_string());
    }
}

/// Its slots.
pub fn otp(bytes: &[u8]) {
    if let (Some(one), Some(other)) = (SlotStatus::parse(bytes), SlotStatus::parse(&[0; 6])) {
        let _ = (one.shows_write(&other), other.shows_write(&one));
    }
}

/// A token of Token2 with one seed.
pub fn token2(bytes: &[u8]) {
    let _ = token2_applet::parse_info(bytes);
}

/// A SLIM.
pub fn slim(bytes: &[u8]) {
    let _ = slim_applet::parse_info(bytes);
}

/// A tag.
pub fn ndef(bytes: &[u8]) {
    let _ = ndef_applet::parse_uid(bytes);
    let _ = ndef_applet::parse_record(bytes);
    let _ = ndef_applet::read(&mut Answers::of(bytes), &[0x3b, 0x80, 0x80, 0x01, 0x01]);
}

/// The PIV application of a YubiKey.
pub fn piv(bytes: &[u8]) {
    let _ = piv_wire::read_version(bytes);
    let _ = piv_wire::read_serial(bytes);
    let _ = piv_wire::read_certificate(bytes);
    let _ = piv_wire::read_metadata(bytes);
    let _ = piv_wire::read_management_kind(bytes);
    let _ = piv_wire::read_generated(bytes);
    let _ = piv_wire::read_dynamic(piv_wire::RESPONSE, bytes);
}

/// Certificates of attestation: the bytes are the statement and the certificate of the device, and both in one.
pub fn attestation(bytes: &[u8]) {
    let _ = read_statement(bytes);
    let _ = verify(&VENDOR, Some(bytes), bytes, NOW);
    let _ = verify(&VENDOR, None, bytes, NOW);
}

/// A file of certificates.
pub fn pem(bytes: &[u8]) {
    let _ = Anchors::none().add_pem(bytes);
}

/// A look at whatever lies there: all that is asked of it without changing it.
pub fn look(bytes: &[u8]) {
    let known = Known { expects_token2: true, ..Known::default() };
    for atr in [&b"\x3b\x80\x80\x01\x01"[..], b"\x3b\x00", b"\x3b\x07YubiKey"] {
        let _ = discover::look(&mut Answers::of(bytes), atr, &known);
    }
}

/// Whether it is genuine, with and without the proof.
pub fn genuine(bytes: &[u8]) {
    let fresh = Fresh { challenge: [3; 16], message: [9; 32] };
    for proof in [None, Some(Proof { slot: PivSlot::LAST, management_key: None, fresh })] {
        let request = Request { anchors: &VENDOR, now: NOW, proof };
        let _ = genuine::examine(&mut Answers::of(bytes), &request);
    }
}
