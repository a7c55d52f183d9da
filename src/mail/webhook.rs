//! News to other programs: one `POST` for each, signed as the Standard Webhooks specification says
//! (<https://www.standardwebhooks.com>: `webhook-id`, `webhook-timestamp`, `webhook-signature`).
//!
//! Blocking, on a thread of its own. The client is a few lines over a socket because it must do less than a
//! library would: no redirect, no proxy, no compression, no body; and it must connect to the very address that
//! was looked at, so that a name cannot point elsewhere between the look and the call.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

use super::lookup::Lookup;
use crate::clock::Clock;
use crate::model::{WebhookParts, WebhookUrl, may_be_called};

/// From the first packet to the status line.
const PATIENCE: Duration = Duration::from_secs(10);
/// The name, and then each of its addresses, gets this long to answer.
const CONNECT_PATIENCE: Duration = Duration::from_secs(4);
/// Of the answer no more than this is read: its first line.
const ANSWER_BYTES: usize = 512;

/// A request was not taken.
#[derive(Debug, Error)]
pub enum WebhookError {
    /// The trusted certificates cannot be read.
    #[error("webhook certificates: {0}")]
    Settings(String),
    /// The stored address or secret does not read.
    #[error("the stored address or secret is damaged: remove the notification and make it again")]
    Damaged,
    /// The name is not known.
    #[error("the name of the host was not found")]
    Unknown,
    /// The name service does not answer in time.
    #[error("the name of the host was not found in time")]
    SlowName,
    /// The name leads to an address that is never called.
    #[error(
        "the host leads to {0}, which is not allowed: link-local, metadata and foreign loopback addresses"
    )]
    Address(IpAddr),
    /// Nobody answers, or not in time.
    #[error("no connection")]
    Connection(#[source] io::Error),
    /// The answer is no HTTP.
    #[error("the answer is not HTTP")]
    NotHttp,
    /// The receiver does not want it.
    #[error("the receiver answered {0}{hint}", hint = if (300..400).contains(.0) { "; redirects are not followed" } else { "" })]
    Refused(u16),
}

/// One request.
#[derive(Debug)]
pub struct WebhookRequest<'a> {
    /// Where to.
    pub url: &'a WebhookUrl,
    /// The same for each try.
    pub message_id: &'a str,
    /// Seconds since 1970.
    pub timestamp: i64,
    /// JSON.
    pub body: &'a str,
    /// `whsec_` and base64.
    pub secret: &'a str,
}

impl WebhookRequest<'_> {
    /// The header `webhook-signature`.
    pub fn signature(&self) -> Result<String, WebhookError> {
        let text = self.secret.strip_prefix("whsec_").ok_or(WebhookError::Damaged)?;
        let key = data_encoding::BASE64.decode(text.as_bytes()).map_err(|_| WebhookError::Damaged)?;
        let key = Zeroizing::new(key);
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| WebhookError::Damaged)?;
        mac.update(format!("{}.{}.{}", self.message_id, self.timestamp, self.body).as_bytes());
        Ok(format!("v1,{}", data_encoding::BASE64.encode(&mac.finalize().into_bytes())))
    }

    fn head(&self, parts: &WebhookParts<'_>) -> Result<String, WebhookError> {
        Ok(format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: Mintmark/{}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nwebhook-id: {}\r\nwebhook-timestamp: {}\r\nwebhook-signature: {}\r\n\
             Connection: close\r\n\r\n",
            parts.path,
            parts.authority,
            env!("CARGO_PKG_VERSION"),
            self.body.len(),
            self.message_id,
            self.timestamp,
            self.signature()?,
        ))
    }
}

/// A socket with one limit for everything that is done with it.
struct Patient {
    stream: TcpStream,
    clock: Arc<dyn Clock>,
    until: Duration,
}

impl Patient {
    fn left(&self) -> io::Result<Duration> {
        left(&*self.clock, self.until)
    }
}

fn left(clock: &dyn Clock, until: Duration) -> io::Result<Duration> {
    let left = until.saturating_sub(clock.monotonic());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer)
    }
}

impl Write for Patient {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Sends requests to other programs.
pub struct WebhookSender {
    names: Lookup,
    tls: Arc<ClientConfig>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for WebhookSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("WebhookSender")
    }
}

impl WebhookSender {
    /// Trusts the authorities that browsers trust, and those of `own_authorities`, a PEM text.
    pub fn new(clock: Arc<dyn Clock>, own_authorities: Option<&[u8]>) -> Result<Self, WebhookError> {
        let mut roots = RootCertStore::empty();
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        if let Some(pem) = own_authorities {
            let mut count = 0;
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| WebhookError::Settings(error.to_string()))?;
                roots.add(certificate).map_err(|error| WebhookError::Settings(error.to_string()))?;
                count += 1;
            }
            if count == 0 {
                return Err(WebhookError::Settings("the file holds no certificate".to_owned()));
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| WebhookError::Settings(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { names: Lookup::of_the_system(), tls: Arc::new(tls), clock })
    }

    /// Sends one request. Any answer from 200 to 299 is a yes; its body is not read.
    pub fn send(&self, request: &WebhookRequest<'_>) -> Result<(), WebhookError> {
        let parts = request.url.parts().map_err(|_| WebhookError::Damaged)?;
        let head = request.head(&parts)?;
        let until = self.clock.monotonic() + PATIENCE;
        let stream = self.connect(&parts, until)?;
        let patient = Patient { stream, clock: Arc::clone(&self.clock), until };
        let status = if parts.tls {
            let name = ServerName::try_from(parts.host.to_owned()).map_err(|_| WebhookError::Damaged)?;
            let session = ClientConnection::new(Arc::clone(&self.tls), name)
                .map_err(|error| WebhookError::Connection(io::Error::other(error)))?;
            exchange(StreamOwned::new(session, patient), &head, request.body)?
        } else {
            exchange(patient, &head, request.body)?
        };
        if (200..300).contains(&status) { Ok(()) } else { Err(WebhookError::Refused(status)) }
    }

    fn connect(&self, parts: &WebhookParts<'_>, until: Duration) -> Result<TcpStream, WebhookError> {
        let wait = left(&*self.clock, until).map_err(WebhookError::Connection)?.min(CONNECT_PATIENCE);
        let addresses =
            self.names.find(parts.host, parts.port, wait).map_err(|error| match error.kind() {
                io::ErrorKind::TimedOut => WebhookError::SlowName,
                _ => WebhookError::Unknown,
            })?;
        let is_here = parts.host.eq_ignore_ascii_case("localhost")
            || parts.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        // One forbidden address among several is enough: a name that is honest has none.
        let forbidden = addresses
            .iter()
            .map(SocketAddr::ip)
            .find(|address| !may_be_called(*address) || address.to_canonical().is_loopback() != is_here);
        if let Some(address) = forbidden {
            return Err(WebhookError::Address(address));
        }
        let mut fault = WebhookError::Unknown;
        for address in addresses.iter().take(4) {
            let wait = left(&*self.clock, until).map_err(WebhookError::Connection)?.min(CONNECT_PATIENCE);
            match TcpStream::connect_timeout(address, wait) {
                Ok(stream) => return Ok(stream),
                Err(error) => fault = WebhookError::Connection(error),
            }
        }
        Err(fault)
    }
}

fn exchange(mut stream: impl Read + Write, head: &str, body: &str) -> Result<u16, WebhookError> {
    stream.write_all(head.as_bytes()).map_err(WebhookError::Connection)?;
    stream.write_all(body.as_bytes()).map_err(WebhookError::Connection)?;
    stream.flush().map_err(WebhookError::Connection)?;
    let mut answer = [0; ANSWER_BYTES];
    let mut read = 0;
    while read < answer.len() && !answer[..read].contains(&b'\n') {
        match stream.read(&mut answer[read..]) {
            Ok(0) => break,
            Ok(more) => read += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(WebhookError::Connection(error)),
        }
    }
    status(&answer[..read]).ok_or(WebhookError::NotHttp)
}

/// `HTTP/1.1 204 No Content`.
fn status(answer: &[u8]) -> Option<u16> {
    let line = answer.split(|b| *b == b'\n').next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace();
    words.next().filter(|word| word.starts_with("HTTP/1."))?;
    words.next().filter(|code| code.len() == 3)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own test suite.
    #[test]
    fn signature_is_that_of_standard_webhooks() {
        let url = WebhookUrl::parse("https://example.org/").expect("usable");
        let request = WebhookRequest {
            url: &url,
            message_id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            timestamp: 1_614_265_330,
            body: r#"{"test": 2432232314}"#,
            secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        };
        assert_eq!(request.signature().expect("signed"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn only_a_status_line_is_understood() {
        assert_eq!(status(b"HTTP/1.1 204 No Content\r\n"), Some(204));
        assert_eq!(status(b"HTTP/1.0 500\r\n"), Some(500));
        for bad in [&b"SSH-2.0-x\r\n"[..], b"", b"HTTP/1.1\r\n", b"HTTP/1.1 2\r\n", b"\xff\xfe"] {
            assert_eq!(status(bad), None);
        }
    }
}
