//! The CSV of multiOTP: serial, manufacturer, kind, secret, digits, counter or step. No header.

use zeroize::Zeroizing;

use super::encoding::SecretEncoding;
use super::output::{self, Draft, Output};
use super::probe::Probe;
use super::problem::{Fault, FileError, KEYS_HAVE_MORE, Position, ProblemCode};
use super::table::{self, Columns, Field};
use super::{ReadOptions, oath_csv, values};
use crate::model::OtpSpec;
use crate::oath::HashAlg;

/// Which column is which; nothing else tells them from those of OATH CSV.
const COLUMNS: Columns = Columns { serial: 0, secret: 3, kind: Some(2) };
const KINDS: [&str; 4] = ["hotp", "totp", "motp", "yubicootp"];

pub(super) fn detect(probe: &Probe<'_>) -> bool {
    probe.most_lines(|fields| {
        fields.len() >= 5
            && KINDS.iter().any(|kind| fields[2].as_str().eq_ignore_ascii_case(kind))
            && oath_csv::looks_like_secret(fields[3].as_str())
            && !oath_csv::looks_like_secret(fields[1].as_str())
    })
}

pub(super) fn read(
    probe: &Probe<'_>,
    _options: &ReadOptions<'_>,
    out: &mut Output<'_>,
) -> Result<&'static str, FileError> {
    let delimiter = table::delimiter(&probe.lines);
    table::survey(table::data_lines(probe.text, false), delimiter, COLUMNS, out)?;
    let lines = table::data_lines(probe.text, false);
    table::rows(lines, delimiter, out, |fields| table::serial_of(fields, COLUMNS), row)?;
    Ok("none")
}

fn row(line: u64, fields: &[Field<'_>], out: &mut Output<'_>) -> Result<Draft, Fault> {
    let field = |index: usize| fields.get(index).map_or("", Field::as_str);
    let serial = output::serial(field(0), 1)?;
    if field(3).is_empty() {
        let what = "there is no secret. Ask for this token again.";
        return Err(Fault::new(ProblemCode::SecretMissing, 4, what));
    }
    if fields.len() > 6 {
        let what = "there is more in this line than serial, manufacturer, kind, secret, digits, and counter or step. Check that the columns are in order.";
        return Err(Fault::new(ProblemCode::ColumnExtra, 7, what));
    }
    let kind = field(2).to_ascii_lowercase();
    let secret_at = Position::new(line, 4);
    let (spec, secret, counter) = if kind == "motp" {
        values::motp_numbers(field(4), field(5)).map_err(|fault| {
            let column = 5 + fault.column;
            fault.at(column)
        })?;
        (OtpSpec::Motp, output::text_secret(field(3), secret_at, out)?, 0)
    } else {
        computed(&kind, field(4), field(5), field(3), secret_at, out)?
    };
    let draft = Draft::new(Position::new(line, 0), serial, spec, secret, secret_at);
    Ok(Draft { counter, manufacturer: field(1).to_owned(), ..draft })
}

/// HOTP and TOTP, with SHA-1 as multiOTP has them.
fn computed(
    kind: &str,
    digits: &str,
    last: &str,
    secret: &str,
    secret_at: Position,
    out: &mut Output<'_>,
) -> Result<(OtpSpec, Zeroizing<Vec<u8>>, u64), Fault> {
    let digits_of = |text: &str| values::digits(text, &super::Defaults::default()).map_err(|f| f.at(5));
    let hash = HashAlg::Sha1;
    let (spec, counter) = match kind {
        "hotp" => {
            let counter = values::counter_from(last).map_err(|f| f.at(6))?;
            (OtpSpec::Hotp { hash, digits: digits_of(digits)? }, counter)
        }
        "totp" => {
            let period = values::period(last).map_err(|f| f.at(6))?;
            (OtpSpec::Totp { hash, digits: digits_of(digits)?, period, epoch_secs: 0 }, 0)
        }
        "yubicootp" => return Err(Fault::new(ProblemCode::KindUnknown, 3, KEYS_HAVE_MORE)),
        _ => {
            let what = "hotp, totp or motp is expected here. Check that the columns are in order: serial, manufacturer, kind, secret.";
            return Err(Fault::new(ProblemCode::KindUnknown, 3, what));
        }
    };
    Ok((spec, output::secret(secret, SecretEncoding::Hex, secret_at, out)?, counter))
}
