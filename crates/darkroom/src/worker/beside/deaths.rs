//! Owns how many workers died over an original, by whose doing it was and by reason. Counts; judges nothing.

use std::sync::atomic::{AtomicU64, Ordering};

use super::death::Cause;
use crate::Reason;

/// Deaths so far.
#[derive(Default)]
pub(super) struct Deaths {
    timeout: AtomicU64,
    memory: AtomicU64,
    crashed: AtomicU64,
    host: AtomicU64,
}

impl Deaths {
    pub(super) fn count(&self, cause: Cause, reason: Reason) {
        let counter = match cause {
            Cause::Host => Some(&self.host),
            Cause::File => self.counter(reason),
        };
        counter.map(|counter| counter.fetch_add(1, Ordering::Relaxed));
    }

    /// Those that were the files' doing.
    pub(super) fn of(&self, reason: Reason) -> u64 {
        self.counter(reason).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    pub(super) fn by_the_host(&self) -> u64 {
        self.host.load(Ordering::Relaxed)
    }

    fn counter(&self, reason: Reason) -> Option<&AtomicU64> {
        match reason {
            Reason::DecodeTimeout => Some(&self.timeout),
            Reason::DecodeMemory => Some(&self.memory),
            Reason::DecoderCrashed => Some(&self.crashed),
            // These are said by a worker that lives.
            Reason::UnsupportedFormat
            | Reason::Corrupt
            | Reason::Truncated
            | Reason::PixelsTooMany
            | Reason::DimensionsTooLarge => None,
        }
    }
}
