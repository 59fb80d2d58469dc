//! Owns what the judge of quality is asked and what follows from its answer: how far above or below sharp's our
//! renditions are. The judge itself is `peers/quality.py`, which shares no code with any engine of ours.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

use crate::engine::Places;
use crate::figures::{OURS, rounded};
use crate::measured::Measured;
use crate::samples::Task;

/// The way of sharp that makes all its renditions as well as it can: each from the original.
const THEIRS: &str = "sharp";

/// PSNR and SSIM of every engine's rendition of every task: `{task: {engine: {psnr_db: [], ssim: []}}}`; `null` where
/// the judge's packages have not been fetched. The files lie in `TASK/ENGINE` in `folder`.
pub(crate) fn judge(tasks: &[Task], measured: &Measured, places: &Places, folder: &Path) -> Result<Value> {
    if !places.python("py").is_file() {
        return Ok(Value::Null);
    }
    let question: Vec<Value> = tasks.iter().map(|task| question(task, measured, folder)).collect();
    let mut judge = Command::new(places.python("py"))
        .arg("-B")
        .arg(places.scripts.join("quality.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("start the judge of quality")?;
    let mut stdin = judge.stdin.take().context("a piped stream is there")?;
    stdin.write_all(serde_json::to_string(&question)?.as_bytes())?;
    drop(stdin);
    let output = judge.wait_with_output()?;
    ensure!(output.status.success(), "the judge of quality ended with {}", output.status);
    serde_json::from_slice(&output.stdout).context("read what the judge of quality says")
}

fn question(task: &Task, measured: &Measured, folder: &Path) -> Value {
    let of = measured.quality.keys().filter(|(of, _)| *of == task.name);
    let folders = of.map(|(_, engine)| ((*engine).to_owned(), json!(folder.join(task.name).join(engine))));
    json!({
        "task": task.name,
        "input": task.input,
        "sides": task.sides,
        "format": task.format,
        "engines": folders.collect::<Map<_, _>>(),
    })
}

/// For each task, by how much the rendition of ours that compares worst is better than sharp's: dB of PSNR, and SSIM.
pub(crate) fn figures(tasks: &[Task], judged: &Value) -> Map<String, Value> {
    let mut figures = Map::new();
    for task in tasks {
        let worst = |measure: &str| {
            let of = |engine: &str| numbers(&judged[task.name][engine][measure]);
            let (ours, theirs) = (of(OURS)?, of(THEIRS)?);
            ours.iter().zip(theirs).map(|(ours, theirs)| ours - theirs).min_by(f64::total_cmp)
        };
        figures.insert(format!("psnr_db_over_sharp_{}", task.name), rounded(worst("psnr_db")));
        figures.insert(format!("ssim_over_sharp_{}", task.name), rounded(worst("ssim")));
    }
    figures
}

fn numbers(values: &Value) -> Option<Vec<f64>> {
    values.as_array()?.iter().map(Value::as_f64).collect()
}

/// The judge's numbers of a task as lines of a table.
pub(crate) fn table(task: &Task, measured: &Measured, judged: &Value) -> String {
    let engines = &judged[task.name];
    let line = |engine: &&'static str| {
        let list = |measure: &str, digits: usize| {
            let numbers = numbers(&engines[*engine][measure])?;
            Some(numbers.iter().map(|number| format!("{number:>9.digits$}")).collect::<String>())
        };
        Some(format!("  {engine:<18} {} |{}\n", list("psnr_db", 2)?, list("ssim", 5)?))
    };
    let lines: String = measured.engines.iter().filter_map(line).collect();
    match lines.is_empty() {
        true => String::new(),
        false => format!("\n{}: PSNR (dB) and SSIM of {:?}\n{lines}", task.name, task.sides),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn the_rendition_that_compares_worst_counts() {
        let photos = Path::new(env!("CARGO_MANIFEST_DIR")).join("../photos");
        let tasks = samples::tasks(&photos, &samples::SHORT).unwrap();
        let judged = json!({"jpeg3": {
            "safelight": {"psnr_db": [40.0, 39.0], "ssim": [0.98, 0.97]},
            "sharp": {"psnr_db": [39.5, 39.2], "ssim": [0.97, 0.96]},
        }});
        let figures = figures(&tasks, &judged);
        assert_eq!(figures["psnr_db_over_sharp_jpeg3"], json!(-0.2));
        assert_eq!(figures["ssim_over_sharp_jpeg3"], json!(0.01));
        assert_eq!(figures["ssim_over_sharp_thumb"], Value::Null);
    }
}
