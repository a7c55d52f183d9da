//! From the vendor's file to a token that drifted and came back.

use mintmark::model::Custody;
use mintmark::service::{
    AuthRequest, AuthResult, CheckResult, ConfirmResult, PortalState, SecondPage, SequenceResult, ThirdPage,
    WindowSteps,
};

use super::fixture::{
    ADDRESS, Home, PASSWORD, StandIn, admin, login, operator, resource, serial, typed, visit,
};

#[test]
fn service_walk_from_file_to_resync() {
    let home = Home::new();
    let service = &home.service;
    let tokens = [StandIn::totp("T-0001"), StandIn::totp("T-0002"), StandIn::hotp("T-0003")];
    home.import("spring", &tokens.each_ref());
    home.add_vpn();
    home.add_user("anna");
    home.assign_batch("spring");
    assert_eq!(service.token(&admin(), &serial("t0001")).expect("there").custody, "assigned");

    let anna = login("anna");
    service.set_custody(&admin(), &serial("T-0001"), "handed_out", Some(&anna), "").expect("handed out");

    let portal = home.sign_in("anna");
    assert_eq!(portal.state(), PortalState::Full);
    let token = &tokens[0];
    let step = home.step();
    let confirmed = service
        .portal_confirm(&portal, &serial("t 0001"), &token.from(step - 1, 2), &visit())
        .expect("answered");
    assert_eq!(confirmed, ConfirmResult::Confirmed { steps: 0, seconds: Some(0) });
    let view = service.token(&admin(), &serial("T0001")).expect("there");
    assert!(matches!(view.token.custody, Custody::Confirmed { .. }));
    assert_eq!(view.user.as_deref(), Some("anna"));

    // The next code of the display lets anna in, once.
    home.wait(30);
    let ask = |otp| {
        let password = typed(PASSWORD);
        let request =
            AuthRequest { user: &anna, password: Some(&password), otp: Some(&otp), address: Some(ADDRESS) };
        service.authenticate(&admin(), &resource("VPN"), &request).expect("answered")
    };
    assert_eq!(ask(token.at(step + 1)), AuthResult::Accepted);
    assert_eq!(ask(token.at(step + 1)), AuthResult::Rejected);
    assert_eq!(
        service.check(&admin(), &token.serial, &token.at(step + 1)).expect("answered"),
        CheckResult::Replayed { last_used: Some(service.now()) },
    );

    // A year in a drawer: the clock runs 41 days ahead.
    home.wait(365 * 86_400);
    let ahead = 41 * 2_880;
    let there = home.step() + ahead;
    let two =
        service.resync(&operator(1), &token.serial, &token.from(there - 1, 2), None, Some("at the desk"));
    let two = two.expect("answered");
    assert_eq!((two.result, two.otps_needed), (SequenceResult::MoreOtpsNeeded, 3));
    let three = service
        .resync(&operator(1), &token.serial, &token.from(there - 2, 3), None, Some("at the desk"))
        .expect("answered");
    assert_eq!(
        three.result,
        SequenceResult::Synchronized { steps: 41 * 2_880, seconds: Some(41 * 86_400), counter: None }
    );
    assert!(three.chance < 1e-6 && three.evaluated > 2_000_000);

    home.wait(30);
    let next = there + 1;
    assert_eq!(
        service.check(&admin(), &token.serial, &token.at(next)).expect("answered"),
        CheckResult::Accepted { steps: 41 * 2_880, seconds: Some(41 * 86_400) },
    );
    assert_eq!(service.verify_audit(&admin()).expect("read").fault, None);
}

#[test]
fn service_walk_of_an_event_token() {
    let home = Home::new();
    let token = StandIn::hotp("H-1");
    home.import("hotp", &[&token]);
    let check = |at| home.service.check(&operator(1), &token.serial, &token.at(at)).expect("answered");
    assert_eq!(check(3), CheckResult::Accepted { steps: 3, seconds: None });
    assert_eq!(check(3), CheckResult::Replayed { last_used: Some(home.service.now()) });
    assert_eq!(check(2), CheckResult::Replayed { last_used: Some(home.service.now()) });
    assert_eq!(check(14), CheckResult::OutsideWindow { steps: 10, seconds: None });
    assert_eq!(check(13), CheckResult::Accepted { steps: 9, seconds: None });
    let found = home.service.resync(&operator(1), &token.serial, &token.from(914, 2), None, None);
    let expected = SequenceResult::Synchronized { steps: 900, seconds: None, counter: Some(916) };
    assert_eq!(found.expect("answered").result, expected);
    let again = home.service.resync(&operator(1), &token.serial, &token.from(914, 2), None, None);
    assert_eq!(again.expect("answered").result, SequenceResult::Replayed);
    let past = Some(WindowSteps { past: 5, future: 5 });
    home.service.resync(&operator(1), &token.serial, &token.from(914, 2), past, None).expect_err("no past");
}

#[test]
fn service_sign_in_asks_for_the_token_and_brings_it_back() {
    // P9, P49
    let home = Home::new();
    let token = StandIn::totp("T-1");
    home.import("one", &[&token]);
    home.add_vpn();
    home.add_user("anna");
    home.assign_batch("one");
    let portal = home.sign_in("anna");
    let step = home.step();
    home.service
        .portal_confirm(&portal, &token.serial, &token.from(step - 1, 2), &visit())
        .expect("confirmed");
    home.wait(3_600);

    let owing = |home: &Home| {
        let first = home.begin("anna");
        match home.service.portal_second(&first, &typed(PASSWORD), &visit()).expect("answered") {
            SecondPage::Passed { cookie, owes_code: true } => home.session(&cookie),
            other => panic!("{other:?}"),
        }
    };
    let second = owing(&home);
    assert_eq!(second.state(), PortalState::OtpOwed);
    home.service.portal_home(&second).expect_err("not signed in yet");
    let now = home.step();
    match home.service.portal_third(&second, &token.wrong(now), &visit()).expect("answered") {
        ThirdPage::Refused { can_synchronize } => assert!(can_synchronize),
        other => panic!("{other:?}"),
    }
    let third = match home.service.portal_third(&second, &token.at(now), &visit()).expect("answered") {
        ThirdPage::Passed { cookie } => home.session(&cookie),
        other => panic!("{other:?}"),
    };
    assert_eq!(third.state(), PortalState::Full);
    let shown = home.service.portal_home(&third).expect("signed in");
    assert_eq!(shown.token.expect("a token").token.serial, token.serial);

    // Nine hours of drift: the third page takes two codes.
    let second = owing(&home);
    let far = home.step() + 9 * 120;
    let (outcome, cookie) =
        home.service.portal_third_synchronize(&second, &token.from(far, 2), &visit()).expect("answered");
    assert!(
        matches!(outcome.result, SequenceResult::Synchronized { seconds: Some(32_430), .. }),
        "{outcome:?}"
    );
    assert_eq!(home.session(&cookie.expect("signed in")).state(), PortalState::Full);
    // Both codes are spent.
    let second = owing(&home);
    match home.service.portal_third(&second, &token.at(far + 1), &visit()).expect("answered") {
        ThirdPage::AlreadyUsed => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn service_sign_in_by_codes_is_one_change() {
    // P49: a session that ended meanwhile costs no codes.
    let home = Home::new();
    let token = StandIn::totp("T-1");
    home.import("one", &[&token]);
    home.add_vpn();
    home.add_user("anna");
    home.assign_batch("one");
    let portal = home.sign_in("anna");
    let codes = token.from(home.step() - 1, 2);
    home.service.portal_confirm(&portal, &token.serial, &codes, &visit()).expect("confirmed");
    home.wait(3_600);
    let owing = || {
        let first = home.begin("anna");
        match home.service.portal_second(&first, &typed(PASSWORD), &visit()).expect("answered") {
            SecondPage::Passed { cookie, owes_code: true } => (home.session(&cookie), cookie),
            other => panic!("{other:?}"),
        }
    };
    let far = token.from(home.step() + 600, 2);
    let (second, cookie) = owing();
    home.service.sign_out(&cookie).expect("out");
    home.service.portal_third_synchronize(&second, &far, &visit()).expect_err("the session ended");
    let drift = home.service.token(&admin(), &token.serial).expect("there").state.drift;
    let (second, _) = owing();
    let (outcome, cookie) = home.service.portal_third_synchronize(&second, &far, &visit()).expect("answered");
    assert!(matches!(outcome.result, SequenceResult::Synchronized { .. }), "{outcome:?}");
    assert_ne!(home.service.token(&admin(), &token.serial).expect("there").state.drift, drift);
    assert_eq!(home.session(&cookie.expect("signed in")).state(), PortalState::Full);
}
