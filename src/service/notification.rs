//! What operators choose to hear of, and how deliveries of it go (P47). What is told is in `news`.
//!
//! Requests to other programs follow the Standard Webhooks specification (standardwebhooks.com): the headers
//! `webhook-id`, `webhook-timestamp` and `webhook-signature`, the last `v1,` and the base64 of HMAC-SHA-256
//! over `id.timestamp.body`; the secret is `whsec_` and the base64 of 32 random bytes. A delivery keeps its id
//! over all tries, so that receivers can drop duplicates.

use std::collections::BTreeMap;

use serde_json::json;
use zeroize::Zeroizing;

use crate::clock::UnixTime;
use crate::model::{
    Actor, AuditAction, AuditResult, BatchName, Channel, EmailAddress, LastDelivery, MailState, NewsKind,
    Operator, OperatorId, ResourceName, Role, StockPlace, StockWatch, Subject, Subscription, SubscriptionId,
    WebhookPost, WebhookPostId, WebhookUrl,
};
use crate::secret::{BearerToken, Seed};
use crate::store::{Change, Changes, View};
use crate::vault::{DataKey, SealContext, random_bytes};

use super::news::{News, listener};
use super::outbox::after_try;
use super::scope::{is_within, sees_batch};
use super::{Service, ServiceError};

/// One trial of a subscription within this time.
const TRIAL_SECS: i64 = 60;
/// How many posts that are done are kept, for looking into.
const KEPT_SECS: i64 = 7 * 86_400;

/// How somebody wants to hear of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NewChannel {
    /// By mail.
    Mail(EmailAddress),
    /// By a request to another program.
    Webhook(WebhookUrl),
}

/// What is counted, by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StockPlaceName {
    /// A resource.
    Resource(ResourceName),
    /// A batch.
    Batch(BatchName),
}

/// When stock is low.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStock {
    /// Where.
    pub place: StockPlaceName,
    /// Fewer tokens than this are few.
    pub fewer_than: u32,
}

/// What somebody wants to hear of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSubscription {
    /// Of what.
    pub kind: NewsKind,
    /// How.
    pub channel: NewChannel,
    /// What is counted; goes with *low stock* only.
    pub stock: Option<NewStock>,
}

/// One entry of a whole list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// One that is there stays as it is.
    Kept(SubscriptionId),
    /// A new one.
    New(NewSubscription),
}

/// A subscription as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionView {
    /// Its number.
    pub id: SubscriptionId,
    /// Login of its operator.
    pub operator: String,
    /// It is the asker's own.
    pub is_own: bool,
    /// Of what.
    pub kind: NewsKind,
    /// `mail` or `webhook`.
    pub channel: &'static str,
    /// The mail address; scheme and host of a webhook.
    pub to: String,
    /// What is counted: `resource` or `batch`, its name, fewer than how many.
    pub stock: Option<(&'static str, String, u32)>,
    /// For what lasts: since when it is so.
    pub on_since: Option<UnixTime>,
    /// How the last delivery went.
    pub last: Option<LastDelivery>,
    /// Nothing is sent: its operator is disabled, or may not have it any more.
    pub is_paused: bool,
    /// News that was too much for the hour, and when it is summed up.
    pub left_out: Option<(u32, UnixTime)>,
    /// Since when.
    pub created_at: UnixTime,
}

/// A new subscription.
#[derive(Debug)]
pub struct Subscribed {
    /// As lists show it.
    pub view: SubscriptionView,
    /// What the requests of a new webhook are signed with, the only time it is shown.
    pub secret: Option<BearerToken>,
}

/// A request that may be sent now.
#[derive(Debug)]
pub struct DuePost {
    /// Its number.
    pub id: WebhookPostId,
    /// Whose it is.
    pub subscription: SubscriptionId,
    /// Where to.
    pub url: WebhookUrl,
    /// The same for each try of it, and for nothing else.
    pub message_id: String,
    /// The body.
    pub body: String,
    /// What it is signed with.
    pub secret: Zeroizing<String>,
}

fn own_id(actor: &Actor) -> Result<OperatorId, ServiceError> {
    actor.operator().ok_or(ServiceError::Forbidden {
        code: "operator_needed",
        detail: "notifications belong to a signed-in operator: sign in to the console",
    })
}

fn view_of(
    view: &dyn View,
    actor: &Actor,
    subscription: Subscription,
    operator: &Operator,
) -> Result<SubscriptionView, ServiceError> {
    let gone = || "no longer here".to_owned();
    let stock = match subscription.stock {
        None => None,
        Some(StockWatch { place: StockPlace::Resource(id), fewer_than }) => {
            let name = view.resource(id)?.map_or_else(gone, |r| r.name.as_str().to_owned());
            Some(("resource", name, fewer_than))
        }
        Some(StockWatch { place: StockPlace::Batch(id), fewer_than }) => {
            let name = view.batch(id)?.map_or_else(gone, |b| b.name.as_str().to_owned());
            Some(("batch", name, fewer_than))
        }
    };
    let left_out = subscription.left_out();
    Ok(SubscriptionView {
        is_paused: !(operator.enabled && subscription.is_for(operator.role)),
        left_out: (left_out > 0).then(|| (left_out, subscription.hour_ends())),
        id: subscription.id,
        operator: operator.login.as_str().to_owned(),
        is_own: actor.operator() == Some(operator.id),
        kind: subscription.kind,
        channel: subscription.channel.name(),
        to: match &subscription.channel {
            Channel::Mail(to) => to.as_str().to_owned(),
            Channel::Webhook { url, .. } => url.shown(),
        },
        stock,
        on_since: subscription.on_since,
        last: subscription.last,
        created_at: subscription.created_at,
    })
}

/// What is counted must be there and the operator's to see.
fn stock_of(
    view: &dyn View,
    actor: &Actor,
    new: &NewSubscription,
) -> Result<Option<StockWatch>, ServiceError> {
    let is_stock = new.kind == NewsKind::LowStock;
    let Some(stock) = &new.stock else {
        if is_stock {
            let detail = "low stock needs a resource or a batch, and fewer than how many tokens are few";
            return Err(ServiceError::invalid("fewer_than", "stock_missing", detail));
        }
        return Ok(None);
    };
    if !is_stock {
        let detail = "a resource, a batch and a number go with low stock only";
        return Err(ServiceError::invalid("fewer_than", "stock_unexpected", detail));
    }
    if !StockWatch::LIMITS.contains(&stock.fewer_than) {
        let detail = format!("a number from {} to {}", StockWatch::LIMITS.start(), StockWatch::LIMITS.end());
        return Err(ServiceError::invalid("fewer_than", "stock_range", detail));
    }
    let place = match &stock.place {
        StockPlaceName::Resource(name) => {
            let found = view.resource_by_name(&name.normal())?.filter(|r| actor.scope.covers(r.id));
            let none =
                || ServiceError::invalid("resource", "resource_unknown", "there is no resource of this name");
            StockPlace::Resource(found.ok_or_else(none)?.id)
        }
        StockPlaceName::Batch(name) => {
            let none = || ServiceError::invalid("batch", "batch_unknown", "there is no batch of this name");
            match view.batch_by_name(&name.normal())? {
                Some(batch) if sees_batch(view, actor, &batch)? => StockPlace::Batch(batch.id),
                _ => return Err(none()),
            }
        }
    };
    Ok(Some(StockWatch { place, fewer_than: stock.fewer_than }))
}

/// One to be made, with what was drawn for it outside the change.
#[derive(Clone)]
struct Prepared {
    new: NewSubscription,
    /// The signing secret as text.
    secret: Option<Zeroizing<String>>,
}

impl Prepared {
    fn draw(actor: &Actor, new: NewSubscription) -> Result<Self, ServiceError> {
        if !actor.role.is_some_and(|role| new.kind.is_for(role)) {
            let detail = "the state of the audit log is told to admins and auditors";
            return Err(ServiceError::Forbidden { code: "forbidden", detail });
        }
        let secret = match &new.channel {
            NewChannel::Mail(_) => None,
            NewChannel::Webhook(_) if actor.role != Some(Role::Admin) => {
                let detail = "only an admin sets up webhooks: they make this machine call others; use mail";
                return Err(ServiceError::Forbidden { code: "forbidden", detail });
            }
            NewChannel::Webhook(_) => {
                let raw = Zeroizing::new(random_bytes::<32>()?);
                let text = Zeroizing::new(data_encoding::BASE64.encode(raw.as_slice()));
                Some(Zeroizing::new(format!("whsec_{}", text.as_str())))
            }
        };
        Ok(Self { new, secret })
    }

    fn make(
        &self,
        view: &dyn View,
        actor: &Actor,
        id: SubscriptionId,
        sealer: &DataKey,
        now: UnixTime,
    ) -> Result<Subscription, ServiceError> {
        let channel = match (&self.new.channel, &self.secret) {
            (NewChannel::Webhook(url), Some(secret)) => {
                let seed = Seed::new(secret.as_bytes().to_vec());
                Channel::Webhook { url: url.clone(), secret: sealer.seal(&seed, SealContext::Webhook(id))? }
            }
            (NewChannel::Mail(to), _) => Channel::Mail(to.clone()),
            (NewChannel::Webhook(_), None) => return Err(ServiceError::Stale),
        };
        Ok(Subscription {
            id,
            operator: own_id(actor)?,
            kind: self.new.kind,
            channel,
            stock: stock_of(view, actor, &self.new)?,
            on_since: None,
            last: None,
            hour: (now, 0),
            created_at: now,
        })
    }

    fn shown(&self) -> Option<BearerToken> {
        self.secret.as_ref().map(|text| BearerToken::new(text.as_bytes().to_vec()))
    }
}

fn words(kind: NewsKind, channel: &str) -> String {
    format!("{} by {channel}", kind.name())
}

fn changed(
    actor: &Actor,
    operator: OperatorId,
    added: &[String],
    removed: &[String],
    now: UnixTime,
) -> Change {
    let mut detail = Vec::new();
    if !added.is_empty() {
        detail.push(("added", added.join(", ")));
    }
    if !removed.is_empty() {
        detail.push(("removed", removed.join(", ")));
    }
    let subjects = vec![Subject::Operator(operator)];
    super::audit_entry(now, actor, AuditAction::NotificationsChanged, subjects, AuditResult::Done, detail)
}

/// The subscription, when it is the actor's own, or that of somebody an admin manages.
fn ruled(
    view: &dyn View,
    actor: &Actor,
    id: SubscriptionId,
) -> Result<(Subscription, Operator), ServiceError> {
    let missing = ServiceError::NotFound { what: "notification" };
    let Some(subscription) = view.subscription(id)? else { return Err(missing) };
    let Some(operator) = view.operator(subscription.operator)? else { return Err(missing) };
    let is_own = actor.operator() == Some(operator.id);
    let manages = actor.role == Some(Role::Admin) && is_within(&actor.scope, &operator.scope);
    if is_own || manages { Ok((subscription, operator)) } else { Err(missing) }
}

impl Service {
    /// The actor's own notifications; for an admin also those of the operators in the admin's scope.
    pub fn notifications(&self, actor: &Actor) -> Result<Vec<SubscriptionView>, ServiceError> {
        self.store.read(|view| {
            let mut items = Vec::new();
            for subscription in view.subscriptions()? {
                if let Ok((subscription, operator)) = ruled(view, actor, subscription.id) {
                    items.push(view_of(view, actor, subscription, &operator)?);
                }
            }
            Ok(items)
        })
    }

    /// Makes the actor's notifications exactly these. New webhooks get a secret, which is shown this once.
    pub fn set_notifications(
        &self,
        actor: &Actor,
        wanted: Vec<Wanted>,
    ) -> Result<Vec<Subscribed>, ServiceError> {
        let operator = own_id(actor)?;
        let (mut kept, mut fresh) = (Vec::new(), Vec::new());
        for one in wanted {
            match one {
                Wanted::Kept(id) => kept.push(id),
                Wanted::New(new) => fresh.push(Prepared::draw(actor, new)?),
            }
        }
        let secrets: Vec<_> = fresh.iter().map(Prepared::shown).collect();
        let (actor, sealer, now) = (actor.clone(), self.sealer()?, self.clock.now());
        let views = self.decide(move |view| {
            let missing = ServiceError::NotFound { what: "notification" };
            let Some(owner) = view.operator(operator)? else { return Err(missing) };
            let mine: BTreeMap<_, _> = view
                .subscriptions()?
                .into_iter()
                .filter(|s| s.operator == operator)
                .map(|s| (s.id, s))
                .collect();
            if kept.iter().any(|id| !mine.contains_key(id)) {
                return Err(missing);
            }
            let stays = mine.keys().filter(|id| kept.contains(id)).count();
            if stays + fresh.len() > Subscription::MOST {
                let detail = format!("an operator has at most {} notifications", Subscription::MOST);
                return Err(ServiceError::state("too_many_notifications", detail));
            }
            let (mut changes, mut views) = (Vec::new(), Vec::new());
            let (mut added, mut removed) = (Vec::new(), Vec::new());
            for (id, subscription) in mine {
                if kept.contains(&id) {
                    views.push(view_of(view, &actor, subscription, &owner)?);
                } else {
                    removed.push(words(subscription.kind, subscription.channel.name()));
                    changes.push(Change::DeleteSubscription(id));
                }
            }
            let mut id = view.next_subscription()?;
            for prepared in &fresh {
                let subscription = prepared.make(view, &actor, id, &sealer, now)?;
                added.push(words(subscription.kind, subscription.channel.name()));
                views.push(view_of(view, &actor, subscription.clone(), &owner)?);
                changes.push(Change::PutSubscription(subscription));
                id = id.next();
            }
            if !changes.is_empty() {
                changes.push(changed(&actor, operator, &added, &removed, now));
            }
            Ok((views, changes))
        })?;
        let old = views.len() - secrets.len();
        let secrets = std::iter::repeat_with(|| None).take(old).chain(secrets);
        Ok(views.into_iter().zip(secrets).map(|(view, secret)| Subscribed { view, secret }).collect())
    }

    /// Adds one to the actor's notifications.
    pub fn subscribe(&self, actor: &Actor, new: NewSubscription) -> Result<Subscribed, ServiceError> {
        let operator = own_id(actor)?;
        let prepared = Prepared::draw(actor, new)?;
        let secret = prepared.shown();
        let (actor, sealer, now) = (actor.clone(), self.sealer()?, self.clock.now());
        let view = self.decide(move |view| {
            let owner = view.operator(operator)?.ok_or(ServiceError::NotFound { what: "operator" })?;
            let mine = view.subscriptions()?.into_iter().filter(|s| s.operator == operator).count();
            if mine >= Subscription::MOST {
                let detail =
                    format!("an operator has at most {} notifications: remove one", Subscription::MOST);
                return Err(ServiceError::state("too_many_notifications", detail));
            }
            let subscription = prepared.make(view, &actor, view.next_subscription()?, &sealer, now)?;
            let added = [words(subscription.kind, subscription.channel.name())];
            let shown = view_of(view, &actor, subscription.clone(), &owner)?;
            let entry = changed(&actor, operator, &added, &[], now);
            Ok((shown, vec![Change::PutSubscription(subscription), entry]))
        })?;
        Ok(Subscribed { view, secret })
    }

    /// Ends one: the actor's own, or, for an admin, that of an operator in scope.
    pub fn unsubscribe(&self, actor: &Actor, id: SubscriptionId) -> Result<(), ServiceError> {
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |view| {
            let (subscription, operator) = ruled(view, &actor, id)?;
            let removed = [words(subscription.kind, subscription.channel.name())];
            let entry = changed(&actor, operator.id, &[], &removed, now);
            Ok(((), vec![Change::DeleteSubscription(id), entry]))
        })
    }

    /// Sends a trial, at most one a minute for each.
    pub fn try_notification(&self, actor: &Actor, id: SubscriptionId) -> Result<(), ServiceError> {
        let newsroom = self.newsroom()?;
        let budget = self.trial_budget(id);
        let (actor, now) = (actor.clone(), self.clock.now());
        self.decide(move |view| {
            let (subscription, operator) = ruled(view, &actor, id)?;
            if listener(view, &subscription)?.is_none() {
                let detail = "nothing is sent here: the operator is disabled, or is of a role that may not have it; \
                              remove it, or let the operator choose another";
                return Err(ServiceError::state("notification_paused", detail));
            }
            let tried = view.budget(budget)?;
            if tried.within(now, TRIAL_SECS) != crate::model::Budget::CLEAR {
                return Err(ServiceError::state(
                    "trial_waits",
                    "one trial a minute: wait a moment, then try again",
                ));
            }
            let news = News {
                name: "trial",
                title: "trial".to_owned(),
                text: format!(
                    "This is a trial: news of \u{201c}{}\u{201d} reaches you this way. Nothing happened.",
                    subscription.kind.words()
                ),
                data: json!({ "event": subscription.kind.name() }),
            };
            let detail = vec![("event", words(subscription.kind, subscription.channel.name()))];
            let mut changes = Vec::new();
            newsroom.deliver(view, subscription, &news, &mut changes)?;
            changes.push(Change::PutBudget(budget, tried.within(now, TRIAL_SECS).failed(now, u32::MAX)));
            changes.push(super::audit_entry(
                now,
                &actor,
                AuditAction::NotificationTried,
                vec![Subject::Operator(operator.id)],
                AuditResult::Done,
                detail,
            ));
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(())
    }

    fn trial_budget(&self, id: SubscriptionId) -> crate::model::BudgetKey {
        let hash = self.vault.keyed_hash("trial of a notification", &id.0.to_be_bytes());
        super::authenticate::hashed_key(crate::model::BudgetKind::MailSent, &hash)
    }

    /// Requests that may be sent now, oldest first. Those whose subscription has ended or is paused go.
    pub fn due_posts(&self, limit: usize) -> Result<Vec<DuePost>, ServiceError> {
        let now = self.clock.now();
        let found = self.store.read(|view| {
            let mut found = Vec::new();
            for post in view.posts_due(now, limit)? {
                let mut subscription = view.subscription(post.subscription)?;
                if let Some(one) = &subscription
                    && listener(view, one)?.is_none()
                {
                    subscription = None;
                }
                let key = match subscription.as_ref().map(|s| &s.channel) {
                    Some(Channel::Webhook { secret, .. }) => view.data_key(secret.data_key)?,
                    _ => None,
                };
                found.push((post, subscription, key));
            }
            Ok::<_, ServiceError>(found)
        })?;
        let (mut due, mut orphans) = (Vec::new(), Vec::new());
        for (post, subscription, key) in found {
            let Some(Subscription { id, channel: Channel::Webhook { url, secret }, .. }) = subscription
            else {
                orphans.push(Change::DeletePost(post.id));
                continue;
            };
            let secret = self.vault.open_text(&secret, SealContext::Webhook(id), |_| key)?;
            let message_id = self.message_id(&post);
            due.push(DuePost { id: post.id, subscription: id, url, message_id, body: post.body, secret });
        }
        if !orphans.is_empty() {
            self.decide(move |_| Ok(((), orphans.clone())))?;
        }
        Ok(due)
    }

    /// The store, its epoch and the post: nothing else anywhere has this id, also after a restore.
    fn message_id(&self, post: &WebhookPost) -> String {
        let store = data_encoding::HEXLOWER.encode(&self.meta.store_id[..8]);
        format!("msg_{store}_{}_{}_{}", self.meta.epoch, post.id.0, post.created_at.millis())
    }

    /// Writes down how a request went, and why not. One that failed is tried again after a growing pause
    /// until it is a day old.
    pub fn post_tried(&self, id: WebhookPostId, sent: Result<(), String>) -> Result<(), ServiceError> {
        let now = self.clock.now();
        self.decide(move |view| {
            let Some(mut post) = view.post(id)? else { return Ok(((), Vec::new())) };
            let Some(state) = after_try(&post.state, sent.is_ok(), u32::MAX, post.expires_at, now) else {
                return Ok(((), Vec::new()));
            };
            post.state = state;
            let failed = sent.as_ref().err().map(String::as_str);
            let mut changes = delivered(view, post.subscription, failed, &post.state, now)?;
            changes.push(Change::PutPost(post));
            Ok(((), changes))
        })
    }
}

/// The changes that note how a delivery went; one that is given up has its audit record.
pub(super) fn delivered(
    view: &dyn View,
    id: SubscriptionId,
    failed: Option<&str>,
    state: &MailState,
    now: UnixTime,
) -> Result<Changes, ServiceError> {
    let Some(mut subscription) = view.subscription(id)? else { return Ok(Vec::new()) };
    let given_up = matches!(state, MailState::Failed { .. });
    subscription.last = Some(LastDelivery { at: now, problem: failed.map(str::to_owned), given_up });
    let mut changes = Vec::new();
    if given_up {
        // Not why: the answer of a mail server may name the address.
        let detail = vec![("event", words(subscription.kind, subscription.channel.name()))];
        changes.push(super::audit_entry(
            now,
            &Actor::SYSTEM,
            AuditAction::NotificationFailed,
            vec![Subject::Operator(subscription.operator)],
            AuditResult::Refused,
            detail,
        ));
    }
    changes.push(Change::PutSubscription(subscription));
    Ok(changes)
}

/// Numbers of posts that are old enough to go, the oldest first.
pub(super) fn old_posts(
    view: &dyn View,
    now: UnixTime,
    limit: usize,
) -> Result<Vec<WebhookPostId>, ServiceError> {
    let old = |post: &WebhookPost| now.secs_since(post.created_at) > KEPT_SECS;
    Ok(view.oldest_posts(limit)?.into_iter().filter(old).map(|post| post.id).collect())
}
