//! Answers whose time says nothing about what was done for them (law 6).
//!
//! Some pages do more for a person who is known than for one who is not: a mail is written, a request is kept.
//! Their answers leave at whole beats after the request came, so that both take as long.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::{Instant, sleep_until};

/// Far above what the work takes (a commit, a few records more or less), far below what people notice.
const BEAT: Duration = Duration::from_millis(50);

/// Holds an answer back until its beat.
pub(super) async fn on_the_beat(request: Request, next: Next) -> Response {
    let came = Instant::now();
    let response = next.run(request).await;
    let beats = came.elapsed().as_nanos() / BEAT.as_nanos() + 1;
    let wait = BEAT.saturating_mul(u32::try_from(beats).unwrap_or(u32::MAX));
    sleep_until(came + wait).await;
    response
}
