//! Owns how much is in hand: records and bytes, of all and of those that were set aside before. Decides nothing about which
//! record comes next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::config::BeltArgs;

/// What one belt has in hand, and how much that may be.
pub(crate) struct Hand {
    records_max: usize,
    bytes_max: u64,
    all: Count,
    /// Those of them that were set aside and are tried again.
    returned: Count,
}

#[derive(Default)]
struct Count {
    records: AtomicUsize,
    bytes: AtomicU64,
}

impl Count {
    fn is_below(&self, records_max: usize, bytes_max: u64) -> bool {
        self.records.load(Ordering::Acquire) < records_max && self.bytes.load(Ordering::Acquire) < bytes_max
    }
}

/// Which records a load counts among.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Delivered and never set aside.
    Delivered,
    /// Set aside before.
    Returned,
}

impl Hand {
    pub(crate) fn new(limits: &BeltArgs) -> Hand {
        Hand {
            records_max: limits.in_flight_records_max.max(1),
            bytes_max: limits.in_flight_bytes_max.max(1),
            all: Count::default(),
            returned: Count::default(),
        }
    }

    pub(crate) fn records(&self) -> usize {
        self.all.records.load(Ordering::Acquire)
    }

    /// Returns the bytes being handled; what waits for its next try costs none.
    pub(crate) fn bytes(&self) -> u64 {
        self.all.bytes.load(Ordering::Acquire)
    }

    /// Says whether one more may be taken in hand. What was set aside never fills more than half of it, so that a try
    /// which takes long and fails again keeps nobody else waiting.
    pub(crate) fn has_room(&self, kind: Kind) -> bool {
        let (records, bytes) = (self.records_max, self.bytes_max);
        let is_within_share = || self.returned.is_below(records.div_ceil(2), bytes.div_ceil(2));
        self.all.is_below(records, bytes) && (kind == Kind::Delivered || is_within_share())
    }

    fn counts(&self, kind: Kind) -> impl Iterator<Item = &Count> {
        [Some(&self.all), (kind == Kind::Returned).then_some(&self.returned)].into_iter().flatten()
    }
}

/// One record's share of what is in hand. Given back when dropped.
pub(crate) struct Load {
    hand: Arc<Hand>,
    kind: Kind,
    bytes: u64,
    carried: bool,
}

impl Load {
    pub(crate) fn new(hand: &Arc<Hand>, kind: Kind, bytes: u64) -> Load {
        for count in hand.counts(kind) {
            count.records.fetch_add(1, Ordering::AcqRel);
        }
        let mut load = Load { hand: Arc::clone(hand), kind, bytes, carried: false };
        load.take_up();
        load
    }

    pub(crate) fn take_up(&mut self) {
        if !std::mem::replace(&mut self.carried, true) {
            for count in self.hand.counts(self.kind) {
                count.bytes.fetch_add(self.bytes, Ordering::AcqRel);
            }
        }
    }

    /// Counts no bytes until it is taken up again.
    pub(crate) fn put_down(&mut self) {
        if std::mem::take(&mut self.carried) {
            for count in self.hand.counts(self.kind) {
                count.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
            }
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.put_down();
        for count in self.hand.counts(self.kind) {
            count.records.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hand(records: usize, bytes: u64) -> Arc<Hand> {
        let limits =
            BeltArgs { in_flight_records_max: records, in_flight_bytes_max: bytes, ..BeltArgs::default() };
        Arc::new(Hand::new(&limits))
    }

    #[test]
    fn what_was_set_aside_fills_half_of_the_hand_and_the_rest_is_for_others() {
        for hand in [hand(4, u64::MAX), hand(usize::MAX, 40)] {
            let returned: Vec<_> = (0..2).map(|_| Load::new(&hand, Kind::Returned, 10)).collect();
            assert!(!hand.has_room(Kind::Returned) && hand.has_room(Kind::Delivered));
            let delivered: Vec<_> = (0..2).map(|_| Load::new(&hand, Kind::Delivered, 10)).collect();
            assert!(!hand.has_room(Kind::Delivered));
            drop(returned);
            assert!(hand.has_room(Kind::Returned) && hand.has_room(Kind::Delivered));
            drop(delivered);
            assert_eq!((hand.records(), hand.bytes()), (0, 0));
        }
    }

    #[test]
    fn a_hand_for_one_record_takes_one_of_either_kind() {
        let hand = hand(1, 1);
        for kind in [Kind::Delivered, Kind::Returned] {
            assert!(hand.has_room(kind));
            let mut load = Load::new(&hand, kind, 100);
            assert!(!hand.has_room(Kind::Delivered) && !hand.has_room(Kind::Returned));
            load.put_down();
            assert_eq!((hand.records(), hand.bytes()), (1, 0));
        }
    }
}
