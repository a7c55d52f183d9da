//! `mintmark doctor` on a machine without a card reader service, with one, and with keys on its readers.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use mintmark::device::simulated::Card;
use mintmark::device::simulated::vpcd::InReader;
use serde_json::Value;

use super::TARGET;
use super::readers::{ReaderService, configure, in_namespaces, name, port};

/// A YubiKey 5 NFC as it left the factory: it has its ATR, and no application over NFC.
struct FromTheFactory(Vec<u8>);

impl Card for FromTheFactory {
    fn atr(&self) -> &[u8] {
        &self.0
    }

    fn power_on(&mut self) {}

    fn transmit(&mut self, _command: &[u8]) -> Option<Vec<u8>> {
        Some(vec![0x6a, 0x82])
    }
}

fn doctor(dir: &Path) -> (Value, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintmark"));
    command.env_remove("STATE_DIRECTORY").args(["--json", "doctor", "--data"]).arg(dir);
    let done = command.output().expect("the program starts");
    let value = serde_json::from_slice(&done.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&done.stderr));
    });
    (value, done.status.code())
}

/// Code and repair of a check; the first one, where there are several.
fn found<'a>(value: &'a Value, check: &str) -> (&'a str, &'a str) {
    let checks = value["checks"].as_array().expect("a list");
    let row =
        checks.iter().find(|row| row["check"] == check).unwrap_or_else(|| panic!("no {check} in {value}"));
    (row["code"].as_str().expect("a code"), row["repair"].as_str().unwrap_or_default())
}

#[test]
fn doctor_tells_what_is_wrong_with_the_card_readers() {
    in_namespaces("hil::doctor::doctor_tells_what_is_wrong_with_the_card_readers", || {
        let dir = tempfile::tempdir().expect("a folder");
        let data = dir.path().join("data");
        let (value, status) = doctor(&data);
        assert_eq!(found(&value, "pcscd"), ("not_started", "systemctl enable --now pcscd.socket"));
        assert_eq!(found(&value, "data_directory").0, "not_there");
        assert_eq!((status, &value["ok"]), (Some(1), &false.into()), "{value}");

        configure(TARGET, 2);
        let service = ReaderService::start();
        let (value, _) = doctor(&data);
        assert_eq!(found(&value, "pcscd").0, "answers");
        let readers =
            value["checks"].as_array().expect("a list").iter().find(|row| row["check"] == "readers");
        let what = readers.expect("told")["what"].as_str().expect("text");
        assert!(what.contains(&name(0)) && what.contains(&name(1)), "{what}");
        assert_eq!(found(&value, "cards").0, "free");

        let atr = data_encoding::HEXUPPER.decode(b"3B8D80018073C021C057597562694B6579F9").expect("an ATR");
        let _lying = InReader::insert(Arc::new(Mutex::new(FromTheFactory(atr))), port(1)).expect("inserted");
        // The service looks at its readers every now and then.
        let mut looked = std::iter::repeat_with(|| doctor(&data).0).take(500);
        let value = looked.find(|value| found(value, "cards").0 != "free").expect("the key is seen");
        let (code, repair) = found(&value, "cards");
        assert!(code == "nfc_restricted" && repair.contains("USB port"), "{value}");

        drop(service);
        assert_eq!(found(&doctor(&data).0, "pcscd").0, "not_started");
    });
}
