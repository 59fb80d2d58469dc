//! Owns reading without a group: all partitions from given offsets on, or a bounded range; and asking how far a group has
//! come. Commits nothing, joins nothing, and decides nothing about which records matter. A tail that is open for good is
//! watched: one that stands still while records wait ends by name.

mod ask;
mod error;
mod pulse;
mod reader;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::Stream;
use proto::{Topic, UnixMillis};
use tokio::sync::{mpsc, watch};

pub use ask::{Watermarks, committed, watermarks};
pub use error::TailError;
pub use pulse::Pulse;

use crate::epoch::Epochs;
use crate::{KafkaArgs, Offsets, Place, Record};
use ask::Opened;
use pulse::Watcher;
use reader::{Progress, Reader};

/// Records read ahead of whoever takes them.
const AHEAD_RECORDS_MAX: usize = 1024;

/// Where a tail begins.
#[derive(Clone, Debug)]
pub enum TailFrom {
    /// At what is published from now on.
    End,
    /// At what was published this long ago; where the broker cannot tell (librdkafka's own), from now on.
    Ago(Duration),
    /// At these offsets; partitions that are not named begin at their low watermark.
    Offsets(Offsets),
}

/// What a tail is of, and under which name it is watched.
#[derive(Clone, Copy, Debug)]
pub struct TailOf<'a> {
    /// How Kafka is reached.
    pub kafka: &'a KafkaArgs,
    /// All partitions of these.
    pub topics: &'a [Topic],
    /// Its name in metrics; one of few.
    pub name: &'static str,
    /// Records that wait while nothing moves for this long mean a stuck client.
    pub stall_max: Duration,
}

/// All partitions of some topics, without a group. Ends when dropped.
#[derive(Debug)]
pub struct Tail {
    records: mpsc::Receiver<Result<Record, TailError>>,
    pulse: watch::Receiver<Pulse>,
    epochs: Epochs,
    start: Offsets,
    watermarks: Watermarks,
}

impl Tail {
    /// Opens a tail. When it returns, `start` is pinned: nothing published from then on is missed.
    pub async fn open(of: TailOf<'_>, from: TailFrom) -> Result<Tail, TailError> {
        let since = match &from {
            // Counted from here, however long the brokers take to answer.
            TailFrom::Ago(ago) => Some(before(UnixMillis::now(), *ago)),
            TailFrom::End | TailFrom::Offsets(_) => None,
        };
        let opened = Opened::new(of.kafka, of.topics, since).await?;
        let Watermarks { low, high } = &opened.watermarks;
        let start = match &from {
            TailFrom::End => high.clone(),
            TailFrom::Ago(_) => preferred(&opened.since, high),
            TailFrom::Offsets(offsets) => preferred(offsets, low),
        };
        let (tail, reader) = Tail::of(opened, start);
        let (over, is_over) = std::sync::mpsc::channel();
        let watcher = Watcher::new(of.name, of.stall_max, reader.progress(), reader.sender());
        let pulse = watcher.pulse();
        watcher.start(is_over)?;
        reader.tells(over).start()?;
        Ok(Tail { pulse, ..tail })
    }

    /// Opens a read from one vector of offsets up to another, for catching up; the last offset below each bound must be
    /// a record's. Places that only one of them names, or where nothing lies between, are left out.
    pub async fn range(kafka: &KafkaArgs, from: &Offsets, to: &Offsets) -> Result<Tail, TailError> {
        let bounds = |(place, start): (&Place, &i64)| to.get(place).map(|end| (*place, (*start, *end)));
        let bounds: BTreeMap<Place, (i64, i64)> =
            from.iter().filter_map(bounds).filter(|(_, (start, end))| start < end).collect();
        let mut topics: Vec<Topic> = bounds.keys().map(|(topic, _)| *topic).collect();
        topics.dedup();
        let opened = Opened::new(kafka, &topics, None).await?;
        let start = bounds.iter().map(|(place, (start, _))| (*place, *start)).collect();
        let end = bounds.iter().map(|(place, (_, end))| (*place, *end)).collect();
        let (tail, reader) = Tail::of(opened, start);
        reader.until(end).start()?;
        Ok(tail)
    }

    /// Makes a tail and what is to read for it.
    fn of(opened: Opened, start: Offsets) -> (Tail, Reader) {
        let Opened { consumer, epochs, watermarks, .. } = opened;
        let (sender, records) = mpsc::channel(AHEAD_RECORDS_MAX);
        let progress = Arc::new(Progress::new(consumer, start.clone()));
        let reader = Reader::new(progress, epochs.clone(), sender);
        let (_, pulse) = watch::channel(Pulse::Unknown);
        (Tail { records, pulse, epochs, start, watermarks }, reader)
    }

    /// Returns the next record; none at the end of a range, or after an error.
    pub async fn next(&mut self) -> Option<Result<Record, TailError>> {
        self.records.recv().await
    }

    /// Returns whether it is live, now and whenever that changes. Nobody watches a range.
    pub fn pulse(&self) -> watch::Receiver<Pulse> {
        self.pulse.clone()
    }

    /// Returns where it began.
    pub fn start(&self) -> &Offsets {
        &self.start
    }

    /// Returns the watermarks as they were when it was opened.
    pub fn watermarks(&self) -> &Watermarks {
        &self.watermarks
    }

    /// Returns which lives of the topics the offsets belong to.
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// Returns one short word for all epochs together.
    pub fn epoch(&self) -> String {
        self.epochs.whole()
    }
}

impl Stream for Tail {
    type Item = Result<Record, TailError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.records.poll_recv(cx)
    }
}

fn before(moment: UnixMillis, ago: Duration) -> UnixMillis {
    let ago_ms = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
    UnixMillis(moment.0.saturating_sub(ago_ms).max(0))
}

/// Returns the places of `all` with their offsets in `wanted`, or else in `all`.
fn preferred(wanted: &Offsets, all: &Offsets) -> Offsets {
    all.iter().map(|(place, offset)| (*place, *wanted.get(place).unwrap_or(offset))).collect()
}
