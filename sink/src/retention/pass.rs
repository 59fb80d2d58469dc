//! One pass of the sweep: walks the originals and publishes again what has lost its way. Owns the limits of a pass, and that
//! nothing is told twice while it still waits.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use conveyor::{Headers, KafkaArgs, PublishError, Publisher};
use depot::{Bucket, Depot};
use proto::{Coordinates, ImageId, ImageUploaded, ObjectKey, Topic, UnixMillis};

use super::progress::Reach;
use super::told::Told;
use super::walk::Spot;
use crate::config::SinkArgs;
use crate::metrics;
use crate::order::Status;
use crate::original;
use crate::table::{Found, Rows, Table};

/// Keys whose rows are read together.
const KEYS_MAX: usize = 100;

/// What a sweep works with.
pub(crate) struct SweepParts {
    pub(crate) depot: Depot,
    pub(crate) table: Table,
    pub(crate) publisher: Publisher,
    pub(crate) kafka: KafkaArgs,
    pub(crate) args: SinkArgs,
}

/// What one pass leaves for the next.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) told: Told,
    /// Where the next pass goes on; none to begin a new round.
    pub(super) spot: Option<Spot>,
}

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Originals that were old enough to be looked at.
    pub looked_at: usize,
    /// Originals without an end that wait in the log, or were published again and wait since.
    pub waiting: usize,
    /// Originals that were published again.
    pub republished: usize,
}

/// One pass on its way.
pub(super) struct Pass<'a> {
    parts: &'a SweepParts,
    reach: Reach,
    now: UnixMillis,
    grace: Duration,
    /// A pass that takes longer than its turn leaves the rest to the next.
    until: Instant,
    swept: Swept,
}

impl<'a> Pass<'a> {
    /// Begins a pass that goes by how far the groups have come.
    pub(super) fn new(parts: &'a SweepParts, reach: Reach, now: UnixMillis, grace: Duration) -> Pass<'a> {
        let until = Instant::now() + parts.args.sweep_interval();
        Pass { parts, reach, now, grace, until, swept: Swept::default() }
    }

    /// Returns what has been done.
    pub(super) fn swept(&self) -> Swept {
        self.swept
    }

    fn is_over(&self) -> bool {
        self.swept.republished >= self.parts.args.sweep_originals_max || Instant::now() >= self.until
    }

    /// Visits prefix after prefix until the end of the round or of the pass.
    pub(super) async fn walk(&mut self, state: &mut State) -> anyhow::Result<()> {
        let first = || Spot::first(self.now, self.parts.args.days_back());
        // A day that has left meanwhile holds nothing that is alive.
        let mut spot = state.spot.take().filter(|spot| spot.day >= first().day).unwrap_or_else(first);
        loop {
            let page = self.list(&spot).await;
            // Where it fails, the next pass goes on with the same page.
            state.spot = Some(spot.clone());
            let (keys, next) = page?;
            for keys in keys.chunks(KEYS_MAX) {
                let last = self.keys(keys, &mut state.told).await?;
                if self.is_over() {
                    state.spot = last.map(|key| spot.behind(key.to_string()));
                    return Ok(());
                }
            }
            state.spot = next.map(|key| spot.behind(key)).or_else(|| spot.next(self.now));
            let Some(next) = state.spot.clone() else { return Ok(()) };
            spot = next;
        }
    }

    /// Lists a page of originals that are old enough, and the key behind which the prefix goes on.
    async fn list(&self, spot: &Spot) -> anyhow::Result<(Vec<ObjectKey>, Option<String>)> {
        let prefix = ObjectKey::originals_of_day(spot.shard(), spot.day);
        let page = self.parts.depot.list_originals(&prefix, spot.after.as_deref()).await?;
        let is_old =
            |key: &ObjectKey| key.image_id().is_some_and(|id| id.uploaded_at().plus(self.grace) <= self.now);
        Ok((page.keys.into_iter().filter(is_old).collect(), page.next))
    }

    /// Publishes again what of these is lost, until the pass has done its share. Returns the last one that was dealt with.
    async fn keys<'k>(
        &mut self,
        keys: &'k [ObjectKey],
        told: &mut Told,
    ) -> anyhow::Result<Option<&'k ObjectKey>> {
        let ids: Vec<ImageId> = keys.iter().filter_map(ObjectKey::image_id).collect();
        let rows = self.parts.table.rows(&ids).await?;
        let unfinished: Vec<ImageId> = ids.iter().copied().filter(|id| is_unfinished(rows.of(*id))).collect();
        self.swept.looked_at += keys.len();
        let lost: Vec<ImageId> =
            unfinished.iter().copied().filter(|id| self.is_lost(*id, rows.of(*id), told)).collect();
        self.swept.waiting += unfinished.len() - lost.len();
        let erased = match lost.is_empty() {
            true => HashSet::new(),
            false => self.parts.table.erased(&lost).await?,
        };
        for key in keys {
            let Some(id) = key.image_id().filter(|id| lost.contains(id) && !erased.contains(id)) else {
                continue;
            };
            if let Some(record) = self.republish(key, id, &rows).await? {
                told.note(id, record, self.now);
                self.swept.republished += 1;
                metrics::republished(1);
            }
            if self.swept.republished >= self.parts.args.sweep_originals_max {
                return Ok(Some(key));
            }
        }
        Ok(keys.last())
    }

    /// Says whether nothing in the log will bring the image to its end.
    fn is_lost(&self, id: ImageId, row: Found<'_>, told: &Told) -> bool {
        let telling = told.of(id);
        let set_by = match row {
            Found::Row(row) => Some(&row.set_by),
            Found::Nothing | Found::Unreadable => None,
        };
        let last = telling.map(|telling| &telling.record).or(set_by);
        self.reach.is_lost(last, id.uploaded_at(), self.grace)
            && telling.is_none_or(|telling| telling.is_over(self.now, self.grace))
    }

    /// Publishes the original's fact again. Returns where; none for one that has expired or is not ours.
    async fn republish(
        &self,
        key: &ObjectKey,
        id: ImageId,
        rows: &Rows,
    ) -> anyhow::Result<Option<Coordinates>> {
        let event = match rows.of(id) {
            Found::Row(row) => {
                Some(ImageUploaded { source: row.fact.source.clone(), attempt: row.fact.attempt })
            }
            Found::Unreadable => None,
            Found::Nothing => self.read(key).await?,
        };
        let Some(event) = event.filter(|event| !event.source.is_expired(self.now)) else { return Ok(None) };
        match self.parts.publisher.publish(&event, &Headers::default()).await {
            Ok(published) => {
                tracing::info!(image.id = %id, "original without an end published again");
                let (topic, epoch) = (Topic::Uploaded, self.reach.epochs.of(Topic::Uploaded));
                let (partition, offset) = (published.partition, published.offset);
                Ok(Some(Coordinates { epoch: epoch.as_ref().to_owned(), topic, partition, offset }))
            }
            Err(error @ PublishError::Rejected { .. }) => {
                tracing::error!(image.id = %id, "publish again: {:#}", anyhow::Error::new(error));
                Ok(None)
            }
            Err(error) => Err(error).context("publish an original again"),
        }
    }

    /// Returns the fact about an original of which nothing is known but what lies in S3.
    async fn read(&self, key: &ObjectKey) -> anyhow::Result<Option<ImageUploaded>> {
        let Some((check, stored)) = self.parts.depot.find(Bucket::Originals, key).await? else {
            return Ok(None);
        };
        Ok(original::source(check, &stored).map(|source| ImageUploaded { source, attempt: 0 }))
    }
}

/// A row that cannot be read was written by a sink that knows more: what it says is not ours to doubt.
fn is_unfinished(found: Found<'_>) -> bool {
    match found {
        Found::Nothing => true,
        Found::Unreadable => false,
        Found::Row(row) => row.fact.status() == Status::Uploaded,
    }
}
