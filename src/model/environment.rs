//! From where users sign in: what a browser says of itself, and how alike two such sayings are (P29).
//!
//! All of it can be imitated. It tells a sign-in from an unusual place from the usual ones; it proves nothing.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::UserIssueId;
use crate::clock::UnixTime;

/// What a browser says of itself beside a request. Empty where it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrowserSays {
    /// `User-Agent`.
    pub user_agent: String,
    /// `Accept-Language`.
    pub languages: String,
    /// Time zone by name, from a form; only with script.
    pub time_zone: String,
    /// Width and height of the screen, from a form; only with script.
    pub screen: String,
}

/// What is kept of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traits {
    /// Family, without its version: versions change every few weeks.
    pub browser: String,
    /// Family, without its version.
    pub system: String,
    /// The first language; empty when none was named.
    pub language: String,
    /// By name; empty without script.
    pub time_zone: String,
    /// `1280x800`; empty without script.
    pub screen: String,
    /// `192.0.2.0/24`, `2001:db8::/48`, `this machine`, or empty when nobody knows.
    pub network: String,
}

/// Tokens that name a browser, the telling ones first: most browsers name others, too.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

const SYSTEMS: &[(&str, &str)] = &[
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

fn family(text: &str, known: &[(&str, &str)]) -> String {
    let found = known.iter().find(|(word, _)| text.contains(word));
    found.map_or("unknown", |(_, name)| *name).to_owned()
}

/// A text of these characters, or nothing.
fn plain(text: &str, most: usize, allowed: impl Fn(char) -> bool) -> String {
    let fits = text.len() <= most && text.chars().all(|c| c.is_ascii_alphanumeric() || allowed(c));
    if fits { text.to_owned() } else { String::new() }
}

/// The part of a network address that stays when a line is given another one; empty when nobody knows.
pub fn network_of(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(address) if address.is_loopback() => "this machine".to_owned(),
        Ok(IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Ok(IpAddr::V6(v6)) => {
            let [a, b, c, ..] = v6.segments();
            format!("{}/48", std::net::Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
        Err(_) => String::new(),
    }
}

/// How much each part counts, of 100.
const BROWSER: u32 = 25;
const SYSTEM: u32 = 25;
const TIME_ZONE: u32 = 15;
const NETWORK: u32 = 15;
const LANGUAGE: u32 = 10;
const SCREEN: u32 = 10;

/// How alike two are, and in what they differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Likeness {
    /// 0 to 100.
    pub score: u32,
    /// The differences in words.
    pub differences: Vec<String>,
}

impl Traits {
    /// What is kept of what a browser says, and of the address it comes from.
    pub fn read(says: &BrowserSays, address: &str) -> Self {
        let first = says.languages.split([',', ';']).next().unwrap_or_default().trim();
        Self {
            browser: family(&says.user_agent, BROWSERS),
            system: family(&says.user_agent, SYSTEMS),
            language: plain(first, 16, |c| c == '-').to_lowercase(),
            time_zone: plain(says.time_zone.trim(), 40, |c| matches!(c, '/' | '_' | '-' | '+')),
            screen: plain(says.screen.trim(), 11, |_| false),
            network: network_of(address),
        }
    }

    /// How alike this one is to one that is known. What the known one never said counts for nothing; what
    /// this one keeps to itself counts as a difference, or leaving it out would help. Where the known one is
    /// trusted, the network does not count: a trusted machine may travel.
    fn likeness(&self, known: &Environment) -> Likeness {
        let then = &known.traits;
        let parts = [
            ("browser", BROWSER, &self.browser, &then.browser),
            ("system", SYSTEM, &self.system, &then.system),
            ("time zone", TIME_ZONE, &self.time_zone, &then.time_zone),
            ("network", NETWORK, &self.network, &then.network),
            ("language", LANGUAGE, &self.language, &then.language),
            ("screen", SCREEN, &self.screen, &then.screen),
        ];
        let (mut same, mut all, mut differences) = (0, 0, Vec::new());
        for (name, weight, now, then) in parts {
            if then.is_empty() || (name == "network" && known.trusted) {
                continue;
            }
            all += weight;
            if now == then {
                same += weight;
            } else if now.is_empty() {
                differences.push(format!("{name} not told, it was {then}"));
            } else {
                differences.push(format!("{name} {now} instead of {then}"));
            }
        }
        Likeness { score: (same * 100).checked_div(all).unwrap_or(100), differences }
    }
}

/// One environment of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its number among those of its user.
    pub number: u32,
    /// What is known of it.
    pub traits: Traits,
    /// What its user calls it; may be empty.
    pub name: String,
    /// Its user said that it is theirs.
    pub trusted: bool,
    /// First sign-in from it.
    pub first_seen: UnixTime,
    /// Last sign-in from it.
    pub last_seen: UnixTime,
}

/// The environments of one user, in the order of their first sign-ins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environments {
    /// Those that are known.
    pub known: Vec<Environment>,
    /// Given out so far.
    pub numbers: u32,
    /// An operator knows who comes next: whatever it looks like, it is let in once.
    pub next_is_welcome: bool,
    /// The same by an approved user issue: whoever comes next is the one whose identity was verified.
    pub welcomed_by: Option<UserIssueId>,
}

impl Environments {
    /// Of one user at most; the one not seen for longest goes, trusted ones last.
    pub const MOST: usize = 20;

    /// The likeness with the one that is most alike; `None` while nothing is known.
    pub fn likeness(&self, present: &Traits) -> Option<Likeness> {
        self.known.iter().map(|known| present.likeness(known)).max_by_key(|likeness| likeness.score)
    }

    /// The likeness with each, in order.
    pub fn each(&self, present: &Traits) -> Vec<Likeness> {
        self.known.iter().map(|known| present.likeness(known)).collect()
    }

    /// Notes a sign-in; gives the number of its environment.
    pub fn seen(&mut self, traits: &Traits, now: UnixTime) -> u32 {
        self.next_is_welcome = false;
        self.welcomed_by = None;
        if let Some(known) = self.known.iter_mut().find(|known| known.traits == *traits) {
            known.last_seen = now;
            return known.number;
        }
        while self.known.len() >= Self::MOST {
            let oldest = self.known.iter().enumerate().min_by_key(|(_, e)| (e.trusted, e.last_seen));
            let Some((at, _)) = oldest else { break };
            self.known.remove(at);
        }
        self.numbers = self.numbers.saturating_add(1);
        self.known.push(Environment {
            number: self.numbers,
            traits: traits.clone(),
            name: String::new(),
            trusted: false,
            first_seen: now,
            last_seen: now,
        });
        self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    const EDGE: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1";

    fn says(user_agent: &str) -> BrowserSays {
        BrowserSays {
            user_agent: user_agent.to_owned(),
            languages: "de-DE,de;q=0.8,en;q=0.5".to_owned(),
            time_zone: "Europe/Berlin".to_owned(),
            screen: "1280x800".to_owned(),
        }
    }

    #[test]
    fn families_are_kept_and_versions_are_not() {
        let read = |agent| {
            let traits = Traits::read(&says(agent), "192.0.2.77");
            (traits.browser, traits.system)
        };
        let both = |browser: &str, system: &str| (browser.to_owned(), system.to_owned());
        assert_eq!(read(FIREFOX), both("Firefox", "Linux"));
        assert_eq!(read(EDGE), both("Edge", "Windows"));
        assert_eq!(read(IPHONE), both("Safari", "iOS"));
        assert_eq!(read(""), both("unknown", "unknown"));
        let traits = Traits::read(&says(EDGE), "192.0.2.77");
        assert_eq!((traits.language.as_str(), traits.network.as_str()), ("de-de", "192.0.2.0/24"));
        assert_eq!(network_of("2001:db8:7:1::9"), "2001:db8:7::/48");
        assert_eq!(
            (network_of("::1").as_str(), network_of("proxy 192.0.2.1").as_str()),
            ("this machine", "")
        );
    }

    #[test]
    fn what_is_not_plain_is_not_kept() {
        let odd = BrowserSays {
            languages: "<script>".into(),
            time_zone: "Europe/Berlin\r\nX".into(),
            screen: "1280x800 or so".into(),
            ..BrowserSays::default()
        };
        let traits = Traits::read(&odd, "");
        assert_eq!((traits.language, traits.time_zone, traits.screen), Default::default());
    }

    #[test]
    fn likeness_counts_what_both_said_and_names_the_rest() {
        let now = UnixTime::from_secs(1_800_000_000);
        let mut mine = Environments::default();
        let home = Traits::read(&says(FIREFOX), "192.0.2.77");
        assert_eq!(mine.likeness(&home), None);
        mine.seen(&home, now);
        assert_eq!(mine.likeness(&home).map(|l| (l.score, l.differences.len())), Some((100, 0)));
        let travelling = Traits { network: "203.0.113.0/24".into(), ..home.clone() };
        let likeness = mine.likeness(&travelling).expect("one is known");
        assert_eq!(likeness.score, 85);
        assert_eq!(likeness.differences, ["network 203.0.113.0/24 instead of 192.0.2.0/24"]);
        let silent = Traits { time_zone: String::new(), screen: String::new(), ..home.clone() };
        assert_eq!(mine.likeness(&silent).map(|l| l.score), Some(75), "keeping silent does not help");
        let other = Traits::read(&says(EDGE), "203.0.113.9");
        assert_eq!(mine.likeness(&other).map(|l| l.score), Some(35));
        mine.known[0].trusted = true;
        assert_eq!(mine.likeness(&travelling).map(|l| l.score), Some(100), "a trusted machine may travel");

        // One that never ran script: what it could not say does not count against later visits.
        let mut plain = Environments::default();
        plain.seen(&silent, now);
        assert_eq!(plain.likeness(&home).map(|l| l.score), Some(100));
    }

    #[test]
    fn the_one_not_seen_for_longest_goes_and_trusted_ones_stay() {
        let now = UnixTime::from_secs(1_800_000_000);
        let mut mine = Environments::default();
        for n in 0..30_u8 {
            let traits = Traits::read(&says(FIREFOX), &format!("192.0.{n}.1"));
            assert_eq!(mine.seen(&traits, now.plus_secs(i64::from(n))), u32::from(n) + 1);
            mine.known[0].trusted = true;
        }
        assert_eq!(mine.known.len(), Environments::MOST);
        let numbers: Vec<u32> = mine.known.iter().map(|one| one.number).collect();
        assert_eq!((numbers[0], numbers[1], numbers[19]), (1, 12, 30));
    }
}
