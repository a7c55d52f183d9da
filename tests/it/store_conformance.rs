//! The laws of a store, checked against every engine.

use std::sync::Arc;

use mintmark::clock::UnixTime;
use mintmark::model::*;
use mintmark::oath::{Digits, HashAlg, MovingFactor};
use mintmark::store::*;

type Make = fn() -> Arc<dyn Store>;

const AT: UnixTime = UnixTime::from_secs(1_767_225_600);

fn in_memory() -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("a store in memory"));
    prepare(store)
}

/// A store on disk whose directory goes with the process's temporary files.
fn on_disk() -> Arc<dyn Store> {
    let dir = tempfile::tempdir().expect("a directory").keep();
    let store: Arc<dyn Store> = Arc::new(RedbStore::create(&dir).expect("a store on disk"));
    prepare(store)
}

fn prepare(store: Arc<dyn Store>) -> Arc<dyn Store> {
    store.set_audit_seal(seal());
    apply(&store, vec![Change::PutMeta(meta())]).expect("described");
    store
}

fn meta() -> StoreMeta {
    StoreMeta { store_id: [7; 16], created_at: AT, demo: false, simulated: false, epoch: 0, node: 1 }
}

/// Not a real MAC, but one that changes with each byte.
fn seal() -> AuditSeal {
    Arc::new(|bytes: &[u8]| {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let mut mac = [0; 32];
        for (n, part) in mac.chunks_mut(8).enumerate() {
            let mut hasher = DefaultHasher::new();
            (n, bytes).hash(&mut hasher);
            part.copy_from_slice(&hasher.finish().to_be_bytes());
        }
        mac
    })
}

fn apply(store: &Arc<dyn Store>, changes: Changes) -> Result<(), StoreError> {
    store.write(move |_| Ok::<_, StoreError>(((), changes.clone())))
}

fn read<T>(store: &Arc<dyn Store>, look: impl FnOnce(&dyn View) -> Result<T, StoreError>) -> T {
    store.read(look).expect("readable")
}

fn batch(id: u64, state: BatchState) -> Batch {
    Batch {
        id: BatchId(id),
        name: BatchName::parse(&format!("Batch {id}")).expect("a name"),
        state,
        import: None,
        tokens: 0,
        touched: false,
        provenance: String::new(),
        created_at: AT,
    }
}

fn token(id: u64, batch: u64, serial: &str) -> Token {
    Token {
        id: TokenId(id),
        serial: TokenSerial::parse(serial).expect("a serial"),
        batch: BatchId(batch),
        origin: TokenOrigin::SeedFile,
        disabled: None,
        custody: Custody::InStock,
        holder: None,
        follows_batch: true,
        pin: None,
        manufacturer: "Maker".into(),
        model: "M1".into(),
        note: String::new(),
        valid_from: None,
        valid_until: None,
        created_at: AT,
    }
}

fn print(n: u8) -> Fingerprint {
    Fingerprint([n; 16])
}

fn seed(token: u64, version: u32, import: Option<u64>, fingerprint: Fingerprint) -> SeedRow {
    SeedRow {
        token: TokenId(token),
        version: SeedVersion(version),
        import: import.map(ImportId),
        spec: OtpSpec::Hotp { hash: HashAlg::Sha1, digits: Digits::SIX },
        sealed: SealedSeed { data_key: DataKeyId(1), nonce: [1; 12], ciphertext: vec![2; 36] },
        fingerprint,
        initial: TokenState::fresh(MovingFactor(0)),
    }
}

fn entry(n: i64, subjects: Vec<Subject>) -> AuditEntry {
    AuditEntry {
        at: AT.plus_secs(n),
        actor: Actor::SYSTEM,
        action: AuditAction::TokenChanged,
        subjects,
        result: AuditResult::Done,
        detail: vec![("n".into(), n.to_string())],
    }
}

/// Two live batches with two tokens each.
fn furnished(make: Make) -> Arc<dyn Store> {
    let store = make();
    apply(
        &store,
        vec![
            Change::PutBatch(batch(1, BatchState::Live)),
            Change::PutBatch(batch(2, BatchState::Live)),
            Change::PutToken(token(1, 1, "100")),
            Change::PutSeed(seed(1, 1, None, print(1))),
            Change::PutToken(token(2, 1, "101")),
            Change::PutSeed(seed(2, 1, None, print(2))),
            Change::PutToken(token(3, 2, "200")),
            Change::PutSeed(seed(3, 1, None, print(3))),
            Change::PutToken(token(4, 2, "201")),
            Change::PutSeed(seed(4, 1, None, print(4))),
        ],
    )
    .expect("furnished");
    store
}

fn a_write_is_seen_by_the_next_read(make: Make) {
    let store = furnished(make);
    let token = read(&store, |view| view.token_by_serial("101"));
    assert_eq!(token.map(|t| t.id), Some(TokenId(2)));
    assert_eq!(read(&store, |view| view.next_token()), TokenId(5));
    assert_eq!(read(&store, |view| view.next_batch()), BatchId(3));
}

fn a_refusal_changes_nothing(make: Make) {
    let store = furnished(make);
    let refused: Result<(), StoreError> =
        store.write(|_| Err::<((), Changes), _>(StoreError::Taken("anything")));
    assert!(matches!(refused, Err(StoreError::Taken("anything"))));
    // A rule of the store refuses the last change; the first ones are taken back.
    let taken = apply(
        &store,
        vec![
            Change::PutBatch(batch(9, BatchState::Live)),
            Change::PutToken(token(9, 9, "900")),
            Change::BumpGeneration,
            Change::PutToken(token(10, 9, "1-00")),
        ],
    );
    assert!(matches!(taken, Err(StoreError::Taken("serial number"))), "{taken:?}");
    assert_eq!(read(&store, |view| view.token_by_serial("900")), None);
    assert_eq!(read(&store, |view| view.batch_any(BatchId(9))), None);
    assert_eq!(read(&store, |view| view.generation()), 0);
    assert_eq!(read(&store, |view| view.next_token()), TokenId(5));
}

fn a_panic_harms_nobody_else(make: Make) {
    let store = furnished(make);
    let threads: Vec<_> = (0..16u64)
        .map(|n| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                let done: Result<(), StoreError> = store.write(move |_| {
                    assert!(n % 4 != 0, "planted");
                    let user = user(n + 1, &format!("user{n}"));
                    Ok(((), vec![Change::PutUser(user)]))
                });
                (n, done)
            })
        })
        .collect();
    for thread in threads {
        let (n, done) = thread.join().expect("the panic stays inside");
        if n % 4 == 0 {
            assert!(matches!(done, Err(StoreError::Panicked)), "{done:?}");
        } else {
            done.expect("written");
            assert!(read(&store, |view| view.user(UserId(n + 1))).is_some());
        }
    }
}

fn user(id: u64, login: &str) -> User {
    User {
        id: UserId(id),
        login: Login::parse(login).expect("a login"),
        old_logins: vec![],
        email: None,
        phone: None,
        first_name: "Anna".into(),
        last_name: "Berg".into(),
        password: None,
        created_at: AT,
    }
}

fn no_increment_is_lost(make: Make) {
    let store = furnished(make);
    let threads: Vec<_> = (0..64)
        .map(|_| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                for _ in 0..20 {
                    let written: Result<(), StoreError> = store.write(|view| {
                        let seed = view.seed(TokenId(1))?.expect("it has one");
                        let mut state = view.state(&seed)?;
                        state.floor = state.floor.next();
                        Ok(((), vec![Change::PutState(seed.token, seed.version, state)]))
                    });
                    written.expect("written");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    let floor = read(&store, |view| {
        let seed = view.seed(TokenId(1))?.expect("it has one");
        Ok(view.state(&seed)?.floor)
    });
    assert_eq!(floor, MovingFactor(64 * 20));
}

macro_rules! laws {
    ($($law:ident),* $(,)?) => {
        mod memory { $(#[test] fn $law() { super::$law(super::in_memory); })* }
        mod disk { $(#[test] fn $law() { super::$law(super::on_disk); })* }
    };
}

laws! {
    a_write_is_seen_by_the_next_read,
    a_refusal_changes_nothing,
    a_panic_harms_nobody_else,
    no_increment_is_lost,
}
