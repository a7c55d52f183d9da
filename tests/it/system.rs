//! What the system is given: udev rules, the rule for polkit, the unit, the user, the Debian package.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use mintmark::device::{Catalogue, UsbId, hid_ids, is_known_serial, udev_rules};

fn tree(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(tree(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[expect(clippy::print_stderr, reason = "a test that cannot run says so by name")]
fn not_run(test: &str, why: &str) {
    eprintln!("{test} was not run: {why}");
}

/// One rule of udev: matches and assignments, in order, as key, operator and value (udev(7)).
type Rule = Vec<(String, String, String)>;

/// Reads rules of udev; a line that is none makes the test fail.
fn rules(text: &str) -> Vec<Rule> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let mut parts = Vec::new();
            let mut rest = line;
            while !rest.is_empty() {
                let quote = rest.find('"').unwrap_or_else(|| panic!("no value in {line}"));
                let (head, behind) = (&rest[..quote], &rest[quote + 1..]);
                let end = behind.find('"').unwrap_or_else(|| panic!("no end of a value in {line}"));
                let operator = ["==", "!=", "+=", "-=", ":=", "="].into_iter().find(|op| head.ends_with(op));
                let operator = operator.unwrap_or_else(|| panic!("no operator in {line}"));
                let key = head.strip_suffix(operator).unwrap_or_default();
                let is_key = |c: char| c.is_ascii_alphanumeric() || "_{}.".contains(c);
                assert!(!key.is_empty() && key.chars().all(is_key), "no key in {line}");
                parts.push((key.to_owned(), operator.to_owned(), behind[..end].to_owned()));
                rest = behind[end + 1..].trim_start_matches(',').trim_start();
            }
            parts
        })
        .collect()
}

fn value<'a>(rule: &'a Rule, key: &str, operator: &str) -> Option<&'a str> {
    let found = rule.iter().find(|(k, o, _)| k == key && o == operator);
    found.map(|(_, _, value)| value.as_str())
}

fn number(rule: &Rule, key: &str) -> Option<u16> {
    value(rule, key, "==").map(|text| u16::from_str_radix(text, 16).expect("four hexadecimal digits"))
}

#[test]
fn the_udev_rules_are_those_of_the_profiles() {
    let ids = hid_ids(Catalogue::built_in().all());
    let expected = udev_rules(&ids);
    let file = text("udev/70-mintmark.rules");
    assert!(
        file == expected,
        "udev/70-mintmark.rules differs from firmware-profiles/ and src/device/node.rs; write it again: \
         mintmark doctor --show udev > udev/70-mintmark.rules"
    );

    // Parsed for itself, not compared with what was written: each number stands on both sides.
    let rules = rules(&file);
    let hid: Vec<_> = rules.iter().filter(|rule| value(rule, "SUBSYSTEM", "==") == Some("hidraw")).collect();
    let named: BTreeSet<UsbId> = hid
        .iter()
        .map(|rule| UsbId {
            vendor: number(rule, "ATTRS{idVendor}").expect("a rule without a vendor opens all of hidraw"),
            product: number(rule, "ATTRS{idProduct}").expect("a rule without a product opens keyboards"),
        })
        .collect();
    assert_eq!(named, ids, "numbers in the rules, numbers of the profiles");

    let mut serial = 0;
    for rule in &rules {
        // Nothing is given to whoever sits there, and nothing to everybody.
        assert!(value(rule, "TAG", "+=").is_none() && value(rule, "RUN", "+=").is_none(), "{rule:?}");
        let Some(mode) = value(rule, "MODE", "=") else { continue };
        assert_eq!((mode, value(rule, "GROUP", "=")), ("0660", Some("mintmark")), "{rule:?}");
        if value(rule, "ENV{ID_MM_DEVICE_IGNORE}", "=") == Some("1") {
            let vendor = number(rule, "ATTRS{idVendor}").expect("a vendor");
            let product = number(rule, "ATTRS{idProduct}").unwrap_or(1);
            assert!(is_known_serial(UsbId { vendor, product }), "{rule:?}");
            serial += 1;
        }
    }
    assert_eq!(serial + hid.len(), rules.iter().filter(|rule| value(rule, "MODE", "=").is_some()).count());
    assert!(serial >= 4, "serial lines have rules");

    // Behind the gate to serial lines stand their rules alone, and both ways out have their end.
    let gate = rules.iter().position(|rule| value(rule, "SUBSYSTEM", "!=") == Some("tty")).expect("a gate");
    let first = rules.iter().position(|rule| value(rule, "ENV{ID_MM_DEVICE_IGNORE}", "=").is_some());
    assert!(first.is_some_and(|first| first > gate), "what is for serial lines holds for them alone");
    let labels: Vec<_> = rules.iter().filter_map(|rule| value(rule, "LABEL", "=")).collect();
    for rule in &rules {
        assert!(value(rule, "GOTO", "=").is_none_or(|label| labels == [label]), "{rule:?}");
    }
}

/// A real parser: what udev itself says to the file while it looks at a node, in a mount namespace of its own.
#[test]
fn udev_reads_its_rules() {
    Command::new("udevadm").arg("--version").output().expect("udevadm is installed (make card-reader)");
    let root = rustix::process::geteuid().is_root();
    let script = "mount -t tmpfs tmpfs /run && mkdir -p /run/udev/rules.d && cp \"$0\" /run/udev/rules.d/ && \
                  printf 'ATTRZ{a}==\"b\"\\n' > /run/udev/rules.d/71-fault.rules && \
                  udevadm test --action=add /sys/class/tty/tty 2>&1";
    let run = Command::new("unshare")
        .args(if root { &["-m"][..] } else { &["-m", "--map-root-user"] })
        .args(["sh", "-c", script])
        .arg(tree("udev/70-mintmark.rules"))
        .output()
        .expect("unshare (util-linux) makes a namespace");
    let said = String::from_utf8_lossy(&run.stdout);
    let about = |file: &str| -> Vec<String> {
        let start = format!("/run/udev/rules.d/{file}:");
        said.lines().filter(|line| line.starts_with(&start)).map(str::to_owned).collect()
    };
    assert!(!about("71-fault.rules").is_empty(), "a planted fault is not told: {said}");
    let faults: Vec<_> = about("70-mintmark.rules");
    // The group is made by the package.
    let faults: Vec<_> = faults.iter().filter(|line| !line.contains("Unknown group 'mintmark'")).collect();
    assert!(faults.is_empty(), "{faults:?}");
}

/// The rule is JavaScript and is run as such, with as much of polkit as it uses.
#[test]
fn polkit_lets_the_service_at_the_readers_and_nobody_at_anything_else() {
    let shim = r#"
        let asked = [];
        globalThis.polkit = {
            Result: { NO: "no", YES: "yes", AUTH_ADMIN: "auth_admin", NOT_HANDLED: null },
            addRule: (rule) => asked.push(rule),
        };
        (0, eval)(require("fs").readFileSync(process.argv[1], "utf8"));
        const pcsc = "org.debian.pcsc-lite.access_";
        const rows = [
            [pcsc + "pcsc", "mintmark", "yes"], [pcsc + "card", "mintmark", "yes"],
            [pcsc + "pcsc", "root", undefined], [pcsc + "card", "anna", undefined],
            [pcsc + "card", "mintmark2", undefined], [pcsc + "card", "", undefined],
            [pcsc + "cards", "mintmark", undefined], [pcsc, "mintmark", undefined],
            ["org.freedesktop.timedate1.set-time", "mintmark", undefined],
            ["org.freedesktop.systemd1.manage-units", "mintmark", undefined],
        ];
        if (asked.length !== 1) throw new Error("one rule is expected");
        for (const [id, user, expected] of rows) {
            const subject = { user, groups: ["mintmark"], local: false, active: false, isInGroup: () => true };
            const answer = asked[0]({ id, lookup: () => undefined }, subject);
            if (answer !== expected) throw new Error(`${user} ${id}: ${answer}`);
        }
        console.log(rows.length);
    "#;
    let run = Command::new("node").args(["-e", shim]).arg(tree("packaging/50-mintmark.rules")).output();
    let run = run.expect("node is installed (make card-reader)");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert_eq!(String::from_utf8_lossy(&run.stdout).trim(), "10");
}

/// Settings of a unit: section, name, value, in order.
fn unit() -> Vec<(String, String, String)> {
    let mut section = String::new();
    let mut settings = Vec::new();
    for line in text("packaging/mintmark.service").lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        }
        let (name, value) = line.split_once('=').unwrap_or_else(|| panic!("no setting: {line}"));
        settings.push((section.clone(), name.to_owned(), value.to_owned()));
    }
    settings
}

#[test]
fn the_unit_gives_the_service_what_it_uses_and_no_more() {
    let settings = unit();
    let of = |name: &str| -> Vec<&str> {
        settings.iter().filter(|(_, n, _)| n == name).map(|(_, _, value)| value.as_str()).collect()
    };
    let one = |name: &str| match of(name)[..] {
        [value] => value,
        ref other => panic!("{name} stands there {} times", other.len()),
    };
    for (name, expected) in [
        ("User", "mintmark"),
        ("Group", "mintmark"),
        ("ExecStart", "/usr/bin/mintmark serve"),
        ("StateDirectory", "mintmark"),
        ("StateDirectoryMode", "0700"),
        ("UMask", "0077"),
        ("ConditionPathExists", "/var/lib/mintmark/store.redb"),
        ("LimitCORE", "0"),
        ("MemorySwapMax", "0"),
        ("DevicePolicy", "closed"),
        ("PrivateDevices", "no"),
        ("CapabilityBoundingSet", ""),
        ("AmbientCapabilities", ""),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("ProtectProc", "invisible"),
        ("ProtectClock", "yes"),
        ("ProtectControlGroups", "yes"),
        ("ProtectHostname", "yes"),
        ("ProtectKernelLogs", "yes"),
        ("ProtectKernelModules", "yes"),
        ("ProtectKernelTunables", "yes"),
        ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
        ("RestrictNamespaces", "yes"),
        ("RestrictRealtime", "yes"),
        ("RestrictSUIDSGID", "yes"),
        ("LockPersonality", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("SystemCallArchitectures", "native"),
    ] {
        assert_eq!(one(name), expected, "{name}");
    }
    // polkit must see which user asks, pcscd's socket and the system bus lie below /run, and /dev must hold the nodes.
    for name in [
        "PrivateUsers",
        "TemporaryFileSystem",
        "PrivateNetwork",
        "DynamicUser",
        "RootDirectory",
        "InaccessiblePaths",
    ] {
        assert!(of(name).is_empty(), "{name} keeps the service from its work");
    }
    // Lines on USB are allowed by what the kernel has loaded when the unit starts.
    for wanted in ["pcscd.socket", "modprobe@cdc_acm.service", "modprobe@usbserial.service"] {
        for name in ["Wants", "After"] {
            assert!(one(name).split(' ').any(|unit| unit == wanted), "{name} lacks {wanted}");
        }
    }

    // What may be opened is what the udev rules are for, and the machine's own serial ports.
    let mut expected = vec!["char-ttyACM rw", "char-ttyS rw", "char-ttyUSB rw"];
    if !hid_ids(Catalogue::built_in().all()).is_empty() {
        expected.insert(0, "char-hidraw rw");
    }
    let mut allowed = of("DeviceAllow");
    allowed.sort_unstable();
    assert_eq!(allowed, expected);
}

#[test]
fn systemd_reads_the_unit_and_finds_little_exposed() {
    let run = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--no-pager", "--threshold=20"])
        .arg(tree("packaging/mintmark.service"))
        .output()
        .expect("systemd-analyze is installed (make card-reader)");
    let said = String::from_utf8_lossy(&run.stderr) + String::from_utf8_lossy(&run.stdout);
    if said.contains("unrecognized option") {
        return not_run(
            "systemd_reads_the_unit_and_finds_little_exposed",
            "systemd-analyze knows no --offline",
        );
    }
    assert!(run.status.success(), "more than 2.0 exposed: {}", said.lines().last().unwrap_or_default());
    assert!(!said.contains("Unknown key") && !said.contains("Failed to parse"), "{said}");
}

/// The tables of the package: sources and where they go.
fn assets() -> Vec<(String, String)> {
    let manifest: toml::Table = text("Cargo.toml").parse().expect("a manifest");
    let deb = &manifest["package"]["metadata"]["deb"];
    let assets = deb["assets"].as_array().expect("a list").iter();
    assets
        .map(|asset| {
            let field = |name: &str| asset[name].as_str().expect("text").to_owned();
            (field("source"), field("dest"))
        })
        .collect()
}

#[test]
fn the_package_holds_what_is_there() {
    let assets = assets();
    for (source, dest) in &assets {
        assert!(!dest.starts_with('/') && !dest.starts_with("etc/"), "{dest}: admins own /etc");
        // What is built is not there before it is built.
        if source.starts_with("target/release/") {
            continue;
        }
        match source.split_once('*') {
            None => assert!(tree(source).is_file(), "{source} is not there"),
            Some((folder, ending)) => {
                let entries = std::fs::read_dir(tree(folder)).expect("a folder");
                let mut names = entries.flatten().map(|entry| entry.file_name());
                assert!(names.any(|name| name.to_string_lossy().ends_with(ending)), "{source} finds nothing");
            }
        }
    }
    let goes_to = |source: &str| {
        let found = assets.iter().find(|(from, _)| from == source);
        found.unwrap_or_else(|| panic!("{source} is not in the package")).1.as_str()
    };
    // The names by which the system, the scripts and `doctor` look for them.
    assert_eq!(goes_to("target/release/mintmark"), "usr/bin/");
    assert_eq!(goes_to("packaging/mintmark.service"), "usr/lib/systemd/system/mintmark.service");
    assert_eq!(goes_to("packaging/mintmark.sysusers"), "usr/lib/sysusers.d/mintmark.conf");
    assert_eq!(goes_to("packaging/50-mintmark.rules"), "usr/share/polkit-1/rules.d/50-mintmark.rules");
    assert_eq!(goes_to("udev/70-mintmark.rules"), "usr/lib/udev/rules.d/70-mintmark.rules");
}

/// The scripts of the package, run by the shell that dpkg runs them with. None may take the seeds away.
#[test]
fn the_scripts_of_the_package_keep_the_data() {
    let tools = tempfile::tempdir().expect("a folder");
    let log = tools.path().join("called");
    for tool in [
        "systemd-sysusers",
        "deb-systemd-helper",
        "deb-systemd-invoke",
        "systemctl",
        "udevadm",
        "install",
        "rm",
        "deluser",
        "userdel",
    ] {
        let path = tools.path().join(tool);
        std::fs::write(&path, format!("#!/bin/sh\necho {tool} \"$@\" >> {}\n", log.display()))
            .expect("written");
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("set");
    }
    let data = tools.path().join("data");
    let run = |script: &str, step: &str| {
        // The scripts as they are, but for the place of the data.
        let place = format!("DATA={}", data.display());
        let body = text(&format!("packaging/deb/{script}")).replace("DATA=/var/lib/mintmark", &place);
        std::fs::write(&log, "").expect("written");
        let path = format!("{}:/usr/bin:/bin", tools.path().display());
        let done = Command::new("/bin/sh").args(["-c", &body, script, step]).env("PATH", path).output();
        let done = done.expect("a shell");
        assert!(done.status.success(), "{script} {step}: {}", String::from_utf8_lossy(&done.stderr));
        (String::from_utf8_lossy(&done.stdout).into_owned(), std::fs::read_to_string(&log).expect("a log"))
    };
    let (said, called) = run("postinst", "configure");
    assert!(called.starts_with("systemd-sysusers mintmark.conf\n"), "{called}");
    assert!(called.contains("install -d -m 0700 -o mintmark -g mintmark"), "{called}");
    assert!(called.contains("deb-systemd-helper enable mintmark.service"), "{called}");
    assert!(!called.contains("deb-systemd-invoke"), "nothing starts without a store: {called}");
    assert!(said.contains("init --admin") && said.contains("systemctl start mintmark"), "{said}");

    std::fs::create_dir(&data).expect("made");
    std::fs::write(data.join("store.redb"), "seeds").expect("written");
    let (said, called) = run("postinst", "configure");
    assert!(said.is_empty() && !called.contains("install "), "{said}{called}");
    for (script, step) in [
        ("prerm", "remove"),
        ("prerm", "upgrade"),
        ("postrm", "remove"),
        ("postrm", "purge"),
        ("postrm", "upgrade"),
    ] {
        let (said, called) = run(script, step);
        for tool in ["rm ", "deluser", "userdel"] {
            assert!(!called.contains(tool), "{script} {step}: {called}");
        }
        let tells = script == "postrm" && step != "upgrade";
        assert_eq!(said.contains(&data.display().to_string()), tells, "{script} {step}: {said}");
    }
    assert_eq!(std::fs::read(data.join("store.redb")).expect("still there"), b"seeds");
}
