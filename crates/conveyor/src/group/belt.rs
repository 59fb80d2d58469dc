//! Owns the life of a belt: learn the epochs, join the group, carry records until told to stop, leave within a deadline.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use anyhow::{Context, anyhow};
use proto::Topic;
use rdkafka::consumer::{BaseConsumer, Consumer};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::aside::Aside;
use super::assignment::Assignment;
use super::committer::commit_all;
use super::hand::Hand;
use super::lag::{Lookout, Stalls};
use super::poll::{Fenced, Poller};
use super::queue::Queue;
use super::work::Workshop;
use crate::backoff::Backoff;
use crate::client::{self, CheckError};
use crate::config::{BeltArgs, KafkaArgs};
use crate::epoch::{EpochError, Epochs, epochs};
use crate::handler::Handler;
use crate::metrics;
use crate::publish::Publisher;

/// How long leaving the group may take beyond the drain before it is given up (librdkafka's close can hang: rust-rdkafka
/// #453, #509, #611).
const LEAVE_MAX: Duration = Duration::from_secs(8);
const EPOCH_MAX: Duration = Duration::from_secs(5);
/// How often in a row our place in the group may be taken by another.
const FENCES_MAX: u32 = 5;
/// A place that was kept so long is nobody else's.
const FENCE_FORGOTTEN: Duration = Duration::from_secs(60);

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
/// being away is waited for, and a place in the group that another took is taken again, some times in a row.
pub async fn run<H: Handler>(
    belt: Belt<H>,
    ready: impl Fn(bool, &str) + Send + Sync + 'static,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    metrics::begin_belt(&belt.group, &belt.topics);
    // If the caller drops this future, the thread ends too.
    let stop = stop.child_token();
    let _stop_when_dropped = stop.clone().drop_guard();
    let tour = Arc::new(Tour { belt, ready, runtime: Handle::current(), stop });
    let mut fences = Fences::default();
    loop {
        let Some(epochs) = learn_epochs(&tour.belt, &tour.ready, &tour.stop).await? else { return Ok(()) };
        let began = Instant::now();
        let ended = go(&tour, epochs).await;
        let Some(wait) = fences.wait(&ended, began.elapsed()) else { return ended };
        tracing::warn!(group = tour.belt.group, "another took our place in the group; take it again");
        tokio::select! {
            () = tour.stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Goes on one tour, on a thread of its own.
async fn go<H: Handler, R: Fn(bool, &str) + Send + Sync + 'static>(
    tour: &Arc<Tour<H, R>>,
    epochs: Epochs,
) -> anyhow::Result<()> {
    let times = Times { drain: Duration::from_secs(tour.belt.limits.belt_drain_secs), leave: LEAVE_MAX };
    let ((tell_end, end), (tell_left, left)) = (oneshot::channel(), oneshot::channel());
    let this = Arc::clone(tour);
    std::thread::Builder::new()
        .name("conveyor-poll".into())
        .spawn(move || {
            this.carry(epochs, tell_end);
            let _ = tell_left.send(());
        })
        .context("start the poll thread")?;
    outcome(end, left, &tour.stop, times).await
}

/// How often in a row our place in the group was taken. A broker that was frozen hears at once every request to join that
/// waited meanwhile, takes each for a newcomer in the same place, and throws out all but the last: that one may be of a
/// connection that we gave up. Whoever is thrown out comes back; two that really share a place would go on for ever.
#[derive(Default)]
struct Fences {
    in_a_row: u32,
}

impl Fences {
    /// Returns how long to wait before the next tour after one that lasted `lasted`; none if it ended for another reason,
    /// or if this does not end.
    fn wait(&mut self, ended: &anyhow::Result<()>, lasted: Duration) -> Option<Duration> {
        ended.as_ref().err().filter(|error| error.is::<Fenced>())?;
        if lasted >= FENCE_FORGOTTEN {
            self.in_a_row = 0;
        }
        self.in_a_row += 1;
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(2));
        (self.in_a_row <= FENCES_MAX).then(|| backoff.wait(self.in_a_row))
    }
}

/// How long the end of a belt may take.
#[derive(Clone, Copy)]
struct Times {
    drain: Duration,
    leave: Duration,
}

/// Waits for what the belt came to, and then, a bounded time, for the thread to have left the group. A failure is heard
/// of even if the leaving hangs.
async fn outcome(
    mut end: oneshot::Receiver<anyhow::Result<()>>,
    left: oneshot::Receiver<()>,
    stop: &CancellationToken,
    times: Times,
) -> anyhow::Result<()> {
    let (ended, deadline) = tokio::select! {
        biased;
        ended = &mut end => (ended, Instant::now() + times.leave),
        () = stop.cancelled() => {
            let deadline = Instant::now() + times.drain + times.leave;
            let ended = tokio::time::timeout_at(deadline, &mut end).await;
            (ended.unwrap_or(Ok(Ok(()))), deadline)
        }
    };
    let ended = ended.unwrap_or_else(|_| Err(anyhow!("the poll thread panicked")));
    if tokio::time::timeout_at(deadline, left).await.is_err() {
        tracing::warn!("leaving the group takes too long; the group will notice by itself");
    }
    ended
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
            Err(EpochError::Check(refused @ CheckError::Refused(_))) => return Err(refused.into()),
            Err(error @ EpochError::Invalid(_)) => return Err(error.into()),
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

/// One tour of the poll thread, from joining the group to having left it. May be gone on again.
struct Tour<H, R> {
    belt: Belt<H>,
    ready: R,
    runtime: Handle,
    stop: CancellationToken,
}

impl<H: Handler, R: Fn(bool, &str) + Send + Sync> Tour<H, R> {
    /// Tells what it came to before it leaves, which can hang.
    fn carry(&self, epochs: Epochs, tell_end: oneshot::Sender<anyhow::Result<()>>) {
        let assignment = Assignment::default();
        let consumer = match join(&self.belt, assignment.clone()) {
            Ok(consumer) => consumer,
            Err(error) => return drop(tell_end.send(Err(error))),
        };
        let stalls = Stalls::default();
        std::thread::scope(|scope| {
            let (lag_stop, lag_over) = mpsc::channel::<()>();
            let stall_max = Duration::from_secs(self.belt.limits.stall_secs_max);
            let (consumer, stalls) = (&consumer, &stalls);
            let lookout = Lookout { group: &self.belt.group, consumer, stalls, stall_max };
            scope.spawn(move || lookout.watch(&lag_over));
            let (commits, inbox) = mpsc::sync_channel(1);
            scope.spawn(move || commit_all(consumer, stalls, &inbox));
            let mut poller = Poller {
                group: &self.belt.group,
                kafka: &self.belt.kafka,
                topics: &self.belt.topics,
                consumer,
                workshop: self.workshop(assignment.clone()),
                epochs,
                stalls,
                commits,
                ready: &self.ready,
                said: None,
                paused: false,
                read: BTreeSet::new(),
            };
            let ended = poller.run(&self.stop);
            (self.ready)(false, "stopped");
            assignment.state().abandon_all();
            let _ = tell_end.send(ended);
            // Both threads end when nobody speaks to them any more and what they ask of the brokers is answered.
            drop((poller, lag_stop));
        });
        // Leaves the group, so that the others need not wait for our session to time out.
        drop(consumer);
    }

    fn workshop(&self, assignment: Assignment) -> Arc<Workshop<H>> {
        let Belt { group, limits, publisher, handler, .. } = &self.belt;
        Arc::new(Workshop {
            handler: Arc::clone(handler),
            publisher: publisher.clone(),
            limits: limits.clone(),
            assignment,
            hand: Arc::new(Hand::new(limits)),
            queue: Mutex::new(Queue::default()),
            aside: Aside::new(group, limits.set_aside_records_max),
            runtime: self.runtime.clone(),
            draining: CancellationToken::new(),
        })
    }
}

fn join<H>(belt: &Belt<H>, assignment: Assignment) -> anyhow::Result<BaseConsumer<Assignment>> {
    let mut config = client::consumer(&belt.kafka, &belt.group)?;
    config.set("statistics.interval.ms", "2000");
    if let Some(id) = &belt.kafka.group_instance_id {
        config.set("group.instance.id", id);
    }
    let consumer: BaseConsumer<Assignment> =
        config.create_with_context(assignment).context("make a Kafka consumer")?;
    let topics: Vec<&str> = belt.topics.iter().map(|topic| topic.name()).collect();
    consumer.subscribe(&topics).context("subscribe")?;
    Ok(consumer)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT_ONCE: Times = Times { drain: Duration::ZERO, leave: Duration::from_millis(20) };

    #[tokio::test]
    async fn a_failure_is_heard_of_though_the_thread_never_leaves() {
        let ((tell_end, end), (_never, left)) = (oneshot::channel(), oneshot::channel());
        tell_end.send(Err(anyhow!("stuck"))).unwrap();
        let ended = outcome(end, left, &CancellationToken::new(), AT_ONCE).await;
        assert_eq!(ended.unwrap_err().to_string(), "stuck");
    }

    #[test]
    fn a_place_that_is_taken_again_and_again_is_given_up_and_no_other_end_is_a_fence() {
        let fenced = || Err(anyhow::Error::from(Fenced));
        let mut fences = Fences::default();
        for lasted in [0; FENCES_MAX as usize] {
            assert!(fences.wait(&fenced(), Duration::from_secs(lasted)).is_some());
        }
        assert_eq!(fences.wait(&fenced(), Duration::ZERO), None, "two share the place");
        assert!(fences.wait(&fenced(), FENCE_FORGOTTEN).is_some(), "what was kept for long is a new story");
        assert_eq!(fences.wait(&Err(anyhow!("stuck")), FENCE_FORGOTTEN), None);
        assert_eq!(fences.wait(&Ok(()), FENCE_FORGOTTEN), None);
    }

    #[tokio::test]
    async fn a_stop_ends_though_the_drain_never_does_and_a_panic_is_a_failure() {
        let ((_never_ended, end), (_never, left)) = (oneshot::channel(), oneshot::channel());
        let stop = CancellationToken::new();
        stop.cancel();
        outcome(end, left, &stop, AT_ONCE).await.unwrap();

        let ((tell_end, end), (tell_left, left)) = (oneshot::channel(), oneshot::channel());
        drop((tell_end, tell_left));
        let ended = outcome(end, left, &CancellationToken::new(), AT_ONCE).await;
        assert_eq!(ended.unwrap_err().to_string(), "the poll thread panicked");
    }
}
