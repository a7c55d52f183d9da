//! P21, P22, P33, P50: a PIN beside the code, at each door.

use mintmark::model::{Actor, PinPlacement, PortalAction, Role, TokenSerial};
use mintmark::oath::Otp;
use mintmark::secret::Pin;
use mintmark::service::{
    AuthRequest, AuthResult, CheckResult, ConfirmResult, DraftResult, PortalSession, PortalSettings,
    SequenceResult, ServiceError, ThirdPage, WhyHidden,
};

use super::fixture::{Home, PASSWORD, StandIn, admin, login, operator, resource, typed, verifier, visit};
use super::register::{home, scanned};

fn pin(text: &str) -> Pin {
    Pin::new(text.as_bytes().to_vec())
}

#[expect(clippy::disallowed_methods, reason = "the test glues a PIN to a code")]
fn text(code: &Otp) -> String {
    code.expose().iter().map(|digit| char::from(*digit)).collect()
}

/// The code with something before and behind it.
pub(super) fn glued(before: &str, code: &Otp, after: &str) -> Otp {
    Otp::parse(&format!("{before}{}{after}", text(code))).expect("digits")
}

/// Anna with a token that has the PIN 2580.
pub(super) fn with_pin(home: &Home, placement: PinPlacement) -> (PortalSession, StandIn) {
    let portal = home.sign_in("anna");
    // A proof of the moment in which the token came would be one of it.
    home.wait(1);
    let app = scanned(home, &portal, false);
    let made = home.service.portal_finish(&portal, &[app.at(home.step())], &visit()).expect("answered");
    assert!(matches!(made, DraftResult::Made { .. }));
    home.service.portal_set_pin(&portal, &pin("2580"), placement, &visit()).expect("set");
    home.wait(30);
    (portal, app)
}

fn third(home: &Home, otp: &Otp) -> ThirdPage {
    let owed = home.sign_in("anna");
    home.service.portal_third(&owed, otp, &visit()).expect("answered")
}

fn ask(home: &Home, otp: &Otp) -> AuthResult {
    let (anna, password) = (login("anna"), typed(PASSWORD));
    let request = AuthRequest { user: &anna, password: Some(&password), otp: Some(otp), address: None };
    home.service.authenticate(&verifier(), &resource("VPN"), &request).expect("answered")
}

fn later(home: &Home, serial: &TokenSerial, otp: &Otp) -> CheckResult {
    let (tell, told) = std::sync::mpsc::channel();
    home.service.check_later(&verifier(), serial, otp, move |answer| {
        tell.send(answer).expect("waited for");
    });
    told.recv().expect("told").expect("answered")
}

/// P33: `1234561111` and `1111123456`, at the sign-in, for integrations, for checks.
#[test]
fn p33_the_pin_is_glued_to_the_code_at_each_door() {
    for placement in [PinPlacement::After, PinPlacement::Before] {
        let home = home();
        let (_, app) = with_pin(&home, placement);
        let with = |step| match placement {
            PinPlacement::After => glued("", &app.at(step), "2580"),
            PinPlacement::Before => glued("2580", &app.at(step), ""),
        };
        let turned = |step| match placement {
            PinPlacement::Before => glued("", &app.at(step), "2580"),
            PinPlacement::After => glued("2580", &app.at(step), ""),
        };
        let step = home.step();
        assert!(matches!(third(&home, &with(step)), ThirdPage::Passed { .. }));
        home.wait(30);
        assert_eq!(ask(&home, &with(step + 1)), AuthResult::Accepted);
        assert_eq!(ask(&home, &with(step + 1)), AuthResult::Rejected, "each code once");
        home.wait(30);
        let checked = home.service.check(&operator(1), &app.serial, &with(step + 2)).expect("answered");
        assert!(matches!(checked, CheckResult::Accepted { .. }), "{checked:?}");
        home.wait(30);
        let checked = later(&home, &app.serial, &with(step + 3));
        assert!(matches!(checked, CheckResult::Accepted { .. }), "{checked:?}");
        home.wait(30);
        assert!(matches!(third(&home, &turned(step + 4)), ThirdPage::Refused { .. }), "the other way round");
        home.wait(30);
        assert!(matches!(third(&home, &app.at(step + 5)), ThirdPage::Refused { .. }), "the code alone");
    }
}

/// Decision 6: a wrong PIN with a right code spends the code, is counted, and is not told apart.
#[test]
fn p33_a_wrong_pin_spends_the_code_and_is_counted() {
    let home = home();
    let (_, app) = with_pin(&home, PinPlacement::After);
    let step = home.step();
    let wrong = third(&home, &glued("", &app.at(step), "2581"));
    assert!(matches!(wrong, ThirdPage::Refused { can_synchronize: true }), "{wrong:?}");
    let state = home.service.token(&admin(), &app.serial).expect("there").state;
    assert_eq!((state.floor.0, state.budget.failures), (step + 1, 1));
    let right = third(&home, &glued("", &app.at(step), "2580"));
    assert!(matches!(right, ThirdPage::AlreadyUsed), "{right:?}");
    // A spent code with a wrong PIN is a wrong code, and so is a wrong code with the right PIN.
    for otp in [glued("", &app.at(step), "9999"), glued("", &app.wrong(step), "2580")] {
        assert!(matches!(third(&home, &otp), ThirdPage::Refused { .. }));
    }
    assert_eq!(home.service.token(&admin(), &app.serial).expect("there").state.budget.failures, 3);
    let checked = later(&home, &app.serial, &glued("", &app.at(step + 1), "0000"));
    assert_eq!(checked, CheckResult::Wrong);
    assert_eq!(ask(&home, &glued("", &app.at(step + 1), "0000")), AuthResult::Rejected);
    home.wait(600);
    let at = home.step();
    assert!(matches!(third(&home, &glued("", &app.at(at), "2580")), ThirdPage::Passed { .. }));
    assert_eq!(home.service.token(&admin(), &app.serial).expect("there").state.budget.failures, 0);
}

/// P33: synchronizing takes the bare code; the PIN may stand beside it; a sign-in still needs it.
#[test]
fn p33_synchronizing_takes_both() {
    let home = home();
    let (portal, app) = with_pin(&home, PinPlacement::Before);
    let far = home.step() + 100;
    let bare = app.from(far, 2);
    let outcome = home.service.portal_synchronize(&portal, &bare, &visit()).expect("answered");
    assert!(matches!(outcome.result, SequenceResult::Synchronized { .. }), "{outcome:?}");
    let both: Vec<Otp> = app.from(far + 10, 2).iter().map(|code| glued("2580", code, "")).collect();
    let outcome = home.service.portal_synchronize(&portal, &both, &visit()).expect("answered");
    assert!(matches!(outcome.result, SequenceResult::Synchronized { .. }), "{outcome:?}");

    let owed = home.sign_in("anna");
    let (outcome, cookie) =
        home.service.portal_third_synchronize(&owed, &app.from(far + 20, 2), &visit()).expect("answered");
    assert!(matches!(outcome.result, SequenceResult::Synchronized { .. }), "{outcome:?}");
    assert!(cookie.is_none(), "the token is back, the PIN is still owed");
    let wrong: Vec<Otp> = app.from(far + 30, 2).iter().map(|code| glued("2581", code, "")).collect();
    let (_, cookie) = home.service.portal_third_synchronize(&owed, &wrong, &visit()).expect("answered");
    assert!(cookie.is_none());
    let failures = home.service.token(&admin(), &app.serial).expect("there").state.budget.failures;
    assert_eq!(failures, 1, "a wrong PIN is counted here, too");
    let (_, cookie) =
        home.service.portal_third_synchronize(&owed, &app.from(far + 36, 2), &visit()).expect("answered");
    let failures = home.service.token(&admin(), &app.serial).expect("there").state.budget.failures;
    assert_eq!((failures, cookie.is_none()), (1, true), "bare codes forgive nothing");
    let both: Vec<Otp> = app.from(far + 40, 2).iter().map(|code| glued("2580", code, "")).collect();
    let (_, cookie) = home.service.portal_third_synchronize(&owed, &both, &visit()).expect("answered");
    assert!(cookie.is_some());
}

/// P33: a confirmation takes the bare code or both; P19 goes before it.
#[test]
fn p33_confirmations_take_both() {
    for glue in ["", "2580"] {
        let home = home();
        let (portal, app) = with_pin(&home, PinPlacement::After);
        let portal = home.prove(&portal, &glued("", &app.at(home.step()), "2580"));
        home.service.portal_unassign(&portal, &visit()).expect("given back");
        home.wait(30);
        let portal = home.sign_in("anna");
        let code = glued("", &app.at(home.step()), glue);
        let answer = home.service.portal_confirm(&portal, &app.serial, &[code], &visit()).expect("answered");
        assert!(matches!(answer, ConfirmResult::Confirmed { .. }), "{answer:?}");
        let view = home.service.token(&admin(), &app.serial).expect("there");
        assert!(view.token.pin.is_some(), "it is the same person's");
    }
}

/// P21: four digits unless the resource allows more, not what everybody tries; the place may be fixed.
#[test]
fn p21_rules_of_a_pin() {
    let home = home();
    let portal = home.sign_in("anna");
    let app = scanned(&home, &portal, false);
    home.service.portal_finish(&portal, &[app.at(home.step())], &visit()).expect("answered");
    let set = |portal: &PortalSession, digits: &str| {
        home.service.portal_set_pin(portal, &pin(digits), PinPlacement::After, &visit())
    };
    for (digits, wanted) in [
        ("123", "pin_length"),
        ("13579", "pin_length"),
        ("12a4", "pin_digits"),
        ("1111", "pin_guessed"),
        ("1234", "pin_guessed"),
        ("4321", "pin_guessed"),
    ] {
        let refused = set(&portal, digits);
        assert!(
            matches!(&refused, Err(ServiceError::Invalid { code, .. }) if *code == wanted),
            "{refused:?}"
        );
    }
    let longer = PortalSettings {
        pin_length: Some(8),
        pin_placement: Some(Some(PinPlacement::Before)),
        ..PortalSettings::default()
    };
    home.service.set_portal(&admin(), &resource("VPN"), &longer).expect("set");
    let portal = home.sign_in_full("anna", &app);
    set(&portal, "13572468").expect("set");
    let record = home.service.token(&admin(), &app.serial).expect("there").token.pin.expect("a PIN");
    assert_eq!((record.placement, record.digits), (PinPlacement::Before, 8));
    assert!(record.phc.starts_with("$argon2id$") && !record.phc.contains("13572468"));
    let again = set(&portal, "2580");
    assert!(matches!(again, Err(ServiceError::NotFound { .. })), "it has one: {again:?}");
    let rows = home.service.portal_preview(&admin(), &resource("VPN"), &login("anna")).expect("read");
    assert!(rows.contains(&(PortalAction::SetupPin, Some(WhyHidden::HasPin))));
    assert!(rows.contains(&(PortalAction::RemovePin, None)));
    home.wait(60);
    let step = home.step();
    assert!(matches!(third(&home, &glued("13572468", &app.at(step), "")), ThirdPage::Passed { .. }));
    let bad = PortalSettings { pin_length: Some(9), ..PortalSettings::default() };
    assert!(home.service.set_portal(&admin(), &resource("VPN"), &bad).is_err());
}

/// P22, P50: the owner removes the PIN, or an operator who noted how the person was identified.
#[test]
fn p22_p50_a_pin_is_removed() {
    let home = home();
    let (portal, app) = with_pin(&home, PinPlacement::After);
    let stale = home.service.portal_remove_pin(&portal, &visit());
    assert!(matches!(stale, Err(ServiceError::State { code: "proof_needed", .. })), "P32: {stale:?}");
    let portal = home.prove(&portal, &glued("", &app.at(home.step()), "2580"));
    home.service.portal_remove_pin(&portal, &visit()).expect("removed");
    home.wait(30);
    assert!(matches!(third(&home, &app.at(home.step())), ThirdPage::Passed { .. }));
    home.service.portal_set_pin(&portal, &pin("2580"), PinPlacement::After, &visit()).expect("set");

    let helpdesk = Actor { role: Some(Role::Helpdesk), ..operator(4) };
    let silent = home.service.remove_pin(&helpdesk, &app.serial, "  ");
    assert!(matches!(silent, Err(ServiceError::Invalid { code: "note_missing", .. })), "{silent:?}");
    home.service.remove_pin(&helpdesk, &app.serial, "showed the passport").expect("removed");
    let mails = home.service.outbox(&admin(), 1).expect("a demonstration");
    assert!(mails[0].text.contains("was removed"), "{}", mails[0].text.as_str());
    let history = home
        .service
        .token_history(&admin(), &app.serial, mintmark::store::Page::first(1))
        .expect("read")
        .items;
    assert_eq!(history[0].action, "pin_removed");
    assert!(history[0].detail.contains(&("note".to_owned(), "showed the passport".to_owned())));
    let again = home.service.remove_pin(&helpdesk, &app.serial, "once more");
    assert!(matches!(again, Err(ServiceError::State { code: "pin_missing", .. })), "{again:?}");
    home.wait(60);
    assert!(matches!(third(&home, &app.at(home.step())), ThirdPage::Passed { .. }));
}

/// The next holder does not inherit a PIN.
#[test]
fn p33_a_returned_token_has_no_pin() {
    let home = home();
    let (_, app) = with_pin(&home, PinPlacement::After);
    home.service.set_custody(&admin(), &app.serial, "returned", None, "").expect("returned");
    let token = home.service.token(&admin(), &app.serial).expect("there").token;
    assert!(token.pin.is_none() && token.name.is_empty());
}
