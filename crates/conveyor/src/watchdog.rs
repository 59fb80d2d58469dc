//! Owns when a client counts as stuck: records wait and nothing moves. Pure; time is given.
//!
//! Consumers of librdkafka have stood still without an error before (rust-rdkafka #638, #665). A broker that does not
//! answer is no reason: nothing is seen then. Nor is a partition that we paused ourselves.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What is seen of one partition at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// One past the last record the broker has.
    pub(crate) high: i64,
    /// The next offset the client will fetch.
    pub(crate) next: i64,
    /// Records fetched and not yet delivered.
    pub(crate) queued: i64,
    /// One past the last record delivered, if any was.
    pub(crate) delivered: Option<i64>,
    /// Paused by us.
    pub(crate) paused: bool,
}

impl Sighting {
    /// Says whether something is there that should come.
    pub(crate) fn waits(&self) -> bool {
        !self.paused && (self.high > self.next || self.queued > 0)
    }

    fn stands_where(&self, earlier: &Sighting) -> bool {
        (self.next, self.delivered) == (earlier.next, earlier.delivered)
    }
}

/// Remembers since when each partition stands still.
#[derive(Debug)]
pub(crate) struct Watchdog<P> {
    stall_max: Duration,
    standing: BTreeMap<P, (Instant, Sighting)>,
}

impl<P: Ord + Copy> Watchdog<P> {
    pub(crate) fn new(stall_max: Duration) -> Watchdog<P> {
        Watchdog { stall_max, standing: BTreeMap::new() }
    }

    /// Takes a sighting in and says whether the partition has stood still for too long.
    pub(crate) fn is_stuck(&mut self, partition: P, seen: Sighting, now: Instant) -> bool {
        if !seen.waits() {
            self.standing.remove(&partition);
            return false;
        }
        match self.standing.get(&partition) {
            Some((since, earlier)) if seen.stands_where(earlier) => {
                now.duration_since(*since) >= self.stall_max
            }
            _ => {
                self.standing.insert(partition, (now, seen));
                false
            }
        }
    }

    /// Forgets partitions that are no longer ours.
    pub(crate) fn keep(&mut self, ours: impl Fn(&P) -> bool) {
        self.standing.retain(|partition, _| ours(partition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAITING: Sighting = Sighting { high: 10, next: 5, queued: 0, delivered: Some(5), paused: false };
    const STALL: Duration = Duration::from_secs(30);

    fn verdict(between: Sighting) -> bool {
        let (mut dog, start) = (Watchdog::new(STALL), Instant::now());
        assert!(!dog.is_stuck(0, WAITING, start));
        dog.is_stuck(0, between, start + STALL / 2);
        dog.is_stuck(0, WAITING, start + STALL)
    }

    #[test]
    fn lag_without_progress_is_stuck() {
        assert!(verdict(WAITING));
        assert!(verdict(Sighting { high: 99, ..WAITING }), "more lag is no progress");
    }

    #[test]
    fn progress_a_pause_and_an_empty_log_begin_the_count_anew() {
        assert!(!verdict(Sighting { next: 6, ..WAITING }));
        assert!(!verdict(Sighting { delivered: Some(6), ..WAITING }));
        assert!(!verdict(Sighting { paused: true, ..WAITING }));
        assert!(!verdict(Sighting { high: 5, ..WAITING }));
    }

    #[test]
    fn what_is_fetched_and_never_delivered_is_stuck_too() {
        let (mut dog, start) = (Watchdog::new(STALL), Instant::now());
        let fetched = Sighting { next: 10, queued: 5, ..WAITING };
        assert!(!dog.is_stuck(0, fetched, start));
        assert!(dog.is_stuck(0, fetched, start + STALL));
        dog.keep(|_| false);
        assert!(!dog.is_stuck(0, fetched, start + STALL));
    }
}
