//! Law 2 in the use cases: a wide window never helps a guesser, and a drifted token comes back.

use mintmark::clock::UnixTime;
use mintmark::oath::Otp;
use mintmark::service::{
    Between, CheckResult, ResyncRequest, SequenceOutcome, SequenceResult, ServiceError, WindowSteps,
};

use super::fixture::{Home, StandIn, admin, operator, verifier};

fn one(token: &StandIn) -> Home {
    let home = Home::new();
    home.import("one", &[token]);
    home
}

fn resync(
    home: &Home,
    token: &StandIn,
    otps: &[Otp],
    window: Option<(u64, u64)>,
    reason: Option<&str>,
) -> SequenceOutcome {
    let window = window.map(|(past, future)| WindowSteps { past, future });
    home.service.resync(&operator(1), &token.serial, otps, window, reason).expect("answered")
}

fn failures(home: &Home, token: &StandIn) -> u32 {
    home.service.token(&admin(), &token.serial).expect("there").state.budget.failures
}

const DESK: Option<&str> = Some("at the desk, passport seen");

#[test]
fn service_law2_finds_planted_drifts() {
    for days in [-364_i64, -100, -1, 1, 16, 17, 100, 364] {
        let token = StandIn::totp("T-1");
        let home = one(&token);
        let there = home.step().checked_add_signed(days * 2_880).expect("after 1970");
        let found = resync(&home, &token, &token.from(there - 2, 3), None, DESK);
        let expected =
            SequenceResult::Synchronized { steps: days * 2_880, seconds: Some(days * 86_400), counter: None };
        assert_eq!(found.result, expected, "{days} days");
        let later = |secs: u64| {
            home.wait(secs);
            home.step().checked_add_signed(days * 2_880).expect("after 1970")
        };
        let next = later(30);
        let checked = home.service.check(&operator(1), &token.serial, &token.at(next)).expect("answered");
        assert!(matches!(checked, CheckResult::Accepted { .. }), "{days} days: {checked:?}");
    }
    // Windows count from the learned drift: another 300 days on top of 364.
    let token = StandIn::totp("T-1");
    let home = one(&token);
    for days in [364, 664] {
        home.wait(3_600);
        let there = home.step() + days * 2_880;
        let found = resync(&home, &token, &token.from(there - 2, 3), None, DESK);
        assert!(matches!(found.result, SequenceResult::Synchronized { .. }), "{days} days: {found:?}");
    }
}

#[test]
fn service_law2_asks_for_as_many_codes_as_the_window_needs() {
    let token = StandIn::totp("T-1");
    let home = one(&token);
    let far = home.step() + 60 * 2_880;
    // An explicit window that two codes do not carry: nothing is computed, nothing counted.
    let two = token.from(far, 2);
    let answer = resync(&home, &token, &two, Some((1_051_920, 1_051_920)), DESK);
    assert_eq!((answer.result, answer.otps_needed, answer.evaluated), (SequenceResult::MoreOtpsNeeded, 3, 0));
    assert_eq!(failures(&home, &token), 0);
    // Without a window two codes are searched as far as they carry, and counted.
    let answer = resync(&home, &token, &two, None, DESK);
    assert_eq!((answer.result, answer.otps_needed), (SequenceResult::MoreOtpsNeeded, 3));
    assert!((99_000..=100_001).contains(&answer.evaluated), "{}", answer.evaluated);
    assert_eq!(failures(&home, &token), 1);
    // Without a reason the portal's window only.
    let answer = resync(&home, &token, &two, None, None);
    assert_eq!((answer.result, answer.evaluated < 6_000), (SequenceResult::NotFound, true));
    let wide = Some(WindowSteps { past: 0, future: 50_000 });
    match home.service.resync(&operator(1), &token.serial, &two, wide, Some("  ")) {
        Err(ServiceError::Invalid { code, .. }) => assert_eq!(code, "reason_required"),
        other => panic!("{other:?}"),
    }
    match home.service.resync(&operator(1), &token.serial, &token.from(far, 1), None, DESK) {
        Err(ServiceError::Invalid { code, .. }) => assert_eq!(code, "otps_count"),
        other => panic!("{other:?}"),
    }
    match home.service.resync(&operator(1), &token.serial, &[token.at(far), token.at(far)], None, DESK) {
        Err(ServiceError::Invalid { code, .. }) => assert_eq!(code, "same_code_twice"),
        other => panic!("{other:?}"),
    }
}

/// A token whose secret happens to show the same two codes in a row twice within the window that two
/// codes carry; one secret in some two hundred does.
const TWICE: &str = "TWICE-252";

/// Places of the pair that it shows twice.
fn twice(token: &StandIn) -> Option<(u64, u64)> {
    let value = |at| token.at(at).value(mintmark::oath::Digits::SIX).expect("six digits");
    let mut seen = std::collections::HashMap::new();
    let mut last = value(0);
    for at in 0..99_000 {
        let next = value(at + 1);
        if let Some(before) = seen.insert((last, next), at) {
            return Some((before, at));
        }
        last = next;
    }
    None
}

#[test]
fn service_law2_does_not_choose_between_two_places() {
    let token = StandIn::hotp(TWICE);
    let (first, second) = twice(&token).expect("chosen for that");
    assert!(first + 1 < second);
    let home = one(&token);
    let answer = resync(&home, &token, &token.from(first, 2), None, DESK);
    assert_eq!((answer.result, answer.otps_needed), (SequenceResult::Ambiguous, 3));
    assert_eq!(failures(&home, &token), 1);
    let answer = resync(&home, &token, &token.from(second, 3), None, DESK);
    let steps = i64::try_from(second).expect("small");
    let expected = SequenceResult::Synchronized { steps, seconds: None, counter: Some(second + 3) };
    assert_eq!(answer.result, expected);
    assert_eq!(failures(&home, &token), 0);
}

#[test]
fn service_law2_codes_behind_the_floor_are_refused() {
    let token = StandIn::totp("T-1");
    let home = one(&token);
    let now = home.step();
    // A fast clock was learned; then the token's clock was set right.
    let ahead = now + 30 * 2_880;
    let found = resync(&home, &token, &token.from(ahead - 2, 3), None, DESK);
    assert!(matches!(found.result, SequenceResult::Synchronized { .. }));
    home.wait(60);
    let back = resync(&home, &token, &token.from(home.step() - 2, 3), None, DESK);
    let SequenceResult::BehindFloor { usable_from, steps, seconds } = back.result else {
        panic!("{back:?}");
    };
    assert_eq!((steps, seconds), (0, Some(0)));
    // The right clock passes the floor thirty days after the fast one did.
    let floor = i64::try_from(ahead + 1).expect("small") * 30;
    assert_eq!(usable_from, Some(UnixTime::from_secs(floor)));
    assert_eq!(failures(&home, &token), 0, "no guess");

    // Codes that were used just now are a replay.
    let token = StandIn::totp("T-2");
    let home = one(&token);
    let codes = || token.from(home.step() - 1, 2);
    assert!(matches!(
        resync(&home, &token, &codes(), None, None).result,
        SequenceResult::Synchronized { .. }
    ));
    assert_eq!(resync(&home, &token, &codes(), None, None).result, SequenceResult::Replayed);
    assert_eq!(failures(&home, &token), 0);
}

#[test]
fn service_law2_ten_wide_failures_need_another_operator() {
    let token = StandIn::totp("T-1");
    let home = one(&token);
    let wrong = [token.wrong(home.step()), token.at(5), token.at(7)];
    for n in 0..10 {
        home.wait(3_700);
        let answer = resync(&home, &token, &wrong, None, DESK);
        assert_eq!(answer.result, SequenceResult::NotFound, "attempt {n}");
    }
    home.wait(3_700);
    let right = token.from(home.step() - 2, 3);
    let blocked = resync(&home, &token, &right, None, DESK);
    assert_eq!(blocked.result, SequenceResult::Blocked { until: None });
    assert_eq!((blocked.evaluated, blocked.elapsed_us), (0, 0), "it costs no search");
    for who in [operator(1), admin()] {
        match home.service.unblock_token(&who, &token.serial) {
            Err(ServiceError::Forbidden { code, .. }) => assert_eq!(code, "second_operator_needed"),
            other => panic!("{other:?}"),
        }
    }
    home.service.unblock_token(&operator(2), &token.serial).expect("another one");
    assert!(matches!(resync(&home, &token, &right, None, DESK).result, SequenceResult::Synchronized { .. }));
}

#[test]
fn service_hints_are_for_operators_only() {
    // Decision: `outside_window` helps the desk; a verifier hears `wrong`.
    let token = StandIn::totp("T-1");
    let home = one(&token);
    let far = home.step() + 600;
    let check = |actor: &mintmark::model::Actor, otp: &Otp| {
        home.service.check(actor, &token.serial, otp).expect("answered")
    };
    assert_eq!(
        check(&operator(1), &token.at(far)),
        CheckResult::OutsideWindow { steps: 600, seconds: Some(18_000) }
    );
    assert_eq!(check(&verifier(), &token.at(far)), CheckResult::Wrong);
    assert_eq!(check(&verifier(), &Otp::parse("1234").expect("digits")), CheckResult::Wrong);
    let unknown = super::fixture::serial("nobody's");
    let otp = token.at(far);
    assert_eq!(home.service.check(&verifier(), &unknown, &otp).expect("answered"), CheckResult::Wrong);
    home.service.check(&operator(1), &unknown, &otp).expect_err("operators hear that it is unknown");
    home.service.set_token_enabled(&admin(), &token.serial, false).expect("disabled");
    let right = token.at(home.step());
    assert_eq!(check(&verifier(), &right), CheckResult::Wrong);
    home.service.check(&operator(1), &token.serial, &right).expect_err("disabled");
}

fn between(home: &Home, token: &StandIn, otps: &[Otp], between: Between<'_>) -> SequenceOutcome {
    let request = ResyncRequest { between, reason: DESK, ..ResyncRequest::new(&token.serial, otps) };
    home.service.resync_as(&operator(1), &request).expect("answered")
}

/// Codes that went by unread are allowed for, and each way in which they can have gone by is paid for.
#[test]
fn service_law2_codes_left_out_have_their_price() {
    let home = Home::new();
    let (clock, counter) = (StandIn::totp("GAP-1"), StandIn::hotp("GAP-2"));
    home.import("gaps", &[&clock, &counter]);
    let there = home.step() + 2_000;
    let missed = |token: &StandIn, at: u64| [token.at(at), token.at(at + 3)];
    let plain = between(&home, &clock, &missed(&clock, there - 3), Between::Nothing);
    assert_eq!(plain.result, SequenceResult::MoreOtpsNeeded);
    let found = between(&home, &clock, &missed(&clock, there - 3), Between::LeftOut(3));
    assert_eq!(
        found.result,
        SequenceResult::Synchronized { steps: 2_000, seconds: Some(60_000), counter: None }
    );
    // Two codes carry 100,000 positions: a quarter of them when the second can lie in four places.
    assert!(found.evaluated < 26_000 && plain.evaluated > 99_000, "{} {}", found.evaluated, plain.evaluated);
    let window = Some(WindowSteps { past: 25_000, future: 25_000 });
    let otps = missed(&clock, there + 50);
    let request = ResyncRequest {
        between: Between::LeftOut(3),
        window,
        reason: DESK,
        ..ResyncRequest::new(&clock.serial, &otps)
    };
    let wide = home.service.resync_as(&operator(1), &request).expect("answered");
    assert_eq!((wide.result, wide.otps_needed), (SequenceResult::MoreOtpsNeeded, 3));
    // What lies between is spent, too.
    let after = between(&home, &clock, &[clock.at(there - 1), clock.at(there)], Between::Nothing);
    assert_eq!(after.result, SequenceResult::Replayed);
    let pressed = between(&home, &counter, &missed(&counter, 400), Between::LeftOut(2));
    assert_eq!(
        pressed.result,
        SequenceResult::Synchronized { steps: 400, seconds: None, counter: Some(404) }
    );
}

/// The time that passed between two codes says how many went by.
#[test]
fn service_law2_the_time_between_codes_is_evidence() {
    let home = Home::new();
    let (clock, counter) = (StandIn::totp("TIM-1"), StandIn::hotp("TIM-2"));
    home.import("times", &[&clock, &counter]);
    let missed = |at: u64| [clock.at(at), clock.at(at + 3)];
    let there = home.step() + 500;
    // Half a minute: the next one, and no other.
    let near = between(&home, &clock, &missed(there), Between::Seconds(&[31]));
    assert_eq!(near.result, SequenceResult::MoreOtpsNeeded);
    let told = between(&home, &clock, &missed(there), Between::Seconds(&[88]));
    assert!(matches!(told.result, SequenceResult::Synchronized { .. }), "{told:?}");
    // Whoever noted two in a row and was called away types them late.
    let late = [clock.at(there + 10), clock.at(there + 11)];
    let told = between(&home, &clock, &late, Between::Seconds(&[110]));
    assert!(matches!(told.result, SequenceResult::Synchronized { .. }), "{told:?}");
    let refused = |token: &StandIn, said| {
        let otps = token.from(1, 2);
        let request =
            ResyncRequest { between: said, reason: DESK, ..ResyncRequest::new(&token.serial, &otps) };
        match home.service.resync_as(&operator(1), &request) {
            Err(ServiceError::Invalid { code, .. }) => code,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(refused(&counter, Between::Seconds(&[30])), "seconds_without_clock");
    assert_eq!(refused(&clock, Between::Seconds(&[30, 30])), "seconds_count");
    assert_eq!(refused(&clock, Between::Seconds(&[3_000])), "seconds_too_many");
    assert_eq!(refused(&counter, Between::LeftOut(11)), "left_out_too_many");
}
