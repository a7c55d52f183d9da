//! The OTP application: two slots.

use std::fmt::Write as _;

use mintmark_engine::clock::UnixTime;
use mintmark_engine::oath::{HashAlg, MovingFactor, YubicoKey, YubicoPlain, YubicoPublicId};
use mintmark_engine::secret::Seed;
use zeroize::Zeroizing;

use crate::applet::oath::wire::mac;
use crate::applet::otp::Slot;
use crate::applet::otp::config::{
    BYTES, CFG_BUTTON, CFG_EIGHT, CFG_HMAC, CFG_MODHEX_ONE, CFG_MODHEX_TWO, CFG_SHORT_CHALLENGE, CRC_RESIDUE,
    EXT_SERIAL, EXT_UPDATE, TKT_ENTER, TKT_OATH, crc,
};
use crate::applet::yubikey::Version;
use crate::simulated::received::Answer;

/// What an update may change.
const TKT_UPDATE: u8 = 0x3f;
const CFG_UPDATE: u8 = 0x0c;

const MODHEX: &[u8; 16] = b"cbdefghijklnrtuv";
const HEX: &[u8; 16] = b"0123456789abcdef";

#[derive(Clone, PartialEq, Eq)]
struct Stored {
    config: Zeroizing<[u8; BYTES]>,
    /// Of the next code.
    position: u64,
}

impl Stored {
    /// `None` when the sum is wrong.
    fn new(config: &[u8; BYTES]) -> Option<Self> {
        if crc(config) != CRC_RESIDUE {
            return None;
        }
        let config = Zeroizing::new(*config);
        let mut stored = Self { config, position: 0 };
        let factor = u16::from_be_bytes([stored.config[20], stored.config[21]]);
        // The use counter of Yubico OTP stands above the counter of one session.
        stored.position = if stored.is_hotp() { u64::from(factor) * 16 } else { 1 << 8 };
        Some(stored)
    }

    fn ext(&self) -> u8 {
        self.config[45]
    }

    fn tkt(&self) -> u8 {
        self.config[46]
    }

    fn cfg(&self) -> u8 {
        self.config[47]
    }

    fn is_hmac(&self) -> bool {
        self.tkt() & TKT_OATH != 0 && self.cfg() & CFG_HMAC == CFG_HMAC
    }

    fn is_hotp(&self) -> bool {
        self.tkt() & TKT_OATH != 0 && !self.is_hmac()
    }

    fn is_touch_triggered(&self) -> bool {
        !self.is_hmac() || self.cfg() & CFG_BUTTON != 0
    }

    fn fixed(&self) -> &[u8] {
        &self.config[..usize::from(self.config[44]).min(16)]
    }

    /// Of HOTP and challenge-response.
    fn key(&self) -> Zeroizing<[u8; 20]> {
        let mut key = Zeroizing::new([0; 20]);
        key[..16].copy_from_slice(&self.config[22..38]);
        key[16..].copy_from_slice(&self.config[16..20]);
        key
    }

    fn opens_with(&self, code: &[u8], is_strict: bool) -> bool {
        let own = &self.config[38..44];
        own == code || (own == [0; 6] && !is_strict)
    }

    /// The configuration with what an update may change; the sum is not kept up, as nobody reads it.
    fn update(&mut self, from: &[u8; BYTES]) {
        let mix = |old: u8, new: u8, mask: u8| old & !mask | new & mask;
        self.config[38..44].copy_from_slice(&from[38..44]);
        self.config[45] = from[45];
        self.config[46] = mix(self.config[46], from[46], TKT_UPDATE);
        self.config[47] = mix(self.config[47], from[47], CFG_UPDATE);
    }

    fn press(&mut self, now: UnixTime) -> Option<Zeroizing<String>> {
        let mut text = Zeroizing::new(String::with_capacity(80));
        let next = self.position.wrapping_add(1);
        if self.is_hotp() {
            self.push_identifier(&mut text);
            let code = super::truncated(&mac(HashAlg::Sha1, &*self.key(), &self.position.to_be_bytes()));
            let (digits, modulus) =
                if self.cfg() & CFG_EIGHT == 0 { (6, 1_000_000) } else { (8, 100_000_000) };
            write!(text, "{:0digits$}", code % modulus).expect("a string takes everything");
        } else if self.tkt() & TKT_OATH == 0 && self.cfg() & CFG_HMAC == 0 {
            let kept = Seed::from_fn(YubicoKey::BYTES, |bytes| {
                bytes[..16].copy_from_slice(&self.config[22..38]);
                bytes[16..].copy_from_slice(&self.config[16..22]);
                Ok::<(), ()>(())
            });
            let key = YubicoKey::from_kept(&kept.ok()?)?;
            let mut letters = String::new();
            push_letters(&mut letters, self.fixed(), MODHEX);
            // Eighths of a second, in 24 bits.
            let eighths = u32::try_from((now.millis() / 125).rem_euclid(1 << 24)).ok()?;
            let at = YubicoPlain::at(MovingFactor(self.position), eighths)?;
            text.push_str(&key.typed(
                &YubicoPublicId::parse(&letters).ok()?,
                &at,
                crc(&eighths.to_be_bytes()),
            ));
        } else {
            return None;
        }
        if self.tkt() & TKT_ENTER != 0 {
            text.push('\n');
        }
        self.position = next;
        Some(text)
    }

    fn push_identifier(&self, text: &mut String) {
        let modhex = match self.cfg() & (CFG_MODHEX_ONE | CFG_MODHEX_TWO) {
            0 => 0,
            CFG_MODHEX_ONE => 1,
            CFG_MODHEX_TWO => 2,
            _ => 16,
        };
        let fixed = self.fixed();
        let (letters, digits) = fixed.split_at(modhex.min(fixed.len()));
        push_letters(text, letters, MODHEX);
        push_letters(text, digits, HEX);
    }
}

fn push_letters(text: &mut String, bytes: &[u8], alphabet: &[u8; 16]) {
    for byte in bytes {
        text.push(char::from(alphabet[usize::from(byte >> 4)]));
        text.push(char::from(alphabet[usize::from(byte & 0xf)]));
    }
}

/// Both slots, and how often they were written.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Slots {
    stored: [Option<Stored>; 2],
    sequence: u8,
    is_strict: bool,
}

impl Slots {
    pub(super) const fn set_strict(&mut self, is_strict: bool) {
        self.is_strict = is_strict;
    }

    pub(super) fn status(&self, version: Version) -> Vec<u8> {
        let flags = self.stored.iter().enumerate().fold(0, |flags, (index, stored)| match stored {
            Some(stored) if stored.is_touch_triggered() => flags | 5 << index,
            Some(_) => flags | 1 << index,
            None => flags,
        });
        vec![version.major, version.minor, version.patch, self.sequence, flags, 0]
    }

    /// The use counter rises with the first code after that.
    pub(super) fn power_on(&mut self) {
        for stored in self.stored.iter_mut().flatten().filter(|stored| !stored.is_hotp()) {
            stored.position = stored.position.div_ceil(1 << 8) << 8;
        }
    }

    pub(super) fn press(&mut self, slot: Slot, now: UnixTime) -> Option<Zeroizing<String>> {
        self.stored[usize::from(slot == Slot::Two)].as_mut()?.press(now)
    }

    pub(super) fn answer(
        &mut self,
        header: [u8; 3],
        data: &[u8],
        serial: u32,
        version: Version,
        is_touched: bool,
    ) -> Answer {
        let command = match header {
            [0x03, 0x00, 0x00] => return Ok(self.status(version)),
            [0x01, command, 0x00] => command,
            [0x01 | 0x03, ..] => return Err(0x6b00),
            _ => return Err(0x6d00),
        };
        let wrote = match command {
            0x01 => self.write(0, data)?,
            0x03 => self.write(1, data)?,
            0x04 => self.update(0, data)?,
            0x05 => self.update(1, data)?,
            0x06 if data.len() == 6 => {
                self.stored.swap(0, 1);
                self.stored.iter().any(Option::is_some)
            }
            0x06 => return Err(0x6700),
            0x10 => {
                let mut stored = self.stored.iter().flatten().peekable();
                let is_new = stored.peek().is_none();
                let is_visible = is_new || stored.any(|stored| stored.ext() & EXT_SERIAL != 0);
                return if is_visible { Ok(serial.to_be_bytes().to_vec()) } else { Err(0x6985) };
            }
            0x30 => return self.hmac(0, data, is_touched),
            0x38 => return self.hmac(1, data, is_touched),
            _ => return Err(0x6b00),
        };
        // A write that is refused is told by the sequence alone.
        if wrote {
            let is_empty = self.stored.iter().all(Option::is_none);
            self.sequence = if is_empty { 0 } else { self.sequence.checked_add(1).unwrap_or(1) };
        }
        Ok(self.status(version))
    }

    /// Configuration and access code of a write.
    fn parts(data: &[u8]) -> Result<(&[u8; BYTES], &[u8]), u16> {
        let (config, code) = data.split_first_chunk::<BYTES>().ok_or(0x6700_u16)?;
        if code.len() == 6 { Ok((config, code)) } else { Err(0x6700) }
    }

    fn write(&mut self, index: usize, data: &[u8]) -> Result<bool, u16> {
        let (config, code) = Self::parts(data)?;
        let is_strict = self.is_strict;
        let place = &mut self.stored[index];
        if place.as_ref().is_some_and(|old| !old.opens_with(code, is_strict)) {
            return Ok(false);
        }
        if *config == [0; BYTES] {
            return Ok(place.take().is_some());
        }
        let new = Stored::new(config);
        let is_whole = new.is_some();
        if is_whole {
            *place = new;
        }
        Ok(is_whole)
    }

    fn update(&mut self, index: usize, data: &[u8]) -> Result<bool, u16> {
        let (config, code) = Self::parts(data)?;
        let is_strict = self.is_strict;
        let Some(old) = &mut self.stored[index] else { return Ok(false) };
        let may =
            old.ext() & EXT_UPDATE != 0 && old.opens_with(code, is_strict) && crc(config) == CRC_RESIDUE;
        if may {
            old.update(config);
        }
        Ok(may)
    }

    fn hmac(&self, index: usize, data: &[u8], is_touched: bool) -> Answer {
        let stored = self.stored[index].as_ref().filter(|stored| stored.is_hmac()).ok_or(0x6985_u16)?;
        if stored.is_touch_triggered() && !is_touched {
            return Err(0x6985);
        }
        let block: &[u8; 64] = data.try_into().map_err(|_| 0x6700_u16)?;
        let filler = block.iter().rev().take_while(|byte| **byte == block[63]).count();
        let is_short = stored.cfg() & CFG_SHORT_CHALLENGE != 0;
        let challenge = if is_short { &block[..64 - filler] } else { &block[..] };
        Ok(mac(HashAlg::Sha1, &*stored.key(), challenge).to_vec())
    }
}
