//! Owns the life of a belt: learn the epochs, join the group, carry records until told to stop, leave within a deadline.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use anyhow::{Context, anyhow};
use proto::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::assignment::Assignment;
use crate::backoff::Backoff;
use crate::client::{self, CheckError};
use crate::committer::commit_all;
use crate::epoch::{EpochError, Epochs, epochs};
use crate::lag::{self, Stalls};
use crate::poll::Poller;
use crate::work::{InFlight, Workshop};
use crate::{BeltArgs, Handler, KafkaArgs, Publisher, metrics};

/// How long leaving the group may take beyond the drain before it is given up (librdkafka's close can hang: rust-rdkafka
/// #453, #509, #611).
const LEAVE_MAX: Duration = Duration::from_secs(8);
const EPOCH_MAX: Duration = Duration::from_secs(5);

/// What a belt carries, from where, and to whom.
#[derive(Debug)]
pub struct Belt<H> {
    /// The consumer group.
    pub group: String,
    /// The topics it reads.
    pub topics: Vec<Topic>,
    /// How Kafka is reached.
    pub kafka: KafkaArgs,
    /// How much is carried at once.
    pub limits: BeltArgs,
    /// Takes the dead letters.
    pub publisher: Publisher,
    /// Handles the records.
    pub handler: Arc<H>,
}

/// Carries every record of the topics to the handler, at least once, until `stop`; commits an offset only when every
/// record below it has ended.
///
/// `ready` hears whether records are being consumed, and why not. Returns after a bounded drain. Fails when Kafka refuses
/// us, and when only a restart can help: a fatal error of the client, or records that wait while nothing moves. Kafka
/// being away is waited for.
pub async fn run<H: Handler>(
    belt: Belt<H>,
    ready: impl Fn(bool, &str) + Send + Sync + 'static,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    metrics::begin_belt(&belt.group, &belt.topics);
    // If the caller drops this future, the thread ends too.
    let stop = stop.child_token();
    let _stop_when_dropped = stop.clone().drop_guard();
    let Some(epochs) = learn_epochs(&belt, &ready, &stop).await? else { return Ok(()) };
    let time_max = Duration::from_secs(belt.limits.belt_drain_secs) + LEAVE_MAX;
    let (tell_end, mut end) = tokio::sync::oneshot::channel();
    let (runtime, thread_stop) = (Handle::current(), stop.clone());
    std::thread::Builder::new()
        .name("conveyor-poll".into())
        .spawn(move || {
            let _ = tell_end.send(carry(&belt, epochs, &ready, (runtime, &thread_stop)));
        })
        .context("start the poll thread")?;
    tokio::select! {
        ended = &mut end => return ended.unwrap_or_else(|_| Err(anyhow!("the poll thread panicked"))),
        () = stop.cancelled() => {}
    }
    match tokio::time::timeout(time_max, end).await {
        Ok(ended) => ended.unwrap_or_else(|_| Err(anyhow!("the poll thread panicked"))),
        Err(_) => {
            tracing::warn!("leaving the group takes too long; the group will notice by itself");
            Ok(())
        }
    }
}

/// Waits until Kafka tells the epochs. None when told to stop meanwhile.
async fn learn_epochs<H>(
    belt: &Belt<H>,
    ready: &(impl Fn(bool, &str) + Send + Sync),
    stop: &CancellationToken,
) -> anyhow::Result<Option<Epochs>> {
    let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
    for attempt in 1.. {
        let asked = tokio::select! {
            () = stop.cancelled() => return Ok(None),
            asked = epochs(&belt.kafka, &belt.topics, EPOCH_MAX) => asked,
        };
        match asked {
            Ok(epochs) => return Ok(Some(epochs)),
            Err(error @ (EpochError::Invalid(_) | EpochError::Check(CheckError::Refused(_)))) => {
                return Err(error.into());
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                if attempt == 1 {
                    tracing::warn!(group = belt.group, "wait for Kafka: {error:#}");
                }
                ready(false, "Kafka does not answer, or the topics are missing");
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(backoff.wait(attempt)) => {}
        }
    }
    unreachable!("attempts are not counted to the end")
}

/// The poll thread, from joining the group to having left it.
fn carry<H: Handler>(
    belt: &Belt<H>,
    epochs: Epochs,
    ready: &(dyn Fn(bool, &str) + Send + Sync),
    (runtime, stop): (Handle, &CancellationToken),
) -> anyhow::Result<()> {
    let assignment = Assignment::default();
    let consumer = join(belt, assignment.clone())?;
    let workshop = Arc::new(Workshop {
        handler: Arc::clone(&belt.handler),
        publisher: belt.publisher.clone(),
        limits: belt.limits.clone(),
        assignment: assignment.clone(),
        in_flight: InFlight::default(),
        held: Mutex::default(),
        runtime,
        draining: CancellationToken::new(),
    });
    let stalls = Stalls::default();
    let ended = std::thread::scope(|scope| {
        let (lag_stop, lag_over) = mpsc::channel::<()>();
        let watched = (belt.group.as_str(), Duration::from_secs(belt.limits.stall_secs_max));
        let (consumer, stalls) = (&consumer, &stalls);
        scope.spawn(move || lag::watch(consumer, watched, stalls, &lag_over));
        let (commits, inbox) = mpsc::sync_channel(1);
        scope.spawn(move || commit_all(consumer, stalls, &inbox));
        let mut poller = Poller {
            group: &belt.group,
            kafka: &belt.kafka,
            topics: &belt.topics,
            consumer,
            workshop,
            epochs,
            stalls,
            commits,
            ready,
            said: None,
            paused: false,
        };
        let ended = poller.run(stop);
        // Both threads end when nobody speaks to them any more.
        drop((poller, lag_stop));
        ended
    });
    ready(false, "stopped");
    assignment.state().abandon_all();
    // Leaves the group, so that the others need not wait for our session to time out.
    drop(consumer);
    ended
}

fn join<H>(belt: &Belt<H>, assignment: Assignment) -> anyhow::Result<BaseConsumer<Assignment>> {
    let mut config = client::consumer(&belt.kafka, &belt.group)?;
    config.set("statistics.interval.ms", "2000");
    let consumer: BaseConsumer<Assignment> =
        config.create_with_context(assignment).context("make a Kafka consumer")?;
    let topics: Vec<&str> = belt.topics.iter().map(|topic| topic.name()).collect();
    consumer.subscribe(&topics).context("subscribe")?;
    Ok(consumer)
}
