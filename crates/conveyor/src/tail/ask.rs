//! Asks the brokers where topics begin and end, what was published since when, and how far a group has come. Reads no
//! record.

use std::time::{Duration, Instant};

use proto::{Topic, UnixMillis};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::error::TailError;
use crate::client::{self, CheckError, Ear, InvalidKafka};
use crate::epoch::{self, EpochError, Epochs};
use crate::places::{known_offset, offset_list, partition_list};
use crate::{KafkaArgs, Offsets, Place};

const LEADER_WAIT: Duration = Duration::from_millis(50);
/// librdkafka assigns only to clients with a group id. Nothing is joined or committed under it.
const NO_GROUP: &str = "safelight-tail";

/// The first and the next offset that each partition has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watermarks {
    /// The oldest offset that can still be read.
    pub low: Offsets,
    /// The offset that the next record will have.
    pub high: Offsets,
}

/// Returns the watermarks of every partition of the topics.
pub async fn watermarks(kafka: &KafkaArgs, topics: &[Topic]) -> Result<Watermarks, TailError> {
    Ok(Opened::new(kafka, topics, None).await?.watermarks)
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
    let asked = tokio::task::spawn_blocking(move || ask_committed(&kafka, &group, places, timeout));
    Ok(asked.await.expect("asking does not panic")?)
}

fn ask_committed(
    kafka: &KafkaArgs,
    group: &str,
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
    Ok(answer.elements().iter().filter_map(known_offset).collect())
}

/// A client that knows epochs and watermarks and reads nothing yet.
pub(super) struct Opened {
    pub(super) consumer: BaseConsumer<Ear>,
    pub(super) epochs: Epochs,
    pub(super) watermarks: Watermarks,
    /// The first offset of each partition that was published since the time asked about, where there is one.
    pub(super) since: Offsets,
}

impl Opened {
    /// Asks about the topics, and what was published there since a moment, if that is wanted.
    pub(super) async fn new(
        kafka: &KafkaArgs,
        topics: &[Topic],
        since: Option<UnixMillis>,
    ) -> Result<Opened, TailError> {
        let (kafka, topics) = (kafka.clone(), topics.to_vec());
        let opened = tokio::task::spawn_blocking(move || Opened::ask(&kafka, &topics, since));
        Ok(opened.await.expect("asking does not panic")?)
    }

    fn ask(kafka: &KafkaArgs, topics: &[Topic], since: Option<UnixMillis>) -> Result<Opened, EpochError> {
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
        let since = match since {
            Some(since) => ask_since(&consumer, &watermarks.high, since, timeout).map_err(judge)?,
            None => Offsets::new(),
        };
        Ok(Opened { consumer, epochs, watermarks, since })
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

/// Returns the first offset that is not older, where there is one.
fn ask_since(
    consumer: &BaseConsumer<Ear>,
    places: &Offsets,
    since: UnixMillis,
    timeout: Duration,
) -> Result<Offsets, KafkaError> {
    // librdkafka takes the times where an answer has the offsets.
    let times = offset_list(places.keys().map(|place| (*place, since.0)));
    let answer = consumer.offsets_for_times(times, timeout)?;
    Ok(answer.elements().iter().filter_map(known_offset).collect())
}
