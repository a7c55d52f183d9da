//! Devices that are torn out while they are written, and a reader service that is restarted.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use mintmark::clock::Clock;
use mintmark::device::simulated::Card;
use mintmark::device::simulated::vpcd::InReader;
use mintmark::jobs::station::{End, ReaderNow, Work};
use mintmark::model::RunItemState;

use super::TARGET;
use super::desk::{Desk, LIMIT, item_of};
use super::device::{Device, Kind};
use super::readers::{ReaderService, configure, in_namespaces, name, port};

/// A device that goes with the command that writes the secret.
struct Torn {
    card: Arc<Mutex<dyn Card>>,
    atr: Vec<u8>,
    kind: Kind,
    goes: Goes,
}

/// How it goes.
#[derive(Clone)]
enum Goes {
    /// Before it has done what the command says.
    Before,
    /// When it has done it.
    After,
    /// It has done it, says so to the test, and answers when that lets it.
    WhenTold(Sender<()>, Arc<Mutex<Receiver<()>>>),
}

impl Torn {
    fn new(device: &Device, goes: Goes) -> Self {
        let card = device.card();
        let atr = card.lock().unwrap_or_else(PoisonError::into_inner).atr().to_vec();
        Self { card, atr, kind: device.kind, goes }
    }

    /// PUT of YKOATH and CONFIGURE SLOT have one instruction, which also asks for the serial number; the last part of a
    /// chain is the one that is executed.
    fn writes(&self, command: &[u8]) -> bool {
        match self.kind {
            Kind::Display => matches!(command, [_, 0xc5, ..]),
            Kind::OathClock | Kind::OathCounter => matches!(command, [0x00, 0x01, 0x00, ..]),
            Kind::Slot1 | Kind::Slot2 => matches!(command, [0x00, 0x01, 0x01 | 0x03, ..]),
        }
    }
}

impl Card for Torn {
    fn atr(&self) -> &[u8] {
        &self.atr
    }

    fn power_on(&mut self) {
        self.card.lock().unwrap_or_else(PoisonError::into_inner).power_on();
    }

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        if !self.writes(command) {
            return self.card.lock().unwrap_or_else(PoisonError::into_inner).transmit(command);
        }
        if !matches!(self.goes, Goes::Before) {
            self.card.lock().unwrap_or_else(PoisonError::into_inner).transmit(command)?;
        }
        if let Goes::WhenTold(done, told) = &self.goes {
            let _ = done.send(());
            let _ = told.lock().unwrap_or_else(PoisonError::into_inner).recv();
        }
        None
    }
}

fn refused(reader: &ReaderNow) -> &'static str {
    match &reader.end {
        Some(End::Refused { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

/// Tears a device out, puts it back, has it examined, and brings it to an end.
fn tear_out(desk: &Desk, reader: u16, device: &Device, goes: &Goes) {
    let name = name(reader);
    let torn = Arc::new(Mutex::new(Torn::new(device, goes.clone())));
    let lying = InReader::insert(torn, port(reader)).expect("the driver listens");
    let item = desk.until("a doubt", |_| desk.doubted(&device.serial));
    assert_eq!(item.reason, "no_answer", "{item:?}");
    assert!(desk.service.token(&desk.actor, &device.token()).is_err(), "no token without a proof");
    drop(lying);
    desk.empty(&name);

    let lying = device.insert(reader);
    assert_eq!(refused(&desk.ended(&name)), "device_in_doubt");
    assert!(desk.station.act(&name, Work::Examine(item.id), &desk.actor));
    let now = desk.ended(&name);
    let item = item_of(&now);
    match (device.kind, goes) {
        (Kind::OathClock | Kind::OathCounter, Goes::After | Goes::WhenTold(..)) => {
            assert_eq!(item.state, RunItemState::Programmed, "{item:?}");
        }
        (Kind::OathClock | Kind::OathCounter, Goes::Before) => {
            let settled = (item.state, item.reason.as_str());
            assert_eq!(settled, (RunItemState::Untouched, "nothing_there"), "{item:?}");
            drop(lying);
            desk.empty(&name);
            let _lying = device.insert(reader);
            let now = desk.ended(&name);
            assert_eq!(item_of(&now).state, RunItemState::Programmed, "{now:?}");
        }
        (Kind::Slot1 | Kind::Slot2 | Kind::Display, _) => {
            assert_eq!(item.state, RunItemState::CodeWanted, "{item:?}");
            desk.prove(item, device.code(desk.clock.now()));
        }
    }
}

#[test]
fn law5_a_device_that_was_torn_out_is_in_doubt_until_it_is_examined() {
    in_namespaces("hil::doubt::law5_a_device_that_was_torn_out_is_in_doubt_until_it_is_examined", || {
        let cases = [
            (Kind::OathClock, Goes::After),
            (Kind::OathClock, Goes::Before),
            (Kind::OathCounter, Goes::After),
            (Kind::Slot2, Goes::After),
            (Kind::Display, Goes::After),
        ];
        configure(TARGET, 6);
        let _service = ReaderService::start();
        let desk = Desk::open();
        desk.readers(6);
        let case = |(at, (kind, goes)): (u16, (Kind, Goes))| {
            (at, Device::new(kind, u32::from(at), &desk.clock), goes)
        };
        let cases: Vec<_> = (0..).zip(cases).map(case).collect();
        for kind in [Kind::OathClock, Kind::OathCounter, Kind::Slot2, Kind::Display] {
            let readers = cases.iter().filter(|(_, device, _)| device.kind == kind);
            let readers: Vec<_> = readers.map(|(reader, ..)| name(*reader)).collect();
            desk.start(kind.run(9), &readers);
        }
        thread::scope(|scope| {
            for (reader, device, goes) in &cases {
                let desk = &desk;
                scope.spawn(move || tear_out(desk, *reader, device, goes));
            }
        });
        assert!(desk.service.devices_in_doubt(&desk.actor).expect("listed").is_empty());
        desk.clock.advance(60);
        for (_, device, _) in &cases {
            desk.accepts(&device.token(), &device.code(desk.clock.now()));
        }
    });
}

#[test]
fn a_run_goes_on_after_the_reader_service_was_restarted() {
    in_namespaces("hil::doubt::a_run_goes_on_after_the_reader_service_was_restarted", || {
        configure(TARGET, 4);
        let service = ReaderService::start();
        let desk = Desk::open();
        desk.readers(4);
        // The one on a reader that is named, the other on all others.
        let named = desk.start(Kind::OathCounter.run(9), &[name(1)]);
        let elsewhere = desk.start(Kind::OathClock.run(9), &[]);
        let [first, second] = [0, 1].map(|number| Device::new(Kind::OathClock, number, &desk.clock));
        let third = Device::new(Kind::OathCounter, 2, &desk.clock);
        let lying = first.insert(0);
        assert_eq!(item_of(&desk.ended(&name(0))).state, RunItemState::Programmed);

        drop(service);
        desk.until("no reader", |readers| readers.is_empty().then_some(()));
        drop(lying);
        let _service = ReaderService::start();
        desk.readers(4);
        let _lying = [first.insert(0), third.insert(1), second.insert(2)];
        assert_eq!(refused(&desk.ended(&name(0))), "device_done");
        for reader in [1, 2] {
            assert_eq!(item_of(&desk.ended(&name(reader))).state, RunItemState::Programmed);
        }
        assert_eq!((desk.programmed(elsewhere.id), desk.programmed(named.id)), (2, 1));
        desk.station.leave(elsewhere.id);
        desk.until_reader(&name(3), "no run", |it| it.run.is_none());
        let now = desk.station.now().1;
        assert_eq!(now.iter().filter_map(|it| it.run).collect::<Vec<_>>(), [named.id]);
        assert_eq!(item_of(&now[1]).device, third.serial);
    });
}

/// The service ends while a device is being written, and the device has done it.
#[test]
fn law5_a_reader_service_that_crashed_leaves_a_doubt_and_no_second_secret() {
    in_namespaces(
        "hil::doubt::law5_a_reader_service_that_crashed_leaves_a_doubt_and_no_second_secret",
        || {
            configure(TARGET, 2);
            let service = ReaderService::start();
            let desk = Desk::open();
            desk.readers(2);
            let run = desk.start(Kind::OathClock.run(1), &[]);
            let device = Device::new(Kind::OathClock, 0, &desk.clock);
            let (done, was_done) = channel();
            let (let_go, told) = channel();
            let goes = Goes::WhenTold(done, Arc::new(Mutex::new(told)));
            let torn = Arc::new(Mutex::new(Torn::new(&device, goes)));
            let lying = InReader::insert(torn, port(0)).expect("the driver listens");
            was_done.recv_timeout(LIMIT).expect("it was written");
            service.crash();
            drop(let_go);
            drop(lying);
            let item = desk.until("a doubt", |_| desk.doubted(&device.serial));
            let _service = ReaderService::start();
            desk.readers(2);
            let _lying = device.insert(0);
            assert_eq!(refused(&desk.ended(&name(0))), "device_in_doubt");
            assert!(desk.station.act(&name(0), Work::Examine(item.id), &desk.actor));
            assert_eq!(item_of(&desk.ended(&name(0))).state, RunItemState::Programmed);
            assert_eq!(desk.programmed(run.id), 1);
            desk.accepts(&device.token(), &device.code(desk.clock.now()));
        },
    );
}
