//! Owns how buckets and object versions lie in the index: what is current, what a delete leaves, which
//! blob goes with a row.
//!
//! Every function runs inside one transaction of the writer or on one reader's snapshot.

use std::collections::BTreeMap;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};
use s3s::{S3Result, s3_error};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::checks::Sum;
use super::index::broken;

/// The version id of objects that were written while versioning was off or suspended.
pub(super) const NULL_VERSION: &str = "null";

/// Whether a bucket keeps old versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Versioning {
    Never,
    Enabled,
    Suspended,
}

impl Versioning {
    fn name(self) -> &'static str {
        match self {
            Self::Never => "Never",
            Self::Enabled => "Enabled",
            Self::Suspended => "Suspended",
        }
    }
}

impl ToSql for Versioning {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for Versioning {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let name = value.as_str()?;
        let all = [Self::Never, Self::Enabled, Self::Suspended];
        all.into_iter().find(|state| state.name() == name).ok_or(FromSqlError::InvalidType)
    }
}

/// What is kept with an object beside its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Attributes {
    pub(super) content_type: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) expires_unix_s: Option<i64>,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) checksum: Option<Sum>,
    /// The sizes of the parts of a multipart object.
    pub(super) part_bytes: Vec<u64>,
}

/// The tags of an object.
pub(super) type Tags = BTreeMap<String, String>;

/// One version of an object, or a delete marker.
#[derive(Debug, Clone)]
pub(super) struct Version {
    pub(super) seq: i64,
    pub(super) key: String,
    pub(super) version: String,
    pub(super) is_latest: bool,
    pub(super) is_marker: bool,
    pub(super) modified_ms: i64,
    pub(super) noncurrent_ms: Option<i64>,
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) blob: Option<String>,
    pub(super) attributes: Attributes,
    pub(super) tags: Tags,
}

/// The columns that `Version::read` expects, in its order.
pub(super) const COLUMNS: &str =
    "seq, key, version, latest, marker, modified_ms, noncurrent_ms, size, etag, blob, attributes, tags";

impl Version {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            seq: row.get(0)?,
            key: row.get(1)?,
            version: row.get(2)?,
            is_latest: row.get(3)?,
            is_marker: row.get(4)?,
            modified_ms: row.get(5)?,
            noncurrent_ms: row.get(6)?,
            size: row.get(7)?,
            etag: row.get(8)?,
            blob: row.get(9)?,
            attributes: from_json(&row.get::<_, String>(10)?)?,
            tags: from_json(&row.get::<_, String>(11)?)?,
        })
    }
}

/// Where an object lives.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) bucket: String,
    pub(super) key: String,
}

/// What a put adds.
#[derive(Debug)]
pub(super) struct NewVersion {
    pub(super) size: u64,
    pub(super) etag: String,
    pub(super) blob: Option<String>,
    pub(super) attributes: Attributes,
    pub(super) tags: Tags,
}

/// What goes on top of an object's versions.
struct Addition<'a> {
    state: Versioning,
    modified_ms: i64,
    /// None for a delete marker.
    new: Option<&'a NewVersion>,
}

/// What became of a put or delete: the version to report, and the blobs that nothing names any more.
#[derive(Debug, Default)]
pub(super) struct Effect {
    /// The version id, where the bucket shows one.
    pub(super) version: Option<String>,
    pub(super) is_marker: bool,
    pub(super) modified_ms: i64,
    pub(super) discarded: Vec<String>,
}

/// The state of a bucket; `NoSuchBucket` without one.
pub(super) fn versioning(connection: &Connection, bucket: &str) -> S3Result<Versioning> {
    let mut statement =
        connection.prepare_cached("SELECT versioning FROM bucket WHERE name = ?1").map_err(broken)?;
    let state = statement.query_row([bucket], |row| row.get(0)).optional().map_err(broken)?;
    state.ok_or_else(|| s3_error!(NoSuchBucket, "The specified bucket does not exist"))
}

/// The current version, a delete marker included.
pub(super) fn latest(connection: &Connection, address: &Address) -> S3Result<Option<Version>> {
    let sql = format!("SELECT {COLUMNS} FROM object WHERE bucket = ?1 AND key = ?2 AND latest = 1");
    let mut statement = connection.prepare_cached(&sql).map_err(broken)?;
    statement.query_row([&address.bucket, &address.key], Version::read).optional().map_err(broken)
}

/// The version of this id.
pub(super) fn exact(connection: &Connection, address: &Address, version: &str) -> S3Result<Option<Version>> {
    let sql = format!("SELECT {COLUMNS} FROM object WHERE bucket = ?1 AND key = ?2 AND version = ?3");
    let mut statement = connection.prepare_cached(&sql).map_err(broken)?;
    statement.query_row([&address.bucket, &address.key, version], Version::read).optional().map_err(broken)
}

/// Makes `new` the current version of `address`.
pub(super) fn put(connection: &Connection, address: &Address, new: &NewVersion) -> S3Result<Effect> {
    let state = versioning(connection, &address.bucket)?;
    let addition = Addition { state, modified_ms: now_ms(), new: Some(new) };
    add(connection, address, &addition).map_err(broken)
}

/// Deletes without a version id at `at_ms`: the object where nothing is versioned, else a delete marker goes
/// on top.
pub(super) fn delete_latest(connection: &Connection, address: &Address, at_ms: i64) -> S3Result<Effect> {
    match versioning(connection, &address.bucket)? {
        Versioning::Never => {
            let mut effect = remove(connection, address, NULL_VERSION).map_err(broken)?;
            effect.version = None;
            Ok(effect)
        }
        state => {
            let marker = Addition { state, modified_ms: at_ms, new: None };
            add(connection, address, &marker).map_err(broken)
        }
    }
}

/// Deletes one version for good; the next newest becomes the current one.
pub(super) fn delete_exact(connection: &Connection, address: &Address, version: &str) -> S3Result<Effect> {
    versioning(connection, &address.bucket)?;
    remove(connection, address, version).map_err(broken)
}

fn add(connection: &Connection, address: &Address, addition: &Addition<'_>) -> rusqlite::Result<Effect> {
    let Addition { state, modified_ms, new } = *addition;
    let mut discarded = Vec::new();
    let version = if state == Versioning::Enabled {
        Uuid::now_v7().simple().to_string()
    } else {
        discarded = take(connection, address, NULL_VERSION)?.and_then(|(blob, _)| blob).into_iter().collect();
        NULL_VERSION.to_owned()
    };
    connection
        .prepare_cached(
            "UPDATE object SET latest = 0, noncurrent_ms = ?3 WHERE bucket = ?1 AND key = ?2 AND latest = 1",
        )?
        .execute(params![address.bucket, address.key, modified_ms])?;
    insert(connection, address, &version, addition)?;
    let shown = (state != Versioning::Never).then_some(version);
    Ok(Effect { version: shown, is_marker: new.is_none(), modified_ms, discarded })
}

fn insert(
    connection: &Connection,
    address: &Address,
    version: &str,
    addition: &Addition<'_>,
) -> rusqlite::Result<()> {
    let Addition { modified_ms, new, .. } = *addition;
    let mut statement = connection.prepare_cached(
        "INSERT INTO object (bucket, key, version, latest, marker, modified_ms, size, etag, blob, attributes, tags)
         VALUES (:bucket, :key, :version, 1, :marker, :modified, :size, :etag, :blob, :attributes, :tags)",
    )?;
    statement.execute(named_params! {
        ":bucket": address.bucket,
        ":key": address.key,
        ":version": version,
        ":marker": new.is_none(),
        ":modified": modified_ms,
        ":size": new.map_or(0, |new| new.size),
        ":etag": new.map_or("", |new| &new.etag),
        ":blob": new.and_then(|new| new.blob.as_deref()),
        ":attributes": new.map_or_else(|| "{}".to_owned(), |new| to_json(&new.attributes)),
        ":tags": new.map_or_else(|| "{}".to_owned(), |new| to_json(&new.tags)),
    })?;
    Ok(())
}

fn remove(connection: &Connection, address: &Address, version: &str) -> rusqlite::Result<Effect> {
    let taken = take(connection, address, version)?;
    // The removed one may have been the current one: the newest that is left takes its place.
    connection
        .prepare_cached(
            "UPDATE object SET latest = 1, noncurrent_ms = NULL WHERE seq =
                 (SELECT max(seq) FROM object WHERE bucket = ?1 AND key = ?2)",
        )?
        .execute([&address.bucket, &address.key])?;
    let (blob, is_marker) = taken.unwrap_or_default();
    Ok(Effect {
        version: Some(version.to_owned()),
        is_marker,
        modified_ms: now_ms(),
        discarded: blob.into_iter().collect(),
    })
}

fn take(
    connection: &Connection,
    address: &Address,
    version: &str,
) -> rusqlite::Result<Option<(Option<String>, bool)>> {
    connection
        .prepare_cached(
            "DELETE FROM object WHERE bucket = ?1 AND key = ?2 AND version = ?3 RETURNING blob, marker",
        )?
        .query_row([&address.bucket, &address.key, version], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    unix_ms(OffsetDateTime::now_utc())
}

/// A time as milliseconds since 1970.
pub(super) fn unix_ms(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or(i64::MAX)
}

/// Milliseconds since 1970 as S3's time.
pub(super) fn timestamp(ms: i64) -> s3s::dto::Timestamp {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
    at.unwrap_or(OffsetDateTime::UNIX_EPOCH).into()
}

/// Plain data as JSON for a column.
pub(super) fn to_json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data with string keys is always JSON")
}

/// A JSON column back as data.
pub(super) fn from_json<T: for<'de> Deserialize<'de>>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error))
    })
}
