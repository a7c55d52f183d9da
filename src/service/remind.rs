//! Reminding those who have not confirmed their token (P52): by mail, on demand, at most one a person and day.

use std::collections::BTreeSet;

use crate::clock::UnixTime;
use crate::model::{
    Actor, AssignmentKind, AuditAction, AuditResult, Budget, BudgetKey, BudgetKind, MailKind, PortalAction,
    Resource, ResourceName, Subject, User, UserId,
};
use crate::store::{AssignmentFilter, Change, Page, TokenFilter, View};
use crate::words::Words;

use super::notice::words_of;
use super::outbox::Draft;
use super::{MailMode, Service, ServiceError};

/// One reminder of a person within this time.
const ONCE_SECS: i64 = 86_400;
/// A reminder that could not be sent for so long is pointless.
const LIVES_SECS: i64 = 86_400;
/// People that are looked at in one go.
const MOST: usize = 10_000;
/// People who are reminded in one change.
const CHUNK: usize = 100;
/// Logins without an address that an answer names.
const NAMED: usize = 200;

/// Who has not confirmed, and what reminding them would do or did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reminders {
    /// Would be, or were, sent a mail.
    pub people: usize,
    /// Were reminded within a day.
    pub reminded_today: usize,
    /// Logins of those who have no mail address, in order; at most 200.
    pub without_address: Vec<String>,
    /// How many have none.
    pub unreachable: usize,
    /// Why nobody can be reminded now.
    pub obstacle: Option<(&'static str, &'static str)>,
}

/// People of this resource who have a token to confirm: those whom one was handed to, and, when tokens lie
/// here that are nobody's yet, those who are assigned without one.
fn waiting(view: &dyn View, resource: &Resource) -> Result<BTreeSet<UserId>, ServiceError> {
    let mut people = BTreeSet::new();
    let mut is_free = false;
    let filter = TokenFilter {
        resource: Some(resource.id),
        unconfirmed: Some(true),
        enabled: Some(true),
        ..TokenFilter::ALL
    };
    let mut page = Page::first(500);
    let mut looked_at = 0;
    loop {
        let slice = view.tokens(&filter, page)?;
        looked_at += slice.items.len();
        for token in slice.items {
            match token.holder {
                Some(holder) => {
                    people.insert(holder);
                }
                None => is_free = true,
            }
        }
        page.after = slice.next;
        if page.after.is_none() || people.len() >= MOST || looked_at >= 10 * MOST {
            break;
        }
    }
    for kind in [AssignmentKind::User, AssignmentKind::UserToken].into_iter().filter(|_| is_free) {
        let mut page = Page::first(500);
        loop {
            let slice =
                view.assignments(AssignmentFilter { resource: resource.id, kind: Some(kind) }, page)?;
            people.extend(slice.items.iter().filter_map(|assignment| assignment.parties.user()));
            page.after = slice.next;
            if page.after.is_none() || people.len() >= MOST {
                break;
            }
        }
    }
    Ok(people)
}

/// Somebody who still stands here and has no pair.
fn still_waits(view: &dyn View, resource: &Resource, id: UserId) -> Result<Option<User>, ServiceError> {
    let here = view.assignments_of_user(id)?;
    let mut here = here.iter().filter(|assignment| assignment.resource == resource.id).peekable();
    let stands = here.peek().is_some();
    let paired = here.any(|assignment| assignment.parties.kind() == AssignmentKind::TokenWithUser);
    if stands && !paired { Ok(view.user(id)?) } else { Ok(None) }
}

/// Why nobody can be reminded: there is nothing that they could do, or no way to tell them.
fn obstacle(resource: &Resource, mail: MailMode) -> Option<(&'static str, &'static str)> {
    if mail == MailMode::None {
        return Some(("mail_off", "no mail server is set up: set one in mintmark.toml (smtp)"));
    }
    match resource.open_portal() {
        None => Some((
            "portal_closed",
            "the portal of this resource is closed: nobody could confirm anything there",
        )),
        Some(portal) if !portal.actions.contains(&PortalAction::RegisterExistingToken) => Some((
            "confirm_not_offered",
            "Existing Token Registration is not switched on in this portal: nobody could confirm anything there",
        )),
        Some(_) => None,
    }
}

fn reminded(view: &dyn View, id: UserId, now: UnixTime) -> Result<Option<Budget>, ServiceError> {
    let budget = view.budget(BudgetKey::User(BudgetKind::Reminded, id))?.within(now, ONCE_SECS);
    Ok((budget == Budget::CLEAR).then_some(budget))
}

fn text(words: Words, user: &User, resource: &Resource, address: &str) -> String {
    let place = ("place", resource.name.as_str().into());
    let help = resource.portal.as_ref().map(|portal| portal.help_text.trim()).unwrap_or_default();
    let ask = if help.is_empty() {
        words.text("mail-remind.helpdesk")
    } else {
        words.with("mail-remind-ask", &[("help", help.into())])
    };
    format!(
        "{}\n\n{}\n\n  1. {}\n  2. {}\n  3. {}\n\n{} {ask}\n",
        words.with("mail-hello", &[("name", user.display_name().into())]),
        words.with("mail-remind", &[place]),
        words.text("mail-remind.take"),
        words.with("mail-remind-open", &[("address", address.into())]),
        words.text("mail-remind.type"),
        words.text("mail-remind.missing"),
    )
}

impl Service {
    /// Who on a resource has not confirmed, without telling anybody.
    pub fn reminders(&self, actor: &Actor, resource: &ResourceName) -> Result<Reminders, ServiceError> {
        let now = self.clock.now();
        self.store.read(|view| {
            let resource = self.resource_named(view, actor, resource)?;
            let mut found = Reminders { obstacle: obstacle(&resource, self.mail), ..Reminders::default() };
            for id in waiting(view, &resource)? {
                if let Some(user) = still_waits(view, &resource, id)? {
                    count(&mut found, view, &user, now)?;
                }
            }
            Ok(found)
        })
    }

    /// Sends a mail to those on a resource who have not confirmed and were not reminded within a day.
    /// `public_url`: what the address of the portal begins with.
    pub fn remind(
        &self,
        actor: &Actor,
        resource: &ResourceName,
        public_url: &str,
    ) -> Result<Reminders, ServiceError> {
        let now = self.clock.now();
        let (resource, people) = self.store.read(|view| {
            let resource = self.resource_named(view, actor, resource)?;
            let people: Vec<_> = waiting(view, &resource)?.into_iter().collect();
            Ok::<_, ServiceError>((resource, people))
        })?;
        if let Some((code, detail)) = obstacle(&resource, self.mail) {
            return Err(ServiceError::state(code, detail));
        }
        let mut all = Reminders::default();
        for chunk in people.chunks(CHUNK) {
            let (actor, chunk, sealer) = (actor.clone(), chunk.to_vec(), self.sealer()?);
            let (mail, id, public_url) = (self.mail, resource.id, public_url.to_owned());
            let some = self.decide(move |view| {
                let gone = ServiceError::NotFound { what: "resource" };
                let resource = view.resource(id)?.filter(|r| actor.scope.covers(r.id)).ok_or(gone)?;
                let (Some(portal), None) = (resource.open_portal(), obstacle(&resource, mail)) else {
                    return Err(ServiceError::Stale);
                };
                let address = format!("{public_url}/selfservice/{}", portal.alias);
                let (mut found, mut changes) = (Reminders::default(), Vec::new());
                let mut subjects = vec![Subject::Resource(id)];
                for user in &chunk {
                    let Some(user) = still_waits(view, &resource, *user)? else { continue };
                    if !count(&mut found, view, &user, now)? {
                        continue;
                    }
                    let (Some(to), Some(budget)) = (user.email.clone(), reminded(view, user.id, now)?) else {
                        continue;
                    };
                    let words = words_of(&user);
                    let subject = format!("{}: {}", resource.name, words.text("mail-remind.subject"));
                    let draft = Draft { kind: MailKind::Reminder, to, subject, lives_secs: LIVES_SECS };
                    draft.put(view, &sealer, &text(words, &user, &resource, &address), now, &mut changes)?;
                    let key = BudgetKey::User(BudgetKind::Reminded, user.id);
                    changes.push(Change::PutBudget(key, budget.failed(now, u32::MAX)));
                    subjects.push(Subject::User(user.id));
                }
                if found.people > 0 {
                    let detail = vec![("reminded", found.people.to_string())];
                    let action = AuditAction::UsersReminded;
                    changes.push(super::audit_entry(
                        now,
                        &actor,
                        action,
                        subjects,
                        AuditResult::Done,
                        detail,
                    ));
                }
                Ok((found, changes))
            })?;
            all.people += some.people;
            all.reminded_today += some.reminded_today;
            all.unreachable += some.unreachable;
            all.without_address.extend(some.without_address);
        }
        all.without_address.truncate(NAMED);
        self.wake_mailer();
        Ok(all)
    }
}

/// Counts somebody; true: a mail may go out.
fn count(found: &mut Reminders, view: &dyn View, user: &User, now: UnixTime) -> Result<bool, ServiceError> {
    if user.email.is_none() {
        found.unreachable += 1;
        if found.without_address.len() < NAMED {
            found.without_address.push(user.login.as_str().to_owned());
        }
        return Ok(false);
    }
    if reminded(view, user.id, now)?.is_none() {
        found.reminded_today += 1;
        return Ok(false);
    }
    found.people += 1;
    Ok(true)
}
