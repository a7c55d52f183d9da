//! What an operator does about a device: set it aside, take back the last one, say that it is destroyed. And what becomes of
//! the secret of a device whose token is deleted.

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, Custody, ProgrammingRun, RunItem, RunItemId, RunItemState, RunSecret,
    SeedRow, SeedVersion, Token, TokenOrigin, TokenSerial, Tombstone,
};
use crate::oath::MovingFactor;
use crate::secret::Seed;
use crate::store::{Change, Changes, Page, View};
use crate::vault::{DataKey, SealContext, random_seed};

use super::journal::key_is_set;
use super::outcome::{kept, settle};
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

/// The device holds the secret of no token any more: it goes back into the journal, and is wiped once it is put in.
fn to_be_wiped(
    run: &mut ProgrammingRun,
    item: &mut RunItem,
    secret: RunSecret,
    how: &str,
    actor: &Actor,
    now: UnixTime,
) -> Change {
    item.secret = Some(secret);
    item.state = RunItemState::TakenBack;
    item.reason.clear();
    TO_BE_WIPED.clone_into(&mut item.detail);
    item.changed_at = now;
    let how = vec![("how", how.to_owned())];
    let entry = audit(now, actor, AuditAction::DeviceResolved, item, AuditResult::Done, how);
    item.token = None;
    run.programmed = run.programmed.saturating_sub(1);
    entry
}

/// The device that was programmed with the newest secret of a token here, with that secret.
pub(in crate::service) struct HeldSecret {
    item: RunItemId,
    seed: Seed,
    row: SeedRow,
}

impl HeldSecret {
    /// The changes after which the journal knows what the device holds while its token is gone.
    pub(in crate::service) fn left_behind(
        &self,
        view: &dyn View,
        sealer: &DataKey,
        floor: MovingFactor,
        actor: &Actor,
        now: UnixTime,
    ) -> Result<Changes, ServiceError> {
        let (mut run, mut item) = Service::item_of(view, self.item)?;
        if item.state != RunItemState::Programmed || item.token != Some(self.row.token) {
            return Err(ServiceError::Stale);
        }
        let secret = kept(sealer, item.id, &self.seed, &self.row, floor)?;
        let entry = to_be_wiped(&mut run, &mut item, secret, "token deleted", actor, now);
        Ok(vec![Change::PutRun(run), Change::PutRunItem(Box::new(item)), entry])
    }
}

/// The item that made the newest secret of a token.
fn item_of_token(view: &dyn View, token: &Token) -> Result<Option<RunItem>, ServiceError> {
    let newest = view.newest_seed_version(token.id)?;
    let mut runs = Page::first(READ_AT_ONCE);
    loop {
        let some = view.programming_runs(runs)?;
        for run in some.items.into_iter().filter(|run| run.batch == token.batch) {
            let mut items = Page::first(READ_AT_ONCE);
            loop {
                let part = view.run_items(run.id, items)?;
                let its = |item: &RunItem| {
                    item.state == RunItemState::Programmed
                        && item.token == Some(token.id)
                        && Some(item.version) == newest
                };
                if let Some(item) = part.items.into_iter().find(its) {
                    return Ok(Some(item));
                }
                let Some(next) = part.next else { break };
                items.after = Some(next);
            }
        }
        let Some(next) = some.next else { return Ok(None) };
        runs.after = Some(next);
    }
}

/// Records of runs and devices that are read at once.
const READ_AT_ONCE: usize = 500;

impl Service {
    /// The device that holds the newest secret of a token, when it was programmed here.
    pub(in crate::service) fn secret_on_device(
        &self,
        serial: &TokenSerial,
    ) -> Result<Option<HeldSecret>, ServiceError> {
        let found = self.store.read(|view| {
            let token = view.token_by_serial(serial.normal())?;
            let Some(token) = token.filter(|token| token.origin == TokenOrigin::Programmed) else {
                return Ok(None);
            };
            let Some(item) = item_of_token(view, &token)? else { return Ok(None) };
            let row = view.seed_version(token.id, item.version)?.ok_or(ServiceError::Stale)?;
            Ok::<_, ServiceError>(Some((item.id, row)))
        })?;
        let Some((item, row)) = found else { return Ok(None) };
        let seed = self.opened(&row.sealed, SealContext::Seed(row.token, row.version))?;
        Ok(Some(HeldSecret { item, seed, row }))
    }

    /// A device that was set aside or is to be wiped is destroyed, or will never be seen again: its secret is forgotten.
    pub fn destroyed_item(&self, actor: &Actor, id: RunItemId) -> Result<RunItem, ServiceError> {
        require_all(actor)?;
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |view| {
            let (_, mut item) = Self::item_of(view, id)?;
            match item.state {
                RunItemState::Quarantined | RunItemState::TakenBack => {}
                RunItemState::InDoubt | RunItemState::CodeWanted => {
                    let detail = format!(
                        "device {} may still be read: set it aside first, then say that it is destroyed",
                        item.device
                    );
                    return Err(ServiceError::state("not_set_aside", detail));
                }
                _ => return Err(settled(&item)),
            }
            settle(&mut item, RunItemState::Undone, RunItem::DESTROYED, "", now);
            let how = vec![("how", RunItem::DESTROYED.to_owned())];
            let entry = audit(now, &actor, AuditAction::DeviceResolved, &item, AuditResult::Done, how);
            Ok((item.clone(), vec![Change::PutRunItem(Box::new(item)), entry]))
        })
    }

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
            // What was to be done about it next is not any more.
            item.detail.clear();
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
            let is_assigned = !view.assignments_of_token(token.id)?.is_empty();
            if !is_ours || token.custody != Custody::InStock || state.used || is_assigned {
                let detail = format!(
                    "token {} is in use already: delete it on its page instead",
                    token.serial.display()
                );
                return Err(ServiceError::state("token_in_use", detail));
            }
            let secret = kept(&sealer, id, &seed, &row, state.floor)?;
            let entry = to_be_wiped(&mut run, &mut item, secret, "take back", &actor, now);
            let tombstone = Tombstone {
                serial: token.serial.clone(),
                fingerprint: row.fingerprint,
                spec: row.spec.clone(),
                floor: state.floor,
                deleted_at: now,
            };
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
            let (run, mut item) = Self::item_of(view, id)?;
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
            let mut changes = vec![Change::PutRunItem(Box::new(item.clone())), entry];
            changes.extend(key_is_set(view, &run, &item.device, false)?);
            Ok((item, changes))
        })
    }
}
