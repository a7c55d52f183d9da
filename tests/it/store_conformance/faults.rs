//! What disks, other processes and intruders do to a store.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mintmark::model::Subject;
use mintmark::model::TokenId;
use mintmark::store::audit::{AuditFault, AuditVerdict, verify};
use mintmark::store::{Change, RedbStore, Store, StoreError};
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use super::{apply, entry, meta, prepare, read, seal, user};

/// A disk that can be full or broken.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    pages: Arc<InMemoryBackend>,
    room: Arc<AtomicU64>,
    pub(super) is_broken: Arc<AtomicBool>,
}

impl Disk {
    pub(super) fn new(room: u64) -> Self {
        Self {
            pages: Arc::new(InMemoryBackend::new()),
            room: Arc::new(AtomicU64::new(room)),
            is_broken: Arc::default(),
        }
    }

    fn check(&self, end: u64) -> std::io::Result<()> {
        if self.is_broken.load(Ordering::SeqCst) {
            return Err(std::io::Error::other("input/output error"));
        }
        if end > self.room.load(Ordering::SeqCst) && end > self.pages.len()? {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> std::io::Result<u64> {
        self.pages.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.pages.read(offset, out)
    }
    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.check(len)?;
        self.pages.set_len(len)
    }
    fn sync_data(&self) -> std::io::Result<()> {
        self.check(0)
    }
    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.check(offset + data.len() as u64)?;
        self.pages.write(offset, data)
    }
}

/// Writes users until the store refuses; gives the refusal and the number of users written.
fn fill(store: &Arc<dyn Store>) -> (StoreError, u64) {
    for n in 1..100_000 {
        if let Err(error) = apply(store, vec![Change::PutUser(user(n, &format!("user{n}")))]) {
            return (error, n - 1);
        }
    }
    panic!("the disk never filled up");
}

/// Tries again until the store has recovered.
pub(super) fn retry(store: &Arc<dyn Store>, change: &Change) {
    for _ in 0..2_000_000 {
        match apply(store, vec![change.clone()]) {
            Ok(()) => return,
            Err(StoreError::Full | StoreError::Unavailable | StoreError::Engine(_)) => {
                std::thread::yield_now();
            }
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the store does not recover");
}

#[test]
fn a_full_disk_is_told_and_recovered_from() {
    let disk = Disk::new(4 << 20);
    let store = prepare(Arc::new(RedbStore::with_backend(disk.clone()).expect("a store")));
    let (error, written) = fill(&store);
    assert!(matches!(error, StoreError::Full), "{error:?}");
    assert!(written > 100);
    // Reading goes on, writing is refused with the reason.
    assert_eq!(read(&store, |view| view.next_user()).0, written + 1);
    let refused = apply(&store, vec![Change::PutUser(user(written + 1, "late"))]);
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    disk.room.store(u64::MAX, Ordering::SeqCst);
    retry(&store, &Change::PutUser(user(written + 1, "late")));
    for n in 1..=written {
        assert!(
            read(&store, |view| view.user(mintmark::model::UserId(n))).is_some(),
            "user {n} was acknowledged"
        );
    }
}

#[test]
fn a_broken_disk_is_reopened_when_it_works_again() {
    let disk = Disk::new(u64::MAX);
    let store = prepare(Arc::new(RedbStore::with_backend(disk.clone()).expect("a store")));
    apply(&store, vec![Change::PutUser(user(1, "anna"))]).expect("written");
    disk.is_broken.store(true, Ordering::SeqCst);
    let failed = apply(&store, vec![Change::PutUser(user(2, "ben"))]);
    assert!(matches!(failed, Err(StoreError::Engine(_))), "{failed:?}");
    let failed = apply(&store, vec![Change::PutUser(user(2, "ben"))]);
    assert!(matches!(failed, Err(StoreError::Unavailable | StoreError::Engine(_))), "{failed:?}");
    disk.is_broken.store(false, Ordering::SeqCst);
    retry(&store, &Change::PutUser(user(3, "carl")));
    read(&store, |view| {
        assert!(view.user_by_login("anna")?.is_some() && view.user_by_login("carl")?.is_some());
        Ok(())
    });
}

/// A store with users and a log, and its directory.
fn on_disk() -> (tempfile::TempDir, Arc<dyn Store>) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = prepare(Arc::new(RedbStore::create(dir.path()).expect("a store")));
    for n in 1..=50u64 {
        let about = vec![Subject::Token(TokenId(n))];
        let changes = vec![
            Change::PutUser(user(n, &format!("user{n}"))),
            Change::Append(entry(n.cast_signed() * 60, about)),
        ];
        apply(&store, changes).expect("written");
    }
    (dir, store)
}

fn copy(from: &Path, to: &Path, names: &[&str]) {
    for name in names {
        std::fs::copy(from.join(name), to.join(name)).expect("copied");
    }
}

fn open(dir: &Path) -> Result<Arc<dyn Store>, StoreError> {
    let store: Arc<dyn Store> = Arc::new(RedbStore::open(dir)?);
    store.set_audit_seal(seal());
    Ok(store)
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let (dir, store) = on_disk();
    let other = tempfile::tempdir().expect("a directory");
    copy(dir.path(), other.path(), &["store.redb", "store.marker", "audit-anchors"]);
    drop(store);
    let store = open(other.path()).expect("repaired");
    assert_eq!(read(&store, |view| view.next_user()).0, 51);
    let anchors = store.audit_anchors().expect("anchors");
    assert_eq!(anchors.len(), 4, "one at the start and one each 15 minutes");
    let verdict = read(&store, |view| verify(view, &seal(), &anchors));
    assert_eq!(verdict, AuditVerdict::Intact { chains: 1, records: 50 });
}

#[test]
fn a_store_has_one_process_and_one_owner() {
    let (dir, store) = on_disk();
    assert!(matches!(RedbStore::open(dir.path()), Err(StoreError::Locked)));
    assert!(matches!(RedbStore::create(dir.path()), Err(StoreError::Exists | StoreError::Damaged(_))));
    let mode = std::fs::metadata(dir.path().join("store.redb")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    store.close();
    assert!(matches!(apply(&store, vec![Change::BumpGeneration]), Err(StoreError::Unavailable)));
    let again = open(dir.path()).expect("free again");
    assert_eq!(read(&again, |view| view.next_user()).0, 51);
    let empty = tempfile::tempdir().expect("a directory");
    assert!(matches!(RedbStore::open(empty.path()), Err(StoreError::Missing)));
}

#[test]
fn a_damaged_file_is_told_not_opened() {
    let (dir, store) = on_disk();
    drop(store);
    let path = dir.path().join("store.redb");
    let good = std::fs::read(&path).expect("readable");
    let half = good[..good.len() / 2].to_vec();
    let mut no_header = good.clone();
    no_header[..512].fill(0xa5);
    let noise = b"not a store at all".repeat(1000);
    for bad in [half, no_header, noise, Vec::new()] {
        std::fs::write(&path, &bad).expect("written");
        let opened = RedbStore::open(dir.path());
        assert!(matches!(opened, Err(StoreError::Damaged(_))), "{} bytes: {opened:?}", bad.len());
    }
}

#[test]
fn an_emptied_store_does_not_start() {
    let (dir, store) = on_disk();
    drop(store);
    let empty = tempfile::tempdir().expect("a directory");
    drop(RedbStore::create(empty.path()).expect("an empty store"));
    copy(empty.path(), dir.path(), &["store.redb"]);
    assert!(matches!(RedbStore::open(dir.path()), Err(StoreError::Damaged(_))));
    std::fs::remove_file(dir.path().join("store.redb")).expect("removed");
    assert!(matches!(RedbStore::open(dir.path()), Err(StoreError::Damaged(_))));
    assert!(matches!(RedbStore::create(dir.path()), Err(StoreError::Damaged(_))));
    // An empty store of its own is fine.
    open(empty.path()).expect("nothing is lost there");
}

#[test]
fn changed_anchors_are_told() {
    let (dir, store) = on_disk();
    let path = dir.path().join("audit-anchors");
    let good = std::fs::read_to_string(&path).expect("text");
    let changed = good.replacen("anchor 1 1 ", "anchor 1 2 ", 1);
    std::fs::write(&path, changed).expect("written");
    match store.audit_anchors() {
        Err(StoreError::Damaged(text)) => assert!(text.contains("line 1"), "{text}"),
        other => panic!("{other:?}"),
    }
    // A line that was cut off by a crash does not count.
    std::fs::write(&path, format!("{good}anchor 1 9")).expect("written");
    assert_eq!(store.audit_anchors().expect("read").len(), 4);
}

#[test]
fn a_damaged_record_spoils_no_other_history() {
    let store = Arc::new(RedbStore::in_memory().expect("a store"));
    let as_dyn: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
    as_dyn.set_audit_seal(seal());
    apply(&as_dyn, vec![Change::PutMeta(meta())]).expect("described");
    let about = |token| Subject::Token(TokenId(token));
    for n in 0..6 {
        apply(&as_dyn, vec![Change::Append(entry(n, vec![about(n.cast_unsigned() % 2)]))]).expect("appended");
    }
    let third = store.raw_keys("audit").expect("keys").remove(2);
    store.raw_put("audit", &third, Some(&[255; 50])).expect("put");
    let history = |token| {
        let filter = mintmark::store::AuditFilter { subject: Some(about(token)) };
        let found = read(&as_dyn, |view| view.audit(filter, mintmark::store::Page::first(10)));
        found.items.iter().map(|record| record.n).collect::<Vec<_>>()
    };
    assert_eq!((history(0), history(1)), (vec![5, 1], vec![6, 4, 2]));
}

#[test]
fn every_tampered_record_is_found_by_its_place() {
    const RECORDS: u64 = 12;
    let store = Arc::new(RedbStore::in_memory().expect("a store"));
    let as_dyn: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
    as_dyn.set_audit_seal(seal());
    apply(&as_dyn, vec![Change::PutMeta(meta())]).expect("described");
    for n in 0..RECORDS {
        apply(&as_dyn, vec![Change::Append(entry(n.cast_signed(), vec![]))]).expect("appended");
    }
    let keys = store.raw_keys("audit").expect("keys");
    let key = |n: u64| keys[usize::try_from(n - 1).expect("small")].as_slice();
    let good: Vec<Vec<u8>> =
        keys.iter().map(|k| store.raw_get("audit", k).expect("readable").expect("there")).collect();
    let good = |n: u64| good[usize::try_from(n - 1).expect("small")].as_slice();
    let put = |n: u64, value: Option<&[u8]>| store.raw_put("audit", key(n), value).expect("put");
    let verdict = || read(&as_dyn, |view| verify(view, &seal(), &[]));
    let intact = AuditVerdict::Intact { chains: 1, records: RECORDS };
    assert_eq!(verdict(), intact);

    let mut number = 0x1234_5678_u64;
    let mut random = |end: u64| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 33) % end
    };
    for round in 0..10_000 {
        let n = 1 + random(RECORDS);
        let (first, expected) = match round % 4 {
            0 | 1 => {
                let mut bytes = good(n).to_vec();
                let at = usize::try_from(random(bytes.len() as u64)).expect("small");
                bytes[at] ^= 1 << random(8);
                put(n, Some(&bytes));
                (n, AuditFault::Changed)
            }
            2 => {
                put(n, None);
                (n, if n == RECORDS { AuditFault::Truncated } else { AuditFault::Missing })
            }
            _ => {
                let other = 1 + (n + random(RECORDS - 1)) % RECORDS;
                put(n, Some(good(other)));
                put(other, Some(good(n)));
                put(other, Some(good(n)));
                (n.min(other), AuditFault::OutOfPlace)
            }
        };
        let found = verdict();
        assert_eq!(found, AuditVerdict::Broken { chain: 1, n: first, fault: expected }, "round {round}");
        for n in 1..=RECORDS {
            if store.raw_get("audit", key(n)).expect("readable").as_deref() != Some(good(n)) {
                put(n, Some(good(n)));
            }
        }
    }
    assert_eq!(verdict(), intact);

    // The head itself: gone, or of an earlier state.
    let head_key = store.raw_keys("audit_heads").expect("keys").remove(0);
    store.raw_put("audit_heads", &head_key, None).expect("put");
    let fault = AuditFault::Truncated;
    assert_eq!(verdict(), AuditVerdict::Broken { chain: 1, n: RECORDS + 1, fault });
}

#[test]
fn index_entries_set_aside_are_folded_or_dropped() {
    use mintmark::model::BatchState;

    use super::{batch, seed, spread, token};

    let store = Arc::new(RedbStore::in_memory().expect("a store"));
    let as_dyn: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
    for n in 1..=2 {
        apply(&as_dyn, vec![Change::PutBatch(batch(n, BatchState::Staged))]).expect("staged");
    }
    for n in 1..=60u64 {
        let ids = n * 100..(n + 1) * 100;
        let rows = ids.flat_map(|id| {
            let token = token(id, 1 + n % 2, &format!("{id:06}"));
            [Change::PutToken(token), Change::PutSeed(seed(id, 1, None, spread(id)))]
        });
        apply(&as_dyn, rows.collect()).expect("a chunk");
    }
    assert_eq!(store.raw_keys("runs").expect("keys").len(), 60);
    assert!(store.raw_keys("fingerprints").expect("keys").is_empty());
    apply(&as_dyn, vec![Change::PutBatch(batch(1, BatchState::Live))]).expect("live");
    let wait = |left: usize| {
        for _ in 0..1_000_000 {
            if store.raw_keys("runs").expect("keys").len() == left {
                return;
            }
            std::thread::yield_now();
        }
        panic!("never folded");
    };
    wait(30);
    assert_eq!(store.raw_keys("run_entries").expect("keys").len(), 30 * 200);
    for table in ["fingerprints", "serials_reversed"] {
        assert_eq!(store.raw_keys(table).expect("keys").len(), 30 * 100, "{table}");
    }
    apply(&as_dyn, vec![Change::PurgeBatch(super::BatchId(2))]).expect("purged");
    wait(0);
    assert!(store.raw_keys("run_entries").expect("keys").is_empty());
    assert_eq!(store.raw_keys("fingerprints").expect("keys").len(), 30 * 100);
}
