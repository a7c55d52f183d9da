//! Long work that somebody waits for.

use serde::{Deserialize, Serialize};

use super::{Actor, ImportId, JobId};
use crate::clock::UnixTime;

/// What the work is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobKind {
    /// Reading a seed file and planning.
    Import(ImportId),
}

impl JobKind {
    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Import(_) => "import",
        }
    }
}

/// Where the work stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum JobState {
    /// Waits for a worker.
    Queued,
    /// Under way.
    Running,
    /// Ended; the result is read from what the job is about.
    Done,
    /// Ended without a result.
    Failed {
        /// Stable word.
        code: String,
        /// One sentence for people.
        detail: String,
    },
}

impl JobState {
    /// The name in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Long work that somebody waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Number in the store.
    pub id: JobId,
    /// What it is.
    pub kind: JobKind,
    /// Where it stands.
    pub state: JobState,
    /// Units done.
    pub done: u64,
    /// Units in all; 0: not known yet.
    pub total: u64,
    /// Who asked for it.
    pub actor: Actor,
    /// The node that runs it.
    pub node: u32,
    /// Until when the node holds it.
    pub lease_until: UnixTime,
    /// Since when it exists.
    pub created_at: UnixTime,
    /// When it ended.
    pub ended_at: Option<UnixTime>,
}

impl Job {
    /// Ended jobs are kept this long.
    pub const KEPT_SECS: i64 = 30 * 24 * 3600;
}
