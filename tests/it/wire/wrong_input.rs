//! Wrong input at the REST interface and at the pages: a clear answer that says where and what to do,
//! and nothing is changed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mintmark::clock::{ManualClock, UnixTime};
use mintmark::model::{Login, ResourceName, Role};
use mintmark::secret::Passphrase;
use mintmark::service::{Service, ServiceError, StoreMark};
use mintmark::store::{RedbStore, Store};
use mintmark::vault::RootKey;
use redb::StorageBackend;
use redb::backends::InMemoryBackend;
use serde_json::{Value, json};

use super::browser::Browser;
use super::client::Reply;
use super::{ADMIN, Caller, Server, digits, typed};
use crate::service::fixture::StandIn;
use crate::wrong_file::{Wanted, wrong_files};

const PASSWORD: &str = "drei Birnen im Korb";

/// Names and values of a form.
type Fields = &'static [(&'static str, &'static str)];

/// What is in the store, as an admin sees it. Imports, jobs and the log tell what was tried.
fn inventory(caller: &mut Caller) -> Vec<Value> {
    let lists = ["tokens", "batches", "resources", "users", "operators", "apikeys", "tokens/OLD-1"];
    lists.iter().map(|list| caller.get(&format!("/api/v1/{list}"))).collect()
}

/// A service with one token on *VPN*, and an operator.
fn furnished() -> (Server, Caller, StandIn) {
    let server = Server::new();
    let old = StandIn::totp("OLD-1");
    let mut caller = server.caller(Role::Admin);
    caller.import(&[("batch", "old")], "old.csv", old.line().as_bytes());
    let name = ResourceName::parse("VPN").expect("a name");
    server.service.add_resource(&ADMIN, &name).expect("made");
    caller.done("POST", "/api/v1/batches/old/assign", &json!({ "resource": "VPN" }));
    let (login, password) = (Login::parse("head").expect("a login"), Passphrase::from_text(PASSWORD.into()));
    server.service.add_operator(&ADMIN, &login, &password, Role::Admin, None).expect("made");
    (server, caller, old)
}

fn signed_in(server: &Server) -> Browser {
    let mut browser = Browser::new(server.address);
    browser.get("/");
    let signed = browser.post("/sign-in", &[("login", "head"), ("password", PASSWORD)]);
    assert_eq!(signed.status, 303, "{}", signed.text());
    browser
}

#[test]
fn wire_wrong_seed_files_are_told_by_the_interface() {
    let (_server, mut caller, _) = furnished();
    let before = inventory(&mut caller);
    for wrong in wrong_files() {
        let mut fields = vec![("batch", "wrong")];
        fields.extend(wrong.passphrase.map(|phrase| ("passphrase", phrase)));
        let (status, answer) = caller.upload(&fields, wrong.name, &wrong.bytes);
        let said = if status == 202 {
            let job = caller.import(&fields, wrong.name, &wrong.bytes);
            let import = caller.get(&format!("/api/v1/imports/{}", answer["import"]));
            let read = wrong.wanted == Wanted::Read;
            assert_eq!(import["committed"], json!(read), "{}: {import}", wrong.name);
            format!("{job} {import}")
        } else {
            assert_eq!(status, 422, "{}: {answer}", wrong.name);
            answer.to_string()
        };
        wrong.is_told(&said);
        assert_eq!(inventory(&mut caller), before, "{}", wrong.name);
    }
}

#[test]
fn wire_wrong_seed_files_are_told_by_the_page() {
    let (server, mut caller, _) = furnished();
    let before = inventory(&mut caller);
    let mut browser = signed_in(&server);
    for wrong in wrong_files() {
        browser.get("/admin/import");
        let fields: Vec<_> = wrong.passphrase.map(|phrase| ("passphrase", phrase)).into_iter().collect();
        let mut page = browser.upload("/admin/import", &fields, wrong.name, &wrong.bytes);
        if page.status == 303 {
            let path = page.header("location").expect("a page");
            page = browser.get(&path);
            while page.text().contains("data-job-events") {
                page = browser.get(&path);
            }
        }
        assert!(page.text().contains("<html"), "{}: a page says it", wrong.name);
        if wrong.wanted != Wanted::Read {
            wrong.is_told(&page.text());
        }
        assert_eq!(inventory(&mut caller), before, "{}", wrong.name);
    }
}

#[test]
fn wire_wrong_fields_are_told() {
    let (server, mut caller, old) = furnished();
    let before = inventory(&mut caller);
    let check = "/api/v1/tokens/OLD-1/check";
    let portal = "/api/v1/resources/VPN/selfservice";
    let rows: [(&str, &str, Value, u16, &str, &str); 8] = [
        ("POST", check, json!({ "otp": "12345" }), 422, "otp_length", "6"),
        ("POST", check, json!({ "otp": "１２３４５６" }), 422, "otp_malformed", "digit"),
        ("POST", check, json!({ "otp": "12a456" }), 422, "otp_kind", "6 digits"),
        ("POST", check, json!({ "otp": "" }), 422, "otp_malformed", "no code was typed"),
        ("POST", check, json!({ "otp": "123456", "colour": 1 }), 422, "unknown_field", "colour"),
        ("POST", "/api/v1/users", json!({ "login": "a", "shoe": 44 }), 422, "unknown_field", "shoe"),
        ("PUT", portal, json!({ "alias": "MyVPN" }), 422, "name_invalid", "small letters"),
        (
            "POST",
            "/api/v1/batches/old/assign",
            json!({ "resource": "VPN", "all": 1 }),
            422,
            "unknown_field",
            "all",
        ),
    ];
    for (method, path, body, wanted, code, words) in rows {
        let (status, answer) = caller.json(method, path, &body);
        assert_eq!((status, &answer["code"]), (wanted, &json!(code)), "{body}: {answer}");
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(words), "{body}: {words:?} is not in {detail:?}");
        assert_eq!(inventory(&mut caller), before, "{body}");
    }
    let mut browser = signed_in(&server);
    let pages: [(&str, Fields, &str); 4] = [
        ("/station/tokens/OLD-1/check", &[("otp1", "12345")], "digits"),
        ("/station/tokens/OLD-1/check", &[("otp1", "１２３４５６")], "digits"),
        ("/admin/tokens/OLD-1/check", &[("otp", "１２３４５６")], "digits"),
        ("/admin/resources/VPN/selfservice", &[("enabled", "true"), ("alias", "MyVPN")], "small letters"),
    ];
    for (path, fields, words) in pages {
        browser.get("/station/token/OLD-1");
        let page = browser.post(path, fields);
        assert_eq!(page.status, 422, "{path} {fields:?}: {}", page.text());
        assert!(page.text().contains(words), "{path} {fields:?}: {words:?} is not in {}", page.text());
        assert_eq!(inventory(&mut caller), before, "{path} {fields:?}");
    }
    // What people write into codes to read them more easily is taken.
    let code = digits(&old.at(server.step()));
    let answer = caller.done("POST", check, &json!({ "otp": format!("{} {}", &code[..3], &code[3..]) }));
    assert_eq!(answer["result"], "accepted");
}

#[test]
fn wire_a_body_of_100_mib_is_answered() {
    let (server, mut caller, _) = furnished();
    let before = inventory(&mut caller);
    let large = vec![b'1'; 100 << 20];
    let told = |reply: &Reply, words: &str| {
        assert_eq!(reply.status, 413, "{}", reply.text());
        assert!(reply.text().contains(words), "{}", reply.text());
    };
    told(&caller.send("POST", "/api/v1/resources", "application/json", &large), "1 MiB");
    told(&caller.send("PUT", "/api/v1/resources/VPN/selfservice", "application/json", &large), "1 MiB");
    let upload = super::form(&[("batch", "large")], "large.csv", &large);
    told(&caller.send("POST", "/api/v1/imports", super::FORM, &upload), "64 MiB");
    // Without a word of how long it is.
    told(&chunked(&server, &mut caller, &upload), "64 MiB");
    let mut browser = signed_in(&server);
    browser.get("/admin/import");
    let page = browser.upload("/admin/import", &[], "large.csv", &large);
    told(&page, "64 MiB");
    assert!(page.text().contains("<html"), "a page says it");
    browser.get("/station/token/OLD-1");
    let text = String::from_utf8(large).expect("digits");
    told(&browser.post("/station/tokens/OLD-1/check", &[("otp1", &text)]), "1 MiB");
    // Nobody needs to be signed in to be answered.
    let mut stranger = Caller::new(server.address, "no key");
    let refused = stranger.send("POST", "/api/v1/imports", super::FORM, &upload);
    assert_eq!(refused.status, 401, "{}", refused.text());
    // On a busy machine the one before was idle for so long that the server closed it.
    caller.wire = super::client::Wire::connect(server.address);
    assert_eq!(inventory(&mut caller), before);
}

/// The same upload in chunks.
fn chunked(server: &Server, caller: &mut Caller, body: &[u8]) -> Reply {
    let bearer = caller.bearer.clone();
    let host = server.address.to_string();
    let headers = format!(
        "POST /api/v1/imports HTTP/1.1\r\nhost: {host}\r\nauthorization: {bearer}\r\ncontent-type: {}\r\n\
         transfer-encoding: chunked\r\n\r\n",
        super::FORM
    );
    let mut request = headers.into_bytes();
    for part in body.chunks(1 << 20) {
        request.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        request.extend_from_slice(part);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    caller.wire.exchange(&request)
}

/// A disk with little room.
#[derive(Clone, Debug)]
struct Disk {
    pages: Arc<InMemoryBackend>,
    room: Arc<AtomicU64>,
}

impl Disk {
    fn check(&self, end: u64) -> std::io::Result<()> {
        if end > self.room.load(Ordering::SeqCst) && end > self.pages.len()? {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> std::io::Result<u64> {
        self.pages.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.pages.read(offset, out)
    }
    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.check(len)?;
        self.pages.set_len(len)
    }
    fn sync_data(&self) -> std::io::Result<()> {
        Ok(())
    }
    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.check(offset + data.len() as u64)?;
        self.pages.write(offset, data)
    }
}

#[test]
fn wire_a_full_disk_is_told_and_changes_nothing() {
    full_disk();
}

/// A store without room behind the REST interface.
pub(crate) fn full_disk() {
    let disk = Disk { pages: Arc::new(InMemoryBackend::new()), room: Arc::new(AtomicU64::new(u64::MAX)) };
    let server = Server::over(Arc::new(RedbStore::with_backend(disk.clone()).expect("a store")));
    let old = StandIn::totp("OLD-1");
    let mut caller = server.caller(Role::Admin);
    caller.import(&[("batch", "old")], "old.csv", old.line().as_bytes());
    let before = inventory(&mut caller);
    // Room for a part of what comes.
    disk.room.store(disk.pages.len().expect("a length") + (1 << 20), Ordering::SeqCst);
    let lines: String = (0..20_000).map(|n| StandIn::totp(&format!("NEW{n:06}")).line()).collect();
    let job = caller.import(&[("batch", "new")], "new.csv", lines.as_bytes());
    assert_eq!((&job["state"], &job["problem"]["code"]), (&json!("failed"), &json!("store_full")), "{job}");
    let detail = job["problem"]["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("full"), "{detail}");
    assert_eq!(inventory(&mut caller), before);
    // A disk that has no room at all.
    disk.room.store(0, Ordering::SeqCst);
    let mut refused = None;
    for n in 0..20_000 {
        let (status, answer) = caller.json("POST", "/api/v1/resources", &json!({ "name": format!("R{n}") }));
        if status != 201 && status != 200 {
            refused = Some((status, answer));
            break;
        }
    }
    let (status, answer) = refused.expect("the room ends");
    assert_eq!((status, &answer["code"]), (507, &json!("store_full")), "{answer}");
    // With room again it goes on, and the same file is taken.
    disk.room.store(u64::MAX, Ordering::SeqCst);
    let mut again = Value::Null;
    for _ in 0..1_000 {
        let (status, _) = caller.upload(&[("batch", "probe")], "probe.csv", old.line().as_bytes());
        if status == 202 {
            again = caller.import(&[("batch", "new")], "new.csv", lines.as_bytes());
            break;
        }
        std::thread::yield_now();
    }
    assert_eq!(again["result"]["new"], json!(20_000), "{again}");
    assert_eq!(server.service.verify_audit(&ADMIN).expect("read").fault, None);
}

#[test]
fn wire_a_clock_in_1970_stops_work_with_codes() {
    let (server, mut caller, old) = furnished();
    caller.done("POST", "/api/v1/users", &json!({ "login": "anna", "resource": "VPN" }));
    let before = inventory(&mut caller);
    server.clock.set(UnixTime::from_secs(1_000));
    let (codes, code) = (typed(&old, 33, 2), &typed(&old, 33, 1)[0]);
    let rows = [
        ("/api/v1/tokens/OLD-1/check", json!({ "otp": code })),
        ("/api/v1/tokens/OLD-1/resync", json!({ "otps": codes })),
        ("/api/v1/resources/VPN/confirmations", json!({ "user": "anna", "serial": "OLD-1", "otps": codes })),
        ("/api/v1/resources/VPN/authenticate", json!({ "user": "anna", "otp": code })),
    ];
    let mut ids = BTreeSet::new();
    for (path, body) in rows {
        let (status, answer) = caller.json("POST", path, &body);
        assert_eq!((status, &answer["code"]), (503, &json!("clock_fault")), "{path}: {answer}");
        // What the log calls the request, for whoever is told of it.
        let id = answer["request_id"].as_str().unwrap_or_default().to_owned();
        assert!(id.len() == 17 && ids.insert(id), "{answer}");
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!(detail.contains("1970-01-01") && detail.contains("correct the clock"), "{detail}");
        assert!(detail.contains("ran ahead") && detail.contains("accept the clock"), "{detail}");
    }
    let (_, told) = caller.json("GET", "/api/v1/time", &json!({}));
    assert!(told["fault"].as_str().is_some_and(|newest| newest.starts_with("2027-")), "{told}");
    // A key is no person: two of those, signed in, accept a clock.
    let (status, answer) = caller.json("POST", "/api/v1/time/accept", &json!({}));
    assert_eq!((status, &answer["code"]), (403, &json!("operator_needed")), "{answer}");
    server.clock.set(super::START);
    let (status, answer) = caller.json("POST", "/api/v1/time/accept", &json!({}));
    assert_eq!((status, &answer["code"]), (409, &json!("clock_right")), "{answer}");
    let (_, told) = caller.json("GET", "/api/v1/time", &json!({}));
    assert_eq!(told["fault"], json!(null));
    assert_eq!(inventory(&mut caller), before);
    let right = digits(&old.at(server.step()));
    let answer = caller.done("POST", "/api/v1/tokens/OLD-1/check", &json!({ "otp": right }));
    assert_eq!(answer["result"], "accepted");
    // The record of it names its request, one of the same start of the program.
    let (_, log) = caller.json("GET", "/api/v1/audit?subject=token:OLD-1&limit=1", &json!({}));
    let id = log["items"][0]["request_id"].as_str().unwrap_or_default().to_owned();
    assert!(ids.iter().all(|known| known[..9] == id[..9] && *known != id), "{log}");
    // What a caller did wrong needs no reference.
    let (status, answer) = caller.json("POST", "/api/v1/tokens/OLD-1/check", &json!({ "otp": "1" }));
    assert_eq!((status, &answer["request_id"]), (422, &Value::Null), "{answer}");

    // No store is made by such a clock.
    let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("a store"));
    let (root, clock) = (RootKey::generate().expect("a key"), ManualClock::new(UnixTime::from_secs(1_000)));
    let made = Service::initialise(&*store, &root, &clock, StoreMark::default());
    assert!(matches!(made, Err(ServiceError::ClockFault { .. })), "{made:?}");
}
