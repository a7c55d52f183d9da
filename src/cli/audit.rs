//! `audit` and `doctor`: is everything as it should be?

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use super::client::{Client, query};
use super::home;
use super::list::show;
use super::output::{Outcome, Output};
use crate::clock::{Clock, SystemClock, UnixTime};
use crate::config::{Config, Flags, Protection};
use crate::http::tls::{self, TlsFiles};
use crate::service::ServiceError;
use crate::vault::RootKey;

/// The log of who did what.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Recomputes the chain of the log
    Verify,
    /// Writes all records, one JSON value a line
    Export,
}

/// Runs `audit`.
pub(super) async fn run(command: &AuditCommand, client: &Client, out: &mut Output) -> Result<Outcome> {
    match command {
        AuditCommand::Verify => {
            let answer = client.post("/audit/verify", &json!({})).await?;
            show(out, &answer)?;
            Ok(Outcome::when(answer["result"] == json!("intact")))
        }
        AuditCommand::Export => {
            let mut cursor = None;
            loop {
                let pairs = [("limit", Some("1000".to_owned())), ("cursor", cursor.take())];
                let part = client.get(&format!("/audit{}", query(&pairs))).await?;
                for item in part["items"].as_array().into_iter().flatten() {
                    out.line(item)?;
                }
                cursor = part["next"].as_str().map(str::to_owned);
                if cursor.is_none() {
                    return Ok(Outcome::Done);
                }
            }
        }
    }
}

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    good: bool,
    detail: String,
}

fn finding(what: &'static str, good: bool, detail: impl Into<String>) -> Finding {
    Finding { what, good, detail: detail.into() }
}

fn private(what: &'static str, path: &Path) -> Finding {
    match std::fs::metadata(path) {
        Ok(about) => {
            let mode = about.permissions().mode() & 0o777;
            let good = mode.trailing_zeros() >= 6;
            let advice =
                if good { "only its owner gets in" } else { "others get in; take their rights away" };
            finding(what, good, format!("{} has mode {mode:04o}: {advice}", path.display()))
        }
        Err(error) => finding(what, false, format!("{}: {error}", path.display())),
    }
}

fn look(dir: &Path) -> Vec<Finding> {
    let mut findings = vec![private("data directory", dir)];
    findings.push(match RootKey::read(&dir.join(home::ROOT_KEY)) {
        Ok(_) => finding(
            "root key",
            true,
            "file mode: the service starts by itself, and whoever can read root.key and the store can read \
             all secrets; keep the copy of root.key apart from the backups",
        ),
        Err(error) => finding("root key", false, error.to_string()),
    });
    let now = SystemClock::new().now();
    // No release of this program is older.
    let earliest = UnixTime::from_secs(1_767_225_600);
    findings.push(finding("clock", now >= earliest, format!("the machine's clock shows {now}")));
    // A running service has the store to itself and says it by `GET /time`.
    let runs = std::os::unix::net::UnixStream::connect(dir.join(home::SOCKET)).is_ok();
    let store = if runs {
        finding("store", true, "the service runs and has it open")
    } else {
        match home::open_store(dir).and_then(|(store, meta)| home::open_service(dir, store, &meta, false)) {
            Ok(service) => {
                let kind = match (service.meta().demo, service.meta().simulated) {
                    (true, _) => "a demonstration store",
                    (false, true) => "a rehearsal store",
                    (false, false) => "a store",
                };
                match service.clock_fault() {
                    Ok(None) => {}
                    Ok(Some(newest)) => {
                        let fault = ServiceError::ClockFault { now: service.now(), newest };
                        findings.push(finding("clock and log", false, fault.to_string()));
                    }
                    Err(error) => findings.push(finding("clock and log", false, error.to_string())),
                }
                service.close();
                finding("store", true, format!("{kind} that opens; the service does not run"))
            }
            Err(error) => finding("store", false, format!("{error:#}")),
        }
    };
    findings.push(store);
    findings.extend(certificate(dir, now));
    findings.push(match Config::load(dir, &Flags::default(), |name| std::env::var(name).ok()) {
        Ok(config) => match config.smtp {
            Some(smtp) => finding("mail", true, format!("through {}:{}", smtp.host, smtp.port())),
            None if super::demo::is_in(dir) => {
                finding("mail", true, "a demonstration sends nothing: mails are read in the console's outbox")
            }
            None => finding("mail", true, "no server is set: mailed codes and notices are unavailable"),
        },
        Err(error) => finding("settings", false, error.to_string()),
    });
    findings
}

/// A certificate that ends sooner is not as it should be.
const CERTIFICATE_DAYS: i64 = 14;

/// Who protects the connections, and until when the certificate holds.
fn certificate(dir: &Path, now: UnixTime) -> Option<Finding> {
    let config = Config::load(dir, &Flags::default(), |name| std::env::var(name).ok()).ok()?;
    let own = tls::own_files(dir);
    let files = match &config.protection {
        Protection::Files { certificate, key } => {
            TlsFiles { certificate: certificate.clone(), key: key.clone() }
        }
        Protection::Proxy => return Some(finding("TLS", true, "a proxy in front speaks it")),
        // What a flag of `serve` says is not known here; what it made is.
        Protection::SelfSigned | Protection::None if own.certificate.exists() => own,
        Protection::SelfSigned => {
            return Some(finding("TLS", true, "a certificate is made at the next start of the service"));
        }
        Protection::None => return Some(finding("TLS", true, "none is set: for this machine only")),
    };
    Some(match tls::facts(&files) {
        Err(error) => finding("TLS", false, error.to_string()),
        Ok(facts) => match facts.until {
            None => finding("TLS", false, "the certificate does not say until when it holds"),
            Some(until) => {
                let text = format!("certificate until {until}, SHA-256 {}", facts.fingerprint);
                let days = until.secs_since(now).div_euclid(86_400);
                match days {
                    ..0 => finding("TLS", false, format!("{text}: it has ended, put a new one in its place")),
                    0..CERTIFICATE_DAYS => finding(
                        "TLS",
                        false,
                        format!("{text}: it ends in {days} days, put a new one in its place"),
                    ),
                    _ => finding("TLS", true, text),
                }
            }
        },
    })
}

/// Runs `doctor`: 0 when all is well, else 3.
pub(super) fn doctor(dir: &Path, out: &mut Output) -> Result<Outcome> {
    let findings = look(dir);
    let good = findings.iter().all(|finding| finding.good);
    let checks: Vec<Value> =
        findings.iter().map(|f| json!({ "what": f.what, "ok": f.good, "detail": f.detail })).collect();
    out.answer(&json!({ "ok": good, "checks": checks }), |out| {
        findings.iter().try_for_each(|f| {
            let word = if f.good { "ok" } else { "WRONG" };
            out.line(format_args!("{word:<6} {:<15} {}", f.what, f.detail))
        })
    })?;
    if good { Ok(Outcome::Done) } else { Err(super::output::environment("something is not as it should be")) }
}
