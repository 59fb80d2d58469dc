//! The reader of the statistics: takes every record from where the database stands, writes in batches, and closes what has
//! expired once it has read all there is.

use std::sync::Arc;
use std::time::Duration;

use chassis::Shutdown;
use conveyor::{KafkaArgs, Offsets, Pulse, Record, Tail, TailFrom, TailOf, tail};
use futures::FutureExt as _;
use proto::{Codec, DecodeError, Topic, UnixMillis};
use tokio::time::MissedTickBehavior;

use super::closing::Closing;
use super::store::Batch;
use crate::{fact, metrics};

/// Records written together.
const BATCH_RECORDS_MAX: usize = 500;
const PAUSE: Duration = Duration::from_secs(1);

/// Reads every record for the statistics.
pub(crate) struct FactsReader {
    pub(crate) kafka: KafkaArgs,
    pub(crate) codec: Arc<Codec>,
    pub(crate) closing: Closing,
    /// Between two looks for what has expired.
    pub(crate) close_every: Duration,
    /// Records that wait while nothing moves for this long mean a stuck client.
    pub(crate) stall_max: Duration,
}

/// What is to be read before the figures are those of everybody who has read the log: the ends of its partitions when the
/// reading began.
struct Ahead(Offsets);

impl Ahead {
    fn of(tail: &Tail) -> Ahead {
        let start = tail.start();
        let high = tail.watermarks().high.iter().map(|(place, high)| (*place, *high));
        Ahead(high.filter(|(place, high)| start.get(place).is_some_and(|start| start < high)).collect())
    }

    fn pass(&mut self, record: &Record) {
        if self.0.get(&record.place()).is_some_and(|high| record.offset + 1 >= *high) {
            self.0.remove(&record.place());
        }
    }
}

impl FactsReader {
    /// Reads until told to stop. Whatever is away is waited for.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut is_named = false;
        loop {
            let ended = tokio::select! {
                () = shutdown.triggered() => return,
                ended = self.read(&mut is_named) => ended,
            };
            if let Err(error) = ended
                && !std::mem::replace(&mut is_named, true)
            {
                tracing::warn!("read facts for the statistics: {error:#}");
            }
            tokio::select! {
                () = shutdown.triggered() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn read(&self, is_named: &mut bool) -> anyhow::Result<()> {
        self.closing.learn().await?;
        let mut tail = self.open().await?;
        let (mut ahead, pulse) = (Ahead::of(&tail), tail.pulse());
        let mut look = tokio::time::interval(self.close_every);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        *is_named = false;
        loop {
            tokio::select! {
                record = tail.next() => {
                    let Some(first) = record else { return Ok(()) };
                    self.take_all(first?, &mut tail, &mut ahead).await?;
                }
                _ = look.tick() => if ahead.0.is_empty() && *pulse.borrow() == Pulse::Live {
                    self.close().await;
                }
            }
        }
    }

    /// Closes what has expired. What cannot be closed now is closed later.
    async fn close(&self) {
        if let Err(error) = self.closing.close(UnixMillis::now()).await {
            tracing::warn!("close the statistics of what has expired: {error:#}");
        }
    }

    /// Writes a record and what has been read ahead, together.
    async fn take_all(&self, first: Record, tail: &mut Tail, ahead: &mut Ahead) -> anyhow::Result<()> {
        let mut batch = Batch::default();
        ahead.pass(&first);
        self.take(&mut batch, first).await;
        for _ in 1..BATCH_RECORDS_MAX {
            let Some(Some(record)) = tail.next().now_or_never() else { break };
            let record = record?;
            ahead.pass(&record);
            self.take(&mut batch, record).await;
        }
        let count = batch.facts.len() as u64;
        self.closing.facts.write(batch).await?;
        metrics::facts_written(count);
        Ok(())
    }

    /// Opens the tail where the database stands. A partition whose epoch is another now, or whose records are gone, is
    /// read from its beginning: facts are kept by image, so nothing counts twice.
    async fn open(&self) -> anyhow::Result<Tail> {
        let epochs = conveyor::epochs(&self.kafka, &Topic::ALL, PAUSE * 5).await?;
        let watermarks = tail::watermarks(&self.kafka, &Topic::ALL).await?;
        let stored = self.closing.facts.positions().await?;
        let mut offsets = Offsets::new();
        for (place, (epoch, next)) in stored {
            let low = watermarks.low.get(&place).copied().unwrap_or(0);
            let high = watermarks.high.get(&place).copied().unwrap_or(0);
            if *epoch == *epochs.of(place.0) && (low..=high).contains(&next) {
                offsets.insert(place, next);
            }
        }
        let (kafka, stall_max) = (&self.kafka, self.stall_max);
        let of = TailOf { kafka, topics: &Topic::ALL, name: "statistics", stall_max };
        Ok(Tail::open(of, TailFrom::Offsets(offsets)).await?)
    }

    /// Adds a record to the batch. One that cannot be parsed, or tells of no image, only moves the position.
    async fn take(&self, batch: &mut Batch, record: Record) {
        let fact = loop {
            match fact::read(&self.codec, &record).await {
                Ok(fact) => break fact,
                Err(DecodeError::Unavailable(_)) => tokio::time::sleep(PAUSE).await,
                Err(_) => break None,
            }
        };
        batch.facts.extend(fact);
        batch.positions.insert(record.place(), (Arc::clone(&record.epoch), record.offset + 1));
    }
}
