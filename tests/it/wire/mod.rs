//! The service as others reach it: the whole router behind a real listener, asked over TCP.
//!
//! Each of these tests takes a fair sample; `tests/full-size` sets the figures of a release.

mod browser;
pub(crate) mod client;
mod double_spend;
mod pairs;
mod secrets;
mod stranger;
mod user_issues;
mod wrong_input;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mintmark::clock::{Clock, ManualClock, SystemClock, UnixTime};
use mintmark::http::{AppState, Exposure, HttpSettings, router, serve::serve_tcp};
use mintmark::jobs::Jobs;
use mintmark::model::{Actor, Role};
use mintmark::oath::Otp;
use mintmark::secret::BearerToken;
use mintmark::service::{MailMode, Service, StoreMark};
use mintmark::store::{RedbStore, Store};
use mintmark::vault::RootKey;
use serde_json::Value;
use tokio::net::TcpListener;

use client::{Reply, Wire};
pub(crate) use wrong_input::full_disk;

use super::service::fixture::StandIn;

/// 2027-01-15, in the middle of a step.
pub(crate) const START: UnixTime = UnixTime::from_secs(1_800_000_010);
pub(crate) const ADMIN: Actor = Actor::local(0);

/// A number from the environment, for the size of a run.
pub(crate) fn size(name: &str, sample: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is a number")),
        Err(_) => sample,
    }
}

/// A listening service over a store, with a clock that is moved by hand.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) service: Arc<Service>,
    pub(crate) clock: Arc<ManualClock>,
    stop: Option<tokio::sync::watch::Sender<bool>>,
    runtime: Option<tokio::runtime::Runtime>,
    jobs: Arc<Jobs>,
    keys: AtomicU64,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self::over(Arc::new(RedbStore::in_memory().expect("a store")))
    }

    pub(crate) fn over(store: Arc<dyn Store>) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let root = RootKey::generate().expect("a root key");
        let mark = StoreMark { demo: true, simulated: false };
        Service::initialise(&*store, &root, &*clock, mark).expect("a new store");
        let shared = Arc::clone(&clock) as Arc<dyn Clock>;
        let service = Service::open(store, &root, shared, MailMode::Outbox).map(Arc::new).expect("opens");
        let jobs = Arc::new(Jobs::start(&service, None).expect("workers"));
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
        let address = listener.local_addr().expect("an address");
        let settings = HttpSettings {
            public_url: format!("http://{address}"),
            allowed_hosts: vec![address.to_string()],
            trusted_proxies: Vec::new(),
            secure: false,
            exposure: Exposure::Everything,
        };
        let routes = router(AppState::new(Arc::clone(&service), Arc::clone(&jobs), settings));
        let (stop, stopped) = tokio::sync::watch::channel(false);
        runtime.spawn(serve_tcp(listener, routes, stopped));
        Self {
            address,
            service,
            clock,
            stop: Some(stop),
            runtime: Some(runtime),
            jobs,
            keys: AtomicU64::new(1),
        }
    }

    /// A key of this role for all resources.
    pub(crate) fn key(&self, role: Role) -> String {
        let name = format!("{} {}", role.name(), self.keys.fetch_add(1, Ordering::SeqCst));
        let key = self.service.add_api_key(&ADMIN, &name, role, None).expect("a key");
        key_text(&key.key)
    }

    pub(crate) fn caller(&self, role: Role) -> Caller {
        Caller::new(self.address, &self.key(role))
    }

    pub(crate) fn step(&self) -> u64 {
        u64::try_from(self.clock.now().secs()).expect("after 1970") / 30
    }

    pub(crate) fn wait(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(true);
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
        self.jobs.stop(&self.service);
        self.service.close();
    }
}

#[expect(clippy::disallowed_methods, reason = "a caller sends its key")]
fn key_text(key: &BearerToken) -> String {
    String::from_utf8(key.expose().to_vec()).expect("text")
}

/// A code as a person types it.
#[expect(clippy::disallowed_methods, reason = "a stand-in shows its code")]
pub(crate) fn digits(otp: &Otp) -> String {
    String::from_utf8(otp.expose().to_vec()).expect("digits")
}

/// Consecutive codes of a token as people type them.
pub(crate) fn typed(token: &StandIn, from: u64, count: u64) -> Vec<String> {
    (from..from + count).map(|at| token.text(at)).collect()
}

/// A program that calls the REST interface with its key over one connection.
pub(crate) struct Caller {
    pub(crate) wire: Wire,
    host: String,
    pub(crate) bearer: String,
}

impl Caller {
    pub(crate) fn new(address: SocketAddr, key: &str) -> Self {
        Self { wire: Wire::connect(address), host: address.to_string(), bearer: format!("Bearer {key}") }
    }

    /// A request with a body of any type.
    pub(crate) fn send(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> Reply {
        let mut headers = vec![("host", self.host.as_str()), ("authorization", self.bearer.as_str())];
        if !kind.is_empty() {
            headers.push(("content-type", kind));
        }
        let request = Wire::request(method, path, &headers, body);
        self.wire.exchange(&request)
    }

    pub(crate) fn json(&mut self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let reply = self.send(method, path, "application/json", body.to_string().as_bytes());
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    /// A request that must succeed.
    pub(crate) fn done(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.json(method, path, body);
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    pub(crate) fn get(&mut self, path: &str) -> Value {
        let reply = self.send("GET", path, "", &[]);
        assert_eq!(reply.status, 200, "{path}: {}", reply.text());
        serde_json::from_slice(&reply.body).expect("JSON")
    }

    /// Sends a seed file; gives the answer to the upload.
    pub(crate) fn upload(&mut self, fields: &[(&str, &str)], name: &str, file: &[u8]) -> (u16, Value) {
        let body = form(fields, name, file);
        let reply = self.send("POST", "/api/v1/imports", FORM, &body);
        (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
    }

    /// Sends a seed file and waits for the end of its job.
    pub(crate) fn import(&mut self, fields: &[(&str, &str)], name: &str, file: &[u8]) -> Value {
        let (status, answer) = self.upload(fields, name, file);
        assert_eq!(status, 202, "{answer}");
        let job = format!("/api/v1/jobs/{}", answer["job"]);
        let clock = SystemClock::new();
        while clock.monotonic() < Duration::from_mins(2) {
            let now = self.get(&job);
            if matches!(now["state"].as_str(), Some("done" | "failed")) {
                return now;
            }
            std::thread::yield_now();
        }
        panic!("the import does not end");
    }
}

/// The content type of [`form`].
pub(crate) const FORM: &str = "multipart/form-data; boundary=frame-of-the-upload";

/// A form with a file.
pub(crate) fn form(fields: &[(&str, &str)], name: &str, file: &[u8]) -> Vec<u8> {
    let part = |field: &str, rest: &str, value: &[u8]| {
        let head = format!(
            "--frame-of-the-upload\r\nContent-Disposition: form-data; name=\"{field}\"{rest}\r\n\r\n"
        );
        [head.as_bytes(), value, b"\r\n"].concat()
    };
    let mut parts: Vec<_> = fields.iter().map(|(field, value)| part(field, "", value.as_bytes())).collect();
    parts.push(part("file", &format!("; filename=\"{name}\""), file));
    parts.push(b"--frame-of-the-upload--\r\n".to_vec());
    parts.concat()
}
