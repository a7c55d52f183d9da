//! What lasts: stock that runs low, a clock that contradicts the log or the tokens (P47). A subscription remembers that it
//! was told, so each is told once until it was good between.

use serde_json::json;

use crate::clock::UnixTime;
use crate::model::{NewsKind, StockPlace, StockWatch, Subscription};
use crate::store::{Change, CustodyFilter, Page, TokenFilter, View};

use super::news::{News, listener, newest};
use super::scope::sees_batch;
use super::{Service, ServiceError};

impl Service {
    /// Looks at what lasts: tells once when stock runs low or the clock contradicts the log, and again only
    /// after it was good between.
    pub fn watch(&self) -> Result<(), ServiceError> {
        self.watch_fleet()?;
        let (fault, doubt) = (self.clock_fault()?, self.clock_doubt()?);
        let newsroom = self.newsroom()?;
        let now = self.clock.now();
        // Counted outside the change: a large batch takes a while to look through.
        let (found, full) = self.store.read(|view| {
            let (mut found, mut full) = (Vec::new(), Vec::new());
            for subscription in view.subscriptions()? {
                let is_over = now >= subscription.hour_ends() && subscription.left_out() > 0;
                if is_over && listener(view, &subscription)?.is_some() {
                    full.push((subscription.id, subscription.left_out()));
                }
                let news = match (subscription.kind, subscription.stock) {
                    (NewsKind::ClockFault, _) => {
                        fault.map(|newest| clock_news(now, newest)).or_else(|| doubt.map(doubt_news))
                    }
                    (NewsKind::LowStock, Some(watch)) => stock_news(view, &subscription, watch)?,
                    _ => continue,
                };
                if news.is_some() != subscription.on_since.is_some() {
                    found.push((subscription.id, news));
                }
            }
            Ok::<_, ServiceError>((found, full))
        })?;
        if found.is_empty() && full.is_empty() {
            return Ok(());
        }
        for (id, left_out) in &full {
            tracing::warn!(subscription.id = id.0, left_out, "an hour had more news than are sent");
        }
        self.decide(move |view| {
            let mut changes = Vec::new();
            for (id, _) in &full {
                let Some(mut subscription) = view.subscription(*id)? else { continue };
                if now >= subscription.hour_ends() {
                    newsroom.sum_up(view, &mut subscription, &mut changes)?;
                    changes.push(Change::PutSubscription(subscription));
                }
            }
            for (id, news) in &found {
                let Some(subscription) = view.subscription(*id)? else { continue };
                let subscription = newest(&changes, subscription);
                if news.is_some() == subscription.on_since.is_some() {
                    continue;
                }
                let subscription = Subscription { on_since: news.as_ref().map(|_| now), ..subscription };
                changes.push(Change::PutSubscription(subscription.clone()));
                if let Some(news) = news {
                    newsroom.deliver(view, subscription, news, &mut changes)?;
                }
            }
            Ok(((), changes))
        })?;
        self.wake_mailer();
        Ok(())
    }
}

fn clock_news(now: UnixTime, newest: UnixTime) -> News {
    News {
        name: NewsKind::ClockFault.name(),
        title: "the clock contradicts the log".to_owned(),
        text: format!(
            "The clock of the machine shows {now}, the newest record of the log is from {newest}. Codes are not \
             looked at until this is settled. If the clock is wrong, correct it; if it is right, two admins accept \
             it on the audit page of the console."
        ),
        data: json!({ "clock": now.to_string(), "newest": newest.to_string() }),
    }
}

fn doubt_news(secs: i64) -> News {
    // Tokens that seem slow all at once: the server's clock went forward.
    let (off, way) = (secs.unsigned_abs(), if secs < 0 { "fast" } else { "slow" });
    News {
        name: NewsKind::ClockFault.name(),
        title: "many tokens jumped together".to_owned(),
        text: format!(
            "Within an hour many tokens were found off by about the same {off} s. Their clocks do not jump \
             together: the clock of this machine is probably {off} s {way}. Nothing is learned of the tokens until \
             the jumps end. Look at the machine's time synchronisation and correct its clock."
        ),
        data: json!({ "jump_secs": secs }),
    }
}

/// What is said of a place whose stock is low; `None`: it is not, or it is not this operator's to see.
fn stock_news(
    view: &dyn View,
    subscription: &Subscription,
    watch: StockWatch,
) -> Result<Option<News>, ServiceError> {
    let Some(operator) = listener(view, subscription)? else { return Ok(None) };
    let actor = Service::operator_actor(&operator);
    let (what, name) = match watch.place {
        StockPlace::Resource(id) => match view.resource(id)?.filter(|r| actor.scope.covers(r.id)) {
            Some(resource) => ("resource", resource.name.as_str().to_owned()),
            None => return Ok(None),
        },
        StockPlace::Batch(id) => match view.batch(id)? {
            Some(batch) if sees_batch(view, &actor, &batch)? => ("batch", batch.name.as_str().to_owned()),
            _ => return Ok(None),
        },
    };
    let few = u64::from(watch.fewer_than);
    let left = in_cupboard(view, watch.place, few)?;
    Ok((left < few).then(|| News {
        name: NewsKind::LowStock.name(),
        title: format!("low stock: {left} left of {name}"),
        text: format!(
            "{left} tokens of the {what} {name} lie in the cupboard; you asked to be told below {few}. Order new \
             ones, or give another batch to the resource."
        ),
        data: json!({ what: name, "in_stock": left, "fewer_than": few }),
    }))
}

/// Enabled tokens of a place that lie in the cupboard, whether or not they stand on a resource; counted up
/// to `enough`.
fn in_cupboard(view: &dyn View, place: StockPlace, enough: u64) -> Result<u64, ServiceError> {
    let mut count = 0;
    for custody in [CustodyFilter::InStock, CustodyFilter::Assigned] {
        let mut filter = TokenFilter { custody: Some(custody), enabled: Some(true), ..TokenFilter::ALL };
        match place {
            StockPlace::Resource(id) => filter.resource = Some(id),
            StockPlace::Batch(id) => filter.batch = Some(id),
        }
        let mut page = Page::first(500);
        loop {
            let slice = view.tokens(&filter, page)?;
            count += slice.items.len() as u64;
            page.after = slice.next;
            if count >= enough {
                return Ok(count);
            }
            if page.after.is_none() {
                break;
            }
        }
    }
    Ok(count)
}
