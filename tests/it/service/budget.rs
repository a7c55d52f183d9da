//! Failure counters and the clock.

use mintmark::clock::{ManualClock, UnixTime};
use mintmark::model::{AssignmentKind, Budget, Role, Visit};
use mintmark::service::{
    AssignRequest, AuthRequest, AuthResult, CheckResult, ConfirmRequest, SecondPage, Service, ServiceError,
    StoreMark,
};
use mintmark::store::{RedbStore, StoreError};
use mintmark::vault::RootKey;

use super::fixture::{
    ADDRESS, Home, PASSWORD, START, StandIn, admin, alias, login, operator, resource, typed, visit,
};

fn blocked_for(result: CheckResult, home: &Home) -> Option<i64> {
    match result {
        CheckResult::Blocked { until } => {
            Some(until.map_or(i64::MAX, |until| until.secs_since(home.service.now())))
        }
        _ => None,
    }
}

#[test]
fn service_waits_grow_and_end_with_a_lock() {
    // P11: 30 s doubling to one hour, at fifty only an operator.
    let token = StandIn::totp("T-1");
    let home = Home::new();
    home.import("one", &[&token]);
    let check = |otp| home.service.check(&operator(1), &token.serial, &otp).expect("answered");
    let mut waits = Vec::new();
    for n in 1..=50 {
        assert_eq!(check(token.wrong(home.step())), CheckResult::Wrong);
        if n >= 5 {
            // Blocked also with the right code.
            waits.extend(blocked_for(check(token.at(home.step())), &home));
        }
        home.wait(3_601);
    }
    assert_eq!(waits[..9], [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]);
    assert_eq!((waits.len(), waits.last()), (46, Some(&i64::MAX)), "the fifth waits, the fiftieth locks");
    home.wait(1_000_000);
    assert_eq!(check(token.at(home.step())), CheckResult::Blocked { until: None });
    home.service.unblock_token(&operator(2), &token.serial).expect("unblocked");
    assert!(matches!(check(token.at(home.step())), CheckResult::Accepted { .. }));

    // A success resets.
    for _ in 0..4 {
        assert_eq!(check(token.wrong(home.step())), CheckResult::Wrong);
    }
    home.wait(30);
    assert!(matches!(check(token.at(home.step())), CheckResult::Accepted { .. }));
    let state = home.service.token(&admin(), &token.serial).expect("there").state;
    assert_eq!(state.budget, Budget::CLEAR);
    // A replayed right code is written down, not counted.
    for _ in 0..10 {
        assert!(matches!(check(token.at(home.step())), CheckResult::Replayed { .. }));
    }
    let state = home.service.token(&admin(), &token.serial).expect("there").state;
    assert_eq!(state.budget, Budget::CLEAR);
}

#[test]
fn service_attempts_in_parallel_do_not_exceed_the_budget() {
    let token = StandIn::totp("T-1");
    let home = Home::new();
    home.import("one", &[&token]);
    let step = home.step();
    let looked_at = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..64 {
            scope.spawn(|| {
                let wrong = token.wrong(step);
                if home.service.check(&operator(1), &token.serial, &wrong).expect("answered")
                    == CheckResult::Wrong
                {
                    looked_at.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(looked_at.into_inner(), 5);
}

#[test]
fn service_limits_are_those_of_the_resource_that_is_asked() {
    // A pair may stand on several resources; each has its own idea of how many failures are too many.
    let token = StandIn::totp("T-1");
    let home = Home::new();
    home.import("one", &[&token]);
    home.add_vpn();
    home.add_user("anna");
    home.service.add_resource(&admin(), &resource("Door")).expect("made");
    home.service.change_resource(&admin(), &resource("Door"), None, Some(3)).expect("changed");
    for place in ["VPN", "Door"] {
        let pair = AssignRequest {
            kind: AssignmentKind::TokenWithUser,
            user: Some(login("anna")),
            token: Some(token.serial.clone()),
        };
        home.service.assign(&admin(), &resource(place), &pair).expect("assigned");
    }
    let anna = login("anna");
    let ask = |place: &str, otp| {
        let request = AuthRequest { user: &anna, password: None, otp: Some(&otp), address: None };
        home.service.authenticate(&admin(), &resource(place), &request).expect("answered")
    };
    for (place, wrong) in [("Door", 3), ("VPN", 5)] {
        for n in 1..=wrong {
            assert_eq!(ask(place, token.wrong(home.step())), AuthResult::Rejected, "{place} {n}");
        }
        let right = || token.at(home.step());
        assert!(matches!(ask(place, right()), AuthResult::Blocked { until: Some(_) }), "{place}");
        home.service.unblock_token(&operator(2), &token.serial).expect("unblocked");
        assert_eq!(ask(place, right()), AuthResult::Accepted, "{place}");
        home.wait(30);
    }
}

#[test]
fn service_passwords_and_codes_have_counters_of_their_own() {
    let token = StandIn::totp("T-1");
    let home = Home::new();
    home.import("one", &[&token]);
    home.add_vpn();
    home.add_user("anna");
    let pair = AssignRequest {
        kind: AssignmentKind::TokenWithUser,
        user: Some(login("anna")),
        token: Some(token.serial.clone()),
    };
    home.service.assign(&admin(), &resource("VPN"), &pair).expect("assigned");
    let anna = login("anna");
    let ask = |password: &str, otp| {
        let password = typed(password);
        let request =
            AuthRequest { user: &anna, password: Some(&password), otp: Some(&otp), address: Some(ADDRESS) };
        home.service.authenticate(&admin(), &resource("VPN"), &request).expect("answered")
    };
    for _ in 0..5 {
        assert_eq!(ask("not the password", token.at(home.step())), AuthResult::Rejected);
        home.wait(30);
    }
    home.wait(10);
    // The right codes beside the wrong passwords were spent; the token is not blocked, the password is.
    assert!(matches!(
        ask(PASSWORD, token.at(home.step())),
        AuthResult::Blocked { until: Some(_) } | AuthResult::Accepted
    ));
    home.wait(40);
    assert_eq!(ask(PASSWORD, token.at(home.step())), AuthResult::Accepted);
}

#[test]
fn service_stops_when_the_clock_was_set_back() {
    let token = StandIn::totp("T-1");
    let home = Home::new();
    home.import("one", &[&token]);
    home.add_vpn();
    home.add_user("anna");
    home.assign_batch("one");
    let portal = home.sign_in("anna");
    home.wait(3_600);
    let used = home.step();
    let check = || home.service.check(&operator(1), &token.serial, &token.at(used));
    assert!(matches!(check(), Ok(CheckResult::Accepted { .. })));
    let newest = home.service.now();

    home.clock.set(newest.plus_secs(-5));
    check().expect("five seconds are borne");
    home.clock.set(newest.plus_secs(-6));
    let faults = |home: &Home| {
        let codes = token.from(used - 1, 2);
        let (vpn, anna, otp) = (resource("VPN"), login("anna"), token.at(used));
        let ask = AuthRequest { user: &anna, password: None, otp: Some(&otp), address: None };
        let confirm = ConfirmRequest { resource: &vpn, user: &anna, serial: &token.serial, otps: &codes };
        [
            home.service.check(&operator(1), &token.serial, &otp).map(drop),
            home.service.authenticate(&admin(), &vpn, &ask).map(drop),
            home.service.confirm(&admin(), &confirm).map(drop),
            home.service.resync(&operator(1), &token.serial, &codes, None, None).map(drop),
            home.service.portal_confirm(&portal, &token.serial, &codes, &visit()).map(drop),
        ]
        .into_iter()
        .filter(|answer| matches!(answer, Err(ServiceError::ClockFault { .. })))
        .count()
    };
    assert_eq!(faults(&home), 5);
    assert_eq!(home.service.clock_fault().expect("read"), Some(newest));

    // What is written meanwhile does not make the clock right.
    home.service.set_token_note(&admin(), &token.serial, "looked at").expect("noted");
    assert_eq!(faults(&home), 5);
    // Two operators do.
    home.service.accept_clock(&admin()).expect_err("nobody has signed in");
    assert!(!home.service.accept_clock(&operator(1)).expect("first"));
    assert!(!home.service.accept_clock(&operator(1)).expect("the same one again"));
    assert_eq!(faults(&home), 5);
    assert!(home.service.accept_clock(&operator(2)).expect("second"));
    assert_eq!(faults(&home), 0);
    assert_eq!(home.service.clock_fault().expect("read"), None);
    home.service.accept_clock(&operator(1)).expect_err("the clock is right");
    assert!(matches!(check(), Ok(CheckResult::Replayed { .. })), "floors stand whatever the clock says");
}

#[test]
fn service_does_not_begin_in_1970() {
    let store = RedbStore::in_memory().expect("memory");
    let root = RootKey::generate().expect("random");
    for at in [UnixTime::EPOCH, UnixTime::from_secs(1_700_000_000)] {
        let refused = Service::initialise(&store, &root, &ManualClock::new(at), StoreMark::default());
        assert!(matches!(refused, Err(ServiceError::ClockFault { .. })), "{refused:?}");
    }
    Service::initialise(&store, &root, &ManualClock::new(START), StoreMark::default()).expect("made");
    Service::initialise(&store, &root, &ManualClock::new(START), StoreMark::default())
        .expect_err("there is one");
}

/// A wrong password for a login that nobody else tries, from an address.
fn guess(home: &Home, n: u32, address: &str) -> SecondPage {
    let cookie = home
        .service
        .portal_begin(&alias(), &login(&format!("guess{n}")), &Visit::from_address(address))
        .expect("begun");
    home.service
        .portal_second(&home.session(&cookie), &typed("no"), &Visit::from_address(address))
        .expect("answered")
}

fn enter(home: &Home, address: &str) -> SecondPage {
    let cookie =
        home.service.portal_begin(&alias(), &login("anna"), &Visit::from_address(address)).expect("begun");
    home.service
        .portal_second(&home.session(&cookie), &typed(PASSWORD), &Visit::from_address(address))
        .expect("answered")
}

#[test]
fn service_budget_of_an_address() {
    // P11: a few tries at everybody are counted, too.
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    for n in 0..50 {
        assert!(matches!(guess(&home, n, ADDRESS), SecondPage::Refused), "{n}");
        if n == 20 {
            assert!(
                matches!(enter(&home, ADDRESS), SecondPage::Passed { .. }),
                "and a success resets nothing"
            );
        }
    }
    // Known or unknown, right or wrong, console or portal: not looked at.
    let wait = |page: SecondPage| match page {
        SecondPage::Blocked { until: Some(until) } => until.secs_since(home.service.now()),
        other => panic!("{other:?}"),
    };
    let head = login("head");
    home.service.add_operator(&admin(), &head, &typed(PASSWORD), Role::Admin, None).expect("made");
    for address in [ADDRESS, "::ffff:192.0.2.7"] {
        assert_eq!(wait(guess(&home, 60, address)), 30);
        assert_eq!(wait(enter(&home, address)), 30);
        let at_the_console =
            home.service.operator_sign_in(&head, &typed(PASSWORD), &Visit::from_address(address));
        assert!(
            matches!(at_the_console, Err(ServiceError::TooMany { until: Some(_), .. })),
            "{at_the_console:?}"
        );
    }
    // Elsewhere nobody notices; and the wait is in the store.
    for address in ["192.0.2.8", "2001:db8::1"] {
        assert!(matches!(enter(&home, address), SecondPage::Passed { .. }), "{address}");
    }
    let again = home.open(home.store.clone()).expect("opens");
    let refused = again.operator_sign_in(&head, &typed(PASSWORD), &visit());
    assert!(matches!(refused, Err(ServiceError::TooMany { .. })), "{refused:?}");

    // Waits double, but stay short, and nothing locks for good.
    home.wait(31);
    let mut waits = Vec::new();
    for n in 0..6 {
        assert!(matches!(guess(&home, 100 + n, ADDRESS), SecondPage::Refused), "{n}");
        let secs = wait(enter(&home, ADDRESS));
        waits.push(secs);
        home.wait(u64::try_from(secs).expect("ahead") + 1);
    }
    assert_eq!(waits, [60, 120, 240, 300, 300, 300]);
    assert!(matches!(enter(&home, ADDRESS), SecondPage::Passed { .. }));
    // After an hour all is forgotten, and after a day the record is gone.
    home.wait(3_600);
    assert!(matches!(guess(&home, 200, ADDRESS), SecondPage::Refused));
    assert!(matches!(enter(&home, ADDRESS), SecondPage::Passed { .. }));
    let hashed = || {
        let limit = home.service.now().plus_secs(1);
        home.store.read(|view| Ok::<_, StoreError>(view.stale_budgets(limit, 1_000)?.1)).expect("read")
    };
    assert!(hashed() > 2);
    home.wait(2 * 86_400);
    home.service.sweep().expect("swept");
    assert_eq!(hashed(), 0);
}

#[test]
fn service_budget_of_the_console_counts_for_its_address() {
    let home = Home::new();
    let try_in = |n: u32| home.service.operator_sign_in(&login(&format!("op{n}")), &typed("no"), &visit());
    for n in 0..50 {
        assert!(matches!(try_in(n), Ok(None)), "{n}");
    }
    assert!(matches!(try_in(51), Err(ServiceError::TooMany { until: Some(_), .. })));
}

#[test]
fn service_budget_of_an_address_spares_who_cannot_be_told_apart() {
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    for n in 0..52 {
        assert!(matches!(guess(&home, n, "127.0.0.1"), SecondPage::Refused), "{n}");
    }
    assert!(matches!(enter(&home, "127.0.0.1"), SecondPage::Passed { .. }));
}

#[test]
fn service_budget_of_mails_from_an_address() {
    let home = Home::new();
    home.add_vpn();
    for n in 0..102 {
        home.add_mail_user(&format!("user{n}"));
        home.begin(&format!("user{n}"));
    }
    let sent = || home.service.outbox(&admin(), 1_000).expect("a demonstration store").len();
    assert_eq!(sent(), 100, "and the page is the same for the others");
    home.service.portal_begin(&alias(), &login("user101"), &Visit::from_address("192.0.2.8")).expect("begun");
    assert_eq!(sent(), 101);
    home.wait(901);
    home.begin("user100");
    assert_eq!(sent(), 102);
}
