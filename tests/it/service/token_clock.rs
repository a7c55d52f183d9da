//! A clock that is set at the station: no code that it showed before passes any more, and nobody is locked out for long.

use mintmark::model::{Custody, Drift, Role};
use mintmark::service::{CheckResult, SequenceResult, ServiceError};
use mintmark::store::Page;

use super::drift::{Clocked, one};
use super::fixture::{Home, StandIn, admin, login, operator, why};

/// What the log says of a clock.
const SET: &str = "token_clock_set";

/// A home with one token whose clock is off by as much, which the server follows: a sequence was found a day ago.
fn followed(offset_secs: i32) -> (Home, StandIn) {
    let clocked = Clocked::new("T-1", offset_secs.into(), 0.0);
    let home = one(&clocked);
    let last = clocked.step(home.service.now());
    let codes = clocked.token.from(last - 1, 2);
    let found =
        home.service.resync(&admin(), &clocked.token.serial, &codes, None, Some("off")).expect("answered");
    assert!(matches!(found.result, SequenceResult::Synchronized { .. }), "{found:?}");
    home.wait(86_400);
    (home, clocked.token)
}

fn drift(home: &Home, token: &StandIn) -> Option<Drift> {
    home.service.token(&admin(), &token.serial).expect("there").state.drift
}

fn is_accepted(home: &Home, token: &StandIn, step: u64) -> bool {
    matches!(home.check(token, &token.at(step)), CheckResult::Accepted { .. })
}

/// What the token showed before, and was not used: with the floor it is dead, without it passes when its time comes.
#[test]
fn law1_no_code_that_a_clock_showed_before_it_was_set_passes_after() {
    for ahead in [240, 1_200] {
        let (home, token) = followed(ahead);
        let steps = u64::try_from(ahead / 30).expect("ahead");
        let shown = home.step() + steps;
        let cleared = home.service.clear_clock(&admin(), "T-1", ahead.into(), "").expect("may be set");
        assert_eq!(drift(&home, &token).map(|drift| drift.seconds), Some(0));
        let wait = cleared.usable_from.secs_since(home.service.now());
        assert!((i64::from(ahead)..=i64::from(ahead) + 60).contains(&wait), "{wait}");
        // Every code that somebody may have noted comes to its time.
        while home.step() < shown {
            home.wait(30);
            let now = home.step();
            assert!(!is_accepted(&home, &token, now), "{} steps before", shown - now);
        }
        home.wait(60);
        assert!(home.service.now() >= cleared.usable_from);
        assert!(is_accepted(&home, &token, home.step()), "what it never showed passes");
    }
    // This is what the floor is for: a drift alone that is set to nothing opens the door to them.
    let (home, token) = followed(0);
    let shown = home.step() + 8;
    home.wait(8 * 30);
    assert!(is_accepted(&home, &token, shown));
}

/// A clock that was slow: what it showed lies in the past, where a wide search would still find it.
#[test]
fn law1_old_codes_of_a_slow_clock_bring_nothing_back() {
    let (home, token) = followed(-7_200);
    let shown = home.step() - 240;
    let cleared = home.service.clear_clock(&admin(), "T-1", -7_200, "").expect("may be set");
    assert!(cleared.usable_from <= home.service.now(), "nobody waits");
    let noted = token.from(shown - 2, 3);
    let back = home.service.resync(&admin(), &token.serial, &noted, None, Some("tried")).expect("answered");
    assert!(!matches!(back.result, SequenceResult::Synchronized { .. }), "{back:?}");
    assert_eq!(drift(&home, &token).map(|drift| drift.seconds), Some(0));
    assert!(is_accepted(&home, &token, home.step()));
    let clock = home.service.token(&admin(), &token.serial).expect("there").clock.expect("seen");
    assert_eq!(clock.history.observations.first().map(|seen| seen.offset_secs), Some(0), "its rate is void");
}

/// Somebody set it already, with a phone: what it showed until then is known from where it was expected.
#[test]
fn law1_codes_of_a_clock_that_was_set_elsewhere_pass_no_more_either() {
    let (home, token) = followed(1_200);
    let shown = home.step() + 40;
    let cleared = home.service.clear_clock(&admin(), "T-1", 0, "").expect("may be set");
    let wait = cleared.usable_from.secs_since(home.service.now());
    assert!((1_200..=1_260).contains(&wait), "{wait}");
    while home.step() < shown {
        home.wait(30);
        let now = home.step();
        assert!(!is_accepted(&home, &token, now), "{} steps before", shown - now);
    }
    home.wait(60);
    assert!(is_accepted(&home, &token, home.step()), "what it never showed passes");
}

/// Older ones lock for ever.
#[test]
fn a_token_that_refused_its_key_is_not_asked_again() {
    let (home, _) = followed(240);
    let cleared = home.service.clear_clock(&admin(), "T-1", 240, "").expect("may be set");
    home.service.clock_not_set(&admin(), &cleared, "key_refused", "it does not take its key").expect("noted");
    let again = home.service.clear_clock(&admin(), "T-1", 240, "").map(drop);
    assert_eq!(why(again.expect_err("refused")), "key_refused");
    assert_eq!(home.service.clock_settable(&admin(), "T-1", 240, "").map_err(why), Err("key_refused"));
}

#[test]
fn a_clock_that_was_not_set_is_followed_as_before() {
    let (home, token) = followed(240);
    let before = drift(&home, &token);
    let cleared = home.service.clear_clock(&admin(), "T-1", 240, "").expect("may be set");
    home.service.clock_not_set(&admin(), &cleared, "clock_not_set", "it was taken away").expect("noted");
    assert_eq!(drift(&home, &token), before);
    home.wait(60);
    assert!(is_accepted(&home, &token, home.step() + 8), "its next code passes where it was");
    // Learned since: that stays.
    let cleared = home.service.clear_clock(&admin(), "T-1", 240, "").expect("may be set");
    home.wait(600);
    let codes = token.from(home.step() + 3, 2);
    home.service.resync(&admin(), &token.serial, &codes, None, None).expect("answered");
    let learned = drift(&home, &token);
    assert_eq!(learned.map(|drift| drift.seconds), Some(120));
    home.service.clock_not_set(&admin(), &cleared, "clock_not_set", "late").expect("noted");
    assert_eq!(drift(&home, &token), learned);
    let log = home.service.audit(&admin(), None, Page::first(50)).expect("read").items;
    let results: Vec<_> =
        log.iter().filter(|record| record.action == SET).map(|record| record.result.name()).collect();
    assert_eq!(results, ["refused", "done", "refused", "done"]);
}

#[test]
fn who_may_set_which_clock() {
    let (home, token) = followed(240);
    let by = |role: Role| {
        let mut actor = operator(1);
        actor.role = Some(role);
        actor
    };
    let asked = |role, ahead, reason| home.service.clear_clock(&by(role), "T-1", ahead, reason).map(drop);
    let refused = |result: Result<(), ServiceError>| why(result.expect_err("refused"));
    // In the cupboard: whoever stands at the station.
    assert_eq!(home.service.clock_settable(&by(Role::Station), "T-1", 240, "").map_err(why), Ok(()));
    assert_eq!(refused(asked(Role::Station, 7_200, "")), "clock_far_ahead");
    assert_eq!(drift(&home, &token).map(|drift| drift.seconds), Some(240), "asking changes nothing");
    // With a user: an admin who says why.
    home.add_vpn();
    home.add_user("anna");
    home.give_to_anna(&token);
    let here = home.service.clock_here(&admin(), "T-1", 240).expect("read").expect("a clock");
    assert!(here.is_bound && here.is_followed && here.expected_secs == 240, "{here:?}");
    assert!(!home.service.clock_here(&admin(), "T-1", -240).expect("read").expect("a clock").is_followed);
    assert_eq!(home.service.clock_here(&admin(), "T-9", 0).expect("read"), None);
    assert_eq!(refused(asked(Role::Station, 240, "asked by anna")), "token_bound");
    assert_eq!(refused(asked(Role::Admin, 240, " ")), "reason_required");
    let long = "x".repeat(1_001);
    assert_eq!(refused(home.service.clear_clock(&admin(), "T-1", 240, &long).map(drop)), "reason_too_long");
    asked(Role::Admin, 240, "its battery was changed").expect("an admin who says why");
    let log = home.service.audit(&admin(), None, Page::first(5)).expect("read").items;
    let entry = log.iter().find(|record| record.action == SET).expect("logged");
    assert!(entry.detail.contains(&("reason".into(), "its battery was changed".into())), "{entry:?}");
    assert!(entry.detail.contains(&("seconds".into(), "240".into())), "{entry:?}");
    // One that came back: its secret is worth nothing.
    home.service.set_custody(&admin(), &token.serial, "handed_out", Some(&login("anna")), "").expect("moved");
    home.service.set_custody(&admin(), &token.serial, "returned", None, "").expect("moved");
    assert_eq!(refused(asked(Role::Admin, 240, "again")), "token_returned");
    assert!(matches!(
        home.service.token(&admin(), &token.serial).expect("there").token.custody,
        Custody::Returned { .. }
    ));
    assert!(matches!(home.service.clear_clock(&admin(), "T-9", 0, ""), Err(ServiceError::NotFound { .. })));
    let counter = StandIn::hotp("H-1");
    home.import("two", &[&counter]);
    assert_eq!(refused(home.service.clear_clock(&admin(), "H-1", 0, "").map(drop)), "no_clock");
}
