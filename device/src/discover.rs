//! What lies on a reader: which family, which token, what can be written to it and what is on it.
//!
//! Looking changes nothing and authenticates nowhere. A card that is none of ours (a bank card, an identity card) gets
//! at most four SELECTs of applications that it does not have, which every card with applications answers every day.
//! The question of Token2's tokens, which know no SELECT, goes only to contactless cards that know none either, and
//! that of the SLIM NFC only to those that answered to nothing before.

use std::fmt;

use mintmark_engine::clock::UnixTime;

use crate::apdu::{self, Command, Rest, Status};
use crate::applet::identify::identify;
use crate::applet::management::{self, Capabilities, DeviceInfo, Series};
use crate::applet::ndef::{self, NdefError, Record};
use crate::applet::oath::{self, Abilities, Listed, OathError, Room, YkOath};
use crate::applet::otp::{self, OtpSlots, SlotStatus};
use crate::applet::slim::{self, SlimError, SlimInfo};
use crate::applet::token2::{Info, Model, Models, Token2, Token2Error};
use crate::applet::yubikey::{self, Version, YubiKeyError};
use crate::transport::pcsc::is_contactless;
use crate::transport::{Transport, TransportError};

/// How the ATR of a memory card goes on (PC/SC part 3 §3.1.3.2.3.2): no application can be asked for.
const MEMORY_CARD: [u8; 6] = [0x4f, 0x0c, 0xa0, 0x00, 0x00, 0x03];

/// Which protocol a token speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// Applications of Yubico: OATH, slots.
    YubiKey,
    /// Token2's contactless tokens with one seed.
    Token2SingleProfile,
    /// Protectimus SLIM NFC: it describes itself, and no more of it is published.
    ProtectimusSlim,
    /// It has a number, and perhaps an address or a text.
    Tag,
    /// None of these.
    Unknown,
}

impl Family {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::YubiKey, Self::Token2SingleProfile, Self::ProtectimusSlim, Self::Tag, Self::Unknown];

    /// The name in JSON and in profiles.
    pub const fn name(self) -> &'static str {
        match self {
            Self::YubiKey => "yubikey",
            Self::Token2SingleProfile => "token2_single_profile",
            Self::ProtectimusSlim => "protectimus_slim",
            Self::Tag => "tag",
            Self::Unknown => "unknown",
        }
    }

    /// What [`name`](Self::name) gives.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|family| family.name() == name)
    }
}

/// How it is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Over {
    /// USB, or the contacts of a card.
    Contacts,
    /// NFC.
    Contactless,
}

impl Over {
    /// By what a card said when it got power.
    pub fn of_atr(atr: &[u8]) -> Self {
        if is_contactless(atr) { Self::Contactless } else { Self::Contacts }
    }

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Contactless => "contactless",
        }
    }
}

/// What can be written to, and what is on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// OATH credentials.
    Oath {
        /// Of the application; from 4.0 on also of the firmware.
        version: Version,
        /// How much it holds in all.
        room: Room,
        /// What is there; `None` while an access key locks it.
        credentials: Option<Vec<Listed>>,
    },
    /// Two slots. Whether an access code protects one is not told by the key.
    Slots(SlotStatus),
    /// One seed; whether there is one is not told by the token.
    SingleProfile {
        /// `None`: no profile names its serial number, and it is not written to.
        model: Option<Model>,
    },
}

/// What people have to know of a token before they use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// Firmware 3.
    Neo,
    /// As it left the factory, and so invisible to contactless readers.
    NfcRestricted,
    /// FIDO alone.
    SecurityKey,
    /// What could be written to is not reached this way.
    SwitchedOff(Over),
    /// Its vendor has not published how.
    SlimNotWritable,
    /// No profile names its serial number.
    UnknownModel,
    /// It says a number and cannot be written to.
    TagOnly,
    /// A card with applications, none of them known here.
    ForeignCard,
    /// Nothing that was asked was answered.
    NothingAnswered,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Neo => {
                "a YubiKey NEO: its OATH application knows neither SHA-512 nor a touch, and counts the bytes of names"
            }
            Self::NfcRestricted => {
                "a YubiKey as it left the factory: it shows nothing to a contactless reader; put it into a USB port for \
                 a few seconds once, then lay it on again"
            }
            Self::SecurityKey => "a Security Key: it knows FIDO alone, and has no place for a seed",
            Self::SwitchedOff(Over::Contactless) => {
                "what could be written to is not there over NFC: put the key into a USB port, or switch it on for NFC there"
            }
            Self::SwitchedOff(Over::Contacts) => {
                "what could be written to is not there over USB: switch it on with the vendor's tool, if the key has it"
            }
            Self::SlimNotWritable => return SlimError::SeedNotWritable.fmt(f),
            Self::UnknownModel => {
                "no profile names the beginning of this serial number: the token is not written to, as a wrong key \
                 can lock it for ever; add a profile, or use its vendor's tool"
            }
            Self::TagOnly => "it has a number and cannot be written to; import its seed file",
            Self::ForeignCard => "a card with applications of its own, none of which holds seeds that are known here",
            Self::NothingAnswered => {
                "it does not answer; if it has a button, press it and lay it on again, else type the number that is \
                 printed on it"
            }
        })
    }
}

/// What lies there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Which protocol it speaks.
    pub family: Family,
    /// How it is reached.
    pub over: Over,
    /// As printed on it, when it says so.
    pub serial: Option<String>,
    /// Of a YubiKey.
    pub firmware: Option<Version>,
    /// All that a YubiKey says of itself: form, series, what is switched on.
    pub key: Option<DeviceInfo>,
    /// What a SLIM says of itself.
    pub slim: Option<SlimInfo>,
    /// What a tag says.
    pub record: Option<Record>,
    /// What can be written to here and now.
    pub holdings: Vec<Holding>,
    /// The number of the chip, where it stays the same.
    pub uid: Option<[u8; 7]>,
    /// What its clock shows: whole seconds.
    pub clock: Option<UnixTime>,
    /// What people have to know.
    pub remarks: Vec<Remark>,
}

impl Found {
    const fn nothing(over: Over) -> Self {
        Self {
            family: Family::Unknown,
            over,
            serial: None,
            firmware: None,
            key: None,
            slim: None,
            record: None,
            holdings: Vec::new(),
            uid: None,
            clock: None,
            remarks: Vec::new(),
        }
    }
}

/// What is known before somebody looks.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Models of Token2's tokens that may be written to.
    pub models: Models,
    /// The operator says that a token of Token2 lies there: it is asked even if it answers to SELECT as cards with
    /// applications do. Whether any token of theirs does is not published.
    pub expects_token2: bool,
}

/// Why nothing can be said.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LookError {
    /// No bytes came back.
    #[error(transparent)]
    Transport(TransportError),
    /// A YubiKey answered with what is no answer.
    #[error(transparent)]
    Key(YubiKeyError),
    /// Its OATH application did.
    #[error(transparent)]
    Oath(OathError),
    /// A token of Token2 did.
    #[error(transparent)]
    Token2(Token2Error),
}

impl From<TransportError> for LookError {
    fn from(error: TransportError) -> Self {
        Self::Transport(error)
    }
}

impl From<YubiKeyError> for LookError {
    fn from(error: YubiKeyError) -> Self {
        match error {
            YubiKeyError::Transport(error) => Self::Transport(error),
            other => Self::Key(other),
        }
    }
}

impl From<OathError> for LookError {
    fn from(error: OathError) -> Self {
        match error {
            OathError::Key(error) => error.into(),
            other => Self::Oath(other),
        }
    }
}

impl From<Token2Error> for LookError {
    fn from(error: Token2Error) -> Self {
        match error {
            Token2Error::Transport { source, .. } => Self::Transport(source),
            other => Self::Token2(other),
        }
    }
}

/// Says what lies there, by what it said when it got power and by what it answers. Selects applications, so open what is
/// to be used afterwards.
pub fn look(transport: &mut dyn Transport, atr: &[u8], known: &Known) -> Result<Found, LookError> {
    let mut found = Found::nothing(Over::of_atr(atr));
    if found.over == Over::Contactless {
        found.uid = ndef::read_uid(transport)?;
    }
    if yubikey::is_named_in(atr) {
        return look_at_yubikey(transport, found);
    }
    if atr.windows(MEMORY_CARD.len()).any(|part| part == MEMORY_CARD) {
        found.family = Family::Tag;
        found.remarks.push(Remark::TagOnly);
        return Ok(found);
    }
    let first = selected(transport, &management::AID)?;
    // Who does not know SELECT need not be asked for other applications.
    if matches!(first, Answered::There | Answered::NotFound) {
        if first.is_there() || selected(transport, &otp::AID)?.is_there() {
            return look_at_yubikey(transport, found);
        }
        if selected(transport, &oath::AID)?.is_there() {
            // Keys of other vendors: no number to know them by, so nothing is written to them.
            found.holdings.extend(look_at_oath(transport)?);
            found.remarks.push(Remark::ForeignCard);
            return Ok(found);
        }
        if found.over == Over::Contactless && read_tag(transport, &mut found)? {
            return Ok(found);
        }
    }
    if found.over == Over::Contactless && (known.expects_token2 || !matches!(first, Answered::NotFound)) {
        match Token2::open(transport) {
            Ok(token) => return Ok(of_token2(token.info(), &known.models, found)),
            Err(Token2Error::Transport { source, .. }) => return Err(source.into()),
            // It is another token, or sent what no such token sends.
            Err(_) => {}
        }
        if matches!(first, Answered::Nothing) {
            match slim::read(transport) {
                Ok(info) => {
                    found.family = Family::ProtectimusSlim;
                    found.slim = Some(info);
                    found.remarks.push(Remark::SlimNotWritable);
                    return Ok(found);
                }
                Err(SlimError::Transport(error)) => return Err(error.into()),
                Err(_) => {}
            }
        }
    }
    found.remarks.push(match first {
        Answered::NotFound => Remark::ForeignCard,
        _ => Remark::NothingAnswered,
    });
    Ok(found)
}

/// What a card says to SELECT.
#[derive(Clone, Copy)]
enum Answered {
    /// The application is there.
    There,
    /// It is not: a card that has others.
    NotFound,
    /// It knows no SELECT, or none of this class.
    NoSelect,
    /// Something that cards with applications do not say.
    Nothing,
}

impl Answered {
    const fn is_there(self) -> bool {
        matches!(self, Self::There)
    }
}

fn selected(transport: &mut dyn Transport, aid: &[u8]) -> Result<Answered, TransportError> {
    let response = apdu::send(transport, &Command::select(aid), Rest::GetResponse)?;
    Ok(match response.status {
        Status::OK => Answered::There,
        // What readers say for a token that did not answer.
        Status(0x6300..=0x63ff) => Answered::Nothing,
        // Not found, not allowed now, not supported of an application: whoever says so knows SELECT.
        Status(0x6200..=0x62ff | 0x6900..=0x69ff | 0x6a00..=0x6aff) => Answered::NotFound,
        _ => Answered::NoSelect,
    })
}

/// A number or a text on a tag. Only of what is no YubiKey: there each reading makes a code.
fn read_tag(transport: &mut dyn Transport, found: &mut Found) -> Result<bool, LookError> {
    match ndef::read_tag(transport) {
        Ok(record) => found.record = Some(record),
        Err(NdefError::Unreadable(_)) => {}
        Err(NdefError::Transport(error)) => return Err(error.into()),
        Err(NdefError::NoTag(_) | NdefError::YubiKey) => return Ok(false),
    }
    if let Some(Record::Text(text)) = &found.record {
        let is_number = (4..=32).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        found.serial = is_number.then(|| text.clone());
    }
    found.family = Family::Tag;
    found.remarks.push(Remark::TagOnly);
    Ok(true)
}

fn of_token2(info: &Info, models: &Models, mut found: Found) -> Found {
    let model = models.of_serial(&info.serial).cloned();
    if model.is_none() {
        found.remarks.push(Remark::UnknownModel);
    }
    found.family = Family::Token2SingleProfile;
    found.serial = Some(info.serial.clone());
    found.clock = Some(info.clock);
    found.holdings.push(Holding::SingleProfile { model });
    found
}

fn look_at_yubikey(transport: &mut dyn Transport, mut found: Found) -> Result<Found, LookError> {
    found.family = Family::YubiKey;
    let key = match identify(transport) {
        Ok(key) => key,
        // Neither application is there, and yet it says that it is one.
        Err(YubiKeyError::NoApplication(_)) => {
            found.remarks.push(match found.over {
                Over::Contactless => Remark::NfcRestricted,
                Over::Contacts => Remark::SwitchedOff(Over::Contacts),
            });
            return Ok(found);
        }
        Err(other) => return Err(other.into()),
    };
    found.serial = key.serial.map(|serial| serial.to_string());
    found.firmware = Some(key.version);
    found.holdings.extend(look_at_oath(transport)?);
    found.holdings.extend(look_at_slots(transport)?);
    let restricted = key.is_nfc_restricted && found.over == Over::Contactless;
    for (holds, remark) in [
        (key.version.major == 3, Remark::Neo),
        (restricted, Remark::NfcRestricted),
        (is_security_key(&key), Remark::SecurityKey),
    ] {
        if holds {
            found.remarks.push(remark);
        }
    }
    if found.holdings.is_empty() && !restricted && !is_security_key(&key) {
        found.remarks.push(Remark::SwitchedOff(found.over));
    }
    found.key = Some(key);
    Ok(found)
}

/// Sold as one, or without anything that holds seeds.
fn is_security_key(key: &DeviceInfo) -> bool {
    let has_none = key.usb.is_some_and(|usb| {
        !usb.supported.contains(Capabilities::OATH) && !usb.supported.contains(Capabilities::OTP)
    });
    key.series == Series::SecurityKey || has_none
}

/// What its OATH application holds, when it is there.
pub(crate) fn look_at_oath(transport: &mut dyn Transport) -> Result<Option<Holding>, LookError> {
    let mut oath = match YkOath::select(transport) {
        Ok(oath) => oath,
        Err(OathError::Key(YubiKeyError::NoApplication(_))) => return Ok(None),
        Err(other) => return Err(other.into()),
    };
    let version = oath.version();
    let credentials = if oath.is_locked() { None } else { Some(oath.list()?) };
    let room = Abilities::of(version).room;
    Ok(Some(Holding::Oath { version, room, credentials }))
}

/// What its slots are, when they are there.
pub(crate) fn look_at_slots(transport: &mut dyn Transport) -> Result<Option<Holding>, LookError> {
    match OtpSlots::select(transport) {
        Ok(slots) => Ok(Some(Holding::Slots(slots.status()))),
        Err(YubiKeyError::NoApplication(_)) => Ok(None),
        Err(other) => Err(other.into()),
    }
}

#[cfg(test)]
mod tests;
