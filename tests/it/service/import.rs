//! Law 4: an import is a plan first, and the same file twice changes nothing.

use mintmark::model::{ImportCounts, ImportState, JobState, Verdict};
use mintmark::service::{CheckResult, ImportRequest, ServiceError, TokenQuery};
use mintmark::store::Page;

use super::fixture::{Home, StandIn, admin, batch, file, login, many, operator, request, secret_of};

fn counts(new: u64, identical: u64, conflicts: u64, rejected: u64) -> ImportCounts {
    ImportCounts { new, identical, conflicts, rejected }
}

fn state_code<T: std::fmt::Debug>(answer: Result<T, ServiceError>) -> &'static str {
    match answer {
        Err(ServiceError::State { code, .. } | ServiceError::Forbidden { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

fn is_here(home: &Home, token: &StandIn) -> bool {
    home.service.token(&admin(), &token.serial).is_ok()
}

fn accepts(home: &Home, token: &StandIn, at: u64) -> bool {
    let result = home.service.check(&operator(1), &token.serial, &token.at(at)).expect("answered");
    matches!(result, CheckResult::Accepted { .. })
}

#[test]
fn service_import_shows_nothing_before_its_commit() {
    let home = Home::new();
    let tokens = many("A", 30);
    let all: Vec<&StandIn> = tokens.iter().collect();
    let view = home.plan(request(&file(&all), "spring"));
    assert_eq!((view.import.state, view.import.counts), (ImportState::Planned, counts(30, 0, 0, 0)));
    assert_eq!((view.import.format.as_str(), view.lines.len()), ("oath_csv", 0));
    let list = |home: &Home| {
        home.service.tokens(&admin(), &TokenQuery::default(), Page::first(100)).expect("listed").items.len()
    };
    assert_eq!((list(&home), is_here(&home, &tokens[0])), (0, false));
    assert!(home.service.batches(&admin(), Page::first(10)).expect("listed").items.is_empty());
    home.service.batch(&admin(), &batch("spring")).expect_err("not live");
    home.commit(view.import.id).expect("committed");
    assert_eq!((list(&home), is_here(&home, &tokens[0])), (30, true));
    assert_eq!(home.service.batch(&admin(), &batch("spring")).expect("live").batch.tokens, 30);
    assert_eq!(state_code(home.commit(view.import.id)), "import_committed");
}

#[test]
fn service_import_of_the_same_file_changes_nothing() {
    let home = Home::new();
    let tokens = many("A", 30);
    let all: Vec<&StandIn> = tokens.iter().collect();
    home.import("spring", &all);
    assert!(accepts(&home, &tokens[3], home.step()));
    let view = home.plan(ImportRequest { commit: true, ..request(&file(&all), "spring") });
    assert!(matches!(view.import.state, ImportState::Committed { .. }));
    assert_eq!(view.import.counts, counts(0, 30, 0, 0));
    assert!(view.lines.iter().all(|line| line.verdict == Verdict::Identical && line.code == "serial_exists"));
    let batches = home.service.batches(&admin(), Page::first(10)).expect("listed").items;
    assert_eq!(
        batches.iter().map(|b| (b.batch.name.as_str(), b.batch.tokens)).collect::<Vec<_>>(),
        [("spring", 30)]
    );
    assert!(!accepts(&home, &tokens[3], home.step()), "its floor stands");
}

#[test]
fn service_import_keeps_conflicts_out_until_told() {
    let home = Home::new();
    let old = StandIn::totp("A-1");
    home.import("spring", &[&old]);
    let other = StandIn::with_secret("a1", false, secret_of("another"));
    let fresh = StandIn::totp("A-2");
    let text = file(&[&other, &fresh]);
    let view = home.plan(ImportRequest { commit: true, ..request(&text, "autumn") });
    assert_eq!((view.import.state, view.import.counts), (ImportState::Planned, counts(1, 0, 1, 0)));
    assert_eq!((view.lines[0].line, view.lines[0].verdict), (1, Verdict::Conflict));
    assert!(!is_here(&home, &fresh));
    assert_eq!(state_code(home.commit(view.import.id)), "import_not_clean");

    let good = home.service.commit_import(&admin(), view.import.id, Some(true), None).expect("good ones");
    assert!(matches!(good.import.state, ImportState::Committed { .. }));
    assert!(is_here(&home, &fresh));
    assert!(
        !accepts(&home, &other, home.step()) && accepts(&home, &old, home.step()),
        "the secret is the old one"
    );
}

#[test]
fn service_import_replaces_a_secret_and_takes_it_back() {
    let home = Home::new();
    let old = StandIn::totp("A-1");
    home.import("spring", &[&old]);
    assert!(accepts(&home, &old, home.step()));
    let other = StandIn::with_secret("A-1", false, secret_of("another"));
    let replace = |home: &Home| {
        home.plan(ImportRequest { commit: true, replace: true, ..request(&other.line(), "autumn") }).import
    };
    let import = replace(&home);
    assert!(matches!(import.state, ImportState::Committed { .. }));
    home.service.drop_import(&admin(), import.id).expect("undone");
    home.wait(30);
    assert!(
        !accepts(&home, &other, home.step()) && accepts(&home, &old, home.step()),
        "the old secret again"
    );
    assert!(!accepts(&home, &old, home.step()), "with its floor");

    let import = replace(&home);
    assert!(accepts(&home, &other, home.step()));
    assert_eq!(state_code(home.service.drop_import(&admin(), import.id)), "import_in_use");
    assert!(!accepts(&home, &old, home.step() + 1));
    // Back to the first secret: its floor comes back with it.
    let back =
        home.plan(ImportRequest { commit: true, replace: true, ..request(&old.line(), "back") }).import;
    assert!(matches!(back.state, ImportState::Committed { .. }));
    assert!(!accepts(&home, &old, home.step()));
    home.wait(30);
    assert!(accepts(&home, &old, home.step()));
}

#[test]
fn service_import_only_good_gives_up_what_it_set_aside() {
    let home = Home::new();
    let tokens = many("A", 2);
    home.import("spring", &[&tokens[0]]);
    home.import("taken", &[&tokens[1]]);
    let other = StandIn::with_secret("A00000", false, secret_of("another"));
    let fresh = StandIn::totp("A-9");
    let named = ImportRequest { batch: Some(batch("later")), ..request(&file(&[&other, &fresh]), "x") };
    let plan = home.plan(named);
    // Another import takes the name first: the commit is refused, and a later one with `replace` must
    // not claim what is no longer there.
    let rival = ImportRequest {
        batch: Some(batch("later")),
        commit: true,
        ..request(&StandIn::totp("Z").line(), "z")
    };
    home.plan(rival);
    let refused = home.service.commit_import(&admin(), plan.import.id, Some(true), None);
    assert_eq!(state_code(refused), "batch_exists");
    let refused = home.service.commit_import(&admin(), plan.import.id, Some(true), Some(true));
    assert_eq!(state_code(refused), "import_not_clean");
    assert!(accepts(&home, &tokens[0], home.step()));
}

#[test]
fn service_import_of_what_is_here_makes_no_batch() {
    let home = Home::new();
    let tokens = many("A", 12);
    let all: Vec<&StandIn> = tokens.iter().collect();
    let named =
        |text: &str| ImportRequest { batch: Some(batch("spring")), commit: true, ..request(text, "x") };
    home.plan(named(&file(&all)));
    let again = home.plan(named(&file(&all)));
    assert!(matches!(again.import.state, ImportState::Committed { .. }), "{again:?}");
    assert_eq!((again.import.counts.new, again.import.counts.identical), (0, 12));
    assert_eq!(home.service.batches(&admin(), Page::first(10)).expect("listed").items.len(), 1);
    assert_eq!(home.service.import(&admin(), again.import.id).expect("there").import, again.import);

    // One more token needs a name of its own, and the refusal says so at once, also without a commit.
    let fresh = StandIn::totp("B1");
    for commit in [false, true] {
        let asked = ImportRequest { commit, ..named(&file(&[&tokens[0], &fresh])) };
        let task = home.service.begin_import(&admin(), asked).expect("accepted");
        home.service.run_import(&task);
        let job = home.service.job(&admin(), task.job).expect("there");
        let failed = matches!(&job.state, JobState::Failed { code, .. } if code == "batch_exists");
        assert!(failed, "{:?}", job.state);
        let view = home.service.import(&admin(), task.import).expect("there");
        assert_eq!(view.import.state.name(), "dropped");
        assert!(view.lines.iter().any(|line| line.detail.contains("spring exists")), "{:?}", view.lines);
    }
}

#[test]
fn service_import_is_undone_until_a_token_is_used() {
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    let tokens = many("A", 5);
    let all: Vec<&StandIn> = tokens.iter().collect();
    let id = home.import("spring", &all);
    home.assign_batch("spring");
    let single = mintmark::service::AssignRequest {
        kind: mintmark::model::AssignmentKind::Token,
        user: None,
        token: Some(tokens[1].serial.clone()),
    };
    home.service.assign(&admin(), &super::fixture::resource("VPN"), &single).expect("assigned");
    home.service.drop_import(&admin(), id).expect("undone");
    assert!(!is_here(&home, &tokens[0]));
    home.service.delete_resource(&admin(), &super::fixture::resource("VPN")).expect_err("anna stands there");
    let there = home.service.assignments(&admin(), &super::fixture::resource("VPN"), None, Page::first(10));
    assert_eq!(there.expect("listed").items.len(), 1, "the token's own assignment went with it");
    assert_eq!(state_code(home.service.drop_import(&admin(), id)), "import_dropped");

    let id = home.import("spring", &all);
    assert!(accepts(&home, &tokens[0], home.step()));
    assert_eq!(state_code(home.service.drop_import(&admin(), id)), "import_in_use");

    let more = many("B", 5);
    let id = home.import("summer", &more.iter().collect::<Vec<_>>());
    let anna = login("anna");
    home.service.set_custody(&admin(), &more[0].serial, "handed_out", Some(&anna), "").expect("moved");
    assert_eq!(state_code(home.service.drop_import(&admin(), id)), "import_in_use");
}

#[test]
fn service_import_drops_a_plan() {
    let home = Home::new();
    let tokens = many("A", 5);
    let all: Vec<&StandIn> = tokens.iter().collect();
    let view = home.plan(request(&file(&all), "spring"));
    home.service.drop_import(&admin(), view.import.id).expect("dropped");
    assert_eq!(state_code(home.commit(view.import.id)), "import_dropped");
    home.import("spring", &all);
    assert!(is_here(&home, &tokens[4]));
    // A plan nobody commits goes after a day.
    let view = home.plan(request(&StandIn::totp("B").line(), "late"));
    home.wait(25 * 3_600);
    home.service.sweep().expect("swept");
    assert_eq!(state_code(home.commit(view.import.id)), "import_dropped");
}

#[test]
fn service_import_finds_doubles() {
    let home = Home::new();
    let (a, b) = (StandIn::totp("A-1"), StandIn::totp("B-1"));
    let same_serial = StandIn::with_secret("a1", false, secret_of("another"));
    let same_secret = StandIn::with_secret("C-1", false, secret_of("B-1"));
    let view = home.plan(request(&file(&[&a, &b, &same_serial, &same_secret, &a]), "spring"));
    assert_eq!(view.import.counts, counts(2, 1, 0, 2));
    let found: Vec<_> = view.lines.iter().map(|l| (l.line, l.verdict, l.code.as_str())).collect();
    assert_eq!(
        found,
        [
            (3, Verdict::Rejected, "serial_duplicate_in_file"),
            (4, Verdict::Rejected, "secret_duplicate"),
            (5, Verdict::Identical, "serial_duplicate_in_file"),
        ]
    );
    home.service.commit_import(&admin(), view.import.id, Some(true), None).expect("the good ones");
    // Against the store: another serial with the same secret, also where it would replace one.
    let view = home.plan(request(&same_secret.line(), "summer"));
    assert_eq!((view.import.counts, view.lines[0].code.as_str()), (counts(0, 0, 0, 1), "secret_duplicate"));
    let swap = StandIn::with_secret("A-1", false, secret_of("B-1"));
    let view = home.plan(ImportRequest { replace: true, ..request(&swap.line(), "summer") });
    assert_eq!((view.import.counts, view.lines[0].code.as_str()), (counts(0, 0, 0, 1), "secret_duplicate"));
}

#[test]
fn service_import_after_deletion_keeps_the_floor() {
    let home = Home::new();
    for token in [StandIn::totp("A-1"), StandIn::hotp("H-1")] {
        let used = if token.counter { 5 } else { home.step() };
        home.import("spring", &[&token]);
        assert!(accepts(&home, &token, used));
        // A plan made before the deletion, and one under another serial.
        let renamed = StandIn::with_secret("OTHER", token.counter, secret_of(token.serial.display()));
        home.service.delete_token(&admin(), &token.serial).expect("deleted");
        let early = home.plan(request(&renamed.line(), "early"));
        home.import("again", &[&token]);
        assert!(!accepts(&home, &token, used), "the floor survived");
        home.wait(30);
        let next = if token.counter { 6 } else { home.step() };
        assert!(accepts(&home, &token, next));
        home.service.delete_token(&admin(), &token.serial).expect("deleted");
        home.commit(early.import.id).expect("committed");
        assert!(!accepts(&home, &renamed, next), "the floor of a plan rises with the world");
        home.service.delete_token(&admin(), &renamed.serial).expect("deleted");
    }
}

#[test]
fn service_import_plans_again_when_the_inventory_moved() {
    let home = Home::new();
    let tokens = many("A", 6);
    let all: Vec<&StandIn> = tokens.iter().collect();
    let first = home.plan(request(&file(&all[..4]), "first"));
    let second = home.plan(request(&file(&all[2..]), "second"));
    home.commit(second.import.id).expect("committed");
    assert_eq!(state_code(home.commit(first.import.id)), "import_not_clean");
    let again = home.service.import(&admin(), first.import.id).expect("there");
    assert_eq!(again.import.counts, counts(2, 0, 0, 2));
    let good = home.service.commit_import(&admin(), first.import.id, Some(true), None).expect("good ones");
    assert_eq!(good.import.counts.new, 2);
    for token in &tokens {
        assert!(accepts(&home, token, home.step()), "{}", token.serial);
    }
    let listed = home.service.tokens(&admin(), &TokenQuery::default(), Page::first(100)).expect("listed");
    assert_eq!(listed.items.len(), 6);
}

#[test]
fn service_import_two_plans_that_replace_the_same_secret() {
    let home = Home::new();
    let old = StandIn::totp("A-1");
    home.import("spring", &[&old]);
    let other = |text: &str| StandIn::with_secret("A-1", false, secret_of(text));
    let (one, two) = (other("one"), other("two"));
    let plan = |token: &StandIn, name| {
        home.plan(ImportRequest { replace: true, ..request(&token.line(), name) }).import
    };
    let (first, second) = (plan(&one, "one"), plan(&two, "two"));
    home.commit(second.id).expect("committed");
    assert_eq!(state_code(home.commit(first.id)), "import_not_clean");
    assert!(accepts(&home, &two, home.step()) && !accepts(&home, &one, home.step()));
    home.service.drop_import(&admin(), first.id).expect("dropped");
    home.wait(30);
    assert!(accepts(&home, &two, home.step()));

    // In the other order the earlier plan is committed first and the later one is looked at again.
    let three = other("three");
    let four = other("four");
    let (third, fourth) = (plan(&three, "three"), plan(&four, "four"));
    home.commit(third.id).expect("committed");
    home.commit(fourth.id).expect("committed over it, as it was told to");
    assert!(accepts(&home, &four, home.step()));
}

#[test]
fn service_import_that_cannot_be_read_leaves_nothing() {
    let home = Home::new();
    let view = home.plan(request("neither fish nor fowl\n", "odd"));
    assert!(matches!(view.import.state, ImportState::Dropped { .. }), "{view:?}");
    assert_eq!(view.lines.len(), 1);
    let text = format!("{}A-2,00112233,TOTP,6,30\nA-3,xyz,TOTP,6,30\n", StandIn::totp("A-1").line());
    let view = home.plan(ImportRequest { commit: true, ..request(&text, "mixed") });
    assert_eq!((view.import.state, view.import.counts), (ImportState::Planned, counts(1, 0, 0, 2)));
    assert_eq!(view.lines.iter().map(|l| l.line).collect::<Vec<_>>(), [2, 3]);
}
