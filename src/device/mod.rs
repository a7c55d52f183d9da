//! Token models, and the devices themselves, which have a crate of their own and are given its data from here.

mod profile;

pub use mintmark_device::{apdu, applet, discover, program, simulated, transport};
pub use profile::{
    Catalogue, ChipFamily, ChipProfile, ClockWrite, FOLDER, Listed, Origin, Profile, ProfileError,
    ProfilePicture, Quirk, SeedOrigin, UsbId, Versions, Wire,
};
