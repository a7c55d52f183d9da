//! Token models, and the devices themselves, which have a crate of their own and are given its data from here.

mod node;
mod profile;
mod roots;

use crate::model;

pub use mintmark_device::{
    apdu, applet, attestation, discover, genuine, program, scanner, simulated, transport,
};
pub use node::{SERVICE_USER, hid_ids, hid_rule, is_known_serial, udev_rules};
pub use profile::{
    Catalogue, ChipFamily, ChipProfile, ClockWrite, FOLDER, Listed, Origin, Profile, ProfileError,
    ProfilePicture, Quirk, SeedOrigin, UsbId, Versions, Wire,
};
pub use roots::ROOTS_FOLDER;

impl From<model::Application> for program::Application {
    fn from(application: model::Application) -> Self {
        use applet::otp::Slot;
        match application {
            model::Application::Oath => Self::Oath,
            model::Application::Slot1 => Self::Slot(Slot::One),
            model::Application::Slot2 => Self::Slot(Slot::Two),
            model::Application::SingleProfile => Self::SingleProfile,
        }
    }
}
