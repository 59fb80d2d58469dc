//! Which records are shown. Pure: takes records and rows, gives decisions in each partition's order; no clock, no I/O.
//!
//! A record is shown when its row names it. A record that would still change its row waits: the group that writes rows is
//! behind. Any other record is skipped: a repeat, or one that a better fact has overtaken.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::time::Instant;

use conveyor::Place;
use proto::{Coordinates, ImageId, UnixMillis};

use crate::fact::Fact;
use crate::table::{Row, replaces};

/// Whether a record is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Show,
    Skip,
    Wait,
}

/// Compares a record with its image's row.
pub(crate) fn verdict(fact: &Fact, record: &Coordinates, row: Option<&Row>, now: UnixMillis) -> Verdict {
    if fact.source.is_expired(now) {
        return Verdict::Skip;
    }
    match row {
        Some(row) if row.set_by == *record => Verdict::Show,
        row if replaces(fact.standing(), row.map(|row| row.fact.standing())) => Verdict::Wait,
        _ => Verdict::Skip,
    }
}

/// Records that have been read and not been decided on in full.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    queues: BTreeMap<Place, VecDeque<Pending>>,
    pending: usize,
}

#[derive(Debug)]
struct Pending {
    record: Coordinates,
    /// None for a record that tells of no image.
    fact: Option<Fact>,
    read_at: Instant,
    decided: Option<Option<Row>>,
}

/// A record that has been decided on, with its row if it is shown.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) place: Place,
    pub(crate) offset: i64,
    pub(crate) row: Option<Row>,
}

impl Screen {
    /// Takes a record in.
    pub(crate) fn push(&mut self, record: Coordinates, fact: Option<Fact>, read_at: Instant) {
        let decided = fact.is_none().then_some(None);
        let queue = self.queues.entry((record.topic, record.partition)).or_default();
        queue.push_back(Pending { record, fact, read_at, decided });
        self.pending += 1;
    }

    /// Returns how many records are in.
    pub(crate) fn len(&self) -> usize {
        self.pending
    }

    /// Returns the images whose rows are needed, the first records of each partition first: about `max`.
    pub(crate) fn wanted(&self, max: usize) -> HashSet<ImageId> {
        let mut ids = HashSet::new();
        let mut depth = 0;
        let deepest = self.queues.values().map(VecDeque::len).max().unwrap_or(0);
        while depth < deepest && ids.len() < max {
            let layer = self.queues.values().filter_map(|queue| queue.get(depth));
            let undecided = layer.filter(|pending| pending.decided.is_none());
            ids.extend(undecided.filter_map(|pending| Some(pending.fact.as_ref()?.source.image_id)));
            depth += 1;
        }
        ids
    }

    /// Decides on the records about the images of `asked`, of which those in `rows` have a row.
    pub(crate) fn judge(&mut self, asked: &HashSet<ImageId>, rows: &HashMap<ImageId, Row>, now: UnixMillis) {
        for pending in self.queues.values_mut().flatten().filter(|pending| pending.decided.is_none()) {
            let Some(fact) = pending.fact.as_ref().filter(|fact| asked.contains(&fact.source.image_id))
            else {
                continue;
            };
            let row = rows.get(&fact.source.image_id);
            pending.decided = match verdict(fact, &pending.record, row, now) {
                Verdict::Show => Some(row.cloned()),
                Verdict::Skip => Some(None),
                Verdict::Wait => None,
            };
        }
    }

    /// Skips records that were read before `deadline` and still wait. Returns how many.
    pub(crate) fn give_up(&mut self, deadline: Instant) -> usize {
        let waiting = self.queues.values_mut().flatten().filter(|pending| pending.decided.is_none());
        let late = waiting.filter(|pending| pending.read_at < deadline);
        late.map(|pending| pending.decided = Some(None)).count()
    }

    /// Takes out what is decided, up to the first undecided record of each partition.
    pub(crate) fn take_decided(&mut self) -> Vec<Decided> {
        let mut taken = Vec::new();
        for (place, queue) in &mut self.queues {
            while let Some(row) = queue.front_mut().and_then(|pending| pending.decided.take()) {
                let pending = queue.pop_front().expect("there is a first one");
                taken.push(Decided { place: *place, offset: pending.record.offset, row });
            }
        }
        self.pending -= taken.len();
        taken
    }
}

#[cfg(test)]
mod tests {
    use proto::Topic;

    use super::*;
    use crate::sample;

    fn at(partition: i32, offset: i64) -> Coordinates {
        Coordinates { epoch: "e".to_owned(), topic: Topic::Processed, partition, offset }
    }

    fn rows(fact: &Fact, set_by: Coordinates) -> HashMap<ImageId, Row> {
        HashMap::from([(fact.source.image_id, Row { fact: fact.clone(), set_by })])
    }

    #[test]
    fn only_the_record_that_the_row_names_is_shown() {
        let now = UnixMillis::now();
        let facts = sample::facts(sample::source("acme", "a.jpg"), 0);
        let (uploaded, processed) = (&facts[0], &facts[1]);
        let row = Row { fact: processed.clone(), set_by: at(3, 9) };
        assert_eq!(verdict(processed, &at(3, 9), Some(&row), now), Verdict::Show);
        assert_eq!(verdict(processed, &at(3, 12), Some(&row), now), Verdict::Skip, "a repeat");
        assert_eq!(verdict(uploaded, &at(3, 2), Some(&row), now), Verdict::Skip, "overtaken");
        assert_eq!(verdict(processed, &at(3, 9), None, now), Verdict::Wait, "the group is behind");
        let expired = UnixMillis(uploaded.source.expires_at.0);
        assert_eq!(verdict(processed, &at(3, 9), None, expired), Verdict::Skip);
    }

    #[test]
    fn a_waiting_record_holds_back_its_own_partition_only() {
        let now = UnixMillis::now();
        let fact = |name| sample::facts(sample::source("acme", name), 0).remove(1);
        let (late, behind, other) = (fact("a"), fact("b"), fact("c"));
        let mut screen = Screen::default();
        screen.push(at(0, 5), Some(late.clone()), Instant::now());
        screen.push(at(0, 6), Some(behind.clone()), Instant::now());
        screen.push(at(1, 1), Some(other.clone()), Instant::now());
        let mut known = rows(&behind, at(0, 6));
        known.extend(rows(&other, at(1, 1)));
        screen.judge(&screen.wanted(10), &known, now);
        let decided = screen.take_decided();
        assert_eq!(decided.iter().map(|one| (one.place.1, one.offset)).collect::<Vec<_>>(), [(1, 1)]);
        screen.judge(&screen.wanted(10), &rows(&late, at(0, 5)), now);
        let offsets: Vec<_> =
            screen.take_decided().iter().map(|one| (one.offset, one.row.is_some())).collect();
        assert_eq!(offsets, [(5, true), (6, true)]);
        assert_eq!(screen.len(), 0);
    }

    #[test]
    fn what_tells_of_no_image_is_passed_over() {
        let mut screen = Screen::default();
        screen.push(at(0, 0), None, Instant::now());
        assert!(screen.wanted(10).is_empty());
        assert_eq!(screen.take_decided().len(), 1);
    }

    #[test]
    fn what_waits_too_long_is_given_up() {
        let fact = sample::facts(sample::source("acme", "a"), 0).remove(1);
        let mut screen = Screen::default();
        let read_at = Instant::now();
        screen.push(at(0, 5), Some(fact), read_at);
        assert_eq!(screen.give_up(read_at), 0);
        assert_eq!(screen.give_up(read_at + std::time::Duration::from_millis(1)), 1);
        assert_eq!(screen.take_decided().len(), 1);
    }
}
