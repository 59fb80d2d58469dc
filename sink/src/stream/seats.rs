//! How many live streams are open, in total and of each customer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use proto::CustomerId;

use crate::metrics;

/// Counts open streams.
#[derive(Debug, Default)]
pub(crate) struct Seats(Mutex<Taken>);

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    of_customer: HashMap<CustomerId, usize>,
}

/// How many may be taken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeatsMax {
    pub(crate) of_customer: usize,
    pub(crate) in_all: usize,
}

/// Says that no further stream may open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// The customer has as many as it may have.
    Customer,
    /// The process has as many as it bears.
    Process,
}

/// An open stream's seat, free again when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    customer: CustomerId,
}

impl Seats {
    /// Takes a seat.
    pub(crate) fn take(self: &Arc<Seats>, customer: &CustomerId, max: SeatsMax) -> Result<Seat, Full> {
        let mut taken = self.0.lock().expect("no holder of the lock panics");
        if taken.total >= max.in_all {
            return Err(Full::Process);
        }
        let of_customer = taken.of_customer.entry(customer.clone()).or_default();
        if *of_customer >= max.of_customer {
            return Err(Full::Customer);
        }
        *of_customer += 1;
        taken.total += 1;
        metrics::stream_opened();
        Ok(Seat { seats: Arc::clone(self), customer: customer.clone() })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.0.lock().expect("no holder of the lock panics");
        taken.total -= 1;
        if let Some(of_customer) = taken.of_customer.get_mut(&self.customer) {
            *of_customer -= 1;
            if *of_customer == 0 {
                taken.of_customer.remove(&self.customer);
            }
        }
        metrics::stream_closed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_bounded_for_each_customer_and_for_all_and_come_back() {
        let seats = Arc::new(Seats::default());
        let customer = |name| CustomerId::parse(name).unwrap();
        let max = SeatsMax { of_customer: 2, in_all: 3 };
        let take = |name| seats.take(&customer(name), max);
        let first = take("a").unwrap();
        let _second = take("a").unwrap();
        assert_eq!(take("a").unwrap_err(), Full::Customer);
        let _third = take("b").unwrap();
        assert_eq!(take("c").unwrap_err(), Full::Process);
        drop(first);
        assert!(take("a").is_ok());
    }
}
