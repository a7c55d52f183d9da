//! Law 1 for tokens with a keypad: an answer is accepted at most once, whatever the clients try at the same instant.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use mintmark::model::ChallengePurpose;
use mintmark::oath::Otp;
use mintmark::service::{AuthRequest, AuthResult, CheckResult, KeypadInputs, SequenceResult, ServiceError};

use super::fixture::{PASSWORD, admin, login, operator, resource, typed};
use super::ocra::{Keypad, SUITES, answers, ask, confirm, home};

const CLIENTS: usize = 64;

/// How many of all clients that do it at the same instant are let in.
fn let_in(does: impl Fn() -> Result<bool, ServiceError> + Sync) -> usize {
    let (barrier, accepted) = (Barrier::new(CLIENTS), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                barrier.wait();
                match does() {
                    Ok(true) => {
                        accepted.fetch_add(1, Ordering::SeqCst);
                    }
                    // The attempts of one login have an end, and so have those that wait for one token.
                    Ok(false)
                    | Err(ServiceError::Stale | ServiceError::TooMany { .. } | ServiceError::Busy { .. }) => {
                    }
                    Err(other) => panic!("{other}"),
                }
            });
        }
    });
    accepted.into_inner()
}

#[test]
fn of_64_clients_with_one_response_one_is_let_in() {
    for suite in SUITES {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        for _ in 0..8 {
            let asked = ask(&home, &token, ChallengePurpose::Check);
            let otp = token.answer(&home, &asked);
            let check = || home.service.check_response(&operator(1), &token.serial, Some(&asked), &otp);
            let accepted = let_in(|| {
                Ok(match check()? {
                    CheckResult::Accepted { .. } => true,
                    CheckResult::Replayed { .. } => false,
                    other => panic!("{suite}: {other:?}"),
                })
            });
            assert_eq!(accepted, 1, "{suite}");
        }
    }
}

/// The same of a sign-in that a program asks for. Each try costs the hash of a password: one suite for all.
#[test]
fn of_64_sign_ins_with_one_response_one_is_let_in() {
    let mut token = Keypad::new("K-1", SUITES[3]);
    let home = home(&[&token]);
    confirm(&home, &mut token);
    let (anna, password, vpn) = (login("anna"), typed(PASSWORD), resource("VPN"));
    let sign_in = |otp: Option<&Otp>, challenge: Option<&str>| {
        let asked = AuthRequest { user: &anna, password: Some(&password), otp, address: None };
        home.service.authenticate_response(&admin(), &vpn, &asked, &KeypadInputs { challenge, session: None })
    };
    let Ok(AuthResult::Question(asked)) = sign_in(None, None) else { panic!("a challenge comes first") };
    let otp = token.answer(&home, &asked.text);
    assert_eq!(let_in(|| Ok(sign_in(Some(&otp), Some(&asked.text))? == AuthResult::Accepted)), 1);
}

/// The same of the two answers that bring a token back. Each try searches: where both a counter and a clock are looked for, in
/// a product that takes too long here.
#[test]
fn of_64_resyncs_with_the_same_responses_one_is_let_in() {
    for suite in &SUITES[..3] {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        let asked: Vec<String> =
            (0..2).map(|_| ask(&home, &token, ChallengePurpose::Synchronization)).collect();
        let otps: Vec<Otp> = asked.iter().map(|question| token.answer(&home, question)).collect();
        let accepted = let_in(|| {
            let outcome = home.service.resync_as(&operator(1), &answers(&token.serial, &asked, &otps))?;
            Ok(matches!(outcome.result, SequenceResult::Synchronized { .. }))
        });
        assert_eq!(accepted, 1, "{suite}");
    }
}
