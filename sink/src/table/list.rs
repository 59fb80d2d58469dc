//! Listing a customer's rows, newest first: walks the days of the index `by_day` backwards. Owns the bound on how much
//! one call reads; the caller goes on from the mark where it stopped.

use std::fmt;
use std::str::FromStr;

use proto::{CustomerId, ImageId, UnixMillis};
use time::Date;
use time::macros::format_description;

use super::client::Table;
use super::error::{Unavailable, unavailable};
use super::read::readable;
use super::row::{BY_DAY, Item, Row, customer_day, number, text, text_of};
use crate::metrics::{self, TableOperation};
use crate::order::Status;

/// How many queries one call makes at most: a list of one rare status over busy days ends early, with a mark to go on.
const QUERIES_MAX: usize = 40;
/// Rows that one query for one status looks at, at least.
const STATUS_ROWS_MIN: usize = 200;

/// Where a list begins or goes on: after all images of later days, and after an image of this day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) day: Date,
    pub(crate) after: Option<ImageId>,
}

/// What to list.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) customer: CustomerId,
    pub(crate) status: Option<Status>,
    /// Nothing that has expired by now is listed.
    pub(crate) now: UnixMillis,
    /// The first day that can hold anything.
    pub(crate) oldest: Date,
    pub(crate) limit: usize,
}

impl Table {
    /// Returns up to `limit` rows from `mark` on, newest first, and the mark to go on from; none at the end.
    pub(crate) async fn list(
        &self,
        wanted: &Wanted,
        mark: Mark,
    ) -> Result<(Vec<Row>, Option<Mark>), Unavailable> {
        let mut rows = Vec::new();
        let mut mark = Some(mark);
        for _ in 0..QUERIES_MAX {
            let Some(here) = mark else { break };
            let missing = wanted.limit - rows.len();
            let (found, next) = self.query(wanted, here, missing).await?;
            rows.extend(found);
            mark = next;
            if rows.len() >= wanted.limit {
                break;
            }
        }
        Ok((rows, mark))
    }

    /// Makes one query for rows of one day.
    async fn query(
        &self,
        wanted: &Wanted,
        mark: Mark,
        missing: usize,
    ) -> Result<(Vec<Row>, Option<Mark>), Unavailable> {
        let output = self.query_of(wanted, mark, missing).send();
        let output = metrics::timed(TableOperation::Query, output).await.map_err(unavailable)?;
        let mut rows: Vec<Row> = output.items().iter().filter_map(readable).collect();
        if rows.len() > missing {
            rows.truncate(missing);
            let after = rows.last().map(|row| row.fact.source.image_id);
            return Ok((rows, Some(Mark { day: mark.day, after })));
        }
        let last = output.last_evaluated_key.as_ref().and_then(last_id);
        let next = match last {
            Some(id) => Some(Mark { day: mark.day, after: Some(id) }),
            None => mark
                .day
                .previous_day()
                .filter(|day| *day >= wanted.oldest)
                .map(|day| Mark { day, after: None }),
        };
        Ok((rows, next))
    }

    fn query_of(
        &self,
        wanted: &Wanted,
        mark: Mark,
        missing: usize,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        // The limit counts rows before the filter: for one status, look at more than are missing.
        let looked_at = if wanted.status.is_some() { missing.max(STATUS_ROWS_MIN) } else { missing.max(1) };
        let mut query = self
            .dynamodb
            .query()
            .table_name(&*self.name)
            .index_name(BY_DAY)
            .scan_index_forward(false)
            .limit(i32::try_from(looked_at).unwrap_or(i32::MAX))
            .expression_attribute_values(":day", text(customer_day(&wanted.customer, mark.day)))
            .expression_attribute_values(":now", number(wanted.now.0));
        let mut filter = "expires_at_unix_ms > :now".to_owned();
        if let Some(status) = wanted.status {
            filter.push_str(" AND #status = :status");
            query = query
                .expression_attribute_names("#status", "status")
                .expression_attribute_values(":status", text(status.name()));
        }
        query = query.filter_expression(filter);
        match mark.after {
            None => query.key_condition_expression("customer_day = :day"),
            Some(id) => query
                .key_condition_expression("customer_day = :day AND pk < :after")
                .expression_attribute_values(":after", text(id)),
        }
    }
}

fn last_id(key: &Item) -> Option<ImageId> {
    text_of(key, "pk").ok()?.parse().ok()
}

/// Says that a text is no mark in a list.
#[derive(Debug)]
pub(crate) struct InvalidMark;

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.after {
            None => write!(f, "{}", self.day),
            Some(id) => write!(f, "{id}"),
        }
    }
}

impl FromStr for Mark {
    type Err = InvalidMark;

    fn from_str(text: &str) -> Result<Mark, InvalidMark> {
        if let Ok(id) = text.parse::<ImageId>() {
            return Ok(Mark { day: id.day(), after: Some(id) });
        }
        let day = Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| InvalidMark)?;
        Ok(Mark { day, after: None })
    }
}
