//! P14 *Mail*: tokens whose codes are mailed at each sign-in.

use mintmark::model::{Language, PinPlacement, PortalAction, TokenKind, TokenType, Visit};
use mintmark::oath::Otp;
use mintmark::secret::Pin;
use mintmark::service::{
    AuthRequest, AuthResult, ConfirmRequest, ConfirmResult, DraftResult, NewToken, PortalSession,
    PortalSettings, ProofAsked, SecondPage, ServiceError, ThirdPage, UserPatch, WhyHidden,
};

use super::fixture::{
    ADDRESS, Home, PASSWORD, StandIn, admin, alias, login, operator, request, resource, typed, verifier,
    visit,
};
use super::register::{home, software};

fn mail_token() -> NewToken<'static> {
    NewToken { token_type: TokenType::Mail, name: "my mailbox", model: "", ..software() }
}

fn enable(home: &Home) {
    let types = Some(vec![TokenType::Mail, TokenType::Software]);
    let settings = PortalSettings { token_types: types, ..PortalSettings::default() };
    home.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
}

/// anna, with an address, a password and a mail token.
fn with_mail_token() -> (Home, mintmark::model::TokenSerial) {
    let home = home();
    enable(&home);
    let portal = home.sign_in("anna");
    home.service.portal_draft(&portal, &mail_token(), false, &visit()).expect("begun");
    let made = finish(&home, &portal, &home.newest_code());
    let DraftResult::Made { serial } = made else { panic!("{made:?}") };
    home.wait(901);
    (home, serial)
}

fn otp(text: &str) -> Otp {
    Otp::parse(text).expect("digits")
}

fn finish(home: &Home, portal: &PortalSession, code: &str) -> DraftResult {
    home.service.portal_finish(portal, &[otp(code)], &visit()).expect("answered")
}

fn third(home: &Home, portal: &PortalSession, code: &str) -> ThirdPage {
    home.service.portal_third(portal, &otp(code), &visit()).expect("answered")
}

fn codes_mailed(home: &Home) -> usize {
    let mails = home.service.outbox(&admin(), 100).expect("a demonstration store");
    mails.iter().filter(|mail| mail.mail.kind == mintmark::model::MailKind::Code).count()
}

#[test]
fn p14_a_mail_token_is_set_up_by_the_code_that_is_mailed() {
    let home = home();
    enable(&home);
    let portal = home.sign_in("anna");
    assert!(home.service.portal_token_types(&portal).contains(&TokenType::Mail));
    home.service.portal_draft(&portal, &mail_token(), false, &visit()).expect("begun");
    let view = home.service.portal_drafted(&portal).expect("read").expect("there");
    assert!(view.shown.is_none(), "nothing to scan");
    let mailed = view.mailed.expect("by mail");
    assert_eq!((mailed.hint.as_str(), mailed.until.is_some()), ("a…@example.org", true));
    let first = home.newest_code();
    assert_eq!(first.len(), 8);
    // A new one voids the old one; three in a quarter of an hour.
    assert!(home.service.portal_mail_draft(&portal, &visit()).expect("asked"));
    let second = home.newest_code();
    let refused = finish(&home, &portal, &first);
    assert!(matches!(refused, DraftResult::Refused { .. }), "{refused:?}");
    assert!(home.service.portal_mail_draft(&portal, &visit()).expect("asked"));
    assert!(!home.service.portal_mail_draft(&portal, &visit()).expect("asked"), "enough");
    let refused = finish(&home, &portal, &second);
    assert!(matches!(refused, DraftResult::Refused { .. }), "{refused:?}");
    // Ten minutes, not one second more.
    home.wait(601);
    let portal = home.sign_in("anna");
    home.service.portal_draft(&portal, &mail_token(), false, &visit()).expect("begun");
    let view = home.service.portal_drafted(&portal).expect("read").expect("there");
    assert_eq!(view.mailed.expect("by mail").until, None, "the page says that none is on its way");
    home.wait(900);
    let portal = home.sign_in("anna");
    home.service.portal_draft(&portal, &mail_token(), false, &visit()).expect("begun");
    let made = finish(&home, &portal, &home.newest_code());
    let DraftResult::Made { serial } = made else { panic!("{made:?}") };
    assert!(serial.display().starts_with("ML"), "{serial}");
    let view = home.service.token(&admin(), &serial).expect("there");
    assert_eq!((view.spec.kind(), view.spec.kind().name()), (TokenKind::Mail, "mail"));
    assert_eq!(home.service.verify_audit(&admin()).expect("read").fault, None);
}

#[test]
fn p14_codes_by_mail_are_for_people_with_a_password_and_an_address() {
    let home = home();
    enable(&home);
    let only = PortalSettings { token_types: Some(vec![TokenType::Mail]), ..PortalSettings::default() };
    home.service.set_portal(&admin(), &resource("VPN"), &only).expect("set");
    home.add_mail_user("carl");
    let carl = home.sign_in_by_mail("carl");
    assert!(home.service.portal_token_types(&carl).is_empty());
    let refused = home.service.portal_draft(&carl, &mail_token(), false, &visit());
    assert!(matches!(refused, Err(ServiceError::NotFound { .. })), "{refused:?}");
    home.add_user("bert");
    let rows = home.service.portal_preview(&admin(), &resource("VPN"), &login("bert")).expect("read");
    assert!(rows.contains(&(PortalAction::RegisterNewToken, Some(WhyHidden::NoTokenType))), "{rows:?}");
}

#[test]
fn p14_page_three_mails_a_code_and_takes_it_once() {
    let (home, serial) = with_mail_token();
    let before = codes_mailed(&home);
    // A wrong password mails nothing.
    let first = home.begin("anna");
    home.service.portal_second(&first, &typed("not it at all"), &visit()).expect("answered");
    assert_eq!(codes_mailed(&home), before);
    let owed = home.sign_in("anna");
    assert_eq!(codes_mailed(&home), before + 1);
    let view = home.service.mail_token(&owed).expect("read").expect("by mail");
    assert_eq!((view.hint.as_deref(), view.until.is_some()), (Some("a…@example.org"), true));
    let mails = home.service.outbox(&admin(), 1).expect("a demonstration store");
    for part in [
        "Your code for VPN is ",
        "It works once, until ",
        " UTC",
        "If you are not signing in",
        "change your password",
    ] {
        assert!(mails[0].text.contains(part), "{part} is missing in {}", mails[0].text.as_str());
    }
    let old = home.newest_code();
    assert!(home.service.mail_token_code(&owed, &visit()).expect("asked"));
    let code = home.newest_code();
    assert_ne!(old, code);
    assert!(matches!(third(&home, &owed, &old), ThirdPage::AlreadyUsed), "a new one voids the old one");
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    match third(&home, &owed, wrong) {
        ThirdPage::Refused { can_synchronize } => {
            assert!(!can_synchronize, "there is nothing to synchronise");
        }
        other => panic!("{other:?}"),
    }
    assert!(matches!(third(&home, &owed, &code), ThirdPage::Passed { .. }));
    // Law 1, and the limit.
    let again = home.sign_in("anna");
    assert!(matches!(third(&home, &again, &code), ThirdPage::AlreadyUsed));
    assert!(!home.service.mail_token_code(&again, &visit()).expect("asked"), "three in a quarter of an hour");
    let newest = home.newest_code();
    home.wait(600);
    let late = home.sign_in("anna");
    assert!(matches!(third(&home, &late, &newest), ThirdPage::Refused { .. }), "ten minutes");
    assert_eq!(home.service.mail_token(&late).expect("read").expect("by mail").until, None);
    // A restart forgets nothing.
    home.wait(900);
    let owed = home.sign_in("anna");
    let code = home.newest_code();
    let after = home.open(std::sync::Arc::clone(&home.store)).expect("opens");
    let passed = after.portal_third(&owed, &otp(&code), &visit()).expect("answered");
    assert!(matches!(passed, ThirdPage::Passed { .. }), "{passed:?}");
    assert!(home.service.token(&admin(), &serial).expect("there").state.used);
    assert_eq!(home.service.verify_audit(&admin()).expect("read").fault, None);
}

#[test]
fn p14_integrations_are_answered_challenge_and_the_code_is_mailed() {
    let (home, _) = with_mail_token();
    let (anna, vpn) = (login("anna"), resource("VPN"));
    let ask = |password: &str, code: Option<&str>| {
        let (password, code) = (typed(password), code.map(otp));
        let request = AuthRequest {
            user: &anna,
            password: Some(&password),
            otp: code.as_ref(),
            address: Some(ADDRESS),
        };
        home.service.authenticate(&verifier(), &vpn, &request).expect("answered")
    };
    let before = codes_mailed(&home);
    assert_eq!(ask("not it at all", None), AuthResult::Rejected);
    assert_eq!(codes_mailed(&home), before);
    assert_eq!(ask(PASSWORD, None), AuthResult::Challenge { mailed: true });
    assert_eq!(codes_mailed(&home), before + 1);
    let code = home.newest_code();
    assert_eq!(ask("not it at all", Some("12345678")), AuthResult::Rejected);
    assert_eq!(ask(PASSWORD, Some(&code)), AuthResult::Accepted);
    assert_eq!(ask(PASSWORD, Some(&code)), AuthResult::Rejected, "law 1");
    for _ in 0..2 {
        assert_eq!(ask(PASSWORD, None), AuthResult::Challenge { mailed: true });
    }
    assert_eq!(ask(PASSWORD, None), AuthResult::Challenge { mailed: false });
    // Wrong codes count on the token; then nothing is mailed either.
    for _ in 0..5 {
        ask(PASSWORD, Some("12345678"));
    }
    assert!(matches!(ask(PASSWORD, None), AuthResult::Blocked { .. }));
}

#[test]
fn p14_p33_a_pin_stands_beside_the_mailed_code() {
    let (home, _) = with_mail_token();
    let owed = home.sign_in("anna");
    let ThirdPage::Passed { cookie } = third(&home, &owed, &home.newest_code()) else { panic!("right") };
    let portal = home.session(&cookie);
    home.service
        .portal_set_pin(&portal, &Pin::new(b"2580".to_vec()), PinPlacement::Before, &visit())
        .expect("set");
    home.wait(60);
    let owed = home.sign_in("anna");
    let code = home.newest_code();
    assert!(matches!(third(&home, &owed, &format!("2580{code}")), ThirdPage::Passed { .. }));
    home.wait(60);
    let owed = home.sign_in("anna");
    let code = home.newest_code();
    assert!(matches!(third(&home, &owed, &code), ThirdPage::Refused { .. }), "without the PIN");
    let with_pin = third(&home, &owed, &format!("2580{code}"));
    assert!(matches!(with_pin, ThirdPage::AlreadyUsed), "spent by that: {with_pin:?}");
}

#[test]
fn p32_a_mailed_code_is_no_fresh_proof() {
    let (home, serial) = with_mail_token();
    let owed = home.sign_in("anna");
    let ThirdPage::Passed { cookie } = third(&home, &owed, &home.newest_code()) else { panic!("right") };
    home.wait(301);
    let portal = home.session(&cookie);
    assert!(matches!(home.service.portal_proof(&portal), Ok(ProofAsked::Password)));
    home.service.portal_prove_code(&portal, None, &otp("12345678"), &visit()).expect_err("not asked for");
    let proved = home.service.portal_prove_secret(&portal, &typed(PASSWORD), &visit()).expect("answered");
    let mintmark::service::ProofResult::Passed { cookie } = proved else { panic!("{proved:?}") };
    let portal = home.session(&cookie);
    // Nothing to synchronise; given back it is out of use.
    let shown = home.service.portal_home(&portal).expect("read").actions;
    assert!(
        !shown.contains(&PortalAction::SynchronizeToken) && shown.contains(&PortalAction::UnassignToken),
        "{shown:?}"
    );
    home.service.portal_unassign(&portal, &visit()).expect("given back");
    assert_eq!(home.service.token(&admin(), &serial).expect("there").token.custody.name(), "retired");
}

#[test]
fn p14_what_needs_a_display_says_why_not() {
    let (home, serial) = with_mail_token();
    let said = |error: ServiceError| match error {
        ServiceError::State { code: "codes_are_mailed", .. } => error.to_string(),
        other => panic!("{other:?}"),
    };
    let text = said(home.service.check(&operator(1), &serial, &otp("12345678")).expect_err("no display"));
    assert!(text.contains("mailed when it is asked for at sign-in"), "{text}");
    let two = [otp("12345678"), otp("87654321")];
    said(home.service.resync(&operator(1), &serial, &two, None, None).expect_err("no display"));
    home.add_user("bert");
    let (vpn, bert) = (resource("VPN"), login("bert"));
    let asked = ConfirmRequest { resource: &vpn, user: &bert, serial: &serial, otps: &two };
    said(home.service.confirm(&operator(1), &asked).expect_err("no display"));
    // Law 6: to users it is a serial number like any other.
    let portal = home.sign_in("bert");
    let refused = home.service.portal_confirm(&portal, &serial, &two, &visit()).expect("answered");
    assert!(matches!(refused, ConfirmResult::Refused { .. }), "{refused:?}");
    // It comes in no file.
    let text = format!("{},{},mail,8,0\n", "ML1", "00".repeat(20));
    let task = home.service.begin_import(&admin(), request(&text, "mail")).expect("begun");
    home.service.run_import(&task);
    let import = home.service.import(&admin(), task.import).expect("there").import;
    assert_eq!(import.counts.new, 0, "{import:?}");
}

#[test]
fn p14_a_mail_token_without_an_address_says_so() {
    let (home, _) = with_mail_token();
    let none = UserPatch { email: Some(None), ..UserPatch::default() };
    home.service.change_user(&admin(), &login("anna"), none).expect("changed");
    let owed = home.sign_in("anna");
    let view = home.service.mail_token(&owed).expect("read").expect("by mail");
    assert_eq!((view.hint, view.until), (None, None));
    assert!(!home.service.mail_token_code(&owed, &visit()).expect("asked"));
    // Another token of hers would be asked for its display.
    let display = StandIn::totp("T-1");
    home.import("one", &[&display]);
    let first = home.begin("anna");
    let second = home.service.portal_second(&first, &typed(PASSWORD), &visit()).expect("answered");
    assert!(matches!(second, SecondPage::Passed { owes_code: true, .. }), "{second:?}");
}

#[test]
fn p14_the_code_is_in_the_language_of_the_visit_until_one_is_on_record() {
    let (home, _) = with_mail_token();
    let german = Visit { language: Some(Language::German), ..visit() };
    let cookie = home.service.portal_begin(&alias(), &login("anna"), &german).expect("begun");
    let second = home.service.portal_second(&home.session(&cookie), &typed(PASSWORD), &german);
    assert!(matches!(second, Ok(SecondPage::Passed { owes_code: true, .. })), "{second:?}");
    let mail = home.service.outbox(&admin(), 1).expect("a demonstration store").remove(0);
    assert!(mail.text.contains("Ihr Code für VPN lautet "), "{}", *mail.text);
}
