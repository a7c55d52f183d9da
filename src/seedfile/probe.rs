//! What detectors look at, and what they find that a file needs.

use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::{Namespace, ResolveResult};

use super::table::{self, Field};
use super::text::Lines;

/// The namespace of RFC 6030.
const PSKC: &str = "urn:ietf:params:xml:ns:keyprov:pskc";
/// Longest tag in bytes.
pub(super) const MOST_TAG_BYTES: usize = 64 * 1024;

/// What must be given beside a certain file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// A passphrase.
    pub passphrase: bool,
    /// A transport key.
    pub key: bool,
    /// The name that the file gives the key or passphrase, empty when it gives none.
    pub key_name: String,
    /// Fields that must be set because the file does not say them: `kind`, `period` …
    pub asks: Vec<&'static str>,
}

/// The beginning of a file, prepared once for all detectors.
pub(super) struct Probe<'a> {
    /// The whole text; empty when the bytes are none.
    pub(super) text: &'a str,
    /// The first line that is not blank, without blanks around it.
    pub(super) first: &'a str,
    /// The first lines that are neither blank nor comments.
    pub(super) lines: Vec<&'a str>,
    /// The root element, when this is XML.
    pub(super) root: Option<Root>,
}

/// Lines that detectors look at.
const PROBED_LINES: usize = 50;
/// Bytes of the text that detectors look at.
const PROBED_BYTES: usize = 64 * 1024;

impl<'a> Probe<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut head = PROBED_BYTES.min(text.len());
        while !text.is_char_boundary(head) {
            head -= 1;
        }
        let head = &text[..head];
        let first = Lines::new(head).map(|l| l.text.trim()).find(|l| !l.is_empty()).unwrap_or("");
        let lines = Lines::new(head).filter(|l| !l.is_void()).map(|l| l.text).take(PROBED_LINES);
        let root = if first.starts_with('<') { root(text) } else { None };
        Self { text, first, lines: lines.collect(), root }
    }

    pub(super) fn has_root(&self, name: &str) -> bool {
        self.root.as_ref().is_some_and(|root| root.name == name)
    }

    /// True when `test` holds for the fields of most of the first lines.
    pub(super) fn most_lines(&self, test: impl Fn(&[Field<'_>]) -> bool) -> bool {
        let (delimiter, mut fields) = (table::delimiter(&self.lines), Vec::new());
        let fitting = self
            .lines
            .iter()
            .filter(|line| table::split(line, delimiter, &mut fields).is_ok() && test(&fields))
            .count();
        fitting > 0 && fitting * 2 >= self.lines.len()
    }
}

/// The root element of a document.
pub(super) struct Root {
    /// Its name without prefix.
    pub(super) name: String,
    /// True in the namespace of RFC 6030 or in none.
    pub(super) is_pskc: bool,
}

/// The root element, when the text gets that far.
pub(super) fn root(text: &str) -> Option<Root> {
    let mut reader = NsReader::from_str(text);
    loop {
        match reader.read_resolved_event().ok()? {
            (space, Event::Start(tag) | Event::Empty(tag)) => {
                if tag.len() > MOST_TAG_BYTES {
                    return None;
                }
                return Some(Root { is_pskc: is_pskc(&space), name: tag.local_name().as_ref().to_owned() });
            }
            (_, Event::Eof) => return None,
            _ => {}
        }
    }
}

/// True in the namespace of RFC 6030 or in none.
pub(super) fn is_pskc(space: &ResolveResult<'_>) -> bool {
    match space {
        ResolveResult::Bound(Namespace(uri)) => *uri == PSKC,
        // Some generators forget the declaration; nothing else is meant by these names then.
        ResolveResult::Unbound | ResolveResult::Unknown(_) => true,
    }
}
