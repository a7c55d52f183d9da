//! Bytes to text, and text to lines as an editor counts them.

use zeroize::{Zeroize, Zeroizing};

use super::problem::{FileError, Position};

/// The text of a file: the bytes themselves, or a copy that is wiped.
pub(super) enum Text<'a> {
    Borrowed(&'a str),
    Decoded(Zeroizing<String>),
}

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Decoded(text) => text,
        }
    }
}

/// Reads UTF-8 (with or without mark), UTF-16 with a mark, and XML that says it is Latin-1.
pub(super) fn decode(bytes: &[u8]) -> Result<Text<'_>, FileError> {
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        [0xef, 0xbb, 0xbf, rest @ ..] => utf8(rest, 3)?,
        _ if declares_latin1(bytes) => latin1(bytes),
        _ => utf8(bytes, 0)?,
    };
    if text.as_str().chars().all(char::is_whitespace) {
        return Err(FileError::Empty);
    }
    if let Some(offset) = text.as_str().bytes().position(|b| b == 0) {
        return Err(binary(text.as_str(), offset));
    }
    Ok(text)
}

fn binary(text: &str, offset: usize) -> FileError {
    let at = place(&text.as_bytes()[..offset]);
    FileError::Binary { offset: offset as u64, at }
}

fn utf8(bytes: &[u8], skipped: usize) -> Result<Text<'_>, FileError> {
    std::str::from_utf8(bytes).map(Text::Borrowed).map_err(|wrong| {
        let (offset, at) = (wrong.valid_up_to(), place(&bytes[..wrong.valid_up_to()]));
        let nul = bytes.iter().take(offset + 64).position(|b| *b == 0);
        match nul {
            Some(nul) => {
                FileError::Binary { offset: (nul + skipped) as u64, at: place(&bytes[..nul.min(offset)]) }
            }
            None => FileError::NotUtf8 { offset: (offset + skipped) as u64, at },
        }
    })
}

fn utf16(bytes: &[u8], join: fn([u8; 2]) -> u16) -> Result<Text<'static>, FileError> {
    // No character of UTF-16 needs more than three bytes of UTF-8 per unit, so this never grows.
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() / 2 * 3));
    let units = bytes.chunks(2).map(|pair| match pair {
        [a, b] => join([*a, *b]),
        _ => 0xdc00,
    });
    for (index, read) in char::decode_utf16(units).enumerate() {
        let Ok(sign) = read else {
            let at = place(text.as_bytes());
            return Err(FileError::Binary { offset: (index * 2 + 2) as u64, at });
        };
        text.push(sign);
    }
    Ok(Text::Decoded(text))
}

/// The XML declaration must be obeyed (XML 1.0 §4.3.3); vendors use Latin-1 beside UTF-8.
fn declares_latin1(bytes: &[u8]) -> bool {
    let Some(rest) = bytes.strip_prefix(b"<?xml") else { return false };
    let head = &rest[..rest.len().min(160)];
    let Some(end) = head.iter().position(|b| *b == b'>') else { return false };
    let head = head[..end].to_ascii_lowercase();
    let names = [&b"iso-8859-1"[..], b"latin1", b"us-ascii"];
    names.iter().any(|name| head.windows(name.len()).any(|part| part == *name))
}

fn latin1(bytes: &[u8]) -> Text<'static> {
    let mut text = Zeroizing::new(String::with_capacity(bytes.len() * 2));
    text.extend(bytes.iter().map(|b| char::from(*b)));
    Text::Decoded(text)
}

/// The place right behind `before`.
fn place(before: &[u8]) -> Position {
    let mut cursor = Cursor::default();
    cursor.pass(before);
    cursor.position()
}

/// Counts lines and characters over text that is passed piece by piece.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    lines: u64,
    characters: u64,
    after_cr: bool,
}

impl Cursor {
    /// Passes over UTF-8 bytes.
    pub(super) fn pass(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' | b'\r' => {
                    self.lines += 1;
                    self.characters = 0;
                    self.after_cr = *byte == b'\r';
                }
                // Bytes 10xxxxxx continue a character.
                _ => {
                    self.characters += u64::from(byte & 0xc0 != 0x80);
                    self.after_cr = false;
                }
            }
        }
    }

    /// Where the next character stands.
    pub(super) const fn position(self) -> Position {
        Position::new(self.lines + 1, self.characters + 1)
    }
}

/// One line without its end.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// Counted from 1.
    pub(super) number: u64,
    pub(super) text: &'a str,
    /// Bytes of the file up to and with this line.
    pub(super) end: usize,
}

impl Line<'_> {
    /// True for blank lines, comments and separators made of nothing but delimiters.
    pub(super) fn is_void(&self) -> bool {
        let text = self.text.trim_start();
        text.is_empty() || text.starts_with('#')
    }
}

/// Goes through the lines of a text; LF, CRLF and lone CR end one, also mixed.
pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
    number: u64,
}

impl<'a> Lines<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, number: 0 }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let rest = &self.text[self.at..];
        if rest.is_empty() {
            return None;
        }
        let bytes = rest.as_bytes();
        let end = bytes.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(bytes.len());
        let after = match &bytes[end..] {
            [b'\r', b'\n', ..] => end + 2,
            [] => end,
            _ => end + 1,
        };
        self.at += after;
        self.number += 1;
        Some(Line { number: self.number, text: &rest[..end], end: self.at })
    }
}

/// Appends without leaving copies behind: a buffer that must grow is replaced and wiped.
pub(super) fn push_wiped(buffer: &mut Zeroizing<String>, more: &str) {
    let needed = buffer.len() + more.len();
    if needed > buffer.capacity() {
        let mut larger = Zeroizing::new(String::with_capacity(needed.next_power_of_two()));
        larger.push_str(buffer);
        buffer.zeroize();
        *buffer = larger;
    }
    buffer.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_as_an_editor_sees_them() {
        let seen: Vec<_> = Lines::new("a\r\nb\rc\n\nd").map(|l| (l.number, l.text.to_owned())).collect();
        let expected: Vec<_> =
            [(1, "a"), (2, "b"), (3, "c"), (4, ""), (5, "d")].map(|(n, t)| (n, t.to_owned())).into();
        assert_eq!(seen, expected);
        assert_eq!(place("a\r\nb\rc\n\nd".as_bytes()), Position::new(5, 2));
        assert_eq!(place("ü\r".as_bytes()), Position::new(2, 1));
        assert_eq!(place("üa".as_bytes()), Position::new(1, 3));
    }

    #[test]
    fn texts_of_all_kinds() {
        let read = |bytes: &[u8]| decode(bytes).map(|t| t.as_str().to_owned());
        assert_eq!(read(b"\xef\xbb\xbfab").expect("mark"), "ab");
        assert_eq!(read(b"\xff\xfea\0\xfc\0").expect("little end first"), "aü");
        assert_eq!(read(b"\xfe\xff\0a\0b").expect("big end first"), "ab");
        assert!(matches!(read(b""), Err(FileError::Empty)));
        assert!(matches!(read(b"\xef\xbb\xbf \r\n"), Err(FileError::Empty)));
        assert!(matches!(read(b"a\0b\0"), Err(FileError::Binary { offset: 1, .. })));
        assert!(matches!(read(b"\xff\xfea"), Err(FileError::Binary { .. })));
        let Err(FileError::NotUtf8 { offset, at }) = read(b"ab\nM\xfcller") else { panic!("Latin-1") };
        assert_eq!((offset, at), (4, Position::new(2, 2)));
        let xml = b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?><a>\xfc</a>";
        assert!(read(xml).expect("declared").ends_with("<a>ü</a>"));
    }
}
