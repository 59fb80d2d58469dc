//! Owns the order in which the offsets of one partition may be committed. Knows nothing about records, clients or time.
//!
//! Records are settled in any order; what may be committed is the contiguous prefix. Vector's ledger (#9587, #10434,
//! #14865) shows how easily this goes wrong, so it is a pure structure, held to a model by random interleavings.

use std::collections::BTreeSet;

/// Which admitted offsets of one partition are settled.
#[derive(Clone, Debug, Default)]
pub struct Window {
    outstanding: BTreeSet<i64>,
    /// Settled, but above an outstanding offset.
    settled: BTreeSet<i64>,
    /// One past the highest admitted offset; none before the first.
    end: Option<i64>,
}

/// What a delivered offset is to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// To be handled; nothing from here on is committed until it is settled.
    New,
    /// Delivered before in this window: not to be handled again.
    Seen,
    /// Below what was settled: the log itself was reset, and this window is about a log that no longer exists.
    Rewound,
}

impl Window {
    /// Takes a delivered offset in. Gaps are fine: compaction and transaction markers leave them.
    pub fn admit(&mut self, offset: i64) -> Admission {
        if self.position().is_some_and(|position| offset < position) {
            return Admission::Rewound;
        }
        if self.outstanding.contains(&offset) || self.settled.contains(&offset) {
            return Admission::Seen;
        }
        self.outstanding.insert(offset);
        self.end = self.end.max(Some(offset + 1));
        Admission::New
    }

    /// Marks an offset as having reached its end. Returns false, and changes nothing, if it was not outstanding.
    pub fn settle(&mut self, offset: i64) -> bool {
        if !self.outstanding.remove(&offset) {
            return false;
        }
        self.settled.insert(offset);
        let position = self.position().expect("an offset was admitted");
        if self.settled.first().is_some_and(|first| *first < position) {
            self.settled = self.settled.split_off(&position);
        }
        true
    }

    /// Returns the offset to commit: every admitted offset below it is settled. None before the first admission.
    pub fn position(&self) -> Option<i64> {
        self.outstanding.first().copied().or(self.end)
    }

    /// Returns one past the highest admitted offset.
    pub fn end(&self) -> Option<i64> {
        self.end
    }

    /// Returns how many offsets the window remembers: what bounds its memory.
    pub fn span(&self) -> usize {
        self.outstanding.len() + self.settled.len()
    }

    /// Returns how many admitted offsets are not settled.
    pub fn outstanding(&self) -> usize {
        self.outstanding.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// Every admitted offset and whether it is settled: slow, and right by inspection.
    #[derive(Default)]
    struct Model(BTreeMap<i64, bool>);

    impl Model {
        fn position(&self) -> Option<i64> {
            let open = self.0.iter().find(|(_, settled)| !**settled);
            open.map(|(offset, _)| *offset).or_else(|| self.0.keys().last().map(|last| last + 1))
        }

        fn admit(&mut self, offset: i64) -> Admission {
            match self.position() {
                Some(position) if offset < position => Admission::Rewound,
                _ if self.0.contains_key(&offset) => Admission::Seen,
                _ => {
                    self.0.insert(offset, false);
                    Admission::New
                }
            }
        }

        fn settle(&mut self, offset: i64) -> bool {
            self.0.get_mut(&offset).is_some_and(|settled| !std::mem::replace(settled, true))
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Admit(i64),
        Settle(i64),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![(0_i64..60).prop_map(Step::Admit), (0_i64..60).prop_map(Step::Settle)];
        proptest::collection::vec(step, 0..250)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8192))]

        #[test]
        fn the_window_is_its_model_under_any_interleaving(steps in steps()) {
            let (mut window, mut model) = (Window::default(), Model::default());
            let mut before = None;
            for step in steps {
                match step {
                    Step::Admit(offset) => prop_assert_eq!(window.admit(offset), model.admit(offset)),
                    Step::Settle(offset) => prop_assert_eq!(window.settle(offset), model.settle(offset)),
                }
                prop_assert_eq!(window.position(), model.position());
                prop_assert!(window.position() >= before, "a position never goes back");
                before = window.position();
                let open = model.0.values().filter(|settled| !**settled).count();
                prop_assert_eq!(window.outstanding(), open);
                let kept = model.position().map_or(0, |position| model.0.range(position..).count());
                prop_assert_eq!(window.span(), kept, "nothing below the position is remembered");
            }
        }

        #[test]
        fn when_all_is_settled_in_any_order_all_may_be_committed(
            order in Just((100_i64..200).collect::<Vec<_>>()).prop_shuffle()
        ) {
            let mut window = Window::default();
            for offset in 100..200 {
                prop_assert_eq!(window.admit(offset), Admission::New);
            }
            for offset in order {
                prop_assert!(window.settle(offset));
            }
            prop_assert_eq!((window.position(), window.span()), (Some(200), 0));
        }
    }

    #[test]
    fn an_open_record_holds_back_all_that_is_above_it() {
        let mut window = Window::default();
        for offset in [7, 8, 12] {
            window.admit(offset);
        }
        assert!(window.settle(8) && window.settle(12));
        assert_eq!(window.position(), Some(7));
        assert!(window.settle(7));
        assert_eq!(window.position(), Some(13));
    }

    #[test]
    fn settle_twice_is_once() {
        let mut window = Window::default();
        window.admit(0);
        assert!(window.settle(0));
        assert!(!window.settle(0));
        assert_eq!(window.position(), Some(1));
    }
}
