//! Owns a put: body to a blob, then one row, under the conditions of the request.

use std::collections::HashMap;

use s3s::dto::{self, ETag};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use time::OffsetDateTime;

use super::tags;
use crate::s3::Store;
use crate::s3::blobs::Placed;
use crate::s3::checks::{Algorithm, Declared};
use crate::s3::conditions::WriteConditions;
use crate::s3::index::Change;
use crate::s3::receive::receive;
use crate::s3::rows::{self, Address, Attributes, Effect, NewVersion};

const METADATA_BYTES_MAX: usize = 2048;
const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";

pub(super) async fn put(
    store: Store,
    request: S3Request<dto::PutObjectInput>,
) -> S3Result<S3Response<dto::PutObjectOutput>> {
    let S3Request { mut input, headers, trailing_headers, .. } = request;
    // S3 keeps a checksum with every object; without one from the client it computes this kind.
    let declared = Declared::parse(&headers, trailing_headers)?.or_compute(Algorithm::Crc64Nvme);
    let conditions = WriteConditions::parse(input.if_match.take(), input.if_none_match.take())?;
    let tags = tags::parse_header(input.tagging.as_deref())?;
    let body = input.body.take();
    let address = Address { bucket: input.bucket.clone(), key: input.key.clone() };
    let mut attributes = attributes(input)?;

    let received = receive(&store.blobs, body, declared).await?;
    let etag = received.hashed.etag();
    let sums = received.hashed.sum.as_ref().map(|sum| sum.fields()).unwrap_or_default();
    attributes.checksum = received.hashed.sum;
    let blob = Some(received.placed.name().to_owned());
    let new = NewVersion { size: received.size, etag: etag.clone(), blob, attributes, tags };
    let version = PlacedVersion { new, placed: received.placed };
    let effect = publish(&store, address, conditions, version).await?;

    Ok(S3Response::new(dto::PutObjectOutput {
        e_tag: Some(ETag::Strong(etag)),
        version_id: effect.version,
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        ..dto::PutObjectOutput::default()
    }))
}

/// A version with the blob that was placed for it.
pub(super) struct PlacedVersion {
    pub(super) new: NewVersion,
    pub(super) placed: Placed,
}

/// Makes a placed blob the current version, if the conditions hold at that moment.
pub(super) async fn publish(
    store: &Store,
    address: Address,
    conditions: WriteConditions,
    version: PlacedVersion,
) -> S3Result<Effect> {
    let PlacedVersion { new, placed } = version;
    store
        .index
        .write(vec![placed], move |connection| {
            conditions.check(rows::latest(connection, &address)?.as_ref())?;
            let mut effect = rows::put(connection, &address, &new)?;
            let discarded = std::mem::take(&mut effect.discarded);
            Ok(Change { value: effect, discarded })
        })
        .await
}

fn attributes(input: dto::PutObjectInput) -> S3Result<Attributes> {
    Ok(Attributes {
        content_type: content_type(input.content_type),
        cache_control: input.cache_control,
        content_disposition: input.content_disposition,
        content_encoding: input.content_encoding.and_then(without_chunking),
        content_language: input.content_language,
        expires_unix_s: input.expires.map(unix_s),
        metadata: metadata(input.metadata)?,
        ..Attributes::default()
    })
}

/// The content type that is kept when the client gives none.
pub(super) fn content_type(given: Option<String>) -> Option<String> {
    Some(given.unwrap_or_else(|| CONTENT_TYPE_DEFAULT.to_owned()))
}

/// The user's metadata, at most 2 KiB of it as in S3.
pub(super) fn metadata(
    given: Option<HashMap<String, String>>,
) -> S3Result<std::collections::BTreeMap<String, String>> {
    let given = given.unwrap_or_default();
    let length: usize = given.iter().map(|(name, value)| name.len() + value.len()).sum();
    if length > METADATA_BYTES_MAX {
        return Err(s3_error!(
            MetadataTooLarge,
            "Your metadata headers exceed the maximum allowed metadata size"
        ));
    }
    Ok(given.into_iter().collect())
}

/// `aws-chunked` names the way the body came, not what is stored.
pub(super) fn without_chunking(encoding: String) -> Option<String> {
    let kept: Vec<_> = encoding.split(',').map(str::trim).filter(|name| *name != "aws-chunked").collect();
    let kept = kept.join(",");
    (!kept.is_empty()).then_some(kept)
}

/// A time in whole seconds since 1970.
pub(super) fn unix_s(at: dto::Timestamp) -> i64 {
    OffsetDateTime::from(at).unix_timestamp()
}
