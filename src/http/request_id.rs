//! The id of a request: in the log lines that it causes, in the audit records of what it changes, and in
//! the answer when something went wrong here, so that an administrator finds what a user reports.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::Request;

use crate::vault::random_bytes;

/// Gives out ids: eight digits that name this start of the program, eight that count.
#[derive(Debug)]
pub struct RequestIds {
    start: u32,
    next: AtomicU32,
}

impl RequestIds {
    /// Ids of a new start.
    pub fn new() -> Self {
        // Only the log would be less clear if two starts had the same.
        let start = random_bytes().map(u32::from_be_bytes).unwrap_or_default();
        Self { start, next: AtomicU32::new(1) }
    }

    /// The id of the next request.
    pub fn next(&self) -> RequestId {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        RequestId(format!("{:08x}-{n:08x}", self.start).into())
    }
}

impl Default for RequestIds {
    fn default() -> Self {
        Self::new()
    }
}

/// The id of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Arc<str>);

impl RequestId {
    /// The id of this request.
    pub fn of(request: &Request) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
