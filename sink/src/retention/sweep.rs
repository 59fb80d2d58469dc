//! The sweep: finds originals without an end and publishes them again, so that a lost notification or a lost message can
//! delay an image but never lose it. Owns how much one pass does. Deletes nothing.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use chassis::Shutdown;
use conveyor::{Headers, PublishError, Publisher};
use depot::{Bucket, Depot};
use proto::{ImageId, ImageUploaded, ObjectKey, UnixMillis};
use time::Date;

use crate::config::SinkArgs;
use crate::metrics;
use crate::order::Status;
use crate::original;
use crate::table::{Found, Rows, Table};

const SHARDS: &str = "0123456789abcdef";
/// Keys whose rows are read together.
const KEYS_MAX: usize = 100;
const LEASE: &str = "sweep";

/// Looks for originals without an end. Cheap to clone.
#[derive(Clone)]
pub struct Sweep {
    pub(crate) depot: Depot,
    pub(crate) table: Table,
    pub(crate) publisher: Publisher,
    pub(crate) args: SinkArgs,
}

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Originals that were old enough to be looked at.
    pub looked_at: usize,
    /// Originals that were published again.
    pub republished: usize,
}

impl Sweep {
    /// Sweeps on a timer until told to stop, while it holds the lease. Two sweepers are harmless, one is enough.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        let owner = format!("{:032x}", rand::random::<u128>());
        loop {
            tokio::select! {
                () = shutdown.triggered() => return,
                () = tokio::time::sleep(self.args.sweep_interval()) => {}
            }
            tokio::select! {
                () = shutdown.triggered() => return,
                swept = self.leased(&owner) => if let Err(error) = swept {
                    tracing::warn!("sweep for originals without an end: {error:#}");
                },
            }
        }
    }

    async fn leased(&self, owner: &str) -> anyhow::Result<()> {
        if self.table.lease(LEASE, owner, self.args.sweep_interval() * 2).await? {
            self.once(self.args.sweep_grace()).await?;
        }
        Ok(())
    }

    /// Makes one pass over the last days, newest first: every original older than `grace` that has no final row and has
    /// not expired is published again, up to the limit of one pass. Twice is once: a repeated fact changes nothing.
    ///
    /// Fails when S3, DynamoDB or Kafka is away; the next pass begins anew.
    pub async fn once(&self, grace: Duration) -> anyhow::Result<Swept> {
        let now = UnixMillis::now();
        let before = UnixMillis(now.0.saturating_sub(i64::try_from(grace.as_millis()).unwrap_or(i64::MAX)));
        let mut swept = Swept::default();
        // From tomorrow: ids are minted by other machines, some may be a moment ahead of midnight here.
        let mut day = now.date().next_day().unwrap_or(now.date());
        for _ in 0..self.args.days_back() + 2 {
            for shard in SHARDS.chars() {
                self.shard(&mut swept, (shard, day), before).await?;
                if swept.republished >= self.args.sweep_originals_max {
                    break;
                }
            }
            let Some(previous) = day.previous_day() else { break };
            day = previous;
        }
        if swept.republished > 0 {
            tracing::info!(sweep.looked_at = swept.looked_at, sweep.republished = swept.republished, "swept");
        }
        Ok(swept)
    }

    /// Sweeps the originals of one day under one prefix.
    async fn shard(
        &self,
        swept: &mut Swept,
        (shard, day): (char, Date),
        before: UnixMillis,
    ) -> anyhow::Result<()> {
        let prefix = ObjectKey::originals_of_day(shard, day);
        let mut after: Option<String> = None;
        loop {
            let page = self.depot.list_originals(&prefix, after.as_deref()).await?;
            let is_old = |key: &ObjectKey| key.image_id().is_some_and(|id| id.uploaded_at() <= before);
            let old: Vec<ObjectKey> = page.keys.into_iter().filter(is_old).collect();
            for keys in old.chunks(KEYS_MAX) {
                self.keys(swept, keys).await?;
                if swept.republished >= self.args.sweep_originals_max {
                    return Ok(());
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn keys(&self, swept: &mut Swept, keys: &[ObjectKey]) -> anyhow::Result<()> {
        let ids: Vec<ImageId> = keys.iter().filter_map(ObjectKey::image_id).collect();
        let rows = self.table.rows(&ids).await?;
        let unfinished: Vec<ImageId> = ids.iter().copied().filter(|id| is_unfinished(rows.of(*id))).collect();
        let erased = match unfinished.is_empty() {
            true => HashSet::new(),
            false => self.table.erased(&unfinished).await?,
        };
        swept.looked_at += keys.len();
        for key in keys {
            let Some(id) = key.image_id().filter(|id| unfinished.contains(id) && !erased.contains(id)) else {
                continue;
            };
            if self.republish(key, id, &rows).await? {
                swept.republished += 1;
                metrics::republished(1);
            }
        }
        Ok(())
    }

    /// Publishes the original's fact again. Says whether it did: not for one that has expired or is not ours.
    async fn republish(&self, key: &ObjectKey, id: ImageId, rows: &Rows) -> anyhow::Result<bool> {
        let event = match rows.of(id) {
            Found::Row(row) => {
                Some(ImageUploaded { source: row.fact.source.clone(), attempt: row.fact.attempt })
            }
            Found::Unreadable => None,
            Found::Nothing => self.read(key).await?,
        };
        let Some(event) = event.filter(|event| !event.source.is_expired(UnixMillis::now())) else {
            return Ok(false);
        };
        match self.publisher.publish(&event, &Headers::default()).await {
            Ok(_) => {
                tracing::info!(image.id = %id, "original without an end published again");
                Ok(true)
            }
            Err(error @ PublishError::Rejected { .. }) => {
                tracing::error!(image.id = %id, "publish again: {:#}", anyhow::Error::new(error));
                Ok(false)
            }
            Err(error) => Err(error).context("publish an original again"),
        }
    }

    /// Returns the fact about an original of which nothing is known but what lies in S3.
    async fn read(&self, key: &ObjectKey) -> anyhow::Result<Option<ImageUploaded>> {
        let Some((check, stored)) = self.depot.find(Bucket::Originals, key).await? else { return Ok(None) };
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
