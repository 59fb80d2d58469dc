//! The one reader of Kafka behind all live streams: reads every record, asks for the rows, shows what the rows name.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chassis::{Component, Shutdown};
use conveyor::{Record, Tail, TailError, TailFrom};
use futures::FutureExt as _;
use proto::{DecodeError, Topic, UnixMillis};
use tokio::sync::Notify;

use super::catch_up::Archive;
use super::hub::{Here, Hub};
use super::waiting::{Decided, Waiting};
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
    /// Rung when this process writes a row.
    pub(crate) applied: Arc<Notify>,
    pub(crate) component: Component,
}

impl Watch {
    /// Reads and shows until told to stop. Kafka or DynamoDB being away is waited for.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let mut from = TailFrom::End;
        let mut is_named = false;
        loop {
            let ended = tokio::select! {
                () = shutdown.triggered() => return,
                ended = self.read(from, &mut is_named) => ended,
            };
            self.component.down("the live stream cannot read Kafka");
            // After an offset that is gone, what was missed is not known.
            from = match (&ended, self.hub.here()) {
                (TailError::OutOfRange, _) | (_, None) => TailFrom::End,
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
        let mut tail = match Tail::open(&self.archive.kafka, &Topic::ALL, from).await {
            Ok(tail) => tail,
            Err(error) => return error,
        };
        // Another epoch, or a place further on, tells all clients; the place where the hub is already does not.
        self.hub.begin(Here { epoch: tail.epoch(), position: tail.start().clone().into() });
        self.component.up();
        *is_named = false;
        let (mut waiting, mut written) = (Waiting::default(), Written::new(self.archive.kafka.clone()));
        let mut look = LOOK_FIRST;
        loop {
            tokio::select! {
                record = tail.next(), if waiting.len() < PENDING_RECORDS_MAX => match record {
                    Some(Ok(record)) => {
                        self.take(&mut waiting, record).await;
                        // What has been read ahead is asked for together.
                        while waiting.len() < ROWS_MAX
                            && let Some(Some(Ok(record))) = tail.next().now_or_never()
                        {
                            self.take(&mut waiting, record).await;
                        }
                    }
                    Some(Err(error)) => return error,
                    None => return TailError::OutOfRange,
                },
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
        written.ask(&waiting.places(), waiting.waiting_since()).await;
        let wanted = waiting.wanted(ROWS_MAX);
        if !wanted.is_empty() {
            let ids: Vec<_> = wanted.iter().copied().collect();
            let rows = self.archive.table.rows(&ids).await?;
            waiting.judge(&wanted, (&rows, &*written), UnixMillis::now());
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
                self.hub.show(row.fact.source.customer_id, (place, offset), json);
            }
        }
    }
}
