//! `ImageProcessed` on the wire.

use std::num::NonZeroU32;

use prost::Message as _;

use crate::event::{Event, Malformed};
use crate::v1::image_processed::Rendition;
use crate::wire::{decode, parsed, required, source};
use crate::{ImageProcessed, Placeholder, RenditionFact, ThumbHash, Topic, UnixMillis, v1};

/// A recipe has far fewer; a message with more is not ours.
const RENDITIONS_MAX: usize = 64;

impl Event for ImageProcessed {
    const TOPIC: Topic = Topic::Processed;
    const MESSAGE: &'static str = "safelight.v1.ImageProcessed";
    const SCHEMA: &'static str = include_str!("../../safelight/v1/image_processed.proto");

    fn key(&self) -> String {
        self.source.image_id.to_string()
    }

    fn encode(&self) -> Vec<u8> {
        let Placeholder { thumbhash, dominant_colour } = &self.placeholder;
        let wire = v1::ImageProcessed {
            source: Some((&self.source).into()),
            attempt: self.attempt,
            renditions: self.renditions.iter().map(Rendition::from).collect(),
            processed_at_unix_ms: self.processed_at.0,
            thumbhash: thumbhash.as_ref().map(|hash| hash.as_bytes().to_vec()).unwrap_or_default(),
            dominant_colour: dominant_colour.map(|colour| colour.to_string()).unwrap_or_default(),
            engine: self.engine.map_or(0, NonZeroU32::get),
        };
        wire.encode_to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<ImageProcessed, Malformed> {
        let wire: v1::ImageProcessed = decode(bytes)?;
        if wire.renditions.len() > RENDITIONS_MAX {
            return Err(Malformed::field("renditions", "too many"));
        }
        let fact = ImageProcessed {
            source: required("source", wire.source)?.try_into()?,
            attempt: wire.attempt,
            renditions: wire.renditions.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            placeholder: placeholder(wire.thumbhash, &wire.dominant_colour)?,
            engine: NonZeroU32::new(wire.engine),
            processed_at: UnixMillis(wire.processed_at_unix_ms),
        };
        for rendition in &fact.renditions {
            let key = &rendition.object.key;
            if key.customer() != &fact.source.customer_id || key.image_id() != Some(fact.source.image_id) {
                return Err(Malformed::field("renditions.object.key", "belongs to another image"));
            }
        }
        Ok(fact)
    }
}

fn placeholder(thumbhash: Vec<u8>, dominant_colour: &str) -> Result<Placeholder, Malformed> {
    let hash = Some(thumbhash).filter(|bytes| !bytes.is_empty()).map(ThumbHash::new).transpose();
    let colour = Some(dominant_colour).filter(|text| !text.is_empty());
    Ok(Placeholder {
        thumbhash: hash.map_err(|error| Malformed::field("thumbhash", error))?,
        dominant_colour: colour.map(|text| parsed("dominant_colour", text)).transpose()?,
    })
}

impl From<&RenditionFact> for Rendition {
    fn from(fact: &RenditionFact) -> Rendition {
        Rendition {
            name: fact.name.clone(),
            format: v1::image_uploaded::Format::from(fact.format).into(),
            width: fact.width,
            height: fact.height,
            object: Some((&fact.object).into()),
        }
    }
}

impl TryFrom<Rendition> for RenditionFact {
    type Error = Malformed;

    fn try_from(wire: Rendition) -> Result<RenditionFact, Malformed> {
        Ok(RenditionFact {
            format: source::format("renditions.format", wire.format)?,
            object: required("renditions.object", wire.object)?.try_into()?,
            name: wire.name,
            width: wire.width,
            height: wire.height,
        })
    }
}
