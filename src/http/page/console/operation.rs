//! Running the place: audit, operators, API keys, and the outbox of a demonstration.

use askama::Template;

#[cfg(test)]
use crate::http::page::Tone;
use crate::http::page::{Badge, Choice, Field, Moment, Notice, Page, Pager};

/// One audit record.
#[derive(Debug, Clone)]
pub struct AuditRow {
    /// When.
    pub when: Moment,
    /// Who, and from where.
    pub who: String,
    /// What was done.
    pub what: String,
    /// To what.
    pub subject: String,
    /// The page of that thing, if it has one.
    pub href: Option<String>,
    /// The reason and the figures.
    pub detail: String,
}

/// The audit log.
#[derive(Debug, Template)]
#[template(path = "console/audit.html")]
pub struct Audit {
    /// The frame.
    pub page: Page,
    /// What is searched for.
    pub q: String,
    /// The kinds of record, "any" first.
    pub actions: Vec<Choice>,
    /// One page of rows, newest first.
    pub rows: Vec<AuditRow>,
    /// Where in the log.
    pub pager: Pager,
    /// The clock contradicts the log.
    pub clock: Option<Notice>,
    /// This person may accept the clock.
    pub can_accept: bool,
    /// The answer of *Verify the chain* or *Accept the clock*.
    pub verified: Option<Notice>,
}

impl Audit {
    /// Two records, after verifying.
    #[cfg(test)]
    pub fn sample() -> Self {
        let row = |who: &str, what: &str, subject: &str, detail: &str| AuditRow {
            when: Moment::new("yesterday 09:12:04", "2026-01-01T09:12:04Z"),
            who: who.into(),
            what: what.into(),
            subject: subject.into(),
            href: Some(format!("/admin/tokens/{subject}")),
            detail: detail.into(),
        };
        Self {
            page: Page::sample("Audit", "audit"),
            q: String::new(),
            actions: Choice::list(&[("", "Any"), ("resync", "Resync"), ("confirm", "Confirm")], ""),
            rows: vec![
                row(
                    "ada (console)",
                    "Resynced",
                    "87-1234567",
                    "41 days 3 h slow, two codes, within a year; reason: person at the desk, identified",
                ),
                row(
                    "test (portal)",
                    "Confirmation refused",
                    "87-1234568",
                    "the token is held by m.berg; the user was told the usual words",
                ),
            ],
            pager: Pager {
                words: "1 to 50 of 18,204 records".into(),
                previous: None,
                next: Some("/admin/audit?cursor=50".into()),
            },
            clock: None,
            can_accept: false,
            verified: Some(Notice::new(
                Tone::Good,
                "The chain is whole.",
                "18,204 records from 1 May until now; nothing was changed, left out or put in.",
            )),
        }
    }
}

/// An operator or a key, as a row.
#[derive(Debug, Clone)]
pub struct AccessRow {
    /// The operator's login or the key's name.
    pub name: String,
    /// The role.
    pub role: String,
    /// "all", or the resources.
    pub scope: String,
    /// Active, revoked.
    pub state: Badge,
    /// Since when.
    pub since: Moment,
    /// Whether a key can be revoked.
    pub revocable: bool,
}

/// Operators.
#[derive(Debug, Template)]
#[template(path = "console/operators.html")]
pub struct Operators {
    /// The frame.
    pub page: Page,
    /// All operators.
    pub rows: Vec<AccessRow>,
    /// A new one's login.
    pub login: Field,
    /// The roles.
    pub roles: Vec<Choice>,
    /// The resources, with commas between; empty for all.
    pub scope: Field,
    /// The first password; its value is never filled in.
    pub password: Field,
}

impl Operators {
    /// Two operators.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample("Operators", "operators"),
            rows: vec![access("ada", "admin", "all"), access("hal", "helpdesk", "VPN")],
            login: Field::default(),
            roles: Choice::list(
                &[
                    ("helpdesk", "Helpdesk"),
                    ("station", "Station"),
                    ("auditor", "Auditor"),
                    ("admin", "Admin"),
                ],
                "helpdesk",
            ),
            scope: Field::default(),
            password: Field::wrong("", "This password is on the list of known ones. Choose another."),
        }
    }
}

/// A key that was just made.
#[derive(Clone)]
pub struct NewKey {
    /// Its name.
    pub name: String,
    /// The key itself, shown this once.
    pub key: String,
}

impl std::fmt::Debug for NewKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewKey").field("name", &self.name).field("key", &"..").finish()
    }
}

/// API keys.
#[derive(Debug, Template)]
#[template(path = "console/keys.html")]
pub struct Keys {
    /// The frame.
    pub page: Page,
    /// All keys.
    pub rows: Vec<AccessRow>,
    /// The one just made.
    pub created: Option<NewKey>,
    /// A new one's name.
    pub name: Field,
    /// The roles.
    pub roles: Vec<Choice>,
    /// The resources, with commas between; empty for all.
    pub scope: Field,
}

impl Keys {
    /// One key in use, one just made.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample("API keys", "keys"),
            rows: vec![AccessRow { revocable: true, ..access("vpn-gateway", "verifier", "VPN") }],
            created: Some(NewKey { name: "vpn-gateway".into(), key: "sample-key-not-a-real-one".into() }),
            name: Field::default(),
            roles: Choice::list(
                &[
                    ("verifier", "Verifier: asks whether a code is right"),
                    ("provisioner", "Provisioner: creates users"),
                ],
                "verifier",
            ),
            scope: Field::default(),
        }
    }
}

#[cfg(test)]
fn access(name: &str, role: &str, scope: &str) -> AccessRow {
    AccessRow {
        name: name.into(),
        role: role.into(),
        scope: scope.into(),
        state: Badge::new(Tone::Good, "Active"),
        since: Moment::new("yesterday 09:12", "2026-01-01T09:12:04Z"),
        revocable: false,
    }
}

/// A mail that a demonstration did not send.
#[derive(Debug, Clone)]
pub struct OutboxMail {
    /// The address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// When it would have left.
    pub when: Moment,
}

/// The outbox of a demonstration.
#[derive(Debug, Template)]
#[template(path = "console/outbox.html")]
pub struct Outbox {
    /// The frame.
    pub page: Page,
    /// Newest first.
    pub mails: Vec<OutboxMail>,
    /// Where in the list.
    pub pager: Pager,
}

impl Outbox {
    /// One mailed code.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample("Outbox", "outbox"),
            mails: vec![OutboxMail {
                to: "test@example.org".into(),
                subject: "Your code for VPN".into(),
                text: "Hello Tess,\n\nyour code is 4410 9273. It holds for 10 minutes.\n\nYou did not ask for it? Then somebody typed your login; nothing else happened.".into(),
                when: Moment::new("2 min ago", "2026-01-01T09:10:00Z"),
            }],
            pager: Pager::default(),
        }
    }
}
