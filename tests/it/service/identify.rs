//! A token without a legible number is found by its codes, among all that the actor sees.

use std::sync::atomic::AtomicBool;

use mintmark::model::{BatchName, Scope};
use mintmark::oath::Otp;
use mintmark::service::{
    CheckResult, IdentifyOutcome, IdentifyRequest, IdentifyResult, ServiceError, WindowSteps,
};

use super::fixture::{Home, StandIn, admin, batch, many, operator, resource, secret_of};

static RUN_ON: AtomicBool = AtomicBool::new(false);

fn asked(otps: Vec<Otp>, among: Option<BatchName>, window: Option<(u64, u64)>) -> IdentifyRequest {
    let window = window.map(|(past, future)| WindowSteps { past, future });
    IdentifyRequest { otps, batch: among, resource: None, window }
}

fn identify(home: &Home, request: &IdentifyRequest) -> IdentifyOutcome {
    home.service.identify(&operator(1), request, &RUN_ON).expect("answered")
}

fn serials(outcome: &IdentifyOutcome) -> Vec<String> {
    outcome.matches.iter().map(|found| found.serial.to_string()).collect()
}

#[test]
fn three_codes_name_one_of_hundreds_wherever_its_clock_is_within_a_day() {
    let home = Home::new();
    let tokens = many("CLK", 300);
    home.import("clocks", &tokens.iter().collect::<Vec<_>>());
    let events: Vec<StandIn> = (0..40).map(|n| StandIn::hotp(&format!("EVT{n:03}"))).collect();
    home.import("events", &events.iter().collect::<Vec<_>>());
    for (token, ahead) in [(7, 2_800), (299, -2_800), (60, 0)] {
        let there = home.step().checked_add_signed(ahead).expect("after 1970");
        let outcome = identify(&home, &asked(tokens[token].from(there - 2, 3), None, None));
        assert_eq!(outcome.result, IdentifyResult::Found, "{outcome:?}");
        assert_eq!(serials(&outcome), [tokens[token].serial.to_string()]);
        assert_eq!((outcome.matches[0].steps, outcome.matches[0].seconds), (ahead, Some(ahead * 30)));
        assert!(outcome.evaluated >= 300 * 5_761, "every position of every token: {outcome:?}");
    }
    let outcome = identify(&home, &asked(events[39].from(700, 3), None, None));
    assert_eq!((outcome.result, serials(&outcome)), (IdentifyResult::Found, vec!["EVT039".to_owned()]));
    assert_eq!((outcome.matches[0].steps, outcome.matches[0].seconds), (700, None));
    let unknown = StandIn::totp("NOBODY");
    let outcome = identify(&home, &asked(unknown.from(home.step() - 2, 3), None, None));
    assert_eq!(outcome.result, IdentifyResult::NotFound);
}

#[test]
fn two_codes_carry_a_batch_and_the_whole_stock_asks_for_more() {
    let home = Home::new();
    let tokens = many("CLK", 90);
    home.import("large", &tokens.iter().collect::<Vec<_>>());
    let box_of_ten = many("BOX", 10);
    home.import("box", &box_of_ten.iter().collect::<Vec<_>>());
    let codes = || box_of_ten[3].from(home.step() - 1, 2);
    // Two codes of six digits carry 100,000 start positions: ten tokens over a day, but not ninety.
    let among = identify(&home, &asked(codes(), Some(batch("box")), None));
    assert_eq!((among.result, serials(&among)), (IdentifyResult::Found, vec!["BOX00003".to_owned()]));
    let wide = identify(&home, &asked(codes(), None, Some((2_880, 2_880))));
    assert_eq!((wide.result, wide.otps_needed, wide.evaluated), (IdentifyResult::MoreOtpsNeeded, 3, 0));
    // By itself it looks as far as two codes carry, and says so when that finds nothing.
    let near = identify(&home, &asked(codes(), None, None));
    assert_eq!(serials(&near), ["BOX00003"]);
    let far = identify(&home, &asked(box_of_ten[3].from(home.step() + 2_000, 2), None, None));
    assert_eq!((far.result, far.otps_needed), (IdentifyResult::MoreOtpsNeeded, 3));
}

#[test]
fn nothing_is_used_up_and_the_log_says_who_looked() {
    let home = Home::new();
    let token = StandIn::totp("ONE-1");
    home.import("one", &[&token]);
    let step = home.step();
    let outcome = identify(&home, &asked(token.from(step - 1, 2), None, None));
    assert_eq!(outcome.result, IdentifyResult::Found);
    let checked = home.service.check(&operator(1), &token.serial, &token.at(step)).expect("answered");
    assert!(matches!(checked, CheckResult::Accepted { .. }), "{checked:?}");
    let view = home.service.token(&admin(), &token.serial).expect("there");
    assert_eq!(view.state.budget.failures, 0);
    // Used codes still tell whose they are.
    let outcome = identify(&home, &asked(token.from(step - 1, 2), None, None));
    assert_eq!(outcome.result, IdentifyResult::Found);
}

#[test]
fn tokens_outside_the_scope_are_nobodys() {
    let home = Home::new();
    let (own, foreign) = (StandIn::totp("OWN-1"), StandIn::totp("FAR-1"));
    home.import("own", &[&own]);
    home.import("far", &[&foreign]);
    home.add_vpn();
    home.assign_batch("own");
    let vpn = home.service.resource(&admin(), &resource("VPN")).expect("there").resource.id;
    let scoped = mintmark::model::Actor { scope: Scope::Resources(vec![vpn]), ..operator(1) };
    let find = |token: &StandIn, among| {
        let request = asked(token.from(home.step() - 1, 2), among, None);
        home.service.identify(&scoped, &request, &RUN_ON)
    };
    assert_eq!(find(&own, None).expect("answered").result, IdentifyResult::Found);
    assert_eq!(find(&foreign, None).expect("answered").result, IdentifyResult::NotFound);
    assert!(matches!(find(&foreign, Some(batch("far"))), Err(ServiceError::NotFound { what: "batch" })));
}

/// Two codes of six digits carry ten tokens over a day: what stands elsewhere neither asks for a third nor refuses a window.
#[test]
fn tokens_that_are_not_searched_count_for_nothing() {
    let home = Home::new();
    let (own, foreign) = (many("OWN", 10), many("FAR", 90));
    home.import("own", &own.iter().collect::<Vec<_>>());
    home.import("far", &foreign.iter().collect::<Vec<_>>());
    home.add_vpn();
    home.assign_batch("own");
    let vpn = home.service.resource(&admin(), &resource("VPN")).expect("there").resource.id;
    let scoped = mintmark::model::Actor { scope: Scope::Resources(vec![vpn]), ..operator(1) };
    let widest = 200_000_000_000 / 10 - 1;
    for (actor, on) in [(&scoped, None), (&scoped, Some("VPN")), (&operator(1), Some("VPN"))] {
        let find = |count: u64, window| {
            let request = IdentifyRequest {
                resource: on.map(resource),
                ..asked(own[3].from(home.step() + 1 - count, count), None, window)
            };
            home.service.identify(actor, &request, &RUN_ON)
        };
        let found = find(2, Some((2_880, 2_880))).expect("answered");
        assert_eq!((found.result, serials(&found)), (IdentifyResult::Found, vec!["OWN00003".to_owned()]));
        assert_eq!(found.evaluated / 5_761, 10, "{found:?}");
        let wide = find(2, Some((0, widest))).expect("only more codes are needed");
        assert_eq!((wide.result, wide.evaluated), (IdentifyResult::MoreOtpsNeeded, 0));
        let refused = find(2, Some((0, widest + 1)));
        assert!(matches!(refused, Err(ServiceError::Invalid { code: "window_too_wide", .. })), "{refused:?}");
    }
    let all = home.service.identify(
        &operator(1),
        &asked(own[3].from(home.step() - 1, 2), None, Some((0, widest))),
        &RUN_ON,
    );
    assert!(matches!(all, Err(ServiceError::Invalid { code: "window_too_wide", .. })), "{all:?}");
}

#[test]
fn eight_codes_that_two_tokens_show_ask_for_no_ninth() {
    let home = Home::new();
    // HMAC fills a key up with zeros: these secrets are not the same, and all of their codes are.
    let longer = secret_of("twins").into_iter().chain([0]).collect();
    let twins = [("TWIN-1", secret_of("twins")), ("TWIN-2", longer)];
    let twins = twins.map(|(name, secret)| StandIn::with_secret(name, false, secret));
    for (name, twin) in ["one", "other"].iter().zip(&twins) {
        home.import(name, &[twin]);
    }
    for (count, needed) in [(7, 8), (8, 2)] {
        let outcome = identify(&home, &asked(twins[0].from(home.step() + 1 - count, count), None, None));
        assert_eq!((outcome.result, outcome.otps_needed), (IdentifyResult::Ambiguous, needed), "{count}");
    }
}

#[test]
fn a_search_ends_when_nobody_waits_for_it() {
    let home = Home::new();
    let tokens = many("CLK", 600);
    home.import("clocks", &tokens.iter().collect::<Vec<_>>());
    let request = asked(tokens[0].from(home.step() - 2, 3), None, None);
    let ended = home.service.identify(&operator(1), &request, &AtomicBool::new(true));
    assert!(matches!(ended, Err(ServiceError::State { code: "stopped", .. })), "{ended:?}");
    let wrong = asked(vec![Otp::parse("12345").expect("five digits")], None, None);
    let refused = home.service.identify(&operator(1), &wrong, &RUN_ON);
    assert!(matches!(refused, Err(ServiceError::Invalid { field: "otps", .. })), "{refused:?}");
}
