//! What operators are told of (P47): which events there are, what is said of each, and to whom it goes.
//!
//! Events are read off the changes of every decision (`Service::decide`), so that no use case has to think of
//! them and each lies in the outbox with the change that it tells of. A use case that knows more than its
//! changes show calls [`Newsroom::tell`] itself. Subscriptions and deliveries are in `notification`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditEntry, AuditResult, Budget, BudgetKey, BudgetKind, Channel, ImportId,
    LastDelivery, Login, MailKind, MailState, NewsKind, Operator, ResourceId, RunId, RunState, Scope,
    Subject, Subscription, TokenId, TokenState, UserId, WebhookPost, WebhookPostId,
};
use crate::store::{Change, Changes, View};
use crate::vault::DataKey;

use super::outbox::Draft;
use super::scope::{sees_import, sees_user};
use super::{MailMode, Service, ServiceError};

/// News that could not be delivered for so long is given up.
pub(super) const LIVES_SECS: i64 = 86_400;

/// How an import ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImportEnd {
    Committed,
    /// Its plan has lines that somebody must look at.
    Waits,
    Failed,
}

/// Something that operators want to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// A user asked for access to be restored; told by the use case that writes the issue.
    UserIssue {
        reference: String,
        login: Login,
        resource: ResourceId,
    },
    /// Only an operator can unblock the user now: what there were too many failures of.
    LockedUser {
        user: UserId,
        method: &'static str,
    },
    ImportFinished {
        import: ImportId,
        end: ImportEnd,
    },
    /// A programming run was ended before all devices were written.
    RunFailed {
        run: RunId,
        batch: String,
        programmed: u32,
        count: u32,
    },
    FailedConfirmations {
        resource: ResourceId,
        failures: u32,
    },
    AuditFailure {
        fault: String,
        place: String,
    },
}

/// Whom news is for.
enum About {
    Resource(ResourceId),
    User(UserId),
    Import(ImportId),
    /// The whole place.
    Everybody,
    /// Those who see everything.
    Whole,
}

impl About {
    fn concerns(&self, view: &dyn View, operator: &Operator) -> Result<bool, ServiceError> {
        let actor = Service::operator_actor(operator);
        Ok(match self {
            Self::Everybody => true,
            Self::Whole => operator.scope == Scope::All,
            Self::Resource(id) => operator.scope.covers(*id),
            Self::User(id) => sees_user(view, &actor, *id)?,
            Self::Import(id) => match view.import(*id)? {
                Some(import) => sees_import(view, &actor, &import)?,
                None => false,
            },
        })
    }
}

/// What is said: a line, a few sentences, and the facts for programs. Of persons there is the login, no more.
#[derive(Clone, Debug)]
pub(super) struct News {
    pub(super) name: &'static str,
    pub(super) title: String,
    pub(super) text: String,
    pub(super) data: Value,
}

fn resource_name(view: &dyn View, id: ResourceId) -> Result<String, ServiceError> {
    Ok(view
        .resource(id)?
        .map_or_else(|| "a resource that is gone".to_owned(), |r| r.name.as_str().to_owned()))
}

impl Event {
    const fn kind(&self) -> NewsKind {
        match self {
            Self::UserIssue { .. } => NewsKind::UserIssue,
            Self::LockedUser { .. } => NewsKind::LockedUser,
            Self::ImportFinished { .. } => NewsKind::ImportFinished,
            Self::RunFailed { .. } => NewsKind::RunFailed,
            Self::FailedConfirmations { .. } => NewsKind::FailedConfirmations,
            Self::AuditFailure { .. } => NewsKind::AuditFailure,
        }
    }

    const fn about(&self) -> About {
        match self {
            Self::UserIssue { resource, .. } | Self::FailedConfirmations { resource, .. } => {
                About::Resource(*resource)
            }
            Self::LockedUser { user, .. } => About::User(*user),
            Self::ImportFinished { import, .. } => About::Import(*import),
            Self::RunFailed { .. } => About::Whole,
            Self::AuditFailure { .. } => About::Everybody,
        }
    }

    fn news(&self, view: &dyn View) -> Result<News, ServiceError> {
        let (title, text, data) = match self {
            Self::UserIssue { reference, login, resource } => {
                let name = resource_name(view, *resource)?;
                (
                    format!("{name}: new user issue {reference}"),
                    format!(
                        "{login} asks for access to {name} to be restored. The reference number is {reference}. \
                         Verify who asks, then approve or delete it under User Issues in the console."
                    ),
                    json!({ "reference": reference, "user": login.as_str(), "resource": name }),
                )
            }
            Self::LockedUser { user, method } => {
                let login = view
                    .user(*user)?
                    .map_or_else(|| "a user who is gone".to_owned(), |u| u.login.to_string());
                (
                    format!("{login} is locked"),
                    format!(
                        "There were {} wrong tries with the {method} of {login}, and only an operator can unblock it \
                         now. Find out whether {login} made them; then unblock on the user's page in the console.",
                        Budget::LOCKED_AT
                    ),
                    json!({ "user": login, "method": method }),
                )
            }
            Self::ImportFinished { import, end } => {
                let found = view.import(*import)?;
                let batch = found.map(|i| view.batch_any(i.batch)).transpose()?.flatten();
                let batch = batch.map_or_else(|| "a file".to_owned(), |b| b.name.as_str().to_owned());
                let (word, text) = match end {
                    ImportEnd::Committed => ("committed", "Its tokens are in the inventory."),
                    ImportEnd::Waits => {
                        ("waits", "Some lines need somebody's eyes; nothing is in the inventory before that.")
                    }
                    ImportEnd::Failed => ("failed", "Nothing was imported. The import's page says why."),
                };
                (
                    format!("import {} {word}: {batch}", import.0),
                    format!("The import {} of {batch} has ended: {word}. {text}", import.0),
                    json!({ "import": import.0, "batch": batch, "end": word }),
                )
            }
            Self::RunFailed { run, batch, programmed, count } => (
                format!("programming run {} ended early: {batch}", run.0),
                format!(
                    "The programming run {} of {batch} was ended with {programmed} of {count} devices. What became of the \
                     others is on its page.",
                    run.0
                ),
                json!({ "run": run.0, "batch": batch, "programmed": programmed, "count": count }),
            ),
            Self::FailedConfirmations { resource, failures } => {
                let name = resource_name(view, *resource)?;
                (
                    format!("{name}: many failed confirmations"),
                    format!(
                        "{failures} confirmations of tokens failed on {name} within an hour. Somebody may be guessing \
                         serial numbers; answers are slowed down. The audit log shows who and from where."
                    ),
                    json!({ "resource": name, "failures": failures }),
                )
            }
            Self::AuditFailure { fault, place } => (
                "the audit log is damaged".to_owned(),
                format!(
                    "Verifying the audit log found at {place}: {}. Keep a copy of the store, and look at what was \
                     restored or moved.",
                    fault.replace('_', " ")
                ),
                json!({ "fault": fault, "at": place }),
            ),
        };
        Ok(News { name: self.kind().name(), title, text, data })
    }
}

fn fact<'e>(entry: &'e AuditEntry, name: &str) -> &'e str {
    entry.detail.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

fn subject_resource(entry: &AuditEntry) -> Option<ResourceId> {
    entry.subjects.iter().find_map(|subject| match subject {
        Subject::Resource(id) => Some(*id),
        _ => None,
    })
}

fn subject_import(entry: &AuditEntry) -> Option<ImportId> {
    entry.subjects.iter().find_map(|subject| match subject {
        Subject::Import(id) => Some(*id),
        _ => None,
    })
}

fn told_by_record(entry: &AuditEntry, changes: &Changes) -> Option<Event> {
    let needs_eyes = |id: ImportId| {
        changes.iter().any(|change| matches!(change, Change::PutImport(i) if i.id == id && !i.can_commit()))
    };
    match (entry.action, entry.result) {
        (AuditAction::ConfirmationAlert, _) => Some(Event::FailedConfirmations {
            resource: subject_resource(entry)?,
            failures: fact(entry, "failures").parse().unwrap_or_default(),
        }),
        (AuditAction::ImportCommitted, AuditResult::Done) => {
            Some(Event::ImportFinished { import: subject_import(entry)?, end: ImportEnd::Committed })
        }
        (AuditAction::ImportPlanned, AuditResult::Done) => {
            let import = subject_import(entry).filter(|id| needs_eyes(*id))?;
            Some(Event::ImportFinished { import, end: ImportEnd::Waits })
        }
        (AuditAction::ImportDropped, AuditResult::Refused) => {
            Some(Event::ImportFinished { import: subject_import(entry)?, end: ImportEnd::Failed })
        }
        (AuditAction::AuditVerified, AuditResult::Refused) => Some(Event::AuditFailure {
            fault: fact(entry, "result").to_owned(),
            place: fact(entry, "at").to_owned(),
        }),
        _ => None,
    }
}

/// The holder of a token whose failures have just become too many.
fn locked_holder(
    view: &dyn View,
    token: TokenId,
    state: &TokenState,
) -> Result<Option<UserId>, ServiceError> {
    if state.budget.failures < Budget::LOCKED_AT {
        return Ok(None);
    }
    let Some(seed) = view.seed(token)? else { return Ok(None) };
    if view.state(&seed)?.budget.failures >= Budget::LOCKED_AT {
        return Ok(None);
    }
    Ok(view.token(token)?.and_then(|token| token.holder))
}

/// What these changes are news of.
fn events(view: &dyn View, changes: &Changes) -> Result<Vec<Event>, ServiceError> {
    let mut events = Vec::new();
    for change in changes {
        match change {
            Change::PutBudget(key @ BudgetKey::User(kind, user), budget)
                if budget.failures >= Budget::LOCKED_AT =>
            {
                let method = match kind {
                    BudgetKind::Password => "password",
                    BudgetKind::MailedCode => "mailed codes",
                    _ => continue,
                };
                if view.budget(*key)?.failures < Budget::LOCKED_AT {
                    events.push(Event::LockedUser { user: *user, method });
                }
            }
            Change::PutState(token, _, state) => {
                let holder = locked_holder(view, *token, state)?;
                events.extend(holder.map(|user| Event::LockedUser { user, method: "token" }));
            }
            Change::PutRun(run) if matches!(run.state, RunState::Ended { .. }) => {
                let was_open = view.run(run.id)?.is_some_and(|before| before.state == RunState::Open);
                if was_open && run.programmed < run.count {
                    events.push(Event::RunFailed {
                        run: run.id,
                        batch: run.batch_name.as_str().to_owned(),
                        programmed: run.programmed,
                        count: run.count,
                    });
                }
            }
            Change::Append(entry) => events.extend(told_by_record(entry, changes)),
            _ => {}
        }
    }
    Ok(events)
}

/// What a deciding closure answers.
type Decided<T> = Result<(T, Changes), ServiceError>;

/// What a change needs to tell operators.
#[derive(Clone)]
pub(super) struct Newsroom {
    mode: MailMode,
    sealer: Arc<DataKey>,
    now: UnixTime,
}

impl Newsroom {
    /// Tells all who want to hear of it and may, with these changes.
    pub(super) fn tell(
        &self,
        view: &dyn View,
        event: &Event,
        changes: &mut Changes,
    ) -> Result<(), ServiceError> {
        let wanted: Vec<_> = view
            .subscriptions()?
            .into_iter()
            .filter(|subscription| subscription.kind == event.kind())
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let (news, about) = (event.news(view)?, event.about());
        for subscription in wanted {
            if let Some(operator) = listener(view, &subscription)?
                && about.concerns(view, &operator)?
            {
                self.deliver(view, subscription, &news, changes)?;
            }
        }
        Ok(())
    }

    /// Tells of what these changes do.
    pub(super) fn read(&self, view: &dyn View, changes: &mut Changes) -> Result<(), ServiceError> {
        for event in events(view, changes)? {
            self.tell(view, &event, changes)?;
        }
        Ok(())
    }

    /// A decision that also tells of what it does.
    pub(super) fn hearing<T: 'static>(
        self,
        mut decide: impl FnMut(&dyn View) -> Decided<T> + Send + 'static,
    ) -> impl FnMut(&dyn View) -> Decided<T> + Send + 'static {
        move |view| {
            let (value, mut changes) = decide(view)?;
            self.read(view, &mut changes)?;
            Ok((value, changes))
        }
    }

    /// Puts one piece of news into the outbox for one subscription.
    pub(super) fn deliver(
        &self,
        view: &dyn View,
        subscription: Subscription,
        news: &News,
        changes: &mut Changes,
    ) -> Result<(), ServiceError> {
        let mut subscription = newest(changes, subscription);
        if self.now >= subscription.hour_ends() {
            self.sum_up(view, &mut subscription, changes)?;
        }
        subscription.hour.1 = subscription.hour.1.saturating_add(1);
        // What is too much is counted; the summary tells how much it was.
        if subscription.left_out() == 0 {
            self.put(view, &mut subscription, news, changes)?;
        }
        changes.push(Change::PutSubscription(subscription));
        Ok(())
    }

    /// Begins another hour, with a summary of what was left out of the one that is over.
    pub(super) fn sum_up(
        &self,
        view: &dyn View,
        subscription: &mut Subscription,
        changes: &mut Changes,
    ) -> Result<(), ServiceError> {
        let (left_out, since, until) =
            (subscription.left_out(), subscription.hour.0, subscription.hour_ends());
        subscription.hour = (self.now, 0);
        if left_out == 0 {
            return Ok(());
        }
        let words = subscription.kind.words();
        let news = News {
            name: "left_out",
            title: format!("{left_out} more: {words}"),
            text: format!(
                "{left_out} more pieces of news of \u{201c}{words}\u{201d} came between {since} and {until} and were \
                 not sent one by one. The console shows what happened."
            ),
            data: json!({
                "event": subscription.kind.name(),
                "left_out": left_out,
                "since": since.to_string(),
                "until": until.to_string(),
            }),
        };
        let detail = vec![
            ("event", format!("{} by {}", subscription.kind.name(), subscription.channel.name())),
            ("left_out", left_out.to_string()),
        ];
        let subjects = vec![Subject::Operator(subscription.operator)];
        let action = AuditAction::NotificationFailed;
        let entry =
            super::audit_entry(self.now, &Actor::SYSTEM, action, subjects, AuditResult::Refused, detail);
        changes.push(entry);
        subscription.hour.1 = 1;
        self.put(view, subscription, &news, changes)
    }

    /// Puts it into the outbox, with a word when it is the last of the hour.
    fn put(
        &self,
        view: &dyn View,
        subscription: &mut Subscription,
        news: &News,
        changes: &mut Changes,
    ) -> Result<(), ServiceError> {
        let mut text = news.text.clone();
        if subscription.hour.1 == Subscription::MOST_AN_HOUR {
            let (count, until) = (subscription.hour.1, subscription.hour_ends());
            let more = format!(
                "\n\nThis is number {count} within an hour: what comes before {until} is counted and summed up \
                 then. Look at the console."
            );
            text.push_str(&more);
        }
        match &subscription.channel {
            Channel::Mail(_) if self.mode == MailMode::None => {
                let problem = Some("no mail server is set up".to_owned());
                subscription.last = Some(LastDelivery { at: self.now, problem, given_up: true });
            }
            Channel::Mail(to) => {
                let draft = Draft {
                    kind: MailKind::News(subscription.id),
                    to: to.clone(),
                    subject: format!("Mintmark: {}", news.title),
                    lives_secs: LIVES_SECS,
                };
                let end = "You get this mail because you asked for it under Notifications in the console.";
                draft.put(view, &self.sealer, &format!("{text}\n\n{end}\n"), self.now, changes)?;
            }
            Channel::Webhook { .. } => {
                let taken = changes.iter().filter(|change| matches!(change, Change::PutPost(_))).count();
                let mut data = news.data.clone();
                data["text"] = Value::String(text);
                let body = json!({ "type": news.name, "timestamp": self.now.to_string(), "data": data });
                changes.push(Change::PutPost(WebhookPost {
                    id: WebhookPostId(view.next_post()?.0 + taken as u64),
                    subscription: subscription.id,
                    body: body.to_string(),
                    state: MailState::Waiting { tries: 0, next_try: self.now },
                    created_at: self.now,
                    expires_at: self.now.plus_secs(LIVES_SECS),
                }));
            }
        }
        Ok(())
    }
}

/// A subscription as these changes leave it: they may have told it something already.
pub(super) fn newest(changes: &Changes, subscription: Subscription) -> Subscription {
    let newer = changes.iter().rev().find_map(|change| match change {
        Change::PutSubscription(newer) if newer.id == subscription.id => Some(newer.clone()),
        _ => None,
    });
    newer.unwrap_or(subscription)
}

/// Whoever subscribed, as long as they may sign in and hear of it.
pub(super) fn listener(
    view: &dyn View,
    subscription: &Subscription,
) -> Result<Option<Operator>, ServiceError> {
    let operator = view.operator(subscription.operator)?;
    Ok(operator.filter(|operator| operator.enabled && subscription.is_for(operator.role)))
}

impl Service {
    /// For changes that tell operators something.
    pub(super) fn newsroom(&self) -> Result<Newsroom, ServiceError> {
        Ok(Newsroom { mode: self.mail, sealer: self.sealer()?, now: self.clock.now() })
    }
}

#[cfg(test)]
mod tests;
