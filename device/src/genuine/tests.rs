use super::*;
use crate::simulated::vendor;
use crate::simulated::yubikey::{Forgery, Reach, VirtualYubiKey};
use crate::simulated::{Faults, Inserted};

const SERIAL: u32 = 12_345_678;
const NEW: Version = Version::new(5, 7, 4);
const SLOT: PivSlot = PivSlot::LAST;
/// 2026.
const NOW: UnixTime = UnixTime::from_secs(1_780_000_000);

type Key = Inserted<VirtualYubiKey>;

fn key(version: Version, prepare: impl FnOnce(&mut VirtualYubiKey)) -> Key {
    let mut key = VirtualYubiKey::new(SERIAL, version, Reach::Usb);
    prepare(&mut key);
    let lengths = key.lengths();
    Inserted::new(key, lengths)
}

fn with_key(version: Version, forgery: Option<Forgery>) -> Key {
    key(version, |key| {
        key.forgery = forgery;
        key.put_piv_key(PivSlot::parse("9a").expect("a slot"), true);
    })
}

fn read(key: &mut Key) -> Result<Finding, GenuineError> {
    examine(key, &Request { anchors: &vendor::anchors(), now: NOW, proof: None })
}

fn proof(management_key: Option<&ManagementKey>) -> Proof<'_> {
    Proof { slot: SLOT, management_key, fresh: Fresh { challenge: [3; 16], message: [9; 32] } }
}

fn prove_now(key: &mut Key) -> Result<Finding, GenuineError> {
    examine(key, &Request { anchors: &vendor::anchors(), now: NOW, proof: Some(proof(None)) })
}

#[test]
fn a_statement_is_read_and_nothing_is_written() {
    for version in [Version::new(4, 3, 5), Version::new(5, 2, 4), Version::new(5, 4, 3), NEW] {
        let mut key = with_key(version, None);
        let before = key.card.memory();
        let found = read(&mut key).expect("answered");
        assert_eq!(found.verdict, Verdict::StatementOnly, "{version}");
        assert_eq!((found.device.serial, found.device.version), (Some(SERIAL), version));
        assert_eq!(found.slot, PivSlot::parse("9a"));
        assert_eq!(found.root.as_deref(), Some(vendor::ROOT));
        assert_eq!(found.remarks, []);
        assert!(before == key.card.memory());
    }
}

#[test]
fn over_a_contactless_reader_certificates_come_in_parts() {
    let mut card = VirtualYubiKey::new(SERIAL, NEW, Reach::Contactless);
    card.put_piv_key(SLOT, true);
    let lengths = card.lengths();
    let found = read(&mut Inserted::new(card, lengths)).expect("answered");
    assert_eq!((found.verdict, found.slot), (Verdict::StatementOnly, Some(SLOT)));
}

#[test]
fn a_key_without_keys_states_nothing() {
    let mut new = key(NEW, |_| {});
    assert_eq!(read(&mut new).expect("answered").verdict, Verdict::NoStatement);
    // One that was made elsewhere is stated nothing of.
    let mut imported = key(Version::new(5, 2, 4), |key| key.put_piv_key(SLOT, false));
    assert_eq!(read(&mut imported).expect("answered").verdict, Verdict::NoStatement);
}

#[test]
fn a_key_that_is_generated_proves_it_and_is_removed_again() {
    let mut key = with_key(NEW, None);
    let before = key.card.memory();
    let found = prove_now(&mut key).expect("answered");
    assert_eq!((found.verdict, found.slot), (Verdict::ProvedNow, Some(SLOT)));
    assert_eq!(found.remarks, []);
    assert!(before == key.card.memory(), "as it was");
}

#[test]
fn no_key_is_overwritten() {
    for generated in [true, false] {
        let mut key = key(NEW, |key| key.put_piv_key(SLOT, generated));
        let before = key.card.memory();
        assert_eq!(prove_now(&mut key), Err(PivError::SlotTaken(SLOT).into()));
        assert!(before == key.card.memory());
    }
    let slot = PivSlot::parse("9c").expect("a slot");
    let request =
        Request { anchors: &vendor::anchors(), now: NOW, proof: Some(Proof { slot, ..proof(None) }) };
    let refused = examine(&mut key(NEW, |_| {}), &request);
    assert_eq!(refused, Err(PivError::SlotHasPurpose(slot).into()));
}

#[test]
fn the_management_key_is_asked_for() {
    let own = *b"abcdefghijklmnopqrstuvwx";
    let with = |bytes: &[u8]| ManagementKey::new(zeroize::Zeroizing::new(bytes.to_vec()));
    let mut card = key(NEW, |key| key.set_piv_management_key(&own));
    let before = card.card.memory();
    assert_eq!(prove_now(&mut card), Err(PivError::WrongManagementKey.into()));
    for (given, expected) in [
        (with(&own), Ok(Verdict::ProvedNow)),
        (with(&[7; 24]), Err(PivError::WrongManagementKey.into())),
        (
            with(&[7; 16]),
            Err(PivError::ManagementKeyLength {
                kind: crate::applet::piv::ManagementKeyKind::Aes192,
                given: 16,
            }
            .into()),
        ),
    ] {
        let request = Request { anchors: &vendor::anchors(), now: NOW, proof: Some(proof(Some(&given))) };
        assert_eq!(examine(&mut card, &request).map(|found| found.verdict), expected);
    }
    assert!(before == card.card.memory());
    // A device that takes every key does not know the right one.
    let mut yielding = key(NEW, |key| {
        key.set_piv_management_key(&own);
        key.forgery = Some(Forgery::Yielding);
    });
    assert_eq!(prove_now(&mut yielding), Err(PivError::NotMutual.into()));
}

#[test]
fn old_firmware_states_and_proves_what_it_can() {
    let old = read(&mut key(Version::new(4, 2, 8), |_| {})).expect_err("too old");
    assert_eq!(old.to_string(), "attestation needs firmware 4.3.0, this key has 4.2.8; use a newer key");
    let mut card = with_key(Version::new(5, 4, 3), None);
    let before = card.card.memory();
    let old = prove_now(&mut card).expect_err("too old");
    assert_eq!(old.name(), "firmware_too_old");
    assert!(before == card.card.memory());
}

#[test]
fn forged_keys_are_told() {
    for (forgery, read_as, proved_as) in [
        (Forgery::OtherSerial, "other_key", "other_key"),
        (Forgery::OtherRoot, "forged", "forged"),
        (Forgery::Changed, "forged", "forged"),
        (Forgery::Truncated, "unreadable", "unreadable"),
        (Forgery::NoCertificate, "unreadable", "unreadable"),
        // What a copy states is genuine: only the proof tells.
        (Forgery::Copied, "statement_only", "copied"),
        (Forgery::Removed, "no_certificate", "no_certificate"),
    ] {
        let mut card = with_key(NEW, Some(forgery));
        let before = card.card.memory();
        let found = read(&mut card).expect("answered").verdict;
        assert_eq!(found.name(), read_as, "{forgery:?}: {found}");
        let found = prove_now(&mut card).expect("answered").verdict;
        assert_eq!(found.name(), proved_as, "{forgery:?}: {found}");
        assert!(before == card.card.memory(), "{forgery:?}");
    }
    let mut card = with_key(NEW, Some(Forgery::OtherSerial));
    assert_eq!(
        read(&mut card).expect("answered").verdict.to_string(),
        "not the key that it says it is: the statement is by key 12345679, this one says that it is 12345678; do not \
         hand it out"
    );
    let mut card = with_key(NEW, None);
    card.card.faults.wrong_serial = true;
    assert_eq!(read(&mut card).expect("answered").verdict.name(), "other_key");
}

#[test]
fn without_its_root_nothing_is_genuine() {
    for anchors in [Anchors::none(), Anchors::vendor()] {
        let request = Request { anchors: &anchors, now: NOW, proof: Some(proof(None)) };
        let found = examine(&mut with_key(NEW, None), &request).expect("answered");
        assert_eq!(found.verdict.name(), "unknown_root");
        assert!(found.verdict.to_string().contains(vendor::ROOT), "{}", found.verdict);
        assert_eq!(found.root, None);
    }
}

#[test]
fn a_wrong_clock_is_said_and_changes_nothing() {
    let request = Request { anchors: &vendor::anchors(), now: UnixTime::EPOCH, proof: None };
    let found = examine(&mut with_key(NEW, None), &request).expect("answered");
    assert_eq!(found.verdict, Verdict::StatementOnly);
    assert!(!found.remarks.is_empty());
}

#[test]
fn wherever_it_is_torn_out_it_can_be_asked_again() {
    for cut in (0..700).step_by(7) {
        let mut card = with_key(NEW, None);
        card.card.faults = Faults { cut_after: Some(cut), ..Faults::default() };
        let cut_off = prove_now(&mut card);
        card.card.faults = Faults::default();
        card.put_back();
        assert_eq!(read(&mut card).expect("answered").verdict, Verdict::StatementOnly);
        match prove_now(&mut card) {
            Ok(found) => assert_eq!(found.verdict, Verdict::ProvedNow),
            // The key of the first try is there, and not overwritten.
            Err(taken) => {
                assert_eq!(taken, PivError::SlotTaken(SLOT).into());
                assert!(cut_off.is_err() || cut_off.is_ok_and(|it| it.remarks == [Remark::KeyLeft(SLOT)]));
            }
        }
    }
    let mut endless = with_key(NEW, None);
    endless.card.faults.endless = true;
    assert!(read(&mut endless).is_err_and(|error| error.transport().is_some()));
}
