//! How the portal of a resource looks (its name, colour and logo), and what it says of whom to ask.

use crate::model::{
    Accent, Actor, AuditAction, AuditResult, Logo, Look, Resource, ResourceAlias, ResourceName, SelfService,
    Subject,
};
use crate::store::Change;

use super::{Service, ServiceError};

/// Most characters of the words that say whom to ask.
const HELP_CHARS: usize = 500;

/// What to change of a look; what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookPatch {
    /// What the portal calls the resource; empty: by its name.
    pub shown_name: Option<String>,
    /// Its colour; `Some(None)`: the usual one.
    pub accent: Option<Option<Accent>>,
    /// Its logo; `Some(None)`: none.
    pub logo: Option<Option<Logo>>,
    /// Whom users can ask; empty: nobody is named.
    pub help_text: Option<String>,
}

fn shown_name(text: &str) -> Result<Option<String>, ServiceError> {
    let text = text.trim();
    if text.chars().count() > Look::NAME_CHARS || text.chars().any(char::is_control) {
        let detail = format!("a shown name has at most {} characters, in one line", Look::NAME_CHARS);
        return Err(ServiceError::invalid("shown_name", "shown_name_invalid", detail));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The words that say whom to ask, as they are kept: plain text, in lines.
pub(super) fn help_text(text: &str) -> Result<String, ServiceError> {
    let text = text.trim().replace("\r\n", "\n");
    if text.chars().count() > HELP_CHARS || text.chars().any(|c| c.is_control() && c != '\n') {
        let detail = format!("plain text of at most {HELP_CHARS} characters");
        return Err(ServiceError::invalid("help_text", "help_text_invalid", detail));
    }
    Ok(text)
}

impl Service {
    /// How a resource looks, with the words that say whom to ask.
    pub fn look(&self, actor: &Actor, name: &ResourceName) -> Result<(Look, String), ServiceError> {
        self.store.read(|view| {
            let resource = self.resource_named(view, actor, name)?;
            let help = resource.portal.map(|portal| portal.help_text).unwrap_or_default();
            Ok((view.look(resource.id)?.unwrap_or_default(), help))
        })
    }

    /// How an open portal looks, for whoever comes.
    pub fn portal_look(&self, alias: &ResourceAlias) -> Result<Look, ServiceError> {
        self.store.read(|view| {
            let resource = view.resource_by_alias(alias.as_str())?.filter(|r| r.open_portal().is_some());
            let resource = resource.ok_or(ServiceError::NotFound { what: "portal" })?;
            Ok(view.look(resource.id)?.unwrap_or_default())
        })
    }

    /// Changes how a resource looks.
    pub fn set_look(&self, actor: &Actor, name: &ResourceName, patch: LookPatch) -> Result<(), ServiceError> {
        let name_shown = patch.shown_name.as_deref().map(shown_name).transpose()?;
        let help = patch.help_text.as_deref().map(help_text).transpose()?;
        let (actor, name, now) = (actor.clone(), name.clone(), self.clock.now());
        self.decide(move |view| {
            let resource = match view.resource_by_name(&name.normal())? {
                Some(resource) if actor.scope.covers(resource.id) => resource,
                _ => return Err(ServiceError::NotFound { what: "resource" }),
            };
            let id = resource.id;
            let mut look = view.look(id)?.unwrap_or_default();
            let mut changed = Vec::new();
            let mut note = |what: &'static str, moved: bool| {
                if moved {
                    changed.push(what);
                }
            };
            if let Some(name) = name_shown.clone() {
                note("shown_name", name != look.shown_name);
                look.shown_name = name;
            }
            if let Some(accent) = patch.accent {
                note("accent", accent != look.accent);
                look.accent = accent;
            }
            if let Some(logo) = patch.logo.clone() {
                note("logo", logo != look.logo);
                look.logo = logo;
            }
            let mut changes = Vec::new();
            if let Some(help) = help.clone() {
                let before =
                    resource.portal.as_ref().map(|portal| portal.help_text.as_str()).unwrap_or_default();
                if before != help {
                    let Some(portal) = resource.portal.clone() else {
                        let detail = "switch Self-Service on first: the words belong to its pages";
                        return Err(ServiceError::state("portal_missing", detail));
                    };
                    note("help_text", true);
                    let portal = Some(SelfService { help_text: help, ..portal });
                    changes.push(Change::PutResource(Resource { portal, ..resource }));
                }
            }
            if changed.is_empty() {
                return Ok(((), Vec::new()));
            }
            look.changed_at = Some(now);
            changes.push(Change::PutLook(id, look));
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::PortalChanged,
                vec![Subject::Resource(id)],
                AuditResult::Done,
                vec![("changed", changed.join(", "))],
            ));
            Ok(((), changes))
        })
    }
}
