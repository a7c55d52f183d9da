//! Where mutations begin: every answer in the recorded exchanges, the vendor's certificates, what a simulated key answers,
//! and conversations made of them.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use data_encoding::HEXUPPER;
use mintmark_device::applet::piv::PivSlot;
use mintmark_device::applet::yubikey::Version;
use mintmark_device::discover::{Known, look};
use mintmark_device::genuine::{Fresh, Proof, Request, examine};
use mintmark_device::simulated::yubikey::{Reach, VirtualYubiKey};
use mintmark_device::simulated::{Card, Inserted, vendor};
use mintmark_device::transport::Lengths;
use mintmark_engine::clock::UnixTime;
use serde_json::Value;

/// A card whose answers are written down.
struct Noted(VirtualYubiKey, Arc<Mutex<Vec<Vec<u8>>>>);

impl Card for Noted {
    fn atr(&self) -> &[u8] {
        self.0.atr()
    }

    fn power_on(&mut self) {
        self.0.power_on();
    }

    fn transmit(&mut self, command: &[u8]) -> Option<Vec<u8>> {
        let answer = self.0.transmit(command)?;
        self.1.lock().expect("whole").push(answer.clone());
        Some(answer)
    }
}

/// What a simulated key answers when it is looked at and asked whether it is genuine.
fn simulated() -> Vec<Vec<u8>> {
    let noted: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
    let mut key = VirtualYubiKey::new(12_345_678, Version::new(5, 7, 4), Reach::Usb);
    key.put_piv_key(PivSlot::parse("9a").expect("a slot"), true);
    let atr = key.atr().to_vec();
    let mut card = Inserted::new(Noted(key, Arc::clone(&noted)), Lengths::Extended);
    look(&mut card, &atr, &Known::default()).expect("a key");
    let fresh = Fresh { challenge: [3; 16], message: [9; 32] };
    for proof in [None, Some(Proof { slot: PivSlot::LAST, management_key: None, fresh })] {
        let request = Request { anchors: &vendor::anchors(), now: UnixTime::EPOCH, proof };
        examine(&mut card, &request).expect("answered");
    }
    drop(card);
    std::mem::take(&mut *noted.lock().expect("whole"))
}

/// A conversation as the parsers of conversations read it.
fn conversation(options: u8, answers: &[Vec<u8>]) -> Vec<u8> {
    let mut whole = vec![options];
    for answer in answers {
        whole.extend(u16::try_from(answer.len()).expect("an answer").to_be_bytes());
        whole.extend(answer);
    }
    whole
}

/// All of them. Those of a simulated key are others each time, as it makes keys.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    // Also for the workspace beside it.
    let device = if here.ends_with("device") { here.to_owned() } else { here.join("../device") };
    let mut conversations = vec![simulated()];
    for file in fs::read_dir(device.join("tests/exchanges")).expect("exchanges") {
        let text = fs::read_to_string(file.expect("a file").path()).expect("text");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        for steps in value["exchanges"].as_object().expect("named").values() {
            let steps = steps.as_array().expect("steps").iter();
            let answers = steps.filter_map(|step| HEXUPPER.decode(step[1].as_str()?.as_bytes()).ok());
            conversations.push(answers.collect());
        }
    }
    let mut all = Vec::new();
    for answers in &conversations {
        all.extend((0..4).map(|options| conversation(options, answers)));
        for answer in answers {
            all.push(answer.clone());
            // Without the status word, as parsers get it.
            all.push(answer[..answer.len().saturating_sub(2)].to_vec());
        }
    }
    for file in fs::read_dir(device.join("src/attestation/yubico")).expect("certificates") {
        let pem = fs::read(file.expect("a file").path()).expect("text");
        let text = String::from_utf8(pem.clone()).expect("text");
        let base64: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        all.push(data_encoding::BASE64.decode(base64.as_bytes()).expect("Base64"));
        all.push(pem);
    }
    all.sort();
    all.dedup();
    all
}
