//! Owns the look from outside: asks the brokers how far each of our partitions goes, for the lag gauge and the watchdog.
//! Runs on a thread of its own, because asking blocks, and through the client but past its fetcher, because a fetcher
//! that is stuck knows of no lag.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::assignment::Assignment;
use crate::ends::{End, ends};
use crate::metrics;
use crate::places::{partition_list, place_of};
use crate::record::Place;
use crate::watchdog::{Sighting, Watchdog};

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

/// Who looks, and what for.
pub(crate) struct Lookout<'a> {
    pub(crate) group: &'a str,
    pub(crate) consumer: &'a BaseConsumer<Assignment>,
    pub(crate) stalls: &'a Stalls,
    /// How long records may wait while nothing moves.
    pub(crate) stall_max: Duration,
}

/// How far a partition's log goes.
#[derive(Clone, Copy)]
struct Extent {
    low: i64,
    high: i64,
}

impl Lookout<'_> {
    /// Looks every few seconds until the sender of `stop` is dropped.
    pub(crate) fn watch(&self, stop: &Receiver<()>) {
        let mut dog = Watchdog::new(self.stall_max);
        let is_over = |wait| !matches!(stop.recv_timeout(wait), Err(RecvTimeoutError::Timeout));
        let wait = || if self.stalls.is_kafka_lost() { ANSWER_MAX } else { LOOK_EVERY };
        let mut shown = Shown::default();
        while !is_over(wait()) {
            let ours: Vec<Place> = self.consumer.context().state().lanes.keys().copied().collect();
            dog.keep(|place| ours.contains(place));
            shown.take_lost(&ours).for_each(|place| metrics::lag(self.group, place, 0));
            let committed = committed_offsets(self.consumer, &ours);
            let Some(extents) = extents(self.consumer, &ours) else { continue };
            if !extents.is_empty() {
                self.stalls.kafka_answered();
            }
            for (at, place) in ours.into_iter().enumerate() {
                let Some(extent) = extents.get(&place).copied() else { continue };
                if let Some(committed) = &committed {
                    metrics::lag(self.group, place, lag(committed[at], extent));
                    shown.0.insert(place);
                }
                self.look_for_a_stall(&mut dog, place, extent);
            }
        }
    }

    fn look_for_a_stall(&self, dog: &mut Watchdog<Place>, place: Place, extent: Extent) {
        if let Some(seen) = sighting(self.consumer.context(), place, extent)
            && dog.is_stuck(place, seen, Instant::now())
        {
            tracing::error!(kafka.topic = place.0.name(), kafka.partition = place.1, "stuck: {seen:?}");
            *self.stalls.stuck.lock().expect("no holder panics") = Some(place);
        }
    }
}

/// The places whose lag is shown. What is shown of one that went to another member would stay as it is for ever, and an
/// alert with it.
#[derive(Default)]
struct Shown(BTreeSet<Place>);

impl Shown {
    /// Takes out those that are no longer ours.
    fn take_lost(&mut self, ours: &[Place]) -> impl Iterator<Item = Place> + use<> {
        let (kept, lost) = std::mem::take(&mut self.0).into_iter().partition(|place| ours.contains(place));
        self.0 = kept;
        BTreeSet::into_iter(lost)
    }
}

/// Returns how many records are not committed. What was never committed is read from the log's beginning, and so is a log
/// that does not reach to what was committed: it is another one.
fn lag(committed: Option<i64>, Extent { low, high }: Extent) -> i64 {
    let committed = committed.filter(|committed| (low..=high).contains(committed));
    high - committed.unwrap_or(low)
}

/// Returns how far the logs go, as far as their brokers know; none when nobody answers.
fn extents(consumer: &BaseConsumer<Assignment>, places: &[Place]) -> Option<BTreeMap<Place, Extent>> {
    let of = |end| ends(consumer, places, end, ANSWER_MAX).ok();
    let (lows, highs) = (of(End::First)?, of(End::Next)?);
    let extent =
        |(place, low): (&Place, &i64)| Some((*place, Extent { low: *low, high: *highs.get(place)? }));
    Some(lows.iter().filter_map(extent).collect())
}

/// Returns how far the group has committed each place, in order, where it has; none when nobody answers.
fn committed_offsets(consumer: &BaseConsumer<Assignment>, places: &[Place]) -> Option<Vec<Option<i64>>> {
    let list = partition_list(places.iter().copied());
    let answer = consumer.committed_offsets(list, ANSWER_MAX).ok()?;
    let elements = answer.elements();
    let of = |place: &Place| {
        let element = elements.iter().find(|element| place_of(element) == Some(*place))?;
        element.offset().to_raw().filter(|offset| *offset >= 0)
    };
    Some(places.iter().map(of).collect())
}

/// Returns what is seen of a place; none while the client has not said how far it fetches, or it is no longer ours.
fn sighting(assignment: &Assignment, place: Place, Extent { low, high }: Extent) -> Option<Sighting> {
    let state = assignment.state();
    let lane = state.lanes.get(&place)?;
    let (next, queued) = lane.fetching?;
    let delivered = state.ledger.window(place)?.end();
    // Before the first fetch the client's offset is a negative word for "begin" or "unknown".
    Some(Sighting { high, next: next.max(low), queued, delivered, paused: lane.paused })
}

#[cfg(test)]
mod tests {
    use proto::Topic;

    use super::*;

    #[test]
    fn a_place_that_is_lost_is_told_once_and_what_is_kept_stays() {
        let (kept, lost) = ((Topic::Uploaded, 0), (Topic::Uploaded, 1));
        let mut shown = Shown(BTreeSet::from([kept, lost]));
        assert_eq!(shown.take_lost(&[kept]).collect::<Vec<_>>(), [lost]);
        assert_eq!(shown.take_lost(&[kept]).count(), 0);
        assert_eq!(shown.take_lost(&[]).collect::<Vec<_>>(), [kept]);
    }

    #[test]
    fn lag_counts_from_what_is_committed_and_still_there() {
        let from = |low| Extent { low, high: 10 };
        assert_eq!(lag(Some(7), from(0)), 3);
        assert_eq!(lag(Some(2), from(5)), 5, "what is gone waits for nobody");
        assert_eq!(lag(None, from(5)), 5);
        assert_eq!(lag(Some(10), from(0)), 0);
        assert_eq!(lag(Some(12), from(0)), 10, "a log that begins anew has all of it to read");
    }

    #[test]
    fn brokers_that_do_not_answer_say_nothing_about_the_lag() {
        let kafka = crate::KafkaArgs::plaintext("127.0.0.1:1");
        let config = crate::client::consumer(&kafka, "g").unwrap();
        let consumer: BaseConsumer<Assignment> = config.create_with_context(Assignment::default()).unwrap();
        assert_eq!(committed_offsets(&consumer, &[(Topic::Uploaded, 0)]), None);
    }
}
