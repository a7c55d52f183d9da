//! A store on disk, the service over it, and the station over the machine's readers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mintmark::clock::{Clock, SystemClock, UnixTime};
use mintmark::device::Catalogue;
use mintmark::jobs::station::{End, ReaderNow, Source, Station};
use mintmark::model::{Actor, ProgrammingRun, RunId, RunItem, RunItemState, TokenSerial};
use mintmark::oath::Otp;
use mintmark::service::{
    CheckResult, ItemProof, MailMode, NewRun, ProofOutcome, ProvedBy, Service, StoreMark,
};
use mintmark::store::{RedbStore, Store};
use mintmark::vault::RootKey;
use tempfile::TempDir;

/// Longer than anything takes on a machine that is busy with other tests.
pub(super) const LIMIT: Duration = Duration::from_mins(1);

/// The time of this machine, which can be put ahead.
pub(super) struct Ahead {
    clock: SystemClock,
    secs: AtomicU64,
}

impl Ahead {
    fn lead(&self) -> Duration {
        Duration::from_secs(self.secs.load(Ordering::Relaxed))
    }

    pub(super) fn advance(&self, secs: u64) {
        self.secs.fetch_add(secs, Ordering::Relaxed);
    }
}

impl Clock for Ahead {
    fn now(&self) -> UnixTime {
        let lead = i64::try_from(self.lead().as_secs()).expect("seconds");
        self.clock.now().plus_secs(lead)
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic() + self.lead()
    }
}

pub(super) struct Desk {
    pub(super) station: Arc<Station>,
    pub(super) service: Arc<Service>,
    pub(super) clock: Arc<Ahead>,
    pub(super) actor: Actor,
    _folder: TempDir,
}

impl Desk {
    pub(super) fn open() -> Self {
        let folder = TempDir::new().expect("a folder");
        let store: Arc<dyn Store> = Arc::new(RedbStore::create(folder.path()).expect("a store on disk"));
        let root = RootKey::generate().expect("random");
        let clock = Arc::new(Ahead { clock: SystemClock::new(), secs: AtomicU64::new(0) });
        Service::initialise(&*store, &root, &*clock, StoreMark::default()).expect("a new store");
        let service = Service::open(store, &root, clock.clone(), MailMode::None).expect("opens");
        let service = Arc::new(service);
        let station = Station::start(
            Arc::clone(&service),
            clock.clone(),
            Arc::new(Catalogue::built_in()),
            Source::Pcsc,
        );
        let station = station.expect("started");
        Self { station, service, clock, actor: Actor::local(1000), _folder: folder }
    }

    /// Waits until all readers are like this, and says what for when that does not come.
    pub(super) fn until<T>(&self, what: &str, so: impl Fn(&[ReaderNow]) -> Option<T>) -> T {
        let begun = self.clock.clock.monotonic();
        loop {
            let (version, readers, trouble) = self.station.now();
            if let Some(found) = so(&readers) {
                return found;
            }
            let waited = self.clock.clock.monotonic().saturating_sub(begun);
            assert!(waited < LIMIT, "{what} did not come: {readers:?}, {trouble:?}");
            self.station.changed(version, Duration::from_secs(1));
        }
    }

    /// The same of one reader.
    pub(super) fn until_reader(&self, name: &str, what: &str, so: impl Fn(&ReaderNow) -> bool) -> ReaderNow {
        self.until(&format!("{name}: {what}"), |readers| {
            readers.iter().find(|reader| reader.name == name && so(reader)).cloned()
        })
    }

    /// Waits until work on what was put in has ended.
    pub(super) fn ended(&self, name: &str) -> ReaderNow {
        self.until_reader(name, "the end of the work", |it| it.end.is_some() && it.phase.is_none())
    }

    pub(super) fn empty(&self, name: &str) {
        self.until_reader(name, "an empty reader", |it| !it.is_occupied && it.phase.is_none());
    }

    pub(super) fn readers(&self, count: usize) {
        self.until("all readers", |readers| (readers.len() == count).then_some(()));
    }

    pub(super) fn start(&self, new: NewRun, readers: &[String]) -> ProgrammingRun {
        let run = self.service.start_run(&self.actor, new).expect("begun");
        self.station.attend(run.id, readers, &self.actor).expect("free");
        run
    }

    /// Types a code that a device showed.
    pub(super) fn prove(&self, item: &RunItem, otp: Otp) {
        let proof = ItemProof { otp, by: ProvedBy::Person };
        let proved = self.service.prove_item(&self.actor, item.id, &proof).expect("answered");
        let ProofOutcome::Programmed(item) = proved else { panic!("{proved:?}") };
        self.station.settled(&item);
    }

    pub(super) fn accepts(&self, serial: &TokenSerial, otp: &Otp) {
        let result = self.service.check(&self.actor, serial, otp).expect("answered");
        assert!(matches!(result, CheckResult::Accepted { .. }), "{}: {result:?}", serial.display());
    }

    pub(super) fn programmed(&self, run: RunId) -> u32 {
        self.service.programming_run(&self.actor, run).expect("there").run.programmed
    }

    /// The state of this device in the journal, while it is open.
    pub(super) fn doubted(&self, device: &str) -> Option<RunItem> {
        let items = self.service.devices_in_doubt(&self.actor).expect("listed");
        items.into_iter().find(|item| item.device == device && item.state == RunItemState::InDoubt)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.station.stop();
    }
}

pub(super) fn item_of(reader: &ReaderNow) -> &RunItem {
    match &reader.end {
        Some(End::Item(item)) => item,
        other => panic!("{}: {other:?}", reader.name),
    }
}
