//! The newest state of a token is found wherever it lies: in the log, or moved from there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mintmark::model::{SeedVersion, TokenId, TokenState};
use mintmark::oath::MovingFactor;
use mintmark::store::{Change, Changes, RedbStore, Store, StoreError, View};

use super::faults::Disk;
use super::{Make, apply, batch, in_memory, prepare, print, read, seed, token, user};
use mintmark::model::BatchState;

const TOKENS: u64 = 40;

fn furnish(store: &Arc<dyn Store>) {
    let mut changes = vec![Change::PutBatch(batch(1, BatchState::Live))];
    for n in 1..=TOKENS {
        changes.push(Change::PutToken(token(n, 1, &format!("S{n}"))));
        changes.push(Change::PutSeed(seed(n, 1, None, print(u8::try_from(n).expect("small")))));
    }
    apply(store, changes).expect("furnished");
}

/// The state of a token whose codes count from `floor`.
fn moved_to(token: u64, floor: u64) -> Change {
    Change::PutState(TokenId(token), SeedVersion::FIRST, TokenState::fresh(MovingFactor(floor)))
}

fn floors(view: &dyn View) -> Result<Vec<u64>, StoreError> {
    (1..=TOKENS)
        .map(|n| {
            let row = view.seed(TokenId(n))?.expect("furnished");
            Ok(view.state(&row)?.floor.0)
        })
        .collect()
}

/// Moves the floors of these tokens in one decision.
fn raise(store: &Arc<dyn Store>, tokens: impl IntoIterator<Item = u64>, floor: u64) {
    apply(store, tokens.into_iter().map(|n| moved_to(n, floor)).collect()).expect("written");
}

fn waiting(engine: &RedbStore) -> usize {
    engine.raw_keys("state_log").expect("a table").len()
}

pub(super) fn floors_are_read_as_written(make: Make) {
    let store = make();
    furnish(&store);
    let mut told = vec![0; usize::try_from(TOKENS).expect("small")];
    for round in 1..=400_u64 {
        let some: Vec<u64> = (1..=TOKENS).filter(|n| (n * 7 + round) % 5 < 3).collect();
        for n in &some {
            told[usize::try_from(*n - 1).expect("small")] = round;
        }
        raise(&store, some, round);
        assert_eq!(read(&store, floors), told, "round {round}");
    }
    // A floor never falls, wherever the higher one lies.
    raise(&store, 1..=TOKENS, 1);
    assert_eq!(read(&store, floors), told);
}

#[test]
fn an_old_snapshot_keeps_its_states_while_newer_ones_move() {
    let engine = Arc::new(RedbStore::in_memory().expect("a store"));
    let store = prepare(Arc::clone(&engine) as Arc<dyn Store>);
    furnish(&store);
    // Some have moved into the table, some wait, some were never used.
    for floor in 1..=40 {
        raise(&store, 1..=30, floor);
    }
    while waiting(&engine) > 1_023 {
        std::thread::yield_now();
    }
    raise(&store, 10..=20, 100);
    read(&store, |view| {
        let before = floors(view)?;
        assert_eq!((before[0], before[9], before[39]), (40, 100, 0));
        // Newer states come, wait and move, while this snapshot is looked at.
        for floor in 101..=500 {
            raise(&store, 5..=TOKENS, floor);
            if floor % 40 == 0 {
                assert_eq!(floors(view)?, before, "at {floor}");
            }
        }
        while waiting(&engine) > 1_023 {
            std::thread::yield_now();
        }
        assert_eq!(floors(view)?, before);
        Ok(())
    });
    let after = read(&store, floors);
    assert_eq!((after[0], after[4], after[39]), (40, 500, 500));
}

#[test]
fn every_snapshot_has_what_was_acknowledged_before_it() {
    let store = in_memory();
    furnish(&store);
    let (acknowledged, over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::SeqCst) {
                    let least = acknowledged.load(Ordering::SeqCst);
                    let seen = read(&store, floors);
                    assert!(seen.iter().all(|floor| *floor >= least), "{least}: {seen:?}");
                    assert!(seen.iter().all(|floor| *floor == seen[0]), "all move together: {seen:?}");
                }
            });
        }
        for floor in 1..=1_500 {
            raise(&store, 1..=TOKENS, floor);
            acknowledged.store(floor, Ordering::SeqCst);
        }
        over.store(true, Ordering::SeqCst);
    });
}

#[test]
fn a_state_that_was_taken_back_was_never_there() {
    let store = in_memory();
    furnish(&store);
    apply(&store, vec![Change::PutUser(user(1, "anna"))]).expect("written");
    raise(&store, [1], 5);
    // The login is taken, after the states were written.
    let refused: Changes = vec![moved_to(1, 9), moved_to(2, 9), Change::PutUser(user(2, "anna"))];
    assert!(matches!(apply(&store, refused), Err(StoreError::Taken("login"))));
    assert_eq!(read(&store, floors)[..3], [5, 0, 0]);
    raise(&store, [3], 7);
    assert_eq!(read(&store, floors)[..3], [5, 0, 7]);
    // A token that is buried takes its floor with it, from wherever it lies.
    apply(&store, vec![Change::PurgeToken(TokenId(3)), Change::PurgeSeed(TokenId(4), SeedVersion::FIRST)])
        .expect("purged");
    apply(&store, vec![Change::PutSeed(seed(4, 1, None, print(4)))]).expect("written");
    assert!(read(&store, |view| view.seed(TokenId(3))).is_none());
    let row = read(&store, |view| view.seed(TokenId(4))).expect("written again");
    assert_eq!(read(&store, |view| view.state(&row)).floor.0, 0);
}

#[test]
fn a_broken_disk_leaves_the_states_before() {
    let disk = Disk::new(u64::MAX);
    let store = prepare(Arc::new(RedbStore::with_backend(disk.clone()).expect("a store")));
    furnish(&store);
    raise(&store, 1..=TOKENS, 3);
    disk.is_broken.store(true, Ordering::SeqCst);
    for floor in 4..8 {
        apply(&store, vec![moved_to(1, floor), moved_to(2, floor)]).expect_err("the disk is broken");
    }
    disk.is_broken.store(false, Ordering::SeqCst);
    super::faults::retry(&store, &moved_to(40, 9));
    let seen = read(&store, floors);
    // Whether the first write of a broken disk came through is not told; nothing older comes back.
    assert!(seen[0] == seen[1] && (3..=4).contains(&seen[0]), "{seen:?}");
    assert_eq!((seen[2], seen[39]), (3, 9));
    raise(&store, [1], 20);
    assert_eq!(read(&store, floors)[..2], [20, seen[1]]);
}

#[test]
fn states_survive_a_kill_and_a_restart() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = prepare(Arc::new(RedbStore::create(dir.path()).expect("a store")));
    furnish(&store);
    for floor in 1..=20 {
        raise(&store, 1..=TOKENS, floor);
    }
    raise(&store, 1..=10, 77);
    let told = read(&store, floors);
    // Fewer wait than are worth moving, so nothing is being written now.
    let other = tempfile::tempdir().expect("a directory");
    for name in ["store.redb", "store.marker"] {
        std::fs::copy(dir.path().join(name), other.path().join(name)).expect("copied");
    }
    drop(store);
    for dir in [other.path(), dir.path()] {
        let store: Arc<dyn Store> = Arc::new(RedbStore::open(dir).expect("opened"));
        assert_eq!(read(&store, floors), told);
        // What waits at the start moves as any other.
        for floor in 100..=160 {
            raise(&store, 1..=TOKENS, floor);
        }
        assert_eq!(read(&store, floors), [160; 40]);
    }
}

#[test]
fn a_damaged_state_is_told_and_stops_no_other_write() {
    let engine = Arc::new(RedbStore::in_memory().expect("a store"));
    let store = prepare(Arc::clone(&engine) as Arc<dyn Store>);
    furnish(&store);
    raise(&store, [1, 2], 5);
    let first = engine.raw_keys("state_log").expect("a table").remove(0);
    engine.raw_put("state_log", &first, Some(&[1, 2, 3])).expect("put");
    let row = read(&store, |view| view.seed(TokenId(1))).expect("furnished");
    let told = store.read(|view| view.state(&row));
    assert!(matches!(told, Err(StoreError::Record { table: "state_log" })), "{told:?}");
    for floor in 6..=80 {
        raise(&store, 2..=TOKENS, floor);
    }
    let row = read(&store, |view| view.seed(TokenId(2))).expect("furnished");
    assert_eq!(read(&store, |view| view.state(&row)).floor.0, 80);
}
