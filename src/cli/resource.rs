//! `resource`: what people log in to, its portal and what stands on it.

use anyhow::Result;
use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::json;

use super::client::{Client, segment};
use super::list::{PageArgs, list, said, show};
use super::output::{Outcome, Output, cell, negative, usage};

/// Makes resources, opens their portals and puts users and tokens on them.
#[derive(Debug, Subcommand)]
pub(super) enum ResourceCommand {
    /// Lists resources
    List(PageArgs),
    /// Adds a resource
    Add {
        /// Its name
        name: String,
    },
    /// Shows one resource
    Show {
        /// Its name
        name: String,
    },
    /// Opens or changes the portal
    Portal(PortalArgs),
    /// Puts a user, a token or both on a resource
    Assign(PairArgs),
    /// Takes a user, a token or both off a resource
    Unassign(PairArgs),
    /// Lists tokens that are not confirmed yet
    Confirmations {
        /// Its name
        name: String,
        /// Sends a mail to those who have not confirmed, at most one a person and day
        #[arg(long)]
        remind: bool,
        #[command(flatten)]
        page: PageArgs,
    },
}

/// What to set of a portal.
#[derive(Args, Debug)]
pub(super) struct PortalArgs {
    /// Name of the resource
    name: String,
    /// Last part of the portal's address
    #[arg(long)]
    alias: Option<String>,
    /// Codes of the actions, in their order
    #[arg(long, value_delimiter = ',')]
    actions: Option<Vec<String>>,
    /// Kinds of tokens that can be registered: hardware, software, universal, mail
    #[arg(long, value_delimiter = ',')]
    token_types: Option<Vec<String>>,
    /// Opens it, or with `false` closes it
    #[arg(long)]
    enabled: Option<bool>,
    /// Failures after which a method is blocked
    #[arg(long)]
    failure_limit: Option<u32>,
}

/// A user, a token or both.
#[derive(Args, Debug)]
pub(super) struct PairArgs {
    /// Name of the resource
    name: String,
    /// Login of the user
    #[arg(long, value_name = "LOGIN", required_unless_present = "token")]
    user: Option<String>,
    /// Serial number of the token
    #[arg(long, value_name = "SERIAL")]
    token: Option<String>,
    /// user, token, `user_token` (each for itself) or `token_with_user` (the pair)
    #[arg(long, value_parser = ["user", "token", "user_token", "token_with_user"])]
    kind: Option<String>,
}

fn path(name: &str) -> String {
    format!("/resources/{}", segment(name))
}

/// Runs the command.
pub(super) async fn run(command: &ResourceCommand, client: &Client, out: &mut Output) -> Result<Outcome> {
    match command {
        ResourceCommand::List(page) => {
            let columns =
                &[("RESOURCE", "name"), ("ALIAS", "alias"), ("PORTAL", "enabled"), ("ACTIONS", "actions")];
            list(client, out, "/resources", &[], page, columns).await?;
        }
        ResourceCommand::Add { name } => {
            let answer = client.post("/resources", &json!({ "name": name })).await?;
            said(out, &answer, &format!("resource {name} added"))?;
        }
        ResourceCommand::Show { name } => show(out, &client.get(&path(name)).await?)?,
        ResourceCommand::Portal(args) => portal(args, client, out).await?,
        ResourceCommand::Assign(args) => assign(args, client, out).await?,
        ResourceCommand::Unassign(args) => unassign(args, client, out).await?,
        ResourceCommand::Confirmations { name, remind: true, .. } => {
            let answer = client.post(&format!("{}/confirmations/remind", path(name)), &json!({})).await?;
            show(out, &answer)?;
        }
        ResourceCommand::Confirmations { name, remind: false, page } => {
            let columns =
                &[("SERIAL", "serial"), ("USER", "user"), ("CUSTODY", "custody"), ("SINCE", "since")];
            let filters = [("state", Some("open".to_owned()))];
            list(client, out, &format!("{}/confirmations", path(name)), &filters, page, columns).await?;
        }
    }
    Ok(Outcome::Done)
}

async fn portal(args: &PortalArgs, client: &Client, out: &mut Output) -> Result<()> {
    let mut body = serde_json::Map::new();
    let mut set = |name: &str, value: Option<serde_json::Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("alias", args.alias.as_ref().map(|alias| json!(alias)));
    set("actions", args.actions.as_ref().map(|actions| json!(actions)));
    set("token_types", args.token_types.as_ref().map(|types| json!(types)));
    set("enabled", args.enabled.map(|on| json!(on)));
    set("failure_limit", args.failure_limit.map(|limit| json!(limit)));
    if body.is_empty() {
        return Err(usage(
            "nothing to set: give --alias, --actions, --token-types, --enabled or --failure-limit",
        ));
    }
    let address = format!("{}/selfservice", path(&args.name));
    let answer = client.with_json(Method::PUT, &address, &serde_json::Value::Object(body)).await?;
    show(out, &answer)
}

async fn assign(args: &PairArgs, client: &Client, out: &mut Output) -> Result<()> {
    let kind = args.kind.as_deref().unwrap_or(match (&args.user, &args.token) {
        (Some(_), Some(_)) => "token_with_user",
        (Some(_), None) => "user",
        (None, _) => "token",
    });
    let mut body = json!({ "kind": kind });
    if let Some(user) = &args.user {
        body["user"] = json!(user);
    }
    if let Some(token) = &args.token {
        body["token"] = json!(token);
    }
    let answer = client.post(&format!("{}/assignments", path(&args.name)), &body).await?;
    said(out, &answer, &format!("assigned to {}", args.name))
}

async fn unassign(args: &PairArgs, client: &Client, out: &mut Output) -> Result<()> {
    if let (Some(token), None, None) = (&args.token, &args.user, &args.kind) {
        // It may stand there with its batch, without an assignment of its own.
        let answer = client.delete(&format!("{}/tokens/{}", path(&args.name), segment(token))).await?;
        return said(out, &answer, &format!("taken off {}", args.name));
    }
    let base = format!("{}/assignments", path(&args.name));
    let mut cursor = None;
    let same = |value: &serde_json::Value, wanted: Option<&String>, plain: fn(&str) -> String| match (
        value.as_str(),
        wanted,
    ) {
        (Some(found), Some(wanted)) => plain(found) == plain(wanted),
        (None, None) => true,
        _ => false,
    };
    // Blanks and dashes count in logins, and not in serials.
    let login = |text: &str| text.to_lowercase();
    let serial = |text: &str| text.replace([' ', '-'], "").to_lowercase();
    loop {
        let query = super::client::query(&[("limit", Some("1000".to_owned())), ("cursor", cursor.take())]);
        let part = client.get(&format!("{base}{query}")).await?;
        let found = part["items"].as_array().into_iter().flatten().find(|item| {
            same(&item["user"], args.user.as_ref(), login)
                && same(&item["token"], args.token.as_ref(), serial)
                && args.kind.as_deref().is_none_or(|kind| item["kind"] == json!(kind))
        });
        if let Some(found) = found {
            let answer = client.delete(&format!("{base}/{}", segment(&cell(&found["id"])))).await?;
            return said(out, &answer, &format!("taken off {}", args.name));
        }
        cursor = part["next"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Err(negative(format!("there is no such assignment on {}", args.name)));
        }
    }
}
