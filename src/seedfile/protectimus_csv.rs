//! The CSV of Protectimus: `serialNumber,secret`. What the tokens compute is not in the file.

use super::encoding::SecretEncoding;
use super::output::{self, Draft, Output};
use super::probe::Probe;
use super::problem::{Fault, FileError, KEYS_HAVE_MORE, MAIL_IS_MADE_HERE, Position, ProblemCode};
use super::table::{self, Columns, Field};
use super::{Defaults, ReadOptions};
use super::{oath_csv, values};
use crate::model::{OtpSpec, TokenKind};
use crate::oath::{Digits, PeriodSecs};

pub(super) fn detect(probe: &Probe<'_>) -> bool {
    let mut fields = Vec::new();
    probe.lines.first().is_some_and(|line| {
        table::split(line, table::delimiter(&probe.lines), &mut fields).is_ok()
            && fields.len() == 2
            && table::plain_name(fields[0].as_str()) == "serialnumber"
            && table::plain_name(fields[1].as_str()) == "secret"
    })
}

pub(super) fn read(
    probe: &Probe<'_>,
    options: &ReadOptions<'_>,
    out: &mut Output<'_>,
) -> Result<&'static str, FileError> {
    let Some(kind) = options.set.kind else {
        return Err(FileError::SettingNeeded {
            field: "kind",
            code: ProblemCode::KindUnknown,
            advice: "This file does not say what its tokens compute. Set kind=totp (6 digits every 30 s; with digits=8 or period=60 where the model differs) or kind=hotp.",
        });
    };
    let delimiter = table::delimiter(&probe.lines);
    let mut fields = Vec::new();
    // The header may be missing: then the second field of the first line is a secret.
    let header = probe.lines.first().is_some_and(|line| {
        table::split(line, delimiter, &mut fields).is_ok()
            && fields.len() >= 2
            && oath_csv::is_header(fields[0].as_str(), fields[1].as_str())
    });
    let columns = Columns { serial: 0, secret: 1, kind: None };
    let survey = table::survey(table::data_lines(probe.text, header), delimiter, columns, out)?;
    let written = match options.set.encoding {
        Some(encoding) => encoding,
        // Used as text.
        None if kind == TokenKind::Motp => SecretEncoding::Hex,
        None => survey.vote.decide(SecretEncoding::Base32)?,
    };
    let lines = table::data_lines(probe.text, header);
    table::rows(
        lines,
        delimiter,
        out,
        |fields| table::serial_of(fields, columns),
        |line, fields, out| row(kind, written, line, fields, &options.set, out),
    )?;
    Ok("none")
}

fn row(
    kind: TokenKind,
    written: SecretEncoding,
    line: u64,
    fields: &[Field<'_>],
    set: &Defaults,
    out: &mut Output<'_>,
) -> Result<Draft, Fault> {
    let field = |index: usize| fields.get(index).map_or("", Field::as_str);
    let serial = output::serial(field(0), 1)?;
    if field(1).is_empty() {
        let what = "there is no secret. Ask the vendor for this token again.";
        return Err(Fault::new(ProblemCode::SecretMissing, 2, what));
    }
    if fields.len() > 2 {
        let what = "there is more in this line than serial and secret. Check that this is the vendor's original file.";
        return Err(Fault::new(ProblemCode::ColumnExtra, 3, what));
    }
    let secret_at = Position::new(line, 2);
    let secret = if kind == TokenKind::Motp {
        output::text_secret(field(1), secret_at, out)?
    } else {
        output::secret(field(1), written, secret_at, out)?
    };
    let digits = set.digits.unwrap_or(Digits::SIX);
    let spec = match kind {
        TokenKind::Totp => OtpSpec::Totp {
            hash: out.hash_by_length(set.hash, secret.len(), secret_at),
            digits,
            period: set.period.unwrap_or(PeriodSecs::DEFAULT),
            epoch_secs: 0,
        },
        TokenKind::Hotp => {
            OtpSpec::Hotp { hash: out.hash_by_length(set.hash, secret.len(), secret_at), digits }
        }
        TokenKind::Motp => OtpSpec::Motp,
        TokenKind::Ocra => OtpSpec::ocra(values::suite("", set)?, set.session_padding.unwrap_or_default()),
        TokenKind::Mail => return Err(Fault::new(ProblemCode::KindUnknown, 1, MAIL_IS_MADE_HERE)),
        TokenKind::YubicoOtp => return Err(Fault::new(ProblemCode::KindUnknown, 1, KEYS_HAVE_MORE)),
    };
    let counter =
        if matches!(kind, TokenKind::Totp | TokenKind::Motp) { 0 } else { set.counter.unwrap_or(0) };
    let draft = Draft::new(Position::new(line, 0), serial, spec, secret, secret_at);
    Ok(Draft { counter, manufacturer: "Protectimus".to_owned(), ..draft })
}
