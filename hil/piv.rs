//! The vendor's client beside us on the PIV application of the same device, through the same service.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mintmark::clock::{Clock, SystemClock};
use mintmark::device::applet::piv::{Piv, PivSlot};
use mintmark::device::applet::yubikey::Version;
use mintmark::device::attestation::{Anchors, Statement, read_statement};
use mintmark::device::genuine::{Finding, Fresh, Proof, Request, Verdict, examine};
use mintmark::device::simulated::vendor;
use mintmark::device::simulated::vpcd::InReader;
use mintmark::device::simulated::yubikey::{Reach, VirtualYubiKey};
use mintmark::device::transport::Transport;
use mintmark::device::transport::pcsc::{Connection, Holds, Reader, Readers};
use tempfile::TempDir;

use super::TARGET;
use super::readers::{ReaderService, configure, in_namespaces, name, port};
use super::ykman::{LIMIT, ykman};

const SERIAL: u32 = 20_000_077;
const FACTORY: &str = "010203040506070801020304050607080102030405060708";

fn with<T>(work: impl FnOnce(&mut dyn Transport) -> T) -> T {
    let mut connection = Connection::open(&name(0), LIMIT).expect("a device");
    let mut turn = connection.begin().expect("free");
    let done = work(&mut turn);
    turn.end_with_reset().expect("ended");
    done
}

fn asked(anchors: &Anchors, generate: bool) -> Finding {
    let fresh = Fresh { challenge: [7; 16], message: [8; 32] };
    let proof = generate.then_some(Proof { slot: PivSlot::LAST, management_key: None, fresh });
    let request = Request { anchors, now: SystemClock::new().now(), proof };
    with(|transport| examine(transport, &request)).expect("answered")
}

/// The certificate in what it prints.
fn der(pem: &str) -> Vec<u8> {
    let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    data_encoding::BASE64.decode(base64.as_bytes()).expect("Base64")
}

fn stated(slot: PivSlot) -> Statement {
    let statement = with(|transport| Piv::select(transport).expect("there").attest(slot));
    read_statement(&statement.expect("answered").expect("a statement")).expect("readable")
}

#[test]
fn the_vendors_client_and_we_read_the_same_keys_and_certificates() {
    in_namespaces("hil::piv::the_vendors_client_and_we_read_the_same_keys_and_certificates", || {
        configure(TARGET, 2);
        let _service = ReaderService::start();
        // Without contacts: the client knows it by what it says when it gets power, and not by the name of the reader.
        let key = VirtualYubiKey::new(SERIAL, Version::new(5, 7, 4), Reach::Contactless);
        let _lying = InReader::insert(Arc::new(Mutex::new(key)), port(0)).expect("the driver listens");
        let lies = |readers: &[Reader]| {
            readers.iter().any(|it| it.name == name(0) && matches!(it.holds, Holds::Card { .. }))
        };
        let mut readers = Readers::new();
        let mut seen = (0..60).map(|_| readers.watch(Duration::from_millis(500)));
        assert!(seen.any(|readers| readers.is_ok_and(|readers| lies(&readers))), "it is seen");
        let home = TempDir::new().expect("a folder");
        let ykman = |arguments: &[&str]| ykman(home.path(), arguments);
        let simulated = vendor::anchors();

        assert_eq!(asked(&simulated, false).verdict, Verdict::NoStatement);
        assert_eq!(asked(&Anchors::vendor(), false).verdict.name(), "unknown_root");
        let said = ykman(&["piv", "info"]);
        assert!(said.contains("5.7.4") && said.contains("AES192"), "{said}");
        let exported = der(&ykman(&["piv", "certificates", "export", "f9", "-"]));
        let ours = with(|transport| Piv::select(transport).expect("there").attestation_certificate());
        assert_eq!(ours, Ok(Some(exported)), "the same certificate");

        // A key that it generated: what the device states of it reads the same by both ways.
        let generate = ["piv", "keys", "generate", "--algorithm", "ED25519", "--management-key", FACTORY];
        ykman(&[&generate[..], &["--pin-policy", "NEVER", "--touch-policy", "NEVER", "94", "-"]].concat());
        let slot = PivSlot::parse("94").expect("a slot");
        let theirs = read_statement(&der(&ykman(&["piv", "keys", "attest", "94", "-"]))).expect("readable");
        assert_eq!(theirs, stated(slot));
        assert_eq!((theirs.serial, theirs.policies), (Some(SERIAL), Some((1, 1))));
        let found = asked(&simulated, false);
        assert_eq!((found.verdict, found.slot), (Verdict::StatementOnly, Some(slot)));

        // A key that we let it generate is gone afterwards, and theirs is there.
        assert_eq!(asked(&simulated, true).verdict, Verdict::ProvedNow);
        let said = ykman(&["piv", "info"]);
        assert!(said.contains("Slot 94") && !said.contains("Slot 95"), "{said}");
        ykman(&["piv", "keys", "delete", "--management-key", FACTORY, "94"]);
        assert_eq!(asked(&simulated, false).verdict, Verdict::NoStatement);
    });
}
