//! What comes twice counts once; what is wrong does not hold up what is right.

use std::time::Duration;

use proto::Topic;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::producer::{FutureProducer, FutureRecord};
use street::stack::Stack;
use street::stream::Ear;
use street::tools::photo;
use street::wait::eventually;

const KAFKA_MAX: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_record_delivered_twice_changes_nothing_on_apache_kafka() {
    a_record_delivered_twice_changes_nothing(&["--kafka", "apache"]).await;
}

#[tokio::test]
async fn a_record_delivered_twice_changes_nothing_on_the_embedded_broker() {
    a_record_delivered_twice_changes_nothing(&["--kafka", "embedded"]).await;
}

async fn a_record_delivered_twice_changes_nothing(flags: &[&str]) {
    let stack = Stack::up(flags).await;
    let api = stack.api("acme");
    let ear = Ear::open(&api).await;
    let id = api.upload(&photo("autumn.webp")).await;
    let before = api.processed(&id).await;
    for topic in Topic::ALL {
        for record in records(&stack, topic) {
            repeat(&stack, topic, &record).await;
        }
    }
    // A photo behind the repeats, in every partition's order: when it is through, so are they.
    let witnesses = 24;
    for _ in 0..witnesses {
        api.processed(&api.upload(&photo("friends.jpg")).await).await;
    }
    assert_eq!(api.image(&id).await, before, "the row is as it was");
    let heard = ear.heard().into_iter().filter(|(image, _)| *image == id).count();
    assert!(heard <= 2, "uploaded and processed are shown once each: {:?}", ear.heard());
    let stats: serde_json::Value = api.get("/v1/stats").await.json().await.unwrap();
    assert_eq!(stats["totals"]["processed"], witnesses + 1, "{stats}");
}

#[tokio::test]
async fn an_upload_repeated_under_its_key_is_one_image() {
    let stack = Stack::up(&["--kafka", "embedded"]).await;
    let api = stack.api("acme");
    let body = photo("friends.jpg");
    let mut ids = Vec::new();
    for _ in 0..3 {
        let answer = api.post(&body, Some("one-key")).await.unwrap();
        assert_eq!(answer.status(), 202);
        ids.push(answer.json::<serde_json::Value>().await.unwrap()["id"].clone());
    }
    assert!(ids.windows(2).all(|pair| pair[0] == pair[1]), "{ids:?}");
    let other = api.post(&photo("autumn.webp"), Some("one-key")).await.unwrap();
    assert_eq!(other.status(), 422, "another body under the same key");
    api.processed(ids[0].as_str().unwrap()).await;
    assert_eq!(api.list().await.len(), 1);
}

#[tokio::test]
async fn a_corrupt_file_is_rejected_and_the_next_image_is_processed_on_apache_kafka() {
    a_corrupt_file_is_rejected_and_the_next_image_is_processed(&["--kafka", "apache"]).await;
}

#[tokio::test]
async fn a_corrupt_file_is_rejected_and_the_next_image_is_processed_on_the_embedded_broker() {
    a_corrupt_file_is_rejected_and_the_next_image_is_processed(&["--kafka", "embedded"]).await;
}

async fn a_corrupt_file_is_rejected_and_the_next_image_is_processed(flags: &[&str]) {
    let stack = Stack::up(flags).await;
    let api = stack.api("acme");
    let truncated = api.upload(&photo("truncated.jpg")).await;
    let mut corrupt = photo("bowl.png");
    let middle = corrupt.len() / 2;
    corrupt[middle..middle + 64].fill(0);
    let corrupt = api.upload(&corrupt).await;
    // Enough good ones behind the bad ones that every partition has moved on.
    for _ in 0..24 {
        api.processed(&api.upload(&photo("friends.jpg")).await).await;
    }
    let image = api.failed(&truncated, "truncated").await;
    assert!(image["renditions"].as_array().unwrap().is_empty());
    api.failed(&corrupt, "corrupt").await;
    // A record that is no fact at all is a dead letter too.
    produce(&stack, Topic::Uploaded, b"garbage", b"not a frame").await;
    eventually("the dead letter of the garbage", KAFKA_MAX, async || {
        let letters = records(&stack, Topic::Failed);
        letters.iter().any(|letter| letter.key() == Some(b"garbage")).then_some(())
    })
    .await;
    api.processed(&api.upload(&photo("friends.jpg")).await).await;
}

/// Reads everything a topic holds now.
pub(crate) fn records(stack: &Stack, topic: Topic) -> Vec<OwnedMessage> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", stack.address("kafka"))
        .set("group.id", "story")
        .set("fetch.wait.max.ms", "5")
        .set("enable.partition.eof", "true")
        .create()
        .unwrap();
    let mut assignment = rdkafka::TopicPartitionList::new();
    for partition in 0..proto::PARTITIONS_LOCAL {
        assignment.add_partition_offset(topic.name(), partition, rdkafka::Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    let (mut found, mut ends) = (Vec::new(), 0);
    while ends < proto::PARTITIONS_LOCAL {
        match consumer.poll(KAFKA_MAX).expect("Kafka answers") {
            Ok(message) => found.push(message.detach()),
            Err(rdkafka::error::KafkaError::PartitionEOF(_)) => ends += 1,
            Err(cause) => panic!("read {topic}: {cause}"),
        }
    }
    found
}

async fn repeat(stack: &Stack, topic: Topic, record: &OwnedMessage) {
    produce(stack, topic, record.key().unwrap_or_default(), record.payload().unwrap_or_default()).await;
}

pub(crate) async fn produce(stack: &Stack, topic: Topic, key: &[u8], value: &[u8]) {
    let producer: FutureProducer =
        ClientConfig::new().set("bootstrap.servers", stack.address("kafka")).create().unwrap();
    let record = FutureRecord::to(topic.name()).key(key).payload(value);
    producer.send(record, KAFKA_MAX).await.unwrap();
}
