//! What a returning client missed, read from Kafka: from its own position up to where it joined. Bounded in records, in
//! time and in how many read at once; whoever missed more reloads the list.

use std::sync::Arc;
use std::time::{Duration, Instant};

use conveyor::{KafkaArgs, Place, Record, Tail, TailError};
use proto::{Codec, CustomerId, DecodeError, UnixMillis};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::position::Position;
use super::waiting::{Decided, Look, Waiting};
use super::written::Written;
use crate::fact::{self, Fact};
use crate::image::Image;
use crate::table::{Table, Unavailable};

/// Records looked at together.
const BATCH_RECORDS_MAX: usize = 100;
/// Batches read ahead of the client.
const AHEAD_BATCHES_MAX: usize = 2;
/// Clients that catch up at the same time.
const CATCH_UPS_MAX: usize = 8;
/// A range whose next record does not come within this time is given up.
const RECORD_WAIT_MAX: Duration = Duration::from_secs(10);
/// A client that is behind and takes nothing for this long makes room for others.
const TAKE_WAIT_MAX: Duration = Duration::from_secs(15);
/// Rows that are not written within this time are not waited for here; the client comes back.
const ROWS_WAIT_MAX: Duration = Duration::from_secs(30);
/// Between two looks for rows that are not written yet.
const LOOK_FIRST: Duration = Duration::from_millis(50);
const LOOK_MAX: Duration = Duration::from_secs(1);

/// What catching up needs.
#[derive(Clone)]
pub(crate) struct Archive {
    pub(crate) kafka: KafkaArgs,
    pub(crate) codec: Arc<Codec>,
    pub(crate) table: Table,
}

/// Returns as many permits as may catch up at once: each has a consumer and a thread of its own.
pub(crate) fn catch_up_permits() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(CATCH_UPS_MAX))
}

/// What one customer missed, batch by batch.
pub(crate) struct CatchUp {
    batches: mpsc::Receiver<Result<Option<Vec<Missed>>, Interrupted>>,
}

/// Which client missed what: what lies between two positions.
pub(crate) struct MissedBy {
    pub(crate) customer: CustomerId,
    pub(crate) from: Position,
    pub(crate) to: Position,
}

/// Why catching up ended early.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Interrupted {
    /// The log no longer has what was missed.
    #[error("read what was missed: the log no longer has it")]
    Gone,
    /// Something is away; the client may come back.
    #[error("read what was missed")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The client did not take what was read; it may come back.
    #[error("read what was missed: nobody takes it")]
    NotTaken,
}

/// A record that was missed: where it lies, and what to show of it.
pub(crate) struct Missed {
    pub(crate) place: Place,
    pub(crate) offset: i64,
    pub(crate) json: Option<Arc<str>>,
}

impl CatchUp {
    /// Opens the range between two positions of the epoch that is now. The permit is held until the reading is over and its
    /// consumer is gone, also when whoever asked has left long before.
    pub(crate) async fn open(
        archive: Archive,
        permit: OwnedSemaphorePermit,
        wanted: MissedBy,
    ) -> Result<CatchUp, Interrupted> {
        let opening = tokio::spawn(Reader::open(archive, permit, wanted));
        let reader = opening.await.map_err(|failed| Interrupted::Unavailable(failed.into()))??;
        let (sender, batches) = mpsc::channel(AHEAD_BATCHES_MAX);
        tokio::spawn(reader.run(sender));
        Ok(CatchUp { batches })
    }

    /// Returns the next missed records; none at the end. A caller that stops waiting loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Missed>>, Interrupted> {
        self.batches.recv().await.unwrap_or(Err(Interrupted::NotTaken))
    }
}

/// Reads what one customer missed, at its own pace and not at the client's.
struct Reader {
    archive: Archive,
    customer: CustomerId,
    range: Tail,
    waiting: Waiting,
    written: Written,
    _permit: OwnedSemaphorePermit,
}

impl Reader {
    async fn open(
        archive: Archive,
        permit: OwnedSemaphorePermit,
        MissedBy { customer, from, to }: MissedBy,
    ) -> Result<Reader, Interrupted> {
        let from = from.widened(&to);
        let range = Tail::range(&archive.kafka, from.offsets(), to.offsets()).await.map_err(interrupted)?;
        let low = &range.watermarks().low;
        let is_there = |(place, start): (&Place, &i64)| low.get(place).is_some_and(|low| start >= low);
        if !range.start().iter().all(is_there) {
            return Err(Interrupted::Gone);
        }
        let written = Written::new(archive.kafka.clone());
        Ok(Reader { archive, customer, range, waiting: Waiting::default(), written, _permit: permit })
    }

    /// Reads until the end, an interruption, or until nobody takes it.
    async fn run(mut self, batches: mpsc::Sender<Result<Option<Vec<Missed>>, Interrupted>>) {
        loop {
            let batch = tokio::select! {
                () = batches.closed() => return,
                batch = self.next() => batch,
            };
            let is_last = !matches!(batch, Ok(Some(_)));
            if batches.send_timeout(batch, TAKE_WAIT_MAX).await.is_err() || is_last {
                return;
            }
        }
    }

    /// Returns the next records that are decided on; none at the end.
    async fn next(&mut self) -> Result<Option<Vec<Missed>>, Interrupted> {
        while self.waiting.len() < BATCH_RECORDS_MAX
            && let Some(record) = self.record().await?
        {
            let fact = self.fact_of(&record).await?;
            self.waiting.push(record.coordinates(), fact, Instant::now());
        }
        let mut look = LOOK_FIRST;
        while self.waiting.len() > 0 {
            let decided = self.look().await?;
            if !decided.is_empty() {
                return Ok(Some(decided.into_iter().map(missed).collect()));
            }
            // The group that writes rows is behind what was missed. What is left out now would never be shown.
            if self.waiting.since().is_some_and(|since| since.elapsed() > ROWS_WAIT_MAX) {
                return Err(Interrupted::Unavailable(
                    "the rows of what was missed are not written yet".into(),
                ));
            }
            tokio::time::sleep(look).await;
            look = (look * 2).min(LOOK_MAX);
        }
        Ok(None)
    }

    async fn record(&mut self) -> Result<Option<Record>, Interrupted> {
        match tokio::time::timeout(RECORD_WAIT_MAX, self.range.next()).await {
            Ok(Some(record)) => record.map(Some).map_err(interrupted),
            Ok(None) => Ok(None),
            Err(late) => Err(Interrupted::Unavailable(late.into())),
        }
    }

    /// Parses a record; none for one that is about no image, or another customer's.
    async fn fact_of(&self, record: &Record) -> Result<Option<Fact>, Interrupted> {
        match fact::read(&self.archive.codec, record).await {
            Ok(fact) => Ok(fact.filter(|fact| fact.source.customer_id == self.customer)),
            Err(error @ DecodeError::Unavailable(_)) => Err(Interrupted::Unavailable(error.into())),
            Err(_) => Ok(None),
        }
    }

    async fn look(&mut self) -> Result<Vec<Decided>, Interrupted> {
        self.written.ask(&self.waiting.places(), self.waiting.since()).await;
        let wanted = self.waiting.wanted(BATCH_RECORDS_MAX);
        let ids: Vec<_> = wanted.iter().copied().collect();
        let rows = self.archive.table.rows(&ids).await.map_err(away)?;
        let look = Look { asked: &wanted, rows: &rows, written: &self.written };
        self.waiting.judge(&look, UnixMillis::now());
        Ok(self.waiting.take_decided())
    }
}

fn missed(Decided { place, offset, row }: Decided) -> Missed {
    Missed { place, offset, json: row.map(|row| Image::of_row(&row).to_json()) }
}

fn away(cause: Unavailable) -> Interrupted {
    Interrupted::Unavailable(cause.into())
}

fn interrupted(error: TailError) -> Interrupted {
    match error {
        TailError::OutOfRange => Interrupted::Gone,
        error => Interrupted::Unavailable(error.into()),
    }
}
