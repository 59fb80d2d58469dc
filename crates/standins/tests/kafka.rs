//! Conveyor against real brokers: Apache Kafka 4.3, and the embedded one where the story fits it.

mod belt;

use std::time::{Duration, Instant};

use belt::{Cluster, Script, fact, until};
use conveyor::{BeltArgs, Headers, Publisher, Pulse, Tail, TailFrom, Watermarks};
use proto::{Event as _, ImageFailed, ImageUploaded, Reason, Topic};
use standins::kafka::{Broker, Kind, TopicPlan, provision};

/// Far above what a belt holds beside what is in hand.
const MORE_THAN_IS_HELD: usize = 1500;

/// Publishes, consumes, commits, stops, and resumes where it stopped.
async fn a_group_resumes_where_it_committed(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let publisher = cluster.publisher();
    let first: Vec<_> = belt::publish(&publisher, 40).await;
    let script = Script::default();
    let belt = cluster.belt("resume", &script);
    until("the first facts", || script.has_handled(&first)).await;
    belt.drain().await.expect("drains");

    let second = belt::publish(&publisher, 40).await;
    let later = Script::default();
    let belt = cluster.belt("resume", &later);
    until("the second facts", || later.has_handled(&second)).await;
    belt.drain().await.expect("drains");
    assert!(first.iter().all(|id| later.count(*id) == 0), "what was committed is not read again");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_resumes_where_it_committed_on_apache() {
    a_group_resumes_where_it_committed(Kind::Apache).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_resumes_where_it_committed_on_the_embedded_broker() {
    a_group_resumes_where_it_committed(Kind::Embedded).await;
}

/// A rejected record becomes a letter that holds it; one that is retried, and one that panics, hold up nobody.
async fn wrong_data_becomes_a_letter_and_holds_up_nobody(kind: Kind) {
    let cluster = Cluster::start(kind).await;
    let publisher = cluster.publisher();
    let mut letters = cluster.tail(Topic::Failed, TailFrom::End).await;
    let ids = belt::publish(&publisher, 30).await;
    let (rejected, retried, panics) = (ids[0], ids[1], ids[2]);
    let script = Script::default().reject(rejected).retry(retried, 3).panic(panics);
    let belt = cluster.belt("letters", &script);
    until("everything", || script.has_handled(&ids[3..]) && script.has_handled(&[retried])).await;
    assert_eq!(script.count(retried), 4, "three tries failed and the fourth did not");

    let codec = publisher.codec();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let record = belt::within(letters.next()).await.expect("a letter").expect("a good one");
        let letter: ImageFailed = codec.decode(&record.value).await.expect("an ImageFailed");
        let source = letter.source.clone().expect("conveyor read whose image it is");
        assert_eq!(record.key.as_deref(), Some(source.image_id.to_string().as_bytes()), "the key is kept");
        assert_eq!(record.header("dlq_topic"), Some(Topic::Uploaded.name().as_bytes()));
        assert_eq!(record.header("dlq_reason"), Some(letter.reason.name().as_bytes()));
        assert_eq!(record.header("ce_type"), Some(ImageFailed::MESSAGE.as_bytes()));
        assert_eq!(record.traceparent(), Some(belt::TRACEPARENT), "the trace goes on");
        let original: ImageUploaded = codec.decode(&letter.original.value).await.expect("the whole record");
        assert_eq!(original.source.image_id, source.image_id);
        seen.push((source.image_id, letter.reason, record.header("dlq_attempts").map(<[u8]>::to_vec)));
    }
    seen.sort_by_key(|(id, ..)| *id != rejected);
    assert_eq!(seen[0], (rejected, Reason::Corrupt, Some(b"1".to_vec())));
    assert_eq!(seen[1], (panics, Reason::MessageMalformed, Some(b"3".to_vec())));
    belt.drain().await.expect("a panic of the handler does not end the belt");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_data_becomes_a_letter_and_holds_up_nobody_on_apache() {
    wrong_data_becomes_a_letter_and_holds_up_nobody(Kind::Apache).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_data_becomes_a_letter_and_holds_up_nobody_on_the_embedded_broker() {
    wrong_data_becomes_a_letter_and_holds_up_nobody(Kind::Embedded).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_come_and_go_lose_nothing() {
    let cluster = Cluster::start(Kind::Apache).await;
    let publisher = cluster.publisher();
    let script = Script::default();
    let first = cluster.belt("members", &script);
    let mut ids = belt::publish(&publisher, 300).await;
    let second = cluster.belt("members", &script);
    ids.extend(belt::publish(&publisher, 300).await);
    until("both members work", || second.is_ready()).await;
    ids.extend(belt::publish(&publisher, 300).await);
    first.drain().await.expect("drains");
    ids.extend(belt::publish(&publisher, 300).await);
    let third = cluster.belt("members", &script);
    // Dropped in the middle of its work.
    second.abort();
    ids.extend(belt::publish(&publisher, 300).await);
    until("every fact", || script.has_handled(&ids)).await;
    third.drain().await.expect("drains");
    let lag = cluster.lag("members").await;
    assert_eq!(lag, 0, "everything is committed");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_killed_comes_back_and_everything_goes_on() {
    let cluster = Cluster::start(Kind::Apache).await;
    let publisher = cluster.publisher();
    let script = Script::default();
    let belt = cluster.belt("killed", &script);
    let mut ids = belt::publish(&publisher, 100).await;
    until("the first facts", || script.has_handled(&ids)).await;

    let first_pid = cluster.kill_the_broker();
    until("the belt knows", || !belt.is_ready()).await;
    let (id, late) = fact();
    let sent = async {
        while publisher.publish(&late, &Headers::default()).await.is_err() {}
        ids.push(id);
    };
    belt::within(sent).await;
    ids.extend(belt::publish(&publisher, 100).await);
    until("every fact", || script.has_handled(&ids)).await;
    until("the belt knows", || belt.is_ready()).await;
    assert_ne!(cluster.broker.pid(), Some(first_pid), "it is another process");
    belt.drain().await.expect("drains");
    assert_eq!(cluster.lag("killed").await, 0);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_finishes_what_is_in_hand_and_leaves_what_is_retried() {
    let cluster = Cluster::start(Kind::Apache).await;
    let publisher = cluster.publisher();
    let ids = belt::publish(&publisher, 60).await;
    let script = Script::default().retry(ids[0], u32::MAX).slow(Duration::from_millis(300));
    let belt = cluster.belt("drain", &script);
    until("work in hand", || script.begun() >= 10).await;
    let started = Instant::now();
    belt.drain().await.expect("drains");
    assert!(started.elapsed() < Duration::from_secs(10), "took {:?}", started.elapsed());
    let in_hand = script.begun();
    assert_eq!(script.ended() + script.count(ids[0]), in_hand, "nothing in hand is dropped");

    let next = Script::default();
    let belt = cluster.belt("drain", &next);
    until("the rest", || ids.iter().all(|id| script.is_done(*id) || next.is_done(*id))).await;
    assert!(next.is_done(ids[0]), "what never ended is read again");
    belt.drain().await.expect("drains");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn back_pressure_bounds_what_is_in_hand() {
    let cluster = Cluster::start(Kind::Apache).await;
    let publisher = cluster.publisher();
    let ids = belt::publish_at_once(&publisher, MORE_THAN_IS_HELD).await;
    let script = Script::default().slow(Duration::from_millis(5));
    let belt = cluster.belt_with("pressure", &script, |limits| limits.in_flight_records_max = 4);
    until("every fact", || script.has_handled(&ids)).await;
    assert!(script.most_at_once() <= 4, "{} at once", script.most_at_once());
    assert!(script.most_at_once() >= 2, "it is not one by one either");
    assert!(belt::pauses("pressure") > 0, "it was never paused");
    belt.drain().await.expect("drains");
    assert_eq!(cluster.lag("pressure").await, 0);
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_that_was_revoked_while_paused_is_read_on_when_it_comes_back() {
    let cluster = Cluster::start(Kind::Apache).await;
    let publisher = cluster.publisher();
    let ids = belt::publish_at_once(&publisher, MORE_THAN_IS_HELD).await;
    let tight = |limits: &mut BeltArgs| (limits.in_flight_records_max, limits.belt_drain_secs) = (4, 1);
    let script = Script::default().shut();
    let first = cluster.belt_with("paused", &script, tight);
    until("a pause", || belt::pauses("paused") > 0).await;
    // The second member takes half of the paused partitions away and works on none of them.
    let idle = Script::default().shut();
    let second = cluster.belt_with("paused", &idle, tight);
    until("the second member has some", || idle.begun() > 0).await;
    // The first one goes on with its half, so that it is not paused any more when the other half comes back.
    script.open();
    until("most of one half", || script.ended() >= MORE_THAN_IS_HELD * 2 / 5).await;
    second.drain().await.expect("leaves");
    until("every fact", || script.has_handled(&ids)).await;
    first.drain().await.expect("drains");
    assert_eq!(cluster.lag("paused").await, 0, "everything is committed");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_sees_everything_once_and_a_range_is_read_again() {
    let cluster = Cluster::start(Kind::Apache).await;
    let publisher = cluster.publisher();
    let before: Watermarks =
        conveyor::tail::watermarks(&cluster.args, &[Topic::Uploaded]).await.expect("marks");
    let mut tail = cluster.tail(Topic::Uploaded, TailFrom::End).await;
    let ids = belt::publish(&publisher, 50).await;
    let mut seen = belt::take(&mut tail, 50).await;
    seen.sort();
    let mut wanted = ids.clone();
    wanted.sort();
    assert_eq!(seen, wanted);

    let after = conveyor::tail::watermarks(&cluster.args, &[Topic::Uploaded]).await.expect("marks");
    let mut range = Tail::range(&cluster.args, &before.high, &after.high).await.expect("a range");
    let mut again = belt::take(&mut range, 50).await;
    again.sort();
    assert_eq!(again, wanted);
    assert!(belt::within(range.next()).await.is_none(), "a range ends");
    assert_eq!(tail.epoch(), range.epoch());

    let beyond = after.high.iter().map(|(place, offset)| (*place, offset + 1000)).collect();
    let mut lost = cluster.tail(Topic::Uploaded, TailFrom::Offsets(beyond)).await;
    let told = belt::within(lost.next()).await.expect("an answer");
    assert!(matches!(told, Err(conveyor::TailError::OutOfRange)), "{told:?}");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tail_begins_at_what_was_published_a_while_ago_and_at_nothing_older() {
    let cluster = Cluster::start(Kind::Apache).await;
    let publisher = cluster.publisher();
    belt::publish(&publisher, 30).await;
    let before = Instant::now();
    until("the clock has moved on", || before.elapsed() > Duration::from_secs(2)).await;
    let begun = Instant::now();
    let mut wanted = belt::publish(&publisher, 5).await;
    let ago = TailFrom::Ago(begun.elapsed() + Duration::from_secs(1));
    let mut tail = cluster.tail(Topic::Uploaded, ago).await;
    let mut seen = belt::take(&mut tail, 5).await;
    seen.sort();
    wanted.sort();
    assert_eq!(seen, wanted);
    let mut pulse = tail.pulse();
    belt::within(pulse.wait_for(|pulse| *pulse == Pulse::Live)).await.expect("it is watched");
    cluster.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn provisioning_twice_is_once_and_an_epoch_is_as_long_as_the_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let broker = Broker::start(Kind::Apache, folder.path(), 0).await.expect("starts");
    let again = provision(&broker.client_args(), &TopicPlan::local()).await.expect("twice is once");
    assert_eq!((again.created.len(), again.existing.len()), (0, Topic::ALL.len()));
    let other = TopicPlan { partitions: 3, ..TopicPlan::local() };
    assert!(provision(&broker.client_args(), &other).await.is_err(), "partitions are never changed in place");
    let timeout = Duration::from_secs(10);
    let epochs = conveyor::epochs(&broker.client_args(), &Topic::ALL, timeout).await.expect("epochs");
    assert_ne!(epochs.of(Topic::Uploaded), epochs.of(Topic::Failed), "every topic has an id of its own");
    broker.stop().await;

    let broker = Broker::start(Kind::Apache, folder.path(), 0).await.expect("starts again");
    let same = conveyor::epochs(&broker.client_args(), &Topic::ALL, timeout).await.expect("epochs");
    assert_eq!(epochs, same, "the log is kept");
    let second = Broker::start(Kind::Apache, folder.path(), 0);
    let held = tokio::time::timeout(Duration::from_secs(60), second).await.expect("bounded");
    assert!(held.expect_err("one log has one broker").to_string().contains("another Kafka"));
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_small_facts_at_once_are_never_too_large_together() {
    let cluster = Cluster::start(Kind::Apache).await;
    let publisher: Publisher = cluster.publisher();
    let ids = belt::publish_at_once(&publisher, 3000).await;
    assert_eq!(ids.len(), 3000);
    cluster.stop().await;
}

/// Runs only as a child of the next test: starts a broker, says so, and waits to be killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_parent_that_waits_to_be_killed() {
    let Some(folder) = std::env::var_os("SAFELIGHT_TEST_PARENT").map(std::path::PathBuf::from) else {
        return;
    };
    let broker = Broker::start(Kind::Apache, &folder.join("kafka"), 0).await.expect("starts");
    let said = format!("{} {}", broker.pid().expect("a child"), broker.bootstrap);
    std::fs::write(folder.join("said.part"), said).expect("written");
    std::fs::rename(folder.join("said.part"), folder.join("said")).expect("renamed");
    std::future::pending::<()>().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_never_outlives_a_parent_that_is_killed_and_its_log_is_free_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut parent = std::process::Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "a_parent_that_waits_to_be_killed"])
        .env("SAFELIGHT_TEST_PARENT", folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .expect("spawned");
    until("the broker", || folder.path().join("said").is_file()).await;
    let said = std::fs::read_to_string(folder.path().join("said")).expect("said");
    let (pid, bootstrap) = said.split_once(' ').expect("two words");
    assert!(std::net::TcpStream::connect(bootstrap).is_ok());
    parent.kill().expect("killed with SIGKILL");
    parent.wait().expect("gone");
    until("the broker's end", || !belt::is_running(pid)).await;
    until("its port", || std::net::TcpStream::connect(bootstrap).is_err()).await;
    let broker = Broker::start(Kind::Apache, &folder.path().join("kafka"), 0).await.expect("starts again");
    broker.stop().await;
}
