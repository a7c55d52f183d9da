//! A token of Token2 with one profile, as its vendor's firmware answers (token2/openT2OTP, `firmware/src/token2.c`).

use std::sync::Arc;
use std::time::Duration;

use mintmark_engine::clock::{Clock, UnixTime};
use mintmark_engine::oath::{Digits, Generator, HashAlg, Otp, PeriodSecs, time_step};
use mintmark_engine::secret::Seed;
use zeroize::Zeroizing;

use super::received::{Answer, Received};
use super::{Card, Faults};
use crate::applet::token2::cipher::Cipher;
use crate::applet::token2::{DEVICE_KEY, Model, Models};

/// ISO 14443-4 without historical bytes, as a contactless reader puts it (PC/SC part 3 §3.1.3.2.3).
const ATR: &[u8] = &[0x3b, 0x80, 0x80, 0x01, 0x01];

/// The serial number of a token that lies about it.
const WRONG_SERIAL: &str = "86596229999999";

/// The models that are simulated, as their vendor publishes them (`token2/t2nfc_burner`, `Token2Protocol.kt`). A token
/// knows of itself whether it keeps its seed; what the drivers know is told to them.
pub fn models() -> Models {
    let all = [
        ("miniOTP-2-i", "8659600", true),
        ("miniOTP-3-i", "8659601", false),
        ("miniOTP-3-i-NB", "8659609", false),
        ("OTPC-P1-i", "8659612", true),
        ("OTPC-P2-i", "8659622", false),
        ("OTPC-P2-i-NB", "8659621", false),
        ("C301-i", "8659610", false),
        ("C302-i", "8659632", true),
    ];
    Models::new(all.map(|(name, serial_prefix, keeps_seed)| Model {
        name: name.to_owned(),
        serial_prefix: serial_prefix.to_owned(),
        keeps_seed,
    }))
}

/// All that stays without a reader. To be compared: whether a token was changed.
#[derive(Clone)]
pub struct Memory {
    /// What its clock showed, and when by the world's clock that never jumps.
    set: (UnixTime, Duration),
    hash: HashAlg,
    period: PeriodSecs,
    seed: Option<Arc<Seed>>,
}

impl PartialEq for Memory {
    fn eq(&self, other: &Self) -> bool {
        let same_seed = match (&self.seed, &other.seed) {
            (Some(seed), Some(others)) => seed.ct_eq(others),
            (None, None) => true,
            _ => false,
        };
        same_seed && (self.set, self.hash, self.period) == (other.set, other.hash, other.period)
    }
}

/// The simulated token: six digits, and a clock that need not run as fast as that of the world.
pub struct VirtualToken2 {
    serial: String,
    world: Arc<dyn Clock>,
    memory: Memory,
    drift_ppm: i64,
    challenges: u64,
    challenge: Option<[u8; 8]>,
    authenticated: bool,
    /// What goes wrong.
    pub faults: Faults,
}

impl VirtualToken2 {
    /// A new token without a seed, whose clock is right and gains `drift_ppm` microseconds a second. Its model follows
    /// from its serial number.
    pub fn new(serial: &str, world: Arc<dyn Clock>, drift_ppm: i64) -> Self {
        let set = (world.now(), world.monotonic());
        Self {
            serial: serial.to_owned(),
            world,
            memory: Memory { set, hash: HashAlg::Sha1, period: PeriodSecs::DEFAULT, seed: None },
            drift_ppm,
            challenges: 0,
            challenge: None,
            authenticated: false,
            faults: Faults::default(),
        }
    }

    /// Its clock is this many seconds ahead, of what it was so far.
    #[must_use]
    pub fn ahead(mut self, secs: i64) -> Self {
        let (shown, at) = self.memory.set;
        self.memory.set = (shown.plus_secs(secs), at);
        self
    }

    /// What its clock shows now.
    pub fn clock(&self) -> UnixTime {
        let (shown, at) = self.memory.set;
        let passed = self.world.monotonic().saturating_sub(at).as_millis();
        let passed = i64::try_from(passed).unwrap_or(i64::MAX / 2_000_000);
        let gained = passed.saturating_mul(self.drift_ppm) / 1_000_000;
        UnixTime::from_millis(shown.millis().saturating_add(passed).saturating_add(gained))
    }

    /// The code on its display, when it has a seed.
    pub fn shown(&self) -> Option<Otp> {
        let Memory { hash, period, seed, .. } = &self.memory;
        let step = time_step(self.clock(), 0, 0, *period)?;
        Some(Generator::new(seed.as_ref()?, *hash).code(step, Digits::SIX))
    }

    /// All that is kept in it now.
    pub fn memory(&self) -> Memory {
        self.memory.clone()
    }

    /// The next challenge is this one; without it challenges are different ones, and foreseeable.
    pub fn challenge_next(&mut self, challenge: [u8; 8]) {
        self.challenges = u64::from_be_bytes(challenge).wrapping_sub(1);
    }

    fn execute(&mut self, command: &[u8]) -> Vec<u8> {
        let answer = Received::read(command).ok_or(0x6700).and_then(|received| self.obey(&received));
        let (mut response, status) = match answer {
            Ok(data) => (data, 0x9000),
            Err(status) => (Vec::new(), status),
        };
        response.extend(status.to_be_bytes());
        response
    }

    fn obey(&mut self, received: &Received<'_>) -> Answer {
        match (received.class, received.instruction) {
            (0x80, 0x41) => Ok(self.info()),
            (0x80, 0x4b) => {
                self.challenges = self.challenges.wrapping_add(1);
                self.authenticated = false;
                let challenge = self.challenges.to_be_bytes();
                self.challenge = Some(challenge);
                Ok(challenge.to_vec())
            }
            (0x80, 0xce) => {
                let challenge = self.challenge.take().ok_or(0x6983_u16)?;
                self.authenticated = received.data == Cipher::new(DEVICE_KEY).answer(challenge);
                if self.authenticated { Ok(Vec::new()) } else { Err(0x6983) }
            }
            (0x84, 0xd4) => self.configure(self.signed(received)?),
            (0x84, 0xc5) => self.write_seed(self.signed(received)?),
            (0x80 | 0x84, _) => Err(0x6d00),
            _ => Err(0x6e00),
        }
    }

    fn info(&self) -> Vec<u8> {
        let serial = if self.faults.wrong_serial { WRONG_SERIAL } else { &self.serial };
        let length = u8::try_from(serial.len()).unwrap_or(u8::MAX);
        let clock = u32::try_from(self.clock().secs()).unwrap_or(0).to_be_bytes();
        [&[0, 0, 0, length], serial.as_bytes(), &[0, 0], &clock].concat()
    }

    /// The body of a command whose MAC is right.
    fn signed<'a>(&self, received: &Received<'a>) -> Result<&'a [u8], u16> {
        if !self.authenticated {
            return Err(0x6983);
        }
        let (body, mac) = received.data.split_last_chunk::<4>().ok_or(0x6700_u16)?;
        let right = Cipher::new(DEVICE_KEY).mac(received.instruction, received.p1, received.p2, body);
        if *mac == right { Ok(body) } else { Err(0x6983) }
    }

    fn configure(&mut self, body: &[u8]) -> Answer {
        let &[0x81, 0x11, 0x1f, 1, display, 0x0f, 4, a, b, c, d, 0x86, 6, 0x0a, 1, hash, 0x0d, 1, step] =
            body
        else {
            return Err(if body.len() == 19 { 0x6a80 } else { 0x6700 });
        };
        let hash = match hash {
            1 => HashAlg::Sha1,
            2 => HashAlg::Sha256,
            _ => return Err(0x6a80),
        };
        let period = match step {
            0x1e => 30,
            0x3c => 60,
            _ => return Err(0x6a80),
        };
        if display > 3 {
            return Err(0x6a80);
        }
        if self.faults.forgets {
            return Ok(Vec::new());
        }
        self.memory.hash = hash;
        self.memory.period = PeriodSecs::new(period).map_err(|_| 0x6a80_u16)?;
        let secs = u32::from_be_bytes([a, b, c, d]);
        self.memory.set = (UnixTime::from_secs(i64::from(secs)), self.world.monotonic());
        if !models().of_serial(&self.serial).is_some_and(|model| model.keeps_seed) {
            self.memory.seed = None;
        }
        Ok(Vec::new())
    }

    fn write_seed(&mut self, body: &[u8]) -> Answer {
        if !matches!(body.len(), 16 | 32 | 48 | 64) {
            return Err(0x6700);
        }
        let mut seed = Zeroizing::new(body.to_vec());
        Cipher::new(DEVICE_KEY).decrypt(&mut seed);
        let end = seed.iter().rposition(|byte| *byte != 0).filter(|end| *end > 0 && seed[*end] == 0x80);
        let end = end.ok_or(0x6a80_u16)?;
        if !self.faults.forgets {
            self.memory.seed = Some(Arc::new(Seed::new(seed[..end].to_vec())));
        }
        Ok(Vec::new())
    }
}

impl Card for VirtualToken2 {
    fn atr(&self) -> &[u8] {
        ATR
    }

    fn power_on(&mut self) {
        self.challenge = None;
        self.authenticated = false;
        self.faults.power_on();
    }

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let mut faults = self.faults.clone();
        let answer = faults.answer(command, || self.execute(command));
        self.faults = faults;
        answer
    }
}
