//! Long work on threads of its own: imports, the outbox, housekeeping.
//!
//! Results lie in the store; what waits in the queue here is lost with the process, and the next start
//! marks it as interrupted.

pub mod programming;
pub mod scanners;
pub mod station;
mod synchronised;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use self::scanners::Scanners;
use self::station::Station;
pub use self::synchronised::Synchronised;
use crate::mail::Mailer;
use crate::mail::webhook::{WebhookRequest, WebhookSender};
use crate::service::{ImportTask, MailMode, Service};

/// How often the outbox is looked at without being called.
const OUTBOX_PAUSE: Duration = Duration::from_secs(5);
/// How often old things are swept.
const SWEEP_PAUSE: Duration = Duration::from_mins(10);
/// How often webhook posts are looked for.
const NEWS_PAUSE: Duration = Duration::from_secs(2);
/// Rounds of that between two looks at stock.
const ROUNDS_BETWEEN_WATCHES: u32 = 150;
/// Webhook posts that are looked at in one go.
const POSTS_AT_ONCE: usize = 50;
/// Mails that are sent in one go.
const MAILS_AT_ONCE: usize = 20;

/// The workers. Dropping it lets the work under way finish.
#[derive(Debug)]
pub struct Jobs {
    imports: Mutex<Option<Sender<ImportTask>>>,
    wake_mailer: Mutex<Option<Sender<()>>>,
    stop_sweeper: Mutex<Option<Sender<()>>>,
    stop_news: Mutex<Option<Sender<()>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    station: OnceLock<Arc<Station>>,
    scanners: OnceLock<Arc<Scanners>>,
}

impl Jobs {
    /// Starts the workers. Without a mailer mails stay in the outbox.
    pub fn start(service: &Arc<Service>, mailer: Option<Mailer>) -> std::io::Result<Self> {
        let (imports, import_queue) = channel();
        let (wake_mailer, mail_calls) = channel();
        let (stop_sweeper, sweep_calls) = channel();
        let mut threads = Vec::new();
        let for_imports = Arc::clone(service);
        threads.push(spawn("import", move || run_imports(&for_imports, &import_queue))?);
        let for_sweeps = Arc::clone(service);
        threads.push(spawn("sweep", move || run_sweeps(&for_sweeps, &sweep_calls))?);
        if let Some(mailer) = mailer {
            let for_mail = Arc::clone(service);
            threads.push(spawn("mail", move || run_outbox(&for_mail, &mailer, &mail_calls))?);
            let wake = wake_mailer.clone();
            // The worker may have ended: then nobody needs to be called.
            service.on_mail(Box::new(move || {
                let _ = wake.send(());
            }));
        }
        Ok(Self {
            imports: Mutex::new(Some(imports)),
            wake_mailer: Mutex::new(Some(wake_mailer)),
            stop_sweeper: Mutex::new(Some(stop_sweeper)),
            stop_news: Mutex::new(None),
            threads: Mutex::new(threads),
            station: OnceLock::new(),
            scanners: OnceLock::new(),
        })
    }

    /// Starts the worker that watches what lasts and sends requests to webhooks: for a service, which
    /// stays. A command that opens the store for a moment leaves both to it.
    pub fn tell_news(&self, service: &Arc<Service>, sender: WebhookSender) -> std::io::Result<()> {
        let (stop, calls) = channel();
        let service = Arc::clone(service);
        let thread = spawn("news", move || run_news(&service, &sender, &calls))?;
        *self.stop_news.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// The readers of this machine: for a service, which stays. One that is set already stays.
    pub fn set_station(&self, station: Arc<Station>) {
        let _ = self.station.set(station);
    }

    /// The readers of this machine; `None`: nothing watches them here.
    pub fn station(&self) -> Option<&Arc<Station>> {
        self.station.get()
    }

    /// The scanners of this machine: for a service, which stays. Those that are set already stay.
    pub fn set_scanners(&self, scanners: Arc<Scanners>) {
        let _ = self.scanners.set(scanners);
    }

    /// The scanners of this machine; `None`: nobody listens to them here.
    pub fn scanners(&self) -> Option<&Arc<Scanners>> {
        self.scanners.get()
    }

    /// Ends the work with devices, each after the one that it has begun, and listens to no scanner any more.
    pub fn stop_readers(&self) {
        if let Some(scanners) = self.scanners.get() {
            scanners.stop();
        }
        if let Some(station) = self.station.get() {
            station.stop();
        }
    }

    /// Hands a file to the import worker. False: the program is ending.
    pub fn submit_import(&self, task: ImportTask) -> bool {
        let imports = self.imports.lock().unwrap_or_else(PoisonError::into_inner);
        imports.as_ref().is_some_and(|queue| queue.send(task).is_ok())
    }

    /// Lets the work under way finish and ends the workers.
    pub fn stop(&self, service: &Service) {
        self.stop_readers();
        drop(self.imports.lock().unwrap_or_else(PoisonError::into_inner).take());
        service.on_mail(Box::new(|| {}));
        drop(self.wake_mailer.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.stop_news.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.stop_sweeper.lock().unwrap_or_else(PoisonError::into_inner).take());
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a worker ended by a panic");
            }
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(work)
}

fn run_imports(service: &Service, queue: &Receiver<ImportTask>) {
    while let Ok(task) = queue.recv() {
        unless_it_panics(|| service.run_import(&task));
    }
}

/// A worker outlives one piece of work that panics: the next ones are done all the same.
fn unless_it_panics(work: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(work)).is_err() {
        tracing::error!("a piece of work ended by a panic, its worker goes on");
    }
}

fn run_sweeps(service: &Service, calls: &Receiver<()>) {
    while calls.recv_timeout(SWEEP_PAUSE) == Err(RecvTimeoutError::Timeout) {
        unless_it_panics(|| {
            if let Err(error) = service.sweep() {
                tracing::warn!(%error, "sweeping stopped, the next one tries again");
            }
        });
    }
}

fn run_outbox(service: &Service, mailer: &Mailer, calls: &Receiver<()>) {
    if service.mail_mode() != MailMode::Smtp {
        return;
    }
    loop {
        match calls.recv_timeout(OUTBOX_PAUSE) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        unless_it_panics(|| {
            if let Err(error) = empty_outbox(service, mailer) {
                tracing::warn!(%error, "the outbox could not be read");
            }
        });
    }
}

/// An error with its causes, short enough for a line of a page.
fn why(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

fn empty_outbox(service: &Service, mailer: &Mailer) -> Result<(), crate::service::ServiceError> {
    for open in service.due_mails(MAILS_AT_ONCE)? {
        let sent = mailer.send(&open.mail.to, &open.mail.subject, &open.text);
        if let Err(error) = &sent {
            tracing::warn!(mail.id = open.mail.id.0, %error, "a mail waits for another try");
        }
        service.mail_tried(open.mail.id, sent.map_err(|error| why(&error)))?;
    }
    Ok(())
}

fn run_news(service: &Service, sender: &WebhookSender, calls: &Receiver<()>) {
    let (mut round, mut had_fault) = (0_u32, false);
    loop {
        unless_it_panics(|| {
            if let Err(error) = service.look_at_clock() {
                tracing::warn!(%error, "the clock could not be looked at");
            }
            let fault =
                matches!(service.clock_fault(), Ok(Some(_))) || matches!(service.clock_doubt(), Ok(Some(_)));
            if round.is_multiple_of(ROUNDS_BETWEEN_WATCHES) || fault != had_fault {
                if let Err(error) = service.watch() {
                    tracing::warn!(%error, "stock and clock could not be looked at");
                }
                had_fault = fault;
            }
            if let Err(error) = send_posts(service, sender, calls) {
                tracing::warn!(%error, "webhook posts could not be read");
            }
        });
        round = round.wrapping_add(1);
        if calls.recv_timeout(NEWS_PAUSE) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

/// Sends what is due. A receiver that fails is left alone for this round, so that it holds up nobody.
fn send_posts(
    service: &Service,
    sender: &WebhookSender,
    calls: &Receiver<()>,
) -> Result<(), crate::service::ServiceError> {
    let mut failed = Vec::new();
    for post in service.due_posts(POSTS_AT_ONCE)? {
        if calls.try_recv() == Err(TryRecvError::Disconnected) {
            return Ok(());
        }
        if failed.contains(&post.subscription) {
            continue;
        }
        let sent = sender.send(&WebhookRequest {
            url: &post.url,
            message_id: &post.message_id,
            timestamp: service.now().secs(),
            body: &post.body,
            secret: &post.secret,
        });
        if let Err(error) = &sent {
            tracing::warn!(post.id = post.id.0, error = why(error), "a webhook post waits for another try");
            failed.push(post.subscription);
        }
        service.post_tried(post.id, sent.map_err(|error| why(&error)))?;
    }
    Ok(())
}
