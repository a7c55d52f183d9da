//! What operators want to hear of, and how it reaches them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::{BatchId, EmailAddress, OperatorId, ResourceId, Role, SealedSeed, SubscriptionId, WebhookPostId};
use crate::clock::UnixTime;
use crate::model::MailState;

macro_rules! news {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $words:literal;)*) => {
        /// What news can be about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum NewsKind { $($(#[$doc])* $variant,)* }

        impl NewsKind {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in JSON.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What people read.
            pub const fn words(self) -> &'static str {
                match self { $(Self::$variant => $words,)* }
            }
        }
    };
}

news! {
    /// A user asked for access to be restored.
    UserIssue = "user_issue", "New user issue";
    /// Only an operator can unblock a user now.
    LockedUser = "locked_user", "Locked user";
    /// An import was read, committed or failed.
    ImportFinished = "import_finished", "Import finished";
    /// A programming run ended before all devices were written.
    RunFailed = "run_failed", "Programming run failed";
    /// Fewer tokens than wanted lie in the cupboard.
    LowStock = "low_stock", "Low stock";
    /// The clock contradicts the log.
    ClockFault = "clock_fault", "Clock fault";
    /// The audit log is damaged.
    AuditFailure = "audit_failure", "Audit failure";
    /// Somebody guesses at serial numbers.
    FailedConfirmations = "failed_confirmations", "Many failed confirmations";
}

impl NewsKind {
    /// Reads the name.
    pub fn from_name(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text)
    }

    /// True when people of this role may hear of it: the state of the log is for those who read the log.
    pub const fn is_for(self, role: Role) -> bool {
        role.is_for_people()
            && (!matches!(self, Self::AuditFailure) || matches!(role, Role::Admin | Role::Auditor))
    }
}

/// Why an address cannot be that of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WebhookUrlError {
    /// Longer than allowed, or characters that have no place in an address.
    #[error("an address has at most 500 visible ASCII characters and no blanks")]
    Characters,
    /// Neither https nor http to this machine.
    #[error("a webhook is called by https://; http:// only on this machine (localhost, 127.0.0.1, [::1])")]
    Scheme,
    /// No host, or a login before it.
    #[error("behind https:// a host is expected, without a login before it")]
    Host,
    /// The port is no number from 1 to 65535.
    #[error("the port is a number from 1 to 65535")]
    Port,
    /// An address that no webhook has.
    #[error("this address is not allowed: link-local and metadata addresses belong to machines themselves")]
    Address,
}

/// Where a webhook is called. Its path may hold a secret of the receiver, so it is not printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookUrl(String);

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({})", self.shown())
    }
}

/// The parts of a webhook's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WebhookParts<'a> {
    /// False: in clear, to this machine.
    pub tls: bool,
    /// Host and port as they stand there.
    pub authority: &'a str,
    /// The host; an IPv6 address without its brackets.
    pub host: &'a str,
    /// The port.
    pub port: u16,
    /// Path and query.
    pub path: &'a str,
}

impl WebhookUrl {
    /// Reads `https://HOST[:PORT][/PATH]`; `http` is for this machine only.
    pub fn parse(text: &str) -> Result<Self, WebhookUrlError> {
        let text = text.trim();
        if text.len() > 500
            || !text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'#' | b'\\' | b'"'))
        {
            return Err(WebhookUrlError::Characters);
        }
        let url = Self(text.to_owned());
        let parts = split(text)?;
        let bare = parts.host.parse::<IpAddr>().ok();
        let here = parts.host.eq_ignore_ascii_case("localhost") || bare.is_some_and(|ip| ip.is_loopback());
        if !parts.tls && !here {
            return Err(WebhookUrlError::Scheme);
        }
        if bare.is_some_and(|ip| !may_be_called(ip)) {
            return Err(WebhookUrlError::Address);
        }
        Ok(url)
    }

    /// Its parts.
    pub fn parts(&self) -> Result<WebhookParts<'_>, WebhookUrlError> {
        split(&self.0)
    }

    /// Scheme and host, for lists: `https://hooks.example.org/…`.
    pub fn shown(&self) -> String {
        match split(&self.0) {
            Ok(parts) => {
                let more = if parts.path == "/" { "/" } else { "/…" };
                format!("{}://{}{more}", if parts.tls { "https" } else { "http" }, parts.authority)
            }
            Err(_) => "…".to_owned(),
        }
    }
}

fn split(text: &str) -> Result<WebhookParts<'_>, WebhookUrlError> {
    let (tls, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (true, rest),
        (None, Some(rest)) => (false, rest),
        (None, None) => return Err(WebhookUrlError::Scheme),
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if path.starts_with('?') {
        return Err(WebhookUrlError::Host);
    }
    if authority.contains('@') {
        return Err(WebhookUrlError::Host);
    }
    let path = if path.is_empty() { "/" } else { path };
    let (host, port) = if let Some(inner) = authority.strip_prefix('[') {
        let (host, port) = inner.split_once(']').ok_or(WebhookUrlError::Host)?;
        host.parse::<Ipv6Addr>().map_err(|_| WebhookUrlError::Host)?;
        (host, port.strip_prefix(':').or_else(|| port.is_empty().then_some("")).ok_or(WebhookUrlError::Port)?)
    } else {
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if host.is_empty() || !host.bytes().all(fits) {
            return Err(WebhookUrlError::Host);
        }
        (host, port)
    };
    let port = match port {
        "" => {
            if tls {
                443
            } else {
                80
            }
        }
        digits => {
            let digits = Some(digits).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
            let port = digits.and_then(|d| d.parse::<u16>().ok()).filter(|port| *port > 0);
            port.ok_or(WebhookUrlError::Port)?
        }
    };
    Ok(WebhookParts { tls, authority, host, port, path })
}

/// Whether a webhook may be called at this network address. Link-local addresses and those at which
/// clouds tell their machines' secrets are refused, in whatever form they are written; so is everything
/// that is no single machine. Private networks are allowed: receivers stand there.
pub fn may_be_called(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4_may_be_called(v4),
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            let embedded = match segments {
                // Mapped and compatible, NAT64, 6to4, Teredo: what is behind counts.
                [0, 0, 0, 0, 0, 0xffff, a, b] | [0x64, 0xff9b, 0, 0, 0, 0, a, b] | [0x2002, a, b, ..] => {
                    Some((a, b))
                }
                [0, 0, 0, 0, 0, 0, a, b] if (a, b) != (0, 1) => Some((a, b)),
                [0x2001, 0, .., a, b] => Some((!a, !b)),
                _ => None,
            };
            if let Some((a, b)) = embedded {
                let ([one, two], [three, four]) = (a.to_be_bytes(), b.to_be_bytes());
                return v4_may_be_called(Ipv4Addr::new(one, two, three, four));
            }
            // fe80::/10 and the old fec0::/10; the metadata service of one cloud has a unique local address.
            let is_local = matches!(segments[0] & 0xffc0, 0xfe80 | 0xfec0);
            let is_metadata = matches!(segments, [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254])
                || matches!(segments, [0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254]);
            !(is_local || is_metadata || v6.is_multicast() || v6.is_unspecified())
        }
    }
}

fn v4_may_be_called(address: Ipv4Addr) -> bool {
    let metadata =
        [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
    let first = address.octets()[0];
    !(address.is_link_local() || first == 0 || first >= 224 || metadata.contains(&address))
}

/// How news reaches an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channel {
    /// A mail.
    Mail(EmailAddress),
    /// A request to another program.
    Webhook {
        /// Where.
        url: WebhookUrl,
        /// What its requests are signed with, sealed and bound to the subscription.
        secret: SealedSeed,
    },
}

impl Channel {
    /// The name in JSON.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Mail(_) => "mail",
            Self::Webhook { .. } => "webhook",
        }
    }
}

/// What is counted for *low stock*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StockPlace {
    /// What stands on a resource and still lies in the cupboard.
    Resource(ResourceId),
    /// What is left of a batch in the cupboard.
    Batch(BatchId),
}

/// When stock is low.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockWatch {
    /// Where.
    pub place: StockPlace,
    /// Fewer tokens than this are few.
    pub fewer_than: u32,
}

impl StockWatch {
    /// The limits that can be set.
    pub const LIMITS: std::ops::RangeInclusive<u32> = 1..=10_000;
}

/// How the last delivery went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastDelivery {
    /// When it was tried.
    pub at: UnixTime,
    /// Why it failed; `None`: it was taken.
    pub problem: Option<String>,
    /// It was given up.
    pub given_up: bool,
}

/// One operator wants to hear of one kind of event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// Number in the store.
    pub id: SubscriptionId,
    /// Whose.
    pub operator: OperatorId,
    /// Of what.
    pub kind: NewsKind,
    /// How.
    pub channel: Channel,
    /// What is counted, for *low stock*.
    pub stock: Option<StockWatch>,
    /// For what lasts (low stock, a clock fault): since when it is so and was told.
    pub on_since: Option<UnixTime>,
    /// How the last delivery went.
    pub last: Option<LastDelivery>,
    /// News of this hour: when it began, how many.
    pub hour: (UnixTime, u32),
    /// Since when.
    pub created_at: UnixTime,
}

impl Subscription {
    /// Subscriptions of one operator at most.
    pub const MOST: usize = 50;
    /// News of one subscription in an hour at most: an attack on many users fills no mailbox.
    pub const MOST_AN_HOUR: u32 = 60;

    /// True when an operator of this role may have it. A webhook makes this machine call others: admins only, and
    /// only as long as they are.
    pub const fn is_for(&self, role: Role) -> bool {
        self.kind.is_for(role) && (matches!(self.channel, Channel::Mail(_)) || matches!(role, Role::Admin))
    }

    /// News of the hour that was not sent because there was too much of it.
    pub const fn left_out(&self) -> u32 {
        self.hour.1.saturating_sub(Self::MOST_AN_HOUR)
    }

    /// When the hour ends of which so much is sent.
    pub const fn hour_ends(&self) -> UnixTime {
        self.hour.0.plus_secs(3_600)
    }
}

/// A request to another program that waits to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebhookPost {
    /// Number in the store.
    pub id: WebhookPostId,
    /// For whom.
    pub subscription: SubscriptionId,
    /// The body, JSON; it holds no secret.
    pub body: String,
    /// Where it stands.
    pub state: MailState,
    /// When it was written.
    pub created_at: UnixTime,
    /// After this moment it is given up.
    pub expires_at: UnixTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P47: a webhook is https, or on this machine.
    #[test]
    fn webhooks_are_https_or_here() {
        for good in [
            "https://hooks.example.org/a/b?c=d",
            "https://10.1.2.3:8443",
            "https://[2001:db8::7]:8443/x",
            "http://127.0.0.1:9000/hook",
            "http://localhost:9000/",
            "http://[::1]:9000/",
        ] {
            assert!(WebhookUrl::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://hooks.example.org/", WebhookUrlError::Scheme),
            ("http://localhost.example.org/", WebhookUrlError::Scheme),
            ("ftp://example.org/", WebhookUrlError::Scheme),
            ("https://user:word@example.org/", WebhookUrlError::Host),
            ("https://127.0.0.1@evil.example/", WebhookUrlError::Host),
            ("https:///x", WebhookUrlError::Host),
            ("https://a?x", WebhookUrlError::Host),
            ("https://a:0/", WebhookUrlError::Port),
            ("https://a:+5/", WebhookUrlError::Port),
            ("https://a:99999/", WebhookUrlError::Port),
            ("https://a b/", WebhookUrlError::Characters),
            ("https://a/\r\nX: y", WebhookUrlError::Characters),
            ("https://169.254.169.254/latest", WebhookUrlError::Address),
            ("https://[fe80::1]/", WebhookUrlError::Address),
            ("https://[::ffff:169.254.169.254]/", WebhookUrlError::Address),
            ("https://0.0.0.0/", WebhookUrlError::Address),
        ] {
            assert_eq!(WebhookUrl::parse(bad), Err(why), "{bad}");
        }
    }

    /// P47, SSRF: in whatever form an address is written.
    #[test]
    fn metadata_and_link_local_addresses_are_never_called() {
        for bad in [
            "169.254.169.254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "0.0.0.0",
            "0.1.2.3",
            "224.0.0.1",
            "255.255.255.255",
            "fe80::1",
            "fec0::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "ff02::1",
            "::",
            "::ffff:169.254.169.254",
            "::169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "2001::5601:5601",
        ] {
            let address: IpAddr = bad.parse().expect("an address");
            assert!(!may_be_called(address), "{bad}");
        }
        for good in ["127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "203.0.113.9", "2001:db8::1", "fd12::1"] {
            let address: IpAddr = good.parse().expect("an address");
            assert!(may_be_called(address), "{good}");
        }
    }

    #[test]
    fn the_path_of_a_webhook_is_not_printed() {
        let url = WebhookUrl::parse("https://hooks.example.org:8443/T000/very-secret").expect("usable");
        assert_eq!(url.shown(), "https://hooks.example.org:8443/…");
        assert!(!format!("{url:?}").contains("very-secret"));
    }
}
