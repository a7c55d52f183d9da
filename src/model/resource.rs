//! Something people log in to, and the portal that belongs to it.

use serde::{Deserialize, Serialize};

use super::{KeypadQuestion, PinPlacement, ResourceAlias, ResourceId, ResourceName};
use crate::clock::UnixTime;
use crate::oath::{Digits, HashAlg};

macro_rules! named_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* $variant,)* }

        impl $name {
            /// All of them, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code in JSON and on the command line.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Reads the code.
            pub fn from_name(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.name() == text)
            }
        }
    };
}

named_enum! {
    /// What a user can do in the portal.
    PortalAction {
        /// A new token is created and proved.
        RegisterNewToken = "register_new_token",
        /// A token received is confirmed.
        RegisterExistingToken = "register_existing_token",
        /// Another token takes the place of the present one.
        ReassignToken = "reassign_token",
        /// The token is given back.
        UnassignToken = "unassign_token",
        /// Consecutive codes bring a drifted token back.
        SynchronizeToken = "synchronize_token",
        /// A PIN beside the code.
        SetupPin = "setup_pin",
        /// No PIN any more.
        RemovePin = "remove_pin",
        /// A first password.
        CreatePassword = "create_password",
        /// Another password.
        ChangePassword = "change_password",
        /// Another mail address.
        ChangeEmail = "change_email",
        /// Another phone number.
        ChangePhone = "change_phone",
        /// Another login.
        ChangeLogin = "change_login",
        /// Another name.
        ChangeName = "change_name",
        /// The environments this user signs in from.
        ManageEnvironment = "manage_environment",
    }
}

named_enum! {
    /// What kind of token may be made by *Register New Token*.
    TokenType {
        /// A token with a display, its secret known to the user.
        Hardware = "hardware",
        /// An authenticator app.
        Software = "software",
        /// Any OATH token by its secret and parameters.
        Universal = "universal",
        /// Codes by mail.
        Mail = "mail",
    }
}

named_enum! {
    /// What happens when somebody signs in from an environment that is unlike those known of them.
    EnvironmentPolicy {
        /// Nothing.
        Off = "off",
        /// The user is told, and the log knows.
        Report = "report",
        /// Who has no token gives a mailed code beside the password.
        AskOtp = "ask_otp",
        /// Nobody is let in.
        Refuse = "refuse",
    }
}

/// The portal of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelfService {
    /// Last part of its address; unique.
    pub alias: ResourceAlias,
    /// False: closed, the configuration is kept.
    pub enabled: bool,
    /// The enabled actions in the order in which users see them.
    pub actions: Vec<PortalAction>,
    /// The enabled token types.
    pub token_types: Vec<TokenType>,
    /// Widest synchronisation window to either side for clock tokens, in seconds.
    pub window_secs: u32,
    /// Widest synchronisation window ahead for event tokens, in counters.
    pub window_counters: u32,
    /// Whom users can ask, shown where nothing else helps.
    pub help_text: String,
    /// Most digits of a PIN, 4 to 8.
    pub pin_length: u8,
    /// Where PINs stand; `None`: as each user likes.
    pub pin_placement: Option<PinPlacement>,
    /// Hash of the secrets that are made here for apps.
    pub software_hash: HashAlg,
    /// Digits of the codes of apps.
    pub software_digits: Digits,
    /// What happens with sign-ins from unusual environments.
    pub environment_policy: EnvironmentPolicy,
    /// The least likeness with a known environment that is usual, 0 to 100.
    pub environment_score: u8,
    /// Hours until a request of somebody who could prove nothing takes effect, after two operators approved.
    pub restore_wait_hours: u16,
}

impl SelfService {
    /// ±1 day.
    pub const DEFAULT_WINDOW_SECS: u32 = 86_400;
    /// 1,000 presses ahead.
    pub const DEFAULT_WINDOW_COUNTERS: u32 = 1_000;

    /// The PIN lengths that can be allowed at most.
    pub const PIN_LENGTHS: std::ops::RangeInclusive<u8> = 4..=8;
    /// Another network and another screen, or another time zone, are usual.
    pub const DEFAULT_ENVIRONMENT_SCORE: u8 = 70;

    /// One day.
    pub const DEFAULT_RESTORE_WAIT_HOURS: u16 = 24;
    /// The longest wait that can be set: two weeks.
    pub const MOST_RESTORE_WAIT_HOURS: u16 = 336;

    /// A portal as it is right after it was enabled: no action is.
    pub const fn new(alias: ResourceAlias) -> Self {
        Self {
            alias,
            enabled: true,
            actions: Vec::new(),
            token_types: Vec::new(),
            window_secs: Self::DEFAULT_WINDOW_SECS,
            window_counters: Self::DEFAULT_WINDOW_COUNTERS,
            help_text: String::new(),
            pin_length: *Self::PIN_LENGTHS.start(),
            pin_placement: None,
            software_hash: HashAlg::Sha1,
            software_digits: Digits::SIX,
            environment_policy: EnvironmentPolicy::Off,
            environment_score: Self::DEFAULT_ENVIRONMENT_SCORE,
            restore_wait_hours: Self::DEFAULT_RESTORE_WAIT_HOURS,
        }
    }
}

/// Something people log in to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Number in the store.
    pub id: ResourceId,
    /// What people call it; unique.
    pub name: ResourceName,
    /// Failures after which a method is blocked, 3 to 10.
    pub failure_limit: u32,
    /// Its portal, once it was enabled for the first time.
    pub portal: Option<SelfService>,
    /// Since when.
    pub created_at: UnixTime,
    /// What its portal asks a token with a keypad whose suite nobody knows yet.
    pub keypad_question: KeypadQuestion,
}

impl Resource {
    /// Failures after which a method is blocked, unless the resource says otherwise.
    pub const DEFAULT_FAILURE_LIMIT: u32 = 5;
    /// The limits that can be set.
    pub const FAILURE_LIMITS: std::ops::RangeInclusive<u32> = 3..=10;

    /// Whether environments are of any use here: a policy looks at them, or users may.
    pub fn keeps_environments(&self) -> bool {
        self.portal.as_ref().is_some_and(|portal| {
            portal.environment_policy != EnvironmentPolicy::Off
                || portal.actions.contains(&PortalAction::ManageEnvironment)
        })
    }

    /// The portal when it is open.
    pub fn open_portal(&self) -> Option<&SelfService> {
        self.portal.as_ref().filter(|p| p.enabled)
    }
}
