//! The default engine: redb, one file, one writer thread with group commit.

use std::any::Any;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use ::redb::backends::{FileBackend, InMemoryBackend};
use ::redb::{Database, Durability, ReadableDatabase as _, StorageBackend};

use super::beside::{Anchors, Marker};
use super::kv::{Kv as _, Order, Span, Tab};
use super::kv_read::KvView;
use super::newest::{Fresh, Newest};
use super::redb_kv::{
    ReadTables, commit_fault, definition, open_fault, storage_fault, table_fault, transaction_fault,
};
use super::redb_writer::Writer;
use super::shared_backend::SharedBackend;
use super::{AuditHead, AuditSeal, Decide, Store, StoreError, Tell, View};

/// How a [`RedbStore`] works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedbOptions {
    /// Memory for pages of the file, in bytes.
    pub cache_bytes: usize,
}

impl Default for RedbOptions {
    /// 64 MiB of pages.
    fn default() -> Self {
        Self { cache_bytes: 64 << 20 }
    }
}

/// A store in one file of a directory, or in memory for tests.
///
/// All writes pass through one thread: it takes the decisions that are waiting one after another
/// and makes them durable with one commit. After a fault of the disk the file is reopened.
pub struct RedbStore {
    shared: Arc<Shared>,
    jobs: Sender<Message>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RedbStore").field("source", &self.shared.source).finish_non_exhaustive()
    }
}

/// What callers and the writer thread share.
pub(super) struct Shared {
    pub(super) source: Source,
    options: RedbOptions,
    /// `None` while the file is closed after a fault or for good.
    pub(super) database: RwLock<Option<Arc<Database>>>,
    pub(super) seal: RwLock<Option<AuditSeal>>,
    pub(super) anchors: Mutex<Anchors>,
    /// Where the newest states of tokens lie.
    pub(super) newest: Newest,
    /// The snapshot of the newest commit, once somebody has asked for it.
    current: RwLock<Current>,
    /// The last commit failed because the disk is full: the reason while the file is closed.
    pub(super) is_full: AtomicBool,
    /// The file will not be opened again.
    pub(super) has_ended: AtomicBool,
    /// Told when the file was opened again or has ended.
    reopened: (Mutex<()>, Condvar),
}

/// A snapshot that all readers share until the next commit. No older one is kept: it would keep its pages
/// from being used again.
#[derive(Default)]
struct Current {
    /// Counts what made a snapshot old.
    commits: u64,
    tables: Option<Arc<ReadTables>>,
}

/// Where the pages are.
#[derive(Debug)]
pub(super) enum Source {
    /// In a file of this directory.
    Directory(PathBuf),
    /// Wherever this backend keeps them.
    Backend(SharedBackend),
}

/// A decision waiting for the writer.
pub(super) struct Job {
    pub(super) decide: Decide,
    pub(super) answer: Tell,
}

/// What the writer is told.
pub(super) enum Message {
    /// Decide and commit.
    Write(Job),
    /// Finish.
    Stop,
}

const FILE: &str = "store.redb";
/// How long a reader waits for a file that is being reopened after a fault.
const REOPENING_PATIENCE: Duration = Duration::from_secs(2);

impl RedbStore {
    /// Makes an empty store in a directory, which is made too if need be. The file is for its owner only.
    ///
    /// # Errors
    /// `Exists` when there is one already; `Damaged` when the marker of a lost one is there.
    pub fn create(dir: &Path) -> Result<Self, StoreError> {
        Self::create_with(dir, RedbOptions::default())
    }

    /// As [`RedbStore::create`], with options.
    pub fn create_with(dir: &Path, options: RedbOptions) -> Result<Self, StoreError> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io_fault)?;
        refuse_lost(dir)?;
        let path = dir.join(FILE);
        match OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path) {
            Ok(_) => File::open(dir).and_then(|dir| dir.sync_all()).map_err(io_fault)?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => return Err(StoreError::Exists),
            Err(error) => return Err(io_fault(error)),
        }
        Self::start(Source::Directory(dir.to_owned()), options)
    }

    /// Opens the store of a directory.
    ///
    /// # Errors
    /// `Missing` when there is none, `Locked` when another process has it open, `Damaged` when it
    /// cannot be read or has lost what the marker beside it tells of.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        Self::open_with(dir, RedbOptions::default())
    }

    /// As [`RedbStore::open`], with options.
    pub fn open_with(dir: &Path, options: RedbOptions) -> Result<Self, StoreError> {
        match std::fs::metadata(dir.join(FILE)) {
            Ok(file) if file.len() == 0 => {
                refuse_lost(dir)?;
                return Err(StoreError::Damaged("its file is empty".into()));
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {
                refuse_lost(dir)?;
                return Err(StoreError::Missing);
            }
            Err(error) => return Err(io_fault(error)),
        }
        Self::start(Source::Directory(dir.to_owned()), options)
    }

    /// An empty store in memory.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::with_backend(InMemoryBackend::new())
    }

    /// A store whose pages a backend keeps, for tests of faults. The backend must stand being closed
    /// and used again, because a store is reopened after a fault.
    pub fn with_backend(backend: impl StorageBackend) -> Result<Self, StoreError> {
        Self::start(Source::Backend(SharedBackend::new(backend)), RedbOptions::default())
    }

    fn start(source: Source, options: RedbOptions) -> Result<Self, StoreError> {
        let database = open_database(&source, options)?;
        let anchors = Anchors::open(source.directory())?;
        let shared = Arc::new(Shared {
            source,
            options,
            database: RwLock::new(Some(Arc::new(database))),
            seal: RwLock::new(None),
            anchors: Mutex::new(anchors),
            newest: Newest::default(),
            current: RwLock::default(),
            is_full: AtomicBool::new(false),
            has_ended: AtomicBool::new(false),
            reopened: (Mutex::new(()), Condvar::new()),
        });
        shared.newest.learn(&*shared.snapshot_now()?)?;
        if let Some(dir) = shared.source.directory()
            && shared.marker()?.is_empty()
        {
            refuse_lost(dir)?;
        }
        let (jobs, waiting) = mpsc::channel();
        let writer = Writer::new(Arc::clone(&shared), waiting);
        let writer = std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || writer.run())
            .map_err(io_fault)?;
        Ok(Self { shared, jobs, writer: Mutex::new(Some(writer)) })
    }
}

impl Source {
    pub(super) fn directory(&self) -> Option<&Path> {
        match self {
            Self::Directory(dir) => Some(dir),
            Self::Backend(_) => None,
        }
    }

    /// Length of the file in bytes; 0 without one.
    pub(super) fn file_len(&self) -> u64 {
        let file = self.directory().and_then(|dir| std::fs::metadata(dir.join(FILE)).ok());
        file.map_or(0, |file| file.len())
    }
}

impl Shared {
    /// The open database.
    pub(super) fn database(&self) -> Option<Arc<Database>> {
        self.database.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another database in place, or none; gives the one that was there.
    pub(super) fn replace_database(&self, database: Option<Arc<Database>>) -> Option<Arc<Database>> {
        let before =
            std::mem::replace(&mut *self.database.write().unwrap_or_else(PoisonError::into_inner), database);
        self.forget_snapshot();
        // With the lock of those who wait, so that none falls asleep between its look and this call.
        drop(self.reopened.0.lock().unwrap_or_else(PoisonError::into_inner));
        self.reopened.1.notify_all();
        before
    }

    /// Opens the file again.
    pub(super) fn reopen(&self) -> Result<Database, StoreError> {
        let database = open_database(&self.source, self.options)?;
        let snapshot = database.begin_read().map(ReadTables::new).map_err(transaction_fault)?;
        self.newest.learn(&snapshot)?;
        Ok(database)
    }

    /// A snapshot; while the file is being reopened after a fault, one of the moment after.
    fn snapshot(&self) -> Result<Arc<ReadTables>, StoreError> {
        let (lock, told) = &self.reopened;
        let waits = |(): &mut ()| self.database().is_none() && !self.has_ended.load(Ordering::SeqCst);
        if self.database().is_none() {
            let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
            drop(told.wait_timeout_while(guard, REOPENING_PATIENCE, waits));
        }
        self.snapshot_now()
    }

    fn snapshot_now(&self) -> Result<Arc<ReadTables>, StoreError> {
        let commits = {
            let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(tables) = &current.tables {
                return Ok(Arc::clone(tables));
            }
            current.commits
        };
        let closed =
            || if self.is_full.load(Ordering::SeqCst) { StoreError::Full } else { StoreError::Unavailable };
        let database = self.database().ok_or_else(closed)?;
        let tables = Arc::new(database.begin_read().map(ReadTables::new).map_err(transaction_fault)?);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // What was committed meanwhile is not in it.
        if current.commits == commits {
            current.tables = Some(Arc::clone(&tables));
        }
        Ok(tables)
    }

    /// What was read until now is old. To be called after each commit, before anybody hears of it.
    pub(super) fn forget_snapshot(&self) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.commits += 1;
        let old = current.tables.take();
        drop(current);
        drop(old);
    }

    /// What the store holds, in the form of its marker.
    pub(super) fn marker(&self) -> Result<Marker, StoreError> {
        // The writer asks, who is the one that reopens the file.
        let tables = self.snapshot_now()?;
        let view = KvView::new(&*tables);
        let mut marker = Marker { tokens: tables.len(Tab::Tokens)?, ..Marker::default() };
        if let Some(meta) = view.record::<super::StoreMeta>(Tab::Meta, super::keys::meta::DESCRIPTION)? {
            marker.store_id = meta.store_id;
        }
        for (_, head) in tables.range(Tab::AuditHeads, &Span::ALL, Order::Up, usize::MAX)? {
            marker.audit += super::record::decode::<AuditHead>(&head).map_or(1, |head| head.n);
        }
        Ok(marker)
    }

    pub(super) fn seal(&self) -> Option<AuditSeal> {
        self.seal.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Store for RedbStore {
    fn read_dyn(&self, look: &mut dyn FnMut(&dyn View)) -> Result<(), StoreError> {
        let tables = self.shared.snapshot()?;
        look(&KvView::new(&Fresh::new(&*tables, &self.shared.newest)));
        Ok(())
    }

    fn write_dyn(&self, decide: Decide) -> Result<(), StoreError> {
        let (tell, told) = mpsc::sync_channel(1);
        let tell = move |outcome| {
            // The caller waits for it below.
            let _ = tell.send(outcome);
        };
        self.write_later_dyn(decide, Box::new(tell));
        told.recv().unwrap_or(Err(StoreError::Unavailable))
    }

    fn write_later_dyn(&self, decide: Decide, tell: Tell) {
        if let Err(mpsc::SendError(Message::Write(job))) =
            self.jobs.send(Message::Write(Job { decide, answer: tell }))
        {
            (job.answer)(Err(StoreError::Unavailable));
        }
    }

    fn set_audit_seal(&self, seal: AuditSeal) {
        *self.shared.seal.write().unwrap_or_else(PoisonError::into_inner) = Some(seal);
    }

    fn audit_anchors(&self) -> Result<Vec<AuditHead>, StoreError> {
        let seal = self.shared.seal();
        self.shared.anchors.lock().unwrap_or_else(PoisonError::into_inner).read(seal.as_ref())
    }

    fn close(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            // A writer that is gone already needs no word, and its panic was told when it happened.
            let _ = self.jobs.send(Message::Stop);
            let _ = writer.join();
        }
    }
}

impl Drop for RedbStore {
    fn drop(&mut self) {
        self.close();
    }
}

/// Tampering for tests: no rule of the store is kept. Never part of a release build.
#[cfg(any(test, feature = "fault-injection"))]
impl RedbStore {
    /// The bytes under a key of a table.
    pub fn raw_get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let tables = self.shared.snapshot()?;
        Fresh::new(&*tables, &self.shared.newest).get(raw_table(table)?, key)
    }

    /// All keys of a table.
    pub fn raw_keys(&self, table: &str) -> Result<Vec<Vec<u8>>, StoreError> {
        let all = self.shared.snapshot()?.range(raw_table(table)?, &Span::ALL, Order::Up, usize::MAX)?;
        Ok(all.into_iter().map(|(key, _)| key).collect())
    }

    /// Writes these bytes under a key, or removes it.
    pub fn raw_put(&self, table: &str, key: &[u8], value: Option<&[u8]>) -> Result<(), StoreError> {
        let table = raw_table(table)?;
        let database = self.shared.database().ok_or(StoreError::Unavailable)?;
        let transaction = database.begin_write().map_err(transaction_fault)?;
        {
            let mut table = transaction.open_table(definition(table)).map_err(table_fault)?;
            match value {
                Some(value) => drop(table.insert(key, value).map_err(storage_fault)?),
                None => drop(table.remove(key).map_err(storage_fault)?),
            }
        }
        transaction.commit().map_err(commit_fault)?;
        self.shared.forget_snapshot();
        Ok(())
    }
}

#[cfg(any(test, feature = "fault-injection"))]
fn raw_table(name: &str) -> Result<Tab, StoreError> {
    let found = Tab::ALL.iter().find(|table| table.name() == name);
    found.copied().ok_or_else(|| StoreError::Engine("no such table".into()))
}

fn io_fault(error: std::io::Error) -> StoreError {
    if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        return StoreError::Full;
    }
    StoreError::Engine(Box::new(error))
}

/// Refuses to go on with an empty store where the marker tells of a full one.
fn refuse_lost(dir: &Path) -> Result<(), StoreError> {
    match Marker::read(dir)? {
        Some(marker) if !marker.is_empty() => Err(StoreError::Damaged(format!(
            "it is empty, but held {} tokens and {} audit records before; restore it from a backup",
            marker.tokens, marker.audit
        ))),
        _ => Ok(()),
    }
}

/// Opens the file and makes sure that all tables are there. A damaged file may make the engine panic.
fn open_database(source: &Source, options: RedbOptions) -> Result<Database, StoreError> {
    let opened = catch_unwind(AssertUnwindSafe(|| {
        let mut builder = Database::builder();
        builder.set_cache_size(options.cache_bytes);
        let database = match source {
            Source::Directory(dir) => {
                let file =
                    OpenOptions::new().read(true).write(true).open(dir.join(FILE)).map_err(io_fault)?;
                let backend = FileBackend::new(file).map_err(open_fault)?;
                builder.create_with_backend(backend).map_err(open_fault)?
            }
            Source::Backend(backend) => builder.create_with_backend(backend.clone()).map_err(open_fault)?,
        };
        ensure_tables(&database)?;
        Ok(database)
    }));
    opened.unwrap_or_else(|panic| Err(StoreError::Damaged(panic_text(&*panic))))
}

fn ensure_tables(database: &Database) -> Result<(), StoreError> {
    let there = database.begin_read().map_err(transaction_fault)?;
    if there.list_tables().map_err(storage_fault)?.count() >= Tab::ALL.len() {
        return Ok(());
    }
    drop(there);
    let mut transaction = database.begin_write().map_err(transaction_fault)?;
    transaction.set_two_phase_commit(true);
    transaction.set_durability(Durability::Immediate).map_err(|fault| StoreError::Engine(Box::new(fault)))?;
    for table in Tab::ALL {
        transaction.open_table(definition(*table)).map_err(table_fault)?;
    }
    transaction.commit().map_err(commit_fault)
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("the storage engine panicked").to_owned()
}
