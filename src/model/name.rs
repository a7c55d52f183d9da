//! Names that people type, parsed once into the form that is stored and compared.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A name that cannot be used, with what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NameError {
    /// Nothing was typed.
    #[error("the {what} is empty")]
    Empty {
        /// Which name.
        what: &'static str,
    },
    /// Longer than the record holds.
    #[error("the {what} has {len} characters, at most {max} fit")]
    TooLong {
        /// Which name.
        what: &'static str,
        /// Characters typed.
        len: usize,
        /// Characters allowed.
        max: usize,
    },
    /// A character that the name may not have; `position` counts from 1.
    #[error("the {what} has a character at position {position} that is not allowed: {allowed}")]
    Character {
        /// Which name.
        what: &'static str,
        /// Counted in characters from 1.
        position: usize,
        /// What is allowed, in words.
        allowed: &'static str,
    },
    /// The text as a whole is not of the right form.
    #[error("the {what} must be {form}")]
    Form {
        /// Which name.
        what: &'static str,
        /// The right form, in words.
        form: &'static str,
    },
}

impl NameError {
    /// Which name it is about.
    pub const fn what(&self) -> &'static str {
        match self {
            Self::Empty { what }
            | Self::TooLong { what, .. }
            | Self::Character { what, .. }
            | Self::Form { what, .. } => what,
        }
    }
}

fn bounded<'a>(what: &'static str, text: &'a str, max: usize) -> Result<&'a str, NameError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(NameError::Empty { what });
    }
    let len = text.chars().count();
    if len > max {
        return Err(NameError::TooLong { what, len, max });
    }
    if let Some(index) = text.chars().position(char::is_control) {
        return Err(NameError::Character { what, position: index + 1, allowed: "no control characters" });
    }
    Ok(text)
}

/// The serial number of a token: shown as given, compared without blanks, dashes and case.
/// Leading zeros count. Further credentials of one device are `SERIAL.SLOT`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TokenSerial {
    display: String,
    normal: String,
}

impl TokenSerial {
    /// Longest serial, in characters.
    pub const MAX_CHARS: usize = 64;

    /// Reads a serial as printed, typed or scanned.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let what = "serial number";
        let display = bounded(what, text, Self::MAX_CHARS)?;
        let normal = Self::normal_form(display);
        if normal.is_empty() {
            return Err(NameError::Form { what, form: "more than blanks and dashes" });
        }
        Ok(Self { display: display.to_owned(), normal })
    }

    /// The form in which two serials are compared: no blanks, no dashes, upper case.
    pub fn normal_form(text: &str) -> String {
        text.chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'))
            .flat_map(char::to_uppercase)
            .collect()
    }

    /// As given by the vendor or the person.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// The form that is unique in a store.
    pub fn normal(&self) -> &str {
        &self.normal
    }
}

impl PartialEq for TokenSerial {
    fn eq(&self, other: &Self) -> bool {
        self.normal == other.normal
    }
}

impl Eq for TokenSerial {}

impl fmt::Display for TokenSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(String);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_name! {
    /// What a user or operator signs in with. Unique without regard to case.
    Login
}

impl Login {
    /// Reads a login: 1 to 128 characters without blanks inside or control characters.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let what = "login";
        let text = bounded(what, text, 128)?;
        if let Some(index) = text.chars().position(char::is_whitespace) {
            return Err(NameError::Character { what, position: index + 1, allowed: "no blanks" });
        }
        Ok(Self(text.to_owned()))
    }

    /// The form that is unique in a store.
    pub fn normal(&self) -> String {
        self.0.to_lowercase()
    }

    /// True for words that stand in the place of a login in addresses of pages and of the REST interface: a user
    /// who were called so could not be reached there.
    pub fn is_word_of_addresses(&self) -> bool {
        ["import", "imports", ".", ".."].contains(&self.normal().as_str())
    }
}

text_name! {
    /// The name of a resource. Unique without regard to case.
    ResourceName
}

impl ResourceName {
    /// Reads a name of 1 to 64 characters.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        bounded("resource name", text, 64).map(|t| Self(t.to_owned()))
    }

    /// The form that is unique in a store.
    pub fn normal(&self) -> String {
        self.0.to_lowercase()
    }
}

text_name! {
    /// The name of a batch. Unique without regard to case.
    BatchName
}

impl BatchName {
    /// Reads a name of 1 to 96 characters.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        bounded("batch name", text, 96).map(|t| Self(t.to_owned()))
    }

    /// The form that is unique in a store.
    pub fn normal(&self) -> String {
        self.0.to_lowercase()
    }
}

text_name! {
    /// The last part of a portal's address: 1 to 63 of `a-z 0-9 -`, not starting with `-`.
    ResourceAlias
}

impl ResourceAlias {
    /// Reads an alias. Capitals are refused, not folded: the address is printed and typed by people.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let what = "alias";
        let allowed = "small letters a to z, digits and dashes, not starting with a dash";
        let text = bounded(what, text, 63)?;
        let wrong = text
            .char_indices()
            .position(|(at, c)| !(c.is_ascii_lowercase() || c.is_ascii_digit() || (c == '-' && at > 0)));
        match wrong {
            Some(index) => Err(NameError::Character { what, position: index + 1, allowed }),
            None => Ok(Self(text.to_owned())),
        }
    }
}

text_name! {
    /// A mail address. Not shown in logs.
    EmailAddress
}

impl EmailAddress {
    /// Reads an address: something before and after one `@`, a dot or `localhost` behind it, no blanks,
    /// at most 254 characters. Whether it is reachable only a mail can tell.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let what = "e-mail address";
        let text = bounded(what, text, 254)?;
        let form = "like name@example.org";
        let (local, domain) = text.rsplit_once('@').ok_or(NameError::Form { what, form })?;
        let plain =
            |s: &str| !s.chars().any(|c| c.is_whitespace() || matches!(c, '<' | '>' | '"' | ',' | ';' | '@'));
        let domain_ok = domain == "localhost"
            || (domain.contains('.')
                && !domain.starts_with('.')
                && !domain.ends_with('.')
                && !domain.contains(".."));
        if local.is_empty() || local.len() > 64 || !plain(local) || !plain(domain) || !domain_ok {
            return Err(NameError::Form { what, form });
        }
        Ok(Self(text.to_owned()))
    }

    /// The address with most of its letters hidden: `a…@example.org`, for pages that hint where a code went.
    pub fn hint(&self) -> String {
        let (local, domain) = self.0.rsplit_once('@').unwrap_or(("", &self.0));
        format!("{}…@{domain}", local.chars().take(1).collect::<String>())
    }
}

text_name! {
    /// A phone number in E.164 form: `+` and 7 to 15 digits.
    PhoneNumber
}

impl PhoneNumber {
    /// Reads a number with country code; blanks, dashes, dots and brackets are dropped, a leading `00` becomes `+`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let what = "phone number";
        let form = "a number with country code, like +49 30 123456";
        let text = bounded(what, text, 40)?;
        let plain: String =
            text.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/')).collect();
        let digits = plain.strip_prefix('+').or_else(|| plain.strip_prefix("00")).unwrap_or("");
        if !(7..=15).contains(&digits.len())
            || !digits.bytes().all(|b| b.is_ascii_digit())
            || digits.starts_with('0')
        {
            return Err(NameError::Form { what, form });
        }
        Ok(Self(format!("+{digits}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_compare_without_blanks_dashes_and_case() {
        let printed = TokenSerial::parse(" 87-123 4567 ").expect("a serial");
        assert_eq!((printed.display(), printed.normal()), ("87-123 4567", "871234567"));
        assert_eq!(printed, TokenSerial::parse("871234567").expect("a serial"));
        assert_ne!(
            TokenSerial::parse("0042").expect("a serial"),
            TokenSerial::parse("42").expect("a serial")
        );
        assert_eq!(TokenSerial::parse("exht1").expect("a serial").normal(), "EXHT1");
        assert!(TokenSerial::parse("- -").is_err());
    }

    #[test]
    fn alias_refuses_capitals_with_the_position() {
        assert_eq!(ResourceAlias::parse("vpn-2").expect("fits").as_str(), "vpn-2");
        assert!(matches!(ResourceAlias::parse("vPn"), Err(NameError::Character { position: 2, .. })));
        assert!(matches!(ResourceAlias::parse("-vpn"), Err(NameError::Character { position: 1, .. })));
        assert!(ResourceAlias::parse(&"a".repeat(64)).is_err());
    }

    #[test]
    fn mail_addresses() {
        assert_eq!(EmailAddress::parse("anna@example.org").expect("fits").hint(), "a…@example.org");
        for wrong in ["anna", "@example.org", "a b@example.org", "a@example", "a@b@example.org", "a@.org"] {
            assert!(EmailAddress::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn phone_numbers_become_e164() {
        assert_eq!(PhoneNumber::parse("0049 (30) 12-34-56").expect("fits").as_str(), "+4930123456");
        assert!(PhoneNumber::parse("030 123456").is_err());
    }
}
