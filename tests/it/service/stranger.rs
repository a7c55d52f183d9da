//! Law 6: nothing tells a stranger anything. P8 to P11, P17.

use mintmark::clock::UnixTime;
use mintmark::model::{AssignmentKind, MailKind};
use mintmark::oath::Otp;
use mintmark::service::{
    AssignRequest, AuthRequest, AuthResult, CheckResult, ConfirmResult, PortalSession, PortalState,
    SecondPage, ServiceError, ThirdPage, WindowSteps,
};

use super::fixture::{
    ADDRESS, Home, PASSWORD, StandIn, admin, login, many, operator, resource, serial, typed, verifier, visit,
};

/// Tokens of all the kinds that must not be told apart: free, elsewhere, held by another, disabled,
/// blocked, used, confirmed by another.
fn scene() -> (Home, Vec<StandIn>) {
    let home = Home::new();
    home.add_vpn();
    home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    home.add_user("anna");
    home.add_user("bert");
    let tokens = many("A", 7);
    home.import("here", &tokens.iter().collect::<Vec<_>>());
    let vpn = resource("VPN");
    let put = |token: &StandIn, on: &str, kind, user: Option<&str>| {
        let request = AssignRequest { kind, user: user.map(login), token: Some(token.serial.clone()) };
        home.service.assign(&admin(), &resource(on), &request).expect("assigned");
    };
    put(&tokens[0], "VPN", AssignmentKind::Token, None);
    put(&tokens[1], "Mail", AssignmentKind::Token, None);
    put(&tokens[2], "VPN", AssignmentKind::Token, None);
    home.service
        .set_custody(&admin(), &tokens[2].serial, "handed_out", Some(&login("bert")), "")
        .expect("moved");
    put(&tokens[3], "VPN", AssignmentKind::Token, None);
    home.service.set_token_enabled(&admin(), &tokens[3].serial, false).expect("disabled");
    put(&tokens[4], "VPN", AssignmentKind::Token, None);
    let wrong = |token: &StandIn| token.wrong(home.step());
    for _ in 0..5 {
        home.service.check(&operator(1), &tokens[4].serial, &wrong(&tokens[4])).expect("answered");
    }
    put(&tokens[5], "VPN", AssignmentKind::Token, None);
    home.service.check(&operator(1), &tokens[5].serial, &tokens[5].at(home.step())).expect("answered");
    put(&tokens[6], "VPN", AssignmentKind::TokenWithUser, Some("bert"));
    home.service.resource(&admin(), &vpn).expect("there");
    (home, tokens)
}

fn answers(
    home: &Home,
    portal: &PortalSession,
    tokens: &[StandIn],
    codes: impl Fn(&StandIn) -> Vec<Otp>,
) -> Vec<String> {
    let unknown = StandIn::totp("UNKNOWN");
    tokens
        .iter()
        .chain([&unknown])
        .map(|token| {
            let answer = home.service.portal_confirm(portal, &token.serial, &codes(token), &visit());
            format!("{answer:?}")
        })
        .collect()
}

fn assert_all_equal(what: &str, answers: &[String]) {
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{what}: {answers:#?}");
}

#[test]
fn service_law6_confirmation_says_one_thing() {
    let (home, tokens) = scene();
    let portal = home.sign_in("anna");
    let wrong = |token: &StandIn| vec![token.wrong(home.step()), token.at(3)];
    let found = answers(&home, &portal, &tokens, wrong);
    assert_all_equal("wrong codes", &found);
    assert!(found[0].contains("Refused"), "{found:?}");

    // Right codes of tokens that anna may not have; the free one is left out, because that succeeds.
    let (home, tokens) = scene();
    let portal = home.sign_in("anna");
    let step = home.step();
    let right = |token: &StandIn| token.from(step - 1, 2);
    let found = answers(&home, &portal, &tokens[1..], right);
    assert_all_equal("right codes", &found);
    assert!(found[0].contains("Refused"), "{found:?}");
    // The log has the real reasons.
    let log = home.service.audit(&admin(), None, mintmark::store::Page::first(20)).expect("read").items;
    let reasons: Vec<_> = log
        .iter()
        .filter(|r| r.action == "confirmation")
        .flat_map(|r| r.detail.iter().filter(|(name, _)| name == "reason").map(|(_, value)| value.as_str()))
        .collect();
    for expected in
        ["other_resource", "held_by_other", "token_disabled", "blocked", "behind_floor", "unknown_serial"]
    {
        assert!(reasons.contains(&expected), "{expected} is not in {reasons:?}");
    }
    let free = home.service.portal_confirm(&portal, &tokens[0].serial, &right(&tokens[0]), &visit());
    assert!(matches!(free, Ok(ConfirmResult::Confirmed { .. })), "{free:?}");

    // One code, too short a code, the same code twice.
    let (home, tokens) = scene();
    let portal = home.sign_in("anna");
    assert_all_equal("one code", &answers(&home, &portal, &tokens, |token| vec![token.at(step)]));
    let (home, tokens) = scene();
    let portal = home.sign_in("anna");
    let short = |_: &StandIn| vec![Otp::parse("1234").expect("digits"), Otp::parse("2345").expect("digits")];
    assert_all_equal("short codes", &answers(&home, &portal, &tokens, short));
    assert_all_equal("twice", &answers(&home, &portal, &tokens, |token| vec![token.at(1), token.at(1)]));
}

#[test]
fn service_law6_ten_failed_confirmations_a_day() {
    // P17
    let (home, tokens) = scene();
    let portal = home.sign_in("anna");
    for n in 0..10 {
        let token = &tokens[n % tokens.len()];
        let codes = [token.wrong(home.step()), token.at(3)];
        let answer = home.service.portal_confirm(&portal, &token.serial, &codes, &visit()).expect("answered");
        assert!(matches!(answer, ConfirmResult::Refused { .. }), "{n}: {answer:?}");
    }
    let right = |token: &StandIn| token.from(home.step() - 1, 2);
    let found = answers(&home, &portal, &tokens, right);
    assert_all_equal("used up", &found);
    assert!(found[0].contains("Blocked"), "{found:?}");
    home.wait(86_401);
    let portal = home.sign_in("anna");
    let free = home.service.portal_confirm(&portal, &tokens[0].serial, &right(&tokens[0]), &visit());
    assert!(matches!(free, Ok(ConfirmResult::Confirmed { .. })), "{free:?}");
}

fn second(home: &Home, name: &str, password: &str) -> String {
    let first = home.begin(name);
    match home.service.portal_second(&first, &typed(password), &visit()).expect("answered") {
        SecondPage::Passed { .. } => "passed".to_owned(),
        SecondPage::CodeMailed { .. } => "a code was mailed".to_owned(),
        SecondPage::NoWayToAsk => "no way to ask".to_owned(),
        SecondPage::Refused => "refused".to_owned(),
        SecondPage::Blocked { until } => {
            format!("blocked for {:?}", until.map(|u| u.secs_since(home.service.now())))
        }
    }
}

#[test]
fn service_law6_sign_in_is_the_same_for_every_login() {
    let (home, _) = scene();
    home.add_mail_user("carl");
    let elsewhere = mintmark::service::NewUser {
        login: "dora".into(),
        password: Some(typed(PASSWORD)),
        resource: Some(resource("Mail")),
        ..mintmark::service::NewUser::default()
    };
    home.service.add_user(&admin(), elsewhere).expect("made");
    for round in 0..12 {
        let told: Vec<String> =
            ["anna", "carl", "dora", "nobody"].map(|name| second(&home, name, "a wrong password")).into();
        assert_all_equal(&format!("round {round}"), &told);
        let blocked = told[0].starts_with("blocked");
        assert_eq!(blocked, round > 4 && round % 2 == 1, "round {round}: {told:?}");
        if blocked {
            home.wait(3_601);
        }
    }
    // Blocked is blocked, also with the right password.
    assert_eq!(second(&home, "anna", "a wrong password"), "refused");
    assert!(second(&home, "anna", PASSWORD).starts_with("blocked"));
    home.wait(3_601);
    assert_eq!(second(&home, "anna", PASSWORD), "passed");
    assert_eq!(second(&home, "anna", "a wrong password"), "refused");
    assert_eq!(second(&home, "anna", PASSWORD), "passed", "a success reset the counter");
}

#[test]
fn service_law6_authentication_is_the_same_for_every_login() {
    for (with_password, with_otp) in [(true, false), (false, true), (true, true)] {
        let (home, tokens) = scene();
        // bert has a token here, anna has none, nobody is not here, eve's token is disabled.
        home.add_user("eve");
        let pair = AssignRequest {
            kind: AssignmentKind::TokenWithUser,
            user: Some(login("eve")),
            token: Some(tokens[3].serial.clone()),
        };
        home.service.assign(&admin(), &resource("VPN"), &pair).expect("assigned");
        for round in 0..8 {
            let told: Vec<String> = ["anna", "bert", "nobody", "eve"]
                .map(|name| {
                    let (name, password, otp) =
                        (login(name), typed("a wrong password"), tokens[6].wrong(home.step()));
                    let request = AuthRequest {
                        user: &name,
                        password: with_password.then_some(&password),
                        otp: with_otp.then_some(&otp),
                        address: Some(ADDRESS),
                    };
                    let answer = home.service.authenticate(&admin(), &resource("VPN"), &request);
                    format!("{:?}", answer.expect("answered"))
                })
                .into();
            assert_all_equal(&format!("{with_password} {with_otp} round {round}"), &told);
            assert_eq!(told[0].starts_with("Blocked"), round > 4, "{told:?}");
        }
    }
    let (home, _) = scene();
    let (anna, password) = (login("anna"), typed(PASSWORD));
    let request = AuthRequest { user: &anna, password: Some(&password), otp: None, address: None };
    let answer = home.service.authenticate(&admin(), &resource("VPN"), &request).expect("answered");
    assert_eq!(answer, AuthResult::Accepted, "the password alone is enough without a token");
}

/// The codes in the outbox, newest first.
fn mailed(home: &Home) -> Vec<String> {
    let mails = home.service.outbox(&admin(), 50).expect("a demonstration store");
    mails
        .iter()
        .filter(|mail| mail.mail.kind == MailKind::Code)
        .map(|mail| {
            let (_, rest) = mail.text.split_once(" is ").expect("the code stands behind");
            rest.chars().take_while(char::is_ascii_digit).collect()
        })
        .collect()
}

#[test]
fn service_mailed_codes() {
    // P8, P10
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    home.add_mail_user("carl");
    let enter = |portal: &PortalSession, code: &str| match home
        .service
        .portal_second(portal, &typed(code), &visit())
        .expect("answered")
    {
        SecondPage::Passed { cookie, owes_code } => Ok((cookie, owes_code)),
        other => Err(format!("{other:?}")),
    };
    home.begin("anna");
    home.begin("nobody");
    assert!(mailed(&home).is_empty(), "only who has an address and no password gets a code");

    let first = home.begin("carl");
    let code = mailed(&home).remove(0);
    assert_eq!(code.len(), 8);
    let spaced = format!("{} {}", &code[..4], &code[4..]);
    // Bound to the session that asked for it.
    let other = home.begin("nobody");
    enter(&other, &code).expect_err("another session");
    let (_, owes_code) = enter(&first, &spaced).expect("right");
    assert!(!owes_code);
    home.service.portal_second(&first, &typed(&code), &visit()).expect_err("the session has another id now");

    // A new one voids the old one.
    let old = home.begin("carl");
    let old_code = mailed(&home).remove(0);
    let new = home.begin("carl");
    let new_code = mailed(&home).remove(0);
    enter(&old, &old_code).expect_err("voided");
    enter(&old, &new_code).expect_err("asked for by another session");
    enter(&new, &new_code).expect("right");

    // Three in a quarter of an hour, whatever quarter.
    assert_eq!(mailed(&home).len(), 3);
    home.begin("carl");
    assert_eq!(mailed(&home).len(), 3, "the fourth is not sent");
    let mut sent: Vec<UnixTime> = Vec::new();
    for _ in 0..60 {
        home.wait(90);
        let before = mailed(&home).len();
        home.begin("carl");
        if mailed(&home).len() > before {
            sent.push(home.service.now());
        }
    }
    assert!(sent.len() > 5, "{}", sent.len());
    assert!(sent.windows(4).all(|w| w[3].secs_since(w[0]) >= 900), "{sent:?}");

    // Ten minutes.
    home.wait(1_000);
    let late = home.begin("carl");
    let code = mailed(&home).remove(0);
    home.wait(599);
    home.service
        .portal_session(&super::fixture::alias(), &mintmark::secret::BearerToken::new(vec![1]))
        .expect("read");
    assert!(enter(&late, &code).is_ok(), "599 s");
    home.wait(1_000);
    let late = home.begin("carl");
    let code = mailed(&home).remove(0);
    home.wait(600);
    enter(&late, &code).expect_err("600 s");
}

#[test]
fn service_handed_out_by_name_needs_one_code() {
    // P51
    let (home, tokens) = scene();
    let (anna, bert) = (home.sign_in("anna"), login("bert"));
    home.service
        .set_custody(&admin(), &tokens[0].serial, "handed_out", Some(&login("anna")), "")
        .expect("moved");
    let again = home.service.set_custody(&admin(), &tokens[0].serial, "handed_out", Some(&bert), "");
    again.expect_err("anna holds it");
    let one = [tokens[0].at(home.step())];
    let answer = home.service.portal_confirm(&anna, &tokens[0].serial, &one, &visit()).expect("answered");
    assert!(matches!(answer, ConfirmResult::Confirmed { .. }), "{answer:?}");
    let window = WindowSteps { past: 1, future: 1 };
    assert_eq!(window.positions(), 3);
    assert_eq!(home.service.token(&admin(), &serial("A00000")).expect("there").custody, "confirmed");
}

#[test]
fn service_law6_a_lost_token_opens_nothing() {
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    let (token, spare, unknown) = (StandIn::totp("T-1"), StandIn::totp("T-2"), StandIn::totp("UNKNOWN"));
    home.import("one", &[&token, &spare]);
    let pair = AssignRequest {
        kind: AssignmentKind::TokenWithUser,
        user: Some(login("anna")),
        token: Some(token.serial.clone()),
    };
    home.service.assign(&admin(), &resource("VPN"), &pair).expect("assigned");
    let owed = home.sign_in("anna");
    let moved = |token: &StandIn, to: &str| {
        home.service.set_custody(&admin(), &token.serial, to, None, "").expect("moved");
    };
    moved(&token, "lost");

    // To those outside it is a wrong code, for operators the reason.
    let code = |token: &StandIn| token.at(home.step());
    let check = |token: &StandIn| home.service.check(&verifier(), &token.serial, &code(token));
    assert_eq!(check(&token).expect("answered"), check(&unknown).expect("answered"));
    assert_eq!(check(&token).expect("answered"), CheckResult::Wrong);
    let (anna, password, otp) = (login("anna"), typed(PASSWORD), code(&token));
    let ask = AuthRequest { user: &anna, password: Some(&password), otp: Some(&otp), address: None };
    let answer = home.service.authenticate(&admin(), &resource("VPN"), &ask).expect("answered");
    assert_eq!(answer, AuthResult::Rejected);
    let third = home.service.portal_third(&owed, &code(&token), &visit()).expect("answered");
    assert!(matches!(third, ThirdPage::Refused { .. }), "{third:?}");
    let codes = token.from(home.step() - 1, 2);
    home.service.portal_third_synchronize(&owed, &codes, &visit()).expect_err("neither with two codes");
    assert_eq!(home.sign_in("anna").state(), PortalState::OtpOwed, "the pair still asks for it");
    let why = |answer: Result<CheckResult, ServiceError>| match answer {
        Err(ServiceError::State { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(why(home.service.check(&operator(1), &token.serial, &code(&token))), "out_of_custody");
    home.service.resync(&operator(1), &token.serial, &codes, None, None).expect_err("nor is it brought back");

    // One that came back is tried by operators before it goes to stock; nobody else gets in by it.
    moved(&token, "returned");
    assert_eq!(check(&token).expect("answered"), CheckResult::Wrong);
    let tried = home.service.check(&operator(1), &token.serial, &code(&token)).expect("answered");
    assert!(matches!(tried, CheckResult::Accepted { .. }), "{tried:?}");
    moved(&spare, "retired");
    assert_eq!(check(&spare).expect("answered"), CheckResult::Wrong);
    assert_eq!(why(home.service.check(&operator(1), &spare.serial, &code(&spare))), "out_of_custody");
}
