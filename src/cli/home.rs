//! The data directory: where it is, making a store in it, opening it.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Result;

use super::output::environment;
use super::secrets;
use crate::clock::SystemClock;
use crate::config::{Config, ScannerConfig, SmtpConfig, SmtpProtection};
use crate::device::Catalogue;
use crate::device::scanner::{Affixes, Settings};
use crate::jobs::scanners::NamedScanner;
use crate::mail::webhook::WebhookSender;
use crate::mail::{Mailer, SmtpSecurity, SmtpSettings};
use crate::model::{Actor, EmailAddress, Login, Role};
use crate::service::{MailMode, Service, StoreMark};
use crate::store::{RedbStore, Store, StoreError, StoreMeta};
use crate::vault::RootKey;

/// The root key's file in the data directory.
pub(super) const ROOT_KEY: &str = "root.key";
/// The local socket in the data directory.
pub(super) const SOCKET: &str = "mintmark.sock";

/// The directory for this user's data of a name.
pub(super) fn user_data(name: &str) -> Result<PathBuf> {
    let set = |variable| std::env::var_os(variable).filter(|value| !value.is_empty());
    let base = set("XDG_DATA_HOME").map(PathBuf::from);
    base.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".local/share")))
        .map(|base| base.join(name))
        .ok_or_else(|| environment("no data directory is known: give --data DIR"))
}

/// The data directory: flag (or `MINTMARK_DATA`), `STATE_DIRECTORY`, else the user's own.
pub(super) fn data_dir(flag: Option<&Path>) -> Result<PathBuf> {
    if let Some(dir) = flag {
        return Ok(dir.to_owned());
    }
    match std::env::var_os("STATE_DIRECTORY").filter(|value| !value.is_empty()) {
        Some(dir) => Ok(PathBuf::from(dir)),
        None => user_data("mintmark"),
    }
}

/// A fault of the store with the directory it is in and what to do.
pub(super) fn store_fault(dir: &Path, error: &StoreError) -> anyhow::Error {
    let shown = dir.display();
    environment(match error {
        StoreError::Missing => format!("there is no store in {shown}; make one with: mintmark init"),
        StoreError::Locked => format!("the store in {shown} is in use by another process"),
        StoreError::Exists => format!("there is a store in {shown} already; nothing was changed"),
        other => format!("the store in {shown}: {other}"),
    })
}

/// Makes the directory for its owner only; an existing one is taken when others cannot enter it.
pub(super) fn make_dir(dir: &Path) -> Result<()> {
    let refuse = |error: std::io::Error| environment(format!("{}: {error}", dir.display()));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(refuse)?;
    let mode = std::fs::metadata(dir).map_err(refuse)?.permissions().mode();
    // No bit of the group or of others.
    if mode.trailing_zeros() >= 6 {
        return Ok(());
    }
    let is_empty = std::fs::read_dir(dir).map_err(refuse)?.next().is_none();
    if !is_empty {
        let shown = dir.display();
        return Err(environment(format!("{shown} can be entered by others; run: chmod 700 {shown}")));
    }
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(refuse)
}

/// Makes a store with its root key.
pub(super) fn make_store(dir: &Path, mark: StoreMark) -> Result<()> {
    match RedbStore::open(dir) {
        Err(StoreError::Missing) => {}
        Ok(_) => return Err(store_fault(dir, &StoreError::Exists)),
        Err(error) => return Err(store_fault(dir, &error)),
    }
    make_dir(dir)?;
    let path = dir.join(ROOT_KEY);
    if path.exists() {
        let shown = path.display();
        return Err(environment(format!("{shown} is there without a store; move it to a safe place first")));
    }
    let root = RootKey::generate().map_err(|error| environment(error.to_string()))?;
    root.write_new(&path).map_err(|error| environment(error.to_string()))?;
    let store = RedbStore::create(dir).map_err(|error| store_fault(dir, &error))?;
    let made = Service::initialise(&store, &root, &SystemClock::new(), mark);
    store.close();
    made.map_err(|error| environment(error.to_string()))
}

/// What a store tells of itself without being unsealed.
pub(super) fn open_store(dir: &Path) -> Result<(Arc<RedbStore>, StoreMeta)> {
    let store = Arc::new(RedbStore::open(dir).map_err(|error| store_fault(dir, &error))?);
    let shared: &dyn Store = &*store;
    let meta = shared.read(|view| view.meta()).map_err(|error| store_fault(dir, &error))?;
    Ok((store, meta))
}

/// Opens the use cases over a store; a demonstration keeps its mails in the outbox.
pub(super) fn open_service(
    dir: &Path,
    store: Arc<RedbStore>,
    meta: &StoreMeta,
    smtp: bool,
) -> Result<Arc<Service>> {
    let root = RootKey::read(&dir.join(ROOT_KEY)).map_err(|error| environment(error.to_string()))?;
    let mail = match (meta.demo, smtp) {
        (true, _) => MailMode::Outbox,
        (false, true) => MailMode::Smtp,
        (false, false) => MailMode::None,
    };
    let service = Service::open(store, &root, Arc::new(SystemClock::new()), mail);
    Ok(Arc::new(service.map_err(|error| environment(error.to_string()))?))
}

/// Token models and who vouches for devices: what is compiled in, and what is in the data directory. What is wrong with a
/// file goes to the log.
pub(super) fn profiles(dir: &Path) -> Arc<Catalogue> {
    let catalogue = Catalogue::with_folder_of(dir);
    for problem in catalogue.problems() {
        tracing::warn!(file = problem.file(), "a token model is not used: {problem}");
    }
    for problem in catalogue.root_problems() {
        tracing::warn!(file = problem.file(), "a file of attestation roots is not used: {problem}");
    }
    Arc::new(catalogue)
}

/// The sender of mails, when a server is set.
pub(super) fn mailer(config: &Config) -> Result<Option<Mailer>> {
    let Some(smtp) = &config.smtp else { return Ok(None) };
    let mailer = Mailer::new(&smtp_settings(smtp)?).map_err(|error| environment(error.to_string()))?;
    Ok(Some(mailer))
}

/// The scanners of the settings.
pub(super) fn scanners(config: &Config) -> Vec<NamedScanner> {
    let named = |scanner: &ScannerConfig| NamedScanner {
        name: scanner.name.clone(),
        settings: Settings {
            path: scanner.path.clone(),
            baud: scanner.baud,
            affixes: Affixes {
                prefix: scanner.prefix.clone().into_bytes(),
                suffix: scanner.suffix.clone().into_bytes(),
            },
        },
    };
    config.scanners.iter().map(named).collect()
}

/// The sender of requests to webhooks.
pub(super) fn webhooks(config: &Config) -> Result<WebhookSender> {
    let pem =
        match &config.webhook_ca_file {
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                environment(format!("setting webhook_ca_file: {}: {error}", path.display()))
            })?),
            None => None,
        };
    WebhookSender::new(Arc::new(SystemClock::new()), pem.as_deref())
        .map_err(|error| environment(error.to_string()))
}

fn smtp_settings(smtp: &SmtpConfig) -> Result<SmtpSettings> {
    let credentials = match (&smtp.user, &smtp.password_file) {
        (Some(user), Some(file)) => Some((user.clone(), secrets::passphrase_file(file)?)),
        (None, None) => None,
        _ => return Err(environment("setting smtp: user and password_file go together")),
    };
    Ok(SmtpSettings {
        host: smtp.host.clone(),
        port: smtp.port(),
        security: match smtp.security {
            SmtpProtection::Tls => SmtpSecurity::Tls,
            SmtpProtection::StartTls => SmtpSecurity::StartTls,
            SmtpProtection::None => SmtpSecurity::None,
        },
        credentials,
        from: EmailAddress::parse(&smtp.from)
            .map_err(|error| environment(format!("setting smtp.from: {error}")))?,
    })
}

/// True when a directory is missing or holds nothing.
pub(super) fn is_empty(dir: &Path) -> Result<bool> {
    match std::fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(environment(format!("{}: {error}", dir.display()))),
    }
}

/// Adds an operator with a random password, which is returned.
pub(super) fn add_operator(service: &Service, login: &str, role: Role) -> Result<String> {
    let (shown, password) = secrets::random_password()?;
    let actor = Actor::local(rustix::process::getuid().as_raw());
    let login = Login::parse(login).map_err(|error| environment(error.to_string()))?;
    service
        .add_operator(&actor, &login, &password, role, None)
        .map_err(|error| environment(error.to_string()))?;
    Ok(shown)
}
