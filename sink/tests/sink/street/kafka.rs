//! librdkafka's own broker, with a registry that knows three subjects.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use proto::Topic;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const PARTITIONS: i32 = 3;
const ANSWER_MAX: Duration = Duration::from_secs(10);

pub(crate) struct Kafka {
    pub(crate) brokers: String,
    pub(crate) registry_url: String,
    cluster: MockCluster<'static, DefaultProducerContext>,
}

#[derive(Clone, Default)]
struct Registry(Arc<Mutex<Vec<Value>>>);

async fn register(State(Registry(schemas)): State<Registry>, Json(body): Json<Value>) -> Json<Value> {
    let mut schemas = schemas.lock().expect("no holder panics");
    let at = schemas.iter().position(|schema| *schema == body).unwrap_or_else(|| {
        schemas.push(body);
        schemas.len() - 1
    });
    Json(json!({"id": at + 1}))
}

async fn schema(State(Registry(schemas)): State<Registry>, Path(id): Path<usize>) -> Json<Value> {
    Json(schemas.lock().expect("no holder panics")[id - 1].clone())
}

impl Kafka {
    /// Lets the broker answer nobody, until it is `up` again.
    pub(crate) fn down(&self) {
        self.cluster.broker_down(1).expect("the broker is known");
    }

    pub(crate) fn up(&self) {
        self.cluster.broker_up(1).expect("the broker is known");
    }

    /// Commits for a group, as if it had come to the end of the topic.
    pub(crate) fn passes(&self, group: &str, topic: Topic) {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", group)
            .create()
            .expect("a consumer");
        let mut ends = TopicPartitionList::new();
        for partition in 0..PARTITIONS {
            let (_, end) = consumer.fetch_watermarks(topic.name(), partition, ANSWER_MAX).expect("an answer");
            ends.add_partition_offset(topic.name(), partition, Offset::Offset(end)).expect("an offset");
        }
        consumer.commit(&ends, CommitMode::Sync).expect("the group has come so far");
    }

    /// Returns the key of every record of the topic, partition by partition.
    pub(crate) fn keys(&self, topic: Topic) -> Vec<String> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .set("group.id", "keys")
            .set("enable.auto.commit", "false")
            .create()
            .expect("a consumer");
        let (mut wanted, mut begin) = (0, TopicPartitionList::new());
        for partition in 0..PARTITIONS {
            let (low, end) =
                consumer.fetch_watermarks(topic.name(), partition, ANSWER_MAX).expect("an answer");
            assert_eq!(low, 0, "the broker still has everything");
            begin.add_partition_offset(topic.name(), partition, Offset::Beginning).expect("an offset");
            wanted += usize::try_from(end).expect("an end");
        }
        consumer.assign(&begin).expect("it is assigned");
        let next = || consumer.poll(ANSWER_MAX).expect("there are more").expect("a record");
        let key =
            |record: BorrowedMessage<'_>| String::from_utf8_lossy(record.key().expect("a key")).into_owned();
        (0..wanted).map(|_| key(next())).collect()
    }

    pub(crate) async fn start() -> Kafka {
        let cluster = MockCluster::new(1).expect("a broker");
        for topic in Topic::ALL {
            cluster.create_topic(topic.name(), PARTITIONS, 1).expect("a topic");
        }
        let router = Router::new()
            .route("/subjects/{subject}/versions", post(register))
            .route("/subjects/{subject}", post(register))
            .route("/schemas/ids/{id}", get(schema))
            .with_state(Registry::default());
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let registry_url = format!("http://{}", listener.local_addr().expect("a bound address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Kafka { brokers: cluster.bootstrap_servers(), registry_url, cluster }
    }
}
