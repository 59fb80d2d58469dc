//! Opening a live stream: where it begins, and whether it may.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use gate::Seal;
use proto::CustomerId;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::catch_up::{Archive, CatchUp, Interrupted, MissedBy};
use super::feed::{Feed, SEALED_AS};
use super::hub::{Here, Hub, Shown};
use super::position::Position;
use super::seats::{Full, Seats, SeatsMax};
use crate::config::SinkArgs;

/// How long a returning client waits until another one has caught up; beyond it 503, and it comes back.
const CATCH_UP_WAIT_MAX: Duration = Duration::from_secs(2);

/// Opens live streams. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Live(Arc<LiveParts>);

/// The parts of [`Live`].
pub(crate) struct LiveParts {
    pub(crate) hub: Arc<Hub>,
    pub(crate) archive: Archive,
    pub(crate) seal: Seal,
    pub(crate) seats: Arc<Seats>,
    pub(crate) args: SinkArgs,
    /// A permit for each client that may catch up at once.
    pub(crate) catch_ups: Arc<Semaphore>,
    pub(crate) stop: CancellationToken,
}

/// Why a stream may not open.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The customer has too many open.
    TooManyOfCustomer,
    /// The process bears no more.
    TooMany,
    /// Kafka has not been reached yet, or what was missed cannot be read now, or too many catch up already.
    NotYet,
}

/// Where a client goes on.
enum Since {
    Now,
    Lost,
    Position(Position),
}

/// A client that comes back: from where, to where the hub is, and what the ring has of that, if all.
struct Resume {
    since: Position,
    here: Here,
    missed: Option<Vec<Arc<Shown>>>,
}

impl Since {
    fn position(&self) -> Option<&Position> {
        match self {
            Since::Position(position) => Some(position),
            Since::Now | Since::Lost => None,
        }
    }
}

impl From<LiveParts> for Live {
    fn from(parts: LiveParts) -> Live {
        Live(Arc::new(parts))
    }
}

impl Live {
    /// Opens a stream for `customer` until `ends_at`. It goes on from `last_id`, or begins now.
    pub(crate) async fn open(
        &self,
        customer: CustomerId,
        last_id: Option<&str>,
        ends_at: Instant,
    ) -> Result<Feed, Refused> {
        let SinkArgs { streams_per_customer_max: of_customer, streams_max: in_all, .. } = self.0.args;
        let seat =
            self.0.seats.take(&customer, SeatsMax { of_customer, in_all }).map_err(|full| match full {
                Full::Customer => Refused::TooManyOfCustomer,
                Full::Process => Refused::TooMany,
            })?;
        let since = self.beginning(last_id).ok_or(Refused::NotYet)?;
        let joined = self.0.hub.join(since.position()).ok_or(Refused::NotYet)?;
        let mut feed = Feed {
            customer,
            seal: self.0.seal.clone(),
            seen: joined.here.clone(),
            heard: joined.heard,
            passed: None,
            ready: VecDeque::new(),
            told_at: Instant::now(),
            catch_up: None,
            ends_at,
            stop: self.0.stop.clone(),
            _seat: seat,
        };
        match since {
            Since::Now => feed.tell_position(),
            Since::Lost => feed.reset(joined.here),
            Since::Position(since) => {
                let resume = Resume { since, here: joined.here, missed: joined.missed };
                self.resume(&mut feed, resume).await?;
            }
        }
        Ok(feed)
    }

    /// Lets the feed begin at `since` instead of here: from the ring, from Kafka, or not at all.
    async fn resume(&self, feed: &mut Feed, Resume { since, here, missed }: Resume) -> Result<(), Refused> {
        feed.seen.position = since.clone();
        if let Some(missed) = missed {
            missed.iter().for_each(|shown| feed.hear(shown));
            feed.seen.position.merge(&here.position);
            feed.tell_position();
            return Ok(());
        }
        if since.missing(&here.position) > self.0.args.catch_up_records_max {
            feed.reset(here);
            return Ok(());
        }
        let permit =
            tokio::time::timeout(CATCH_UP_WAIT_MAX, Arc::clone(&self.0.catch_ups).acquire_owned()).await;
        let Ok(Ok(permit)) = permit else { return Err(Refused::NotYet) };
        let (customer, to) = (feed.customer.clone(), here.position.clone());
        let wanted = MissedBy { customer, from: since, to };
        match CatchUp::open(self.0.archive.clone(), permit, wanted).await {
            Ok(catch_up) => feed.catch_up = Some((catch_up, here.position)),
            Err(Interrupted::Gone) => feed.reset(here),
            Err(error) => {
                tracing::warn!("refuse a live stream: {:#}", anyhow::Error::new(error));
                return Err(Refused::NotYet);
            }
        }
        Ok(())
    }

    /// Returns where a client with this id goes on; none until Kafka has been reached.
    fn beginning(&self, last_id: Option<&str>) -> Option<Since> {
        let here = self.0.hub.here()?;
        let Some(id) = last_id else { return Some(Since::Now) };
        // An id that cannot be read, or is of another life of the log, is a place from which nobody can go on.
        Some(self.position_of(id, &here).map_or(Since::Lost, Since::Position))
    }

    fn position_of(&self, id: &str, here: &Here) -> Option<Position> {
        let bytes = self.0.seal.open(SEALED_AS, id)?;
        let (epoch, position) = Position::from_bytes(&bytes)?;
        (epoch == here.epoch).then_some(position)
    }
}
