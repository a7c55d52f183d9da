//! Mails that wait to be sent.

use serde::{Deserialize, Serialize};

use super::{EmailAddress, MailId, SealedSeed, SubscriptionId};
use crate::clock::UnixTime;

/// What a mail is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailKind {
    /// A code for signing in.
    Code,
    /// Something changed.
    Notice,
    /// A token waits to be confirmed.
    Reminder,
    /// An operator wanted to hear of something.
    News(SubscriptionId),
}

/// Where a mail stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailState {
    /// To be sent, not before `next_try`.
    Waiting {
        /// Tries so far.
        tries: u32,
        /// Not before.
        next_try: UnixTime,
    },
    /// Given to the mail server.
    Sent {
        /// When.
        at: UnixTime,
    },
    /// Given up.
    Failed {
        /// When.
        at: UnixTime,
    },
}

/// A mail in the outbox. The text may hold a code, so it is sealed like a seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxMail {
    /// Number in the store.
    pub id: MailId,
    /// What it is for.
    pub kind: MailKind,
    /// To whom.
    pub to: EmailAddress,
    /// Subject line; never holds a code.
    pub subject: String,
    /// The text, sealed and bound to this mail.
    pub body: SealedSeed,
    /// Where it stands.
    pub state: MailState,
    /// When it was written.
    pub created_at: UnixTime,
    /// After this moment it is pointless.
    pub expires_at: UnixTime,
}
