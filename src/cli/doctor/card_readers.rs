//! The way to card readers: pcscd, polkit, the readers, and who else uses them.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use super::machine::{Account, Card, Machine, Seen};
use super::{Finding, PCSC_ACTIONS};
use crate::device::SERVICE_USER;
use crate::device::transport::TransportError;

const SOCKET: &str = "/run/pcscd/pcscd.comm";
/// The card reader service asks polkit when it was built so, and then has this file.
const POLICY: &str = "/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy";
/// Where polkit reads rules (polkit(8)).
const RULES: [&str; 4] = [
    "/etc/polkit-1/rules.d",
    "/run/polkit-1/rules.d",
    "/usr/local/share/polkit-1/rules.d",
    "/usr/share/polkit-1/rules.d",
];

/// The command that installs the rule for this user. Root runs it, and the data directory says who is meant; before that
/// is there, who asks.
pub(super) fn install_rule(account: &Account, dir: &Path) -> String {
    let user = match account.name.as_str() {
        SERVICE_USER | "root" => String::new(),
        name => format!("runuser -u {name} -- "),
    };
    let dir = dir.display();
    format!("{user}mintmark --data {dir} doctor --show polkit > /etc/polkit-1/rules.d/50-mintmark.rules")
}

type Asked = Result<Vec<Seen>, TransportError>;

/// The service that has the readers. `rule`: the command that installs the rule of polkit.
pub(super) fn pcscd(machine: &Machine, account: &Account, asked: &Asked, rule: &str) -> Finding {
    let check = "pcscd";
    let error = match asked {
        Ok(_) => return Finding::good(check, "answers", "the card reader service answers"),
        Err(TransportError::NoPermission) => return refused(rule),
        Err(error) => error,
    };
    match machine.connect(SOCKET) {
        Ok(())
            if *error != TransportError::Silent
                && machine.has(POLICY)
                && account.uid != 0
                && machine.uid != 0 =>
        {
            refused(rule)
        }
        Ok(()) => {
            let what = format!("the card reader service takes connections and answers none: {error}");
            Finding::missing(check, "no_answer", what).repair("systemctl restart pcscd.service")
        }
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            let what = format!("{SOCKET} lets this user not in; it is mode 0666 as Debian ships it");
            Finding::missing(check, "socket_closed", what).repair("systemctl restart pcscd.socket")
        }
        Err(_) if !machine.has("/usr/sbin/pcscd") => {
            let what =
                "the card reader service is not installed; readers and keys cannot be reached without it";
            Finding::missing(check, "not_installed", what).repair("apt-get install pcscd")
        }
        Err(_) if machine.has(SOCKET) => {
            let what = format!("{SOCKET} is left from a card reader service that has ended");
            Finding::missing(check, "ended", what).repair("systemctl restart pcscd.socket")
        }
        Err(_) => {
            Finding::missing(check, "not_started", "the card reader service is installed and not started")
                .repair("systemctl enable --now pcscd.socket")
        }
    }
}

fn refused(rule: &str) -> Finding {
    let what = "the card reader service refuses this user (SCARD_W_SECURITY_VIOLATION): polkit has no rule that lets \
                it in, as its sessions are not at the machine's own seat";
    Finding::missing("pcscd", "refused", what).repair(rule)
}

/// Whether polkit lets the service's user at the readers. `install`: the command that installs the rule for it.
pub(super) fn polkit(machine: &Machine, account: &Account, asked: &Asked, install: &str) -> Finding {
    let check = "polkit";
    if !machine.has(POLICY) {
        let what = "the card reader service of this machine does not ask polkit";
        return Finding::good(check, "not_asked", what);
    }
    if account.uid == 0 {
        return Finding::good(check, "root", "the service runs as root, whom polkit lets in");
    }
    if !machine.has("/usr/lib/polkit-1/polkitd") && !machine.has("/usr/libexec/polkitd") {
        let what =
            "the card reader service asks polkit, which is not installed: it refuses everybody but root";
        return Finding::missing(check, "not_installed", what).repair("apt-get install polkitd");
    }
    let mounts = machine.text("/proc/mounts").unwrap_or_default();
    let is_hidden = |line: &str| {
        line.contains(" /proc proc ") && line.contains("hidepid=") && !line.contains("hidepid=0")
    };
    if mounts.lines().any(is_hidden) {
        let what = "/proc is mounted with hidepid: the card reader service cannot see who asks, and refuses";
        return Finding::missing(check, "proc_hidden", what).repair("mount -o remount,hidepid=0 /proc");
    }
    let mut unreadable = None;
    for folder in RULES {
        let Ok(names) = machine.names(folder) else {
            unreadable = Some(folder);
            continue;
        };
        for name in names.into_iter().filter(|name| Path::new(name).extension() == Some(OsStr::new("rules")))
        {
            let path = format!("{folder}/{name}");
            match machine.text(&path) {
                Some(rule) if lets_in(&rule, &account.name) => {
                    let what = format!("{path} lets {} at readers and cards", account.name);
                    return Finding::good(check, "rule", what);
                }
                Some(_) => {}
                None => unreadable = Some(folder),
            }
        }
    }
    match unreadable {
        Some(_) if asked.is_ok() && machine.uid == account.uid => {
            Finding::good(check, "lets_in", format!("polkit lets {} at the readers", account.name))
        }
        Some(folder) => {
            let what = format!("{folder} is readable for root only: whether a rule is there is not known");
            Finding::unknown(check, "unreadable", what)
                .repair("run doctor again as root, or as the service's user")
        }
        None => {
            let what = format!("polkit has no rule that lets {} at readers and cards", account.name);
            Finding::missing(check, "no_rule", what).repair(install)
        }
    }
}

/// The text names both actions and the user. What a rule decides only polkit knows; this one is told from others.
fn lets_in(rule: &str, user: &str) -> bool {
    let quoted = [format!("\"{user}\""), format!("'{user}'")];
    PCSC_ACTIONS.iter().all(|action| rule.contains(action)) && quoted.iter().any(|name| rule.contains(name))
}

/// Which readers there are.
pub(super) fn readers(seen: &[Seen]) -> Finding {
    if seen.is_empty() {
        let what = "no reader is plugged in, and no key that is one";
        return Finding::warning("readers", "none", what)
            .repair("plug in a reader; lsusb shows what the machine sees");
    }
    let names: Vec<&str> = seen.iter().map(|seen| seen.name.as_str()).collect();
    Finding::good("readers", "there", names.join("; "))
}

/// What keeps cards from being looked at. `scdaemon_runs`: then that is told by a check of its own. `rule`:
/// the command that installs the rule of polkit.
pub(super) fn cards(seen: &[Seen], scdaemon_runs: bool, rule: &str) -> Vec<Finding> {
    let check = "cards";
    let mut findings = Vec::new();
    for Seen { name, card } in seen {
        findings.extend(match card {
            Card::Quiet | Card::Answers => None,
            Card::InUse if scdaemon_runs => None,
            Card::InUse => {
                let what =
                    format!("{name}: another program has the card for itself (SCARD_E_SHARING_VIOLATION)");
                Some(Finding::missing(check, "in_use", what).repair("close the other program"))
            }
            Card::Forbidden => {
                let what = format!("{name}: polkit refuses this user the card ({})", PCSC_ACTIONS[1]);
                Some(Finding::missing(check, "refused", what).repair(rule))
            }
            Card::NfcRestricted => {
                let what = format!(
                    "{name}: a YubiKey as it left the factory, which shows nothing to a contactless reader"
                );
                let repair = "put the key into a USB port for a few seconds once, then lay it on again";
                Some(Finding::warning(check, "nfc_restricted", what).repair(repair))
            }
            Card::Mute => {
                let what = format!("{name}: what lies there says nothing");
                Some(Finding::warning(check, "mute", what).repair("turn the card around, or take it out"))
            }
            Card::Refused(why) => Some(Finding::warning(check, "unread", format!("{name}: {why}"))),
        });
    }
    if findings.is_empty() {
        findings.push(Finding::good(check, "free", "no card is kept from this service"));
    }
    findings
}

/// The scdaemon of `GnuPG` takes keys for itself unless it is told to share.
pub(super) fn scdaemon(machine: &Machine, asked: &Asked) -> Finding {
    let check = "scdaemon";
    let running = machine.processes("scdaemon");
    let Some(process) = running.first() else {
        return Finding::good(check, "not_running", "GnuPG uses no reader");
    };
    let owner = machine.account_of(process.uid);
    let home = owner.as_ref().map_or_else(|| "~".into(), |owner| owner.home.display().to_string());
    let file = format!("{home}/.gnupg/scdaemon.conf");
    // Its owner may have put anything there: a pipe would never end, and what is no plain file says nothing.
    let path = machine.path(&file);
    let is_plain = fs::symlink_metadata(&path).is_ok_and(|kind| kind.is_file());
    let written = if is_plain { fs::read_to_string(&path).unwrap_or_default() } else { String::new() };
    let lines: Vec<&str> = written.lines().map(str::trim).collect();
    let lacking: Vec<&str> =
        ["disable-ccid", "pcsc-shared"].into_iter().filter(|option| !lines.contains(option)).collect();
    let who = owner.map_or_else(|| process.uid.to_string(), |owner| owner.name);
    let holds = asked.as_ref().is_ok_and(|seen| seen.iter().any(|seen| seen.card == Card::InUse));
    // In their name: a link there must not lead root to another file.
    let write = format!("runuser -u {who} -- sh -c 'printf \"{}\\n\" >> {file}'", lacking.join("\\n"));
    let kill = format!("runuser -u {who} -- gpgconf --kill scdaemon");
    match (holds, lacking.is_empty()) {
        (true, true) => {
            let what =
                format!("GnuPG's scdaemon (process {}, user {who}) has a card for itself", process.pid);
            Finding::missing(check, "holds_card", what).repair(kill)
        }
        (true, false) => {
            let what = format!(
                "GnuPG's scdaemon (process {}, user {who}) has a card for itself: {file} lacks {}",
                process.pid,
                lacking.join(" and ")
            );
            Finding::missing(check, "holds_card", what).repair(format!("{write} && {kill}"))
        }
        (false, false) => {
            let what = format!(
                "GnuPG's scdaemon (user {who}) may take keys for itself: {file} lacks {}",
                lacking.join(" and ")
            );
            Finding::warning(check, "not_shared", what).repair(format!("{write} && {kill}"))
        }
        (false, true) => {
            Finding::good(check, "shares", format!("GnuPG's scdaemon (user {who}) shares readers"))
        }
    }
}
