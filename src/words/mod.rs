//! What people read, in their language. The texts stand in Fluent files, one folder for each language.
//!
//! A message has an id and may have variables; `tests/it/words.rs` sees to it that every message which the
//! code names is there in every language, with the same variables, and that none is left over.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use unic_langid::LanguageIdentifier;

pub use fluent_bundle::FluentValue as Value;

use crate::model::Language;

mod environment;
mod time;

/// The files of a language.
macro_rules! files {
    ($tag:literal) => {
        &[
            include_str!(concat!("../../languages/", $tag, "/mail.ftl")),
            include_str!(concat!("../../languages/", $tag, "/page.ftl")),
            include_str!(concat!("../../languages/", $tag, "/profile.ftl")),
            include_str!(concat!("../../languages/", $tag, "/restore.ftl")),
            include_str!(concat!("../../languages/", $tag, "/sign-in.ftl")),
            include_str!(concat!("../../languages/", $tag, "/time.ftl")),
            include_str!(concat!("../../languages/", $tag, "/token.ftl")),
        ]
    };
}

/// What only operators read is in English alone.
const OPERATOR: [&str; 12] = [
    include_str!("../../languages/en/operator/batch.ftl"),
    include_str!("../../languages/en/operator/diagnosis.ftl"),
    include_str!("../../languages/en/operator/drift.ftl"),
    include_str!("../../languages/en/operator/frame.ftl"),
    include_str!("../../languages/en/operator/issue.ftl"),
    include_str!("../../languages/en/operator/models.ftl"),
    include_str!("../../languages/en/operator/scan.ftl"),
    include_str!("../../languages/en/operator/station.ftl"),
    include_str!("../../languages/en/operator/token.ftl"),
    include_str!("../../languages/en/operator/device.ftl"),
    include_str!("../../languages/en/operator/tray.ftl"),
    include_str!("../../languages/en/operator/user.ftl"),
];

type Bundle = FluentBundle<FluentResource>;

static BUNDLES: LazyLock<[Bundle; 5]> = LazyLock::new(|| {
    Language::ALL.map(|language| {
        bundle(
            language,
            match language {
                Language::English => files!("en"),
                Language::German => files!("de"),
                Language::Ukrainian => files!("uk"),
                Language::French => files!("fr"),
                Language::Spanish => files!("es"),
            },
        )
    })
});

/// What cannot be read is left out; the tests do not let that pass.
fn bundle(language: Language, files: &[&str]) -> Bundle {
    let tag = language.tag().parse::<LanguageIdentifier>().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![tag]);
    // All these languages are written from left to right, and so is what stands in their variables.
    bundle.set_use_isolating(false);
    let more: &[&str] = if language == Language::English { &OPERATOR } else { &[] };
    for file in files.iter().chain(more) {
        let resource = FluentResource::try_new((*file).to_owned()).unwrap_or_else(|(readable, _)| readable);
        bundle.add_resource_overriding(resource);
    }
    bundle
}

/// The texts of a language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words(Language);

impl Words {
    /// What operators read.
    pub const ENGLISH: Self = Self(Language::English);

    /// The texts of this language.
    pub const fn of(language: Language) -> Self {
        Self(language)
    }

    /// Which language it is.
    pub const fn language(self) -> Language {
        self.0
    }

    /// A message without variables. `message.attribute` is what goes with it elsewhere, such as the subject of a
    /// mail.
    pub fn text(self, id: &str) -> String {
        self.format(id, None)
    }

    /// A message with its variables.
    pub fn with(self, id: &str, variables: &[(&'static str, Value<'_>)]) -> String {
        let mut args = FluentArgs::with_capacity(variables.len());
        for (name, value) in variables {
            args.set(*name, value.clone());
        }
        self.format(id, Some(&args))
    }

    /// Whether there is such a message.
    pub fn has(id: &str) -> bool {
        BUNDLES[Language::English as usize].has_message(id)
    }

    /// A message that is nowhere shows its id: better than a page that fails.
    fn format(self, id: &str, args: Option<&FluentArgs<'_>>) -> String {
        let (message_id, attribute) = match id.split_once('.') {
            Some((message, attribute)) => (message, Some(attribute)),
            None => (id, None),
        };
        for language in [self.0, Language::English] {
            let bundle = &BUNDLES[language as usize];
            let Some(message) = bundle.get_message(message_id) else { continue };
            let pattern = match attribute {
                Some(name) => message.get_attribute(name).map(|attribute| attribute.value()),
                None => message.value(),
            };
            let Some(pattern) = pattern else { continue };
            let mut problems = Vec::new();
            let text = bundle.format_pattern(pattern, args, &mut problems).into_owned();
            debug_assert!(problems.is_empty(), "{}, {id}: {problems:?}", language.tag());
            return text;
        }
        debug_assert!(false, "there is no message {id}");
        id.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_follow_the_language() {
        let days = |language, days: u64| Words::of(language).duration(days * 86_400);
        assert_eq!(days(Language::English, 1), "1 day");
        assert_eq!(days(Language::English, 41), "41 days");
        assert_eq!(days(Language::Ukrainian, 1), "1 день");
        assert_eq!(days(Language::Ukrainian, 3), "3 дні");
        assert_eq!(days(Language::Ukrainian, 41), "41 день");
        assert_eq!(days(Language::Ukrainian, 12), "12 днів");
        assert_eq!(days(Language::German, 2), "2 Tage");
    }
}
