//! The self-service portal: one column, one question a page, plain words.

use askama::Template;

pub mod environment;
pub mod profile;
pub mod restore;

#[cfg(test)]
use super::Tone;
use super::setup::SetupTab;
use super::{ActionRow, Badge, Choice, Code, Field, Notice, Page, Ring};

/// What every portal page knows about the place it belongs to.
#[derive(Debug, Clone)]
pub struct Portal {
    /// The alias in the address.
    pub alias: String,
    /// The name of the resource.
    pub resource: String,
    /// Whom to ask, shown at the foot of each page.
    pub help: Option<String>,
    /// Colour and logo of its own.
    pub look: PortalLook,
    /// The page that a choice of language comes back to.
    pub here: String,
}

/// Colour and logo of a portal, as versions of their files; none: the usual ones.
#[derive(Debug, Clone, Default)]
pub struct PortalLook {
    /// Of the stylesheet.
    pub colours: Option<String>,
    /// Of the logo.
    pub logo: Option<String>,
}

impl Portal {
    /// Whom to ask: what the resource says, else whoever gave out the address.
    pub fn whom_to_ask(&self, page: &Page) -> String {
        self.help.clone().unwrap_or_else(|| page.say("page-ask-whoever"))
    }

    /// The portal of a VPN.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            alias: "portal".into(),
            resource: "VPN".into(),
            help: Some("Something is not right? The service desk helps: extension 4455.".into()),
            look: PortalLook { colours: Some("7".into()), logo: Some("7".into()) },
            here: "/selfservice/portal/home".into(),
        }
    }
}

/// How a token looks, for its drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Picture {
    /// A small case for the key ring.
    #[default]
    Fob,
    /// A card with a display.
    Card,
    /// A key for the USB port.
    Key,
    /// An app on a phone.
    Phone,
    /// Codes by e-mail.
    Mail,
}

/// A token of the person who is signed in.
#[derive(Debug, Clone)]
pub struct OwnToken {
    /// The serial as printed.
    pub serial: String,
    /// What the person calls it, or its model.
    pub name: String,
    /// How it is drawn.
    pub picture: Picture,
    /// Its state as icon and word.
    pub state: Badge,
    /// Its state in a sentence.
    pub words: String,
}

impl OwnToken {
    /// A confirmed token for the key ring.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            serial: "87-1234567".into(),
            name: "Feitian c200".into(),
            picture: Picture::Fob,
            state: Badge::with_icon(Tone::Good, "badge-check", "Yours, in use"),
            words: "Confirmed on 3 May. Its clock is right.".into(),
        }
    }
}

/// First page: who are you.
#[derive(Debug, Template)]
#[template(path = "portal/login.html")]
pub struct Login {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// What was typed as login.
    pub login: Field,
    /// Something to say above the form.
    pub notice: Option<Notice>,
}

impl Login {
    /// The page after signing out.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample_outside("Your token for VPN"),
            portal: Portal::sample(),
            login: Field::default(),
            notice: Some(Notice::new(Tone::Good, "You are signed out.", "")),
        }
    }
}

/// Second page: the password or the mailed code, the same for every login.
#[derive(Debug, Template)]
#[template(path = "portal/verify.html")]
pub struct Verify {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// The login as typed, whether it exists or not.
    pub login: String,
    /// The one field; its value is never filled in.
    pub secret: Field,
    /// Why the last try did not work.
    pub notice: Option<Notice>,
}

impl Verify {
    /// The page after a wrong password.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample_outside("Password or mailed code"),
            portal: Portal::sample(),
            login: "test".into(),
            secret: Field::default(),
            notice: Some(Notice::new(
                Tone::Bad,
                "That did not fit.",
                "Check the keyboard and type it again. If you were mailed a code, only the newest one works.",
            )),
        }
    }
}

/// After the second page, from an unusual browser: a mailed code beside the password.
#[derive(Debug, Template)]
#[template(path = "portal/unusual.html")]
pub struct Unusual {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// A code was mailed for this visit, and holds still.
    pub waits: bool,
    /// The field; its value is never filled in.
    pub code: Field,
    /// Something to say first.
    pub notice: Option<Notice>,
}

impl Unusual {
    /// The page after another code was asked for.
    #[cfg(test)]
    pub fn sample() -> Self {
        let text = "The old one is useless now.";
        Self {
            page: Page::sample_outside("A code, too"),
            portal: Portal::sample(),
            waits: true,
            code: Field::default(),
            notice: Some(Notice::new(Tone::Neutral, "Another code is on its way.", text)),
        }
    }

    /// The page after too many mails.
    #[cfg(test)]
    pub fn sample_waiting() -> Self {
        let text = "At most three codes are mailed in a quarter of an hour.";
        let notice = Notice::new(Tone::Attention, "There were enough mails for now.", text);
        Self { waits: false, notice: Some(notice), ..Self::sample() }
    }
}

/// Where the code of a mail token went.
#[derive(Debug, Clone)]
pub struct MailedOtp {
    /// Most of the address hidden; empty: there is no way to mail one.
    pub hint: String,
    /// One was mailed, and holds still.
    pub waits: bool,
}

/// Third page: the code of the token, with synchronizing when it is offered.
#[derive(Debug, Template)]
#[template(path = "portal/otp.html")]
pub struct Otp {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// What is asked for.
    pub heading: String,
    /// What to do for it; empty where codes are mailed, of which the page says more.
    pub lead: String,
    /// The one code.
    pub code: Code,
    /// For tokens whose codes are mailed.
    pub mailed: Option<MailedOtp>,
    /// The codes asked to synchronize; empty while that is not offered.
    pub synchronize: Vec<Code>,
    /// Runs with the token's step; none for tokens that count presses.
    pub ring: Option<Ring>,
    /// Why the last try did not work.
    pub notice: Option<Notice>,
}

impl Otp {
    /// True while a code can be mailed and none is on its way: then that is the first thing to do.
    fn waits_for_mail(&self) -> bool {
        self.mailed.as_ref().is_some_and(|sent| !sent.waits && !sent.hint.is_empty())
    }

    /// The page after a code that was refused.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample_outside("The code on your token"),
            portal: Portal::sample(),
            heading: "The code on your token".into(),
            lead: "Press the button if your token has one, and type the digits that you see.".into(),
            code: Code {
                label: "Code".into(),
                name: "otp".into(),
                challenge: None,
                letters: false,
                error: None,
            },
            mailed: None,
            synchronize: Code::fields(crate::words::Words::ENGLISH, 2),
            ring: Some(Ring::sample()),
            notice: Some(Notice::new(
                Tone::Bad,
                "That code did not fit.",
                "Wait for the next one and type it; if it fails again, choose Synchronize.",
            )),
        }
    }

    /// The page of a mail token whose code is on its way.
    #[cfg(test)]
    pub fn sample_mailed() -> Self {
        let mailed = MailedOtp { hint: "t…@example.org".into(), waits: true };
        Self {
            page: Page::sample_outside("The code we mailed you"),
            mailed: Some(mailed),
            synchronize: Vec::new(),
            ring: None,
            notice: None,
            ..Self::sample()
        }
    }

    /// The page of a mail token after too many mails.
    #[cfg(test)]
    pub fn sample_enough() -> Self {
        let mailed = MailedOtp { hint: "t…@example.org".into(), waits: false };
        let notice = Notice::new(Tone::Attention, "There were enough mails for now.", "Wait.");
        Self { mailed: Some(mailed), notice: Some(notice), ..Self::sample_mailed() }
    }
}

/// A request to restore access that a sign-in deleted.
#[derive(Debug, Clone)]
pub struct DeletedRequest {
    /// That it had been made, when and from where, and that it is deleted now.
    pub notice: Notice,
    /// *Change Email Address*, when the mail address was all that was lost and it is offered.
    pub change_email: Option<String>,
    /// Where to ask again, when the mail address was all that was lost.
    pub again: Option<String>,
}

impl DeletedRequest {
    /// The mail address was lost.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            notice: Notice::new(
                Tone::Attention,
                "A request for access in your name is deleted now.",
                "It was made yesterday 14:05 UTC from the network address 192.0.2.7.",
            ),
            change_email: Some("/selfservice/portal/email".into()),
            again: Some("/selfservice/portal/restore".into()),
        }
    }
}

/// The person's page: their token, and what they can do.
#[derive(Debug, Template)]
#[template(path = "portal/home.html")]
pub struct Home {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// First name, or the login.
    pub name: String,
    /// The person's tokens here.
    pub tokens: Vec<OwnToken>,
    /// Exactly the actions that are enabled and available, in their order.
    pub actions: Vec<ActionRow>,
    /// Whom to ask when there is no action.
    pub nothing: String,
    /// Requests to restore access that this sign-in deleted.
    pub deleted: Vec<DeletedRequest>,
    /// Something to say first.
    pub notice: Option<Notice>,
}

impl Home {
    /// A person with one confirmed token.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page { signed_in: super::SignedIn::portal("test"), ..Page::sample("Your page", "home") },
            portal: Portal::sample(),
            name: "Tess".into(),
            tokens: vec![OwnToken::sample()],
            actions: ActionRow::samples(),
            nothing: "Ask the service desk: extension 4455.".into(),
            deleted: vec![DeletedRequest::sample()],
            notice: None,
        }
    }
}

/// Existing Token Registration: the serial and consecutive codes in one form.
#[derive(Debug, Template)]
#[template(path = "portal/confirm.html")]
pub struct Confirm {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// The page's heading.
    pub heading: String,
    /// What happens, in a sentence.
    pub lead: String,
    /// The sorts of token, when it is to replace another.
    pub tabs: Vec<SetupTab>,
    /// Where the form goes.
    pub action: String,
    /// The token has a keypad: each code answers a challenge.
    pub keypad: bool,
    /// The token shows letters, too.
    pub letters: bool,
    /// The number on the token cannot be read: it is found by its codes.
    pub unread: bool,
    /// The serial as typed.
    pub serial: Field,
    /// As many codes as the resource's widest window needs, whatever the token; none where too many tokens lie to
    /// find one by its codes.
    pub codes: Vec<Code>,
    /// Runs with the usual step of 30 seconds.
    pub ring: Option<Ring>,
    /// The one answer to everything that does not fit.
    pub notice: Option<Notice>,
}

impl Confirm {
    /// The page after a try that did not fit.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page {
                signed_in: super::SignedIn::portal("test"),
                ..Page::sample("Existing Token Registration", "home")
            },
            portal: Portal::sample(),
            heading: "Existing Token Registration".into(),
            lead: "You have a token in your hand. Three lines, and it is yours.".into(),
            tabs: Vec::new(),
            action: "/selfservice/portal/tokens/confirm".into(),
            keypad: false,
            letters: false,
            unread: false,
            serial: Field::of("87-1234567"),
            codes: Code::fields(crate::words::Words::ENGLISH, 2),
            ring: Some(Ring::sample()),
            notice: Some(Notice::new(
                Tone::Bad,
                "We could not confirm this token.",
                "Check the number on the back and the two codes; the codes must come one after the other.",
            )),
        }
    }
}

impl Confirm {
    /// A token that is to replace another.
    #[cfg(test)]
    pub fn sample_reassign() -> Self {
        Self {
            heading: "Re-Assign Token".into(),
            lead: "The token that you have works until the new one is confirmed.".into(),
            tabs: SetupTab::samples(),
            action: "/selfservice/portal/tokens/reassign".into(),
            ..Self::sample()
        }
    }

    /// A token without a legible number.
    #[cfg(test)]
    pub fn sample_unread() -> Self {
        Self {
            unread: true,
            codes: Code::fields(crate::words::Words::ENGLISH, 3),
            notice: Some(Notice::new(
                Tone::Bad,
                "We could not find this token by its codes.",
                "Check the codes; they must come one after the other. If it fails again, others can look for it. Extension 4455.",
            )),
            ..Self::sample()
        }
    }

    /// Too many of them.
    #[cfg(test)]
    pub fn sample_unread_many() -> Self {
        let title = "Too many tokens lie here to find yours by its codes.";
        let notice = Some(Notice::new(Tone::Attention, title, "Extension 4455."));
        Self { codes: Vec::new(), ring: None, notice, ..Self::sample_unread() }
    }
}

/// What was done, and where to go next.
#[derive(Debug, Template)]
#[template(path = "portal/done.html")]
pub struct Done {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// What happened.
    pub notice: Notice,
    /// The page's heading.
    pub heading: String,
    /// The token it was done to.
    pub token: Option<OwnToken>,
    /// What changes for the person now.
    pub next: String,
    /// The address of the person's page.
    pub home: String,
}

impl Done {
    /// A token was confirmed.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page {
                signed_in: super::SignedIn::portal("test"),
                ..Page::sample("This token is yours", "home")
            },
            portal: Portal::sample(),
            notice: Notice::new(Tone::Good, "Done", "The number and the codes fit."),
            heading: "This token is yours now".into(),
            token: Some(OwnToken::sample()),
            next: "From now on, VPN asks for the code on this token when you sign in.".into(),
            home: "/selfservice/portal/home".into(),
        }
    }
}

/// Token Synchronization: consecutive codes of a token the person holds.
#[derive(Debug, Template)]
#[template(path = "portal/synchronize.html")]
pub struct Synchronize {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// The person's tokens; a single one is not asked for.
    pub serials: Vec<Choice>,
    /// As many codes as the window needs.
    pub codes: Vec<Code>,
    /// Runs with the token's step; none for tokens that count presses.
    pub ring: Option<Ring>,
    /// Why the last try did not work.
    pub notice: Option<Notice>,
}

impl Synchronize {
    /// A person with one token.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page {
                signed_in: super::SignedIn::portal("test"),
                ..Page::sample("Token Synchronization", "home")
            },
            portal: Portal::sample(),
            serials: Choice::list(&[("87-1234567", "87-1234567")], "87-1234567"),
            codes: Code::fields(crate::words::Words::ENGLISH, 2),
            ring: Some(Ring::sample()),
            notice: None,
        }
    }
}

/// A page that only says something: closed portal, unknown address, too many tries.
#[derive(Debug, Template)]
#[template(path = "portal/closed.html")]
pub struct Closed {
    /// The frame.
    pub page: Page,
    /// The portal.
    pub portal: Portal,
    /// What to say.
    pub notice: Notice,
    /// Where to try again, if that makes sense.
    pub again: Option<String>,
}

impl Closed {
    /// A session that ended.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self {
            page: Page::sample_outside("Signed out"),
            portal: Portal::sample(),
            notice: Notice::new(
                Tone::Neutral,
                "You were signed out",
                "Nothing happened here for 10 minutes, so we closed your page. Nothing is lost.",
            ),
            again: Some("/selfservice/portal/portal".into()),
        }
    }
}
