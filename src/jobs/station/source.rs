//! Where readers come from: the card reader service of this machine, or a drawer of simulated devices.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::device::Catalogue;
use crate::device::attestation::Anchors;
use crate::device::simulated::vendor;
use crate::device::transport::pcsc::{Connection, Reader, Readers};
use crate::device::transport::{Lengths, Transport, TransportError};

use super::drawer::Drawer;
use crate::jobs::Synchronised;

/// How long a device may take for one command: a key waits fifteen seconds for a touch.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long all work with a device may take. A device that answers each part just in time would hold its reader for hours.
const MOST_WORK: Duration = Duration::from_mins(2);

/// A device until its time is over; then it is silent.
struct Bounded<'a> {
    transport: &'a mut dyn Transport,
    clock: &'a dyn Clock,
    until: Duration,
}

impl Transport for Bounded<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        if self.clock.monotonic() > self.until {
            return Err(TransportError::Silent);
        }
        self.transport.transmit(command)
    }

    fn lengths(&self) -> Lengths {
        self.transport.lengths()
    }
}

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

/// How a device is left when the work with it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    /// It was only looked at: another program may have something unlocked there.
    AsItIs,
    /// What was unlocked is locked again.
    Reset,
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

    /// Works with the device that was seen on a reader (`changes`: how often devices had come and gone there by then) while
    /// no other program can; `leaves`: how it is left then, as the work says. Another one that was put in meanwhile is
    /// [`TransportError::Absent`]: what is to be done with that one nobody has said yet.
    pub(super) fn with_device<T>(
        &self,
        reader: &str,
        changes: Option<u16>,
        leaves: &Cell<Leaves>,
        clock: &dyn Clock,
        work: impl FnOnce(&mut dyn Transport) -> T,
    ) -> Result<T, TransportError> {
        let until = clock.monotonic().saturating_add(MOST_WORK);
        let require_seen = |now: u16| match changes {
            Some(seen) if seen == now => Ok(()),
            _ => Err(TransportError::Absent),
        };
        match self {
            Self::Pcsc => {
                let mut connection = Connection::open(reader, PATIENCE)?;
                require_seen(connection.changes())?;
                let mut operation = connection.begin()?;
                let done = work(&mut Bounded { transport: &mut operation, clock, until });
                match leaves.get() {
                    Leaves::AsItIs => drop(operation),
                    // The work is done, whatever becomes of this.
                    Leaves::Reset => drop(operation.end_with_reset()),
                }
                Ok(done)
            }
            Self::Drawer(drawer) => {
                let mut device = drawer.opened(reader).ok_or(TransportError::Absent)?;
                require_seen(device.changes())?;
                Ok(work(&mut Bounded { transport: &mut device, clock, until }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::clock::{ManualClock, UnixTime};

    use super::*;

    /// Takes long for each answer, and never ends.
    struct Slow(Arc<ManualClock>);

    impl Transport for Slow {
        fn transmit(&mut self, _command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
            self.0.advance(Duration::from_secs(19));
            Ok(Zeroizing::new(vec![0x61, 0x01]))
        }

        fn lengths(&self) -> Lengths {
            Lengths::Short
        }
    }

    #[test]
    fn a_device_that_takes_its_time_is_silent_after_two_minutes() {
        let clock = Arc::new(ManualClock::new(UnixTime::from_secs(1_700_000_000)));
        let mut slow = Slow(Arc::clone(&clock));
        let mut bounded = Bounded { transport: &mut slow, clock: &*clock, until: MOST_WORK };
        let answers = (0..600).take_while(|_| bounded.transmit(&[0]).is_ok()).count();
        assert_eq!(answers, 7, "120 s, and the answer that was awaited then");
        assert_eq!(bounded.transmit(&[0]).map(|_| ()), Err(TransportError::Silent));
    }

    #[test]
    fn what_was_put_in_after_the_look_is_not_worked_on() {
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(UnixTime::from_secs(1_700_000_000)));
        let drawer = Arc::new(Drawer::furnished(&clock, 31_000_001));
        let source = Source::Drawer(Arc::clone(&drawer));
        let mut watcher = source.watcher();
        let mut first = || watcher.watch(Duration::ZERO).expect("readers").remove(0);
        let select = |changes| {
            let leaves = Cell::new(Leaves::AsItIs);
            source.with_device("Rehearsal reader 1", changes, &leaves, &*clock, |device| {
                device.transmit(&[0, 0xa4, 4, 0, 0]).map(drop)
            })
        };
        let before = first();
        assert_eq!(select(Some(before.changes)), Ok(Ok(())));
        assert_eq!(select(None), Err(TransportError::Absent), "nothing was seen");
        let lies =
            drawer.list().iter().position(|boxed| boxed.reader.as_deref() == Some("Rehearsal reader 1"));
        // The same device once more is another one for whoever saw the first: it may have been anywhere.
        for device in [lies, Some(4)] {
            assert!(drawer.put("Rehearsal reader 1", device));
            assert_eq!(select(Some(before.changes)), Err(TransportError::Absent));
            assert_eq!(select(Some(first().changes)), Ok(Ok(())));
        }
    }
}
