//! Who vouches for simulated keys: a root certificate that is made when this process first needs it and goes with it. It
//! says what it is, and only a rehearsal and tests trust it.

use std::sync::LazyLock;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType, IsCa,
    KeyPair, date_time_ymd,
};

use crate::applet::piv::PivSlot;
use crate::applet::yubikey::Version;
use crate::attestation::Anchors;

/// What the root calls itself.
pub const ROOT: &str = "Simulated Attestation Root (no device)";
const YUBICO: [u64; 8] = [1, 3, 6, 1, 4, 1, 41482, 3];

type Issuer = CertifiedIssuer<'static, KeyPair>;

static VENDOR: LazyLock<Issuer> = LazyLock::new(root);

fn named(name: &str, ca: IsCa) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = ca;
    params.not_before = date_time_ymd(2016, 3, 14);
    params.not_after = date_time_ymd(2052, 4, 17);
    params
}

fn pair() -> KeyPair {
    KeyPair::generate().expect("the system has randomness")
}

fn root() -> Issuer {
    let params = named(ROOT, IsCa::Ca(BasicConstraints::Constrained(1)));
    Issuer::self_signed(params, pair()).expect("a root signs itself")
}

/// Trusts simulated keys, and no others.
pub fn anchors() -> Anchors {
    let mut anchors = Anchors::none();
    anchors.add_der(VENDOR.der().to_vec());
    anchors
}

/// A key that signs statements, with its certificate.
pub(super) struct Attester(Issuer);

impl Attester {
    /// As it is put on a device when that is made; by a root of the same name that nobody trusts when it is forged.
    pub(super) fn made(is_forged: bool) -> Self {
        let params = named("Simulated PIV Attestation", IsCa::Ca(BasicConstraints::Constrained(0)));
        let made = if is_forged {
            Issuer::signed_by(params, pair(), &root())
        } else {
            Issuer::signed_by(params, pair(), &VENDOR)
        };
        Self(made.expect("the root signs"))
    }

    pub(super) fn certificate(&self) -> &[u8] {
        self.0.der()
    }

    /// States of a key that it was generated in this slot.
    pub(super) fn state(
        &self,
        key: &KeyPair,
        slot: PivSlot,
        serial: u32,
        version: Version,
        policies: [u8; 2],
        form: u8,
    ) -> Vec<u8> {
        let mut params = named(&format!("YubiKey PIV Attestation {slot}"), IsCa::NoCa);
        let bytes = serial.to_be_bytes();
        // A DER INTEGER: no zeros in front but one where the first bit is set.
        let from = bytes.iter().take(3).take_while(|byte| **byte == 0).count();
        let mut integer = bytes[from..].to_vec();
        if integer[0] >= 0x80 {
            integer.insert(0, 0);
        }
        let len = u8::try_from(integer.len()).expect("five at most");
        let serial = [&[0x02, len][..], &integer].concat();
        let version = vec![version.major, version.minor, version.patch];
        for (number, value) in [(3, version), (7, serial), (8, policies.to_vec()), (9, vec![form])] {
            let oid = [&YUBICO[..], &[number]].concat();
            params.custom_extensions.push(CustomExtension::from_oid_content(&oid, value));
        }
        params.signed_by(key, &self.0).expect("the device signs").der().to_vec()
    }
}
