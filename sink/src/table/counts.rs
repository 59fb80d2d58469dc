//! The counts of expired images, where all sinks find the same: one item for a customer's day. Owns that a count is
//! replaced only by one that was made from it, so that whoever is first decides for all. Personal rows leave; these stay.

use proto::{CustomerId, UnixMillis};
use time::Date;
use time::macros::format_description;

use super::client::Table;
use super::error::{Unavailable, code, unavailable};
use super::row::{BY_DAY, InvalidRow, Item, number, number_of, text, text_of};
use crate::counts::DayCounts;
use crate::metrics::{self, TableOperation};

/// The partition of the index `by_day` that lists all counts; no customer's day is called so.
const LISTED_AS: &str = "counts";

impl Table {
    /// Returns all counts there are, as the index knows them: one that is a moment old may be missing.
    pub(crate) async fn all_counts(&self) -> Result<Vec<DayCounts>, Unavailable> {
        let (mut all, mut from) = (Vec::new(), None);
        loop {
            let query = self
                .dynamodb
                .query()
                .table_name(&*self.name)
                .index_name(BY_DAY)
                .key_condition_expression("customer_day = :counts")
                .expression_attribute_values(":counts", text(LISTED_AS))
                .set_exclusive_start_key(from)
                .send();
            let output = metrics::timed(TableOperation::Query, query).await.map_err(unavailable)?;
            all.extend(output.items().iter().filter_map(readable));
            from = output.last_evaluated_key;
            if from.is_none() {
                return Ok(all);
            }
        }
    }

    /// Returns the counts of a customer's day.
    pub(crate) async fn counts(
        &self,
        day: Date,
        customer: &CustomerId,
    ) -> Result<Option<DayCounts>, Unavailable> {
        let get = self
            .dynamodb
            .get_item()
            .table_name(&*self.name)
            .key("pk", text(key_of(day, customer)))
            .consistent_read(true)
            .send();
        let output = metrics::timed(TableOperation::Get, get).await.map_err(unavailable)?;
        Ok(output.item.as_ref().and_then(readable))
    }

    /// Writes counts that were made from those until `known`, or from none. Says whether that is what stood there.
    pub(crate) async fn put_counts(
        &self,
        counts: &DayCounts,
        known: Option<UnixMillis>,
    ) -> Result<bool, Unavailable> {
        let put = self
            .dynamodb
            .put_item()
            .table_name(&*self.name)
            .item("pk", text(key_of(counts.day, &counts.customer)))
            .item("customer_day", text(LISTED_AS))
            .item("customer_id", text(&counts.customer))
            .item("until_unix_ms", number(counts.until.0))
            .item(
                "counts",
                text(serde_json::to_string(&counts.counts).expect("words and numbers serialize")),
            );
        let put = match known {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(until) => put
                .condition_expression("until_unix_ms = :until")
                .expression_attribute_values(":until", number(until.0)),
        };
        match metrics::timed(TableOperation::Apply, put.send()).await {
            Ok(_) => Ok(true),
            Err(error) if code(&error) == "ConditionalCheckFailedException" => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }
}

fn key_of(day: Date, customer: &CustomerId) -> String {
    format!("counts#{day}#{customer}")
}

/// Returns the counts, or logs that they cannot be read.
fn readable(item: &Item) -> Option<DayCounts> {
    let logged =
        |error: InvalidRow| tracing::error!("leave out counts that are not of a known form: {error}");
    counts_of(item).map_err(logged).ok()
}

fn counts_of(item: &Item) -> Result<DayCounts, InvalidRow> {
    let invalid = |name: &str| InvalidRow(name.to_owned());
    let day = text_of(item, "pk")?.split('#').nth(1).ok_or_else(|| invalid("pk"))?;
    Ok(DayCounts {
        day: Date::parse(day, format_description!("[year]-[month]-[day]")).map_err(|_| invalid("pk"))?,
        customer: text_of(item, "customer_id")?.parse().map_err(|_| invalid("customer_id"))?,
        until: UnixMillis(number_of(item, "until_unix_ms")?),
        counts: serde_json::from_str(text_of(item, "counts")?).map_err(|_| invalid("counts"))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Count;
    use crate::table::tests::table;

    fn counts(customer: &str, until: i64) -> DayCounts {
        let count = Count {
            status: "processed".to_owned(),
            source_format: Some("jpeg".to_owned()),
            latency_ms: Some(120),
            images: until,
            bytes_in: 8,
            bytes_out: 5,
        };
        DayCounts {
            day: time::macros::date!(2026 - 11 - 20),
            customer: CustomerId::parse(customer).unwrap(),
            until: UnixMillis(until),
            counts: vec![count],
        }
    }

    #[tokio::test]
    async fn a_count_is_replaced_only_by_one_that_was_made_from_it_and_twice_is_once() {
        let table = table().await;
        let (first, second) = (counts("a#b", 1), counts("a#b", 2));
        assert!(table.put_counts(&first, None).await.unwrap());
        assert!(!table.put_counts(&counts("a#b", 9), None).await.unwrap(), "somebody was first");
        assert!(table.put_counts(&second, Some(first.until)).await.unwrap());
        assert!(!table.put_counts(&second, Some(first.until)).await.unwrap());
        assert_eq!(table.counts(first.day, &first.customer).await.unwrap(), Some(second.clone()));
        let other = counts("globex", 3);
        assert!(table.put_counts(&other, None).await.unwrap());
        assert_eq!(table.all_counts().await.unwrap(), [second, other]);
    }
}
