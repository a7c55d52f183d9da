//! Law 1 for keypads with a clock and no counter: several questions are answered within one step, so only the question
//! keeps an answer from being accepted twice. It must not come again while its answer counts.

use std::collections::BTreeSet;

use mintmark::model::ChallengePurpose;
use mintmark::oath::Otp;
use mintmark::service::{CheckResult, ImportRequest, SequenceResult};

use super::fixture::{Home, admin, operator, request, why};
use super::ocra::{Keypad, answers, check, home};

/// Asks and answers until nothing is left to ask, at most `most` times; waits so long after each. Gives what was asked.
fn answered_until_used_up(home: &Home, token: &mut Keypad, most: usize, wait_secs: u64) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for _ in 0..most {
        let asked = home.service.issue_challenge(&operator(1), &token.serial, ChallengePurpose::Check);
        let asked = match asked {
            Ok(issued) => issued.text,
            Err(error) => {
                assert_eq!(why(error), "challenges_used_up");
                break;
            }
        };
        let otp = token.answer(home, &asked);
        let answer = check(home, token, &asked, &otp);
        assert!(matches!(answer, CheckResult::Accepted { .. }), "{asked}: {answer:?}");
        assert!(seen.insert(asked.clone()), "{asked} came twice while its answer counts");
        home.wait(wait_secs);
        home.service.sweep().expect("swept");
    }
    seen
}

/// A step of a day and more is the same when the day is over for which questions are kept.
#[test]
fn a_question_is_not_asked_again_in_a_step_that_is_longer_than_a_day() {
    for suite in ["OCRA-1:HOTP-SHA1-6:QN02-T48H", "OCRA-1:HOTP-SHA1-6:QN02-T12H"] {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        let seen = answered_until_used_up(&home, &mut token, 200, 3_600);
        // 100 less those that are the same question as another.
        assert!((85..=93).contains(&seen.len()), "{suite}: {}", seen.len());
    }
}

/// A list remembers 64 questions; whoever answers more of them within a step gets none of them again.
#[test]
fn a_question_that_makes_room_for_others_is_not_asked_again_while_its_answer_counts() {
    let mut token = Keypad::new("K-1", "OCRA-1:HOTP-SHA1-6:QN02-T4H");
    let home = home(&[&token]);
    let seen = answered_until_used_up(&home, &mut token, 200, 10);
    assert!((85..=93).contains(&seen.len()), "{}", seen.len());
}

/// Short questions of a clock that moves on do not run out: what was answered before is not what it answers now.
#[test]
fn the_questions_of_an_ordinary_clock_do_not_run_out() {
    let mut token = Keypad::new("K-1", "OCRA-1:HOTP-SHA1-6:QN02-T30S");
    let home = home(&[&token]);
    for _ in 0..5 {
        assert_eq!(answered_until_used_up(&home, &mut token, 50, 600).len(), 50);
        home.wait(86_400);
    }
}

/// A clock that stands still would answer at its step for ever, while questions are remembered for a day.
#[test]
fn a_clock_that_stopped_is_not_brought_back_to_the_step_that_it_answered_in() {
    let mut token = Keypad::new("K-1", "OCRA-1:HOTP-SHA1-6:QN08-T1M");
    let home = home(&[&token]);
    let resync = |token: &mut Keypad| {
        let asked: Vec<String> = home
            .service
            .issue_challenges(&operator(1), &token.serial, ChallengePurpose::Synchronization, 2)
            .expect("made")
            .into_iter()
            .map(|issued| issued.text)
            .collect();
        let codes: Vec<Otp> = asked.iter().map(|text| token.answer(&home, text)).collect();
        home.service
            .resync_as(&operator(1), &answers(&token.serial, &asked, &codes))
            .expect("answered")
            .result
    };
    let asked = home.service.issue_challenge(&operator(1), &token.serial, ChallengePurpose::Check);
    let asked = asked.expect("made").text;
    let otp = token.answer(&home, &asked);
    assert!(matches!(check(&home, &token, &asked, &otp), CheckResult::Accepted { .. }));
    home.wait(3_600);
    token.ahead_secs = -3_600;
    let stopped = resync(&mut token);
    assert!(matches!(stopped, SequenceResult::BehindFloor { .. }), "{stopped:?}");
    // One that goes on, an hour late, is brought back.
    home.wait(60);
    let late = resync(&mut token);
    assert!(matches!(late, SequenceResult::Synchronized { steps: -60, .. }), "{late:?}");
}

/// A secret that was here before takes the counter of its keypad with it.
#[test]
fn the_counter_of_a_keypad_outlives_its_token() {
    let mut token = Keypad::new("K-1", "OCRA-1:HOTP-SHA1-6:C-QN08");
    let home = home(&[&token]);
    assert_eq!(answered_until_used_up(&home, &mut token, 7, 10).len(), 7);
    home.service.delete_token(&admin(), &token.serial).expect("deleted");
    let again =
        ImportRequest { commit: true, format: Some("oath_csv".into()), ..request(&token.line(), "B2") };
    assert_eq!(home.plan(again).import.counts.new, 1);
    assert_eq!(home.service.token(&admin(), &token.serial).expect("there").state.floor.0, 7);
}
