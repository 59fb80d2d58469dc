//! Owns an engine's side of the protocol for the engines that are part of this program: ours, twice, and the plain
//! Rust baselines.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::num::NonZeroUsize;

use anyhow::{Context as _, Result, bail};
use darkroom::worker::{Pool, PoolConfig, Reuse};
use darkroom::{Darkroom, Developed, Limits};

use crate::baseline::{self, Resize};
use crate::meter::{children_cpu_ms, own_cpu_ms};
use crate::plan;
use crate::protocol::{Job, Ready, Reply};

/// One customer: their worker is kept, as in a service.
const CUSTOMER: &str = "bench";

/// Makes the files of a job from the bytes of its original: `Err` with a reason where that is not possible at all.
type Work = Box<dyn FnMut(&[u8], &Job) -> Result<Result<Vec<Vec<u8>>, String>>>;

/// Serves jobs from stdin as the engine `name` until stdin ends.
pub(crate) fn serve(name: &str) -> Result<()> {
    let mut work = engine(name)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::to_string(&Ready { versions: BTreeMap::new() })?)?;
    for line in std::io::stdin().lock().lines() {
        let job: Job = serde_json::from_str(&line?).context("read a job")?;
        let answer = answer(&mut work, &job).unwrap_or_else(|error| Reply::Failed(format!("{error:#}")));
        writeln!(out, "{}", serde_json::to_string(&answer)?)?;
    }
    Ok(())
}

fn engine(name: &str) -> Result<Work> {
    Ok(match name {
        "safelight" => {
            let mut darkroom = Darkroom::default();
            Box::new(move |original, job| in_process(&mut darkroom, original, job))
        }
        "safelight-worker" => {
            let one = NonZeroUsize::MIN;
            let config = PoolConfig { workers: one, reuse: Reuse::Customer, ..PoolConfig::default() };
            let pool = Pool::start(config).context("start a worker")?;
            Box::new(move |original, job| in_worker(&pool, original, job))
        }
        "image" => Box::new(|original, job| baseline::develop(original, job, Resize::Plain)),
        "image-fir" => Box::new(|original, job| baseline::develop(original, job, Resize::Fast)),
        other => bail!("no engine is called `{other}`"),
    })
}

fn in_process(darkroom: &mut Darkroom, original: &[u8], job: &Job) -> Result<Result<Vec<Vec<u8>>, String>> {
    let developed = darkroom.render(original, &plan::of(job), &Limits::DEFAULT)?;
    Ok(files(developed, job))
}

fn in_worker(pool: &Pool, original: &[u8], job: &Job) -> Result<Result<Vec<Vec<u8>>, String>> {
    let developed = pool.develop(CUSTOMER, original, &plan::of(job))?;
    Ok(files(developed, job))
}

fn files(developed: Developed, job: &Job) -> Result<Vec<Vec<u8>>, String> {
    let wanted = job.format.as_str();
    let other = developed.renditions.iter().find(|rendition| rendition.format.as_str() != wanted);
    match other {
        Some(other) => Err(format!("makes {} of this original, not {wanted}", other.format.as_str())),
        None => Ok(developed.renditions.into_iter().map(|rendition| rendition.bytes).collect()),
    }
}

/// Does a job and measures it: from bytes in memory to bytes in memory.
fn answer(work: &mut Work, job: &Job) -> Result<Reply> {
    let original = std::fs::read(&job.input).with_context(|| format!("read {}", job.input.display()))?;
    let begun = own_cpu_ms() + children_cpu_ms();
    let mut made = Vec::new();
    for _ in 0..job.repeat {
        made = match work(&original, job)? {
            Ok(made) => made,
            Err(reason) => return Ok(Reply::Unsupported(reason)),
        };
    }
    let cpu_ms = own_cpu_ms() + children_cpu_ms() - begun;
    if let Some(folder) = &job.out {
        for (side, bytes) in job.sides.iter().zip(&made) {
            let path = folder.join(format!("{side}.{}", job.format.as_str()));
            std::fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
        }
    }
    let bytes = made.iter().map(|file| file.len() as u64).collect();
    Ok(Reply::Done { cpu_ms, bytes, child_peak_kib: 0 })
}
