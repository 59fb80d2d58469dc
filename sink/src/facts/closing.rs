//! Agreeing on what is closed. Each sink counts from the same log, but not each has read all of it: one that was started
//! today finds nothing of what expired last week. So whoever closes a customer's day first writes down what it came to in
//! the table, and everybody takes that.

use std::time::Duration;

use anyhow::Context as _;
use proto::UnixMillis;

use super::closed::{Due, Proposal};
use super::store::Facts;
use crate::counts::CountsKept;
use crate::table::Table;

/// How long after its image's end a fact may still come and count.
const LATE: Duration = Duration::from_secs(5);

/// Closes what has expired.
pub(crate) struct Closing {
    pub(crate) facts: Facts,
    pub(crate) table: Table,
    pub(crate) kept: CountsKept,
}

impl Closing {
    /// Takes what others had closed before this sink began.
    pub(crate) async fn learn(&self) -> anyhow::Result<()> {
        if self.kept == CountsKept::Drop {
            return Ok(());
        }
        for counts in self.table.all_counts().await.context("read what is closed already")? {
            self.facts.adopt(counts).await?;
        }
        Ok(())
    }

    /// Closes what had expired a moment before `now`. The facts must have been read up to then: what is missing now will
    /// never count.
    pub(crate) async fn close(&self, now: UnixMillis) -> anyhow::Result<()> {
        let until = UnixMillis(now.0 - i64::try_from(LATE.as_millis()).unwrap_or(0));
        let due = self.facts.due(until).await?;
        if due.is_empty() {
            return Ok(());
        }
        match self.kept {
            CountsKept::Drop => self.facts.drop_expired(until).await?,
            CountsKept::Aggregate => {
                for due in due {
                    self.close_day(due, until).await?;
                }
            }
        }
        Ok(self.facts.forget().await?)
    }

    async fn close_day(&self, due: Due, until: UnixMillis) -> anyhow::Result<()> {
        let Proposal { counts, known } = self.facts.proposal(due.clone(), until).await?;
        if self.table.put_counts(&counts, known).await.context("write down what is closed")? {
            return Ok(self.facts.adopt(counts).await?);
        }
        // Somebody was first. What that left out because it expired since is closed with the next pass.
        let theirs = self.table.counts(due.day, &due.customer).await.context("read what is closed")?;
        if let Some(theirs) = theirs {
            return Ok(self.facts.adopt(theirs).await?);
        }
        // Or the table is another one than it was.
        if self.table.put_counts(&counts, None).await.context("write down what is closed")? {
            self.facts.adopt(counts).await?;
        }
        Ok(())
    }
}
