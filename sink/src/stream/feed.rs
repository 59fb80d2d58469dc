//! One client's stream. Owns what that client has seen: first what it missed, then what happens; never a record twice,
//! never one left out. Ends when the token does, when the process stops, and when the client does not keep up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use gate::Seal;
use proto::CustomerId;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::catch_up::{CatchUp, Interrupted, Missed};
use super::hub::{Heard, Here, Shown};
use super::places::Seat;
use super::position::Position;
use crate::metrics;

/// Silence after which a sign of life is sent. Shorter than what proxies and the page take for a dead connection.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// What goes to the client next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Something happened to an image.
    Image { json: Arc<str>, id: String },
    /// Reload the list.
    Reset { id: String },
    /// Nothing happened; the client may go on from here later.
    Position { id: String },
}

/// One client's stream.
pub(crate) struct Feed {
    pub(super) customer: CustomerId,
    pub(super) seal: Seal,
    pub(super) seen: Here,
    /// The last thing heard that was not for this client: its position counts as soon as an id is needed.
    pub(super) passed: Option<Arc<Shown>>,
    pub(super) heard: broadcast::Receiver<Heard>,
    pub(super) ready: VecDeque<Frame>,
    /// What is still to be read before what is heard counts, and up to where.
    pub(super) catch_up: Option<(CatchUp, Position)>,
    pub(super) ends_at: Instant,
    pub(super) stop: CancellationToken,
    pub(super) _seat: Seat,
}

/// The context of sealed event ids. Positions say nothing about anybody, so they are bound to no customer.
pub(super) const SEALED_AS: &str = "stream";

impl Feed {
    /// Returns what goes to the client next; none at the end.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(frame);
            }
            let (stop, ends_at) = (self.stop.clone(), self.ends_at);
            tokio::select! {
                () = stop.cancelled() => return None,
                () = tokio::time::sleep_until(ends_at) => return None,
                goes_on = self.work() => if !goes_on { return None },
            }
        }
    }

    /// Makes the next frames ready. Says whether the stream goes on.
    async fn work(&mut self) -> bool {
        if let Some((catch_up, _)) = &mut self.catch_up {
            let read = catch_up.next().await;
            return self.caught_up(read);
        }
        match tokio::time::timeout(SILENCE_MAX, self.heard.recv()).await {
            Ok(Ok(Heard::Shown(shown))) => self.hear(&shown),
            Ok(Ok(Heard::Reset(here))) => self.reset((*here).clone()),
            Ok(Err(RecvError::Lagged(_))) => {
                metrics::stream_slow();
                return false;
            }
            Ok(Err(RecvError::Closed)) => return false,
            Err(_) => self.tell_position(),
        }
        true
    }

    fn caught_up(&mut self, read: Result<Option<Vec<Missed>>, Interrupted>) -> bool {
        match read {
            Ok(Some(missed)) => missed.into_iter().for_each(|one| self.see(one)),
            Ok(None) => {
                if let Some((_, until)) = self.catch_up.take() {
                    self.seen.position.merge(&until);
                }
            }
            Err(Interrupted::Gone) => {
                if let Some((_, until)) = self.catch_up.take() {
                    self.reset(Here { epoch: self.seen.epoch.clone(), position: until });
                }
            }
            Err(error @ Interrupted::Unavailable(_)) => {
                tracing::warn!("end a live stream: {:#}", anyhow::Error::new(error));
                return false;
            }
        }
        true
    }

    fn see(&mut self, missed: Missed) {
        self.seen.position.pass(missed.place, missed.offset);
        if let Some(json) = missed.json {
            let id = self.id();
            self.ready.push_back(Frame::Image { json, id });
        }
    }

    /// Takes what the hub shows. The client may know more than this instance does: then it has seen it.
    pub(super) fn hear(&mut self, shown: &Arc<Shown>) {
        let is_new = self.seen.position.is_ahead(shown.place, shown.offset);
        let is_for_us = is_new && shown.customer == self.customer;
        self.passed = Some(Arc::clone(shown));
        if is_for_us {
            let id = self.id();
            self.ready.push_back(Frame::Image { json: Arc::clone(&shown.json), id });
        }
    }

    pub(super) fn reset(&mut self, here: Here) {
        metrics::stream_reset();
        self.passed = None;
        self.seen = here;
        let id = self.id();
        self.ready.push_back(Frame::Reset { id });
    }

    /// Tells the client from where it may go on later.
    pub(super) fn tell_position(&mut self) {
        let id = self.id();
        self.ready.push_back(Frame::Position { id });
    }

    fn id(&mut self) -> String {
        if let Some(passed) = self.passed.take() {
            self.seen.position.merge(&passed.position);
        }
        self.seal.seal(SEALED_AS, &self.seen.position.to_bytes(&self.seen.epoch))
    }
}
