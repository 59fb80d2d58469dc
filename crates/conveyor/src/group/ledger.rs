//! Owns which partitions are ours, in which generation, and what of each may be committed. Pure: no client, no clock.
//!
//! Every assignment of a partition is a generation of its own. Whoever settles a record names the generation it was
//! admitted in; after a revocation that generation is gone, and the late word is dropped.

use std::collections::BTreeMap;

use super::window::{Admission, Window};

/// Offsets to commit, one for each of some partitions.
pub type Commit<P> = Vec<(P, i64)>;

/// One tenure of one partition: from its assignment to its revocation, or to a reset of its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation(u64);

/// What became of a delivered record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// To be handled under this generation.
    Fresh(Generation),
    /// To be handled under this new generation; what is in hand of the old one is about a log that is gone.
    Rewound(Generation),
    /// Not ours, or already in hand: to be dropped.
    Ignored,
}

/// The windows of all partitions that are assigned.
#[derive(Debug)]
pub struct Ledger<P> {
    tenures: BTreeMap<P, Tenure>,
    generations: u64,
}

#[derive(Debug)]
struct Tenure {
    generation: Generation,
    window: Window,
    /// What the group holds, as we told it in this tenure. None before the first commit, also where reading begins at the
    /// offset that was committed last: the log may be another one by now, and the group still stand at the old one's end.
    committed: Option<i64>,
}

impl<P> Default for Ledger<P> {
    fn default() -> Ledger<P> {
        Ledger { tenures: BTreeMap::new(), generations: 0 }
    }
}

impl<P: Ord + Copy> Ledger<P> {
    /// Begins a tenure of the partition. One that is already assigned begins anew.
    pub fn assign(&mut self, partition: P) -> Generation {
        self.generations += 1;
        let generation = Generation(self.generations);
        let tenure = Tenure { generation, window: Window::default(), committed: None };
        self.tenures.insert(partition, tenure);
        generation
    }

    /// Ends the tenure of the partition.
    pub fn revoke(&mut self, partition: P) {
        self.tenures.remove(&partition);
    }

    /// Takes a delivered offset in.
    pub fn admit(&mut self, partition: P, offset: i64) -> Delivery {
        let Some(tenure) = self.tenures.get_mut(&partition) else { return Delivery::Ignored };
        match tenure.window.admit(offset) {
            Admission::New => Delivery::Fresh(tenure.generation),
            Admission::Seen => Delivery::Ignored,
            Admission::Rewound => {
                let generation = self.assign(partition);
                self.admit(partition, offset);
                Delivery::Rewound(generation)
            }
        }
    }

    /// Marks a record as having reached its end. Returns false, and changes nothing, when the generation is over.
    pub fn settle(&mut self, partition: P, generation: Generation, offset: i64) -> bool {
        match self.tenures.get_mut(&partition) {
            Some(tenure) if tenure.generation == generation => tenure.window.settle(offset),
            _ => false,
        }
    }

    /// Takes the positions that are to be committed now.
    pub fn take_commits(&mut self) -> Commit<P> {
        let mut due = Vec::new();
        for (partition, tenure) in &mut self.tenures {
            let position = tenure.window.position();
            if let Some(offset) = position
                && position != tenure.committed
            {
                tenure.committed = position;
                due.push((*partition, offset));
            }
        }
        due
    }

    /// Makes the partition's commit due again, because the last one failed.
    pub fn commit_failed(&mut self, partition: P) {
        if let Some(tenure) = self.tenures.get_mut(&partition) {
            tenure.committed = None;
        }
    }

    /// Returns the partition's window.
    pub fn window(&self, partition: P) -> Option<&Window> {
        self.tenures.get(&partition).map(|tenure| &tenure.window)
    }

    /// Returns the partitions that are assigned.
    pub fn partitions(&self) -> impl Iterator<Item = P> + '_ {
        self.tenures.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Assign(u8),
        Revoke(u8),
        Deliver(u8),
        /// Settles the n-th record in hand, whatever became of its partition since.
        Settle(usize),
        Commit,
        CommitFails(u8),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            1 => (0_u8..3).prop_map(Step::Assign),
            1 => (0_u8..3).prop_map(Step::Revoke),
            8 => (0_u8..3).prop_map(Step::Deliver),
            8 => any::<usize>().prop_map(Step::Settle),
            2 => Just(Step::Commit),
            1 => (0_u8..3).prop_map(Step::CommitFails),
        ];
        proptest::collection::vec(step, 0..200)
    }

    /// A broker's view: what each partition has committed, and which offsets really reached their end.
    #[derive(Default)]
    struct Model {
        next: BTreeMap<u8, i64>,
        delivered: BTreeMap<u8, Vec<i64>>,
        ended: BTreeMap<u8, Vec<i64>>,
        committed: BTreeMap<u8, i64>,
        /// What was committed before the last commit, which may turn out to have failed.
        before: BTreeMap<u8, Option<i64>>,
    }

    impl Model {
        fn is_lossless(&self, partition: u8) -> bool {
            let empty = Vec::new();
            let ended = self.ended.get(&partition).unwrap_or(&empty);
            let committed = self.committed.get(&partition).copied().unwrap_or(0);
            let delivered = self.delivered.get(&partition).unwrap_or(&empty);
            delivered.iter().filter(|offset| **offset < committed).all(|offset| ended.contains(offset))
        }

        fn commit(&mut self, partition: u8, offset: i64) {
            let before = self.committed.insert(partition, offset);
            self.before.insert(partition, before);
        }

        /// The last commit of the partition did not reach the broker.
        fn take_back(&mut self, partition: u8) {
            match self.before.remove(&partition) {
                Some(Some(before)) => drop(self.committed.insert(partition, before)),
                Some(None) => drop(self.committed.remove(&partition)),
                None => {}
            }
        }

        /// Says whether the broker knows how far the tenure came, if it came anywhere.
        fn is_told(&self, partition: u8, position: Option<i64>) -> bool {
            position.is_none_or(|position| self.committed.get(&partition) == Some(&position))
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn nothing_is_committed_before_everything_below_it_has_ended(steps in steps()) {
            let (mut ledger, mut model) = (Ledger::default(), Model::default());
            let mut in_hand: Vec<(u8, Generation, i64)> = Vec::new();
            for step in steps {
                match step {
                    Step::Assign(partition) => {
                        ledger.assign(partition);
                        // A new tenure reads on from what is committed.
                        let from = model.committed.get(&partition).copied().unwrap_or(0);
                        model.next.insert(partition, from);
                        model.before.remove(&partition);
                    }
                    Step::Revoke(partition) => ledger.revoke(partition),
                    Step::Deliver(partition) => {
                        let next = model.next.entry(partition).or_default();
                        // Offsets that no record has, as transactions leave them.
                        let offset = if *next % 4 == 2 { *next + 2 } else { *next };
                        if let Delivery::Fresh(generation) = ledger.admit(partition, offset) {
                            *next = offset + 1;
                            model.delivered.entry(partition).or_default().push(offset);
                            in_hand.push((partition, generation, offset));
                        }
                    }
                    Step::Settle(n) if !in_hand.is_empty() => {
                        let (partition, generation, offset) = in_hand.swap_remove(n % in_hand.len());
                        if ledger.settle(partition, generation, offset) {
                            model.ended.entry(partition).or_default().push(offset);
                        }
                    }
                    Step::Settle(_) => {}
                    Step::Commit => {
                        for (partition, offset) in ledger.take_commits() {
                            model.commit(partition, offset);
                            prop_assert!(model.is_lossless(partition));
                        }
                        for partition in ledger.partitions() {
                            let position = ledger.window(partition).and_then(Window::position);
                            prop_assert!(model.is_told(partition, position), "{partition}: {position:?}");
                        }
                    }
                    Step::CommitFails(partition) => {
                        model.take_back(partition);
                        ledger.commit_failed(partition);
                    }
                }
            }
        }
    }

    #[test]
    fn a_late_word_of_an_old_generation_is_dropped() {
        let mut ledger = Ledger::default();
        let old = ledger.assign(0);
        ledger.admit(0, 5);
        ledger.revoke(0);
        ledger.assign(0);
        ledger.admit(0, 5);
        assert!(!ledger.settle(0, old, 5));
        assert_eq!(ledger.take_commits(), [(0, 5)], "offset 5 is open");
    }

    #[test]
    fn a_failed_commit_is_made_again() {
        let mut ledger = Ledger::default();
        let generation = ledger.assign(0);
        ledger.admit(0, 5);
        ledger.settle(0, generation, 5);
        assert_eq!(ledger.take_commits(), [(0, 6)]);
        assert_eq!(ledger.take_commits(), []);
        ledger.commit_failed(0);
        // Where the next record comes between, the commit that failed is due all the same.
        ledger.admit(0, 6);
        assert_eq!(ledger.take_commits(), [(0, 6)]);
    }

    #[test]
    fn a_log_that_was_reset_begins_a_new_generation() {
        let mut ledger = Ledger::default();
        let old = ledger.assign(0);
        ledger.admit(0, 500);
        ledger.settle(0, old, 500);
        ledger.admit(0, 501);
        let Delivery::Rewound(new) = ledger.admit(0, 3) else { panic!("offset 3 lies below 501") };
        assert!(!ledger.settle(0, old, 501));
        assert_eq!(ledger.take_commits(), [(0, 3)], "the group stands behind the end of the new log");
        assert!(ledger.settle(0, new, 3));
        assert_eq!(ledger.take_commits(), [(0, 4)]);
    }

    /// The client says nothing of an offset that the log does not have: it begins at the log's beginning.
    #[test]
    fn where_reading_begins_is_told_to_the_group_though_nothing_has_ended() {
        let mut ledger = Ledger::default();
        let generation = ledger.assign(0);
        ledger.admit(0, 3);
        assert_eq!(ledger.take_commits(), [(0, 3)]);
        assert_eq!(ledger.take_commits(), [], "once");
        ledger.settle(0, generation, 3);
        assert_eq!(ledger.take_commits(), [(0, 4)]);
    }
}
