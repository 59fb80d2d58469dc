//! How long an upload takes to become visible beyond the work on its pixels, on a stack that has nothing else to do.
//!
//! The clock runs from before the request is sent until the live stream has said `processed`. The work on the same bytes
//! in a worker of our own is measured beside it and its median taken off: what remains is what the pipeline costs. On the
//! local stack seven flushes of the disk follow each other on that way (two objects of three, one row), so that the time of
//! one flush stands beside the rest; `TMPDIR=/dev/shm` shows what remains without a disk.

use std::fs::File;
use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};

use darkroom::Rendition;
use darkroom::worker::{Pool, PoolConfig};
use serde_json::{Value, json};

use crate::api::Api;
use crate::stack::Stack;
use crate::stream::Ear;
use crate::tools::{binary, photo};
use crate::wait::eventually;

/// The longer side of what is uploaded: hardly any pixels, so that their work does not hide the rest.
const TINY_PX: u32 = 64;
/// Uploads before the clock counts: connections, schemas and a worker are there then.
const WARM_UPLOADS: usize = 10;
const VISIBLE_MAX: Duration = Duration::from_secs(60);

/// What was measured on one broker.
pub struct Latency {
    /// `apache` or `embedded`.
    pub kafka: String,
    /// From the request to its 202, sorted.
    pub acknowledged: Vec<Duration>,
    /// From the request to `processed` on the stream, sorted.
    pub visible: Vec<Duration>,
    /// The median of the work on the pixels alone.
    pub pixels: Duration,
    /// The median of one flush of the disk that the stack stands on.
    pub flush: Duration,
}

impl Latency {
    /// Uploads one photo after the other to a stack of its own and measures each.
    pub async fn measure(kafka: &str, uploads: usize) -> Latency {
        let pool = worker();
        let tiny = tiny(&pool);
        let stack = Stack::up(&["--kafka", kafka]).await;
        let api = stack.api("acme");
        let ear = Ear::open(&api).await;
        let mut measured: Vec<(Duration, Duration)> = Vec::with_capacity(uploads);
        for upload in 0..WARM_UPLOADS + uploads {
            let taken = one(&api, &ear, &tiny).await;
            if upload >= WARM_UPLOADS {
                measured.push(taken);
            }
        }
        let (mut acknowledged, mut visible): (Vec<_>, Vec<_>) = measured.into_iter().unzip();
        acknowledged.sort();
        visible.sort();
        let (pixels, flush) = (pixel_work(&pool, &tiny), flush(stack.folder()));
        Latency { kafka: kafka.to_owned(), acknowledged, visible, pixels, flush }
    }

    /// Returns what of the time to visible is not the work on the pixels, at a percentile.
    pub fn beyond_pixels(&self, percent: usize) -> Duration {
        percentile(&self.visible, percent).saturating_sub(self.pixels)
    }

    /// Returns the figures by name.
    pub fn to_json(&self) -> Value {
        let pair = |of: &dyn Fn(usize) -> Duration| json!({ "p50": ms(of(50)), "p99": ms(of(99)) });
        json!({
            "kafka": self.kafka,
            "uploads": self.visible.len(),
            "pixels_ms": ms(self.pixels),
            "disk_flush_ms": ms(self.flush),
            "acknowledged_ms": pair(&|percent| percentile(&self.acknowledged, percent)),
            "visible_ms": pair(&|percent| percentile(&self.visible, percent)),
            "beyond_pixels_ms": pair(&|percent| self.beyond_pixels(percent)),
        })
    }
}

/// Returns a duration in milliseconds with one decimal.
pub fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

/// Returns the value that `percent` of a sorted list do not exceed (nearest rank).
pub fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

async fn one(api: &Api, ear: &Ear, tiny: &[u8]) -> (Duration, Duration) {
    let begun = Instant::now();
    let id = api.upload(tiny).await;
    let acknowledged = begun.elapsed();
    let shown =
        eventually("the upload on the stream", VISIBLE_MAX, async || ear.when(&id, "processed")).await;
    (acknowledged, shown.duration_since(begun))
}

fn worker() -> Pool {
    let one = NonZeroUsize::MIN;
    // The processor's own program, so that the work is the same.
    let config = PoolConfig { workers: one, program: Some(binary("processor")), ..PoolConfig::default() };
    Pool::start(config).expect("a worker starts")
}

/// Makes a very small JPEG of a sample.
fn tiny(pool: &Pool) -> Vec<u8> {
    let plan = vec![Rendition::new("tiny", TINY_PX, 80)].into();
    let mut developed = pool.develop("latency", &photo("friends.jpg"), &plan).expect("the sample is whole");
    developed.renditions.remove(0).bytes
}

/// Returns the median of developing `original` by the default recipe.
fn pixel_work(pool: &Pool, original: &[u8]) -> Duration {
    let rendition = |spec: &proto::RenditionSpec| match spec.size {
        proto::SizeSpec::LongerSide(side) => Rendition::new(&spec.name, side, spec.quality),
        other => panic!("the default recipe has no {other:?}"),
    };
    let recipe = proto::Recipe::default_recipe();
    let plan = recipe.renditions.iter().map(rendition).collect::<Vec<_>>().into();
    median(|| drop(pool.develop("latency", original, &plan).expect("the sample is whole")))
}

/// Returns the median of writing a little and making it durable.
fn flush(folder: &Path) -> Duration {
    let mut file = File::create(folder.join("flushed")).expect("the story's folder takes files");
    median(|| {
        file.write_all(b"a few bytes").expect("the disk has room");
        file.sync_all().expect("the disk takes a flush");
    })
}

fn median(mut work: impl FnMut()) -> Duration {
    let mut taken: Vec<Duration> = (0..50)
        .map(|_| {
            let begun = Instant::now();
            work();
            begun.elapsed()
        })
        .collect();
    taken.sort();
    percentile(&taken, 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_measured_value() {
        let sorted: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted, 50), Duration::from_millis(100));
        assert_eq!(percentile(&sorted, 99), Duration::from_millis(198));
        assert_eq!(percentile(&sorted[..1], 99), Duration::from_millis(1));
    }
}
