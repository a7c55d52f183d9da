//! Programming runs (law 5): the journal is written before the device, a code from the device proves it, then the
//! token is in the store.
//!
//! Nothing here speaks to a device. Whoever does asks for a place in the journal ([`Service::journal`]), says what became
//! of the device, and hands over the code that proves it ([`Service::prove_item`]). From the first byte until it is
//! certain what the device holds, the secret lies sealed in the item, so no device holds one that is not here.
//!
//! | file | what |
//! |---|---|
//! | `attested` | what a device proved about itself |
//! | `journal` | which devices are taken, and their secrets before the first byte |
//! | `outcome` | what became of them: proved, untouched, in doubt |
//! | `resolve` | what an operator does about them |

mod attested;
mod journal;
mod outcome;
mod resolve;

use std::ops::RangeInclusive;

use crate::clock::UnixTime;
use crate::model::{
    Actor, Application, AuditAction, AuditResult, Batch, BatchName, BatchState, OtpSpec, ProgrammingRun,
    RunId, RunItem, RunItemId, RunItemState, RunState, Scope, Subject, TokenId,
};
use crate::oath::{MovingFactor, YubicoKey};
use crate::secret::Seed;
use crate::store::{Change, Page, Slice, View};
use crate::vault::SealContext;

use self::journal::key_bytes;
use super::{Service, ServiceError};

pub use attested::Attested;
pub use journal::{DeviceHere, JournalledItem, OpenedKey};
pub use outcome::{ItemProof, ProofOutcome, ProvedBy};
pub use resolve::Redo;

/// What the batches of programmed tokens say where they came from.
const PROVENANCE: &str = "programmed here";
/// Devices that one run may take.
const MOST_DEVICES: u32 = 10_000;

/// A programming run that somebody wants.
#[derive(Clone, Debug)]
pub struct NewRun {
    /// Which model, by the name of its profile.
    pub profile: String,
    /// Its maker.
    pub manufacturer: String,
    /// Its name.
    pub model: String,
    /// What the model can compute; the run's must be one of them.
    pub specs: Vec<OtpSpec>,
    /// Lengths of secrets that the model takes.
    pub seed_bytes: RangeInclusive<usize>,
    /// Where on the device.
    pub application: Application,
    /// What the tokens shall compute.
    pub spec: OtpSpec,
    /// The batch that they come with; one that is there must have been programmed, too.
    pub batch: BatchName,
    /// How many.
    pub count: u32,
    /// What a credential is filed under, where the device has names.
    pub issuer: String,
    /// Codes want a touch.
    pub touch: bool,
    /// Each device gets a key that opens it for changes.
    pub protect: bool,
    /// What lies in its place on a device, from elsewhere, is overwritten.
    pub replaces: bool,
    /// Readers that it begins on; none: all, also those that come later.
    pub readers: Vec<String>,
}

/// A run with what somebody has to look at.
#[derive(Clone, Debug)]
pub struct RunView {
    /// The record.
    pub run: ProgrammingRun,
    /// Devices whose state is open, oldest first.
    pub unsettled: Vec<RunItem>,
}

fn audit(
    now: UnixTime,
    actor: &Actor,
    action: AuditAction,
    item: &RunItem,
    result: AuditResult,
    mut detail: Vec<(&'static str, String)>,
) -> Change {
    let mut subjects = vec![Subject::Run(item.id.run)];
    subjects.extend(item.token.map(Subject::Token));
    detail.splice(
        0..0,
        [
            ("item", item.id.n.to_string()),
            ("device", item.device.clone()),
            ("serial", item.serial.display().to_owned()),
        ],
    );
    super::audit_entry(now, actor, action, subjects, result, detail)
}

/// What the log says of a run that begins.
fn logged(run: &ProgrammingRun) -> Vec<(&'static str, String)> {
    let mut detail = vec![
        ("profile", run.profile.clone()),
        ("application", run.application.name().to_owned()),
        ("kind", run.spec.kind().name().to_owned()),
        ("count", run.count.to_string()),
    ];
    if key_bytes(run.application).is_some() && !run.protect {
        detail.push(("protects", "no".to_owned()));
    }
    if run.touch {
        detail.push(("touch", "yes".to_owned()));
    }
    if !run.readers.is_empty() {
        detail.push(("readers", run.readers.join(", ")));
    }
    if run.replaces {
        detail.push(("replaces", "what lies there".to_owned()));
    }
    detail
}

fn no_run() -> ServiceError {
    ServiceError::NotFound { what: "programming run" }
}

fn no_item() -> ServiceError {
    ServiceError::NotFound { what: "device in this run" }
}

/// A token that came back stays where it is while its device is written again: the device may hold the new secret already.
pub(super) fn require_not_written(view: &dyn View, token: TokenId) -> Result<(), ServiceError> {
    if view.unsettled_items()?.iter().all(|item| item.token != Some(token)) {
        return Ok(());
    }
    let detail = "its device is being programmed: see to that on the page of readers first";
    Err(ServiceError::state("token_being_programmed", detail))
}

/// There is nothing left to be done about an item.
fn settled(item: &RunItem) -> ServiceError {
    let state = item.state.name().replace('_', " ");
    ServiceError::state(
        "item_settled",
        format!("device {} is {state}: there is nothing to do about it", item.device),
    )
}

/// Runs write into the inventory as a whole.
pub(super) fn require_all(actor: &Actor) -> Result<(), ServiceError> {
    if actor.scope == Scope::All {
        return Ok(());
    }
    Err(ServiceError::Forbidden {
        code: "scope",
        detail: "programmed tokens come into the whole inventory: somebody bound to resources cannot begin a run",
    })
}

/// As long as the hash gives, within what the model takes. Of Yubico OTP the key and the private id.
fn seed_bytes(spec: &OtpSpec, taken: &RangeInclusive<usize>) -> Option<usize> {
    if matches!(spec, OtpSpec::YubicoOtp { .. }) {
        return Some(YubicoKey::BYTES);
    }
    let wanted = spec.hash()?.output_bytes();
    // RFC 4226 §4, R6: at least 128 bits.
    let bytes = wanted.min(*taken.end()).max(*taken.start());
    (bytes >= 16).then_some(bytes)
}

impl Service {
    /// Begins a run.
    pub fn start_run(&self, actor: &Actor, new: NewRun) -> Result<ProgrammingRun, ServiceError> {
        require_all(actor)?;
        if new.count == 0 || new.count > MOST_DEVICES {
            let detail = format!("a run takes 1 to {MOST_DEVICES} devices");
            return Err(ServiceError::invalid("count", "count_range", detail));
        }
        let unfit = match (&new.spec, new.application.slot()) {
            (OtpSpec::Totp { .. }, Some(_)) => {
                Some("a slot that types codes by itself has no clock: choose hotp or yubico_otp")
            }
            (OtpSpec::YubicoOtp { .. }, None) => {
                Some("codes of Yubico OTP are typed by a slot: choose the application otp_slot")
            }
            (OtpSpec::Totp { .. } | OtpSpec::Hotp { .. } | OtpSpec::YubicoOtp { .. }, _) => None,
            _ => Some("tokens of this kind cannot be programmed: choose totp, hotp or yubico_otp"),
        };
        if let Some(detail) = unfit {
            return Err(ServiceError::invalid("settings", "kind_not_supported", detail));
        }
        if !new.specs.contains(&new.spec) {
            let detail = format!(
                "{} {} cannot compute that: choose hash, digits and step out of its profile",
                new.manufacturer, new.model
            );
            return Err(ServiceError::invalid("settings", "not_in_profile", detail.trim().to_owned()));
        }
        let Some(bytes) = seed_bytes(&new.spec, &new.seed_bytes) else {
            let detail = "the model takes no secret of 16 bytes or more";
            return Err(ServiceError::invalid("profile", "secret_length", detail));
        };
        let issuer = new.issuer.trim().to_owned();
        if issuer.contains(':') || issuer.chars().count() > 32 || issuer.chars().any(char::is_control) {
            let detail = "a name of at most 32 characters without a colon";
            return Err(ServiceError::invalid("issuer", "name_invalid", detail));
        }
        let (actor, now) = (actor.clone(), self.clock.now());
        let seed_bytes = u16::try_from(bytes).unwrap_or(u16::MAX);
        self.decide(move |view| {
            let id = view.next_run()?;
            let batch = match view.batch_by_name(&new.batch.normal())? {
                Some(batch) if batch.import.is_none() && batch.provenance == PROVENANCE => batch,
                Some(_) => {
                    let detail = format!(
                        "a batch is called {} and was not programmed here: choose another name",
                        new.batch.as_str()
                    );
                    return Err(ServiceError::state("batch_exists", detail));
                }
                None => Batch {
                    id: view.next_batch()?,
                    name: new.batch.clone(),
                    state: BatchState::Live,
                    import: None,
                    tokens: 0,
                    touched: true,
                    provenance: PROVENANCE.to_owned(),
                    created_at: now,
                },
            };
            let run = ProgrammingRun {
                id,
                state: RunState::Open,
                profile: new.profile.clone(),
                manufacturer: new.manufacturer.clone(),
                model: new.model.clone(),
                application: new.application,
                spec: new.spec.clone(),
                seed_bytes,
                issuer: issuer.clone(),
                touch: new.touch,
                protect: new.protect,
                batch: batch.id,
                batch_name: batch.name.clone(),
                count: new.count,
                programmed: 0,
                next_item: 1,
                actor: actor.clone(),
                created_at: now,
                replaces: new.replaces,
                readers: new.readers.clone(),
            };
            let detail = logged(&run);
            let subjects = vec![Subject::Run(id), Subject::Batch(batch.id)];
            let entry =
                super::audit_entry(now, &actor, AuditAction::RunStarted, subjects, AuditResult::Done, detail);
            Ok((run.clone(), vec![Change::PutBatch(batch), Change::PutRun(run), entry]))
        })
    }

    /// Ends a run: no more devices are taken. Those on a reader are finished.
    pub fn end_run(&self, actor: &Actor, id: RunId) -> Result<ProgrammingRun, ServiceError> {
        require_all(actor)?;
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |view| {
            let mut run = view.run(id)?.ok_or_else(no_run)?;
            if matches!(run.state, RunState::Ended { .. }) {
                return Ok((run, Vec::new()));
            }
            run.state = RunState::Ended { at: now };
            let detail = vec![("programmed", run.programmed.to_string()), ("count", run.count.to_string())];
            let subjects = vec![Subject::Run(id), Subject::Batch(run.batch)];
            let entry =
                super::audit_entry(now, &actor, AuditAction::RunEnded, subjects, AuditResult::Done, detail);
            Ok((run.clone(), vec![Change::PutRun(run), entry]))
        })
    }

    /// Runs, newest first.
    pub fn programming_runs(&self, actor: &Actor, page: Page) -> Result<Slice<ProgrammingRun>, ServiceError> {
        if require_all(actor).is_err() {
            return Ok(Slice { items: Vec::new(), next: None });
        }
        self.store.read(|view| Ok(view.programming_runs(page)?))
    }

    /// One run.
    pub fn programming_run(&self, actor: &Actor, id: RunId) -> Result<RunView, ServiceError> {
        require_all(actor).map_err(|_| no_run())?;
        self.store.read(|view| {
            let run = view.run(id)?.ok_or_else(no_run)?;
            let mut unsettled = view.unsettled_items()?;
            unsettled.retain(|item| item.id.run == id);
            Ok(RunView { run, unsettled })
        })
    }

    /// The devices of a run, newest first.
    pub fn run_items(&self, actor: &Actor, run: RunId, page: Page) -> Result<Slice<RunItem>, ServiceError> {
        require_all(actor).map_err(|_| no_run())?;
        self.store.read(|view| {
            view.run(run)?.ok_or_else(no_run)?;
            Ok(view.run_items(run, page)?)
        })
    }

    /// One device of a run.
    pub fn run_item(&self, actor: &Actor, id: RunItemId) -> Result<RunItem, ServiceError> {
        require_all(actor).map_err(|_| no_item())?;
        self.store.read(|view| Ok(Self::item_of(view, id)?.1))
    }

    /// Whether this actor may see what lies on the readers, which are there for the whole inventory.
    pub fn sees_readers(&self, actor: &Actor) -> Result<(), ServiceError> {
        let _ = self;
        require_all(actor)
    }

    /// Whether this actor has the rights still that it had when it began to follow something.
    pub fn is_still_allowed(&self, actor: &Actor) -> Result<bool, ServiceError> {
        self.store.read(|view| journal::is_still_allowed(view, actor))
    }

    /// All devices of all runs that somebody has to look at: in doubt, without the code that proves them, set aside, or to
    /// be wiped.
    pub fn devices_in_doubt(&self, actor: &Actor) -> Result<Vec<RunItem>, ServiceError> {
        if require_all(actor).is_err() {
            return Ok(Vec::new());
        }
        self.store.read(|view| {
            let mut items = view.unsettled_items()?;
            items.retain(|item| item.state != RunItemState::Writing);
            Ok(items)
        })
    }

    /// The item and its run, for the next step.
    fn item_of(view: &dyn View, id: RunItemId) -> Result<(ProgrammingRun, RunItem), ServiceError> {
        let run = view.run(id.run)?.ok_or_else(no_run)?;
        Ok((run, view.run_item(id)?.ok_or_else(no_item)?))
    }

    /// Opens the secret that an item keeps.
    fn item_seed(&self, item: &RunItem) -> Result<Option<(Seed, MovingFactor)>, ServiceError> {
        let Some(secret) = &item.secret else { return Ok(None) };
        Ok(Some((self.opened(&secret.sealed, SealContext::RunItem(item.id))?, secret.counter)))
    }

    /// At the start: whatever lay on a reader when the program ended is in doubt.
    pub(super) fn doubt_interrupted(&self) -> Result<(), ServiceError> {
        self.doubt_writing(|_| true)
    }

    /// Items that are being written, of those like this, are in doubt.
    fn doubt_writing(&self, wanted: impl Fn(&RunItem) -> bool + Send + 'static) -> Result<(), ServiceError> {
        let now = self.clock.now();
        self.decide(move |view| {
            let mut changes = Vec::new();
            for mut item in view.unsettled_items()? {
                if item.state == RunItemState::Writing && wanted(&item) {
                    outcome::doubt(&mut item, "interrupted", outcome::INTERRUPTED, now);
                    let detail = vec![("reason", item.reason.clone())];
                    changes.push(audit(
                        now,
                        &Actor::SYSTEM,
                        AuditAction::DeviceInDoubt,
                        &item,
                        AuditResult::Done,
                        detail,
                    ));
                    changes.push(Change::PutRunItem(Box::new(item)));
                }
            }
            Ok(((), changes))
        })
    }
}
