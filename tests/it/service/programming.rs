//! Law 5 in the service: the journal before the device, proof before the token, and what becomes of the rest.

use std::sync::Arc;

use mintmark::model::{
    Actor, Application, AssignmentKind, Custody, NewsKind, OtpSpec, ProgrammingRun, Role, RunItem, RunItemId,
    RunItemState, Scope, TokenOrigin,
};
use mintmark::oath::{
    Digits, HashAlg, MovingFactor, Otp, PeriodSecs, YubicoKey, YubicoPlain, YubicoPublicId,
};
use mintmark::secret::Seed;
use mintmark::service::{
    AssignRequest, CheckResult, DeviceHere, ItemProof, JournalledItem, NewRun, ProofOutcome, ProvedBy, Redo,
    ServiceError,
};
use mintmark::store::Page;

use super::fixture::{Home, StandIn, admin, batch, login, operator, resource, serial, why};
use super::notification::{by_mail, hired};

/// A run of devices with a clock on the host's side.
pub(crate) fn clocks(name: &str, count: u32) -> NewRun {
    let spec = OtpSpec::Totp {
        hash: HashAlg::Sha1,
        digits: Digits::SIX,
        period: PeriodSecs::DEFAULT,
        epoch_secs: 0,
    };
    NewRun {
        profile: "yubico-yubikey".into(),
        manufacturer: "Yubico".into(),
        model: "YubiKey".into(),
        specs: vec![spec.clone()],
        seed_bytes: 1..=64,
        application: Application::Oath,
        spec,
        batch: batch(name),
        count,
        issuer: "Example".into(),
        touch: false,
        protect: true,
        replaces: false,
        readers: Vec::new(),
    }
}

/// A run of keys that type codes of a counter.
pub(crate) fn counters(name: &str, count: u32) -> NewRun {
    let spec = OtpSpec::Hotp { hash: HashAlg::Sha1, digits: Digits::SIX };
    NewRun { application: Application::Slot2, specs: vec![spec.clone()], spec, ..clocks(name, count) }
}

/// A run of keys that type blocks which say their position.
pub(crate) fn blocks(name: &str, count: u32) -> NewRun {
    let spec = OtpSpec::YubicoOtp { public_id: YubicoPublicId::NONE };
    NewRun { specs: vec![spec.clone()], spec, ..counters(name, count) }
}

pub(super) fn here(device: &str) -> DeviceHere {
    DeviceHere { device: device.into(), reader: "Reader 1".into() }
}

/// The device as it shows codes once it holds the secret.
#[expect(clippy::disallowed_methods, reason = "a stand-in holds its secret")]
pub(super) fn holds(item: &JournalledItem) -> StandIn {
    let counter = matches!(item.run.spec, OtpSpec::Hotp { .. });
    StandIn::with_secret(item.serial.display(), counter, item.seed.expose().to_vec())
}

pub(super) fn typed(otp: Otp) -> ItemProof {
    ItemProof { otp, by: ProvedBy::Person }
}

/// What a device without a clock answers for a step.
fn asked(stand_in: &StandIn, step: u64) -> ItemProof {
    let by = ProvedBy::Device { step: Some(MovingFactor(step)), from: None };
    ItemProof { otp: stand_in.at(step), by }
}

impl Home {
    pub(super) fn start(&self, new: NewRun) -> ProgrammingRun {
        self.service.start_run(&admin(), new).expect("begun")
    }

    pub(super) fn put_in(&self, run: &ProgrammingRun, device: &str) -> Result<JournalledItem, ServiceError> {
        self.service.journal(&admin(), run.id, &here(device), None)
    }

    fn refusal(&self, run: &ProgrammingRun, device: &str) -> &'static str {
        why(self.put_in(run, device).expect_err("refused"))
    }

    fn item(&self, id: RunItemId) -> RunItem {
        let items = self.service.run_items(&admin(), id.run, Page::first(100)).expect("listed").items;
        items.into_iter().find(|item| item.id == id).expect("there")
    }

    /// Journal, device and proof in one go.
    pub(super) fn program(&self, run: &ProgrammingRun, device: &str) -> (RunItemId, StandIn) {
        let item = self.put_in(run, device).expect("taken");
        let stand_in = holds(&item);
        if item.run.application.slot().is_some() {
            self.service.item_written(&admin(), item.id, "").expect("written");
        }
        let proof = match item.run.spec {
            OtpSpec::Hotp { .. } => typed(stand_in.at(0)),
            _ => asked(&stand_in, 7),
        };
        let proved = self.service.prove_item(&admin(), item.id, &proof).expect("answered");
        assert!(matches!(proved, ProofOutcome::Programmed(_)), "{proved:?}");
        (item.id, stand_in)
    }
}

#[test]
fn law5_a_device_is_journalled_before_and_in_the_store_after_its_code() {
    let home = Home::new();
    let run = home.start(clocks("keys", 2));
    let item = home.put_in(&run, "10001").expect("taken");
    assert_eq!(home.item(item.id).state, RunItemState::Writing);
    assert!(home.service.token(&admin(), &serial("10001")).is_err(), "no token before the proof");
    assert_eq!(item.seed.len(), 20);
    let stand_in = holds(&item);
    let proved = home.service.prove_item(&admin(), item.id, &asked(&stand_in, 3)).expect("answered");
    let ProofOutcome::Programmed(proved) = proved else { panic!("{proved:?}") };
    assert!(proved.secret.is_none(), "the secret lies with the token alone");
    let token = home.service.token(&admin(), &serial("10001")).expect("there").token;
    assert_eq!((token.origin, token.custody), (TokenOrigin::Programmed, Custody::InStock));
    assert_eq!((token.manufacturer.as_str(), token.model.as_str()), ("Yubico", "YubiKey"));
    // What the device shows from now on is accepted, and once.
    assert!(matches!(home.check(&stand_in, &stand_in.at(home.step())), CheckResult::Accepted { .. }));
    assert!(matches!(home.check(&stand_in, &stand_in.at(home.step())), CheckResult::Replayed { .. }));
    // Proving again changes nothing.
    let again = home.service.prove_item(&admin(), item.id, &asked(&stand_in, 3)).expect("answered");
    assert!(matches!(again, ProofOutcome::Programmed(_)));
    let (_, second) = home.program(&run, "10002");
    assert!(matches!(home.check(&second, &second.at(home.step())), CheckResult::Accepted { .. }));
    let view = home.service.programming_run(&admin(), run.id).expect("there");
    assert_eq!((view.run.programmed, view.run.state_name(), view.unsettled.len()), (2, "ended", 0));
    assert_eq!(home.refusal(&run, "10003"), "run_ended");
    assert_eq!(home.service.batch(&admin(), &batch("keys")).expect("there").batch.tokens, 2);
}

#[test]
fn law5_a_counter_code_is_typed_and_spent() {
    let home = Home::new();
    let run = home.start(counters("slots", 5));
    let item = home.put_in(&run, "20001").expect("taken");
    let stand_in = holds(&item);
    home.service.item_written(&admin(), item.id, "touch it").expect("written");
    assert_eq!(home.item(item.id).state, RunItemState::CodeWanted);
    let wrong = home.service.prove_item(&admin(), item.id, &typed(stand_in.wrong(0))).expect("answered");
    let ProofOutcome::Wrong(item_now) = wrong else { panic!("{wrong:?}") };
    assert_eq!((item_now.state, item_now.reason.as_str()), (RunItemState::CodeWanted, "code_wrong"));
    let short = Otp::parse_shaped("12345678", None).expect("a code");
    let refused = home.service.prove_item(&admin(), item.id, &typed(short)).expect_err("eight digits");
    assert_eq!(why(refused), "otp_length");
    // It was touched twice before.
    home.service.prove_item(&admin(), item.id, &typed(stand_in.at(2))).expect("answered");
    let token = home.service.token(&admin(), &serial("20001.2")).expect("a serial number of the slot");
    assert_eq!(token.state.floor, MovingFactor(3));
    assert!(matches!(home.check(&stand_in, &stand_in.at(2)), CheckResult::Replayed { .. }));
    assert!(matches!(home.check(&stand_in, &stand_in.at(3)), CheckResult::Accepted { .. }));
}

#[test]
fn law5_a_block_is_typed_and_spent() {
    let home = Home::new();
    let run = home.start(blocks("blocks", 5));
    let item = home.put_in(&run, "20001").expect("taken");
    let key = YubicoKey::from_kept(&item.seed).expect("key and private id");
    let by = |key: &YubicoKey, id: &str, position: u64| {
        let plain = YubicoPlain::at(MovingFactor(position), 7).expect("a position");
        let id = YubicoPublicId::parse(id).expect("modhex");
        Otp::parse_shaped(&key.typed(&id, &plain, 5), None).expect("a code")
    };
    // Its serial number in the second slot: 0x4e21.
    let named = "vvcbccccfudb";
    home.service.item_written(&admin(), item.id, "touch it").expect("written");
    let digits = Otp::parse("123456").expect("digits");
    let refused = home.service.prove_item(&admin(), item.id, &typed(digits)).expect_err("digits");
    assert_eq!(why(refused), "otp_length");
    // Under another public id, and of another key: neither counts.
    let other = YubicoKey::from_kept(&Seed::new(vec![7; YubicoKey::BYTES])).expect("as long");
    for wrong in [by(&key, "vvccccccfudb", 256), by(&other, named, 256)] {
        let answer = home.service.prove_item(&admin(), item.id, &typed(wrong)).expect("answered");
        assert!(matches!(answer, ProofOutcome::Wrong(_)), "{answer:?}");
    }
    let answer = home.service.prove_item(&admin(), item.id, &typed(by(&key, named, 258))).expect("answered");
    assert!(matches!(answer, ProofOutcome::Programmed(_)), "{answer:?}");
    let token = home.service.token(&admin(), &serial("20001.2")).expect("a serial number of the slot");
    assert_eq!(token.spec.public_id().map(ToString::to_string).as_deref(), Some(named));
    assert_eq!(token.state.floor, MovingFactor(259));
    let checked = |position| {
        home.service.check(&operator(1), &token.token.serial, &by(&key, named, position)).expect("answered")
    };
    assert!(matches!(checked(258), CheckResult::Replayed { .. }));
    assert!(matches!(checked(512), CheckResult::Accepted { .. }));
    // Only a slot types, and a clock it has not.
    let oath = NewRun { application: Application::Oath, ..blocks("oath", 1) };
    let clock = NewRun { application: Application::Slot1, ..clocks("slot", 1) };
    for new in [oath, clock] {
        assert_eq!(why(home.service.start_run(&admin(), new).expect_err("refused")), "kind_not_supported");
    }
}

#[test]
fn law5_the_right_refusal_for_each_device() {
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    let run = home.start(clocks("first", 10));
    let other = home.start(clocks("second", 10));
    home.program(&run, "1");
    assert_eq!(home.refusal(&run, "1"), "device_done");
    assert_eq!(home.refusal(&other, "1"), "token_of_other_batch");
    // On a reader already, of this run or another.
    let busy = home.put_in(&run, "2").expect("taken");
    assert_eq!(home.refusal(&run, "2"), "device_busy");
    assert_eq!(home.refusal(&other, "2"), "device_busy");
    home.service.item_in_doubt(&admin(), busy.id, "no_answer", "gone").expect("noted");
    assert_eq!(home.refusal(&run, "2"), "device_in_doubt");
    // Bound to somebody, or to a place.
    let (_, bound) = home.program(&run, "3");
    home.give_to_anna(&bound);
    assert_eq!(home.refusal(&run, "3"), "token_in_use");
    let (_, standing) = home.program(&run, "4");
    let request =
        AssignRequest { kind: AssignmentKind::Token, user: None, token: Some(standing.serial.clone()) };
    home.service.assign(&admin(), &resource("VPN"), &request).expect("assigned");
    assert_eq!(home.refusal(&run, "4"), "token_in_use");
    // Of a seed file.
    let imported = StandIn::totp("5");
    home.import("box", &[&imported]);
    assert_eq!(home.refusal(&run, "5"), "token_of_other_batch");
    home.service.end_run(&admin(), run.id).expect("ended");
    assert_eq!(home.refusal(&run, "6"), "run_ended");
    let local = Actor { role: Some(Role::Station), scope: Scope::Resources(vec![]), ..operator(1) };
    assert!(matches!(
        home.service.journal(&local, other.id, &here("7"), None),
        Err(ServiceError::Forbidden { code: "scope", .. })
    ));
    assert_eq!(home.service.programming_runs(&local, Page::first(9)).expect("listed").items.len(), 0);
    assert!(home.service.programming_run(&local, other.id).is_err());
}

#[test]
fn law5_runs_are_begun_with_what_the_model_can() {
    let home = Home::new();
    home.import("box", &[&StandIn::totp("1")]);
    let refused = |new: NewRun| why(home.service.start_run(&admin(), new).expect_err("refused"));
    assert_eq!(refused(NewRun { count: 0, ..clocks("keys", 1) }), "count_range");
    assert_eq!(refused(NewRun { count: 10_001, ..clocks("keys", 1) }), "count_range");
    assert_eq!(refused(NewRun { batch: batch("box"), ..clocks("keys", 1) }), "batch_exists");
    assert_eq!(refused(NewRun { specs: vec![], ..clocks("keys", 1) }), "not_in_profile");
    assert_eq!(refused(NewRun { seed_bytes: 1..=10, ..clocks("keys", 1) }), "secret_length");
    assert_eq!(refused(NewRun { issuer: "a:b".into(), ..clocks("keys", 1) }), "name_invalid");
    assert_eq!(
        refused(NewRun { application: Application::Slot1, ..clocks("keys", 1) }),
        "kind_not_supported"
    );
    let long = NewRun { seed_bytes: 32..=64, ..clocks("keys", 1) };
    assert_eq!(home.start(long).seed_bytes, 32);
    // A second run may add to the batch of the first.
    assert_eq!(home.start(clocks("keys", 1)).batch_name.as_str(), "keys");
}

#[test]
fn law5_what_lay_on_a_reader_at_the_end_is_in_doubt_after_the_start() {
    let home = Home::new();
    let run = home.start(clocks("keys", 5));
    let writing = home.put_in(&run, "1").expect("taken");
    let written = home.put_in(&run, "2").expect("taken");
    home.service.item_written(&admin(), written.id, "").expect("written");
    let stand_in = holds(&writing);
    let again = home.open(Arc::clone(&home.store)).expect("opens");
    let list = again.devices_in_doubt(&admin()).expect("listed");
    let seen: Vec<_> =
        list.iter().map(|item| (item.device.as_str(), item.state, item.reason.as_str())).collect();
    assert_eq!(
        seen,
        [("1", RunItemState::InDoubt, "interrupted"), ("2", RunItemState::CodeWanted, "")],
        "each is listed"
    );
    // The secret is still there: whoever reads the device finds out that it is ours.
    let kept = again.journalled(&admin(), writing.id).expect("kept");
    assert!(kept.seed.ct_eq(&writing.seed));
    let proved = again.prove_item(&admin(), writing.id, &asked(&stand_in, 9)).expect("answered");
    assert!(matches!(proved, ProofOutcome::Programmed(_)));
    assert_eq!(again.devices_in_doubt(&admin()).expect("listed").len(), 1);
}

#[test]
fn law5_a_device_in_doubt_is_written_again_set_aside_or_found_untouched() {
    let home = Home::new();
    let run = home.start(clocks("keys", 5));
    let doubted = |device: &str| {
        let item = home.put_in(&run, device).expect("taken");
        home.service.item_in_doubt(&admin(), item.id, "no_answer", "it was torn out").expect("noted");
        item
    };
    // Written again: the first secret stays in the journal until the second one is proved.
    let first = doubted("1");
    let second = home.service.journal(&admin(), run.id, &here("1"), Some(first.id)).expect("taken");
    assert_eq!(home.item(first.id).state, RunItemState::InDoubt);
    assert!(home.service.journalled(&admin(), first.id).is_ok());
    let stand_in = holds(&second);
    home.service.prove_item(&admin(), second.id, &asked(&stand_in, 1)).expect("answered");
    assert_eq!(home.item(first.id).state, RunItemState::Undone);
    assert!(home.item(first.id).secret.is_none());
    // Its key was made once and serves every try.
    let (one, two) = (first.key.expect("protected"), second.key.expect("protected"));
    assert!(one.key.ct_eq(&two.key));
    assert!(!two.is_set, "the first try may have failed before it");
    // Set aside.
    let aside = doubted("2");
    home.service.quarantine_item(&admin(), aside.id).expect("set aside");
    assert_eq!(home.refusal(&run, "2"), "device_quarantined");
    assert!(home.service.journalled(&admin(), aside.id).is_ok(), "whatever it shows is known");
    assert_eq!(why(home.service.quarantine_item(&admin(), second.id).expect_err("done")), "item_settled");
    // Nothing was written after all.
    let untouched = doubted("3");
    home.service.item_untouched(&admin(), untouched.id, "nothing_there", "").expect("noted");
    assert_eq!(why(home.service.journalled(&admin(), untouched.id).expect_err("gone")), "item_settled");
    assert!(home.put_in(&run, "3").is_ok(), "it may be written like any other");
    // A wrong code from the device itself.
    let wrong = home.put_in(&run, "4").expect("taken");
    let other = StandIn::totp("4");
    let answer = home.service.prove_item(&admin(), wrong.id, &asked(&other, 1)).expect("answered");
    assert!(matches!(answer, ProofOutcome::Wrong(item) if item.state == RunItemState::InDoubt));
}

#[test]
fn law5_a_device_is_taken_back_only_while_nobody_used_it() {
    let home = Home::new();
    let run = home.start(counters("slots", 9));
    let (id, stand_in) = home.program(&run, "1");
    let back = home.service.take_back_item(&admin(), id).expect("taken back");
    assert!(home.service.token(&admin(), &stand_in.serial).is_err(), "it is no token any more");
    assert_eq!(home.item(id).state, RunItemState::TakenBack);
    assert_eq!(home.refusal(&run, "1"), "device_taken_back");
    assert_eq!(home.service.item_to_wipe(&admin(), "1").expect("asked"), Some(id));
    assert_eq!(
        why(home.service.prove_item(&admin(), id, &typed(stand_in.at(1))).expect_err("too late")),
        "item_moved"
    );
    assert!(home.service.journalled(&admin(), id).expect("kept").seed.ct_eq(&back.seed));
    home.service.wiped_item(&admin(), id).expect("wiped");
    assert_eq!(home.item(id).state, RunItemState::Undone);
    assert_eq!(home.service.programming_run(&admin(), run.id).expect("there").run.programmed, 0);
    assert_eq!(why(home.service.take_back_item(&admin(), id).expect_err("once")), "item_settled");
    // Its secret was seen: importing it again reopens no code.
    home.import("box", &[&stand_in]);
    assert!(matches!(home.check(&stand_in, &stand_in.at(0)), CheckResult::Replayed { .. }));
    let (used, stand_in) = home.program(&run, "2");
    assert!(matches!(home.check(&stand_in, &stand_in.at(1)), CheckResult::Accepted { .. }));
    assert_eq!(why(home.service.take_back_item(&admin(), used).expect_err("used")), "token_in_use");
}

#[test]
fn law5_a_token_that_came_back_gets_another_secret() {
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    let run = home.start(clocks("keys", 5));
    let (_, first) = home.program(&run, "1");
    let place = |to: &str, user: Option<&str>| {
        let user = user.map(login);
        home.service.set_custody(&admin(), &first.serial, to, user.as_ref(), "").expect("moved");
    };
    place("handed_out", Some("anna"));
    assert_eq!(home.refusal(&run, "1"), "token_in_use");
    place("returned", None);
    let again = home.start(clocks("others", 5));
    let item = home.put_in(&again, "1").expect("taken");
    let second = holds(&item);
    home.service.prove_item(&admin(), item.id, &asked(&second, 1)).expect("answered");
    let token = home.service.token(&admin(), &first.serial).expect("there").token;
    assert_eq!((token.custody, token.holder), (Custody::InStock, None));
    assert!(!matches!(home.check(&first, &first.at(home.step())), CheckResult::Accepted { .. }));
    assert!(matches!(home.check(&second, &second.at(home.step())), CheckResult::Accepted { .. }));
    let _ = login("anna");
}

#[test]
fn a_run_that_is_ended_early_is_told_to_those_who_want_to_hear_of_it() {
    let home = Home::new();
    let nora = hired(&home, "nora", Role::Admin, None);
    home.service.subscribe(&nora, by_mail(NewsKind::RunFailed, "nora")).expect("subscribed");
    let told = || home.service.outbox(&admin(), 10).expect("a demonstration").len();
    let before = told();
    let whole = home.start(clocks("whole", 1));
    home.program(&whole, "1");
    home.service.end_run(&admin(), whole.id).expect("ended");
    assert_eq!(told(), before, "nothing is missing");
    let early = home.start(clocks("early", 2));
    home.program(&early, "2");
    home.service.end_run(&admin(), early.id).expect("ended");
    home.service.end_run(&admin(), early.id).expect("ended already");
    assert_eq!(told(), before + 1);
}

#[test]
fn what_can_be_done_about_a_device_is_known_before_it_is_begun() {
    let home = Home::new();
    let run = home.start(clocks("keys", 3));
    let can = |id: RunItemId| {
        [Redo::Read, Redo::Again, Redo::TakeBack]
            .map(|redo| home.service.item_to_redo(&admin(), id, redo).map_or_else(why, |_| "yes"))
    };
    let held = home.put_in(&run, "10001").expect("taken");
    assert_eq!(can(held.id), ["device_busy"; 3], "a reader works on it");
    home.service.item_in_doubt(&admin(), held.id, "no_answer", "").expect("noted");
    assert_eq!(can(held.id), ["yes", "yes", "not_programmed"]);
    home.service.quarantine_item(&admin(), held.id).expect("set aside");
    assert_eq!(can(held.id), ["item_settled", "yes", "not_programmed"]);
    let gone = home.put_in(&run, "10003").expect("taken");
    home.service.item_untouched(&admin(), gone.id, "nothing_there", "").expect("noted");
    assert_eq!(can(gone.id), ["item_settled"; 3], "it is put in like any other");
    let (id, _) = home.program(&run, "10002");
    assert_eq!(can(id), ["item_settled", "item_settled", "yes"]);
    // From then on it is to be wiped, also when the first try did not come to that.
    home.service.take_back_item(&admin(), id).expect("taken back");
    assert_eq!(can(id), ["item_settled", "item_settled", "yes"]);
    home.service.item_in_doubt(&admin(), id, "not_wiped", "").expect("noted");
    assert_eq!(home.item(id).state, RunItemState::TakenBack);
    home.service.end_run(&admin(), run.id).expect("ended");
    assert_eq!(can(id), ["item_settled", "item_settled", "yes"]);
    assert_eq!(can(held.id)[1], "yes", "what went wrong is made good after the end, too");
    home.service.wiped_item(&admin(), id).expect("wiped");
    assert_eq!(can(id), ["item_settled"; 3]);
    // Of what is not theirs people learn nothing.
    let bound = Actor { scope: Scope::Resources(Vec::new()), ..operator(7) };
    let asked = home.service.item_to_redo(&bound, id, Redo::Read).expect_err("refused");
    assert!(matches!(asked, ServiceError::NotFound { .. }), "{asked}");
}

#[test]
fn law5_no_more_devices_are_written_than_are_wanted() {
    let home = Home::new();
    let run = home.start(counters("slots", 2));
    let first = home.put_in(&run, "1").expect("taken");
    let second = home.put_in(&run, "2").expect("taken");
    assert_eq!(home.refusal(&run, "3"), "run_full", "two are on readers");
    home.service.item_written(&admin(), first.id, "").expect("written");
    assert_eq!(home.refusal(&run, "3"), "run_full", "one waits for its code");
    home.service.item_untouched(&admin(), second.id, "not_written", "").expect("noted");
    assert!(home.put_in(&run, "3").is_ok(), "there is room again");
}

#[test]
fn law5_a_token_stays_where_it_is_while_its_device_is_written_again() {
    let home = Home::new();
    let run = home.start(clocks("keys", 5));
    let (_, first) = home.program(&run, "1");
    let place = |to: &str| home.service.set_custody(&admin(), &first.serial, to, None, "");
    place("handed_out").expect("moved");
    place("returned").expect("moved");
    let item = home.put_in(&run, "1").expect("taken");
    home.service.item_in_doubt(&admin(), item.id, "no_answer", "").expect("noted");
    assert_eq!(
        why(place("in_stock").expect_err("its device may hold another secret")),
        "token_being_programmed"
    );
    let deleted = home.service.delete_token(&admin(), &first.serial);
    assert_eq!(why(deleted.expect_err("it is needed for the proof")), "token_being_programmed");
    home.service.prove_item(&admin(), item.id, &asked(&holds(&item), 1)).expect("answered");
    place("handed_out").expect("moved");
}
