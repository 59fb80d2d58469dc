//! Owns a copy within the store: the bytes are copied and hashed anew, so that each version has its own blob.

use s3s::dto::{self, CopySource, ETag};
use s3s::{S3Error, S3Request, S3Response, S3Result, s3_error};

use super::get::resolve;
use super::put::{PlacedVersion, content_type, metadata, publish, unix_s, without_chunking};
use super::tags;
use crate::s3::Store;
use crate::s3::checks::{Algorithm, Declared};
use crate::s3::conditions::{ReadConditions, Verdict, WriteConditions, failed};
use crate::s3::receive::{self, Received, off_thread};
use crate::s3::rows::{Address, Attributes, NewVersion, Tags, Version, timestamp};

pub(super) async fn copy(
    store: Store,
    request: S3Request<dto::CopyObjectInput>,
) -> S3Result<S3Response<dto::CopyObjectOutput>> {
    let mut input = request.input;
    let (source, version) = source(&input.copy_source)?;
    let target = Address { bucket: input.bucket.clone(), key: input.key.clone() };
    let replaces =
        input.metadata_directive.as_ref().is_some_and(|it| it.as_str() == dto::MetadataDirective::REPLACE);
    if !replaces && version.is_none() && source.bucket == target.bucket && source.key == target.key {
        return Err(s3_error!(
            InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes."
        ));
    }
    let algorithm = input.checksum_algorithm.as_ref().map(|it| Algorithm::parse(it.as_str())).transpose()?;
    let conditions = source_conditions(&mut input);
    let (found, source_version) =
        store.index.read(move |connection| resolve(connection, &source, version.as_deref())).await?;
    if conditions.judge(&found) != Verdict::Go {
        return Err(failed());
    }
    let received = duplicate(&store, &found, algorithm).await?;
    let tags = chosen_tags(&input, &found)?;
    let mut attributes = if replaces { replaced(input)? } else { found.attributes };
    let etag = received.hashed.etag();
    let sums = received.hashed.sum.as_ref().map(|sum| sum.fields()).unwrap_or_default();
    attributes.checksum = received.hashed.sum;
    attributes.part_bytes = Vec::new();
    let blob = Some(received.placed.name().to_owned());
    let new = NewVersion { size: received.size, etag: etag.clone(), blob, attributes, tags };
    let version = PlacedVersion { new, placed: received.placed };
    let effect = publish(&store, target, WriteConditions::default(), version).await?;
    let result = dto::CopyObjectResult {
        e_tag: Some(ETag::Strong(etag)),
        last_modified: Some(timestamp(effect.modified_ms)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
    };
    Ok(S3Response::new(dto::CopyObjectOutput {
        copy_object_result: Some(result),
        copy_source_version_id: source_version,
        version_id: effect.version,
        ..dto::CopyObjectOutput::default()
    }))
}

fn source(source: &CopySource) -> S3Result<(Address, Option<String>)> {
    let CopySource::Bucket { bucket, key, version_id } = source else {
        return Err(s3_error!(NotImplemented, "Only buckets can be copied from"));
    };
    let address = Address { bucket: bucket.to_string(), key: key.to_string() };
    Ok((address, version_id.as_ref().map(ToString::to_string)))
}

fn source_conditions(input: &mut dto::CopyObjectInput) -> ReadConditions {
    ReadConditions {
        if_match: input.copy_source_if_match.take(),
        if_none_match: input.copy_source_if_none_match.take(),
        if_modified_since: input.copy_source_if_modified_since.take(),
        if_unmodified_since: input.copy_source_if_unmodified_since.take(),
    }
}

async fn duplicate(store: &Store, found: &Version, algorithm: Option<Algorithm>) -> S3Result<Received> {
    let kept = found.attributes.checksum.as_ref().map(|sum| sum.algorithm);
    let declared = Declared::default().or_compute(algorithm.or(kept).unwrap_or(Algorithm::Crc64Nvme));
    let blobs = store.blobs.clone();
    let name = found.blob.clone().unwrap_or_default();
    off_thread(move || {
        let file = blobs.read(&name).map_err(S3Error::internal_error)?;
        receive::copy(&blobs, [Ok(file)], declared)
    })
    .await
}

fn chosen_tags(input: &dto::CopyObjectInput, found: &Version) -> S3Result<Tags> {
    match input.tagging_directive.as_ref().map(dto::TaggingDirective::as_str) {
        Some(dto::TaggingDirective::REPLACE) => tags::parse_header(input.tagging.as_deref()),
        _ => Ok(found.tags.clone()),
    }
}

fn replaced(input: dto::CopyObjectInput) -> S3Result<Attributes> {
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
