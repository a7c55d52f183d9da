//! A scanner's serial port, opened again whenever the scanner comes back.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use serialport::TTYPort;
use thiserror::Error;

use super::framing::{Affixes, Dropped, Framer, Scan};

/// Speed of a port when the settings name none. Scanners on USB (CDC-ACM) have no speed.
pub const DEFAULT_BAUD: u32 = 9600;
/// Pauses between two tries to open: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// How often a port on which nothing comes is looked at, so that a stop is seen.
const LOOK: Duration = Duration::from_millis(300);

/// A scanner, as the settings say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The device, better by a name that stays: `/dev/serial/by-id/…`.
    pub path: PathBuf,
    /// Bits per second; 8 data bits, no parity, one stop bit.
    pub baud: u32,
    /// What it sends around each scan.
    pub affixes: Affixes,
}

/// A port that cannot be used, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PortError {
    /// Not plugged in.
    #[error("{} is not there: plug the scanner in and switch it to serial mode (USB COM port)", .0.display())]
    Absent(PathBuf),
    /// Another program reads it.
    #[error("{} is used by another program: end that one", .0.display())]
    Busy(PathBuf),
    /// The user of the service may not open it.
    #[error(
        "{} may not be opened: add the user of this service to the group that owns it (dialout), then start the \
         service again", .0.display()
    )]
    NotAllowed(PathBuf),
    /// A file, a directory, or a device of another kind.
    #[error("{} is no serial port: name the scanner's, such as /dev/ttyACM0", .0.display())]
    NotAPort(PathBuf),
    /// It takes no such speed.
    #[error("{} takes no {} baud: set the speed of the scanner's manual", .0.display(), .1)]
    Speed(PathBuf, u32),
    /// It was taken away, or the cable came off.
    #[error("{} is gone: plug the scanner in again", .0.display())]
    Lost(PathBuf),
    /// Anything else that the system says.
    #[error("{}: {}", .0.display(), .1)]
    Other(PathBuf, String),
}

/// What happens at a scanner.
#[derive(Debug)]
pub enum Event {
    /// It can be used from now on.
    Connected,
    /// It cannot be used, and is tried again. Told when the reason changes.
    Trouble(PortError),
    /// It read a code.
    Scanned(Scan),
    /// It read one that is not handed on.
    Dropped(Dropped),
}

/// Tells apart why a port was not opened: what the library says of it is coarse, so the path is looked at first.
fn open(settings: &Settings) -> Result<TTYPort, PortError> {
    use std::os::unix::fs::FileTypeExt;
    let path = || settings.path.clone();
    match std::fs::metadata(&settings.path) {
        Ok(there) if !there.file_type().is_char_device() => return Err(PortError::NotAPort(path())),
        Ok(_) => {}
        Err(error) => return Err(of_system(&settings.path, error.kind(), &error.to_string())),
    }
    let Some(name) = settings.path.to_str() else { return Err(PortError::NotAPort(path())) };
    let builder = serialport::new(name, settings.baud).timeout(LOOK);
    TTYPort::open(&builder).map_err(|error| match error.kind {
        serialport::ErrorKind::NoDevice => PortError::Busy(path()),
        serialport::ErrorKind::InvalidInput => PortError::Speed(path(), settings.baud),
        serialport::ErrorKind::Io(kind) => of_system(&settings.path, kind, &error.description),
        // What no terminal is refuses to be set as one.
        serialport::ErrorKind::Unknown if !is_terminal(&settings.path) => PortError::NotAPort(path()),
        serialport::ErrorKind::Unknown => PortError::Other(path(), error.description),
    })
}

fn is_terminal(path: &Path) -> bool {
    use std::io::IsTerminal;
    std::fs::File::open(path).is_ok_and(|file| file.is_terminal())
}

fn of_system(path: &Path, kind: ErrorKind, text: &str) -> PortError {
    match kind {
        ErrorKind::NotFound | ErrorKind::NotADirectory => PortError::Absent(path.to_owned()),
        ErrorKind::PermissionDenied => PortError::NotAllowed(path.to_owned()),
        ErrorKind::ResourceBusy => PortError::Busy(path.to_owned()),
        _ => PortError::Other(path.to_owned(), text.to_owned()),
    }
}

/// Reads a scanner until `stop` is dropped or told, and tells what happens. Opens the port again when it went, with a
/// growing pause between tries; a pause that is over at once when the scanner was there a moment ago.
pub fn listen(settings: &Settings, stop: &Receiver<()>, tell: &mut dyn FnMut(Event)) {
    let mut pause = PAUSES.0;
    let mut told = None;
    loop {
        let trouble = match open(settings) {
            Ok(mut port) => {
                tell(Event::Connected);
                told = None;
                pause = PAUSES.0;
                match read(settings, &mut port, stop, tell) {
                    Some(trouble) => trouble,
                    None => return,
                }
            }
            Err(trouble) => trouble,
        };
        if told.as_ref() != Some(&trouble) {
            told = Some(trouble.clone());
            tell(Event::Trouble(trouble));
        }
        match stop.recv_timeout(pause) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
        pause = (pause * 2).min(PAUSES.1);
    }
}

/// Reads an open port until it goes; `None`: it was told to stop.
fn read(
    settings: &Settings,
    port: &mut TTYPort,
    stop: &Receiver<()>,
    tell: &mut dyn FnMut(Event),
) -> Option<PortError> {
    use serialport::SerialPort;
    let lost = || Some(PortError::Lost(settings.path.clone()));
    let mut framer = Framer::new(settings.affixes.clone());
    let mut bytes = zeroize::Zeroizing::new([0; 256]);
    loop {
        if stop.try_recv() != Err(TryRecvError::Empty) {
            return None;
        }
        let waits = framer.waits();
        // The time limit of the port is the silence that ends a scan.
        if port.set_timeout(waits.unwrap_or(LOOK)).is_err() {
            return lost();
        }
        let mut done = Vec::new();
        match port.read(&mut *bytes) {
            // A terminal that is there has nothing to say by a timeout; no bytes at all are its end.
            Ok(0) => return lost(),
            Ok(count) => done = framer.push(bytes.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::TimedOut => {
                if waits.is_some() {
                    done.extend(framer.end());
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return lost(),
        }
        for scan in done {
            tell(match scan {
                Ok(scan) => Event::Scanned(scan),
                Err(dropped) => Event::Dropped(dropped),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::mpsc::{Sender, channel};
    use std::thread::JoinHandle;

    use serialport::SerialPort;

    use super::*;

    const WAIT: Duration = Duration::from_secs(10);

    /// A scanner on a pseudo terminal, reached by a name that stays while the terminal behind it changes.
    struct Desk {
        dir: PathBuf,
        stop: Option<Sender<()>>,
        events: Receiver<Event>,
        thread: Option<JoinHandle<()>>,
    }

    impl Desk {
        fn new(name: &str, affixes: Affixes) -> Self {
            let dir = std::env::temp_dir().join(format!("mintmark-scanner-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&dir).expect("a directory");
            let settings = Settings { path: dir.join("scanner"), baud: DEFAULT_BAUD, affixes };
            let (stop, stopped) = channel();
            let (tell, events) = channel();
            let thread = std::thread::spawn(move || {
                listen(&settings, &stopped, &mut |event| drop(tell.send(event)));
            });
            Self { dir, stop: Some(stop), events, thread: Some(thread) }
        }

        fn path(&self) -> PathBuf {
            self.dir.join("scanner")
        }

        fn plug_in(&self) -> TTYPort {
            let (scanner, end) = TTYPort::pair().expect("a pseudo terminal");
            let name = end.name().expect("a name");
            drop(end);
            let next = self.dir.join("next");
            std::os::unix::fs::symlink(name, &next).expect("a link");
            std::fs::rename(next, self.path()).expect("in its place");
            scanner
        }

        fn next(&self) -> Event {
            self.events.recv_timeout(WAIT).expect("an event")
        }

        fn scan(&self) -> String {
            match self.next() {
                Event::Scanned(scan) => scan.text().to_owned(),
                other => panic!("{other:?}"),
            }
        }
    }

    impl Drop for Desk {
        fn drop(&mut self) {
            drop(self.stop.take());
            self.thread.take().map(JoinHandle::join);
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }

    #[test]
    fn scans_in_pieces_and_a_scanner_that_goes_and_comes() {
        let desk = Desk::new("pieces", Affixes::default());
        assert!(matches!(desk.next(), Event::Trouble(PortError::Absent(path)) if path == desk.path()));
        let mut scanner = desk.plug_in();
        assert!(matches!(desk.next(), Event::Connected));
        for piece in [&b"123"[..], b"456", b"78\r", b"\n"] {
            scanner.write_all(piece).expect("written");
        }
        assert_eq!(desk.scan(), "12345678");
        scanner.write_all(b"8659622000001").expect("written");
        assert_eq!(desk.scan(), "8659622000001", "a silence ends it");
        scanner.write_all(&[b'7'; 600]).expect("written");
        assert!(matches!(desk.next(), Event::Dropped(Dropped::TooLong)));
        scanner.write_all(b"10000001\r10000002\r").expect("written");
        assert_eq!(desk.scan(), "10000001\n10000002");

        drop(scanner);
        assert!(matches!(desk.next(), Event::Trouble(PortError::Lost(_))));
        let mut scanner = loop {
            // The end of the old terminal may still be there for a moment.
            let scanner = desk.plug_in();
            match desk.next() {
                Event::Connected => break scanner,
                Event::Trouble(_) => {}
                other => panic!("{other:?}"),
            }
        };
        scanner.write_all(b"87-1234501\r\n").expect("written");
        assert_eq!(desk.scan(), "87-1234501");
    }

    #[test]
    fn what_it_was_told_to_send_around() {
        let desk = Desk::new("affixes", Affixes { prefix: b"~".to_vec(), suffix: b"#".to_vec() });
        assert!(matches!(desk.next(), Event::Trouble(_)));
        let mut scanner = desk.plug_in();
        assert!(matches!(desk.next(), Event::Connected));
        scanner.write_all(b"~12345678#~87654321#").expect("written");
        assert_eq!((desk.scan(), desk.scan()), ("12345678".to_owned(), "87654321".to_owned()));
    }

    #[test]
    fn errors_are_told_apart() {
        let settings =
            |path: &Path| Settings { path: path.to_owned(), baud: DEFAULT_BAUD, affixes: Affixes::default() };
        let refused = |path: &str| open(&settings(Path::new(path))).expect_err("no port");
        assert!(matches!(refused("/dev/no-such-scanner"), PortError::Absent(_)));
        assert!(matches!(refused("/dev"), PortError::NotAPort(_)));
        assert!(matches!(refused("/dev/null"), PortError::NotAPort(_)), "{:?}", refused("/dev/null"));
        let (_scanner, end) = TTYPort::pair().expect("a pseudo terminal");
        let name = end.name().expect("a name");
        drop(end);
        let _held = open(&settings(Path::new(&name))).expect("opened");
        assert!(matches!(refused(&name), PortError::Busy(_)), "{:?}", refused(&name));
        let denied = of_system(Path::new("/dev/ttyACM0"), ErrorKind::PermissionDenied, "");
        assert!(denied.to_string().contains("dialout"), "{denied}");
    }
}
