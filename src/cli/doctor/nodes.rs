//! Who the service runs as, and the device nodes that it opens by itself.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use super::Finding;
use super::machine::{Account, Machine};
use crate::device::{SERVICE_USER, UsbId, is_known_serial};

const UNIT: &str = "/usr/lib/systemd/system/mintmark.service";
/// Where udev reads rules, in the order in which a name hides the same name (udev(7)).
const RULES: [&str; 3] = ["/etc/udev/rules.d", "/run/udev/rules.d", "/usr/lib/udev/rules.d"];
const RULES_FILE: &str = "70-mintmark.rules";
const INSTALL_RULES: &str = "mintmark doctor --show udev > /etc/udev/rules.d/70-mintmark.rules && udevadm control \
                             --reload && udevadm trigger --action=change --subsystem-match=tty \
                             --subsystem-match=hidraw";
const TRIGGER: &str = "udevadm control --reload && udevadm trigger --action=change --subsystem-match=tty \
                       --subsystem-match=hidraw";

/// True when the service was installed for systemd.
pub(super) fn is_installed(machine: &Machine) -> bool {
    machine.has(UNIT) || machine.has("/etc/systemd/system/mintmark.service")
}

/// The user and the group of the service.
pub(super) fn user(machine: &Machine, account: &Account) -> Finding {
    let check = "user";
    let (has_user, has_group) = (machine.account(SERVICE_USER).is_some(), machine.has_group(SERVICE_USER));
    if has_user && has_group {
        let what =
            format!("user and group {SERVICE_USER} are there; this store's service runs as {}", account.name);
        return Finding::good(check, "there", what);
    }
    if !is_installed(machine) {
        let what = format!("no service is installed; {} runs it", account.name);
        return Finding::good(check, "own", what);
    }
    let lacks = match (has_user, has_group) {
        (false, false) => "the user and the group",
        (false, true) => "the user",
        _ => "the group",
    };
    let what = format!("{lacks} {SERVICE_USER}, which the service is to run as, is not there");
    Finding::missing(check, "not_there", what).repair(
        "mintmark doctor --show sysusers > /etc/sysusers.d/mintmark.conf && systemd-sysusers mintmark.conf",
    )
}

/// Nodes of serial lines on USB.
fn serial_lines(machine: &Machine) -> Vec<String> {
    let names = machine.names("/dev").unwrap_or_default();
    names.into_iter().filter(|name| name.starts_with("ttyUSB") || name.starts_with("ttyACM")).collect()
}

/// Nodes of HID with their numbers, as far as these are asked for.
fn hid_nodes(machine: &Machine, ids: &BTreeSet<UsbId>) -> Vec<(String, UsbId)> {
    let names = machine.names("/sys/class/hidraw").unwrap_or_default();
    let with_id = names.into_iter().filter_map(|name| machine.usb_of("hidraw", &name).map(|id| (name, id)));
    with_id.filter(|(_, id)| ids.contains(id)).collect()
}

/// Whether udev has the rules of this version. `expected`: their text.
fn rules(machine: &Machine, expected: &str) -> Rules {
    let found = RULES.iter().find_map(|folder| {
        let path = format!("{folder}/{RULES_FILE}");
        machine.text(&path).map(|text| (path, text))
    });
    match found {
        None => Rules::Absent,
        Some((path, text)) if text == expected => Rules::Present(path),
        Some((path, _)) => Rules::Other(path),
    }
}

enum Rules {
    Absent,
    Present(String),
    Other(String),
}

/// The rules themselves.
pub(super) fn udev(machine: &Machine, hid: &BTreeSet<UsbId>, expected: &str) -> Finding {
    let check = "udev";
    match rules(machine, expected) {
        Rules::Present(path) => Finding::good(check, "there", format!("{path} is that of this version")),
        Rules::Other(path) => {
            let what = format!("{path} is not what this version and its token models ask for");
            Finding::warning(check, "other", what).repair(INSTALL_RULES)
        }
        Rules::Absent if is_installed(machine) => {
            let what = "the service is installed and its udev rules are not";
            Finding::missing(check, "not_there", what).repair(INSTALL_RULES)
        }
        Rules::Absent if !serial_lines(machine).is_empty() || !hid_nodes(machine, hid).is_empty() => {
            let what = "devices are there that the udev rules of this version are for, and the rules are not";
            Finding::warning(check, "not_there", what).repair(INSTALL_RULES)
        }
        Rules::Absent => Finding::good(
            check,
            "not_needed",
            "nothing is plugged in that needs a rule; pcscd opens card readers",
        ),
    }
}

/// Serial lines that the service's user cannot open.
pub(super) fn serial(machine: &Machine, account: &Account, expected: &str) -> Vec<Finding> {
    let check = "serial";
    let mut findings = Vec::new();
    let mut open = Vec::new();
    for name in serial_lines(machine) {
        let Ok(about) = fs::metadata(machine.path(&format!("/dev/{name}"))) else { continue };
        if account.may_use(&about) {
            open.push(name);
            continue;
        }
        let group = machine.group_name(about.gid());
        let what = format!("/dev/{name}: {} cannot open it, the group {group} can", account.name);
        let known = machine.usb_of("tty", &name).is_some_and(is_known_serial);
        let repair = match (known && account.name == SERVICE_USER, rules(machine, expected)) {
            (true, Rules::Present(_)) => TRIGGER.to_owned(),
            (true, _) => INSTALL_RULES.to_owned(),
            // Groups are given to a process when it starts.
            (false, _) if account.name == SERVICE_USER && is_installed(machine) => {
                format!("usermod -aG {group} {} && systemctl restart mintmark", account.name)
            }
            (false, _) => format!("usermod -aG {group} {}", account.name),
        };
        findings.push(Finding::warning(check, "closed", what).repair(repair));
    }
    if findings.is_empty() {
        findings.push(if open.is_empty() {
            Finding::good(check, "none", "no serial line is plugged in")
        } else {
            Finding::good(check, "open", format!("{} can open {}", account.name, open.join(", ")))
        });
    }
    findings
}

/// HID nodes of models that are opened over HID. `hid`: their numbers.
pub(super) fn hid(
    machine: &Machine,
    account: &Account,
    hid: &BTreeSet<UsbId>,
    expected: &str,
) -> Vec<Finding> {
    let check = "hid";
    if hid.is_empty() {
        return vec![Finding::good(check, "not_needed", "this version opens no token over HID")];
    }
    let mut findings = Vec::new();
    for (name, id) in hid_nodes(machine, hid) {
        let about = fs::metadata(machine.path(&format!("/dev/{name}")));
        if about.is_ok_and(|about| account.may_use(&about)) {
            continue;
        }
        let what = format!("/dev/{name}, a token {id}: {} cannot open it", account.name);
        let repair = match rules(machine, expected) {
            Rules::Present(_) => TRIGGER,
            _ => INSTALL_RULES,
        };
        findings.push(Finding::missing(check, "closed", what).repair(repair));
    }
    if findings.is_empty() {
        findings.push(Finding::good(check, "open", "no token over HID is kept from this service"));
    }
    findings
}

/// A program that tries each new serial line for a modem.
pub(super) fn modem_manager(machine: &Machine, expected: &str) -> Finding {
    let check = "modemmanager";
    if machine.processes("ModemManager").is_empty() {
        return Finding::good(check, "not_running", "ModemManager does not run");
    }
    if let Rules::Present(_) = rules(machine, expected) {
        return Finding::good(check, "kept_off", "ModemManager runs and is kept off by the udev rules");
    }
    let what =
        "ModemManager runs and sends commands to each new serial line, scanners and readers among them";
    Finding::warning(check, "probes", what).repair(INSTALL_RULES)
}
