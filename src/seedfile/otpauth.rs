//! `otpauth://` URIs, one on a line (Key URI format; OCRA in the two spellings seen in the wild).

use percent_encoding::percent_decode_str;
use zeroize::Zeroizing;

use super::encoding::SecretEncoding;
use super::output::{self, Draft, Output};
use super::probe::Probe;
use super::problem::{Fault, FileError, Position, ProblemCode};
use super::table::MOST_FIELD_BYTES;
use super::text::Lines;
use super::values;
use super::{Defaults, ReadOptions};
use crate::model::OtpSpec;
use crate::oath::{HashAlg, PeriodSecs};

pub(super) const SCHEME: &str = "otpauth://";

pub(super) fn has_scheme(line: &str, scheme: &str) -> bool {
    line.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme))
}

pub(super) fn detect(probe: &Probe<'_>) -> bool {
    probe.lines.iter().any(|line| has_scheme(line.trim_start(), SCHEME))
}

/// The export of Google Authenticator.
pub(super) fn is_migration(probe: &Probe<'_>) -> bool {
    probe.lines.first().is_some_and(|line| has_scheme(line.trim_start(), "otpauth-migration://"))
}

pub(super) fn read(
    probe: &Probe<'_>,
    options: &ReadOptions<'_>,
    out: &mut Output<'_>,
) -> Result<&'static str, FileError> {
    for line in Lines::new(probe.text).filter(|l| !l.is_void()) {
        let mut serial = String::new();
        match row(line.text, line.number, &mut serial, &options.set, out) {
            Ok(draft) => out.draft(draft)?,
            Err(fault) => out.fault(line.number, &serial, &fault)?,
        }
        out.progress(line.end)?;
    }
    Ok("none")
}

/// A decoded part of a URI and the character at which it begins.
struct Part {
    text: Zeroizing<String>,
    column: u64,
}

/// The parameters that matter, each at most once.
#[derive(Default)]
struct Parameters {
    secret: Option<Part>,
    algorithm: Option<Part>,
    digits: Option<Part>,
    period: Option<Part>,
    counter: Option<Part>,
    suite: Option<Part>,
    serial: Option<Part>,
    unknown: bool,
}

/// Undoes percent encoding; in queries `+` is a blank.
fn decoded(text: &str, column: u64) -> Result<Part, Fault> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    bytes.extend(percent_decode_str(text));
    let plain = std::str::from_utf8(&bytes).map_err(|_| {
        let what = "the percent signs in this part do not give text. Ask the vendor for this line again.";
        Fault::new(ProblemCode::EncodingNotUtf8, column, what)
    })?;
    let mut kept = Zeroizing::new(String::with_capacity(plain.len()));
    kept.push_str(plain.trim());
    Ok(Part { text: kept, column })
}

impl Parameters {
    fn of(query: &str, mut column: u64) -> Result<Self, Fault> {
        let mut found = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value_at = column + name.chars().count() as u64 + 1;
            column += pair.chars().count() as u64 + 1;
            let place = match name.trim().to_ascii_lowercase().as_str() {
                "secret" => &mut found.secret,
                "algorithm" => &mut found.algorithm,
                "digits" => &mut found.digits,
                "period" => &mut found.period,
                "counter" => &mut found.counter,
                "ocrasuite" | "suite" => &mut found.suite,
                "serial" => &mut found.serial,
                "issuer" | "" => continue,
                _ => {
                    found.unknown = true;
                    continue;
                }
            };
            let value = Zeroizing::new(value.replace('+', " "));
            if place.replace(decoded(&value, value_at)?).is_some() {
                let what = "this parameter stands twice in the line. Ask the vendor which one counts.";
                return Err(Fault::new(ProblemCode::ColumnExtra, value_at, what));
            }
        }
        Ok(found)
    }
}

fn row(
    whole: &str,
    number: u64,
    shown: &mut String,
    set: &Defaults,
    out: &mut Output<'_>,
) -> Result<Draft, Fault> {
    let line = whole.trim();
    let indent = (whole.chars().count() - whole.trim_start().chars().count()) as u64;
    if line.len() > MOST_FIELD_BYTES {
        let what = "the line is longer than 4 KiB. Ask the vendor for this line again.";
        return Err(Fault::new(ProblemCode::LimitExceeded, 0, what));
    }
    if !has_scheme(line, SCHEME) {
        let what = "the line does not begin with otpauth://. Put one URI on each line.";
        return Err(Fault::new(ProblemCode::FormatUnknown, indent + 1, what));
    }
    let rest = &line[SCHEME.len()..];
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (kind, label) = path.split_once('/').unwrap_or((path, ""));
    let kind_at = indent + SCHEME.len() as u64 + 1;
    let label_at = kind_at + kind.chars().count() as u64 + 1;
    let query_at = kind_at + path.chars().count() as u64 + 1;
    let found = Parameters::of(query, query_at)?;

    let label = decoded(label, label_at)?;
    let account = label.text.rsplit_once(':').map_or(label.text.as_str(), |(_, account)| account).trim();
    let serial = match &found.serial {
        Some(part) => output::serial(&part.text, part.column)?,
        None => output::serial(account, label_at)?,
    };
    serial.display().clone_into(shown);
    let position = Position::new(number, 0);
    let Some(secret) = found.secret.as_ref().filter(|s| !s.text.is_empty()) else {
        let what = "there is no secret. Ask the vendor for this token again.";
        return Err(Fault::new(ProblemCode::SecretMissing, query_at, what));
    };
    let (spec, counter) = Spec { kind, kind_at, query_at, found: &found, set }.read(position, out)?;
    let secret_at = Position::new(number, secret.column);
    let bytes = if spec == OtpSpec::Motp {
        output::text_secret(&secret.text, secret_at, out)?
    } else {
        output::secret(&secret.text, SecretEncoding::Base32, secret_at, out)?
    };
    if found.unknown {
        let text = "The URI has parameters that are not used here, such as a picture; they were left out";
        out.note(ProblemCode::ContentIgnored, text, position);
    }
    if found.serial.is_none() {
        let text = "The URI has no serial number; the account name behind the colon was taken in its place";
        out.note(ProblemCode::SerialAssumed, text, position);
    }
    let user = found.serial.is_some() && !account.is_empty();
    let draft = Draft::new(position, serial, spec, bytes, secret_at);
    Ok(Draft { counter, user_hint: user.then(|| account.to_owned()), ..draft })
}

/// What the URI says about the code.
struct Spec<'a> {
    kind: &'a str,
    kind_at: u64,
    query_at: u64,
    found: &'a Parameters,
    set: &'a Defaults,
}

impl Spec<'_> {
    fn read(&self, position: Position, out: &mut Output<'_>) -> Result<(OtpSpec, u64), Fault> {
        let text = |part: &Option<Part>| part.as_ref().map_or("", |p| p.text.as_str()).to_owned();
        let at = |part: &Option<Part>| part.as_ref().map_or(self.query_at, |p| p.column);
        let Parameters { algorithm, digits, period, counter, suite, .. } = self.found;
        let next = |out: &mut Output<'_>| match text(counter).as_str() {
            "" => {
                if self.set.counter.is_none() {
                    let text = "The URI has no counter; 0 was assumed";
                    out.note(ProblemCode::CounterAssumed, text, position);
                }
                Ok(self.set.counter.unwrap_or(0))
            }
            number => values::counter_from(number).map_err(|f| f.at(at(counter))),
        };
        if self.kind.eq_ignore_ascii_case("ocra") {
            let suite = values::suite(&text(suite), self.set).map_err(|f| f.at(at(suite)))?;
            let counter = if counter.is_some() { next(out)? } else { self.set.counter.unwrap_or(0) };
            return Ok((OtpSpec::ocra(suite, self.set.session_padding.unwrap_or_default()), counter));
        }
        if self.kind.eq_ignore_ascii_case("motp") {
            values::motp_numbers(&text(digits), &text(period)).map_err(|fault| {
                let column = if fault.column == 0 { at(digits) } else { at(period) };
                fault.at(column)
            })?;
            return Ok((OtpSpec::Motp, 0));
        }
        let hash = match text(algorithm).as_str() {
            "" => self.set.hash.unwrap_or(HashAlg::Sha1),
            name => values::hash(name).map_err(|f| f.at(at(algorithm)))?,
        };
        let digits = values::digits(&text(digits), self.set).map_err(|f| f.at(at(digits)))?;
        if self.kind.eq_ignore_ascii_case("totp") {
            let period = match text(period).as_str() {
                "" => self.set.period.unwrap_or(PeriodSecs::DEFAULT),
                secs => values::period(secs).map_err(|f| f.at(at(period)))?,
            };
            Ok((OtpSpec::Totp { hash, digits, period, epoch_secs: 0 }, 0))
        } else if self.kind.eq_ignore_ascii_case("hotp") {
            Ok((OtpSpec::Hotp { hash, digits }, next(out)?))
        } else {
            let what = "only otpauth://totp, otpauth://hotp, otpauth://ocra and otpauth://motp can be imported. Leave this line out.";
            Err(Fault::new(ProblemCode::KindUnknown, self.kind_at, what))
        }
    }
}
