//! The id of a request: in the log lines that it causes, in the audit records of what it changes, and in
//! the answer when something went wrong here, so that an administrator finds what a user reports.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use super::error::{self, ErrorMark};
use super::state::AppState;
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

    fn next(&self) -> RequestId {
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

/// Gives a request its id, and logs how it ended. Addresses are logged as their routes: what stands in
/// them may be a serial or a login.
pub async fn name(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let id = state.requests.next();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    request.extensions_mut().insert(id.clone());
    // Of the highest level, so that lines of all levels carry it.
    let span = tracing::error_span!("request", %id);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    span.in_scope(|| {
        if status.is_server_error() {
            tracing::warn!(http.method = %method, http.route = route, http.status = status.as_u16(), "a request failed");
        } else {
            tracing::debug!(http.method = %method, http.route = route, http.status = status.as_u16(), "answered");
        }
    });
    // Pages say it themselves.
    if let Some(mark) = response.extensions().get::<ErrorMark>().filter(|_| status.is_server_error()) {
        let body = error::problem_with_id(status, mark, &id);
        *response.body_mut() = body.into();
        response.headers_mut().remove(axum::http::header::CONTENT_LENGTH);
    }
    response
}
