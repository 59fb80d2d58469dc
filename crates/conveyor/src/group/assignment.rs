//! Owns which partitions are ours right now, and answers librdkafka's callbacks. A revocation is acknowledged only after
//! its work was told to stop and its generation is over; nothing is committed from inside a callback (librdkafka #3337,
//! #4059).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use proto::Topic;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::{ClientContext, Statistics};
use tokio_util::sync::CancellationToken;

use super::ledger::{Commit, Delivery, Generation, Ledger};
use crate::client::{Ear, hear_log};
use crate::places::place_of;
use crate::record::Place;

/// The consumer's context: shared between the poll thread, the lag thread and the work.
#[derive(Clone, Default)]
pub(crate) struct Assignment {
    state: Arc<Mutex<State>>,
    ear: Ear,
}

/// What is known of our partitions.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) ledger: Ledger<Place>,
    pub(crate) lanes: BTreeMap<Place, Lane>,
    /// The group has given us partitions, or said that there are none for us.
    pub(crate) joined: bool,
    /// A commit is sent and not answered.
    pub(crate) commit_open: bool,
}

/// One partition of ours, beside its window.
#[derive(Default)]
pub(crate) struct Lane {
    /// Stops the work on its records.
    pub(crate) cancel: CancellationToken,
    pub(crate) paused: bool,
    /// The client's own word: next offset to fetch, and records fetched but not delivered.
    pub(crate) fetching: Option<(i64, i64)>,
}

impl Assignment {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    pub(crate) fn settle(&self, place: Place, generation: Generation, offset: i64) -> bool {
        self.state().ledger.settle(place, generation, offset)
    }
}

/// How an admitted record is to be handled.
pub(crate) struct Admitted {
    pub(crate) generation: Generation,
    /// Stops the work on it.
    pub(crate) cancel: CancellationToken,
    /// The log was found to be another one.
    pub(crate) is_rewound: bool,
}

impl State {
    /// Takes a delivered offset in; none if it is not to be handled.
    pub(crate) fn admit(&mut self, place: Place, offset: i64) -> Option<Admitted> {
        let (generation, is_rewound) = match self.ledger.admit(place, offset) {
            Delivery::Fresh(generation) => (generation, false),
            Delivery::Rewound(generation) => (generation, true),
            Delivery::Ignored => return None,
        };
        let lane = self.lanes.entry(place).or_default();
        if is_rewound {
            std::mem::take(&mut lane.cancel).cancel();
        }
        Some(Admitted { generation, cancel: lane.cancel.clone(), is_rewound })
    }

    fn assign(&mut self, place: Place) {
        self.ledger.assign(place);
        if let Some(old) = self.lanes.insert(place, Lane::default()) {
            old.cancel.cancel();
        }
    }

    fn revoke(&mut self, place: Place) {
        self.ledger.revoke(place);
        if let Some(lane) = self.lanes.remove(&place) {
            lane.cancel.cancel();
        }
    }

    /// Stops all work; what is not settled stays so.
    pub(crate) fn abandon_all(&mut self) {
        for lane in self.lanes.values() {
            lane.cancel.cancel();
        }
    }

    /// Notes the answer to the open commit; a failed one is due again for what is still ours.
    pub(crate) fn commit_answered(&mut self, due: &[(Place, i64)], is_ok: bool) {
        self.commit_open = false;
        if !is_ok {
            due.iter().for_each(|(place, _)| self.ledger.commit_failed(*place));
        }
    }

    /// Takes what is to be committed now: nothing while a commit is open.
    pub(crate) fn take_commit(&mut self) -> Option<Commit<Place>> {
        if self.commit_open {
            return None;
        }
        let due = self.ledger.take_commits();
        self.commit_open = !due.is_empty();
        self.commit_open.then_some(due)
    }
}

impl ClientContext for Assignment {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        hear_log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.ear.hear_error(&error, reason);
    }

    fn stats(&self, statistics: Statistics) {
        let mut state = self.state();
        for (name, counted) in &statistics.topics {
            let Some(topic) = Topic::parse(name) else { continue };
            for (partition, seen) in &counted.partitions {
                if let Some(lane) = state.lanes.get_mut(&(topic, *partition)) {
                    lane.fetching = Some((seen.next_offset, seen.fetchq_cnt));
                }
            }
        }
    }
}

impl ConsumerContext for Assignment {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Assignment>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => {
                let mut state = self.state();
                state.joined = true;
                list.elements().iter().filter_map(place_of).for_each(|place| state.assign(place));
                drop(state);
                // librdkafka keeps our pause over a revocation, and a new lane does not know of it. One that it has not
                // met yet fails here and is not paused either.
                if let Err(error) = consumer.resume(list) {
                    tracing::debug!("resume what is assigned: {error}");
                }
                tracing::info!(partitions = list.count(), "partitions assigned");
            }
            Rebalance::Revoke(list) => {
                let mut state = self.state();
                list.elements().iter().filter_map(place_of).for_each(|place| state.revoke(place));
                tracing::info!(partitions = list.count(), "partitions revoked");
            }
            Rebalance::Error(error) => tracing::warn!("rebalance: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = (Topic::Uploaded, 3);

    #[test]
    fn a_revocation_stops_the_work_and_a_late_word_changes_nothing() {
        let assignment = Assignment::default();
        assignment.state().assign(PLACE);
        let Admitted { generation, cancel, .. } = assignment.state().admit(PLACE, 9).unwrap();
        assignment.state().revoke(PLACE);
        assert!(cancel.is_cancelled());
        assignment.state().assign(PLACE);
        assert!(!assignment.settle(PLACE, generation, 9));
        assert_eq!(assignment.state().ledger.take_commits(), []);
    }

    #[test]
    fn a_commit_that_fails_is_due_again_and_there_is_one_at_a_time() {
        let mut state = State::default();
        state.assign(PLACE);
        let generation = state.admit(PLACE, 9).unwrap().generation;
        state.ledger.settle(PLACE, generation, 9);
        let sent = state.take_commit().unwrap();
        state.admit(PLACE, 10).unwrap();
        state.ledger.settle(PLACE, generation, 10);
        assert_eq!(state.take_commit(), None, "one is open");
        state.commit_answered(&sent, false);
        state.admit(PLACE, 11).unwrap();
        let again = state.take_commit().unwrap();
        assert_eq!(again, [(PLACE, 11)]);
        state.commit_answered(&again, true);
        assert_eq!(state.take_commit(), None, "nothing is due");
    }
}
