//! The use cases, one file each. Everything that a page, a command or a REST route can do is a method
//! of [`Service`].
//!
//! A use case reads a snapshot, computes outside the store, and decides again inside one change
//! together with its audit record. It knows nothing of HTTP; who may call what is the table in
//! `http::access`, what somebody may see is the [`Scope`](crate::model::Scope) of the [`Actor`].

mod address;
mod assign;
mod audit;
mod authenticate;
mod batch;
mod challenge;
mod check;
mod clock_fault;
mod code;
mod confirm;
mod diagnosis;
mod drift;
mod dummy;
mod emergency;
mod environment;
mod error;
mod fleet;
mod identify;
mod import;
mod look;
mod mail_token;
mod mailed_code;
mod motp;
mod news;
mod notice;
mod notification;
mod operator;
mod outbox;
mod pair;
mod password;
mod pin;
mod portal;
mod programming;
mod reassign;
mod register;
mod remind;
mod resource;
mod restore;
mod resync;
mod scope;
mod search_gate;
mod second_factor;
mod sequence;
mod sign_in;
mod sweep;
mod token;
mod token_clock;
mod user;
mod user_import;
mod watch;
mod yubico;

use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::{Clock, UnixTime};
use crate::model::{Actor, AuditAction, AuditEntry, AuditResult, DataKeyId, ResourceName, Subject};
use crate::store::{AuditSeal, Change, Changes, KeyName, Store, StoreMeta, View};
use crate::vault::{DataKey, RootKey, Vault, VaultError, WrappedKeys, random_bytes};

pub use crate::vault::MOST_PASSWORD_CHARS;
pub use assign::{AssignRequest, AssignmentView, CustodyCount};
pub use audit::{AuditReport, AuditView};
pub use authenticate::{AuthRequest, AuthResult, KeypadInputs};
pub use batch::{BatchCount, BatchView, parse_serial_ranges};
pub use challenge::{IssuedChallenge, KeypadPage};
pub use check::CheckResult;
pub use confirm::{ConfirmRequest, ConfirmResult};
pub use diagnosis::{Advice, Advised, Cause as DiagnosisCause, Diagnosis, Explained, Finding, Parameters};
pub use drift::ClockView;
pub use emergency::{EMERGENCY_HOURS, EmergencyRequest, EmergencyView, IssuedEmergencyCode};
pub use error::ServiceError;
pub use fleet::{Bar, FleetView, LISTED, WARNED_DAYS};
pub use identify::{IdentifyMatch, IdentifyOutcome, IdentifyRequest, IdentifyResult};
pub use import::{ImportRequest, ImportTask, ImportView, LINES_IN_ANSWER};
pub use look::LookPatch;
pub use mail_token::MailTokenView;
pub use notification::{
    DuePost, NewChannel, NewStock, NewSubscription, StockPlaceName, Subscribed, SubscriptionView, Wanted,
};
pub use operator::{NewApiKey, OperatorView};
pub use outbox::{MailMode, OpenMail};
pub use portal::{
    EmailResult, EmailSent, EnvironmentView, OFFERED, PasswordResult, PortalHome, PortalState, ProofAsked,
    ProofResult, ProvingToken, SignInView, WhyHidden,
};
pub use programming::{
    Attested, DeviceHere, ItemProof, JournalledItem, NewRun, OpenedKey, ProofOutcome, ProvedBy, Redo, RunView,
};
pub use register::{DraftResult, DraftView, MailedDraft, NewToken, ShownSecret};
pub use remind::Reminders;
pub use resource::{PortalSettings, ResourceView};
pub use restore::{
    DeletedIssue, EarlierIssue, FactorState, IssueVerdict, Judgement, RESTORE_PASSWORD_CHARS, RestoreLink,
    RestoreProof, RestoreResult, RestoreStep, RestoreTyped, UserIssueView, judge,
};
pub use resync::{ResyncRequest, SequenceOutcome, SequenceResult, WindowSteps};
pub use second_factor::ThirdPage;
pub use sequence::Between;
pub use sign_in::{PortalSession, SecondPage};
pub use token::{CUSTODY_WORDS, TokenPatch, TokenQuery, TokenView};
pub use token_clock::{ClearedClock, ClockHere, UNTIL_SET_SECS};
pub use user::{NewUser, OnConflict, UserPatch, UserView};
pub use user_import::{UserImportCounts, UserImportLine, UserImportRequest, UserImportView, UserVerdict};

/// The use cases over one store.
pub struct Service {
    store: Arc<dyn Store>,
    vault: Arc<Vault>,
    /// The data key of this start; replaced when it is used up.
    data_key: Mutex<Arc<DataKey>>,
    clock: Arc<dyn Clock>,
    meta: StoreMeta,
    mail: MailMode,
    /// Wide searches that run now, and how many may.
    searches: search_gate::SearchGate,
    /// Passwords that are being hashed now, and how many may.
    hashing: password::HashGate,
    /// The clocks of all tokens at some moment.
    fleet: Mutex<Option<Arc<fleet::Fleet>>>,
    /// What the two clocks showed at the last look at them.
    last_look: Mutex<Option<(UnixTime, std::time::Duration)>>,
    /// Ends of imports that could not be written down yet.
    unwritten: Mutex<Vec<import::FailedImport>>,
    /// Called when a mail was put into the outbox.
    mail_waker: Mutex<Option<Box<dyn Fn() + Send>>>,
    /// What the links in mails begin with.
    public_url: Mutex<String>,
    /// Removes defences so that their tests can show that they notice.
    #[cfg(feature = "test-switches")]
    pub switches: Switches,
}

/// Defences that tests can switch off.
#[cfg(feature = "test-switches")]
#[derive(Debug, Default)]
pub struct Switches {
    /// Decide from the snapshot instead of reading again: the check and the write come apart.
    pub split_check: std::sync::atomic::AtomicBool,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Service")
    }
}

/// The earliest moment that a working clock can show: before the first release of this program.
const EARLIEST_PLAUSIBLE: UnixTime = UnixTime::from_secs(1_767_225_600);

fn audit_seal(vault: &Arc<Vault>) -> AuditSeal {
    let vault = Arc::clone(vault);
    Arc::new(move |bytes| vault.audit_mac(bytes))
}

/// An audit entry; `detail` must hold no secret, code or mail address.
fn audit_entry(
    at: UnixTime,
    actor: &Actor,
    action: AuditAction,
    subjects: Vec<Subject>,
    result: AuditResult,
    detail: Vec<(&'static str, String)>,
) -> Change {
    let detail = detail.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Change::Append(AuditEntry { at, actor: actor.clone(), action, subjects, result, detail })
}

/// What a new store is marked as, for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreMark {
    /// Made by `demo`.
    pub demo: bool,
    /// Made by `serve --simulate`.
    pub simulated: bool,
}

impl Service {
    /// Makes the keys and the description of a new, empty store.
    pub fn initialise(
        store: &dyn Store,
        root: &RootKey,
        clock: &dyn Clock,
        mark: StoreMark,
    ) -> Result<(), ServiceError> {
        let now = clock.now();
        if now < EARLIEST_PLAUSIBLE {
            return Err(ServiceError::ClockFault { now, newest: EARLIEST_PLAUSIBLE });
        }
        let store_id = random_bytes::<16>()?;
        let (vault, wrapped) = Vault::create(root, store_id)?;
        store.set_audit_seal(audit_seal(&Arc::new(vault)));
        let meta = StoreMeta {
            store_id,
            created_at: now,
            demo: mark.demo,
            simulated: mark.simulated,
            epoch: 1,
            node: 1,
        };
        let changes = vec![
            Change::PutMeta(meta),
            Change::PutKey(KeyName::Store, wrapped.store),
            Change::PutKey(KeyName::Fingerprint, wrapped.fingerprint),
            Change::PutKey(KeyName::Audit, wrapped.audit),
            Change::PutKey(KeyName::Hash, wrapped.hash),
            audit_entry(now, &Actor::SYSTEM, AuditAction::StoreCreated, vec![], AuditResult::Done, vec![]),
        ];
        store.write(move |_| Ok::<_, ServiceError>(((), changes.clone())))
    }

    /// Unseals a store and makes it ready: a fresh data key, the sweep of what a crash left behind.
    pub fn open(
        store: Arc<dyn Store>,
        root: &RootKey,
        clock: Arc<dyn Clock>,
        mail: MailMode,
    ) -> Result<Self, ServiceError> {
        let (meta, wrapped) = store.read(|view| {
            let meta = view.meta()?;
            let key = |name| {
                view.key(name)?.ok_or(ServiceError::Vault(VaultError::DoesNotOpen { what: "key record" }))
            };
            let wrapped = WrappedKeys {
                store: key(KeyName::Store)?,
                fingerprint: key(KeyName::Fingerprint)?,
                audit: key(KeyName::Audit)?,
                hash: key(KeyName::Hash)?,
            };
            Ok::<_, ServiceError>((meta, wrapped))
        })?;
        let vault = Arc::new(Vault::unseal(root, meta.store_id, &wrapped)?);
        store.set_audit_seal(audit_seal(&vault));
        let data_key = Self::fresh_data_key(&*store, &vault)?;
        let service = Self {
            store,
            vault,
            data_key: Mutex::new(Arc::new(data_key)),
            clock,
            meta,
            mail,
            searches: search_gate::SearchGate::for_this_machine(),
            hashing: password::HashGate::for_this_machine(),
            fleet: Mutex::default(),
            last_look: Mutex::default(),
            unwritten: Mutex::new(Vec::new()),
            mail_waker: Mutex::new(None),
            public_url: Mutex::default(),
            #[cfg(feature = "test-switches")]
            switches: Switches::default(),
        };
        service.sweep_start()?;
        Ok(service)
    }

    fn fresh_data_key(store: &dyn Store, vault: &Arc<Vault>) -> Result<DataKey, ServiceError> {
        let vault = Arc::clone(vault);
        store.write(move |view| {
            let id: DataKeyId = view.next_data_key()?;
            let (key, wrapped) = vault.new_data_key(id)?;
            Ok::<_, ServiceError>((key, vec![Change::PutDataKey(id, wrapped)]))
        })
    }

    /// The data key of this start; the next one when it is nearly used up, so that a few values can
    /// be sealed inside one change.
    fn sealer(&self) -> Result<Arc<DataKey>, ServiceError> {
        let mut current = self.data_key.lock().unwrap_or_else(PoisonError::into_inner);
        if current.remaining() < 1_000 {
            *current = Arc::new(Self::fresh_data_key(&*self.store, &self.vault)?);
        }
        Ok(Arc::clone(&current))
    }

    /// A change that nobody else may come between: decides from a view, then durable. Operators who want to
    /// hear of what it does are told in the same change.
    fn decide<T: Send + 'static>(
        &self,
        decide: impl FnMut(&dyn View) -> Result<(T, Changes), ServiceError> + Send + 'static,
    ) -> Result<T, ServiceError> {
        self.store.write(self.newsroom()?.hearing(decide))
    }

    /// The store's description: its marks and its number.
    pub const fn meta(&self) -> &StoreMeta {
        &self.meta
    }

    /// The present time by the service's clock.
    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// Says what the links in mails begin with: the address of the portals, without a slash at the end. What
    /// was said last holds: a listener for the portal alone comes after the one for everything.
    pub fn set_public_url(&self, url: &str) {
        url.clone_into(&mut self.public_url.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Finishes writing.
    pub fn close(&self) {
        self.store.close();
    }

    fn resource_named(
        &self,
        view: &dyn View,
        actor: &Actor,
        name: &ResourceName,
    ) -> Result<crate::model::Resource, ServiceError> {
        let _ = self;
        view.resource_by_name(&name.normal())?
            .filter(|resource| actor.scope.covers(resource.id))
            .ok_or(ServiceError::NotFound { what: "resource" })
    }
}
