//! One device on a reader: what it is, what is on it, whether it is ours, and its clock.

use askama::Template;

#[cfg(test)]
use super::Tone;
use super::station::Recent;
use super::tray::ReaderCard;
use super::{Badge, Choice, Fact, Field, Notice, Page};

/// A token of the store that lies on the device.
#[derive(Debug, Clone)]
pub struct DeviceToken {
    /// Its serial number.
    pub serial: String,
    /// Its page.
    pub href: String,
    /// Where it is.
    pub custody: Badge,
    /// Whose it is and where it counts, in words.
    pub whose: String,
}

/// The clock of a device, and what can be done about it.
#[derive(Debug, Clone)]
pub struct DeviceClock {
    /// The token that it belongs to.
    pub device: String,
    /// What it shows.
    pub shown: String,
    /// What is expected of it; empty: its token is not in the store.
    pub expected: String,
    /// How the two stand to each other.
    pub badge: Badge,
    /// What to do, or why nothing is.
    pub advice: String,
    /// Where codes make the server follow it.
    pub follow: Option<String>,
    /// Where the form goes that sets it.
    pub set: Option<String>,
    /// Why it is to be set: asked where somebody has the token.
    pub reason: Option<Field>,
}

/// How a key is asked whether it is genuine.
#[derive(Debug, Clone)]
pub struct GenuineForm {
    /// Where it goes.
    pub to: String,
    /// The key: no other is asked, and what is typed for one does not go over to the next.
    pub device: String,
    /// Where a key can be generated; empty: this one cannot prove that it is here.
    pub slots: Vec<Choice>,
    /// The key that PIV opens for; never shown again.
    pub management_key: Field,
    /// What is not as usual is shown.
    pub is_open: bool,
}

/// One device.
#[derive(Debug, Template)]
#[template(path = "station/device.html")]
pub struct Device {
    /// The frame.
    pub page: Page,
    /// The last answers at the desk, which are shown there.
    pub recent: Vec<Recent>,
    /// What came of the last step.
    pub notice: Option<Notice>,
    /// Its address.
    pub address: String,
    /// The card of its reader.
    pub readers: Vec<ReaderCard>,
    /// Why there are no readers; unused where there is this one.
    pub trouble: String,
    /// What it is.
    pub facts: Vec<Fact>,
    /// What versions as this one do otherwise.
    pub quirks: Vec<String>,
    /// What is on it.
    pub holds: Vec<Fact>,
    /// Its tokens here.
    pub tokens: Vec<DeviceToken>,
    /// Its clock, when it has one.
    pub clock: Option<DeviceClock>,
    /// Whether it is genuine, of devices that can say.
    pub genuine: Option<GenuineForm>,
}

#[cfg(test)]
impl Device {
    /// A token with a display that is slow.
    pub fn sample() -> Self {
        Self {
            page: Page::sample("Device", "station"),
            recent: Vec::new(),
            notice: None,
            address: "/station/devices/Reader%202".into(),
            readers: vec![ReaderCard {
                what: "Token2 C302".into(),
                ..ReaderCard::sample("Reader 2", "86596320000001")
            }],
            trouble: String::new(),
            facts: vec![
                Fact::new("Model", "Token2 C302"),
                Fact::new("Serial number", "86596320000001").copied(),
                Fact::new("Read over", "NFC"),
                Fact::new("When its clock is set", "The secret stays."),
            ],
            quirks: vec!["no SHA-512".into()],
            holds: vec![Fact::new("Its one secret", "It does not say whether there is one.")],
            tokens: vec![DeviceToken {
                serial: "86596320000001".into(),
                href: "/station/token/86596320000001".into(),
                custody: Badge::new(Tone::Neutral, "Handed out"),
                whose: "With m.berg. On VPN.".into(),
            }],
            clock: Some(DeviceClock {
                device: "86596320000001".into(),
                shown: "4 min slow".into(),
                expected: "right".into(),
                badge: Badge::new(Tone::Attention, "Off"),
                advice: "Let the server follow it by two codes, or set it.".into(),
                follow: Some("/station/token/86596320000001".into()),
                set: Some("/station/devices/Reader%202/clock".into()),
                reason: Some(Field::of("Battery was changed")),
            }),
            genuine: Some(GenuineForm {
                to: "/station/devices/Reader%202/attest".into(),
                device: "31000001".into(),
                slots: Choice::list(&[("95", "95")], "95"),
                management_key: Field::default(),
                is_open: false,
            }),
        }
    }
}
