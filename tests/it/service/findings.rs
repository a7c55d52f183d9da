//! What a review of the portal's actions found: environments of one resource that counted on another, proofs that
//! the password could give, mails that somebody else used up.

use mintmark::model::{
    AssignmentKind, BrowserSays, EmailAddress, EnvironmentPolicy, PortalAction, ResourceAlias, ResourceName,
    TokenType, Verdict, Visit,
};
use mintmark::secret::BearerToken;
use mintmark::service::{
    AssignRequest, ConfirmResult, DraftResult, EmailResult, EmailSent, NewToken, NewUser, PortalSession,
    PortalSettings, ProofAsked, ProofResult, ProvingToken, SecondPage, ServiceError, UserImportRequest,
};
use mintmark::store::Page;

use super::fixture::{
    Home, PASSWORD, StandIn, admin, alias, login, request, resource, secret_of, typed, visit,
};
use super::register::{scanned, totp};

const ACTIONS: &[PortalAction] = &[
    PortalAction::RegisterNewToken,
    PortalAction::RegisterExistingToken,
    PortalAction::SynchronizeToken,
    PortalAction::CreatePassword,
    PortalAction::ChangePassword,
    PortalAction::ChangeEmail,
    PortalAction::ChangeLogin,
    PortalAction::ManageEnvironment,
];

fn mail() -> ResourceAlias {
    ResourceAlias::parse("mail").expect("an alias")
}

/// *VPN* and *Mail*, anna on both; with a token on *VPN* where she confirms it.
fn two_resources(policy: EnvironmentPolicy) -> Home {
    let home = Home::new();
    home.add_vpn();
    home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    for (name, alias, policy) in [("VPN", alias(), EnvironmentPolicy::Report), ("Mail", mail(), policy)] {
        let settings = PortalSettings {
            alias: Some(alias),
            actions: Some(ACTIONS.to_vec()),
            token_types: Some(vec![TokenType::Hardware, TokenType::Software, TokenType::Universal]),
            environment_policy: Some(policy),
            ..PortalSettings::default()
        };
        home.service.set_portal(&admin(), &resource(name), &settings).expect("set");
    }
    home.add_user("anna");
    home.give_address("anna");
    put(&home, "Mail", "anna");
    home
}

fn put(home: &Home, place: &str, name: &str) {
    let request = AssignRequest { kind: AssignmentKind::User, user: Some(login(name)), token: None };
    home.service.assign(&admin(), &resource(place), &request).expect("assigned");
}

/// Gives anna a token on *VPN*.
fn pair(home: &Home, token: &StandIn) {
    home.import("one", &[token]);
    let request = AssignRequest {
        kind: AssignmentKind::TokenWithUser,
        user: Some(login("anna")),
        token: Some(token.serial.clone()),
    };
    home.service.assign(&admin(), &resource("VPN"), &request).expect("assigned");
}

fn session(home: &Home, place: &ResourceAlias, cookie: &BearerToken) -> PortalSession {
    home.service.portal_session(place, cookie).expect("readable").expect("alive")
}

fn arrive(home: &Home, place: &ResourceAlias, visit: &Visit) -> SecondPage {
    let cookie = home.service.portal_begin(place, &login("anna"), visit).expect("begun");
    home.service.portal_second(&session(home, place, &cookie), &typed(PASSWORD), visit).expect("answered")
}

fn at_mail(home: &Home) -> PortalSession {
    match arrive(home, &mail(), &visit()) {
        SecondPage::Passed { cookie, owes_code: false } => session(home, &mail(), &cookie),
        other => panic!("{other:?}"),
    }
}

fn needs_proof<T: std::fmt::Debug>(answer: &Result<T, ServiceError>) {
    assert!(matches!(answer, Err(ServiceError::State { code: "proof_needed", .. })), "{answer:?}");
}

/// The tokens as the page of the proof names them.
fn named(tokens: &[ProvingToken]) -> Vec<(&str, Option<&str>)> {
    tokens.iter().map(|one| (one.name.as_str(), one.elsewhere.as_ref().map(ResourceName::as_str))).collect()
}

fn elsewhere() -> Visit {
    let says = BrowserSays {
        user_agent: "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0".into(),
        ..BrowserSays::default()
    };
    Visit { says, ..Visit::from_address("203.0.113.9") }
}

#[test]
fn p29_what_is_known_on_one_resource_is_not_on_another() {
    let home = two_resources(EnvironmentPolicy::Refuse);
    for place in [alias(), mail()] {
        assert!(matches!(arrive(&home, &place, &visit()), SecondPage::Passed { .. }));
    }
    // *VPN* only reports: the place is kept there, and stays unusual where it is refused.
    assert!(matches!(arrive(&home, &alias(), &elsewhere()), SecondPage::Passed { .. }));
    assert!(matches!(arrive(&home, &mail(), &elsewhere()), SecondPage::Refused));
    let portal = at_mail(&home);
    assert_eq!(home.service.portal_environments(&portal).expect("read").len(), 1);
    // Who comes next is welcome wherever the operator may say so.
    home.service.unblock_user(&admin(), &login("anna")).expect("unblocked");
    assert!(matches!(arrive(&home, &mail(), &elsewhere()), SecondPage::Passed { .. }));
}

#[test]
fn p32_a_token_elsewhere_guards_what_belongs_to_the_whole_user() {
    let home = two_resources(EnvironmentPolicy::Off);
    let token = StandIn::totp("T-1");
    pair(&home, &token);
    let portal = at_mail(&home);
    needs_proof(&home.service.portal_change_login(&portal, &login("anna2"), &visit()));
    let address = EmailAddress::parse("other@example.org").expect("an address");
    needs_proof(&home.service.portal_change_email(&portal, &address, &visit()));
    let new = typed("vier Quitten im Netz");
    needs_proof(&home.service.portal_change_password(&portal, &typed(PASSWORD), &new, &visit()));
    let first = home.service.portal_environments(&portal).expect("read")[0].environment.number;
    needs_proof(&home.service.portal_trust_environment(&portal, first, true, &visit()));
    needs_proof(&home.service.portal_forget_environment(&portal, first, &visit()));
    // Nor does the password alone make another token hers, which could prove all of that then.
    let other = StandIn::totp("T-2");
    home.import("two", &[&other]);
    let here = AssignRequest { kind: AssignmentKind::Token, user: None, token: Some(other.serial.clone()) };
    home.service.assign(&admin(), &resource("Mail"), &here).expect("assigned");
    let codes = other.from(home.step() - 1, 2);
    needs_proof(&home.service.portal_confirm(&portal, &other.serial, &codes, &visit()));
    needs_proof(&home.service.portal_draft(&portal, &super::register::software(), false, &visit()));

    // The page asks for the code of the token on *VPN*; the password is no way.
    let asked = home.service.portal_proof(&portal).expect("read");
    let ProofAsked::Code(tokens) = &asked else { panic!("{asked:?}") };
    // The password alone does not tell which tokens there are elsewhere.
    assert_eq!(named(tokens), [("\u{2026}1", None)]);
    let handle = tokens[0].handle.clone();
    assert!(!handle.contains("T-1") && !handle.contains("VPN"), "{handle}");
    let password = home.service.portal_prove_secret(&portal, &typed(PASSWORD), &visit());
    assert!(matches!(password, Err(ServiceError::State { code: "proof_kind", .. })), "{password:?}");
    home.service
        .portal_prove_code(&portal, Some("0123456789abcdef"), &other.at(home.step()), &visit())
        .expect_err("not hers");
    let right = home.service.portal_prove_code(&portal, Some(&handle), &token.at(home.step()), &visit());
    let Ok(ProofResult::Passed { cookie }) = right else { panic!("{right:?}") };
    let proved = session(&home, &mail(), &cookie);
    let asked = home.service.portal_proof(&proved).expect("read");
    let ProofAsked::Code(tokens) = &asked else { panic!("{asked:?}") };
    assert_eq!(named(tokens), [("T-1", Some("VPN"))], "whoever has the token knows it");
    home.service.portal_change_login(&proved, &login("anna2"), &visit()).expect("changed");
    let proved = session(&home, &mail(), &cookie);
    let confirmed = home.service.portal_confirm(&proved, &other.serial, &codes, &visit()).expect("answered");
    assert!(matches!(confirmed, ConfirmResult::Confirmed { .. }), "{confirmed:?}");

    // One that is switched off proves nothing, and would shut her out.
    home.add_user("bert");
    put(&home, "Mail", "bert");
    assert_eq!(home.service.verify_audit(&admin()).expect("read").fault, None);
}

#[test]
fn p32_a_password_is_not_made_beside_a_token_by_a_mailed_code() {
    let home = two_resources(EnvironmentPolicy::Off);
    let none = mintmark::service::UserPatch { password: Some(None), ..Default::default() };
    home.service.change_user(&admin(), &login("anna"), none).expect("changed");
    pair(&home, &StandIn::totp("T-1"));
    let cookie = home.service.portal_begin(&mail(), &login("anna"), &visit()).expect("begun");
    let code = home.newest_code();
    let first = session(&home, &mail(), &cookie);
    let passed = home.service.portal_second(&first, &typed(&code), &visit()).expect("answered");
    let SecondPage::Passed { cookie, .. } = passed else { panic!("{passed:?}") };
    let portal = session(&home, &mail(), &cookie);
    needs_proof(&home.service.portal_create_password(&portal, &typed("vier Quitten im Netz"), &visit()));
}

#[test]
fn p32_a_stranger_neither_voids_nor_uses_up_the_proof_by_mail() {
    let home = Home::new();
    home.add_vpn();
    home.offer(ACTIONS);
    home.add_mail_user("carl");
    let portal = home.sign_in_by_mail("carl");
    home.wait(301);
    // Somebody types his login until no code is mailed for that any more, and wrong codes until that is blocked.
    for _ in 0..4 {
        home.begin("carl");
    }
    assert!(home.service.mail_proof(&portal, &visit()).expect("asked"), "these mails are counted apart");
    let code = home.newest_code();
    for _ in 0..6 {
        let first = home.begin("carl");
        home.service.portal_second(&first, &typed("12345678"), &visit()).expect("answered");
    }
    let address = EmailAddress::parse("carl@example.net").expect("an address");
    needs_proof(&home.service.portal_change_email(&portal, &address, &visit()));
    let right = home.service.portal_prove_secret(&portal, &typed(&code), &visit()).expect("answered");
    let ProofResult::Passed { cookie } = right else { panic!("{right:?}") };
    let proved = home.session(&cookie);
    // One use.
    let again = home.service.portal_prove_secret(&proved, &typed(&code), &visit()).expect("answered");
    assert!(matches!(again, ProofResult::Refused), "{again:?}");
    assert_eq!(
        home.service.portal_change_email(&proved, &address, &visit()).expect("mailed"),
        EmailSent::OnItsWay
    );
    // Three in a quarter of an hour, as everywhere.
    assert!(home.service.mail_proof(&proved, &visit()).expect("asked"));
    assert!(!home.service.mail_proof(&proved, &visit()).expect("asked"));
}

#[test]
fn p25_a_token_that_came_between_is_asked_for_before_the_address_changes() {
    let home = two_resources(EnvironmentPolicy::Off);
    let portal = home.sign_in("anna");
    let address = EmailAddress::parse("other@example.org").expect("an address");
    home.service.portal_change_email(&portal, &address, &visit()).expect("mailed");
    let code = home.newest_code();
    let token = StandIn::totp("T-1");
    pair(&home, &token);
    needs_proof(&home.service.portal_prove_email(&portal, &typed(&code), &visit()));
    let proved = home.prove(&portal, &token.at(home.step()));
    let changed = home.service.portal_prove_email(&proved, &typed(&code), &visit()).expect("answered");
    assert_eq!(changed, EmailResult::Changed);
}

#[test]
fn p15_a_draft_that_was_begun_without_a_token_needs_its_code_once_there_is_one() {
    let home = two_resources(EnvironmentPolicy::Off);
    let portal = at_mail(&home);
    home.service.portal_draft(&portal, &super::register::software(), false, &visit()).expect("begun");
    let view = home.service.portal_drafted(&portal).expect("read").expect("there");
    let secret =
        data_encoding::BASE32_NOPAD.decode(view.shown.expect("shown").base32.as_bytes()).expect("base32");
    let app = StandIn::with_secret(view.draft.serial.display(), false, secret);
    pair(&home, &StandIn::totp("T-1"));
    needs_proof(&home.service.portal_finish(&portal, &[app.at(home.step())], &visit()));
}

#[test]
fn p16_p20_a_session_that_ended_meanwhile_changes_nothing() {
    let home = two_resources(EnvironmentPolicy::Off);
    let token = StandIn::totp("T-1");
    home.import("one", &[&token]);
    home.assign_batch("one");
    let portal = home.sign_in("anna");
    let other = home.sign_in("anna");
    home.service.portal_sign_out_everywhere(&other, &visit()).expect("out");
    let codes = token.from(home.step() - 1, 2);
    let late = home.service.portal_confirm(&portal, &token.serial, &codes, &visit());
    assert!(matches!(late, Err(ServiceError::State { code: "sign_in_order", .. })), "{late:?}");
    let confirmed = home.service.portal_confirm(&home.sign_in("anna"), &token.serial, &codes, &visit());
    assert!(matches!(confirmed, Ok(ConfirmResult::Confirmed { .. })), "{confirmed:?}");
    let portal = home.sign_in_full("anna", &token);
    home.service.portal_sign_out_everywhere(&portal, &visit()).expect("out");
    let before = home.service.token(&admin(), &token.serial).expect("there").state;
    let far = token.from(home.step() + 300, 2);
    let late = home.service.portal_synchronize(&portal, &far, &visit());
    assert!(matches!(late, Err(ServiceError::State { code: "sign_in_order", .. })), "{late:?}");
    assert_eq!(home.service.token(&admin(), &token.serial).expect("there").state, before);
}

#[test]
fn p14_a_vendor_file_never_takes_over_a_token_that_its_user_set_up() {
    let home = two_resources(EnvironmentPolicy::Off);
    let portal = home.sign_in("anna");
    let delivered = StandIn::totp("87-7");
    let (secret, own) = (secret_of("mistyped"), StandIn::with_secret("87-7", false, secret_of("mistyped")));
    let secret = typed(&data_encoding::HEXLOWER.encode(&secret));
    let new = NewToken {
        token_type: TokenType::Hardware,
        name: "",
        serial: Some(&delivered.serial),
        manufacturer: "Feitian",
        model: "c200",
        seed_bytes: Some(20..=20),
        secret: Some(&secret),
        spec: Some(totp()),
        counter: 0,
    };
    home.service.portal_draft(&portal, &new, false, &visit()).expect("begun");
    let made = home.service.portal_finish(&portal, &[own.at(home.step())], &visit()).expect("answered");
    assert!(matches!(made, DraftResult::Made { .. }), "{made:?}");

    let good = StandIn::totp("87-8");
    let text = format!("{}{}", delivered.line(), good.line());
    let plan = home.plan(request(&text, "vendor"));
    let lines = home.service.import_lines(&admin(), plan.import.id, Page::first(10)).expect("read").items;
    let told: Vec<_> = lines.iter().map(|line| (line.line, line.verdict, line.code.as_str())).collect();
    assert_eq!(told, [(1, Verdict::Rejected, "serial_of_own_token")]);
    for part in ["conflict", "User anna", "delete it here", "import this file again"] {
        assert!(lines[0].detail.contains(part), "{part} is missing in {}", lines[0].detail);
    }
    let refused = home.service.commit_import(&admin(), plan.import.id, None, Some(true));
    assert!(matches!(refused, Err(ServiceError::State { code: "import_not_clean", .. })), "{refused:?}");
    home.service.commit_import(&admin(), plan.import.id, Some(true), Some(true)).expect("the good one");
    home.wait(30);
    let check = |token: &StandIn| {
        let checked = home.service.check(&admin(), &token.serial, &token.at(home.step())).expect("answered");
        checked.name()
    };
    assert_eq!(check(&own), "accepted", "her token is as it was");

    // What the plan says to do.
    home.service.delete_token(&admin(), &own.serial).expect("deleted");
    home.import("again", &[&delivered]);
    home.wait(30);
    assert_eq!(check(&delivered), "accepted");
}

#[test]
fn p12_words_of_addresses_are_no_logins() {
    let home = two_resources(EnvironmentPolicy::Off);
    for word in ["import", "Imports", "..", "."] {
        let new = NewUser { login: word.into(), ..NewUser::default() };
        let refused = home.service.add_user(&admin(), new);
        assert!(
            matches!(refused, Err(ServiceError::Invalid { code: "login_is_address", .. })),
            "{word}: {refused:?}"
        );
        let portal = home.sign_in("anna");
        let refused = home.service.portal_change_login(&portal, &login(word), &visit());
        assert!(
            matches!(refused, Err(ServiceError::Invalid { code: "login_is_address", .. })),
            "{word}: {refused:?}"
        );
    }
    let request =
        UserImportRequest { bytes: b"imports\nimported\n".to_vec(), ..UserImportRequest::default() };
    let view = home.service.import_users(&admin(), &request).expect("planned");
    let lines: Vec<_> = view.lines.iter().map(|line| (line.line, line.code)).collect();
    assert!(lines.contains(&(1, "login_is_address")), "{lines:?}");
}

#[test]
fn p18_p32_a_reassignment_rests_on_the_token_here() {
    let home = super::register::home();
    let portal = home.sign_in("anna");
    let app = scanned(&home, &portal, false);
    let made = home.service.portal_finish(&portal, &[app.at(home.step())], &visit()).expect("answered");
    assert!(matches!(made, DraftResult::Made { .. }), "{made:?}");
    needs_proof(&home.service.portal_draft(&portal, &super::register::software(), true, &visit()));
}
