//! `otp`: a stand-in for a hardware token. Its codes come from a seed file, never from the store.

#![expect(clippy::disallowed_methods, reason = "a stand-in token shows its codes, that is its purpose")]

use std::ops::{ControlFlow, Range};
use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::output::{Outcome, Output, environment, negative, usage};
use super::secrets;
use crate::clock::{Clock, SystemClock, UnixTime};
use crate::model::{OtpSpec, TokenSerial};
use crate::oath::{
    Digits, Generator, MotpGenerator, MovingFactor, OcraGenerator, OcraInputs, OcraPosition, OcraSuite,
    PinHash, Question, YubicoKey, YubicoPlain, YubicoPublicId, step_start, time_step,
};
use crate::secret::{Pin, SessionData};
use crate::seedfile::{self, Defaults, Problem, ReadOptions, SeedRecord, Sink, Weakness};
use crate::vault::random_bytes;

/// The first touch of a key that was plugged in once.
const FIRST_USE: u64 = 256;
/// Most codes in one call.
const MOST_CODES: u64 = 1_000;

/// What is given beside a seed file.
#[derive(Args, Debug)]
pub(super) struct SeedFileArgs {
    /// Format of the file (see `formats`); without it the content decides
    #[arg(long)]
    pub(super) format: Option<String>,
    /// File that holds the passphrase of a protected seed file
    #[arg(long, value_name = "FILE")]
    pub(super) passphrase_file: Option<PathBuf>,
    /// File that holds the transport key of a protected seed file, hexadecimal or base64
    #[arg(long, value_name = "FILE")]
    pub(super) key_file: Option<PathBuf>,
    /// What holds where the file says nothing: kind, digits, period, hash, encoding, counter, suite
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(super) set: Vec<String>,
}

impl SeedFileArgs {
    /// The fields of `--set`, checked.
    pub(super) fn pairs(&self) -> Result<Vec<(&str, &str)>> {
        let mut defaults = Defaults::default();
        let mut pairs = Vec::new();
        for text in &self.set {
            let (field, value) = text.split_once('=').ok_or_else(|| usage("--set takes FIELD=VALUE"))?;
            defaults.set(field, value).map_err(|error| usage(format!("--set {text}: {error}")))?;
            pairs.push((field.trim(), value.trim()));
        }
        Ok(pairs)
    }
}

/// Computes codes from a seed file
#[derive(Args, Debug)]
pub(super) struct OtpArgs {
    /// The vendor's seed file
    #[arg(long, value_name = "SEEDFILE")]
    file: PathBuf,
    /// Serial number of the token
    serial: String,
    /// The moment, such as 2026-01-31T12:00:00Z; without it now
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// How far the token's clock is ahead; negative: behind
    #[arg(long, value_name = "SECONDS", default_value_t = 0, allow_negative_numbers = true)]
    drift: i64,
    /// The counter of an event token; without it the file's. Of a key with Yubico OTP its use counter times 256, and its
    /// session counter; without it 256
    #[arg(long, value_name = "N")]
    counter: Option<u64>,
    /// What a token with a keypad is asked; several are answered one after another
    #[arg(long, value_name = "C")]
    challenge: Vec<String>,
    /// File that holds the data of the session that asks, in hexadecimal, when the suite takes them; `--set
    /// session_padding=right` or `exact` says how they are filled up
    #[arg(long, value_name = "FILE")]
    session_data_file: Option<PathBuf>,
    /// File that holds the PIN which goes into the responses of such a token, or into the codes of mOTP
    #[arg(long, value_name = "FILE")]
    pin_file: Option<PathBuf>,
    /// How many consecutive codes; of a clock token the last one is the present one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=MOST_CODES))]
    count: u64,
    #[command(flatten)]
    seed_file: SeedFileArgs,
}

/// Keeps the one record that is asked for.
struct Finder {
    wanted: String,
    found: Option<SeedRecord>,
    problem: Option<Problem>,
}

impl Sink for Finder {
    fn record(&mut self, record: SeedRecord) -> ControlFlow<()> {
        if record.serial.normal() == self.wanted {
            self.found = Some(record);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn problem(&mut self, problem: Problem) -> ControlFlow<()> {
        if TokenSerial::normal_form(&problem.serial) == self.wanted {
            self.problem = Some(problem);
        }
        ControlFlow::Continue(())
    }
}

fn find(args: &OtpArgs) -> Result<SeedRecord> {
    let bytes = std::fs::read(&args.file);
    let bytes = zeroize::Zeroizing::new(
        bytes.map_err(|error| environment(format!("{}: {error}", args.file.display())))?,
    );
    let given = &args.seed_file;
    let passphrase = given.passphrase_file.as_deref().map(secrets::passphrase_file).transpose()?;
    let key = match &given.key_file {
        Some(path) => {
            let text = secrets::read_file(path)?;
            let text = String::from_utf8_lossy(&text);
            let key = seedfile::parse_transport_key(&text, None);
            Some(key.map_err(|error| usage(format!("{}: {error}", path.display())))?)
        }
        None => None,
    };
    let mut set = Defaults::default();
    for (field, value) in given.pairs()? {
        set.set(field, value).map_err(|error| usage(error.to_string()))?;
    }
    let options = ReadOptions {
        format: given.format.as_deref(),
        passphrase: passphrase.as_ref(),
        key: key.as_ref(),
        set,
        allow: Weakness::ALL.to_vec(),
    };
    let mut finder = Finder { wanted: TokenSerial::normal_form(&args.serial), found: None, problem: None };
    let read = seedfile::read(&bytes, &options, &mut finder);
    match (finder.found, finder.problem, read) {
        (Some(record), _, _) => Ok(record),
        (None, Some(problem), _) => Err(negative(problem.detail)),
        (None, None, Err(error)) => Err(negative(format!("{}: {error}", args.file.display()))),
        (None, None, Ok(_)) => {
            Err(negative(format!("{} holds no token {}", args.file.display(), args.serial)))
        }
    }
}

/// Runs the command.
pub(super) fn run(args: &OtpArgs, out: &mut Output) -> Result<Outcome> {
    let record = find(args)?;
    let at = match &args.at {
        Some(text) => UnixTime::parse_rfc3339(text)
            .ok_or_else(|| usage("--at takes a time such as 2026-01-31T12:00:00Z"))?,
        None => SystemClock::new().now(),
    };
    if let Some(suite) = record.spec.suite() {
        return responses(args, &record, suite, at, out);
    }
    if let OtpSpec::YubicoOtp { public_id } = &record.spec {
        return touches(args, &record, public_id, at, out);
    }
    if !args.challenge.is_empty() {
        return Err(usage("this token shows codes without a challenge: leave --challenge out"));
    }
    if record.spec == OtpSpec::Motp {
        return app_codes(args, &record, at, out);
    }
    let (hash, digits, factors) = match &record.spec {
        OtpSpec::Totp { hash, digits, period, epoch_secs } => {
            if args.counter.is_some() {
                return Err(usage("this token goes by the clock: --at and --drift set its time"));
            }
            let step = time_step(at, *epoch_secs, args.drift, *period);
            let step = step.ok_or_else(|| usage("the token does not show codes at this time"))?;
            let first = step.0.saturating_sub(args.count - 1);
            let begins = |step| Some(step_start(MovingFactor(step), *epoch_secs, args.drift, *period));
            (*hash, *digits, (first..=step.0).map(|step| (step, begins(step))).collect::<Vec<_>>())
        }
        OtpSpec::Hotp { hash, digits } => {
            let counters = counters_from(args.counter.unwrap_or(record.counter), args.count)?;
            (*hash, *digits, counters.map(|c| (c, None)).collect())
        }
        OtpSpec::Mail { .. }
        | OtpSpec::Ocra { .. }
        | OtpSpec::OcraFilled { .. }
        | OtpSpec::YubicoOtp { .. }
        | OtpSpec::Motp => {
            return Err(usage("codes of mail tokens are mailed; no file has their secrets"));
        }
    };
    let codes = codes(&Generator::new(&record.seed, hash), digits, &factors);
    let value = json!({
        "serial": record.serial.display(),
        "kind": record.spec.kind().name(),
        "codes": factors.iter().zip(&codes).map(|((factor, begins), code)| json!({
            "otp": code,
            "factor": factor,
            "from": begins.map(|at| at.to_string()),
        })).collect::<Vec<_>>(),
    });
    out.answer(&value, |out| codes.iter().try_for_each(|code| out.line(code)))?;
    Ok(Outcome::Done)
}

/// The responses of a token with a keypad, one for each challenge; a counter moves with each of them.
fn responses(
    args: &OtpArgs,
    record: &SeedRecord,
    suite: &OcraSuite,
    at: UnixTime,
    out: &mut Output,
) -> Result<Outcome> {
    if args.challenge.is_empty() {
        return Err(usage("this token answers challenges: give what it is asked as --challenge"));
    }
    if args.counter.is_some() && !suite.has_counter() {
        return Err(usage("this token has no counter"));
    }
    let pin = match (suite.pin_hash(), &args.pin_file) {
        (Some(alg), Some(path)) => {
            let typed = secrets::read_file(path)?;
            Some(PinHash::new(alg, &Pin::new(typed.trim_ascii_end().to_vec())))
        }
        _ => None,
    };
    let session = args.session_data_file.as_deref().map(secrets::hexadecimal_file).transpose()?;
    let session = session.map(|mut bytes| SessionData::new(std::mem::take(&mut *bytes)));
    let inputs =
        OcraInputs { pin: pin.as_ref(), session: session.as_ref().zip(record.spec.session_padding()) };
    let step = match suite.period() {
        Some(period) => time_step(at, 0, args.drift, period)
            .ok_or_else(|| usage("the token does not show codes at this time"))?,
        None => MovingFactor(0),
    };
    let first = if suite.has_counter() { args.counter.unwrap_or(record.counter) } else { 0 };
    let counters = counters_from(first, args.challenge.len() as u64)?;
    let mut answers = Vec::with_capacity(args.challenge.len());
    for (text, moving) in args.challenge.iter().zip(counters) {
        let counter = if suite.has_counter() { moving } else { 0 };
        let question = Question::new(suite, text).map_err(|error| usage(format!("{text}: {error}")))?;
        let generator = OcraGenerator::new(&record.seed, suite, &question, &inputs)
            .map_err(|error| usage(error.to_string()))?;
        let at = OcraPosition { counter: MovingFactor(counter), step };
        answers.push((text, counter, generator.response(at)));
    }
    let value = json!({
        "serial": record.serial.display(),
        "kind": record.spec.kind().name(),
        "codes": answers.iter().map(|(text, counter, code)| json!({
            "otp": code.as_str(),
            "challenge": text,
            "factor": if suite.has_counter() { *counter } else { step.0 },
        })).collect::<Vec<_>>(),
    });
    out.answer(&value, |out| answers.iter().try_for_each(|(_, _, code)| out.line(code.as_str())))?;
    Ok(Outcome::Done)
}

/// What an app shows when this PIN is typed into it.
fn app_codes(args: &OtpArgs, record: &SeedRecord, at: UnixTime, out: &mut Output) -> Result<Outcome> {
    let path = args.pin_file.as_ref().ok_or_else(|| {
        usage("a PIN goes into the codes of this token: give the file that holds it as --pin-file")
    })?;
    if args.counter.is_some() {
        return Err(usage("this token goes by the clock: --at and --drift set its time"));
    }
    let typed = secrets::read_file(path)?;
    let app = MotpGenerator::new(&record.seed, &Pin::new(typed.trim_ascii_end().to_vec()));
    let period = MotpGenerator::PERIOD;
    let step = time_step(at, 0, args.drift, period);
    let step = step.ok_or_else(|| usage("the token does not show codes at this time"))?;
    let steps = step.0.saturating_sub(args.count - 1)..=step.0;
    let shown: Vec<_> = steps.map(|step| (step, app.shown(MovingFactor(step)))).collect();
    let value = json!({
        "serial": record.serial.display(),
        "kind": record.spec.kind().name(),
        "codes": shown.iter().map(|(step, code)| json!({
            "otp": code.as_str(),
            "factor": step,
            "from": step_start(MovingFactor(*step), 0, args.drift, period).to_string(),
        })).collect::<Vec<_>>(),
    });
    out.answer(&value, |out| shown.iter().try_for_each(|(_, code)| out.line(code.as_str())))?;
    Ok(Outcome::Done)
}

/// What a key types when it is touched so many times.
fn touches(
    args: &OtpArgs,
    record: &SeedRecord,
    public_id: &YubicoPublicId,
    at: UnixTime,
    out: &mut Output,
) -> Result<Outcome> {
    if !args.challenge.is_empty() {
        return Err(usage("this key types codes without a challenge: leave --challenge out"));
    }
    let key =
        YubicoKey::from_kept(&record.seed).ok_or_else(|| negative("the secret of this key is not whole"))?;
    let first = args.counter.unwrap_or(FIRST_USE);
    let mut typed = Vec::new();
    for position in counters_from(first, args.count)? {
        // A key counts eighths of a second since it was plugged in, and puts a random number beside them.
        let timestamp = u32::try_from(at.secs().rem_euclid(1 << 21) << 3).unwrap_or(0);
        let plain = YubicoPlain::at(MovingFactor(position), timestamp)
            .ok_or_else(|| usage("a key counts 32767 uses with 256 touches each: --counter is too large"))?;
        let [low, high] = random_bytes::<2>().map_err(|error| environment(error.to_string()))?;
        typed.push((position, key.typed(public_id, &plain, u16::from_le_bytes([low, high]))));
    }
    let value = json!({
        "serial": record.serial.display(),
        "kind": record.spec.kind().name(),
        "codes": typed.iter().map(|(position, code)| json!({
            "otp": code.as_str(),
            "factor": position,
        })).collect::<Vec<_>>(),
    });
    out.answer(&value, |out| typed.iter().try_for_each(|(_, code)| out.line(code.as_str())))?;
    Ok(Outcome::Done)
}

/// So many counters; each leaves one behind it, as a token moves on to the next with each code.
fn counters_from(first: u64, count: u64) -> Result<Range<u64>> {
    let end = first.checked_add(count).ok_or_else(|| {
        usage(format!("the counter ends at {}: there are no {count} codes from {first} on", u64::MAX))
    })?;
    Ok(first..end)
}

fn codes(generator: &Generator, digits: Digits, factors: &[(u64, Option<UnixTime>)]) -> Vec<String> {
    let shown = |(factor, _): &(u64, _)| {
        String::from_utf8_lossy(generator.code(MovingFactor(*factor), digits).expose()).into_owned()
    };
    factors.iter().map(shown).collect()
}
