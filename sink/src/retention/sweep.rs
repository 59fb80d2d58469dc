//! The sweep: finds originals without an end and publishes them again, so that a lost notification or a lost message can
//! delay an image but never lose it. Owns when a pass is made and what it knows of the groups. Deletes nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chassis::Shutdown;
use conveyor::{Offsets, Place, Watermarks, tail};
use proto::{Topic, UnixMillis};
use tokio::sync::Mutex;

use super::pass::{Pass, State, SweepParts, Swept};
use super::progress::{Progress, Reach};
use crate::apply;

/// The group that makes renditions: what it has not passed waits.
const PROCESSORS: &str = "processor";
const LEASE: &str = "sweep";
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// How long a pass waits for rows of what has come to its end a moment ago. Commits come every second; a group that has just
/// been started waits for members of its last life.
const SETTLE_MAX: Duration = Duration::from_secs(30);
const SETTLE_EVERY: Duration = Duration::from_millis(500);

/// Looks for originals without an end. Cheap to clone.
#[derive(Clone)]
pub struct Sweep(Arc<Inner>);

struct Inner {
    parts: SweepParts,
    /// Held by the pass that is on its way.
    state: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    progress: Progress,
    left: State,
}

impl From<SweepParts> for Sweep {
    fn from(parts: SweepParts) -> Sweep {
        Sweep(Arc::new(Inner { parts, state: Mutex::default() }))
    }
}

impl Sweep {
    /// Sweeps on a timer until told to stop, while it holds the lease. Two sweepers are harmless, one is enough.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let owner = format!("{:032x}", rand::random::<u128>());
        loop {
            tokio::select! {
                () = shutdown.triggered() => return,
                () = tokio::time::sleep(self.0.parts.args.sweep_interval()) => {}
            }
            tokio::select! {
                () = shutdown.triggered() => return,
                swept = self.leased(&owner) => if let Err(error) = swept {
                    tracing::warn!("sweep for originals without an end: {error:#}");
                },
            }
        }
    }

    async fn leased(&self, owner: &str) -> anyhow::Result<()> {
        let SweepParts { table, args, .. } = &self.0.parts;
        if table.lease(LEASE, owner, args.sweep_interval() * 2).await? {
            self.once(args.sweep_grace()).await?;
        }
        Ok(())
    }

    /// Makes one pass now.
    pub async fn once(&self, grace: Duration) -> anyhow::Result<Swept> {
        self.pass(UnixMillis::now(), grace).await
    }

    /// Makes one pass over the last days, oldest first, from where the last one stopped: every original older than `grace`
    /// that has no final row, has not expired and does not wait in the log is published again, up to the limits of one pass.
    /// Twice is once: a repeated fact changes nothing.
    ///
    /// Fails when S3, DynamoDB or Kafka is away; the next pass goes on.
    pub async fn pass(&self, now: UnixMillis, grace: Duration) -> anyhow::Result<Swept> {
        let Inner { parts, state } = &*self.0;
        let mut known = state.lock().await;
        parts.settle(&mut known.progress, now).await?;
        let Some(reach) = known.progress.settled().cloned() else {
            tracing::info!("do not sweep yet: the group that writes rows is behind");
            return Ok(Swept::default());
        };
        let mut pass = Pass::new(parts, reach, now, grace);
        pass.walk(&mut known.left).await?;
        let swept = pass.swept();
        let Swept { looked_at, waiting, republished } = swept;
        if republished > 0 {
            tracing::info!(
                sweep.looked_at = looked_at,
                sweep.waiting = waiting,
                sweep.republished = republished,
                "swept"
            );
        }
        Ok(swept)
    }
}

impl SweepParts {
    /// Asks how far the groups have come, and waits a while for what that says to be in the rows.
    async fn settle(&self, progress: &mut Progress, now: UnixMillis) -> anyhow::Result<()> {
        let reach = self.reach(now).await.context("ask how far originals have come")?;
        let places: Vec<Place> = reach.ends.keys().copied().collect();
        progress.begin(reach);
        let deadline = Instant::now() + SETTLE_MAX;
        while !progress.hear(&self.committed(apply::GROUP, &places).await?) && Instant::now() < deadline {
            tokio::time::sleep(SETTLE_EVERY).await;
        }
        Ok(())
    }

    async fn reach(&self, at: UnixMillis) -> anyhow::Result<Reach> {
        let epochs = conveyor::epochs(&self.kafka, &Topic::ALL, ANSWER_MAX).await?;
        let originals = tail::watermarks(&self.kafka, &[Topic::Uploaded]).await?;
        let places: Vec<Place> = originals.high.into_keys().collect();
        let worked = self.committed(PROCESSORS, &places).await?;
        // Asked afterwards: what the processors had passed has left its end below these.
        let Watermarks { low, high } = tail::watermarks(&self.kafka, &Topic::ALL).await?;
        let is_filled = |(place, end): &(Place, i64)| low.get(place).is_none_or(|low| low < end);
        Ok(Reach { at, epochs, worked, ends: high.into_iter().filter(is_filled).collect() })
    }

    async fn committed(&self, group: &str, places: &[Place]) -> anyhow::Result<Offsets> {
        if places.is_empty() {
            return Ok(Offsets::new());
        }
        Ok(tail::committed(&self.kafka, group, places, ANSWER_MAX).await?)
    }
}
