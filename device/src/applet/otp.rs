//! The two slots of a YubiKey, over CCID: HOTP, challenge-response, Yubico OTP, static passwords.
//!
//! What lies in a slot cannot be read. Whether a write took effect is told by a sequence number and not by the status
//! word. Source: yubikey-manager 5.9, `yubikit/yubiotp.py`; yubikey-personalization, `ykcore/ykdef.h`. What the 52
//! bytes of a slot mean is in [`config`].

pub mod config;

use std::fmt;

use mintmark_engine::oath::Digits;
use zeroize::Zeroizing;

use self::config::{AccessCode, SlotConfig};
use super::yubikey::{Version, Way, YubiKeyError, require, select};
use crate::apdu::{self, Command, Response, Rest, Status};
use crate::transport::Transport;

/// Application identifier.
pub(crate) const AID: [u8; 7] = [0xa0, 0x00, 0x00, 0x05, 0x27, 0x20, 0x01];
/// Challenges of HMAC-SHA1 are sent in a block of this length.
const CHALLENGE_BYTES: usize = 64;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// A short touch.
    One,
    /// A long touch.
    Two,
}

impl Slot {
    const fn index(self) -> u16 {
        match self {
            Self::One => 0,
            Self::Two => 1,
        }
    }

    const fn pick(self, one: u8, two: u8) -> u8 {
        match self {
            Self::One => one,
            Self::Two => two,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.index() + 1)
    }
}

/// The six bytes that say how the slots are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotStatus {
    /// Of the firmware.
    pub version: Version,
    /// Counts writes; 0 when both slots are empty.
    pub sequence: u8,
    flags: u16,
}

impl SlotStatus {
    /// Reads the first six bytes; some versions send more.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [major, minor, patch, sequence, low, high, ..] => Some(Self {
                version: Version::new(*major, *minor, *patch),
                sequence: *sequence,
                flags: u16::from_le_bytes([*low, *high]),
            }),
            _ => None,
        }
    }

    /// True when something lies there.
    pub const fn is_configured(&self, slot: Slot) -> bool {
        self.flags & 1 << slot.index() != 0
    }

    /// True when it does what it does upon a touch; challenge-response without a button does not.
    pub const fn is_touch_triggered(&self, slot: Slot) -> bool {
        self.flags & 4 << slot.index() != 0
    }

    /// Whether the key wrote something between this status and a later one. Nothing else tells: a write with the
    /// wrong access code is answered with 9000, too. Also the question to ask when an answer got lost.
    pub fn shows_write(&self, later: &Self) -> bool {
        if later.sequence == self.sequence.wrapping_add(1) {
            return true;
        }
        // The last slot was emptied: the five flags are 0, which some versions do not update.
        let stale = (Version::new(5, 0, 0)..=Version::new(5, 4, 2)).contains(&later.version);
        later.sequence == 0 && self.sequence > 0 && (later.flags.trailing_zeros() >= 5 || stale)
    }
}

/// What can go wrong with slots.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OtpError {
    /// What can go wrong with every application.
    #[error(transparent)]
    Key(#[from] YubiKeyError),
    /// The sequence number did not move.
    #[error(
        "the key did not change slot {0}: an access code protects it, and another one or none was given; or it was \
         to be emptied or updated, and is empty or was written without allowing updates"
    )]
    Rejected(Slot),
    /// The slots were not swapped.
    #[error("the key did not swap its slots: one of them is protected, or both are empty")]
    NotSwapped,
    /// A slot has room for 20 bytes.
    #[error(
        "the seed has {0} bytes, a slot holds 1 to 20; write it to the OATH application of the key instead"
    )]
    SeedLength(usize),
    /// A slot shows 6 or 8.
    #[error("a slot shows codes of 6 or 8 digits, not {}; write the seed to the OATH application of the key instead", .0.get())]
    Digits(Digits),
    /// Key and private id of a Yubico OTP have 16 and 6 bytes.
    #[error("the secret of a Yubico OTP has {0} bytes, 22 are needed: the key (16) and the private id (6)")]
    YubicoLength(usize),
    /// 38 keystrokes fit.
    #[error("the password has {0} keystrokes, a slot holds 38")]
    PasswordLength(usize),
    /// Trailing bytes are stripped by the key, so one must be left for them.
    #[error("the challenge has {0} bytes, 0 to 63 are possible")]
    ChallengeLength(usize),
    /// Nothing was computed.
    #[error(
        "slot {slot} gave no response ({status}): nobody touched the key, or the slot holds no challenge-response"
    )]
    NoResponse {
        /// Which.
        slot: Slot,
        /// What it answered.
        status: Status,
    },
    /// Firmware 4.3.2 to 4.3.5.
    #[error("firmware {0} cannot change an access code by an update; empty the slot and write it anew")]
    CodeStays(Version),
}

/// Access codes of a write: who may, and who may the next time.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccessCodes<'a> {
    /// That of now; needed when the slot has one.
    pub current: Option<&'a AccessCode>,
    /// That of then. A write without one leaves the slot unprotected, an update leaves it as it is.
    pub new: Option<&'a AccessCode>,
}

fn write_command(number: u8, config: &[u8; config::BYTES], current: Option<&AccessCode>) -> Command {
    let mut data = Zeroizing::new(vec![0; config::BYTES + 6]);
    data[..config::BYTES].copy_from_slice(config);
    if let Some(code) = current {
        data[config::BYTES..].copy_from_slice(code.bytes());
    }
    Command::new(0x00, 0x01, number, 0x00).with_secret(data).in_widest_form()
}

/// HMAC-SHA1 of a slot of variable length: the key strips the run of equal bytes at the end, so what is filled up
/// with must differ from the last byte.
fn challenge_command(slot: Slot, challenge: &[u8]) -> Result<Command, OtpError> {
    if challenge.len() >= CHALLENGE_BYTES {
        return Err(OtpError::ChallengeLength(challenge.len()));
    }
    let filler = u8::from(challenge.last() == Some(&0));
    let mut block = [filler; CHALLENGE_BYTES];
    block[..challenge.len()].copy_from_slice(challenge);
    Ok(Command::new(0x00, 0x01, slot.pick(0x30, 0x38), 0x00).with_data(&block).in_widest_form())
}

/// The open OTP application.
pub struct OtpSlots<'a> {
    way: Way<'a>,
    status: SlotStatus,
}

impl<'a> OtpSlots<'a> {
    /// Opens it.
    pub fn select(transport: &'a mut dyn Transport) -> Result<Self, YubiKeyError> {
        let response = select(transport, &Command::select(&AID), "OTP")?;
        let status = status_of("SELECT", &response)?;
        Ok(Self { way: Way::new(transport, status.version), status })
    }

    /// As it was last seen: when the application was opened, or after the last write.
    pub const fn status(&self) -> SlotStatus {
        self.status
    }

    /// The serial number, if a slot says that it may be read here; the management application always tells it (since
    /// 4.1.0).
    pub fn serial(&mut self) -> Result<Option<u32>, YubiKeyError> {
        let response = self.send(&Command::new(0x00, 0x01, 0x10, 0x00).in_widest_form())?;
        let is_there = response.status == Status::OK;
        let serial = response.data.as_slice().try_into().ok().filter(|_| is_there);
        Ok(serial.map(u32::from_be_bytes).filter(|serial| *serial != 0))
    }

    /// Writes a slot; what was there is gone.
    pub fn write(&mut self, slot: Slot, config: &SlotConfig, codes: AccessCodes) -> Result<(), OtpError> {
        config.fits(self.status.version)?;
        let command = write_command(slot.pick(0x01, 0x03), &config.encoded(codes.new), codes.current);
        self.write_with(&command, OtpError::Rejected(slot))
    }

    /// Empties a slot.
    pub fn delete(&mut self, slot: Slot, current: Option<&AccessCode>) -> Result<(), OtpError> {
        let command = write_command(slot.pick(0x01, 0x03), &[0; config::BYTES], current);
        self.write_with(&command, OtpError::Rejected(slot))
    }

    /// Changes whether Enter is typed behind a code, and the access code; the seed stays. Since 2.3.0, and only where
    /// the slot was written so that it allows it, as [`write`](Self::write) does.
    pub fn update(&mut self, slot: Slot, enter: bool, codes: AccessCodes) -> Result<(), OtpError> {
        let version = self.status.version;
        require("updating a slot", Version::new(2, 3, 0), version)?;
        if codes.new.is_some() && (Version::new(4, 3, 2)..=Version::new(4, 3, 5)).contains(&version) {
            return Err(OtpError::CodeStays(version));
        }
        let config = SlotConfig::update(enter).encoded(codes.new.or(codes.current));
        let command = write_command(slot.pick(0x04, 0x05), &config, codes.current);
        self.write_with(&command, OtpError::Rejected(slot))
    }

    /// What a short touch did, a long one does, and the other way round. Since 2.3.0.
    pub fn swap(&mut self) -> Result<(), OtpError> {
        require("swapping the slots", Version::new(2, 3, 0), self.status.version)?;
        let command = Command::new(0x00, 0x01, 0x06, 0x00).with_data(&[0; 6]).in_widest_form();
        self.write_with(&command, OtpError::NotSwapped)
    }

    /// HMAC-SHA1 of up to 63 bytes with the seed of a slot; waits for a touch if the slot asks for one.
    pub fn hmac_sha1(&mut self, slot: Slot, challenge: &[u8]) -> Result<Zeroizing<[u8; 20]>, OtpError> {
        require("challenge-response", Version::new(2, 2, 0), self.status.version)?;
        let response = self.send(&challenge_command(slot, challenge)?)?;
        match (response.status, response.data.as_slice().try_into()) {
            (Status::OK, Ok(mac)) => Ok(Zeroizing::new(mac)),
            (status, _) => Err(OtpError::NoResponse { slot, status }),
        }
    }

    fn send(&mut self, command: &Command) -> Result<Response, YubiKeyError> {
        Ok(apdu::send(&mut self.way, command, Rest::GetResponse)?)
    }

    fn write_with(&mut self, command: &Command, rejected: OtpError) -> Result<(), OtpError> {
        let mut response = self.send(command)?;
        match response.status {
            Status::OK => {}
            Status::SECURITY => return Err(rejected),
            status => return Err(YubiKeyError::Refused { command: "a write to a slot", status }.into()),
        }
        if response.data.is_empty() {
            response = self.send(&Command::new(0x00, 0x03, 0x00, 0x00).in_widest_form())?;
        }
        let before = std::mem::replace(&mut self.status, status_of("READ STATUS", &response)?);
        if before.shows_write(&self.status) { Ok(()) } else { Err(rejected) }
    }
}

fn status_of(command: &'static str, response: &Response) -> Result<SlotStatus, YubiKeyError> {
    let what = "a status has six bytes";
    SlotStatus::parse(&response.data).ok_or(YubiKeyError::Malformed { command, what })
}

#[cfg(test)]
mod tests {
    use mintmark_engine::oath::{MovingFactor, YubicoPublicId};
    use mintmark_engine::secret::Seed;
    use proptest::prelude::*;

    use super::config::{SlotCounter, TokenIdentifier};
    use super::*;
    use crate::exchanges::{Exchanges, SLOTS};
    use crate::transport::Lengths;
    use crate::transport::scripted::{Scripted, bytes, hex};

    fn rfc4226() -> Seed {
        Seed::new(b"12345678901234567890".to_vec())
    }

    fn code() -> AccessCode {
        AccessCode::new(Zeroizing::new([0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6])).expect("a code")
    }

    fn hotp(digits: Digits, counter: u64, identifier: Option<&str>) -> SlotConfig {
        let identifier = identifier.map(|text| TokenIdentifier::parse(text).expect("an identifier"));
        let counter = SlotCounter::at_or_after(MovingFactor(counter)).expect("a counter");
        SlotConfig::hotp(&rfc4226(), digits, counter, identifier.as_ref(), true).expect("a configuration")
    }

    fn hmac(touch: bool) -> SlotConfig {
        SlotConfig::hmac_sha1(&rfc4226(), touch).expect("a configuration")
    }

    /// A key of this version with this sequence and these flags.
    fn status(version: [u8; 3], sequence: u8, flags: u8) -> SlotStatus {
        SlotStatus::parse(&[version[0], version[1], version[2], sequence, flags, 0]).expect("a status")
    }

    #[test]
    fn sends_and_reads_what_was_recorded() {
        let recorded = Exchanges::read(include_str!("../../tests/exchanges/yubikey_otp_ccid.json"));
        let mut card = recorded.card(Lengths::Extended, &SLOTS);
        let mut slots = OtpSlots::select(&mut card).expect("selected");
        let (open, code) = (AccessCodes::default(), code());
        assert_eq!(slots.status(), status([5, 7, 4], 0, 0));
        assert_eq!(slots.serial(), Ok(Some(12_345_678)));
        slots.write(Slot::One, &hotp(Digits::SIX, 0, None), open).expect("written");
        assert!(slots.status().is_configured(Slot::One) && !slots.status().is_configured(Slot::Two));
        slots.write(Slot::Two, &hotp(Digits::EIGHT, 16_000, None), open).expect("written");
        assert!(slots.status().is_touch_triggered(Slot::Two));
        let protected = AccessCodes { current: None, new: Some(&code) };
        slots.write(Slot::One, &hotp(Digits::SIX, 0, Some("ubhe12345678")), protected).expect("written");
        let refused = slots.write(Slot::One, &hotp(Digits::SIX, 0, None), open);
        assert_eq!(refused, Err(OtpError::Rejected(Slot::One)));
        let with_code = AccessCodes { current: Some(&code), new: None };
        slots.update(Slot::One, false, with_code).expect("updated");
        slots.swap().expect("swapped");
        slots.swap().expect("swapped");
        slots.delete(Slot::One, Some(&code)).expect("deleted");
        slots.write(Slot::Two, &hmac(false), open).expect("written");
        assert!(!slots.status().is_touch_triggered(Slot::Two));
        let response = slots.hmac_sha1(Slot::Two, &1u64.to_be_bytes()).expect("a response");
        assert_eq!(hex(&*response), "75A48A19D4CBE100644E8AC1397EEA747A2D33AB");
        let public_id = YubicoPublicId::parse("vvccbdefghij").expect("a public id");
        assert_eq!(public_id.as_bytes(), bytes("FF0012345678"));
        let secret = Seed::new(bytes("000102030405060708090A0B0C0D0E0F010203040506"));
        let yubico = SlotConfig::yubico_otp(&public_id, &secret).expect("a configuration");
        slots.write(Slot::One, &yubico, open).expect("written");
        let keys = Zeroizing::new(vec![4, 5, 6, 7, 8]);
        slots.write(Slot::One, &SlotConfig::static_password(&keys).expect("short"), open).expect("written");
        slots.delete(Slot::One, None).expect("deleted");
        slots.delete(Slot::Two, None).expect("deleted");
        assert_eq!(slots.status(), status([5, 7, 4], 0, 0));
    }

    #[test]
    fn a_sequence_number_tells_what_was_written() {
        let before = status([5, 7, 4], 3, 5);
        assert!(before.shows_write(&status([5, 7, 4], 4, 5)));
        assert!(!before.shows_write(&before));
        assert!(!before.shows_write(&status([5, 7, 4], 6, 5)), "somebody else writes, too");
        assert!(before.shows_write(&status([5, 7, 4], 0, 0)), "the last slot was emptied");
        assert!(!before.shows_write(&status([5, 7, 4], 0, 5)));
        assert!(before.shows_write(&status([5, 4, 2], 0, 5)), "these versions keep the flags");
        assert!(!status([5, 4, 2], 0, 0).shows_write(&status([5, 4, 2], 0, 0)), "emptying what is empty");
        assert!(status([5, 7, 4], 255, 5).shows_write(&status([5, 7, 4], 0, 5)));
    }

    #[test]
    fn answers_without_a_status_are_asked_again() {
        let script = [
            ("00A4040007A0000005272001", "04030700050000000000"),
            ("00010600000006000000000000", "9000"),
            ("00030000", "0403070105009000"),
            ("00010600000006000000000000", "6982"),
            ("00010600000006000000000000", "6A80"),
            ("00010600000006000000000000", "04039000"),
            ("00011000", "6985"),
        ];
        let first = format!("{}9000", script[0].1);
        let script: Vec<_> =
            [(script[0].0, first.as_str())].into_iter().chain(script[1..].iter().copied()).collect();
        let mut card = Scripted::new(Lengths::Extended, &script);
        let mut slots = OtpSlots::select(&mut card).expect("ten bytes are six and some");
        slots.swap().expect("swapped");
        assert_eq!(slots.swap(), Err(OtpError::NotSwapped));
        assert!(matches!(slots.swap(), Err(OtpError::Key(YubiKeyError::Refused { .. }))));
        assert!(matches!(slots.swap(), Err(OtpError::Key(YubiKeyError::Malformed { .. }))));
        assert_eq!(slots.serial(), Ok(None), "no slot makes it visible");
    }

    #[test]
    fn what_a_slot_cannot_hold_is_refused() {
        let (counter, seed) = (SlotCounter::default(), rfc4226());
        let made =
            |seed: &Seed, digits| SlotConfig::hotp(seed, digits, counter, None, true).map(|_| ()).err();
        let seven = Digits::new(7).expect("seven");
        assert_eq!(made(&seed, seven), Some(OtpError::Digits(seven)));
        for (len, fits) in [(0, false), (1, true), (20, true), (21, false), (64, false), (65, true)] {
            let refused = made(&Seed::new(vec![7; len]), Digits::SIX);
            assert_eq!(refused, (!fits).then_some(OtpError::SeedLength(len)), "{len} bytes");
        }
        let hashed = SlotConfig::hmac_sha1(&Seed::new(vec![b'a'; 80]), false).expect("hashed").encoded(None);
        assert_eq!(hex(&hashed[22..38]), "86F33652FCFFD7FA1443E246DD34FE5D");
        assert_eq!(hex(&hashed[16..20]), "00E25FFD");
        let public_id = YubicoPublicId::parse("").expect("none");
        for len in [15, 21, 23] {
            let refused = SlotConfig::yubico_otp(&public_id, &Seed::new(vec![7; len])).map(|_| ()).err();
            assert_eq!(refused, Some(OtpError::YubicoLength(len)));
        }
        let keys = SlotConfig::static_password(&Zeroizing::new(vec![4; 39])).map(|_| ()).err();
        assert_eq!(keys, Some(OtpError::PasswordLength(39)));
        assert_eq!(
            challenge_command(Slot::One, &[0; 64]).map(|_| ()).err(),
            Some(OtpError::ChallengeLength(64))
        );
    }

    #[test]
    fn old_firmware_is_told_before_anything_is_sent() {
        let open = |version: &str| format!("{version}0105009000");
        let (old, fixed) = (open("020100"), open("040304"));
        let mut card = Scripted::new(Lengths::Short, &[("00A4040007A0000005272001", &old)]);
        let mut slots = OtpSlots::select(&mut card).expect("selected");
        let code = code();
        let codes = AccessCodes { current: None, new: Some(&code) };
        let too_old =
            |done: Result<(), OtpError>| matches!(done, Err(OtpError::Key(YubiKeyError::TooOld { .. })));
        assert!(too_old(slots.write(Slot::One, &hotp(Digits::SIX, 0, None), codes)));
        assert!(too_old(slots.update(Slot::One, true, codes)));
        assert!(too_old(slots.swap()));
        assert!(too_old(slots.hmac_sha1(Slot::One, &[]).map(|_| ())));
        let mut card = Scripted::new(Lengths::Short, &[("00A4040007A0000005272001", &fixed)]);
        let refused = OtpSlots::select(&mut card).expect("selected").update(Slot::One, true, codes);
        assert_eq!(refused, Err(OtpError::CodeStays(Version::new(4, 3, 4))));
    }

    #[test]
    fn a_challenge_is_filled_up_with_another_byte_than_its_last() {
        let sent =
            |challenge: &[u8]| format!("{:?}", challenge_command(Slot::One, challenge).expect("short"));
        assert!(sent(&[7, 0]).starts_with("00013000 07000101"));
        assert!(sent(&[7, 1]).starts_with("00013000 07010000"));
        assert!(sent(&[]).starts_with("00013000 0000"));
    }

    #[test]
    fn a_challenge_without_a_touch_has_no_response() {
        let block = "00".repeat(64);
        let asked = format!("00013000000040{block}");
        let script = [("00A4040007A0000005272001", "0507040105009000"), (&asked, "6985"), (&asked, "9000")];
        let mut card = Scripted::new(Lengths::Extended, &script);
        let mut slots = OtpSlots::select(&mut card).expect("selected");
        let none = |status| Err(OtpError::NoResponse { slot: Slot::One, status });
        assert_eq!(slots.hmac_sha1(Slot::One, &[]).map(|_| ()), none(Status::CONDITIONS));
        assert_eq!(slots.hmac_sha1(Slot::One, &[]).map(|_| ()), none(Status::OK));
    }

    #[test]
    fn secrets_are_not_shown() {
        let command = write_command(1, &hmac(true).encoded(Some(&code())), Some(&code()));
        assert_eq!(format!("{command:?}"), "00010100 (58 secret bytes)");
        assert_eq!(
            format!("{:?} {:?}", hmac(true), code()),
            "SlotConfig(challenge-response) AccessCode(6 bytes)"
        );
    }

    #[test]
    fn identifiers_and_counters_are_read() {
        let config = |text: &str| {
            let identifier = TokenIdentifier::parse(text).expect("an identifier");
            let made =
                SlotConfig::hotp(&rfc4226(), Digits::SIX, SlotCounter::default(), Some(&identifier), true);
            let encoded = made.expect("a configuration").encoded(None);
            (hex(&encoded[..usize::from(encoded[44])]), encoded[47])
        };
        assert_eq!(config("ubhe12345678"), ("E16312345678".into(), 0x40));
        assert_eq!(config("ub12345678"), ("E112345678".into(), 0x10));
        assert_eq!(config("12345678"), ("12345678".into(), 0x00));
        assert_eq!(config("UBHEUBHE"), ("E163E163".into(), 0x50));
        for wrong in ["", "ubh", "xyzw", "ubhe12v4", &"1".repeat(34)] {
            assert_eq!(TokenIdentifier::parse(wrong), None, "{wrong}");
        }
        let after = |counter| SlotCounter::at_or_after(MovingFactor(counter)).map(|at| at.moving_factor().0);
        assert_eq!([after(0), after(1), after(16), after(17)], [Some(0), Some(16), Some(16), Some(32)]);
        assert_eq!([after(1_048_560), after(1_048_561), after(u64::MAX)], [Some(1_048_560), None, None]);
        assert!(AccessCode::new(Zeroizing::new([0; 6])).is_none());
    }

    proptest! {
        #[test]
        fn any_status_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let read = SlotStatus::parse(&bytes);
            prop_assert_eq!(read.is_some(), bytes.len() >= 6);
        }

        #[test]
        fn every_configuration_has_its_sum(seed in prop::collection::vec(any::<u8>(), 1..=20), touch: bool) {
            let config = SlotConfig::hmac_sha1(&Seed::new(seed), touch).expect("short");
            prop_assert_eq!(config::crc(&*config.encoded(None)), config::CRC_RESIDUE);
        }
    }
}
