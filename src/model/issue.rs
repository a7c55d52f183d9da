//! A request of somebody who cannot sign in any more, which waits for an operator (P38 to P46).

use serde::{Deserialize, Serialize};

use super::{
    EmailAddress, InvalidTransition, OperatorId, PasswordHash, ResourceId, SessionCode, TokenId, UserId,
    UserIssueId,
};
use crate::clock::UnixTime;

/// What somebody proves who they are with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Factor {
    /// The token of the resource.
    Token,
    /// The password.
    Password,
    /// The mail address, by a mailed code.
    Email,
}

impl Factor {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Token, Self::Password, Self::Email];

    /// The name in JSON and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Password => "password",
            Self::Email => "email",
        }
    }
}

/// One value for each factor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Factors<T> {
    /// For the token.
    pub token: T,
    /// For the password.
    pub password: T,
    /// For the mail address.
    pub email: T,
}

impl<T: Copy> Factors<T> {
    /// The value of one factor.
    pub const fn of(&self, factor: Factor) -> T {
        match factor {
            Factor::Token => self.token,
            Factor::Password => self.password,
            Factor::Email => self.email,
        }
    }

    /// What a rule makes of each.
    pub fn map<U>(self, rule: impl Fn(Factor, T) -> U) -> Factors<U> {
        Factors {
            token: rule(Factor::Token, self.token),
            password: rule(Factor::Password, self.password),
            email: rule(Factor::Email, self.email),
        }
    }

    /// The factors whose value fits.
    pub fn where_it(self, fits: impl Fn(T) -> bool) -> Vec<Factor> {
        Factor::ALL.into_iter().filter(|factor| fits(self.of(*factor))).collect()
    }
}

/// What stood for a factor at one moment, as a hash: another password, another address or another token has another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FactorMark(pub [u8; 32]);

/// What a request says of one factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Claim {
    /// The user has none.
    Absent,
    /// It is said to be lost.
    Lost,
    /// Whoever asks proved that they have it.
    Proved,
    /// It is not said to be lost, and was not proved.
    Unproved,
}

impl Claim {
    /// The name in JSON and in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Lost => "lost",
            Self::Proved => "proved",
            Self::Unproved => "unproved",
        }
    }
}

/// The number that the requester sees: nine digits, read aloud in three groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssueReference(u32);

impl IssueReference {
    const END: u32 = 1_000_000_000;

    /// From random bits.
    pub const fn from_random(bits: u32) -> Self {
        Self(bits % Self::END)
    }

    /// Reads what was typed: blanks and dashes between the digits do not matter.
    pub fn parse(text: &str) -> Option<Self> {
        let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let fits = digits.len() == 9 && digits.chars().all(|c| c.is_ascii_digit());
        fits.then(|| digits.parse().ok()).flatten().map(Self)
    }
}

impl std::fmt::Display for IssueReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let number = self.0;
        write!(f, "{:03}-{:03}-{:03}", number / 1_000_000, number / 1_000 % 1_000, number % 1_000)
    }
}

/// Where a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum IssueState {
    /// It waits: for an operator, for a second one, or for its time.
    Open,
    /// Somebody was identified, and it took effect.
    Approved {
        /// When.
        at: UnixTime,
    },
    /// An operator threw it away.
    DeletedByOperator {
        /// When.
        at: UnixTime,
    },
    /// The owner signed in with what was said to be lost, or with all there is.
    DeletedBySignIn {
        /// When.
        at: UnixTime,
    },
    /// Another request of the same user was approved.
    ClosedWithAnother {
        /// When.
        at: UnixTime,
    },
    /// Nobody looked at it in time.
    Expired {
        /// When.
        at: UnixTime,
    },
    /// Whoever reads the mails of an old address did not want it.
    Cancelled {
        /// When.
        at: UnixTime,
    },
}

impl IssueState {
    /// The name in JSON and in the log.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved { .. } => "approved",
            Self::DeletedByOperator { .. } => "deleted_by_operator",
            Self::DeletedBySignIn { .. } => "deleted_by_sign_in",
            Self::ClosedWithAnother { .. } => "closed_with_another",
            Self::Expired { .. } => "expired",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// When it ended; `None` while it waits.
    pub const fn ended_at(&self) -> Option<UnixTime> {
        match self {
            Self::Open => None,
            Self::Approved { at }
            | Self::DeletedByOperator { at }
            | Self::DeletedBySignIn { at }
            | Self::ClosedWithAnother { at }
            | Self::Expired { at }
            | Self::Cancelled { at } => Some(*at),
        }
    }
}

/// An operator's word that the requester is who they say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// The operator, when one was signed in.
    pub operator: Option<OperatorId>,
    /// Who, as text for people.
    pub by: String,
    /// When.
    pub at: UnixTime,
    /// How identity was established.
    pub note: String,
}

/// A secret that was mailed as part of an address: its hash, and until when it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailedLink {
    /// SHA-256 of the secret.
    pub hash: [u8; 32],
    /// Until when it works.
    pub expires_at: UnixTime,
}

/// A request to restore access.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIssue {
    /// Number in the store.
    pub id: UserIssueId,
    /// The number that the requester sees.
    pub reference: IssueReference,
    /// Whose access.
    pub user: UserId,
    /// In whose portal it was asked for.
    pub resource: ResourceId,
    /// What is said of each factor.
    pub claims: Factors<Claim>,
    /// The token that is said to be lost.
    pub token: Option<TokenId>,
    /// The password that takes the place of the lost one; only while it waits.
    pub new_password: Option<PasswordHash>,
    /// The address that takes the place of the lost one.
    pub new_email: Option<EmailAddress>,
    /// When it was made.
    pub opened_at: UnixTime,
    /// From which network address.
    pub address: String,
    /// With which browser, as far as it says.
    pub browser: String,
    /// Where it stands.
    pub state: IssueState,
    /// Who established identity, and how.
    pub approvals: Vec<Approval>,
    /// After two approvals: when it takes effect.
    pub effect_at: Option<UnixTime>,
    /// Proves the new address, after approval.
    pub proves_email: Option<MailedLink>,
    /// What stood for each factor when it was made: a proof holds only as long as it still does.
    pub marks: Factors<Option<FactorMark>>,
    /// Requests that proved nothing and gave way to it, one after the other.
    pub displaced: u32,
}

impl UserIssue {
    /// It waits for so long.
    pub const LIVES_SECS: i64 = 30 * 86_400;
    /// So long after approval the next sign-in is let in from wherever it comes.
    pub const WELCOMES_SECS: i64 = 7 * 86_400;
    /// So long after approval the link to a new address can be mailed again.
    pub const LINKS_SECS: i64 = 30 * 86_400;
    /// So long it can be looked at when it has ended.
    pub const KEPT_SECS: i64 = 365 * 86_400;

    /// True while it waits.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, IssueState::Open)
    }

    /// Nothing was proved by whoever asks: two operators must say who it is, and it takes effect after a wait.
    pub fn needs_two(&self) -> bool {
        self.claims.where_it(|claim| claim == Claim::Proved).is_empty()
    }

    /// True while it was approved no longer ago than this.
    pub fn is_approved_within(&self, secs: i64, now: UnixTime) -> bool {
        matches!(self.state, IssueState::Approved { at } if now.secs_since(at) <= secs)
    }

    /// When something is to be done with it: take effect, expire, go.
    pub fn due_at(&self) -> UnixTime {
        match (self.state.ended_at(), self.effect_at) {
            (Some(ended), _) => ended.plus_secs(Self::KEPT_SECS),
            (None, Some(effect)) => effect,
            (None, None) => self.opened_at.plus_secs(Self::LIVES_SECS),
        }
    }

    /// Ends it. What it would have put in place of the lost is forgotten; an address that an approved one
    /// names still waits for its proof.
    ///
    /// # Errors
    /// When it has ended already, or is to become open.
    pub fn ended(self, state: IssueState) -> Result<Self, InvalidTransition> {
        if !self.is_open() || state.ended_at().is_none() {
            return Err(InvalidTransition { from: self.state.name(), to: state.name() });
        }
        let new_email = self.new_email.filter(|_| matches!(state, IssueState::Approved { .. }));
        Ok(Self { state, new_password: None, new_email, ..self })
    }
}

/// A request that is being made, in the session that makes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreDraft {
    /// What was ticked as lost.
    pub lost: Factors<bool>,
    /// What was proved: each with what stood for it then.
    pub proved: Factors<Option<FactorMark>>,
    /// The code that was mailed for it, good in its own session only.
    pub code: Option<SessionCode>,
    /// The new password.
    pub new_password: Option<PasswordHash>,
    /// The new address.
    pub new_email: Option<EmailAddress>,
    /// The number it got when it was sent.
    pub reference: Option<IssueReference>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue() -> UserIssue {
        UserIssue {
            id: UserIssueId(1),
            reference: IssueReference::from_random(7),
            user: UserId(5),
            resource: ResourceId(3),
            claims: Factors { token: Claim::Lost, password: Claim::Lost, email: Claim::Absent },
            token: Some(TokenId(2)),
            new_password: Some(PasswordHash("p".into())),
            new_email: None,
            opened_at: UnixTime::from_secs(1_000),
            address: "192.0.2.7".into(),
            browser: String::new(),
            state: IssueState::Open,
            approvals: Vec::new(),
            effect_at: None,
            proves_email: None,
            marks: Factors::default(),
            displaced: 0,
        }
    }

    #[test]
    fn references_are_read_as_people_type_them() {
        let reference = IssueReference::from_random(48_271_936);
        assert_eq!(reference.to_string(), "048-271-936");
        for typed in ["048-271-936", "048 271 936", "048271936", " 0 48271-936 "] {
            assert_eq!(IssueReference::parse(typed), Some(reference), "{typed}");
        }
        for typed in ["", "48271936", "0482719360", "04827193x", "０48271936"] {
            assert_eq!(IssueReference::parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn an_issue_ends_once_and_forgets_the_password() {
        let at = UnixTime::from_secs(2_000);
        let ended = issue().ended(IssueState::Approved { at }).expect("open");
        assert_eq!((ended.new_password.clone(), ended.is_open()), (None, false));
        assert_eq!(ended.due_at(), at.plus_secs(UserIssue::KEPT_SECS));
        assert!(ended.ended(IssueState::Expired { at }).is_err());
        assert!(issue().ended(IssueState::Open).is_err());
    }

    #[test]
    fn it_is_due_when_it_takes_effect_or_expires() {
        let open = issue();
        assert_eq!(open.due_at(), open.opened_at.plus_secs(UserIssue::LIVES_SECS));
        let waiting = UserIssue { effect_at: Some(UnixTime::from_secs(3_000)), ..open };
        assert_eq!(waiting.due_at(), UnixTime::from_secs(3_000));
        assert!(waiting.needs_two());
        let claims = Factors { email: Claim::Proved, ..waiting.claims };
        assert!(!UserIssue { claims, ..waiting }.needs_two());
    }
}
