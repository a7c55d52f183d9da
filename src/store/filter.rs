//! What lists can be asked for.

use crate::model::{AssignmentKind, BatchId, ResourceId, Scope, Subject, UserId};

/// A part of a list. Lists run in the order of record numbers; the cursor is the last number seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// Only records with a larger number (smaller, for lists that run backwards); `None`: from the start.
    pub after: Option<u64>,
    /// At most this many records.
    pub limit: usize,
}

impl Page {
    /// The beginning of a list.
    pub const fn first(limit: usize) -> Self {
        Self { after: None, limit }
    }
}

/// A part of a list, and where the next part begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice<T> {
    /// The records.
    pub items: Vec<T>,
    /// `after` of the next page; `None`: the list has ended. A page may be short or empty and yet
    /// have a next one, when a rare filter had to look at many records.
    pub next: Option<u64>,
}

/// Where a token is, as filters name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CustodyFilter {
    /// In the cupboard and on no resource.
    InStock,
    /// In the cupboard and on a resource.
    Assigned,
    /// Any other place, by the number that `Custody::index` gives.
    Place(u8),
}

/// Which tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFilter {
    /// Serial (in normal form) begins or ends with this.
    pub serial: Option<String>,
    /// Came with this batch.
    pub batch: Option<BatchId>,
    /// Stands on this resource, by itself or with its batch.
    pub resource: Option<ResourceId>,
    /// Held by or assigned to this user.
    pub user: Option<UserId>,
    /// Is there.
    pub custody: Option<CustodyFilter>,
    /// Enabled or not.
    pub enabled: Option<bool>,
    /// Stands without a user on a resource that this filter asks for and is not confirmed, or the opposite.
    pub unconfirmed: Option<bool>,
    /// Only what this scope covers.
    pub scope: Scope,
}

impl TokenFilter {
    /// All tokens.
    pub const ALL: Self = Self {
        serial: None,
        batch: None,
        resource: None,
        user: None,
        custody: None,
        enabled: None,
        unconfirmed: None,
        scope: Scope::All,
    };
}

/// Which users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFilter {
    /// Login, last name or first name (without regard to case) begins with this.
    pub text: Option<String>,
    /// Assigned to this resource.
    pub resource: Option<ResourceId>,
    /// Only what this scope covers.
    pub scope: Scope,
}

/// Which assignments of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssignmentFilter {
    /// Where.
    pub resource: ResourceId,
    /// Of this kind only.
    pub kind: Option<AssignmentKind>,
}

/// Which audit records, newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditFilter {
    /// About this only.
    pub subject: Option<Subject>,
}
