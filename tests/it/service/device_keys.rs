//! The keys that open applications of devices: made for each, on the device as long as a run wants it, and no licence to
//! overwrite what somebody else put there.

use mintmark::device::Catalogue;
use mintmark::device::applet::oath::YkOath;
use mintmark::device::applet::otp::config::SlotConfig;
use mintmark::device::applet::otp::{AccessCodes, OtpSlots, Slot};
use mintmark::device::applet::yubikey::Version;
use mintmark::device::discover::Holding;
use mintmark::device::simulated::token2::models;
use mintmark::device::simulated::yubikey::{Reach, VirtualYubiKey};
use mintmark::device::simulated::{Card, Inserted};
use mintmark::jobs::Synchronised;
use mintmark::jobs::programming::{Programmer, Refusal};
use mintmark::model::{Actor, Application, ProgrammingRun, RunItem, RunItemId, RunItemState};
use mintmark::oath::{Otp, YubicoPublicId};
use mintmark::secret::{Passphrase, Seed};
use mintmark::service::{JournalledItem, NewRun};
use mintmark::store::Page;

use super::fixture::{Home, admin};
use super::programming::{blocks, clocks, here, typed};

const SERIAL: u32 = 31_000_007;

/// A service, and a key in a reader of it.
struct Desk {
    home: Home,
    profiles: Catalogue,
    actor: Actor,
    reader: Inserted<VirtualYubiKey>,
}

impl Desk {
    fn new() -> Self {
        let key = VirtualYubiKey::new(SERIAL, Version::new(5, 7, 4), Reach::Usb);
        let lengths = key.lengths();
        let reader = Inserted::new(key, lengths);
        Self { home: Home::new(), profiles: Catalogue::built_in(), actor: admin(), reader }
    }

    fn with<T>(&mut self, work: impl FnOnce(&Programmer<'_>, &mut Inserted<VirtualYubiKey>) -> T) -> T {
        let models = models();
        let programmer = Programmer {
            service: &self.home.service,
            clock: &*self.home.clock,
            profiles: &self.profiles,
            models: &models,
            synchronised: || Synchronised::Yes,
            actor: &self.actor,
        };
        work(&programmer, &mut self.reader)
    }

    fn put_in(&mut self, run: &ProgrammingRun) -> Result<RunItem, Refusal> {
        let atr = self.reader.card.atr().to_vec();
        self.with(|programmer, reader| {
            let found = programmer.look(reader, &atr)?;
            programmer.program(run.id, "Reader 1", &found, reader, None, &mut |_| ())
        })
    }

    fn start(&self, new: NewRun) -> ProgrammingRun {
        self.home.start(new)
    }

    fn wiped(&mut self, id: RunItemId) {
        self.home.service.take_back_item(&admin(), id).expect("taken back");
        let item = self.with(|programmer, reader| programmer.wipe(id, reader)).expect("wiped");
        assert_eq!(item.state, RunItemState::Undone);
    }

    fn examined(&mut self, id: RunItemId) -> RunItem {
        self.with(|programmer, reader| programmer.examine(id, reader, &mut |_| ())).expect("looked at")
    }

    /// Somebody asks the OATH application what is on it.
    fn is_locked(&mut self) -> bool {
        let atr = self.reader.card.atr().to_vec();
        let found = self.with(|programmer, reader| programmer.look(reader, &atr)).expect("looked at");
        found.holdings.iter().any(|holding| matches!(holding, Holding::Oath { credentials: None, .. }))
    }

    /// The owner puts something of their own into the first slot.
    fn filled_by_owner(&mut self) {
        let theirs =
            SlotConfig::yubico_otp(&YubicoPublicId::NONE, &Seed::new(vec![7; 22])).expect("22 bytes");
        let open = AccessCodes { current: None, new: None };
        OtpSlots::select(&mut self.reader).expect("there").write(Slot::One, &theirs, open).expect("written");
    }
}

fn open(new: NewRun) -> NewRun {
    NewRun { protect: false, ..new }
}

/// Keys are delivered with a Yubico OTP in slot 1.
#[test]
fn a_slot_in_use_is_overwritten_where_the_run_says_so_only() {
    let mut desk = Desk::new();
    desk.filled_by_owner();
    let new = |name: &str, replaces| NewRun { application: Application::Slot1, replaces, ..blocks(name, 1) };
    let kept = desk.start(new("kept", false));
    let refused = desk.put_in(&kept).expect_err("it is in use");
    assert!(refused.code == "unfit" && refused.detail.contains("slot 1"), "{refused:?}");
    let run = desk.start(new("replaced", true));
    assert_eq!(desk.put_in(&run).expect("written").state, RunItemState::CodeWanted);
    let log = desk.home.service.audit(&admin(), None, Page::first(50)).expect("read").items;
    assert!(log.iter().any(|record| format!("{record:?}").contains("\"replaces\"")), "{log:?}");
}

#[test]
fn a_slot_that_was_wiped_is_anybodys() {
    let mut desk = Desk::new();
    let new = |name: &str| NewRun { application: Application::Slot1, ..blocks(name, 5) };
    let run = desk.start(new("keys"));
    let item = desk.put_in(&run).expect("written");
    let block = desk.reader.card.press(Slot::One).expect("it types");
    let proof = typed(Otp::parse_shaped(&block, None).expect("a code"));
    desk.home.service.prove_item(&admin(), item.id, &proof).expect("proved");
    desk.wiped(item.id);
    // Written and proved here once; what is in it now is not ours.
    desk.filled_by_owner();
    let refused = desk.put_in(&run).expect_err("it is in use");
    assert!(refused.code == "unfit" && refused.detail.contains("slot 1"), "{refused:?}");
    // A slot that is protected by our code is ours still.
    OtpSlots::select(&mut desk.reader).expect("there").delete(Slot::One, None).expect("emptied");
    let item = desk.put_in(&run).expect("written");
    let block = desk.reader.card.press(Slot::One).expect("it types");
    let proof = typed(Otp::parse_shaped(&block, None).expect("a code"));
    desk.home.service.prove_item(&admin(), item.id, &proof).expect("proved");
    // A run without protection takes the code off.
    desk.home.service.delete_token(&admin(), &item.serial).expect("deleted");
    desk.with(|programmer, reader| programmer.wipe(item.id, reader)).expect("wiped");
    let bare = desk.start(open(NewRun { application: Application::Slot1, ..blocks("open", 5) }));
    assert_eq!(desk.put_in(&bare).expect("written").state, RunItemState::CodeWanted);
    OtpSlots::select(&mut desk.reader).expect("there").delete(Slot::One, None).expect("no code keeps it");
}

#[test]
fn the_password_of_a_key_is_there_while_a_run_wants_it() {
    let mut desk = Desk::new();
    let run = desk.start(clocks("keys", 5));
    let item = desk.put_in(&run).expect("written");
    assert_eq!((item.state, desk.is_locked()), (RunItemState::Programmed, true));
    desk.wiped(item.id);
    assert!(!desk.is_locked(), "nothing of ours is on it");
    let bare = desk.start(open(clocks("open", 5)));
    let item = desk.put_in(&bare).expect("written");
    assert_eq!((item.state, desk.is_locked()), (RunItemState::Programmed, false));
    // Whoever asks later which keys anybody can read codes from finds them by the log.
    let log = desk.home.service.audit(&admin(), None, Page::first(50)).expect("read").items;
    let open = log.iter().filter(|record| format!("{record:?}").contains("(\"protects\", \"no\")"));
    assert_eq!(open.count(), 1, "{log:?}");
    desk.wiped(item.id);
    // The same password again, for the same key.
    let item = desk.put_in(&run).expect("written");
    assert_eq!((item.state, desk.is_locked()), (RunItemState::Programmed, true));
}

/// A key that was torn out behind the first command that changes it has the password and nothing else.
#[test]
fn law5_a_password_alone_is_told_and_shuts_nobody_out() {
    let mut desk = Desk::new();
    let torn = |desk: &mut Desk, run: &ProgrammingRun| {
        let device = SERIAL.to_string();
        let item = desk.home.service.journal(&admin(), run.id, &here(&device), None).expect("taken");
        let JournalledItem { id, key, nonce, .. } = item;
        #[expect(clippy::disallowed_methods, reason = "the password goes to the key")]
        let text = data_encoding::HEXLOWER.encode(key.expect("a key of its own").key.expose());
        let mut oath = YkOath::select(&mut desk.reader).expect("there");
        let password = oath.access_key(&Passphrase::from_text(text));
        oath.set_code(&password, nonce).expect("set");
        desk.home.service.item_in_doubt(&admin(), id, "no_answer", "torn out").expect("noted");
        id
    };
    let run = desk.start(clocks("keys", 5));
    for new in [open(clocks("open", 5)), clocks("protected", 5)] {
        let id = torn(&mut desk, &run);
        let seen = desk.examined(id);
        assert_eq!((seen.state, seen.reason.as_str()), (RunItemState::Untouched, "nothing_there"));
        assert!(seen.detail.contains("the password that it got locks it"), "{}", seen.detail);
        let protects = new.protect;
        let next = desk.start(new);
        let item = desk.put_in(&next).expect("the password is known here");
        assert_eq!((item.state, desk.is_locked()), (RunItemState::Programmed, protects));
        desk.wiped(item.id);
    }
}
