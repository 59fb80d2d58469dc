//! The statistics as they are answered: totals, days, latencies.

use rusqlite::{Connection, ToSql};
use serde::Serialize;
use utoipa::ToSchema;

use crate::order::Status;

/// Rows of `by_day` at most: 31 days of three states and five formats are 465.
const DAY_ROWS_MAX: u32 = 2000;
const CUSTOMERS_MAX: u32 = 100;

/// Counts, bytes and latencies of one customer, or of all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Stats {
    pub(crate) totals: Totals,
    /// Newest day first.
    pub(crate) by_day: Vec<DayRow>,
    /// The customers with most images; only where all customers are asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_customer: Vec<CustomerRow>,
    pub(crate) latency_ms: Latency,
}

/// All there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Totals {
    pub(crate) images: i64,
    /// Without an end yet.
    pub(crate) uploaded: i64,
    pub(crate) processed: i64,
    pub(crate) failed: i64,
    /// Of originals.
    pub(crate) bytes_in: i64,
    /// Of renditions.
    pub(crate) bytes_out: i64,
}

/// One day, status and format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DayRow {
    /// The UTC date of the upload.
    pub(crate) day: String,
    pub(crate) status: String,
    /// Null where nobody could tell.
    pub(crate) source_format: Option<String>,
    pub(crate) images: i64,
    pub(crate) bytes_in: i64,
    pub(crate) bytes_out: i64,
}

/// One customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CustomerRow {
    pub(crate) customer_id: String,
    pub(crate) images: i64,
    pub(crate) processed: i64,
    pub(crate) failed: i64,
    pub(crate) bytes_in: i64,
    pub(crate) bytes_out: i64,
}

/// From upload to the last rendition stored, in milliseconds; null before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Latency {
    pub(crate) p50: Option<i64>,
    pub(crate) p99: Option<i64>,
}

/// Reads the statistics of `customer`, or of all.
pub(super) fn read(connection: &Connection, customer: Option<&str>) -> rusqlite::Result<Stats> {
    let by_customer = match customer {
        Some(_) => Vec::new(),
        None => by_customer(connection)?,
    };
    let asked = Asked { connection, customer };
    Ok(Stats { totals: asked.totals()?, by_day: asked.by_day()?, by_customer, latency_ms: asked.latency()? })
}

/// Whose figures are asked for.
struct Asked<'a> {
    connection: &'a Connection,
    customer: Option<&'a str>,
}

impl Asked<'_> {
    /// Two texts instead of one with `OR`, so that one customer's figures are read by the index.
    fn condition(&self) -> &'static str {
        if self.customer.is_some() { "customer_id = ?" } else { "TRUE" }
    }

    fn parameters(&self) -> Vec<&dyn ToSql> {
        self.customer.iter().map(|customer| customer as &dyn ToSql).collect()
    }

    fn totals(&self) -> rusqlite::Result<Totals> {
        let sql = format!(
            "SELECT status, count(*), sum(bytes_in), sum(bytes_out) FROM images WHERE {} GROUP BY status",
            self.condition()
        );
        let mut totals = Totals::default();
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut rows = select.query(&*self.parameters())?;
        while let Some(row) = rows.next()? {
            let images = row.get(1)?;
            match Status::parse(&row.get::<_, String>(0)?) {
                Some(Status::Uploaded) => totals.uploaded = images,
                Some(Status::Processed) => totals.processed = images,
                Some(Status::Failed) => totals.failed = images,
                None => {}
            }
            totals.images += images;
            totals.bytes_in += row.get::<_, i64>(2)?;
            totals.bytes_out += row.get::<_, i64>(3)?;
        }
        Ok(totals)
    }

    fn by_day(&self) -> rusqlite::Result<Vec<DayRow>> {
        let sql = format!(
            "SELECT day, status, source_format, count(*), sum(bytes_in), sum(bytes_out) FROM images WHERE {}
             GROUP BY day, status, source_format ORDER BY day DESC, status, source_format LIMIT {DAY_ROWS_MAX}",
            self.condition()
        );
        let mut select = self.connection.prepare_cached(&sql)?;
        let rows = select.query_map(&*self.parameters(), |row| {
            Ok(DayRow {
                day: row.get(0)?,
                status: row.get(1)?,
                source_format: row.get(2)?,
                images: row.get(3)?,
                bytes_in: row.get(4)?,
                bytes_out: row.get(5)?,
            })
        })?;
        rows.collect()
    }

    fn latency(&self) -> rusqlite::Result<Latency> {
        Ok(Latency { p50: self.percentile(50)?, p99: self.percentile(99)? })
    }

    /// The smallest value that at least `percent` of a hundred do not exceed.
    fn percentile(&self, percent: u8) -> rusqlite::Result<Option<i64>> {
        let of = format!("FROM images WHERE {} AND status = 'processed'", self.condition());
        let sql = format!(
            "SELECT latency_ms {of} ORDER BY latency_ms LIMIT 1
             OFFSET (SELECT max(0, (count(*) * {percent} + 99) / 100 - 1) {of})"
        );
        let parameters = [self.parameters(), self.parameters()].concat();
        let mut select = self.connection.prepare_cached(&sql)?;
        let mut rows = select.query(&*parameters)?;
        rows.next()?.map(|row| row.get(0)).transpose()
    }
}

fn by_customer(connection: &Connection) -> rusqlite::Result<Vec<CustomerRow>> {
    let sql = format!(
        "SELECT customer_id, count(*), sum(status = 'processed'), sum(status = 'failed'), sum(bytes_in), sum(bytes_out)
         FROM images GROUP BY customer_id ORDER BY count(*) DESC, customer_id LIMIT {CUSTOMERS_MAX}"
    );
    let mut select = connection.prepare_cached(&sql)?;
    let rows = select.query_map([], |row| {
        Ok(CustomerRow {
            customer_id: row.get(0)?,
            images: row.get(1)?,
            processed: row.get(2)?,
            failed: row.get(3)?,
            bytes_in: row.get(4)?,
            bytes_out: row.get(5)?,
        })
    })?;
    rows.collect()
}
