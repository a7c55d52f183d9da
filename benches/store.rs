//! How fast the store takes tokens and single writes: `cargo bench --bench store [tokens]`.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mintmark::clock::{Clock as _, SystemClock, UnixTime};
use mintmark::model::{
    Batch, BatchId, BatchName, BatchState, Custody, DataKeyId, Fingerprint, ImportId, OtpSpec, SealedSeed,
    SeedRow, SeedVersion, Token, TokenId, TokenOrigin, TokenSerial, TokenState,
};
use mintmark::oath::{Digits, HashAlg, MovingFactor, PeriodSecs};
use mintmark::store::{Change, Page, RedbStore, Store, StoreError, StoreMeta, TokenFilter};

const CHUNK: u64 = 2_000;

fn main() {
    let tokens = std::env::args().find_map(|arg| arg.parse().ok()).unwrap_or(100_000);
    let dir = tempfile::tempdir().expect("a directory");
    let store: Arc<dyn Store> = Arc::new(RedbStore::create(dir.path()).expect("a store"));
    let meta = StoreMeta {
        store_id: [1; 16],
        created_at: UnixTime::EPOCH,
        demo: false,
        simulated: false,
        epoch: 0,
        node: 0,
    };
    let batch = Batch {
        id: BatchId(1),
        name: BatchName::parse("bench").expect("a name"),
        state: BatchState::Staged,
        import: Some(ImportId(1)),
        tokens,
        touched: false,
        provenance: String::new(),
        created_at: UnixTime::EPOCH,
    };
    let clock = SystemClock::new();
    change(
        &store,
        vec![Change::PutMeta(meta), Change::PutBatch(batch.clone()), Change::ReserveTokens(tokens)],
    );

    let started = clock.monotonic();
    for first in (1..=tokens).step_by(usize::try_from(CHUNK).expect("small")) {
        let chunk = (first..(first + CHUNK).min(tokens + 1))
            .flat_map(|n| [Change::PutToken(token(n)), Change::PutSeed(seed(n))])
            .collect();
        change(&store, chunk);
    }
    let took = since(&clock, started);
    say(&format!("import: {tokens} tokens in chunks of {CHUNK}: {took:.2?}, {:.0}/s", rate(tokens, took)));
    say(&format!("resident: {} KiB", resident_kib()));
    change(&store, vec![Change::PutBatch(Batch { state: BatchState::Live, import: None, ..batch })]);

    let started = clock.monotonic();
    let mut page = Page::first(1_000);
    let mut seen = 0;
    loop {
        let slice = store.read(|view| view.tokens(&TokenFilter::ALL, page)).expect("a page");
        seen += slice.items.len() as u64;
        page.after = slice.next;
        if slice.next.is_none() {
            break;
        }
    }
    let took = since(&clock, started);
    say(&format!("list: {seen} tokens in pages of 1,000: {took:.2?}, {:.0}/s", rate(seen, took)));

    let started = clock.monotonic();
    for n in 1..=10_000 {
        let serial = format!("87{:08}", n * 7 % tokens + 1);
        store.read(|view| view.token_by_serial(&serial)).expect("readable").expect("there");
    }
    let took = since(&clock, started);
    say(&format!("token by serial, a snapshot each: {:.0}/s", rate(10_000, took)));

    for threads in [1, 64] {
        let count = if threads == 1 { 4_000 } else { 64_000 };
        let left = Arc::new(AtomicU64::new(count));
        let started = clock.monotonic();
        let workers: Vec<_> = (0..threads)
            .map(|_| {
                let (store, left) = (Arc::clone(&store), Arc::clone(&left));
                std::thread::spawn(move || raise(&store, &left, tokens))
            })
            .collect();
        for worker in workers {
            worker.join().expect("no panic");
        }
        let took = since(&clock, started);
        say(&format!("durable floor moves, {threads} threads: {:.0}/s", rate(count, took)));
    }
}

fn raise(store: &Arc<dyn Store>, left: &AtomicU64, tokens: u64) {
    loop {
        let n = left.load(Ordering::SeqCst);
        if n == 0 || left.compare_exchange(n, n - 1, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            if n == 0 {
                return;
            }
            continue;
        }
        let token = TokenId(n * 7919 % tokens + 1);
        let done: Result<(), StoreError> = store.write(move |view| {
            let Some(seed) = view.seed(token)? else {
                return Ok(((), Vec::new()));
            };
            let mut state = view.state(&seed)?;
            state.floor = state.floor.next();
            Ok(((), vec![Change::PutState(token, seed.version, state)]))
        });
        done.expect("written");
    }
}

fn change(store: &Arc<dyn Store>, changes: Vec<Change>) {
    let mut changes = Some(changes);
    let done: Result<(), StoreError> = store.write(move |_| Ok(((), changes.take().unwrap_or_default())));
    done.expect("written");
}

fn token(n: u64) -> Token {
    Token {
        id: TokenId(n),
        serial: TokenSerial::parse(&format!("87{n:08}")).expect("a serial"),
        batch: BatchId(1),
        origin: TokenOrigin::SeedFile,
        disabled: None,
        custody: Custody::InStock,
        holder: None,
        follows_batch: true,
        pin: None,
        manufacturer: "Feitian".into(),
        model: "c200".into(),
        note: String::new(),
        name: String::new(),
        creator: None,
        replaces: None,
        replaced_by: None,
        valid_from: None,
        valid_until: None,
        created_at: UnixTime::from_secs(1_767_225_600),
    }
}

fn seed(n: u64) -> SeedRow {
    // Random enough: a hash that spreads neighbours over the whole range.
    let print = u128::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(n);
    SeedRow {
        token: TokenId(n),
        version: SeedVersion::FIRST,
        import: None,
        spec: OtpSpec::Totp {
            hash: HashAlg::Sha1,
            digits: Digits::SIX,
            period: PeriodSecs::DEFAULT,
            epoch_secs: 0,
        },
        sealed: SealedSeed { data_key: DataKeyId(1), nonce: [7; 12], ciphertext: vec![0xa5; 36] },
        fingerprint: Fingerprint(print.to_be_bytes()),
        initial: TokenState::fresh(MovingFactor(0)),
    }
}

fn since(clock: &SystemClock, started: Duration) -> Duration {
    clock.monotonic().saturating_sub(started)
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn rate(count: u64, took: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let count = count as f64;
    count / took.as_secs_f64()
}

fn say(line: &str) {
    writeln!(std::io::stdout(), "{line}").expect("stdout takes it");
}
