//! The portal's pages about one's own token: setting one up, replacing it, its PIN, giving it back.

use askama::Template;

#[cfg(test)]
use super::Tone;
use super::portal::Portal;
use super::{Choice, Code, Fact, Field, Notice, Page, Ring};

/// A tab of the pages that set up a token.
#[derive(Debug, Clone)]
pub struct SetupTab {
    /// Its address.
    pub href: String,
    /// Its name.
    pub label: String,
    /// Whether it is open.
    pub here: bool,
}

impl SetupTab {
    /// The tabs of *Register New Token* with everything enabled.
    #[cfg(test)]
    pub fn samples() -> Vec<Self> {
        let tab = |name: &str, label, here| Self {
            href: format!("/selfservice/portal/tokens/register?type={name}"),
            label: String::from(label),
            here,
        };
        vec![
            tab("software", "Software", true),
            tab("hardware", "Hardware", false),
            tab("universal", "Universal", false),
        ]
    }
}

/// The sort of token whose form is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupSort {
    /// An app; its secret is made here.
    Software,
    /// A device of a known model.
    Hardware,
    /// Anything, by its secret and what it computes.
    Universal,
    /// Codes by mail.
    Mail,
}

/// The first page of setting up a token: which sort, and what must be known of it.
#[derive(Debug, Template)]
#[template(path = "portal/register.html")]
pub struct Register {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// The page's heading.
    pub heading: String,
    /// What happens, in a sentence.
    pub lead: String,
    /// The sorts that are enabled; shown when there is more than one.
    pub tabs: Vec<SetupTab>,
    /// The open one.
    pub sort: SetupSort,
    /// The word that the form sends for it.
    pub sort_name: &'static str,
    /// Where the form goes.
    pub action: String,
    /// What the user calls it.
    pub name: Field,
    /// The serial number; hardware.
    pub serial: Field,
    /// Where codes would be mailed, most of it hidden; mail.
    pub mail_hint: String,
    /// The secret; its value is never filled in.
    pub secret: Field,
    /// Models and what they compute; hardware.
    pub models: Vec<Choice>,
    /// With time, or at the press of a button; universal.
    pub kinds: Vec<Choice>,
    /// Digits of a code; universal.
    pub digits: Vec<Choice>,
    /// Hash; universal.
    pub hashes: Vec<Choice>,
    /// Seconds between two codes; universal.
    pub step: Field,
    /// Presses so far; universal.
    pub counter: Field,
    /// Why it did not go on.
    pub notice: Option<Notice>,
}

impl Register {
    #[cfg(test)]
    fn with(sort: SetupSort, sort_name: &'static str) -> Self {
        Self {
            page: Page {
                signed_in: super::SignedIn::portal("test"),
                ..Page::sample("Register New Token", "home")
            },
            portal: Portal::sample(),
            heading: "Register New Token".into(),
            lead: "Nothing is changed until a code of the new token was right.".into(),
            tabs: SetupTab::samples(),
            sort,
            sort_name,
            action: "/selfservice/portal/tokens/register".into(),
            name: Field::of("My phone"),
            serial: Field::of("86596220000001"),
            mail_hint: "t…@example.org".into(),
            secret: Field::wrong("", "The secret is too short. Check that all of it was copied."),
            models: Choice::list(
                &[("feitian-c200/0", "Feitian c200, 6 digits, a new code every 60 s")],
                "feitian-c200/0",
            ),
            kinds: Choice::list(&[("time", "With time"), ("press", "At the press of a button")], "time"),
            digits: Choice::list(&[("6", "6"), ("8", "8")], "6"),
            hashes: Choice::list(&[("sha1", "SHA-1"), ("sha256", "SHA-256")], "sha1"),
            step: Field::of("30"),
            counter: Field::of("0"),
            notice: None,
        }
    }

    /// An app on a phone.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self::with(SetupSort::Software, "software")
    }

    /// A device.
    #[cfg(test)]
    pub fn sample_hardware() -> Self {
        Self::with(SetupSort::Hardware, "hardware")
    }

    /// Codes by mail.
    #[cfg(test)]
    pub fn sample_mail() -> Self {
        Self::with(SetupSort::Mail, "mail")
    }

    /// Anything.
    #[cfg(test)]
    pub fn sample_universal() -> Self {
        Self::with(SetupSort::Universal, "universal")
    }
}

/// What an app needs: shown once, to the person it is made for.
#[derive(Clone)]
pub struct Shown {
    /// An SVG element.
    pub qr: String,
    /// The secret in groups of four.
    pub key: String,
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown")
    }
}

/// The second page: the code that proves the new token.
#[derive(Debug, Template)]
#[template(path = "portal/draft.html")]
pub struct Draft {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// The page's heading.
    pub heading: String,
    /// QR code and key, for apps.
    pub shown: Option<Shown>,
    /// Where the code went, for codes by mail: most of the address hidden; and whether one waits.
    pub mailed: Option<(String, bool)>,
    /// What it computes.
    pub facts: Vec<Fact>,
    /// The codes asked for.
    pub codes: Vec<Code>,
    /// Runs with the step; none for tokens that count presses.
    pub ring: Option<Ring>,
    /// "14:05:30 UTC": the clock here.
    pub clock: String,
    /// Until when the draft holds, in words.
    pub until: String,
    /// Why the last try did not work.
    pub notice: Option<Notice>,
}

impl Draft {
    /// An app after a code that did not fit.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page {
                signed_in: super::SignedIn::portal("test"),
                ..Page::sample("Register New Token", "home")
            },
            portal: Portal::sample(),
            heading: "Register New Token".into(),
            shown: Some(Shown {
                qr: "<svg viewBox=\"0 0 9 9\" role=\"img\" aria-label=\"QR code of the new token\"><path d=\"M4 4h1v1h-1z\"/></svg>".into(),
                key: "ABCD EFGH 2345".into(),
            }),
            mailed: None,
            facts: vec![Fact::new("Account", "test"), Fact::new("A new code every", "30 s")],
            codes: Code::fields(crate::words::Words::ENGLISH, 1),
            ring: Some(Ring::sample()),
            clock: "14:05:30 UTC".into(),
            until: "14:20 UTC".into(),
            notice: Some(Notice::new(
                Tone::Bad,
                "That code did not fit.",
                "Look at the date and time of your phone; 9 tries are left.",
            )),
        }
    }

    /// Codes by mail, while the first is on its way.
    #[cfg(test)]
    pub fn sample_mailed() -> Self {
        let facts = vec![Fact::new("Service", "VPN"), Fact::new("A new code", "by mail, at each sign-in")];
        let mailed = Some(("t…@example.org".into(), true));
        Self { shown: None, mailed, facts, ring: None, notice: None, ..Self::sample() }
    }

    /// Codes by mail, after too many mails.
    #[cfg(test)]
    pub fn sample_enough() -> Self {
        Self { mailed: Some(("t…@example.org".into(), false)), ..Self::sample_mailed() }
    }
}

/// *PIN Setup*.
#[derive(Debug, Template)]
#[template(path = "portal/pin.html")]
pub struct Pin {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// "Four digits, not all alike and not in a row."
    pub length: String,
    /// The PIN; its value is never filled in.
    pub pin: Field,
    /// Once more.
    pub again: Field,
    /// Before or after the code; empty where the resource says which.
    pub placements: Vec<Choice>,
    /// Where it stands, when the resource says so.
    pub fixed: String,
}

impl Pin {
    /// A PIN that everybody tries first.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page { signed_in: super::SignedIn::portal("test"), ..Page::sample("PIN Setup", "home") },
            portal: Portal::sample(),
            length: "Four digits, not all alike and not in a row.".into(),
            pin: Field::wrong("", "This PIN is among the first that anybody tries."),
            again: Field::default(),
            placements: Choice::list(&[("after", "After the code"), ("before", "Before the code")], "after"),
            fixed: String::new(),
        }
    }
}

/// One question before something is taken away.
#[derive(Debug, Template)]
#[template(path = "portal/sure.html")]
pub struct Sure {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// The question.
    pub heading: String,
    /// What it means.
    pub text: String,
    /// Where the form goes.
    pub action: String,
    /// The words of the button.
    pub button: String,
    /// Its icon.
    pub icon: &'static str,
    /// The words of the way back.
    pub keep: String,
}

impl Sure {
    /// *Unassign Token*.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page {
                signed_in: super::SignedIn::portal("test"),
                ..Page::sample("Unassign Token", "home")
            },
            portal: Portal::sample(),
            heading: "Give back token 87-1234567?".into(),
            text: "VPN no longer asks for its codes. You stay the only one who can register it again.".into(),
            action: "/selfservice/portal/tokens/unassign".into(),
            button: "Give it back".into(),
            icon: "undo-2",
            keep: "Keep it".into(),
        }
    }
}
