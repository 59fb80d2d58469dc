//! `ImageUploaded` on the wire.

use prost::Message as _;

use crate::event::{Event, Malformed};
use crate::wire::{decode, required};
use crate::{ImageUploaded, Topic, v1};

impl Event for ImageUploaded {
    const TOPIC: Topic = Topic::Uploaded;
    const MESSAGE: &'static str = "safelight.v1.ImageUploaded";
    const SCHEMA: &'static str = include_str!("../../safelight/v1/image_uploaded.proto");

    fn key(&self) -> String {
        self.source.image_id.to_string()
    }

    fn encode(&self) -> Vec<u8> {
        let wire = v1::ImageUploaded { source: Some((&self.source).into()), attempt: self.attempt };
        wire.encode_to_vec()
    }

    fn decode(bytes: &[u8]) -> Result<ImageUploaded, Malformed> {
        let wire: v1::ImageUploaded = decode(bytes)?;
        Ok(ImageUploaded { source: required("source", wire.source)?.try_into()?, attempt: wire.attempt })
    }
}
