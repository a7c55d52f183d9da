//! What an operator does about a device: set it aside, or take back the last one.

use crate::model::{
    Actor, AuditAction, AuditResult, Custody, RunItem, RunItemId, RunItemState, SeedVersion, Tombstone,
};
use crate::secret::Seed;
use crate::store::Change;
use crate::vault::{SealContext, random_seed};

use super::outcome::kept;
use super::{JournalledItem, Service, ServiceError, audit, no_run, require_all, settled};

/// What an operator wants done with a device, for which it has to lie on a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redo {
    /// See what it holds.
    Read,
    /// Write another secret.
    Again,
    /// Take its token out of the store and destroy what was written.
    TakeBack,
}

/// What happens to a device whose token was taken back.
const TO_BE_WIPED: &str = "put the device in once more: what was written is wiped";

impl Service {
    /// The item, when this can be done about it. Nothing is changed.
    pub fn item_to_redo(&self, actor: &Actor, id: RunItemId, redo: Redo) -> Result<RunItem, ServiceError> {
        require_all(actor).map_err(|_| no_run())?;
        let item = self.store.read(|view| Ok::<_, ServiceError>(Self::item_of(view, id)?.1))?;
        if item.state == RunItemState::Writing {
            let detail =
                format!("device {} is being written on reader {} right now", item.device, item.reader);
            return Err(ServiceError::state("device_busy", detail));
        }
        let is_possible = match redo {
            Redo::Read => matches!(item.state, RunItemState::InDoubt | RunItemState::CodeWanted),
            Redo::Again => matches!(
                item.state,
                RunItemState::InDoubt | RunItemState::CodeWanted | RunItemState::Quarantined
            ),
            Redo::TakeBack => matches!(item.state, RunItemState::Programmed | RunItemState::TakenBack),
        };
        if redo == Redo::TakeBack && !is_possible && item.state.is_unsettled() {
            let detail = format!(
                "device {} is not programmed, so there is no token to take back: write it again, or set it aside",
                item.device
            );
            return Err(ServiceError::state("not_programmed", detail));
        }
        if !is_possible {
            return Err(settled(&item));
        }
        Ok(item)
    }

    /// Sets a device aside that is in doubt or waits for its code. It keeps its place in the journal, with its
    /// secret, so that whatever it shows is known; it is in use by nobody.
    pub fn quarantine_item(&self, actor: &Actor, id: RunItemId) -> Result<RunItem, ServiceError> {
        require_all(actor)?;
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |view| {
            let (_, mut item) = Self::item_of(view, id)?;
            match item.state {
                RunItemState::Quarantined => return Ok((item, Vec::new())),
                RunItemState::InDoubt | RunItemState::CodeWanted => {}
                _ => return Err(settled(&item)),
            }
            item.state = RunItemState::Quarantined;
            item.changed_at = now;
            let entry = audit(
                now,
                &actor,
                AuditAction::DeviceResolved,
                &item,
                AuditResult::Done,
                vec![("how", "quarantine".to_owned())],
            );
            Ok((item.clone(), vec![Change::PutRunItem(Box::new(item)), entry]))
        })
    }

    /// Takes a programmed device back: its token leaves the store at once, the secret goes back into the journal until
    /// [`wiped_item`](Self::wiped_item) says that the device no longer holds it.
    pub fn take_back_item(&self, actor: &Actor, id: RunItemId) -> Result<JournalledItem, ServiceError> {
        require_all(actor)?;
        let (row, run) = self.store.read(|view| {
            let (run, item) = Self::item_of(view, id)?;
            let token = item.token.filter(|_| item.state == RunItemState::Programmed);
            let row = token.map(|token| view.seed_version(token, item.version)).transpose()?.flatten();
            Ok::<_, ServiceError>((row.ok_or_else(|| settled(&item))?, run))
        })?;
        let context = SealContext::Seed(row.token, row.version);
        let seed = self.opened(&row.sealed, context)?;
        let (actor, now, sealer) = (actor.clone(), self.clock.now(), self.sealer()?);
        let item = self.decide(move |view| {
            let (mut run, mut item) = Self::item_of(view, id)?;
            let token = view.token(row.token)?.ok_or(ServiceError::Stale)?;
            let state = view.state(&row)?;
            if item.state != RunItemState::Programmed {
                return Err(ServiceError::Stale);
            }
            if item.version != SeedVersion::FIRST {
                let detail = format!(
                    "token {} was here before this run: note on its page that it is back, then write it again",
                    token.serial.display()
                );
                return Err(ServiceError::state("token_was_here", detail));
            }
            let is_ours = view.seed(token.id)?.is_some_and(|now| now.version == row.version);
            if !is_ours || token.custody != Custody::InStock || state.used || view.is_assigned(&token)? {
                let detail = format!(
                    "token {} is in use already: delete it on its page instead",
                    token.serial.display()
                );
                return Err(ServiceError::state("token_in_use", detail));
            }
            item.secret = Some(kept(&sealer, id, &seed, &row, state.floor)?);
            item.state = RunItemState::TakenBack;
            item.reason.clear();
            TO_BE_WIPED.clone_into(&mut item.detail);
            item.changed_at = now;
            let how = vec![("how", "take back".to_owned())];
            let entry = audit(now, &actor, AuditAction::DeviceResolved, &item, AuditResult::Done, how);
            item.token = None;
            let tombstone = Tombstone {
                serial: token.serial.clone(),
                fingerprint: row.fingerprint,
                spec: row.spec.clone(),
                floor: state.floor,
                deleted_at: now,
            };
            run.programmed = run.programmed.saturating_sub(1);
            let mut changes = vec![Change::BuryToken(token.id, tombstone)];
            if let Some(mut batch) = view.batch(token.batch)? {
                batch.tokens = batch.tokens.saturating_sub(1);
                changes.push(Change::PutBatch(batch));
            }
            changes.extend([Change::PutRun(run), Change::PutRunItem(Box::new(item.clone()))]);
            changes.extend([Change::BumpGeneration, entry]);
            Ok((item, changes))
        })?;
        let key = self.device_key(run.application, &item.device)?;
        self.opened_item(run, item, key)
    }

    /// A secret that nobody keeps, for devices that can only be overwritten.
    pub fn filler(&self) -> Result<Seed, ServiceError> {
        let _ = self;
        Ok(random_seed(20)?)
    }

    /// The try of a device that was taken back and is to be wiped.
    pub fn item_to_wipe(&self, actor: &Actor, device: &str) -> Result<Option<RunItemId>, ServiceError> {
        require_all(actor)?;
        self.store.read(|view| {
            for item in view.unsettled_items()? {
                let waits = item.device == device
                    && item.state == RunItemState::TakenBack
                    && item.reason != RunItem::KEY_REFUSED;
                // A token of this number that came since is on the device: a person decides.
                if waits && view.token_by_serial(item.serial.normal())?.is_none() {
                    return Ok(Some(item.id));
                }
            }
            Ok(None)
        })
    }

    /// The device was wiped of its secret.
    pub fn wiped_item(&self, actor: &Actor, id: RunItemId) -> Result<RunItem, ServiceError> {
        require_all(actor)?;
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |view| {
            let (_, mut item) = Self::item_of(view, id)?;
            match item.state {
                RunItemState::TakenBack => {}
                RunItemState::Undone => return Ok((item, Vec::new())),
                _ => return Err(settled(&item)),
            }
            item.state = RunItemState::Undone;
            item.secret = None;
            "wiped".clone_into(&mut item.reason);
            item.detail.clear();
            item.changed_at = now;
            let entry = audit(
                now,
                &actor,
                AuditAction::DeviceResolved,
                &item,
                AuditResult::Done,
                vec![("how", "wipe".to_owned())],
            );
            Ok((item.clone(), vec![Change::PutRunItem(Box::new(item)), entry]))
        })
    }
}
