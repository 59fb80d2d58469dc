//! What the sweep has published again. Owns that it does not say the same thing twice while the first still waits, and ever
//! more rarely about an original that comes to no end. Bounded; what it forgets is at worst told once more.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use proto::{Coordinates, ImageId, UnixMillis};

/// Images remembered; beyond it those told of first are forgotten.
const IMAGES_MAX: usize = 100_000;
const PAUSE_MIN: Duration = Duration::from_secs(60);
const PAUSE_MAX: Duration = Duration::from_secs(86_400);

/// The last time an image was told of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Telling {
    pub(super) record: Coordinates,
    at: UnixMillis,
    times: u32,
}

impl Telling {
    /// Says whether it may be told again: each time the pause is twice as long.
    pub(super) fn is_over(&self, now: UnixMillis, grace: Duration) -> bool {
        let doubled = grace.max(PAUSE_MIN).saturating_mul(1 << self.times.min(16));
        self.at.plus(doubled.min(PAUSE_MAX)) <= now
    }
}

/// What was told of which image.
#[derive(Debug, Default)]
pub(super) struct Told {
    of: HashMap<ImageId, Telling>,
    first: VecDeque<ImageId>,
}

impl Told {
    pub(super) fn of(&self, id: ImageId) -> Option<&Telling> {
        self.of.get(&id)
    }

    /// Notes the record by which an image was told of.
    pub(super) fn note(&mut self, id: ImageId, record: Coordinates, at: UnixMillis) {
        let times = self.of.get(&id).map_or(1, |telling| telling.times.saturating_add(1));
        if self.of.insert(id, Telling { record, at, times }).is_none() {
            self.first.push_back(id);
        }
        if self.first.len() > IMAGES_MAX
            && let Some(oldest) = self.first.pop_front()
        {
            self.of.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn an_image_is_told_of_ever_more_rarely() {
        let (mut told, id, grace) = (Told::default(), ImageId::mint(), Duration::from_secs(900));
        let (mut now, mut times) = (UnixMillis(0), 0);
        while now < UnixMillis(7 * 86_400_000) {
            if told.of(id).is_none_or(|telling| telling.is_over(now, grace)) {
                told.note(id, sample::coordinates(times), now);
                times += 1;
            }
            now = now.plus(Duration::from_secs(300));
        }
        assert!((7..=14).contains(&times), "{times} times in a week");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let (mut told, first) = (Told::default(), ImageId::mint());
        told.note(first, sample::coordinates(0), UnixMillis(0));
        for _ in 0..IMAGES_MAX {
            told.note(ImageId::mint(), sample::coordinates(1), UnixMillis(0));
        }
        assert_eq!((told.of(first), told.of.len()), (None, IMAGES_MAX));
    }
}
