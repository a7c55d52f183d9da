//! Law 1: an OTP is accepted at most once, whatever the clients try at the same instant.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mintmark::service::{
    AuthRequest, AuthResult, CheckResult, ConfirmRequest, ConfirmResult, SequenceResult, ServiceError,
};

use super::fixture::{Home, PASSWORD, StandIn, admin, login, operator, resource, typed};

const THREADS: usize = 64;

fn rounds() -> u64 {
    std::env::var("MINTMARK_LAW1_CODES").ok().and_then(|text| text.parse().ok()).unwrap_or(40)
}

/// Where a code can be spent.
#[derive(Clone, Copy, Debug)]
enum Way {
    Check,
    Authenticate,
    Confirm,
    Resync,
}

/// Spends the code at `at`, alone or as part of a pair; true: accepted.
fn spend(home: &Home, token: &StandIn, way: Way, at: u64, thread: usize) -> bool {
    // Half of the pairs end with the code, half begin with it.
    let pair = token.from(if thread.is_multiple_of(2) { at - 1 } else { at }, 2);
    let stale = |error: ServiceError| match error {
        // Once in a million pairs a token shows the same code twice, and the pair is refused; so are searches of one token
        // behind which too many wait.
        ServiceError::Stale
        | ServiceError::Busy { .. }
        | ServiceError::State { .. }
        | ServiceError::Invalid { code: "same_code_twice", .. } => false,
        other => panic!("{way:?}: {other}"),
    };
    match way {
        Way::Check => home
            .service
            .check(&operator(1), &token.serial, &token.at(at))
            .map_or_else(stale, |result| matches!(result, CheckResult::Accepted { .. })),
        Way::Authenticate => {
            let (user, otp) = (login("anna"), token.at(at));
            let request = AuthRequest { user: &user, password: None, otp: Some(&otp), address: None };
            home.service
                .authenticate(&admin(), &resource("VPN"), &request)
                .map_or_else(stale, |result| result == AuthResult::Accepted)
        }
        Way::Confirm => {
            let (resource, user) = (resource("Mail"), login("bert"));
            let request =
                ConfirmRequest { resource: &resource, user: &user, serial: &token.serial, otps: &pair };
            home.service
                .confirm(&admin(), &request)
                .map_or_else(stale, |result| matches!(result, ConfirmResult::Confirmed { .. }))
        }
        Way::Resync => home
            .service
            .resync(&operator(1), &token.serial, &pair, None, None)
            .map_or_else(stale, |outcome| matches!(outcome.result, SequenceResult::Synchronized { .. })),
    }
}

fn home() -> Home {
    let home = Home::new();
    home.add_vpn();
    home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    home.add_user("anna");
    let bert = mintmark::service::NewUser {
        login: "bert".into(),
        password: Some(typed(PASSWORD)),
        resource: Some(resource("Mail")),
        ..mintmark::service::NewUser::default()
    };
    home.service.add_user(&admin(), bert).expect("made");
    home
}

/// One code, 64 threads at the same instant; the number of successes.
fn race(home: &Home, token: &StandIn, at: u64, ways: &[Way]) -> usize {
    let (start, accepted) = (Barrier::new(THREADS), AtomicUsize::new(0));
    thread::scope(|scope| {
        for n in 0..THREADS {
            let (start, accepted) = (&start, &accepted);
            let way = ways[n % ways.len()];
            scope.spawn(move || {
                start.wait();
                if spend(home, token, way, at, n / ways.len()) {
                    accepted.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    accepted.into_inner()
}

/// Rounds over one token that is anna's on *VPN*, by check, authenticate and resync.
fn paired_rounds(home: &Home, token: &StandIn, rounds: u64) -> Vec<usize> {
    let request = mintmark::service::AssignRequest {
        kind: mintmark::model::AssignmentKind::TokenWithUser,
        user: Some(login("anna")),
        token: Some(token.serial.clone()),
    };
    home.service.assign(&admin(), &resource("VPN"), &request).expect("assigned");
    let ways = [Way::Check, Way::Authenticate, Way::Resync];
    let mut counter = 1;
    (0..rounds)
        .map(|_| {
            home.wait(90);
            counter += 3;
            race(home, token, if token.counter { counter } else { home.step() }, &ways)
        })
        .collect()
}

/// Rounds over fresh tokens that stand on *Mail* and can be confirmed, by check, confirm and resync.
fn confirming_rounds(home: &Home, name: &str, make: fn(&str) -> StandIn, rounds: u64) -> Vec<usize> {
    let tokens: Vec<StandIn> = (0..rounds).map(|n| make(&format!("{name}{n:06}"))).collect();
    home.import(name, &tokens.iter().collect::<Vec<_>>());
    home.service
        .assign_batch(
            &admin(),
            &super::fixture::batch(name),
            &resource("Mail"),
            mintmark::model::BatchPart::Whole,
        )
        .expect("assigned");
    tokens
        .iter()
        .map(|token| {
            home.wait(90);
            let at = if token.counter { 3 } else { home.step() };
            let found = race(home, token, at, &[Way::Check, Way::Confirm, Way::Resync]);
            // Bert's place is free again for the next one.
            let _ = home.service.unassign_token(&admin(), &token.serial, None);
            found
        })
        .collect()
}

fn assert_once(what: &str, found: &[usize]) {
    let wrong: Vec<_> = found.iter().enumerate().filter(|(_, n)| **n != 1).collect();
    assert!(wrong.is_empty(), "{what}: (round, successes) {wrong:?}");
}

#[test]
fn service_law1_a_code_is_spent_once() {
    let home = home();
    let rounds = rounds();
    let (few, fewer) = ((rounds / 4).max(1), (rounds / 8).max(1));
    let kinds = [
        (StandIn::totp("T-1"), rounds),
        (StandIn::hotp("H-1"), rounds),
        (StandIn::key("12345678"), few),
        (StandIn::motp("M-1"), few),
    ];
    for (token, rounds) in kinds {
        home.import(token.serial.display(), &[&token]);
        assert_once("paired", &paired_rounds(&home, &token, rounds));
        home.service.unassign_token(&admin(), &token.serial, None).expect("free");
    }
    assert_once("clock tokens", &confirming_rounds(&home, "CT", StandIn::totp, few));
    assert_once("event tokens", &confirming_rounds(&home, "CH", StandIn::hotp, few));
    assert_once("apps", &confirming_rounds(&home, "CM", StandIn::motp, fewer));
    assert_once("keys", &confirming_rounds(&home, "7", StandIn::key, fewer));
    assert_eq!(home.service.verify_audit(&admin()).expect("read").fault, None);
}

/// The test above must notice when the check and the write come apart.
#[cfg(feature = "test-switches")]
#[test]
fn service_law1_test_sees_double_spends_of_a_split_check() {
    let home = home();
    home.service.switches.split_check.store(true, Ordering::SeqCst);
    let token = StandIn::totp("T-1");
    home.import("one", &[&token]);
    let found = paired_rounds(&home, &token, 30);
    assert!(found.iter().any(|n| *n > 1), "no double spend was seen: {found:?}");
    let found = confirming_rounds(&home, "CT", StandIn::totp, 10);
    assert!(found.iter().any(|n| *n > 1), "no double spend was seen: {found:?}");
}
