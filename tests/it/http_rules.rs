//! Rules that hold at the door: where a request comes from, what a key of a scope may ask, how often
//! an address may fail.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Request, StatusCode, header};
use mintmark::clock::{Clock, ManualClock, UnixTime};
use mintmark::http::auth::LocalPeer;
use mintmark::http::{AppState, Exposure, HttpSettings};
use mintmark::jobs::Jobs;
use mintmark::model::{Actor, AssignmentKind, Login, ResourceAlias, ResourceName, Role, TokenSerial};
use mintmark::oath::{Generator, HashAlg, MovingFactor};
use mintmark::secret::{Passphrase, Seed};
use mintmark::service::{
    AssignRequest, ImportRequest, MailMode, NewUser, PortalSettings, Service, StoreMark,
};
use mintmark::store::{RedbStore, Store};
use mintmark::vault::RootKey;
use serde_json::{Value, json};
use tower::ServiceExt;

const HOST: &str = "localhost";
const ADMIN: Actor = Actor::local(0);
const PASSWORD: &str = "wide meadow, quiet river";
const PROXY: &str = "198.51.100.1";
/// The middle of a step of 30 s, in June 2026.
const NOW: UnixTime = UnixTime::from_secs(1_781_481_615);

/// Token 1 on *VPN* with anna, token 2 on *Mail* with eve, token 3 on *VPN* and disabled, operator ada.
struct House {
    service: Arc<Service>,
    router: Router,
    _jobs: Arc<Jobs>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    fn code(&self) -> (u16, String) {
        (self.status.as_u16(), self.json()["code"].as_str().unwrap_or_default().to_owned())
    }

    fn header(&self, name: header::HeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }
}

fn seed(number: u8) -> Vec<u8> {
    (0..20_u8).map(|at| at.wrapping_mul(37) ^ number.wrapping_mul(101) ^ 0x5b).collect()
}

fn resource(name: &str) -> ResourceName {
    ResourceName::parse(name).expect("a name")
}

/// The code of a token `ahead` steps from now.
fn code(number: u8, ahead: u64) -> String {
    let step = u64::try_from(NOW.secs()).expect("after 1970") / 30 + ahead;
    let value = Generator::new(&Seed::new(seed(number)), HashAlg::Sha1).truncated(MovingFactor(step));
    format!("{:06}", value % 1_000_000)
}

fn open() -> House {
    let clock = Arc::new(ManualClock::new(NOW));
    let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("a store"));
    let root = RootKey::generate().expect("a key");
    Service::initialise(&*store, &root, &*clock, StoreMark::default()).expect("a new store");
    let clock: Arc<dyn Clock> = clock;
    let service = Arc::new(Service::open(store, &root, clock, MailMode::None).expect("opened"));
    fill(&service);
    let jobs = Arc::new(Jobs::start(&service, None).expect("workers"));
    let settings = HttpSettings {
        public_url: format!("http://{HOST}"),
        allowed_hosts: vec![HOST.to_owned()],
        trusted_proxies: vec![PROXY.parse().expect("an address")],
        secure: false,
        exposure: Exposure::Everything,
    };
    let router = mintmark::http::router(AppState::new(Arc::clone(&service), Arc::clone(&jobs), settings));
    House { service, router, _jobs: jobs }
}

fn fill(service: &Service) {
    let login = |name: &str| Login::parse(name).expect("a login");
    let password = || Passphrase::from_text(PASSWORD.to_owned());
    for name in ["VPN", "Mail"] {
        service.add_resource(&ADMIN, &resource(name)).expect("made");
    }
    let alias = Some(ResourceAlias::parse("vpn").expect("an alias"));
    let portal = PortalSettings { alias, enabled: Some(true), ..PortalSettings::default() };
    service.set_portal(&ADMIN, &resource("VPN"), &portal).expect("set");
    service.add_operator(&ADMIN, &login("ada"), &password(), Role::Admin, None).expect("made");
    let lines: Vec<String> =
        (1..=3).map(|n| format!("TOK-{n},{},totp\n", data_encoding::HEXLOWER.encode(&seed(n)))).collect();
    let request = ImportRequest {
        format: Some("oath_csv".into()),
        commit: true,
        ..ImportRequest::new("tokens.csv", Seed::new(lines.concat().into_bytes()))
    };
    let task = service.begin_import(&ADMIN, request).expect("a task");
    service.run_import(&task);
    for (name, number, place) in [("anna", 1, "VPN"), ("eve", 2, "Mail"), ("dora", 3, "VPN")] {
        let new = NewUser {
            login: name.into(),
            password: Some(password()),
            resource: Some(resource(place)),
            ..NewUser::default()
        };
        service.add_user(&ADMIN, new).expect("made");
        let token = TokenSerial::parse(&format!("TOK-{number}")).expect("a serial");
        let kind = AssignmentKind::TokenWithUser;
        let pair = AssignRequest { kind, user: Some(login(name)), token: Some(token.clone()) };
        service.assign(&ADMIN, &resource(place), &pair).expect("assigned");
        if number == 3 {
            service.set_token_enabled(&ADMIN, &token, false).expect("disabled");
        }
    }
}

impl House {
    async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.router.clone().oneshot(request).await.expect("never fails");
        let (parts, body) = answer.into_parts();
        let bytes = to_bytes(body, 8 << 20).await.expect("a body");
        let body = String::from_utf8_lossy(&bytes).into_owned();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn local(&self, method: &str, path: &str, body: &str) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_owned()))
            .expect("a request");
        request.extensions_mut().insert(LocalPeer { uid: 0 });
        self.send(request).await
    }

    async fn with_key(&self, key: &str, path: &str, body: &Value) -> Answer {
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header(header::HOST, HOST)
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_string())).expect("a request")).await
    }

    async fn key(&self, role: &str, places: &[&str]) -> String {
        let body = json!({ "name": format!("{role} {places:?}"), "role": role, "resources": places });
        let answer = self.local("POST", "/api/v1/apikeys", &body.to_string()).await;
        answer.json()["key"].as_str().unwrap_or_else(|| panic!("{}", answer.body)).to_owned()
    }

    /// A page as a stranger's browser asks for it, from an address behind the proxy or directly.
    async fn browser(&self, peer: &str, forwarded: Option<&str>, visit: &Visit<'_>) -> Answer {
        let mut request = Request::builder().method(visit.method).uri(visit.path).header(header::HOST, HOST);
        request = request.header(header::ACCEPT, "text/html").header(header::COOKIE, visit.cookies);
        if let Some(forwarded) = forwarded {
            request = request.header("x-forwarded-for", forwarded);
        }
        for (name, value) in visit.headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::from(visit.body.to_owned())).expect("a request");
        let peer: SocketAddr = format!("{peer}:40000").parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(peer));
        self.send(request).await
    }
}

type Headers<'a> = &'a [(&'a str, &'a str)];

#[derive(Default)]
struct Visit<'a> {
    method: &'a str,
    path: &'a str,
    cookies: &'a str,
    headers: Headers<'a>,
    body: &'a str,
}

const FORM: Headers<'_> =
    &[("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", "same-origin")];

fn get<'a>(path: &'a str, cookies: &'a str) -> Visit<'a> {
    Visit { method: "GET", path, cookies, ..Visit::default() }
}

fn cookies(before: &str, answer: &Answer) -> String {
    let mut all: Vec<String> =
        before.split("; ").filter(|text| !text.is_empty()).map(str::to_owned).collect();
    for set in answer.headers.get_all(header::SET_COOKIE) {
        let pair = set.to_str().expect("text").split(';').next().expect("a pair");
        let name = pair.split('=').next().expect("a name");
        all.retain(|known| known.split('=').next() != Some(name));
        all.push(pair.to_owned());
    }
    all.join("; ")
}

fn form_token(answer: &Answer) -> String {
    let (_, rest) = answer.body.split_once("name=\"form_token\" value=\"").expect("a form");
    rest.split('"').next().expect("a token").to_owned()
}

/// Signs ada in from an address; the answer and the cookies.
async fn sign_in(house: &House, peer: &str, forwarded: Option<&str>) -> (Answer, String, String) {
    let page = house.browser(peer, forwarded, &get("/", "")).await;
    let (known, token) = (cookies("", &page), form_token(&page));
    let body = format!("form_token={token}&login=ada&password={}", PASSWORD.replace(' ', "+"));
    let visit = Visit { method: "POST", path: "/sign-in", cookies: &known, headers: FORM, body: &body };
    let answer = house.browser(peer, forwarded, &visit).await;
    let known = cookies(&known, &answer);
    (answer, known, token)
}

#[tokio::test]
async fn a_key_asks_about_its_resources_only() {
    let house = open();
    let key = house.key("verifier", &["VPN"]).await;
    let check = |serial: &str| format!("/api/v1/tokens/{serial}/check");
    // Unknown, foreign, disabled, wrong, and right by the hour: one answer, 200.
    let mut told = Vec::new();
    for (serial, otp) in
        [("NONE", code(2, 0)), ("TOK-2", code(2, 0)), ("TOK-3", code(3, 0)), ("TOK-1", code(1, 60))]
    {
        let answer = house.with_key(&key, &check(serial), &json!({ "otp": otp })).await;
        told.push((answer.status, answer.body));
    }
    assert_eq!(told[0].0, StatusCode::OK);
    assert_eq!(serde_json::from_str::<Value>(&told[0].1).expect("JSON")["result"], json!("wrong"));
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
    // The foreign code is not spent.
    let own = house.local("POST", &check("TOK-2"), &json!({ "otp": code(2, 0) }).to_string()).await;
    assert_eq!(own.json()["result"], json!("accepted"), "{}", own.body);
    let own = house.with_key(&key, &check("TOK-1"), &json!({ "otp": code(1, 0) })).await;
    assert_eq!(own.json()["result"], json!("accepted"), "{}", own.body);

    let ask = |place: &str| format!("/api/v1/resources/{place}/authenticate");
    let eve = json!({ "user": "eve", "password": PASSWORD, "otp": code(2, 1) });
    let foreign = house.with_key(&key, &ask("Mail"), &eve).await;
    let unknown = house.with_key(&key, &ask("Nowhere"), &eve).await;
    assert_eq!(foreign.code(), (404, "not_found".to_owned()), "{}", foreign.body);
    assert_eq!(foreign.body, unknown.body);
    // People of another resource are unknown at the own one.
    let mut told = Vec::new();
    for name in ["eve", "nobody"] {
        let body = json!({ "user": name, "password": PASSWORD, "otp": code(2, 1) });
        told.push(house.with_key(&key, &ask("VPN"), &body).await.body);
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(serde_json::from_str::<Value>(&told[0]).expect("JSON")["result"], json!("rejected"));
    let anna = json!({ "user": "anna", "password": PASSWORD, "otp": code(1, 1) });
    let right = house.with_key(&key, &ask("VPN"), &anna).await;
    assert_eq!(right.json()["result"], json!("accepted"), "{}", right.body);
}

#[tokio::test]
async fn a_provisioner_takes_nobody_over() {
    let house = open();
    let key = house.key("provisioner", &["VPN"]).await;
    let fill =
        json!({ "login": "eve", "email": "evil@example.org", "resource": "VPN", "on_conflict": "fill" });
    let plain = json!({ "login": "eve", "resource": "VPN" });
    let (filled, refused) = (
        house.with_key(&key, "/api/v1/users", &fill).await,
        house.with_key(&key, "/api/v1/users", &plain).await,
    );
    assert_eq!(filled.code(), (409, "user_exists".to_owned()));
    assert_eq!(filled.body, refused.body);
    // Nor by way of an assignment that would bring the user into the scope.
    let places = "/api/v1/resources/VPN/assignments";
    let mut told = Vec::new();
    for name in ["eve", "nobody"] {
        let answer = house.with_key(&key, places, &json!({ "kind": "user", "user": name })).await;
        assert_eq!(answer.code(), (404, "not_found".to_owned()), "{name}");
        told.push(answer.body);
    }
    assert_eq!(told[0], told[1]);
    let eve = house.local("GET", "/api/v1/users/eve", "").await.json();
    assert_eq!(
        (&eve["email"], eve["assignments"].as_array().map(Vec::len)),
        (&Value::Null, Some(1)),
        "{eve}"
    );
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    let house = open();
    let (answer, known, _) = sign_in(&house, "127.0.0.1", None).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    let page = house.browser("127.0.0.1", None, &get("/admin/batches", &known)).await;
    assert_eq!(page.status, StatusCode::OK);
    let token = form_token(&page);
    let body = json!({ "name": "New" }).to_string();
    let json_kind = ("content-type", "application/json");
    let (here, foreign) = (("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site"));
    let form = ("x-form-token", token.as_str());
    let own_origin = ("origin", "http://localhost");
    let table: [(Headers<'_>, &str); 8] = [
        (&[json_kind], "foreign_origin"),
        (&[json_kind, form], "foreign_origin"),
        (&[json_kind, form, foreign], "foreign_origin"),
        (&[json_kind, form, ("sec-fetch-site", "same-site")], "foreign_origin"),
        (&[json_kind, form, here, ("origin", "http://evil.example")], "foreign_origin"),
        (&[json_kind, form, ("origin", "https://localhost")], "foreign_origin"),
        (&[json_kind, here], "form_token"),
        (&[json_kind, here, own_origin, ("x-form-token", "0123456789abcdef0123456789abcdef")], "form_token"),
    ];
    let path = "/api/v1/resources";
    for (headers, wanted) in table {
        let visit = Visit { method: "POST", path, cookies: &known, headers, body: &body };
        let answer = house.browser("127.0.0.1", None, &visit).await;
        assert_eq!(answer.code(), (403, wanted.to_owned()), "{headers:?}");
    }
    // The same for what has no body.
    let visit = |headers| Visit {
        method: "DELETE",
        path: "/api/v1/tokens/TOK-1",
        cookies: &known,
        headers,
        body: "",
    };
    for (headers, wanted) in [(&[here][..], "form_token"), (&[form], "foreign_origin")] {
        let answer = house.browser("127.0.0.1", None, &visit(headers)).await;
        assert_eq!(answer.code(), (403, wanted.to_owned()), "{headers:?}");
    }
    let headers = &[json_kind, form, here, own_origin];
    let visit = Visit { method: "POST", path, cookies: &known, headers, body: &body };
    let answer = house.browser("127.0.0.1", None, &visit).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
}

#[tokio::test]
async fn an_address_that_fails_too_often_waits() {
    let house = open();
    let (guesser, other) = ("203.0.113.9", "203.0.113.10");
    for n in 0..50 {
        let login = Login::parse(&format!("guess{n}")).expect("a login");
        let wrong = Passphrase::from_text("no".to_owned());
        assert!(
            house
                .service
                .operator_sign_in(&login, &wrong, &mintmark::model::Visit::from_address(guesser))
                .expect("answered")
                .is_none()
        );
    }
    // The console, with the right password, directly and behind the proxy.
    for (peer, forwarded) in [(guesser, None), (PROXY, Some(guesser))] {
        let (answer, ..) = sign_in(&house, peer, forwarded).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        assert!(!answer.header(header::RETRY_AFTER).is_empty());
        assert!(answer.body.contains("Too many tries."), "{}", answer.body);
    }
    // The portal's second page, the same as when a login waits.
    let begin = "/selfservice/vpn/portal";
    let page = house.browser(guesser, None, &get(begin, "")).await;
    let (known, token) = (cookies("", &page), form_token(&page));
    let body = format!("form_token={token}&login=anna");
    let visit = Visit { method: "POST", path: begin, cookies: &known, headers: FORM, body: &body };
    let page = house.browser(guesser, None, &visit).await;
    let known = cookies(&known, &page);
    let body = format!("form_token={token}&secret={}", PASSWORD.replace(' ', "+"));
    let path = page.header(header::LOCATION);
    let visit = Visit { method: "POST", path, cookies: &known, headers: FORM, body: &body };
    let page = house.browser(guesser, None, &visit).await;
    assert_eq!(page.status, StatusCode::TOO_MANY_REQUESTS, "{}", page.body);
    assert_eq!(page.header(header::RETRY_AFTER), "30");
    assert!(page.body.contains("too many tries"), "{}", page.body);
    // Whoever reads the log finds the lines that go with each: the portal's visitors have ids, too.
    let log = house.local("GET", "/api/v1/audit?limit=3", "").await.json();
    let ids: std::collections::BTreeSet<_> =
        log["items"].as_array().expect("a list").iter().map(|it| it["request_id"].to_string()).collect();
    assert!(ids.len() == 3 && ids.iter().all(|id| id.len() == 19), "{log}");
    // Others behind the same proxy, those it says nothing about, and the machine itself go on.
    for (peer, forwarded) in [(PROXY, Some(other)), (PROXY, None), ("127.0.0.1", None)] {
        let (answer, ..) = sign_in(&house, peer, forwarded).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{peer} {forwarded:?}");
    }
    // Whoever is no proxy speaks for nobody else.
    let (answer, ..) = sign_in(&house, guesser, Some(other)).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn an_address_that_is_no_text_is_refused_in_the_form_of_its_place() {
    let house = open();
    let kind = |answer: &Answer| answer.header(header::CONTENT_TYPE).to_owned();
    for path in ["/api/v1/tokens/%FF", "/api/v1/batches/a%C3", "/api/v1/resources/%80/assignments"] {
        let answer = house.local("GET", path, "").await;
        assert_eq!(answer.code(), (400, "path_malformed".to_owned()), "{path}");
        assert_eq!(kind(&answer), "application/problem+json", "{path}");
    }
    for path in ["/admin/tokens/%FF", "/station/tokens/%FF", "/admin/users/%C3%28"] {
        let answer = house.local("GET", path, "").await;
        assert!(answer.status.is_client_error(), "{path}: {}", answer.status);
        assert!(kind(&answer).starts_with("text/html"), "{path}: {}", answer.body);
        assert!(answer.body.contains("<!doctype html>"), "{path}: {}", answer.body);
    }
    let portal = house.local("GET", "/selfservice/%FF/portal", "").await;
    assert!(kind(&portal).starts_with("text/html") && portal.status == StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_patch_is_one_change() {
    let house = open();
    let path = "/api/v1/tokens/TOK-1";
    let history = async |house: &House| {
        let answer = house.local("GET", &format!("{path}/history"), "").await.json();
        answer["items"]
            .as_array()
            .expect("records")
            .iter()
            .filter(|r| r["action"] == json!("token_changed"))
            .count()
    };
    let both = json!({ "enabled": false, "note": "scratched" }).to_string();
    let token = house.local("PATCH", path, &both).await.json();
    assert_eq!((&token["enabled"], &token["note"]), (&json!(false), &json!("scratched")));
    assert_eq!(history(&house).await, 1, "one change has one record");
    let too_long = json!({ "enabled": true, "note": "x".repeat(1_001) }).to_string();
    let refused = house.local("PATCH", path, &too_long).await;
    assert_eq!(refused.code(), (422, "note_too_long".to_owned()));
    let token = house.local("GET", path, "").await.json();
    assert_eq!((&token["enabled"], &token["note"]), (&json!(false), &json!("scratched")));
    assert_eq!(history(&house).await, 1);
}

#[tokio::test]
async fn audit_records_are_found_by_what_they_are_about() {
    let house = open();
    let find = async |subject: &str| {
        let answer = house.local("GET", &format!("/api/v1/audit?subject={subject}"), "").await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        let actions: Vec<String> = answer.json()["items"]
            .as_array()
            .expect("records")
            .iter()
            .map(|record| record["action"].as_str().expect("a word").to_owned())
            .collect();
        actions
    };
    assert_eq!(find("token:tok%203").await, ["token_changed", "assigned"]);
    assert_eq!(find("operator:ada").await, ["operator_created"]);
    assert_eq!(find("import:1").await, ["import_committed", "import_planned"]);
    assert!(find("user:eve").await.contains(&"user_created".to_owned()));
    assert!(find("resource:Mail").await.contains(&"resource_created".to_owned()));
    assert_eq!(find("batch:tokens").await, ["import_committed"]);
    for none in ["token:NONE", "user:nobody", "resource:Nowhere", "batch:nothing", "import:77", "operator:x"]
    {
        assert!(find(none).await.is_empty(), "{none}");
    }
    for wrong in ["token", "colour:red", "user:"] {
        let answer = house.local("GET", &format!("/api/v1/audit?subject={wrong}"), "").await;
        assert_eq!(answer.code(), (422, "subject_invalid".to_owned()), "{wrong}");
    }
}

/// A key or cookie that nobody holds takes no place beside those of strangers: they share twenty.
#[tokio::test]
async fn claimed_sign_in_does_not_lift_the_limit_for_strangers() {
    let house = open();
    let visit = |body: Body, method: &str| {
        let mut request = Request::builder()
            .method(method)
            .uri("/sign-in")
            .header(header::HOST, HOST)
            .header(header::ORIGIN, format!("http://{HOST}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::COOKIE, "mintmark-operator=nobodyholdsthis")
            .body(body)
            .expect("a request");
        let peer: SocketAddr = "203.0.113.7:4711".parse().expect("an address");
        request.extensions_mut().insert(ConnectInfo(peer));
        house.router.clone().oneshot(request)
    };
    let waiting: Vec<_> = (0..20)
        .map(|_| {
            let never = tokio_stream::pending::<Result<Vec<u8>, std::io::Error>>();
            tokio::spawn(visit(Body::from_stream(never), "POST"))
        })
        .collect();
    // They are on their way through the store first.
    let mut last = StatusCode::OK;
    for _ in 0..500 {
        last = visit(Body::empty(), "POST").await.expect("an answer").status();
        if last == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
    waiting.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn a_method_that_an_address_does_not_know_is_said_to_all() {
    let house = open();
    for (method, path) in [("POST", "/api/v1/time"), ("PUT", "/api/v1/tokens"), ("OPTIONS", "/healthz")] {
        let answer = house.local(method, path, "").await;
        assert_eq!(answer.code(), (405, "method_not_allowed".to_owned()), "{method} {path}");
    }
}

/// A program that forgot its key hears that, not something about pages.
#[tokio::test]
async fn a_request_without_a_key_is_told_so() {
    let house = open();
    let path = "/api/v1/resources/VPN/authenticate";
    let headers = &[("content-type", "application/json")];
    let visit = Visit { method: "POST", path, headers, body: "{}", ..Visit::default() };
    assert_eq!(house.browser("203.0.113.9", None, &visit).await.code().0, 401);
}

/// What stands before a hop that cannot be read may be the sender's invention.
#[tokio::test]
async fn a_forwarded_address_is_read_from_the_proxys_end() {
    let house = open();
    for (forwarded, address) in [
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9:51234", "203.0.113.9"),
        ("6.6.6.6, [2001:db8::1]:51234", "2001:db8::1"),
        ("6.6.6.6, 203.0.113.9, 198.51.100.1", "203.0.113.9"),
        ("6.6.6.6, unknown", PROXY),
        ("", PROXY),
    ] {
        sign_in(&house, PROXY, Some(forwarded)).await;
        let newest = house.service.audit(&ADMIN, None, mintmark::store::Page::first(1)).expect("read").items;
        let said = newest[0].address.clone().unwrap_or_default();
        assert!(said == address || said == format!("proxy {address}"), "{forwarded}: {said}");
    }
}

/// An empty list of resources is a mistake of a script, not the wish for all of them.
#[tokio::test]
async fn an_empty_scope_is_refused() {
    let house = open();
    let body = json!({ "name": "empty", "role": "verifier", "resources": [] });
    let answer = house.local("POST", "/api/v1/apikeys", &body.to_string()).await;
    assert_eq!(answer.code(), (422, "scope_empty".to_owned()), "{}", answer.body);
    let body = json!({ "login": "nora", "role": "helpdesk", "password": PASSWORD, "resources": [] });
    let answer = house.local("POST", "/api/v1/operators", &body.to_string()).await;
    assert_eq!(answer.code(), (422, "scope_empty".to_owned()), "{}", answer.body);
}
