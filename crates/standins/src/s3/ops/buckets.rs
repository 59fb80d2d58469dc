//! Owns buckets themselves: made, listed, versioned, removed when empty.

use rusqlite::{Connection, params};
use s3s::dto;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use crate::s3::Store;
use crate::s3::index::{Change, broken};
use crate::s3::rows::{self, Versioning, now_ms, timestamp};

pub(super) async fn create(
    store: Store,
    request: S3Request<dto::CreateBucketInput>,
) -> S3Result<S3Response<dto::CreateBucketOutput>> {
    let bucket = request.input.bucket;
    let location = format!("/{bucket}");
    store
        .index
        .write(Vec::new(), move |connection| {
            let made = connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO bucket (name, created_ms, versioning) VALUES (?1, ?2, ?3)",
                )
                .and_then(|mut insert| insert.execute(params![bucket, now_ms(), Versioning::Never]))
                .map_err(broken)?;
            if made == 0 {
                return Err(s3_error!(
                    BucketAlreadyOwnedByYou,
                    "Your previous request to create the named bucket succeeded and you already own it."
                ));
            }
            Ok(Change { value: (), discarded: Vec::new() })
        })
        .await?;
    Ok(S3Response::new(dto::CreateBucketOutput { location: Some(location) }))
}

pub(super) async fn head(
    store: Store,
    request: S3Request<dto::HeadBucketInput>,
) -> S3Result<S3Response<dto::HeadBucketOutput>> {
    let bucket = request.input.bucket;
    store.index.read(move |connection| rows::versioning(connection, &bucket)).await?;
    Ok(S3Response::new(dto::HeadBucketOutput::default()))
}

pub(super) async fn list(
    store: Store,
    _request: S3Request<dto::ListBucketsInput>,
) -> S3Result<S3Response<dto::ListBucketsOutput>> {
    let buckets = store.index.read(|connection| all(connection).map_err(broken)).await?;
    let owner = dto::Owner { id: Some("safelight".into()), ..dto::Owner::default() };
    Ok(S3Response::new(dto::ListBucketsOutput {
        buckets: Some(buckets),
        owner: Some(owner),
        ..dto::ListBucketsOutput::default()
    }))
}

fn all(connection: &Connection) -> rusqlite::Result<Vec<dto::Bucket>> {
    connection
        .prepare_cached("SELECT name, created_ms FROM bucket ORDER BY name")?
        .query_map([], |row| {
            Ok(dto::Bucket {
                name: Some(row.get(0)?),
                creation_date: Some(timestamp(row.get(1)?)),
                ..dto::Bucket::default()
            })
        })?
        .collect()
}

pub(super) async fn delete(
    store: Store,
    request: S3Request<dto::DeleteBucketInput>,
) -> S3Result<S3Response<dto::DeleteBucketOutput>> {
    let bucket = request.input.bucket;
    store
        .index
        .write(Vec::new(), move |connection| {
            rows::versioning(connection, &bucket)?;
            if holds_anything(connection, &bucket).map_err(broken)? {
                return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"));
            }
            connection
                .prepare_cached("DELETE FROM bucket WHERE name = ?1")
                .and_then(|mut delete| delete.execute([&bucket]))
                .map_err(broken)?;
            Ok(Change { value: (), discarded: Vec::new() })
        })
        .await?;
    Ok(S3Response::new(dto::DeleteBucketOutput::default()))
}

fn holds_anything(connection: &Connection, bucket: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM object WHERE bucket = ?1)
                 OR EXISTS (SELECT 1 FROM upload WHERE bucket = ?1)",
        )?
        .query_row([bucket], |row| row.get(0))
}

pub(super) async fn location(
    store: Store,
    request: S3Request<dto::GetBucketLocationInput>,
) -> S3Result<S3Response<dto::GetBucketLocationOutput>> {
    let bucket = request.input.bucket;
    store.index.read(move |connection| rows::versioning(connection, &bucket)).await?;
    // No constraint means us-east-1.
    Ok(S3Response::new(dto::GetBucketLocationOutput::default()))
}

pub(super) async fn versioning(
    store: Store,
    request: S3Request<dto::GetBucketVersioningInput>,
) -> S3Result<S3Response<dto::GetBucketVersioningOutput>> {
    let bucket = request.input.bucket;
    let state = store.index.read(move |connection| rows::versioning(connection, &bucket)).await?;
    let status = match state {
        Versioning::Never => None,
        Versioning::Enabled => Some(dto::BucketVersioningStatus::ENABLED),
        Versioning::Suspended => Some(dto::BucketVersioningStatus::SUSPENDED),
    };
    Ok(S3Response::new(dto::GetBucketVersioningOutput {
        status: status.map(dto::BucketVersioningStatus::from_static),
        mfa_delete: None,
    }))
}

pub(super) async fn set_versioning(
    store: Store,
    request: S3Request<dto::PutBucketVersioningInput>,
) -> S3Result<S3Response<dto::PutBucketVersioningOutput>> {
    let dto::PutBucketVersioningInput { bucket, versioning_configuration, .. } = request.input;
    let state = match versioning_configuration.status.as_ref().map(dto::BucketVersioningStatus::as_str) {
        Some(dto::BucketVersioningStatus::ENABLED) => Versioning::Enabled,
        Some(dto::BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
        _ => {
            return Err(s3_error!(MalformedXML, "The versioning status is neither Enabled nor Suspended"));
        }
    };
    store
        .index
        .write(Vec::new(), move |connection| {
            rows::versioning(connection, &bucket)?;
            connection
                .prepare_cached("UPDATE bucket SET versioning = ?2 WHERE name = ?1")
                .and_then(|mut update| update.execute(params![bucket, state]))
                .map_err(broken)?;
            Ok(Change { value: (), discarded: Vec::new() })
        })
        .await?;
    Ok(S3Response::new(dto::PutBucketVersioningOutput::default()))
}
