//! Short answers, which fit at more places than one.

use mintmark::model::ChallengePurpose;
use mintmark::oath::Digits;
use mintmark::service::CheckResult;

use super::fixture::{operator, serial};
use super::ocra::{Keypad, check, home as with_keypads};

/// Four digits fit at two counters of the ordinary window in one of two hundred answers: the right answer is taken, once.
#[test]
fn an_answer_that_fits_twice_by_chance_is_taken_once() {
    const WINDOW: u64 = 10;
    let digits = Digits::of_suite(4).expect("four");
    let mut token = Keypad::new("K-1", "OCRA-1:HOTP-SHA1-4:C-QN08");
    let home = with_keypads(&[&token]);
    let mut shown_at = |asked: &str, counter: u64| {
        token.counter = counter;
        token.answer(&home, asked)
    };
    let (asked, otp) = (0..20_000)
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
        .expect("one of two hundred");
    let answer = check(&home, &token, &asked, &otp);
    assert!(matches!(answer, CheckResult::Accepted { .. }), "{answer:?}");
    let again = check(&home, &token, &asked, &otp);
    assert!(!matches!(again, CheckResult::Accepted { .. }), "{again:?}");
}
