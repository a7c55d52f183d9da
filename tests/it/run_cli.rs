//! Readers and programming runs by command, with a rehearsal that serves them.

use std::fs::OpenOptions;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use serialport::{SerialPort, TTYPort};

use super::cli::{Running, command, initialised, message, run, start, status, text};

const KEY: &str = "Rehearsal reader 1";
const DISPLAY: &str = "Rehearsal reader 2";

/// A rehearsal in a directory of its own.
fn rehearsal() -> (tempfile::TempDir, Running) {
    let outer = tempfile::tempdir().expect("a directory");
    let (running, first) =
        start(&outer.path().join("data"), &["serve", "--simulate", "--listen", "127.0.0.1:0"]);
    assert!(first.contains("listens"), "{first}");
    (outer, running)
}

/// Runs a command with `--json`; its exit status and answer.
fn json_of(dir: &Path, args: &[&str]) -> (i32, Value) {
    let output = run(dir, &[&["--json"], args].concat());
    (status(&output), serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

/// Waits until the answer of a command is like this.
fn until(dir: &Path, args: &[&str], so: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..200 {
        let (status, answer) = json_of(dir, args);
        assert_eq!(status, 0, "{args:?}: {answer}");
        if so(&answer) {
            return answer;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    panic!("{args:?} does not come to that: {:?}", json_of(dir, args));
}

/// The readers, once it is known of all four what lies there.
fn at_rest(dir: &Path) -> Value {
    let known = |it: &Value| it["family"].is_string() && it["phase"].is_null();
    until(dir, &["device", "list"], |answer| {
        answer["items"].as_array().is_some_and(|items| items.len() == 4 && items.iter().all(known))
    })
}

/// What a terminal shows of a command, and what it writes behind it.
fn in_a_terminal(dir: &Path, args: &[&str]) -> (String, String) {
    let (mut screen, end) = TTYPort::pair().expect("a terminal");
    screen.set_timeout(Duration::from_millis(100)).expect("set");
    let terminal = OpenOptions::new().write(true).open(end.name().expect("a name")).expect("opened");
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let shown = scope.spawn(|| {
            let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
            loop {
                let is_last = done.load(Ordering::SeqCst);
                match screen.read(&mut part) {
                    Ok(read) if read > 0 => bytes.extend_from_slice(&part[..read]),
                    _ if is_last => return String::from_utf8_lossy(&bytes).into_owned(),
                    _ => {}
                }
            }
        });
        let output = command(dir).args(args).stderr(Stdio::from(terminal)).output().expect("it starts");
        done.store(true, Ordering::SeqCst);
        (shown.join().expect("read"), text(&output))
    })
}

/// Without a terminal the command ends once the run is begun; in one it tells what becomes of each device.
#[test]
fn in_a_terminal_a_run_is_followed_to_its_last_device() {
    let (outer, _running) = rehearsal();
    let dir = outer.path().join("data");
    let readers = at_rest(&dir);
    let keys = ["run", "start", "--profile", "yubico-yubikey", "--application", "oath", "--batch", "keys"];
    let (shown, written) = in_a_terminal(&dir, &[&keys[..], &["--count", "2"]].concat());
    for at in [0, 2] {
        let serial = readers["items"][at]["serial"].as_str().expect("a serial");
        assert!(shown.lines().any(|line| line.contains(serial) && line.contains("programmed")), "{shown}");
    }
    assert!(shown.contains("2 of 2"), "{shown}");
    assert!(written.contains("run 1 (ended)") && written.contains("2 of 2 programmed"), "{written}");
}

#[test]
fn a_run_is_started_followed_resolved_and_ended_by_command() {
    let (outer, _running) = rehearsal();
    let dir = outer.path().join("data");
    let readers = at_rest(&dir);
    let serial = readers["items"][0]["serial"].as_str().expect("a serial").to_owned();
    let listed = run(&dir, &["device", "list"]);
    assert!(text(&listed).contains(&serial) && text(&listed).contains("ready"), "{}", text(&listed));
    assert!(text(&run(&dir, &["device", "show", KEY])).contains("5.7.4"));
    assert_eq!(status(&run(&dir, &["device", "show", "Lectern"])), 1);
    let clockless = run(&dir, &["device", "set-clock", KEY]);
    assert!(status(&clockless) == 1 && message(&clockless).contains("no clock"), "{}", message(&clockless));
    let (_watching, first) = start(&dir, &["device", "watch"]);
    assert!(first.contains(KEY) && first.contains(&serial), "{first}");

    let wrong = run(
        &dir,
        &["run", "start", "--profile", "tea-pot", "--application", "oath", "--batch", "b", "--count", "1"],
    );
    assert_eq!(status(&wrong), 2, "{}", message(&wrong));
    assert!(message(&wrong).contains("yubico-yubikey"), "{}", message(&wrong));

    let keys = ["run", "start", "--profile", "yubico-yubikey", "--application", "oath", "--batch", "keys"];
    let (done, begun) = json_of(&dir, &[&keys[..], &["--count", "3", "--reader", KEY]].concat());
    assert_eq!((done, &begun["id"], &begun["protect"]), (0, &json!(1), &json!(true)), "{begun}");
    let shown = until(&dir, &["run", "show", "1"], |it| it["programmed"] == json!(1));
    assert_eq!((&shown["items"][0]["device"], &shown["state"]), (&json!(serial), &json!("open")), "{shown}");
    let shown = text(&run(&dir, &["run", "show", "1"]));
    assert!(shown.contains("1 of 3 programmed") && shown.contains(&serial), "{shown}");
    // There is nothing to be done about it but to take it back.
    assert_eq!(json_of(&dir, &["run", "resolve", "1", "1", "quarantine"]).0, 1);
    let (done, item) = json_of(&dir, &["run", "resolve", "1", "1", "take-back"]);
    assert_eq!((done, &item["state"]), (0, &json!("undone")), "{item}");
    assert_eq!(status(&run(&dir, &["token", "show", &serial])), 1);

    let displays = ["run", "start", "--profile", "token2-otpc-p2", "--application", "single_profile"];
    let more = ["--batch", "displays", "--count", "2", "--hash", "sha256", "--reader", DISPLAY];
    let (done, begun) = json_of(&dir, &[&displays[..], &more].concat());
    assert_eq!((done, &begun["hash"]), (0, &json!("sha256")), "{begun}");
    let wanted = |it: &Value| it["unsettled"][0]["state"] == json!("code_wanted");
    until(&dir, &["run", "show", "2"], wanted);
    let (done, item) = json_of(&dir, &["run", "resolve", "2", "1", "code", "000000"]);
    assert_eq!((done, &item["reason"]), (1, &json!("code_wrong")), "{item}");
    let file = outer.path().join("code");
    std::fs::write(&file, "000000\n").expect("written");
    let file = file.display().to_string();
    assert_eq!(json_of(&dir, &["run", "resolve", "2", "1", "code", "--otp-file", &file]).0, 1);
    assert_eq!(status(&run(&dir, &["run", "resolve", "2", "1", "code"])), 2, "nobody typed one");
    assert_eq!(status(&run(&dir, &["run", "resolve", "2", "1", "read", "000000"])), 2);
    let (done, item) = json_of(&dir, &["run", "resolve", "2", "1", "read"]);
    assert_eq!((done, &item["state"]), (0, &json!("code_wanted")), "{item}");
    let (done, item) = json_of(&dir, &["run", "resolve", "2", "1", "again"]);
    assert_eq!((done, &item["n"], &item["state"]), (0, &json!(2), &json!("code_wanted")), "{item}");
    let (done, item) = json_of(&dir, &["run", "resolve", "2", "2", "quarantine"]);
    assert_eq!((done, &item["state"]), (0, &json!("quarantined")), "{item}");
    let destroyed = run(&dir, &["run", "resolve", "2", "2", "destroyed"]);
    let told = text(&destroyed);
    assert!(status(&destroyed) == 0 && told.contains("undone (destroyed)"), "{told}");

    let joined = run(&dir, &["device", "program", "Rehearsal reader 4", "--run", "2"]);
    assert_eq!(status(&joined), 0, "{}", message(&joined));
    until(&dir, &["run", "show", "2"], |it| it["items"][0]["state"] == json!("code_wanted"));
    assert_eq!(status(&run(&dir, &["device", "program", "Lectern", "--run", "2"])), 2);
    let ended = run(&dir, &["run", "end", "2"]);
    assert!(status(&ended) == 0 && text(&ended).contains("has ended"), "{}", text(&ended));
    let listed = text(&run(&dir, &["run", "list"]));
    assert!(listed.contains("displays") && listed.contains("ended"), "{listed}");
}

#[test]
fn a_key_is_asked_by_command_whether_it_is_genuine() {
    let (outer, _running) = rehearsal();
    let dir = outer.path().join("data");
    at_rest(&dir);
    // A key from the box states nothing until it has a key that it generated.
    let (done, read) = json_of(&dir, &["device", "attest", KEY]);
    assert_eq!((done, &read["verdict"]), (1, &json!("no_statement")), "{read}");
    let (done, proved) = json_of(&dir, &["device", "attest", KEY, "--generate"]);
    assert_eq!(
        (done, &proved["verdict"], &proved["slot"]),
        (0, &json!("proved_now"), &json!("95")),
        "{proved}"
    );
    assert_eq!(proved["remarks"], json!([]), "{proved}");
    let shown = run(&dir, &["device", "attest", KEY, "--generate", "--slot", "82"]);
    assert!(text(&shown).contains("proved_now") && text(&shown).contains("genuine"), "{}", text(&shown));

    let file = outer.path().join("management-key");
    let path = file.display().to_string();
    let with_file = ["device", "attest", KEY, "--generate", "--management-key-file", &path];
    assert_eq!(status(&run(&dir, &with_file)), 3, "there is no such file");
    for (key, exit, said) in [
        ("010203040506070801020304050607080102030405060708\n", 0, ""),
        (&"ab".repeat(24), 1, "no limit of tries"),
        ("0102", 1, "24 bytes, 2 were given"),
        ("01020x", 2, "it is wrong at sign 6"),
    ] {
        std::fs::write(&file, key).expect("written");
        let asked = run(&dir, &with_file);
        assert_eq!(status(&asked), exit, "{key}: {}", message(&asked));
        assert!(message(&asked).contains(said), "{key}: {}", message(&asked));
        assert!(!message(&asked).contains("abab"), "{}", message(&asked));
    }
    for (args, exit, said) in [
        (&["device", "attest", "Lectern"][..], 2, "there is no reader Lectern"),
        (&["device", "attest", KEY, "--slot", "82"], 2, "--generate"),
        (&["device", "attest", KEY, "--generate", "--slot", "9a"], 2, "82 to 95"),
        (&["device", "attest", DISPLAY], 1, "only a YubiKey"),
    ] {
        let asked = run(&dir, args);
        assert_eq!(status(&asked), exit, "{args:?}: {}", message(&asked));
        assert!(message(&asked).contains(said), "{args:?}: {}", message(&asked));
    }
    let log = text(&run(&dir, &["audit", "export"]));
    assert!(log.contains("device_attested"), "{log}");
}

#[test]
fn without_a_service_there_are_no_readers_and_runs_can_be_read() {
    let outer = initialised();
    let dir = outer.path().join("data");
    let begin = ["run", "start", "--profile", "yubico-yubikey", "--application", "oath", "--batch", "b"];
    for args in [
        &["device", "list"][..],
        &["device", "watch"],
        &["device", "show", KEY],
        &["device", "attest", KEY],
        &["device", "program", KEY, "--run", "1"],
        &[&begin[..], &["--count", "1"]].concat(),
    ] {
        let output = run(&dir, args);
        assert_eq!(status(&output), 3, "{args:?}: {}", message(&output));
        assert!(message(&output).contains("start it with mintmark serve"), "{}", message(&output));
    }
    assert_eq!(json_of(&dir, &["run", "list"]), (0, json!({ "items": [], "next": null })));
    assert_eq!(status(&run(&dir, &["run", "show", "1"])), 1);
}

#[test]
fn a_machine_without_a_reader_service_says_so_and_serves() {
    let outer = initialised();
    let dir = outer.path().join("data");
    let (_running, first) = start(&dir, &["serve", "--listen", "127.0.0.1:0"]);
    assert!(first.contains("listens"), "{first}");
    // Where the machine has one, its readers are listed.
    let output = run(&dir, &["device", "list"]);
    let said = message(&output);
    assert!(status(&output) == 0 || (status(&output) == 3 && said.contains("card reader service")), "{said}");
}
