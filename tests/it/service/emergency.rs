//! P48: emergency codes stand in for the code of a token, and for nothing else.

use mintmark::model::{ActorOrigin, AssignmentKind, PortalAction, Role, Scope};
use mintmark::oath::Otp;
use mintmark::service::{
    AssignRequest, AuthRequest, AuthResult, CheckResult, ConfirmResult, EmergencyRequest, PortalSession,
    ProofAsked, ServiceError, ThirdPage,
};

use super::fixture::{
    ADDRESS, Home, PASSWORD, StandIn, admin, login, operator, resource, typed, verifier, visit,
};

const ACTIONS: &[PortalAction] = &[
    PortalAction::RegisterNewToken,
    PortalAction::RegisterExistingToken,
    PortalAction::ReassignToken,
    PortalAction::UnassignToken,
    PortalAction::ChangeLogin,
];

/// anna with a token on *VPN*, and a second token that lies there for her.
fn scene() -> (Home, StandIn, StandIn) {
    let home = Home::new();
    let (token, next) = (StandIn::totp("T-1"), StandIn::totp("T-2"));
    home.import("two", &[&token, &next]);
    home.add_vpn();
    home.offer(ACTIONS);
    home.add_user("anna");
    home.give_address("anna");
    let pair = AssignRequest {
        kind: AssignmentKind::TokenWithUser,
        user: Some(login("anna")),
        token: Some(token.serial.clone()),
    };
    home.service.assign(&admin(), &resource("VPN"), &pair).expect("assigned");
    let free = AssignRequest { kind: AssignmentKind::Token, user: None, token: Some(next.serial.clone()) };
    home.service.assign(&admin(), &resource("VPN"), &free).expect("assigned");
    (home, token, next)
}

const ONCE: EmergencyRequest<'static> =
    EmergencyRequest { note: "showed a passport", hours: 24, once: true, token_lost: false };

fn issue(home: &Home, request: &EmergencyRequest<'_>) -> Otp {
    let issued = home.service.issue_emergency_code(&operator(1), &login("anna"), request).expect("issued");
    assert_eq!((issued.code.len(), issued.code.matches('-').count()), (24, 4));
    Otp::parse(&issued.code).expect("digits and dashes")
}

fn third(home: &Home, portal: &PortalSession, otp: &Otp) -> ThirdPage {
    home.service.portal_third(portal, otp, &visit()).expect("answered")
}

fn enter(home: &Home, otp: &Otp) -> Result<PortalSession, ThirdPage> {
    match third(home, &home.sign_in("anna"), otp) {
        ThirdPage::Passed { cookie } => Ok(home.session(&cookie)),
        other => Err(other),
    }
}

/// Another code of as many digits.
fn wrong(code: &Otp) -> Otp {
    let other = Otp::parse("12345678901234567890").expect("digits");
    assert_eq!(other.len(), code.len());
    other
}

#[test]
fn p48_a_code_is_typed_in_the_place_of_the_tokens_once() {
    let (home, token, _) = scene();
    let code = issue(&home, &ONCE);
    assert!(
        home.notices()[0].1.contains("An operator gave out an emergency code for you"),
        "{:?}",
        home.notices()
    );
    let view = home.service.user(&admin(), &login("anna")).expect("there").emergency.expect("in force");
    assert_eq!((view.once, view.by.as_str()), (true, "operator operator1"));

    // Never in the place of the password.
    let first = home.begin("anna");
    let grouped = "never the password";
    home.service.portal_second(&first, &typed(grouped), &visit()).expect("answered");
    let portal = enter(&home, &code).expect("in");
    assert!(home.notices()[0].1.contains("signed in as you with an emergency code"), "{:?}", home.notices());
    assert!(home.service.user(&admin(), &login("anna")).expect("there").emergency.is_none());
    assert!(matches!(enter(&home, &code), Err(ThirdPage::Refused { .. })), "law 1: once");

    // The token at home stays what it was: its code signs in, and is asked for before what matters.
    let home_page = home.service.portal_home(&portal).expect("read");
    assert!(home_page.actions.contains(&PortalAction::ReassignToken), "{:?}", home_page.actions);
    assert!(!home_page.actions.contains(&PortalAction::RegisterNewToken), "{:?}", home_page.actions);
    let asked = home.service.portal_unassign(&portal, &visit());
    assert!(matches!(asked, Err(ServiceError::State { code: "proof_needed", .. })), "{asked:?}");
    assert!(matches!(home.service.portal_proof(&portal), Ok(ProofAsked::Code(_))));
    let again = home.service.portal_prove_code(&portal, None, &code, &visit()).expect("answered");
    assert!(matches!(again, mintmark::service::ProofResult::Refused), "{again:?}");
    home.wait(60);
    home.sign_in_full("anna", &token);
    assert_eq!(home.service.verify_audit(&admin()).expect("read").fault, None);
}

#[test]
fn p48_a_code_until_a_time_ends_by_its_time() {
    let (home, _, _) = scene();
    let code = issue(&home, &EmergencyRequest { once: false, hours: 2, ..ONCE });
    enter(&home, &code).expect("in");
    enter(&home, &code).expect("in again");
    let newer = issue(&home, &EmergencyRequest { once: false, hours: 2, ..ONCE });
    assert!(enter(&home, &code).is_err(), "a new one ends the old one");
    home.wait(7_199);
    enter(&home, &newer).expect("in");
    home.wait(1);
    assert!(enter(&home, &newer).is_err());
    assert!(home.service.user(&admin(), &login("anna")).expect("there").emergency.is_none());
}

#[test]
fn p48_wrong_codes_count_on_the_token() {
    let (home, token, _) = scene();
    let code = issue(&home, &ONCE);
    let owed = home.sign_in("anna");
    for n in 0..5 {
        let answer = third(&home, &owed, &wrong(&code));
        assert!(matches!(answer, ThirdPage::Refused { can_synchronize: false }), "{n}: {answer:?}");
    }
    assert!(
        matches!(third(&home, &owed, &code), ThirdPage::Blocked { until: Some(_) }),
        "also the right one"
    );
    let blocked = home.service.check(&operator(1), &token.serial, &token.at(home.step())).expect("answered");
    assert!(matches!(blocked, CheckResult::Blocked { .. }), "{blocked:?}");
    home.wait(31);
    let owed = home.sign_in("anna");
    assert!(matches!(third(&home, &owed, &code), ThirdPage::Passed { .. }));
}

#[test]
fn p48_law6_the_work_and_answer_are_the_same_without_a_code() {
    let (home, _, _) = scene();
    let none = enter(&home, &Otp::parse("12345678901234567890").expect("digits"));
    assert!(matches!(none, Err(ThirdPage::Refused { can_synchronize: false })), "{none:?}");
}

#[test]
fn p48_integrations_take_it_in_the_place_of_the_code() {
    let (home, _, _) = scene();
    let code = issue(&home, &ONCE);
    let vpn = resource("VPN");
    let ask = |name: &str, password: &str, otp: &Otp| {
        let (user, password) = (login(name), typed(password));
        let request =
            AuthRequest { user: &user, password: Some(&password), otp: Some(otp), address: Some(ADDRESS) };
        home.service.authenticate(&verifier(), &vpn, &request).expect("answered")
    };
    assert_eq!(ask("anna", PASSWORD, &wrong(&code)), AuthResult::Rejected);
    assert_eq!(ask("nobody", PASSWORD, &code), AuthResult::Rejected);
    // Not used up beside a wrong password.
    assert_eq!(ask("anna", "not it at all", &code), AuthResult::Rejected);
    assert_eq!(ask("anna", PASSWORD, &code), AuthResult::Accepted);
    assert_eq!(ask("anna", PASSWORD, &code), AuthResult::Rejected, "once");
    let log = home.service.audit(&admin(), None, mintmark::store::Page::first(30)).expect("read").items;
    let used = log.iter().find(|r| r.detail.iter().any(|(_, value)| value == "emergency_code"));
    assert_eq!(used.map(|record| record.action), Some("authenticated"));
    // Where no token is asked for there is nothing to stand in for.
    home.add_user("bert");
    let refused = home.service.issue_emergency_code(&operator(1), &login("bert"), &ONCE);
    assert!(matches!(refused, Err(ServiceError::State { code: "token_missing", .. })), "{refused:?}");
}

#[test]
fn p48_who_lost_the_token_gets_another_and_the_code_ends() {
    let (home, token, next) = scene();
    let code = issue(&home, &EmergencyRequest { once: false, token_lost: true, ..ONCE });
    assert!(home.service.token(&admin(), &token.serial).expect("there").token.disabled.is_some());
    // Without the code nobody gets in: the lost token is still asked for.
    let owed = home.sign_in("anna");
    assert!(matches!(third(&home, &owed, &token.at(home.step())), ThirdPage::Refused { .. }));
    let portal = enter(&home, &code).expect("in");
    let actions = home.service.portal_home(&portal).expect("read").actions;
    assert!(actions.contains(&PortalAction::RegisterExistingToken), "{actions:?}");
    assert!(!actions.contains(&PortalAction::ReassignToken), "{actions:?}");
    // It is no fresh proof: the password is asked for before what matters.
    let asked = home.service.portal_change_login(&portal, &login("anna2"), &visit());
    assert!(matches!(asked, Err(ServiceError::State { code: "proof_needed", .. })), "{asked:?}");
    assert!(matches!(home.service.portal_proof(&portal), Ok(ProofAsked::Password)));

    let codes = next.from(home.step() - 1, 2);
    let confirmed = home.service.portal_confirm(&portal, &next.serial, &codes, &visit()).expect("answered");
    assert!(matches!(confirmed, ConfirmResult::Confirmed { .. }), "{confirmed:?}");
    assert!(enter(&home, &code).is_err(), "ended with the confirmation");
    let old = home.service.token(&admin(), &token.serial).expect("there");
    assert!(old.assignments.is_empty() && old.replaced_by.is_some(), "{:?}", old.assignments);
    home.wait(60);
    home.sign_in_full("anna", &next);
    assert_eq!(home.service.verify_audit(&admin()).expect("read").fault, None);
}

#[test]
fn p48_an_ordinary_session_of_a_switched_off_token_gets_no_other_token() {
    let (home, token, next) = scene();
    home.wait(30);
    let before = home.sign_in_full("anna", &token);
    home.service.set_token_enabled(&admin(), &token.serial, false).expect("disabled");
    let codes = next.from(home.step() - 1, 2);
    let refused = home.service.portal_confirm(&before, &next.serial, &codes, &visit());
    assert!(matches!(refused, Err(ServiceError::NotFound { .. })), "{refused:?}");
}

#[test]
fn p48_a_code_is_taken_back_and_asks_who_issues_it() {
    let (home, _, _) = scene();
    let code = issue(&home, &ONCE);
    home.service.revoke_emergency_code(&operator(1), &login("anna")).expect("taken back");
    assert!(enter(&home, &code).is_err());
    home.service.revoke_emergency_code(&operator(1), &login("anna")).expect_err("there is none");
    let wrong = |request: EmergencyRequest<'_>| match home.service.issue_emergency_code(
        &operator(1),
        &login("anna"),
        &request,
    ) {
        Err(ServiceError::Invalid { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(wrong(EmergencyRequest { note: "  ", ..ONCE }), "note_missing");
    assert_eq!(wrong(EmergencyRequest { hours: 0, ..ONCE }), "hours_range");
    assert_eq!(wrong(EmergencyRequest { hours: 169, ..ONCE }), "hours_range");
    // It opens all doors of the user: who looks after some of them does not give it.
    home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    let both = AssignRequest { kind: AssignmentKind::User, user: Some(login("anna")), token: None };
    home.service.assign(&admin(), &resource("Mail"), &both).expect("assigned");
    let mail = home.service.resource(&admin(), &resource("Mail")).expect("there").resource.id;
    let mut desk = operator(2);
    (desk.role, desk.scope) = (Some(Role::Helpdesk), Scope::Resources(vec![mail]));
    assert!(matches!(desk.origin, ActorOrigin::Operator { .. }));
    home.service.issue_emergency_code(&desk, &login("anna"), &ONCE).expect_err("shared with VPN");
    assert_eq!(home.service.verify_audit(&admin()).expect("read").fault, None);
}
