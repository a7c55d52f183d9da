//! Shapes of records that changed in their middle.

use serde::Deserialize;

use super::Record;
use crate::clock::UnixTime;
use crate::model::{
    Challenge, ChallengePurpose, Challenges, EmailAddress, EmailChange, Factors, IssueReference,
    PasswordHash, Session, SessionCode, SessionKind, TokenId,
};
use crate::store::kv::Tab;

impl Record for Session {
    const TABLE: Tab = Tab::Sessions;
    const VERSION: u8 = 2;

    fn from_older(_version: u8, body: &[u8]) -> Option<Self> {
        match postcard::take_from_bytes::<SessionOne>(body) {
            Ok((session, [])) => Some(session.into()),
            _ => None,
        }
    }
}

/// A session before the proofs of a draft knew what they proved.
#[derive(Deserialize)]
struct SessionOne {
    kind: SessionKind,
    created_at: UnixTime,
    seen_at: UnixTime,
    address: String,
    email_change: Option<EmailChange>,
    proof_code: Option<SessionCode>,
    environment: Option<u32>,
    /// What lay in it is begun again: it does not say what its proofs proved.
    _restore: Option<Box<RestoreDraftOne>>,
    emergency: bool,
}

#[derive(Deserialize)]
struct RestoreDraftOne {
    _lost: Factors<bool>,
    _proved: Factors<bool>,
    _code: Option<SessionCode>,
    _new_password: Option<PasswordHash>,
    _new_email: Option<EmailAddress>,
    _reference: Option<IssueReference>,
}

impl From<SessionOne> for Session {
    fn from(one: SessionOne) -> Self {
        Self {
            kind: one.kind,
            created_at: one.created_at,
            seen_at: one.seen_at,
            address: one.address,
            email_change: one.email_change,
            proof_code: one.proof_code,
            environment: one.environment,
            restore: None,
            emergency: one.emergency,
        }
    }
}

impl Record for Challenges {
    const TABLE: Tab = Tab::Challenges;
    const VERSION: u8 = 2;

    fn from_older(_version: u8, body: &[u8]) -> Option<Self> {
        match postcard::take_from_bytes::<Vec<ChallengeOne>>(body) {
            Ok((challenges, [])) => Some(Self(challenges.into_iter().map(Challenge::from).collect())),
            _ => None,
        }
    }
}

/// A challenge before suites with session data were asked.
#[derive(Deserialize)]
struct ChallengeOne {
    purpose: ChallengePurpose,
    token: Option<TokenId>,
    text: String,
    issued_at: UnixTime,
    spent: bool,
}

impl From<ChallengeOne> for Challenge {
    fn from(one: ChallengeOne) -> Self {
        let ChallengeOne { purpose, token, text, issued_at, spent } = one;
        Self { purpose, token, text, issued_at, spent, session: None }
    }
}
