//! The program as people and scripts call it: results on standard output, exit status.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use mintmark::clock::{Clock as _, ManualClock, SystemClock};
use mintmark::model::{Actor, ResourceName};
use mintmark::service::{MailMode, Service};
use mintmark::store::{RedbStore, Store};
use mintmark::vault::RootKey;
use serde_json::Value;

pub(crate) fn command(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintmark"));
    for name in ["MINTMARK_LISTEN", "MINTMARK_LOG", "MINTMARK_SERVER", "STATE_DIRECTORY"] {
        command.env_remove(name);
    }
    command.env("MINTMARK_DATA", dir).stdin(Stdio::null());
    command
}

pub(crate) fn run(dir: &Path, args: &[&str]) -> Output {
    command(dir).args(args).output().expect("the program starts")
}

pub(crate) fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

pub(crate) fn message(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("UTF-8")
}

fn demo_file(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/data/demo", name].iter().collect();
    path.display().to_string()
}

pub(crate) fn status(output: &Output) -> i32 {
    output.status.code().expect("ended by itself")
}

/// A store with one operator.
pub(crate) fn initialised() -> tempfile::TempDir {
    let outer = tempfile::tempdir().expect("a directory");
    let password = outer.path().join("password");
    std::fs::write(&password, "correct horse battery staple\n").expect("written");
    let dir = outer.path().join("data");
    let path = password.display().to_string();
    let made = run(&dir, &["init", "--admin", "root", "--password-file", &path]);
    assert_eq!(status(&made), 0, "{}", message(&made));
    outer
}

/// A running service, ended when dropped.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn start(dir: &Path, args: &[&str]) -> (Running, String) {
    let child = command(dir).args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut running = Running(child.expect("the program starts"));
    let stdout = running.0.stdout.take().expect("piped");
    let mut first = String::new();
    BufReader::new(stdout).read_line(&mut first).expect("a line");
    (running, first)
}

#[test]
fn init_makes_a_private_store_once() {
    use std::os::unix::fs::PermissionsExt;
    let outer = initialised();
    let dir = outer.path().join("data");
    let mode = |path: &Path| std::fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&dir.join("root.key")), 0o600);
    let key = std::fs::read(dir.join("root.key")).expect("readable");
    let again = run(&dir, &["init"]);
    assert_eq!(status(&again), 3);
    assert!(message(&again).contains("already"), "{}", message(&again));
    assert_eq!(std::fs::read(dir.join("root.key")).expect("readable"), key);
    let doctor = run(&dir, &["--json", "doctor"]);
    for (check, code) in
        [("data_directory", "private"), ("root_key", "file"), ("store", "opens"), ("tls", "none")]
    {
        assert_eq!(looked_at(&doctor, check), code, "{}", text(&doctor));
    }
    assert_eq!(looked_at(&doctor, "clock_and_log"), "", "told when it is wrong only");
}

/// The code of a check of `doctor`; empty: it is not told. What is said of the machine itself differs between machines:
/// the exit status says whether anything is missing.
fn looked_at(doctor: &Output, check: &str) -> String {
    let value: Value = serde_json::from_slice(&doctor.stdout).expect("JSON");
    let checks = value["checks"].as_array().expect("a list");
    let is_missing = checks.iter().any(|row| row["state"] == "missing");
    assert_eq!((status(doctor), &value["ok"]), (i32::from(is_missing), &Value::Bool(!is_missing)), "{value}");
    let row = checks.iter().find(|row| row["check"] == check);
    row.map(|row| row["code"].as_str().expect("a code").to_owned()).unwrap_or_default()
}

#[test]
fn doctor_looks_without_a_store_and_prints_what_the_system_needs() {
    let outer = tempfile::tempdir().expect("a directory");
    let dir = outer.path().join("data");
    // A machine on which the service has its store points at that one.
    let code = looked_at(&run(&dir, &["--json", "doctor"]), "data_directory");
    assert!(["not_there", "elsewhere"].contains(&code.as_str()), "{code}");
    assert!(!dir.exists(), "it looks and makes nothing");
    let shown = text(&run(&dir, &["doctor"]));
    let line = shown.lines().position(|line| line.starts_with("missing  data_directory")).expect("told");
    assert!(shown.lines().nth(line + 1).is_some_and(|next| next.contains("mintmark --data ")), "{shown}");
    for (file, path) in [
        ("polkit", "packaging/50-mintmark.rules"),
        ("udev", "udev/70-mintmark.rules"),
        ("sysusers", "packaging/mintmark.sysusers"),
        ("unit", "packaging/mintmark.service"),
    ] {
        let shown = run(&dir, &["doctor", "--show", file]);
        let kept = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).expect("a file");
        // The rule names whoever is to run the service; here that is the user of the test, or of the package.
        if file != "polkit" || rustix::process::geteuid().is_root() {
            assert_eq!(text(&shown), kept, "{file}");
        }
        assert_eq!(status(&shown), 0);
    }
    assert_eq!(status(&run(&dir, &["doctor", "--show", "everything"])), 2);
    let far = run(&dir, &["--server", "http://192.0.2.1", "--api-key-file", "/dev/null", "doctor"]);
    assert_eq!(status(&far), 2);
    assert!(message(&far).contains("this machine"), "{}", message(&far));
}

#[test]
fn doctor_says_that_the_clock_contradicts_the_log() {
    let outer = initialised();
    let dir = outer.path().join("data");
    let root = RootKey::read(&dir.join("root.key")).expect("a key");
    // Something was written while the clock ran a day ahead.
    let ahead = SystemClock::new().now().plus_secs(86_400);
    let store: Arc<dyn Store> = Arc::new(RedbStore::open(&dir).expect("a store"));
    let clock = Arc::new(ManualClock::new(ahead));
    let service = Service::open(store, &root, clock, MailMode::None).expect("opens");
    service.add_resource(&Actor::SYSTEM, &ResourceName::parse("VPN").expect("a name")).expect("made");
    service.close();
    drop(service);
    let doctor = run(&dir, &["--json", "doctor"]);
    assert_eq!(looked_at(&doctor, "clock_and_log"), "clock_fault");
    assert_eq!(status(&doctor), 1);
    assert!(text(&doctor).contains("correct the clock"), "{}", text(&doctor));
}

#[test]
fn init_with_a_short_password_makes_nothing() {
    let outer = tempfile::tempdir().expect("a directory");
    let password = outer.path().join("password");
    std::fs::write(&password, "short\n").expect("written");
    let dir = outer.path().join("data");
    let made = run(&dir, &["init", "--admin", "root", "--password-file", &password.display().to_string()]);
    assert_eq!(status(&made), 2);
    assert!(!dir.exists());
}

#[test]
fn formats_are_listed() {
    let dir = Path::new("/nonexistent");
    let shown = run(dir, &["formats"]);
    assert_eq!(status(&shown), 0);
    assert!(text(&shown).starts_with("FORMAT"), "{}", text(&shown));
    let value: Value = serde_json::from_slice(&run(dir, &["--json", "formats"]).stdout).expect("JSON");
    assert_eq!(value["items"].as_array().map(Vec::len), Some(mintmark::seedfile::formats().len()));
}

#[test]
fn otp_computes_codes_from_a_seed_file() {
    let dir = Path::new("/nonexistent");
    let oath = demo_file("oath.csv");
    let at = "2026-03-01T12:00:00Z";
    let otp = |rest: &[&str]| {
        let mut args = vec!["otp", "--file", &oath];
        args.extend_from_slice(rest);
        let output = run(dir, &args);
        assert_eq!(status(&output), 0, "{}", message(&output));
        text(&output)
    };
    // Computed once with another program from the same secrets.
    let three = otp(&["EXTT00000001", "--at", at, "--count", "3"]);
    let codes: Vec<&str> = three.lines().collect();
    assert_eq!(codes, ["359552", "437477", "028966"]);
    // The last one is the present one, the one before it was shown 30 seconds ago.
    assert_eq!(otp(&["extt-0000 0001", "--at", at]), format!("{}\n", codes[2]));
    assert_eq!(otp(&["EXTT00000001", "--at", at, "--drift", "-30"]), format!("{}\n", codes[1]));
    assert_eq!(otp(&["EXTT00000001", "--at", "2026-03-01T11:59:00Z"]), format!("{}\n", codes[0]));
    assert_eq!(otp(&["EXTT00000018", "--at", at]).len(), 9, "eight digits");
    let events = otp(&["EXTT00000019", "--counter", "5", "--count", "2"]);
    assert_eq!(
        otp(&["EXTT00000019", "--counter", "6"]),
        events.lines().nth(1).expect("two").to_owned() + "\n"
    );
}

#[test]
fn otp_ends_where_the_counter_ends() {
    let outer = tempfile::tempdir().expect("a directory");
    let write = |name: &str, line: &str| {
        let path = outer.path().join(name);
        std::fs::write(&path, format!("K-1,a1b2c3d4e5f60718293a4b5c6d7e8f9001122334,{line}\n"))
            .expect("written");
        path.display().to_string()
    };
    let event = write("event.csv", "HOTP,6");
    let keypad = write("keypad.csv", "OCRA,OCRA-1:HOTP-SHA1-6:C-QN08");
    let otp = |file: &str, counter: u64, rest: &[&str]| {
        let counter = counter.to_string();
        let mut args = vec!["otp", "--file", file, "K-1", "--counter", &counter];
        args.extend_from_slice(rest);
        run(outer.path(), &args)
    };
    let one = ["--challenge", "12345678"];
    let two = ["--challenge", "12345678", "--challenge", "23456789"];
    for (file, counter, rest, shown) in [
        (&event, u64::MAX - 3, ["--count", "3"].as_slice(), 3),
        (&event, u64::MAX - 2, &["--count", "3"], 0),
        (&event, u64::MAX, &["--count", "3"], 0),
        (&event, u64::MAX, &[], 0),
        (&keypad, u64::MAX - 1, &one, 1),
        (&keypad, u64::MAX - 1, &two, 0),
        (&keypad, u64::MAX, &one, 0),
    ] {
        let output = otp(file, counter, rest);
        assert_eq!(text(&output).lines().count(), shown, "{counter} {rest:?}: {}", message(&output));
        if shown == 0 {
            assert_eq!(status(&output), 2, "{counter} {rest:?}");
            assert!(
                message(&output).contains("the counter ends at 18446744073709551615"),
                "{}",
                message(&output)
            );
        }
    }
}

/// The vector that another product publishes, with the PIN from a file.
#[test]
fn otp_shows_the_codes_of_an_app() {
    let outer = tempfile::tempdir().expect("a directory");
    let (file, pin) = (outer.path().join("apps.csv"), outer.path().join("pin"));
    std::fs::write(&file, "MO-1,1234567890123456,motp\n").expect("written");
    std::fs::write(&pin, "1234\n").expect("written");
    let (file, pin) = (file.display().to_string(), pin.display().to_string());
    let args = ["otp", "--file", &file, "MO-1", "--at", "2018-12-12T12:12:00Z"];
    assert_eq!(status(&run(outer.path(), &args)), 2, "without the PIN");
    let mut args = args.to_vec();
    args.extend(["--pin-file", &pin]);
    assert_eq!(text(&run(outer.path(), &args)), "488ccf\n");
    args.extend(["--drift", "-1", "--count", "2"]);
    let both = text(&run(outer.path(), &args));
    assert_eq!(both.lines().nth(1), Some("e1e7ee"), "the last one is the present one");
}

/// A key from the log of the tool that programmed it: what it types is what its maker's tools expect.
#[test]
fn otp_types_the_codes_of_a_key() {
    use mintmark::oath::{MovingFactor, YubicoKey, YubicoOtp};
    let outer = tempfile::tempdir().expect("a directory");
    let file = outer.path().join("keys.csv");
    let line = "12345678,vvccllbbddee,0a0b0c0d0e0f,a1b2c3d4e5f60718293a4b5c6d7e8f90,,2026-02-01T09:30:00,\n";
    std::fs::write(&file, line).expect("written");
    let file = file.display().to_string();
    let args = ["otp", "--file", &file, "12345678", "--counter", "1282", "--count", "2"];
    let output = run(outer.path(), &args);
    assert_eq!(status(&output), 0, "{}", message(&output));
    let kept = data_encoding::HEXLOWER.decode(b"a1b2c3d4e5f60718293a4b5c6d7e8f900a0b0c0d0e0f").expect("hex");
    let key = YubicoKey::from_kept(&mintmark::secret::Seed::new(kept)).expect("22 bytes");
    let positions: Vec<MovingFactor> = text(&output)
        .lines()
        .map(|line| {
            assert!(line.starts_with("vvccllbbddee"), "{line}");
            key.open(&YubicoOtp::parse(line).expect("a code")).expect("its own").position()
        })
        .collect();
    assert_eq!(positions, [MovingFactor(1282), MovingFactor(1283)]);
    let refused = run(outer.path(), &["otp", "--file", &file, "12345678", "--challenge", "1"]);
    assert_eq!(status(&refused), 2, "{}", message(&refused));
    let refused = run(outer.path(), &["otp", "--file", &file, "12345678", "--counter", "8388608"]);
    assert_eq!(status(&refused), 2, "{}", message(&refused));
}

#[test]
fn otp_opens_a_protected_file_with_its_passphrase() {
    let outer = tempfile::tempdir().expect("a directory");
    let phrase = outer.path().join("passphrase");
    std::fs::write(&phrase, "mintmark demo\n").expect("written");
    let (file, phrase) = (demo_file("vendor-batch.pskcxml"), phrase.display().to_string());
    let args = ["otp", "--file", &file, "87-1234501"];
    assert_eq!(status(&run(outer.path(), &args)), 1, "without the passphrase");
    let mut args = args.to_vec();
    args.extend(["--passphrase-file", &phrase]);
    let output = run(outer.path(), &args);
    assert_eq!(status(&output), 0, "{}", message(&output));
    assert_eq!(text(&output).trim_end().len(), 6);
}

/// A token with a keypad from its seed file to a check: `token challenge`, `otp --challenge`, `token check`.
#[test]
fn a_keypad_answers_what_the_program_asks() {
    let outer = initialised();
    let dir = outer.path().join("data");
    let write = |name: &str, text: &str| {
        let path = outer.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let suite = "OCRA-1:HOTP-SHA1-6:C-QN08-PSHA1";
    let line = format!("KP-1,a1b2c3d4e5f60718293a4b5c6d7e8f9001122334,OCRA,{suite}\n");
    let (file, pin) = (write("keypads.csv", &line), write("pin", "1234\n"));
    let done = |args: &[&str]| {
        let output = run(&dir, args);
        assert_eq!(status(&output), 0, "{args:?}: {}", message(&output));
        text(&output).trim_end().to_owned()
    };
    done(&["import", &file, "--batch", "keypads"]);
    assert_ne!(status(&run(&dir, &["token", "challenge", "KP-1"])), 0, "its PIN is not known yet");
    done(&["token", "pin", "KP-1", "--pin-file", &pin]);
    let answer = |asked: &[&str], counter: &str| {
        let mut args = vec!["otp", "--file", &file, "KP-1", "--counter", counter, "--pin-file", &pin];
        for text in asked {
            args.extend(["--challenge", text]);
        }
        done(&args)
    };
    let asked = done(&["token", "challenge", "KP-1"]);
    let otp = answer(&[&asked], "0");
    let check = ["token", "check", "KP-1", &otp, "--challenge", &asked];
    assert!(done(&check).starts_with("accepted"));
    assert_eq!(status(&run(&dir, &check)), 1, "spent");
    let asked = [0; 2].map(|_| done(&["token", "challenge", "KP-1", "--for", "resync"]));
    let otps = answer(&[&asked[0], &asked[1]], "777");
    let mut args = vec!["token", "resync", "KP-1"];
    args.extend(otps.lines());
    for text in &asked {
        args.extend(["--challenge", text.as_str()]);
    }
    assert!(done(&args).contains("779 is the next counter"));
}

/// Data of a session come from a file: an argument could be read in the list of processes.
#[test]
fn data_of_a_session_are_no_argument() {
    let outer = initialised();
    let dir = outer.path().join("data");
    let write = |name: &str, text: &str| {
        let path = outer.path().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let line = "KP-1,a1b2c3d4e5f60718293a4b5c6d7e8f9001122334,OCRA,OCRA-1:HOTP-SHA1-6:QN08-S064\n";
    let (file, session) = (write("keypads.csv", line), write("session", "73657373696F6e2d30303031\n"));
    let other = write("other", "73657373696f6e2d30303032");
    let done = |args: &[&str]| {
        let output = run(&dir, args);
        assert_eq!(status(&output), 0, "{args:?}: {}", message(&output));
        text(&output).trim_end().to_owned()
    };
    done(&["import", &file, "--batch", "keypads"]);
    for (shown, result) in [(&session, 0), (&other, 1)] {
        let asked = done(&["token", "challenge", "KP-1", "--session-data-file", &session]);
        let otp =
            done(&["otp", "--file", &file, "KP-1", "--challenge", &asked, "--session-data-file", shown]);
        let checked = run(&dir, &["token", "check", "KP-1", &otp, "--challenge", &asked]);
        assert_eq!(status(&checked), result, "{}", message(&checked));
    }
    let broken = write("broken", "7365zz");
    let otp = ["otp", "--file", &file, "KP-1", "--challenge", "12345678"];
    for command in [["token", "challenge", "KP-1"].as_slice(), &otp] {
        let refused = run(&dir, &[command, &["--session-data-file", &broken]].concat());
        assert_eq!(status(&refused), 2);
        assert!(message(&refused).contains("broken: hexadecimal is expected"), "{}", message(&refused));
        let refused = run(&dir, &[command, &["--session-data", "73657373"]].concat());
        assert_eq!(status(&refused), 2, "no secret is an argument");
    }
}

#[test]
fn exit_status_tells_what_kind_of_no_it_is() {
    let outer = tempfile::tempdir().expect("a directory");
    let dir = outer.path().join("data");
    let oath = demo_file("oath.csv");
    assert_eq!(status(&run(&dir, &["otp", "--file", &oath, "NOSUCH"])), 1);
    assert_eq!(status(&run(&dir, &["otp", "--file", "/nonexistent", "NOSUCH"])), 3);
    assert_eq!(status(&run(&dir, &["otp", "--file", &oath, "EXTT00000001", "--set", "digits=9"])), 2);
    assert_eq!(status(&run(&dir, &["no-such-command"])), 2);
    assert_eq!(status(&run(&dir, &["--server", "http://localhost", "batch", "list"])), 2);
    let missing = run(&dir, &["batch", "list"]);
    assert_eq!(status(&missing), 3);
    assert!(message(&missing).contains("mintmark init"), "{}", message(&missing));
    assert_eq!(status(&run(&dir, &["serve"])), 3);
    assert_eq!(status(&run(&dir, &["serve", "--listen", "0.0.0.0:0"])), 2);
    let key = outer.path().join("key");
    std::fs::write(&key, "abc\n").expect("written");
    let https =
        ["--server", "https://localhost", "--api-key-file", &key.display().to_string(), "batch", "list"];
    assert_eq!(status(&run(&dir, &https)), 3);
}

#[test]
fn a_store_that_another_process_has_open_is_named() {
    let outer = initialised();
    let dir = outer.path().join("data");
    let store = mintmark::store::RedbStore::open(&dir).expect("opens");
    let refused = run(&dir, &["batch", "list"]);
    assert_eq!(status(&refused), 3);
    assert!(message(&refused).contains("in use by another process"), "{}", message(&refused));
    drop(store);
}

#[test]
fn an_operator_is_unblocked_by_name() {
    let outer = initialised();
    let dir = outer.path().join("data");
    let opened = run(&dir, &["operator", "unblock", "root"]);
    assert_eq!(status(&opened), 0, "{}", message(&opened));
    assert_eq!(text(&opened), "root is open again\n");
    let unknown = run(&dir, &["operator", "unblock", "nobody"]);
    assert_eq!(status(&unknown), 1);
    assert!(message(&unknown).contains("operator"), "{}", message(&unknown));
    assert_eq!(status(&run(&dir, &["operator", "unblock"])), 2);
}

#[test]
fn a_socket_path_that_is_too_long_gets_advice() {
    let outer = tempfile::tempdir().expect("a directory");
    let dir = outer.path().join("d".repeat(120));
    let refused = run(&dir, &["serve"]);
    assert_eq!(status(&refused), 3);
    assert!(message(&refused).contains("shorter data directory"), "{}", message(&refused));
}

#[test]
fn serve_opens_its_socket_and_stops_when_told() {
    use std::os::unix::fs::PermissionsExt;
    let outer = initialised();
    let dir = outer.path().join("data");
    let (mut running, first) = start(&dir, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(first.contains("http://127.0.0.1:"), "{first}");
    let doctor = run(&dir, &["--json", "doctor"]);
    assert_eq!(
        (looked_at(&doctor, "store"), looked_at(&doctor, "version")),
        ("served".into(), "same".into())
    );
    let socket = dir.join("mintmark.sock");
    let mode = std::fs::metadata(&socket).expect("is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let pid = running.0.id().to_string();
    // What systemd sends for a reload ends nothing.
    assert!(Command::new("kill").args(["-HUP", &pid]).status().expect("kill starts").success());
    assert_eq!(looked_at(&run(&dir, &["--json", "doctor"]), "store"), "served");
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill starts").success());
    assert_eq!(running.0.wait().expect("ends").code(), Some(0));
    assert!(!socket.exists());
    assert_eq!(looked_at(&run(&dir, &["--json", "doctor"]), "store"), "opens");
}

#[test]
fn demo_keeps_its_data_and_refuses_other_stores() {
    let outer = initialised();
    let other = outer.path().join("data");
    let refused = run(&other, &["demo", "--listen", "127.0.0.1:0"]);
    assert_eq!(status(&refused), 3);
    assert!(message(&refused).contains("no demonstration"), "{}", message(&refused));
    let dir = outer.path().join("demo");
    assert_eq!(status(&run(&dir, &["demo", "--listen", "0.0.0.0:0"])), 3);
    assert!(!dir.exists());
    drop(start(&dir, &["demo", "--listen", "127.0.0.1:0"]));
    let logins = std::fs::read(dir.join("demo-logins.txt")).expect("is there");
    assert!(dir.join("seed-files/vendor-batch.pskcxml").exists());
    drop(start(&dir, &["demo", "--listen", "127.0.0.1:0"]));
    assert_eq!(std::fs::read(dir.join("demo-logins.txt")).expect("is there"), logins);
    assert_eq!(status(&run(&dir, &["serve", "--listen", "127.0.0.1:0"])), 3);
}

/// A first start that was cut off left nothing that anybody knows: the next one begins anew.
#[test]
fn demo_begins_anew_after_a_first_start_that_was_cut_off() {
    let outer = initialised();
    let dir = outer.path().join("demo");
    drop(start(&dir, &["demo", "--listen", "127.0.0.1:0"]));
    let logins = std::fs::read(dir.join("demo-logins.txt")).expect("is there");
    std::fs::remove_file(dir.join("demo-logins.txt")).expect("removed");
    std::fs::write(dir.join("first-start"), "").expect("written");
    drop(start(&dir, &["demo", "--listen", "127.0.0.1:0"]));
    assert_ne!(std::fs::read(dir.join("demo-logins.txt")).expect("is there"), logins);
    assert!(!dir.join("first-start").exists());
}

#[test]
fn import_with_json_prints_one_value_whatever_came_of_it() {
    let outer = initialised();
    let dir = outer.path().join("data");
    let (oath, missing) = (demo_file("oath.csv"), "/nonexistent/seeds.csv");
    let import = |args: &[&str]| {
        let output = run(&dir, &[&["--json", "import"], args].concat());
        let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON value");
        (status(&output), value)
    };
    let (ended, problem) = import(&[missing]);
    assert_eq!((ended, &problem["code"]), (3, &Value::from("environment")), "{problem}");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(missing)), "{problem}");
    let (ended, problem) = import(&[&oath, "--format", "nosuch"]);
    let said = (ended, &problem["code"], &problem["status"]);
    assert_eq!(said, (2, &Value::from("format_unknown"), &Value::from(422)), "{problem}");
    let (ended, problem) = import(&[&oath, missing, "--batch", "both"]);
    assert_eq!((ended, &problem["code"]), (2, &Value::from("usage")), "{problem}");

    let wrong = outer.path().join("wrong.csv");
    std::fs::write(&wrong, "this is no seed file\n").expect("written");
    let (ended, answers) = import(&[missing, &wrong.display().to_string(), &oath]);
    assert_eq!((ended, answers.as_array().map(Vec::len)), (3, Some(3)), "{answers}");
    assert_eq!(answers[0]["file_name"], Value::from(missing), "{answers}");
    assert_eq!(answers[1]["committed"], Value::from(false), "{answers}");
    assert_eq!((&answers[2]["committed"], &answers[2]["new"]), (&Value::from(true), &Value::from(20)));
}

#[test]
fn a_file_is_imported_assigned_confirmed_and_resynchronised() {
    let outer = initialised();
    let dir = outer.path().join("data");
    let oath = demo_file("oath.csv");
    let ok = |args: &[&str]| {
        let output = run(&dir, args);
        assert_eq!(status(&output), 0, "{args:?}: {} {}", text(&output), message(&output));
        text(&output)
    };
    ok(&["import", &oath, "--batch", "first", "--dry-run"]);
    assert_eq!(status(&run(&dir, &["batch", "show", "first"])), 1);
    let shown = ok(&["--json", "import", &oath, "--batch", "first"]);
    let value: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!((&value["state"], &value["new"]), (&Value::from("committed"), &Value::from(20)));
    let again = ok(&["import", &oath, "--batch", "first"]);
    assert!(again.contains("nothing to import: 20 tokens are here already"), "{again}");
    assert!(again.contains("20 identical, nothing changed") && !again.contains("batch"), "{again}");
    ok(&["resource", "add", "VPN"]);
    assert!(ok(&["batch", "assign", "first", "--resource", "VPN"]).starts_with("20 assigned"));
    ok(&["user", "add", "anna", "--resource", "VPN"]);
    assert!(ok(&["resource", "unassign", "VPN", "--token", "EXTT00000020"]).contains("taken off VPN"));
    assert_eq!(status(&run(&dir, &["resource", "unassign", "VPN", "--token", "EXTT00000020"])), 1);
    let codes = |rest: &[&str]| {
        let mut args = vec!["otp", "--file", &oath];
        args.extend_from_slice(rest);
        ok(&args).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let typed = codes(&["EXTT00000001", "--count", "3"]);
    let mut args = vec!["token", "confirm", "EXTT00000001", "--user", "anna", "--resource", "VPN"];
    args.extend(typed.iter().map(String::as_str));
    assert!(ok(&args).starts_with("confirmed"));
    let again = run(&dir, &["token", "check", "EXTT00000001", &typed[2]]);
    assert_eq!((status(&again), text(&again).trim_end()), (1, "replayed"));
    let drifted = codes(&["EXTT00000002", "--drift", "-3542400", "--count", "3"]);
    let mut args = vec!["token", "resync", "EXTT00000002", "--window", "42d", "--reason", "test"];
    args.extend(drifted.iter().map(String::as_str));
    assert!(ok(&args).starts_with("synchronized"));
    ok(&["audit", "verify"]);
    assert!(ok(&["audit", "export"]).lines().count() > 5);
}

/// P48: a code for somebody whose token is not at hand, printed once and taken back; the note is not optional.
#[test]
fn p48_an_emergency_code_is_printed_once_and_taken_back() {
    let outer = initialised();
    let dir = outer.path().join("data");
    let file = outer.path().join("one.csv");
    std::fs::write(&file, "T-1,8f3c21d09ab47e56c1f2038b9d4e7a6055c3e19f,TOTP,6,30\n").expect("written");
    let file = file.display().to_string();
    let done = |args: &[&str]| {
        let output = run(&dir, args);
        assert_eq!(status(&output), 0, "{args:?}: {}", message(&output));
        text(&output)
    };
    done(&["import", &file, "--batch", "one"]);
    done(&["resource", "add", "VPN"]);
    done(&["user", "add", "anna", "--resource", "VPN"]);
    let no_token = run(&dir, &["user", "emergency-code", "anna", "--note", "showed a passport"]);
    assert_ne!(status(&no_token), 0, "{}", message(&no_token));
    assert!(message(&no_token).contains("no resource asks this user"), "{}", message(&no_token));
    done(&["resource", "assign", "VPN", "--user", "anna", "--token", "T-1"]);
    assert_eq!(status(&run(&dir, &["user", "emergency-code", "anna"])), 2, "without a note");
    assert_eq!(status(&run(&dir, &["user", "emergency-code", "anna", "--note", "x", "--hours", "169"])), 2);
    let code = done(&["user", "emergency-code", "anna", "--note", "showed a passport", "--hours", "2"]);
    let digits = code.trim().split('-').map(str::len).collect::<Vec<_>>();
    assert_eq!(digits, [4, 4, 4, 4, 4], "{code}");
    let shown: Value = serde_json::from_str(&done(&["--json", "user", "show", "anna"])).expect("JSON");
    assert_eq!(shown["emergency_code"]["once"], Value::Bool(true));
    assert!(!shown.to_string().contains(code.trim()), "never the code");
    done(&["user", "emergency-code", "anna", "--revoke"]);
    let shown: Value = serde_json::from_str(&done(&["--json", "user", "show", "anna"])).expect("JSON");
    assert!(shown["emergency_code"].is_null(), "{shown}");
}
