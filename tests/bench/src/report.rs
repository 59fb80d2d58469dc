//! Owns how the figures are shown: tables on stdout, the report as JSON. Computes nothing.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::figures;
use crate::measured::Measured;
use crate::samples::Task;

/// Tells a waiting person how far it is.
#[expect(clippy::print_stderr, reason = "the bench is a command, and this is its progress")]
pub(crate) fn progress(line: &str) {
    eprintln!("bench: {line}");
}

/// Prints what the bench was run for.
#[expect(clippy::print_stdout, reason = "the bench is a command, and this is its result")]
pub(crate) fn print(text: &str) {
    print!("{text}");
}

/// CPU milliseconds of every engine in every task, with its quality and bytes relative to ours.
pub(crate) fn tables(tasks: &[Task], measured: &Measured) -> String {
    let mut text = String::new();
    for task in tasks {
        let _ = writeln!(text, "\n{} ({}), CPU of one core, medians", task.what, task.name);
        let _ =
            writeln!(text, "  {:<18} {:>9} {:>13} {:>9} {:>8}", "", "ms", "ours/theirs", "bytes", "quality");
        for engine in &measured.engines {
            let Some(ms) = figures::cpu_ms(measured, task.name, engine) else { continue };
            let ratio = figures::ratio(measured, task.name, figures::OURS, engine);
            let bytes = figures::bytes_ratio(measured, task.name, engine);
            let quality = measured.quality[&(task.name, *engine)];
            let part =
                |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
            let (ratio, bytes) = (part(ratio), part(bytes));
            let _ = writeln!(text, "  {engine:<18} {ms:>9.1} {ratio:>13} {bytes:>9} {quality:>8}");
        }
    }
    let _ = writeln!(text, "\nPeak memory, {}, fresh process\n  {:<18} {:>9}", tasks[0].name, "", "MiB");
    for engine in &measured.engines {
        let mib = measured.peak_kib.get(engine).map_or(0.0, |&kib| kib as f64 / 1024.0);
        let _ = writeln!(text, "  {engine:<18} {mib:>9.1}");
    }
    text
}

/// What every engine needed, for the report.
pub(crate) fn details(tasks: &[Task], measured: &Measured) -> Value {
    let mut details = Map::new();
    for task in tasks {
        let mut engines = Map::new();
        for engine in &measured.engines {
            let Some(ms) = figures::cpu_ms(measured, task.name, engine) else { continue };
            let costs = json!({
                "cpu_ms": figures::rounded(Some(ms)),
                "ours_vs_theirs": figures::rounded(figures::ratio(measured, task.name, figures::OURS, engine)),
                "bytes_vs_ours": figures::rounded(figures::bytes_ratio(measured, task.name, engine)),
                "quality": measured.quality[&(task.name, *engine)],
            });
            engines.insert((*engine).to_owned(), costs);
        }
        details.insert(task.name.to_owned(), engines.into());
    }
    let mib =
        |(engine, &kib): (&&str, &u64)| ((*engine).to_owned(), figures::rounded(Some(kib as f64 / 1024.0)));
    details.insert("peak_mib".to_owned(), Value::Object(measured.peak_kib.iter().map(mib).collect()));
    details.into()
}

/// Every figure of the report, a line each.
pub(crate) fn summary(report: &Map<String, Value>) -> String {
    let figures = report.iter().filter(|(_, value)| value.is_number() || value.is_null());
    let lines: String = figures.map(|(key, value)| format!("  {key:<36} {value}\n")).collect();
    format!("\n{lines}")
}

/// Writes a file, and the folder around it.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
