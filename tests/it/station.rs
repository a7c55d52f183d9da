//! Readers side by side: what is put in is programmed, and what is said of it.

use std::sync::Arc;
use std::time::Duration;

use mintmark::clock::SystemClock;
use mintmark::device::Catalogue;
use mintmark::device::applet::otp::Slot;
use mintmark::jobs::station::{Drawer, End, ReaderNow, Source, Station, Work};
use mintmark::model::{Actor, Application, RunItemState, TokenSerial};
use mintmark::oath::Otp;
use mintmark::service::{ItemProof, MailMode, NewRun, ProofOutcome, ProvedBy, Service, StoreMark};
use mintmark::store::{Page, RedbStore, Store};
use mintmark::vault::RootKey;

use crate::service::programming::{clocks, counters};

const WAIT: Duration = Duration::from_secs(20);

struct Desk {
    station: Arc<Station>,
    service: Arc<Service>,
    drawer: Arc<Drawer>,
    actor: Actor,
}

impl Desk {
    fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("memory"));
        let root = RootKey::generate().expect("random");
        let clock: Arc<dyn mintmark::clock::Clock> = Arc::new(SystemClock::new());
        let mark = StoreMark { demo: false, simulated: true };
        Service::initialise(&*store, &root, &*clock, mark).expect("a new store");
        let service =
            Arc::new(Service::open(store, &root, Arc::clone(&clock), MailMode::None).expect("opens"));
        let drawer = Arc::new(Drawer::furnished(&clock, 31_000_001));
        let source = Source::Drawer(Arc::clone(&drawer));
        let station = Station::start(Arc::clone(&service), clock, Arc::new(Catalogue::built_in()), source)
            .expect("started");
        Self { station, service, drawer, actor: Actor::local(1000) }
    }

    /// Waits until all readers are like this.
    fn until(&self, so: impl Fn(&[ReaderNow]) -> bool) -> Vec<ReaderNow> {
        let (mut version, mut readers, _) = self.station.now();
        while !so(&readers) {
            let next = self.station.changed(version, WAIT);
            assert_ne!(next, version, "nothing moves any more: {readers:?}");
            (version, readers, _) = self.station.now();
        }
        readers
    }

    fn quiet(&self) -> Vec<ReaderNow> {
        self.until(|readers| {
            readers.len() == 4
                && readers.iter().all(|it| {
                    it.phase.is_none() && (!it.is_occupied || it.found.is_some() || it.end.is_some())
                })
        })
    }

    fn ended(&self) -> Vec<ReaderNow> {
        self.until(|readers| {
            readers.iter().all(|it| it.phase.is_none() && (!it.is_occupied || it.end.is_some()))
        })
    }

    /// Empties a reader, takes the device with this text on it out of the box, puts it in, and waits until work on it has
    /// ended.
    fn exchange(&self, at: usize, printed: &str) -> ReaderNow {
        let name = self.station.now().1[at].name.clone();
        assert!(self.drawer.put(&name, None));
        self.until(|readers| !readers[at].is_occupied);
        let device = self.drawer.list().iter().position(|boxed| boxed.label.contains(printed));
        assert!(self.drawer.put(&name, Some(device.expect("in the box"))));
        self.until(|readers| readers[at].end.is_some() && readers[at].phase.is_none()).swap_remove(at)
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.station.stop();
    }
}

/// A run of tokens with a display.
fn displays(profile: &str, count: u32) -> NewRun {
    NewRun {
        profile: profile.into(),
        application: Application::SingleProfile,
        seed_bytes: 1..=63,
        protect: false,
        ..clocks("displays", count)
    }
}

fn item_of(reader: &ReaderNow) -> &mintmark::model::RunItem {
    match &reader.end {
        Some(End::Item(item)) => item,
        other => panic!("{other:?}"),
    }
}

fn refused(reader: &ReaderNow) -> &'static str {
    match &reader.end {
        Some(End::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_lies_on_readers_is_said_and_nothing_is_changed() {
    let desk = Desk::new();
    let readers = desk.quiet();
    let serials: Vec<_> =
        readers.iter().map(|it| it.found.as_ref().and_then(|it| it.serial.clone())).collect();
    assert_eq!(serials[0].as_deref(), Some("31000001"));
    assert_eq!(serials[1].as_deref(), Some("86596221000001"));
    assert!(readers.iter().all(|reader| reader.end.is_none()));
    assert!(desk.drawer.put(&readers[0].name, None));
    desk.until(|readers| !readers[0].is_occupied && readers[0].found.is_none());
    assert_eq!(desk.station.reader_of("86596221000001").as_deref(), Some(readers[1].name.as_str()));
    assert_eq!(desk.station.reader_of("31000001"), None);
}

#[test]
fn law5_four_readers_program_side_by_side_and_two_runs_stay_apart() {
    let desk = Desk::new();
    let readers = desk.quiet();
    let keys = desk.service.start_run(&desk.actor, clocks("keys", 6)).expect("begun");
    let displays = desk.service.start_run(&desk.actor, displays("token2-otpc-p2", 6)).expect("begun");
    let name = |at: usize| readers[at].name.clone();
    // Keys lie on the first and third, tokens with a display on the others.
    desk.station.attend(keys.id, &[name(0), name(2)], &desk.actor).expect("free");
    desk.station.attend(displays.id, &[name(1), name(3)], &desk.actor).expect("free");
    let now = desk.ended();
    for at in [0, 2] {
        assert_eq!(item_of(&now[at]).state, RunItemState::Programmed);
        assert!(now[at].end.as_ref().is_some_and(End::is_good) && now[at].took.is_some());
    }
    // A person reads the display and types it.
    for at in [1, 3] {
        let item = item_of(&now[at]);
        assert_eq!(item.state, RunItemState::CodeWanted);
        let shown = desk.drawer.pressed(&now[at].name, None).expect("a code");
        let proof = ItemProof { otp: Otp::parse(&shown).expect("digits"), by: ProvedBy::Person };
        let proved = desk.service.prove_item(&desk.actor, item.id, &proof).expect("answered");
        let ProofOutcome::Programmed(item) = proved else { panic!("{proved:?}") };
        desk.station.settled(&item);
    }
    let now = desk.ended();
    assert!(now.iter().all(|reader| reader.end.as_ref().is_some_and(End::is_good)), "{now:?}");
    // The same one again; one of the other run; one that the run cannot write.
    assert_eq!(refused(&desk.exchange(0, "31000001")), "device_done");
    assert_eq!(refused(&desk.exchange(2, "86596221000001")), "token_of_other_batch");
    let unfit = desk.exchange(2, "86596221000005");
    assert_eq!(refused(&unfit), "other_model");
    let view = desk.service.programming_run(&desk.actor, keys.id).expect("there");
    assert_eq!(view.run.programmed, 2);
}

#[test]
fn law5_the_last_one_is_taken_back_and_wiped() {
    let desk = Desk::new();
    let readers = desk.quiet();
    let run = desk.service.start_run(&desk.actor, counters("slots", 2)).expect("begun");
    desk.station.attend(run.id, &[readers[0].name.clone()], &desk.actor).expect("free");
    let now = desk.until(|readers| readers[0].end.is_some() && readers[0].phase.is_none());
    let item = item_of(&now[0]).clone();
    assert_eq!(item.state, RunItemState::CodeWanted);
    assert_eq!(desk.drawer.pressed(&now[0].name, Some(Slot::One)), None);
    let typed = desk.drawer.pressed(&now[0].name, Some(Slot::Two)).expect("typed");
    let proof = ItemProof { otp: Otp::parse(&typed).expect("digits"), by: ProvedBy::Person };
    desk.service.prove_item(&desk.actor, item.id, &proof).expect("answered");
    let serial = TokenSerial::parse("31000001.2").expect("a serial");
    desk.station.leave(run.id);
    // Undone before anybody uses it.
    desk.service.take_back_item(&desk.actor, item.id).expect("taken back");
    assert!(desk.service.token(&desk.actor, &serial).is_err());
    assert!(desk.station.act(&now[0].name, Work::Wipe(item.id), &desk.actor));
    let now = desk.until(|readers| {
        readers[0].phase.is_none()
            && matches!(&readers[0].end, Some(End::Item(item)) if item.state == RunItemState::Undone)
    });
    assert_eq!(desk.drawer.pressed(&now[0].name, Some(Slot::Two)), None, "nothing is in the slot");
    let items = desk.service.run_items(&desk.actor, run.id, Page::first(9)).expect("listed").items;
    assert!(items.iter().all(|item| item.secret.is_none()));
}

/// What is put in after the last one of a run is nobody's order, also when the run has room again.
#[test]
fn law5_a_full_run_writes_no_more_before_somebody_goes_on() {
    let desk = Desk::new();
    let readers = desk.quiet();
    let first = [readers[0].name.clone()];
    let looked_at = |printed: &str| {
        let device = desk.drawer.list().iter().position(|boxed| boxed.label.contains(printed));
        assert!(desk.drawer.put(&first[0], Some(device.expect("in the box"))));
        let now = desk.until(|readers| {
            let serial = readers[0].found.as_ref().and_then(|found| found.serial.as_deref());
            readers[0].phase.is_none() && serial == Some(printed)
        });
        assert!(now[0].end.is_none() && now[0].run.is_none(), "{now:?}");
    };
    let full = |run: &mintmark::model::ProgrammingRun| {
        desk.until(|readers| readers[0].run.is_none() && readers[0].phase.is_none());
        let view = desk.service.programming_run(&desk.actor, run.id).expect("there");
        assert!(!view.run.is_open());
        assert!(desk.station.require_free(None, &first).is_ok(), "the reader is free");
    };
    let run = desk.service.start_run(&desk.actor, clocks("keys", 1)).expect("begun");
    desk.station.attend(run.id, &first, &desk.actor).expect("free");
    full(&run);
    assert_eq!(item_of(&desk.station.now().1[0]).state, RunItemState::Programmed, "the end is shown still");
    looked_at("31000003");
    // Room again: nobody has said that the next one is to be written.
    let token = TokenSerial::parse("31000001").expect("a serial");
    desk.service.delete_token(&desk.actor, &token).expect("deleted");
    assert!(desk.service.programming_run(&desk.actor, run.id).expect("there").run.is_open());
    looked_at("31000004");
    desk.station.attend(run.id, &first, &desk.actor).expect("free");
    full(&run);
    assert_eq!(item_of(&desk.station.now().1[0]).state, RunItemState::Programmed);

    // The same of one that a person's code completes.
    let run = desk.service.start_run(&desk.actor, counters("slots", 1)).expect("begun");
    desk.station.attend(run.id, &first, &desk.actor).expect("free");
    let now = desk.until(|readers| readers[0].end.is_some() && readers[0].phase.is_none());
    let id = item_of(&now[0]).id;
    let typed = desk.drawer.pressed(&first[0], Some(Slot::Two)).expect("typed");
    let proof = ItemProof { otp: Otp::parse(&typed).expect("digits"), by: ProvedBy::Person };
    let proved = desk.service.prove_item(&desk.actor, id, &proof).expect("answered");
    let ProofOutcome::Programmed(item) = proved else { panic!("{proved:?}") };
    desk.station.settled(&item);
    full(&run);
    // Once more, or another code for it, says nothing: it may be the one of another device.
    let again = desk.service.prove_item(&desk.actor, id, &proof).expect_err("nothing waits for it");
    assert!(
        matches!(again, mintmark::service::ServiceError::State { code: "item_settled", .. }),
        "{again:?}"
    );
    looked_at("31000005");
}

#[test]
fn a_clock_that_was_set_with_the_secret_is_not_said_to_be_off() {
    let desk = Desk::new();
    desk.quiet();
    let name = desk.station.now().1[1].name.clone();
    let old = desk.drawer.list().iter().position(|boxed| boxed.label.contains("C302-i"));
    assert!(desk.drawer.put(&name, old));
    let is_c302 = |reader: &ReaderNow| {
        let serial = reader.found.as_ref().and_then(|found| found.serial.clone());
        serial.is_some_and(|serial| serial.starts_with("8659632"))
    };
    let now = desk.until(|readers| is_c302(&readers[1]) && readers[1].phase.is_none());
    assert!(now[1].clock_offset_secs.is_some_and(|off| off.abs() > 60), "{now:?}");
    let run = desk.service.start_run(&desk.actor, displays("token2-c302", 2)).expect("begun");
    desk.station.attend(run.id, &[name], &desk.actor).expect("free");
    let now = desk.until(|readers| readers[1].end.is_some() && readers[1].phase.is_none());
    assert_eq!(item_of(&now[1]).state, RunItemState::CodeWanted);
    assert_eq!(now[1].clock_offset_secs, None);
}
