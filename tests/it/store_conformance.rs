//! The laws of a store, checked against every engine.

mod faults;
mod lists;
mod runs;
mod states;

use std::sync::Arc;

use mintmark::clock::UnixTime;
use mintmark::model::*;
use mintmark::oath::{Digits, HashAlg, MovingFactor};
use mintmark::store::*;

use runs::runs_are_found_with_what_is_unsettled;

type Make = fn() -> Arc<dyn Store>;

const AT: UnixTime = UnixTime::from_secs(1_767_225_600);

fn in_memory() -> Arc<dyn Store> {
    let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("a store in memory"));
    prepare(store)
}

/// A store on disk together with its directory.
struct OnDisk {
    store: RedbStore,
    _dir: tempfile::TempDir,
}

impl Store for OnDisk {
    fn read_dyn(&self, look: &mut dyn FnMut(&dyn View)) -> Result<(), StoreError> {
        self.store.read_dyn(look)
    }
    fn write_dyn(&self, decide: Decide) -> Result<(), StoreError> {
        self.store.write_dyn(decide)
    }
    fn set_audit_seal(&self, seal: AuditSeal) {
        self.store.set_audit_seal(seal);
    }
    fn audit_anchors(&self) -> Result<Vec<AuditHead>, StoreError> {
        self.store.audit_anchors()
    }
    fn close(&self) {
        self.store.close();
    }
}

fn on_disk() -> Arc<dyn Store> {
    let dir = tempfile::tempdir().expect("a directory");
    let store = RedbStore::create(dir.path()).expect("a store on disk");
    prepare(Arc::new(OnDisk { store, _dir: dir }))
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
        name: String::new(),
        creator: None,
        replaces: None,
        replaced_by: None,
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

fn a_refused_decision_leaves_nothing_in_its_group(make: Make) {
    let store = furnished(make);
    let threads: Vec<_> = (0..8u64)
        .map(|thread| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                for n in (0..40).map(|n| 1 + thread * 40 + n) {
                    let mut changes = vec![Change::PutUser(user(n, &format!("user{n}")))];
                    if n % 2 == 0 {
                        // A token moves, and then a rule of the store is broken.
                        changes.push(Change::PutToken(token(1, 2, "999")));
                        changes.push(Change::PutToken(token(n + 100, 1, "101")));
                    }
                    assert_eq!(apply(&store, changes).is_err(), n % 2 == 0);
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("no panic");
    }
    read(&store, |view| {
        for n in 1..=320 {
            assert_eq!(view.user(UserId(n))?.is_some(), n % 2 == 1, "{n}");
            assert_eq!(view.user_by_login(&format!("user{n}"))?.is_some(), n % 2 == 1, "{n}");
        }
        assert_eq!(view.token_by_serial("100")?.map(|t| t.batch), Some(BatchId(1)));
        assert_eq!(view.token_by_serial("999")?, None);
        assert_eq!(view.token_ids_in(BatchId(2), Page::first(10))?.items, [TokenId(3), TokenId(4)]);
        Ok(())
    });
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
        language: None,
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

fn batch_of_import(id: u64, import: u64, state: BatchState) -> Batch {
    Batch { import: Some(ImportId(import)), ..batch(id, state) }
}

fn import(id: u64, batch: u64, state: ImportState) -> Import {
    Import {
        id: ImportId(id),
        state,
        format: "csv".into(),
        envelope: "none".into(),
        file_name: "seeds.csv".into(),
        batch: BatchId(batch),
        batch_name: BatchName::parse("Import").expect("a name"),
        job: JobId(id),
        counts: ImportCounts::default(),
        contents: vec![],
        replace: false,
        only_good: false,
        allowed: vec![],
        notes: vec![],
        generation: 0,
        actor: Actor::SYSTEM,
        created_at: AT,
        changed_at: AT,
    }
}

fn staged_rows_show_only_after_the_commit(make: Make) {
    let store = furnished(make);
    apply(
        &store,
        vec![
            Change::PutImport(import(1, 5, ImportState::Parsing)),
            Change::PutBatch(batch_of_import(5, 1, BatchState::Staged)),
            // The same serial as a live token and twice in itself: allowed while nothing shows.
            Change::PutToken(token(10, 5, "100")),
            Change::PutToken(token(11, 5, "500")),
            Change::PutToken(token(12, 5, "500")),
            Change::PutSeed(seed(11, 1, Some(1), print(9))),
            // Another secret for a token of another batch.
            Change::PutSeed(seed(1, 2, Some(1), print(8))),
            Change::AddImportLines(ImportId(1), vec![line(3), line(5)]),
            Change::AddImportLines(ImportId(1), vec![line(8)]),
        ],
    )
    .expect("staged");
    read(&store, |view| {
        assert_eq!(view.token_by_serial("500")?, None);
        assert_eq!(view.token(TokenId(11))?, None);
        assert_eq!(view.token_by_serial("100")?.map(|t| t.id), Some(TokenId(1)));
        assert_eq!(view.batch(BatchId(5))?, None);
        assert!(view.batch_any(BatchId(5))?.is_some());
        assert_eq!(view.tokens(&TokenFilter::ALL, Page::first(100))?.items.len(), 4);
        assert_eq!(view.seed(TokenId(1))?.map(|s| s.version), Some(SeedVersion(1)));
        assert_eq!(view.newest_seed_version(TokenId(1))?, Some(SeedVersion(2)));
        assert!(view.seeds_with(print(8))?.is_empty() && view.states_with(print(8))?.is_empty());
        assert_eq!(view.seeds_with(print(1))?.len(), 1);
        let staged = view.token_ids_in(BatchId(5), Page { after: Some(10), limit: 1 })?;
        assert_eq!((staged.items, staged.next), (vec![TokenId(11)], Some(11)));
        let replaced = view.replaced_by(ImportId(1), Page::first(10))?;
        assert_eq!((replaced.items, replaced.next), (vec![(TokenId(1), SeedVersion(2))], None));
        let lines = view.import_lines(ImportId(1), Page::first(2))?;
        assert_eq!(
            (lines.items.iter().map(|l| l.line).collect::<Vec<_>>(), lines.next),
            (vec![3, 5], Some(2))
        );
        let rest = view.import_lines(ImportId(1), Page { after: Some(2), limit: 2 })?;
        assert_eq!((rest.items.len(), rest.next), (1, None));
        Ok(())
    });
    apply(
        &store,
        vec![
            Change::PurgeToken(TokenId(10)),
            Change::PurgeToken(TokenId(12)),
            Change::PutImport(import(1, 5, ImportState::Committed { at: AT })),
            Change::PutBatch(batch_of_import(5, 1, BatchState::Live)),
        ],
    )
    .expect("committed");
    read(&store, |view| {
        assert_eq!(view.token_by_serial("500")?.map(|t| t.id), Some(TokenId(11)));
        assert_eq!(view.seed(TokenId(1))?.map(|s| s.version), Some(SeedVersion(2)));
        assert!(view.seeds_with(print(1))?.is_empty(), "no longer in force");
        assert_eq!(view.states_with(print(1))?.len(), 1, "but held before");
        assert_eq!(view.seeds_with(print(8))?.len(), 1);
        Ok(())
    });
    let taken = apply(&store, vec![Change::PutToken(token(13, 5, "10 1"))]);
    assert!(matches!(taken, Err(StoreError::Taken(_))));
    // Undone again.
    apply(
        &store,
        vec![
            Change::PutImport(import(1, 5, ImportState::Dropped { at: AT })),
            Change::PutBatch(batch_of_import(5, 1, BatchState::Dropped)),
            Change::PurgeSeed(TokenId(1), SeedVersion(2)),
            Change::PurgeToken(TokenId(11)),
            Change::PurgeBatch(BatchId(5)),
            Change::PurgeImportLines(ImportId(1)),
        ],
    )
    .expect("undone");
    read(&store, |view| {
        assert_eq!(view.token_by_serial("500")?, None);
        assert_eq!(view.seed(TokenId(1))?.map(|s| s.version), Some(SeedVersion(1)));
        assert!(view.import_lines(ImportId(1), Page::first(2))?.items.is_empty());
        assert!(view.replaced_by(ImportId(1), Page::first(10))?.items.is_empty());
        Ok(())
    });
}

/// A fingerprint in random order.
fn spread(n: u64) -> Fingerprint {
    Fingerprint((u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(n)).to_be_bytes())
}

fn large_imports_are_found_from_the_first_moment(make: Make) {
    const TOKENS: u64 = 3_000;
    let store = make();
    let suffix = |text: &str| TokenFilter { serial: Some(text.into()), ..TokenFilter::ALL };
    for (batch, first) in [(1, 1), (2, TOKENS + 1)] {
        apply(&store, vec![Change::PutBatch(batch_of_import(batch, batch, BatchState::Staged))])
            .expect("staged");
        apply(&store, vec![Change::PutImport(import(batch, batch, ImportState::Parsing))]).expect("begun");
        for chunk in 0..10 {
            let from = first + chunk * TOKENS / 10;
            let rows = (from..from + TOKENS / 10).flat_map(|n| {
                let token = token(n, batch, &format!("87{:06}", n * 37 % 1_000_003));
                [Change::PutToken(token), Change::PutSeed(seed(n, 1, Some(batch), spread(n)))]
            });
            apply(&store, rows.collect()).expect("a chunk");
        }
    }
    assert!(read(&store, |view| view.seeds_with(spread(7))).is_empty());
    assert!(read(&store, |view| view.tokens(&suffix("37"), Page::first(10))).items.is_empty());
    apply(
        &store,
        vec![
            Change::PutImport(import(1, 1, ImportState::Committed { at: AT })),
            Change::PutBatch(batch_of_import(1, 1, BatchState::Live)),
        ],
    )
    .expect("committed");
    apply(&store, vec![Change::PutBatch(batch_of_import(2, 2, BatchState::Dropped))]).expect("dropped");
    // While the writer folds what was set aside, and after that, every answer is the same.
    let mut last = TOKENS;
    for round in 0..20 {
        for n in (1..=last).filter(|n| n % 20 == round) {
            let rows = read(&store, |view| view.seeds_with(spread(n)));
            assert_eq!(rows.iter().map(|r| r.token.0).collect::<Vec<_>>(), [n], "round {round}");
            assert!(read(&store, |view| view.seeds_with(spread(n + TOKENS))).is_empty());
        }
        let found = read(&store, |view| view.tokens(&suffix("37"), Page::first(1_000)));
        let expected: Vec<u64> =
            (1..=last).filter(|n| format!("{:06}", n * 37 % 1_000_003).ends_with("37")).collect();
        assert_eq!(found.items.iter().map(|t| t.id.0).collect::<Vec<_>>(), expected, "round {round}");
        // A token that is deleted meanwhile does not come back.
        apply(&store, vec![Change::PurgeToken(TokenId(last))]).expect("purged");
        assert!(read(&store, |view| view.seeds_with(spread(last))).is_empty());
        last -= 1;
    }
}

fn line(n: u64) -> ImportLine {
    ImportLine {
        line: n,
        column: 1,
        serial: String::new(),
        verdict: Verdict::Rejected,
        code: "odd_hex_digits".into(),
        detail: String::new(),
    }
}

fn floors_survive_by_fingerprint_and_never_fall(make: Make) {
    let store = furnished(make);
    let state = |floor| TokenState::fresh(MovingFactor(floor));
    apply(
        &store,
        vec![
            Change::PutState(TokenId(1), SeedVersion(1), state(50)),
            Change::PutState(TokenId(1), SeedVersion(1), state(20)),
        ],
    )
    .expect("written");
    let with = read(&store, |view| view.states_with(print(1)));
    assert_eq!(with.first().map(|(_, state)| state.floor), Some(MovingFactor(50)));

    apply(&store, vec![Change::PutSeed(seed(1, 2, None, print(77)))]).expect("a second secret");
    let tombstone = Tombstone {
        serial: TokenSerial::parse("100").expect("a serial"),
        fingerprint: print(77),
        spec: seed(1, 2, None, print(77)).spec,
        floor: MovingFactor(3),
        deleted_at: AT,
    };
    apply(&store, vec![Change::BuryToken(TokenId(1), tombstone.clone())]).expect("buried");
    read(&store, |view| {
        assert_eq!(view.token(TokenId(1))?, None);
        assert_eq!(view.token_by_serial("100")?, None);
        assert!(view.seeds_with(print(1))?.is_empty() && view.states_with(print(1))?.is_empty());
        assert_eq!(view.newest_seed_version(TokenId(1))?, None);
        assert_eq!(view.tombstones_with(print(77))?, vec![tombstone]);
        let earlier = view.tombstones_with(print(1))?;
        assert_eq!(
            earlier.first().map(|t| t.floor),
            Some(MovingFactor(50)),
            "the first secret's floor stays"
        );
        assert_eq!(view.tombstones_of("100")?.len(), 2);
        assert!(view.tombstones_with(print(2))?.is_empty());
        Ok(())
    });
    // Fingerprints that share the indexed half are told apart.
    let mut close = [2; 16];
    close[15] = 3;
    apply(&store, vec![Change::PutSeed(seed(3, 2, None, Fingerprint(close)))]).expect("written");
    assert_eq!(read(&store, |view| view.seeds_with(print(2))).len(), 1);
    assert_eq!(read(&store, |view| view.seeds_with(Fingerprint(close))).len(), 1);
}

fn resource(id: u64, name: &str, alias: Option<&str>) -> Resource {
    Resource {
        id: ResourceId(id),
        name: ResourceName::parse(name).expect("a name"),
        failure_limit: 5,
        portal: alias.map(|alias| SelfService::new(ResourceAlias::parse(alias).expect("an alias"))),
        created_at: AT,
        keypad_question: KeypadQuestion::DEFAULT,
    }
}

fn names_are_unique(make: Make) {
    let store = furnished(make);
    apply(
        &store,
        vec![
            Change::PutResource(resource(1, "VPN", Some("vpn"))),
            Change::PutResource(resource(2, "Mail", None)),
            Change::PutUser(user(1, "Anna")),
            Change::PutUser(User {
                old_logins: vec![Login::parse("bb").expect("a login")],
                ..user(2, "ben")
            }),
        ],
    )
    .expect("written");
    for (what, change) in [
        ("resource name", Change::PutResource(resource(3, "vpn", None))),
        ("alias", Change::PutResource(resource(2, "Mail", Some("vpn")))),
        ("login", Change::PutUser(user(3, "ANNA"))),
        ("login", Change::PutUser(user(3, "bb"))),
        (
            "batch name",
            Change::PutBatch(Batch { name: batch(1, BatchState::Live).name, ..batch(8, BatchState::Live) }),
        ),
    ] {
        match apply(&store, vec![change]) {
            Err(StoreError::Taken(taken)) => assert_eq!(taken, what),
            other => panic!("{what}: {other:?}"),
        }
    }
    // A staged batch may carry any name; a batch that ends gives its name back.
    let same_name = Batch { name: batch(1, BatchState::Live).name, ..batch(8, BatchState::Staged) };
    apply(&store, vec![Change::PutBatch(same_name.clone())]).expect("staged");
    apply(
        &store,
        vec![
            Change::PutBatch(batch(1, BatchState::Dropped)),
            Change::PutBatch(Batch { state: BatchState::Live, ..same_name }),
        ],
    )
    .expect("the name is free");
    assert_eq!(read(&store, |view| view.batch_by_name("batch 1")).map(|b| b.id), Some(BatchId(8)));

    apply(&store, vec![Change::PutUser(user(1, "anna.neu")), Change::DeleteUser(UserId(2))])
        .expect("renamed");
    read(&store, |view| {
        assert_eq!(view.user_by_login("anna.neu")?.map(|u| u.id), Some(UserId(1)));
        assert_eq!(view.user_by_login("anna")?, None);
        for login in ["anna", "anna.neu", "ben", "bb"] {
            assert!(view.is_login_reserved(login)?, "{login}");
        }
        assert!(!view.is_login_reserved("carl")?);
        assert_eq!(view.resource_by_alias("vpn")?.map(|r| r.id), Some(ResourceId(1)));
        assert_eq!(view.resource_by_name("vpn")?.map(|r| r.id), Some(ResourceId(1)));
        Ok(())
    });
    assert!(matches!(apply(&store, vec![Change::PutUser(user(5, "anna"))]), Err(StoreError::Taken("login"))));
    apply(&store, vec![Change::PutUser(user(5, "ben"))])
        .expect("the login of a deleted user can be given again");
    apply(&store, vec![Change::PutResource(resource(1, "VPN 2", None))]).expect("renamed");
    apply(&store, vec![Change::PutResource(resource(4, "VPN", Some("vpn")))]).expect("both are free");
    apply(&store, vec![Change::DeleteResource(ResourceId(4))]).expect("deleted");
    assert_eq!(read(&store, |view| view.resource_by_alias("vpn")), None);
}

fn sessions_end_by_owner_and_by_time(make: Make) {
    let store = make();
    let session = |kind| Session::new(kind, String::new(), AT);
    let portal = |resource, stage| SessionKind::Portal { resource: ResourceId(resource), stage };
    let full = |user| LoginStage::Full { user: UserId(user), proved_at: AT, proved_by: None };
    apply(
        &store,
        vec![
            Change::PutSession([1; 32], session(SessionKind::Operator(OperatorId(1)))),
            Change::PutSession([2; 32], session(portal(1, full(1)))),
            Change::PutSession([3; 32], session(portal(1, full(2)))),
            Change::PutSession([4; 32], session(portal(2, LoginStage::OtpOwed { user: UserId(2) }))),
        ],
    )
    .expect("written");
    let alive = |store: &Arc<dyn Store>| {
        (1..=4u8).filter(|n| read(store, |v| v.session(&[*n; 32])).is_some()).collect::<Vec<_>>()
    };
    let dead = read(&store, |v| v.dead_sessions(AT.plus_secs(10 * 60), 10));
    assert_eq!(dead, [[2; 32], [3; 32], [4; 32]]);
    assert!(read(&store, |v| v.dead_sessions(AT.plus_secs(10 * 60 - 1), 10)).is_empty());
    let seen = Session { seen_at: AT.plus_secs(60), ..session(portal(1, full(1))) };
    apply(&store, vec![Change::PutSession([2; 32], seen)]).expect("written");
    assert_eq!(read(&store, |v| v.dead_sessions(AT.plus_secs(10 * 60), 10)).len(), 2);
    apply(&store, vec![Change::EndUserSessions(UserId(2))]).expect("ended");
    assert_eq!(alive(&store), [1, 2]);
    apply(&store, vec![Change::EndPortalSessions(ResourceId(1))]).expect("ended");
    assert_eq!(alive(&store), [1]);
    apply(&store, vec![Change::EndOperatorSessions(OperatorId(1))]).expect("ended");
    assert_eq!(alive(&store), [0u8; 0]);
    assert!(read(&store, |v| v.dead_sessions(AT.plus_secs(1_000_000), 10)).is_empty());
}

fn budgets_and_mails_are_found_by_time(make: Make) {
    let store = make();
    let failed = |secs| Budget::CLEAR.failed(AT.plus_secs(secs), 5);
    let hashed = |n| BudgetKey::Hashed(BudgetKind::Password, [n; 16]);
    let owned = BudgetKey::User(BudgetKind::Password, UserId(1));
    apply(
        &store,
        vec![
            Change::PutBudget(hashed(1), failed(0)),
            Change::PutBudget(hashed(2), failed(100)),
            Change::PutBudget(owned, failed(0)),
        ],
    )
    .expect("written");
    assert_eq!(read(&store, |v| v.stale_budgets(AT.plus_secs(100), 10)), (vec![hashed(1)], 2));
    apply(&store, vec![Change::PutBudget(hashed(1), Budget::CLEAR)]).expect("cleared");
    assert_eq!(read(&store, |v| v.stale_budgets(AT.plus_secs(1000), 10)), (vec![hashed(2)], 1));
    assert_eq!(read(&store, |v| v.budget(owned)).failures, 1);
    assert_eq!(read(&store, |v| v.budget(hashed(1))), Budget::CLEAR);

    let mail = |id, state| OutboxMail {
        id: MailId(id),
        kind: MailKind::Notice,
        to: EmailAddress::parse("anna@example.org").expect("an address"),
        subject: String::new(),
        body: SealedSeed { data_key: DataKeyId(1), nonce: [0; 12], ciphertext: vec![] },
        state,
        created_at: AT,
        expires_at: AT,
    };
    let waiting = |secs| MailState::Waiting { tries: 0, next_try: AT.plus_secs(secs) };
    apply(&store, vec![Change::PutMail(mail(1, waiting(60))), Change::PutMail(mail(2, waiting(0)))])
        .expect("put");
    let due = |secs| {
        read(&store, |v| v.mails_due(AT.plus_secs(secs), 10)).iter().map(|m| m.id.0).collect::<Vec<_>>()
    };
    assert_eq!((due(-1), due(0), due(60)), (vec![], vec![2], vec![2, 1]));
    apply(&store, vec![Change::PutMail(mail(2, MailState::Sent { at: AT }))]).expect("sent");
    assert_eq!(due(60), [1]);
    apply(&store, vec![Change::DeleteMail(MailId(1))]).expect("deleted");
    assert_eq!(due(60), [0u64; 0]);
    assert_eq!(read(&store, |v| v.mails(Page::first(10))).items.len(), 1);
}

fn user_issue(id: u64, user: u64, opened: i64) -> UserIssue {
    UserIssue {
        id: UserIssueId(id),
        reference: IssueReference::from_random(7),
        user: UserId(user),
        resource: ResourceId(1),
        claims: Factors { token: Claim::Lost, password: Claim::Proved, email: Claim::Absent },
        token: None,
        new_password: None,
        new_email: None,
        opened_at: AT.plus_secs(opened),
        address: String::new(),
        browser: String::new(),
        state: IssueState::Open,
        approvals: Vec::new(),
        effect_at: None,
        proves_email: None,
        marks: Factors::default(),
        displaced: 0,
    }
}

fn user_issues_are_found_in_their_order_by_user_and_by_time(make: Make) {
    let store = make();
    apply(&store, vec![Change::PutUser(user(1, "anna")), Change::PutUser(user(2, "bert"))]).expect("written");
    for id in 1..=6 {
        assert_eq!(read(&store, |v| v.next_user_issue()), UserIssueId(id));
        let issue = user_issue(id, 1 + id % 2, i64::try_from(id).expect("small"));
        apply(&store, vec![Change::PutUserIssue(Box::new(issue))]).expect("written");
    }
    let listed = |page: Page| {
        let slice = read(&store, |v| v.user_issues(&Scope::All, page));
        (slice.items.iter().map(|issue| issue.id.0).collect::<Vec<_>>(), slice.next)
    };
    assert_eq!(listed(Page::first(10)).0, [1, 2, 3, 4, 5, 6]);
    for id in [2, 5, 3] {
        let issue = read(&store, |v| v.user_issue(UserIssueId(id))).expect("there");
        let ended = issue.ended(IssueState::Expired { at: AT.plus_secs(100) }).expect("open");
        apply(&store, vec![Change::PutUserIssue(Box::new(ended))]).expect("written");
    }
    let whole = [1, 4, 6, 5, 3, 2];
    assert_eq!(listed(Page::first(10)), (whole.to_vec(), None), "open ones first, then the newest");
    let (mut joined, mut page) = (Vec::new(), Page::first(2));
    loop {
        let (items, next) = listed(page);
        joined.extend(items);
        match next {
            Some(after) => page.after = Some(after),
            None => break,
        }
    }
    assert_eq!(joined, whole);
    let of =
        |user| read(&store, |v| v.user_issues_of(UserId(user))).iter().map(|i| i.id.0).collect::<Vec<_>>();
    assert_eq!((of(1), of(2)), (vec![2, 4, 6], vec![1, 3, 5]));
    let due = |secs| {
        let at = AT.plus_secs(secs);
        read(&store, |v| v.user_issues_due(at, 10)).iter().map(|i| i.id.0).collect::<Vec<_>>()
    };
    let lives = UserIssue::LIVES_SECS;
    assert_eq!((due(lives), due(lives + 4), due(lives + 6)), (vec![], vec![1, 4], vec![1, 4, 6]));
    let waiting = UserIssue { effect_at: Some(AT.plus_secs(50)), ..user_issue(6, 1, 6) };
    apply(&store, vec![Change::PutUserIssue(Box::new(waiting))]).expect("written");
    assert_eq!((due(49), due(50), due(lives + 6)), (vec![], vec![6], vec![6, 1, 4]));
    assert_eq!(due(100 + UserIssue::KEPT_SECS).len(), 6);
    apply(&store, vec![Change::DeleteUserIssue(UserIssueId(4))]).expect("deleted");
    apply(&store, vec![Change::DeleteUser(UserId(2))]).expect("deleted");
    assert_eq!(listed(Page::first(10)).0, [6, 2], "they go with their user");
    assert_eq!(due(100 + UserIssue::KEPT_SECS), [6, 2]);
}

fn pages_join_to_the_whole_list(make: Make) {
    let store = make();
    let mut changes =
        vec![Change::PutBatch(batch(1, BatchState::Live)), Change::PutBatch(batch(2, BatchState::Staged))];
    changes.extend((1..=700).map(|n| Change::PutToken(token(n, 1 + n % 2, &format!("S{n:05}")))));
    changes.extend((1..=5).map(|n| Change::PutJob(job(n))));
    apply(&store, changes).expect("written");
    let all: Vec<u64> = (1..=700).filter(|n| n % 2 == 0).collect();
    for limit in [1, 7, 349, 350, 351, 1000] {
        let mut page = Page::first(limit);
        let mut seen = Vec::new();
        loop {
            let slice = read(&store, |view| view.tokens(&TokenFilter::ALL, page));
            assert!(slice.items.len() <= limit);
            seen.extend(slice.items.iter().map(|t| t.id.0));
            match slice.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        assert!(seen == all, "limit {limit}");
        assert_eq!(seen.len(), 350, "limit {limit}");
        assert!(seen.is_sorted());
    }
    let newest = read(&store, |view| view.jobs(Page::first(2)));
    assert_eq!((newest.items.iter().map(|j| j.id.0).collect::<Vec<_>>(), newest.next), (vec![5, 4], Some(4)));
    let older = read(&store, |view| view.jobs(Page { after: Some(4), limit: 9 }));
    assert_eq!((older.items.iter().map(|j| j.id.0).collect::<Vec<_>>(), older.next), (vec![3, 2, 1], None));
}

fn job(id: u64) -> Job {
    Job {
        id: JobId(id),
        kind: JobKind::Import(ImportId(1)),
        state: JobState::Queued,
        done: 0,
        total: 0,
        actor: Actor::SYSTEM,
        node: 1,
        lease_until: AT,
        created_at: AT,
        ended_at: None,
    }
}

fn the_log_is_read_by_subject_and_verified(make: Make) {
    let store = make();
    let about = |n: u64| vec![Subject::Token(TokenId(n % 3)), Subject::User(UserId(7))];
    for n in 0..30u64 {
        apply(&store, vec![Change::Append(entry(n.cast_signed(), about(n)))]).expect("appended");
    }
    read(&store, |view| {
        let head = view.audit_head(1)?.expect("a chain");
        assert_eq!((head.n, head.at), (30, AT.plus_secs(29)));
        assert_eq!(newest_audit_time(view)?, Some(AT.plus_secs(29)));
        assert_eq!(view.audit_chains()?, [1]);
        let newest = view.audit(AuditFilter { subject: None }, Page::first(3))?;
        assert_eq!(
            (newest.items.iter().map(|r| r.n).collect::<Vec<_>>(), newest.next),
            (vec![30, 29, 28], Some(28))
        );
        let token = AuditFilter { subject: Some(Subject::Token(TokenId(1))) };
        let about = view.audit(token, Page { after: Some(26), limit: 100 })?;
        assert_eq!(about.items.iter().map(|r| r.n).collect::<Vec<_>>(), [23, 20, 17, 14, 11, 8, 5, 2]);
        assert!(
            view.audit(AuditFilter { subject: Some(Subject::Token(TokenId(9))) }, Page::first(9))?
                .items
                .is_empty()
        );
        Ok(())
    });
    let anchors = store.audit_anchors().expect("anchors");
    assert_eq!(anchors.iter().map(|a| a.n).collect::<Vec<_>>(), [1]);
    let verdict = read(&store, |view| audit::verify(view, &seal(), &anchors));
    assert_eq!(verdict, audit::AuditVerdict::Intact { chains: 1, records: 30 });
    // An anchor names a record that the log no longer has.
    let beyond = AuditHead { n: 31, ..anchors[0] };
    let verdict = read(&store, |view| audit::verify(view, &seal(), &[beyond]));
    let fault = audit::AuditFault::Truncated;
    assert_eq!(verdict, audit::AuditVerdict::Broken { chain: 1, n: 31, fault });
    let other = AuditHead { n: 12, ..anchors[0] };
    let verdict = read(&store, |view| audit::verify(view, &seal(), &[other]));
    let fault = audit::AuditFault::Replaced;
    assert_eq!(verdict, audit::AuditVerdict::Broken { chain: 1, n: 12, fault });
    // Fifteen minutes of the records' own time later there is another anchor.
    apply(&store, vec![Change::Append(entry(15 * 60, vec![]))]).expect("appended");
    let anchors = store.audit_anchors().expect("anchors");
    assert_eq!(anchors.iter().map(|a| a.n).collect::<Vec<_>>(), [1, 31]);
}

/// The index by subject follows the log; whoever asks in between notices nothing.
#[test]
fn the_log_is_the_same_by_subject_before_and_after_it_is_entered() {
    let engine = Arc::new(RedbStore::in_memory().expect("a store in memory"));
    let store = prepare(Arc::clone(&engine) as Arc<dyn Store>);
    let about = |n: u64| {
        // The seventh in each row is about a token twice over, others about one of three.
        let token = Subject::Token(TokenId(n % 3));
        if n.is_multiple_of(7) { vec![token, token, Subject::User(UserId(1))] } else { vec![token] }
    };
    let mut last = 0;
    let mut grow = |by: u64| {
        let more = last + 1..=last + by;
        let entries = more.map(|n| Change::Append(entry(n.cast_signed(), about(n)))).collect();
        apply(&store, entries).expect("appended");
        last += by;
        last
    };
    let read_as_told = |last: u64| {
        for (subject, limit) in
            [(Subject::Token(TokenId(1)), 97), (Subject::User(UserId(1)), 10), (Subject::User(UserId(2)), 10)]
        {
            let told: Vec<u64> = (1..=last).rev().filter(|n| about(*n).contains(&subject)).collect();
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let filter = AuditFilter { subject: Some(subject) };
                let page = read(&store, |view| view.audit(filter, Page { after, limit }));
                assert!(page.items.len() <= limit);
                seen.extend(page.items.iter().map(|record| record.n));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert!(seen == told, "{subject:?} of {last}");
        }
    };
    let entered = || engine.raw_keys("audit_subjects").expect("a table").len();
    // One for each record, and the users'.
    let owed = |last: u64| usize::try_from(last + last / 7).expect("small");
    for by in [9_000, 2_000, 5, 1_500] {
        let last = grow(by);
        read_as_told(last);
        // Few are left waiting; many are entered once there is nothing else to do.
        while entered() < owed(last.saturating_sub(1_023)) {
            std::thread::yield_now();
        }
        read_as_told(last);
    }
}

fn appending_needs_the_seal(_: Make) {
    let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("a store"));
    apply(&store, vec![Change::PutMeta(meta())]).expect("described");
    let sealed = apply(&store, vec![Change::BumpGeneration, Change::Append(entry(0, vec![]))]);
    assert!(matches!(sealed, Err(StoreError::AuditSealed)));
    assert_eq!(read(&store, |view| view.generation()), 0, "no record, no change");
}

use lists::lists_equal_a_naive_filter;
use states::floors_are_read_as_written;

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
    a_refused_decision_leaves_nothing_in_its_group,
    no_increment_is_lost,
    staged_rows_show_only_after_the_commit,
    floors_survive_by_fingerprint_and_never_fall,
    floors_are_read_as_written,
    names_are_unique,
    sessions_end_by_owner_and_by_time,
    budgets_and_mails_are_found_by_time,
    user_issues_are_found_in_their_order_by_user_and_by_time,
    pages_join_to_the_whole_list,
    runs_are_found_with_what_is_unsettled,
    the_log_is_read_by_subject_and_verified,
    appending_needs_the_seal,
    lists_equal_a_naive_filter,
    large_imports_are_found_from_the_first_moment,
}
