//! How much of the room one customer holds. Owns the bound on it, so that one customer's uploads, however many and slow they
//! are, leave room for everybody else's. Remembers those customers alone that hold some.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use proto::CustomerId;

/// Room: for uploads at once, and for what they hold in memory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) uploads: usize,
    pub(crate) units: usize,
}

/// Counts what each customer holds.
#[derive(Clone)]
pub(crate) struct Shares(Arc<Inner>);

struct Inner {
    most: Room,
    held: Mutex<HashMap<CustomerId, Room>>,
}

/// One upload's part of its customer's share; dropping it gives it back.
pub(crate) struct Share {
    shares: Shares,
    customer: CustomerId,
    units: usize,
}

impl Shares {
    /// Lets each customer hold at most `most`.
    pub(crate) fn new(most: Room) -> Shares {
        Shares(Arc::new(Inner { most, held: Mutex::default() }))
    }

    /// Takes room for one upload of `units`; none where the customer holds as much as it may.
    pub(crate) fn take(&self, customer: &CustomerId, units: usize) -> Option<Share> {
        let Inner { most, held } = &*self.0;
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = held.get(customer).copied().unwrap_or_default();
        let then = Room { uploads: now.uploads + 1, units: now.units + units };
        if then.uploads > most.uploads || then.units > most.units {
            return None;
        }
        held.insert(customer.clone(), then);
        Some(Share { shares: self.clone(), customer: customer.clone(), units })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.0.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(room) = held.get_mut(&self.customer) else { return };
        room.uploads -= 1;
        room.units -= self.units;
        if room.uploads == 0 {
            held.remove(&self.customer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_holds_its_share_and_no_more_and_what_it_gives_back_is_forgotten() {
        let (acme, globex) = (CustomerId::parse("acme").unwrap(), CustomerId::parse("globex").unwrap());
        let shares = Shares::new(Room { uploads: 3, units: 10 });
        let first = shares.take(&acme, 9).expect("room");
        assert!(shares.take(&acme, 2).is_none(), "too many units");
        let more: Vec<_> = [1, 0].map(|units| shares.take(&acme, units).expect("room")).into();
        assert!(shares.take(&acme, 0).is_none(), "too many uploads");
        let other = shares.take(&globex, 10).expect("another customer's share is its own");
        drop(first);
        drop(shares.take(&acme, 9).expect("room again"));
        drop((more, other));
        assert!(shares.0.held.lock().unwrap().is_empty());
    }
}
