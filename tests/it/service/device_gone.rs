//! What a device holds while its token is gone, and what becomes of devices that will not come back (law 5).

use mintmark::model::{BatchPart, ProgrammingRun, RunItemState, TokenSerial};
use mintmark::store::Page;

use super::fixture::{Home, admin, batch, resource, serial, why};
use super::programming::{clocks, counters, here};

/// A token that came back, and the run that it was programmed in.
fn returned(home: &Home) -> (ProgrammingRun, TokenSerial) {
    let run = home.start(clocks("keys", 5));
    home.program(&run, "20001");
    let token = serial("20001");
    for place in ["lost", "returned"] {
        home.service.set_custody(&admin(), &token, place, None, "").expect("moved");
    }
    (run, token)
}

#[test]
fn law5_a_token_that_is_deleted_leaves_its_device_to_be_wiped() {
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    let run = home.start(counters("keys", 5));
    let (id, stand_in) = home.program(&run, "20001");
    // It was used, so it is not taken back, and whoever is told to deletes it.
    home.give_to_anna(&stand_in);
    assert_eq!(why(home.service.take_back_item(&admin(), id).expect_err("in use")), "token_in_use");
    let deleted = TokenSerial::parse("20001.2").expect("a serial number");
    home.service.delete_token(&admin(), &deleted).expect("deleted");
    let [item] = &home.service.devices_in_doubt(&admin()).expect("listed")[..] else { panic!("one") };
    assert_eq!((item.id, item.state, item.token), (id, RunItemState::TakenBack, None));
    // The journal opens what the device holds, and whoever puts it in has it wiped.
    assert_eq!(home.service.item_to_wipe(&admin(), "20001").expect("read"), Some(id));
    let kept = home.service.journalled(&admin(), id).expect("kept");
    assert!(kept.counter.0 > 0, "from where it stands");
    assert_eq!(why(home.put_in(&run, "20001").expect_err("first")), "device_taken_back");
    home.service.wiped_item(&admin(), id).expect("wiped");
    home.program(&run, "20001");
    // What was not programmed here has no device.
    let imported = super::fixture::StandIn::totp("30001");
    home.import("box", &[&imported]);
    home.service.delete_token(&admin(), &imported.serial).expect("deleted");
    assert!(home.service.devices_in_doubt(&admin()).expect("listed").is_empty());
}

#[test]
fn law5_another_secret_for_a_token_is_left_behind_too() {
    let home = Home::new();
    let (run, token) = returned(&home);
    let (second, _) = home.program(&run, "20001");
    home.service.delete_token(&admin(), &token).expect("deleted");
    let items = home.service.devices_in_doubt(&admin()).expect("listed");
    assert_eq!(items.iter().map(|item| item.id).collect::<Vec<_>>(), [second], "the one that it holds");
}

#[test]
fn a_batch_on_a_resource_is_in_nobodys_hands() {
    let home = Home::new();
    home.add_vpn();
    let run = home.start(clocks("keys", 5));
    let (id, _) = home.program(&run, "20001");
    home.service
        .assign_batch(&admin(), &batch("keys"), &resource("VPN"), BatchPart::Whole)
        .expect("assigned");
    assert_eq!(why(home.put_in(&run, "20001").expect_err("done")), "device_done");
    home.service.take_back_item(&admin(), id).expect("taken back");
}

#[test]
fn law5_a_device_that_is_destroyed_holds_nothing_back() {
    let home = Home::new();
    let (run, token) = returned(&home);
    // Its device breaks while it is written again.
    let item = home.put_in(&run, "20001").expect("taken");
    home.service.item_in_doubt(&admin(), item.id, "no_answer", "gone").expect("noted");
    let retire = || home.service.set_custody(&admin(), &token, "retired", None, "");
    assert_eq!(why(retire().expect_err("in doubt")), "token_being_programmed");
    let destroyed = || home.service.destroyed_item(&admin(), item.id);
    assert_eq!(why(destroyed().expect_err("it may be read")), "not_set_aside");
    home.service.quarantine_item(&admin(), item.id).expect("set aside");
    let end = destroyed().expect("noted");
    assert!(end.is_destroyed() && end.secret.is_none());
    assert_eq!(why(destroyed().expect_err("done")), "item_settled");
    assert!(home.service.devices_in_doubt(&admin()).expect("listed").is_empty());
    retire().expect("retired");
}

#[test]
fn law5_what_is_abandoned_on_one_reader_says_nothing_of_another() {
    let home = Home::new();
    let run = home.start(clocks("keys", 5));
    let item = home.put_in(&run, "20001").expect("taken");
    // Another one that claims the same serial number was refused there.
    home.service.abandon("20001", "Reader 2").expect("noted");
    let state = || {
        let items = home.service.run_items(&admin(), run.id, Page::first(9)).expect("listed").items;
        items.into_iter().find(|one| one.id == item.id).expect("there").state
    };
    assert_eq!(state(), RunItemState::Writing);
    home.service.abandon("20001", &here("20001").reader).expect("noted");
    assert_eq!(state(), RunItemState::InDoubt);
}
