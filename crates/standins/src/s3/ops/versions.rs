//! Owns the list of all versions and delete markers: keys in order, newest version first.

use rusqlite::{Connection, OptionalExtension as _, Statement, params};
use s3s::dto::{self, ETag};
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::listing::{Entry, From, Names, Page, Query, Step};
use crate::s3::Store;
use crate::s3::index::broken;
use crate::s3::rows::{self, COLUMNS, Version, timestamp};

pub(super) async fn list(
    store: Store,
    request: S3Request<dto::ListObjectVersionsInput>,
) -> S3Result<S3Response<dto::ListObjectVersionsOutput>> {
    let input = request.input;
    let names = Names::parse(input.encoding_type.as_ref())?;
    let after_version = input.version_id_marker.clone().filter(|id| !id.is_empty());
    if after_version.is_some() && input.key_marker.is_none() {
        return Err(s3_error!(
            InvalidArgument,
            "A version-id marker cannot be specified without a key marker."
        ));
    }
    let query = Query {
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone(),
        marker: input.key_marker.clone().filter(|marker| !marker.is_empty()),
        max: Query::page_size(input.max_keys)?,
    };
    let (bucket, asked) = (input.bucket.clone(), query.clone());
    let page = store.index.read(move |connection| page(connection, &bucket, &asked, after_version)).await?;
    let is_truncated = page.is_truncated;
    let next_key = is_truncated.then(|| names.write(&page.last));
    let next_version = match page.entries.last() {
        Some(Entry::Row(version)) if is_truncated => Some(version.version.clone()),
        _ => None,
    };
    let listed = split(page, names);
    Ok(S3Response::new(dto::ListObjectVersionsOutput {
        name: Some(input.bucket),
        prefix: Some(names.write(&query.prefix)),
        delimiter: names.write_opt(input.delimiter.as_ref()),
        key_marker: Some(names.write(&input.key_marker.unwrap_or_default())),
        version_id_marker: Some(input.version_id_marker.unwrap_or_default()),
        max_keys: i32::try_from(query.max).ok(),
        encoding_type: input.encoding_type,
        is_truncated: Some(is_truncated),
        next_key_marker: next_key,
        next_version_id_marker: next_version,
        versions: Some(listed.versions),
        delete_markers: Some(listed.markers),
        common_prefixes: Some(listed.prefixes),
        request_charged: None,
    }))
}

fn page(
    connection: &Connection,
    bucket: &str,
    query: &Query,
    after_version: Option<String>,
) -> S3Result<Page<Version>> {
    rows::versioning(connection, bucket)?;
    let mut older = match (&query.marker, after_version) {
        (Some(key), Some(version)) => {
            let seq = seq_of(connection, bucket, key, &version).map_err(broken)?;
            seq.map(|seq| Older { bucket, key, seq })
        }
        _ => None,
    };
    query
        .page(query.start(), |from, visit| {
            // The rest of the marker's own key comes first, once.
            if let Some(older) = older.take()
                && !scan_older(connection, &older, visit)?
            {
                return Ok(());
            }
            scan_keys(connection, bucket, from, visit)
        })
        .map_err(broken)
}

fn seq_of(connection: &Connection, bucket: &str, key: &str, version: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT seq FROM object WHERE bucket = ?1 AND key = ?2 AND version = ?3")?
        .query_row([bucket, key, version], |row| row.get(0))
        .optional()
}

/// The versions of a key that are older than one.
struct Older<'a> {
    bucket: &'a str,
    key: &'a str,
    /// That one's.
    seq: i64,
}

fn scan_older(
    connection: &Connection,
    older: &Older<'_>,
    visit: &mut dyn FnMut(&str, Version) -> Step,
) -> rusqlite::Result<bool> {
    let sql =
        format!("SELECT {COLUMNS} FROM object WHERE bucket = ?1 AND key = ?2 AND seq < ?3 ORDER BY seq DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    run(&mut statement, params![older.bucket, older.key, older.seq], visit)
}

fn scan_keys(
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
        "SELECT {COLUMNS} FROM object WHERE bucket = ?1 AND key {operator} ?2 ORDER BY key, seq DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    run(&mut statement, params![bucket, start], visit).map(drop)
}

/// Says whether the visitor wanted every row.
fn run(
    statement: &mut Statement<'_>,
    bound: impl rusqlite::Params,
    visit: &mut dyn FnMut(&str, Version) -> Step,
) -> rusqlite::Result<bool> {
    let mut found = statement.query(bound)?;
    while let Some(row) = found.next()? {
        let version = Version::read(row)?;
        let key = version.key.clone();
        if visit(&key, version) != Step::Next {
            return Ok(false);
        }
    }
    Ok(true)
}

#[derive(Default)]
struct Listed {
    versions: Vec<dto::ObjectVersion>,
    markers: Vec<dto::DeleteMarkerEntry>,
    prefixes: Vec<dto::CommonPrefix>,
}

fn split(page: Page<Version>, names: Names) -> Listed {
    let mut listed = Listed::default();
    for entry in page.entries {
        match entry {
            Entry::Prefix(prefix) => {
                listed.prefixes.push(dto::CommonPrefix { prefix: Some(names.write(&prefix)) });
            }
            Entry::Row(version) if version.is_marker => listed.markers.push(dto::DeleteMarkerEntry {
                key: Some(names.write(&version.key)),
                version_id: Some(version.version),
                is_latest: Some(version.is_latest),
                last_modified: Some(timestamp(version.modified_ms)),
                owner: None,
            }),
            Entry::Row(version) => listed.versions.push(shown(version, names)),
        }
    }
    listed
}

fn shown(version: Version, names: Names) -> dto::ObjectVersion {
    dto::ObjectVersion {
        key: Some(names.write(&version.key)),
        version_id: Some(version.version),
        is_latest: Some(version.is_latest),
        last_modified: Some(timestamp(version.modified_ms)),
        size: i64::try_from(version.size).ok(),
        e_tag: Some(ETag::Strong(version.etag)),
        storage_class: Some(dto::ObjectVersionStorageClass::from_static(
            dto::ObjectVersionStorageClass::STANDARD,
        )),
        ..dto::ObjectVersion::default()
    }
}
