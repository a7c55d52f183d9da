//! Decision 34: TLS of the listeners, over real sockets and with the program itself.

#![expect(clippy::disallowed_methods, reason = "real sockets and processes: real time passes")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintmark"));
    command.env("MINTMARK_DATA", dir).env_remove("MINTMARK_LISTEN").stdin(Stdio::null());
    command
}

struct Running {
    child: Child,
    address: SocketAddr,
    fingerprint: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; nothing else can be done about it here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn start(dir: &Path) -> Running {
    let args = ["serve", "--listen", "127.0.0.1:0", "--tls-self-signed"];
    let mut child = program(dir).args(args).stdout(Stdio::piped()).spawn().expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = |begin: &str| {
        let line = lines.next().expect("a line").expect("text");
        line.split(begin).nth(1).unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    let fingerprint = next("SHA-256 ");
    let address = next("Mintmark listens on https://").parse().expect("an address");
    Running { child, address, fingerprint }
}

fn made() -> tempfile::TempDir {
    let outer = tempfile::tempdir().expect("a directory");
    assert!(program(&outer.path().join("data")).arg("init").output().expect("starts").status.success());
    outer
}

fn trusting(certificate: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).expect("a certificate")).expect("usable");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Arc::new(config.expect("versions").with_root_certificates(roots).with_no_client_auth())
}

fn connect(address: SocketAddr, config: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let stream = TcpStream::connect(address).expect("listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let name = ServerName::try_from("localhost").expect("a name");
    StreamOwned::new(ClientConnection::new(Arc::clone(config), name).expect("a session"), stream)
}

fn get(address: SocketAddr, config: &Arc<ClientConfig>, path: &str) -> String {
    let mut stream = connect(address, config);
    let head = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost:{}\r\nAccept: text/html\r\nConnection: close\r\n\r\n",
        address.port()
    );
    // A certificate that is not trusted ends it here: nothing was answered.
    if stream.write_all(head.as_bytes()).is_err() {
        return String::new();
    }
    let mut answer = Vec::new();
    // The other side may close without a last word.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).to_lowercase()
}

/// The certificate is made once and kept; pages come with HSTS and cookies that are bound to the host.
#[test]
fn self_signed_serves_with_secure_cookies() {
    let outer = made();
    let dir = outer.path().join("data");
    let running = start(&dir);
    let config = trusting(&dir.join("tls-self-signed.crt"));
    let answer = get(running.address, &config, "/");
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(answer.contains("strict-transport-security: max-age=31536000"), "{answer}");
    let cookie = answer.lines().find(|line| line.starts_with("set-cookie: ")).expect("a form cookie");
    assert!(cookie.contains("__host-mintmark-form=") && cookie.contains("; secure"), "{cookie}");
    let first = running.fingerprint.clone();
    assert_eq!(first.len(), 95, "{first}");
    drop(running);
    let again = start(&dir);
    assert_eq!(again.fingerprint, first, "made once");
    let doctor = program(&dir).arg("doctor").output().expect("starts");
    assert!(String::from_utf8_lossy(&doctor.stdout).contains(&first), "doctor shows it");
}

/// A client that connects and says nothing holds up nobody, and is let go.
#[test]
fn a_silent_client_holds_nothing() {
    let outer = made();
    let dir = outer.path().join("data");
    let running = start(&dir);
    let silent: Vec<_> = (0..20).map(|_| TcpStream::connect(running.address).expect("listens")).collect();
    let config = trusting(&dir.join("tls-self-signed.crt"));
    let start = Instant::now();
    assert!(get(running.address, &config, "/healthz").starts_with("http/1.1 200"));
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let mut one = &silent[0];
    one.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let ended = one.read(&mut [0; 16]);
    assert!(matches!(ended, Ok(0)) || ended.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    // In clear nothing is answered.
    let mut clear = TcpStream::connect(running.address).expect("listens");
    clear.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    clear.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("sent");
    let mut answer = Vec::new();
    let _ = clear.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

/// Another certificate in the place of the old one is served after a hang-up signal, without a restart.
#[test]
fn a_new_certificate_is_taken_on_hangup() {
    let outer = made();
    let dir = outer.path().join("data");
    let running = start(&dir);
    let certificate = dir.join("tls-self-signed.crt");
    let before = trusting(&certificate);
    // The one that is made for another directory is as good as any.
    let other = made();
    let other_dir = other.path().join("data");
    drop(start(&other_dir));
    for name in ["tls-self-signed.crt", "tls-self-signed.key"] {
        std::fs::copy(other_dir.join(name), dir.join(name)).expect("copied");
    }
    let pid = running.child.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill").success());
    let after = trusting(&certificate);
    let start = Instant::now();
    while !get(running.address, &after, "/healthz").starts_with("http/1.1 200") {
        assert!(start.elapsed() < Duration::from_secs(15), "the new one is served");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert!(!get(running.address, &before, "/healthz").starts_with("http/1.1 200"), "the old one is not");
}

/// What would be open to all is refused, with what to do.
#[test]
fn exposure_without_protection_is_refused() {
    let outer = made();
    let dir = outer.path().join("data");
    let cases: &[(&[&str], &str)] = &[
        (&["--listen", "0.0.0.0:0"], "nothing would be encrypted"),
        (&["--portal-listen", "0.0.0.0:0"], "nothing would be encrypted"),
        (&["--listen", "0.0.0.0:0", "--tls-self-signed"], "public_url"),
        (&["--behind-proxy"], "trusted_proxies"),
        (&["--tls-self-signed", "--public-url", "http://otp.example.org"], "https://"),
        (&["--tls-self-signed", "--behind-proxy"], "cannot be used with"),
        (&["--tls-cert", "x"], "--tls-key"),
        (&["--tls-cert", "/nowhere.crt", "--tls-key", "/nowhere.key"], "/nowhere.crt"),
    ];
    for (args, says) in cases {
        let refused = program(&dir).arg("serve").args(*args).output().expect("starts");
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && text.contains(says), "{args:?}: {text}");
    }
}
