//! The commands. Those that touch data are requests to the REST interface, so they give the same
//! answers whether the service runs or not; the others make stores, serve them and compute codes.

mod audit;
mod batch;
mod bench;
mod client;
mod demo;
mod device;
mod doctor;
mod form;
mod home;
mod import;
mod init;
mod list;
mod otp;
mod output;
mod resource;
mod run;
mod secrets;
mod serve;
mod token;
mod user;
mod user_import;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use client::Client;
use output::{Outcome, Output};

/// Enrollment workstation for hardware OATH tokens.
#[derive(Debug, Parser)]
#[command(name = "mintmark", version, about, max_term_width = 100)]
struct Cli {
    /// Data directory
    #[arg(long, global = true, value_name = "DIR", env = "MINTMARK_DATA")]
    data: Option<PathBuf>,
    /// Ask the service at this address, http://HOST:PORT, instead of the data directory
    #[arg(long, global = true, value_name = "URL", requires = "api_key_file")]
    server: Option<String>,
    /// File that holds the API key for --server
    #[arg(long, global = true, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Print one JSON value
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::InitArgs),
    Serve(serve::ServeArgs),
    Demo(demo::DemoArgs),
    /// Lists the formats of seed files and what each needs
    Formats,
    Otp(otp::OtpArgs),
    Import(import::ImportArgs),
    #[command(subcommand)]
    Token(token::TokenCommand),
    #[command(subcommand)]
    Batch(batch::BatchCommand),
    #[command(subcommand)]
    Run(run::RunCommand),
    #[command(subcommand)]
    Resource(resource::ResourceCommand),
    #[command(subcommand)]
    User(user::UserCommand),
    #[command(subcommand)]
    Operator(user::OperatorCommand),
    #[command(subcommand)]
    Apikey(user::ApikeyCommand),
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    #[command(subcommand)]
    Device(device::DeviceCommand),
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    Doctor(doctor::DoctorArgs),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    crate::telemetry::forbid_core_dumps();
    let cli = Cli::parse();
    let mut out = Output::of_process(cli.json);
    match execute(&cli, &mut out) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Negative) => ExitCode::from(1),
        Ok(Outcome::Worst(status)) => ExitCode::from(status),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            if cli.json
                && matches!(cli.command, Command::Import(_) | Command::User(user::UserCommand::Import(_)))
            {
                // A script reads one value, whatever came of it; nobody can be told when its end is gone.
                let _ = out.value(&output::problem_of(&error));
            }
            out.note(format_args!("mintmark: {error:#}"));
            ExitCode::from(output::status_of(&error))
        }
    }
}

/// The reader of standard output, such as `head`, has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn execute(cli: &Cli, out: &mut Output) -> Result<Outcome> {
    let dir = || home::data_dir(cli.data.as_deref());
    match &cli.command {
        Command::Formats => init::formats(out),
        Command::Bench(command) => bench::run(command, out),
        Command::Otp(args) => otp::run(args, out),
        Command::Init(args) => init::run(args, &dir()?, out),
        Command::Serve(args) => serve::run(args, &dir()?, out),
        Command::Demo(args) => demo::run(args, &demo::dir(cli.data.as_deref())?, out),
        Command::Doctor(_) if cli.server.is_some() => {
            Err(output::usage("doctor looks at this machine: leave --server out"))
        }
        Command::Doctor(args) => doctor::run(args, &dir()?, out),
        _ => {
            quiet_log()?;
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(ask(cli, out))
        }
    }
}

/// Commands that are requests.
async fn ask(cli: &Cli, out: &mut Output) -> Result<Outcome> {
    let client = match (&cli.server, &cli.api_key_file) {
        (Some(server), Some(file)) => Client::remote(server, file)?,
        _ => Client::local(&home::data_dir(cli.data.as_deref())?).await?,
    };
    let answer = match &cli.command {
        Command::Import(args) => import::run(args, &client, out).await,
        Command::Token(command) => token::run(command, &client, out).await,
        Command::Batch(command) => batch::run(command, &client, out).await,
        Command::Run(command) => run::run(command, &client, out).await,
        Command::Resource(command) => resource::run(command, &client, out).await,
        Command::User(command) => user::user(command, &client, out).await,
        Command::Operator(command) => user::operator(command, &client, out).await,
        Command::Apikey(command) => user::apikey(command, &client, out).await,
        Command::Audit(command) => audit::run(command, &client, out).await,
        Command::Device(command) => device::run(command, &client, out).await,
        // `execute` has run these.
        Command::Formats
        | Command::Bench(_)
        | Command::Otp(_)
        | Command::Init(_)
        | Command::Serve(_)
        | Command::Demo(_)
        | Command::Doctor(_) => Ok(Outcome::Done),
    };
    client.close().await;
    answer
}

/// Logging of commands that are no service: warnings, or what `MINTMARK_LOG` says.
fn quiet_log() -> Result<()> {
    let filter = std::env::var("MINTMARK_LOG").unwrap_or_else(|_| "warn".to_owned());
    crate::telemetry::start(&filter).map_err(|error| output::usage(format!("MINTMARK_LOG: {error}")))
}
