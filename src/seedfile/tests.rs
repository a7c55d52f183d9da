//! Goes through `tests/data`, and throws damaged files at the readers.

use std::fmt::Write;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use data_encoding::{BASE32_NOPAD, BASE64_NOPAD, HEXLOWER};
use proptest::prelude::*;

use super::*;
use crate::model::OtpSpec;
use crate::secret::{Passphrase, Seed, TransportKey};

#[derive(Default)]
struct Kept {
    records: Vec<SeedRecord>,
    problems: Vec<Problem>,
    stop_after: Option<usize>,
}

impl Kept {
    fn next(&self) -> ControlFlow<()> {
        match self.stop_after {
            Some(most) if self.records.len() + self.problems.len() >= most => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

impl Sink for Kept {
    fn record(&mut self, record: SeedRecord) -> ControlFlow<()> {
        self.records.push(record);
        self.next()
    }

    fn problem(&mut self, problem: Problem) -> ControlFlow<()> {
        self.problems.push(problem);
        self.next()
    }
}

/// What stands in a file's `.options`.
#[derive(Default)]
struct Given {
    format: Option<String>,
    passphrase: Option<Passphrase>,
    key: Option<TransportKey>,
    set: Defaults,
    allow: Vec<Weakness>,
}

impl Given {
    fn beside(file: &Path) -> Self {
        let mut given = Self::default();
        let text = fs::read_to_string(with_suffix(file, "options")).unwrap_or_default();
        for line in text.lines() {
            match line.split_once(' ').expect("word and value") {
                ("format", name) => given.format = Some(name.to_owned()),
                ("passphrase", text) => given.passphrase = Some(Passphrase::from_text(text.to_owned())),
                ("key", text) => given.key = Some(parse_transport_key(text, None).expect("a key")),
                ("set", pair) => {
                    let (field, value) = pair.split_once('=').expect("FIELD=VALUE");
                    given.set.set(field, value).expect("a value that fits");
                }
                ("allow", name) => given.allow.push(Weakness::from_name(name).expect("a weakness")),
                (other, _) => panic!("{other} in the options of {}", file.display()),
            }
        }
        given
    }

    fn options(&self) -> ReadOptions<'_> {
        ReadOptions {
            format: self.format.as_deref(),
            passphrase: self.passphrase.as_ref(),
            key: self.key.as_ref(),
            set: self.set.clone(),
            allow: self.allow.clone(),
        }
    }

    fn read(&self, bytes: &[u8]) -> (Result<Report, FileError>, Kept) {
        let mut kept = Kept::default();
        let report = read(bytes, &self.options(), &mut kept);
        (report, kept)
    }
}

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    PathBuf::from(format!("{}.{suffix}", file.display()))
}

/// All data files in folders that `wanted` accepts.
fn files(wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let mut found = Vec::new();
    for format in fs::read_dir(root).expect("the folder of test data") {
        let format = format.expect("an entry").path();
        if !format.is_dir() {
            continue;
        }
        for origin in fs::read_dir(&format).expect("a folder").map(|e| e.expect("an entry").path()) {
            if origin.is_dir() && wanted(&origin.file_name().expect("a name").to_string_lossy()) {
                let inside = fs::read_dir(origin).expect("a folder").map(|e| e.expect("an entry").path());
                found.extend(inside.filter(|file| {
                    let beside = ["records", "expect", "options"];
                    file.extension().is_none_or(|e| beside.iter().all(|b| e != *b))
                }));
            }
        }
    }
    found.sort();
    found
}

fn described(record: &SeedRecord) -> String {
    let (detail, digits, period) = match &record.spec {
        OtpSpec::Hotp { hash, digits } => (hash.name(), digits.get(), 0),
        OtpSpec::Totp { hash, digits, period, .. } => (hash.name(), digits.get(), period.get()),
        OtpSpec::Ocra { suite } | OtpSpec::OcraFilled { suite, .. } => (suite.as_str(), 0, 0),
        OtpSpec::Mail { .. } => ("mail", 0, 0),
        OtpSpec::Motp => ("motp", 6, 10),
        OtpSpec::YubicoOtp { public_id } => {
            let (kind, serial) = (record.spec.kind().name(), record.serial.display());
            return format!("{serial}|{kind}|{public_id}|0|0|{}|{}", record.counter, record.drift_steps);
        }
    };
    let (kind, serial) = (record.spec.kind().name(), record.serial.display());
    format!("{serial}|{kind}|{detail}|{digits}|{period}|{}|{}", record.counter, record.drift_steps)
}

#[test]
fn valid_files_give_their_records() {
    let files = files(|origin| origin != "invalid");
    assert!(files.len() > 40, "{} files", files.len());
    for file in files {
        let (name, bytes) = (file.display(), fs::read(&file).expect("a file"));
        let given = Given::beside(&file);
        let (report, kept) = given.read(&bytes);
        let report = report.unwrap_or_else(|e| panic!("{name}: {:?} {e}", e.code()));
        assert!(kept.problems.is_empty(), "{name}: {:?}", kept.problems);
        assert_eq!(report.lines_total, kept.records.len() as u64, "{name}");
        let expected = fs::read_to_string(with_suffix(&file, "records")).expect("the records beside it");
        assert_eq!(expected.lines().count(), kept.records.len(), "{name}");
        for (line, record) in expected.lines().zip(&kept.records) {
            let (words, secret) = line.rsplit_once('|').expect("the secret comes last");
            assert_eq!(words, described(record), "{name}");
            let secret = Seed::new(HEXLOWER.decode(secret.as_bytes()).expect("hex"));
            assert!(secret.ct_eq(&record.seed), "{name}: the secret of {}", record.serial);
        }
        if given.format.is_none() {
            let folder = file.ancestors().nth(2).and_then(Path::file_name).expect("a folder");
            let detected = detect(&bytes).unwrap_or_else(|e| panic!("{name}: {e}"));
            assert_eq!(detected.format, folder.to_string_lossy(), "{name}");
            assert_eq!(detected.format, report.format, "{name}");
            let needs = (detected.needs.passphrase, detected.needs.key);
            assert_eq!(needs, (given.passphrase.is_some(), given.key.is_some()), "{name}");
        }
    }
}

#[test]
fn invalid_files_give_their_problem_and_its_place() {
    let files = files(|origin| origin == "invalid");
    assert!(files.len() > 100, "{} files", files.len());
    let mut wrong = String::new();
    for file in files {
        let bytes = fs::read(&file).expect("a file");
        let (report, kept) = Given::beside(&file).read(&bytes);
        let mut found = String::new();
        for problem in &kept.problems {
            let Position { line, column } = problem.position;
            writeln!(found, "{} {line} {column}", problem.code.name()).expect("a text");
        }
        if let Err(error) = report {
            let Position { line, column } = error.position();
            writeln!(found, "file {} {line} {column}", error.code().name()).expect("a text");
        }
        let expected = fs::read_to_string(with_suffix(&file, "expect")).unwrap_or_default();
        if found != expected {
            write!(wrong, "{}\nexpected {expected}found    {found}\n", file.display()).expect("a text");
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn demonstration_files_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/demo");
    let bytes = fs::read(folder.join("vendor-batch.pskcxml")).expect("the PSKC file");
    let detected = detect(&bytes).expect("a seed file");
    assert_eq!((detected.format, detected.needs.passphrase), ("pskc", true));
    let passphrase = Some(Passphrase::from_text("mintmark demo".into()));
    let (report, kept) = Given { passphrase, ..Given::default() }.read(&bytes);
    assert_eq!(report.expect("readable").envelope, "pskc_passphrase");
    assert_eq!((kept.records.len(), kept.problems.len()), (12, 0));
    assert_eq!(kept.records[11].serial.display(), "87-1234512");
    assert_eq!(
        (kept.records[0].manufacturer.as_str(), kept.records[0].model.as_str()),
        ("Example Tokens", "T-60")
    );

    let bytes = fs::read(folder.join("oath.csv")).expect("the CSV file");
    let (report, kept) = Given::default().read(&bytes);
    let report = report.expect("readable");
    assert_eq!((report.format, report.lines_total, kept.problems.len()), ("oath_csv", 20, 0));
    assert!(report.notes.is_empty(), "{:?}", report.notes);
    for record in &kept.records {
        assert!(record.weaknesses.is_empty());
    }
}

#[test]
fn the_sink_stops_the_reading() {
    let line = "EXTT1,a1b2c3d4e5f60718293a4b5c6d7e8f9001122334,totp\n";
    let mut kept = Kept { stop_after: Some(2), ..Kept::default() };
    let stopped = read(line.repeat(10).as_bytes(), &ReadOptions::default(), &mut kept);
    assert!(matches!(stopped, Err(FileError::Cancelled)));
    assert_eq!(kept.records.len(), 2);
}

#[test]
fn a_broken_file_tells_its_first_problems_early() {
    let text = "EXTT00000001,a1b2c3d4e5f60718293a4b5c6d7e8f900112233,totp\n".repeat(100_000);
    let mut kept = Kept { stop_after: Some(3), ..Kept::default() };
    let stopped = read(text.as_bytes(), &ReadOptions::default(), &mut kept);
    assert!(matches!(stopped, Err(FileError::Cancelled)));
    assert_eq!(kept.problems[2].position, Position::new(3, 2));
    assert_eq!(
        kept.problems[0].detail,
        "Line 1, column 2: the secret has 39 hex digits, an even number is needed. Ask the vendor for this token again."
    );
}

#[test]
fn notes_say_what_was_assumed() {
    let long = "0f1e2d3c4b5a69788796a5b4c3d2e1f000112233445566778899aabbccddeeff";
    let text = format!("EXTT1,{long},totp\nEXTT2,{long},totp\n");
    let (report, _) = Given::default().read(text.as_bytes());
    let notes = report.expect("readable").notes;
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0].code, ProblemCode::HashAssumed);
    assert!(notes[0].detail.ends_with("(2 tokens, first in line 1)."), "{}", notes[0].detail);
    let mut given = Given::default();
    given.set.set("hash", "sha1").expect("a hash");
    let (report, kept) = given.read(text.as_bytes());
    assert!(report.expect("readable").notes.is_empty());
    assert!(described(&kept.records[0]).contains("sha1"));
}

fn data(path: &str) -> (Report, Vec<SeedRecord>) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path);
    let (report, kept) = Given::beside(&file).read(&fs::read(&file).expect("a file"));
    (report.expect("readable"), kept.records)
}

#[test]
fn users_makers_and_dates_are_kept() {
    let (_, records) = data("oath_csv/privacyidea_v2/users.csv");
    assert_eq!(records[0].user_hint.as_deref(), Some("alice"));
    assert_eq!(records[1].user_hint, None);
    let (_, records) = data("entra_csv/microsoft/template.csv");
    assert_eq!(records[0].user_hint.as_deref(), Some("alice@example.org"));
    assert_eq!((records[1].manufacturer.as_str(), records[1].model.as_str()), ("Tokens, Inc.", "T-2"));
    let (_, records) = data("otpauth/key_uri/all_kinds.txt");
    assert_eq!(records[1].user_hint.as_deref(), Some("alice"));
    let (_, records) = data("pskc/generated/latin1_declared.xml");
    assert_eq!(records[0].manufacturer, "Müller");
    let (report, records) = data("pskc/generated/policy_kept.xml");
    let at = |text| crate::clock::UnixTime::parse_rfc3339(text);
    assert_eq!(records[0].valid_from, at("2006-05-01T00:00:00Z"));
    assert_eq!(records[0].valid_until, at("2006-05-31T00:00:00Z"));
    assert!(records[0].is_expired(at("2026-01-01T00:00:00Z").expect("a date")));
    assert_eq!(report.notes[0].code, ProblemCode::DateZoneAssumed);
}

#[test]
fn weaknesses_and_notes_come_with_the_record() {
    let (report, records) = data("pskc/generated/no_mac_allowed.xml");
    assert_eq!((report.envelope, records[0].weaknesses.as_slice()), ("pskc_key", &[Weakness::NoMac][..]));
    let (_, records) = data("oath_csv/editors/allowed_test_secret.csv");
    assert_eq!(records[0].weaknesses, [Weakness::TestSecret]);
    let (report, _) = data("pskc/generated/several_keys.xml");
    let codes: Vec<_> = report.notes.iter().map(|n| n.code).collect();
    assert_eq!(codes, [ProblemCode::SeveralKeys, ProblemCode::HashAssumed, ProblemCode::ContentIgnored]);
}

#[test]
fn words_in_the_columns_of_a_known_format_do_not_mislead() {
    let text = "DPX00001,a1b2c3d4e5f60718293a4b5c6d7e8f9001122334,totp\n";
    assert_eq!(detect(text.as_bytes()).expect("a seed file").format, "oath_csv");
    let text = "K-1,a1b2c3d4e5f60718293a4b5c6d7e8f9001122334,OCRA,OCRA-1:HOTP-SHA1-6:QN08\n";
    assert_eq!(detect(text.as_bytes()).expect("a seed file").format, "oath_csv");
    let text = "upn,serial number,secret key,time interval,manufacturer,model\n,1,UGZMHVHF6YDRQKJ2JNOG27UPSAAREIZU,30,OneSpan,DIGIPASS GOT\n";
    assert_eq!(detect(text.as_bytes()).expect("a seed file").format, "entra_csv");
}

#[test]
fn needs_are_told_before_reading() {
    let pairs = "EXTT1,a1b2c3d4e5f60718293a4b5c6d7e8f9001122334\n";
    let needs = detect(pairs.as_bytes()).expect("pairs").needs;
    assert_eq!(needs.asks, ["kind"]);
    let names: Vec<_> = formats().iter().map(|f| f.name).collect();
    assert_eq!(
        names,
        ["pskc", "otpauth", "yubico_log", "entra_csv", "protectimus_csv", "multiotp_csv", "oath_csv"]
    );
    let options = ReadOptions { format: Some("nonsense"), ..ReadOptions::default() };
    let wrong = read(pairs.as_bytes(), &options, &mut Kept::default()).expect_err("no such format");
    assert!(wrong.to_string().contains("oath_csv"));
}

#[test]
fn codes_have_one_name_each() {
    for code in ProblemCode::ALL {
        assert_eq!(ProblemCode::from_name(code.name()), Some(*code));
        assert!(code.name().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
    }
}

/// The secrets of the test data, as anybody would write them.
fn spellings() -> Vec<String> {
    let secrets = [
        "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334",
        "0f1e2d3c4b5a69788796a5b4c3d2e1f000112233445566778899aabbccddeeff",
        "3132333435363738393031323334353637383930",
    ];
    let mut made = Vec::new();
    for secret in secrets {
        let bytes = HEXLOWER.decode(secret.as_bytes()).expect("hex");
        // Parts of a secret are secret too; twelve signs are enough to recognise one.
        made.push(secret[..12].to_owned());
        made.push(secret[secret.len() - 12..].to_owned());
        made.push(BASE32_NOPAD.encode(&bytes)[..12].to_lowercase());
        made.push(BASE64_NOPAD.encode(&bytes)[..12].to_lowercase());
        let decimal: Vec<_> = bytes[..5].iter().map(u8::to_string).collect();
        made.push(decimal.join(", "));
        made.push(decimal.join(",\n"));
    }
    made
}

/// All that a reading says, in one text.
fn said(given: &Given, bytes: &[u8]) -> String {
    let (report, kept) = given.read(bytes);
    let mut text = format!("{:?}\n{:#?}\n{:?}\n", kept.problems, kept.problems, detect(bytes));
    match report {
        Ok(report) => write!(text, "{report:?}").expect("a text"),
        Err(error) => write!(text, "{error} {error:?} {error:#?}").expect("a text"),
    }
    for record in &kept.records {
        write!(text, "{:?} {:#?}", record.seed, record.seed).expect("a text");
    }
    // Serial numbers in records may be anything; what is printed of a record as such may not.
    for record in kept.records.iter().filter(|r| r.serial.display().len() < 20) {
        write!(text, "{record:?} {record:#?}").expect("a text");
    }
    text.to_lowercase()
}

#[test]
fn nothing_said_holds_a_secret() {
    let spellings = spellings();
    for file in files(|_| true) {
        let bytes = fs::read(&file).expect("a file");
        for given in [Given::beside(&file), Given::default()] {
            let text = said(&given, &bytes);
            for secret in &spellings {
                assert!(!text.contains(secret), "{}", file.display());
            }
        }
    }
}

/// Files to be damaged: those without key derivation, which would take too long.
fn samples() -> Vec<(Given, Vec<u8>)> {
    let files = files(|origin| origin != "invalid");
    let quick = files.into_iter().map(|file| (Given::beside(&file), fs::read(&file).expect("a file")));
    quick.filter(|(given, _)| given.passphrase.is_none()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = said(&Given::default(), &bytes);
        for format in formats() {
            let given = Given { format: Some(format.name.to_owned()), ..Given::default() };
            let _ = given.read(&bytes);
        }
    }

    #[test]
    fn arbitrary_text_does_no_harm(text in "[a-fA-F0-9,;\"\t\r\n<>/&?=#:% é\u{a0}]{0,200}") {
        for format in formats() {
            let mut given = Given { format: Some(format.name.to_owned()), ..Given::default() };
            given.set.set("kind", "totp").expect("a kind");
            let _ = given.read(text.as_bytes());
        }
    }

    #[test]
    fn damaged_files_do_no_harm_and_show_no_secret(
        which in any::<prop::sample::Index>(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), 0u8..4, any::<u8>()), 1..6),
    ) {
        let samples = samples();
        let (given, bytes) = which.get(&samples);
        let mut bytes = bytes.clone();
        for (place, action, byte) in edits {
            if bytes.is_empty() {
                break;
            }
            let at = place.index(bytes.len());
            match action {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, b",;\"<>&\n\r \0"[usize::from(byte) % 10]),
                2 => { bytes.remove(at); }
                _ => bytes.truncate(at),
            }
        }
        let text = said(given, &bytes);
        for secret in spellings() {
            prop_assert!(!text.contains(&secret));
        }
    }
}
