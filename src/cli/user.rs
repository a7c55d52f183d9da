//! `user`, `operator` and `apikey`: who exists and who may act.

use std::path::PathBuf;

use anyhow::Result;
use axum::http::Method;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::client::{Client, segment};
use super::list::{PageArgs, list, said, show};
use super::output::{Outcome, Output};
use super::secrets;
use super::user_import::{self, UserImportArgs};
use crate::service::EMERGENCY_HOURS;

/// Users of tokens.
#[derive(Debug, Subcommand)]
pub(super) enum UserCommand {
    /// Lists users
    List(PageArgs),
    /// Adds a user
    Add(UserArgs),
    /// Shows one user
    Show {
        /// Login
        login: String,
    },
    /// Adds the users of a list
    Import(UserImportArgs),
    /// Clears failures of a blocked user
    Unblock {
        /// Login
        login: String,
    },
    /// Gives a code in the place of a token's and shows it, this once; or takes it back
    EmergencyCode(EmergencyArgs),
}

/// A code for somebody who stands at the desk without their token.
#[derive(Args, Debug)]
pub(super) struct EmergencyArgs {
    /// Login
    login: String,
    /// How you made sure who the person is
    #[arg(long, value_name = "TEXT", required_unless_present = "revoke")]
    note: Option<String>,
    /// How long it holds
    #[arg(long, default_value_t = EMERGENCY_HOURS, value_parser = clap::value_parser!(u32).range(1..=168))]
    hours: u32,
    /// It works until its time, not once
    #[arg(long)]
    many: bool,
    /// The token is lost: it is switched off, and the user can set up another one
    #[arg(long)]
    token_lost: bool,
    /// Takes the present code back
    #[arg(long, conflicts_with_all = ["note", "many", "token_lost"])]
    revoke: bool,
}

/// A user to be made.
#[derive(Args, Debug)]
pub(super) struct UserArgs {
    /// Login
    login: String,
    /// Mail address
    #[arg(long)]
    email: Option<String>,
    /// Phone number
    #[arg(long)]
    phone: Option<String>,
    /// First name
    #[arg(long)]
    first_name: Option<String>,
    /// Last name
    #[arg(long)]
    last_name: Option<String>,
    /// Language of their mails
    #[arg(long, value_name = "TAG", value_parser = ["en", "de", "uk", "fr", "es"])]
    language: Option<String>,
    /// File that holds the first password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Resource to stand on
    #[arg(long, value_name = "NAME")]
    resource: Option<String>,
    /// When the login is there already
    #[arg(long, value_parser = ["fail", "fill"])]
    on_conflict: Option<String>,
}

/// Operators of the console.
#[derive(Debug, Subcommand)]
pub(super) enum OperatorCommand {
    /// Adds an operator
    Add {
        /// Login
        login: String,
        /// What they may do
        #[arg(long, default_value = "admin", value_parser = ["auditor", "helpdesk", "station", "admin"])]
        role: String,
        /// Only this resource; may be given again
        #[arg(long, value_name = "NAME")]
        resource: Vec<String>,
        /// File that holds the password; without it the password is asked for
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Lists operators
    List(PageArgs),
    /// Sets another password
    Password {
        /// Login
        login: String,
        /// File that holds the password; without it the password is asked for
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Clears failures of a blocked operator
    Unblock {
        /// Login
        login: String,
    },
}

/// Keys for other programs.
#[derive(Debug, Subcommand)]
pub(super) enum ApikeyCommand {
    /// Adds a key and shows it, this once
    Add {
        /// Its name
        name: String,
        /// What it may do
        #[arg(long, value_parser = ["auditor", "helpdesk", "station", "admin", "verifier", "provisioner"])]
        role: String,
        /// Only this resource; may be given again
        #[arg(long, value_name = "NAME")]
        resource: Vec<String>,
    },
    /// Lists keys
    List(PageArgs),
    /// Makes a key useless
    Revoke {
        /// Its name
        name: String,
    },
}

const ACTORS: &[(&str, &str)] = &[
    ("NAME", "name"),
    ("ROLE", "role"),
    ("RESOURCES", "resources"),
    ("ENABLED", "enabled"),
    ("SINCE", "created_at"),
];
const OPERATORS: &[(&str, &str)] = &[
    ("LOGIN", "login"),
    ("ROLE", "role"),
    ("RESOURCES", "resources"),
    ("ENABLED", "enabled"),
    ("SINCE", "created_at"),
];

/// Runs `user`.
pub(super) async fn user(command: &UserCommand, client: &Client, out: &mut Output) -> Result<Outcome> {
    match command {
        UserCommand::List(page) => {
            let columns =
                &[("LOGIN", "login"), ("EMAIL", "email"), ("FIRST", "first_name"), ("LAST", "last_name")];
            list(client, out, "/users", &[], page, columns).await?;
        }
        UserCommand::Add(args) => {
            let answer = client.post("/users", &args.body()?).await?;
            said(out, &answer, &format!("user {} is there", args.login))?;
        }
        UserCommand::Show { login } => show(out, &client.get(&format!("/users/{}", segment(login))).await?)?,
        UserCommand::Import(args) => return user_import::run(args, client, out).await,
        UserCommand::Unblock { login } => {
            let answer = client.post(&format!("/users/{}/unblock", segment(login)), &json!({})).await?;
            said(out, &answer, &format!("{login} is open again"))?;
        }
        UserCommand::EmergencyCode(args) => {
            let path = format!("/users/{}/emergency-code", segment(&args.login));
            if args.revoke {
                let answer = client.delete(&path).await?;
                said(out, &answer, &format!("the emergency code of {} works no longer", args.login))?;
            } else {
                let body = json!({
                    "note": args.note, "hours": args.hours, "once": !args.many, "token_lost": args.token_lost,
                });
                let answer = client.post(&path, &body).await?;
                let code = answer["code"].as_str().unwrap_or_default().to_owned();
                said(out, &answer, &code)?;
            }
        }
    }
    Ok(Outcome::Done)
}

impl UserArgs {
    fn body(&self) -> Result<Value> {
        let mut body = json!({ "login": self.login });
        let fields = [
            ("email", &self.email),
            ("phone", &self.phone),
            ("first_name", &self.first_name),
            ("last_name", &self.last_name),
            ("language", &self.language),
            ("resource", &self.resource),
            ("on_conflict", &self.on_conflict),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                body[name] = json!(value);
            }
        }
        if let Some(file) = &self.password_file {
            body["password"] = json!(secrets::password(Some(file), "")?.as_str());
        }
        Ok(body)
    }
}

/// Runs `operator`.
pub(super) async fn operator(
    command: &OperatorCommand,
    client: &Client,
    out: &mut Output,
) -> Result<Outcome> {
    match command {
        OperatorCommand::Add { login, role, resource, password_file } => {
            let password = secrets::password(password_file.as_deref(), "Password of the operator")?;
            let mut body = json!({ "login": login, "role": role, "password": password.as_str() });
            if !resource.is_empty() {
                body["resources"] = json!(resource);
            }
            let answer = client.post("/operators", &body).await?;
            said(out, &answer, &format!("operator {login} added"))?;
        }
        OperatorCommand::List(page) => list(client, out, "/operators", &[], page, OPERATORS).await?,
        OperatorCommand::Password { login, password_file } => {
            let password = secrets::password(password_file.as_deref(), "New password")?;
            let path = format!("/operators/{}/password", segment(login));
            let body = json!({ "password": password.as_str() });
            let answer = client.with_json(Method::PUT, &path, &body).await?;
            said(out, &answer, &format!("{login} has another password now"))?;
        }
        OperatorCommand::Unblock { login } => {
            let answer = client.post(&format!("/operators/{}/unblock", segment(login)), &json!({})).await?;
            said(out, &answer, &format!("{login} is open again"))?;
        }
    }
    Ok(Outcome::Done)
}

/// Runs `apikey`.
pub(super) async fn apikey(command: &ApikeyCommand, client: &Client, out: &mut Output) -> Result<Outcome> {
    match command {
        ApikeyCommand::Add { name, role, resource } => {
            let mut body = json!({ "name": name, "role": role });
            if !resource.is_empty() {
                body["resources"] = json!(resource);
            }
            let answer = client.post("/apikeys", &body).await?;
            let key = answer["key"].as_str().unwrap_or_default().to_owned();
            said(out, &answer, &key)?;
        }
        ApikeyCommand::List(page) => list(client, out, "/apikeys", &[], page, ACTORS).await?,
        ApikeyCommand::Revoke { name } => {
            let answer = client.delete(&format!("/apikeys/{}", segment(name))).await?;
            said(out, &answer, &format!("key {name} works no longer"))?;
        }
    }
    Ok(Outcome::Done)
}
