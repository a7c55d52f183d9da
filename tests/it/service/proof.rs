//! P32: before what matters most somebody proves again who they are. P34: whoever it happened to is told.

use mintmark::model::{AssignmentKind, PortalAction};
use mintmark::service::{
    AssignRequest, NewUser, PortalSession, ProofAsked, ProofResult, SecondPage, ServiceError, ThirdPage,
};

use super::fixture::{ADDRESS, Home, PASSWORD, StandIn, admin, login, resource, typed, visit};

fn needs_proof(home: &Home, portal: &PortalSession) -> bool {
    match home.service.require_fresh(portal) {
        Ok(()) => false,
        Err(ServiceError::State { code: "proof_needed", .. }) => true,
        Err(other) => panic!("{other:?}"),
    }
}

fn vpn_with_login_changes() -> Home {
    let home = Home::new();
    home.add_vpn();
    home.offer(&[PortalAction::ChangeLogin]);
    home.add_user("anna");
    home
}

fn pair(home: &Home, name: &str, token: &StandIn) {
    let pair = AssignRequest {
        kind: AssignmentKind::TokenWithUser,
        user: Some(login(name)),
        token: Some(token.serial.clone()),
    };
    home.service.assign(&admin(), &resource("VPN"), &pair).expect("assigned");
}

#[test]
fn p32_a_sign_in_is_a_proof_for_five_minutes() {
    let home = vpn_with_login_changes();
    let portal = home.sign_in("anna");
    assert!(!needs_proof(&home, &portal));
    home.wait(300);
    assert!(!needs_proof(&home, &portal));
    home.wait(1);
    assert!(needs_proof(&home, &portal));
    let refused = home.service.portal_change_login(&portal, &login("anna2"), &visit());
    assert!(matches!(refused, Err(ServiceError::State { code: "proof_needed", .. })), "{refused:?}");
    home.service.user(&admin(), &login("anna")).expect("nothing changed");

    // The password proves it; the session goes on under a new id and ends when it would have.
    assert!(matches!(home.service.portal_proof(&portal), Ok(ProofAsked::Password)));
    let wrong = home.service.portal_prove_secret(&portal, &typed("not it at all"), &visit());
    assert!(matches!(wrong, Ok(ProofResult::Refused)), "{wrong:?}");
    let right = home.service.portal_prove_secret(&portal, &typed(PASSWORD), &visit()).expect("answered");
    let ProofResult::Passed { cookie } = right else { panic!("{right:?}") };
    let proved = home.session(&cookie);
    assert!(!needs_proof(&home, &proved));
    let gone = home.service.require_fresh(&portal);
    assert!(matches!(gone, Err(ServiceError::State { code: "sign_in_order", .. })), "{gone:?}");
    home.service.portal_change_login(&proved, &login("anna2"), &visit()).expect("changed");
    for _ in 0..7 {
        home.wait(480);
        let _ = home.service.portal_session(&super::fixture::alias(), &cookie);
    }
    let late = home.service.portal_session(&super::fixture::alias(), &cookie).expect("readable");
    assert!(late.is_none(), "an hour in all, whatever was proved meanwhile");
}

#[test]
fn p32_wrong_proofs_count_like_wrong_passwords() {
    let home = vpn_with_login_changes();
    let portal = home.sign_in("anna");
    for n in 0..5 {
        let answer = home.service.portal_prove_secret(&portal, &typed("not it"), &visit());
        assert!(matches!(answer, Ok(ProofResult::Refused)), "{n}: {answer:?}");
    }
    let blocked = home.service.portal_prove_secret(&portal, &typed(PASSWORD), &visit());
    assert!(matches!(blocked, Ok(ProofResult::Blocked { until: Some(_) })), "{blocked:?}");
    // The counter is that of the sign-in.
    let first = home.begin("anna");
    let second = home.service.portal_second(&first, &typed(PASSWORD), &visit()).expect("answered");
    assert!(matches!(second, SecondPage::Blocked { .. }), "{second:?}");
    home.wait(31);
    let right = home.service.portal_prove_secret(&portal, &typed(PASSWORD), &visit());
    assert!(matches!(right, Ok(ProofResult::Passed { .. })), "{right:?}");
}

#[test]
fn p32_with_a_token_only_its_code_proves() {
    let home = vpn_with_login_changes();
    let token = StandIn::totp("T-1");
    home.import("one", &[&token]);
    let early = home.sign_in("anna");
    assert!(!needs_proof(&home, &early));
    home.wait(1);
    pair(&home, "anna", &token);
    // The password was typed before there was a token: it proves nothing any more.
    assert!(needs_proof(&home, &early));
    assert!(matches!(home.service.portal_proof(&early), Ok(ProofAsked::Code(_))));
    let password = home.service.portal_prove_secret(&early, &typed(PASSWORD), &visit());
    assert!(matches!(password, Err(ServiceError::State { code: "proof_kind", .. })), "{password:?}");
    home.service.mail_proof(&early, &visit()).expect_err("nor is a code mailed");

    let code = token.at(home.step());
    let wrong = home.service.portal_prove_code(&early, None, &token.wrong(home.step()), &visit());
    assert!(matches!(wrong, Ok(ProofResult::Refused)), "{wrong:?}");
    let right = home.service.portal_prove_code(&early, None, &code, &visit()).expect("answered");
    let ProofResult::Passed { cookie } = right else { panic!("{right:?}") };
    let proved = home.session(&cookie);
    assert!(!needs_proof(&home, &proved));

    // Law 1: a code that proved something signs nobody in, and the other way round.
    let again = home.service.portal_prove_code(&proved, None, &code, &visit()).expect("answered");
    assert!(matches!(again, ProofResult::AlreadyUsed), "{again:?}");
    let owed = home.sign_in("anna");
    let third = home.service.portal_third(&owed, &code, &visit()).expect("answered");
    assert!(matches!(third, ThirdPage::AlreadyUsed), "{third:?}");
    home.service.portal_prove_code(&owed, None, &code, &visit()).expect_err("this sign-in is not complete");
    home.service.portal_third(&proved, &code, &visit()).expect_err("this one is");

    // Wrong codes count on the token, as everywhere.
    home.wait(60);
    for _ in 0..5 {
        home.service.portal_prove_code(&proved, None, &token.wrong(home.step()), &visit()).expect("answered");
    }
    let blocked = home.service.portal_prove_code(&proved, None, &token.at(home.step()), &visit());
    assert!(matches!(blocked, Ok(ProofResult::Blocked { .. })), "{blocked:?}");

    // A token that was switched off proves nothing, and opens no other way.
    home.wait(3_000);
    home.service.set_token_enabled(&admin(), &token.serial, false).expect("disabled");
    let off = home.service.portal_prove_code(&proved, None, &token.at(home.step()), &visit());
    assert!(!matches!(off, Ok(ProofResult::Passed { .. })), "{off:?}");
    assert_eq!(home.service.verify_audit(&admin()).expect("read").fault, None);
}

#[test]
fn p32_a_mailed_code_proves_for_who_has_no_password() {
    let home = vpn_with_login_changes();
    home.add_mail_user("carl");
    let portal = home.sign_in_by_mail("carl");
    home.wait(301);
    assert!(needs_proof(&home, &portal));
    match home.service.portal_proof(&portal).expect("read") {
        ProofAsked::MailedCode { hint } => assert_eq!(hint, "c…@example.org"),
        other => panic!("{other:?}"),
    }
    assert!(home.service.mail_proof(&portal, &visit()).expect("mailed"));
    let code = home.newest_code();
    // Good where it was asked for alone: it signs nobody in elsewhere.
    let other = home.begin("nobody");
    let elsewhere = home.service.portal_second(&other, &typed(&code), &visit()).expect("answered");
    assert!(matches!(elsewhere, SecondPage::Refused), "{elsewhere:?}");
    let right = home.service.portal_prove_secret(&portal, &typed(&code), &visit()).expect("answered");
    let ProofResult::Passed { cookie } = right else { panic!("{right:?}") };
    let proved = home.session(&cookie);
    let again = home.service.portal_prove_secret(&proved, &typed(&code), &visit());
    assert!(matches!(again, Ok(ProofResult::Refused)), "{again:?}");
    // Three, counted apart from those of the sign-in: then it is enough for a while.
    assert!(home.service.mail_proof(&proved, &visit()).expect("mailed"));
    assert!(home.service.mail_proof(&proved, &visit()).expect("mailed"));
    assert!(!home.service.mail_proof(&proved, &visit()).expect("not mailed"));
}

#[test]
fn p27_a_login_changes_and_the_old_one_stays_reserved() {
    let home = vpn_with_login_changes();
    home.give_address("anna");
    home.add_user("bert");
    let (here, elsewhere) = (home.sign_in("anna"), home.sign_in("anna"));
    let taken = |name: &str| match home.service.portal_change_login(&here, &login(name), &visit()) {
        Err(ServiceError::Invalid { field: "login", code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(taken("BERT"), "login_taken");
    home.service.portal_change_login(&here, &login("Anna.K"), &visit()).expect("changed");
    let user = home.service.user(&admin(), &login("anna.k")).expect("there").user;
    assert_eq!(user.old_logins, [login("anna")]);
    home.service.user(&admin(), &login("anna")).expect_err("nobody has it now");
    let reserved = NewUser { login: "anna".into(), ..NewUser::default() };
    home.service.add_user(&admin(), reserved).expect_err("and nobody else gets it");
    // This session goes on, the others end.
    assert!(!needs_proof(&home, &here));
    home.service.require_fresh(&elsewhere).expect_err("ended");
    home.sign_in("anna.k");

    // P34: when, where, from where, what to do.
    let (to, text) = home.notices().remove(0);
    assert_eq!(to, "anna@example.org");
    for part in ["from anna to Anna.K", "VPN", "15 Jan 2027", ADDRESS, "Tell the helpdesk"] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }

    // Back to one's own is possible; what another had before is not.
    home.service.portal_change_login(&here, &login("anna"), &visit()).expect("their own");
    let bert = home.sign_in("bert");
    let others = home.service.portal_change_login(&bert, &login("anna.k"), &visit());
    assert!(matches!(others, Err(ServiceError::Invalid { code: "login_taken", .. })), "{others:?}");
    // Nobody tries out who is here, nor takes names without end.
    for _ in 0..9 {
        assert_eq!(taken("bert"), "login_taken");
    }
    let enough = home.service.portal_change_login(&here, &login("bert"), &visit());
    assert!(matches!(enough, Err(ServiceError::TooMany { .. })), "{enough:?}");
    for n in 0..4 {
        home.service.portal_change_login(&here, &login(&format!("anna{n}")), &visit()).expect("changed");
    }
    assert_eq!(taken("anna9"), "login_changes_spent");
}

#[test]
fn p34_what_happens_to_a_token_is_told() {
    let home = Home::new();
    let token = StandIn::totp("T-1");
    home.import("one", &[&token]);
    home.add_vpn();
    home.add_user("anna");
    home.give_address("anna");
    home.assign_batch("one");
    let portal = home.sign_in("anna");
    let codes = token.from(home.step() - 1, 2);
    home.service.portal_confirm(&portal, &token.serial, &codes, &visit()).expect("confirmed");
    assert!(home.notices()[0].1.contains("T-1 was confirmed"), "{:?}", home.notices());
    home.wait(590);
    let codes = token.from(home.step() + 5, 2);
    home.service.portal_synchronize(&portal, &codes, &visit()).expect("synchronized");
    assert!(home.notices()[0].1.contains("brought back in time"), "{:?}", home.notices());
}
