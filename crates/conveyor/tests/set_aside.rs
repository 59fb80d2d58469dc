//! Records that fail for as long as their corner of the world is wrong, beside records that are fine: on librdkafka's own
//! broker, with a hand for few.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use conveyor::{Belt, BeltArgs, Fault, Handler, KafkaArgs, Publisher, Record};
use proto::{Codec, Topic};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PARTITIONS: i32 = 2;
const PATIENCE: Duration = Duration::from_secs(90);
const HAND: usize = 4;

/// Refuses what says `bad` for as long as the world is wrong.
#[derive(Clone, Default)]
struct World {
    is_wrong: Arc<AtomicBool>,
    tries: Arc<Mutex<BTreeMap<String, u32>>>,
    ended: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Handler for World {
    async fn handle(&self, record: &Record) -> Result<(), Fault> {
        let name = String::from_utf8_lossy(&record.value).into_owned();
        *self.tries.lock().expect("whole").entry(name.clone()).or_default() += 1;
        if name.starts_with("bad") && self.is_wrong.load(Ordering::SeqCst) {
            return Err(Fault::retry(std::io::Error::other("403 for this object")));
        }
        *self.ended.lock().expect("whole").entry(name).or_default() += 1;
        Ok(())
    }
}

impl World {
    fn wrong() -> World {
        let world = World::default();
        world.is_wrong.store(true, Ordering::SeqCst);
        world
    }

    fn mend(&self) {
        self.is_wrong.store(false, Ordering::SeqCst);
    }

    fn has_ended(&self, word: &str) -> usize {
        self.ended.lock().expect("whole").keys().filter(|name| name.starts_with(word)).count()
    }
}

struct Street {
    cluster: MockCluster<'static, DefaultProducerContext>,
    kafka: KafkaArgs,
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    async fn drain(self) {
        self.stop.cancel();
        self.task.await.expect("the belt does not panic").expect("it drains");
    }
}

impl Street {
    fn new() -> Street {
        let cluster = MockCluster::new(1).expect("a broker");
        cluster.create_topic(Topic::Uploaded.name(), PARTITIONS, 1).expect("a topic");
        let servers = cluster.bootstrap_servers();
        let kafka = KafkaArgs { epoch: Some("e".into()), fetch_wait_ms: 5, ..KafkaArgs::plaintext(servers) };
        Street { cluster, kafka }
    }

    /// Appends records of these names to one partition.
    fn publish(&self, partition: i32, word: &str, count: usize) {
        let mut config = ClientConfig::new();
        let producer: BaseProducer =
            config.set("bootstrap.servers", self.cluster.bootstrap_servers()).create().expect("a producer");
        for number in 0..count {
            let value = format!("{word}-{partition}-{number}");
            let record = BaseRecord::<(), _>::to(Topic::Uploaded.name()).partition(partition).payload(&value);
            producer.send(record).map_err(|(error, _)| error).expect("there is room");
        }
        producer.flush(Duration::from_secs(20)).expect("acknowledged");
    }

    fn belt(&self, group: &str, world: &World, limits: BeltArgs) -> Running {
        let codec = Codec::new("http://127.0.0.1:1", Duration::from_secs(1)).expect("a codec");
        let belt = Belt {
            group: group.to_owned(),
            topics: vec![Topic::Uploaded],
            limits,
            publisher: Publisher::open(&self.kafka, Arc::new(codec)).expect("a publisher"),
            handler: Arc::new(world.clone()),
            kafka: self.kafka.clone(),
        };
        let stop = CancellationToken::new();
        Running { task: tokio::spawn(conveyor::run(belt, |_, _| (), stop.clone())), stop }
    }

    /// Where the group stands in each partition.
    fn committed(&self, group: &str) -> Vec<Option<i64>> {
        let mut config = ClientConfig::new();
        let servers = self.cluster.bootstrap_servers();
        let asker: BaseConsumer =
            config.set("bootstrap.servers", servers).set("group.id", group).create().expect("a client");
        let mut list = TopicPartitionList::new();
        list.add_partition_range(Topic::Uploaded.name(), 0, PARTITIONS - 1);
        let answer = asker.committed_offsets(list, Duration::from_secs(10)).expect("an answer");
        let offset = |partition| match answer.find_partition(Topic::Uploaded.name(), partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        (0..PARTITIONS).map(offset).collect()
    }
}

fn few() -> BeltArgs {
    BeltArgs { in_flight_records_max: HAND, ..BeltArgs::default() }
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_for_ever_is_set_aside_and_what_is_fine_goes_on() {
    let (street, world) = (Street::new(), World::wrong());
    street.publish(0, "bad", 3 * HAND);
    street.publish(1, "good", 50);
    street.publish(0, "good", 50);
    let belt = street.belt("aside", &world, few());
    until("all that is fine is done", || world.has_ended("good") == 100).await;
    until("the partition without failures is committed", || street.committed("aside")[1] == Some(50)).await;
    assert_eq!(world.has_ended("bad"), 0);
    let committed = street.committed("aside")[0];
    assert!(committed.unwrap_or(0) == 0, "{committed:?}: nothing above a record that has not ended");
    world.mend();
    until("what was set aside is tried again", || world.has_ended("bad") == 3 * HAND).await;
    belt.drain().await;
    assert_eq!(street.committed("aside"), [Some(3 * HAND as i64 + 50), Some(50)]);
    assert!(world.ended.lock().expect("whole").values().all(|times| *times == 1), "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_set_aside_is_the_next_members() {
    let (street, world) = (Street::new(), World::wrong());
    street.publish(0, "bad", 2 * HAND);
    street.publish(0, "good", 10);
    let belt = street.belt("next", &world, few());
    until("what is fine is done", || world.has_ended("good") == 10).await;
    // A drain waits for what is in hand, and nothing of this is.
    let draining = Instant::now();
    belt.drain().await;
    assert!(draining.elapsed() < Duration::from_secs(15), "{:?}", draining.elapsed());
    world.mend();
    let next = street.belt("next", &world, few());
    until("the next member does it", || world.has_ended("bad") == 2 * HAND).await;
    next.drain().await;
    assert_eq!(street.committed("next")[0], Some(2 * HAND as i64 + 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_no_room_aside_no_more_is_taken_in_hand() {
    let (street, world) = (Street::new(), World::wrong());
    street.publish(0, "bad", 4 * HAND);
    let belt = street.belt("full", &world, BeltArgs { set_aside_records_max: HAND, ..few() });
    let tried = || world.tries.lock().expect("whole").clone();
    until("those in hand keep on", || tried().values().filter(|tries| **tries > 6).count() >= HAND).await;
    assert_eq!(tried().len(), 2 * HAND, "as many aside, as many in hand: {:?}", tried());
    world.mend();
    until("all of it ends", || world.has_ended("bad") == 4 * HAND).await;
    belt.drain().await;
}
