//! `token`: look, check, confirm, bring back, hand out.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::Result;
use axum::http::Method;
use clap::{Args, Subcommand};
use data_encoding::HEXLOWER;
use serde_json::{Map, Value, json};

use super::client::{Client, segment};
use super::list::{PageArgs, list, said, show};
use super::output::{Outcome, Output, cell, usage};
use super::secrets;

/// Looks at tokens, checks, confirms, resynchronises and hands them out.
#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Lists tokens
    List(ListArgs),
    /// Shows one token
    Show {
        /// Serial number
        serial: String,
    },
    /// Makes a challenge for a token with a keypad
    Challenge {
        /// Serial number
        serial: String,
        /// What it is for: check, resync, confirm or authenticate
        #[arg(long = "for", value_name = "PURPOSE", default_value = "check")]
        purpose: String,
        /// File that holds the data of the session that asks, in hexadecimal, for a token whose suite takes them
        #[arg(long, value_name = "FILE")]
        session_data_file: Option<PathBuf>,
    },
    /// Says where a token with a keypad fills up session data: left, right, or exact (nowhere)
    Padding {
        /// Serial number
        serial: String,
        /// left, right or exact
        side: String,
    },
    /// Says which PIN goes into the responses of a token with a keypad
    Pin {
        /// Serial number
        serial: String,
        /// File that holds the PIN
        #[arg(long, value_name = "FILE")]
        pin_file: PathBuf,
    },
    /// Checks a code; an accepted one is used up
    Check {
        /// Serial number
        serial: String,
        /// The code that the token shows
        otp: String,
        /// The challenge that it answers
        #[arg(long)]
        challenge: Option<String>,
    },
    /// Confirms that a user has this token
    Confirm {
        /// Serial number
        serial: String,
        /// Who has it
        #[arg(long, value_name = "LOGIN")]
        user: String,
        /// Where it is for
        #[arg(long, value_name = "NAME")]
        resource: String,
        /// Consecutive codes
        #[arg(required = true, value_name = "OTP")]
        otps: Vec<String>,
        /// The challenges that they answer
        #[arg(long)]
        challenge: Vec<String>,
    },
    /// Brings a drifted token back by consecutive codes
    Resync(ResyncArgs),
    /// Finds out which token shows these codes; uses nothing up
    Identify(IdentifyArgs),
    /// Enables a token
    Enable {
        /// Serial number
        serial: String,
    },
    /// Disables a token
    Disable {
        /// Serial number
        serial: String,
    },
    /// Moves a token to another place
    Custody {
        /// Serial number
        serial: String,
        /// `in_stock`, `handed_out`, returned, lost or retired
        state: String,
        /// To whom
        #[arg(long, value_name = "LOGIN")]
        user: Option<String>,
        /// A word for the history
        #[arg(long)]
        note: Option<String>,
    },
    /// Deletes a token; its serial number stays known
    Delete {
        /// Serial number
        serial: String,
    },
    /// Clears failures of a blocked token
    Unblock {
        /// Serial number
        serial: String,
    },
    /// What happened to a token
    History {
        /// Serial number
        serial: String,
        #[command(flatten)]
        page: PageArgs,
    },
}

/// Filters of the list.
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    /// A part of the serial number
    #[arg(value_name = "TEXT")]
    q: Option<String>,
    /// Tokens of this batch
    #[arg(long)]
    batch: Option<String>,
    /// Tokens of this resource
    #[arg(long)]
    resource: Option<String>,
    /// Tokens of this user
    #[arg(long)]
    user: Option<String>,
    /// Tokens in this place
    #[arg(long)]
    custody: Option<String>,
    /// Enabled ones, or with `false` disabled ones
    #[arg(long)]
    enabled: Option<bool>,
    /// Tokens that nobody has confirmed
    #[arg(long)]
    unconfirmed: bool,
    #[command(flatten)]
    page: PageArgs,
}

/// Input of a resynchronisation.
#[derive(Args, Debug)]
pub(super) struct ResyncArgs {
    /// Serial number
    serial: String,
    /// Consecutive codes
    #[arg(required = true, value_name = "OTP")]
    otps: Vec<String>,
    /// The challenges that they answer
    #[arg(long)]
    challenge: Vec<String>,
    /// How far to search to both sides: steps, or a time such as 90s, 30m, 12h, 41d
    #[arg(long, value_name = "DURATION|STEPS")]
    window: Option<String>,
    /// Why, when the window is wider than the portal's
    #[arg(long)]
    reason: Option<String>,
    /// Codes that may have been left out between one and the next; makes the window narrower
    #[arg(long, value_name = "N")]
    left_out: Option<u64>,
}

/// Input of a search for the token of some codes.
#[derive(Args, Debug)]
pub(super) struct IdentifyArgs {
    /// Consecutive codes
    #[arg(required = true, value_name = "OTP")]
    otps: Vec<String>,
    /// Only among the tokens of this batch
    #[arg(long)]
    batch: Option<String>,
    /// Only among the tokens of this resource
    #[arg(long)]
    resource: Option<String>,
    /// How far to search to both sides: steps, or a time such as 90s, 30m, 12h, 1d (in steps of 30 s)
    #[arg(long, value_name = "DURATION|STEPS")]
    window: Option<String>,
}

/// Columns of token lists.
const COLUMNS: &[(&str, &str)] = &[
    ("SERIAL", "serial"),
    ("KIND", "kind"),
    ("DIGITS", "digits"),
    ("ENABLED", "enabled"),
    ("CUSTODY", "custody"),
    ("BATCH", "batch"),
    ("USER", "user"),
];

fn path(serial: &str) -> String {
    format!("/tokens/{}", segment(serial))
}

/// The fields that have a value.
fn object(pairs: Vec<(&str, Option<Value>)>) -> Value {
    let set = pairs.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Value::Object(set.collect::<Map<_, _>>())
}

/// Runs the command.
pub(super) async fn run(command: &TokenCommand, client: &Client, out: &mut Output) -> Result<Outcome> {
    match command {
        TokenCommand::List(args) => {
            let filters = [
                ("q", args.q.clone()),
                ("batch", args.batch.clone()),
                ("resource", args.resource.clone()),
                ("user", args.user.clone()),
                ("custody", args.custody.clone()),
                ("enabled", args.enabled.map(|on| on.to_string())),
                ("unconfirmed", args.unconfirmed.then(|| "true".to_owned())),
            ];
            list(client, out, "/tokens", &filters, &args.page, COLUMNS).await?;
            Ok(Outcome::Done)
        }
        TokenCommand::Show { serial } => {
            show(out, &client.get(&path(serial)).await?)?;
            Ok(Outcome::Done)
        }
        TokenCommand::Challenge { serial, purpose, session_data_file } => {
            let session = session_data_file.as_deref().map(secrets::hexadecimal_file).transpose()?;
            let body = object(vec![
                ("serial", Some(json!(serial))),
                ("purpose", Some(json!(purpose))),
                ("session_data", session.map(|data| json!(HEXLOWER.encode(&data)))),
            ]);
            let answer = client.post("/challenges", &body).await?;
            said(out, &answer, answer["challenge"].as_str().unwrap_or_default())?;
            Ok(Outcome::Done)
        }
        TokenCommand::Padding { serial, side } => {
            let body = json!({ "session_padding": side });
            let answer = client.with_json(Method::PATCH, &path(serial), &body).await?;
            let padding = answer["session_padding"].as_str().unwrap_or_default();
            said(out, &answer, &format!("{serial} takes session data filled up: {padding}"))?;
            Ok(Outcome::Done)
        }
        TokenCommand::Pin { serial, pin_file } => {
            let pin = secrets::read_file(pin_file)?;
            let pin = std::str::from_utf8(&pin).map_err(|_| usage("the PIN in the file is not UTF-8"))?;
            let answer = client
                .with_json(Method::PUT, &format!("{}/pin", path(serial)), &json!({ "pin": pin }))
                .await?;
            said(out, &answer, &format!("the PIN of {serial} is known now"))?;
            Ok(Outcome::Done)
        }
        TokenCommand::Check { serial, otp, challenge } => {
            let body =
                object(vec![("otp", Some(json!(otp))), ("challenge", challenge.as_ref().map(|c| json!(c)))]);
            verdict(out, &client.post(&format!("{}/check", path(serial)), &body).await?, "accepted")
        }
        TokenCommand::Confirm { serial, user, resource, otps, challenge } => {
            let body = object(vec![
                ("user", Some(json!(user))),
                ("serial", Some(json!(serial))),
                ("otps", Some(json!(otps))),
                ("challenges", (!challenge.is_empty()).then(|| json!(challenge))),
            ]);
            let answer =
                client.post(&format!("/resources/{}/confirmations", segment(resource)), &body).await?;
            verdict(out, &answer, "confirmed")
        }
        TokenCommand::Resync(args) => resync(args, client, out).await,
        TokenCommand::Identify(args) => identify(args, client, out).await,
        TokenCommand::Enable { serial } => patch(serial, true, client, out).await,
        TokenCommand::Disable { serial } => patch(serial, false, client, out).await,
        TokenCommand::Custody { serial, state, user, note } => {
            let body = object(vec![
                ("to", Some(json!(state))),
                ("user", user.as_ref().map(|u| json!(u))),
                ("note", note.as_ref().map(|n| json!(n))),
            ]);
            let answer = client.post(&format!("{}/custody", path(serial)), &body).await?;
            said(out, &answer, &format!("{serial} is {state} now"))?;
            Ok(Outcome::Done)
        }
        TokenCommand::Delete { serial } => {
            let answer = client.delete(&path(serial)).await?;
            said(out, &answer, &format!("{serial} is deleted"))?;
            Ok(Outcome::Done)
        }
        TokenCommand::Unblock { serial } => {
            let answer = client.post(&format!("{}/unblock", path(serial)), &json!({})).await?;
            said(out, &answer, &format!("{serial} is open again"))?;
            Ok(Outcome::Done)
        }
        TokenCommand::History { serial, page } => {
            let columns = &[("TIME", "at"), ("ACTION", "action"), ("RESULT", "result"), ("ACTOR", "actor")];
            list(client, out, &format!("{}/history", path(serial)), &[], page, columns).await?;
            Ok(Outcome::Done)
        }
    }
}

async fn patch(serial: &str, enabled: bool, client: &Client, out: &mut Output) -> Result<Outcome> {
    let answer = client.with_json(Method::PATCH, &path(serial), &json!({ "enabled": enabled })).await?;
    said(out, &answer, &format!("{serial} is {}", if enabled { "enabled" } else { "disabled" }))?;
    Ok(Outcome::Done)
}

async fn resync(args: &ResyncArgs, client: &Client, out: &mut Output) -> Result<Outcome> {
    let window = match &args.window {
        Some(text) => {
            let steps = match seconds(text)? {
                Width::Steps(steps) => steps,
                Width::Seconds(secs) => {
                    let token = client.get(&path(&args.serial)).await?;
                    let step = token["step"].as_u64().filter(|step| *step > 0);
                    let step =
                        step.ok_or_else(|| usage("the window of an event token is counted in steps"))?;
                    secs.div_ceil(step)
                }
            };
            Some(json!({ "past": steps, "future": steps }))
        }
        None => None,
    };
    let body = object(vec![
        ("otps", Some(json!(args.otps))),
        ("challenges", (!args.challenge.is_empty()).then(|| json!(args.challenge))),
        ("window", window),
        ("reason", args.reason.as_ref().map(|reason| json!(reason))),
        ("left_out", args.left_out.map(|most| json!(most))),
    ]);
    verdict(out, &client.post(&format!("{}/resync", path(&args.serial)), &body).await?, "synchronized")
}

async fn identify(args: &IdentifyArgs, client: &Client, out: &mut Output) -> Result<Outcome> {
    let window = args.window.as_deref().map(seconds).transpose()?.map(|width| {
        let steps = match width {
            Width::Steps(steps) => steps,
            Width::Seconds(secs) => secs.div_ceil(30),
        };
        json!({ "past": steps, "future": steps })
    });
    let body = object(vec![
        ("otps", Some(json!(args.otps))),
        ("batch", args.batch.as_ref().map(|name| json!(name))),
        ("resource", args.resource.as_ref().map(|name| json!(name))),
        ("window", window),
    ]);
    let answer = client.post("/tokens/identify", &body).await?;
    if !out.json {
        for found in answer["matches"].as_array().into_iter().flatten() {
            let clock = match &found["seconds"] {
                Value::Null => format!("counter {} ahead", cell(&found["steps"])),
                seconds => format!("clock {} s off", cell(seconds)),
            };
            let custody = cell(&found["custody"]).replace('_', " ");
            out.line(format!("{}  {custody}, {clock}", cell(&found["serial"])))?;
        }
    }
    verdict(out, &answer, "found")
}

/// How far a search goes.
#[derive(Debug, PartialEq, Eq)]
enum Width {
    Steps(u64),
    Seconds(u64),
}

fn seconds(text: &str) -> Result<Width> {
    let wrong = || usage("--window takes steps, or a time such as 90s, 30m, 12h, 41d");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    let unit = match &text[digits.len()..] {
        "" => return Ok(Width::Steps(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).map(Width::Seconds).ok_or_else(wrong)
}

/// Shows a result; `good` is the word that stands for success.
fn verdict(out: &mut Output, answer: &Value, good: &str) -> Result<Outcome> {
    let result = answer["result"].as_str().unwrap_or_default();
    if out.json {
        out.value(answer)?;
    } else {
        // Writing to a string cannot go wrong.
        let mut text = result.replace('_', " ");
        for (field, unit) in [("steps", "steps"), ("seconds", "seconds"), ("counter", "is the next counter")]
        {
            if !answer[field].is_null() {
                let _ = write!(text, ", {} {unit}", cell(&answer[field]));
            }
        }
        if let Some(reason) = answer["reason"].as_str() {
            let _ = write!(text, ": {}", reason.replace('_', " "));
        }
        if let Some(from) = answer["usable_from"].as_str() {
            let _ = write!(text, ", usable from {from}");
        }
        if result == "more_otps_needed" {
            let _ = write!(text, ": {} consecutive codes are needed", cell(&answer["otps_needed"]));
        }
        out.line(text)?;
        if let Some(diagnosis) = answer["diagnosis"].as_object() {
            explain(out, diagnosis["findings"].as_array().map_or(&[], Vec::as_slice))?;
        }
    }
    Ok(Outcome::when(result == good))
}

/// What codes mean that fit nowhere, a cause a line, each with its next step.
fn explain(out: &mut Output, findings: &[Value]) -> std::io::Result<()> {
    if findings.is_empty() {
        return out.line(
            "nothing explains these codes: whatever else a token of this kind may mean by them was tried, and the tokens beside it",
        );
    }
    for finding in findings {
        out.line(format!("{}: {}", cell(&finding["cause"]), cell(&finding["detail"])))?;
        out.line(format!("  {}", cell(&finding["next"])))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_steps_or_times() {
        assert_eq!(seconds("2880").expect("steps"), Width::Steps(2880));
        assert_eq!(seconds("41d").expect("days"), Width::Seconds(41 * 86_400));
        assert!(seconds("4 weeks").is_err());
        assert!(seconds("99999999999999999d").is_err());
    }
}
