//! The data directory: who gets in, the root key, the store, the clock, the disk, and the service that runs.

use std::fs::Metadata;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::super::home;
use super::super::serve::check_exposure;
use super::machine::{Account, Machine};
use super::{Finding, nodes};
use crate::clock::UnixTime;
use crate::config::{Config, Flags, Protection};
use crate::device::{FOLDER, ROOTS_FOLDER, SERVICE_USER};
use crate::http::tls::{self, Tls, TlsError, TlsFiles};
use crate::jobs::Synchronised;
use crate::service::ServiceError;
use crate::vault::RootKey;

/// Where the service keeps its data when systemd starts it.
pub(super) const SERVICE_DATA: &str = "/var/lib/mintmark";
/// Below so many free bytes the store may stop at any moment.
const FEW_BYTES: u64 = 64 << 20;
/// Below so many, an import may fill the disk.
const SOME_BYTES: u64 = 1 << 30;
/// How long the service may take for an answer.
const SERVICE_PATIENCE: Duration = Duration::from_secs(3);
/// Longest answer that is read.
const MOST_BYTES: u64 = 4 << 20;
/// A certificate that ends sooner is to be replaced.
const CERTIFICATE_DAYS: i64 = 14;
/// No release of this program is older: 2026-01-01.
const EARLIEST: UnixTime = UnixTime::from_secs(1_767_225_600);

/// What the program writes into its directory, and has to be able to write again.
const WRITTEN: [&str; 6] =
    ["store.redb", "store.marker", "store.marker.new", home::ROOT_KEY, home::SOCKET, "audit-anchors"];
/// What it reads there when somebody has put it there.
const READ: [&str; 3] = [crate::config::FILE_NAME, FOLDER, ROOTS_FOLDER];

/// True for the directory that the unit serves.
pub(super) fn is_of_service(machine: &Machine, dir: &Path) -> bool {
    dir == Path::new(SERVICE_DATA) || dir == machine.path(SERVICE_DATA)
}

/// Mode and owner of the data directory, and whether it is there, so that the rest of it can be looked at.
pub(super) fn directory(machine: &Machine, dir: &Path, account: &Account) -> (Finding, bool) {
    let check = "data_directory";
    let shown = dir.display();
    let about = match std::fs::metadata(dir) {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return (not_there(machine, dir), false);
        }
        Err(error) => {
            let what = format!("{shown}: {error}");
            let repair = "run doctor again as the user whose it is, or as root";
            return (Finding::unknown(check, "unreadable", what).repair(repair), false);
        }
    };
    if !about.is_dir() {
        let what = format!("{shown} is no directory");
        return (Finding::missing(check, "no_directory", what).repair("give another one with --data"), false);
    }
    // Rights are changed where the program's own files lie alone: any directory may be named.
    let has = |name: &str| dir.join(name).try_exists();
    match (has("store.redb"), has(home::ROOT_KEY)) {
        (Ok(false), Ok(false)) if !is_of_service(machine, dir) => {
            let what = format!("there is no store in {shown}");
            return (Finding::missing(check, "no_store", what).repair(init(machine, dir)), false);
        }
        (Err(error), _) | (_, Err(error)) => {
            let what = format!("{shown}: {error}");
            let repair = "run doctor again as the user whose it is, or as root";
            return (Finding::unknown(check, "unreadable", what).repair(repair), false);
        }
        _ => {}
    }
    if let Some(finding) = open_to_others(check, &about, &format!("{shown}"), "700") {
        return (finding, true);
    }
    if about.uid() != account.uid {
        let what = format!("{shown} belongs to {}, and the service runs as {}", about.uid(), account.name);
        let repair = format!("chown -R {0}:{0} {shown}", account.name);
        return (Finding::missing(check, "foreign", what).repair(repair), true);
    }
    let foreign = unusable_files(dir, account);
    if !foreign.is_empty() {
        let what = format!(
            "in {shown}, {} cannot be used by {}, whom the service runs as: it was made by another user",
            foreign.join(", "),
            account.name
        );
        let repair = format!("chown -R {0}:{0} {shown}", account.name);
        return (Finding::missing(check, "foreign_files", what).repair(repair), true);
    }
    let what = format!("{shown} belongs to {} and nobody else gets in", account.name);
    (Finding::good(check, "private", what), true)
}

/// Names in the directory that this user cannot use: the program's own files that somebody else owns, as a command leaves
/// them that was run by the wrong user, and what is to be read and cannot be.
pub(super) fn unusable_files(dir: &Path, account: &Account) -> Vec<&'static str> {
    let about = |name: &str| std::fs::metadata(dir.join(name));
    let foreign = |name: &&str| about(name).is_ok_and(|about| about.uid() != account.uid);
    let closed = |name: &&str| about(name).is_ok_and(|about| !account.may_read(&about));
    WRITTEN.into_iter().filter(foreign).chain(READ.into_iter().filter(closed)).collect()
}

fn not_there(machine: &Machine, dir: &Path) -> Finding {
    let (check, shown) = ("data_directory", dir.display());
    let is_elsewhere = machine.has(&format!("{SERVICE_DATA}/store.redb"))
        // Who does not see into it does not know.
        || (nodes::is_installed(machine) && machine.names(SERVICE_DATA).is_err());
    if !is_of_service(machine, dir) && is_elsewhere {
        let what = format!("{shown} is not there; the service keeps its data in {SERVICE_DATA}");
        return Finding::missing(check, "elsewhere", what)
            .repair(format!("mintmark --data {SERVICE_DATA} doctor"));
    }
    let what = format!("{shown} is not there: no store was made yet");
    Finding::missing(check, "not_there", what).repair(init(machine, dir))
}

/// The command that makes a store: here, or where the service that is installed looks for it.
fn init(machine: &Machine, dir: &Path) -> String {
    let is_of_service = is_of_service(machine, dir) || nodes::is_installed(machine);
    let dir = if is_of_service { Path::new(SERVICE_DATA) } else { dir };
    let command = format!("mintmark --data {} init --admin LOGIN", dir.display());
    let has_user = is_of_service && machine.account(SERVICE_USER).is_some();
    if has_user { format!("runuser -u {SERVICE_USER} -- {command}") } else { command }
}

fn open_to_others(check: &'static str, about: &Metadata, path: &str, right: &str) -> Option<Finding> {
    let mode = about.permissions().mode() & 0o777;
    // No bit of the group or of others.
    (mode.trailing_zeros() < 6).then(|| {
        let what = format!("{path} has mode {mode:04o}: others than its owner get in");
        Finding::missing(check, "open_to_others", what).repair(format!("chmod {right} {path}"))
    })
}

/// The root key, and what its place means (file mode is the one that this version has).
pub(super) fn root_key(machine: &Machine, dir: &Path) -> Finding {
    let check = "root_key";
    let path = dir.join(home::ROOT_KEY);
    let shown = path.display();
    let about = match std::fs::metadata(&path) {
        Ok(about) => about,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return if dir.join("store.redb").exists() {
                let what = format!("{shown} is not there, and without it nothing in the store can be read");
                let repair = format!("install -m 600 -o OWNER COPY {shown}   # the copy that is kept apart");
                Finding::missing(check, "not_there", what).repair(repair)
            } else {
                let what = format!("{} holds neither store nor root key", dir.display());
                Finding::missing(check, "no_store", what).repair(init(machine, dir))
            };
        }
        Err(error) => return Finding::unknown(check, "unreadable", format!("{shown}: {error}")),
    };
    if let Some(finding) = open_to_others(check, &about, &shown.to_string(), "600") {
        return finding;
    }
    match RootKey::read(&path) {
        Ok(_) => Finding::good(
            check,
            "file",
            "file mode: the service starts by itself, and whoever can read root.key and the store can read \
             all secrets; keep the copy of root.key apart from the backups",
        ),
        Err(error) => {
            let repair = format!("install -m 600 -o OWNER COPY {shown}   # the copy that is kept apart");
            Finding::missing(check, "unusable", error.to_string()).repair(repair)
        }
    }
}

/// The machine's clock by itself, and whether something keeps it right.
pub(super) fn clock(machine: &Machine, now: UnixTime, synchronised: Synchronised) -> Finding {
    let check = "clock";
    let set = keep_right(machine);
    if now < EARLIEST {
        let what = format!("the machine's clock shows {now}, which is before this program was made");
        return Finding::missing(check, "behind", what).repair(set);
    }
    match synchronised {
        Synchronised::Yes => Finding::good(
            check,
            "synchronised",
            format!("the clock shows {now} and something keeps it right"),
        ),
        Synchronised::No => {
            let what = format!(
                "the clock shows {now} and nothing keeps it right: codes are judged by it, and no device's clock is \
                 set by it"
            );
            Finding::missing(check, "not_synchronised", what).repair(set)
        }
        Synchronised::Unknown => {
            let what =
                format!("the clock shows {now}; timedatectl does not say whether something keeps it right");
            Finding::unknown(check, "not_told", what).repair("compare it with a clock that is right")
        }
    }
}

/// The command that makes something keep the clock right. `timedatectl` only switches on what is installed.
pub(super) fn keep_right(machine: &Machine) -> &'static str {
    let runs = |name: &str| !machine.processes(name).is_empty();
    if runs("systemd-timesyncd") {
        return "name a time server that this machine reaches: NTP= in /etc/systemd/timesyncd.conf, then systemctl restart \
                systemd-timesyncd";
    }
    if runs("chronyd") || runs("ntpd") {
        return "name a time server that this machine reaches in the settings of chrony or ntpd, then restart it";
    }
    let is_there = machine.names("/usr/lib/systemd/ntp-units.d").is_ok_and(|names| !names.is_empty())
        || ["/usr/sbin/chronyd", "/usr/sbin/ntpd"].into_iter().any(|path| machine.has(path));
    if is_there { "timedatectl set-ntp true" } else { "apt-get install systemd-timesyncd" }
}

/// The service that is installed and has its store, and does not run. `None`: it runs, or there is none.
pub(super) fn service(machine: &Machine, dir: &Path) -> Option<Finding> {
    let is_due = is_of_service(machine, dir) && nodes::is_installed(machine);
    let stands = is_due && dir.join("store.redb").exists() && !service_runs(dir);
    stands.then(|| {
        let what = "the service is installed, its store is there, and it does not run";
        Finding::missing("service", "not_running", what)
            .repair("systemctl start mintmark; journalctl -u mintmark -n 20 says why it stopped")
    })
}

/// Whether a service has the store to itself.
pub(super) fn service_runs(dir: &Path) -> bool {
    UnixStream::connect(dir.join(home::SOCKET)).is_ok()
}

/// The store: that it opens, and that the clock does not contradict its log.
pub(super) fn store(machine: &Machine, dir: &Path, account: &Account) -> Vec<Finding> {
    let check = "store";
    if service_runs(dir) {
        return vec![Finding::good(check, "served", "the service runs and has it open")];
    }
    if !dir.join("store.redb").exists() {
        let what = format!("there is no store in {}", dir.display());
        return vec![Finding::missing(check, "not_there", what).repair(init(machine, dir))];
    }
    if machine.uid != account.uid {
        // What is written while it is open would belong to whoever opens it.
        let what = format!("the service does not run, and only {} should open the store", account.name);
        let repair = format!("runuser -u {} -- mintmark --data {} doctor", account.name, dir.display());
        return vec![Finding::unknown(check, "not_opened", what).repair(repair)];
    }
    let opened = home::open_store(dir).and_then(|(store, meta)| home::open_service(dir, store, &meta, false));
    let service = match opened {
        Ok(service) => service,
        Err(error) => return vec![Finding::missing(check, "does_not_open", format!("{error:#}"))],
    };
    let kind = match (service.meta().demo, service.meta().simulated) {
        (true, _) => "a demonstration store",
        (false, true) => "a rehearsal store",
        (false, false) => "a store",
    };
    let mut findings =
        vec![Finding::good(check, "opens", format!("{kind} that opens; the service does not run"))];
    match service.clock_fault() {
        Ok(None) => {}
        Ok(Some(newest)) => {
            let fault = ServiceError::ClockFault { now: service.now(), newest };
            findings.push(
                Finding::missing("clock_and_log", "clock_fault", fault.to_string())
                    .repair(keep_right(machine)),
            );
        }
        Err(error) => findings.push(Finding::missing("clock_and_log", "unread", error.to_string())),
    }
    service.close();
    findings
}

/// Free space where the store lies.
pub(super) fn disk(dir: &Path) -> Finding {
    match rustix::fs::statvfs(dir) {
        Ok(about) => free_space(dir, about.f_bavail.saturating_mul(about.f_frsize)),
        Err(error) => Finding::unknown("disk", "not_told", format!("{}: {error}", dir.display())),
    }
}

pub(super) fn free_space(dir: &Path, bytes: u64) -> Finding {
    let check = "disk";
    let what = format!("{} MiB are free for the store", bytes >> 20);
    let repair = format!("df -h {}   # and make room there", dir.display());
    match bytes {
        ..FEW_BYTES => Finding::missing(check, "full", what).repair(repair),
        FEW_BYTES..SOME_BYTES => Finding::warning(check, "low", what).repair(repair),
        _ => Finding::good(check, "free", what),
    }
}

/// Whether the service that runs is this program. `None`: none runs.
pub(super) fn version(dir: &Path) -> Option<Finding> {
    let check = "version";
    let stream = UnixStream::connect(dir.join(home::SOCKET)).ok()?;
    let restart = "systemctl restart mintmark";
    let own = env!("CARGO_PKG_VERSION");
    let peer = rustix::net::sockopt::socket_peercred(stream.as_fd()).ok();
    let program =
        peer.and_then(|peer| std::fs::read_link(format!("/proc/{}/exe", peer.pid.as_raw_nonzero())).ok());
    // The kernel's word for a file that was removed, as an upgrade does it.
    if program.is_some_and(|path| path.to_string_lossy().ends_with(" (deleted)")) {
        let what = "the service runs from a file that was replaced since it was started";
        return Some(Finding::warning(check, "replaced", what).repair(restart));
    }
    Some(match asked_version(stream) {
        Some(version) if version == own => {
            Finding::good(check, "same", format!("the service that runs is {own}, as this command is"))
        }
        Some(version) => {
            let what = format!("the service that runs is {version}, and this command is {own}");
            Finding::warning(check, "other", what).repair(restart)
        }
        None => {
            let what = "the service takes connections and does not say which version it is";
            Finding::warning(check, "no_answer", what).repair(restart)
        }
    })
}

/// The version that the service publishes with its description.
fn asked_version(mut stream: UnixStream) -> Option<String> {
    stream.set_read_timeout(Some(SERVICE_PATIENCE)).ok()?;
    stream.set_write_timeout(Some(SERVICE_PATIENCE)).ok()?;
    let question = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(question).ok()?;
    let mut answer = Vec::new();
    stream.take(MOST_BYTES).read_to_end(&mut answer).ok()?;
    let body = answer.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let value: Value = serde_json::from_slice(&answer[body..]).ok()?;
    value["info"]["version"].as_str().map(str::to_owned)
}

/// Who protects the connections, and until when the certificate holds; settings that cannot be used.
pub(super) fn settings(machine: &Machine, dir: &Path, account: &Account, now: UnixTime) -> Vec<Finding> {
    match Config::load(dir, &Flags::default(), |name| std::env::var(name).ok()) {
        Ok(config) => {
            let refused = check_exposure(&config, false).err().map(|error| {
                let repair = format!("correct {}", dir.join(crate::config::FILE_NAME).display());
                Finding::missing("settings", "not_served", error.to_string()).repair(repair)
            });
            let rest = [certificate(machine, dir, account, &config, now), mail(dir, &config)];
            refused.into_iter().chain(rest).collect()
        }
        Err(error) => {
            let repair = format!("correct {}", dir.join(crate::config::FILE_NAME).display());
            vec![Finding::missing("settings", "unusable", error.to_string()).repair(repair)]
        }
    }
}

fn mail(dir: &Path, config: &Config) -> Finding {
    let check = "mail";
    match &config.smtp {
        Some(smtp) => Finding::good(check, "set", format!("through {}:{}", smtp.host, smtp.port())),
        None if super::super::demo::is_in(dir) => {
            let what = "a demonstration sends nothing: mails are read in the console's outbox";
            Finding::good(check, "demonstration", what)
        }
        None => {
            let what = "no server is set: mailed codes and notices are unavailable";
            Finding::good(check, "not_set", what)
        }
    }
}

/// What of certificate and key keeps the service from its start; it reads them in the same way.
pub(super) fn key(files: &TlsFiles, account: &Account) -> Option<Finding> {
    let check = "tls";
    let shown = files.key.display();
    let repair = format!("chown {} {shown} && chmod 600 {shown}", account.name);
    match Tls::open(files.clone()) {
        Ok(_) => {
            let closed = std::fs::metadata(&files.key).is_ok_and(|about| !account.may_read(&about));
            let what = format!("{} cannot read {shown}, and the service does not start", account.name);
            closed.then(|| Finding::missing(check, "key_closed", what).repair(repair))
        }
        Err(error @ TlsError::Readable(_)) => {
            Some(Finding::missing(check, "key_open", error.to_string()).repair(repair))
        }
        Err(error) => {
            let repair = format!("put certificate and key at {} and {shown}", files.certificate.display());
            Some(Finding::missing(check, "unusable", error.to_string()).repair(repair))
        }
    }
}

fn certificate(machine: &Machine, dir: &Path, account: &Account, config: &Config, now: UnixTime) -> Finding {
    let check = "tls";
    let own = tls::own_files(dir);
    let files = match &config.protection {
        Protection::Files { certificate, key } => {
            TlsFiles { certificate: certificate.clone(), key: key.clone() }
        }
        Protection::Proxy => return Finding::good(check, "proxy", "a proxy in front speaks it"),
        // What a flag of `serve` says is not known here; what it made is.
        Protection::SelfSigned | Protection::None if own.certificate.exists() => own,
        Protection::SelfSigned => {
            let what = "a certificate is made at the next start of the service";
            return Finding::good(check, "to_be_made", what);
        }
        Protection::None => return Finding::good(check, "none", "none is set: for this machine only"),
    };
    let replace = format!("put a new certificate at {}", files.certificate.display());
    // Somebody else may not read the key, and that is as it should be.
    if (machine.uid == 0 || machine.uid == account.uid)
        && let Some(finding) = key(&files, account)
    {
        return finding;
    }
    let facts = match tls::facts(&files) {
        Ok(facts) => facts,
        Err(error) => return Finding::missing(check, "unusable", error.to_string()).repair(replace),
    };
    let Some(until) = facts.until else {
        let what = "the certificate does not say until when it holds";
        return Finding::missing(check, "no_end", what).repair(replace);
    };
    let text = format!("certificate until {until}, SHA-256 {}", facts.fingerprint);
    match until.secs_since(now).div_euclid(86_400) {
        ..0 => Finding::missing(check, "ended", format!("{text}: it has ended")).repair(replace),
        days @ 0..CERTIFICATE_DAYS => {
            Finding::missing(check, "ends_soon", format!("{text}: it ends in {days} days")).repair(replace)
        }
        _ => Finding::good(check, "holds", text),
    }
}
