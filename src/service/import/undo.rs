//! Dropping plans, undoing imports, and removing what they leave behind.

use crate::clock::UnixTime;
use crate::model::{
    Actor, Assignment, AuditAction, AuditResult, Batch, BatchId, BatchState, Import, ImportId, ImportState,
    Parties, Scope, Subject, TokenId,
};
use crate::service::scope::{rules_token, shared};
use crate::service::{Service, ServiceError, audit_entry};
use crate::store::{Change, Page, View};

use super::{CHUNK, ruled};

impl Service {
    /// Drops a plan, or undoes a committed import whose tokens nobody used yet.
    pub fn drop_import(&self, actor: &Actor, id: ImportId) -> Result<(), ServiceError> {
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |view| {
            let import = ruled(view, &actor, id)?;
            let undone = match import.state {
                ImportState::Dropped { .. } => {
                    return Err(ServiceError::state("import_dropped", "this import was dropped"));
                }
                ImportState::Parsing => {
                    return Err(ServiceError::state("import_parsing", "the file is still being read"));
                }
                ImportState::Planned => false,
                ImportState::Committed { .. } => {
                    refuse_undo(view, &actor, &import)?;
                    true
                }
            };
            let mut changes = dropped(view, import, now)?;
            if undone {
                changes.push(Change::BumpGeneration);
            }
            changes.push(audit_entry(
                now,
                &actor,
                if undone { AuditAction::ImportUndone } else { AuditAction::ImportDropped },
                vec![Subject::Import(id)],
                AuditResult::Done,
                vec![],
            ));
            Ok(((), changes))
        })?;
        self.sweep_batches()
    }

    /// Removes seed versions that a plan set aside for replacing, in chunks.
    pub(super) fn drop_replacements(&self, id: ImportId) -> Result<(), ServiceError> {
        loop {
            let more = self.decide(move |view| {
                let rows = view.replaced_by(id, Page::first(CHUNK))?.items;
                let changes: Vec<_> =
                    rows.iter().map(|(token, version)| Change::PurgeSeed(*token, *version)).collect();
                Ok((!changes.is_empty(), changes))
            })?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Removes what dropped batches left behind, in chunks that let sign-ins through.
    pub(in crate::service) fn sweep_batches(&self) -> Result<(), ServiceError> {
        let dropped = self.store.read(|view| {
            let mut dropped: Vec<(BatchId, ImportId)> = Vec::new();
            let mut page = Page::first(500);
            loop {
                let slice = view.imports(page)?;
                for import in slice.items {
                    let batch = view.batch_any(import.batch)?;
                    if batch.is_some_and(|b| b.state == BatchState::Dropped) {
                        dropped.push((import.batch, import.id));
                    }
                }
                match slice.next {
                    Some(next) => page.after = Some(next),
                    None => return Ok::<_, ServiceError>(dropped),
                }
            }
        })?;
        for (batch, import) in dropped {
            self.purge_tokens(batch)?;
            let kept =
                matches!(self.import(&Actor::SYSTEM, import)?.import.state, ImportState::Committed { .. });
            if !kept {
                self.drop_replacements(import)?;
            }
            self.decide(move |_| Ok(((), vec![Change::PurgeBatch(batch)])))?;
        }
        Ok(())
    }

    fn purge_tokens(&self, batch: BatchId) -> Result<(), ServiceError> {
        loop {
            let more = self.decide(move |view| {
                let ids: Vec<TokenId> = view.token_ids_in(batch, Page::first(CHUNK))?.items;
                let mut changes = Vec::with_capacity(ids.len());
                for id in &ids {
                    for own in view.assignments_of_token(*id)? {
                        changes.push(without_token(own));
                    }
                    changes.push(Change::PurgeToken(*id));
                }
                Ok((!ids.is_empty(), changes))
            })?;
            if !more {
                return Ok(());
            }
        }
    }
}

/// What stays of an assignment when its token goes.
pub(in crate::service) fn without_token(own: Assignment) -> Change {
    match own.parties.user() {
        Some(user) => Change::PutAssignment(Assignment { parties: Parties::User(user), ..own }),
        None => Change::DeleteAssignment(own.id),
    }
}

/// The changes that take an import and its batch out of sight.
pub(in crate::service) fn dropped(
    view: &dyn View,
    import: Import,
    now: UnixTime,
) -> Result<Vec<Change>, ServiceError> {
    let mut changes = Vec::new();
    if let Some(batch) = view.batch_any(import.batch)? {
        for standing in view.batch_assignments_of(batch.id)? {
            changes.push(Change::DeleteBatchAssignment(standing.id));
        }
        changes.push(Change::PutBatch(Batch { state: BatchState::Dropped, ..batch }));
    }
    changes.push(Change::PutImport(Import {
        state: ImportState::Dropped { at: now },
        changed_at: now,
        ..import
    }));
    Ok(changes)
}

/// An import can be taken back until one of its tokens was used, handed out or given to somebody.
fn refuse_undo(view: &dyn View, actor: &Actor, import: &Import) -> Result<(), ServiceError> {
    let refuse = || {
        let detail = "a token of this import was used or given out: it cannot be undone any more";
        Err(ServiceError::state("import_in_use", detail))
    };
    if view.batch_any(import.batch)?.is_some_and(|batch| batch.touched) {
        return refuse();
    }
    if actor.scope != Scope::All {
        // Whoever owns only some resources takes nothing away from the others. A token that does not
        // follow its batch may stand anywhere.
        let foreign =
            view.batch_assignments_of(import.batch)?.iter().any(|r| !actor.scope.covers(r.resource));
        if foreign || view.detached_in(import.batch)? > 0 {
            let detail =
                "tokens of this import have places of their own: an admin of all resources undoes it";
            return Err(ServiceError::Forbidden { code: "scope", detail });
        }
    }
    let mut page = Page::first(CHUNK);
    loop {
        let slice = view.replaced_by(import.id, page)?;
        for (token, version) in slice.items {
            if actor.scope != Scope::All
                && let Some(token) = view.token(token)?
                && !rules_token(view, actor, &token)?
            {
                return Err(shared());
            }
            if let Some(seed) = view.seed(token)?
                && seed.version == version
                && view.state(&seed)?.used
            {
                return refuse();
            }
        }
        match slice.next {
            Some(next) => page.after = Some(next),
            None => return Ok(()),
        }
    }
}

/// Whether this actor may take an import back now.
pub(super) fn may_undo(view: &dyn View, actor: &Actor, import: &Import) -> Result<bool, ServiceError> {
    if !import.state.is_committed() {
        return Ok(false);
    }
    match refuse_undo(view, actor, import) {
        Ok(()) => Ok(true),
        Err(ServiceError::State { .. } | ServiceError::Forbidden { .. }) => Ok(false),
        Err(fault) => Err(fault),
    }
}
