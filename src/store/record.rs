//! Records as bytes: one byte of format version, then postcard.

use serde::{Serialize, de::DeserializeOwned};

use super::kv::Tab;
use super::{AuditHead, StoreError, StoreMeta};
use crate::model::{
    ApiKey, Assignment, AuditRecord, Batch, BatchAssignment, Budget, ClockHistory, ClockJumps, DeviceKey,
    EmergencyCode, Environments, Import, ImportLine, Job, Look, MailedCode, Operator, OutboxMail,
    ProgrammingRun, Resource, RunItem, SealedSeed, SeedRow, Subscription, Token, TokenDraft, TokenMailing,
    TokenState, Tombstone, User, UserIssue, WebhookPost, WrappedKey,
};

/// A type that is stored as a record. Its fields are pinned by a test: another layout needs
/// another version and a reader for the old one.
pub(super) trait Record: Serialize + DeserializeOwned {
    /// Where it lies, for error messages.
    const TABLE: Tab;
    /// Format written now.
    const VERSION: u8 = 1;

    /// Reads an older format.
    fn from_older(_version: u8, _body: &[u8]) -> Option<Self> {
        None
    }
}

macro_rules! records {
    ($($record:ty => $table:ident,)*) => {$(
        impl Record for $record {
            const TABLE: Tab = Tab::$table;
        }
    )*};
}

records! {
    StoreMeta => Meta,
    WrappedKey => DataKeys,
    Token => Tokens,
    SeedRow => Seeds,
    TokenState => States,
    ClockHistory => ClockHistories,
    ClockJumps => ClockJumps,
    Tombstone => Tombstones,
    Batch => Batches,
    BatchAssignment => BatchAssignments,
    Look => Looks,
    User => Users,
    Assignment => Assignments,
    Operator => Operators,
    ApiKey => ApiKeys,
    Budget => Budgets,
    SealedSeed => PinHashes,
    MailedCode => MailedCodes,
    TokenDraft => Drafts,
    TokenMailing => Mailings,
    EmergencyCode => EmergencyCodes,
    Import => Imports,
    ImportLine => ImportLines,
    Job => Jobs,
    RunItem => RunItems,
    DeviceKey => DeviceKeys,
    OutboxMail => Mails,
    Subscription => Subscriptions,
    WebhookPost => Posts,
    AuditRecord => Audit,
    AuditHead => AuditHeads,
}

impl Record for ProgrammingRun {
    const TABLE: Tab = Tab::ProgrammingRuns;
    const VERSION: u8 = 2;

    fn from_older(_version: u8, body: &[u8]) -> Option<Self> {
        // Nothing was overwritten, and all readers took part.
        extended(body, &[0, 0])
    }
}

impl Record for Resource {
    const TABLE: Tab = Tab::Resources;
    const VERSION: u8 = 2;

    fn from_older(_version: u8, body: &[u8]) -> Option<Self> {
        // Keypads are asked eight decimal digits.
        extended(body, &[1, 8])
    }
}

impl Record for Environments {
    const TABLE: Tab = Tab::Environments;
    const VERSION: u8 = 2;

    fn from_older(_version: u8, body: &[u8]) -> Option<Self> {
        // Welcomed by nobody.
        extended(body, &[0])
    }
}

impl Record for UserIssue {
    const TABLE: Tab = Tab::UserIssues;
    const VERSION: u8 = 2;

    fn from_older(_version: u8, body: &[u8]) -> Option<Self> {
        // No marks, and nothing gave way.
        extended(body, &[0, 0, 0, 0])
    }
}

/// Reads a record that was written before fields were added behind its last one: these are their bytes.
fn extended<R: Record>(body: &[u8], added: &[u8]) -> Option<R> {
    match postcard::take_from_bytes(&[body, added].concat()) {
        Ok((record, [])) => Some(record),
        _ => None,
    }
}

/// The bytes of a record.
pub(super) fn encode<R: Record>(record: &R) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::with_capacity(160);
    bytes.push(R::VERSION);
    postcard::to_extend(record, bytes).map_err(|_| StoreError::Record { table: R::TABLE.name() })
}

/// The record in these bytes.
pub(super) fn decode<R: Record>(bytes: &[u8]) -> Result<R, StoreError> {
    let damaged = StoreError::Record { table: R::TABLE.name() };
    let Some((&found, body)) = bytes.split_first() else {
        return Err(damaged);
    };
    if found > R::VERSION {
        return Err(StoreError::TooNew { table: R::TABLE.name(), found, known: R::VERSION });
    }
    if found < R::VERSION {
        return R::from_older(found, body).ok_or(damaged);
    }
    match postcard::take_from_bytes(body) {
        Ok((record, [])) => Ok(record),
        _ => Err(damaged),
    }
}

mod older;
#[cfg(test)]
mod tests;
