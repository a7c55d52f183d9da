//! What people change of themselves, and the proof that some of it asks for.

use askama::Template;

use super::super::{Choice, Code, Field, Notice, Page, Ring};
#[cfg(test)]
use super::super::{SignedIn, Tone};
use super::Portal;

/// One field of a short form.
#[derive(Debug, Clone)]
pub struct FormField {
    /// The field's name.
    pub name: &'static str,
    /// What stands above it.
    pub label: String,
    /// What stands under it; may be empty.
    pub hint: String,
    /// The kind of input.
    pub kind: &'static str,
    /// What browsers may fill in.
    pub autocomplete: &'static str,
    /// Literal attributes.
    pub extra: &'static str,
    /// What was typed, and what is wrong with it.
    pub field: Field,
}

impl FormField {
    /// A field for a text.
    pub fn text(name: &'static str, label: String, autocomplete: &'static str, field: Field) -> Self {
        Self { name, label, hint: String::new(), kind: "text", autocomplete, extra: "", field }
    }

    /// A field for a password; its value is never filled in.
    pub fn password(
        name: &'static str,
        label: String,
        autocomplete: &'static str,
        error: Option<String>,
    ) -> Self {
        let field = Field { value: String::new(), error };
        Self { kind: "password", extra: "required", ..Self::text(name, label, autocomplete, field) }
    }

    /// The same field with a hint.
    #[must_use]
    pub fn hinted(self, hint: String) -> Self {
        Self { hint, ..self }
    }

    /// The same field with literal attributes.
    #[must_use]
    pub fn with(self, extra: &'static str) -> Self {
        Self { extra, ..self }
    }
}

/// A short form: one question, a few fields, one button.
#[derive(Debug, Template)]
#[template(path = "portal/form.html")]
pub struct Form {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// The page's heading.
    pub heading: String,
    /// What it is about.
    pub lead: String,
    /// What to know before: what changes for the person.
    pub warning: Option<Notice>,
    /// Why the last try did not work.
    pub notice: Option<Notice>,
    /// Where the form goes.
    pub action: String,
    /// The fields.
    pub fields: Vec<FormField>,
    /// The button's words.
    pub button: String,
    /// The button's icon.
    pub icon: &'static str,
}

#[cfg(test)]
fn inside(title: &str) -> Page {
    Page { signed_in: SignedIn::portal("test"), ..Page::sample(title, "home") }
}

impl Form {
    /// Another login that is taken.
    #[cfg(test)]
    pub fn sample() -> Self {
        let login = Field::wrong("test2", "This login is taken: choose another.");
        Self {
            page: inside("Change Login"),
            portal: Portal::sample(),
            heading: "Change Login".into(),
            lead: "Your login is test. From the change on you sign in with the new one.".into(),
            warning: Some(Notice::new(
                Tone::Attention,
                "Others find you by your login.",
                "Ask first whether something besides VPN uses it.",
            )),
            notice: None,
            action: "/selfservice/portal/login".into(),
            fields: vec![FormField::text("login", "New login".into(), "username", login)],
            button: "Change login".into(),
            icon: "pencil",
        }
    }
}

/// Another mail address: first the address, then the code that was mailed to it.
#[derive(Debug, Template)]
#[template(path = "portal/email.html")]
pub struct Email {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// The address in force; empty without one.
    pub present: String,
    /// The address that waits for its code, and the field for it.
    pub pending: Option<(String, Field)>,
    /// The new address as typed.
    pub address: Field,
    /// Something to say first.
    pub notice: Option<Notice>,
}

impl Email {
    /// Before an address was typed.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: inside("Change Email Address"),
            portal: Portal::sample(),
            present: "tess@example.org".into(),
            pending: None,
            address: Field::wrong("tess", "An e-mail address looks like name@example.org."),
            notice: None,
        }
    }

    /// While the code is on its way.
    #[cfg(test)]
    pub fn sample_pending() -> Self {
        let pending = Some(("tess@example.com".to_owned(), Field::default()));
        let notice = Notice::new(Tone::Bad, "That code did not fit.", "Only the newest one works.");
        Self { pending, address: Field::default(), notice: Some(notice), ..Self::sample() }
    }
}

/// What the proof page asks for.
#[derive(Debug, Clone)]
pub enum Asked {
    /// The code of a token.
    Code {
        /// Its field.
        code: Code,
        /// Runs with the token's step.
        ring: Option<Ring>,
        /// Whose code to type, in a sentence.
        lead: String,
        /// Which, when there are several.
        choices: Vec<Choice>,
    },
    /// The password.
    Password(Field),
    /// A mailed code.
    MailedCode {
        /// Where it goes, most of it hidden.
        hint: String,
        /// The field, once a code was asked for.
        code: Option<Field>,
    },
    /// Nothing: there is no way to prove it here.
    Nothing,
}

/// Who is there, asked again before something that matters.
#[derive(Debug, Template)]
#[template(path = "portal/prove.html")]
pub struct Prove {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// What comes after, and why that asks who is there.
    pub why: String,
    /// The action that follows.
    pub then: &'static str,
    /// What was typed before, by the names of its fields.
    pub kept: Vec<(&'static str, String)>,
    /// What is asked.
    pub asked: Asked,
    /// Why the last try did not work.
    pub notice: Option<Notice>,
}

impl Prove {
    /// Somebody with a token.
    #[cfg(test)]
    pub fn sample() -> Self {
        let code =
            Code { label: "Code".into(), name: "otp".into(), challenge: None, letters: false, error: None };
        Self {
            page: inside("Is it you?"),
            portal: Portal::sample(),
            why: crate::words::Words::ENGLISH.text("prove-why.login"),
            then: "login",
            kept: vec![("login", "test2".into())],
            asked: Asked::Code {
                code,
                ring: Some(Ring::sample()),
                lead: "Type the code that your token shows now.".into(),
                choices: Vec::new(),
            },
            notice: None,
        }
    }

    /// Somebody who signs in with mailed codes, before one was asked for.
    #[cfg(test)]
    pub fn sample_mail() -> Self {
        let asked = Asked::MailedCode { hint: "t…@example.org".into(), code: None };
        Self { asked, kept: Vec::new(), ..Self::sample() }
    }

    /// Somebody who signs in with mailed codes, after a wrong one.
    #[cfg(test)]
    pub fn sample_mailed() -> Self {
        let asked = Asked::MailedCode { hint: "t…@example.org".into(), code: Some(Field::default()) };
        let notice = Notice::new(Tone::Bad, "That did not fit.", "Only the newest code works.");
        Self { asked, notice: Some(notice), ..Self::sample() }
    }

    /// Somebody who has tokens on other resources only.
    #[cfg(test)]
    pub fn sample_elsewhere() -> Self {
        let code =
            Code { label: "Code".into(), name: "otp".into(), challenge: None, letters: false, error: None };
        let pairs = [("87-1234567", "87-1234567 (Mail)"), ("87-1234568", "87-1234568 (Wiki)")];
        let choices = Choice::list(&pairs, "87-1234567");
        Self {
            asked: Asked::Code {
                code,
                ring: None,
                lead: "Type the code that one of your tokens shows now.".into(),
                choices,
            },
            ..Self::sample()
        }
    }

    /// Somebody with a password.
    #[cfg(test)]
    pub fn sample_password() -> Self {
        Self { asked: Asked::Password(Field::default()), ..Self::sample() }
    }

    /// Somebody who can prove nothing.
    #[cfg(test)]
    pub fn sample_nothing() -> Self {
        Self { asked: Asked::Nothing, ..Self::sample() }
    }
}
