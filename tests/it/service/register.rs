//! P14, P15, P37: a user sets up a token; nothing is there before its code was right.

use std::fmt::Write as _;
use std::sync::Arc;

use mintmark::model::{
    AssignmentKind, AuditResult, Custody, EmailAddress, OtpSpec, PortalAction, TokenDraft, TokenId,
    TokenOrigin, TokenSerial, TokenType, UserId,
};
use mintmark::oath::{Digits, HashAlg, Otp, PeriodSecs};
use mintmark::service::{
    CheckResult, DraftResult, NewToken, NewUser, PortalSession, PortalSettings, ServiceError, ThirdPage,
    TokenQuery, UserPatch, WhyHidden,
};
use mintmark::store::{AssignmentFilter, Page, RedbStore, StoreError, View};

use super::fixture::{Home, StandIn, admin, login, operator, resource, secret_of, serial, typed, visit};

/// All that can be enabled, on *VPN*.
pub(super) fn everything() -> PortalSettings {
    PortalSettings {
        actions: Some(mintmark::service::OFFERED.to_vec()),
        token_types: Some(vec![TokenType::Hardware, TokenType::Software, TokenType::Universal]),
        ..PortalSettings::default()
    }
}

pub(super) fn home() -> Home {
    let home = Home::new();
    home.add_vpn();
    home.service.set_portal(&admin(), &resource("VPN"), &everything()).expect("set");
    home.add_user("anna");
    let patch = UserPatch {
        email: Some(Some(EmailAddress::parse("anna@example.org").expect("an address"))),
        ..UserPatch::default()
    };
    home.service.change_user(&admin(), &login("anna"), patch).expect("changed");
    home
}

pub(super) fn totp() -> OtpSpec {
    OtpSpec::Totp { hash: HashAlg::Sha1, digits: Digits::SIX, period: PeriodSecs::DEFAULT, epoch_secs: 0 }
}

pub(super) fn software() -> NewToken<'static> {
    NewToken {
        token_type: TokenType::Software,
        name: "my phone",
        serial: None,
        manufacturer: "",
        model: "Authenticator app",
        seed_bytes: None,
        secret: None,
        spec: None,
        counter: 0,
    }
}

/// Begins an app's token; gives a stand-in for the app that scanned the code.
pub(super) fn scanned(home: &Home, portal: &PortalSession, replace: bool) -> StandIn {
    home.service.portal_draft(portal, &software(), replace, &visit()).expect("begun");
    let view = home.service.portal_drafted(portal).expect("read").expect("there");
    let shown = view.shown.expect("made here");
    assert!(shown.uri.starts_with("otpauth://totp/VPN:anna?secret="), "the text names service and account");
    assert!(shown.uri.contains(shown.base32.as_str()) && shown.uri.ends_with("&period=30"));
    let secret = data_encoding::BASE32_NOPAD.decode(shown.base32.as_bytes()).expect("base32");
    assert_eq!(secret.len(), 20);
    StandIn::with_secret(view.draft.serial.display(), false, secret)
}

/// Types a secret of a device.
fn device(home: &Home, portal: &PortalSession, token: &StandIn, secret: &[u8]) -> Result<(), ServiceError> {
    let secret = typed(&data_encoding::HEXLOWER.encode(secret));
    let new = NewToken {
        token_type: TokenType::Hardware,
        name: "",
        serial: Some(&token.serial),
        manufacturer: "Feitian",
        model: "c200",
        seed_bytes: Some(20..=20),
        secret: Some(&secret),
        spec: Some(totp()),
        counter: 0,
    };
    home.service.portal_draft(portal, &new, false, &visit())
}

fn finish(home: &Home, portal: &PortalSession, otps: &[Otp]) -> DraftResult {
    home.service.portal_finish(portal, otps, &visit()).expect("answered")
}

/// Tokens, places on *VPN*, batches.
fn counts(home: &Home) -> [usize; 3] {
    let tokens = home.service.tokens(&admin(), &TokenQuery::default(), Page::first(100)).expect("read");
    let places = home
        .store
        .read(|view| {
            let vpn = view.resource_by_name("vpn")?.expect("there");
            view.assignments(AssignmentFilter { resource: vpn.id, kind: None }, Page::first(100))
        })
        .expect("read");
    let batches = home.service.batches(&admin(), Page::first(100)).expect("read");
    [tokens.items.len(), places.items.len(), batches.items.len()]
}

/// Secrets of the first tokens that the store has.
fn seeds(home: &Home) -> usize {
    let count =
        |view: &dyn View| (0..50).map(|id| view.seed(TokenId(id))).collect::<Result<Vec<_>, StoreError>>();
    home.store.read(count).expect("read").into_iter().flatten().count()
}

/// P15, P37.
#[test]
fn p15_nothing_is_there_before_the_code_was_right() {
    let home = home();
    let portal = home.sign_in("anna");
    let before = counts(&home);
    let app = scanned(&home, &portal, false);
    let step = home.step();
    for near in 0..3 {
        let answer = finish(&home, &portal, &[app.wrong(step + near)]);
        let expected = DraftResult::Refused { clock_secs: None, left: 9 - u32::try_from(near).expect("few") };
        assert_eq!(answer, expected);
    }
    assert_eq!((counts(&home), seeds(&home)), (before, 0));
    let unknown = home.service.token(&admin(), &app.serial);
    assert!(matches!(unknown, Err(ServiceError::NotFound { .. })));

    let made = finish(&home, &portal, &[app.at(step)]);
    assert_eq!(made, DraftResult::Made { serial: app.serial.clone() });
    assert_eq!((counts(&home), seeds(&home)), ([before[0] + 1, before[1], before[2] + 1], 1));
    assert!(home.service.portal_drafted(&portal).expect("read").is_none(), "the draft is spent");
    let view = home.service.token(&admin(), &app.serial).expect("there");
    assert!(app.serial.display().starts_with("SW"));
    assert_eq!(view.token.origin, TokenOrigin::Portal);
    assert!(matches!(view.token.custody, Custody::Confirmed { .. }));
    assert_eq!((view.creator.as_deref(), view.user.as_deref()), (Some("anna"), Some("anna")));
    assert_eq!((view.batch.as_str(), view.token.name.as_str()), ("portal", "my phone"));
    let pair = (String::from("VPN"), AssignmentKind::TokenWithUser, Some(String::from("anna")));
    assert_eq!(view.assignments, [pair]);
    let mails = home.service.outbox(&admin(), 1).expect("a demonstration");
    assert!(mails[0].text.contains("was set up for you"), "{}", mails[0].text.as_str());

    // The code that proved it is spent at every door; the next one signs in, the one after is accepted.
    let used = home.service.check(&admin(), &app.serial, &app.at(step)).expect("answered");
    assert!(matches!(used, CheckResult::Replayed { .. }), "{used:?}");
    let owed = home.sign_in("anna");
    let again = home.service.portal_third(&owed, &app.at(step), &visit()).expect("answered");
    assert!(matches!(again, ThirdPage::AlreadyUsed), "{again:?}");
    home.wait(30);
    let next = home.service.portal_third(&owed, &app.at(step + 1), &visit()).expect("answered");
    assert!(matches!(next, ThirdPage::Passed { .. }), "{next:?}");
    home.wait(30);
    let next = home.service.check(&operator(1), &app.serial, &app.at(step + 2)).expect("answered");
    assert!(matches!(next, CheckResult::Accepted { .. }), "{next:?}");
}

/// P15: once each, whoever comes at the same time.
#[test]
fn p15_one_draft_makes_one_token() {
    let home = Arc::new(home());
    let portal = Arc::new(home.sign_in("anna"));
    let app = scanned(&home, &portal, false);
    let step = home.step();
    let runs: Vec<_> = (0..16)
        .map(|_| {
            let (home, portal, code) = (Arc::clone(&home), Arc::clone(&portal), app.at(step));
            std::thread::spawn(move || home.service.portal_finish(&portal, &[code], &visit()))
        })
        .collect();
    let made = runs
        .into_iter()
        .map(|run| run.join().expect("no panic"))
        .filter(|answer| matches!(answer, Ok(DraftResult::Made { .. })))
        .count();
    assert_eq!((made, counts(&home)[0]), (1, 1));
}

/// P15: a quarter of an hour, one session, one draft.
#[test]
fn p15_drafts_end() {
    let home = home();
    let portal = home.sign_in("anna");
    let first = scanned(&home, &portal, false);
    let second = scanned(&home, &portal, false);
    let step = home.step();
    let old = finish(&home, &portal, &[first.at(step)]);
    assert!(matches!(old, DraftResult::Refused { .. }), "another one took its place: {old:?}");
    let elsewhere = home.sign_in("anna");
    assert!(home.service.portal_drafted(&elsewhere).expect("read").is_none());
    assert_eq!(finish(&home, &elsewhere, &[second.at(step)]), DraftResult::Gone);
    home.service.portal_drop_draft(&portal, &visit()).expect("dropped");
    assert_eq!(finish(&home, &portal, &[second.at(step)]), DraftResult::Gone);

    let portal = home.sign_in("anna");
    let third = scanned(&home, &portal, false);
    home.wait(u64::try_from(TokenDraft::LIVES_SECS).expect("positive") - 1);
    assert!(home.service.portal_drafted(&portal).expect("read").is_some());
    home.wait(1);
    assert_eq!(finish(&home, &portal, &[third.at(home.step())]), DraftResult::Gone);
    home.service.sweep().expect("swept");
    let left = home.store.read(|view| view.draft(&portal.key)).expect("read");
    assert!(left.is_none(), "the sealed secret does not stay");
    assert_eq!(counts(&home)[0], 0);
}

/// P15: ten codes for a draft, thirty a day for a person.
#[test]
fn p15_tries_are_limited() {
    let home = home();
    let portal = home.sign_in("anna");
    for _ in 0..3 {
        let app = scanned(&home, &portal, false);
        for left in (0..10).rev() {
            let answer = finish(&home, &portal, &[app.wrong(home.step())]);
            assert_eq!(answer, DraftResult::Refused { clock_secs: None, left });
        }
        assert_eq!(finish(&home, &portal, &[app.at(home.step())]), DraftResult::Gone);
    }
    let app = scanned(&home, &portal, false);
    let blocked = finish(&home, &portal, &[app.at(home.step())]);
    assert!(matches!(blocked, DraftResult::Blocked { until: Some(_) }), "{blocked:?}");
    home.wait(86_400);
    let portal = home.sign_in("anna");
    let app = scanned(&home, &portal, false);
    assert!(matches!(finish(&home, &portal, &[app.at(home.step())]), DraftResult::Made { .. }));
}

/// P15: a clock that is off is told to the person whose secret it is; two codes in a row help a device.
#[test]
fn p15_the_clock_is_explained() {
    let home = home();
    let portal = home.sign_in("anna");
    let token = StandIn::totp("FT-1");
    device(&home, &portal, &token, &secret_of("FT-1")).expect("begun");
    let ahead = home.step() + 20;
    let far = finish(&home, &portal, &[token.at(ahead)]);
    assert_eq!(far, DraftResult::Refused { clock_secs: Some(600), left: 9 });
    assert!(matches!(finish(&home, &portal, &token.from(ahead, 2)), DraftResult::Made { .. }));
    let view = home.service.token(&admin(), &serial("ft1")).expect("there");
    assert_eq!(view.state.drift.map(|drift| drift.seconds), Some(630));
    assert!(view.clock.is_some(), "its clock was seen");
    home.wait(60);
    let next = home.service.check(&admin(), &token.serial, &token.at(ahead + 3)).expect("answered");
    assert!(matches!(next, CheckResult::Accepted { .. }), "{next:?}");
}

/// P14: what is typed; P15: an event token shows two codes.
#[test]
fn p14_any_oath_token_by_its_secret() {
    let home = home();
    let portal = home.sign_in("anna");
    let token = StandIn::hotp("any");
    let secret = typed(&data_encoding::BASE32.encode(&secret_of("any")).to_lowercase());
    let new = NewToken {
        token_type: TokenType::Universal,
        secret: Some(&secret),
        spec: Some(OtpSpec::Hotp { hash: HashAlg::Sha1, digits: Digits::SIX }),
        counter: 5,
        manufacturer: "",
        model: "",
        ..software()
    };
    home.service.portal_draft(&portal, &new, false, &visit()).expect("begun");
    let view = home.service.portal_drafted(&portal).expect("read").expect("there");
    assert!(view.shown.is_none() && view.codes == 2, "a typed secret is not shown again");
    let one = home.service.portal_finish(&portal, &[token.at(5)], &visit());
    assert!(matches!(one, Err(ServiceError::Invalid { code: "otps_count", .. })), "{one:?}");
    let early = finish(&home, &portal, &token.from(3, 2));
    assert!(matches!(early, DraftResult::Refused { .. }), "before the counter: {early:?}");
    let made = finish(&home, &portal, &token.from(9, 2));
    let DraftResult::Made { serial } = made else { panic!("{made:?}") };
    assert!(serial.display().starts_with("UN"));
    let next = home.service.check(&admin(), &serial, &token.at(11)).expect("answered");
    assert!(matches!(next, CheckResult::Accepted { .. }), "{next:?}");
    let used = home.service.check(&admin(), &serial, &token.at(10)).expect("answered");
    assert!(matches!(used, CheckResult::Replayed { .. }), "{used:?}");
}

/// P14: weak secrets, wrong lengths, sorts that are not enabled.
#[test]
fn p14_what_is_refused_at_once() {
    let home = home();
    let portal = home.sign_in("anna");
    let token = StandIn::totp("FT-1");
    let code = |made: Result<(), ServiceError>| match made {
        Err(ServiceError::Invalid { field, code, .. }) => (field, code),
        other => panic!("{other:?}"),
    };
    for (secret, wanted) in [
        (&b"12345678901234567890"[..], "secret_weak"),
        (&secret_of("FT-1")[..9], "secret_too_short"),
        (&secret_of("FT-1")[..13], "secret_too_short"),
        (&secret_of("FT-1")[..16], "secret_length"),
    ] {
        assert_eq!(code(device(&home, &portal, &token, secret)), ("secret", wanted));
    }
    let long = "x".repeat(41);
    let named = NewToken { name: &long, ..software() };
    assert_eq!(code(home.service.portal_draft(&portal, &named, false, &visit())), ("name", "name_too_long"));
    let only = PortalSettings { token_types: Some(vec![TokenType::Hardware]), ..PortalSettings::default() };
    home.service.set_portal(&admin(), &resource("VPN"), &only).expect("set");
    let portal = home.sign_in("anna");
    let refused = home.service.portal_draft(&portal, &software(), false, &visit());
    assert!(matches!(refused, Err(ServiceError::NotFound { .. })), "{refused:?}");
    let none = PortalSettings { token_types: Some(vec![]), ..PortalSettings::default() };
    home.service.set_portal(&admin(), &resource("VPN"), &none).expect("set");
    let rows = home.service.portal_preview(&admin(), &resource("VPN"), &login("anna")).expect("read");
    assert!(rows.contains(&(PortalAction::RegisterNewToken, Some(WhyHidden::NoTokenType))), "{rows:?}");
}

/// P14, law 6: a serial number and a secret that are here already get the answer of a wrong code; the
/// log knows why.
#[test]
fn p14_nothing_is_told_of_other_tokens() {
    let home = home();
    let (other, taken) = (StandIn::totp("FT-7"), StandIn::totp("FT-8"));
    home.import("spring", &[&other, &taken]);
    let portal = home.sign_in("anna");
    let fresh = StandIn::with_secret("FT-8", false, secret_of("a new one"));
    device(&home, &portal, &fresh, &secret_of("a new one")).expect("begun, as with any serial number");
    let step = home.step();
    let wrong = finish(&home, &portal, &[fresh.wrong(step)]);
    assert_eq!(wrong, DraftResult::Refused { clock_secs: None, left: 9 });
    let right = finish(&home, &portal, &[fresh.at(step)]);
    assert_eq!(right, DraftResult::Refused { clock_secs: None, left: 8 }, "the serial number is here");
    let copy = StandIn::with_secret("FT-9", false, secret_of("FT-7"));
    device(&home, &portal, &copy, &secret_of("FT-7")).expect("begun, as with any secret");
    let right = finish(&home, &portal, &[copy.at(step)]);
    assert_eq!(right, DraftResult::Refused { clock_secs: None, left: 9 }, "the secret is here");
    let log = home.service.audit(&admin(), None, Page::first(10)).expect("read").items;
    let reasons: Vec<_> = log
        .iter()
        .filter(|record| record.action == "registration" && record.result == AuditResult::Refused)
        .filter_map(|record| record.detail.iter().find(|(name, _)| name == "reason"))
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(reasons, ["secret_exists", "serial_exists", "wrong"]);
    assert_eq!(counts(&home)[0], 2);
}

/// Law 6: whoever knows the secret has right codes at will, so serial numbers must not be tried one after another:
/// not by refusals, and not with tokens that are made in between.
#[test]
fn p14_serial_numbers_are_not_tried_at_will() {
    let home = home();
    let taken = ["FT-1", "FT-2", "FT-3"].map(StandIn::totp);
    home.import("spring", &taken.iter().collect::<Vec<_>>());
    let portal = home.sign_in("anna");
    let try_serial = |name: &str, secret: &str| {
        let mine = StandIn::with_secret(name, false, secret_of(secret));
        device(&home, &portal, &mine, &secret_of(secret)).expect("begun");
        finish(&home, &portal, &[mine.at(home.step())])
    };
    for name in ["FT-1", "FT-2", "FT-3"] {
        let told = try_serial(name, name.to_lowercase().as_str());
        assert_eq!(told, DraftResult::Refused { clock_secs: None, left: 9 }, "{name}");
    }
    let blocked = try_serial("FREE-1", "one more");
    assert!(matches!(blocked, DraftResult::Blocked { until: Some(_) }), "{blocked:?}");
    home.wait(86_401);
    let portal = home.sign_in("anna");
    let mine = StandIn::with_secret("FREE-1", false, secret_of("one more"));
    device(&home, &portal, &mine, &secret_of("one more")).expect("begun");
    let made = finish(&home, &portal, &[mine.at(home.step())]);
    assert!(matches!(made, DraftResult::Made { .. }), "{made:?}");
}

/// Law 1: a secret that was here before keeps its floor, also when its user brings it again.
#[test]
fn p15_an_old_secret_keeps_its_floor() {
    let home = home();
    let token = StandIn::totp("FT-1");
    home.import("spring", &[&token]);
    let step = home.step();
    let accepted = home.service.check(&admin(), &token.serial, &token.at(step)).expect("answered");
    assert!(matches!(accepted, CheckResult::Accepted { .. }));
    home.service.delete_token(&admin(), &token.serial).expect("deleted");
    let portal = home.sign_in("anna");
    device(&home, &portal, &token, &secret_of("FT-1")).expect("begun");
    let used = finish(&home, &portal, &[token.at(step)]);
    assert!(matches!(used, DraftResult::Refused { .. }), "{used:?}");
    assert!(matches!(finish(&home, &portal, &[token.at(step + 1)]), DraftResult::Made { .. }));
}

/// P14: available without a counting pair only; a mail code alone changes nothing of that.
#[test]
fn p14_not_beside_a_token_that_counts() {
    let home = home();
    let portal = home.sign_in("anna");
    let app = scanned(&home, &portal, false);
    finish(&home, &portal, &[app.at(home.step())]);
    let again = home.service.portal_draft(&portal, &software(), false, &visit());
    assert!(matches!(again, Err(ServiceError::NotFound { .. })), "{again:?}");
    // Also not while an operator has switched it off: it is still asked for.
    home.service.set_token_enabled(&admin(), &app.serial, false).expect("disabled");
    let again = home.service.portal_draft(&portal, &software(), false, &visit());
    assert!(matches!(again, Err(ServiceError::NotFound { .. })), "{again:?}");
}

/// P14: what the resource says of apps.
#[test]
fn p14_apps_compute_what_the_resource_says() {
    let home = home();
    let settings = PortalSettings {
        software_hash: Some(HashAlg::Sha256),
        software_digits: Some(Digits::EIGHT),
        ..PortalSettings::default()
    };
    home.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
    let portal = home.sign_in("anna");
    home.service.portal_draft(&portal, &software(), false, &visit()).expect("begun");
    let view = home.service.portal_drafted(&portal).expect("read").expect("there");
    let shown = view.shown.expect("made here");
    assert!(shown.uri.contains("&algorithm=SHA256&digits=8&period=30"));
    assert_eq!(shown.base32.len(), 52, "256 bits");
}

/// A batch called *portal* that came from elsewhere is left alone.
#[test]
fn p37_tokens_of_the_portal_have_a_batch_of_their_own() {
    let home = home();
    home.import("portal", &[&StandIn::totp("FT-1")]);
    home.add_user("bert");
    for (name, batch) in [("anna", "portal-2"), ("bert", "portal-2")] {
        let portal = home.sign_in(name);
        home.service.portal_draft(&portal, &software(), false, &visit()).expect("begun");
        let view = home.service.portal_drafted(&portal).expect("read").expect("there");
        let secret = view.shown.expect("made here").base32.clone();
        let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).expect("base32");
        let app = StandIn::with_secret(view.draft.serial.display(), false, secret);
        assert!(matches!(finish(&home, &portal, &[app.at(home.step())]), DraftResult::Made { .. }));
        assert_eq!(home.service.token(&admin(), &app.serial).expect("there").batch, batch);
    }
    let spring = home.service.batch(&admin(), &super::fixture::batch("portal-2")).expect("there");
    assert_eq!(spring.batch.tokens, 2);
}

/// Law 3: a draft's secret stands in no file, no record of the log, no mail and no debugging output.
#[test]
fn law3_a_draft_leaks_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = RedbStore::create(dir.path()).expect("a store");
    let home = Home::over(Arc::new(store), true);
    home.add_vpn();
    home.service.set_portal(&admin(), &resource("VPN"), &everything()).expect("set");
    let anna = NewUser {
        login: "anna".into(),
        password: Some(typed(super::fixture::PASSWORD)),
        email: Some(EmailAddress::parse("anna@example.org").expect("an address")),
        resource: Some(resource("VPN")),
        ..NewUser::default()
    };
    home.service.add_user(&admin(), anna).expect("made");
    let portal = home.sign_in("anna");
    let mut secrets = Vec::new();
    let mut printed = String::new();
    for round in 0..2 {
        home.service.portal_draft(&portal, &software(), false, &visit()).expect("begun");
        let view = home.service.portal_drafted(&portal).expect("read").expect("there");
        write!(printed, "{view:?} {view:#?}").expect("writing to a string");
        let shown = view.shown.expect("made here");
        let secret = data_encoding::BASE32_NOPAD.decode(shown.base32.as_bytes()).expect("base32");
        let app = StandIn::with_secret("x", false, secret.clone());
        secrets.push(secret);
        finish(&home, &portal, &[app.wrong(home.step())]);
        if round == 1 {
            finish(&home, &portal, &[app.at(home.step())]);
        }
    }
    let searcher = crate::leak::Searcher::new(&secrets);
    let log = home.service.audit(&admin(), None, Page::first(200)).expect("read").items;
    for mail in home.service.outbox(&admin(), 100).expect("a demonstration") {
        printed.push_str(&mail.text);
    }
    write!(printed, "{log:?}").expect("writing to a string");
    assert_eq!(searcher.find("what was printed", printed.as_bytes()), Vec::<String>::new());
    home.service.close();
    assert_eq!(searcher.find_in_files(dir.path()), Vec::<String>::new());
    let planted = data_encoding::BASE32_NOPAD.encode(&secrets[1]);
    assert_eq!(searcher.find("itself", planted.as_bytes()).len(), 1);
}

/// The draft of one person is nobody else's, even with the key of the session at hand.
#[test]
fn p15_a_draft_belongs_to_its_session_and_person() {
    let home = home();
    home.add_user("bert");
    let (anna, bert) = (home.sign_in("anna"), home.sign_in("bert"));
    let app = scanned(&home, &anna, false);
    let mixed = PortalSession { key: anna.key, ..bert.clone() };
    assert!(home.service.portal_drafted(&mixed).expect("read").is_none());
    assert_eq!(finish(&home, &mixed, &[app.at(home.step())]), DraftResult::Gone);
    let draft = home.store.read(|view| view.draft(&anna.key)).expect("read").expect("there");
    assert_eq!(draft.user, UserId(1));
    assert!(TokenSerial::parse(draft.serial.display()).is_ok());
}
