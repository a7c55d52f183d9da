//! One key package becomes one record (RFC 6030 §4 and §5).

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::protection::{self, Placed, Protection, Value, placed, shown, unknown_algorithm};
use super::xml::Node;
use crate::clock::UnixTime;
use crate::model::{OtpSpec, TokenKind, TokenSerial};
use crate::oath::{Digits, HashAlg, OcraSuite, PeriodSecs, YubicoPublicId};
use crate::seedfile::encoding::{self, SecretEncoding};
use crate::seedfile::output::{self, Draft, Output};
use crate::seedfile::problem::{Fault, MAIL_IS_MADE_HERE, Position, ProblemCode};
use crate::seedfile::{ReadOptions, Weakness, values, yubico_log};

/// What the URI of a key says.
pub(super) enum Algorithm<'a> {
    Hotp,
    Totp,
    /// With the suite where the URI holds it.
    Ocra(Option<&'a str>),
    /// The block of a key that types by itself.
    YubicoOtp,
    /// A PIN that belongs to another key; no token.
    Pin,
    Missing,
    Unknown(&'a str),
}

/// The name that the tools of the maker give to Yubico OTP.
const YUBIKEY_AES: &str = "http://www.yubico.com/#yubikey-aes";

impl<'a> Algorithm<'a> {
    /// RFC 6030 §10 and the spellings of its drafts, in any case.
    pub(super) fn of(key: &'a Node) -> Self {
        let uri = key.attribute("Algorithm").unwrap_or("");
        if uri.is_empty() {
            return Self::Missing;
        }
        let lower = uri.to_ascii_lowercase();
        if lower == YUBIKEY_AES {
            return Self::YubicoOtp;
        }
        let tail = match lower.find("keyprov") {
            Some(_) => match lower.find('#').or_else(|| lower.rfind("pskc:").map(|at| at + 4)) {
                Some(at) => &uri[at + 1..],
                None => return Self::Unknown(uri),
            },
            None => uri,
        };
        match tail.to_ascii_lowercase().as_str() {
            "hotp" => Self::Hotp,
            "totp" => Self::Totp,
            "ocra" => Self::Ocra(None),
            "pin" => Self::Pin,
            suite if suite.starts_with("ocra-1:") => Self::Ocra(Some(tail)),
            _ => Self::Unknown(uri),
        }
    }
}

/// The id of the key in a package, empty when it has none.
pub(super) fn id(package: &Node) -> &str {
    package.child("Key").and_then(|key| key.attribute("Id")).unwrap_or("")
}

/// The serial number as the file gives it, and where; the key's id when the device has none.
pub(super) fn serial(package: &Node) -> (&str, Position) {
    let given = package.child("DeviceInfo").and_then(|info| info.child("SerialNo"));
    match given.filter(|s| !s.text().is_empty()) {
        Some(serial) => (serial.text(), serial.at),
        None => (id(package), package.child("Key").map_or(package.at, |key| key.at)),
    }
}

/// Decimal digits, perhaps behind a minus sign.
pub(super) fn is_decimal(bytes: &[u8]) -> bool {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

/// A number written in any of the ways of RFC 6030 and of the field: decimal, or the bytes of the
/// number in base64 or encrypted, as decimal digits or with the highest byte first.
fn number(
    data: &Node,
    name: &'static str,
    code: ProblemCode,
    protection: Option<&Protection>,
    out: &mut Output<'_>,
) -> Result<Option<(i128, Position)>, Placed> {
    let Some(element) = data.child(name) else { return Ok(None) };
    let (bytes, at, binary) = match protection::value(element, protection)? {
        None => return Ok(None),
        Some(Value::Plain(node)) => {
            let text = node.text();
            if is_decimal(text.as_bytes()) {
                (Cow::Borrowed(text.as_bytes()), node.at, false)
            } else {
                let decoded = encoding::decode(text, SecretEncoding::Base64);
                let bytes = decoded.map(|mut d| std::mem::take(&mut *d.bytes)).unwrap_or_default();
                let binary = !is_decimal(&bytes);
                (Cow::Owned(bytes), node.at, binary)
            }
        }
        Some(Value::Opened { mut bytes, at, .. }) => {
            let binary = protection.is_some_and(|p| p.binary_numbers);
            if !binary {
                let text = "Encrypted numbers such as the counter were read as decimal digits; the standard leaves that open, so check one code";
                out.note(code, text, element.at);
            }
            (Cow::Owned(std::mem::take(&mut *bytes)), at, binary)
        }
    };
    let read = if binary {
        let fits = !bytes.is_empty() && bytes.len() <= 8;
        fits.then(|| bytes.iter().fold(0i128, |sum, b| (sum << 8) | i128::from(*b)))
    } else {
        std::str::from_utf8(&bytes).ok().filter(|_| is_decimal(&bytes)).and_then(|t| t.parse().ok())
    };
    match read {
        // A drift of four bytes with the highest bit set is a negative number.
        Some(value) if binary && bytes.len() == 4 && name == "TimeDrift" => {
            let value = u32::try_from(value).unwrap_or(0);
            Ok(Some((i128::from(value.cast_signed()), at)))
        }
        Some(value) => Ok(Some((value, at))),
        None => {
            let what = format!("{name} is not a number. Ask the vendor for this token again.");
            Err(placed(at, code, what))
        }
    }
}

/// Everything that reading one package needs.
pub(super) struct Reader<'a> {
    pub(super) options: &'a ReadOptions<'a>,
    pub(super) protection: Option<&'a Protection>,
    /// The file checks its encrypted values.
    pub(super) has_mac: bool,
}

impl Reader<'_> {
    /// Reads a package; `None` for one that is no token and belongs in the file all the same.
    pub(super) fn draft(
        &self,
        package: &Node,
        slot: Option<usize>,
        out: &mut Output<'_>,
    ) -> Result<Option<Draft>, Placed> {
        let at = package.at;
        let Some(key) = package.child("Key") else {
            let what =
                "the package describes a device and holds no key. Ask the vendor for this token again.";
            return Err(placed(at, ProblemCode::PskcNoKey, what));
        };
        let algorithm = match Algorithm::of(key) {
            Algorithm::Pin => {
                let text = "The file holds PINs of its devices; they were left out";
                out.note(ProblemCode::ContentIgnored, text, at);
                return Ok(None);
            }
            Algorithm::Unknown(uri) => return Err(unknown_algorithm(key.at, uri)),
            known => known,
        };
        let Some(data) = key.child("Data") else {
            if let Some(reference) = key.child("KeyReference") {
                return Err(reference_fault(reference));
            }
            let what = "the key holds no data. Ask the vendor for this token again.";
            return Err(placed(key.at, ProblemCode::PskcNoKey, what));
        };
        let info = package.child("DeviceInfo");
        let kind = self.kind(&algorithm, key, data, out)?;
        let dates = Dates::of(info, key.child("Policy"), out)?;
        if let Some(policy) = key.child("Policy") {
            check_policy(policy, kind, out)?;
        }
        let (mut secret, secret_at, unchecked) = self.secret(key, data)?;
        let protection = self.protection;
        let code = ProblemCode::CounterInvalid;
        let counter = match number(data, "Counter", code, protection, out)? {
            Some((value, at)) => i64::try_from(value).ok().and_then(|c| u64::try_from(c).ok()).ok_or_else(|| {
                let what = "Counter must be a whole number from 0 to 9223372036854775807. Ask the vendor for this token again.";
                placed(at, code, what)
            })?,
            None => self.options.set.counter.unwrap_or(0),
        };
        let code = ProblemCode::DriftInvalid;
        let drift_steps = match number(data, "TimeDrift", code, protection, out)? {
            Some((value, at)) => i32::try_from(value).map(i64::from).map_err(|_| {
                placed(at, code, "TimeDrift must be a number of steps. Ask the vendor for this token again.")
            })?,
            None => 0,
        };
        if let Some((1.., _)) = number(data, "Time", ProblemCode::StepInvalid, protection, out)? {
            let text = "The file gives the time step at which it was written (Time); it was not used";
            out.note(ProblemCode::ContentIgnored, text, at);
        }
        let spec = match kind {
            TokenKind::Ocra => OtpSpec::ocra(
                self.suite(&algorithm, key)?,
                self.options.set.session_padding.unwrap_or_default(),
            ),
            TokenKind::Hotp => {
                let hash = self.hash(key, secret.len(), secret_at, out)?;
                OtpSpec::Hotp { hash, digits: self.digits(key, out)? }
            }
            TokenKind::Totp => {
                let period = self.period(data, out)?;
                let hash = self.hash(key, secret.len(), secret_at, out)?;
                OtpSpec::Totp { hash, digits: self.digits(key, out)?, period, epoch_secs: 0 }
            }
            // PSKC has no name for it; the text of the secret stands there like any other bytes.
            TokenKind::Motp => OtpSpec::Motp,
            TokenKind::YubicoOtp => {
                let public_id;
                (public_id, secret) = ids_beside(key, info, &secret, secret_at)?;
                OtpSpec::YubicoOtp { public_id }
            }
            TokenKind::Mail => {
                return Err(placed(secret_at, ProblemCode::KindUnknown, MAIL_IS_MADE_HERE));
            }
        };
        let text_of = |name: &str| info.map_or("", |info| info.text_of(name));
        let user = match key.text_of("UserId") {
            "" => text_of("UserId"),
            user => user,
        };
        // There the ids of a key stand, one of which is secret.
        let user = if kind == TokenKind::YubicoOtp { "" } else { user };
        Ok(Some(Draft {
            position: at,
            serial: numbered_serial(package, slot, out)?,
            spec,
            secret,
            secret_at,
            counter: if matches!(kind, TokenKind::Totp | TokenKind::Motp | TokenKind::YubicoOtp) {
                0
            } else {
                counter
            },
            drift_steps: if kind == TokenKind::Totp { drift_steps } else { 0 },
            manufacturer: text_of("Manufacturer").to_owned(),
            model: text_of("Model").to_owned(),
            user_hint: (!user.is_empty()).then(|| user.to_owned()),
            valid_from: dates.from,
            valid_until: dates.until,
            no_mac: unchecked,
        }))
    }

    fn kind(
        &self,
        algorithm: &Algorithm<'_>,
        key: &Node,
        data: &Node,
        out: &mut Output<'_>,
    ) -> Result<TokenKind, Placed> {
        match algorithm {
            Algorithm::Hotp => Ok(TokenKind::Hotp),
            Algorithm::Totp => Ok(TokenKind::Totp),
            Algorithm::Ocra(_) => Ok(TokenKind::Ocra),
            Algorithm::YubicoOtp => Ok(TokenKind::YubicoOtp),
            _ => match self.options.set.kind {
                Some(kind) => Ok(kind),
                None if data.child("TimeInterval").is_some() => {
                    let text = "The key names no algorithm; TOTP was assumed because it has a time interval. Set kind to say it";
                    out.note(ProblemCode::KindAssumed, text, key.at);
                    Ok(TokenKind::Totp)
                }
                None if data.child("Counter").is_some() => {
                    let text = "The key names no algorithm; HOTP was assumed because it has a counter. Set kind to say it";
                    out.note(ProblemCode::KindAssumed, text, key.at);
                    Ok(TokenKind::Hotp)
                }
                None => {
                    let what = "the key does not say what it computes. Set kind to totp, hotp or ocra.";
                    Err(placed(key.at, ProblemCode::KindUnknown, what))
                }
            },
        }
    }

    /// The secret, where it stands, and whether it lacks the check that it should have.
    fn secret(
        &self,
        key: &Node,
        data: &Node,
    ) -> Result<(zeroize::Zeroizing<Vec<u8>>, Position, bool), Placed> {
        let missing = |at| {
            let what = "there is no secret. Ask the vendor for this token again.";
            placed(at, ProblemCode::SecretMissing, what)
        };
        let Some(element) = data.child("Secret") else {
            return Err(match key.child("KeyReference") {
                Some(reference) => reference_fault(reference),
                None => missing(data.at),
            });
        };
        match protection::value(element, self.protection)? {
            None => Err(missing(element.at)),
            Some(Value::Opened { bytes, at, checked }) => Ok((bytes, at, !checked)),
            Some(Value::Plain(node)) => {
                let mixed = self.protection.is_some() && self.has_mac;
                if mixed && !self.options.allow.contains(&Weakness::NoMac) {
                    let what = "this secret stands unprotected in a file whose secrets are protected; it may have been exchanged. Ask the vendor for this token again, or allow no_mac.";
                    return Err(placed(node.at, ProblemCode::PskcMacMissing, what));
                }
                if node.text().is_empty() {
                    return Err(missing(node.at));
                }
                let decoded = encoding::decode(node.text(), SecretEncoding::Base64)
                    .map_err(|fault| placed(node.at, fault.code, fault.what))?;
                Ok((decoded.bytes, node.at, mixed))
            }
        }
    }

    fn period(&self, data: &Node, out: &mut Output<'_>) -> Result<PeriodSecs, Placed> {
        let code = ProblemCode::StepInvalid;
        match number(data, "TimeInterval", code, self.protection, out)? {
            Some((secs, at)) => {
                let period = u64::try_from(secs).ok().and_then(|secs| PeriodSecs::new(secs).ok());
                period.ok_or_else(|| {
                    let what = "TimeInterval must be 1 to 3600 seconds. Ask the vendor how often the token changes its code.";
                    placed(at, code, what)
                })
            }
            None => Ok(self.options.set.period.unwrap_or_else(|| {
                let text = "The file names no time step; 30 s were assumed. Set period to say it";
                out.note(ProblemCode::StepAssumed, text, data.at);
                PeriodSecs::DEFAULT
            })),
        }
    }

    fn hash(&self, key: &Node, len: usize, at: Position, out: &mut Output<'_>) -> Result<HashAlg, Placed> {
        let suite = key.child("AlgorithmParameters").and_then(|p| p.child("Suite"));
        let name = suite.map_or("", |s| match s.text() {
            "" => s.attribute("hashalgo").unwrap_or(""),
            text => text,
        });
        match (name, suite) {
            (name, Some(suite)) if !name.is_empty() => HashAlg::from_name(name).ok_or_else(|| {
                let what = "the suite names no hash that is known; SHA-1, SHA-256 and SHA-512 are. Ask the vendor which hash the token uses.";
                placed(suite.at, ProblemCode::HashUnknown, what)
            }),
            _ => {
                if self.options.set.hash.is_none() && matches!(len, 32 | 64) {
                    let text = "The file names no hash; SHA-1 was assumed as the standard says, although the length of the secret hints at another. Set hash to say it";
                    out.note(ProblemCode::HashAssumed, text, at);
                }
                Ok(self.options.set.hash.unwrap_or(HashAlg::Sha1))
            }
        }
    }

    fn digits(&self, key: &Node, out: &mut Output<'_>) -> Result<Digits, Placed> {
        let format = key.child("AlgorithmParameters").and_then(|p| p.child("ResponseFormat"));
        let code = ProblemCode::DigitsInvalid;
        let Some(format) = format else {
            return Ok(self.options.set.digits.unwrap_or_else(|| {
                let text = "The file does not say how many digits the tokens show; 6 were assumed. Set digits to say it";
                out.note(ProblemCode::DigitsAssumed, text, key.at);
                Digits::SIX
            }));
        };
        let encoding = format.attribute("Encoding").unwrap_or("DECIMAL");
        if !encoding.eq_ignore_ascii_case("DECIMAL") {
            let what = "the token does not show decimal digits, which HOTP and TOTP do. Ask the vendor for this token again.";
            return Err(placed(format.at, code, what));
        }
        let check =
            format.attribute("CheckDigits").or_else(|| format.attribute("CheckDigit")).unwrap_or("false");
        if !["false", "0"].iter().any(|no| check.eq_ignore_ascii_case(no)) {
            let what = "the token appends a check digit to its code, which is not supported. Ask the vendor for tokens without.";
            return Err(placed(format.at, code, what));
        }
        let length = format.attribute("Length").unwrap_or("");
        match (length, self.options.set.digits) {
            ("", Some(digits)) => Ok(digits),
            (length, _) => length.parse().ok().and_then(|d| Digits::new(d).ok()).ok_or_else(|| {
                let what = "the length of the code (ResponseFormat, Length) must be 6, 7 or 8. Ask the vendor how many digits the token shows.";
                placed(format.at, code, what)
            }),
        }
    }

    fn suite(&self, algorithm: &Algorithm<'_>, key: &Node) -> Result<OcraSuite, Placed> {
        let parameters = key.child("AlgorithmParameters").and_then(|p| p.child("Suite"));
        let (text, at) = match (parameters.filter(|s| !s.text().is_empty()), algorithm) {
            (Some(suite), _) => (suite.text(), suite.at),
            (None, Algorithm::Ocra(Some(suite))) => (*suite, key.at),
            _ => ("", key.at),
        };
        values::suite(text, &self.options.set)
            .map_err(|fault| Placed { line: at.line, fault: fault.at(at.column) })
    }
}

/// The serial number of the record, with the number of the key when the device has several.
fn numbered_serial(package: &Node, slot: Option<usize>, out: &mut Output<'_>) -> Result<TokenSerial, Placed> {
    let (text, at) = serial(package);
    if package.child("DeviceInfo").is_none_or(|info| info.text_of("SerialNo").is_empty()) && !text.is_empty()
    {
        let text = "The device has no serial number; the id of its key was taken in its place";
        out.note(ProblemCode::SerialAssumed, text, package.at);
    }
    let place = |fault: Fault| Placed { line: at.line, fault };
    let whole = output::serial(text, at.column).map_err(place)?;
    match slot {
        Some(slot) => {
            let text = "The device has several keys; the first by key id has the serial number, the others have .2, .3 and so on behind it";
            out.note(ProblemCode::SeveralKeys, text, package.at);
            if slot == 1 {
                return Ok(whole);
            }
            let numbered = format!("{}.{slot}", whole.display());
            output::serial(&numbered, at.column).map_err(place)
        }
        None => Ok(whole),
    }
}

/// The ids of a key, which its maker's tools write as if they were its user: `CN=PUBLIC, UID=PRIVATE`; the public one,
/// and the private one behind the key.
fn ids_beside(
    key: &Node,
    info: Option<&Node>,
    secret: &[u8],
    secret_at: Position,
) -> Result<(YubicoPublicId, Zeroizing<Vec<u8>>), Placed> {
    let user = key.child("UserId").or_else(|| info.and_then(|info| info.child("UserId")));
    let Some(user) = user else {
        let what = "the ids of the key are not there (UserId with CN and UID). Write the file again with the tool that programmed it.";
        return Err(placed(secret_at, ProblemCode::SecretMissing, what));
    };
    let part = |name: &str| {
        let parts = user.text().split(',').filter_map(|part| part.trim().split_once('='));
        parts.filter(|(is, _)| is.trim().eq_ignore_ascii_case(name)).map(|(_, text)| text.trim()).next()
    };
    let at = |fault: Fault, at: Position| Placed { line: at.line, fault: fault.at(at.column) };
    let public_id = yubico_log::public_id(part("CN").unwrap_or("")).map_err(|fault| at(fault, user.at))?;
    let private_id = encoding::decode(part("UID").unwrap_or(""), SecretEncoding::Hex).map_err(|_| {
        let what = "the private id (UID in UserId) must have 12 hexadecimal digits. Write the file again with the tool that programmed the key.";
        placed(user.at, ProblemCode::SecretEncoding, what)
    })?;
    let kept = yubico_log::kept(secret, &private_id.bytes).map_err(|fault| {
        let place = if fault.column == 0 { secret_at } else { user.at };
        at(fault, place)
    })?;
    Ok((public_id, kept))
}

fn reference_fault(reference: &Node) -> Placed {
    let what = "the key itself is not in the file, only a reference to it. Ask the vendor for a file that contains the secrets.";
    placed(reference.at, ProblemCode::PskcKeyReference, what)
}

/// What the policy of a key demands and cannot be kept is a reason to refuse the key (RFC 6030 §5).
fn check_policy(policy: &Node, kind: TokenKind, out: &mut Output<'_>) -> Result<(), Placed> {
    let refuse = |node: &Node, why: &str| {
        let name = shown(&node.name, 64);
        let what = format!(
            "the policy of this key {why} ({name}), so the key must not be used. Ask the vendor for a file without this policy."
        );
        Err(placed(node.at, ProblemCode::PskcPolicyUnknown, what))
    };
    let mut usages = policy.children.iter().filter(|c| c.is_pskc && c.name == "KeyUsage").peekable();
    if let Some(first) = usages.peek().copied() {
        let fits = |usage: &Node| {
            usage.text().eq_ignore_ascii_case("OTP")
                || (kind == TokenKind::Ocra && usage.text().eq_ignore_ascii_case("CR"))
        };
        if !usages.any(fits) {
            return refuse(first, "does not allow one-time codes");
        }
    }
    for node in &policy.children {
        match node.name.as_str() {
            "StartDate" | "ExpiryDate" | "KeyUsage" if node.is_pskc => {}
            "NumberOfTransactions" if node.is_pskc => return refuse(node, "limits the number of uses"),
            "PINPolicy" if node.is_pskc => {
                let mode = node.attribute("PINUsageMode").unwrap_or("Local");
                if ["Prepend", "Append"].iter().any(|m| mode.eq_ignore_ascii_case(m)) {
                    let text = "The vendor's policy asks for a PIN beside the code; set PINs for these tokens if you want that";
                    out.note(ProblemCode::ContentIgnored, text, node.at);
                } else if mode.eq_ignore_ascii_case("Algorithmic") && kind != TokenKind::Ocra {
                    return refuse(node, "puts a PIN into the computation");
                } else if !["Local", "Algorithmic"].iter().any(|m| mode.eq_ignore_ascii_case(m)) {
                    return refuse(node, "has a use of the PIN that is not known");
                }
            }
            _ => return refuse(node, "has an element that is not known"),
        }
    }
    Ok(())
}

/// The time in which a token may be used: the later start and the earlier end count.
#[derive(Default)]
struct Dates {
    from: Option<UnixTime>,
    until: Option<UnixTime>,
}

impl Dates {
    fn of(info: Option<&Node>, policy: Option<&Node>, out: &mut Output<'_>) -> Result<Self, Placed> {
        let mut dates = Self::default();
        for holder in [info, policy].into_iter().flatten() {
            if let Some(start) = holder.child("StartDate") {
                let start = date(start, out)?;
                dates.from = Some(dates.from.map_or(start, |other| other.max(start)));
            }
            if let Some(end) = holder.child("ExpiryDate") {
                let end = date(end, out)?;
                dates.until = Some(dates.until.map_or(end, |other| other.min(end)));
            }
        }
        Ok(dates)
    }
}

/// `xs:dateTime`; without a zone it is read as UTC.
fn date(node: &Node, out: &mut Output<'_>) -> Result<UnixTime, Placed> {
    let text = node.text();
    if let Some(at) = UnixTime::parse_rfc3339(text) {
        return Ok(at);
    }
    if let Some(at) = UnixTime::parse_rfc3339(&format!("{text}Z")) {
        let text = "Dates without a time zone were read as UTC";
        out.note(ProblemCode::DateZoneAssumed, text, node.at);
        return Ok(at);
    }
    let what = "the date must look like 2026-01-31T00:00:00Z. Ask the vendor for this token again, or correct the date.";
    Err(placed(node.at, ProblemCode::DateInvalid, what))
}
