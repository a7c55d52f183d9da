//! Tokens: the filterable list, and one token with its tabs.

use askama::Template;

use crate::http::page::chart::Chart;
use crate::http::page::{Badge, Choice, Code, Event, Fact, Field, Notice, Page, Pager, Ring};
#[cfg(test)]
use crate::http::page::{Moment, Tone};

/// One row of a table of tokens.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// The serial as printed.
    pub serial: String,
    /// Enabled or not.
    pub enabled: Badge,
    /// Where it is.
    pub custody: Badge,
    /// Who holds it.
    pub user: Option<String>,
    /// The resources, with commas between.
    pub resource: String,
    /// "12 s slow", "4 counters ahead"; empty while unknown.
    pub drift: String,
    /// "TOTP, 6 digits, 30 s".
    pub kind: String,
    /// The batch it came with.
    pub batch: String,
}

impl TokenRow {
    /// Four tokens in different states.
    #[cfg(test)]
    pub fn samples() -> Vec<Self> {
        let row = |serial: &str, enabled: bool, custody: Badge, user: Option<&str>, drift: &str| Self {
            serial: serial.into(),
            enabled: if enabled {
                Badge::with_icon(Tone::Good, "power", "Enabled")
            } else {
                Badge::with_icon(Tone::Bad, "ban", "Disabled")
            },
            custody,
            user: user.map(Into::into),
            resource: "VPN".into(),
            drift: drift.into(),
            kind: "TOTP, 6 digits, 30 s".into(),
            batch: "FT-2026-01".into(),
        };
        vec![
            row(
                "87-1234567",
                true,
                Badge::with_icon(Tone::Good, "badge-check", "Confirmed"),
                Some("test"),
                "12 s slow",
            ),
            row(
                "87-1234568",
                true,
                Badge::with_icon(Tone::Neutral, "hand-helping", "Handed out"),
                Some("m.berg"),
                "",
            ),
            row("87-1234569", true, Badge::with_icon(Tone::Neutral, "package", "In stock"), None, ""),
            row(
                "87-1234570",
                false,
                Badge::with_icon(Tone::Bad, "circle-question-mark", "Lost"),
                Some("p.berg"),
                "3 min fast",
            ),
        ]
    }
}

/// What the list of tokens is narrowed to. The same names stand in the address.
#[derive(Debug, Clone, Default)]
pub struct TokenFilter {
    /// Part of a serial or user.
    pub q: String,
    /// Batches, "any" first.
    pub batches: Vec<Choice>,
    /// Resources, "any" first.
    pub resources: Vec<Choice>,
    /// Places of custody, "any" first.
    pub custody: Vec<Choice>,
    /// Enabled, disabled or any.
    pub enabled: Vec<Choice>,
    /// Only those not yet confirmed.
    pub unconfirmed: bool,
}

/// The list of tokens.
#[derive(Debug, Template)]
#[template(path = "console/tokens.html")]
pub struct Tokens {
    /// The frame.
    pub page: Page,
    /// What it is narrowed to.
    pub filter: TokenFilter,
    /// One page of rows.
    pub rows: Vec<TokenRow>,
    /// Where in the list.
    pub pager: Pager,
}

impl Tokens {
    /// A page of tokens on one resource.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample("Tokens", "tokens"),
            filter: TokenFilter {
                q: "87-12".into(),
                batches: Choice::list(&[("", "Any"), ("FT-2026-01", "FT-2026-01")], ""),
                resources: Choice::list(&[("", "Any"), ("VPN", "VPN")], "VPN"),
                custody: Choice::list(
                    &[("", "Any"), ("in_stock", "In stock"), ("confirmed", "Confirmed"), ("lost", "Lost")],
                    "",
                ),
                enabled: Choice::list(&[("", "Any"), ("true", "Enabled"), ("false", "Disabled")], ""),
                unconfirmed: false,
            },
            rows: TokenRow::samples(),
            pager: Pager {
                words: "1 to 50 of 1,512 tokens".into(),
                previous: None,
                next: Some("/admin/tokens?q=87-12&cursor=50".into()),
            },
        }
    }
}

/// The tab with facts, switch and custody.
#[derive(Debug, Clone)]
pub struct Overview {
    /// The history of its clock with the forecast, once it was seen.
    pub clock: Option<Chart>,
    /// What the picture says, in sentences.
    pub clock_remarks: Vec<String>,
    /// What is known.
    pub facts: Vec<Fact>,
    /// Whether codes are accepted.
    pub is_enabled: bool,
    /// Why it is disabled; while it is not, what disabling would do.
    pub switch_words: String,
    /// The places it may go to from here.
    pub custody_choices: Vec<Choice>,
    /// The login it goes to.
    pub user: Field,
    /// A note to the change.
    pub note: Field,
    /// How it was established who asks for the PIN to go; absent while there is none.
    pub pin_note: Option<Field>,
}

/// The tab that checks one code.
#[derive(Debug, Clone)]
pub struct Check {
    /// One code field, named `otp`.
    pub codes: Vec<Code>,
    /// Runs with the token's step.
    pub ring: Option<Ring>,
    /// The last answer.
    pub result: Option<Notice>,
}

/// The tab that finds the drift.
#[derive(Debug, Clone)]
pub struct Resync {
    /// Two code fields, or three when more were asked for.
    pub codes: Vec<Code>,
    /// How far to look.
    pub windows: Vec<Choice>,
    /// How many codes may have been left out; empty where none can.
    pub left_out: Vec<Choice>,
    /// The preset, editable reason.
    pub reason: Field,
    /// Runs with the token's step.
    pub ring: Option<Ring>,
    /// The last answer.
    pub result: Option<Notice>,
}

/// The tab of a token's page that is open.
#[derive(Debug, Clone)]
pub enum TokenTab {
    /// Facts, switch, custody.
    Overview(Box<Overview>),
    /// Check one code.
    Check(Check),
    /// Find the drift.
    Resync(Resync),
    /// What happened to it, newest first.
    History(Vec<Event>),
}

impl TokenTab {
    /// Whether the overview is open.
    pub fn is_overview(&self) -> bool {
        matches!(self, Self::Overview(_))
    }

    /// Whether checking is open.
    pub fn is_check(&self) -> bool {
        matches!(self, Self::Check(_))
    }

    /// Whether resync is open.
    pub fn is_resync(&self) -> bool {
        matches!(self, Self::Resync(_))
    }

    /// Whether the history is open.
    pub fn is_history(&self) -> bool {
        matches!(self, Self::History(_))
    }
}

/// One token.
#[derive(Debug, Template)]
#[template(path = "console/token.html")]
pub struct Token {
    /// The frame.
    pub page: Page,
    /// The serial as printed.
    pub serial: String,
    /// Its state in a sentence.
    pub words: String,
    /// Enabled or not.
    pub enabled: Badge,
    /// Where it is.
    pub custody: Badge,
    /// The open tab.
    pub tab: TokenTab,
}

impl Token {
    #[cfg(test)]
    fn with(tab: TokenTab) -> Self {
        Self {
            page: Page::sample("Token 87-1234567", "tokens"),
            serial: "87-1234567".into(),
            words: "With user test since 3 May, confirmed; clock 12 s slow, fine until about March 2029."
                .into(),
            enabled: Badge::with_icon(Tone::Good, "power", "Enabled"),
            custody: Badge::with_icon(Tone::Good, "badge-check", "Confirmed"),
            tab,
        }
    }

    /// The overview.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self::with(TokenTab::Overview(Box::new(Overview {
            clock: Some(Chart::sample()),
            clock_remarks: vec!["\u{2212}4.1 ± 0.6 ppm: 2 min 10 s slow a year.".into()],
            facts: vec![
                Fact::new("Serial", "87-1234567").copied(),
                Fact::new("Kind", "TOTP, SHA-1, 6 digits, 30 s"),
                Fact::new("User", "test").to("/admin/users/test"),
                Fact::new("Resource", "VPN").to("/admin/resources/VPN"),
                Fact::new("Batch", "FT-2026-01").to("/admin/batches/FT-2026-01"),
                Fact {
                    exact: "2026-01-01T09:12:04Z".into(),
                    ..Fact::new("Last code accepted", "yesterday 09:12")
                },
                Fact { exact: "-12 s, no step".into(), ..Fact::new("Drift", "12 s slow, learned yesterday") },
                Fact::new("PIN", "none"),
            ],
            is_enabled: true,
            switch_words:
                "Disabled, its codes stop working at once; it stays assigned and keeps its history.".into(),
            custody_choices: Choice::list(
                &[("returned", "Returned"), ("lost", "Lost"), ("retired", "Retired")],
                "returned",
            ),
            user: Field::default(),
            note: Field::default(),
            pin_note: Some(Field::default()),
        })))
    }

    /// Checking, after a code that was used before.
    #[cfg(test)]
    pub fn sample_check() -> Self {
        Self::with(TokenTab::Check(Check {
            codes: vec![Code {
                name: "otp".into(),
                label: "OTP".into(),
                challenge: None,
                letters: false,
                error: None,
            }],
            ring: Some(Ring::sample()),
            result: Some(Notice::new(
                Tone::Attention,
                "Replayed",
                "This OTP was already used yesterday 09:12. Wait for the next one.",
            )),
        }))
    }

    /// Resync, after nothing was found.
    #[cfg(test)]
    pub fn sample_resync() -> Self {
        let mut codes = Code::fields(crate::words::Words::ENGLISH, 3);
        for (code, label) in codes.iter_mut().zip(["First OTP", "Next OTP", "The one after that"]) {
            code.label = label.into();
        }
        Self::with(TokenTab::Resync(Resync {
            codes,
            windows: Choice::list(
                &[
                    ("", "As far as these codes allow"),
                    ("P1D", "1 day to either side"),
                    ("P365D", "1 year to either side"),
                ],
                "",
            ),
            left_out: Choice::list(&[("", "None: one right after the other"), ("1", "Perhaps one")], ""),
            reason: Field::of("Person at the desk, identified"),
            ring: Some(Ring::sample()),
            result: Some(Notice::new(
                Tone::Bad,
                "No position within a year on either side fits.",
                "The batch says 60 s steps; with 30 s these codes fit: the file's step is probably wrong for this batch.",
            )),
        }))
    }

    /// The history.
    #[cfg(test)]
    pub fn sample_history() -> Self {
        let event = |tone, icon, what: &str, who: &str, words: &str, exact: &str| Event {
            tone,
            icon,
            what: what.into(),
            who: who.into(),
            when: Moment::new(words, exact),
        };
        Self::with(TokenTab::History(vec![
            event(
                Tone::Good,
                "check",
                "Code accepted, 12 s slow.",
                "VPN gateway",
                "yesterday 09:12",
                "2026-01-01T09:12:04Z",
            ),
            event(
                Tone::Good,
                "badge-check",
                "Confirmed for test on VPN.",
                "test, in the portal",
                "3 May 10:30",
                "2025-05-03T10:30:00Z",
            ),
            event(
                Tone::Bad,
                "x",
                "Confirmation refused: the codes do not fit.",
                "test, in the portal",
                "3 May 10:27",
                "2025-05-03T10:27:10Z",
            ),
            event(
                Tone::Neutral,
                "hand-helping",
                "Handed out to test.",
                "ada, at the station",
                "2 May 08:15",
                "2025-05-02T08:15:00Z",
            ),
            event(
                Tone::Neutral,
                "package",
                "Imported with batch FT-2026-01.",
                "ada",
                "1 May 14:05",
                "2025-05-01T14:05:00Z",
            ),
        ]))
    }
}
