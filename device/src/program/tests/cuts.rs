//! Each way to write, torn at each command and at bytes of each, executed without an answer, and refused: what is said of
//! the token must be what it holds.

use super::*;
use crate::simulated::Faults;
use crate::simulated::{token2, yubikey};

/// A simulated token whose memory can be compared.
pub(super) trait Subject: Card {
    type Memory: PartialEq;

    fn memory(&self) -> Self::Memory;
    fn faults(&mut self) -> &mut Faults;
}

impl Subject for VirtualYubiKey {
    type Memory = yubikey::Memory;

    fn memory(&self) -> Self::Memory {
        Self::memory(self)
    }

    fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }
}

impl Subject for VirtualToken2 {
    type Memory = token2::Memory;

    fn memory(&self) -> Self::Memory {
        Self::memory(self)
    }

    fn faults(&mut self) -> &mut Faults {
        &mut self.faults
    }
}

/// Counts the bytes of each command.
struct Counted<'a> {
    transport: &'a mut dyn Transport,
    lengths: &'a std::cell::RefCell<Vec<usize>>,
}

impl Transport for Counted<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        self.lengths.borrow_mut().push(command.len());
        self.transport.transmit(command)
    }

    fn lengths(&self) -> Lengths {
        self.transport.lengths()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Work {
    Write,
    Erase,
}

impl Work {
    fn on(
        self,
        transport: &mut dyn Transport,
        order: &Order,
        begun: &mut dyn FnMut(),
    ) -> Result<(), WriteError> {
        match self {
            Self::Write => {
                let mut step = |step| {
                    if step == Step::Writing {
                        begun();
                    }
                };
                write(transport, order, clock().as_ref(), &mut step).map(drop)
            }
            Self::Erase => erase(transport, order, clock().as_ref(), &Seed::new(vec![3; 20])),
        }
    }
}

/// What was said of a token, and whether it had changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Done,
    NotStarted,
    Refused,
    Unknown,
}

impl Said {
    pub(super) fn of(done: &Result<(), WriteError>) -> Self {
        match done {
            Ok(()) => Self::Done,
            Err(WriteError::NotStarted(_)) => Self::NotStarted,
            Err(WriteError::Refused(_)) => Self::Refused,
            Err(WriteError::Unknown(_)) => Self::Unknown,
        }
    }

    /// Whether it may be said of a token that has changed, or has not.
    pub(super) fn is_true(self, has_changed: bool) -> bool {
        match self {
            Self::NotStarted | Self::Refused => !has_changed,
            Self::Done => has_changed,
            Self::Unknown => true,
        }
    }
}

/// Every cut of some work on a token that `make` prepares: what was said, whether the token had changed, and where.
fn all_cuts<C: Subject>(
    name: &str,
    work: Work,
    make: &dyn Fn() -> (Inserted<C>, Order),
    afterwards: &dyn Fn(&mut Inserted<C>, &Order),
) -> Vec<(Said, bool)> {
    let lengths = std::cell::RefCell::new(Vec::new());
    let first_write = std::cell::Cell::new(None);
    let (mut whole, order) = make();
    let mut counted = Counted { transport: &mut whole, lengths: &lengths };
    work.on(&mut counted, &order, &mut || first_write.set(Some(lengths.borrow().len())))
        .expect("without a cut");
    afterwards(&mut whole, &Order { replaces: true, ..order });
    let lengths = lengths.into_inner();

    let mut faults = Vec::new();
    for (number, length) in lengths.iter().enumerate() {
        let before: usize = lengths.iter().take(number).sum();
        let mut bytes = vec![0, 1, length / 2, length - 1];
        bytes.dedup();
        for byte in bytes {
            faults.push((number, Faults { cut_after: Some(before + byte), ..Faults::default() }));
        }
        faults.push((number, Faults { unanswered_after: Some(number), ..Faults::default() }));
        // Nothing was done; and something went wrong in the token.
        for status in [0x6a80, 0x6f00] {
            faults.push((number, Faults { refused_after: Some((number, status)), ..Faults::default() }));
        }
    }
    let mut outcomes = Vec::new();
    for (number, fault) in faults {
        let (mut reader, order) = make();
        let before = reader.card.memory();
        *reader.card.faults() = fault.clone();
        let done = work.on(&mut reader, &order, &mut || ());
        let (said, has_changed) = (Said::of(&done), before != reader.card.memory());
        assert!(
            said.is_true(has_changed),
            "{name}: {done:?}, changed: {has_changed}, command {number}: {fault:?}"
        );
        // Nothing is called a doubt that is none.
        if let Some(first) = first_write.get() {
            let expected = match fault.refused_after {
                _ if number < first => Said::NotStarted,
                // Later ones, too, when the token had done nothing so far; whether it had was looked at above.
                Some((_, 0x6a80)) if number == first || said == Said::Refused => Said::Refused,
                _ => Said::Unknown,
            };
            // A refusal is expected of some commands, and the work goes on.
            let goes_on = fault.refused_after.is_some() && said == Said::Done;
            assert!(said == expected || goes_on, "{name}: {done:?}, command {number} of {first}, {fault:?}");
        }
        outcomes.push((said, has_changed));
        *reader.card.faults() = Faults::default();
        reader.put_back();
        afterwards(&mut reader, &Order { replaces: true, ..order });
    }
    for has_changed in [true, false] {
        assert!(outcomes.contains(&(Said::Unknown, has_changed)), "{name}: a doubt goes both ways");
    }
    outcomes
}

/// That the test would find a lie: if a lost answer were called one of these, a token that changed would be called one
/// that did not.
fn a_lie_would_be_found(name: &str, outcomes: &[(Said, bool)]) {
    for lie in [Said::NotStarted, Said::Refused] {
        let found = outcomes.iter().any(|(said, changed)| *said == Said::Unknown && !lie.is_true(*changed));
        assert!(found, "{name}: {lie:?}");
    }
}

/// Looks after the doubt, writes again, and sees that the codes are ours: however far it had come.
fn written_again(reader: &mut Key, order: &Order) {
    let state = state_of(reader, order, AT).expect("it is there");
    match (&state, &order.target) {
        (OnDevice::Ours { .. } | OnDevice::Nothing { .. } | OnDevice::NotOurs, Target::Oath(_))
        | (OnDevice::CannotTell(NextStep::TypeFromSlot(_)) | OnDevice::Nothing { .. }, Target::Slot(_)) => {}
        other => panic!("{other:?}"),
    }
    // Ours is what the order says, and what is not ours is not.
    if let (Target::Oath(_), Moving::Time(_)) = (&order.target, &order.moving) {
        let taken = take_code(reader, order, AT);
        let fits = matches!(taken, Ok(Taken::Code(Code { otp, of })) if verify(order, &otp, of).is_some());
        assert_eq!(fits, matches!(state, OnDevice::Ours { .. }), "{state:?}");
    }
    written(reader, order).expect("written again");
    let at = match &order.target {
        Target::Slot(target) => typed(reader, order, target.slot),
        _ => computed(reader, order),
    };
    assert!(at.is_some());
}

/// Erases once more, and sees that nothing is there.
fn erased_again(reader: &mut Key, order: &Order) {
    erase(reader, order, clock().as_ref(), &seed()).expect("erased again");
    assert!(matches!(state_of(reader, order, AT), Ok(OnDevice::Nothing { .. })));
}

type Make<C> = Box<dyn Fn() -> (Inserted<C>, Order)>;

/// A key on which something lies before.
fn with(version: Version, reach: Reach, before: &[Order], order: Order) -> (Key, Order) {
    let mut reader = key(version, reach);
    for order in before {
        written(&mut reader, order).expect("prepared");
    }
    reader.put_back();
    (reader, order)
}

/// Orders for keys, and what lay on them before.
fn keys() -> Vec<(&'static str, Make<VirtualYubiKey>)> {
    let target = |current, new| OathTarget { current, new, ..oath_target() };
    let others = || {
        let others = (0..9).map(|number| {
            let account = format!("somebody-with-a-rather-long-name-{number}@example.com");
            oath_order(totp(), OathTarget { account, ..oath_target() })
        });
        others.collect::<Vec<_>>()
    };
    vec![
        ("totp", Box::new(|| with(V5, Reach::Usb, &[], oath_order(totp(), oath_target())))),
        (
            "totp, behind many others",
            Box::new(move || with(V5, Reach::Contactless, &others(), oath_order(totp(), oath_target()))),
        ),
        (
            "totp, in place of another one",
            Box::new(|| {
                let old = Order { seed: Seed::new(vec![1; 20]), ..oath_order(totp(), oath_target()) };
                let order = Order { replaces: true, ..oath_order(totp(), oath_target()) };
                with(V5, Reach::Usb, &[old], order)
            }),
        ),
        (
            "totp, and a password",
            Box::new(move || with(V5, Reach::Usb, &[], oath_order(totp(), target(None, password("new"))))),
        ),
        (
            "totp, and another password",
            Box::new(move || {
                let old =
                    oath_order(totp(), OathTarget { account: "bob".into(), ..target(None, password("old")) });
                with(
                    V5,
                    Reach::Contactless,
                    &[old],
                    oath_order(totp(), target(password("old"), password("new"))),
                )
            }),
        ),
        (
            "totp, old firmware that forgets commands",
            Box::new(|| with(Version::new(4, 2, 6), Reach::Usb, &[], oath_order(totp(), oath_target()))),
        ),
        (
            "totp and a password on a NEO",
            Box::new(move || {
                let order = oath_order(totp(), target(None, password("new")));
                with(Version::new(3, 4, 9), Reach::Contactless, &[], order)
            }),
        ),
        ("hotp", Box::new(|| with(V5, Reach::Usb, &[], oath_order(hotp(5), oath_target())))),
        ("slot", Box::new(|| with(V5, Reach::Usb, &[], slot_order(Slot::One, None, None)))),
        (
            "slot of a NEO",
            Box::new(|| {
                with(
                    Version::new(3, 4, 9),
                    Reach::Contactless,
                    &[],
                    slot_order(Slot::Two, None, access_code(7)),
                )
            }),
        ),
        (
            "slot in use, and another access code",
            Box::new(|| {
                let old =
                    Order { seed: Seed::new(vec![1; 20]), ..slot_order(Slot::Two, None, access_code(1)) };
                let order = slot_order(Slot::Two, access_code(1), access_code(2));
                with(V5, Reach::Usb, &[old], Order { replaces: true, ..order })
            }),
        ),
        (
            "slot that has the access code of then",
            Box::new(|| {
                let old =
                    Order { seed: Seed::new(vec![1; 20]), ..slot_order(Slot::One, None, access_code(2)) };
                let order = slot_order(Slot::One, access_code(1), access_code(2));
                with(V5, Reach::Contactless, &[old], Order { replaces: true, ..order })
            }),
        ),
    ]
}

#[test]
fn what_is_said_of_a_torn_key_is_true() {
    let mut cuts = 0;
    for (name, make) in keys() {
        let outcomes = all_cuts(name, Work::Write, &make, &written_again);
        a_lie_would_be_found(name, &outcomes);
        cuts += outcomes.len();
    }
    assert!(cuts > 400, "{cuts}");
}

#[test]
fn what_is_said_of_a_key_that_was_torn_while_it_was_emptied_is_true() {
    for (name, make) in keys() {
        let make = || {
            let (mut reader, order) = make();
            written(&mut reader, &order).expect("written");
            reader.put_back();
            (reader, order)
        };
        let outcomes = all_cuts(name, Work::Erase, &make, &erased_again);
        a_lie_would_be_found(name, &outcomes);
    }
}

#[test]
fn what_is_said_of_a_torn_token_of_token2_is_true() {
    for serial in [P1, P2] {
        for work in [Work::Write, Work::Erase] {
            let make = || {
                let mut reader = token2(serial);
                let old = Order { seed: Seed::new(vec![1; 32]), ..token2_order(serial) };
                written(&mut reader, &old).expect("prepared");
                reader.put_back();
                // Settings and time are not what they were, so that the first write can be seen.
                let order = Order { hash: HashAlg::Sha256, ..token2_order(serial) };
                (reader, order)
            };
            let again = |reader: &mut Inserted<VirtualToken2>, order: &Order| {
                let state = state_of(reader, order, AT);
                assert_eq!(state, Ok(OnDevice::CannotTell(NextStep::TypeFromDisplay)));
                written(reader, order).expect("written again");
                let otp = reader.card.shown().expect("a seed");
                assert!(verify(order, &otp, expected_code(order, AT).expect("it shows one")).is_some());
            };
            let outcomes = all_cuts(serial, work, &make, &again);
            a_lie_would_be_found(serial, &outcomes);
        }
    }
}
