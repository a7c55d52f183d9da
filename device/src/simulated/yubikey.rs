//! A YubiKey: management, OATH, the slots and PIV, as the vendor's client and the open applet of the NEO describe them.
//!
//! Where the status word of a refusal is not documented, the drivers must not depend on the one that is answered here.
//! Source: yubikey-manager 5.9; ykneo-oath.

mod management;
mod oath;
mod piv;
mod slots;

use std::collections::VecDeque;

use mintmark_engine::clock::UnixTime;
use mintmark_engine::oath::{MovingFactor, Otp};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use self::management::Settings;
use self::oath::{Credentials, Visit};
use self::slots::Slots;
use super::received::{Answer, Received, next_part};
use super::{Card, Faults};
use crate::applet::management::Capabilities;
use crate::applet::oath::CredentialId;
use crate::applet::otp::Slot;
use crate::applet::piv::PivSlot;
use crate::applet::yubikey::Version;
use crate::applet::{
    management as management_applet, oath as oath_applet, otp as otp_applet, piv as piv_applet,
};
use crate::transport::Lengths;

pub use self::piv::Forgery;

/// Over USB, a YubiKey 5 announces T=1, extended lengths and chains.
const ATR_USB: &[u8] = &[
    0x3b, 0xfd, 0x13, 0x00, 0x00, 0x81, 0x31, 0xfe, 0x15, 0x80, 0x73, 0xc0, 0x21, 0xc0, 0x57, 0x59, 0x75,
    0x62, 0x69, 0x4b, 0x65, 0x79, 0x40,
];
/// Made by PC/SC of the historical bytes.
const ATR_CONTACTLESS: &[u8] = &[
    0x3b, 0x8d, 0x80, 0x01, 0x80, 0x73, 0xc0, 0x21, 0xc0, 0x57, 0x59, 0x75, 0x62, 0x69, 0x4b, 0x65, 0x79,
    0xf9,
];
/// The same application under the longer name that some clients know.
const OTP_LONG_AID: [u8; 8] = [0xa0, 0x00, 0x00, 0x05, 0x27, 0x20, 0x01, 0x01];

/// Most bytes of a part of an answer.
const SHORT_PART: usize = 255;
const EXTENDED_PART: usize = 3060;
/// Most bytes of the data of a chain.
const MOST_CHAINED: usize = 3060;

/// How the key reaches the reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It is the reader.
    Usb,
    /// It lies on one.
    Contactless,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Application {
    Management,
    Oath,
    Otp,
    Piv,
}

/// All that stays without power. To be compared: whether a key was changed.
#[derive(Clone, PartialEq, Eq)]
pub struct Memory {
    settings: Settings,
    oath: Credentials,
    slots: Slots,
    piv: piv::Keys,
}

/// A key.
pub struct VirtualYubiKey {
    serial: u32,
    version: Version,
    reach: Reach,
    memory: Memory,
    random: Random,
    /// What goes wrong from now on.
    pub faults: Faults,
    /// How it deceives who asks whether it is genuine. Forged certificates are made when they are first asked for.
    pub forgery: Option<Forgery>,
    is_touched: bool,
    now: UnixTime,
    selected: Option<Application>,
    visit: Visit,
    piv: piv::Visit,
    chain: Option<([u8; 3], Zeroizing<Vec<u8>>)>,
    rest: Vec<u8>,
}

impl VirtualYubiKey {
    /// A new key with nothing on it.
    pub fn new(serial: u32, version: Version, reach: Reach) -> Self {
        let memory = Memory {
            settings: Settings::default(),
            oath: Credentials::default(),
            slots: Slots::default(),
            piv: piv::Keys::default(),
        };
        Self {
            serial,
            version,
            reach,
            memory,
            random: Random { next: VecDeque::new(), drawn: 0, serial },
            faults: Faults::default(),
            forgery: None,
            is_touched: false,
            now: UnixTime::EPOCH,
            selected: None,
            visit: Visit::default(),
            piv: piv::Visit::default(),
            chain: None,
            rest: Vec::new(),
        }
    }

    /// Whether somebody touches it when it waits for that.
    pub const fn set_touched(&mut self, is_touched: bool) {
        self.is_touched = is_touched;
    }

    /// Whether a slot without an access code refuses a write that gives one; what real keys do is not published.
    pub const fn set_strict(&mut self, is_strict: bool) {
        self.memory.slots.set_strict(is_strict);
    }

    /// The time, which goes into the codes of Yubico OTP and nothing else: a key has no clock of its own.
    pub const fn set_clock(&mut self, now: UnixTime) {
        self.now = now;
    }

    /// What it draws next: salts and challenges, which have eight bytes. After that it draws something that depends on
    /// its serial number alone.
    pub fn draw_next(&mut self, bytes: [u8; 8]) {
        self.random.next.push_back(bytes);
    }

    /// Somebody generated a key in this slot of PIV, or put one there that was made elsewhere.
    pub fn put_piv_key(&mut self, slot: PivSlot, generated: bool) {
        self.memory.piv.put(slot, generated);
    }

    /// Somebody set this management key of PIV.
    pub fn set_piv_management_key(&mut self, key: &[u8; 24]) {
        self.memory.piv.set_management(key);
    }

    /// All that is kept on it now. The salt of OATH is drawn when that is selected for the first time.
    pub fn memory(&self) -> Memory {
        self.memory.clone()
    }

    /// Lengths that get through to it.
    pub fn lengths(&self) -> Lengths {
        let is_extended = self.reach == Reach::Usb && self.version.major >= 4;
        if is_extended { Lengths::Extended } else { Lengths::Short }
    }

    /// What it types when this slot is touched; `None` for what types nothing, or no text.
    pub fn press(&mut self, slot: Slot) -> Option<Zeroizing<String>> {
        self.memory.slots.press(slot, self.now)
    }

    /// What a program shows that knows the password: the code of this credential, at this step where it goes by the time. A
    /// counter moves by that.
    pub fn shown(&mut self, id: &CredentialId, step: MovingFactor) -> Option<Otp> {
        self.memory.oath.shown(id, step)
    }

    fn told_serial(&self) -> u32 {
        if self.faults.wrong_serial { self.serial ^ 1 } else { self.serial }
    }

    fn execute(&mut self, command: &[u8]) -> Vec<u8> {
        let Some(received) = Received::read(command) else { return vec![0x67, 0x00] };
        if self.version.major < 4 && !received.is_short && !received.data.is_empty() {
            return vec![0x67, 0x00];
        }
        let most =
            if self.reach == Reach::Contactless || received.is_short { SHORT_PART } else { EXTENDED_PART };
        let asks_rest = match received.instruction {
            0xc0 => true,
            0xa5 => self.selected == Some(Application::Oath),
            _ => false,
        };
        if asks_rest && received.class == 0 && !self.rest.is_empty() {
            return next_part(&mut self.rest, most);
        }
        self.rest.clear();
        match self.answer(&received) {
            Ok(data) => {
                self.rest = data;
                next_part(&mut self.rest, most)
            }
            Err(status) => status.to_be_bytes().to_vec(),
        }
    }

    /// Puts chains together and hands a whole command on.
    fn answer(&mut self, received: &Received) -> Answer {
        let Received { class, instruction, p1, p2, data, .. } = *received;
        let header = [instruction, p1, p2];
        if class & !0x10 != 0 {
            return Err(0x6e00);
        }
        let mut whole = match self.chain.take() {
            Some((begun, whole)) if begun == header => whole,
            _ => Zeroizing::new(Vec::with_capacity(MOST_CHAINED)),
        };
        if whole.len() + data.len() > MOST_CHAINED {
            return Err(0x6700);
        }
        whole.extend_from_slice(data);
        if class & 0x10 != 0 {
            self.chain = Some((header, whole));
            return Ok(Vec::new());
        }
        if (instruction, p1) == (0xa4, 0x04) {
            return self.select(&whole);
        }
        let kept = self.faults.forgets.then(|| self.memory.clone());
        let answer = self.dispatch(header, &whole);
        if let Some(kept) = kept {
            self.memory = kept;
        }
        answer
    }

    fn select(&mut self, aid: &[u8]) -> Answer {
        let (application, needed) = if aid == management_applet::AID {
            (Application::Management, None)
        } else if aid == oath_applet::AID {
            (Application::Oath, Some(Capabilities::OATH))
        } else if aid == otp_applet::AID || aid == OTP_LONG_AID {
            (Application::Otp, Some(Capabilities::OTP))
        } else if aid.starts_with(&piv_applet::AID) {
            (Application::Piv, Some(Capabilities::PIV))
        } else {
            return Err(0x6a82);
        };
        if needed.is_some_and(|needed| !self.memory.settings.enabled(self.reach).contains(needed)) {
            return Err(0x6a82);
        }
        self.selected = Some(application);
        self.piv.end();
        match application {
            Application::Management => Ok(format!("Virtual mgr - FW version {}", self.version).into_bytes()),
            Application::Oath => Ok(self.visit.begin(&mut self.memory.oath, self.version, &mut self.random)),
            Application::Otp => Ok(self.memory.slots.status(self.version)),
            Application::Piv => Ok(piv::description()),
        }
    }

    fn dispatch(&mut self, header: [u8; 3], data: &[u8]) -> Answer {
        let serial = self.told_serial();
        match self.selected {
            Some(Application::Management) => self.memory.settings.answer(header, data, serial, self.version),
            Some(Application::Oath) => {
                self.visit.answer(&mut self.memory.oath, header, data, self.version, self.is_touched)
            }
            Some(Application::Otp) => {
                self.memory.slots.answer(header, data, serial, self.version, self.is_touched)
            }
            Some(Application::Piv) => {
                let facts = piv::Facts {
                    told_serial: serial,
                    serial: self.serial,
                    version: self.version,
                    forgery: self.forgery,
                };
                self.piv.answer(&mut self.memory.piv, header, data, &facts, &mut self.random)
            }
            None => Err(0x6d00),
        }
    }
}

impl Card for VirtualYubiKey {
    fn atr(&self) -> &[u8] {
        match self.reach {
            Reach::Usb => ATR_USB,
            Reach::Contactless => ATR_CONTACTLESS,
        }
    }

    fn power_on(&mut self) {
        self.faults.power_on();
        self.selected = None;
        self.visit = Visit::default();
        self.piv.end();
        self.chain = None;
        self.rest.clear();
        self.memory.settings.restart();
        self.memory.slots.power_on();
    }

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let mut faults = self.faults.clone();
        let answer = faults.answer(command, || self.execute(command));
        self.faults = faults;
        answer
    }
}

/// Where salts and challenges come from.
struct Random {
    next: VecDeque<[u8; 8]>,
    drawn: u64,
    serial: u32,
}

impl Random {
    fn draw(&mut self) -> [u8; 8] {
        self.next.pop_front().unwrap_or_else(|| {
            self.drawn += 1;
            let hash = Sha256::digest([&self.serial.to_be_bytes()[..], &self.drawn.to_be_bytes()].concat());
            std::array::from_fn(|at| hash[at])
        })
    }
}

/// Dynamic truncation (RFC 4226 §5.3).
fn truncated(mac: &[u8]) -> u32 {
    let offset = usize::from(mac[mac.len() - 1] & 0xf);
    let word = mac[offset..offset + 4].try_into().expect("an HMAC has 20 bytes or more");
    u32::from_be_bytes(word) & 0x7fff_ffff
}

#[cfg(test)]
mod tests;
