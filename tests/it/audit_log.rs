//! Law 7: whatever is done to a log of 10,000 records, `audit verify` names the place.
//!
//! `MINTMARK_LAW7_FAULTS` sets how many faults are planted (90; a release takes 10,000).

#![expect(clippy::print_stdout, reason = "the counts are the evidence")]

use std::process::{Command, Output};
use std::sync::Arc;

use mintmark::clock::{Clock, ManualClock, SystemClock, UnixTime};
use mintmark::model::{Actor, AuditAction, AuditEntry, AuditResult, Subject, TokenId};
use mintmark::service::{MailMode, Service, StoreMark};
use mintmark::store::audit::AuditFault;
use mintmark::store::{Change, RedbStore, Store, StoreError};
use mintmark::vault::RootKey;

use super::wire::size;

const RECORDS: u64 = 10_000;
const ADMIN: Actor = Actor::local(0);

/// Fills the log of a new store up to `RECORDS` records.
fn fill(store: &dyn Store, from: UnixTime) {
    let (mut at, mut left) = (from, RECORDS - written(store));
    while left > 0 {
        let count = left.min(500);
        let entry = |n: u64| AuditEntry {
            at,
            actor: ADMIN,
            action: AuditAction::OtpChecked,
            subjects: vec![Subject::Token(TokenId(n % 97))],
            result: AuditResult::Done,
            detail: vec![("result".to_owned(), "accepted".to_owned())],
        };
        let changes: Vec<Change> = (0..count).map(|n| Change::Append(entry(left - n))).collect();
        store.write(move |_| Ok::<_, StoreError>(((), changes.clone()))).expect("appended");
        (at, left) = (at.plus_secs(60), left - count);
    }
}

fn written(store: &dyn Store) -> u64 {
    store.read(|view| Ok::<_, StoreError>(view.audit_head(1)?.map_or(0, |head| head.n))).expect("read")
}

/// The records as they lie in the store.
struct Log {
    store: Arc<RedbStore>,
    keys: Vec<Vec<u8>>,
}

impl Log {
    fn of(store: &Arc<RedbStore>) -> Self {
        Self { store: Arc::clone(store), keys: store.raw_keys("audit").expect("keys") }
    }

    fn key(&self, n: u64) -> &[u8] {
        &self.keys[usize::try_from(n - 1).expect("small")]
    }

    fn read(&self, n: u64) -> Vec<u8> {
        self.store.raw_get("audit", self.key(n)).expect("readable").expect("there")
    }

    fn put(&self, n: u64, value: Option<&[u8]>) {
        self.store.raw_put("audit", self.key(n), value).expect("put");
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[test]
fn law7_every_fault_in_a_log_of_10_000_is_found_by_its_place() {
    let store = Arc::new(RedbStore::in_memory().expect("a store"));
    let as_dyn = Arc::clone(&store) as Arc<dyn Store>;
    let clock = Arc::new(ManualClock::new(UnixTime::from_secs(1_800_000_000)));
    let root = RootKey::generate().expect("a key");
    Service::initialise(&*as_dyn, &root, &*clock, StoreMark::default()).expect("a new store");
    let service = Service::open(Arc::clone(&as_dyn), &root, clock.clone(), MailMode::None).expect("opens");
    fill(&*as_dyn, clock.now());
    let intact = service.verify_audit(&ADMIN).expect("read");
    assert_eq!((intact.records, intact.fault), (RECORDS, None));

    let log = Log::of(&store);
    let faults = size("MINTMARK_LAW7_FAULTS", 90);
    let (mut random, mut kinds) = (Random(faults), [0; 3]);
    for round in 0..faults {
        // With as many faults as records each record has its turn.
        let n = 1 + round * RECORDS / faults + random.below((RECORDS / faults).max(1));
        let good = log.read(n);
        let (first, expected) = match round % 3 {
            0 => {
                let mut bytes = good.clone();
                let at = usize::try_from(random.below(bytes.len() as u64)).expect("small");
                bytes[at] ^= 1 << random.below(8);
                log.put(n, Some(&bytes));
                (n, AuditFault::Changed)
            }
            1 => {
                log.put(n, None);
                (n, AuditFault::Missing)
            }
            _ => {
                let other = 1 + (n + random.below(RECORDS - 1)) % RECORDS;
                let theirs = log.read(other);
                log.put(n, Some(&theirs));
                log.put(other, Some(&good));
                let found = service.verify_audit(&ADMIN).expect("read").fault;
                let first = n.min(other);
                assert_eq!(found, Some((1, first, AuditFault::OutOfPlace)), "round {round}: {n} and {other}");
                log.put(other, Some(&theirs));
                (n, AuditFault::OutOfPlace)
            }
        };
        if round % 3 != 2 {
            let found = service.verify_audit(&ADMIN).expect("read").fault;
            assert_eq!(found, Some((1, first, expected)), "round {round}");
        }
        log.put(n, Some(&good));
        kinds[usize::try_from(round % 3).expect("small")] += 1;
    }
    assert_eq!(service.verify_audit(&ADMIN).expect("read").fault, None);
    println!(
        "{RECORDS} records: {} flipped bits, {} removed and {} swapped records, each named by its place",
        kinds[0], kinds[1], kinds[2]
    );
}

/// Every single byte of some records, and the end of the log cut off.
#[test]
fn law7_no_byte_of_a_record_can_be_changed() {
    let store = Arc::new(RedbStore::in_memory().expect("a store"));
    let as_dyn = Arc::clone(&store) as Arc<dyn Store>;
    let clock = Arc::new(ManualClock::new(UnixTime::from_secs(1_800_000_000)));
    let root = RootKey::generate().expect("a key");
    Service::initialise(&*as_dyn, &root, &*clock, StoreMark::default()).expect("a new store");
    let service = Service::open(Arc::clone(&as_dyn), &root, clock, MailMode::None).expect("opens");
    for _ in 0..4 {
        service.verify_audit(&ADMIN).expect("read");
    }
    let log = Log::of(&store);
    let mut bytes = 0;
    for n in 1..=u64::try_from(log.keys.len()).expect("small") {
        let good = log.read(n);
        for at in 0..good.len() {
            let mut changed = good.clone();
            changed[at] ^= 0x10;
            log.put(n, Some(&changed));
            let found = service.verify_audit(&ADMIN).expect("read").fault;
            assert_eq!(found, Some((1, n, AuditFault::Changed)), "byte {at} of record {n}");
            bytes += 1;
        }
        log.put(n, Some(&good));
    }
    println!("{bytes} bytes of {} records were changed, each change was found", log.keys.len());
    let end = written(&*as_dyn);
    let log = Log::of(&store);
    let last = log.read(end);
    log.put(end, None);
    let found = service.verify_audit(&ADMIN).expect("read").fault;
    assert_eq!(found, Some((1, end, AuditFault::Truncated)));
    log.put(end, Some(&last));
    assert_eq!(service.verify_audit(&ADMIN).expect("read").fault, None);
}

fn verify(data: &std::path::Path) -> (i32, serde_json::Value) {
    let output: Output = Command::new(env!("CARGO_BIN_EXE_mintmark"))
        .env_remove("MINTMARK_LOG")
        .args(["--json", "--data"])
        .arg(data)
        .args(["audit", "verify"])
        .output()
        .expect("the program starts");
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_default();
    (output.status.code().expect("ended by itself"), answer)
}

/// The command itself, over a log on disk.
#[test]
fn law7_the_command_names_the_place() {
    let outer = tempfile::tempdir().expect("a directory");
    let data = outer.path().join("data");
    let made = Command::new(env!("CARGO_BIN_EXE_mintmark")).arg("--data").arg(&data).arg("init").output();
    assert!(made.expect("the program starts").status.success());
    let root = RootKey::read(&data.join("root.key")).expect("a key");
    let open = || Arc::new(RedbStore::open(&data).expect("opens"));
    let store = open();
    let clock = Arc::new(SystemClock::new());
    let as_dyn = Arc::clone(&store) as Arc<dyn Store>;
    let service = Service::open(Arc::clone(&as_dyn), &root, clock.clone(), MailMode::None).expect("opens");
    fill(&*as_dyn, clock.now().plus_secs(-1_300));
    service.close();
    drop((service, as_dyn, store));
    let (status, answer) = verify(&data);
    assert_eq!((status, &answer["result"]), (0, &"intact".into()), "{answer}");

    let n = 7_654;
    let store = open();
    let log = Log::of(&store);
    let (good, next) = (log.read(n), log.read(n + 1));
    drop((log, store));
    let mut changed = good.clone();
    changed[9] ^= 4;
    let faults: [(&str, Option<&[u8]>); 3] =
        [("changed", Some(&changed)), ("missing", None), ("out_of_place", Some(&next))];
    for (word, value) in faults {
        let store = open();
        Log::of(&store).store.raw_put("audit", &key(n), value).expect("put");
        drop(store);
        let (status, answer) = verify(&data);
        assert_eq!((status, &answer["result"], &answer["n"]), (1, &word.into(), &n.into()), "{answer}");
    }
    let store = open();
    store.raw_put("audit", &key(n), Some(&good)).expect("put");
    drop(store);
    assert_eq!(verify(&data).0, 0);
}

/// The key of a record of the first chain.
fn key(n: u64) -> Vec<u8> {
    [&1_u32.to_be_bytes()[..], &n.to_be_bytes()].concat()
}
