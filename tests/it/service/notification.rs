//! P47: operators hear of what they chose, and of nothing that is not theirs.

use mintmark::model::{
    Actor, AuditResult, EmailAddress, MailKind, NewsKind, Operator, OperatorId, ResourceName, Role, Scope,
    SubscriptionId, WebhookUrl,
};
use mintmark::oath::{Digits, Otp};
use mintmark::service::{
    AssignRequest, CheckResult, ConfirmRequest, MailMode, NewChannel, NewStock, NewSubscription, SecondPage,
    Service, ServiceError, StockPlaceName, Wanted,
};
use mintmark::store::Page;

use super::fixture::{
    Home, PASSWORD, StandIn, admin, batch, file, login, many, request, resource, serial, typed, visit,
};

/// An operator of the store, with this role and these resources.
pub(crate) fn hired(home: &Home, name: &str, role: Role, places: Option<&[&str]>) -> Actor {
    let places: Option<Vec<ResourceName>> =
        places.map(|list| list.iter().map(|place| resource(place)).collect());
    home.service
        .add_operator(&admin(), &login(name), &typed(PASSWORD), role, places.as_deref())
        .expect("made");
    let records = home.store.read(|view| view.operator_by_login(name)).expect("read");
    Service::operator_actor(&records.expect("there"))
}

pub(crate) fn by_mail(kind: NewsKind, to: &str) -> NewSubscription {
    let to = EmailAddress::parse(&format!("{to}@example.org")).expect("an address");
    NewSubscription { kind, channel: NewChannel::Mail(to), stock: None }
}

pub(crate) fn by_webhook(kind: NewsKind) -> NewSubscription {
    let url = WebhookUrl::parse("https://hooks.example.org/secret-path").expect("usable");
    NewSubscription { kind, channel: NewChannel::Webhook(url), stock: None }
}

/// Mails of news, oldest first: to whom and the subject.
fn told(home: &Home) -> Vec<(String, String)> {
    let mails = home.service.outbox(&admin(), 500).expect("a demonstration");
    let news = mails.iter().rev().filter(|open| matches!(open.mail.kind, MailKind::News(_)));
    news.map(|open| (open.mail.to.as_str().to_owned(), open.mail.subject.clone())).collect()
}

fn with_two_places() -> Home {
    let home = Home::new();
    home.add_vpn();
    home.service.add_resource(&admin(), &resource("Mail")).expect("made");
    home
}

/// More than fifty wrong passwords; the waits pass between.
fn lock(home: &Home, name: &str) {
    for _ in 0..55 {
        home.wait(3_700);
        let first = home.begin(name);
        let answer = home.service.portal_second(&first, &typed("wrong"), &visit()).expect("answered");
        assert!(!matches!(answer, SecondPage::Passed { .. }));
    }
}

/// P47: a locked user is told to those who see the user, in the change that locked, and once.
#[test]
fn a_locked_user_is_told_to_those_of_the_resource() {
    let home = with_two_places();
    home.add_user("anna");
    let ada = hired(&home, "ada", Role::Admin, None);
    let hal = hired(&home, "hal", Role::Helpdesk, Some(&["VPN"]));
    let mia = hired(&home, "mia", Role::Helpdesk, Some(&["Mail"]));
    for (actor, name) in [(&ada, "ada"), (&hal, "hal"), (&mia, "mia")] {
        home.service.subscribe(actor, by_mail(NewsKind::LockedUser, name)).expect("subscribed");
    }
    lock(&home, "anna");
    let expected =
        ["ada", "hal"].map(|to| (format!("{to}@example.org"), "Mintmark: anna is locked".to_owned()));
    assert_eq!(told(&home), expected, "mia sees another resource");
}

/// A token's failures lock its holder.
#[test]
fn a_locked_token_is_told_as_its_holder() {
    let home = with_two_places();
    let token = StandIn::totp("T-1");
    home.import("B", &[&token]);
    home.add_user("anna");
    let pair = AssignRequest {
        kind: mintmark::model::AssignmentKind::TokenWithUser,
        user: Some(login("anna")),
        token: Some(serial("T-1")),
    };
    home.service.assign(&admin(), &resource("VPN"), &pair).expect("assigned");
    let ada = hired(&home, "ada", Role::Admin, None);
    home.service.subscribe(&ada, by_mail(NewsKind::LockedUser, "ada")).expect("subscribed");
    for _ in 0..60 {
        home.wait(3_700);
        let wrong = token.wrong(home.step());
        let answer = home.service.check(&admin(), &serial("T-1"), &wrong).expect("answered");
        assert!(!matches!(answer, CheckResult::Accepted { .. }));
    }
    assert_eq!(told(&home).len(), 1, "{:?}", told(&home));
}

/// The end of an import is told once: committed, waiting for eyes, or failed; to a scoped operator only
/// when it is theirs.
#[test]
fn the_end_of_an_import_is_told() {
    let home = with_two_places();
    let ada = hired(&home, "ada", Role::Admin, None);
    let hal = hired(&home, "hal", Role::Admin, Some(&["VPN"]));
    home.service.subscribe(&ada, by_mail(NewsKind::ImportFinished, "ada")).expect("subscribed");
    home.service.subscribe(&hal, by_mail(NewsKind::ImportFinished, "hal")).expect("subscribed");
    let tokens = many("A", 3);
    home.import("first", &tokens.iter().collect::<Vec<_>>());
    home.plan(request(&file(&many("B", 2).iter().collect::<Vec<_>>()), "only a plan"));
    home.plan(request("C0001,zz,TOTP,6,30\n", "bad"));
    home.plan(request("\u{0}\u{1}nonsense", "worse"));
    let subjects: Vec<_> = told(&home).into_iter().map(|(to, subject)| format!("{to} {subject}")).collect();
    assert_eq!(subjects.len(), 3, "{subjects:?}");
    for (text, word) in subjects.iter().zip(["committed", "waits", "failed"]) {
        assert!(text.starts_with("ada@") && text.contains(word), "{text}: {word}");
    }
    // hal's own import is told to hal.
    let task = home
        .service
        .begin_import(
            &hal,
            mintmark::service::ImportRequest {
                commit: true,
                ..request(&file(&many("D", 1).iter().collect::<Vec<_>>()), "own")
            },
        )
        .expect("accepted");
    home.service.run_import(&task);
    assert!(told(&home).iter().any(|(to, subject)| to == "hal@example.org" && subject.contains("committed")));
}

/// P17: a hundred failed confirmations in an hour on one resource.
#[test]
fn many_failed_confirmations_are_told_once() {
    let home = with_two_places();
    home.import("B", &[&StandIn::totp("T-1")]);
    home.assign_batch("B");
    let ada = hired(&home, "ada", Role::Admin, None);
    let mia = hired(&home, "mia", Role::Station, Some(&["Mail"]));
    home.service.subscribe(&ada, by_mail(NewsKind::FailedConfirmations, "ada")).expect("subscribed");
    home.service.subscribe(&mia, by_mail(NewsKind::FailedConfirmations, "mia")).expect("subscribed");
    home.add_user("anna");
    let otps: Vec<Otp> = (1..=2).map(|n| Otp::from_value(n, Digits::SIX)).collect();
    let place = resource("VPN");
    for n in 0..103 {
        let (user, guess) = (login("anna"), serial(&format!("G-{n}")));
        let ask = ConfirmRequest { resource: &place, user: &user, serial: &guess, otps: &otps };
        home.service.confirm(&admin(), &ask).expect("answered");
    }
    let found = told(&home);
    assert_eq!(
        found,
        [("ada@example.org".to_owned(), "Mintmark: VPN: many failed confirmations".to_owned())]
    );
}

fn low(place: StockPlaceName, fewer_than: u32, to: &str) -> NewSubscription {
    NewSubscription { stock: Some(NewStock { place, fewer_than }), ..by_mail(NewsKind::LowStock, to) }
}

/// Low stock is told once, and again after there was enough between.
#[test]
fn low_stock_is_told_once_until_there_is_enough() {
    let home = with_two_places();
    let tokens = many("A", 6);
    home.import("B", &tokens.iter().collect::<Vec<_>>());
    home.assign_batch("B");
    let ada = hired(&home, "ada", Role::Admin, None);
    let of_vpn = low(StockPlaceName::Resource(resource("VPN")), 5, "vpn");
    home.service.subscribe(&ada, of_vpn).expect("subscribed");
    home.service.subscribe(&ada, low(StockPlaceName::Batch(batch("B")), 4, "batch")).expect("subscribed");
    home.service.watch().expect("looked");
    assert_eq!(told(&home), [], "six are enough");
    let hand_out = |n: usize| {
        home.service
            .set_custody(&admin(), &tokens[n].serial, "handed_out", None, "")
            .unwrap_or_else(|error| panic!("{error}"));
    };
    hand_out(0);
    hand_out(1);
    home.service.watch().expect("looked");
    home.service.watch().expect("looked");
    assert_eq!(
        told(&home),
        [("vpn@example.org".to_owned(), "Mintmark: low stock: 4 left of VPN".to_owned())]
    );
    hand_out(2);
    home.service.watch().expect("looked");
    assert_eq!(told(&home).len(), 2, "and three of the batch: {:?}", told(&home));
    let more = many("N", 4);
    home.import("C", &more.iter().collect::<Vec<_>>());
    home.assign_batch("C");
    home.service.watch().expect("looked");
    for token in &more {
        home.service.set_custody(&admin(), &token.serial, "handed_out", None, "").expect("moved");
    }
    home.service.watch().expect("looked");
    assert_eq!(told(&home).len(), 3, "{:?}", told(&home));
}

/// What a scope does not cover cannot be counted either.
#[test]
fn stock_of_others_cannot_be_watched() {
    let home = with_two_places();
    home.import("B", &[&StandIn::totp("T-1")]);
    let mia = hired(&home, "mia", Role::Helpdesk, Some(&["Mail"]));
    for place in [StockPlaceName::Resource(resource("VPN")), StockPlaceName::Batch(batch("B"))] {
        let refused = home.service.subscribe(&mia, low(place, 5, "mia"));
        assert!(matches!(refused, Err(ServiceError::Invalid { .. })), "{refused:?}");
    }
    let bare = home.service.subscribe(&mia, by_mail(NewsKind::LowStock, "mia"));
    assert!(matches!(bare, Err(ServiceError::Invalid { code: "stock_missing", .. })), "{bare:?}");
}

/// A clock that contradicts the log is told once; a damaged log when it was verified.
#[test]
fn a_clock_fault_is_told_once() {
    let home = with_two_places();
    let ada = hired(&home, "ada", Role::Admin, None);
    home.service.subscribe(&ada, by_mail(NewsKind::ClockFault, "ada")).expect("subscribed");
    home.service.watch().expect("looked");
    assert_eq!(told(&home), []);
    home.clock.set(home.service.now().plus_secs(-600));
    home.service.watch().expect("looked");
    home.service.watch().expect("looked");
    assert_eq!(told(&home).len(), 1, "{:?}", told(&home));
    home.clock.set(home.service.now().plus_secs(1_200));
    home.service.watch().expect("looked");
    assert_eq!(told(&home).len(), 1);
}

/// Only an admin sets up a webhook, and the log's state is for those who read the log.
#[test]
fn roles_hold() {
    let home = with_two_places();
    let ada = hired(&home, "ada", Role::Admin, None);
    let hal = hired(&home, "hal", Role::Helpdesk, None);
    let bo = hired(&home, "bo", Role::Auditor, None);
    for (actor, new, fits) in [
        (&hal, by_webhook(NewsKind::LockedUser), false),
        (&ada, by_webhook(NewsKind::LockedUser), true),
        (&hal, by_mail(NewsKind::AuditFailure, "hal"), false),
        (&bo, by_mail(NewsKind::AuditFailure, "bo"), true),
    ] {
        let answer = home.service.subscribe(actor, new.clone());
        assert_eq!(answer.is_ok(), fits, "{new:?}: {answer:?}");
    }
    let local = home.service.subscribe(&admin(), by_mail(NewsKind::LockedUser, "x"));
    assert!(matches!(local, Err(ServiceError::Forbidden { code: "operator_needed", .. })), "{local:?}");
}

/// Each operator sees and rules their own; an admin those of the operators in scope.
#[test]
fn each_their_own_and_an_admin_those_in_scope() {
    let home = with_two_places();
    let ada = hired(&home, "ada", Role::Admin, None);
    let hal = hired(&home, "hal", Role::Helpdesk, Some(&["VPN"]));
    let mia = hired(&home, "mia", Role::Admin, Some(&["Mail"]));
    let of_hal =
        home.service.subscribe(&hal, by_mail(NewsKind::LockedUser, "hal")).expect("subscribed").view.id;
    home.service.subscribe(&ada, by_mail(NewsKind::LockedUser, "ada")).expect("subscribed");
    let seen = |actor: &Actor| {
        let found = home.service.notifications(actor).expect("read");
        found.into_iter().map(|one| one.operator).collect::<Vec<_>>()
    };
    assert_eq!(seen(&hal), ["hal"]);
    assert_eq!(seen(&ada), ["hal", "ada"]);
    assert_eq!(seen(&mia), Vec::<String>::new());
    for stranger in [&mia, &hired(&home, "pia", Role::Helpdesk, None)] {
        assert!(matches!(home.service.unsubscribe(stranger, of_hal), Err(ServiceError::NotFound { .. })));
        assert!(matches!(
            home.service.try_notification(stranger, of_hal),
            Err(ServiceError::NotFound { .. })
        ));
    }
    home.service.unsubscribe(&ada, of_hal).expect("an admin of everything");
    assert_eq!(seen(&hal), Vec::<String>::new());
}

/// `PUT`: the list becomes exactly what is given; what stays keeps its number and its secret.
#[test]
fn the_whole_list_can_be_replaced() {
    let home = with_two_places();
    let ada = hired(&home, "ada", Role::Admin, None);
    let wanted = vec![
        Wanted::New(by_webhook(NewsKind::LockedUser)),
        Wanted::New(by_mail(NewsKind::ClockFault, "ada")),
    ];
    let made = home.service.set_notifications(&ada, wanted).expect("set");
    assert_eq!(made.iter().map(|one| one.secret.is_some()).collect::<Vec<_>>(), [true, false]);
    let kept = made[0].view.id;
    let wanted = vec![Wanted::Kept(kept), Wanted::New(by_webhook(NewsKind::AuditFailure))];
    let made = home.service.set_notifications(&ada, wanted).expect("set");
    assert_eq!(made.iter().map(|one| one.secret.is_some()).collect::<Vec<_>>(), [false, true]);
    assert_eq!(made[0].view.id, kept);
    assert_eq!(home.service.notifications(&ada).expect("read").len(), 2);
    let unknown = home.service.set_notifications(&ada, vec![Wanted::Kept(SubscriptionId(99))]);
    assert!(matches!(unknown, Err(ServiceError::NotFound { .. })));
    assert_eq!(home.service.notifications(&ada).expect("read").len(), 2, "nothing was changed");
}

/// A webhook's post waits with growing pauses, keeps its id, and is given up after a day with a record.
#[test]
fn a_webhook_is_tried_for_a_day_and_then_given_up() {
    let home = with_two_places();
    let ada = hired(&home, "ada", Role::Admin, None);
    let id = home.service.subscribe(&ada, by_webhook(NewsKind::LockedUser)).expect("subscribed").view.id;
    home.service.try_notification(&ada, id).expect("sent");
    let first = home.service.due_posts(10).expect("read");
    assert_eq!(first.len(), 1);
    assert!(first[0].secret.starts_with("whsec_"));
    let body: serde_json::Value = serde_json::from_str(&first[0].body).expect("JSON");
    assert_eq!(body["type"], "trial");
    assert!(!first[0].body.contains("whsec_") && !first[0].body.contains("secret-path"), "{}", first[0].body);
    let mut waits = Vec::new();
    let began = home.service.now();
    loop {
        let due = home.service.due_posts(10).expect("read");
        let Some(post) = due.first() else {
            home.wait(5);
            if home.service.now().secs_since(began) > 2 * 86_400 {
                break;
            }
            continue;
        };
        assert_eq!(post.message_id, first[0].message_id, "the same over all tries");
        waits.push(home.service.now().secs_since(began));
        home.service.post_tried(post.id, Err("no connection".to_owned())).expect("noted");
    }
    assert!(waits.windows(3).take(8).all(|w| w[2] - w[1] >= w[1] - w[0]), "{waits:?}");
    assert!((20..40).contains(&waits.len()), "{waits:?}");
    assert!(*waits.last().expect("tried") <= 86_400, "{waits:?}");
    let shown = &home.service.notifications(&ada).expect("read")[0];
    let last = shown.last.clone().expect("tried");
    assert!(last.given_up);
    assert_eq!(last.problem.as_deref(), Some("no connection"));
    assert_eq!(shown.to, "https://hooks.example.org/…", "the path is nobody's to read");
    let records = home.service.audit(&admin(), None, Page::first(20)).expect("read").items;
    let failed: Vec<_> = records.iter().filter(|r| r.action == "notification_failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0].result, AuditResult::Refused);
}

/// Mail news goes the same way: given up after a day, not after eight tries.
#[test]
fn news_by_mail_is_tried_for_a_day() {
    let home = with_two_places();
    let ada = hired(&home, "ada", Role::Admin, None);
    let id = home.service.subscribe(&ada, by_mail(NewsKind::LockedUser, "ada")).expect("subscribed").view.id;
    home.service.try_notification(&ada, id).expect("sent");
    let mut tries = 0;
    for _ in 0..(30 * 3_600 / 10) {
        for open in home.service.due_mails(10).expect("read") {
            tries += 1;
            home.service.mail_tried(open.mail.id, Err("no connection".to_owned())).expect("noted");
        }
        home.wait(10);
    }
    assert!((20..40).contains(&tries), "{tries}");
    assert!(home.service.notifications(&ada).expect("read")[0].last.clone().expect("tried").given_up);
    home.service.try_notification(&ada, id).expect("sent");
    let open = home.service.due_mails(10).expect("read");
    home.service.mail_tried(open[0].mail.id, Ok(())).expect("noted");
    let last = home.service.notifications(&ada).expect("read")[0].last.clone().expect("tried");
    assert_eq!((last.problem, last.given_up), (None, false));
}

/// One trial a minute; what waits for a removed notification goes.
#[test]
fn trials_are_limited_and_posts_go_with_their_notification() {
    let home = with_two_places();
    let ada = hired(&home, "ada", Role::Admin, None);
    let id = home.service.subscribe(&ada, by_webhook(NewsKind::LockedUser)).expect("subscribed").view.id;
    home.service.try_notification(&ada, id).expect("sent");
    let again = home.service.try_notification(&ada, id);
    assert!(matches!(again, Err(ServiceError::State { code: "trial_waits", .. })), "{again:?}");
    home.wait(61);
    home.service.try_notification(&ada, id).expect("sent");
    assert_eq!(home.service.due_posts(10).expect("read").len(), 2);
    home.service.unsubscribe(&ada, id).expect("removed");
    assert_eq!(home.service.due_posts(10).expect("read").len(), 0);
    let left = home.store.read(|view| view.oldest_posts(10)).expect("read");
    assert_eq!(left.len(), 0, "nothing is left behind");
}

/// An attack on many users fills no mailbox.
#[test]
fn news_of_one_hour_is_bounded() {
    let home = with_two_places();
    let ada = hired(&home, "ada", Role::Admin, None);
    home.service.subscribe(&ada, by_mail(NewsKind::ImportFinished, "ada")).expect("subscribed");
    for n in 0..70 {
        home.import(&format!("B{n}"), &[&StandIn::totp(&format!("T-{n}"))]);
    }
    assert_eq!(told(&home).len(), 60);
    let shown = || home.service.notifications(&ada).expect("read").remove(0);
    assert_eq!(shown().left_out.map(|(count, _)| count), Some(10), "the page says so");
    home.wait(3_601);
    home.import("later", &[&StandIn::totp("T-later")]);
    let news = told(&home);
    assert_eq!(news.len(), 62);
    assert_eq!(news[60].1, "Mintmark: 10 more: Import finished");
    assert!(news[61].1.ends_with("later"), "{}", news[61].1);
    assert_eq!(shown().left_out, None);
}

/// What was left out is summed up when the hour is over, also when nothing else happens; the log has it.
#[test]
fn a_full_hour_is_summed_up() {
    let home = with_two_places();
    let ada = hired(&home, "ada", Role::Admin, None);
    home.service.subscribe(&ada, by_webhook(NewsKind::ImportFinished)).expect("subscribed");
    for n in 0..63 {
        home.import(&format!("B{n}"), &[&StandIn::totp(&format!("T-{n}"))]);
    }
    home.service.watch().expect("looked");
    assert_eq!(home.service.due_posts(99).expect("read").len(), 60, "the hour is not over");
    home.wait(3_600);
    home.service.watch().expect("looked");
    home.service.watch().expect("looked");
    let posts = home.service.due_posts(99).expect("read");
    assert_eq!(posts.len(), 61, "once");
    let body: serde_json::Value = serde_json::from_str(&posts[60].body).expect("JSON");
    assert_eq!((&body["type"], &body["data"]["left_out"]), (&"left_out".into(), &3.into()));
    let records = home.service.audit(&admin(), None, Page::first(5)).expect("read").items;
    let record = records.iter().find(|record| record.action == "notification_failed").expect("noted");
    assert!(record.detail.iter().any(|(name, value)| name == "left_out" && value == "3"));
}

/// Whoever is no admin any more, or is disabled, has no webhook: nothing is written for it, what waits goes, and
/// it is there again when they are an admin again.
#[test]
fn a_webhook_pauses_with_its_admin() {
    type Change = fn(Operator) -> Operator;
    let changes: [Change; 2] =
        [|admin| Operator { role: Role::Helpdesk, ..admin }, |admin| Operator { enabled: false, ..admin }];
    for (n, change) in changes.into_iter().enumerate() {
        let home = with_two_places();
        let ada = hired(&home, "ada", Role::Admin, None);
        let hook = home.service.subscribe(&ada, by_webhook(NewsKind::ImportFinished)).expect("subscribed");
        home.service.subscribe(&ada, by_mail(NewsKind::ImportFinished, "ada")).expect("subscribed");
        home.import("first", &[&StandIn::totp("T-1")]);
        home.reform("ada", change);
        assert_eq!(home.service.due_posts(9).expect("read").len(), 0, "what waited goes");
        home.import("second", &[&StandIn::totp("T-2")]);
        assert_eq!(home.service.due_posts(9).expect("read").len(), 0);
        // Mail stays with whoever may sign in.
        assert_eq!(told(&home).len(), if n == 0 { 2 } else { 1 });
        let boss = hired(&home, "boss", Role::Admin, None);
        let shown = home.service.notifications(&boss).expect("read");
        assert_eq!(shown.iter().map(|one| one.is_paused).collect::<Vec<_>>(), [true, n == 1]);
        let trial = home.service.try_notification(&boss, hook.view.id);
        assert!(matches!(trial, Err(ServiceError::State { code: "notification_paused", .. })), "{trial:?}");
        home.reform("ada", |ada| Operator { role: Role::Admin, enabled: true, ..ada });
        home.import("third", &[&StandIn::totp("T-3")]);
        assert_eq!(home.service.due_posts(9).expect("read").len(), 1);
    }
}

/// Whoever may no longer sign in hears of nothing.
#[test]
fn operators_of_the_store_only() {
    let home = with_two_places();
    let ghost = Actor {
        origin: mintmark::model::ActorOrigin::Operator { id: OperatorId(77), login: login("ghost") },
        role: Some(Role::Admin),
        scope: Scope::All,
        address: None,
        request_id: None,
    };
    let refused = home.service.subscribe(&ghost, by_mail(NewsKind::LockedUser, "ghost"));
    assert!(matches!(refused, Err(ServiceError::NotFound { .. })), "{refused:?}");
    assert_eq!(home.service.mail_mode(), MailMode::Outbox);
}
