//! The commands. Those that touch data are requests to the REST interface, so they give the same
//! answers whether the service runs or not; the others make stores, serve them and compute codes.

mod client;
mod home;
mod init;
mod otp;
mod output;
mod secrets;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use output::{Failure, Outcome, Output};

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
    /// Lists the formats of seed files and what each needs
    Formats,
    Otp(otp::OtpArgs),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    crate::telemetry::forbid_core_dumps();
    let cli = Cli::parse();
    let mut out = Output::of_process(cli.json);
    match execute(cli, &mut out) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Negative) => ExitCode::from(1),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            out.note(format_args!("mintmark: {error:#}"));
            ExitCode::from(error.downcast_ref::<Failure>().map_or(3, |failure| failure.status))
        }
    }
}

/// The reader of standard output, such as `head`, has seen enough.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<std::io::Error>();
    io.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}

fn execute(cli: Cli, out: &mut Output) -> Result<Outcome> {
    match cli.command {
        Command::Formats => return init::formats(out),
        Command::Otp(args) => return otp::run(&args, out),
        Command::Init(args) => return init::run(&args, &home::data_dir(cli.data.as_deref())?, out),
        Command::Serve(args) => return serve::run(&args, &home::data_dir(cli.data.as_deref())?, out),
    }
}

/// Logging of commands that are no service: warnings, or what `MINTMARK_LOG` says.
#[expect(dead_code, reason = "soon")]
fn quiet_log() -> Result<()> {
    let filter = std::env::var("MINTMARK_LOG").unwrap_or_else(|_| "warn".to_owned());
    crate::telemetry::start(&filter).map_err(|error| output::usage(format!("MINTMARK_LOG: {error}")))
}
