use std::sync::Arc;

use mintmark_engine::clock::ManualClock;
use mintmark_engine::oath::{Digits, HashAlg};
use mintmark_engine::secret::{Passphrase, Seed};

use super::*;
use crate::applet::management::{ConfigChange, FormFactor, Management};
use crate::applet::oath::{Credential, CredentialId, Moving};
use crate::applet::otp::Slot;
use crate::simulated::slim::VirtualSlim;
use crate::simulated::token2::{VirtualToken2, models};
use crate::simulated::yubikey::{Reach, VirtualYubiKey};
use crate::simulated::{Card, Inserted};
use crate::transport::Lengths;
use crate::transport::scripted::{Scripted, bytes, hex};

const AT: UnixTime = UnixTime::from_secs(1_700_000_000);
const SERIAL: u32 = 12_345_678;
const V5: Version = Version::new(5, 7, 4);
/// As a contactless reader puts a card that says nothing of itself.
const CONTACTLESS: &str = "3B80800101";
const UID: (&str, &str) = ("FFCA000000", "04A1B2C3D4E5F69000");
const MANAGEMENT: &str = "00A4040008A000000527471117";
const OTP: &str = "00A4040007A0000005272001";
const OATH: &str = "00A4040007A0000005272101";
const NDEF: &str = "00A4040007D276000085010100";
const TOKEN2: &str = "80410000020211";
const SLIM: &str = "FF00000007D4400186021010";

fn known() -> Known {
    Known { models: models(), expects_token2: false }
}

fn key(version: Version, reach: Reach) -> Inserted<VirtualYubiKey> {
    let key = VirtualYubiKey::new(SERIAL, version, reach);
    let lengths = key.lengths();
    Inserted::new(key, lengths)
}

fn found<C: Card>(reader: &mut Inserted<C>) -> Found {
    let atr = reader.card.atr().to_vec();
    look(reader, &atr, &known()).expect("it can be looked at")
}

fn scripted(atr: &str, steps: &[(&str, &str)], known: &Known) -> Found {
    look(&mut Scripted::new(Lengths::Short, steps), &bytes(atr), known).expect("it can be looked at")
}

/// What a key says to OATH and slots.
fn oath_and_slots(found: &Found) -> (&Option<Vec<Listed>>, SlotStatus) {
    match found.holdings.as_slice() {
        [Holding::Oath { credentials, .. }, Holding::Slots(status)] => (credentials, *status),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_key_says_what_is_on_it() {
    for reach in [Reach::Usb, Reach::Contactless] {
        let mut reader = key(V5, reach);
        let empty = found(&mut reader);
        assert_eq!((empty.family, empty.firmware), (Family::YubiKey, Some(V5)));
        assert_eq!(empty.serial.as_deref(), Some("12345678"));
        assert_eq!(empty.key.as_ref().and_then(|key| key.form_factor), Some(FormFactor::KeychainC));
        assert_eq!(empty.over == Over::Contacts, reach == Reach::Usb);
        let (credentials, slots) = oath_and_slots(&empty);
        assert_eq!(credentials, &Some(Vec::new()));
        assert!(!slots.is_configured(Slot::One) && empty.remarks.is_empty());

        let id = CredentialId::new(b"ACME:alice".to_vec()).expect("a name");
        let seed = Seed::new(vec![7; 20]);
        let (moving, hash, digits) = (Moving::Time, HashAlg::Sha1, Digits::SIX);
        let mut oath = YkOath::select(&mut reader).expect("selected");
        oath.put(&Credential { id: &id, moving, hash, digits, seed: &seed, touch: false }).expect("written");
        let with_one = found(&mut reader);
        assert!(matches!(oath_and_slots(&with_one).0.as_deref(), Some([one]) if one.id == id));

        let mut oath = YkOath::select(&mut reader).expect("selected");
        let access = oath.access_key(&Passphrase::from_text("correct horse".into()));
        oath.set_code(&access, [1; 8]).expect("set");
        assert_eq!(oath_and_slots(&found(&mut reader)).0, &None, "locked");
    }
}

#[test]
fn looking_changes_nothing() {
    for version in [V5, Version::new(4, 0, 0), Version::new(3, 4, 9)] {
        let mut reader = key(version, Reach::Usb);
        // The first SELECT draws the salt.
        YkOath::select(&mut reader).expect("selected");
        let before = reader.card.memory();
        found(&mut reader);
        assert!(before == reader.card.memory(), "{version}");
    }
}

#[test]
fn old_and_hidden_keys_are_named() {
    let neo = found(&mut key(Version::new(3, 4, 9), Reach::Contactless));
    assert_eq!((neo.serial.as_deref(), neo.remarks.as_slice()), (Some("12345678"), &[Remark::Neo][..]));
    assert_eq!(oath_and_slots(&neo).0, &Some(Vec::new()));

    let yubikey = "3B8D80018073C021C057597562694B6579F9";
    let gone = [UID, (MANAGEMENT, "6A82"), (OTP, "6A82")];
    let restricted = scripted(yubikey, &gone, &known());
    assert_eq!((restricted.family, restricted.serial), (Family::YubiKey, None));
    assert_eq!(restricted.remarks, [Remark::NfcRestricted]);
    assert!(restricted.remarks[0].to_string().contains("USB port for a few seconds"));
    let yubikey = "3BFD1300008131FE158073C021C057597562694B657940";
    assert_eq!(scripted(yubikey, &gone[1..], &known()).remarks, [Remark::SwitchedOff(Over::Contacts)]);
}

#[test]
fn what_is_switched_off_is_said() {
    let mut reader = key(V5, Reach::Contactless);
    let mut management = Management::select(&mut reader).expect("selected");
    let nfc = Some(Capabilities::FIDO2);
    management.write_config(&ConfigChange { nfc, ..Default::default() }).expect("written");
    reader.put_back();
    let off = found(&mut reader);
    assert_eq!((off.holdings.len(), off.serial.as_deref()), (0, Some("12345678")));
    assert_eq!(off.remarks, [Remark::SwitchedOff(Over::Contactless)]);
}

#[test]
fn a_security_key_has_no_place_for_a_seed() {
    let said = format!("{}9000", hex(b"FW version 5.7.4"));
    // U2F and FIDO2 alone, sold as a Security Key, without a number.
    let page = "10010202020401430503050704030202029000";
    let steps = [(MANAGEMENT, said.as_str()), ("001D0000", page), (OATH, "6A82"), (OTP, "6A82")];
    let mut card = Scripted::new(Lengths::Extended, &steps);
    let atr = bytes("3BFD1300008131FE158073C021C057597562694B657940");
    let found = look(&mut card, &atr, &known()).expect("it can be looked at");
    assert_eq!((found.serial, found.remarks), (None, vec![Remark::SecurityKey]));
}

#[test]
fn a_token_of_token2_says_its_clock() {
    for (serial, keeps_seed) in
        [("86596120000007", Some(true)), ("86596220000001", Some(false)), ("12", None)]
    {
        let world = Arc::new(ManualClock::new(AT));
        let mut reader = Inserted::new(VirtualToken2::new(serial, world, 0), Lengths::Short);
        let found = found(&mut reader);
        assert_eq!((found.family, found.serial.as_deref()), (Family::Token2SingleProfile, Some(serial)));
        assert_eq!(found.clock, Some(AT));
        let [Holding::SingleProfile { model }] = found.holdings.as_slice() else { panic!("one seed") };
        assert_eq!(model.as_ref().map(|model| model.keeps_seed), keeps_seed);
        assert_eq!(found.remarks.contains(&Remark::UnknownModel), keeps_seed.is_none());
    }
}

#[test]
fn a_slim_says_why_it_cannot_be_written_to() {
    let info = SlimInfo { hardware: 0x70, software: (0x10, 1), settable_clock: true, period_secs: 30 };
    let slim = found(&mut Inserted::new(VirtualSlim::new(info), Lengths::Short));
    assert_eq!((slim.family, slim.slim), (Family::ProtectimusSlim, Some(info)));
    assert!(slim.holdings.is_empty() && slim.remarks[0].to_string().contains("has not published how"));
}

#[test]
fn foreign_cards_are_left_alone() {
    let not_found = |aid| (aid, "6A82");
    let bank = [UID, not_found(MANAGEMENT), not_found(OTP), not_found(OATH), not_found(NDEF)];
    let found = scripted(CONTACTLESS, &bank, &known());
    assert_eq!((found.family, found.remarks.as_slice()), (Family::Unknown, &[Remark::ForeignCard][..]));
    assert!(found.uid.is_some() && found.holdings.is_empty());
    // In a reader with contacts not even a tag is asked for.
    let found = scripted("3B6500000000000000", &bank[1..4], &known());
    assert_eq!((found.over, found.remarks.as_slice()), (Over::Contacts, &[Remark::ForeignCard][..]));
    let memory = scripted("3B8F8001804F0CA000000306030001000000006A", &[UID], &known());
    assert_eq!((memory.family, memory.remarks), (Family::Tag, vec![Remark::TagOnly]));
}

#[test]
fn the_question_of_token2_goes_to_who_may_be_one() {
    let info = "0000000E3836353936323230303030303031000065 53F1009000".replace(' ', "");
    // No SELECT at all, so no other application is asked for.
    let found = scripted(CONTACTLESS, &[UID, (MANAGEMENT, "6E00"), (TOKEN2, &info)], &known());
    assert_eq!(found.serial.as_deref(), Some("86596220000001"));
    // It knows SELECT, and the operator says what it is.
    let not_found = |aid| (aid, "6A82");
    let knows = [UID, not_found(MANAGEMENT), not_found(OTP), not_found(OATH), not_found(NDEF)];
    let expecting = Known { expects_token2: true, ..known() };
    let found = scripted(CONTACTLESS, &[&knows[..], &[(TOKEN2, &info)]].concat(), &expecting);
    assert_eq!(found.serial.as_deref(), Some("86596220000001"));
    // Over contacts there is none.
    let found = scripted("3B00", &[(MANAGEMENT, "6E00")], &expecting);
    assert_eq!(found.remarks, [Remark::NothingAnswered]);
    let found =
        scripted(CONTACTLESS, &[UID, (MANAGEMENT, "6300"), (TOKEN2, "6300"), (SLIM, "6A81")], &known());
    assert_eq!(found.remarks, [Remark::NothingAnswered]);
}

#[test]
fn a_tag_says_its_number() {
    let select = |aid| (aid, "6A82");
    let begin =
        [UID, select(MANAGEMENT), select(OTP), select(OATH), (NDEF, "9000"), ("00A4000C02E104", "9000")];
    for (file, serial) in [
        ("000DD101095402656E313237383930", Some("127890")),
        ("000AD101065402656E312037", None),
        ("0000", None),
    ] {
        let file = format!("{file}9000");
        let found = scripted(CONTACTLESS, &[&begin[..], &[("00B0000000", &file)]].concat(), &known());
        assert_eq!((found.family, found.serial.as_deref()), (Family::Tag, serial), "{file}");
    }
}

#[test]
fn oath_of_another_vendor_is_read_and_has_no_number() {
    let mut steps =
        vec![UID, (MANAGEMENT, "6A82"), (OTP, "6A82"), (OATH, "7903040B007108D0B1A2C3E4F506179000")];
    steps.extend([(OATH, "7903040B007108D0B1A2C3E4F506179000"), ("00A1000000", "9000")]);
    let found = scripted(CONTACTLESS, &steps, &known());
    assert_eq!((found.family, found.serial.as_deref(), found.holdings.len()), (Family::Unknown, None, 1));
}

#[test]
fn a_token_that_goes_is_told_as_gone() {
    let mut card = Scripted::new(Lengths::Short, &[UID]).then_fails(MANAGEMENT, TransportError::Lost);
    let gone = look(&mut card, &bytes(CONTACTLESS), &known());
    assert_eq!(gone, Err(LookError::Transport(TransportError::Lost)));
}

#[test]
fn families_have_names() {
    for family in Family::ALL {
        assert_eq!(Family::from_name(family.name()), Some(family));
    }
    assert_eq!(Family::from_name("neo"), None);
}
