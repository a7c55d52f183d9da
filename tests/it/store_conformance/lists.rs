//! Every list equals a naive filter over everything, after each of many random changes.

use std::collections::BTreeMap;
use std::sync::Arc;

use mintmark::model::*;
use mintmark::store::*;

use super::{AT, Make, apply, batch, read, token, user};

/// A small generator: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).expect("small")].clone()
    }
}

/// All there is, without any index.
#[derive(Default)]
struct Everything {
    tokens: BTreeMap<u64, Token>,
    batches: BTreeMap<u64, Batch>,
    users: BTreeMap<u64, User>,
    assignments: BTreeMap<u64, Assignment>,
    standing: BTreeMap<u64, BatchAssignment>,
}

impl Everything {
    fn on(&self, token: &Token) -> Vec<ResourceId> {
        let own =
            self.assignments.values().filter(|a| a.parties.token() == Some(token.id)).map(|a| a.resource);
        let by_batch = self.standing.values().filter(|a| a.covers(token)).map(|a| a.resource);
        own.chain(by_batch).collect()
    }

    fn fits(&self, token: &Token, f: &TokenFilter) -> bool {
        let on = self.on(token);
        let live = self.batches.get(&token.batch.0).is_some_and(|b| b.state == BatchState::Live);
        let serial = f.serial.as_ref().is_none_or(|s| {
            token.serial.normal().starts_with(s.as_str()) || token.serial.normal().ends_with(s.as_str())
        });
        let mine = f.user.is_none_or(|user| {
            token.holder == Some(user)
                || self
                    .assignments
                    .values()
                    .any(|a| a.parties.token() == Some(token.id) && a.parties.user() == Some(user))
        });
        let in_stock = token.custody == Custody::InStock;
        let custody = match f.custody {
            None => true,
            Some(CustodyFilter::InStock) => in_stock && on.is_empty(),
            Some(CustodyFilter::Assigned) => in_stock && !on.is_empty(),
            Some(CustodyFilter::Place(place)) => token.custody.index() == place,
        };
        let meant = |on: ResourceId| f.resource.is_none_or(|r| r == on) && f.scope.covers(on);
        let alone = self.standing.values().any(|a| meant(a.resource) && a.covers(token))
            || self.assignments.values().any(|a| meant(a.resource) && a.parties == Parties::Token(token.id));
        let ended = matches!(
            token.custody,
            Custody::Confirmed { .. } | Custody::Lost { .. } | Custody::Retired { .. }
        );
        live && serial
            && mine
            && custody
            && f.batch.is_none_or(|b| token.batch == b)
            && f.resource.is_none_or(|r| on.contains(&r))
            && f.enabled.is_none_or(|e| token.disabled.is_none() == e)
            && f.unconfirmed.is_none_or(|u| (alone && !ended) == u)
            && (f.scope == Scope::All || on.iter().any(|r| f.scope.covers(*r)))
    }

    fn user_fits(&self, user: &User, f: &UserFilter) -> bool {
        let on: Vec<_> = self
            .assignments
            .values()
            .filter(|a| a.parties.user() == Some(user.id))
            .map(|a| a.resource)
            .collect();
        f.text.as_ref().is_none_or(|text| {
            [user.login.as_str(), &user.last_name, &user.first_name]
                .iter()
                .any(|word| word.to_lowercase().starts_with(&text.to_lowercase()))
        }) && f.resource.is_none_or(|r| on.contains(&r))
            && (f.scope == Scope::All || on.iter().any(|r| f.scope.covers(*r)))
    }

    /// A random change, made here and returned for the store.
    fn change(&mut self, random: &mut Random) -> Change {
        let places = [
            Custody::InStock,
            Custody::HandedOut { at: AT },
            Custody::Confirmed { at: AT },
            Custody::Returned { at: AT },
            Custody::Lost { at: AT },
            Custody::Retired { at: AT },
        ];
        match random.below(20) {
            0 => {
                let id = 1 + random.below(4);
                let states = [BatchState::Live, BatchState::Live, BatchState::Staged, BatchState::Dropped];
                let batch = batch(id, random.pick(&states));
                self.batches.insert(id, batch.clone());
                Change::PutBatch(batch)
            }
            1..=2 => {
                let id = 1 + random.below(6);
                let batch = BatchId(1 + random.below(4));
                let from = random.below(60);
                let serial = |n: u64| TokenSerial::parse(&format!("{n:04}")).expect("a serial");
                let part = if random.chance(2) {
                    BatchPart::Whole
                } else {
                    let range = SerialRange::new(&serial(from * 7), &serial(from * 7 + random.below(90)));
                    BatchPart::Serials(range.into_iter().collect())
                };
                let resource = ResourceId(1 + random.below(3));
                let assignment =
                    BatchAssignment { id: BatchAssignmentId(id), batch, resource, part, created_at: AT };
                self.standing.insert(id, assignment.clone());
                Change::PutBatchAssignment(assignment)
            }
            3 => {
                let id = 1 + random.below(6);
                self.standing.remove(&id);
                Change::DeleteBatchAssignment(BatchAssignmentId(id))
            }
            4..=6 => {
                let id = 1 + random.below(30);
                let (user, token) = (UserId(1 + random.below(8)), TokenId(1 + random.below(60)));
                let parties = random.pick(&[
                    Parties::User(user),
                    Parties::Token(token),
                    Parties::UserToken(user, token),
                    Parties::TokenWithUser(user, token),
                ]);
                let resource = ResourceId(1 + random.below(3));
                let assignment = Assignment { id: AssignmentId(id), resource, parties, created_at: AT };
                self.assignments.insert(id, assignment);
                Change::PutAssignment(assignment)
            }
            7..=8 => {
                let id = 1 + random.below(30);
                self.assignments.remove(&id);
                Change::DeleteAssignment(AssignmentId(id))
            }
            9 => {
                let id = 1 + random.below(8);
                let names = ["Anna", "Ärmel", "Berg", "berger", "", "Zoë"];
                let login = format!("{}{id}", random.pick(&["ann", "Ber", "x"]));
                let user = User {
                    first_name: random.pick(&names).into(),
                    last_name: random.pick(&names).into(),
                    ..user(id, &login)
                };
                self.users.insert(id, user.clone());
                Change::PutUser(user)
            }
            10 => {
                let id = 1 + random.below(60);
                self.tokens.remove(&id);
                Change::PurgeToken(TokenId(id))
            }
            _ => {
                let id = 1 + random.below(60);
                // Serials are unique but for a letter that changes.
                let serial = format!("{:04}{}", id * 7, random.pick(&["", "", "A"]));
                let token = Token {
                    custody: random.pick(&places),
                    disabled: random.chance(3).then_some(DisabledBy::Operator),
                    holder: random.chance(3).then(|| UserId(1 + random.below(8))),
                    follows_batch: !random.chance(4),
                    ..token(id, 1 + random.below(4), &serial)
                };
                self.tokens.insert(id, token.clone());
                Change::PutToken(token)
            }
        }
    }
}

fn token_filter(random: &mut Random) -> TokenFilter {
    let mut some = |one_in| random.chance(one_in);
    let (serial, batch, resource, user) = (some(4), some(4), some(4), some(6));
    let (custody, enabled, unconfirmed, scope) = (some(4), some(4), some(4), some(4));
    TokenFilter {
        serial: serial.then(|| random.pick(&["0", "00", "7", "4A", "0007", "1", "A"]).into()),
        batch: batch.then(|| BatchId(1 + random.below(4))),
        resource: resource.then(|| ResourceId(1 + random.below(3))),
        user: user.then(|| UserId(1 + random.below(8))),
        custody: custody.then(|| {
            let place = CustodyFilter::Place(u8::try_from(random.below(6)).expect("small"));
            random.pick(&[CustodyFilter::InStock, CustodyFilter::Assigned, place])
        }),
        enabled: enabled.then(|| random.chance(2)),
        unconfirmed: unconfirmed.then(|| random.chance(2)),
        scope: if scope { some_scope(random) } else { Scope::All },
    }
}

fn some_scope(random: &mut Random) -> Scope {
    Scope::Resources((1..=3).filter(|_| random.chance(2)).map(ResourceId).collect())
}

fn user_filter(random: &mut Random) -> UserFilter {
    let (text, resource, scope) = (random.chance(2), random.chance(3), random.chance(3));
    UserFilter {
        text: text.then(|| random.pick(&["a", "AN", "Ä", "ber", "x1", "zoë"]).into()),
        resource: resource.then(|| ResourceId(1 + random.below(3))),
        scope: if scope { some_scope(random) } else { Scope::All },
    }
}

/// Joins the pages of a list.
fn joined<T>(limit: usize, mut page_at: impl FnMut(Page) -> Slice<T>) -> Vec<T> {
    let mut page = Page::first(limit);
    let mut items = Vec::new();
    loop {
        let slice = page_at(page);
        assert!(slice.items.len() <= limit);
        items.extend(slice.items);
        match slice.next {
            Some(next) => page.after = Some(next),
            None => return items,
        }
    }
}

pub(super) fn lists_equal_a_naive_filter(make: Make) {
    for start in [1, 77, 4711] {
        let mut random = Random(start * 0x9e37_79b9);
        let store = make();
        let places = [(1, "VPN"), (2, "Mail"), (3, "Door")];
        let places = places.map(|(id, name)| Change::PutResource(super::resource(id, name, None)));
        apply(&store, places.to_vec()).expect("made");
        let mut all = Everything::default();
        for round in 0..400 {
            let changes: Vec<Change> = (0..=random.below(3)).map(|_| all.change(&mut random)).collect();
            apply(&store, changes).expect("no rule is broken");
            for _ in 0..4 {
                compare(&store, &all, &mut random, round);
            }
        }
    }
}

fn compare(store: &Arc<dyn Store>, all: &Everything, random: &mut Random, round: u32) {
    let limit = usize::try_from(1 + random.below(12)).expect("small");
    let filter = token_filter(random);
    let expected: Vec<&Token> = all.tokens.values().filter(|t| all.fits(t, &filter)).collect();
    let found = joined(limit, |page| read(store, |view| view.tokens(&filter, page)));
    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "round {round}: {filter:?}");
    let places = TokenFilter { resource: filter.resource, scope: filter.scope.clone(), ..TokenFilter::ALL };
    for filter in [&filter, &places] {
        let there = all.tokens.values().filter(|t| all.fits(t, filter)).count() as u64;
        for most in [0, 1, there, there + 1, u64::MAX] {
            let counted = read(store, |view| view.count_tokens(filter, most));
            let is_counted = if *filter == places {
                (there.min(most)..=most).contains(&counted)
            } else {
                counted == there.min(most)
            };
            assert!(is_counted, "round {round}: {counted} of {there} up to {most}: {filter:?}");
        }
    }
    for token in &found {
        let mut on = all.on(token);
        on.sort_unstable();
        on.dedup();
        assert_eq!(read(store, |view| view.is_assigned(token)), !on.is_empty());
        assert_eq!(read(store, |view| view.resources_of(token)), on);
        assert_eq!(read(store, |view| view.token_by_serial(token.serial.normal())).as_ref(), Some(token));
    }
    let filter = user_filter(random);
    let expected: Vec<&User> = all.users.values().filter(|u| all.user_fits(u, &filter)).collect();
    let found = joined(limit, |page| read(store, |view| view.users(&filter, page)));
    assert_eq!(found.iter().collect::<Vec<_>>(), expected, "round {round}: {filter:?}");

    let batch = BatchId(1 + random.below(4));
    let in_batch: Vec<TokenId> = all.tokens.values().filter(|t| t.batch == batch).map(|t| t.id).collect();
    assert_eq!(joined(limit, |page| read(store, |view| view.token_ids_in(batch, page))), in_batch);
    let detached = all.tokens.values().filter(|t| t.batch == batch && !t.follows_batch).count();
    assert_eq!(read(store, |view| view.detached_in(batch)), detached as u64);
    let live: Vec<Batch> = all.batches.values().filter(|b| b.state == BatchState::Live).cloned().collect();
    assert_eq!(joined(limit, |page| read(store, |view| view.batches(page))), live);

    let resource = ResourceId(1 + random.below(3));
    let kind = random.chance(2).then(|| random.pick(&AssignmentKind::ALL));
    let expected: Vec<Assignment> = all
        .assignments
        .values()
        .filter(|a| a.resource == resource && kind.is_none_or(|k| a.parties.kind() == k))
        .copied()
        .collect();
    let filter = AssignmentFilter { resource, kind };
    assert_eq!(joined(limit, |page| read(store, |view| view.assignments(filter, page))), expected);
}
