//! Facts for tests.

use proto::{
    Channel, ClaimCheck, Colour, Coordinates, CustomerId, Format, ImageId, ObjectKey, Picture, Placeholder,
    Reason, Recipe, RenditionFact, Sha256, Source, ThumbHash, Topic, UnixMillis,
};

use crate::fact::{Fact, State};

/// A source with the customer and file name given, uploaded now, alive for a week.
pub(crate) fn source(customer: &str, filename: &str) -> Source {
    of_image(customer, filename, ImageId::mint())
}

/// A source with the customer and the moment of upload given, alive for a week.
pub(crate) fn source_at(customer: &str, unix_ms: i64) -> Source {
    of_image(customer, "a.jpg", ImageId::mint_at(UnixMillis(unix_ms)))
}

fn of_image(customer: &str, filename: &str, image_id: ImageId) -> Source {
    let customer_id = CustomerId::parse(customer).expect("a valid customer");
    let uploaded_at = image_id.uploaded_at();
    Source {
        original: check(ObjectKey::original(&customer_id, image_id), b"original"),
        image_id,
        customer_id,
        channel: Channel::Api,
        filename: Some(filename.to_owned()),
        picture: None,
        recipe: Recipe::default_recipe().id(),
        uploaded_at,
        expires_at: UnixMillis(uploaded_at.0 + 7 * 86_400_000),
    }
}

/// A claim check for `bytes` under `key`.
pub(crate) fn check(key: ObjectKey, bytes: &[u8]) -> ClaimCheck {
    ClaimCheck {
        bucket: "b".to_owned(),
        key,
        version: Some("v1".to_owned()),
        etag: "\"e\"".to_owned(),
        bytes: bytes.len() as u64,
        sha256: Sha256::of(bytes),
    }
}

/// Uploaded, processed and failed facts of one attempt about `source`.
pub(crate) fn facts(source: Source, attempt: u32) -> Vec<Fact> {
    let seen =
        Source { picture: Some(Picture { format: Format::Jpeg, width: 800, height: 600 }), ..source.clone() };
    let key = ObjectKey::Rendition {
        customer: source.customer_id.clone(),
        id: source.image_id,
        recipe: source.recipe.clone(),
        name: "thumb".to_owned(),
        format: Format::Jpeg,
    };
    let thumb = RenditionFact {
        name: "thumb".to_owned(),
        format: Format::Jpeg,
        width: 320,
        height: 240,
        object: check(key, b"thumb"),
    };
    let at = UnixMillis(source.uploaded_at.0 + 120 + i64::from(attempt));
    let placeholder = Placeholder {
        thumbhash: ThumbHash::new(vec![3; 21]).ok(),
        dominant_colour: Some(Colour([255, 128, 0])),
    };
    let detail = "ends early".to_owned();
    vec![
        Fact { source: source.clone(), attempt, state: State::Uploaded },
        Fact { source: seen, attempt, state: State::Processed { renditions: vec![thumb], placeholder, at } },
        Fact { source, attempt, state: State::Failed { reason: Reason::Truncated, detail, at } },
    ]
}

/// Coordinates of some record.
pub(crate) fn coordinates(offset: i64) -> Coordinates {
    Coordinates { epoch: "e".to_owned(), topic: Topic::Processed, partition: 3, offset }
}
