//! The token models that are known.

use askama::Template;

#[cfg(test)]
use super::Tone;
use super::station::Recent;
use super::{Badge, Fact, Page};

/// One model.
#[derive(Debug, Clone)]
pub struct Model {
    /// The name of its file.
    pub file: String,
    /// Manufacturer and name.
    pub name: String,
    /// What can be done with it here.
    pub badge: Badge,
    /// Its file lies in the data directory.
    pub is_own: bool,
    /// What it computes and how it is reached.
    pub facts: Vec<Fact>,
    /// What versions of it do otherwise.
    pub quirks: Vec<String>,
}

/// All models.
#[derive(Debug, Template)]
#[template(path = "station/models.html")]
pub struct Models {
    /// The frame.
    pub page: Page,
    /// The last answers at the desk, which are shown there.
    pub recent: Vec<Recent>,
    /// The models.
    pub models: Vec<Model>,
    /// Files that are not used, and why.
    pub problems: Vec<String>,
}

#[cfg(test)]
impl Models {
    /// One that is known, and a file that is not used.
    pub fn sample() -> Self {
        Self {
            page: Page::sample("Token models", "station"),
            recent: Vec::new(),
            models: vec![Model {
                file: "own-key.toml".into(),
                name: "Example Key".into(),
                badge: Badge::with_icon(Tone::Good, "circle-check", "Programmed here"),
                is_own: true,
                facts: vec![Fact::new("Computes", "TOTP, SHA-1, 6 digits, 30 s")],
                quirks: vec![">=4.2.0, <=4.2.6: no touch".into()],
            }],
            problems: vec!["own.toml, line 3: unknown field `colour`".into()],
        }
    }
}
