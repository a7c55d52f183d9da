//! Numbers that name records inside the store. They never leave the process; outside, names do.

use serde::{Deserialize, Serialize};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($int:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub $int);

        impl $name {
            /// The one after this.
            #[must_use]
            pub const fn next(self) -> Self {
                Self(self.0.saturating_add(1))
            }
        }
    )*};
}

ids! {
    /// A token; dense, so that neighbours share pages of the store.
    TokenId(u64);
    /// A batch of tokens.
    BatchId(u64);
    /// One import of a seed file.
    ImportId(u64);
    /// A resource.
    ResourceId(u64);
    /// A user of the portal.
    UserId(u64);
    /// Someone who signs in to console or station.
    OperatorId(u64);
    /// A key for the REST interface.
    ApiKeyId(u64);
    /// An assignment on a resource.
    AssignmentId(u64);
    /// A batch, or part of one, standing on a resource.
    BatchAssignmentId(u64);
    /// A request to restore access.
    UserIssueId(u64);
    /// Long work.
    JobId(u64);
    /// A mail waiting in the outbox.
    MailId(u64);
    /// What an operator wants to hear of.
    SubscriptionId(u64);
    /// A request to another program, waiting to be sent.
    WebhookPostId(u64);
    /// A programming run.
    RunId(u64);
    /// A key that seals seeds.
    DataKeyId(u64);
}

/// Counts the secrets a token has had; the first is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SeedVersion(pub u32);

impl SeedVersion {
    /// The version a token is imported with.
    pub const FIRST: Self = Self(1);

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}
