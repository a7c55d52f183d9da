//! The tray: a card for each reader that can be told apart from a distance, a big count, the last ones.

use askama::Template;

#[cfg(test)]
use super::Tone;
use super::station::Recent;
use super::{Badge, Choice, Code, Field, Moment, Notice, Page};

/// Something that can be done about a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// What the form sends.
    pub value: &'static str,
    /// What the button says.
    pub label: String,
    /// Its icon.
    pub icon: &'static str,
    /// Something is destroyed.
    pub is_danger: bool,
}

/// What can be done about a device of a run.
#[derive(Debug, Clone)]
pub struct DeedForm {
    /// Where it goes.
    pub address: String,
    /// The device, for labels that are read aloud.
    pub device: String,
    /// A code that proves it is to be typed.
    pub code: Option<Code>,
    /// The field takes the focus: on one form of a page.
    pub has_focus: bool,
    /// The buttons.
    pub deeds: Vec<Deed>,
}

/// What a hand does with simulated devices.
#[derive(Debug, Clone)]
pub struct DrawerForm {
    /// Where it goes.
    pub address: String,
    /// The devices.
    pub devices: Vec<Choice>,
}

/// One reader.
#[derive(Debug, Clone)]
pub struct ReaderCard {
    /// Its name.
    pub name: String,
    /// The page of what lies there.
    pub page: Option<String>,
    /// What happens there: empty, idle, working, done, wanted, failed.
    pub state: &'static str,
    /// The same in a word with an icon.
    pub badge: Badge,
    /// The serial number of what lies there.
    pub serial: String,
    /// What it is.
    pub what: String,
    /// What is on it, and what has to be known.
    pub remarks: Vec<String>,
    /// The page of its token, when it is one here.
    pub token: Option<String>,
    /// Whose it is, in words.
    pub whose: String,
    /// What is wrong and what to do.
    pub detail: String,
    /// What can be done about it.
    pub form: Option<DeedForm>,
    /// Simulated: the devices that can be put in.
    pub drawer: Option<DrawerForm>,
}

/// A device that somebody has to look at, or one of the last.
#[derive(Debug, Clone)]
pub struct ItemRow {
    /// How it stands.
    pub badge: Badge,
    /// Its serial number.
    pub serial: String,
    /// The page of its token.
    pub token: Option<String>,
    /// What is wrong and what to do.
    pub detail: String,
    /// When.
    pub when: Moment,
    /// What can be done about it.
    pub form: Option<DeedForm>,
}

/// A run in a line.
#[derive(Debug, Clone)]
pub struct RunRow {
    /// Its number.
    pub id: u64,
    /// Model and application.
    pub what: String,
    /// The batch.
    pub batch: String,
    /// So many are done.
    pub programmed: String,
    /// So many are wanted.
    pub count: String,
    /// Whether it takes devices.
    pub badge: Badge,
}

/// A reader in the form that begins a run.
#[derive(Debug, Clone)]
pub struct ReaderChoice {
    /// Its place in the form.
    pub at: usize,
    /// The reader.
    pub name: String,
    /// What it is called here: its name, or which run uses it.
    pub label: String,
    /// It is free, and used for the run.
    pub checked: bool,
    /// Another run uses it.
    pub is_taken: bool,
}

/// What tokens can compute, in the form that begins a run.
#[derive(Debug, Clone)]
pub struct CodesChoice {
    /// Kind, hash, digits and step.
    pub choice: Choice,
    /// The values of `targets` that it goes with, with blanks between.
    pub fits: String,
}

/// All readers, and runs to begin or to go on with.
#[derive(Debug, Template)]
#[template(path = "station/devices.html")]
pub struct Devices {
    /// The frame.
    pub page: Page,
    /// The last answers at the desk, which are shown there.
    pub recent: Vec<Recent>,
    /// What came of the last step.
    pub notice: Option<Notice>,
    /// The readers.
    pub readers: Vec<ReaderCard>,
    /// Why there are none.
    pub trouble: String,
    /// Devices of all runs that somebody has to look at.
    pub doubt: Vec<ItemRow>,
    /// The runs, newest first.
    pub runs: Vec<RunRow>,
    /// Models and where on them; the value is both.
    pub targets: Vec<Choice>,
    /// What is computed, beside what the model ships with.
    pub codes: Vec<CodesChoice>,
    /// Which readers.
    pub choices: Vec<ReaderChoice>,
    /// The batch.
    pub batch: Field,
    /// How many.
    pub count: Field,
    /// What credentials are filed under.
    pub issuer: Field,
    /// Codes want a touch.
    pub touch: bool,
    /// Each device gets a key of its own.
    pub protect: bool,
    /// What lies there is overwritten.
    pub replace: bool,
}

/// One run.
#[derive(Debug, Template)]
#[template(path = "station/tray.html")]
pub struct Tray {
    /// The frame.
    pub page: Page,
    /// The last answers at the desk, which are shown there.
    pub recent: Vec<Recent>,
    /// What came of the last step.
    pub notice: Option<Notice>,
    /// The run.
    pub run: RunRow,
    /// It takes devices.
    pub is_open: bool,
    /// As numbers, for the bar.
    pub done: u32,
    /// As numbers, for the bar.
    pub total: u32,
    /// How fast, and how long it will take; empty: not known yet.
    pub pace: String,
    /// Some may be taken out.
    pub take_out: usize,
    /// The readers that work on it.
    pub readers: Vec<ReaderCard>,
    /// Why there are none.
    pub trouble: String,
    /// Its devices that somebody has to look at and that lie on no reader.
    pub doubt: Vec<ItemRow>,
    /// The last ten.
    pub last: Vec<ItemRow>,
}

#[cfg(test)]
mod samples {
    use super::*;
    use crate::words::Words;

    fn deed(value: &'static str, label: &str, icon: &'static str) -> Deed {
        Deed { value, label: label.into(), icon, is_danger: false }
    }

    fn card(name: &str, state: &'static str, badge: Badge, serial: &str) -> ReaderCard {
        ReaderCard {
            name: name.into(),
            page: (state != "empty").then(|| "/station/devices/Reader%201".into()),
            state,
            badge,
            serial: serial.into(),
            what: if serial.is_empty() { String::new() } else { "YubiKey, firmware 5.7.4".into() },
            remarks: Vec::new(),
            token: None,
            whose: String::new(),
            detail: String::new(),
            form: None,
            drawer: None,
        }
    }

    impl ReaderCard {
        /// A reader on which something lies.
        pub fn sample(name: &str, serial: &str) -> Self {
            card(name, "idle", Badge::new(Tone::Neutral, "Ready"), serial)
        }
    }

    fn run() -> RunRow {
        RunRow {
            id: 3,
            what: "Yubico YubiKey, oath".into(),
            batch: "Keys of May".into(),
            programmed: "12".into(),
            count: "200".into(),
            badge: Badge::new(Tone::Neutral, "Open"),
        }
    }

    fn doubt() -> ItemRow {
        ItemRow {
            badge: Badge::new(Tone::Attention, "In doubt"),
            serial: "31000009".into(),
            token: None,
            detail: "The token was taken away while it worked; put it back to see what is on it.".into(),
            when: Moment::new("4 min ago", "2026-01-01T09:08:11Z"),
            form: Some(DeedForm {
                address: "/station/runs/3/items/9".into(),
                device: "31000009".into(),
                code: None,
                has_focus: false,
                deeds: vec![
                    deed("read", "Read it again", "search"),
                    deed("again", "Write it again", "pencil"),
                    Deed { is_danger: true, ..deed("quarantine", "Set it aside", "archive") },
                ],
            }),
        }
    }

    impl Devices {
        /// Two readers, one run, one device in doubt.
        pub fn sample() -> Self {
            Self {
                page: Page::sample("Devices", "station"),
                recent: Vec::new(),
                notice: None,
                readers: vec![
                    ReaderCard {
                        whose: "Handed out to m.berg".into(),
                        token: Some("/station/token/31000001".into()),
                        remarks: vec!["OATH: 2 of 64 credentials".into()],
                        ..card("Reader 1", "idle", Badge::new(Tone::Neutral, "Look"), "31000001")
                    },
                    card("Reader 2", "empty", Badge::new(Tone::Neutral, "Empty"), ""),
                ],
                trouble: String::new(),
                doubt: vec![doubt()],
                runs: vec![run()],
                targets: Choice::list(
                    &[("yubico-yubikey/oath", "Yubico YubiKey: OATH")],
                    "yubico-yubikey/oath",
                ),
                codes: vec![CodesChoice {
                    choice: Choice {
                        selected: false,
                        value: "hotp/sha1/8".into(),
                        label: "HOTP, SHA-1, 8 digits".into(),
                    },
                    fits: "yubico-yubikey/oath".into(),
                }],
                choices: vec![
                    ReaderChoice {
                        at: 0,
                        name: "Reader 1".into(),
                        label: "Use Reader 1".into(),
                        checked: true,
                        is_taken: false,
                    },
                    ReaderChoice {
                        at: 1,
                        name: "Reader 2".into(),
                        label: "Reader 2 is used for run 3".into(),
                        checked: false,
                        is_taken: true,
                    },
                ],
                batch: Field::of("Keys of May"),
                count: Field::of("200"),
                issuer: Field::default(),
                touch: false,
                protect: true,
                replace: false,
            }
        }
    }

    impl Tray {
        /// In the middle of the work.
        pub fn sample() -> Self {
            let code = Code::fields(Words::ENGLISH, 1).pop();
            Self {
                page: Page::sample("Run 3", "station"),
                recent: Vec::new(),
                notice: None,
                run: run(),
                is_open: true,
                done: 12,
                total: 200,
                pace: "Nine a minute; 21 min left.".into(),
                take_out: 1,
                readers: vec![
                    card("Reader 1", "done", Badge::new(Tone::Good, "Done"), "31000001"),
                    card("Reader 2", "working", Badge::with_icon(Tone::Neutral, "pencil", "Writing"), "31000002"),
                    ReaderCard {
                        detail: "Press the button of the token and type the code that it shows.".into(),
                        form: Some(DeedForm {
                            address: "/station/runs/3/items/4".into(),
                            device: "31000003".into(),
                            code,
                            has_focus: true,
                            deeds: vec![deed("code", "That is its code", "check")],
                        }),
                        ..card("Reader 3", "wanted", Badge::new(Tone::Attention, "Code"), "31000003")
                    },
                    ReaderCard {
                        detail: "Token 31000004 is in use (handed out): take it back on its page before it is written.".into(),
                        ..card("Reader 4", "failed", Badge::new(Tone::Bad, "Not written"), "31000004")
                    },
                ],
                trouble: String::new(),
                doubt: vec![doubt()],
                last: vec![ItemRow {
                    badge: Badge::new(Tone::Good, "Done"),
                    serial: "31000001".into(),
                    token: Some("/station/token/31000001".into()),
                    detail: String::new(),
                    when: Moment::new("just now", "2026-01-01T09:12:04Z"),
                    form: Some(DeedForm {
                        address: "/station/runs/3/items/1".into(),
                        device: "31000001".into(),
                        code: None,
                        has_focus: false,
                        deeds: vec![deed("take_back", "Undo", "undo-2")],
                    }),
                }],
            }
        }
    }
}
