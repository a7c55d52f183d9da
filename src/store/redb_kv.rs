//! The tables of bytes over transactions of redb.

use std::cell::{Cell, RefCell};
use std::io::ErrorKind;
use std::ops::Bound;
use std::rc::Rc;
use std::sync::OnceLock;

use ::redb::{
    CommitError, DatabaseError, ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata as _,
    StorageError, Table, TableDefinition, TableError, TransactionError, WriteTransaction,
};

use super::StoreError;
use super::kv::{Entry, Kv, KvMut, Order, Span, Tab};

type Bytes = &'static [u8];

#[cfg(feature = "test-switches")]
thread_local! {
    static READS: Cell<u64> = const { Cell::new(0) };
}

/// How often this thread has read from snapshots of stores: what a use case costs, for tests.
#[cfg(feature = "test-switches")]
pub fn reads_of_this_thread() -> u64 {
    READS.with(Cell::get)
}

pub(super) const fn definition(table: Tab) -> TableDefinition<'static, Bytes, Bytes> {
    TableDefinition::new(table.name())
}

/// What a fault of the engine means to the store.
pub(super) fn storage_fault(fault: StorageError) -> StoreError {
    match fault {
        StorageError::Io(io) if matches!(io.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            StoreError::Full
        }
        StorageError::Corrupted(text) => StoreError::Damaged(text),
        StorageError::PreviousIo | StorageError::DatabaseClosed => StoreError::Unavailable,
        other => StoreError::Engine(Box::new(other)),
    }
}

pub(super) fn table_fault(fault: TableError) -> StoreError {
    match fault {
        TableError::Storage(storage) => storage_fault(storage),
        other => StoreError::Damaged(other.to_string()),
    }
}

pub(super) fn transaction_fault(fault: TransactionError) -> StoreError {
    match fault {
        TransactionError::Storage(storage) => storage_fault(storage),
        other => StoreError::Engine(Box::new(other)),
    }
}

pub(super) fn commit_fault(fault: CommitError) -> StoreError {
    match fault {
        CommitError::Storage(storage) => storage_fault(storage),
        other => StoreError::Engine(Box::new(other)),
    }
}

pub(super) fn open_fault(fault: DatabaseError) -> StoreError {
    match fault {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => StoreError::Locked,
        DatabaseError::Storage(StorageError::Io(io))
            if matches!(io.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof) =>
        {
            StoreError::Damaged(io.to_string())
        }
        DatabaseError::Storage(storage) => storage_fault(storage),
        other => StoreError::Damaged(other.to_string()),
    }
}

fn entries(
    table: &impl ReadableTable<Bytes, Bytes>,
    span: &Span,
    order: Order,
    limit: usize,
) -> Result<Vec<Entry>, StorageError> {
    let Some(bounds) = bounds(span) else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let mut range = table.range::<&[u8]>(bounds)?;
    while found.len() < limit {
        let entry = match order {
            Order::Up => range.next(),
            Order::Down => range.next_back(),
        };
        let Some(entry) = entry else {
            break;
        };
        let (key, value) = entry?;
        found.push((key.value().to_vec(), value.value().to_vec()));
    }
    Ok(found)
}

fn count(table: &impl ReadableTable<Bytes, Bytes>, span: &Span) -> Result<u64, StorageError> {
    let Some(bounds) = bounds(span) else {
        return Ok(0);
    };
    let mut count = 0;
    for entry in table.range::<&[u8]>(bounds)? {
        entry?;
        count += 1;
    }
    Ok(count)
}

type Bounds<'s> = (Bound<&'s [u8]>, Bound<&'s [u8]>);

fn bounds(span: &Span) -> Option<Bounds<'_>> {
    let to = match &span.to {
        None => Bound::Unbounded,
        Some(to) if *to > span.from => Bound::Excluded(to.as_slice()),
        Some(_) => return None,
    };
    Some((Bound::Included(span.from.as_slice()), to))
}

type ReadTable = ReadOnlyTable<Bytes, Bytes>;

/// A snapshot. Threads share it while it is the newest: looking up a table costs more than a read.
pub(super) struct ReadTables {
    transaction: ReadTransaction,
    opened: Vec<OnceLock<ReadTable>>,
}

impl ReadTables {
    pub(super) fn new(transaction: ReadTransaction) -> Self {
        Self { transaction, opened: Tab::ALL.iter().map(|_| OnceLock::new()).collect() }
    }

    fn table(&self, table: Tab) -> Result<&ReadTable, StoreError> {
        let place = &self.opened[table as usize];
        if let Some(opened) = place.get() {
            return Ok(opened);
        }
        let opened = self.transaction.open_table(definition(table)).map_err(table_fault)?;
        Ok(place.get_or_init(|| opened))
    }
}

impl Kv for ReadTables {
    fn get(&self, table: Tab, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        #[cfg(feature = "test-switches")]
        READS.with(|reads| reads.set(reads.get() + 1));
        let table = self.table(table)?;
        let found = table.get(key).map_err(storage_fault)?;
        Ok(found.map(|value| value.value().to_vec()))
    }

    fn range(&self, table: Tab, span: &Span, order: Order, limit: usize) -> Result<Vec<Entry>, StoreError> {
        #[cfg(feature = "test-switches")]
        READS.with(|reads| reads.set(reads.get() + 1));
        entries(self.table(table)?, span, order, limit).map_err(storage_fault)
    }

    fn count(&self, table: Tab, span: &Span) -> Result<u64, StoreError> {
        count(self.table(table)?, span).map_err(storage_fault)
    }

    fn len(&self, table: Tab) -> Result<u64, StoreError> {
        self.table(table)?.len().map_err(storage_fault)
    }
}

type WriteTable<'t> = Rc<RefCell<Table<'t, Bytes, Bytes>>>;

/// The state that the writer's transaction makes, with a way back to where a decision began.
pub(super) struct WriteTables<'t> {
    transaction: &'t WriteTransaction,
    opened: RefCell<Vec<Option<WriteTable<'t>>>>,
    undo: RefCell<Undo>,
    changed: Cell<bool>,
    faulty: Cell<bool>,
}

/// What a decision wrote over, oldest first. Keys lie in one buffer.
#[derive(Default)]
struct Undo {
    keys: Vec<u8>,
    steps: Vec<(Tab, usize, Option<Vec<u8>>)>,
}

impl<'t> WriteTables<'t> {
    pub(super) fn new(transaction: &'t WriteTransaction) -> Self {
        Self {
            transaction,
            opened: RefCell::new(vec![None; Tab::ALL.len()]),
            undo: RefCell::default(),
            changed: Cell::new(false),
            faulty: Cell::new(false),
        }
    }

    /// A decision begins: what was written until now stays.
    pub(super) fn keep(&self) {
        let mut undo = self.undo.borrow_mut();
        if !undo.steps.is_empty() {
            self.changed.set(true);
        }
        undo.keys.clear();
        undo.steps.clear();
    }

    /// Takes back what was written since the last `keep`.
    pub(super) fn take_back(&self) -> Result<(), StoreError> {
        let Undo { mut keys, mut steps } = self.undo.take();
        while let Some((tab, start, old)) = steps.pop() {
            let table = self.table(tab)?;
            let key = keys.get(start..).unwrap_or_default();
            let mut table = table.borrow_mut();
            match old {
                Some(old) => drop(self.checked(table.insert(key, old.as_slice()))?),
                None => drop(self.checked(table.remove(key))?),
            }
            keys.truncate(start);
        }
        Ok(())
    }

    /// True when anything was written and kept.
    pub(super) const fn has_changes(&self) -> bool {
        self.changed.get()
    }

    /// True when the engine failed: the whole transaction is lost, whatever a decision made of it.
    pub(super) const fn is_faulty(&self) -> bool {
        self.faulty.get()
    }

    fn checked<T>(&self, outcome: Result<T, StorageError>) -> Result<T, StoreError> {
        outcome.map_err(|fault| {
            self.faulty.set(true);
            storage_fault(fault)
        })
    }

    fn table(&self, table: Tab) -> Result<WriteTable<'t>, StoreError> {
        let mut opened = self.opened.borrow_mut();
        let place = &mut opened[table as usize];
        if let Some(table) = place {
            return Ok(Rc::clone(table));
        }
        let fresh = self.transaction.open_table(definition(table)).map_err(|fault| {
            self.faulty.set(true);
            table_fault(fault)
        })?;
        let fresh = Rc::new(RefCell::new(fresh));
        *place = Some(Rc::clone(&fresh));
        Ok(fresh)
    }

    fn note(&self, table: Tab, key: &[u8], old: Option<Vec<u8>>) {
        let mut undo = self.undo.borrow_mut();
        let start = undo.keys.len();
        undo.keys.extend_from_slice(key);
        undo.steps.push((table, start, old));
    }
}

impl Kv for WriteTables<'_> {
    fn get(&self, table: Tab, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.table(table)?;
        let table = table.borrow();
        let found = self.checked(table.get(key))?;
        Ok(found.map(|value| value.value().to_vec()))
    }

    fn range(&self, table: Tab, span: &Span, order: Order, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let table = self.table(table)?;
        self.checked(entries(&*table.borrow(), span, order, limit))
    }

    fn count(&self, table: Tab, span: &Span) -> Result<u64, StoreError> {
        let table = self.table(table)?;
        self.checked(count(&*table.borrow(), span))
    }

    fn len(&self, table: Tab) -> Result<u64, StoreError> {
        let table = self.table(table)?;
        self.checked(table.borrow().len())
    }
}

impl KvMut for WriteTables<'_> {
    fn put(&self, tab: Tab, key: &[u8], value: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.table(tab)?;
        let mut table = table.borrow_mut();
        let old = self.checked(table.insert(key, value))?.map(|old| old.value().to_vec());
        self.note(tab, key, old.clone());
        Ok(old)
    }

    fn delete(&self, tab: Tab, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let table = self.table(tab)?;
        let mut table = table.borrow_mut();
        let old = self.checked(table.remove(key))?.map(|old| old.value().to_vec());
        if old.is_some() {
            self.note(tab, key, old.clone());
        }
        Ok(old)
    }
}
