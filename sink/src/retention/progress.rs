//! How far the groups have come, as far as the sweep needs to know it: what still waits in the log is not lost. Pure: what the
//! brokers say is given.
//!
//! A record that the processors have passed has left its end on one of the topics of results, below where these ended at
//! that moment. Once the group that writes rows has passed those ends, the row would say it.

use std::time::Duration;

use conveyor::{Epochs, Offsets};
use proto::{Coordinates, Topic, UnixMillis};

/// How far the groups had come at one moment, as the brokers said in this order.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    pub(super) at: UnixMillis,
    /// Which lives of the topics the offsets belong to.
    pub(super) epochs: Epochs,
    /// How far the processors had committed originals.
    pub(super) worked: Offsets,
    /// Where all topics ended afterwards; a partition in which nothing lies is left out.
    pub(super) ends: Offsets,
}

/// What was said and does not count yet, and what does.
#[derive(Debug, Default)]
pub(super) struct Progress {
    pending: Option<Reach>,
    settled: Option<Reach>,
}

impl Progress {
    /// Takes in what was said; what is still waited for stays instead, unless it is about another life of the log.
    pub(super) fn begin(&mut self, reach: Reach) {
        let is_of_another = |known: &mut Reach| known.epochs != reach.epochs;
        drop(self.pending.take_if(is_of_another));
        drop(self.settled.take_if(is_of_another));
        self.pending.get_or_insert(reach);
    }

    /// Takes in how far rows are written now. Says whether what was waited for counts from here on.
    pub(super) fn hear(&mut self, written: &Offsets) -> bool {
        let is_past = |reach: &mut Reach| {
            reach.ends.iter().all(|(place, end)| written.get(place).is_some_and(|next| next >= end))
        };
        let settled = self.pending.take_if(is_past);
        let is_new = settled.is_some();
        self.settled = settled.or(self.settled.take());
        is_new
    }

    /// Returns the last of which the results are in the rows.
    pub(super) fn settled(&self) -> Option<&Reach> {
        self.settled.as_ref()
    }
}

impl Reach {
    /// Says whether an image without an end has lost its way, and does not merely wait: by the last record about it, if one
    /// is known; else by its age, for a fact is published right after its original.
    pub(super) fn is_lost(
        &self,
        record: Option<&Coordinates>,
        uploaded_at: UnixMillis,
        grace: Duration,
    ) -> bool {
        match record {
            Some(record)
                if record.topic == Topic::Uploaded && *record.epoch == *self.epochs.of(record.topic) =>
            {
                let next = self.worked.get(&(record.topic, record.partition));
                next.is_some_and(|next| record.offset < *next)
            }
            // Of another life of the log, or of none.
            _ => uploaded_at.plus(grace) <= self.at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: (Topic, i32) = (Topic::Uploaded, 0);
    const RESULTS: (Topic, i32) = (Topic::Processed, 0);
    const GRACE: Duration = Duration::from_millis(10);

    async fn reach(at: i64, worked: i64, ends: [i64; 2]) -> Reach {
        reach_of("e", at, worked, ends).await
    }

    async fn reach_of(epoch: &str, at: i64, worked: i64, ends: [i64; 2]) -> Reach {
        let kafka = conveyor::KafkaArgs {
            epoch: Some(epoch.to_owned()),
            ..conveyor::KafkaArgs::plaintext("127.0.0.1:1")
        };
        let epochs = conveyor::epochs(&kafka, &Topic::ALL, GRACE).await.expect("it is told");
        let ends = [(PLACE, ends[0]), (RESULTS, ends[1])].into();
        Reach { at: UnixMillis(at), epochs, worked: [(PLACE, worked)].into(), ends }
    }

    fn record(epoch: &str, offset: i64) -> Coordinates {
        Coordinates { epoch: epoch.to_owned(), topic: Topic::Uploaded, partition: 0, offset }
    }

    #[tokio::test]
    async fn what_was_said_counts_once_rows_are_written_up_to_where_the_results_ended() {
        let mut progress = Progress::default();
        progress.begin(reach(1, 5, [9, 5]).await);
        assert!(!progress.hear(&[(PLACE, 9), (RESULTS, 4)].into()));
        assert!(!progress.hear(&[(PLACE, 9)].into()), "nothing is known of the results");
        progress.begin(reach(2, 8, [9, 8]).await);
        assert!(progress.hear(&[(PLACE, 9), (RESULTS, 7)].into()), "the first one was waited for");
        assert_eq!(progress.settled().unwrap().at, UnixMillis(1));
        assert!(!progress.hear(&[(PLACE, 9), (RESULTS, 9)].into()));
        progress.begin(reach(3, 9, [9, 9]).await);
        assert!(progress.hear(&[(PLACE, 9), (RESULTS, 9)].into()));
        assert_eq!(progress.settled().unwrap().at, UnixMillis(3));
    }

    #[tokio::test]
    async fn a_log_that_began_anew_leaves_nothing_of_the_one_before() {
        let mut progress = Progress::default();
        progress.begin(reach(1, 5, [9, 5]).await);
        assert!(progress.hear(&[(PLACE, 9), (RESULTS, 9)].into()));
        progress.begin(reach(2, 900, [900, 900]).await);
        progress.begin(reach_of("anew", 3, 1, [2, 1]).await);
        assert!(progress.settled().is_none(), "what waits now would be taken for lost");
        assert!(progress.hear(&[(PLACE, 2), (RESULTS, 1)].into()));
        assert_eq!(progress.settled().unwrap().at, UnixMillis(3));
    }

    #[tokio::test]
    async fn what_the_processors_have_not_passed_waits_however_old_it_is() {
        let reach = reach(1000, 5, [9, 5]).await;
        assert!(reach.is_lost(Some(&record("e", 4)), UnixMillis(0), GRACE));
        assert!(!reach.is_lost(Some(&record("e", 5)), UnixMillis(0), GRACE));
        let elsewhere = Coordinates { partition: 7, ..record("e", 0) };
        assert!(!reach.is_lost(Some(&elsewhere), UnixMillis(0), GRACE), "nothing is known of that partition");
    }

    #[tokio::test]
    async fn what_has_no_record_in_this_log_is_lost_once_it_is_old() {
        let reach = reach(1000, 5, [9, 5]).await;
        for record in [None, Some(&record("another life", 8))] {
            assert!(reach.is_lost(record, UnixMillis(990), GRACE));
            assert!(!reach.is_lost(record, UnixMillis(991), GRACE));
        }
    }
}
