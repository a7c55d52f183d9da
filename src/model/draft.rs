//! A token that its user is setting up and has not proved yet.

use serde::{Deserialize, Serialize};

use super::{Fingerprint, OtpSpec, ResourceId, SealedSeed, TokenId, TokenSerial, TokenType, UserId};
use crate::clock::UnixTime;
use crate::oath::MovingFactor;

/// What a token that is being set up will be, once a code of it was right. Until then there is nothing
/// but this, under the session that made it: one at a time, a quarter of an hour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDraft {
    /// Whose session made it.
    pub user: UserId,
    /// In which portal.
    pub resource: ResourceId,
    /// The token whose place it takes; `None`: it is the first one here.
    pub replaces: Option<TokenId>,
    /// Which sort was chosen.
    pub token_type: TokenType,
    /// Its serial number: made here, or typed.
    pub serial: TokenSerial,
    /// What its user calls it.
    pub name: String,
    /// Who made it, as text for people.
    pub manufacturer: String,
    /// What model it is, as text for people.
    pub model: String,
    /// What it computes.
    pub spec: OtpSpec,
    /// The next counter, for event tokens.
    pub counter: MovingFactor,
    /// The secret, sealed for its session.
    pub sealed: SealedSeed,
    /// Its keyed hash.
    pub fingerprint: Fingerprint,
    /// Until when the code holds that was mailed last, for codes by mail.
    pub mailed_until: Option<UnixTime>,
    /// Codes that did not fit so far.
    pub failures: u32,
    /// When it was made.
    pub created_at: UnixTime,
}

impl TokenDraft {
    /// It lives this long.
    pub const LIVES_SECS: i64 = 15 * 60;
    /// From so many codes that did not fit on there is no use in trying the same secret again.
    pub const MOST_FAILURES: u32 = 10;

    /// When it ends.
    pub const fn ends_at(&self) -> UnixTime {
        self.created_at.plus_secs(Self::LIVES_SECS)
    }

    /// True until it ends.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        now < self.ends_at()
    }
}
