//! Password work: as much at once as the machine bears.

use std::sync::{Condvar, Mutex, PoisonError};

use crate::model::PasswordHash;
use crate::secret::Passphrase;
use crate::vault::verify_password;

use super::{Service, ServiceError};

/// People who may wait for a free place to hash a password.
const HASH_QUEUE: usize = 32;

/// Password hashes take memory and time: as many at once as there are cores, a short queue, then a refusal.
#[derive(Debug)]
pub(super) struct HashGate {
    state: Mutex<(usize, usize)>,
    free: Condvar,
    most: usize,
}

impl HashGate {
    pub(super) fn for_this_machine() -> Self {
        let most = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { state: Mutex::new((0, 0)), free: Condvar::new(), most }
    }

    fn run<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 >= self.most {
            if state.1 >= HASH_QUEUE {
                return None;
            }
            state.1 += 1;
            while state.0 >= self.most {
                state = self.free.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            state.1 -= 1;
        }
        state.0 += 1;
        drop(state);
        let _place = HashPlace(self);
        Some(work())
    }
}

/// A place that is taken; given back when dropped, also while a panic unwinds.
struct HashPlace<'g>(&'g HashGate);

impl Drop for HashPlace<'_> {
    fn drop(&mut self) {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner).0 -= 1;
        self.0.free.notify_one();
    }
}

impl Service {
    /// Compares a password, or does the same work without one.
    pub(super) fn verify_password(
        &self,
        password: &Passphrase,
        stored: Option<&PasswordHash>,
    ) -> Result<bool, ServiceError> {
        let now = self.clock.now();
        let busy = || ServiceError::TooMany { until: Some(now.plus_secs(2)), now };
        Ok(self.hashing.run(|| verify_password(password, stored)).ok_or_else(busy)??)
    }

    /// Runs other password work under the same limit.
    pub(super) fn hash_password(&self, password: &Passphrase) -> Result<PasswordHash, ServiceError> {
        let now = self.clock.now();
        let busy = || ServiceError::TooMany { until: Some(now.plus_secs(2)), now };
        Ok(self.hashing.run(|| crate::vault::hash_password(password)).ok_or_else(busy)??)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    #[test]
    fn a_panic_gives_the_place_back() {
        let gate = HashGate { state: Mutex::new((0, 0)), free: Condvar::new(), most: 1 };
        for _ in 0..2 {
            let ended = catch_unwind(AssertUnwindSafe(|| gate.run(|| -> u8 { panic!("on purpose") })));
            assert!(ended.is_err());
        }
        assert_eq!(gate.run(|| 7), Some(7));
        assert_eq!(*gate.state.lock().unwrap_or_else(PoisonError::into_inner), (0, 0));
    }
}
