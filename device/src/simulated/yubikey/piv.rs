//! PIV, as far as it tells which key this is, and what the vendor's client asks to show it.

use std::collections::BTreeMap;

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, SigningKey};
use zeroize::Zeroizing;

use super::Random;
use crate::applet::piv::wire::{CHALLENGE, DYNAMIC, NEVER, RESPONSE, WITNESS, dynamic};
use crate::applet::piv::{BlockCipher, ED25519, MANAGEMENT, ManagementKey, ManagementKeyKind, PivSlot};
use crate::applet::tlv;
use crate::applet::yubikey::Version;
use crate::simulated::received::Answer;
use crate::simulated::vendor::Attester;

const P256: u8 = 0x11;
const NOT_FOUND: u16 = 0x6a82;
const NO_REFERENCE: u16 = 0x6a88;
const SYNTAX: u16 = 0x6a80;
const SECURITY: u16 = 0x6982;
const NO_INSTRUCTION: u16 = 0x6d00;
/// A key of the usual form for USB-C, as the management application says.
const FORM: u8 = 0x03;

/// How a key deceives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// Its statements name another serial number than it tells.
    OtherSerial,
    /// Nobody who is trusted vouches for it, though the names are the same.
    OtherRoot,
    /// A byte of each statement is changed.
    Changed,
    /// Each statement ends too early.
    Truncated,
    /// Its statements are no certificates.
    NoCertificate,
    /// It shows statements of another device, and so cannot use the keys that they are about.
    Copied,
    /// Its attestation certificate was removed.
    Removed,
    /// It says that it knows each management key.
    Yielding,
}

/// A key in a slot.
#[derive(Clone, PartialEq, Eq)]
struct Kept {
    algorithm: u8,
    /// PKCS #8.
    pair: Zeroizing<Vec<u8>>,
    generated: bool,
    policies: [u8; 2],
}

impl Kept {
    fn new(algorithm: u8, policies: [u8; 2], generated: bool) -> Option<Self> {
        let kind = match algorithm {
            ED25519 => &PKCS_ED25519,
            P256 => &PKCS_ECDSA_P256_SHA256,
            _ => return None,
        };
        let pair = KeyPair::generate_for(kind).expect("the system has randomness");
        Some(Self { algorithm, pair: Zeroizing::new(pair.serialize_der()), generated, policies })
    }

    fn pair(&self) -> KeyPair {
        KeyPair::try_from(self.pair.as_slice()).expect("it was written here")
    }
}

/// What is on the key.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Keys {
    slots: BTreeMap<u8, Kept>,
    management: Zeroizing<Vec<u8>>,
}

impl Default for Keys {
    fn default() -> Self {
        let factory = [1, 2, 3, 4, 5, 6, 7, 8].repeat(3);
        Self { slots: BTreeMap::new(), management: Zeroizing::new(factory) }
    }
}

impl Keys {
    /// A key that somebody generated, or brought from outside.
    pub(super) fn put(&mut self, slot: PivSlot, generated: bool) {
        let kept = Kept::new(P256, [2, 1], generated).expect("a kind that is known");
        self.slots.insert(slot.number(), kept);
    }

    pub(super) fn set_management(&mut self, key: &[u8; 24]) {
        self.management = Zeroizing::new(key.to_vec());
    }
}

/// What lasts until the key gets power again or another application is selected, and what was put there when it was made.
#[derive(Default)]
pub(super) struct Visit {
    witness: Option<Vec<u8>>,
    is_open: bool,
    attester: Option<Attester>,
}

/// What the answers depend on beside the keys.
pub(super) struct Facts {
    pub(super) told_serial: u32,
    pub(super) serial: u32,
    pub(super) version: Version,
    pub(super) forgery: Option<Forgery>,
}

impl Facts {
    fn since(&self, major: u8, minor: u8) -> Result<(), u16> {
        if self.version >= Version::new(major, minor, 0) { Ok(()) } else { Err(NO_INSTRUCTION) }
    }

    fn management_kind(&self) -> ManagementKeyKind {
        if self.version >= Version::new(5, 7, 0) {
            ManagementKeyKind::Aes192
        } else {
            ManagementKeyKind::Tdes
        }
    }
}

/// SELECT: application property template (SP 800-73-5 part 2, table 3).
pub(super) fn description() -> Vec<u8> {
    vec![
        0x61, 0x11, 0x4f, 0x06, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00, 0x79, 0x07, 0x4f, 0x05, 0xa0, 0x00, 0x00,
        0x03, 0x08,
    ]
}

impl Visit {
    pub(super) fn end(&mut self) {
        (self.witness, self.is_open) = (None, false);
    }

    fn attester(&mut self, forgery: Option<Forgery>) -> &Attester {
        self.attester.get_or_insert_with(|| Attester::made(forgery == Some(Forgery::OtherRoot)))
    }

    pub(super) fn answer(
        &mut self,
        keys: &mut Keys,
        header: [u8; 3],
        data: &[u8],
        facts: &Facts,
        random: &mut Random,
    ) -> Answer {
        match header {
            [0xfd, 0x00, 0x00] => Ok(vec![facts.version.major, facts.version.minor, facts.version.patch]),
            [0xf8, 0x00, 0x00] => facts.since(5, 0).map(|()| facts.told_serial.to_be_bytes().to_vec()),
            [0xcb, 0x3f, 0xff] => self.object(data, facts),
            [0xf9, slot, 0x00] => facts.since(4, 3).and_then(|()| self.attest(keys, slot, facts)),
            [0xf7, 0x00, reference] => {
                facts.since(5, 3).and_then(|()| metadata(keys, reference, facts.management_kind()))
            }
            // Three tries are left; nothing here asks for a PIN.
            [0x20, 0x00, 0x80] if data.is_empty() => Err(0x63c3),
            [0x87, algorithm, MANAGEMENT] if algorithm == facts.management_kind().number() => {
                self.authenticate(keys, data, facts, random)
            }
            [0x87, algorithm, slot] => sign(keys, algorithm, slot, data, facts),
            [0x47, 0x00, slot] => self.generate(keys, slot, data),
            [0xf6, 0xff, slot] => {
                facts.since(5, 7)?;
                self.require_open()?;
                keys.slots.remove(&slot).map(|_| Vec::new()).ok_or(NO_REFERENCE)
            }
            _ => Err(NO_INSTRUCTION),
        }
    }

    fn require_open(&self) -> Result<(), u16> {
        if self.is_open { Ok(()) } else { Err(SECURITY) }
    }

    fn object(&mut self, data: &[u8], facts: &Facts) -> Answer {
        if data != [0x5c, 3, 0x5f, 0xff, 0x01] || facts.forgery == Some(Forgery::Removed) {
            return Err(NOT_FOUND);
        }
        facts.since(4, 3).map_err(|_| NOT_FOUND)?;
        let mut inner = Vec::new();
        tlv::push(&mut inner, 0x70, self.attester(facts.forgery).certificate());
        tlv::push(&mut inner, 0x71, &[0]);
        tlv::push(&mut inner, 0xfe, &[]);
        let mut answer = Vec::new();
        tlv::push(&mut answer, 0x53, &inner);
        Ok(answer)
    }

    fn attest(&mut self, keys: &Keys, slot: u8, facts: &Facts) -> Answer {
        let slot = PivSlot::parse(&format!("{slot:02x}")).ok_or(0x6b00_u16)?;
        let kept = keys.slots.get(&slot.number()).ok_or(NO_REFERENCE)?;
        if !kept.generated {
            return Err(SYNTAX);
        }
        let serial = match facts.forgery {
            Some(Forgery::OtherSerial) => facts.serial ^ 1,
            _ => facts.serial,
        };
        let attester = self.attester(facts.forgery);
        let mut statement = attester.state(&kept.pair(), slot, serial, facts.version, kept.policies, FORM);
        match facts.forgery {
            Some(Forgery::Changed) => *statement.last_mut().ok_or(SYNTAX)? ^= 1,
            Some(Forgery::Truncated) => statement.truncate(statement.len() / 2),
            Some(Forgery::NoCertificate) => statement = vec![0x30, 0x03, 0x02, 0x01, 0x05],
            _ => {}
        }
        Ok(statement)
    }

    /// Both ways of showing that one knows the management key: a witness first, then witness and challenge together.
    fn authenticate(&mut self, keys: &Keys, data: &[u8], facts: &Facts, random: &mut Random) -> Answer {
        let kind = facts.management_kind();
        let cipher = cipher(keys, kind);
        if data == [DYNAMIC, 2, WITNESS, 0] {
            let plain = [random.draw(), random.draw()].concat()[..kind.block()].to_vec();
            let mut shown = plain.clone();
            self.witness = Some(plain);
            cipher.encrypt(&mut shown);
            return Ok(dynamic(&[(WITNESS, &shown)]));
        }
        let expected = self.witness.take().ok_or(SECURITY)?;
        let (tag, mut entries) = tlv::take(&mut &*data).ok_or(SYNTAX)?;
        let (DYNAMIC, Some((WITNESS, witness)), Some((CHALLENGE, challenge))) =
            (tag, tlv::take(&mut entries), tlv::take(&mut entries))
        else {
            return Err(SYNTAX);
        };
        if challenge.len() != kind.block() {
            return Err(SYNTAX);
        }
        if witness != expected && facts.forgery != Some(Forgery::Yielding) {
            return Err(SECURITY);
        }
        self.is_open = true;
        let mut answer = challenge.to_vec();
        cipher.encrypt(&mut answer);
        Ok(dynamic(&[(RESPONSE, &answer)]))
    }

    fn generate(&mut self, keys: &mut Keys, slot: u8, data: &[u8]) -> Answer {
        self.require_open()?;
        let (tag, mut entries) = tlv::take(&mut &*data).ok_or(SYNTAX)?;
        if tag != 0xac || PivSlot::parse(&format!("{slot:02x}")).is_none() {
            return Err(SYNTAX);
        }
        // Once and never, as where nobody says otherwise.
        let (mut algorithm, mut policies) = (None, [2, 1]);
        while !entries.is_empty() {
            match tlv::take(&mut entries).ok_or(SYNTAX)? {
                (0x80, [number]) => algorithm = Some(*number),
                (0xaa, [policy]) => policies[0] = *policy,
                (0xab, [policy]) => policies[1] = *policy,
                _ => return Err(SYNTAX),
            }
        }
        let kept = Kept::new(algorithm.ok_or(SYNTAX)?, policies, true).ok_or(SYNTAX)?;
        let answer = public(&kept.pair());
        keys.slots.insert(slot, kept);
        let mut whole = vec![0x7f];
        tlv::push(&mut whole, 0x49, &answer);
        Ok(whole)
    }
}

fn cipher(keys: &Keys, kind: ManagementKeyKind) -> BlockCipher {
    ManagementKey::new(keys.management.clone()).cipher(kind).expect("24 bytes are enough for both")
}

fn public(pair: &KeyPair) -> Vec<u8> {
    let mut answer = Vec::new();
    tlv::push(&mut answer, 0x86, pair.public_key_raw());
    answer
}

fn metadata(keys: &Keys, reference: u8, kind: ManagementKeyKind) -> Answer {
    let mut answer = Vec::new();
    match reference {
        // PIN and PUK, as they are delivered.
        0x80 | 0x81 => {
            tlv::push(&mut answer, 0x01, &[0xff]);
            tlv::push(&mut answer, 0x05, &[1]);
            tlv::push(&mut answer, 0x06, &[3, 3]);
        }
        MANAGEMENT => {
            tlv::push(&mut answer, 0x01, &[kind.number()]);
            tlv::push(&mut answer, 0x02, &[0, NEVER]);
            tlv::push(
                &mut answer,
                0x05,
                &[u8::from(*keys == Keys { slots: keys.slots.clone(), ..Keys::default() })],
            );
        }
        slot => {
            let kept = keys.slots.get(&slot).ok_or(NO_REFERENCE)?;
            tlv::push(&mut answer, 0x01, &[kept.algorithm]);
            tlv::push(&mut answer, 0x02, &kept.policies);
            tlv::push(&mut answer, 0x03, &[if kept.generated { 1 } else { 2 }]);
            tlv::push(&mut answer, 0x04, &public(&kept.pair()));
        }
    }
    Ok(answer)
}

fn sign(keys: &Keys, algorithm: u8, slot: u8, data: &[u8], facts: &Facts) -> Answer {
    let kept = keys.slots.get(&slot).ok_or(NO_REFERENCE)?;
    if algorithm != kept.algorithm || algorithm != ED25519 {
        return Err(SYNTAX);
    }
    if kept.policies[0] != NEVER {
        return Err(SECURITY);
    }
    let (tag, mut entries) = tlv::take(&mut &*data).ok_or(SYNTAX)?;
    let (DYNAMIC, Some((RESPONSE, [])), Some((CHALLENGE, message))) =
        (tag, tlv::take(&mut entries), tlv::take(&mut entries))
    else {
        return Err(SYNTAX);
    };
    // Who shows what another device stated does not have its key.
    let pair = match facts.forgery {
        Some(Forgery::Copied) => Kept::new(ED25519, kept.policies, true).ok_or(SYNTAX)?.pair(),
        _ => kept.pair(),
    };
    let signature = pair.sign(message).map_err(|_| SYNTAX)?;
    Ok(dynamic(&[(RESPONSE, &signature)]))
}
