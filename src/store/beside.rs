//! Files beside the store: the marker that notices a lost store, and the anchors of the audit log.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{AuditHead, AuditSeal, StoreError, audit};

/// How much the store held when it was last looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marker {
    /// Identity of the store.
    pub(super) store_id: [u8; 16],
    /// Number of tokens.
    pub(super) tokens: u64,
    /// Number of audit records.
    pub(super) audit: u64,
}

impl Marker {
    const FILE: &'static str = "store.marker";

    /// True when nothing is lost if the store is empty.
    pub(super) const fn is_empty(&self) -> bool {
        self.tokens == 0 && self.audit == 0
    }

    /// Reads the marker; a file that cannot be read as one counts as none.
    pub(super) fn read(dir: &Path) -> Result<Option<Self>, StoreError> {
        let text = match std::fs::read_to_string(dir.join(Self::FILE)) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => {
                return Ok(None);
            }
            Err(error) => return Err(StoreError::Engine(Box::new(error))),
        };
        let mut marker = Self::default();
        for line in text.lines() {
            match line.split_once(' ') {
                Some(("tokens", n)) => marker.tokens = n.parse().unwrap_or(0),
                Some(("audit", n)) => marker.audit = n.parse().unwrap_or(0),
                Some(("store", id)) => {
                    let digits = id.get(..32).and_then(|id| u128::from_str_radix(id, 16).ok());
                    marker.store_id = digits.unwrap_or(0).to_be_bytes();
                }
                _ => {}
            }
        }
        Ok(Some(marker))
    }

    /// Replaces the marker in one step.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let fresh = dir.join("store.marker.new");
        let text =
            format!("store {}\ntokens {}\naudit {}\n", audit::hex(&self.store_id), self.tokens, self.audit);
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(text.as_bytes())?;
        file.sync_data()?;
        std::fs::rename(fresh, dir.join(Self::FILE))
    }
}

/// The anchors of the audit log: lines of a file that is only appended to, or of memory.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    file: Option<PathBuf>,
    memory: Vec<String>,
    last: BTreeMap<u32, AuditHead>,
}

impl Anchors {
    const FILE: &'static str = "audit-anchors";

    /// Anchors in a directory, or in memory.
    pub(super) fn open(dir: Option<&Path>) -> Result<Self, StoreError> {
        let mut anchors = Self { file: dir.map(|dir| dir.join(Self::FILE)), ..Self::default() };
        for line in anchors.lines()? {
            if let Some((head, _)) = audit::read_anchor(&line) {
                anchors.last.insert(head.chain, head);
            }
        }
        Ok(anchors)
    }

    fn lines(&self) -> Result<Vec<String>, StoreError> {
        let Some(file) = &self.file else {
            return Ok(self.memory.clone());
        };
        match std::fs::read_to_string(file) {
            // What follows the last line end was being written when the machine stopped.
            Ok(text) => Ok(text
                .split_inclusive('\n')
                .filter_map(|line| line.strip_suffix('\n'))
                .map(str::to_owned)
                .collect()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                Err(StoreError::Damaged(format!("{} is not text", Self::FILE)))
            }
            Err(error) => Err(StoreError::Engine(Box::new(error))),
        }
    }

    /// All anchors, oldest first; refuses a file with a line that was not written here.
    pub(super) fn read(&self, seal: Option<&AuditSeal>) -> Result<Vec<AuditHead>, StoreError> {
        let lines = self.lines()?;
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let seal = seal.ok_or(StoreError::AuditSealed)?;
        let mut heads = Vec::with_capacity(lines.len());
        for (at, line) in lines.iter().enumerate().filter(|(_, line)| !line.is_empty()) {
            match audit::read_anchor(line) {
                Some((head, mac)) if audit::is_anchor_genuine(seal, &head, mac) => heads.push(head),
                _ => {
                    return Err(StoreError::Damaged(format!(
                        "line {} of {} was changed",
                        at + 1,
                        Self::FILE
                    )));
                }
            }
        }
        Ok(heads)
    }

    /// Writes the end of a chain down when it is time.
    pub(super) fn note(&mut self, seal: &AuditSeal, head: &AuditHead) -> io::Result<()> {
        if !audit::is_anchor_due(self.last.get(&head.chain), head) {
            return Ok(());
        }
        let line = audit::anchor_line(seal, head);
        match &self.file {
            None => self.memory.push(line),
            Some(path) => {
                let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
                // After a line that was cut off, an own line begins.
                let gap = if ends_with_newline(path)? { "" } else { "\n" };
                file.write_all(format!("{gap}{line}\n").as_bytes())?;
                file.sync_data()?;
            }
        }
        self.last.insert(head.chain, *head);
        Ok(())
    }
}

fn ends_with_newline(path: &Path) -> io::Result<bool> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
