//! Listening: TCP and the local socket, with limits on connections, headers and patience.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt;

use super::auth::LocalPeer;

/// Connections of one listener at the same time.
const CONNECTIONS: usize = 512;
/// The whole head of a request must arrive within this time.
const HEADER_PATIENCE: Duration = Duration::from_secs(10);
/// Heads of requests are at most this large.
const HEADER_BYTES: usize = 16 << 10;
/// Longest path of a Unix socket on Linux, without the closing zero.
pub const SOCKET_PATH_BYTES: usize = 107;

/// Tells listeners to stop taking new connections.
pub type Stop = watch::Receiver<bool>;

/// Serves TCP connections until told to stop.
pub async fn serve_tcp(listener: TcpListener, router: Router, mut stop: Stop) {
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
        tokio::spawn(async move {
            serve_connection(stream, router, stop, move |request: &mut Request<Body>| {
                request.extensions_mut().insert(ConnectInfo::<SocketAddr>(peer));
            })
            .await;
            drop(place);
        });
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

async fn serve_connection<S, M>(stream: S, router: Router, mut stop: Stop, mark: M)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    M: Fn(&mut Request<Body>) + Clone + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (router, mark) = (router.clone(), mark.clone());
        async move {
            let mut request = request.map(Body::new);
            mark(&mut request);
            let answer = match router.oneshot(request).await {
                Ok(answer) => answer,
                Err(never) => match never {},
            };
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
