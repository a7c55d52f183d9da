//! P16, P17: a token without a legible number is confirmed by its codes alone.

use std::sync::Barrier;
use std::thread;

use mintmark::model::{AssignmentKind, PortalAction};
use mintmark::oath::{Digits, Generator, HashAlg, MovingFactor, Otp};
use mintmark::secret::Seed;
use mintmark::service::{
    AssignRequest, CheckResult, ConfirmResult, PortalSession, PortalSettings, ServiceError, TokenView,
};
use mintmark::store::Page;
use subtle::ConstantTimeEq;

use super::fixture::{
    Home, StandIn, admin, login, many, operator, request, resource, secret_of, serial, visit,
};
use super::ocra::{Keypad, PLAIN};

fn unread(home: &Home, portal: &PortalSession, otps: &[Otp]) -> Result<ConfirmResult, ServiceError> {
    home.service.portal_confirm_unread(portal, false, otps, &visit())
}

fn answered(home: &Home, portal: &PortalSession, otps: &[Otp]) -> ConfirmResult {
    unread(home, portal, otps).expect("answered")
}

fn confirmed(home: &Home, portal: &PortalSession, otps: &[Otp]) -> (i64, Option<i64>) {
    match answered(home, portal, otps) {
        ConfirmResult::Confirmed { steps, seconds } => (steps, seconds),
        other => panic!("{other:?}"),
    }
}

/// *VPN* with anna, bert and these tokens, which are nobody's yet.
fn home(tokens: &[StandIn]) -> Home {
    let home = Home::new();
    home.add_vpn();
    for name in ["anna", "bert"] {
        home.add_user(name);
        home.give_address(name);
    }
    if !tokens.is_empty() {
        home.import("box", &tokens.iter().collect::<Vec<_>>());
        home.assign_batch("box");
    }
    home
}

fn there(home: &Home, token: &StandIn) -> TokenView {
    home.service.token(&admin(), &token.serial).expect("there")
}

/// The details of the newest record of this token or of all, as one text.
fn newest(home: &Home, token: Option<&StandIn>) -> String {
    let name = token.map(|token| format!("token:{}", token.serial.display()));
    let subject = name.and_then(|name| home.service.subject_named(&admin(), &name).expect("there"));
    let log = home.service.audit(&admin(), subject, Page::first(9)).expect("read").items;
    let record = log.iter().find(|record| record.action == "confirmation").expect("a record");
    let parts: Vec<String> = record.detail.iter().map(|(name, value)| format!("{name}={value}")).collect();
    parts.join(" ")
}

#[test]
fn p16_codes_alone_confirm_the_one_token_that_shows_them() {
    let mut tokens = many("CLK", 12);
    tokens.push(StandIn::hotp("PRESS-1"));
    let home = home(&tokens);
    let anna = home.sign_in("anna");
    assert_eq!(home.service.portal_unread_codes(&anna).expect("few"), 2);
    // Twenty hours fast: within the portal's day.
    let there_now = home.step() + 2_400;
    let codes = tokens[7].from(there_now - 1, 2);
    assert_eq!(confirmed(&home, &anna, &codes), (2_400, Some(72_000)));
    // As by its number: pair, custody, clock, floor, notice and record.
    let view = there(&home, &tokens[7]);
    assert_eq!((view.custody, view.state.used), ("confirmed", true));
    assert_eq!(view.state.drift.map(|drift| drift.seconds), Some(72_000));
    assert_eq!(view.state.floor, MovingFactor(there_now + 1));
    let pair = ("VPN".to_owned(), AssignmentKind::TokenWithUser, Some("anna".to_owned()));
    assert_eq!(view.assignments, [pair]);
    let (to, text) = home.notices().remove(0);
    assert_eq!(to, "anna@example.org");
    assert!(text.contains(tokens[7].serial.display()), "{text}");
    assert_eq!(newest(&home, Some(&tokens[7])), "result=confirmed found_by=codes");
    // A token that counts presses, far ahead, and whoever has a token has nothing more to confirm.
    let bert = home.sign_in("bert");
    assert_eq!(confirmed(&home, &bert, &tokens[12].from(990, 2)), (990, None));
    assert_eq!(there(&home, &tokens[12]).state.floor, MovingFactor(992));
    let again = unread(&home, &anna, &tokens[0].from(home.step() - 1, 2));
    assert!(matches!(again, Err(ServiceError::NotFound { what: "action" })), "{again:?}");
    // Nothing of the others moved.
    assert!(tokens[..7].iter().all(|token| !there(&home, token).state.used));
}

#[test]
fn p16_other_hashes_and_digits_are_found_too() {
    let home = home(&many("CLK", 3));
    let line = format!("LONG-1,{},TOTP,8,60,SHA256\n", data_encoding::HEXLOWER.encode(&secret_of("LONG-1")));
    let import = mintmark::service::ImportRequest { commit: true, ..request(&line, "long") };
    assert_eq!(home.plan(import).import.counts.new, 1);
    home.assign_batch("long");
    let generator = Generator::new(&Seed::new(secret_of("LONG-1")), HashAlg::Sha256);
    let step = home.step() / 2 - 300;
    let codes: Vec<Otp> =
        (step - 1..=step).map(|at| generator.code(MovingFactor(at), Digits::EIGHT)).collect();
    let anna = home.sign_in("anna");
    // The last six digits of the same codes are no codes of a token that shows eight.
    let cut: Vec<Otp> = (step - 1..=step).map(|at| generator.code(MovingFactor(at), Digits::SIX)).collect();
    assert!(matches!(answered(&home, &anna, &cut), ConfirmResult::Refused { .. }));
    assert_eq!(confirmed(&home, &anna, &codes), (-300, Some(-18_000)));
    let pair = home.service.portal_home(&anna).expect("read").token.expect("confirmed");
    assert_eq!(pair.token.serial, serial("LONG-1"));
}

/// What is the user's own by name, or was theirs before, is found by them and by nobody else.
#[test]
fn p16_own_tokens_are_found_by_their_owner_alone() {
    let tokens = many("OWN", 4);
    let home = home(&[]);
    home.import("own", &tokens.iter().collect::<Vec<_>>());
    home.offer(&[PortalAction::RegisterExistingToken, PortalAction::UnassignToken]);
    let by_name = |token: usize, user: &str| {
        let request = AssignRequest {
            kind: AssignmentKind::UserToken,
            user: Some(login(user)),
            token: Some(tokens[token].serial.clone()),
        };
        home.service.assign(&admin(), &resource("VPN"), &request).expect("assigned");
    };
    by_name(0, "anna");
    by_name(1, "bert");
    let anna = home.sign_in("anna");
    let codes = |token: usize| tokens[token].from(home.step() - 1, 2);
    assert!(matches!(answered(&home, &anna, &codes(1)), ConfirmResult::Refused { .. }));
    assert!(!there(&home, &tokens[1]).state.used);
    confirmed(&home, &anna, &codes(0));
    let bert = home.sign_in("bert");
    confirmed(&home, &bert, &codes(1));
    // Given back: still anna's, and not bert's.
    home.wait(60);
    let portal = home.sign_in_full("anna", &tokens[0]);
    home.service.portal_unassign(&portal, &visit()).expect("given back");
    home.wait(60);
    let portal = home.sign_in("anna");
    confirmed(&home, &portal, &codes(0));
}

/// Of more own tokens than are looked at, those that were handed out last are.
#[test]
fn p16_the_newest_own_tokens_are_looked_at() {
    let tokens = many("OWN", 3);
    let home = home(&[]);
    home.import("own", &tokens.iter().collect::<Vec<_>>());
    home.offer(&[PortalAction::RegisterExistingToken, PortalAction::UnassignToken]);
    for (place, token) in tokens.iter().enumerate() {
        let request = AssignRequest {
            kind: AssignmentKind::UserToken,
            user: Some(login("anna")),
            token: Some(token.serial.clone()),
        };
        home.service.assign(&admin(), &resource("VPN"), &request).expect("assigned");
        let anna = home.sign_in("anna");
        confirmed(&home, &anna, &token.from(home.step() - 1, 2));
        if place < 2 {
            home.wait(60);
            let portal = home.sign_in_full("anna", token);
            home.service.portal_unassign(&portal, &visit()).expect("given back");
            home.wait(60);
        }
    }
}

/// Decision 3: the window times the tokens. What is nobody's counts, whoever asks, and nothing else.
#[test]
fn p17_everybody_is_asked_for_as_many_codes_as_the_tokens_need() {
    let tokens = many("CLK", 16);
    let home = home(&tokens[..15]);
    let (anna, bert) = (home.sign_in("anna"), home.sign_in("bert"));
    let asked = |portal: &PortalSession| home.service.portal_unread_codes(portal).expect("few");
    // 17 times 5,761 start positions are carried by two codes of six digits, 18 times are not; two are kept for own ones.
    assert_eq!((asked(&anna), asked(&bert)), (2, 2));
    home.import("more", &[&tokens[15]]);
    home.assign_batch("more");
    let held = home.service.set_custody(&admin(), &tokens[3].serial, "handed_out", Some(&login("bert")), "");
    held.expect("handed out");
    assert_eq!((asked(&anna), asked(&bert)), (3, 3), "also those of other hands");
    let step = home.step();
    let two = answered(&home, &anna, &tokens[15].from(step - 1, 2));
    assert_eq!(two, ConfirmResult::MoreOtpsNeeded { otps_needed: 3 });
    let before = home.service.audit(&admin(), None, Page::first(1)).expect("read").items[0].n;
    assert_eq!(
        answered(&home, &anna, &[tokens[15].at(step)]),
        ConfirmResult::MoreOtpsNeeded { otps_needed: 3 }
    );
    assert_eq!(
        home.service.audit(&admin(), None, Page::first(1)).expect("read").items[0].n,
        before,
        "no try"
    );
    confirmed(&home, &anna, &tokens[15].from(step - 2, 3));
    assert_eq!(asked(&bert), 2, "a confirmed one is searched no more");
    confirmed(&home, &bert, &tokens[3].from(step - 1, 2));
}

#[test]
fn p17_too_many_tokens_are_for_the_desk() {
    let tokens = many("CLK", 13);
    let home = home(&tokens[..12]);
    let year = PortalSettings { window_secs: Some(31_557_600), ..PortalSettings::default() };
    home.service.set_portal(&admin(), &resource("VPN"), &year).expect("set");
    let anna = home.sign_in("anna");
    assert_eq!(
        home.service.portal_unread_codes(&anna).expect("twelve and two own times a year are searched"),
        3
    );
    home.import("one more", &[&tokens[12]]);
    home.assign_batch("one more");
    let codes = tokens[12].from(home.step() - 2, 3);
    for refused in [home.service.portal_unread_codes(&anna).map(drop), unread(&home, &anna, &codes).map(drop)]
    {
        assert!(matches!(refused, Err(ServiceError::State { code: "too_many_tokens", .. })), "{refused:?}");
    }
    assert!(!there(&home, &tokens[12]).state.used);
}

/// Law 6: what is elsewhere, another's, switched off, blocked, used or asked by challenges answers as what is nowhere.
#[test]
fn service_law6_codes_alone_say_one_thing() {
    let names = ["box", "mail", "held", "off", "blocked", "used", "paired", "lost"];
    let tokens: Vec<StandIn> = names.into_iter().map(StandIn::totp).collect();
    let home = home(&[]);
    home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    home.import("all", &tokens.iter().collect::<Vec<_>>());
    let put = |token: usize, on: &str, kind, user: Option<&str>| {
        let request =
            AssignRequest { kind, user: user.map(login), token: Some(tokens[token].serial.clone()) };
        home.service.assign(&admin(), &resource(on), &request).expect("assigned");
    };
    put(1, "Mail", AssignmentKind::Token, None);
    for token in [2, 3, 4, 5, 7] {
        put(token, "VPN", AssignmentKind::Token, None);
    }
    put(6, "VPN", AssignmentKind::TokenWithUser, Some("bert"));
    let moved = |token: usize, to: &str, user: Option<&str>| {
        let user = user.map(login);
        home.service.set_custody(&admin(), &tokens[token].serial, to, user.as_ref(), "").expect("moved");
    };
    moved(2, "handed_out", Some("bert"));
    moved(7, "lost", None);
    home.service.set_token_enabled(&admin(), &tokens[3].serial, false).expect("disabled");
    for _ in 0..5 {
        let wrong = tokens[4].wrong(home.step());
        home.service.check(&operator(1), &tokens[4].serial, &wrong).expect("answered");
    }
    let used = home.service.check(&operator(1), &tokens[5].serial, &tokens[5].at(home.step()));
    assert!(matches!(used, Ok(CheckResult::Accepted { .. })), "{used:?}");
    let mut keypad = Keypad::new("KEYPAD", PLAIN);
    let import = mintmark::service::ImportRequest { commit: true, ..request(&keypad.line(), "keypads") };
    assert_eq!(home.plan(import).import.counts.new, 1);
    home.assign_batch("keypads");

    // Ten failures a day are a person's.
    home.add_user("carl");
    let portals = [home.sign_in("anna"), home.sign_in("carl")];
    let mut told = Vec::new();
    let mut ask = |codes: &[Otp]| {
        let answer = unread(&home, &portals[told.len() % 2], codes);
        told.push(format!("{answer:?}"));
    };
    for token in &tokens {
        ask(&token.from(home.step() - 1, 2));
    }
    ask(&StandIn::totp("UNKNOWN").from(home.step() - 1, 2));
    ask(&[keypad.answer(&home, "12345678"), keypad.answer(&home, "87654321")]);
    ask(&[Otp::parse("1234").expect("digits"), Otp::parse("2345").expect("digits")]);
    ask(&[Otp::parse("123456").expect("digits"), Otp::parse("2345678").expect("digits")]);
    assert!(told.iter().all(|one| *one == told[0] && one.contains("Refused")), "{told:#?}");
    let log = home.service.audit(&admin(), None, Page::first(80)).expect("read").items;
    let reasons: Vec<&str> = log
        .iter()
        .filter(|record| record.action == "confirmation")
        .filter_map(|record| record.detail.iter().find(|(name, _)| name == "reason"))
        .map(|(_, reason)| reason.as_str())
        .collect();
    let mut expected = vec!["not_found"; 12];
    (expected[4], expected[5], expected[10], expected[11]) =
        ("blocked", "behind_floor", "otp_length", "otp_length");
    expected.reverse();
    assert_eq!(reasons, expected);
}

/// P17: one count for both ways, ten a day.
#[test]
fn p17_failures_by_codes_and_by_number_count_together() {
    let tokens = many("CLK", 3);
    let home = home(&tokens);
    let anna = home.sign_in("anna");
    let wrong = || [tokens[0].wrong(home.step()), tokens[1].at(3)];
    for n in 0..10 {
        let answer = if n % 2 == 0 {
            answered(&home, &anna, &wrong())
        } else {
            home.service.portal_confirm(&anna, &tokens[0].serial, &wrong(), &visit()).expect("answered")
        };
        assert!(matches!(answer, ConfirmResult::Refused { reason: "refused", .. }), "{n}: {answer:?}");
    }
    let right = tokens[2].from(home.step() - 1, 2);
    assert!(matches!(answered(&home, &anna, &right), ConfirmResult::Blocked { until: Some(_) }));
    assert_eq!(newest(&home, None), "result=blocked reason=user_budget found_by=codes");
    home.wait(86_401);
    let anna = home.sign_in("anna");
    confirmed(&home, &anna, &tokens[2].from(home.step() - 1, 2));
}

/// Law 1, and one search of a user at a time: who sends many forms at once has one of them count.
#[test]
fn law1_the_same_codes_from_many_sides_confirm_once() {
    let tokens = many("CLK", 5);
    let home = home(&tokens);
    let sides: Vec<PortalSession> =
        ["anna", "bert", "anna", "bert"].into_iter().map(|name| home.sign_in(name)).collect();
    let codes = || tokens[1].from(home.step() - 1, 2);
    let barrier = Barrier::new(sides.len());
    let done = thread::scope(|scope| {
        let (home, barrier, codes) = (&home, &barrier, &codes);
        let threads: Vec<_> = sides
            .iter()
            .map(|portal| {
                scope.spawn(move || {
                    barrier.wait();
                    matches!(unread(home, portal, &codes()), Ok(ConfirmResult::Confirmed { .. }))
                })
            })
            .collect();
        threads.into_iter().map(|side| side.join().expect("no panic")).filter(|done| *done).count()
    });
    assert_eq!(done, 1);
    let kinds: Vec<_> = there(&home, &tokens[1]).assignments.into_iter().map(|(_, kind, _)| kind).collect();
    assert_eq!(kinds, [AssignmentKind::TokenWithUser]);
}

/// P18: it takes the place of another one as a token with a number does.
#[test]
fn p18_a_token_found_by_its_codes_takes_the_place_of_another() {
    let tokens = many("CLK", 3);
    let home = home(&tokens);
    home.offer(&[PortalAction::RegisterExistingToken, PortalAction::ReassignToken]);
    confirmed(&home, &home.sign_in("anna"), &tokens[0].from(home.step() - 1, 2));
    let portal = home.sign_in_full("anna", &tokens[0]);
    home.wait(301);
    let codes = tokens[1].from(home.step() - 1, 2);
    let replace = |portal: &PortalSession| home.service.portal_confirm_unread(portal, true, &codes, &visit());
    let early = replace(&portal);
    assert!(matches!(early, Err(ServiceError::State { code: "proof_needed", .. })), "{early:?}");
    let portal = home.prove(&portal, &tokens[0].at(home.step()));
    assert!(matches!(replace(&portal), Ok(ConfirmResult::Confirmed { .. })));
    assert_eq!(there(&home, &tokens[0]).assignments.len(), 0);
    assert_eq!(there(&home, &tokens[1]).custody, "confirmed");
}

/// Law 2: only a match that is the only one counts.
#[test]
fn law2_codes_that_two_tokens_show_confirm_neither() {
    // Looked for among the codes of 400 tokens: these two show the same pair, 53 minutes and 9 hours slow.
    let twins = [StandIn::totp("TWIN-366"), StandIn::totp("TWIN-383")];
    let home = home(&twins);
    let anna = home.sign_in("anna");
    let codes = twins[0].from(home.step() - 106, 2);
    let same = twins[1].from(home.step() - 1_077, 2);
    assert!(codes.iter().zip(&same).all(|(one, other)| bool::from(one.ct_eq(other))));
    assert!(matches!(answered(&home, &anna, &codes), ConfirmResult::Refused { .. }));
    assert_eq!(newest(&home, None), "result=refused reason=ambiguous found_by=codes");
    // One more tells them apart.
    confirmed(&home, &anna, &twins[0].from(home.step() - 106, 3));
}
