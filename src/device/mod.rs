//! What is known of token models. Tokens themselves are spoken to by the crate `device/`, which is given its data from
//! here.

mod profile;

pub use profile::{
    Catalogue, ChipFamily, ChipProfile, ClockWrite, FOLDER, Listed, Origin, Profile, ProfileError,
    ProfilePicture, Quirk, SeedOrigin, UsbId, Versions, Wire,
};
