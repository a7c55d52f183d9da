//! P12: a list of users through REST and the command line.

use std::path::Path;
use std::process::{Command, Stdio};

use mintmark::model::Role;
use serde_json::{Value, json};

use super::service::fixture::StandIn;
use super::wire::{Caller, FORM, Server, form};

const PATH: &str = "/api/v1/users/imports";

/// A file, its name, the code of its refusal, words of it.
type Wrong = (&'static str, Vec<u8>, &'static str, &'static str);

fn docx() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/envelope/invalid/letter.docx");
    std::fs::read(path).expect("the file is there")
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Files that are refused as a whole.
fn wrong_files() -> Vec<Wrong> {
    vec![
        ("empty.csv", Vec::new(), "empty_file", "empty"),
        ("blank.csv", b"\n \n".to_vec(), "empty_file", "empty"),
        ("unmarked.csv", utf16("anna,a@example.org"), "binary_file", "UTF-16"),
        ("letter.docx", docx(), "wrapper_unsupported", "Word"),
        ("latin1.csv", b"anna,,,J\xfcrg".to_vec(), "encoding_not_utf8", "UTF-8"),
        ("passwords.csv", b"login,password\nanna,x\n".to_vec(), "password_column", "column 2"),
        ("nologin.csv", b"e-mail,phone\na@example.org,\n".to_vec(), "column_missing", "login"),
        ("room.csv", b"login,room\nanna,7\n".to_vec(), "column_extra", "column 2"),
    ]
}

fn send(caller: &mut Caller, fields: &[(&str, &str)], file: &[u8]) -> (u16, Value) {
    let reply = caller.send("POST", PATH, FORM, &form(fields, "users.csv", file));
    (reply.status, serde_json::from_slice(&reply.body).unwrap_or(Value::Null))
}

fn users(caller: &mut Caller) -> Vec<String> {
    let list = caller.get("/api/v1/users?limit=100");
    let login = |user: &Value| user["login"].as_str().expect("a login").to_owned();
    list["items"].as_array().expect("a list").iter().map(login).collect()
}

#[test]
fn p12_rest_plans_commits_and_says_what_is_wrong() {
    let server = Server::new();
    let mut caller = server.caller(Role::Admin);
    caller.done("POST", "/api/v1/resources", &json!({ "name": "VPN" }));
    caller.import(&[("batch", "one")], "one.csv", StandIn::totp("T-1").line().as_bytes());

    let list = "serial;resource;Last Name;E-Mail;login\nT-1;VPN;\"Berg; Dr.\";anna@example.org;anna\n";
    let (status, plan) = send(&mut caller, &[("commit", "false")], list.as_bytes());
    assert_eq!((status, &plan["state"], &plan["new"]), (200, &json!("planned"), &json!(1)), "{plan}");
    assert!(users(&mut caller).is_empty());
    let (status, done) = send(&mut caller, &[], list.as_bytes());
    assert_eq!((status, &done["state"], &done["committed"]), (200, &json!("committed"), &json!(true)));
    assert_eq!((&done["lines_total"], &done["lines"]), (&json!(1), &json!([])));
    let anna = caller.get("/api/v1/users/anna");
    assert_eq!(anna["last_name"], "Berg; Dr.");
    let place = json!([{ "resource": "VPN", "kind": "token_with_user", "token": "T-1" }]);
    assert_eq!(anna["assignments"], place);

    let text = "bert,bert@example.org\n,nobody@example.org\nanna,other@example.org\n";
    let (status, bad) = send(&mut caller, &[], text.as_bytes());
    assert_eq!((status, &bad["committed"]), (200, &json!(false)));
    assert_eq!((&bad["new"], &bad["conflicts"], &bad["rejected"]), (&json!(1), &json!(1), &json!(1)));
    let line = |at: usize, field: &str| bad["lines"][at][field].clone();
    assert_eq!((line(0, "line"), line(0, "verdict")), (json!(2), json!("rejected")));
    assert_eq!((line(0, "code"), line(1, "code")), (json!("login_missing"), json!("user_exists")));
    assert_eq!((line(1, "column"), line(1, "login")), (json!(1), json!("anna")));
    assert_eq!(users(&mut caller), ["anna"]);
    let fields = [("only_good", "true"), ("on_conflict", "fill")];
    let (_, good) = send(&mut caller, &fields, text.as_bytes());
    assert_eq!((&good["committed"], &good["new"], &good["identical"]), (&json!(true), &json!(1), &json!(1)));
    assert_eq!(users(&mut caller), ["anna", "bert"]);
    // UTF-8 and UTF-16 with their marks.
    let (_, marked) = send(&mut caller, &[], "\u{feff}login,e-mail\ncarl,c@example.org\n".as_bytes());
    assert_eq!(marked["new"], 1, "{marked}");
    let (_, marked) = send(&mut caller, &[], &utf16("\u{feff}dora;d@example.org"));
    assert_eq!((&marked["new"], &marked["committed"]), (&json!(1), &json!(true)), "{marked}");
}

#[test]
fn p12_rest_refuses_what_is_no_list_and_who_may_not() {
    let server = Server::new();
    let mut caller = server.caller(Role::Admin);
    for (name, file, code, words) in wrong_files() {
        let (status, answer) = send(&mut caller, &[], &file);
        assert_eq!(
            (status, &answer["code"], &answer["field"]),
            (422, &json!(code), &json!("file")),
            "{name}"
        );
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(words) && !detail.contains("vendor"), "{name}: {detail}");
    }
    for (fields, code) in [
        (&[("replace", "true")][..], "unknown_field"),
        (&[("password", "x")], "unknown_field"),
        (&[("commit", "perhaps")], "invalid_value"),
        (&[("on_conflict", "overwrite")], "invalid_value"),
    ] {
        let (status, answer) = send(&mut caller, fields, b"anna");
        assert_eq!((status, &answer["code"]), (422, &json!(code)), "{fields:?}: {answer}");
    }
    let json = caller.send("POST", PATH, "application/json", b"{\"users\":[]}");
    assert_eq!(json.status, 415, "{}", json.text());
    let large = vec![b'1'; (64 << 20) + (2 << 20)];
    let reply = caller.send("POST", PATH, FORM, &form(&[], "users.csv", &large));
    assert!(reply.status == 413 && reply.text().contains("64 MiB"), "{}", reply.text());
    for role in [Role::Provisioner, Role::Helpdesk, Role::Station, Role::Auditor, Role::Verifier] {
        let (status, answer) = send(&mut server.caller(role), &[], b"anna");
        assert_eq!(status, 403, "{role:?}: {answer}");
    }
    assert!(users(&mut caller).is_empty());
}

/// Exit status, standard output, standard error.
fn run(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintmark"));
    for name in ["MINTMARK_DATA", "MINTMARK_LOG", "MINTMARK_LISTEN", "MINTMARK_SERVER", "STATE_DIRECTORY"] {
        command.env_remove(name);
    }
    let output = command.arg("--data").arg(dir.join("data")).args(args).stdin(Stdio::null()).output();
    let output = output.expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("ended by itself"), text(output.stdout), text(output.stderr))
}

#[test]
fn p12_the_command_plans_commits_and_says_what_is_wrong() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path();
    assert_eq!(run(dir, &["init"]).0, 0);
    assert_eq!(run(dir, &["resource", "add", "VPN"]).0, 0);
    let file = |name: &str, bytes: &[u8]| {
        std::fs::write(dir.join(name), bytes).expect("written");
        dir.join(name).display().to_string()
    };
    let good = file("good.csv", b"anna;anna@example.org;;Anna;Berg;VPN\nbert\n");
    let (status, said, _) = run(dir, &["user", "import", &good, "--dry-run"]);
    assert_eq!((status, said.contains("would be imported")), (0, true), "{said}");
    assert_eq!(run(dir, &["user", "show", "anna"]).0, 1, "a dry run changes nothing");
    let (status, said, _) = run(dir, &["user", "import", &good]);
    assert_eq!((status, said.contains("2 new")), (0, true), "{said}");
    assert_eq!(run(dir, &["user", "show", "anna"]).0, 0);
    let (status, said, _) = run(dir, &["--json", "user", "import", &good]);
    let value: Value = serde_json::from_str(&said).expect("one JSON value");
    assert_eq!((status, &value["identical"], &value["file_name"]), (0, &json!(2), &json!("good.csv")));

    let mixed = file("mixed.csv", b"carl\nanna,,+49301234567\nd d\n");
    let (status, said, _) = run(dir, &["user", "import", &mixed, "--dry-run"]);
    assert_eq!((status, said.contains("would not be imported")), (1, true), "{said}");
    let (status, said, _) = run(dir, &["user", "import", &mixed]);
    assert_eq!((status, said.contains("line 3, column 1")), (1, true), "{said}");
    assert_eq!(run(dir, &["user", "show", "carl"]).0, 1);
    let args = ["user", "import", &mixed, "--only-good", "--on-conflict", "fill"];
    let (status, said, _) = run(dir, &args);
    assert_eq!((status, said.contains("1 new, 1 filled")), (0, true), "{said}");
    assert_eq!(run(dir, &["user", "show", "carl"]).0, 0);

    for (name, bytes, code, words) in wrong_files() {
        let path = file(name, &bytes);
        let (status, _, said) = run(dir, &["user", "import", &path]);
        assert_eq!((status, said.contains(words)), (1, true), "{name}: {said}");
        let (status, said, _) = run(dir, &["--json", "user", "import", &path, "--dry-run"]);
        let value: Value = serde_json::from_str(&said).expect("one JSON value");
        assert_eq!((status, &value["code"]), (1, &json!(code)), "{name}");
    }
    let (status, _, said) = run(dir, &["user", "import", "/nonexistent/users.csv"]);
    assert_eq!((status, said.contains("/nonexistent/users.csv")), (3, true), "{said}");
    assert_eq!(run(dir, &["user", "import", &good, "--on-conflict", "overwrite"]).0, 2);
}
