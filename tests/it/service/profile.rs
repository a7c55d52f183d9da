//! P23 to P28, P6: what people change of themselves, and who is told.

use mintmark::model::{EmailAddress, Language, PhoneNumber, PortalAction};
use mintmark::service::{
    EmailResult, EmailSent, OFFERED, PasswordResult, PortalSession, SecondPage, ServiceError, UserPatch,
    WhyHidden,
};

use super::fixture::{Home, PASSWORD, StandIn, admin, alias, login, resource, typed, visit};

const NEW: &str = "vier Quitten im Netz";

fn vpn() -> Home {
    let home = Home::new();
    home.add_vpn();
    home.offer(OFFERED);
    home
}

fn ended(home: &Home, portal: &PortalSession) -> bool {
    matches!(home.service.require_fresh(portal), Err(ServiceError::State { code: "sign_in_order", .. }))
}

fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("an address")
}

#[test]
fn p6_every_action_shows_or_says_why_not() {
    let home = vpn();
    home.add_user("anna");
    home.add_mail_user("carl");
    let why = |name: &str, action: PortalAction| {
        let rows = home.service.portal_preview(&admin(), &resource("VPN"), &login(name)).expect("read");
        assert_eq!(rows.len(), 14, "all actions of the table");
        rows.into_iter().find(|(one, _)| *one == action).expect("there").1
    };
    assert_eq!(why("anna", PortalAction::CreatePassword), Some(WhyHidden::HasPassword));
    assert_eq!(why("anna", PortalAction::ChangePassword), None);
    assert_eq!(why("carl", PortalAction::CreatePassword), None);
    assert_eq!(why("carl", PortalAction::ChangePassword), Some(WhyHidden::NoPassword));
    for always in [
        PortalAction::ChangeEmail,
        PortalAction::ChangePhone,
        PortalAction::ChangeLogin,
        PortalAction::ChangeName,
    ] {
        assert_eq!(why("anna", always), None, "{always:?}");
    }
    home.offer(&[]);
    assert_eq!(why("anna", PortalAction::ChangeName), Some(WhyHidden::NotEnabled));
    let anna = home.sign_in("anna");
    let refused = home.service.portal_change_name(&anna, "A", "B", &visit());
    assert!(matches!(refused, Err(ServiceError::NotFound { what: "action" })), "{refused:?}");
}

#[test]
fn p23_a_first_password_replaces_mailed_codes() {
    let home = vpn();
    home.add_mail_user("carl");
    let (elsewhere, here) = (home.sign_in_by_mail("carl"), home.sign_in_by_mail("carl"));
    let short = home.service.portal_create_password(&here, &typed("vier Quitten"), &visit());
    assert!(matches!(short, Err(ServiceError::Invalid { field: "password", .. })), "{short:?}");
    home.service.portal_create_password(&here, &typed(NEW), &visit()).expect("created");
    assert!(ended(&home, &elsewhere) && !ended(&home, &here));
    let (to, text) = home.notices().remove(0);
    assert!(to == "carl@example.org" && text.contains("A password was created"), "{to} {text}");
    let first = home.begin("carl");
    let in_by = home.service.portal_second(&first, &typed(NEW), &visit()).expect("answered");
    assert!(matches!(in_by, SecondPage::Passed { .. }), "{in_by:?}");
    let again = home.service.portal_create_password(&here, &typed(NEW), &visit());
    assert!(matches!(again, Err(ServiceError::State { code: "password_present", .. })), "{again:?}");
}

#[test]
fn p24_the_old_password_is_asked_and_counted() {
    let home = vpn();
    home.add_user("anna");
    home.give_address("anna");
    let (elsewhere, here) = (home.sign_in("anna"), home.sign_in("anna"));
    let change =
        |old: &str, new: &str| home.service.portal_change_password(&here, &typed(old), &typed(new), &visit());
    let common = change(PASSWORD, "qwertz123456789");
    assert!(matches!(common, Err(ServiceError::Invalid { field: "password", .. })), "{common:?}");
    let short = change(PASSWORD, "zu kurz");
    assert!(matches!(short, Err(ServiceError::Invalid { field: "password", .. })), "{short:?}");
    for n in 0..5 {
        let wrong = change("not the old one", NEW);
        assert!(matches!(wrong, Ok(PasswordResult::Refused)), "{n}: {wrong:?}");
    }
    let blocked = change(PASSWORD, NEW);
    assert!(matches!(blocked, Ok(PasswordResult::Blocked { until: Some(_) })), "{blocked:?}");
    home.wait(31);
    assert!(home.notices().iter().all(|(_, text)| !text.contains("password was changed")));
    let changed = change(PASSWORD, NEW);
    assert!(matches!(changed, Ok(PasswordResult::Changed)), "{changed:?}");
    assert!(ended(&home, &elsewhere) && !ended(&home, &here));
    assert!(home.notices()[0].1.contains("Your password was changed"), "{:?}", home.notices());
    let first = home.begin("anna");
    let old = home.service.portal_second(&first, &typed(PASSWORD), &visit()).expect("answered");
    assert!(matches!(old, SecondPage::Refused), "{old:?}");
    let new = home.service.portal_second(&first, &typed(NEW), &visit()).expect("answered");
    assert!(matches!(new, SecondPage::Passed { .. }), "{new:?}");
}

/// P32: a password alone changes nothing that matters of somebody who has a token.
#[test]
fn p24_beside_a_token_a_fresh_code_is_asked_for_too() {
    let home = vpn();
    home.add_user("anna");
    let token = StandIn::totp("T-1");
    home.import("spring", &[&token]);
    home.assign_batch("spring");
    // Proved by the password at the very moment at which the pair is made, and once more after it.
    let portal = home.sign_in("anna");
    let codes = token.from(home.step() - 1, 2);
    home.service.portal_confirm(&portal, &token.serial, &codes, &visit()).expect("confirmed");
    let change = |portal: &PortalSession| {
        home.service.portal_change_password(portal, &typed(PASSWORD), &typed(NEW), &visit())
    };
    let refused = change(&portal);
    assert!(matches!(refused, Err(ServiceError::State { code: "proof_needed", .. })), "{refused:?}");
    let again = home.service.portal_prove_secret(&portal, &typed(PASSWORD), &visit());
    assert!(matches!(again, Err(ServiceError::State { code: "proof_kind", .. })), "{again:?}");
    home.wait(30);
    let portal = home.prove(&portal, &token.at(home.step()));
    assert!(matches!(change(&portal), Ok(PasswordResult::Changed)));
    home.wait(301);
    let late = home.service.portal_change_password(&portal, &typed(NEW), &typed(PASSWORD), &visit());
    assert!(matches!(late, Err(ServiceError::State { code: "proof_needed", .. })), "{late:?}");
}

/// Law 6: a page on which a login was typed does not notice when its owner signs out everywhere.
#[test]
fn a_typed_login_does_not_tell_that_somebody_has_it() {
    let home = vpn();
    home.add_user("anna");
    let (known, unknown) = (home.begin("anna"), home.begin("nobody"));
    let anna = home.sign_in("anna");
    home.service.portal_change_password(&anna, &typed(PASSWORD), &typed(NEW), &visit()).expect("changed");
    for page in [known, unknown] {
        let told = home.service.portal_second(&page, &typed("a guess"), &visit());
        assert!(matches!(told, Ok(SecondPage::Refused)), "{told:?}");
    }
}

#[test]
fn p25_a_new_address_counts_when_its_code_came_back() {
    let home = vpn();
    home.add_user("anna");
    home.give_address("anna");
    home.add_mail_user("carl");
    let (elsewhere, cookie) = (home.sign_in("anna"), home.begin("anna"));
    let SecondPage::Passed { cookie, .. } =
        home.service.portal_second(&cookie, &typed(PASSWORD), &visit()).expect("answered")
    else {
        panic!("not in")
    };
    let here = home.session(&cookie);
    // Somebody else's address is as good as any: nothing is told about it.
    let sent = home.service.portal_change_email(&here, &address("carl@example.org"), &visit());
    assert_eq!(sent.expect("mailed"), EmailSent::OnItsWay);
    let first_code = home.newest_code();
    let sent = home.service.portal_change_email(&here, &address("new@example.org"), &visit());
    assert_eq!(sent.expect("mailed"), EmailSent::OnItsWay);
    let code = home.newest_code();
    let present = || home.service.user(&admin(), &login("anna")).expect("there").user.email;
    let prove = |portal: &PortalSession, code: &str| {
        home.service.portal_prove_email(portal, &typed(code), &visit()).expect("answered")
    };
    assert_eq!(home.session(&cookie).email_pending, Some(address("new@example.org")));
    assert_eq!(prove(&here, &first_code), EmailResult::Refused, "the newest only");
    assert_eq!(prove(&elsewhere, &code), EmailResult::Refused, "here and nowhere else");
    assert_eq!(present(), Some(address("anna@example.org")), "until then the old one stands");
    assert_eq!(prove(&here, &format!("{} {}", &code[..4], &code[4..])), EmailResult::Changed);
    assert_eq!(present(), Some(address("new@example.org")));
    assert!(ended(&home, &elsewhere) && !ended(&home, &here));
    assert_eq!(home.session(&cookie).email_pending, None);
    assert_eq!(prove(&here, &code), EmailResult::Refused, "once");
    // P34: both are told, and neither address stands in it as a whole.
    let told = home.notices();
    let (new, old) = (&told[0], &told[1]);
    assert_eq!((new.0.as_str(), old.0.as_str()), ("new@example.org", "anna@example.org"));
    for (_, text) in [new, old] {
        assert!(text.contains("from a…@example.org to n…@example.org"), "{text}");
    }
    // Two mails, and one more.
    let sent = home.service.portal_change_email(&here, &address("x@example.org"), &visit());
    assert_eq!(sent.expect("mailed"), EmailSent::OnItsWay);
    let sent = home.service.portal_change_email(&here, &address("x@example.org"), &visit());
    assert_eq!(sent.expect("not mailed"), EmailSent::Enough);
    let late = home.newest_code();
    for n in 0..4 {
        home.wait(150);
        assert!(home.service.portal_session(&alias(), &cookie).expect("readable").is_some(), "{n}");
    }
    assert_eq!(prove(&here, &late), EmailResult::Refused, "ten minutes");
    let stale = home.service.portal_change_email(&here, &address("y@example.org"), &visit());
    assert!(matches!(stale, Err(ServiceError::State { code: "proof_needed", .. })), "{stale:?}");
    // Guessing is counted.
    for n in 0..3 {
        assert_eq!(prove(&here, "12345678"), EmailResult::Refused, "{n}");
    }
    assert!(matches!(prove(&here, "12345678"), EmailResult::Blocked { until: Some(_) }));
}

#[test]
fn p26_p28_phone_and_name_are_told_but_end_nothing() {
    let home = vpn();
    home.add_user("anna");
    home.give_address("anna");
    let (elsewhere, here) = (home.sign_in("anna"), home.sign_in("anna"));
    home.wait(400);
    let phone = PhoneNumber::parse("0049 30 123456").expect("a number");
    home.service.portal_change_phone(&here, Some(&phone), &visit()).expect("changed, without a proof");
    assert!(home.notices()[0].1.contains("phone number on record for you was changed"));
    let before = home.notices().len();
    home.service.portal_change_phone(&here, Some(&phone), &visit()).expect("as it was");
    assert_eq!(home.notices().len(), before, "nothing changed, nothing is told");
    home.service.portal_change_phone(&here, None, &visit()).expect("removed");
    assert!(home.notices()[0].1.contains("removed"));
    home.service.portal_change_name(&here, " Anna ", "Nguyễn", &visit()).expect("changed");
    let user = home.service.user(&admin(), &login("anna")).expect("there").user;
    assert_eq!((&user.phone, user.display_name().as_str()), (&None, "Anna Nguyễn"));
    let control = home.service.portal_change_name(&here, "An\u{0}na", "", &visit());
    assert!(matches!(control, Err(ServiceError::Invalid { field: "first_name", .. })), "{control:?}");
    assert!(!ended(&home, &elsewhere));
}

#[test]
fn p34_an_operator_changes_a_way_in_and_the_old_address_is_told() {
    let home = vpn();
    home.add_user("anna");
    home.give_address("anna");
    let patch = UserPatch {
        email: Some(Some(address("other@example.org"))),
        password: Some(Some(typed(NEW))),
        ..UserPatch::default()
    };
    home.service.change_user(&admin(), &login("anna"), patch).expect("changed");
    let told = home.notices();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].0 == "anna@example.org"
            && told[0].1.contains("An operator changed your password and your e-mail address")
    );
}

/// P34: mails are written in the language that is known of their reader.
#[test]
fn p34_notices_are_in_the_language_of_their_reader() {
    let home = vpn();
    home.add_user("anna");
    home.give_address("anna");
    let reads = |language| UserPatch { language: Some(language), ..UserPatch::default() };
    home.service.change_user(&admin(), &login("anna"), reads(Some(Language::Ukrainian))).expect("changed");
    assert_eq!(home.notices().len(), 0, "no way in was changed");
    let portal = home.sign_in("anna");
    home.service.portal_change_name(&portal, "Ганна", "", &visit()).expect("changed");
    let (_, text) = home.notices().remove(0);
    assert!(text.starts_with("Вітаємо, anna!\n\nВаше ім’я в системі змінено."), "{text}");
    assert!(text.contains("Коли: 15 січня 2027 р. 08:00 UTC"), "{text}");
    home.service.change_user(&admin(), &login("anna"), reads(None)).expect("changed");
    home.service.portal_change_name(&portal, "Anna", "", &visit()).expect("changed");
    assert!(home.notices()[0].1.contains("The name on record for you was changed."));
}
