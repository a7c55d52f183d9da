//! REST: who may what, the document, the whole walk of a token, and what is refused.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use mintmark::clock::{Clock, ManualClock, UnixTime};
use mintmark::http::auth::LocalPeer;
use mintmark::http::{AppState, Exposure, HttpSettings, access};
use mintmark::jobs::Jobs;
use mintmark::model::Role;
use mintmark::oath::{Generator, HashAlg, MovingFactor, PeriodSecs, time_step};
use mintmark::secret::Seed;
use mintmark::service::{MailMode, Service, StoreMark};
use mintmark::store::{RedbStore, Store};
use mintmark::vault::RootKey;
use serde_json::{Value, json};
use tower::ServiceExt;

const BOUNDARY: &str = "frame-of-the-upload";

struct Api {
    router: Router,
    clock: Arc<ManualClock>,
}

fn start() -> Api {
    let clock = Arc::new(ManualClock::new(UnixTime::from_secs(1_781_481_600)));
    let store: Arc<dyn Store> = Arc::new(RedbStore::in_memory().expect("a store"));
    let root = RootKey::generate().expect("a root key");
    Service::initialise(&*store, &root, &*clock, StoreMark::default()).expect("a new store");
    let service = Service::open(store, &root, Arc::clone(&clock) as Arc<dyn Clock>, MailMode::None)
        .map(Arc::new)
        .expect("the service opens");
    let jobs = Arc::new(Jobs::start(&service, None).expect("workers"));
    let settings = HttpSettings {
        public_url: "http://localhost".into(),
        allowed_hosts: vec!["localhost".into()],
        trusted_proxies: Vec::new(),
        secure: false,
        exposure: Exposure::Everything,
    };
    Api { router: mintmark::http::router(AppState::new(service, jobs, settings)), clock }
}

impl Api {
    async fn send(&self, request: Request<Body>) -> (StatusCode, Value) {
        let answer = self.router.clone().oneshot(request).await.expect("never fails");
        let status = answer.status();
        let bytes = to_bytes(answer.into_body(), 8 << 20).await.expect("a body");
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// As the owner of the machine, with a body of any type.
    async fn raw(&self, method: &str, path: &str, kind: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(path);
        if !kind.is_empty() {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let mut request = request.body(body.into()).expect("a request");
        request.extensions_mut().insert(LocalPeer { uid: 1_000 });
        self.send(request).await
    }

    async fn json(&self, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        self.raw(method, path, "application/json", body.to_string()).await
    }

    async fn done(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.json(method, path, body).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        answer
    }

    async fn get(&self, path: &str) -> Value {
        let (status, answer) = self.raw("GET", path, "", Body::empty()).await;
        assert_eq!(status, StatusCode::OK, "{path}: {answer}");
        answer
    }

    async fn with_key(&self, method: &str, path: &str, key: Option<&str>) -> StatusCode {
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
        if let Some(key) = key {
            request = request.header(header::AUTHORIZATION, format!("Bearer {key}"));
        } else {
            request = request.header("sec-fetch-site", "same-origin");
        }
        let request = request.body(Body::empty()).expect("a request");
        // The body may be a stream without end: only the head matters here.
        self.router.clone().oneshot(request).await.expect("never fails").status()
    }

    async fn import(&self, csv: &str, batch: &str) -> Value {
        let part = |name: &str, rest: &str, text: &str| {
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{rest}\r\n\r\n{text}\r\n")
        };
        let body = [
            part("batch", "", batch),
            part("file", "; filename=\"tokens.csv\"", csv),
            format!("--{BOUNDARY}--\r\n"),
        ]
        .concat();
        let kind = format!("multipart/form-data; boundary={BOUNDARY}");
        let (status, answer) = self.raw("POST", "/api/v1/imports", &kind, body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
        let job = format!("/api/v1/jobs/{}", answer["job"]);
        for _ in 0..400 {
            let now = self.get(&job).await;
            if matches!(now["state"].as_str(), Some("done" | "failed")) {
                return now;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the import does not end");
    }

    /// The code that a token without drift shows `ahead` steps from now.
    fn code(&self, seed: &[u8], ahead: i64) -> String {
        let step = time_step(self.clock.now(), 0, 30 * ahead, PeriodSecs::DEFAULT).expect("after 1970");
        let number = Generator::new(&Seed::new(seed.to_vec()), HashAlg::Sha1).truncated(MovingFactor(step.0));
        format!("{:06}", number % 1_000_000)
    }
}

const SEED: [u8; 20] = *b"\x8e\x13\x77\xa1\x02\xfe\x51\x90\xcc\x3b\x6d\x24\x99\x0a\xe7\x58\xb3\x41\xdf\x66";

fn seed_line(serial: &str) -> String {
    format!("{serial},{},totp,6,30\n", data_encoding::HEXLOWER.encode(&SEED))
}

#[tokio::test]
async fn every_route_answers_every_role_as_the_table_says() {
    let api = start();
    let mut keys = Vec::new();
    for role in Role::ALL {
        let made = api
            .done(
                "POST",
                "/api/v1/apikeys",
                &json!({ "name": format!("k-{}", role.name()), "role": role.name() }),
            )
            .await;
        keys.push((role, made["key"].as_str().expect("a key").to_owned()));
    }
    let mut asked = 0;
    for rule in access::rules().filter(|rule| rule.path.starts_with("/api/v1/")) {
        let path: String = rule
            .path
            .split('/')
            .map(|part| if part.starts_with('{') { "none" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let nobody = api.with_key(rule.method, &path, None).await;
        assert_eq!(nobody, StatusCode::UNAUTHORIZED, "{} {path} without a key", rule.method);
        for (role, key) in &keys {
            let status = api.with_key(rule.method, &path, Some(key)).await;
            let refused = status == StatusCode::FORBIDDEN;
            assert_eq!(
                refused,
                !rule.needs.allows(*role),
                "{} {path} as {}: {status}",
                rule.method,
                role.name()
            );
            assert!(
                !matches!(status.as_u16(), 401 | 405) && !status.is_server_error(),
                "{} {path} as {}: {status}",
                rule.method,
                role.name()
            );
            asked += 1;
        }
    }
    assert!(asked > 200, "the table is far smaller than the contract: {asked}");
}

#[tokio::test]
async fn the_document_and_the_table_name_the_same_routes() {
    let api = start();
    let document = api.get("/api/openapi.json").await;
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let mut described = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for method in methods.as_object().expect("methods").keys() {
            described.insert((method.to_uppercase(), path.clone()));
        }
    }
    let ruled: BTreeSet<_> = access::rules()
        .filter(|rule| rule.path.starts_with("/api/"))
        .map(|rule| (rule.method.to_owned(), rule.path.to_owned()))
        .collect();
    assert_eq!(described, ruled);
}

#[tokio::test]
async fn a_token_walks_from_the_file_to_its_resynchronisation() {
    let api = start();
    let job = api.import(&seed_line("TOK-1"), "B1").await;
    assert_eq!((&job["state"], &job["result"]["committed"]), (&json!("done"), &json!(true)), "{job}");
    assert_eq!(job["result"]["new"], json!(1));

    api.done("POST", "/api/v1/resources", &json!({ "name": "VPN" })).await;
    let portal =
        json!({ "alias": "vpn", "actions": ["register_existing_token"], "token_types": ["hardware"] });
    let policy = json!({ "environment_policy": "ask_otp", "environment_score": 60 });
    api.done("PUT", "/api/v1/resources/VPN/selfservice", &portal).await;
    let resource = api.done("PUT", "/api/v1/resources/VPN/selfservice", &policy).await;
    assert_eq!(
        (&resource["environment_policy"], &resource["environment_score"]),
        (&json!("ask_otp"), &json!(60))
    );
    let count = api.done("POST", "/api/v1/batches/B1/assign", &json!({ "resource": "VPN" })).await;
    assert_eq!(count, json!({ "assigned": 1, "already": 0 }));
    api.done("POST", "/api/v1/users", &json!({ "login": "anna", "resource": "VPN" })).await;
    let open = api.get("/api/v1/resources/VPN/confirmations?state=open").await;
    assert_eq!(open["items"][0]["serial"], json!("TOK-1"));

    let codes = i64::try_from(resource["confirm_codes"].as_u64().expect("a number")).expect("small");
    let shown: Vec<_> = (0..codes).map(|ahead| api.code(&SEED, ahead + 1 - codes)).collect();
    let body = json!({ "user": "anna", "serial": "tok 1", "otps": shown });
    let answer = api.done("POST", "/api/v1/resources/VPN/confirmations", &body).await;
    assert_eq!(answer["result"], json!("confirmed"), "{answer}");
    let token = api.get("/api/v1/tokens/TOK-1").await;
    assert_eq!((&token["custody"], &token["user"]), (&json!("confirmed"), &json!("anna")), "{token}");

    api.clock.advance(Duration::from_mins(2));
    let typed = json!({ "user": "anna", "otp": api.code(&SEED, 0) });
    let answer = api.done("POST", "/api/v1/resources/VPN/authenticate", &typed).await;
    assert_eq!(answer["result"], json!("accepted"));
    let answer = api.done("POST", "/api/v1/resources/VPN/authenticate", &typed).await;
    assert_eq!(answer["result"], json!("rejected"), "a code counts once");

    api.clock.advance(Duration::from_mins(2));
    let ahead: Vec<_> = (5..8).map(|steps| api.code(&SEED, steps)).collect();
    let whose = api.done("POST", "/api/v1/tokens/identify", &json!({ "otps": ahead })).await;
    assert_eq!((&whose["result"], &whose["matches"][0]["serial"]), (&json!("found"), &json!("TOK-1")));
    assert!(whose["evaluated"].as_u64().expect("a number") > 0 && whose["otps_needed"] == json!(2));
    let answer = api.done("POST", "/api/v1/tokens/TOK-1/resync", &json!({ "otps": ahead })).await;
    assert_eq!(answer["result"], json!("synchronized"), "{answer}");
    let token = api.get("/api/v1/tokens/TOK-1").await;
    let mut keys: Vec<_> = token["drift"].as_object().expect("learned").keys().collect();
    keys.sort();
    assert_eq!(keys, ["learned_at", "seconds", "steps"]);
    assert_eq!((&token["rate_ppm"], &token["leaves_window_at"]), (&json!(null), &json!(null)), "{token}");
    let fleet = api.get("/api/v1/drift").await;
    assert_eq!((&fleet["clocks"], &fleet["rated"], &fleet["tokens"]), (&json!(1), &json!(0), &json!([])));
    assert_eq!(fleet["offsets"][0]["from"], json!(null), "{fleet}");
    let history = api.get("/api/v1/tokens/TOK-1/history?limit=2").await;
    assert_eq!(history["items"][0]["action"], json!("resynced"));
    // Codes that fit nowhere are explained: these were typed in the wrong order.
    let turned: Vec<_> = [9, 8].map(|steps| api.code(&SEED, steps)).into();
    let answer = api.done("POST", "/api/v1/tokens/TOK-1/resync", &json!({ "otps": turned })).await;
    let finding = &answer["diagnosis"]["findings"][0];
    assert_eq!((&answer["result"], &finding["cause"]), (&json!("not_found"), &json!("order")), "{answer}");
    assert!(finding["detail"].is_string() && finding["next"].is_string() && finding["seconds"].is_number());
    assert!(history["next"].is_string());
    assert_eq!(api.done("POST", "/api/v1/audit/verify", &json!({})).await["result"], json!("intact"));
}

#[tokio::test]
async fn a_challenge_is_taken_where_a_token_answers_one() {
    let api = start();
    let suite = "OCRA-1:HOTP-SHA1-6:QN08";
    let secret: Vec<u8> = SEED.iter().map(|byte| byte ^ 0x5a).collect();
    let keypad = format!("OCR-1,{},OCRA,{suite}\n", data_encoding::HEXLOWER.encode(&secret));
    let job = api.import(&format!("{}{keypad}", seed_line("TOK-1")), "B1").await;
    assert_eq!(job["result"]["new"], json!(2), "{job}");
    api.done("POST", "/api/v1/resources", &json!({ "name": "VPN" })).await;
    api.done("POST", "/api/v1/batches/B1/assign", &json!({ "resource": "VPN" })).await;
    api.done("POST", "/api/v1/users", &json!({ "login": "anna", "resource": "VPN" })).await;
    let one = json!({ "otp": "123456", "challenge": "12345678" });
    let more = json!({ "otps": ["123456", "234567"], "challenges": ["12345678", "23456789"] });
    for (path, body, field) in [("check", &one, "challenge"), ("resync", &more, "challenges")] {
        let (status, answer) = api.json("POST", &format!("/api/v1/tokens/TOK-1/{path}"), body).await;
        let said = (status.as_u16(), &answer["code"], &answer["field"]);
        assert_eq!(said, (422, &json!("challenge_not_expected"), &json!(field)), "{answer}");
    }
    let (status, answer) = api.json("POST", "/api/v1/tokens/OCR-1/check", &json!({ "otp": "123456" })).await;
    assert_eq!((status.as_u16(), &answer["code"]), (409, &json!("challenge_needed")), "{answer}");
    // Nobody was asked this.
    for (path, body) in [("check", &one), ("resync", &more)] {
        let (status, answer) = api.json("POST", &format!("/api/v1/tokens/OCR-1/{path}"), body).await;
        assert_eq!((status.as_u16(), &answer["code"]), (409, &json!("challenge_over")), "{answer}");
    }

    let ocra = mintmark::oath::OcraSuite::parse(suite).expect("a suite");
    let answer = |asked: &str| {
        let question = mintmark::oath::Question::new(&ocra, asked).expect("a question");
        let (seed, inputs) = (Seed::new(secret.clone()), mintmark::oath::OcraInputs::default());
        let generator = mintmark::oath::OcraGenerator::new(&seed, &ocra, &question, &inputs);
        generator.expect("nothing missing").response(mintmark::oath::OcraPosition::START).to_string()
    };
    let mut asked = Vec::new();
    for purpose in ["check", "confirm", "confirm"] {
        let body = json!({ "serial": "OCR-1", "purpose": purpose });
        let made = api.done("POST", "/api/v1/challenges", &body).await;
        assert!(made["expires_at"].is_string(), "{made}");
        asked.push(made["challenge"].as_str().expect("a text").to_owned());
    }
    let right = json!({ "otp": answer(&asked[0]), "challenge": asked[0] });
    for result in ["accepted", "replayed"] {
        let checked = api.done("POST", "/api/v1/tokens/OCR-1/check", &right).await;
        assert_eq!(checked["result"], json!(result), "{checked}");
    }
    let (status, refused) =
        api.json("POST", "/api/v1/challenges", &json!({ "serial": "OCR-1", "purpose": "tea" })).await;
    assert_eq!((status.as_u16(), &refused["code"]), (422, &json!("purpose_unknown")), "{refused}");

    let codes = json!([answer(&asked[1]), answer(&asked[2])]);
    let body = json!({ "user": "anna", "serial": "OCR-1", "otps": codes, "challenges": asked[1..] });
    let confirmed = api.done("POST", "/api/v1/resources/VPN/confirmations", &body).await;
    assert_eq!(confirmed["result"], json!("confirmed"), "{confirmed}");
    let login = json!({ "user": "anna", "otp": "123456", "challenge": "12345678" });
    let rejected = api.done("POST", "/api/v1/resources/VPN/authenticate", &login).await;
    assert_eq!(rejected["result"], json!("rejected"), "{rejected}");
}

#[tokio::test]
async fn wrong_input_is_refused_with_the_right_status() {
    let api = start();
    api.import(&seed_line("TOK-1"), "B1").await;
    let resources = "/api/v1/resources";
    let check = "/api/v1/tokens/TOK-1/check";
    api.done("POST", resources, &json!({ "name": "VPN" })).await;

    let (status, answer) = api.json("POST", resources, &json!({ "name": "A", "colour": 1 })).await;
    assert_eq!((status.as_u16(), &answer["code"]), (422, &json!("unknown_field")));
    let (status, answer) = api.raw("POST", resources, "application/json", "{").await;
    assert_eq!((status.as_u16(), &answer["code"]), (400, &json!("json_malformed")));
    let (status, _) = api.raw("POST", resources, "", r#"{"name":"A"}"#).await;
    assert_eq!(status.as_u16(), 415);
    let (status, _) = api.raw("POST", resources, "application/json", vec![b' '; 100 << 20]).await;
    assert_eq!(status.as_u16(), 413);
    for wrong in ["12345", "１２３４５６", "12a456", ""] {
        let (status, answer) = api.json("POST", check, &json!({ "otp": wrong })).await;
        assert_eq!(status.as_u16(), 422, "{wrong}: {answer}");
    }
    // P29
    for (field, value) in [("environment_policy", json!("never")), ("environment_score", json!(101))] {
        let (status, answer) =
            api.json("PUT", "/api/v1/resources/VPN/selfservice", &json!({ field: value })).await;
        assert_eq!((status.as_u16(), &answer["field"]), (422, &json!(field)), "{answer}");
    }
    let alias = json!({ "alias": "vPn" });
    let (status, answer) = api.json("PUT", "/api/v1/resources/VPN/selfservice", &alias).await;
    assert_eq!((status.as_u16(), &answer["field"]), (422, &json!("alias")));
    for query in ["?limit=0", "?limit=1001", "?cursor=x", "?colour=red"] {
        let (status, _) = api.raw("GET", &format!("/api/v1/tokens{query}"), "", Body::empty()).await;
        assert_eq!(status.as_u16(), 422, "{query}");
    }

    let code = api.code(&SEED, 0);
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    let answer = api.done("POST", check, &json!({ "otp": spaced })).await;
    assert_eq!(answer["result"], json!("accepted"), "{answer}");
}
