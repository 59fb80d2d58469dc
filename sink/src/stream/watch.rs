//! The one reader of Kafka behind all live streams: reads every record, asks for the rows, shows what the rows name.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chassis::{Component, Shutdown};
use conveyor::{Pulse, Record, Tail, TailError, TailFrom, TailOf};
use futures::FutureExt as _;
use proto::{DecodeError, Source, Topic, UnixMillis};
use tokio::sync::Notify;

use super::catch_up::Archive;
use super::hub::{Here, Hub, News};
use super::recent::{RECENT_AGE_MAX, Recent};
use super::waiting::{Decided, Look, Waiting};
use super::written::Written;
use crate::fact;
use crate::image::Image;
use crate::table::Unavailable;

/// Records that may wait for their rows, however long; beyond it nothing more is read.
const PENDING_RECORDS_MAX: usize = 1000;
/// Rows asked for together.
const ROWS_MAX: usize = 100;
/// Between two looks for rows that are not written yet, unless this process writes one.
const LOOK_FIRST: Duration = Duration::from_millis(5);
const LOOK_MAX: Duration = Duration::from_millis(200);
const REOPEN: Duration = Duration::from_secs(1);

/// What the reader works with.
pub(crate) struct Watch {
    pub(crate) archive: Archive,
    pub(crate) hub: Arc<Hub>,
    pub(crate) recent: Arc<Recent>,
    /// Rung when this process writes a row.
    pub(crate) applied: Arc<Notify>,
    pub(crate) component: Component,
    /// Records that wait while nothing moves for this long mean a stuck client.
    pub(crate) stall_max: Duration,
}

impl Watch {
    /// Reads and shows until told to stop. Kafka or DynamoDB being away is waited for.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        // What happened a moment ago is read as well: the index of the list may not know it yet.
        let mut from = TailFrom::Ago(RECENT_AGE_MAX);
        let mut is_named = false;
        loop {
            let ended = tokio::select! {
                () = shutdown.triggered() => return,
                ended = self.read(from, &mut is_named) => ended,
            };
            self.component.down("the live stream cannot read Kafka");
            // After an offset that is gone, what was missed is not known.
            from = match (&ended, self.hub.here()) {
                (TailError::OutOfRange, _) | (_, None) => TailFrom::Ago(RECENT_AGE_MAX),
                (_, Some(here)) => TailFrom::Offsets(here.position.offsets().clone()),
            };
            if !std::mem::replace(&mut is_named, true) {
                tracing::warn!("open the live stream's reader again: {:#}", anyhow::Error::new(ended));
            }
            tokio::select! {
                () = shutdown.triggered() => return,
                () = tokio::time::sleep(REOPEN) => {}
            }
        }
    }

    /// Reads until the tail ends.
    async fn read(&self, from: TailFrom, is_named: &mut bool) -> TailError {
        let (kafka, stall_max) = (&self.archive.kafka, self.stall_max);
        let of = TailOf { kafka, topics: &Topic::ALL, name: "live-stream", stall_max };
        let mut tail = match Tail::open(of, from).await {
            Ok(tail) => tail,
            Err(error) => return error,
        };
        // Another epoch, or a place further on, tells all clients; the place where the hub is already does not.
        self.hub.begin(Here { epoch: tail.epoch(), position: tail.start().clone().into() });
        let mut pulse = tail.pulse();
        pulse.mark_changed();
        let (mut waiting, mut written) = (Waiting::default(), Written::new(kafka.clone()));
        let mut look = LOOK_FIRST;
        loop {
            tokio::select! {
                record = tail.next(), if waiting.len() < PENDING_RECORDS_MAX => {
                    let Some(record) = record else { return TailError::OutOfRange };
                    if let Err(error) = self.take_all(record, &mut tail, &mut waiting).await {
                        return error;
                    }
                }
                Ok(()) = pulse.changed() => self.feel(*pulse.borrow_and_update(), is_named),
                () = self.applied.notified(), if waiting.len() > 0 => {}
                () = tokio::time::sleep(look), if waiting.len() > 0 => look = (look * 2).min(LOOK_MAX),
            }
            match self.look(&mut waiting, &mut written).await {
                Ok(0) => {}
                Ok(_) => look = LOOK_FIRST,
                Err(error) => {
                    tracing::debug!("read rows for the live stream: {:#}", anyhow::Error::new(error));
                }
            }
        }
    }

    /// Ready is who is live: not who has opened a tail and has yet to hear of what waits there.
    fn feel(&self, pulse: Pulse, is_named: &mut bool) {
        match pulse {
            Pulse::Unknown => {}
            Pulse::Lost => self.component.down("no broker answers the live stream"),
            Pulse::Live => {
                self.component.up();
                *is_named = false;
            }
        }
    }

    /// Takes a record and what has been read ahead: their rows are asked for together.
    async fn take_all(
        &self,
        first: Result<Record, TailError>,
        tail: &mut Tail,
        waiting: &mut Waiting,
    ) -> Result<(), TailError> {
        self.take(waiting, first?).await;
        while waiting.len() < ROWS_MAX
            && let Some(Some(record)) = tail.next().now_or_never()
        {
            self.take(waiting, record?).await;
        }
        Ok(())
    }

    /// Lets a record wait for its row. One that cannot be parsed tells of no image.
    async fn take(&self, waiting: &mut Waiting, record: Record) {
        let fact = loop {
            match fact::read(&self.archive.codec, &record).await {
                Ok(fact) => break fact,
                Err(DecodeError::Unavailable(_)) => tokio::time::sleep(LOOK_MAX).await,
                Err(_) => break None,
            }
        };
        waiting.push(record.coordinates(), fact, Instant::now());
    }

    /// Reads the rows that are wanted and shows what they name. Returns how many records were decided on.
    async fn look(&self, waiting: &mut Waiting, written: &mut Written) -> Result<usize, Unavailable> {
        // Asked before the rows are read: what it says counts for those.
        written.ask(&waiting.places(), waiting.since()).await;
        let wanted = waiting.wanted(ROWS_MAX);
        if !wanted.is_empty() {
            let ids: Vec<_> = wanted.iter().copied().collect();
            let rows = self.archive.table.rows(&ids).await?;
            waiting.judge(&Look { asked: &wanted, rows: &rows, written }, UnixMillis::now());
        }
        let decided = waiting.take_decided();
        let count = decided.len();
        decided.into_iter().for_each(|one| self.settle(one));
        Ok(count)
    }

    fn settle(&self, Decided { place, offset, row }: Decided) {
        match row {
            None => self.hub.pass(place, offset),
            Some(row) => {
                let json = Image::of_row(&row).to_json();
                let Source { customer_id: customer, image_id, .. } = row.fact.source;
                self.recent.note(customer.clone(), image_id);
                self.hub.show(News { customer, place, offset, json });
            }
        }
    }
}
