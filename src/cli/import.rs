//! `import`: plan, show, commit.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use axum::http::Method;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::client::Client;
use super::form::Form;
use super::otp::SeedFileArgs;
use super::output::{Outcome, Output, cell, environment, problem_of, status_of, usage, with_problem};
use super::secrets;

/// How often a running import is asked for its progress.
const PAUSE: Duration = Duration::from_millis(100);

/// Imports seed files
#[derive(Args, Debug)]
pub(super) struct ImportArgs {
    /// The vendor's seed files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Name of the batch; without it the file's name
    #[arg(long, value_name = "NAME")]
    batch: Option<String>,
    /// Only say what would happen
    #[arg(long)]
    dry_run: bool,
    /// Import the good lines even when others are rejected
    #[arg(long)]
    only_good: bool,
    /// Replace tokens whose secret is another one in the store
    #[arg(long)]
    replace: bool,
    /// Weaknesses that are accepted: `short_secret`, `test_secret`, `no_mac`
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = ["short_secret", "test_secret", "no_mac"])]
    allow: Vec<String>,
    #[command(flatten)]
    seed_file: SeedFileArgs,
}

impl ImportArgs {
    fn form(&self, file: &Path) -> Result<(String, Zeroizing<Vec<u8>>)> {
        let bytes = std::fs::read(file);
        let bytes =
            Zeroizing::new(bytes.map_err(|error| environment(format!("{}: {error}", file.display())))?);
        let mut form = Form::new()?;
        let given = &self.seed_file;
        // Fields before the file: the service can look at them while the file arrives.
        if let Some(path) = &given.passphrase_file {
            form.part("passphrase", None, &secrets::read_file(path)?);
        }
        if let Some(path) = &given.key_file {
            form.part("key", None, &secrets::read_file(path)?);
        }
        for (name, value) in [("batch", &self.batch), ("format", &given.format)] {
            if let Some(value) = value {
                form.part(name, None, value.as_bytes());
            }
        }
        form.part("commit", None, if self.dry_run { b"false" } else { b"true" });
        for (name, on) in [("only_good", self.only_good), ("replace", self.replace)] {
            if on {
                form.part(name, None, b"true");
            }
        }
        if !self.allow.is_empty() {
            form.part("allow", None, self.allow.join(",").as_bytes());
        }
        for (field, value) in given.pairs()? {
            form.part(&format!("set.{field}"), None, value.as_bytes());
        }
        let name = file.file_name().map(|name| name.to_string_lossy());
        form.part("file", Some(name.as_deref().unwrap_or("seeds")), &bytes);
        Ok(form.finish())
    }

    /// True when what was planned can be, or was, carried out.
    fn went_well(&self, view: &Value) -> bool {
        if !self.dry_run {
            return view["committed"] == json!(true);
        }
        let count = |name: &str| view[name].as_u64().unwrap_or(0);
        let usable = count("new") + count("identical") + if self.replace { count("conflicts") } else { 0 };
        let clean = count("rejected") == 0 && (self.replace || count("conflicts") == 0);
        view["state"] == json!("planned") && usable > 0 && (clean || self.only_good)
    }
}

/// Runs the command.
pub(super) async fn run(args: &ImportArgs, client: &Client, out: &mut Output) -> Result<Outcome> {
    if args.batch.is_some() && args.files.len() > 1 {
        return Err(usage("--batch names one batch; give one file with it"));
    }
    if let [file] = args.files.as_slice() {
        let view = one(args, file, client).await?;
        out.answer(&view, |out| show(args, file, &view, out))?;
        return Ok(Outcome::when(args.went_well(&view)));
    }
    let (mut answers, mut worst) = (Vec::new(), 0);
    for file in &args.files {
        match one(args, file, client).await {
            Ok(view) => {
                worst = worst.max(u8::from(!args.went_well(&view)));
                if !out.json {
                    show(args, file, &view, out)?;
                }
                answers.push(view);
            }
            Err(error) => {
                worst = worst.max(status_of(&error));
                out.note(format_args!("mintmark: {}: {error:#}", file.display()));
                let mut problem = problem_of(&error);
                if let Some(fields) = problem.as_object_mut() {
                    fields.insert("file_name".to_owned(), json!(file.to_string_lossy()));
                }
                answers.push(problem);
            }
        }
    }
    if out.json {
        out.value(&Value::Array(answers))?;
    }
    Ok(Outcome::Worst(worst))
}

/// Sends one file and waits for its plan or its end; the answer is the import with what the job said.
async fn one(args: &ImportArgs, file: &Path, client: &Client) -> Result<Value> {
    let (kind, bytes) = args.form(file)?;
    let begun = client.send(Method::POST, "/imports", Some((&kind, bytes))).await?;
    let job = wait(client, &begun["job"]).await?;
    if job["problem"]["code"] == "store_full" {
        let why = cell(&job["problem"]["detail"]);
        let text =
            format!("{}: {why}; nothing was imported: make room and import the file again", file.display());
        return Err(with_problem(environment(text), &job["problem"]));
    }
    let path = format!("/imports/{}", cell(&begun["import"]));
    let mut view = client.get(&path).await?;
    if let (Some(fields), problem) = (view.as_object_mut(), &job["problem"])
        && !problem.is_null()
    {
        fields.insert("problem".to_owned(), problem.clone());
    }
    if args.dry_run && view["state"] == json!("planned") {
        client.delete(&path).await?;
    }
    Ok(view)
}

async fn wait(client: &Client, job: &Value) -> Result<Value> {
    let path = format!("/jobs/{}", cell(job));
    let bar = if std::io::stderr().is_terminal() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {percent}%  {eta}") {
        bar.set_style(style);
    }
    loop {
        let job = client.get(&path).await?;
        bar.set_length(job["total"].as_u64().unwrap_or(0));
        bar.set_position(job["done"].as_u64().unwrap_or(0));
        if matches!(job["state"].as_str(), Some("done" | "failed")) {
            bar.finish_and_clear();
            return Ok(job);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn show(args: &ImportArgs, file: &Path, view: &Value, out: &mut Output) -> std::io::Result<()> {
    let count = |name: &str| view[name].as_u64().unwrap_or(0);
    let (new, identical) = (count("new"), count("identical"));
    if new + count("conflicts") + count("rejected") == 0 && identical > 0 && args.went_well(view) {
        let (tokens, are) = if identical == 1 { ("token", "is") } else { ("tokens", "are") };
        out.line(format_args!(
            "{}: nothing to import: {identical} {tokens} {are} here already",
            file.display()
        ))?;
        return out.line(format_args!("  {identical} identical, nothing changed"));
    }
    let what = match (args.went_well(view), args.dry_run) {
        (true, true) => "would be imported",
        (true, false) => "imported",
        (false, true) => "would not be imported",
        (false, false) => "not imported",
    };
    let batch = if new > 0 { format!(", batch {}", cell(&view["batch"])) } else { String::new() };
    out.line(format_args!("{}: {what}{batch}", file.display()))?;
    if let Some(problem) = view.get("problem") {
        out.line(format_args!(
            "  {}",
            problem["detail"].as_str().map_or_else(|| cell(problem), str::to_owned)
        ))?;
    }
    out.line(format_args!(
        "  {new} new, {identical} identical, {} conflicts, {} rejected",
        count("conflicts"),
        count("rejected")
    ))?;
    for line in view["lines"].as_array().into_iter().flatten() {
        if line["line"] == json!(0) && view.get("problem").is_some() {
            // What ended the whole file stands above.
            continue;
        }
        let (place, serial) = (cell(&line["line"]), cell(&line["serial"]));
        let detail = line["detail"].as_str().unwrap_or_default();
        out.line(format_args!("  line {place}: {serial}: {}: {detail}", cell(&line["verdict"])))?;
    }
    Ok(())
}
