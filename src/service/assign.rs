//! Single assignments of users and tokens to resources.

use crate::clock::UnixTime;
use crate::model::{
    Actor, Assignment, AssignmentId, AssignmentKind, AuditAction, AuditResult, Batch, Custody, Login,
    Parties, Resource, ResourceId, ResourceName, Scope, Subject, Token, TokenSerial, User,
};
use crate::store::{AssignmentFilter, Change, Changes, CustodyFilter, Page, Slice, TokenFilter, View};

use super::programming::require_not_written;
use super::scope::{seen_tokens, sees_user};
use super::token::{TokenView, scoped};
use super::user::visible_user;
use super::{Service, ServiceError};

/// Tokens that one question for a range looks at.
const MOST_LOOKED_AT: usize = 200_000;

/// Who and what should stand on a resource.
#[derive(Clone, Debug)]
pub struct AssignRequest {
    /// In what kind.
    pub kind: AssignmentKind,
    /// The user, for all kinds but `token`.
    pub user: Option<Login>,
    /// The token, for all kinds but `user`.
    pub token: Option<TokenSerial>,
}

/// An assignment as lists show it.
#[derive(Clone, Debug)]
pub struct AssignmentView {
    /// The record.
    pub assignment: Assignment,
    /// Login of the user.
    pub user: Option<String>,
    /// Serial of the token.
    pub token: Option<String>,
}

/// How many tokens are at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CustodyCount {
    /// The place, as in `custody`.
    pub place: &'static str,
    /// How many.
    pub tokens: u64,
    /// There may be more than were looked at.
    pub or_more: bool,
}

/// Since when a token waits for its confirmation on a resource.
fn waits_since(view: &dyn View, token: &Token, resource: ResourceId) -> Result<UnixTime, ServiceError> {
    if let Custody::HandedOut { at } = token.custody {
        return Ok(at);
    }
    let own = view.assignments_of_token(token.id)?;
    if let Some(own) = own.iter().find(|own| own.resource == resource) {
        return Ok(own.created_at);
    }
    let batch = view.batch_assignments_of(token.batch)?;
    let stands = batch.iter().filter(|it| it.resource == resource && it.covers(token));
    Ok(stands.map(|it| it.created_at).min().unwrap_or(token.created_at))
}

impl Service {
    /// Assignments of a resource. Tokens that stand there with their batch are in the token list.
    pub fn assignments(
        &self,
        actor: &Actor,
        resource: &ResourceName,
        kind: Option<AssignmentKind>,
        page: Page,
    ) -> Result<Slice<AssignmentView>, ServiceError> {
        self.store.read(|view| {
            let resource = self.resource_named(view, actor, resource)?;
            let slice = view.assignments(AssignmentFilter { resource: resource.id, kind }, page)?;
            let mut items = Vec::with_capacity(slice.items.len());
            for assignment in slice.items {
                let user = match assignment.parties.user() {
                    Some(id) => view.user(id)?.map(|u| u.login.as_str().to_owned()),
                    None => None,
                };
                let token = match assignment.parties.token() {
                    Some(id) => view.token(id)?.map(|t| t.serial.display().to_owned()),
                    None => None,
                };
                items.push(AssignmentView { assignment, user, token });
            }
            Ok(Slice { items, next: slice.next })
        })
    }

    /// How many users without a token, tokens, pairs and unconfirmed tokens a resource has; at most `most` of
    /// each are looked at, and a number that equals it may be larger.
    pub fn resource_counts(
        &self,
        actor: &Actor,
        resource: &ResourceName,
        most: usize,
    ) -> Result<[usize; 4], ServiceError> {
        self.store.read(|view| {
            let resource = self.resource_named(view, actor, resource)?.id;
            let page = Page::first(most);
            let assigned = |kind| {
                let filter = AssignmentFilter { resource, kind: Some(kind) };
                Ok::<_, ServiceError>(view.assignments(filter, page)?.items.len())
            };
            let tokens = |unconfirmed| {
                let filter = TokenFilter { resource: Some(resource), unconfirmed, ..TokenFilter::ALL };
                Ok::<_, ServiceError>(view.tokens(&filter, page)?.items.len())
            };
            Ok([
                assigned(AssignmentKind::User)?,
                tokens(None)?,
                assigned(AssignmentKind::TokenWithUser)?,
                tokens(Some(true))?,
            ])
        })
    }

    /// Tokens on a resource that nobody confirmed yet, with their batch or by themselves, and since when:
    /// since they were handed out, else since they stand there.
    pub fn unconfirmed(
        &self,
        actor: &Actor,
        resource: &ResourceName,
        page: Page,
    ) -> Result<Slice<(TokenView, UnixTime)>, ServiceError> {
        self.store.read(|view| {
            let resource = self.resource_named(view, actor, resource)?;
            let filter =
                TokenFilter { resource: Some(resource.id), unconfirmed: Some(true), ..TokenFilter::ALL };
            let slice = view.tokens(&filter, page)?;
            let items = slice.items.into_iter().map(|token| {
                let since = waits_since(view, &token, resource.id)?;
                Ok((TokenView::read(view, actor, token)?, since))
            });
            Ok(Slice { items: items.collect::<Result<_, ServiceError>>()?, next: slice.next })
        })
    }

    /// Puts a user, a token or both on a resource.
    pub fn assign(
        &self,
        actor: &Actor,
        resource: &ResourceName,
        request: &AssignRequest,
    ) -> Result<AssignmentId, ServiceError> {
        let wants = |field: &'static str| {
            ServiceError::invalid(
                field,
                "field_missing",
                format!("an assignment of this kind needs a {field}"),
            )
        };
        let surplus = |field: &'static str| {
            ServiceError::invalid(
                field,
                "field_surplus",
                format!("an assignment of this kind has no {field}"),
            )
        };
        let needs_user = request.kind != AssignmentKind::Token;
        let needs_token = request.kind != AssignmentKind::User;
        match (&request.user, &request.token) {
            (None, _) if needs_user => return Err(wants("user")),
            (_, None) if needs_token => return Err(wants("token")),
            (Some(_), _) if !needs_user => return Err(surplus("user")),
            (_, Some(_)) if !needs_token => return Err(surplus("token")),
            _ => {}
        }
        let (actor, resource, request, now) =
            (actor.clone(), resource.clone(), request.clone(), self.clock.now());
        self.decide(move |view| {
            let target = view
                .resource_by_name(&resource.normal())?
                .filter(|r| actor.scope.covers(r.id))
                .ok_or(ServiceError::NotFound { what: "resource" })?;
            let user = match &request.user {
                Some(login) => Some(visible_user(view, &actor, login)?),
                None => None,
            };
            let token = match &request.token {
                Some(serial) => Some(assignable(view, &actor, serial)?),
                None => None,
            };
            let mut changes: Changes = Vec::new();
            let present = match &user {
                Some(user) => present_place(view, user, &target, request.kind)?,
                None => None,
            };
            if let Some(token) = &token {
                let own = view.assignments_of_token(token.id)?;
                changes.extend(free_token(view, &actor, token, &own, user.as_ref(), &target, request.kind)?);
            }
            let parties = match (&user, &token) {
                (Some(user), None) => Parties::User(user.id),
                (None, Some(token)) => Parties::Token(token.id),
                (Some(user), Some(token)) if request.kind == AssignmentKind::UserToken => {
                    Parties::UserToken(user.id, token.id)
                }
                (Some(user), Some(token)) => Parties::TokenWithUser(user.id, token.id),
                (None, None) => return Err(ServiceError::Stale),
            };
            let id = match present {
                Some(place) => place.id,
                None => view.next_assignment()?,
            };
            changes.push(Change::PutAssignment(Assignment {
                id,
                resource: target.id,
                parties,
                created_at: now,
            }));
            let mut subjects = vec![Subject::Resource(target.id)];
            subjects.extend(user.as_ref().map(|u| Subject::User(u.id)));
            subjects.extend(token.as_ref().map(|t| Subject::Token(t.id)));
            let detail =
                vec![("kind", request.kind.name().to_owned()), ("resource", target.name.to_string())];
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::Assigned,
                subjects,
                AuditResult::Done,
                detail,
            ));
            Ok((id, changes))
        })
    }

    /// Takes an assignment away.
    pub fn unassign(
        &self,
        actor: &Actor,
        resource: &ResourceName,
        id: AssignmentId,
    ) -> Result<(), ServiceError> {
        let (actor, resource, now) = (actor.clone(), resource.clone(), self.clock.now());
        self.decide(move |view| {
            let target = view
                .resource_by_name(&resource.normal())?
                .filter(|r| actor.scope.covers(r.id))
                .ok_or(ServiceError::NotFound { what: "resource" })?;
            let assignment = view
                .assignment(id)?
                .filter(|a| a.resource == target.id)
                .ok_or(ServiceError::NotFound { what: "assignment" })?;
            let mut subjects = vec![Subject::Resource(target.id)];
            subjects.extend(assignment.parties.user().map(Subject::User));
            subjects.extend(assignment.parties.token().map(Subject::Token));
            let detail = vec![
                ("kind", assignment.parties.kind().name().to_owned()),
                ("resource", target.name.to_string()),
            ];
            let entry =
                super::audit_entry(now, &actor, AuditAction::Unassigned, subjects, AuditResult::Done, detail);
            let mut changes = vec![Change::DeleteAssignment(id), entry];
            if let Some(user) = assignment.parties.user() {
                changes.push(Change::EndUserSessions(user));
            }
            Ok(((), changes))
        })
    }

    /// Takes a token off a resource, whether it stands there by itself or with its batch. Without a name
    /// the only resource of the actor's scope that it stands on is meant; a pair can stand on several.
    pub fn unassign_token(
        &self,
        actor: &Actor,
        serial: &TokenSerial,
        resource: Option<&ResourceName>,
    ) -> Result<(), ServiceError> {
        let (actor, serial, resource, now) =
            (actor.clone(), serial.clone(), resource.cloned(), self.clock.now());
        self.decide(move |view| {
            let token = scoped(view, &actor, &serial)?;
            let target = place_meant(view, &actor, &token, resource.as_ref())?;
            let mut changes: Changes = Vec::new();
            let mut subjects = vec![Subject::Token(token.id), Subject::Resource(target.id)];
            for own in view.assignments_of_token(token.id)? {
                if own.resource != target.id {
                    continue;
                }
                if let Some(user) = own.parties.user() {
                    // Whoever signed in with this token signs in anew.
                    changes.push(Change::EndUserSessions(user));
                    subjects.push(Subject::User(user));
                }
                changes.push(super::import::without_token(own));
            }
            let with_batch = view
                .batch_assignments_of(token.batch)?
                .iter()
                .any(|r| r.resource == target.id && r.covers(&token));
            if with_batch {
                changes.push(Change::PutToken(Token { follows_batch: false, ..token }));
            }
            let detail = vec![("resource", target.name.to_string())];
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::Unassigned,
                subjects,
                AuditResult::Done,
                detail,
            ));
            Ok(((), changes))
        })
    }

    /// Logins and tokens that a helpdesk search finds: by login or name of a person, or by serial.
    pub fn search(
        &self,
        actor: &Actor,
        text: &str,
        limit: usize,
    ) -> Result<(Vec<User>, Vec<Token>), ServiceError> {
        let text = text.trim().to_owned();
        if text.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        self.store.read(|view| {
            let normal = TokenSerial::normal_form(&text);
            if let Some(exact) = view.token_by_serial(&normal)?
                && let Ok(serial) = TokenSerial::parse(&text)
                && scoped(view, actor, &serial).is_ok()
            {
                return Ok((Vec::new(), vec![exact]));
            }
            if let Ok(login) = Login::parse(&text)
                && let Ok(user) = visible_user(view, actor, &login)
            {
                return Ok((vec![user], Vec::new()));
            }
            let by_name = crate::store::UserFilter {
                text: Some(text.to_lowercase()),
                resource: None,
                scope: actor.scope.clone(),
            };
            let users = view.users(&by_name, Page::first(limit))?.items;
            let by_serial = TokenFilter {
                serial: (!normal.is_empty()).then_some(normal),
                scope: actor.scope.clone(),
                ..TokenFilter::ALL
            };
            let tokens = view.tokens(&by_serial, Page::first(limit))?.items;
            Ok((users, tokens))
        })
    }

    /// Tokens that the actor sees whose serials, in normal form, begin with `stem` and fit; in the order of serials. At
    /// most `most` of them; true: there may be more.
    pub fn tokens_in_range(
        &self,
        actor: &Actor,
        stem: &str,
        fits: &dyn Fn(&str) -> bool,
        most: usize,
    ) -> Result<(Vec<Token>, bool), ServiceError> {
        self.store.read(|view| {
            let serial = Some(stem.to_owned()).filter(|stem| !stem.is_empty());
            let filter = TokenFilter { serial, ..TokenFilter::ALL };
            let (mut found, mut looked, mut page) = (Vec::new(), 0, Page::first(1_000));
            let is_cut = loop {
                let slice = seen_tokens(view, actor, filter.clone(), page)?;
                looked += slice.items.len();
                found.extend(slice.items.into_iter().filter(|token| fits(token.serial.normal())));
                page.after = slice.next;
                if page.after.is_none() {
                    break found.len() > most;
                }
                if looked >= MOST_LOOKED_AT {
                    break true;
                }
            };
            found.sort_by(|a, b| a.serial.normal().cmp(b.serial.normal()));
            found.truncate(most);
            Ok((found, is_cut))
        })
    }

    /// How many tokens of a batch that the actor sees are at each place. At most `limit` tokens of a
    /// place are looked at; when all but one place have fewer, what is left of the batch is there.
    pub fn custody_counts(
        &self,
        actor: &Actor,
        batch: &Batch,
        limit: u64,
    ) -> Result<Vec<CustodyCount>, ServiceError> {
        self.store.read(|view| {
            let none = |word: &&'static str| CustodyCount { place: word, tokens: 0, or_more: false };
            let mut counts: Vec<_> = super::token::CUSTODY_WORDS.iter().map(none).collect();
            let filters = [CustodyFilter::InStock, CustodyFilter::Assigned]
                .into_iter()
                .chain((1..=5).map(CustodyFilter::Place));
            for (at, custody) in filters.enumerate() {
                let filter =
                    TokenFilter { batch: Some(batch.id), custody: Some(custody), ..TokenFilter::ALL };
                let mut page = Page::first(usize::try_from(limit.min(1_000)).unwrap_or(1_000));
                loop {
                    let slice = seen_tokens(view, actor, filter.clone(), page)?;
                    counts[at].tokens += slice.items.len() as u64;
                    page.after = slice.next;
                    if page.after.is_none() || counts[at].tokens >= limit {
                        break;
                    }
                }
                counts[at].or_more = page.after.is_some();
            }
            let known: u64 = counts.iter().filter(|count| !count.or_more).map(|count| count.tokens).sum();
            let mut open = counts.iter_mut().filter(|count| count.or_more);
            if let (Some(rest), None, Scope::All) = (open.next(), open.next(), &actor.scope) {
                *rest = CustodyCount { tokens: batch.tokens.saturating_sub(known), or_more: false, ..*rest };
            }
            Ok(counts)
        })
    }
}

/// The token, when the actor may put it somewhere: it stands in the actor's scope, or lies in the
/// cupboard, and nobody outside the scope holds it. To others there is no such token.
pub(super) fn assignable(
    view: &dyn View,
    actor: &Actor,
    serial: &TokenSerial,
) -> Result<Token, ServiceError> {
    let missing = ServiceError::NotFound { what: "token" };
    match view.token_by_serial(serial.normal())? {
        Some(Token { holder: Some(holder), .. }) if !sees_user(view, actor, holder)? => Err(missing),
        Some(token) if !view.is_assigned(&token)? => Ok(token),
        Some(_) => scoped(view, actor, serial),
        None => Err(missing),
    }
}

/// The user's present place on the resource, when an assignment of this kind may take it over.
pub(super) fn present_place(
    view: &dyn View,
    user: &User,
    target: &Resource,
    kind: AssignmentKind,
) -> Result<Option<Assignment>, ServiceError> {
    let place = view.assignments_of_user(user.id)?.into_iter().find(|a| a.resource == target.id);
    match place {
        Some(place) if place.parties.kind() == AssignmentKind::User && kind != AssignmentKind::User => {
            Ok(Some(place))
        }
        Some(place) => {
            let detail =
                format!("this user stands on {} already, as {}", target.name, place.parties.kind().name());
            Err(ServiceError::state("already_assigned", detail))
        }
        None => Ok(None),
    }
}

/// The resource that a token is to be taken off: the named one, or the only one there is.
fn place_meant(
    view: &dyn View,
    actor: &Actor,
    token: &Token,
    named: Option<&ResourceName>,
) -> Result<Resource, ServiceError> {
    let mut here: Vec<Resource> = Vec::new();
    for place in view.resources_of(token)? {
        here.extend(view.resource(place)?.filter(|r| actor.scope.covers(r.id)));
    }
    if let Some(name) = named {
        let wanted = view
            .resource_by_name(&name.normal())?
            .filter(|r| actor.scope.covers(r.id))
            .ok_or(ServiceError::NotFound { what: "resource" })?;
        let missing = || {
            let detail = format!("this token does not stand on {}", wanted.name);
            ServiceError::state("not_assigned", detail)
        };
        return here.into_iter().find(|r| r.id == wanted.id).ok_or_else(missing);
    }
    let names = here.iter().map(|r| r.name.as_str()).collect::<Vec<_>>().join(", ");
    match (here.pop(), here.is_empty()) {
        (Some(only), true) => Ok(only),
        (None, _) => Err(ServiceError::state("not_assigned", "this token stands on no resource")),
        (Some(_), false) => {
            let detail = format!("this token stands on {names}: name the one that is meant");
            Err(ServiceError::invalid("resource", "resource_missing", detail))
        }
    }
}

/// The name of a resource in words for this actor: one outside the scope has none.
fn place_name(view: &dyn View, actor: &Actor, place: ResourceId) -> Result<String, ServiceError> {
    let known = view.resource(place)?.filter(|resource| actor.scope.covers(resource.id));
    Ok(known.map_or_else(|| "another resource".to_owned(), |resource| resource.name.to_string()))
}

/// The changes that free a token for its new place; `own` are the assignments that it has.
pub(super) fn free_token(
    view: &dyn View,
    actor: &Actor,
    token: &Token,
    own: &[Assignment],
    user: Option<&User>,
    target: &Resource,
    kind: AssignmentKind,
) -> Result<Changes, ServiceError> {
    let mut changes = Vec::new();
    for own in own {
        let same_pair = kind == AssignmentKind::TokenWithUser
            && own.resource != target.id
            && own.parties.kind() == AssignmentKind::TokenWithUser
            && own.parties.user() == user.map(|u| u.id);
        if same_pair {
            continue;
        }
        if own.resource == target.id
            && own.parties.kind() == AssignmentKind::Token
            && kind != AssignmentKind::Token
        {
            changes.push(Change::DeleteAssignment(own.id));
            continue;
        }
        let place = place_name(view, actor, own.resource)?;
        let detail = format!("this token stands on {place} already, as {}", own.parties.kind().name());
        return Err(ServiceError::state("already_assigned", detail));
    }
    if token.follows_batch {
        let elsewhere = view.resources_of(token)?.into_iter().find(|place| *place != target.id);
        if let Some(place) = elsewhere {
            let name = place_name(view, actor, place)?;
            let detail = format!("this token stands on {name} already, with its batch");
            return Err(ServiceError::state("already_assigned", detail));
        }
    }
    if let (Some(holder), Some(user)) = (token.holder, user)
        && holder != user.id
    {
        return Err(ServiceError::state("token_held", "another person holds this token: take it back first"));
    }
    let custody = match token.custody {
        Custody::Lost { .. } => {
            let detail = "this token is lost: note first that it was returned";
            return Err(ServiceError::state("token_lost", detail));
        }
        Custody::Retired { .. } => {
            return Err(ServiceError::state(
                "token_retired",
                "this token is retired: it serves nobody again",
            ));
        }
        // Whoever gives it out again has it in hand.
        Custody::Returned { .. } => {
            require_not_written(view, token.id)?;
            Custody::InStock
        }
        present => present,
    };
    let mut freed = Token { follows_batch: false, custody, ..token.clone() };
    if kind == AssignmentKind::TokenWithUser {
        freed.holder = user.map(|u| u.id);
    }
    if user.is_some() {
        changes.extend(super::code::touch_batch(view, token)?);
    }
    changes.push(Change::PutToken(freed));
    Ok(changes)
}
