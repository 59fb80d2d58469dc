//! Owns the look from outside: asks the brokers how far each of our partitions goes, for the lag gauge and the watchdog.
//! Runs on a thread of its own, because asking blocks, and through the client but past its fetcher, because a fetcher
//! that is stuck knows of no lag.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::assignment::{Assignment, partition_list, place_of};
use crate::watchdog::{Sighting, Watchdog};
use crate::{Place, metrics};

const LOOK_EVERY: Duration = Duration::from_secs(5);
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// What the lag thread tells the poll thread.
#[derive(Default)]
pub(crate) struct Stalls {
    stuck: Mutex<Option<Place>>,
    lost: AtomicBool,
}

impl Stalls {
    pub(crate) fn stuck(&self) -> Option<Place> {
        *self.stuck.lock().expect("no holder panics")
    }

    pub(crate) fn kafka_lost(&self) {
        self.lost.store(true, Ordering::Relaxed);
    }

    pub(crate) fn kafka_answered(&self) {
        self.lost.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_kafka_lost(&self) -> bool {
        self.lost.load(Ordering::Relaxed)
    }
}

/// Looks every few seconds until the sender of `stop` is dropped.
pub(crate) fn watch(
    consumer: &BaseConsumer<Assignment>,
    (group, stall_max): (&str, Duration),
    stalls: &Stalls,
    stop: &Receiver<()>,
) {
    let mut dog = Watchdog::new(stall_max);
    let is_over = |wait| !matches!(stop.recv_timeout(wait), Err(RecvTimeoutError::Timeout));
    let wait = || if stalls.is_kafka_lost() { ANSWER_MAX } else { LOOK_EVERY };
    while !is_over(wait()) {
        let ours: Vec<Place> = consumer.context().state().lanes.keys().copied().collect();
        dog.keep(|place| ours.contains(place));
        let committed = committed_offsets(consumer, &ours);
        for (place, committed) in ours.into_iter().zip(committed) {
            // One that does not answer nearly always means that none does: the next look tries again.
            let Ok((low, high)) = consumer.fetch_watermarks(place.0.name(), place.1, ANSWER_MAX) else {
                break;
            };
            if is_over(Duration::ZERO) {
                return;
            }
            stalls.kafka_answered();
            metrics::lag(group, place, (high - committed.unwrap_or(low).max(low)).max(0));
            if let Some(seen) = sighting(consumer.context(), place, (low, high))
                && dog.is_stuck(place, seen, Instant::now())
            {
                tracing::error!(kafka.topic = place.0.name(), kafka.partition = place.1, "stuck: {seen:?}");
                *stalls.stuck.lock().expect("no holder panics") = Some(place);
            }
        }
    }
}

/// Returns how far the group has committed each place, in order, where it has.
fn committed_offsets(consumer: &BaseConsumer<Assignment>, places: &[Place]) -> Vec<Option<i64>> {
    let list = partition_list(places.iter().copied());
    let Ok(answer) = consumer.committed_offsets(list, ANSWER_MAX) else { return vec![None; places.len()] };
    let elements = answer.elements();
    let of = |place: &Place| {
        let element = elements.iter().find(|element| place_of(element) == Some(*place))?;
        element.offset().to_raw().filter(|offset| *offset >= 0)
    };
    places.iter().map(of).collect()
}

/// Returns what is seen of a place; none while the client has not said how far it fetches, or it is no longer ours.
fn sighting(assignment: &Assignment, place: Place, (low, high): (i64, i64)) -> Option<Sighting> {
    let state = assignment.state();
    let lane = state.lanes.get(&place)?;
    let (next, queued) = lane.fetching?;
    let delivered = state.ledger.window(place)?.end();
    // Before the first fetch the client's offset is a negative word for "begin" or "unknown".
    Some(Sighting { high, next: next.max(low), queued, delivered, paused: lane.paused })
}
