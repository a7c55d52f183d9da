//! Changes of sessions and of what lives with them.

use std::collections::BTreeSet;

use super::StoreError;
use super::apply::Applier;
use super::keys;
use super::kv::{Order, Span, Tab};
use crate::model::{ChallengeOwner, Challenges, LoginStage, Session, SessionKind, TokenDraft};

impl Applier<'_> {
    pub(super) fn put_session(&self, key: &[u8; 32], session: &Session) -> Result<(), StoreError> {
        let old = self.put(Tab::Sessions, key, session)?;
        self.index_session(key, old.as_ref(), Some(session))
    }

    pub(super) fn remove_session(&self, key: &[u8]) -> Result<(), StoreError> {
        let old = self.take::<Session>(Tab::Sessions, key)?;
        self.remove_draft(key)?;
        if let Ok(session) = <[u8; 32]>::try_from(key) {
            self.put_challenges(ChallengeOwner::Session(session), &Challenges::default())?;
        }
        self.index_session(key, old.as_ref(), None)
    }

    pub(super) fn put_draft(&self, session: &[u8; 32], draft: &TokenDraft) -> Result<(), StoreError> {
        let old = self.put(Tab::Drafts, session, draft)?;
        self.index_draft(session, old.as_ref(), Some(draft))
    }

    pub(super) fn remove_draft(&self, session: &[u8]) -> Result<(), StoreError> {
        let old = self.take::<TokenDraft>(Tab::Drafts, session)?;
        self.index_draft(session, old.as_ref(), None)
    }

    pub(super) fn put_challenges(
        &self,
        owner: ChallengeOwner,
        challenges: &Challenges,
    ) -> Result<(), StoreError> {
        let key = keys::challenges(owner);
        let gone = challenges.0.is_empty();
        let old = if gone {
            self.take::<Challenges>(Tab::Challenges, &key)?
        } else {
            self.put(Tab::Challenges, &key, challenges)?
        };
        let end = |challenges: &Challenges| keys::joined(&[&keys::moment(challenges.ends_at()), &key]);
        self.reindex(Tab::ChallengeEnds, old.as_ref().map(end), (!gone).then(|| end(challenges)))
    }

    fn index_draft(
        &self,
        session: &[u8],
        old: Option<&TokenDraft>,
        new: Option<&TokenDraft>,
    ) -> Result<(), StoreError> {
        let end = |draft: &TokenDraft| keys::joined(&[&keys::moment(draft.ends_at()), session]);
        self.reindex(Tab::DraftEnds, old.map(end), new.map(end))
    }

    fn index_session(
        &self,
        key: &[u8],
        old: Option<&Session>,
        new: Option<&Session>,
    ) -> Result<(), StoreError> {
        let owners = |session: &Session| -> BTreeSet<Vec<u8>> {
            session_owners(session).into_iter().map(|owner| keys::joined(&[&owner, key])).collect()
        };
        let end = |session: &Session| keys::joined(&[&keys::moment(session.ends_at()), key]);
        self.reindex(Tab::SessionEnds, old.map(end), new.map(end))?;
        let unproved = |session: &Session| {
            let typed = SessionKind::is_unproved(&session.kind);
            typed.then(|| keys::joined(&[&keys::moment(session.created_at), key]))
        };
        self.reindex(Tab::SessionsUnproved, old.and_then(unproved), new.and_then(unproved))?;
        let (old, new) = (old.map(owners).unwrap_or_default(), new.map(owners).unwrap_or_default());
        self.reindex_all(Tab::SessionsOf, &old, &new)
    }

    pub(super) fn end_sessions(&self, owner: &[u8]) -> Result<(), StoreError> {
        for (key, _) in self.kv.range(Tab::SessionsOf, &Span::prefix(owner), Order::Up, usize::MAX)? {
            self.remove_session(&key[owner.len()..])?;
        }
        Ok(())
    }
}

fn session_owners(session: &Session) -> Vec<[u8; 9]> {
    match &session.kind {
        SessionKind::Operator(id) => vec![keys::operator_sessions(*id)],
        SessionKind::Portal { resource, stage } => {
            let user = match stage {
                // Nothing is proved: were it ended with the user's sessions, a stranger who typed the login
                // would learn that it is somebody's.
                LoginStage::LoginTyped { .. } => None,
                LoginStage::OtpOwed { user }
                | LoginStage::CodeOwed { user }
                | LoginStage::Full { user, .. } => Some(*user),
            };
            [keys::portal_sessions(*resource)].into_iter().chain(user.map(keys::user_sessions)).collect()
        }
    }
}
