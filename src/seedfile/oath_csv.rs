//! OATH CSV: serial, secret, kind, digits, counter or step, hash. No header.
//!
//! One reader for its dialects: privacyIDEA (version 2 has user, resolver and realm in front),
//! `LinOTP` (hash in the sixth column), `NetIQ` (kind, digits and step optional).

use super::encoding::{self, SecretEncoding};
use super::output::{self, Draft, Output};
use super::probe::{Needs, Probe};
use super::problem::{Fault, FileError, KEYS_HAVE_MORE, Position, ProblemCode};
use super::table::{self, Columns, Field};
use super::{Defaults, ReadOptions, values};
use crate::model::{OtpSpec, TokenKind};
use crate::oath::PeriodSecs;

const KINDS: [&str; 5] = ["hotp", "totp", "ocra", "ocra2", MOTP];
const MOTP: &str = "motp";
/// Kinds that other products write and that are no OATH tokens.
const FOREIGN_KINDS: [&str; 5] = ["tan", "yubico", "yubicootp", "spass", "dpw"];

/// Columns in front of the serial number: user, resolver and realm in version 2.
fn shift(probe: &Probe<'_>) -> usize {
    if is_version_2(probe.first) { 3 } else { 0 }
}

fn is_version_2(first: &str) -> bool {
    first.strip_prefix('#').is_some_and(|rest| table::plain_name(rest) == "version:2")
}

fn is_kind(text: &str) -> bool {
    KINDS.iter().chain(&FOREIGN_KINDS).any(|k| text.eq_ignore_ascii_case(k))
}

/// Enough of the first lines name a kind in the third column, or are pairs of serial and secret.
pub(super) fn detect(probe: &Probe<'_>) -> bool {
    if is_version_2(probe.first) {
        return true;
    }
    let delimiter = table::delimiter(&probe.lines);
    let (mut fields, mut named, mut pairs) = (Vec::new(), 0, 0);
    for line in &probe.lines {
        if table::split(line, delimiter, &mut fields).is_err() || fields.len() < 2 {
            continue;
        }
        let third = fields.get(2).map_or("", Field::as_str);
        if is_kind(third) {
            named += 1;
        } else if third.is_empty() && looks_like_secret(fields[1].as_str()) {
            pairs += 1;
        }
    }
    named > 0 || (pairs > 0 && pairs * 2 >= probe.lines.len())
}

/// Long enough for a secret and readable as one.
pub(super) fn looks_like_secret(text: &str) -> bool {
    text.len() >= 16 && [SecretEncoding::Hex, SecretEncoding::Base32].iter().any(|e| encoding::fits(text, *e))
}

pub(super) fn needs(probe: &Probe<'_>) -> Needs {
    let (delimiter, third) = (table::delimiter(&probe.lines), shift(probe) + 2);
    let mut fields = Vec::new();
    let named = probe.lines.iter().any(|line| {
        table::split(line, delimiter, &mut fields).is_ok()
            && fields.get(third).is_some_and(|f| !f.as_str().is_empty())
    });
    if named { Needs::default() } else { Needs { asks: vec!["kind"], ..Needs::default() } }
}

/// A header in a format that has none must not become a token called "serial".
pub(super) fn is_header(serial: &str, secret: &str) -> bool {
    let (serial, secret) = (table::plain_name(serial), table::plain_name(secret));
    matches!(
        serial.as_str(),
        "serial" | "serialnumber" | "serialno" | "serialnr" | "tokenserial" | "token" | "tokenid" | "sn"
    ) && matches!(
        secret.as_str(),
        "secret" | "secretkey" | "seed" | "key" | "otpkey" | "hexkey" | "seedhex" | "secrethex" | "seedkey"
    )
}

pub(super) fn read(
    probe: &Probe<'_>,
    options: &ReadOptions<'_>,
    out: &mut Output<'_>,
) -> Result<&'static str, FileError> {
    let shift = shift(probe);
    let delimiter = table::delimiter(&probe.lines);
    let mut fields = Vec::new();
    let header = probe.lines.first().is_some_and(|line| {
        table::split(line, delimiter, &mut fields).is_ok()
            && fields.len() > shift + 1
            && is_header(fields[shift].as_str(), fields[shift + 1].as_str())
    });
    let columns = Columns { serial: shift, secret: shift + 1, kind: Some(shift + 2) };
    // Secrets of mOTP are text: how they look says nothing of the others.
    let survey = table::survey(table::data_lines(probe.text, header), delimiter, columns, out)?;
    if survey.kinds == 0 && survey.rows > 0 && options.set.kind.is_none() {
        return Err(FileError::SettingNeeded {
            field: "kind",
            code: ProblemCode::KindUnknown,
            advice: "This file does not say what its tokens compute. Set kind=totp for tokens that change their code with time, kind=hotp for tokens with a button.",
        });
    }
    let written = match options.set.encoding {
        Some(encoding) => encoding,
        None if survey.vote_is_empty() => SecretEncoding::Hex,
        None => survey.vote.decide(SecretEncoding::Hex)?,
    };
    if written != SecretEncoding::Hex && options.set.encoding.is_none() {
        let text = match written {
            SecretEncoding::Base64 => {
                "The secrets are base64 and not hexadecimal, as is usual in this format; they were read as base64"
            }
            _ => {
                "The secrets are base32 and not hexadecimal, as is usual in this format; they were read as base32"
            }
        };
        out.note(ProblemCode::SecretEncoding, text, Position::FILE);
    }
    let reader = Reader { shift, written, set: &options.set };
    let lines = table::data_lines(probe.text, header);
    table::rows(
        lines,
        delimiter,
        out,
        |fields| table::serial_of(fields, columns),
        |line, fields, out| reader.row(line, fields, out),
    )?;
    Ok("none")
}

struct Reader<'a> {
    shift: usize,
    written: SecretEncoding,
    set: &'a Defaults,
}

impl Reader<'_> {
    fn row(&self, line: u64, fields: &[Field<'_>], out: &mut Output<'_>) -> Result<Draft, Fault> {
        let field = |index: usize| fields.get(self.shift + index).map_or("", Field::as_str);
        let column = |index: usize| (self.shift + index) as u64 + 1;
        let serial = output::serial(field(0), column(0))?;
        if field(1).is_empty() {
            let what = "there is no secret. Ask the vendor for this token again.";
            return Err(Fault::new(ProblemCode::SecretMissing, column(1), what));
        }
        let kind = self.kind(field(2)).map_err(|f| f.at(column(2)))?;
        let secret_at = Position::new(line, column(1));
        let secret = if kind == TokenKind::Motp {
            output::text_secret(field(1), secret_at, out)?
        } else {
            output::secret(field(1), self.written, secret_at, out)?
        };
        let mut counter = 0;
        let (spec, used) = if kind == TokenKind::Motp {
            values::motp_numbers(field(3), field(4)).map_err(|fault| {
                let at = column(3) + fault.column;
                fault.at(at)
            })?;
            (OtpSpec::Motp, 5)
        } else if kind == TokenKind::Ocra {
            let suite = values::suite(field(3), self.set).map_err(|f| f.at(column(3)))?;
            counter = self.set.counter.unwrap_or(0);
            (OtpSpec::ocra(suite, self.set.session_padding.unwrap_or_default()), 4)
        } else {
            let digits = values::digits(field(3), self.set).map_err(|f| f.at(column(3)))?;
            let hash = match field(5) {
                "" => out.hash_by_length(self.set.hash, secret.len(), secret_at),
                name => values::hash(name).map_err(|f| f.at(column(5)))?,
            };
            let spec = if kind == TokenKind::Hotp {
                counter = match field(4) {
                    "" => self.set.counter.unwrap_or(0),
                    text => values::counter_from(text).map_err(|f| f.at(column(4)))?,
                };
                OtpSpec::Hotp { hash, digits }
            } else {
                let period = match field(4) {
                    "" => self.set.period.unwrap_or(PeriodSecs::DEFAULT),
                    text => values::period(text).map_err(|f| f.at(column(4)))?,
                };
                OtpSpec::Totp { hash, digits, period, epoch_secs: 0 }
            };
            (spec, 6)
        };
        if let Some(extra) = (used..fields.len().saturating_sub(self.shift)).find(|i| !field(*i).is_empty()) {
            let what = "there is more in this line than serial, secret, kind, digits, counter or step, and hash. Check that the columns are in order.";
            return Err(Fault::new(ProblemCode::ColumnExtra, column(extra), what));
        }
        let owner = if self.shift > 0 { fields.first().map_or("", Field::as_str) } else { "" };
        let draft = Draft::new(Position::new(line, 0), serial, spec, secret, secret_at);
        Ok(Draft { counter, user_hint: (!owner.is_empty()).then(|| owner.to_owned()), ..draft })
    }

    fn kind(&self, text: &str) -> Result<TokenKind, Fault> {
        let fault = |what: &str| Err(Fault::new(ProblemCode::KindUnknown, 0, what));
        if text.is_empty() {
            return match self.set.kind {
                Some(TokenKind::YubicoOtp) => fault(KEYS_HAVE_MORE),
                Some(kind) => Ok(kind),
                None => fault(
                    "the line does not say what the token computes. Write hotp, totp, ocra or motp there, or set kind.",
                ),
            };
        }
        if text.eq_ignore_ascii_case("hotp") {
            Ok(TokenKind::Hotp)
        } else if text.eq_ignore_ascii_case("totp") {
            Ok(TokenKind::Totp)
        } else if text.eq_ignore_ascii_case(MOTP) {
            Ok(TokenKind::Motp)
        } else if KINDS[2..].iter().any(|k| text.eq_ignore_ascii_case(k)) {
            Ok(TokenKind::Ocra)
        } else if text.to_ascii_lowercase().starts_with("yubico") {
            fault(KEYS_HAVE_MORE)
        } else if is_kind(text) {
            fault(
                "tokens of this kind are no OATH tokens and cannot be imported; hotp, totp, ocra and motp can. Leave this line out.",
            )
        } else {
            fault(
                "hotp, totp, ocra or motp is expected here. Check that the columns are in order: serial, secret, kind.",
            )
        }
    }
}
