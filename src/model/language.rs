//! The languages that people read here.

use serde::{Deserialize, Serialize};

/// A language of portal and mails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// German.
    German,
    /// Ukrainian.
    Ukrainian,
    /// French.
    French,
    /// Spanish.
    Spanish,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::English, Self::German, Self::Ukrainian, Self::French, Self::Spanish];

    /// The primary language subtag of BCP 47.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::Ukrainian => "uk",
            Self::French => "fr",
            Self::Spanish => "es",
        }
    }

    /// Its name in itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
            Self::Ukrainian => "Українська",
            Self::French => "Français",
            Self::Spanish => "Español",
        }
    }

    /// The language of a tag, whatever region or script stands behind its first part.
    pub fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default().trim();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The language that an `Accept-Language` header (RFC 9110 section 12.5.4) likes best among those that are
    /// here; among equals the one named first. A weight that cannot be read counts as none.
    pub fn liked_best(header: &str) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        for range in header.split(',').take(32) {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let Some(language) = Self::of_tag(tag) else { continue };
            let weight = weight(parameters);
            if weight > 0 && best.is_none_or(|(most, _)| weight > most) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

/// A weight in thousandths; without one it is one.
fn weight(parameters: &str) -> u16 {
    let Some(text) = parameters.trim().strip_prefix("q=") else {
        return if parameters.trim().is_empty() { 1_000 } else { 0 };
    };
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let fits = part.len() <= 3 && part.bytes().all(|digit| digit.is_ascii_digit());
    match (whole, fits) {
        ("1", true) if part.bytes().all(|digit| digit == b'0') => 1_000,
        ("0", true) => format!("{part:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_says_what_it_likes_best() {
        let cases = [
            ("uk-UA,uk;q=0.9,en;q=0.8", Some(Language::Ukrainian)),
            ("en;q=0.5, de-AT;q=0.7", Some(Language::German)),
            ("it, fr;q=0.3, *;q=0.1", Some(Language::French)),
            ("es;q=0.5,de;q=0.5", Some(Language::Spanish)),
            ("DE", Some(Language::German)),
            ("de;q=0, es;q=0.001", Some(Language::Spanish)),
            ("de;q=nonsense, fr;q=1.000", Some(Language::French)),
            ("de;q=1.5, fr;level=1, es;q=0.0001", None),
            ("it", None),
            ("*", None),
            ("", None),
            (";;;,,,q=1", None),
        ];
        for (header, language) in cases {
            assert_eq!(Language::liked_best(header), language, "{header}");
        }
    }

    #[test]
    fn tags_lead_to_their_languages() {
        for language in Language::ALL {
            assert_eq!(Language::of_tag(language.tag()), Some(language));
        }
        assert_eq!(Language::of_tag("pt-BR"), None);
    }
}
