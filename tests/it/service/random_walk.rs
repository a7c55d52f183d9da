//! People, operators and integrations do what they can, in any order, over some tokens and resources; after
//! every step all that must always hold does hold.
//!
//! `MINTMARK_WALKS` sets how many walks there are, `MINTMARK_WALK_SEED` which ones.

mod access;

use std::collections::{BTreeMap, BTreeSet};

use mintmark::model::{AssignmentKind, DisabledBy, PinPlacement, ResourceAlias, TokenSerial, TokenType};
use mintmark::oath::Otp;
use mintmark::secret::Pin;
use mintmark::service::{
    AssignRequest, AuthRequest, AuthResult, CUSTODY_WORDS, CheckResult, ConfirmResult, DraftResult,
    PortalSession, PortalSettings, SecondPage, SequenceResult, ServiceError, ThirdPage, TokenQuery,
    TokenView,
};
use mintmark::store::Page;
use proptest::prelude::*;
use proptest::test_runner::{RngSeed, TestRunner};

use self::access::Access;
use super::fixture::{
    Home, PASSWORD, StandIn, admin, login, operator, request, resource, typed, verifier, visit,
};
use super::pin::glued;
use super::register::{everything, software};
use crate::wire::size;

const PEOPLE: [&str; 3] = ["anna", "bert", "carl"];
const PLACES: [(&str, &str); 2] = [("VPN", "vpn"), ("Mail", "mail")];
const PIN: &str = "2580";
const WAITS: [u64; 5] = [30, 300, 1_900, 3_700, 90_000];
/// Where operators put tokens here; a token that was replaced is retired, too.
const CUSTODY: [&str; 6] = ["in_stock", "assigned", "handed_out", "confirmed", "returned", "lost"];

/// A step: what is done, and three choices.
type Step = (u8, u8, u8, u8);

/// What a step came to: whether it says that something has changed.
type Did = Result<bool, ServiceError>;

/// A token as it lies in a drawer or a hand.
struct Device {
    token: StandIn,
    /// How far its clock is ahead, in steps.
    ahead: i64,
    /// The counter that its next press shows.
    next: u64,
}

struct Walk {
    home: Home,
    devices: Vec<Device>,
    sessions: BTreeMap<(usize, usize), PortalSession>,
    /// Codes that were accepted, by serial: their counters or steps.
    spent: BTreeMap<String, BTreeSet<u64>>,
    imports: usize,
    accepted: usize,
    /// What each person types as the password, since the last approved request.
    passwords: [String; 3],
    access: Access,
}

fn alias(place: usize) -> ResourceAlias {
    ResourceAlias::parse(PLACES[place].1).expect("an alias")
}

fn pick(choice: u8, count: usize) -> usize {
    usize::from(choice) % count
}

impl Walk {
    fn new() -> Self {
        let home = Home::new();
        for (name, alias) in PLACES {
            home.service.add_resource(&admin(), &resource(name)).expect("made");
            let alias = Some(ResourceAlias::parse(alias).expect("an alias"));
            let types = [TokenType::Software, TokenType::Mail, TokenType::Universal, TokenType::Hardware];
            let settings = PortalSettings { alias, token_types: Some(types.to_vec()), ..everything() };
            home.service.set_portal(&admin(), &resource(name), &settings).expect("set");
        }
        for name in PEOPLE {
            home.add_user(name);
            home.give_address(name);
        }
        home.hire(3);
        let tokens = ["T-1", "T-2", "T-3"].map(StandIn::totp).into_iter();
        let tokens: Vec<_> = tokens.chain(["H-1", "H-2"].map(StandIn::hotp)).collect();
        home.import("spring", &tokens.iter().collect::<Vec<_>>());
        home.assign_batch("spring");
        let devices = tokens.into_iter().map(|token| Device { token, ahead: 0, next: 0 }).collect();
        let (sessions, spent) = (BTreeMap::new(), BTreeMap::new());
        let (passwords, access) = (PEOPLE.map(|_| PASSWORD.to_owned()), Access::default());
        Self { home, devices, sessions, spent, imports: 0, accepted: 0, passwords, access }
    }

    fn view(&self, serial: &TokenSerial) -> Option<TokenView> {
        self.home.service.token(&admin(), serial).ok()
    }

    /// The next codes that a device shows, newest now: time passes while a clock token shows them.
    fn show(&mut self, device: usize, count: u64) -> Vec<u64> {
        let shown = &mut self.devices[device];
        if shown.token.counter {
            shown.next += count;
            return (shown.next - count..shown.next).collect();
        }
        self.home.wait(30 * count);
        let newest = self.home.step().checked_add_signed(shown.ahead).expect("after 1970");
        (newest + 1 - count..=newest).collect()
    }

    fn codes(&self, device: usize, factors: &[u64]) -> Vec<Otp> {
        factors.iter().map(|factor| self.devices[device].token.at(*factor)).collect()
    }

    /// A code with the PIN that its token has, if any.
    fn glue(&self, serial: &TokenSerial, otp: &Otp) -> Otp {
        match self.view(serial).and_then(|view| view.token.pin).map(|pin| pin.placement) {
            None => glued("", otp, ""),
            Some(PinPlacement::Before) => glued(PIN, otp, ""),
            Some(PinPlacement::After) => glued("", otp, PIN),
        }
    }

    /// Law 1: a code is accepted once, and none behind one that was.
    fn spend(&mut self, device: usize, factors: &[u64]) {
        let serial = self.devices[device].token.serial.to_string();
        let spent = self.spent.entry(serial.clone()).or_default();
        for factor in factors {
            let newest = spent.last().copied();
            assert!(newest.is_none_or(|newest| newest < *factor), "{serial}: {factor} after {newest:?}");
            spent.insert(*factor);
        }
        self.accepted += 1;
    }

    /// A device and a code of it that was accepted.
    fn used(&self, choice: u8) -> Option<(usize, Otp)> {
        let device = pick(choice, self.devices.len());
        let token = &self.devices[device].token;
        let spent = self.spent.get(token.serial.display())?;
        let factor = spent.iter().rev().nth(pick(choice / 5, spent.len()))?;
        Some((device, token.at(*factor)))
    }

    /// Whether this token is the one that is asked of this person here.
    fn is_paired(&self, serial: &TokenSerial, person: usize, place: usize) -> bool {
        self.view(serial)
            .filter(|view| !matches!(view.token.disabled, Some(DisabledBy::Issue | DisabledBy::Replaced)))
            .is_some_and(|view| {
                view.assignments.iter().any(|(on, kind, user)| {
                    on == PLACES[place].0
                        && *kind == AssignmentKind::TokenWithUser
                        && user.as_deref() == Some(PEOPLE[person])
                })
            })
    }

    /// The device of the pair that this person has here.
    fn paired(&self, person: usize, place: usize) -> Option<usize> {
        (0..self.devices.len())
            .find(|device| self.is_paired(&self.devices[*device].token.serial, person, place))
    }

    /// The serial number of the token that this person has here: a device, or one by mail.
    fn token_of(&self, person: usize, place: usize) -> Option<TokenSerial> {
        let device = self.paired(person, place).map(|device| self.devices[device].token.serial.clone());
        device.or_else(|| self.by_mail(person, place))
    }

    /// Pages 1 and 2, and page 3 as its owner would fill it in.
    fn enter(&mut self, person: usize, place: usize) -> Option<PortalSession> {
        let service = std::sync::Arc::clone(&self.home.service);
        let open =
            |cookie: &_| service.portal_session(&alias(place), cookie).expect("readable").expect("alive");
        let cookie = service.portal_begin(&alias(place), &login(PEOPLE[person]), &visit()).expect("begun");
        let password = typed(&self.passwords[person]);
        let second = service.portal_second(&open(&cookie), &password, &visit()).expect("answered");
        let SecondPage::Passed { cookie, owes_code } = second else { return None };
        let owed = open(&cookie);
        if !owes_code {
            return Some(owed);
        }
        let Some(device) = self.paired(person, place) else {
            let cookie = self.third_by_mail(&owed, person, place)?;
            return Some(open(&cookie));
        };
        let serial = self.devices[device].token.serial.clone();
        let shown = self.show(device, 1);
        let otp = self.glue(&serial, &self.codes(device, &shown)[0]);
        match service.portal_third(&owed, &otp, &visit()) {
            Ok(ThirdPage::Passed { cookie }) => {
                self.spend(device, &shown);
                Some(open(&cookie))
            }
            Ok(ThirdPage::Refused { can_synchronize: true }) => {
                let shown = self.show(device, 2);
                let mut otps = self.codes(device, &shown);
                otps[1] = self.glue(&serial, &otps[1]);
                let (outcome, cookie) = service.portal_third_synchronize(&owed, &otps, &visit()).ok()?;
                if matches!(outcome.result, SequenceResult::Synchronized { .. }) {
                    self.spend(device, &shown);
                }
                cookie.map(|cookie| open(&cookie))
            }
            _ => None,
        }
    }

    /// A session of before, or a new one.
    fn session(&mut self, person: usize, place: usize, old: bool) -> Option<PortalSession> {
        if old && let Some(portal) = self.sessions.get(&(person, place)) {
            return Some(portal.clone());
        }
        let portal = self.enter(person, place)?;
        self.sessions.insert((person, place), portal.clone());
        Some(portal)
    }

    fn assign(&self, kind: AssignmentKind, person: usize, device: usize, place: usize) -> Did {
        let user = (kind != AssignmentKind::Token).then(|| login(PEOPLE[person]));
        let token = (kind != AssignmentKind::User).then(|| self.devices[device].token.serial.clone());
        let asked = AssignRequest { kind, user, token };
        self.home.service.assign(&admin(), &resource(PLACES[place].0), &asked).map(|_| true)
    }

    fn unassign(&self, choice: u8, place: usize) -> Did {
        let on = resource(PLACES[place].0);
        let here = self.home.service.assignments(&admin(), &on, None, Page::first(50))?.items;
        if here.is_empty() {
            return Ok(false);
        }
        let id = here[pick(choice, here.len())].assignment.id;
        self.home.service.unassign(&admin(), &on, id).map(|()| true)
    }

    /// An operator takes a token out of the store, or brings it in again.
    fn come_and_go(&mut self, device: usize) -> Did {
        let serial = self.devices[device].token.serial.clone();
        if self.view(&serial).is_some() {
            return self.home.service.delete_token(&admin(), &serial).map(|()| true);
        }
        self.imports += 1;
        let line = self.devices[device].token.line();
        let plan = self.home.plan(request(&line, &format!("again-{}", self.imports)));
        let view = self.home.commit(plan.import.id)?;
        Ok(view.import.counts.new == 1)
    }

    /// Registers an app's token, in place of the present one or as the first.
    fn register(&mut self, portal: &PortalSession, replace: bool) -> Did {
        let service = std::sync::Arc::clone(&self.home.service);
        service.portal_draft(portal, &software(), replace, &visit())?;
        let Some(view) = service.portal_drafted(portal)? else { return Ok(false) };
        let shown = view.shown.expect("made here");
        let secret = data_encoding::BASE32_NOPAD.decode(shown.base32.as_bytes()).expect("base32");
        let token = StandIn::with_secret(view.draft.serial.display(), false, secret);
        self.devices.push(Device { token, ahead: 0, next: 0 });
        let device = self.devices.len() - 1;
        let shown = self.show(device, 1);
        let done = service.portal_finish(portal, &self.codes(device, &shown), &visit());
        if matches!(done, Ok(DraftResult::Made { .. })) {
            self.spend(device, &shown);
        } else {
            self.devices.pop();
        }
        done.map(|_| true)
    }

    /// Confirms a token, as the first or in place of the present one.
    fn confirm(&mut self, portal: &PortalSession, device: usize, replace: bool) -> Did {
        let shown = self.show(device, 2);
        let (serial, otps) = (self.devices[device].token.serial.clone(), self.codes(device, &shown));
        let service = &self.home.service;
        let done = if replace {
            service.portal_reassign(portal, &serial, &otps, &visit())?
        } else {
            service.portal_confirm(portal, &serial, &otps, &visit())?
        };
        if matches!(done, ConfirmResult::Confirmed { .. }) {
            self.spend(device, &shown);
        }
        Ok(true)
    }

    fn in_the_portal(&mut self, what: u8, portal: &PortalSession, person: usize, place: usize, c: u8) -> Did {
        let device = pick(c, self.devices.len());
        match what {
            0 => self.confirm(portal, device, false),
            1 => self.confirm(portal, device, true),
            2 => self.register(portal, false),
            3 => self.register(portal, true),
            4 => self.home.service.portal_unassign(portal, &visit()).map(|()| true),
            5 => {
                let pin = Pin::new(PIN.as_bytes().to_vec());
                let placement = if c.is_multiple_of(2) { PinPlacement::Before } else { PinPlacement::After };
                self.home.service.portal_set_pin(portal, &pin, placement, &visit()).map(|()| true)
            }
            6 => self.home.service.portal_remove_pin(portal, &visit()).map(|()| true),
            _ => {
                let Some(device) = self.paired(person, place) else { return Ok(false) };
                let shown = self.show(device, 2);
                let otps = self.codes(device, &shown);
                let outcome = self.home.service.portal_synchronize(portal, &otps, &visit())?;
                if matches!(outcome.result, SequenceResult::Synchronized { .. }) {
                    self.spend(device, &shown);
                }
                Ok(true)
            }
        }
    }

    /// An integration asks about a person.
    fn authenticate(&mut self, person: usize, place: usize) -> Did {
        let device = self.paired(person, place);
        let shown = device.map(|device| (device, self.show(device, 1)));
        let otp = shown.as_ref().map(|(device, shown)| {
            self.glue(&self.devices[*device].token.serial, &self.codes(*device, shown)[0])
        });
        let (user, password) = (login(PEOPLE[person]), typed(&self.passwords[person]));
        let asked = AuthRequest { user: &user, password: Some(&password), otp: otp.as_ref(), address: None };
        let on = resource(PLACES[place].0);
        let answer = self.home.service.authenticate(&verifier(), &on, &asked)?;
        if let (AuthResult::Accepted, Some((device, shown))) = (answer, shown) {
            self.spend(device, &shown);
        }
        Ok(true)
    }

    /// Codes that were used are used again, at each door.
    fn replay(&mut self, c: u8, person: usize, place: usize) -> Did {
        let Some((device, otp)) = self.used(c) else { return Ok(false) };
        let serial = self.devices[device].token.serial.clone();
        let service = std::sync::Arc::clone(&self.home.service);
        let otp = self.glue(&serial, &otp);
        match c % 3 {
            0 => {
                if let Ok(answer) = service.check(&operator(1), &serial, &otp) {
                    assert!(!matches!(answer, CheckResult::Accepted { .. }), "{serial}: {answer:?}");
                }
            }
            1 if self.paired(person, place).is_some() => {
                let (user, password) = (login(PEOPLE[person]), typed(&self.passwords[person]));
                let asked =
                    AuthRequest { user: &user, password: Some(&password), otp: Some(&otp), address: None };
                let answer = service.authenticate(&verifier(), &resource(PLACES[place].0), &asked)?;
                assert_ne!(answer, AuthResult::Accepted, "{serial}");
            }
            _ => {
                let spent: Vec<u64> = self.spent[serial.display()].iter().copied().collect();
                let pair = spent.windows(2).find(|pair| pair[0] + 1 == pair[1]);
                let Some(pair) = pair.map(<[u64]>::to_vec) else { return Ok(false) };
                let otps = self.codes(device, &pair);
                let answer = service.resync(&operator(1), &serial, &otps, None, Some("at the desk"))?;
                assert!(
                    !matches!(answer.result, SequenceResult::Synchronized { .. }),
                    "{serial}: {:?}",
                    answer.result
                );
            }
        }
        Ok(true)
    }

    fn take(&mut self, (what, a, b, c): Step) -> Did {
        let (person, place) = (pick(a, PEOPLE.len()), pick(b, PLACES.len()));
        let device = pick(c, self.devices.len());
        let serial = self.devices[device].token.serial.clone();
        match what {
            0 => {
                self.home.wait(WAITS[pick(a, WAITS.len())]);
                Ok(false)
            }
            1 => self.assign(AssignmentKind::User, person, device, place),
            2 => self.assign(AssignmentKind::Token, person, device, place),
            3 => self.assign(AssignmentKind::UserToken, person, device, place),
            4 => self.assign(AssignmentKind::TokenWithUser, person, device, place),
            5 => self.unassign(c, place),
            6 => self.home.service.set_token_enabled(&admin(), &serial, a.is_multiple_of(2)).map(|()| false),
            7 => {
                let to = CUSTODY[pick(b, CUSTODY.len())];
                let user = login(PEOPLE[person]);
                let user = (to == "handed_out" && c.is_multiple_of(2)).then_some(&user);
                self.home.service.set_custody(&admin(), &serial, to, user, "").map(|()| true)
            }
            8 => self.come_and_go(device),
            9 => {
                let shown = &mut self.devices[device];
                shown.next += u64::from(a % 30);
                shown.ahead = (shown.ahead + i64::from(a % 9) - 4).clamp(-2_000, 2_000);
                Ok(false)
            }
            10 => self.authenticate(person, place),
            11 => {
                let shown = self.show(device, 1);
                let otp = self.glue(&serial, &self.codes(device, &shown)[0]);
                let answer = self.home.service.check(&operator(1), &serial, &otp)?;
                if matches!(answer, CheckResult::Accepted { .. }) {
                    self.spend(device, &shown);
                }
                Ok(true)
            }
            12 => {
                let shown = self.show(device, 3);
                let otps = self.codes(device, &shown);
                let outcome =
                    self.home.service.resync(&operator(1), &serial, &otps, None, Some("at the desk"))?;
                if matches!(outcome.result, SequenceResult::Synchronized { .. }) {
                    self.spend(device, &shown);
                }
                Ok(true)
            }
            13 => self.replay(c, person, place),
            14 => {
                let wrong = self.devices[device].token.wrong(self.home.step());
                self.home.service.check(&operator(1), &serial, &wrong).map(|_| true)
            }
            15 => self.home.service.unblock_token(&operator(2), &serial).map(|()| true),
            16 => self.home.service.remove_pin(&operator(1), &serial, "showed a passport").map(|()| true),
            17..=24 => {
                let Some(portal) = self.session(person, place, a.is_multiple_of(2)) else { return Ok(false) };
                self.in_the_portal(what - 17, &portal, person, place, c)
            }
            _ => self.take_access(what - 25, (a, b, c)),
        }
    }

    /// What must hold at every moment.
    fn holds(&self) {
        let service = &self.home.service;
        let tokens = service.tokens(&admin(), &TokenQuery::default(), Page::first(200)).expect("read").items;
        let mut pairs: BTreeSet<(String, String)> = BTreeSet::new();
        for view in tokens {
            let serial = view.token.serial.display();
            assert!(CUSTODY_WORDS.contains(&view.custody), "{serial}: {}", view.custody);
            let owners: Vec<_> = view
                .assignments
                .iter()
                .filter(|(_, kind, _)| *kind == AssignmentKind::TokenWithUser)
                .map(|(on, _, user)| (on.clone(), user.clone().expect("a pair has a user")))
                .collect();
            let people: BTreeSet<_> = owners.iter().map(|(_, user)| user).collect();
            assert!(people.len() <= 1, "{serial} serves one person: {owners:?}");
            let counts = !matches!(view.token.disabled, Some(DisabledBy::Issue | DisabledBy::Replaced));
            for (on, user) in owners {
                if let Some(holder) = &view.user {
                    assert_eq!(holder, &user, "{serial} on {on} is held by its person");
                }
                assert!(!matches!(view.custody, "in_stock" | "returned"), "{serial}: {}", view.custody);
                assert!(!counts || pairs.insert((on.clone(), user.clone())), "{user} has two tokens on {on}");
            }
            if let Some(spent) = self.spent.get(serial).and_then(BTreeSet::last) {
                assert!(view.state.floor.0 > *spent, "{serial}: the floor is above what was accepted");
            }
        }
    }

    /// Nobody who has lost nothing is kept out for more than the longest wait.
    fn nobody_is_locked_out(&mut self) {
        for (person, login) in PEOPLE.iter().enumerate() {
            for (place, (name, _)) in PLACES.iter().enumerate() {
                let on = resource(name);
                let here =
                    self.home.service.assignments(&admin(), &on, None, Page::first(50)).expect("read").items;
                let stands = here.iter().any(|row| row.user.as_deref() == Some(login));
                let usable = self.token_of(person, place).is_none_or(|serial| {
                    let view = self.view(&serial).expect("there");
                    view.token.disabled.is_none() && view.custody != "lost"
                });
                let mut inside = false;
                for _ in 0..30 {
                    self.home.wait(3_700);
                    inside = self.enter(person, place).is_some();
                    if inside || !(stands && usable) {
                        break;
                    }
                }
                assert_eq!(inside, stands && usable, "{login} at {name}");
            }
        }
    }

    fn records(&self) -> u64 {
        let report = self.home.service.verify_audit(&admin()).expect("read");
        assert_eq!(report.fault, None);
        report.records
    }
}

/// One walk; gives how many codes were accepted on it, and how often access was had in other ways.
fn walk(steps: &[Step]) -> (usize, [usize; 3]) {
    let mut walk = Walk::new();
    let mut before = walk.records();
    for step in steps {
        let did = walk.take(*step);
        walk.note_approved();
        walk.holds();
        let after = walk.records();
        match did {
            Ok(true) => assert!(after > before, "{step:?} left no record"),
            Err(ServiceError::Stale) => panic!("{step:?}: nothing moved meanwhile"),
            Ok(false) | Err(_) => {}
        }
        before = after;
    }
    walk.nobody_is_locked_out();
    walk.holds();
    (walk.accepted, walk.access.reached())
}

#[test]
fn p30_p31_law1_what_must_hold_holds_on_any_walk() {
    let walks = u32::try_from(size("MINTMARK_WALKS", 12)).expect("a number of walks");
    let config = ProptestConfig {
        cases: walks,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(size("MINTMARK_WALK_SEED", 1)),
        max_shrink_iters: 60,
        ..ProptestConfig::default()
    };
    let step = (0_u8..33, any::<u8>(), any::<u8>(), any::<u8>());
    let (accepted, reached) = (std::cell::Cell::new(0), std::cell::Cell::new([0; 3]));
    TestRunner::new(config)
        .run(&proptest::collection::vec(step, 10..70), |steps| {
            let (codes, ways) = walk(&steps);
            accepted.set(accepted.get() + codes);
            let before = reached.get();
            reached.set(std::array::from_fn(|way| before[way] + ways[way]));
            Ok(())
        })
        .expect("every walk holds");
    assert!(accepted.get() > usize::try_from(walks).expect("small"), "codes are accepted on these walks");
    let reached = reached.get();
    assert!(
        reached.iter().all(|ways| *ways > 0),
        "requests take effect, mailed and emergency codes are accepted on these walks: {reached:?}"
    );
}
