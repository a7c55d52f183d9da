//! The main job through the command line, on real files, and law 3 over everything it left behind:
//! no seed in any file, log line or answer, in any encoding.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::{Command, Output};

use mintmark::secret::Passphrase;
use mintmark::seedfile::{Problem, ReadOptions, SeedRecord, Sink, read};
use serde_json::Value;

use super::leak::Searcher;

const PSKC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/demo/vendor-batch.pskcxml");
const CSV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/demo/oath.csv");

/// A desk: a data directory, and everything that the program ever printed.
struct Desk {
    dir: tempfile::TempDir,
    printed: Vec<u8>,
}

impl Desk {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory"), printed: Vec::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    }

    /// Runs a command at trace level; gives its exit status and its JSON.
    fn run(&mut self, args: &[&str]) -> (i32, Value) {
        let output: Output = Command::new(env!("CARGO_BIN_EXE_mintmark"))
            .env("MINTMARK_LOG", "trace")
            .arg("--data")
            .arg(self.path("data"))
            .arg("--json")
            .args(args)
            .output()
            .expect("the program starts");
        self.printed.extend_from_slice(&output.stdout);
        self.printed.extend_from_slice(&output.stderr);
        let answer = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        let status = output.status.code().expect("an exit status");
        assert!(
            (0..=1).contains(&status),
            "{args:?}: exit {status}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        (status, answer)
    }

    fn done(&mut self, args: &[&str]) -> Value {
        let (status, answer) = self.run(args);
        assert_eq!(status, 0, "{args:?}: {answer}");
        answer
    }
}

/// Codes of a stand-in token. Their output is codes, not seeds; it is not part of what is searched.
fn codes(file: &str, serial: &str, more: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_mintmark"))
        .args(["otp", "--file", file])
        .args(more)
        .arg(serial)
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let digits = |line: &str| {
        line.split(|c: char| !c.is_ascii_digit())
            .find(|word| (6..=8).contains(&word.len()))
            .map(str::to_owned)
    };
    text.lines().filter_map(digits).collect()
}

#[derive(Default)]
struct Seeds(Vec<Vec<u8>>);

impl Sink for Seeds {
    #[expect(
        clippy::disallowed_methods,
        reason = "test seeds are searched for in everything that was written"
    )]
    fn record(&mut self, record: SeedRecord) -> ControlFlow<()> {
        self.0.push(record.seed.expose().to_vec());
        ControlFlow::Continue(())
    }

    fn problem(&mut self, problem: Problem) -> ControlFlow<()> {
        panic!("the demonstration's file has a problem: {problem:?}");
    }
}

/// Places where a form of a seed stands.
fn leaks(desk: &Desk, seeds: &[Vec<u8>]) -> Vec<String> {
    let searcher = Searcher::new(seeds);
    let mut found = searcher.find("what was printed", &desk.printed);
    found.extend(searcher.find_in_files(&desk.path("data")));
    found
}

#[test]
fn main_job_by_command_line_and_no_seed_anywhere() {
    let mut desk = Desk::new();
    let password = desk.file("password", "drei Birnen im Korb\n");
    let passphrase = desk.file("passphrase", "mintmark demo\n");
    desk.done(&["init", "--admin", "admin", "--password-file", &password]);

    // A wrong passphrase changes nothing; the right one brings twelve tokens; again changes nothing.
    let wrong = desk.file("wrong", "not it\n");
    assert_eq!(desk.run(&["import", PSKC, "--batch", "vendor", "--passphrase-file", &wrong]).0, 1);
    let first = desk.done(&["import", PSKC, "--batch", "vendor", "--passphrase-file", &passphrase]);
    assert_eq!((first["new"].as_u64(), first["committed"].as_bool()), (Some(12), Some(true)), "{first}");
    let again = desk.done(&["import", PSKC, "--passphrase-file", &passphrase]);
    assert_eq!((again["new"].as_u64(), again["identical"].as_u64()), (Some(0), Some(12)), "{again}");
    let csv = desk.done(&["import", CSV, "--batch", "csv"]);
    assert_eq!(csv["new"].as_u64(), Some(20), "{csv}");

    desk.done(&["resource", "add", "VPN"]);
    desk.done(&["resource", "portal", "VPN", "--alias", "portal", "--actions", "register_existing_token"]);
    desk.done(&["batch", "assign", "vendor", "--resource", "VPN"]);
    desk.done(&["user", "add", "anna", "--resource", "VPN"]);
    desk.done(&["token", "custody", "87-1234501", "handed_out", "--user", "anna"]);

    let opened = ["--passphrase-file", passphrase.as_str()];
    let pair = codes(PSKC, "87-1234501", &[&opened[..], &["--count", "2"]].concat());
    let mut confirm = vec!["token", "confirm", "87-1234501", "--user", "anna", "--resource", "VPN"];
    confirm.extend(pair.iter().map(String::as_str));
    let confirmed = desk.done(&confirm);
    assert_eq!(confirmed["result"], "confirmed", "{confirmed}");

    // The code of the next step fits once.
    let next = codes(PSKC, "87-1234501", &[&opened[..], &["--drift", "30"]].concat());
    assert_eq!(desk.done(&["token", "check", "87-1234501", &next[0]])["result"], "accepted");
    let (status, replayed) = desk.run(&["token", "check", "87-1234501", &next[0]]);
    assert_eq!((status, replayed["result"].as_str()), (1, Some("replayed")), "{replayed}");

    // 41 days slow: two codes carry 17 days, three carry the year.
    let slow = codes(PSKC, "87-1234502", &[&opened[..], &["--drift", "-3542400", "--count", "3"]].concat());
    let (status, two) = desk.run(&[
        "token",
        "resync",
        "87-1234502",
        &slow[1],
        &slow[2],
        "--reason",
        "at the desk, badge seen",
    ]);
    assert_eq!((status, two["result"].as_str()), (1, Some("more_otps_needed")), "{two}");
    let mut identify = vec!["token", "identify"];
    identify.extend(slow.iter().map(String::as_str));
    identify.extend(["--window", "42d"]);
    let whose = desk.done(&identify);
    assert_eq!((&whose["result"], &whose["matches"][0]["serial"]), (&"found".into(), &"87-1234502".into()));
    let mut resync = vec!["token", "resync", "87-1234502"];
    resync.extend(slow.iter().map(String::as_str));
    resync.extend(["--reason", "at the desk, badge seen"]);
    let back = desk.done(&resync);
    assert_eq!(back["result"], "synchronized", "{back}");
    let seconds = back["seconds"].as_i64().expect("a clock token");
    assert!((seconds + 3_542_400).abs() <= 60, "{back}");

    let verified = desk.done(&["audit", "verify"]);
    assert!(!verified.is_null());

    let mut seeds = Seeds::default();
    let typed = Passphrase::from_text("mintmark demo".to_owned());
    let options = ReadOptions { passphrase: Some(&typed), ..ReadOptions::default() };
    read(&fs::read(PSKC).expect("readable"), &options, &mut seeds).expect("readable");
    read(&fs::read(CSV).expect("readable"), &ReadOptions::default(), &mut seeds).expect("readable");
    assert_eq!(seeds.0.len(), 32);
    assert_eq!(leaks(&desk, &seeds.0), Vec::<String>::new());

    // The search itself is sharp: a planted leak is found.
    fs::write(
        desk.path("data").join("planted.log"),
        format!("x{}y", data_encoding::BASE32_NOPAD.encode(&seeds.0[3])),
    )
    .expect("written");
    assert_eq!(leaks(&desk, &seeds.0).len(), 1);
}
