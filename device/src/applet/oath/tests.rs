use mintmark_engine::oath::PeriodSecs;
use subtle::ConstantTimeEq;

use super::*;
use crate::exchanges::Exchanges;
use crate::transport::Lengths;
use crate::transport::scripted::{Scripted, bytes, hex};

const SELECT: &str = "00A4040007A0000005272101";
/// What a key without a password answers.
const OPEN: &str = "79030507047108D0B1A2C3E4F506179000";
/// What one with a password answers.
const LOCKED: &str = "79030507047108D0B1A2C3E4F506177408BCBA6072106DBC217B01019000";
const DIGITS: &[u8] = b"1234567890";

fn id(name: &str) -> CredentialId {
    CredentialId::new(name.into()).expect("a name")
}

fn seed(len: usize) -> Seed {
    Seed::new(DIGITS.iter().copied().cycle().take(len).collect())
}

fn password() -> Passphrase {
    Passphrase::from_text("correct horse".into())
}

fn is(otp: &Otp, code: &str) -> bool {
    otp.ct_eq(&Otp::parse(code).expect("digits")).into()
}

/// Eight bytes of a recorded request, so many before its end.
fn drawn(recorded: &Exchanges, name: &str, before_end: usize) -> [u8; 8] {
    let steps = recorded.steps(name);
    let request = bytes(steps.last().expect("steps").0);
    request[request.len() - before_end - 8..][..8].try_into().expect("eight bytes")
}

fn fill(recorded: &Exchanges, lengths: Lengths) {
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
    ];
    let mut card = recorded.card(lengths, &names);
    let mut oath = YkOath::select(&mut card).expect("selected");
    assert_eq!((oath.version(), oath.is_locked()), (Version::new(5, 7, 4), false));
    let sixty =
        Name { issuer: Some("ACME".into()), account: "bob".into(), period: PeriodSecs::new(60).expect("60") };
    let (alice, bob) = (id("ACME:alice@example.com"), sixty.encoded(Kind::Totp).expect("a name"));
    let (carol, hotp, thousand, short) = (id("ACME:carol"), id("hotp0"), id("ACME:hotp1000"), id("short"));
    let (twenty, longer, longest, five) = (seed(20), seed(32), seed(64), Seed::new(vec![1, 2, 3, 4, 5]));
    let (time, sha1, six) = (Moving::Time, HashAlg::Sha1, Digits::SIX);
    let mut put = |id, moving, hash, digits, seed, touch| {
        oath.put(&Credential { id, moving, hash, digits, seed, touch }).expect("written");
    };
    put(&alice, time, sha1, six, &twenty, false);
    put(&bob, time, HashAlg::Sha256, Digits::EIGHT, &longer, false);
    put(&carol, time, HashAlg::Sha512, Digits::EIGHT, &longest, true);
    put(&hotp, Moving::Counter(0), sha1, six, &twenty, false);
    put(&thousand, Moving::Counter(1000), sha1, Digits::EIGHT, &twenty, false);
    put(&short, time, sha1, six, &five, false);
    let listed = oath.list().expect("listed");
    let names: Vec<_> = listed.iter().map(|listed| listed.id.clone()).collect();
    assert_eq!(names, [alice.clone(), bob.clone(), carol, hotp.clone(), thousand, short.clone()]);
    assert_eq!(listed[1], Listed { id: bob.clone(), kind: Kind::Totp, hash: HashAlg::Sha256 });
    assert_eq!(listed[3], Listed { id: hotp.clone(), kind: Kind::Hotp, hash: sha1 });
    assert!(is(&oath.totp(&alice, MovingFactor(1)).expect("a code"), "287082"));
    assert!(is(&oath.totp(&bob, MovingFactor(1)).expect("a code"), "46119246"));
    for code in ["755224", "287082", "359152"] {
        assert!(is(&oath.hotp(&hotp).expect("a code"), code));
    }
    let mac = oath.hmac(&alice, &1u64.to_be_bytes()).expect("an HMAC");
    assert_eq!(hex(&mac), "75A48A19D4CBE100644E8AC1397EEA747A2D33AB");
    let all = oath.calculate_all(MovingFactor(1_111_111_109 / 30)).expect("calculated");
    assert!(matches!(&all[0], (id, Calculated::Code(otp)) if *id == alice && is(otp, "081804")));
    assert!(matches!(all[2].1, Calculated::Touch(Digits::EIGHT)));
    assert!(matches!(all[4].1, Calculated::Hotp(Digits::EIGHT)));
    assert!(matches!(&all[5].1, Calculated::Code(otp) if is(otp, "728068")));
    assert!(is(&oath.totp(&bob, MovingFactor(1_111_111_109 / 60)).expect("a code"), "40857319"));
    oath.rename(&alice, &id("ACME:alice2@example.com")).expect("renamed");
    oath.delete(&short).expect("deleted");
    assert_eq!(oath.delete(&short), Err(OathError::NotFound(short)));
    oath.set_code(&oath.access_key(&password()), drawn(recorded, "set_code", 22)).expect("set");
}

fn unlock(recorded: &Exchanges, lengths: Lengths) {
    let mut card = recorded.card(lengths, &["select_locked", "list_locked", "validate_wrong"]);
    let mut oath = YkOath::select(&mut card).expect("selected");
    assert!(oath.is_locked());
    assert_eq!(oath.list(), Err(OathError::Locked));
    let wrong = AccessKey::of_bytes([0; 16]);
    let refused = oath.validate(&wrong, drawn(recorded, "validate_wrong", 0));
    assert_eq!(refused, Err(OathError::WrongPassword));
    let mut card = recorded.card(lengths, &["select_validate", "unset_code", "reset"]);
    let mut oath = YkOath::select(&mut card).expect("selected");
    let key = oath.access_key(&password());
    oath.validate(&key, drawn(recorded, "select_validate", 0)).expect("unlocked");
    assert!(!oath.is_locked());
    oath.clear_code().expect("cleared");
    oath.reset().expect("reset");
    assert_eq!(hex(oath.salt()), "8896551556790044");
}

#[test]
fn sends_and_reads_what_was_recorded_over_usb() {
    let recorded = Exchanges::read(include_str!("../../../tests/exchanges/yubikey_oath_usb_extended.json"));
    fill(&recorded, Lengths::Extended);
    unlock(&recorded, Lengths::Extended);
}

#[test]
fn sends_and_reads_what_was_recorded_over_a_contactless_reader() {
    let recorded = Exchanges::read(include_str!("../../../tests/exchanges/yubikey_oath_nfc_short.json"));
    fill(&recorded, Lengths::Short);
    unlock(&recorded, Lengths::Short);
    let mut card = recorded.card(Lengths::Short, &["select", "list_chained"]);
    let listed = YkOath::select(&mut card).expect("selected").list().expect("listed");
    assert_eq!(listed.len(), 8);
    assert_eq!(listed[7].id, id("ACME:serial-10000007-user07@example.com"));
}

#[test]
fn a_key_that_does_not_know_the_password_is_found_out() {
    let own = [7; 8];
    let false_proof = format!("7514{}9000", "00".repeat(20));
    let key = |oath: &YkOath| oath.access_key(&password());
    for (answer, expected) in [
        (false_proof.as_str(), OathError::NotItself),
        ("6984", OathError::NotLocked),
        ("6581", OathError::Key(YubiKeyError::Refused { command: "VALIDATE", status: GENERIC })),
        (
            "75059000",
            OathError::Key(YubiKeyError::Malformed { command: "VALIDATE", what: "an entry is cut off" }),
        ),
    ] {
        let response =
            wire::mac(HashAlg::Sha1, &bytes("423A3465D7EF5894E30AC4C6E22794C5"), &bytes("BCBA6072106DBC21"));
        let asked = format!("00A30000207514{}7408{}", hex(&response), hex(&own));
        let mut card = Scripted::new(Lengths::Short, &[(SELECT, LOCKED), (&asked, answer)]);
        let mut oath = YkOath::select(&mut card).expect("selected");
        assert_eq!(oath.validate(&key(&oath), own), Err(expected));
        assert!(oath.is_locked());
    }
    let mut card = Scripted::new(Lengths::Short, &[(SELECT, OPEN)]);
    let mut oath = YkOath::select(&mut card).expect("selected");
    assert_eq!(oath.validate(&key(&oath), own), Err(OathError::NotLocked));
}

#[test]
fn a_touch_that_does_not_come_is_told() {
    let asked = "00A200010000117105686F74703074080000000000000001";
    for answer in ["6982", "6985", "6581"] {
        let mut card = Scripted::new(Lengths::Extended, &[(SELECT, OPEN), (asked, answer)]);
        let code = YkOath::select(&mut card).expect("selected").totp(&id("hotp0"), MovingFactor(1));
        assert_eq!(code.err(), Some(OathError::NotTouched), "{answer}");
    }
    let mut card =
        Scripted::new(Lengths::Extended, &[(SELECT, OPEN)]).then_fails(asked, TransportError::Silent);
    let code = YkOath::select(&mut card).expect("selected").totp(&id("hotp0"), MovingFactor(1));
    assert_eq!(code.err(), Some(OathError::NotTouched));
    for (select, answer, expected) in
        [(LOCKED, "6982", OathError::Locked), (OPEN, "6984", OathError::NotFound(id("hotp0")))]
    {
        let mut card = Scripted::new(Lengths::Extended, &[(SELECT, select), (asked, answer)]);
        let code = YkOath::select(&mut card).expect("selected").totp(&id("hotp0"), MovingFactor(1));
        assert_eq!(code.err(), Some(expected));
    }
}

#[test]
fn what_a_key_cannot_do_is_refused_before_anything_is_sent() {
    let name = id("a");
    let seed = seed(20);
    let with = |hash, touch| Credential {
        id: &name,
        moving: Moving::Time,
        hash,
        digits: Digits::SIX,
        seed: &seed,
        touch,
    };
    let too_old =
        |done: Result<(), OathError>| matches!(done, Err(OathError::Key(YubiKeyError::TooOld { .. })));
    let mut card = Scripted::new(Lengths::Short, &[(SELECT, "79030402037108D0B1A2C3E4F506179000")]);
    let mut oath = YkOath::select(&mut card).expect("selected");
    assert!(too_old(oath.put(&with(HashAlg::Sha1, true))));
    assert!(too_old(oath.put(&with(HashAlg::Sha512, false))));
    assert!(too_old(oath.rename(&name, &name)));
    let empty = Seed::new(Vec::new());
    let refused = oath.put(&Credential { seed: &empty, ..with(HashAlg::Sha1, false) });
    assert_eq!(refused, Err(OathError::EmptySeed));
}

#[test]
fn refusals_say_what_to_do() {
    let put = "0001000015710161731021063132333435363738393031323334";
    let (name, seed) = (id("a"), seed(14));
    let credential = Credential {
        id: &name,
        moving: Moving::Time,
        hash: HashAlg::Sha1,
        digits: Digits::SIX,
        seed: &seed,
        touch: false,
    };
    let mut card = Scripted::new(Lengths::Short, &[(SELECT, OPEN), (put, "6A84")]);
    assert_eq!(YkOath::select(&mut card).expect("selected").put(&credential), Err(OathError::Full));
    let renames = [(SELECT, OPEN), ("0005000006710161710162", "6984"), ("0005000006710161710162", "6A80")];
    let mut card = Scripted::new(Lengths::Short, &renames);
    let mut oath = YkOath::select(&mut card).expect("selected");
    let new = id("b");
    let not_renamed = OathError::NotRenamed { old: name.clone(), new: new.clone() };
    assert_eq!(oath.rename(&name, &new), Err(not_renamed));
    let refused = oath.rename(&name, &new).expect_err("refused").to_string();
    assert_eq!(refused, "the key refused RENAME (6A80); take it out, put it in again, and repeat");
    for answer in ["6A82", "6999", "6D00", "6B00"] {
        let mut card = Scripted::new(Lengths::Short, &[(SELECT, answer)]);
        let refused = YkOath::select(&mut card).map(|_| ()).err();
        assert_eq!(refused, Some(OathError::Key(YubiKeyError::NoApplication("OATH"))));
    }
}

#[test]
fn a_neo_is_shown_its_new_password() {
    let salt = "7108D0B1A2C3E4F50617";
    let (open, locked) =
        (format!("7903010001{salt}9000"), format!("7903010001{salt}740801020304050607089000"));
    let key = bytes("423A3465D7EF5894E30AC4C6E22794C5");
    let own = [7; 8];
    let proof = hex(&wire::mac(HashAlg::Sha1, &key, &own));
    let set = format!("0003000033731121{}7408{}7514{proof}", hex(&key), hex(&own));
    let response = hex(&wire::mac(HashAlg::Sha1, &key, &bytes("0102030405060708")));
    let validate = format!("00A30000207514{response}7408{}", hex(&own));
    let proof = format!("7514{proof}9000");
    let script = [(SELECT, open.as_str()), (&set, "9000"), (SELECT, &locked), (&validate, &proof)];
    let mut card = Scripted::new(Lengths::Short, &script);
    let mut oath = YkOath::select(&mut card).expect("selected");
    oath.set_code(&oath.access_key(&password()), own).expect("set");
    assert!(!oath.is_locked());
}

#[test]
fn versions_have_their_abilities() {
    let of = |major, minor, patch| Abilities::of(Version::new(major, minor, patch));
    let neo = of(1, 0, 1);
    assert_eq!((neo.touch, neo.sha512, neo.rename, neo.room), (false, false, false, Room::NameBytes(2048)));
    assert!(!of(4, 2, 3).touch && of(4, 2, 4).touch);
    assert!(!of(4, 3, 0).sha512 && of(4, 3, 1).sha512);
    assert!(!of(5, 3, 0).rename && of(5, 3, 1).rename);
    assert_eq!((of(5, 6, 9).room, of(5, 7, 0).room), (Room::Credentials(32), Room::Credentials(64)));
    assert_eq!(of(0, 0, 1), of(5, 7, 0), "keys in development");
    let ids = [id("a"), id("bc")];
    assert!(Room::Credentials(2).holds(&ids) && !Room::Credentials(1).holds(&ids));
    assert!(Room::NameBytes(21).holds(&ids) && !Room::NameBytes(20).holds(&ids));
}

#[test]
fn secrets_are_not_shown() {
    let (name, seed) = (id("a"), seed(20));
    let credential = Credential {
        id: &name,
        moving: Moving::Counter(7),
        hash: HashAlg::Sha1,
        digits: Digits::SIX,
        seed: &seed,
        touch: true,
    };
    assert_eq!(format!("{:?}", wire::put(&credential)), "00010000 (35 secret bytes)");
    let key = AccessKey::of_bytes([0x5e; 16]);
    assert_eq!(format!("{:?}", wire::set_code(&key, [0; 8])), "00030000 (51 secret bytes)");
    assert_eq!(format!("{key:?}"), "AccessKey(16 bytes)");
    assert!(format!("{credential:?}").contains("Seed(20 bytes)"));
}
