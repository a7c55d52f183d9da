//! Someone who holds a token and uses the portal.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{EmailAddress, Language, Login, PhoneNumber, UserId};
use crate::clock::UnixTime;

/// A password as it is stored: PHC string of Argon2id. Never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash")
    }
}

/// A code that an operator gave a user in the place of their token's. Never printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmergencyCode {
    /// Keyed hash under a store key, then Argon2id.
    pub phc: PasswordHash,
    /// It works once; else until its time.
    pub once: bool,
    /// When it was issued.
    pub issued_at: UnixTime,
    /// Until when it holds.
    pub expires_at: UnixTime,
    /// Who issued it, as text for people.
    pub issued_by: String,
}

impl EmergencyCode {
    /// True until its time.
    pub fn is_alive(&self, now: UnixTime) -> bool {
        now < self.expires_at
    }
}

/// A user of the portal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Number in the store.
    pub id: UserId,
    /// What they sign in with.
    pub login: Login,
    /// Logins they had before; these stay reserved.
    pub old_logins: Vec<Login>,
    /// Where codes and notices go.
    pub email: Option<EmailAddress>,
    /// How the helpdesk reaches them.
    pub phone: Option<PhoneNumber>,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Their password, when they have one.
    pub password: Option<PasswordHash>,
    /// The language they read, as soon as it is known.
    pub language: Option<Language>,
    /// Since when they are here.
    pub created_at: UnixTime,
}

impl User {
    /// How people call them: first and last name, else the login.
    pub fn display_name(&self) -> String {
        let full = format!("{} {}", self.first_name, self.last_name);
        let full = full.trim();
        if full.is_empty() { self.login.as_str().to_owned() } else { full.to_owned() }
    }
}
