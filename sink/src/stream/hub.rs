//! The hub: where the one reader of Kafka meets all open streams. Owns the order in which they hear things, the position
//! that belongs to each moment, and a ring of the latest events for those who come back soon.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use conveyor::Place;
use proto::CustomerId;
use tokio::sync::broadcast;

use super::position::Position;

/// Events kept for those who come back soon.
const RING_EVENTS_MAX: usize = 2048;
/// Events that a stream may be behind before it is closed; its client resumes.
const BEHIND_EVENTS_MAX: usize = 1024;

/// Something that happened to one image.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) customer: CustomerId,
    pub(crate) place: Place,
    pub(crate) offset: i64,
    /// The image's JSON, as a read would give it.
    pub(crate) json: Arc<str>,
}

/// News, and the position once it has been seen.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) news: News,
    pub(crate) position: Position,
}

/// What open streams hear.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    /// Something happened.
    Shown(Arc<Shown>),
    /// What happened is not known in full: reload the list and go on from here.
    Reset(Arc<Here>),
}

/// A position and its epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Here {
    pub(crate) epoch: String,
    pub(crate) position: Position,
}

/// Where the reader of Kafka meets the open streams.
#[derive(Debug)]
pub(crate) struct Hub {
    inner: Mutex<Inner>,
    sender: broadcast::Sender<Heard>,
}

#[derive(Debug, Default)]
struct Inner {
    /// None until Kafka has been reached for the first time.
    here: Option<Here>,
    ring: VecDeque<Arc<Shown>>,
    /// The ring holds everything shown from here on.
    ring_from: Position,
}

/// What somebody gets who joins.
#[derive(Debug)]
pub(crate) struct Joined {
    /// Where the hub was at that moment: everything after it is heard.
    pub(crate) here: Here,
    pub(crate) heard: broadcast::Receiver<Heard>,
    /// What was missed since the position asked for; none when the ring does not reach back so far.
    pub(crate) missed: Option<Vec<Arc<Shown>>>,
}

impl Default for Hub {
    fn default() -> Hub {
        let (sender, _) = broadcast::channel(BEHIND_EVENTS_MAX);
        Hub { inner: Mutex::default(), sender }
    }
}

impl Hub {
    /// Begins anew at `here`, and tells all open streams if they knew another place.
    pub(crate) fn begin(&self, here: Here) {
        let mut inner = self.lock();
        if inner.here.as_ref() == Some(&here) {
            return;
        }
        let is_other = inner.here.is_some();
        inner.ring.clear();
        inner.ring_from = here.position.clone();
        inner.here = Some(here.clone());
        if is_other {
            // Without any open stream there is nobody to tell.
            let _ = self.sender.send(Heard::Reset(Arc::new(here)));
        }
    }

    /// Returns where the hub is; none until Kafka has been reached.
    pub(crate) fn here(&self) -> Option<Here> {
        self.lock().here.clone()
    }

    /// Moves past a record that nobody is shown.
    pub(crate) fn pass(&self, place: Place, offset: i64) {
        if let Some(here) = &mut self.lock().here {
            here.position.pass(place, offset);
        }
    }

    /// Shows a record to all open streams.
    pub(crate) fn show(&self, news: News) {
        let mut inner = self.lock();
        let Some(here) = &mut inner.here else { return };
        here.position.pass(news.place, news.offset);
        let shown = Arc::new(Shown { news, position: here.position.clone() });
        inner.ring.push_back(Arc::clone(&shown));
        if inner.ring.len() > RING_EVENTS_MAX
            && let Some(oldest) = inner.ring.pop_front()
        {
            inner.ring_from.merge(&oldest.position);
        }
        // Sent under the lock: who joins hears exactly what comes after the position it is given.
        let _ = self.sender.send(Heard::Shown(shown));
    }

    /// Joins. `since` is a position of the hub's own epoch.
    pub(crate) fn join(&self, since: Option<&Position>) -> Option<Joined> {
        let inner = self.lock();
        let here = inner.here.clone()?;
        let missed = match since {
            None => Some(Vec::new()),
            Some(since) if since.covers(&inner.ring_from) => Some(inner.ring.iter().cloned().collect()),
            Some(_) => None,
        };
        Some(Joined { here, heard: self.sender.subscribe(), missed })
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of the lock panics")
    }
}
