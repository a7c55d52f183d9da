//! What a scan says: a serial number, a label, a range or a list of them. The same for what a scanner types as a keyboard.
//!
//! Sources: AIM symbology identifiers of ISO/IEC 15424, application identifiers and predefined lengths of the GS1 General
//! Specifications (section 3, figure 5.10.1). For the labels of boxes there is no public standard; what is read here is
//! what was seen: two serials with a dash between them, or one serial in each line.

use std::fmt;

use thiserror::Error;

/// Separates the fields of a GS1 code.
const GS: char = '\u{1d}';
/// Shortest and longest serial number that is taken for one.
const SERIAL_CHARS: std::ops::RangeInclusive<usize> = 4..=32;
/// What a code that holds a seed begins with, and what stands in it: a scanner that halts in the middle sends two halves.
const SECRETS: [&str; 4] = ["otpauth://", "otpauth-migration://", "secret=", "?data="];
/// More than any code that is read here; what is typed may be as long as a request.
const MOST_BYTES: usize = 1_024;

/// How the code is printed, as an AIM identifier says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Symbology {
    /// `]A`.
    Code39,
    /// `]C0`.
    Code128,
    /// `]C1`, `]d2`, `]Q3`, `]J1`, `]e0`: the data are fields of GS1.
    Gs1,
    /// `]d1` and others of `]d`.
    DataMatrix,
    /// `]Q1` and others of `]Q`.
    Qr,
    /// `]E`: the number of an article.
    Ean,
    /// `]L`.
    Pdf417,
    /// Another one.
    Other,
}

impl Symbology {
    /// The symbology that a code begins with, and the rest.
    fn strip(text: &str) -> (Option<Self>, &str) {
        let mut chars = text.chars();
        let (Some(']'), Some(code), Some(modifier)) = (chars.next(), chars.next(), chars.next()) else {
            return (None, text);
        };
        let symbology = match (code, modifier) {
            ('C' | 'J', '1') | ('d', '2') | ('Q', '3') | ('e', '0') => Self::Gs1,
            ('A', _) => Self::Code39,
            ('C', _) => Self::Code128,
            ('d', _) => Self::DataMatrix,
            ('Q', _) => Self::Qr,
            ('E', _) => Self::Ean,
            ('L', _) => Self::Pdf417,
            (code, modifier) if code.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() => Self::Other,
            _ => return (None, text),
        };
        (Some(symbology), chars.as_str())
    }
}

/// The fields of a GS1 label that are of use here; the others are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// (01), the number of the article: 14 digits; of an EAN code its 8 or 13.
    pub gtin: Option<String>,
    /// (21): up to 20 characters.
    pub serial: Option<String>,
    /// (10): up to 20 characters.
    pub batch: Option<String>,
    /// (37) or (30): how many are inside.
    pub count: Option<u32>,
}

/// From the first to the last serial number on the label of a box. Not each number between them need exist: some vendors
/// put check digits into theirs. So it is compared with what is known, never counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    first: String,
    last: String,
}

impl Range {
    /// Two serials of one length that differ in their last digits only, the first before the last.
    fn of(first: &str, last: &str) -> Option<Self> {
        let (first, last) = (first.trim(), last.trim());
        let head = |text: &str| text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let is_range = is_serial(first)
            && is_serial(last)
            && first.len() == last.len()
            && head(first) == head(last)
            && head(first) < first.len()
            && first.as_bytes().get(..head(first)) == last.as_bytes().get(..head(last))
            && first < last;
        is_range.then(|| Self { first: first.to_owned(), last: last.to_owned() })
    }

    /// As the label says it.
    pub fn first(&self) -> &str {
        &self.first
    }

    /// As the label says it.
    pub fn last(&self) -> &str {
        &self.last
    }

    /// What all serials of the range begin with, without dashes and in upper case.
    pub fn stem(&self) -> String {
        let (first, last) = (normal(&self.first), normal(&self.last));
        first.chars().zip(last.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a).collect()
    }

    /// Whether a serial number lies in it; dashes, blanks and case make no difference.
    pub fn holds(&self, serial: &str) -> bool {
        let (serial, first, last) = (normal(serial), normal(&self.first), normal(&self.last));
        let head = first.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        // Equal in length, equal in front, digits behind: then the order of texts is that of numbers.
        let rest_is_digits = serial.get(head..).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
        serial.len() == first.len() && rest_is_digits && (first..=last).contains(&serial)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} \u{2013} {}", self.first, self.last)
    }
}

/// What a scan says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A serial number.
    Serial(String),
    /// The fields of a GS1 code or of an EAN code.
    Label(Label),
    /// The first and the last serial number of a box.
    Range(Range),
    /// Several serial numbers, in the order of the label, each once.
    List(Vec<String>),
    /// None of these, perhaps a login: look for it as it is.
    Text(String),
}

/// A scan that was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// How the code was printed, when the scanner says so.
    pub symbology: Option<Symbology>,
    /// What it says.
    pub content: Content,
}

/// Why a scan says nothing of use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// Nothing but blanks.
    #[error("the code is empty")]
    Empty,
    /// More than a scanner reads at once.
    #[error("this is longer than a serial number or the label of a box: type or scan less")]
    TooLong,
    /// A seed: it goes to an import, and nowhere else. What it holds is said nowhere.
    #[error(
        "this code holds the secret of a token: it is not looked up, and was not kept; import it instead"
    )]
    Secret,
    /// A field of a GS1 code is cut off or of the wrong form.
    #[error("the field ({0}) of this GS1 code is not whole: scan it again")]
    Label(String),
}

/// As serials are compared: without blanks and dashes, in upper case.
fn normal(serial: &str) -> String {
    serial.chars().filter(|c| !c.is_whitespace() && *c != '-').flat_map(char::to_uppercase).collect()
}

/// Letters, digits and dashes, at least one digit.
fn is_serial(text: &str) -> bool {
    SERIAL_CHARS.contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && text.bytes().any(|b| b.is_ascii_digit())
}

/// The number behind `S/N`, `SN`, `S.N.` or `Serial number`, wherever that stands in a line.
fn labelled(line: &str) -> Option<&str> {
    const NAMES: [&str; 7] = ["SERIAL NUMBER", "SERIAL NO.", "SERIAL NO", "SERIAL", "S.N.", "S/N", "SN"];
    // Upper case of ASCII only, so that places in both are the same.
    let upper = line.to_ascii_uppercase();
    for name in NAMES {
        for (at, _) in upper.match_indices(name) {
            let before = upper.get(..at).and_then(|text| text.chars().next_back());
            if before.is_some_and(char::is_alphanumeric) {
                continue;
            }
            let rest = line.get(at + name.len()..).unwrap_or_default();
            let value = rest.trim_start_matches([':', '#', '=', '.', ' ', '\u{a0}']);
            // Bare letters are a label only before a digit: SNOW-1234 is a serial.
            let is_label = value.len() < rest.len() || value.starts_with(|c: char| c.is_ascii_digit());
            let end = value.find([' ', ',', ';', '|']).unwrap_or(value.len());
            let whole = value.get(..end).unwrap_or_default();
            if is_label && is_serial(whole) {
                // A range may have blanks around its dash.
                return Some(if range(value).is_some() { value } else { whole });
            }
        }
    }
    None
}

/// `FIRST-LAST`, also with another dash, blanks, `..` or `to`, or dashes inside the serials.
fn range(line: &str) -> Option<Range> {
    let line = line.trim();
    line.match_indices(['-', '\u{2013}', '\u{2014}'])
        .find_map(|(at, dash)| Range::of(line.get(..at)?, line.get(at + dash.len()..)?))
        .or_else(|| line.split_once("..").and_then(|(first, last)| Range::of(first, last)))
        .or_else(|| line.split_once(" to ").and_then(|(first, last)| Range::of(first, last)))
}

/// The digits of a GS1 field of fixed length, its identifier included, by the first two of them.
const fn fixed_digits(identifier: u8) -> Option<usize> {
    match identifier {
        0 => Some(20),
        1..=3 | 41 => Some(16),
        4 => Some(18),
        11..=19 => Some(8),
        20 => Some(4),
        31..=36 => Some(10),
        _ => None,
    }
}

/// The fields of a GS1 code.
fn label(data: &str) -> Result<Label, Unreadable> {
    let mut label = Label::default();
    let mut rest = data.trim_start_matches(GS);
    while !rest.is_empty() {
        let broken = || Unreadable::Label(rest.chars().take(2).filter(char::is_ascii_digit).collect());
        let start = rest.get(..2).ok_or_else(broken)?;
        let identifier: u8 = start.parse().map_err(|_| broken())?;
        let end = match fixed_digits(identifier) {
            Some(end) => end,
            None => rest.find(GS).unwrap_or(rest.len()),
        };
        let value = rest.get(2..end).ok_or_else(broken)?;
        let is_number =
            |most| !value.is_empty() && value.len() <= most && value.bytes().all(|b| b.is_ascii_digit());
        let is_text = !value.is_empty() && value.len() <= 20 && value.is_ascii();
        match identifier {
            1 if is_number(14) => label.gtin = Some(value.to_owned()),
            21 if is_text => label.serial = Some(value.to_owned()),
            10 if is_text => label.batch = Some(value.to_owned()),
            30 | 37 if is_number(8) => label.count = value.parse().ok(),
            1 | 10 | 21 | 30 | 37 => return Err(broken()),
            // A field that is of no use here.
            _ => {}
        }
        rest = rest.get(end..).unwrap_or_default().trim_start_matches(GS);
    }
    Ok(label)
}

/// One code without its symbology.
fn content(symbology: Option<Symbology>, data: &str) -> Result<Content, Unreadable> {
    if symbology == Some(Symbology::Gs1) || data.starts_with(GS) {
        return label(data).map(Content::Label);
    }
    // A separator means nothing outside of GS1.
    let line = data.replace(GS, "");
    let line = line.trim();
    if symbology == Some(Symbology::Ean) {
        return Ok(Content::Label(Label { gtin: Some(line.to_owned()), ..Label::default() }));
    }
    let line = labelled(line).unwrap_or(line);
    if let Some(range) = range(line) {
        return Ok(Content::Range(range));
    }
    if is_serial(line) {
        return Ok(Content::Serial(line.to_owned()));
    }
    let parts: Vec<&str> = line.split([',', ';']).map(str::trim).filter(|part| !part.is_empty()).collect();
    if parts.len() > 1 && parts.iter().all(|part| is_serial(part)) {
        return Ok(several(parts.into_iter().map(str::to_owned)));
    }
    Ok(Content::Text(line.to_owned()))
}

/// Serials, each once; a single one is no list.
fn several(serials: impl Iterator<Item = String>) -> Content {
    let mut list: Vec<String> = Vec::new();
    for serial in serials {
        if !list.contains(&serial) {
            list.push(serial);
        }
    }
    match <[String; 1]>::try_from(list) {
        Ok([serial]) => Content::Serial(serial),
        Err(list) => Content::List(list),
    }
}

/// Reads what was scanned, or typed where a scan may come. Lines are lines of one code.
///
/// # Errors
/// [`Unreadable`]; none of them repeats what was scanned.
pub fn read(text: &str) -> Result<Reading, Unreadable> {
    if text.len() > MOST_BYTES {
        return Err(Unreadable::TooLong);
    }
    let lower = text.to_ascii_lowercase();
    if SECRETS.iter().any(|secret| lower.contains(secret)) {
        return Err(Unreadable::Secret);
    }
    // GS counts as a blank nowhere: it may be the first character.
    let lines: Vec<&str> = text
        .lines()
        .map(|line| line.trim_matches([' ', '\t', '\r']))
        .filter(|line| !line.is_empty())
        .collect();
    let [first, more @ ..] = lines.as_slice() else { return Err(Unreadable::Empty) };
    let (symbology, data) = Symbology::strip(first);
    if data.trim().is_empty() {
        return Err(Unreadable::Empty);
    }
    if more.is_empty() {
        return Ok(Reading { symbology, content: content(symbology, data)? });
    }
    let bare: Vec<&str> = lines.iter().map(|line| Symbology::strip(line).1).collect();
    let serials: Vec<String> = bare.iter().filter_map(|line| labelled(line)).map(str::to_owned).collect();
    let content = if serials.is_empty() {
        let (mut found, mut box_range) = (Vec::new(), None);
        for line in &lines {
            let (symbology, data) = Symbology::strip(line);
            match content(symbology, data)? {
                Content::Serial(serial) | Content::Label(Label { serial: Some(serial), .. }) => {
                    found.push(serial);
                }
                Content::List(list) => found.extend(list),
                Content::Range(range) => box_range = Some(range),
                Content::Label(_) | Content::Text(_) => {}
            }
        }
        match box_range {
            _ if !found.is_empty() => several(found.into_iter()),
            Some(range) => Content::Range(range),
            None => Content::Text(bare.join(" ")),
        }
    } else if let [one] = serials.as_slice() {
        content(None, one)?
    } else {
        several(serials.into_iter())
    };
    Ok(Reading { symbology, content })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn said(text: &str) -> Content {
        read(text).expect("readable").content
    }

    fn serial(text: &str) -> Content {
        Content::Serial(text.to_owned())
    }

    /// The six examples, as the framer hands them on.
    #[test]
    fn golden() {
        assert_eq!(read("12345678"), Ok(Reading { symbology: None, content: serial("12345678") }));
        let code128 = Some(Symbology::Code128);
        assert_eq!(read("]C012345678"), Ok(Reading { symbology: code128, content: serial("12345678") }));
        let label = Label {
            gtin: Some("04012345678901".into()),
            serial: Some("12345678".into()),
            batch: Some("A".into()),
            count: None,
        };
        let gs1 = read("]C101040123456789012112345678\u{1d}10A");
        assert_eq!(gs1, Ok(Reading { symbology: Some(Symbology::Gs1), content: Content::Label(label) }));
        assert_eq!(said("8659622000001"), serial("8659622000001"));
        assert_eq!(said("S/N: 12345678"), serial("12345678"));
        let range = Range { first: "10000001".into(), last: "10000100".into() };
        assert_eq!(said("10000001-10000100"), Content::Range(range));
    }

    #[test]
    fn labels_before_serials() {
        for text in [
            "SN12345678",
            "sn: 12345678",
            "S.N. 12345678",
            "Serial number: 12345678",
            "Serial No 12345678",
            "P/N: C300 S/N: 12345678",
            "Model C300, SN 12345678; 2025",
            "S/N#12345678",
        ] {
            assert_eq!(said(text), serial("12345678"), "{text}");
        }
        assert_eq!(said("SNOW-1234"), serial("SNOW-1234"), "letters that only look like a label");
        assert_eq!(said("KSN1234"), serial("KSN1234"));
        assert_eq!(said("00012345"), serial("00012345"), "leading zeros count");
        assert_eq!(said("Model: C300\nS/N: 12345678\nDate: 2025-01"), serial("12345678"));
        assert_eq!(said("S/N: 10000001 - 10000100"), said("10000001-10000100"));
    }

    #[test]
    fn gs1() {
        let fields = |text: &str| match said(text) {
            Content::Label(label) => label,
            other => panic!("{other:?}"),
        };
        // A leading separator does what an identifier of the scanner does; dates and weights are passed over.
        let label = fields("\u{1d}010401234567890117270131310300010021AB-12\u{1d}3710");
        assert_eq!((label.serial.as_deref(), label.count), (Some("AB-12"), Some(10)));
        assert_eq!(fields("]d22112345678").serial.as_deref(), Some("12345678"));
        assert_eq!(fields("]Q3240X\u{1d}2112345678").serial.as_deref(), Some("12345678"));
        assert_eq!(
            fields("]E04012345678901").gtin.as_deref(),
            Some("4012345678901"),
            "an article, no serial"
        );
        for broken in ["]C10104", "]C121", "]C1211234567890123456789012", "]C1x", "]C137ABC"] {
            assert!(matches!(read(broken), Err(Unreadable::Label(_))), "{broken}: {:?}", read(broken));
        }
        // Without identifier or separator the same digits are a serial.
        assert_eq!(said("2112345678"), serial("2112345678"));
    }

    #[test]
    fn ranges() {
        let range = |text: &str| match said(text) {
            Content::Range(range) => range,
            other => panic!("{text}: {other:?}"),
        };
        let box_label = range("87-1234501-87-1234600");
        assert_eq!((box_label.first(), box_label.last()), ("87-1234501", "87-1234600"));
        assert_eq!(box_label.stem(), "871234");
        for (serial, is_in) in [
            ("87-1234501", true),
            ("871234550", true),
            ("87-1234600", true),
            ("87-1234500", false),
            ("87-1234601", false),
            ("87-12345011", false),
            ("8712345A1", false),
        ] {
            assert_eq!(box_label.holds(serial), is_in, "{serial}");
        }
        assert_eq!(range("AB0010 – AB0019").to_string(), "AB0010 – AB0019");
        assert!(range("AB0010..AB0019").holds("ab0015"));
        assert!(range("87-1234501 to 87-1234600").holds("871234555"));
        assert_eq!(said("87-1234501"), serial("87-1234501"), "a serial with a dash is none");
        assert_eq!(said("10000100-10000001"), serial("10000100-10000001"), "the wrong way round");
        assert_eq!(said("AB0010-CD0019"), serial("AB0010-CD0019"));
    }

    #[test]
    fn lists() {
        let list = Content::List(vec!["10000001".into(), "10000002".into(), "10000004".into()]);
        assert_eq!(said("10000001\n10000002\n10000004\n10000002"), list);
        assert_eq!(said("]d110000001\r\n10000002\r\n10000004"), list);
        assert_eq!(said("10000001, 10000002;10000004"), list);
        assert_eq!(said("S/N: 10000001\nS/N: 10000002\nS/N: 10000004"), list);
    }

    #[test]
    fn what_is_no_serial() {
        assert_eq!(said("maria.berg"), Content::Text("maria.berg".into()));
        assert_eq!(said("Berg"), Content::Text("Berg".into()));
        assert_eq!(said("]Q1https://example.org/t"), Content::Text("https://example.org/t".into()));
        for text in ["", " ", "\n\n", "]C0"] {
            assert_eq!(read(text), Err(Unreadable::Empty), "{text:?}");
        }
    }

    /// A seed is refused in any case, and the refusal does not repeat it.
    #[test]
    fn seeds() {
        for text in [
            "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP",
            "]Q1OTPAUTH://totp/x?secret=JBSWY3DPEHPK3PXP",
            "12345678\notpauth-migration://offline?data=JBSWY3DPEHPK3PXP",
        ] {
            let error = read(text).expect_err("a secret");
            assert_eq!(error, Unreadable::Secret);
            assert!(!error.to_string().contains("JBSW"));
        }
    }

    proptest! {
        #[test]
        fn hostile(text in "\\PC{0,80}|[\\]CdQ0-9\u{1d}\\-\n ]{0,80}") {
            if let Ok(Reading { content, .. }) = read(&text) {
                match content {
                    Content::Serial(serial) => prop_assert!(is_serial(&serial)),
                    Content::List(list) => prop_assert!(list.len() > 1),
                    Content::Range(range) => prop_assert!(range.holds(range.first()) && range.holds(range.last())),
                    Content::Label(_) | Content::Text(_) => {}
                }
            }
        }
    }

    #[test]
    fn what_is_too_long_and_halves_of_seeds_are_not_read() {
        assert_eq!(read(&"SN:".repeat(400)), Err(Unreadable::TooLong));
        assert!(read(&"1a11,".repeat(200)).is_ok());
        for half in ["totp/VPN?secret=MFRGGZDFMZTWQ2LK", "issuer=x&SECRET=MFRGG", "offline?data=CiEK"] {
            assert_eq!(read(half), Err(Unreadable::Secret), "{half}");
        }
    }
}
