//! Owns how much may be set aside: records that failed again and again, and wait for the world without a place in hand.
//! Each of them still holds back the commits of its partition, so that nothing is lost with the process.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::metrics;

/// Bytes of records that may be set aside; a record of a fact has some hundred, an inbound one up to a megabyte.
const BYTES_MAX: usize = 64 << 20;

/// What one belt has set aside.
pub(crate) struct Aside {
    group: String,
    records_max: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    records: usize,
    bytes: usize,
}

impl Aside {
    pub(crate) fn new(group: &str, records_max: usize) -> Arc<Aside> {
        metrics::set_aside(group, 0);
        Arc::new(Aside { group: group.to_owned(), records_max, taken: Mutex::default() })
    }

    /// Takes a place for a record of so many bytes; none when there is no more, and then the record keeps its place in
    /// hand.
    pub(crate) fn take(self: &Arc<Aside>, bytes: usize) -> Option<Ticket> {
        let mut taken = self.taken();
        if taken.records >= self.records_max || taken.bytes.saturating_add(bytes) > BYTES_MAX {
            return None;
        }
        taken.records += 1;
        taken.bytes += bytes;
        metrics::set_aside(&self.group, taken.records);
        Some(Ticket { aside: Arc::clone(self), bytes, is_first: taken.records == 1 })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().expect("no holder panics")
    }
}

/// A place among what is set aside. Given back when dropped: the record has ended, or is left for the next member.
pub(crate) struct Ticket {
    aside: Arc<Aside>,
    bytes: usize,
    is_first: bool,
}

impl Ticket {
    /// Says whether nothing else was set aside when this was taken.
    pub(crate) fn is_first(&self) -> bool {
        self.is_first
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut taken = self.aside.taken();
        taken.records -= 1;
        taken.bytes -= self.bytes;
        metrics::set_aside(&self.aside.group, taken.records);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_by_records_and_by_bytes_and_come_back() {
        let aside = Aside::new("g", 2);
        let first = aside.take(1).unwrap();
        let second = aside.take(BYTES_MAX - 1).unwrap();
        assert!(first.is_first() && !second.is_first());
        assert!(aside.take(0).is_none(), "no third record");
        drop(first);
        assert!(aside.take(2).is_none(), "too many bytes");
        assert!(aside.take(1).is_some());
    }
}
