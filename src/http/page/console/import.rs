//! Importing a seed file: the file, the plan, done.

use askama::Template;

#[cfg(test)]
use crate::http::page::Tone;
use crate::http::page::{Badge, Choice, Field, Notice, Page, Pager};

/// Something the file may leave open, sent as `set.NAME`.
#[derive(Debug, Clone)]
pub struct SetField {
    /// The form's name, with its `set.`.
    pub name: String,
    /// What people read.
    pub label: String,
    /// The values to choose from; empty for a free text.
    pub choices: Vec<Choice>,
    /// The free text.
    pub field: Field,
}

/// Step 1: the file and what it needs.
#[derive(Debug, Template)]
#[template(path = "console/import_new.html")]
pub struct ImportNew {
    /// The frame.
    pub page: Page,
    /// Why the last file could not be read.
    pub problem: Option<Notice>,
    /// Whether the passphrase is asked now.
    pub passphrase_asked: bool,
    /// The passphrase field; its value is never filled in.
    pub passphrase: Field,
    /// The batch's name.
    pub batch: Field,
    /// Whether the rarely needed part is open.
    pub more_open: bool,
    /// The formats, "recognise it" first.
    pub formats: Vec<Choice>,
    /// What the file may leave open.
    pub set: Vec<SetField>,
    /// What may be allowed, sent as `allow.NAME=true`.
    pub allow: Vec<Choice>,
}

impl ImportNew {
    /// A protected file without its passphrase.
    #[cfg(test)]
    pub fn sample() -> Self {
        let set = |name: &str, label: &str, pairs: &[(&str, &str)]| SetField {
            name: name.into(),
            label: label.into(),
            choices: Choice::list(pairs, ""),
            field: Field::default(),
        };
        Self {
            page: Page::sample("Import", "batches"),
            problem: Some(Notice::new(
                Tone::Attention,
                "This PSKC file is protected.",
                "Choose it again and type its passphrase below. Nothing has been stored.",
            )),
            passphrase_asked: true,
            passphrase: Field::default(),
            batch: Field::of("FT-2026-01"),
            more_open: false,
            formats: Choice::list(&[("", "Recognise it"), ("pskc", "PSKC (RFC 6030)"), ("csv", "CSV")], ""),
            set: vec![
                set(
                    "set.kind",
                    "Kind",
                    &[("", "As the file says"), ("totp", "TOTP"), ("hotp", "HOTP"), ("ocra", "OCRA")],
                ),
                set(
                    "set.hash",
                    "Hash",
                    &[
                        ("", "As the file says"),
                        ("sha1", "SHA-1"),
                        ("sha256", "SHA-256"),
                        ("sha512", "SHA-512"),
                    ],
                ),
                set("set.digits", "Digits", &[("", "As the file says"), ("6", "6"), ("8", "8")]),
                set("set.step", "Step", &[("", "As the file says"), ("30", "30 s"), ("60", "60 s")]),
            ],
            allow: Choice::list(
                &[
                    ("short_secret", "Secrets of 80 to 111 bits"),
                    ("test_secret", "Secrets known from examples"),
                    ("no_mac", "Encrypted files without a check value"),
                ],
                "",
            ),
        }
    }
}

/// A job that is reading.
#[derive(Debug, Clone)]
pub struct ReadingJob {
    /// The job's number in the API.
    pub id: String,
    /// Lines read.
    pub done: u64,
    /// Lines in all; 0 while unknown.
    pub total: u64,
}

/// A value the file did not give.
#[derive(Debug, Clone)]
pub struct Assumption {
    /// What it is.
    pub term: String,
    /// What was taken.
    pub value: String,
    /// "Assumed" or "Set by you".
    pub mark: Badge,
}

/// A line that needs eyes.
#[derive(Debug, Clone)]
pub struct PlanLine {
    /// Line in the file, from 1.
    pub line: String,
    /// Column, from 1; may be empty.
    pub column: String,
    /// The serial, if it could be read.
    pub serial: String,
    /// Conflict, rejected, identical.
    pub verdict: Badge,
    /// Why, and what to do.
    pub reason: String,
}

/// What an import would do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// All of it in one sentence.
    pub sentence: String,
    /// New, already here, conflicts, rejected.
    pub counts: Vec<Badge>,
    /// What the file did not say.
    pub assumptions: Vec<Assumption>,
    /// Only the lines that need eyes.
    pub lines: Vec<PlanLine>,
    /// Where in those lines.
    pub pager: Pager,
    /// The ways to commit, the best first: values `all`, `only_good`, `replace`.
    pub ways: Vec<Choice>,
    /// Until when the plan is kept; may be empty.
    pub expires: String,
}

/// What an import did.
#[derive(Debug, Clone)]
pub struct Imported {
    /// What happened, in a few words.
    pub title: String,
    /// More of it.
    pub text: String,
    /// Give to a resource.
    pub assign_href: String,
    /// Check a sample.
    pub sample_href: String,
    /// Print slips, where that exists.
    pub slips_href: Option<String>,
    /// Whether it can still be taken back.
    pub undo: bool,
}

/// How far an import is.
#[derive(Debug, Clone)]
pub enum Stage {
    /// The file is being read.
    Parsing(ReadingJob),
    /// The plan waits for an answer.
    Planned(Plan),
    /// The tokens are here.
    Committed(Imported),
    /// Dropped, undone or failed: what there is to say.
    Ended(Notice),
}

/// One import, at whatever stage.
#[derive(Debug, Template)]
#[template(path = "console/import.html")]
pub struct Import {
    /// The frame.
    pub page: Page,
    /// Its number.
    pub id: String,
    /// The file's name.
    pub file_name: String,
    /// How far it is.
    pub stage: Stage,
}

impl Import {
    #[cfg(test)]
    fn at(stage: Stage) -> Self {
        Self {
            page: Page::sample("Import", "batches"),
            id: "7".into(),
            file_name: "feitian-c200-500.xml".into(),
            stage,
        }
    }

    /// A plan with a rejected line.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self::at(Stage::Planned(Plan {
            sentence: "PSKC, passphrase, 500 TOTP tokens of Feitian c200: 498 new, 1 already here, 1 rejected."
                .into(),
            counts: vec![
                Badge::with_icon(Tone::Good, "plus", "498 new"),
                Badge::with_icon(Tone::Neutral, "check", "1 already here"),
                Badge::with_icon(Tone::Bad, "x", "1 rejected"),
            ],
            assumptions: vec![
                Assumption {
                    term: "Step".into(),
                    value: "30 s".into(),
                    mark: Badge::new(Tone::Attention, "Assumed"),
                },
                Assumption {
                    term: "Digits".into(),
                    value: "6".into(),
                    mark: Badge::with_icon(Tone::Neutral, "pencil", "Set by you"),
                },
            ],
            lines: vec![
                PlanLine {
                    line: "14".into(),
                    column: "2".into(),
                    serial: "87-1234014".into(),
                    verdict: Badge::with_icon(Tone::Bad, "x", "Rejected"),
                    reason: "The secret has 39 hex digits, an even number is needed. Ask the vendor for this token; the other 499 can go in now.".into(),
                },
                PlanLine {
                    line: "212".into(),
                    column: String::new(),
                    serial: "87-1234212".into(),
                    verdict: Badge::with_icon(Tone::Neutral, "check", "Already here"),
                    reason: "The same token with the same secret is in batch FT-2025-11. Nothing changes.".into(),
                },
            ],
            pager: Pager { words: "2 lines".into(), ..Pager::default() },
            ways: Choice::list(
                &[("only_good", "Import the 498 good ones"), ("replace", "Import and replace what is here")],
                "",
            ),
            expires: "The plan is kept until tomorrow 14:05.".into(),
        }))
    }

    /// The file is being read.
    #[cfg(test)]
    pub fn sample_parsing() -> Self {
        Self::at(Stage::Parsing(ReadingJob { id: "41".into(), done: 1_200, total: 5_000 }))
    }

    /// The tokens are here.
    #[cfg(test)]
    pub fn sample_done() -> Self {
        Self::at(Stage::Committed(Imported {
            title: "498 tokens are here.".into(),
            text: "Batch FT-2026-01, in stock.".into(),
            assign_href: "/admin/batches/FT-2026-01".into(),
            sample_href: "/admin/tokens?batch=FT-2026-01".into(),
            slips_href: None,
            undo: true,
        }))
    }

    /// The file could not be read.
    #[cfg(test)]
    pub fn sample_ended() -> Self {
        Self::at(Stage::Ended(Notice::new(
            Tone::Bad,
            "Nothing was imported.",
            "The passphrase does not open this file. Ask the vendor for it, or check that it belongs to this delivery.",
        )))
    }
}
