//! What a command says: results to standard output, messages to standard error, and its exit status.

use std::fmt::Write as _;
use std::io::{self, Write};

use serde_json::{Value, json};
use thiserror::Error;

/// How a command ended when nothing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Done: exit status 0.
    Done,
    /// A negative answer: exit status 1.
    Negative,
    /// Several pieces of work, of which the worst ended with this exit status.
    Worst(u8),
}

impl Outcome {
    /// Done or not.
    pub(super) const fn when(done: bool) -> Self {
        if done { Self::Done } else { Self::Negative }
    }
}

/// A command that ends early, with its exit status.
#[derive(Debug, Error)]
#[error("{message}")]
pub(super) struct Failure {
    /// Exit status.
    pub(super) status: u8,
    /// What to tell the caller.
    pub(super) message: String,
    /// The problem document of a refusal; null when nobody was asked.
    pub(super) problem: Value,
}

/// Nothing found, wrong, refused by the state: exit status 1.
pub(super) fn negative(message: impl Into<String>) -> anyhow::Error {
    Failure { status: 1, message: message.into(), problem: Value::Null }.into()
}

/// The command was called wrongly: exit status 2.
pub(super) fn usage(message: impl Into<String>) -> anyhow::Error {
    Failure { status: 2, message: message.into(), problem: Value::Null }.into()
}

/// The surroundings do not allow it: exit status 3.
pub(super) fn environment(message: impl Into<String>) -> anyhow::Error {
    Failure { status: 3, message: message.into(), problem: Value::Null }.into()
}

/// The same error, with the problem document that the service gave.
pub(super) fn with_problem(error: anyhow::Error, problem: &Value) -> anyhow::Error {
    match error.downcast::<Failure>() {
        Ok(failure) => Failure { problem: problem.clone(), ..failure }.into(),
        Err(other) => other,
    }
}

/// The exit status of an error.
pub(super) fn status_of(error: &anyhow::Error) -> u8 {
    error.downcast_ref::<Failure>().map_or(3, |failure| failure.status)
}

/// An error as a problem document: the service's own, or one in the same form.
pub(super) fn problem_of(error: &anyhow::Error) -> Value {
    if let Some(failure) = error.downcast_ref::<Failure>()
        && failure.problem.is_object()
    {
        return failure.problem.clone();
    }
    let (code, title) = match status_of(error) {
        1 => ("refused", "refused"),
        2 => ("usage", "called wrongly"),
        _ => ("environment", "not possible here"),
    };
    json!({ "type": "about:blank", "title": title, "code": code, "detail": format!("{error:#}") })
}

/// Standard output and standard error of a command.
pub(super) struct Output {
    /// One JSON value instead of text.
    pub(super) json: bool,
    out: Box<dyn Write>,
    err: Box<dyn Write>,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("json", &self.json).finish_non_exhaustive()
    }
}

impl Output {
    /// The process's own streams.
    pub(super) fn of_process(json: bool) -> Self {
        Self { json, out: Box::new(io::stdout()), err: Box::new(io::stderr()) }
    }

    /// One line of the result.
    pub(super) fn line(&mut self, text: impl std::fmt::Display) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Hands on what was said so far, for whoever reads along.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The result as JSON.
    pub(super) fn value(&mut self, value: &Value) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value)?;
        writeln!(self.out, "{text}")
    }

    /// The JSON value with `--json`, else what `show` writes.
    pub(super) fn answer(
        &mut self,
        value: &Value,
        show: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        if self.json { self.value(value) } else { show(self) }
    }

    /// A message beside the result.
    pub(super) fn note(&mut self, text: impl std::fmt::Display) {
        // Nobody can be told when standard error is gone.
        let _ = writeln!(self.err, "{text}");
    }

    /// Rows under headings, aligned.
    pub(super) fn table(&mut self, headings: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
        let mut widths: Vec<usize> = headings.iter().map(|h| h.chars().count()).collect();
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let headings: Vec<String> = headings.iter().map(|&h| h.to_owned()).collect();
        for row in std::iter::once(&headings).chain(rows) {
            let mut text = String::new();
            for (cell, width) in row.iter().zip(&widths) {
                let width = *width;
                // Writing to a string cannot go wrong.
                let _ = write!(text, "{cell:<width$}  ");
            }
            self.line(text.trim_end())?;
        }
        Ok(())
    }
}

/// A JSON value in a cell of a table.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::String(text) if text.is_empty() => "-".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}
