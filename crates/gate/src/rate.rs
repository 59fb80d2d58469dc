//! How often one customer may ask: a token bucket each. Owns the buckets and the bound on their number, which holds whoever
//! asks: forgetting a bucket gives its customer at most what it has not yet paid back, so those that owe least go first.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use proto::CustomerId;

/// Buckets kept at once.
const CUSTOMERS_MAX: usize = 50_000;
/// What is left of them when the bound is reached: room is made for so many at once that making it costs each newcomer little.
const CUSTOMERS_KEPT: usize = CUSTOMERS_MAX / 2;

/// A token bucket for each customer.
pub(crate) struct Rates {
    /// In which one token is gained.
    interval: Duration,
    /// In which an empty bucket fills.
    fill_time: Duration,
    /// When each bucket is full again. One that is full says nothing and need not be kept.
    full_at: Mutex<HashMap<CustomerId, Instant>>,
}

impl Rates {
    /// Returns none where `per_sec` is 0: no limit.
    pub(crate) fn new(per_sec: u32, burst: u32) -> Option<Rates> {
        let interval = Duration::from_secs(1).checked_div(per_sec)?;
        Some(Rates { interval, fill_time: interval * burst.max(1), full_at: Mutex::default() })
    }

    /// Takes one request's worth, or says how long to wait for it.
    pub(crate) fn take(&self, customer: &CustomerId) -> Result<(), Duration> {
        self.take_at(customer, Instant::now())
    }

    fn take_at(&self, customer: &CustomerId, now: Instant) -> Result<(), Duration> {
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let owed = full_at.get(customer).map_or(Duration::ZERO, |full| full.saturating_duration_since(now));
        let owed = owed + self.interval;
        if owed > self.fill_time {
            return Err(owed - self.fill_time);
        }
        if full_at.len() >= CUSTOMERS_MAX && !full_at.contains_key(customer) {
            make_room(&mut full_at, now);
        }
        full_at.insert(customer.clone(), now + owed);
        Ok(())
    }
}

/// Forgets the full buckets, and beyond them the fullest.
fn make_room(full_at: &mut HashMap<CustomerId, Instant>, now: Instant) {
    full_at.retain(|_, full| *full > now);
    let Some(surplus) = full_at.len().checked_sub(CUSTOMERS_KEPT).filter(|&surplus| surplus > 0) else {
        return;
    };
    let mut times: Vec<Instant> = full_at.values().copied().collect();
    let (_, bound, _) = times.select_nth_unstable(surplus - 1);
    let (bound, mut left) = (*bound, surplus);
    // Many may be full at the same instant: no more go than must.
    full_at.retain(|_, full| {
        let goes = *full <= bound && left > 0;
        left -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customer(number: usize) -> CustomerId {
        CustomerId::parse(&format!("c{number}")).unwrap()
    }

    #[test]
    fn a_burst_passes_then_the_rate_counts_and_others_are_not_touched() {
        let rates = Rates::new(10, 3).unwrap();
        let (acme, globex) = (CustomerId::parse("acme").unwrap(), CustomerId::parse("globex").unwrap());
        let start = Instant::now();
        assert!((0..3).all(|_| rates.take_at(&acme, start).is_ok()));
        assert_eq!(rates.take_at(&acme, start), Err(Duration::from_millis(100)));
        assert_eq!(rates.take_at(&globex, start), Ok(()));
        assert_eq!(rates.take_at(&acme, start + Duration::from_millis(100)), Ok(()));
        assert_eq!(rates.take_at(&acme, start + Duration::from_millis(150)), Err(Duration::from_millis(50)));
        let rested = start + Duration::from_secs(60);
        assert!((0..3).all(|_| rates.take_at(&acme, rested).is_ok()), "a full bucket gains nothing more");
        assert!(rates.take_at(&acme, rested).is_err());
    }

    #[test]
    fn no_rate_means_no_limit() {
        assert!(Rates::new(0, 1).is_none());
    }

    #[test]
    fn the_buckets_are_bounded_while_none_of_them_is_full_and_who_owes_most_is_remembered() {
        let rates = Rates::new(1, 100).unwrap();
        let (start, greedy) = (Instant::now(), customer(usize::MAX));
        assert!((0..100).all(|_| rates.take_at(&greedy, start).is_ok()));
        for number in 0..3 * CUSTOMERS_MAX {
            // All at one instant: no bucket is full again before the last of them has come.
            assert_eq!(rates.take_at(&customer(number), start), Ok(()));
            assert!(rates.full_at.lock().unwrap().len() <= CUSTOMERS_MAX);
        }
        assert!(rates.take_at(&greedy, start).is_err(), "newcomers do not pay its debt");
        let rested = start + Duration::from_secs(3600);
        assert!((0..CUSTOMERS_MAX).all(|number| rates.take_at(&customer(number), rested).is_ok()));
        assert!(rates.full_at.lock().unwrap().len() <= CUSTOMERS_MAX);
    }
}
