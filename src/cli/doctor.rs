//! `doctor`: what of this machine keeps the service from its work, and the command that repairs it. It looks and
//! changes nothing.

mod card_readers;
mod machine;
mod nodes;
mod store;
#[cfg(test)]
mod tests;

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use self::machine::{Account, Machine};
use super::output::{Outcome, Output};
use crate::clock::{Clock, SystemClock};
use crate::device::{Catalogue, SERVICE_USER, hid_ids, udev_rules};

/// The actions of polkit that the card reader service asks for: for a context, and for a card.
const PCSC_ACTIONS: [&str; 2] = ["org.debian.pcsc-lite.access_pcsc", "org.debian.pcsc-lite.access_card"];

const POLKIT_RULE: &str = include_str!("../../packaging/50-mintmark.rules");
const UNIT: &str = include_str!("../../packaging/mintmark.service");
const SYSUSERS: &str = include_str!("../../packaging/mintmark.sysusers");

/// Says what of this machine keeps the service from its work, and the command that repairs it
#[derive(Args, Debug)]
pub(super) struct DoctorArgs {
    /// Print a file for the system as this version needs it, instead of looking
    #[arg(long, value_name = "FILE")]
    show: Option<SystemFile>,
}

/// A file for the system.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum SystemFile {
    /// The rule that lets the service at card readers
    Polkit,
    /// The rules that let it at serial lines
    Udev,
    /// The user that it runs as
    Sysusers,
    /// The unit for systemd
    Unit,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Good,
    Warning,
    Missing,
    Unknown,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Missing => "missing",
            Self::Unknown => "unknown",
        }
    }
}

/// One thing that was looked at. Check and code are stable words.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    check: &'static str,
    state: State,
    code: &'static str,
    what: String,
    /// The command, or what to do by hand.
    repair: Option<String>,
}

impl Finding {
    fn new(check: &'static str, state: State, code: &'static str, what: impl Into<String>) -> Self {
        Self { check, state, code, what: what.into(), repair: None }
    }

    fn good(check: &'static str, code: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Good, code, what)
    }

    fn warning(check: &'static str, code: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Warning, code, what)
    }

    fn missing(check: &'static str, code: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Missing, code, what)
    }

    fn unknown(check: &'static str, code: &'static str, what: impl Into<String>) -> Self {
        Self::new(check, State::Unknown, code, what)
    }

    fn repair(self, how: impl Into<String>) -> Self {
        Self { repair: Some(how.into()), ..self }
    }

    fn value(&self) -> Value {
        let mut value = json!({
            "check": self.check, "state": self.state.name(), "code": self.code, "what": self.what,
        });
        if let Some(repair) = &self.repair {
            value["repair"] = json!(repair);
        }
        value
    }
}

/// Who the service of this data directory runs as: the user of the unit, where it is the unit's; else whose it is; before
/// it is there, the user of the unit if there is one.
fn service_account(machine: &Machine, dir: &Path) -> Account {
    if store::is_of_service(machine, dir)
        && nodes::is_installed(machine)
        && let Some(account) = machine.account(SERVICE_USER)
    {
        return account;
    }
    let owner = std::fs::metadata(dir).ok().map(|about| about.uid());
    let number = owner.unwrap_or(machine.uid);
    let of_number = || machine.account_of(number);
    let found = if owner.is_some() { of_number() } else { machine.account(SERVICE_USER).or_else(of_number) };
    found.unwrap_or_else(|| Account {
        name: number.to_string(),
        uid: number,
        gids: vec![rustix::process::getegid().as_raw()],
        home: "/".into(),
    })
}

/// Looks at everything.
fn look(machine: &Machine, dir: &Path) -> Vec<Finding> {
    let account = service_account(machine, dir);
    let now = SystemClock::new().now();
    let catalogue = Catalogue::with_folder_of(dir);
    let hid = hid_ids(catalogue.all());
    let rules = udev_rules(&hid);
    // A service that works with the cards is not disturbed.
    let asked = machine.readers(!store::service_runs(dir));

    let rule = card_readers::install_rule(&account, dir);
    let mut findings = vec![
        card_readers::pcscd(machine, &account, &asked, &rule),
        card_readers::polkit(machine, &account, &asked, &rule),
    ];
    let scdaemon = card_readers::scdaemon(machine, &asked);
    if let Ok(seen) = &asked {
        findings.push(card_readers::readers(seen));
        findings.extend(card_readers::cards(seen, scdaemon.code != "not_running", &rule));
    }
    findings.push(scdaemon);
    findings.push(nodes::user(machine, &account));
    findings.push(nodes::udev(machine, &hid, &rules));
    findings.extend(nodes::serial(machine, &account, &rules));
    findings.extend(nodes::hid(machine, &account, &hid, &rules));
    findings.push(nodes::modem_manager(machine, &rules));
    findings.push(store::clock(machine, now, (machine.synchronised)()));
    let (directory, is_there) = store::directory(machine, dir, &account);
    findings.push(directory);
    if is_there {
        findings.push(store::root_key(machine, dir));
        findings.extend(store::service(machine, dir));
        findings.extend(store::store(machine, dir, &account));
        findings.push(store::disk(dir));
        findings.extend(store::version(dir));
        findings.extend(store::settings(machine, dir, &account, now));
    }
    findings
}

/// The text of a file for the system.
fn system_file(which: SystemFile, machine: &Machine, dir: &Path) -> String {
    match which {
        SystemFile::Polkit => {
            let account = service_account(machine, dir);
            // Root needs none: whoever asks as root means the user of the package.
            let name = if account.uid == 0 { SERVICE_USER } else { &account.name };
            POLKIT_RULE.replace(&format!("\"{SERVICE_USER}\""), &format!("\"{name}\""))
        }
        SystemFile::Udev => udev_rules(&hid_ids(Catalogue::with_folder_of(dir).all())),
        SystemFile::Sysusers => SYSUSERS.to_owned(),
        SystemFile::Unit => UNIT.to_owned(),
    }
}

/// Runs `doctor`: a negative answer when something is missing.
pub(super) fn run(args: &DoctorArgs, dir: &Path, out: &mut Output) -> Result<Outcome> {
    let machine = Machine::here();
    if let Some(which) = args.show {
        let text = system_file(which, &machine, dir);
        out.answer(&json!({ "text": text }), |out| out.line(text.trim_end()))?;
        return Ok(Outcome::Done);
    }
    let findings = look(&machine, dir);
    let good = !findings.iter().any(|finding| finding.state == State::Missing);
    let checks: Vec<Value> = findings.iter().map(Finding::value).collect();
    out.answer(&json!({ "ok": good, "checks": checks }), |out| {
        for finding in &findings {
            out.line(format_args!("{:<8} {:<15} {}", finding.state.name(), finding.check, finding.what))?;
            if let Some(repair) = &finding.repair {
                out.line(format_args!("{:<24} -> {repair}", ""))?;
            }
        }
        if findings.iter().any(|finding| finding.repair.is_some()) {
            out.line("What follows an arrow repairs it; commands are meant for root.")?;
        }
        Ok(())
    })?;
    Ok(Outcome::when(good))
}
