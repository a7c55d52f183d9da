//! `user import`: a list of users, planned and committed.

use std::path::PathBuf;

use anyhow::Result;
use axum::http::Method;
use clap::Args;
use serde_json::{Value, json};

use super::client::Client;
use super::form::Form;
use super::output::{Outcome, Output, cell, environment, negative, problem_of, with_problem};

/// Adds the users of a list: CSV with login, e-mail, phone, first name, last name, then pairs of resource
/// and serial number of a token
#[derive(Args, Debug)]
pub(super) struct UserImportArgs {
    /// The list
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Take the good lines even when others are not
    #[arg(long)]
    only_good: bool,
    /// When a login is there already: refuse, or fill what is empty
    #[arg(long, default_value = "fail", value_parser = ["fail", "fill"])]
    on_conflict: String,
}

impl UserImportArgs {
    fn went_well(&self, view: &Value) -> bool {
        if !self.dry_run {
            return view["committed"] == json!(true);
        }
        let count = |name: &str| view[name].as_u64().unwrap_or(0);
        let good = count("new") + count("identical") + count("filled");
        good > 0 && (self.only_good || good == count("lines_total"))
    }
}

/// Runs the command.
pub(super) async fn run(args: &UserImportArgs, client: &Client, out: &mut Output) -> Result<Outcome> {
    let bytes = std::fs::read(&args.file);
    let bytes = bytes.map_err(|error| environment(format!("{}: {error}", args.file.display())))?;
    let mut form = Form::new()?;
    form.part("commit", None, if args.dry_run { b"false" } else { b"true" });
    form.part("only_good", None, if args.only_good { b"true" } else { b"false" });
    form.part("on_conflict", None, args.on_conflict.as_bytes());
    let name = args.file.file_name().map(|name| name.to_string_lossy());
    form.part("file", Some(name.as_deref().unwrap_or("users")), &bytes);
    let (kind, body) = form.finish();
    let sent = client.send(Method::POST, "/users/imports", Some((&kind, body))).await;
    let view = sent.map_err(|error| {
        let problem = problem_of(&error);
        if problem["field"] != json!("file") {
            return error;
        }
        // The command was right, the file is not: nothing is committed.
        let text = format!("{}: {}; nothing was imported", args.file.display(), cell(&problem["detail"]));
        with_problem(negative(text), &problem)
    })?;
    out.answer(&view, |out| show(args, &view, out))?;
    Ok(Outcome::when(args.went_well(&view)))
}

fn show(args: &UserImportArgs, view: &Value, out: &mut Output) -> std::io::Result<()> {
    let what = match (args.went_well(view), args.dry_run) {
        (true, true) => "would be imported",
        (true, false) => "imported",
        (false, true) => "would not be imported",
        (false, false) => "not imported",
    };
    out.line(format_args!("{}: {what}", args.file.display()))?;
    out.line(format_args!(
        "  {} new, {} filled, {} identical, {} conflicts, {} rejected",
        view["new"], view["filled"], view["identical"], view["conflicts"], view["rejected"]
    ))?;
    for line in view["lines"].as_array().into_iter().flatten() {
        let login = cell(&line["login"]);
        let detail = line["detail"].as_str().unwrap_or_default();
        out.line(format_args!("  {login}: {}: {detail}", cell(&line["verdict"])))?;
    }
    Ok(())
}
