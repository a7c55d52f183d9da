//! Operators, API keys and the console's sign-in.

use crate::model::{
    Actor, ActorOrigin, ApiKey, AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, Login, Operator,
    ResourceName, Role, Scope, Session, SessionKind, Subject, Visit,
};
use crate::secret::{BearerToken, Passphrase};
use crate::store::{Change, Page, Slice, View};
use crate::vault::{bearer_hash, bearer_token, check_new_password};

use super::scope::is_within;
use super::{Service, ServiceError, code};

/// Shortest password of an operator: it is the only factor.
const MIN_PASSWORD_CHARS: usize = 15;
/// Wrong passwords before an operator has to wait.
const FAILURE_LIMIT: u32 = 5;

/// An operator or key as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorView {
    /// Login of an operator, name of a key.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// Names of the resources they see; `None`: all.
    pub resources: Option<Vec<String>>,
    /// May sign in; not revoked.
    pub enabled: bool,
    /// Since when.
    pub created_at: crate::clock::UnixTime,
}

/// A key, the only time it is shown.
#[derive(Debug)]
pub struct NewApiKey {
    /// What the caller keeps.
    pub key: BearerToken,
    /// Its name.
    pub name: String,
}

fn scope_of(view: &dyn View, actor: &Actor, names: Option<&[ResourceName]>) -> Result<Scope, ServiceError> {
    let Some(names) = names else { return Ok(actor.scope.clone()) };
    if names.is_empty() {
        // A program that lists what it wants, and comes to nothing, does not want everything.
        let detail =
            "an empty list opens nothing: name resources, or leave the field out to mean all of yours";
        return Err(ServiceError::invalid("resources", "scope_empty", detail));
    }
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        let resource = view.resource_by_name(&name.normal())?.filter(|r| actor.scope.covers(r.id));
        ids.push(resource.ok_or(ServiceError::NotFound { what: "resource" })?.id);
    }
    Ok(Scope::Resources(ids))
}

/// Only admins, and the program itself at its first start, give rights away.
fn require_admin(actor: &Actor) -> Result<(), ServiceError> {
    if actor.role == Some(Role::Admin) || actor.origin == ActorOrigin::System {
        return Ok(());
    }
    Err(ServiceError::Forbidden { code: "forbidden", detail: "only an admin manages operators and keys" })
}

fn resource_names(view: &dyn View, scope: &Scope) -> Result<Option<Vec<String>>, ServiceError> {
    let Scope::Resources(ids) = scope else { return Ok(None) };
    let mut names = Vec::new();
    for id in ids {
        names.extend(view.resource(*id)?.map(|r| r.name.as_str().to_owned()));
    }
    Ok(Some(names))
}

/// An operator within the actor's scope.
fn visible_operator(view: &dyn View, actor: &Actor, login: &Login) -> Result<Operator, ServiceError> {
    view.operator_by_login(&login.normal())?
        .filter(|operator| is_within(&actor.scope, &operator.scope))
        .ok_or(ServiceError::NotFound { what: "operator" })
}

impl Service {
    /// Makes an operator, bound to the named resources; without a list to all that the actor is bound to.
    pub fn add_operator(
        &self,
        actor: &Actor,
        login: &Login,
        password: &Passphrase,
        role: Role,
        resources: Option<&[ResourceName]>,
    ) -> Result<(), ServiceError> {
        require_admin(actor)?;
        if !role.is_for_people() {
            return Err(ServiceError::invalid(
                "role",
                "role_for_keys",
                "verifier and provisioner are roles of keys",
            ));
        }
        check_new_password(password, MIN_PASSWORD_CHARS)?;
        let hash = self.hash_password(password)?;
        let (actor, login, resources) = (actor.clone(), login.clone(), resources.map(<[_]>::to_vec));
        let now = self.clock.now();
        self.decide(move |view| {
            if view.operator_by_login(&login.normal())?.is_some() {
                return Err(ServiceError::state("operator_exists", "an operator with this login exists"));
            }
            let operator = Operator {
                id: view.next_operator()?,
                login: login.clone(),
                password: hash.clone(),
                role,
                scope: scope_of(view, &actor, resources.as_deref())?,
                enabled: true,
                created_at: now,
            };
            let entry = super::audit_entry(
                now,
                &actor,
                AuditAction::OperatorCreated,
                vec![Subject::Operator(operator.id)],
                AuditResult::Done,
                vec![("login", login.to_string()), ("role", role.name().to_owned())],
            );
            Ok(((), vec![Change::PutOperator(operator), entry]))
        })
    }

    /// Gives an operator another password, ends their sessions and clears their failures.
    pub fn set_operator_password(
        &self,
        actor: &Actor,
        login: &Login,
        password: &Passphrase,
    ) -> Result<(), ServiceError> {
        require_admin(actor)?;
        check_new_password(password, MIN_PASSWORD_CHARS)?;
        let hash = self.hash_password(password)?;
        let budget_key = self.operator_budget(login);
        let (actor, login, now) = (actor.clone(), login.clone(), self.clock.now());
        self.decide(move |view| {
            let operator = visible_operator(view, &actor, &login)?;
            let (id, changed) = (operator.id, Operator { password: hash.clone(), ..operator });
            let entry = super::audit_entry(
                now,
                &actor,
                AuditAction::OperatorChanged,
                vec![Subject::Operator(id)],
                AuditResult::Done,
                vec![("changed", "password".to_owned())],
            );
            // Whoever guessed the old password is not to keep the owner of the new one out.
            let budget = Change::PutBudget(budget_key, Budget::CLEAR);
            Ok(((), vec![Change::PutOperator(changed), Change::EndOperatorSessions(id), budget, entry]))
        })
    }

    /// Clears an operator's failures at the sign-in.
    pub fn unblock_operator(&self, actor: &Actor, login: &Login) -> Result<(), ServiceError> {
        require_admin(actor)?;
        let budget_key = self.operator_budget(login);
        let (actor, login, now) = (actor.clone(), login.clone(), self.clock.now());
        self.decide(move |view| {
            let operator = visible_operator(view, &actor, &login)?;
            let entry = super::audit_entry(
                now,
                &actor,
                AuditAction::OperatorChanged,
                vec![Subject::Operator(operator.id)],
                AuditResult::Done,
                vec![("changed", "unblocked".to_owned())],
            );
            Ok(((), vec![Change::PutBudget(budget_key, Budget::CLEAR), entry]))
        })
    }

    /// The counter of wrong passwords typed with a login, also one that nobody has.
    fn operator_budget(&self, login: &Login) -> BudgetKey {
        let hash = self.vault.keyed_hash("operator", login.normal().as_bytes());
        super::authenticate::hashed_key(BudgetKind::OperatorPassword, &hash)
    }

    /// The operators whose scope lies in the actor's.
    pub fn operators(&self, actor: &Actor, page: Page) -> Result<Slice<OperatorView>, ServiceError> {
        self.store.read(|view| {
            let slice = view.operators(page)?;
            let mut items = Vec::with_capacity(slice.items.len());
            for operator in slice.items.into_iter().filter(|o| is_within(&actor.scope, &o.scope)) {
                items.push(OperatorView {
                    name: operator.login.as_str().to_owned(),
                    role: operator.role,
                    resources: resource_names(view, &operator.scope)?,
                    enabled: operator.enabled,
                    created_at: operator.created_at,
                });
            }
            Ok(Slice { items, next: slice.next })
        })
    }

    /// True when nobody can sign in yet.
    pub fn has_no_operator(&self) -> Result<bool, ServiceError> {
        self.store.read(|view| Ok(view.operators(Page::first(1))?.items.is_empty()))
    }

    /// Signs an operator in to console and station. Failures are counted for the login and for the
    /// address.
    pub fn operator_sign_in(
        &self,
        login: &Login,
        password: &Passphrase,
        visit: &Visit,
    ) -> Result<Option<BearerToken>, ServiceError> {
        let known =
            self.store.read(|view| Ok::<_, ServiceError>(view.operator_by_login(&login.normal())?))?;
        let right = self.verify_password(password, known.as_ref().map(|o| &o.password))?;
        let cookie = bearer_token()?;
        let key = bearer_hash(&cookie);
        let budget_key = self.operator_budget(login);
        let (login, visit, now) = (login.clone(), visit.clone(), self.clock.now());
        let of_address = self.address_budget(&visit.address, now);
        let outcome = self.decide(move |view| {
            let budget = view.budget(budget_key)?;
            let operator = view.operator_by_login(&login.normal())?;
            let audit = |result, word: &str| {
                let subjects = operator.iter().map(|o| Subject::Operator(o.id)).collect();
                let detail = vec![("result", word.to_owned())];
                super::audit_entry(now, &visit.stranger(), AuditAction::SignIn, subjects, result, detail)
            };
            if let Some(until) = of_address.blocked(view)? {
                return Ok((Err(Some(until)), vec![audit(AuditResult::Refused, "address_blocked")]));
            }
            if let Some(until) = code::blocked(&budget, now) {
                return Ok((Err(until), vec![audit(AuditResult::Refused, "blocked")]));
            }
            match &operator {
                // The password that was compared must still be the one in force.
                Some(now_known)
                    if right
                        && now_known.enabled
                        && known.as_ref().is_some_and(|k| k.password == now_known.password) =>
                {
                    let kind = SessionKind::Operator(now_known.id);
                    let session = Session::new(kind, visit.address.clone(), now);
                    let changes = vec![
                        Change::PutSession(key, session),
                        Change::PutBudget(budget_key, Budget::CLEAR),
                        audit(AuditResult::Done, "signed_in"),
                    ];
                    Ok((Ok(true), changes))
                }
                _ => {
                    let mut changes = vec![Change::PutBudget(budget_key, budget.failed(now, FAILURE_LIMIT))];
                    changes.extend(of_address.failed(view)?);
                    changes.push(audit(AuditResult::Refused, "wrong"));
                    Ok((Ok(false), changes))
                }
            }
        })?;
        match outcome {
            Ok(true) => Ok(Some(cookie)),
            Ok(false) => Ok(None),
            Err(until) => Err(ServiceError::TooMany { until, now }),
        }
    }

    /// The operator that a cookie stands for, if it is alive; notes that it was seen.
    pub fn operator_session(
        &self,
        cookie: &BearerToken,
        prolong: bool,
    ) -> Result<Option<Operator>, ServiceError> {
        let key = bearer_hash(cookie);
        let now = self.clock.now();
        let found = self.store.read(|view| {
            let Some(session) = view.session(&key)?.filter(|s| s.is_alive(now)) else { return Ok(None) };
            let SessionKind::Operator(id) = session.kind else { return Ok(None) };
            let operator = view.operator(id)?.filter(|o| o.enabled);
            Ok::<_, ServiceError>(operator.map(|o| (o, session)))
        })?;
        let Some((operator, session)) = found else { return Ok(None) };
        if prolong {
            self.touch(key, &session, now)?;
        }
        Ok(Some(operator))
    }

    /// Makes a key, bound as an operator is, and shows it once.
    pub fn add_api_key(
        &self,
        actor: &Actor,
        name: &str,
        role: Role,
        resources: Option<&[ResourceName]>,
    ) -> Result<NewApiKey, ServiceError> {
        require_admin(actor)?;
        let name = name.trim().to_owned();
        if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            return Err(ServiceError::invalid("name", "name_invalid", "a key's name has 1 to 64 characters"));
        }
        let key = bearer_token()?;
        let hash = bearer_hash(&key);
        let (actor, resources, now) = (actor.clone(), resources.map(<[_]>::to_vec), self.clock.now());
        let shown = name.clone();
        self.decide(move |view| {
            let taken = view
                .api_keys(Page::first(10_000))?
                .items
                .iter()
                .any(|k| k.name == name && k.revoked_at.is_none());
            if taken {
                return Err(ServiceError::state(
                    "key_exists",
                    "a key of this name exists: revoke it first or take another name",
                ));
            }
            let record = ApiKey {
                id: view.next_api_key()?,
                name: name.clone(),
                hash,
                role,
                scope: scope_of(view, &actor, resources.as_deref())?,
                created_at: now,
                revoked_at: None,
            };
            let detail = vec![("name", name.clone()), ("role", role.name().to_owned())];
            let entry = super::audit_entry(
                now,
                &actor,
                AuditAction::ApiKeyCreated,
                vec![],
                AuditResult::Done,
                detail,
            );
            Ok(((), vec![Change::PutApiKey(record), entry]))
        })?;
        Ok(NewApiKey { key, name: shown })
    }

    /// The keys whose scope lies in the actor's.
    pub fn api_keys(&self, actor: &Actor, page: Page) -> Result<Slice<OperatorView>, ServiceError> {
        self.store.read(|view| {
            let slice = view.api_keys(page)?;
            let mut items = Vec::with_capacity(slice.items.len());
            for key in slice.items.into_iter().filter(|key| is_within(&actor.scope, &key.scope)) {
                items.push(OperatorView {
                    resources: resource_names(view, &key.scope)?,
                    name: key.name,
                    role: key.role,
                    enabled: key.revoked_at.is_none(),
                    created_at: key.created_at,
                });
            }
            Ok(Slice { items, next: slice.next })
        })
    }

    /// Revokes the key of this name.
    pub fn revoke_api_key(&self, actor: &Actor, name: &str) -> Result<(), ServiceError> {
        require_admin(actor)?;
        let (actor, name, now) = (actor.clone(), name.to_owned(), self.clock.now());
        self.decide(move |view| {
            let key = view
                .api_keys(Page::first(10_000))?
                .items
                .into_iter()
                .find(|key| {
                    key.name == name && key.revoked_at.is_none() && is_within(&actor.scope, &key.scope)
                })
                .ok_or(ServiceError::NotFound { what: "key" })?;
            let detail = vec![("name", name.clone())];
            let entry = super::audit_entry(
                now,
                &actor,
                AuditAction::ApiKeyRevoked,
                vec![],
                AuditResult::Done,
                detail,
            );
            Ok(((), vec![Change::PutApiKey(ApiKey { revoked_at: Some(now), ..key }), entry]))
        })
    }

    /// The actor that a key stands for.
    pub fn key_actor(&self, key: &BearerToken) -> Result<Option<Actor>, ServiceError> {
        let hash = bearer_hash(key);
        self.store.read(|view| {
            let found = view.api_key_by_hash(&hash)?.filter(|key| key.revoked_at.is_none());
            Ok(found.map(|key| Actor {
                origin: ActorOrigin::ApiKey { id: key.id, name: key.name },
                role: Some(key.role),
                scope: key.scope,
                address: None,
                request_id: None,
            }))
        })
    }

    /// The actor that an operator stands for.
    pub fn operator_actor(operator: &Operator) -> Actor {
        Actor {
            origin: ActorOrigin::Operator { id: operator.id, login: operator.login.clone() },
            role: Some(operator.role),
            scope: operator.scope.clone(),
            address: None,
            request_id: None,
        }
    }
}
