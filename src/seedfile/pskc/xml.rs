//! XML by pulling, with limits and places; one small tree at a time.

use quick_xml::NsReader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use zeroize::Zeroizing;

use crate::seedfile::probe::{MOST_TAG_BYTES, is_pskc};
use crate::seedfile::problem::{FileError, Position, ProblemCode};
use crate::seedfile::text::{Cursor, push_wiped};

/// Deepest nesting of elements.
const MOST_DEPTH: usize = 32;
/// Most attributes of one tag.
const MOST_ATTRIBUTES: usize = 64;
/// Longest text of one element in bytes.
const MOST_TEXT_BYTES: usize = 4096;
/// Most elements of one tree.
const MOST_NODES: usize = 2048;

/// An element with what it holds. Texts are wiped, they may be secrets.
pub(super) struct Node {
    /// Name without prefix.
    pub(super) name: String,
    /// In the namespace of RFC 6030 or in none.
    pub(super) is_pskc: bool,
    /// Where its tag begins.
    pub(super) at: Position,
    attributes: Vec<(String, String)>,
    text: Zeroizing<String>,
    pub(super) children: Vec<Node>,
}

impl Node {
    /// The first child with this name in the namespace of RFC 6030.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.is_pskc && c.name == name)
    }

    /// The first child with this name in any namespace.
    pub(super) fn any_child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|c| c.name == name)
    }

    /// The first element with this name at any depth, in any namespace.
    pub(super) fn find(&self, name: &str) -> Option<&Self> {
        self.children.iter().find_map(|c| if c.name == name { Some(c) } else { c.find(name) })
    }

    /// An attribute, without blanks around it.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, value)| value.trim())
    }

    /// The text without blanks around it.
    pub(super) fn text(&self) -> &str {
        self.text.trim()
    }

    /// The text of a child, empty when there is none.
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.child(name).map_or("", Self::text)
    }
}

/// Something of interest in the document.
pub(super) enum Item {
    /// A child of the root; its tree can be taken or skipped.
    Child { name: String, is_pskc: bool, at: Position },
    /// The end of the document.
    End,
}

/// Goes through a document child by child of the root.
pub(super) struct Puller<'a> {
    reader: NsReader<&'a [u8]>,
    text: &'a str,
    passed: usize,
    cursor: Cursor,
    depth: usize,
    nodes: usize,
    rooted: bool,
    pending: Option<(BytesStart<'a>, bool, Position)>,
}

impl<'a> Puller<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let mut reader = NsReader::from_str(text);
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        config.check_end_names = true;
        Self {
            reader,
            text,
            passed: 0,
            cursor: Cursor::default(),
            depth: 0,
            nodes: 0,
            rooted: false,
            pending: None,
        }
    }

    /// Bytes read so far.
    pub(super) fn done(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(self.text.len()).min(self.text.len())
    }

    fn place(&mut self, offset: usize) -> Position {
        let offset = offset.clamp(self.passed, self.text.len());
        self.cursor.pass(&self.text.as_bytes()[self.passed..offset]);
        self.passed = offset;
        self.cursor.position()
    }

    fn malformed(&mut self, what: &str) -> FileError {
        let offset = usize::try_from(self.reader.error_position()).unwrap_or(0).max(self.passed);
        let at = self.place(offset);
        FileError::at(at, ProblemCode::XmlMalformed, what)
    }

    fn limit(&mut self, what: &str) -> FileError {
        let at = self.cursor.position();
        FileError::at(at, ProblemCode::LimitExceeded, what)
    }

    /// The next event, with the place where it begins.
    fn next(&mut self) -> Result<(Event<'a>, bool, Position), FileError> {
        let before = self.done();
        let at = self.place(before);
        let read = match self.reader.read_resolved_event() {
            Ok((space, event)) => {
                let is_pskc = is_pskc(&space);
                Ok((event, is_pskc))
            }
            Err(_) => Err(()),
        };
        let Ok((event, is_pskc)) = read else {
            let what = "the XML breaks off or is not well-formed here. The file was not transferred completely or was edited; ask the vendor to send it again.";
            return Err(self.malformed(what));
        };
        match &event {
            Event::DocType(_) => {
                let what = "document type declarations are not accepted, they can make a reader open other files. Ask the vendor for a file without DOCTYPE.";
                return Err(FileError::at(at, ProblemCode::XmlDtdRefused, what));
            }
            Event::Start(tag) => self.check_tag(tag)?,
            Event::End(_) => self.depth -= 1,
            Event::Text(text) if self.depth == 0 && !text.trim().is_empty() => {
                let what = "there is text outside the root element. Ask the vendor to send the file again.";
                return Err(FileError::at(at, ProblemCode::XmlMalformed, what));
            }
            Event::Eof if self.depth > 0 => {
                let what = "the file ends before all elements are closed. It was not transferred completely; ask the vendor to send it again.";
                let end = self.place(self.text.len());
                return Err(FileError::at(end, ProblemCode::XmlMalformed, what));
            }
            _ => {}
        }
        Ok((event, is_pskc, at))
    }

    fn check_tag(&mut self, tag: &BytesStart<'_>) -> Result<(), FileError> {
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(
                self.limit("elements are nested more than 32 deep. This is not a vendor's seed file.")
            );
        }
        if tag.len() > MOST_TAG_BYTES {
            return Err(self.limit("a tag is longer than 64 KiB. This is not a vendor's seed file."));
        }
        let mut attributes = tag.attributes();
        let attributes = attributes.with_checks(false);
        if attributes.take(MOST_ATTRIBUTES + 1).count() > MOST_ATTRIBUTES {
            return Err(self.limit("a tag has more than 64 attributes. This is not a vendor's seed file."));
        }
        Ok(())
    }

    /// Opens the root element.
    pub(super) fn open(&mut self) -> Result<Node, FileError> {
        loop {
            let (event, is_pskc, at) = self.next()?;
            match event {
                Event::Start(tag) => {
                    self.rooted = true;
                    return self.node(&tag, is_pskc, at);
                }
                Event::Eof => {
                    let what = "there is no root element. Ask the vendor to send the file again.";
                    return Err(self.malformed(what));
                }
                _ => {}
            }
        }
    }

    /// The next child of the root. One that was neither taken nor skipped is skipped.
    pub(super) fn child(&mut self) -> Result<Item, FileError> {
        if self.pending.is_some() {
            self.skip()?;
        }
        loop {
            let (event, is_pskc, at) = self.next()?;
            match event {
                Event::Start(_) if self.depth == 1 => {
                    let what = "there is a second root element. Ask the vendor to send the file again.";
                    return Err(FileError::at(at, ProblemCode::XmlMalformed, what));
                }
                Event::Start(tag) => {
                    let name = tag.local_name().as_ref().to_owned();
                    self.pending = Some((tag, is_pskc, at));
                    return Ok(Item::Child { name, is_pskc, at });
                }
                Event::Eof => return Ok(Item::End),
                _ => {}
            }
        }
    }

    /// Passes over the child just found.
    fn skip(&mut self) -> Result<(), FileError> {
        self.pending = None;
        let outside = self.depth - 1;
        while self.depth > outside {
            self.next()?;
        }
        Ok(())
    }

    /// The tree of the child just found.
    pub(super) fn tree(&mut self) -> Result<Node, FileError> {
        let Some((tag, is_pskc, at)) = self.pending.take() else {
            return Err(self.malformed("there is no element here."));
        };
        self.nodes = 0;
        let mut open = vec![self.node(&tag, is_pskc, at)?];
        loop {
            let (event, is_pskc, at) = self.next()?;
            match event {
                Event::Start(tag) => open.push(self.node(&tag, is_pskc, at)?),
                Event::End(_) => {
                    let Some(done) = open.pop() else {
                        return Err(self.malformed("there is no element here."));
                    };
                    match open.last_mut() {
                        Some(parent) => parent.children.push(done),
                        None => return Ok(done),
                    }
                }
                Event::Text(text) => self.keep(open.last_mut(), &text)?,
                Event::CData(text) => self.keep(open.last_mut(), &text)?,
                Event::GeneralRef(name) => {
                    let sign = match &*name {
                        "lt" => Some('<'),
                        "gt" => Some('>'),
                        "amp" => Some('&'),
                        "quot" => Some('"'),
                        "apos" => Some('\''),
                        _ => name.resolve_char_ref().ok().flatten(),
                    };
                    let Some(sign) = sign else {
                        let what = "an entity is used that XML does not define. Ask the vendor for a file without entities.";
                        return Err(FileError::at(at, ProblemCode::XmlMalformed, what));
                    };
                    let mut buffer = Zeroizing::new([0; 4]);
                    let sign = sign.encode_utf8(&mut *buffer);
                    self.keep(open.last_mut(), sign)?;
                }
                _ => {}
            }
        }
    }

    fn keep(&mut self, node: Option<&mut Node>, text: &str) -> Result<(), FileError> {
        let Some(node) = node else { return Ok(()) };
        // Certificates are long and never used.
        if node.name.starts_with("X509") || (node.text.is_empty() && text.trim().is_empty()) {
            return Ok(());
        }
        if node.text.len() + text.len() > MOST_TEXT_BYTES {
            return Err(self.limit(
                "the text of an element is longer than 4 KiB. Check that this is the vendor's original file.",
            ));
        }
        push_wiped(&mut node.text, text);
        Ok(())
    }

    fn node(&mut self, tag: &BytesStart<'_>, is_pskc: bool, at: Position) -> Result<Node, FileError> {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            return Err(
                self.limit("one element holds more than 2048 others. This is not a vendor's seed file.")
            );
        }
        let mut attributes = Vec::new();
        for attribute in tag.attributes() {
            let value =
                attribute.ok().and_then(|a| Some((a.key, a.normalized_value(XmlVersion::default()).ok()?)));
            let Some((key, value)) = value else {
                let what =
                    "an attribute is not well-formed or stands twice. Ask the vendor to send the file again.";
                return Err(FileError::at(at, ProblemCode::XmlMalformed, what));
            };
            attributes.push((key.local_name().as_ref().to_owned(), value.into_owned()));
        }
        let name = tag.local_name().as_ref().to_owned();
        Ok(Node { name, is_pskc, at, attributes, text: Zeroizing::default(), children: Vec::new() })
    }
}
