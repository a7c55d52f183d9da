//! P12: users from a list, planned and committed.

use mintmark::clock::{Clock, SystemClock};
use mintmark::model::{Actor, AssignmentKind, EmailAddress, OperatorId, Role, Scope, Subject};
use mintmark::service::{
    NewUser, OnConflict, ServiceError, UserImportCounts, UserImportRequest, UserImportView, UserPatch,
    UserVerdict,
};
use mintmark::store::Page;

use super::fixture::{Home, StandIn, admin, login, many, operator, resource, serial};

/// What a plan says of a line: line, column, verdict, code.
type Told = (u64, u64, UserVerdict, &'static str);

fn home() -> Home {
    let home = Home::new();
    home.add_vpn();
    home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    home
}

fn asked(text: &str) -> UserImportRequest {
    UserImportRequest { bytes: text.as_bytes().to_vec(), ..UserImportRequest::default() }
}

fn plan(home: &Home, text: &str) -> UserImportView {
    home.service.import_users(&admin(), &asked(text)).expect("planned")
}

fn commit_as(home: &Home, actor: &Actor, text: &str, on_conflict: OnConflict) -> UserImportView {
    let request = UserImportRequest { commit: true, on_conflict, ..asked(text) };
    home.service.import_users(actor, &request).expect("answered")
}

fn commit(home: &Home, text: &str) -> UserImportView {
    commit_as(home, &admin(), text, OnConflict::Fail)
}

fn fill(home: &Home, text: &str) -> UserImportView {
    commit_as(home, &admin(), text, OnConflict::Fill)
}

fn told(view: &UserImportView) -> Vec<Told> {
    view.lines.iter().map(|line| (line.line, line.column, line.verdict, line.code)).collect()
}

fn counts(view: &UserImportView) -> [u64; 5] {
    let UserImportCounts { new, identical, filled, conflicts, rejected } = view.counts;
    [new, identical, filled, conflicts, rejected]
}

fn newest(home: &Home) -> u64 {
    home.service.audit(&admin(), None, Page::first(1)).expect("read").items[0].n
}

/// Actions of the records behind `n`, oldest first.
fn since(home: &Home, n: u64) -> Vec<&'static str> {
    let records = home.service.audit(&admin(), None, Page::first(100)).expect("read").items;
    records.iter().rev().filter(|record| record.n > n).map(|record| record.action).collect()
}

fn places(home: &Home, name: &str) -> Vec<(String, AssignmentKind, Option<String>)> {
    home.service.user(&admin(), &login(name)).expect("there").assignments
}

fn is_there(home: &Home, name: &str) -> bool {
    home.service.user(&admin(), &login(name)).is_ok()
}

fn scoped(home: &Home, places: &[&str]) -> Actor {
    let id = |name: &&str| home.service.resource(&admin(), &resource(name)).expect("there").resource.id;
    let scope = Scope::Resources(places.iter().map(id).collect());
    Actor { role: Some(Role::Admin), scope, ..operator(OperatorId(70).0) }
}

#[test]
fn p12_new_users_come_with_their_places_and_records() {
    let home = home();
    let token = StandIn::totp("87-1");
    home.import("batch", &[&token]);
    home.assign_batch("batch");
    let before = newest(&home);
    let text = "login,e-mail,phone,first name,last name,resource 1,token 1,resource 2\n\
        anna,anna@example.org,+49 30 1234567,Anna,\"Berg, Dr.\",VPN,87-1,Mail\n\
        bert,,,,,mail\n\
        carl\n";
    let planned = plan(&home, text);
    assert_eq!((counts(&planned), planned.committed), ([3, 0, 0, 0, 0], false));
    assert!(!is_there(&home, "anna") && newest(&home) == before, "a plan changes nothing");
    let done = commit(&home, text);
    assert_eq!((counts(&done), done.committed, done.lines.len()), ([3, 0, 0, 0, 0], true, 0));

    let anna = home.service.user(&admin(), &login("anna")).expect("there");
    assert_eq!((anna.user.first_name.as_str(), anna.user.last_name.as_str()), ("Anna", "Berg, Dr."));
    assert_eq!(anna.user.email.as_ref().map(EmailAddress::as_str), Some("anna@example.org"));
    assert_eq!(
        anna.assignments,
        [
            ("VPN".to_owned(), AssignmentKind::TokenWithUser, Some("87-1".to_owned())),
            ("Mail".to_owned(), AssignmentKind::User, None)
        ]
    );
    assert_eq!(places(&home, "bert"), [("Mail".to_owned(), AssignmentKind::User, None)]);
    assert!(places(&home, "carl").is_empty());
    let held = home.service.token(&admin(), &serial("87-1")).expect("there").token;
    assert_eq!(held.holder, Some(anna.user.id));
    let user = "user_created";
    assert_eq!(since(&home, before), [user, "assigned", "assigned", user, "assigned", user]);
    let subject = Some(Subject::Token(held.id));
    let of_token = home.service.audit(&admin(), subject, Page::first(1)).expect("read").items;
    assert_eq!(of_token[0].action, "assigned");
    assert_eq!(home.service.verify_audit(&admin()).expect("read").fault, None);
}

#[test]
fn p12_the_same_list_twice_changes_nothing() {
    let home = home();
    let tokens = many("T", 2);
    home.import("batch", &tokens.iter().collect::<Vec<_>>());
    let text = "anna,anna@example.org,,Anna,Berg,VPN,T00000,Mail,T00000\nbert,,,,,VPN,T00001\n";
    assert!(commit(&home, text).committed);
    // One token of one person on two resources.
    assert_eq!(places(&home, "anna").len(), 2);
    for again in [OnConflict::Fail, OnConflict::Fill] {
        let before = newest(&home);
        let view = commit_as(&home, &admin(), text, again);
        assert_eq!((counts(&view), view.committed), ([0, 2, 0, 0, 0], true), "{view:?}");
        assert_eq!(newest(&home), before, "nothing was written down");
    }
}

#[test]
fn p12_a_login_that_is_here_or_was() {
    let home = home();
    home.add_mail_user("anna");
    home.add_user("olga");
    home.service.delete_user(&admin(), &login("olga")).expect("deleted");
    let conflict = (UserVerdict::Conflict, "user_exists");
    for line in
        ["ANNA,other@example.org", "anna,,+49301234567", "anna,,,Anna", "anna,,,,Berg", "anna,,,,,Mail"]
    {
        let view = commit(&home, line);
        assert_eq!(told(&view), [(1, 1, conflict.0, conflict.1)], "{line}");
        assert!(!view.committed && view.lines[0].detail.contains("exists"), "{view:?}");
    }
    let same = commit(&home, "anna,anna@example.org,,,,VPN\nanna2");
    assert_eq!((counts(&same), same.committed), ([1, 1, 0, 0, 0], true));
    let was = commit(&home, "olga");
    assert_eq!(told(&was), [(1, 1, UserVerdict::Conflict, "login_reserved")]);

    let before = newest(&home);
    let filled = fill(&home, "anna,other@example.org,+49301234567,Anna,Berg,Mail");
    assert_eq!((counts(&filled), filled.committed), ([0, 0, 1, 0, 0], true));
    assert!(filled.lines[0].detail.contains("keeps the e-mail"), "{filled:?}");
    assert_eq!(since(&home, before), ["user_changed", "assigned"]);
    let anna = home.service.user(&admin(), &login("anna")).expect("there").user;
    assert_eq!(anna.email.as_ref().map(EmailAddress::as_str), Some("anna@example.org"), "never overwritten");
    assert_eq!((anna.first_name.as_str(), anna.phone.is_some()), ("Anna", true));
    assert!(home.notices().is_empty(), "no way in changed, nobody is told");
    let again = fill(&home, "anna,,,Anne");
    assert_eq!((counts(&again), again.committed), ([0, 1, 0, 0, 0], true));

    // Whoever has a password gets no second way in.
    home.add_user("paul");
    let paul = fill(&home, "paul,paul@example.org,,Paul");
    assert!(paul.lines[0].detail.contains("leaves the e-mail empty"), "{paul:?}");
    assert_eq!(home.service.user(&admin(), &login("paul")).expect("there").user.email, None);
    assert_eq!(told(&fill(&home, "olga")), [(1, 1, UserVerdict::Conflict, "login_reserved")]);
    assert!(home.notices().is_empty());
}

#[test]
fn p12_lines_that_cannot_be_used() {
    let home = home();
    let tokens = many("T", 4);
    home.import("batch", &tokens.iter().collect::<Vec<_>>());
    home.add_user("held");
    assert!(fill(&home, "held,,,,,VPN,T00000").committed, "the place gets its token");
    let rejected = |line: &str, column: u64, code: &'static str| {
        let view = commit(&home, line);
        let last = view.lines.last().expect("a line");
        assert_eq!((last.column, last.verdict, last.code), (column, UserVerdict::Rejected, code), "{line}");
        assert!(last.detail.starts_with(&format!("line {}", last.line)), "{}", last.detail);
        assert!(!view.committed && !is_there(&home, "a"), "{line}");
    };
    rejected("a,not an address", 2, "name_invalid");
    rejected("a,,12", 3, "name_invalid");
    rejected(&format!("a,,,{}", "x".repeat(65)), 4, "name_invalid");
    rejected("a b", 1, "name_invalid");
    rejected("b\n,b@example.org", 0, "login_missing");
    rejected("a,,,,,Nowhere", 6, "resource_unknown");
    rejected("a,,,,,VPN,NONE-1", 7, "token_unknown");
    rejected("a,,,,,VPN,T00000", 7, "token_taken");
    rejected("a,,,,,VPN,,vpn", 8, "resource_twice");
    rejected("a,,,,,,T00001", 7, "column_missing");
    rejected("x,,,,,VPN,T00001\na,,,,,Mail,T00001", 7, "token_taken");
    rejected("A\na", 1, "login_duplicate_in_file");
    rejected("b\n\"a", 1, "quote_unclosed");
    // Another token than the one that the pair has.
    let other = fill(&home, "held,,,,,VPN,T00002");
    assert_eq!(told(&other), [(1, 6, UserVerdict::Conflict, "already_assigned")]);
    assert!(!other.committed);
}

#[test]
fn p12_all_or_nothing_unless_the_good_ones_are_asked_for() {
    let home = home();
    let token = StandIn::totp("T1");
    home.import("batch", &[&token]);
    let before = newest(&home);
    let text = "anna,,,,,VPN,T1\nbert\ncarl,nonsense\n";
    let refused = commit(&home, text);
    assert_eq!((counts(&refused), refused.committed), ([2, 0, 0, 0, 1], false));
    assert_eq!(newest(&home), before);
    assert!(!is_there(&home, "anna") && !is_there(&home, "bert"));
    let good = UserImportRequest { commit: true, only_good: true, ..asked(text) };
    let done = home.service.import_users(&admin(), &good).expect("answered");
    assert_eq!((counts(&done), done.committed), ([2, 0, 0, 0, 1], true));
    assert!(is_there(&home, "anna") && is_there(&home, "bert") && !is_there(&home, "carl"));
    // Of nothing but bad lines there is nothing to commit.
    let none = UserImportRequest { commit: true, only_good: true, ..asked("carl,nonsense") };
    assert!(!home.service.import_users(&admin(), &none).expect("answered").committed);
}

#[test]
fn p12_a_plan_that_was_seen_is_done_or_shown_anew() {
    let home = home();
    let seen = plan(&home, "anna\nbert\n").counts;
    home.service.add_user(&admin(), NewUser { login: "anna".into(), ..NewUser::default() }).expect("made");
    let request = UserImportRequest { commit: true, expected: Some(seen), ..asked("anna\nbert\n") };
    let view = home.service.import_users(&admin(), &request).expect("answered");
    assert_eq!((counts(&view), view.committed), ([1, 1, 0, 0, 0], false));
    assert!(!is_there(&home, "bert"));
    let request = UserImportRequest { expected: Some(view.counts), ..request };
    assert!(home.service.import_users(&admin(), &request).expect("answered").committed);
    assert!(is_there(&home, "bert"));
}

#[test]
fn p12_two_at_once_commit_a_list_once() {
    let home = home();
    let text = (0..200).map(|n| format!("user{n},,,,,VPN\n")).collect::<Vec<_>>().concat();
    let before = newest(&home);
    let views: Vec<UserImportView> = std::thread::scope(|scope| {
        let run = || commit(&home, &text);
        let running: Vec<_> = (0..4).map(|_| scope.spawn(run)).collect();
        running.into_iter().map(|one| one.join().expect("no panic")).collect()
    });
    let new: u64 = views.iter().map(|view| view.counts.new).sum();
    assert!(views.iter().all(|view| view.committed));
    assert_eq!((new, newest(&home) - before), (200, 400), "each user and each place is made once");
}

#[test]
fn p12_a_scope_holds_for_lists() {
    let home = home();
    let tokens = many("M", 2);
    home.import("theirs", &tokens.iter().collect::<Vec<_>>());
    home.service.add_resource(&admin(), &resource("Other")).expect("made");
    commit(&home, "eve,,,,,Mail,M00000\nboth,,,,,VPN,,Mail\n");
    home.add_user("gone");
    home.service.delete_user(&admin(), &login("gone")).expect("deleted");
    let mine = scoped(&home, &["VPN"]);
    let verdict = |text: &str| {
        let view = commit_as(&home, &mine, text, OnConflict::Fill);
        view.lines.first().map(|line| (line.verdict, line.code, line.detail.clone()))
    };
    let word = |text: &str| verdict(text).map(|(verdict, code, _)| (verdict, code));
    let rejected = |code| Some((UserVerdict::Rejected, code));
    let taken = Some((UserVerdict::Conflict, "user_exists"));
    assert_eq!(word("new1"), rejected("resource_missing"));
    assert_eq!(word("eve,,,,,VPN"), taken);
    assert_eq!(word("gone,,,,,VPN"), taken, "whose login it was is not said");
    assert_eq!(word("new1,,,,,Mail"), rejected("resource_unknown"));
    assert_eq!(word("new1,,,,,VPN,M00000"), rejected("token_unknown"));
    // What is there for others sounds like what is nowhere.
    let foreign = verdict("new1,,,,,VPN,M00000").expect("a line").2.replace("M00000", "");
    assert_eq!(foreign, verdict("new1,,,,,VPN,N00000").expect("a line").2.replace("N00000", ""));
    let foreign = verdict("new1,,,,,Mail").expect("a line").2.replace("Mail", "");
    assert_eq!(foreign, verdict("new1,,,,,None").expect("a line").2.replace("None", ""));

    // A user of two scopes: the name may be filled, no way in and no phone number.
    let both = commit_as(&home, &mine, "both,b@example.org,+49301234567,Bo,Th,VPN", OnConflict::Fill);
    assert!(both.committed && both.lines[0].detail.contains("leaves the e-mail empty"), "{both:?}");
    let user = home.service.user(&admin(), &login("both")).expect("there").user;
    assert_eq!((user.first_name.as_str(), user.email, user.phone), ("Bo", None, None));
    let made = commit_as(&home, &mine, "mine,m@example.org,,,,VPN", OnConflict::Fail);
    assert_eq!((counts(&made), made.committed), ([1, 0, 0, 0, 0], true));
    assert!(home.service.user(&mine, &login("mine")).is_ok());
}

#[test]
fn p12_files_that_are_no_list() {
    let home = home();
    let refused = |bytes: &[u8], wanted: &str, words: &str| {
        let request = UserImportRequest { bytes: bytes.to_vec(), commit: true, ..asked("") };
        match home.service.import_users(&admin(), &request) {
            Err(ServiceError::Invalid { field: "file", code, detail }) => {
                assert_eq!(code, wanted, "{detail}");
                assert!(detail.contains(words), "{detail}");
                assert!(!detail.contains("vendor"), "{detail}");
            }
            other => panic!("{wanted}: {other:?}"),
        }
    };
    refused(b"", "empty_file", "empty");
    refused(b"anna,\xfc\n", "encoding_not_utf8", "line 1");
    refused(b"a\0n\0n\0a\0", "binary_file", "UTF-16");
    refused(b"PK\x03\x04 word/document.xml", "wrapper_unsupported", "Word");
    refused(b"login;password\nanna;secret\n", "password_column", "line 1, column 2");
    refused(b"e-mail;phone\nanna;secret\n", "column_missing", "login");
    let lines = "anna\n".repeat(100_001);
    refused(lines.as_bytes(), "limit_exceeded", "100000");
    assert!(!is_there(&home, "anna"));
    let utf16: Vec<u8> = "\u{feff}anna;anna@example.org".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let request = UserImportRequest { bytes: utf16, commit: true, ..asked("") };
    assert!(home.service.import_users(&admin(), &request).expect("read").committed);
    assert!(is_there(&home, "anna"));
}

#[test]
fn p12_ten_thousand_lines_and_a_thousand_of_them_in_the_answer() {
    let home = home();
    let clock = SystemClock::new();
    let line = |n| format!("user{n},user{n}@example.org,,First{n},Last{n},VPN,,Mail\n");
    let text = (0..10_000).map(line).collect::<Vec<_>>().concat();
    let begun = clock.monotonic();
    let view = commit(&home, &text);
    let took = clock.monotonic().saturating_sub(begun);
    assert_eq!((counts(&view), view.committed), ([10_000, 0, 0, 0, 0], true));
    assert!(took.as_secs() < 120, "{took:?}");
    // What stands in the way is in the answer, however many lines do not.
    let more = format!("{text}user0\n");
    let again = commit(&home, &more);
    assert_eq!((counts(&again), again.committed), ([0, 10_000, 0, 0, 1], false));
    assert_eq!(again.lines.len(), 1_000);
    let last = again.lines.last().expect("a line");
    assert_eq!((last.line, last.verdict), (10_001, UserVerdict::Rejected));
}

#[test]
fn p12_fill_after_a_patch_keeps_the_patch() {
    let home = home();
    commit(&home, "anna,,,Anna,Berg,VPN");
    let patch = UserPatch { last_name: Some("Holm".into()), ..UserPatch::default() };
    home.service.change_user(&admin(), &login("anna"), patch).expect("changed");
    let view = fill(&home, "anna,,,Anna,Berg,VPN");
    assert_eq!(told(&view), [(1, 0, UserVerdict::Identical, "identical")]);
    assert!(view.lines[0].detail.contains("keeps the last name on record"), "{view:?}");
}
