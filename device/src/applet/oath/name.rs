//! Names of credentials: `[period/][issuer:]account`.
//!
//! The application knows no period: all clients agree to write it before the name, and a wrong one gives wrong codes.
//! Source: YKOATH protocol (developers.yubico.com), yubikey-manager `yubikit/oath.py`.

use std::fmt;

use mintmark_engine::oath::PeriodSecs;

use super::{Kind, OathError};

/// Most bytes of a name with all its parts.
const MOST_BYTES: usize = 64;

/// A name as it stands on the key, 1 to 64 bytes; usually UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    /// Takes 1 to 64 bytes.
    pub fn new(bytes: Vec<u8>) -> Result<Self, OathError> {
        if (1..=MOST_BYTES).contains(&bytes.len()) {
            Ok(Self(bytes))
        } else {
            Err(OathError::NameLength(bytes.len()))
        }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// The parts of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// Who asks for the codes.
    pub issuer: Option<String>,
    /// Of whom.
    pub account: String,
    /// Length of a time step. HOTP has none, and reads as the default.
    pub period: PeriodSecs,
}

impl Name {
    /// As all clients write it: the period only for TOTP, and only if it is not 30 s, or if the name would be read as
    /// one with another period without it.
    pub fn encoded(&self, kind: Kind) -> Result<CredentialId, OathError> {
        let name = match &self.issuer {
            Some(issuer) if issuer.is_empty() || issuer.contains(':') => {
                return Err(OathError::Issuer(issuer.clone()));
            }
            Some(issuer) => format!("{issuer}:{}", self.account),
            None => self.account.clone(),
        };
        if self.account.is_empty() {
            return Err(OathError::NameLength(0));
        }
        let is_plain = self.period == PeriodSecs::DEFAULT && split_period(&name).is_none();
        let name = match kind {
            Kind::Totp if !is_plain => format!("{}/{name}", self.period.get()),
            _ => name,
        };
        CredentialId::new(name.into_bytes())
    }

    /// Reads a name; `None` when it is not UTF-8. What is not of the usual shape is an account.
    pub fn read(id: &CredentialId, kind: Kind) -> Option<Self> {
        let text = str::from_utf8(&id.0).ok()?;
        let (period, rest) = match kind {
            Kind::Totp => split_period(text).unwrap_or((PeriodSecs::DEFAULT, text)),
            Kind::Hotp => (PeriodSecs::DEFAULT, text),
        };
        let (issuer, account) = match rest.split_once(':') {
            Some((issuer, account)) if !issuer.is_empty() && !account.is_empty() => (Some(issuer), account),
            _ => (None, rest),
        };
        Some(Self { issuer: issuer.map(str::to_owned), account: account.to_owned(), period })
    }
}

/// Digits and a slash before at least one more character.
fn split_period(text: &str) -> Option<(PeriodSecs, &str)> {
    let (digits, rest) = text.split_once('/')?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let period = digits.parse().ok().filter(|_| is_number && !rest.is_empty())?;
    PeriodSecs::new(period).ok().map(|period| (period, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(issuer: Option<&str>, account: &str, period: u64) -> Name {
        let period = PeriodSecs::new(period).expect("a period");
        Name { issuer: issuer.map(str::to_owned), account: account.to_owned(), period }
    }

    #[test]
    fn names_are_written_as_all_clients_do() {
        let written = |name: Name, kind| name.encoded(kind).expect("a name").to_string();
        assert_eq!(
            written(name(Some("ACME"), "alice@example.com", 30), Kind::Totp),
            "ACME:alice@example.com"
        );
        assert_eq!(written(name(Some("ACME"), "bob", 60), Kind::Totp), "60/ACME:bob");
        assert_eq!(written(name(None, "bob", 60), Kind::Totp), "60/bob");
        assert_eq!(written(name(Some("ACME"), "bob", 60), Kind::Hotp), "ACME:bob");
        assert_eq!(
            written(name(None, "60/bob", 30), Kind::Totp),
            "30/60/bob",
            "else its codes would be wrong"
        );
        assert_eq!(written(name(None, "a/bob", 30), Kind::Totp), "a/bob");
    }

    #[test]
    fn names_that_cannot_be_are_refused() {
        let refused = |name: Name| name.encoded(Kind::Totp).expect_err("refused");
        assert_eq!(refused(name(Some("A:B"), "bob", 30)), OathError::Issuer("A:B".into()));
        assert_eq!(refused(name(Some(""), "bob", 30)), OathError::Issuer(String::new()));
        assert_eq!(refused(name(Some("ACME"), "", 30)), OathError::NameLength(0));
        assert_eq!(refused(name(None, &"x".repeat(65), 30)), OathError::NameLength(65));
        assert!(name(None, &"x".repeat(64), 30).encoded(Kind::Totp).is_ok());
        assert_eq!(refused(name(None, &"x".repeat(62), 60)), OathError::NameLength(65));
        assert_eq!(CredentialId::new(Vec::new()), Err(OathError::NameLength(0)));
    }

    #[test]
    fn names_are_read_whatever_they_are() {
        let read = |text: &str, kind| {
            Name::read(&CredentialId::new(text.into()).expect("short"), kind).expect("UTF-8")
        };
        assert_eq!(read("60/ACME:bob", Kind::Totp), name(Some("ACME"), "bob", 60));
        assert_eq!(read("60/ACME:bob", Kind::Hotp), name(Some("60/ACME"), "bob", 30));
        assert_eq!(read("A:B:C", Kind::Totp), name(Some("A"), "B:C", 30));
        for odd in [":bob", "ACME:", "0/bob", "+60/bob", "60/", "99999/bob"] {
            let read = read(odd, Kind::Totp);
            assert_eq!((read.issuer, read.account.as_str()), (None, odd));
        }
        assert_eq!(Name::read(&CredentialId::new(vec![0xff]).expect("short"), Kind::Totp), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(issuer in "[^:]{1,8}", account in ".{1,8}", period in 1u64..=3600, hotp: bool) {
            let kind = if hotp { Kind::Hotp } else { Kind::Totp };
            let name = name(Some(&issuer), &account, if hotp { 30 } else { period });
            if let Ok(id) = name.encoded(kind) {
                prop_assert_eq!(Name::read(&id, kind), Some(name));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), hotp: bool) {
            if let Ok(id) = CredentialId::new(bytes) {
                let _ = Name::read(&id, if hotp { Kind::Hotp } else { Kind::Totp });
            }
        }
    }
}
