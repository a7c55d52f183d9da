//! `run`: programming runs.

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};

use super::client::Client;
use super::device::{ended, items};
use super::list::{PageArgs, list, said, show};
use super::output::{Outcome, Output, cell, usage};
use super::secrets;

/// How often a run is looked at while somebody follows it.
const LOOK: Duration = Duration::from_millis(300);

/// Programs fresh secrets into devices, one after another.
#[derive(Debug, Subcommand)]
pub(super) enum RunCommand {
    /// Begins a run and, on a terminal, tells how it goes until it ends or Ctrl-C; it stays open then
    Start(Box<StartArgs>),
    /// Lists runs, newest first
    List(PageArgs),
    /// Shows one run
    Show {
        /// Its number
        run: u64,
    },
    /// Does something about one device of a run
    Resolve(ResolveArgs),
    /// Ends a run: no more devices are taken
    End {
        /// Its number
        run: u64,
    },
}

/// A run
#[derive(Args, Debug)]
pub(super) struct StartArgs {
    /// Which model, by the name of its profile
    #[arg(long, value_name = "NAME")]
    profile: String,
    /// Where on the device: `oath`, `otp_slot` or `single_profile`
    #[arg(long, value_name = "NAME")]
    application: String,
    /// Of an `otp_slot`: 1 (a short touch) or 2 (a long one)
    #[arg(long, value_name = "N")]
    slot: Option<u8>,
    /// The batch that the tokens come with
    #[arg(long, value_name = "NAME")]
    batch: String,
    /// How many tokens
    #[arg(long, value_name = "N")]
    count: u32,
    /// Use this reader only; may be given several times [default: all]
    #[arg(long = "reader", value_name = "READER")]
    readers: Vec<String>,
    /// `totp` or `hotp`; in a slot `hotp` or `yubico_otp` [default: what the model ships with, as all that follows]
    #[arg(long)]
    kind: Option<String>,
    /// `sha1`, `sha256` or `sha512`
    #[arg(long)]
    hash: Option<String>,
    /// Digits of a code
    #[arg(long)]
    digits: Option<u32>,
    /// Seconds that a code stands
    #[arg(long, value_name = "SECS")]
    step: Option<u64>,
    /// What a credential is filed under on a key
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// Codes want a touch
    #[arg(long)]
    touch: bool,
    /// Devices get no key of their own that opens them for changes
    #[arg(long)]
    no_protect: bool,
    /// What lies in its place on a device, from elsewhere, is overwritten: keys are delivered with slot 1 in use
    #[arg(long)]
    replace: bool,
}

impl StartArgs {
    fn body(&self) -> Value {
        let mut settings = Map::new();
        let text = |value: &Option<String>| value.as_ref().map(|text| json!(text));
        let given = [
            ("kind", text(&self.kind)),
            ("hash", text(&self.hash)),
            ("digits", self.digits.map(|digits| json!(digits))),
            ("step", self.step.map(|step| json!(step))),
            ("issuer", text(&self.issuer)),
            ("touch", self.touch.then_some(json!(true))),
            ("protect", self.no_protect.then_some(json!(false))),
            ("replace", self.replace.then_some(json!(true))),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                settings.insert(name.to_owned(), value);
            }
        }
        let mut body = json!({
            "profile": self.profile, "application": self.application, "batch": self.batch,
            "count": self.count, "readers": self.readers, "settings": settings,
        });
        if let (Some(slot), Some(fields)) = (self.slot, body.as_object_mut()) {
            fields.insert("slot".to_owned(), json!(slot));
        }
        body
    }
}

/// What is done about a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Action {
    /// See what the device on a reader holds
    Read,
    /// Write another secret to it
    Again,
    /// Set it aside
    Quarantine,
    /// It was set aside, or was to be wiped, and is destroyed or will never be seen again: its secret is forgotten
    Destroyed,
    /// A code that it shows or types proves it
    Code,
    /// Take its token out of the store and destroy what was written
    TakeBack,
}

impl Action {
    const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Again => "again",
            Self::Quarantine => "quarantine",
            Self::Destroyed => "destroyed",
            Self::Code => "code",
            Self::TakeBack => "take_back",
        }
    }
}

/// One device of a run
#[derive(Args, Debug)]
pub(super) struct ResolveArgs {
    /// Number of the run
    run: u64,
    /// Number of the device in it
    n: u32,
    /// What is done
    #[arg(value_enum)]
    action: Action,
    /// With `code`: the code; without it and a file it is asked for
    #[arg(conflicts_with = "otp_file")]
    otp: Option<String>,
    /// With `code`: file that holds the code
    #[arg(long, value_name = "FILE")]
    otp_file: Option<PathBuf>,
}

/// Runs the command.
pub(super) async fn run(command: &RunCommand, client: &Client, out: &mut Output) -> Result<Outcome> {
    match command {
        RunCommand::Start(args) => start(args, client, out).await,
        RunCommand::List(page) => {
            let columns = &[
                ("RUN", "id"),
                ("STATE", "state"),
                ("MODEL", "model"),
                ("APPLICATION", "application"),
                ("BATCH", "batch"),
                ("PROGRAMMED", "programmed"),
                ("OF", "count"),
                ("SINCE", "created_at"),
            ];
            list(client, out, "/runs", &[], page, columns).await?;
            Ok(Outcome::Done)
        }
        RunCommand::Show { run } => {
            let run = client.get(&format!("/runs/{run}")).await?;
            out.answer(&run, |out| shown(&run, out))?;
            Ok(Outcome::Done)
        }
        RunCommand::Resolve(args) => resolve(args, client, out).await,
        RunCommand::End { run } => {
            let answer = client.post(&format!("/runs/{run}/end"), &json!({})).await?;
            said(out, &answer, &format!("run {run} has ended: {}", counted(&answer)))?;
            Ok(Outcome::Done)
        }
    }
}

/// How far a run is.
fn counted(run: &Value) -> String {
    let open = run["unsettled"].as_array().map_or(0, Vec::len);
    let done = format!("{} of {} programmed", cell(&run["programmed"]), cell(&run["count"]));
    if open == 0 { done } else { format!("{done}, {open} to look at") }
}

/// One device in one line.
fn line(item: &Value) -> String {
    let text = format!(
        "{} device {}: {}",
        cell(&item["n"]),
        cell(&item["device"]),
        cell(&item["state"]).replace('_', " ")
    );
    let said = |name: &str| item[name].as_str().filter(|said| !said.is_empty());
    match (said("detail"), said("reason")) {
        (Some(detail), _) => format!("{text}: {detail}"),
        // How it was undone: wiped, written again, destroyed.
        (None, Some(reason)) => format!("{text} ({})", reason.replace('_', " ")),
        (None, None) => text,
    }
}

fn shown(run: &Value, out: &mut Output) -> std::io::Result<()> {
    out.line(format_args!(
        "run {} ({}), {} {}, batch {}: {}",
        cell(&run["id"]),
        cell(&run["state"]),
        cell(&run["model"]),
        cell(&run["application"]),
        cell(&run["batch"]),
        counted(run)
    ))?;
    for item in run["items"].as_array().into_iter().flatten() {
        out.line(format_args!("  {}", line(item)))?;
    }
    let newest = run["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let older = run["unsettled"].as_array().into_iter().flatten();
    for item in older.filter(|item| !newest.iter().any(|shown| shown["n"] == item["n"])) {
        out.line(format_args!("  {}", line(item)))?;
    }
    Ok(())
}

async fn start(args: &StartArgs, client: &Client, out: &mut Output) -> Result<Outcome> {
    let mut run = client.post("/runs", &args.body()).await?;
    if std::io::stderr().is_terminal() {
        run = follow(run, client).await?;
        if run["state"] == json!("open") {
            out.note(format_args!("run {} stays open", cell(&run["id"])));
        }
    }
    out.answer(&run, |out| shown(&run, out))?;
    Ok(Outcome::Done)
}

/// Tells on standard error what becomes of the devices, until the run ends or somebody has seen enough.
async fn follow(mut run: Value, client: &Client) -> Result<Value> {
    let path = format!("/runs/{}", cell(&run["id"]));
    let bar = ProgressBar::new(run["count"].as_u64().unwrap_or(0));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos} of {len}  {msg}") {
        bar.set_style(style);
    }
    let (mut told, mut refused) = (HashMap::new(), HashMap::new());
    loop {
        bar.set_position(run["programmed"].as_u64().unwrap_or(0));
        for item in run["items"].as_array().into_iter().flatten().rev() {
            let text = line(item);
            if item["state"] != json!("writing") && told.get(&item["n"].as_u64()) != Some(&text) {
                bar.println(&text);
                told.insert(item["n"].as_u64(), text);
            }
        }
        let devices = client.get("/devices").await?;
        let mut at_work = Vec::new();
        for device in items(&devices).iter().filter(|device| device["run"] == run["id"]) {
            let name = cell(&device["reader"]);
            if let Some(phase) = device["phase"].as_str() {
                at_work.push(format!("{name}: {phase}"));
            }
            let end = &device["end"];
            let text = if end["result"] == json!("refused") { cell(&end["detail"]) } else { String::new() };
            let before = refused.insert(name.clone(), text.clone());
            if !text.is_empty() && before.as_ref() != Some(&text) {
                bar.println(format!("{name}: {text}"));
            }
        }
        if let Some(trouble) = devices["trouble"].as_str() {
            at_work.push(trouble.to_owned());
        }
        bar.set_message(at_work.join("  "));
        if run["state"] != json!("open") {
            break;
        }
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                break;
            }
            () = tokio::time::sleep(LOOK) => {}
        }
        run = client.get(&path).await?;
    }
    bar.finish_and_clear();
    Ok(run)
}

async fn resolve(args: &ResolveArgs, client: &Client, out: &mut Output) -> Result<Outcome> {
    let mut body = json!({ "action": args.action.name() });
    if args.action == Action::Code {
        let otp = match &args.otp {
            Some(otp) => otp.clone(),
            None => secrets::code(args.otp_file.as_deref())?.to_string(),
        };
        if let Some(fields) = body.as_object_mut() {
            fields.insert("otp".to_owned(), json!(otp));
        }
    } else if args.otp.is_some() || args.otp_file.is_some() {
        return Err(usage("a code goes with the action code alone"));
    }
    let path = format!("/runs/{}/items/{}/resolve", args.run, args.n);
    let mut item = client.post(&path, &body).await?;
    let mut was_tried = false;
    if matches!(args.action, Action::Read | Action::Again | Action::TakeBack) {
        let end = ended(client, &cell(&item["device"])).await?;
        if end["item"].is_object() {
            item = end["item"].clone();
            was_tried = true;
        } else if end.is_object() {
            show(out, &end)?;
            return Ok(Outcome::Negative);
        }
    }
    out.answer(&item, |out| out.line(line(&item)))?;
    let is_good = match args.action {
        Action::Code | Action::Again => {
            item["state"] == json!("programmed")
                || item["state"] == json!("code_wanted") && args.action == Action::Again
        }
        // One that lies on no reader is wiped when it is put in.
        Action::TakeBack => {
            item["state"] == json!("undone") || item["state"] == json!("taken_back") && !was_tried
        }
        Action::Quarantine | Action::Destroyed => true,
        Action::Read => item["state"] != json!("in_doubt"),
    };
    Ok(Outcome::when(is_good))
}
