//! How often one customer may ask: a token bucket each. Owns the buckets and the bound on their number.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use proto::CustomerId;

/// Buckets kept at once; past it the full ones, which say nothing, are forgotten.
const CUSTOMERS_MAX: usize = 50_000;

/// A token bucket for each customer.
pub(crate) struct Rates {
    per_sec: f64,
    burst: f64,
    buckets: Mutex<HashMap<CustomerId, Bucket>>,
}

#[derive(Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn at(self, now: Instant, per_sec: f64, burst: f64) -> Bucket {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * per_sec;
        Bucket { tokens: (self.tokens + gained).min(burst), at: now }
    }
}

impl Rates {
    /// Returns none where `per_sec` is 0: no limit.
    pub(crate) fn new(per_sec: u32, burst: u32) -> Option<Rates> {
        let burst = f64::from(burst.max(1));
        (per_sec > 0).then(|| Rates { per_sec: f64::from(per_sec), burst, buckets: Mutex::default() })
    }

    /// Takes one request's worth, or says how long to wait for it.
    pub(crate) fn take(&self, customer: &CustomerId) -> Result<(), Duration> {
        self.take_at(customer, Instant::now())
    }

    fn take_at(&self, customer: &CustomerId, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= CUSTOMERS_MAX && !buckets.contains_key(customer) {
            buckets.retain(|_, bucket| bucket.at(now, self.per_sec, self.burst).tokens < self.burst);
        }
        let full = Bucket { tokens: self.burst, at: now };
        let bucket = buckets.entry(customer.clone()).or_insert(full);
        *bucket = bucket.at(now, self.per_sec, self.burst);
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - bucket.tokens) / self.per_sec))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_counts_and_others_are_not_touched() {
        let rates = Rates::new(10, 3).unwrap();
        let (acme, globex) = (CustomerId::parse("acme").unwrap(), CustomerId::parse("globex").unwrap());
        let start = Instant::now();
        assert!((0..3).all(|_| rates.take_at(&acme, start).is_ok()));
        assert_eq!(rates.take_at(&acme, start), Err(Duration::from_millis(100)));
        assert_eq!(rates.take_at(&globex, start), Ok(()));
        assert_eq!(rates.take_at(&acme, start + Duration::from_millis(100)), Ok(()));
    }

    #[test]
    fn no_rate_means_no_limit() {
        assert!(Rates::new(0, 1).is_none());
    }
}
