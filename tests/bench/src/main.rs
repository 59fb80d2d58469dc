//! The bench: our engine and our service beside their peers, on the same bytes, for the same outputs, in one run.
//!
//! Ratios only: CPU time by the kernel's account, the engines taking turns on one core, the median of what each round
//! gave. `bench engine NAME` is an engine itself; `--short` is the harness's own test.

mod baseline;
mod engine;
mod figures;
mod machine;
mod meter;
mod plan;
mod protocol;
mod report;
mod rounds;
mod samples;
mod serve;
mod service;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use serde_json::{Map, json};

use crate::engine::Places;

/// Measures our engine and service beside their peers.
#[derive(Parser)]
struct Arguments {
    /// One round on the repository's small photos, without the service: seconds, for a test of the bench itself
    #[arg(long)]
    short: bool,
    /// Rounds that every engine's every job is done in
    #[arg(long, env = "BENCH_ROUNDS", default_value_t = 11)]
    rounds: u32,
    /// Where the report is written, by default `bench/report.json` in the target folder
    #[arg(long)]
    report: Option<PathBuf>,
    /// The cache in which the fetched peers and photos are
    #[arg(long, env = "SAFELIGHT_CACHE")]
    cache: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// Serve as one of the engines
    #[command(hide = true)]
    Engine {
        /// Its name
        name: String,
    },
}

fn main() -> Result<()> {
    darkroom::worker::run_if_worker();
    let arguments = Arguments::parse();
    match &arguments.part {
        Some(Part::Engine { name }) => serve::serve(name),
        None => bench(&arguments),
    }
}

fn bench(arguments: &Arguments) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("find the repository")?;
    let cache = arguments.cache.clone().unwrap_or_else(|| root.join(".cache"));
    let places = Places { scripts: root.join("tests/bench/peers"), peers: cache.join("bench") };
    let (folder, names, rounds) = match arguments.short {
        true => (root.join("tests/photos"), samples::SHORT, 1),
        false => (places.peers.join("samples"), samples::LARGE, arguments.rounds),
    };
    let path = match &arguments.report {
        Some(path) => path.clone(),
        None => target()?.join("bench/report.json"),
    };
    let tasks = samples::tasks(&folder, &names)?;
    let scratch = tempfile::tempdir().context("make a folder")?;

    let pinned = meter::Pinned::to_one_core()?;
    let machine = machine::describe(pinned.core);
    let measured = rounds::run(&tasks, rounds, &places, scratch.path())?;
    drop(pinned);
    let mut report = figures::pixels(&measured);
    report.insert("rounds".to_owned(), json!(rounds));
    report.insert("machine".to_owned(), machine);
    report.insert("versions".to_owned(), json!(measured.versions));
    report.insert("tasks".to_owned(), report::details(&tasks, &measured));
    report::write(&path, &report)?;
    report::print(&report::tables(&tasks, &measured));
    report::print(&summary(&report, &path));
    Ok(())
}

/// The folder that this program was built into.
fn target() -> Result<PathBuf> {
    let program = std::env::current_exe().context("find this program")?;
    let target = program.ancestors().nth(2).context("a built program lies in target/PROFILE")?;
    Ok(target.to_owned())
}

fn summary(report: &Map<String, serde_json::Value>, path: &Path) -> String {
    let figures = report.iter().filter(|(_, value)| value.is_number() || value.is_null());
    let lines: String = figures.map(|(key, value)| format!("  {key:<32} {value}\n")).collect();
    format!("\n{lines}\n{}\n", path.display())
}
