//! How fast a seed file becomes inventory: OATH CSV through the service into a store on disk.
//!
//! `cargo bench --bench import [-- LINES]`, 100,000 lines without an argument. Prints seconds for the
//! plan and the commit, lines per second, size of the file and the peak memory of the process, and when
//! the first problems of a broken file can be seen. 100,000 lines must take at most 10 s and 300 MiB,
//! and the first problems must show within a second; whoever breaks a bound hears of it.

#![expect(clippy::print_stdout, reason = "a bench prints its figures")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mintmark::clock::{Clock, SystemClock};
use mintmark::model::{Actor, ImportState};
use mintmark::secret::Seed;
use mintmark::service::{ImportRequest, MailMode, Service, StoreMark};
use mintmark::store::{Page, RedbStore, Store};
use mintmark::vault::RootKey;

fn main() {
    let lines = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(100_000);
    let dir = tempfile::tempdir().expect("temporary directory");
    let clock = Arc::new(SystemClock::new());
    let root = RootKey::generate().expect("random");
    let store: Arc<dyn Store> = Arc::new(RedbStore::create(dir.path()).expect("created"));
    Service::initialise(&*store, &root, &*clock, StoreMark::default()).expect("a new store");
    let service =
        Service::open(store, &root, Arc::clone(&clock) as Arc<dyn Clock>, MailMode::None).expect("opens");
    let before = peak_kib();

    let text = file(lines, 0);
    println!("{lines} lines, {} MiB, {} MiB of memory before", text.len() >> 20, before >> 10);
    let secs = import(&service, &clock, &text, lines, "first");
    report(dir.path());
    if lines <= 100_000 {
        assert!(secs <= 10.0, "the import took longer than 10 s");
        assert!(peak_kib() <= 300 << 10, "the import took more than 300 MiB");
    }
    let shown = first_problems(&service, &clock, &file(lines, 3 * lines));
    println!("broken file: the first problems could be seen after {shown:.3} s");
    assert!(lines > 100_000 || shown <= 1.0, "the first problems came later than a second");
    // Again: every line is there already.
    let began = clock.monotonic();
    let task = service.begin_import(&Actor::local(0), request(&text, "again")).expect("accepted");
    service.run_import(&task);
    println!("the same file again: {:.2} s", clock.monotonic().saturating_sub(began).as_secs_f64());
    // As many others on top.
    let text = file(lines, lines);
    import(&service, &clock, &text, lines, "second");
    report(dir.path());
}

/// Seconds until lines of a file of as many lines, each hundredth broken, can be seen.
fn first_problems(service: &Service, clock: &SystemClock, text: &str) -> f64 {
    let broken: String = text
        .lines()
        .enumerate()
        .map(|(n, line)| if n % 100 == 99 { format!("{line},surplus,7\n") } else { format!("{line}\n") })
        .collect();
    let actor = Actor::local(0);
    let began = clock.monotonic();
    let task = service.begin_import(&actor, request(&broken, "broken")).expect("accepted");
    let secs = std::thread::scope(|scope| {
        let reading = scope.spawn(|| service.run_import(&task));
        let secs = loop {
            let lines =
                service.import_lines(&Actor::local(0), task.import, Page::first(10)).expect("there").items;
            if !lines.is_empty() || reading.is_finished() {
                assert!(!lines.is_empty(), "no problem was found");
                break clock.monotonic().saturating_sub(began).as_secs_f64();
            }
            // As often as a page asks, and not so often that asking is what takes the time.
            #[expect(clippy::disallowed_methods, reason = "a page asks now and then")]
            std::thread::sleep(Duration::from_millis(20));
        };
        reading.join().expect("read");
        secs
    });
    service.drop_import(&actor, task.import).expect("dropped");
    secs
}

fn import(service: &Service, clock: &SystemClock, text: &str, lines: u64, name: &str) -> f64 {
    let actor = Actor::local(0);
    let began = clock.monotonic();
    let task = service.begin_import(&actor, request(text, name)).expect("accepted");
    service.run_import(&task);
    let planned = clock.monotonic();
    let plan = service.import(&actor, task.import).expect("there");
    assert_eq!((plan.import.state, plan.import.counts.new), (ImportState::Planned, lines));
    service.commit_import(&actor, task.import, None, None).expect("committed");
    let done = clock.monotonic();
    let secs = done.saturating_sub(began).as_secs_f64();
    println!(
        "{name}: {secs:.2} s ({:.2} s plan, {:.3} s commit), {:.0} lines/s",
        planned.saturating_sub(began).as_secs_f64(),
        done.saturating_sub(planned).as_secs_f64(),
        f64::from(u32::try_from(lines).unwrap_or(u32::MAX)) / secs,
    );
    secs
}

fn report(dir: &Path) {
    let size = std::fs::metadata(dir.join("store.redb")).map_or(0, |file| file.len());
    println!("store {} MiB, peak memory {} MiB", size >> 20, peak_kib() >> 10);
}

fn request(text: &str, name: &str) -> ImportRequest {
    ImportRequest::new(format!("{name}.csv"), Seed::new(text.as_bytes().to_vec()))
}

/// Lines with secrets that differ, from a generator that is no secret.
fn file(lines: u64, first: u64) -> String {
    let mut text = String::with_capacity(usize::try_from(lines).unwrap_or(0) * 64);
    let mut state = first.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    for n in first..first + lines {
        let (a, b, c) = (next(), next(), next() >> 32);
        writeln!(text, "87{n:08},{a:016x}{b:016x}{c:08x},TOTP,6,30").expect("writing to a string");
    }
    text
}

/// The most memory that the process had so far, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}
