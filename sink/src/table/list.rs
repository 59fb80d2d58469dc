//! Listing a customer's rows, newest first: walks the days of the index `by_day` backwards. Owns the bound on how much
//! one call reads; the caller goes on from the mark where it stopped.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use proto::{CustomerId, ImageId, UnixMillis};
use time::Date;
use time::macros::format_description;

use super::client::Table;
use super::error::{Unavailable, unavailable};
use super::read::{Found, Rows, readable};
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

/// A part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ListPage {
    /// Newest first.
    pub(crate) rows: Vec<Row>,
    /// Where to go on; none at the end.
    pub(crate) next: Option<Mark>,
}

impl Mark {
    /// Says whether a list that goes on from here may still show the image.
    fn lies_before(&self, id: ImageId) -> bool {
        match id.day().cmp(&self.day) {
            Ordering::Less => true,
            Ordering::Equal => self.after.is_none_or(|after| id < after),
            Ordering::Greater => false,
        }
    }

    fn behind(row: &Row) -> Mark {
        let id = row.fact.source.image_id;
        Mark { day: id.day(), after: Some(id) }
    }
}

impl ListPage {
    /// Returns those of the images of which the page may know too little: the newest that lie within it, `max` at most. The
    /// page began at `from`.
    pub(super) fn in_doubt(&self, from: Mark, recent: &BTreeSet<ImageId>, max: usize) -> Vec<ImageId> {
        let lies_within =
            |id: &ImageId| from.lies_before(*id) && !self.next.is_some_and(|next| next.lies_before(*id));
        recent.iter().rev().copied().filter(lies_within).take(max).collect()
    }

    /// Says of the images that were in doubt what the table itself says.
    pub(super) fn corrected(self, doubtful: &[ImageId], rows: &Rows, wanted: &Wanted) -> ListPage {
        let ListPage { rows: known, mut next } = self;
        let mut known: BTreeMap<Reverse<ImageId>, Row> =
            known.into_iter().map(|row| (Reverse(row.fact.source.image_id), row)).collect();
        for id in doubtful {
            match rows.of(*id) {
                Found::Row(row) if wanted.takes(row) => drop(known.insert(Reverse(*id), row.clone())),
                Found::Row(_) | Found::Unreadable | Found::Nothing => drop(known.remove(&Reverse(*id))),
            }
        }
        let mut rows: Vec<Row> = known.into_values().collect();
        if rows.len() > wanted.limit {
            rows.truncate(wanted.limit);
            next = rows.last().map(Mark::behind);
        }
        ListPage { rows, next }
    }
}

impl Wanted {
    fn takes(&self, row: &Row) -> bool {
        let is_of_status = self.status.is_none_or(|status| row.fact.status() == status);
        is_of_status && !row.fact.source.is_expired(self.now)
    }
}

impl Table {
    /// Returns up to `limit` rows from `mark` on. The index may not know yet what has happened to the `recent` images of the
    /// customer: of them the table itself is asked.
    pub(crate) async fn list(
        &self,
        wanted: &Wanted,
        mark: Mark,
        recent: &BTreeSet<ImageId>,
    ) -> Result<ListPage, Unavailable> {
        let page = self.page(wanted, mark).await?;
        let doubtful = page.in_doubt(mark, recent, wanted.limit);
        if doubtful.is_empty() {
            return Ok(page);
        }
        let rows = self.rows(&doubtful).await?;
        Ok(page.corrected(&doubtful, &rows, wanted))
    }

    /// Returns what the index knows.
    async fn page(&self, wanted: &Wanted, mark: Mark) -> Result<ListPage, Unavailable> {
        let mut page = ListPage { rows: Vec::new(), next: Some(mark) };
        for _ in 0..QUERIES_MAX {
            let Some(here) = page.next else { break };
            let missing = wanted.limit - page.rows.len();
            let ListPage { rows, next } = self.query(wanted, here, missing).await?;
            page.rows.extend(rows);
            page.next = next;
            if page.rows.len() >= wanted.limit {
                break;
            }
        }
        Ok(page)
    }

    /// Makes one query for rows of one day.
    async fn query(&self, wanted: &Wanted, mark: Mark, missing: usize) -> Result<ListPage, Unavailable> {
        let output = self.query_of(wanted, mark, missing).send();
        let output = metrics::timed(TableOperation::Query, output).await.map_err(unavailable)?;
        let mut rows: Vec<Row> = output.items().iter().filter_map(readable).collect();
        if rows.len() > missing {
            rows.truncate(missing);
            let next = rows.last().map(Mark::behind);
            return Ok(ListPage { rows, next });
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
        Ok(ListPage { rows, next })
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
