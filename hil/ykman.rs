//! The vendor's client, which knows nothing of us, on the same device through the same service.

use std::path::Path;
use std::process::Command as Program;
use std::time::Duration;

use mintmark::clock::Clock;
use mintmark::device::applet::oath::{CredentialId, YkOath};
use mintmark::device::applet::otp::Slot;
use mintmark::device::discover::Holding;
use mintmark::device::transport::pcsc::Connection;
use mintmark::jobs::station::Work;
use mintmark::model::RunItemState;
use mintmark::oath::{Otp, PeriodSecs, time_step};
use mintmark::secret::Passphrase;
use mintmark::service::NewRun;
use subtle::ConstantTimeEq as _;
use tempfile::TempDir;

use super::TARGET;
use super::desk::{Desk, item_of};
use super::device::{Device, Kind};
use super::readers::{ReaderService, configure, in_namespaces, name};

pub(super) const LIMIT: Duration = Duration::from_secs(20);
/// The secret of RFC 4226, appendix D: `12345678901234567890`.
const BASE32: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
const CODES: [&str; 2] = ["755224", "287082"];

/// What it says about the device in the first reader.
pub(super) fn ykman(home: &Path, arguments: &[&str]) -> String {
    let program = format!("{TARGET}/ykman/bin/ykman");
    let output = Program::new(&program)
        .args(["--reader", &name(0)])
        .args(arguments)
        .env("HOME", home)
        .env("XDG_DATA_HOME", home)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; make ykman installs it"));
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{arguments:?}: {}{}", said(&output.stdout), said(&output.stderr));
    said(&output.stdout)
}

fn with_oath<T>(work: impl FnOnce(&mut YkOath<'_>) -> T) -> T {
    let mut connection = Connection::open(&name(0), LIMIT).expect("a device");
    let mut turn = connection.begin().expect("free");
    let mut oath = YkOath::select(&mut turn).expect("it has an OATH application");
    let done = work(&mut oath);
    turn.end_with_reset().expect("ended");
    done
}

fn id(name: &str) -> CredentialId {
    CredentialId::new(name.as_bytes().to_vec()).expect("a name")
}

fn is(otp: &Otp, code: &str) -> bool {
    otp.ct_eq(&Otp::parse(code).expect("digits")).into()
}

#[test]
fn the_vendors_client_and_we_read_what_the_other_wrote() {
    in_namespaces("hil::ykman::the_vendors_client_and_we_read_what_the_other_wrote", || {
        configure(TARGET, 2);
        let _service = ReaderService::start();
        let desk = Desk::open();
        desk.readers(2);
        let home = TempDir::new().expect("a folder");
        // An odd number: without contacts. The client knows it by what it says when it gets power.
        let device = Device::new(Kind::OathClock, 1, &desk.clock);
        let _lying = device.insert(0);
        ours(&desk, &device, home.path());
        theirs(&desk, home.path());
        slots(&desk, &device, home.path());
        locked(home.path());
    });
}

/// It lists what we wrote, computes the same codes, and deletes it.
fn ours(desk: &Desk, device: &Device, home: &Path) {
    let run = desk.start(NewRun { protect: false, ..Kind::OathClock.run(1) }, &[name(0)]);
    let now = desk.ended(&name(0));
    assert_eq!(item_of(&now).state, RunItemState::Programmed, "{now:?}");
    desk.station.leave(run.id);
    assert!(ykman(home, &["info"]).contains(&format!("Serial number: {}", device.serial)));
    let ours = format!("Example:{}", device.serial);
    assert_eq!(ykman(home, &["oath", "accounts", "list"]).trim(), ours);
    let code = ykman(home, &["oath", "accounts", "code", "--single", &ours]);
    desk.accepts(&device.token(), &Otp::parse(code.trim()).expect("digits"));
    ykman(home, &["oath", "accounts", "delete", "--force", &ours]);
    assert!(with_oath(|oath| oath.list().expect("listed")).is_empty());
}

/// We list what it wrote, and compute the same codes.
fn theirs(desk: &Desk, home: &Path) {
    let add = ["oath", "accounts", "add", "--issuer", "ACME"];
    ykman(home, &[&add[..], &["--oath-type", "HOTP", "counter", BASE32]].concat());
    ykman(home, &[&add[..], &["clock", BASE32]].concat());
    let clock = id("ACME:clock");
    let listed = with_oath(|oath| oath.list().expect("listed"));
    let names: Vec<_> = listed.iter().map(|listed| listed.id.to_string()).collect();
    assert_eq!(names, ["ACME:counter", "ACME:clock"]);
    let first = with_oath(|oath| oath.hotp(&id("ACME:counter")).expect("a code"));
    assert!(is(&first, CODES[0]));
    let second = ykman(home, &["oath", "accounts", "code", "--single", "ACME:counter"]);
    assert_eq!(second.trim(), CODES[1], "each of us moves the counter");
    // Its clock is that of this machine: the step may end between.
    let step = || time_step(desk.clock.now(), 0, 0, PeriodSecs::DEFAULT).expect("after 1970");
    let before = step();
    let code = ykman(home, &["oath", "accounts", "code", "--single", "ACME:clock"]);
    let after = step();
    let same = |step| is(&with_oath(|oath| oath.totp(&clock, step).expect("a code")), code.trim());
    assert!(same(before) || same(after));
}

/// It sees that we wrote a slot, and the key types what it wrote to the other one.
fn slots(desk: &Desk, device: &Device, home: &Path) {
    let run = desk.start(Kind::Slot2.run(1), &[name(0)]);
    let now = desk.ended(&name(0));
    assert_eq!(item_of(&now).state, RunItemState::CodeWanted, "{now:?}");
    desk.station.leave(run.id);
    let said = ykman(home, &["otp", "info"]);
    assert!(said.contains("Slot 1: empty") && said.contains("Slot 2: programmed"), "{said}");
    ykman(home, &["otp", "hotp", "--force", "1", BASE32]);
    assert!(desk.station.act(&name(0), Work::Look, &desk.actor));
    let now = desk.until_reader(&name(0), "a look", |it| it.phase.is_none() && it.found.is_some());
    let found = now.found.expect("found");
    let both = found.holdings.iter().any(|holding| match holding {
        Holding::Slots(status) => status.is_configured(Slot::One) && status.is_configured(Slot::Two),
        _ => false,
    });
    assert!(both, "{found:?}");
    // What it wrote is typed as it should be.
    for code in CODES {
        assert!(is(&device.pressed(Slot::One), code));
    }
}

/// It opens what we locked.
fn locked(home: &Path) {
    let password = || Passphrase::from_text("correct horse".to_owned());
    with_oath(|oath| oath.set_code(&oath.access_key(&password()), [7; 8]).expect("locked"));
    let listed = ykman(home, &["oath", "accounts", "list", "--password", "correct horse"]);
    assert_eq!(listed.lines().collect::<Vec<_>>(), ["ACME:clock", "ACME:counter"]);
}
