//! What shuts the ways in, and opens them again.

use mintmark::model::{EmailAddress, Role};
use mintmark::service::{NewUser, OnConflict, SecondPage, ServiceError, UserPatch};
use mintmark::store::Page;

use super::fixture::{Home, PASSWORD, admin, alias, login, operator, typed, visit};

/// The newest code in the outbox.
fn mailed(home: &Home) -> String {
    let mails = home.service.outbox(&admin(), 50).expect("a demonstration store");
    let text = mails.iter().find_map(|mail| mail.text.as_str().split("Your code for VPN is ").nth(1));
    text.expect("a code was mailed").chars().take(8).collect()
}

#[test]
fn service_another_mail_address_shuts_out_whoever_read_the_old_one() {
    let home = Home::new();
    home.add_vpn();
    home.add_mail_user("mary");
    let change = |email: &str| {
        let email = EmailAddress::parse(email).expect("an address");
        let patch = UserPatch { email: Some(Some(email)), ..UserPatch::default() };
        home.service.change_user(&admin(), &login("mary"), patch).expect("changed");
    };

    // Who is signed in is out.
    let first = home.begin("mary");
    let passed = home.service.portal_second(&first, &typed(&mailed(&home)), &visit()).expect("answered");
    let SecondPage::Passed { cookie, .. } = passed else { panic!("{passed:?}") };
    change("mary@example.net");
    assert!(home.service.portal_session(&alias(), &cookie).expect("read").is_none());

    // A code that is under way opens nothing.
    let first = home.begin("mary");
    let code = mailed(&home);
    change("mary@example.com");
    let refused = home.service.portal_second(&first, &typed(&code), &visit());
    assert!(matches!(refused, Ok(SecondPage::Refused)), "{refused:?}");

    // A page that was open while a request filled an empty field stays, as it does for a login that nobody has,
    // and opens with nothing but what is in force.
    home.add_user("anna");
    let none = UserPatch { password: Some(None), ..UserPatch::default() };
    home.service.change_user(&admin(), &login("anna"), none).expect("changed");
    let cookie = home.service.portal_begin(&alias(), &login("anna"), &visit()).expect("begun");
    let fill = NewUser {
        login: "anna".into(),
        email: Some(EmailAddress::parse("anna@example.org").expect("an address")),
        password: Some(typed(PASSWORD)),
        on_conflict: OnConflict::Fill,
        ..NewUser::default()
    };
    home.service.add_user(&admin(), fill).expect("filled");
    let open = home.session(&cookie);
    let refused = home.service.portal_second(&open, &typed("something else"), &visit());
    assert!(matches!(refused, Ok(SecondPage::Refused)), "{refused:?}");
    home.sign_in("anna");
}

#[test]
fn service_a_list_without_resources_opens_nothing() {
    let home = Home::new();
    let empty = |what: Result<(), ServiceError>| {
        assert!(matches!(what, Err(ServiceError::Invalid { code: "scope_empty", .. })), "{what:?}");
    };
    empty(home.service.add_api_key(&admin(), "gateway", Role::Verifier, Some(&[])).map(drop));
    empty(home.service.add_operator(&admin(), &login("head"), &typed(PASSWORD), Role::Admin, Some(&[])));
    assert!(home.service.api_keys(&admin(), Page::first(1)).expect("listed").items.is_empty());
    home.service.add_api_key(&admin(), "gateway", Role::Verifier, None).expect("made");
    let keys = home.service.api_keys(&admin(), Page::first(1)).expect("listed").items;
    assert_eq!(keys[0].resources, None, "without a list all of the actor's");
}

#[test]
fn service_another_password_or_an_admin_opens_a_blocked_operator() {
    let home = Home::new();
    let head = login("head");
    home.service.add_operator(&admin(), &head, &typed(PASSWORD), Role::Helpdesk, None).expect("made");
    let enter = |password: &str| home.service.operator_sign_in(&head, &typed(password), &visit());
    let block = || {
        for _ in 0..5 {
            assert!(enter("not the password").expect("looked at").is_none());
        }
        let refused = enter(PASSWORD);
        assert!(matches!(refused, Err(ServiceError::TooMany { .. })), "{refused:?}");
    };
    block();
    home.service.unblock_operator(&admin(), &head).expect("unblocked");
    assert!(enter(PASSWORD).expect("looked at").is_some());
    block();
    let other = "vier Pflaumen im Glas";
    home.service.set_operator_password(&admin(), &head, &typed(other)).expect("changed");
    assert!(enter(other).expect("looked at").is_some());

    let helpdesk = operator(1);
    let refused = home.service.unblock_operator(&helpdesk, &head);
    assert!(matches!(refused, Err(ServiceError::Forbidden { .. })), "{refused:?}");
}
