//! Owns how a fact gets into Kafka: idempotent, acknowledged by all replicas, within a deadline, or refused at once when
//! too much is waiting. Retries nothing beyond that: what a failure means is for the caller to say.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock, Weak};
use std::time::{Duration, Instant};

use proto::{Codec, EncodeError, Event, Topic};
use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use tokio::sync::oneshot;

use super::headers::Headers;
use crate::client::{self, CheckError, Ear, InvalidKafka};
use crate::config::KafkaArgs;
use crate::metrics;

/// The share of the queue above which new records are refused.
const LOAD_MAX: f32 = 0.8;
/// A poll spins for the last of its milliseconds (rdkafka 0.39): the longer it lasts, the less of a processor is spent on
/// nothing. Acknowledgements are heard at once all the same; only the end of a producer waits for it.
const POLL: Duration = Duration::from_secs(1);

/// Publishes facts. Clones share one producer and one queue.
#[derive(Clone)]
pub struct Publisher(Arc<Inner>);

struct Inner {
    kafka: KafkaArgs,
    config: ClientConfig,
    codec: Arc<Codec>,
    ear: Ear,
    current: RwLock<Current>,
    waiting: Waiting,
}

/// The producer of the day. A fatal error ends it, and another takes its place.
#[derive(Clone)]
struct Current {
    producer: Arc<BaseProducer<Ear>>,
    generation: u64,
}

impl Current {
    /// Makes a producer, and a thread that hears its acknowledgements until the last user of the producer is gone.
    fn start(config: &ClientConfig, ear: &Ear, generation: u64) -> Result<Current, InvalidKafka> {
        let producer: Arc<BaseProducer<Ear>> = Arc::new(config.create_with_context(ear.clone())?);
        let weak = Arc::downgrade(&producer);
        let thread = std::thread::Builder::new().name("kafka-producer".into());
        thread.spawn(move || listen(&weak)).map_err(InvalidKafka::Thread)?;
        Ok(Current { producer, generation })
    }
}

fn listen(producer: &Weak<BaseProducer<Ear>>) {
    while let Some(producer) = producer.upgrade() {
        producer.poll(POLL);
    }
}

impl ProducerContext for Ear {
    type DeliveryOpaque = Box<oneshot::Sender<Result<Published, KafkaError>>>;

    fn delivery(&self, result: &DeliveryResult<'_>, answer: Self::DeliveryOpaque) {
        let delivered = match result {
            Ok(record) => Ok(Published { partition: record.partition(), offset: record.offset() }),
            Err((cause, _)) => Err(cause.clone()),
        };
        // Whoever has stopped waiting needs no answer.
        let _ = answer.send(delivered);
    }
}

/// Where an acknowledged record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The partition.
    pub partition: i32,
    /// The offset in the partition.
    pub offset: i64,
}

/// Says why a record is not acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The broker will never take this record: the data is wrong.
    #[error("publish to `{topic}`: the record is refused")]
    Rejected {
        /// Where to.
        topic: Topic,
        /// What the client saw.
        #[source]
        cause: KafkaError,
    },
    /// No acknowledgement came: the record may be there or not. Try again later.
    #[error("publish to `{topic}`")]
    Unavailable {
        /// Where to.
        topic: Topic,
        /// What the client saw.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Too much is waiting for acknowledgement: the record was not taken. Try again later.
    #[error("publish to `{topic}`: too much is waiting")]
    Overloaded {
        /// Where to.
        topic: Topic,
    },
}

/// A record ready for Kafka.
pub(crate) struct Outgoing<'a> {
    pub(crate) topic: Topic,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: &'a [u8],
    pub(crate) headers: OwnedHeaders,
}

impl Publisher {
    /// Makes a publisher. Talks to nobody yet; fails only if the settings cannot be used.
    pub fn open(kafka: &KafkaArgs, codec: Arc<Codec>) -> Result<Publisher, InvalidKafka> {
        metrics::begin_publisher();
        let (config, ear) = (client::producer(kafka)?, Ear::default());
        let current = Current::start(&config, &ear, 0)?;
        let inner = Inner {
            kafka: kafka.clone(),
            config,
            codec,
            ear,
            current: RwLock::new(current),
            waiting: Waiting::default(),
        };
        Ok(Publisher(Arc::new(inner)))
    }

    /// Publishes a fact on its topic under its key, and returns once all replicas have it.
    pub async fn publish<E: Event>(&self, event: &E, headers: &Headers) -> Result<Published, PublishError> {
        let value = self.encode(event).await?;
        let key = event.key();
        let headers = headers.of_event::<E>(&key);
        let key = Some(key.as_bytes()).filter(|key| !key.is_empty());
        self.send(Outgoing { topic: E::TOPIC, key, value: &value, headers }).await
    }

    /// Checks that the brokers answer and let us in.
    pub async fn check(&self, timeout: Duration) -> Result<(), CheckError> {
        let this = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let producer = this.current().producer;
            producer.client().fetch_metadata(None, timeout).map(drop)
        });
        let answer = asked.await.expect("asking does not panic");
        answer.map_err(|cause| self.0.ear.judge(&self.0.kafka, cause))
    }

    /// Waits until nothing is waiting for acknowledgement, at most `timeout`. Returns whether that came to be.
    pub async fn flush(&self, timeout: Duration) -> bool {
        let producer = self.current().producer;
        let flushed = tokio::task::spawn_blocking(move || producer.flush(timeout).is_ok());
        flushed.await.expect("flushing does not panic")
    }

    /// Returns how full the queue is, from 0 to 1 by records or by bytes, whichever is more. Above 0.8 it refuses.
    #[expect(clippy::cast_precision_loss, reason = "a share for a threshold")]
    pub fn load(&self) -> f32 {
        let Inner { kafka, waiting, .. } = &*self.0;
        let share =
            |count: &AtomicUsize, max: usize| count.load(Ordering::Relaxed) as f32 / max.max(1) as f32;
        share(&waiting.records, kafka.publish_records_max).max(share(&waiting.bytes, kafka.publish_bytes_max))
    }

    /// Returns the codec that frames what is published.
    pub fn codec(&self) -> &Arc<Codec> {
        &self.0.codec
    }

    pub(crate) async fn encode<E: Event>(&self, event: &E) -> Result<Vec<u8>, PublishError> {
        self.0.codec.encode(event).await.map_err(|cause: EncodeError| {
            metrics::publish_failed(E::TOPIC, "codec");
            PublishError::Unavailable { topic: E::TOPIC, cause: cause.into() }
        })
    }

    pub(crate) async fn send(&self, outgoing: Outgoing<'_>) -> Result<Published, PublishError> {
        let topic = outgoing.topic;
        let started = Instant::now();
        let sent = self.send_within_deadline(outgoing).await;
        match &sent {
            Ok(_) => metrics::published(topic, started.elapsed()),
            Err(PublishError::Rejected { .. }) => metrics::publish_failed(topic, "rejected"),
            Err(PublishError::Unavailable { .. }) => metrics::publish_failed(topic, "unavailable"),
            Err(PublishError::Overloaded { .. }) => metrics::publish_failed(topic, "overloaded"),
        }
        sent
    }

    async fn send_within_deadline(&self, outgoing: Outgoing<'_>) -> Result<Published, PublishError> {
        let Outgoing { topic, key, value, headers } = outgoing;
        if self.load() > LOAD_MAX {
            return Err(PublishError::Overloaded { topic });
        }
        let _ticket = Ticket::new(&self.0.waiting, value.len());
        let current = self.current();
        let (answer, delivery) = oneshot::channel();
        let mut record =
            BaseRecord::with_opaque_to(topic.name(), Box::new(answer)).payload(value).headers(headers);
        record.key = key;
        if let Err((cause, _)) = current.producer.send(record) {
            return Err(self.failed(topic, &current, cause));
        }
        // `message.timeout.ms` is shorter, so the client's own word nearly always comes first.
        match tokio::time::timeout(self.0.kafka.publish_max(), delivery).await {
            Ok(Ok(Ok(published))) => Ok(published),
            Ok(Ok(Err(cause))) => Err(self.failed(topic, &current, cause)),
            Ok(Err(_)) => Err(self.failed(topic, &current, KafkaError::Canceled)),
            Err(cause) => Err(PublishError::Unavailable { topic, cause: cause.into() }),
        }
    }

    fn failed(&self, topic: Topic, current: &Current, cause: KafkaError) -> PublishError {
        if current.producer.client().fatal_error().is_some() {
            self.rebuild(current.generation);
        }
        match cause.rdkafka_error_code() {
            Some(
                RDKafkaErrorCode::MessageSizeTooLarge
                | RDKafkaErrorCode::InvalidRecord
                | RDKafkaErrorCode::InvalidMessageSize,
            ) => PublishError::Rejected { topic, cause },
            Some(RDKafkaErrorCode::QueueFull) => PublishError::Overloaded { topic },
            _ => PublishError::Unavailable { topic, cause: cause.into() },
        }
    }

    /// Puts a new producer in the place of the one of `generation`, unless somebody did already.
    fn rebuild(&self, generation: u64) {
        let mut current = self.0.current.write().expect("no holder panics");
        if current.generation != generation {
            return;
        }
        match Current::start(&self.0.config, &self.0.ear, generation + 1) {
            Ok(made) => {
                tracing::warn!("the Kafka producer had a fatal error and was made anew");
                // The old one ends on its own thread.
                *current = made;
            }
            Err(error) => tracing::error!("make a new Kafka producer after a fatal error: {error}"),
        }
    }

    fn current(&self) -> Current {
        self.0.current.read().expect("no holder panics").clone()
    }
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher").field("load", &self.load()).finish_non_exhaustive()
    }
}

/// What waits for acknowledgement. librdkafka's own count has its error and log events in it.
#[derive(Default)]
struct Waiting {
    records: AtomicUsize,
    bytes: AtomicUsize,
}

/// Counts one record while somebody waits for its acknowledgement.
struct Ticket<'a> {
    waiting: &'a Waiting,
    bytes: usize,
}

impl<'a> Ticket<'a> {
    fn new(waiting: &'a Waiting, bytes: usize) -> Ticket<'a> {
        waiting.records.fetch_add(1, Ordering::Relaxed);
        waiting.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ticket { waiting, bytes }
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.waiting.records.fetch_sub(1, Ordering::Relaxed);
        self.waiting.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codec() -> Arc<Codec> {
        Arc::new(Codec::new("http://127.0.0.1:1", Duration::from_secs(1)).unwrap())
    }

    fn outgoing(value: &[u8]) -> Outgoing<'_> {
        Outgoing { topic: Topic::Uploaded, key: None, value, headers: OwnedHeaders::new() }
    }

    #[tokio::test]
    async fn what_is_too_large_for_any_broker_is_rejected_and_not_retried() {
        let publisher = Publisher::open(&KafkaArgs::plaintext("127.0.0.1:1"), codec()).unwrap();
        let error = publisher.send(outgoing(&vec![0; 3 << 20])).await.unwrap_err();
        assert!(matches!(error, PublishError::Rejected { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn a_broker_that_is_away_is_unavailable_within_the_deadline_and_load_is_shed_meanwhile() {
        let kafka =
            KafkaArgs { publish_secs_max: 2, publish_records_max: 5, ..KafkaArgs::plaintext("127.0.0.1:1") };
        let publisher = Publisher::open(&kafka, codec()).unwrap();
        let started = Instant::now();
        let waiting: Vec<_> = (0..5)
            .map(|_| {
                let publisher = publisher.clone();
                tokio::spawn(async move { publisher.send(outgoing(b"fact")).await })
            })
            .collect();
        while publisher.load() < 1.0 {
            tokio::task::yield_now().await;
            assert!(started.elapsed() < Duration::from_secs(1), "five records are enough to fill the queue");
        }
        let shed = publisher.send(outgoing(b"one more")).await.unwrap_err();
        assert!(matches!(shed, PublishError::Overloaded { .. }), "{shed:?}");
        for sent in waiting {
            let error = sent.await.unwrap().unwrap_err();
            assert!(matches!(error, PublishError::Unavailable { .. }), "{error:?}");
        }
        assert!(started.elapsed() < Duration::from_secs(5));
        assert!(publisher.check(Duration::from_millis(200)).await.is_err());
    }
}
