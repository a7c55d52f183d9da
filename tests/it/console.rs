//! The console as a browser walks through it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use mintmark::clock::{Clock, ManualClock, UnixTime};
use mintmark::http::{AppState, Exposure, HttpSettings, router};
use mintmark::jobs::Jobs;
use mintmark::model::{Actor, Login, Role};
use mintmark::oath::{Digits, Generator, HashAlg, PeriodSecs, time_step};
use mintmark::secret::{Passphrase, Seed};
use mintmark::service::{MailMode, Service, StoreMark};
use mintmark::store::{RedbStore, Store};
use mintmark::vault::RootKey;
use tower::ServiceExt;

const HOST: &str = "mintmark.test";
/// 2026-06-15T00:00:00Z.
const NOW: UnixTime = UnixTime::from_secs(1_781_481_600);
const PASSWORD: &str = "wide meadow, quiet river";
const SECRET: [u8; 20] = [
    0xf4, 0x2a, 0xd2, 0xdd, 0x1f, 0x77, 0xea, 0x77, 0x97, 0xe0, 0x03, 0x97, 0x9e, 0x72, 0xcf, 0x87, 0x0a,
    0xd0, 0xb9, 0xed,
];
const FILE: &str = "# Example Tokens, batch 2026-02\n\
    EXTT-1, f42ad2dd1f77ea7797e003979e72cf870ad0b9ed, totp, 6, 30\n\
    EXTT-2, 477974ff20ca8821e32bde0887f6ef846543e8fb, totp, 6, 30\n";

struct Answer {
    status: StatusCode,
    location: String,
    text: String,
}

/// A browser: keeps cookies, sends back the form token of the last page.
struct Browser {
    router: Router,
    cookies: Vec<(String, String)>,
    form_token: String,
    origin: &'static str,
    service: Arc<Service>,
    clock: Arc<ManualClock>,
}

fn start(role: Role) -> Browser {
    let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("a store"));
    let root = RootKey::generate().expect("a key");
    let clock = Arc::new(ManualClock::new(NOW));
    Service::initialise(&*store, &root, &*clock, StoreMark::default()).expect("a new store");
    let shared: Arc<dyn Clock> = clock.clone();
    let service = Arc::new(Service::open(store, &root, shared, MailMode::None).expect("an open store"));
    let login = Login::parse("ada").expect("a login");
    let password = Passphrase::from_text(PASSWORD.to_owned());
    service.add_operator(&Actor::SYSTEM, &login, &password, role, None).expect("an operator");
    let jobs = Arc::new(Jobs::start(&service, None).expect("workers"));
    let settings = HttpSettings {
        public_url: format!("http://{HOST}"),
        allowed_hosts: vec![HOST.to_owned()],
        trusted_proxies: Vec::new(),
        secure: false,
        exposure: Exposure::Everything,
    };
    let router = router(AppState::new(Arc::clone(&service), jobs, settings));
    Browser {
        router,
        cookies: Vec::new(),
        form_token: String::new(),
        origin: "http://mintmark.test",
        service,
        clock,
    }
}

impl Browser {
    /// Another person's, of the same house.
    fn another(&self) -> Self {
        Self {
            router: self.router.clone(),
            cookies: Vec::new(),
            form_token: String::new(),
            origin: self.origin,
            service: Arc::clone(&self.service),
            clock: Arc::clone(&self.clock),
        }
    }

    async fn send(&mut self, method: &str, path: &str, kind: &str, body: String) -> Answer {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, HOST);
        request = request.header(header::ACCEPT, "text/html").header(header::COOKIE, cookies.join("; "));
        if method != "GET" {
            request = request.header(header::ORIGIN, self.origin).header(header::CONTENT_TYPE, kind);
            request = request.header("x-form-token", &self.form_token);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        for set in response.headers().get_all(header::SET_COOKIE) {
            let pair = set.to_str().expect("text").split(';').next().expect("a pair");
            let (name, value) = pair.split_once('=').expect("name and value");
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
        let location = response.headers().get(header::LOCATION);
        let location = location.map(|value| value.to_str().expect("text").to_owned()).unwrap_or_default();
        let status = response.status();
        let bytes = response.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8(bytes.to_vec()).expect("text");
        if let Some((_, rest)) = text.split_once("name=\"form_token\" value=\"") {
            rest.split('"').next().expect("a token").clone_into(&mut self.form_token);
        }
        Answer { status, location, text }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, "", String::new()).await
    }

    async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let encode = mintmark::http::page::segment;
        let mut body = format!("form_token={}", self.form_token);
        for (name, value) in fields {
            body.extend(["&", &encode(name).to_string(), "=", &encode(value).to_string()]);
        }
        self.send("POST", path, "application/x-www-form-urlencoded", body).await
    }

    async fn sign_in(&mut self) {
        self.sign_in_as("ada").await;
    }

    async fn sign_in_as(&mut self, login: &str) {
        assert_eq!(self.get("/").await.status, StatusCode::OK);
        let answer = self.post("/sign-in", &[("login", login), ("password", PASSWORD)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    }

    async fn upload(&mut self, file: &str) -> Answer {
        let token = self.form_token.clone();
        let body = format!(
            "--xyz\r\nContent-Disposition: form-data; name=\"form_token\"\r\n\r\n{token}\r\n\
             --xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"two.csv\"\r\n\r\n{file}\r\n\
             --xyz\r\nContent-Disposition: form-data; name=\"batch\"\r\n\r\nTwo tokens\r\n\
             --xyz\r\nContent-Disposition: form-data; name=\"set.kind\"\r\n\r\n\r\n--xyz--\r\n"
        );
        self.send("POST", "/admin/import", "multipart/form-data; boundary=xyz", body).await
    }

    /// The page of an import once its file is read.
    async fn read_import(&mut self, path: &str) -> Answer {
        let clock = mintmark::clock::SystemClock::new();
        loop {
            let page = self.get(path).await;
            if !page.text.contains("data-job-events")
                || mintmark::clock::Clock::monotonic(&clock) > Duration::from_secs(20)
            {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the test is the token's display")]
fn shown_code() -> String {
    let step = time_step(NOW, 0, 0, PeriodSecs::DEFAULT).expect("after 1970");
    let otp = Generator::new(&Seed::new(SECRET.to_vec()), HashAlg::Sha1).code(step, Digits::SIX);
    String::from_utf8(otp.expose().to_vec()).expect("digits")
}

fn led(answer: &Answer, to: &str) {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert_eq!(answer.location, to);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_walks_from_seed_file_to_checked_code() {
    let mut browser = start(Role::Admin);
    browser.sign_in().await;
    led(&browser.get("/").await, "/admin/batches");

    assert_eq!(browser.get("/admin/import").await.status, StatusCode::OK);
    let answer = browser.upload(FILE).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let path = answer.location.split('?').next().expect("a path").to_owned();
    let plan = browser.read_import(&answer.location).await;
    assert!(plan.text.contains("2 TOTP tokens: 2 new."), "{}", plan.text);
    led(&browser.post(&format!("{path}/commit"), &[("mode", "all")]).await, &path);
    assert!(browser.get(&path).await.text.contains("2 tokens are here."));

    led(
        &browser.post("/admin/resources", &[("name", "VPN")]).await,
        "/admin/resources/VPN?done=resource-added",
    );
    let batch = "/admin/batches/Two%20tokens";
    let preview = browser.post(&format!("{batch}/assign"), &[("resource", "VPN"), ("serials", "")]).await;
    assert!(preview.text.contains("2 tokens would stand on VPN."), "{}", preview.text);
    let fields = [("resource", "VPN"), ("serials", ""), ("confirmed", "true")];
    led(&browser.post(&format!("{batch}/assign"), &fields).await, &format!("{batch}?done=batch-assigned"));
    assert!(browser.get("/admin/tokens?resource=VPN&custody=assigned").await.text.contains("EXTT-2"));

    let portal = "/admin/resources/VPN/selfservice";
    assert!(browser.get(&format!("{portal}?enable=1")).await.text.contains("name=\"alias\""));
    let refused = browser.post(portal, &[("enabled", "true"), ("alias", "My VPN")]).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.text.contains("My VPN"), "the form keeps what was typed");
    led(
        &browser.post(portal, &[("enabled", "true"), ("alias", "vpn")]).await,
        &format!("{portal}?done=portal-on"),
    );
    led(
        &browser
            .post(&format!("{portal}/actions"), &[("order", ""), ("toggle", "register_existing_token")])
            .await,
        &format!("{portal}?done=portal-changed"),
    );
    let tab = browser.get(portal).await.text;
    assert!(
        tab.contains("http://mintmark.test/selfservice/vpn") && tab.contains("Existing Token Registration")
    );
    assert!(tab.contains("<path fill=\"#000\""), "the address as QR code");

    let fields =
        [("login", "test"), ("email", "test@example.org"), ("first_name", "Tess"), ("last_name", "Test")];
    led(&browser.post("/admin/users", &fields).await, "/admin/users/test?done=user-added");
    assert!(browser.get("/admin/users/test").await.text.contains("test@example.org"));
    let fields = [("kind", "user"), ("user", "test")];
    led(
        &browser.post("/admin/resources/VPN/assign", &fields).await,
        "/admin/resources/VPN/users?done=assigned",
    );
    let seen = browser.get(&format!("{portal}?see=test")).await.text;
    assert!(seen.contains("test would see 1 action."), "{seen}");

    let code = shown_code();
    let token = "/admin/tokens/EXTT-1";
    assert!(browser.get(&format!("{token}/check")).await.text.contains("data-ring"));
    let checked = browser.post(&format!("{token}/check"), &[("otp", &code)]).await;
    assert!(checked.text.contains("Accepted") && !checked.text.contains(&code), "{}", checked.text);
    let again = browser.post(&format!("{token}/check"), &[("otp", &code)]).await;
    assert!(again.text.contains("Replayed"), "{}", again.text);
    let clocks = browser.get("/admin/drift").await.text;
    assert!(clocks.contains("1 known, 0 with a rate") && clocks.contains("Show as table"), "{clocks}");

    led(
        &browser.post(&format!("{token}/edit"), &[("enabled", "false")]).await,
        &format!("{token}?done=token-disabled"),
    );
    for path in [
        "/admin/batches",
        batch,
        "/admin/drift",
        "/admin/resources",
        "/admin/resources/VPN",
        "/admin/resources/VPN/tokens",
        "/admin/resources/VPN/pairs",
        "/admin/resources/VPN/unconfirmed",
        "/admin/users",
        "/admin/tokens/EXTT-1",
        "/admin/tokens/EXTT-1/resync",
        "/admin/tokens/EXTT-1/history",
        "/admin/audit",
        "/admin/audit?q=extt&action=otp_checked",
        "/admin/operators",
        "/admin/keys",
    ] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        assert!(!page.text.contains("data-missing"), "{path} names an icon that is not there");
    }
    let verified = browser.post("/admin/audit/verify", &[]).await;
    assert!(verified.text.contains("The chain is whole."), "{}", verified.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_shown_once() {
    let mut browser = start(Role::Admin);
    browser.sign_in().await;
    browser.get("/admin/keys").await;
    let made = browser.post("/admin/keys", &[("name", "gateway"), ("role", "verifier"), ("scope", "")]).await;
    assert!(made.text.contains("The key of gateway"), "{}", made.text);
    let key = made.text.split("<code data-copy-source>").nth(1).and_then(|rest| rest.split('<').next());
    let key = key.expect("the key").to_owned();
    assert!(key.len() > 20 && !browser.get("/admin/keys").await.text.contains(&key));
    led(&browser.post("/admin/keys/gateway/revoke", &[]).await, "/admin/keys?done=key-revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_of_other_pages_are_refused() {
    let mut browser = start(Role::Admin);
    browser.sign_in().await;
    browser.get("/admin/resources").await;
    let token = std::mem::take(&mut browser.form_token);
    let without = browser.post("/admin/resources", &[("name", "VPN")]).await;
    assert_eq!(without.status, StatusCode::FORBIDDEN);
    assert!(without.text.contains("<html"), "a page says so");
    browser.form_token = String::new();
    assert_eq!(browser.upload(FILE).await.status, StatusCode::FORBIDDEN);
    browser.form_token = token;
    browser.origin = "http://elsewhere.test";
    let foreign = browser.post("/admin/resources", &[("name", "VPN")]).await;
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    browser.origin = "http://mintmark.test";
    assert!(!browser.get("/admin/resources").await.text.contains("/admin/resources/VPN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_forbidden_is_a_page() {
    let mut browser = start(Role::Auditor);
    led(&browser.get("/admin/tokens").await, "/");
    browser.sign_in().await;
    let missing = browser.get("/admin/tokens/NOBODY-1").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.text.contains("<html") && missing.text.contains("There is no token"), "{}", missing.text);
    let nowhere = browser.get("/admin/nowhere").await;
    assert!(nowhere.status == StatusCode::NOT_FOUND && nowhere.text.contains("<html"));
    assert_eq!(browser.get("/admin/import").await.status, StatusCode::FORBIDDEN);
    browser.get("/admin/audit").await;
    let refused = browser.post("/admin/resources", &[("name", "VPN")]).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    led(&browser.post("/sign-out", &[]).await, "/");
    led(&browser.get("/admin/audit").await, "/");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_admins_accept_a_clock() {
    let mut ada = start(Role::Admin);
    let ben = Login::parse("ben").expect("a login");
    let password = Passphrase::from_text(PASSWORD.to_owned());
    ada.service.add_operator(&Actor::SYSTEM, &ben, &password, Role::Admin, None).expect("an operator");
    ada.sign_in().await;
    ada.get("/admin/import").await;
    let path = ada.upload(FILE).await.location;
    ada.read_import(&path).await;
    let path = path.split('?').next().expect("a path").to_owned();
    led(&ada.post(&format!("{path}/commit"), &[("mode", "all")]).await, &path);
    let button = "action=\"/admin/audit/clock\"";
    assert!(!ada.get("/admin/audit").await.text.contains(button), "nothing to accept");

    // The clock ran ahead when the log was last written, and is right again now.
    ada.clock.set(NOW.plus_secs(-3_600));
    let mut ben = ada.another();
    ben.sign_in_as("ben").await;
    let refused = ben.post("/admin/tokens/EXTT-1/check", &[("otp", "123456")]).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    // The page names the request, as its line in the log and its records do.
    let reference = refused
        .text
        .split("Reference for the administrator: <code>")
        .nth(1)
        .and_then(|rest| rest.split('<').next());
    assert!(reference.is_some_and(|id| id.len() == 17), "{}", refused.text);

    assert!(ada.get("/admin/audit").await.text.contains(button));
    let first = ada.post("/admin/audit/clock", &[]).await;
    assert!(first.text.contains("Yours is the first word."), "{}", first.text);
    let again = ada.post("/admin/audit/clock", &[]).await;
    assert!(again.text.contains("Yours is the first word."), "one person is not two: {}", again.text);
    ben.get("/admin/audit").await;
    let second = ben.post("/admin/audit/clock", &[]).await;
    assert!(second.text.contains("The clock is accepted."), "{}", second.text);
    assert!(!second.text.contains(button));
    let checked = ben.post("/admin/tokens/EXTT-1/check", &[("otp", "123456")]).await;
    assert_eq!(checked.status, StatusCode::OK, "{}", checked.text);
}

/// A form as a browser sends one with a file.
async fn send_list(browser: &mut Browser, fields: &[(&str, &str)], file: Option<&str>) -> Answer {
    let part = |name: &str, value: &str| {
        format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let mut body = part("form_token", &browser.form_token);
    if let Some(file) = file {
        body += &part("file\"; filename=\"people.csv", file);
    }
    body.extend(fields.iter().map(|(name, value)| part(name, value)));
    body += "--xyz--\r\n";
    browser.send("POST", "/admin/users/import", "multipart/form-data; boundary=xyz", body).await
}

/// The value of a hidden field as the browser reads it.
fn hidden(page: &str, name: &str) -> String {
    let begin = format!("name=\"{name}\" value=\"");
    let value = page.split(&begin).nth(1).and_then(|rest| rest.split('"').next()).expect("a hidden field");
    let plain =
        value.replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">").replace("&#39;", "'");
    // As a browser sends it.
    plain.replace("&#38;", "&").replace('\n', "\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn p12_an_admin_imports_a_list_of_users() {
    let mut browser = start(Role::Admin);
    browser.sign_in().await;
    browser.get("/admin/resources").await;
    browser.post("/admin/resources", &[("name", "VPN")]).await;
    assert!(browser.get("/admin/users").await.text.contains("href=\"/admin/users/import\""));
    let empty = browser.get("/admin/users/import").await;
    assert_eq!(empty.status, StatusCode::OK);
    assert!(empty.text.contains("What the file looks like") && empty.text.contains("a.berg@example.org"));
    assert!(!empty.text.contains("data-missing"));

    for (file, words) in [
        ("", "The file is empty."),
        ("login,password\nanna,x\n", "looks like a password"),
        ("e-mail,phone\na@example.org,\n", "no column login"),
    ] {
        let refused = send_list(&mut browser, &[("on_conflict", "fill")], Some(file)).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{file:?}");
        assert!(refused.text.contains(words) && refused.text.contains("Nothing has been stored."), "{words}");
        assert!(refused.text.contains("value=\"fill\" selected"), "the choice is kept");
    }
    let none = send_list(&mut browser, &[], None).await;
    assert!(none.text.contains("Choose the list of users"), "{}", none.text);

    let list = "login;first name;last name;resource\n\nanna;Anna;\"<Berg & \"\"Holm\"\">\";VPN\nbert;;;\n";
    let plan = send_list(&mut browser, &[("on_conflict", "fail")], Some(list)).await;
    assert_eq!(plan.status, StatusCode::OK);
    assert!(plan.text.contains("2 new.") && plan.text.contains("Import 2 users"), "{}", plan.text);
    assert!(!plan.text.contains("data-missing"));
    assert!(!browser.get("/admin/users").await.text.contains("/admin/users/anna"), "a plan stores nothing");
    let back = |mode: &'static str, plan: &str| {
        let kept = ["file_name", "on_conflict", "seen", "list"].map(|name| (name, hidden(plan, name)));
        (kept, mode)
    };
    let (kept, mode) = back("all", &plan.text);
    let fields = |kept: &[(&'static str, String); 4], mode: &'static str| -> Vec<(&'static str, String)> {
        kept.iter().cloned().chain([("mode", mode.to_owned())]).collect()
    };
    let first = fields(&kept, mode);
    let first: Vec<_> = first.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let done = send_list(&mut browser, &first, None).await;
    assert_eq!(done.status, StatusCode::OK);
    assert!(done.text.contains("2 users are here."), "{}", done.text);
    let anna = browser.get("/admin/users/anna").await.text;
    assert!(anna.contains("&#60;Berg &#38; &#34;Holm&#34;&#62;"), "{anna}");

    // Sent once more, the plan is another one: it is shown, not done.
    let again = send_list(&mut browser, &first, None).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.text.contains("Something changed since"), "{}", again.text);
    assert!(again.text.contains("There is nothing to import."), "{}", again.text);

    // A conflict: plan again with what is empty filled, then commit the good ones.
    let list = "anna,anna@example.org\ncarl\n,nobody@example.org\n";
    let plan = send_list(&mut browser, &[("on_conflict", "fail")], Some(list)).await;
    assert!(plan.text.contains("1 new, 1 in conflict, 1 rejected."), "{}", plan.text);
    assert!(plan.text.contains("Import the good one") && plan.text.contains("people.csv"));
    let (kept, mode) = back("fill", &plan.text);
    let sent = fields(&kept, mode);
    let sent: Vec<_> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let plan = send_list(&mut browser, &sent, None).await;
    assert!(plan.text.contains("1 new, 1 filled, 1 rejected."), "{}", plan.text);
    let (kept, mode) = back("only_good", &plan.text);
    let sent = fields(&kept, mode);
    let sent: Vec<_> = sent.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let done = send_list(&mut browser, &sent, None).await;
    assert!(done.text.contains("1 user is here.") && done.text.contains("1 line"), "{}", done.text);
    assert!(browser.get("/admin/users/anna").await.text.contains("anna@example.org"));

    browser.form_token = String::new();
    assert_eq!(send_list(&mut browser, &[], Some("eve\n")).await.status, StatusCode::FORBIDDEN);
    let mut helpdesk = start(Role::Helpdesk);
    helpdesk.sign_in().await;
    assert_eq!(helpdesk.get("/admin/users/import").await.status, StatusCode::FORBIDDEN);
    assert!(!helpdesk.get("/admin/users").await.text.contains("/admin/users/import"));
}

/// P47 over REST: the list belongs to whoever is signed in; `PUT` makes it exactly what is given; secrets are
/// shown once, paths of webhooks never.
#[tokio::test]
async fn notifications_over_rest_belong_to_whoever_signed_in() {
    let mut ada = start(Role::Admin);
    ada.sign_in().await;
    ada.get("/admin/notifications").await;
    let path = "/api/v1/notifications";
    let json = |answer: &Answer| serde_json::from_str::<serde_json::Value>(&answer.text).expect("JSON");
    let body = r#"{"items":[{"event":"locked_user","channel":"webhook","to":"https://hooks.example.org/s3cret"},
        {"event":"clock_fault","channel":"mail","to":"ada@example.org"}]}"#;
    let made = ada.send("PUT", path, "application/json", body.to_owned()).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.text);
    let items = json(&made)["items"].clone();
    assert!(items[0]["secret"].as_str().expect("shown once").starts_with("whsec_"));
    assert!(items[1].get("secret").is_none());
    let listed = ada.get(path).await;
    assert!(!listed.text.contains("whsec_") && !listed.text.contains("s3cret"), "{}", listed.text);
    let keep = format!(r#"{{"items":[{{"id":{}}}]}}"#, items[0]["id"]);
    let kept = ada.send("PUT", path, "application/json", keep).await;
    assert_eq!(json(&kept)["items"].as_array().expect("a list").len(), 1);
    for (wrong, code) in [
        (r#"{"event":"run_stopped","channel":"mail","to":"a@example.org"}"#, "event_unknown"),
        (r#"{"event":"locked_user","channel":"fax","to":"1"}"#, "channel_unknown"),
        (r#"{"event":"locked_user","channel":"webhook","to":"http://hooks.example.org/"}"#, "webhook_url"),
        (r#"{"event":"low_stock","channel":"mail","to":"a@example.org"}"#, "stock_missing"),
        (r#"{"event":"locked_user","channel":"mail","to":"a@example.org","fewer_than":3}"#, "stock_place"),
    ] {
        let refused = ada.send("POST", path, "application/json", wrong.to_owned()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", refused.text);
        assert_eq!(json(&refused)["code"], code);
    }
    let id = items[0]["id"].as_str().expect("a number");
    let trial = ada.send("POST", &format!("{path}/{id}/trial"), "application/json", String::new()).await;
    assert_eq!(trial.status, StatusCode::ACCEPTED, "{}", trial.text);
    let gone = ada.send("DELETE", &format!("{path}/{id}"), "application/json", String::new()).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT, "{}", gone.text);
    assert_eq!(json(&ada.get(path).await)["items"].as_array().expect("a list").len(), 0);
}

/// Without a mail server reminders say so, where they are and over REST.
#[tokio::test]
async fn reminders_say_what_is_in_the_way() {
    let mut ada = start(Role::Admin);
    ada.sign_in().await;
    ada.get("/admin/resources").await;
    ada.post("/admin/resources", &[("name", "VPN")]).await;
    let page = ada.get("/admin/resources/VPN/unconfirmed").await;
    assert!(page.text.contains("No mail server is set up"), "{}", page.text);
    let path = "/api/v1/resources/VPN/confirmations/remind";
    let refused = ada.send("POST", path, "application/json", String::new()).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
    assert!(refused.text.contains("mail_off"), "{}", refused.text);
}
