//! What can be written where: applications of a model, what they compute there, and models with a display.

use mintmark_device::applet::token2::Models;

use super::Profile;
use crate::model::{Application, OtpSpec};
use crate::oath::{Digits, HashAlg};

/// Models whose applications are a YubiKey's.
const KEYS: &[&str] = &["yubico-yubikey"];
/// Models with a display and one seed.
const DISPLAYS: &[&str] = &["token2-c302", "token2-miniotp-2", "token2-miniotp-3", "token2-otpc-p1"];

/// Models with a display that may be written to, by their serial numbers.
pub fn models() -> Models {
    mintmark_device::simulated::token2::models()
}

/// Where on a model secrets can be written.
pub fn applications(profile: &Profile) -> &'static [Application] {
    if KEYS.contains(&profile.id) {
        &[Application::Oath, Application::Slot1, Application::Slot2]
    } else if DISPLAYS.contains(&profile.id) {
        &[Application::SingleProfile]
    } else {
        &[]
    }
}

/// What an application of a model computes; what it is set to unless somebody says otherwise comes first.
pub fn specs(profile: &Profile, application: Application) -> Vec<OtpSpec> {
    match application {
        Application::SingleProfile => profile.specs.clone(),
        Application::Oath => {
            let mut all = profile.specs.clone();
            for spec in &profile.specs {
                if let (Some(hash), Some(digits)) = (spec.hash(), spec.digits()) {
                    let counter = OtpSpec::Hotp { hash, digits };
                    if !all.contains(&counter) {
                        all.push(counter);
                    }
                }
            }
            all
        }
        // Yubico, "OTP application": slots type HOTP with SHA-1, 6 or 8 digits.
        Application::Slot1 | Application::Slot2 => [6, 8]
            .into_iter()
            .filter_map(|digits| Digits::new(digits).ok())
            .map(|digits| OtpSpec::Hotp { hash: HashAlg::Sha1, digits })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{profile, profiles};

    #[test]
    fn models_that_are_named_here_have_a_profile() {
        for id in KEYS.iter().chain(DISPLAYS) {
            assert!(profile(id).is_some(), "{id}");
        }
        for profile in profiles() {
            for application in applications(profile) {
                let specs = specs(profile, *application);
                let first = specs.first().expect("it computes something");
                let is_slot = application.slot().is_some();
                assert_eq!(matches!(first, OtpSpec::Hotp { .. }), is_slot, "{}", profile.id);
            }
        }
    }

    #[test]
    fn the_oath_application_of_a_key_counts_too() {
        let key = profile("yubico-yubikey").expect("listed");
        let all = specs(key, Application::Oath);
        assert_eq!(all.first(), key.specs.first());
        let counter = OtpSpec::Hotp { hash: HashAlg::Sha512, digits: Digits::SIX };
        assert_eq!(all.iter().filter(|spec| **spec == counter).count(), 1);
    }
}
