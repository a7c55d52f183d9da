//! What is learned of clocks, where codes are looked for then, and that a code is accepted once all the same.

use mintmark::clock::UnixTime;
use mintmark::model::{
    AuditAction, ClockHistory, ClockJumps, Drift, MailKind, NewsKind, Role, SeedVersion, TokenId,
};
use mintmark::oath::PeriodSecs;
use mintmark::oath::drift::{Observation, Sureness};
use mintmark::service::{CheckResult, SequenceOutcome, SequenceResult};
use mintmark::store::{AuditFilter, Change, Page, StoreError};

use super::fixture::{Home, START, StandIn, admin, many, operator, resource, verifier};
use super::notification::{by_mail, hired};

const DAY: i64 = 86_400;

/// A token whose clock has its own mind.
pub(super) struct Clocked {
    pub(super) token: StandIn,
    pub(super) offset_secs: f64,
    ppm: f64,
}

impl Clocked {
    pub(super) fn new(serial: &str, offset_secs: f64, ppm: f64) -> Self {
        Self { token: StandIn::totp(serial), offset_secs, ppm }
    }

    /// The step that it shows at a moment of true time.
    #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "moments of our time")]
    pub(super) fn step(&self, at: UnixTime) -> u64 {
        let since = (at.millis() - START.millis()) as f64 / 1_000.0;
        let offset = self.offset_secs + self.ppm / 1e6 * since;
        let shown = at.millis() + (offset * 1_000.0) as i64;
        u64::try_from(shown.div_euclid(30_000)).expect("after 1970")
    }
}

pub(super) fn one(clocked: &Clocked) -> Home {
    let home = Home::new();
    home.import("one", &[&clocked.token]);
    home
}

fn check(home: &Home, token: &StandIn, step: u64) -> CheckResult {
    home.service.check(&verifier(), &token.serial, &token.at(step)).expect("answered")
}

fn resync(home: &Home, token: &StandIn, last: u64) -> SequenceResult {
    resync_outcome(home, token, last).result
}

fn resync_outcome(home: &Home, token: &StandIn, last: u64) -> SequenceOutcome {
    let codes = token.from(last - 1, 2);
    home.service.resync(&operator(1), &token.serial, &codes, None, None).expect("answered")
}

fn drift(home: &Home, token: &StandIn) -> Option<Drift> {
    home.service.token(&admin(), &token.serial).expect("there").state.drift
}

fn rate(home: &Home, token: &StandIn) -> Option<f64> {
    home.service.token(&admin(), &token.serial).expect("there").clock?.line.known_rate_ppm()
}

/// Weekly sign-ins, each so many seconds late.
fn weekly(home: &Home, clocked: &Clocked, weeks: u32, late: u64) {
    for week in 0..weeks {
        home.wait(7 * 86_400 - late);
        let shown = clocked.step(home.service.now());
        home.wait(late);
        let answer = check(home, &clocked.token, shown);
        assert!(matches!(answer, CheckResult::Accepted { .. }), "week {week}: {answer:?}");
    }
}

/// A year of sign-ins teaches the rate, and after a quarter without any the code is where it is expected. With
/// the constant offset of before it is out of the window.
#[test]
fn a_token_that_lay_in_a_drawer_is_still_found() {
    let clocked = Clocked::new("T-1", 0.0, -9.0);
    let home = one(&clocked);
    weekly(&home, &clocked, 52, 7);
    let known = rate(&home, &clocked.token).expect("known after a year");
    assert!((known + 9.0).abs() < 2.0, "{known} ppm");
    let learned = drift(&home, &clocked.token).expect("learned");
    home.wait(120 * 86_400);
    let shown = clocked.step(home.service.now());
    let constant = home.service.now().plus_secs(learned.seconds).secs().div_euclid(30);
    assert!(constant.abs_diff(i64::try_from(shown).expect("small")) > 1, "a constant offset would miss it");
    assert!(matches!(check(&home, &clocked.token, shown), CheckResult::Accepted { .. }));
}

/// V6: one sign-in moves where codes are expected by no more than two seconds for each day since the last, with
/// a known rate, too.
#[test]
fn one_sign_in_moves_the_expected_offset_no_further_than_a_clock_can_run() {
    let clocked = Clocked::new("T-1", 4.0, 11.0);
    let home = one(&clocked);
    weekly(&home, &clocked, 40, 3);
    assert!(rate(&home, &clocked.token).is_some());
    for days in [1_u64, 3, 8, 20] {
        home.wait(days * 86_400);
        let now = home.service.now();
        let expected = || {
            let token = home.service.token(&admin(), &clocked.token.serial).expect("there");
            token.clock.expect("seen").expected_secs(now)
        };
        let (before, shown) = (expected(), clocked.step(now));
        // Typed as late as is still accepted.
        assert!(matches!(check(&home, &clocked.token, shown), CheckResult::Accepted { .. }), "{days} days");
        let most = (2 * i64::try_from(days).expect("few")).min(30);
        assert!((expected() - before).abs() <= most, "{days} days: {before} to {}", expected());
    }
}

/// V6, whatever the line says: it lies minutes away, and one sign-in of the next day moves the offset by 2 s.
#[test]
fn a_line_far_away_moves_the_offset_by_two_seconds_a_day() {
    let clocked = Clocked::new("T-1", 0.0, 0.0);
    let home = one(&clocked);
    let sign_in = || check(&home, &clocked.token, clocked.step(home.service.now()));
    assert!(matches!(sign_in(), CheckResult::Accepted { .. }));
    home.wait(86_400);
    remember(&home, &clocked.token, 3, 30, 360);
    assert!(rate(&home, &clocked.token).is_some());
    assert!(matches!(sign_in(), CheckResult::Accepted { .. }));
    assert_eq!(drift(&home, &clocked.token).map(|drift| drift.seconds), Some(2));
}

/// A check reads one small record more for a clock token than for one that counts, and no other.
#[test]
fn a_check_costs_one_small_read_more() {
    let (clocked, counting) = (Clocked::new("T-1", 0.0, -4.0), StandIn::hotp("H-1"));
    let home = Home::new();
    home.import("two", &[&clocked.token, &counting]);
    weekly(&home, &clocked, 3, 0);
    assert!(matches!(check(&home, &counting, 0), CheckResult::Accepted { .. }));
    let reads = |token: &StandIn, at: u64| {
        let before = mintmark::store::reads_of_this_thread();
        assert!(matches!(check(&home, token, at), CheckResult::Accepted { .. }));
        mintmark::store::reads_of_this_thread() - before
    };
    let (of_count, of_clock) = (reads(&counting, 1), reads(&clocked.token, home.step() + 1));
    assert_eq!(of_clock, of_count + 1);
}

fn counted(home: &Home, serial: &StandIn) -> usize {
    let token = home.service.token(&admin(), &serial.serial).expect("there").clock;
    token.map_or(0, |clock| clock.history.observations.len())
}

#[test]
fn sign_ins_are_remembered_once_a_week_and_sixteen_at_most() {
    let clocked = Clocked::new("T-1", 0.0, 0.0);
    let home = one(&clocked);
    for _ in 0..10 {
        home.wait(86_400);
        assert!(matches!(
            check(&home, &clocked.token, clocked.step(home.service.now())),
            CheckResult::Accepted { .. }
        ));
    }
    assert_eq!(counted(&home, &clocked.token), 2);
    weekly(&home, &clocked, 40, 0);
    assert_eq!(counted(&home, &clocked.token), ClockHistory::MOST);
}

/// A server clock that is set wrong by 90 s: twenty people bring their tokens back, nothing is learned of any,
/// operators are told once, and it ends when the jumps end.
#[test]
fn a_server_clock_that_is_set_wrong_teaches_nothing() {
    let tokens = many("T", 20);
    let home = Home::new();
    home.import("many", &tokens.iter().collect::<Vec<_>>());
    let ada = hired(&home, "ada", Role::Admin, None);
    home.service.subscribe(&ada, by_mail(NewsKind::ClockFault, "ada")).expect("subscribed");
    let told = || {
        home.service.watch().expect("looked");
        let mails = home.service.outbox(&admin(), 500).expect("a demonstration");
        mails.iter().filter(|open| matches!(open.mail.kind, MailKind::News(_))).count()
    };
    // Some were never off, some are known to be slow.
    for (token, n) in tokens.iter().zip(0_u64..) {
        assert!(matches!(resync(&home, token, home.step() - n % 5), SequenceResult::Synchronized { .. }));
    }
    home.wait(3 * 86_400);
    let before: Vec<_> = tokens.iter().map(|token| drift(&home, token)).collect();
    assert_eq!((home.service.clock_doubt().expect("read"), told()), (None, 0));

    home.clock.set(home.service.now().plus_secs(90));
    for (token, n) in tokens.iter().zip(0_u64..) {
        home.wait(60);
        // Tokens show the true time still.
        let shown = home.step() - 3 - n % 5;
        let outcome = resync_outcome(&home, token, shown);
        assert!(matches!(outcome.result, SequenceResult::Synchronized { .. }), "token {n}");
        // Whoever stands there hears that it fits and was not learned.
        assert!(outcome.clock_doubt || n < 4, "token {n}");
        assert_eq!(home.service.clock_doubt().expect("read").is_some(), n >= 4, "token {n}");
        assert_eq!(told(), usize::from(n >= 4), "token {n}");
    }
    for (token, known) in tokens.iter().zip(&before) {
        assert_eq!(drift(&home, token), *known, "{:?}", token.serial);
        assert_eq!(counted(&home, token), 1);
    }
    let log = home.store.read(|view| view.audit(AuditFilter { subject: None }, Page::first(200)));
    let log = log.expect("read").items;
    let doubted = log.iter().filter(|record| record.entry.action == AuditAction::ClockDoubted);
    assert_eq!(doubted.map(|record| record.entry.subjects.len()).collect::<Vec<_>>(), [4]);

    // Corrected; the log's newest moment passes, and an hour without jumps.
    home.clock.set(home.service.now().plus_secs(-90));
    home.wait(100 + 3_600);
    assert_eq!((home.service.clock_doubt().expect("read"), told()), (None, 1));
    for (token, n) in tokens.iter().zip(0_u64..) {
        let answer = check(&home, token, home.step() - n % 5);
        assert!(matches!(answer, CheckResult::Accepted { .. }), "token {n}: {answer:?}");
    }
    assert_eq!(told(), 1);
}

/// Tokens from the cupboard that were never seen are off by what they are; one that was set is one.
#[test]
fn fresh_tokens_and_single_ones_raise_no_doubt() {
    let tokens = many("T", 8);
    let home = Home::new();
    home.import("many", &tokens.iter().collect::<Vec<_>>());
    for token in &tokens {
        resync(&home, token, home.step() + 120);
    }
    assert_eq!(home.service.clock_doubt().expect("read"), None);
    home.wait(86_400);
    for (token, n) in tokens.iter().zip(1_u64..) {
        resync(&home, token, home.step() + 120 + 200 * n);
    }
    assert_eq!(home.service.clock_doubt().expect("read"), None);
    assert!(
        tokens
            .iter()
            .zip(1..)
            .all(|(token, n)| { drift(&home, token).expect("learned").seconds == 3_600 + 6_000 * n })
    );
}

/// V7: a wall clock that is set freezes learning for an hour; one that runs does not.
#[test]
fn nothing_is_learned_after_the_clock_was_set() {
    let token = StandIn::totp("T-1");
    let home = Home::new();
    home.import("one", &[&token]);
    let look = || home.service.look_at_clock().expect("looked");
    assert_eq!(look(), None, "the first look compares with nothing");
    home.wait(600);
    assert_eq!(look(), None);
    home.clock.set(home.service.now().plus_secs(2));
    assert_eq!(look(), None, "so much is a leap second or two");
    home.clock.set(home.service.now().plus_secs(90));
    assert_eq!((look(), look()), (Some(90), None));
    assert!(matches!(resync(&home, &token, home.step() - 3), SequenceResult::Synchronized { .. }));
    assert_eq!((drift(&home, &token), counted(&home, &token)), (None, 0));
    assert_eq!(
        home.service.clock_doubt().expect("read"),
        None,
        "nobody is called: the machine may have slept"
    );
    assert_eq!(home.service.fleet_clocks(&admin()).expect("read").set, Some(90));
    home.wait(3_600);
    assert_eq!(look(), None);
    assert!(matches!(resync(&home, &token, home.step() - 3), SequenceResult::Synchronized { .. }));
    assert_eq!(drift(&home, &token).map(|drift| drift.seconds), Some(-90));
}

#[test]
fn a_resync_names_a_time_zone_in_the_log() {
    let clocked = Clocked::new("T-1", 7_200.0, 0.0);
    let home = one(&clocked);
    resync(&home, &clocked.token, clocked.step(home.service.now()));
    let log = home.store.read(|view| view.audit(AuditFilter { subject: None }, Page::first(1)));
    let detail = &log.expect("read").items[0].entry.detail;
    assert!(detail.contains(&("cause".to_owned(), "time_zone +02:00".to_owned())), "{detail:?}");
}

/// Writes what a token's clock was seen to show, as months would.
pub(super) fn remember(home: &Home, token: &StandIn, ppm: i64, days_ago: i64, span: i64) {
    let (now, normal) = (home.service.now(), token.serial.normal().to_owned());
    home.store
        .write(move |view| {
            let id: TokenId = view.token_by_serial(&normal)?.expect("there").id;
            let observations = (0..9).map(|n| Observation {
                at: now.plus_secs((n * span / 8 - span - days_ago) * DAY),
                offset_secs: n * span / 8 * DAY * ppm / 1_000_000,
                sure: Sureness::Step,
            });
            let observations = observations.collect();
            let history = ClockHistory { period: PeriodSecs::DEFAULT, observations };
            Ok::<_, StoreError>(((), vec![Change::PutClockHistory(id, SeedVersion::FIRST, history)]))
        })
        .expect("written");
}

/// The fleet counts what an actor sees, and lists what will fail.
#[test]
fn the_fleet_lists_tokens_that_will_leave_their_window() {
    let tokens = many("T", 4);
    let home = Home::new();
    home.add_vpn();
    home.import("many", &tokens.iter().collect::<Vec<_>>());
    home.assign_batch("many");
    home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    remember(&home, &tokens[0], 4, 10, 800); // seen lately
    remember(&home, &tokens[1], -20, 410, 400); // unused for as long as it was seen
    remember(&home, &tokens[2], 0, 410, 400); // runs right
    let fleet = home.service.fleet_clocks(&admin()).expect("read");
    assert_eq!((fleet.clocks, fleet.rated, fleet.leaving), (3, 3, 1));
    assert_eq!(fleet.offsets.iter().map(|bar| bar.2).sum::<u64>(), 3);
    assert_eq!(fleet.listed[0].0.token.serial, tokens[1].serial);
    let there = hired(&home, "vera", Role::Helpdesk, Some(&["VPN"]));
    assert_eq!(home.service.fleet_clocks(&there).expect("read").clocks, 3);
    let elsewhere = hired(&home, "max", Role::Helpdesk, Some(&["Mail"]));
    let nothing = home.service.fleet_clocks(&elsewhere).expect("read");
    assert_eq!((nothing.clocks, nothing.leaving, nothing.listed.len()), (0, 0, 0));
    home.service.set_token_enabled(&admin(), &tokens[1].serial, false).expect("disabled");
    assert_eq!(home.service.fleet_clocks(&admin()).expect("read").leaving, 0);
}

/// What goes with a token goes.
#[test]
fn a_deleted_token_leaves_no_history() {
    let clocked = Clocked::new("T-1", 0.0, 0.0);
    let home = one(&clocked);
    weekly(&home, &clocked, 1, 0);
    assert_eq!(home.store.read(|view| view.clock_histories(Page::first(9))).expect("read").items.len(), 1);
    home.service.delete_token(&admin(), &clocked.token.serial).expect("deleted");
    assert_eq!(home.store.read(|view| view.clock_histories(Page::first(9))).expect("read").items.len(), 0);
    assert_eq!(home.store.read(|view| view.clock_jumps()).expect("read"), ClockJumps::default());
}
