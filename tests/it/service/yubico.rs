//! Keys that type their codes themselves (Yubico OTP): positions rise, each code counts once, nothing drifts.

use std::sync::atomic::AtomicBool;

use mintmark::model::PortalAction;
use mintmark::oath::{MovingFactor, Otp};
use mintmark::service::{
    CheckResult, ConfirmRequest, ConfirmResult, IdentifyRequest, IdentifyResult, ImportRequest,
    PortalSettings, ServiceError, ThirdPage, WhyHidden,
};

use super::fixture::{
    Home, StandIn, admin, furnished, login, operator, request, resource, serial, verifier, visit, why,
};

const KEY: &str = "12345678";

#[derive(serde::Deserialize)]
struct Vectors {
    rows: Vec<Row>,
}

#[derive(serde::Deserialize)]
struct Row {
    key_hex: String,
    otp: String,
    public_id_hex: String,
    private_id_hex: String,
    use_counter: u64,
    session_counter: u64,
}

/// The vectors of the makers and our own, from the log of a tool to the floor.
#[test]
fn published_codes_are_accepted_once_and_leave_their_position() {
    let text = include_str!("../../data/vectors/yubico.json");
    let modhex = |hex: &str| -> String {
        let letter = |c: char| char::from(b"cbdefghijklnrtuv"[c.to_digit(16).expect("hex") as usize]);
        hex.chars().map(letter).collect()
    };
    for (n, row) in serde_json::from_str::<Vectors>(text).expect("well formed").rows.into_iter().enumerate() {
        let home = Home::new();
        let public_id = modhex(&row.public_id_hex);
        let line = format!("{n},{public_id},{},{},,2026-02-01T09:30:00,\n", row.private_id_hex, row.key_hex);
        let view = home.plan(ImportRequest {
            commit: true,
            allow: vec!["test_secret".to_owned()],
            ..request(&line, "box")
        });
        assert_eq!((view.import.counts.new, view.import.format.as_str()), (1, "yubico_log"), "{view:?}");
        let serial = serial(&n.to_string());
        for text in [row.otp.to_uppercase(), row.otp.clone()] {
            let otp = Otp::parse_shaped(&text, None).expect("a code");
            let answer = home.service.check(&operator(1), &serial, &otp).expect("answered");
            if text == row.otp {
                assert!(matches!(answer, CheckResult::Replayed { .. }), "{answer:?}");
            } else {
                assert_eq!(answer, CheckResult::Accepted { steps: 0, seconds: None });
            }
        }
        let view = home.service.token(&admin(), &serial).expect("there");
        let position = row.use_counter << 8 | row.session_counter;
        assert_eq!(view.state.floor, MovingFactor(position).next());
        assert_eq!(
            (view.spec.kind().name(), view.spec.public_id().map(ToString::to_string)),
            ("yubico_otp", Some(public_id))
        );
    }
}

#[test]
fn positions_must_rise_and_gaps_do_not_matter() {
    let (token, other) = (StandIn::key(KEY), StandIn::key("12345679"));
    let home = furnished(&[&token, &other]);
    for position in [256, 257, 700, 0x7000 << 8] {
        let answer = home.check(&token, &token.at(position));
        assert_eq!(answer, CheckResult::Accepted { steps: 0, seconds: None }, "{position}");
        assert_eq!(home.floor(&token), position + 1);
    }
    for position in [256, 258, 701, 0x7000 << 8] {
        let answer = home.check(&token, &token.at(position));
        assert!(matches!(answer, CheckResult::Replayed { .. }), "{position}: {answer:?}");
    }
    // Replays are no guesses: nothing was counted.
    assert_eq!(home.service.token(&admin(), &token.serial).expect("there").state.budget.failures, 0);
    assert_eq!(home.check(&token, &other.at(0x7001 << 8)), CheckResult::Wrong);
    assert_eq!(home.check(&token, &token.wrong(0x7001 << 8)), CheckResult::Wrong, "another private id");
    assert_eq!(home.service.token(&admin(), &token.serial).expect("there").state.budget.failures, 2);
}

#[test]
fn digits_are_no_code_of_a_key_and_letters_none_of_other_tokens() {
    let (token, clock) = (StandIn::key(KEY), StandIn::totp("T-1"));
    let home = furnished(&[&token]);
    home.import("clocks", &[&clock]);
    home.assign_batch("clocks");
    let digits = clock.at(home.step());
    let refused = |token: &StandIn, otp: &Otp| {
        why(home.service.check(&operator(1), &token.serial, otp).expect_err("a slip"))
    };
    assert_eq!(refused(&token, &digits), "otp_kind");
    assert_eq!(refused(&clock, &token.at(256)), "otp_kind");
    // A verifier does not hear which token has which kind.
    for (token, otp) in [(&token, &digits), (&clock, &token.at(256))] {
        assert_eq!(
            home.service.check(&verifier(), &token.serial, otp).expect("answered"),
            CheckResult::Wrong
        );
    }
    assert!(matches!(home.check(&token, &token.at(256)), CheckResult::Accepted { .. }));
}

#[test]
fn two_touches_confirm_a_key_and_one_does_for_whom_it_was_handed_to() {
    for touches in [1, 2] {
        let token = StandIn::key(KEY);
        let home = furnished(&[&token]);
        let portal = home.sign_in("anna");
        let confirm = |otps: &[Otp]| {
            home.service.portal_confirm(&portal, &token.serial, otps, &visit()).expect("answered")
        };
        let backwards = [token.at(301), token.at(300)];
        assert!(matches!(confirm(&backwards), ConfirmResult::Refused { .. }), "in the wrong order");
        let mixed = [token.at(300), Otp::parse("123456").expect("digits")];
        assert!(matches!(confirm(&mixed), ConfirmResult::Refused { .. }));
        assert_eq!(home.floor(&token), 0, "nothing was spent");
        let one = confirm(&token.from(299, 1));
        assert_eq!(one, ConfirmResult::MoreOtpsNeeded { otps_needed: 2 }, "anybody may have seen one touch");
        if touches == 1 {
            let anna = login("anna");
            home.service
                .set_custody(&admin(), &token.serial, "handed_out", Some(&anna), "")
                .expect("handed out");
        }
        let answer = confirm(&token.from(300, touches));
        assert_eq!(answer, ConfirmResult::Confirmed { steps: 0, seconds: None });
        assert_eq!(home.floor(&token), 300 + touches);
        let again = home.check(&token, &token.at(300));
        assert!(matches!(again, CheckResult::Replayed { .. }), "{again:?}");
    }
}

/// Law 6: what a key typed is answered by what it is, never by whose serial number stands beside it.
#[test]
fn service_law6_confirmation_by_a_key_says_one_thing() {
    let (held, free, elsewhere, used) =
        (StandIn::key("1000001"), StandIn::key("1000002"), StandIn::key("1000003"), StandIn::key("1000004"));
    let clock = StandIn::totp("T-1");
    let home = furnished(&[&held, &free, &used]);
    home.import("others", &[&elsewhere]);
    home.import("clocks", &[&clock]);
    home.assign_batch("clocks");
    home.add_user("bert");
    home.service.set_custody(&admin(), &held.serial, "handed_out", Some(&login("bert")), "").expect("moved");
    home.check(&used, &used.at(500));
    let unknown = StandIn::key("9999999");
    for touches in [1, 2] {
        let answers: Vec<String> = [
            (&held, held.from(300, touches)),
            (&free, unknown.from(300, touches)),
            (&elsewhere, elsewhere.from(300, touches)),
            (&used, used.from(300, touches)),
            (&clock, unknown.from(300, touches)),
            (&unknown, unknown.from(300, touches)),
        ]
        .into_iter()
        .map(|(token, otps)| {
            home.wait(86_401);
            let portal = home.sign_in("anna");
            format!("{:?}", home.service.portal_confirm(&portal, &token.serial, &otps, &visit()))
        })
        .collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
        let expected = if touches == 1 { "MoreOtpsNeeded" } else { "Refused" };
        assert!(answers[0].contains(expected), "{answers:?}");
    }
}

/// An operator hears why.
#[test]
fn a_confirmation_at_the_desk_says_why_not() {
    let (token, clock) = (StandIn::key(KEY), StandIn::totp("T-1"));
    let home = furnished(&[&token]);
    home.import("clocks", &[&clock]);
    home.assign_batch("clocks");
    let confirm = |token: &StandIn, otps: &[Otp]| {
        let (resource, user) = (resource("VPN"), login("anna"));
        let request = ConfirmRequest { resource: &resource, user: &user, serial: &token.serial, otps };
        home.service.confirm(&admin(), &request).expect("answered")
    };
    let reason = |answer| match answer {
        ConfirmResult::Refused { reason, .. } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(reason(confirm(&token, &clock.from(home.step() - 1, 2))), "otp_kind");
    assert_eq!(reason(confirm(&clock, &token.from(300, 2))), "otp_kind");
    assert_eq!(reason(confirm(&token, &[token.wrong(300), token.wrong(310)])), "not_found");
    home.check(&token, &token.at(400));
    assert_eq!(reason(confirm(&token, &token.from(300, 2))), "behind_floor");
    assert!(matches!(confirm(&token, &token.from(401, 2)), ConfirmResult::Confirmed { .. }));
}

#[test]
fn a_key_signs_in_and_has_nothing_to_synchronise() {
    let token = StandIn::key(KEY);
    let home = furnished(&[&token]);
    home.give_to_anna(&token);
    let third =
        |otp: &Otp| home.service.portal_third(&home.sign_in("anna"), otp, &visit()).expect("answered");
    assert!(matches!(third(&token.wrong(300)), ThirdPage::Refused { can_synchronize: false }));
    let cookie = match third(&token.at(300)) {
        ThirdPage::Passed { cookie } => cookie,
        other => panic!("{other:?}"),
    };
    assert!(matches!(third(&token.at(300)), ThirdPage::AlreadyUsed));
    let portal = home.session(&cookie);
    home.wait(301);
    let portal = home.prove(&portal, &token.at(301));
    let offered = home.service.portal_home(&portal).expect("shown").actions;
    assert!(!offered.contains(&PortalAction::SynchronizeToken), "{offered:?}");
    let both = token.from(400, 2);
    let said = home.service.portal_synchronize(&portal, &both, &visit()).expect_err("hidden");
    assert!(matches!(said, ServiceError::NotFound { .. }), "{said:?}");
    let owed = home.sign_in("anna");
    let said = home.service.portal_third_synchronize(&owed, &both, &visit()).expect_err("nothing drifts");
    assert_eq!(why(said), "nothing_to_synchronize");
    let said = home.service.resync(&operator(1), &token.serial, &both, None, Some("at the desk"));
    assert_eq!(why(said.expect_err("nothing drifts")), "nothing_to_synchronize");
    assert_eq!(home.floor(&token), 302, "nothing was spent");

    let settings = PortalSettings {
        actions: Some(vec![PortalAction::SynchronizeToken, PortalAction::SetupPin]),
        ..PortalSettings::default()
    };
    home.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
    let preview = home.service.portal_preview(&admin(), &resource("VPN"), &login("anna")).expect("shown");
    let hidden = |action| preview.iter().find(|(row, _)| *row == action).and_then(|(_, why)| *why);
    assert_eq!(hidden(PortalAction::SynchronizeToken), Some(WhyHidden::NothingDrifts));
    assert_eq!(hidden(PortalAction::SetupPin), Some(WhyHidden::KeyTypesAlone));
}

#[test]
fn a_touch_says_which_key_it_is() {
    let (token, other, clock) = (StandIn::key(KEY), StandIn::key("12345679"), StandIn::totp("T-1"));
    let home = furnished(&[&token, &other]);
    home.import("clocks", &[&clock]);
    let look = |otps: Vec<Otp>| {
        let request = IdentifyRequest { otps, batch: None, resource: None, window: None };
        home.service.identify(&operator(1), &request, &AtomicBool::new(false)).expect("answered")
    };
    for touches in [1, 3] {
        let found = look(other.from(300, touches));
        assert_eq!((found.result, found.matches.len()), (IdentifyResult::Found, 1));
        assert_eq!(found.matches[0].serial, other.serial);
    }
    assert_eq!(look(vec![token.wrong(300)]).result, IdentifyResult::NotFound);
    assert_eq!(look(vec![token.at(300), other.at(301)]).result, IdentifyResult::NotFound);
    // Nothing was spent, and what was spent is found all the same: it lies on the desk.
    home.check(&token, &token.at(300));
    assert_eq!(look(vec![token.at(300)]).result, IdentifyResult::Found);
}

/// Law 1 over the life of a secret: a key that is deleted and imported again keeps its floor.
#[test]
fn a_key_that_comes_again_keeps_its_floor() {
    let token = StandIn::key(KEY);
    let home = furnished(&[&token]);
    home.check(&token, &token.at(1_000));
    home.service.delete_token(&admin(), &token.serial).expect("deleted");
    home.import("again", &[&token]);
    let answer = home.check(&token, &token.at(999));
    assert!(matches!(answer, CheckResult::Replayed { .. }), "{answer:?}");
    assert!(matches!(home.check(&token, &token.at(1_001)), CheckResult::Accepted { .. }));
}

#[test]
fn the_same_log_twice_changes_nothing() {
    let token = StandIn::key(KEY);
    let home = furnished(&[&token]);
    let view = home.plan(request(&token.line(), "again"));
    assert_eq!((view.import.counts.new, view.import.counts.identical), (0, 1));
}
