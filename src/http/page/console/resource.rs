//! Resources: the list, and one resource with its tabs and its portal.

use askama::Template;

#[cfg(test)]
use crate::http::page::Tone;
use crate::http::page::{ActionRow, Badge, Choice, Fact, Field, Moment, Page, Pager};
use crate::words::Words;

/// One row of the list of resources.
#[derive(Debug, Clone)]
pub struct ResourceRow {
    /// Its name.
    pub name: String,
    /// Whether its portal is on.
    pub portal: Badge,
    /// The portal's alias; empty without one.
    pub alias: String,
    /// How many users, grouped.
    pub users: String,
    /// How many tokens, grouped.
    pub tokens: String,
    /// How many pairs, grouped.
    pub pairs: String,
    /// How many tokens wait for their confirmation, grouped.
    pub unconfirmed: String,
}

/// The list of resources.
#[derive(Debug, Template)]
#[template(path = "console/resources.html")]
pub struct Resources {
    /// The frame.
    pub page: Page,
    /// All resources.
    pub rows: Vec<ResourceRow>,
    /// The name of a new one.
    pub name: Field,
}

impl Resources {
    /// Two resources, and a name that is taken.
    #[cfg(test)]
    pub fn sample() -> Self {
        let row = |name: &str, portal: Badge, alias: &str| ResourceRow {
            name: name.into(),
            portal,
            alias: alias.into(),
            users: "1,204".into(),
            tokens: "38".into(),
            pairs: "460".into(),
            unconfirmed: "38".into(),
        };
        Self {
            page: Page::sample("Resources", "resources"),
            rows: vec![
                row("VPN", Badge::new(Tone::Good, "On"), "portal"),
                row("Mail", Badge::with_icon(Tone::Neutral, "circle", "Off"), ""),
            ],
            name: Field::wrong(
                "vpn",
                "There is a resource of this name already. Choose another, or open that one above.",
            ),
        }
    }
}

/// One tab of a resource's page.
#[derive(Debug, Clone)]
pub struct TabLink {
    /// Its address.
    pub href: String,
    /// Its name.
    pub label: String,
    /// How many things are behind it; may be empty.
    pub count: String,
    /// Whether it is open.
    pub here: bool,
}

/// Whether the portal is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortalState {
    /// Never enabled, or disabled.
    Off,
    /// The alias is being asked.
    Asking,
    /// Enabled.
    On,
}

/// One action in the list that admins order.
#[derive(Debug, Clone)]
pub struct ActionSwitch {
    /// The code that the forms send.
    pub code: &'static str,
    /// Its name.
    pub title: String,
    /// Whether users have it.
    pub on: bool,
}

/// A group of token types.
#[derive(Debug, Clone)]
pub struct TypeGroup {
    /// Hardware, Software, Universal, Mail.
    pub name: String,
    /// The types; `selected` is enabled. Sent as `type.VALUE=true`.
    pub types: Vec<Choice>,
}

/// What rules PINs and the secrets of apps.
#[derive(Debug, Clone)]
pub struct PinAndApp {
    /// Most digits of a PIN.
    pub pin_lengths: Vec<Choice>,
    /// Where PINs stand.
    pub pin_placements: Vec<Choice>,
    /// Hash of the secrets made here.
    pub app_hashes: Vec<Choice>,
    /// Digits that apps show.
    pub app_digits: Vec<Choice>,
}

/// What a chosen user would see.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The answer in a sentence.
    pub words: String,
    /// The actions shown, in order.
    pub shown: Vec<String>,
    /// Each other action and why it is hidden.
    pub hidden: Vec<Fact>,
}

/// The Self-Service tab.
#[derive(Debug, Clone)]
pub struct SelfService {
    /// Whether the portal is on.
    pub state: PortalState,
    /// Leads to the form that asks for the alias.
    pub enable_href: String,
    /// The alias.
    pub alias: Field,
    /// The full address.
    pub address: String,
    /// The address as QR code: an SVG element without inline style.
    pub qr: String,
    /// All actions in the order set.
    pub actions: Vec<ActionSwitch>,
    /// The types for Register New Token; empty while that action is off.
    pub token_types: Vec<TypeGroup>,
    /// PINs and apps; absent while no action needs them.
    pub pin_and_app: Option<PinAndApp>,
    /// The rows that users see.
    pub preview: Vec<ActionRow>,
    /// What unusual sign-ins may lead to.
    pub policies: Vec<Choice>,
    /// The least likeness that is usual.
    pub score: Field,
    /// Hours of the wait of requests to restore access.
    pub restore_wait: Field,
    /// What a token with a keypad is asked whose suite nobody knows yet.
    pub keypad_question: Field,
    /// The login asked about.
    pub see_login: Field,
    /// What that user would see.
    pub seen: Option<Seen>,
}

/// One assignment, or one token that waits for its confirmation.
#[derive(Debug, Clone)]
pub struct AssignedRow {
    /// The user.
    pub user: Option<String>,
    /// The token.
    pub serial: Option<String>,
    /// Its state.
    pub state: Badge,
    /// Since when.
    pub since: Moment,
    /// The assignment to take away; none where that is not possible here.
    pub unassign: Option<String>,
}

/// The form that assigns.
#[derive(Debug, Clone)]
pub struct AssignForm {
    /// Its heading.
    pub title: String,
    /// `user`, `token` or `token_with_user`.
    pub kind: &'static str,
    /// The login.
    pub user: Field,
    /// The serial.
    pub token: Field,
}

/// Whom a reminder would reach.
#[derive(Debug, Clone)]
pub struct RemindForm {
    /// How many, in a sentence.
    pub words: String,
    /// There is somebody to remind, and a way to.
    pub can: bool,
    /// Why nobody can be reminded.
    pub obstacle: Option<String>,
    /// Logins of people without a mail address.
    pub without_address: Vec<String>,
    /// How many more of them there are, in words.
    pub more_without: Option<String>,
}

/// A tab with assignments.
#[derive(Debug, Clone)]
pub struct Assigned {
    /// What this list is, in a sentence.
    pub words: String,
    /// Whether there is a column for the user.
    pub shows_user: bool,
    /// Whether there is a column for the token.
    pub shows_token: bool,
    /// One page of rows.
    pub rows: Vec<AssignedRow>,
    /// Where in the list.
    pub pager: Pager,
    /// The words when the list is empty.
    pub empty_title: String,
    /// What to do then.
    pub empty_text: String,
    /// Reminding those who have not confirmed.
    pub reminders: Option<RemindForm>,
    /// The form below, if things are assigned here.
    pub form: Option<AssignForm>,
}

/// The tab of a resource's page that is open.
#[derive(Debug, Clone)]
pub enum ResourceTab {
    /// Facts.
    Overview(Vec<Fact>),
    /// The portal.
    SelfService(Box<SelfService>),
    /// Users, Tokens, Tokens with Users, Not yet confirmed.
    Assigned(Box<Assigned>),
}

/// One resource.
#[derive(Debug, Template)]
#[template(path = "console/resource.html")]
pub struct Resource {
    /// The frame.
    pub page: Page,
    /// Its name.
    pub name: String,
    /// The tabs, the open one marked.
    pub tabs: Vec<TabLink>,
    /// The open tab.
    pub tab: ResourceTab,
}

impl Resource {
    /// The tabs of a resource, in order. `here` is the last part of the open one's address; empty for the first.
    pub fn tabs(name: &str, here: &str, counts: [&str; 4]) -> Vec<TabLink> {
        let base = format!("/admin/resources/{}", crate::http::page::segment(name));
        [
            ("", "resource-overview", ""),
            ("selfservice", "resource-selfservice", ""),
            ("look", "resource-look", ""),
            ("users", "frame-users", counts[0]),
            ("tokens", "frame-tokens", counts[1]),
            ("pairs", "resource-pairs", counts[2]),
            ("unconfirmed", "resource-unconfirmed", counts[3]),
        ]
        .into_iter()
        .map(|(part, id, count)| TabLink {
            href: if part.is_empty() { base.clone() } else { format!("{base}/{part}") },
            label: Words::ENGLISH.text(id),
            count: count.into(),
            here: part == here,
        })
        .collect()
    }

    #[cfg(test)]
    fn with(here: &str, tab: ResourceTab) -> Self {
        Self {
            page: Page::sample("VPN", "resources"),
            name: "VPN".into(),
            tabs: Self::tabs("VPN", here, ["1,204", "38", "460", "38"]),
            tab,
        }
    }

    /// The overview.
    #[cfg(test)]
    pub fn sample() -> Self {
        Self::with(
            "",
            ResourceTab::Overview(vec![
                Fact::new("Self-Service", "on, three actions").to("/admin/resources/VPN/selfservice"),
                Fact::new("Wrong codes before a wait", "5"),
                Fact::new("Window in the portal", "1 day to either side, 1,000 counters"),
                Fact::new("Created", "1 May by ada"),
            ]),
        )
    }

    /// The portal, enabled, with an answer about one user.
    #[cfg(test)]
    pub fn sample_selfservice() -> Self {
        let action = |code, title: &str, on| ActionSwitch { code, title: title.into(), on };
        Self::with(
            "selfservice",
            ResourceTab::SelfService(Box::new(SelfService {
                state: PortalState::On,
                enable_href: String::new(),
                alias: Field::of("portal"),
                address: "https://otp.example.org/selfservice/portal".into(),
                qr: SAMPLE_QR.into(),
                actions: vec![
                    action("register_existing_token", "Existing Token Registration", true),
                    action("synchronize_token", "Token Synchronization", true),
                    action("change_password", "Change Password", true),
                    action("register_new_token", "Register New Token", false),
                    action("reassign_token", "Re-Assign Token", false),
                ],
                token_types: vec![
                    TypeGroup {
                        name: "Hardware".into(),
                        types: Choice::list(&[("hardware_totp", "Token with a display")], "hardware_totp"),
                    },
                    TypeGroup {
                        name: "Software".into(),
                        types: Choice::list(&[("software_totp", "App on a phone")], ""),
                    },
                ],
                pin_and_app: Some(PinAndApp {
                    pin_lengths: Choice::list(&[("4", "4 digits"), ("6", "4 to 6")], "4"),
                    pin_placements: Choice::list(&[("free", "As each user likes")], "free"),
                    app_hashes: Choice::list(&[("sha1", "SHA-1, which every app knows")], "sha1"),
                    app_digits: Choice::list(&[("6", "6, which every app knows"), ("8", "8")], "6"),
                }),
                preview: ActionRow::samples(),
                policies: Choice::list(&[("off", "Nothing"), ("report", "The user is told")], "off"),
                score: Field::of("70"),
                restore_wait: Field::of("24"),
                keypad_question: Field::of("QN08"),
                see_login: Field::of("test"),
                seen: Some(Seen {
                    words: "test would see one action.".into(),
                    shown: vec!["Token Synchronization".into()],
                    hidden: vec![
                        Fact::new(
                            "Existing Token Registration",
                            "has a confirmed token here already: 87-1234567",
                        ),
                        Fact::new("Change Password", "has no password"),
                    ],
                }),
            })),
        )
    }

    /// The portal while its alias is asked.
    #[cfg(test)]
    pub fn sample_asking() -> Self {
        Self::portal_at(PortalState::Asking)
    }

    /// The portal, never enabled.
    #[cfg(test)]
    pub fn sample_off() -> Self {
        Self::portal_at(PortalState::Off)
    }

    #[cfg(test)]
    fn portal_at(state: PortalState) -> Self {
        Self::with(
            "selfservice",
            ResourceTab::SelfService(Box::new(SelfService {
                state,
                enable_href: "/admin/resources/VPN/selfservice?enable=1".into(),
                alias: Field::wrong("My VPN", "Small letters, digits and dashes only, for example my-vpn."),
                address: String::new(),
                qr: String::new(),
                actions: Vec::new(),
                token_types: Vec::new(),
                pin_and_app: None,
                preview: Vec::new(),
                policies: Vec::new(),
                score: Field::default(),
                restore_wait: Field::of("24"),
                keypad_question: Field::of("QN08"),
                see_login: Field::default(),
                seen: None,
            })),
        )
    }

    /// Tokens with Users.
    #[cfg(test)]
    pub fn sample_pairs() -> Self {
        let row = |user: &str, serial: &str| AssignedRow {
            user: Some(user.into()),
            serial: Some(serial.into()),
            state: Badge::with_icon(Tone::Good, "badge-check", "Confirmed"),
            since: Moment::new("3 May", "2025-05-03T10:30:00Z"),
            unassign: Some("17".into()),
        };
        Self::with(
            "pairs",
            ResourceTab::Assigned(Box::new(Assigned {
                words: "These users need the code of this token to sign in here.".into(),
                shows_user: true,
                shows_token: true,
                rows: vec![row("test", "87-1234567"), row("m.berg", "87-1234568")],
                pager: Pager { words: "1 to 2 of 460".into(), previous: None, next: None },
                empty_title: "No pair yet.".into(),
                empty_text: "Users make them in the portal by confirming their token.".into(),
                reminders: None,
                form: Some(AssignForm {
                    title: "Assign a token with a user".into(),
                    kind: "token_with_user",
                    user: Field::default(),
                    token: Field::default(),
                }),
            })),
        )
    }

    /// One token waits; one person can be reminded, one cannot.
    #[cfg(test)]
    pub fn sample_unconfirmed() -> Self {
        Self::with(
            "unconfirmed",
            ResourceTab::Assigned(Box::new(Assigned {
                words: "Tokens that stand here and whose users have not proved yet that they have them."
                    .into(),
                shows_user: false,
                shows_token: true,
                rows: vec![AssignedRow {
                    user: None,
                    serial: Some("87-1234567".into()),
                    state: Badge::with_icon(Tone::Neutral, "hand-helping", "Handed out"),
                    since: Moment::new("3 May", "2025-05-03T10:30:00Z"),
                    unassign: None,
                }],
                pager: Pager { words: "1 token".into(), previous: None, next: None },
                empty_title: "Everything here is confirmed.".into(),
                empty_text: String::new(),
                reminders: Some(RemindForm {
                    words: "1 person can be reminded by mail now.".into(),
                    can: true,
                    obstacle: None,
                    without_address: vec!["m.berg".into()],
                    more_without: Some("and 3 more".into()),
                }),
                form: None,
            })),
        )
    }

    /// Nobody assigned yet.
    #[cfg(test)]
    pub fn sample_empty() -> Self {
        Self::with(
            "users",
            ResourceTab::Assigned(Box::new(Assigned {
                words: "Users who may sign in here and open the portal.".into(),
                shows_user: true,
                shows_token: false,
                rows: Vec::new(),
                pager: Pager::default(),
                empty_title: "No user here yet.".into(),
                empty_text: "Assign the first one below.".into(),
                reminders: None,
                form: Some(AssignForm {
                    title: "Assign a user".into(),
                    kind: "user",
                    user: Field::wrong("tset", "There is no user with this login."),
                    token: Field::default(),
                }),
            })),
        )
    }
}

/// Not a code that any camera reads: the shape alone.
#[cfg(test)]
const SAMPLE_QR: &str = concat!(
    r##"<svg viewBox="0 0 29 29" role="img" aria-label="QR code of the address" shape-rendering="crispEdges">"##,
    r##"<path fill="#fff" d="M0 0h29v29H0z"/><path fill="#000" d="M4 4h7v7H4zM18 4h7v7h-7zM4 18h7v7H4z"/>"##,
    r##"<path fill="#fff" d="M5 5h5v5H5zM19 5h5v5h-5zM5 19h5v5H5z"/>"##,
    r##"<path fill="#000" d="M6 6h3v3H6zM20 6h3v3h-3zM6 20h3v3H6zM13 5h2v3h-2zM12 10h4v2h-4zM18 13h3v2h-3zM13 18h3v4h-3zM19 20h5v2h-5z"/></svg>"##
);
