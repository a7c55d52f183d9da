//! Conversations that were recorded, from `tests/exchanges/`: requests and their responses, status words included.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::transport::Lengths;
use crate::transport::scripted::Scripted;

/// One file.
#[derive(Deserialize)]
pub(crate) struct Exchanges {
    exchanges: BTreeMap<String, Vec<(String, String)>>,
}

impl Exchanges {
    /// Reads one file.
    pub(crate) fn read(text: &str) -> Self {
        serde_json::from_str(text).expect("the file of exchanges is well formed")
    }

    /// Steps of one conversation.
    pub(crate) fn steps(&self, name: &str) -> Vec<(&str, &str)> {
        let steps = self.exchanges.get(name).unwrap_or_else(|| panic!("no exchange is named {name}"));
        steps.iter().map(|(request, response)| (request.as_str(), response.as_str())).collect()
    }

    /// A card that knows some of them, one after another.
    pub(crate) fn card(&self, lengths: Lengths, names: &[&str]) -> Scripted {
        let steps: Vec<_> = names.iter().flat_map(|name| self.steps(name)).collect();
        Scripted::new(lengths, &steps)
    }
}
