//! Owns the two lists of current objects. Delete markers and old versions are not in them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as TOKEN;
use rusqlite::{Connection, params};
use s3s::dto::{self, ETag};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::listing::{Entry, From, Names, Page, Query, Step};
use crate::s3::Store;
use crate::s3::index::broken;
use crate::s3::rows::{self, COLUMNS, Version, timestamp};

pub(super) async fn v2(
    store: Store,
    request: S3Request<dto::ListObjectsV2Input>,
) -> S3Result<S3Response<dto::ListObjectsV2Output>> {
    let input = request.input;
    let names = Names::parse(input.encoding_type.as_ref())?;
    let marker = match &input.continuation_token {
        Some(token) => Some(read_token(token)?),
        None => input.start_after.clone().filter(|start| !start.is_empty()),
    };
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        marker,
        max: Query::page_size(input.max_keys)?,
    };
    let page = page(&store, input.bucket.clone(), query.clone()).await?;
    let (is_truncated, count) = (page.is_truncated, page.entries.len());
    let token = is_truncated.then(|| TOKEN.encode(&page.last));
    let (contents, prefixes) = split(page, names);
    Ok(S3Response::new(dto::ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(names.write(&query.prefix)),
        max_keys: i32::try_from(query.max).ok(),
        key_count: i32::try_from(count).ok(),
        continuation_token: input.continuation_token,
        is_truncated: Some(is_truncated),
        next_continuation_token: token,
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        delimiter: names.write_opt(input.delimiter.as_ref()),
        encoding_type: input.encoding_type,
        start_after: names.write_opt(input.start_after.as_ref()),
        request_charged: None,
    }))
}

pub(super) async fn v1(
    store: Store,
    request: S3Request<dto::ListObjectsInput>,
) -> S3Result<S3Response<dto::ListObjectsOutput>> {
    let input = request.input;
    let names = Names::parse(input.encoding_type.as_ref())?;
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        marker: input.marker.clone().filter(|marker| !marker.is_empty()),
        max: Query::page_size(input.max_keys)?,
    };
    let page = page(&store, input.bucket.clone(), query.clone()).await?;
    let is_truncated = page.is_truncated;
    // S3 names the next marker only where a delimiter is given; else it is the last key.
    let next_marker = (is_truncated && input.delimiter.is_some()).then(|| names.write(&page.last));
    let (contents, prefixes) = split(page, names);
    Ok(S3Response::new(dto::ListObjectsOutput {
        name: Some(input.bucket),
        prefix: Some(names.write(&query.prefix)),
        marker: Some(names.write(&input.marker.unwrap_or_default())),
        max_keys: i32::try_from(query.max).ok(),
        is_truncated: Some(is_truncated),
        contents: Some(contents),
        common_prefixes: Some(prefixes),
        delimiter: names.write_opt(input.delimiter.as_ref()),
        next_marker,
        encoding_type: input.encoding_type,
        request_charged: None,
    }))
}

fn read_token(token: &str) -> S3Result<String> {
    TOKEN
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|marker| !marker.is_empty())
        .ok_or_else(|| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))
}

async fn page(store: &Store, bucket: String, query: Query) -> S3Result<Page<Version>> {
    store
        .index
        .read(move |connection| {
            rows::versioning(connection, &bucket)?;
            let scan = |from: &From, visit: &mut dyn FnMut(&str, Version) -> Step| {
                scan(connection, &bucket, from, visit)
            };
            query.page(query.start(), scan).map_err(broken)
        })
        .await
}

fn scan(
    connection: &Connection,
    bucket: &str,
    from: &From,
    visit: &mut dyn FnMut(&str, Version) -> Step,
) -> rusqlite::Result<()> {
    let (operator, start) = match from {
        From::At(start) => (">=", start),
        From::After(start) => (">", start),
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM object
         WHERE bucket = ?1 AND key {operator} ?2 AND latest = 1 AND marker = 0 ORDER BY key"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut found = statement.query(params![bucket, start])?;
    while let Some(row) = found.next()? {
        let version = Version::read(row)?;
        let key = version.key.clone();
        if visit(&key, version) != Step::Next {
            break;
        }
    }
    Ok(())
}

fn split(page: Page<Version>, names: Names) -> (Vec<dto::Object>, Vec<dto::CommonPrefix>) {
    let (mut contents, mut prefixes) = (Vec::new(), Vec::new());
    for entry in page.entries {
        match entry {
            Entry::Row(version) => contents.push(object(version, names)),
            Entry::Prefix(prefix) => prefixes.push(dto::CommonPrefix { prefix: Some(names.write(&prefix)) }),
        }
    }
    (contents, prefixes)
}

fn object(version: Version, names: Names) -> dto::Object {
    let fields = version.attributes.checksum.as_ref().map(|sum| (sum.algorithm.name(), sum.fields()));
    let (algorithm, kind) = fields.map(|(name, fields)| (name, fields.checksum_type)).unzip();
    dto::Object {
        key: Some(names.write(&version.key)),
        size: i64::try_from(version.size).ok(),
        e_tag: Some(ETag::Strong(version.etag)),
        last_modified: Some(timestamp(version.modified_ms)),
        storage_class: Some(dto::ObjectStorageClass::from_static(dto::ObjectStorageClass::STANDARD)),
        checksum_algorithm: algorithm.map(|name| vec![dto::ChecksumAlgorithm::from_static(name)]),
        checksum_type: kind.flatten(),
        ..dto::Object::default()
    }
}
