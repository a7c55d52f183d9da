//! What `doctor` looks at: files below a root, users, processes, card readers. Tests plant their own.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::device::transport::TransportError;
use crate::device::transport::pcsc::{Connection, Holds, Readers};
use crate::device::{UsbId, discover};
use crate::jobs::Synchronised;

/// How long a card may take for one answer.
const CARD_PATIENCE: Duration = Duration::from_secs(3);
/// How long the readers may take for all answers. A service that hangs has no time limit of its own.
const READERS_PATIENCE: Duration = Duration::from_secs(40);

/// A reader and what came of looking at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// As the service of card readers calls it.
    pub(super) name: String,
    /// What lies there.
    pub(super) card: Card,
}

/// What lies on a reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Card {
    /// Nothing, or a card that was not looked at because the service works with the readers.
    Quiet,
    /// Something that says nothing.
    Mute,
    /// A program has it for itself.
    InUse,
    /// It could be looked at.
    Answers,
    /// A YubiKey as it left the factory, on a contactless reader.
    NfcRestricted,
    /// It could not be looked at.
    Refused(String),
    /// The system does not let this user at it.
    Forbidden,
}

/// A user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    /// All groups, the main one among them.
    pub(super) gids: Vec<u32>,
    pub(super) home: PathBuf,
}

impl Account {
    /// True when this user may read and write what has these rights.
    pub(super) fn may_use(&self, about: &Metadata) -> bool {
        self.has_bits(about, 0o6)
    }

    /// True when this user may read a file with these rights, or what lies in a folder with them.
    pub(super) fn may_read(&self, about: &Metadata) -> bool {
        self.has_bits(about, if about.is_dir() { 0o5 } else { 0o4 })
    }

    fn has_bits(&self, about: &Metadata, bits: u32) -> bool {
        let shift = match () {
            () if self.uid == 0 => return true,
            () if about.uid() == self.uid => 6,
            () if self.gids.contains(&about.gid()) => 3,
            () => 0,
        };
        about.mode() >> shift & bits == bits
    }
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) uid: u32,
}

/// What the readers say; asked once for each run of `doctor`, and without touching cards when the flag is not set.
type AskReaders = dyn Fn(bool) -> Result<Vec<Seen>, TransportError>;

/// The machine under `doctor`.
pub(super) struct Machine {
    /// Files of the system lie below it: `/`, and in tests a folder.
    root: PathBuf,
    /// Who runs `doctor`.
    pub(super) uid: u32,
    /// Whether something keeps the clock right.
    pub(super) synchronised: fn() -> Synchronised,
    ask_readers: Box<AskReaders>,
}

impl Machine {
    /// This one.
    pub(super) fn here() -> Self {
        Self {
            root: PathBuf::from("/"),
            uid: rustix::process::geteuid().as_raw(),
            synchronised: Synchronised::of_this_machine,
            ask_readers: Box::new(look_in_time),
        }
    }

    /// A made-up one.
    #[cfg(test)]
    pub(super) fn planted(root: &Path, ask_readers: Box<AskReaders>) -> Self {
        let uid = rustix::process::geteuid().as_raw();
        Self { root: root.to_owned(), uid, synchronised: || Synchronised::Yes, ask_readers }
    }

    /// The same, with `doctor` run by this user.
    #[cfg(test)]
    pub(super) fn run_by(self, uid: u32) -> Self {
        Self { uid, ..self }
    }

    /// Where a file of the system is.
    pub(super) fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    pub(super) fn has(&self, absolute: &str) -> bool {
        self.path(absolute).exists()
    }

    /// The text of a file; `None`: it is not there or cannot be read.
    pub(super) fn text(&self, absolute: &str) -> Option<String> {
        fs::read(self.path(absolute)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Names in a folder, in order; an error when it cannot be read, nothing when it is not there.
    pub(super) fn names(&self, absolute: &str) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(self.path(absolute)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names: Vec<_> =
            entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// What the card readers say.
    pub(super) fn readers(&self, touch_cards: bool) -> Result<Vec<Seen>, TransportError> {
        (self.ask_readers)(touch_cards)
    }

    /// Tries to connect to a socket of the system.
    pub(super) fn connect(&self, absolute: &str) -> io::Result<()> {
        UnixStream::connect(self.path(absolute)).map(drop)
    }

    /// The user of this name.
    pub(super) fn account(&self, name: &str) -> Option<Account> {
        self.find_account(|fields| fields[0] == name)
    }

    /// The user with this number.
    pub(super) fn account_of(&self, uid: u32) -> Option<Account> {
        self.find_account(|fields| fields[2].parse() == Ok(uid))
    }

    fn find_account(&self, is_it: impl Fn(&[&str]) -> bool) -> Option<Account> {
        let users = self.text("/etc/passwd")?;
        let mut lines = users.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let fields = lines.find(|fields| fields.len() >= 6 && is_it(fields))?;
        let name = fields[0].to_owned();
        let mut gids = vec![fields[3].parse().ok()?];
        let groups = self.text("/etc/group").unwrap_or_default();
        for group in groups.lines().map(|line| line.split(':').collect::<Vec<_>>()) {
            if let [_, _, gid, members] = group[..]
                && members.split(',').any(|member| member == name)
                && let Ok(gid) = gid.parse()
            {
                gids.push(gid);
            }
        }
        Some(Account { name, uid: fields[2].parse().ok()?, gids, home: PathBuf::from(fields[5]) })
    }

    /// The name of a group, or its number.
    pub(super) fn group_name(&self, gid: u32) -> String {
        let groups = self.text("/etc/group").unwrap_or_default();
        let mut lines = groups.lines().map(|line| line.split(':').collect::<Vec<_>>());
        let found = lines.find(|fields| fields.len() >= 3 && fields[2].parse() == Ok(gid));
        found.map_or_else(|| gid.to_string(), |fields| fields[0].to_owned())
    }

    pub(super) fn has_group(&self, name: &str) -> bool {
        let groups = self.text("/etc/group").unwrap_or_default();
        groups.lines().any(|line| line.split(':').next() == Some(name))
    }

    /// Processes of this name (of its first fifteen bytes, which is what the kernel keeps).
    pub(super) fn processes(&self, name: &str) -> Vec<Process> {
        let kept = &name[..name.len().min(15)];
        let numbers = self.names("/proc").unwrap_or_default().into_iter();
        let mut found = Vec::new();
        for pid in numbers.filter_map(|name| name.parse::<u32>().ok()) {
            let comm = self.text(&format!("/proc/{pid}/comm")).unwrap_or_default();
            if comm.trim_end() == kept
                && let Ok(about) = fs::metadata(self.path(&format!("/proc/{pid}")))
            {
                found.push(Process { pid, uid: about.uid() });
            }
        }
        found
    }

    /// The numbers of the USB device that a node of this class belongs to.
    pub(super) fn usb_of(&self, class: &str, node: &str) -> Option<UsbId> {
        let device = fs::canonicalize(self.path(&format!("/sys/class/{class}/{node}/device"))).ok()?;
        let root = fs::canonicalize(&self.root).ok()?;
        let number = |folder: &Path, file: &str| {
            let text = fs::read_to_string(folder.join(file)).ok()?;
            u16::from_str_radix(text.trim(), 16).ok()
        };
        let above = device.ancestors().take_while(|folder| folder.starts_with(&root));
        above
            .map(|folder| {
                Some(UsbId { vendor: number(folder, "idVendor")?, product: number(folder, "idProduct")? })
            })
            .find_map(|id| id)
    }
}

/// The same as [`look_at_readers`], or [`TransportError::Silent`] when that takes too long.
fn look_in_time(touch_cards: bool) -> Result<Vec<Seen>, TransportError> {
    let (tell, told) = mpsc::channel();
    // It may hang for ever; the process does not wait for it.
    thread::spawn(move || tell.send(look_at_readers(touch_cards)));
    told.recv_timeout(READERS_PATIENCE).unwrap_or(Err(TransportError::Silent))
}

/// Asks the service of card readers, and looks at each card.
fn look_at_readers(touch_cards: bool) -> Result<Vec<Seen>, TransportError> {
    let readers = Readers::new().list()?;
    let looked = readers.into_iter().map(|reader| {
        let card = match reader.holds {
            Holds::Mute => Card::Mute,
            Holds::Card { exclusively_used: true, .. } => Card::InUse,
            Holds::Card { .. } if touch_cards => look_at_card(&reader.name),
            Holds::Nothing | Holds::Card { .. } => Card::Quiet,
        };
        Seen { name: reader.name, card }
    });
    Ok(looked.collect())
}

/// Looking changes nothing on a card.
fn look_at_card(reader: &str) -> Card {
    let found = Connection::open(reader, CARD_PATIENCE).map_err(discover::LookError::from).and_then(
        |mut connection| {
            let atr = connection.atr().to_vec();
            let mut operation = connection.begin()?;
            discover::look(&mut operation, &atr, &discover::Known::default())
        },
    );
    match found {
        Ok(found) if found.remarks.contains(&discover::Remark::NfcRestricted) => Card::NfcRestricted,
        Ok(_) => Card::Answers,
        Err(discover::LookError::Transport(TransportError::Busy)) => Card::InUse,
        Err(discover::LookError::Transport(TransportError::NoPermission)) => Card::Forbidden,
        // It was taken away meanwhile.
        Err(discover::LookError::Transport(TransportError::Absent)) => Card::Quiet,
        Err(error) => Card::Refused(error.to_string()),
    }
}
