//! Owns telling the group how far we are. On a thread of its own, because only a commit that is waited for has a result:
//! rdkafka 0.39 asks librdkafka for commit events and never gets one, so the failure of an asynchronous commit is lost.

use std::sync::mpsc::Receiver;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};

use super::assignment::Assignment;
use super::lag::Stalls;
use super::ledger::Commit;
use crate::places::offset_list;
use crate::record::Place;

/// Commits what comes in, one after the other, until the sender is dropped.
pub(crate) fn commit_all(
    consumer: &BaseConsumer<Assignment>,
    stalls: &Stalls,
    inbox: &Receiver<Commit<Place>>,
) {
    while let Ok(due) = inbox.recv() {
        let answer = consumer.commit(&offset_list(due.iter().copied()), CommitMode::Sync);
        match &answer {
            Ok(()) => stalls.kafka_answered(),
            // A rebalance in between is the usual reason; what is still ours then is due again.
            Err(error) => tracing::debug!("commit again later: {error}"),
        }
        consumer.context().state().commit_answered(&due, answer.is_ok());
    }
}
