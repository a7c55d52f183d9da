//! From where a person signs in.

use askama::Template;

use super::super::{Badge, Event, Fact, Field, Notice, Page};
#[cfg(test)]
use super::super::{Moment, SignedIn, Tone};
use super::Portal;

/// One environment.
#[derive(Debug, Clone)]
pub struct EnvironmentRow {
    /// Its number.
    pub number: u32,
    /// Its name, or its browser and system.
    pub title: String,
    /// The person is here from it.
    pub is_this: bool,
    /// The person trusts it.
    pub trusted: bool,
    /// What is known of it.
    pub facts: Vec<Fact>,
    /// The name that the person gave it.
    pub name: Field,
    /// Sets the ids of its fields apart.
    pub prefix: String,
}

/// The list of environments, and the last sign-ins.
#[derive(Debug, Template)]
#[template(path = "portal/environment.html")]
pub struct Environments {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// This one first.
    pub rows: Vec<EnvironmentRow>,
    /// Marks the one that the person is here from.
    pub this: Badge,
    /// Marks those that are trusted.
    pub trusted: Badge,
    /// What unusual sign-ins lead to here, in a sentence.
    pub policy: String,
    /// Newest first.
    pub sign_ins: Vec<Event>,
    /// Something to say first.
    pub notice: Option<Notice>,
}

#[cfg(test)]
impl Environments {
    /// Two of them.
    pub fn sample() -> Self {
        let row = |number, title: &str, is_this| EnvironmentRow {
            number,
            title: title.into(),
            is_this,
            trusted: is_this,
            facts: vec![
                Fact::new("Browser", "Firefox on Linux"),
                Fact::new("Network", "192.0.2.0/24"),
                Fact::new("Alike to this one", "85 of 100: network 203.0.113.0/24 instead of 192.0.2.0/24"),
            ],
            name: Field::of(if is_this { "The laptop" } else { "" }),
            prefix: format!("e{number}-"),
        };
        Self {
            page: Page {
                signed_in: SignedIn::portal("test"),
                ..Page::sample("Manage User Environment", "home")
            },
            portal: Portal::sample(),
            rows: vec![row(2, "The laptop", true), row(1, "Safari on iOS", false)],
            this: Badge::with_icon(Tone::Good, "check", "This one"),
            trusted: Badge::with_icon(Tone::Good, "shield-check", "Trusted"),
            policy: "When a sign-in is less than 70 of 100 alike to all of these, you are told.".into(),
            sign_ins: vec![Event {
                tone: Tone::Good,
                icon: "log-in",
                what: "Signed in".into(),
                who: "from 192.0.2.7".into(),
                when: Moment::new("today 14:05 UTC", "2026-06-15T14:05:00Z"),
            }],
            notice: None,
        }
    }

    /// None yet.
    pub fn sample_empty() -> Self {
        Self { rows: Vec::new(), sign_ins: Vec::new(), ..Self::sample() }
    }
}
