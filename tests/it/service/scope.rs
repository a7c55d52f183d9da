//! What a scope owns, and that nothing beyond it shows or changes.

use mintmark::model::{
    Actor, ActorOrigin, AssignmentKind, BatchPart, EmailAddress, ImportId, ImportState, OperatorId,
    PhoneNumber, Role, Scope,
};
use mintmark::service::{
    AssignRequest, ConfirmRequest, ImportRequest, ImportView, NewUser, OnConflict, ServiceError, TokenQuery,
    UserPatch,
};
use mintmark::store::Page;

use super::fixture::{Home, StandIn, admin, batch, file, login, many, request, resource, secret_of, typed};

/// *VPN* with batch *here*, anna and bert; *Mail* with batch *there*, eve; batch *stock* in the
/// cupboard; both bert and the last token of *here* stand on *Mail*, too.
fn scene() -> (Home, Vec<StandIn>, Vec<StandIn>, Vec<StandIn>) {
    let home = Home::new();
    home.add_vpn();
    home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    for (name, places) in [("anna", &["VPN"][..]), ("bert", &["VPN", "Mail"]), ("eve", &["Mail"])] {
        for place in places {
            let new = NewUser {
                login: name.into(),
                resource: Some(resource(place)),
                on_conflict: OnConflict::Fill,
                ..NewUser::default()
            };
            home.service.add_user(&admin(), new).expect("made");
        }
    }
    let (here, there, stock) = (many("H", 3), many("T", 3), many("S", 3));
    for (name, place, tokens) in [("here", "VPN", &here), ("there", "Mail", &there)] {
        home.import(name, &tokens.iter().collect::<Vec<_>>());
        home.service
            .assign_batch(&admin(), &batch(name), &resource(place), BatchPart::Whole)
            .expect("assigned");
    }
    home.import("stock", &stock.iter().collect::<Vec<_>>());
    home.service.unassign_token(&admin(), &here[2].serial, None).expect("free");
    for place in ["VPN", "Mail"] {
        home.service.assign(&admin(), &resource(place), &pair("bert", &here[2])).expect("assigned");
    }
    (home, here, there, stock)
}

fn pair(user: &str, token: &StandIn) -> AssignRequest {
    let kind = AssignmentKind::TokenWithUser;
    AssignRequest { kind, user: Some(login(user)), token: Some(token.serial.clone()) }
}

fn single(token: &StandIn) -> AssignRequest {
    AssignRequest { kind: AssignmentKind::Token, user: None, token: Some(token.serial.clone()) }
}

fn actor(home: &Home, id: u64, role: Role, places: &[&str]) -> Actor {
    let scope = places
        .iter()
        .map(|name| home.service.resource(&admin(), &resource(name)).expect("there").resource.id)
        .collect();
    Actor {
        origin: ActorOrigin::Operator { id: OperatorId(id), login: login(&format!("scoped{id}")) },
        role: Some(role),
        scope: Scope::Resources(scope),
        address: None,
        request_id: None,
    }
}

fn vpn_admin(home: &Home) -> Actor {
    actor(home, 50, Role::Admin, &["VPN"])
}

fn serials(home: &Home, actor: &Actor, query: &TokenQuery) -> Vec<String> {
    let found = home.service.tokens(actor, query, Page::first(100)).expect("listed").items;
    found.iter().map(|view| view.token.serial.display().to_owned()).collect()
}

#[track_caller]
fn assert_missing<T: std::fmt::Debug>(answer: Result<T, ServiceError>) {
    match answer {
        Err(ServiceError::NotFound { .. }) => {}
        other => panic!("nothing should be there: {other:?}"),
    }
}

#[track_caller]
fn assert_code<T: std::fmt::Debug>(answer: Result<T, ServiceError>, wanted: &str) {
    match answer {
        Err(
            ServiceError::Forbidden { code, .. }
            | ServiceError::State { code, .. }
            | ServiceError::Invalid { code, .. },
        ) => assert_eq!(code, wanted),
        other => panic!("{wanted} expected: {other:?}"),
    }
}

fn planned(home: &Home, actor: &Actor, name: &str, tokens: &[&StandIn]) -> ImportView {
    let task = home.service.begin_import(actor, request(&file(tokens), name)).expect("begun");
    home.service.run_import(&task);
    home.service.import(actor, task.import).expect("seen by who brought it")
}

#[test]
fn service_scope_imports_and_jobs() {
    let (home, ..) = scene();
    let (mine, theirs) = (vpn_admin(&home), actor(&home, 51, Role::Admin, &["Mail"]));
    let ids = |actor: &Actor| -> Vec<ImportId> {
        let found = home.service.imports(actor, Page::first(100)).expect("listed").items;
        found.into_iter().map(|import| import.id).collect()
    };
    let all = ids(&admin());
    assert_eq!(all.len(), 3);
    // Of the three imports each sees the one whose batch stands in the scope.
    let (seen, other) = (ids(&mine), ids(&theirs));
    assert_eq!((seen.len(), other.len()), (1, 1));
    assert_ne!(seen, other);
    assert_missing(home.service.import(&mine, other[0]));
    assert_missing(home.service.import_lines(&mine, other[0], Page::first(1)));
    assert_missing(home.service.commit_import(&mine, other[0], None, None));
    assert_missing(home.service.drop_import(&mine, other[0]));
    // Seeing is not ruling: somebody else brought it.
    assert_code(home.service.drop_import(&mine, seen[0]), "scope");

    // A scoped admin imports, and sees what came; nobody else of the same scope does.
    let fresh = many("N", 4);
    let task = home
        .service
        .begin_import(
            &mine,
            ImportRequest { commit: true, ..request(&file(&[&fresh[0], &fresh[1]]), "mine") },
        )
        .expect("begun");
    home.service.run_import(&task);
    let colleague = actor(&home, 52, Role::Admin, &["VPN"]);
    assert_eq!(home.service.job(&mine, task.job).expect("own").id, task.job);
    assert_missing(home.service.job(&colleague, task.job));
    assert_missing(home.service.job(&theirs, task.job));
    assert_missing(home.service.import(&colleague, task.import));
    assert_missing(home.service.batch(&colleague, &batch("mine")));
    let view = home.service.batch(&mine, &batch("mine")).expect("own");
    let of_batch = TokenQuery { batch: Some(batch("mine")), ..TokenQuery::default() };
    assert_eq!(serials(&home, &mine, &of_batch).len(), 2);
    assert_eq!(serials(&home, &colleague, &of_batch).len(), 0);
    home.service.token(&mine, &fresh[0].serial).expect("own");
    assert_missing(home.service.token(&colleague, &fresh[0].serial));
    let sum = |actor: &Actor| -> u64 {
        let counts = home.service.custody_counts(actor, &view.batch, 100).expect("counted");
        counts.iter().map(|count| count.tokens).sum()
    };
    assert_eq!((sum(&mine), sum(&colleague)), (2, 0));
    // On a resource of the scope the colleagues see it, too.
    home.service.assign_batch(&mine, &batch("mine"), &resource("VPN"), BatchPart::Whole).expect("assigned");
    home.service.job(&colleague, task.job).expect("seen");
    assert_eq!(sum(&colleague), 2);
    assert_missing(home.service.job(&theirs, task.job));
    // Taken back by who brought it, unless a token went elsewhere.
    home.service.drop_import(&mine, task.import).expect("undone");
    let again = planned(&home, &mine, "more", &[&fresh[2], &fresh[3]]);
    home.service.commit_import(&mine, again.import.id, None, None).expect("committed");
    home.service.assign(&admin(), &resource("Mail"), &single(&fresh[2])).expect("assigned");
    assert_missing(home.service.token(&mine, &fresh[2].serial));
    assert_code(home.service.drop_import(&mine, again.import.id), "scope");
}

#[test]
fn service_scope_replaces_no_foreign_secret() {
    let (home, here, there, stock) = scene();
    let mine = vpn_admin(&home);
    let other = |token: &StandIn| StandIn::with_secret(token.serial.display(), false, secret_of("another"));
    for token in [&there[0], &stock[0], &here[2]] {
        let plan = planned(&home, &mine, "swap", &[&other(token)]);
        assert_eq!((plan.import.counts.conflicts, plan.import.counts.rejected), (0, 1), "{plan:?}");
        assert_code(home.service.commit_import(&mine, plan.import.id, None, Some(true)), "import_not_clean");
    }
    // The serial of a foreign token with the same secret is not told.
    let copy = StandIn::with_secret("COPY", false, secret_of(there[0].serial.display()));
    let plan = planned(&home, &mine, "copy", &[&copy]);
    assert_eq!(plan.lines[0].code, "secret_duplicate");
    assert!(!plan.lines[0].detail.contains(there[0].serial.display()), "{plan:?}");

    let plan = planned(&home, &mine, "own", &[&other(&here[0])]);
    assert_eq!(plan.import.counts.conflicts, 1);
    let done = home.service.commit_import(&mine, plan.import.id, None, Some(true)).expect("own token");
    assert!(matches!(done.import.state, ImportState::Committed { .. }));
    // One that leaves the scope between plan and commit is not replaced.
    let plan = planned(&home, &mine, "late", &[&StandIn::with_secret("H00001", false, secret_of("late"))]);
    assert_eq!(plan.import.counts.conflicts, 1);
    home.service.unassign_token(&admin(), &here[1].serial, None).expect("free");
    home.service.assign(&admin(), &resource("Mail"), &single(&here[1])).expect("assigned");
    assert_code(home.service.commit_import(&mine, plan.import.id, None, Some(true)), "import_not_clean");
}

#[test]
fn service_scope_of_lists_and_single_tokens() {
    let (home, here, there, stock) = scene();
    let mine = vpn_admin(&home);
    assert_eq!(serials(&home, &mine, &TokenQuery::default()), ["H00000", "H00001", "H00002"]);
    // Foreign and unknown names answer alike.
    let none: [TokenQuery; 6] = [
        TokenQuery { user: Some(login("eve")), ..TokenQuery::default() },
        TokenQuery { user: Some(login("nobody")), ..TokenQuery::default() },
        TokenQuery { batch: Some(batch("there")), ..TokenQuery::default() },
        TokenQuery { batch: Some(batch("nothing")), ..TokenQuery::default() },
        TokenQuery { resource: Some(resource("Mail")), ..TokenQuery::default() },
        TokenQuery { resource: Some(resource("Nowhere")), ..TokenQuery::default() },
    ];
    for query in &none {
        assert!(serials(&home, &mine, query).is_empty(), "{query:?}");
    }
    for token in [&there[0], &stock[0]] {
        assert_missing(home.service.token(&mine, &token.serial));
        assert_missing(home.service.set_token_note(&mine, &token.serial, "mine"));
        assert_missing(home.service.token_history(&mine, &token.serial, Page::first(1)));
    }
    // Of what stands on both only the own side shows, and only what hurts nobody else can be done.
    let shared = home.service.token(&mine, &here[2].serial).expect("seen");
    assert_eq!(shared.assignments.len(), 1, "{shared:?}");
    assert_eq!(shared.user.as_deref(), Some("bert"));
    let bert = home.service.user(&mine, &login("bert")).expect("seen");
    assert_eq!(bert.assignments.iter().map(|(place, ..)| place.as_str()).collect::<Vec<_>>(), ["VPN"]);
    let history = home.service.token_history(&mine, &here[2].serial, Page::first(100)).expect("read").items;
    assert!(!history.is_empty());
    let told = format!("{history:?}");
    assert!(!told.contains("Mail"), "{told}");
    assert_code(home.service.delete_token(&mine, &here[2].serial), "scope");
    assert_code(home.service.set_custody(&mine, &here[2].serial, "retired", None, ""), "scope");
    home.service.set_custody(&mine, &here[2].serial, "lost", None, "").expect("a loss is a loss");
    home.service.set_token_enabled(&mine, &here[2].serial, false).expect("safe");
    assert_code(home.service.delete_user(&mine, &login("bert")), "scope");
    let patch = UserPatch { password: Some(Some(typed("ein neues Kennwort"))), ..UserPatch::default() };
    assert_code(home.service.change_user(&mine, &login("bert"), patch), "scope");
    let patch = UserPatch { first_name: Some("Bert".into()), ..UserPatch::default() };
    home.service.change_user(&mine, &login("bert"), patch).expect("a name");
    let patch = UserPatch { password: Some(Some(typed("ein neues Kennwort"))), ..UserPatch::default() };
    home.service.change_user(&mine, &login("anna"), patch).expect("hers alone");

    // A holder outside the scope has no name, and is not found by one.
    home.service
        .set_custody(&admin(), &here[0].serial, "handed_out", Some(&login("eve")), "")
        .expect("moved");
    let held = home.service.token(&mine, &here[0].serial).expect("seen");
    assert_eq!((held.user, held.user_name), (None, None));
    assert_missing(home.service.set_custody(&mine, &here[1].serial, "handed_out", Some(&login("eve")), ""));
    // Mails of a demonstration hold codes for every portal.
    assert_missing(home.service.outbox(&mine, 1));
    home.service.outbox(&admin(), 1).expect("a demonstration store");
}

#[test]
fn service_scope_of_assignments() {
    let (home, here, there, stock) = scene();
    let mine = vpn_admin(&home);
    let vpn = resource("VPN");
    assert_missing(home.service.assign(&mine, &resource("Mail"), &single(&stock[0])));
    assert_missing(home.service.assign(&mine, &vpn, &single(&there[0])));
    // An unknown user and one of another scope answer alike.
    for name in ["eve", "nobody"] {
        let request = AssignRequest { kind: AssignmentKind::User, user: Some(login(name)), token: None };
        assert_missing(home.service.assign(&mine, &vpn, &request));
        assert_missing(home.service.assign(&mine, &vpn, &pair(name, &here[0])));
        assert_missing(home.service.portal_preview(&mine, &vpn, &login(name)));
        let (name, codes) = (login(name), here[0].from(home.step() - 1, 2));
        let request = ConfirmRequest { resource: &vpn, user: &name, serial: &here[0].serial, otps: &codes };
        assert_missing(home.service.confirm(&mine, &request));
    }
    // A token in the cupboard that a foreign user holds.
    home.service
        .set_custody(&admin(), &stock[0].serial, "handed_out", Some(&login("eve")), "")
        .expect("handed out");
    assert_missing(home.service.assign(&mine, &vpn, &single(&stock[0])));
    // What lies in the cupboard is everybody's.
    home.service.assign(&mine, &vpn, &single(&stock[1])).expect("assigned");
    // The error names no foreign resource.
    let error = home.service.assign(&mine, &vpn, &pair("anna", &here[2])).expect_err("held by bert");
    assert!(!error.to_string().contains("Mail"), "{error}");
    // A foreign assignment is not there, by whatever resource it is named.
    let foreign =
        home.service.assignments(&admin(), &resource("Mail"), None, Page::first(9)).expect("listed");
    for assignment in foreign.items {
        assert_missing(home.service.unassign(&mine, &vpn, assignment.assignment.id));
        assert_missing(home.service.unassign(&mine, &resource("Mail"), assignment.assignment.id));
    }
    let batch_of = |name: &str| home.service.batch(&mine, &batch(name)).map(|view| view.resources);
    assert_eq!(batch_of("here").expect("seen"), [("VPN".to_owned(), true)]);
    assert_missing(batch_of("there"));
    assert_missing(home.service.assign_batch(&mine, &batch("there"), &vpn, BatchPart::Whole));
}

#[test]
fn service_scope_operators_and_keys() {
    let (home, ..) = scene();
    let (mine, password) = (vpn_admin(&home), typed("vier Pflaumen im Glas"));
    let add = |actor: &Actor, name: &str, role, places: &[&str]| {
        let places: Vec<_> = places.iter().map(|name| resource(name)).collect();
        home.service.add_operator(
            actor,
            &login(name),
            &password,
            role,
            (!places.is_empty()).then_some(&places[..]),
        )
    };
    add(&admin(), "head", Role::Admin, &[]).expect("made");
    add(&admin(), "post", Role::Helpdesk, &["Mail"]).expect("made");
    add(&admin(), "both", Role::Admin, &["VPN", "Mail"]).expect("made");
    add(&admin(), "desk", Role::Station, &["VPN"]).expect("made");
    let key = |actor: &Actor, name: &str, places: &[&str]| {
        let places: Vec<_> = places.iter().map(|name| resource(name)).collect();
        home.service
            .add_api_key(actor, name, Role::Verifier, (!places.is_empty()).then_some(&places[..]))
            .map(|made| made.name)
    };
    key(&admin(), "all", &[]).expect("made");
    key(&admin(), "mail", &["Mail"]).expect("made");
    key(&admin(), "vpn", &["VPN"]).expect("made");

    // Foreign resources are not there; without a name the own ones are meant, never all.
    assert_missing(add(&mine, "spy", Role::Admin, &["Mail"]));
    assert_missing(key(&mine, "spy", &["VPN", "Mail"]));
    add(&mine, "deputy", Role::Admin, &[]).expect("of the own scope");
    key(&mine, "gateway", &[]).expect("of the own scope");
    let operators = home.service.operators(&mine, Page::first(100)).expect("listed").items;
    let names: Vec<_> = operators.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(names, ["desk", "deputy"]);
    assert!(operators.iter().all(|view| view.resources == Some(vec!["VPN".to_owned()])), "{operators:?}");
    let keys = home.service.api_keys(&mine, Page::first(100)).expect("listed").items;
    assert_eq!(keys.iter().map(|view| view.name.as_str()).collect::<Vec<_>>(), ["vpn", "gateway"]);
    assert!(keys.iter().all(|view| view.resources == Some(vec!["VPN".to_owned()])), "{keys:?}");
    assert_eq!(home.service.operators(&admin(), Page::first(100)).expect("listed").items.len(), 5);

    for name in ["head", "both", "post", "nobody"] {
        assert_missing(home.service.set_operator_password(&mine, &login(name), &password));
    }
    home.service.set_operator_password(&mine, &login("desk"), &password).expect("own");
    for name in ["all", "mail", "none"] {
        assert_missing(home.service.revoke_api_key(&mine, name));
    }
    home.service.revoke_api_key(&mine, "vpn").expect("own");

    // Only admins, whatever the scope.
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        let other = Actor { role: Some(role), scope: Scope::All, ..mine.clone() };
        assert_code(add(&other, "spy", Role::Auditor, &[]), "forbidden");
        assert_code(key(&other, "spy", &[]), "forbidden");
        assert_code(home.service.set_operator_password(&other, &login("desk"), &password), "forbidden");
        assert_code(home.service.revoke_api_key(&other, "gateway"), "forbidden");
    }
}

#[test]
fn service_scope_filling_takes_nobody_over() {
    let (home, ..) = scene();
    let provisioner = actor(&home, 60, Role::Provisioner, &["VPN"]);
    let fill = |actor: &Actor, name: &str, email: Option<&str>, password: Option<&str>| {
        let new = NewUser {
            login: name.into(),
            email: email.map(|text| EmailAddress::parse(text).expect("an address")),
            phone: Some(PhoneNumber::parse("+49 30 1234").expect("a number")),
            first_name: "F".into(),
            last_name: "L".into(),
            password: password.map(typed),
            language: None,
            resource: Some(resource("VPN")),
            on_conflict: OnConflict::Fill,
        };
        home.service.add_user(actor, new)
    };
    let user = |name: &str| home.service.user(&admin(), &login(name)).expect("there");
    let (evil, word) = (Some("evil@example.org"), Some("drei fremde Birnen"));

    // Outside the scope: a login that is taken, the same as with `fail`, and nothing is changed.
    let nowhere = NewUser { login: "idle".into(), ..NewUser::default() };
    home.service.add_user(&admin(), nowhere).expect("made");
    let gone = NewUser { login: "gone".into(), ..NewUser::default() };
    home.service.add_user(&admin(), gone).expect("made");
    home.service.delete_user(&admin(), &login("gone")).expect("deleted");
    let plain = NewUser { login: "eve".into(), resource: Some(resource("VPN")), ..NewUser::default() };
    let conflict = home.service.add_user(&provisioner, plain).expect_err("taken").to_string();
    for name in ["eve", "idle", "gone"] {
        let before = (name != "gone").then(|| user(name));
        let error = fill(&provisioner, name, evil, word).expect_err("taken");
        assert_eq!(error.to_string(), conflict, "{name}");
        assert_code(Err::<(), _>(error), "user_exists");
        if let Some(before) = before {
            let after = user(name);
            assert_eq!((after.user, after.assignments), (before.user, before.assignments));
        }
    }
    // Shared with another scope: names only.
    assert!(!fill(&provisioner, "bert", evil, word).expect("filled"));
    let bert = user("bert").user;
    assert_eq!((bert.first_name.as_str(), bert.last_name.as_str()), ("F", "L"));
    assert!(bert.email.is_none() && bert.phone.is_none() && bert.password.is_none(), "{bert:?}");
    // The scope's own user without a way in gets one.
    assert!(!fill(&provisioner, "anna", Some("anna@example.org"), None).expect("filled"));
    let anna = user("anna").user;
    assert_eq!(anna.email.as_ref().map(EmailAddress::as_str), Some("anna@example.org"));
    assert!(anna.phone.is_some());
    // One way in is enough: no password beside the address, no address beside a password; nothing is
    // overwritten. That holds for whoever sees everything, too.
    for actor in [&provisioner, &admin()] {
        fill(actor, "anna", evil, word).expect("filled");
        let now = user("anna").user;
        assert_eq!(now, anna);
        let password = NewUser {
            login: "pia".into(),
            password: Some(typed("vier eigene Birnen")),
            resource: Some(resource("VPN")),
            ..NewUser::default()
        };
        let _ = home.service.add_user(&admin(), password);
        let before = user("pia").user;
        fill(actor, "pia", evil, word).expect("filled");
        let after = user("pia").user;
        assert_eq!((after.email, after.password), (None, before.password));
    }
}

#[test]
fn service_unassigning_a_token_leaves_its_other_places() {
    let (home, here, ..) = scene();
    let off = |actor: &Actor, token: &StandIn, place: Option<&str>| {
        home.service.unassign_token(actor, &token.serial, place.map(resource).as_ref())
    };
    let places = |token: &StandIn| -> Vec<(String, AssignmentKind)> {
        let view = home.service.token(&admin(), &token.serial).expect("there");
        view.assignments.into_iter().map(|(place, kind, _)| (place, kind)).collect()
    };
    // bert's token stands on both: the one that is meant has to be named.
    assert_code(off(&admin(), &here[2], None), "resource_missing");
    assert_eq!(places(&here[2]).len(), 2);
    off(&admin(), &here[2], Some("VPN")).expect("taken off");
    assert_eq!(places(&here[2]), [("Mail".to_owned(), AssignmentKind::TokenWithUser)]);
    assert_code(off(&admin(), &here[2], Some("VPN")), "not_assigned");
    // Who sees one of its places takes it off there, and nowhere else.
    home.service.assign(&admin(), &resource("VPN"), &pair("bert", &here[2])).expect("assigned");
    let mine = vpn_admin(&home);
    assert_missing(off(&mine, &here[2], Some("Mail")));
    off(&mine, &here[2], None).expect("the only one in the scope");
    assert_eq!(places(&here[2]), [("Mail".to_owned(), AssignmentKind::TokenWithUser)]);
    // With its batch.
    off(&admin(), &here[0], None).expect("taken off");
    assert_eq!(places(&here[0]), []);
    assert_eq!(places(&here[1]), [("VPN".to_owned(), AssignmentKind::Token)]);
}
