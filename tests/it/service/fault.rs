//! Law 4: whatever write fails, the inventory is as before or as after.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mintmark::model::{ImportState, JobState};
use mintmark::service::{CheckResult, ImportRequest, Service, TokenQuery};
use mintmark::store::{AuditHead, AuditSeal, Decide, Page, RedbStore, Store, StoreError, View};

use super::fixture::{Home, StandIn, admin, file, many, operator, request, secret_of};

/// Forwards to a store until it breaks.
struct Breaking {
    inner: Arc<dyn Store>,
    /// Writes that still succeed.
    left: AtomicUsize,
    /// The write that breaks is made all the same; only its answer is lost.
    after: bool,
}

impl Store for Breaking {
    fn read_dyn(&self, look: &mut dyn FnMut(&dyn View)) -> Result<(), StoreError> {
        self.inner.read_dyn(look)
    }

    fn write_dyn(&self, decide: Decide) -> Result<(), StoreError> {
        let before = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match before {
            Ok(0) | Err(_) => Err(StoreError::Unavailable),
            Ok(1) if self.after => {
                self.inner.write_dyn(decide)?;
                Err(StoreError::Unavailable)
            }
            Ok(_) => self.inner.write_dyn(decide),
        }
    }

    fn set_audit_seal(&self, seal: AuditSeal) {
        self.inner.set_audit_seal(seal);
    }

    fn audit_anchors(&self) -> Result<Vec<AuditHead>, StoreError> {
        self.inner.audit_anchors()
    }

    fn close(&self) {
        self.inner.close();
    }
}

/// Forwards to a store; panics once at the write that is due.
struct Panicking {
    inner: Arc<dyn Store>,
    /// Writes until then.
    left: AtomicUsize,
}

impl Store for Panicking {
    fn read_dyn(&self, look: &mut dyn FnMut(&dyn View)) -> Result<(), StoreError> {
        self.inner.read_dyn(look)
    }

    fn write_dyn(&self, decide: Decide) -> Result<(), StoreError> {
        let left = self.left.fetch_sub(1, Ordering::SeqCst);
        assert_ne!(left, 0, "on purpose");
        self.inner.write_dyn(decide)
    }

    fn set_audit_seal(&self, seal: AuditSeal) {
        self.inner.set_audit_seal(seal);
    }

    fn audit_anchors(&self) -> Result<Vec<AuditHead>, StoreError> {
        self.inner.audit_anchors()
    }

    fn close(&self) {
        self.inner.close();
    }
}

#[test]
fn service_import_that_panics_fails_and_the_worker_goes_on() {
    let home = Home::new();
    let panicking =
        Arc::new(Panicking { inner: Arc::clone(&home.store), left: AtomicUsize::new(usize::MAX) });
    let service = Arc::new(home.open(panicking.clone()).expect("opens"));
    let jobs = mintmark::jobs::Jobs::start(&service, None).expect("threads");
    let begin = |serial: &str| {
        let text = file(&[&StandIn::totp(serial)]);
        let asked = ImportRequest { commit: true, ..request(&text, serial) };
        service.begin_import(&admin(), asked).expect("begun")
    };
    let (first, second) = (begin("A1"), begin("A2"));
    let (import, first_job, second_job) = (first.import, first.job, second.job);
    panicking.left.store(1, Ordering::SeqCst);
    assert!(jobs.submit_import(first) && jobs.submit_import(second));
    // Waits for what is in the queue.
    jobs.stop(&service);
    let end = |job| service.job(&admin(), job).expect("there").state;
    let state = end(first_job);
    assert!(matches!(&state, JobState::Failed { code, .. } if code == "import_panicked"), "{state:?}");
    assert_eq!(service.import(&admin(), import).expect("there").import.state.name(), "dropped");
    assert_eq!(end(second_job), JobState::Done);
    assert_eq!(shown(&service).len(), 2, "one token, one batch");
}

/// What anybody can see of the inventory.
fn shown(service: &Service) -> Vec<String> {
    let mut rows = Vec::new();
    let mut page = Page::first(100);
    loop {
        let slice = service.tokens(&admin(), &TokenQuery::default(), page).expect("listed");
        rows.extend(
            slice.items.iter().map(|t| format!("{} {} {:?}", t.token.serial, t.batch, t.state.floor)),
        );
        let Some(next) = slice.next else { break };
        page.after = Some(next);
    }
    for batch in service.batches(&admin(), Page::first(100)).expect("listed").items {
        rows.push(format!("{} {}", batch.batch.name, batch.batch.tokens));
    }
    rows
}

struct Scene {
    home: Home,
    old: StandIn,
    new: StandIn,
    text: String,
}

/// A store with one token, and a file of 300 others and another secret for that one.
fn scene() -> Scene {
    let home = Home::new();
    let old = StandIn::totp("OLD");
    home.import("before", &[&old]);
    let tokens = many("A", 300);
    let new = StandIn::with_secret("OLD", false, secret_of("new"));
    let mut all: Vec<&StandIn> = tokens.iter().collect();
    all.push(&new);
    let text = file(&all);
    Scene { home, old, new, text }
}

/// Which secret of the one token is in force: (old, new).
fn secrets(scene: &Scene, service: &Service) -> (bool, bool) {
    let step = scene.home.step();
    let fits = |token: &StandIn| {
        let result = service.check(&operator(1), &token.serial, &token.at(step)).expect("answered");
        matches!(result, CheckResult::Accepted { .. })
    };
    (fits(&scene.old), fits(&scene.new))
}

fn import(service: &Service, scene: &Scene) -> Option<mintmark::model::ImportId> {
    let asked = ImportRequest { commit: true, replace: true, ..request(&scene.text, "after") };
    let task = service.begin_import(&admin(), asked).ok()?;
    service.run_import(&task);
    Some(task.import)
}

#[test]
fn service_law4_every_failing_write_leaves_before_or_after() {
    for after in [false, true] {
        let (mut befores, mut afters) = (0, 0);
        for writes in 1.. {
            let scene = scene();
            let before = shown(&scene.home.service);
            let breaking =
                Breaking { inner: Arc::clone(&scene.home.store), left: AtomicUsize::new(usize::MAX), after };
            let breaking = Arc::new(breaking);
            let service = scene.home.open(breaking.clone()).expect("opens");
            breaking.left.store(writes, Ordering::SeqCst);
            import(&service, &scene);
            let broke = breaking.left.load(Ordering::SeqCst) == 0;
            let seen_by_it = shown(&service);
            drop(service);

            let reopened = scene.home.open(Arc::clone(&scene.home.store)).expect("opens again");
            let found = shown(&reopened);
            assert_eq!(found, seen_by_it, "write {writes}: a restart changes nothing that shows");
            let is_before = found == before;
            if is_before {
                befores += 1;
                assert_eq!(secrets(&scene, &reopened), (true, false), "write {writes}");
            } else {
                afters += 1;
                assert_eq!(found.len(), 303, "write {writes}");
                assert_eq!(secrets(&scene, &reopened), (false, true), "write {writes}");
            }
            assert_eq!(reopened.verify_audit(&admin()).expect("read").fault, None);
            // Nothing of it stands in the way of trying again.
            if is_before {
                let id = import(&reopened, &scene).expect("begun");
                let view = reopened.import(&admin(), id).expect("there");
                assert!(matches!(view.import.state, ImportState::Committed { .. }), "{view:?}");
                assert_eq!(shown(&reopened).len(), 303);
            }
            if !broke {
                break;
            }
        }
        assert!(befores > 3 && afters > 1, "{befores} befores, {afters} afters");
    }
}

#[test]
fn service_law4_a_failing_undo_leaves_before_or_after() {
    for writes in 1.. {
        let scene = scene();
        let undone = shown(&scene.home.service);
        let id = import(&scene.home.service, &scene).expect("begun");
        let done = shown(&scene.home.service);
        assert_eq!(done.len(), 303);
        let breaking = Arc::new(Breaking {
            inner: Arc::clone(&scene.home.store),
            left: AtomicUsize::new(usize::MAX),
            after: false,
        });
        let service = scene.home.open(breaking.clone()).expect("opens");
        breaking.left.store(writes, Ordering::SeqCst);
        let answer = service.drop_import(&admin(), id);
        let broke = breaking.left.load(Ordering::SeqCst) == 0;
        drop(service);
        let reopened = scene.home.open(Arc::clone(&scene.home.store)).expect("opens again");
        let found = shown(&reopened);
        assert!(found == undone || found == done, "write {writes}");
        assert!(answer.is_err() || found == undone, "write {writes}");
        let expected = if found == done { (false, true) } else { (true, false) };
        assert_eq!(secrets(&scene, &reopened), expected, "write {writes}");
        if !broke {
            break;
        }
    }
}

#[test]
fn service_survives_a_restart_on_disk() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let store: Arc<dyn Store> = Arc::new(RedbStore::create(dir.path()).expect("created"));
    let Home { service, clock, store, root, .. } = Home::over(store, false);
    let token = StandIn::totp("A-1");
    let task = service
        .begin_import(&admin(), ImportRequest { commit: true, ..request(&token.line(), "one") })
        .expect("begun");
    service.run_import(&task);
    // A plan that was being read when the program ended.
    let lost = service.begin_import(&admin(), request(&StandIn::totp("B-1").line(), "lost")).expect("begun");
    let step = u64::try_from(service.now().secs()).expect("after 1970") / 30;
    let check =
        |service: &Service| service.check(&operator(1), &token.serial, &token.at(step)).expect("answered");
    assert!(matches!(check(&service), CheckResult::Accepted { .. }));
    service.close();
    drop((service, store));

    let store: Arc<dyn Store> = Arc::new(RedbStore::open(dir.path()).expect("opened"));
    let service = Service::open(store, &root, clock, mintmark::service::MailMode::None).expect("unsealed");
    assert!(matches!(check(&service), CheckResult::Replayed { .. }));
    assert!(matches!(
        service.import(&admin(), lost.import).expect("there").import.state,
        ImportState::Dropped { .. }
    ));
    match service.job(&admin(), lost.job).expect("there").state {
        mintmark::model::JobState::Failed { code, .. } => assert_eq!(code, "interrupted"),
        other => panic!("{other:?}"),
    }
    assert_eq!(service.verify_audit(&admin()).expect("read").fault, None);
}
