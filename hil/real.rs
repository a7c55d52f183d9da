//! One device that is named, on the card reader service of this machine. Only that device is written to, and nothing at
//! all while another one lies on a reader.
//!
//! The same is done with a simulated device, so that it is known to work before a real one is put in.
#![expect(
    clippy::print_stdout,
    reason = "what was found and how long it took goes into the table of README.md"
)]

use std::time::Duration;

use mintmark::clock::Clock;
use mintmark::device::applet::oath::{CredentialId, Kind as OathKind, Name, YkOath};
use mintmark::device::discover::{Family, Found, Holding};
use mintmark::device::transport::pcsc::Connection;
use mintmark::jobs::station::{ReaderNow, Work};
use mintmark::model::{RunId, RunItemId, RunItemState, TokenSerial};
use mintmark::oath::{PeriodSecs, time_step};
use mintmark::service::NewRun;

use super::TARGET;
use super::desk::{Desk, item_of};
use super::device::{Device, Kind};
use super::readers::{ReaderService, configure, in_namespaces, name};

/// The serial number of the device that may be written to.
const SERIAL: &str = "HIL_SERIAL";
/// Set to 1: its OATH application may also be reset, which destroys all that is in it.
const RESETS: &str = "HIL_RESETS";
const LIMIT: Duration = Duration::from_secs(20);

#[test]
#[ignore = "writes to a real device: hil/README.md"]
fn a_real_device() {
    let serial = std::env::var(SERIAL).expect("HIL_SERIAL names the device");
    let resets = std::env::var(RESETS).is_ok_and(|value| value == "1");
    let desk = Desk::open();
    match only(&desk, &serial) {
        Ok(reader) => suite(&desk, &serial, &reader, resets),
        Err(why) => panic!("{why}"),
    }
}

/// The reader with the device, when it is the only one.
fn only(desk: &Desk, serial: &str) -> Result<ReaderNow, String> {
    let lying: Vec<ReaderNow> = desk.until("what lies on the readers", |readers| {
        let said = |it: &ReaderNow| it.found.is_some() || it.end.is_some();
        let lying: Vec<_> = readers.iter().filter(|it| it.is_occupied).cloned().collect();
        let is_quiet = lying.iter().all(|it| it.phase.is_none() && said(it));
        (is_quiet && !lying.is_empty()).then_some(lying)
    });
    let serial_of = |it: &ReaderNow| it.found.as_ref().and_then(|found| found.serial.clone());
    match &lying[..] {
        [only] if serial_of(only).as_deref() == Some(serial) => Ok(only.clone()),
        others => {
            let others: Vec<_> =
                others.iter().map(|it| format!("{:?} on {}", serial_of(it), it.name)).collect();
            Err(format!("not {serial} alone lies on the readers: {}", others.join(", ")))
        }
    }
}

/// What is in the OATH application; `None` while a password locks it.
fn credentials(found: &Found) -> Option<Vec<CredentialId>> {
    let credentials = found.holdings.iter().find_map(|holding| match holding {
        Holding::Oath { credentials, .. } => Some(credentials.as_ref()),
        _ => None,
    });
    let listed = credentials.expect("it has an OATH application")?;
    Some(listed.iter().map(|listed| listed.id.clone()).collect())
}

fn with_oath<T>(reader: &str, work: impl FnOnce(&mut YkOath<'_>) -> T) -> T {
    let mut connection = Connection::open(reader, LIMIT).expect("a device");
    let mut turn = connection.begin().expect("free");
    let mut oath = YkOath::select(&mut turn).expect("it has an OATH application");
    let done = work(&mut oath);
    turn.end_with_reset().expect("ended");
    done
}

/// Looks at the device again.
fn look(desk: &Desk, reader: &str) -> Found {
    assert!(desk.station.act(reader, Work::Look, &desk.actor));
    let now = desk.until_reader(reader, "a look", |it| it.phase.is_none() && it.found.is_some());
    now.found.as_deref().expect("found").clone()
}

/// Writes what lies there now, and nothing that is put there later.
fn write(desk: &Desk, reader: &str, run: RunId) -> (RunItemId, Duration) {
    assert!(desk.station.act(reader, Work::Program { run, instead_of: None }, &desk.actor));
    let now = desk.ended(reader);
    let item = item_of(&now);
    assert_eq!(item.state, RunItemState::Programmed, "{item:?}");
    (item.id, now.took.expect("measured"))
}

/// A credential is written, taken back and wiped; written again, and its code accepted. In the end the device is as it was;
/// after a reset it is empty.
fn suite(desk: &Desk, serial: &str, reader: &ReaderNow, resets: bool) {
    let found = reader.found.as_deref().expect("found");
    assert_eq!(found.family, Family::YubiKey, "other families are looked at only: {found:?}");
    let reader = reader.name.as_str();
    if resets {
        with_oath(reader, |oath| oath.reset().expect("reset"));
    }
    let before = credentials(&look(desk, reader)).expect("no password locks it (or reset it: HIL_RESETS=1)");
    // After a reset nobody loses anything by a password.
    let run = desk
        .service
        .start_run(&desk.actor, NewRun { protect: resets, ..Kind::OathClock.run(2) })
        .expect("begun");
    let (id, took) = write(desk, reader, run.id);
    println!(
        "{:?} {:?} over {:?}: written and proved in {took:.0?}",
        found.family, found.firmware, found.over
    );
    desk.service.take_back_item(&desk.actor, id).expect("nobody used it");
    assert!(desk.station.act(reader, Work::Wipe(id), &desk.actor));
    let now = desk.ended(reader);
    assert_eq!(item_of(&now).state, RunItemState::Undone, "{now:?}");

    write(desk, reader, run.id);
    if resets {
        assert_eq!(credentials(&look(desk, reader)), None, "a password locks it");
        with_oath(reader, |oath| oath.reset().expect("reset"));
    } else {
        let account = serial.to_owned();
        let name = Name { issuer: Some(run.issuer), account, period: PeriodSecs::DEFAULT };
        let id = name.encoded(OathKind::Totp).expect("a name");
        let step = time_step(desk.clock.now(), 0, 0, PeriodSecs::DEFAULT).expect("after 1970");
        let code = with_oath(reader, |oath| oath.totp(&id, step).expect("a code"));
        desk.accepts(&TokenSerial::parse(serial).expect("a serial number"), &code);
        with_oath(reader, |oath| oath.delete(&id).expect("deleted"));
    }
    assert_eq!(credentials(&look(desk, reader)), Some(before), "as it was");
}

#[test]
fn what_a_real_device_goes_through_is_refused_to_any_other_one() {
    in_namespaces("hil::real::what_a_real_device_goes_through_is_refused_to_any_other_one", || {
        configure(TARGET, 2);
        let _service = ReaderService::start();
        let desk = Desk::open();
        desk.readers(2);
        let ours = Device::new(Kind::OathClock, 0, &desk.clock);
        let other = Device::new(Kind::OathClock, 1, &desk.clock);
        let lying = other.insert(1);
        assert!(only(&desk, &ours.serial).is_err_and(|why| why.contains(&other.serial)));
        let _ours = ours.insert(0);
        desk.until_reader(&name(0), "a look", |it| it.found.is_some() && it.phase.is_none());
        assert!(only(&desk, &ours.serial).is_err_and(|why| why.contains(&other.serial)));
        drop(lying);
        desk.empty(&name(1));
        let reader = only(&desk, &ours.serial).expect("alone");
        suite(&desk, &ours.serial, &reader, false);
        let desk = Desk::open();
        desk.readers(2);
        let reader = only(&desk, &ours.serial).expect("alone");
        suite(&desk, &ours.serial, &reader, true);
    });
}
