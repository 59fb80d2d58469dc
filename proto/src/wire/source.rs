//! Source, claim check, format and channel on the wire.

use crate::event::Malformed;
use crate::v1::image_uploaded as v1;
use crate::wire::{parsed, required};
use crate::{Channel, ClaimCheck, CustomerId, Format, Picture, Sha256, Source, UnixMillis};

impl From<&Source> for v1::Source {
    fn from(source: &Source) -> v1::Source {
        v1::Source {
            image_id: source.image_id.to_string(),
            customer_id: source.customer_id.to_string(),
            original: Some((&source.original).into()),
            channel: v1::Channel::from(source.channel).into(),
            filename: source.filename.clone().unwrap_or_default(),
            format: source.picture.map_or(0, |picture| v1::Format::from(picture.format).into()),
            width: source.picture.map_or(0, |picture| picture.width),
            height: source.picture.map_or(0, |picture| picture.height),
            recipe: source.recipe.to_string(),
            uploaded_at_unix_ms: source.uploaded_at.0,
            expires_at_unix_ms: source.expires_at.0,
        }
    }
}

impl TryFrom<v1::Source> for Source {
    type Error = Malformed;

    fn try_from(wire: v1::Source) -> Result<Source, Malformed> {
        let original: ClaimCheck = required("source.original", wire.original)?.try_into()?;
        let source = Source {
            image_id: parsed("source.image_id", &wire.image_id)?,
            customer_id: parsed::<CustomerId>("source.customer_id", &wire.customer_id)?,
            channel: channel(wire.channel)?,
            filename: Some(wire.filename).filter(|name| !name.is_empty()),
            picture: picture(wire.format, wire.width, wire.height)?,
            recipe: parsed("source.recipe", &wire.recipe)?,
            uploaded_at: UnixMillis(wire.uploaded_at_unix_ms),
            expires_at: UnixMillis(wire.expires_at_unix_ms),
            original,
        };
        // The key must be this customer's and this image's: a fact never reaches into somebody else's objects.
        let key = &source.original.key;
        if key.customer() != &source.customer_id || key.image_id() != Some(source.image_id) {
            return Err(Malformed::field("source.original.key", "belongs to another image"));
        }
        Ok(source)
    }
}

impl From<&ClaimCheck> for v1::ClaimCheck {
    fn from(check: &ClaimCheck) -> v1::ClaimCheck {
        v1::ClaimCheck {
            bucket: check.bucket.clone(),
            key: check.key.to_string(),
            version: check.version.clone().unwrap_or_default(),
            etag: check.etag.clone(),
            bytes: check.bytes,
            sha256: check.sha256.0.to_vec(),
        }
    }
}

impl TryFrom<v1::ClaimCheck> for ClaimCheck {
    type Error = Malformed;

    fn try_from(wire: v1::ClaimCheck) -> Result<ClaimCheck, Malformed> {
        Ok(ClaimCheck {
            bucket: wire.bucket,
            key: parsed("claim_check.key", &wire.key)?,
            version: Some(wire.version).filter(|version| !version.is_empty()),
            etag: wire.etag,
            bytes: wire.bytes,
            sha256: Sha256::from_slice(&wire.sha256)
                .map_err(|error| Malformed::field("claim_check.sha256", error))?,
        })
    }
}

fn picture(format: i32, width: u32, height: u32) -> Result<Option<Picture>, Malformed> {
    if format == 0 {
        return Ok(None);
    }
    Ok(Some(Picture { format: self::format("source.format", format)?, width, height }))
}

/// Parses a format that must be known.
pub(super) fn format(name: &str, number: i32) -> Result<Format, Malformed> {
    match v1::Format::try_from(number) {
        Ok(v1::Format::Jpeg) => Ok(Format::Jpeg),
        Ok(v1::Format::Png) => Ok(Format::Png),
        Ok(v1::Format::Gif) => Ok(Format::Gif),
        Ok(v1::Format::Webp) => Ok(Format::Webp),
        Ok(v1::Format::Unspecified) | Err(_) => Err(Malformed::field(name, "unknown")),
    }
}

impl From<Format> for v1::Format {
    fn from(format: Format) -> v1::Format {
        match format {
            Format::Jpeg => v1::Format::Jpeg,
            Format::Png => v1::Format::Png,
            Format::Gif => v1::Format::Gif,
            Format::Webp => v1::Format::Webp,
        }
    }
}

fn channel(number: i32) -> Result<Channel, Malformed> {
    match v1::Channel::try_from(number) {
        Ok(v1::Channel::Api) => Ok(Channel::Api),
        Ok(v1::Channel::Presigned) => Ok(Channel::Presigned),
        Ok(v1::Channel::Notification) => Ok(Channel::Notification),
        Ok(v1::Channel::Kafka) => Ok(Channel::Kafka),
        Ok(v1::Channel::Unspecified) | Err(_) => Err(Malformed::field("source.channel", "unknown")),
    }
}

impl From<Channel> for v1::Channel {
    fn from(channel: Channel) -> v1::Channel {
        match channel {
            Channel::Api => v1::Channel::Api,
            Channel::Presigned => v1::Channel::Presigned,
            Channel::Notification => v1::Channel::Notification,
            Channel::Kafka => v1::Channel::Kafka,
        }
    }
}
