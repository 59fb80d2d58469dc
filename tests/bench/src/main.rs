//! The bench: our engine and our service beside their peers, on the same bytes, for the same outputs, in one run.
//!
//! Ratios only: CPU time by the kernel's account, the engines taking turns on one core, the median of what each round
//! gave. `bench engine NAME` is an engine itself; `--short` is the harness's own test.

mod baseline;
mod chart;
mod corpus;
mod engine;
mod figures;
mod machine;
mod measured;
mod meter;
mod plan;
mod protocol;
mod quality;
mod report;
mod rounds;
mod samples;
mod serve;
mod service;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand, ValueEnum};
use serde_json::{Map, Value, json};

use crate::engine::Places;

/// Measures our engine and service beside their peers.
#[derive(Parser)]
struct Arguments {
    /// One round of our own engines on the repository's small photos: seconds, for a test of the bench itself
    #[arg(long)]
    short: bool,
    /// What is measured
    #[arg(long, value_enum, default_value_t = Only::Everything)]
    only: Only,
    /// Rounds in which every engine does every job
    #[arg(long, env = "BENCH_ROUNDS", default_value_t = 11)]
    rounds: u32,
    /// Rounds in which every service has a turn
    #[arg(long, env = "BENCH_SERVICE_ROUNDS", default_value_t = 5)]
    service_rounds: u32,
    /// Seconds of a service's turn that are counted
    #[arg(long, env = "BENCH_WINDOW_SECS", default_value_t = 10)]
    window_secs: u64,
    /// Where the report is written, by default `bench/report.json` in the target folder
    #[arg(long)]
    report: Option<PathBuf>,
    /// Where the chart of a whole run is written, by default nowhere
    #[arg(long)]
    chart: Option<PathBuf>,
    /// The cache in which the fetched peers and photos are
    #[arg(long, env = "SAFELIGHT_CACHE")]
    cache: Option<PathBuf>,
    /// The bench program of an earlier build: its engine takes turns with this one's, and the report says `..._vs_before`
    #[arg(long, env = "BENCH_BEFORE", value_name = "PROGRAM")]
    before: Option<PathBuf>,
    /// The `safelight` program, by default the one beside this one
    #[arg(long, env = "SAFELIGHT_BIN")]
    safelight: Option<PathBuf>,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Only {
    /// Engines and services
    Everything,
    /// The engines on one core
    Pixels,
    /// Our engine on one core beside that of the earlier build: small differences, in many rounds
    Before,
    /// The services on all cores
    Service,
}

#[derive(Subcommand)]
enum Part {
    /// Serve as one of the engines
    #[command(hide = true)]
    Engine {
        /// Its name
        name: String,
    },
    /// Answer the questions of a walk over a corpus
    #[command(hide = true)]
    Corpus,
}

fn main() -> Result<()> {
    darkroom::worker::run_if_worker();
    let arguments = Arguments::parse();
    match &arguments.part {
        Some(Part::Engine { name }) => serve::serve(name),
        Some(Part::Corpus) => corpus::serve(),
        None => bench(&arguments),
    }
}

fn bench(arguments: &Arguments) -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).context("find the repository")?;
    let cache = arguments.cache.clone().unwrap_or_else(|| root.join(".cache"));
    let (scripts, peers) = (root.join("tests/bench/peers"), cache.join("bench"));
    let places = Places { scripts, peers, before: arguments.before.clone() };
    let tasks = match arguments.short {
        true => samples::tasks(&root.join("tests/photos"), &samples::SHORT)?,
        false => samples::tasks(&places.peers.join("samples"), &samples::LARGE)?,
    };
    let mut report = Map::new();
    report.insert("machine".to_owned(), machine::describe());
    if arguments.only != Only::Service {
        report.extend(pixels(arguments, &tasks, &places)?);
    }
    if matches!(arguments.only, Only::Everything | Only::Service) && !arguments.short {
        let question = service::Question {
            task: tasks.first().context("the first task is the service's")?,
            places: &places,
            cache: &cache,
            safelight: arguments.safelight.as_ref(),
            rounds: arguments.service_rounds,
            window_secs: arguments.window_secs,
        };
        report.extend(service::measure(&question)?);
    }
    finish(arguments, report)
}

/// The engines, pinned to one core, and the judge of their quality.
fn pixels(arguments: &Arguments, tasks: &[samples::Task], places: &Places) -> Result<Map<String, Value>> {
    let scratch = tempfile::tempdir().context("make a folder")?;
    let has_peers = !arguments.short && arguments.only != Only::Before;
    let (rounds, kinds) = match arguments.short {
        true => (1, engine::own()),
        false if has_peers => (arguments.rounds, engine::present(places)),
        false => (arguments.rounds, engine::ours(places)),
    };
    let pinned = meter::Pinned::to_one_core()?;
    let measured = rounds::run(tasks, &rounds::Course { rounds, kinds, places, out: scratch.path() })?;
    drop(pinned);
    let judged = match has_peers {
        true => quality::judge(tasks, &measured, places, scratch.path())?,
        false => Value::Null,
    };
    report::print(&report::tables(tasks, &measured));
    for task in tasks {
        report::print(&quality::table(task, &measured, &judged));
    }
    let mut figures = figures::pixels(&measured);
    figures.extend(quality::figures(tasks, &judged));
    figures.insert("rounds".to_owned(), json!(rounds));
    figures.insert("versions".to_owned(), json!(measured.versions));
    figures.insert("tasks".to_owned(), report::details(tasks, &measured));
    figures.insert("quality".to_owned(), judged);
    Ok(figures)
}

fn finish(arguments: &Arguments, report: Map<String, Value>) -> Result<()> {
    let path = match &arguments.report {
        Some(path) => path.clone(),
        None => target()?.join("bench/report.json"),
    };
    report::print(&report::summary(&report));
    let report = Value::Object(report);
    report::write(&path, &(serde_json::to_string_pretty(&report)? + "\n"))?;
    report::print(&format!("\n{}\n", path.display()));
    // Half a run is no picture of the whole.
    if let Some(chart) = arguments.chart.as_ref().filter(|_| arguments.only == Only::Everything) {
        report::write(chart, &chart::draw(&report))?;
        report::print(&format!("{}\n", chart.display()));
    }
    Ok(())
}

/// The folder that this program was built into.
fn target() -> Result<PathBuf> {
    let program = std::env::current_exe().context("find this program")?;
    let target = program.ancestors().nth(2).context("a built program lies in target/PROFILE")?;
    Ok(target.to_owned())
}
