//! The reader of the statistics: takes every record from where the database stands, and writes in batches.

use std::sync::Arc;
use std::time::Duration;

use chassis::Shutdown;
use conveyor::{KafkaArgs, Offsets, Record, Tail, TailFrom, tail};
use futures::FutureExt as _;
use proto::{Codec, DecodeError, Topic};

use super::store::{Batch, Facts};
use crate::{fact, metrics};

/// Records written together.
const BATCH_RECORDS_MAX: usize = 500;
const PAUSE: Duration = Duration::from_secs(1);

/// Reads every record for the statistics.
pub(crate) struct FactsReader {
    pub(crate) kafka: KafkaArgs,
    pub(crate) codec: Arc<Codec>,
    pub(crate) facts: Facts,
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
        let mut tail = self.open().await?;
        *is_named = false;
        while let Some(first) = tail.next().await {
            let mut batch = Batch::default();
            self.take(&mut batch, first?).await;
            for _ in 1..BATCH_RECORDS_MAX {
                let Some(Some(record)) = tail.next().now_or_never() else { break };
                self.take(&mut batch, record?).await;
            }
            let count = batch.facts.len() as u64;
            self.facts.write(batch).await?;
            metrics::facts_written(count);
        }
        Ok(())
    }

    /// Opens the tail where the database stands. A partition whose epoch is another now, or whose records are gone, is
    /// read from its beginning: facts are kept by image, so nothing counts twice.
    async fn open(&self) -> anyhow::Result<Tail> {
        let epochs = conveyor::epochs(&self.kafka, &Topic::ALL, PAUSE * 5).await?;
        let watermarks = tail::watermarks(&self.kafka, &Topic::ALL).await?;
        let stored = self.facts.positions().await?;
        let mut offsets = Offsets::new();
        for (place, (epoch, next)) in stored {
            let low = watermarks.low.get(&place).copied().unwrap_or(0);
            let high = watermarks.high.get(&place).copied().unwrap_or(0);
            if *epoch == *epochs.of(place.0) && (low..=high).contains(&next) {
                offsets.insert(place, next);
            }
        }
        Ok(Tail::open(&self.kafka, &Topic::ALL, TailFrom::Offsets(offsets)).await?)
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
