//! What became of a device: proved, untouched, in doubt.

use std::sync::Arc;

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, Custody, OtpSpec, ProgrammingRun, RunItem, RunItemId, RunItemState,
    RunSecret, SeedRow, SeedVersion, Token, TokenId, TokenOrigin, TokenState,
};
use crate::oath::{Generator, MovingFactor, Otp, YubicoKey, time_step};
use crate::secret::Seed;
use crate::store::{Change, Changes, View};
use crate::vault::{DataKey, SealContext};

use super::journal::key_is_set;
use super::{Service, ServiceError, audit, require_all, settled as is_settled};

/// Why a device is in doubt after the program ended.
pub(super) const INTERRUPTED: &str =
    "the program ended while this device was being written: put it in again to see what it holds";
/// What to do after codes that were none of the secret's.
const CODE_WRONG: &str =
    "the code is not one of the secret that was written: read the device again, or write it again";
/// Steps to either side in which the code of a device with a clock that was just set may lie: whoever types it takes
/// a while.
const PROOF_STEPS: u64 = 2;
/// Counters ahead that the code of a device may lie at: it may have been touched before.
const PROOF_COUNTERS: u64 = 10;

/// Who says that a code is one of the device's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProvedBy {
    /// The device was asked and computed it.
    Device {
        /// The step that it was asked for, when it has no clock of its own.
        step: Option<MovingFactor>,
        /// The counter that it is known to have reached, when it counts.
        from: Option<MovingFactor>,
    },
    /// A person read it, or the device typed it.
    Person,
}

/// A code that a device showed.
#[derive(Debug)]
pub struct ItemProof {
    /// The code.
    pub otp: Otp,
    /// Who says so.
    pub by: ProvedBy,
}

/// What a code proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProofOutcome {
    /// The token is in the store.
    Programmed(Box<RunItem>),
    /// The code is not one of the secret that was written.
    Wrong(Box<RunItem>),
}

/// Where a code lies that proves a secret.
fn proved_at(
    spec: &OtpSpec,
    seed: &Seed,
    counter: MovingFactor,
    proof: &ItemProof,
    now: UnixTime,
) -> Result<Option<MovingFactor>, ServiceError> {
    if let OtpSpec::YubicoOtp { public_id } = spec {
        let Some(typed) = proof.otp.yubico() else {
            let detail = "this key types letters: put the cursor into the field and touch it";
            return Err(ServiceError::invalid("otp", "otp_length", detail));
        };
        let opened = YubicoKey::from_kept(seed).and_then(|key| key.open(typed));
        let is_named = typed.public_id() == public_id.as_bytes();
        return Ok(opened.filter(|_| is_named).map(|plain| plain.position()));
    }
    let (Some(hash), Some(digits)) = (spec.hash(), spec.digits()) else { return Ok(None) };
    let Some(wanted) = proof.otp.value(digits) else {
        let detail = format!("a code of this device has {} digits", digits.get());
        return Err(ServiceError::invalid("otp", "otp_length", detail));
    };
    let (step, from) = match proof.by {
        ProvedBy::Device { step, from } => (step, from),
        ProvedBy::Person => (None, None),
    };
    let places = match (spec.clock(), step) {
        (Some(_), Some(step)) => step.0..step.0.saturating_add(1),
        (Some((period, epoch)), None) => {
            let Some(MovingFactor(present)) = time_step(now, epoch, 0, period) else { return Ok(None) };
            present.saturating_sub(PROOF_STEPS)..present.saturating_add(PROOF_STEPS + 1)
        }
        (None, _) => {
            let first = from.unwrap_or(counter).max(counter).0;
            first..first.saturating_add(PROOF_COUNTERS + 1)
        }
    };
    let mut found = None;
    Generator::new(seed, hash).scan(places, &[wanted], digits.modulus(), &mut |at, _| {
        found.get_or_insert(MovingFactor(at));
    });
    Ok(found)
}

/// Puts an item into doubt.
pub(super) fn doubt(item: &mut RunItem, reason: &str, detail: &str, now: UnixTime) {
    item.state = RunItemState::InDoubt;
    reason.clone_into(&mut item.reason);
    detail.clone_into(&mut item.detail);
    item.changed_at = now;
}

/// The device took it, or may have; a code tells.
fn wants_code(item: &mut RunItem, detail: &str, now: UnixTime) {
    item.state = RunItemState::CodeWanted;
    item.reason.clear();
    item.failures = 0;
    detail.clone_into(&mut item.detail);
    item.changed_at = now;
}

/// An item whose secret is certain to lie nowhere, or in the store.
pub(super) fn settle(item: &mut RunItem, state: RunItemState, reason: &str, detail: &str, now: UnixTime) {
    item.state = state;
    item.secret = None;
    reason.clone_into(&mut item.reason);
    detail.clone_into(&mut item.detail);
    item.changed_at = now;
}

/// Earlier tries with the same place on the same device: it holds another secret now.
fn overwritten(
    view: &dyn View,
    item: &RunItem,
    actor: &Actor,
    now: UnixTime,
) -> Result<Changes, ServiceError> {
    let mut changes = Vec::new();
    for mut other in view.unsettled_items()? {
        if item.is_after(&other) {
            settle(&mut other, RunItemState::Undone, "written_again", "", now);
            let how = vec![("how", "written again".to_owned())];
            changes.push(audit(now, actor, AuditAction::DeviceResolved, &other, AuditResult::Done, how));
            changes.push(Change::PutRunItem(Box::new(other)));
        }
    }
    Ok(changes)
}

/// A later try with the same device decides what it holds: what is said of this one would be said of that.
fn require_newest(view: &dyn View, item: &RunItem) -> Result<(), ServiceError> {
    match view.unsettled_items()?.iter().find(|other| other.is_after(item)) {
        None => Ok(()),
        Some(later) => {
            let detail = format!(
                "device {} was written once more since (device {} of run {}): see to that first",
                item.device, later.id.n, later.id.run.0
            );
            Err(ServiceError::state("later_try", detail))
        }
    }
}

fn moved(item: &RunItem) -> ServiceError {
    let state = item.state.name().replace('_', " ");
    ServiceError::state("item_moved", format!("device {} is {state} by now: look at it again", item.device))
}

/// The token of an item that a code proved.
struct Birth<'a> {
    view: &'a dyn View,
    sealer: &'a DataKey,
    seed: &'a Seed,
    at: MovingFactor,
    actor: &'a Actor,
    now: UnixTime,
}

impl Birth<'_> {
    /// The token that came back and gets this secret.
    fn returned(
        &self,
        id: TokenId,
        version: SeedVersion,
        run: &ProgrammingRun,
    ) -> Result<Token, ServiceError> {
        let token = self.view.token(id)?.ok_or(ServiceError::Stale)?;
        let is_back = matches!(token.custody, Custody::Returned { .. });
        let next = self.view.newest_seed_version(id)?.map_or(SeedVersion::FIRST, SeedVersion::next);
        if !is_back || next != version {
            let detail = format!(
                "token {} was given to somebody while its device was written: take it back and write it again",
                token.serial.display()
            );
            return Err(ServiceError::state("token_in_use", detail));
        }
        Ok(Token {
            custody: Custody::InStock,
            holder: None,
            disabled: None,
            pin: None,
            origin: TokenOrigin::Programmed,
            batch: run.batch,
            follows_batch: true,
            manufacturer: run.manufacturer.clone(),
            model: run.model.clone(),
            valid_from: None,
            valid_until: None,
            ..token
        })
    }

    /// A token that is new here.
    fn new_token(&self, run: &ProgrammingRun, item: &RunItem) -> Result<Token, ServiceError> {
        if self.view.token_by_serial(item.serial.normal())?.is_some() {
            let detail = format!(
                "a token {} came into the store while its device was written: delete it, then read the device again",
                item.serial.display()
            );
            return Err(ServiceError::state("serial_exists", detail));
        }
        Ok(Token {
            id: self.view.next_token()?,
            serial: item.serial.clone(),
            batch: run.batch,
            origin: TokenOrigin::Programmed,
            disabled: None,
            custody: Custody::InStock,
            holder: None,
            follows_batch: true,
            pin: None,
            manufacturer: run.manufacturer.clone(),
            model: run.model.clone(),
            note: String::new(),
            name: String::new(),
            creator: None,
            replaces: None,
            replaced_by: None,
            valid_from: None,
            valid_until: None,
            created_at: self.now,
        })
    }

    /// Token, secret and state; the item and the run take note.
    fn changes(&self, mut run: ProgrammingRun, item: &mut RunItem) -> Result<Changes, ServiceError> {
        let Self { view, sealer, seed, at, actor, now } = *self;
        let secret = item.secret.take().ok_or(ServiceError::Stale)?;
        let mut changes = Vec::new();
        let before = item.token.map(|id| view.token(id)).transpose()?.flatten().map(|token| token.batch);
        let token = match item.token {
            Some(id) => self.returned(id, item.version, &run)?,
            None => self.new_token(&run, item)?,
        };
        // A token that came back moves into the batch of this run.
        if before != Some(run.batch) {
            let mut batch = view.batch(run.batch)?.ok_or(ServiceError::Stale)?;
            batch.tokens += 1;
            changes.push(Change::PutBatch(batch));
            if let Some(mut batch) = before.map(|id| view.batch(id)).transpose()?.flatten() {
                batch.tokens = batch.tokens.saturating_sub(1);
                changes.push(Change::PutBatch(batch));
            }
        }
        let id = token.id;
        // The code that proved it was seen: it and those before it are spent.
        let initial = TokenState::fresh(at.next().max(secret.counter));
        let row = SeedRow {
            token: id,
            version: item.version,
            import: None,
            spec: run.spec_of(&item.device),
            sealed: sealer.seal(seed, SealContext::Seed(id, item.version))?,
            fingerprint: secret.fingerprint,
            initial,
        };
        changes.extend([
            Change::PutToken(token),
            Change::PutSeed(row),
            Change::PutState(id, item.version, initial),
        ]);
        changes.extend(overwritten(view, item, actor, now)?);
        changes.extend(key_is_set(view, &run, &item.device, run.protect)?);
        item.token = Some(id);
        settle(item, RunItemState::Programmed, "", "", now);
        run.programmed = run.programmed.saturating_add(1);
        changes.push(Change::PutRun(run));
        changes.push(Change::PutRunItem(Box::new(item.clone())));
        changes.push(Change::BumpGeneration);
        Ok(changes)
    }
}

impl Service {
    /// Says what became of an item that is in one of these states, in one change.
    fn settle_item(
        &self,
        actor: &Actor,
        id: RunItemId,
        (from, action): (&'static [RunItemState], AuditAction),
        change: impl Fn(&dyn View, &ProgrammingRun, &mut RunItem, UnixTime) -> Result<Changes, ServiceError>
        + Send
        + 'static,
    ) -> Result<RunItem, ServiceError> {
        require_all(actor)?;
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |view| {
            let (run, mut item) = Self::item_of(view, id)?;
            if !from.contains(&item.state) {
                return Err(moved(&item));
            }
            if item.state != RunItemState::Writing {
                require_newest(view, &item)?;
            }
            let mut changes = change(view, &run, &mut item, now)?;
            let detail = if item.reason.is_empty() { vec![] } else { vec![("reason", item.reason.clone())] };
            changes.push(audit(now, &actor, action, &item, AuditResult::Done, detail));
            changes.push(Change::PutRunItem(Box::new(item.clone())));
            Ok((item, changes))
        })
    }

    /// The device took the secret; a person will read the code that proves it.
    pub fn item_written(&self, actor: &Actor, id: RunItemId, detail: &str) -> Result<RunItem, ServiceError> {
        let (detail, by) = (detail.to_owned(), actor.clone());
        let from = (&[RunItemState::Writing][..], AuditAction::DeviceWritten);
        self.settle_item(actor, id, from, move |view, run, item, now| {
            wants_code(item, &detail, now);
            let mut changes = overwritten(view, item, &by, now)?;
            changes.extend(key_is_set(view, run, &item.device, run.protect)?);
            Ok(changes)
        })
    }

    /// Only a code that a person reads can tell what a device in doubt holds.
    pub fn item_wants_code(
        &self,
        actor: &Actor,
        id: RunItemId,
        detail: &str,
    ) -> Result<RunItem, ServiceError> {
        let detail = detail.to_owned();
        let from = (&[RunItemState::InDoubt, RunItemState::CodeWanted][..], AuditAction::DeviceInDoubt);
        self.settle_item(actor, id, from, move |_, _, item, now| {
            wants_code(item, &detail, now);
            Ok(Vec::new())
        })
    }

    /// It is certain that the device does not hold the secret, which goes.
    pub fn item_untouched(
        &self,
        actor: &Actor,
        id: RunItemId,
        reason: &str,
        detail: &str,
    ) -> Result<RunItem, ServiceError> {
        let (reason, detail) = (reason.to_owned(), detail.to_owned());
        let from: &'static [RunItemState] =
            &[RunItemState::Writing, RunItemState::InDoubt, RunItemState::CodeWanted];
        self.settle_item(actor, id, (from, AuditAction::DeviceUntouched), move |_, _, item, now| {
            settle(item, RunItemState::Untouched, &reason, &detail, now);
            Ok(Vec::new())
        })
    }

    /// Nobody knows what the device holds. One that is to be wiped stays that.
    pub fn item_in_doubt(
        &self,
        actor: &Actor,
        id: RunItemId,
        reason: &str,
        detail: &str,
    ) -> Result<RunItem, ServiceError> {
        let (reason, detail) = (reason.to_owned(), detail.to_owned());
        let from: &'static [RunItemState] = &[
            RunItemState::Writing,
            RunItemState::InDoubt,
            RunItemState::CodeWanted,
            RunItemState::TakenBack,
        ];
        self.settle_item(actor, id, (from, AuditAction::DeviceInDoubt), move |_, _, item, now| {
            let state = item.state;
            doubt(item, &reason, &detail, now);
            if state == RunItemState::TakenBack {
                item.state = state;
            }
            Ok(Vec::new())
        })
    }

    /// What is being written to a device by nobody any more: whoever worked on it on this reader ended without a word. One
    /// of the same serial number on another reader is not meant.
    pub fn abandon(&self, device: &str, reader: &str) -> Result<(), ServiceError> {
        let (device, reader) = (device.to_owned(), reader.to_owned());
        self.doubt_writing(move |item| item.device == device && item.reader == reader)
    }

    /// A code of the device. Right: the token comes into the store. Wrong: the item is in doubt when the device itself
    /// computed the code; a person may type another one, but not for ever.
    ///
    /// # Errors
    /// `item_moved` when the item is not one that this can prove any more, `later_try` when the device was written once more
    /// since.
    pub fn prove_item(
        &self,
        actor: &Actor,
        id: RunItemId,
        proof: &ItemProof,
    ) -> Result<ProofOutcome, ServiceError> {
        require_all(actor)?;
        let from: &'static [RunItemState] = match proof.by {
            ProvedBy::Device { .. } => {
                &[RunItemState::Writing, RunItemState::InDoubt, RunItemState::CodeWanted]
            }
            ProvedBy::Person => &[RunItemState::CodeWanted],
        };
        let (run, item, now) = self.store.read(|view| {
            let now = self.trusted_now(view)?;
            let (run, item) = Self::item_of(view, id)?;
            Ok::<_, ServiceError>((run, item, now))
        })?;
        if item.state == RunItemState::Programmed {
            return match proof.by {
                ProvedBy::Device { .. } => Ok(ProofOutcome::Programmed(Box::new(item))),
                // It may be the code of another device, which waits for it still.
                ProvedBy::Person => Err(is_settled(&item)),
            };
        }
        let Some((seed, counter)) = self.item_seed(&item)? else { return Err(is_settled(&item)) };
        let Some(at) = proved_at(&run.spec_of(&item.device), &seed, counter, proof, now)? else {
            let by_device = proof.by != ProvedBy::Person;
            let wrong = move |_: &dyn View, _: &ProgrammingRun, item: &mut RunItem, now| {
                item.failures = item.failures.saturating_add(1);
                if by_device || item.failures >= RunItem::MOST_FAILURES {
                    doubt(item, "code_wrong", CODE_WRONG, now);
                } else {
                    "code_wrong".clone_into(&mut item.reason);
                }
                Ok(Vec::new())
            };
            let action = if by_device || item.failures + 1 >= RunItem::MOST_FAILURES {
                AuditAction::DeviceInDoubt
            } else {
                AuditAction::DeviceCodeWrong
            };
            let item = self.settle_item(actor, id, (from, action), wrong)?;
            return Ok(ProofOutcome::Wrong(Box::new(item)));
        };
        let (actor, sealer, seed) = (actor.clone(), self.sealer()?, Arc::new(seed));
        self.decide(move |view| {
            let (run, mut item) = Self::item_of(view, id)?;
            if item.state == RunItemState::Programmed {
                return Ok((ProofOutcome::Programmed(Box::new(item)), Vec::new()));
            }
            if !from.contains(&item.state) {
                return Err(moved(&item));
            }
            require_newest(view, &item)?;
            let birth = Birth { view, sealer: &sealer, seed: &seed, at, actor: &actor, now };
            let mut changes = birth.changes(run, &mut item)?;
            changes.push(audit(now, &actor, AuditAction::DeviceProgrammed, &item, AuditResult::Done, vec![]));
            Ok((ProofOutcome::Programmed(Box::new(item)), changes))
        })
    }
}

/// The secret of an item, sealed for it again.
pub(super) fn kept(
    sealer: &DataKey,
    id: RunItemId,
    seed: &Seed,
    row: &SeedRow,
    floor: MovingFactor,
) -> Result<RunSecret, ServiceError> {
    let sealed = sealer.seal(seed, SealContext::RunItem(id))?;
    Ok(RunSecret { sealed, fingerprint: row.fingerprint, counter: floor })
}
