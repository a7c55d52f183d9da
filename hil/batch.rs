//! A hundred devices of five kinds, one after another on fourteen readers side by side.
#![expect(clippy::print_stdout, reason = "how long it took is the evidence")]

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use mintmark::clock::Clock;
use mintmark::jobs::station::End;
use mintmark::model::RunItemState;
use mintmark::service::TokenQuery;
use mintmark::store::Page;

use super::TARGET;
use super::desk::{Desk, item_of};
use super::device::{Device, Kind};
use super::readers::{ReaderService, configure, in_namespaces, name};

/// Two fewer than the service can have.
const READERS: u16 = 14;
const DEVICES: u32 = 100;
/// Five runs share the readers: the last one has two, the others three.
const DISPLAYS: u32 = 16;
/// Half of the devices shall take less than 300 ms beyond their own time, which simulated ones do not have. That is printed;
/// beside other tests and builds only what is far beyond it is a fault.
const FAR_BEYOND: Duration = Duration::from_secs(1);

const fn kind_on(reader: u16) -> Kind {
    Kind::ALL[reader as usize % Kind::ALL.len()]
}

/// What is to be written still, by kind.
type Boxes = Mutex<Vec<(Kind, VecDeque<Device>)>>;

fn next(boxes: &Boxes, kind: Kind) -> Option<Device> {
    let mut boxes = boxes.lock().unwrap_or_else(PoisonError::into_inner);
    boxes.iter_mut().find(|(of, _)| *of == kind).and_then(|(_, devices)| devices.pop_front())
}

/// Somebody who puts one device after the other into a reader, and types what it shows where that is wanted.
fn operate(desk: &Desk, reader: u16, boxes: &Boxes) -> Vec<(Device, Duration)> {
    let (name, mut done) = (name(reader), Vec::new());
    while let Some(device) = next(boxes, kind_on(reader)) {
        desk.empty(&name);
        let lying = device.insert(reader);
        let now = desk.ended(&name);
        let item = item_of(&now);
        assert_eq!(item.device, device.serial);
        match device.kind {
            Kind::OathClock | Kind::OathCounter => {}
            Kind::Slot1 | Kind::Slot2 | Kind::Display => {
                assert_eq!(item.state, RunItemState::CodeWanted, "{item:?}");
                desk.prove(item, device.code(desk.clock.now()));
            }
        }
        let now = desk.ended(&name);
        assert!(now.end.as_ref().is_some_and(End::is_good), "{now:?}");
        drop(lying);
        done.push((device, now.took.expect("measured")));
    }
    desk.empty(&name);
    done
}

#[test]
fn law5_a_hundred_mixed_devices_are_a_hundred_tokens() {
    in_namespaces("hil::batch::law5_a_hundred_mixed_devices_are_a_hundred_tokens", || {
        configure(TARGET, READERS);
        let _service = ReaderService::start();
        a_hundred_devices();
    });
}

fn a_hundred_devices() {
    let desk = Desk::open();
    desk.readers(READERS.into());
    let mut boxes = Vec::new();
    let mut runs = Vec::new();
    let mut number = 0;
    for kind in Kind::ALL {
        let count = if kind == Kind::Display { DISPLAYS } else { (DEVICES - DISPLAYS) / 4 };
        let readers: Vec<_> = (0..READERS).filter(|reader| kind_on(*reader) == kind).map(name).collect();
        runs.push((desk.start(kind.run(count), &readers).id, count));
        let devices = (number..number + count).map(|number| Device::new(kind, number, &desk.clock));
        boxes.push((kind, devices.collect::<VecDeque<_>>()));
        number += count;
    }
    assert_eq!(number, DEVICES);
    let boxes = Mutex::new(boxes);

    let begun = desk.clock.monotonic();
    let done: Vec<(Device, Duration)> = thread::scope(|scope| {
        let (desk, boxes) = (&desk, &boxes);
        let operators: Vec<_> =
            (0..READERS).map(|reader| scope.spawn(move || operate(desk, reader, boxes))).collect();
        operators.into_iter().flat_map(|one| one.join().expect("an operator")).collect()
    });
    let wall = desk.clock.monotonic().saturating_sub(begun);

    for (run, count) in runs {
        assert_eq!(desk.programmed(run), count);
    }
    assert!(desk.service.devices_in_doubt(&desk.actor).expect("listed").is_empty());
    let tokens = desk.service.tokens(&desk.actor, &TokenQuery::default(), Page::first(1000)).expect("listed");
    let mut tokens: Vec<_> = tokens.items.iter().map(|it| it.token.serial.normal().to_owned()).collect();
    let mut expected: Vec<_> = done.iter().map(|(device, _)| device.token().normal().to_owned()).collect();
    tokens.sort();
    expected.sort();
    assert_eq!(expected.len(), usize::try_from(DEVICES).expect("few"));
    assert_eq!(tokens, expected, "each device is one token, and nothing else is there");

    // The code that proved a display is spent: each gets time for another one.
    desk.clock.advance(60);
    for (device, _) in &done {
        desk.accepts(&device.token(), &device.code(desk.clock.now()));
    }

    let line = |what: &str, so: &dyn Fn(Kind) -> bool| {
        let mut took: Vec<_> = done.iter().filter(|(it, _)| so(it.kind)).map(|(_, took)| *took).collect();
        took.sort();
        let (median, p95) = (took[took.len() / 2], took[took.len() * 95 / 100]);
        println!(
            "{what}: {} devices, {median:.0?} at the median, {p95:.0?} at the 95th percentile",
            took.len()
        );
        median
    };
    let median = line("each device", &|_| true);
    for kind in Kind::ALL {
        line(&format!("{kind:?}"), &|it| it == kind);
    }
    println!("{DEVICES} devices on {READERS} readers in {:.1} s", wall.as_secs_f64());
    assert!(median < FAR_BEYOND, "{median:?}");
}
