//! Where readers come from: the card reader service of this machine, or a drawer of simulated devices.

use std::sync::Arc;
use std::time::Duration;

use crate::device::Catalogue;
use crate::device::attestation::Anchors;
use crate::device::simulated::vendor;
use crate::device::transport::pcsc::{Connection, Reader, Readers};
use crate::device::transport::{Transport, TransportError};

use super::drawer::Drawer;
use crate::jobs::Synchronised;

/// How long a device may take for one command: a key waits fifteen seconds for a touch.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where readers come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// The card reader service of this machine.
    Pcsc,
    /// Simulated devices, for a rehearsal.
    Drawer(Arc<Drawer>),
}

/// Sees devices come and go.
pub(super) enum Watcher<'a> {
    Pcsc(Readers),
    Drawer(&'a Drawer, u64),
}

impl Watcher<'_> {
    /// Waits for a change, at most so long, and says what is there.
    pub(super) fn watch(&mut self, limit: Duration) -> Result<Vec<Reader>, TransportError> {
        match self {
            Self::Pcsc(readers) => readers.watch(limit),
            Self::Drawer(drawer, seen) => Ok(drawer.watch(seen, limit)),
        }
    }
}

impl Source {
    /// Whether the clock that devices are set to is kept right: simulated ones have the same.
    pub(super) const fn clock(&self) -> fn() -> Synchronised {
        match self {
            Self::Pcsc => Synchronised::of_this_machine,
            Self::Drawer(_) => || Synchronised::Yes,
        }
    }

    /// Who vouches for the devices: nobody but a rehearsal vouches for simulated ones, and a rehearsal for no others.
    pub(super) fn anchors(&self, profiles: &Catalogue) -> Anchors {
        match self {
            Self::Pcsc => profiles.anchors().clone(),
            Self::Drawer(_) => vendor::anchors(),
        }
    }

    pub(super) fn watcher(&self) -> Watcher<'_> {
        match self {
            Self::Pcsc => Watcher::Pcsc(Readers::new()),
            Self::Drawer(drawer) => Watcher::Drawer(drawer, 0),
        }
    }

    /// Works with the device on a reader while no other program can.
    pub(super) fn with_device<T>(
        &self,
        reader: &str,
        work: impl FnOnce(&mut dyn Transport) -> T,
    ) -> Result<T, TransportError> {
        match self {
            Self::Pcsc => {
                let mut connection = Connection::open(reader, PATIENCE)?;
                let mut operation = connection.begin()?;
                let done = work(&mut operation);
                // What was unlocked is locked again. The work is done, whatever becomes of this.
                let _ = operation.end_with_reset();
                Ok(done)
            }
            Self::Drawer(drawer) => {
                let mut device = drawer.opened(reader).ok_or(TransportError::Absent)?;
                Ok(work(&mut device))
            }
        }
    }
}
