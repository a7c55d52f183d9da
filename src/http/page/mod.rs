//! The pages as data: one context struct for each template, filled by the handlers.
//!
//! Contexts hold finished words and numbers, no domain types: dates are already "yesterday 14:05", counts are
//! already grouped. What a page needs to decide on is an enum. Every context has a `sample()`.

use std::fmt;

use askama::Template;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::http::permission::Permission;
use crate::model::{Language, Role};
use crate::oath::CodeShape;
use crate::words::{Value, Words};

pub mod asset;
pub mod chart;
pub mod console;
pub mod device;
pub mod icon;
pub mod models;
pub mod portal;
pub mod setup;
pub mod station;
pub mod tray;

/// What every page's frame shows.
#[derive(Debug, Clone, Default)]
pub struct Page {
    /// The page's name in the browser's tab, without the product's name.
    pub title: String,
    /// Changes whenever an asset changes; part of each asset's address.
    pub asset_version: String,
    /// The words of the banner of a demonstration or rehearsal store.
    pub store_mark: Option<String>,
    /// Who is signed in, if anybody is.
    pub signed_in: Option<SignedIn>,
    /// The token that each form of this page sends back.
    pub form_token: String,
    /// What the last step did, shown once.
    pub flash: Option<Flash>,
    /// The entry of the navigation that this page belongs to.
    pub nav: &'static str,
    /// The role of the operator at the other end, which decides what the page offers.
    pub role: Option<Role>,
    /// User issues that wait, for the corner with the operator's name.
    pub open_issues: usize,
    /// The texts of its language.
    pub words: Words,
    /// The scanners of the workstation, on pages of the station.
    pub scans: Option<Box<station::Scans>>,
}

impl Page {
    /// A text of this page's language.
    pub fn say(&self, id: &str) -> String {
        self.words.text(id)
    }

    /// The same with the one variable that the text has.
    pub fn tell(&self, id: &str, variable: &'static str, value: &str) -> String {
        self.words.with(id, &[(variable, Value::from(value))])
    }

    /// The languages that can be chosen.
    pub fn languages(&self) -> [Language; 5] {
        Language::ALL
    }

    /// The language tag of the page.
    pub fn language(&self) -> &'static str {
        self.words.language().tag()
    }

    fn may(&self, what: Permission) -> bool {
        self.role.is_some_and(|role| what.allows(role))
    }

    /// Whether to offer what only admins do.
    pub fn may_administer(&self) -> bool {
        self.may(Permission::Administer)
    }

    /// Whether to offer the audit log.
    pub fn may_audit(&self) -> bool {
        self.may(Permission::Audit)
    }

    /// Whether to offer checking a code.
    pub fn may_check(&self) -> bool {
        self.may(Permission::Check)
    }

    /// Whether to offer bringing a token back.
    pub fn may_resync(&self) -> bool {
        self.may(Permission::Resync)
    }

    /// Whether to offer moving a token to another place.
    pub fn may_move(&self) -> bool {
        self.may(Permission::Custody)
    }

    /// Whether to offer switching a token off.
    pub fn may_disable(&self) -> bool {
        self.may(Permission::Disable)
    }

    /// Whether to offer removing a forgotten PIN.
    pub fn may_remove_pin(&self) -> bool {
        self.may(Permission::RemovePin)
    }

    /// Whether to offer emergency codes.
    pub fn may_issue_code(&self) -> bool {
        self.may(Permission::EmergencyCode)
    }

    /// Whether to offer clearing failures.
    pub fn may_unblock(&self) -> bool {
        self.may(Permission::Unblock)
    }

    /// A signed-in page of a demonstration store.
    #[cfg(test)]
    pub fn sample(title: &str, nav: &'static str) -> Self {
        Self {
            title: title.into(),
            asset_version: "sample".into(),
            store_mark: Some("Demonstration: the tokens and people in this store are invented.".into()),
            signed_in: Some(SignedIn {
                name: "Ada Mint".into(),
                role: "admin".into(),
                form_token: "sample-form-token".into(),
            }),
            form_token: "sample-form-token".into(),
            flash: None,
            nav,
            role: Some(Role::Admin),
            open_issues: 2,
            words: Words::ENGLISH,
            scans: None,
        }
    }

    /// A page before anybody has signed in.
    #[cfg(test)]
    pub fn sample_outside(title: &str) -> Self {
        Self { signed_in: None, ..Self::sample(title, "") }
    }
}

/// The operator or user at the other end.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The name or login shown in the corner.
    pub name: String,
    /// The operator's role in words; empty in the portal.
    pub role: String,
    /// The token that the sign-out form sends back.
    pub form_token: String,
}

impl SignedIn {
    /// A user of the portal, for samples.
    pub fn portal(login: &str) -> Option<Self> {
        Some(Self { name: login.into(), role: String::new(), form_token: "sample-form-token".into() })
    }
}

/// Sign-in of operators.
#[derive(Debug, Template)]
#[template(path = "sign_in.html")]
pub struct SignIn {
    /// The frame.
    pub page: Page,
    /// The login as typed.
    pub login: Field,
    /// The password field; its value is never filled in.
    pub password: Field,
    /// Why the last try did not work.
    pub problem: Option<Notice>,
}

impl SignIn {
    /// The page after a try that did not fit.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample_outside("Sign in"),
            login: Field::of("ada"),
            password: Field::default(),
            problem: Some(Notice::new(
                Tone::Bad,
                "Login and password do not fit together.",
                "Check both and try again. After five tries there is a short wait.",
            )),
        }
    }
}

/// A page that only says something: an address that leads nowhere, a refusal, a fault.
#[derive(Debug, Template)]
#[template(path = "message.html")]
pub struct Message {
    /// The frame.
    pub page: Page,
    /// What to say: the title becomes the heading.
    pub notice: Notice,
    /// Where to go on, if anywhere.
    pub back: Option<String>,
    /// The words of that link.
    pub back_label: String,
    /// Finds the request in the log; empty when it is of no use.
    pub request_id: String,
}

impl Message {
    /// An address that leads nowhere.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample_outside("Nothing here"),
            notice: Notice::new(
                Tone::Neutral,
                "There is nothing at this address",
                "It may have been renamed or deleted, or it belongs to another resource.",
            ),
            back: Some("/".into()),
            back_label: "To the start".into(),
            request_id: "7f3a-19c2".into(),
        }
    }
}

/// What a message, badge or banner means. Always shown as icon and word beside the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// It worked; it is as it should be.
    Good,
    /// Somebody should look.
    Attention,
    /// It did not work; something is lost or stopped.
    Bad,
    /// It is so.
    #[default]
    Neutral,
}

impl Tone {
    /// The name used in class names and data attributes.
    pub fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Attention => "attention",
            Self::Bad => "bad",
            Self::Neutral => "neutral",
        }
    }

    /// The icon that stands for this meaning.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Good => "circle-check",
            Self::Attention => "triangle-alert",
            Self::Bad => "circle-x",
            Self::Neutral => "info",
        }
    }

    /// The station's sound for this meaning.
    pub fn sound(self) -> &'static str {
        match self {
            Self::Good => "done",
            Self::Attention | Self::Neutral => "look",
            Self::Bad => "wrong",
        }
    }
}

/// What the last step did.
#[derive(Debug, Clone)]
pub struct Flash {
    /// What it means.
    pub kind: Tone,
    /// One or two sentences.
    pub text: String,
}

/// A message inside a page.
#[derive(Debug, Clone)]
pub struct Notice {
    /// What it means.
    pub tone: Tone,
    /// What happened, in a few words.
    pub title: String,
    /// What it means and what to do; may be empty.
    pub text: String,
}

impl Notice {
    /// A notice from its three parts.
    pub fn new(tone: Tone, title: &str, text: &str) -> Self {
        Self { tone, title: title.into(), text: text.into() }
    }

    /// A message and its attribute `text`.
    pub fn say(tone: Tone, words: Words, id: &str) -> Self {
        Self::tell(tone, words, id, &[])
    }

    /// The same with variables, for both of them.
    pub fn tell(tone: Tone, words: Words, id: &str, variables: &[(&'static str, Value<'_>)]) -> Self {
        let text = words.with(&format!("{id}.text"), variables);
        Self { tone, title: words.with(id, variables), text }
    }

    /// The same at the right of the page.
    #[must_use]
    pub fn into_flash(self) -> Flash {
        Flash { kind: self.tone, text: format!("{}. {}", self.title, self.text) }
    }
}

/// What was typed into a field, and what is wrong with it.
#[derive(Debug, Clone, Default)]
pub struct Field {
    /// The value shown in the field. Stays empty for passwords and codes.
    pub value: String,
    /// What to do about it.
    pub error: Option<String>,
}

impl Field {
    /// A field that holds a value.
    pub fn of(value: &str) -> Self {
        Self { value: value.into(), error: None }
    }

    /// A field whose value cannot be used.
    pub fn wrong(value: &str, error: &str) -> Self {
        Self { value: value.into(), error: Some(error.into()) }
    }
}

/// One entry of a selection.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What people read.
    pub label: String,
    /// Whether it is chosen now.
    pub selected: bool,
}

impl Choice {
    /// Choices from pairs of value and label; `selected` is the chosen value.
    pub fn list(pairs: &[(&str, &str)], selected: &str) -> Vec<Self> {
        pairs
            .iter()
            .map(|(value, label)| Self {
                value: (*value).into(),
                label: (*label).into(),
                selected: *value == selected,
            })
            .collect()
    }

    /// The same from pairs of value and message.
    pub fn say(words: Words, pairs: &[(&str, &str)], selected: &str) -> Vec<Self> {
        let labels: Vec<_> = pairs.iter().map(|(value, id)| (*value, words.text(id))).collect();
        let pairs: Vec<_> = labels.iter().map(|(value, label)| (*value, label.as_str())).collect();
        Self::list(&pairs, selected)
    }
}

/// A state as icon and word.
#[derive(Debug, Clone)]
pub struct Badge {
    /// What it means.
    pub tone: Tone,
    /// The name of an icon.
    pub icon: &'static str,
    /// The word.
    pub text: String,
}

impl Badge {
    /// A badge with the icon of its meaning.
    pub fn new(tone: Tone, text: &str) -> Self {
        Self::with_icon(tone, tone.icon(), text)
    }

    /// A badge with an icon of its own.
    pub fn with_icon(tone: Tone, icon: &'static str, text: &str) -> Self {
        Self { tone, icon, text: text.into() }
    }
}

/// A point in time for people, and exactly.
#[derive(Debug, Clone, Default)]
pub struct Moment {
    /// "yesterday 14:05".
    pub words: String,
    /// RFC 3339, for `datetime` and `title`.
    pub exact: String,
}

impl Moment {
    /// A moment from its two forms.
    pub fn new(words: &str, exact: &str) -> Self {
        Self { words: words.into(), exact: exact.into() }
    }
}

/// One line of a list of facts.
#[derive(Debug, Clone)]
pub struct Fact {
    /// What it is.
    pub term: String,
    /// Its value in words.
    pub value: String,
    /// The exact value, shown when pointed at; may be empty. In RFC 3339 it makes the value a moment.
    pub exact: String,
    /// Whether a button copies the value.
    pub copy: bool,
    /// Where the value leads, if anywhere.
    pub href: Option<String>,
}

impl Fact {
    /// A plain fact.
    pub fn new(term: &str, value: &str) -> Self {
        Self { term: term.into(), value: value.into(), exact: String::new(), copy: false, href: None }
    }

    /// The same fact with a button that copies its value.
    #[must_use]
    pub fn copied(mut self) -> Self {
        self.copy = true;
        self
    }

    /// The same fact, leading to a page.
    #[must_use]
    pub fn to(mut self, href: &str) -> Self {
        self.href = Some(href.into());
        self
    }
}

/// One thing that happened, in a history.
#[derive(Debug, Clone)]
pub struct Event {
    /// What it means.
    pub tone: Tone,
    /// The name of an icon.
    pub icon: &'static str,
    /// What happened.
    pub what: String,
    /// Who did it, from where; may be empty.
    pub who: String,
    /// When.
    pub when: Moment,
}

/// Where in a long list this page stands.
#[derive(Debug, Clone, Default)]
pub struct Pager {
    /// "1 to 50 of 1,240 tokens"; empty when nothing needs saying.
    pub words: String,
    /// The address of the page before.
    pub previous: Option<String>,
    /// The address of the page after.
    pub next: Option<String>,
}

/// The ring that runs with a token's time step.
#[derive(Debug, Clone)]
pub struct Ring {
    /// Length of the step in seconds.
    pub step_secs: u32,
    /// The server's time in Unix seconds (plus the token's known drift), as a decimal number.
    pub server_now: String,
}

impl Ring {
    /// A ring of 30 seconds.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self { step_secs: 30, server_now: "1767225612.5".into() }
    }
}

/// One code that a form asks for.
#[derive(Debug, Clone)]
pub struct Code {
    /// The field's name: `otp1`, `otp2` …
    pub name: String,
    /// "First code", "Next code" …
    pub label: String,
    /// The challenge to type into the token first, for tokens with a keypad.
    pub challenge: Option<String>,
    /// Letters may be typed, or are typed by a key: no keyboard of digits is asked for.
    pub letters: bool,
    /// What is wrong with it. Codes themselves are never shown again.
    pub error: Option<String>,
}

impl Code {
    /// The fields for codes that are made like this.
    #[must_use]
    pub fn shaped(fields: Vec<Self>, shape: Option<CodeShape>) -> Vec<Self> {
        let letters = matches!(shape, Some(CodeShape::Hex | CodeShape::Modhex));
        fields.into_iter().map(|field| Self { letters, ..field }).collect()
    }

    /// As many empty code fields as asked, named and labelled in order.
    pub fn fields(words: Words, count: usize) -> Vec<Self> {
        (1..=count)
            .map(|n| Self {
                name: format!("otp{n}"),
                label: match n {
                    1 => words.text("code-first"),
                    2 => words.text("code-next"),
                    3 => words.text("code-third"),
                    _ => words.with("code-nth", &[("nth", n.into())]),
                },
                challenge: None,
                letters: false,
                error: None,
            })
            .collect()
    }
}

/// One action of the portal, as its row shows it. Also used by the preview in the console.
#[derive(Debug, Clone)]
pub struct ActionRow {
    /// Where it leads.
    pub href: String,
    /// The name of an icon.
    pub icon: &'static str,
    /// What it is called.
    pub title: String,
    /// What it does, in one line.
    pub line: String,
}

impl ActionRow {
    /// The rows of a portal with three actions.
    #[cfg(test)]
    pub fn samples() -> Vec<Self> {
        [
            (
                "/selfservice/portal/tokens/confirm",
                "badge-check",
                "Existing Token Registration",
                "You have received a token: make it yours.",
            ),
            (
                "/selfservice/portal/tokens/synchronize",
                "refresh-cw",
                "Token Synchronization",
                "Your codes are refused: bring the token back in time.",
            ),
            (
                "/selfservice/portal/password",
                "key-round",
                "Change Password",
                "Choose a new password; the old one is asked first.",
            ),
        ]
        .into_iter()
        .map(|(href, icon, title, line)| Self {
            href: href.into(),
            icon,
            title: title.into(),
            line: line.into(),
        })
        .collect()
    }
}

/// Everything but letters, digits and `-._~` is encoded in a part of a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A name or serial as one part of an address.
pub fn segment(text: &str) -> impl fmt::Display + '_ {
    utf8_percent_encode(text, SEGMENT)
}

#[cfg(test)]
mod tests;
