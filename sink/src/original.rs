//! What an original says about itself before any fact does: the object's metadata, written by whoever deposited it.

use depot::Stored;
use percent_encoding::percent_decode_str;
use proto::{Channel, ClaimCheck, Source, UnixMillis};

/// Returns the file name as the customer gave it.
pub(crate) fn filename(stored: &Stored) -> Option<String> {
    let encoded = stored.metadata.get("filename")?;
    let name = percent_decode_str(encoded).decode_utf8().ok()?;
    Some(name.into_owned()).filter(|name| !name.is_empty())
}

/// Returns from when on nobody may read it.
pub(crate) fn expires_at(stored: &Stored) -> Option<UnixMillis> {
    stored.metadata.get("expires-at-unix-ms")?.parse().ok().map(UnixMillis)
}

/// Returns the source as the first fact about the original would carry it; none where the metadata is not ours.
pub(crate) fn source(check: ClaimCheck, stored: &Stored) -> Option<Source> {
    let image_id = check.key.image_id()?;
    Some(Source {
        image_id,
        customer_id: check.key.customer().clone(),
        channel: Channel::parse(stored.metadata.get("channel")?)?,
        filename: filename(stored),
        picture: None,
        recipe: stored.metadata.get("recipe")?.parse().ok()?,
        uploaded_at: image_id.uploaded_at(),
        expires_at: expires_at(stored)?,
        original: check,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::sample;

    fn stored(source: &Source, leave_out: &str) -> Stored {
        let metadata = [
            ("channel", "api".to_owned()),
            ("filename", "a%20b%2F%C3%BC.jpg".to_owned()),
            ("recipe", source.recipe.to_string()),
            ("expires-at-unix-ms", source.expires_at.0.to_string()),
        ];
        Stored {
            bytes: source.original.bytes,
            etag: source.original.etag.clone(),
            version: source.original.version.clone(),
            sha256: Some(source.original.sha256),
            metadata: metadata
                .into_iter()
                .filter(|(name, _)| *name != leave_out)
                .map(|(name, value)| (name.to_owned(), value))
                .collect::<HashMap<_, _>>(),
            content_type: "image/jpeg".to_owned(),
        }
    }

    #[test]
    fn an_originals_metadata_tells_the_whole_source() {
        let expected = sample::source("acme", "a b/ü.jpg");
        assert_eq!(source(expected.original.clone(), &stored(&expected, "")), Some(expected));
    }

    #[test]
    fn metadata_that_is_not_ours_tells_nothing() {
        let expected = sample::source("acme", "x");
        for name in ["channel", "recipe", "expires-at-unix-ms"] {
            assert_eq!(source(expected.original.clone(), &stored(&expected, name)), None, "{name}");
        }
    }
}
