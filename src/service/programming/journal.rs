//! Which devices are taken, and their secrets before the first byte.

use sha2::{Digest as _, Sha256};

use crate::model::{
    Actor, ActorOrigin, Application, AuditAction, AuditResult, Custody, DeviceKey, ProgrammingRun, RunId,
    RunItem, RunItemId, RunItemState, RunSecret, SeedVersion, TokenId, TokenOrigin, TokenSerial,
};
use crate::oath::MovingFactor;
use crate::secret::Seed;
use crate::store::{Change, View};
use crate::vault::{SealContext, random_bytes, random_seed};

use super::{Service, ServiceError, audit, no_run, require_all, settled};

/// A device that lies on a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceHere {
    /// The serial number that it gave.
    pub device: String,
    /// The reader that it lies on.
    pub reader: String,
}

/// What opens an application of a device, in the clear.
#[derive(Debug)]
pub struct OpenedKey {
    /// The key.
    pub key: Seed,
    /// True when the device is known to have it; false: it may have it, or none.
    pub is_set: bool,
}

/// A place in the journal: what is to be written now.
#[derive(Debug)]
pub struct JournalledItem {
    /// Its place.
    pub id: RunItemId,
    /// The run.
    pub run: ProgrammingRun,
    /// The device that it is meant for, and no other.
    pub device: String,
    /// Its token's serial number.
    pub serial: TokenSerial,
    /// The secret, opened from the journal: what is written to the device is what can be opened again.
    pub seed: Seed,
    /// The counter that the device begins with, or is known to have reached.
    pub counter: MovingFactor,
    /// What opens the device, or is to open it from now on.
    pub key: Option<OpenedKey>,
    /// Random, for this try alone.
    pub nonce: [u8; 8],
    /// What lies in its place on the device may be overwritten: it is from here, or the run says so.
    pub replaces: bool,
}

/// Bytes of a key that opens a device.
pub(super) const fn key_bytes(application: Application) -> Option<usize> {
    match application {
        Application::Oath => Some(16),
        // Six bytes is what an access code of a slot has.
        Application::Slot1 | Application::Slot2 => Some(6),
        Application::SingleProfile => None,
    }
}

pub(super) fn key_context(application: Application, device: &str) -> SealContext {
    SealContext::DeviceKey(application, Sha256::digest(device.as_bytes()).into())
}

/// A place that a key from here opens holds what was written here, also when its token is gone. Not behind a wipe, which
/// takes the key off: then it may be anybody's.
fn is_ours(key: Option<&OpenedKey>) -> bool {
    key.is_some_and(|key| key.is_set)
}

/// What a device that lies there will be.
enum Place {
    /// A new token.
    New,
    /// Another secret for a token that came back.
    Returned(TokenId, SeedVersion),
}

/// An operator or a key with the rights that it had when its work began; everybody else is.
pub(super) fn is_still_allowed(view: &dyn View, actor: &Actor) -> Result<bool, ServiceError> {
    Ok(match actor.origin {
        ActorOrigin::Operator { id, .. } => view.operator(id)?.is_some_and(|operator| {
            operator.enabled && Some(operator.role) == actor.role && operator.scope == actor.scope
        }),
        ActorOrigin::ApiKey { id, .. } => view.api_key(id)?.is_some_and(|key| {
            key.revoked_at.is_none() && Some(key.role) == actor.role && key.scope == actor.scope
        }),
        _ => true,
    })
}

/// Who programs is still one who may: the work goes on while nobody looks at who is signed in.
fn require_still_allowed(view: &dyn View, actor: &Actor) -> Result<(), ServiceError> {
    if is_still_allowed(view, actor)? {
        return Ok(());
    }
    let detail = "whoever began to program here may not any more: go on with the run in another name";
    Err(ServiceError::Forbidden { code: "operator_gone", detail })
}

fn refused(code: &'static str, detail: String) -> ServiceError {
    ServiceError::state(code, detail)
}

/// Whether this device may be written in this run; `instead_of`: the try that somebody wants another one instead of.
fn place(
    view: &dyn View,
    run: &ProgrammingRun,
    here: &DeviceHere,
    serial: &TokenSerial,
    instead_of: Option<RunItemId>,
) -> Result<Place, ServiceError> {
    let (mut again, mut under_way) = (false, 0u32);
    for item in view.unsettled_items()? {
        let waits = matches!(item.state, RunItemState::Writing | RunItemState::CodeWanted);
        under_way += u32::from(item.id.run == run.id && waits);
        if item.device != here.device || item.serial != *serial {
            continue;
        }
        again |= Some(item.id) == instead_of;
        match item.state {
            RunItemState::Writing => {
                let detail =
                    format!("device {} is being written on reader {} right now", item.device, item.reader);
                return Err(refused("device_busy", detail));
            }
            RunItemState::TakenBack => {
                let detail = format!(
                    "device {} was taken back and is not wiped yet: put it in once more",
                    item.device
                );
                return Err(refused("device_taken_back", detail));
            }
            _ if instead_of.is_some() => {}
            RunItemState::CodeWanted => {
                let detail = format!(
                    "device {} was written already and waits for the code that proves it: type the code, or write it again",
                    item.device
                );
                return Err(refused("code_wanted", detail));
            }
            RunItemState::Quarantined => {
                let detail = format!("device {} was set aside: write it again only on purpose", item.device);
                return Err(refused("device_quarantined", detail));
            }
            _ => {
                let detail =
                    format!("device {} is in doubt since an earlier try: resolve that first", item.device);
                return Err(refused("device_in_doubt", detail));
            }
        }
    }
    if instead_of.is_some() && !again {
        let detail =
            format!("device {} is not the one that is to be written again: put that one in", here.device);
        return Err(refused("other_device", detail));
    }
    // One that went wrong is made good also after the end.
    if !again {
        if !run.is_open() {
            return Err(refused("run_ended", "this run has ended: begin another one".to_owned()));
        }
        if run.programmed.saturating_add(under_way) >= run.count {
            let detail = format!(
                "as many devices as are wanted ({}) are written or being written: see to those that wait, or begin another run",
                run.count
            );
            return Err(refused("run_full", detail));
        }
    }
    let Some(token) = view.token_by_serial(serial.normal())? else { return Ok(Place::New) };
    // A batch that stands on a resource is not in anybody's hands yet.
    let is_assigned = !view.assignments_of_token(token.id)?.is_empty();
    if token.origin == TokenOrigin::Programmed
        && token.batch == run.batch
        && token.custody == Custody::InStock
        && !is_assigned
    {
        let detail = format!("device {} is done: take it out and put in the next one", here.device);
        return Err(refused("device_done", detail));
    }
    if let Custody::Returned { .. } = token.custody
        && token.origin != TokenOrigin::Portal
    {
        if is_assigned {
            let detail = format!(
                "token {} came back and still stands on a resource of its own: take it off there before it is written",
                token.serial.display()
            );
            return Err(refused("token_in_use", detail));
        }
        let version = view.newest_seed_version(token.id)?.map_or(SeedVersion::FIRST, SeedVersion::next);
        return Ok(Place::Returned(token.id, version));
    }
    let in_use = !matches!(token.custody, Custody::InStock) || is_assigned;
    if in_use {
        let detail = format!(
            "token {} is in use ({}): take it back on its page before it is written",
            token.serial.display(),
            token.custody.name().replace('_', " ")
        );
        return Err(refused("token_in_use", detail));
    }
    let batch = view.batch(token.batch)?.map(|batch| batch.name.as_str().to_owned()).unwrap_or_default();
    let detail = format!(
        "token {} belongs to the batch {batch}: put it back there, or delete it before it is written",
        token.serial.display()
    );
    Err(refused("token_of_other_batch", detail))
}

impl Service {
    /// What would be written to the device on a reader, with a secret that nobody keeps: to see whether it fits before
    /// anything is written down. Refuses as [`journal`](Self::journal) does.
    pub fn planned_item(
        &self,
        actor: &Actor,
        run: RunId,
        here: &DeviceHere,
        instead_of: Option<RunItemId>,
    ) -> Result<JournalledItem, ServiceError> {
        require_all(actor)?;
        let (run, serial, place) = self.store.read(|view| {
            let run = view.run(run)?.ok_or_else(no_run)?;
            let serial = run.application.token_serial(&here.device).map_err(ServiceError::name("serial"))?;
            let place = place(view, &run, here, &serial, instead_of)?;
            Ok::<_, ServiceError>((run, serial, place))
        })?;
        let kept = self.device_key(run.application, &here.device)?;
        let key = match (kept, key_bytes(run.application)) {
            (None, Some(bytes)) if run.protect => Some(OpenedKey { key: random_seed(bytes)?, is_set: false }),
            (kept, _) => kept,
        };
        let replaces = run.replaces
            || instead_of.is_some()
            || matches!(place, Place::Returned(..))
            || is_ours(key.as_ref());
        Ok(JournalledItem {
            id: RunItemId { run: run.id, n: 0 },
            device: here.device.clone(),
            serial,
            seed: random_seed(usize::from(run.seed_bytes))?,
            counter: MovingFactor(0),
            key,
            nonce: random_bytes()?,
            replaces,
            run,
        })
    }

    /// A place in the journal for the device on a reader, with a fresh secret; durable when this returns. `instead_of`: a
    /// try of this device that is in doubt, waits for its code or was set aside.
    ///
    /// # Errors
    /// With state codes in words for whoever stands there: `run_ended`, `device_busy`, `device_done`, `device_in_doubt`,
    /// `code_wanted`, `device_quarantined`, `device_taken_back`, `other_device`, `token_in_use`, `token_of_other_batch`.
    pub fn journal(
        &self,
        actor: &Actor,
        run: RunId,
        here: &DeviceHere,
        instead_of: Option<RunItemId>,
    ) -> Result<JournalledItem, ServiceError> {
        require_all(actor)?;
        let (asked, now) = self.store.read(|view| {
            let now = self.trusted_now(view)?;
            Ok::<_, ServiceError>((view.run(run)?.ok_or_else(no_run)?, now))
        })?;
        let application = asked.application;
        let serial = application.token_serial(&here.device).map_err(ServiceError::name("serial"))?;
        let seed = random_seed(usize::from(asked.seed_bytes))?;
        let fingerprint = self.vault.fingerprint(&seed);
        let kept = self.device_key(application, &here.device)?;
        let made = match (&kept, key_bytes(application)) {
            (None, Some(bytes)) if asked.protect => Some(random_seed(bytes)?),
            _ => None,
        };
        let sealer = self.sealer()?;
        let sealed_key = made
            .as_ref()
            .map(|key| sealer.seal(key, key_context(application, &here.device)))
            .transpose()?
            .map(|sealed| DeviceKey { sealed, is_set: false, created_at: now });
        let (actor, here) = (actor.clone(), here.clone());
        let (item, run) = self.decide(move |view| {
            let mut run = view.run(run)?.ok_or_else(no_run)?;
            require_still_allowed(view, &actor)?;
            let place = place(view, &run, &here, &serial, instead_of)?;
            let id = RunItemId { run: run.id, n: run.next_item };
            let (token, version) = match place {
                Place::New => (None, SeedVersion::FIRST),
                Place::Returned(token, version) => (Some(token), version),
            };
            let sealed = sealer.seal(&seed, SealContext::RunItem(id))?;
            let item = RunItem {
                id,
                state: RunItemState::Writing,
                reason: String::new(),
                detail: String::new(),
                device: here.device.clone(),
                serial: serial.clone(),
                reader: here.reader.clone(),
                failures: 0,
                secret: Some(RunSecret { sealed, fingerprint, counter: MovingFactor(0) }),
                token,
                version,
                actor: actor.clone(),
                created_at: now,
                changed_at: now,
            };
            run.next_item = run.next_item.saturating_add(1);
            let entry = audit(
                now,
                &actor,
                AuditAction::DeviceJournalled,
                &item,
                AuditResult::Done,
                vec![("reader", here.reader.clone())],
            );
            let mut changes = vec![Change::PutRun(run.clone()), Change::PutRunItem(Box::new(item.clone()))];
            if let Some(key) = &sealed_key {
                if view.device_key(application, &here.device)?.is_some() {
                    return Err(ServiceError::Stale);
                }
                changes.push(Change::PutDeviceKey(application, here.device.clone(), key.clone()));
            }
            changes.push(entry);
            Ok(((item, run), changes))
        })?;
        let key = made.map(|key| OpenedKey { key, is_set: false }).or(kept);
        let replaces = run.replaces || instead_of.is_some() || item.token.is_some() || is_ours(key.as_ref());
        Ok(JournalledItem { replaces, ..self.opened_item(run, item, key)? })
    }

    /// An item with its secret in the clear.
    pub(super) fn opened_item(
        &self,
        run: ProgrammingRun,
        item: RunItem,
        key: Option<OpenedKey>,
    ) -> Result<JournalledItem, ServiceError> {
        let Some((seed, counter)) = self.item_seed(&item)? else { return Err(settled(&item)) };
        let RunItem { id, device, serial, .. } = item;
        let (nonce, replaces) = (random_bytes()?, true);
        Ok(JournalledItem { id, run, device, serial, seed, counter, key, nonce, replaces })
    }

    /// The item of an earlier try, to look what the device holds of it.
    pub fn journalled(&self, actor: &Actor, id: RunItemId) -> Result<JournalledItem, ServiceError> {
        require_all(actor)?;
        let (run, item) = self.store.read(|view| Self::item_of(view, id))?;
        let key = self.device_key(run.application, &item.device)?;
        self.opened_item(run, item, key)
    }

    /// What opens an application of a device, when one was made here.
    pub(super) fn device_key(
        &self,
        application: Application,
        device: &str,
    ) -> Result<Option<OpenedKey>, ServiceError> {
        let kept = self.store.read(|view| Ok::<_, ServiceError>(view.device_key(application, device)?))?;
        let Some(kept) = kept else { return Ok(None) };
        let key = self.opened(&kept.sealed, key_context(application, device))?;
        Ok(Some(OpenedKey { key, is_set: kept.is_set }))
    }
}

/// The change after which it is known whether the key of a device is on it; none when it has no key or that is known already.
pub(super) fn key_is_set(
    view: &dyn View,
    run: &ProgrammingRun,
    device: &str,
    is_set: bool,
) -> Result<Option<Change>, ServiceError> {
    let kept = view.device_key(run.application, device)?.filter(|key| key.is_set != is_set);
    Ok(kept.map(|key| Change::PutDeviceKey(run.application, device.to_owned(), DeviceKey { is_set, ..key })))
}
