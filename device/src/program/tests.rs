use std::sync::Arc;
use std::time::Duration;

use mintmark_engine::clock::ManualClock;
use mintmark_engine::oath::{Digits, HashAlg, MovingFactor, Otp, PeriodSecs, YubicoPublicId};
use mintmark_engine::secret::Passphrase;
use zeroize::Zeroizing;

use super::*;
use crate::applet::management::{Capabilities, ConfigChange, Management};
use crate::applet::oath::{Credential, CredentialId, OathError, YkOath};
use crate::applet::otp::config::AccessCode;
use crate::applet::otp::{OtpError, Slot};
use crate::applet::token2::Token2Error;
use crate::applet::yubikey::{Version, YubiKeyError};
use crate::discover::{Found, Holding, Known, Remark, look};
use crate::simulated::slim::VirtualSlim;
use crate::simulated::token2::{VirtualToken2, models};
use crate::simulated::yubikey::{Reach, VirtualYubiKey};
use crate::simulated::{Card, Inserted};
use crate::transport::{Lengths, TransportError};

mod cuts;
mod hostile;

const AT: UnixTime = UnixTime::from_secs(1_700_000_000);
const SERIAL: u32 = 12_345_678;
const V5: Version = Version::new(5, 7, 4);
const P1: &str = "86596120000007";
const P2: &str = "86596220000001";

type Key = Inserted<VirtualYubiKey>;

fn key(version: Version, reach: Reach) -> Key {
    let key = VirtualYubiKey::new(SERIAL, version, reach);
    let lengths = key.lengths();
    let mut reader = Inserted::new(key, lengths);
    // The first SELECT draws the salt: after it looking changes nothing.
    YkOath::select(&mut reader).expect("selected");
    reader
}

fn token2(serial: &str) -> Inserted<VirtualToken2> {
    Inserted::new(VirtualToken2::new(serial, clock(), 0), Lengths::Short)
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(AT))
}

fn seed() -> Seed {
    Seed::new(b"12345678901234567890".to_vec())
}

fn password(text: &str) -> Option<Passphrase> {
    Some(Passphrase::from_text(text.to_owned()))
}

fn access_code(byte: u8) -> Option<AccessCode> {
    AccessCode::new(Zeroizing::new([byte; 6]))
}

fn order(serial: &str, moving: Moving, target: Target) -> Order {
    Order {
        serial: serial.to_owned(),
        seed: seed(),
        moving,
        hash: HashAlg::Sha1,
        digits: Digits::SIX,
        replaces: false,
        nonce: [7, 1, 8, 2, 8, 1, 8, 2],
        target,
    }
}

fn oath_target() -> OathTarget {
    OathTarget {
        issuer: Some("ACME".to_owned()),
        account: "alice".to_owned(),
        touch: false,
        current: None,
        new: None,
    }
}

fn totp() -> Moving {
    Moving::Time(PeriodSecs::DEFAULT)
}

fn hotp(counter: u64) -> Moving {
    Moving::Counter(MovingFactor(counter))
}

fn oath_order(moving: Moving, target: OathTarget) -> Order {
    order("12345678", moving, Target::Oath(target))
}

fn slot_order(slot: Slot, current: Option<AccessCode>, new: Option<AccessCode>) -> Order {
    order("12345678", hotp(0), Target::Slot(SlotTarget { slot, enter: true, current, new }))
}

fn token2_order(serial: &str) -> Order {
    order(serial, totp(), Target::SingleProfile(Token2Target { models: models(), display_secs: 30 }))
}

fn written(reader: &mut dyn Transport, order: &Order) -> Result<Written, WriteError> {
    write(reader, order, clock().as_ref(), &mut |_| ())
}

fn found<C: Card>(reader: &mut Inserted<C>) -> Found {
    let atr = reader.card.atr().to_vec();
    look(reader, &atr, &Known { models: models(), expects_token2: false }).expect("it can be looked at")
}

/// The code that the token computes, and what it is of.
fn computed(reader: &mut dyn Transport, order: &Order) -> Option<MovingFactor> {
    match take_code(reader, order, AT).expect("asked") {
        Taken::Code(Code { otp, of }) => verify(order, &otp, of),
        other => panic!("{other:?}"),
    }
}

/// The code that a key types.
fn typed(reader: &mut Key, order: &Order, slot: Slot) -> Option<MovingFactor> {
    let typed = reader.card.press(slot)?;
    let otp = Otp::parse_shaped(&typed, None).expect("a code");
    verify(order, &otp, expected_code(order, AT).expect("it shows one"))
}

#[test]
fn a_credential_is_written_and_its_code_is_ours() {
    for reach in [Reach::Usb, Reach::Contactless] {
        for hash in HashAlg::ALL {
            let mut reader = key(V5, reach);
            let period = || Moving::Time(PeriodSecs::new(60).expect("a period"));
            let order = Order { hash, digits: Digits::EIGHT, ..oath_order(period(), oath_target()) };
            check(&order, &found(&mut reader)).expect("it fits");
            let mut steps = Vec::new();
            write(&mut reader, &order, clock().as_ref(), &mut |step| steps.push(step)).expect("written");
            assert_eq!(steps, [Step::Reading, Step::Writing, Step::Checking]);
            let step = time_step_of(60);
            assert_eq!(computed(&mut reader, &order), Some(step));
            assert_eq!(state_of(&mut reader, &order, AT), Ok(OnDevice::Ours { next: None }));
            let other = Order { seed: Seed::new(vec![9; 20]), ..oath_order(period(), oath_target()) };
            let other = Order { hash, digits: Digits::EIGHT, ..other };
            assert_eq!(state_of(&mut reader, &other, AT), Ok(OnDevice::NotOurs));
            erase(&mut reader, &order, clock().as_ref(), &seed()).expect("erased");
            assert_eq!(state_of(&mut reader, &order, AT), Ok(OnDevice::Nothing { is_locked: false }));
            erase(&mut reader, &order, clock().as_ref(), &seed()).expect("nothing to erase");
        }
    }
}

fn time_step_of(period: i64) -> MovingFactor {
    MovingFactor(u64::try_from(AT.secs() / period).expect("after 1970"))
}

#[test]
fn a_counter_says_which_of_its_codes_was_used() {
    let mut reader = key(V5, Reach::Usb);
    let order = oath_order(hotp(40), oath_target());
    written(&mut reader, &order).expect("written");
    let other = Order { seed: Seed::new(vec![9; 20]), ..oath_order(hotp(0), oath_target()) };
    let mut elsewhere = key(V5, Reach::Usb);
    written(&mut elsewhere, &other).expect("written");
    assert_eq!(state_of(&mut elsewhere, &order, AT), Ok(OnDevice::NotOurs));
    assert_eq!(computed(&mut reader, &order), Some(MovingFactor(40)));
    assert_eq!(computed(&mut reader, &order), Some(MovingFactor(41)));
    let next = Some(MovingFactor(44));
    assert_eq!(state_of(&mut reader, &order, AT), Ok(OnDevice::Ours { next }));
    // However often somebody looks, it stays ours.
    for _ in 0..50 {
        assert!(matches!(state_of(&mut reader, &order, AT), Ok(OnDevice::Ours { .. })));
    }
    assert_eq!(order.first_counter(), Some(MovingFactor(40)));
}

#[test]
fn a_touch_is_waited_for() {
    let mut reader = key(V5, Reach::Usb);
    let order = oath_order(totp(), OathTarget { touch: true, ..oath_target() });
    written(&mut reader, &order).expect("written");
    assert!(matches!(take_code(&mut reader, &order, AT), Ok(Taken::Touch)));
    assert_eq!(state_of(&mut reader, &order, AT), Ok(OnDevice::CannotTell(NextStep::Touch)));
    reader.card.set_touched(true);
    assert_eq!(computed(&mut reader, &order), Some(time_step_of(30)));
    assert_eq!(state_of(&mut reader, &order, AT), Ok(OnDevice::Ours { next: None }));
}

#[test]
fn a_password_is_set_used_and_changed() {
    for version in [V5, Version::new(3, 4, 9)] {
        let mut reader = key(version, Reach::Contactless);
        let target = |current, new| OathTarget { current, new, ..oath_target() };
        let set = oath_order(totp(), target(None, password("first")));
        written(&mut reader, &set).expect("written");
        assert_eq!(computed(&mut reader, &set), Some(time_step_of(30)), "by the password that was set");
        let again = Order { replaces: true, ..set };
        written(&mut reader, &again).expect("after a doubt");

        let none = Order { replaces: true, ..oath_order(totp(), oath_target()) };
        assert_eq!(check(&none, &found(&mut reader)), Err(Unfit::Oath(OathError::Locked)));
        let locked = Trouble::Unfit(Unfit::Oath(OathError::Locked));
        assert_eq!(written(&mut reader, &none), Err(WriteError::NotStarted(locked)));
        let unknown = Ok(OnDevice::CannotTell(NextStep::ResetOath));
        assert_eq!(state_of(&mut reader, &none, AT), unknown);
        let wrong = oath_order(totp(), target(password("wrong"), password("too")));
        let refused = Trouble::Unfit(Unfit::Oath(OathError::WrongPassword));
        assert_eq!(written(&mut reader, &wrong), Err(WriteError::NotStarted(refused)));

        let change = oath_order(totp(), target(password("first"), password("second")));
        let change = Order { replaces: true, ..change };
        check(&change, &found(&mut reader)).expect("it fits");
        written(&mut reader, &change).expect("written");
        written(&mut reader, &change).expect("the password of then opens it, too");
        let first = oath_order(totp(), target(password("first"), None));
        assert_eq!(state_of(&mut reader, &first, AT), unknown);
        assert_eq!(state_of(&mut reader, &change, AT), Ok(OnDevice::Ours { next: None }));
    }
}

#[test]
fn a_password_goes_with_what_it_protects() {
    let target = |current: Option<&str>, new: Option<&str>| OathTarget {
        current: current.map(|text| Passphrase::from_text(text.to_owned())),
        new: new.map(|text| Passphrase::from_text(text.to_owned())),
        ..oath_target()
    };
    let totp = || Moving::Time(PeriodSecs::DEFAULT);
    let is_locked = |reader: &mut Key| {
        found(reader).holdings.iter().any(|it| matches!(it, Holding::Oath { credentials: None, .. }))
    };
    let mut reader = key(V5, Reach::Usb);
    let ours = oath_order(totp(), target(None, Some("ours")));
    written(&mut reader, &ours).expect("written");
    assert!(is_locked(&mut reader));
    erase(&mut reader, &ours, clock().as_ref(), &seed()).expect("erased");
    assert!(!is_locked(&mut reader), "nothing is left that it protects");

    // Torn out behind SET CODE: nothing but the password lies there, which is said, and gone after the next time.
    let set = |reader: &mut Key| {
        let mut oath = YkOath::select(reader).expect("it is there");
        let password = oath.access_key(&Passphrase::from_text("ours".to_owned()));
        oath.set_code(&password, [7; 8]).expect("set");
    };
    set(&mut reader);
    assert_eq!(state_of(&mut reader, &ours, AT), Ok(OnDevice::Nothing { is_locked: true }));
    let open = oath_order(totp(), target(Some("ours"), None));
    check(&open, &found(&mut reader)).expect("it fits");
    written(&mut reader, &open).expect("written");
    assert!(!is_locked(&mut reader), "the order wants no password");
    assert_eq!(state_of(&mut reader, &open, AT), Ok(OnDevice::Ours { next: None }));
    erase(&mut reader, &open, clock().as_ref(), &seed()).expect("erased");
    set(&mut reader);
    erase(&mut reader, &ours, clock().as_ref(), &seed()).expect("nothing to erase but the password");
    assert!(!is_locked(&mut reader));

    // It stays while it protects something else.
    let other = oath_order(totp(), OathTarget { account: "other".to_owned(), ..target(None, Some("ours")) });
    for order in [&ours, &other] {
        written(&mut reader, order).expect("written");
    }
    erase(&mut reader, &ours, clock().as_ref(), &seed()).expect("erased");
    assert!(is_locked(&mut reader));
    assert_eq!(state_of(&mut reader, &other, AT), Ok(OnDevice::Ours { next: None }));
}

#[test]
fn a_slot_types_blocks_that_say_their_position() {
    for (slot, place) in [(Slot::One, 0), (Slot::Two, 1)] {
        let mut reader = key(V5, Reach::Usb);
        let public_id = YubicoPublicId::of_device(12_345_678, place);
        let order = || Order {
            seed: Seed::new((1..=22).collect()),
            moving: Moving::Uses(public_id.clone()),
            ..slot_order(slot, None, access_code(7))
        };
        check(&order(), &found(&mut reader)).expect("it fits");
        written(&mut reader, &order()).expect("written");
        let text = reader.card.press(slot).expect("it types");
        assert!(text.starts_with(["vvccccnrhbfu", "vvcbccnrhbfu"][usize::from(place)]), "{}", *text);
        let otp = Otp::parse_shaped(&text, None).expect("a code");
        let of = expected_code(&order(), AT).expect("it types one");
        assert_eq!(verify(&order(), &otp, of), Some(MovingFactor(1 << 8)));
        assert_eq!(typed(&mut reader, &order(), slot), Some(MovingFactor((1 << 8) + 1)));
        // Another key, another private id, another public id: none of ours.
        for at in [0, 21] {
            let mut other: Vec<u8> = (1..=22).collect();
            other[at] ^= 1;
            assert_eq!(verify(&Order { seed: Seed::new(other), ..order() }, &otp, of), None);
        }
        let other = YubicoPublicId::of_device(12_345_679, place);
        assert_eq!(verify(&Order { moving: Moving::Uses(other), ..order() }, &otp, of), None);
        // Only a slot takes it, and only with 22 bytes.
        let short = Order { seed: seed(), ..order() };
        assert_eq!(check(&short, &found(&mut reader)), Err(Unfit::Slot(OtpError::YubicoLength(20))));
        let credential = Order { target: Target::Oath(oath_target()), ..order() };
        let application = Application::Oath;
        assert_eq!(
            check(&credential, &found(&mut reader)),
            Err(Unfit::Kind { application, fits: "totp or hotp" })
        );
    }
}

#[test]
fn a_slot_types_our_codes() {
    for (slot, digits) in [(Slot::One, Digits::SIX), (Slot::Two, Digits::EIGHT)] {
        let mut reader = key(V5, Reach::Usb);
        let order = Order { digits, moving: hotp(3), ..slot_order(slot, None, access_code(7)) };
        check(&order, &found(&mut reader)).expect("it fits");
        assert_eq!(state_of(&mut reader, &order, AT), Ok(OnDevice::Nothing { is_locked: false }));
        written(&mut reader, &order).expect("written");
        assert!(
            matches!(take_code(&mut reader, &order, AT), Ok(Taken::ByHand(ByHand::TouchSlot(of))) if of == slot)
        );
        // A slot begins at a multiple of 16.
        assert_eq!(order.first_counter(), Some(MovingFactor(16)));
        assert_eq!(typed(&mut reader, &order, slot), Some(MovingFactor(16)));
        assert_eq!(typed(&mut reader, &order, slot), Some(MovingFactor(17)));
        let by_hand = Ok(OnDevice::CannotTell(NextStep::TypeFromSlot(slot)));
        assert_eq!(state_of(&mut reader, &order, AT), by_hand);

        assert_eq!(check(&order, &found(&mut reader)), Err(Unfit::SlotOccupied(slot)));
        let occupied = Trouble::Unfit(Unfit::SlotOccupied(slot));
        assert_eq!(written(&mut reader, &order), Err(WriteError::NotStarted(occupied)));
        let again = Order { replaces: true, ..order };
        written(&mut reader, &again).expect("the access code of then opens it");

        // Another order does not know the access code: the key keeps what it has.
        let stranger = Order { replaces: true, ..slot_order(slot, access_code(8), access_code(9)) };
        let before = reader.card.memory();
        let rejected = Trouble::Slot(OtpError::Rejected(slot));
        assert_eq!(written(&mut reader, &stranger), Err(WriteError::Refused(rejected)));
        let rejected = Trouble::Slot(OtpError::Rejected(slot));
        let erased = erase(&mut reader, &stranger, clock().as_ref(), &seed());
        assert_eq!(erased, Err(WriteError::Refused(rejected)));
        assert!(before == reader.card.memory());

        erase(&mut reader, &again, clock().as_ref(), &seed()).expect("erased");
        erase(&mut reader, &again, clock().as_ref(), &seed()).expect("nothing to erase");
        assert_eq!(reader.card.press(slot), None);
    }
}

#[test]
fn a_slot_without_an_access_code_is_written_whatever_it_makes_of_one() {
    for is_strict in [false, true] {
        let mut reader = key(V5, Reach::Usb);
        reader.card.set_strict(is_strict);
        written(&mut reader, &slot_order(Slot::One, None, None)).expect("written");
        let again = slot_order(Slot::One, access_code(7), access_code(8));
        let again = Order { replaces: true, ..again };
        written(&mut reader, &again).expect("no access code is the last one that is tried");
        written(&mut reader, &again).expect("then it has that of then");
        erase(&mut reader, &again, clock().as_ref(), &seed()).expect("erased");
        written(&mut reader, &again).expect("an empty slot takes none");
    }
}

#[test]
fn a_token_of_token2_shows_our_codes() {
    for serial in [P1, P2] {
        let mut reader = token2(serial);
        let order = Order { hash: HashAlg::Sha256, ..token2_order(serial) };
        check(&order, &found(&mut reader)).expect("it fits");
        let mut steps = Vec::new();
        let done = write(&mut reader, &order, clock().as_ref(), &mut |step| steps.push(step));
        assert_eq!(done, Ok(Written { clock_offset_secs: Some(0) }));
        assert_eq!(steps, [Step::Reading, Step::Writing, Step::Checking]);
        assert!(matches!(take_code(&mut reader, &order, AT), Ok(Taken::ByHand(ByHand::ReadDisplay))));
        let shows = |reader: &Inserted<VirtualToken2>| {
            let otp = reader.card.shown().expect("a seed");
            verify(&order, &otp, expected_code(&order, AT).expect("it shows one"))
        };
        assert_eq!(shows(&reader), Some(time_step_of(30)));
        let display = Ok(OnDevice::CannotTell(NextStep::TypeFromDisplay));
        assert_eq!(state_of(&mut reader, &order, AT), display);
        let clock_offset_secs = -86_400;
        let late = AT.plus_secs(86_400);
        let again = Ok(OnDevice::CannotTell(NextStep::WriteAgain { clock_offset_secs }));
        assert_eq!(state_of(&mut reader, &order, late), again);
        erase(&mut reader, &order, clock().as_ref(), &Seed::new(vec![3; 32])).expect("overwritten");
        assert_eq!(shows(&reader), None);
    }
}

#[test]
fn codes_of_other_seeds_and_times_are_none() {
    let ours = token2_order(P2);
    let otp = |seed: &Seed, step: u64| {
        mintmark_engine::oath::Generator::new(seed, HashAlg::Sha1).code(MovingFactor(step), Digits::SIX)
    };
    let of = expected_code(&ours, AT).expect("it shows one");
    let step = time_step_of(30).0;
    for (at, fits) in [(step - 2, false), (step - 1, true), (step, true), (step + 1, true), (step + 2, false)]
    {
        assert_eq!(verify(&ours, &otp(&seed(), at), of), fits.then_some(MovingFactor(at)));
    }
    assert_eq!(verify(&ours, &otp(&Seed::new(vec![1; 20]), step), of), None);
    assert_eq!(verify(&ours, &otp(&seed(), step + 1), CodeOf::Step(MovingFactor(step))), None);
    let slot = slot_order(Slot::One, None, None);
    let of = expected_code(&slot, AT).expect("it types one");
    assert_eq!(verify(&slot, &otp(&seed(), 10), of), Some(MovingFactor(10)));
    assert_eq!(verify(&slot, &otp(&seed(), 11), of), None);
}

#[test]
fn what_does_not_fit_is_refused_before() {
    let refused = |order: &Order, reader: &mut Key| {
        let before = reader.card.memory();
        let unfit = check(order, &found(reader)).expect_err("it does not fit");
        let error = written(reader, order).expect_err("it does not fit");
        assert!(matches!(error, WriteError::NotStarted(_)), "{error:?}");
        assert_eq!(error.trouble().to_string(), unfit.to_string(), "known before and at the token");
        assert!(before == reader.card.memory());
        unfit.to_string()
    };
    let oath = || oath_order(totp(), oath_target());
    let slot = || slot_order(Slot::One, None, None);
    let old = &mut key(Version::new(4, 2, 3), Reach::Usb);
    let sha512 = refused(&Order { hash: HashAlg::Sha512, ..oath() }, old);
    assert_eq!(sha512, "SHA-512 needs firmware 4.3.1, this key has 4.2.3; use a newer key");
    let touch = refused(&oath_order(totp(), OathTarget { touch: true, ..oath_target() }), old);
    assert!(touch.contains("4.2.4"), "{touch}");
    let new = &mut key(V5, Reach::Usb);
    assert!(refused(&Order { seed: Seed::new(vec![]), ..oath() }, new).contains("empty"));
    let long = OathTarget { account: "x".repeat(70), ..oath_target() };
    assert!(refused(&oath_order(totp(), long), new).contains("75 bytes"));
    assert!(refused(&oath_order(hotp(1 << 32), oath_target()), new).contains("counter 4294967296"));
    assert!(refused(&Order { seed: Seed::new(vec![1; 21]), ..slot() }, new).contains("holds 1 to 20"));
    let seven = Digits::new(7).expect("digits");
    assert!(refused(&Order { digits: seven, ..slot() }, new).contains("6 or 8 digits"));
    assert!(refused(&Order { hash: HashAlg::Sha256, ..slot() }, new).contains("sha1, not sha256"));
    assert!(refused(&Order { moving: totp(), ..slot() }, new).contains("takes hotp or yubico_otp only"));
    assert!(refused(&Order { moving: hotp(1 << 21), ..slot() }, new).contains("begin at a lower one"));
    let other = refused(&Order { serial: "7".to_owned(), ..oath() }, new);
    assert_eq!(other, "token 12345678 lies on the reader, and 7 was to be written to; lay that one on");
    written(new, &oath()).expect("written");
    assert!(refused(&oath(), new).contains("ACME:alice already"));
}

#[test]
fn a_full_store_is_refused_before() {
    for (version, most) in [(V5, 64), (Version::new(5, 4, 3), 32), (Version::new(3, 4, 9), 28)] {
        let mut reader = key(version, Reach::Contactless);
        let seed = seed();
        let mut oath = YkOath::select(&mut reader).expect("selected");
        for number in 0..most {
            let id = CredentialId::new(format!("{number:02}{}", "x".repeat(62)).into()).expect("a name");
            let moving = crate::applet::oath::Moving::Time;
            let (hash, digits) = (HashAlg::Sha1, Digits::SIX);
            oath.put(&Credential { id: &id, moving, hash, digits, seed: &seed, touch: false })
                .expect("written");
        }
        let order = oath_order(totp(), OathTarget { account: "y".repeat(59), ..oath_target() });
        assert_eq!(check(&order, &found(&mut reader)), Err(Unfit::Oath(OathError::Full)));
        let full = Trouble::Unfit(Unfit::Oath(OathError::Full));
        assert_eq!(written(&mut reader, &order), Err(WriteError::NotStarted(full)));
    }
}

#[test]
fn tokens_of_token2_refuse_what_they_cannot() {
    let refused = |order: Order| {
        let mut reader = token2(&order.serial);
        let before = reader.card.memory();
        let unfit = check(&order, &found(&mut reader)).expect_err("it does not fit");
        let error = written(&mut reader, &order).expect_err("it does not fit");
        assert!(matches!(error, WriteError::NotStarted(_)), "{error:?}");
        assert_eq!(error.trouble().to_string(), unfit.to_string());
        assert!(before == reader.card.memory());
        unfit
    };
    let unknown = Unfit::Token2(Token2Error::UnknownModel("12345678901234".to_owned()));
    assert_eq!(refused(token2_order("12345678901234")), unknown);
    let order = || token2_order(P2);
    assert_eq!(
        refused(Order { hash: HashAlg::Sha512, ..order() }),
        Unfit::Token2(Token2Error::Hash("sha512"))
    );
    assert_eq!(refused(Order { digits: Digits::EIGHT, ..order() }), Unfit::Token2(Token2Error::Digits(8)));
    assert_eq!(
        refused(Order { seed: Seed::new(vec![1; 64]), ..order() }),
        Unfit::Token2(Token2Error::SeedLength(64))
    );
    let application = Application::SingleProfile;
    assert_eq!(refused(Order { moving: hotp(0), ..order() }), Unfit::Kind { application, fits: "totp" });
}

#[test]
fn what_has_no_place_for_it_says_why() {
    let info = crate::applet::slim::SlimInfo {
        hardware: 0x70,
        software: (0x10, 1),
        settable_clock: true,
        period_secs: 30,
    };
    let slim = found(&mut Inserted::new(VirtualSlim::new(info), Lengths::Short));
    let unfit = check(&token2_order(P2), &slim).expect_err("not writable").to_string();
    assert!(unfit.starts_with("the token has no place for this (single_profile)"), "{unfit}");
    assert!(unfit.contains("has not published how"), "{unfit}");
    let key = found(&mut key(V5, Reach::Usb));
    assert!(matches!(
        check(&Order { serial: "12345678".into(), ..token2_order(P2) }, &key),
        Err(Unfit::NotThere { .. })
    ));
    let nfc = Some(Capabilities::OTP);
    let mut slots_alone = self::key(V5, Reach::Contactless);
    let mut management = Management::select(&mut slots_alone).expect("selected");
    management.write_config(&ConfigChange { nfc, ..Default::default() }).expect("written");
    slots_alone.put_back();
    let unfit =
        check(&oath_order(totp(), oath_target()), &found(&mut slots_alone)).expect_err("not over NFC");
    assert!(unfit.to_string().contains("not there over NFC: put the key into a USB port"), "{unfit}");
    let hidden = Found { holdings: Vec::new(), serial: None, remarks: vec![Remark::NfcRestricted], ..key };
    let unfit = check(&oath_order(totp(), oath_target()), &hidden).expect_err("hidden").to_string();
    assert!(unfit.contains("USB port for a few seconds"), "{unfit}");
}

/// A token that is exchanged for another one before so many commands have come.
struct Exchanged(Key, Key, usize);
impl Transport for Exchanged {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        self.2 = self.2.saturating_sub(1);
        if self.2 > 0 { self.0.transmit(command) } else { self.1.transmit(command) }
    }

    fn lengths(&self) -> Lengths {
        self.0.lengths()
    }
}

#[test]
fn another_token_is_never_written_to() {
    let mut reader = key(V5, Reach::Usb);
    reader.card.faults.wrong_serial = true;
    let before = reader.card.memory();
    let other = |error: WriteError| {
        matches!(error, WriteError::NotStarted(Trouble::Unfit(Unfit::OtherDevice { .. })))
    };
    for order in [oath_order(totp(), oath_target()), slot_order(Slot::One, None, None)] {
        assert!(other(written(&mut reader, &order).expect_err("another one")));
        assert!(other(erase(&mut reader, &order, clock().as_ref(), &seed()).expect_err("another one")));
        let state = state_of(&mut reader, &order, AT);
        assert!(matches!(state, Err(Trouble::Unfit(Unfit::OtherDevice { .. }))));
    }
    assert!(before == reader.card.memory());
    let mut reader = token2(P2);
    assert!(other(written(&mut reader, &token2_order(P1)).expect_err("another one")));
    assert!(other(
        erase(&mut reader, &token2_order(P1), clock().as_ref(), &seed()).expect_err("another one")
    ));
}

#[test]
fn a_token_that_is_exchanged_meanwhile_is_in_doubt() {
    let other = VirtualYubiKey::new(SERIAL + 1, V5, Reach::Usb);
    let lengths = other.lengths();
    // Five commands go to the first one: two of the management application, three of OATH, the last of which writes.
    let mut reader = Exchanged(key(V5, Reach::Usb), Inserted::new(other, lengths), 6);
    let error = written(&mut reader, &oath_order(totp(), oath_target())).expect_err("exchanged");
    assert!(matches!(error, WriteError::Unknown(Trouble::Unfit(Unfit::OtherDevice { .. }))), "{error:?}");
}

#[test]
fn a_token_that_forgets_is_found_out() {
    let mut reader = key(V5, Reach::Usb);
    reader.card.faults.forgets = true;
    let order = oath_order(totp(), oath_target());
    written(&mut reader, &order).expect("it says so");
    let gone = take_code(&mut reader, &order, AT).map(drop);
    assert!(matches!(gone, Err(Trouble::Oath(OathError::NotFound(_)))), "{gone:?}");
    assert_eq!(state_of(&mut reader, &order, AT), Ok(OnDevice::Nothing { is_locked: false }));
    // A token of Token2 keeps neither seed nor time; the time is read back.
    let world = clock();
    let mut reader = Inserted::new(VirtualToken2::new(P2, world.clone(), 0), Lengths::Short);
    reader.card.faults.forgets = true;
    let later = ManualClock::new(AT);
    later.advance(Duration::from_mins(1));
    let error = write(&mut reader, &token2_order(P2), &later, &mut |_| ()).expect_err("its clock is wrong");
    assert_eq!(error, WriteError::Unknown(Trouble::Token2(Token2Error::ClockOff(-60))));
}

#[test]
fn a_card_without_end_is_ended() {
    let mut reader = key(V5, Reach::Usb);
    reader.card.faults.endless = true;
    let error = written(&mut reader, &oath_order(totp(), oath_target())).expect_err("endless");
    assert!(matches!(error, WriteError::NotStarted(Trouble::Key(YubiKeyError::Transport(_)))), "{error:?}");
    assert!(error.trouble().transport().is_some());
}

#[test]
fn no_secret_is_shown() {
    let secret = b"RFC-TEST-SEED-0123456";
    let mut oath = oath_order(
        totp(),
        OathTarget { current: password("grasshopper"), new: password("woodlouse"), ..oath_target() },
    );
    oath.seed = Seed::new(secret.to_vec());
    let slot = slot_order(Slot::One, access_code(0xa7), access_code(0xb9));
    let shown = format!("{oath:?}{oath:#?}{slot:?}{slot:#?}");
    for hidden in [
        "RFC-TEST",
        "grasshopper",
        "woodlouse",
        "5246432D",
        "5246432d",
        "82, 70, 67",
        "a7a7",
        "A7A7",
        "167, 167",
        "UkZDLV",
    ] {
        assert!(!shown.contains(hidden), "{hidden} in {shown}");
    }
}

#[test]
fn applications_have_names() {
    for application in Application::ALL {
        assert_eq!(Application::from_name(application.name(), application.slot()), Some(application));
    }
    let second = Application::Slot(Slot::Two);
    assert_eq!((second.name(), second.slot()), ("otp_slot", Some(2)));
    assert_eq!(Application::from_name("otp_slot", None), None);
    assert_eq!(Application::from_name("oath", Some(1)), None);
    assert_eq!(Application::from_name("piv", None), None);
}

#[test]
fn a_clock_is_set_and_the_seed_stays() {
    // The token's own world stands still meanwhile, so its clock is late.
    let now = ManualClock::new(AT.plus_secs(365));
    let lying = |serial: &str| {
        let mut reader = token2(serial);
        write(&mut reader, &token2_order(serial), clock().as_ref(), &mut |_| ()).expect("written");
        reader
    };
    let set = |reader: &mut Inserted<VirtualToken2>, serial: &str| {
        let target = Token2Target { models: models(), display_secs: 30 };
        let (hash, digits, period) = (HashAlg::Sha1, Digits::SIX, PeriodSecs::DEFAULT);
        let order = ClockOrder { serial: serial.to_owned(), hash, digits, period, target };
        set_clock(reader, &order, &now, &mut |_| ())
    };
    let mut reader = lying(P1);
    assert_eq!(reader.card.clock(), AT);
    assert_eq!(set(&mut reader, P1), Ok(Written { clock_offset_secs: Some(0) }));
    assert_eq!(reader.card.clock(), now.now());
    assert!(reader.card.shown().is_some(), "the seed is still there");

    for (lies, ordered, why) in [(P1, P2, "lay that one on"), (P2, P2, "erases its seed")] {
        let mut reader = lying(lies);
        let before = reader.card.memory();
        let refused = set(&mut reader, ordered).expect_err("refused");
        assert!(
            matches!(refused, WriteError::NotStarted(_)) && refused.to_string().contains(why),
            "{refused}"
        );
        assert!(reader.card.memory() == before);
    }

    let mut refuses = lying(P1);
    refuses.card.faults.refused_after = Some((3, 0x6a80));
    assert!(matches!(set(&mut refuses, P1), Err(WriteError::Refused(_))));
    assert_eq!(refuses.card.clock(), AT);
    // Torn away before it answered.
    let mut torn = lying(P1);
    torn.card.faults.unanswered_after = Some(3);
    assert!(matches!(set(&mut torn, P1), Err(WriteError::Unknown(_))));
    assert_eq!(torn.card.clock(), now.now());
}
