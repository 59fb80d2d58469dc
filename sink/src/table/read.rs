//! Reading rows by id: one, or many at once. Reads are strongly consistent, because what the live stream shows must be
//! what the next read shows.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use proto::ImageId;

use super::client::Table;
use super::error::{Unavailable, unavailable};
use super::row::{Item, Row, text, text_of};
use crate::metrics::{self, TableOperation};

/// DynamoDB's own limit for one BatchGetItem.
const BATCH_KEYS_MAX: usize = 100;
/// How often what DynamoDB left out of an answer is asked for again.
const BATCH_ROUNDS_MAX: u32 = 8;

impl Table {
    /// Returns the image's row, whoever's it is and whether or not it has expired: the caller decides who may see it.
    pub(crate) async fn row(&self, id: ImageId) -> Result<Option<Row>, Unavailable> {
        let get =
            self.dynamodb.get_item().table_name(&*self.name).key("pk", text(id)).consistent_read(true).send();
        let output = metrics::timed(TableOperation::Get, get).await.map_err(unavailable)?;
        output.item.as_ref().map(read).transpose()
    }

    /// Returns the rows of those images that have one.
    pub(crate) async fn rows(&self, ids: &[ImageId]) -> Result<HashMap<ImageId, Row>, Unavailable> {
        let keys: HashSet<String> = ids.iter().map(ToString::to_string).collect();
        let mut rows = HashMap::with_capacity(keys.len());
        for item in self.items(keys).await? {
            let row = read(&item)?;
            rows.insert(row.fact.source.image_id, row);
        }
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

pub(super) fn read(item: &Item) -> Result<Row, Unavailable> {
    Row::from_item(item).map_err(|error| Unavailable(Box::new(error)))
}
