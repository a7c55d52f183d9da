use mintmark_engine::oath::{
    Digits, Generator, HashAlg, MovingFactor, Otp, YubicoKey, YubicoOtp, YubicoPublicId,
};
use mintmark_engine::secret::{Passphrase, Seed};
use proptest::prelude::*;
use subtle::ConstantTimeEq;

use super::*;
use crate::applet::identify::identify;
use crate::applet::management::Management;
use crate::applet::oath::{Calculated, Credential, CredentialId, Moving, OathError, YkOath};
use crate::applet::otp::config::{AccessCode, SlotConfig, SlotCounter, TokenIdentifier};
use crate::applet::otp::{AccessCodes, OtpError, OtpSlots};
use crate::applet::yubikey::YubiKeyError;
use crate::exchanges::{Exchanges, MANAGEMENT, SLOTS};
use crate::simulated::Inserted;
use crate::transport::TransportError;
use crate::transport::scripted::{bytes, hex};

const SERIAL: u32 = 12_345_678;
const V5: Version = Version::new(5, 7, 4);

fn key(version: Version, reach: Reach) -> Inserted<VirtualYubiKey> {
    let key = VirtualYubiKey::new(SERIAL, version, reach);
    let lengths = key.lengths();
    Inserted::new(key, lengths)
}

fn usb() -> Inserted<VirtualYubiKey> {
    key(V5, Reach::Usb)
}

fn id(name: &str) -> CredentialId {
    CredentialId::new(name.into()).expect("a name")
}

fn seed() -> Seed {
    Seed::new(b"12345678901234567890".to_vec())
}

fn totp<'a>(id: &'a CredentialId, seed: &'a Seed) -> Credential<'a> {
    Credential { id, moving: Moving::Time, hash: HashAlg::Sha1, digits: Digits::SIX, seed, touch: false }
}

fn hotp() -> SlotConfig {
    SlotConfig::hotp(&seed(), Digits::SIX, SlotCounter::default(), None, false).expect("a configuration")
}

fn is(otp: &Otp, code: &str) -> bool {
    otp.ct_eq(&Otp::parse(code).expect("digits")).into()
}

fn answers(key: &mut VirtualYubiKey, recorded: &Exchanges, names: &[&str]) {
    for name in names {
        for (at, (request, response)) in recorded.steps(name).into_iter().enumerate() {
            let answer = key.transmit(&bytes(request)).expect("it is there");
            assert_eq!(hex(&answer), response, "{name}, step {at}: {request}");
        }
    }
}

#[test]
fn answers_management_as_recorded() {
    let recorded = Exchanges::read(include_str!("../../../tests/exchanges/yubikey_management_ccid.json"));
    answers(&mut VirtualYubiKey::new(SERIAL, V5, Reach::Usb), &recorded, &MANAGEMENT);
}

#[test]
fn answers_its_slots_as_recorded() {
    let recorded = Exchanges::read(include_str!("../../../tests/exchanges/yubikey_otp_ccid.json"));
    answers(&mut VirtualYubiKey::new(SERIAL, V5, Reach::Usb), &recorded, &SLOTS);
}

#[test]
fn answers_oath_as_recorded() {
    let usb = include_str!("../../../tests/exchanges/yubikey_oath_usb_extended.json");
    let contactless = include_str!("../../../tests/exchanges/yubikey_oath_nfc_short.json");
    let names = [
        "select",
        "put_totp_sha1_6_30",
        "put_totp_sha256_8_60",
        "put_totp_sha512_touch",
        "put_hotp_imf0",
        "put_hotp_imf1000",
        "put_short_key_padded",
        "list",
        "calc_totp_t59",
        "calc_totp_sha256_period60",
        "calc_hotp_x3",
        "calc_full",
        "calculate_all_t1111111109",
        "rename",
        "delete",
        "delete_missing",
        "set_code",
        "select_locked",
        "list_locked",
        "validate_wrong",
        "select_validate",
        "unset_code",
        "reset",
    ];
    for (text, reach) in [(usb, Reach::Usb), (contactless, Reach::Contactless)] {
        let recorded = Exchanges::read(text);
        let mut key = VirtualYubiKey::new(SERIAL, V5, reach);
        for drawn in ["D0B1A2C3E4F50617", "BCBA6072106DBC21", "74FA9286F0DB1EFF", "8896551556790044"] {
            key.draw_next(bytes(drawn).try_into().expect("eight bytes"));
        }
        answers(&mut key, &recorded, &names);
        if reach == Reach::Contactless {
            let seed = seed();
            let lengths = key.lengths();
            let mut reader = Inserted::new(key, lengths);
            let mut oath = YkOath::select(&mut reader).expect("selected");
            for user in 0..8 {
                let id = id(&format!("ACME:serial-1000000{user}-user0{user}@example.com"));
                oath.put(&totp(&id, &seed)).expect("written");
            }
            answers(&mut reader.card, &recorded, &["list_chained"]);
        }
    }
}

#[test]
fn says_which_key_it_is() {
    for (version, reach) in [
        (V5, Reach::Usb),
        (V5, Reach::Contactless),
        (Version::new(4, 0, 0), Reach::Usb),
        (Version::new(3, 4, 9), Reach::Usb),
    ] {
        let mut reader = key(version, reach);
        let device = identify(&mut reader).expect("identified");
        assert_eq!((device.serial, device.version), (Some(SERIAL), version));
        reader.card.faults.wrong_serial = true;
        let liar = identify(&mut reader).expect("identified");
        assert!(liar.serial.is_some_and(|serial| serial != SERIAL));
    }
    assert_eq!(usb().card.atr()[1] & 0xf0, 0xf0);
    assert_ne!(key(V5, Reach::Contactless).card.atr()[1] & 0xf0, 0xf0);
}

#[test]
fn what_is_switched_off_is_not_there_after_a_restart() {
    let mut reader = key(V5, Reach::Contactless);
    let mut management = Management::select(&mut reader).expect("selected");
    let nfc = Some(Capabilities::OTP);
    let change = crate::applet::management::ConfigChange { nfc, ..Default::default() };
    management.write_config(&change).expect("written");
    assert!(YkOath::select(&mut reader).is_ok());
    reader.put_back();
    let gone = YkOath::select(&mut reader).map(|_| ()).err();
    assert_eq!(gone, Some(OathError::Key(YubiKeyError::NoApplication("OATH"))));
    assert!(OtpSlots::select(&mut reader).is_ok());
}

#[test]
fn a_full_list_comes_over_every_reader() {
    let seed = seed();
    for (version, reach, most) in [
        (V5, Reach::Usb, 64),
        (V5, Reach::Contactless, 64),
        (Version::new(5, 4, 3), Reach::Contactless, 32),
        (Version::new(3, 4, 9), Reach::Contactless, 28),
    ] {
        let mut reader = key(version, reach);
        let mut oath = YkOath::select(&mut reader).expect("selected");
        let name = |number: usize| id(&format!("{number:02}{}", "x".repeat(62)));
        for number in 0..most {
            oath.put(&totp(&name(number), &seed)).expect("written");
        }
        assert_eq!(oath.put(&totp(&name(most), &seed)), Err(OathError::Full));
        oath.put(&totp(&name(0), &seed)).expect("what is there is overwritten");
        assert_eq!(oath.list().expect("listed").len(), most);
        assert_eq!(oath.calculate_all(MovingFactor(1)).expect("calculated").len(), most);
    }
}

#[test]
fn codes_are_those_of_the_engine() {
    let mut reader = usb();
    let mut oath = YkOath::select(&mut reader).expect("selected");
    for hash in HashAlg::ALL {
        for len in [1, 13, 20, 64, 65, 128, 129] {
            let (id, seed) = (id("one"), Seed::new(vec![7; len]));
            oath.put(&Credential { hash, digits: Digits::EIGHT, ..totp(&id, &seed) }).expect("written");
            let code = oath.totp(&id, MovingFactor(42)).expect("a code");
            let expected = Generator::new(&seed, hash).code(MovingFactor(42), Digits::EIGHT);
            assert!(bool::from(code.ct_eq(&expected)), "{hash:?} {len}");
        }
    }
    // What was written last, as a program shows it that knows a password.
    let expected =
        Generator::new(&Seed::new(vec![7; 129]), HashAlg::Sha512).code(MovingFactor(9), Digits::EIGHT);
    let key = oath.access_key(&Passphrase::from_text("correct horse".to_owned()));
    oath.set_code(&key, [1; 8]).expect("locked");
    let shown = reader.card.shown(&id("one"), MovingFactor(9)).expect("a code");
    assert!(bool::from(shown.ct_eq(&expected)));
    assert!(reader.card.shown(&id("two"), MovingFactor(9)).is_none());
}

#[test]
fn a_counter_and_a_touch_are_kept() {
    let mut reader = usb();
    let seed = seed();
    let (counter, touched) = (id("counter"), id("touched"));
    let mut oath = YkOath::select(&mut reader).expect("selected");
    oath.put(&Credential { moving: Moving::Counter(1), ..totp(&counter, &seed) }).expect("written");
    oath.put(&Credential { touch: true, ..totp(&touched, &seed) }).expect("written");
    assert!(is(&oath.hotp(&counter).expect("a code"), "287082"));
    assert_eq!(oath.totp(&touched, MovingFactor(1)).map(|_| ()), Err(OathError::NotTouched));
    reader.put_back();
    reader.card.set_touched(true);
    let mut oath = YkOath::select(&mut reader).expect("selected");
    assert!(is(&oath.hotp(&counter).expect("a code"), "359152"));
    assert!(is(&oath.totp(&touched, MovingFactor(1)).expect("a code"), "287082"));
    let all = oath.calculate_all(MovingFactor(1)).expect("calculated");
    assert!(matches!(all[0].1, Calculated::Hotp(_)) && matches!(all[1].1, Calculated::Touch(_)));
    assert!(oath.totp(&counter, MovingFactor(9)).is_ok(), "the challenge of a counter is its own");
    let refused = oath.hotp(&touched).map(|_| ());
    assert!(matches!(refused, Err(OathError::Key(YubiKeyError::Refused { .. }))), "{refused:?}");
}

#[test]
fn a_password_holds_until_it_is_taken_away() {
    for version in [V5, Version::new(3, 4, 9)] {
        let mut reader = key(version, Reach::Contactless);
        let mut oath = YkOath::select(&mut reader).expect("selected");
        let (right, wrong) = (
            oath.access_key(&Passphrase::from_text("correct horse".into())),
            oath.access_key(&Passphrase::from_text("wrong horse".into())),
        );
        oath.set_code(&right, [1; 8]).expect("set");
        assert_eq!(oath.list(), Ok(Vec::new()), "still open");
        reader.put_back();
        let mut oath = YkOath::select(&mut reader).expect("selected");
        assert_eq!(oath.list(), Err(OathError::Locked));
        assert_eq!(oath.validate(&wrong, [2; 8]), Err(OathError::WrongPassword));
        oath.validate(&right, [3; 8]).expect("unlocked");
        oath.clear_code().expect("cleared");
        assert!(!YkOath::select(&mut reader).expect("selected").is_locked());
        let mut oath = YkOath::select(&mut reader).expect("selected");
        let salt = oath.salt().to_vec();
        oath.set_code(&right, [4; 8]).expect("set");
        let mut oath = YkOath::select(&mut reader).expect("selected");
        oath.reset().expect("a reset needs no password");
        assert!(!oath.is_locked() && oath.salt() != salt);
    }
}

#[test]
fn types_the_codes_of_its_slots() {
    let mut reader = usb();
    let typed =
        |reader: &mut Inserted<VirtualYubiKey>, slot| reader.card.press(slot).map(|text| text.to_string());
    assert_eq!(typed(&mut reader, Slot::One), None);
    let identifier = TokenIdentifier::parse("ubhe12345678").expect("an identifier");
    let sixteen = SlotCounter::at_or_after(MovingFactor(3)).expect("a counter");
    let two = SlotConfig::hotp(&seed(), Digits::EIGHT, sixteen, Some(&identifier), true).expect("fits");
    let mut slots = OtpSlots::select(&mut reader).expect("selected");
    slots.write(Slot::One, &hotp(), AccessCodes::default()).expect("written");
    slots.write(Slot::Two, &two, AccessCodes::default()).expect("written");
    for code in ["755224", "287082", "359152"] {
        assert_eq!(typed(&mut reader, Slot::One).as_deref(), Some(code));
    }
    let text = typed(&mut reader, Slot::Two).expect("typed");
    let code = text.strip_prefix("ubhe12345678").and_then(|text| text.strip_suffix('\n')).expect("framed");
    let expected = Generator::new(&seed(), HashAlg::Sha1).code(MovingFactor(16), Digits::EIGHT);
    assert!(bool::from(Otp::parse(code).expect("digits").ct_eq(&expected)));
    let mut slots = OtpSlots::select(&mut reader).expect("selected");
    slots.update(Slot::Two, false, AccessCodes::default()).expect("updated");
    assert!(!typed(&mut reader, Slot::Two).expect("typed").ends_with('\n'));
    let challenge = SlotConfig::hmac_sha1(&seed(), false).expect("fits");
    let mut slots = OtpSlots::select(&mut reader).expect("selected");
    slots.write(Slot::One, &challenge, AccessCodes::default()).expect("written");
    slots.swap().expect("swapped");
    assert_eq!(typed(&mut reader, Slot::Two), None, "challenge-response types nothing");
}

#[test]
fn types_yubico_otp_with_a_rising_position() {
    let mut reader = usb();
    let secret = Seed::new((0..22).collect());
    let public_id = YubicoPublicId::parse("vvccbdefghij").expect("a public id");
    let config = SlotConfig::yubico_otp(&public_id, &secret).expect("fits");
    let mut slots = OtpSlots::select(&mut reader).expect("selected");
    slots.write(Slot::One, &config, AccessCodes::default()).expect("written");
    let own = YubicoKey::from_kept(&secret).expect("22 bytes");
    reader.card.set_clock(UnixTime::from_secs(1));
    let press = |reader: &mut Inserted<VirtualYubiKey>| {
        let typed = reader.card.press(Slot::One).expect("typed");
        let otp = YubicoOtp::parse(&typed).expect("a code");
        assert_eq!(otp.public_id(), public_id.as_bytes());
        own.open(&otp).expect("its own")
    };
    let (first, second) = (press(&mut reader), press(&mut reader));
    reader.put_back();
    reader.card.set_clock(UnixTime::from_secs(2));
    let third = press(&mut reader);
    assert_eq!(
        [first, second, third].map(|plain| (plain.use_counter, plain.session_counter)),
        [(1, 0), (1, 1), (2, 0)]
    );
    assert_eq!((first.timestamp, third.timestamp), (8, 16));
}

#[test]
fn an_access_code_guards_its_slot() {
    let code = |byte| AccessCode::new(Zeroizing::new([byte; 6])).expect("a code");
    let (right, wrong) = (code(7), code(8));
    let mut reader = usb();
    let mut slots = OtpSlots::select(&mut reader).expect("selected");
    assert_eq!(slots.delete(Slot::One, None), Err(OtpError::Rejected(Slot::One)), "it is empty");
    assert_eq!(slots.swap(), Err(OtpError::NotSwapped));
    slots.write(Slot::One, &hotp(), AccessCodes { current: None, new: Some(&right) }).expect("written");
    for current in [None, Some(&wrong)] {
        let codes = AccessCodes { current, new: None };
        assert_eq!(slots.write(Slot::One, &hotp(), codes), Err(OtpError::Rejected(Slot::One)));
        assert_eq!(slots.update(Slot::One, true, codes), Err(OtpError::Rejected(Slot::One)));
        assert_eq!(slots.delete(Slot::One, current), Err(OtpError::Rejected(Slot::One)));
    }
    let codes = AccessCodes { current: Some(&right), new: None };
    slots.update(Slot::One, true, codes).expect("updated");
    assert_eq!(slots.delete(Slot::One, None), Err(OtpError::Rejected(Slot::One)), "an update keeps the code");
    slots.write(Slot::One, &hotp(), codes).expect("written");
    slots.delete(Slot::One, None).expect("a write without a new code takes it away");
}

#[test]
fn a_challenge_waits_for_a_touch() {
    let mut reader = usb();
    let mut slots = OtpSlots::select(&mut reader).expect("selected");
    let config = SlotConfig::hmac_sha1(&seed(), true).expect("fits");
    slots.write(Slot::Two, &config, AccessCodes::default()).expect("written");
    assert!(matches!(slots.hmac_sha1(Slot::Two, b"1"), Err(OtpError::NoResponse { slot: Slot::Two, .. })));
    assert!(matches!(slots.hmac_sha1(Slot::One, b"1"), Err(OtpError::NoResponse { slot: Slot::One, .. })));
    reader.card.set_touched(true);
    let mut slots = OtpSlots::select(&mut reader).expect("selected");
    for challenge in [&b""[..], b"1", &[7, 0], &[0; 63], &[1; 63]] {
        let response = slots.hmac_sha1(Slot::Two, challenge).expect("touched");
        let expected = oath_applet::wire::mac(HashAlg::Sha1, b"12345678901234567890", challenge);
        assert_eq!(response.as_slice(), expected.as_slice(), "{challenge:?}");
    }
}

#[test]
fn a_key_torn_out_before_it_had_the_command_has_not_written() {
    let mut reader = usb();
    reader.card.faults.cut_after = Some(40);
    let mut slots = OtpSlots::select(&mut reader).expect("selected");
    let lost = slots.write(Slot::One, &hotp(), AccessCodes::default());
    assert_eq!(lost, Err(OtpError::Key(YubiKeyError::Transport(TransportError::Lost))));
    let before = slots.status();
    let gone = OtpSlots::select(&mut reader).map(|_| ()).err();
    assert_eq!(gone, Some(YubiKeyError::Transport(TransportError::Absent)));
    reader.put_back();
    let after = OtpSlots::select(&mut reader).expect("put in again").status();
    assert!(!before.shows_write(&after));
}

#[test]
fn a_key_torn_out_before_it_answered_has_written() {
    let mut reader = usb();
    reader.card.faults.unanswered_after = Some(1);
    let mut slots = OtpSlots::select(&mut reader).expect("selected");
    let before = slots.status();
    let lost = slots.write(Slot::One, &hotp(), AccessCodes::default());
    assert_eq!(lost, Err(OtpError::Key(YubiKeyError::Transport(TransportError::Lost))));
    reader.put_back();
    let after = OtpSlots::select(&mut reader).expect("put in again").status();
    assert!(before.shows_write(&after) && after.is_configured(Slot::One));
}

#[test]
fn a_key_that_keeps_nothing_is_found_out_by_reading() {
    let mut reader = usb();
    reader.card.faults.forgets = true;
    let (seed, name) = (seed(), id("one"));
    let mut oath = YkOath::select(&mut reader).expect("selected");
    oath.put(&totp(&name, &seed)).expect("it says so");
    assert_eq!(oath.list(), Ok(Vec::new()));
    assert_eq!(oath.totp(&name, MovingFactor(1)).map(|_| ()), Err(OathError::NotFound(name)));
    let mut slots = OtpSlots::select(&mut reader).expect("selected");
    let before = slots.status();
    slots.write(Slot::One, &hotp(), AccessCodes::default()).expect("it says so");
    let after = OtpSlots::select(&mut reader).expect("selected").status();
    assert!(!before.shows_write(&after));
}

#[test]
fn a_key_that_never_ends_is_left() {
    for reach in [Reach::Usb, Reach::Contactless] {
        let mut reader = key(V5, reach);
        reader.card.faults.endless = true;
        let ended = YkOath::select(&mut reader).map(|_| ()).err();
        let Some(OathError::Key(YubiKeyError::Transport(TransportError::Garbled(what)))) = ended else {
            panic!("{ended:?}");
        };
        assert_eq!(what, "a response without end");
    }
}

#[test]
fn chains_are_put_together() {
    let mut key = VirtualYubiKey::new(SERIAL, V5, Reach::Contactless);
    let mut send = |apdu: &str| hex(&key.transmit(&bytes(apdu)).expect("it is there"));
    assert_eq!(send("10A4040004A0000005"), "9000");
    assert!(send("00A4040003272101").starts_with("7903050704"));
    assert_eq!(send("10A1000001FF"), "9000");
    assert_eq!(send("00A1000000"), "9000", "one of the same header ends it");
    assert_eq!(send("1002000001FF"), "9000");
    assert_eq!(send("00A1000000"), "9000", "one of another header forgets it");
    assert_eq!(send("80A1000000"), "6E00");
    assert_eq!(send("00A100000200"), "6700");
    assert_eq!(send("00A1010000"), "6B00");
    assert_eq!(send("00B0000000"), "6D00");
    assert_eq!(send("00A5000000"), "6985");
    assert_eq!(send("00A4040001A0"), "6A82");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_command_is_answered(
        application in 0..3usize,
        commands in prop::collection::vec((0u8..=0xff, prop::collection::vec(any::<u8>(), 0..90)), 1..12),
    ) {
        let mut key = VirtualYubiKey::new(SERIAL, V5, Reach::Contactless);
        let aid: [&[u8]; 3] = [&management_applet::AID, &oath_applet::AID, &otp_applet::AID];
        let select = [&[0, 0xa4, 4, 0, u8::try_from(aid[application].len()).expect("short")], aid[application]];
        key.transmit(&select.concat());
        for (instruction, data) in commands {
            let len = u8::try_from(data.len()).expect("short");
            let known = [0x01, 0x02, 0x03, 0x05, 0x1c, 0x1d, 0xa2, 0xa3, 0xa4][usize::from(instruction) % 9];
            for (instruction, p1) in [(instruction, data.first().copied().unwrap_or(0)), (known, 0)] {
                let command = [&[0, instruction, p1, 0, len], data.as_slice()].concat();
                prop_assert!(key.transmit(&command).is_some_and(|answer| answer.len() >= 2));
            }
            key.transmit(&data);
            key.press(Slot::One);
            key.press(Slot::Two);
        }
    }
}
