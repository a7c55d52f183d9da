//! The page of all clocks.

use askama::Template;

#[cfg(test)]
use crate::http::page::Tone;
use crate::http::page::chart::Chart;
use crate::http::page::{Badge, Notice, Page};

/// A token that will leave the window of its checks.
#[derive(Debug, Clone)]
pub struct LeavingRow {
    /// The serial as printed.
    pub serial: String,
    /// Where it is.
    pub custody: Badge,
    /// Whose it is.
    pub user: Option<String>,
    /// How far its clock is off.
    pub clock: String,
    /// How fast it runs away.
    pub rate: String,
    /// When a code was last accepted.
    pub last_used: String,
    /// When it leaves.
    pub leaves: String,
}

/// All clocks.
#[derive(Debug, Template)]
#[template(path = "console/drift.html")]
pub struct Drift {
    /// The frame.
    pub page: Page,
    /// Of what moment, and how many.
    pub about: String,
    /// How many are known.
    pub known: String,
    /// The server's clock is in doubt.
    pub doubt: Option<Notice>,
    /// By offset; absent while no clock is known.
    pub offsets: Option<Chart>,
    /// By rate; absent while no rate is known.
    pub rates: Option<Chart>,
    /// Those that will fail, the first ones first.
    pub rows: Vec<LeavingRow>,
    /// How many more there are.
    pub more: String,
}

impl Drift {
    /// A fleet in which one token will fail.
    #[cfg(test)]
    pub fn sample() -> Self {
        let bar = |id: &str| Chart { id: id.into(), keys: Vec::new(), ..Chart::sample() };
        Self {
            page: Page::sample("Clocks", "drift"),
            about: "How far the clocks of tokens are off, and how fast they run away. As of today 10:05 UTC."
                .into(),
            known: "1,240 known, 610 with a rate".into(),
            doubt: Some(Notice::new(
                Tone::Bad,
                "Many tokens jumped together.",
                "Within an hour many tokens were found off by about the same: 1 min 30 s slow.",
            )),
            offsets: Some(bar("offsets")),
            rates: Some(bar("rates")),
            rows: vec![LeavingRow {
                serial: "87-1234567".into(),
                custody: Badge::with_icon(Tone::Good, "badge-check", "Confirmed"),
                user: Some("test".into()),
                clock: "4 min 12 s slow".into(),
                rate: "\u{2212}9.1 ppm".into(),
                last_used: "3 May 2025".into(),
                leaves: "August 2026".into(),
            }],
            more: "and 12 more".into(),
        }
    }

    /// Before any code was accepted.
    #[cfg(test)]
    pub fn sample_empty() -> Self {
        let none = Vec::new();
        Self { offsets: None, rates: None, rows: none, doubt: None, more: String::new(), ..Self::sample() }
    }
}
