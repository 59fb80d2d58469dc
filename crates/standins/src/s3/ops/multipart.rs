//! Owns multipart uploads as a whole: begun, completed into one object, aborted.

use rusqlite::{Connection, params};
use s3s::dto::{self, ETag};
use s3s::{S3Request, S3Response, S3Result, s3_error};
use uuid::Uuid;

use super::parts::{self, Part};
use super::pending::{Announced, find, kind_name};
use super::put::{content_type, metadata, unix_s, without_chunking};
use super::tags;
use crate::s3::Store;
use crate::s3::checks::{self, Algorithm, Declared, Sum};
use crate::s3::conditions::WriteConditions;
use crate::s3::index::{Change, broken};
use crate::s3::receive::{self, off_thread};
use crate::s3::rows::{self, Address, Attributes, NewVersion, now_ms, to_json};

const PART_BYTES_MIN: u64 = 5 * 1024 * 1024;

pub(super) async fn create(
    store: Store,
    request: S3Request<dto::CreateMultipartUploadInput>,
) -> S3Result<S3Response<dto::CreateMultipartUploadOutput>> {
    let mut input = request.input;
    let address = Address { bucket: input.bucket.clone(), key: input.key.clone() };
    let (algorithm, kind) = (input.checksum_algorithm.take(), input.checksum_type.take());
    let plan = plan(input, algorithm.as_ref(), kind.as_ref())?;
    let id = Uuid::now_v7().simple().to_string();
    let output = dto::CreateMultipartUploadOutput {
        bucket: Some(address.bucket.clone()),
        key: Some(address.key.clone()),
        upload_id: Some(id.clone()),
        checksum_algorithm: algorithm,
        checksum_type: plan.algorithm.map(|_| dto::ChecksumType::from_static(kind_name(&plan))),
        ..dto::CreateMultipartUploadOutput::default()
    };
    store
        .index
        .write(Vec::new(), move |connection| {
            rows::versioning(connection, &address.bucket)?;
            connection
                .prepare_cached(
                    "INSERT INTO upload (id, bucket, key, initiated_ms, plan) VALUES (?1, ?2, ?3, ?4, ?5)",
                )
                .and_then(|mut insert| {
                    insert.execute(params![id, address.bucket, address.key, now_ms(), to_json(&plan)])
                })
                .map_err(broken)?;
            Ok(Change { value: (), discarded: Vec::new() })
        })
        .await?;
    Ok(S3Response::new(output))
}

fn plan(
    input: dto::CreateMultipartUploadInput,
    algorithm: Option<&dto::ChecksumAlgorithm>,
    kind: Option<&dto::ChecksumType>,
) -> S3Result<Announced> {
    let algorithm = algorithm.map(|it| Algorithm::parse(it.as_str())).transpose()?;
    let is_composite = match (kind.map(dto::ChecksumType::as_str), algorithm) {
        (Some(dto::ChecksumType::COMPOSITE), Some(Algorithm::Crc64Nvme) | None)
        | (Some(dto::ChecksumType::FULL_OBJECT), Some(Algorithm::Sha1 | Algorithm::Sha256) | None) => {
            return Err(s3_error!(
                InvalidRequest,
                "The checksum type cannot be used with the checksum algorithm of this upload."
            ));
        }
        (Some(kind), _) => kind == dto::ChecksumType::COMPOSITE,
        (None, algorithm) => algorithm.is_some_and(|it| it != Algorithm::Crc64Nvme),
    };
    let attributes = Attributes {
        content_type: content_type(input.content_type),
        cache_control: input.cache_control,
        content_disposition: input.content_disposition,
        content_encoding: input.content_encoding.and_then(without_chunking),
        content_language: input.content_language,
        expires_unix_s: input.expires.map(unix_s),
        metadata: metadata(input.metadata)?,
        ..Attributes::default()
    };
    let tags = tags::parse_header(input.tagging.as_deref())?;
    Ok(Announced { attributes, tags, algorithm, is_composite })
}

pub(super) async fn complete(
    store: Store,
    request: S3Request<dto::CompleteMultipartUploadInput>,
) -> S3Result<S3Response<dto::CompleteMultipartUploadOutput>> {
    let mut input = request.input;
    let address = Address { bucket: input.bucket.clone(), key: input.key.clone() };
    let conditions = WriteConditions::parse(input.if_match.take(), input.if_none_match.take())?;
    let chosen = input.multipart_upload.take().and_then(|upload| upload.parts).unwrap_or_default();
    let (at, id) = (address.clone(), input.upload_id.clone());
    let (plan, parts) = store
        .index
        .read(move |connection| {
            let plan = find(connection, &at, &id)?;
            let stored = parts::all(connection, &id).map_err(broken)?;
            let parts = choose(&chosen, stored)?;
            Ok((plan, parts))
        })
        .await?;
    let joined = join(&store, &plan, &parts).await?;
    check_promises(&input, &joined)?;
    let upload = Upload { address, id: input.upload_id, conditions, plan, parts };
    finish(&store, upload, joined).await
}

/// Holds the client's list against the stored parts: ascending, known by ETag, none but the last too small.
fn choose(chosen: &[dto::CompletedPart], mut stored: Vec<Part>) -> S3Result<Vec<Part>> {
    if chosen.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    let mut parts: Vec<Part> = Vec::with_capacity(chosen.len());
    for wanted in chosen {
        let number = wanted.part_number.unwrap_or_default();
        if parts.last().is_some_and(|last| last.number >= number) {
            return Err(s3_error!(InvalidPartOrder, "The list of parts was not in ascending order."));
        }
        let position = stored.iter().position(|part| part.matches(number, wanted)).ok_or_else(|| {
            s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."
            )
        })?;
        parts.push(stored.swap_remove(position));
    }
    let (_, but_last) = parts.split_last().expect("the list is not empty");
    if but_last.iter().any(|part| part.size < PART_BYTES_MIN) {
        return Err(s3_error!(
            EntityTooSmall,
            "Your proposed upload is smaller than the minimum allowed size"
        ));
    }
    Ok(parts)
}

/// Copies the parts into one blob, and finds the checksum of the whole.
async fn join(store: &Store, plan: &Announced, parts: &[Part]) -> S3Result<receive::Received> {
    let composite = plan.algorithm.filter(|_| plan.is_composite).map(|algorithm| {
        let sums: Vec<_> = parts
            .iter()
            .map(|part| part.sum.as_ref().map_or_else(String::new, |sum| sum.value.clone()))
            .collect();
        Sum { algorithm, value: checks::composite(algorithm, &sums), is_composite: true }
    });
    let declared = Declared::default().or_compute(plan.algorithm.unwrap_or(Algorithm::Crc64Nvme));
    let blobs = store.blobs.clone();
    let names: Vec<_> = parts.iter().map(|part| part.blob.clone()).collect();
    let mut joined = off_thread(move || {
        let files = names.iter().map(|name| blobs.read(name));
        receive::copy(&blobs, files, declared)
    })
    .await?;
    if composite.is_some() {
        joined.hashed.sum = composite;
    }
    Ok(joined)
}

fn check_promises(input: &dto::CompleteMultipartUploadInput, joined: &receive::Received) -> S3Result<()> {
    let promised = dto::Checksum {
        checksum_crc32: input.checksum_crc32.clone(),
        checksum_crc32c: input.checksum_crc32c.clone(),
        checksum_crc64nvme: input.checksum_crc64nvme.clone(),
        checksum_sha1: input.checksum_sha1.clone(),
        checksum_sha256: input.checksum_sha256.clone(),
        checksum_type: None,
    };
    if let Some(sum) = &joined.hashed.sum
        && let Some(promised) = sum.algorithm.pick(promised)
        && promised != sum.value
        && sum.value.split('-').next() != Some(promised.as_str())
    {
        return Err(checks::mismatch(sum.algorithm));
    }
    match input.mpu_object_size {
        Some(size) if u64::try_from(size).ok() != Some(joined.size) => Err(s3_error!(
            InvalidRequest,
            "The provided 'x-amz-mp-object-size' header does not match what was computed."
        )),
        _ => Ok(()),
    }
}

struct Upload {
    address: Address,
    id: String,
    conditions: WriteConditions,
    plan: Announced,
    parts: Vec<Part>,
}

async fn finish(
    store: &Store,
    upload: Upload,
    joined: receive::Received,
) -> S3Result<S3Response<dto::CompleteMultipartUploadOutput>> {
    let Upload { address, id, conditions, plan, parts } = upload;
    let etag = parts::combined_etag(&parts);
    let sums = joined.hashed.sum.as_ref().map(Sum::fields).unwrap_or_default();
    let part_bytes = parts.iter().map(|part| part.size).collect();
    let attributes = Attributes { checksum: joined.hashed.sum, part_bytes, ..plan.attributes };
    let blob = Some(joined.placed.name().to_owned());
    let new = NewVersion { size: joined.size, etag: etag.clone(), blob, attributes, tags: plan.tags };
    let output = dto::CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", address.bucket, address.key)),
        bucket: Some(address.bucket.clone()),
        key: Some(address.key.clone()),
        e_tag: Some(ETag::Strong(etag)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        checksum_type: sums.checksum_type,
        ..dto::CompleteMultipartUploadOutput::default()
    };
    let version_id = store
        .index
        .write(vec![joined.placed], move |connection| {
            find(connection, &address, &id)?;
            conditions.check(rows::latest(connection, &address)?.as_ref())?;
            let stored = parts::all(connection, &id).map_err(broken)?;
            // A part uploaded again meanwhile is not what was joined.
            if !parts.iter().all(|part| stored.iter().any(|other| other.blob == part.blob)) {
                return Err(s3_error!(InvalidPart, "A part was replaced while the upload was completed."));
            }
            let effect = rows::put(connection, &address, &new)?;
            let mut discarded = effect.discarded;
            discarded.extend(forget(connection, &id).map_err(broken)?);
            Ok(Change { value: effect.version, discarded })
        })
        .await?;
    Ok(S3Response::new(dto::CompleteMultipartUploadOutput { version_id, ..output }))
}

/// Removes an upload and its parts; returns their blobs.
pub(in crate::s3) fn forget(connection: &Connection, id: &str) -> rusqlite::Result<Vec<String>> {
    connection.prepare_cached("DELETE FROM upload WHERE id = ?1")?.execute([id])?;
    connection
        .prepare_cached("DELETE FROM part WHERE upload = ?1 RETURNING blob")?
        .query_map([id], |row| row.get(0))?
        .collect()
}

pub(super) async fn abort(
    store: Store,
    request: S3Request<dto::AbortMultipartUploadInput>,
) -> S3Result<S3Response<dto::AbortMultipartUploadOutput>> {
    let dto::AbortMultipartUploadInput { bucket, key, upload_id, .. } = request.input;
    let address = Address { bucket, key };
    store
        .index
        .write(Vec::new(), move |connection| {
            find(connection, &address, &upload_id)?;
            let discarded = forget(connection, &upload_id).map_err(broken)?;
            Ok(Change { value: (), discarded })
        })
        .await?;
    Ok(S3Response::new(dto::AbortMultipartUploadOutput::default()))
}
