//! Owns the records that wait for a place in hand: those that were delivered while it was full, and those that were set
//! aside and whose time has come. Neither kind starves the other.

use std::collections::VecDeque;

use proto::Topic;
use tokio_util::sync::CancellationToken;

use super::aside::Ticket;
use super::hand::Kind;
use super::ledger::Generation;
use crate::handler::Rejection;
use crate::record::Record;

const HELD_RECORDS_MAX: usize = 256;
const HELD_BYTES_MAX: usize = 16 << 20;

/// One admitted record and how far it has come.
pub(crate) struct Job {
    pub(crate) record: Record,
    pub(crate) generation: Generation,
    /// Stops the work when the partition is revoked.
    pub(crate) cancel: CancellationToken,
    /// Tries that failed, of its handling or of its letter.
    pub(crate) failures: u32,
    pub(crate) panics: u32,
    /// Why it can never be handled, once that is known: then only its letter is left to do.
    pub(crate) rejection: Option<Rejection>,
    /// Its place aside, once it has failed too often to keep one in hand.
    pub(crate) ticket: Option<Ticket>,
}

impl Job {
    pub(crate) fn new(record: Record, generation: Generation, cancel: CancellationToken) -> Job {
        Job { record, generation, cancel, failures: 0, panics: 0, rejection: None, ticket: None }
    }

    pub(crate) fn kind(&self) -> Kind {
        if self.ticket.is_some() { Kind::Returned } else { Kind::Delivered }
    }

    pub(crate) fn topic(&self) -> Topic {
        self.record.topic
    }
}

/// Records that wait for a place in hand.
#[derive(Default)]
pub(crate) struct Queue {
    /// Delivered. They make a pause rare: it takes long to come back from, because it throws away what was fetched ahead.
    held: VecDeque<Job>,
    held_bytes: usize,
    /// Set aside before, and due again. As many as are set aside at most.
    due: VecDeque<Job>,
    /// Who was taken last: the next place is for the others, where both wait.
    last: Option<Kind>,
}

impl Queue {
    /// Returns how full the part of the delivered is: 1 and more asks for a pause.
    #[expect(clippy::cast_precision_loss, reason = "a share for a threshold")]
    pub(crate) fn load(&self) -> f32 {
        let records = self.held.len() as f32 / HELD_RECORDS_MAX as f32;
        records.max(self.held_bytes as f32 / HELD_BYTES_MAX as f32)
    }

    pub(crate) fn push(&mut self, job: Job) {
        match job.kind() {
            Kind::Delivered => {
                self.held_bytes += job.record.value.len();
                self.held.push_back(job);
            }
            Kind::Returned => self.due.push_back(job),
        }
    }

    /// Takes the next one whose partition is still ours, of a kind for which there is room.
    pub(crate) fn pop(&mut self, has_room: impl Fn(Kind) -> bool) -> Option<Job> {
        let kinds = match self.last {
            Some(Kind::Returned) => [Kind::Delivered, Kind::Returned],
            _ => [Kind::Returned, Kind::Delivered],
        };
        let job = kinds.into_iter().find_map(|kind| has_room(kind).then(|| self.pop_kind(kind)).flatten())?;
        self.last = Some(job.kind());
        Some(job)
    }

    fn pop_kind(&mut self, kind: Kind) -> Option<Job> {
        loop {
            let job = match kind {
                Kind::Returned => self.due.pop_front()?,
                Kind::Delivered => self.held.pop_front()?,
            };
            if kind == Kind::Delivered {
                self.held_bytes -= job.record.value.len();
            }
            if !job.cancel.is_cancelled() {
                return Some(job);
            }
        }
    }

    /// Leaves them all for the next member.
    pub(crate) fn clear(&mut self) {
        *self = Queue::default();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use proto::UnixMillis;

    use super::super::aside::Aside;
    use super::super::ledger::Ledger;
    use super::*;

    fn job(offset: i64) -> Job {
        let record = Record {
            topic: Topic::Uploaded,
            partition: 0,
            offset,
            epoch: Arc::from("e"),
            key: None,
            value: Bytes::from_static(b"value"),
            headers: Vec::new(),
            timestamp: UnixMillis(0),
            attempts: 0,
        };
        Job::new(record, Ledger::default().assign(0), CancellationToken::new())
    }

    fn returned(aside: &Arc<Aside>, offset: i64) -> Job {
        Job { ticket: aside.take(5), ..job(offset) }
    }

    fn popped(queue: &mut Queue, has_room: impl Fn(Kind) -> bool) -> Vec<i64> {
        std::iter::from_fn(|| queue.pop(&has_room)).map(|job| job.record.offset).collect()
    }

    #[test]
    fn both_kinds_take_turns_as_long_as_both_wait() {
        let (mut queue, aside) = (Queue::default(), Aside::new("g", 9));
        (0..4).for_each(|offset| queue.push(job(offset)));
        (10..12).for_each(|offset| queue.push(returned(&aside, offset)));
        assert_eq!(popped(&mut queue, |_| true), [10, 0, 11, 1, 2, 3]);
        assert!(queue.load() <= 0.0);
    }

    #[test]
    fn where_one_kind_has_no_room_the_other_goes_on() {
        let (mut queue, aside) = (Queue::default(), Aside::new("g", 9));
        queue.push(returned(&aside, 10));
        (0..2).for_each(|offset| queue.push(job(offset)));
        assert_eq!(popped(&mut queue, |kind| kind == Kind::Delivered), [0, 1]);
        assert_eq!(popped(&mut queue, |_| true), [10]);
    }

    #[test]
    fn what_is_no_longer_ours_is_passed_over() {
        let mut queue = Queue::default();
        let lost = job(0);
        lost.cancel.cancel();
        queue.push(lost);
        queue.push(job(1));
        assert_eq!(popped(&mut queue, |_| true), [1]);
    }
}
