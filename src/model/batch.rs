//! The tokens that came together.

use serde::{Deserialize, Serialize};

use super::{BatchAssignmentId, BatchId, BatchName, ImportId, ResourceId, Token, TokenSerial};
use crate::clock::UnixTime;

/// Whether a batch is real yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BatchState {
    /// Its import is not committed: its tokens are invisible.
    Staged,
    /// Part of the inventory.
    Live,
    /// Its import was dropped or undone: its tokens are invisible and will be swept.
    Dropped,
}

/// The tokens that came together: from one seed file, one programming run, or made in the portal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Number in the store.
    pub id: BatchId,
    /// What people call it; unique among live batches.
    pub name: BatchName,
    /// Whether it is real yet.
    pub state: BatchState,
    /// The import that brought it.
    pub import: Option<ImportId>,
    /// Number of its tokens.
    pub tokens: u64,
    /// True once a token of it was used, handed out or given to a user: its import cannot be undone any more.
    pub touched: bool,
    /// Where it came from, for people: file name, format, envelope.
    pub provenance: String,
    /// Since when.
    pub created_at: UnixTime,
}

/// Serial numbers from one to another, both included; they compare as text of equal length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SerialRange {
    /// First, in normal form.
    pub from: String,
    /// Last, in normal form.
    pub to: String,
}

impl SerialRange {
    /// A range, when both ends have the same length and are in order.
    pub fn new(from: &TokenSerial, to: &TokenSerial) -> Option<Self> {
        let (from, to) = (from.normal(), to.normal());
        (from.len() == to.len() && from <= to).then(|| Self { from: from.to_owned(), to: to.to_owned() })
    }

    /// True when the serial lies in it.
    pub fn contains(&self, serial: &TokenSerial) -> bool {
        let normal = serial.normal();
        normal.len() == self.from.len() && *self.from <= *normal && *normal <= *self.to
    }
}

/// How much of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BatchPart {
    /// All of it.
    Whole,
    /// These serial numbers.
    Serials(Vec<SerialRange>),
}

/// A batch, or part of it, standing on a resource: one record, whatever its size. Tokens with an
/// assignment of their own do not follow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchAssignment {
    /// Number in the store.
    pub id: BatchAssignmentId,
    /// Which batch.
    pub batch: BatchId,
    /// Where.
    pub resource: ResourceId,
    /// How much of it.
    pub part: BatchPart,
    /// Since when.
    pub created_at: UnixTime,
}

impl BatchAssignment {
    /// True when the token stands on the resource through this record.
    pub fn covers(&self, token: &Token) -> bool {
        token.batch == self.batch && token.follows_batch && self.part.includes(&token.serial)
    }
}

impl BatchPart {
    /// True when a serial of the batch is meant.
    pub fn includes(&self, serial: &TokenSerial) -> bool {
        match self {
            Self::Whole => true,
            Self::Serials(ranges) => ranges.iter().any(|range| range.contains(serial)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial(text: &str) -> TokenSerial {
        TokenSerial::parse(text).expect("a serial")
    }

    #[test]
    fn ranges_compare_serials_of_one_length() {
        let range = SerialRange::new(&serial("87-100"), &serial("87-199")).expect("in order");
        assert!(
            range.contains(&serial("87100"))
                && range.contains(&serial("87-150"))
                && range.contains(&serial("87199"))
        );
        assert!(!range.contains(&serial("87200")) && !range.contains(&serial("871000")));
        assert!(SerialRange::new(&serial("2"), &serial("1")).is_none());
        assert!(SerialRange::new(&serial("9"), &serial("10")).is_none());
    }
}
