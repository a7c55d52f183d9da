//! What the scope of an actor owns: said here once for tokens, users, batches and imports.
//!
//! To *see* something, one of its places must lie in the scope. To *rule* it, all of them must: what
//! is changed for one resource is changed for the others, too. What stands nowhere belongs to those
//! who see everything, and to the one who imported it.

use crate::model::{Actor, ActorOrigin, Batch, BatchId, Import, Scope, Token, User, UserId};
use crate::store::{Page, Slice, TokenFilter, View};

use super::ServiceError;

/// Tokens that are read at once to be counted.
const PAGE: usize = 1_000;

/// True when both are the same person or key, whatever their rights were.
fn is_same(one: &ActorOrigin, other: &ActorOrigin) -> bool {
    match (one, other) {
        (ActorOrigin::Operator { id: a, .. }, ActorOrigin::Operator { id: b, .. }) => a == b,
        (ActorOrigin::ApiKey { id: a, .. }, ActorOrigin::ApiKey { id: b, .. }) => a == b,
        (ActorOrigin::Local { uid: a }, ActorOrigin::Local { uid: b }) => a == b,
        _ => false,
    }
}

/// True when everything that `inner` sees belongs to `outer`.
pub(super) fn is_within(outer: &Scope, inner: &Scope) -> bool {
    match inner {
        Scope::All => *outer == Scope::All,
        Scope::Resources(list) => list.iter().all(|resource| outer.covers(*resource)),
    }
}

/// The actor may commit, drop and undo the import.
pub(super) fn rules_import(actor: &Actor, import: &Import) -> bool {
    actor.scope == Scope::All || is_same(&actor.origin, &import.actor.origin)
}

/// The actor brought the import, or its batch stands on a resource of the scope.
pub(super) fn sees_import(view: &dyn View, actor: &Actor, import: &Import) -> Result<bool, ServiceError> {
    Ok(rules_import(actor, import) || stands_in(view, actor, import.batch)?)
}

fn stands_in(view: &dyn View, actor: &Actor, batch: BatchId) -> Result<bool, ServiceError> {
    Ok(view.batch_assignments_of(batch)?.iter().any(|record| actor.scope.covers(record.resource)))
}

/// The actor brought this batch.
fn brought(view: &dyn View, actor: &Actor, batch: BatchId) -> Result<bool, ServiceError> {
    let Some(import) = view.batch_any(batch)?.and_then(|batch| batch.import) else { return Ok(false) };
    Ok(view.import(import)?.is_some_and(|import| is_same(&actor.origin, &import.actor.origin)))
}

/// The batch stands on a resource of the scope, or the actor brought it.
pub(super) fn sees_batch(view: &dyn View, actor: &Actor, batch: &Batch) -> Result<bool, ServiceError> {
    Ok(actor.scope == Scope::All || stands_in(view, actor, batch.id)? || brought(view, actor, batch.id)?)
}

/// The user stands on a resource of the scope.
pub(super) fn sees_user(view: &dyn View, actor: &Actor, user: UserId) -> Result<bool, ServiceError> {
    Ok(actor.scope == Scope::All
        || view.assignments_of_user(user)?.iter().any(|a| actor.scope.covers(a.resource)))
}

/// The user stands on resources of the scope and on no others.
pub(super) fn rules_user(view: &dyn View, actor: &Actor, user: &User) -> Result<bool, ServiceError> {
    if actor.scope == Scope::All {
        return Ok(true);
    }
    let places = view.assignments_of_user(user.id)?;
    Ok(!places.is_empty() && places.iter().all(|a| actor.scope.covers(a.resource)))
}

/// The token stands on a resource of the scope; or nowhere, with nobody, and the actor brought it.
pub(super) fn sees_token(view: &dyn View, actor: &Actor, token: &Token) -> Result<bool, ServiceError> {
    if actor.scope == Scope::All {
        return Ok(true);
    }
    let places = view.resources_of(token)?;
    if places.is_empty() {
        return Ok(token.holder.is_none() && brought(view, actor, token.batch)?);
    }
    Ok(places.into_iter().any(|resource| actor.scope.covers(resource)))
}

/// The actor sees the token, it stands on no resource outside the scope, and nobody outside holds it.
pub(super) fn rules_token(view: &dyn View, actor: &Actor, token: &Token) -> Result<bool, ServiceError> {
    if actor.scope == Scope::All {
        return Ok(true);
    }
    let holder_fits = match token.holder {
        Some(holder) => sees_user(view, actor, holder)?,
        None => true,
    };
    Ok(holder_fits
        && sees_token(view, actor, token)?
        && view.resources_of(token)?.into_iter().all(|resource| actor.scope.covers(resource)))
}

/// The list is that of a batch which a scoped actor brought.
fn is_of_own(view: &dyn View, actor: &Actor, filter: &TokenFilter) -> Result<bool, ServiceError> {
    match (&actor.scope, filter.batch) {
        (Scope::Resources(_), Some(batch)) => brought(view, actor, batch),
        _ => Ok(false),
    }
}

/// Tokens of a list that the actor sees. Those that stand nowhere show only when the list is that of
/// a batch which the actor brought.
pub(super) fn seen_tokens(
    view: &dyn View,
    actor: &Actor,
    filter: TokenFilter,
    page: Page,
) -> Result<Slice<Token>, ServiceError> {
    let own = is_of_own(view, actor, &filter)?;
    if !own {
        return Ok(view.tokens(&TokenFilter { scope: actor.scope.clone(), ..filter }, page)?);
    }
    let slice = view.tokens(&TokenFilter { scope: Scope::All, ..filter }, page)?;
    let mut items = Vec::with_capacity(slice.items.len());
    for token in slice.items {
        if sees_token(view, actor, &token)? {
            items.push(token);
        }
    }
    Ok(Slice { items, next: slice.next })
}

/// How many of them there are, counted up to `most`.
pub(super) fn count_seen(
    view: &dyn View,
    actor: &Actor,
    filter: &TokenFilter,
    most: u64,
) -> Result<u64, ServiceError> {
    if !is_of_own(view, actor, filter)? {
        let filter = TokenFilter { scope: actor.scope.clone(), ..filter.clone() };
        return Ok(view.count_tokens(&filter, most)?);
    }
    let mut page = Page::first(PAGE);
    let mut count = 0u64;
    loop {
        let slice = seen_tokens(view, actor, filter.clone(), page)?;
        count = count.saturating_add(slice.items.len() as u64);
        page.after = slice.next;
        if count >= most || slice.next.is_none() {
            return Ok(count.min(most));
        }
    }
}

/// What a scoped actor is told who may look at something, but not change it for others as well.
pub(super) fn shared() -> ServiceError {
    ServiceError::Forbidden {
        code: "scope",
        detail: "this stands on resources outside your scope, too: only an admin of all of them may do this",
    }
}
