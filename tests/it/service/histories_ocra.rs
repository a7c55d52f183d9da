//! Law 1 over generated histories of tokens with a keypad: whatever is asked, answered, kept back and tried elsewhere, whatever
//! clocks do and whoever restarts, deletes or imports what, no answer is accepted twice and the floor never falls.
//!
//! A twentieth of `MINTMARK_HISTORIES`, and 48 at least: each question and each answer is a durable change, so they take longer.

use std::collections::BTreeSet;

use mintmark::model::ChallengePurpose;
use mintmark::oath::Otp;
use mintmark::service::{CheckResult, ImportRequest, SequenceResult, ServiceError};
use proptest::prelude::*;

use super::fixture::{Home, admin, operator, request};
use super::histories::histories;
use super::ocra::{Keypad, answers, home};

/// A counter, a clock, both or neither; steps that are over before the question, and long after it. Eight digits: by chance
/// alone an answer fits another question once in a hundred million times.
const SUITES: [&str; 5] = [
    "OCRA-1:HOTP-SHA1-8:QN08",
    "OCRA-1:HOTP-SHA256-8:C-QN08",
    "OCRA-1:HOTP-SHA1-8:QN08-T1M",
    "OCRA-1:HOTP-SHA1-8:QN08-T4H",
    "OCRA-1:HOTP-SHA512-8:C-QH08-T1M",
];

fn cases() -> u32 {
    (histories() / 20).max(48)
}

#[derive(Clone, Debug)]
enum Event {
    Wait(u64),
    /// A question is asked and stays unanswered for now.
    Ask,
    /// One of the questions, open or not, is typed into the token, and what it shows is checked.
    Answer(prop::sample::Index),
    /// An answer that the token gave once is tried again, for its own question.
    Replay(prop::sample::Index),
    /// The same for another question that was asked once.
    Cross(prop::sample::Index, prop::sample::Index),
    /// The same for a question that is asked just now.
    Kept(prop::sample::Index),
    /// Questions that nobody asked are typed into it.
    Pocket(u64),
    /// Two fresh answers bring it back.
    Resync,
    /// The token's clock is set.
    Set(i64),
    /// The server's clock is set.
    Server(i64),
    Restart,
    /// It is deleted, and comes again with its file.
    Again,
}

fn event() -> impl Strategy<Value = Event> {
    let any = any::<prop::sample::Index>;
    prop_oneof![
        3 => (1_u64..200).prop_map(Event::Wait),
        2 => (200_u64..100_000).prop_map(Event::Wait),
        8 => Just(Event::Ask),
        8 => any().prop_map(Event::Answer),
        4 => any().prop_map(Event::Replay),
        2 => (any(), any()).prop_map(|(answer, question)| Event::Cross(answer, question)),
        2 => any().prop_map(Event::Kept),
        1 => (1_u64..20).prop_map(Event::Pocket),
        2 => Just(Event::Resync),
        1 => (-4_000_i64..4_000).prop_map(Event::Set),
        1 => (-120_i64..120).prop_map(Event::Server),
        1 => Just(Event::Restart),
        1 => Just(Event::Again),
    ]
}

/// What the token was asked, and what it showed.
#[derive(Default)]
struct Known {
    asked: Vec<String>,
    /// A question with the answer that the token gave to it.
    given: Vec<(String, String)>,
    /// What was accepted: of the law, never twice.
    accepted: BTreeSet<(String, String)>,
    floor: u64,
}

impl Known {
    fn accept(&mut self, question: &str, otp: &str) {
        let is_its_answer = self.given.iter().any(|(asked, given)| asked == question && given == otp);
        assert!(is_its_answer, "the answer to another question was accepted for {question}");
        let is_new = self.accepted.insert((question.to_owned(), otp.to_owned()));
        assert!(is_new, "the answer to {question} was accepted twice");
    }
}

fn ask(home: &Home, token: &Keypad, purpose: ChallengePurpose) -> Option<String> {
    match home.service.issue_challenge(&operator(1), &token.serial, purpose) {
        Ok(issued) => Some(issued.text),
        Err(ServiceError::ClockFault { .. }) => None,
        Err(other) => panic!("{other}"),
    }
}

fn try_answer(home: &Home, token: &Keypad, known: &mut Known, question: &str, otp: &str) {
    let typed = Otp::parse(otp).expect("digits");
    match home.service.check_response(&operator(1), &token.serial, Some(question), &typed) {
        Ok(CheckResult::Accepted { .. }) => known.accept(question, otp),
        Ok(_) | Err(ServiceError::ClockFault { .. } | ServiceError::State { code: "challenge_over", .. }) => {
        }
        Err(other) => panic!("{other}"),
    }
}

#[expect(clippy::disallowed_methods, reason = "a person reads it")]
fn answered(home: &Home, token: &mut Keypad, known: &mut Known, question: &str) -> String {
    let otp = token.answer(home, question);
    let shown: String = otp.expose().iter().copied().map(char::from).collect();
    known.given.push((question.to_owned(), shown.clone()));
    shown
}

fn resync(home: &Home, token: &mut Keypad, known: &mut Known) {
    let purpose = ChallengePurpose::Synchronization;
    let asked: Vec<String> = (0..2).filter_map(|_| ask(home, token, purpose)).collect();
    if asked.len() < 2 {
        return;
    }
    let shown: Vec<String> = asked.iter().map(|question| answered(home, token, known, question)).collect();
    let otps: Vec<Otp> = shown.iter().map(|otp| Otp::parse(otp).expect("digits")).collect();
    match home.service.resync_as(&operator(1), &answers(&token.serial, &asked, &otps)) {
        Ok(outcome) => {
            if let SequenceResult::Synchronized { .. } = outcome.result {
                for (question, otp) in asked.iter().zip(&shown) {
                    known.accept(question, otp);
                }
            }
        }
        // A token without counter and clock has nothing to bring back.
        Err(ServiceError::ClockFault { .. } | ServiceError::State { .. } | ServiceError::Invalid { .. }) => {}
        Err(other) => panic!("{other}"),
    }
    // Spent, whatever came of it.
    known.asked.extend(asked);
}

fn happens(home: &mut Home, token: &mut Keypad, known: &mut Known, event: &Event) {
    match event {
        Event::Wait(secs) => home.wait(*secs),
        Event::Ask => known.asked.extend(ask(home, token, ChallengePurpose::Check)),
        Event::Answer(which) if !known.asked.is_empty() => {
            let question = which.get(&known.asked).clone();
            let otp = answered(home, token, known, &question);
            try_answer(home, token, known, &question, &otp);
        }
        Event::Replay(which) if !known.given.is_empty() => {
            let (question, otp) = which.get(&known.given).clone();
            try_answer(home, token, known, &question, &otp);
        }
        Event::Cross(which, other) if !known.given.is_empty() => {
            let (_, otp) = which.get(&known.given).clone();
            let question = other.get(&known.asked).clone();
            try_answer(home, token, known, &question, &otp);
        }
        Event::Kept(which) if !known.given.is_empty() => {
            let (_, otp) = which.get(&known.given).clone();
            let Some(question) = ask(home, token, ChallengePurpose::Check) else { return };
            try_answer(home, token, known, &question, &otp);
            known.asked.push(question);
        }
        Event::Answer(_) | Event::Replay(_) | Event::Cross(..) | Event::Kept(_) => {}
        Event::Pocket(times) => token.counter += times,
        Event::Resync => resync(home, token, known),
        Event::Set(secs) => token.ahead_secs += secs,
        Event::Server(secs) => {
            home.clock.set(home.service.now().plus_secs(*secs));
            token.ahead_secs -= secs;
        }
        Event::Restart => {
            home.service = std::sync::Arc::new(home.open(home.store.clone()).expect("opens"));
        }
        Event::Again => {
            // Behind the first time it stands nowhere.
            let _ = home.service.unassign_token(&admin(), &token.serial, None);
            home.service.delete_token(&admin(), &token.serial).expect("deleted");
            let name = format!("again {}", home.service.now().secs());
            let again = ImportRequest {
                commit: true,
                format: Some("oath_csv".into()),
                ..request(&token.line(), &name)
            };
            assert_eq!(home.plan(again).import.counts.new, 1);
            home.wait(1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_answer_is_accepted_twice(
        suite in prop::sample::select(&SUITES[..]),
        events in proptest::collection::vec(event(), 1..60),
    ) {
        let mut token = Keypad::new("K-1", suite);
        let mut home = home(&[&token]);
        let mut known = Known::default();
        for event in &events {
            happens(&mut home, &mut token, &mut known, event);
            let floor = home.service.token(&admin(), &token.serial).expect("there").state.floor.0;
            prop_assert!(floor >= known.floor, "the floor fell from {} to {} by {event:?}", known.floor, floor);
            known.floor = floor;
        }
    }
}
