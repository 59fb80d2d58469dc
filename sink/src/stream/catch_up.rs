//! What a returning client missed, read from Kafka: from its own position up to where it joined. Bounded in records and
//! time; whoever missed more reloads the list.

use std::sync::Arc;
use std::time::Duration;

use conveyor::{KafkaArgs, Place, Record, Tail, TailError};
use proto::{Codec, CustomerId, DecodeError, UnixMillis};

use super::position::Position;
use super::screen::{Verdict, verdict};
use crate::fact::{self, Fact};
use crate::http::Image;
use crate::table::{Table, Unavailable};

/// Records looked at together.
const BATCH_RECORDS_MAX: usize = 100;
/// A range whose next record does not come within this time is given up.
const RECORD_WAIT_MAX: Duration = Duration::from_secs(10);

/// What catching up needs.
#[derive(Clone)]
pub(crate) struct Archive {
    pub(crate) kafka: KafkaArgs,
    pub(crate) codec: Arc<Codec>,
    pub(crate) table: Table,
}

/// Reads what one customer missed.
pub(crate) struct CatchUp {
    archive: Archive,
    customer: CustomerId,
    range: Tail,
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
}

/// A record that was missed: where it lies, and what to show of it.
pub(crate) struct Missed {
    pub(crate) place: Place,
    pub(crate) offset: i64,
    pub(crate) json: Option<Arc<str>>,
}

impl CatchUp {
    /// Opens the range between two positions of the epoch that is now.
    pub(crate) async fn open(
        archive: Archive,
        customer: CustomerId,
        (from, to): (&Position, &Position),
    ) -> Result<CatchUp, Interrupted> {
        let from = from.widened(to);
        let range = Tail::range(&archive.kafka, from.offsets(), to.offsets()).await.map_err(interrupted)?;
        let low = &range.watermarks().low;
        let is_there = |(place, start): (&Place, &i64)| low.get(place).is_some_and(|low| start >= low);
        if !range.start().iter().all(is_there) {
            return Err(Interrupted::Gone);
        }
        Ok(CatchUp { archive, customer, range })
    }

    /// Returns the next missed records; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Missed>>, Interrupted> {
        let Some(first) = self.record().await? else { return Ok(None) };
        let mut records = vec![first];
        while records.len() < BATCH_RECORDS_MAX {
            let Some(record) = self.record().await? else { break };
            records.push(record);
        }
        let mut facts = Vec::with_capacity(records.len());
        for record in &records {
            facts.push(self.fact_of(record).await?);
        }
        self.judge(records, facts).await.map(Some)
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

    async fn judge(
        &self,
        records: Vec<Record>,
        facts: Vec<Option<Fact>>,
    ) -> Result<Vec<Missed>, Interrupted> {
        let ids: Vec<_> = facts.iter().flatten().map(|fact| fact.source.image_id).collect();
        let rows = self.archive.table.rows(&ids).await.map_err(away)?;
        let now = UnixMillis::now();
        let missed = |(record, fact): (Record, Option<Fact>)| {
            let row = fact.as_ref().and_then(|fact| rows.get(&fact.source.image_id));
            let is_shown =
                fact.is_some_and(|fact| verdict(&fact, &record.coordinates(), row, now) == Verdict::Show);
            let json = row.filter(|_| is_shown).map(|row| Image::of_row(row).to_json());
            Missed { place: record.place(), offset: record.offset, json }
        };
        Ok(records.into_iter().zip(facts).map(missed).collect())
    }
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
