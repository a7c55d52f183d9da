//! The last step common to all formats: weigh the secret, build the record, hand it on.

use zeroize::Zeroizing;

use super::problem::{Fault, FileError, Note, Position, Problem, ProblemCode};
use super::record::{SeedRecord, Sink, Weakness};
use super::{encoding, strength};
use crate::clock::UnixTime;
use crate::model::{NameError, OtpSpec, TokenSerial};
use crate::oath::HashAlg;
use crate::secret::Seed;

/// Most tokens in one file.
const MOST_ROWS: u64 = 1_000_000;
/// Bytes of the AES key at the front of what is kept of a key with Yubico OTP.
const YUBICO_KEY_BYTES: usize = 16;
/// Rows between two calls of [`Sink::progress`].
const PROGRESS_ROWS: u64 = 1024;

/// What a format read about one token, before the secret was weighed.
pub(super) struct Draft {
    pub(super) position: Position,
    pub(super) serial: TokenSerial,
    pub(super) spec: OtpSpec,
    pub(super) secret: Zeroizing<Vec<u8>>,
    /// Column of the secret as [`Position::column`] counts it, and its line.
    pub(super) secret_at: Position,
    pub(super) counter: u64,
    pub(super) drift_steps: i64,
    pub(super) manufacturer: String,
    pub(super) model: String,
    pub(super) user_hint: Option<String>,
    pub(super) valid_from: Option<UnixTime>,
    pub(super) valid_until: Option<UnixTime>,
    /// Read without a check value where one should be.
    pub(super) no_mac: bool,
}

impl Draft {
    /// A token of which the file says no more than this.
    pub(super) fn new(
        position: Position,
        serial: TokenSerial,
        spec: OtpSpec,
        secret: Zeroizing<Vec<u8>>,
        secret_at: Position,
    ) -> Self {
        Self {
            position,
            serial,
            spec,
            secret,
            secret_at,
            counter: 0,
            drift_steps: 0,
            manufacturer: String::new(),
            model: String::new(),
            user_hint: None,
            valid_from: None,
            valid_until: None,
            no_mac: false,
        }
    }
}

/// A note while it is being counted.
struct Counted {
    code: ProblemCode,
    text: &'static str,
    count: u64,
    first: Position,
}

/// Takes what a format reads and passes it on.
pub(super) struct Output<'s> {
    sink: &'s mut dyn Sink,
    allow: &'s [Weakness],
    notes: Vec<Counted>,
    rows: u64,
    total_bytes: u64,
}

impl<'s> Output<'s> {
    pub(super) fn new(sink: &'s mut dyn Sink, allow: &'s [Weakness], total_bytes: u64) -> Self {
        Self { sink, allow, notes: Vec::new(), rows: 0, total_bytes }
    }

    /// Weighs the secret and passes the record or the problem on.
    pub(super) fn draft(&mut self, mut draft: Draft) -> Result<(), FileError> {
        // Of a key's secret the private id is no part that counts: it is typed with every code.
        let whole = draft.secret.len();
        let counted = if draft.spec.public_id().is_some() { whole.min(YUBICO_KEY_BYTES) } else { whole };
        let checked = if matches!(draft.spec, OtpSpec::Motp) {
            strength::check_text(&draft.secret, self.allow)
        } else {
            strength::check(&draft.secret[..counted], self.allow)
        };
        let mut weaknesses = match checked {
            Ok(weaknesses) => weaknesses,
            Err(refusal) => {
                let fault = Fault::new(refusal.code, draft.secret_at.column, refusal.what);
                return self.fault(draft.secret_at.line, draft.serial.display(), &fault);
            }
        };
        if weaknesses.is_empty() && draft.secret.len() < strength::GOOD_BYTES {
            let text = "The secret is shorter than the 128 bits of the standard";
            self.note(ProblemCode::SecretTooShort, text, draft.position);
        }
        if draft.no_mac {
            weaknesses.push(Weakness::NoMac);
        }
        self.count(draft.position)?;
        let record = SeedRecord {
            position: draft.position,
            serial: draft.serial,
            spec: draft.spec,
            seed: Seed::new(std::mem::take(&mut *draft.secret)),
            counter: draft.counter,
            drift_steps: draft.drift_steps,
            manufacturer: draft.manufacturer,
            model: draft.model,
            user_hint: draft.user_hint,
            valid_from: draft.valid_from,
            valid_until: draft.valid_until,
            weaknesses,
        };
        if self.sink.record(record).is_break() { Err(FileError::Cancelled) } else { Ok(()) }
    }

    /// Passes the problem of one token on.
    pub(super) fn fault(&mut self, line: u64, serial: &str, fault: &Fault) -> Result<(), FileError> {
        let position = Position::new(line, fault.column);
        self.count(position)?;
        let problem = Problem::new(position, presentable(serial), fault.code, &fault.what);
        if self.sink.problem(problem).is_break() { Err(FileError::Cancelled) } else { Ok(()) }
    }

    fn count(&mut self, position: Position) -> Result<(), FileError> {
        self.rows += 1;
        if self.rows > MOST_ROWS {
            let what = "a file may hold at most 1,000,000 tokens. Split it and import the parts.";
            return Err(FileError::at(position, ProblemCode::LimitExceeded, what));
        }
        Ok(())
    }

    /// Notes that `text` (a sentence without its full stop) holds for the token at `position`.
    pub(super) fn note(&mut self, code: ProblemCode, text: &'static str, position: Position) {
        match self.notes.iter_mut().find(|n| n.code == code && n.text == text) {
            Some(note) => note.count += 1,
            None => self.notes.push(Counted { code, text, count: 1, first: position }),
        }
    }

    /// Tells how far the reading is; now and then only.
    pub(super) fn progress(&mut self, done: usize) -> Result<(), FileError> {
        if self.rows.is_multiple_of(PROGRESS_ROWS) { self.tick(done) } else { Ok(()) }
    }

    /// Tells how far the reading is, and asks whether to go on.
    pub(super) fn tick(&mut self, done: usize) -> Result<(), FileError> {
        let stop = self.sink.progress(done as u64, self.total_bytes).is_break();
        if stop { Err(FileError::Cancelled) } else { Ok(()) }
    }

    /// The hash where the file names none: the one set, else by the length of the secret as
    /// privacyIDEA and `LinOTP` do it, with a note.
    pub(super) fn hash_by_length(&mut self, set: Option<HashAlg>, len: usize, position: Position) -> HashAlg {
        if let Some(hash) = set {
            return hash;
        }
        let (hash, text) = match len {
            32 => {
                let text = "The file names no hash; SHA-256 was assumed because the secret has 32 bytes. Set hash=sha1 if that is wrong";
                (HashAlg::Sha256, text)
            }
            64 => {
                let text = "The file names no hash; SHA-512 was assumed because the secret has 64 bytes. Set hash=sha1 if that is wrong";
                (HashAlg::Sha512, text)
            }
            28 | 48 => {
                let text = "The file names no hash; SHA-1 was assumed although the length of the secret hints at SHA-224 or SHA-384. Set hash=… to say it";
                (HashAlg::Sha1, text)
            }
            _ => return HashAlg::Sha1,
        };
        self.note(ProblemCode::HashAssumed, text, position);
        hash
    }

    /// Ends the reading: rows and notes.
    pub(super) fn finish(self) -> (u64, Vec<Note>) {
        let notes = self.notes.into_iter().map(|n| {
            let Position { line, column } = n.first;
            let detail = match (n.count, line, column) {
                (1, 0, _) => format!("{}.", n.text),
                (1, _, 0) => format!("{} (line {line}).", n.text),
                (count, 0, _) => format!("{} ({count} tokens).", n.text),
                (count, ..) => format!("{} ({count} {}, first in line {line}).", n.text, tokens(count)),
            };
            Note { code: n.code, detail }
        });
        (self.rows, notes.collect())
    }
}

const fn tokens(count: u64) -> &'static str {
    if count == 1 { "token" } else { "tokens" }
}

/// A serial number as it may be shown: not when it is long enough to be a secret in the wrong column.
fn presentable(serial: &str) -> String {
    let serial = serial.trim();
    let signs = serial.chars().filter(|c| c.is_alphanumeric()).count();
    let long_part = |part: &str| part.len() >= 20 && !part.bytes().all(|b| b.is_ascii_digit());
    let secret = signs >= 26 || serial.split(|c: char| !c.is_alphanumeric()).any(long_part);
    if secret || serial.chars().any(char::is_control) { String::new() } else { serial.to_owned() }
}

/// Reads a serial number, seen in `column`.
pub(super) fn serial(text: &str, column: u64) -> Result<TokenSerial, Fault> {
    if is_spreadsheet_number(text) {
        let what = "this serial number was changed by a spreadsheet program into a rounded number. Ask the vendor for the original file and do not open it in a spreadsheet.";
        return Err(Fault::new(ProblemCode::SerialDamagedBySpreadsheet, column, what));
    }
    TokenSerial::parse(text).map_err(|wrong| match wrong {
        NameError::Empty { .. } => {
            let what = "there is no serial number. Ask the vendor for the serial number of this token.";
            Fault::new(ProblemCode::SerialMissing, column, what)
        }
        NameError::TooLong { len, max, .. } => {
            let what = format!("the serial number has {len} characters, at most {max} fit. Check that the columns are in order.");
            Fault::new(ProblemCode::SerialInvalid, column, what)
        }
        NameError::Character { position, .. } => {
            let what = format!("character {position} of the serial number is a control character. Ask the vendor for the file again.");
            Fault::new(ProblemCode::SerialInvalid, column, what)
        }
        NameError::Form { .. } => {
            let what = "the serial number has neither letters nor digits. Ask the vendor for the serial number of this token.";
            Fault::new(ProblemCode::SerialInvalid, column, what)
        }
    })
}

/// Digits, perhaps a dot or comma and digits, `E+`, digits: what a spreadsheet makes of a long number.
pub(super) fn is_spreadsheet_number(text: &str) -> bool {
    let Some(at) = text.bytes().position(|b| matches!(b, b'E' | b'e')) else { return false };
    let (number, exponent) = (&text.as_bytes()[..at], &text.as_bytes()[at + 1..]);
    let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    let mut halves = number.splitn(2, |b| matches!(b, b'.' | b','));
    let whole = halves.next().is_some_and(digits);
    let fraction = halves.next().is_none_or(digits);
    whole && fraction && exponent.strip_prefix(b"+").is_some_and(digits)
}

/// Reads a secret, seen in `column`.
pub(super) fn secret(
    text: &str,
    written: encoding::SecretEncoding,
    position: Position,
    out: &mut Output<'_>,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    let column = position.column;
    if is_spreadsheet_number(text) {
        let what = "this secret was changed by a spreadsheet program into a rounded number. Ask the vendor for the original file and do not open it in a spreadsheet.";
        return Err(Fault::new(ProblemCode::SecretDamagedBySpreadsheet, column, what));
    }
    let decoded = encoding::decode(text, written).map_err(|f| Fault::new(f.code, column, f.what))?;
    if decoded.loose_bits {
        let text = "The last letter of the secret has bits that belong to no byte; it may be cut off or mistyped, so check one code of this token";
        out.note(ProblemCode::SecretEncoding, text, position);
    }
    Ok(decoded.bytes)
}

/// Reads a secret that is used as text, whatever it looks like (mOTP).
pub(super) fn text_secret(
    text: &str,
    position: Position,
    out: &mut Output<'_>,
) -> Result<Zeroizing<Vec<u8>>, Fault> {
    if is_spreadsheet_number(text) {
        let what = "this secret was changed by a spreadsheet program into a rounded number. Ask for the original file and do not open it in a spreadsheet.";
        return Err(Fault::new(ProblemCode::SecretDamagedBySpreadsheet, position.column, what));
    }
    let note = "Secrets of mOTP are used as text: small letters and capitals are different ones";
    if text.bytes().any(|b| b.is_ascii_uppercase()) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
        out.note(ProblemCode::SecretEncoding, note, position);
    }
    Ok(Zeroizing::new(text.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreadsheet_numbers() {
        for text in ["2.60022E+12", "1E+5", "2,6e+12"] {
            assert!(is_spreadsheet_number(text), "{text}");
        }
        for text in ["", "E+12", "12345E78", "1.2.3E+4", "EXHT00000001", "2.60022E+", "2.E+1"] {
            assert!(!is_spreadsheet_number(text), "{text}");
        }
    }

    #[test]
    fn secrets_in_the_serial_column_are_not_shown() {
        assert_eq!(presentable("87-1234567"), "87-1234567");
        assert_eq!(presentable("a1b2c3d4e5f60718293a4b5c6d7e8f9001122334"), "");
        assert_eq!(presentable("UGZMHVHF6YDRQKJ2JNOG27UPSAAREIZU"), "");
    }
}
