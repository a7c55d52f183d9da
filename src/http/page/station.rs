//! The station: one big field, an answer that can be read from two metres, the last five below.

use askama::Template;

#[cfg(test)]
use super::Tone;
use super::chart::Chart;
use super::{ActionRow, Badge, Choice, Code, Field, Moment, Notice, Page, Ring};

/// A scanner of the workstation.
#[derive(Debug, Clone)]
pub struct ScannerLine {
    /// As the settings call it.
    pub name: String,
    /// Its port is open.
    pub is_connected: bool,
    /// What is said while it is.
    pub connected: String,
    /// What is said while it is not.
    pub absent: String,
    /// Why it is not, and what to do; may be empty.
    pub trouble: String,
}

/// What may fill the page's field without a hand on the keyboard.
#[derive(Debug, Clone)]
pub struct Scans {
    /// What fills it until somebody chooses: a value of the choices.
    pub default: &'static str,
    /// The scanners; without any there is nothing to choose.
    pub lines: Vec<ScannerLine>,
    /// What may fill it.
    pub choices: Vec<Choice>,
}

impl Scans {
    /// One scanner that is there, one that is not.
    #[cfg(test)]
    pub fn sample() -> Box<Self> {
        let line = |name: &str, is_connected| ScannerLine {
            name: name.into(),
            is_connected,
            connected: format!("Scanner {name}: connected."),
            absent: format!("Scanner {name}: absent."),
            trouble: if is_connected { String::new() } else { "/dev/ttyACM1 is not there.".into() },
        };
        let choices = [("", "Nothing"), ("all", "All"), ("scanner:Desk", "Scanner Desk")];
        Box::new(Self {
            default: "",
            lines: vec![line("Desk", true), line("Store room", false)],
            choices: Choice::list(&choices, ""),
        })
    }
}

/// The tokens that the label of a box names.
#[derive(Debug, Clone)]
pub struct BoxLabel {
    /// What the label says.
    pub title: String,
    /// How many of its tokens are here.
    pub count: String,
    /// What is counted, behind the number.
    pub here: String,
    /// What is missing or left out, in sentences.
    pub notes: Vec<String>,
    /// The first of them.
    pub rows: Vec<ActionRow>,
}

/// One of the last results.
#[derive(Debug, Clone)]
pub struct Recent {
    /// How it ended.
    pub badge: Badge,
    /// Which token.
    pub serial: String,
    /// What happened, in a sentence that goes on after the serial.
    pub what: String,
    /// When.
    pub when: Moment,
    /// The address that a form posts to in order to undo it, where that is possible.
    pub undo: Option<String>,
}

impl Recent {
    /// Three results of one morning.
    #[cfg(test)]
    pub fn samples() -> Vec<Self> {
        vec![
            Self {
                badge: Badge::new(Tone::Good, "Done"),
                serial: "87-1234567".into(),
                what: "synchronised for test; the clock is 41 days 3 h slow.".into(),
                when: Moment::new("just now", "2026-01-01T09:12:04Z"),
                undo: None,
            },
            Self {
                badge: Badge::new(Tone::Good, "Done"),
                serial: "87-1234570".into(),
                what: "handed out to m.berg.".into(),
                when: Moment::new("4 min ago", "2026-01-01T09:08:11Z"),
                undo: Some("/station/tokens/87-1234570/handout/undo".into()),
            },
            Self {
                badge: Badge::new(Tone::Bad, "Did not fit"),
                serial: "87-1234512".into(),
                what: "no position within a year fits these codes.".into(),
                when: Moment::new("11 min ago", "2026-01-01T09:01:40Z"),
                undo: None,
            },
        ]
    }
}

/// A pair that can be confirmed with the codes typed.
#[derive(Debug, Clone)]
pub struct ConfirmPair {
    /// The user.
    pub login: String,
    /// The resource.
    pub resource: String,
    /// What confirming them is called.
    pub words: String,
}

/// One token at the desk.
#[derive(Debug, Clone)]
pub struct Desk {
    /// The serial as printed.
    pub serial: String,
    /// Its state in a sentence.
    pub words: String,
    /// Enabled or not.
    pub enabled: Badge,
    /// Where it is.
    pub custody: Badge,
    /// The code fields: two, three when the search asked for more. A challenge makes it a keypad token.
    pub codes: Vec<Code>,
    /// Whether the first code field takes the focus.
    pub focus_codes: bool,
    /// Whether *Resync* is the page's primary button: on one desk of a page.
    pub primary: bool,
    /// Keeps field ids of several desks apart, for example `d1-`.
    pub prefix: String,
    /// Runs with the token's step; none for tokens that count presses.
    pub ring: Option<Ring>,
    /// The preset, editable reason of a wide search.
    pub reason: Field,
    /// What the codes can confirm, if anything is waiting.
    pub confirm: Option<ConfirmPair>,
    /// The login typed to hand the token out.
    pub handout: Field,
    /// Whom it is to be handed out to now: what the button says. The login stands in `handout`.
    pub hand_out_now: Option<String>,
    /// The places it may go to from here.
    pub custody_choices: Vec<Choice>,
    /// The history of its clock, on the page of one token.
    pub clock: Option<Chart>,
    /// What the picture says, in sentences.
    pub clock_remarks: Vec<String>,
}

impl Desk {
    /// A handed-out token that waits for its first two codes.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            serial: "87-1234567".into(),
            words: "With test since 3 May, not yet confirmed on VPN. Last code accepted: never.".into(),
            enabled: Badge::with_icon(Tone::Good, "power", "Enabled"),
            custody: Badge::with_icon(Tone::Neutral, "hand-helping", "Handed out"),
            codes: Code::fields(crate::words::Words::ENGLISH, 2),
            focus_codes: true,
            primary: true,
            prefix: "d1-".into(),
            ring: Some(Ring::sample()),
            reason: Field::of("Person at the desk, identified"),
            confirm: Some(ConfirmPair {
                login: "test".into(),
                resource: "VPN".into(),
                words: "Confirm for test on VPN".into(),
            }),
            handout: Field::of("test"),
            hand_out_now: None,
            custody_choices: Choice::list(
                &[("returned", "Returned"), ("lost", "Lost"), ("retired", "Retired")],
                "returned",
            ),
            clock: Some(Chart { id: "d1-clock".into(), ..Chart::sample() }),
            clock_remarks: vec!["\u{2212}4.1 ± 0.6 ppm: 2 min 10 s slow a year.".into()],
        }
    }
}

/// A token without a legible number, to be found by its codes.
#[derive(Debug, Template)]
#[template(path = "station/whose.html")]
pub struct Whose {
    /// The frame.
    pub page: Page,
    /// The field above, for who comes next.
    pub find: Field,
    /// The answer to the last try.
    pub banner: Option<Notice>,
    /// The code fields.
    pub codes: Vec<Code>,
    /// The batch to look in, or empty.
    pub batch: Field,
    /// The last five results, newest first.
    pub recent: Vec<Recent>,
}

impl Whose {
    /// After codes that nobody's token shows.
    #[cfg(test)]
    pub fn sample() -> Self {
        use crate::words::Words;
        Self {
            page: Page::sample("Whose token is this?", "station"),
            find: Field::default(),
            banner: Some(Notice::say(Tone::Bad, Words::ENGLISH, "station-whose-nobody")),
            codes: Code::fields(Words::ENGLISH, 3),
            batch: Field::of("Box 7"),
            recent: Recent::samples(),
        }
    }
}

/// The station's start: the field, the last answer, the last five.
#[derive(Debug, Template)]
#[template(path = "station/home.html")]
pub struct Home {
    /// The frame.
    pub page: Page,
    /// What was typed and found nobody, or empty.
    pub find: Field,
    /// The answer to the last step; the field is free for the next person at once.
    pub banner: Option<Notice>,
    /// Several people fit what was typed.
    pub matches: Vec<ActionRow>,
    /// The label of a box that was scanned.
    pub label: Option<BoxLabel>,
    /// The last five results, newest first.
    pub recent: Vec<Recent>,
}

impl Home {
    /// After a resync that worked.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample("Station", "station"),
            find: Field::default(),
            banner: Some(Notice::new(
                Tone::Good,
                "Synchronised",
                "The clock is 41 days 3 h slow; corrected. Token 87-1234567 of test.",
            )),
            matches: Vec::new(),
            label: None,
            recent: Recent::samples(),
        }
    }

    /// The label of a box, at a station with scanners.
    #[cfg(test)]
    pub fn sample_box() -> Self {
        let row = |serial: &str| ActionRow {
            href: format!("/station/token/{serial}"),
            icon: "key-round",
            title: serial.into(),
            line: "Feitian c200".into(),
        };
        Self {
            page: Page { scans: Some(Scans::sample()), ..Page::sample("Station", "station") },
            banner: None,
            label: Some(BoxLabel {
                title: "Box 87-1234501 to 87-1234600".into(),
                count: "97".into(),
                here: "tokens of it are here.".into(),
                notes: vec!["The first 20 are shown.".into()],
                rows: vec![row("87-1234501"), row("87-1234502")],
            }),
            ..Self::sample()
        }
    }

    /// After codes that belong to another token.
    #[cfg(test)]
    pub fn sample_wrong() -> Self {
        Self {
            banner: Some(Notice::new(
                Tone::Bad,
                "Another token",
                "These codes are from another token: 87-1234568, held by m.berg. Look at the number on the back.",
            )),
            ..Self::sample()
        }
    }

    /// Several people with this name.
    #[cfg(test)]
    pub fn sample_matches() -> Self {
        let person = |login: &str, title: &str, line: &str| ActionRow {
            href: format!("/station/person/{login}"),
            icon: "user",
            title: title.into(),
            line: line.into(),
        };
        Self {
            find: Field::of("berg"),
            banner: None,
            matches: vec![
                person("m.berg", "Maria Berg", "m.berg, token 87-1234568"),
                person("p.berg", "Paul Bergman", "p.berg, no token"),
            ],
            ..Self::sample()
        }
    }
}

/// A person and their tokens.
#[derive(Debug, Template)]
#[template(path = "station/person.html")]
pub struct Person {
    /// The frame.
    pub page: Page,
    /// The field for the next person.
    pub find: Field,
    /// The answer to the last step.
    pub banner: Option<Notice>,
    /// The login.
    pub login: String,
    /// First and last name, or the login.
    pub name: String,
    /// How to recognise the person: resources, phone; may be empty.
    pub words: String,
    /// Blocked, or nothing.
    pub state: Option<Badge>,
    /// The person's tokens, the one most likely meant first.
    pub tokens: Vec<Desk>,
    /// The last five results, newest first.
    pub recent: Vec<Recent>,
}

impl Person {
    /// A person with one token.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample("Tess Test", "station"),
            find: Field::default(),
            banner: None,
            login: "test".into(),
            name: "Tess Test".into(),
            words: "VPN, Mail".into(),
            state: None,
            tokens: vec![Desk::sample()],
            recent: Recent::samples(),
        }
    }
}

/// The person who holds a token.
#[derive(Debug, Clone)]
pub struct Holder {
    /// The login.
    pub login: String,
    /// First and last name, or the login.
    pub name: String,
}

/// One token that was scanned.
#[derive(Debug, Template)]
#[template(path = "station/token.html")]
pub struct Token {
    /// The frame.
    pub page: Page,
    /// The field for the next person.
    pub find: Field,
    /// The answer to the last step.
    pub banner: Option<Notice>,
    /// Who holds it.
    pub holder: Option<Holder>,
    /// The token.
    pub desk: Desk,
    /// The last five results, newest first.
    pub recent: Vec<Recent>,
}

impl Token {
    /// Scanned on the page of a person who is to get it.
    #[cfg(test)]
    pub fn sample_hand_out() -> Self {
        let desk = Desk {
            hand_out_now: Some("Hand out to anna".into()),
            handout: Field::of("anna"),
            focus_codes: false,
            primary: false,
            ..Desk::sample()
        };
        Self { banner: None, holder: None, desk, ..Self::sample() }
    }

    /// A third code is asked for.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample("Token 87-1234567", "station"),
            find: Field::default(),
            banner: Some(Notice::new(
                Tone::Attention,
                "One more code",
                "Two codes cannot tell a year apart. Type two again and the one after them.",
            )),
            holder: Some(Holder { login: "test".into(), name: "Tess Test".into() }),
            desk: Desk {
                codes: Code::fields(crate::words::Words::ENGLISH, 3),
                confirm: None,
                ..Desk::sample()
            },
            recent: Recent::samples(),
        }
    }
}
