//! The one thread that writes: groups of decisions, one commit for each group.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use ::redb::{Database, Durability, WriteTransaction};

use super::apply::Applier;
use super::beside::Marker;
use super::kv_read::KvView;
use super::newest::{Fresh, Newest};
use super::redb::{Job, Message, Shared, panic_text};
use super::redb_kv::{WriteTables, commit_fault, storage_fault, transaction_fault};
use super::runs::Fold;
use super::{AuditHead, AuditSeal, Decision, StoreError, Tell, subjects};
use crate::clock::{Clock as _, SystemClock};

/// Decisions in one commit at most.
const GROUP_COUNT: usize = 256;
/// A group takes no further decision after this long.
const GROUP_TIME: Duration = Duration::from_millis(50);
/// Commits between two updates of the marker.
const MARKER_COMMITS: u64 = 1_000;
/// Wait before the first write after a fault; doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Without work for this long, a large file is prepared for a quick start after a crash.
const IDLE: Duration = Duration::from_secs(2);
/// Without work for this long, a slice of index entries is folded.
const PAUSE: Duration = Duration::from_millis(2);
/// With work all the time, one is folded this often.
const BETWEEN_SLICES: Duration = Duration::from_millis(200);
/// From this size on: the engine checks about 1 GiB per second when it opens a file after a crash.
const QUICK_REPAIR_BYTES: u64 = 64 << 20;

pub(super) struct Writer {
    shared: Arc<Shared>,
    jobs: Receiver<Message>,
    clock: SystemClock,
    fault: Option<Fault>,
    marker: Option<Marker>,
    commits: u64,
    stopped: Cell<bool>,
    /// Runs of index entries being folded; begun anew after each change of a batch.
    fold: Folding,
    /// Audit records that wait for the index by subject, as far as is known.
    waiting: u64,
    /// What waits cannot be read, so nothing is folded until the file is opened again.
    stuck: bool,
    /// When the last slice was folded.
    folded_at: Duration,
    /// Commits were made that a crash would make costly to check.
    unchecked: bool,
}

/// Whether index entries wait to be folded.
enum Folding {
    /// Nothing waits.
    Idle,
    /// Something may wait.
    Look,
    /// Under way.
    On(Fold),
}

/// The last commit did not succeed.
struct Fault {
    is_full: bool,
    wait: Duration,
    until: Duration,
    /// The database that failed: it must be gone before the file is opened again.
    closing: Weak<Database>,
}

/// What decisions did beside changing tables.
#[derive(Default)]
struct Done {
    /// Ends of the chains that grew.
    heads: Vec<AuditHead>,
    /// A batch changed: runs of index entries may be due.
    touched: bool,
}

type Answers = Vec<(Tell, Result<(), StoreError>)>;

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, jobs: Receiver<Message>) -> Self {
        let marker = shared.source.directory().and_then(|dir| Marker::read(dir).ok().flatten());
        Self {
            shared,
            jobs,
            clock: SystemClock::new(),
            fault: None,
            marker,
            commits: 0,
            stopped: Cell::new(false),
            fold: Folding::Look,
            waiting: u64::MAX,
            stuck: false,
            folded_at: Duration::ZERO,
            unchecked: false,
        }
    }

    pub(super) fn run(mut self) {
        while !self.stopped.get() {
            match self.next_message() {
                Ok(Message::Write(job)) => {
                    self.group(job);
                    if self.is_slice_due() {
                        self.fold();
                    }
                }
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) if self.shared.database().is_none() => self.reopen(),
                Err(RecvTimeoutError::Timeout) if self.is_folding() => self.fold(),
                Err(RecvTimeoutError::Timeout) => self.rest(),
            }
        }
        self.write_marker();
        self.shared.has_ended.store(true, Ordering::SeqCst);
        self.shared.replace_database(None);
    }

    fn next_message(&self) -> Result<Message, RecvTimeoutError> {
        let closed = self.shared.database().is_none();
        match &self.fault {
            Some(fault) if closed => self.jobs.recv_timeout(fault.wait),
            _ if self.is_folding() => self.jobs.recv_timeout(PAUSE),
            _ if self.unchecked => self.jobs.recv_timeout(IDLE),
            _ => self.jobs.recv().map_err(RecvTimeoutError::from),
        }
    }

    fn group(&mut self, first: Job) {
        if let Some(fault) = &self.fault {
            let refusal = if fault.is_full { StoreError::Full } else { StoreError::Unavailable };
            if self.clock.monotonic() < fault.until {
                return (first.answer)(Err(refusal));
            }
            if self.shared.database().is_none() {
                self.reopen();
            }
        }
        let Some(database) = self.shared.database() else {
            let full = self.fault.as_ref().is_some_and(|fault| fault.is_full);
            return (first.answer)(Err(if full { StoreError::Full } else { StoreError::Unavailable }));
        };
        let seal = self.shared.seal();
        let mut answers = Answers::new();
        let mut done = Done::default();
        let committed = catch_unwind(AssertUnwindSafe(|| {
            self.decide_and_commit(&database, first, seal.as_ref(), &mut answers, &mut done)
        }));
        let committed = committed.unwrap_or_else(|panic| Err(StoreError::Engine(panic_text(&*panic).into())));
        match committed {
            Ok(changed) => {
                self.fault = None;
                if changed {
                    self.shared.forget_snapshot();
                }
                self.anchor(seal.as_ref(), &done.heads);
                for (answer, outcome) in answers {
                    answer(outcome);
                }
                if changed {
                    self.after_commit(&done);
                }
            }
            Err(fault) => {
                tracing::error!(error = %fault, "the store could not be written and is being reopened");
                self.fail(database, &fault);
                for (answer, _) in answers {
                    answer(Err(again(&fault)));
                }
            }
        }
    }

    /// True when something was committed. An error concerns the whole group.
    fn decide_and_commit(
        &self,
        database: &Database,
        first: Job,
        seal: Option<&AuditSeal>,
        answers: &mut Answers,
        done: &mut Done,
    ) -> Result<bool, StoreError> {
        let mut next = Some(first);
        let transaction = match begin(database) {
            Ok(transaction) => transaction,
            Err(fault) => {
                answers.extend(next.map(|job| (job.answer, Ok(()))));
                return Err(fault);
            }
        };
        let tables = WriteTables::new(&transaction);
        let fresh = Fresh::new(&tables, &self.shared.newest);
        let end = self.clock.monotonic() + GROUP_TIME;
        while let Some(mut job) = next.take() {
            let outcome = decide(&tables, &fresh, &mut job, seal, done);
            answers.push((job.answer, Ok(())));
            match outcome {
                Err(fault) if tables.is_faulty() => return Err(fault),
                _ if tables.is_faulty() => return Err(StoreError::Unavailable),
                outcome => {
                    if let Some((_, place)) = answers.last_mut() {
                        *place = outcome;
                    }
                }
            }
            if answers.len() < GROUP_COUNT && self.clock.monotonic() < end {
                match self.jobs.try_recv() {
                    Ok(Message::Write(job)) => next = Some(job),
                    Ok(Message::Stop) => self.stopped.set(true),
                    Err(_) => {}
                }
            }
        }
        let changed = tables.has_changes();
        drop(fresh);
        drop(tables);
        finish(transaction, changed)
    }

    /// Writes down ends of chains; a disk that refuses this does not undo the commit.
    fn anchor(&self, seal: Option<&AuditSeal>, heads: &[AuditHead]) {
        let Some(seal) = seal else {
            return;
        };
        let mut anchors = self.shared.anchors.lock().unwrap_or_else(PoisonError::into_inner);
        for head in heads {
            if let Err(error) = anchors.note(seal, head) {
                tracing::warn!(%error, "an anchor of the audit log could not be written");
            }
        }
    }

    fn after_commit(&mut self, done: &Done) {
        self.commits += 1;
        self.waiting = self.waiting.saturating_add(u64::try_from(done.heads.len()).unwrap_or(u64::MAX));
        if done.touched && matches!(self.fold, Folding::Idle) {
            self.fold = Folding::Look;
        }
        self.unchecked = self.shared.source.directory().is_some();
        let none_yet = self.marker.is_none_or(|marker| marker.is_empty());
        if none_yet || self.commits.is_multiple_of(MARKER_COMMITS) {
            self.write_marker();
        }
    }

    fn write_marker(&mut self) {
        let Some(dir) = self.shared.source.directory() else {
            return;
        };
        let written = self.shared.marker().and_then(|now| {
            if self.marker != Some(now) {
                now.write(dir).map_err(|error| StoreError::Engine(Box::new(error)))?;
            }
            Ok(now)
        });
        match written {
            Ok(now) => self.marker = Some(now),
            Err(error) => tracing::warn!(%error, "the marker beside the store could not be written"),
        }
    }

    /// True when index entries or states wait that are worth a commit.
    fn is_folding(&self) -> bool {
        let worth = !matches!(self.fold, Folding::Idle)
            || self.waiting >= subjects::WORTH
            || self.shared.newest.is_worth_moving();
        worth && self.fault.is_none() && !self.stuck
    }

    /// True when they are to be written although decisions wait.
    fn is_slice_due(&self) -> bool {
        let due = !matches!(self.fold, Folding::Idle)
            || self.waiting >= subjects::MANY
            || self.shared.newest.is_due();
        due && self.is_folding() && self.clock.monotonic().saturating_sub(self.folded_at) > BETWEEN_SLICES
    }

    /// Writes one slice of what waits, in a commit of its own: runs first, then audit records and states.
    fn fold(&mut self) {
        let Some(database) = self.shared.database() else {
            return;
        };
        let runs = std::mem::replace(&mut self.fold, Folding::Look);
        let waiting = self.waiting;
        let folded = catch_unwind(AssertUnwindSafe(|| match runs {
            Folding::Idle => enter_slice(&database, &self.shared).map(|waiting| (Folding::Idle, waiting)),
            runs => fold_slice(&database, &self.shared, runs).map(|runs| (runs, waiting)),
        }));
        match folded.unwrap_or_else(|panic| Err(StoreError::Engine(panic_text(&*panic).into()))) {
            Ok((runs, waiting)) => {
                (self.fold, self.waiting) = (runs, waiting);
                self.unchecked |= self.shared.source.directory().is_some();
            }
            // The entries are found without the index; writing it must not keep others from writing.
            Err(fault @ (StoreError::Record { .. } | StoreError::TooNew { .. })) => {
                tracing::error!(error = %fault, "index entries could not be written");
                (self.fold, self.stuck) = (Folding::Idle, true);
            }
            Err(fault) => {
                tracing::error!(error = %fault, "the store could not be written and is being reopened");
                self.fail(database, &fault);
            }
        }
        self.folded_at = self.clock.monotonic();
    }

    /// Nothing is waiting: a commit that keeps a later start quick.
    fn rest(&mut self) {
        self.unchecked = false;
        if self.shared.source.file_len() < QUICK_REPAIR_BYTES {
            return;
        }
        let Some(database) = self.shared.database() else {
            return;
        };
        let rested = begin(&database).and_then(|mut transaction| {
            transaction.set_quick_repair(true);
            transaction.commit().map_err(commit_fault)
        });
        self.shared.forget_snapshot();
        if let Err(fault) = rested {
            self.fail(database, &fault);
        }
    }

    /// After a fault nothing is written until the file was opened again.
    fn fail(&mut self, database: Arc<Database>, fault: &StoreError) {
        let last = self.fault.take().map(|last| last.wait);
        let wait = last.map_or(FIRST_WAIT, |last| (last * 2).min(LONGEST_WAIT));
        let is_full = matches!(fault, StoreError::Full);
        self.shared.is_full.store(is_full, Ordering::SeqCst);
        let closing = Arc::downgrade(&database);
        drop(database);
        drop(self.shared.replace_database(None));
        let until = self.clock.monotonic() + wait;
        self.fault = Some(Fault { is_full, wait, until, closing });
        // Reading goes on at once if the disk allows it; writing waits.
        self.reopen();
    }

    fn reopen(&mut self) {
        if self.fault.as_ref().is_some_and(|fault| fault.closing.strong_count() > 0) {
            return;
        }
        match self.shared.reopen() {
            Ok(database) => {
                tracing::info!("the store was reopened");
                self.stuck = false;
                self.shared.replace_database(Some(Arc::new(database)));
            }
            Err(error) => tracing::warn!(%error, "the store could not be reopened, trying again"),
        }
    }
}

/// What is left to do after one slice.
fn fold_slice(database: &Database, shared: &Shared, folding: Folding) -> Result<Folding, StoreError> {
    let transaction = begin(database)?;
    let tables = WriteTables::new(&transaction);
    let fold = match folding {
        Folding::On(fold) => Some(fold),
        Folding::Idle | Folding::Look => Fold::begin(&tables)?,
    };
    let Some(mut fold) = fold else {
        drop(tables);
        transaction.abort().map_err(storage_fault)?;
        return Ok(Folding::Idle);
    };
    let done = fold.slice(&tables)?;
    drop(tables);
    transaction.commit().map_err(commit_fault)?;
    shared.forget_snapshot();
    Ok(if done { Folding::Look } else { Folding::On(fold) })
}

/// How many audit records wait after one slice of them and of the newest states.
fn enter_slice(database: &Database, shared: &Shared) -> Result<u64, StoreError> {
    let transaction = begin(database)?;
    let tables = WriteTables::new(&transaction);
    let moved = Newest::slice(&tables)?;
    tables.keep();
    let waiting = match subjects::slice(&tables) {
        // Views read what is not entered, too; the states must not wait for it.
        Err(fault @ (StoreError::Record { .. } | StoreError::TooNew { .. })) => {
            tracing::error!(error = %fault, "audit records could not be entered by subject");
            tables.take_back()?;
            0
        }
        entered => entered?,
    };
    tables.keep();
    let changed = tables.has_changes();
    drop(tables);
    finish(transaction, changed)?;
    shared.forget_snapshot();
    if let Some(moved) = moved {
        shared.newest.have_moved(moved);
    }
    Ok(waiting)
}

/// Commits if there is something to commit, and says so.
fn finish(transaction: WriteTransaction, changed: bool) -> Result<bool, StoreError> {
    if changed {
        transaction.commit().map_err(commit_fault)?;
    } else {
        transaction.abort().map_err(storage_fault)?;
    }
    Ok(changed)
}

fn begin(database: &Database) -> Result<WriteTransaction, StoreError> {
    let mut transaction = database.begin_write().map_err(transaction_fault)?;
    transaction.set_two_phase_commit(true);
    transaction.set_durability(Durability::Immediate).map_err(|fault| StoreError::Engine(Box::new(fault)))?;
    Ok(transaction)
}

/// Runs one decision and applies it. Whatever goes wrong, what it wrote is taken back.
fn decide(
    tables: &WriteTables<'_>,
    fresh: &Fresh<'_, WriteTables<'_>>,
    job: &mut Job,
    seal: Option<&AuditSeal>,
    done: &mut Done,
) -> Result<(), StoreError> {
    let decided = catch_unwind(AssertUnwindSafe(|| {
        let view = KvView::new(fresh);
        match (job.decide)(&view) {
            Decision::Refuse => Ok(Done::default()),
            Decision::Apply(changes) => {
                let mut applier = Applier::new(fresh, seal);
                applier.apply(changes)?;
                Ok(Done { heads: applier.appended, touched: applier.touched_batches })
            }
        }
    }));
    match decided {
        Ok(Ok(one)) => {
            tables.keep();
            fresh.keep();
            done.heads.extend(one.heads);
            done.touched |= one.touched;
            Ok(())
        }
        // The engine refuses everything after a fault: a full disk is the reason, not what it says then.
        Ok(Err(StoreError::Full)) => {
            let _ = tables.take_back();
            fresh.take_back();
            Err(StoreError::Full)
        }
        Ok(Err(error)) => {
            tables.take_back()?;
            fresh.take_back();
            Err(error)
        }
        Err(_) => {
            tables.take_back()?;
            fresh.take_back();
            Err(StoreError::Panicked)
        }
    }
}

/// The same fault for another caller.
fn again(fault: &StoreError) -> StoreError {
    match fault {
        StoreError::Full => StoreError::Full,
        StoreError::Damaged(text) => StoreError::Damaged(text.clone()),
        StoreError::Engine(source) => StoreError::Engine(source.to_string().into()),
        _ => StoreError::Unavailable,
    }
}
