//! Listening: TCP and the local socket, with limits on connections, headers and patience.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

use super::auth::LocalPeer;
use super::patience::with_patience;
use super::tls::{HANDSHAKE_PATIENCE, Tls};

/// Connections of one listener at the same time.
const CONNECTIONS: usize = 512;
/// The whole head of a request must arrive within this time.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// Heads of requests are at most this large.
const HEADER_BYTES: usize = 16 << 10;
/// Bodies up to this size are read by the connection itself when nobody else does.
const SMALL_BODY_BYTES: u64 = 16 << 10;
/// Of a body that was refused, at most this much is read on, and for this long.
const DRAINED_BYTES: u64 = 256 << 20;
const DRAIN_PATIENCE: Duration = Duration::from_mins(1);
/// Longest path of a Unix socket on Linux, without the closing zero.
pub const SOCKET_PATH_BYTES: usize = 107;

/// Tells listeners to stop taking new connections.
pub type Stop = watch::Receiver<bool>;

/// Serves TCP connections in clear until told to stop.
pub async fn serve_tcp(listener: TcpListener, router: Router, stop: Stop) {
    accept_all(listener, router, stop, None).await;
}

/// Serves TCP connections over TLS until told to stop; each with the certificate of its moment.
pub async fn serve_tls(listener: TcpListener, router: Router, stop: Stop, tls: Arc<Tls>) {
    accept_all(listener, router, stop, Some(tls)).await;
}

async fn accept_all(listener: TcpListener, router: Router, mut stop: Stop, tls: Option<Arc<Tls>>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file handles, mostly; the next ones may be free soon.
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let (router, stop) = (router.clone(), stop.clone());
        let tls = tls.as_ref().map(|tls| TlsAcceptor::from(tls.current()));
        tokio::spawn(async move {
            let mark = move |request: &mut Request<Body>| {
                request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            };
            match tls {
                None => serve_connection(stream, router, stop, mark).await,
                Some(tls) => {
                    if let Some(stream) = shake_hands(&tls, stream, stop.clone()).await {
                        serve_connection(stream, router, stop, mark).await;
                    }
                }
            }
            drop(place);
        });
    }
}

/// The handshake, within its time: who is silent holds no place for longer.
async fn shake_hands(tls: &TlsAcceptor, stream: TcpStream, mut stop: Stop) -> Option<TlsStream<TcpStream>> {
    let shaken = tokio::select! {
        shaken = tokio::time::timeout(HANDSHAKE_PATIENCE, tls.accept(stream)) => shaken,
        _ = stop.changed() => return None,
    };
    match shaken {
        Ok(Ok(stream)) => Some(stream),
        Ok(Err(error)) => {
            tracing::debug!(%error, "a TLS handshake failed");
            None
        }
        Err(_) => {
            tracing::debug!("a TLS handshake took too long");
            None
        }
    }
}

/// Binds the local socket, readable and writable by its owner only.
pub fn bind_socket(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves the local socket; the peer's user id is who acts.
pub async fn serve_socket(listener: UnixListener, router: Router, mut stop: Stop) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => return,
        };
        let Ok((stream, _)) = accepted else { continue };
        let Ok(peer) = stream.peer_cred() else { continue };
        let (router, stop, uid) = (router.clone(), stop.clone(), peer.uid());
        tokio::spawn(serve_connection(stream, router, stop, move |request: &mut Request<Body>| {
            request.extensions_mut().insert(LocalPeer { uid });
        }));
    }
}

/// A body that comes back when its reader is done with it.
struct Lent {
    body: Option<Incoming>,
    /// Something was read: a sender that waits for permission has it.
    was_read: bool,
    back: Option<oneshot::Sender<Incoming>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (true, Some(body), Some(back)) = (self.was_read, self.body.take(), self.back.take()) {
            // The connection may be gone: then nobody sends any more.
            let _ = back.send(body);
        }
    }
}

impl HttpBody for Lent {
    type Data = axum::body::Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.was_read = true;
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(context),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(HttpBody::size_hint).unwrap_or_default()
    }
}

/// A request with its body, and what is left of a large body once the answer stands.
fn lend(request: Request<Incoming>) -> (Request<Body>, Option<oneshot::Receiver<Incoming>>) {
    if request.body().size_hint().upper().is_some_and(|bytes| bytes <= SMALL_BODY_BYTES) {
        return (request.map(Body::new), None);
    }
    // Who waits for permission to send has sent nothing that would have to be read.
    let waits = request.headers().contains_key(header::EXPECT);
    let (back, rest) = oneshot::channel();
    let lent = |body| Body::new(Lent { body: Some(body), was_read: !waits, back: Some(back) });
    (request.map(lent), Some(rest))
}

/// Reads on what nobody wanted. A connection that is closed while the other side still sends is
/// reset, and the answer, which says why, is lost with it.
async fn drain(mut rest: oneshot::Receiver<Incoming>) {
    let Ok(mut body) = rest.try_recv() else { return };
    let mut left = DRAINED_BYTES;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, |data| u64::try_from(data.len()).unwrap_or(u64::MAX));
            left = left.saturating_sub(bytes);
            if left == 0 {
                return;
            }
        }
    };
    // Too slow or too much: then it is reset after all.
    let _ = tokio::time::timeout(DRAIN_PATIENCE, reading).await;
}

async fn serve_connection<S, M>(stream: S, router: Router, mut stop: Stop, mark: M)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    M: Fn(&mut Request<Body>) + Clone + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, mark) = (router.clone(), mark.clone());
        async move {
            let (request, rest) = lend(request);
            let mut request = with_patience(request);
            mark(&mut request);
            let answer = match router.oneshot(request).await {
                Ok(answer) => answer,
                Err(never) => match never {},
            };
            if let Some(rest) = rest {
                drain(rest).await;
            }
            Ok::<_, Infallible>(answer)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_PATIENCE)
        .max_buf_size(HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        _ = stop.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}
