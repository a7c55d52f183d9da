//! Failure counters: how often somebody may be wrong, and how long to wait then.

use serde::{Deserialize, Serialize};

use super::{ResourceId, UserId};
use crate::clock::UnixTime;

/// Consecutive failures of one method and the wait they caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Failures since the last success (or since the window began, for counters by time).
    pub failures: u32,
    /// No attempt is looked at before this moment.
    pub blocked_until: Option<UnixTime>,
    /// When the first of these failures happened.
    pub since: Option<UnixTime>,
}

/// Whether an attempt may be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetState {
    /// It may.
    Open,
    /// Not before this moment.
    Wait {
        /// When the wait ends.
        until: UnixTime,
    },
    /// Only an operator can open it again.
    Locked,
}

impl Budget {
    /// No failures.
    pub const CLEAR: Self = Self { failures: 0, blocked_until: None, since: None };
    /// From this many failures on only an operator unblocks.
    pub const LOCKED_AT: u32 = 50;
    const FIRST_WAIT_SECS: i64 = 30;
    const LONGEST_WAIT_SECS: i64 = 3600;

    /// Whether an attempt at `now` may be looked at.
    pub fn state(&self, now: UnixTime) -> BudgetState {
        if self.failures >= Self::LOCKED_AT {
            return BudgetState::Locked;
        }
        match self.blocked_until {
            Some(until) if until > now => BudgetState::Wait { until },
            _ => BudgetState::Open,
        }
    }

    /// The counter after one more failure. From `limit` failures on each one starts a wait: 30 s,
    /// doubling to one hour.
    #[must_use]
    pub fn failed(self, now: UnixTime, limit: u32) -> Self {
        let failures = self.failures.saturating_add(1);
        let blocked_until = (failures >= limit).then(|| {
            let doublings = (failures - limit).min(7);
            now.plus_secs((Self::FIRST_WAIT_SECS << doublings).min(Self::LONGEST_WAIT_SECS))
        });
        Self { failures, blocked_until, since: self.since.or(Some(now)) }
    }

    /// The counter of a sliding count: failures older than `window_secs` are forgotten all at once.
    #[must_use]
    pub fn within(self, now: UnixTime, window_secs: i64) -> Self {
        match self.since {
            Some(since) if now.secs_since(since) >= window_secs => Self::CLEAR,
            _ => self,
        }
    }
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BudgetKind {
    /// Wrong passwords.
    Password,
    /// Wrong mailed codes.
    MailedCode,
    /// Mails asked for.
    MailSent,
    /// Failed confirmations.
    Confirmation,
    /// Wrong passwords of an operator.
    OperatorPassword,
    /// Wrong codes given with a login that has no token here.
    UnknownOtp,
    /// Failed sign-ins from one network address.
    Address,
    /// Logins of others that somebody wanted to have.
    TakenLogin,
    /// Codes that did not prove a token that is being set up.
    Registration,
    /// Requests to restore access.
    Restore,
    /// Reminders to confirm a token.
    Reminded,
    /// Wrong codes that were mailed to somebody who is signed in.
    SessionCode,
    /// Codes mailed to somebody who is signed in.
    SessionCodeSent,
    /// Codes of mail tokens that were mailed.
    TokenCodeSent,
    /// Codes mailed for *Restore access*, which anybody can cause by typing a login.
    RestoreCodeSent,
}

/// Whose attempts are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BudgetKey {
    /// A user of this store.
    User(BudgetKind, UserId),
    /// All users of a resource together.
    Resource(BudgetKind, ResourceId),
    /// Keyed hash of a login that nobody has, an operator's login, or an address.
    Hashed(BudgetKind, [u8; 16]),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_the_limit_to_one_hour() {
        let now = UnixTime::from_secs(1000);
        let mut budget = Budget::CLEAR;
        let mut waits = Vec::new();
        for _ in 0..14 {
            budget = budget.failed(now, 5);
            waits.push(budget.blocked_until.map_or(0, |u| u.secs_since(now)));
        }
        assert_eq!(waits, [0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
        assert_eq!(budget.state(now), BudgetState::Wait { until: now.plus_secs(3600) });
        assert_eq!(budget.state(now.plus_secs(3600)), BudgetState::Open);
    }

    #[test]
    fn fifty_failures_lock() {
        let now = UnixTime::from_secs(1000);
        let budget = (0..50).fold(Budget::CLEAR, |b, _| b.failed(now, 5));
        assert_eq!(budget.state(now.plus_secs(1_000_000)), BudgetState::Locked);
    }

    #[test]
    fn sliding_count_forgets_after_its_window() {
        let now = UnixTime::from_secs(1000);
        let budget = Budget::CLEAR.failed(now, 100).failed(now.plus_secs(10), 100);
        assert_eq!(budget.within(now.plus_secs(3599), 3600).failures, 2);
        assert_eq!(budget.within(now.plus_secs(3600), 3600), Budget::CLEAR);
    }
}
