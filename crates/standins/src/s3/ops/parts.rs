//! Owns the parts of an upload under way: stored, replaced, listed.

use rusqlite::{Connection, OptionalExtension as _, params};
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{self, ETag};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::listing::Query;
use super::pending::{self, Announced};
use crate::s3::Store;
use crate::s3::checks::{Declared, Sum};
use crate::s3::index::{Change, broken};
use crate::s3::receive::receive;
use crate::s3::rows::{Address, from_json, now_ms, timestamp, to_json};

const PART_NUMBER_MAX: i32 = 10_000;

/// A stored part.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) number: i32,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) sum: Option<Sum>,
    pub(super) blob: String,
    modified_ms: i64,
}

impl Part {
    /// Whether the client means this part: same number, same ETag, and the same checksum where it names one.
    pub(super) fn matches(&self, number: i32, wanted: &dto::CompletedPart) -> bool {
        let etag = wanted.e_tag.as_ref().map(ETag::value);
        let named = dto::Checksum {
            checksum_crc32: wanted.checksum_crc32.clone(),
            checksum_crc32c: wanted.checksum_crc32c.clone(),
            checksum_crc64nvme: wanted.checksum_crc64nvme.clone(),
            checksum_sha1: wanted.checksum_sha1.clone(),
            checksum_sha256: wanted.checksum_sha256.clone(),
            checksum_type: None,
        };
        let is_same_sum = self
            .sum
            .as_ref()
            .is_none_or(|sum| sum.algorithm.pick(named).is_none_or(|named| named == sum.value));
        self.number == number && etag == Some(&self.etag) && is_same_sum
    }
}

pub(super) async fn upload(
    store: Store,
    request: S3Request<dto::UploadPartInput>,
) -> S3Result<S3Response<dto::UploadPartOutput>> {
    let S3Request { input, headers, trailing_headers, .. } = request;
    let number = input.part_number;
    if !(1..=PART_NUMBER_MAX).contains(&number) {
        return Err(s3_error!(
            InvalidArgument,
            "Part number must be an integer between 1 and 10000, inclusive"
        ));
    }
    let address = Address { bucket: input.bucket, key: input.key };
    let id = input.upload_id;
    let (at, asked) = (address.clone(), id.clone());
    let plan = store.index.read(move |connection| pending::find(connection, &at, &asked)).await?;
    let declared = declared(Declared::parse(&headers, trailing_headers)?, &plan)?;
    let received = receive(&store.blobs, input.body, declared.with_md5()).await?;
    let etag = received.hashed.etag();
    let part = Part {
        number,
        size: received.size,
        etag: etag.clone(),
        sum: received.hashed.sum.clone(),
        blob: received.placed.name().to_owned(),
        modified_ms: now_ms(),
    };
    store
        .index
        .write(vec![received.placed], move |connection| {
            pending::find(connection, &address, &id)?;
            let replaced = replace(connection, &id, &part).map_err(broken)?;
            Ok(Change { value: (), discarded: replaced.into_iter().collect() })
        })
        .await?;
    let sums = received.hashed.sum.as_ref().map(Sum::fields).unwrap_or_default();
    Ok(S3Response::new(dto::UploadPartOutput {
        e_tag: Some(ETag::Strong(etag)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
        ..dto::UploadPartOutput::default()
    }))
}

/// A part's checksum is of the upload's kind; a part without one gets it computed.
fn declared(declared: Declared, plan: &Announced) -> S3Result<Declared> {
    match (plan.algorithm, declared.algorithm()) {
        (Some(planned), Some(given)) if planned != given => Err(s3_error!(
            InvalidRequest,
            "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
            planned.name().to_lowercase(),
            given.name().to_lowercase()
        )),
        (Some(planned), _) => Ok(declared.or_compute(planned)),
        (None, _) => Ok(declared),
    }
}

fn replace(connection: &Connection, upload: &str, part: &Part) -> rusqlite::Result<Option<String>> {
    let replaced = connection
        .prepare_cached("DELETE FROM part WHERE upload = ?1 AND number = ?2 RETURNING blob")?
        .query_row(params![upload, part.number], |row| row.get(0))
        .optional()?;
    connection
        .prepare_cached(
            "INSERT INTO part (upload, number, size, etag, checksum, blob, modified_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            upload,
            part.number,
            part.size,
            part.etag,
            part.sum.as_ref().map(to_json),
            part.blob,
            part.modified_ms
        ])?;
    Ok(replaced)
}

/// The parts of an upload by number.
pub(super) fn all(connection: &Connection, upload: &str) -> rusqlite::Result<Vec<Part>> {
    connection
        .prepare_cached(
            "SELECT number, size, etag, checksum, blob, modified_ms FROM part WHERE upload = ?1 ORDER BY number",
        )?
        .query_map([upload], |row| {
            let sum: Option<String> = row.get(3)?;
            Ok(Part {
                number: row.get(0)?,
                size: row.get(1)?,
                etag: row.get(2)?,
                sum: sum.map(|sum| from_json(&sum)).transpose()?,
                blob: row.get(4)?,
                modified_ms: row.get(5)?,
            })
        })?
        .collect()
}

/// S3's ETag of a multipart object: the MD5 over the parts' MD5s, and their number.
pub(super) fn combined_etag(parts: &[Part]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(&hex::decode(&part.etag).unwrap_or_default());
    }
    format!("{}-{}", hex::encode(md5.finalize()), parts.len())
}

pub(super) async fn list(
    store: Store,
    request: S3Request<dto::ListPartsInput>,
) -> S3Result<S3Response<dto::ListPartsOutput>> {
    let input = request.input;
    let max = Query::page_size(input.max_parts)?;
    let after = input.part_number_marker.unwrap_or(0);
    let address = Address { bucket: input.bucket.clone(), key: input.key.clone() };
    let id = input.upload_id.clone();
    let (plan, stored) = store
        .index
        .read(move |connection| {
            let plan = pending::find(connection, &address, &id)?;
            Ok((plan, all(connection, &id).map_err(broken)?))
        })
        .await?;
    let mut left: Vec<_> = stored.into_iter().filter(|part| part.number > after).collect();
    let is_truncated = left.len() > max;
    left.truncate(max);
    let algorithm = plan.algorithm.map(|it| dto::ChecksumAlgorithm::from_static(it.name()));
    let kind = if plan.is_composite { dto::ChecksumType::COMPOSITE } else { dto::ChecksumType::FULL_OBJECT };
    Ok(S3Response::new(dto::ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        part_number_marker: Some(after),
        next_part_number_marker: left.last().map(|part| part.number),
        max_parts: i32::try_from(max).ok(),
        is_truncated: Some(is_truncated),
        parts: Some(left.into_iter().map(shown).collect()),
        storage_class: Some(dto::StorageClass::from_static(dto::StorageClass::STANDARD)),
        checksum_type: algorithm.as_ref().map(|_| dto::ChecksumType::from_static(kind)),
        checksum_algorithm: algorithm,
        ..dto::ListPartsOutput::default()
    }))
}

fn shown(part: Part) -> dto::Part {
    let sums = part.sum.as_ref().map(Sum::fields).unwrap_or_default();
    dto::Part {
        part_number: Some(part.number),
        size: i64::try_from(part.size).ok(),
        e_tag: Some(ETag::Strong(part.etag)),
        last_modified: Some(timestamp(part.modified_ms)),
        checksum_crc32: sums.checksum_crc32,
        checksum_crc32c: sums.checksum_crc32c,
        checksum_crc64nvme: sums.checksum_crc64nvme,
        checksum_sha1: sums.checksum_sha1,
        checksum_sha256: sums.checksum_sha256,
    }
}
