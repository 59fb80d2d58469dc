//! The whole S3 layout as one type. Owns where every object lies; a key that is not exactly one of these is refused.
//!
//! ```text
//! original/{shard}/{day}/{customer}/{id}/source
//! rendition/{shard}/{day}/{customer}/{id}/{recipe}/{name}.{ext}
//! claim/{customer}/{sha256 of the idempotency key}
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::{CustomerId, Format, ImageId, RecipeId, Sha256};

/// The key of an object in S3.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ObjectKey {
    /// What the customer sent, byte for byte.
    Original {
        /// Whose.
        customer: CustomerId,
        /// Of which image.
        id: ImageId,
    },
    /// What the processor made of it.
    Rendition {
        /// Whose.
        customer: CustomerId,
        /// Of which image.
        id: ImageId,
        /// By which recipe.
        recipe: RecipeId,
        /// The rendition's name in the recipe.
        name: String,
        /// The format of its bytes.
        format: Format,
    },
    /// Which image an Idempotency-Key stands for.
    Claim {
        /// Whose.
        customer: CustomerId,
        /// SHA-256 of the Idempotency-Key.
        key_sha256: Sha256,
    },
}

/// Says that a text is no key of this layout.
#[derive(Debug, thiserror::Error)]
#[error("the object key is not of this layout")]
pub struct InvalidKey;

impl ObjectKey {
    /// Returns the key of an image's original.
    pub fn original(customer: &CustomerId, id: ImageId) -> ObjectKey {
        ObjectKey::Original { customer: customer.clone(), id }
    }

    /// Returns the key of the claim that an Idempotency-Key makes.
    pub fn claim(customer: &CustomerId, idempotency_key: &str) -> ObjectKey {
        ObjectKey::Claim { customer: customer.clone(), key_sha256: Sha256::of(idempotency_key.as_bytes()) }
    }

    /// Returns the prefix under which the originals of one shard and day lie.
    pub fn originals_of_day(shard: char, day: Date) -> String {
        format!("original/{shard}/{}/", day_text(day))
    }

    /// Returns the customer whose object it is.
    pub fn customer(&self) -> &CustomerId {
        match self {
            ObjectKey::Original { customer, .. }
            | ObjectKey::Rendition { customer, .. }
            | ObjectKey::Claim { customer, .. } => customer,
        }
    }

    /// Returns the image it belongs to; a claim names none in its key.
    pub fn image_id(&self) -> Option<ImageId> {
        match self {
            ObjectKey::Original { id, .. } | ObjectKey::Rendition { id, .. } => Some(*id),
            ObjectKey::Claim { .. } => None,
        }
    }
}

fn day_text(day: Date) -> String {
    format!("{:04}-{:02}-{:02}", day.year(), u8::from(day.month()), day.day())
}

/// `{shard}/{day}/{customer}/{id}`, the same for originals and renditions.
struct Folder<'a>(&'a CustomerId, ImageId);

impl fmt::Display for Folder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Folder(customer, id) = self;
        write!(f, "{}/{}/{}/{id}", id.shard(), day_text(id.day()), customer.key_part())
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ObjectKey::Original { customer, id } => write!(f, "original/{}/source", Folder(customer, *id)),
            ObjectKey::Rendition { customer, id, recipe, name, format } => {
                write!(f, "rendition/{}/{recipe}/{name}.{}", Folder(customer, *id), format.extension())
            }
            ObjectKey::Claim { customer, key_sha256 } => {
                write!(f, "claim/{}/{key_sha256}", customer.key_part())
            }
        }
    }
}

impl FromStr for ObjectKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<ObjectKey, InvalidKey> {
        let key = parse(text).ok_or(InvalidKey)?;
        // One object, one key: shard and day must be the id's own, and no other spelling passes.
        if key.to_string() == text { Ok(key) } else { Err(InvalidKey) }
    }
}

fn parse(text: &str) -> Option<ObjectKey> {
    let parts: Vec<&str> = text.split('/').collect();
    match parts[..] {
        ["original", _, _, customer, id, "source"] => {
            Some(ObjectKey::Original { customer: customer_of(customer)?, id: id.parse().ok()? })
        }
        ["rendition", _, _, customer, id, recipe, file] => {
            let (name, extension) = file.split_once('.')?;
            Some(ObjectKey::Rendition {
                customer: customer_of(customer)?,
                id: id.parse().ok()?,
                recipe: recipe.parse().ok()?,
                name: name.to_owned(),
                format: format_of(extension)?,
            })
        }
        ["claim", customer, hash] => {
            Some(ObjectKey::Claim { customer: customer_of(customer)?, key_sha256: hash.parse().ok()? })
        }
        _ => None,
    }
}

fn customer_of(part: &str) -> Option<CustomerId> {
    CustomerId::from_key_part(part).ok()
}

fn format_of(extension: &str) -> Option<Format> {
    [Format::Jpeg, Format::Png, Format::Gif, Format::Webp]
        .into_iter()
        .find(|format| format.extension() == extension)
}

impl TryFrom<String> for ObjectKey {
    type Error = InvalidKey;

    fn try_from(text: String) -> Result<ObjectKey, InvalidKey> {
        text.parse()
    }
}

impl From<ObjectKey> for String {
    fn from(key: ObjectKey) -> String {
        key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Recipe, UnixMillis};

    fn keys(customer: &CustomerId, id: ImageId, name: String) -> [ObjectKey; 3] {
        let recipe = Recipe::default_recipe().id();
        let format = Format::Webp;
        [
            ObjectKey::original(customer, id),
            ObjectKey::Rendition { customer: customer.clone(), id, recipe, name, format },
            ObjectKey::claim(customer, "abc"),
        ]
    }

    proptest! {
        #[test]
        fn keys_round_trip_and_fit(customer in "\\PC{1,42}", name in "[a-z0-9_]{1,40}", millis in 0_i64..253_402_300_799_999) {
            let Ok(customer) = CustomerId::parse(&customer) else { return Ok(()) };
            for key in keys(&customer, ImageId::mint_at(UnixMillis(millis)), name) {
                let text = key.to_string();
                prop_assert!(text.len() <= 1024);
                prop_assert_eq!(text.parse::<ObjectKey>().unwrap(), key);
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,80}") {
            drop(text.parse::<ObjectKey>());
        }
    }

    #[test]
    fn a_key_in_another_shard_or_with_dots_is_refused() {
        let customer = CustomerId::parse("acme").unwrap();
        let id = ImageId::mint();
        let key = ObjectKey::original(&customer, id).to_string();
        let other = if id.shard() == '0' { '1' } else { '0' };
        let moved = key.replacen(&format!("original/{}", id.shard()), &format!("original/{other}"), 1);
        for bad in [moved, key.replace("acme", ".."), format!("/{key}"), key.replace("source", "")] {
            assert!(bad.parse::<ObjectKey>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_layout_is_the_documented_one() {
        let customer = CustomerId::parse("a/b").unwrap();
        let id: ImageId = "019aa5c7-0f7b-7000-8000-00000000000c".parse().unwrap();
        let day = day_text(id.day());
        assert_eq!(
            ObjectKey::original(&customer, id).to_string(),
            format!("original/c/{day}/a%2Fb/{id}/source")
        );
        assert!(
            ObjectKey::original(&customer, id)
                .to_string()
                .starts_with(&ObjectKey::originals_of_day('c', id.day()))
        );
    }
}
