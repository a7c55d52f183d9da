//! The devices of a batch, and what a person gets out of each.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mintmark::clock::UnixTime;
use mintmark::device::applet::oath::{Kind as OathKind, Name};
use mintmark::device::applet::otp::Slot;
use mintmark::device::applet::yubikey::Version;
use mintmark::device::simulated::Card;
use mintmark::device::simulated::token2::VirtualToken2;
use mintmark::device::simulated::vpcd::InReader;
use mintmark::device::simulated::yubikey::{Reach, VirtualYubiKey};
use mintmark::model::{Application, TokenSerial};
use mintmark::oath::{Otp, PeriodSecs, time_step};
use mintmark::service::NewRun;

use super::desk::Ahead;
use super::readers::port;
use crate::service::programming::{blocks, clocks, counters};

/// What is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    OathClock,
    OathCounter,
    /// Yubico OTP.
    Slot1,
    /// HOTP.
    Slot2,
    Display,
}

impl Kind {
    pub(super) const ALL: [Self; 5] =
        [Self::OathClock, Self::OathCounter, Self::Slot1, Self::Slot2, Self::Display];

    pub(super) const fn application(self) -> Application {
        match self {
            Self::OathClock | Self::OathCounter => Application::Oath,
            Self::Slot1 => Application::Slot1,
            Self::Slot2 => Application::Slot2,
            Self::Display => Application::SingleProfile,
        }
    }

    /// A run that writes such devices.
    pub(super) fn run(self, count: u32) -> NewRun {
        let name = format!("{self:?}");
        let new = match self {
            Self::OathClock => clocks(&name, count),
            Self::Display => NewRun {
                profile: "token2-otpc-p2".into(),
                seed_bytes: 1..=63,
                protect: false,
                ..clocks(&name, count)
            },
            Self::OathCounter | Self::Slot2 => counters(&name, count),
            Self::Slot1 => blocks(&name, count),
        };
        NewRun { application: self.application(), ..new }
    }
}

enum Thing {
    Key(Arc<Mutex<VirtualYubiKey>>),
    Display(Arc<Mutex<VirtualToken2>>),
}

/// A simulated device.
pub(super) struct Device {
    pub(super) kind: Kind,
    /// What is printed on it.
    pub(super) serial: String,
    thing: Thing,
}

fn locked<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Device {
    /// The device with this number. Every other key is reached over USB, and the rest without contacts.
    pub(super) fn new(kind: Kind, number: u32, world: &Arc<Ahead>) -> Self {
        if kind == Kind::Display {
            let serial = format!("8659622{number:07}");
            // Some run fast, some slow.
            let drift = i64::from(number % 5) * 6 - 12;
            let token = VirtualToken2::new(&serial, world.clone(), drift);
            return Self { kind, serial, thing: Thing::Display(Arc::new(Mutex::new(token))) };
        }
        let reach = if number.is_multiple_of(2) { Reach::Usb } else { Reach::Contactless };
        let serial = 20_000_000 + number;
        let key = VirtualYubiKey::new(serial, Version::new(5, 7, 4), reach);
        Self { kind, serial: serial.to_string(), thing: Thing::Key(Arc::new(Mutex::new(key))) }
    }

    pub(super) fn card(&self) -> Arc<Mutex<dyn Card>> {
        match &self.thing {
            Thing::Key(key) => key.clone(),
            Thing::Display(token) => token.clone(),
        }
    }

    /// Puts it into the reader with this number.
    pub(super) fn insert(&self, reader: u16) -> InReader {
        InReader::insert(self.card(), port(reader)).expect("the driver listens")
    }

    pub(super) fn token(&self) -> TokenSerial {
        self.kind.application().token_serial(&self.serial).expect("a serial number")
    }

    /// What a key types when somebody touches it, so long that this slot is meant.
    pub(super) fn pressed(&self, slot: Slot) -> Otp {
        let Thing::Key(key) = &self.thing else { panic!("a key has slots") };
        let typed = locked(key).press(slot).expect("something is in the slot");
        Otp::parse_shaped(&typed, None).expect("a code")
    }

    /// The code that it shows, types, or gives to a program that knows its password.
    pub(super) fn code(&self, now: UnixTime) -> Otp {
        let moving = if self.kind == Kind::OathClock { OathKind::Totp } else { OathKind::Hotp };
        match (&self.thing, self.kind) {
            (Thing::Display(token), _) => locked(token).shown().expect("a seed"),
            (_, Kind::Slot1) => self.pressed(Slot::One),
            (_, Kind::Slot2) => self.pressed(Slot::Two),
            (Thing::Key(key), _) => {
                let name = Name {
                    issuer: Some("Example".to_owned()),
                    account: self.serial.clone(),
                    period: PeriodSecs::DEFAULT,
                };
                let step = time_step(now, 0, 0, PeriodSecs::DEFAULT).expect("after 1970");
                let id = name.encoded(moving).expect("a name");
                locked(key).shown(&id, step).expect("a credential")
            }
        }
    }
}
