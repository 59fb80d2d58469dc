//! Which records are shown. Pure: takes records and rows, gives decisions in each partition's order; no clock, no I/O.
//!
//! A record is shown when its row names it. A record that would still change its row waits, however long, while the group
//! that writes rows is behind it. Any other record is skipped: a repeat, one that a better fact has overtaken, one that the
//! group has passed without a row, or one whose row a newer sink has written.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Instant;

use conveyor::Place;
use proto::{Coordinates, ImageId, UnixMillis};

use super::written::Written;
use crate::fact::Fact;
use crate::order::replaces;
use crate::table::{Found, Row, Rows};

/// Whether a record is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Show,
    Skip,
    Wait,
}

/// Compares a record with its image's row.
fn verdict(fact: &Fact, record: &Coordinates, row: Found<'_>, now: UnixMillis) -> Verdict {
    if fact.source.is_expired(now) {
        return Verdict::Skip;
    }
    let standing = match row {
        Found::Unreadable => return Verdict::Skip,
        Found::Row(row) if row.set_by == *record => return Verdict::Show,
        Found::Row(row) => Some(row.fact.standing()),
        Found::Nothing => None,
    };
    match replaces(fact.standing(), standing) {
        true => Verdict::Wait,
        false => Verdict::Skip,
    }
}

/// Records that have been read and not been decided on in full.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
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

/// What a look for rows has found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look<'a> {
    /// The images whose rows were asked for.
    pub(crate) asked: &'a HashSet<ImageId>,
    pub(crate) rows: &'a Rows,
    /// How far the group had come before the rows were read.
    pub(crate) written: &'a Written,
}

/// A record that has been decided on, with its row if it is shown.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) place: Place,
    pub(crate) offset: i64,
    pub(crate) row: Option<Row>,
}

impl Waiting {
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

    /// Returns since when the record has been in that has waited longest.
    pub(crate) fn since(&self) -> Option<Instant> {
        let undecided = |pending: &&Pending| pending.decided.is_none();
        let first = |queue: &VecDeque<Pending>| queue.iter().find(undecided).map(|pending| pending.read_at);
        self.queues.values().filter_map(first).min()
    }

    /// Returns the partitions in which records wait.
    pub(crate) fn places(&self) -> Vec<Place> {
        let waiting = self.queues.iter().filter(|(_, queue)| !queue.is_empty());
        waiting.map(|(place, _)| *place).collect()
    }

    /// Decides on the records about the images that were asked about.
    pub(crate) fn judge(&mut self, look: &Look<'_>, now: UnixMillis) {
        for pending in self.queues.values_mut().flatten().filter(|pending| pending.decided.is_none()) {
            let Some(fact) = pending.fact.as_ref().filter(|fact| look.asked.contains(&fact.source.image_id))
            else {
                continue;
            };
            let row = look.rows.of(fact.source.image_id);
            pending.decided = match (verdict(fact, &pending.record, row, now), row) {
                (Verdict::Show, Found::Row(row)) => Some(Some(row.clone())),
                (Verdict::Wait, _) if !look.written.has_passed(&pending.record) => None,
                _ => Some(None),
            };
        }
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
    use conveyor::Offsets;
    use proto::Topic;

    use super::*;
    use crate::sample;

    fn at(partition: i32, offset: i64) -> Coordinates {
        Coordinates { epoch: "e".to_owned(), topic: Topic::Processed, partition, offset }
    }

    fn row(fact: &Fact, set_by: Coordinates) -> Row {
        Row { fact: fact.clone(), set_by }
    }

    fn behind() -> Written {
        Written::said(Offsets::new())
    }

    /// Judges after the rows of all that wait were asked for.
    fn judge(waiting: &mut Waiting, rows: &Rows, written: &Written, now: UnixMillis) {
        let asked = waiting.wanted(10);
        waiting.judge(&Look { asked: &asked, rows, written }, now);
    }

    fn offsets(decided: &[Decided]) -> Vec<(i32, i64, bool)> {
        decided.iter().map(|one| (one.place.1, one.offset, one.row.is_some())).collect()
    }

    #[test]
    fn only_the_record_that_the_row_names_is_shown() {
        let now = UnixMillis::now();
        let facts = sample::facts(sample::source("acme", "a.jpg"), 0);
        let (uploaded, processed) = (&facts[0], &facts[1]);
        let row = row(processed, at(3, 9));
        let found = Found::Row(&row);
        assert_eq!(verdict(processed, &at(3, 9), found, now), Verdict::Show);
        assert_eq!(verdict(processed, &at(3, 12), found, now), Verdict::Skip, "a repeat");
        assert_eq!(verdict(uploaded, &at(3, 2), found, now), Verdict::Skip, "overtaken");
        assert_eq!(verdict(processed, &at(3, 9), Found::Nothing, now), Verdict::Wait, "the group is behind");
        assert_eq!(verdict(processed, &at(3, 9), Found::Unreadable, now), Verdict::Skip, "not ours to tell");
        let expired = UnixMillis(uploaded.source.expires_at.0);
        assert_eq!(verdict(processed, &at(3, 9), Found::Nothing, expired), Verdict::Skip);
    }

    #[test]
    fn a_waiting_record_holds_back_its_own_partition_only() {
        let now = UnixMillis::now();
        let fact = |name| sample::facts(sample::source("acme", name), 0).remove(1);
        let (late, behind_it, other) = (fact("a"), fact("b"), fact("c"));
        let mut waiting = Waiting::default();
        waiting.push(at(0, 5), Some(late.clone()), Instant::now());
        waiting.push(at(0, 6), Some(behind_it.clone()), Instant::now());
        waiting.push(at(1, 1), Some(other.clone()), Instant::now());
        let known = Rows::from_iter([row(&behind_it, at(0, 6)), row(&other, at(1, 1))]);
        judge(&mut waiting, &known, &behind(), now);
        assert_eq!(offsets(&waiting.take_decided()), [(1, 1, true)]);
        let known = Rows::from_iter([row(&late, at(0, 5))]);
        judge(&mut waiting, &known, &behind(), now);
        assert_eq!(offsets(&waiting.take_decided()), [(0, 5, true), (0, 6, true)]);
        assert_eq!(waiting.len(), 0);
    }

    #[test]
    fn what_tells_of_no_image_is_passed_over() {
        let mut waiting = Waiting::default();
        waiting.push(at(0, 0), None, Instant::now());
        assert!(waiting.wanted(10).is_empty());
        assert_eq!(waiting.since(), None);
        assert_eq!(waiting.take_decided().len(), 1);
    }

    #[test]
    fn a_record_waits_while_the_group_is_behind_it_and_is_shown_however_late_its_row_comes() {
        let now = UnixMillis::now();
        let fact = sample::facts(sample::source("acme", "a"), 0).remove(1);
        let long_ago = Instant::now() - std::time::Duration::from_secs(3600);
        let mut waiting = Waiting::default();
        waiting.push(at(0, 5), Some(fact.clone()), long_ago);
        assert_eq!((waiting.since(), waiting.places()), (Some(long_ago), vec![(Topic::Processed, 0)]));
        // The group has finished with 4 and is at 5.
        let up_to_it = Written::said(Offsets::from([((Topic::Processed, 0), 5)]));
        judge(&mut waiting, &Rows::default(), &up_to_it, now);
        assert!(waiting.take_decided().is_empty());
        judge(&mut waiting, &Rows::from_iter([row(&fact, at(0, 5))]), &up_to_it, now);
        assert_eq!(offsets(&waiting.take_decided()), [(0, 5, true)]);
    }

    #[test]
    fn a_record_that_the_group_has_passed_without_a_row_is_skipped_once_its_row_was_asked_for() {
        let now = UnixMillis::now();
        let fact = |name| sample::facts(sample::source("acme", name), 0).remove(1);
        let (nameless, named) = (fact("a"), fact("b"));
        let mut waiting = Waiting::default();
        waiting.push(at(0, 5), Some(nameless.clone()), Instant::now());
        waiting.push(at(0, 6), Some(named.clone()), Instant::now());
        let past = Written::said(Offsets::from([((Topic::Processed, 0), 7)]));
        let asked = HashSet::from([nameless.source.image_id]);
        waiting.judge(&Look { asked: &asked, rows: &Rows::default(), written: &past }, now);
        assert_eq!(offsets(&waiting.take_decided()), [(0, 5, false)], "the other one was not asked for");
        judge(&mut waiting, &Rows::from_iter([row(&named, at(0, 6))]), &past, now);
        assert_eq!(offsets(&waiting.take_decided()), [(0, 6, true)]);
    }
}
