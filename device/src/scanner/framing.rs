//! Where a scan begins and ends.
//!
//! Factory suffixes differ by vendor: CR, CR LF, LF, HT, or nothing at all, so the end is one of them and a silence. What
//! comes in one go is one scan: a code that holds a list has the same line ends inside.

use std::fmt;
use std::time::Duration;

use zeroize::{Zeroize, Zeroizing};

/// Longest scan, in bytes; a QR code of a seed has about 300.
pub const MAX_BYTES: usize = 512;
/// The silence that ends a scan by itself.
pub const SILENCE: Duration = Duration::from_millis(100);
/// The silence that ends a scan behind a line end: a list goes on at once.
pub const SILENCE_AFTER_END: Duration = Duration::from_millis(30);

const HT: u8 = 0x09;
const LF: u8 = 0x0a;
const CR: u8 = 0x0d;
const STX: u8 = 0x02;
const ETX: u8 = 0x03;
/// Ends a field of variable length in GS1 codes; the only control character that means something inside a scan.
const GS: char = '\u{1d}';

/// What the scanner was told to send around each scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Affixes {
    /// Taken off where it stands.
    pub prefix: Vec<u8>,
    /// Ends a scan; empty: line ends and silence do.
    pub suffix: Vec<u8>,
}

/// What was scanned: one line, or the lines of a list. It may be a secret: it is wiped, and not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Scan(Zeroizing<String>);

impl Scan {
    /// The text, lines apart by LF, without control characters other than GS.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Scan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scan({} bytes)", self.0.len())
    }
}

/// Why a scan is not handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    /// More than [`MAX_BYTES`].
    #[error("the code holds more than {MAX_BYTES} bytes: scan the serial number alone")]
    TooLong,
    /// Not UTF-8.
    #[error(
        "what came is not text: set the scanner to UTF-8 or ASCII, and its speed to the one of the setting"
    )]
    NotText,
}

/// Collects bytes until a scan is whole.
pub struct Framer {
    affixes: Affixes,
    bytes: Zeroizing<Vec<u8>>,
    is_too_long: bool,
}

impl fmt::Debug for Framer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Framer({} bytes)", self.bytes.len())
    }
}

impl Framer {
    /// Nothing has come yet.
    pub fn new(affixes: Affixes) -> Self {
        // All the room at once: growing would leave copies behind that nobody wipes.
        let bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES));
        Self { affixes, bytes, is_too_long: false }
    }

    /// Takes what came; returns the scans that a suffix of the settings ended.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Result<Scan, Dropped>> {
        let mut done = Vec::new();
        for &byte in bytes {
            if self.bytes.len() == MAX_BYTES {
                // The last bytes stay, so that the suffix is seen.
                self.is_too_long = true;
                self.bytes.remove(0);
            }
            self.bytes.push(byte);
            let suffix = &self.affixes.suffix;
            if !suffix.is_empty() && self.bytes.ends_with(suffix) {
                let text = self.bytes.len() - suffix.len();
                self.bytes.truncate(text);
                done.extend(self.end());
            }
        }
        done
    }

    /// The silence that ends what has come so far; `None`: nothing has come.
    pub fn waits(&self) -> Option<Duration> {
        let last = self.bytes.last()?;
        let is_ended = self.affixes.suffix.is_empty() && matches!(*last, CR | LF | HT | ETX);
        Some(if is_ended { SILENCE_AFTER_END } else { SILENCE })
    }

    /// Ends what has come so far, after a silence; `None`: there was nothing but line ends.
    pub fn end(&mut self) -> Option<Result<Scan, Dropped>> {
        let scan = if self.is_too_long { Some(Err(Dropped::TooLong)) } else { self.scan() };
        self.bytes.as_mut_slice().zeroize();
        self.bytes.clear();
        self.is_too_long = false;
        scan
    }

    fn scan(&self) -> Option<Result<Scan, Dropped>> {
        let mut text = Zeroizing::new(String::with_capacity(MAX_BYTES));
        for line in self.bytes.split(|byte| matches!(*byte, CR | LF | HT)) {
            let framed = line.strip_prefix(&[STX]).unwrap_or(line);
            let prefix = self.affixes.prefix.as_slice();
            let bare = line.strip_prefix(prefix).or_else(|| framed.strip_prefix(prefix)).unwrap_or(framed);
            let Ok(line) = std::str::from_utf8(bare) else { return Some(Err(Dropped::NotText)) };
            let start = text.len();
            if start > 0 {
                text.push('\n');
            }
            let before = text.len();
            text.extend(line.trim().chars().filter(|c| *c == GS || !c.is_control()));
            if text.len() == before {
                text.truncate(start);
            }
        }
        (!text.is_empty()).then_some(Ok(Scan(text)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(bytes: &[u8], affixes: Affixes) -> Vec<Result<String, Dropped>> {
        let mut framer = Framer::new(affixes);
        let mut all = framer.push(bytes);
        all.extend(framer.end());
        all.into_iter().map(|scan| scan.map(|scan| scan.text().to_owned())).collect()
    }

    fn plain(bytes: &[u8]) -> Vec<Result<String, Dropped>> {
        framed(bytes, Affixes::default())
    }

    /// The examples of the vendors' factory settings, byte by byte.
    #[test]
    fn golden() {
        let examples: [(&[u8], &str); 6] = [
            (b"12345678\r", "12345678"),
            (b"]C012345678\r\n", "]C012345678"),
            (b"]C101040123456789012112345678\x1d10A\r", "]C101040123456789012112345678\u{1d}10A"),
            (b"\x028659622000001\x03", "8659622000001"),
            (b"S/N: 12345678\r", "S/N: 12345678"),
            (b"10000001-10000100\n", "10000001-10000100"),
        ];
        for (bytes, text) in examples {
            assert_eq!(plain(bytes), [Ok(text.to_owned())]);
        }
    }

    #[test]
    fn a_silence_ends_what_nothing_else_does() {
        let mut framer = Framer::new(Affixes::default());
        assert_eq!(framer.waits(), None);
        assert!(framer.push(b"1234").is_empty());
        assert_eq!(framer.waits(), Some(SILENCE));
        assert!(framer.push(b"5678\r").is_empty());
        assert_eq!(framer.waits(), Some(SILENCE_AFTER_END), "a list may go on");
        let scan = framer.end().expect("a scan").expect("text");
        assert_eq!(scan.text(), "12345678");
        assert_eq!(format!("{scan:?}"), "Scan(8 bytes)", "it may be a secret");
        assert_eq!((framer.waits(), framer.end()), (None, None));
        assert_eq!(plain(b"\r\n"), [], "line ends alone are nothing");
    }

    #[test]
    fn what_comes_in_one_go_is_one_scan() {
        assert_eq!(
            plain(b"10000001\r\n10000002\r\n10000004\r\n"),
            [Ok("10000001\n10000002\n10000004".into())]
        );
        assert_eq!(plain(b"\x0210000001\x03\r\x0210000002\x03\r"), [Ok("10000001\n10000002".into())]);
        assert_eq!(plain(b"10000001\t"), [Ok("10000001".into())]);
    }

    #[test]
    fn prefix_and_suffix_of_the_settings() {
        let affixes = Affixes { prefix: b"~".to_vec(), suffix: b"##".to_vec() };
        let scans = framed(b"~12345678##~87654321##", affixes.clone());
        assert_eq!(scans, [Ok("12345678".into()), Ok("87654321".into())]);
        assert_eq!(framed(b"~1234\r\n5678##", affixes.clone()), [Ok("1234\n5678".into())], "a list");
        assert_eq!(framed(b"12345678", affixes.clone()), [Ok("12345678".into())], "a silence ends it, too");
        let mut framer = Framer::new(affixes.clone());
        assert!(framer.push(b"~1#").is_empty());
        assert_eq!(framer.push(b"#").len(), 1, "the suffix came in pieces");
        let long = [&vec![b'1'; 2 * MAX_BYTES][..], b"##~87654321##"].concat();
        assert_eq!(framed(&long, affixes), [Err(Dropped::TooLong), Ok("87654321".into())]);
    }

    #[test]
    fn hostile() {
        assert_eq!(plain(&[b'1'; MAX_BYTES]).len(), 1);
        assert_eq!(plain(&[b'1'; MAX_BYTES + 1]), [Err(Dropped::TooLong)]);
        assert_eq!(plain(&[0xff, b'1', CR]), [Err(Dropped::NotText)]);
        assert_eq!(plain(b"12\x00\x1b345678\x07\r"), [Ok("12345678".into())]);
    }

    proptest! {
        /// Where the pieces are cut makes no difference, and nothing that is handed on has other control characters.
        #[test]
        fn pieces(bytes in prop::collection::vec(any::<u8>(), 0..700), cuts in prop::collection::vec(1_usize..64, 1..20)) {
            let whole = plain(&bytes);
            let mut framer = Framer::new(Affixes::default());
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                framer.push(piece);
                rest = after;
            }
            let pieced: Vec<_> = framer.end().into_iter().map(|it| it.map(|scan| scan.text().to_owned())).collect();
            prop_assert_eq!(&whole, &pieced);
            for text in whole.into_iter().flatten() {
                prop_assert!(text.len() <= MAX_BYTES);
                prop_assert!(!text.is_empty() && text.chars().all(|c| !c.is_control() || c == GS || c == '\n'));
            }
        }
    }
}
