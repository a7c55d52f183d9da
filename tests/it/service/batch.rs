//! Batches on resources: all of one, ranges, lists, what stands elsewhere, and going back. P52.

use std::collections::BTreeMap;

use mintmark::model::{AssignmentKind, BatchPart};
use mintmark::service::{AssignRequest, BatchCount, ServiceError, parse_serial_ranges};
use mintmark::store::Page;

use super::fixture::{Home, admin, batch, login, many, resource};

fn part(text: &str) -> BatchPart {
    BatchPart::Serials(parse_serial_ranges(&[text.to_owned()]).expect("serials"))
}

fn scene() -> Home {
    let home = Home::new();
    for name in ["R1", "R2", "R3"] {
        home.service.add_resource(&admin(), &resource(name)).expect("made");
    }
    let tokens = many("A", 20);
    home.import("b", &tokens.iter().collect::<Vec<_>>());
    home
}

fn assign(home: &Home, on: &str, part: BatchPart) -> Result<BatchCount, ServiceError> {
    home.service.assign_batch(&admin(), &batch("b"), &resource(on), part)
}

fn unassign(home: &Home, on: &str, part: BatchPart) -> Result<u64, ServiceError> {
    home.service.unassign_batch(&admin(), &batch("b"), &resource(on), part).map(|count| count.changed)
}

fn counted(changed: u64, already: u64) -> BatchCount {
    BatchCount { changed, already }
}

/// Where each token stands, by the token's own page and by each resource's list.
fn places(home: &Home) -> BTreeMap<String, Vec<String>> {
    let mut by_token = BTreeMap::new();
    let mut by_list: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let all = mintmark::service::TokenQuery::default();
    for view in home.service.tokens(&admin(), &all, Page::first(100)).expect("listed").items {
        let serial = view.token.serial.display().to_owned();
        by_list.insert(serial.clone(), Vec::new());
        let names: Vec<String> = view.assignments.iter().map(|(name, _, _)| name.clone()).collect();
        by_token.insert(serial, names);
    }
    for name in ["R1", "R2", "R3"] {
        let query = mintmark::service::TokenQuery { resource: Some(resource(name)), ..all.clone() };
        for view in home.service.tokens(&admin(), &query, Page::first(100)).expect("listed").items {
            by_list.entry(view.token.serial.display().to_owned()).or_default().push(name.to_owned());
        }
    }
    for names in by_token.values_mut() {
        names.sort();
    }
    assert_eq!(by_token, by_list, "pages and lists agree");
    by_token
}

fn on(home: &Home, name: &str) -> Vec<u32> {
    places(home)
        .iter()
        .filter(|(_, names)| names.iter().any(|n| n == name))
        .map(|(serial, names)| {
            assert_eq!(names.len(), 1, "{serial} stands on {names:?}");
            serial[1..].parse().expect("a number")
        })
        .collect()
}

#[test]
fn service_batch_ranges_and_lists() {
    let home = scene();
    assert_eq!(assign(&home, "R1", part("A00002-A00005, A00009")).expect("assigned"), counted(5, 0));
    assert_eq!(on(&home, "R1"), [2, 3, 4, 5, 9]);
    assert_eq!(assign(&home, "R1", part("A00004-A00007")).expect("assigned"), counted(2, 2));
    assert_eq!(on(&home, "R1"), [2, 3, 4, 5, 6, 7, 9]);
    assert_eq!(assign(&home, "R1", part("A00002-A00003")).expect("nothing to do"), counted(0, 2));
    match assign(&home, "R1", part("B00001-B00009")) {
        Err(ServiceError::State { code, .. }) => assert_eq!(code, "no_tokens"),
        other => panic!("{other:?}"),
    }
    // The rest goes elsewhere in one act.
    assert_eq!(assign(&home, "R2", BatchPart::Whole).expect("assigned"), counted(13, 7));
    assert_eq!(on(&home, "R1"), [2, 3, 4, 5, 6, 7, 9]);
    assert_eq!(on(&home, "R2"), [0, 1, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    assert_eq!(unassign(&home, "R2", BatchPart::Whole).expect("taken off"), 13);
    assert_eq!(unassign(&home, "R1", BatchPart::Whole).expect("taken off"), 7);
    assert!(places(&home).values().all(Vec::is_empty));
    unassign(&home, "R1", BatchPart::Whole).expect_err("it stands nowhere");
}

#[test]
fn service_batch_single_assignments_come_first() {
    let home = scene();
    home.service
        .add_user(
            &admin(),
            mintmark::service::NewUser { login: "anna".into(), ..mintmark::service::NewUser::default() },
        )
        .expect("made");
    let single = |n: u32, name: &str| {
        let request = AssignRequest {
            kind: AssignmentKind::TokenWithUser,
            user: Some(login("anna")),
            token: Some(super::fixture::serial(&format!("A{n:05}"))),
        };
        home.service.assign(&admin(), &resource(name), &request)
    };
    single(3, "R2").expect("assigned");
    assert_eq!(assign(&home, "R1", BatchPart::Whole).expect("assigned"), counted(19, 1));
    assert_eq!((on(&home, "R1").len(), on(&home, "R2")), (19, vec![3]));
    match single(4, "R3") {
        Err(ServiceError::State { code, .. }) => assert_eq!(code, "already_assigned"),
        other => panic!("a token that stands with its batch elsewhere is not taken: {other:?}"),
    }
    single(4, "R1").expect("on the same resource it becomes a pair");
    assert_eq!(on(&home, "R1").len(), 19);
    assert_eq!(unassign(&home, "R1", BatchPart::Whole).expect("taken off"), 18);
    assert_eq!((on(&home, "R1"), on(&home, "R2")), (vec![4], vec![3]));
}

#[test]
fn service_batch_parts_leave_and_rejoin() {
    let home = scene();
    assert_eq!(assign(&home, "R1", BatchPart::Whole).expect("assigned"), counted(20, 0));
    assert_eq!(unassign(&home, "R1", part("A00005-A00008")).expect("taken off"), 4);
    assert_eq!(on(&home, "R1").len(), 16);
    unassign(&home, "R1", part("A00005-A00008")).expect_err("they are off");
    // To another resource: they stand there alone.
    assert_eq!(assign(&home, "R2", part("A00006-A00007")).expect("assigned"), counted(2, 0));
    assert_eq!(on(&home, "R2"), [6, 7]);
    assert_eq!(on(&home, "R1").len(), 16);
    // Back to the first.
    assert_eq!(assign(&home, "R1", part("A00004-A00009")).expect("assigned"), counted(2, 4));
    assert_eq!((on(&home, "R1").len(), on(&home, "R2")), (18, vec![6, 7]));
    assert_eq!(unassign(&home, "R2", BatchPart::Whole).expect("taken off"), 2);
    assert_eq!(assign(&home, "R1", BatchPart::Whole).expect("assigned"), counted(2, 18));
    assert_eq!(on(&home, "R1").len(), 20);
    // One token by itself.
    let one = super::fixture::serial("A00011");
    home.service.unassign_token(&admin(), &one, None).expect("taken off");
    assert_eq!(on(&home, "R1").len(), 19);
    assert_eq!(assign(&home, "R3", BatchPart::Whole).expect("assigned"), counted(1, 19));
    assert_eq!((on(&home, "R1").len(), on(&home, "R3")), (19, vec![11]));
    assert_eq!(home.service.verify_audit(&admin()).expect("read").fault, None);
}

#[test]
fn service_batch_random_walk_keeps_every_token_in_one_place() {
    let home = scene();
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut model: BTreeMap<u64, u64> = BTreeMap::new();
    for step in 0..300 {
        let target = next(3) + 1;
        let (from, to) = (next(20), next(20));
        let (from, to) = (from.min(to), from.max(to));
        let whole = next(6) == 0;
        let (from, to) = if whole { (0, 19) } else { (from, to) };
        let wanted = if whole { BatchPart::Whole } else { part(&format!("A{from:05}-A{to:05}")) };
        if next(2) == 0 {
            let free: Vec<u64> = (from..=to).filter(|n| !model.contains_key(n)).collect();
            let count = assign(&home, &format!("R{target}"), wanted).expect("assigned");
            assert_eq!(count, counted(free.len() as u64, to - from + 1 - free.len() as u64), "step {step}");
            model.extend(free.into_iter().map(|n| (n, target)));
        } else {
            let there: Vec<u64> = (from..=to).filter(|n| model.get(n) == Some(&target)).collect();
            match unassign(&home, &format!("R{target}"), wanted) {
                Ok(count) => assert_eq!(count, there.len() as u64, "step {step}"),
                Err(error) => assert!(there.is_empty(), "step {step}: {error}"),
            }
            for n in there {
                model.remove(&n);
            }
        }
        let found: BTreeMap<u64, u64> = places(&home)
            .iter()
            .flat_map(|(serial, names)| {
                assert!(names.len() < 2, "step {step}: {serial} on {names:?}");
                let n = serial[1..].parse().expect("a number");
                names.iter().map(move |name| (n, name[1..].parse().expect("a number")))
            })
            .collect();
        assert_eq!(found, model, "step {step}");
    }
    home.store.close();
}

/// Large places are not walked through: what is left of the batch is there.
#[test]
fn service_places_of_a_large_batch() {
    let home = scene();
    let view = home.service.batch(&admin(), &batch("b")).expect("there");
    home.service.set_custody(&admin(), &many("A", 4)[3].serial, "lost", None, "").expect("moved");
    let counts = |limit| -> Vec<(&str, u64, bool)> {
        let counts = home.service.custody_counts(&admin(), &view.batch, limit).expect("counted");
        counts.iter().filter(|c| c.tokens > 0).map(|c| (c.place, c.tokens, c.or_more)).collect()
    };
    assert_eq!(counts(1_000), [("in_stock", 19, false), ("lost", 1, false)]);
    assert_eq!(counts(2), [("in_stock", 19, false), ("lost", 1, false)]);
}

#[test]
fn p52_lists_since_when_a_token_waits() {
    let home = scene();
    let since = || {
        let slice = home.service.unconfirmed(&admin(), &resource("R1"), Page::first(10)).expect("listed");
        let row = |(view, since): (mintmark::service::TokenView, mintmark::clock::UnixTime)| {
            (view.token.serial.display().to_owned(), since)
        };
        slice.items.into_iter().map(row).collect::<BTreeMap<_, _>>()
    };
    let serials: Vec<String> = many("A", 4).iter().map(|it| it.serial.display().to_owned()).collect();
    home.wait(3_600);
    let with_batch = home.service.now();
    assign(&home, "R1", part(&format!("{}-{}", serials[0], serials[2]))).expect("assigned");
    home.wait(3_600);
    let alone = home.service.now();
    let request = AssignRequest {
        kind: AssignmentKind::Token,
        user: None,
        token: Some(many("A", 4)[3].serial.clone()),
    };
    home.service.assign(&admin(), &resource("R1"), &request).expect("assigned");
    home.wait(3_600);
    let handed = home.service.now();
    home.service.set_custody(&admin(), &many("A", 4)[1].serial, "handed_out", None, "").expect("moved");
    home.wait(3_600);
    let told: Vec<_> = serials.iter().map(|serial| since()[serial]).collect();
    assert_eq!(told, [with_batch, handed, with_batch, alone]);
}
