//! `bench`: what this machine can do, measured with data of its own.

mod search;
mod stored;

use std::time::Duration;

use anyhow::Result;
use clap::{Subcommand, value_parser};
use serde_json::{Value, json};

use super::output::{Outcome, Output};
use crate::clock::{Clock, SystemClock};

/// Measures this machine with data of its own; needs no store.
#[derive(Debug, Subcommand)]
pub(super) enum BenchCommand {
    /// Codes of one token: every kernel, the plain crates, and liboath where it is installed
    Search {
        /// Codes computed in each run
        #[arg(long, default_value_t = 2_103_841, value_parser = value_parser!(u64).range(10_000..=100_000_000))]
        window: u64,
    },
    /// Which of many stored tokens shows three codes, from the sealed secrets to the answer
    Identify {
        /// Tokens in the store that is made for it
        #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u32).range(100..=1_000_000))]
        tokens: u32,
    },
    /// From the lines of a seed file to committed tokens
    Import {
        /// Lines of the file
        #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u32).range(100..=1_000_000))]
        tokens: u32,
    },
    /// Codes checked and durably spent, by many callers at once
    Check {
        /// Callers
        #[arg(long, default_value_t = 64, value_parser = value_parser!(u32).range(1..=512))]
        callers: u32,
    },
}

/// One measured figure.
struct Row {
    what: &'static str,
    hash: &'static str,
    kernel: &'static str,
    /// Million codes a second on one core; of checks and lines million a second in all.
    m_per_s_core: f64,
    /// Share of what the vector ports of this core could do at most, by counting operations.
    bound: Option<f64>,
    note: String,
}

const RUNS: usize = 7;

pub(super) fn run(command: &BenchCommand, out: &mut Output) -> Result<Outcome> {
    let rows = match command {
        BenchCommand::Search { window } => search::rows(*window)?,
        BenchCommand::Identify { tokens } => stored::identify(*tokens)?,
        BenchCommand::Import { tokens } => stored::import(*tokens)?,
        BenchCommand::Check { callers } => stored::check(*callers)?,
    };
    if out.json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|row| {
                json!({
                    "what": row.what, "hash": row.hash, "kernel": row.kernel,
                    "m_per_s_core": row.m_per_s_core, "share_of_bound": row.bound, "note": row.note,
                })
            })
            .collect();
        out.value(&json!({ "rows": rows }))?;
        return Ok(Outcome::Done);
    }
    out.line(format_args!(
        "{:<9} {:<7} {:<8} {:>10} {:>9}  {}",
        "WHAT", "HASH", "KERNEL", "M/S", "OF BOUND", ""
    ))?;
    for row in &rows {
        let bound = row.bound.map_or_else(String::new, |share| format!("{:.0} %", share * 100.0));
        out.line(format_args!(
            "{:<9} {:<7} {:<8} {:>10.3} {bound:>9}  {}",
            row.what, row.hash, row.kernel, row.m_per_s_core, row.note
        ))?;
    }
    Ok(Outcome::Done)
}

/// Million a second: the median of several runs of a work that says how much it did.
#[expect(clippy::cast_precision_loss, reason = "a rate is shown with a few digits")]
fn rate(mut work: impl FnMut() -> u64) -> f64 {
    let clock = SystemClock::new();
    let mut rates: Vec<f64> = (0..RUNS)
        .map(|_| {
            let (did, took) = timed(&clock, &mut work);
            did as f64 / took.as_secs_f64() / 1e6
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[RUNS / 2]
}

fn timed<T>(clock: &SystemClock, work: impl FnOnce() -> T) -> (T, Duration) {
    let began = clock.monotonic();
    let done = work();
    (done, clock.monotonic().saturating_sub(began))
}
