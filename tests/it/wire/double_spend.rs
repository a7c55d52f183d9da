//! Law 1 through the real router: 64 connections spend one code at the same instant, by `check`,
//! `authenticate`, `confirm` and `resync` mixed, and one of them succeeds.
//!
//! `MINTMARK_LAW1_CODES` sets how many codes are fought over (120; a release takes 5,000), a quarter of
//! them each of clock tokens, event tokens, keys and apps with mOTP.

#![expect(clippy::print_stdout, reason = "the counts are the evidence")]

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex, RwLock};
use std::thread;

use mintmark::model::{ResourceName, Role};
use mintmark::service::NewUser;
use serde_json::{Value, json};

use super::{ADMIN, Caller, Server, size, typed};
use crate::service::fixture::StandIn;

const CLIENTS: usize = 64;
/// What serial numbers begin with, and how such a token is made.
type Kind = (&'static str, fn(&str) -> StandIn);
const KINDS: [Kind; 4] =
    [("T", StandIn::totp), ("H", StandIn::hotp), ("7", StandIn::key), ("M", StandIn::motp)];
/// Codes of one imported batch.
const AT_ONCE: u64 = 250;

/// What all clients send in a round: way, path and body, by client.
type Round = Vec<(usize, String, Value)>;

/// What each way answers when it spent the code.
const SPENT: [&str; 4] = ["accepted", "accepted", "confirmed", "synchronized"];

/// Where the tokens of a round are.
#[derive(Clone, Copy, Debug)]
enum Scene {
    /// Anna's, on *VPN*: `check`, `authenticate` and `resync` can succeed.
    Paired,
    /// On *Mail*, and bert may confirm it: `check`, `confirm` and `resync` can succeed, and
    /// `authenticate` asks for it as soon as it is his.
    Free,
    /// The same, and only `confirm` and `authenticate` are asked: confirming takes longest of all, for it
    /// must not tell what it found, and among the others it would rarely win.
    Confirmed,
}

impl Scene {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Paired => ("VPN", "anna"),
            Self::Free | Self::Confirmed => ("Mail", "bert"),
        }
    }

    /// What this client does: check, authenticate, confirm, resync.
    const fn way(self, client: usize) -> usize {
        match self {
            Self::Paired | Self::Free => client % 4,
            // The integration's clients may not confirm.
            Self::Confirmed if client % 4 < 2 => 1,
            Self::Confirmed => 2,
        }
    }
}

/// The requests that spend the code at `at`, alone or as the first or the last of a pair.
fn round(token: &StandIn, scene: Scene, at: u64) -> Round {
    let (serial, (resource, user)) = (token.serial.display(), scene.names());
    (0..CLIENTS)
        .map(|client| {
            let first = if (client / 4).is_multiple_of(2) { at - 1 } else { at };
            let (code, pair) = (&typed(token, at, 1)[0], typed(token, first, 2));
            let way = scene.way(client);
            let (path, body) = match way {
                0 => (format!("/api/v1/tokens/{serial}/check"), json!({ "otp": code })),
                1 => {
                    let path = format!("/api/v1/resources/{resource}/authenticate");
                    (path, json!({ "user": user, "otp": code }))
                }
                2 => {
                    let path = format!("/api/v1/resources/{resource}/confirmations");
                    (path, json!({ "user": user, "serial": serial, "otps": pair }))
                }
                _ => (format!("/api/v1/tokens/{serial}/resync"), json!({ "otps": pair })),
            };
            (way, path, body)
        })
        .collect()
}

/// Connections that are kept, each with a thread that sends when the others send.
struct Race<'a> {
    start: &'a Barrier,
    end: &'a Barrier,
    round: &'a RwLock<Round>,
    won: &'a [AtomicUsize; 4],
}

impl Race<'_> {
    /// Successes of one round, by way.
    fn run(&self, round: Round) -> [usize; 4] {
        *self.round.write().expect("no thread panicked") = round;
        self.start.wait();
        self.end.wait();
        self.won.each_ref().map(|won| won.swap(0, Ordering::SeqCst))
    }
}

/// Runs `body` with the clients connected.
fn with_clients(server: &Server, body: impl FnOnce(&Race<'_>)) {
    let (start, end) = (Barrier::new(CLIENTS + 1), Barrier::new(CLIENTS + 1));
    let (round, over) = (RwLock::new(Round::new()), AtomicBool::new(false));
    let (won, faults): (_, Mutex<Vec<String>>) = (Default::default(), Mutex::default());
    // Some ask as an integration does, most as staff.
    let (admin, verifier) = (server.key(Role::Admin), server.key(Role::Verifier));
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (start, end, round, over) = (&start, &end, &round, &over);
            let (won, faults) = (&won, &faults);
            let key = if client % 8 < 2 { &verifier } else { &admin };
            let mut caller = Caller::new(server.address, key);
            scope.spawn(move || {
                let won: &[AtomicUsize; 4] = won;
                loop {
                    start.wait();
                    if over.load(Ordering::SeqCst) {
                        return;
                    }
                    let (way, path, body) = round.read().expect("no thread panicked")[client].clone();
                    let (status, answer) = caller.json("POST", &path, &body);
                    if answer["result"] == SPENT[way] {
                        won[way].fetch_add(1, Ordering::SeqCst);
                    }
                    // Once in a million pairs a token shows the same code twice, and the pair is refused; so are searches
                    // of one token behind which too many wait.
                    let refused =
                        status == 409 || answer["code"] == "same_code_twice" || answer["code"] == "busy";
                    if status != 200 && !refused {
                        // A panic here would leave the others waiting for ever.
                        faults.lock().expect("no thread panicked").push(format!("{path}: {status} {answer}"));
                    }
                    end.wait();
                }
            });
        }
        // The clients are sent home also when a round was not as it must be.
        let race = Race { start: &start, end: &end, round: &round, won: &won };
        let held = std::panic::catch_unwind(AssertUnwindSafe(|| body(&race)));
        over.store(true, Ordering::SeqCst);
        start.wait();
        if let Err(panic) = held {
            std::panic::resume_unwind(panic);
        }
    });
    assert_eq!(faults.into_inner().expect("no thread panicked"), Vec::<String>::new());
}

/// Fights over one code of each of `count` tokens; gives the successes of each round, by way.
fn fight(server: &Server, race: &Race<'_>, kind: Kind, count: u64) -> Vec<[usize; 4]> {
    let (name, make) = kind;
    let mut admin = server.caller(Role::Admin);
    let mut found = Vec::new();
    for first in (0..count).step_by(usize::try_from(AT_ONCE).expect("small")) {
        let tokens: Vec<StandIn> = (first..count.min(first + AT_ONCE))
            .map(|n| format!("{name}{n:06}"))
            .map(|serial| make(&serial))
            .collect();
        let lines: String = tokens.iter().map(StandIn::line).collect();
        let batch = format!("{name}{first}");
        let job = admin.import(&[("batch", &batch)], "tokens.csv", lines.as_bytes());
        assert_eq!(job["result"]["committed"], Value::Bool(true), "{job}");
        for token in &tokens {
            token.tell_pin(&server.service);
        }
        for (n, token) in tokens.iter().enumerate() {
            // An hour on: failures of one hour are counted for the resource, and then answers are slow.
            server.wait(3_660);
            let scene = [Scene::Paired, Scene::Free, Scene::Paired, Scene::Confirmed][n % 4];
            let (resource, user) = scene.names();
            let assignment = match scene {
                Scene::Paired => {
                    json!({ "kind": "token_with_user", "user": user, "token": token.serial.display() })
                }
                Scene::Free | Scene::Confirmed => json!({ "kind": "token", "token": token.serial.display() }),
            };
            admin.done("POST", &format!("/api/v1/resources/{resource}/assignments"), &assignment);
            found.push(race.run(round(token, scene, if token.counter { 3 } else { server.step() })));
            // The person's place is free again for the next one.
            server.service.unassign_token(&ADMIN, &token.serial, None).expect("taken off");
        }
    }
    found
}

fn peopled() -> Server {
    let server = Server::new();
    for (resource, user) in [Scene::Paired.names(), Scene::Free.names()] {
        let name = ResourceName::parse(resource).expect("a name");
        server.service.add_resource(&ADMIN, &name).expect("made");
        let new = NewUser { login: user.into(), resource: Some(name), ..NewUser::default() };
        server.service.add_user(&ADMIN, new).expect("made");
    }
    server
}

#[test]
fn wire_law1_64_connections_spend_a_code_once() {
    let server = peopled();
    let codes = size("MINTMARK_LAW1_CODES", 120);
    let mut by_way = [0; 4];
    with_clients(&server, |race| {
        for kind in KINDS {
            for (n, won) in fight(&server, race, kind, codes / KINDS.len() as u64).into_iter().enumerate() {
                let successes: usize = won.iter().sum();
                assert_eq!(successes, 1, "code {n} of {}, by way: {won:?}", kind.0);
                (0..4).for_each(|way| by_way[way] += won[way]);
            }
        }
    });
    println!("{codes} codes, each spent once by one of {CLIENTS} connections; by way: {by_way:?}");
    assert!(by_way.iter().all(|won| *won > 0), "a way never won: {by_way:?}");
    assert_eq!(server.service.verify_audit(&ADMIN).expect("read").fault, None);
}

/// The test above must notice when the check and the write come apart.
#[test]
fn wire_law1_test_sees_double_spends_of_a_split_check() {
    let server = peopled();
    server.service.switches.split_check.store(true, Ordering::SeqCst);
    with_clients(&server, |race| {
        for kind in KINDS {
            let found = fight(&server, race, kind, 20);
            let doubles = found.iter().filter(|won| won.iter().sum::<usize>() > 1).count();
            println!("with the check split, {doubles} of {} codes were spent twice or more", found.len());
            assert!(doubles > 0, "no double spend was seen: {found:?}");
        }
    });
}
