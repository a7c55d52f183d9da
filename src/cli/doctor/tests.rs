//! Each fault that can be found, planted in a folder that stands for the machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use super::machine::{Card, Seen};
use super::*;
use crate::clock::UnixTime;
use crate::device::transport::TransportError;
use crate::device::{UsbId, hid_rule};
use crate::jobs::Synchronised;

type Asked = Result<Vec<Seen>, TransportError>;

const POLICY: &str = "/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy";
const RULE: &str = "/usr/share/polkit-1/rules.d/50-mintmark.rules";

const RULE_COMMAND: &str = "doctor --show polkit > /etc/polkit-1/rules.d/50-mintmark.rules";
const UNIT_FILE: &str = "/usr/lib/systemd/system/mintmark.service";

/// A root with files in it, of a machine on which everything is well. The service's user is whoever runs the test.
struct Planted {
    root: tempfile::TempDir,
}

impl Planted {
    fn new() -> Self {
        let planted = Self { root: tempfile::tempdir().expect("a folder") };
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        planted
            .file("/etc/passwd", &format!("mintmark:x:{uid}:{gid}::/var/lib/mintmark:/usr/sbin/nologin\n"));
        planted.file("/etc/group", &format!("mintmark:x:{gid}:\ndialout:x:20:somebody,mintmark\n"));
        planted.file("/usr/sbin/pcscd", "");
        planted.file("/usr/lib/polkit-1/polkitd", "");
        planted.file(POLICY, "");
        planted.file(RULE, POLKIT_RULE);
        planted
    }

    fn path(&self, absolute: &str) -> PathBuf {
        self.root.path().join(&absolute[1..])
    }

    fn file(&self, absolute: &str, text: &str) {
        let path = self.path(absolute);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn gone(&self, absolute: &str) {
        fs::remove_file(self.path(absolute)).expect("it was there");
    }

    fn socket(&self) -> UnixListener {
        let path = self.path("/run/pcscd/pcscd.comm");
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        UnixListener::bind(path).expect("bound")
    }

    fn machine(&self) -> Machine {
        Machine::planted(self.root.path(), Box::new(|_| Ok(Vec::new())))
    }

    /// Somebody who is not root.
    fn account() -> Account {
        Self::account_of_group(&[990])
    }

    fn account_of_group(gids: &[u32]) -> Account {
        Account { name: "mintmark".into(), uid: 990, gids: gids.to_vec(), home: "/var/lib/mintmark".into() }
    }

    /// A machine whose `doctor` is run by that user.
    fn machine_of_service(&self) -> Machine {
        self.machine().run_by(990)
    }

    fn process(&self, pid: u32, name: &str) {
        self.file(&format!("/proc/{pid}/comm"), &format!("{name}\n"));
    }

    /// A serial line on USB with these rights.
    fn serial_line(&self, name: &str, id: (&str, &str), mode: u32) {
        self.file(&format!("/sys/class/tty/{name}/device/idVendor"), &format!("{}\n", id.0));
        self.file(&format!("/sys/class/tty/{name}/device/idProduct"), &format!("{}\n", id.1));
        let node = format!("/dev/{name}");
        self.file(&node, "");
        fs::set_permissions(self.path(&node), fs::Permissions::from_mode(mode)).expect("set");
    }
}

fn says(finding: &Finding, state: State, code: &str, repair: &str) {
    assert_eq!((finding.state, finding.code), (state, code), "{finding:?}");
    let told = finding.repair.as_deref().unwrap_or_default();
    assert!(told.contains(repair) && told.is_empty() == repair.is_empty(), "{finding:?}");
}

fn seen(card: Card) -> Vec<Seen> {
    vec![Seen { name: "Virtual 0 00 00".into(), card }]
}

#[test]
fn causes_of_a_silent_card_reader_service_are_told_apart() {
    let planted = Planted::new();
    let (machine, account) = (planted.machine_of_service(), Planted::account());
    let none: Asked = Err(TransportError::NoService);
    let pcscd = |asked: &Asked| card_readers::pcscd(&machine, &account, asked, RULE_COMMAND);
    says(&pcscd(&Ok(Vec::new())), State::Good, "answers", "");
    says(&pcscd(&none), State::Missing, "not_started", "systemctl enable --now pcscd.socket");
    planted.gone("/usr/sbin/pcscd");
    says(&pcscd(&none), State::Missing, "not_installed", "apt-get install pcscd");
    planted.file("/usr/sbin/pcscd", "");
    let listener = planted.socket();
    says(&pcscd(&none), State::Missing, "refused", "doctor --show polkit");
    says(&pcscd(&Err(TransportError::NoPermission)), State::Missing, "refused", "doctor --show polkit");
    let hangs: Asked = Err(TransportError::Silent);
    says(&pcscd(&hangs), State::Missing, "no_answer", "systemctl restart pcscd.service");
    planted.gone(POLICY);
    says(&pcscd(&none), State::Missing, "no_answer", "systemctl restart pcscd.service");
    drop(listener);
    says(&pcscd(&none), State::Missing, "ended", "systemctl restart pcscd.socket");
}

#[test]
fn polkit_is_asked_for_its_rule_and_only_where_it_matters() {
    let planted = Planted::new();
    let (machine, account) = (planted.machine_of_service(), Planted::account());
    let asked: Asked = Ok(Vec::new());
    let polkit = || card_readers::polkit(&machine, &account, &asked, RULE_COMMAND);
    says(&polkit(), State::Good, "rule", "");
    planted.file(RULE, &POLKIT_RULE.replace("mintmark", "somebody"));
    says(&polkit(), State::Missing, "no_rule", "/etc/polkit-1/rules.d/50-mintmark.rules");
    planted.file(RULE, &POLKIT_RULE.replace("access_card", "access_nothing"));
    says(&polkit(), State::Missing, "no_rule", "doctor --show polkit");
    planted.file("/etc/polkit-1/rules.d/10-own.rules", POLKIT_RULE);
    says(&polkit(), State::Good, "rule", "");
    planted.file("/proc/mounts", "proc /proc proc rw,relatime,hidepid=2 0 0\n");
    says(&polkit(), State::Missing, "proc_hidden", "hidepid=0");
    planted.file("/proc/mounts", "proc /proc proc rw,relatime 0 0\n");
    planted.gone("/usr/lib/polkit-1/polkitd");
    says(&polkit(), State::Missing, "not_installed", "apt-get install polkitd");
    planted.gone(POLICY);
    says(&polkit(), State::Good, "not_asked", "");
}

/// A rule that cannot be read is not known; that the readers answer tells enough. Root reads everything.
#[test]
fn rules_that_only_root_reads_are_not_guessed() {
    if rustix::process::geteuid().is_root() {
        return;
    }
    let planted = Planted::new();
    planted.gone(RULE);
    let folder = planted.path("/usr/share/polkit-1/rules.d");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o000)).expect("set");
    let (machine, account) = (planted.machine_of_service(), Planted::account());
    let polkit = |asked: &Asked| card_readers::polkit(&machine, &account, asked, RULE_COMMAND);
    says(&polkit(&Err(TransportError::NoService)), State::Unknown, "unreadable", "as root");
    says(&polkit(&Ok(Vec::new())), State::Good, "lets_in", "");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).expect("set");
}

#[test]
fn readers_and_what_keeps_cards_away_are_told() {
    says(&card_readers::readers(&[]), State::Warning, "none", "plug in a reader");
    assert!(card_readers::readers(&seen(Card::Quiet)).what.contains("Virtual 0 00 00"));
    let first = |card| card_readers::cards(&seen(card), false, RULE_COMMAND).remove(0);
    says(&first(Card::Answers), State::Good, "free", "");
    says(&first(Card::InUse), State::Missing, "in_use", "close the other program");
    says(&first(Card::Forbidden), State::Missing, "refused", "doctor --show polkit");
    says(&first(Card::NfcRestricted), State::Warning, "nfc_restricted", "USB port for a few seconds");
    says(&first(Card::Mute), State::Warning, "mute", "turn the card around");
    says(&first(Card::Refused("no answer".into())), State::Warning, "unread", "");
    let told_by_scdaemon = card_readers::cards(&seen(Card::InUse), true, RULE_COMMAND);
    says(&told_by_scdaemon[0], State::Good, "free", "");
}

#[test]
fn scdaemon_is_found_with_what_its_settings_lack() {
    let planted = Planted::new();
    let machine = planted.machine();
    let (free, used): (Asked, Asked) = (Ok(seen(Card::Answers)), Ok(seen(Card::InUse)));
    says(&card_readers::scdaemon(&machine, &used), State::Good, "not_running", "");
    planted.process(7, "scdaemon");
    planted.process(8, "bash");
    let file = "/var/lib/mintmark/.gnupg/scdaemon.conf";
    says(
        &card_readers::scdaemon(&machine, &free),
        State::Warning,
        "not_shared",
        "disable-ccid\\npcsc-shared",
    );
    says(&card_readers::scdaemon(&machine, &used), State::Missing, "holds_card", "gpgconf --kill scdaemon");
    planted.file(file, "disable-ccid\n");
    let lacking = card_readers::scdaemon(&machine, &used);
    says(
        &lacking,
        State::Missing,
        "holds_card",
        "runuser -u mintmark -- sh -c 'printf \"pcsc-shared\\n\" >> /var/lib/mintmark/.gnupg",
    );
    planted.file(file, "disable-ccid\npcsc-shared\n");
    says(&card_readers::scdaemon(&machine, &free), State::Good, "shares", "");
    says(&card_readers::scdaemon(&machine, &used), State::Missing, "holds_card", "runuser -u mintmark");
}

#[test]
fn the_user_matters_where_the_service_is_installed() {
    let planted = Planted::new();
    let machine = planted.machine();
    says(&nodes::user(&machine, &Planted::account()), State::Good, "there", "");
    planted.file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    says(&nodes::user(&machine, &Planted::account()), State::Good, "own", "");
    planted.file("/usr/lib/systemd/system/mintmark.service", "");
    let finding = nodes::user(&machine, &Planted::account());
    says(&finding, State::Missing, "not_there", "systemd-sysusers mintmark.conf");
    assert!(finding.what.starts_with("the user mintmark"), "{finding:?}");
}

#[test]
fn udev_rules_are_compared_with_what_this_version_needs() {
    let planted = Planted::new();
    let machine = planted.machine();
    let none = std::collections::BTreeSet::new();
    let expected = udev_rules(&none);
    let udev = || nodes::udev(&machine, &none, &expected);
    says(&udev(), State::Good, "not_needed", "");
    planted.serial_line("ttyACM0", ("0c2e", "0720"), 0o600);
    says(&udev(), State::Warning, "not_there", "doctor --show udev");
    planted.file("/etc/systemd/system/mintmark.service", "");
    says(&udev(), State::Missing, "not_there", "doctor --show udev");
    planted.file("/usr/lib/udev/rules.d/70-mintmark.rules", &expected);
    says(&udev(), State::Good, "there", "");
    planted.file("/etc/udev/rules.d/70-mintmark.rules", "# nothing\n");
    says(&udev(), State::Warning, "other", "doctor --show udev");
}

#[test]
fn a_serial_line_that_the_user_cannot_open_names_its_group_or_the_rule() {
    let planted = Planted::new();
    let (machine, account) = (planted.machine(), Planted::account());
    let expected = udev_rules(&std::collections::BTreeSet::new());
    let serial = |account: &Account| nodes::serial(&machine, account, &expected).remove(0);
    says(&serial(&account), State::Good, "none", "");
    planted.serial_line("ttyUSB0", ("2341", "0043"), 0o660);
    let group = machine.group_name(rustix::process::getegid().as_raw());
    says(&serial(&account), State::Warning, "closed", &format!("usermod -aG {group} mintmark"));
    planted.file(UNIT_FILE, "");
    says(&serial(&account), State::Warning, "closed", "mintmark && systemctl restart mintmark");
    planted.gone(UNIT_FILE);
    planted.serial_line("ttyUSB0", ("1a86", "7523"), 0o660);
    says(&serial(&account), State::Warning, "closed", "doctor --show udev");
    planted.file("/usr/lib/udev/rules.d/70-mintmark.rules", &expected);
    let finding = serial(&account);
    says(&finding, State::Warning, "closed", "udevadm trigger");
    assert!(!finding.repair.unwrap_or_default().contains("--show"));
    let member = Account { gids: vec![rustix::process::getegid().as_raw()], ..account };
    says(&serial(&member), State::Good, "open", "");
}

#[test]
fn a_token_over_hid_that_the_user_cannot_open_is_told() {
    let planted = Planted::new();
    let (machine, account) = (planted.machine(), Planted::account());
    let ids = std::collections::BTreeSet::from([UsbId { vendor: 0x20a0, product: 0x4108 }]);
    let expected = udev_rules(&ids);
    assert!(expected.contains(&hid_rule(UsbId { vendor: 0x20a0, product: 0x4108 })));
    let hid = || nodes::hid(&machine, &account, &ids, &expected).remove(0);
    says(
        &nodes::hid(&machine, &account, &std::collections::BTreeSet::new(), "")[0],
        State::Good,
        "not_needed",
        "",
    );
    says(&hid(), State::Good, "open", "");
    for (node, vendor) in [("hidraw0", "046d"), ("hidraw1", "20a0")] {
        planted.file(&format!("/sys/class/hidraw/{node}/device/idVendor"), vendor);
        planted.file(&format!("/sys/class/hidraw/{node}/device/idProduct"), "4108");
        planted.file(&format!("/dev/{node}"), "");
        fs::set_permissions(planted.path(&format!("/dev/{node}")), fs::Permissions::from_mode(0o600))
            .expect("set");
    }
    let finding = hid();
    says(&finding, State::Missing, "closed", "doctor --show udev");
    assert!(finding.what.contains("hidraw1"), "the other is a keyboard: {finding:?}");
    planted.file("/etc/udev/rules.d/70-mintmark.rules", &expected);
    says(&hid(), State::Missing, "closed", "udevadm trigger");
}

#[test]
fn modem_manager_is_told_unless_the_rules_keep_it_off() {
    let planted = Planted::new();
    let machine = planted.machine();
    let expected = udev_rules(&std::collections::BTreeSet::new());
    says(&nodes::modem_manager(&machine, &expected), State::Good, "not_running", "");
    planted.process(9, "ModemManager");
    says(&nodes::modem_manager(&machine, &expected), State::Warning, "probes", "doctor --show udev");
    planted.file("/usr/lib/udev/rules.d/70-mintmark.rules", &expected);
    says(&nodes::modem_manager(&machine, &expected), State::Good, "kept_off", "");
}

#[test]
fn the_clock_is_told_by_who_keeps_it() {
    let now = UnixTime::from_secs(1_800_000_000);
    let planted = Planted::new();
    let machine = planted.machine();
    let clock = |now, synchronised| store::clock(&machine, now, synchronised);
    let none = "apt-get install systemd-timesyncd";
    says(&clock(now, Synchronised::No), State::Missing, "not_synchronised", none);
    planted.file("/usr/lib/systemd/ntp-units.d/80-systemd-timesync.list", "systemd-timesyncd.service\n");
    let set = "timedatectl set-ntp true";
    says(&clock(now, Synchronised::Yes), State::Good, "synchronised", "");
    says(&clock(now, Synchronised::No), State::Missing, "not_synchronised", set);
    says(&clock(now, Synchronised::Unknown), State::Unknown, "not_told", "compare it");
    says(&clock(UnixTime::from_secs(3), Synchronised::Yes), State::Missing, "behind", set);
    planted.process(11, "systemd-timesyn");
    says(&clock(now, Synchronised::No), State::Missing, "not_synchronised", "/etc/systemd/timesyncd.conf");
}

#[test]
fn a_data_directory_that_is_not_as_it_should_be_is_told() {
    let planted = Planted::new();
    let machine = planted.machine();
    let account = service_account(&machine, planted.root.path());
    let dir = planted.path("/home/data");
    let (finding, is_there) = store::directory(&machine, &dir, &account);
    says(&finding, State::Missing, "not_there", "init --admin LOGIN");
    assert!(!is_there);
    planted.file("/var/lib/mintmark/store.redb", "");
    says(
        &store::directory(&machine, &dir, &account).0,
        State::Missing,
        "elsewhere",
        "--data /var/lib/mintmark",
    );
    planted.file("/home/data/store.redb", "");
    let set = |mode| fs::set_permissions(&dir, fs::Permissions::from_mode(mode)).expect("set");
    set(0o750);
    says(&store::directory(&machine, &dir, &account).0, State::Missing, "open_to_others", "chmod 700");
    set(0o700);
    says(&store::directory(&machine, &dir, &account).0, State::Good, "private", "");
    let other = Planted::account();
    says(
        &store::directory(&machine, &dir, &other).0,
        State::Missing,
        "foreign",
        "chown -R mintmark:mintmark",
    );
    let file = dir.join("store.redb");
    says(&store::directory(&machine, &file, &account).0, State::Missing, "no_directory", "--data");

    says(&store::root_key(&machine, &dir), State::Missing, "not_there", "install -m 600");
    planted.file("/home/data/root.key", "not a key");
    let key = dir.join("root.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("set");
    says(&store::root_key(&machine, &dir), State::Missing, "open_to_others", "chmod 600");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("set");
    says(&store::root_key(&machine, &dir), State::Missing, "unusable", "install -m 600");
    let empty = tempfile::tempdir().expect("a folder");
    says(&store::root_key(&machine, empty.path()), State::Missing, "no_store", "init");

    let opened = store::store(&machine, &dir, &account).remove(0);
    assert_eq!((opened.state, opened.code), (State::Missing, "does_not_open"), "{opened:?}");
    let by_another = planted.machine().run_by(4242);
    let finding = store::store(&by_another, &dir, &account).remove(0);
    assert_eq!((finding.state, finding.code), (State::Unknown, "not_opened"), "{finding:?}");
    assert!(finding.repair.unwrap_or_default().starts_with("runuser -u "));
}

#[test]
fn room_on_the_disk_is_told_in_three_steps() {
    let dir = Path::new("/var/lib/mintmark");
    says(&store::free_space(dir, 0), State::Missing, "full", "df -h");
    says(&store::free_space(dir, 100 << 20), State::Warning, "low", "df -h");
    says(&store::free_space(dir, 100 << 30), State::Good, "free", "");
    assert_eq!(store::disk(Path::new("/nonexistent")).state, State::Unknown);
}

#[test]
fn everything_is_looked_at_also_where_nothing_was_made_yet() {
    let planted = Planted::new();
    let findings = look(&planted.machine(), &planted.path("/home/data"));
    let checks: Vec<&str> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(
        checks,
        [
            "pcscd",
            "polkit",
            "readers",
            "cards",
            "scdaemon",
            "user",
            "udev",
            "serial",
            "hid",
            "modemmanager",
            "clock",
            "data_directory"
        ]
    );
    // Whatever is not well comes with a way on.
    for finding in findings.iter().filter(|finding| finding.state == State::Missing) {
        assert!(finding.repair.is_some(), "{finding:?}");
    }
}

/// Root may have made the store of the service: the unit says who needs it.
#[test]
fn the_installed_service_has_the_user_of_its_unit() {
    let planted = Planted::new();
    planted
        .file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nmintmark:x:990:990::/var/lib/mintmark:/bin/false\n");
    let dir = Path::new(store::SERVICE_DATA);
    planted.file("/usr/lib/systemd/system/mintmark.service", "");
    assert_eq!(service_account(&planted.machine(), dir), Planted::account_of_group(&[990, 20]));
}

#[test]
fn files_for_the_system_name_who_the_service_runs_as() {
    let planted = Planted::new();
    let dir = planted.path("/home/data");
    let rule = system_file(SystemFile::Polkit, &planted.machine(), &dir);
    assert!(rule.contains("subject.user == \"mintmark\""), "{rule}");
    planted.file("/etc/passwd", "anna:x:1000:1000::/home/anna:/bin/bash\n");
    let machine = planted.machine().run_by(1000);
    let rule = system_file(SystemFile::Polkit, &machine, &dir);
    assert!(rule.contains("subject.user == \"anna\""), "{rule}");
    assert!(system_file(SystemFile::Unit, &machine, &dir).contains("[Service]"));
    assert!(system_file(SystemFile::Sysusers, &machine, &dir).contains("u mintmark"));
    assert!(system_file(SystemFile::Udev, &machine, &dir).contains("mintmark_end"));
}

/// Any directory may be named; rights of one that is not the program's are not to be changed.
#[test]
fn a_directory_without_a_store_is_left_as_it_is() {
    let planted = Planted::new();
    let machine = planted.machine();
    planted.file("/srv/lib/something", "");
    let dir = planted.path("/srv/lib");
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).expect("set");
    for account in [service_account(&machine, &dir), Planted::account()] {
        let (finding, is_there) = store::directory(&machine, &dir, &account);
        says(&finding, State::Missing, "no_store", "init --admin LOGIN");
        assert!(!is_there, "nothing else of it is looked at");
    }
    planted.file("/srv/lib/root.key", "");
    let finding = store::directory(&machine, &dir, &Planted::account()).0;
    says(&finding, State::Missing, "open_to_others", "chmod 700");
}

#[test]
fn an_installed_service_that_does_not_run_is_a_fault() {
    let planted = Planted::new();
    let machine = planted.machine();
    let dir = planted.path(store::SERVICE_DATA);
    planted.file("/var/lib/mintmark/mintmark.toml", "");
    planted.file("/home/data/store.redb", "");
    assert_eq!(store::service(&machine, &dir), None);
    planted.file(UNIT_FILE, "");
    assert_eq!(store::service(&machine, &dir), None, "it waits for its store");
    planted.file("/var/lib/mintmark/store.redb", "");
    let finding = store::service(&machine, &dir).expect("told");
    says(&finding, State::Missing, "not_running", "systemctl start mintmark");
    assert!(finding.repair.is_some_and(|repair| repair.contains("journalctl -u mintmark -n 20")));
    assert_eq!(store::service(&machine, &planted.path("/home/data")), None, "it is not the unit's");
    let _listener = UnixListener::bind(dir.join("mintmark.sock")).expect("bound");
    assert_eq!(store::service(&machine, &dir), None);
}

#[test]
fn files_of_others_matter_where_the_program_writes_or_cannot_read() {
    let planted = Planted::new();
    let dir = planted.path("/home/data");
    for name in
        ["mintmark.toml", "firmware-profiles/own.toml", "lost+found/none", "attestation-roots/own.pem"]
    {
        planted.file(&format!("/home/data/{name}"), "");
    }
    let set = |name: &str, mode| {
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(mode)).expect("set");
    };
    set("mintmark.toml", 0o644);
    set("lost+found", 0o700);
    set("firmware-profiles", 0o755);
    set("attestation-roots", 0o755);
    // Not in the group of who runs the test.
    let other =
        Account { uid: rustix::process::geteuid().as_raw() + 1, ..Planted::account_of_group(&[4242]) };
    assert!(store::unusable_files(&dir, &other).is_empty());
    set("mintmark.toml", 0o600);
    set("attestation-roots", 0o744);
    planted.file("/home/data/store.redb", "");
    set("store.redb", 0o666);
    let unusable = ["store.redb", "mintmark.toml", "attestation-roots"];
    assert_eq!(store::unusable_files(&dir, &other), unusable);
    let own = Account { uid: rustix::process::geteuid().as_raw(), ..other };
    assert!(store::unusable_files(&dir, &own).is_empty());
}

#[test]
fn where_the_service_is_installed_its_own_directory_gets_the_store() {
    let planted = Planted::new();
    let (machine, dir) = (planted.machine(), planted.path("/home/admin/.local/share/mintmark"));
    let told = || store::directory(&machine, &dir, &Planted::account()).0;
    says(&told(), State::Missing, "not_there", &format!("mintmark --data {} init", dir.display()));
    planted.file(UNIT_FILE, "");
    let readme = "runuser -u mintmark -- mintmark --data /var/lib/mintmark init --admin";
    says(&told(), State::Missing, "not_there", readme);
    assert!(include_str!("../../../README.md").contains(readme));
    fs::create_dir_all(&dir).expect("made");
    says(&told(), State::Missing, "no_store", readme);
}

/// Root runs what is printed.
#[test]
fn the_rule_that_is_proposed_names_who_it_is_for() {
    let dir = Path::new("/home/anna/data");
    let anna = Account { name: "anna".into(), uid: 1000, ..Planted::account() };
    let proposed = card_readers::install_rule(&anna, dir);
    assert!(proposed.starts_with("runuser -u anna -- mintmark --data /home/anna/data doctor "), "{proposed}");
    let proposed = card_readers::install_rule(&Planted::account(), Path::new(store::SERVICE_DATA));
    assert!(
        proposed.starts_with("mintmark --data /var/lib/mintmark doctor --show polkit > /etc/"),
        "{proposed}"
    );
}

#[test]
fn a_key_with_which_the_service_does_not_start_is_told() {
    let planted = Planted::new();
    let dir = planted.path("/home/data");
    fs::create_dir_all(&dir).expect("made");
    let files = crate::http::tls::self_signed(&dir, &["localhost".to_owned()], SystemClock::new().now());
    let files = files.expect("made");
    let own = Account { uid: rustix::process::geteuid().as_raw(), ..Planted::account() };
    assert_eq!(store::key(&files, &own), None);
    let other = Account { uid: own.uid + 1, ..Planted::account_of_group(&[4242]) };
    says(&store::key(&files, &other).expect("told"), State::Missing, "key_closed", "chown mintmark ");
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o644)).expect("set");
    says(&store::key(&files, &own).expect("told"), State::Missing, "key_open", "chmod 600");
    fs::remove_file(&files.key).expect("it was there");
    says(&store::key(&files, &own).expect("told"), State::Missing, "unusable", "put certificate and key");
}

#[test]
fn an_address_that_the_service_refuses_is_told() {
    let planted = Planted::new();
    let dir = planted.path("/home/data");
    planted.file("/home/data/mintmark.toml", "listen = \"192.0.2.10:8080\"\n");
    let told = store::settings(&planted.machine(), &dir, &Planted::account(), SystemClock::new().now());
    says(&told[0], State::Missing, "not_served", "correct ");
    assert!(told[0].what.contains("nothing would be encrypted"), "{}", told[0].what);
    planted.file("/home/data/mintmark.toml", "listen = \"127.0.0.1:8080\"\n");
    let told = store::settings(&planted.machine(), &dir, &Planted::account(), SystemClock::new().now());
    assert!(told.iter().all(|finding| finding.state == State::Good), "it is for this machine only");
}
