//! Tables of text: fields, quotes, the delimiter, and the first pass over a whole column.
//!
//! Fields are borrowed from the text, so no copy of a secret lies in a reader's buffer; that is why
//! this is not the `csv` crate. A quoted field ends on its line: seed files have no line ends inside
//! fields, and so a forgotten quotation mark spoils one line, not the rest of the file.

use zeroize::Zeroizing;

use super::encoding::Vote;
use super::output::{Draft, Output, is_spreadsheet_number};
use super::problem::{Fault, FileError, Position, ProblemCode};
use super::text::{Line, Lines};

/// Longest field in bytes.
pub(super) const MOST_FIELD_BYTES: usize = 4096;
/// Most fields of a line.
const MOST_FIELDS: usize = 64;

/// One field, without blanks around it.
pub(super) enum Field<'a> {
    Plain(&'a str),
    Unquoted(Zeroizing<String>),
}

impl Field<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Unquoted(text) => text.trim(),
        }
    }
}

/// Splits a line into trimmed fields. Empty fields at the end are dropped.
pub(super) fn split<'a>(line: &'a str, delimiter: u8, fields: &mut Vec<Field<'a>>) -> Result<(), Fault> {
    fields.clear();
    if line.as_bytes().contains(&b'"') {
        split_quoted(line, delimiter, fields)?;
    } else {
        let sign = char::from(delimiter);
        fields.extend(line.split(sign).take(MOST_FIELDS + 1).map(|f| Field::Plain(trim(f))));
    }
    while fields.last().is_some_and(|f| f.as_str().is_empty()) {
        fields.pop();
    }
    if fields.len() > MOST_FIELDS {
        let what = format!(
            "the line has more than {MOST_FIELDS} fields. Check that this is the vendor's original file."
        );
        return Err(Fault::new(ProblemCode::LimitExceeded, 0, what));
    }
    if line.len() > MOST_FIELD_BYTES
        && let Some(index) = fields.iter().position(|f| f.as_str().len() > MOST_FIELD_BYTES)
    {
        let what = "the field is longer than 4 KiB. Check that this is the vendor's original file.";
        return Err(Fault::new(ProblemCode::LimitExceeded, index as u64 + 1, what));
    }
    Ok(())
}

fn trim(field: &str) -> &str {
    match field.as_bytes() {
        [first, .., last] if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() => field,
        _ => field.trim(),
    }
}

fn split_quoted<'a>(line: &'a str, delimiter: u8, fields: &mut Vec<Field<'a>>) -> Result<(), Fault> {
    let sign = char::from(delimiter);
    let mut rest = line;
    loop {
        let column = fields.len() as u64 + 1;
        if fields.len() > MOST_FIELDS {
            return Ok(());
        }
        let blanks = rest.len() - rest.trim_start_matches([' ', '\u{a0}']).len();
        let after = if rest[blanks..].starts_with('"') {
            let (field, after) = unquote(&rest[blanks + 1..], column)?;
            let after = after.trim_start_matches([' ', '\u{a0}']);
            if !(after.is_empty() || after.starts_with(sign)) {
                let what = "there is text between the closing quotation mark and the next delimiter. Correct the quotation marks in this line.";
                return Err(Fault::new(ProblemCode::QuoteUnclosed, column, what));
            }
            fields.push(field);
            after
        } else {
            let end = rest.find(sign).unwrap_or(rest.len());
            if rest[..end].contains('"') {
                let what = "there is a quotation mark in the middle of the field. Correct the quotation marks in this line.";
                return Err(Fault::new(ProblemCode::QuoteUnclosed, column, what));
            }
            fields.push(Field::Plain(rest[..end].trim()));
            &rest[end..]
        };
        match after.strip_prefix(sign) {
            Some(next) => rest = next,
            None => return Ok(()),
        }
    }
}

/// Reads from behind an opening quotation mark; gives the field and what follows the closing one.
fn unquote(text: &str, column: u64) -> Result<(Field<'_>, &str), Fault> {
    let mut unescaped: Option<Zeroizing<String>> = None;
    let mut from = 0;
    while let Some(found) = text[from..].find('"') {
        let at = from + found;
        if text[at + 1..].starts_with('"') {
            let kept = unescaped.get_or_insert_with(|| Zeroizing::new(String::with_capacity(text.len())));
            kept.push_str(&text[from..=at]);
            from = at + 2;
            continue;
        }
        let after = &text[at + 1..];
        return Ok(match unescaped {
            Some(mut kept) => {
                kept.push_str(&text[from..at]);
                (Field::Unquoted(kept), after)
            }
            None => (Field::Plain(text[..at].trim()), after),
        });
    }
    let what = "the quotation mark that opens this field is not closed on the same line. Close it, or ask the vendor for the file again.";
    Err(Fault::new(ProblemCode::QuoteUnclosed, column, what))
}

/// The delimiter of a file: the one that most of the first lines have.
pub(super) fn delimiter(lines: &[&str]) -> u8 {
    let count = |sign: u8| lines.iter().filter(|l| l.as_bytes().contains(&sign)).count();
    let mut best = (b',', count(b','));
    for sign in [b';', b'\t'] {
        let lines = count(sign);
        if lines > best.1 {
            best = (sign, lines);
        }
    }
    best.0
}

/// The fault of a line that has none of the file's delimiters and one of the others.
pub(super) fn other_delimiter(line: &str, delimiter: u8) -> Option<Fault> {
    let bytes = line.as_bytes();
    if bytes.contains(&delimiter) || ![b',', b';', b'\t'].iter().any(|sign| bytes.contains(sign)) {
        return None;
    }
    let name = match delimiter {
        b';' => "semicolons",
        b'\t' => "tabs",
        _ => "commas",
    };
    let what = format!("the other lines are separated by {name}, this one is not. Write it like the others.");
    Some(Fault::new(ProblemCode::DelimiterMixed, 0, what))
}

/// The serial number of a faulty line, when the line is in order so far that it is one: after a line
/// break inside a secret the first field is a part of that secret.
pub(super) fn serial_of<'f>(fields: &'f [Field<'_>], columns: Columns) -> &'f str {
    let field = |index: usize| fields.get(index).map_or("", Field::as_str);
    let secret = field(columns.secret);
    let in_order = if secret.is_empty() {
        fields.len() > columns.secret + 1
    } else {
        secret.len() >= 16 || is_spreadsheet_number(secret)
    };
    if in_order { field(columns.serial) } else { "" }
}

/// Reads lines one after another: each gives a draft, or a fault with the serial number that `serial` finds in it.
/// Lines without fields are passed over.
pub(super) fn rows<'t>(
    lines: impl Iterator<Item = Line<'t>>,
    delimiter: u8,
    out: &mut Output<'_>,
    serial: impl for<'f> Fn(&'f [Field<'t>]) -> &'f str,
    mut row: impl FnMut(u64, &[Field<'t>], &mut Output<'_>) -> Result<Draft, Fault>,
) -> Result<(), FileError> {
    let mut fields = Vec::new();
    for line in lines {
        let split = split(line.text, delimiter, &mut fields);
        if split.is_ok() && fields.is_empty() {
            continue;
        }
        let draft = split
            .and_then(|()| other_delimiter(line.text, delimiter).map_or(Ok(()), Err))
            .and_then(|()| row(line.number, &fields, out));
        match draft {
            Ok(draft) => out.draft(draft)?,
            Err(fault) => out.fault(line.number, serial(&fields), &fault)?,
        }
        out.progress(line.end)?;
    }
    Ok(())
}

/// A header name without blanks, underscores, dashes and case.
pub(super) fn plain_name(name: &str) -> String {
    let kept = name.chars().filter(|c| !matches!(c, ' ' | '_' | '-' | '\u{a0}'));
    kept.flat_map(char::to_lowercase).collect()
}

/// Which column of a table is which, counted from 0.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) serial: usize,
    pub(super) secret: usize,
    pub(super) kind: Option<usize>,
}

/// What a first pass over the whole file found.
#[derive(Default)]
pub(super) struct Survey {
    pub(super) vote: Vote,
    /// Lines that name what the token computes.
    pub(super) kinds: u64,
    /// Lines with a secret.
    pub(super) rows: u64,
    /// Those of them whose secret is not used as text.
    voted: u64,
    serial_lengths: std::collections::BTreeMap<usize, (u64, u64)>,
}

/// Goes over the lines that `lines` gives and looks at the columns that matter.
pub(super) fn survey<'a>(
    lines: impl Iterator<Item = Line<'a>>,
    delimiter: u8,
    columns: Columns,
    out: &mut Output<'_>,
) -> Result<Survey, FileError> {
    let mut seen = Survey::default();
    let mut fields = Vec::new();
    for line in lines {
        if line.is_void() || split(line.text, delimiter, &mut fields).is_err() {
            continue;
        }
        let (Some(serial), Some(secret)) = (fields.get(columns.serial), fields.get(columns.secret)) else {
            continue;
        };
        seen.rows += 1;
        let is_text = columns.kind.and_then(|kind| fields.get(kind));
        if is_text.is_none_or(|kind| !kind.as_str().eq_ignore_ascii_case("motp")) {
            seen.vote.add(secret.as_str());
            seen.voted += 1;
        }
        if let Some(kind) = columns.kind
            && fields.get(kind).is_some_and(|k| !k.as_str().is_empty())
        {
            seen.kinds += 1;
        }
        let chars = serial.as_str().len().min(65);
        seen.serial_lengths.entry(chars).or_insert((0, line.number)).0 += 1;
        if seen.rows % 65_536 == 0 {
            out.tick(0)?;
        }
    }
    seen.warn_of_short_serials(out);
    Ok(seen)
}

impl Survey {
    /// True when no line has a secret that could be written in one way or the other.
    pub(super) const fn vote_is_empty(&self) -> bool {
        self.voted == 0
    }

    /// A few serials shorter than all others have lost their leading zeros.
    fn warn_of_short_serials(&self, out: &mut Output<'_>) {
        let usual = self.serial_lengths.iter().max_by_key(|(_, (count, _))| *count);
        let Some((usual, (count, _))) = usual else { return };
        if self.rows < 10 || count * 10 < self.rows * 9 {
            return;
        }
        for (_, (count, line)) in self.serial_lengths.range(..usual) {
            for _ in 0..*count {
                let text = "The serial number is shorter than the others of this file; a spreadsheet may have dropped zeros at its front";
                out.note(ProblemCode::SerialDamagedBySpreadsheet, text, Position::new(*line, 0));
            }
        }
    }
}

/// The lines of a file behind its header, without blank lines and comments.
pub(super) fn data_lines(text: &str, behind_header: bool) -> impl Iterator<Item = Line<'_>> {
    Lines::new(text).filter(|line| !line.is_void()).skip(usize::from(behind_header))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(line: &str) -> Result<Vec<String>, (ProblemCode, u64)> {
        let mut made = Vec::new();
        split(line, b',', &mut made).map_err(|f| (f.code, f.column))?;
        Ok(made.iter().map(|f| f.as_str().to_owned()).collect())
    }

    #[test]
    fn fields_are_trimmed_and_the_empty_end_is_dropped() {
        assert_eq!(fields(" a ,\tb\u{a0}, c d ,, ,"), Ok(vec!["a".into(), "b".into(), "c d".into()]));
        assert_eq!(fields("a,,c"), Ok(vec!["a".into(), String::new(), "c".into()]));
    }

    #[test]
    fn quotes() {
        assert_eq!(
            fields(r#""a,b", "say ""hi""" ,c"#),
            Ok(vec!["a,b".into(), "say \"hi\"".into(), "c".into()])
        );
        assert_eq!(fields(r#"a,"b"#), Err((ProblemCode::QuoteUnclosed, 2)));
        assert_eq!(fields(r#"a,b"c"#), Err((ProblemCode::QuoteUnclosed, 2)));
        assert_eq!(fields(r#""a"b,c"#), Err((ProblemCode::QuoteUnclosed, 1)));
        assert_eq!(fields("a,\"\"\""), Err((ProblemCode::QuoteUnclosed, 2)));
    }

    #[test]
    fn limits() {
        assert_eq!(fields(&"a,".repeat(70)).map(|f| f.len()), Err((ProblemCode::LimitExceeded, 0)));
        let long = format!("a,{}", "b".repeat(5000));
        assert_eq!(fields(&long), Err((ProblemCode::LimitExceeded, 2)));
    }

    #[test]
    fn the_delimiter_of_most_lines_wins() {
        assert_eq!(delimiter(&["a;b", "c;d,e"]), b';');
        assert_eq!(delimiter(&["a,b", "c,d;e"]), b',');
        assert!(other_delimiter("a;b", b',').is_some());
        assert!(other_delimiter("a", b',').is_none());
    }
}
