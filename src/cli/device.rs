//! `device`: token models, the readers of the service, and what lies on them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

use super::client::{Client, query, segment};
use super::list::{said, show};
use super::output::{Outcome, Output, cell, environment, negative};
use super::secrets;

/// How often somebody who watches is told.
const LOOK: Duration = Duration::from_millis(300);

/// Looks at token models, the readers of the service, and what lies on them.
#[derive(Debug, Subcommand)]
pub(super) enum DeviceCommand {
    /// Lists token models, those of the data directory among them
    Profiles,
    /// Lists readers and what lies on them
    List,
    /// Tells each change until Ctrl-C
    Watch,
    /// Prints serial numbers as they are scanned or laid on a reader, until Ctrl-C
    Scan {
        /// Of this scanner only
        #[arg(long, value_name = "NAME", conflicts_with = "reader")]
        scanner: Option<String>,
        /// Of this reader only
        #[arg(long, value_name = "NAME")]
        reader: Option<String>,
    },
    /// Shows what lies on one reader
    Show {
        /// Name of the reader
        reader: String,
    },
    /// Says whether the YubiKey on a reader is genuine, and the one that it says it is
    #[command(
        after_help = "The answer is proved_now only with --generate: everything that is read can be a copy."
    )]
    Attest {
        /// Name of the reader
        reader: String,
        /// The key that was seen there, by its serial number: another one is refused
        #[arg(long, value_name = "SERIAL")]
        device: Option<String>,
        /// Let it generate a key in a free slot of PIV and sign with it; the key is removed again (firmware 5.7 or later)
        #[arg(long)]
        generate: bool,
        /// The slot for that, 82 to 95
        #[arg(long, value_name = "SLOT", default_value = "95", requires = "generate")]
        slot: String,
        /// File with the management key of PIV in hexadecimal; without it the one that keys are delivered with
        #[arg(long, value_name = "FILE", requires = "generate")]
        management_key_file: Option<PathBuf>,
    },
    /// Uses a reader for a run: what lies there, and what is put there later, is programmed
    Program {
        /// Name of the reader
        reader: String,
        /// Number of the run
        #[arg(long, value_name = "N")]
        run: u64,
    },
    /// Sets the clock of the token on a reader; its secret stays, and codes that it showed before pass no more
    SetClock {
        /// Name of the reader
        reader: String,
        /// The token that was seen there; without it, whatever lies there
        #[arg(long, value_name = "SERIAL")]
        device: Option<String>,
        /// Why: of a token that somebody has
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Runs the command.
pub(super) async fn run(command: &DeviceCommand, client: &Client, out: &mut Output) -> Result<Outcome> {
    match command {
        DeviceCommand::Profiles => return profiles(client, out).await,
        DeviceCommand::List => {
            let readers = readers(client).await?;
            out.answer(&readers, |out| {
                let rows: Vec<Vec<String>> = items(&readers).iter().map(row).collect();
                out.table(&["READER", "DEVICE", "FAMILY", "STATE", "RUN"], &rows)
            })?;
        }
        DeviceCommand::Watch => return watch(client, out).await,
        DeviceCommand::Scan { scanner, reader } => {
            return scan(client, out, scanner.as_deref(), reader.as_deref()).await;
        }
        DeviceCommand::Show { reader } => {
            let readers = readers(client).await?;
            let found = items(&readers).iter().find(|item| item["reader"] == json!(reader));
            show(out, found.ok_or_else(|| negative(format!("there is no reader {reader}")))?)?;
        }
        DeviceCommand::Attest { reader, device, generate, slot, management_key_file } => {
            let mut asked = json!({ "reader": reader, "device": device, "generate": generate });
            if *generate {
                asked["slot"] = json!(slot);
            }
            if let Some(path) = management_key_file {
                let key = secrets::hexadecimal_file(path)?;
                asked["management_key"] = json!(HEXLOWER.encode(&key));
            }
            let answer = client.post("/devices/attest", &asked).await?;
            show(out, &answer)?;
            let verdict = answer["verdict"].as_str().unwrap_or_default();
            // A statement alone may be a copy.
            return Ok(Outcome::when(verdict == "proved_now"));
        }
        DeviceCommand::Program { reader, run } => {
            let path = format!("/runs/{}/readers", segment(&run.to_string()));
            let answer = client.post(&path, &json!({ "readers": [reader] })).await?;
            said(out, &answer, &format!("{reader} is used for run {run}, batch {}", cell(&answer["batch"])))?;
        }
        DeviceCommand::SetClock { reader, device, reason } => {
            let asked = json!({ "reader": reader, "device": device, "reason": reason });
            let begun = client.post("/devices/clock", &asked).await?;
            let end = ended(client, begun["serial"].as_str().unwrap_or_default()).await?;
            if end["result"] != json!("clock_set") {
                let why = end["detail"]
                    .as_str()
                    .unwrap_or("the token was taken away; lay it on again to see its clock");
                return Err(negative(why.to_owned()));
            }
            let device = cell(&begun["serial"]);
            said(out, &end, &format!("{device}: {}", cell(&end["detail"])))?;
        }
    }
    Ok(Outcome::Done)
}

async fn profiles(client: &Client, out: &mut Output) -> Result<Outcome> {
    let answer = client.get("/devices/profiles").await?;
    if out.json {
        out.value(&answer)?;
        return Ok(Outcome::Done);
    }
    let headings = ["PROFILE", "MAKER", "MODEL", "FAMILY", "READ OVER", "WRITTEN TO", "CLOCK", "FILE"];
    let rows: Vec<Vec<String>> = items(&answer).iter().map(profile).collect();
    out.table(&headings, &rows)?;
    for problem in answer["problems"].as_array().into_iter().flatten() {
        out.note(format_args!("not used: {}", cell(&problem["problem"])));
    }
    Ok(Outcome::Done)
}

fn profile(item: &Value) -> Vec<String> {
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

/// What the service says of its readers; an error when it watches none.
async fn readers(client: &Client) -> Result<Value> {
    let answer = client.get("/devices").await?;
    match answer["trouble"].as_str() {
        Some(trouble) => Err(environment(trouble)),
        None => Ok(answer),
    }
}

pub(super) fn items(list: &Value) -> &[Value] {
    list["items"].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What is to be said of a reader in a word.
fn state(item: &Value) -> String {
    let word = |value: &Value| value.as_str().map(|text| text.replace('_', " "));
    let end = &item["end"];
    match (word(&item["phase"]), word(&end["result"])) {
        (Some(phase), _) => phase,
        (None, Some(result)) if result == "refused" => format!("refused, {}", cell(&end["code"])),
        (None, Some(result)) => result,
        (None, None) if item["occupied"] == json!(true) => "ready".to_owned(),
        (None, None) => "empty".to_owned(),
    }
}

fn row(item: &Value) -> Vec<String> {
    vec![cell(&item["reader"]), cell(&item["serial"]), cell(&item["family"]), state(item), cell(&item["run"])]
}

/// A reader in one line.
fn line(item: &Value) -> String {
    let mut text = format!("{}: {}", cell(&item["reader"]), state(item));
    if let Some(serial) = item["serial"].as_str() {
        text = format!("{text}, device {serial}");
    }
    match item["end"]["detail"].as_str() {
        Some(detail) if !detail.is_empty() && item["phase"].is_null() => format!("{text}: {detail}"),
        _ => text,
    }
}

/// One line for each reader that changed; with `--json` one value for each change.
async fn watch(client: &Client, out: &mut Output) -> Result<Outcome> {
    let mut before = Value::Null;
    loop {
        let now = readers(client).await?;
        if now != before {
            if out.json {
                out.line(&now)?;
            } else {
                for item in items(&now).iter().filter(|item| !items(&before).contains(item)) {
                    out.line(line(item))?;
                }
                for gone in items(&before) {
                    if !items(&now).iter().any(|item| item["reader"] == gone["reader"]) {
                        out.line(format_args!("{}: gone", cell(&gone["reader"])))?;
                    }
                }
            }
            out.flush()?;
            before = now;
        }
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                return Ok(Outcome::Done);
            }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// One line for each serial number, or the text of a scan that names none; with `--json` one value for each scan.
async fn scan(
    client: &Client,
    out: &mut Output,
    scanner: Option<&str>,
    reader: Option<&str>,
) -> Result<Outcome> {
    let mut after = None;
    let mut troubles = Value::Null;
    loop {
        let now = client
            .get(&format!("/scanners{}", query(&[("after", after.map(|n: u64| n.to_string()))])))
            .await?;
        if let Some(trouble) = now["trouble"].as_str() {
            return Err(environment(trouble));
        }
        let first = after.is_none();
        if let (true, Some(name)) = (first, scanner)
            && !items(&now).iter().any(|item| item["name"] == json!(name))
        {
            return Err(negative(format!("there is no scanner {name} in the settings of the service")));
        }
        if let (true, Some(name)) = (first, reader)
            && !items(&readers(client).await?).iter().any(|item| item["reader"] == json!(name))
        {
            return Err(negative(format!("there is no reader {name}")));
        }
        if now["items"] != troubles {
            for item in items(&now).iter().filter(|item| !item["trouble"].is_null() && reader.is_none()) {
                out.note(format_args!("scanner {}: {}", cell(&item["name"]), cell(&item["trouble"])));
            }
            troubles = now["items"].clone();
        }
        let wanted = |scan: &&Value| {
            scanner.is_none_or(|name| scan["source"] == json!("scanner") && scan["name"] == json!(name))
                && reader.is_none_or(|name| scan["source"] == json!("reader") && scan["name"] == json!(name))
        };
        let scans = now["scans"].as_array().map(Vec::as_slice).unwrap_or_default();
        for scan in scans.iter().filter(wanted) {
            printed(out, scan)?;
        }
        out.flush()?;
        // A service that was started again counts anew.
        after = now["last"].as_u64();
        tokio::select! {
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                return Ok(Outcome::Done);
            }
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

fn printed(out: &mut Output, scan: &Value) -> Result<()> {
    if out.json {
        return Ok(out.line(scan)?);
    }
    if let Some(why) = scan["refused"].as_str() {
        out.note(format_args!("{}: {why}", cell(&scan["name"])));
        return Ok(());
    }
    let serials = scan["serials"].as_array().map(Vec::as_slice).unwrap_or_default();
    for serial in serials {
        out.line(cell(serial))?;
    }
    if serials.is_empty() {
        out.line(cell(&scan["text"]))?;
    }
    Ok(())
}

/// Waits until nothing is done any more with this device, and says how that ended; null: it was taken out.
pub(super) async fn ended(client: &Client, device: &str) -> Result<Value> {
    loop {
        let now = readers(client).await?;
        let Some(item) = items(&now).iter().find(|item| item["serial"] == json!(device)) else {
            return Ok(Value::Null);
        };
        if item["phase"].is_null() {
            return Ok(item["end"].clone());
        }
        tokio::time::sleep(LOOK).await;
    }
}
