//! Users from a list: a plan first, then one change.
//!
//! Nothing of a plan is kept: whoever commits sends the file again, and the plan is made anew inside the
//! change, from what is there then. A commit may say what it saw (`expected`); another plan is not done.

mod line;
mod plan;

use std::sync::Arc;

use crate::model::Actor;
use crate::seedfile::{Position, UserListFault, read_user_list, user_list_text};

use super::user::OnConflict;
use super::{Service, ServiceError};
use line::Row;

/// Lines of a plan at most.
const MOST_LINES: usize = 100_000;
/// Lines that an answer holds.
const LINES_IN_ANSWER: usize = 1_000;
/// Bytes of a list at most.
const MOST_BYTES: usize = 64 << 20;

/// A list of users, and what to do with it.
#[derive(Clone, Debug, Default)]
pub struct UserImportRequest {
    /// The file.
    pub bytes: Vec<u8>,
    /// Commit when the plan is clean; false: only plan.
    pub commit: bool,
    /// Commit the good lines although others are not.
    pub only_good: bool,
    /// When a login is there already.
    pub on_conflict: OnConflict,
    /// Commit only a plan that counts like this one.
    pub expected: Option<UserImportCounts>,
}

/// What a plan does with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UserVerdict {
    /// The user is made.
    New,
    /// All of it is here already.
    Identical,
    /// Something empty gets a value.
    Filled,
    /// The login is somebody's, or was.
    Conflict,
    /// The line cannot be used.
    Rejected,
}

impl UserVerdict {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Identical => "identical",
            Self::Filled => "filled",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
        }
    }
}

/// How many lines of each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UserImportCounts {
    /// Users that are made.
    pub new: u64,
    /// Lines that change nothing.
    pub identical: u64,
    /// Users who get what is empty.
    pub filled: u64,
    /// Logins that are somebody's.
    pub conflicts: u64,
    /// Lines that cannot be used.
    pub rejected: u64,
}

impl UserImportCounts {
    /// All of them.
    pub const fn total(&self) -> u64 {
        self.new + self.identical + self.filled + self.conflicts + self.rejected
    }

    /// Whether this can be committed.
    pub const fn can_commit(&self, only_good: bool) -> bool {
        let good = self.new + self.identical + self.filled;
        good > 0 && (only_good || good == self.total())
    }

    const fn add(&mut self, verdict: UserVerdict) {
        match verdict {
            UserVerdict::New => self.new += 1,
            UserVerdict::Identical => self.identical += 1,
            UserVerdict::Filled => self.filled += 1,
            UserVerdict::Conflict => self.conflicts += 1,
            UserVerdict::Rejected => self.rejected += 1,
        }
    }
}

/// A line that is not `new`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserImportLine {
    /// Counted from 1, as an editor does.
    pub line: u64,
    /// The field, counted from 1; 0: the line as a whole.
    pub column: u64,
    /// The login as far as it can be read.
    pub login: String,
    /// What becomes of it.
    pub verdict: UserVerdict,
    /// Stable word.
    pub code: &'static str,
    /// One sentence: where, what, what to do.
    pub detail: String,
}

/// A plan, done or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserImportView {
    /// It was carried out.
    pub committed: bool,
    /// Lines by verdict.
    pub counts: UserImportCounts,
    /// Lines that are not `new`, the first thousand; those that stand in the way go first.
    pub lines: Vec<UserImportLine>,
}

/// A sentence with its place before it.
fn placed(at: Position, what: &str) -> String {
    match (at.line, at.column) {
        (0, _) => what.to_owned(),
        (line, 0) => format!("line {line}: {what}"),
        (line, column) => format!("line {line}, column {column}: {what}"),
    }
}

fn refused(fault: &UserListFault) -> ServiceError {
    ServiceError::invalid("file", fault.code, placed(fault.position, &fault.what))
}

impl Service {
    /// What a list of users holds as text, to be sent again with the commit.
    pub fn user_list_text(&self, bytes: &[u8]) -> Result<String, ServiceError> {
        user_list_text(bytes).map_err(|fault| refused(&fault))
    }

    /// Plans what a list of users changes, and does it when that was asked for and the plan allows it:
    /// all lines, or the good ones, in one change together with their audit records.
    ///
    /// To a scoped actor a user of another scope is a login that is taken, and a resource or token of
    /// another scope is not there.
    pub fn import_users(
        &self,
        actor: &Actor,
        request: &UserImportRequest,
    ) -> Result<UserImportView, ServiceError> {
        if request.bytes.len() > MOST_BYTES {
            let detail = "the file is larger than 64 MiB. Split it and import the parts.";
            return Err(ServiceError::invalid("file", "file_too_large", detail));
        }
        let list = read_user_list(&request.bytes, MOST_LINES).map_err(|fault| refused(&fault))?;
        let rows: Arc<Vec<Row>> = Arc::new(line::rows(list));
        let (now, on_conflict) = (self.clock.now(), request.on_conflict);
        let first = self.store.read(|view| plan::plan(view, actor, &rows, on_conflict, now))?.view;
        let (only_good, expected) = (request.only_good, request.expected);
        let fits = move |counts: UserImportCounts| {
            counts.can_commit(only_good) && expected.is_none_or(|seen| seen == counts)
        };
        // What cannot be committed need not hold up those who write.
        if !request.commit || !fits(first.counts) {
            return Ok(first);
        }
        let actor = actor.clone();
        self.decide(move |view| {
            let plan = plan::plan(view, &actor, &rows, on_conflict, now)?;
            if !fits(plan.view.counts) {
                return Ok((plan.view, Vec::new()));
            }
            Ok((UserImportView { committed: true, ..plan.view }, plan.changes))
        })
    }
}
