use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::simulated::vendor;
use crate::transport::scripted::hex;

/// As three projects that check such statements have them pinned, each for itself.
const PUBLISHED: [(&str, &str); 7] = [
    ("Yubico PIV Root CA Serial 263751", "63ECE914E54DD87915F34033C85AF4C0696BA1512F8ADD66CED738331207B546"),
    ("Yubico Attestation Root 1", "62760C6A6EF91679F454C8902B80FD009825B3F25DA90F1FBACE2EC6586CD5A8"),
    (
        "Yubico Attestation Intermediate A 1",
        "4698A1D3389C3EC60016C216250F1D0439922832D65142327436376DC2942B55",
    ),
    (
        "Yubico Attestation Intermediate B 1",
        "D4CC3F456FDAF4E7812A21AAB1DFE9D8E27D24E2FD2D6F21C9940109F0DAA754",
    ),
    ("Yubico PIV Attestation A 1", "6DE693F05376F5D8CA29069261E1C8626C75D503BD2EDBFD75354CAD1F722870"),
    ("Yubico PIV Attestation B 1", "2D55B7998F4E42569D6D8FA382B6DC77D1DACF07358B19701163892922B17052"),
    ("Yubico PIV Attestation B2 1", "0C90B7D184A36EDF50A35F9BE935F0C5689BFDCFE5BDD073366CAFB49061A440"),
];

#[test]
fn the_vendors_certificates_are_those_that_it_published() {
    let anchors = Anchors::vendor();
    let certificates = anchors.certificates();
    let found: Vec<_> =
        certificates.iter().map(|it| (common_name(it, true), hex(&Sha256::digest(it.as_raw())))).collect();
    let published: Vec<_> = PUBLISHED.map(|(name, hash)| (name.to_owned(), hash.to_owned())).to_vec();
    assert_eq!(found, published);
    // RSA with SHA-256 and SHA-512, up to four certificates one above the other.
    for certificate in &certificates {
        let now = UnixTime::from_secs(1_780_000_000);
        let voucher = verify(&anchors, None, certificate.as_raw(), now).expect("a root vouches for it");
        let is_old = common_name(certificate, true).contains("263751");
        assert_eq!(voucher.root, if is_old { PUBLISHED[0].0 } else { PUBLISHED[1].0 });
        assert_eq!(voucher.outside_validity, Vec::<String>::new());
    }
}

#[test]
fn a_changed_certificate_is_forged() {
    let anchors = Anchors::vendor();
    let certificates = anchors.certificates();
    let mut der = certificates[6].as_raw().to_vec();
    *der.last_mut().expect("bytes") ^= 1;
    let flaw = verify(&anchors, None, &der, UnixTime::EPOCH).expect_err("changed");
    assert_eq!(flaw, Flaw::Signature(PUBLISHED[6].0.to_owned()));
}

#[test]
fn files_of_certificates_are_taken_whole_or_not() {
    let whole = include_bytes!("yubico/attestation-root-1.pem");
    let mut anchors = Anchors::none();
    assert_eq!(anchors.add_pem(&[&whole[..], whole].concat()), Ok(2));
    for (text, error) in [
        (&b""[..], AnchorError::Empty),
        (b"no certificate", AnchorError::NoPem),
        (&whole[..whole.len() / 2], AnchorError::NoPem),
        (b"-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n", AnchorError::Unreadable(1)),
        (&vec![b'a'; 300 << 10], AnchorError::TooMany),
    ] {
        assert_eq!(anchors.add_pem(text), Err(error));
    }
    let cut = [&whole[..], b"-----BEGIN CERTIFICATE-----\nMAMCAQU=\n-----END CERTIFICATE-----\n"].concat();
    assert_eq!(anchors.add_pem(&cut), Err(AnchorError::Unreadable(2)));
    assert_eq!(anchors.certificates().len(), 2, "nothing of a file that is not used");
}

#[test]
fn numbers_are_read_as_der_writes_them() {
    for (der, number) in [
        (&[0x02, 1, 5][..], Some(5)),
        (&[0x02, 4, 0x00, 0xbc, 0x61, 0x4e], Some(12_345_678)),
        (&[0x02, 3, 0xbc, 0x61, 0x4e], None),
        (&[0x02, 5, 0x00, 0xff, 0xff, 0xff, 0xff], Some(u32::MAX)),
        (&[0x02, 5, 0x01, 0xff, 0xff, 0xff, 0xff], None),
        (&[0x02, 2, 5], None),
        (&[0x02, 0], None),
        (&[0x04, 1, 5], None),
        (&[], None),
    ] {
        assert_eq!(read_integer(der), number, "{der:?}");
    }
}

#[test]
fn a_statement_that_is_no_authority_vouches_for_nobody() {
    // The root of simulated keys vouches for no device that calls itself otherwise.
    let anchors = vendor::anchors();
    let certificates = Anchors::vendor();
    let other = certificates.certificates()[4].as_raw().to_vec();
    let flaw = verify(&anchors, None, &other, UnixTime::EPOCH).expect_err("unknown");
    assert_eq!(flaw, Flaw::UnknownRoot("Yubico Attestation Intermediate A 1".to_owned()));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(der in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_statement(&der);
        let _ = verify(&Anchors::none(), Some(&der), &der, UnixTime::EPOCH);
        let _ = Anchors::none().add_pem(&der);
    }
}
