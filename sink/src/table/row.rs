//! The row: what the table says about one image. Owns its DynamoDB form, attribute by attribute; a row that is not
//! exactly of this form is an error, never a guess.

use std::collections::HashMap;
use std::str::FromStr;

use aws_sdk_dynamodb::types::AttributeValue;
use proto::{
    Channel, ClaimCheck, Coordinates, CustomerId, Picture, Placeholder, Reason, RenditionFact, Sha256,
    Source, UnixMillis,
};
use time::Date;

use crate::fact::{Fact, State};
use crate::order::Status;

/// An item as DynamoDB gives and takes it.
pub(super) type Item = HashMap<String, AttributeValue>;

/// What the table says about one image, and which record said so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    /// The fact that was applied.
    pub(crate) fact: Fact,
    /// The record that brought it.
    pub(crate) set_by: Coordinates,
}

/// Says that an item is no row of this form.
#[derive(Debug, thiserror::Error)]
#[error("read attribute `{0}` of a row")]
pub(crate) struct InvalidRow(pub(super) String);

impl Row {
    pub(super) fn to_item(&self) -> Item {
        let (fact, source) = (&self.fact, &self.fact.source);
        let mut item = source_item(source);
        put(&mut item, "pk", text(source.image_id));
        put(&mut item, "customer_day", text(customer_day(&source.customer_id, source.image_id.day())));
        put(&mut item, "expires_at_unix_s", number(source.expires_at.unix_s()));
        put(&mut item, "status", text(fact.status().name()));
        put(&mut item, "attempt", number(fact.attempt));
        put(&mut item, "set_by", text(&self.set_by));
        if let Some(at) = fact.finished_at() {
            put(&mut item, "finished_at_unix_ms", number(at.0));
        }
        match &fact.state {
            State::Uploaded => {}
            State::Processed { renditions, placeholder, .. } => {
                put_placeholder(&mut item, placeholder);
                let list = renditions.iter().map(|one| AttributeValue::M(rendition_item(one))).collect();
                put(&mut item, "renditions", AttributeValue::L(list));
            }
            State::Failed { reason, detail, .. } => {
                put(&mut item, "failure_reason", text(reason));
                put(&mut item, "failure_detail", text(detail));
            }
        }
        item
    }

    pub(super) fn from_item(item: &Item) -> Result<Row, InvalidRow> {
        let status =
            Status::parse(text_of(item, "status")?).ok_or_else(|| InvalidRow("status".to_owned()))?;
        let state = match status {
            Status::Uploaded => State::Uploaded,
            Status::Processed => State::Processed {
                renditions: renditions_of(item)?,
                placeholder: placeholder_of(item)?,
                at: finished_at(item)?,
            },
            Status::Failed => State::Failed {
                reason: parsed::<Reason>(item, "failure_reason")?,
                detail: text_of(item, "failure_detail")?.to_owned(),
                at: finished_at(item)?,
            },
        };
        let fact = Fact { source: source_of(item)?, attempt: number_of(item, "attempt")?, state };
        Ok(Row { fact, set_by: parsed(item, "set_by")? })
    }
}

/// The index over `customer#day` and the image's id.
pub(super) const BY_DAY: &str = "by_day";

/// Returns the partition of the index `by_day`. A day has ten characters, so no two customers share one.
pub(super) fn customer_day(customer: &CustomerId, day: Date) -> String {
    format!("{customer}#{day}")
}

fn source_item(source: &Source) -> Item {
    let mut item = Item::new();
    put(&mut item, "customer_id", text(&source.customer_id));
    put(&mut item, "original", AttributeValue::M(check_item(&source.original)));
    put(&mut item, "channel", text(source.channel.name()));
    put(&mut item, "recipe", text(&source.recipe));
    put(&mut item, "uploaded_at_unix_ms", number(source.uploaded_at.0));
    put(&mut item, "expires_at_unix_ms", number(source.expires_at.0));
    if let Some(filename) = &source.filename {
        put(&mut item, "filename", text(filename));
    }
    if let Some(Picture { format, width, height }) = source.picture {
        put(&mut item, "format", text(format));
        put(&mut item, "width", number(width));
        put(&mut item, "height", number(height));
    }
    item
}

fn source_of(item: &Item) -> Result<Source, InvalidRow> {
    let picture = match item.contains_key("format") {
        false => None,
        true => Some(Picture {
            format: parsed(item, "format")?,
            width: number_of(item, "width")?,
            height: number_of(item, "height")?,
        }),
    };
    let channel = text_of(item, "channel")?;
    Ok(Source {
        image_id: parsed(item, "pk")?,
        customer_id: parsed(item, "customer_id")?,
        original: check_of(item, "original")?,
        channel: Channel::parse(channel).ok_or_else(|| InvalidRow("channel".to_owned()))?,
        filename: optional_text(item, "filename"),
        picture,
        recipe: parsed(item, "recipe")?,
        uploaded_at: UnixMillis(number_of(item, "uploaded_at_unix_ms")?),
        expires_at: UnixMillis(number_of(item, "expires_at_unix_ms")?),
    })
}

fn rendition_item(rendition: &RenditionFact) -> Item {
    let mut item = Item::new();
    put(&mut item, "name", text(&rendition.name));
    put(&mut item, "format", text(rendition.format));
    put(&mut item, "width", number(rendition.width));
    put(&mut item, "height", number(rendition.height));
    put(&mut item, "object", AttributeValue::M(check_item(&rendition.object)));
    item
}

fn renditions_of(item: &Item) -> Result<Vec<RenditionFact>, InvalidRow> {
    let list = item.get("renditions").and_then(|value| value.as_l().ok());
    let list = list.ok_or_else(|| InvalidRow("renditions".to_owned()))?;
    let one = |value: &AttributeValue| -> Result<RenditionFact, InvalidRow> {
        let item = value.as_m().map_err(|_| InvalidRow("renditions".to_owned()))?;
        Ok(RenditionFact {
            name: text_of(item, "name")?.to_owned(),
            format: parsed(item, "format")?,
            width: number_of(item, "width")?,
            height: number_of(item, "height")?,
            object: check_of(item, "object")?,
        })
    };
    list.iter().map(one).collect()
}

fn put_placeholder(item: &mut Item, Placeholder { thumbhash, dominant_colour }: &Placeholder) {
    if let Some(hash) = thumbhash {
        put(item, "thumbhash", text(hash.to_base64()));
    }
    if let Some(colour) = dominant_colour {
        put(item, "dominant_colour", text(colour));
    }
}

fn placeholder_of(item: &Item) -> Result<Placeholder, InvalidRow> {
    Ok(Placeholder {
        thumbhash: optional(item, "thumbhash")?,
        dominant_colour: optional(item, "dominant_colour")?,
    })
}

fn check_item(check: &ClaimCheck) -> Item {
    let mut item = Item::new();
    put(&mut item, "bucket", text(&check.bucket));
    put(&mut item, "key", text(&check.key));
    put(&mut item, "etag", text(&check.etag));
    put(&mut item, "bytes", number(check.bytes));
    put(&mut item, "sha256", text(check.sha256.to_hex()));
    if let Some(version) = &check.version {
        put(&mut item, "version", text(version));
    }
    item
}

fn check_of(item: &Item, name: &str) -> Result<ClaimCheck, InvalidRow> {
    let item =
        item.get(name).and_then(|value| value.as_m().ok()).ok_or_else(|| InvalidRow(name.to_owned()))?;
    let sha256 = Sha256::parse_hex(text_of(item, "sha256")?);
    Ok(ClaimCheck {
        bucket: text_of(item, "bucket")?.to_owned(),
        key: parsed(item, "key")?,
        version: optional_text(item, "version"),
        etag: text_of(item, "etag")?.to_owned(),
        bytes: number_of(item, "bytes")?,
        sha256: sha256.map_err(|_| InvalidRow("sha256".to_owned()))?,
    })
}

fn finished_at(item: &Item) -> Result<UnixMillis, InvalidRow> {
    Ok(UnixMillis(number_of(item, "finished_at_unix_ms")?))
}

fn put(item: &mut Item, name: &str, value: AttributeValue) {
    item.insert(name.to_owned(), value);
}

pub(super) fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(super) fn number(value: impl ToString) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn text_of<'a>(item: &'a Item, name: &str) -> Result<&'a str, InvalidRow> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).ok_or_else(|| InvalidRow(name.to_owned()))
}

fn optional_text(item: &Item, name: &str) -> Option<String> {
    text_of(item, name).ok().map(str::to_owned)
}

fn optional<T: FromStr>(item: &Item, name: &str) -> Result<Option<T>, InvalidRow> {
    if item.contains_key(name) { parsed(item, name).map(Some) } else { Ok(None) }
}

fn parsed<T: FromStr>(item: &Item, name: &str) -> Result<T, InvalidRow> {
    text_of(item, name)?.parse().map_err(|_| InvalidRow(name.to_owned()))
}

pub(super) fn number_of<T: FromStr>(item: &Item, name: &str) -> Result<T, InvalidRow> {
    let value = item.get(name).and_then(|value| value.as_n().ok());
    value.and_then(|digits| digits.parse().ok()).ok_or_else(|| InvalidRow(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn every_kind_of_row_round_trips() {
        for fact in sample::facts(sample::source("acme", "a b/ü.jpg"), 3) {
            let row = Row { fact, set_by: sample::coordinates(7) };
            assert_eq!(Row::from_item(&row.to_item()).unwrap(), row);
        }
    }

    #[test]
    fn a_row_without_any_one_attribute_is_an_error_or_the_same_row_without_an_option() {
        let fact = sample::facts(sample::source("acme", "a.jpg"), 0).remove(1);
        let whole = Row { fact, set_by: sample::coordinates(1) }.to_item();
        for name in ["pk", "customer_id", "original", "status", "attempt", "set_by", "renditions"] {
            let mut item = whole.clone();
            item.remove(name);
            assert!(Row::from_item(&item).is_err(), "{name}");
        }
    }
}
