//! Programming runs over REST and by command, against a drawer of simulated devices.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use mintmark::clock::{Clock, SystemClock};

use mintmark::http::auth::LocalPeer;
use mintmark::http::{AppState, Exposure, HttpSettings};
use mintmark::jobs::Jobs;
use mintmark::jobs::station::{Drawer, Source, Station};
use mintmark::model::{Actor, Role, RunId, RunItemId};
use mintmark::oath::MovingFactor;
use mintmark::secret::Seed;
use mintmark::service::ImportRequest;
use mintmark::service::{MailMode, Service, StoreMark};
use mintmark::store::{RedbStore, Store};
use mintmark::vault::RootKey;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::leak::Searcher;

mod attest;
mod operators;
mod slots;
mod streams;

/// Readers of a drawer; the keys lie in the first and third.
const READERS: [&str; 4] =
    ["Rehearsal reader 1", "Rehearsal reader 2", "Rehearsal reader 3", "Rehearsal reader 4"];
const DISPLAY: &str = READERS[1];

struct Desk {
    router: Router,
    service: Arc<Service>,
    jobs: Arc<Jobs>,
    drawer: Arc<Drawer>,
    /// Everything that was answered.
    said: std::sync::Mutex<Vec<u8>>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.jobs.stop(&self.service);
        self.service.close();
    }
}

impl Desk {
    fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("memory"));
        let root = RootKey::generate().expect("random");
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let mark = StoreMark { demo: false, simulated: true };
        Service::initialise(&*store, &root, &*clock, mark).expect("a new store");
        let service = Service::open(store, &root, Arc::clone(&clock), MailMode::None);
        let service = Arc::new(service.expect("opens"));
        let jobs = Arc::new(Jobs::start(&service, None).expect("workers"));
        let drawer = Arc::new(Drawer::furnished(&clock, 31_000_001));
        let source = Source::Drawer(Arc::clone(&drawer));
        let station = Station::start(
            Arc::clone(&service),
            clock,
            Arc::new(mintmark::device::Catalogue::built_in()),
            source,
        );
        jobs.set_station(station.expect("started"));
        let settings = HttpSettings {
            public_url: "http://localhost".into(),
            allowed_hosts: vec!["localhost".into()],
            trusted_proxies: Vec::new(),
            secure: false,
            exposure: Exposure::Everything,
        };
        let router = mintmark::http::router(AppState::new(Arc::clone(&service), Arc::clone(&jobs), settings));
        Self { router, service, jobs, drawer, said: std::sync::Mutex::default() }
    }

    /// As the owner of the machine.
    async fn ask(&self, method: &str, path: &str, body: &Value) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        let mut text = String::new();
        if !body.is_null() {
            request = request.header(header::CONTENT_TYPE, "application/json");
            text = body.to_string();
        }
        let mut request = request.body(Body::from(text)).expect("a request");
        request.extensions_mut().insert(LocalPeer { uid: 1_000 });
        self.router.clone().oneshot(request).await.expect("never fails")
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.ask(method, path, body).await;
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), 8 << 20).await.expect("a body");
        self.said.lock().expect("whole").extend_from_slice(&bytes);
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.send("GET", path, &Value::Null).await;
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.send("POST", path, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// Status, code and sentence of a refusal.
    async fn refused(&self, path: &str, body: &Value) -> (u16, String, String) {
        let (status, answer) = self.send("POST", path, body).await;
        let text = |name: &str| answer[name].as_str().unwrap_or_default().to_owned();
        (status, text("code"), text("detail"))
    }

    async fn readers(&self) -> Vec<Value> {
        self.get("/devices").await["items"].as_array().expect("readers").clone()
    }

    async fn reader(&self, name: &str) -> Value {
        let readers = self.readers().await;
        readers.into_iter().find(|reader| reader["reader"] == json!(name)).expect("a reader")
    }

    /// Waits until all readers are like this.
    async fn until(&self, so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        for _ in 0..800 {
            let readers = self.readers().await;
            if so(&readers) {
                return readers;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the readers do not come to that: {:?}", self.readers().await);
    }

    /// All readers, once everything that lies there was looked at.
    async fn quiet(&self) -> Vec<Value> {
        let is_known = |it: &Value| {
            it["phase"].is_null() && (it["occupied"] == json!(false) || it["family"].is_string())
        };
        self.until(|readers| readers.len() == 4 && readers.iter().all(is_known)).await
    }

    /// One reader, once work on it has ended.
    async fn ended(&self, name: &str) -> Value {
        let is_it =
            |it: &Value| it["reader"] == json!(name) && it["phase"].is_null() && it["end"].is_object();
        let readers = self.until(|readers| readers.iter().any(is_it)).await;
        readers.into_iter().find(is_it).expect("that one")
    }

    fn put(&self, reader: &str, printed: &str) {
        let device = self.drawer.list().iter().position(|boxed| boxed.label.contains(printed));
        assert!(self.drawer.put(reader, Some(device.expect("in the box"))));
    }

    async fn start(&self, body: &Value) -> Value {
        let (status, run) = self.send("POST", "/runs", body).await;
        assert_eq!(status, 201, "{run}");
        run
    }
}

/// Keys that an app on a phone reads.
fn keys(batch: &str, count: u32) -> Value {
    json!({ "profile": "yubico-yubikey", "application": "oath", "batch": batch, "count": count,
        "settings": { "issuer": "Example", "protect": false } })
}

/// Tokens with a display, on the reader that one lies on.
fn displays(batch: &str, count: u32) -> Value {
    json!({ "profile": "token2-otpc-p2", "application": "single_profile", "batch": batch, "count": count,
        "readers": [DISPLAY] })
}

fn resolve(item: &Value) -> String {
    format!("/runs/{}/items/{}/resolve", item["run"], item["n"])
}

#[tokio::test]
async fn four_keys_are_programmed_and_what_they_show_is_accepted() {
    let desk = Desk::new();
    let seen = desk.quiet().await;
    assert_eq!((&seen[0]["family"], &seen[0]["serial"]), (&json!("yubikey"), &json!("31000001")), "{seen:?}");
    assert_eq!((&seen[0]["firmware"], &seen[0]["over"]), (&json!("5.7.4"), &json!("contacts")));
    assert_eq!(seen[0]["applications"].as_array().map(Vec::len), Some(3), "{}", seen[0]);
    assert_eq!(seen[1]["applications"][0]["model"], json!("OTPC-P2"), "{}", seen[1]);
    for (reader, printed) in READERS.iter().zip(["31000001", "31000002", "31000003", "31000004"]) {
        desk.put(reader, printed);
    }
    let run = desk.start(&keys("keys", 4)).await;
    assert_eq!((&run["state"], &run["application"]), (&json!("open"), &json!("oath")), "{run}");
    assert_eq!(
        (&run["hash"], &run["digits"], &run["step"]),
        (&json!("sha1"), &json!(6), &json!(30)),
        "{run}"
    );
    assert!(run["started_by"].is_string() && run["model"] == json!("Yubico YubiKey"), "{run}");

    let done = |it: &Value| it["end"]["result"] == json!("programmed") && it["phase"].is_null();
    let readers = desk.until(|readers| readers.iter().all(done)).await;
    assert!(
        readers.iter().all(|it| it["took_ms"].is_number() && it["end"]["item"]["run"] == run["id"]),
        "{readers:?}"
    );
    // The run is full: what is put in from now on is looked at only.
    assert!(readers.iter().all(|it| it["run"].is_null()), "{readers:?}");
    let run = desk.get(&format!("/runs/{}", run["id"])).await;
    assert_eq!(
        (&run["state"], &run["programmed"], &run["unsettled"]),
        (&json!("ended"), &json!(4), &json!([]))
    );
    let numbers: Vec<_> = run["items"].as_array().expect("items").iter().map(|it| it["n"].clone()).collect();
    assert_eq!(numbers, [4, 3, 2, 1], "newest first");
    let listed = desk.get("/runs").await;
    assert_eq!((&listed["items"][0]["id"], &listed["items"][0]["items"]), (&run["id"], &Value::Null));

    // "Check OTP" takes what each key shows, once.
    for reader in &readers {
        let name = reader["reader"].as_str().expect("a name");
        let step = SystemClock::new().now().secs() / 30;
        let shown = desk.drawer.computed(name, MovingFactor(u64::try_from(step).expect("after 1970")));
        let check = format!("/tokens/{}/check", reader["serial"].as_str().expect("a serial"));
        let typed = json!({ "otp": shown.expect("a code").as_str() });
        assert_eq!(desk.post(&check, &typed).await["result"], json!("accepted"));
        assert_eq!(desk.post(&check, &typed).await["result"], json!("replayed"));
    }
    // The run is over: what is put in is looked at.
    desk.put(READERS[0], "31000005");
    let is_next =
        |it: &Value| it["serial"] == json!("31000005") && it["phase"].is_null() && it["end"].is_null();
    desk.until(|readers| is_next(&readers[0])).await;
    // Its readers are free for the next one.
    desk.start(&keys("more keys", 1)).await;
    desk.until(|readers| readers[0]["end"]["result"] == json!("programmed")).await;
}

#[tokio::test]
async fn what_cannot_be_programmed_is_refused_in_words() {
    let desk = Desk::new();
    desk.quiet().await;
    let with = |changes: Value| {
        let mut body = keys("keys", 2);
        for (name, value) in changes.as_object().expect("fields") {
            body[name] = value.clone();
        }
        body
    };
    for (changes, code, word) in [
        (json!({ "profile": "tea-pot" }), "profile_unknown", "token2-otpc-p2"),
        (json!({ "profile": "feitian-c200" }), "not_programmable", "Feitian"),
        (json!({ "application": "single_profile" }), "application_unknown", "oath, otp_slot"),
        (json!({ "application": "otp_slot" }), "slot_unknown", "long"),
        (json!({ "application": "otp_slot", "slot": 3 }), "slot_unknown", "short"),
        (json!({ "slot": 1 }), "slot_unknown", "leave the slot out"),
        (json!({ "batch": "" }), "", "batch"),
        (json!({ "count": 0 }), "count_range", "10000"),
        (json!({ "readers": ["Lectern"] }), "reader_unknown", READERS[0]),
        (json!({ "settings": { "kind": "ocra" } }), "kind_unknown", "totp, hotp or yubico_otp"),
        (json!({ "settings": { "hash": "md5" } }), "hash_unknown", "sha256"),
        (json!({ "settings": { "digits": 12 } }), "digits_range", "12 digits"),
        (json!({ "settings": { "digits": 7 } }), "not_in_profile", "Yubico YubiKey"),
        (json!({ "settings": { "step": 0 } }), "step_range", ""),
        (json!({ "settings": { "kind": "hotp", "step": 30 } }), "step_not_expected", "leave it out"),
        (json!({ "settings": { "issuer": "a:b" } }), "name_invalid", "colon"),
        (json!({ "settings": { "colour": "red" } }), "unknown_field", "colour"),
        (json!({ "colour": "red" }), "unknown_field", "colour"),
        (
            json!({ "application": "otp_slot", "slot": 2, "settings": { "kind": "totp" } }),
            "kind_not_supported",
            "hotp",
        ),
        (
            json!({ "application": "otp_slot", "slot": 2, "settings": { "kind": "yubico_otp", "digits": 6 } }),
            "settings_not_expected",
            "leave them out",
        ),
        (json!({ "settings": { "kind": "yubico_otp" } }), "kind_not_supported", "otp_slot"),
        (
            json!({ "application": "otp_slot", "slot": 2, "settings": { "touch": true } }),
            "touch_not_expected",
            "oath",
        ),
        (
            json!({ "application": "otp_slot", "slot": 2, "settings": { "issuer": "A" } }),
            "issuer_not_expected",
            "oath",
        ),
    ] {
        let (status, said, detail) = desk.refused("/runs", &with(changes.clone())).await;
        assert_eq!(status, 422, "{changes}: {said} {detail}");
        assert!((code.is_empty() || said == code) && detail.contains(word), "{changes}: {said} {detail}");
    }
    let mut locked = displays("d", 1);
    locked["settings"] = json!({ "protect": true });
    assert_eq!(desk.refused("/runs", &locked).await.1, "protect_not_expected");
    // A batch that came otherwise.
    assert_eq!(desk.get("/runs").await["items"], json!([]), "nothing was begun");
    for (path, body) in [
        ("/runs/7/end", json!({})),
        ("/runs/7/readers", json!({})),
        ("/runs/x/end", json!({})),
        ("/runs/7/items/1/resolve", json!({ "action": "read" })),
        ("/runs/7/items/x/resolve", json!({ "action": "quarantine" })),
    ] {
        assert_eq!(desk.refused(path, &body).await.0, 404, "{path}");
    }
    let run = desk.start(&keys("keys", 9)).await;
    let ends = format!("/runs/{}", run["id"]);
    assert_eq!(desk.refused(&format!("{ends}/readers"), &json!({ "reader": "x" })).await.1, "unknown_field");
    let item = format!("{ends}/items/1/resolve");
    for (body, code) in [
        (json!({ "action": "tea" }), "invalid_value"),
        (json!({ "action": "read", "otp": "123456" }), "otp_not_expected"),
        (json!({ "action": "code" }), "missing_field"),
        (json!({ "action": "code", "otp": "12x" }), "otp_malformed"),
        (json!({ "action": "code", "code": "123456" }), "unknown_field"),
    ] {
        let (status, said, detail) = desk.refused(&item, &body).await;
        assert_eq!((status, said.as_str()), (422, code), "{body}: {detail}");
    }
    let ended = desk.post(&format!("{ends}/end"), &json!({})).await;
    assert_eq!(ended["state"], json!("ended"));
    assert_eq!(desk.refused(&format!("{ends}/readers"), &json!({})).await.1, "run_ended");
    let (status, code, _) = desk.refused("/runs", &json!(null)).await;
    assert_eq!((status, code.as_str()), (415, "content_type"));
}

#[tokio::test]
async fn a_code_that_somebody_types_proves_a_display_and_no_secret_is_in_any_answer() {
    let desk = Desk::new();
    desk.quiet().await;
    desk.start(&displays("displays", 2)).await;
    let reader = desk.ended(DISPLAY).await;
    let item = reader["end"]["item"].clone();
    assert_eq!((&reader["end"]["result"], &item["state"]), (&json!("code_wanted"), &json!("code_wanted")));
    assert!(reader["end"]["detail"].as_str().is_some_and(|text| text.contains("button")), "{reader}");
    let id = RunItemId {
        run: RunId(item["run"].as_u64().expect("a number")),
        n: u32::try_from(item["n"].as_u64().expect("a number")).expect("small"),
    };
    let journalled = desk.service.journalled(&Actor::local(0), id).expect("in the journal");
    #[expect(clippy::disallowed_methods, reason = "a test secret is searched for in every answer")]
    let secret = journalled.seed.expose().to_vec();

    let shown = desk.drawer.pressed(DISPLAY, None).expect("a code").to_string();
    let wrong: String = shown.chars().map(|digit| if digit == '9' { '0' } else { '9' }).collect();
    let said = desk.post(&resolve(&item), &json!({ "action": "code", "otp": wrong })).await;
    assert_eq!((&said["state"], &said["reason"]), (&json!("code_wanted"), &json!("code_wrong")), "{said}");
    assert_eq!(desk.reader(DISPLAY).await["end"]["code"], json!("code_wrong"));
    let said = desk.post(&resolve(&item), &json!({ "action": "code", "otp": shown })).await;
    assert_eq!(said["state"], json!("programmed"), "{said}");
    assert_eq!(desk.reader(DISPLAY).await["end"]["result"], json!("programmed"));
    let token = desk.get(&format!("/tokens/{}", item["serial"].as_str().expect("a serial"))).await;
    assert_eq!(token["batch"], json!("displays"), "{token}");
    // Nothing is left to be done about it but to take it back.
    for action in ["read", "again", "quarantine"] {
        let (status, code, _) = desk.refused(&resolve(&item), &json!({ "action": action })).await;
        assert_eq!((status, code.as_str()), (409, "item_settled"), "{action}");
    }
    desk.get("/runs/1").await;
    desk.get("/audit").await;
    let searcher = Searcher::new(&[secret]);
    let found = searcher.find("what was answered", &desk.said.lock().expect("whole"));
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn each_way_out_of_a_doubt_is_taken() {
    let desk = Desk::new();
    desk.quiet().await;
    let run = desk.start(&displays("displays", 5)).await;
    let first = desk.ended(DISPLAY).await["end"]["item"].clone();
    let (printed, label) = (first["device"].clone(), first["device"].as_str().expect("a serial").to_owned());

    // Read: what the device holds is still to be read from its display.
    let (status, begun) = desk.send("POST", &resolve(&first), &json!({ "action": "read" })).await;
    assert_eq!((status, &begun["state"]), (202, &json!("code_wanted")), "{begun}");
    assert_eq!(desk.ended(DISPLAY).await["end"]["result"], json!("code_wanted"));
    let (status, code, detail) = desk.refused(&resolve(&first), &json!({ "action": "take_back" })).await;
    assert_eq!((status, code.as_str()), (409, "not_programmed"), "{detail}");

    // Again: another secret, another item; the first is undone.
    let (status, _) = desk.send("POST", &resolve(&first), &json!({ "action": "again" })).await;
    assert_eq!(status, 202);
    let second = desk.ended(DISPLAY).await["end"]["item"].clone();
    assert_eq!((&second["device"], &second["n"]), (&printed, &json!(2)), "{second}");
    let shown = desk.get(&format!("/runs/{}", run["id"])).await;
    assert_eq!(shown["items"][1]["state"], json!("undone"), "{shown}");
    assert_eq!(shown["unsettled"].as_array().map(Vec::len), Some(1), "{shown}");

    // Nothing of it goes without the device.
    desk.drawer.put(DISPLAY, None);
    desk.until(|readers| readers[1]["occupied"] == json!(false)).await;
    for action in ["read", "again"] {
        let (status, code, detail) = desk.refused(&resolve(&second), &json!({ "action": action })).await;
        assert_eq!((status, code.as_str()), (409, "device_absent"), "{action}");
        assert!(detail.contains(&label), "{detail}");
    }
    // Quarantine does; then it is written again only on purpose.
    let aside = desk.post(&resolve(&second), &json!({ "action": "quarantine" })).await;
    assert_eq!(aside["state"], json!("quarantined"));
    desk.put(DISPLAY, &label);
    assert_eq!(desk.ended(DISPLAY).await["end"]["code"], json!("device_quarantined"));
    desk.post(&resolve(&second), &json!({ "action": "again" })).await;
    let third = desk.ended(DISPLAY).await["end"]["item"].clone();
    assert_eq!((&third["n"], &third["state"]), (&json!(3), &json!("code_wanted")), "{third}");

    // Taken back before anybody uses it.
    let shown = desk.drawer.pressed(DISPLAY, None).expect("a code").to_string();
    let proved = desk.post(&resolve(&third), &json!({ "action": "code", "otp": shown })).await;
    assert_eq!(proved["state"], json!("programmed"), "{proved}");
    desk.drawer.put(DISPLAY, None);
    desk.until(|readers| readers[1]["occupied"] == json!(false)).await;
    let token = format!("/tokens/{label}");
    // Its token goes at once, its secret from the device as soon as that is put in.
    let (status, back) = desk.send("POST", &resolve(&third), &json!({ "action": "take_back" })).await;
    assert_eq!((status, &back["state"]), (202, &json!("taken_back")), "{back}");
    assert_eq!(desk.send("GET", &token, &Value::Null).await.0, 404);
    desk.put(DISPLAY, &label);
    assert_eq!(desk.ended(DISPLAY).await["end"]["result"], json!("undone"));

    // What a run that ended left behind can be read and set aside, and not be written.
    desk.post(&format!("/runs/{}/end", run["id"]), &json!({})).await;
    assert_eq!(desk.reader(DISPLAY).await["run"], Value::Null);
    let (_, code, _) = desk.refused(&resolve(&third), &json!({ "action": "again" })).await;
    assert_eq!(code, "item_settled");
}

#[tokio::test]
async fn the_role_decides_who_sees_and_who_programs() {
    let desk = Desk::new();
    desk.quiet().await;
    let run = desk.start(&displays("displays", 3)).await;
    let item = desk.ended(DISPLAY).await["end"]["item"].clone();
    let of_run = format!("/runs/{}", run["id"]);
    for role in Role::ALL {
        let name = format!("k-{}", role.name());
        let made = desk.post("/apikeys", &json!({ "name": name, "role": role.name() })).await;
        let key = format!("Bearer {}", made["key"].as_str().expect("a key"));
        let ask = async |method: &str, path: &str, body: &str| {
            let request = Request::builder()
                .method(method)
                .uri(format!("/api/v1{path}"))
                .header(header::HOST, "localhost")
                .header(header::AUTHORIZATION, &key)
                .header(header::CONTENT_TYPE, "application/json");
            let request = request.body(Body::from(body.to_owned())).expect("a request");
            desk.router.clone().oneshot(request).await.expect("never fails").status()
        };
        let (programs, reads) = (
            matches!(role, Role::Station | Role::Admin),
            matches!(role, Role::Station | Role::Admin | Role::Auditor | Role::Helpdesk),
        );
        for path in ["/devices", "/devices/events"] {
            assert_eq!(ask("GET", path, "").await == StatusCode::OK, programs, "{} {path}", role.name());
        }
        for path in ["/runs", &of_run, &format!("{of_run}/events")] {
            assert_eq!(ask("GET", path, "").await == StatusCode::OK, reads, "{} {path}", role.name());
        }
        let (resolve, readers) = (resolve(&item), format!("{of_run}/readers"));
        for (path, body) in [
            (resolve.as_str(), r#"{"action":"code","otp":"000000"}"#),
            (readers.as_str(), r#"{"readers":["Rehearsal reader 3"]}"#),
        ] {
            assert_eq!(ask("POST", path, body).await == StatusCode::OK, programs, "{} {path}", role.name());
        }
    }
    // Somebody who is bound to resources has nothing to do with the whole inventory's readers.
    desk.post("/resources", &json!({ "name": "VPN" })).await;
    let bound = json!({ "name": "bound", "role": "station", "resources": ["VPN"] });
    let key = desk.post("/apikeys", &bound).await["key"].as_str().expect("a key").to_owned();
    let of_run = format!("/api/v1{of_run}");
    for (path, expected) in [
        ("/api/v1/devices", 403),
        (of_run.as_str(), 404),
        ("/api/v1/runs", 200),
        ("/station/devices", 403),
        ("/station/devices/Rehearsal%20reader%201", 403),
        ("/station/runs/1", 404),
    ] {
        let answer = desk.router.clone().oneshot(with_key(path, &key)).await.expect("never fails");
        assert_eq!(answer.status().as_u16(), expected, "{path}");
    }
}

/// What a program asks for.
fn with_key(path: &str, key: &str) -> Request<Body> {
    let request = Request::builder()
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::AUTHORIZATION, format!("Bearer {key}"));
    request.body(Body::empty()).expect("a request")
}

/// The token on a reader, whose seed file was imported before.
async fn imported(desk: &Desk, reader: &str, printed: &str) {
    let csv = format!("{printed},{printed}313233343536373839d1a7c3e5f90b1d,totp\n");
    let request =
        ImportRequest { commit: true, ..ImportRequest::new("old.csv", Seed::new(csv.into_bytes())) };
    let actor = Actor::local(1_000);
    let task = desk.service.begin_import(&actor, request).expect("accepted");
    desk.service.run_import(&task);
    desk.put(reader, printed);
    desk.until(|readers| readers.iter().any(|it| it["serial"] == json!(printed) && it["phase"].is_null()))
        .await;
}

#[tokio::test]
async fn a_clock_that_is_off_is_set_and_the_drift_is_nothing() {
    let desk = Desk::new();
    desk.quiet().await;
    let (printed, name) = ("86596321000001", READERS[3]);
    imported(&desk, name, printed).await;
    let before = desk.reader(name).await["clock_offset_seconds"].as_i64().expect("it has one");
    assert!((-242..=-238).contains(&before), "{before}");
    let at_first = desk.get(&format!("/tokens/{printed}")).await;
    assert_eq!(at_first["drift"], Value::Null, "{at_first}");

    let other = json!({ "reader": name, "device": "86596321000002" });
    assert_eq!(desk.refused("/devices/clock", &other).await.1, "other_device", "it was exchanged meanwhile");
    let begun = desk.post("/devices/clock", &json!({ "reader": name, "device": printed })).await;
    assert_eq!((&begun["reader"], &begun["serial"]), (&json!(name), &json!(printed)), "{begun}");
    let ended = desk.ended(name).await;
    assert_eq!(ended["end"]["result"], json!("clock_set"), "{ended}");
    assert_eq!(ended["clock_offset_seconds"], json!(0));
    let token = desk.get(&format!("/tokens/{printed}")).await;
    assert_eq!(token["drift"]["seconds"], json!(0), "{token}");
    // Taken out and laid on again it is right.
    assert!(desk.drawer.put(name, None));
    desk.until(|readers| readers[3]["occupied"] == json!(false)).await;
    desk.put(name, printed);
    let readers =
        desk.until(|readers| readers[3]["serial"] == json!(printed) && readers[3]["phase"].is_null()).await;
    let after = readers[3]["clock_offset_seconds"].as_i64().expect("it has one");
    assert!(after.abs() <= 2, "{after}");

    let refused = async |reader: &str| desk.refused("/devices/clock", &json!({ "reader": reader })).await;
    assert_eq!(refused(READERS[0]).await.1, "no_clock");
    assert_eq!(refused("Lectern").await.1, "device_absent");
    let (status, code, _) = refused(DISPLAY).await;
    assert_eq!((status, code.as_str()), (404, "not_found"), "its token is not in the store");
    // The other model would lose its secret: refused on its reader, before anything is written.
    imported(&desk, DISPLAY, "86596221000002").await;
    desk.post("/devices/clock", &json!({ "reader": DISPLAY })).await;
    let ended = desk.ended(DISPLAY).await;
    assert_eq!(ended["end"]["code"], json!("clock_clears_seed"), "{ended}");
    assert_eq!(desk.get("/tokens/86596221000002").await["drift"], Value::Null, "nothing was learned by it");
}
