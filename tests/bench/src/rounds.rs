//! Owns the order of the measuring: equal bytes first, then rounds in which the engines take turns job by job, then the
//! files for the judge of quality, then memory in fresh processes. Draws no conclusions.

use std::path::Path;

use anyhow::{Context as _, Result};

use crate::engine::{Engine, Kind, Places};
use crate::figures::{OURS, WORKER};
use crate::measured::Measured;
use crate::protocol::Job;
use crate::report::progress;
use crate::samples::{QUALITY, Task};

/// Bytes of an engine that differ by no more than this from ours are equal.
const BYTES_TOLERANCE: f64 = 0.02;
/// How far from our quality an engine's may be moved to find equal bytes.
const QUALITY_STEPS_MAX: u8 = 12;
/// Jobs that a fresh process does before its memory is read.
const MEMORY_JOBS: usize = 3;
/// These take seconds a job: they do only the tasks that anybody compares them by.
const SLOW: &[&str] = &["image", "imagemagick"];
const SLOW_TASKS: &[&str] = &["jpeg3", "thumb"];
/// What the sandbox costs is a few percent: it is asked for on its own, often, in turns.
const SANDBOX_TASKS: &[&str] = &["jpeg3", "small3"];
const SANDBOX_TURNS_PER_ROUND: u32 = 4;

/// Who runs, how often, and where the files go.
pub(crate) struct Course<'a> {
    /// Rounds.
    pub rounds: u32,
    /// The engines, ours first.
    pub kinds: Vec<Kind>,
    /// Where they are.
    pub places: &'a Places,
    /// Where each engine's files are left for the judge of quality, as `TASK/ENGINE/`.
    pub out: &'a Path,
}

/// Runs the rounds of `tasks`.
pub(crate) fn run(tasks: &[Task], course: &Course<'_>) -> Result<Measured> {
    let Course { rounds, kinds, places, out } = course;
    let mut engines = kinds.iter().map(|kind| Engine::start(*kind, places)).collect::<Result<Vec<_>>>()?;
    let mut measured = Measured::default();
    for engine in &engines {
        measured.engines.push(engine.kind.name);
        measured.versions.extend(engine.versions.clone());
    }
    for task in tasks {
        equal_bytes(task, &mut engines, &mut measured)?;
        progress(&format!("{}: equal bytes sought", task.name));
    }
    for round in 0..*rounds {
        for task in tasks {
            turn(task, round, &mut engines, &mut measured)?;
        }
        progress(&format!("round {} of {rounds}", round + 1));
    }
    for task in tasks.iter().filter(|task| SANDBOX_TASKS.contains(&task.name)) {
        let pairs = sandbox(task, rounds * SANDBOX_TURNS_PER_ROUND, &mut engines)?;
        measured.sandbox.insert(task.name, pairs);
    }
    progress("the sandbox alone");
    for task in tasks {
        write_files(task, &mut engines, &measured, out)?;
    }
    drop(engines);
    for kind in kinds {
        measured.peak_kib.insert(kind.name, memory(*kind, &tasks[0], places)?);
    }
    Ok(measured)
}

/// Finds, for every engine, the quality whose bytes are those of the first engine that can do the task, ours. Warms the
/// engines up on the way.
fn equal_bytes(task: &Task, engines: &mut [Engine], measured: &mut Measured) -> Result<()> {
    let mut wanted = None;
    for engine in engines.iter_mut().filter(|engine| takes_part(engine.kind, task)) {
        let once = |quality| Job { repeat: 1, ..task.job(quality) };
        let Some(first) = engine.ask(&once(QUALITY))? else { continue };
        let wanted = *wanted.get_or_insert(first.bytes);
        let mut best = (QUALITY, off(first.bytes, wanted));
        // `image` writes 4:4:4 with fixed tables: no quality makes its files comparable.
        let is_comparable = !engine.kind.name.starts_with("image") || engine.kind.name == "imagemagick";
        let mut quality = QUALITY;
        while is_comparable && best.1.abs() > BYTES_TOLERANCE && quality.abs_diff(QUALITY) < QUALITY_STEPS_MAX
        {
            quality = if best.1 > 0.0 { quality - 1 } else { quality + 1 };
            let cost = engine.ask(&once(quality))?.context("an engine changed its mind")?;
            let found = off(cost.bytes, wanted);
            let is_past = found.signum() != best.1.signum();
            if found.abs() < best.1.abs() {
                best = (quality, found);
            }
            if is_past {
                break;
            }
        }
        measured.quality.insert((task.name, engine.kind.name), best.0);
    }
    Ok(())
}

/// By which part `bytes` are more than `wanted`.
fn off(bytes: u64, wanted: u64) -> f64 {
    bytes as f64 / wanted as f64 - 1.0
}

fn takes_part(kind: Kind, task: &Task) -> bool {
    !SLOW.contains(&kind.name) || SLOW_TASKS.contains(&task.name)
}

/// One job for each engine, beginning with another one each round.
fn turn(task: &Task, round: u32, engines: &mut [Engine], measured: &mut Measured) -> Result<()> {
    let count = engines.len();
    for place in 0..count {
        let engine = &mut engines[(place + round as usize) % count];
        let pair = (task.name, engine.kind.name);
        let Some(&quality) = measured.quality.get(&pair) else { continue };
        let cost = engine.ask(&task.job(quality))?.context("an engine changed its mind")?;
        measured.costs.entry(pair).or_default().push(cost);
    }
    Ok(())
}

/// The cost of a job in this process and in a worker, alternately first and second.
fn sandbox(task: &Task, turns: u32, engines: &mut [Engine]) -> Result<Vec<(f64, f64)>> {
    let mut cost = |name: &str| -> Result<f64> {
        let engine = engines.iter_mut().find(|engine| engine.kind.name == name).context("our engines run")?;
        Ok(engine.ask(&task.job(QUALITY))?.context("our engine can do its own task")?.cpu_ms)
    };
    let pair = |turn: u32| match turn.is_multiple_of(2) {
        true => Ok((cost(OURS)?, cost(WORKER)?)),
        false => {
            let worker = cost(WORKER)?;
            Ok((cost(OURS)?, worker))
        }
    };
    (0..turns).map(pair).collect()
}

fn write_files(task: &Task, engines: &mut [Engine], measured: &Measured, out: &Path) -> Result<()> {
    for engine in engines {
        let Some(&quality) = measured.quality.get(&(task.name, engine.kind.name)) else { continue };
        let folder = out.join(task.name).join(engine.kind.name);
        std::fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        engine.ask(&Job { out: Some(folder), repeat: 1, ..task.job(quality) })?;
    }
    Ok(())
}

fn memory(kind: Kind, task: &Task, places: &Places) -> Result<u64> {
    let mut engine = Engine::start(kind, places)?;
    for _ in 0..MEMORY_JOBS {
        engine.ask(&Job { repeat: 1, ..task.job(QUALITY) })?;
    }
    Ok(engine.peak_kib())
}
