//! Token2's programmable tokens with one profile: miniOTP-2 and -3, OTPC-P1 and -P2, C301, C302.
//!
//! Contactless cards (ISO 14443-4 type A) that are spoken to without SELECT and only while their display is on. They
//! make TOTP codes of six digits with a clock of their own. Sources: token2/openT2OTP, `docs/PROTOCOL.md` and
//! `firmware/src/token2.c`; `token2/t2nfc_burner`, `Token2Protocol.kt`; 0xDRRB/totptokutil, `main.c`.
//!
//! The key that these tokens ask for is the same in all of them and public: it keeps nobody away. Whoever has such a
//! token in the hand for a moment can set its clock and its seed.

pub(crate) mod cipher;

use std::sync::Arc;

use mintmark_engine::clock::{Clock, UnixTime};
use mintmark_engine::oath::{Digits, HashAlg, PeriodSecs};
use mintmark_engine::secret::Seed;

use self::cipher::{Cipher, padded};
use crate::apdu::{self, Command, Response, Rest, Status};
use crate::transport::{Transport, TransportError};

/// The key of every device (0xDRRB/totptokutil, `main.c`). Public: it protects nothing.
pub(crate) const DEVICE_KEY: [u8; 16] =
    [0x8a, 0xd2, 0x06, 0x88, 0x3c, 0xa3, 0x69, 0x48, 0x2a, 0xb2, 0x71, 0x82, 0xb6, 0xe8, 0x32, 0x24];

/// Authentication was missing, or answer or MAC are wrong.
const NOT_AUTHENTICATED: Status = Status(0x6983);
/// The longest serial number that is read; real ones have 14 digits.
const LONGEST_SERIAL: usize = 32;
/// The token is asked for its time right after that was set. More than this and it did not take it.
const MOST_OFFSET_SECS: i64 = 2;

/// A model: what its serial numbers begin with, and what it does when its clock is set. Data, because there are more of
/// them from year to year and they differ in nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// What its vendor calls it.
    pub name: String,
    /// How its serial numbers begin.
    pub serial_prefix: String,
    /// True when the seed survives that the clock is set. The others erase it ("restricted time sync").
    pub keeps_seed: bool,
}

/// The models that may be written to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Models(Arc<[Model]>);

impl Models {
    /// These and no others.
    pub fn new(models: impl IntoIterator<Item = Model>) -> Self {
        Self(models.into_iter().collect())
    }

    /// The model of a serial number, when it is a known one; the longest beginning decides.
    pub fn of_serial(&self, serial: &str) -> Option<&Model> {
        let fits = |model: &&Model| serial.starts_with(&model.serial_prefix);
        self.0.iter().filter(fits).max_by_key(|model| model.serial_prefix.len())
    }
}

/// What a token says to anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// As printed on its back.
    pub serial: String,
    /// What its clock shows: whole seconds.
    pub clock: UnixTime,
}

/// What a token is set to beside its seed. There is no way to read it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    hash: u8,
    step: u8,
    display: u8,
}

impl Settings {
    /// SHA-1 or SHA-256, six digits, steps of 30 or 60 s; the display goes off after 15, 30, 60 or 120 s.
    pub fn new(
        hash: HashAlg,
        digits: Digits,
        period: PeriodSecs,
        display_secs: u32,
    ) -> Result<Self, Token2Error> {
        let hash = match hash {
            HashAlg::Sha1 => 1,
            HashAlg::Sha256 => 2,
            HashAlg::Sha512 => return Err(Token2Error::Hash(hash.name())),
        };
        if digits != Digits::SIX {
            return Err(Token2Error::Digits(digits.get()));
        }
        let step = match period.get() {
            30 => 0x1e,
            60 => 0x3c,
            other => return Err(Token2Error::Step(other)),
        };
        let display = match display_secs {
            15 => 0,
            30 => 1,
            60 => 2,
            120 => 3,
            other => return Err(Token2Error::Display(other)),
        };
        Ok(Self { hash, step, display })
    }
}

/// The word of whoever keeps the tokens: the clock of this one may be set, since no code that it showed before passes
/// any more.
///
/// A clock that is set while a server follows it makes codes that were read before come again, or codes that are still
/// to come be read now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cleared {
    serial: String,
}

impl Cleared {
    /// Says it of the token with this serial number.
    pub fn token(serial: &str) -> Self {
        Self { serial: serial.to_owned() }
    }
}

/// What was being done when something went wrong, and so what the token holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Serial number and clock were read; nothing was changed.
    Reading,
    /// The token was asked to be written to; nothing was changed.
    Authenticating,
    /// Settings and time were written.
    Configuring,
    /// The seed was written, after settings and time.
    WritingSeed,
    /// All was written; the clock was read to see.
    ReadingBack,
}

impl Step {
    const fn text(self) -> &'static str {
        match self {
            Self::Reading => "while it was read; nothing was changed",
            Self::Authenticating => "before anything was written; nothing was changed",
            Self::Configuring => "while its time was set; what it holds is not known",
            Self::WritingSeed => "while its seed was written, after its time was set; it may be without one",
            Self::ReadingBack => "after all was written, before its clock was read back",
        }
    }
}

/// What went wrong, and what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Token2Error {
    /// No bytes came back.
    #[error("{source} ({}); programming it again begins anew", step.text())]
    Transport {
        /// While this was done.
        step: Step,
        /// Why.
        source: TransportError,
    },
    /// What is there does not answer as these tokens do.
    #[error(
        "this is no programmable token of Token2 (status {0}); if it is, press its button and lay it on again"
    )]
    OtherToken(Status),
    /// What was read makes no sense.
    #[error("the token sent {0}; take it off, press its button and lay it on again")]
    Unreadable(&'static str),
    /// The serial number is of no known model.
    #[error(
        "token {0} is of no known model and is not written to: a wrong key can lock it for ever; use its vendor's tool"
    )]
    UnknownModel(String),
    /// The public key was not taken. It is not tried again.
    #[error(
        "token {0} does not take the key of its model; do not try again, older ones lock; nothing was changed"
    )]
    KeyRefused(String),
    /// The token refused a command.
    #[error("the token refused with status {status} ({}); programming it again begins anew", step.text())]
    Refused {
        /// While this was done.
        step: Step,
        /// The status word.
        status: Status,
    },
    /// Hashes that the tokens do not know.
    #[error("these tokens make codes with sha1 or sha256, not {0}")]
    Hash(&'static str),
    /// Lengths of codes that they do not show.
    #[error("these tokens show 6 digits, not {0}")]
    Digits(u8),
    /// Steps that they do not know.
    #[error("the steps of these tokens are 30 or 60 seconds, not {0}")]
    Step(i64),
    /// Display times that they do not know.
    #[error("the display of these tokens stays on for 15, 30, 60 or 120 seconds, not {0}")]
    Display(u32),
    /// Seeds that they do not hold.
    #[error("the seeds of these tokens have 1 to 63 bytes, not {0}")]
    SeedLength(usize),
    /// This machine's clock shows a time that four bytes do not hold.
    #[error("the clock of this machine shows {0}, which a token cannot be set to; set the clock first")]
    Time(UnixTime),
    /// Setting the time alone would erase the seed.
    #[error("setting the time of a {0} erases its seed: write its time together with a new seed instead")]
    TimeErasesSeed(String),
    /// Another token lies there than the one that was cleared.
    #[error("token {found} lies on the reader, and token {expected} was to be set; lay that one on")]
    AnotherToken {
        /// The one that was named.
        expected: String,
        /// The one that lies there.
        found: String,
    },
    /// After it was set the clock is wrong.
    #[error(
        "the token's clock is {0} s off after it was set; program it again, and put it aside if that stays so"
    )]
    ClockOff(i64),
}

/// Reads serial number and clock. Changes nothing.
pub fn info() -> Command {
    Command::new(0x80, 0x41, 0x00, 0x00).with_data(&[0x02, 0x11])
}

/// What [`info`] was answered: three bytes, length and ASCII of the serial number, two bytes, seconds since 1970 in
/// four bytes, the highest first.
pub fn parse_info(data: &[u8]) -> Result<Info, Token2Error> {
    let length = usize::from(*data.get(3).ok_or(Token2Error::Unreadable("no serial number"))?);
    let serial = data.get(4..4 + length).ok_or(Token2Error::Unreadable("half a serial number"))?;
    let clock = data.get(6 + length..).and_then(<[u8]>::first_chunk);
    let clock = u32::from_be_bytes(*clock.ok_or(Token2Error::Unreadable("no time"))?);
    if !(1..=LONGEST_SERIAL).contains(&length) || !serial.iter().all(u8::is_ascii_alphanumeric) {
        return Err(Token2Error::Unreadable("a serial number that is none"));
    }
    let serial = serial.iter().copied().map(char::from).collect();
    Ok(Info { serial, clock: UnixTime::from_secs(i64::from(clock)) })
}

/// Asks for the eight bytes that [`authenticate`] answers. Ends what was authenticated before.
pub fn challenge() -> Command {
    Command::new(0x80, 0x4b, 0x08, 0x00).with_data(&[0x00])
}

/// Answers a challenge. A wrong answer may count: on firmware before 2025 the token can lock for ever.
pub fn authenticate(challenge: [u8; 8]) -> Command {
    Command::new(0x80, 0xce, 0x00, 0x00).with_data(&Cipher::new(DEVICE_KEY).answer(challenge))
}

/// Sets everything but the seed, the clock included. On models that do not keep it, erases the seed.
pub fn configure(settings: Settings, now: UnixTime) -> Result<Command, Token2Error> {
    let secs = u32::try_from(now.secs()).map_err(|_| Token2Error::Time(now))?;
    let [a, b, c, d] = secs.to_be_bytes();
    let Settings { hash, step, display } = settings;
    let outer = [0x81, 0x11, 0x1f, 0x01, display, 0x0f, 0x04, a, b, c, d];
    let inner = [0x86, 0x06, 0x0a, 0x01, hash, 0x0d, 0x01, step];
    let mut data = [&outer[..], &inner].concat();
    let mac = Cipher::new(DEVICE_KEY).mac(0xd4, 0x00, 0x00, &data);
    data.extend(mac);
    Ok(Command::new(0x84, 0xd4, 0x00, 0x00).with_data(&data))
}

/// Writes a seed of 1 to 63 bytes.
#[expect(clippy::disallowed_methods, reason = "the seed goes into the token")]
pub fn write_seed(seed: &Seed) -> Result<Command, Token2Error> {
    if !(1..=63).contains(&seed.len()) {
        return Err(Token2Error::SeedLength(seed.len()));
    }
    let cipher = Cipher::new(DEVICE_KEY);
    let mut data = padded(seed.expose());
    cipher.encrypt(&mut data);
    let mac = cipher.mac(0xc5, 0x01, 0x00, &data);
    // Encrypted under a public key, it is as secret as before.
    data.extend(mac);
    Ok(Command::new(0x84, 0xc5, 0x01, 0x00).with_secret(data))
}

/// A token that lies on a reader and has said who it is.
pub struct Token2<'a> {
    transport: &'a mut dyn Transport,
    info: Info,
}

impl<'a> Token2<'a> {
    /// Reads who is there.
    pub fn open(transport: &'a mut dyn Transport) -> Result<Self, Token2Error> {
        let info = read(transport, Step::Reading)?;
        Ok(Self { transport, info })
    }

    /// What it said.
    pub const fn info(&self) -> &Info {
        &self.info
    }

    /// Makes it take what is written; only a model that is known, and once.
    pub fn authenticate(self, models: &Models) -> Result<Open<'a>, Token2Error> {
        let model = models.of_serial(&self.info.serial).cloned();
        let model = model.ok_or_else(|| Token2Error::UnknownModel(self.info.serial.clone()))?;
        let Self { transport, info } = self;
        let step = Step::Authenticating;
        let response = done(step, exchange(transport, step, &challenge())?)?;
        let challenge = response.data.as_slice().try_into();
        let challenge = challenge.map_err(|_| Token2Error::Unreadable("no challenge of 8 bytes"))?;
        let response = exchange(transport, step, &authenticate(challenge))?;
        if response.status == NOT_AUTHENTICATED {
            return Err(Token2Error::KeyRefused(info.serial));
        }
        done(step, response)?;
        Ok(Open { transport, info, model })
    }
}

/// A token that takes what is written.
pub struct Open<'a> {
    transport: &'a mut dyn Transport,
    info: Info,
    model: Model,
}

impl Open<'_> {
    /// Sets the token to `settings`, to the present time and to `seed`, in this order, because many models erase the
    /// seed with the time. Gives what its clock shows afterwards less the time of `clock`: whole seconds, at most two.
    ///
    /// After an error the same can be done again.
    pub fn program(
        &mut self,
        settings: Settings,
        seed: &Seed,
        clock: &dyn Clock,
    ) -> Result<i64, Token2Error> {
        self.write_all(settings, seed, clock)?;
        self.read_back(clock)
    }

    /// [`program`](Self::program) without its look at the token's clock afterwards.
    pub fn write_all(
        &mut self,
        settings: Settings,
        seed: &Seed,
        clock: &dyn Clock,
    ) -> Result<(), Token2Error> {
        let write_seed = write_seed(seed)?;
        self.write(Step::Configuring, &configure(settings, clock.now())?)?;
        self.write(Step::WritingSeed, &write_seed)
    }

    /// Reads the token again, after it was set: the same serial number, and a clock that took the time.
    pub fn read_back(&mut self, clock: &dyn Clock) -> Result<i64, Token2Error> {
        let info = read(self.transport, Step::ReadingBack)?;
        if info.serial != self.info.serial {
            let expected = self.info.serial.clone();
            return Err(Token2Error::AnotherToken { expected, found: info.serial });
        }
        // The token has whole seconds only.
        let offset = info.clock.secs() - clock.now().secs();
        if offset.abs() > MOST_OFFSET_SECS { Err(Token2Error::ClockOff(offset)) } else { Ok(offset) }
    }

    /// Sets the time alone, and with it the settings, which a token has no command to keep. Its seed stays; so this is
    /// refused for models that would erase it, and for every token but the one that was cleared.
    ///
    /// Gives the same as [`Self::program`]. What was learned of the token's clock is void afterwards.
    pub fn set_time(
        &mut self,
        settings: Settings,
        cleared: Cleared,
        clock: &dyn Clock,
    ) -> Result<i64, Token2Error> {
        if cleared.serial != self.info.serial {
            let found = self.info.serial.clone();
            return Err(Token2Error::AnotherToken { expected: cleared.serial, found });
        }
        if !self.model.keeps_seed {
            return Err(Token2Error::TimeErasesSeed(self.model.name.clone()));
        }
        self.write(Step::Configuring, &configure(settings, clock.now())?)?;
        self.read_back(clock)
    }

    fn write(&mut self, step: Step, command: &Command) -> Result<(), Token2Error> {
        done(step, exchange(self.transport, step, command)?).map(drop)
    }
}

fn read(transport: &mut dyn Transport, step: Step) -> Result<Info, Token2Error> {
    let response = exchange(transport, step, &info())?;
    match (response.status, step) {
        (Status::OK, _) => parse_info(&response.data),
        // Nothing in it depends on a state, so whoever refuses it is another token.
        (status, Step::Reading) => Err(Token2Error::OtherToken(status)),
        (status, _) => Err(Token2Error::Refused { step, status }),
    }
}

fn exchange(transport: &mut dyn Transport, step: Step, command: &Command) -> Result<Response, Token2Error> {
    apdu::send(transport, command, Rest::GetResponse)
        .map_err(|source| Token2Error::Transport { step, source })
}

fn done(step: Step, response: Response) -> Result<Response, Token2Error> {
    match response.status {
        Status::OK => Ok(response),
        status => Err(Token2Error::Refused { step, status }),
    }
}

#[cfg(test)]
mod tests;
