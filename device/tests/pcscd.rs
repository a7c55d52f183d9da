//! Simulated cards in the readers of the real card reader service.

#[path = "../../hil/readers.rs"]
mod readers;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use mintmark_device::apdu::{Command, Rest, Status, send};
use mintmark_device::applet::identify::identify;
use mintmark_device::applet::ndef::{self, NdefError};
use mintmark_device::applet::token2::{Settings, Step, Token2, Token2Error, write_seed};
use mintmark_device::applet::yubikey::Version;
use mintmark_device::discover::{Known, look};
use mintmark_device::program::{
    self, Code, Moving, OathTarget, Order, Taken, Target, check, take_code, verify, write,
};
use mintmark_device::simulated::Card;
use mintmark_device::simulated::token2::{VirtualToken2, models};
use mintmark_device::simulated::vpcd::InReader;
use mintmark_device::simulated::yubikey::{Reach, VirtualYubiKey};
use mintmark_device::transport::pcsc::{Connection, Holds, Reader, Readers};
use mintmark_device::transport::{Lengths, Transport, TransportError};
use mintmark_engine::clock::{Clock, SystemClock};
use mintmark_engine::oath::{Digits, Generator, HashAlg, PeriodSecs, time_step};
use mintmark_engine::secret::{Passphrase, Seed};
use readers::{ReaderService, configure, in_namespaces, name, port};

/// Sixteen are as many as the service can have.
const READERS: u16 = 16;
const LIMIT: Duration = Duration::from_secs(20);
const P2: &str = "86596220000001";

#[test]
fn cards_are_reached_through_the_real_service() {
    in_namespaces("cards_are_reached_through_the_real_service", inside);
}

/// Watches until it is so.
fn until(readers: &mut Readers, so: impl Fn(&[Reader]) -> bool) -> Vec<Reader> {
    for _ in 0..20 {
        let now = readers.watch(Duration::from_secs(5)).expect("the service runs");
        if so(&now) {
            return now;
        }
    }
    panic!("twenty changes, or as many times five seconds, and not that");
}

fn holding(readers: &[Reader]) -> Vec<&str> {
    let card = |reader: &&Reader| matches!(reader.holds, Holds::Card { .. });
    readers.iter().filter(card).map(|reader| reader.name.as_str()).collect()
}

fn inside() {
    configure(concat!(env!("CARGO_MANIFEST_DIR"), "/../target"), READERS);
    let mut readers = Readers::new();
    assert_eq!(readers.list(), Err(TransportError::NoService));
    let service = ReaderService::start();
    let all = readers.list().expect("the service runs");
    assert_eq!(all.len(), usize::from(READERS));
    assert!(all.iter().all(|reader| reader.holds == Holds::Nothing), "{all:?}");
    let silence = readers.watch(Duration::from_millis(300)).expect("the service runs");
    assert_eq!(silence, all, "nothing changed");

    programming(&mut readers);
    neighbours(&mut readers);
    keys(&mut readers);
    silent_cards(&mut readers);

    // The service is restarted under us.
    drop(service);
    assert_eq!(readers.list(), Err(TransportError::NoService));
    let service = ReaderService::start();
    assert_eq!(readers.list().expect("the service runs again").len(), usize::from(READERS));
    crash(&mut readers, service);
    assert_eq!(readers.list(), Err(TransportError::NoService));
    let _service = ReaderService::start();
    assert_eq!(readers.list().expect("the service runs again").len(), usize::from(READERS));
}

fn settings() -> Settings {
    Settings::new(HashAlg::Sha1, Digits::SIX, PeriodSecs::DEFAULT, 30).expect("settings")
}

fn seed() -> Seed {
    Seed::new(b"12345678901234567890".to_vec())
}

fn program(reader: u16, clock: &dyn Clock) -> Result<i64, Token2Error> {
    let transport = |source| Token2Error::Transport { step: Step::Reading, source };
    let mut connection = Connection::open(&name(reader), LIMIT).map_err(transport)?;
    let mut card = connection.begin().map_err(transport)?;
    let offset = Token2::open(&mut card)?.authenticate(&models())?.program(settings(), &seed(), clock)?;
    card.end_with_reset().map_err(transport)?;
    Ok(offset)
}

/// A token is programmed, in the first reader and in the last one; it is torn out, and laid on again.
fn programming(readers: &mut Readers) {
    let world = Arc::new(SystemClock::new());
    for number in [0, READERS - 1] {
        assert_eq!(Connection::open(&name(number), LIMIT).err(), Some(TransportError::Absent));
        let token = Arc::new(Mutex::new(VirtualToken2::new(P2, world.clone(), 0)));
        let lying = InReader::insert(token.clone(), port(number)).expect("the driver listens");
        let before = until(readers, |now| holding(now) == [name(number)]);
        let changes = |readers: &[Reader]| {
            let its = readers.iter().find(|reader| reader.name == name(number)).expect("it is there").changes;
            let connection = Connection::open(&name(number), LIMIT).expect("a card");
            (its, connection.changes())
        };
        let (seen, connected) = changes(&before);
        assert_eq!(seen, connected, "who connects gets the card that was seen");

        let offset = program(number, world.as_ref()).expect("programmed");
        assert!(offset.abs() <= 2, "{offset}");
        let step = |at| time_step(at, 0, 0, PeriodSecs::DEFAULT).expect("after 1970");
        let generator = Generator::new(&seed(), HashAlg::Sha1);
        let token_clock = token.lock().expect("no panic").clock();
        let expected = generator.code(step(token_clock), Digits::SIX).value(Digits::SIX);
        let shown = token.lock().expect("no panic").shown().expect("a seed");
        assert_eq!(shown.value(Digits::SIX), expected);

        // It goes when it has been asked to authenticate, having done so.
        token.lock().expect("no panic").faults.unanswered_after = Some(2);
        let lost = Token2Error::Transport { step: Step::Authenticating, source: TransportError::Lost };
        assert_eq!(program(number, world.as_ref()), Err(lost));
        until(readers, |now| holding(now).is_empty());
        drop(lying);
        let lying = InReader::insert(token, port(number)).expect("the driver listens");
        let after = until(readers, |now| holding(now) == [name(number)]);
        assert_ne!(before, after, "an equal card that came back is seen");
        let (seen, connected_again) = changes(&after);
        assert_eq!(seen, connected_again);
        assert_ne!(connected, connected_again, "and told from the one before by whoever connects");
        program(number, world.as_ref()).expect("programmed again");
        drop(lying);
        until(readers, |now| holding(now).is_empty());
    }
}

/// Two programs share a card; who waits is told, and what one left is there for the other.
fn neighbours(readers: &mut Readers) {
    let world = Arc::new(SystemClock::new());
    let token = Arc::new(Mutex::new(VirtualToken2::new(P2, world, 0)));
    let _lying = InReader::insert(token, port(0)).expect("the driver listens");
    until(readers, |now| holding(now) == [name(0)]);
    let mut ours = Connection::open(&name(0), LIMIT).expect("a card");
    let mut theirs = Connection::open(&name(0), Duration::from_secs(2)).expect("shared");
    let mut turn = ours.begin().expect("free");
    assert_eq!(theirs.begin().err(), Some(TransportError::Busy));
    assert!(Token2::open(&mut turn).and_then(|token| token.authenticate(&models())).is_ok());
    assert_eq!(ndef::read_uid(&mut turn), Ok(None), "the simulated reader has no number to say");
    drop(turn);
    drop(ours);
    let write = write_seed(&seed()).expect("fits");
    let mut next = theirs.begin().expect("free again");
    let status = send(&mut next, &write, Rest::GetResponse).expect("answered").status;
    assert_eq!(status, Status::OK, "nobody has reset the card");
    next.end_with_reset().expect("ended");
    let mut next = theirs.begin().expect("free");
    let status = send(&mut next, &write, Rest::GetResponse).expect("answered").status;
    assert_eq!(status, Status(0x6983), "the reset has made it forget who authenticated");
}

fn order() -> Order {
    let target = OathTarget {
        issuer: Some("ACME".to_owned()),
        account: "alice".to_owned(),
        touch: false,
        current: None,
        new: Some(Passphrase::from_text("correct horse".to_owned())),
    };
    Order {
        serial: "12345678".to_owned(),
        seed: seed(),
        moving: Moving::Time(PeriodSecs::DEFAULT),
        hash: HashAlg::Sha1,
        digits: Digits::SIX,
        replaces: false,
        nonce: [7; 8],
        target: Target::Oath(target),
    }
}

/// Lengths follow from the ATR that comes through the service: extended ones over USB, short ones contactless. A key is
/// looked at and written to, and its code is that of the seed.
fn keys(readers: &mut Readers) {
    let world = SystemClock::new();
    for (reach, lengths) in [(Reach::Usb, Lengths::Extended), (Reach::Contactless, Lengths::Short)] {
        until(readers, |now| holding(now).is_empty());
        let version = Version { major: 5, minor: 7, patch: 4 };
        let key = Arc::new(Mutex::new(VirtualYubiKey::new(12_345_678, version, reach)));
        let _lying = InReader::insert(key, port(1)).expect("the driver listens");
        until(readers, |now| holding(now) == [name(1)]);
        let mut connection = Connection::open(&name(1), LIMIT).expect("a card");
        let atr = connection.atr().to_vec();
        let mut turn = connection.begin().expect("free");
        assert_eq!(turn.lengths(), lengths);
        assert_eq!(identify(&mut turn).expect("it says who it is").serial, Some(12_345_678));
        assert_eq!(ndef::read(&mut turn, &atr), Err(NdefError::YubiKey));
        let found = look(&mut turn, &atr, &Known::default()).expect("it can be looked at");
        let order = order();
        check(&order, &found).expect("it fits");
        let mut steps = Vec::new();
        write(&mut turn, &order, &world, &mut |step| steps.push(step)).expect("written");
        assert_eq!(steps, [program::Step::Reading, program::Step::Writing, program::Step::Checking]);
        let Ok(Taken::Code(Code { otp, of })) = take_code(&mut turn, &order, world.now()) else {
            panic!("it computes")
        };
        assert!(verify(&order, &otp, of).is_some());
        assert!(matches!(Token2::open(&mut turn).err(), Some(Token2Error::OtherToken(_))));
    }
}

/// A card that answers when it is let.
struct Hesitant {
    asked: Sender<()>,
    let_go: Receiver<()>,
}

impl Card for Hesitant {
    fn atr(&self) -> &[u8] {
        &[0x3b, 0x80, 0x80, 0x01, 0x01]
    }

    fn power_on(&mut self) {}

    fn transmit(&mut self, _: &[u8]) -> Option<Vec<u8>> {
        let _ = self.asked.send(());
        let _ = self.let_go.recv();
        None
    }
}

/// Nobody waits for a card longer than was said.
fn silent_cards(readers: &mut Readers) {
    let (asked, was_asked) = channel();
    let (let_go, wait) = channel();
    until(readers, |now| holding(now).is_empty());
    let card = Arc::new(Mutex::new(Hesitant { asked, let_go: wait }));
    let lying = InReader::insert(card, port(2)).expect("the driver listens");
    until(readers, |now| holding(now) == [name(2)]);
    let mut connection = Connection::open(&name(2), Duration::from_secs(5)).expect("a card");
    let mut turn = connection.begin().expect("free");
    let command = Command::new(0x00, 0x01, 0x00, 0x00);
    assert_eq!(send(&mut turn, &command, Rest::GetResponse).err(), Some(TransportError::Silent));
    was_asked.recv().expect("it was asked");
    assert_eq!(turn.transmit(&[0, 1, 0, 0]).err(), Some(TransportError::Silent));
    drop(turn);
    assert_eq!(connection.begin().err(), Some(TransportError::Silent));
    drop(let_go);
    drop(lying);
    until(readers, |now| holding(now).is_empty());
}

/// The service ends while a card works on a command: what the card did is not known.
fn crash(readers: &mut Readers, service: ReaderService) {
    let (asked, was_asked) = channel();
    let (let_go, wait) = channel();
    let card = Arc::new(Mutex::new(Hesitant { asked, let_go: wait }));
    let lying = InReader::insert(card, port(2)).expect("the driver listens");
    until(readers, |now| holding(now) == [name(2)]);
    let mut connection = Connection::open(&name(2), LIMIT).expect("a card");
    let mut turn = connection.begin().expect("free");
    let sent = thread::scope(|scope| {
        let sent = scope.spawn(|| turn.transmit(&[0, 1, 0, 0]));
        was_asked.recv().expect("it was asked");
        service.crash();
        sent.join().expect("no panic")
    });
    assert_eq!(sent.err(), Some(TransportError::Lost));
    drop(let_go);
    drop(lying);
}
