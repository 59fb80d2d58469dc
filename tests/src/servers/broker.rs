//! librdkafka's own broker, in this process: it can be told to go away.

use std::time::Duration;

use proto::Topic;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};

const ANSWER_MAX: Duration = Duration::from_secs(20);

/// A running broker with every topic of the house.
pub struct Broker {
    /// Where it is, `HOST:PORT`.
    pub servers: String,
    partitions: i32,
    cluster: MockCluster<'static, DefaultProducerContext>,
}

/// A record as it lies in a log.
#[derive(Debug)]
pub struct Lying {
    /// Its key, empty where there is none.
    pub key: String,
    /// The header `traceparent`.
    pub traceparent: Option<String>,
    /// Its value, empty where there is none.
    pub value: Vec<u8>,
}

impl Broker {
    /// Starts it with so many partitions of each topic.
    pub fn start(partitions: i32) -> Broker {
        let cluster = MockCluster::new(1).expect("a broker");
        for topic in Topic::ALL {
            cluster.create_topic(topic.name(), partitions, 1).expect("a topic");
        }
        Broker { servers: cluster.bootstrap_servers(), partitions, cluster }
    }

    /// Lets it answer nobody.
    pub fn go_away(&self) {
        self.cluster.broker_down(1).expect("the broker goes");
    }

    /// Lets it answer again.
    pub fn come_back(&self) {
        self.cluster.broker_up(1).expect("the broker comes");
    }

    /// Commits for a group, as if it had come to the end of the topic.
    pub fn passes(&self, group: &str, topic: Topic) {
        let consumer = self.consumer(group);
        let mut ends = TopicPartitionList::new();
        for partition in 0..self.partitions {
            let (_, end) = consumer.fetch_watermarks(topic.name(), partition, ANSWER_MAX).expect("an answer");
            ends.add_partition_offset(topic.name(), partition, Offset::Offset(end)).expect("an offset");
        }
        consumer.commit(&ends, CommitMode::Sync).expect("the group has come so far");
    }

    /// Reads everything that lies on the topic now, in the order of each partition.
    pub async fn records(&self, topic: Topic) -> Vec<Lying> {
        let (consumer, partitions) = (self.consumer("reader"), self.partitions);
        let reading = tokio::task::spawn_blocking(move || read(&consumer, topic, partitions));
        reading.await.expect("reading ends")
    }

    fn consumer(&self, group: &str) -> BaseConsumer {
        ClientConfig::new()
            .set("bootstrap.servers", &self.servers)
            .set("group.id", group)
            .set("enable.auto.commit", "false")
            .set("fetch.wait.max.ms", "5")
            .create()
            .expect("a consumer")
    }
}

fn read(consumer: &BaseConsumer, topic: Topic, partitions: i32) -> Vec<Lying> {
    let (mut wanted, mut begin) = (0, TopicPartitionList::new());
    for partition in 0..partitions {
        let (low, end) = consumer.fetch_watermarks(topic.name(), partition, ANSWER_MAX).expect("an answer");
        assert_eq!(low, 0, "the broker still has everything");
        begin.add_partition_offset(topic.name(), partition, Offset::Beginning).expect("an offset");
        wanted += usize::try_from(end).expect("an end");
    }
    consumer.assign(&begin).expect("it is assigned");
    (0..wanted)
        .map(|_| lying(&consumer.poll(ANSWER_MAX).expect("there are more").expect("a record")))
        .collect()
}

fn lying(record: &BorrowedMessage<'_>) -> Lying {
    let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let traceparent = record
        .headers()
        .and_then(|headers| headers.iter().find(|header| header.key == "traceparent"))
        .and_then(|header| text(header.value));
    Lying {
        key: text(record.key()).unwrap_or_default(),
        traceparent,
        value: record.payload().unwrap_or_default().to_vec(),
    }
}
