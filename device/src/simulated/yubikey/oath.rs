//! YKOATH.

use mintmark_engine::oath::{Digits, HashAlg, MovingFactor, Otp};
use zeroize::Zeroizing;

use super::Random;
use crate::applet::oath::wire::{
    ALGORITHM, CHALLENGE, FULL, IS_HOTP, IS_TOUCH, KEY, MOVING_FACTOR, NAME, NAME_LIST, PROPERTY,
    REQUIRE_TOUCH, TRUNCATED, VERSION, mac, of_type_byte, type_byte,
};
use crate::applet::oath::{Abilities, CredentialId, Kind};
use crate::applet::tlv;
use crate::applet::yubikey::Version;
use crate::simulated::received::Answer;

const INVALID: u16 = 0x6984;
const LOCKED: u16 = 0x6982;
const SYNTAX: u16 = 0x6a80;
const FULL_UP: u16 = 0x6a84;
/// What a real key answers here is not documented.
const UNTOUCHED: u16 = 0x6985;

#[derive(Clone, PartialEq, Eq)]
struct Stored {
    id: CredentialId,
    kind: Kind,
    hash: HashAlg,
    digits: u8,
    key: Zeroizing<Vec<u8>>,
    touch: bool,
    counter: u64,
}

/// What is on the key.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Credentials {
    salt: Option<[u8; 8]>,
    access: Option<(HashAlg, Zeroizing<Vec<u8>>)>,
    stored: Vec<Stored>,
}

/// What lasts from one SELECT to the next one.
#[derive(Default)]
pub(super) struct Visit {
    challenge: [u8; 8],
    is_open: bool,
}

/// The version of the application: a NEO has one of its own.
const fn application_version(firmware: Version) -> Version {
    if firmware.major == 3 { Version::new(1, 0, 1) } else { firmware }
}

/// The value of the next entry, which must have this tag.
fn entry<'a>(rest: &mut &'a [u8], tag: u8) -> Result<&'a [u8], u16> {
    let mut behind = *rest;
    match tlv::take(&mut behind) {
        Some((found, value)) if found == tag => {
            *rest = behind;
            Ok(value)
        }
        _ => Err(SYNTAX),
    }
}

fn end(rest: &[u8]) -> Result<(), u16> {
    if rest.is_empty() { Ok(()) } else { Err(SYNTAX) }
}

fn name(rest: &mut &[u8]) -> Result<CredentialId, u16> {
    CredentialId::new(entry(rest, NAME)?.to_vec()).map_err(|_| SYNTAX)
}

impl Visit {
    /// SELECT.
    pub(super) fn begin(
        &mut self,
        credentials: &mut Credentials,
        firmware: Version,
        random: &mut Random,
    ) -> Vec<u8> {
        let version = application_version(firmware);
        let mut answer = Vec::new();
        tlv::push(&mut answer, VERSION, &[version.major, version.minor, version.patch]);
        tlv::push(&mut answer, NAME, credentials.salt.get_or_insert_with(|| random.draw()));
        self.is_open = credentials.access.is_none();
        if let Some((hash, _)) = &credentials.access {
            self.challenge = random.draw();
            tlv::push(&mut answer, CHALLENGE, &self.challenge);
            tlv::push(&mut answer, ALGORITHM, &[type_byte(Kind::Totp, *hash) & 0x0f]);
        }
        answer
    }

    pub(super) fn answer(
        &mut self,
        credentials: &mut Credentials,
        header: [u8; 3],
        data: &[u8],
        firmware: Version,
        is_touched: bool,
    ) -> Answer {
        let abilities = Abilities::of(application_version(firmware));
        match header {
            [0x04, 0xde, 0xad] => {
                *credentials = Credentials::default();
                self.is_open = true;
                return Ok(Vec::new());
            }
            [0xa3, 0x00, 0x00] => return self.validate(credentials, data),
            [0x01..=0x03 | 0xa1 | 0xa5, 0x00, 0x00] | [0xa2 | 0xa4, 0x00, 0x00 | 0x01] => {}
            [0x05, 0x00, 0x00] if abilities.rename => {}
            [0x05, ..] if !abilities.rename => return Err(0x6d00),
            [0x01..=0x05 | 0xa1..=0xa5, ..] => return Err(0x6b00),
            _ => return Err(0x6d00),
        }
        if !self.is_open {
            return Err(LOCKED);
        }
        let truncated = header[2] == 1;
        match header[0] {
            0x01 => credentials.put(data, abilities),
            0x02 => credentials.delete(data),
            0x03 => {
                credentials.set_code(data)?;
                // A NEO is not open before the new key was shown.
                self.is_open = firmware.major > 3 || credentials.access.is_none();
                Ok(Vec::new())
            }
            0x05 => credentials.rename(data),
            0xa1 => Ok(credentials.list()),
            0xa2 => credentials.calculate(data, truncated, is_touched),
            0xa4 => credentials.calculate_all(data, truncated),
            // Nothing is left to be sent.
            _ => Err(0x6985),
        }
    }

    fn validate(&mut self, credentials: &Credentials, mut data: &[u8]) -> Answer {
        let response = entry(&mut data, FULL)?;
        let own = entry(&mut data, CHALLENGE)?;
        end(data)?;
        let (hash, key) = credentials.access.as_ref().ok_or(INVALID)?;
        if mac(*hash, key, &self.challenge).as_slice() != response {
            return Err(SYNTAX);
        }
        self.is_open = true;
        let mut answer = Vec::new();
        tlv::push(&mut answer, FULL, &mac(*hash, key, own));
        Ok(answer)
    }
}

impl Credentials {
    fn find(&mut self, id: &CredentialId) -> Result<&mut Stored, u16> {
        self.stored.iter_mut().find(|stored| stored.id == *id).ok_or(INVALID)
    }

    /// The code of a credential, whether the application is locked or not.
    pub(super) fn shown(&mut self, id: &CredentialId, step: MovingFactor) -> Option<Otp> {
        let stored = self.find(id).ok()?;
        let digits = Digits::new(stored.digits.into()).ok()?;
        let moving = match stored.kind {
            Kind::Totp => step.0,
            Kind::Hotp => {
                let counter = stored.counter;
                stored.counter = counter.wrapping_add(1);
                counter
            }
        };
        let value = super::truncated(&mac(stored.hash, &stored.key, &moving.to_be_bytes()));
        Some(Otp::from_value(value % digits.modulus(), digits))
    }

    fn put(&mut self, mut data: &[u8], abilities: Abilities) -> Answer {
        let id = name(&mut data)?;
        let [kind, digits @ 6..=8, key @ ..] = entry(&mut data, KEY)? else { return Err(SYNTAX) };
        let (kind, hash) = of_type_byte(*kind).ok_or(SYNTAX)?;
        let mut touch = false;
        if let [PROPERTY, bits, behind @ ..] = data {
            touch = bits & REQUIRE_TOUCH != 0;
            data = behind;
        }
        let mut counter = 0;
        if !data.is_empty() {
            let factor = entry(&mut data, MOVING_FACTOR)?.try_into().map_err(|_| SYNTAX)?;
            counter = u64::from(u32::from_be_bytes(factor));
            end(data)?;
        }
        if key.is_empty() || (touch && !abilities.touch) || (hash == HashAlg::Sha512 && !abilities.sha512) {
            return Err(SYNTAX);
        }
        let key = Zeroizing::new(key.to_vec());
        let new = Stored { id, kind, hash, digits: *digits, key, touch, counter };
        if let Ok(old) = self.find(&new.id) {
            *old = new;
        } else if abilities.room.holds(self.stored.iter().map(|stored| &stored.id).chain([&new.id])) {
            self.stored.push(new);
        } else {
            return Err(FULL_UP);
        }
        Ok(Vec::new())
    }

    fn delete(&mut self, mut data: &[u8]) -> Answer {
        let id = name(&mut data)?;
        end(data)?;
        self.find(&id)?;
        self.stored.retain(|stored| stored.id != id);
        Ok(Vec::new())
    }

    fn rename(&mut self, mut data: &[u8]) -> Answer {
        let (old, new) = (name(&mut data)?, name(&mut data)?);
        end(data)?;
        if self.find(&new).is_ok() {
            return Err(INVALID);
        }
        self.find(&old)?.id = new;
        Ok(Vec::new())
    }

    fn set_code(&mut self, mut data: &[u8]) -> Result<(), u16> {
        let key = entry(&mut data, KEY)?;
        let Some((kind, key)) = key.split_first() else {
            end(data)?;
            self.access = None;
            return Ok(());
        };
        let (_, hash) = of_type_byte(*kind).ok_or(SYNTAX)?;
        let challenge = entry(&mut data, CHALLENGE)?;
        let response = entry(&mut data, FULL)?;
        end(data)?;
        if mac(hash, key, challenge).as_slice() != response {
            return Err(INVALID);
        }
        self.access = Some((hash, Zeroizing::new(key.to_vec())));
        Ok(())
    }

    fn list(&self) -> Vec<u8> {
        let mut answer = Vec::new();
        for stored in &self.stored {
            let id = stored.id.as_bytes();
            tlv::head(&mut answer, NAME_LIST, id.len() + 1);
            answer.push(type_byte(stored.kind, stored.hash));
            answer.extend(id);
        }
        answer
    }

    fn calculate(&mut self, mut data: &[u8], truncated: bool, is_touched: bool) -> Answer {
        let id = name(&mut data)?;
        let challenge = entry(&mut data, CHALLENGE)?;
        end(data)?;
        let stored = self.find(&id)?;
        if stored.touch && !is_touched {
            return Err(UNTOUCHED);
        }
        let mut answer = Vec::new();
        match stored.kind {
            Kind::Totp if challenge.is_empty() => return Err(SYNTAX),
            Kind::Totp => stored.push_code(&mut answer, challenge, truncated),
            Kind::Hotp => {
                let counter = stored.counter;
                stored.counter = counter.wrapping_add(1);
                stored.push_code(&mut answer, &counter.to_be_bytes(), truncated);
            }
        }
        Ok(answer)
    }

    fn calculate_all(&self, mut data: &[u8], truncated: bool) -> Answer {
        let challenge = entry(&mut data, CHALLENGE)?;
        end(data)?;
        let mut answer = Vec::new();
        for stored in &self.stored {
            tlv::push(&mut answer, NAME, stored.id.as_bytes());
            match stored.kind {
                Kind::Hotp => tlv::push(&mut answer, IS_HOTP, &[stored.digits]),
                Kind::Totp if stored.touch => tlv::push(&mut answer, IS_TOUCH, &[stored.digits]),
                Kind::Totp => stored.push_code(&mut answer, challenge, truncated),
            }
        }
        Ok(answer)
    }
}

impl Stored {
    fn push_code(&self, answer: &mut Vec<u8>, challenge: &[u8], truncated: bool) {
        let mac = mac(self.hash, &self.key, challenge);
        if truncated {
            tlv::head(answer, TRUNCATED, 5);
            answer.push(self.digits);
            answer.extend(super::truncated(&mac).to_be_bytes());
        } else {
            tlv::head(answer, FULL, mac.len() + 1);
            answer.push(self.digits);
            answer.extend_from_slice(&mac);
        }
    }
}
