//! Seed files: bytes in, [`SeedRecord`]s or problems with their place out.
//!
//! Files pass through two tables, one of envelopes and one of formats; each row knows its signs and
//! how to read it. Records go to a [`Sink`] one after another, so a secret lies in memory for
//! microseconds. No I/O, no store: duplicates among tokens and what is already there are found by
//! the caller, who alone can compare secrets.

mod encoding;
mod entra_csv;
mod envelope;
mod multiotp_csv;
mod oath_csv;
mod options;
mod otpauth;
mod output;
mod probe;
mod problem;
mod protectimus_csv;
mod pskc;
mod reading;
mod record;
mod registry;
mod strength;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod typed;
mod user_list;
mod values;
mod yubico_log;

pub use encoding::SecretEncoding;
pub use options::{Defaults, KeyTextError, ReadOptions, SetError, parse_transport_key};
pub use probe::Needs;
pub use problem::{FileError, Note, Position, Problem, ProblemCode};
pub use reading::{SecretReading, other_readings};
pub use record::{Report, SeedRecord, Sink, Weakness};
pub use registry::{FormatInfo, formats};
pub use typed::{TypedSecret, TypedSecretError, typed_secret};
pub use user_list::{
    UserCell, UserColumn, UserLine, UserList, UserListFault, read_user_list, user_list_text,
};

use output::Output;
use probe::Probe;
use zeroize::Zeroizing;

/// Layers that are opened, one inside the other.
const MOST_LAYERS: usize = 2;

/// What a file is and what must be given to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detection {
    /// Name of the format; empty while an envelope hides it.
    pub format: &'static str,
    /// Name of the envelope, `none` when there is none.
    pub envelope: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What must be given.
    pub needs: Needs,
}

/// Finds out by content what a file is. Looks at the head of tables and at the whole of PSKC.
pub fn detect(bytes: &[u8]) -> Result<Detection, FileError> {
    if let Some(envelope) = envelope::find(bytes) {
        let needs = (envelope.needs)(bytes)?;
        return Ok(Detection { format: "", envelope: envelope.name, title: envelope.title, needs });
    }
    let text = text::decode(bytes)?;
    let probe = Probe::new(text.as_str());
    let format = registry::find(&probe)?;
    let needs = (format.needs)(&probe)?;
    Ok(Detection { format: format.info.name, envelope: "none", title: format.info.title, needs })
}

/// Reads a file. Every token gives a record or a problem; problems do not end the reading.
///
/// # Errors
///
/// When the file as a whole cannot be read. Records may have been given out before: a caller that
/// keeps them must drop them then.
pub fn read(bytes: &[u8], options: &ReadOptions<'_>, sink: &mut dyn Sink) -> Result<Report, FileError> {
    let mut opened: Option<Zeroizing<Vec<u8>>> = None;
    let mut outermost = None;
    for _ in 0..MOST_LAYERS {
        let inner = opened.as_ref().map_or(bytes, |b| b.as_slice());
        let Some(envelope) = envelope::find(inner) else { break };
        outermost = outermost.or(Some(envelope.name));
        opened = Some((envelope.open)(inner, options)?);
    }
    let bytes = opened.as_ref().map_or(bytes, |b| b.as_slice());
    let text = text::decode(bytes)?;
    let probe = Probe::new(text.as_str());
    let format = match options.format {
        Some(name) => registry::named(name)?,
        None => registry::find(&probe)?,
    };
    let Some(reader) = format.read else {
        (format.needs)(&probe)?;
        return Err(FileError::FormatUnknown { advice: "This format is not read." });
    };
    let mut out = Output::new(sink, &options.allow, probe.text.len() as u64);
    out.tick(0)?;
    let protection = reader(&probe, options, &mut out)?;
    out.tick(probe.text.len())?;
    let (lines_total, notes) = out.finish();
    if lines_total == 0 {
        let what = "the file holds no token. Ask the vendor to send it again.";
        return Err(FileError::at(Position::FILE, ProblemCode::EmptyFile, what));
    }
    let envelope = outermost.unwrap_or(protection);
    Ok(Report { format: format.info.name, envelope, lines_total, notes })
}
