//! `audit`: the log of who did what.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::client::{Client, query};
use super::list::show;
use super::output::{Outcome, Output};

/// The log of who did what.
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Recomputes the chain of the log
    Verify,
    /// Writes all records, one JSON value a line
    Export,
}

/// Runs `audit`.
pub(super) async fn run(command: &AuditCommand, client: &Client, out: &mut Output) -> Result<Outcome> {
    match command {
        AuditCommand::Verify => {
            let answer = client.post("/audit/verify", &json!({})).await?;
            show(out, &answer)?;
            Ok(Outcome::when(answer["result"] == json!("intact")))
        }
        AuditCommand::Export => {
            let mut cursor = None;
            loop {
                let pairs = [("limit", Some("1000".to_owned())), ("cursor", cursor.take())];
                let part = client.get(&format!("/audit{}", query(&pairs))).await?;
                for item in part["items"].as_array().into_iter().flatten() {
                    out.line(item)?;
                }
                cursor = part["next"].as_str().map(str::to_owned);
                if cursor.is_none() {
                    return Ok(Outcome::Done);
                }
            }
        }
    }
}
