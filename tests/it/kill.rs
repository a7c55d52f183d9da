//! Law 4 against the real program: an import that is killed leaves before or after, never between.
//!
//! `MINTMARK_LAW4_KILLS` sets how many imports are killed (8; a release takes 50).

#![expect(clippy::print_stdout, reason = "where the kills fell is the evidence")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use mintmark::clock::{Clock, SystemClock};
use mintmark::model::Actor;
use mintmark::service::{MailMode, Service, TokenQuery};
use mintmark::store::{Page, RedbStore, Store};
use mintmark::vault::RootKey;
use serde_json::Value;

use super::service::fixture::{StandIn, secret_of};
use super::wire::size;

/// Lines of the file whose import is killed.
const LINES: usize = 6_000;

/// A data directory with one batch of three tokens, and the files that come next.
struct Desk {
    dir: tempfile::TempDir,
}

impl Desk {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().expect("a directory") };
        let old: String = ["OLD-1", "OLD-2", "OLD-3"].map(|serial| StandIn::totp(serial).line()).concat();
        std::fs::write(desk.path("old.csv"), old).expect("written");
        let new: String = (0..LINES).map(|n| StandIn::totp(&format!("NEW{n:06}")).line()).collect();
        std::fs::write(desk.path("new.csv"), new).expect("written");
        let other = StandIn::with_secret("OLD-2", false, secret_of("another"));
        std::fs::write(desk.path("other.csv"), other.line()).expect("written");
        let start = desk.path("start");
        assert_eq!(run(&start, &["init"]).0, 0);
        assert_eq!(desk.import(&start, "old.csv").0, 0);
        desk
    }

    fn import(&self, data: &Path, file: &str) -> (i32, Value) {
        run(data, &["import", &self.path(file).display().to_string()])
    }

    /// A copy of the data directory as it was at first.
    fn copy(&self, name: &str) -> PathBuf {
        let copy = self.path(name);
        std::fs::create_dir(&copy).expect("made");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&copy, mode).expect("set");
        for entry in std::fs::read_dir(self.path("start")).expect("readable") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_file() {
                std::fs::copy(entry.path(), copy.join(entry.file_name())).expect("copied");
            }
        }
        copy
    }
}

fn command(data: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintmark"));
    for name in ["MINTMARK_DATA", "MINTMARK_LOG", "MINTMARK_SERVER", "STATE_DIRECTORY"] {
        command.env_remove(name);
    }
    command.arg("--data").arg(data).arg("--json").args(args).stdin(Stdio::null());
    command
}

/// Exit status and JSON of a command.
fn run(data: &Path, args: &[&str]) -> (i32, Value) {
    let output = command(data, args).output().expect("the program starts");
    let status = output.status.code().expect("ended by itself");
    (status, serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
}

/// What a reopened store shows: tokens with their state, batches, and whether the log is whole.
fn shown(data: &Path) -> Vec<String> {
    let store: Arc<dyn Store> = Arc::new(RedbStore::open(data).expect("opens after a kill"));
    let root = RootKey::read(&data.join("root.key")).expect("a key");
    let service = Service::open(store, &root, Arc::new(SystemClock::new()), MailMode::None)
        .expect("starts after a kill");
    let actor = Actor::local(0);
    let mut rows = Vec::new();
    let mut page = Page::first(1_000);
    loop {
        let slice = service.tokens(&actor, &TokenQuery::default(), page).expect("listed");
        rows.extend(slice.items.iter().map(|t| format!("{} {} {:?}", t.token.serial, t.batch, t.state)));
        let Some(next) = slice.next else { break };
        page.after = Some(next);
    }
    for batch in service.batches(&actor, Page::first(100)).expect("listed").items {
        rows.push(format!("batch {} of {}", batch.batch.name, batch.batch.tokens));
    }
    assert_eq!(service.verify_audit(&actor).expect("read").fault, None);
    service.close();
    rows
}

/// Lets a child run for a time; kills it if it is still there then. True: it was killed.
fn kill_after(mut child: Child, time: Duration) -> bool {
    let pid = child.id();
    let (ended, wait) = channel();
    let waiting = thread::spawn(move || {
        let status = child.wait().expect("waited for");
        // Nobody listens any more after the time is over.
        let _ = ended.send(());
        status
    });
    if wait.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
        let killed = Command::new("kill").args(["-KILL", &pid.to_string()]).status().expect("kill starts");
        let _ = killed;
    }
    std::os::unix::process::ExitStatusExt::signal(&waiting.join().expect("waited")) == Some(9)
}

#[test]
fn law4_a_killed_import_leaves_before_or_after() {
    let desk = Desk::new();
    let before = shown(&desk.path("start"));
    assert_eq!(before.len(), 4);
    // How long a whole one takes here and now.
    let clock = SystemClock::new();
    let whole = desk.copy("whole");
    let began = clock.monotonic();
    assert_eq!(desk.import(&whole, "new.csv").0, 0);
    let time = clock.monotonic().saturating_sub(began);
    let after = shown(&whole);
    assert_eq!(after.len(), 4 + LINES + 1);

    let kills = size("MINTMARK_LAW4_KILLS", 8);
    let (mut befores, mut afters, mut cut) = (0, 0, 0);
    let mut random = 0x4d69_6e74_6d61_726b_u64 ^ kills;
    for round in 0..kills {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // A moment of the whole run, and a little behind its end.
        let at =
            time.mul_f64(f64::from(u32::try_from(random >> 40).expect("24 bits")) / f64::from(1 << 24) * 1.1);
        let data = desk.copy(&format!("round{round}"));
        let file = desk.path("new.csv").display().to_string();
        let child = command(&data, &["import", &file]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        cut += u32::from(kill_after(child.expect("the program starts"), at));
        let found = shown(&data);
        if found == before {
            befores += 1;
        } else {
            assert_eq!(found, after, "round {round}: killed after {at:?}, something between");
            afters += 1;
        }
        // Nothing of it stands in the way of a second try.
        let (status, again) = desk.import(&data, "new.csv");
        let (new, identical) = if found == before { (LINES, 0) } else { (0, LINES) };
        assert_eq!(
            (status, &again["new"], &again["identical"]),
            (0, &new.into(), &identical.into()),
            "{again}"
        );
        assert_eq!(shown(&data), after, "round {round}");
        std::fs::remove_dir_all(&data).expect("removed");
    }
    println!("{kills} imports of {time:?}: {cut} killed; {befores} left before, {afters} after, 0 between");
    assert!(cut > 0 && befores > 0, "no kill fell into an import: {cut} killed, {befores} before");
}

#[test]
fn law4_the_same_file_and_a_conflict_change_nothing() {
    let desk = Desk::new();
    let data = desk.path("start");
    let before = shown(&data);
    let (status, again) = desk.import(&data, "old.csv");
    assert_eq!((status, &again["new"], &again["identical"]), (0, &0.into(), &3.into()), "{again}");
    assert_eq!(shown(&data), before);

    let (status, conflict) = desk.import(&data, "other.csv");
    assert_eq!(
        (status, &conflict["conflicts"], &conflict["committed"]),
        (1, &1.into(), &false.into()),
        "{conflict}"
    );
    let line = &conflict["lines"][0];
    assert_eq!(
        (&line["line"], &line["serial"], &line["verdict"]),
        (&1.into(), &"OLD-2".into(), &"conflict".into())
    );
    assert_eq!(shown(&data), before);
    // The old secret is the one in force.
    let step = u64::try_from(SystemClock::new().now().secs()).expect("after 1970") / 30;
    let old = super::wire::typed(&StandIn::totp("OLD-2"), step, 1);
    let (status, checked) = run(&data, &["token", "check", "OLD-2", &old[0]]);
    assert_eq!((status, &checked["result"]), (0, &"accepted".into()), "{checked}");
}
