//! What the command prints: data on stdout, messages on stderr. The only place that does.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "this module is the command's mouth")]

use std::fmt::Display;
use std::io::Write as _;

use serde::Serialize;

/// The form of data on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Form {
    /// Aligned columns, for eyes.
    Table,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Jsonl,
}

/// Prints a line of data.
pub(crate) fn data(line: impl Display) {
    println!("{line}");
    // Whoever reads a pipe waits for this line, not for a full buffer.
    drop(std::io::stdout().flush());
}

/// Prints a message for people.
pub(crate) fn message(line: impl Display) {
    eprintln!("{line}");
}

/// Prints rows: `columns` and `cells` make the table, the rows themselves the JSON.
pub(crate) fn rows<T: Serialize>(
    form: Form,
    rows: &[T],
    columns: &[&str],
    cells: impl Fn(&T) -> Vec<String>,
) -> anyhow::Result<()> {
    match form {
        Form::Table => table(columns, &rows.iter().map(cells).collect::<Vec<_>>()),
        Form::Json => data(serde_json::to_string_pretty(rows)?),
        Form::Jsonl => {
            for row in rows {
                data(serde_json::to_string(row)?);
            }
        }
    }
    Ok(())
}

fn table(columns: &[&str], rows: &[Vec<String>]) {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        cells.chain([columns[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |cells: Vec<String>| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        data(padded.join("  ").trim_end());
    };
    line(columns.iter().map(|column| column.to_uppercase()).collect());
    rows.iter().for_each(|row| line(row.clone()));
}

/// Makes text from elsewhere safe for a terminal: control characters become `?`.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Returns a count of bytes as people read it.
pub(crate) fn bytes_text(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}
