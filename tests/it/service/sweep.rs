//! What grows is swept to its end, and strangers cannot fill the store.

use mintmark::model::{
    BudgetKey, BudgetKind, Job, JobId, JobKind, JobState, LoginStage, MailId, MailState, OutboxMail,
    ResourceId, Session, SessionKind,
};
use mintmark::store::{Change, View};

use super::fixture::{ADDRESS, Home, START, StandIn, admin, alias, file, login, request, visit};

fn put(home: &Home, changes: Vec<Change>) {
    home.store.write(move |_| Ok::<_, mintmark::store::StoreError>(((), changes.clone()))).expect("written");
}

fn look<T>(home: &Home, look: impl FnOnce(&dyn View) -> Result<T, mintmark::store::StoreError>) -> T {
    home.store.read(look).expect("read")
}

/// A session at page 1 that began `age` milliseconds before the start.
fn typed(n: u32, age: i64) -> Change {
    let at = mintmark::clock::UnixTime::from_millis(START.millis() - age);
    let stage = LoginStage::LoginTyped { login: login("nobody"), user: None };
    let kind = SessionKind::Portal { resource: ResourceId(1), stage };
    let mut key = [0; 32];
    key[..4].copy_from_slice(&n.to_be_bytes());
    Change::PutSession(key, Session::new(kind, ADDRESS.to_owned(), at))
}

#[test]
fn service_page_one_sessions_are_bounded() {
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    let signed_in = home.sign_in("anna");
    // Longer ago than all others, but proved.
    put(&home, (0..20_010).map(|n| typed(n, 30_000 - i64::from(n))).collect());
    let beyond = |kept| look(&home, |view| view.unproved_sessions_beyond(kept, 100)).len();
    let cookie = home.service.portal_begin(&alias(), &login("anna"), &visit()).expect("begun");
    assert!(beyond(20_000) < 10, "those that came before the bound go in a few steps");
    for _ in 0..3 {
        home.service.portal_begin(&alias(), &login("nobody"), &visit()).expect("begun");
    }
    assert_eq!((beyond(20_000), beyond(19_999)), (0, 1), "the store is full to the bound");
    home.session(&cookie);
    assert!(look(&home, |view| view.session(&signed_in.key)).is_some(), "who proved something stays");
    let there = |n: u32| {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&n.to_be_bytes());
        look(&home, |view| view.session(&key)).is_some()
    };
    assert!(!there(0) && !there(13) && there(14) && there(20_009), "the oldest went");
    // A session that goes on no longer counts.
    let second = home.session(&cookie);
    let right = super::fixture::typed(super::fixture::PASSWORD);
    home.service.portal_second(&second, &right, &visit()).expect("answered");
    assert_eq!(beyond(19_999), 0);
}

#[test]
fn service_sweep_goes_on_until_nothing_is_due() {
    let home = Home::new();
    put(&home, (0..1_700).map(|n| typed(n, 0)).collect());
    let failed = mintmark::model::Budget::CLEAR.failed(START, 5);
    let counter = |n: u32| {
        let mut hash = [0; 16];
        hash[..4].copy_from_slice(&n.to_be_bytes());
        Change::PutBudget(BudgetKey::Hashed(BudgetKind::Password, hash), failed)
    };
    put(&home, (0..1_300).map(counter).collect());
    home.service.sweep().expect("swept");
    assert_eq!(look(&home, |view| view.unproved_sessions_beyond(0, 9_999)).len(), 1_700, "they live");
    home.wait(86_401);
    home.service.sweep().expect("swept");
    assert!(look(&home, |view| view.unproved_sessions_beyond(0, 9_999)).is_empty());
    assert_eq!(look(&home, |view| view.stale_budgets(home.service.now(), 9_999)).1, 0);
}

#[test]
fn service_sweep_leaves_no_more_counters_than_the_bound() {
    let home = Home::new();
    for part in 0..10_u32 {
        let counter = |n: u32| {
            let mut hash = [0; 16];
            hash[..4].copy_from_slice(&n.to_be_bytes());
            let failed = mintmark::model::Budget::CLEAR.failed(START.plus_secs(i64::from(n / 1_000)), 5);
            Change::PutBudget(BudgetKey::Hashed(BudgetKind::Password, hash), failed)
        };
        put(&home, (part * 10_140..(part + 1) * 10_140).map(counter).collect());
    }
    home.wait(3_600);
    home.service.sweep().expect("swept");
    let (left, count) = look(&home, |view| view.stale_budgets(home.service.now(), 1));
    assert_eq!(count, 100_000);
    let mut first = [0; 16];
    first[..4].copy_from_slice(&1_400_u32.to_be_bytes());
    assert_eq!(left, [BudgetKey::Hashed(BudgetKind::Password, first)], "the oldest went");
}

#[test]
fn service_sweep_finds_what_is_old_behind_what_is_new() {
    let home = Home::new();
    home.add_vpn();
    home.add_mail_user("carl");
    home.begin("carl");
    let pattern = home.service.outbox(&admin(), 1).expect("a demonstration store").remove(0).mail;
    let plan = home.plan(request(&file(&[&StandIn::totp("A1")]), "plan"));
    let job = look(&home, |view| view.job(plan.import.job)).expect("there");
    home.wait(31 * 86_400);
    let now = home.service.now();
    let mut changes = Vec::new();
    for n in 0..1_200 {
        let state = MailState::Sent { at: now };
        let id = MailId(pattern.id.0 + 1 + n);
        changes.push(Change::PutMail(OutboxMail { id, state, created_at: now, ..pattern.clone() }));
        let id = JobId(job.id.0 + 1 + n);
        changes.push(Change::PutJob(Job { id, ended_at: Some(now), ..job.clone() }));
        let import = mintmark::model::Import {
            id: mintmark::model::ImportId(plan.import.id.0 + 1 + n),
            state: mintmark::model::ImportState::Committed { at: now },
            batch: mintmark::model::BatchId(plan.import.batch.0 + 1 + n),
            ..plan.import.clone()
        };
        changes.push(Change::PutImport(import));
    }
    put(&home, changes);
    home.service.sweep().expect("swept");
    assert!(look(&home, |view| view.mail(pattern.id)).is_none(), "a mail of last month");
    assert!(look(&home, |view| view.job(job.id)).is_none(), "a job of last month");
    let state = home.service.import(&admin(), plan.import.id).expect("there").import.state;
    assert_eq!(state.name(), "dropped", "a plan of last month");
    assert_eq!(look(&home, |view| view.oldest_mails(9_999)).len(), 1_200);
    assert_eq!(look(&home, |view| view.oldest_jobs(9_999)).len(), 1_200);
}

#[test]
fn service_start_ends_unfinished_jobs_wherever_they_stand() {
    let home = Home::new();
    let task = home.service.begin_import(&admin(), request("x", "never read")).expect("accepted");
    let job = look(&home, |view| view.job(task.job)).expect("there");
    let later = |n: u64| {
        let ended = Job {
            id: JobId(job.id.0 + 1 + n),
            kind: JobKind::Import(task.import),
            state: JobState::Done,
            ended_at: Some(START),
            ..job.clone()
        };
        Change::PutJob(ended)
    };
    put(&home, (0..1_200).map(later).collect());
    home.open(std::sync::Arc::clone(&home.store)).expect("opens");
    let job = look(&home, |view| view.job(task.job)).expect("there");
    assert!(matches!(job.state, JobState::Failed { .. }), "{job:?}");
}
