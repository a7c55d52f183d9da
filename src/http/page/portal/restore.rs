//! *Restore access*: one question a page, and the pages of the links in mails.

use askama::Template;

use super::super::{Code, Field, Notice, Page};
use super::Portal;
use crate::words::Words;

/// Something that may be lost.
#[derive(Debug, Clone)]
pub struct LostBox {
    /// The field's name.
    pub name: &'static str,
    /// What stands beside it.
    pub label: String,
    /// Ticked.
    pub ticked: bool,
}

impl LostBox {
    /// The boxes for token, password and mail address that are not proved, with what is ticked.
    pub fn list(words: Words, proved: [bool; 3], ticked: [bool; 3]) -> Vec<Self> {
        let labels = [
            ("token", "restore-lost.token"),
            ("password", "restore-lost.password"),
            ("email", "restore-lost.email"),
        ];
        let boxes = labels.into_iter().zip(proved.into_iter().zip(ticked));
        boxes
            .filter(|(_, (is_proved, _))| !is_proved)
            .map(|((name, label), (_, ticked))| Self { name, label: words.text(label), ticked })
            .collect()
    }
}

/// The question that is asked now.
#[derive(Debug)]
pub enum RestoreForm {
    /// What cannot be used?
    Lost {
        /// What can be ticked.
        boxes: Vec<LostBox>,
        /// What is wrong with what was ticked.
        error: Option<String>,
    },
    /// What is left?
    Proof {
        /// The password is asked for.
        password: bool,
        /// A mailed code is.
        code: bool,
        /// A code of the token is.
        otp: Option<Code>,
        /// Nothing was typed.
        error: Option<String>,
    },
    /// A new password, twice.
    Password {
        /// The first time; its value is never filled in.
        new: Field,
        /// How long it must be.
        hint: String,
        /// The second.
        again: Field,
    },
    /// A new address.
    Email {
        /// The address.
        address: Field,
    },
    /// Is that all?
    Send {
        /// What is asked for, in lines.
        asks: Vec<String>,
    },
    /// It was sent.
    Sent {
        /// Its number.
        reference: String,
        /// What comes next, in lines.
        steps: Vec<String>,
    },
}

/// *Restore access*.
#[derive(Debug, Template)]
#[template(path = "portal/restore.html")]
pub struct Restore {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// The login as typed, whether it exists or not.
    pub login: String,
    /// The question.
    pub step: RestoreForm,
    /// A field without anything: secrets are never filled in.
    pub empty: Field,
    /// Why the last try did not work.
    pub notice: Option<Notice>,
    /// Whether to offer *Start again*.
    pub offers_again: bool,
    /// Where the way back leads.
    pub back: &'static str,
    /// Its words.
    pub back_words: String,
}

/// What a link in a mail would do; a button does it.
#[derive(Debug, Template)]
#[template(path = "portal/restore_link.html")]
pub struct RestoreLinkPage {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// The page's heading.
    pub heading: String,
    /// What it is about.
    pub text: String,
    /// What the form sends back.
    pub key: String,
    /// The button's words.
    pub button: String,
    /// The button's icon.
    pub icon: &'static str,
    /// Primary, or danger.
    pub kind: &'static str,
    /// What to do otherwise.
    pub otherwise: String,
}

#[cfg(test)]
impl Restore {
    fn sample_of(step: RestoreForm, notice: Option<Notice>) -> Self {
        let offers_again = !matches!(step, RestoreForm::Lost { .. });
        Self {
            page: Page::sample_outside("Restore access"),
            portal: Portal::sample(),
            login: "test".into(),
            step,
            empty: Field::default(),
            notice,
            offers_again,
            back: "portal",
            back_words: "Back to the sign-in".into(),
        }
    }

    /// Nothing was ticked.
    pub fn sample() -> Self {
        let boxes = LostBox::list(Words::ENGLISH, [false; 3], [false; 3]);
        Self::sample_of(RestoreForm::Lost { boxes, error: Some("Tick what you cannot use.".into()) }, None)
    }

    /// A proof that did not fit.
    pub fn sample_proof() -> Self {
        let notice = Notice::new(super::Tone::Bad, "That did not fit.", "Check it and type it again.");
        let otp =
            Code { label: "Code".into(), name: "otp".into(), challenge: None, letters: false, error: None };
        let step = RestoreForm::Proof { password: true, code: true, otp: Some(otp), error: None };
        Self::sample_of(step, Some(notice))
    }

    /// Two different passwords.
    pub fn sample_password() -> Self {
        let again = Field::wrong("", "The two are not the same.");
        let hint = "At least 15 characters: a few words that only you would put together.".into();
        Self::sample_of(RestoreForm::Password { new: Field::default(), hint, again }, None)
    }

    /// The new address.
    pub fn sample_email() -> Self {
        Self::sample_of(RestoreForm::Email { address: Field::default() }, None)
    }

    /// All is known.
    pub fn sample_send() -> Self {
        let asks = vec!["Your token is switched off.".into(), "Your new password takes its place.".into()];
        Self::sample_of(RestoreForm::Send { asks }, None)
    }

    /// The number.
    pub fn sample_sent() -> Self {
        let steps = vec!["Call the service desk: extension 4455.".into(), "Read them the number.".into()];
        Self::sample_of(RestoreForm::Sent { reference: "048-271-936".into(), steps }, None)
    }
}

#[cfg(test)]
impl RestoreLinkPage {
    /// A request that can be cancelled.
    pub fn sample() -> Self {
        Self {
            page: Page::sample_outside("A request for access"),
            portal: Portal::sample(),
            heading: "A request for access".into(),
            text: "Somebody asked for access in your name on 3 May 14:05 UTC.".into(),
            key: "7-abc".into(),
            button: "Cancel the request".into(),
            icon: "trash-2",
            kind: "danger",
            otherwise: "If it was you, close this page.".into(),
        }
    }
}
