//! Owns our side of the walk over a corpus (`tests/corpus`): a warm process that takes a path a line, has real workers
//! develop the file, and answers with the whole picture's pixels or the reason why there are none. Compares nothing.

use std::io::{BufRead as _, Write as _};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use darkroom::worker::{Failure, Pool, PoolConfig, Reuse};
use darkroom::{Developed, Format, FormatRule, Limits, Plan, Rendition};
use serde::{Deserialize, Serialize};

/// No side is longer by default: nothing is shrunk.
const SIDE_PX: u32 = 16_384;
/// What nearly every rendition of a service is.
const THUMB_PX: u32 = 320;
const QUALITY: u8 = 90;
/// What a file is read as is compared, not how long a PNG of all its pixels takes to write.
const LIMITS: Limits = Limits { cpu_secs: 30, wall_secs: 60, ..Limits::DEFAULT };
const CUSTOMER: &str = "corpus";

#[derive(Deserialize)]
struct Question {
    path: PathBuf,
    /// Where the pixels go.
    out: PathBuf,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    /// Width and height, upright.
    Size((u32, u32)),
    /// The reason, and what it says.
    Refused(String),
}

/// Answers the questions of the walk until stdin ends.
pub(crate) fn serve() -> Result<()> {
    let one = NonZeroUsize::MIN;
    let config = PoolConfig { workers: one, reuse: Reuse::Customer, limits: LIMITS, ..PoolConfig::default() };
    let pool = Pool::start(config).context("start a worker")?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", serde_json::json!({"ready": concat!("safelight ", env!("CARGO_PKG_VERSION"))}))?;
    for line in std::io::stdin().lock().lines() {
        let question = serde_json::from_str(&line?).context("read a question")?;
        writeln!(out, "{}", serde_json::to_string(&answer(&pool, &question)?)?)?;
    }
    Ok(())
}

fn answer(pool: &Pool, question: &Question) -> Result<Outcome> {
    let original =
        std::fs::read(&question.path).with_context(|| format!("read {}", question.path.display()))?;
    let whole = Rendition { format: FormatRule::Exactly(Format::Png), ..rendition(SIDE_PX) };
    let ways = [whole, rendition(THUMB_PX)].map(|rendition| developed(pool, &original, rendition));
    Ok(match ways {
        [Ok(whole), Ok(_)] => {
            let picture = image::load_from_memory(&whole.renditions[0].bytes).context("read our own PNG")?;
            std::fs::write(&question.out, picture.into_rgba8().into_raw()).context("write the pixels")?;
            Outcome::Size((whole.source.width, whole.source.height))
        }
        [Err((reason, detail)), Err((other, _))] if reason == other => {
            Outcome::Refused(format!("{reason}: {detail}"))
        }
        // What an original is does not hang on what is made of it.
        [whole, thumb] => {
            let said =
                |way: Result<Developed, (String, String)>| way.err().map_or("processed".into(), |no| no.0);
            Outcome::Refused(format!("two answers: {} whole, {} as a thumb", said(whole), said(thumb)))
        }
    })
}

fn rendition(side_px: u32) -> Rendition {
    Rendition::new("r", side_px, QUALITY)
}

fn developed(pool: &Pool, original: &[u8], rendition: Rendition) -> Result<Developed, (String, String)> {
    let plan: Plan = vec![rendition].into();
    pool.develop(CUSTOMER, original, &plan).map_err(|failure| match failure {
        Failure::Rejected { reason, detail } => (reason.as_str().to_owned(), detail),
        failure => ("unavailable".to_owned(), failure.to_string()),
    })
}
