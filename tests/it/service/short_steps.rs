//! Steps that are too short for people: a check looks at half a minute to either side, whatever the step.

use mintmark::model::ChallengePurpose;
use mintmark::oath::Otp;
use mintmark::service::{CheckResult, ImportRequest};

use super::fixture::{Home, StandIn, operator, request};
use super::ocra::{Keypad, check, home};

fn checked(home: &Home, token: &StandIn, step: u64) -> CheckResult {
    home.service.check(&operator(1), &token.serial, &token.at(step)).expect("answered")
}

#[test]
fn a_code_of_a_five_second_step_may_be_typed_half_a_minute_later() {
    for (period, steps) in [(5, 6), (10, 3), (30, 1), (60, 1)] {
        let home = Home::new();
        let token = StandIn::totp("T-1");
        let line = token.line().replace(",30\n", &format!(",{period}\n"));
        assert_eq!(home.plan(ImportRequest { commit: true, ..request(&line, "B1") }).import.counts.new, 1);
        let now = u64::try_from(home.service.now().secs()).expect("after 1970") / period;
        let outside = checked(&home, &token, now - steps - 1);
        assert!(matches!(outside, CheckResult::OutsideWindow { .. }), "{period}: {outside:?}");
        let late = checked(&home, &token, now - steps);
        assert!(matches!(late, CheckResult::Accepted { .. }), "{period}: {late:?}");
        let again = checked(&home, &token, now - steps);
        assert!(matches!(again, CheckResult::Replayed { .. }), "{period}: {again:?}");
    }
}

#[test]
fn an_answer_of_a_five_second_step_may_be_typed_half_a_minute_later() {
    for (suite, secs, fits) in [
        ("OCRA-1:HOTP-SHA1-6:QN08-T5S", 30, true),
        ("OCRA-1:HOTP-SHA1-6:QN08-T5S", 35, false),
        ("OCRA-1:HOTP-SHA1-6:QN08-T1M", 60, true),
        ("OCRA-1:HOTP-SHA1-6:QN08-T1M", 120, false),
    ] {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        let asked = home.service.issue_challenge(&operator(1), &token.serial, ChallengePurpose::Check);
        let asked = asked.expect("made").text;
        let otp: Otp = token.answer(&home, &asked);
        home.wait(secs);
        let answer = check(&home, &token, &asked, &otp);
        assert_eq!(matches!(answer, CheckResult::Accepted { .. }), fits, "{suite} {secs}: {answer:?}");
    }
}

/// The counter that is typed at, and how many seconds later than it was shown: what fits is what nobody guesses.
#[test]
fn few_digits_have_a_smaller_window() {
    for (suite, counter, secs, fits) in [
        ("OCRA-1:HOTP-SHA1-4:C-QN08-T1S", 0, 0, true),
        ("OCRA-1:HOTP-SHA1-4:C-QN08-T1S", 1, 1, true),
        ("OCRA-1:HOTP-SHA1-4:C-QN08-T1S", 2, 0, false),
        ("OCRA-1:HOTP-SHA1-4:C-QN08-T1S", 0, 2, false),
        ("OCRA-1:HOTP-SHA1-4:C-QN08", 1, 0, true),
        ("OCRA-1:HOTP-SHA1-4:C-QN08", 2, 0, false),
        ("OCRA-1:HOTP-SHA1-5:C-QN08", 9, 0, true),
        ("OCRA-1:HOTP-SHA1-5:C-QN08", 10, 0, false),
        ("OCRA-1:HOTP-SHA1-5:QN08-T1S", 0, 4, true),
        ("OCRA-1:HOTP-SHA1-5:QN08-T1S", 0, 5, false),
        ("OCRA-1:HOTP-SHA1-6:C-QN08-T1S", 9, 4, true),
        ("OCRA-1:HOTP-SHA1-6:C-QN08-T1S", 9, 5, false),
        ("OCRA-1:HOTP-SHA1-7:C-QN08-T1S", 9, 30, true),
        ("OCRA-1:HOTP-SHA1-7:C-QN08-T1S", 9, 31, false),
    ] {
        // So few digits fit by chance now and then, and not twice.
        let accepted = (0..3).filter(|_| {
            let mut token = Keypad::new("K-1", suite);
            token.counter = counter;
            let home = home(&[&token]);
            let asked = home.service.issue_challenge(&operator(1), &token.serial, ChallengePurpose::Check);
            let asked = asked.expect("made").text;
            let otp: Otp = token.answer(&home, &asked);
            home.wait(secs);
            matches!(check(&home, &token, &asked, &otp), CheckResult::Accepted { .. })
        });
        let accepted = accepted.count();
        assert!(if fits { accepted == 3 } else { accepted < 2 }, "{suite} {counter} {secs}: {accepted}");
    }
}
