//! What must not come through where restore access meets emergency codes, waits and other changes.

use mintmark::model::{
    Actor, AssignmentKind, AuditResult, BrowserSays, Claim, DisabledBy, EmailAddress, EnvironmentPolicy,
    Factor, IssueReference, IssueState, Operator, ResourceAlias, Role, Scope, Visit,
};
use mintmark::oath::Otp;
use mintmark::service::{
    AssignRequest, AuthRequest, AuthResult, EmergencyRequest, IssueVerdict, PortalSettings, RestoreProof,
    RestoreResult, RestoreTyped, SecondPage, ThirdPage, UserPatch,
};
use mintmark::store::Page;

use super::{Case, PASSWORD, code_of, factors};
use crate::service::fixture::{admin, alias, login, operator, resource, typed, verifier, visit};

const CODE: EmergencyRequest<'static> =
    EmergencyRequest { note: "showed a passport", hours: 100, once: false, token_lost: false };

fn emergency_code(case: &Case) -> Otp {
    let issued = case.home.service.issue_emergency_code(&operator(1), &login("anna"), &CODE).expect("issued");
    Otp::parse(&issued.code).expect("digits and dashes")
}

/// P39, P48: what an emergency code stood in for is not proved, and can be said to be lost.
#[test]
fn p39_p48_an_emergency_code_proves_nothing() {
    let case = Case::new(factors(true, true, true));
    let code = emergency_code(&case);
    let owed = case.home.sign_in("anna");
    let ThirdPage::Passed { cookie } =
        case.home.service.portal_third(&owed, &code, &visit()).expect("answered")
    else {
        panic!("the code opens the door")
    };
    let portal = case.home.session(&cookie);
    let proved = case.home.service.portal_restore_proved(&portal).expect("read");
    assert_eq!(proved, factors(false, false, false));
    case.lost(&portal, factors(true, false, false));
    assert_eq!(case.prove(&portal, &case.proof(Factor::Password)), RestoreProof::Passed);
    case.finish(&portal, factors(true, false, false)).expect("sent");
    let claims = case.open()[0].issue.claims;
    assert_eq!((claims.token, claims.password), (Claim::Lost, Claim::Proved));
    // A page that was left open proves nothing either.
    let full = case.home.sign_in_full("anna", &case.token);
    assert_eq!(case.home.service.portal_restore_proved(&full).expect("read"), factors(true, true, false));
    case.home.wait(301);
    assert_eq!(case.home.service.portal_restore_proved(&full).expect("read"), factors(false, false, false));
}

/// P45: the link to a new address ends when another address is set, and when an operator deletes the request.
#[test]
fn p45_a_link_can_be_stopped_after_approval() {
    for by_change in [true, false] {
        let case = Case::new(factors(false, true, true));
        case.ask("anna", factors(false, false, true), Some(Factor::Password));
        let issue = &case.open()[0];
        assert_eq!(case.verify(1, issue).expect("verified"), IssueVerdict::Approved);
        let link = case.link_to(super::NEW_ADDRESS);
        if by_change {
            let email = Some(EmailAddress::parse("anna@example.com").expect("an address"));
            let patch = UserPatch { email: Some(email), ..UserPatch::default() };
            case.home.service.change_user(&admin(), &login("anna"), patch).expect("changed");
        } else {
            case.home.service.delete_user_issue(&operator(1), issue.issue.id).expect("ended");
            assert_eq!(
                code_of(case.home.service.delete_user_issue(&operator(1), issue.issue.id)),
                "issue_ended"
            );
        }
        assert_eq!(code_of(case.home.service.use_restore_link(&alias(), &link, &visit())), "link");
        assert_ne!(case.email().as_deref(), Some(super::NEW_ADDRESS));
    }
}

/// P43: what operators stop during the wait does not take effect by itself.
#[test]
fn p43_a_wait_can_be_stopped_by_closing_the_portal_or_disabling_the_token() {
    let has = factors(true, true, true);
    for by_closing in [true, false] {
        let case = Case::new(has);
        case.ask("anna", has, None);
        let issue = &case.open()[0];
        case.verify(1, issue).expect("noted");
        assert!(matches!(case.verify(2, issue).expect("noted"), IssueVerdict::Waits { .. }));
        if by_closing {
            let off = PortalSettings { enabled: Some(false), ..PortalSettings::default() };
            case.home.service.set_portal(&admin(), &resource("VPN"), &off).expect("closed");
        } else {
            case.home.service.set_token_enabled(&admin(), &case.token.serial, false).expect("disabled");
        }
        case.home.wait(24 * 3_600);
        case.home.service.sweep().expect("swept");
        assert!(matches!(case.issues()[0].issue.state, IssueState::Expired { .. }));
        assert_eq!(case.disabled(), (!by_closing).then_some(DisabledBy::Operator));
    }
}

/// P45, P48: another password or address ends an emergency code.
#[test]
fn p48_restored_access_ends_an_emergency_code() {
    let case = Case::new(factors(true, true, true));
    let code = emergency_code(&case);
    let ask = |password: &str| {
        let (anna, password) = (login("anna"), typed(password));
        let asked = AuthRequest { user: &anna, password: Some(&password), otp: Some(&code), address: None };
        case.home.service.authenticate(&verifier(), &resource("VPN"), &asked).expect("answered")
    };
    assert_eq!(ask(PASSWORD), AuthResult::Accepted);
    case.ask("anna", factors(false, true, false), Some(Factor::Token));
    case.verify(1, &case.open()[0]).expect("verified");
    assert_eq!(ask(super::NEW), AuthResult::Rejected);
}

/// What is changed about anna, by an operator.
fn changed(case: &Case, password: bool) {
    let email = EmailAddress::parse("anna@example.com").expect("an address");
    let patch = UserPatch {
        password: password.then(|| Some(typed("acht Feigen im Glas"))),
        email: (!password).then_some(Some(email)),
        ..UserPatch::default()
    };
    case.home.service.change_user(&admin(), &login("anna"), patch).expect("changed");
}

/// P41: a proof holds only as long as what it proved stands: in the draft of a request, and when it is approved.
#[test]
fn p41_a_proof_ends_with_what_it_proved() {
    let token_lost = factors(true, false, false);
    for (proof, by_password) in [(Factor::Password, true), (Factor::Email, false)] {
        let case = Case::new(factors(true, true, true));
        let portal = case.home.begin("anna");
        case.lost(&portal, token_lost);
        assert_eq!(case.prove(&portal, &case.proof(proof)), RestoreProof::Passed);
        changed(&case, by_password);
        let sent = case.home.service.portal_restore_send(&portal, &visit()).expect("answered");
        assert_eq!(sent, RestoreResult::Outdated, "{proof:?}");
        let newest = case.home.service.audit(&admin(), None, Page::first(1)).expect("read").items.remove(0);
        assert_eq!((newest.action, newest.result), ("user_issue_opened", AuditResult::Refused));
        assert!(case.issues().is_empty());
        // Something is asked for again.
        assert_eq!(code_of(case.finish(&portal, token_lost)), "restore_order");
        let guess = RestoreTyped { password: Some(typed("a wrong one")), ..RestoreTyped::default() };
        assert_eq!(case.prove(&portal, &guess), RestoreProof::Refused);

        let case = Case::new(factors(true, true, true));
        case.ask("anna", token_lost, Some(proof));
        // What was not proved may change.
        changed(&case, !by_password);
        assert!(!case.open()[0].is_outdated);
        changed(&case, by_password);
        let issue = &case.open()[0];
        assert!(issue.is_outdated);
        assert_eq!(code_of(case.verify(1, issue)), "proof_outdated", "{proof:?}");
        assert_eq!(case.disabled(), None);
        case.home.service.delete_user_issue(&operator(1), issue.issue.id).expect("deleted");
    }
    // So does a proof by a token that an operator switches off.
    let case = Case::new(factors(true, true, false));
    case.ask("anna", factors(false, true, false), Some(Factor::Token));
    case.home.service.set_token_enabled(&admin(), &case.token.serial, false).expect("disabled");
    assert_eq!(code_of(case.verify(1, &case.open()[0])), "proof_outdated");
}

/// A request of somebody who says that everything is lost, from there.
fn everything_lost(case: &Case, address: &str) -> IssueReference {
    let everything = factors(true, true, true);
    let portal = case.home.begin("anna");
    case.lost(&portal, everything);
    case.home.service.portal_restore_password(&portal, &typed(super::NEW)).expect("typed");
    let to = EmailAddress::parse(super::NEW_ADDRESS).expect("an address");
    case.home.service.portal_restore_email(&portal, &to).expect("typed");
    match case.home.service.portal_restore_send(&portal, &Visit::from_address(address)).expect("sent") {
        RestoreResult::Sent(reference) => reference,
        other => panic!("{other:?}"),
    }
}

/// P41: requests that prove nothing, as many as there may be, neither keep out nor push out the owner's, nor any that
/// proved something.
#[test]
fn p41_nobody_is_shut_out_by_requests_that_prove_nothing() {
    let case = Case::new(factors(true, true, true));
    let stands = |reference| case.open().iter().any(|view| view.issue.reference == reference);
    let proved = case.ask("anna", factors(true, false, false), Some(Factor::Password));
    for n in 1..=3 {
        everything_lost(&case, &format!("198.51.100.{n}"));
    }
    let owner = everything_lost(&case, "192.0.2.7");
    assert!(stands(owner), "three of a stranger's came before");
    for n in 4..=12 {
        let strangers = everything_lost(&case, &format!("198.51.100.{n}"));
        assert!(stands(strangers) && stands(owner) && stands(proved), "{n}");
    }
    let counted: u32 = case.open().iter().map(|view| view.issue.displaced).sum();
    assert_eq!((case.open().len(), counted), (4, 10));
    let told = case.home.notices().iter().filter(|(_, text)| text.contains("?k=")).count();
    assert_eq!(told, 3, "the old address is not flooded");
    // One that an operator has verified stays, from however many networks they come.
    let issue = case.open().into_iter().find(|view| view.issue.reference == owner).expect("stands");
    assert_eq!(case.verify(1, &issue).expect("noted"), IssueVerdict::FirstOfTwo);
    for n in 1..=9 {
        everything_lost(&case, &format!("203.0.{n}.9"));
    }
    assert!(stands(owner) && stands(proved));
    assert!(matches!(case.verify(2, &issue).expect("noted"), IssueVerdict::Waits { .. }));
}

/// P42, scope: nobody hears of requests on resources that they do not see, nor are those counted.
#[test]
fn p42_lists_and_counts_end_at_the_scope() {
    let case = Case::new(factors(true, true, true));
    case.home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    let settings = PortalSettings {
        alias: Some(ResourceAlias::parse("mail").expect("an alias")),
        ..PortalSettings::default()
    };
    case.home.service.set_portal(&admin(), &resource("Mail"), &settings).expect("set");
    let both = AssignRequest { kind: AssignmentKind::User, user: Some(login("anna")), token: None };
    case.home.service.assign(&admin(), &resource("Mail"), &both).expect("assigned");
    for n in 1..=3 {
        everything_lost(&case, &format!("198.51.100.{n}"));
    }
    // One on *Mail*, behind those on *VPN*.
    let mail = settings.alias.clone().expect("set");
    let cookie = case.home.service.portal_begin(&mail, &login("anna"), &visit()).expect("begun");
    let portal = case.home.service.portal_session(&mail, &cookie).expect("read").expect("alive");
    case.lost(&portal, factors(false, true, false));
    assert_eq!(case.prove(&portal, &case.proof(Factor::Email)), RestoreProof::Passed);
    let there = case.finish(&portal, factors(false, true, false)).expect("sent");

    let id = case.home.service.resource(&admin(), &resource("Mail")).expect("there").resource.id;
    let scoped = Actor { scope: Scope::Resources(vec![id]), ..operator(1) };
    let list = case.home.service.user_issues(&scoped, Page::first(1)).expect("listed");
    assert_eq!(list.items.iter().map(|view| view.issue.reference).collect::<Vec<_>>(), [there]);
    assert!(list.items[0].earlier.is_empty(), "others of hers are elsewhere");
    assert_eq!(case.home.service.open_user_issues(&scoped, 1).expect("counted"), 1);
    assert_eq!(case.home.service.open_user_issues(&admin(), 99).expect("counted"), 4);
    assert_eq!(case.home.service.open_user_issues(&admin(), 2).expect("counted"), 2);
    assert_eq!(case.open()[0].earlier.len(), 3);
}

/// P43: the first of two counts as long as they could still decide when the second does.
#[test]
fn p43_the_first_operator_must_still_be_one() {
    type Change = fn(Operator) -> Operator;
    let has = factors(false, true, false);
    let changes: [(&str, Change); 3] = [
        ("disabled", |first| Operator { enabled: false, ..first }),
        ("another role", |first| Operator { role: Role::Auditor, ..first }),
        ("another scope", |first| Operator { scope: Scope::Resources(Vec::new()), ..first }),
    ];
    for (what, change) in changes {
        let case = Case::new(has);
        case.ask("anna", factors(true, true, true), None);
        let issue = &case.open()[0];
        assert_eq!(case.verify(1, issue).expect("noted"), IssueVerdict::FirstOfTwo);
        case.home.reform("operator1", change);
        assert_eq!(case.verify(2, issue).expect("noted"), IssueVerdict::FirstOfTwo, "{what}");
        assert_eq!(code_of(case.verify(2, issue)), "another_operator", "{what}");
        case.untouched(has, what);
        assert!(matches!(case.verify(3, issue).expect("noted"), IssueVerdict::Waits { .. }), "{what}");
    }
}

/// Comes with the password from there; whether that was let in.
fn let_in(case: &Case, agent: &str, address: &str, password: &str) -> bool {
    let says = BrowserSays { user_agent: agent.into(), ..BrowserSays::default() };
    let visit = Visit { says, ..Visit::from_address(address) };
    let cookie = case.home.service.portal_begin(&alias(), &login("anna"), &visit).expect("begun");
    let portal = case.home.session(&cookie);
    let answer = case.home.service.portal_second(&portal, &typed(password), &visit).expect("answered");
    matches!(answer, SecondPage::Passed { .. })
}

/// P29, P45: whose identity was verified is let in once from where others are refused.
#[test]
fn p29_p45_an_approval_lets_in_once() {
    let usual = ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0", "198.51.100.9");
    let unusual = ("Mozilla/5.0 (Windows NT 10.0) Chrome/140.0", "203.0.113.9");
    let other = ("Mozilla/5.0 (iPhone) Safari/604.1", "192.0.2.99");
    for late in [false, true] {
        let case = Case::new(factors(false, true, true));
        let settings = PortalSettings {
            environment_policy: Some(EnvironmentPolicy::Refuse),
            ..PortalSettings::default()
        };
        case.home.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
        assert!(let_in(&case, usual.0, usual.1, PASSWORD), "the first is never unusual");
        case.ask("anna", factors(false, true, false), Some(Factor::Email));
        assert!(!let_in(&case, unusual.0, unusual.1, PASSWORD));
        case.verify(1, &case.open()[0]).expect("verified");
        assert!(
            !let_in(&case, unusual.0, unusual.1, PASSWORD),
            "with what was approved, not with the old one"
        );
        case.home.wait(if late { 7 * 86_400 + 1 } else { 86_400 });
        assert_eq!(let_in(&case, unusual.0, unusual.1, super::NEW), !late);
        assert!(!let_in(&case, other.0, other.1, super::NEW), "once");
    }
}

/// P45: a link that was not opened in its day is mailed again, and the one before works no more.
#[test]
fn p45_a_link_can_be_mailed_again() {
    let case = Case::new(factors(false, true, true));
    case.ask("anna", factors(false, false, true), Some(Factor::Password));
    let id = case.open()[0].issue.id;
    let again = || case.home.service.mail_issue_link(&operator(1), id);
    assert_eq!(code_of(again()), "no_link", "nobody has approved it");
    case.verify(1, &case.open()[0]).expect("verified");
    let first = case.link_to(super::NEW_ADDRESS);
    assert_eq!(code_of(again()), "link_waits");
    case.home.wait(86_401);
    let works = |link: &str| case.home.service.restore_link(&alias(), link).is_ok();
    assert!(!works(&first));
    let until = again().expect("mailed");
    assert_eq!(until, case.home.service.now().plus_secs(86_400));
    let second = case.link_to(super::NEW_ADDRESS);
    assert!(works(&second) && !works(&first));
    case.home.service.use_restore_link(&alias(), &second, &visit()).expect("opened");
    assert_eq!(case.email().as_deref(), Some(super::NEW_ADDRESS));
    assert_eq!(code_of(again()), "no_link", "it was opened");

    // Another address on record ends it for good; so do 30 days.
    for late in [false, true] {
        let case = Case::new(factors(false, true, true));
        case.ask("anna", factors(false, false, true), Some(Factor::Password));
        let id = case.open()[0].issue.id;
        case.verify(1, &case.open()[0]).expect("verified");
        if late {
            case.home.wait(31 * 86_400);
        } else {
            changed(&case, false);
            case.home.wait(90);
        }
        let refused = case.home.service.mail_issue_link(&operator(1), id);
        assert_eq!(code_of(refused), if late { "link_too_old" } else { "link_outdated" });
    }
}
