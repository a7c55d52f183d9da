//! `device`: token models, and what is known of them.

use anyhow::Result;
use clap::Subcommand;
use serde_json::Value;

use super::client::Client;
use super::output::{Outcome, Output, cell};

/// Says what is known of token models.
#[derive(Debug, Subcommand)]
pub(super) enum DeviceCommand {
    /// Lists token models, those of the data directory among them
    Profiles,
}

/// Runs the command.
pub(super) async fn run(command: &DeviceCommand, client: &Client, out: &mut Output) -> Result<Outcome> {
    match command {
        DeviceCommand::Profiles => profiles(client, out).await,
    }
}

async fn profiles(client: &Client, out: &mut Output) -> Result<Outcome> {
    let answer = client.get("/devices/profiles").await?;
    if out.json {
        out.value(&answer)?;
        return Ok(Outcome::Done);
    }
    let items = answer["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let headings = ["PROFILE", "MAKER", "MODEL", "FAMILY", "READ OVER", "WRITTEN TO", "CLOCK", "FILE"];
    let rows: Vec<Vec<String>> = items.iter().map(row).collect();
    out.table(&headings, &rows)?;
    for problem in answer["problems"].as_array().into_iter().flatten() {
        out.note(format_args!("not used: {}", cell(&problem["problem"])));
    }
    Ok(Outcome::Done)
}

fn row(item: &Value) -> Vec<String> {
    let device = &item["device"];
    let family = match device["spoken"].as_bool() {
        Some(false) => format!("{} (not spoken to)", cell(&device["family"])),
        _ => cell(&device["family"]),
    };
    vec![
        cell(&item["id"]),
        cell(&item["manufacturer"]),
        cell(&item["name"]),
        family,
        cell(&device["transport"]),
        cell(&device["applications"]),
        cell(&device["clock"]),
        cell(&item["file"]),
    ]
}
