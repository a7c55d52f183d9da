//! Passwords of people: rules, hashing, comparing.

use argon2::Argon2;
use argon2::password_hash::phc;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use thiserror::Error;

use super::VaultError;
use crate::model::PasswordHash;
use crate::secret::Passphrase;

/// Characters of the longest password.
pub const MOST_PASSWORD_CHARS: usize = 128;

/// A new password breaks a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordRule {
    /// Too short.
    #[error("the password has {len} characters, at least {min} are needed")]
    TooShort {
        /// Characters typed.
        len: usize,
        /// Characters needed.
        min: usize,
    },
    /// Too long.
    #[error("the password has {len} characters, at most {MOST_PASSWORD_CHARS} fit")]
    TooLong {
        /// Characters typed.
        len: usize,
    },
    /// Among the first that anybody tries.
    #[error("this password is among the first that are tried; take another")]
    Common,
}

/// Beginnings and whole words that fill the lists of leaked passwords; a password made of one of them
/// and digits or signs is refused.
const COMMON: &[&str] = &[
    "password",
    "passwort",
    "passw0rd",
    "p@ssword",
    "qwerty",
    "qwertz",
    "azerty",
    "letmein",
    "welcome",
    "willkommen",
    "iloveyou",
    "admin",
    "administrator",
    "football",
    "baseball",
    "dragon",
    "monkey",
    "sunshine",
    "princess",
    "master",
    "shadow",
    "superman",
    "trustno1",
    "abc",
    "abcd",
    "abcdef",
    "abcdefgh",
    "1q2w3e4r",
    "1qaz2wsx",
    "zaq12wsx",
    "qazwsx",
    "asdfgh",
    "asdfghjkl",
    "zxcvbn",
    "changeme",
    "secret",
    "geheim",
    "hallo",
    "hello",
    "mintmark",
    "token",
    "correcthorsebatterystaple",
];

/// Checks a new password: at least `min` characters (15 as the only factor, 8 beside a token), at most
/// [`MOST_PASSWORD_CHARS`], no composition rules, not a common one.
#[expect(clippy::disallowed_methods, reason = "the rules look at the characters")]
pub fn check_new_password(password: &Passphrase, min: usize) -> Result<(), PasswordRule> {
    let len = password.chars();
    if len < min {
        return Err(PasswordRule::TooShort { len, min });
    }
    if len > MOST_PASSWORD_CHARS {
        return Err(PasswordRule::TooLong { len });
    }
    let Ok(text) = std::str::from_utf8(password.expose()) else {
        return Ok(());
    };
    let folded = zeroize::Zeroizing::new(text.to_lowercase());
    let core = folded.trim_matches(|c: char| !c.is_alphabetic());
    let first = folded.chars().next();
    let monotone = folded.chars().all(|c| Some(c) == first);
    let digits_only = folded.chars().all(|c| c.is_ascii_digit());
    if monotone || (digits_only && len < 12) || COMMON.contains(&core) || COMMON.contains(&folded.as_str()) {
        return Err(PasswordRule::Common);
    }
    Ok(())
}

/// Hashes a password with Argon2id (19 MiB, 2 passes, 1 lane; about 30 ms).
#[expect(clippy::disallowed_methods, reason = "hashing needs the bytes")]
pub fn hash_password(password: &Passphrase) -> Result<PasswordHash, VaultError> {
    Argon2::default()
        .hash_password(password.expose())
        .map(|hash| PasswordHash(hash.to_string()))
        .map_err(|_| VaultError::NoRandomness)
}

/// A hash that no password fits, so that a login nobody has costs the same work.
const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bWludG1hcmsgZHVtbXkgcw$KeLQNX1YuC1HqGL4nUyXa8sWP3gvTZ4PjpTgxzFGUJE";

/// Compares a typed password with the stored hash; without one, does the same work and says no.
#[expect(clippy::disallowed_methods, reason = "hashing needs the bytes")]
pub fn verify_password(password: &Passphrase, stored: Option<&PasswordHash>) -> Result<bool, VaultError> {
    let text = stored.map_or(DUMMY, |hash| hash.0.as_str());
    let parsed = phc::PasswordHash::new(text).map_err(|_| VaultError::PasswordHash)?;
    let fits = Argon2::default().verify_password(password.expose(), &parsed).is_ok();
    Ok(fits && stored.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Passphrase {
        Passphrase::from_text(text.to_owned())
    }

    #[test]
    fn only_the_right_password_fits() {
        let hash = hash_password(&typed("long enough for a test")).expect("hashed");
        assert!(verify_password(&typed("long enough for a test"), Some(&hash)).expect("readable"));
        assert!(!verify_password(&typed("long enough for a Test"), Some(&hash)).expect("readable"));
        assert!(!verify_password(&typed("anything"), None).expect("the dummy is readable"));
    }

    #[test]
    fn rules_for_new_passwords() {
        assert_eq!(check_new_password(&typed("short"), 8), Err(PasswordRule::TooShort { len: 5, min: 8 }));
        assert!(check_new_password(&typed(&"ab".repeat(65)), 8).is_err());
        for common in ["Password123!", "aaaaaaaaaa", "1234567890", "qwertz2026"] {
            assert_eq!(check_new_password(&typed(common), 8), Err(PasswordRule::Common), "{common}");
        }
        assert_eq!(check_new_password(&typed("drei Birnen im Korb"), 15), Ok(()));
    }
}
