//! Law 5 with devices: torn out at random bytes, killed at random commands, started again.

#![expect(clippy::print_stdout, reason = "what came of the interruptions is the evidence")]

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use mintmark::clock::Clock;
use mintmark::device::Catalogue;
use mintmark::device::applet::otp::Slot;
use mintmark::device::applet::token2::Models;
use mintmark::device::applet::yubikey::Version;
use mintmark::device::simulated::token2::{self, VirtualToken2, models};
use mintmark::device::simulated::yubikey::{self, Reach, VirtualYubiKey};
use mintmark::device::simulated::{Card, Faults, Inserted};
use mintmark::device::transport::{Lengths, Transport, TransportError};
use mintmark::jobs::Synchronised;
use mintmark::jobs::programming::{Programmer, Refusal};
use mintmark::model::{Actor, Application, ProgrammingRun, RunItem, RunItemId, RunItemState};
use mintmark::oath::Otp;
use mintmark::service::{CheckResult, ItemProof, NewRun, ProofOutcome, ProvedBy, Service};
use mintmark::store::{Change, Store, StoreError};
use zeroize::Zeroizing;

use super::fixture::{Home, admin, operator};
use super::programming::{blocks, clocks, counters};

/// Interruptions; `tests/full-size` asks for more.
fn interruptions() -> u64 {
    std::env::var("MINTMARK_LAW5_CUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// Numbers that are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// A device in a reader.
enum Device {
    Key(Box<Inserted<VirtualYubiKey>>),
    Display(Box<Inserted<VirtualToken2>>),
}

#[derive(PartialEq)]
enum Memory {
    Key(Box<yubikey::Memory>),
    Display(token2::Memory),
}

impl Device {
    fn new(application: Application, number: u32, home: &Home) -> Self {
        if application == Application::SingleProfile {
            let serial = format!("8659622{number:07}");
            let card = VirtualToken2::new(&serial, home.clock.clone(), 0);
            return Self::Display(Box::new(Inserted::new(card, Lengths::Short)));
        }
        let reach = if number.is_multiple_of(2) { Reach::Usb } else { Reach::Contactless };
        let card = VirtualYubiKey::new(10_000_000 + number, Version::new(5, 7, 4), reach);
        let lengths = card.lengths();
        Self::Key(Box::new(Inserted::new(card, lengths)))
    }

    fn transport(&mut self) -> &mut dyn Transport {
        match self {
            Self::Key(reader) => &mut **reader,
            Self::Display(reader) => &mut **reader,
        }
    }

    fn atr(&self) -> Vec<u8> {
        match self {
            Self::Key(reader) => reader.card.atr().to_vec(),
            Self::Display(reader) => reader.card.atr().to_vec(),
        }
    }

    fn memory(&self) -> Memory {
        match self {
            Self::Key(reader) => Memory::Key(Box::new(reader.card.memory())),
            Self::Display(reader) => Memory::Display(reader.card.memory()),
        }
    }

    fn fail(&mut self, faults: Faults) {
        match self {
            Self::Key(reader) => reader.card.faults = faults,
            Self::Display(reader) => reader.card.faults = faults,
        }
    }

    /// It works again, and is put back.
    fn mend(&mut self) {
        self.fail(Faults::default());
        match self {
            Self::Key(reader) => reader.put_back(),
            Self::Display(reader) => reader.put_back(),
        }
    }

    /// What a person reads from it, or it types.
    fn shows(&mut self, application: Application) -> Option<Otp> {
        match self {
            Self::Key(reader) => {
                let slot = if application == Application::Slot1 { Slot::One } else { Slot::Two };
                Otp::parse_shaped(&reader.card.press(slot)?, None).ok()
            }
            Self::Display(reader) => reader.card.shown(),
        }
    }
}

fn profile_of(application: Application) -> String {
    if application == Application::SingleProfile { "token2-otpc-p2" } else { "yubico-yubikey" }.to_owned()
}

/// The program ends.
struct Killed;

/// Ends the program before or after a command.
struct Killer<'a> {
    transport: &'a mut dyn Transport,
    left: u64,
    after: bool,
}

impl Transport for Killer<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        let ends = self.left == 0;
        self.left = self.left.wrapping_sub(1);
        if ends && !self.after {
            resume_unwind(Box::new(Killed));
        }
        let answer = self.transport.transmit(command);
        if ends {
            resume_unwind(Box::new(Killed));
        }
        answer
    }

    fn lengths(&self) -> Lengths {
        self.transport.lengths()
    }
}

fn programmer<'a>(
    service: &'a Service,
    clock: &'a dyn Clock,
    profiles: &'a Catalogue,
    models: &'a Models,
    actor: &'a Actor,
) -> Programmer<'a> {
    Programmer { service, clock, profiles, models, synchronised: || Synchronised::Yes, actor }
}

/// Looks at the device and works on it.
fn worked(
    service: &Service,
    clock: &dyn Clock,
    run: &ProgrammingRun,
    transport: &mut dyn Transport,
    atr: &[u8],
    instead_of: Option<RunItemId>,
) -> Result<RunItem, Refusal> {
    let (profiles, models, actor) = (Catalogue::built_in(), models(), admin());
    let programmer = programmer(service, clock, &profiles, &models, &actor);
    let found = programmer.look(transport, atr)?;
    programmer.program(run.id, "Reader 1", &found, transport, instead_of, &mut |_| ())
}

fn examined(
    service: &Service,
    clock: &dyn Clock,
    item: &RunItem,
    device: &mut Device,
) -> Result<RunItem, Refusal> {
    let (profiles, models, actor) = (Catalogue::built_in(), models(), admin());
    let programmer = programmer(service, clock, &profiles, &models, &actor);
    programmer.examine(item.id, device.transport(), &mut |_| ())
}

/// What becomes of devices in doubt in the hands of an operator: read again, its code typed, written again.
fn resolved(service: &Service, clock: &dyn Clock, run: &ProgrammingRun, device: &mut Device) -> RunItem {
    let atr = device.atr();
    let mut now = service.devices_in_doubt(&admin()).expect("listed").pop();
    for _ in 0..6 {
        now = Some(match now {
            None => worked(service, clock, run, device.transport(), &atr, None).expect("taken"),
            Some(item) => match item.state {
                RunItemState::Programmed => return item,
                // An earlier try may be open still.
                RunItemState::Untouched | RunItemState::Undone => {
                    let open = service.devices_in_doubt(&admin()).expect("listed").pop();
                    let earlier = open.map(|item| item.id);
                    worked(service, clock, run, device.transport(), &atr, earlier).expect("taken")
                }
                RunItemState::CodeWanted if item.reason.is_empty() => {
                    match device.shows(run.application) {
                        Some(otp) => {
                            match service.prove_item(
                                &admin(),
                                item.id,
                                &ItemProof { otp, by: ProvedBy::Person },
                            ) {
                                Ok(ProofOutcome::Programmed(item) | ProofOutcome::Wrong(item)) => *item,
                                Err(error) => panic!("{error}"),
                            }
                        }
                        // It has no seed: it shows nothing.
                        None => worked(service, clock, run, device.transport(), &atr, Some(item.id))
                            .expect("taken"),
                    }
                }
                RunItemState::InDoubt if item.reason != "code_wrong" && item.reason != "cannot_tell" => {
                    examined(service, clock, &item, device).expect("it can be read")
                }
                _ => worked(service, clock, run, device.transport(), &atr, Some(item.id)).expect("taken"),
            },
        });
    }
    panic!("never settled: {now:?}");
}

/// As if the journal had not been written before the device: what lay on a reader is not known after the end.
fn forget(store: &dyn Store) {
    store
        .write(|view| {
            let mut changes = Vec::new();
            for mut item in view.unsettled_items()? {
                if item.state == RunItemState::Writing {
                    item.state = RunItemState::Untouched;
                    item.secret = None;
                    changes.push(Change::PutRunItem(Box::new(item)));
                }
            }
            Ok::<_, StoreError>(((), changes))
        })
        .expect("written");
}

/// What came of the interruptions of all devices.
#[derive(Debug, Default)]
struct Tally {
    untouched: u32,
    programmed: u32,
    listed: u32,
    /// It changed, and is neither programmed nor listed.
    lost: u32,
}

/// Something that cuts work short: the device is torn out, or does not answer, or the program ends, within so many commands or
/// bytes. What came of it, unless the program ended.
fn cut_short<T>(
    dice: &mut Dice,
    device: &mut Device,
    (commands, bytes): (u64, u64),
    work: impl FnOnce(&mut dyn Transport) -> T,
) -> Option<T> {
    if dice.below(2) == 0 {
        let (left, after) = (dice.below(commands), dice.below(2) == 0);
        return catch_unwind(AssertUnwindSafe(|| {
            work(&mut Killer { transport: device.transport(), left, after })
        }))
        .ok();
    }
    device.fail(if dice.below(3) == 0 {
        let left = usize::try_from(dice.below(commands)).expect("small");
        Faults { unanswered_after: Some(left), ..Faults::default() }
    } else {
        let left = usize::try_from(dice.below(bytes)).expect("small");
        Faults { cut_after: Some(left), ..Faults::default() }
    });
    Some(work(device.transport()))
}

fn interrupted(home: &Home, journal: bool, count: u64) -> Tally {
    let applications =
        [Application::Oath, Application::Slot1, Application::Slot2, Application::SingleProfile];
    let mut dice = Dice(7);
    let mut tally = Tally::default();
    for number in 0..count {
        let application = applications[usize::try_from(number % 4).expect("small")];
        let counter =
            application.slot().is_some() || (application == Application::Oath && dice.below(2) == 0);
        let block = application == Application::Slot1 && dice.below(2) == 0;
        let moves = if block {
            "-block"
        } else if counter {
            "-counter"
        } else {
            ""
        };
        let name = format!("{}{moves}", application.name());
        let new = NewRun {
            application,
            protect: dice.below(2) == 0,
            profile: profile_of(application),
            ..match (block, counter) {
                (true, _) => blocks(&name, 1),
                (_, true) => counters(&name, 1),
                _ => clocks(&name, 1),
            }
        };
        let run = home.service.start_run(&admin(), new).expect("begun");
        let mut device = Device::new(application, u32::try_from(number).expect("small"), home);
        let atr = device.atr();
        // The first look draws a salt; from here on looking changes nothing.
        let ours = home.open(Arc::clone(&home.store)).expect("opens");
        let (profiles, models, actor) = (Catalogue::built_in(), models(), admin());
        let first = programmer(&ours, &*home.clock, &profiles, &models, &actor);
        first.look(device.transport(), &atr).expect("looked at");
        device.mend();
        let before = device.memory();

        let done = cut_short(&mut dice, &mut device, (24, 450), |transport| {
            worked(&ours, &*home.clock, &run, transport, &atr, None)
        });
        drop(ours);
        if done.is_none() && !journal {
            forget(&*home.store);
        }
        let ours = home.open(Arc::clone(&home.store)).expect("opens");
        device.mend();
        let view = ours.programming_run(&admin(), run.id).expect("there");
        let listed = !view.unsettled.is_empty();
        let is_programmed = view.run.programmed == 1;
        assert!(!(listed && is_programmed), "one of them: {view:?}");
        if is_programmed {
            tally.programmed += 1;
        } else if listed {
            tally.listed += 1;
            assert_eq!(ours.devices_in_doubt(&admin()).expect("listed").len(), 1);
        } else if device.memory() == before {
            tally.untouched += 1;
        } else {
            tally.lost += 1;
            continue;
        }
        // Written again, and torn out again: the older try decides nothing any more.
        if let Some(first) = view.unsettled.first()
            && dice.below(2) == 0
        {
            let left = usize::try_from(dice.below(450)).expect("small");
            device.fail(Faults { cut_after: Some(left), ..Faults::default() });
            let _ = worked(&ours, &*home.clock, &run, device.transport(), &atr, Some(first.id));
            device.mend();
            let now = ours.programming_run(&admin(), run.id).expect("there").unsettled;
            if now.len() > 1 {
                let older = examined(&ours, &*home.clock, first, &mut device);
                assert_eq!(older.map_err(|refusal| refusal.code).expect_err("refused"), "later_try");
                assert_eq!(ours.programming_run(&admin(), run.id).expect("there").unsettled, now);
            }
        }
        let is_programmed = ours.programming_run(&admin(), run.id).expect("there").run.programmed == 1;
        // The operator makes it good, and what the device shows is accepted.
        let end = if is_programmed {
            ours.run_items(&admin(), run.id, mintmark::store::Page::first(1)).expect("listed").items.remove(0)
        } else {
            resolved(&ours, &*home.clock, &run, &mut device)
        };
        assert_eq!(end.state, RunItemState::Programmed);
        assert!(ours.devices_in_doubt(&admin()).expect("listed").is_empty());
        if application != Application::Oath {
            home.wait(90);
            let otp = device.shows(application).expect("it shows a code");
            let checked = ours.check(&operator(1), &end.serial, &otp).expect("answered");
            assert!(matches!(checked, CheckResult::Accepted { .. }), "{application:?} {checked:?}");
        }
    }
    tally
}

#[test]
fn law5_interruptions_leave_no_device_unknown() {
    let home = Home::new();
    let tally = interrupted(&home, true, interruptions());
    println!("{} interruptions: {tally:?}", interruptions());
    assert_eq!(tally.lost, 0);
    assert!(tally.listed > 0 && tally.untouched > 0, "{tally:?}");
}

/// After the first secret: wiped, looked at, and written with another one, each cut short. The secret that a device may hold is never
/// forgotten.
#[test]
fn law5_interrupted_wipes_and_second_secrets_leave_no_device_unknown() {
    let home = Home::new();
    let mut dice = Dice(11);
    let (mut wiped, mut again) = ([0u32; 2], [0u32; 3]);
    let applications =
        [Application::Oath, Application::Slot1, Application::Slot2, Application::SingleProfile];
    for number in 0..interruptions() / 2 {
        let application = applications[usize::try_from(number % 4).expect("small")];
        let name = format!("{}-second", application.name());
        let new = NewRun {
            application,
            protect: dice.below(2) == 0,
            profile: profile_of(application),
            ..match application {
                Application::Slot1 => blocks(&name, 2),
                Application::Slot2 => counters(&name, 2),
                _ => clocks(&name, 2),
            }
        };
        let run = home.service.start_run(&admin(), new).expect("begun");
        let mut device = Device::new(application, 5_000 + u32::try_from(number).expect("small"), &home);
        let first = resolved(&home.service, &*home.clock, &run, &mut device);
        let (profiles, models, actor) = (Catalogue::built_in(), models(), admin());
        let atr = device.atr();
        if dice.below(2) == 0 {
            home.service.take_back_item(&actor, first.id).expect("nobody has it");
            cut_short(&mut dice, &mut device, (16, 300), |transport| {
                programmer(&home.service, &*home.clock, &profiles, &models, &actor).wipe(first.id, transport)
            });
            device.mend();
            let ours = home.open(Arc::clone(&home.store)).expect("opens");
            let to_wipe = ours.item_to_wipe(&actor, &first.device).expect("read");
            wiped[usize::from(to_wipe.is_none())] += 1;
            if let Some(id) = to_wipe {
                ours.journalled(&actor, id).expect("what it may hold is known");
                let end =
                    programmer(&ours, &*home.clock, &profiles, &models, &actor).wipe(id, device.transport());
                assert_eq!(end.expect("wiped").state, RunItemState::Undone);
            }
            assert!(ours.devices_in_doubt(&actor).expect("listed").is_empty());
            // A token with a display can only be overwritten: it shows codes of a secret that nobody has.
            if application.slot().is_some() {
                assert!(device.shows(application).is_none(), "{application:?}");
            }
            continue;
        }
        for place in ["lost", "returned"] {
            home.service.set_custody(&actor, &first.serial, place, None, "").expect("moved");
        }
        // What rises each time it is put in has risen.
        device.mend();
        let before = device.memory();
        cut_short(&mut dice, &mut device, (16, 300), |transport| {
            worked(&home.service, &*home.clock, &run, transport, &atr, None)
        });
        device.mend();
        let ours = home.open(Arc::clone(&home.store)).expect("opens");
        let view = ours.programming_run(&actor, run.id).expect("there");
        let kind = if view.unsettled.is_empty() { 1 + usize::from(view.run.programmed == 2) } else { 0 };
        again[kind] += 1;
        assert!(kind != 1 || device.memory() == before, "it changed, and is neither listed nor programmed");
        // Looked at under the same faults, then made good.
        if let Some(item) = view.unsettled.first() {
            cut_short(&mut dice, &mut device, (16, 300), |transport| {
                programmer(&ours, &*home.clock, &profiles, &models, &actor).examine(
                    item.id,
                    transport,
                    &mut |_| (),
                )
            });
            device.mend();
        }
        let run_now = ours.programming_run(&actor, run.id).expect("there").run;
        if run_now.programmed < 2 {
            resolved(&ours, &*home.clock, &run, &mut device);
        }
        assert!(ours.devices_in_doubt(&actor).expect("listed").is_empty());
        if application != Application::Oath {
            home.wait(90);
            let otp = device.shows(application).expect("it shows a code");
            let checked = ours.check(&operator(1), &first.serial, &otp).expect("answered");
            assert!(matches!(checked, CheckResult::Accepted { .. }), "{application:?} {checked:?}");
        }
    }
    println!("second secrets listed, untouched, programmed: {again:?}; wipes left to do, done: {wiped:?}");
}

#[test]
fn law5_without_the_journal_devices_are_lost() {
    let home = Home::new();
    let tally = interrupted(&home, false, 100);
    assert!(tally.lost > 0, "{tally:?}");
}

#[test]
fn law5_a_device_that_lies_is_never_programmed() {
    let home = Home::new();
    let lies = [Faults { forgets: true, ..Faults::default() }, Faults { endless: true, ..Faults::default() }];
    let applications = [Application::Oath, Application::Slot2, Application::SingleProfile];
    for (number, application) in (0..).zip(applications) {
        for (lie, faults) in (0..).zip(&lies) {
            let name = format!("{}-{lie}", application.name());
            let new = NewRun {
                application,
                profile: profile_of(application),
                ..if application.slot().is_some() { counters(&name, 1) } else { clocks(&name, 1) }
            };
            let run = home.service.start_run(&admin(), new).expect("begun");
            let mut device = Device::new(application, 100 + number * 10 + lie, &home);
            let atr = device.atr();
            device.fail(faults.clone());
            let done = worked(&home.service, &*home.clock, &run, device.transport(), &atr, None);
            let view = home.service.programming_run(&admin(), run.id).expect("there");
            assert_eq!(view.run.programmed, 0, "{done:?}");
            if let Ok(item) = done
                && item.state == RunItemState::CodeWanted
            {
                // It shows no code of the secret.
                assert!(device.shows(application).is_none());
            }
        }
    }
}

#[test]
fn no_clock_is_set_by_one_that_nothing_keeps_right() {
    let home = Home::new();
    let (profiles, models, actor) = (Catalogue::built_in(), models(), admin());
    let mut said = Vec::new();
    for application in [Application::Oath, Application::SingleProfile] {
        let new = NewRun {
            application,
            profile: profile_of(application),
            protect: false,
            ..clocks(application.name(), 2)
        };
        let run = home.service.start_run(&actor, new).expect("begun");
        let mut device = Device::new(application, 500, &home);
        let atr = device.atr();
        for synchronised in [|| Synchronised::No, || Synchronised::Unknown] {
            let ours = programmer(&home.service, &*home.clock, &profiles, &models, &actor);
            let ours = Programmer { synchronised, ..ours };
            let found = ours.look(device.transport(), &atr).expect("looked at");
            let done = ours.program(run.id, "Reader 1", &found, device.transport(), None, &mut |_| ());
            said.push(
                done.map_or_else(|refusal| refusal.code.to_owned(), |item| item.state.name().to_owned()),
            );
        }
    }
    // A key has no clock of its own; a system that says nothing is believed.
    assert_eq!(said, ["programmed", "device_done", "clock_not_synchronised", "code_wanted"]);
}
