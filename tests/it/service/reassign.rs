//! P18, P19: another token takes the place of the present one; a token is given back.

use mintmark::model::{AssignmentKind, DisabledBy, Subject};
use mintmark::service::{
    AssignRequest, ConfirmResult, DraftResult, NewUser, ServiceError, ThirdPage, TokenView,
};
use mintmark::store::Page;

use super::fixture::{Home, StandIn, admin, login, resource, visit};
use super::register::{home, scanned};

/// Anna with a token of the batch, on *VPN* and on *Mail*; a second token stands on *VPN*.
fn with_pair() -> (Home, [StandIn; 2]) {
    let home = home();
    let tokens = [StandIn::totp("OLD-1"), StandIn::totp("NEW-2")];
    home.import("spring", &tokens.each_ref());
    home.assign_batch("spring");
    let portal = home.sign_in("anna");
    let step = home.step();
    let answer = home
        .service
        .portal_confirm(&portal, &tokens[0].serial, &tokens[0].from(step - 1, 2), &visit())
        .expect("answered");
    assert!(matches!(answer, ConfirmResult::Confirmed { .. }), "{answer:?}");
    home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    let pair = AssignRequest {
        kind: AssignmentKind::TokenWithUser,
        user: Some(login("anna")),
        token: Some(tokens[0].serial.clone()),
    };
    home.service.assign(&admin(), &resource("Mail"), &pair).expect("assigned");
    home.wait(30);
    (home, tokens)
}

fn there(home: &Home, token: &StandIn) -> TokenView {
    home.service.token(&admin(), &token.serial).expect("there")
}

fn places(home: &Home, token: &StandIn) -> Vec<(String, AssignmentKind)> {
    there(home, token).assignments.into_iter().map(|(name, kind, _)| (name, kind)).collect()
}

/// The old token is nowhere any more, the new one everywhere, and both know of each other.
fn replaced(home: &Home, old: &StandIn, new: &StandIn) {
    assert_eq!(places(home, old), [], "on no resource");
    let pair = AssignmentKind::TokenWithUser;
    let mut now = places(home, new);
    now.sort();
    assert_eq!(now, [("Mail".to_owned(), pair), ("VPN".to_owned(), pair)]);
    let (old, new) = (there(home, old), there(home, new));
    assert_eq!(old.token.disabled, Some(DisabledBy::Replaced));
    assert_eq!(old.replaced_by.as_deref(), Some(new.token.serial.display()));
    assert_eq!(new.replaces.as_deref(), Some(old.token.serial.display()));
    for id in [old.token.id, new.token.id] {
        let log = home.service.audit(&admin(), Some(Subject::Token(id)), Page::first(20)).expect("read");
        assert!(log.items.iter().any(|record| record.action == "token_replaced"));
    }
}

/// P18 with a token that was received; the user keeps working at every moment.
#[test]
fn p18_a_received_token_takes_all_places() {
    let (home, [old, new]) = with_pair();
    let portal = home.sign_in_full("anna", &old);
    let step = home.step();
    let early = home.sign_in("anna");
    let unproved = home.service.portal_reassign(&early, &new.serial, &new.from(step, 2), &visit());
    assert!(matches!(unproved, Err(ServiceError::State { code: "sign_in_order", .. })), "{unproved:?}");
    let wrong = [new.wrong(step), new.at(3)];
    let refused = home.service.portal_reassign(&portal, &new.serial, &wrong, &visit()).expect("answered");
    assert!(matches!(refused, ConfirmResult::Refused { reason: "refused", .. }), "{refused:?}");
    assert_eq!(there(&home, &old).token.disabled, None, "nothing changed");
    let own = home
        .service
        .portal_reassign(&portal, &old.serial, &old.from(step + 1, 2), &visit())
        .expect("answered");
    assert!(matches!(own, ConfirmResult::Refused { .. }), "not by itself: {own:?}");
    home.wait(60);
    let step = home.step();
    let done = home
        .service
        .portal_reassign(&portal, &new.serial, &new.from(step - 1, 2), &visit())
        .expect("answered");
    assert!(matches!(done, ConfirmResult::Confirmed { .. }), "{done:?}");
    replaced(&home, &old, &new);
    // The session goes on, the old token does not, the new one does.
    assert!(home.service.portal_home(&portal).expect("read").token.is_some());
    home.wait(30);
    let owed = home.sign_in("anna");
    let gone = home.service.portal_third(&owed, &old.at(step + 1), &visit()).expect("answered");
    assert!(matches!(gone, ThirdPage::Refused { .. }), "{gone:?}");
    let next = home.service.portal_third(&owed, &new.at(step + 1), &visit()).expect("answered");
    assert!(matches!(next, ThirdPage::Passed { .. }), "{next:?}");
    let enabled = home.service.set_token_enabled(&admin(), &old.serial, true);
    assert!(matches!(enabled, Err(ServiceError::State { code: "token_replaced", .. })), "{enabled:?}");
}

/// P18 with a token that is made now.
#[test]
fn p18_a_new_app_takes_all_places() {
    let (home, [old, _]) = with_pair();
    let portal = home.sign_in_full("anna", &old);
    let app = scanned(&home, &portal, true);
    let step = home.step();
    let wrong = home.service.portal_finish(&portal, &[app.wrong(step)], &visit()).expect("answered");
    assert!(matches!(wrong, DraftResult::Refused { .. }), "{wrong:?}");
    assert_eq!((there(&home, &old).token.disabled, places(&home, &old).len()), (None, 2));
    let made = home.service.portal_finish(&portal, &[app.at(step)], &visit()).expect("answered");
    assert!(matches!(made, DraftResult::Made { .. }), "{made:?}");
    replaced(&home, &old, &app);
}

/// P32 before P18 and P19: a proof that is older than five minutes is none.
#[test]
fn p18_p19_ask_for_a_fresh_proof() {
    let (home, [old, new]) = with_pair();
    let portal = home.sign_in_full("anna", &old);
    home.wait(301);
    let step = home.step();
    let codes = new.from(step - 1, 2);
    let replaced = home.service.portal_reassign(&portal, &new.serial, &codes, &visit()).map(drop);
    let begun = home.service.portal_draft(&portal, &super::register::software(), true, &visit());
    let given = home.service.portal_unassign(&portal, &visit());
    for answer in [replaced, begun, given] {
        assert!(matches!(answer, Err(ServiceError::State { code: "proof_needed", .. })), "{answer:?}");
    }
    assert_eq!((places(&home, &old).len(), there(&home, &new).state.used), (2, false), "no code is spent");
    let portal = home.prove(&portal, &old.at(step));
    let done = home.service.portal_reassign(&portal, &new.serial, &codes, &visit()).expect("answered");
    assert!(matches!(done, ConfirmResult::Confirmed { .. }), "{done:?}");
}

/// P18: a draft for one token does not replace another.
#[test]
fn p18_the_token_to_be_replaced_is_fixed_at_the_beginning() {
    let (home, [old, new]) = with_pair();
    let portal = home.sign_in_full("anna", &old);
    let app = scanned(&home, &portal, true);
    let step = home.step();
    home.service.portal_reassign(&portal, &new.serial, &new.from(step - 1, 2), &visit()).expect("answered");
    replaced(&home, &old, &new);
    let late = home.service.portal_finish(&portal, &[app.at(step)], &visit());
    assert!(matches!(late, Err(ServiceError::State { code: "token_changed", .. })), "{late:?}");
}

/// P19: on this resource only; the user stays the holder, and nobody else can confirm it.
#[test]
fn p19_a_token_is_given_back() {
    let (home, [old, _]) = with_pair();
    let portal = home.sign_in_full("anna", &old);
    home.service.portal_unassign(&portal, &visit()).expect("given back");
    let mut now = places(&home, &old);
    now.sort();
    let wanted =
        [("Mail".to_owned(), AssignmentKind::TokenWithUser), ("VPN".to_owned(), AssignmentKind::Token)];
    assert_eq!(now, wanted);
    assert!(home.service.portal_home(&portal).expect("read").token.is_none());
    let again = home.service.portal_unassign(&portal, &visit());
    assert!(matches!(again, Err(ServiceError::NotFound { .. })), "{again:?}");

    home.service.add_user(&admin(), NewUser { login: "x".into(), ..NewUser::default() }).expect("made");
    home.add_user("bert");
    home.wait(60);
    let step = home.step();
    let bert = home.sign_in("bert");
    let theirs = home.service.portal_confirm(&bert, &old.serial, &old.from(step - 1, 2), &visit());
    assert!(matches!(theirs, Ok(ConfirmResult::Refused { .. })), "{theirs:?}");
    let anna = home.sign_in("anna");
    let hers = home.service.portal_confirm(&anna, &old.serial, &old.from(step - 1, 2), &visit());
    assert!(matches!(hers, Ok(ConfirmResult::Confirmed { .. })), "{hers:?}");
    let mut now = places(&home, &old);
    now.sort();
    let pair = AssignmentKind::TokenWithUser;
    assert_eq!(now, [("Mail".to_owned(), pair), ("VPN".to_owned(), pair)]);
}
