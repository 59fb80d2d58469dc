//! Tails on librdkafka's own broker, which can be told to answer everything but fetches.

use std::time::Duration;

use conveyor::{KafkaArgs, Pulse, Tail, TailError, TailFrom, TailOf};
use proto::Topic;
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

type Cluster = MockCluster<'static, DefaultProducerContext>;

const PATIENCE: Duration = Duration::from_secs(30);
const STALL_MAX: Duration = Duration::from_secs(2);

fn cluster() -> (Cluster, KafkaArgs) {
    let cluster = MockCluster::new(1).expect("a broker");
    cluster.create_topic(Topic::Uploaded.name(), 2, 1).expect("a topic");
    let kafka = KafkaArgs {
        epoch: Some("e".into()),
        fetch_wait_ms: 5,
        ..KafkaArgs::plaintext(cluster.bootstrap_servers())
    };
    (cluster, kafka)
}

fn of(kafka: &KafkaArgs) -> TailOf<'_> {
    TailOf { kafka, topics: &[Topic::Uploaded], name: "test", stall_max: STALL_MAX }
}

fn publish(kafka: &KafkaArgs, records: usize) {
    let producer: BaseProducer =
        ClientConfig::new().set("bootstrap.servers", &kafka.bootstrap_servers).create().expect("a producer");
    for number in 0..records {
        let record = BaseRecord::to(Topic::Uploaded.name()).partition(0).key("k").payload("v");
        producer.send(record).unwrap_or_else(|(error, _)| panic!("record {number}: {error}"));
    }
    producer.flush(PATIENCE).expect("all are taken");
}

async fn until_pulse(tail: &Tail, wanted: Pulse) {
    let mut pulse = tail.pulse();
    let heard = tokio::time::timeout(PATIENCE, pulse.wait_for(|pulse| *pulse == wanted)).await;
    heard.unwrap_or_else(|_| panic!("never {wanted:?}")).expect("it is watched");
}

#[tokio::test]
async fn a_tail_that_stands_still_while_records_wait_ends_by_name_and_one_that_waits_for_nothing_lives() {
    let (cluster, kafka) = cluster();
    let mut tail = Tail::open(of(&kafka), TailFrom::End).await.expect("a tail");
    until_pulse(&tail, Pulse::Live).await;
    // Twice the limit of nothing is no stall, and a record that comes then is read.
    assert!(tokio::time::timeout(STALL_MAX * 2, tail.next()).await.is_err(), "nothing is there");
    publish(&kafka, 1);
    tail.next().await.expect("it goes on").expect("a record");

    let broken = RDKafkaRespErr::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR;
    cluster.request_errors(RDKafkaApiKey::Fetch, &[broken; 10_000]);
    publish(&kafka, 1);
    let ended = tokio::time::timeout(PATIENCE, tail.next()).await.expect("it is noticed").expect("by name");
    let Err(TailError::Stalled { topic: Topic::Uploaded, partition: 0 }) = ended else { panic!("{ended:?}") };

    // The next one is no better while fetches fail, and says so; what waited comes as soon as they do not.
    let waiting = TailFrom::Offsets([((Topic::Uploaded, 0), 1)].into());
    let mut next = Tail::open(of(&kafka), waiting).await.expect("a tail");
    assert_eq!(*next.pulse().borrow(), Pulse::Unknown);
    cluster.clear_request_errors(RDKafkaApiKey::Fetch);
    next.next().await.expect("it goes on").expect("the record that waited");
    until_pulse(&next, Pulse::Live).await;
}

#[tokio::test]
async fn a_tail_whose_records_nobody_takes_is_slow_and_not_stuck() {
    let (_cluster, kafka) = cluster();
    publish(&kafka, 5000);
    let mut tail = Tail::open(of(&kafka), TailFrom::Offsets([].into())).await.expect("a tail");
    // Far more than is read ahead: it stands still for our own sake.
    until_pulse(&tail, Pulse::Live).await;
    tokio::time::timeout(STALL_MAX * 3, tail.pulse().wait_for(|pulse| *pulse == Pulse::Lost)).await.ok();
    for offset in 0..5000 {
        let record = tail.next().await.expect("it goes on").expect("no stall");
        assert_eq!(record.offset, offset);
    }
}

#[tokio::test]
async fn a_tail_whose_brokers_are_gone_says_so_and_comes_back() {
    let (cluster, kafka) = cluster();
    let tail = Tail::open(of(&kafka), TailFrom::End).await.expect("a tail");
    until_pulse(&tail, Pulse::Live).await;
    cluster.broker_down(1).expect("down");
    until_pulse(&tail, Pulse::Lost).await;
    cluster.broker_up(1).expect("up");
    until_pulse(&tail, Pulse::Live).await;
}
