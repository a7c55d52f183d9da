//! Users: the list, and one user.

use askama::Template;

use super::token::TokenRow;
use crate::http::page::{Badge, Choice, Fact, Field, Notice, Page, Pager};
#[cfg(test)]
use crate::http::page::{Flash, Tone};

/// One row of the list of users.
#[derive(Debug, Clone)]
pub struct UserRow {
    /// The login.
    pub login: String,
    /// First and last name.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// Active, blocked, cannot sign in.
    pub state: Badge,
    /// "password and token", "mailed code".
    pub signs_in: String,
    /// The serials, with commas between.
    pub tokens: String,
}

/// What is on record about a user.
#[derive(Debug, Clone, Default)]
pub struct UserForm {
    /// The login.
    pub login: Field,
    /// The e-mail address.
    pub email: Field,
    /// The phone number.
    pub phone: Field,
    /// The first name.
    pub first_name: Field,
    /// The last name.
    pub last_name: Field,
    /// A new password; its value is never filled in.
    pub password: Field,
    /// The language of their mails.
    pub languages: Vec<Choice>,
}

impl UserForm {
    /// A user with everything on record.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            login: Field::of("test"),
            email: Field::of("test@example.org"),
            phone: Field::of("+49 30 1234567"),
            first_name: Field::of("Tess"),
            last_name: Field::of("Test"),
            password: Field::wrong(
                "",
                "This password is too short: 8 characters or more with a token, 15 without.",
            ),
            languages: Choice::list(&[("", "Not known"), ("de", "Deutsch")], "de"),
        }
    }
}

/// The list of users.
#[derive(Debug, Template)]
#[template(path = "console/users.html")]
pub struct Users {
    /// The frame.
    pub page: Page,
    /// What is searched for.
    pub q: String,
    /// One page of rows.
    pub rows: Vec<UserRow>,
    /// Where in the list.
    pub pager: Pager,
    /// The form that adds one.
    pub form: UserForm,
}

impl Users {
    /// Three users.
    #[cfg(test)]
    pub fn sample() -> Self {
        let row =
            |login: &str, name: &str, email: &str, state: Badge, signs_in: &str, tokens: &str| UserRow {
                login: login.into(),
                name: name.into(),
                email: email.into(),
                state,
                signs_in: signs_in.into(),
                tokens: tokens.into(),
            };
        Self {
            page: Page {
                flash: Some(Flash {
                    kind: Tone::Bad,
                    text: "The mail to m.berg did not leave: no mail server is set up.".into(),
                }),
                ..Page::sample("Users", "users")
            },
            q: String::new(),
            rows: vec![
                row(
                    "test",
                    "Tess Test",
                    "test@example.org",
                    Badge::new(Tone::Good, "Active"),
                    "password and token",
                    "87-1234567",
                ),
                row(
                    "m.berg",
                    "Maria Berg",
                    "m.berg@example.org",
                    Badge::with_icon(Tone::Bad, "lock", "Blocked"),
                    "mailed code",
                    "87-1234568",
                ),
                row(
                    "p.berg",
                    "Paul Bergman",
                    "",
                    Badge::new(Tone::Attention, "Cannot sign in"),
                    "nothing yet",
                    "",
                ),
            ],
            pager: Pager {
                words: "1 to 50 of 1,204 users".into(),
                previous: None,
                next: Some("/admin/users?cursor=50".into()),
            },
            form: UserForm::default(),
        }
    }
}

/// A code that was issued right now, shown this once.
#[derive(Clone)]
pub struct IssuedCode {
    /// In groups of four digits.
    pub code: String,
    /// Until when it holds, in words.
    pub until: String,
}

impl std::fmt::Debug for IssuedCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IssuedCode")
    }
}

/// The emergency code of a user, and the form that issues one.
#[derive(Debug, Clone)]
pub struct Emergency {
    /// What is in force, in words; never the code.
    pub present: Option<String>,
    /// One that was issued right now.
    pub issued: Option<IssuedCode>,
    /// How it was established who asks.
    pub note: Field,
    /// How long it holds.
    pub hours: Vec<Choice>,
    /// Once, or until its time.
    pub uses: Vec<Choice>,
    /// The token is lost.
    pub lost: bool,
    /// Why none was issued, when no field is at fault.
    pub problem: Option<String>,
}

/// One user.
#[derive(Debug, Template)]
#[template(path = "console/user.html")]
pub struct User {
    /// The frame.
    pub page: Page,
    /// The login.
    pub login: String,
    /// First and last name.
    pub name: String,
    /// Active, blocked, cannot sign in.
    pub state: Badge,
    /// Said when neither password nor e-mail is on record.
    pub warning: Option<Notice>,
    /// Why and until when a method is blocked; shows *Unblock*.
    pub blocked: Option<Notice>,
    /// The user's tokens.
    pub rows: Vec<TokenRow>,
    /// What is known besides the form.
    pub facts: Vec<Fact>,
    /// Resource and kind of assignment.
    pub resources: Vec<Fact>,
    /// The form that edits.
    pub form: UserForm,
    /// For users who are asked for a token.
    pub emergency: Option<Emergency>,
}

impl User {
    /// A user who cannot sign in and is blocked.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample("User test", "users"),
            login: "test".into(),
            name: "Tess Test".into(),
            state: Badge::with_icon(Tone::Bad, "lock", "Blocked"),
            warning: Some(Notice::new(
                Tone::Attention,
                "This user cannot sign in to the portal.",
                "Neither a password nor an e-mail address is on record. Add one of them below.",
            )),
            blocked: Some(Notice::new(
                Tone::Bad,
                "Blocked after 50 wrong codes.",
                "Only an operator can end this. Make sure that it is the person who asks.",
            )),
            rows: TokenRow::samples().into_iter().take(1).collect(),
            facts: vec![
                Fact::new("Created", "1 May by ada"),
                Fact::new("Last sign-in", "yesterday 09:12, VPN"),
                Fact::new("Former logins", "ttest"),
            ],
            resources: vec![Fact::new("VPN", "with token 87-1234567").to("/admin/resources/VPN/pairs")],
            form: UserForm::sample(),
            emergency: Some(Emergency {
                present: Some("One works once, until tomorrow 14:05; issued by operator ada.".into()),
                issued: None,
                note: Field::wrong("", "Say how you made sure who the person is."),
                hours: Choice::list(&[("24", "24 hours")], "24"),
                uses: Choice::list(&[("once", "Once")], "once"),
                lost: true,
                problem: None,
            }),
        }
    }

    /// The same user, whose code was issued right now.
    #[cfg(test)]
    pub fn sample_issued() -> Self {
        let mut page = Self::sample();
        if let Some(emergency) = &mut page.emergency {
            let code = "1234-5678-9012-3456-7890".into();
            emergency.issued = Some(IssuedCode { code, until: "tomorrow 14:05".into() });
        }
        page
    }
}
