//! What one network address may do without a sign-in, whatever logins it tries (P11).
//!
//! The counter of a login slows down who guesses at one person; the one kept here slows down who tries
//! a few passwords at everybody. Many honest people can share an address, so it begins late, its waits
//! are short, it never locks, and it forgets after an hour. A success does not reset it: whoever has
//! one account could clear the way for guessing at the others.

use std::net::IpAddr;

use crate::clock::UnixTime;
use crate::model::{Budget, BudgetKey, BudgetKind};
use crate::store::{Change, View};

use super::authenticate::hashed_key;
use super::{Service, ServiceError};

/// Failures in an hour that one address has free.
const FREE_FAILURES: u32 = 50;
const WINDOW_SECS: i64 = 3_600;
/// The wait after the first failure beyond; each further one doubles it.
const FIRST_WAIT_SECS: i64 = 30;
/// The longest wait: about a dozen tries in an hour, which is of no use to a guesser.
const LONGEST_WAIT_SECS: i64 = 300;
/// Mails with codes that one address can cause in a quarter of an hour.
const MAILS: u32 = 100;
const MAIL_WINDOW_SECS: i64 = 900;
/// Requests to restore access that one address can make in an hour.
const REQUESTS: u32 = 20;

/// The counters of one address. Without keys there is nothing to count.
#[derive(Clone, Copy, Debug)]
pub(super) struct AddressBudget {
    keys: Option<[BudgetKey; 3]>,
    now: UnixTime,
}

/// The part of an address that one subscriber has: all of IPv4, the network of IPv6, of which a
/// subscriber has 2^64 addresses. `None` for what stands for nobody in particular: the machine itself
/// (all of its people and tunnels share that, and a limit would let one of them shut the others out),
/// and a text that is no address (a proxy that did not say whom it speaks for).
fn subscriber(address: &str) -> Option<Vec<u8>> {
    let address = address.parse::<IpAddr>().ok()?.to_canonical();
    if address.is_loopback() {
        return None;
    }
    Some(match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets()[..8].to_vec(),
    })
}

impl Service {
    /// The counters of an address. They lie under a keyed hash, expire with the others under one, and
    /// so are bounded in number.
    pub(super) fn address_budget(&self, address: &str, now: UnixTime) -> AddressBudget {
        let keys = subscriber(address).map(|bytes| {
            let hash = self.vault.keyed_hash("address", &bytes);
            [BudgetKind::Address, BudgetKind::MailSent, BudgetKind::Restore]
                .map(|kind| hashed_key(kind, &hash))
        });
        AddressBudget { keys, now }
    }
}

impl AddressBudget {
    fn failures(&self, view: &dyn View) -> Result<Option<(BudgetKey, Budget)>, ServiceError> {
        let Some([key, ..]) = self.keys else { return Ok(None) };
        Ok(Some((key, view.budget(key)?.within(self.now, WINDOW_SECS))))
    }

    /// Until when no try from here is looked at.
    pub(super) fn blocked(&self, view: &dyn View) -> Result<Option<UnixTime>, ServiceError> {
        let until = self.failures(view)?.and_then(|(_, budget)| budget.blocked_until);
        Ok(until.filter(|until| *until > self.now))
    }

    /// One more failure.
    pub(super) fn failed(&self, view: &dyn View) -> Result<Option<Change>, ServiceError> {
        let Some((key, budget)) = self.failures(view)? else { return Ok(None) };
        let failures = budget.failures.saturating_add(1);
        let blocked_until = failures
            .checked_sub(FREE_FAILURES)
            .map(|beyond| self.now.plus_secs((FIRST_WAIT_SECS << beyond.min(8)).min(LONGEST_WAIT_SECS)));
        let since = budget.since.or(Some(self.now));
        Ok(Some(Change::PutBudget(key, Budget { failures, blocked_until, since })))
    }

    /// The change that counts one more mail; `None`: this address has caused enough of them.
    pub(super) fn mail(&self, view: &dyn View) -> Result<Option<Vec<Change>>, ServiceError> {
        let Some([_, key, _]) = self.keys else { return Ok(Some(Vec::new())) };
        let sent = view.budget(key)?.within(self.now, MAIL_WINDOW_SECS);
        if sent.failures >= MAILS {
            return Ok(None);
        }
        Ok(Some(vec![Change::PutBudget(key, sent.failed(self.now, u32::MAX))]))
    }

    /// The change that counts one more request to restore access; `Err`: until when this address has made
    /// enough of them.
    pub(super) fn request(&self, view: &dyn View) -> Result<Result<Vec<Change>, UnixTime>, ServiceError> {
        let Some([.., key]) = self.keys else { return Ok(Ok(Vec::new())) };
        let made = view.budget(key)?.within(self.now, WINDOW_SECS);
        if made.failures >= REQUESTS {
            return Ok(Err(made.since.unwrap_or(self.now).plus_secs(WINDOW_SECS)));
        }
        Ok(Ok(vec![Change::PutBudget(key, made.failed(self.now, u32::MAX))]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscriber_is_an_address_or_a_network() {
        assert_eq!(subscriber("192.0.2.7"), Some(vec![192, 0, 2, 7]));
        assert_eq!(subscriber("::ffff:192.0.2.7"), subscriber("192.0.2.7"));
        assert_eq!(subscriber("2001:db8::1"), subscriber("2001:db8::2:3:4:5"));
        assert_ne!(subscriber("2001:db8::1"), subscriber("2001:db8:0:1::1"));
        for nobody in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "proxy 192.0.2.1", ""] {
            assert_eq!(subscriber(nobody), None, "{nobody}");
        }
    }
}
