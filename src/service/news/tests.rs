//! Events that other use cases tell of by themselves, through the one function for it.

use std::sync::Arc;

use super::*;
use crate::clock::{ManualClock, UnixTime};
use crate::model::{Actor, EmailAddress, ResourceName, Role, RunId};
use crate::secret::Passphrase;
use crate::service::{NewChannel, NewSubscription, StoreMark};
use crate::store::{RedbStore, Store};
use crate::vault::RootKey;

const ADMIN: Actor = Actor::local(0);

fn login(text: &str) -> Login {
    Login::parse(text).expect("a login")
}

/// Operators ada (everything) and hal (*Mail* only), both told of user issues by mail.
fn open() -> Service {
    let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("memory"));
    let clock = Arc::new(ManualClock::new(UnixTime::from_secs(1_800_000_010)));
    let root = RootKey::generate().expect("random");
    let mark = StoreMark { demo: true, simulated: false };
    Service::initialise(&*store, &root, &*clock, mark).expect("a new store");
    let service = Service::open(store, &root, clock, MailMode::Outbox).expect("opens");
    for name in ["VPN", "Mail"] {
        service.add_resource(&ADMIN, &ResourceName::parse(name).expect("a name")).expect("made");
    }
    for (name, role, places) in [("ada", Role::Admin, None), ("hal", Role::Helpdesk, Some("Mail"))] {
        let password = Passphrase::from_text("wide meadow, quiet river".to_owned());
        let places: Option<Vec<_>> = places.map(|name| vec![ResourceName::parse(name).expect("a name")]);
        service.add_operator(&ADMIN, &login(name), &password, role, places.as_deref()).expect("made");
        let found = service.store.read(|view| view.operator_by_login(name)).expect("read");
        let actor = Service::operator_actor(&found.expect("there"));
        let to = EmailAddress::parse(&format!("{name}@example.org")).expect("an address");
        let new = NewSubscription { kind: NewsKind::UserIssue, channel: NewChannel::Mail(to), stock: None };
        service.subscribe(&actor, new).expect("subscribed");
    }
    service
}

/// P47: a user issue is told to those whose resource it is, with reference and login and nothing else.
#[test]
fn a_user_issue_is_told_to_those_of_its_resource() {
    let service = open();
    let vpn = service.store.read(|view| view.resource_by_name("vpn")).expect("read").expect("there").id;
    let newsroom = service.newsroom().expect("opens");
    let event = Event::UserIssue { reference: "R-4711".into(), login: login("anna"), resource: vpn };
    service
        .store
        .write(move |view| {
            let mut changes = Vec::new();
            newsroom.tell(view, &event, &mut changes)?;
            Ok::<_, ServiceError>(((), changes))
        })
        .expect("told");
    let mails = service.outbox(&ADMIN, 10).expect("a demonstration");
    let to: Vec<_> = mails.iter().map(|mail| mail.mail.to.as_str()).collect();
    assert_eq!(to, ["ada@example.org"], "hal sees another resource");
    assert!(mails[0].text.contains("R-4711") && mails[0].text.contains("anna"), "{}", *mails[0].text);
    assert_eq!(mails[0].mail.subject, "Mintmark: VPN: new user issue R-4711");
}

#[test]
fn a_run_that_was_ended_early_has_its_words() {
    let service = open();
    let event = Event::RunFailed { run: RunId(7), batch: "B-7".into(), programmed: 3, count: 9 };
    let news = service.store.read(|view| event.news(view)).expect("said");
    assert_eq!(news.title, "programming run 7 ended early: B-7");
    assert!(news.text.contains("3 of 9 devices"));
    assert_eq!(event.kind(), NewsKind::RunFailed);
}
