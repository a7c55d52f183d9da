//! Short answers, which fit at more places than one.

use mintmark::model::ChallengePurpose;
use mintmark::oath::Digits;
use mintmark::service::{CheckResult, SequenceResult};

use super::fixture::{operator, serial};
use super::ocra::{Keypad, answers, check, home as with_keypads};

/// Five digits fit at two counters of the ordinary window in one of two thousand answers: the right answer is taken, once.
#[test]
fn an_answer_that_fits_twice_by_chance_is_taken_once() {
    const WINDOW: u64 = 10;
    let digits = Digits::of_suite(5).expect("five");
    let mut token = Keypad::new("K-1", "OCRA-1:HOTP-SHA1-5:C-QN08");
    let home = with_keypads(&[&token]);
    let mut shown_at = |asked: &str, counter: u64| {
        token.counter = counter;
        token.answer(&home, asked)
    };
    let (asked, otp) = (0..100_000)
        .find_map(|_| {
            // Those before are over.
            home.wait(400);
            let asked = home.service.issue_challenge(&operator(1), &serial("K-1"), ChallengePurpose::Check);
            let asked = asked.expect("made").text;
            let shown: Vec<_> = (0..WINDOW).map(|counter| shown_at(&asked, counter).value(digits)).collect();
            let twice = (0..shown.len()).find(|at| shown[at + 1..].contains(&shown[*at]))?;
            let otp = shown_at(&asked, twice as u64);
            Some((asked, otp))
        })
        .expect("one of two thousand");
    let answer = check(&home, &token, &asked, &otp);
    assert!(matches!(answer, CheckResult::Accepted { .. }), "{answer:?}");
    let again = check(&home, &token, &asked, &otp);
    assert!(!matches!(again, CheckResult::Accepted { .. }), "{again:?}");
}

/// Where even eight answers fit at two places, no ninth is asked for, which nobody could give.
#[test]
fn eight_answers_that_fit_twice_are_the_last() {
    let digits = Digits::of_suite(4).expect("four");
    let mut token = Keypad::new("K-1", "OCRA-1:HOTP-SHA1-4:QN08-T1S");
    let home = with_keypads(&[&token]);
    let ask = || {
        let asked =
            home.service.issue_challenge(&operator(1), &serial("K-1"), ChallengePurpose::Synchronization);
        asked.expect("made").text
    };
    // The first answer fits once more within the next seconds, and all others come later than both.
    let (first, otp) = (0..10_000)
        .find_map(|_| {
            // Those before are over.
            home.wait(400);
            let asked = ask();
            let mut shown_in = |secs| {
                token.ahead_secs = secs;
                token.answer(&home, &asked)
            };
            let otp = shown_in(0);
            let is_twice = (1..50).any(|secs| shown_in(secs).value(digits) == otp.value(digits));
            is_twice.then_some((asked, otp))
        })
        .expect("one of two hundred");
    token.ahead_secs = 0;
    home.wait(60);
    let (mut asked, mut otps) = (vec![first], vec![otp]);
    while otps.len() < 8 {
        let next = ask();
        let otp = token.answer(&home, &next);
        // Two that are the same in a row are taken for a slip.
        if otps.last().is_some_and(|last| last.value(digits) != otp.value(digits)) {
            asked.push(next);
            otps.push(otp);
        }
    }
    let outcome = home.service.resync_as(&operator(1), &answers(&token.serial, &asked, &otps));
    let outcome = outcome.expect("answered");
    assert_eq!(outcome.result, SequenceResult::Ambiguous, "{outcome:?}");
    assert!(outcome.otps_needed <= 8 && outcome.stays_ambiguous(), "{outcome:?}");
}
