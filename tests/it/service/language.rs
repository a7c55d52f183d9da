//! In which language people are written to, before one is on their record and after.

use mintmark::model::{AssignmentKind, EnvironmentPolicy, Language, Visit};
use mintmark::service::{AssignRequest, PortalSession, PortalSettings, SecondPage, ThirdPage, UserPatch};

use super::fixture::{Home, PASSWORD, StandIn, admin, alias, login, resource, typed, visit};

/// A visit by a browser that reads this language.
fn reading(language: Language) -> Visit {
    Visit { language: Some(language), ..visit() }
}

fn vpn() -> Home {
    let home = Home::new();
    home.add_vpn();
    home
}

fn begin(home: &Home, name: &str, visit: &Visit) -> PortalSession {
    home.session(&home.service.portal_begin(&alias(), &login(name), visit).expect("begun"))
}

fn second(home: &Home, portal: &PortalSession, secret: &str, visit: &Visit) -> SecondPage {
    home.service.portal_second(portal, &typed(secret), visit).expect("answered")
}

/// Pages 1 and 2 with the password.
fn arrive(home: &Home, visit: &Visit) -> PortalSession {
    match second(home, &begin(home, "anna", visit), PASSWORD, visit) {
        SecondPage::Passed { cookie, .. } | SecondPage::CodeMailed { cookie } => home.session(&cookie),
        other => panic!("{other:?}"),
    }
}

fn on_record(home: &Home, name: &str) -> Option<Language> {
    home.service.user(&admin(), &login(name)).expect("there").user.language
}

fn set(home: &Home, name: &str, language: Option<Language>) {
    let patch = UserPatch { language: Some(language), ..UserPatch::default() };
    home.service.change_user(&admin(), &login(name), patch).expect("changed");
}

fn newest_mail(home: &Home) -> String {
    home.service.outbox(&admin(), 1).expect("a demonstration store").remove(0).text.to_string()
}

/// Whatever is not exactly alike leads to this.
fn unlike_leads_to(home: &Home, policy: EnvironmentPolicy) {
    let settings = PortalSettings {
        environment_policy: Some(policy),
        environment_score: Some(100),
        ..PortalSettings::default()
    };
    home.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
}

#[test]
fn a_mailed_code_is_in_the_language_of_the_visit_until_one_is_on_record() {
    let home = vpn();
    home.add_mail_user("otto");
    begin(&home, "otto", &reading(Language::German));
    assert!(newest_mail(&home).starts_with("Guten Tag otto,\n\nIhr Code für VPN lautet "));
    assert_eq!(on_record(&home, "otto"), None, "who only types a login has no record");
    begin(&home, "otto", &visit());
    assert!(newest_mail(&home).starts_with("Hello otto,"), "of an unknown language nothing is known");
    set(&home, "otto", Some(Language::Ukrainian));
    begin(&home, "otto", &reading(Language::German));
    assert!(newest_mail(&home).starts_with("Вітаємо, otto!"), "the record counts more");
}

#[test]
fn a_complete_sign_in_puts_its_language_on_the_record_once() {
    let home = vpn();
    home.add_user("anna");
    arrive(&home, &visit());
    assert_eq!(on_record(&home, "anna"), None, "a browser that says nothing");
    arrive(&home, &reading(Language::German));
    assert_eq!(on_record(&home, "anna"), Some(Language::German));
    arrive(&home, &reading(Language::French));
    assert_eq!(on_record(&home, "anna"), Some(Language::German), "it stays");
    let log = home.service.audit(&admin(), None, mintmark::store::Page::first(50)).expect("read").items;
    let noted = log.iter().filter(|record| format!("{record:?}").contains("\"changed\", \"language\""));
    assert_eq!(noted.count(), 1);

    home.add_mail_user("otto");
    let spanish = reading(Language::Spanish);
    let first = begin(&home, "otto", &spanish);
    let mail = newest_mail(&home);
    let code: String = mail.chars().skip_while(|c| !c.is_ascii_digit()).take(8).collect();
    assert!(matches!(second(&home, &first, &code, &spanish), SecondPage::Passed { .. }));
    assert_eq!(on_record(&home, "otto"), Some(Language::Spanish));
}

#[test]
fn half_a_sign_in_leaves_no_language() {
    let home = vpn();
    home.add_user("anna");
    let token = StandIn::totp("T-1");
    home.import("one", &[&token]);
    let pair = AssignRequest {
        kind: AssignmentKind::TokenWithUser,
        user: Some(login("anna")),
        token: Some(token.serial.clone()),
    };
    home.service.assign(&admin(), &resource("VPN"), &pair).expect("assigned");
    let german = reading(Language::German);
    let owed = arrive(&home, &german);
    let third = |otp| home.service.portal_third(&owed, &otp, &german).expect("answered");
    assert!(matches!(third(token.wrong(home.step())), ThirdPage::Refused { .. }));
    assert_eq!(on_record(&home, "anna"), None);
    assert!(matches!(third(token.at(home.step())), ThirdPage::Passed { .. }));
    assert_eq!(on_record(&home, "anna"), Some(Language::German));
}

#[test]
fn from_an_unusual_place_the_mailed_code_completes_it() {
    let home = vpn();
    home.add_user("anna");
    home.give_address("anna");
    unlike_leads_to(&home, EnvironmentPolicy::AskOtp);
    arrive(&home, &visit());
    let elsewhere = Visit { address: "203.0.113.9".to_owned(), ..reading(Language::Ukrainian) };
    let owed = arrive(&home, &elsewhere);
    assert_eq!(on_record(&home, "anna"), None);
    let mail = newest_mail(&home);
    assert!(mail.starts_with("Вітаємо, anna!\n\nВаш код для VPN: "), "{mail}");
    let code: String = mail.chars().skip_while(|c| !c.is_ascii_digit()).take(8).collect();
    let passed = home.service.portal_unusual(&owed, &typed(&code), &elsewhere).expect("answered");
    assert!(matches!(passed, SecondPage::Passed { .. }), "{passed:?}");
    assert_eq!(on_record(&home, "anna"), Some(Language::Ukrainian));
}

/// The owner of an account is told in their language in what an environment differs; the log is in English.
#[test]
fn what_differs_is_told_in_the_language_of_the_owner() {
    let home = vpn();
    home.add_user("anna");
    home.give_address("anna");
    set(&home, "anna", Some(Language::German));
    unlike_leads_to(&home, EnvironmentPolicy::Report);
    arrive(&home, &visit());
    arrive(&home, &Visit { address: "127.0.0.1".to_owned(), ..visit() });
    let (_, text) = home.notices().remove(0);
    assert!(text.contains("von 100): Netz dieser Rechner statt 192.0.2.0/24.\n"), "{text}");
    let log = home.service.audit(&admin(), None, mintmark::store::Page::first(50)).expect("read").items;
    let unlike = log.iter().find(|record| record.action == "environment_unlike").expect("noted");
    assert!(format!("{unlike:?}").contains("network this machine instead of 192.0.2.0/24"), "{unlike:?}");
}
