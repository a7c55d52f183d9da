//! How long a body may take: whoever sends it a byte at a time holds a place that others wait for.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes};
use axum::http::{Request, header};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// The next piece of a body must arrive within this time.
const IDLE: Duration = Duration::from_secs(10);
/// All of a body but an upload must arrive within this time.
const TOTAL: Duration = Duration::from_secs(30);

/// A body that gives up on a sender who is too slow.
struct Patient {
    body: Body,
    /// Uploads have no end in time, only no pauses.
    end: Option<Instant>,
    /// Set while nothing is there to read.
    wait: Option<Pin<Box<Sleep>>>,
}

/// Puts a limit on the time that the body of a request may take.
pub(super) fn with_patience(request: Request<Body>) -> Request<Body> {
    if request.body().is_end_stream() {
        return request;
    }
    let kind = request.headers().get(header::CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let uploads = kind.starts_with(b"multipart/");
    let end = (!uploads).then(|| Instant::now() + TOTAL);
    request.map(|body| Body::new(Patient { body, end, wait: None }))
}

impl HttpBody for Patient {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                self.wait = None;
                Poll::Ready(frame.map(|read| read.map_err(Into::into)))
            }
            Poll::Pending => {
                let end = self.end;
                let wait = self.wait.get_or_insert_with(|| {
                    let idle = Instant::now() + IDLE;
                    Box::pin(sleep_until(end.map_or(idle, |end| end.min(idle))))
                });
                match wait.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Some(Err("the body came too slowly".into()))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use tokio_stream::StreamExt;

    use super::*;

    /// A body of three pieces, each after a pause.
    fn slow(pause: Duration, kind: &str) -> Request<Body> {
        let pieces = tokio_stream::iter(0..3).then(move |_| async move {
            tokio::time::sleep(pause).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b"a"))
        });
        let request = Request::builder().header(header::CONTENT_TYPE, kind);
        with_patience(request.body(Body::from_stream(pieces)).expect("a request"))
    }

    async fn arrives(pause: u64, kind: &str) -> bool {
        let body = slow(Duration::from_secs(pause), kind).into_body();
        to_bytes(body, 10).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn slow_bodies_are_given_up() {
        let form = "application/x-www-form-urlencoded";
        assert!(arrives(9, form).await, "27 s in all");
        assert!(!arrives(11, form).await, "a pause of 11 s");
        assert!(!arrives(11, "multipart/form-data; boundary=b").await, "a pause of 11 s");
        let in_all = tokio_stream::iter(0..40).then(|_| async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok::<_, std::io::Error>(Bytes::from_static(b"a"))
        });
        let trickle = Request::new(Body::from_stream(in_all));
        assert!(to_bytes(with_patience(trickle).into_body(), 100).await.is_err(), "40 s in all");
    }
}
