//! The real card reader service with readers that are none, in a network and a mount namespace of its own: the driver of
//! the readers listens on all addresses, and the service knows one folder. So tests with it run beside each other.
//!
//! What is missing makes a test fail and is said; it is never left out. Part of this folder's suites and of the tests of
//! the crate `device`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command as Program, Stdio};
use std::thread;

/// Set where the namespaces are there.
const INSIDE: &str = "MINTMARK_TEST_NAMESPACE";
/// Below the folder that `make card-reader` unpacks it into, and where it is installed.
const DRIVER: &str = "usr/lib/pcsc/drivers/serial/libifdvpcd.so";
/// Each copy of the driver makes two readers.
const READERS_OF_DRIVER: u16 = 2;
const FIRST_PORT: u16 = 0x8c00;

/// Runs the work of a test in namespaces of its own: the test, by its full name, is called once more in them.
pub(crate) fn in_namespaces(test: &str, work: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return work();
    }
    let root = fs::metadata("/proc/self").expect("Linux").uid() == 0;
    let spaces: &[&str] = if root { &["-mn"] } else { &["-mn", "--map-root-user"] };
    let status = Program::new("unshare")
        .args(spaces)
        .args(["sh", "-c", "mount -t tmpfs tmpfs /run && ip link set lo up && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .env("PATH", [std::env::var("PATH").unwrap_or_default().as_str(), "/usr/sbin:/sbin"].join(":"))
        .status()
        .expect("unshare (util-linux) makes a namespace");
    assert!(
        status.success(),
        "the test in the namespace failed (make card-reader installs what it needs): {status}"
    );
}

/// The service; it ends with the test.
pub(crate) struct ReaderService(Child);

impl ReaderService {
    /// Starts it and waits until it is ready.
    pub(crate) fn start() -> Self {
        let mut child = Program::new("pcscd")
            .args(["--foreground", "--info", "--config", "/run/readers"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("pcscd is installed");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
        assert!(lines.any(|line| line.contains("daemon ready")), "pcscd ended before it was ready");
        thread::spawn(move || lines.for_each(drop));
        // It says so a moment before it listens.
        while UnixStream::connect("/run/pcscd/pcscd.comm").is_err() {
            assert!(child.try_wait().is_ok_and(|ended| ended.is_none()), "pcscd ended before it listened");
            thread::yield_now();
        }
        Self(child)
    }

    /// Ends it as a crash would, whatever it does at that moment.
    pub(crate) fn crash(mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it has ended");
        // What it would have removed keeps the next one from starting.
        fs::remove_dir_all("/run/pcscd").expect("its folder");
        std::mem::forget(self);
    }
}

impl Drop for ReaderService {
    fn drop(&mut self) {
        // Ended softly, it removes what would keep the next one from starting.
        let _ = Program::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// Writes down so many readers, for a service that is started then. `target` is the folder of what is built.
pub(crate) fn configure(target: &str, readers: u16) {
    fs::create_dir_all("/run/readers").expect("a folder for the readers");
    let file = [&format!("{target}/vpcd"), "/"]
        .map(|folder| Path::new(folder).join(DRIVER))
        .into_iter()
        .find(|file| file.exists());
    let file = file.expect("the driver of vsmartcard-vpcd is there (make card-reader)");
    let entries: Vec<_> = (0..readers.div_ceil(READERS_OF_DRIVER))
        .map(|number| {
            // One file for all would give them one state.
            let driver = format!("/run/driver-{number}.so");
            fs::copy(&file, &driver).expect("the driver is copied");
            let port = FIRST_PORT + READERS_OF_DRIVER * number;
            format!(
                "FRIENDLYNAME \"Virtual {number}\"\nDEVICENAME /dev/null:{port:#X}\nLIBPATH {driver}\nCHANNELID {port:#X}\n"
            )
            .replace("0X", "0x")
        })
        .collect();
    fs::write("/run/readers/virtual", entries.join("\n")).expect("the readers are written down");
}

/// Where the driver of the reader with this number listens.
pub(crate) fn port(reader: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], FIRST_PORT + reader))
}

/// What the service calls it.
pub(crate) fn name(reader: u16) -> String {
    format!("Virtual {} 00 {:02}", reader / READERS_OF_DRIVER, reader % READERS_OF_DRIVER)
}
