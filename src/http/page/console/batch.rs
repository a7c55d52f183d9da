//! Batches: the list, and one batch with its custody and its resources.

use askama::Template;

use crate::http::page::{Badge, Choice, Fact, Field, Moment, Notice, Page, Pager};
#[cfg(test)]
use crate::http::page::{Flash, Tone};

/// One row of the list of batches.
#[derive(Debug, Clone)]
pub struct BatchRow {
    /// Its name.
    pub name: String,
    /// "PSKC, Feitian c200, TOTP".
    pub what: String,
    /// How many tokens, grouped.
    pub tokens: String,
    /// Its state.
    pub state: Badge,
    /// The resources it stands on, with commas between.
    pub resources: String,
    /// How many are not yet confirmed, grouped.
    pub unconfirmed: String,
    /// When it came in.
    pub imported: Moment,
}

/// The list of batches.
#[derive(Debug, Template)]
#[template(path = "console/batches.html")]
pub struct Batches {
    /// The frame.
    pub page: Page,
    /// What is searched for.
    pub q: String,
    /// One page of rows.
    pub rows: Vec<BatchRow>,
    /// Where in the list.
    pub pager: Pager,
}

impl Batches {
    /// Three batches.
    #[cfg(test)]
    pub fn sample() -> Self {
        let row = |name: &str, tokens: &str, resources: &str, state: Badge, unconfirmed: &str| BatchRow {
            name: name.into(),
            what: "PSKC, Feitian c200, TOTP".into(),
            tokens: tokens.into(),
            state,
            resources: resources.into(),
            unconfirmed: unconfirmed.into(),
            imported: Moment::new("yesterday 14:05", "2026-01-01T14:05:11Z"),
        };
        Self {
            page: Page {
                flash: Some(Flash { kind: Tone::Good, text: "Batch FT-2026-01 stands on VPN now.".into() }),
                ..Page::sample("Batches", "batches")
            },
            q: String::new(),
            rows: vec![
                row("FT-2026-01", "500", "VPN", Badge::new(Tone::Good, "On a resource"), "38"),
                row("FT-2025-11", "1,000", "", Badge::with_icon(Tone::Neutral, "package", "In stock"), "0"),
                row("molto-spares", "12", "Mail", Badge::new(Tone::Attention, "One conflict"), "2"),
            ],
            pager: Pager { words: "3 batches".into(), ..Pager::default() },
        }
    }
}

/// How many tokens of a batch are in one place.
#[derive(Debug, Clone)]
pub struct CustodyCount {
    /// The place.
    pub badge: Badge,
    /// How many, grouped.
    pub count: String,
    /// The list of these tokens.
    pub href: String,
}

/// A resource that a batch stands on.
#[derive(Debug, Clone)]
pub struct BatchPlace {
    /// Its name.
    pub resource: String,
    /// "500 tokens, 462 confirmed".
    pub words: String,
    /// Whether it can still be taken back.
    pub can_undo: bool,
}

/// One batch.
#[derive(Debug, Template)]
#[template(path = "console/batch.html")]
pub struct Batch {
    /// The frame.
    pub page: Page,
    /// Its name.
    pub name: String,
    /// What it is, in a sentence.
    pub words: String,
    /// Its state.
    pub state: Badge,
    /// What the last step says.
    pub notice: Option<Notice>,
    /// Its tokens by custody.
    pub custody: Vec<CustodyCount>,
    /// Where it came from.
    pub facts: Vec<Fact>,
    /// The resources it can be given to.
    pub resources: Vec<Choice>,
    /// Serial ranges or a pasted list.
    pub serials: Field,
    /// What giving them would change; the next post then carries `confirmed=true`.
    pub preview: Option<Notice>,
    /// Where it stands.
    pub on: Vec<BatchPlace>,
}

impl Batch {
    /// A batch of 500 on one resource.
    #[cfg(test)]
    pub fn sample() -> Self {
        let count = |badge: Badge, count: &str, custody: &str| CustodyCount {
            badge,
            count: count.into(),
            href: format!("/admin/tokens?batch=FT-2026-01&custody={custody}"),
        };
        Self {
            page: Page::sample("Batch FT-2026-01", "batches"),
            name: "FT-2026-01".into(),
            words: "500 TOTP tokens of Feitian c200, imported yesterday 14:05 by ada.".into(),
            state: Badge::new(Tone::Good, "On a resource"),
            notice: None,
            custody: vec![
                count(Badge::with_icon(Tone::Neutral, "package", "In stock"), "12", "in_stock"),
                count(Badge::with_icon(Tone::Neutral, "network", "Assigned"), "26", "assigned"),
                count(Badge::with_icon(Tone::Neutral, "hand-helping", "Handed out"), "0", "handed_out"),
                count(Badge::with_icon(Tone::Good, "badge-check", "Confirmed"), "460", "confirmed"),
                count(Badge::with_icon(Tone::Bad, "circle-question-mark", "Lost"), "2", "lost"),
            ],
            facts: vec![
                Fact::new("File", "feitian-c200-500.xml"),
                Fact::new("Format", "PSKC, protected by a passphrase"),
                Fact::new("Imported", "yesterday 14:05 by ada"),
                Fact::new("File's SHA-256", "9f2c61d8a07be1450c3d").copied(),
            ],
            resources: Choice::list(&[("VPN", "VPN"), ("Mail", "Mail")], "Mail"),
            serials: Field::of("87-1234001 to 87-1234012"),
            preview: Some(Notice::new(
                Tone::Neutral,
                "12 tokens would stand on Mail.",
                "None of them stands on another resource.",
            )),
            on: vec![BatchPlace {
                resource: "VPN".into(),
                words: "488 tokens, 460 confirmed".into(),
                can_undo: true,
            }],
        }
    }
}
