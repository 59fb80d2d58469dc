//! The statistics as they are answered: all there is, and by day, type, customer and status. Owns that every figure is summed
//! from the same groups, so that they belong together.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use rusqlite::{Connection, Row, ToSql};
use serde::Serialize;
use utoipa::ToSchema;

use crate::order::Status;

/// Rows of `by_day` at most: 31 days of three states and five formats are 465.
const DAY_ROWS_MAX: usize = 2000;
const CUSTOMERS_MAX: usize = 100;
const GROUPS_MAX: usize = 2000;

/// Counts, bytes and latencies of one customer, or of all. Images that have expired count on unless the policy drops them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Stats {
    pub(crate) totals: Totals,
    /// Newest day first.
    pub(crate) by_day: Vec<DayRow>,
    /// The customers with most images; only where all customers are asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) by_customer: Vec<CustomerRow>,
    /// By day, type, customer and status at once: newest day first, at most 2000.
    pub(crate) groups: Vec<GroupRow>,
    /// Of processed images.
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
    pub(crate) latency_ms: Latency,
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
    /// Of processed images.
    pub(crate) latency_ms: Latency,
}

/// One day, format, customer and status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct GroupRow {
    /// The UTC date of the upload.
    pub(crate) day: String,
    /// Null where nobody could tell.
    pub(crate) source_format: Option<String>,
    pub(crate) customer_id: String,
    pub(crate) status: String,
    pub(crate) images: i64,
    pub(crate) bytes_in: i64,
    pub(crate) bytes_out: i64,
    pub(crate) latency_ms: Latency,
}

/// From upload to the end, in milliseconds, at most a sixteenth below what was measured; null before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Latency {
    pub(crate) p50: Option<i64>,
    pub(crate) p99: Option<i64>,
}

/// Reads the statistics of `customer`, or of all.
pub(super) fn read(connection: &Connection, customer: Option<&str>) -> rusqlite::Result<Stats> {
    // Two texts instead of one with `OR`, so that one customer's figures are read by the index.
    let condition = if customer.is_some() { "customer_id = ?" } else { "TRUE" };
    let sql = format!(
        "SELECT day, source_format, customer_id, status, latency_step_ms, sum(images), sum(bytes_in), sum(bytes_out)
         FROM counts WHERE {condition} GROUP BY 1, 2, 3, 4, 5 ORDER BY 1 DESC, 2, 3, 4"
    );
    let parameters: Vec<&dyn ToSql> = customer.iter().map(|customer| customer as &dyn ToSql).collect();
    let mut select = connection.prepare_cached(&sql)?;
    let mut rows = select.query(&*parameters)?;
    let mut sums = Sums::default();
    while let Some(row) = rows.next()? {
        sums.add(&Kind::of(row)?, &Figures::of(row)?);
    }
    Ok(sums.stats(customer))
}

/// What images of one group have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    day: Reverse<String>,
    source_format: Option<String>,
    customer_id: String,
    status: String,
}

impl Kind {
    fn of(row: &Row<'_>) -> rusqlite::Result<Kind> {
        let (day, source_format) = (Reverse(row.get(0)?), row.get(1)?);
        Ok(Kind { day, source_format, customer_id: row.get(2)?, status: row.get(3)? })
    }
}

/// What images of one row of `by_day` have in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct DayKind {
    day: Reverse<String>,
    status: String,
    source_format: Option<String>,
}

/// What is summed.
#[derive(Clone, Debug, Default)]
struct Figures {
    images: i64,
    bytes_in: i64,
    bytes_out: i64,
    /// How many images took how long.
    latencies_ms: BTreeMap<i64, i64>,
}

impl Figures {
    fn of(row: &Row<'_>) -> rusqlite::Result<Figures> {
        let images = row.get(5)?;
        let latencies_ms = row.get::<_, Option<i64>>(4)?.map(|latency_ms| (latency_ms, images));
        let latencies_ms = latencies_ms.into_iter().collect();
        Ok(Figures { images, bytes_in: row.get(6)?, bytes_out: row.get(7)?, latencies_ms })
    }

    fn add(&mut self, other: &Figures) {
        self.images += other.images;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        for (latency_ms, images) in &other.latencies_ms {
            *self.latencies_ms.entry(*latency_ms).or_default() += images;
        }
    }

    fn day_row(self, DayKind { day: Reverse(day), status, source_format }: DayKind) -> DayRow {
        let (latency_ms, Figures { images, bytes_in, bytes_out, .. }) = (self.latency(), self);
        DayRow { day, status, source_format, images, bytes_in, bytes_out, latency_ms }
    }

    fn group_row(self, kind: Kind) -> GroupRow {
        let Kind { day: Reverse(day), source_format, customer_id, status } = kind;
        let (latency_ms, Figures { images, bytes_in, bytes_out, .. }) = (self.latency(), self);
        GroupRow { day, source_format, customer_id, status, images, bytes_in, bytes_out, latency_ms }
    }

    fn latency(&self) -> Latency {
        Latency { p50: self.percentile(50), p99: self.percentile(99) }
    }

    /// The smallest value that at least `percent` of a hundred do not exceed.
    fn percentile(&self, percent: i64) -> Option<i64> {
        let all: i64 = self.latencies_ms.values().sum();
        let mut below = 0;
        let is_reached = |(_, images): &(&i64, &i64)| {
            below += **images;
            below * 100 >= all * percent
        };
        self.latencies_ms.iter().find(is_reached).map(|(latency_ms, _)| *latency_ms)
    }
}

/// The sums on their way.
#[derive(Debug, Default)]
struct Sums {
    of_status: BTreeMap<String, Figures>,
    of_day: BTreeMap<DayKind, Figures>,
    of_customer: BTreeMap<String, BTreeMap<String, Figures>>,
    /// In the order of the answer, and no more than it has.
    groups: Vec<(Kind, Figures)>,
}

impl Sums {
    fn add(&mut self, kind: &Kind, figures: &Figures) {
        let Kind { day, source_format, customer_id, status } = kind.clone();
        self.of_status.entry(status.clone()).or_default().add(figures);
        let of_day = DayKind { day, status: status.clone(), source_format };
        self.of_day.entry(of_day).or_default().add(figures);
        self.of_customer.entry(customer_id).or_default().entry(status).or_default().add(figures);
        self.add_group(kind, figures);
    }

    /// Groups come in order: one that has begun goes on with the last, and behind the bound nothing begins.
    fn add_group(&mut self, kind: &Kind, figures: &Figures) {
        let goes_on = self.groups.last().is_some_and(|(last, _)| last == kind);
        if goes_on && let Some((_, sum)) = self.groups.last_mut() {
            sum.add(figures);
        } else if self.groups.len() < GROUPS_MAX {
            self.groups.push((kind.clone(), figures.clone()));
        }
    }

    fn stats(self, customer: Option<&str>) -> Stats {
        let of = |status: Status| self.of_status.get(status.name()).cloned().unwrap_or_default();
        let mut all = Figures::default();
        self.of_status.values().for_each(|figures| all.add(figures));
        let (uploaded, processed, failed) = (of(Status::Uploaded), of(Status::Processed), of(Status::Failed));
        Stats {
            totals: Totals {
                images: all.images,
                uploaded: uploaded.images,
                processed: processed.images,
                failed: failed.images,
                bytes_in: all.bytes_in,
                bytes_out: all.bytes_out,
            },
            latency_ms: processed.latency(),
            by_day: self.of_day.into_iter().take(DAY_ROWS_MAX).map(|(kind, sum)| sum.day_row(kind)).collect(),
            by_customer: if customer.is_some() { Vec::new() } else { customer_rows(self.of_customer) },
            groups: self.groups.into_iter().map(|(kind, sum)| sum.group_row(kind)).collect(),
        }
    }
}

fn customer_rows(of_customer: BTreeMap<String, BTreeMap<String, Figures>>) -> Vec<CustomerRow> {
    let row = |(customer_id, of_status): (String, BTreeMap<String, Figures>)| {
        let of = |status: Status| of_status.get(status.name()).cloned().unwrap_or_default();
        let mut all = Figures::default();
        of_status.values().for_each(|figures| all.add(figures));
        CustomerRow {
            customer_id,
            images: all.images,
            processed: of(Status::Processed).images,
            failed: of(Status::Failed).images,
            bytes_in: all.bytes_in,
            bytes_out: all.bytes_out,
            latency_ms: of(Status::Processed).latency(),
        }
    };
    let mut rows: Vec<CustomerRow> = of_customer.into_iter().map(row).collect();
    rows.sort_by_key(|row| Reverse(row.images));
    rows.truncate(CUSTOMERS_MAX);
    rows
}
