//! Owns who may work now: at most so many callers, and together at most so many estimated bytes. First come, first
//! admitted, so that a large original is not starved by small ones. Knows nothing about workers.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Room for callers and bytes.
pub(super) struct Admission {
    callers_max: usize,
    bytes_max: u64,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Handed to the next caller.
    next_ticket: u64,
    /// The caller that is admitted next.
    first_in_line: u64,
    callers: usize,
    bytes: u64,
}

/// Room that a caller has, given up when dropped.
pub(super) struct Admitted<'a> {
    admission: &'a Admission,
    bytes: u64,
}

impl Admission {
    pub(super) fn new(callers_max: usize, bytes_max: u64) -> Self {
        Self { callers_max, bytes_max, state: Mutex::default(), changed: Condvar::new() }
    }

    /// Blocks until there is room for `bytes` more; one that could never fit is admitted alone.
    pub(super) fn enter(&self, bytes: u64) -> Admitted<'_> {
        let bytes = bytes.min(self.bytes_max);
        let mut state = self.state();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        while state.first_in_line != ticket
            || state.callers >= self.callers_max
            || state.bytes.saturating_add(bytes) > self.bytes_max
        {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.first_in_line += 1;
        state.callers += 1;
        state.bytes += bytes;
        drop(state);
        // The next in line may fit too.
        self.changed.notify_all();
        Admitted { admission: self, bytes }
    }

    /// Callers that have a place.
    pub(super) fn callers(&self) -> usize {
        self.state().callers
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        let mut state = self.admission.state();
        state.callers -= 1;
        state.bytes -= self.bytes;
        drop(state);
        self.admission.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::thread;

    use super::*;

    /// Runs callers of these sizes and returns the most bytes that were in at once.
    fn peak(callers_max: usize, bytes_max: u64, sizes: &[u64]) -> u64 {
        let admission = Arc::new(Admission::new(callers_max, bytes_max));
        let (inside, peak) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let callers: Vec<_> = sizes
            .iter()
            .map(|&bytes| {
                let (admission, inside, peak) = (admission.clone(), inside.clone(), peak.clone());
                thread::spawn(move || {
                    for _ in 0..200 {
                        let _place = admission.enter(bytes);
                        peak.fetch_max(inside.fetch_add(bytes, Ordering::SeqCst) + bytes, Ordering::SeqCst);
                        thread::yield_now();
                        inside.fetch_sub(bytes, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert_eq!(admission.callers(), 0);
        peak.load(Ordering::SeqCst)
    }

    #[test]
    fn the_bytes_inside_stay_within_the_bound() {
        let peak = peak(8, 100, &[60, 50, 40, 30, 20, 10]);
        assert!(peak <= 100, "{peak}");
    }

    #[test]
    fn what_could_never_fit_is_admitted_alone() {
        let peak = peak(8, 100, &[500, 1, 1, 1]);
        assert_eq!(peak, 500);
    }

    #[test]
    fn callers_are_bounded_too() {
        let peak = peak(2, 100, &[1; 6]);
        assert!(peak <= 2, "{peak}");
    }
}
