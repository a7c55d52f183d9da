//! Log lines to standard error, and no core dumps: memory holds secrets.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tracing_subscriber::EnvFilter;

/// Starts logging with a filter such as `info` or `mintmark=debug`. A filter that cannot be read
/// gives the error's text; a second call changes nothing.
pub fn start(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
    // Tests start it more than once in one process.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(false)
        .try_init();
    Ok(())
}

/// Forbids core dumps of this process, also those that a program takes from the system, and reading its
/// memory by others of the same user. Where the system refuses, the program goes on.
pub fn forbid_core_dumps() {
    let nothing = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, nothing);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
}
