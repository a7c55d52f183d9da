//! P29: from where people sign in, and what an unusual place leads to.

use mintmark::model::{AssignmentKind, BrowserSays, EnvironmentPolicy, PortalAction, Visit};
use mintmark::service::{
    AssignRequest, PortalSession, PortalSettings, PortalState, ProofResult, SecondPage, ServiceError,
    ThirdPage,
};

use super::fixture::{Home, PASSWORD, StandIn, admin, alias, login, resource, typed};

const LINUX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36";

fn from(user_agent: &str, address: &str) -> Visit {
    let says = BrowserSays {
        user_agent: user_agent.into(),
        languages: "de-DE,de;q=0.8".into(),
        time_zone: "Europe/Berlin".into(),
        screen: "1280x800".into(),
    };
    Visit { says, ..Visit::from_address(address) }
}

fn usual() -> Visit {
    from(LINUX, "192.0.2.7")
}

fn unusual() -> Visit {
    from(WINDOWS, "203.0.113.9")
}

fn vpn(policy: EnvironmentPolicy) -> Home {
    let home = Home::new();
    home.add_vpn();
    home.offer(&[PortalAction::ManageEnvironment]);
    set(&home, policy);
    home.add_user("anna");
    home
}

fn set(home: &Home, policy: EnvironmentPolicy) {
    let settings = PortalSettings { environment_policy: Some(policy), ..PortalSettings::default() };
    home.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
}

fn arrive(home: &Home, name: &str, secret: &str, visit: &Visit) -> SecondPage {
    let cookie = home.service.portal_begin(&alias(), &login(name), visit).expect("begun");
    home.service.portal_second(&home.session(&cookie), &typed(secret), visit).expect("answered")
}

fn signed_in(home: &Home, visit: &Visit) -> PortalSession {
    match arrive(home, "anna", PASSWORD, visit) {
        SecondPage::Passed { cookie, .. } => home.session(&cookie),
        other => panic!("{other:?}"),
    }
}

fn unlike_in_log(home: &Home) -> usize {
    let log = home.service.audit(&admin(), None, mintmark::store::Page::first(50)).expect("read").items;
    log.iter().filter(|record| record.action == "environment_unlike").count()
}

#[test]
fn p29_environments_are_listed_named_trusted_and_forgotten() {
    let home = vpn(EnvironmentPolicy::Off);
    home.give_address("anna");
    signed_in(&home, &usual());
    home.wait(60);
    let portal = signed_in(&home, &unusual());
    let rows = || home.service.portal_environments(&portal).expect("read");
    let list = rows();
    assert_eq!(
        list.iter().map(|row| (row.is_this, row.score)).collect::<Vec<_>>(),
        [(true, 100), (false, 35)]
    );
    assert_eq!(list[0].environment.traits.browser, "Chrome");
    assert_eq!(list[1].differences.len(), 3, "{:?}", list[1].differences);
    let (this, other) = (list[0].environment.number, list[1].environment.number);
    home.service.portal_name_environment(&portal, other, "The laptop", &unusual()).expect("named");
    let long = "x".repeat(65);
    home.service.portal_name_environment(&portal, other, &long, &unusual()).expect_err("too long");
    home.service.portal_trust_environment(&portal, other, true, &unusual()).expect("fresh enough");
    assert!(home.notices()[0].1.contains("marked as trusted"), "{:?}", home.notices());
    let row = rows().remove(1).environment;
    assert_eq!((row.name.as_str(), row.trusted), ("The laptop", true));
    home.wait(301);
    // P32: trust asks who is there, and so does forgetting, which makes the next sign-in a first one.
    let stale = home.service.portal_trust_environment(&portal, this, true, &unusual());
    assert!(matches!(stale, Err(ServiceError::State { code: "proof_needed", .. })), "{stale:?}");
    let stale = home.service.portal_forget_environment(&portal, other, &unusual());
    assert!(matches!(stale, Err(ServiceError::State { code: "proof_needed", .. })), "{stale:?}");
    home.service.portal_trust_environment(&portal, other, false, &unusual()).expect("no longer");
    let proved = home.service.portal_prove_secret(&portal, &typed(PASSWORD), &unusual()).expect("answered");
    let ProofResult::Passed { cookie } = proved else { panic!("{proved:?}") };
    let portal = home.session(&cookie);
    let rows = || home.service.portal_environments(&portal).expect("read");
    home.service.portal_forget_environment(&portal, other, &unusual()).expect("forgotten");
    let again = home.service.portal_forget_environment(&portal, other, &unusual());
    assert!(matches!(again, Err(ServiceError::NotFound { .. })), "{again:?}");
    assert_eq!(rows().len(), 1);

    // The page shows the last sign-ins; leaving everywhere ends all of them.
    arrive(&home, "anna", "not it", &usual());
    let sign_ins = home.service.portal_sign_ins(&portal).expect("read");
    let shown: Vec<_> = sign_ins.iter().map(|one| (one.is_done, one.address.as_deref())).collect();
    assert_eq!(shown, [(false, Some("192.0.2.7")), (true, Some("203.0.113.9")), (true, Some("192.0.2.7"))]);
    let elsewhere = signed_in(&home, &usual());
    home.service.portal_sign_out_everywhere(&portal, &unusual()).expect("out");
    for session in [&portal, &elsewhere] {
        home.service.require_fresh(session).expect_err("ended");
    }
    assert_eq!(home.service.verify_audit(&admin()).expect("read").fault, None);
}

#[test]
fn p29_nothing_is_kept_where_nobody_looks_at_it() {
    let home = vpn(EnvironmentPolicy::Off);
    home.offer(&[]);
    assert_eq!(signed_in(&home, &usual()).environment, None);
    home.offer(&[PortalAction::ManageEnvironment]);
    assert_eq!(signed_in(&home, &usual()).environment, Some(1));
    assert_eq!(signed_in(&home, &usual()).environment, Some(1), "the same one again");
    assert_eq!(unlike_in_log(&home), 0);
}

#[test]
fn p29_report_tells_the_owner() {
    let home = vpn(EnvironmentPolicy::Report);
    home.give_address("anna");
    signed_in(&home, &unusual());
    assert_eq!(unlike_in_log(&home), 0, "a first sign-in is never unusual");
    signed_in(&home, &usual());
    assert_eq!(unlike_in_log(&home), 1);
    let text = &home.notices()[0].1;
    for part in ["unlike those you use (35 of 100)", "browser Firefox instead of Chrome", "192.0.2.7"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    signed_in(&home, &usual());
    assert_eq!(unlike_in_log(&home), 1, "known by now");
}

#[test]
fn p29_ask_wants_a_mailed_code_beside_the_password() {
    let home = vpn(EnvironmentPolicy::AskOtp);
    signed_in(&home, &usual());
    // There is no way to ask: nobody is let in by the password alone.
    assert!(matches!(arrive(&home, "anna", PASSWORD, &unusual()), SecondPage::NoWayToAsk));
    assert_eq!(unlike_in_log(&home), 1);
    home.give_address("anna");
    let third = from(WINDOWS, "198.51.100.1");
    let elsewhere = Visit { says: BrowserSays { user_agent: "curl/8".into(), ..third.says }, ..third };
    let asked = || match arrive(&home, "anna", PASSWORD, &elsewhere) {
        SecondPage::CodeMailed { cookie } => home.session(&cookie),
        other => panic!("{other:?}"),
    };
    let owed = asked();
    assert_eq!(owed.state(), PortalState::CodeOwed);
    home.service.portal_home(&owed).expect_err("not in yet");
    let code = home.newest_code();
    let enter = |portal: &PortalSession, code: &str| {
        home.service.portal_unusual(portal, &typed(code), &elsewhere).expect("answered")
    };
    assert!(matches!(enter(&owed, PASSWORD), SecondPage::Refused));
    let SecondPage::Passed { cookie, .. } = enter(&owed, &code) else { panic!("right") };
    assert_eq!(home.session(&cookie).state(), PortalState::Full);
    let known = match arrive(&home, "anna", PASSWORD, &elsewhere) {
        SecondPage::Passed { cookie, .. } => home.session(&cookie),
        other => panic!("known by now: {other:?}"),
    };
    // More mails than there may be lead to waiting, not past the question.
    let number = known.environment.expect("noted");
    home.service.portal_forget_environment(&known, number, &elsewhere).expect("forgotten");
    asked();
    let owed = asked();
    assert!(home.service.unusual_code(&owed).expect("read").is_some());
    assert!(!home.service.mail_unusual(&owed, &elsewhere).expect("not mailed"));
    let last = asked();
    let still = home.service.unusual_code(&owed).expect("read");
    assert!(still.is_some(), "the code of the other visit holds: another one asked with nothing mailed");
    assert_eq!(
        home.service.unusual_code(&last).expect("read"),
        None,
        "the page does not say that one is on its way"
    );
    for _ in 0..4 {
        assert!(matches!(enter(&last, "12345678"), SecondPage::Refused));
    }
    assert!(matches!(enter(&last, "12345678"), SecondPage::Refused | SecondPage::Blocked { .. }));
    assert!(matches!(enter(&last, "12345678"), SecondPage::Blocked { .. }));
}

#[test]
fn p29_refuse_says_what_a_wrong_password_says() {
    let home = vpn(EnvironmentPolicy::Refuse);
    home.give_address("anna");
    let portal = signed_in(&home, &usual());
    // Law 6: the answers and the waits are those of a wrong password.
    for _ in 0..5 {
        assert!(matches!(arrive(&home, "anna", PASSWORD, &unusual()), SecondPage::Refused));
    }
    assert!(matches!(arrive(&home, "anna", PASSWORD, &unusual()), SecondPage::Blocked { .. }));
    assert_eq!(unlike_in_log(&home), 5);
    assert!(home.notices()[0].1.contains("was not let in"), "{:?}", home.notices());
    home.wait(60);
    // From another network the machine is still much alike; one that is trusted may go anywhere.
    let row = home.service.portal_environments(&portal).expect("read").remove(0);
    home.service.portal_trust_environment(&portal, row.environment.number, true, &usual()).expect("trusted");
    let settings = PortalSettings { environment_score: Some(100), ..PortalSettings::default() };
    home.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
    signed_in(&home, &from(LINUX, "203.0.113.9"));
    // An operator who knows who is there lets them in once.
    home.service.unblock_user(&admin(), &login("anna")).expect("unblocked");
    signed_in(&home, &unusual());
    let other = Visit { says: BrowserSays::default(), ..unusual() };
    assert!(matches!(arrive(&home, "anna", PASSWORD, &other), SecondPage::Refused));
}

#[test]
fn p29_refuse_holds_for_the_code_of_a_token_too() {
    let home = vpn(EnvironmentPolicy::Refuse);
    let token = StandIn::totp("T-1");
    home.import("one", &[&token]);
    signed_in(&home, &usual());
    let pair = AssignRequest {
        kind: AssignmentKind::TokenWithUser,
        user: Some(login("anna")),
        token: Some(token.serial.clone()),
    };
    home.service.assign(&admin(), &resource("VPN"), &pair).expect("assigned");
    let owed = signed_in(&home, &unusual());
    assert_eq!(owed.state(), PortalState::OtpOwed);
    let third = |portal: &PortalSession, visit: &Visit| {
        home.service.portal_third(portal, &token.at(home.step()), visit).expect("answered")
    };
    assert!(matches!(third(&owed, &unusual()), ThirdPage::Refused { .. }));
    assert!(matches!(third(&owed, &usual()), ThirdPage::AlreadyUsed), "law 1: the code is spent");
    home.wait(30);
    assert!(matches!(third(&owed, &usual()), ThirdPage::Passed { .. }));
    // The same with consecutive codes: the token is brought back, nobody gets in.
    home.offer(&[PortalAction::SynchronizeToken]);
    let owed = signed_in(&home, &unusual());
    let codes = token.from(home.step() + 100, 2);
    let (_, cookie) = home.service.portal_third_synchronize(&owed, &codes, &unusual()).expect("answered");
    assert!(cookie.is_none());
    let codes = token.from(home.step() + 102, 2);
    let (_, cookie) = home.service.portal_third_synchronize(&owed, &codes, &usual()).expect("answered");
    assert!(cookie.is_some());
}

#[test]
fn p29_a_score_is_at_most_100() {
    let home = vpn(EnvironmentPolicy::Off);
    let settings = PortalSettings { environment_score: Some(101), ..PortalSettings::default() };
    let refused = home.service.set_portal(&admin(), &resource("VPN"), &settings);
    assert!(matches!(refused, Err(ServiceError::Invalid { field: "environment_score", .. })), "{refused:?}");
}
