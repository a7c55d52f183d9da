//! Device nodes that the service opens by itself, and the udev rules that let it.
//!
//! Tokens on card readers need none: the card reader service opens those. What is left is the HID interface of families
//! that are spoken to over it, and serial lines. `udev/70-mintmark.rules` is what [`udev_rules`] writes.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::profile::{Profile, UsbId, Wire};

/// The user that the service runs as, and its group.
pub const SERVICE_USER: &str = "mintmark";

/// Adapters between USB and a serial line, as contactless readers and scanners with RS-232 come with. What hangs on the
/// line is not told by them. Names and numbers: usb.ids, linux-usb.org.
const ADAPTERS: [(UsbId, &str); 4] = [
    (UsbId { vendor: 0x0403, product: 0x6001 }, "FTDI FT232"),
    (UsbId { vendor: 0x067b, product: 0x2303 }, "Prolific PL2303"),
    (UsbId { vendor: 0x10c4, product: 0xea60 }, "Silicon Labs CP210x"),
    (UsbId { vendor: 0x1a86, product: 0x7523 }, "QinHeng CH340"),
];

/// Makers of bar code scanners: what of theirs is a serial line on USB is a scanner or its cradle. Names and numbers:
/// usb.ids, linux-usb.org.
const SCANNER_MAKERS: [(u16, &str); 6] = [
    (0x0536, "Hand Held Products"),
    (0x05e0, "Symbol, Zebra"),
    (0x05f9, "Datalogic (PSC)"),
    (0x065a, "Opticon"),
    (0x0c2e, "Honeywell (Metrologic)"),
    (0x1eab, "Newland"),
];

/// What a rule for a serial line gives: the group, and peace from a program that looks for modems on every line.
const SERIAL_GRANT: &str = r#"GROUP="mintmark", MODE="0660", ENV{ID_MM_DEVICE_IGNORE}="1""#;

/// True when the rules name the adapter or the maker of this device.
pub fn is_known_serial(id: UsbId) -> bool {
    ADAPTERS.iter().any(|(known, _)| *known == id)
        || SCANNER_MAKERS.iter().any(|(maker, _)| *maker == id.vendor)
}

/// Numbers of the models whose HID node this version opens.
pub fn hid_ids<'a>(profiles: impl Iterator<Item = &'a Profile>) -> BTreeSet<UsbId> {
    let chips = profiles.filter_map(|profile| profile.chip.as_ref());
    let opened = chips.filter(|chip| chip.family.is_opened_over_hid() && chip.wires.contains(&Wire::Hid));
    opened.flat_map(|chip| chip.usb.iter().copied()).collect()
}

/// The rule that gives the HID node of one model to the service.
pub fn hid_rule(id: UsbId) -> String {
    let UsbId { vendor, product } = id;
    format!(
        r#"SUBSYSTEM=="hidraw", KERNEL=="hidraw*", SUBSYSTEMS=="usb", ATTRS{{idVendor}}=="{vendor:04x}", ATTRS{{idProduct}}=="{product:04x}", GROUP="{SERVICE_USER}", MODE="0660""#
    )
}

/// The rules for these HID nodes and for serial lines.
pub fn udev_rules(hid: &BTreeSet<UsbId>) -> String {
    let mut rules = String::from(
        "# What Mintmark opens by itself, and nothing else: the group mintmark gets it, nobody at the seat does.\n\
         # Written by src/device/node.rs from firmware-profiles/; a test compares. Rules of your own go into another\n\
         # file, 71-mintmark-local.rules in /etc/udev/rules.d.\n\
         #\n\
         # Card readers and keys that are one need no rule: pcscd opens them.\n\n\
         ACTION==\"remove\", GOTO=\"mintmark_end\"\n\n\
         # Token models that are spoken to over HID. Never all of hidraw: keyboards are among it, and so is the\n\
         # interface of a YubiKey that types its codes.\n",
    );
    if hid.is_empty() {
        rules.push_str("# This version speaks to none.\n");
    }
    // Writing to a string cannot go wrong.
    for id in hid {
        let _ = writeln!(rules, "{}", hid_rule(*id));
    }
    rules.push_str(
        "\n# Serial lines. An adapter does not say what hangs on it: one that serves another program is taken out by a\n\
         # rule of your own, with GROUP=\"dialout\".\n\
         SUBSYSTEM!=\"tty\", GOTO=\"mintmark_end\"\n",
    );
    for (UsbId { vendor, product }, name) in ADAPTERS {
        let _ = writeln!(
            rules,
            "# {name}\nSUBSYSTEMS==\"usb\", ATTRS{{idVendor}}==\"{vendor:04x}\", ATTRS{{idProduct}}==\"{product:04x}\", {SERIAL_GRANT}"
        );
    }
    rules.push_str("\n# Scanners in serial mode, by their makers.\n");
    for (maker, name) in SCANNER_MAKERS {
        let _ = writeln!(
            rules,
            "# {name}\nSUBSYSTEMS==\"usb\", ATTRS{{idVendor}}==\"{maker:04x}\", {SERIAL_GRANT}"
        );
    }
    rules.push_str("\nLABEL=\"mintmark_end\"\n");
    rules
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Catalogue, ChipFamily};

    #[test]
    fn only_models_of_families_that_are_spoken_to_over_hid_get_a_rule() {
        let catalogue = Catalogue::built_in();
        let ids = hid_ids(catalogue.all());
        for profile in catalogue.all() {
            let Some(chip) = &profile.chip else { continue };
            let expected = chip.wires.contains(&Wire::Hid) && chip.family.is_opened_over_hid();
            for id in &chip.usb {
                assert_eq!(ids.contains(id), expected, "{} {id}", profile.id);
            }
        }
        for family in ChipFamily::ALL.into_iter().filter(|family| family.is_opened_over_hid()) {
            assert!(family.spoken().is_some(), "{} is not spoken to at all", family.name());
        }
    }

    #[test]
    fn a_model_over_hid_gets_its_rule_in_the_file() {
        let id = UsbId { vendor: 0x20a0, product: 0x4108 };
        let none = udev_rules(&BTreeSet::new());
        let one = udev_rules(&BTreeSet::from([id]));
        assert!(!none.contains("20a0") && none.contains("speaks to none"));
        assert!(one.contains(&hid_rule(id)) && !one.contains("speaks to none"), "{one}");
    }

    #[test]
    fn serial_devices_are_known_by_adapter_or_maker() {
        let is = |vendor, product| is_known_serial(UsbId { vendor, product });
        assert!(is(0x1a86, 0x7523) && is(0x0c2e, 0x0001));
        assert!(!is(0x1a86, 0x0001) && !is(0x2341, 0x0043));
    }
}
