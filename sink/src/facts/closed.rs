//! Closing: rows of images that have expired leave, and only how many there were stays. Owns that a customer's day is closed
//! up to one moment, so that no image counts twice, however often its facts are read again.

use proto::{CustomerId, UnixMillis};
use rusqlite::{Connection, Transaction, params};
use time::Date;

use super::rows::closed_until;
use super::schema;
use super::store::{Facts, FactsError};
use crate::counts::{Count, DayCounts};

/// Customers' days closed in one pass; the next one goes on.
const CLOSE_MAX: u32 = 500;

/// A customer's day of which something has expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub(crate) day: Date,
    pub(crate) customer: CustomerId,
}

/// What is to be closed next, and what it was made from.
#[derive(Debug)]
pub(crate) struct Proposal {
    pub(crate) counts: DayCounts,
    /// Up to where the day was closed before.
    pub(crate) known: Option<UnixMillis>,
}

impl Facts {
    /// Returns the customers' days of which something had expired by `until`.
    pub(crate) async fn due(&self, until: UnixMillis) -> Result<Vec<Due>, FactsError> {
        self.write_with(move |connection| {
            let select = format!(
                "SELECT DISTINCT day, customer_id FROM images WHERE expires_at_unix_ms <= ? LIMIT {CLOSE_MAX}"
            );
            let mut select = connection.prepare_cached(&select)?;
            let rows = select.query_map([until.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let rows: Vec<(String, String)> = rows.collect::<Result<_, _>>()?;
            let due = |(day, customer): (String, String)| {
                let day =
                    Date::parse(&day, time::macros::format_description!("[year]-[month]-[day]")).ok()?;
                Some(Due { day, customer: CustomerId::parse(&customer).ok()? })
            };
            Ok(rows.into_iter().filter_map(due).collect())
        })
        .await
    }

    /// Returns what a customer's day comes to once all of it that had expired by `until` is closed.
    pub(crate) async fn proposal(&self, due: Due, until: UnixMillis) -> Result<Proposal, FactsError> {
        self.write_with(move |connection| {
            let transaction = connection.transaction()?;
            let Due { day, customer } = due;
            let known = closed_until(&transaction, &day.to_string(), customer.as_str())?;
            let counts = counts_until(&transaction, &day.to_string(), customer.as_str(), until)?;
            Ok(Proposal { counts: DayCounts { day, customer, until, counts }, known })
        })
        .await
    }

    /// Takes what a customer's day has been closed to, unless more of it is closed here already; its images up to there
    /// leave. Twice is once.
    pub(crate) async fn adopt(&self, counts: DayCounts) -> Result<(), FactsError> {
        self.write_with(move |connection| {
            let transaction = connection.transaction()?;
            adopt(&transaction, &counts)?;
            transaction.commit()
        })
        .await
    }

    /// Lets everything leave that had expired by `until`, and all counts of what did before.
    pub(crate) async fn drop_expired(&self, until: UnixMillis) -> Result<(), FactsError> {
        self.write_with(move |connection| {
            let transaction = connection.transaction()?;
            transaction.execute("DELETE FROM images WHERE expires_at_unix_ms <= ?", [until.0])?;
            transaction.execute_batch("DELETE FROM closed; DELETE FROM closings;")?;
            transaction.commit()
        })
        .await
    }

    /// Makes sure that what has left is nowhere in the files.
    pub(crate) async fn forget(&self) -> Result<(), FactsError> {
        self.write_with(|connection| schema::forget(connection)).await
    }
}

fn counts_until(
    connection: &Connection,
    day: &str,
    customer: &str,
    until: UnixMillis,
) -> rusqlite::Result<Vec<Count>> {
    let select = "
        SELECT status, source_format, latency_step_ms, sum(images), sum(bytes_in), sum(bytes_out) FROM (
            SELECT status, source_format, latency_step_ms, 1 AS images, bytes_in, bytes_out FROM images
            WHERE day = ?1 AND customer_id = ?2 AND expires_at_unix_ms <= ?3
            UNION ALL
            SELECT status, source_format, latency_step_ms, images, bytes_in, bytes_out FROM closed
            WHERE day = ?1 AND customer_id = ?2
        ) GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
    let mut select = connection.prepare_cached(select)?;
    let rows = select.query_map(params![day, customer, until.0], |row| {
        Ok(Count {
            status: row.get(0)?,
            source_format: row.get(1)?,
            latency_ms: row.get(2)?,
            images: row.get(3)?,
            bytes_in: row.get(4)?,
            bytes_out: row.get(5)?,
        })
    })?;
    rows.collect()
}

fn adopt(transaction: &Transaction<'_>, counts: &DayCounts) -> rusqlite::Result<()> {
    let DayCounts { day, customer, until, counts } = counts;
    let (day, customer) = (day.to_string(), customer.as_str());
    if closed_until(transaction, &day, customer)?.is_some_and(|known| known >= *until) {
        return Ok(());
    }
    let leave = "DELETE FROM images WHERE day = ? AND customer_id = ? AND expires_at_unix_ms <= ?";
    transaction.prepare_cached(leave)?.execute(params![day, customer, until.0])?;
    let replaced = "DELETE FROM closed WHERE day = ? AND customer_id = ?";
    transaction.prepare_cached(replaced)?.execute([&*day, customer])?;
    let put = "INSERT INTO closed (day, customer_id, status, source_format, latency_step_ms, images, bytes_in, bytes_out)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    let mut put = transaction.prepare_cached(put)?;
    for Count { status, source_format, latency_ms, images, bytes_in, bytes_out } in counts {
        put.execute(params![day, customer, status, source_format, latency_ms, images, bytes_in, bytes_out])?;
    }
    let close = "INSERT OR REPLACE INTO closings (day, customer_id, until_unix_ms) VALUES (?, ?, ?)";
    transaction.prepare_cached(close)?.execute(params![day, customer, until.0])?;
    Ok(())
}
