//! The pair of a user and a token on a resource: which one counts, how one comes about, and how a token
//! takes the places of another.

use crate::clock::UnixTime;
use crate::model::{
    Actor, Assignment, AssignmentKind, AuditAction, AuditResult, DisabledBy, Parties, Resource, Subject,
    Token, TokenId, User, UserId,
};
use crate::store::{Change, Changes, View};

use super::emergency::is_away;
use super::{ServiceError, emergency};

/// The user's pair on a resource, if the token counts: one disabled by an approved issue or replaced
/// counts as none.
pub(super) fn pair_of(
    view: &dyn View,
    user: UserId,
    resource: &Resource,
) -> Result<Option<(Assignment, Token)>, ServiceError> {
    for assignment in view.assignments_of_user(user)? {
        if assignment.resource != resource.id || assignment.parties.kind() != AssignmentKind::TokenWithUser {
            continue;
        }
        if let Some(token) = assignment.parties.token()
            && let Some(token) = view.token(token)?
            && !matches!(token.disabled, Some(DisabledBy::Issue | DisabledBy::Replaced))
        {
            return Ok(Some((assignment, token)));
        }
    }
    Ok(None)
}

/// As [`pair_of`]; in a session that an emergency code opened, a token that was switched off or noted as lost counts
/// as none, so that its owner can get another one.
pub(super) fn counting_pair(
    view: &dyn View,
    user: UserId,
    resource: &Resource,
    emergency: bool,
) -> Result<Option<(Assignment, Token)>, ServiceError> {
    Ok(pair_of(view, user, resource)?.filter(|(_, token)| !(emergency && is_away(token))))
}

/// The user's own assignment on a resource.
pub(super) fn place_of(
    view: &dyn View,
    user: UserId,
    resource: &Resource,
) -> Result<Option<Assignment>, ServiceError> {
    Ok(view.assignments_of_user(user)?.into_iter().find(|a| a.resource == resource.id))
}

/// The user must be on the resource. Without `replaced` there must be no counting pair; with it the pair
/// must be with that token still.
pub(super) fn require_place(
    view: &dyn View,
    user: &User,
    resource: &Resource,
    replaced: Option<TokenId>,
    emergency: bool,
) -> Result<Assignment, ServiceError> {
    let pair = counting_pair(view, user.id, resource, emergency)?;
    if let Some(old) = replaced {
        let gone =
            || ServiceError::state("token_changed", "the token to be replaced is no longer yours here");
        return pair.filter(|(_, token)| token.id == old).map(|(place, _)| place).ok_or_else(gone);
    }
    if pair.is_some() {
        return Err(ServiceError::state("token_present", "this user has a token on this resource already"));
    }
    place_of(view, user.id, resource)?.ok_or_else(|| {
        ServiceError::state(
            "user_not_assigned",
            "this user is not assigned to this resource: assign the user first",
        )
    })
}

/// What happens when a token was proved by its user on a resource.
pub(super) struct Pairing<'a> {
    pub(super) user: &'a User,
    pub(super) resource: &'a Resource,
    pub(super) actor: &'a Actor,
    pub(super) now: UnixTime,
    /// The token whose places it takes.
    pub(super) replaced: Option<TokenId>,
}

impl Pairing<'_> {
    /// The changes that make user and token a pair here. `new` goes out with what the pairing changes of
    /// its record; the caller writes it.
    pub(super) fn changes(&self, view: &dyn View, new: &mut Token) -> Result<Changes, ServiceError> {
        let place = place_of(view, self.user.id, self.resource)?.ok_or(ServiceError::Stale)?;
        let mut changes = emergency::ended(self.user.id);
        // The one that an approved issue switched off leaves in the same way, at the latest now.
        let lost = match (self.replaced, place.parties) {
            (Some(old), _) => Some(old),
            (None, Parties::TokenWithUser(_, old)) if old != new.id => Some(old),
            _ => None,
        };
        let old = match lost {
            Some(old) => view.token(old)?,
            None => None,
        };
        match old {
            Some(old) => changes.extend(self.take_places(view, old, new)?),
            None => changes.extend(self.here(view, place, new)?),
        }
        for own in view.assignments_of_token(new.id)? {
            if own.resource == self.resource.id
                && own.id != place.id
                && own.parties.kind() == AssignmentKind::Token
            {
                changes.push(Change::DeleteAssignment(own.id));
            }
        }
        Ok(changes)
    }

    /// The user's place and the token's become one pair.
    fn here(&self, view: &dyn View, place: Assignment, new: &Token) -> Result<Changes, ServiceError> {
        let mut changes = Vec::new();
        let parties = match place.parties {
            // The token of this pair is gone.
            Parties::TokenWithUser(..) => Parties::User(self.user.id),
            Parties::UserToken(user, other) if other != new.id => {
                changes.push(Change::PutAssignment(Assignment {
                    id: view.next_assignment()?,
                    resource: self.resource.id,
                    parties: Parties::Token(other),
                    created_at: self.now,
                }));
                Parties::User(user)
            }
            same => same,
        };
        changes.push(Change::PutAssignment(Assignment {
            parties: parties.confirmed(self.user.id, new.id)?,
            // From now on: a proof that is older was given without this token.
            created_at: self.now,
            ..place
        }));
        Ok(changes)
    }

    /// The new token takes every place of the old one, on all resources, and the old one is disabled: it
    /// stands nowhere any more. The two are linked in both records and in the log.
    fn take_places(&self, view: &dyn View, mut old: Token, new: &mut Token) -> Result<Changes, ServiceError> {
        let mut changes = Vec::new();
        let mut subjects = vec![Subject::Token(old.id), Subject::Token(new.id), Subject::User(self.user.id)];
        for own in view.assignments_of_token(old.id)? {
            let parties = match own.parties {
                Parties::TokenWithUser(user, _) if user == self.user.id => {
                    Parties::TokenWithUser(user, new.id)
                }
                Parties::UserToken(user, _) if user == self.user.id => Parties::UserToken(user, new.id),
                // With another user it stays a matter of that user; alone it is of no use.
                Parties::TokenWithUser(user, _) | Parties::UserToken(user, _) => Parties::User(user),
                Parties::Token(_) | Parties::User(_) => {
                    changes.push(Change::DeleteAssignment(own.id));
                    continue;
                }
            };
            // Where the new one stood by itself, it now stands in the pair.
            for single in view.assignments_of_token(new.id)? {
                if single.resource == own.resource && single.parties.kind() == AssignmentKind::Token {
                    changes.push(Change::DeleteAssignment(single.id));
                }
            }
            changes.push(Change::PutAssignment(Assignment { parties, created_at: self.now, ..own }));
            subjects.push(Subject::Resource(own.resource));
        }
        old.disabled = Some(DisabledBy::Replaced);
        old.follows_batch = false;
        old.replaced_by = Some(new.id);
        new.replaces = Some(old.id);
        let detail = vec![("old", old.serial.display().to_owned()), ("new", new.serial.display().to_owned())];
        changes.push(super::audit_entry(
            self.now,
            self.actor,
            AuditAction::TokenReplaced,
            subjects,
            AuditResult::Done,
            detail,
        ));
        changes.push(Change::PutToken(old));
        Ok(changes)
    }
}
