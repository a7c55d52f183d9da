//! Conversations that were recorded, from `tests/exchanges/`: requests and their responses, status words included.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::transport::Lengths;
use crate::transport::scripted::Scripted;

/// What a management application was asked, in this order (`yubikey_management_ccid.json`).
pub(crate) const MANAGEMENT: [&str; 8] = [
    "select",
    "read_device_info",
    "write_config",
    "set_lock_code",
    "read_locked",
    "write_without_unlock",
    "reboot_with_unlock",
    "clear_lock",
];
/// What the slots were asked, in this order (`yubikey_otp_ccid.json`).
pub(crate) const SLOTS: [&str; 16] = [
    "open",
    "serial",
    "hotp6_slot1",
    "hotp8_imf16000_slot2",
    "hotp6_tokenid_acc_slot1",
    "write_protected",
    "update_no_cr",
    "swap",
    "swap_back",
    "delete_slot1",
    "hmac_slot2",
    "hmac_calc",
    "yubiotp_slot1",
    "static_slot1",
    "delete_slot1_b",
    "delete_last",
];

/// One file.
#[derive(Deserialize)]
pub(crate) struct Exchanges {
    exchanges: BTreeMap<String, Vec<(String, String)>>,
}

impl Exchanges {
    /// Reads one file.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).expect("the file of exchanges is well formed")
    }

    /// Steps of one conversation.
    pub(crate) fn steps(&self, name: &str) -> Vec<(&str, &str)> {
        let steps = self.exchanges.get(name).unwrap_or_else(|| panic!("no exchange is named {name}"));
        steps.iter().map(|(request, response)| (request.as_str(), response.as_str())).collect()
    }

    /// A card that knows some of them, one after another.
    pub(crate) fn card(&self, lengths: Lengths, names: &[&str]) -> Scripted {
        let steps: Vec<_> = names.iter().flat_map(|name| self.steps(name)).collect();
        Scripted::new(lengths, &steps)
    }
}
