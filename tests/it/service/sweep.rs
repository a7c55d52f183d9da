//! Strangers cannot fill the store.

use mintmark::model::{LoginStage, ResourceId, Session, SessionKind};
use mintmark::store::{Change, View};

use super::fixture::{ADDRESS, Home, START, alias, login};

fn put(home: &Home, changes: Vec<Change>) {
    home.store.write(move |_| Ok::<_, mintmark::store::StoreError>(((), changes.clone()))).expect("written");
}

fn look<T>(home: &Home, look: impl FnOnce(&dyn View) -> Result<T, mintmark::store::StoreError>) -> T {
    home.store.read(look).expect("read")
}

/// A session at page 1 that began `age` milliseconds before the start.
fn typed(n: u32, age: i64) -> Change {
    let at = mintmark::clock::UnixTime::from_millis(START.millis() - age);
    let stage = LoginStage::LoginTyped { login: login("nobody"), user: None };
    let kind = SessionKind::Portal { resource: ResourceId(1), stage };
    let mut key = [0; 32];
    key[..4].copy_from_slice(&n.to_be_bytes());
    Change::PutSession(key, Session { kind, created_at: at, seen_at: at, address: ADDRESS.to_owned() })
}

#[test]
fn service_page_one_sessions_are_bounded() {
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    let signed_in = home.sign_in("anna");
    // Longer ago than all others, but proved.
    put(&home, (0..20_010).map(|n| typed(n, 30_000 - i64::from(n))).collect());
    let beyond = |kept| look(&home, |view| view.unproved_sessions_beyond(kept, 100)).len();
    let cookie = home.service.portal_begin(&alias(), &login("anna"), ADDRESS).expect("begun");
    assert!(beyond(20_000) < 10, "those that came before the bound go in a few steps");
    for _ in 0..3 {
        home.service.portal_begin(&alias(), &login("nobody"), ADDRESS).expect("begun");
    }
    assert_eq!((beyond(20_000), beyond(19_999)), (0, 1), "the store is full to the bound");
    home.session(&cookie);
    assert!(look(&home, |view| view.session(&signed_in.key)).is_some(), "who proved something stays");
    let there = |n: u32| {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&n.to_be_bytes());
        look(&home, |view| view.session(&key)).is_some()
    };
    assert!(!there(0) && !there(13) && there(14) && there(20_009), "the oldest went");
    // A session that goes on no longer counts.
    let second = home.session(&cookie);
    let right = super::fixture::typed(super::fixture::PASSWORD);
    home.service.portal_second(&second, &right, ADDRESS).expect("answered");
    assert_eq!(beyond(19_999), 0);
}
