//! What a reader gives out: records, and where they go.

use std::ops::ControlFlow;

use super::{Note, Position, Problem};
use crate::clock::UnixTime;
use crate::model::{OtpSpec, TokenSerial};
use crate::secret::Seed;

/// A property of a secret that is accepted only when the administrator allows it by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weakness {
    /// 80 to 111 bits.
    ShortSecret,
    /// A published test secret, all bytes equal, or counting bytes.
    TestSecret,
    /// Encrypted without a check value, so nobody can tell whether it was changed.
    NoMac,
}

impl Weakness {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ShortSecret, Self::TestSecret, Self::NoMac];

    /// The name, as in `--allow`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ShortSecret => "short_secret",
            Self::TestSecret => "test_secret",
            Self::NoMac => "no_mac",
        }
    }

    /// The weakness with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|w| w.name() == name)
    }
}

/// One credential of a seed file. The seed is wiped when the record is dropped.
#[derive(Debug)]
pub struct SeedRecord {
    /// Where it stands in the file.
    pub position: Position,
    /// The serial number as given; `SERIAL.2` and so on for further keys of one device.
    pub serial: TokenSerial,
    /// What the token computes.
    pub spec: OtpSpec,
    /// The shared secret, 10 to 128 bytes.
    pub seed: Seed,
    /// Next expected counter of HOTP and OCRA, 0 for TOTP.
    pub counter: u64,
    /// Known drift in steps; positive: the token's clock is fast.
    pub drift_steps: i64,
    /// Who made it, empty when the file does not say.
    pub manufacturer: String,
    /// What model it is, empty when the file does not say.
    pub model: String,
    /// Whose it is, when the file says so.
    pub user_hint: Option<String>,
    /// Not to be used before, by the vendor's policy.
    pub valid_from: Option<UnixTime>,
    /// Not to be used after, by the vendor's policy.
    pub valid_until: Option<UnixTime>,
    /// Weaknesses that it has and that were allowed.
    pub weaknesses: Vec<Weakness>,
}

impl SeedRecord {
    /// True when the vendor's policy ended before `now`. Such a token is imported and marked.
    pub fn is_expired(&self, now: UnixTime) -> bool {
        self.valid_until.is_some_and(|until| until < now)
    }
}

/// Where records and problems go, one after the other. `Break` stops the reading.
pub trait Sink {
    /// Takes one record.
    fn record(&mut self, record: SeedRecord) -> ControlFlow<()>;

    /// Takes one problem.
    fn problem(&mut self, problem: Problem) -> ControlFlow<()>;

    /// Tells how far the reading is, in bytes. Also called now and then while a key is derived.
    fn progress(&mut self, done: u64, total: u64) -> ControlFlow<()> {
        let _ = (done, total);
        ControlFlow::Continue(())
    }
}

/// What was read, after the last record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Name of the format.
    pub format: &'static str,
    /// Name of the envelope or of the protection: `none`, `pskc_key`, `pskc_passphrase`.
    pub envelope: &'static str,
    /// Lines or packages that describe a token, read or rejected. Comments and headers do not count.
    pub lines_total: u64,
    /// What was assumed or left out.
    pub notes: Vec<Note>,
}
