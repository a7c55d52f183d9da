//! User issues: people who cannot sign in any more and ask for access.

use askama::Template;

#[cfg(test)]
use crate::http::page::Tone;
use crate::http::page::{Badge, Fact, Field, Moment, Notice, Page, Pager};

/// One of token, password and mail address: lost, proved, not proved or not there.
#[derive(Debug, Clone)]
pub struct Authenticator {
    /// The drawing of the thing.
    pub icon: &'static str,
    /// Its state, by colour, shape and word.
    pub state: Badge,
}

/// One request.
#[derive(Debug, Clone)]
pub struct IssueCard {
    /// Its number in addresses.
    pub id: u64,
    /// Whose.
    pub login: String,
    /// Their name.
    pub name: String,
    /// The number that the requester saw.
    pub reference: String,
    /// When it was made.
    pub when: Moment,
    /// Where it stands.
    pub state: Badge,
    /// Token, password, mail address.
    pub authenticators: Vec<Authenticator>,
    /// Resource, network address, contact data on record, earlier requests.
    pub facts: Vec<Fact>,
    /// Who established identity already, and how.
    pub approvals: Vec<String>,
    /// What to know before verifying.
    pub notice: Option<Notice>,
    /// It waits for a decision that the person at the other end may give.
    pub can_verify: bool,
    /// It can be thrown away.
    pub can_delete: bool,
    /// The link to the new address can be mailed again.
    pub can_mail_link: bool,
}

/// The list.
#[derive(Debug, Template)]
#[template(path = "console/user_issues.html")]
pub struct UserIssues {
    /// The frame.
    pub page: Page,
    /// Open ones first; cards when they are few.
    pub cards: Vec<IssueCard>,
    /// Rows instead of cards, when they are many.
    pub as_table: bool,
    /// Where in the list.
    pub pager: Pager,
}

/// One of them, with *Verify Identity*.
#[derive(Debug, Template)]
#[template(path = "console/user_issue.html")]
pub struct UserIssue {
    /// The frame.
    pub page: Page,
    /// The request.
    pub card: IssueCard,
    /// The number as the person tells it.
    pub reference: Field,
    /// How identity was established.
    pub note: Field,
    /// Why the last try did nothing.
    pub problem: Option<Notice>,
}

#[cfg(test)]
impl IssueCard {
    /// Everything is lost, and one operator said who it is.
    pub fn sample() -> Self {
        let one = |icon, tone, shape, text: &str| Authenticator {
            icon,
            state: Badge::with_icon(tone, shape, text),
        };
        Self {
            id: 7,
            login: "test".into(),
            name: "Tess Muster".into(),
            reference: "048-271-936".into(),
            when: Moment::new("yesterday 14:05 UTC", "2026-01-01T14:05:00Z"),
            state: Badge::with_icon(Tone::Attention, "clock", "Needs another operator"),
            authenticators: vec![
                one("key-round", Tone::Bad, "circle-x", "Token lost"),
                one("lock", Tone::Good, "circle-check", "Password proved"),
                one("mail", Tone::Neutral, "circle", "No e-mail"),
            ],
            facts: vec![
                Fact::new("Resource", "VPN"),
                Fact::new("From", "192.0.2.7, Firefox, Linux"),
                Fact::new("Phone on record", "+4930123456"),
                Fact::new("Other requests", "none"),
            ],
            approvals: vec!["operator hal, yesterday 15:00 UTC: saw the passport".into()],
            notice: Some(Notice::new(Tone::Attention, "Nothing was proved.", "Two operators verify it.")),
            can_verify: true,
            can_delete: true,
            can_mail_link: true,
        }
    }
}

#[cfg(test)]
impl UserIssues {
    /// One card.
    pub fn sample() -> Self {
        Self {
            page: Page::sample("User Issues", "user-issues"),
            cards: vec![IssueCard::sample()],
            as_table: false,
            pager: Pager { words: "1 request".into(), previous: None, next: None },
        }
    }

    /// Many.
    pub fn sample_table() -> Self {
        Self { as_table: true, ..Self::sample() }
    }

    /// None.
    pub fn sample_empty() -> Self {
        Self { cards: Vec::new(), ..Self::sample() }
    }
}

#[cfg(test)]
impl UserIssue {
    /// A number that does not fit.
    pub fn sample() -> Self {
        Self {
            page: Page::sample("User Issue", "user-issues"),
            card: IssueCard::sample(),
            reference: Field::wrong("1", "This is not the number of this request."),
            note: Field::default(),
            problem: None,
        }
    }
}
