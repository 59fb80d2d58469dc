//! Owns the list of uploads under way, and which of them are old.

use rusqlite::Connection;
use s3s::dto;
use s3s::{S3Request, S3Response, S3Result};

use super::listing::{Entry, From, Names, Page, Query, Step};
use super::pending::{Announced, kind_name};
use crate::s3::Store;
use crate::s3::index::broken;
use crate::s3::rows::{self, from_json, timestamp};

struct Begun {
    key: String,
    id: String,
    initiated_ms: i64,
    plan: Announced,
}

pub(super) async fn list(
    store: Store,
    request: S3Request<dto::ListMultipartUploadsInput>,
) -> S3Result<S3Response<dto::ListMultipartUploadsOutput>> {
    let input = request.input;
    let names = Names::parse(input.encoding_type.as_ref())?;
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        marker: input.key_marker.clone().filter(|marker| !marker.is_empty()),
        max: Query::page_size(input.max_uploads)?,
    };
    let (asked, bucket, after) = (query.clone(), input.bucket.clone(), input.upload_id_marker.clone());
    let page = store.index.read(move |connection| page(connection, &bucket, &asked, after)).await?;
    let next_upload = match page.entries.last() {
        Some(Entry::Row(begun)) if page.is_truncated => Some(begun.id.clone()),
        _ => None,
    };
    let (is_truncated, last) = (page.is_truncated, page.last);
    let (mut uploads, mut prefixes) = (Vec::new(), Vec::new());
    for entry in page.entries {
        match entry {
            Entry::Row(begun) => uploads.push(shown(begun, names)),
            Entry::Prefix(prefix) => prefixes.push(dto::CommonPrefix { prefix: Some(names.write(&prefix)) }),
        }
    }
    Ok(S3Response::new(dto::ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        prefix: Some(names.write(&query.prefix)),
        delimiter: names.write_opt(input.delimiter.as_ref()),
        key_marker: Some(names.write(&input.key_marker.unwrap_or_default())),
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        max_uploads: i32::try_from(query.max).ok(),
        encoding_type: input.encoding_type,
        is_truncated: Some(is_truncated),
        next_key_marker: is_truncated.then(|| names.write(&last)),
        next_upload_id_marker: next_upload,
        uploads: Some(uploads),
        common_prefixes: Some(prefixes),
        request_charged: None,
    }))
}

fn page(
    connection: &Connection,
    bucket: &str,
    query: &Query,
    after: Option<String>,
) -> S3Result<Page<Begun>> {
    rows::versioning(connection, bucket)?;
    let begun = begun(connection, bucket).map_err(broken)?;
    let mut begun: Vec<_> = begun.into_iter().map(Some).collect();
    let after = after.filter(|id| !id.is_empty());
    query
        .page(query.start(), |from, visit| {
            scan(&mut begun, from, after.as_deref(), visit);
            Ok(())
        })
        .map_err(broken)
}

fn begun(connection: &Connection, bucket: &str) -> rusqlite::Result<Vec<Begun>> {
    connection
        .prepare_cached("SELECT key, id, initiated_ms, plan FROM upload WHERE bucket = ?1 ORDER BY key, id")?
        .query_map([bucket], |row| {
            Ok(Begun {
                key: row.get(0)?,
                id: row.get(1)?,
                initiated_ms: row.get(2)?,
                plan: from_json(&row.get::<_, String>(3)?)?,
            })
        })?
        .collect()
}

fn scan(
    begun: &mut [Option<Begun>],
    from: &From,
    after: Option<&str>,
    visit: &mut dyn FnMut(&str, Begun) -> Step,
) {
    for slot in begun {
        let is_in = slot.as_ref().is_some_and(|begun| match from {
            From::At(start) => begun.key >= *start,
            // The marker's own key goes on behind the marked upload.
            From::After(start) => {
                begun.key > *start
                    || (begun.key == *start && after.is_some_and(|after| begun.id.as_str() > after))
            }
        });
        let Some(begun) = slot.take_if(|_| is_in) else {
            continue;
        };
        let key = begun.key.clone();
        if visit(&key, begun) != Step::Next {
            return;
        }
    }
}

fn shown(begun: Begun, names: Names) -> dto::MultipartUpload {
    let kind = kind_name(&begun.plan);
    let algorithm = begun.plan.algorithm;
    dto::MultipartUpload {
        key: Some(names.write(&begun.key)),
        upload_id: Some(begun.id),
        initiated: Some(timestamp(begun.initiated_ms)),
        storage_class: Some(dto::StorageClass::from_static(dto::StorageClass::STANDARD)),
        checksum_algorithm: algorithm.map(|it| dto::ChecksumAlgorithm::from_static(it.name())),
        checksum_type: algorithm.map(|_| dto::ChecksumType::from_static(kind)),
        ..dto::MultipartUpload::default()
    }
}

/// Uploads of a bucket that began before `before_ms` under `prefix`.
pub(in crate::s3) fn begun_before(
    connection: &Connection,
    bucket: &str,
    prefix: &str,
    before_ms: i64,
) -> S3Result<Vec<(String, i64)>> {
    let begun = begun(connection, bucket).map_err(broken)?;
    let is_old = |begun: &Begun| begun.initiated_ms < before_ms && begun.key.starts_with(prefix);
    Ok(begun.into_iter().filter(is_old).map(|begun| (begun.id, begun.initiated_ms)).collect())
}
