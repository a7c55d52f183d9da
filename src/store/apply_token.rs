//! Changes of tokens, their secrets and their batches.

use super::StoreError;
use super::apply::Applier;
use super::keys::{self, Counter};
use super::kv::{Order, Span, Tab};
use super::record;
use super::runs::Aside;
use crate::model::{
    Batch, BatchAssignment, BatchAssignmentId, BatchId, BatchState, ChallengeOwner, Challenges, Custody,
    Fingerprint, Import, ImportState, SealedSeed, SeedRow, SeedVersion, Token, TokenId, TokenState,
    Tombstone,
};

impl Applier<'_> {
    pub(super) fn put_pin_hash(&self, token: TokenId, sealed: &SealedSeed) -> Result<(), StoreError> {
        self.put(Tab::PinHashes, &keys::number(token.0), sealed).map(drop)
    }

    pub(super) fn put_token(&mut self, token: &Token) -> Result<(), StoreError> {
        self.raise_tokens(token.id.0)?;
        let old = self.put(Tab::Tokens, &keys::number(token.id.0), token)?;
        let appears = old.as_ref().is_none_or(|old| old.serial != token.serial || old.batch != token.batch);
        self.staged = None;
        if appears {
            match self.batch_state(token.batch)? {
                Some(BatchState::Live) => self.check_serial(token)?,
                Some(BatchState::Staged) if old.is_none() => self.staged = Some((token.id, token.batch)),
                _ => {}
            }
        }
        let reversed = |t: &Token| keys::text(&keys::reversed(t.serial.normal()), t.id.0);
        if self.staged.is_some() {
            self.aside.push(Aside::serial(reversed(token), token.batch));
        } else {
            self.reindex(Tab::SerialsReversed, old.as_ref().map(reversed), Some(reversed(token)))?;
        }
        self.index_token(token.id, old.as_ref(), Some(token))
    }

    fn batch_state(&mut self, batch: BatchId) -> Result<Option<BatchState>, StoreError> {
        if let Some((known, state)) = self.batch
            && known == batch
        {
            return Ok(state);
        }
        let found = self.get::<Batch>(Tab::Batches, &keys::number(batch.0))?;
        let state = found.map(|batch| batch.state);
        self.batch = Some((batch, state));
        Ok(state)
    }

    fn check_serial(&mut self, token: &Token) -> Result<(), StoreError> {
        let same = Span::prefix(&keys::text_prefix(token.serial.normal()));
        for (key, _) in self.kv.range(Tab::Serials, &same, Order::Up, usize::MAX)? {
            let id = keys::last_number(&key);
            if id == token.id.0 {
                continue;
            }
            let other = self.get::<Token>(Tab::Tokens, &keys::number(id))?;
            if let Some(other) = other
                && self.batch_state(other.batch)? == Some(BatchState::Live)
            {
                return Err(StoreError::Taken("serial number"));
            }
        }
        Ok(())
    }

    fn index_token(&self, id: TokenId, old: Option<&Token>, new: Option<&Token>) -> Result<(), StoreError> {
        type Key = fn(&Token) -> Option<Vec<u8>>;
        let indexes: [(Tab, Key); 5] = [
            (Tab::BatchTokens, |t| Some(keys::pair(t.batch.0, t.id.0).to_vec())),
            (Tab::Detached, |t| (!t.follows_batch).then(|| keys::pair(t.batch.0, t.id.0).to_vec())),
            (Tab::Places, |t| {
                (t.custody != Custody::InStock).then(|| keys::tagged(t.custody.index(), t.id.0).to_vec())
            }),
            (Tab::Disabled, |t| t.disabled.map(|_| keys::number(t.id.0).to_vec())),
            (Tab::Holders, |t| t.holder.map(|user| keys::pair(user.0, t.id.0).to_vec())),
        ];
        let serial = |t: &Token| keys::text(t.serial.normal(), id.0);
        self.reindex(Tab::Serials, old.map(serial), new.map(serial))?;
        for (table, key) in indexes {
            self.reindex(table, old.and_then(key), new.and_then(key))?;
        }
        Ok(())
    }

    /// The token, its secrets, states and index entries go; gives the rows with their last states.
    pub(super) fn remove_token(&self, id: TokenId) -> Result<Vec<(SeedRow, Option<TokenState>)>, StoreError> {
        let old = self.take::<Token>(Tab::Tokens, &keys::number(id.0))?;
        if let Some(old) = &old {
            let reversed = keys::reversed(old.serial.normal());
            self.kv.delete(Tab::SerialsReversed, &keys::text(&reversed, id.0))?;
        }
        self.index_token(id, old.as_ref(), None)?;
        self.kv.delete(Tab::Mailings, &keys::number(id.0))?;
        self.kv.delete(Tab::PinHashes, &keys::number(id.0))?;
        self.put_challenges(ChallengeOwner::Token(id), &Challenges::default())?;
        let mut rows = Vec::new();
        let span = Span::prefix(&keys::number(id.0));
        for (key, bytes) in self.kv.range(Tab::Seeds, &span, Order::Up, usize::MAX)? {
            let row: SeedRow = record::decode(&bytes)?;
            self.kv.delete(Tab::Seeds, &key)?;
            self.index_seed(&row, None)?;
            self.kv.delete(Tab::ClockHistories, &key)?;
            let state = self.take(Tab::States, &key)?;
            rows.push((row, state));
        }
        Ok(rows)
    }

    pub(super) fn bury_token(&self, id: TokenId, tombstone: &Tombstone) -> Result<(), StoreError> {
        let rows = self.remove_token(id)?;
        self.put_tombstone(tombstone)?;
        // Earlier secrets of the token keep their floors too.
        for (row, state) in rows {
            let was_real = state.is_some() || self.import_stands(&row)?;
            if row.fingerprint != tombstone.fingerprint && was_real {
                self.put_tombstone(&Tombstone {
                    serial: tombstone.serial.clone(),
                    fingerprint: row.fingerprint,
                    spec: row.spec,
                    floor: state.unwrap_or(row.initial).floor,
                    deleted_at: tombstone.deleted_at,
                })?;
            }
        }
        Ok(())
    }

    fn import_stands(&self, row: &SeedRow) -> Result<bool, StoreError> {
        let Some(id) = row.import else {
            return Ok(true);
        };
        let import = self.get::<Import>(Tab::Imports, &keys::number(id.0))?;
        Ok(import.is_some_and(|i| matches!(i.state, ImportState::Committed { .. })))
    }

    fn put_tombstone(&self, tombstone: &Tombstone) -> Result<(), StoreError> {
        let counter = self.kv.get(Tab::Meta, &keys::counter(Counter::Tombstone))?;
        let n = counter.map_or(1, |bytes| keys::last_number(&bytes));
        self.raise(Counter::Tombstone, n)?;
        self.kv.put(Tab::Tombstones, &keys::number(n), &record::encode(tombstone)?)?;
        self.kv.put(Tab::TombstoneFingerprints, &keys::tombstone(tombstone.fingerprint, n), &[])?;
        self.kv.put(Tab::TombstoneSerials, &keys::text(tombstone.serial.normal(), n), &[])?;
        Ok(())
    }

    pub(super) fn put_seed(&mut self, row: &SeedRow) -> Result<(), StoreError> {
        let old = self.put::<SeedRow>(Tab::Seeds, &keys::seed(row.token, row.version), row)?;
        if let Some(old) = old {
            return self.index_seed(&old, Some(row));
        }
        let key = print_key(row.fingerprint, row);
        match self.staged {
            Some((token, batch)) if token == row.token => {
                self.aside.push(Aside::fingerprint(key.to_vec(), batch));
            }
            _ => drop(self.kv.put(Tab::Fingerprints, &key, &[])?),
        }
        self.reindex(Tab::ImportSeeds, None, self.import_seed(row)?)
    }

    fn index_seed(&self, old: &SeedRow, new: Option<&SeedRow>) -> Result<(), StoreError> {
        let key = |row: &SeedRow| print_key(row.fingerprint, row).to_vec();
        self.reindex(Tab::Fingerprints, Some(key(old)), new.map(key))?;
        let old_import = old.import.map(|i| keys::import_seed(i.0, old.token, old.version).to_vec());
        let new_import = new.map(|row| self.import_seed(row)).transpose()?.flatten();
        self.reindex(Tab::ImportSeeds, old_import, new_import)
    }

    /// The index key of a secret that an import adds to a token of another batch.
    fn import_seed(&self, row: &SeedRow) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(import) = row.import else {
            return Ok(None);
        };
        if row.version == SeedVersion::FIRST {
            return Ok(None);
        }
        let token = self.get::<Token>(Tab::Tokens, &keys::number(row.token.0))?;
        let batch = match token {
            Some(token) => self.get::<Batch>(Tab::Batches, &keys::number(token.batch.0))?,
            None => None,
        };
        let other = batch.is_none_or(|batch| batch.import != Some(import));
        Ok(other.then(|| keys::import_seed(import.0, row.token, row.version).to_vec()))
    }

    pub(super) fn remove_seed(&self, token: TokenId, version: SeedVersion) -> Result<(), StoreError> {
        let key = keys::seed(token, version);
        if let Some(old) = self.take::<SeedRow>(Tab::Seeds, &key)? {
            self.index_seed(&old, None)?;
        }
        self.kv.delete(Tab::ClockHistories, &key)?;
        self.kv.delete(Tab::States, &key).map(drop)
    }

    /// The floor of a seed version never falls, whatever the caller says.
    pub(super) fn put_state(
        &self,
        token: TokenId,
        version: SeedVersion,
        state: TokenState,
    ) -> Result<(), StoreError> {
        let key = keys::seed(token, version);
        let old = self.put(Tab::States, &key, &state)?;
        match old {
            Some(old) if old.floor > state.floor => {
                self.put(Tab::States, &key, &TokenState { floor: old.floor, ..state }).map(drop)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn put_batch(&mut self, batch: &Batch) -> Result<(), StoreError> {
        self.batch = None;
        self.touched_batches = true;
        self.raise(Counter::Batch, batch.id.0)?;
        let old = self.put(Tab::Batches, &keys::number(batch.id.0), batch)?;
        self.name_batch(batch.id, old.as_ref(), Some(batch))
    }

    pub(super) fn remove_batch(&mut self, id: BatchId) -> Result<(), StoreError> {
        self.batch = None;
        self.touched_batches = true;
        let old = self.take(Tab::Batches, &keys::number(id.0))?;
        self.name_batch(id, old.as_ref(), None)
    }

    fn name_batch(&self, id: BatchId, old: Option<&Batch>, new: Option<&Batch>) -> Result<(), StoreError> {
        let name = |batch: Option<&Batch>| {
            batch.filter(|b| b.state == BatchState::Live).map(|b| b.name.normal().into_bytes())
        };
        self.rename(Tab::BatchNames, "batch name", id.0, name(old).as_deref(), name(new).as_deref())
    }

    pub(super) fn put_batch_assignment(&self, assignment: &BatchAssignment) -> Result<(), StoreError> {
        let id = assignment.id.0;
        self.raise(Counter::BatchAssignment, id)?;
        let old = self.put(Tab::BatchAssignments, &keys::number(id), assignment)?;
        self.index_batch_assignment(old.as_ref(), Some(assignment))
    }

    pub(super) fn remove_batch_assignment(&self, id: BatchAssignmentId) -> Result<(), StoreError> {
        let old = self.take(Tab::BatchAssignments, &keys::number(id.0))?;
        self.index_batch_assignment(old.as_ref(), None)
    }

    fn index_batch_assignment(
        &self,
        old: Option<&BatchAssignment>,
        new: Option<&BatchAssignment>,
    ) -> Result<(), StoreError> {
        let of = |a: &BatchAssignment| keys::pair(a.batch.0, a.id.0).to_vec();
        let on = |a: &BatchAssignment| keys::pair(a.resource.0, a.id.0).to_vec();
        self.reindex(Tab::BatchAssignmentsOf, old.map(of), new.map(of))?;
        self.reindex(Tab::BatchAssignmentsOn, old.map(on), new.map(on))
    }
}

fn print_key(print: Fingerprint, row: &SeedRow) -> [u8; 20] {
    keys::fingerprint(print, row.token, row.version)
}
