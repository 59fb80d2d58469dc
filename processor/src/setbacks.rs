//! How often the host has spoilt the work on an image. Owns the number of tries that an image has on a host that kills,
//! stops or starves workers, and that they are remembered between the tries, which are the belt's.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use proto::{ImageId, ImageUploaded};

/// Images whose setbacks are remembered; beyond them the oldest image's are forgotten, and it begins anew.
const IMAGES_MAX: usize = 10_000;

/// One attempt at one image.
pub(crate) type Subject = (ImageId, u32);

/// Setbacks by the image that had them.
pub(crate) struct Setbacks {
    tries_max: u32,
    counts: Mutex<BTreeMap<Subject, u32>>,
}

/// What a setback means for its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is tried again.
    TryAgain,
    /// It has had so many tries, and that is enough.
    GiveUp(u32),
}

impl Setbacks {
    pub(crate) fn new(tries_max: u32) -> Setbacks {
        Setbacks { tries_max: tries_max.max(1), counts: Mutex::default() }
    }

    /// Counts one more.
    pub(crate) fn count(&self, subject: Subject) -> Verdict {
        let mut counts = self.counts();
        let count = counts.entry(subject).or_default();
        *count += 1;
        if *count >= self.tries_max {
            let tries = *count;
            counts.remove(&subject);
            return Verdict::GiveUp(tries);
        }
        if counts.len() > IMAGES_MAX {
            counts.pop_first();
        }
        Verdict::TryAgain
    }

    /// Forgets an image that has come to its end.
    pub(crate) fn forget(&self, subject: Subject) {
        self.counts().remove(&subject);
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<Subject, u32>> {
        self.counts.lock().expect("no holder panics")
    }
}

pub(crate) fn subject(uploaded: &ImageUploaded) -> Subject {
    (uploaded.source.image_id, uploaded.attempt)
}

#[cfg(test)]
mod tests {
    use proto::UnixMillis;

    use super::*;

    fn image(millis: i64) -> Subject {
        (ImageId::mint_at(UnixMillis(millis)), 0)
    }

    #[test]
    fn an_image_has_so_many_tries_and_another_image_has_its_own() {
        let setbacks = Setbacks::new(3);
        let (one, other) = (image(1), image(2));
        assert_eq!(setbacks.count(one), Verdict::TryAgain);
        assert_eq!(setbacks.count(other), Verdict::TryAgain);
        assert_eq!(setbacks.count(one), Verdict::TryAgain);
        assert_eq!(setbacks.count(one), Verdict::GiveUp(3));
        assert_eq!(setbacks.count(one), Verdict::TryAgain, "redriven, it begins anew");
        setbacks.forget(other);
        assert_eq!(setbacks.count(other), Verdict::TryAgain);
        assert_eq!(setbacks.count(other), Verdict::TryAgain);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let setbacks = Setbacks::new(3);
        for millis in 0..=i64::try_from(IMAGES_MAX).unwrap() {
            setbacks.count(image(millis));
        }
        assert_eq!(setbacks.counts().len(), IMAGES_MAX);
    }
}
