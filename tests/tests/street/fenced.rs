//! A place in a group that another member takes is taken again: a broker that was frozen hears every request to join that
//! waited meanwhile at once, and may throw out who asked last.

use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use street::stack::Stack;
use street::tools::photo;

/// The name under which the stations of `up` keep their places.
const PLACE: &str = "safelight-up";
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn stations_whose_places_another_took_take_them_again() {
    let stack = Stack::up(&["--kafka", "own-apache"]).await;
    let api = stack.api("acme");
    let before = api.upload(&photo("friends.jpg")).await;
    api.processed(&before).await;
    let bootstrap = stack.address("kafka").to_owned();
    let groups = [
        ("processor", ["images.uploaded.v1"].as_slice()),
        ("sink-table", &["images.uploaded.v1", "images.processed.v1", "images.failed.v1"]),
    ];
    for (group, topics) in groups {
        let bootstrap = bootstrap.clone();
        let rival = tokio::task::spawn_blocking(move || take_place(&bootstrap, group, topics));
        rival.await.unwrap();
    }
    let after = api.upload(&photo("friends.jpg")).await;
    api.processed(&after).await;
}

/// Takes the place in the group, and returns once it was thrown out in turn.
fn take_place(bootstrap: &str, group: &str, topics: &[&str]) {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", bootstrap)
        .set("group.id", group)
        .set("group.instance.id", PLACE)
        .set("group.protocol", "classic")
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "500")
        .set("enable.auto.commit", "false");
    let rival: BaseConsumer = config.create().unwrap();
    rival.subscribe(topics).unwrap();
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "the station of `{group}` never came back to its place");
        // What it is given meanwhile it leaves uncommitted to its owner.
        let polled = rival.poll(Duration::from_millis(100));
        if let Some(Err(KafkaError::MessageConsumptionFatal(RDKafkaErrorCode::FencedInstanceId))) = polled {
            return;
        }
    }
}
