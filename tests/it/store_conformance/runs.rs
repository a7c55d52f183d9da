//! Programming runs and their journal in every engine.

use super::*;

pub(super) fn runs_are_found_with_what_is_unsettled(make: Make) {
    let store = make();
    apply(&store, vec![Change::PutRun(run(1)), Change::PutRun(run(2))]).expect("written");
    let states = [RunItemState::Writing, RunItemState::Programmed, RunItemState::InDoubt];
    let items = [1, 2].map(|of| (1..).zip(states).map(move |(n, state)| run_item(of, n, state)));
    let changes = items.into_iter().flatten().map(|item| Change::PutRunItem(Box::new(item))).collect();
    apply(&store, changes).expect("written");
    let unsettled = || {
        let items = read(&store, |view| view.unsettled_items());
        items.iter().map(|item| (item.id.run.0, item.id.n)).collect::<Vec<_>>()
    };
    assert_eq!(unsettled(), [(1, 1), (1, 3), (2, 1), (2, 3)]);
    apply(&store, vec![Change::PutRunItem(Box::new(run_item(1, 1, RunItemState::Untouched)))])
        .expect("written");
    apply(&store, vec![Change::PutRunItem(Box::new(run_item(2, 2, RunItemState::Quarantined)))])
        .expect("written");
    assert_eq!(unsettled(), [(1, 3), (2, 1), (2, 2), (2, 3)]);
    read(&store, |view| {
        assert_eq!(view.next_run()?, RunId(3));
        let newest = view.programming_runs(Page::first(1))?;
        assert_eq!((newest.items[0].id, newest.next), (RunId(2), Some(2)));
        let items = view.run_items(RunId(1), Page::first(2))?;
        assert_eq!(items.items.iter().map(|item| item.id.n).collect::<Vec<_>>(), [3, 2]);
        let rest = view.run_items(RunId(1), Page { after: items.next, limit: 2 })?;
        assert_eq!(rest.items.iter().map(|item| item.id.n).collect::<Vec<_>>(), [1]);
        assert_eq!(view.run_item(RunItemId { run: RunId(2), n: 9 })?, None);
        Ok(())
    });
    let key = |n| DeviceKey { sealed: sealed(n), is_set: false, created_at: AT };
    let put = |application, n| Change::PutDeviceKey(application, "87".into(), key(n));
    apply(&store, vec![put(Application::Slot1, 1), put(Application::Slot2, 2)]).expect("written");
    read(&store, |view| {
        assert_eq!(view.device_key(Application::Slot1, "87")?, Some(key(1)));
        assert_eq!(view.device_key(Application::Slot2, "87")?, Some(key(2)));
        assert_eq!(view.device_key(Application::Oath, "87")?, None);
        assert_eq!(view.device_key(Application::Slot1, "8")?, None);
        Ok(())
    });
}

fn sealed(n: u8) -> SealedSeed {
    SealedSeed { data_key: DataKeyId(1), nonce: [n; 12], ciphertext: vec![2; 36] }
}

fn run(id: u64) -> ProgrammingRun {
    ProgrammingRun {
        id: RunId(id),
        state: RunState::Open,
        profile: "p".into(),
        manufacturer: String::new(),
        model: String::new(),
        application: Application::Oath,
        spec: OtpSpec::Hotp { hash: HashAlg::Sha1, digits: Digits::SIX },
        seed_bytes: 20,
        issuer: String::new(),
        touch: false,
        protect: false,
        batch: BatchId(1),
        batch_name: BatchName::parse("Batch 1").expect("a name"),
        count: 3,
        programmed: 0,
        next_item: 4,
        actor: Actor::SYSTEM,
        created_at: AT,
        replaces: false,
        readers: Vec::new(),
    }
}

fn run_item(run: u64, n: u32, state: RunItemState) -> RunItem {
    RunItem {
        id: RunItemId { run: RunId(run), n },
        state,
        reason: String::new(),
        detail: String::new(),
        device: n.to_string(),
        serial: TokenSerial::parse(&n.to_string()).expect("a serial"),
        reader: String::new(),
        failures: 0,
        secret: None,
        token: None,
        version: SeedVersion::FIRST,
        actor: Actor::SYSTEM,
        created_at: AT,
        changed_at: AT,
    }
}
