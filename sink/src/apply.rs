//! The group `sink-table`: applies every fact to its row. Doing it twice changes nothing: the row's condition decides.

use std::sync::Arc;

use conveyor::{Fault, Handler, Record};
use proto::{Codec, Reason, UnixMillis};
use tokio::sync::Notify;

use crate::fact;
use crate::metrics;
use crate::table::{Applied, ApplyError, Row, Table};

/// The consumer group.
pub(crate) const GROUP: &str = "sink-table";

/// Applies facts to the table.
pub(crate) struct Apply {
    pub(crate) codec: Arc<Codec>,
    pub(crate) table: Table,
    /// Rung after every row that was written, for the live stream.
    pub(crate) applied: Arc<Notify>,
}

impl Handler for Apply {
    async fn handle(&self, record: &Record) -> Result<(), Fault> {
        let Some(fact) = fact::read(&self.codec, record).await? else {
            // A dead letter of a record that could not be read: nobody's row can say it.
            metrics::fact_seen("nameless");
            return Ok(());
        };
        if fact.source.is_expired(UnixMillis::now()) {
            metrics::fact_seen("expired");
            return Ok(());
        }
        let row = Row { fact, set_by: record.coordinates() };
        let (id, status) = (row.fact.source.image_id, row.fact.status().name());
        match self.table.apply(&row).await {
            Ok(Applied::Written) => {
                metrics::fact_seen("written");
                self.applied.notify_one();
                tracing::info!(image.id = %id, image.status = status, image.attempt = row.fact.attempt, "row written");
                Ok(())
            }
            Ok(Applied::Superseded) => {
                metrics::fact_seen("superseded");
                tracing::debug!(image.id = %id, image.status = status, "row stands already");
                Ok(())
            }
            Err(error @ ApplyError::Refused(_)) => {
                Err(Fault::reject(Reason::MessageMalformed, format!("{:#}", anyhow::Error::new(error))))
            }
            Err(ApplyError::Unavailable(cause)) => Err(Fault::retry(cause)),
        }
    }
}
