//! Law 1 over generated histories: whatever clocks and counters do, whoever restarts what, no code is accepted twice
//! and the floor never falls.
//!
//! `MINTMARK_HISTORIES` sets how many histories of each kind there are (48, of thirty events each; a release check
//! takes enough for a million events of each).

use mintmark::service::{Between, CheckResult, ResyncRequest, SequenceResult, ServiceError};
use proptest::prelude::*;

use super::drift::{Clocked, one, remember};
use super::fixture::{Home, StandIn, operator, verifier};

/// Something that happens to a token, a server or both.
#[derive(Clone, Debug)]
enum Event {
    /// Time goes by.
    Wait(u64),
    /// A code is read, typed so many seconds later, and checked.
    Check {
        late: u64,
    },
    /// A code from so many steps before or after is tried.
    Stray(i64),
    /// One of the codes that were accepted is tried again.
    Replay(prop::sample::Index),
    /// Three codes bring it back.
    Resync,
    /// The token's clock is set.
    Set(f64),
    /// The server's clock is set.
    Server(i64),
    Restart,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1_u64..400).prop_map(Event::Wait),
        3 => (1_u64..4_000_000).prop_map(Event::Wait),
        8 => (0_u64..45).prop_map(|late| Event::Check { late }),
        3 => (-4_i64..4).prop_map(Event::Stray),
        4 => any::<prop::sample::Index>().prop_map(Event::Replay),
        2 => Just(Event::Resync),
        1 => (-4_000.0..4_000.0_f64).prop_map(Event::Set),
        1 => (-120_i64..120).prop_map(Event::Server),
        1 => Just(Event::Restart),
    ]
}

/// What may be accepted, in the words of the law: steps only ever grow.
#[derive(Default)]
struct Reference {
    accepted: Vec<u64>,
    floor: u64,
}

impl Reference {
    fn take(&mut self, step: u64) {
        assert!(step >= self.floor, "step {step} was accepted again, the floor is {}", self.floor);
        assert!(!self.accepted.contains(&step));
        self.accepted.push(step);
        self.floor = step + 1;
    }
}

fn step_of(home: &Home, steps: i64) -> u64 {
    home.step().checked_add_signed(steps).expect("after 1970")
}

/// `MINTMARK_HISTORIES` asks for more.
pub(super) fn histories() -> u32 {
    std::env::var("MINTMARK_HISTORIES").ok().and_then(|text| text.parse().ok()).unwrap_or(48)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(), failure_persistence: None, ..ProptestConfig::default() })]

    /// Law 1 whatever clocks do and whatever is predicted of them: no code twice, and the floor never falls.
    #[test]
    fn no_code_is_accepted_twice_whatever_is_predicted(
        offset in -600.0..600.0_f64,
        ppm in -120.0..120.0_f64,
        known in prop::option::of(-190_i64..190),
        events in proptest::collection::vec(event(), 1..60),
    ) {
        let mut clocked = Clocked::new("T-1", offset, ppm);
        let mut home = one(&clocked);
        if let Some(ppm) = known {
            // Something that has nothing to do with how this clock runs.
            remember(&home, &clocked.token, ppm, 30, 360);
        }
        let mut law = Reference::default();
        // What the server's clock is ahead of the true time.
        let mut ahead = 0;
        for event in events {
            let shown = clocked.step(home.service.now().plus_secs(-ahead));
            let tried = match event {
                Event::Wait(secs) => { home.wait(secs); None }
                Event::Check { late } => { home.wait(late); Some(shown) }
                Event::Stray(steps) => shown.checked_add_signed(steps),
                Event::Replay(which) if !law.accepted.is_empty() => Some(*which.get(&law.accepted)),
                Event::Replay(_) => None,
                Event::Resync => {
                    let codes = clocked.token.from(shown - 1, 2);
                    let answer = home.service.resync(&operator(1), &clocked.token.serial, &codes, None, None);
                    if let Ok(answer) = answer
                        && let SequenceResult::Synchronized { steps, .. } = answer.result
                    {
                        law.take(step_of(&home, steps));
                    }
                    None
                }
                Event::Set(secs) => { clocked.offset_secs += secs; None }
                Event::Server(secs) => {
                    home.clock.set(home.service.now().plus_secs(secs));
                    ahead += secs;
                    None
                }
                Event::Restart => {
                    home.service = std::sync::Arc::new(home.open(home.store.clone()).expect("opens"));
                    None
                }
            };
            if let Some(step) = tried {
                match home.service.check(&verifier(), &clocked.token.serial, &clocked.token.at(step)) {
                    Ok(CheckResult::Accepted { steps, .. }) => law.take(step_of(&home, steps)),
                    Ok(_) | Err(ServiceError::ClockFault { .. }) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            prop_assert!(home.floor(&clocked.token) >= law.floor);
        }
    }
}

/// What happens to a token that counts.
#[derive(Clone, Debug)]
enum Press {
    /// Its button is pressed so often in a pocket.
    Pocket(u64),
    /// The next code is shown and checked.
    Check,
    /// A code from so many counters before or after is tried.
    Stray(i64),
    /// One of the codes that were accepted is tried again.
    Replay(prop::sample::Index),
    /// Two codes bring it back, so many left out between them.
    Resync {
        left_out: u64,
        allowed: u64,
    },
    /// It begins anew.
    Reset,
    Restart,
}

fn press() -> impl Strategy<Value = Press> {
    prop_oneof![
        3 => (1_u64..30).prop_map(Press::Pocket),
        1 => (30_u64..3_000).prop_map(Press::Pocket),
        8 => Just(Press::Check),
        3 => (-12_i64..12).prop_map(Press::Stray),
        4 => any::<prop::sample::Index>().prop_map(Press::Replay),
        3 => (0_u64..3, 0_u64..4).prop_map(|(left_out, allowed)| Press::Resync { left_out, allowed }),
        1 => Just(Press::Reset),
        1 => Just(Press::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(), failure_persistence: None, ..ProptestConfig::default() })]

    /// The same of counters, with codes left out, pockets and resets.
    #[test]
    fn no_code_of_a_counter_is_accepted_twice(events in proptest::collection::vec(press(), 1..60)) {
        let token = StandIn::hotp("C-1");
        let mut home = Home::new();
        home.import("one", &[&token]);
        let (mut law, mut shown) = (Reference::default(), 0_u64);
        for event in events {
            let tried = match event {
                Press::Pocket(times) => { shown += times; None }
                Press::Check => { shown += 1; Some(shown - 1) }
                Press::Stray(away) => shown.checked_add_signed(away),
                Press::Replay(which) if !law.accepted.is_empty() => Some(*which.get(&law.accepted)),
                Press::Replay(_) => None,
                Press::Resync { left_out, allowed } => {
                    let last = shown + left_out + 1;
                    let otps = [token.at(shown), token.at(last)];
                    let between = Between::LeftOut(allowed);
                    let request =
                        ResyncRequest { between, reason: Some("desk"), ..ResyncRequest::new(&token.serial, &otps) };
                    match home.service.resync_as(&operator(1), &request) {
                        Ok(answer) => {
                            if let SequenceResult::Synchronized { counter, .. } = answer.result {
                                prop_assert!(left_out <= allowed, "what was not allowed for");
                                prop_assert_eq!(counter, Some(last + 1));
                                law.take(last);
                            }
                        }
                        // Once in a million a token shows the same code twice.
                        Err(ServiceError::Invalid { code: "same_code_twice", .. }) => {}
                        Err(other) => panic!("{other}"),
                    }
                    shown = last + 1;
                    None
                }
                Press::Reset => { shown = 0; None }
                Press::Restart => {
                    home.service = std::sync::Arc::new(home.open(home.store.clone()).expect("opens"));
                    None
                }
            };
            if let Some(counter) = tried {
                match home.service.check(&verifier(), &token.serial, &token.at(counter)) {
                    Ok(CheckResult::Accepted { .. }) => {
                        law.take(counter.max(home.floor(&token) - 1));
                    }
                    Ok(_) => {}
                    Err(other) => panic!("{other}"),
                }
            }
            prop_assert!(home.floor(&token) >= law.floor);
        }
    }
}
