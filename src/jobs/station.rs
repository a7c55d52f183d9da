//! The readers of this machine, live: what lies on each, what is done with it, and how it ended.
//!
//! One thread watches; each device that is put in gets a thread of its own until it is done, so readers work side by
//! side. Pages and streams read [`Station::now`] and wait in [`Station::changed`].

mod attest;
mod clock;
mod drawer;
mod orders;
mod redo;
mod run;
mod source;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::clock::{Clock, UnixTime};
use crate::device::Catalogue;
use crate::device::applet::token2::Models;
use crate::device::discover::Found;
use crate::device::transport::TransportError;
use crate::device::transport::pcsc::{Holds, Reader};
use crate::model::{Actor, RunId, RunItem, RunItemId, RunItemState};
use crate::service::Service;

pub use attest::GenerateKey;
pub use drawer::{BoxedDevice, Drawer};
pub use source::Source;

use orders::{Order, Orders};
use source::Leaves;

use super::programming::{Phase, Programmer, Refusal};
use super::scanners::Scanners;

/// How long a question to the readers lasts.
const WATCH: Duration = Duration::from_millis(500);
/// Between two tries while no reader service runs.
const PAUSE: Duration = Duration::from_secs(2);

/// What is done with what lies on a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Say what it is.
    Look,
    /// Write it, in this run.
    Program {
        /// The run.
        run: RunId,
        /// An earlier try with the device, which gets another secret.
        instead_of: Option<RunItemId>,
    },
    /// See what it holds of an item.
    Examine(RunItemId),
    /// Destroy what an item wrote.
    Wipe(RunItemId),
    /// Set its clock, and leave its secret where it is.
    SetClock {
        /// The token that was seen there, and no other.
        serial: String,
        /// Why, of a token that somebody has.
        reason: String,
    },
}

/// How it ended.
#[derive(Clone, Debug)]
pub enum End {
    /// The item as the journal has it now.
    Item(Box<RunItem>),
    /// Its clock was set.
    ClockSet {
        /// What it showed before less the time of this machine, in seconds.
        offset_secs: i64,
        /// From when on its codes pass.
        usable_from: UnixTime,
    },
    /// The device was not taken, or not read: a stable word, and what to do.
    Refused {
        /// Stable word.
        code: &'static str,
        /// For whoever stands there.
        detail: String,
    },
}

impl End {
    /// True when whoever stands there may take the device out and go on.
    pub fn is_good(&self) -> bool {
        match self {
            Self::Item(item) => item.state == RunItemState::Programmed,
            Self::ClockSet { .. } => true,
            Self::Refused { code, .. } => *code == "device_done",
        }
    }
}

/// A reader as pages show it.
#[derive(Clone, Debug, Default)]
pub struct ReaderNow {
    /// As the system calls it.
    pub name: String,
    /// Something lies in it.
    pub is_occupied: bool,
    /// What lies in it, once known.
    pub found: Option<Arc<Found>>,
    /// What its clock showed less the time of this machine, when it was read; in seconds.
    pub clock_offset_secs: Option<i64>,
    /// What is being done; `None`: nothing, it may be taken out.
    pub phase: Option<Phase>,
    /// The run that is programmed here.
    pub run: Option<RunId>,
    /// How it ended with what lies there.
    pub end: Option<End>,
    /// How long the work took, the device's own time included.
    pub took: Option<Duration>,
}

/// What is known of a reader beside what is shown.
#[derive(Debug, Default)]
struct Place {
    now: ReaderNow,
    /// Devices put in and taken out so far: another number is another device. Not known of a reader that is new, or whose
    /// service went.
    changes: Option<u16>,
    atr: Vec<u8>,
    /// Work goes on here, also when the device is gone.
    is_busy: bool,
    /// Who programs the run.
    actor: Option<Actor>,
    /// Something was put in while work went on.
    is_due: bool,
}

impl Place {
    fn take(&mut self, order: Order) {
        (self.now.run, self.actor) = order.map_or((None, None), |(run, actor)| (Some(run), Some(actor)));
    }
}

/// The device that work is begun for.
struct Seen {
    changes: Option<u16>,
    atr: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    places: BTreeMap<String, Place>,
    /// What readers are used for that are not there, too.
    orders: Orders,
    /// Why no readers are there, for whoever looks.
    trouble: Option<String>,
    /// Rises with each change.
    version: u64,
}

/// The readers of this machine, and what is done with what lies on them.
pub struct Station {
    service: Arc<Service>,
    clock: Arc<dyn Clock>,
    profiles: Arc<Catalogue>,
    models: Models,
    source: Source,
    /// Who is told of a device that nothing is done with.
    scanners: OnceLock<Arc<Scanners>>,
    state: Mutex<State>,
    moved: Condvar,
    stops: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl std::fmt::Debug for Station {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Station")
    }
}

impl Station {
    /// Watches the readers of a source from now on, until [`stop`](Self::stop).
    pub fn start(
        service: Arc<Service>,
        clock: Arc<dyn Clock>,
        profiles: Arc<Catalogue>,
        source: Source,
    ) -> std::io::Result<Arc<Self>> {
        let station = Arc::new(Self {
            service,
            clock,
            models: profiles.token2_models(),
            profiles,
            source,
            scanners: OnceLock::new(),
            state: Mutex::default(),
            moved: Condvar::new(),
            stops: AtomicBool::new(false),
            threads: Mutex::default(),
        });
        let watching = Arc::clone(&station);
        let thread = super::spawn("readers", move || watching.watch())?;
        station.threads().push(thread);
        Ok(station)
    }

    /// Lets the work under way finish.
    pub fn stop(&self) {
        self.stops.store(true, Ordering::Relaxed);
        self.moved.notify_all();
        let threads = std::mem::take(&mut *self.threads());
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("work on a reader ended by a panic");
            }
        }
    }

    /// True from [`stop`](Self::stop) on: whoever waits for news waits in vain.
    pub fn is_stopped(&self) -> bool {
        self.stops.load(Ordering::Relaxed)
    }

    /// The drawer of a rehearsal.
    pub fn drawer(&self) -> Option<&Arc<Drawer>> {
        match &self.source {
            Source::Drawer(drawer) => Some(drawer),
            Source::Pcsc => None,
        }
    }

    /// From now on a device that is laid on a reader and only looked at is told there, as a scan is.
    pub fn tell_of_chips(&self, scanners: Arc<Scanners>) {
        let _ = self.scanners.set(scanners);
    }

    /// All readers, and why there are none.
    pub fn now(&self) -> (u64, Vec<ReaderNow>, Option<String>) {
        let state = self.state();
        let readers = state.places.values().map(|place| place.now.clone()).collect();
        (state.version, readers, state.trouble.clone())
    }

    /// Waits until something is other than at this version, at most so long.
    pub fn changed(&self, since: u64, limit: Duration) -> u64 {
        let waits = |state: &mut State| state.version == since && !self.stops.load(Ordering::Relaxed);
        let waited = self.moved.wait_timeout_while(self.state(), limit, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0.version
    }

    /// The reader on which a device with this serial number lies.
    pub fn reader_of(&self, device: &str) -> Option<String> {
        let state = self.state();
        let lies = |place: &&Place| {
            place.now.is_occupied
                && place.now.found.as_ref().is_some_and(|found| found.serial.as_deref() == Some(device))
        };
        state.places.values().find(lies).map(|place| place.now.name.clone())
    }

    /// Does something once with what lies on a reader; false: nothing lies there, or work goes on.
    pub fn act(self: &Arc<Self>, reader: &str, work: Work, actor: &Actor) -> bool {
        let mut state = self.state();
        let Some(place) =
            state.places.get_mut(reader).filter(|place| place.now.is_occupied && !place.is_busy)
        else {
            return false;
        };
        self.begin(place, work, actor.clone());
        self.tell(&mut state);
        true
    }

    /// Work goes on at a reader.
    fn is_busy(&self, reader: &str) -> bool {
        self.state().places.get(reader).is_some_and(|place| place.is_busy)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn threads(&self) -> MutexGuard<'_, Vec<JoinHandle<()>>> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, state: &mut State) {
        state.version += 1;
        self.moved.notify_all();
    }

    fn watch(self: Arc<Self>) {
        let mut watcher = self.source.watcher();
        while !self.stops.load(Ordering::Relaxed) {
            match watcher.watch(WATCH) {
                Ok(readers) => self.seen(&readers),
                Err(error) => {
                    self.missing(&error.to_string());
                    let state = self.state();
                    drop(
                        self.moved.wait_timeout_while(state, PAUSE, |_| !self.stops.load(Ordering::Relaxed)),
                    );
                }
            }
            self.threads().retain(|thread| !thread.is_finished());
        }
    }

    /// The service of the readers is gone.
    fn missing(&self, why: &str) {
        let mut state = self.state();
        if state.trouble.as_deref() == Some(why) && state.places.is_empty() {
            return;
        }
        // Work under way ends by itself; until then nothing else begins on its reader.
        state.places.retain(|_, place| place.is_busy);
        for place in state.places.values_mut() {
            place.changes = None;
            place.now.is_occupied = false;
            place.now.found = None;
            place.now.clock_offset_secs = None;
            place.is_due = false;
        }
        state.trouble = Some(why.to_owned());
        self.tell(&mut state);
    }

    fn seen(self: &Arc<Self>, readers: &[Reader]) {
        let mut state = self.state();
        let mut moved = state.trouble.take().is_some();
        let before = state.places.len();
        state.places.retain(|name, place| place.is_busy || readers.iter().any(|reader| reader.name == *name));
        moved |= state.places.len() != before;
        for reader in readers {
            let State { places, orders, .. } = &mut *state;
            let is_new = !places.contains_key(&reader.name);
            let place = places.entry(reader.name.clone()).or_default();
            if place.changes == Some(reader.changes) {
                continue;
            }
            if is_new {
                place.take(orders.of(&reader.name));
            }
            moved = true;
            place.changes = Some(reader.changes);
            place.now.name.clone_from(&reader.name);
            place.now.found = None;
            place.now.clock_offset_secs = None;
            place.now.end = None;
            place.now.took = None;
            place.atr.clear();
            place.is_due = false;
            match &reader.holds {
                Holds::Nothing => place.now.is_occupied = false,
                Holds::Mute => {
                    place.now.is_occupied = true;
                    place.now.end = Some(End::Refused {
                        code: "mute",
                        detail: "it says nothing: turn it round, or press its button and lay it on again"
                            .to_owned(),
                    });
                }
                Holds::Card { atr, .. } => {
                    place.now.is_occupied = true;
                    place.atr.clone_from(atr);
                    place.is_due = true;
                }
            }
        }
        if moved {
            self.tell(&mut state);
        }
        self.begin_due(&mut state);
    }

    /// Begins what waits on readers where nothing is done.
    fn begin_due(self: &Arc<Self>, state: &mut State) {
        for place in state.places.values_mut().filter(|place| place.is_due && !place.is_busy) {
            place.is_due = false;
            let (work, actor) = match (place.now.run, &place.actor) {
                (Some(run), Some(actor)) => (Work::Program { run, instead_of: None }, actor.clone()),
                _ => (Work::Look, Actor::SYSTEM),
            };
            self.begin(place, work, actor);
        }
    }

    fn begin(self: &Arc<Self>, place: &mut Place, work: Work, actor: Actor) {
        if self.is_stopped() {
            return;
        }
        place.is_busy = true;
        place.now.phase = Some(Phase::Reading);
        place.now.end = None;
        let (station, name) = (Arc::clone(self), place.now.name.clone());
        let seen = Seen { changes: place.changes, atr: place.atr.clone() };
        match super::spawn("reader", move || station.work(&name, &seen, work, &actor)) {
            Ok(thread) => self.threads().push(thread),
            Err(error) => {
                place.is_busy = false;
                place.now.phase = None;
                place.now.end = Some(End::Refused { code: "unavailable", detail: error.to_string() });
            }
        }
    }

    /// Changes what is shown of a reader.
    fn show(&self, reader: &str, change: impl FnOnce(&mut ReaderNow)) {
        let mut state = self.state();
        if let Some(place) = state.places.get_mut(reader) {
            change(&mut place.now);
            self.tell(&mut state);
        }
    }

    fn work(self: &Arc<Self>, reader: &str, seen: &Seen, work: Work, actor: &Actor) {
        let begun = self.clock.monotonic();
        let serial = Mutex::new(None);
        let programs = matches!(work, Work::Program { .. });
        let looks = work == Work::Look;
        let done = catch_unwind(AssertUnwindSafe(|| self.worked(reader, seen, work, actor, &serial)));
        let end = match done {
            Ok(Ok(Ok(end))) => end,
            Ok(Ok(Err(Refusal { code, detail }))) => Some(End::Refused { code, detail }),
            Ok(Err(error)) => Some(End::Refused { code: "unreadable", detail: error.to_string() }),
            Err(_) => {
                tracing::error!("work on a reader ended by a panic");
                let detail = "something went wrong here; the log says more".to_owned();
                Some(End::Refused { code: "unexpected", detail })
            }
        };
        let serial = serial.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let (true, Some(End::Refused { .. }), Some(serial)) = (programs, &end, serial) {
            // Nobody works on it any more, whatever the journal could not be told.
            if let Err(error) = self.service.abandon(&serial, reader) {
                tracing::error!(%error, "a device may be in doubt and could not be noted");
            }
        }
        if let Some(End::Item(item)) = &end {
            self.leave_if_full(item);
        }
        let mut state = self.state();
        let mut laid = None;
        if let Some(place) = state.places.get_mut(reader) {
            place.is_busy = false;
            place.now.phase = None;
            if looks && end.is_none() && !place.is_due && place.now.run.is_none() {
                laid.clone_from(&place.now.found);
            }
            // What is said of a device that was exchanged meanwhile would be said of another one.
            if !place.is_due {
                place.now.took = end.as_ref().map(|_| self.clock.monotonic().saturating_sub(begun));
                place.now.end = end;
            }
        }
        // Before anybody sees that nothing is done any more.
        if let (Some(scanners), Some(found)) = (self.scanners.get(), laid) {
            scanners.laid(reader, found);
        }
        self.tell(&mut state);
        self.begin_due(&mut state);
    }

    /// The work itself.
    fn worked(
        &self,
        reader: &str,
        seen: &Seen,
        work: Work,
        actor: &Actor,
        serial: &Mutex<Option<String>>,
    ) -> Result<Result<Option<End>, Refusal>, TransportError> {
        let (profiles, models) = (&*self.profiles, &self.models);
        let programmer = Programmer {
            service: &self.service,
            clock: &*self.clock,
            profiles,
            models,
            synchronised: self.source.clock(),
            actor,
        };
        let mut see = |phase| self.show(reader, |now| now.phase = Some(phase));
        let item = |item: RunItem| Some(End::Item(Box::new(item)));
        let leaves = Cell::new(Leaves::AsItIs);
        self.source.with_device(reader, seen.changes, &leaves, &*self.clock, |transport| {
            let found = programmer.look(transport, &seen.atr)?;
            let offset_secs = found.clock.map(|shown| shown.secs_since(self.clock.now()));
            serial.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&found.serial);
            self.show(reader, |now| {
                now.found = Some(Arc::new(found.clone()));
                now.clock_offset_secs = offset_secs;
            });
            // One that was taken back is wiped wherever it is put in.
            let to_wipe = match &found.serial {
                Some(serial) => self.service.item_to_wipe(actor, serial)?,
                None => None,
            };
            if work != Work::Look || to_wipe.is_some() {
                leaves.set(Leaves::Reset);
            }
            match (work, to_wipe) {
                (Work::Look | Work::Program { .. }, Some(id)) | (Work::Wipe(id), _) => {
                    see(Phase::Writing);
                    programmer.wipe(id, transport).map(item)
                }
                (Work::Look, None) => Ok(None),
                (Work::Program { run, instead_of }, None) => {
                    let tried = programmer.program(run, reader, &found, transport, instead_of, &mut see)?;
                    if tried.state != RunItemState::Untouched {
                        // Its clock was set with its secret.
                        self.show(reader, |now| now.clock_offset_secs = None);
                    }
                    Ok(item(tried))
                }
                (Work::Examine(id), _) => programmer.examine(id, transport, &mut see).map(item),
                (Work::SetClock { serial, .. }, _) if found.serial.as_ref() != Some(&serial) => {
                    Err(clock::other_device(&serial))
                }
                (Work::SetClock { reason, .. }, _) => {
                    let set = programmer.set_clock(&found, offset_secs, &reason, transport, &mut see)?;
                    // It was read again, and is right.
                    self.show(reader, |now| now.clock_offset_secs = Some(0));
                    Ok(Some(End::ClockSet { offset_secs: set.offset_secs, usable_from: set.usable_from }))
                }
            }
        })
    }

    /// What is shown of an item that was settled in another way, by a code or a person.
    pub fn settled(&self, item: &RunItem) {
        self.leave_if_full(item);
        let mut state = self.state();
        for place in state.places.values_mut() {
            if let Some(End::Item(shown)) = &mut place.now.end
                && shown.id == item.id
            {
                **shown = item.clone();
            }
        }
        self.tell(&mut state);
    }
}
