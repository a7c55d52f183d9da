//! Token models and the devices themselves, which have a crate of their own.

mod offer;
mod profile;

pub use mintmark_device::{apdu, applet, discover, program, simulated, transport};
pub use offer::{applications, models, specs};
pub use profile::{Profile, ProfileError, ProfilePicture, SeedOrigin, profile, profiles};
