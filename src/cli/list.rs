//! Lists and single things as people read them.

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::client::{Client, query};
use super::output::{Output, cell};

/// Which part of a list
#[derive(Args, Debug)]
pub(super) struct PageArgs {
    /// Rows at most, up to 1000
    #[arg(long, default_value_t = 50)]
    limit: u32,
    /// Where the list goes on, as the part before says
    #[arg(long)]
    cursor: Option<String>,
}

/// A column: its heading and the field.
pub(super) type Column = (&'static str, &'static str);

/// Asks for a part of a list and shows it.
pub(super) async fn list(
    client: &Client,
    out: &mut Output,
    path: &str,
    filters: &[(&str, Option<String>)],
    page: &PageArgs,
    columns: &[Column],
) -> Result<()> {
    let mut pairs = filters.to_vec();
    pairs.push(("limit", Some(page.limit.to_string())));
    pairs.push(("cursor", page.cursor.clone()));
    let value = client.get(&format!("{path}{}", query(&pairs))).await?;
    if out.json {
        out.value(&value)?;
        return Ok(());
    }
    let items = value["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let headings: Vec<&str> = columns.iter().map(|(heading, _)| *heading).collect();
    let rows: Vec<Vec<String>> =
        items.iter().map(|item| columns.iter().map(|(_, field)| cell(&item[*field])).collect()).collect();
    out.table(&headings, &rows)?;
    if let Some(next) = value["next"].as_str() {
        out.note(format_args!("there are more; go on with --cursor {next}"));
    }
    Ok(())
}

/// Shows one thing, field by field.
pub(super) fn show(out: &mut Output, value: &Value) -> Result<()> {
    out.answer(value, |out| match value {
        Value::Object(fields) => {
            let width = fields.keys().map(String::len).max().unwrap_or(0);
            for (name, value) in fields {
                let shown = match value {
                    Value::Object(_) => value.to_string(),
                    Value::Array(items) if items.iter().any(Value::is_object) => {
                        out.line(format_args!("{name}:"))?;
                        for item in items {
                            out.line(format_args!("  {item}"))?;
                        }
                        continue;
                    }
                    other => cell(other),
                };
                out.line(format_args!("{name:<width$}  {shown}"))?;
            }
            Ok(())
        }
        Value::Null => Ok(()),
        other => out.line(cell(other)),
    })?;
    Ok(())
}

/// The answer with `--json`, else one sentence.
pub(super) fn said(out: &mut Output, value: &Value, sentence: &str) -> Result<()> {
    if out.json {
        out.value(value)?;
    } else {
        out.line(sentence)?;
    }
    Ok(())
}
