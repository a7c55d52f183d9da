//! Apps with mOTP: hexadecimal codes over time, secret and PIN, each accepted once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use mintmark::clock::UnixTime;
use mintmark::model::{PortalAction, TokenId};
use mintmark::oath::{MotpGenerator, Otp};
use mintmark::secret::Pin;
use mintmark::service::{
    CheckResult, ConfirmResult, IdentifyRequest, IdentifyResult, ImportRequest, PortalSettings,
    SequenceResult, ServiceError, ThirdPage, WhyHidden, WindowSteps,
};
use mintmark::store::{Change, KeyName, RedbStore, Store, StoreError, View};
use mintmark::vault::{SealContext, Vault, WrappedKeys};

use super::fixture::{
    APP_PIN, Home, StandIn, admin, furnished, login, operator, request, resource, serial, verifier, visit,
    why,
};

/// The step of ten seconds.
fn now(home: &Home) -> u64 {
    u64::try_from(home.service.now().secs()).expect("after 1970") / 10
}

fn pin(text: &str) -> Pin {
    Pin::new(text.as_bytes().to_vec())
}

/// Writes a PIN as the service kept it when it took longer ones.
fn keep_pin(home: &Home, token: TokenId, text: &str) {
    let (root, kept) = (Arc::clone(&home.root), MotpGenerator::keep_pin(&pin(text)));
    let write = move |view: &dyn View| {
        let key = |name| Ok::<_, StoreError>(view.key(name)?.expect("written at the start"));
        let wrapped = WrappedKeys {
            store: key(KeyName::Store)?,
            fingerprint: key(KeyName::Fingerprint)?,
            audit: key(KeyName::Audit)?,
            hash: key(KeyName::Hash)?,
        };
        let vault = Arc::new(Vault::unseal(&root, view.meta()?.store_id, &wrapped).expect("opens"));
        let id = view.next_data_key()?;
        let (data_key, wrapped) = vault.new_data_key(id).expect("random");
        let sealed = data_key.seal(&kept, SealContext::PinHash(token)).expect("sealed");
        Ok::<_, StoreError>(((), vec![Change::PutDataKey(id, wrapped), Change::PutPinHash(token, sealed)]))
    };
    home.store.write(write).expect("written");
}

#[derive(serde::Deserialize)]
struct Vectors {
    rows: Vec<Row>,
}

#[derive(serde::Deserialize)]
struct Row {
    secret: String,
    pin: String,
    unix_secs: i64,
    code: String,
}

/// The vector of another product and our own, from a seed file and a PIN to the floor.
#[test]
fn published_codes_are_accepted_once_at_their_time() {
    let text = include_str!("../../data/vectors/motp.json");
    let rows = serde_json::from_str::<Vectors>(text).expect("well formed").rows;
    // A service refuses a clock before its own time; those rows are computed in `oath::motp`.
    let later = rows.into_iter().filter(|row| row.unix_secs > 1_800_000_000);
    let mut seen = 0;
    for row in later {
        let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("memory"));
        let home = Home::since(UnixTime::from_secs(row.unix_secs), store, true);
        let line = format!("MO-1;Example;motp;{};6;10\n", row.secret);
        let view = home.plan(ImportRequest {
            commit: true,
            allow: vec!["test_secret".to_owned(), "short_secret".to_owned()],
            ..request(&line, "box")
        });
        assert_eq!((view.import.counts.new, view.import.format.as_str()), (1, "multiotp_csv"), "{view:?}");
        let serial = serial("MO-1");
        home.service.set_response_pin(&admin(), &serial, &pin(&row.pin)).expect("set");
        let typed = |text: &str| {
            let otp = Otp::parse_shaped(text, None).expect("a code");
            home.service.check(&operator(1), &serial, &otp).expect("answered")
        };
        assert_eq!(typed(&row.code.to_uppercase()), CheckResult::Accepted { steps: 0, seconds: Some(0) });
        assert!(matches!(typed(&row.code), CheckResult::Replayed { .. }));
        let view = home.service.token(&admin(), &serial).expect("there");
        assert_eq!(view.spec.kind().name(), "motp");
        assert_eq!(i64::try_from(view.state.floor.0).expect("small"), row.unix_secs / 10 + 1);
        seen += 1;
    }
    assert_eq!(seen, 2);
}

#[test]
fn a_check_looks_three_minutes_to_either_side() {
    for (ahead, accepted) in [(-19, false), (-18, true), (0, true), (18, true), (19, false)] {
        let token = StandIn::motp("MO-1");
        let home = furnished(&[&token]);
        let step = now(&home).checked_add_signed(ahead).expect("a step");
        let answer = home.check(&token, &token.app_at(step));
        let seconds = Some(10 * ahead);
        let expected = if accepted {
            CheckResult::Accepted { steps: ahead, seconds }
        } else {
            CheckResult::OutsideWindow { steps: ahead, seconds }
        };
        assert_eq!(answer, expected, "{ahead}");
        // What lies before an accepted code is as good as used.
        if accepted {
            for earlier in [step, step - 1] {
                let again = home.check(&token, &token.app_at(earlier));
                assert!(matches!(again, CheckResult::Replayed { .. }), "{ahead}: {again:?}");
            }
        }
    }
}

#[test]
fn without_its_pin_nothing_can_be_compared_and_another_pin_is_a_wrong_code() {
    let token = StandIn::motp("MO-1");
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    let view = home.plan(ImportRequest { commit: true, ..request(&token.line(), "box") });
    assert_eq!(view.import.counts.new, 1, "{view:?}");
    home.assign_batch("box");
    home.give_to_anna(&token);
    let code = |token: &StandIn| token.app_at(now(&home));
    let refused = home.service.check(&operator(1), &token.serial, &code(&token)).expect_err("no PIN");
    assert_eq!(why(refused), "pin_not_known");
    let pair = [token.app_at(now(&home) - 3), code(&token)];
    let refused = home.service.resync(&operator(1), &token.serial, &pair, None, None).expect_err("no PIN");
    assert_eq!(why(refused), "pin_not_known");
    assert_eq!(
        home.service.check(&verifier(), &token.serial, &code(&token)).expect("answered"),
        CheckResult::Wrong
    );
    let third =
        |otp: &Otp| home.service.portal_third(&home.sign_in("anna"), otp, &visit()).expect("answered");
    assert!(matches!(third(&code(&token)), ThirdPage::Refused { .. }), "nobody gets in");
    token.tell_pin(&home.service);
    let other = StandIn::motp_with_pin("MO-1", "4321");
    assert_eq!(home.check(&token, &code(&other)), CheckResult::Wrong);
    assert!(matches!(third(&code(&token)), ThirdPage::Passed { .. }));
    // A new PIN: what the old one shows is wrong from then on.
    home.service.set_response_pin(&admin(), &token.serial, &pin("4321")).expect("set");
    home.wait(60);
    assert_eq!(home.check(&token, &code(&token)), CheckResult::Wrong);
    assert!(matches!(home.check(&token, &code(&other)), CheckResult::Accepted { .. }));
    // Other tokens have none in their codes.
    let clock = StandIn::totp("T-1");
    home.import("clocks", &[&clock]);
    let refused = home.service.set_response_pin(&admin(), &clock.serial, &pin(APP_PIN)).expect_err("none");
    assert_eq!(why(refused), "pin_not_in_responses");
}

#[test]
fn letters_and_digits_are_told_apart_by_the_kind() {
    let (token, clock) = (StandIn::motp("MO-1"), StandIn::totp("T-1"));
    let home = furnished(&[&token]);
    home.import("clocks", &[&clock]);
    let refused = |token: &StandIn, text: &str| {
        let otp = Otp::parse_shaped(text, None).expect("a code");
        why(home.service.check(&operator(1), &token.serial, &otp).expect_err("a slip"))
    };
    assert_eq!(refused(&token, "12345678"), "otp_kind");
    assert_eq!(refused(&clock, "12345a"), "otp_kind");
}

/// Wherever a code without a letter comes up, it is accepted like any other.
#[test]
fn a_code_without_a_letter_is_accepted() {
    let token = StandIn::motp("MO-1");
    let home = furnished(&[&token]);
    let is_plain = |step: &u64| token.app_at(*step).shape() == mintmark::oath::CodeShape::Digits;
    let step = (now(&home)..now(&home) + 1_000).find(is_plain).expect("one of seventeen has none");
    home.wait(10 * (step - now(&home)));
    assert!(matches!(home.check(&token, &token.app_at(step)), CheckResult::Accepted { steps: 0, .. }));
}

#[test]
fn an_app_is_confirmed_by_two_codes_with_time_between() {
    let token = StandIn::motp("MO-1");
    let home = furnished(&[&token]);
    let portal = home.sign_in("anna");
    let confirm = |steps: [u64; 2]| {
        let codes = steps.map(|step| token.app_at(step));
        home.service.portal_confirm(&portal, &token.serial, &codes, &visit()).expect("answered")
    };
    let at = now(&home);
    for steps in [[at - 13, at], [at, at - 1]] {
        assert!(matches!(confirm(steps), ConfirmResult::Refused { .. }), "too far apart, or backwards");
    }
    let one = [token.app_at(at)];
    let answer = home.service.portal_confirm(&portal, &token.serial, &one, &visit()).expect("answered");
    assert!(matches!(answer, ConfirmResult::MoreOtpsNeeded { otps_needed: 2 }), "{answer:?}");
    let answer = confirm([at - 12, at]);
    assert_eq!(answer, ConfirmResult::Confirmed { steps: 0, seconds: Some(0) });
    assert_eq!(home.service.token(&admin(), &token.serial).expect("there").state.floor.0, at + 1);
}

/// Law 6: an app that is there, one that is not, one of another, one whose PIN is not known.
#[test]
fn service_law6_confirmation_by_an_app_says_one_thing() {
    let (held, free, locked) = (StandIn::motp("MO-1"), StandIn::motp("MO-2"), StandIn::motp("MO-3"));
    let clock = StandIn::totp("T-1");
    let home = furnished(&[&held, &free]);
    home.import("clocks", &[&clock]);
    home.assign_batch("clocks");
    home.plan(ImportRequest { commit: true, ..request(&locked.line(), "locked") });
    home.assign_batch("locked");
    home.add_user("bert");
    home.service.set_custody(&admin(), &held.serial, "handed_out", Some(&login("bert")), "").expect("moved");
    let unknown = StandIn::motp("MO-9");
    for count in [1, 2] {
        let tokens =
            [(&held, &held), (&free, &unknown), (&locked, &locked), (&clock, &unknown), (&unknown, &unknown)];
        let answers = tokens.map(|(token, shows)| {
            home.wait(86_401);
            let portal = home.sign_in("anna");
            let otps = shows.from(home.step() + 1 - count, count);
            format!("{:?}", home.service.portal_confirm(&portal, &token.serial, &otps, &visit()))
        });
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }
}

#[test]
fn codes_in_order_bring_an_app_back_and_its_clock_is_learned() {
    let token = StandIn::motp("MO-1");
    let home = furnished(&[&token]);
    // Two hours fast: another time zone.
    let ahead = now(&home) + 720;
    let far = home.check(&token, &token.app_at(ahead));
    assert_eq!(far, CheckResult::OutsideWindow { steps: 720, seconds: Some(7_200) });
    let resync = |otps: &[Otp], window| {
        home.service.resync(&operator(1), &token.serial, otps, window, Some("at the desk")).expect("answered")
    };
    let pair = [token.app_at(ahead - 5), token.app_at(ahead)];
    let found = resync(&pair, None);
    assert_eq!(
        found.result,
        SequenceResult::Synchronized { steps: 720, seconds: Some(7_200), counter: None },
        "{found:?}"
    );
    assert_eq!(resync(&pair, None).result, SequenceResult::Replayed);
    home.wait(600);
    let next = token.app_at(now(&home) + 720);
    assert!(matches!(home.check(&token, &next), CheckResult::Accepted { steps: 720, .. }), "learned");
    // Set right again, its codes lie behind the used ones.
    home.wait(600);
    let right = [token.app_at(now(&home) - 1), token.app_at(now(&home))];
    let behind = resync(&right, None);
    assert!(
        matches!(behind.result, SequenceResult::BehindFloor { steps: 0, usable_from: Some(_), .. }),
        "{behind:?}"
    );
    let wrong = [token.wrong(home.step()), token.app_at(ahead)];
    let narrow = Some(WindowSteps { past: 1_000, future: 1_000 });
    assert_eq!(resync(&wrong, narrow).result, SequenceResult::NotFound);
}

/// Law 2: how many codes follows from 16^6 of them, the window, and the time that may pass between two.
#[test]
fn a_wide_window_needs_more_codes_of_an_app() {
    let token = StandIn::motp("MO-1");
    let home = furnished(&[&token]);
    let at = now(&home) - 100_000;
    let codes = |count: u64| (0..count).map(|n| token.app_at(at + n)).collect::<Vec<_>>();
    // 2^48 pairs carry 28,147,497 positions, thirteen times fewer with two minutes between the codes.
    let narrow = WindowSteps { past: 1_082_596, future: 1_082_595 };
    let resync = |otps: &[Otp], window| {
        home.service
            .resync(&operator(1), &token.serial, otps, Some(window), Some("at the desk"))
            .expect("answered")
    };
    let year = WindowSteps { past: 3_155_760, future: 3_155_760 };
    let refused = resync(&codes(2), year);
    assert_eq!(
        (refused.result, refused.otps_needed, refused.evaluated),
        (SequenceResult::MoreOtpsNeeded, 3, 0)
    );
    let one_more = WindowSteps { past: narrow.past + 1, future: narrow.future };
    assert_eq!(resync(&codes(2), one_more).result, SequenceResult::MoreOtpsNeeded);
    let found = resync(&codes(2), WindowSteps { past: 200_000, future: 200_000 });
    assert!(matches!(found.result, SequenceResult::Synchronized { .. }), "{found:?}");
    assert!(found.chance < 1e-7, "{}", found.chance);
}

#[test]
fn an_app_signs_in_and_is_synchronised_on_the_way() {
    let token = StandIn::motp("MO-1");
    let home = furnished(&[&token]);
    home.give_to_anna(&token);
    let third =
        |otp: &Otp| home.service.portal_third(&home.sign_in("anna"), otp, &visit()).expect("answered");
    assert!(matches!(third(&token.wrong(home.step())), ThirdPage::Refused { can_synchronize: true }));
    let code = token.app_at(now(&home));
    assert!(matches!(third(&code), ThirdPage::Passed { .. }));
    assert!(matches!(third(&code), ThirdPage::AlreadyUsed));
    let ahead = now(&home) + 360;
    let owed = home.sign_in("anna");
    let pair = [token.app_at(ahead), token.app_at(ahead + 6)];
    let (outcome, cookie) = home.service.portal_third_synchronize(&owed, &pair, &visit()).expect("answered");
    assert!(matches!(outcome.result, SequenceResult::Synchronized { .. }), "{outcome:?}");
    let portal = home.session(&cookie.expect("signed in"));
    home.wait(310);
    home.prove(&portal, &token.app_at(now(&home) + 366));
    let settings =
        PortalSettings { actions: Some(vec![PortalAction::SetupPin]), ..PortalSettings::default() };
    home.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
    let preview = home.service.portal_preview(&admin(), &resource("VPN"), &login("anna")).expect("shown");
    let hidden =
        preview.iter().find(|(action, _)| *action == PortalAction::SetupPin).and_then(|(_, why)| *why);
    assert_eq!(hidden, Some(WhyHidden::PinInResponses));
}

#[test]
fn codes_with_letters_say_which_app_it_is() {
    let (token, other) = (StandIn::motp("MO-1"), StandIn::motp("MO-2"));
    let home = furnished(&[&token, &other]);
    let look = |otps: Vec<Otp>| {
        let request = IdentifyRequest { otps, batch: None, resource: None, window: None };
        home.service.identify(&operator(1), &request, &AtomicBool::new(false))
    };
    // Of an hour ago, with letters: pairs of digits alone are looked for among tokens that show digits.
    let has_letter = |step: &u64| other.app_at(*step).shape() == mintmark::oath::CodeShape::Hex;
    let at = (now(&home) - 360..now(&home)).find(has_letter).expect("most have one");
    let found = look(vec![other.app_at(at), other.app_at(at + 7)]).expect("answered");
    assert_eq!((found.result, found.matches.len()), (IdentifyResult::Found, 1), "{found:?}");
    assert_eq!(found.matches[0].serial, other.serial);
    let wrong = look(vec![token.wrong(home.step()), other.app_at(at)]).expect("answered");
    assert_eq!(wrong.result, IdentifyResult::NotFound);
    assert_eq!(why(look(vec![other.app_at(at)]).expect_err("one is not enough")), "otps_count");
}

/// A search of minutes in one app: it ends when told to, keeps no other large one beside it, and no check or search of
/// that app waits for its end.
#[test]
fn a_long_search_for_an_app_stops_within_it_and_stands_in_nobodys_way() {
    let token = StandIn::motp("MO-1");
    let home = Arc::new(furnished(&[&token]));
    let has_letter = |step: &u64| token.app_at(*step).shape() == mintmark::oath::CodeShape::Hex;
    let at = (now(&home) - 360..now(&home)).find(has_letter).expect("most have one");
    let asked = || {
        let window = Some(WindowSteps { past: 0, future: 3_000_000_000 });
        let otps = [at, at + 2, at + 4].map(|step| token.app_at(step)).into();
        IdentifyRequest { otps, batch: None, resource: None, window }
    };
    let stop = Arc::new(AtomicBool::new(false));
    let (tell, told) = std::sync::mpsc::channel();
    // Left alone when this fails: its thread would keep the test for minutes.
    std::thread::spawn({
        let (home, stop, request) = (Arc::clone(&home), Arc::clone(&stop), asked());
        move || tell.send(home.service.identify(&operator(1), &request, &stop))
    });
    let running = told.recv_timeout(Duration::from_millis(300));
    assert!(matches!(running, Err(RecvTimeoutError::Timeout)), "{running:?}");
    let other = home.service.identify(&operator(1), &asked(), &AtomicBool::new(false));
    assert!(matches!(other, Err(ServiceError::Busy { .. })), "{other:?}");
    let (tell_pair, told_pair) = std::sync::mpsc::channel();
    let pair = [token.app_at(now(&home) - 3), token.app_at(now(&home))];
    std::thread::spawn({
        let (home, serial) = (Arc::clone(&home), token.serial.clone());
        move || tell_pair.send(home.service.resync(&operator(1), &serial, &pair, None, None))
    });
    let answer = told_pair.recv_timeout(Duration::from_mins(1)).expect("answered beside it");
    assert!(matches!(answer.expect("answered").result, SequenceResult::Synchronized { .. }));
    stop.store(true, Ordering::Relaxed);
    let ended = told.recv_timeout(Duration::from_mins(1)).expect("ended when told to");
    assert_eq!(why(ended.expect_err("stopped")), "stopped");
}

/// Law 1 over the life of a secret.
#[test]
fn an_app_that_comes_again_keeps_its_floor() {
    let token = StandIn::motp("MO-1");
    let home = furnished(&[&token]);
    let code = token.app_at(now(&home));
    assert!(matches!(home.check(&token, &code), CheckResult::Accepted { .. }));
    home.service.delete_token(&admin(), &token.serial).expect("deleted");
    home.import("again", &[&token]);
    assert!(matches!(home.check(&token, &code), CheckResult::Replayed { .. }));
}

/// The PINs of apps were as long as 64 characters once, and those are in the store; what is as long as a hash may be one.
#[test]
fn a_long_pin_that_was_kept_before_still_opens_its_app() {
    let text = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    for (length, is_read) in
        [(19, true), (20, false), (21, true), (31, true), (32, false), (33, true), (63, true), (64, false)]
    {
        let app = StandIn::motp_with_pin("MO-1", &text[..length]);
        let home = furnished(&[&app]);
        let id = home.service.token(&admin(), &app.serial).expect("there").token.id;
        keep_pin(&home, id, &text[..length]);
        let said = home.service.check(&operator(1), &app.serial, &app.at(home.step()));
        if is_read {
            assert!(matches!(said, Ok(CheckResult::Accepted { .. })), "{length}: {said:?}");
        } else {
            assert_eq!(why(said.expect_err("may be a hash")), "pin_not_known", "{length}");
        }
    }
}

/// A PIN is kept through `replace` where codes of the new kind take it as it is kept; else it is asked for again.
#[test]
fn a_pin_outlives_its_kind_of_token_where_it_can() {
    use super::ocra::Keypad;
    use mintmark::model::ChallengePurpose;
    let app = StandIn::motp("MO-1");
    let home = furnished(&[&app]);
    app.tell_pin(&home.service);
    let replace = |name: &str, text: &str| {
        let import = ImportRequest { commit: true, replace: true, ..request(text, name) };
        assert_eq!(home.plan(import).import.counts.conflicts, 1);
    };
    let keypad = |suite: &str| {
        let mut keypad = Keypad::new("MO-1", suite);
        keypad.pin = Some(APP_PIN);
        keypad
    };
    let ask = || home.service.issue_challenge(&operator(1), &app.serial, ChallengePurpose::Desk);
    let fits = |keypad: &mut Keypad| {
        let asked = ask().expect("asked").text;
        let otp = keypad.answer(&home, &asked);
        let said = home.service.check_response(&operator(1), &app.serial, Some(&asked), &otp);
        matches!(said.expect("answered"), CheckResult::Accepted { .. })
    };
    // From an app it goes into the answers of any keypad, and back into those of an app.
    for (n, suite) in ["OCRA-1:HOTP-SHA1-6:QN08-PSHA1", "OCRA-1:HOTP-SHA1-6:QN08-PSHA256"].iter().enumerate()
    {
        let mut now = keypad(suite);
        replace(&format!("keypad {n}"), &now.line());
        assert!(fits(&mut now), "{suite}");
    }
    replace("app", &app.line());
    let said = home.service.check(&operator(1), &app.serial, &app.at(home.step())).expect("answered");
    assert!(matches!(said, CheckResult::Accepted { .. }), "{said:?}");
    // Of a hash nothing but the same hash comes.
    let mut now = keypad("OCRA-1:HOTP-SHA1-6:QN08-PSHA1");
    replace("keypad 2", &now.line());
    home.service.set_response_pin(&admin(), &app.serial, &pin(APP_PIN)).expect("set");
    assert!(fits(&mut now));
    replace("another hash", &keypad("OCRA-1:HOTP-SHA1-6:QN08-PSHA512").line());
    assert_eq!(why(ask().expect_err("not known")), "pin_not_known");
    replace("the hash again", &now.line());
    assert!(fits(&mut now));
    replace("app again", &app.line());
    let refused = home.service.check(&operator(1), &app.serial, &app.at(home.step()));
    assert_eq!(why(refused.expect_err("not known")), "pin_not_known");
    // No PIN of an app is as long as a hash.
    let long = home.service.set_response_pin(&admin(), &app.serial, &pin("12345678901234567890"));
    assert_eq!(why(long.expect_err("too long")), "pin_length");
}
