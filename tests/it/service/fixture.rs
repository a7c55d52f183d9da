//! A store with a service over it, people, seed files made on the fly, and stand-ins for tokens.

use std::sync::Arc;
use std::time::Duration;

use mintmark::clock::{ManualClock, UnixTime};
use mintmark::model::{
    Actor, ActorOrigin, AssignmentKind, BatchName, BatchPart, EmailAddress, ImportId, ImportState, Login,
    MailKind, Operator, OperatorId, PortalAction, ResourceAlias, ResourceName, Role, Scope, TokenSerial,
    Visit,
};
use mintmark::oath::{
    Digits, Generator, HashAlg, MotpGenerator, MovingFactor, Otp, YubicoKey, YubicoPlain, YubicoPublicId,
};
use mintmark::secret::{BearerToken, Passphrase, Pin, Seed};
use mintmark::service::{
    AssignRequest, CheckResult, ImportRequest, ImportView, MailMode, NewUser, PortalSession, PortalSettings,
    ProofResult, SecondPage, Service, ServiceError, StoreMark, ThirdPage, UserPatch,
};
use mintmark::store::{Change, Page, RedbStore, Store, StoreError};
use mintmark::vault::RootKey;

/// 2027-01-15, in the middle of a step.
pub(crate) const START: UnixTime = UnixTime::from_secs(1_800_000_010);
pub(crate) const PASSWORD: &str = "drei Birnen im Korb";
pub(crate) const ADDRESS: &str = "192.0.2.7";

/// A visit of the portal or the console, from there.
pub(crate) fn visit() -> Visit {
    Visit::from_address(ADDRESS)
}

/// A token as a person holds it.
pub(crate) struct StandIn {
    pub(crate) serial: TokenSerial,
    /// It counts, and does not go by the clock.
    pub(crate) counter: bool,
    secret: Vec<u8>,
    shows: Shows,
}

/// What a token shows or types.
enum Shows {
    Digits(Generator),
    Key(YubicoKey, YubicoPublicId),
    App(MotpGenerator),
}

/// What is typed into each app with mOTP.
pub(crate) const APP_PIN: &str = "7193";
/// Steps of an app in one of 30 s.
const APP_STEPS: u64 = 3;

fn pin(text: &str) -> Pin {
    Pin::new(text.as_bytes().to_vec())
}

/// A key whose secret is this.
fn key(secret: &[u8]) -> YubicoKey {
    YubicoKey::from_kept(&Seed::new(secret.to_vec())).expect("22 bytes")
}

impl StandIn {
    pub(crate) fn totp(serial: &str) -> Self {
        Self::with_secret(serial, false, secret_of(serial))
    }

    pub(crate) fn hotp(serial: &str) -> Self {
        Self::with_secret(serial, true, secret_of(serial))
    }

    pub(crate) fn with_secret(text: &str, counter: bool, secret: Vec<u8>) -> Self {
        let shows = Shows::Digits(Generator::new(&Seed::new(secret.clone()), HashAlg::Sha1));
        Self { serial: serial(text), counter, secret, shows }
    }

    /// A key with Yubico OTP; its serial is a number.
    pub(crate) fn key(text: &str) -> Self {
        let mut secret = secret_of(text);
        secret.extend_from_slice(&secret_of(&format!("private id {text}"))[..2]);
        // Two signs of the serial number in each byte, as many as there are.
        let letters: String = format!("{text:0>12}").chars().map(modhex).collect();
        let public_id = YubicoPublicId::parse(&letters).expect("modhex");
        Self { serial: serial(text), counter: true, shows: Shows::Key(key(&secret), public_id), secret }
    }

    /// An app with mOTP. It is asked in steps of 30 s like other clock tokens, and shows the first code of each.
    pub(crate) fn motp(text: &str) -> Self {
        Self::motp_with_pin(text, APP_PIN)
    }

    /// The same with another PIN typed into it.
    pub(crate) fn motp_with_pin(text: &str, typed: &str) -> Self {
        let secret = data_encoding::HEXLOWER.encode(&secret_of(text)[..16]).into_bytes();
        let app = MotpGenerator::new(&Seed::new(secret.clone()), &pin(typed));
        Self { serial: serial(text), counter: false, shows: Shows::App(app), secret }
    }

    /// Tells the service the PIN of an app; all other tokens have none in their codes.
    pub(crate) fn tell_pin(&self, service: &Service) {
        if matches!(self.shows, Shows::App(_)) {
            service.set_response_pin(&Actor::local(1000), &self.serial, &pin(APP_PIN)).expect("set");
        }
    }

    /// What an app shows at one of its own steps.
    pub(crate) fn app_at(&self, step: u64) -> Otp {
        let Shows::App(app) = &self.shows else { panic!("an app") };
        Otp::parse_shaped(&app.shown(MovingFactor(step)), None).expect("a code")
    }

    /// Its line in an OATH CSV, or in the log of the tool that programmed it.
    pub(crate) fn line(&self) -> String {
        let hex = data_encoding::HEXLOWER.encode(&self.secret);
        if let Shows::Key(_, public_id) = &self.shows {
            let (key, private_id) = hex.split_at(32);
            return format!(
                "{},{public_id},{private_id},{key},,2026-02-01T09:30:00,\n",
                self.serial.display()
            );
        }
        if let Shows::App(_) = &self.shows {
            let text = String::from_utf8(self.secret.clone()).expect("text");
            return format!("{},{text},motp,6,10\n", self.serial.display());
        }
        let (kind, last) = if self.counter { ("HOTP", "0") } else { ("TOTP", "30") };
        format!("{},{hex},{kind},6,{last}\n", self.serial.display())
    }

    /// The code at a counter or step.
    pub(crate) fn at(&self, factor: u64) -> Otp {
        Otp::parse_shaped(&self.text(factor), None).expect("a code")
    }

    /// The same as it is shown or typed.
    #[expect(clippy::disallowed_methods, reason = "a stand-in shows its code")]
    pub(crate) fn text(&self, factor: u64) -> String {
        match &self.shows {
            Shows::Digits(generator) => {
                let code = generator.code(MovingFactor(factor), Digits::SIX);
                String::from_utf8(code.expose().to_vec()).expect("digits")
            }
            Shows::Key(key, public_id) => typed_by(key, public_id, factor),
            Shows::App(app) => app.shown(MovingFactor(factor * APP_STEPS)).to_string(),
        }
    }

    /// Consecutive codes from a counter or step on.
    pub(crate) fn from(&self, factor: u64, count: u64) -> Vec<Otp> {
        (factor..factor + count).map(|at| self.at(at)).collect()
    }

    /// A code that no counter or step near this one has: none within a day, so that no hint about a
    /// clock is given for it either, whatever the secret.
    pub(crate) fn wrong(&self, near: u64) -> Otp {
        use mintmark::oath::{WindowMatch, find_in_window};
        let generator = match &self.shows {
            Shows::Digits(generator) => generator,
            Shows::Key(_, public_id) => {
                let other =
                    key(&secret_of("another key")[..].iter().chain(&[1, 2]).copied().collect::<Vec<_>>());
                return Otp::parse_shaped(&typed_by(&other, public_id, near), None).expect("a code");
            }
            Shows::App(_) => &Generator::new(&Seed::new(vec![1; 20]), HashAlg::Sha1),
        };
        if let Shows::App(app) = &self.shows {
            let center = MovingFactor(near * APP_STEPS);
            let read =
                |value| Otp::parse_shaped(&format!("{value:05x}f"), None).expect("six hexadecimal digits");
            let fits = |otp: &Otp| {
                let code = otp.motp().expect("a code");
                app.find_in_window(&code, center, 9_000, 9_000, MovingFactor(0)) != WindowMatch::None
            };
            return (0..100_000).map(read).find(|otp| !fits(otp)).expect("few are right");
        }
        (0..1_000_000)
            .map(|value| Otp::from_value(value, Digits::SIX))
            .find(|otp| {
                let none = find_in_window(
                    generator,
                    Digits::SIX,
                    otp,
                    MovingFactor(near),
                    3_000,
                    3_000,
                    MovingFactor(0),
                );
                none == WindowMatch::None
            })
            .expect("a million codes, six thousand of them right")
    }
}

/// What a key types at a position; the same each time.
fn typed_by(key: &YubicoKey, public_id: &YubicoPublicId, position: u64) -> String {
    let plain = YubicoPlain::at(MovingFactor(position), 7).expect("a position");
    key.typed(public_id, &plain, 0x1234).to_string()
}

/// The letter that stands for a digit.
fn modhex(digit: char) -> char {
    let at = digit.to_digit(16).expect("a serial number of digits");
    char::from(b"cbdefghijklnrtuv"[usize::try_from(at).expect("small")])
}

/// Twenty bytes that differ for each text.
pub(crate) fn secret_of(text: &str) -> Vec<u8> {
    let mut state = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut bytes = Vec::with_capacity(24);
    while bytes.len() < 20 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 31)).to_be_bytes());
    }
    bytes.truncate(20);
    bytes
}

pub(super) fn file(tokens: &[&StandIn]) -> String {
    tokens.iter().map(|token| token.line()).collect()
}

/// `count` clock tokens with serials that begin with `prefix`.
pub(super) fn many(prefix: &str, count: u32) -> Vec<StandIn> {
    (0..count).map(|n| StandIn::totp(&format!("{prefix}{n:05}"))).collect()
}

pub(super) fn serial(text: &str) -> TokenSerial {
    TokenSerial::parse(text).expect("a serial")
}

pub(super) fn login(text: &str) -> Login {
    Login::parse(text).expect("a login")
}

pub(super) fn resource(text: &str) -> ResourceName {
    ResourceName::parse(text).expect("a resource name")
}

pub(super) fn alias() -> ResourceAlias {
    ResourceAlias::parse("vpn").expect("an alias")
}

pub(super) fn batch(text: &str) -> BatchName {
    BatchName::parse(text).expect("a batch name")
}

pub(super) fn typed(text: &str) -> Passphrase {
    Passphrase::from_text(text.to_owned())
}

pub(super) fn admin() -> Actor {
    Actor::local(1000)
}

pub(super) fn operator(id: u64) -> Actor {
    let name = login(&format!("operator{id}"));
    Actor {
        origin: ActorOrigin::Operator { id: OperatorId(id), login: name },
        role: Some(Role::Helpdesk),
        scope: Scope::All,
        address: None,
        request_id: None,
    }
}

/// An admin who may do everything.
pub(super) fn boss() -> Actor {
    Actor { role: Some(Role::Admin), ..operator(901) }
}

pub(super) fn verifier() -> Actor {
    Actor { role: Some(Role::Verifier), ..operator(900) }
}

pub(super) fn request(text: &str, name: &str) -> ImportRequest {
    ImportRequest::new(format!("{name}.csv"), Seed::new(text.as_bytes().to_vec()))
}

/// The word of a refusal.
pub(super) fn why(error: ServiceError) -> &'static str {
    match error {
        ServiceError::State { code, .. } | ServiceError::Invalid { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

/// These tokens on *VPN*, and anna there.
pub(super) fn furnished(tokens: &[&StandIn]) -> Home {
    let home = Home::new();
    home.add_vpn();
    home.add_user("anna");
    home.import("box", tokens);
    home.assign_batch("box");
    home
}

/// A service over a store, and what is needed to start it again.
pub(crate) struct Home {
    pub(crate) service: Arc<Service>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) store: Arc<dyn Store>,
    pub(super) root: Arc<RootKey>,
    mail: MailMode,
}

impl Home {
    pub(crate) fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("memory"));
        Self::over(store, true)
    }

    pub(super) fn over(store: Arc<dyn Store>, demo: bool) -> Self {
        Self::since(START, store, demo)
    }

    /// The same at another time.
    pub(super) fn since(start: UnixTime, store: Arc<dyn Store>, demo: bool) -> Self {
        let clock = Arc::new(ManualClock::new(start));
        let root = Arc::new(RootKey::generate().expect("random"));
        let mark = StoreMark { demo, ..StoreMark::default() };
        Service::initialise(&*store, &root, &*clock, mark).expect("a new store");
        let mail = MailMode::Outbox;
        let service = Service::open(Arc::clone(&store), &root, clock.clone(), mail).expect("opens");
        Self { service: Arc::new(service), clock, store, root, mail }
    }

    /// Another service over a store, as after a restart.
    pub(super) fn open(&self, store: Arc<dyn Store>) -> Result<Service, ServiceError> {
        Service::open(store, &self.root, self.clock.clone(), self.mail)
    }

    pub(super) fn wait(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    /// The server's step of 30 s.
    pub(super) fn step(&self) -> u64 {
        u64::try_from(self.service.now().secs()).expect("after 1970") / 30
    }

    /// Makes the operators up to this number, as [`operator`] calls them.
    pub(super) fn hire(&self, up_to: u64) {
        let there = self.service.operators(&admin(), Page::first(99)).expect("listed").items.len();
        for id in u64::try_from(there).expect("few") + 1..=up_to {
            let name = login(&format!("operator{id}"));
            self.service.add_operator(&boss(), &name, &typed(PASSWORD), Role::Helpdesk, None).expect("hired");
        }
    }

    /// Makes another of an operator, as whoever manages the store could.
    pub(super) fn reform(&self, name: &str, change: fn(Operator) -> Operator) {
        let name = name.to_owned();
        self.store
            .write(move |view| {
                let before = view.operator_by_login(&name)?.expect("hired");
                Ok::<_, StoreError>(((), vec![Change::PutOperator(change(before))]))
            })
            .expect("written");
    }

    /// Reads a file into a plan.
    pub(super) fn plan(&self, request: ImportRequest) -> ImportView {
        let task = self.service.begin_import(&admin(), request).expect("accepted");
        self.service.run_import(&task);
        self.service.import(&admin(), task.import).expect("there")
    }

    pub(super) fn commit(&self, id: ImportId) -> Result<ImportView, ServiceError> {
        self.service.commit_import(&admin(), id, None, None)
    }

    /// Imports tokens as the batch `name`.
    pub(super) fn import(&self, name: &str, tokens: &[&StandIn]) -> ImportId {
        let view = self.plan(ImportRequest { commit: true, ..request(&file(tokens), name) });
        assert!(matches!(view.import.state, ImportState::Committed { .. }), "{view:?}");
        for token in tokens {
            token.tell_pin(&self.service);
        }
        view.import.id
    }

    /// A check by an operator.
    pub(super) fn check(&self, token: &StandIn, otp: &Otp) -> CheckResult {
        self.service.check(&operator(1), &token.serial, otp).expect("answered")
    }

    pub(super) fn floor(&self, token: &StandIn) -> u64 {
        self.service.token(&admin(), &token.serial).expect("there").state.floor.0
    }

    /// Makes the token anna's on *VPN*.
    pub(super) fn give_to_anna(&self, token: &StandIn) {
        let request = AssignRequest {
            kind: AssignmentKind::TokenWithUser,
            user: Some(login("anna")),
            token: Some(token.serial.clone()),
        };
        self.service.assign(&admin(), &resource("VPN"), &request).expect("assigned");
    }

    /// A resource *VPN* with an open portal.
    pub(crate) fn add_vpn(&self) {
        self.service.add_resource(&admin(), &resource("VPN")).expect("made");
        let settings = PortalSettings {
            alias: Some(alias()),
            actions: Some(vec![PortalAction::RegisterExistingToken, PortalAction::SynchronizeToken]),
            ..PortalSettings::default()
        };
        self.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
    }

    /// A user on *VPN* with a password.
    pub(super) fn add_user(&self, name: &str) {
        let new = NewUser {
            login: name.to_owned(),
            password: Some(typed(PASSWORD)),
            resource: Some(resource("VPN")),
            ..NewUser::default()
        };
        self.service.add_user(&admin(), new).expect("made");
    }

    /// A user on *VPN* with a mail address only.
    pub(super) fn add_mail_user(&self, name: &str) {
        let email = EmailAddress::parse(&format!("{name}@example.org")).expect("an address");
        let new = NewUser {
            login: name.to_owned(),
            email: Some(email),
            resource: Some(resource("VPN")),
            ..NewUser::default()
        };
        self.service.add_user(&admin(), new).expect("made");
    }

    pub(super) fn assign_batch(&self, name: &str) {
        self.service
            .assign_batch(&admin(), &batch(name), &resource("VPN"), BatchPart::Whole)
            .expect("assigned");
    }

    pub(super) fn session(&self, cookie: &BearerToken) -> PortalSession {
        self.service.portal_session(&alias(), cookie).expect("readable").expect("alive")
    }

    /// Page 1.
    pub(super) fn begin(&self, name: &str) -> PortalSession {
        let cookie = self.service.portal_begin(&alias(), &login(name), &visit()).expect("begun");
        self.session(&cookie)
    }

    /// A fresh proof by what the token shows: the session goes on under another id.
    pub(super) fn prove(&self, portal: &PortalSession, otp: &Otp) -> PortalSession {
        match self.service.portal_prove_code(portal, None, otp, &visit()).expect("answered") {
            ProofResult::Passed { cookie } => self.session(&cookie),
            other => panic!("{other:?}"),
        }
    }

    /// All three pages, with the token's next code; the clock moves on by a step.
    pub(super) fn sign_in_full(&self, name: &str, token: &StandIn) -> PortalSession {
        self.wait(30);
        let owed = self.sign_in(name);
        match self.service.portal_third(&owed, &token.at(self.step()), &visit()).expect("answered") {
            ThirdPage::Passed { cookie } => self.session(&cookie),
            other => panic!("{other:?}"),
        }
    }

    /// Pages 1 and 2 with the password.
    pub(super) fn sign_in(&self, name: &str) -> PortalSession {
        let first = self.begin(name);
        match self.service.portal_second(&first, &typed(PASSWORD), &visit()).expect("answered") {
            SecondPage::Passed { cookie, .. } => self.session(&cookie),
            other => panic!("{other:?}"),
        }
    }

    /// Pages 1 and 2 with the code that is mailed.
    pub(super) fn sign_in_by_mail(&self, name: &str) -> PortalSession {
        let first = self.begin(name);
        let code = self.newest_code();
        match self.service.portal_second(&first, &typed(&code), &visit()).expect("answered") {
            SecondPage::Passed { cookie, .. } => self.session(&cookie),
            other => panic!("{other:?}"),
        }
    }

    /// The eight digits of the newest mail that has some.
    pub(super) fn newest_code(&self) -> String {
        let mails = self.service.outbox(&admin(), 50).expect("a demonstration store");
        let mail = mails.iter().find(|mail| mail.mail.kind == MailKind::Code).expect("a code was mailed");
        let (_, rest) = mail.text.split_once(" is ").expect("the code stands behind");
        rest.chars().take_while(char::is_ascii_digit).collect()
    }

    /// The notices in the outbox, newest first: to whom, and the text.
    pub(super) fn notices(&self) -> Vec<(String, String)> {
        let mails = self.service.outbox(&admin(), 50).expect("a demonstration store");
        let notices = mails.iter().filter(|mail| mail.mail.kind == MailKind::Notice);
        notices.map(|mail| (mail.mail.to.as_str().to_owned(), mail.text.to_string())).collect()
    }

    /// Enables these actions on *VPN*.
    pub(super) fn offer(&self, actions: &[PortalAction]) {
        let settings = PortalSettings { actions: Some(actions.to_vec()), ..PortalSettings::default() };
        self.service.set_portal(&admin(), &resource("VPN"), &settings).expect("set");
    }

    /// A mail address for a user.
    pub(super) fn give_address(&self, name: &str) {
        let email = EmailAddress::parse(&format!("{name}@example.org")).expect("an address");
        let patch = UserPatch { email: Some(Some(email)), ..UserPatch::default() };
        self.service.change_user(&admin(), &login(name), patch).expect("changed");
    }
}
