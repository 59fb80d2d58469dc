//! Owns whether a tail is live: looks past its fetcher at how far the log goes, because a fetcher that is stuck knows of
//! nothing that waits. Runs on a thread of its own, because asking blocks, and tells what it sees in metrics.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::error::TailError;
use super::reader::Progress;
use crate::ends::{End, ends};
use crate::watchdog::{Sighting, Watchdog};
use crate::{Offsets, Place, Record, metrics};

/// Between two looks at a tail that is live, and at one of which that is not known.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const LOOK_FIRST: Duration = Duration::from_millis(250);
/// Two questions at most, each behind a fetch.
const ANSWER_MAX: Duration = Duration::from_secs(2);
/// Brokers that have not answered for this long are lost: one look may fail on a busy host.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// Whether what is published comes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pulse {
    /// Not known yet: something waits, and nothing has been read so far.
    Unknown,
    /// All has been read, or reading goes on.
    Live,
    /// No broker answers.
    Lost,
}

/// The watcher's own things.
pub(super) struct Watcher {
    name: &'static str,
    dog: Watchdog<Place>,
    progress: Arc<Progress>,
    pulse: watch::Sender<Pulse>,
    records: mpsc::Sender<Result<Record, TailError>>,
    /// Where each place stood at the look before.
    seen: Offsets,
    answered_at: Instant,
}

impl Watcher {
    pub(super) fn new(
        name: &'static str,
        stall_max: Duration,
        progress: Arc<Progress>,
        records: mpsc::Sender<Result<Record, TailError>>,
    ) -> Watcher {
        let (pulse, _) = watch::channel(Pulse::Unknown);
        let (dog, answered_at) = (Watchdog::new(stall_max), Instant::now());
        metrics::begin_tail(name);
        Watcher { name, dog, progress, pulse, records, seen: Offsets::new(), answered_at }
    }

    pub(super) fn pulse(&self) -> watch::Receiver<Pulse> {
        self.pulse.subscribe()
    }

    /// Starts the thread. It ends when the sender of `stop` is dropped.
    pub(super) fn start(self, stop: Receiver<()>) -> Result<(), TailError> {
        let thread = std::thread::Builder::new().name("conveyor-pulse".into());
        thread.spawn(move || self.run(&stop)).map(drop).map_err(TailError::NoThread)
    }

    fn run(mut self, stop: &Receiver<()>) {
        let mut wait = Duration::ZERO;
        while matches!(stop.recv_timeout(wait), Err(RecvTimeoutError::Timeout)) {
            if let Some((topic, partition)) = self.look() {
                metrics::tail_stalled(self.name);
                // Where there is no room, something has been read: then it does not stand still.
                let _ = self.records.try_send(Err(TailError::Stalled { topic, partition }));
                break;
            }
            wait = if *self.pulse.borrow() == Pulse::Live { LOOK_EVERY } else { LOOK_FIRST };
        }
        metrics::tail_not_live(self.name);
    }

    /// Looks at every place. Returns one that has stood still for too long.
    fn look(&mut self) -> Option<Place> {
        let places: Vec<Place> = self.progress.state().next.keys().copied().collect();
        let (mut lag, mut moves) = (0, true);
        let highs = ends(&self.progress.consumer, &places, End::Next, ANSWER_MAX);
        let Some(highs) = highs.ok().filter(|highs| highs.len() == places.len()) else {
            self.unanswered();
            return None;
        };
        for (place, high) in highs {
            let Some(seen) = self.sighting(place, high) else { continue };
            let before = self.seen.insert(place, seen.next);
            lag += (seen.high - seen.next).max(0);
            moves &= !seen.waits() || before.is_some_and(|before| before < seen.next);
            if self.dog.is_stuck(place, seen, Instant::now()) {
                return Some(place);
            }
        }
        self.answered_at = Instant::now();
        metrics::tail_lag(self.name, lag);
        // What is live stays so until it has stood still for too long: a record may have come a moment ago.
        if moves {
            self.tell(Pulse::Live);
        }
        None
    }

    /// None of a place that is no longer read.
    fn sighting(&self, place: Place, high: i64) -> Option<Sighting> {
        let state = self.progress.state();
        let next = *state.next.get(&place)?;
        Some(Sighting { high, next, queued: 0, delivered: Some(next), paused: state.is_held })
    }

    fn unanswered(&self) {
        if self.answered_at.elapsed() > SILENCE_MAX {
            self.tell(Pulse::Lost);
        }
    }

    fn tell(&self, pulse: Pulse) {
        match pulse {
            Pulse::Live => metrics::tail_live(self.name),
            Pulse::Unknown | Pulse::Lost => metrics::tail_not_live(self.name),
        }
        self.pulse.send_if_modified(|told| std::mem::replace(told, pulse) != pulse);
    }
}
