//! Answers whose time says nothing about what was done for them (law 6).
//!
//! Some pages do more for a person or a serial number that is known than for one that is not: a mail is written, a
//! request is kept, a secret is opened. Their answers leave at whole beats after the request came, so that both take as long.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::{Instant, sleep_until};

/// Far above what the work takes (a commit, a few records more or less), far below what people notice.
const BEAT: Duration = Duration::from_millis(50);
/// For answers that hash a password. A hash takes 20 ms on an idle core; two of them on two cores that others use,
/// too, take up to 140 ms: on a narrower beat they would leave on one beat or on the next, and a little work more or
/// less would move some of them.
const PASSWORD_BEAT: Duration = Duration::from_millis(250);

/// Holds an answer back until its beat.
pub(super) async fn on_the_beat(request: Request, next: Next) -> Response {
    hold_back(BEAT, request, next).await
}

/// Holds an answer that may hash a password back until its beat.
pub(super) async fn on_the_password_beat(request: Request, next: Next) -> Response {
    hold_back(PASSWORD_BEAT, request, next).await
}

async fn hold_back(beat: Duration, request: Request, next: Next) -> Response {
    let came = Instant::now();
    let response = next.run(request).await;
    let beats = came.elapsed().as_nanos() / beat.as_nanos() + 1;
    let wait = beat.saturating_mul(u32::try_from(beats).unwrap_or(u32::MAX));
    sleep_until(came + wait).await;
    response
}
