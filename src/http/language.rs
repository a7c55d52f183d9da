//! In which language the portal speaks to a browser: the one chosen in it, else the one that the browser likes
//! best, else the one on the person's record, which their mails follow.

use axum::http::{HeaderMap, HeaderValue, header};

use super::auth::Caller;
use crate::model::Language;
use crate::words::Words;

/// A year: who chose a language meets it again.
const LIVES_SECS: u32 = 365 * 86_400;

/// It tells nothing that must be kept, so it needs no other name where there is no TLS.
const COOKIE: &str = "mintmark-language";

/// The language that was chosen in this browser.
pub fn chosen(headers: &HeaderMap) -> Option<Language> {
    let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).and_then(|(_, tag)| Language::of_tag(tag))
}

/// The header that keeps a choice.
pub fn keep(language: Language, secure: bool) -> HeaderValue {
    let flags = if secure { "; Secure" } else { "" };
    let tag = language.tag();
    let text = format!("{COOKIE}={tag}; Path=/; Max-Age={LIVES_SECS}; HttpOnly; SameSite=Strict{flags}");
    HeaderValue::from_str(&text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// The words for whoever sent these headers, before anything else is known of them.
pub fn of_browser(headers: &HeaderMap) -> Words {
    let liked = || headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok().and_then(Language::liked_best);
    Words::of(chosen(headers).or_else(liked).unwrap_or_default())
}

impl Caller {
    /// The language of this browser, as far as it is known.
    pub fn reads(&self) -> Option<Language> {
        self.language.or_else(|| Language::liked_best(&self.says.languages))
    }

    /// The words for this caller; `on_record` is the language of who is signed in.
    pub fn words(&self, on_record: Option<Language>) -> Words {
        Words::of(self.reads().or(on_record).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookie: &'static str, liked: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, HeaderValue::from_static(cookie));
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static(liked));
        headers
    }

    #[test]
    fn a_choice_counts_more_than_what_the_browser_likes() {
        let of = |cookie, liked| of_browser(&headers(cookie, liked)).language();
        assert_eq!(of("mintmark-language=de", "uk"), Language::German);
        assert_eq!(of("a=b; mintmark-language=fr; c=d", ""), Language::French);
        assert_eq!(of("mintmark-language=xx", "uk"), Language::Ukrainian);
        assert_eq!(of("", "it"), Language::English);
    }

    #[test]
    fn a_choice_is_kept_as_its_tag() {
        let kept = keep(Language::Spanish, true);
        let text = kept.to_str().expect("text");
        assert!(text.starts_with("mintmark-language=es; ") && text.ends_with("; Secure"), "{text}");
    }
}
