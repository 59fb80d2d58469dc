//! One client's stream. Owns what that client has seen: first what it missed, then what happens; never a record twice,
//! never one left out. Ends when the token does, when the process stops, and when the client does not keep up.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use gate::Seal;
use proto::CustomerId;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::catch_up::{CatchUp, Interrupted, Missed};
use super::hub::{Heard, Here, Shown};
use super::position::Position;
use super::seats::Seat;
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
    /// When the client was last told anything.
    pub(super) told_at: Instant,
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
                self.told_at = Instant::now();
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
        let silent_until = self.told_at + SILENCE_MAX;
        // Looked at first: where something for others is heard without end, a timer alone would never have its turn.
        if Instant::now() >= silent_until {
            self.tell_position();
            return true;
        }
        if let Some((catch_up, _)) = &mut self.catch_up {
            return match timeout_at(silent_until, catch_up.next()).await {
                Ok(read) => self.caught_up(read),
                Err(_) => true,
            };
        }
        match timeout_at(silent_until, self.heard.recv()).await {
            Ok(Ok(Heard::Shown(shown))) => self.hear(&shown),
            Ok(Ok(Heard::Reset(here))) => self.reset((*here).clone()),
            Ok(Err(RecvError::Lagged(_))) => {
                metrics::stream_slow();
                return false;
            }
            Ok(Err(RecvError::Closed)) => return false,
            Err(_) => {}
        }
        true
    }

    fn caught_up(&mut self, read: Result<Option<Vec<Missed>>, Interrupted>) -> bool {
        match read {
            Ok(Some(missed)) => missed.into_iter().for_each(|one| self.see(one)),
            Ok(None) => {
                if let Some((_, until)) = self.catch_up.take() {
                    self.seen.position.merge(&until);
                    self.tell_position();
                }
            }
            Err(Interrupted::Gone) => {
                if let Some((_, until)) = self.catch_up.take() {
                    self.reset(Here { epoch: self.seen.epoch.clone(), position: until });
                }
            }
            Err(Interrupted::NotTaken) => {
                metrics::stream_slow();
                return false;
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
        let news = &shown.news;
        let is_new = self.seen.position.is_ahead(news.place, news.offset);
        let is_for_us = is_new && news.customer == self.customer;
        self.passed = Some(Arc::clone(shown));
        if is_for_us {
            let id = self.id();
            self.ready.push_back(Frame::Image { json: Arc::clone(&news.json), id });
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

#[cfg(test)]
mod tests {
    use conveyor::Offsets;
    use proto::Topic;

    use super::*;
    use crate::stream::hub::{Hub, News};
    use crate::stream::seats::{Seats, SeatsMax};

    fn seal() -> Seal {
        Seal::new(&"0123456789abcdef0123456789abcdef".to_owned().into()).expect("a key")
    }

    fn feed(hub: &Hub, customer: &str) -> Feed {
        let joined = hub.join(None).expect("the hub has begun");
        let customer = CustomerId::parse(customer).expect("a customer");
        Feed {
            _seat: Arc::new(Seats::default())
                .take(&customer, SeatsMax { of_customer: 1, in_all: 1 })
                .expect("a seat"),
            customer,
            seal: seal(),
            seen: joined.here,
            passed: None,
            heard: joined.heard,
            ready: VecDeque::new(),
            told_at: Instant::now(),
            catch_up: None,
            ends_at: Instant::now() + Duration::from_secs(3600),
            stop: CancellationToken::new(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_quiet_customer_is_told_its_place_while_others_are_busy() {
        let hub = Arc::new(Hub::default());
        let place = (Topic::Failed, 0);
        hub.begin(Here { epoch: "e".to_owned(), position: Offsets::from([(place, 0)]).into() });
        let mut feed = feed(&hub, "acme");
        let busy = Arc::clone(&hub);
        let others = tokio::spawn(async move {
            for offset in 0.. {
                tokio::time::sleep(Duration::from_secs(1)).await;
                let customer = CustomerId::parse("globex").expect("a customer");
                busy.show(News { customer, place, offset, json: "{}".into() });
            }
        });
        let begun = Instant::now();
        for told in 1..=3 {
            let frame = tokio::time::timeout(SILENCE_MAX * 2, feed.next()).await.expect("a sign of life");
            let Some(Frame::Position { id }) = frame else { panic!("{frame:?}") };
            let bytes = seal().open(SEALED_AS, &id).expect("our own id");
            let (_, position) = Position::from_bytes(&bytes).expect("a position");
            // What it was not shown it has passed: it need not read that again.
            assert!(!position.is_ahead(place, told * 10 - 3), "{position:?} after {told}");
        }
        assert!(begun.elapsed() <= SILENCE_MAX * 4, "{:?}", begun.elapsed());
        others.abort();
    }
}
