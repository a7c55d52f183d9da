//! Time: the [`UnixTime`] value that all layers pass around and the only caller of the system time.

#![expect(clippy::disallowed_methods, reason = "this module is the one that asks the system for the time")]

use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UnixTime(i64);

impl UnixTime {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// From whole seconds.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Whole seconds, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// This moment moved by `secs` seconds, which may be negative.
    #[must_use]
    pub const fn plus_secs(self, secs: i64) -> Self {
        Self(self.0.saturating_add(secs.saturating_mul(1000)))
    }

    /// Seconds from `earlier` to this moment; negative when `earlier` is later.
    pub const fn secs_since(self, earlier: Self) -> i64 {
        (self.0.saturating_sub(earlier.0)).div_euclid(1000)
    }

    /// Reads RFC 3339 text such as `2026-01-01T00:00:00Z`.
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        i64::try_from(at.unix_timestamp_nanos().div_euclid(1_000_000)).ok().map(Self)
    }

    /// Calendar form in UTC, for formatting. Moments outside the years -9999 to 9999 stop at the epoch.
    pub fn to_utc(self) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl fmt::Display for UnixTime {
    /// RFC 3339 in UTC with milliseconds when there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_utc().format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

/// Source of the present time. Everything below `cli` gets one handed in.
pub trait Clock: Send + Sync {
    /// Wall-clock time.
    fn now(&self) -> UnixTime;
    /// Time since some fixed moment that never jumps, for measuring spans.
    fn monotonic(&self) -> Duration;
}

/// The clock of the machine.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// Starts measuring monotonic time from here.
    pub fn new() -> Self {
        Self { started: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixTime {
        let millis = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
        };
        UnixTime(millis)
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }
}

/// A clock that stands still until it is moved, for tests and simulations.
#[derive(Debug)]
pub struct ManualClock {
    millis: AtomicI64,
    elapsed_millis: AtomicI64,
}

impl ManualClock {
    /// A clock that shows `at`.
    pub fn new(at: UnixTime) -> Self {
        Self { millis: AtomicI64::new(at.millis()), elapsed_millis: AtomicI64::new(0) }
    }

    /// Moves wall clock and monotonic clock forward together.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.millis.fetch_add(by, Ordering::SeqCst);
        self.elapsed_millis.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets the wall clock alone, as a clock fault would.
    pub fn set(&self, at: UnixTime) {
        self.millis.store(at.millis(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> UnixTime {
        UnixTime(self.millis.load(Ordering::SeqCst))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(u64::try_from(self.elapsed_millis.load(Ordering::SeqCst)).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_round_trip() {
        let at = UnixTime::from_secs(1_767_225_600);
        assert_eq!(at.to_string(), "2026-01-01T00:00:00Z");
        assert_eq!(UnixTime::parse_rfc3339("2026-01-01T00:00:00Z"), Some(at));
        assert_eq!(UnixTime::parse_rfc3339("2026-01-01T01:00:00+01:00"), Some(at));
        assert_eq!(UnixTime::parse_rfc3339("2026-01-01"), None);
    }

    #[test]
    fn seconds_round_down_before_the_epoch() {
        assert_eq!(UnixTime::from_millis(-1).secs(), -1);
        assert_eq!(UnixTime::from_millis(1999).secs(), 1);
    }

    #[test]
    fn manual_clock_moves_only_when_told() {
        let clock = ManualClock::new(UnixTime::from_secs(10));
        assert_eq!(clock.now(), UnixTime::from_secs(10));
        clock.advance(Duration::from_secs(5));
        assert_eq!((clock.now(), clock.monotonic()), (UnixTime::from_secs(15), Duration::from_secs(5)));
        clock.set(UnixTime::EPOCH);
        assert_eq!((clock.now(), clock.monotonic()), (UnixTime::EPOCH, Duration::from_secs(5)));
    }
}
