//! Which images something has happened to in the last moments. Owns what a list must ask the table itself about: DynamoDB's
//! index is consistent only some time after its table, and a client that was told to reload would otherwise miss a row for
//! good.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use proto::{CustomerId, ImageId};

/// How long an image is kept here: an index is behind its table for a second at most in ordinary times.
pub(crate) const RECENT_AGE_MAX: Duration = Duration::from_secs(30);
/// Happenings kept at once; beyond it the oldest leave early.
const HAPPENINGS_MAX: usize = 50_000;

/// What the live stream's reader has shown, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Recent(Mutex<VecDeque<Happening>>);

#[derive(Debug)]
struct Happening {
    at: Instant,
    customer: CustomerId,
    id: ImageId,
}

impl Recent {
    /// Keeps in mind for a while that something has happened to the image.
    pub(crate) fn note(&self, customer: CustomerId, id: ImageId) {
        let mut happenings = self.fresh();
        happenings.push_back(Happening { at: Instant::now(), customer, id });
        if happenings.len() > HAPPENINGS_MAX {
            happenings.pop_front();
        }
    }

    /// Returns the customer's images to which something has happened, oldest first.
    pub(crate) fn of(&self, customer: &CustomerId) -> BTreeSet<ImageId> {
        let happenings = self.fresh();
        happenings.iter().filter(|one| one.customer == *customer).map(|one| one.id).collect()
    }

    fn fresh(&self) -> MutexGuard<'_, VecDeque<Happening>> {
        let mut happenings = self.0.lock().expect("no holder of the lock panics");
        while happenings.front().is_some_and(|oldest| oldest.at.elapsed() > RECENT_AGE_MAX) {
            happenings.pop_front();
        }
        happenings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_gets_each_of_its_own_images_once_and_the_latest_stay_within_the_bound() {
        let (acme, globex) = (CustomerId::parse("acme").unwrap(), CustomerId::parse("globex").unwrap());
        let (recent, id) = (Recent::default(), ImageId::mint());
        recent.note(acme.clone(), id);
        recent.note(acme.clone(), id);
        recent.note(globex.clone(), ImageId::mint());
        assert_eq!(recent.of(&acme), BTreeSet::from([id]));
        for _ in 0..HAPPENINGS_MAX {
            recent.note(globex.clone(), ImageId::mint());
        }
        assert!(recent.of(&acme).is_empty());
        assert_eq!(recent.of(&globex).len(), HAPPENINGS_MAX);
    }
}
