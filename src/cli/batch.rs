//! `batch`: deliveries of tokens.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;

use super::client::{Client, segment};
use super::list::{PageArgs, list, said, show};
use super::output::{Outcome, Output, cell, environment, usage};

/// Looks at batches and puts them on resources.
#[derive(Debug, Subcommand)]
pub(super) enum BatchCommand {
    /// Lists batches
    List(PageArgs),
    /// Shows one batch
    Show {
        /// Its name
        name: String,
    },
    /// Puts a batch, or some of its tokens, on a resource
    Assign(AssignArgs),
    /// Takes a batch, or some of its tokens, off a resource
    Unassign(AssignArgs),
}

/// Which tokens, and which resource.
#[derive(Args, Debug)]
pub(super) struct AssignArgs {
    /// Name of the batch
    name: String,
    /// The resource
    #[arg(long, value_name = "NAME")]
    resource: String,
    /// Only these serial numbers
    #[arg(long, value_name = "FROM-TO,…", value_delimiter = ',', conflicts_with = "list")]
    serials: Vec<String>,
    /// File with one serial number or range on each line
    #[arg(long, value_name = "FILE")]
    list: Option<PathBuf>,
}

impl AssignArgs {
    fn serials(&self) -> Result<Vec<String>> {
        let Some(path) = &self.list else { return Ok(self.serials.clone()) };
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| environment(format!("{}: {error}", path.display())))?;
        let lines: Vec<String> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        if lines.is_empty() {
            return Err(usage(format!("{} holds no serial number", path.display())));
        }
        Ok(lines)
    }
}

/// Runs the command.
pub(super) async fn run(command: &BatchCommand, client: &Client, out: &mut Output) -> Result<Outcome> {
    match command {
        BatchCommand::List(page) => {
            let columns =
                &[("BATCH", "name"), ("TOKENS", "tokens"), ("FROM", "provenance"), ("SINCE", "created_at")];
            list(client, out, "/batches", &[], page, columns).await?;
        }
        BatchCommand::Show { name } => show(out, &client.get(&format!("/batches/{}", segment(name))).await?)?,
        BatchCommand::Assign(args) => {
            let answer = change(args, "assign", client).await?;
            let (done, before) = (cell(&answer["assigned"]), cell(&answer["already"]));
            said(out, &answer, &format!("{done} assigned, {before} were already"))?;
        }
        BatchCommand::Unassign(args) => {
            let answer = change(args, "unassign", client).await?;
            let shown = answer.get("unassigned").or_else(|| answer.get("assigned"));
            let shown = shown.map_or_else(|| "done".to_owned(), |n| format!("{} unassigned", cell(n)));
            said(out, &answer, &shown)?;
        }
    }
    Ok(Outcome::Done)
}

async fn change(args: &AssignArgs, verb: &str, client: &Client) -> Result<serde_json::Value> {
    let mut body = json!({ "resource": args.resource });
    let serials = args.serials()?;
    if !serials.is_empty() {
        body["serials"] = json!(serials);
    }
    client.post(&format!("/batches/{}/{verb}", segment(&args.name)), &body).await
}
