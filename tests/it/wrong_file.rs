//! Wrong input at the command line, and the wrong seed files that every door is shown.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use mintmark::clock::{Clock, SystemClock};
use mintmark::service::{MailMode, Service, TokenQuery};
use mintmark::store::{Page, RedbStore, Store};
use mintmark::vault::RootKey;

use super::service::fixture::StandIn;

/// What a door should do with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Refuse it as a whole.
    Refused,
    /// Say which line cannot be taken.
    Line,
    /// Read it: it is only written in an unusual way.
    Read,
}

/// A file that somebody sends by mistake.
pub(crate) struct WrongFile {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) passphrase: Option<&'static str>,
    pub(crate) wanted: Wanted,
    /// Words that the answer must hold.
    words: &'static [&'static str],
}

impl WrongFile {
    pub(crate) fn is_told(&self, said: &str) {
        let small = said.to_lowercase();
        for words in self.words {
            assert!(small.contains(words), "{}: {words:?} is not in {said}", self.name);
        }
    }
}

fn data(path: &str) -> Vec<u8> {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests/data", path].iter().collect();
    std::fs::read(path).expect("readable")
}

/// The token of all desks here, in UTF-16 with a byte order mark.
fn utf16() -> Vec<u8> {
    let text = StandIn::totp("OLD-1").line();
    [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect()
}

/// The vendor's file with one character of a check value changed.
fn changed_mac(file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let at = file.windows(9).position(|part| part == b"ValueMAC>").expect("a check value") + 12;
    file[at] = if file[at] == b'A' { b'B' } else { b'A' };
    file
}

/// Files that people send by mistake.
pub(crate) fn wrong_files() -> Vec<WrongFile> {
    let pskc = data("demo/vendor-batch.pskcxml");
    let half = pskc[..pskc.len() / 2].to_vec();
    let damaged = StandIn::totp("GOOD-1").line() + &StandIn::totp("8.71235E+08").line();
    let (demo, file) = (Some("mintmark demo"), |name, bytes, words| WrongFile {
        name,
        bytes,
        passphrase: None,
        wanted: Wanted::Refused,
        words,
    });
    vec![
        file("empty.csv", Vec::new(), &["empty"]),
        WrongFile { wanted: Wanted::Read, ..file("utf16.csv", utf16(), &["identical"]) },
        file("letter.docx", data("envelope/invalid/letter.docx"), &["word"]),
        WrongFile { passphrase: demo, ..file("half.pskcxml", half, &["line"]) },
        file("no-passphrase.pskcxml", pskc.clone(), &["passphrase"]),
        WrongFile { passphrase: Some("not it"), ..file("wrong.pskcxml", pskc.clone(), &["passphrase"]) },
        WrongFile { passphrase: demo, ..file("changed.pskcxml", changed_mac(&pskc), &["changed"]) },
        WrongFile {
            wanted: Wanted::Line,
            ..file("sheet.csv", damaged.into_bytes(), &["8.71235e+08", "spreadsheet"])
        },
    ]
}

struct Desk {
    dir: tempfile::TempDir,
}

fn command(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintmark"));
    for name in ["MINTMARK_DATA", "MINTMARK_LOG", "MINTMARK_LISTEN", "MINTMARK_SERVER", "STATE_DIRECTORY"] {
        command.env_remove(name);
    }
    command.arg("--data").arg(data).args(args).stdin(Stdio::null());
    command
}

/// Exit status, and everything that was said.
fn run(data: &Path, args: &[&str]) -> (i32, String) {
    let output: Output = command(data, args).output().expect("the program starts");
    let said = String::from_utf8([output.stdout, output.stderr].concat()).expect("text");
    (output.status.code().expect("ended by itself"), said)
}

impl Desk {
    /// A data directory with one token on *VPN*.
    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().expect("a directory") };
        let data = desk.data();
        desk.file("old.csv", StandIn::totp("OLD-1").line().as_bytes());
        assert_eq!(run(&data, &["init"]).0, 0);
        let old = desk.path("old.csv").display().to_string();
        assert_eq!(run(&data, &["import", &old, "--batch", "old"]).0, 0);
        assert_eq!(run(&data, &["resource", "add", "VPN"]).0, 0);
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn file(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).expect("written");
        self.path(name).display().to_string()
    }
}

/// What the store of a directory holds: tokens with their state, batches, resources.
fn content(data: &Path) -> Vec<String> {
    let store: std::sync::Arc<dyn Store> = std::sync::Arc::new(RedbStore::open(data).expect("opens"));
    let root = RootKey::read(&data.join("root.key")).expect("a key");
    let clock = std::sync::Arc::new(SystemClock::new());
    let service = Service::open(store, &root, clock, MailMode::None).expect("starts");
    let (actor, page) = (super::wire::ADMIN, Page::first(1_000));
    let tokens = service.tokens(&actor, &TokenQuery::default(), page).expect("listed").items;
    let mut rows: Vec<_> =
        tokens.iter().map(|t| format!("{} {} {:?}", t.token.serial, t.batch, t.state)).collect();
    let batches = service.batches(&actor, page).expect("listed").items;
    rows.extend(batches.iter().map(|b| format!("{} {}", b.batch.name, b.batch.tokens)));
    let resources = service.resources(&actor, page).expect("listed").items;
    rows.extend(resources.iter().map(|r| format!("{:?}", r.resource)));
    service.close();
    rows
}

#[test]
fn wrong_seed_files_are_told_by_the_command() {
    let desk = Desk::new();
    let before = content(&desk.data());
    for wrong in wrong_files() {
        let file = desk.file(wrong.name, &wrong.bytes);
        let phrase = wrong.passphrase.map(|phrase| desk.file("phrase", phrase.as_bytes()));
        let mut args = vec!["import", &file];
        args.extend(phrase.iter().flat_map(|phrase| ["--passphrase-file", phrase.as_str()]));
        let (status, said) = run(&desk.data(), &args);
        assert_eq!(status, i32::from(wrong.wanted != Wanted::Read), "{}: {said}", wrong.name);
        wrong.is_told(&said);
        assert_eq!(content(&desk.data()), before, "{}", wrong.name);
    }
}

#[test]
fn wrong_words_are_told_by_the_command() {
    let desk = Desk::new();
    let before = content(&desk.data());
    let rows: [(&[&str], i32, &str); 7] = [
        (&["token", "check", "OLD-1", "12345"], 2, "6"),
        (&["token", "check", "OLD-1", "１２３４５６"], 2, "digit"),
        (&["token", "check", "OLD-1", "12a456"], 2, "digit"),
        (&["token", "check", "OLD-2", "123456"], 1, "no token"),
        (&["resource", "portal", "VPN", "--alias", "MyVPN"], 2, "small letters"),
        (&["import", "/nonexistent/file.csv"], 3, "/nonexistent/file.csv"),
        (&["import", "/nonexistent", "--set", "digits=9"], 3, "/nonexistent"),
    ];
    for (args, wanted, words) in rows {
        let (status, said) = run(&desk.data(), args);
        assert_eq!(status, wanted, "{args:?}: {said}");
        assert!(said.contains(words), "{args:?}: {words:?} is not in {said}");
        assert_eq!(content(&desk.data()), before, "{args:?}");
    }
    let step = u64::try_from(SystemClock::new().now().secs()).expect("after 1970") / 30;
    let code = &super::wire::typed(&StandIn::totp("OLD-1"), step, 1)[0];
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let (status, said) = run(&desk.data(), &["token", "check", "OLD-1", &spaced]);
    assert_eq!((status, said.contains("accepted")), (0, true), "{said}");
}

/// Ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_directory_in_use_is_told_by_every_command() {
    use std::io::{BufRead, BufReader};
    let desk = Desk::new();
    let (data, before) = (desk.data(), content(&desk.data()));
    let file = desk.path("old.csv").display().to_string();
    // By a service that runs: another one and a new store are refused, the others go through its socket.
    let child = command(&data, &["serve", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn();
    let mut running = Running(child.expect("the program starts"));
    let mut first = String::new();
    BufReader::new(running.0.stdout.take().expect("piped")).read_line(&mut first).expect("a line");
    let refused: [&[&str]; 3] =
        [&["init"], &["serve", "--listen", "127.0.0.1:0"], &["demo", "--listen", "127.0.0.1:0"]];
    for args in refused {
        let (status, said) = run(&data, args);
        assert_eq!(status, 3, "{args:?}: {said}");
        assert!(said.contains("in use by another process"), "{args:?}: {said}");
        assert!(said.contains(&data.display().to_string()), "{args:?} names the directory: {said}");
    }
    let (status, said) = run(&data, &["import", &file]);
    assert_eq!(status, 0, "{said}");
    drop(running);
    assert_eq!(content(&data), before);
    // By a process without a socket: nobody gets through.
    let store = RedbStore::open(&data).expect("opens");
    let all: [&[&str]; 7] = [
        &["init"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["demo", "--listen", "127.0.0.1:0"],
        &["import", &file],
        &["token", "list"],
        &["audit", "verify"],
        &["resource", "add", "Mail"],
    ];
    for args in all {
        let (status, said) = run(&data, args);
        assert_eq!(status, 3, "{args:?}: {said}");
        assert!(said.contains("in use by another process"), "{args:?}: {said}");
    }
    drop(store);
    assert_eq!(content(&data), before);
}

/// A script with a small disk of its own at its first argument: as root, or as root of a namespace.
/// `None`: this machine allows neither.
fn small_disk() -> Option<Vec<&'static str>> {
    let ways = [vec!["unshare", "--mount"], vec!["unshare", "--user", "--map-root-user", "--mount"]];
    ways.into_iter().find(|way| {
        let tried = Command::new(way[0])
            .args(&way[1..])
            .args(["sh", "-c", "mount -t tmpfs -o size=64k none /mnt"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        tried.is_ok_and(|status| status.success())
    })
}

/// On a machine that allows no small disk the same is shown by the REST interface over a store without room.
#[test]
fn a_full_disk_is_told_by_the_command() {
    let desk = Desk::new();
    let before = content(&desk.data());
    let lines: String = (0..60_000).map(|n| StandIn::totp(&format!("NEW{n:06}")).line()).collect();
    let file = desk.file("new.csv", lines.as_bytes());
    let Some(way) = small_disk() else {
        // The service refuses with 507 there, and the command makes exit status 3 of every such answer.
        super::wire::full_disk();
        return;
    };
    // The store on a disk with room for a part of the file; afterwards it is copied back and looked at.
    let script = "set -e; cp -a \"$1\" \"$1.copy\"; mount -t tmpfs -o size=5m,mode=0700 none \"$1\"; \
        cp -a \"$1.copy/.\" \"$1\"; set +e; \"$2\" --data \"$1\" --json import \"$3\"; status=$?; \
        rm -rf \"$1.copy\"; cp -a \"$1\" \"$1.after\"; exit $status";
    let output = Command::new(way[0])
        .args(&way[1..])
        .args(["sh", "-c", script, "sh"])
        .arg(desk.data())
        .args([env!("CARGO_BIN_EXE_mintmark"), &file])
        .output()
        .expect("the shell starts");
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("full"), "{said}");
    let after = desk.path("data.after");
    assert_eq!(content(&after), before, "{said}");
    let (status, said) = run(&after, &["import", &file]);
    assert_eq!(status, 0, "with room it goes on: {said}");
}
