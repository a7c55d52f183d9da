//! State and its laws: a snapshot to read, deciding closures to write.
//!
//! [`View`] answers questions about one consistent state; a deciding closure looks at a view and
//! returns [`Changes`], which the engine applies and makes durable before the caller hears of it.
//! The store sees sealed seeds only and knows nothing of rights, clocks or codes.

mod apply;
mod apply_session;
mod apply_token;
pub mod audit;
mod beside;
mod change;
mod filter;
mod keys;
mod kv;
mod kv_list;
mod kv_read;
mod kv_view;
mod newest;
mod programming;
mod record;
mod redb;
mod redb_kv;
mod redb_writer;
mod runs;
mod shared_backend;
mod subjects;
mod view;

use std::sync::{Arc, Mutex};

use thiserror::Error;

use crate::clock::UnixTime;

pub use change::{Change, Changes};
pub use filter::{AssignmentFilter, AuditFilter, CustodyFilter, Page, Slice, TokenFilter, UserFilter};
pub use programming::ProgrammingView;
pub use redb::{RedbOptions, RedbStore};
#[cfg(feature = "test-switches")]
pub use redb_kv::reads_of_this_thread;
pub use view::{AuditHead, KeyName, StoreMeta, View};

/// The store cannot answer or cannot write.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The disk has no space left; nothing was changed.
    #[error("the disk that holds the store is full")]
    Full,
    /// The engine is not usable at present; it tries again by itself.
    #[error("the store is being reopened after a fault")]
    Unavailable,
    /// There is no store in this place.
    #[error("there is no store here")]
    Missing,
    /// There is a store in this place already.
    #[error("there is a store here already")]
    Exists,
    /// Another process has the store open.
    #[error("the store is in use by another process")]
    Locked,
    /// The file exists but is not a readable store, or an empty one stands where records should be.
    #[error("the store is damaged: {0}")]
    Damaged(String),
    /// A record was written by a later version of the program.
    #[error("the {table} table holds a record of format {found}, this program reads up to {known}")]
    TooNew {
        /// Which table.
        table: &'static str,
        /// Format found.
        found: u8,
        /// Newest format known.
        known: u8,
    },
    /// A record does not decode.
    #[error("the {table} table holds a record that cannot be read")]
    Record {
        /// Which table.
        table: &'static str,
    },
    /// A change would break a rule that the store itself keeps, such as a unique name.
    #[error("{0} is taken")]
    Taken(&'static str),
    /// An audit entry came before the key that seals the log.
    #[error("the audit log is sealed")]
    AuditSealed,
    /// The deciding closure panicked; it changed nothing and harmed no other.
    #[error("a decision panicked")]
    Panicked,
    /// The engine's own fault.
    #[error("the storage engine reports a fault")]
    Engine(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Computes the MAC of an audit record: HMAC-SHA-256 under a key that the store never sees.
pub type AuditSeal = Arc<dyn Fn(&[u8]) -> [u8; 32] + Send + Sync>;

/// What a deciding closure gives back inside the engine; the caller's own error is kept aside.
#[derive(Debug)]
pub enum Decision {
    /// Apply these.
    Apply(Changes),
    /// Change nothing.
    Refuse,
}

/// A deciding closure as the engine sees it. It may be called again.
pub type Decide = Box<dyn FnMut(&dyn View) -> Decision + Send>;

/// Told what came of a decision, on the store's own thread: it passes the answer on and does no more.
pub type Tell = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// A storage engine. Use [`dyn Store::read`] and [`dyn Store::write`].
pub trait Store: Send + Sync {
    /// Runs `look` on one consistent snapshot.
    fn read_dyn(&self, look: &mut dyn FnMut(&dyn View)) -> Result<(), StoreError>;

    /// Hands the closure to the writer; returns when what it decided is durable.
    fn write_dyn(&self, decide: Decide) -> Result<(), StoreError>;

    /// As [`Store::write_dyn`] for callers that do not wait: `tell` hears when what was decided is
    /// durable, or why it is not. An engine without a queue of its own waits all the same.
    fn write_later_dyn(&self, decide: Decide, tell: Tell) {
        tell(self.write_dyn(decide));
    }

    /// Gives the key for sealing audit records. Until then appending them fails.
    fn set_audit_seal(&self, seal: AuditSeal);

    /// The anchors of the audit chain that lie outside the store, oldest first.
    fn audit_anchors(&self) -> Result<Vec<AuditHead>, StoreError>;

    /// Finishes waiting writes and writes the marker beside the store.
    fn close(&self);
}

impl dyn Store + '_ {
    /// Reads from one consistent snapshot.
    pub fn read<T, E: From<StoreError>>(&self, look: impl FnOnce(&dyn View) -> Result<T, E>) -> Result<T, E> {
        let mut look = Some(look);
        let mut answer = None;
        self.read_dyn(&mut |view| {
            if let Some(look) = look.take() {
                answer = Some(look(view));
            }
        })?;
        answer.unwrap_or_else(|| Err(StoreError::Unavailable.into()))
    }

    /// Decides from a view and makes the decision durable before returning its value. The closure
    /// must be pure: it may run again. When it returns an error, nothing is changed.
    pub fn write<T, E>(
        &self,
        decide: impl FnMut(&dyn View) -> Result<(T, Changes), E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let place = Place::new();
        self.write_dyn(place.keeping(decide))?;
        place.take()
    }

    /// As `write`, without waiting: `tell` is given the value once the decision is durable. It runs on
    /// the store's own thread.
    pub fn write_later<T, E>(
        &self,
        decide: impl FnMut(&dyn View) -> Result<(T, Changes), E> + Send + 'static,
        tell: impl FnOnce(Result<T, E>) + Send + 'static,
    ) where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let place = Place::new();
        let decide = place.keeping(decide);
        self.write_later_dyn(
            decide,
            Box::new(move |written| {
                tell(match written {
                    Ok(()) => place.take(),
                    Err(error) => Err(error.into()),
                });
            }),
        );
    }
}

/// Where a deciding closure leaves its value or its own error.
struct Place<T, E>(Arc<Mutex<Option<Result<T, E>>>>);

impl<T: Send + 'static, E: From<StoreError> + Send + 'static> Place<T, E> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    fn keeping(
        &self,
        mut decide: impl FnMut(&dyn View) -> Result<(T, Changes), E> + Send + 'static,
    ) -> Decide {
        let place = Arc::clone(&self.0);
        let keep = move |value: Result<T, E>| {
            *place.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(value);
        };
        Box::new(move |view| match decide(view) {
            Ok((value, changes)) => {
                keep(Ok(value));
                Decision::Apply(changes)
            }
            Err(error) => {
                keep(Err(error));
                Decision::Refuse
            }
        })
    }

    fn take(&self) -> Result<T, E> {
        let taken = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        taken.unwrap_or_else(|| Err(StoreError::Unavailable.into()))
    }
}

/// What is known of the newest moment in the log, for noticing a clock that was set back.
pub fn newest_audit_time(view: &dyn View) -> Result<Option<UnixTime>, StoreError> {
    Ok(view.audit_head(view.meta()?.node)?.map(|head| head.at))
}
