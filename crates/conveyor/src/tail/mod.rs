//! Owns reading without a group: all partitions from given offsets on, or a bounded range; and asking how far a group has
//! come. Commits nothing, joins nothing, and decides nothing about which records matter.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::Stream;
use proto::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use tokio::sync::mpsc;

use crate::client::{self, CheckError, Ear, InvalidKafka};
use crate::epoch::{self, EpochError, Epochs};
use crate::message::record_of;
use crate::places::{offset_list, partition_list, place_of};
use crate::{KafkaArgs, Place, Record};

/// Records read ahead of whoever takes them.
const AHEAD_RECORDS_MAX: usize = 1024;
const POLL: Duration = Duration::from_millis(100);
const LEADER_WAIT: Duration = Duration::from_millis(50);
/// librdkafka assigns only to clients with a group id. Nothing is joined or committed under it.
const NO_GROUP: &str = "safelight-tail";

/// The next offset of each partition.
pub type Offsets = BTreeMap<Place, i64>;

/// Where a tail begins.
#[derive(Clone, Debug)]
pub enum TailFrom {
    /// At what is published from now on.
    End,
    /// At these offsets; partitions that are not named begin at their low watermark.
    Offsets(Offsets),
}

/// Says why a tail, or a range, ended early.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// An offset is no longer there, or not yet: begin anew.
    #[error("read from an offset that the log does not have")]
    OutOfRange,
    /// Kafka cannot be used right now, or refuses us.
    #[error(transparent)]
    Kafka(#[from] EpochError),
    /// The client is broken: open another.
    #[error("tail Kafka")]
    Broken(#[source] KafkaError),
    /// The system has no thread left to read on: try again later.
    #[error("start a thread that reads Kafka")]
    NoThread(#[source] std::io::Error),
}

/// The first and the next offset that each partition has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// The oldest offset that can still be read.
    pub low: Offsets,
    /// The offset that the next record will have.
    pub high: Offsets,
}

/// All partitions of some topics, without a group. Ends when dropped.
#[derive(Debug)]
pub struct Tail {
    records: mpsc::Receiver<Result<Record, TailError>>,
    epochs: Epochs,
    start: Offsets,
    watermarks: Watermarks,
}

impl Tail {
    /// Opens a tail. When it returns, `start` is pinned: nothing published from then on is missed.
    pub async fn open(kafka: &KafkaArgs, topics: &[Topic], from: TailFrom) -> Result<Tail, TailError> {
        let opened = Opened::new(kafka, topics).await?;
        let start = match from {
            TailFrom::End => opened.watermarks.high.clone(),
            TailFrom::Offsets(offsets) => {
                let begin = |(place, low): (&Place, &i64)| (*place, *offsets.get(place).unwrap_or(low));
                opened.watermarks.low.iter().map(begin).collect()
            }
        };
        opened.read(start, None)
    }

    /// Opens a read from one vector of offsets up to another, for catching up; the last offset below each bound must be
    /// a record's. Places that only one of them names, or where nothing lies between, are left out.
    pub async fn range(kafka: &KafkaArgs, from: &Offsets, to: &Offsets) -> Result<Tail, TailError> {
        let bounds = |(place, start): (&Place, &i64)| to.get(place).map(|end| (*place, (*start, *end)));
        let bounds: BTreeMap<Place, (i64, i64)> =
            from.iter().filter_map(bounds).filter(|(_, (start, end))| start < end).collect();
        let mut topics: Vec<Topic> = bounds.keys().map(|(topic, _)| *topic).collect();
        topics.dedup();
        let opened = Opened::new(kafka, &topics).await?;
        let start = bounds.iter().map(|(place, (start, _))| (*place, *start)).collect();
        let end = bounds.iter().map(|(place, (_, end))| (*place, *end)).collect();
        opened.read(start, Some(end))
    }

    /// Returns the next record; none at the end of a range, or after an error.
    pub async fn next(&mut self) -> Option<Result<Record, TailError>> {
        self.records.recv().await
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

/// Returns the watermarks of every partition of the topics.
pub async fn watermarks(kafka: &KafkaArgs, topics: &[Topic]) -> Result<Watermarks, TailError> {
    Ok(Opened::new(kafka, topics).await?.watermarks)
}

/// Returns how far `group` has committed: the next offset of each place where it has committed any. Asks through a client
/// of its own, so it is for now and then. Fails when Kafka does not answer within `timeout`, or refuses us.
pub async fn committed(
    kafka: &KafkaArgs,
    group: &str,
    places: &[Place],
    timeout: Duration,
) -> Result<Offsets, TailError> {
    let (kafka, group, places) = (kafka.clone(), group.to_owned(), places.to_vec());
    let asked = tokio::task::spawn_blocking(move || ask_committed((&kafka, &group), places, timeout));
    Ok(asked.await.expect("asking does not panic")?)
}

fn ask_committed(
    (kafka, group): (&KafkaArgs, &str),
    places: Vec<Place>,
    timeout: Duration,
) -> Result<Offsets, EpochError> {
    let ear = Ear::default();
    let config = client::consumer(kafka, group)?;
    let asker: BaseConsumer<Ear> = config.create_with_context(ear.clone()).map_err(InvalidKafka::Client)?;
    let answer = asker.committed_offsets(partition_list(places), timeout).map_err(|cause| {
        // The error events of this client are only heard while it is polled.
        while asker.poll(Duration::ZERO).is_some() {}
        ear.judge(kafka, cause)
    })?;
    let committed = |element: &TopicPartitionListElem<'_>| {
        // Where nothing is committed stands a negative word, and where the answer failed an error.
        element.error().ok()?;
        Some((place_of(element)?, element.offset().to_raw().filter(|next| *next >= 0)?))
    };
    Ok(answer.elements().iter().filter_map(committed).collect())
}

/// A client that knows epochs and watermarks and reads nothing yet.
struct Opened {
    consumer: BaseConsumer<Ear>,
    epochs: Epochs,
    watermarks: Watermarks,
}

impl Opened {
    async fn new(kafka: &KafkaArgs, topics: &[Topic]) -> Result<Opened, TailError> {
        let (kafka, topics) = (kafka.clone(), topics.to_vec());
        let opened = tokio::task::spawn_blocking(move || Opened::ask(&kafka, &topics));
        Ok(opened.await.expect("asking does not panic")?)
    }

    fn ask(kafka: &KafkaArgs, topics: &[Topic]) -> Result<Opened, EpochError> {
        let ear = Ear::default();
        let mut config = client::consumer(kafka, NO_GROUP)?;
        // An offset that is gone must be told, not jumped over.
        config.set("auto.offset.reset", "error");
        // Whoever takes the records may be slow, and there is no group to be expelled from.
        config.set("max.poll.interval.ms", "86400000");
        let consumer: BaseConsumer<Ear> =
            config.create_with_context(ear.clone()).map_err(InvalidKafka::Client)?;
        let judge = |cause| -> CheckError { ear.judge(kafka, cause) };
        let timeout = kafka.publish_max();
        let epochs = epoch::ask(consumer.client(), kafka, topics, timeout).map_err(judge)?;
        let watermarks = ask_watermarks(&consumer, topics, timeout).map_err(judge)?;
        Ok(Opened { consumer, epochs, watermarks })
    }

    fn read(self, start: Offsets, end: Option<Offsets>) -> Result<Tail, TailError> {
        let Opened { consumer, epochs, watermarks } = self;
        let (sender, records) = mpsc::channel(AHEAD_RECORDS_MAX);
        let reader = Reader { consumer, epochs: epochs.clone(), sender, end };
        let begin = start.clone();
        std::thread::Builder::new()
            .name("conveyor-tail".into())
            .spawn(move || reader.run(begin))
            .map_err(TailError::NoThread)?;
        Ok(Tail { records, epochs, start, watermarks })
    }
}

fn ask_watermarks(
    consumer: &BaseConsumer<Ear>,
    topics: &[Topic],
    timeout: Duration,
) -> Result<Watermarks, KafkaError> {
    let mut watermarks = Watermarks::default();
    for topic in topics {
        let metadata = consumer.fetch_metadata(Some(topic.name()), timeout)?;
        for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
            let (low, high) = ask_partition(consumer, (*topic, partition.id()), timeout)?;
            watermarks.low.insert((*topic, partition.id()), low);
            watermarks.high.insert((*topic, partition.id()), high);
        }
    }
    Ok(watermarks)
}

/// Asks for one partition; again while its leader is changing.
fn ask_partition(
    consumer: &BaseConsumer<Ear>,
    (topic, partition): Place,
    timeout: Duration,
) -> Result<(i64, i64), KafkaError> {
    let deadline = Instant::now() + timeout;
    loop {
        let asked = consumer.fetch_watermarks(topic.name(), partition, timeout);
        let is_moving = matches!(
            asked.as_ref().map_err(KafkaError::rdkafka_error_code),
            Err(Some(RDKafkaErrorCode::NotLeaderForPartition | RDKafkaErrorCode::LeaderNotAvailable))
        );
        if !is_moving || Instant::now() >= deadline {
            return asked;
        }
        std::thread::sleep(LEADER_WAIT);
    }
}

/// The tail's thread.
struct Reader {
    consumer: BaseConsumer<Ear>,
    epochs: Epochs,
    sender: mpsc::Sender<Result<Record, TailError>>,
    /// What is still to be read of a range: the first offset of each place that no longer belongs to it.
    end: Option<Offsets>,
}

impl Reader {
    fn run(mut self, start: Offsets) {
        if let Err(error) = self.read(start) {
            let _ = self.sender.blocking_send(Err(error));
        }
    }

    fn read(&mut self, start: Offsets) -> Result<(), TailError> {
        self.consumer.assign(&offset_list(start)).map_err(TailError::Broken)?;
        while !self.sender.is_closed() && !self.end.as_ref().is_some_and(BTreeMap::is_empty) {
            let record = match self.consumer.poll(POLL) {
                None => continue,
                Some(Ok(message)) => record_of(&message, &self.epochs),
                Some(Err(error)) => {
                    judge(error)?;
                    continue;
                }
            };
            let Some(record) = record.filter(|record| self.belongs(record)) else { continue };
            // Blocks while whoever takes the records is slow; an error means that nobody does any more.
            if self.sender.blocking_send(Ok(record)).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Says whether the record belongs to the range, and strikes its place when it is the last one that does.
    fn belongs(&mut self, record: &Record) -> bool {
        let Some(open) = &mut self.end else { return true };
        let Some(end) = open.get(&record.place()).copied() else { return false };
        if record.offset + 1 >= end {
            open.remove(&record.place());
        }
        record.offset < end
    }
}

/// Says what an error of the client means to a tail.
fn judge(error: KafkaError) -> Result<(), TailError> {
    match (&error, error.rdkafka_error_code()) {
        (KafkaError::MessageConsumptionFatal(_), _) => Err(TailError::Broken(error)),
        (_, Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)) => {
            Err(TailError::OutOfRange)
        }
        // The client reconnects by itself.
        _ => {
            tracing::debug!("tail Kafka: {error}");
            Ok(())
        }
    }
}
