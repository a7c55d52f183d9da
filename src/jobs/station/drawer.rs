//! Simulated devices and the readers that they are put into, for rehearsal and training.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::clock::Clock;
use crate::device::applet::oath::{Kind, YkOath};
use crate::device::applet::otp::Slot;
use crate::device::applet::yubikey::Version;
use crate::device::simulated::Card;
use crate::device::simulated::token2::VirtualToken2;
use crate::device::simulated::yubikey::{Reach, VirtualYubiKey};
use crate::device::transport::pcsc::{Holds, Reader};
use crate::device::transport::{Lengths, Transport, TransportError};
use crate::oath::MovingFactor;

/// Keys that work through contacts, and as many tokens with a display that are laid on a reader.
const PAIRS: u32 = 8;
/// By how many seconds clocks are ahead that were off for long.
const OLD_CLOCKS: [i64; 2] = [-240, 1_200];
/// Readers of a rehearsal; each begins with a device in it.
const READERS: usize = 4;

/// A simulated device.
enum Device {
    Key(Box<VirtualYubiKey>),
    Display(VirtualToken2),
}

impl Device {
    fn card(&mut self) -> &mut dyn Card {
        match self {
            Self::Key(key) => &mut **key,
            Self::Display(token) => token,
        }
    }

    fn lengths(&self) -> Lengths {
        match self {
            Self::Key(key) => key.lengths(),
            Self::Display(_) => Lengths::Short,
        }
    }
}

/// A device that lies in the box, as pages list it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoxedDevice {
    /// What is printed on it.
    pub label: String,
    /// The reader that it is in.
    pub reader: Option<String>,
}

struct Boxed {
    label: String,
    device: Arc<Mutex<Device>>,
}

struct Slots {
    /// The device in each reader, and how often that changed.
    readers: Vec<(Option<usize>, u16)>,
    version: u64,
}

/// Simulated devices and readers.
pub struct Drawer {
    devices: Vec<Boxed>,
    slots: Mutex<Slots>,
    moved: Condvar,
}

impl fmt::Debug for Drawer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Drawer({} devices)", self.devices.len())
    }
}

fn name(reader: usize) -> String {
    format!("Rehearsal reader {}", reader + 1)
}

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drawer {
    /// Four readers with a device in each, and more devices beside them; their serial numbers go on from `first`.
    pub fn furnished(clock: &Arc<dyn Clock>, first: u32) -> Self {
        let mut devices = Vec::new();
        for n in 0..PAIRS {
            let serial = first.saturating_add(n);
            let mut key = VirtualYubiKey::new(serial, Version::new(5, 7, 4), Reach::Usb);
            key.set_touched(true);
            let label = format!("YubiKey 5 NFC, {serial}");
            devices.push(Boxed { label, device: Arc::new(Mutex::new(Device::Key(Box::new(key)))) });
            let serial = format!("8659622{:07}", serial % 10_000_000);
            // Some run fast, some slow, by half a minute in a month at most.
            let drift = i64::from(n % 5) * 6 - 12;
            let token = VirtualToken2::new(&serial, Arc::clone(clock), drift);
            let label = format!("Token2 OTPC-P2-i, {serial}");
            devices.push(Boxed { label, device: Arc::new(Mutex::new(Device::Display(token))) });
        }
        // Out of an old box: their clocks are off, and can be set without their secret.
        for (n, ahead) in OLD_CLOCKS.into_iter().enumerate() {
            let number = u32::try_from(n).map_or(first, |n| first.saturating_add(n)) % 10_000_000;
            let serial = format!("8659632{number:07}");
            let token = VirtualToken2::new(&serial, Arc::clone(clock), 0).ahead(ahead);
            let label = format!("Token2 C302-i, {serial}");
            devices.push(Boxed { label, device: Arc::new(Mutex::new(Device::Display(token))) });
        }
        let readers = (0..READERS).map(|device| (Some(device), 1)).collect();
        for boxed in devices.iter().take(READERS) {
            locked(&boxed.device).card().power_on();
        }
        Self { devices, slots: Mutex::new(Slots { readers, version: 1 }), moved: Condvar::new() }
    }

    /// The devices and where they are.
    pub fn list(&self) -> Vec<BoxedDevice> {
        let slots = locked(&self.slots);
        let reader = |at| slots.readers.iter().position(|(device, _)| *device == Some(at)).map(name);
        let all = self.devices.iter().enumerate();
        all.map(|(at, boxed)| BoxedDevice { label: boxed.label.clone(), reader: reader(at) }).collect()
    }

    /// Puts a device, by its place in the list, into a reader, out of which the one before comes; or takes out what is
    /// there. False: there is no such reader or device.
    pub fn put(&self, reader: &str, device: Option<usize>) -> bool {
        let mut slots = locked(&self.slots);
        let Some(at) = (0..slots.readers.len()).find(|at| name(*at) == reader) else { return false };
        if device.is_some_and(|device| device >= self.devices.len()) {
            return false;
        }
        for (there, changes) in &mut slots.readers {
            if device.is_some() && *there == device {
                *there = None;
                *changes = changes.wrapping_add(1);
            }
        }
        if let Some(boxed) = device.and_then(|device| self.devices.get(device)) {
            locked(&boxed.device).card().power_on();
        }
        if let Some((there, changes)) = slots.readers.get_mut(at) {
            *there = device;
            *changes = changes.wrapping_add(1);
        }
        slots.version += 1;
        self.moved.notify_all();
        true
    }

    /// What the device in a reader types or shows when somebody touches it, or presses its button. Slots are told apart by
    /// how long a key is touched.
    pub fn pressed(&self, reader: &str, slot: Option<Slot>) -> Option<Zeroizing<String>> {
        let (boxed, _) = self.device_in(reader)?;
        let mut device = locked(&boxed);
        match &mut *device {
            Device::Key(key) => key.press(slot?),
            #[expect(clippy::disallowed_methods, reason = "a simulated display shows its code")]
            Device::Display(token) => {
                let otp = token.shown()?;
                Some(Zeroizing::new(otp.expose().iter().copied().map(char::from).collect()))
            }
        }
    }

    /// What an app on a phone shows of the first credential with a clock on the key in a reader; `None` also while a key
    /// locks it.
    pub fn computed(&self, reader: &str, step: MovingFactor) -> Option<Zeroizing<String>> {
        let mut device = self.opened(reader)?;
        let mut oath = YkOath::select(&mut device).ok()?;
        let listed = oath.list().ok()?;
        let clock = listed.iter().find(|credential| credential.kind == Kind::Totp)?;
        let otp = oath.totp(&clock.id, step).ok()?;
        #[expect(clippy::disallowed_methods, reason = "an app shows the code of a simulated key")]
        let shown = otp.expose().iter().copied().map(char::from).collect();
        Some(Zeroizing::new(shown))
    }

    /// What somebody gets who touches the device in a reader, or presses its button: a key types from its first slot, or from
    /// the second one where the first is empty.
    pub fn touched(&self, reader: &str) -> Option<Zeroizing<String>> {
        self.pressed(reader, Some(Slot::One)).or_else(|| self.pressed(reader, Some(Slot::Two)))
    }

    /// The device in a reader, and how often devices came and went there.
    fn device_in(&self, reader: &str) -> Option<(Arc<Mutex<Device>>, u16)> {
        let slots = locked(&self.slots);
        let at = (0..slots.readers.len()).find(|at| name(*at) == reader)?;
        let (device, changes) = *slots.readers.get(at)?;
        Some((Arc::clone(&self.devices.get(device?)?.device), changes))
    }

    /// The device in a reader, as its drivers reach it until it is taken out.
    pub(super) fn opened(&self, reader: &str) -> Option<OpenedDevice<'_>> {
        let (device, changes) = self.device_in(reader)?;
        let lengths = locked(&device).lengths();
        Some(OpenedDevice { drawer: self, reader: reader.to_owned(), device, changes, lengths })
    }

    /// Waits until something was put in or taken out since `seen`, at most so long.
    pub(super) fn watch(&self, seen: &mut u64, limit: Duration) -> Vec<Reader> {
        let slots = locked(&self.slots);
        let before = *seen;
        let waited = self.moved.wait_timeout_while(slots, limit, |slots| slots.version == before);
        let (slots, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *seen = slots.version;
        let readers = slots.readers.iter().enumerate();
        readers
            .map(|(at, (device, changes))| Reader {
                name: name(at),
                holds: match device.and_then(|device| self.devices.get(device)) {
                    Some(boxed) => Holds::Card {
                        atr: locked(&boxed.device).card().atr().to_vec(),
                        exclusively_used: false,
                    },
                    None => Holds::Nothing,
                },
                changes: *changes,
            })
            .collect()
    }
}

/// A device while a driver talks to it.
pub(super) struct OpenedDevice<'a> {
    drawer: &'a Drawer,
    reader: String,
    device: Arc<Mutex<Device>>,
    changes: u16,
    lengths: Lengths,
}

impl OpenedDevice<'_> {
    /// How often devices had come and gone in the reader when this one was opened.
    pub(super) fn changes(&self) -> u16 {
        self.changes
    }
}

impl Transport for OpenedDevice<'_> {
    fn transmit(&mut self, command: &[u8]) -> Result<Zeroizing<Vec<u8>>, TransportError> {
        // Somebody may have taken it out meanwhile.
        if self.drawer.device_in(&self.reader).is_none_or(|(_, changes)| changes != self.changes) {
            return Err(TransportError::Absent);
        }
        let answer = locked(&self.device).card().transmit(command);
        answer.map(Zeroizing::new).ok_or(TransportError::Lost)
    }

    fn lengths(&self) -> Lengths {
        self.lengths
    }
}
