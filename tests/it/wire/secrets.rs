//! Law 3 over a running service at trace level: after a walk through REST, console, station and portal
//! no secret stands in any file of the data directory, any log line, any answer or any output.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mintmark::clock::{Clock, SystemClock};
use mintmark::http::access;
use mintmark::secret::Passphrase;
use mintmark::seedfile::{Problem, ReadOptions, SeedRecord, Sink, read};
use serde_json::{Value, json};

use super::browser::Browser;
use super::{Caller, typed};
use crate::leak::Searcher;
use crate::service::fixture::StandIn;

const PSKC: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/demo/vendor-batch.pskcxml");
const CSV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/demo/oath.csv");
const PASSWORD: &str = "drei Birnen im Korb";
/// What bert types with his request to restore access.
const NEW_PASSWORD: &str = "vier Quitten im Netz";

/// A service in a process of its own, with its log in a file; ended when dropped.
struct Service {
    dir: tempfile::TempDir,
    child: Child,
    address: SocketAddr,
    /// What commands printed.
    printed: Vec<u8>,
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintmark"));
    for name in ["MINTMARK_DATA", "MINTMARK_LISTEN", "MINTMARK_SERVER", "STATE_DIRECTORY"] {
        command.env_remove(name);
    }
    command.env("MINTMARK_LOG", "trace").arg("--data").arg(dir.join("data")).arg("--json").args(args);
    command.stdin(Stdio::null());
    command
}

impl Service {
    fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let password = dir.path().join("password");
        std::fs::write(&password, PASSWORD).expect("written");
        let made =
            command(dir.path(), &["init", "--admin", "head", "--password-file"]).arg(&password).output();
        let made = made.expect("the program starts");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let log = File::create(dir.path().join("log")).expect("made");
        let child = command(dir.path(), &["serve", "--listen", "127.0.0.1:0"]);
        let mut child = { child }.stdout(Stdio::piped()).stderr(log).spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("piped");
        let mut first = String::new();
        BufReader::new(stdout).read_line(&mut first).expect("a line");
        let address = first.trim().rsplit('/').next().and_then(|text| text.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in {first:?}"));
        Self { printed: [made.stdout, made.stderr].concat(), dir, child, address }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn run(&mut self, args: &[&str]) -> Value {
        let output = command(self.dir.path(), args).output().expect("the program starts");
        self.printed.extend([output.stdout.as_slice(), &output.stderr].concat());
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }
}

#[derive(Default)]
struct Seeds(Vec<Vec<u8>>);

impl Sink for Seeds {
    #[expect(clippy::disallowed_methods, reason = "test seeds are searched for in everything")]
    fn record(&mut self, record: SeedRecord) -> ControlFlow<()> {
        self.0.push(record.seed.expose().to_vec());
        ControlFlow::Continue(())
    }

    fn problem(&mut self, problem: Problem) -> ControlFlow<()> {
        panic!("the demonstration's file has a problem: {problem:?}");
    }
}

fn step() -> u64 {
    u64::try_from(SystemClock::new().now().secs()).expect("after 1970") / 30
}

/// Every address that can be read, with the names of this walk put in; `import` is the number of one.
fn readable(api: bool, import: &str, job: &str) -> Vec<String> {
    let fill = |path: &str| {
        let name = if path.contains("/resources/") { "VPN" } else { "own" };
        let id = if path.contains("/jobs/") { job } else { import };
        let filled = path.replace("{serial}", "OWN-1").replace("{login}", "anna").replace("{alias}", "vpn");
        filled.replace("{name}", name).replace("{id}", id).replace("{run}", "1").replace("{reader}", "R")
    };
    access::rules()
        .filter(|rule| rule.method == "GET" && rule.path.starts_with("/api/") == api)
        // Streams without end; `runs.rs` and `scanners.rs` read them.
        .filter(|rule| !matches!(rule.path, "/api/v1/devices/events" | "/api/v1/scanners/events"))
        .map(|rule| fill(rule.path))
        .inspect(|path| assert!(!path.contains('{'), "put a name into {path}"))
        .collect()
}

/// Through the REST interface: imports of good and broken files, everything that is asked about codes,
/// every address that can be read.
fn rest(caller: &mut Caller, own: &[StandIn], broken: &str) {
    let lines: String = own.iter().map(StandIn::line).collect();
    let job = caller.import(&[("batch", "own")], "own.csv", lines.as_bytes());
    assert_eq!(job["result"]["committed"], json!(true), "{job}");
    let (id, number) = (job["result"]["id"].to_string(), job["id"].to_string());
    let pskc = std::fs::read(PSKC).expect("readable");
    let wrong = caller.import(&[("passphrase", "not it")], "vendor.pskcxml", &pskc);
    assert_eq!(wrong["state"], "failed", "{wrong}");
    let right = caller.import(&[("passphrase", "mintmark demo")], "vendor.pskcxml", &pskc);
    assert_eq!(right["result"]["new"], json!(12), "{right}");
    let csv = caller.import(&[], "oath.csv", &std::fs::read(CSV).expect("readable"));
    assert_eq!(csv["result"]["new"], json!(20), "{csv}");
    // Lines that cannot be taken are where a secret would most easily be quoted.
    let job = caller.import(&[("commit", "true")], "broken.csv", broken.as_bytes());
    assert!(job["result"]["rejected"].as_u64() > Some(2), "{job}");
    let lines = caller.get(&format!("/api/v1/imports/{}/lines", job["result"]["id"]));
    assert!(lines["items"].as_array().is_some_and(|items| items.len() > 2), "{lines}");

    caller.done("POST", "/api/v1/resources", &json!({ "name": "VPN" }));
    let portal = json!({ "alias": "vpn", "enabled": true,
        "actions": ["register_existing_token", "synchronize_token", "register_new_token"],
        "token_types": ["hardware", "software"] });
    caller.done("PUT", "/api/v1/resources/VPN/selfservice", &portal);
    caller.done("POST", "/api/v1/batches/own/assign", &json!({ "resource": "VPN" }));
    for login in ["anna", "bert", "carl"] {
        let new = json!({ "login": login, "password": PASSWORD, "resource": "VPN" });
        caller.done("POST", "/api/v1/users", &new);
    }
    let confirm = json!({ "user": "bert", "serial": "OWN-2", "otps": typed(&own[1], step() - 2, 2) });
    let confirmed = caller.done("POST", "/api/v1/resources/VPN/confirmations", &confirm);
    assert_eq!(confirmed["result"], "confirmed", "{confirmed}");
    let ask = json!({ "user": "bert", "password": PASSWORD, "otp": typed(&own[1], step(), 1)[0] });
    caller.done("POST", "/api/v1/resources/VPN/authenticate", &ask);
    let check = json!({ "otp": typed(&own[2], step(), 1)[0] });
    assert_eq!(caller.done("POST", "/api/v1/tokens/OWN-3/check", &check)["result"], "accepted");
    let resync = json!({ "otps": typed(&own[3], step() + 40, 2) });
    assert_eq!(caller.done("POST", "/api/v1/tokens/OWN-4/resync", &resync)["result"], "synchronized");
    for wrong in [json!({ "otp": "12345" }), json!({ "otp": 7, "seed": "x" }), json!("otp")] {
        caller.json("POST", "/api/v1/tokens/OWN-3/check", &wrong);
    }
    for path in readable(true, &id, &number) {
        let status = caller.send("GET", &path, "", &[]).status;
        // Only a demonstration shows its mails, and nothing is programmed here: `runs.rs` does.
        let missing = path.ends_with("/mails") || path.contains("/runs/");
        assert!(status == 200 || missing, "{path}: {status}");
    }
    caller.done("POST", "/api/v1/audit/verify", &json!({}));
}

/// Through the console and the station, signed in as an operator.
fn console(browser: &mut Browser, own: &[StandIn], broken: &str) {
    browser.get("/");
    let signed = browser.post("/sign-in", &[("login", "head"), ("password", PASSWORD)]);
    assert_eq!(signed.status, 303, "{}", signed.text());
    browser.get("/admin/import");
    for (name, file) in [("more.csv", own[4].line()), ("broken.csv", broken.to_owned())] {
        let begun = browser.upload("/admin/import", &[("batch", name)], name, file.as_bytes());
        assert_eq!(begun.status, 303, "{}", begun.text());
        let path = begun.header("location").expect("a page");
        while browser.get(&path).text().contains("data-job-events") {
            std::thread::yield_now();
        }
    }
    for path in readable(false, "1", "1") {
        // The portal's pages are another's.
        if !path.starts_with("/selfservice") {
            let page = browser.get(&path);
            // Only a demonstration shows its mails, no logo was set, nothing is programmed here, and there are no readers.
            let missing = path == "/admin/outbox"
                || path.ends_with("/logo")
                || path.contains("/runs/")
                || path.contains("/devices/");
            let shown = matches!(page.status, 200 | 303) || missing;
            assert!(shown, "{path}: {}", page.status);
        }
    }
    browser.get("/station/token/OWN-1");
    let (code, pair) = (typed(&own[0], step() - 1, 1), typed(&own[0], step(), 2));
    let checked = browser.post("/station/tokens/OWN-1/check", &[("otp1", &code[0])]);
    assert_eq!(checked.status, 200, "{}", checked.text());
    let reason = ("reason", "at the desk");
    browser.post("/station/tokens/OWN-1/resync", &[("otp1", &pair[0]), ("otp2", &pair[1]), reason]);
    browser.post("/station/tokens/OWN-1/check", &[("otp1", "12x")]);
}

/// Through the portal, as anna.
fn portal(browser: &mut Browser, own: &[StandIn]) {
    browser.get("/selfservice/vpn/portal");
    browser.post("/selfservice/vpn/portal", &[("login", "anna")]);
    browser.get("/selfservice/vpn/verify");
    browser.post("/selfservice/vpn/verify", &[("secret", "not it")]);
    let passed = browser.post("/selfservice/vpn/verify", &[("secret", PASSWORD)]);
    assert_eq!(passed.status, 303, "{}", passed.text());
    browser.get("/selfservice/vpn/tokens/confirm");
    for (from, status) in [(9, 422), (step() - 1, 303)] {
        let codes = typed(&own[5], from, 2);
        let fields = [("serial", "OWN-6"), ("otp1", codes[0].as_str()), ("otp2", codes[1].as_str())];
        let answer = browser.post("/selfservice/vpn/tokens/confirm", &fields);
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    for path in readable(false, "1", "1").iter().filter(|path| path.starts_with("/selfservice")) {
        assert!(matches!(browser.get(path).status, 200 | 303 | 404), "{path}");
    }
}

/// Through the portal, as bert, who lost everything: the new password is typed with the request.
fn restore_access(browser: &mut Browser) {
    browser.get("/selfservice/vpn/portal");
    browser.post("/selfservice/vpn/portal", &[("login", "bert")]);
    browser.get("/selfservice/vpn/restore");
    let step = |browser: &mut Browser, fields: &[(&str, &str)], status: u16| {
        let answer = browser.post("/selfservice/vpn/restore", fields);
        assert_eq!(answer.status, status, "{}", answer.text());
        browser.get("/selfservice/vpn/restore");
    };
    step(browser, &[("step", "lost"), ("token", "1"), ("password", "1"), ("email", "1")], 303);
    step(browser, &[("step", "password"), ("new", NEW_PASSWORD), ("again", "another")], 422);
    step(browser, &[("step", "password"), ("new", NEW_PASSWORD), ("again", NEW_PASSWORD)], 303);
    step(browser, &[("step", "email"), ("email", "bert@example.org")], 303);
    step(browser, &[("step", "send")], 303);
}

/// Through the portal, as carl: a secret that is typed, and one that is made here. The page that shows the
/// latter is the one place where it may stand, so that page alone is not kept.
fn new_tokens(browser: &mut Browser, device: &StandIn) -> Vec<u8> {
    browser.get("/selfservice/vpn/portal");
    browser.post("/selfservice/vpn/portal", &[("login", "carl")]);
    browser.get("/selfservice/vpn/verify");
    let passed = browser.post("/selfservice/vpn/verify", &[("secret", PASSWORD)]);
    assert_eq!(passed.status, 303, "{}", passed.text());
    browser.get("/selfservice/vpn/tokens/register?type=hardware");
    let line = device.line();
    let hex = line.split(',').nth(1).expect("the secret");
    for (model, status) in [("no model", 422), ("feitian-c200/0", 303)] {
        let serial = ("serial", device.serial.display());
        let fields = [("type", "hardware"), ("model", model), serial, ("secret", hex)];
        let answer = browser.post("/selfservice/vpn/tokens/register", &fields);
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    browser.get("/selfservice/vpn/tokens/draft");
    browser.post("/selfservice/vpn/tokens/draft", &[("otp1", "12x")]);
    browser.post("/selfservice/vpn/tokens/draft", &[("otp1", "123456")]);
    let begun = browser.post("/selfservice/vpn/tokens/register", &[("type", "software")]);
    assert_eq!(begun.status, 303, "{}", begun.text());
    let kept = browser.wire.seen.take();
    let page = browser.get("/selfservice/vpn/tokens/draft").text();
    browser.wire.seen = kept;
    let key = page.split("data-copy-source>").nth(1).and_then(|rest| rest.split('<').next());
    let key: String = key.expect("the key is shown").split(' ').collect();
    browser.post("/selfservice/vpn/tokens/draft/drop", &[]);
    data_encoding::BASE32_NOPAD.decode(key.as_bytes()).expect("base32")
}

#[test]
fn wire_law3_no_secret_in_files_log_and_answers() {
    let mut service = Service::start();
    let key = service.run(&["apikey", "add", "walker", "--role", "admin"]);
    let key = key["key"].as_str().expect("a key").to_owned();
    let own: Vec<StandIn> = (1..=6).map(|n| StandIn::totp(&format!("OWN-{n}"))).collect();
    let spoiled: Vec<StandIn> = (1..=4).map(|n| StandIn::totp(&format!("BAD-{n}"))).collect();
    // Good secrets in lines that are refused: one digit too many, no such kind, too many digits, twice.
    let line = |n: usize| spoiled[n].line();
    let broken = [
        line(0).replace(",TOTP", "z,TOTP"),
        line(1).replace("TOTP", "WOTP"),
        line(2).replace(",6,", ",66,"),
        line(3),
        line(3).replace("BAD-4", "BAD-5"),
    ]
    .concat();

    let mut caller = Caller::new(service.address, &key);
    caller.wire.seen = Some(Vec::new());
    rest(&mut caller, &own, &broken);
    let mut bert = Browser::new(service.address);
    bert.wire.seen = Some(Vec::new());
    restore_access(&mut bert);
    let mut staff = Browser::new(service.address);
    staff.wire.seen = Some(Vec::new());
    console(&mut staff, &own, &broken);
    let mut anna = Browser::new(service.address);
    anna.wire.seen = Some(Vec::new());
    portal(&mut anna, &own);
    let mut carl = Browser::new(service.address);
    carl.wire.seen = Some(Vec::new());
    let device = StandIn::totp("DEVICE-1");
    let made_here = new_tokens(&mut carl, &device);
    for args in [&["token", "show", "OWN-1"][..], &["token", "list"], &["audit", "export"], &["doctor"]] {
        service.run(args);
    }

    let mut seeds = Seeds::default();
    let phrase = Passphrase::from_text("mintmark demo".to_owned());
    let options = ReadOptions { passphrase: Some(&phrase), ..ReadOptions::default() };
    read(&std::fs::read(PSKC).expect("readable"), &options, &mut seeds).expect("readable");
    read(&std::fs::read(CSV).expect("readable"), &ReadOptions::default(), &mut seeds).expect("readable");
    let text: String = own.iter().chain(&spoiled).chain([&device]).map(StandIn::line).collect();
    read(text.as_bytes(), &ReadOptions::default(), &mut seeds).expect("readable");
    assert_eq!(seeds.0.len(), 12 + 20 + 11);
    seeds.0.extend([made_here, NEW_PASSWORD.as_bytes().to_vec()]);

    let searcher = Searcher::new(&seeds.0);
    // It says good-bye: what it writes does end up in this file.
    let pid = service.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill starts").success());
    assert!(service.child.wait().expect("ends").success());
    let log = std::fs::read(service.path("log")).expect("readable");
    let answers = [caller.wire.seen, bert.wire.seen, staff.wire.seen, anna.wire.seen, carl.wire.seen]
        .map(Option::unwrap_or_default)
        .concat();
    assert!(String::from_utf8_lossy(&log).contains("stopping"), "{} bytes of log", log.len());
    assert!(answers.len() > 200_000, "{} bytes of answers", answers.len());
    let search = |log: &[u8], answers: &[u8]| {
        let mut found = searcher.find("the log", log);
        found.extend(searcher.find("the answers", answers));
        found.extend(searcher.find("the output of commands", &service.printed));
        found.extend(searcher.find_in_files(&service.path("data")));
        found
    };
    assert_eq!(search(&log, &answers), Vec::<String>::new());
    // Passwords and codes are no business of the log either.
    for word in [PASSWORD, "mintmark demo", &key] {
        assert!(!String::from_utf8_lossy(&log).contains(word), "{word} is in the log");
    }

    // The search itself is sharp: a leak planted in each place is found.
    let planted = data_encoding::BASE32_NOPAD.encode(&seeds.0[40]).into_bytes();
    assert_eq!(search(&[log.as_slice(), &planted].concat(), &answers).len(), 1);
    assert_eq!(search(&log, &[b"{\"secret\":\"", planted.as_slice(), &answers].concat()).len(), 1);
    std::fs::write(service.path("data").join("planted"), &planted).expect("written");
    assert_eq!(search(&log, &answers).len(), 1);
}
