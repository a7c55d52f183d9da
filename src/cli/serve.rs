//! `serve`: the service with its listeners.

use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::home;
use super::output::{Outcome, Output, environment, usage};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Flags, Protection};
use crate::http::serve::{SOCKET_PATH_BYTES, Stop, bind_socket, serve_socket, serve_tcp, serve_tls};
use crate::http::tls::{self, Tls, TlsError, TlsFiles};
use crate::http::{AppState, Exposure, HttpSettings, router};
use crate::jobs::Jobs;
use crate::jobs::scanners::Scanners;
use crate::jobs::station::{Drawer, Source, Station};
use crate::model::Role;
use crate::service::{Service, StoreMark};

/// How long requests under way may take after a stop.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

/// How often the files of the certificate are looked at.
const CERTIFICATE_PAUSE: Duration = Duration::from_secs(20);

/// Starts the service
#[derive(Args, Debug)]
pub(super) struct ServeArgs {
    /// Address of console, station, API and portal [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Further address that shows the portal alone
    #[arg(long, value_name = "ADDR")]
    portal_listen: Option<String>,
    /// Address that people type, without a path
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Certificate (PEM, with those between it and its authority): the listeners speak TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// The listeners speak TLS with a certificate that is made here and kept in the data directory
    #[arg(long, conflicts_with_all = ["tls_cert", "behind_proxy"])]
    tls_self_signed: bool,
    /// A proxy in front of this service speaks TLS
    #[arg(long, conflicts_with = "tls_cert")]
    behind_proxy: bool,
    /// Port of a scanner in serial mode, and its speed where it has one; may be given for each scanner
    #[arg(long = "scanner", value_name = "PATH[,BAUD]")]
    scanners: Vec<String>,
    /// Work on a rehearsal store, which is made in an empty data directory
    #[arg(long)]
    simulate: bool,
}

/// Runs the command; returns after the stop.
pub(super) fn run(args: &ServeArgs, dir: &Path, out: &mut Output) -> Result<Outcome> {
    let flags = Flags {
        listen: args.listen.clone(),
        portal_listen: args.portal_listen.clone(),
        public_url: args.public_url.clone(),
        tls_cert: args.tls_cert.clone(),
        tls_key: args.tls_key.clone(),
        tls_self_signed: args.tls_self_signed,
        behind_proxy: args.behind_proxy,
        scanners: args.scanners.clone(),
    };
    let config = load(dir, &flags)?;
    check_exposure(&config, args.simulate)?;
    check_socket(dir)?;
    if args.simulate && home::is_empty(dir)? {
        home::make_store(dir, StoreMark { demo: false, simulated: true })?;
        out.note(format_args!("a rehearsal store was made in {}", dir.display()));
    }
    let (store, meta) = home::open_store(dir)?;
    if args.simulate != meta.simulated {
        return Err(environment(if args.simulate {
            "--simulate takes a rehearsal store only, and this is another one"
        } else {
            "this is a rehearsal store; start it with --simulate"
        }));
    }
    if meta.demo {
        return Err(environment("this is a demonstration store; start it with: mintmark demo"));
    }
    let service = home::open_service(dir, store, &meta, config.smtp.is_some())?;
    if meta.simulated && service.has_no_operator().unwrap_or(false) {
        let password = home::add_operator(&service, "admin", Role::Admin)?;
        out.note(format_args!("operator admin, password {password}"));
    } else if service.has_no_operator().unwrap_or(false) {
        out.note("nobody can sign in yet; add an operator: mintmark operator add LOGIN --role admin");
    }
    serve(dir, &config, &service, out, |_| Ok(()))
}

/// Settings, and the log that they ask for.
pub(super) fn load(dir: &Path, flags: &Flags) -> Result<Config> {
    let config = Config::load(dir, flags, |name| std::env::var(name).ok());
    let config = config.map_err(|error| environment(error.to_string()))?;
    let filter = if config.log.is_empty() { "info" } else { &config.log };
    crate::telemetry::start(filter).map_err(|error| environment(format!("setting log: {error}")))?;
    Ok(config)
}

/// Refuses what would be reachable from elsewhere without being encrypted.
pub(super) fn check_exposure(config: &Config, simulate: bool) -> Result<()> {
    let behind_proxy = config.protection == Protection::Proxy;
    if behind_proxy && (config.public_url.is_none() || config.trusted_proxies.is_empty()) {
        return Err(usage("--behind-proxy needs the settings public_url and trusted_proxies"));
    }
    let url = config.public_url.as_deref();
    if config.protection.is_secure() && url.is_some_and(|url| !url.starts_with("https://")) {
        return Err(usage("browsers come over TLS, so the setting public_url begins with https://"));
    }
    for address in std::iter::once(config.listen).chain(config.portal_listen) {
        if address.ip().is_loopback() {
            continue;
        }
        if simulate {
            return Err(usage("a rehearsal store is served on a loopback address only"));
        }
        if !config.protection.is_secure() {
            return Err(usage(format!(
                "{address} can be reached from other machines and nothing would be encrypted; listen on \
                 127.0.0.1, give --tls-cert and --tls-key or --tls-self-signed, or put a proxy with TLS in \
                 front and give --behind-proxy"
            )));
        }
        if address.ip().is_unspecified() && url.is_none() {
            return Err(usage(format!(
                "{address} stands for all addresses of this machine: set public_url to the one that people type"
            )));
        }
    }
    Ok(())
}

/// The socket's path must fit into what the system can bind.
pub(super) fn check_socket(dir: &Path) -> Result<()> {
    let path = dir.join(home::SOCKET);
    let bytes = path.as_os_str().as_bytes().len();
    if bytes > SOCKET_PATH_BYTES {
        return Err(environment(format!(
            "the path {} has {bytes} bytes, sockets allow {SOCKET_PATH_BYTES}: use a shorter data directory",
            path.display()
        )));
    }
    Ok(())
}

/// The scheme of addresses of this listener itself, and the port that it leaves out.
fn scheme(config: &Config) -> (&'static str, u16) {
    match config.protection {
        Protection::Files { .. } | Protection::SelfSigned => ("https", 443),
        Protection::None | Protection::Proxy => ("http", 80),
    }
}

fn settings(config: &Config, own: SocketAddr, exposure: Exposure) -> HttpSettings {
    let secure = config.protection.is_secure();
    let (scheme, usual_port) = scheme(config);
    let public_url = config.public_url.clone().unwrap_or_else(|| format!("{scheme}://{own}"));
    let mut allowed_hosts = config.allowed_hosts.clone();
    allowed_hosts.extend(public_url.split_once("://").map(|(_, host)| host.to_owned()));
    let mut names = vec![match own {
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    }];
    if own.ip().is_loopback() {
        names.push("localhost".to_owned());
    }
    for name in names {
        allowed_hosts.push(format!("{name}:{}", own.port()));
        if own.port() == usual_port {
            allowed_hosts.push(name);
        }
    }
    HttpSettings {
        public_url,
        allowed_hosts,
        trusted_proxies: config.trusted_proxies.clone(),
        secure,
        exposure,
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr)> {
    let refuse = |error: std::io::Error| environment(format!("{address}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(refuse)?;
    let own = listener.local_addr().map_err(refuse)?;
    Ok((listener, own))
}

fn spawn_listener(listener: TcpListener, router: axum::Router, stopped: &Stop, tls: Option<&Arc<Tls>>) {
    match tls {
        Some(tls) => tokio::spawn(serve_tls(listener, router, stopped.clone(), Arc::clone(tls))),
        None => tokio::spawn(serve_tcp(listener, router, stopped.clone())),
    };
}

/// The names that a certificate of our own is made for.
fn own_names(config: &Config) -> Vec<String> {
    let host = |authority: &str| {
        let bare = authority.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()));
        let host = bare.map_or(authority, |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']').to_owned()
    };
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let url = config.public_url.as_deref().and_then(|url| url.split_once("://"));
    names.extend(url.map(|(_, authority)| host(authority)));
    names.extend(config.allowed_hosts.iter().map(|authority| host(authority)));
    let addresses = std::iter::once(config.listen).chain(config.portal_listen).map(|address| address.ip());
    names.extend(addresses.filter(|ip| !ip.is_unspecified()).map(|ip| ip.to_string()));
    names.sort_unstable();
    names.dedup();
    names
}

fn unusable(error: &TlsError) -> anyhow::Error {
    environment(format!("TLS: {error}"))
}

/// The certificate of the listeners, made when it has to be; its fingerprint is printed.
fn open_tls(dir: &Path, config: &Config, out: &mut Output) -> Result<Option<Arc<Tls>>> {
    let files = match &config.protection {
        Protection::None | Protection::Proxy => return Ok(None),
        Protection::Files { certificate, key } => {
            TlsFiles { certificate: certificate.clone(), key: key.clone() }
        }
        Protection::SelfSigned => {
            let now = SystemClock::new().now();
            tls::self_signed(dir, &own_names(config), now).map_err(|error| unusable(&error))?
        }
    };
    let tls = Tls::open(files.clone()).map_err(|error| unusable(&error))?;
    let facts = tls::facts(&files).map_err(|error| unusable(&error))?;
    let until = facts.until.map_or_else(|| "unknown".to_owned(), |until| until.to_string());
    out.line(format_args!("Certificate until {until}, SHA-256 {}", facts.fingerprint))?;
    Ok(Some(Arc::new(tls)))
}

/// Reads the certificate again on a hang-up signal and when its files change; makes our own again in time.
async fn keep_certificate(
    tls: Arc<Tls>,
    renew: Option<(PathBuf, Vec<String>)>,
    mut hangup: tokio::signal::unix::Signal,
    mut stopped: Stop,
) {
    loop {
        let in_any_case = tokio::select! {
            signal = hangup.recv() => signal.is_some(),
            () = tokio::time::sleep(CERTIFICATE_PAUSE) => false,
            _ = stopped.changed() => return,
        };
        let (tls, renew) = (Arc::clone(&tls), renew.clone());
        let looked = tokio::task::spawn_blocking(move || {
            if let Some((dir, names)) = renew
                && let Err(error) = tls::self_signed(&dir, &names, SystemClock::new().now())
            {
                tracing::error!(%error, "the certificate could not be made again");
            }
            tls.reload(in_any_case);
        });
        if looked.await.is_err() {
            tracing::error!("looking at the certificate ended by a panic");
        }
    }
}

/// Serves until the process is told to stop. `ready` is called with the address once all listeners are bound.
pub(super) fn serve(
    dir: &Path,
    config: &Config,
    service: &Arc<Service>,
    out: &mut Output,
    ready: impl FnOnce(&mut Output) -> Result<()>,
) -> Result<Outcome> {
    let jobs = Arc::new(Jobs::start(service, home::mailer(config)?)?);
    jobs.tell_news(service, home::webhooks(config)?)?;
    let scanners = Scanners::start(Arc::new(SystemClock::new()), home::scanners(config))?;
    let station = station(dir, service)?;
    station.tell_of_chips(Arc::clone(&scanners));
    jobs.set_scanners(scanners);
    jobs.set_station(station);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(listen(dir, config, (service, &jobs), out, ready));
    runtime.shutdown_timeout(Duration::from_secs(1));
    jobs.stop(service);
    service.close();
    served
}

/// The readers of this machine. A store that is no real one gets simulated devices: no real one is written for a trial.
fn station(dir: &Path, service: &Arc<Service>) -> Result<Arc<Station>> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let meta = service.meta();
    let source = if meta.demo || meta.simulated {
        // Other serial numbers at each start: simulated devices forget what was written to them.
        let minutes = clock.now().secs().rem_euclid(80_000 * 60) / 60;
        let first = u32::try_from(minutes).unwrap_or_default() * 100 + 30_000_001;
        Source::Drawer(Arc::new(Drawer::furnished(&clock, first)))
    } else {
        Source::Pcsc
    };
    Ok(Station::start(Arc::clone(service), clock, home::profiles(dir), source)?)
}

async fn listen(
    dir: &Path,
    config: &Config,
    (service, jobs): (&Arc<Service>, &Arc<Jobs>),
    out: &mut Output,
    ready: impl FnOnce(&mut Output) -> Result<()>,
) -> Result<Outcome> {
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Taken without TLS, too: `systemctl reload` must not end a service that has no certificate to read again.
    let hangup = signal(SignalKind::hangup())?;
    let profiles = home::profiles(dir);
    let build = |settings| {
        let (service, jobs, profiles) = (Arc::clone(service), Arc::clone(jobs), Arc::clone(&profiles));
        router(AppState::with_profiles(service, jobs, settings, profiles))
    };

    let path = dir.join(home::SOCKET);
    let tls = open_tls(dir, config, out)?;
    let (scheme, _) = scheme(config);
    let (listener, own) = bind(config.listen).await?;
    let everything = build(settings(config, own, Exposure::Everything));
    let portal = match config.portal_listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let socket = bind_socket(&path).map_err(|error| environment(format!("{}: {error}", path.display())))?;
    spawn_listener(listener, everything.clone(), &stopped, tls.as_ref());
    tokio::spawn(serve_socket(socket, everything, stopped.clone()));
    out.line(format_args!("Mintmark listens on {scheme}://{own}"))?;
    if let Some((listener, own)) = portal {
        let shown = build(settings(config, own, Exposure::PortalOnly));
        spawn_listener(listener, shown, &stopped, tls.as_ref());
        out.line(format_args!("The portal alone listens on {scheme}://{own}"))?;
    }
    if let Some(tls) = tls {
        let renew =
            (config.protection == Protection::SelfSigned).then(|| (dir.to_owned(), own_names(config)));
        tokio::spawn(keep_certificate(tls, renew, hangup, stopped.clone()));
    }
    drop(stopped);
    ready(out)?;

    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    // Gone first, so that no command takes a service that ends for a running one.
    let _ = std::fs::remove_file(&path);
    let _ = stop.send(true);
    // A device that is being written is finished; streams about readers end with it.
    let readers = Arc::clone(jobs);
    if tokio::task::spawn_blocking(move || readers.stop_readers()).await.is_err() {
        tracing::error!("stopping the work on readers ended by a panic");
    }
    // Every listener and connection holds a receiver until it has ended.
    if tokio::time::timeout(STOP_PATIENCE, stop.closed()).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
    Ok(Outcome::Done)
}
