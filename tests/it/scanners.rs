//! Scanners in serial mode and devices on readers: what is scanned comes out over REST, one page acts on it, and the station
//! says what it is.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use mintmark::clock::{Clock, ManualClock, SystemClock, UnixTime};
use mintmark::device::Catalogue;
use mintmark::device::scanner::{Affixes, Settings};
use mintmark::http::auth::LocalPeer;
use mintmark::http::{AppState, Exposure, HttpSettings};
use mintmark::jobs::Jobs;
use mintmark::jobs::scanners::{NamedScanner, NotTaken, Said, Scanners};
use mintmark::jobs::station::{Drawer, Source, Station};
use mintmark::model::Actor;
use mintmark::secret::Seed;
use mintmark::service::{ImportRequest, MailMode, NewUser, Service, StoreMark};
use mintmark::store::{RedbStore, Store};
use mintmark::vault::RootKey;
use serde_json::{Value, json};
use serialport::{SerialPort, TTYPort};
use tower::ServiceExt;

const WAIT: Duration = Duration::from_secs(20);

/// A pseudo terminal and the scanner that reads it.
fn plugged(name: &str) -> (TTYPort, NamedScanner) {
    let (scanner, end) = TTYPort::pair().expect("a pseudo terminal");
    let path = end.name().expect("a name").into();
    let settings = Settings { path, baud: 9600, affixes: Affixes::default() };
    (scanner, NamedScanner { name: name.to_owned(), settings })
}

struct Desk {
    router: Router,
    service: Arc<Service>,
    jobs: Arc<Jobs>,
    drawer: Arc<Drawer>,
    scanner: TTYPort,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.jobs.stop(&self.service);
        self.service.close();
    }
}

impl Desk {
    async fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("memory"));
        let root = RootKey::generate().expect("random");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let mark = StoreMark { demo: false, simulated: true };
        Service::initialise(&*store, &root, &*clock, mark).expect("a new store");
        let service = Service::open(store, &root, Arc::clone(&clock), MailMode::None);
        let service = Arc::new(service.expect("opens"));
        let jobs = Arc::new(Jobs::start(&service, None).expect("workers"));
        let (scanner, named) = plugged("Desk");
        let scanners = Scanners::start(Arc::clone(&clock), vec![named]).expect("started");
        let drawer = Arc::new(Drawer::furnished(&clock, 31_000_001));
        let source = Source::Drawer(Arc::clone(&drawer));
        let station = Station::start(Arc::clone(&service), clock, Arc::new(Catalogue::built_in()), source);
        let station = station.expect("started");
        station.tell_of_chips(Arc::clone(&scanners));
        jobs.set_station(station);
        jobs.set_scanners(scanners);
        let settings = HttpSettings {
            public_url: "http://localhost".into(),
            allowed_hosts: vec!["localhost".into()],
            trusted_proxies: Vec::new(),
            secure: false,
            exposure: Exposure::Everything,
        };
        let router = mintmark::http::router(AppState::new(Arc::clone(&service), Arc::clone(&jobs), settings));
        let desk = Self { router, service, jobs, drawer, scanner };
        desk.until(|now| now["items"][0]["connected"] == json!(true)).await;
        // What lay on the readers from the start is told, or was looked at before anybody could be told.
        for _ in 0..400 {
            let readers = desk.get("/devices").await;
            let known = readers["items"].as_array().expect("readers").iter();
            if known.filter(|it| it["phase"].is_null() && it["family"].is_string()).count() == 4 {
                return desk;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the readers do not come to rest: {}", desk.get("/devices").await);
    }

    fn scanners(&self) -> &Arc<Scanners> {
        self.jobs.scanners().expect("scanners")
    }

    fn scan(&mut self, bytes: &[u8]) {
        self.scanner.write_all(bytes).expect("written");
    }

    async fn answer(&self, mut request: Request<Body>) -> (StatusCode, String) {
        request.extensions_mut().insert(LocalPeer { uid: 1_000 });
        let answer = self.router.clone().oneshot(request).await.expect("never fails");
        let status = answer.status();
        let location = answer.headers().get(header::LOCATION).map(|it| it.to_str().expect("text").to_owned());
        let bytes = to_bytes(answer.into_body(), 8 << 20).await.expect("a body");
        (status, location.unwrap_or_else(|| String::from_utf8(bytes.to_vec()).expect("text")))
    }

    async fn get(&self, path: &str) -> Value {
        let request = Request::builder().uri(format!("/api/v1{path}")).body(Body::empty());
        let (status, text) = self.answer(request.expect("a request")).await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    async fn until(&self, so: impl Fn(&Value) -> bool) -> Value {
        for _ in 0..400 {
            let now = self.get("/scanners?after=0").await;
            if so(&now) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("it does not come: {}", self.get("/scanners?after=0").await);
    }

    /// What comes behind a number.
    async fn next(&self, after: u64) -> Value {
        let now = self.until(|now| now["last"].as_u64() > Some(after)).await;
        let scans = now["scans"].as_array().expect("scans");
        scans.iter().find(|scan| scan["n"].as_u64() == Some(after + 1)).expect("the next one").clone()
    }

    /// Posts a form of the station as a browser does: the cookie first, then its token.
    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
        static BROWSERS: AtomicUsize = AtomicUsize::new(0);
        let cookie = format!("mintmark-form=browser-{}", BROWSERS.fetch_add(1, Ordering::Relaxed));
        let page = Request::builder().uri("/station").header(header::COOKIE, &cookie);
        let (_, page) = self.answer(page.body(Body::empty()).expect("a request")).await;
        let token = page.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let mut body = format!("form_token={}", token.expect("a token"));
        for (name, value) in fields {
            let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
            write!(body, "&{name}={value}").expect("written");
        }
        let request = Request::builder()
            .method("POST")
            .uri(path)
            .header(header::COOKIE, &cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.answer(request.body(Body::from(body)).expect("a request")).await
    }

    async fn find(&self, text: &str) -> (StatusCode, String) {
        self.post("/station/find", &[("find", text)]).await
    }

    fn put(&self, reader: &str, printed: &str) {
        let device = self.drawer.list().iter().position(|boxed| boxed.label.contains(printed));
        assert!(self.drawer.put(reader, Some(device.expect("in the box"))));
    }

    /// Imports tokens of these numbers.
    fn import(&self, serials: &[&str]) {
        // No two tokens have the same secret.
        static SECRETS: AtomicUsize = AtomicUsize::new(0x5ca1_ab1e_0000);
        let line =
            |serial: &&str| format!("{serial},{:040x},totp\n", SECRETS.fetch_add(1, Ordering::Relaxed));
        let lines: String = serials.iter().map(line).collect();
        let request = ImportRequest {
            format: Some("oath_csv".into()),
            commit: true,
            ..ImportRequest::new("tokens.csv", Seed::new(lines.into_bytes()))
        };
        let task = self.service.begin_import(&Actor::local(1_000), request).expect("a task");
        self.service.run_import(&task);
    }
}

/// The name and the data of the next event of a stream.
async fn event(body: &mut Body) -> (String, Value) {
    let frame = tokio::time::timeout(WAIT, body.frame()).await.expect("in time");
    let bytes = frame.expect("an event").expect("whole").into_data().expect("data");
    let text = String::from_utf8(bytes.to_vec()).expect("text");
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
    (line("event:").to_owned(), serde_json::from_str(line("data:")).unwrap_or(Value::Null))
}

#[tokio::test]
async fn scans_come_over_rest_and_in_a_stream() {
    let mut desk = Desk::new().await;
    let before = desk.get("/scanners").await;
    assert_eq!((&before["items"][0]["name"], &before["scans"]), (&json!("Desk"), &json!([])));
    let last = before["last"].as_u64().expect("a number");
    let mut request =
        Request::builder().uri("/api/v1/scanners/events").body(Body::empty()).expect("a request");
    request.extensions_mut().insert(LocalPeer { uid: 1_000 });
    let mut stream = desk.router.clone().oneshot(request).await.expect("never fails").into_body();
    let (name, first) = event(&mut stream).await;
    assert_eq!((name.as_str(), &first["items"][0]["connected"]), ("scanners", &json!(true)));

    desk.scan(b"]C101040123456789012112345678\x1d10A\r\n");
    let scan = desk.next(last).await;
    assert_eq!(
        (&scan["source"], &scan["name"], &scan["serials"], &scan["refused"]),
        (&json!("scanner"), &json!("Desk"), &json!(["12345678"]), &Value::Null)
    );
    let (name, told) = event(&mut stream).await;
    assert_eq!((name.as_str(), &told), ("scan", &scan), "what came before is not told again");
    desk.scan(b"10000001\r10000002\r");
    let (_, list) = event(&mut stream).await;
    assert_eq!((&list["serials"], &list["n"]), (&json!(["10000001", "10000002"]), &json!(last + 2)));

    desk.jobs.stop_readers();
    let rest = tokio::time::timeout(WAIT, stream.collect()).await;
    rest.expect("the stream ends with the service").expect("whole");
}

#[tokio::test]
async fn a_seed_that_is_scanned_or_typed_is_kept_and_said_nowhere() {
    let mut desk = Desk::new().await;
    let last = desk.get("/scanners").await["last"].as_u64().expect("a number");
    desk.scan(b"otpauth://totp/x?secret=JBSWY3DPEHPK3PXP\r\n");
    let scan = desk.next(last).await;
    assert_eq!((&scan["text"], &scan["serials"]), (&Value::Null, &json!([])));
    assert!(scan["refused"].as_str().expect("why").contains("import"), "{scan}");
    let (status, page) = desk.find("OTPAUTH://totp/x?secret=JBSWY3DPEHPK3PXP").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("This code holds the secret of a token") && !page.contains("JBSWY3DP"));
    let all = desk.get("/scanners?after=0").await;
    assert!(
        !all.to_string().contains("JBSWY3DP")
            && !format!("{:?}", desk.scanners().since(0)).contains("JBSWY3DP")
    );
}

#[tokio::test]
async fn one_page_acts_on_a_scan_and_soon() {
    let mut desk = Desk::new().await;
    let last = desk.get("/scanners").await["last"].as_u64().expect("a number");
    desk.scan(b"12345678\r");
    let n = desk.next(last).await["n"].clone();
    let (status, _) = desk.post(&format!("/station/scans/{n}"), &[]).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, again) = desk.post(&format!("/station/scans/{n}"), &[]).await;
    assert_eq!(status, StatusCode::CONFLICT, "{again}");
    for unknown in ["999", "x"] {
        assert_eq!(desk.post(&format!("/station/scans/{unknown}"), &[]).await.0, StatusCode::NOT_FOUND);
    }
    let clock = Arc::new(ManualClock::new(UnixTime::from_secs(1_781_481_600)));
    let (mut scanner, named) = plugged("Other");
    let scanners = Scanners::start(clock.clone(), vec![named]).expect("started");
    let mut version = 0;
    while scanners.last() == 0 {
        // The port is opened first: what came before is thrown away.
        if scanners.now().1[0].is_connected {
            scanner.write_all(b"12345678\r").expect("written");
        }
        version = scanners.changed(version, Duration::from_secs(1));
    }
    assert!(matches!(scanners.get(1).expect("kept").said, Said::Text(text) if text.starts_with("12345678")));
    clock.advance(Duration::from_secs(11));
    assert_eq!(scanners.take(1).map(|scanned| scanned.n), Err(NotTaken::Old));
    scanners.stop();
}

#[tokio::test]
async fn what_is_typed_is_read_as_what_is_scanned() {
    let mut desk = Desk::new().await;
    desk.import(&["87-1234501", "87-1234502", "87-1234503", "87-1234601", "8712345678", "AB-9"]);
    for text in [
        "87-1234501",
        "S/N: 87-1234501",
        "SN871234501",
        "]C0871234501",
        "]C101040123456789012187-1234501\u{1d}10A",
        "\u{1d}21871234501",
    ] {
        let (status, to) = desk.find(text).await;
        assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/station/token/87-1234501"), "{text}");
    }
    let (status, page) = desk.find("87-1234501-87-1234600").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Box 87-1234501 to 87-1234600") && page.contains("<strong>3</strong>"), "{page}");
    assert!(!page.contains("87-1234601"), "not of this box");
    let (_, page) = desk.find("87-1234501, 87-1234502; 87-9999999").await;
    assert!(page.contains("<strong>2</strong>") && page.contains("Not here: 87-9999999."), "{page}");
    for (text, words) in [
        ("20000001-20000100", "No token here lies between 20000001 and 20000100."),
        ("]C10104012345678901", "This is the article number 04012345678901, no serial number."),
        ("]C121", "The field (21) of this GS1 code is not whole"),
        ("nobody", "Nobody and no token here fits this."),
    ] {
        let (status, page) = desk.find(text).await;
        assert!(status == StatusCode::NOT_FOUND && page.contains(words), "{text}: {status} {page}");
    }
    // Who types the last digits means the token; a scanner reads the whole number.
    assert_eq!(desk.find("12345678").await.1, "/station/token/8712345678");
    let last = desk.get("/scanners").await["last"].as_u64().expect("a number");
    desk.scan(b"12345678\r");
    let n = desk.next(last).await["n"].to_string();
    let (status, page) = desk.post("/station/find", &[("find", "12345678"), ("scan", &n)]).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(page.contains("No token here has the number 12345678."), "{page}");
    // A number of a scan beside another text is none.
    let (_, to) = desk.post("/station/find", &[("find", "2345678"), ("scan", &n)]).await;
    assert_eq!(to, "/station/token/8712345678");
    // The lines of a list are lost in a field of one line, and known all the same.
    desk.scan(b"87-1234501\r87-1234503\r");
    let list = desk.next(last + 1).await;
    let flat = list["text"].as_str().expect("text").replace('\n', "");
    let n = list["n"].to_string();
    let (_, page) = desk.post("/station/find", &[("find", &flat), ("scan", &n)]).await;
    assert!(page.contains("Label with 2 numbers") && page.contains("<strong>2</strong>"), "{page}");
}

#[tokio::test]
async fn a_chip_that_is_laid_on_a_reader_leads_to_its_token() {
    let desk = Desk::new().await;
    let before = desk.get("/scanners").await["last"].as_u64().expect("a number");
    desk.put("Rehearsal reader 1", "31000001");
    let chip = desk.next(before).await;
    assert_eq!(
        (&chip["source"], &chip["name"], &chip["text"]),
        (&json!("reader"), &json!("Rehearsal reader 1"), &json!("31000001"))
    );
    let find = async |scan: &Value| {
        let (text, n) = (scan["text"].as_str().expect("text").to_owned(), scan["n"].to_string());
        desk.post("/station/find", &[("find", &text), ("scan", &n)]).await
    };
    let (status, page) = find(&chip).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(page.contains("No token here has the number 31000001"), "{page}");
    assert!(page.contains("Yubico YubiKey, on Rehearsal reader 1."), "{page}");
    // A token that merely begins with the number is another one; another credential of the device is not.
    desk.import(&["310000019"]);
    assert_eq!(find(&chip).await.0, StatusCode::NOT_FOUND);
    desk.import(&["31000001.2"]);
    assert_eq!(find(&chip).await.1, "/station/token/31000001.2");
    // A reader that a run uses tells nothing: it is written, not handed out.
    let run = json!({ "profile": "yubico-yubikey", "application": "oath", "batch": "keys", "count": 5,
        "settings": { "issuer": "Example", "protect": false } });
    let request = Request::builder().method("POST").uri("/api/v1/runs");
    let request = request.header(header::CONTENT_TYPE, "application/json").body(Body::from(run.to_string()));
    let (status, text) = desk.answer(request.expect("a request")).await;
    assert_eq!(status, StatusCode::CREATED, "{text}");
    desk.put("Rehearsal reader 4", "31000005");
    for _ in 0..400 {
        let readers = desk.get("/devices").await;
        if readers["items"][3]["end"]["result"] == json!("programmed") {
            assert_eq!(desk.get("/scanners").await["last"].as_u64(), Some(before + 1));
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the key is not written: {}", desk.get("/devices").await);
}

#[tokio::test]
async fn from_the_page_of_a_person_a_token_is_handed_out() {
    let desk = Desk::new().await;
    desk.import(&["87-1234501"]);
    let anna = NewUser { login: "anna".into(), ..NewUser::default() };
    desk.service.add_user(&Actor::local(1_000), anna).expect("anna");
    let (status, to) = desk.post("/station/find", &[("find", "87-1234501"), ("for", "anna")]).await;
    assert_eq!((status, to.as_str()), (StatusCode::SEE_OTHER, "/station/token/87-1234501?for=anna"));
    let page = async |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).expect("a request");
        desk.answer(request).await.1
    };
    assert!(page(&to).await.contains("Hand out to anna"));
    assert!(!page("/station/token/87-1234501?for=nobody").await.contains("Hand out to nobody"));
    let (status, said) = desk.post("/station/tokens/87-1234501/handout", &[("login", "anna")]).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    assert!(!page(&to).await.contains("Hand out to anna"), "somebody has it");
}
