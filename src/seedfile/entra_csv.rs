//! The CSV that Microsoft Entra ID takes, and its relatives without the `upn` column.
//!
//! The header is required and decides which column is which. TOTP, SHA-1, six digits by definition.

use super::encoding::SecretEncoding;
use super::output::{self, Draft, Output};
use super::probe::{Needs, Probe};
use super::problem::{Fault, FileError, Position, ProblemCode};
use super::table::{self, Columns, Field};
use super::values;
use super::{Defaults, ReadOptions};
use crate::model::OtpSpec;
use crate::oath::{Digits, HashAlg};

/// The columns by position, from the header.
#[derive(Default)]
struct Header {
    len: usize,
    upn: Option<usize>,
    serial: Option<usize>,
    secret: Option<usize>,
    interval: Option<usize>,
    manufacturer: Option<usize>,
    model: Option<usize>,
    unknown: bool,
    /// A column that names an error.
    error: bool,
    twice: bool,
}

impl Header {
    fn of(probe: &Probe<'_>) -> (u8, Self) {
        let delimiter = table::delimiter(&probe.lines);
        let (mut header, mut fields) = (Self::default(), Vec::new());
        let Some(line) = probe.lines.first() else { return (delimiter, header) };
        if table::split(line, delimiter, &mut fields).is_err() {
            return (delimiter, header);
        }
        header.len = fields.len();
        for (index, field) in fields.iter().enumerate() {
            let name = table::plain_name(field.as_str());
            let place = match name.as_str() {
                "upn" | "userprincipalname" | "username" => &mut header.upn,
                "serialnumber" | "serialno" => &mut header.serial,
                "secretkey" => &mut header.secret,
                "timeinterval" | "timeintervalinseconds" => &mut header.interval,
                "manufacturer" => &mut header.manufacturer,
                "model" => &mut header.model,
                other => {
                    header.error |=
                        ["error", "reason", "failure", "message", "status"].iter().any(|w| other.contains(w));
                    header.unknown |= !other.is_empty();
                    continue;
                }
            };
            header.twice |= place.replace(index).is_some();
        }
        (delimiter, header)
    }
}

pub(super) fn detect(probe: &Probe<'_>) -> bool {
    let (_, header) = Header::of(probe);
    header.serial.is_some() && header.secret.is_some()
}

/// Entra's answer to a faulty upload is a CSV again, with a serial and an error but no secret.
pub(super) fn is_error_report(probe: &Probe<'_>) -> bool {
    let (_, header) = Header::of(probe);
    header.serial.is_some() && header.error && header.secret.is_none()
}

pub(super) fn needs(probe: &Probe<'_>) -> Needs {
    let (_, header) = Header::of(probe);
    let asks = if header.interval.is_none() { vec!["period"] } else { Vec::new() };
    Needs { asks, ..Needs::default() }
}

pub(super) fn read(
    probe: &Probe<'_>,
    options: &ReadOptions<'_>,
    out: &mut Output<'_>,
) -> Result<&'static str, FileError> {
    let (delimiter, header) = Header::of(probe);
    let (Some(serial), Some(secret)) = (header.serial, header.secret) else {
        let what = "the header must name the columns \u{201c}serial number\u{201d} and \u{201c}secret key\u{201d}. Take the vendor's original file, or choose another format.";
        return Err(FileError::at(Position::FILE, ProblemCode::ColumnMissing, what));
    };
    if header.twice {
        let what = "the header names a column twice. Take the vendor's original file.";
        return Err(FileError::at(Position::FILE, ProblemCode::ColumnExtra, what));
    }
    if header.interval.is_none() && options.set.period.is_none() {
        return Err(FileError::SettingNeeded {
            field: "period",
            code: ProblemCode::StepMissing,
            advice: "This file has no column \u{201c}time interval\u{201d}. Set period=30 or period=60, as the vendor says for this model.",
        });
    }
    if header.unknown {
        let text = "The header has columns that are not known; their content was left out";
        out.note(ProblemCode::ColumnExtra, text, Position::FILE);
    }
    let columns = Columns { serial, secret, kind: None };
    // For the warnings only: the encoding is fixed by the format.
    table::survey(table::data_lines(probe.text, true), delimiter, columns, out)?;
    let written = options.set.encoding.unwrap_or(SecretEncoding::Base32);
    let lines = table::data_lines(probe.text, true);
    table::rows(
        lines,
        delimiter,
        out,
        |fields| table::serial_of(fields, columns),
        |line, fields, out| row(&header, serial, secret, written, line, fields, &options.set, out),
    )?;
    Ok("none")
}

#[expect(clippy::too_many_arguments, reason = "the columns, the line and the two ends of the reading")]
fn row(
    header: &Header,
    serial_at: usize,
    secret_at: usize,
    written: SecretEncoding,
    line: u64,
    fields: &[Field<'_>],
    set: &Defaults,
    out: &mut Output<'_>,
) -> Result<Draft, Fault> {
    let field = |index: Option<usize>| index.and_then(|i| fields.get(i)).map_or("", Field::as_str);
    let column = |index: usize| index as u64 + 1;
    let serial = output::serial(field(Some(serial_at)), column(serial_at))?;
    if field(Some(secret_at)).is_empty() {
        let what = "there is no secret. Ask the vendor for this token again.";
        return Err(Fault::new(ProblemCode::SecretMissing, column(secret_at), what));
    }
    if fields.len() > header.len {
        let what = "the line has more fields than the header has names. Check the quotation marks and delimiters in this line.";
        return Err(Fault::new(ProblemCode::ColumnExtra, column(header.len), what));
    }
    let place = Position::new(line, column(secret_at));
    let secret = output::secret(field(Some(secret_at)), written, place, out)?;
    let period = match (field(header.interval), set.period) {
        ("", Some(period)) => period,
        ("", None) => {
            let what = "the time interval is missing. Write 30 or 60 as the vendor says for this model, or set period.";
            let at = header.interval.map_or(0, column);
            return Err(Fault::new(ProblemCode::StepMissing, at, what));
        }
        (text, _) => values::period(text).map_err(|f| f.at(header.interval.map_or(0, column)))?,
    };
    let digits = set.digits.unwrap_or(Digits::SIX);
    let hash = set.hash.unwrap_or(HashAlg::Sha1);
    let upn = field(header.upn);
    let draft = Draft::new(
        Position::new(line, 0),
        serial,
        OtpSpec::Totp { hash, digits, period, epoch_secs: 0 },
        secret,
        place,
    );
    Ok(Draft {
        manufacturer: field(header.manufacturer).to_owned(),
        model: field(header.model).to_owned(),
        user_hint: (!upn.is_empty()).then(|| upn.to_owned()),
        ..draft
    })
}
