use proptest::prelude::*;

use super::*;
use crate::transport::Lengths;
use crate::transport::scripted::{Scripted, hex};

const OPEN: [(&str, &str); 2] = [("00A4040005A000000308", "9000"), ("00FD000000", "0507049000")];

fn with<T>(lengths: Lengths, steps: &[(&str, &str)], work: impl FnOnce(&mut Piv<'_>) -> T) -> T {
    let steps: Vec<_> = OPEN.iter().chain(steps).copied().collect();
    let mut card = Scripted::new(lengths, &steps);
    work(&mut Piv::select(&mut card).expect("selected"))
}

#[test]
fn what_is_sent_is_what_the_vendors_client_sends() {
    let read = |lengths, steps: &[_]| {
        with(lengths, steps, |piv| {
            assert_eq!(piv.version(), Version::new(5, 7, 4));
            assert_eq!(piv.serial(), Ok(Some(12_345_678)));
            assert_eq!(piv.attestation_certificate(), Ok(Some(vec![1, 2])));
            assert_eq!(piv.metadata(PivSlot::LAST), Ok(None));
            assert_eq!(piv.attest(PivSlot::LAST), Ok(None));
        });
    };
    read(
        Lengths::Extended,
        &[
            ("00F80000", "00BC614E9000"),
            ("00CB3FFF0000055C035FFF01", "530970020102710100FE009000"),
            ("00F70095", "6A88"),
            ("00F99500", "6A80"),
        ],
    );
    read(
        Lengths::Short,
        &[
            ("00F8000000", "00BC614E9000"),
            ("00CB3FFF055C035FFF01", "530970020102710100FE009000"),
            ("00F7009500", "6A88"),
            ("00F9950000", "6A80"),
        ],
    );
}

#[test]
fn what_a_key_says_of_a_slot_is_read() {
    let of = |data: &str| wire::read_metadata(&crate::transport::scripted::bytes(data));
    let metadata = of("0101E0020202010301020403860100").expect("read");
    assert_eq!(
        metadata,
        KeyMetadata { algorithm: ED25519, pin_policy: 2, touch_policy: 1, origin: Origin::Imported }
    );
    for wrong in ["", "0101E0", "0101E002020201", "0101E00202020103", "02020201030101"] {
        assert!(of(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn slots_are_written_as_everybody_writes_them() {
    for text in ["9a", "9C", "82", "95"] {
        let slot = PivSlot::parse(text).expect(text);
        assert_eq!(slot.to_string(), text.to_lowercase());
    }
    for wrong in ["", "9", "9b", "81", "96", "f9", "095", "+9", "zz"] {
        assert_eq!(PivSlot::parse(wrong), None, "{wrong}");
    }
    assert_eq!(PivSlot::all().count(), 24);
}

/// The examples of NIST SP 800-20 (3DES, variable plain text, one) and FIPS 197, appendix C.2 (AES-192).
#[test]
fn the_management_key_encrypts_as_the_standards_do() {
    let ascending: Vec<u8> = (0..24).collect();
    let aes =
        ManagementKey::new(Zeroizing::new(ascending)).cipher(ManagementKeyKind::Aes192).expect("24 bytes");
    let plain: Vec<u8> = (0..16).map(|n| n * 0x11).collect();
    let mut block = plain.clone();
    aes.encrypt(&mut block);
    assert_eq!(hex(&block), "DDA97CA4864CDFE06EAF70A0EC0D7191");
    aes.decrypt(&mut block);
    assert_eq!(block, plain);
    let ones =
        ManagementKey::new(Zeroizing::new(vec![1; 24])).cipher(ManagementKeyKind::Tdes).expect("24 bytes");
    let mut block = vec![0x80, 0, 0, 0, 0, 0, 0, 0];
    ones.encrypt(&mut block);
    assert_eq!(hex(&block), "95F8A5E5DD31D900");
}

#[test]
fn keys_are_not_shown() {
    assert_eq!(format!("{:?}", ManagementKey::factory()), "ManagementKey(24 bytes)");
}

proptest! {
    #[test]
    fn any_response_is_read_or_refused(data in prop::collection::vec(any::<u8>(), 0..80), tag: u8) {
        let _ = wire::read_version(&data);
        let _ = wire::read_serial(&data);
        let _ = wire::read_certificate(&data);
        let _ = wire::read_metadata(&data);
        let _ = wire::read_management_kind(&data);
        let _ = wire::read_generated(&data);
        let _ = wire::read_dynamic(tag, &data);
    }
}
