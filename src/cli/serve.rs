//! `serve`: the service with its listeners.

use std::net::SocketAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::home;
use super::output::{Outcome, Output, environment, usage};
use crate::config::{Config, Flags};
use crate::http::serve::{SOCKET_PATH_BYTES, bind_socket, serve_socket, serve_tcp};
use crate::http::{AppState, Exposure, HttpSettings, router};
use crate::jobs::Jobs;
use crate::model::Role;
use crate::service::{Service, StoreMark};

/// How long requests under way may take after a stop.
const STOP_PATIENCE: Duration = Duration::from_secs(10);

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
    /// A proxy in front of this service speaks TLS
    #[arg(long)]
    behind_proxy: bool,
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
    };
    let config = load(dir, &flags)?;
    check_exposure(&config, args.behind_proxy, args.simulate)?;
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
    serve(dir, &config, args.behind_proxy, &service, out, |_| Ok(()))
}

/// Settings, and the log that they ask for.
pub(super) fn load(dir: &Path, flags: &Flags) -> Result<Config> {
    let config = Config::load(dir, flags, |name| std::env::var(name).ok());
    let config = config.map_err(|error| environment(error.to_string()))?;
    let filter = if config.log.is_empty() { "info" } else { &config.log };
    crate::telemetry::start(filter).map_err(|error| environment(format!("setting log: {error}")))?;
    Ok(config)
}

fn check_exposure(config: &Config, behind_proxy: bool, simulate: bool) -> Result<()> {
    if behind_proxy && (config.public_url.is_none() || config.trusted_proxies.is_empty()) {
        return Err(usage("--behind-proxy needs the settings public_url and trusted_proxies"));
    }
    for address in std::iter::once(config.listen).chain(config.portal_listen) {
        if address.ip().is_loopback() {
            continue;
        }
        if simulate {
            return Err(usage("a rehearsal store is served on a loopback address only"));
        }
        if !behind_proxy {
            return Err(usage(format!(
                "{address} can be reached from other machines and nothing would be encrypted; \
                 listen on 127.0.0.1, or put a proxy with TLS in front and give --behind-proxy"
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

fn settings(config: &Config, own: SocketAddr, secure: bool, exposure: Exposure) -> HttpSettings {
    let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{own}"));
    let mut allowed_hosts = config.allowed_hosts.clone();
    allowed_hosts.extend(public_url.split_once("://").map(|(_, host)| host.to_owned()));
    allowed_hosts.push(own.to_string());
    if own.ip().is_loopback() {
        allowed_hosts.push(format!("localhost:{}", own.port()));
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

/// Serves until the process is told to stop. `ready` is called with the address once all listeners are bound.
pub(super) fn serve(
    dir: &Path,
    config: &Config,
    behind_proxy: bool,
    service: &Arc<Service>,
    out: &mut Output,
    ready: impl FnOnce(&mut Output) -> Result<()>,
) -> Result<Outcome> {
    let jobs = Arc::new(Jobs::start(service, home::mailer(config)?)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let served = runtime.block_on(listen(dir, config, behind_proxy, (service, &jobs), out, ready));
    runtime.shutdown_timeout(Duration::from_secs(1));
    jobs.stop(service);
    service.close();
    served
}

async fn listen(
    dir: &Path,
    config: &Config,
    behind_proxy: bool,
    (service, jobs): (&Arc<Service>, &Arc<Jobs>),
    out: &mut Output,
    ready: impl FnOnce(&mut Output) -> Result<()>,
) -> Result<Outcome> {
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let build = |settings| router(AppState::new(Arc::clone(service), Arc::clone(jobs), settings));

    let path = dir.join(home::SOCKET);
    let (listener, own) = bind(config.listen).await?;
    let everything = build(settings(config, own, behind_proxy, Exposure::Everything));
    let portal = match config.portal_listen {
        Some(address) => Some(bind(address).await?),
        None => None,
    };
    let socket = bind_socket(&path).map_err(|error| environment(format!("{}: {error}", path.display())))?;
    tokio::spawn(serve_tcp(listener, everything.clone(), stopped.clone()));
    tokio::spawn(serve_socket(socket, everything, stopped.clone()));
    out.line(format_args!("Mintmark listens on http://{own}"))?;
    if let Some((listener, own)) = portal {
        let shown = build(settings(config, own, behind_proxy, Exposure::PortalOnly));
        tokio::spawn(serve_tcp(listener, shown, stopped.clone()));
        out.line(format_args!("The portal alone listens on http://{own}"))?;
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
    // Every listener and connection holds a receiver until it has ended.
    if tokio::time::timeout(STOP_PATIENCE, stop.closed()).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
    Ok(Outcome::Done)
}
