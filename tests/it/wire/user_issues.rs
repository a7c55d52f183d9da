//! `GET /user-issues`, `POST /user-issues/{id}/verify` and `DELETE /user-issues/{id}`. P42, P43.

use mintmark::model::{Factors, Login, ResourceAlias, ResourceName, Role, Visit};
use mintmark::secret::Passphrase;
use mintmark::service::{NewUser, PortalSettings, RestoreResult, RestoreTyped};
use serde_json::{Value, json};

use super::{ADMIN, Server};

const PASSWORD: &str = "drei Birnen im Korb";

fn typed(text: &str) -> Passphrase {
    Passphrase::from_text(text.into())
}

/// anna on *VPN* with a password and a mail address.
fn server() -> Server {
    let server = Server::new();
    let vpn = ResourceName::parse("VPN").expect("a name");
    server.service.add_resource(&ADMIN, &vpn).expect("made");
    let alias = Some(ResourceAlias::parse("vpn").expect("an alias"));
    let settings = PortalSettings { alias, ..PortalSettings::default() };
    server.service.set_portal(&ADMIN, &vpn, &settings).expect("set");
    let new = NewUser {
        login: "anna".into(),
        email: Some(mintmark::model::EmailAddress::parse("anna@example.org").expect("an address")),
        password: Some(typed(PASSWORD)),
        resource: Some(vpn),
        ..NewUser::default()
    };
    server.service.add_user(&ADMIN, new).expect("made");
    server
}

/// A request with these things lost; the password proves who asks, unless it is lost, too.
fn ask(server: &Server, lost: Factors<bool>) -> String {
    let (alias, visit) = (ResourceAlias::parse("vpn").expect("an alias"), Visit::from_address("192.0.2.7"));
    let anna = Login::parse("anna").expect("a login");
    let cookie = server.service.portal_begin(&alias, &anna, &visit).expect("begun");
    let portal = server.service.portal_session(&alias, &cookie).expect("read").expect("alive");
    server.service.portal_restore_lost(&portal, lost, &visit).expect("ticked");
    if lost.password {
        server.service.portal_restore_password(&portal, &typed("vier Quitten im Netz")).expect("typed");
    } else {
        let proof = RestoreTyped { password: Some(typed(PASSWORD)), ..RestoreTyped::default() };
        server.service.portal_restore_prove(&portal, &proof, &visit).expect("answered");
    }
    let to = mintmark::model::EmailAddress::parse("anna@example.net").expect("an address");
    server.service.portal_restore_email(&portal, &to).expect("typed");
    match server.service.portal_restore_send(&portal, &visit).expect("sent") {
        RestoreResult::Sent(reference) => reference.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn wire_p42_p43_user_issues_over_rest() {
    let server = server();
    let first = ask(&server, Factors { token: true, password: true, email: true });
    let second = ask(&server, Factors { token: false, password: false, email: true });
    let mut helpdesk = server.caller(Role::Helpdesk);
    let list = helpdesk.get("/api/v1/user-issues?limit=1");
    assert_eq!(list["items"][0]["reference"], json!(first), "{list}");
    let cursor = list["next"].as_str().expect("there is another").to_owned();
    let list = helpdesk.get(&format!("/api/v1/user-issues?cursor={cursor}"));
    let one = &list["items"][0];
    assert_eq!(one["reference"], json!(second));
    assert_eq!(one["authenticators"], json!({ "token": "absent", "password": "proved", "email": "lost" }));
    for (field, value) in [
        ("login", json!("anna")),
        ("resource", json!("VPN")),
        ("state", json!("open")),
        ("address", json!("192.0.2.7")),
        ("email", json!("anna@example.org")),
        ("new_email", json!("anna@example.net")),
        ("needs_two_operators", json!(false)),
        ("proof_outdated", json!(false)),
        ("displaced", json!(0)),
        ("approvals", json!([])),
        ("takes_effect_at", Value::Null),
        ("link_works_until", Value::Null),
    ] {
        assert_eq!(one[field], value, "{field}");
    }
    assert!(!list.to_string().contains("argon2"), "a password is never in an answer");

    // Nobody but helpdesk and admins decides, and a key is no operator by name.
    let body = json!({ "reference": first, "note": "saw the passport" });
    for (role, status) in
        [(Role::Verifier, 403), (Role::Station, 403), (Role::Auditor, 403), (Role::Helpdesk, 403)]
    {
        let (got, problem) = server.caller(role).json("POST", "/api/v1/user-issues/1/verify", &body);
        assert_eq!(got, status, "{role:?}: {problem}");
        if role == Role::Helpdesk {
            assert_eq!(problem["code"], json!("operator_needed"));
        }
    }
    let mut refused = |body: Value, code: &str, status: u16| {
        let (got, problem) = helpdesk.json("POST", "/api/v1/user-issues/2/verify", &body);
        assert_eq!((got, &problem["code"]), (status, &json!(code)), "{problem}");
    };
    refused(json!({ "reference": first, "note": "saw the passport" }), "reference_wrong", 422);
    refused(json!({ "reference": second, "note": "" }), "note_needed", 422);
    refused(json!({ "reference": second }), "missing_field", 422);
    refused(json!({ "reference": second, "note": "x", "password": "y" }), "unknown_field", 422);
    for path in ["/api/v1/user-issues/99/verify", "/api/v1/user-issues/x/verify"] {
        let (got, problem) = helpdesk.json("POST", path, &body);
        assert_eq!(got, 404, "{problem}");
    }

    let (got, problem) = helpdesk.json("POST", "/api/v1/user-issues/2/link", &json!({}));
    assert_eq!((got, &problem["code"]), (409, &json!("no_link")), "nobody has approved it: {problem}");

    let deleted = helpdesk.send("DELETE", "/api/v1/user-issues/2", "application/json", b"");
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    let again = helpdesk.send("DELETE", "/api/v1/user-issues/2", "application/json", b"");
    assert_eq!(again.status, 409, "{}", again.text());
    let list = helpdesk.get("/api/v1/user-issues");
    let states: Vec<&Value> =
        list["items"].as_array().expect("a list").iter().map(|one| &one["state"]).collect();
    assert_eq!(states, [&json!("open"), &json!("deleted_by_operator")]);
}
