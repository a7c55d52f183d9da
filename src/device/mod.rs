//! What is known of token models. Readers and devices themselves are not spoken to yet.

mod profile;

pub use profile::{Profile, ProfileError, ProfilePicture, SeedOrigin, profile, profiles};
