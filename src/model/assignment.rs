//! Who and what stands on a resource.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{AssignmentId, ResourceId, TokenId, UserId};
use crate::clock::UnixTime;

/// The four kinds, as JSON names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AssignmentKind {
    /// A user without a token here.
    User,
    /// A token without a user here.
    Token,
    /// Both, each for itself.
    UserToken,
    /// A pair: the user must give this token's code.
    TokenWithUser,
}

impl AssignmentKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::User, Self::Token, Self::UserToken, Self::TokenWithUser];

    /// The name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Token => "token",
            Self::UserToken => "user_token",
            Self::TokenWithUser => "token_with_user",
        }
    }

    /// Reads the name.
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text)
    }
}

/// Who and what is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parties {
    /// A user without a token here.
    User(UserId),
    /// A token without a user here.
    Token(TokenId),
    /// Both, each for itself.
    UserToken(UserId, TokenId),
    /// A pair.
    TokenWithUser(UserId, TokenId),
}

/// The change of kind is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("an assignment of kind {from} cannot become {to}")]
pub struct InvalidTransition {
    /// The kind it has.
    pub from: &'static str,
    /// The kind asked for.
    pub to: &'static str,
}

impl Parties {
    /// The kind without the parties.
    pub const fn kind(&self) -> AssignmentKind {
        match self {
            Self::User(_) => AssignmentKind::User,
            Self::Token(_) => AssignmentKind::Token,
            Self::UserToken(..) => AssignmentKind::UserToken,
            Self::TokenWithUser(..) => AssignmentKind::TokenWithUser,
        }
    }

    /// The user, if there is one.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::User(user) | Self::UserToken(user, _) | Self::TokenWithUser(user, _) => Some(*user),
            Self::Token(_) => None,
        }
    }

    /// The token, if there is one.
    pub const fn token(&self) -> Option<TokenId> {
        match self {
            Self::Token(token) | Self::UserToken(_, token) | Self::TokenWithUser(_, token) => Some(*token),
            Self::User(_) => None,
        }
    }

    /// A user proved possession of a token that stood here without one: the two become a pair.
    pub fn confirmed(self, user: UserId, token: TokenId) -> Result<Self, InvalidTransition> {
        let refused =
            InvalidTransition { from: self.kind().name(), to: AssignmentKind::TokenWithUser.name() };
        match self {
            Self::User(u) if u == user => Ok(Self::TokenWithUser(user, token)),
            Self::Token(t) if t == token => Ok(Self::TokenWithUser(user, token)),
            Self::UserToken(u, t) if u == user && t == token => Ok(Self::TokenWithUser(user, token)),
            _ => Err(refused),
        }
    }

    /// The pair is undone: what stays is the user, and the token for itself.
    pub fn unpaired(self) -> Result<(Self, Self), InvalidTransition> {
        match self {
            Self::TokenWithUser(user, token) => Ok((Self::User(user), Self::Token(token))),
            _ => Err(InvalidTransition { from: self.kind().name(), to: AssignmentKind::User.name() }),
        }
    }
}

/// Who or what stands on a resource, since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Number in the store.
    pub id: AssignmentId,
    /// Where.
    pub resource: ResourceId,
    /// Who and what.
    pub parties: Parties,
    /// Since when.
    pub created_at: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: UserId = UserId(1);
    const TOKEN: TokenId = TokenId(2);

    #[test]
    fn confirmation_makes_a_pair_of_the_right_parties_only() {
        let pair = Parties::TokenWithUser(USER, TOKEN);
        assert_eq!(Parties::Token(TOKEN).confirmed(USER, TOKEN), Ok(pair));
        assert_eq!(Parties::User(USER).confirmed(USER, TOKEN), Ok(pair));
        assert_eq!(Parties::UserToken(USER, TOKEN).confirmed(USER, TOKEN), Ok(pair));
        assert!(Parties::Token(TokenId(3)).confirmed(USER, TOKEN).is_err());
        assert!(Parties::User(UserId(9)).confirmed(USER, TOKEN).is_err());
        assert!(pair.confirmed(USER, TOKEN).is_err());
    }

    #[test]
    fn only_a_pair_can_be_undone() {
        assert_eq!(
            Parties::TokenWithUser(USER, TOKEN).unpaired(),
            Ok((Parties::User(USER), Parties::Token(TOKEN)))
        );
        assert!(Parties::User(USER).unpaired().is_err());
    }
}
