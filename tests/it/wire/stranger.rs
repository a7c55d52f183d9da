//! Law 6 as an integration with a `verifier` key sees it: what does not exist, what belongs to others
//! and what is wrong get one answer: status, headers and body.

use mintmark::model::{AssignmentKind, ResourceName, Role};
use mintmark::secret::Passphrase;
use mintmark::service::{AssignRequest, NewUser};
use serde_json::json;

use super::client::Reply;
use super::{ADMIN, Caller, Server, digits, key_text};
use crate::service::fixture::StandIn;

fn resource(name: &str) -> ResourceName {
    ResourceName::parse(name).expect("a name")
}

/// Tokens of all kinds that must not be told apart, on *VPN* and elsewhere; people likewise.
struct Scene {
    server: Server,
    tokens: Vec<StandIn>,
}

impl Scene {
    fn new() -> Self {
        let server = Server::new();
        for name in ["VPN", "Mail"] {
            server.service.add_resource(&ADMIN, &resource(name)).expect("made");
        }
        for (login, on) in [("anna", "VPN"), ("bert", "VPN"), ("eve", "VPN"), ("dora", "Mail")] {
            let new = NewUser {
                login: login.into(),
                password: Some(Passphrase::from_text("drei Birnen im Korb".into())),
                resource: Some(resource(on)),
                ..NewUser::default()
            };
            server.service.add_user(&ADMIN, new).expect("made");
        }
        let names = ["FREE-1", "MAIL-1", "PAIR-1", "OFF-1", "STOCK-1"];
        let tokens: Vec<StandIn> = names.into_iter().map(StandIn::totp).collect();
        let lines: String = tokens.iter().map(StandIn::line).collect();
        server.caller(Role::Admin).import(&[], "tokens.csv", lines.as_bytes());
        let scene = Self { server, tokens };
        scene.put(0, "VPN", AssignmentKind::Token, None);
        scene.put(1, "Mail", AssignmentKind::Token, None);
        scene.put(2, "VPN", AssignmentKind::TokenWithUser, Some("bert"));
        scene.put(3, "VPN", AssignmentKind::TokenWithUser, Some("eve"));
        scene.server.service.set_token_enabled(&ADMIN, &scene.tokens[3].serial, false).expect("disabled");
        scene
    }

    fn put(&self, token: usize, on: &str, kind: AssignmentKind, user: Option<&str>) {
        let user = user.map(|login| mintmark::model::Login::parse(login).expect("a login"));
        let request = AssignRequest { kind, user, token: Some(self.tokens[token].serial.clone()) };
        self.server.service.assign(&ADMIN, &resource(on), &request).expect("assigned");
    }

    fn verifier(&self, on: &[ResourceName]) -> Caller {
        let key = self.server.service.add_api_key(
            &ADMIN,
            &format!("gateway {}", on.len()),
            Role::Verifier,
            (!on.is_empty()).then_some(on),
        );
        Caller::new(self.server.address, &key_text(&key.expect("a key").key))
    }
}

/// All of an answer but the time at which it was made.
fn whole(reply: &Reply) -> (u16, Vec<(String, String)>, String) {
    let headers = reply.headers().into_iter().filter(|(name, _)| name != "date").collect();
    (reply.status, headers, reply.text())
}

fn ask(caller: &mut Caller, path: &str, body: &serde_json::Value) -> Reply {
    caller.send("POST", path, "application/json", body.to_string().as_bytes())
}

#[test]
fn wire_law6_a_verifier_learns_nothing_about_tokens() {
    for scoped in [true, false] {
        let scene = Scene::new();
        let on = [resource("VPN")];
        let mut gateway = scene.verifier(if scoped { &on } else { &[] });
        let step = scene.server.step();
        let unknown = StandIn::totp("NOBODY-1");
        // For a key of one resource a token of another and one in the box are not there either.
        let others = if scoped { vec![&scene.tokens[1], &scene.tokens[4]] } else { Vec::new() };
        let mut asked = vec![&unknown, &scene.tokens[0], &scene.tokens[2], &scene.tokens[3]];
        asked.extend(&others);
        // Until they are blocked, and beyond.
        for round in 0..8 {
            let answers: Vec<_> = asked
                .iter()
                .map(|token| {
                    let otp = digits(&token.wrong(step));
                    let path = format!("/api/v1/tokens/{}/check", token.serial.display());
                    whole(&ask(&mut gateway, &path, &json!({ "otp": otp })))
                })
                .collect();
            for (token, answer) in asked.iter().zip(&answers) {
                assert_eq!(answer, &answers[0], "round {round}, scoped {scoped}: {}", token.serial);
            }
            assert_eq!(answers[0].0, 200);
            let word = if round < 5 { "wrong" } else { "blocked" };
            assert!(answers[0].2.contains(word), "round {round}: {}", answers[0].2);
        }
        // Right codes of what is disabled, elsewhere or in the box tell nothing either.
        let scene = Scene::new();
        let mut gateway = scene.verifier(if scoped { &on } else { &[] });
        let mut asked = vec![&unknown, &scene.tokens[3]];
        asked.extend(if scoped { vec![&scene.tokens[1], &scene.tokens[4]] } else { Vec::new() });
        let answers: Vec<_> = asked
            .iter()
            .map(|token| {
                let path = format!("/api/v1/tokens/{}/check", token.serial.display());
                whole(&ask(&mut gateway, &path, &json!({ "otp": digits(&token.at(step)) })))
            })
            .collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:#?}");
    }
}

/// Nor which kind a token is of: digits, letters and what keys type are answered alike beside every serial number.
#[test]
fn wire_law6_a_verifier_learns_nothing_about_kinds() {
    let stranger = StandIn::key("70009999");
    for otp in ["000000", "00000000", "12345a", "0a1b2c", &stranger.text(300)] {
        let scene = Scene::new();
        let key = StandIn::key("70000001");
        // One app whose PIN is known, and one of which nothing can be compared.
        let (app, locked) = (StandIn::motp("APP-1"), StandIn::motp("APP-2"));
        for token in [&key, &app, &locked] {
            let name = token.serial.display();
            scene.server.caller(Role::Admin).import(&[("batch", name)], "more.csv", token.line().as_bytes());
            let token = Some(token.serial.clone());
            let request = AssignRequest { kind: AssignmentKind::Token, user: None, token };
            scene.server.service.assign(&ADMIN, &resource("VPN"), &request).expect("assigned");
        }
        app.tell_pin(&scene.server.service);
        let mut gateway = scene.verifier(&[resource("VPN")]);
        let unknown = StandIn::totp("NOBODY-1");
        for round in 0..7 {
            let asked = [&unknown, &scene.tokens[0], &scene.tokens[3], &key, &app, &locked];
            let answers = asked.map(|token| {
                let path = format!("/api/v1/tokens/{}/check", token.serial.display());
                whole(&ask(&mut gateway, &path, &json!({ "otp": otp })))
            });
            for (token, answer) in asked.iter().zip(&answers) {
                assert_eq!(answer, &answers[0], "round {round}, {} signs: {}", otp.len(), token.serial);
            }
            let word = if round < 5 { "wrong" } else { "blocked" };
            assert!(answers[0].2.contains(word), "round {round}: {}", answers[0].2);
        }
        let logins = ["anna", "bert", "nobody"].map(|login| {
            let body = json!({ "user": login, "otp": otp });
            whole(&ask(&mut gateway, "/api/v1/resources/VPN/authenticate", &body))
        });
        assert!(logins.iter().all(|answer| *answer == logins[0]), "{logins:#?}");
    }
}

#[test]
fn wire_law6_a_verifier_learns_nothing_about_people() {
    for (with_password, with_otp) in [(true, false), (false, true), (true, true)] {
        let scene = Scene::new();
        let mut gateway = scene.verifier(&[resource("VPN")]);
        let otp = digits(&scene.tokens[2].wrong(scene.server.step()));
        // Without a token, with one, with a disabled one, on another resource, not there.
        let logins = ["anna", "bert", "eve", "dora", "nobody"];
        for round in 0..8 {
            let answers = logins.map(|login| {
                let mut body = json!({ "user": login });
                if with_password {
                    body["password"] = json!("not the password");
                }
                if with_otp {
                    body["otp"] = json!(otp);
                }
                whole(&ask(&mut gateway, "/api/v1/resources/VPN/authenticate", &body))
            });
            for (login, answer) in logins.iter().zip(&answers) {
                assert_eq!(answer, &answers[0], "{with_password} {with_otp}, round {round}: {login}");
            }
            let word = if round < 5 { "rejected" } else { "blocked" };
            assert!(answers[0].2.contains(word), "round {round}: {}", answers[0].2);
        }
    }
    // A resource that is there but not the key's, and one that is not there.
    let scene = Scene::new();
    let mut gateway = scene.verifier(&[resource("VPN")]);
    let answers = ["Mail", "Nowhere"].map(|name| {
        let path = format!("/api/v1/resources/{name}/authenticate");
        whole(&ask(&mut gateway, &path, &json!({ "user": "anna", "password": "not the password" })))
    });
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 404);
}
