//! What operators hear of, and how.

use askama::Template;

#[cfg(test)]
use crate::http::page::Tone;
use crate::http::page::{Badge, Choice, Field, Moment, Notice, Page};

/// One notification.
#[derive(Debug, Clone)]
pub struct NotificationRow {
    /// Its number.
    pub id: u64,
    /// Whose.
    pub operator: String,
    /// Of what: "Low stock: fewer than 20 of VPN".
    pub event: String,
    /// "Mail", "Webhook".
    pub channel: &'static str,
    /// The address.
    pub to: String,
    /// How the last delivery went.
    pub state: Badge,
    /// When that was.
    pub when: Option<Moment>,
    /// Why it failed.
    pub problem: String,
    /// Why nothing, or not everything, is sent.
    pub notes: String,
}

/// A webhook's secret, just made.
#[derive(Clone)]
pub struct NewSecret {
    /// Where the webhook is.
    pub to: String,
    /// The secret, shown this once.
    pub secret: String,
}

impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSecret").field("to", &self.to).field("secret", &"..").finish()
    }
}

/// The notifications.
#[derive(Debug, Template)]
#[template(path = "console/notifications.html")]
pub struct Notifications {
    /// The frame.
    pub page: Page,
    /// The reader's own, and for an admin those of others.
    pub rows: Vec<NotificationRow>,
    /// Other people's are among them.
    pub shows_operator: bool,
    /// The reader may have notifications.
    pub may_add: bool,
    /// The secret of a webhook that was just made.
    pub created: Option<NewSecret>,
    /// No mail server is set up.
    pub mail_off: Option<Notice>,
    /// The events.
    pub events: Vec<Choice>,
    /// How; only mail for those who are no admins.
    pub channels: Vec<Choice>,
    /// The address.
    pub to: Field,
    /// What is wrong with the choice of event or channel.
    pub problem: Option<Notice>,
    /// For low stock: of a resource.
    pub resource: Field,
    /// Or of a batch.
    pub batch: Field,
    /// Fewer than how many are few.
    pub fewer_than: Field,
}

impl Notifications {
    /// One that works, one that does not, and one just made.
    #[cfg(test)]
    pub fn sample() -> Self {
        let row = |id, event: &str, channel, to: &str, state, problem: &str| NotificationRow {
            id,
            operator: "ada".into(),
            event: event.into(),
            channel,
            to: to.into(),
            state,
            when: Some(Moment::new("yesterday 09:12", "2026-01-01T09:12:04Z")),
            problem: problem.into(),
            notes: if problem.is_empty() { "12 more left out of a full hour" } else { "" }.into(),
        };
        Self {
            page: Page::sample("Notifications", "notifications"),
            rows: vec![
                row(1, "Locked user", "Mail", "ada@example.org", Badge::new(Tone::Good, "Delivered"), ""),
                row(
                    2,
                    "Low stock: fewer than 20 of VPN",
                    "Webhook",
                    "https://hooks.example.org/…",
                    Badge::new(Tone::Bad, "Given up"),
                    "the receiver answered 302; redirects are not followed",
                ),
            ],
            shows_operator: true,
            may_add: true,
            created: Some(NewSecret {
                to: "https://hooks.example.org/…".into(),
                secret: "whsec_sample-not-a-real-one".into(),
            }),
            mail_off: Some(Notice::new(
                Tone::Attention,
                "No mail server is set up.",
                "Mails do not leave. Set one in mintmark.toml, or use a webhook.",
            )),
            events: Choice::list(&[("locked_user", "Locked user"), ("low_stock", "Low stock")], "low_stock"),
            channels: Choice::list(&[("mail", "Mail"), ("webhook", "Webhook")], "webhook"),
            to: Field::wrong("hooks.example.org", "A webhook is called by https://."),
            problem: None,
            resource: Field::default(),
            batch: Field::default(),
            fewer_than: Field::default(),
        }
    }
}
