//! A cluster with a registry, a scripted handler, and waiting for conditions.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use anyhow::anyhow;
use conveyor::{
    Belt, BeltArgs, Fault, Handler, Headers, KafkaArgs, Publisher, Record, Tail, TailFrom, TailOf,
};
use futures::future::try_join_all;
use proto::{
    Channel, ClaimCheck, Codec, CustomerId, Format, ImageId, ImageUploaded, ObjectKey, Picture, Reason,
    Recipe, Sha256, Source, Topic, UnixMillis,
};
use rdkafka::consumer::{BaseConsumer, Consumer};
use standins::kafka::{Broker, Kind};
use standins::registry::Registry;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(90);
/// What this process counts, from before the first belt on.
static METRICS: LazyLock<chassis::MetricsPage> = LazyLock::new(chassis::init_metrics);
pub(crate) const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Waits until the condition holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited too long for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for the future.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("within the test's patience")
}

/// Says whether the process runs; one that nobody has reaped yet does not.
pub(crate) fn is_running(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit(')').next().and_then(|rest| rest.trim().chars().next()).is_some_and(|state| state != 'Z')
}

/// Returns how often partitions of the group were paused by belts of this process.
pub(crate) fn pauses(group: &str) -> u64 {
    let line = format!("safelight_conveyor_pauses_total{{group=\"{group}\"}} ");
    let page = METRICS.render();
    let count = page.lines().find_map(|text| text.strip_prefix(&line));
    count.map_or(0, |count| count.parse().expect("a count"))
}

/// A broker, a registry, and a folder that goes with them.
pub(crate) struct Cluster {
    pub(crate) broker: Broker,
    pub(crate) args: KafkaArgs,
    codec: Arc<Codec>,
    _folder: tempfile::TempDir,
}

impl Cluster {
    pub(crate) async fn start(kind: Kind) -> Cluster {
        LazyLock::force(&METRICS);
        let folder = tempfile::tempdir().expect("a folder");
        let broker = Broker::start(kind, &folder.path().join("kafka"), 0).await.expect("the broker starts");
        let codec = Arc::new(start_registry(&folder.path().join("registry.sqlite")).await);
        Cluster { args: broker.client_args(), broker, codec, _folder: folder }
    }

    pub(crate) async fn stop(self) {
        self.broker.stop().await;
    }

    pub(crate) async fn tail(&self, topic: Topic, from: TailFrom) -> Tail {
        let (kafka, topics, stall_max) = (&self.args, &[topic], PATIENCE);
        Tail::open(TailOf { kafka, topics, name: "test", stall_max }, from).await.expect("a tail")
    }

    pub(crate) fn publisher(&self) -> Publisher {
        Publisher::open(&self.args, Arc::clone(&self.codec)).expect("a publisher")
    }

    pub(crate) fn belt(&self, group: &str, script: &Script) -> Running {
        self.belt_with(group, script, |_| ())
    }

    pub(crate) fn belt_with(&self, group: &str, script: &Script, change: impl Fn(&mut BeltArgs)) -> Running {
        let mut limits = BeltArgs::default();
        change(&mut limits);
        let handler = Scripted { script: script.clone(), codec: Arc::clone(&self.codec) };
        let belt = Belt {
            group: group.to_owned(),
            topics: vec![Topic::Uploaded],
            kafka: self.args.clone(),
            limits,
            publisher: self.publisher(),
            handler: Arc::new(handler),
        };
        let (stop, ready) = (CancellationToken::new(), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&ready);
        let tell = move |is_up: bool, _: &str| told.store(is_up, Ordering::SeqCst);
        let task = tokio::spawn(conveyor::run(belt, tell, stop.clone()));
        Running { stop, ready, task }
    }

    /// Kills the broker's process and returns its id.
    pub(crate) fn kill_the_broker(&self) -> u32 {
        let pid = self.broker.pid().expect("a child");
        let raw = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("not zero");
        rustix::process::kill_process(raw, rustix::process::Signal::KILL).expect("killed");
        pid
    }

    /// Returns how many records the group has not committed.
    pub(crate) async fn lag(&self, group: &str) -> i64 {
        let marks = conveyor::tail::watermarks(&self.args, &[Topic::Uploaded]).await.expect("marks");
        let (mut config, group) = (self.args.client_config().expect("settings"), group.to_owned());
        let committed = tokio::task::spawn_blocking(move || {
            let asker: BaseConsumer = config.set("group.id", group).create().expect("a client");
            let mut list = rdkafka::TopicPartitionList::new();
            for (topic, partition) in marks.high.keys() {
                list.add_partition(topic.name(), *partition);
            }
            let answer = asker.committed_offsets(list, Duration::from_secs(10)).expect("an answer");
            let lag = |(place, high): (&(Topic, i32), &i64)| {
                let element = answer.find_partition(place.0.name(), place.1)?;
                Some(high - element.offset().to_raw().filter(|offset| *offset >= 0).unwrap_or(0))
            };
            marks.high.iter().filter_map(lag).sum()
        });
        committed.await.expect("asked")
    }
}

async fn start_registry(file: &Path) -> Codec {
    let router = Registry::open(file).expect("the registry opens").router();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, router).await });
    Codec::new(&url, Duration::from_secs(5)).expect("a codec")
}

/// A belt in this process.
pub(crate) struct Running {
    stop: CancellationToken,
    ready: Arc<AtomicBool>,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::SeqCst)
    }

    pub(crate) async fn drain(self) -> anyhow::Result<()> {
        self.stop.cancel();
        within(self.task).await.expect("the belt does not panic")
    }

    pub(crate) fn abort(self) {
        self.task.abort();
    }
}

/// What the handler does with which image, and what it has done.
#[derive(Clone, Default)]
pub(crate) struct Script(Arc<State>);

#[derive(Default)]
struct State {
    acts: Mutex<HashMap<ImageId, Act>>,
    tries: Mutex<HashMap<ImageId, usize>>,
    done: Mutex<HashMap<ImageId, usize>>,
    slow: Mutex<Duration>,
    shut: AtomicBool,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
}

#[derive(Clone, Copy)]
enum Act {
    Reject,
    Retry(u32),
    Panic,
}

impl Script {
    pub(crate) fn reject(self, id: ImageId) -> Script {
        self.play(id, Act::Reject)
    }

    pub(crate) fn retry(self, id: ImageId, times: u32) -> Script {
        self.play(id, Act::Retry(times))
    }

    pub(crate) fn panic(self, id: ImageId) -> Script {
        self.play(id, Act::Panic)
    }

    pub(crate) fn slow(self, each: Duration) -> Script {
        *self.0.slow.lock().expect("whole") = each;
        self
    }

    /// Lets nobody through until it is opened.
    pub(crate) fn shut(self) -> Script {
        self.0.shut.store(true, Ordering::SeqCst);
        self
    }

    pub(crate) fn open(&self) {
        self.0.shut.store(false, Ordering::SeqCst);
    }

    fn play(self, id: ImageId, act: Act) -> Script {
        self.0.acts.lock().expect("whole").insert(id, act);
        self
    }

    /// Returns how often the image was tried.
    pub(crate) fn count(&self, id: ImageId) -> usize {
        self.0.tries.lock().expect("whole").get(&id).copied().unwrap_or(0)
    }

    pub(crate) fn is_done(&self, id: ImageId) -> bool {
        self.0.done.lock().expect("whole").contains_key(&id)
    }

    pub(crate) fn has_handled(&self, ids: &[ImageId]) -> bool {
        ids.iter().all(|id| self.is_done(*id))
    }

    pub(crate) fn begun(&self) -> usize {
        self.0.tries.lock().expect("whole").values().sum()
    }

    pub(crate) fn ended(&self) -> usize {
        self.0.done.lock().expect("whole").values().sum()
    }

    pub(crate) fn most_at_once(&self) -> usize {
        self.0.most_at_once.load(Ordering::SeqCst)
    }
}

struct Scripted {
    script: Script,
    codec: Arc<Codec>,
}

impl Handler for Scripted {
    async fn handle(&self, record: &Record) -> Result<(), Fault> {
        let state = &self.script.0;
        let uploaded: ImageUploaded = self.codec.decode(&record.value).await?;
        let id = uploaded.source.image_id;
        assert_eq!(record.key.as_deref(), Some(id.to_string().as_bytes()));
        *state.tries.lock().expect("whole").entry(id).or_default() += 1;
        let act = state.acts.lock().expect("whole").get(&id).copied();
        match act {
            Some(Act::Reject) => return Err(Fault::reject(Reason::Corrupt, "as the script says")),
            Some(Act::Retry(times)) if record.attempts <= times => {
                return Err(Fault::Retry(anyhow!("as the script says")));
            }
            Some(Act::Panic) => panic!("as the script says"),
            _ => {}
        }
        let now = state.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        state.most_at_once.fetch_max(now, Ordering::SeqCst);
        let slow = *state.slow.lock().expect("whole");
        tokio::time::sleep(slow).await;
        while state.shut.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        state.at_once.fetch_sub(1, Ordering::SeqCst);
        *state.done.lock().expect("whole").entry(id).or_default() += 1;
        Ok(())
    }
}

/// Publishes so many facts, one after the other, and returns their images.
pub(crate) async fn publish(publisher: &Publisher, count: usize) -> Vec<ImageId> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let (id, uploaded) = fact();
        publisher.publish(&uploaded, &Headers::traced(Some(TRACEPARENT))).await.expect("acknowledged");
        ids.push(id);
    }
    ids
}

/// Publishes so many facts all at once.
pub(crate) async fn publish_at_once(publisher: &Publisher, count: usize) -> Vec<ImageId> {
    let headers = Headers::default();
    let sends = (0..count).map(|_| async {
        let (id, uploaded) = fact();
        publisher.publish(&uploaded, &headers).await.map(|_| id)
    });
    try_join_all(sends).await.expect("all acknowledged")
}

/// Reads so many records and returns their images.
pub(crate) async fn take(tail: &mut Tail, count: usize) -> Vec<ImageId> {
    let mut ids = Vec::new();
    while ids.len() < count {
        let record = within(tail.next()).await.expect("more").expect("good");
        let key = record.key.expect("a key");
        ids.push(std::str::from_utf8(&key).expect("text").parse().expect("an image id"));
    }
    ids
}

/// Returns a new image and the fact that it was uploaded.
pub(crate) fn fact() -> (ImageId, ImageUploaded) {
    let (id, customer) = (ImageId::mint(), CustomerId::parse("acme").expect("an id"));
    let original = ClaimCheck {
        bucket: "originals".into(),
        key: ObjectKey::original(&customer, id),
        version: None,
        etag: "\"e\"".into(),
        bytes: 3,
        sha256: Sha256::of(b"abc"),
    };
    let source = Source {
        image_id: id,
        customer_id: customer,
        original,
        channel: Channel::Api,
        filename: None,
        picture: Some(Picture { format: Format::Jpeg, width: 1, height: 1 }),
        recipe: Recipe::default_recipe().id(),
        uploaded_at: id.uploaded_at(),
        expires_at: UnixMillis(id.uploaded_at().0 + 604_800_000),
    };
    (id, ImageUploaded { source, attempt: 0 })
}
