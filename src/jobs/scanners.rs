//! What is scanned at this workstation, live: codes that scanners in serial mode read, and devices that are laid on a
//! reader. Pages and programs read it; one page acts on it, once.
//!
//! One thread for each scanner. A scan is kept for a moment in memory and nowhere else; one that holds a seed is not kept
//! at all.

use std::collections::{BTreeMap, VecDeque};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::Clock;
use crate::device::discover::Found;
use crate::device::scanner::{Content, Event, Label, Settings, Unreadable, listen, read};

/// What comes so soon behind a seed belongs to it.
const REST_OF_SECRET: Duration = Duration::from_secs(1);
/// Scans that are kept.
const KEPT: usize = 64;
/// How long after a scan a page may act on it: whoever comes later has looked away.
const FRESH: Duration = Duration::from_secs(10);

/// A scanner to listen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedScanner {
    /// As people call it; no two alike.
    pub name: String,
    /// Its port.
    pub settings: Settings,
}

/// A scanner as pages show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScannerNow {
    /// As people call it.
    pub name: String,
    /// Its port.
    pub path: String,
    /// Its port is open.
    pub is_connected: bool,
    /// Why it is not, and what to do.
    pub trouble: Option<String>,
}

/// Where something was scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A scanner of this name.
    Scanner(String),
    /// A reader of this name.
    Reader(String),
}

impl Source {
    /// The kind in JSON.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Scanner(_) => "scanner",
            Self::Reader(_) => "reader",
        }
    }

    /// As people or the system call it.
    pub fn name(&self) -> &str {
        match self {
            Self::Scanner(name) | Self::Reader(name) => name,
        }
    }
}

/// What was scanned.
#[derive(Clone, Debug)]
pub enum Said {
    /// A code, as it was read; never a seed.
    Text(String),
    /// A device with this serial number.
    Chip {
        /// As the device says it.
        serial: String,
        /// What it is.
        found: Arc<Found>,
    },
    /// Nothing that can be looked up: why, and what to do.
    Refused(String),
}

/// A scan.
#[derive(Clone, Debug)]
pub struct Scanned {
    /// Its number: each is higher than the one before.
    pub n: u64,
    /// Where.
    pub source: Source,
    /// What.
    pub said: Said,
}

impl Scanned {
    /// What a field is filled with.
    pub fn text(&self) -> Option<&str> {
        match &self.said {
            Said::Text(text) => Some(text),
            Said::Chip { serial, .. } => Some(serial),
            Said::Refused(_) => None,
        }
    }

    /// The serial numbers that it names one by one.
    pub fn serials(&self) -> Vec<String> {
        match &self.said {
            Said::Text(text) => match read(text).map(|reading| reading.content) {
                Ok(Content::Serial(serial) | Content::Label(Label { serial: Some(serial), .. })) => {
                    vec![serial]
                }
                Ok(Content::List(serials)) => serials,
                _ => Vec::new(),
            },
            Said::Chip { serial, .. } => vec![serial.clone()],
            Said::Refused(_) => Vec::new(),
        }
    }
}

/// Why nobody may act on a scan any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotTaken {
    /// There was none of this number, or long ago.
    Unknown,
    /// Another page acts on it.
    Taken,
    /// It lies too far back.
    Old,
}

#[derive(Debug)]
struct Kept {
    scanned: Scanned,
    at: Duration,
    is_taken: bool,
}

#[derive(Debug, Default)]
struct State {
    scanners: Vec<ScannerNow>,
    kept: VecDeque<Kept>,
    last: u64,
    /// When each scanner last read a seed.
    secrets: BTreeMap<String, Duration>,
    /// Rises with each change.
    version: u64,
    stops: bool,
}

/// The scanners of this machine, and what was scanned.
pub struct Scanners {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    moved: Condvar,
    /// Dropping them ends the threads.
    running: Mutex<Vec<(Sender<()>, JoinHandle<()>)>>,
}

impl std::fmt::Debug for Scanners {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scanners")
    }
}

impl Scanners {
    /// Listens to these scanners from now on, until [`stop`](Self::stop).
    pub fn start(clock: Arc<dyn Clock>, scanners: Vec<NamedScanner>) -> std::io::Result<Arc<Self>> {
        let now = scanners.iter().map(|scanner| ScannerNow {
            name: scanner.name.clone(),
            path: scanner.settings.path.display().to_string(),
            is_connected: false,
            trouble: None,
        });
        let state = State { scanners: now.collect(), ..State::default() };
        let all = Arc::new(Self {
            clock,
            state: Mutex::new(state),
            moved: Condvar::new(),
            running: Mutex::default(),
        });
        for scanner in scanners {
            let (stop, stopped) = channel();
            let told = Arc::clone(&all);
            let thread = super::spawn("scanner", move || {
                listen(&scanner.settings, &stopped, &mut |event| told.happened(&scanner.name, event));
            })?;
            all.running().push((stop, thread));
        }
        Ok(all)
    }

    /// Closes the ports.
    pub fn stop(&self) {
        self.state().stops = true;
        self.moved.notify_all();
        let (stops, threads): (Vec<_>, Vec<_>) = std::mem::take(&mut *self.running()).into_iter().unzip();
        drop(stops);
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("listening to a scanner ended by a panic");
            }
        }
    }

    /// True from [`stop`](Self::stop) on: whoever waits for news waits in vain.
    pub fn is_stopped(&self) -> bool {
        self.state().stops
    }

    /// The scanners of the settings, in their order.
    pub fn now(&self) -> (u64, Vec<ScannerNow>) {
        let state = self.state();
        (state.version, state.scanners.clone())
    }

    /// Waits until something is other than at this version, at most so long.
    pub fn changed(&self, since: u64, limit: Duration) -> u64 {
        let waits = |state: &mut State| state.version == since && !state.stops;
        let waited = self.moved.wait_timeout_while(self.state(), limit, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0.version
    }

    /// The number of the newest scan; 0: there was none.
    pub fn last(&self) -> u64 {
        self.state().last
    }

    /// The scans behind this number that are still kept, oldest first.
    pub fn since(&self, n: u64) -> Vec<Scanned> {
        let state = self.state();
        state.kept.iter().filter(|kept| kept.scanned.n > n).map(|kept| kept.scanned.clone()).collect()
    }

    /// The scan of this number.
    pub fn get(&self, n: u64) -> Option<Scanned> {
        self.state().kept.iter().find(|kept| kept.scanned.n == n).map(|kept| kept.scanned.clone())
    }

    /// Takes a scan, to act on it: the first who asks gets it.
    ///
    /// # Errors
    /// [`NotTaken`]: nobody may act on it any more.
    pub fn take(&self, n: u64) -> Result<Scanned, NotTaken> {
        let now = self.clock.monotonic();
        let mut state = self.state();
        let kept = state.kept.iter_mut().find(|kept| kept.scanned.n == n).ok_or(NotTaken::Unknown)?;
        if kept.is_taken {
            return Err(NotTaken::Taken);
        }
        if now.saturating_sub(kept.at) > FRESH {
            return Err(NotTaken::Old);
        }
        kept.is_taken = true;
        Ok(kept.scanned.clone())
    }

    /// A device was laid on a reader, and nothing is done with it.
    pub fn laid(&self, reader: &str, found: Arc<Found>) {
        let said = match &found.serial {
            Some(serial) => Said::Chip { serial: serial.clone(), found },
            None => Said::Refused(match found.remarks.first() {
                Some(remark) => remark.to_string(),
                None => "it says no number: type the one that is printed on it".to_owned(),
            }),
        };
        self.add(Source::Reader(reader.to_owned()), said);
    }

    fn happened(&self, scanner: &str, event: Event) {
        match event {
            Event::Connected => self.show(scanner, None),
            Event::Trouble(trouble) => {
                tracing::warn!(scanner, %trouble, "a scanner cannot be used");
                self.show(scanner, Some(trouble.to_string()));
            }
            Event::Scanned(scan) => {
                let read = read(scan.text()).map(drop);
                let now = self.clock.monotonic();
                // Where a scanner halts in the middle of a seed, what follows is the rest of it.
                let follows = {
                    let mut state = self.state();
                    let before = state.secrets.get(scanner).copied();
                    if read == Err(Unreadable::Secret) {
                        state.secrets.insert(scanner.to_owned(), now);
                    }
                    before.is_some_and(|at| now.saturating_sub(at) < REST_OF_SECRET)
                };
                let said = match read {
                    // A seed is refused here, before it is kept anywhere.
                    Err(unreadable) => Said::Refused(unreadable.to_string()),
                    Ok(()) if follows => Said::Refused(Unreadable::Secret.to_string()),
                    Ok(()) => Said::Text(scan.text().to_owned()),
                };
                self.add(Source::Scanner(scanner.to_owned()), said);
            }
            Event::Dropped(dropped) => {
                tracing::warn!(scanner, %dropped, "a scan was dropped");
                self.add(Source::Scanner(scanner.to_owned()), Said::Refused(dropped.to_string()));
            }
        }
    }

    fn show(&self, scanner: &str, trouble: Option<String>) {
        let mut state = self.state();
        if let Some(now) = state.scanners.iter_mut().find(|now| now.name == scanner) {
            now.is_connected = trouble.is_none();
            now.trouble = trouble;
        }
        self.tell(&mut state);
    }

    fn add(&self, source: Source, said: Said) {
        let at = self.clock.monotonic();
        let mut state = self.state();
        state.last += 1;
        let scanned = Scanned { n: state.last, source, said };
        if state.kept.len() == KEPT {
            state.kept.pop_front();
        }
        state.kept.push_back(Kept { scanned, at, is_taken: false });
        self.tell(&mut state);
    }

    fn tell(&self, state: &mut State) {
        state.version += 1;
        self.moved.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, Vec<(Sender<()>, JoinHandle<()>)>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
