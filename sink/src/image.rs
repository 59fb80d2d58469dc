//! The JSON of one image, the same from `GET`, the list and the live stream.

use std::sync::Arc;

use depot::Stored;
use proto::{CustomerId, ImageId, Picture, Placeholder, RenditionFact, Sha256, ThumbHash};
use serde::Serialize;
use utoipa::ToSchema;

use crate::fact::State;
use crate::order::Status;
use crate::original;
use crate::table::Row;

/// One image and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Image {
    /// UUIDv7.
    id: String,
    customer_id: String,
    /// `uploaded`, `processed` or `failed`.
    status: &'static str,
    source: ImageSource,
    /// In the recipe's order; empty unless processed.
    renditions: Vec<ImageRendition>,
    /// What stands for the image until its renditions are there; absent unless its recipe asks for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    placeholder: Option<ImagePlaceholder>,
    /// Why it failed; null unless failed.
    failure: Option<ImageFailure>,
    /// RFC 3339, UTC.
    uploaded_at: String,
    /// RFC 3339, UTC; null unless processed.
    processed_at: Option<String>,
    /// RFC 3339, UTC: from then on nobody can read it.
    expires_at: String,
}

/// What was uploaded. What is not known yet is null.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ImageSource {
    /// `jpeg`, `png`, `gif` or `webp`, by its bytes.
    format: Option<&'static str>,
    width: Option<u32>,
    height: Option<u32>,
    bytes: u64,
    /// 64 hexadecimal digits.
    sha256: Option<String>,
    filename: Option<String>,
}

/// One rendition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ImageRendition {
    name: String,
    format: &'static str,
    width: u32,
    height: u32,
    bytes: u64,
    /// 64 hexadecimal digits; also the ETag.
    sha256: String,
    /// A path on this origin.
    url: String,
}

/// What stands for an image; each part is absent unless its recipe asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ImagePlaceholder {
    /// A ThumbHash of 5 to 25 bytes in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    thumbhash: Option<String>,
    /// The most frequent colour as `#rrggbb`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    dominant_colour: Option<String>,
}

/// Why an image failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ImageFailure {
    /// From the closed list of reasons.
    reason: &'static str,
    /// One sentence for people.
    detail: String,
}

impl Image {
    /// Renders a row.
    pub(crate) fn of_row(row: &Row) -> Image {
        let source = &row.fact.source;
        let (mut renditions, mut placeholder, mut failure, mut processed_at) = (Vec::new(), None, None, None);
        match &row.fact.state {
            State::Uploaded => {}
            State::Processed { renditions: made, placeholder: stand_in, at } => {
                renditions = made.iter().map(|one| ImageRendition::of(source.image_id, one)).collect();
                placeholder = ImagePlaceholder::of(stand_in);
                processed_at = Some(at.rfc3339());
            }
            State::Failed { reason, detail, .. } => {
                failure = Some(ImageFailure { reason: reason.name(), detail: detail.clone() });
            }
        }
        Image {
            id: source.image_id.to_string(),
            customer_id: source.customer_id.to_string(),
            status: row.fact.status().name(),
            source: ImageSource {
                bytes: source.original.bytes,
                sha256: Some(source.original.sha256.to_hex()),
                filename: source.filename.clone(),
                ..ImageSource::of(source.picture)
            },
            renditions,
            placeholder,
            failure,
            uploaded_at: source.uploaded_at.rfc3339(),
            processed_at,
            expires_at: source.expires_at.rfc3339(),
        }
    }

    /// Returns the JSON text, as the live stream carries it.
    pub(crate) fn to_json(&self) -> Arc<str> {
        serde_json::to_string(self).expect("strings and numbers serialize").into()
    }

    /// Renders an original that has no row yet; none when it does not say how long it lives.
    pub(crate) fn of_original(customer: &CustomerId, id: ImageId, stored: &Stored) -> Option<Image> {
        Some(Image {
            id: id.to_string(),
            customer_id: customer.to_string(),
            status: Status::Uploaded.name(),
            source: ImageSource {
                bytes: stored.bytes,
                sha256: stored.sha256.map(Sha256::to_hex),
                filename: original::filename(stored),
                ..ImageSource::of(None)
            },
            renditions: Vec::new(),
            placeholder: None,
            failure: None,
            uploaded_at: id.uploaded_at().rfc3339(),
            processed_at: None,
            expires_at: original::expires_at(stored)?.rfc3339(),
        })
    }
}

impl ImageSource {
    fn of(picture: Option<Picture>) -> ImageSource {
        ImageSource {
            format: picture.map(|picture| picture.format.name()),
            width: picture.map(|picture| picture.width),
            height: picture.map(|picture| picture.height),
            bytes: 0,
            sha256: None,
            filename: None,
        }
    }
}

impl ImagePlaceholder {
    fn of(placeholder: &Placeholder) -> Option<ImagePlaceholder> {
        let Placeholder { thumbhash, dominant_colour } = placeholder;
        (*placeholder != Placeholder::default()).then(|| ImagePlaceholder {
            thumbhash: thumbhash.as_ref().map(ThumbHash::to_base64),
            dominant_colour: dominant_colour.map(|colour| colour.to_string()),
        })
    }
}

impl ImageRendition {
    fn of(id: ImageId, fact: &RenditionFact) -> ImageRendition {
        ImageRendition {
            name: fact.name.clone(),
            format: fact.format.name(),
            width: fact.width,
            height: fact.height,
            bytes: fact.object.bytes,
            sha256: fact.object.sha256.to_hex(),
            // A rendition's name is of lower-case letters, digits and underscores.
            url: format!("/v1/images/{id}/renditions/{}", fact.name),
        }
    }
}
