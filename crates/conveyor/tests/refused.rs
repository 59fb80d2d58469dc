//! Brokers that know us and do not let us: librdkafka's own broker says so, and the belt ends with the name of it.

use std::sync::Arc;
use std::time::Duration;

use conveyor::{Belt, BeltArgs, CheckError, Fault, Handler, KafkaArgs, Publisher, Record};
use proto::{Codec, Topic};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use tokio_util::sync::CancellationToken;

type Cluster = MockCluster<'static, DefaultProducerContext>;

struct Nothing;

impl Handler for Nothing {
    async fn handle(&self, _: &Record) -> Result<(), Fault> {
        Ok(())
    }
}

/// Runs a belt that refuses to wait for ever, on a cluster prepared by `prepare`.
async fn ended_on(prepare: impl FnOnce(&Cluster)) -> anyhow::Error {
    let cluster = MockCluster::new(1).expect("a broker");
    cluster.create_topic(Topic::Uploaded.name(), 1, 1).expect("a topic");
    prepare(&cluster);
    let kafka = KafkaArgs { epoch: Some("e".into()), ..KafkaArgs::plaintext(cluster.bootstrap_servers()) };
    let codec = Codec::new("http://127.0.0.1:1", Duration::from_secs(1)).expect("a codec");
    let belt = Belt {
        group: "refused".to_owned(),
        topics: vec![Topic::Uploaded],
        limits: BeltArgs::default(),
        publisher: Publisher::open(&kafka, Arc::new(codec)).expect("a publisher"),
        handler: Arc::new(Nothing),
        kafka,
    };
    let running = conveyor::run(belt, |_, _| (), CancellationToken::new());
    let ended =
        tokio::time::timeout(Duration::from_secs(60), running).await.expect("it does not wait for ever");
    ended.expect_err("it is refused")
}

#[tokio::test]
async fn a_group_that_we_may_not_join_ends_the_belt_by_name() {
    let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED;
    let error = ended_on(|cluster| cluster.request_errors(RDKafkaApiKey::JoinGroup, &[refusal; 100])).await;
    assert!(CheckError::is_refusal(&error), "{error:#}");
    assert!(format!("{error:#}").contains("GroupAuthorizationFailed"), "{error:#}");
}

#[tokio::test]
async fn a_topic_that_we_may_not_read_ends_the_belt_by_name() {
    let refusal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    let error = ended_on(|cluster| {
        cluster.topic_error(Topic::Uploaded.name(), refusal).expect("set");
    })
    .await;
    assert!(CheckError::is_refusal(&error), "{error:#}");
    assert!(format!("{error:#}").contains("TopicAuthorizationFailed"), "{error:#}");
}
