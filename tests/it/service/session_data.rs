//! Suites with session data (RFC 6287 §5.1, S): they come with the challenge, and an answer is good for that session.

use mintmark::model::{Actor, ChallengePurpose};
use mintmark::oath::{Otp, SessionPadding};
use mintmark::secret::{Pin, SessionData};
use mintmark::service::{
    AuthRequest, AuthResult, CheckResult, ConfirmRequest, ConfirmResult, ImportRequest, KeypadInputs,
    KeypadPage, SequenceResult, ServiceError, TokenPatch,
};

use mintmark::store::Page;

use super::fixture::{
    Home, PASSWORD, admin, login, operator, request, resource, typed, verifier, visit, why,
};
use super::ocra::{Keypad, answers, check, home, is_over};

const PLAIN: &str = "OCRA-1:HOTP-SHA256-8:QN08-S064";
const COUNTER: &str = "OCRA-1:HOTP-SHA1-6:C-QN08-S064";
const TIME: &str = "OCRA-1:HOTP-SHA512-8:QA08-S128-T1M";
const PIN: &str = "OCRA-1:HOTP-SHA1-8:QN08-PSHA1-S064";
const ALL: &str = "OCRA-1:HOTP-SHA256-8:C-QH08-PSHA256-S512-T30S";
/// As long as the suite of 64 says.
const WHOLE: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn data(text: &str) -> SessionData {
    SessionData::new(text.as_bytes().to_vec())
}

fn ask_as(
    home: &Home,
    actor: &Actor,
    token: &Keypad,
    purpose: ChallengePurpose,
    session: Option<&str>,
) -> Result<String, ServiceError> {
    let session = session.map(data);
    let issued = home.service.issue_challenge_for(actor, &token.serial, purpose, session.as_ref());
    issued.map(|issued| issued.text)
}

fn ask(home: &Home, token: &Keypad, session: &str) -> String {
    ask_as(home, &operator(1), token, ChallengePurpose::Check, Some(session)).expect("made")
}

fn answer(home: &Home, token: &mut Keypad, challenge: &str, session: &'static str) -> Otp {
    let padding = token.session.map_or(SessionPadding::Left, |(_, padding)| padding);
    token.session = Some((session, padding));
    token.answer(home, challenge)
}

fn pad(home: &Home, token: &mut Keypad, padding: SessionPadding) {
    let patch = TokenPatch { session_padding: Some(padding), ..TokenPatch::default() };
    home.service.edit_token(&admin(), &token.serial, &patch).expect("set");
    token.session = Some(("", padding));
}

#[test]
fn an_answer_of_its_session_is_accepted_once_for_each_kind_of_suite() {
    for suite in [PLAIN, COUNTER, TIME, PIN, ALL] {
        for padding in [SessionPadding::Left, SessionPadding::Right] {
            let mut token = Keypad::new("K-1", suite);
            let home = home(&[&token]);
            if suite.contains("-P") {
                token.pin = Some("1234");
                home.service
                    .set_response_pin(&admin(), &token.serial, &Pin::new(b"1234".to_vec()))
                    .expect("set");
            }
            pad(&home, &mut token, padding);
            for session in ["session-0001", "session-0002"] {
                let asked = ask(&home, &token, session);
                let otp = answer(&home, &mut token, &asked, session);
                let first = check(&home, &token, &asked, &otp);
                assert!(matches!(first, CheckResult::Accepted { steps: 0, .. }), "{suite}: {first:?}");
                let again = check(&home, &token, &asked, &otp);
                assert!(matches!(again, CheckResult::Replayed { .. }), "{suite}: {again:?}");
            }
        }
    }
}

#[test]
fn an_answer_is_good_for_its_session_only() {
    for suite in [PLAIN, TIME] {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        let asked = ask(&home, &token, "session-0001");
        let otp = answer(&home, &mut token, &asked, "session-0002");
        assert_eq!(check(&home, &token, &asked, &otp), CheckResult::Wrong, "{suite}: another session's");
        let otp = answer(&home, &mut token, &asked, "session-0001");
        assert!(matches!(check(&home, &token, &asked, &otp), CheckResult::Replayed { .. }), "{suite}: spent");

        let [one, two] = ["session-0001", "session-0002"].map(|session| ask(&home, &token, session));
        let first = answer(&home, &mut token, &one, "session-0001");
        assert_eq!(check(&home, &token, &two, &first), CheckResult::Wrong, "{suite}: crossed");
        assert!(matches!(check(&home, &token, &one, &first), CheckResult::Accepted { .. }), "{suite}");
        assert!(is_over(&home, &token, "87654321", &first), "{suite}: never asked");
    }
}

#[test]
fn session_data_that_cannot_be_are_refused_in_words() {
    let mut token = Keypad::new("K-1", PLAIN);
    let plain = Keypad::new("K-2", "OCRA-1:HOTP-SHA1-6:QN08");
    let home = home(&[&token, &plain]);
    let long = format!("{WHOLE}+");
    let refused = |token: &Keypad, session: Option<&str>| {
        let said = ask_as(&home, &operator(1), token, ChallengePurpose::Check, session).expect_err("refused");
        // A program would learn which tokens are there: it reads a challenge for every serial number.
        ask_as(&home, &verifier(), token, ChallengePurpose::Check, session).expect("a challenge, as for any");
        why(said)
    };
    let on_record = || {
        let log = home.service.audit(&admin(), None, Page::first(1)).expect("read").items;
        let reason = log[0].detail.iter().find(|(name, _)| *name == "reason").map(|(_, value)| value.clone());
        reason.unwrap_or_default()
    };
    assert_eq!(refused(&token, None), "session_data_needed");
    assert_eq!(on_record(), "session_data_needed");
    assert_eq!(refused(&token, Some(&long)), "session_data_length");
    assert_eq!(refused(&token, Some("")), "session_data_length");
    assert_eq!(refused(&plain, Some("session-0001")), "session_data_not_expected");
    assert_eq!(on_record(), "", "a program may give data for everybody");
    pad(&home, &mut token, SessionPadding::Exact);
    assert_eq!(refused(&token, Some("session-0001")), "session_data_length");
    let asked = ask(&home, &token, WHOLE);
    let otp = answer(&home, &mut token, &asked, WHOLE);
    assert!(matches!(check(&home, &token, &asked, &otp), CheckResult::Accepted { .. }));
    let patch = TokenPatch { session_padding: Some(SessionPadding::Right), ..TokenPatch::default() };
    let said = home.service.edit_token(&admin(), &plain.serial, &patch).expect_err("nothing is filled up");
    assert_eq!(why(said), "session_data_not_expected");
}

#[test]
fn the_side_changes_the_answer_and_stays_when_the_file_comes_again() {
    let mut token = Keypad::new("K-1", PLAIN);
    let home = home(&[&token]);
    let is_accepted = |token: &mut Keypad, side| {
        let asked = ask(&home, token, "session-0001");
        token.session = Some(("session-0001", side));
        let otp = token.answer(&home, &asked);
        matches!(check(&home, token, &asked, &otp), CheckResult::Accepted { .. })
    };
    let sides = [SessionPadding::Left, SessionPadding::Right];
    assert_eq!(sides.map(|side| is_accepted(&mut token, side)), [true, false]);
    // Changed between question and answer: what counts is how the token is filled up now.
    let asked = ask(&home, &token, "session-0001");
    pad(&home, &mut token, SessionPadding::Exact);
    let otp = Otp::parse("12345678").expect("digits");
    assert_eq!(check(&home, &token, &asked, &otp), CheckResult::Wrong);
    pad(&home, &mut token, SessionPadding::Right);
    let format = Some("oath_csv".into());
    let again = home.plan(ImportRequest { commit: true, format, ..request(&token.line(), "B2") });
    assert_eq!((again.import.counts.identical, again.import.counts.conflicts), (1, 0));
    assert_eq!(sides.map(|side| is_accepted(&mut token, side)), [false, true]);
    let shown = home.service.token(&operator(1), &token.serial).expect("there");
    assert_eq!(shown.spec.session_padding(), Some(SessionPadding::Right));

    let other = Keypad::new("K-3", PLAIN);
    let set = vec![("session_padding".to_owned(), "exact".to_owned())];
    let format = Some("oath_csv".into());
    home.plan(ImportRequest { commit: true, format, set, ..request(&other.line(), "B3") });
    let shown = home.service.token(&operator(1), &other.serial).expect("there");
    assert_eq!(shown.spec.session_padding(), Some(SessionPadding::Exact));
}

/// What was not said stays, also when the secret is replaced; what was said counts, also what is usual.
#[test]
fn an_import_changes_the_side_only_when_it_says_so() {
    let [mut token, replaced] = [PLAIN, COUNTER].map(|suite| Keypad::new("K-1", suite));
    let home = home(&[&token]);
    pad(&home, &mut token, SessionPadding::Right);
    let import = |token: &Keypad, name: &str, set: Option<&str>| {
        let set = set.map(|side| ("session_padding".to_owned(), side.to_owned())).into_iter().collect();
        let format = Some("oath_csv".into());
        let import =
            ImportRequest { commit: true, replace: true, format, set, ..request(&token.line(), name) };
        let counts = home.plan(import).import.counts;
        let shown = home.service.token(&operator(1), &token.serial).expect("there").spec;
        (counts.identical, counts.conflicts, shown.session_padding())
    };
    let (right, left) = (Some(SessionPadding::Right), Some(SessionPadding::Left));
    assert_eq!(import(&token, "not said", None), (1, 0, right));
    assert_eq!(import(&replaced, "another suite", None), (0, 1, right), "replace leaves it");
    assert_eq!(import(&replaced, "right", Some("right")), (1, 0, right));
    assert_eq!(import(&replaced, "left", Some("left")), (0, 1, left), "what was said is another");
    assert_eq!(import(&token, "exact", Some("exact")), (0, 1, Some(SessionPadding::Exact)));
}

/// What was asked before, with data that its new suite cannot take, cannot be answered by it any more.
#[test]
fn a_shorter_suite_makes_answers_to_open_challenges_wrong() {
    let mut token = Keypad::new("K-1", PLAIN);
    let home = home(&[&token]);
    let asked = ask(&home, &token, "session-0001");
    let otp = answer(&home, &mut token, &asked, "session-0001");
    let shorter = Keypad::new("K-1", "OCRA-1:HOTP-SHA256-8:QN08-S008");
    let format = Some("oath_csv".into());
    let import = ImportRequest { commit: true, replace: true, format, ..request(&shorter.line(), "B2") };
    assert_eq!(home.plan(import).import.counts.conflicts, 1);
    assert_eq!(check(&home, &token, &asked, &otp), CheckResult::Wrong);
}

/// Each challenge of a sequence carries its own session.
#[test]
fn a_program_confirms_and_brings_back_a_token_with_session_data() {
    for suite in [COUNTER, TIME] {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        let sequence = |token: &mut Keypad, purpose| {
            let sessions = ["session-0001", "session-0002"];
            let asked = sessions
                .map(|session| ask_as(&home, &operator(1), token, purpose, Some(session)).expect("made"));
            let otps = [0, 1].map(|at| answer(&home, token, &asked[at], sessions[at]));
            (asked, otps)
        };
        let (asked, otps) = sequence(&mut token, ChallengePurpose::Confirmation);
        let (vpn, anna) = (resource("VPN"), login("anna"));
        let given = ConfirmRequest { resource: &vpn, user: &anna, serial: &token.serial, otps: &otps };
        let confirmed = home.service.confirm_responses(&admin(), &given, &asked).expect("answered");
        assert!(matches!(confirmed, ConfirmResult::Confirmed { .. }), "{suite}: {confirmed:?}");

        let (asked, mut otps) = sequence(&mut token, ChallengePurpose::Synchronization);
        otps.reverse();
        let serial = token.serial.clone();
        let crossed =
            home.service.resync_as(&operator(1), &answers(&serial, &asked, &otps)).expect("answered");
        assert!(!matches!(crossed.result, SequenceResult::Synchronized { .. }), "{suite}: {crossed:?}");
        let (asked, otps) = sequence(&mut token, ChallengePurpose::Synchronization);
        let found = home.service.resync_as(&operator(1), &answers(&serial, &asked, &otps)).expect("answered");
        assert!(matches!(found.result, SequenceResult::Synchronized { .. }), "{suite}: {found:?}");
    }
}

#[test]
fn an_integration_gives_the_data_of_its_session() {
    let mut token = Keypad::new("K-1", COUNTER);
    let home = home(&[&token]);
    let sessions = ["session-0001"; 2];
    let asked = sessions.map(|session| {
        ask_as(&home, &operator(1), &token, ChallengePurpose::Confirmation, Some(session)).expect("made")
    });
    let otps = [0, 1].map(|at| answer(&home, &mut token, &asked[at], sessions[at]));
    let (vpn, anna, password) = (resource("VPN"), login("anna"), typed(PASSWORD));
    let given = ConfirmRequest { resource: &vpn, user: &anna, serial: &token.serial, otps: &otps };
    home.service.confirm_responses(&admin(), &given, &asked).expect("confirmed");

    let wrong = typed("vier Birnen im Korb");
    let tell = |password, otp: Option<&Otp>, challenge: Option<&str>, session: Option<&str>| {
        let asked = AuthRequest { user: &anna, password: Some(password), otp, address: None };
        let session = session.map(data);
        let keypad = KeypadInputs { challenge, session: session.as_ref() };
        home.service.authenticate_response(&admin(), &vpn, &asked, &keypad)
    };
    let question = |session| match tell(&password, None, None, Some(session)) {
        Ok(AuthResult::Question(asked)) => asked.text,
        other => panic!("a challenge comes next: {other:?}"),
    };
    assert_eq!(tell(&wrong, None, None, None).expect("answered"), AuthResult::Rejected);
    assert_eq!(why(tell(&password, None, None, None).expect_err("missing")), "session_data_needed");
    let long = format!("{WHOLE}+");
    assert_eq!(why(tell(&password, None, None, Some(&long)).expect_err("long")), "session_data_length");

    let asked = question("session-0001");
    let otp = answer(&home, &mut token, &asked, "session-0001");
    let right = tell(&password, Some(&otp), Some(&asked), Some("session-0001")).expect("answered");
    assert_eq!(right, AuthResult::Accepted);
    let asked = question("session-0001");
    let otp = answer(&home, &mut token, &asked, "session-0001");
    let other = tell(&password, Some(&otp), Some(&asked), Some("session-0002")).expect("answered");
    assert_eq!(other, AuthResult::Rejected, "asked from one session, answered from another");
    let asked = question("session-0002");
    let otp = answer(&home, &mut token, &asked, "session-0002");
    let right = tell(&password, Some(&otp), Some(&asked), None).expect("answered");
    assert_eq!(right, AuthResult::Accepted, "the challenge knows its session");
}

#[test]
fn pages_say_that_only_a_program_can_ask() {
    let mut token = Keypad::new("K-1", COUNTER);
    let home = home(&[&token]);
    let desk = home.service.issue_challenges(&operator(1), &token.serial, ChallengePurpose::Desk, 2);
    assert_eq!(why(desk.expect_err("no page knows a session")), "session_data_needed");
    // Nobody had said which token it is, so it was asked without.
    let portal = home.sign_in("anna");
    let asked = home.service.portal_challenges(&portal, KeypadPage::Confirmation, 1).expect("shown");
    token.session = Some(("session-0001", SessionPadding::Left));
    let codes: Vec<Otp> = asked.iter().map(|one| token.answer(&home, &one.text)).collect();
    let said = home.service.portal_confirm(&portal, &token.serial, &codes, &visit()).expect("answered");
    assert!(matches!(said, ConfirmResult::Refused { .. }), "{said:?}");
    let log = home.service.audit(&admin(), None, Page::first(1)).expect("read");
    assert!(format!("{:?}", log.items).contains("session_not_known"), "{:?}", log.items);
}
