//! Sign-ins that last.

use serde::{Deserialize, Serialize};

use super::{EmailAddress, Login, OperatorId, ResourceId, RestoreDraft, TokenId, UserId};
use crate::clock::UnixTime;

/// How far a user has come in the portal's sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LoginStage {
    /// A login was typed; whether it exists is not told.
    LoginTyped {
        /// As typed.
        login: Login,
        /// Whose it is, if anybody's.
        user: Option<UserId>,
    },
    /// Password or mailed code was right; the token's code is still owed.
    OtpOwed {
        /// Who.
        user: UserId,
    },
    /// Signed in.
    Full {
        /// Who.
        user: UserId,
        /// When the last proof by a code, or by the password without a token, was given.
        proved_at: UnixTime,
        /// The token whose code that was; none: a password or a mailed code.
        proved_by: Option<TokenId>,
    },
    /// The password was right, and the browser is unlike those known: a mailed code is still owed.
    CodeOwed {
        /// Who.
        user: UserId,
    },
}

/// Whose session it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SessionKind {
    /// Console and station.
    Operator(OperatorId),
    /// The portal of one resource.
    Portal {
        /// Which.
        resource: ResourceId,
        /// How far.
        stage: LoginStage,
    },
}

impl SessionKind {
    /// True while a login was typed and nothing is proved: anybody can make as many of these as they like.
    pub const fn is_unproved(&self) -> bool {
        matches!(self, Self::Portal { stage: LoginStage::LoginTyped { .. }, .. })
    }
}

/// A sign-in that lasts. Its key in the store is a hash of the cookie's value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Whose.
    pub kind: SessionKind,
    /// Since when.
    pub created_at: UnixTime,
    /// Last seen; written at most once a minute.
    pub seen_at: UnixTime,
    /// From where.
    pub address: String,
    /// A new mail address that its owner has not proved yet.
    pub email_change: Option<EmailChange>,
    /// A code that was mailed as a proof of who is there.
    pub proof_code: Option<SessionCode>,
    /// The number of the environment it was opened from, once it is complete.
    pub environment: Option<u32>,
    /// A request to restore access that is being made in it.
    pub restore: Option<Box<RestoreDraft>>,
    /// An emergency code opened it.
    pub emergency: bool,
}

/// A code that was mailed to whoever is signed in, and works in that visit only: nobody else can void it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionCode {
    /// Keyed hash of the code.
    pub hash: [u8; 32],
    /// Until when it is good.
    pub expires_at: UnixTime,
}

/// A mail address that becomes the user's when the code that was mailed to it comes back in the same visit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailChange {
    /// The new address.
    pub to: EmailAddress,
    /// The code that was mailed to it.
    pub code: SessionCode,
    /// The token whose code proved who typed the address; none: a password or a mailed code.
    pub proved_by: Option<TokenId>,
}

impl Session {
    /// A session that begins now.
    pub const fn new(kind: SessionKind, address: String, now: UnixTime) -> Self {
        Self {
            kind,
            created_at: now,
            seen_at: now,
            address,
            email_change: None,
            proof_code: None,
            environment: None,
            restore: None,
            emergency: false,
        }
    }

    /// When it ends if nobody comes back. Operators: idle 15 min, 8 h in all. Portal: idle 10 min, 1 h in all.
    pub fn ends_at(&self) -> UnixTime {
        let (idle_secs, total_secs) = match self.kind {
            SessionKind::Operator(_) => (15 * 60, 8 * 3600),
            SessionKind::Portal { .. } => (10 * 60, 3600),
        };
        self.seen_at.plus_secs(idle_secs).min(self.created_at.plus_secs(total_secs))
    }

    /// True until it ends.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        now < self.ends_at()
    }
}

/// A code that was mailed to a user: eight digits, ten minutes, one use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailedCode {
    /// Keyed hash of the code.
    pub hash: [u8; 32],
    /// Until when it is good.
    pub expires_at: UnixTime,
    /// Hash of the session that asked for it; the code works only there.
    pub session: [u8; 32],
}
