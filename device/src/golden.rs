//! Exchanges on record, which drivers must send and simulated tokens must answer.

use serde::Deserialize;

/// One file of `tests/exchanges`.
#[derive(Deserialize)]
pub(crate) struct Golden {
    pub(crate) exchanges: Vec<Exchange>,
}

/// One conversation.
#[derive(Deserialize)]
pub(crate) struct Exchange {
    pub(crate) name: String,
    pub(crate) steps: Vec<Step>,
}

/// A request and its response, status word included, in hexadecimal digits.
#[derive(Deserialize)]
pub(crate) struct Step {
    pub(crate) request: String,
    pub(crate) response: String,
}

impl Golden {
    pub(crate) fn read(file: &str) -> Self {
        serde_json::from_str(file).expect("a file of exchanges")
    }

    /// Requests and responses of one conversation.
    pub(crate) fn steps(&self, name: &str) -> Vec<(&str, &str)> {
        let exchange = self.exchanges.iter().find(|exchange| exchange.name == name).expect(name);
        exchange.steps.iter().map(|step| (step.request.as_str(), step.response.as_str())).collect()
    }
}
