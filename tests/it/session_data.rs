//! Session data (RFC 6287, S) through REST: with the challenge, in hexadecimal, and nowhere in what is answered or logged.

use data_encoding::HEXLOWER;
use mintmark::model::Role;
use mintmark::oath::{OcraGenerator, OcraInputs, OcraPosition, OcraSuite, Question, SessionPadding};
use mintmark::secret::{Seed, SessionData};
use serde_json::{Value, json};

use super::wire::Server;

const SUITE: &str = "OCRA-1:HOTP-SHA256-8:QN08-S064";
const SECRET: &[u8] = b"98765432109876543210987654321098";
const SESSION: &str = "session-0001";

fn answer(challenge: &Value, session: &str, padding: SessionPadding) -> String {
    let suite = OcraSuite::parse(SUITE).expect("a suite");
    let question = Question::new(&suite, challenge.as_str().expect("a text")).expect("a question");
    let data = SessionData::new(session.into());
    let inputs = OcraInputs { pin: None, session: Some((&data, padding)) };
    let generator = OcraGenerator::new(&Seed::new(SECRET.to_vec()), &suite, &question, &inputs);
    generator.expect("nothing missing").response(OcraPosition::START).to_string()
}

/// One token on *VPN*.
fn server() -> Server {
    let server = Server::new();
    let mut admin = server.caller(Role::Admin);
    let line = format!("OCR-1,{},OCRA,{SUITE}\n", HEXLOWER.encode(SECRET));
    admin.import(&[("batch", "B1")], "tokens.csv", line.as_bytes());
    admin.done("POST", "/api/v1/resources", &json!({ "name": "VPN" }));
    admin.done("POST", "/api/v1/batches/B1/assign", &json!({ "resource": "VPN" }));
    server
}

#[test]
fn challenge_and_answer_belong_to_a_session() {
    let server = server();
    let (mut admin, mut program) = (server.caller(Role::Admin), server.caller(Role::Verifier));
    let hex = HEXLOWER.encode(SESSION.as_bytes());
    for (caller, role) in [(&mut admin, Role::Admin), (&mut program, Role::Verifier)] {
        for (data, code) in [
            (Value::Null, "session_data_needed"),
            (json!("7"), "session_data_malformed"),
            (json!("zz"), "session_data_malformed"),
            (json!("00".repeat(65)), "session_data_length"),
        ] {
            let body = json!({ "serial": "OCR-1", "session_data": data });
            let (status, said) = caller.json("POST", "/api/v1/challenges", &body);
            if role == Role::Verifier && code != "session_data_malformed" {
                // What tokens take would tell which are there.
                assert_eq!(status, 200, "{said}");
                continue;
            }
            assert_eq!((status, &said["code"], &said["field"]), (422, &json!(code), &json!("session_data")));
        }
    }
    let mut ask = |data: &str| {
        let body = json!({ "serial": "OCR-1", "session_data": data });
        program.done("POST", "/api/v1/challenges", &body)["challenge"].clone()
    };
    let (right, wrong) = (ask(&hex), ask(&hex.to_uppercase()));
    let mut check = |challenge: &Value, otp: String| {
        let body = json!({ "otp": otp, "challenge": challenge });
        program.done("POST", "/api/v1/tokens/OCR-1/check", &body)["result"].clone()
    };
    assert_eq!(check(&right, answer(&right, SESSION, SessionPadding::Left)), "accepted");
    assert_eq!(check(&wrong, answer(&wrong, "session-0002", SessionPadding::Left)), "wrong");

    // Nothing of the session stands in the log.
    let log = admin.get("/api/v1/audit?limit=1000").to_string();
    assert!(log.contains("challenge_issued") && !log.contains(SESSION) && !log.contains(&hex), "{log}");
}

#[test]
fn the_padding_of_a_token_is_set_and_shown() {
    let server = server();
    let (mut admin, mut helper) = (server.caller(Role::Admin), server.caller(Role::Helpdesk));
    let token = "/api/v1/tokens/OCR-1";
    assert_eq!(admin.get(token)["session_padding"], "left");
    let right = json!({ "session_padding": "right" });
    let (status, said) = helper.json("PATCH", token, &right);
    assert_eq!((status, &said["code"]), (403, &json!("padding_needs_admin")), "{said}");
    let (status, said) = admin.json("PATCH", token, &json!({ "session_padding": "both" }));
    assert_eq!((status, &said["code"]), (422, &json!("session_padding_unknown")), "{said}");
    assert_eq!(admin.done("PATCH", token, &right)["session_padding"], "right");
    let body = json!({ "serial": "OCR-1", "session_data": HEXLOWER.encode(SESSION.as_bytes()) });
    for (padding, result) in [(SessionPadding::Left, "wrong"), (SessionPadding::Right, "accepted")] {
        let asked = admin.done("POST", "/api/v1/challenges", &body)["challenge"].clone();
        let body = json!({ "otp": answer(&asked, SESSION, padding), "challenge": asked });
        assert_eq!(admin.done("POST", &format!("{token}/check"), &body)["result"], result);
    }

    let other = HEXLOWER.encode(b"01928374650192837465qpwoeirutyal");
    let line = format!("OCR-2,{other},OCRA,{SUITE}\n");
    admin.import(&[("batch", "B2"), ("set.session_padding", "exact")], "more.csv", line.as_bytes());
    assert_eq!(admin.get("/api/v1/tokens/OCR-2")["session_padding"], "exact");
}

#[test]
fn an_integration_asks_with_the_data_of_its_session() {
    let server = server();
    let (mut admin, mut program) = (server.caller(Role::Admin), server.caller(Role::Verifier));
    let user = json!({ "login": "anna", "resource": "VPN", "password": "sieben Pferde im Garten" });
    admin.done("POST", "/api/v1/users", &user);
    let hex = HEXLOWER.encode(SESSION.as_bytes());
    let ask = json!({ "serial": "OCR-1", "purpose": "confirm", "session_data": hex });
    let asked = [0, 1].map(|_| admin.done("POST", "/api/v1/challenges", &ask)["challenge"].clone());
    let otps = asked.each_ref().map(|one| answer(one, SESSION, SessionPadding::Left));
    let body = json!({ "user": "anna", "serial": "OCR-1", "otps": otps, "challenges": asked });
    let confirmed = admin.done("POST", "/api/v1/resources/VPN/confirmations", &body);
    assert_eq!(confirmed["result"], "confirmed", "{confirmed}");

    let mut tell = |more: &Value| {
        let mut body = json!({ "user": "anna", "password": "sieben Pferde im Garten" });
        let fields = body.as_object_mut().expect("fields");
        fields.extend(more.as_object().expect("fields").clone());
        program.json("POST", "/api/v1/resources/VPN/authenticate", &body)
    };
    let (status, said) = tell(&json!({}));
    assert_eq!((status, &said["code"]), (422, &json!("session_data_needed")), "{said}");
    let (_, asked) = tell(&json!({ "session_data": hex }));
    assert_eq!(asked["result"], "challenge", "{asked}");
    let challenge = &asked["challenge"];
    let otp = answer(challenge, SESSION, SessionPadding::Left);
    let (_, said) = tell(&json!({ "otp": otp, "challenge": challenge, "session_data": hex }));
    assert_eq!(said["result"], "accepted", "{said}");
}
