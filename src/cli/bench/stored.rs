//! What passes through a store: a new one on this disk, thrown away afterwards.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anyhow::{Context as _, Result, ensure};

use super::{Row, timed};
use crate::clock::{Clock, SystemClock};
use crate::model::{Actor, ImportState, TokenSerial};
use crate::oath::{Digits, Generator, HashAlg, Kernel, MovingFactor, Otp};
use crate::secret::Seed;
use crate::service::{
    CheckResult, IdentifyRequest, IdentifyResult, ImportRequest, MailMode, Service, StoreMark, WindowSteps,
};
use crate::store::{RedbStore, Store};
use crate::vault::RootKey;

/// A day to either side in steps of 30 s.
const DAY: WindowSteps = WindowSteps { past: 2_880, future: 2_880 };
/// Codes that each caller has checked.
const CHECKS: u32 = 100;

/// A store on disk that is removed when dropped.
struct Scratch {
    dir: PathBuf,
    service: Arc<Service>,
    clock: Arc<SystemClock>,
}

impl Scratch {
    fn new() -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("mintmark-bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let clock = Arc::new(SystemClock::new());
        Self::open(&dir, &clock).inspect_err(|_| drop(std::fs::remove_dir_all(&dir))).map(|service| Self {
            dir,
            service: Arc::new(service),
            clock,
        })
    }

    fn open(dir: &Path, clock: &Arc<SystemClock>) -> Result<Service> {
        let store: Arc<dyn Store> = Arc::new(RedbStore::create(dir)?);
        let root = RootKey::generate()?;
        Service::initialise(&*store, &root, &**clock, StoreMark::default())?;
        let clock: Arc<dyn Clock> = Arc::<SystemClock>::clone(clock);
        Ok(Service::open(store, &root, clock, MailMode::Outbox)?)
    }

    fn import(&self, text: String) -> Result<()> {
        let actor = Actor::local(0);
        let request =
            ImportRequest { commit: true, ..ImportRequest::new("bench.csv", Seed::new(text.into_bytes())) };
        let task = self.service.begin_import(&actor, request)?;
        self.service.run_import(&task);
        let view = self.service.import(&actor, task.import)?;
        let done = matches!(view.import.state, ImportState::Committed { .. });
        ensure!(done, "the file of the bench was not imported: {:?}", view.import.state);
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed from the folder for passing files is removed by the system.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Secrets that differ, from a generator that is no secret.
fn secret(number: u32) -> Vec<u8> {
    let mut state = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x6d69_6e74;
    let mut bytes = Vec::with_capacity(24);
    while bytes.len() < 20 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
    }
    bytes.truncate(20);
    bytes
}

fn generator(number: u32) -> Generator {
    Generator::new(&Seed::new(secret(number)), HashAlg::Sha1)
}

fn serial(number: u32) -> Result<TokenSerial> {
    Ok(TokenSerial::parse(&format!("BENCH-{number:07}"))?)
}

fn file(tokens: u32, kind: &str, last: &str) -> String {
    let mut text = String::with_capacity(usize::try_from(tokens).unwrap_or(0) * 72);
    for number in 0..tokens {
        let hex = data_encoding::HEXLOWER.encode(&secret(number));
        // Writing to a string cannot go wrong.
        let _ = writeln!(text, "BENCH-{number:07},{hex},{kind},6,{last}");
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "a rate is shown with a few digits")]
fn per_second(did: u64, took: std::time::Duration) -> f64 {
    did as f64 / took.as_secs_f64() / 1e6
}

fn row(what: &'static str, kernel: Kernel, m_per_s_core: f64, note: String) -> Row {
    Row { what, hash: HashAlg::Sha1.name(), kernel: kernel.name(), m_per_s_core, bound: None, note }
}

pub(super) fn import(tokens: u32) -> Result<Vec<Row>> {
    let scratch = Scratch::new()?;
    let text = file(tokens, "TOTP", "30");
    let (done, took) = timed(&scratch.clock, || scratch.import(text));
    done?;
    let note = format!("{tokens} lines in {:.2} s, million lines a second", took.as_secs_f64());
    Ok(vec![Row {
        kernel: "",
        hash: "",
        ..row("import", Kernel::Plain, per_second(u64::from(tokens), took), note)
    }])
}

pub(super) fn identify(tokens: u32) -> Result<Vec<Row>> {
    let scratch = Scratch::new()?;
    scratch.import(file(tokens, "TOTP", "30"))?;
    let shows = generator(tokens / 3 * 2);
    let now = u64::try_from(scratch.clock.now().secs()).unwrap_or(0) / 30;
    let there = now - DAY.past / 2;
    let otps: Vec<Otp> = (0..3).map(|ahead| shows.code(MovingFactor(there + ahead), Digits::SIX)).collect();
    let request = IdentifyRequest { otps, batch: None, resource: None, window: Some(DAY) };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let places = u32::try_from(cores.saturating_sub(1).max(1)).unwrap_or(1);
    let (outcome, took) = timed(&scratch.clock, || {
        scratch.service.identify(&Actor::local(0), &request, &AtomicBool::new(false))
    });
    let outcome = outcome?;
    ensure!(
        outcome.result == IdentifyResult::Found && outcome.matches[0].serial == serial(tokens / 3 * 2)?,
        "the token of the bench was not found"
    );
    let note = format!(
        "{tokens} stored tokens over a day to either side in {:.2} s on {places} of {cores} cores",
        took.as_secs_f64()
    );
    Ok(vec![row(
        "identify",
        Kernel::best(HashAlg::Sha1),
        per_second(outcome.evaluated, took) / f64::from(places),
        note,
    )])
}

pub(super) fn check(callers: u32) -> Result<Vec<Row>> {
    let scratch = Scratch::new()?;
    scratch.import(file(callers, "HOTP", "0"))?;
    let accepted = AtomicU64::new(0);
    let caller = |number: u32| -> Result<()> {
        let (shows, serial) = (generator(number), serial(number)?);
        for counter in 0..u64::from(CHECKS) {
            let otp = shows.code(MovingFactor(counter), Digits::SIX);
            if matches!(scratch.service.check(&Actor::local(0), &serial, &otp)?, CheckResult::Accepted { .. })
            {
                accepted.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(())
    };
    let (done, took) = timed(&scratch.clock, || {
        std::thread::scope(|scope| {
            let all: Vec<_> = (0..callers).map(|number| scope.spawn(move || caller(number))).collect();
            all.into_iter().try_for_each(|one| match one.join() {
                Ok(done) => done,
                Err(panic) => std::panic::resume_unwind(panic),
            })
        })
    });
    done?;
    let all = u64::from(callers) * u64::from(CHECKS);
    ensure!(accepted.load(Ordering::Relaxed) == all, "not every code of the bench was accepted");
    let note =
        format!("{callers} callers, each code spent durably before its answer, million checks a second");
    // A window of so few codes is computed one by one.
    Ok(vec![row("check", Kernel::Plain, per_second(all, took), note)])
}
