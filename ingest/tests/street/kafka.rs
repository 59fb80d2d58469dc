//! librdkafka's own broker, with a registry that knows three subjects.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use proto::{Codec, ImageUploaded, Topic};
use rdkafka::ClientConfig;
use rdkafka::Message as _;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::Headers as _;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const PARTITIONS: i32 = 2;

pub(crate) struct Kafka {
    pub(crate) brokers: String,
    pub(crate) registry_url: String,
    cluster: MockCluster<'static, DefaultProducerContext>,
}

/// A fact as it lies in Kafka.
pub(crate) struct Fact {
    pub(crate) key: String,
    pub(crate) traceparent: Option<String>,
    pub(crate) event: ImageUploaded,
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

    pub(crate) fn go_away(&self) {
        self.cluster.broker_down(1).expect("the broker goes");
    }

    pub(crate) fn come_back(&self) {
        self.cluster.broker_up(1).expect("the broker comes");
    }

    /// Reads everything that lies on the topic of uploads now.
    pub(crate) async fn uploaded(&self) -> Vec<Fact> {
        let codec = Codec::new(&self.registry_url, Duration::from_secs(5)).expect("an address");
        let brokers = self.brokers.clone();
        let records = tokio::task::spawn_blocking(move || read_all(&brokers)).await.expect("reading ends");
        let mut facts = Vec::new();
        for (key, traceparent, value) in records {
            let event = codec.decode::<ImageUploaded>(&value).await.expect("a fact");
            facts.push(Fact { key, traceparent, event });
        }
        facts
    }
}

fn read_all(brokers: &str) -> Vec<(String, Option<String>, Vec<u8>)> {
    let topic = Topic::Uploaded.name();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "test")
        .set("fetch.wait.max.ms", "5")
        .create()
        .expect("a consumer");
    let mut left: HashMap<i32, i64> = HashMap::new();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let (low, high) =
            consumer.fetch_watermarks(topic, partition, Duration::from_secs(10)).expect("watermarks");
        left.insert(partition, high - low);
        assignment.add_partition_offset(topic, partition, Offset::Beginning).expect("an offset");
    }
    consumer.assign(&assignment).expect("an assignment");
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut records = Vec::new();
    while left.values().any(|&count| count > 0) {
        assert!(Instant::now() < deadline, "records are missing");
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(50)) else { continue };
        *left.get_mut(&message.partition()).expect("an assigned partition") -= 1;
        let text = |bytes: Option<&[u8]>| bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        let traceparent = message
            .headers()
            .and_then(|headers| headers.iter().find(|header| header.key == "traceparent"))
            .and_then(|header| text(header.value));
        let value = message.payload().unwrap_or_default().to_vec();
        records.push((text(message.key()).unwrap_or_default(), traceparent, value));
    }
    records
}
