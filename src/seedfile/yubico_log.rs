//! The logs that the tools of Yubico write while they program keys: the eighteen columns of the Personalization Tool,
//! and the six of ykman and of its *Yubico format*. No header.
//!
//! Only slots with one-time codes are tokens; the others are named, and left out one by one.

use zeroize::Zeroizing;

use super::encoding::SecretEncoding;
use super::output::{self, Draft, Output};
use super::probe::Probe;
use super::problem::{Fault, FileError, Position, ProblemCode};
use super::table::{self, Columns, Field};
use super::{Defaults, ReadOptions, values};
use crate::model::{OtpSpec, TokenKind};
use crate::oath::{HashAlg, YubicoOtpError, YubicoPublicId};

/// Columns of the Personalization Tool.
const TRADITIONAL: usize = 18;
/// Bytes of an AES key.
const KEY_BYTES: usize = 16;
/// Bytes of a private id.
const PRIVATE_ID_BYTES: usize = 6;

/// A line of ykman: a number first, the local time of the programming sixth.
fn is_ykman(fields: &[Field<'_>]) -> bool {
    let [number, _, _, _, _, time] = fields else { return false };
    let shape = |c: u8| if c.is_ascii_digit() { b'0' } else { c };
    let time: Vec<u8> = time.as_str().bytes().map(shape).take(11).collect();
    number.as_str().bytes().all(|b| b.is_ascii_digit()) && time == b"0000-00-00T"
}

/// True for the line with which each session of the Personalization Tool begins.
fn is_separator(line: &str) -> bool {
    line.trim_start().starts_with("LOGGING START")
}

pub(super) fn detect(probe: &Probe<'_>) -> bool {
    is_separator(probe.first)
        || probe.most_lines(|fields| fields.len() == TRADITIONAL)
        || probe.most_lines(is_ykman)
}

pub(super) fn read(
    probe: &Probe<'_>,
    options: &ReadOptions<'_>,
    out: &mut Output<'_>,
) -> Result<&'static str, FileError> {
    let delimiter = table::delimiter(&probe.lines);
    let lines = table::data_lines(probe.text, false).filter(|line| !is_separator(line.text));
    table::rows(
        lines,
        delimiter,
        out,
        |fields| {
            let columns = Columns { serial: 0, secret: 3, kind: None };
            if is_ykman(fields) { table::serial_of(fields, columns) } else { "" }
        },
        |line, fields, out| Line::of(fields)?.draft(line, fields, &options.set, out),
    )?;
    Ok("none")
}

/// Where a line has what, counted from 0.
struct Line {
    /// Number that is printed on the key, in ykman's lines.
    serial: Option<usize>,
    /// What was programmed, in the Personalization Tool's lines.
    event: Option<usize>,
    public_id: usize,
    private_id: usize,
    secret: usize,
}

impl Line {
    fn of(fields: &[Field<'_>]) -> Result<Self, Fault> {
        if is_ykman(fields) {
            return Ok(Self { serial: Some(0), event: None, public_id: 1, private_id: 2, secret: 3 });
        }
        // Some languages write a comma into the time, which shifts what follows.
        let is_slot = |at: &usize| fields.get(*at).is_some_and(|field| matches!(field.as_str(), "1" | "2"));
        let slot = (2..=4).find(is_slot).filter(|slot| fields.len() == TRADITIONAL + slot - 2);
        let slot = slot.ok_or_else(|| {
            let what = "this is no line of a YubiKey log: that has 18 columns, the slot in the third, or 6 with the time in the last. Ask for the original file.";
            Fault::new(ProblemCode::ColumnMissing, 0, what)
        })?;
        Ok(Self { serial: None, event: Some(0), public_id: slot + 1, private_id: slot + 2, secret: slot + 3 })
    }

    fn draft(
        &self,
        line: u64,
        fields: &[Field<'_>],
        set: &Defaults,
        out: &mut Output<'_>,
    ) -> Result<Draft, Fault> {
        let field = |index: usize| fields.get(index).map_or("", Field::as_str);
        let column = |index: usize| index as u64 + 1;
        let position = Position::new(line, 0);
        let kind = self.kind(fields, set, position, out)?;
        let (spec, secret, counter) = if kind == TokenKind::Hotp {
            self.hotp(line, fields, set, out)?
        } else {
            let public_id = public_id(field(self.public_id)).map_err(|f| f.at(column(self.public_id)))?;
            let key_at = Position::new(line, column(self.secret));
            let key = output::secret(field(self.secret), SecretEncoding::Hex, key_at, out)?;
            let id_at = Position::new(line, column(self.private_id));
            let private_id = output::secret(field(self.private_id), SecretEncoding::Hex, id_at, out)?;
            let secret = kept(&key, &private_id).map_err(|f| match f.column {
                0 => f.at(column(self.secret)),
                _ => f.at(column(self.private_id)),
            })?;
            (OtpSpec::YubicoOtp { public_id }, secret, 0)
        };
        let serial_at = self.serial.unwrap_or(self.public_id);
        if self.serial.is_none() {
            let text =
                "The log has no serial numbers; what the key types before each code was taken in their place";
            out.note(ProblemCode::SerialAssumed, text, position);
        }
        let serial = output::serial(field(serial_at), column(serial_at))?;
        let draft = Draft::new(position, serial, spec, secret, Position::new(line, column(self.secret)));
        Ok(Draft { counter, manufacturer: "Yubico".to_owned(), ..draft })
    }

    /// What was programmed. The names of the Personalization Tool come in the language of whoever used it; then the
    /// columns tell.
    fn kind(
        &self,
        fields: &[Field<'_>],
        set: &Defaults,
        position: Position,
        out: &mut Output<'_>,
    ) -> Result<TokenKind, Fault> {
        let fault = |column: u64, what: &str| Err(Fault::new(ProblemCode::KindUnknown, column, what));
        let field = |index: usize| fields.get(index).map_or("", Field::as_str);
        let event = self.event.map_or("", field);
        let is_event = |name: &str| event.to_ascii_lowercase().starts_with(name);
        if is_event("static password") || is_event("challenge-response") || is_event("configuration") {
            return fault(
                1,
                "this slot has no one-time codes: it was set up for something else. Leave this line out.",
            );
        }
        let is_hex = |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
        let has_private_id = is_hex(field(self.private_id), 2 * PRIVATE_ID_BYTES);
        if is_event("yubico otp") || (self.event.is_none() && has_private_id) {
            return Ok(TokenKind::YubicoOtp);
        }
        if !is_event("oath-hotp") && has_private_id && !field(self.public_id).is_empty() {
            let text = "The log is written in another language than English; Yubico OTP was assumed where a key has both ids";
            out.note(ProblemCode::KindAssumed, text, position);
            return Ok(TokenKind::YubicoOtp);
        }
        match set.kind {
            Some(kind @ (TokenKind::YubicoOtp | TokenKind::Hotp)) => Ok(kind),
            _ if is_event("oath-hotp") => Ok(TokenKind::Hotp),
            _ => fault(
                self.secret as u64 + 1,
                "a slot with HOTP and one for challenge and response look the same here. Set kind=hotp if this one computes HOTP; leave the line out if not.",
            ),
        }
    }

    /// A slot with HOTP.
    fn hotp(
        &self,
        line: u64,
        fields: &[Field<'_>],
        set: &Defaults,
        out: &mut Output<'_>,
    ) -> Result<(OtpSpec, Zeroizing<Vec<u8>>, u64), Fault> {
        let field = |index: usize| fields.get(index).map_or("", Field::as_str);
        let column = |index: usize| index as u64 + 1;
        if !field(self.public_id).is_empty() {
            let what = "this key types its identity before each code, so the codes are not made of digits alone. Program the slot without the OATH token identifier, or leave this line out.";
            return Err(Fault::new(ProblemCode::DigitsInvalid, column(self.public_id), what));
        }
        if self.serial.is_none() {
            let what = "the log has no serial number for this key, and the key types nothing that could stand in for it. Let the tool write its Yubico format, which has one, or write the line as OATH CSV with the number on the key: serial number, secret, hotp, digits, first counter.";
            return Err(Fault::new(ProblemCode::SerialMissing, column(self.public_id), what));
        }
        let secret_at = Position::new(line, column(self.secret));
        let secret = output::secret(field(self.secret), SecretEncoding::Hex, secret_at, out)?;
        let counter = match field(self.private_id) {
            "" => set.counter.unwrap_or(0),
            text => values::counter_from(text).map_err(|f| f.at(column(self.private_id)))?,
        };
        if set.digits.is_none() {
            let text = "The log does not say how many digits HOTP has; 6 were assumed. Set digits to say it";
            out.note(ProblemCode::DigitsAssumed, text, Position::new(line, 0));
        }
        let spec = OtpSpec::Hotp { hash: HashAlg::Sha1, digits: values::digits("", set)? };
        Ok((spec, secret, counter))
    }
}

/// The public id of a key in modhex, at column 0.
pub(super) fn public_id(text: &str) -> Result<YubicoPublicId, Fault> {
    YubicoPublicId::parse(text).map_err(|wrong| {
        let what = match wrong {
            YubicoOtpError::Letter { position } => format!(
                "character {position} of the public id is not one that a key types; those are c b d e f g h i j k l n r t u v. Ask for the original file."
            ),
            _ => "the public id must have two letters for each of at most 16 bytes. Ask for the original file."
                .to_owned(),
        };
        Fault::new(ProblemCode::SecretEncoding, 0, what)
    })
}

/// Key and private id as one secret. The fault stands at column 0 for the key, at 1 for the private id.
pub(super) fn kept(key: &[u8], private_id: &[u8]) -> Result<Zeroizing<Vec<u8>>, Fault> {
    if key.len() != KEY_BYTES {
        let code =
            if key.len() < KEY_BYTES { ProblemCode::SecretTooShort } else { ProblemCode::SecretTooLong };
        let what = format!(
            "the key has {} bits, Yubico OTP needs 128. Ask for the original file, or set another kind.",
            8 * key.len()
        );
        return Err(Fault::new(code, 0, what));
    }
    if private_id.len() != PRIVATE_ID_BYTES {
        let what = "the private id must have 12 hexadecimal digits. Ask for the original file.";
        return Err(Fault::new(ProblemCode::SecretEncoding, 1, what));
    }
    let mut secret = Zeroizing::new(Vec::with_capacity(KEY_BYTES + PRIVATE_ID_BYTES));
    secret.extend_from_slice(key);
    secret.extend_from_slice(private_id);
    Ok(secret)
}
