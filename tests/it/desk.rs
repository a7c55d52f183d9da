//! Portal and station as a browser sees them, over a store in memory and a clock that is moved.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use mintmark::clock::{Clock, ManualClock, UnixTime};
use mintmark::http::auth::LocalPeer;
use mintmark::http::{AppState, Exposure, HttpSettings, router};
use mintmark::jobs::Jobs;
use mintmark::mail::Mailer;
use mintmark::model::*;
use mintmark::oath::{Generator, HashAlg, MovingFactor};
use mintmark::secret::{Passphrase, Seed};
use mintmark::service::*;
use mintmark::store::{RedbStore, Store};
use mintmark::vault::RootKey;
use tower::ServiceExt;

/// 2026-06-15T00:00:00Z.
const START: UnixTime = UnixTime::from_secs(1_781_481_600);
const HOST: &str = "localhost:8080";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const ADMIN: Actor = Actor::local(0);

/// The secret of the token with this number.
fn seed_bytes(number: u64) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x4d69_6e74;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb)
    };
    (0..3).flat_map(|_| next().to_be_bytes()).take(20).collect()
}

pub(crate) fn serial(number: u64) -> String {
    format!("87-123456{number}")
}

/// The desk of a small organisation: tokens 1 to 3 on *VPN*, 4 on *Mail*, 5 on neither; anna with a
/// password, otto with a mail address, both on *VPN*.
pub(crate) struct Desk {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) service: Arc<Service>,
    router: Router,
    jobs: Arc<Jobs>,
}

pub(crate) fn resource(name: &str) -> ResourceName {
    ResourceName::parse(name).expect("a name")
}

impl Desk {
    pub(crate) fn open() -> Self {
        Self::open_with(MailMode::Outbox, None)
    }

    /// With a mail server of its own.
    pub(crate) fn open_with(mode: MailMode, mailer: Option<Mailer>) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("a store"));
        let root = RootKey::generate().expect("a key");
        let mark = StoreMark { demo: mailer.is_none(), simulated: false };
        Service::initialise(&*store, &root, &*clock, mark).expect("a new store");
        let shared: Arc<dyn Clock> = clock.clone();
        let service = Arc::new(Service::open(store, &root, shared, mode).expect("opened"));
        Self::fill(&service);
        let jobs = Arc::new(Jobs::start(&service, mailer).expect("workers"));
        let settings = HttpSettings {
            public_url: format!("http://{HOST}"),
            allowed_hosts: vec![HOST.to_owned()],
            trusted_proxies: Vec::new(),
            secure: false,
            exposure: Exposure::Everything,
        };
        let router = router(AppState::new(Arc::clone(&service), Arc::clone(&jobs), settings));
        Self { clock, service, router, jobs }
    }

    fn fill(service: &Service) {
        for name in ["VPN", "Mail"] {
            service.add_resource(&ADMIN, &resource(name)).expect("a resource");
        }
        let portal = PortalSettings {
            alias: Some(ResourceAlias::parse("vpn").expect("an alias")),
            enabled: Some(true),
            actions: Some(vec![PortalAction::RegisterExistingToken, PortalAction::SynchronizeToken]),
            help_text: Some("Extension 4455.".into()),
            ..PortalSettings::default()
        };
        service.set_portal(&ADMIN, &resource("VPN"), &portal).expect("a portal");
        let lines: Vec<String> = (1..=5)
            .map(|n| format!("{},{},totp\n", serial(n), data_encoding::HEXLOWER.encode(&seed_bytes(n))))
            .collect();
        let request = ImportRequest {
            format: Some("oath_csv".into()),
            commit: true,
            ..ImportRequest::new("tokens.csv", Seed::new(lines.concat().into_bytes()))
        };
        let task = service.begin_import(&ADMIN, request).expect("a task");
        service.run_import(&task);
        for number in 1..=4 {
            let request = AssignRequest {
                kind: AssignmentKind::Token,
                user: None,
                token: Some(TokenSerial::parse(&serial(number)).expect("a serial")),
            };
            let place = resource(if number == 4 { "Mail" } else { "VPN" });
            service.assign(&ADMIN, &place, &request).expect("assigned");
        }
        let anna = NewUser {
            login: "anna".into(),
            first_name: "Anna".into(),
            password: Some(Passphrase::from_text(PASSWORD.into())),
            resource: Some(resource("VPN")),
            ..NewUser::default()
        };
        service.add_user(&ADMIN, anna).expect("anna");
        let otto = NewUser {
            login: "otto".into(),
            email: Some(EmailAddress::parse("otto@example.org").expect("an address")),
            resource: Some(resource("VPN")),
            ..NewUser::default()
        };
        service.add_user(&ADMIN, otto).expect("otto");
    }

    /// `count` codes of a token whose clock differs by `drift` seconds; the last is the present one.
    pub(crate) fn codes(&self, number: u64, drift: i64, count: u64) -> Vec<String> {
        let generator = Generator::new(&Seed::new(seed_bytes(number)), HashAlg::Sha1);
        let step = u64::try_from((self.clock.now().secs() + drift).div_euclid(30)).expect("after 1970");
        (0..count)
            .map(|n| format!("{:06}", generator.truncated(MovingFactor(step + 1 + n - count)) % 1_000_000))
            .collect()
    }

    /// Lets the workers finish.
    pub(crate) fn close(self) {
        self.jobs.stop(&self.service);
    }

    pub(crate) fn later(&self, secs: u64) {
        self.clock.advance(Duration::from_secs(secs));
    }

    pub(crate) fn browser(&self) -> Browser<'_> {
        Browser { desk: self, staff: false, agent: "", cookies: BTreeMap::new(), form_token: String::new() }
    }

    pub(crate) fn staff(&self) -> Browser<'_> {
        Browser { staff: true, ..self.browser() }
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn location(&self) -> &str {
        self.headers.get(header::LOCATION).and_then(|v| v.to_str().ok()).unwrap_or_default()
    }

    #[track_caller]
    pub(crate) fn leads_to(&self, path: &str) {
        assert_eq!((self.status, self.location()), (StatusCode::SEE_OTHER, path), "{}", self.body);
    }

    #[track_caller]
    pub(crate) fn says(&self, status: StatusCode, words: &str) {
        assert_eq!(self.status, status, "{}", self.body);
        assert!(self.body.contains(words), "{words:?} is missing in {}", self.body);
    }
}

pub(crate) struct Browser<'a> {
    desk: &'a Desk,
    staff: bool,
    /// What it says it is.
    pub(crate) agent: &'static str,
    cookies: BTreeMap<String, String>,
    pub(crate) form_token: String,
}

pub(crate) fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

impl Browser<'_> {
    pub(crate) async fn send(&mut self, method: &str, path: &str, body: String) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::ORIGIN, format!("http://{HOST}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::USER_AGENT, self.agent)
            .header(header::COOKIE, cookies.join("; "))
            .body(Body::from(body))
            .expect("a request");
        if self.staff {
            request.extensions_mut().insert(LocalPeer { uid: 0 });
        }
        let response = self.desk.router.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let pair = cookie.to_str().expect("text").split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a pair");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let bytes = body.collect().await.expect("a body").to_bytes();
        let body = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((_, rest)) = body.split_once("name=\"form_token\" value=\"") {
            rest.split('"').next().unwrap_or_default().clone_into(&mut self.form_token);
        }
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, String::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let token = self.form_token.clone();
        let mut pairs = vec![format!("form_token={}", escape(&token))];
        pairs.extend(fields.iter().map(|(name, value)| format!("{name}={}", escape(value))));
        self.send("POST", path, pairs.join("&")).await
    }

    /// Pages 1 and 2.
    pub(crate) async fn sign_in(&mut self, login: &str, secret: &str) -> Answer {
        self.get("/selfservice/vpn/portal").await.says(StatusCode::OK, "Your login");
        self.post("/selfservice/vpn/portal", &[("login", login)]).await.leads_to("/selfservice/vpn/verify");
        self.get("/selfservice/vpn/verify").await.says(StatusCode::OK, login);
        self.post("/selfservice/vpn/verify", &[("secret", secret)]).await
    }

    pub(crate) async fn confirm(&mut self, serial: &str, codes: &[String]) -> Answer {
        let fields = [("serial", serial), ("otp1", codes[0].as_str()), ("otp2", codes[1].as_str())];
        self.post("/selfservice/vpn/tokens/confirm", &fields).await
    }
}

/// P7 to P17: from the login to one's own token, then in again with its code.
#[tokio::test]
async fn user_confirms_a_token_and_signs_in_with_it() {
    let desk = Desk::open();
    let mut anna = desk.browser();
    anna.get("/selfservice/vpn").await.leads_to("/selfservice/vpn/portal");
    anna.get("/selfservice/vpn/home").await.leads_to("/selfservice/vpn/portal");
    anna.sign_in("anna", "not the password").await.says(StatusCode::UNPROCESSABLE_ENTITY, "That did not fit");
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    anna.get("/selfservice/vpn/verify").await.leads_to("/selfservice/vpn/home");
    let home = anna.get("/selfservice/vpn/home").await;
    home.says(StatusCode::OK, "Existing Token Registration");
    assert!(!home.body.contains("Token Synchronization") && home.body.contains("Extension 4455."));

    anna.get("/selfservice/vpn/tokens/confirm").await.says(StatusCode::OK, "Serial number");
    let bad = anna.confirm(&serial(1), &["12345x".into(), "123456".into()]).await;
    bad.says(StatusCode::UNPROCESSABLE_ENTITY, "A code has digits only.");
    assert!(!bad.body.contains("12345x"), "codes are never shown again");
    let same = anna.confirm(&serial(1), &["123456".into(), "123456".into()]).await;
    same.says(StatusCode::UNPROCESSABLE_ENTITY, "the same code again");
    let codes = desk.codes(1, 0, 2);
    anna.confirm(&serial(1), &codes).await.leads_to("/selfservice/vpn/tokens/confirm?done");
    let done = anna.get("/selfservice/vpn/tokens/confirm?done").await;
    done.says(StatusCode::OK, "This token is yours now");
    done.says(StatusCode::OK, &serial(1));
    let refused = anna.get("/selfservice/vpn/tokens/confirm").await;
    refused.says(StatusCode::NOT_FOUND, "That is not possible here");

    anna.post("/selfservice/vpn/sign-out", &[]).await.leads_to("/selfservice/vpn/portal?signed-out");
    anna.get("/selfservice/vpn/portal?signed-out").await.says(StatusCode::OK, "You are signed out.");
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    anna.get("/selfservice/vpn/home").await.leads_to("/selfservice/vpn/otp");
    anna.get("/selfservice/vpn/otp").await.says(StatusCode::OK, "data-step-secs=\"30\"");
    let used = anna.post("/selfservice/vpn/otp", &[("otp", &codes[1])]).await;
    used.says(StatusCode::UNPROCESSABLE_ENTITY, "already used");
    desk.later(30);
    let next = desk.codes(1, 0, 1);
    anna.post("/selfservice/vpn/otp", &[("otp", &next[0])]).await.leads_to("/selfservice/vpn/home");
    anna.get("/selfservice/vpn/home").await.says(StatusCode::OK, "Token Synchronization");
}

/// P20, P49: a token that drifted does not lock its owner out.
#[tokio::test]
async fn drifted_token_signs_in_by_synchronizing() {
    let desk = Desk::open();
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    anna.confirm(&serial(1), &desk.codes(1, 0, 2)).await.leads_to("/selfservice/vpn/tokens/confirm?done");
    anna.post("/selfservice/vpn/sign-out", &[]).await;
    desk.later(3_600);
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/otp");
    let page = anna.get("/selfservice/vpn/otp").await;
    assert!(!page.body.contains("Synchronize and sign in"), "offered only after a refused code");
    let codes = desk.codes(1, 7_200, 2);
    let refused = anna.post("/selfservice/vpn/otp", &[("otp", &codes[1])]).await;
    refused.says(StatusCode::UNPROCESSABLE_ENTITY, "Synchronize and sign in");
    let fields = [("synchronize", "1"), ("otp1", codes[0].as_str()), ("otp2", codes[1].as_str())];
    anna.post("/selfservice/vpn/otp", &fields).await.leads_to("/selfservice/vpn/home");
    anna.get("/selfservice/vpn/home").await.says(StatusCode::OK, "Its clock is 2 h fast; we know that.");

    desk.later(300);
    anna.get("/selfservice/vpn/tokens/synchronize").await.says(StatusCode::OK, &serial(1));
    let codes = desk.codes(1, 7_200, 2);
    let fields = [("serial", "ignored"), ("otp1", codes[0].as_str()), ("otp2", codes[1].as_str())];
    let done = anna.post("/selfservice/vpn/tokens/synchronize", &fields).await;
    done.leads_to("/selfservice/vpn/tokens/synchronize?done");
    let again = anna.post("/selfservice/vpn/tokens/synchronize", &fields).await;
    again.says(StatusCode::UNPROCESSABLE_ENTITY, "already used");
}

/// P8, P10: with a mail address only, a code is mailed.
#[tokio::test]
async fn user_without_password_signs_in_with_a_mailed_code() {
    let desk = Desk::open();
    let mut otto = desk.browser();
    let wrong = otto.sign_in("otto", "00000000").await;
    wrong.says(StatusCode::UNPROCESSABLE_ENTITY, "That did not fit");
    let mails = desk.service.outbox(&Actor::local(1), 1).expect("a demonstration store shows them");
    let text = mails[0].text.as_str();
    let code = text
        .split(|c: char| !c.is_ascii_digit())
        .find(|word| word.len() == 8)
        .expect("eight digits")
        .to_owned();
    let spaced = format!("{} {}", &code[..4], &code[4..]);
    let passed = otto.post("/selfservice/vpn/verify", &[("secret", &spaced)]).await;
    passed.leads_to("/selfservice/vpn/home");
}

/// An answer without what may differ: the login typed and random values.
pub(crate) fn plain(answer: &Answer, typed: &str, form_token: &str) -> (StatusCode, Vec<String>, String) {
    let headers = answer
        .headers
        .iter()
        .map(|(name, value)| {
            let value = value.to_str().expect("text");
            if *name == header::SET_COOKIE {
                format!("{name}: {} bytes", value.len())
            } else {
                format!("{name}: {value}")
            }
        })
        .collect();
    assert!(form_token.is_empty() || form_token.len() == 32);
    let body = answer.body.replace(typed, "LOGIN");
    let body = if form_token.is_empty() { body } else { body.replace(form_token, "TOKEN") };
    (answer.status, headers, body)
}

/// Law 6: status, headers and body say nothing about whether a login exists.
#[tokio::test]
async fn known_and_unknown_logins_get_equal_answers() {
    let desk = Desk::open();
    let mut walks = Vec::new();
    // With a password, with a mail address, not there.
    for login in ["anna", "otto", "nora"] {
        let mut browser = desk.browser();
        let mut walk = Vec::new();
        let mut lengths = Vec::new();
        let mut note = |answer: Answer, token: &str| {
            lengths.push(answer.body.len());
            walk.push(plain(&answer, login, token));
        };
        let first = browser.get("/selfservice/vpn/portal").await;
        note(first, &browser.form_token);
        let begun = browser.post("/selfservice/vpn/portal", &[("login", login)]).await;
        note(begun, &browser.form_token);
        let second = browser.get("/selfservice/vpn/verify").await;
        note(second, &browser.form_token);
        // Until the method is blocked, and once more.
        for _ in 0..7 {
            let refused = browser.post("/selfservice/vpn/verify", &[("secret", "99999999")]).await;
            note(refused, &browser.form_token);
        }
        walks.push((walk, lengths));
    }
    assert_eq!(walks[0], walks[2], "anna and nobody");
    assert_eq!(walks[1], walks[2], "otto and nobody");
    assert_eq!(walks[2].0.last().map(|step| step.0), Some(StatusCode::TOO_MANY_REQUESTS));
}

/// P17: unknown serial, token of another resource, unassigned token and wrong codes: same words.
#[tokio::test]
async fn failed_confirmations_get_equal_answers() {
    let desk = Desk::open();
    let mut anna = desk.browser();
    anna.sign_in("anna", PASSWORD).await.leads_to("/selfservice/vpn/home");
    anna.get("/selfservice/vpn/tokens/confirm").await;
    let wrong = vec!["111111".to_owned(), "222222".to_owned()];
    let mut answers = Vec::new();
    for (typed, codes) in [
        (serial(9), wrong.clone()),
        (serial(4), desk.codes(4, 0, 2)),
        (serial(5), desk.codes(5, 0, 2)),
        (serial(1), wrong.clone()),
        (serial(1), vec!["11111111".into(), "22222222".into()]),
    ] {
        let answer = anna.confirm(&typed, &codes).await;
        answer.says(StatusCode::UNPROCESSABLE_ENTITY, "We could not confirm this token.");
        answers.push(plain(&answer, &typed, ""));
    }
    for answer in &answers[1..] {
        assert_eq!(answer, &answers[0]);
    }
}

#[tokio::test]
async fn closed_and_unknown_portals_get_the_same_page() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    let unknown = browser.get("/selfservice/nothing/portal").await;
    unknown.says(StatusCode::NOT_FOUND, "There is no self-service at this address");
    let closing = PortalSettings { enabled: Some(false), ..PortalSettings::default() };
    desk.service.set_portal(&ADMIN, &resource("VPN"), &closing).expect("closed");
    let closed = browser.get("/selfservice/vpn/portal").await;
    assert_eq!((closed.status, closed.body), (unknown.status, unknown.body));
}

#[tokio::test]
async fn form_of_another_page_is_refused_with_a_page() {
    let desk = Desk::open();
    let mut browser = desk.browser();
    browser.get("/selfservice/vpn/portal").await;
    browser.form_token = "0".repeat(32);
    let refused = browser.post("/selfservice/vpn/portal", &[("login", "anna")]).await;
    refused.says(StatusCode::FORBIDDEN, "This page is too old");
    desk.browser().get("/station").await.says(StatusCode::UNAUTHORIZED, "You are not signed in");
}

/// The helpdesk brings a token back that is 41 days off: two codes are not enough, three are.
#[tokio::test]
async fn station_brings_a_token_back_after_41_days() {
    let desk = Desk::open();
    let drift = -(41 * 86_400 + 3 * 3_600);
    let mut staff = desk.staff();
    staff.get("/station").await.says(StatusCode::OK, "Login, name or serial number");
    staff
        .post("/station/find", &[("find", "nobody")])
        .await
        .says(StatusCode::NOT_FOUND, "Nobody and no token");
    staff.post("/station/find", &[("find", "anna")]).await.leads_to("/station/person/anna");
    staff.get("/station/person/anna").await.says(StatusCode::OK, "No token yet.");
    let list = staff.post("/station/find", &[("find", "87-12")]).await;
    list.says(StatusCode::OK, "/station/token/87-1234563");
    staff.post("/station/find", &[("find", "871234562")]).await.leads_to("/station/token/87-1234562");
    let page = staff.get("/station/token/87-1234562").await;
    page.says(StatusCode::OK, "Nobody holds this token");
    assert!(!page.body.contains("name=\"otp3\""));

    let step = "/station/tokens/87-1234562/resync";
    let codes = desk.codes(2, drift, 2);
    let reason = ("reason", "Person at the desk, identified");
    let more = staff.post(step, &[("otp1", &codes[0]), ("otp2", &codes[1]), reason]).await;
    more.says(StatusCode::OK, "One more code");
    more.says(StatusCode::OK, "name=\"otp3\"");
    desk.later(120);
    let codes = desk.codes(2, drift, 3);
    let fields = [("otp1", codes[0].as_str()), ("otp2", &codes[1]), ("otp3", &codes[2]), reason];
    let done = staff.post(step, &fields).await;
    done.says(StatusCode::OK, "Synchronised");
    done.says(StatusCode::OK, "The clock is 41 days 3 h slow; corrected.");
    let again = staff.post(step, &fields).await;
    again.says(StatusCode::OK, "Already used");
    let page = staff.get("/station/token/87-1234562").await;
    page.says(StatusCode::OK, "The clock is 41 days 3 h slow.");
}

/// Codes of the token beside it: the desk is told whose they are.
#[tokio::test]
async fn station_says_whose_codes_these_are() {
    let desk = Desk::open();
    let mut staff = desk.staff();
    staff.get("/station/token/87-1234562").await;
    let codes = desk.codes(3, 0, 3);
    let fields = [
        ("otp1", codes[0].as_str()),
        ("otp2", &codes[1]),
        ("otp3", &codes[2]),
        ("reason", "Person at the desk, identified"),
    ];
    let told = staff.post("/station/tokens/87-1234562/resync", &fields).await;
    told.says(StatusCode::OK, "These codes are from another token");
    told.says(StatusCode::OK, "Token 87-1234563 shows them");
    staff.get("/admin/tokens/87-1234562/resync").await;
    let told = staff.post("/admin/tokens/87-1234562/resync", &fields).await;
    told.says(StatusCode::OK, "Token 87-1234563 shows them");
}

/// A clock that somebody set to local time is named as that, and its picture stands on its page.
#[tokio::test]
async fn station_names_a_time_zone_and_shows_the_clock() {
    let desk = Desk::open();
    let mut staff = desk.staff();
    let page = staff.get("/station/token/87-1234562").await;
    assert!(!page.body.contains("class=\"chart\""), "nothing was seen of it yet");
    let codes = desk.codes(2, 7_200, 2);
    let fields = [("otp1", codes[0].as_str()), ("otp2", &codes[1]), ("reason", "")];
    let done = staff.post("/station/tokens/87-1234562/resync", &fields).await;
    done.says(
        StatusCode::OK,
        "The clock is 2 h fast; corrected. Somebody set it to local time: it shows UTC+2:00.",
    );
    let page = staff.get("/station/token/87-1234562").await;
    page.says(StatusCode::OK, "class=\"chart\"");
    page.says(StatusCode::OK, "Show as table");
}

/// P51: handing out by name, a check, and the confirmation at the desk.
#[tokio::test]
async fn station_hands_out_checks_and_confirms() {
    let desk = Desk::open();
    let mut staff = desk.staff();
    staff.get("/station/token/87-1234561").await.says(StatusCode::OK, "87-1234561");
    let missing = staff.post("/station/tokens/87-1234561/handout", &[("login", "nora")]).await;
    missing.says(StatusCode::UNPROCESSABLE_ENTITY, "There is nobody of this login.");
    let given = staff.post("/station/tokens/87-1234561/handout", &[("login", "anna")]).await;
    given.says(StatusCode::OK, "Token 87-1234561 is with anna now.");
    given.says(StatusCode::OK, "Confirm for anna on VPN");
    staff.get("/station/person/anna").await.says(StatusCode::OK, "87-1234561");
    let check = "/station/tokens/87-1234561/check";
    let code = desk.codes(1, 0, 1);
    staff.post(check, &[("otp1", &code[0])]).await.says(StatusCode::OK, "Accepted");
    let used = staff.post(check, &[("otp1", &code[0])]).await;
    used.says(StatusCode::OK, "Already used");
    let far = staff.post(check, &[("otp1", &desk.codes(1, 7_200, 1)[0])]).await;
    far.says(StatusCode::OK, "The clock is 2 h fast, if this code is its own.");
    desk.later(60);
    let codes = desk.codes(1, 0, 1);
    let fields = [("user", "anna"), ("resource", "VPN"), ("otp1", codes[0].as_str())];
    let done = staff.post("/station/tokens/87-1234561/confirm", &fields).await;
    done.says(StatusCode::OK, "The token belongs to anna now.");
    let back = staff.post("/station/tokens/87-1234561/custody", &[("to", "in_stock")]).await;
    back.says(StatusCode::CONFLICT, "Not done");
    let back = staff.post("/station/tokens/87-1234561/custody", &[("to", "returned")]).await;
    back.says(StatusCode::OK, "Token 87-1234561 is noted as returned.");
}

/// The last answers stay below; a hand-out can be taken back once, as long as it stands.
#[tokio::test]
async fn station_lists_the_last_answers_and_takes_a_hand_out_back() {
    let desk = Desk::open();
    let mut staff = desk.staff();
    let undo = "/station/tokens/87-1234561/handout/undo";
    staff.get("/station/token/87-1234561").await.says(StatusCode::OK, "Nobody holds this token");
    staff.post("/station/tokens/87-1234561/handout", &[("login", "anna")]).await.says(StatusCode::OK, undo);
    staff
        .post("/station/tokens/87-1234562/check", &[("otp1", "123 456")])
        .await
        .says(StatusCode::OK, "not fit");
    let home = staff.get("/station").await;
    home.says(StatusCode::OK, "handed out to anna.");
    home.says(StatusCode::OK, "its codes did not fit.");
    staff.post(undo, &[]).await.says(StatusCode::OK, "Token 87-1234561 is in stock again.");
    let home = staff.get("/station").await;
    assert!(!home.body.contains(undo), "nothing is left to take back");
    staff.post(undo, &[]).await.says(StatusCode::CONFLICT, "Not done");
}

/// Pages offer what the role may do, and nothing else.
#[tokio::test]
async fn pages_offer_what_the_role_may_do() {
    let desk = Desk::open();
    let password = "a long helpdesk password";
    let login = Login::parse("hella").expect("a login");
    let secret = Passphrase::from_text(password.to_owned());
    desk.service.add_operator(&ADMIN, &login, &secret, Role::Helpdesk, None).expect("an operator");
    let mut helpdesk = desk.browser();
    helpdesk.get("/").await.says(StatusCode::OK, "Sign in");
    let signed_in = helpdesk.post("/sign-in", &[("login", "hella"), ("password", password)]).await;
    assert_eq!(signed_in.status, StatusCode::SEE_OTHER, "{}", signed_in.body);
    let card = helpdesk.get("/station/token/87-1234561").await;
    card.says(StatusCode::OK, "Check the first code");
    for beyond in ["Hand out", "Confirm for"] {
        assert!(!card.body.contains(beyond), "{beyond}");
    }
    let mut staff = desk.staff();
    for (path, offer) in [
        ("/admin/batches", "/admin/import"),
        ("/admin/resources", "Add a resource"),
        ("/admin/resources/VPN/selfservice", "Disable Self-Service"),
        ("/admin/users", "Add a user"),
        ("/admin/users/anna", "/admin/users/anna/edit"),
        ("/admin/operators", "Add an operator"),
        ("/admin/keys", "Add a key"),
        ("/admin/tokens/87-1234561", "Note it"),
        ("/admin/batches", "/admin/audit"),
    ] {
        staff.get(path).await.says(StatusCode::OK, offer);
        let seen = helpdesk.get(path).await;
        assert!(seen.status == StatusCode::OK && !seen.body.contains(offer), "{path} offers {offer}");
    }
    helpdesk.get("/admin/tokens/87-1234561").await.says(StatusCode::OK, "Disable this token");
}
