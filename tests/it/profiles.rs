//! Token models on the command line and through REST: those in the program and those of the data directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn run(data: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mintmark"));
    for name in ["MINTMARK_LISTEN", "MINTMARK_LOG", "MINTMARK_SERVER", "STATE_DIRECTORY"] {
        command.env_remove(name);
    }
    let done = command.env("MINTMARK_DATA", data).args(args).stdin(Stdio::null()).output();
    done.expect("the program starts")
}

fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A store, and these files of token models beside it.
fn store_with(files: &[(&str, String)]) -> (tempfile::TempDir, PathBuf) {
    let outer = tempfile::tempdir().expect("a directory");
    let password = outer.path().join("password");
    fs::write(&password, "correct horse battery staple\n").expect("written");
    let data = outer.path().join("data");
    let made = run(&data, &["init", "--admin", "root", "--password-file", &password.display().to_string()]);
    assert!(made.status.success(), "{}", message(&made));
    let folder = data.join("firmware-profiles");
    fs::create_dir(&folder).expect("made");
    for (name, text) in files {
        fs::write(folder.join(name), text).expect("written");
    }
    (outer, data)
}

fn built_in(id: &str) -> String {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "firmware-profiles", &format!("{id}.toml")].iter().collect();
    fs::read_to_string(path).expect("a file")
}

#[test]
fn models_are_listed_with_those_of_the_data_directory() {
    let new = built_in("token2-c302").replace("C302", "C309").replace("8659632", "8659699");
    let mine = built_in("yubico-yubikey").replace("capacity = 64", "capacity = 65");
    let bad = built_in("token2-otpc-p1").replace("\"kept\"", "\"lost\"");
    let worse = built_in("token2-c302").replace("C302", "C308").replace("[\"8659632\"]", "[]");
    let files = [
        ("token2-c309.toml", new),
        ("yubico-yubikey.toml", mine),
        ("token2-otpc-p1.toml", bad),
        ("worse.toml", worse),
    ];
    let (_outer, data) = store_with(&files);

    let listed = run(&data, &["--json", "device", "profiles"]);
    assert!(listed.status.success(), "{}", message(&listed));
    let value: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let items = value["items"].as_array().expect("a list");
    assert_eq!(items.len(), 16, "fifteen in the program and one more");
    let with_chips = items.iter().filter(|item| !item["device"].is_null()).count();
    assert!(with_chips >= 12, "{with_chips}");
    let item = |id: &str| items.iter().find(|item| item["id"] == id).expect("listed");
    let c309 = item("token2-c309");
    assert_eq!((c309["file"].as_str(), c309["name"].as_str()), (Some("data_directory"), Some("C309")));
    assert_eq!(c309["device"]["serial_prefix"][0], "8659699");
    assert_eq!((&c309["device"]["clock"], &c309["computes"][0]), (&"kept".into(), &"totp sha1 6 30".into()));
    let key = item("yubico-yubikey");
    assert_eq!((&key["device"]["capacity"], &key["file"]), (&65.into(), &"data_directory".into()));
    assert_eq!(key["device"]["applications"], serde_json::json!(["oath", "otp_slot"]));
    assert!(key["device"]["quirks"].as_array().is_some_and(|quirks| quirks.len() >= 5));
    let p1 = item("token2-otpc-p1");
    assert_eq!((&p1["file"], &p1["device"]["clock"]), (&"built_in".into(), &"kept".into()));
    let molto = item("token2-molto2");
    assert_eq!(
        (&molto["device"]["spoken"], &molto["device"]["clock_needs_auth"]),
        (&false.into(), &true.into())
    );
    assert!(item("feitian-c200")["device"].is_null());

    let problems = value["problems"].as_array().expect("a list");
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert_eq!(problems[0]["file"], "token2-otpc-p1.toml");
    assert!(
        problems[0]["problem"].as_str().is_some_and(|problem| problem.contains("clears_seed")),
        "{problems:?}"
    );
    assert_eq!(
        (&problems[1]["file"], &problems[1]["field"]),
        (&"worse.toml".into(), &"device.serial_prefix".into())
    );

    let listed = run(&data, &["device", "profiles"]);
    let text = String::from_utf8_lossy(&listed.stdout);
    let row = text.lines().find(|line| line.starts_with("token2-c309")).expect("listed");
    assert!(
        row.contains("token2_single_profile") && row.contains("single_profile") && row.contains("kept"),
        "{row}"
    );
    assert!(text.contains("token2_molto2 (not spoken to)"), "{text}");
    let notes = message(&listed);
    assert!(notes.contains("not used: worse.toml, device.serial_prefix: needed: "), "{notes}");
    assert_eq!(notes.lines().count(), 2, "each problem is said once: {notes}");
}

#[test]
fn a_store_without_the_folder_has_what_is_in_the_program() {
    let (_outer, data) = store_with(&[]);
    fs::remove_dir(data.join("firmware-profiles")).expect("removed");
    let listed = run(&data, &["--json", "device", "profiles"]);
    let value: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    assert_eq!(value["items"].as_array().map(Vec::len), Some(15));
    assert_eq!(value["problems"].as_array().map(Vec::len), Some(0));
}
