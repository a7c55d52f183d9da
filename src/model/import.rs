//! An import: a plan first, then one change.

use serde::{Deserialize, Serialize};

use super::{Actor, BatchId, BatchName, ImportId, JobId, TokenKind};
use crate::clock::UnixTime;

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ImportState {
    /// The file is being read.
    Parsing,
    /// The plan is complete; nothing is visible yet.
    Planned,
    /// Its tokens are part of the inventory.
    Committed {
        /// When.
        at: UnixTime,
    },
    /// Dropped as a plan, or undone.
    Dropped {
        /// When.
        at: UnixTime,
    },
}

impl ImportState {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parsing => "parsing",
            Self::Planned => "planned",
            Self::Committed { .. } => "committed",
            Self::Dropped { .. } => "dropped",
        }
    }

    /// True when rows of the import are visible.
    pub const fn is_committed(self) -> bool {
        matches!(self, Self::Committed { .. })
    }
}

/// What the plan says of one line of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Comes into the store.
    New,
    /// Is there already, equal in everything.
    Identical,
    /// The serial is there with another secret or other parameters.
    Conflict,
    /// Cannot be used.
    Rejected,
}

impl Verdict {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Identical => "identical",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
        }
    }
}

/// A line of the plan that needs eyes. Never holds a secret or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportLine {
    /// Line in the file, counted from 1 as an editor does; 0: the file as a whole.
    pub line: u64,
    /// Column (field number in tables, character in XML), counted from 1; 0: the line as a whole.
    pub column: u64,
    /// The serial as given, when there is one.
    pub serial: String,
    /// What the plan does with it.
    pub verdict: Verdict,
    /// Stable word for scripts.
    pub code: String,
    /// One sentence for people: what is wrong and what to do.
    pub detail: String,
}

/// How many lines of each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportCounts {
    /// New tokens.
    pub new: u64,
    /// Already here, equal.
    pub identical: u64,
    /// Here with another secret or other parameters.
    pub conflicts: u64,
    /// Unusable.
    pub rejected: u64,
}

impl ImportCounts {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.new + self.identical + self.conflicts + self.rejected
    }
}

/// Tokens of one sort in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportContent {
    /// What they compute.
    pub kind: TokenKind,
    /// Maker and model, as the file says; empty when it does not, or for what is left of many sorts.
    pub model: String,
    /// How many.
    pub tokens: u64,
}

/// One import of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// Number in the store.
    pub id: ImportId,
    /// Where it stands.
    pub state: ImportState,
    /// Name of the format, as in `formats`.
    pub format: String,
    /// Name of what protected the file, `none` without.
    pub envelope: String,
    /// Name of the file as uploaded.
    pub file_name: String,
    /// Batch that its tokens belong to.
    pub batch: BatchId,
    /// Name of that batch.
    pub batch_name: BatchName,
    /// The job that reads the file.
    pub job: JobId,
    /// Counts by verdict.
    pub counts: ImportCounts,
    /// What readable tokens the file holds, by sort.
    pub contents: Vec<ImportContent>,
    /// Conflicting tokens get another secret when it is committed.
    pub replace: bool,
    /// Good lines are committed although others are not.
    pub only_good: bool,
    /// Weaknesses that the operator allowed, by code.
    pub allowed: Vec<String>,
    /// What was assumed because the file does not say it, and warnings: code and sentence.
    pub notes: Vec<(String, String)>,
    /// The inventory's generation that the plan was made against.
    pub generation: u64,
    /// Who brought it.
    pub actor: Actor,
    /// When.
    pub created_at: UnixTime,
    /// When the state last changed.
    pub changed_at: UnixTime,
}

impl Import {
    /// A plan waits this long for its commit.
    pub const PLAN_SECS: i64 = 24 * 3600;

    /// True when the plan can be committed as it stands.
    pub const fn can_commit(&self) -> bool {
        let clean = self.counts.rejected == 0 && (self.counts.conflicts == 0 || self.replace);
        matches!(self.state, ImportState::Planned) && (clean || self.only_good)
    }
}
