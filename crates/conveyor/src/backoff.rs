//! Owns how long to wait before the next try: doubling, bounded, jittered. Pure but for the dice.

use std::time::Duration;

/// The waits between the tries of one thing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    base: Duration,
    max: Duration,
}

impl Backoff {
    pub(crate) fn new(base: Duration, max: Duration) -> Backoff {
        Backoff { base, max: max.max(base) }
    }

    /// Returns the wait after try number `attempt` (the first is 1): half of it fixed, half by chance, so that many who
    /// failed together do not come back together.
    pub(crate) fn wait(&self, attempt: u32) -> Duration {
        let doublings = attempt.saturating_sub(1).min(20);
        let whole = self.base.saturating_mul(1 << doublings).min(self.max);
        whole.mul_f64(rand::random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_the_base_and_never_pass_the_bound() {
        let backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(10));
        for attempt in 0..1000 {
            let wait = backoff.wait(attempt);
            assert!(wait >= Duration::from_millis(50) && wait <= Duration::from_secs(10), "{wait:?}");
        }
        assert!(backoff.wait(1) <= Duration::from_millis(100));
        assert!(backoff.wait(u32::MAX) >= Duration::from_secs(5));
    }
}
