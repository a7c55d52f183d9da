//! Every data command is a request to the same router: over TCP, through the local socket of the
//! running service, or inside this process when the service does not run.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpStream, UnixStream};
use tower::ServiceExt;
use zeroize::Zeroizing;

use super::home;
use super::output::{environment, negative, usage, with_problem};
use super::secrets;
use crate::config::{Config, Flags};
use crate::device::Catalogue;
use crate::http::auth::LocalPeer;
use crate::http::{AppState, Exposure, HttpSettings};
use crate::jobs::Jobs;
use crate::service::Service;

/// Where requests of this command go.
pub(super) struct Client(Transport);

enum Transport {
    Tcp { authority: String, key: Zeroizing<String> },
    Socket(PathBuf),
    Inside { router: Router, service: Arc<Service>, jobs: Arc<Jobs> },
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match &self.0 {
            Transport::Tcp { .. } => "Client(tcp)",
            Transport::Socket(_) => "Client(socket)",
            Transport::Inside { .. } => "Client(inside)",
        })
    }
}

/// The path of one thing: its name may hold any character.
pub(super) fn segment(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A query string of the pairs that have a value; empty when none has.
pub(super) fn query(pairs: &[(&str, Option<String>)]) -> String {
    let set =
        pairs.iter().filter_map(|(name, value)| value.as_ref().map(|v| format!("{name}={}", segment(v))));
    let set: Vec<String> = set.collect();
    if set.is_empty() { String::new() } else { format!("?{}", set.join("&")) }
}

impl Client {
    /// Requests go to a service on another machine.
    pub(super) fn remote(server: &str, key_file: &Path) -> Result<Self> {
        if server.starts_with("https://") {
            return Err(environment(
                "https is not spoken by this version; use the local socket, or http through a tunnel",
            ));
        }
        let authority = server.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        let authority = authority.filter(|a| !a.is_empty() && !a.contains('/'));
        let authority = authority.ok_or_else(|| usage("--server takes http://HOST:PORT"))?;
        let authority = if authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) {
            authority.to_owned()
        } else {
            format!("{authority}:80")
        };
        let bytes = secrets::read_file(key_file)?;
        let key = std::str::from_utf8(&bytes).map_err(|_| environment("the API key is not text"))?;
        Ok(Self(Transport::Tcp { authority, key: Zeroizing::new(key.trim().to_owned()) }))
    }

    /// Requests go to the service of a data directory, or into this process when it does not run.
    pub(super) async fn local(dir: &Path) -> Result<Self> {
        let socket = dir.join(home::SOCKET);
        if UnixStream::connect(&socket).await.is_ok() {
            return Ok(Self(Transport::Socket(socket)));
        }
        let (store, meta) = home::open_store(dir)?;
        // A command that runs alone writes its mails into the outbox; the service sends them when it runs.
        let config = Config::load(dir, &Flags::default(), |name| std::env::var(name).ok()).ok();
        let smtp = config.as_ref().is_some_and(|config| config.smtp.is_some());
        let service = home::open_service(dir, store, &meta, smtp)?;
        let public_url = config.and_then(|config| config.public_url);
        let jobs = Arc::new(Jobs::start(&service, None)?);
        let settings = HttpSettings {
            public_url: public_url.unwrap_or_else(|| format!("http://{}", crate::config::DEFAULT_LISTEN)),
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            secure: false,
            exposure: Exposure::Everything,
        };
        let profiles = Arc::new(Catalogue::with_folder_of(dir));
        let state = AppState::with_profiles(Arc::clone(&service), Arc::clone(&jobs), settings, profiles);
        Ok(Self(Transport::Inside { router: crate::http::router(state), service, jobs }))
    }

    /// Finishes the work that requests began.
    pub(super) async fn close(self) {
        if let Transport::Inside { router, service, jobs } = self.0 {
            drop(router);
            let ended = tokio::task::spawn_blocking(move || {
                jobs.stop(&service);
                service.close();
            });
            if ended.await.is_err() {
                tracing::error!("closing the store ended by a panic");
            }
        }
    }

    async fn exchange(&self, mut request: Request<Body>) -> Result<Response<Body>> {
        match &self.0 {
            Transport::Inside { router, .. } => {
                request.extensions_mut().insert(LocalPeer { uid: rustix::process::getuid().as_raw() });
                match router.clone().oneshot(request).await {
                    Ok(response) => Ok(response),
                    Err(never) => match never {},
                }
            }
            Transport::Socket(path) => {
                let stream = UnixStream::connect(path).await;
                let stream = stream.map_err(|error| environment(format!("{}: {error}", path.display())))?;
                request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
                send(TokioIo::new(stream), request).await
            }
            Transport::Tcp { authority, key } => {
                let stream = TcpStream::connect(authority).await;
                let stream = stream.map_err(|error| environment(format!("{authority}: {error}")))?;
                let mut bearer = HeaderValue::from_str(&format!("Bearer {}", key.as_str()))
                    .map_err(|_| environment("the API key file does not hold a key"))?;
                bearer.set_sensitive(true);
                request.headers_mut().insert(header::AUTHORIZATION, bearer);
                request.headers_mut().insert(header::HOST, HeaderValue::from_str(authority)?);
                send(TokioIo::new(stream), request).await
            }
        }
    }

    /// Sends one request below `/api/v1` and reads the JSON answer. An error status is an error here.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        content: Option<(&str, Zeroizing<Vec<u8>>)>,
    ) -> Result<Value> {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        let body = match content {
            Some((kind, bytes)) => {
                request =
                    request.header(header::CONTENT_TYPE, kind).header(header::CONTENT_LENGTH, bytes.len());
                // Wiped when the last of it is sent.
                Body::from(Bytes::from_owner(bytes))
            }
            None => Body::empty(),
        };
        let response = self.exchange(request.header(header::ACCEPT, "application/json").body(body)?).await?;
        let status = response.status();
        let bytes = response.into_body().collect().await.context("the answer broke off")?.to_bytes();
        let value = match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            Err(_) if bytes.is_empty() || !status.is_success() => Value::Null,
            Err(_) => bail!("the service answered something that is not JSON"),
        };
        if status.is_success() { Ok(value) } else { Err(refusal(status, &value)) }
    }

    /// GET.
    pub(super) async fn get(&self, path: &str) -> Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// POST with JSON.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.with_json(Method::POST, path, body).await
    }

    /// Any method with JSON.
    pub(super) async fn with_json(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        self.send(method, path, Some(("application/json", Zeroizing::new(serde_json::to_vec(body)?)))).await
    }

    /// DELETE.
    pub(super) async fn delete(&self, path: &str) -> Result<Value> {
        self.send(Method::DELETE, path, None).await
    }
}

async fn send<S>(stream: TokioIo<S>, request: Request<Body>) -> Result<Response<Body>>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?.map(Body::new))
}

/// An error answer as an exit status and a sentence.
fn refusal(status: StatusCode, problem: &Value) -> anyhow::Error {
    let text =
        problem["detail"].as_str().map_or_else(|| format!("the service answers {status}"), str::to_owned);
    let error = match status {
        StatusCode::NOT_FOUND | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => negative(text),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => usage(text),
        _ => environment(text),
    };
    with_problem(error, problem)
}
