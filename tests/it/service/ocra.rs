//! Tokens with a keypad (OCRA): challenges are made for one purpose, answered once, and soon.

use mintmark::model::{Actor, ChallengeOwner, ChallengePurpose, KeypadQuestion, TokenSerial};
use mintmark::oath::{
    HashAlg, MovingFactor, OcraGenerator, OcraInputs, OcraPosition, OcraSuite, Otp, PinHash, Question,
    SessionPadding,
};
use mintmark::secret::{Pin, Seed, SessionData};
use mintmark::service::{
    AuthRequest, AuthResult, CheckResult, ConfirmRequest, ConfirmResult, IssuedChallenge, KeypadInputs,
    KeypadPage, PortalSession, PortalSettings, ProofResult, ResyncRequest, SequenceResult, ServiceError,
    ThirdPage,
};

use mintmark::store::{Change, Page, StoreError};

use super::fixture::{
    Home, PASSWORD, admin, login, operator, request, resource, secret_of, serial, typed, verifier, visit, why,
};

pub(super) const PLAIN: &str = "OCRA-1:HOTP-SHA1-6:QN08";
pub(super) const COUNTER: &str = "OCRA-1:HOTP-SHA256-8:C-QN08";
const TIME: &str = "OCRA-1:HOTP-SHA1-6:QA08-T1M";
const BOTH: &str = "OCRA-1:HOTP-SHA512-8:C-QH08-T1M";
pub(super) const SUITES: [&str; 4] = [PLAIN, COUNTER, TIME, BOTH];

/// A token with a keypad, as a person holds it.
pub(super) struct Keypad {
    pub(super) serial: TokenSerial,
    suite: OcraSuite,
    secret: Vec<u8>,
    pub(super) pin: Option<&'static str>,
    /// What its display was told of the session that asks, and where it fills that up.
    pub(super) session: Option<(&'static str, SessionPadding)>,
    /// Its next counter.
    pub(super) counter: u64,
    /// How far its clock is ahead.
    pub(super) ahead_secs: i64,
}

impl Keypad {
    pub(super) fn new(text: &str, suite: &str) -> Self {
        Self {
            serial: serial(text),
            suite: OcraSuite::parse(suite).expect("a suite"),
            secret: secret_of(text),
            pin: None,
            session: None,
            counter: 0,
            ahead_secs: 0,
        }
    }

    /// Its line in an OATH CSV.
    pub(super) fn line(&self) -> String {
        let hex = data_encoding::HEXLOWER.encode(&self.secret);
        format!("{},{hex},OCRA,{}\n", self.serial.display(), self.suite.as_str())
    }

    /// What it shows when this is typed into it; the counter moves on.
    pub(super) fn answer(&mut self, home: &Home, challenge: &str) -> Otp {
        let question = Question::new(&self.suite, challenge).expect("a question of the suite");
        let alg = self.suite.pin_hash().unwrap_or(HashAlg::Sha1);
        let pin = self.pin.map(|pin| PinHash::new(alg, &Pin::new(pin.as_bytes().to_vec())));
        let session = self.session.map(|(text, padding)| (SessionData::new(text.into()), padding));
        let session = session.as_ref().map(|(data, padding)| (data, *padding));
        let inputs = OcraInputs { pin: pin.as_ref(), session };
        let seed = Seed::new(self.secret.clone());
        let generator = OcraGenerator::new(&seed, &self.suite, &question, &inputs).expect("nothing missing");
        let secs = home.service.now().secs() + self.ahead_secs;
        let step = self
            .suite
            .time_step_secs()
            .map_or(0, |step| u64::try_from(secs).expect("after 1970") / u64::from(step));
        let at = OcraPosition { counter: MovingFactor(self.counter), step: MovingFactor(step) };
        self.counter += 1;
        Otp::parse(&generator.response(at)).expect("digits")
    }

    fn answers(&mut self, home: &Home, asked: &[IssuedChallenge]) -> Vec<Otp> {
        asked.iter().map(|one| self.answer(home, &one.text)).collect()
    }
}

pub(super) fn answers<'a>(
    serial: &'a TokenSerial,
    challenges: &'a [String],
    otps: &'a [Otp],
) -> ResyncRequest<'a> {
    ResyncRequest { challenges, ..ResyncRequest::new(serial, otps) }
}

pub(super) fn home(tokens: &[&Keypad]) -> Home {
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    let lines: String = tokens.iter().map(|token| token.line()).collect();
    let view = home.plan(mintmark::service::ImportRequest {
        commit: true,
        format: Some("oath_csv".into()),
        ..request(&lines, "B1")
    });
    assert_eq!(view.import.counts.new, tokens.len() as u64, "{view:?}");
    home.assign_batch("B1");
    home
}

pub(super) fn ask(home: &Home, token: &Keypad, purpose: ChallengePurpose) -> String {
    home.service.issue_challenge(&operator(1), &token.serial, purpose).expect("made").text
}

/// What was not asked for this, or too long ago, is answered by nothing: operators are told and may ask again, and for a
/// program it is wrong.
pub(super) fn is_over(home: &Home, token: &Keypad, challenge: &str, otp: &Otp) -> bool {
    let failures = || home.service.token(&admin(), &token.serial).expect("there").state.budget.failures;
    let before = failures();
    let check = |actor: &Actor| home.service.check_response(actor, &token.serial, Some(challenge), otp);
    let said = check(&operator(1));
    let is_told =
        said.is_err() && why(said.expect_err("refused")) == "challenge_over" && failures() == before;
    is_told && matches!(check(&verifier()), Ok(CheckResult::Wrong)) && failures() == before + 1
}

pub(super) fn check(home: &Home, token: &Keypad, challenge: &str, otp: &Otp) -> CheckResult {
    home.service.check_response(&operator(1), &token.serial, Some(challenge), otp).expect("answered")
}

/// The token becomes anna's, by her visit to the portal.
pub(super) fn confirm(home: &Home, token: &mut Keypad) -> PortalSession {
    let portal = home.sign_in("anna");
    let asked = home.service.portal_challenges(&portal, KeypadPage::Confirmation, 1).expect("shown");
    let codes = token.answers(home, &asked);
    let answer = home.service.portal_confirm(&portal, &token.serial, &codes, &visit()).expect("answered");
    assert!(matches!(answer, ConfirmResult::Confirmed { .. }), "{answer:?}");
    portal
}

#[test]
fn a_response_is_accepted_once_for_each_kind_of_suite() {
    for suite in SUITES {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        for _ in 0..3 {
            let asked = ask(&home, &token, ChallengePurpose::Check);
            let otp = token.answer(&home, &asked);
            let first = check(&home, &token, &asked, &otp);
            assert!(matches!(first, CheckResult::Accepted { steps: 0, .. }), "{suite}: {first:?}");
            let again = check(&home, &token, &asked, &otp);
            assert!(matches!(again, CheckResult::Replayed { .. }), "{suite}: {again:?}");
        }
    }
}

/// Four mistakes that made recorded responses useful elsewhere: another challenge than the one asked, a replay, the
/// answer of one challenge given for the other, and an old challenge.
#[test]
fn a_response_counts_for_its_own_open_challenge_only() {
    for suite in SUITES {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        // A challenge that was never made, chosen by whoever has its response.
        let chosen = token.answer(&home, "12345678");
        assert!(is_over(&home, &token, "12345678", &chosen), "{suite}");
        // Crossed.
        let (one, two) =
            (ask(&home, &token, ChallengePurpose::Check), ask(&home, &token, ChallengePurpose::Check));
        let first = token.answer(&home, &one);
        assert_eq!(check(&home, &token, &two, &first), CheckResult::Wrong, "{suite}");
        // The wrong response has spent the other challenge, too.
        let second = token.answer(&home, &two);
        assert!(matches!(check(&home, &token, &two, &second), CheckResult::Replayed { .. }), "{suite}");
        let accepted = check(&home, &token, &one, &first);
        assert!(matches!(accepted, CheckResult::Accepted { .. }), "{suite}: {accepted:?}");
        // Replayed to a fresh challenge.
        let fresh = ask(&home, &token, ChallengePurpose::Check);
        assert_ne!(fresh, one, "{suite}");
        assert!(!matches!(check(&home, &token, &fresh, &first), CheckResult::Accepted { .. }), "{suite}");
        // Old.
        let old = ask(&home, &token, ChallengePurpose::Check);
        let late = token.answer(&home, &old);
        home.wait(301);
        assert!(is_over(&home, &token, &old, &late), "{suite}");
    }
}

#[test]
fn a_challenge_counts_for_its_token_and_purpose_only() {
    let (mut token, mut other) = (Keypad::new("K-1", PLAIN), Keypad::new("K-2", PLAIN));
    let home = home(&[&token, &other]);
    let asked = ask(&home, &token, ChallengePurpose::Synchronization);
    let otp = token.answer(&home, &asked);
    assert!(is_over(&home, &token, &asked, &otp), "made for another purpose");
    let asked = ask(&home, &token, ChallengePurpose::Check);
    let otp = other.answer(&home, &asked);
    assert!(is_over(&home, &other, &asked, &otp), "made for another token");
}

#[test]
fn challenges_are_of_the_suite_never_twice_and_never_divisible_by_sixteen() {
    let (token, small) = (Keypad::new("K-1", PLAIN), Keypad::new("K-2", "OCRA-1:HOTP-SHA1-6:QN02"));
    let long = Keypad::new("K-3", "OCRA-1:HOTP-SHA1-6:QH40");
    let home = home(&[&token, &small, &long]);
    for _ in 0..50 {
        let text = ask(&home, &token, ChallengePurpose::Check);
        let number: u64 = text.parse().expect("digits");
        assert!(text.len() == 8 && !number.is_multiple_of(16), "{text}");
    }
    let text = ask(&home, &long, ChallengePurpose::Check);
    assert!(text.len() == 16 && text.chars().all(|c| c.is_ascii_hexdigit()), "64 bits: {text}");
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..60 {
        match home.service.issue_challenge(&operator(1), &small.serial, ChallengePurpose::Check) {
            Ok(issued) => assert!(seen.insert(issued.text), "one came twice"),
            Err(error) => assert_eq!(why(error), "challenges_used_up"),
        }
    }
    assert!(seen.len() > 40, "{}", seen.len());
}

/// The token has neither counter nor clock, so whoever has seen an answer of it knows it for ever.
#[test]
fn a_token_without_counter_and_clock_is_never_asked_the_same_twice() {
    let small = Keypad::new("K-2", "OCRA-1:HOTP-SHA1-6:QN02");
    let home = home(&[&small]);
    let mut seen = std::collections::BTreeSet::new();
    // Days lie between, so nothing of this is what a token is asked within one.
    let last = loop {
        match home.service.issue_challenge(&operator(1), &small.serial, ChallengePurpose::Check) {
            Ok(issued) => assert!(seen.insert(issued.text.clone()), "{} came twice", issued.text),
            Err(error) => break error,
        }
        if seen.len().is_multiple_of(20) {
            home.wait(3 * 86_400);
            home.service.sweep().expect("swept");
        }
    };
    // 100 less those that are the same question as another.
    assert!((85..=93).contains(&seen.len()), "{}", seen.len());
    let ServiceError::State { code: "challenges_used_up", detail } = last else { panic!("{last:?}") };
    assert!(detail.contains("give its owner another token"), "{detail}");
    // A verifier is told of a challenge all the same, as for a serial that nobody has; nothing answers it.
    let shown = home.service.issue_challenge(&verifier(), &small.serial, ChallengePurpose::Check);
    assert_eq!(shown.expect("as for any serial").text.len(), 2);
    // The same secret under another number has answered them, too.
    home.service.delete_token(&admin(), &small.serial).expect("deleted");
    let again = Keypad { serial: serial("K-9"), ..small };
    let import = mintmark::service::ImportRequest { commit: true, ..request(&again.line(), "B2") };
    assert_eq!(home.plan(import).import.counts.new, 1);
    for _ in 0..3 {
        match home.service.issue_challenge(&operator(1), &again.serial, ChallengePurpose::Check) {
            Ok(issued) => assert!(seen.insert(issued.text.clone()), "{} came twice", issued.text),
            Err(error) => assert_eq!(why(error), "challenges_used_up"),
        }
    }
}

/// What a visit shows belongs to no token yet, so whether the token was asked it before is found out with its answer.
#[test]
fn p53_a_question_that_the_token_answered_before_confirms_nothing() {
    let mut token = Keypad::new("K-1", "OCRA-1:HOTP-SHA1-6:QN04");
    let home = home(&[&token]);
    let four = PortalSettings { keypad_question: KeypadQuestion::parse("QN04"), ..PortalSettings::default() };
    home.service.set_portal(&admin(), &resource("VPN"), &four).expect("set");
    let id = home.service.token(&admin(), &token.serial).expect("there").token.id;
    let suite = token.suite.clone();
    home.store
        .write(move |view| {
            let secret = view.seed(id)?.expect("a secret").fingerprint;
            let asked = (0..10_000).map(|n| {
                let question = Question::new(&suite, &format!("{n:04}")).expect("four digits");
                Change::PutAsked(secret, question.digest())
            });
            Ok::<_, StoreError>(((), asked.collect()))
        })
        .expect("written");
    let portal = home.sign_in("anna");
    let asked = home.service.portal_challenges(&portal, KeypadPage::Confirmation, 1).expect("shown");
    let codes = token.answers(&home, &asked);
    let answer = home.service.portal_confirm(&portal, &token.serial, &codes, &visit()).expect("answered");
    assert_eq!(answer, ConfirmResult::Refused { reason: "refused", slow: false });
    let log = home.service.audit(&admin(), None, Page::first(5)).expect("read").items;
    let record = log.iter().find(|record| record.action == "confirmation").expect("a record");
    assert!(record.detail.iter().any(|(name, value)| name == "reason" && value == "replayed"), "{record:?}");
}

/// Several challenges of one page are one change and one record.
#[test]
fn the_challenges_of_a_page_are_one_record() {
    let token = Keypad::new("K-1", PLAIN);
    let home = home(&[&token]);
    let newest = || home.service.audit(&admin(), None, Page::first(1)).expect("read").items.remove(0);
    let before = newest().n;
    let asked = home.service.issue_challenges(&operator(1), &token.serial, ChallengePurpose::Desk, 3);
    let texts: std::collections::BTreeSet<String> =
        asked.expect("made").into_iter().map(|issued| issued.text).collect();
    assert_eq!(texts.len(), 3);
    let record = newest();
    assert_eq!((record.n, record.action), (before + 1, "challenge_issued"));
    assert!(record.detail.contains(&("challenges".to_owned(), "3".to_owned())), "{record:?}");
}

#[test]
fn what_is_asked_of_keypads_is_told_to_operators() {
    let token = Keypad::new("K-1", PLAIN);
    let plain = super::fixture::StandIn::totp("T-1");
    let home = home(&[&token]);
    home.import("B2", &[&plain]);
    let otp = Otp::parse("123456").expect("digits");
    let said = home.service.check(&operator(1), &token.serial, &otp).expect_err("no challenge");
    assert_eq!(why(said), "challenge_needed");
    let said = home.service.check_response(&operator(1), &plain.serial, Some("12345678"), &otp);
    assert_eq!(why(said.expect_err("no keypad")), "challenge_not_expected");
    let said = home.service.issue_challenge(&operator(1), &plain.serial, ChallengePurpose::Check);
    assert_eq!(why(said.expect_err("no keypad")), "challenge_not_expected");
    let pair = [otp, Otp::parse("234567").expect("digits")];
    let said = home.service.resync(&operator(1), &token.serial, &pair, None, None).expect_err("none");
    assert_eq!(why(said), "challenge_needed");
    let one = ["12345678".to_owned()];
    let said = home.service.resync_as(&operator(1), &answers(&token.serial, &one, &pair));
    assert_eq!(why(said.expect_err("one for two")), "challenges_count");
}

#[test]
fn suites_whose_pin_or_session_is_not_known_say_so() {
    for (suite, code) in [
        ("OCRA-1:HOTP-SHA1-6:QN08-PSHA1", "pin_not_known"),
        ("OCRA-1:HOTP-SHA1-6:QN08-S064", "session_data_needed"),
        ("OCRA-1:HOTP-SHA1-0:QN08", "kind_not_supported"),
    ] {
        let token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        let said = home.service.issue_challenge(&operator(1), &token.serial, ChallengePurpose::Check);
        let said = said.map(|issued| issued.text).and_then(|text| {
            let otp = Otp::parse("123456").expect("digits");
            home.service.check_response(&operator(1), &token.serial, Some(&text), &otp)
        });
        assert_eq!(why(said.expect_err(suite)), code, "{suite}");
    }
}

/// A suite with P: the PIN goes into the response, and nothing is typed beside it.
#[test]
fn the_pin_of_a_keypad_goes_into_its_responses() {
    for suite in ["OCRA-1:HOTP-SHA1-8:QN08-PSHA1-T30S", "OCRA-1:HOTP-SHA256-8:C-QN08-PSHA256"] {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        let first = Pin::new(b"1234".to_vec());
        home.service.set_response_pin(&admin(), &token.serial, &first).expect("set");
        token.pin = Some("1234");
        confirm(&home, &mut token);
        let mut answer = |pin| {
            token.pin = Some(pin);
            let asked = ask(&home, &token, ChallengePurpose::Check);
            let otp = token.answer(&home, &asked);
            check(&home, &token, &asked, &otp)
        };
        assert!(matches!(answer("1234"), CheckResult::Accepted { .. }), "{suite}");
        assert_eq!(answer("4321"), CheckResult::Wrong, "{suite}");
        home.service
            .set_response_pin(&admin(), &serial("K-1"), &Pin::new(b"4321".to_vec()))
            .expect("changed in the token, and here");
        assert!(matches!(answer("4321"), CheckResult::Accepted { .. }), "{suite}");
        assert_eq!(answer("1234"), CheckResult::Wrong, "{suite}");
    }
    let token = Keypad::new("K-1", PLAIN);
    let home = home(&[&token]);
    let said = home.service.set_response_pin(&admin(), &token.serial, &Pin::new(b"1234".to_vec()));
    assert_eq!(why(said.expect_err("no P")), "pin_not_in_responses");
}

/// To a verifier all serials are alike: a challenge comes for each, and what is answered is wrong.
#[test]
fn a_verifier_learns_of_no_serial_by_its_challenges() {
    let mut token = Keypad::new("K-1", PLAIN);
    let home = home(&[&token]);
    let asked = |serial: &TokenSerial| {
        home.service.issue_challenge(&verifier(), serial, ChallengePurpose::Check).expect("made")
    };
    let nobody = serial("NOBODY");
    let (here, there) = (asked(&token.serial), asked(&nobody));
    assert_eq!(here.text.len(), there.text.len());
    assert_eq!(here.expires_at, there.expires_at);
    let wrong = Otp::parse("000000").expect("digits");
    let check = |serial: &TokenSerial, text: &str| {
        home.service.check_response(&verifier(), serial, Some(text), &wrong).expect("answered")
    };
    assert_eq!(check(&nobody, &there.text), CheckResult::Wrong);
    assert_eq!(check(&token.serial, "11111111"), CheckResult::Wrong);
    let right = token.answer(&home, &here.text);
    let answer = home.service.check_response(&verifier(), &token.serial, Some(&here.text), &right);
    assert!(matches!(answer.expect("answered"), CheckResult::Accepted { .. }));
}

#[test]
fn a_drifted_keypad_is_brought_back_by_responses_to_fresh_challenges() {
    for (suite, ahead, lost) in
        [(COUNTER, 0, 700), (TIME, 9 * 3_600, 0), (TIME, -20 * 3_600, 0), (BOTH, 5 * 3_600, 60)]
    {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        (token.ahead_secs, token.counter) = (ahead, lost);
        let asked: Vec<String> =
            (0..3).map(|_| ask(&home, &token, ChallengePurpose::Synchronization)).collect();
        let codes: Vec<Otp> = asked.iter().map(|text| token.answer(&home, text)).collect();
        let name = token.serial.clone();
        let resync = |asked: &[String], codes: &[Otp]| {
            home.service.resync_as(&operator(1), &answers(&name, asked, codes)).expect("answered")
        };
        // Crossed: two answers change places.
        let crossed = [asked[1].clone(), asked[0].clone()];
        let outcome = resync(&crossed, &codes[..2]);
        assert_eq!(outcome.result, SequenceResult::NotFound, "{suite}");
        // Both challenges are spent by that.
        assert_eq!(resync(&asked[..2], &codes[..2]).result, SequenceResult::Replayed, "{suite}");
        let fresh: Vec<String> =
            (0..2).map(|_| ask(&home, &token, ChallengePurpose::Synchronization)).collect();
        let codes: Vec<Otp> = fresh.iter().map(|text| token.answer(&home, text)).collect();
        let outcome = resync(&fresh, &codes);
        match outcome.result {
            SequenceResult::Synchronized { seconds, counter, .. } => {
                assert_eq!(seconds, token.suite.time_step_secs().map(|_| ahead), "{suite}");
                assert_eq!(counter, token.suite.has_counter().then_some(token.counter), "{suite}");
            }
            other => panic!("{suite}: {other:?}"),
        }
        assert!(outcome.chance > 0.0 && outcome.chance < 1e-6, "{suite}: {}", outcome.chance);
        assert_eq!(resync(&fresh, &codes).result, SequenceResult::Replayed, "{suite}");
        // The ordinary check follows.
        let asked = ask(&home, &token, ChallengePurpose::Check);
        let otp = token.answer(&home, &asked);
        let next = check(&home, &token, &asked, &otp);
        assert!(matches!(next, CheckResult::Accepted { .. }), "{suite}: {next:?}");
    }
}

#[test]
fn an_old_challenge_brings_nothing_back() {
    let mut token = Keypad::new("K-1", COUNTER);
    let home = home(&[&token]);
    let asked: Vec<String> = (0..2).map(|_| ask(&home, &token, ChallengePurpose::Synchronization)).collect();
    let codes: Vec<Otp> = asked.iter().map(|text| token.answer(&home, text)).collect();
    home.wait(301);
    let outcome = home.service.resync_as(&operator(1), &answers(&token.serial, &asked, &codes));
    assert_eq!(why(outcome.expect_err("over")), "challenge_over");
}

#[test]
fn operators_confirm_a_keypad_for_a_user() {
    let mut token = Keypad::new("K-1", COUNTER);
    let home = home(&[&token]);
    let asked: Vec<String> = (0..2).map(|_| ask(&home, &token, ChallengePurpose::Confirmation)).collect();
    let codes: Vec<Otp> = asked.iter().map(|text| token.answer(&home, text)).collect();
    let (vpn, anna) = (resource("VPN"), login("anna"));
    let request = ConfirmRequest { resource: &vpn, user: &anna, serial: &token.serial, otps: &codes };
    assert_eq!(why(home.service.confirm(&operator(1), &request).expect_err("none")), "challenge_needed");
    let answer = home.service.confirm_responses(&operator(1), &request, &asked).expect("answered");
    assert!(matches!(answer, ConfirmResult::Confirmed { .. }), "{answer:?}");
}

#[test]
fn operators_who_are_late_with_a_keypad_are_told_and_nothing_is_counted() {
    let mut token = Keypad::new("K-1", COUNTER);
    let home = home(&[&token]);
    let asked: Vec<String> = (0..2).map(|_| ask(&home, &token, ChallengePurpose::Confirmation)).collect();
    let codes: Vec<Otp> = asked.iter().map(|text| token.answer(&home, text)).collect();
    home.wait(301);
    let (vpn, anna) = (resource("VPN"), login("anna"));
    let request = ConfirmRequest { resource: &vpn, user: &anna, serial: &token.serial, otps: &codes };
    let late = home.service.confirm_responses(&operator(1), &request, &asked);
    assert_eq!(why(late.expect_err("over")), "challenge_over");
    assert_eq!(home.service.token(&admin(), &token.serial).expect("there").state.budget.failures, 0);
}

/// What was asked stays for a day, so that it does not come again; that of a visit goes with the visit.
#[test]
fn challenges_are_forgotten_when_they_are_of_no_use() {
    let token = Keypad::new("K-1", PLAIN);
    let home = home(&[&token]);
    let left =
        |owner| home.store.read(|view| view.challenges(owner)).expect("read").map_or(0, |all| all.0.len());
    let id = home.service.token(&admin(), &token.serial).expect("there").token.id;
    let of_token = ChallengeOwner::Token(id);
    ask(&home, &token, ChallengePurpose::Check);
    let portal = home.sign_in("anna");
    let of_visit = ChallengeOwner::Session(portal.key);
    home.service.portal_challenges(&portal, KeypadPage::Confirmation, 1).expect("shown");
    assert_eq!((left(of_token), left(of_visit)), (1, 2));
    home.wait(3_601);
    home.service.sweep().expect("swept");
    assert_eq!((left(of_token), left(of_visit)), (1, 0), "the visit is over");
    home.wait(86_400);
    home.service.sweep().expect("swept");
    assert_eq!(left(of_token), 0);
    ask(&home, &token, ChallengePurpose::Check);
    home.service.delete_token(&admin(), &token.serial).expect("deleted");
    assert_eq!(left(of_token), 0);
}

/// P53: *My token has a keypad*. The challenges belong to the visit and are the same for every serial.
#[test]
fn p53_a_keypad_is_confirmed_with_the_challenges_of_the_visit() {
    for suite in SUITES {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        let portal = home.sign_in("anna");
        let shown = |portal: &PortalSession| {
            home.service.portal_challenges(portal, KeypadPage::Confirmation, 1).expect("shown")
        };
        let asked = shown(&portal);
        assert_eq!(asked, shown(&portal), "a page that is loaded again shows the same");
        assert_eq!(asked.len(), 2);
        // An unknown serial takes the same, and spends the challenges as a known one does.
        let codes = token.answers(&home, &asked);
        let refused = ConfirmResult::Refused { reason: "refused", slow: false };
        let unknown = home.service.portal_confirm(&portal, &serial("NOBODY"), &codes, &visit());
        assert_eq!(unknown.expect("answered"), refused);
        let asked = shown(&portal);
        let spent = home.service.portal_confirm(&portal, &token.serial, &codes, &visit());
        assert_eq!(spent.expect("answered"), refused, "{suite}: answers of the challenges before");
        let next = shown(&portal);
        assert!(asked.iter().all(|one| !next.contains(one)), "spent with their responses");
        // Another visit cannot answer these.
        let other = home.sign_in("anna");
        let codes = token.answers(&home, &next);
        let there = home.service.portal_confirm(&other, &token.serial, &codes, &visit());
        assert_eq!(there.expect("answered"), refused);
        let here = home.service.portal_confirm(&portal, &token.serial, &codes, &visit()).expect("answered");
        assert!(matches!(here, ConfirmResult::Confirmed { .. }), "{suite}: {here:?}");
    }
}

/// P53: the resource says in which format, because nobody has said yet which token it is.
#[test]
fn p53_the_resource_sets_the_format_of_its_challenges() {
    let home = home(&[&Keypad::new("K-1", PLAIN)]);
    let settings =
        PortalSettings { keypad_question: KeypadQuestion::parse("QA10"), ..PortalSettings::default() };
    home.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
    let portal = home.sign_in("anna");
    let asked = home.service.portal_challenges(&portal, KeypadPage::Confirmation, 1).expect("shown");
    assert!(asked.iter().all(|one| one.text.len() == 10), "{asked:?}");
    let other = home.sign_in("anna");
    let there = home.service.portal_challenges(&other, KeypadPage::Confirmation, 1).expect("shown");
    assert!(asked.iter().all(|one| !there.contains(one)), "each visit has its own");
}

#[test]
fn a_sign_in_asks_the_keypad_and_a_proof_asks_it_again() {
    for suite in SUITES {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        confirm(&home, &mut token);
        let owed = home.sign_in("anna");
        let asked = home.service.portal_challenges(&owed, KeypadPage::SignIn, 1).expect("shown");
        let [one] = &asked[..] else { panic!("{asked:?}") };
        let otp = token.answer(&home, &one.text);
        // Another visit was asked something else.
        let stranger = home.sign_in("anna");
        home.service.portal_challenges(&stranger, KeypadPage::SignIn, 1).expect("shown");
        let there = home.service.portal_third(&stranger, &otp, &visit()).expect("answered");
        assert!(matches!(there, ThirdPage::Refused { .. }), "{suite}: {there:?}");
        let portal = match home.service.portal_third(&owed, &otp, &visit()).expect("answered") {
            ThirdPage::Passed { cookie } => home.session(&cookie),
            other => panic!("{suite}: {other:?}"),
        };
        let asked = home.service.portal_challenges(&portal, KeypadPage::Proof(None), 1).expect("shown");
        let otp = token.answer(&home, &asked[0].text);
        match home.service.portal_prove_code(&portal, None, &otp, &visit()).expect("answered") {
            ProofResult::Passed { cookie } => drop(home.session(&cookie)),
            other => panic!("{suite}: {other:?}"),
        }
    }
}

/// P20 and P49: on the page of the portal, and on the last page of the sign-in.
#[test]
fn p20_a_drifted_keypad_is_synchronized_in_the_portal() {
    for (suite, ahead, lost) in [(COUNTER, 0, 500), (TIME, 7_200, 0), (BOTH, -7_200, 50)] {
        let mut token = Keypad::new("K-1", suite);
        let home = home(&[&token]);
        let portal = confirm(&home, &mut token);
        let drift = |token: &mut Keypad| {
            token.ahead_secs += ahead;
            token.counter += lost;
        };
        drift(&mut token);
        let asked = home.service.portal_challenges(&portal, KeypadPage::Synchronization, 1).expect("shown");
        let codes = token.answers(&home, &asked);
        let outcome = home.service.portal_synchronize(&portal, &codes, &visit()).expect("answered");
        assert!(matches!(outcome.result, SequenceResult::Synchronized { .. }), "{suite}: {outcome:?}");
        let again = home.service.portal_synchronize(&portal, &codes, &visit()).expect("answered");
        assert_eq!(again.result, SequenceResult::Replayed, "{suite}");
        drift(&mut token);
        let owed = home.sign_in("anna");
        let asked = home.service.portal_challenges(&owed, KeypadPage::Synchronization, 1).expect("shown");
        let codes = token.answers(&home, &asked);
        let (outcome, cookie) =
            home.service.portal_third_synchronize(&owed, &codes, &visit()).expect("answered");
        assert!(cookie.is_some(), "{suite}: {outcome:?}");
    }
}

#[test]
fn an_integration_hands_on_the_challenge_and_its_response() {
    let mut token = Keypad::new("K-1", COUNTER);
    let home = home(&[&token]);
    confirm(&home, &mut token);
    let (anna, password, wrong) = (login("anna"), typed(PASSWORD), typed("vier Birnen im Korb"));
    let ask = |password, otp: Option<&Otp>, challenge: Option<&str>| {
        let asked = AuthRequest { user: &anna, password: Some(password), otp, address: None };
        let actor = admin();
        let keypad = KeypadInputs { challenge, session: None };
        home.service.authenticate_response(&actor, &resource("VPN"), &asked, &keypad).expect("answered")
    };
    assert_eq!(ask(&wrong, None, None), AuthResult::Rejected, "a wrong password asks nothing");
    let AuthResult::Question(asked) = ask(&password, None, None) else { panic!("a challenge comes next") };
    let otp = token.answer(&home, &asked.text);
    assert_eq!(ask(&password, Some(&otp), None), AuthResult::Rejected, "which challenge is that to?");
    assert_eq!(ask(&password, Some(&otp), Some(&asked.text)), AuthResult::Accepted);
    assert_eq!(ask(&password, Some(&otp), Some(&asked.text)), AuthResult::Rejected, "spent");
}
