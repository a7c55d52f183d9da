//! Resources and their portals.

use crate::model::{
    Actor, AuditAction, AuditResult, EnvironmentPolicy, KeypadQuestion, PinPlacement, PortalAction, Resource,
    ResourceAlias, ResourceName, Scope, SelfService, Subject, TokenType,
};
use crate::oath::{Digits, HashAlg};
use crate::store::{AssignmentFilter, Change, Page, Slice, View};

use super::look::help_text;
use super::{Service, ServiceError};

/// A resource as lists and pages show it.
#[derive(Clone, Debug)]
pub struct ResourceView {
    /// The record.
    pub resource: Resource,
    /// Codes that the confirmation page asks for.
    pub confirm_codes: usize,
}

/// What can be set of a portal; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct PortalSettings {
    /// Last part of the address.
    pub alias: Option<ResourceAlias>,
    /// Open or closed.
    pub enabled: Option<bool>,
    /// The enabled actions in their order.
    pub actions: Option<Vec<PortalAction>>,
    /// The enabled token types.
    pub token_types: Option<Vec<TokenType>>,
    /// Failures after which a method is blocked.
    pub failure_limit: Option<u32>,
    /// Widest window of clock tokens, in seconds to either side.
    pub window_secs: Option<u32>,
    /// Widest window of event tokens, in counters ahead.
    pub window_counters: Option<u32>,
    /// Whom users can ask.
    pub help_text: Option<String>,
    /// Most digits of a PIN.
    pub pin_length: Option<u8>,
    /// Where PINs stand; `Some(None)`: as each user likes.
    pub pin_placement: Option<Option<PinPlacement>>,
    /// Hash of the secrets that are made here for apps.
    pub software_hash: Option<HashAlg>,
    /// Digits of the codes of apps.
    pub software_digits: Option<Digits>,
    /// What happens with sign-ins from unusual environments.
    pub environment_policy: Option<EnvironmentPolicy>,
    /// The least likeness that is usual, 0 to 100.
    pub environment_score: Option<u8>,
    /// Hours until a request of somebody who could prove nothing takes effect, after two operators approved.
    pub restore_wait_hours: Option<u16>,
    /// What a token with a keypad is asked whose suite nobody knows yet.
    pub keypad_question: Option<KeypadQuestion>,
}

impl ResourceView {
    fn of(resource: Resource) -> Self {
        Self { confirm_codes: super::confirm::codes_for(&resource), resource }
    }
}

fn no_doubles<T: PartialEq + Copy>(field: &'static str, list: &[T]) -> Result<(), ServiceError> {
    let doubled = list.iter().enumerate().any(|(at, item)| list[..at].contains(item));
    if doubled {
        return Err(ServiceError::invalid(
            field,
            "listed_twice",
            format!("{field}: something is listed twice"),
        ));
    }
    Ok(())
}

impl PortalSettings {
    fn check(&self) -> Result<(), ServiceError> {
        if let Some(actions) = &self.actions {
            no_doubles("actions", actions)?;
            super::portal::refuse_unknown(actions)?;
        }
        if let Some(types) = &self.token_types {
            no_doubles("token_types", types)?;
        }
        if let Some(limit) = self.failure_limit
            && !Resource::FAILURE_LIMITS.contains(&limit)
        {
            return Err(ServiceError::invalid(
                "failure_limit",
                "failure_limit_range",
                "the failure limit is 3 to 10",
            ));
        }
        if let Some(secs) = self.window_secs
            && !(60..=31_557_600).contains(&secs)
        {
            return Err(ServiceError::invalid(
                "window_secs",
                "window_range",
                "the window is one minute to one year",
            ));
        }
        if let Some(counters) = self.window_counters
            && !(10..=1_000_000).contains(&counters)
        {
            return Err(ServiceError::invalid(
                "window_counters",
                "window_range",
                "the window is 10 to 1,000,000 counters",
            ));
        }
        if self.pin_length.is_some_and(|most| !SelfService::PIN_LENGTHS.contains(&most)) {
            let detail = "PINs have at most 4 to 8 digits";
            return Err(ServiceError::invalid("pin_length", "pin_length_range", detail));
        }
        if self.environment_score.is_some_and(|score| score > 100) {
            let detail = "the least likeness is 0 to 100";
            return Err(ServiceError::invalid("environment_score", "environment_score_range", detail));
        }
        if self.restore_wait_hours.is_some_and(|hours| hours > SelfService::MOST_RESTORE_WAIT_HOURS) {
            let detail = "the wait is 0 to 336 hours, which are two weeks";
            return Err(ServiceError::invalid("restore_wait_hours", "restore_wait_range", detail));
        }
        Ok(())
    }
}

impl Service {
    /// Resources in the order of their making.
    pub fn resources(&self, actor: &Actor, page: Page) -> Result<Slice<ResourceView>, ServiceError> {
        self.store.read(|view| {
            let slice = view.resources(page)?;
            let seen = |r: &Resource| actor.scope.covers(r.id);
            let items = slice.items.into_iter().filter(seen).map(ResourceView::of).collect();
            Ok(Slice { items, next: slice.next })
        })
    }

    /// One resource.
    pub fn resource(&self, actor: &Actor, name: &ResourceName) -> Result<ResourceView, ServiceError> {
        self.store.read(|view| self.resource_named(view, actor, name).map(ResourceView::of))
    }

    /// Makes a resource.
    pub fn add_resource(&self, actor: &Actor, name: &ResourceName) -> Result<(), ServiceError> {
        if actor.scope != Scope::All {
            return Err(ServiceError::Forbidden {
                code: "scope",
                detail: "only an admin of all resources makes new ones",
            });
        }
        let (actor, name, now) = (actor.clone(), name.clone(), self.clock.now());
        self.decide(move |view| {
            if view.resource_by_name(&name.normal())?.is_some() {
                return Err(ServiceError::state("resource_exists", "a resource of this name exists"));
            }
            let resource = Resource {
                id: view.next_resource()?,
                name: name.clone(),
                failure_limit: Resource::DEFAULT_FAILURE_LIMIT,
                portal: None,
                created_at: now,
                keypad_question: KeypadQuestion::DEFAULT,
            };
            let entry = super::audit_entry(
                now,
                &actor,
                AuditAction::ResourceCreated,
                vec![Subject::Resource(resource.id)],
                AuditResult::Done,
                vec![("name", name.to_string())],
            );
            Ok(((), vec![Change::PutResource(resource), entry]))
        })
    }

    /// Gives a resource another name or failure limit.
    pub fn change_resource(
        &self,
        actor: &Actor,
        name: &ResourceName,
        new_name: Option<&ResourceName>,
        failure_limit: Option<u32>,
    ) -> Result<(), ServiceError> {
        PortalSettings { failure_limit, ..PortalSettings::default() }.check()?;
        let (actor, name, new_name, now) = (actor.clone(), name.clone(), new_name.cloned(), self.clock.now());
        self.decide(move |view| {
            let mut resource = found(view, &actor, &name)?;
            let mut detail = Vec::new();
            if let Some(new_name) = &new_name {
                if view.resource_by_name(&new_name.normal())?.is_some_and(|other| other.id != resource.id) {
                    return Err(ServiceError::state("resource_exists", "a resource of this name exists"));
                }
                detail.push(("name", format!("{} → {new_name}", resource.name)));
                resource.name = new_name.clone();
            }
            if let Some(limit) = failure_limit {
                detail.push(("failure_limit", format!("{} → {limit}", resource.failure_limit)));
                resource.failure_limit = limit;
            }
            let subject = vec![Subject::Resource(resource.id)];
            let entry = super::audit_entry(
                now,
                &actor,
                AuditAction::ResourceChanged,
                subject,
                AuditResult::Done,
                detail,
            );
            Ok(((), vec![Change::PutResource(resource), entry]))
        })
    }

    /// Deletes a resource on which nothing stands.
    pub fn delete_resource(&self, actor: &Actor, name: &ResourceName) -> Result<(), ServiceError> {
        let (actor, name, now) = (actor.clone(), name.clone(), self.clock.now());
        self.decide(move |view| {
            let resource = found(view, &actor, &name)?;
            let filter = AssignmentFilter { resource: resource.id, kind: None };
            let used = !view.assignments(filter, Page::first(1))?.items.is_empty()
                || !view.batch_assignments_on(resource.id)?.is_empty();
            if used {
                let detail = "users, tokens or batches stand on this resource: take them off first";
                return Err(ServiceError::state("resource_in_use", detail));
            }
            let entry = super::audit_entry(
                now,
                &actor,
                AuditAction::ResourceDeleted,
                vec![Subject::Resource(resource.id)],
                AuditResult::Done,
                vec![("name", resource.name.to_string())],
            );
            let end = Change::EndPortalSessions(resource.id);
            Ok(((), vec![end, Change::DeleteResource(resource.id), entry]))
        })
    }

    /// Sets up or changes the portal of a resource. The first time an alias is needed and every action
    /// starts disabled. Closing it ends its sessions and keeps the settings.
    pub fn set_portal(
        &self,
        actor: &Actor,
        name: &ResourceName,
        settings: &PortalSettings,
    ) -> Result<SelfService, ServiceError> {
        settings.check()?;
        let help_text = settings.help_text.as_deref().map(help_text).transpose()?;
        let settings = PortalSettings { help_text, ..settings.clone() };
        let (actor, name, now) = (actor.clone(), name.clone(), self.clock.now());
        self.decide(move |view| {
            let mut resource = found(view, &actor, &name)?;
            if let Some(alias) = &settings.alias
                && view.resource_by_alias(alias.as_str())?.is_some_and(|other| other.id != resource.id)
            {
                return Err(ServiceError::state("alias_exists", "another portal has this alias"));
            }
            let before = resource.portal.clone();
            let mut portal = match (before.clone(), &settings.alias) {
                (Some(portal), _) => portal,
                (None, Some(alias)) => SelfService::new(alias.clone()),
                (None, None) => {
                    return Err(ServiceError::invalid("alias", "alias_missing", "a portal needs an alias"));
                }
            };
            apply(&mut portal, &settings);
            if let Some(limit) = settings.failure_limit {
                resource.failure_limit = limit;
            }
            if let Some(question) = settings.keypad_question {
                resource.keypad_question = question;
            }
            let mut changes = Vec::new();
            let moved = before.as_ref().is_some_and(|b| b.alias != portal.alias);
            if !portal.enabled || moved {
                changes.push(Change::EndPortalSessions(resource.id));
            }
            let detail = vec![
                ("alias", portal.alias.to_string()),
                ("enabled", portal.enabled.to_string()),
                ("actions", portal.actions.iter().map(|a| a.name()).collect::<Vec<_>>().join(",")),
                ("token_types", portal.token_types.iter().map(|t| t.name()).collect::<Vec<_>>().join(",")),
                ("window_secs", portal.window_secs.to_string()),
                ("window_counters", portal.window_counters.to_string()),
                ("failure_limit", resource.failure_limit.to_string()),
                ("pin_length", portal.pin_length.to_string()),
                ("pin_placement", portal.pin_placement.map_or("free", PinPlacement::name).to_owned()),
                ("software_hash", portal.software_hash.name().to_owned()),
                ("software_digits", portal.software_digits.get().to_string()),
                ("environment_policy", portal.environment_policy.name().to_owned()),
                ("environment_score", portal.environment_score.to_string()),
                ("restore_wait_hours", portal.restore_wait_hours.to_string()),
                ("keypad_question", resource.keypad_question.to_string()),
            ];
            let subject = vec![Subject::Resource(resource.id)];
            resource.portal = Some(portal.clone());
            changes.push(Change::PutResource(resource));
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::PortalChanged,
                subject,
                AuditResult::Done,
                detail,
            ));
            Ok((portal, changes))
        })
    }
}

fn apply(portal: &mut SelfService, settings: &PortalSettings) {
    if let Some(alias) = &settings.alias {
        portal.alias = alias.clone();
    }
    if let Some(enabled) = settings.enabled {
        portal.enabled = enabled;
    }
    if let Some(actions) = &settings.actions {
        portal.actions.clone_from(actions);
    }
    if let Some(types) = &settings.token_types {
        portal.token_types.clone_from(types);
    }
    if let Some(secs) = settings.window_secs {
        portal.window_secs = secs;
    }
    if let Some(counters) = settings.window_counters {
        portal.window_counters = counters;
    }
    if let Some(policy) = settings.environment_policy {
        portal.environment_policy = policy;
    }
    if let Some(score) = settings.environment_score {
        portal.environment_score = score;
    }
    if let Some(hours) = settings.restore_wait_hours {
        portal.restore_wait_hours = hours;
    }
    if let Some(text) = &settings.help_text {
        portal.help_text.clone_from(text);
    }
    if let Some(most) = settings.pin_length {
        portal.pin_length = most;
    }
    if let Some(placement) = settings.pin_placement {
        portal.pin_placement = placement;
    }
    if let Some(hash) = settings.software_hash {
        portal.software_hash = hash;
    }
    if let Some(digits) = settings.software_digits {
        portal.software_digits = digits;
    }
}

fn found(view: &dyn View, actor: &Actor, name: &ResourceName) -> Result<Resource, ServiceError> {
    view.resource_by_name(&name.normal())?
        .filter(|resource| actor.scope.covers(resource.id))
        .ok_or(ServiceError::NotFound { what: "resource" })
}
