//! Owns which workers are idle, whose they are and since when. A worker's memory still holds pieces of the last picture, so
//! that one which nobody needs is ended in time. Knows nothing about what workers do.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Idle workers, `W`. Those that are idle for too long are dropped by a thread of their own, the rest with this.
pub(super) struct Idle<W> {
    room: Arc<Room<W>>,
    sweeper: Option<JoinHandle<()>>,
}

struct Room<W> {
    shelf: Mutex<Shelf<W>>,
    /// The shelf is no longer empty, or is closed.
    changed: Condvar,
}

struct Shelf<W> {
    idle_max: Duration,
    is_closed: bool,
    /// Longest idle first.
    workers: Vec<Entry<W>>,
}

struct Entry<W> {
    customer: String,
    since: Instant,
    worker: W,
}

impl<W: Send + 'static> Idle<W> {
    /// An empty room, in which a worker may stay for `idle_max`. Fails if no thread starts.
    pub(super) fn start(idle_max: Duration) -> io::Result<Self> {
        let shelf = Mutex::new(Shelf { idle_max, is_closed: false, workers: Vec::new() });
        let room = Arc::new(Room { shelf, changed: Condvar::new() });
        let swept = room.clone();
        let sweeper = thread::Builder::new().name("darkroom-sweeper".into()).spawn(move || swept.sweep())?;
        Ok(Self { room, sweeper: Some(sweeper) })
    }

    /// Puts away a worker of `customer`, idle from now on.
    pub(super) fn put(&self, customer: &str, worker: W) {
        let mut shelf = self.room.shelf();
        let was_empty = shelf.workers.is_empty();
        shelf.put(customer, worker, Instant::now());
        drop(shelf);
        // Otherwise the sweeper wakes for an older one first.
        if was_empty {
            self.room.changed.notify_one();
        }
    }

    /// Takes out the worker that is idle longest, of those whose customer is one of `whose`.
    pub(super) fn take(&self, whose: impl Fn(&str) -> bool) -> Option<W> {
        self.room.shelf().take(whose)
    }

    /// Takes out the worker that is idle longest if there are more than `count`.
    pub(super) fn take_beyond(&self, count: usize) -> Option<W> {
        let mut shelf = self.room.shelf();
        if shelf.workers.len() > count { shelf.take(|_| true) } else { None }
    }
}

impl<W> Drop for Idle<W> {
    fn drop(&mut self) {
        self.room.shelf().is_closed = true;
        self.room.changed.notify_one();
        if let Some(sweeper) = self.sweeper.take() {
            // A sweeper that panicked has already ended, which is the aim.
            let _ = sweeper.join();
        }
    }
}

impl<W> Room<W> {
    /// Drops workers as their time comes, until the room is closed.
    fn sweep(&self) {
        let mut shelf = self.shelf();
        while !shelf.is_closed {
            let now = Instant::now();
            let overdue = shelf.take_overdue(now);
            shelf = if !overdue.is_empty() {
                drop(shelf);
                // Ends processes, which takes time: others may put and take meanwhile.
                drop(overdue);
                self.shelf()
            } else if let Some(left) = shelf.time_left(now) {
                self.changed.wait_timeout(shelf, left).unwrap_or_else(PoisonError::into_inner).0
            } else {
                self.changed.wait(shelf).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf<W>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<W> Shelf<W> {
    fn put(&mut self, customer: &str, worker: W, now: Instant) {
        self.workers.push(Entry { customer: customer.to_owned(), since: now, worker });
    }

    fn take(&mut self, whose: impl Fn(&str) -> bool) -> Option<W> {
        let found = self.workers.iter().position(|idle| whose(&idle.customer))?;
        Some(self.workers.remove(found).worker)
    }

    fn take_overdue(&mut self, now: Instant) -> Vec<W> {
        let is_overdue = |idle: &Entry<W>| now.saturating_duration_since(idle.since) >= self.idle_max;
        let count = self.workers.iter().take_while(|idle| is_overdue(idle)).count();
        self.workers.drain(..count).map(|idle| idle.worker).collect()
    }

    /// Until the first worker is overdue; `None` if there is none.
    fn time_left(&self, now: Instant) -> Option<Duration> {
        let first = self.workers.first()?;
        Some(self.idle_max.saturating_sub(now.saturating_duration_since(first.since)))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const LONG: Duration = Duration::from_secs(3_600);

    fn shelf() -> Shelf<u32> {
        Shelf { idle_max: MINUTE, is_closed: false, workers: Vec::new() }
    }

    /// Tells of its end.
    struct Mortal(u32, Sender<u32>);

    impl Drop for Mortal {
        fn drop(&mut self) {
            // The test may have heard enough.
            let _ = self.1.send(self.0);
        }
    }

    fn next_end(ends: &Receiver<u32>) -> Result<u32, RecvTimeoutError> {
        ends.recv_timeout(Duration::from_secs(20))
    }

    #[test]
    fn a_worker_is_overdue_a_minute_after_it_was_put_away_and_not_before() {
        let (mut shelf, begun) = (shelf(), Instant::now());
        assert_eq!(shelf.time_left(begun), None);
        shelf.put("c", 1, begun);
        shelf.put("d", 2, begun + MINUTE / 4);
        let short_of = begun + MINUTE - Duration::from_nanos(1);
        assert!(shelf.take_overdue(short_of).is_empty());
        assert_eq!(shelf.time_left(short_of), Some(Duration::from_nanos(1)));
        assert_eq!(shelf.take_overdue(begun + MINUTE), [1]);
        assert_eq!(shelf.time_left(begun + MINUTE), Some(MINUTE / 4));
        assert_eq!(shelf.take_overdue(begun + 2 * MINUTE), [2]);
    }

    #[test]
    fn a_worker_that_was_used_stays_another_minute() {
        let (mut shelf, begun) = (shelf(), Instant::now());
        shelf.put("c", 1, begun);
        shelf.put("d", 2, begun);
        assert_eq!(shelf.take(|customer| customer == "c"), Some(1));
        shelf.put("c", 1, begun + MINUTE / 2);
        assert_eq!(shelf.take_overdue(begun + MINUTE), [2]);
        assert_eq!(shelf.take(|customer| customer == "d"), None);
        assert_eq!(shelf.take(|customer| customer == "c"), Some(1));
    }

    #[test]
    fn a_time_without_end_never_comes() {
        let begun = Instant::now();
        let mut shelf = Shelf { idle_max: Duration::MAX, ..shelf() };
        shelf.put("c", 1, begun);
        assert!(shelf.take_overdue(begun + LONG).is_empty());
        assert!(shelf.time_left(begun).is_some_and(|left| left > LONG));
    }

    #[test]
    fn what_is_beyond_a_count_is_taken_from_the_longest_idle() {
        let idle = Idle::start(LONG).unwrap();
        idle.put("c", 1);
        idle.put("d", 2);
        assert_eq!(idle.take_beyond(2), None);
        assert_eq!(idle.take_beyond(1), Some(1));
        assert_eq!(idle.take_beyond(0), Some(2));
        assert_eq!(idle.take_beyond(0), None);
    }

    #[test]
    fn workers_end_by_themselves_while_others_wait_for_nothing() {
        let (ended, ends) = channel();
        let idle = Idle::start(Duration::from_millis(50)).unwrap();
        for number in 1..=2 {
            let begun = Instant::now();
            idle.put("c", Mortal(number, ended.clone()));
            assert_eq!(next_end(&ends), Ok(number));
            assert!(begun.elapsed() >= Duration::from_millis(50), "{number} ended early");
        }
        assert!(idle.take(|_| true).is_none());
    }

    #[test]
    fn the_room_is_closed_at_once_with_all_who_are_in_it() {
        let (ended, ends) = channel();
        let idle = Idle::start(LONG).unwrap();
        idle.put("c", Mortal(1, ended));
        let closing = thread::spawn(move || drop(idle));
        assert_eq!(next_end(&ends), Ok(1));
        closing.join().unwrap();
    }
}
