//! Index entries of large imports, set aside until their batch is live.
//!
//! Two indexes are in random order for a file of tokens: fingerprints, and serials read backwards.
//! Entered chunk by chunk, each chunk of an import would dirty nearly all their pages. So a chunk
//! that belongs to a staged batch writes these entries sorted into a *run* of its own. While the
//! batch is staged nobody asks for them; once it is live, views look into its runs too, and the
//! writer folds the runs into the indexes: in key order, a slice at a time, each page dirtied once.
//!
//! Entries are hints: whoever follows one compares the record. So a token that was changed or
//! deleted meanwhile needs no search through the runs.

use std::collections::BTreeSet;

use super::kv::{Kv, KvMut, Order, Span, Tab};
use super::{StoreError, keys, record};
use crate::model::{Batch, BatchId, BatchState};

/// The indexes concerned; their places are stored.
const INDEXES: [Tab; 2] = [Tab::SerialsReversed, Tab::Fingerprints];
/// From this many entries on a decision makes a run.
const WORTH_A_RUN: usize = 64;
/// Entries that a slice of folding moves, more or less.
const SLICE: usize = 8_192;

/// An index entry that may be set aside.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Aside {
    index: u8,
    key: Vec<u8>,
    batch: BatchId,
}

impl Aside {
    /// A serial read backwards.
    pub(super) const fn serial(key: Vec<u8>, batch: BatchId) -> Self {
        Self { index: 0, key, batch }
    }

    /// A fingerprint.
    pub(super) const fn fingerprint(key: Vec<u8>, batch: BatchId) -> Self {
        Self { index: 1, key, batch }
    }
}

/// Writes the entries of one decision: as a run when it is worth it, else into the indexes.
pub(super) fn put(kv: &dyn KvMut, mut entries: Vec<Aside>) -> Result<(), StoreError> {
    let Some(batch) = entries.first().map(|entry| entry.batch) else {
        return Ok(());
    };
    entries.sort_unstable();
    if entries.len() < WORTH_A_RUN || entries.iter().any(|entry| entry.batch != batch) {
        for entry in &entries {
            if let Some(index) = INDEXES.get(usize::from(entry.index)) {
                kv.put(*index, &entry.key, &[])?;
            }
        }
        return Ok(());
    }
    // Runs have entries until they end.
    let last = kv.range(Tab::RunEntries, &Span::ALL, Order::Down, 1)?;
    let run = last.first().map_or(1, |(key, _)| keys::number_at(key, 0).saturating_add(1));
    kv.put(Tab::Runs, &keys::pair(batch.0, run), &[])?;
    for entry in &entries {
        kv.put(Tab::RunEntries, &run_key(run, entry.index, &entry.key), &[])?;
    }
    Ok(())
}

fn run_key(run: u64, index: u8, key: &[u8]) -> Vec<u8> {
    keys::joined(&[&keys::number(run), &[index], key])
}

/// Length of what precedes an entry in a run.
const RUN_PREFIX: usize = 9;

/// The batches that have runs. A batch with thousands of them takes one look.
pub(super) fn batches(kv: &dyn Kv) -> Result<Vec<BatchId>, StoreError> {
    let mut found = Vec::new();
    let mut span = Span::ALL;
    while let Some((key, _)) = kv.range(Tab::Runs, &span, Order::Up, 1)?.first() {
        let batch = keys::number_at(key, 0);
        found.push(BatchId(batch));
        let Some(next) = batch.checked_add(1) else {
            break;
        };
        span.from = keys::number(next).to_vec();
    }
    Ok(found)
}

/// The runs of a batch.
pub(super) fn of(kv: &dyn Kv, batch: BatchId) -> Result<Vec<u64>, StoreError> {
    let runs = kv.range(Tab::Runs, &Span::prefix(&keys::number(batch.0)), Order::Up, usize::MAX)?;
    Ok(runs.iter().map(|(key, _)| keys::last_number(key)).collect())
}

/// At most `limit` keys of an index under a prefix that lie in this run.
pub(super) fn range(
    kv: &dyn Kv,
    run: u64,
    index: Tab,
    prefix: &[u8],
    limit: usize,
) -> Result<Vec<Vec<u8>>, StoreError> {
    let Some(place) = INDEXES.iter().position(|i| *i == index).and_then(|i| u8::try_from(i).ok()) else {
        return Ok(Vec::new());
    };
    let found = kv.range(Tab::RunEntries, &Span::prefix(&run_key(run, place, prefix)), Order::Up, limit)?;
    Ok(found.into_iter().map(|(mut key, _)| key.split_off(RUN_PREFIX)).collect())
}

/// Folding under way. It may be given up and begun anew at any time.
#[derive(Debug)]
pub(super) struct Fold {
    /// Runs of live batches: to be folded.
    runs: Vec<(BatchId, u64)>,
    /// Runs whose entries go: folded ones, and those of batches that came to nothing.
    ending: Vec<(BatchId, u64)>,
    index: u8,
    /// Entries up to this one are folded.
    done: Option<Vec<u8>>,
}

impl Fold {
    /// What there is to do; `None`: nothing.
    pub(super) fn begin(kv: &dyn Kv) -> Result<Option<Self>, StoreError> {
        let mut fold = Self { runs: Vec::new(), ending: Vec::new(), index: 0, done: None };
        for id in batches(kv)? {
            let batch = kv.get(Tab::Batches, &keys::number(id.0))?;
            let state = batch.map(|bytes| record::decode::<Batch>(&bytes)).transpose()?.map(|b| b.state);
            let list = match state {
                Some(BatchState::Live) => &mut fold.runs,
                Some(BatchState::Staged) => continue,
                Some(BatchState::Dropped) | None => &mut fold.ending,
            };
            list.extend(of(kv, id)?.into_iter().map(|run| (id, run)));
        }
        Ok((!fold.runs.is_empty() || !fold.ending.is_empty()).then_some(fold))
    }

    /// Does a bounded part; true when all is done.
    pub(super) fn slice(&mut self, kv: &dyn KvMut) -> Result<bool, StoreError> {
        if self.runs.is_empty() {
            return self.end_runs(kv);
        }
        let Some(index) = INDEXES.get(usize::from(self.index)) else {
            self.ending.append(&mut self.runs);
            return Ok(false);
        };
        let each = (SLICE / self.runs.len()).max(16);
        let mut entries = BTreeSet::new();
        // Beyond this key some run may hold entries that were not read yet.
        let mut known_to: Option<Vec<u8>> = None;
        for &(_, run) in &self.runs {
            let mut span = Span::prefix(&run_key(run, self.index, &[]));
            if let Some(done) = &self.done {
                span.from = keys::joined(&[&run_key(run, self.index, done), &[0]]);
            }
            let found = kv.range(Tab::RunEntries, &span, Order::Up, each)?;
            if found.len() == each
                && let Some(last) = found.last().map(|(key, _)| &key[RUN_PREFIX..])
                && known_to.as_deref().is_none_or(|known| last < known)
            {
                known_to = Some(last.to_vec());
            }
            entries.extend(found.into_iter().map(|(mut key, _)| key.split_off(RUN_PREFIX)));
        }
        for key in entries.iter().take_while(|key| known_to.as_ref().is_none_or(|end| *key <= end)) {
            kv.put(*index, key, &[])?;
        }
        if known_to.is_none() {
            self.index += 1;
        }
        self.done = known_to;
        Ok(false)
    }

    /// Removes entries of runs that are no longer needed, the run's own record last.
    fn end_runs(&mut self, kv: &dyn KvMut) -> Result<bool, StoreError> {
        let mut left = SLICE;
        while let Some(&(batch, run)) = self.ending.last() {
            let entries = kv.range(Tab::RunEntries, &Span::prefix(&keys::number(run)), Order::Up, left)?;
            for (key, _) in &entries {
                kv.delete(Tab::RunEntries, key)?;
            }
            left -= entries.len();
            if left == 0 {
                return Ok(false);
            }
            kv.delete(Tab::Runs, &keys::pair(batch.0, run))?;
            self.ending.pop();
        }
        Ok(true)
    }
}
