//! Reading tables of bytes as records: what the view and the filtered lists share.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use super::keys::{self, Counter};
use super::kv::{Entry, Kv, Order, Span, Tab};
use super::record::{self, Record};
use super::{Page, Slice, StoreError, View, audit, runs, subjects};
use crate::model::{
    AuditRecord, BatchAssignment, BatchId, Fingerprint, ImportId, SeedRow, Subject, Token, TokenState,
};

/// Records looked at for one page at most.
pub(super) const LOOKED_AT: usize = 20_000;
/// Entries taken from a table at once.
pub(super) const CHUNK: usize = 256;

pub(super) type Found<T> = Result<Option<T>, StoreError>;
pub(super) type Listed<T> = Result<Slice<T>, StoreError>;

/// A view over the tables of one state. Remembers what it found of batches, imports and the last token,
/// so it must not outlive the state.
pub(super) struct KvView<'k> {
    pub(super) kv: &'k dyn Kv,
    /// The token that was looked at last: a check asks for the same one again and again.
    pub(super) last: RefCell<Option<Token>>,
    live: RefCell<HashMap<BatchId, bool>>,
    committed: RefCell<HashMap<ImportId, bool>>,
    standing: RefCell<HashMap<BatchId, Rc<[BatchAssignment]>>>,
    runs: OnceCell<Vec<u64>>,
}

impl<'k> KvView<'k> {
    /// A view of the present state of these tables.
    pub(super) fn new(kv: &'k dyn Kv) -> Self {
        Self {
            kv,
            last: RefCell::default(),
            live: RefCell::default(),
            committed: RefCell::default(),
            standing: RefCell::default(),
            runs: OnceCell::new(),
        }
    }

    pub(super) fn record<R: Record>(&self, table: Tab, key: &[u8]) -> Found<R> {
        self.kv.get(table, key)?.map(|bytes| record::decode(&bytes)).transpose()
    }

    pub(super) fn numbered<R: Record>(&self, table: Tab, n: u64) -> Found<R> {
        self.record(table, &keys::number(n))
    }

    pub(super) fn next(&self, counter: Counter) -> Result<u64, StoreError> {
        Ok(self.kv.get(Tab::Meta, &keys::counter(counter))?.map_or(1, |bytes| keys::last_number(&bytes)))
    }

    /// The number that a unique name leads to.
    pub(super) fn named(&self, table: Tab, name: &[u8]) -> Found<u64> {
        Ok(self.kv.get(table, name)?.map(|bytes| keys::last_number(&bytes)))
    }

    /// All entries of a span that is small by nature.
    pub(super) fn all(&self, table: Tab, prefix: &[u8]) -> Result<Vec<Entry>, StoreError> {
        self.kv.range(table, &Span::prefix(prefix), Order::Up, usize::MAX)
    }

    /// The records whose numbers end the keys of an index.
    pub(super) fn through<R: Record>(
        &self,
        index: Tab,
        prefix: &[u8],
        records: Tab,
    ) -> Result<Vec<R>, StoreError> {
        let mut found = Vec::new();
        for (key, _) in self.all(index, prefix)? {
            found.extend(self.numbered(records, keys::last_number(&key))?);
        }
        Ok(found)
    }

    /// A page of entries under a prefix. `read` gives `None` for what does not belong to the list.
    pub(super) fn page<T>(
        &self,
        table: Tab,
        prefix: &[u8],
        order: Order,
        page: Page,
        mut read: impl FnMut(u64, Entry) -> Result<Option<T>, StoreError>,
    ) -> Listed<T> {
        let mut items = Vec::new();
        let mut last = page.after;
        let mut looked_at = 0;
        loop {
            let span = number_span(prefix, order, last);
            let want = CHUNK.min(page.limit.saturating_add(1));
            let chunk = self.kv.range(table, &span, order, want)?;
            let full = chunk.len() == want;
            for entry in chunk {
                if items.len() >= page.limit || looked_at >= LOOKED_AT {
                    return Ok(Slice { items, next: last });
                }
                let n = keys::number_at(&entry.0, prefix.len());
                last = Some(n);
                looked_at += 1;
                items.extend(read(n, entry)?);
            }
            if !full {
                return Ok(Slice { items, next: None });
            }
        }
    }

    /// Audit records about a subject, newest first: those that are not entered in the index come before
    /// all that are.
    pub(super) fn audit_about(&self, chain: u32, subject: Subject, page: Page) -> Listed<AuditRecord> {
        let entered = subjects::entered(self.kv, chain)?;
        let (mut items, mut last) = (Vec::new(), page.after);
        loop {
            let waiting = subjects::waiting(chain, entered, last);
            let chunk = self.kv.range(Tab::Audit, &waiting, Order::Down, CHUNK)?;
            for (key, bytes) in &chunk {
                // As in the index: a record that cannot be read is nobody's, and spoils no one's history.
                let record = audit::open(bytes).ok();
                if let Some(record) = record.filter(|it| it.entry.subjects.contains(&subject)) {
                    if items.len() >= page.limit {
                        return Ok(Slice { items, next: last });
                    }
                    items.push(record);
                }
                last = Some(keys::last_number(key));
            }
            if chunk.len() < CHUNK {
                break;
            }
        }
        let prefix = keys::joined(&[&keys::subject(subject), &chain.to_be_bytes()]);
        let rest = Page { after: last, limit: page.limit - items.len() };
        let rest =
            self.page(Tab::AuditSubjects, &prefix, Order::Down, rest, |n, _| self.audit_record(chain, n))?;
        items.extend(rest.items);
        Ok(Slice { items, next: rest.next })
    }

    pub(super) fn records<R: Record>(&self, table: Tab, order: Order, page: Page) -> Listed<R> {
        self.page(table, &[], order, page, |_, (_, bytes)| record::decode(&bytes).map(Some))
    }

    /// True when the batch is live.
    pub(super) fn is_live(&self, id: BatchId) -> Result<bool, StoreError> {
        if let Some(&live) = self.live.borrow().get(&id) {
            return Ok(live);
        }
        let live = self.batch(id)?.is_some();
        self.live.borrow_mut().insert(id, live);
        Ok(live)
    }

    pub(super) fn is_committed(&self, import: Option<ImportId>) -> Result<bool, StoreError> {
        let Some(id) = import else {
            return Ok(true);
        };
        if let Some(&known) = self.committed.borrow().get(&id) {
            return Ok(known);
        }
        let committed = self.import(id)?.is_some_and(|i| i.state.is_committed());
        self.committed.borrow_mut().insert(id, committed);
        Ok(committed)
    }

    /// Where a batch stands, remembered.
    pub(super) fn standing(&self, batch: BatchId) -> Result<Rc<[BatchAssignment]>, StoreError> {
        if let Some(known) = self.standing.borrow().get(&batch) {
            return Ok(Rc::clone(known));
        }
        let found: Rc<[BatchAssignment]> = self.batch_assignments_of(batch)?.into();
        self.standing.borrow_mut().insert(batch, Rc::clone(&found));
        Ok(found)
    }

    pub(super) fn stored_state(&self, seed: &SeedRow) -> Found<TokenState> {
        self.record(Tab::States, &keys::seed(seed.token, seed.version))
    }

    /// At most `limit` keys under a prefix of an index that may have entries set aside, each once. What they
    /// lead to must be compared: it may have changed.
    pub(super) fn hints(&self, index: Tab, prefix: &[u8], limit: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let folded = self.kv.range(index, &Span::prefix(prefix), Order::Up, limit)?;
        let mut found: Vec<Vec<u8>> = folded.into_iter().map(|(key, _)| key).collect();
        let in_index = found.len();
        for run in self.live_runs()? {
            found.extend(runs::range(self.kv, *run, index, prefix, limit)?);
        }
        if found.len() > in_index {
            found.sort_unstable();
            found.dedup();
            found.truncate(limit);
        }
        Ok(found)
    }

    /// Runs of live batches that are not folded yet.
    pub(super) fn live_runs(&self) -> Result<&[u64], StoreError> {
        if let Some(known) = self.runs.get() {
            return Ok(known);
        }
        let mut live = Vec::new();
        for batch in runs::batches(self.kv)? {
            if self.is_live(batch)? {
                live.extend(runs::of(self.kv, batch)?);
            }
        }
        Ok(self.runs.get_or_init(|| live))
    }

    /// Rows under the indexed half of a fingerprint that have the other half too.
    pub(super) fn rows_with(&self, print: Fingerprint) -> Result<Vec<SeedRow>, StoreError> {
        let mut rows = Vec::new();
        for key in self.hints(Tab::Fingerprints, keys::fingerprint_prefix(&print), usize::MAX)? {
            let row: Option<SeedRow> = self.record(Tab::Seeds, &key[8..])?;
            rows.extend(row.filter(|row| row.fingerprint == print));
        }
        Ok(rows)
    }
}

/// The part of a list after a cursor.
pub(super) fn number_span(prefix: &[u8], order: Order, after: Option<u64>) -> Span {
    let mut span = Span::prefix(prefix);
    match (order, after) {
        (_, None) => {}
        (Order::Up, Some(u64::MAX)) | (Order::Down, Some(0)) => span.to = Some(span.from.clone()),
        (Order::Up, Some(n)) => span.from = keys::joined(&[prefix, &keys::number(n + 1)]),
        (Order::Down, Some(n)) => span.to = Some(keys::joined(&[prefix, &keys::number(n)])),
    }
    span
}
