//! From where people sign in, and in what that differs from where they signed in before.

use crate::model::{Difference, TraitKind, Traits};

use super::Words;

impl Words {
    /// A trait as it is kept: mostly a name or a number, which is the same in every language.
    pub fn told(self, kept: &str) -> String {
        match kept {
            Traits::UNKNOWN => self.text("trait-unknown"),
            Traits::THIS_MACHINE => self.text("trait-this-machine"),
            named => named.to_owned(),
        }
    }

    /// "browser Chrome instead of Firefox; screen not told, it was 1280x800".
    pub fn differences(self, differences: &[Difference]) -> String {
        let each = differences.iter().map(|difference| self.difference(difference));
        let both = |all: String, next: String| {
            self.with("differs-and", &[("one", all.into()), ("other", next.into())])
        };
        each.reduce(both).unwrap_or_default()
    }

    fn difference(self, Difference { kind, now, then }: &Difference) -> String {
        let id = match kind {
            TraitKind::Browser => "differs-browser",
            TraitKind::System => "differs-system",
            TraitKind::TimeZone => "differs-time-zone",
            TraitKind::Network => "differs-network",
            TraitKind::Language => "differs-language",
            TraitKind::Screen => "differs-screen",
        };
        let then = ("then", self.told(then).into());
        if now.is_empty() {
            self.with(&format!("{id}.untold"), &[then])
        } else {
            self.with(id, &[("now", self.told(now).into()), then])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Language;

    #[test]
    fn differences_are_told_in_the_language() {
        let differ = |kind, now: &str, then: &str| Difference { kind, now: now.into(), then: then.into() };
        let differences = [
            differ(TraitKind::Browser, "Chrome", Traits::UNKNOWN),
            differ(TraitKind::Network, Traits::THIS_MACHINE, "192.0.2.0/24"),
            differ(TraitKind::Screen, "", "1280x800"),
        ];
        let told = |language| Words::of(language).differences(&differences);
        assert_eq!(
            told(Language::English),
            "browser Chrome instead of unknown; network this machine instead of 192.0.2.0/24; \
             screen not told, it was 1280x800"
        );
        assert_eq!(
            told(Language::German),
            "Browser Chrome statt unbekannt; Netz dieser Rechner statt 192.0.2.0/24; \
             Bildschirm nicht angegeben, vorher 1280x800"
        );
        assert_eq!(Words::ENGLISH.differences(&[]), "");
    }
}
