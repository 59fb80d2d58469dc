//! Reading rows by id: one, or many at once. Reads are strongly consistent, because what the live stream shows must be
//! what the next read shows.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use proto::{CustomerId, ImageId};

use super::client::Table;
use super::error::{Unavailable, unavailable};
use super::row::{InvalidRow, Item, Row, text, text_of};
use crate::metrics::{self, TableOperation};

/// DynamoDB's own limit for one BatchGetItem.
const BATCH_KEYS_MAX: usize = 100;
/// How often what DynamoDB left out of an answer is asked for again.
const BATCH_ROUNDS_MAX: u32 = 8;

/// Says why one row cannot be told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RowError {
    /// It is there and not of a form that is known here: a newer sink may have written it.
    #[error("read the row of `{id}`")]
    Unreadable {
        /// The image.
        id: ImageId,
        /// Whose it is, where that much can be read.
        customer: Option<CustomerId>,
        /// What of it cannot be read.
        #[source]
        cause: InvalidRow,
    },
    /// DynamoDB is away: try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What was found of several images.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    rows: HashMap<ImageId, Row>,
    unreadable: HashSet<ImageId>,
}

/// What was found of one image among several.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found<'a> {
    /// It has no row.
    Nothing,
    /// It has a row that cannot be read here; it has been logged.
    Unreadable,
    /// It has this row.
    Row(&'a Row),
}

impl Rows {
    /// Returns what was found of the image.
    pub(crate) fn of(&self, id: ImageId) -> Found<'_> {
        match self.rows.get(&id) {
            Some(row) => Found::Row(row),
            None if self.unreadable.contains(&id) => Found::Unreadable,
            None => Found::Nothing,
        }
    }

    /// Adds an item about one of the images asked for.
    fn add(&mut self, item: &Item) {
        if let Some(row) = readable(item) {
            self.rows.insert(row.fact.source.image_id, row);
        } else if let Some(id) = text_of(item, "pk").ok().and_then(|id| id.parse().ok()) {
            self.unreadable.insert(id);
        }
    }
}

#[cfg(test)]
impl FromIterator<Row> for Rows {
    fn from_iter<I: IntoIterator<Item = Row>>(rows: I) -> Rows {
        let rows = rows.into_iter().map(|row| (row.fact.source.image_id, row)).collect();
        Rows { rows, unreadable: HashSet::new() }
    }
}

impl Table {
    /// Returns the image's row, whoever's it is and whether or not it has expired: the caller decides who may see it.
    pub(crate) async fn row(&self, id: ImageId) -> Result<Option<Row>, RowError> {
        let get =
            self.dynamodb.get_item().table_name(&*self.name).key("pk", text(id)).consistent_read(true).send();
        let output = metrics::timed(TableOperation::Get, get).await.map_err(unavailable)?;
        let Some(item) = &output.item else { return Ok(None) };
        let customer = || text_of(item, "customer_id").ok().and_then(|name| CustomerId::parse(name).ok());
        let unreadable = |cause| RowError::Unreadable { id, customer: customer(), cause };
        Row::from_item(item).map(Some).map_err(unreadable)
    }

    /// Returns the rows of those images that have one. One that cannot be read stands in nobody's way.
    pub(crate) async fn rows(&self, ids: &[ImageId]) -> Result<Rows, Unavailable> {
        let keys: HashSet<String> = ids.iter().map(ToString::to_string).collect();
        let mut rows = Rows::default();
        self.items(keys).await?.iter().for_each(|item| rows.add(item));
        Ok(rows)
    }

    /// Returns those of the images that were erased by order: nothing may bring them back.
    pub(crate) async fn erased(&self, ids: &[ImageId]) -> Result<HashSet<ImageId>, Unavailable> {
        let keys = ids.iter().map(|id| format!("{TOMBSTONE}{id}")).collect();
        let items = self.items(keys).await?;
        let id_of = |item: &Item| text_of(item, "pk").ok()?.strip_prefix(TOMBSTONE)?.parse().ok();
        Ok(items.iter().filter_map(id_of).collect())
    }

    async fn items(&self, keys: HashSet<String>) -> Result<Vec<Item>, Unavailable> {
        let keys: Vec<Item> =
            keys.into_iter().map(|key| HashMap::from([("pk".to_owned(), text(key))])).collect();
        let mut items = Vec::with_capacity(keys.len());
        for batch in keys.chunks(BATCH_KEYS_MAX) {
            self.batch(batch.to_vec(), &mut items).await?;
        }
        Ok(items)
    }

    /// Reads up to [`BATCH_KEYS_MAX`] items; DynamoDB may answer a part and leave the rest to be asked again.
    async fn batch(&self, mut keys: Vec<Item>, items: &mut Vec<Item>) -> Result<(), Unavailable> {
        for round in 0..BATCH_ROUNDS_MAX {
            if round > 0 {
                tokio::time::sleep(Duration::from_millis(10 << round)).await;
            }
            let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true).build();
            let wanted = wanted.expect("keys are set");
            let get = self.dynamodb.batch_get_item().request_items(&*self.name, wanted).send();
            let output = metrics::timed(TableOperation::BatchGet, get).await.map_err(unavailable)?;
            items.extend(output.responses.unwrap_or_default().into_values().flatten());
            keys = left(output.unprocessed_keys);
            if keys.is_empty() {
                return Ok(());
            }
        }
        Err(Unavailable("a batch stays unprocessed".into()))
    }
}

/// Rows of this kind say that an image was erased by order.
const TOMBSTONE: &str = "tombstone#";

fn left(unprocessed: Option<HashMap<String, KeysAndAttributes>>) -> Vec<HashMap<String, AttributeValue>> {
    unprocessed.unwrap_or_default().into_values().flat_map(|keys| keys.keys).collect()
}

/// Returns the row, or logs that it cannot be read: where rows are read together, one must not hide all others.
pub(super) fn readable(item: &Item) -> Option<Row> {
    let logged = |error: InvalidRow| {
        let id = text_of(item, "pk").unwrap_or_default();
        tracing::error!(image.id = id, "leave out a row that is not of a known form: {error}");
    };
    Row::from_item(item).map_err(logged).ok()
}
